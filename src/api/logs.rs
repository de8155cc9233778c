//! The logs as others see them: their checkpoints, and the files of C2SP tlog-tiles, which anyone may copy and keep.
//!
//! A log is addressed by its organization, or by the last part of its origin, which differs once a restored log goes on under
//! another name (`acme~2`). Under the name of its origin nothing ever changes but `checkpoint`, so it may be kept for ever.

use super::proof::{TEXT, hashes};
use super::query::Parameters;
use super::{Answer, names_tag};
use crate::access::Permission;
use crate::app::App;
use crate::guard::Caller;
use crate::problem::{Kind, Problem};
use crate::reading::Reading;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use entry::{Organization, Seq};
use flate2::Compression;
use flate2::write::GzEncoder;
use proof::Size;
use proof::tile::{Bundle, FULL_WIDTH, Tile};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::sync::Arc;
use store::keyring::Origin;

/// `GET /v1/logs` lists them.
pub async fn list(State(app): State<Arc<App>>, caller: Caller, RawQuery(raw): RawQuery) -> Answer {
    let reading = app.reading(&caller, Permission::Verify)?;
    Parameters::read(raw.as_deref())?.finish(&[], Vec::new())?;
    let body = serde_json::json!({ "logs": all(&app, &reading) });
    Ok(super::json(body.to_string().into_bytes()))
}

/// One log, as `/v1/logs` shows it.
#[derive(Debug, Serialize)]
pub struct Log {
    pub organization: String,
    /// Entries, whether a checkpoint covers them or not.
    pub size: u64,
    pub origin: String,
    /// The newest of its keys.
    pub vkey: String,
    /// All of them, newest first.
    pub vkeys: Vec<String>,
    /// `None` until the first is signed.
    pub checkpoint: Option<Newest>,
}

/// The newest checkpoint of a log.
#[derive(Debug, Serialize)]
pub struct Newest {
    pub size: u64,
    /// Base64, as the checkpoint has it.
    pub root: String,
    /// When it was signed, by the log's clock.
    pub at: String,
}

/// Every log that the caller may know as a whole, in order of organization.
pub fn all(app: &App, reading: &Reading) -> Vec<Log> {
    let logs = app.store.logs().into_iter();
    let logs = logs.filter(|log| reading.covers(&log.organization));
    logs.map(|log| {
        let origin = app.store.origin(&log.organization);
        let vkeys: Vec<String> = origin.keys.iter().map(ToString::to_string).collect();
        let published = app.store.published(&log.organization);
        Log {
            organization: log.organization.to_string(),
            size: log.size,
            origin: origin.name.to_string(),
            vkey: vkeys.first().cloned().unwrap_or_default(),
            vkeys,
            checkpoint: published.map(|published| Newest {
                size: published.size(),
                root: published.tree().root.to_string(),
                at: published.at.to_string(),
            }),
        }
    })
    .collect()
}

