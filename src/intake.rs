//! What comes from sources of other makes: read, mapped, stored, and what cannot be mapped kept beside.
//!
//! In reading order:
//! - this file: from what a parser made of a call to the log, and what became of each item
//! - [`kubernetes`]: the API server's webhook
//! - [`protocols`]: what comes over protocols that many speak
//! - [`own`]: what another system calls by a name that is the log's own
//! - [`tables`]: by which one of a user's own a source goes
//! - [`equal`]: which of what says no time was sent before
//! - [`shelf`]: what is no entry, or not yet, in files of its own
//! - [`sequences`]: what of it did not arrive, told by the sources' own numbers
//! - [`rhythms`]: how long each may say nothing
//! - [`tally`]: sent is stored, duplicate, quarantined, refused or skipped, and nothing else
//!
//! The order is what makes it safe to repeat a call: first what cannot be mapped is kept, then the rest is stored, and only
//! then it is answered. Whatever failed in between is sent again, and what was done is recognised.

mod equal;
pub mod kubernetes;
mod own;
pub mod protocols;
pub mod rhythms;
pub mod sequences;
pub mod shelf;
pub mod tables;
pub mod tally;

use crate::access::{Permission, Reach};
use crate::api::batch::{self, Filling, fresh_ids};
use crate::app::{App, Gate};
use crate::guard::Caller;
use crate::problem::{Kind, Problem};
use crate::reading;
use entry::{EntryId, Timestamp};
use parking_lot::Mutex;
use rhythms::Rhythms;
use sequences::Sequences;
use shelf::{Item as Kept, Sender, Shelf, Shelved};
use sources::foreign::{Choice, Claims};
use sources::redact::Redaction;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use store::{Item, Receipt};
use tally::{Tallies, Tally};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

pub use sources::sent::{Fate, Sent};

/// Where things come from and go to.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Its organization is that of what names none.
    pub sender: Sender,
    /// The name of the format.
    pub format: &'static str,
    /// Ids are made of all that was sent: what differs under one is what was added here.
    pub ids_by_content: bool,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored,
    Duplicate,
    Skipped,
    Quarantined(String),
    Refused(Refused),
}

/// Why an item was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub kind: Kind,
    pub why: String,
}

/// What became of a call, item by item.
#[derive(Debug)]
pub struct Taken {
    pub tally: Tally,
    pub outcomes: Vec<Outcome>,
    /// The newest receipt of what was stored.
    received_at: Option<Timestamp>,
}

impl Taken {
    /// Those that were not taken, and where they stood.
    pub fn refused(&self) -> impl Iterator<Item = (usize, &Refused)> {
        let outcomes = self.outcomes.iter().enumerate();
        outcomes.filter_map(|(at, outcome)| match outcome {
            Outcome::Refused(refused) => Some((at, refused)),
            _ => None,
        })
    }

    /// What a call is answered of which nothing was taken; none if anything was. What may be taken later comes first: its sender
    /// is to keep it.
    pub fn refusal(&self) -> Option<Problem> {
        if self.tally.sent == 0 || self.tally.refused < self.tally.sent {
            return None;
        }
        let later = self.refused().find(|(_, one)| one.kind == Kind::NoSpace);
        let (_, first) = later.or_else(|| self.refused().next())?;
        // Whether there is such a log is not said, whatever the item's own answer.
        Some(match first.kind {
            Kind::Forbidden => reading::forbidden(Permission::Record),
            kind => kind.detail(first.why.as_str()),
        })
    }
}

/// Everything that sources need besides the log.
pub struct Intake {
    pub quarantine: Shelf,
    /// Guards what is thrown away from when it is noted until it is gone: nobody else notes it too.
    pub dropping: Mutex<()>,
    pub tallies: Tallies,
    pub sequences: Sequences,
    pub rhythms: Rhythms,
    /// Calls of sources right now: those of a slow disk must not take everybody's connections.
    pub calls: Gate,
    /// What is kept beside right now: one at a time, and a slow disk must not take the places of searches.
    pub shelving: Gate,
    /// When it was last said that there is no room for more, in microseconds.
    told_full: AtomicI64,
}

/// Calls of sources at the same time; more are answered 503 at once, and come again.
const CALLS_MAX: usize = 64;

/// How often it is said that there is no room for more.
const TOLD_FULL_MICROS: i64 = 60 * 1_000_000;

/// Why an item is refused that cannot be mapped, and not be kept.
const NO_ROOM: &str = "it cannot be mapped, and what cannot be mapped has no room any more";

