//! `wait=published`: receipts that carry their proofs.
//!
//! What a receipt speaks of is stored, whatever becomes of its proof. So nothing here is ever a refusal: where a proof cannot be
//! had in time or in the memory set aside for answers, the receipt goes out without it, and `unpublished` says so.

use super::proof::{Prover, covering};
use super::receipts::Receipts;
use crate::access::Reach;
use crate::answer::Share;
use crate::app::App;
use crate::problem::Problem;
use entry::json::write_string;
use entry::{Mask, Organization, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Receipt;
use store::tree::Published;
use store::view::Places;
use tokio::time::Instant;

/// Memory of one receipt until it is written, and of its text without proof: generous.
const RECEIPT_BYTES: usize = 512;

/// The answer, and its share of the memory for answers. `logs` names the log of each item that was handed to the store.
pub async fn answer(
    app: &Arc<App>,
    receipts: Receipts,
    logs: Vec<Organization>,
    instance: &'static str,
) -> (Vec<u8>, Share) {
    let mut share = Share::none_of(app);
    if !share.reach(logs.len() * RECEIPT_BYTES) {
        let mut bare = Evidence::none("too many answers are waiting to be sent");
        return (receipts.to_json(instance, Some(&mut bare)), share);
    }
    let published = wait(app, newest(&receipts, &logs)).await;
    let receipts = Arc::new(receipts);
    let (work, logs) = (Arc::clone(&receipts), Arc::new(logs));
    let made = app.blocking(move |app| {
        let mut evidence = Evidence::new(app, &logs, published, share);
        let body = work.to_json(instance, Some(&mut evidence));
        Ok((body, evidence.share.expect("it was given")))
    });
    match made.await {
        Ok(answer) => answer,
        Err(problem) => {
            let mut bare = Evidence::none(&problem.detail);
            let body = receipts.to_json(instance, Some(&mut bare));
            (body, Share::none_of(app))
        }
    }
}

/// The newest place of each log that the receipts speak of.
fn newest(receipts: &Receipts, logs: &[Organization]) -> BTreeMap<Organization, Seq> {
    let mut newest = BTreeMap::new();
    for (receipt, log) in receipts.stored().zip(logs) {
        if let Some(seq) = place(receipt) {
            let known = newest.entry(log.clone()).or_insert(seq);
            *known = seq.max(*known);
        }
    }
    newest
}

/// Where it is stored; a conflict speaks of another entry.
fn place(receipt: &Receipt) -> Option<Seq> {
    match receipt {
        Receipt::Accepted { seq, .. } | Receipt::Duplicate { seq, .. } => Some(*seq),
        Receipt::Conflict { .. } => None,
    }
}

/// Waits until each log is covered up to its place, not longer than a proof may take in all, and gives the newest checkpoints.
async fn wait(
    app: &App,
    places: BTreeMap<Organization, Seq>,
) -> BTreeMap<Organization, Arc<Published>> {
    let until = Instant::now() + app.settings.limits.checkpoint_wait;
    let mut published = BTreeMap::new();
    for (log, seq) in places {
        let covering = covering(app, &log, seq, until).await;
        // One that covers some of them is better than none.
        if let Some(newest) = covering.or_else(|| app.store.published(&log)) {
            published.insert(log, newest);
        }
    }
    published
}

/// What is added to receipts.
pub struct Evidence<'a> {
    logs: &'a [Organization],
    published: BTreeMap<Organization, Arc<Published>>,
    /// Of each log, as soon as it is needed.
    sources: BTreeMap<&'a Organization, Source<'a>>,
    app: Option<&'a App>,
    share: Option<Share>,
    /// Receipts without proof that should have one, and why the first has none.
    missing: (usize, Option<String>),
}

struct Source<'a> {
    places: Places,
    prover: Prover<'a>,
}

impl<'a> Evidence<'a> {
    fn new(
        app: &'a App,
        logs: &'a [Organization],
        published: BTreeMap<Organization, Arc<Published>>,
        share: Share,
    ) -> Self {
        Self {
            logs,
            published,
            sources: BTreeMap::new(),
            app: Some(app),
            share: Some(share),
            missing: (0, None),
        }
    }

    /// None at all, for that reason.
    fn none(why: &str) -> Self {
        Self {
            logs: &[],
            published: BTreeMap::new(),
            sources: BTreeMap::new(),
            app: None,
            share: None,
            missing: (0, Some(why.to_owned())),
        }
    }

    /// Adds a member to the `n`th receipt of the store.
    pub fn write_one(&mut self, n: usize, receipt: &Receipt, out: &mut Vec<u8>) {
        let Some(seq) = place(receipt) else { return };
        match self.proof(n, seq) {
            Ok(proof) => {
                let share = self.share.as_mut().expect("there are proofs only with one");
                // A letter more for each line's end.
                if share.reach(out.len() + proof.len() + RECEIPT_BYTES) {
                    out.extend_from_slice(b",\"proof\":");
                    write_string(&proof, out);
                } else {
                    self.misses("the proofs of this call do not fit into the memory for answers");
                }
            }
            Err(why) => self.misses(&why),
        }
    }

    /// Adds members to the whole.
    pub fn write_last(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"checkpoints\":{");
        for (n, (log, published)) in self.published.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write_string(log.as_str(), out);
            out.push(b':');
            write_string(&published.note, out);
        }
        out.push(b'}');
        if let (missing @ 1.., Some(why)) = &self.missing {
            out.extend_from_slice(b",\"unpublished\":");
            let said = format!(
                "{missing} entries are stored and have no proof here: {why}; send the same again, or ask for \
                 /v1/entries/{{id}}/proof, later"
            );
            write_string(&said, out);
        }
    }

    fn misses(&mut self, why: &str) {
        self.missing.0 += 1;
        self.missing.1.get_or_insert_with(|| why.to_owned());
    }

    fn proof(&mut self, n: usize, seq: Seq) -> Result<String, String> {
        let (Some(app), Some(log)) = (self.app, self.logs.get(n)) else {
            return Err("none could be made".to_owned());
        };
        let covers = |published: &&Arc<Published>| published.size() > seq.0;
        let published = self.published.get(log).filter(covers);
        let published =
            published.ok_or_else(|| format!("no checkpoint of {log} has covered them in time"))?;
        let source = match self.sources.entry(log) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(Source::of(app, log, published).map_err(|problem| problem.detail)?)
            }
        };
        source.proof(seq).map_err(|problem| problem.detail)
    }
}

impl<'a> Source<'a> {
    fn of(
        app: &'a App,
        log: &'a Organization,
        published: &Arc<Published>,
    ) -> Result<Self, Problem> {
        // Of what the caller has just sent itself.
        let places = app.reading_within(Reach::everything()).places(log);
        Ok(Self {
            places: places.ok_or_else(super::proof::no_log)?,
            prover: Prover::of(app, log, published)?,
        })
    }

    fn proof(&mut self, seq: Seq) -> Result<String, Problem> {
        let kept = self.places.get(seq)?;
        let kept = kept.ok_or_else(|| self.prover.damaged("a published entry is not there"))?;
        Ok(self.prover.prove(&kept, Mask::NONE)?.to_string())
    }
}