/// `GET /v1/logs/{organization}/checkpoint` gives the newest signed checkpoint, verbatim.
pub async fn checkpoint(
    State(app): State<Arc<App>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Answer {
    Parameters::read(raw.as_deref())?.finish(&[], Vec::new())?;
    let (log, _) = place(&app, &app.reading(&caller, Permission::Verify)?, uri.path())?;
    let published = app.store.published(&log.organization).ok_or_else(none)?;
    let digest = Sha256::digest(published.note.as_bytes());
    let tag = HeaderValue::from_str(&format!("\"{}\"", crate::cursor::base64url(&digest[..18])))
        .expect("base64 is ASCII");
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let fixed = [
        (header::ETAG, tag.clone()),
        // It may be kept, and must be asked for again: the next may be there within a second.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if known.into_iter().any(|sent| names_tag(sent, &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    let kind = [(header::CONTENT_TYPE, TEXT)];
    Ok((fixed, kind, published.note.to_string()).into_response())
}

/// `GET /v1/logs/{organization}/tile/…` gives hashes of the tree, or, below `entries`, leaves, as far as they are published.
pub async fn tile(
    State(app): State<Arc<App>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Answer {
    Parameters::read(raw.as_deref())?.finish(&[], Vec::new())?;
    let reading = app.reading(&caller, Permission::Verify)?;
    let (log, path) = place(&app, &reading, uri.path())?;
    // Its one spelling, before percent-decoding: what is kept under two names is kept twice.
    let wanted = match (Tile::parse(path), Bundle::parse(path)) {
        (Ok(tile), _) => Wanted::Tile(tile),
        (_, Ok(bundle)) => Wanted::Bundle(bundle),
        _ => return Err(none()),
    };
    let size = app.store.published(&log.organization).ok_or_else(none)?;
    let size = Size::new(size.size()).expect("a published size");
    if !wanted.is_in(size) {
        return Err(none());
    }
    let keep = HeaderValue::from_static(match (log.by_origin, app.door.is_open()) {
        (true, true) => "public, max-age=31536000, immutable",
        // Nobody's to give on who does not ask who wants it.
        (true, false) => "private, max-age=31536000, immutable",
        (false, _) => "no-cache",
    });
    let fixed = [(header::CONTENT_TYPE, BYTES), (header::CACHE_CONTROL, keep)];
    let gzip = takes_gzip(&headers);
    app.blocking(move |app| match wanted {
        Wanted::Tile(tile) => {
            let bytes = hashes(app, &log.organization)?.tile(&tile)?;
            Ok((fixed, bytes).into_response())
        }
        Wanted::Bundle(bundle) => {
            let bytes = leaves(app, &reading, &log.organization, bundle, size)?;
            let vary = [(header::VARY, "accept-encoding")];
            if !gzip {
                return Ok((fixed, vary, bytes).into_response());
            }
            let packed = [(header::CONTENT_ENCODING, "gzip")];
            Ok((fixed, vary, packed, zipped(&bytes)).into_response())
        }
    })
    .await
}

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Whether gzip is named and not refused (RFC 9110 section 12.5.3). Hashes do not get smaller by it, leaves by half.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let sent = headers.get_all(header::ACCEPT_ENCODING).iter();
    let codings = sent.filter_map(|value| value.to_str().ok());
    let mut codings = codings.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches(['q', 'Q', '=']);
        let refused = !weight.is_empty() && weight.chars().all(|c| matches!(c, '0' | '.'));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    let written = gzip.write_all(bytes).and_then(|()| gzip.finish());
    written.expect("memory is written")
}

enum Wanted {
    Tile(Tile),
    Bundle(Bundle),
}

impl Wanted {
    fn is_in(&self, size: Size) -> bool {
        match self {
            Wanted::Tile(tile) => tile.is_in(size),
            Wanted::Bundle(bundle) => bundle.is_in(size),
        }
    }
}

fn none() -> Problem {
    Kind::NotFound.detail("no such file of a log, or not published yet")
}

/// The log that a path names.
struct Named {
    organization: Organization,
    /// By the last part of its origin: under that name its files never change.
    by_origin: bool,
}

/// The log, and the path below it, of `/v1/logs/<log>/<path>`.
fn place<'p>(app: &App, reading: &Reading, path: &'p str) -> Result<(Named, &'p str), Problem> {
    let parts = path
        .strip_prefix("/v1/logs/")
        .and_then(|rest| rest.split_once('/'));
    let (name, path) = parts.ok_or_else(none)?;
    let of = |origin: &Origin| origin.name.as_str().rsplit('/').next() == Some(name);
    // A name behind `~` is no slug; what is before it is.
    let organization = Organization::parse(name.split('~').next().unwrap_or_default());
    // One that the caller may not know as a whole is there as little as one that is not.
    let covered = organization.filter(|organization| reading.covers(organization));
    let organization = covered.ok_or_else(none)?;
    let by_origin = of(&app.store.origin(&organization));
    match by_origin || organization.as_str() == name {
        true => Ok((
            Named {
                organization,
                by_origin,
            },
            path,
        )),
        false => Err(none()),
    }
}

/// The leaves of a bundle, made from the entries themselves, and held against the tree: what differs is damage.
fn leaves(
    app: &App,
    reading: &Reading,
    organization: &Organization,
    bundle: Bundle,
    size: Size,
) -> Result<Vec<u8>, Problem> {
    let damaged = |what: String| Problem::from(app.store.condemn(organization, what));
    let tile = Tile::of_tree(0, bundle.index(), size).ok_or_else(none)?;
    let hashes = hashes(app, organization)?;
    let hashes = tile
        .hashes(&hashes.tile(&tile)?)
        .map_err(|e| damaged(e.to_string()))?;
    let mut places = reading.places(organization).ok_or_else(none)?;
    let mut units = entry::Units::default();
    let mut bytes = Vec::with_capacity(usize::from(bundle.width()) * 130);
    let first = bundle.index() * u64::from(FULL_WIDTH);
    for (seq, hash) in (first..).zip(hashes.iter().take(bundle.width().into())) {
        let at = |what: &str| format!("the entry at seq {seq}: {what}");
        let kept = places.get(Seq(seq))?;
        let kept = kept.ok_or_else(|| damaged(at("it is published, and not there")))?;
        let leaf = kept.leaf(&mut units).map_err(|what| damaged(at(&what)))?;
        if leaf.hash() != *hash {
            return Err(damaged(at("it is not the one that the tree has")));
        }
        Bundle::push(&mut bytes, &leaf.to_bytes()).expect("a leaf has 128 bytes");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_name_it() {
        for (sent, takes) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("identity,gzip; q=1.0", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("x-gzip", false),
            ("*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, sent.parse().expect("a header"));
            assert_eq!(takes_gzip(&headers), takes, "{sent}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