impl Intake {
    /// Opens what is kept in a data directory, at most `bytes_max` of it.
    pub fn open(data: &Path, bytes_max: u64) -> Result<Self, shelf::Error> {
        Ok(Self {
            quarantine: Shelf::open(&data.join("quarantine"), bytes_max)?,
            dropping: Mutex::new(()),
            tallies: Tallies::default(),
            sequences: Sequences::open(data),
            rhythms: Rhythms::default(),
            calls: Gate::new(CALLS_MAX, 0),
            shelving: Gate::new(1, CALLS_MAX),
            told_full: AtomicI64::new(i64::MIN),
        })
    }

    /// Says in the log that what a source sends finds no room, once a minute.
    fn tell_if_full(&self, sender: &Sender, taken: &Taken, now: Timestamp) {
        let full = taken.refused().filter(|(_, one)| one.kind == Kind::NoSpace);
        let items = full.count();
        let now = now.as_micros();
        let before = self.told_full.load(Ordering::Relaxed);
        if items == 0 || now < before.saturating_add(TOLD_FULL_MICROS) {
            return;
        }
        self.told_full.store(now, Ordering::Relaxed);
        let (organization, source) = (sender.organization.as_str(), sender.source.as_str());
        tracing::warn!(organization, source, items, "refused: {NO_ROOM}");
    }
}

impl From<shelf::Error> for Problem {
    fn from(error: shelf::Error) -> Self {
        let said = error.to_string();
        match error {
            shelf::Error::Io { .. } | shelf::Error::Damaged { .. } => {
                tracing::error!(error = said, "the quarantine could not be read or written");
                Kind::Internal.detail("the server failed on this call; its log says more")
            }
        }
    }
}

/// What secrets look like: they stay out of the log, and of what is kept beside.
static REDACTION: LazyLock<Arc<Redaction>> = LazyLock::new(Arc::default);

/// What is said of everything that a source sends.
pub(crate) fn claims_of(sender: &Sender, now: Timestamp) -> Claims {
    Claims {
        source: sender.source.as_str().into(),
        organization: Choice::One(sender.organization.clone()),
        now,
        redaction: Some(Arc::clone(&REDACTION)),
    }
}

/// The bytes without what looks like a secret.
fn redacted(raw: Vec<u8>) -> Vec<u8> {
    REDACTION.bytes(raw)
}

/// What was kept of a source, read again by the mappings of now; `None` if the format is not known any more.
pub fn again(
    app: &App,
    format: &str,
    raw: Vec<u8>,
    sender: &Sender,
    received_at: Timestamp,
) -> Option<(Vec<Sent>, Origin)> {
    if format == kubernetes::FORMAT {
        let sent = kubernetes::read_one(raw, sender, received_at);
        return Some((vec![sent], kubernetes::origin(sender.clone())));
    }
    let format = protocols::find(format)?;
    let claims = claims_of(sender, received_at);
    let sent = sources::sent::again(format, raw, app.settings.tables.of(sender), &claims)?;
    Some((sent, protocols::origin(sender.clone(), format)))
}

/// The memory that a call's items take, given back once the log has answered for all of them, also if their sender has gone.
pub type Room = Arc<OwnedSemaphorePermit>;

/// Stores, keeps or refuses everything that was sent, and answers once that is on stable storage.
///
/// 503 if that takes longer than `until`: what is stored by then, or later, is recognised when it is sent again.
pub async fn take(
    app: &Arc<App>,
    caller: &Caller,
    origin: Origin,
    sent: Vec<Sent>,
    until: Instant,
    room: &Room,
) -> Result<Taken, Problem> {
    let (count, now) = (sent.len() as u64, app.now());
    let sender = origin.sender.clone();
    let taken = within(app, caller, origin, sent, until, room).await;
    let tally = match &taken {
        Ok(taken) => taken.tally,
        Err(_) => Tally::refused(count),
    };
    app.intake.tallies.count(&sender, now, &tally);
    if let Ok(taken) = &taken {
        app.intake.tell_if_full(&sender, taken, now);
    }
    taken
}

/// As [`take`], of what was kept beside: it was counted when it came, and its sender is not heard by it.
pub async fn take_again(
    app: &Arc<App>,
    caller: &Caller,
    origin: Origin,
    sent: Vec<Sent>,
    until: Instant,
    room: &Room,
) -> Result<Taken, Problem> {
    let (sender, begun) = (origin.sender.clone(), app.now());
    let taken = within(app, caller, origin, sent, until, room).await?;
    if let Some(last) = taken.received_at {
        app.intake.tallies.replayed(&sender, begun, last);
    }
    Ok(taken)
}

