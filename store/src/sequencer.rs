//! Gives every draft its place: one thread, one order, exactly once.
//!
//! A commit takes the batches that wait, recognises retries, assigns seqs and one `received_at`, writes one record per
//! batch, syncs once, publishes, and only then answers. What can be done before (accepting, encoding, looking in segment
//! files, the commitment) is done by the caller's thread in [`Prepared::new`]. `signing` adds checkpoints to commits.

mod signing;

use crate::directory::Directory;
use crate::health::HealthCell;
use crate::journal::record::{self, Kind};
use crate::journal::{Journal, Pending};
use crate::kept::{self, Kept, Salts};
use crate::redaction::{self, Erasure, Standing};
use crate::state::{self, Committed, Files, Load, State};
use crate::tree::growing::Growing;
use crate::tree::{Published, Trees};
use crate::{Clock, Error, Item, Receipt};
use entry::{Entry, EntryId, Organization, Seq, Timestamp, Units};
use proof::Hash;
use proof::frontier::Frontier;
use proof::leaf::Seed;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// The largest buffer kept from one commit to the next.
const BUFFER_BYTES_KEPT: usize = 16 * 1024 * 1024;

/// Ids of sealed entries forgotten in one commit at most, so that none takes long.
const FORGET_PER_COMMIT: usize = 8_192;

/// A draft as its caller's thread left it.
pub(crate) struct Prepared {
    /// Without its seq and its time of receipt.
    entry: Arc<Kept>,
    seed: Seed,
    body: Vec<u8>,
    /// What its leaf commits to; without a timestamp it is known when it is placed.
    commitment: Option<Hash>,
    /// The draft named its timestamp.
    timestamped: bool,
    /// The draft named its category.
    categorised: bool,
    /// Where the id was looked for.
    files: Arc<Files>,
    /// The id was found there.
    known: Option<Receipt>,
}

impl Prepared {
    /// Everything that needs no place in the log. `files` are the log's.
    pub fn new(
        item: Item,
        seed: Seed,
        files: Arc<Files>,
        units: &mut Units,
    ) -> Result<Self, Error> {
        let timestamped = item.draft.timestamp.is_some();
        let categorised = item.draft.category.is_some();
        let entry = item.draft.accept(Seq(0), Timestamp::MIN, item.defaults);
        let mut body = Vec::with_capacity(1024);
        entry.write_body(&mut body);
        debug_assert!(
            Entry::from_body(Seq(0), Timestamp::MIN, &body).is_ok(),
            "what is kept must be readable"
        );
        let kept = Kept {
            entry,
            salts: Salts::Seed(seed),
        };
        let mut prepared = Prepared {
            commitment: timestamped.then(|| kept.commitment(units).expect(SEEDED)),
            entry: Arc::new(kept),
            seed,
            body,
            timestamped,
            categorised,
            files,
            known: None,
        };
        if let Some(stored) = prepared.files.find(&prepared.entry.id)? {
            prepared.known = Some(prepared.compare(&stored));
        }
        Ok(prepared)
    }

    pub fn size_bytes(&self) -> usize {
        self.body.len()
    }

    fn organization(&self) -> &Organization {
        &self.entry.scope.organization
    }

    /// A retry, or another entry under an id that is taken.
    fn compare(&self, stored: &Entry) -> Receipt {
        let mut entry = self.entry.entry.clone();
        if !self.timestamped {
            entry.timestamp = stored.received_at;
        }
        if !self.categorised {
            entry.category = stored.category;
        }
        entry.seq = stored.seq;
        entry.received_at = stored.received_at;
        // What was erased cannot be compared, and does not come back.
        for erased in &stored.erased {
            entry.erase(&erased.path);
        }
        let (mut sent, mut kept) = (Vec::new(), Vec::new());
        entry.write_body(&mut sent);
        stored.write_body(&mut kept);
        let (id, seq) = (stored.id, stored.seq);
        if sent == kept {
            Receipt::Duplicate { id, seq }
        } else {
            Receipt::Conflict { id, seq }
        }
    }

