//! Proofs: an entry, its place in the tree, and the checkpoint that vouches for it, as one text that is checked offline.

use super::query::Parameters;
use super::{Answer, find_kept};
use crate::app::App;
use crate::problem::{Kind, Problem};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use entry::{EntryId, Organization, Seq};
use proof::checkpoint::SignedCheckpoint;
use proof::key::VerifierKey;
use proof::log_proof::LogProof;
use proof::policy::Policy;
use proof::tile::{FULL_WIDTH, Tile};
use proof::tree::{Node, Plan};
use proof::{Hash, Size};
use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::sync::Arc;
use store::Kept;
use store::tree::{Hashes, Published};
use tokio::time::{Instant, timeout_at};

/// `GET /v1/entries/{id}/proof`: the entry's `.tlog-proof`, under the newest checkpoint. Waits for the next one if the entry is
/// newer than that.
pub async fn show(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let organization = parameters.once("organization", &mut faults);
    parameters.finish(&["organization"], faults)?;
    // A path that is no text names no entry.
    let id = id.map_or(String::new(), |Path(id)| id);
    let found = app.blocking(move |app| find(app, &id, organization.as_deref()));
    let kept = match found.await? {
        Found::Proven(id, proof) => return Ok(respond(id, proof)),
        Found::Newer(kept) => kept,
    };
    let until = Instant::now() + app.settings.limits.checkpoint_wait;
    let published = covering(&app, &kept.scope.organization, kept.seq, until).await;
    let published = published.ok_or_else(|| {
        Kind::Unpublished.detail("the entry is stored; no checkpoint has covered it yet")
    })?;
    app.blocking(move |app| Ok(respond(kept.id, prove(app, &kept, &published)?)))
        .await
}

enum Found {
    Proven(EntryId, String),
    /// Newer than the newest checkpoint.
    Newer(Box<Kept>),
}

fn find(app: &App, id: &str, organization: Option<&str>) -> Result<Found, Problem> {
    let kept = find_kept(app, id, organization)?;
    match covered(app, &kept.scope.organization, kept.seq) {
        Some(published) => Ok(Found::Proven(kept.id, prove(app, &kept, &published)?)),
        None => Ok(Found::Newer(Box::new(kept))),
    }
}

/// The proof of an entry, as the route gives it; `None` if it is newer than the newest checkpoint.
pub fn of_entry(
    app: &App,
    id: &str,
    organization: Option<&str>,
) -> Result<Option<String>, Problem> {
    match find(app, id, organization)? {
        Found::Proven(_, proof) => Ok(Some(proof)),
        Found::Newer(_) => Ok(None),
    }
}

fn prove(app: &App, kept: &Kept, published: &Published) -> Result<String, Problem> {
    let proof = Prover::of(app, &kept.scope.organization, published)?.prove(kept)?;
    Ok(proof.to_string())
}

fn respond(id: EntryId, proof: String) -> Response {
    let name = format!("inline; filename=\"{id}.tlog-proof\"");
    let headers = [
        (header::CONTENT_TYPE, TEXT),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&name).expect("an id is ASCII"),
        ),
    ];
    (headers, proof).into_response()
}

/// What C2SP says notes and proofs are.
pub const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The newest checkpoint of a log, if it covers `seq`.
pub fn covered(app: &App, organization: &Organization, seq: Seq) -> Option<Arc<Published>> {
    let newest = app.store.published(organization);
    newest.filter(|published| published.size() > seq.0)
}

/// The first checkpoint that covers `seq`; `None` if there is none in time.
pub async fn covering(
    app: &App,
    organization: &Organization,
    seq: Seq,
    until: Instant,
) -> Option<Arc<Published>> {
    let mut checkpoints = app.checkpoints.subscribe();
    loop {
        checkpoints.mark_unchanged();
        if let Some(published) = covered(app, organization, seq) {
            return Some(published);
        }
        match timeout_at(until, checkpoints.changed()).await {
            Ok(Ok(())) => {}
            _ => return None,
        }
    }
}

/// Makes proofs under one checkpoint, each checked before it is given out. Entries near each other share most of their
/// paths, which are computed once.
pub struct Prover<'a> {
    app: &'a App,
    organization: &'a Organization,
    checkpoint: SignedCheckpoint,
    hashes: Hashes,
    subtrees: Subtrees,
}