async fn within(
    app: &Arc<App>,
    caller: &Caller,
    origin: Origin,
    sent: Vec<Sent>,
    until: Instant,
    room: &Room,
) -> Result<Taken, Problem> {
    let reach = reading::reach(caller, Permission::Record)?;
    let work = run(app, origin, reach, sent, Arc::clone(room));
    let slow = |_| Kind::Overloaded.detail("the disk is too slow to answer in time; send it again");
    timeout_at(until, work).await.map_err(slow)?
}

/// Pauses between two tries of [`take_at_last`].
const AGAIN_MIN: Duration = Duration::from_millis(50);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// As [`take`], of a sender that is not answered, so that it cannot send again: tried until it is done, and counted once.
pub async fn take_at_last(
    app: &Arc<App>,
    reach: &Reach,
    origin: &Origin,
    read: Arc<dyn Fn() -> Vec<Sent> + Send + Sync>,
    room: &Room,
) {
    let mut wait = AGAIN_MIN;
    let mut tries = 0_u32;
    let taken = loop {
        let read = Arc::clone(&read);
        let once = async {
            let sent = app.blocking(move |_| Ok(read())).await?;
            run(app, origin.clone(), reach.clone(), sent, Arc::clone(room)).await
        };
        let problem = match once.await {
            Ok(taken) => break taken,
            Err(problem) => problem,
        };
        if tries == 0 {
            let (source, why) = (origin.sender.source.as_str(), problem.detail.as_str());
            tracing::warn!(source, why, "what was sent waits until it can be stored");
        }
        tries += 1;
        sleep(wait).await;
        wait = (wait * 2).min(AGAIN_MAX);
    };
    if tries > 0 {
        let source = origin.sender.source.as_str();
        tracing::info!(source, tries, "what waited is stored");
    }
    let tallies = &app.intake.tallies;
    tallies.count(&origin.sender, app.now(), &taken.tally);
    app.intake.tell_if_full(&origin.sender, &taken, app.now());
}

async fn run(
    app: &Arc<App>,
    origin: Origin,
    reach: Reach,
    sent: Vec<Sent>,
    room: Room,
) -> Result<Taken, Problem> {
    let of = origin.clone();
    let prepare = move |app: &Arc<App>| Prepared::of(app, &of, &reach, sent);
    let mut prepared = app.blocking(prepare).await?;
    prepared = prepared.shelve(app, &origin).await?;
    let items = std::mem::take(&mut prepared.items);
    if items.is_empty() {
        return Ok(prepared.taken());
    }
    let (done, stored) = oneshot::channel();
    let (numbered, counting) = (Sequences::numbered(&items), Arc::clone(app));
    let answer = move |stored: Result<Vec<Receipt>, store::Error>| {
        drop(room);
        if let Ok(receipts) = &stored {
            counting.intake.sequences.stored(&numbered, receipts);
        }
        // A caller that was not waited for any longer does not hear it.
        drop(done.send(stored));
    };
    app.store.append_then(items, Box::new(answer));
    let stored = stored.await;
    let stored =
        stored.map_err(|_| Kind::Closing.detail("the log stopped before it answered"))??;
    prepared.receive(&stored, origin.ids_by_content);
    Ok(prepared.shelve(app, &origin).await?.taken())
}

/// A call on its way: what each item has come to, and what goes to the log.
struct Prepared {
    outcomes: Vec<Outcome>,
    items: Vec<Item>,
    /// At which places the items stood, and as what they came.
    places: Vec<(usize, Vec<u8>)>,
    /// What is to be kept beside, and where it stood.
    aside: Vec<(usize, Vec<u8>, String)>,
    received_at: Option<Timestamp>,
}

impl Prepared {
    fn of(app: &App, origin: &Origin, reach: &Reach, mut sent: Vec<Sent>) -> Result<Self, Problem> {
        equal::settle(app, &origin.sender.organization, app.now(), &mut sent)?;
        let mut prepared = Self {
            outcomes: Vec::with_capacity(sent.len()),
            items: Vec::new(),
            places: Vec::new(),
            aside: Vec::new(),
            received_at: None,
        };
        let filling = Filling {
            catalogue: &app.catalogue,
            organization: &origin.sender.organization,
            reach,
            verified: None,
            // What another system says is never what the log says of itself.
            takes_own: false,
            now: app.now(),
            alone: false,
        };
        let ids = fresh_ids(filling.now, sent.len())?;
        for (id, one) in ids.into_iter().zip(sent) {
            let outcome = prepared.decide(id, one, origin, &filling);
            prepared.outcomes.push(outcome);
        }
        Ok(prepared)
    }