    /// The entry at its place, its body, and the hash of its leaf.
    fn place(
        mut self,
        seq: Seq,
        received_at: Timestamp,
        units: &mut Units,
    ) -> (Arc<Kept>, Vec<u8>, Hash) {
        let kept = Arc::get_mut(&mut self.entry).expect("nobody else has it before it is placed");
        let entry = &mut kept.entry;
        entry.seq = seq;
        entry.received_at = received_at;
        if !self.timestamped {
            entry.timestamp = received_at;
            self.body.clear();
            entry.write_body(&mut self.body);
        }
        let commitment = match self.commitment {
            Some(commitment) => commitment,
            None => kept.commitment(units).expect(SEEDED),
        };
        let leaf = kept::leaf(kept, commitment).hash();
        (self.entry, self.body, leaf)
    }
}

const SEEDED: &str = "a seed salts whatever units there are";

/// Where one log goes on, and the ids that may not be in its files.
struct Head {
    organization: Organization,
    next: u64,
    files: Arc<Files>,
    /// Every id from `forgotten` on.
    ids: HashMap<EntryId, Seq, foldhash::fast::RandomState>,
    /// The same ids in order of seq.
    order: VecDeque<EntryId>,
    /// The seq of the first of `order`.
    forgotten: u64,
    /// Entries of this commit.
    pending: Vec<Arc<Kept>>,
    pending_bytes: usize,
    /// The commit that last looked at where the log's entries are.
    looked_in: u64,
    tree: Growing,
    /// When its next checkpoint is to be signed, while its newest entries have none.
    due: Option<Timestamp>,
    /// Why nothing is appended to it any more.
    refused: Option<Error>,
    /// What is read of its tree is not what was written: nothing is signed any more.
    unsigned: bool,
}

impl Head {
    fn new(organization: Organization, files: Arc<Files>, tree: Growing) -> Self {
        let next = files.end.0;
        Head {
            organization,
            next,
            files,
            ids: HashMap::default(),
            order: VecDeque::new(),
            forgotten: next,
            pending: Vec::new(),
            pending_bytes: 0,
            looked_in: 0,
            tree,
            due: None,
            refused: None,
            unsigned: false,
        }
    }

    fn refuse(&self) -> Result<(), Error> {
        match &self.refused {
            Some(error) => Err(error.again()),
            None => Ok(()),
        }
    }

    fn remember(&mut self, id: EntryId) {
        self.ids.insert(id, Seq(self.next));
        self.order.push_back(id);
        self.next += 1;
    }

    /// Undoes the last [`Head::remember`].
    fn take_back(&mut self) {
        if let Some(id) = self.order.pop_back() {
            self.ids.remove(&id);
            self.next -= 1;
        }
    }

    /// Forgets ids that a look into the files finds.
    fn forget(&mut self, at_most: usize) {
        let sealed = self
            .files
            .end
            .0
            .saturating_sub(self.forgotten)
            .min(at_most as u64);
        for id in self.order.drain(..sealed as usize) {
            self.ids.remove(&id);
        }
        self.forgotten += sealed;
    }
}

/// What [`Sequencer::commit`] did.
pub(crate) struct Outcome {
    /// One answer per batch.
    pub answers: Vec<Result<Vec<Receipt>, Error>>,
    /// When something was added: its time, and what is to be sealed now.
    pub committed: Option<(Timestamp, Load)>,
    /// Checkpoints that are durable now.
    pub checkpoints: Checkpoints,
}

/// Checkpoints of several logs.
pub(crate) type Checkpoints = Vec<(Organization, Arc<Published>)>;

/// A log as recovery found it.
pub(crate) struct RecoveredLog {
    /// Ids behind the files, in order of seq.
    pub ids: Vec<EntryId>,
    pub tree: Growing,
    /// Why nothing may be appended to it.
    pub refused: Option<Error>,
}

/// The one writer of all logs.
pub(crate) struct Sequencer {
    journal: Journal,
    state: Arc<State>,
    trees: Arc<Trees>,
    health: Arc<HealthCell>,
    directory: Arc<Directory>,
    clock: Clock,
    heads: Vec<Head>,
    /// The logs whose newest entries have no checkpoint, by the time of their next.
    due: BTreeSet<(Timestamp, usize)>,
    units: Units,
    by_organization: HashMap<Organization, usize, foldhash::fast::RandomState>,
    last_received: Timestamp,
    buffer: Vec<u8>,
    /// Counts commits, tried or done.
    commit: u64,
    /// Nothing was committed since the last mark.
    marked: bool,
}

