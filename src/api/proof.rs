//! Proofs: an entry, its place in the tree, and the checkpoint that vouches for it, as one text that is checked offline.

use super::query::Parameters;
use super::{Answer, find_kept};
use crate::access::Permission;
use crate::app::App;
use crate::guard::Caller;
use crate::problem::{Kind, Problem};
use crate::reading::{Reading, disclosure};
use crate::watching::Deed;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use entry::{EntryId, Mask, Organization, Seq};
use parking_lot::Mutex;
use proof::checkpoint::SignedCheckpoint;
use proof::key::VerifierKey;
use proof::log_proof::LogProof;
use proof::policy::Policy;
use proof::tile::{FULL_WIDTH, Tile};
use proof::tree::{Node, Plan};
use proof::{Hash, Size};
use std::collections::HashMap;
use std::sync::Arc;
use store::Kept;
use store::tree::{Hashes, Published};
use tokio::time::{Instant, timeout_at};

/// `GET /v1/entries/{id}/proof`: the entry's `.tlog-proof`, under the newest checkpoint. Waits for the next one if the entry is
/// newer than that.
pub async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let readings = Readings::of(&app, &caller)?;
    let mut parameters = Parameters::read(raw.as_deref())?;
    let mut faults = Vec::new();
    let organization = parameters.once("organization", &mut faults);
    parameters.finish(&["organization"], faults)?;
    // A path that is no text names no entry.
    let id = id.map_or(String::new(), |Path(id)| id);
    let found = app.blocking(move |app| find(app, &readings, &id, organization.as_deref()));
    let (kept, mask) = match found.await? {
        Found::Proven(kept, proof) => {
            app.note_reading(&caller, Deed::verified(&kept)).await;
            return Ok(respond(kept.id, proof));
        }
        Found::Newer(kept, mask) => (kept, mask),
    };
    let until = Instant::now() + app.settings.limits.checkpoint_wait;
    let published = covering(&app, &kept.scope.organization, kept.seq, until).await;
    let published = published.ok_or_else(|| {
        Kind::Unpublished.detail("the entry is stored; no checkpoint has covered it yet")
    })?;
    let deed = Deed::verified(&kept);
    let prove = move |app: &Arc<App>| Ok(respond(kept.id, prove(app, &kept, mask, &published)?));
    let response = app.blocking(prove).await?;
    app.note_reading(&caller, deed).await;
    Ok(response)
}

enum Found {
    Proven(Box<Kept>, String),
    /// Newer than the newest checkpoint.
    Newer(Box<Kept>, Mask),
}

/// A proof shows its entry: it takes both to read that and to verify, and what either hides is hidden.
struct Readings {
    read: Reading,
    verify: Reading,
}

impl Readings {
    fn of(app: &App, caller: &Caller) -> Result<Self, Problem> {
        Ok(Self {
            verify: app.reading(caller, Permission::Verify)?,
            read: app.reading(caller, Permission::Read)?,
        })
    }
}

fn find(
    app: &App,
    readings: &Readings,
    id: &str,
    organization: Option<&str>,
) -> Result<Found, Problem> {
    let (kept, mask) = find_kept(&readings.read, &readings.verify, id, organization)?;
    match covered(app, &kept.scope.organization, kept.seq) {
        Some(published) => {
            let proof = prove(app, &kept, mask, &published)?;
            Ok(Found::Proven(Box::new(kept), proof))
        }
        None => Ok(Found::Newer(Box::new(kept), mask)),
    }
}

/// The proof of an entry, as the route gives it; `None` if it is newer than the newest checkpoint.
pub fn of_entry(
    app: &App,
    caller: &Caller,
    id: &str,
    organization: Option<&str>,
) -> Result<Option<String>, Problem> {
    match find(app, &Readings::of(app, caller)?, id, organization)? {
        Found::Proven(_, proof) => Ok(Some(proof)),
        Found::Newer(..) => Ok(None),
    }
}

