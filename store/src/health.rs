//! What the store can do now, told by the threads that find out.

use crate::{Error, Health};
use parking_lot::Mutex;
use std::path::PathBuf;

/// The health of one store.
#[derive(Default)]
pub(crate) struct HealthCell {
    /// Guards what the last attempts of the sequencer and of sealing said.
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// A sync failed, in the journal or in sealing: for ever.
    latched: Option<String>,
    /// The first damage that was found: for ever, since nothing mends a file while it is in use.
    damaged: Option<(PathBuf, String)>,
    append_no_space: Option<PathBuf>,
    /// Why the last try to seal failed; it is tried again.
    sealing_failure: Option<Error>,
}

impl HealthCell {
    pub fn get(&self) -> Health {
        let inner = self.inner.lock();
        if let Some(what) = &inner.latched {
            return Health::Latched { what: what.clone() };
        }
        if let Some((path, what)) = &inner.damaged {
            return Health::Damaged {
                path: path.clone(),
                what: what.clone(),
            };
        }
        match (&inner.append_no_space, &inner.sealing_failure) {
            (Some(path), _) | (None, Some(Error::NoSpace { path })) => {
                Health::NoSpace { path: path.clone() }
            }
            _ => Health::Ready,
        }
    }

    pub fn refuse_if_latched(&self) -> Result<(), Error> {
        match &self.inner.lock().latched {
            Some(what) => Err(Error::Latched { what: what.clone() }),
            None => Ok(()),
        }
    }

    /// Keeps an error that says that a file is damaged; others are nothing to it.
    pub fn found(&self, error: &Error) {
        if let Error::Damaged { path, what } = error {
            let mut inner = self.inner.lock();
            inner
                .damaged
                .get_or_insert_with(|| (path.clone(), what.clone()));
        }
    }

    pub fn waits_for_room(&self) -> bool {
        self.inner.lock().append_no_space.is_some()
    }

    /// Why sealing cannot go on, if its last try failed.
    pub fn sealing_failure(&self) -> Option<Error> {
        self.inner.lock().sealing_failure.as_ref().map(Error::again)
    }

    pub fn append_succeeded(&self) {
        self.inner.lock().append_no_space = None;
    }

    pub fn append_failed(&self, error: &Error) {
        match error {
            Error::NoSpace { path } => self.inner.lock().append_no_space = Some(path.clone()),
            error => self.latch_if_latched(error),
        }
    }

    pub fn sealing_succeeded(&self) {
        self.inner.lock().sealing_failure = None;
    }

    pub fn sealing_failed(&self, error: &Error) {
        self.latch_if_latched(error);
        self.inner.lock().sealing_failure = Some(error.again());
    }

    pub fn latch_if_latched(&self, error: &Error) {
        if let Error::Latched { what } = error {
            self.inner
                .lock()
                .latched
                .get_or_insert_with(|| what.clone());
        }
    }
}