/// The batches of one commit, before it is written.
#[derive(Default)]
struct Taken {
    answers: Vec<Result<Vec<Receipt>, Error>>,
    /// The logs that get new entries.
    touched: Vec<usize>,
    ordered: Option<Standing>,
}

/// A draft of a batch that got its place in this commit.
struct Placed {
    head: usize,
    seq: Seq,
    seed: Seed,
    body: Vec<u8>,
}

impl Sequencer {
    pub fn new(
        journal: Journal,
        state: Arc<State>,
        trees: Arc<Trees>,
        health: Arc<HealthCell>,
        directory: Arc<Directory>,
        clock: Clock,
        last_received: Timestamp,
    ) -> Self {
        Sequencer {
            journal,
            state,
            trees,
            health,
            directory,
            clock,
            heads: Vec::new(),
            due: BTreeSet::new(),
            units: Units::default(),
            by_organization: HashMap::default(),
            last_received,
            buffer: Vec::new(),
            commit: 0,
            marked: true,
        }
    }

    /// Tells of a log that recovery found.
    pub fn recovered(&mut self, organization: &Organization, found: RecoveredLog) {
        let at = self.head(organization);
        let head = &mut self.heads[at];
        for id in found.ids {
            head.remember(id);
        }
        head.tree = found.tree;
        head.unsigned = found.refused.is_some();
        head.refused = found.refused;
        self.wait_for_checkpoint(at);
    }

    /// Commits the batches: all of a batch's new drafts are durable, or none.
    pub fn commit(&mut self, batches: Vec<Vec<Prepared>>) -> Outcome {
        self.commit_with(batches, None)
    }

    /// Commits an audit entry and with it, in the same sync, what it says is erased: from then on that is law. Nothing is
    /// erased if the audit entry's id is taken.
    pub fn redact(&mut self, audit: Prepared, erase: Erasure) -> Outcome {
        self.commit_with(vec![vec![audit]], Some(erase))
    }

    fn commit_with(&mut self, batches: Vec<Vec<Prepared>>, erase: Option<Erasure>) -> Outcome {
        let answers_wanted = batches.len();
        match self.try_commit(batches, erase) {
            Ok(outcome) => outcome,
            Err(error) => {
                self.take_back_all();
                self.health.append_failed(&error);
                let answers = (0..answers_wanted).map(|_| Err(error.again())).collect();
                Outcome {
                    answers,
                    committed: None,
                    checkpoints: Vec::new(),
                }
            }
        }
    }

    fn try_commit(
        &mut self,
        batches: Vec<Vec<Prepared>>,
        erase: Option<Erasure>,
    ) -> Result<Outcome, Error> {
        self.health.refuse_if_latched()?;
        self.commit += 1;
        let received_at = self.now();
        let mut pending = self.journal.pending(std::mem::take(&mut self.buffer));
        let Taken {
            answers,
            touched,
            ordered,
        } = self.take(batches, erase, received_at, &mut pending);
        for &head in &touched {
            self.heads[head].tree.grow()?;
            self.wait_for_checkpoint(head);
        }
        // Retries alone need no room on the disk, and must not be refused for want of it.
        let signed = match touched.is_empty() && !answers.is_empty() {
            true => Vec::new(),
            false => self.sign(received_at, &mut pending),
        };
        if touched.is_empty() && signed.is_empty() {
            return Ok(Outcome {
                answers,
                committed: None,
                checkpoints: Vec::new(),
            });
        }
        let written = self.keep_buffer(|journal| journal.commit(pending));
        if let Err(error) = written {
            self.unsign(&signed);
            return Err(error);
        }
        if let Some(ordered) = ordered {
            self.state.stand(Arc::new(ordered));
        }
        self.marked = false;
        self.last_received = received_at;
        self.health.append_succeeded();
        let load = (!touched.is_empty()).then(|| self.publish(&touched, received_at));
        Ok(Outcome {
            answers,
            committed: load.map(|load| (received_at, load)),
            checkpoints: self.show(signed),
        })
    }