impl<'a> Prover<'a> {
    /// Under a checkpoint that the store has published of that log.
    pub fn of(
        app: &'a App,
        organization: &'a Organization,
        published: &Published,
    ) -> Result<Self, Problem> {
        let hashes = hashes(app, organization)?;
        let checkpoint = published.checkpoint.clone();
        let keys = app.store.origin(organization).keys;
        let accepts = |key: &VerifierKey| {
            let policy = Policy::of_log(key.clone());
            policy.is_ok_and(|policy| policy.accept(&checkpoint).is_ok())
        };
        let prover = Self {
            app,
            organization,
            subtrees: Subtrees::of(published.tree().size),
            hashes,
            checkpoint: published.checkpoint.clone(),
        };
        match keys.iter().any(accepts) {
            true => Ok(prover),
            false => Err(prover.damaged("no key of the log has signed its newest checkpoint")),
        }
    }

    /// The evidence for one entry.
    pub fn prove(&mut self, kept: &Kept) -> Result<LogProof, Problem> {
        let at = |what: String| format!("the entry at seq {}: {what}", kept.seq.0);
        let disclosure = kept.disclosure().map_err(|what| self.damaged(&at(what)))?;
        let tree = self.checkpoint.checkpoint().tree();
        let seq = proof::Seq(kept.seq.0);
        let plan = Plan::inclusion(seq, tree.size).expect("the caller asks for what is covered");
        let path = plan.read(|node| {
            self.subtrees
                .hash(node, |tile| Ok::<_, Problem>(self.hashes.tile(tile)?))
        })?;
        let leaf = disclosure.leaf().map(|leaf| leaf.hash());
        let included = leaf.and_then(|leaf| tree.includes(seq, &leaf, &path));
        included.map_err(|what| self.damaged(&at(what.to_string())))?;
        Ok(LogProof {
            extra: Some(disclosure.to_json().into_bytes()),
            seq,
            path,
            checkpoint: self.checkpoint.clone(),
        })
    }

    /// What the caller is told where stored things contradict each other; `/readyz` says it from then on.
    pub fn damaged(&self, what: &str) -> Problem {
        self.app
            .store
            .condemn(self.organization, what.to_owned())
            .into()
    }
}

/// The hashes of a log that has a checkpoint.
pub fn hashes(app: &App, organization: &Organization) -> Result<Hashes, Problem> {
    let broken = || {
        Kind::Damaged
            .detail("the hashes of this log are not those that were written; /readyz says more")
    };
    app.store.hashes(organization).ok_or_else(broken)
}

/// A log without entries is none.
pub fn no_log() -> Problem {
    Kind::NotFound.detail("no such log")
}

/// The hashes of all complete subtrees within the tiles of a tree that were looked at.
struct Subtrees {
    size: Size,
    /// Of each tile, by level: its hashes, those of pairs of them, and so on up to the one above all.
    tiles: HashMap<Tile, Vec<Vec<Hash>>>,
}

/// Tiles remembered: 4 MiB of hashes.
const TILES_MAX: usize = 256;

impl Subtrees {
    fn of(size: Size) -> Self {
        Self {
            size,
            tiles: HashMap::new(),
        }
    }

    /// The hash of a subtree of the tree; `read` gives the bytes of a tile of it.
    fn hash<E>(
        &mut self,
        node: Node,
        read: impl FnOnce(&Tile) -> Result<Vec<u8>, E>,
    ) -> Result<Hash, E> {
        let tile = Tile::holding(node, self.size).expect("it is complete in the tree");
        if self.tiles.len() == TILES_MAX && !self.tiles.contains_key(&tile) {
            self.tiles.clear();
        }
        let rows = match self.tiles.entry(tile) {
            Occupied(known) => known.into_mut(),
            Vacant(new) => new.insert(rows(tile.hashes(&read(&tile)?).expect("as wide as asked"))),
        };
        let depth = usize::from(node.level % 8);
        // Of its tile's level it begins at `index << depth`; its place in its own row is what is left of that.
        let width = u64::from(FULL_WIDTH) >> depth;
        Ok(rows[depth][(node.index % width) as usize])
    }
}

/// The hashes of a tile, then those of each pair of them, as long as there are pairs.
fn rows(hashes: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut rows = vec![hashes];
    while let Some([_, _, ..]) = rows.last().map(Vec::as_slice) {
        let (pairs, _) = rows.last().expect("just seen").as_chunks();
        let above = pairs.iter().map(|[left, right]| Hash::node(left, right));
        rows.push(above.collect());
    }
    rows
}
