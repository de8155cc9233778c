//! Changes of access and their entries: both are kept, or neither.
//!
//! The entry is made while the change is judged, and written in the same transaction; the log has it before the call is
//! answered, on the same thread, so that nobody who hangs up comes between. What a crash left in between is appended at the
//! next start, and so is what could not be appended at once, a minute later.

use super::{Deed, entry_of};
use crate::access::pending::{Pending, Witness};
use crate::access::{Access, Error, Made};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use entry::draft::Defaults;
use entry::{Category, Draft};
use parking_lot::Mutex;
use std::sync::Arc;
use store::Item;

/// What became of a change.
pub struct Done<T, E> {
    pub answer: Result<T, E>,
    /// Something was changed, and its entry is kept.
    pub is_noted: bool,
}

impl App {
    /// Makes a change of access and notes it. Waits for the disk: not for async threads.
    pub fn witnessed<T, E>(
        self: &Arc<Self>,
        told: impl Fn(&Made<'_>) -> (Caller, Deed) + Send + Sync + 'static,
        work: impl FnOnce(&Access) -> Result<T, E>,
    ) -> Result<Done<T, E>, Problem> {
        // Guards the entry from the witness, who makes it, to here.
        let made: Arc<Mutex<Option<Item>>> = Arc::default();
        let (app, keep) = (Arc::clone(self), Arc::clone(&made));
        let witness: Witness = Arc::new(move |changes| {
            let (caller, deed) = told(changes);
            let item = entry_of(&app, &caller, deed).map_err(untold)?;
            let (item, pending) = pending(&app, item);
            *keep.lock() = Some(item);
            Ok(pending)
        });
        let access = self.door.access()?;
        let answer = work(&access.witnessed_by(witness));
        let item = made.lock().take().filter(|_| answer.is_ok());
        let is_noted = item.is_some();
        if let Some(item) = item {
            self.tell(access, item);
        }
        Ok(Done { answer, is_noted })
    }

    /// Appends the entry of a change that is made. It is on stable storage already, so the change stands without it.
    fn tell(&self, access: &Access, item: Item) {
        let id = item.defaults.id.to_string();
        match self.store.append(vec![item]) {
            // Also if the log had it: it has its id.
            Ok(_) => access.told(&id),
            Err(error) => {
                self.metrics.unnoted.inc();
                tracing::error!(%error, "the entry of a change waits in the access file");
            }
        }
    }

    /// Appends what was not told yet. Waits for the disk.
    pub fn tell_pending(&self) {
        let Ok(access) = self.door.access() else {
            return;
        };
        for pending in access.pending() {
            match read(&pending) {
                Some(item) => self.tell(access, item),
                None => tracing::error!(
                    id = pending.id,
                    "the entry of a change cannot be read, and stays in the access file"
                ),
            }
        }
    }
}

fn untold(problem: Problem) -> Error {
    Error::Untold {
        detail: problem.detail,
    }
}

/// The entry with all in it that makes it the same whenever it is appended, and as it is kept until then.
fn pending(app: &App, mut item: Item) -> (Item, Pending) {
    let (draft, defaults) = (&mut item.draft, &item.defaults);
    draft.id = Some(defaults.id);
    draft.timestamp = Some(app.now());
    draft.scope.organization = Some(defaults.organization.clone());
    draft.category = Some(defaults.category);
    let mut text = Vec::new();
    draft.write_json(&mut text);
    let id = defaults.id.to_string();
    (item, Pending { id, text })
}

fn read(pending: &Pending) -> Option<Item> {
    let draft = Draft::from_json(&pending.text).ok()?;
    let defaults = Defaults {
        id: draft.id?,
        organization: draft.scope.organization.clone()?,
        category: Category::Audit,
    };
    Some(Item { draft, defaults })
}