    /// Gives the drafts of all batches their places, and adds a record for each batch that has new ones.
    fn take(
        &mut self,
        batches: Vec<Vec<Prepared>>,
        mut erase: Option<Erasure>,
        received_at: Timestamp,
        pending: &mut Pending,
    ) -> Taken {
        let mut taken = Taken::default();
        for batch in batches {
            let mut placed = Vec::with_capacity(batch.len());
            let receipts = self.place(batch, received_at, &mut placed);
            if receipts.is_err() {
                self.take_back(&placed);
            } else if !placed.is_empty() {
                // Stable: drafts of one log stay in the order sent.
                placed.sort_by_key(|placed| placed.head);
                let count = u32::try_from(placed.len()).expect("a batch has less than 2^32 drafts");
                let ordered = erase
                    .take()
                    .map(|erase| self.order(placed[0].head, erase, pending.position()));
                let kind = match ordered {
                    Some(_) => Kind::Redaction,
                    None => Kind::Entries,
                };
                pending.push(kind, count, |out| {
                    if let Some(ordered) = &ordered {
                        redaction::write_order(out, ordered);
                    }
                    self.encode(out, received_at, &placed)
                });
                taken.ordered = taken.ordered.or(ordered);
                let heads = placed.iter().map(|placed| placed.head);
                taken.touched.extend(heads);
            }
            taken.answers.push(receipts);
        }
        taken.touched.sort_unstable();
        taken.touched.dedup();
        taken
    }

    /// A redaction by its audit entry, which is all there is in this commit.
    fn order(&self, head: usize, erase: Erasure, position: u64) -> Standing {
        let head = &self.heads[head];
        let by = head.pending[head.pending.len() - 1].id;
        Standing::new(head.organization.clone(), erase, by, position)
    }

    /// Receipts of a batch; those that are new got their places.
    fn place(
        &mut self,
        batch: Vec<Prepared>,
        received_at: Timestamp,
        placed: &mut Vec<Placed>,
    ) -> Result<Vec<Receipt>, Error> {
        let mut receipts = Vec::with_capacity(batch.len());
        for prepared in batch {
            let head = self.head(prepared.organization());
            if let Some(receipt) = self.known(head, &prepared)? {
                receipts.push(receipt);
                continue;
            }
            let log = &mut self.heads[head];
            log.refuse()?;
            let seq = Seq(log.next);
            let seed = prepared.seed;
            let (entry, body, leaf) = prepared.place(seq, received_at, &mut self.units);
            log.tree.place(leaf);
            let (id, clock_ahead) = (entry.id, entry.clock_ahead());
            log.remember(id);
            log.pending_bytes += state::memory_bytes(&body);
            log.pending.push(entry);
            placed.push(Placed {
                head,
                seq,
                seed,
                body,
            });
            receipts.push(Receipt::Accepted {
                id,
                seq,
                received_at,
                clock_ahead,
            });
        }
        Ok(receipts)
    }

    /// The receipt of a draft whose id is taken.
    fn known(&self, head: usize, prepared: &Prepared) -> Result<Option<Receipt>, Error> {
        if let Some(receipt) = &prepared.known {
            return Ok(Some(receipt.clone()));
        }
        let head = &self.heads[head];
        if let Some(&seq) = head.ids.get(&prepared.entry.id) {
            let published = head.next - head.pending.len() as u64;
            if let Some(at) = seq.0.checked_sub(published) {
                return Ok(Some(prepared.compare(&head.pending[at as usize])));
            }
            let stored = self
                .state
                .entry_at(&head.organization, seq)?
                .ok_or_else(|| Error::Damaged {
                    path: self.directory.path.clone(),
                    what: format!("seq {} of {} is nowhere", seq.0, head.organization),
                })?;
            return Ok(Some(prepared.compare(&stored)));
        }
        if Arc::ptr_eq(&prepared.files, &head.files) {
            return Ok(None);
        }
        // Sealing moved entries to files since the caller's thread looked.
        Ok(head
            .files
            .find(&prepared.entry.id)?
            .map(|stored| prepared.compare(&stored)))
    }

