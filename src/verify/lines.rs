//! What a bundle shows of its entries: lines are cut from the stream by one thread and checked by others, in order.

use super::{Refusal, Step, together};
use crate::bundle::withheld_leaf;
use proof::disclosure::Disclosure;
use proof::leaf::ReceivedAt;
use proof::{Hash, Seq};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Whole lines of one member, each ended.
pub struct Lines {
    /// The place of the first.
    pub first: Seq,
    pub text: Vec<u8>,
    /// Whether what is open is to be put together as well.
    pub entries: bool,
}

/// What lines came to.
#[derive(Default)]
pub struct Checked {
    /// The leaf hash of each.
    pub leaves: Vec<Hash>,
    /// Entries that are shown.
    pub open: u64,
    /// Units of them that are erased.
    pub erased: u64,
    /// Places of those that are not shown.
    pub withheld: Vec<u64>,
    /// When the log received the last of them.
    pub newest: Option<ReceivedAt>,
    /// What is open, put together: a line of JSON each.
    pub entries: Vec<u8>,
}

impl Lines {
    /// Reads and hashes each line. The error's place is its seq; nothing here says that it is true.
    fn check(&self) -> Result<Checked, Refusal> {
        let mut checked = Checked::default();
        let lines = self.text.split_inclusive(|byte| *byte == b'\n');
        for (line, place) in lines.zip(self.first.0..) {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            self.line(line, Seq(place), &mut checked)
                .map_err(|refusal| refusal.at(format_args!("the line of seq {place}")))?;
        }
        Ok(checked)
    }

    fn line(&self, line: &[u8], seq: Seq, checked: &mut Checked) -> Result<(), Refusal> {
        let malformed = |e: proof::Error| Refusal::of(Step::Format, &e);
        let leaf = if let Some(leaf) = withheld_leaf(line) {
            checked.withheld.push(seq.0);
            leaf.map_err(malformed)?
        } else {
            let disclosure = Disclosure::parse(line).map_err(malformed)?;
            checked.open += 1;
            checked.erased += together::erased_paths(&disclosure).count() as u64;
            if self.entries {
                let entry = together::wire(&disclosure, seq)?;
                checked.entries.extend_from_slice(entry.as_bytes());
                checked.entries.push(b'\n');
            }
            disclosure
                .leaf()
                .map_err(|e| Refusal::of(Step::Entry, &e))?
        };
        checked.newest = checked.newest.max(Some(leaf.received_at));
        checked.leaves.push(leaf.hash());
        Ok(())
    }
}

/// Lines under way: what was put in comes out checked, in the order it was put in. At most four times as many are held as
/// threads check them.
pub struct Pipeline {
    jobs: SyncSender<Job>,
    /// With each what the caller remembers about it.
    pending: VecDeque<(Receiver<Result<Checked, Refusal>>, Part)>,
    pending_max: usize,
}

/// Which part of which member lines are.
#[derive(Clone, Debug)]
pub struct Part {
    /// The tile of level 0 they belong to.
    pub tile: u64,
    /// The first place of that tile that has a line.
    pub first: Seq,
    /// Whether the tile's lines end with them.
    pub last: bool,
}

struct Job {
    lines: Lines,
    done: SyncSender<Result<Checked, Refusal>>,
}

impl Pipeline {
    /// Starts the threads; they end when the pipeline is dropped.
    pub fn start(threads: NonZeroUsize) -> Self {
        let (jobs, waiting) = sync_channel(threads.get());
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.get() {
            let waiting = Arc::clone(&waiting);
            std::thread::spawn(move || work(&waiting));
        }
        Self {
            jobs,
            pending: VecDeque::new(),
            pending_max: 2 * threads.get(),
        }
    }

    /// Puts lines in; what must come out first, to make room.
    pub fn put(&mut self, lines: Lines, part: Part) -> Option<(Result<Checked, Refusal>, Part)> {
        let (done, result) = sync_channel(1);
        let job = Job { lines, done };
        self.jobs.send(job).expect("threads end after the pipeline");
        self.pending.push_back((result, part));
        if self.pending.len() > self.pending_max {
            self.take()
        } else {
            None
        }
    }

    /// The next that comes out, if any is left.
    pub fn take(&mut self) -> Option<(Result<Checked, Refusal>, Part)> {
        let (result, part) = self.pending.pop_front()?;
        let result = result.recv().expect("a thread answers each job it took");
        Some((result, part))
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        // Guards only whose turn it is to wait.
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Job { lines, done }) = job else {
            return;
        };
        // Whoever put it in may have seen enough by now.
        let _ = done.send(lines.check());
    }
}
