//! The promise to one entry: kept, or told why not. A future of any runtime, and a wait without one.

use crate::Error;
use entry::EntryId;
use parking_lot::Mutex;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub id: EntryId,
    /// Its number at this source.
    pub sequence: u64,
    pub kept: Kept,
}

/// Where an entry is when its caller goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// In the log, at that place.
    Logged { seq: u64 },
    /// On this machine's stable storage.
    Spooled,
    /// In memory.
    Queued,
    /// Nowhere: there was no room for a best-effort entry. It is counted, and the log will be told.
    Dropped,
}

/// An entry on its way. Dropping it stops nothing: a spooled entry is spooled, a required one is sent until its deadline.
#[must_use = "whether it is recorded is known when this is waited for"]
#[derive(Debug)]
pub struct Recording(State);

#[derive(Debug)]
enum State {
    Known(Option<Result<Receipt, Error>>),
    Waiting(Arc<Slot>),
}

/// Where the outcome of one entry is put, once.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Inside>);

/// Guards the outcome, and who is to be woken by it.
#[derive(Debug, Default)]
struct Inside {
    outcome: Option<Result<Receipt, Error>>,
    waker: Option<Waker>,
}

impl Slot {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Puts the outcome; a second one is passed over.
    pub(crate) fn put(&self, outcome: Result<Receipt, Error>) {
        let mut inside = self.0.lock();
        if inside.outcome.is_none() {
            inside.outcome = Some(outcome);
            let waker = inside.waker.take();
            drop(inside);
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

impl Recording {
    pub(crate) fn known(outcome: Result<Receipt, Error>) -> Self {
        Self(State::Known(Some(outcome)))
    }

    pub(crate) fn waiting(slot: Arc<Slot>) -> Self {
        Self(State::Waiting(slot))
    }

    /// Blocks this thread until the outcome is known. Never on a thread of an async runtime: await it there.
    pub fn wait(self) -> Result<Receipt, Error> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut recording = pin!(self);
        loop {
            match recording.as_mut().poll(&mut context) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl Future for Recording {
    type Output = Result<Receipt, Error>;

    /// # Panics
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Known(outcome) => Poll::Ready(outcome.take().expect("polled once more")),
            State::Waiting(slot) => {
                let mut inside = slot.0.lock();
                match &inside.outcome {
                    Some(outcome) => Poll::Ready(outcome.clone()),
                    None => {
                        inside.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_woken_by_the_first_outcome() {
        let slot = Slot::new();
        let recording = Recording::waiting(Arc::clone(&slot));
        let waiting = std::thread::spawn(|| recording.wait());
        let receipt = Receipt {
            id: EntryId::from_bytes([1; 16]),
            sequence: 1,
            kept: Kept::Spooled,
        };
        slot.put(Ok(receipt));
        slot.put(Err(Error::Closed));
        let outcome = waiting.join().expect("no panic");
        assert_eq!(outcome.expect("recorded"), receipt);
    }
}