    /// The content of a batch's record; `placed` is in order of log and seq.
    fn encode(&self, out: &mut Vec<u8>, received_at: Timestamp, placed: &[Placed]) {
        let runs = placed.chunk_by(|a, b| a.head == b.head);
        let count =
            |length: usize| u32::try_from(length).expect("a batch has less than 2^32 drafts");
        record::begin_entries(out, received_at, count(runs.clone().count()));
        for run in runs {
            record::begin_run(
                out,
                &self.heads[run[0].head].organization,
                run[0].seq,
                count(run.len()),
            );
            for placed in run {
                record::push_entry(out, &placed.seed, &placed.body);
            }
        }
    }

    fn publish(&mut self, touched: &[usize], received_at: Timestamp) -> Load {
        let commit = touched.iter().map(|&head| {
            let head = &mut self.heads[head];
            head.tree.keep();
            Committed {
                organization: head.organization.clone(),
                entries: std::mem::take(&mut head.pending),
                memory_bytes: std::mem::take(&mut head.pending_bytes),
            }
        });
        let commit = commit.collect();
        self.state.publish(
            commit,
            received_at,
            self.journal.first(),
            self.journal.end(),
        )
    }

    /// When there is nothing to do: a mark, so that recovery knows how far the journal was synced. Also tells whether there
    /// is room again after there was none.
    pub fn idle(&mut self) {
        for head in &mut self.heads {
            head.files = self.state.files(&head.organization);
            head.forget(usize::MAX);
        }
        let waits_for_room = self.health.waits_for_room();
        if (self.marked && !waits_for_room) || self.health.refuse_if_latched().is_err() {
            return;
        }
        match self.journal.mark() {
            Ok(()) => {
                self.marked = true;
                self.health.append_succeeded();
            }
            Err(error) => self.health.append_failed(&error),
        }
    }

    /// Begins the next file of the journal, so that all before it can go. Answers with its position.
    pub fn begin_file(&mut self) -> Result<u64, Error> {
        self.health.refuse_if_latched()?;
        let begun = self.journal.begin_file();
        match &begun {
            Ok(first) => self.state.enter_journal_file(*first),
            Err(error) => self.health.append_failed(error),
        }
        begun
    }

    /// The head of a log, with its files as they are now.
    fn head(&mut self, organization: &Organization) -> usize {
        if let Some(&at) = self.by_organization.get(organization) {
            let head = &mut self.heads[at];
            if head.looked_in != self.commit {
                head.looked_in = self.commit;
                head.files = self.state.files(organization);
                head.forget(FORGET_PER_COMMIT);
            }
            return at;
        }
        let at = self.heads.len();
        let tree = Growing::new(self.trees.of(organization), Frontier::default(), None);
        self.heads.push(Head::new(
            organization.clone(),
            self.state.files(organization),
            tree,
        ));
        self.by_organization.insert(organization.clone(), at);
        at
    }

    /// The time of receipt of the next commit: later than any before, also when the clock is not.
    fn now(&self) -> Timestamp {
        let after_last =
            Timestamp::from_micros(self.last_received.as_micros() + 1).unwrap_or(Timestamp::MAX);
        (self.clock)().max(after_last)
    }

    fn keep_buffer(
        &mut self,
        write: impl FnOnce(&mut Journal) -> Result<Vec<u8>, Error>,
    ) -> Result<(), Error> {
        let buffer = write(&mut self.journal)?;
        if buffer.capacity() <= BUFFER_BYTES_KEPT {
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Undoes the places of one batch, which is the last that got any.
    fn take_back(&mut self, placed: &[Placed]) {
        for placed in placed.iter().rev() {
            let head = &mut self.heads[placed.head];
            head.take_back();
            head.tree.take_back();
            head.pending.pop();
            head.pending_bytes -= state::memory_bytes(&placed.body);
        }
    }

    /// Undoes all places of this commit.
    fn take_back_all(&mut self) {
        for head in &mut self.heads {
            for _ in 0..std::mem::take(&mut head.pending).len() {
                head.take_back();
            }
            head.tree.undo();
            head.pending_bytes = 0;
        }
    }
}