fn prove(
    app: &App,
    kept: &Kept,
    mask: Mask,
    published: &Arc<Published>,
) -> Result<String, Problem> {
    let proof = Prover::of(app, &kept.scope.organization, published)?.prove(kept, mask)?;
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

/// What proofs have in common, remembered from one call to the next: of 150 µs that one takes, they share two thirds.
#[derive(Default)]
pub struct Shared {
    /// Guards the checkpoint of each log whose signature was last found good.
    signed: Mutex<HashMap<Organization, Arc<Published>>>,
    /// Guards tiles above the leaves. Tiles never change; those of the right edge are left behind as it grows.
    above: Mutex<HashMap<(Organization, Tile), Arc<Rows>>>,
}

/// Tiles remembered in all: 8 MiB of hashes. A log of 16 million entries has 257 above its leaves.
const SHARED_MAX: usize = 512;

impl Shared {
    /// Whether one of the log's keys has signed the checkpoint.
    fn is_signed(
        &self,
        app: &App,
        organization: &Organization,
        published: &Arc<Published>,
    ) -> bool {
        let known = self.signed.lock().get(organization).cloned();
        if known.is_some_and(|known| Arc::ptr_eq(&known, published)) {
            return true;
        }
        let keys = app.store.origin(organization).keys;
        let accepts = |key: VerifierKey| {
            let policy = Policy::of_log(key);
            policy.is_ok_and(|policy| policy.accept(&published.checkpoint).is_ok())
        };
        let signed = keys.into_iter().any(accepts);
        if signed {
            let mut known = self.signed.lock();
            known.insert(organization.clone(), published.clone());
        }
        signed
    }

    fn get(&self, organization: &Organization, tile: Tile) -> Option<Arc<Rows>> {
        let above = self.above.lock();
        above.get(&(organization.clone(), tile)).cloned()
    }

    fn keep(&self, organization: &Organization, tile: Tile, rows: &Arc<Rows>) {
        let mut above = self.above.lock();
        if above.len() == SHARED_MAX {
            above.clear();
        }
        above.insert((organization.clone(), tile), rows.clone());
    }
}

/// Makes proofs under one checkpoint, each checked before it is given out. Entries near each other share most of their
/// paths, which are computed once.
pub struct Prover<'a> {
    app: &'a App,
    organization: &'a Organization,
    checkpoint: SignedCheckpoint,
    size: Size,
    hashes: Hashes,
    tiles: HashMap<Tile, Arc<Rows>>,
}

/// Tiles one batch remembers: 4 MiB of hashes.
const TILES_MAX: usize = 256;

impl<'a> Prover<'a> {
    /// Under a checkpoint that the store has published of that log.
    pub fn of(
        app: &'a App,
        organization: &'a Organization,
        published: &Arc<Published>,
    ) -> Result<Self, Problem> {
        let prover = Self {
            app,
            organization,
            size: published.tree().size,
            hashes: hashes(app, organization)?,
            tiles: HashMap::new(),
            checkpoint: published.checkpoint.clone(),
        };
        match app.proofs.is_signed(app, organization, published) {
            true => Ok(prover),
            false => Err(prover.damaged("no key of the log has signed its newest checkpoint")),
        }
    }

    /// The evidence for one entry, without what the mask hides.
    pub fn prove(&mut self, kept: &Kept, mask: Mask) -> Result<LogProof, Problem> {
        let at = |what: String| format!("the entry at seq {}: {what}", kept.seq.0);
        let disclosure = disclosure(kept, mask).map_err(|what| self.damaged(&at(what)))?;
        let tree = self.checkpoint.checkpoint().tree();
        let seq = proof::Seq(kept.seq.0);
        let plan = Plan::inclusion(seq, tree.size).expect("the caller asks for what is covered");
        let path = plan.read(|node| self.hash(node))?;
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

    /// The hash of a complete subtree.
    fn hash(&mut self, node: Node) -> Result<Hash, Problem> {
        let tile = Tile::holding(node, self.size).expect("it is complete in the tree");
        if let Some(rows) = self.tiles.get(&tile) {
            return Ok(rows.hash(node));
        }
        let shared = &self.app.proofs;
        let known = shared.get(self.organization, tile);
        let rows = match known {
            Some(rows) => rows,
            None => {
                let bytes = self.hashes.tile(&tile)?;
                let rows = Arc::new(Rows::of(tile.hashes(&bytes).expect("as wide as asked")));
                if tile.level() > 0 {
                    shared.keep(self.organization, tile, &rows);
                }
                rows
            }
        };
        let hash = rows.hash(node);
        if self.tiles.len() == TILES_MAX {
            self.tiles.clear();
        }
        self.tiles.insert(tile, rows);
        Ok(hash)
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

/// The hashes of a tile, then those of each pair of them, and so on as long as there are pairs.
struct Rows(Vec<Vec<Hash>>);

impl Rows {
    fn of(hashes: Vec<Hash>) -> Self {
        let mut rows = vec![hashes];
        while let Some([_, _, ..]) = rows.last().map(Vec::as_slice) {
            let (pairs, _) = rows.last().expect("just seen").as_chunks();
            let above = pairs.iter().map(|[left, right]| Hash::node(left, right));
            rows.push(above.collect());
        }
        Self(rows)
    }

    /// The hash of a complete subtree that this is the tile of.
    fn hash(&self, node: Node) -> Hash {
        let depth = usize::from(node.level % 8);
        // Of its tile's level it begins at `index << depth`; its place in its own row is what is left of that.
        let width = u64::from(FULL_WIDTH) >> depth;
        self.0[depth][(node.index % width) as usize]
    }
}