    fn decide(
        &mut self,
        id: EntryId,
        one: Sent,
        origin: &Origin,
        filling: &Filling<'_>,
    ) -> Outcome {
        let at = self.outcomes.len();
        let mut draft = match one.fate {
            Fate::Skip(_) => return Outcome::Skipped,
            Fate::Refuse(why) => return refused(Kind::InvalidEntry, why),
            Fate::TooLong(why) => return refused(Kind::TooLarge, why),
            Fate::Quarantine(why) => {
                return self.set_aside(at, one.raw, why, origin, filling.reach);
            }
            Fate::Store(draft) => draft,
        };
        if let Err(why) = own::rename(&mut draft, origin.format, filling.catalogue) {
            return self.set_aside(at, one.raw, why, origin, filling.reach);
        }
        if let Err(problems) = draft.check() {
            return self.set_aside(at, one.raw, problems.to_string(), origin, filling.reach);
        }
        match batch::admit(*draft, None, id, filling) {
            Err(refusal) => refused(refusal.kind, refusal.detail),
            Ok(item) => {
                self.items.push(item);
                self.places.push((at, one.raw));
                Outcome::Stored
            }
        }
    }

    fn set_aside(
        &mut self,
        at: usize,
        raw: Vec<u8>,
        why: String,
        origin: &Origin,
        reach: &Reach,
    ) -> Outcome {
        if !reach.touches(&origin.sender.organization) {
            return refused(Kind::Forbidden, OUT_OF_REACH);
        }
        self.aside.push((at, redacted(raw), why.clone()));
        Outcome::Quarantined(why)
    }

    /// Has kept what is to be kept beside.
    async fn shelve(mut self, app: &Arc<App>, origin: &Origin) -> Result<Self, Problem> {
        if self.aside.is_empty() {
            return Ok(self);
        }
        let origin = origin.clone();
        let keep = move |app: &Arc<App>| {
            self.keep(app, &origin)?;
            Ok(self)
        };
        app.blocking_in(&app.intake.shelving, keep).await
    }

    /// What was kept before is a duplicate; what finds no room is refused, and nothing else for its sake.
    fn keep(&mut self, app: &App, origin: &Origin) -> Result<(), Problem> {
        let aside = std::mem::take(&mut self.aside);
        let received_at = app.now();
        let places: Vec<usize> = aside.iter().map(|(at, ..)| *at).collect();
        let kept = aside.into_iter().map(|(_, raw, reason)| Kept {
            received_at,
            format: origin.format.into(),
            reason: reason.into(),
            raw,
        });
        let shelved = app.intake.quarantine.keep(&origin.sender, kept.collect())?;
        for (at, shelved) in places.into_iter().zip(shelved) {
            match shelved {
                Shelved::Kept => {}
                Shelved::Known => self.outcomes[at] = Outcome::Duplicate,
                Shelved::Full => self.outcomes[at] = refused(Kind::NoSpace, NO_ROOM),
            }
        }
        Ok(())
    }

    /// Takes the log's receipts. Where an id was taken by other content, the item is kept beside.
    fn receive(&mut self, stored: &[Receipt], ids_by_content: bool) {
        let places = std::mem::take(&mut self.places);
        for ((at, raw), receipt) in places.into_iter().zip(stored) {
            match receipt {
                Receipt::Accepted { received_at, .. } => {
                    self.received_at = self.received_at.max(Some(*received_at));
                }
                Receipt::Duplicate { .. } => self.outcomes[at] = Outcome::Duplicate,
                Receipt::Conflict { .. } if ids_by_content => {
                    self.outcomes[at] = Outcome::Duplicate;
                }
                Receipt::Conflict { seq, .. } => {
                    let why = format!("its id is stored with other content, at seq {}", seq.0);
                    self.outcomes[at] = Outcome::Quarantined(why.clone());
                    self.aside.push((at, redacted(raw), why));
                }
            }
        }
    }

    fn taken(self) -> Taken {
        let mut tally = Tally {
            sent: self.outcomes.len() as u64,
            ..Tally::default()
        };
        for outcome in &self.outcomes {
            let count = match outcome {
                Outcome::Stored => &mut tally.stored,
                Outcome::Duplicate => &mut tally.duplicates,
                Outcome::Skipped => &mut tally.skipped,
                Outcome::Quarantined(_) => &mut tally.quarantined,
                Outcome::Refused(_) => &mut tally.refused,
            };
            *count += 1;
        }
        Taken {
            tally,
            outcomes: self.outcomes,
            received_at: self.received_at,
        }
    }
}

fn refused(kind: Kind, why: impl Into<String>) -> Outcome {
    let why = why.into();
    Outcome::Refused(Refused { kind, why })
}

const OUT_OF_REACH: &str = "this takes the permission entries:record in the entry's scope";
