//! Which numbers of each source are here: a source that counts its entries shows by a gap what did not arrive.
//!
//! - [`ranges`]: the numbers of one source
//! - [`kept`]: all of them in a file, so that a start need not read the whole log
//!
//! Derived from the logs, and nothing more: fed when entries are stored, written down now and then and at the end, and caught up at a
//! start by reading what was received since. Until that is done, and for what memory has no room for, nothing is told.

mod kept;
mod ranges;

use crate::access::Reach;
use crate::app::App;
use crate::reading::Reading;
use crate::watching;
use entry::{Entry, Filter, Organization, Seq, Source, Timestamp};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
pub use ranges::Ranges;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::view::{Direction, Order, PageQuery, Position};
use store::{Item, Receipt};
use tokio::sync::watch;
use tokio::time::timeout;

/// Sources whose numbers are known; of more, those heard longest ago are forgotten.
const SOURCES_MAX: usize = 1_000;

/// The longest name of a source that is remembered, in bytes: names come from callers.
const NAME_BYTES_MAX: usize = 256;

/// Gaps that are told one by one.
pub const GAPS_TOLD_MAX: usize = 20;

/// A source that was not heard for longer says nothing about what is complete: it may be gone for good.
const HEARD_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// How often the numbers are written down.
const WRITE: Duration = Duration::from_secs(60);

/// What was received this long before the numbers were written is read again at a start: a call's entries are stored before
/// they are counted.
const OVERLAP_MICROS: i64 = 10 * 60 * 1_000_000;

/// A source that counts.
type Key = (Organization, Box<str>);

/// What is known of one.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counted {
    ranges: Ranges,
    /// The receipt of its newest entry, in microseconds.
    heard: i64,
}

#[derive(Default)]
struct State {
    sources: BTreeMap<Key, Counted>,
    /// A source was forgotten that was heard less than a day before this: until then nothing is said to be complete.
    blind_until: Option<i64>,
    is_changed: bool,
}

/// The numbers of a source, as they are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    pub first: u64,
    pub last: u64,
    /// Numbers between them that are not here.
    pub missing: u64,
    /// There are more gaps than are remembered: at least so many are missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// The oldest ones, each with its first and last number.
    pub gaps: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    organization: String,
    source: String,
}

/// The numbers of all sources.
pub struct Sequences {
    file: PathBuf,
    /// Guards nothing else.
    state: Mutex<State>,
    /// From when on the logs are read at a start; `None`: from their beginning.
    from: Option<Timestamp>,
    is_caught_up: AtomicBool,
    missing: Family<Label, Gauge>,
}

/// An entry with a number, on its way to the log.
pub struct Numbered {
    /// Its place in the batch.
    at: usize,
    key: Key,
    number: u64,
    timestamp: Option<Timestamp>,
}

impl Sequences {
    /// What was written down. A file that cannot be read is none: the logs say it all again.
    pub fn open(data: &Path) -> Self {
        let file = data.join(kept::FILE);
        let (from, sources) = match kept::read(&file) {
            Ok(Some((at, sources))) => (Some(at), sources),
            Ok(None) => (None, BTreeMap::new()),
            Err(error) => {
                tracing::warn!(error, "the numbers of sources are read from the logs again");
                (None, BTreeMap::new())
            }
        };
        Self {
            file,
            state: Mutex::new(State {
                sources,
                ..State::default()
            }),
            from,
            is_caught_up: AtomicBool::new(false),
            missing: Family::default(),
        }
    }

    pub fn register(&self, to: &mut Registry) {
        let says = "Numbers that sources gave to entries which are not here";
        to.register("source_sequence_missing", says, self.missing.clone());
    }

    /// Those of a batch that have a number.
    pub fn numbered(items: &[Item]) -> Vec<Numbered> {
        let items = items.iter().enumerate();
        let numbered = items.filter_map(|(at, item)| {
            let (name, number) = number_of(item.draft.source.as_ref())?;
            Some(Numbered {
                at,
                key: (item.defaults.organization.clone(), name.into()),
                number,
                timestamp: item.draft.timestamp,
            })
        });
        numbered.collect()
    }

    /// Takes in what was stored.
    pub fn stored(&self, numbered: &[Numbered], receipts: &[Receipt]) {
        if numbered.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        for one in numbered {
            let Some(Receipt::Accepted { received_at, .. }) = receipts.get(one.at) else {
                continue;
            };
            let at = one.timestamp.unwrap_or(*received_at);
            self.take(&mut state, &one.key, one.number, at, *received_at);
        }
    }

    fn take(
        &self,
        state: &mut State,
        key: &Key,
        number: u64,
        at: Timestamp,
        received_at: Timestamp,
    ) {
        if !state.sources.contains_key(key) && state.sources.len() >= SOURCES_MAX {
            self.forget_one(state);
        }
        let counted = state.sources.entry(key.clone()).or_default();
        counted.ranges.insert(number, at.as_micros());
        counted.heard = counted.heard.max(received_at.as_micros());
        let missing = i64::try_from(counted.ranges.missing()).unwrap_or(i64::MAX);
        state.is_changed = true;
        self.missing.get_or_create(&label(key)).set(missing);
    }

    /// Makes room: the source that was heard longest ago is forgotten.
    fn forget_one(&self, state: &mut State) {
        let oldest = state.sources.iter().min_by_key(|(_, one)| one.heard);
        let Some((key, heard)) = oldest.map(|(key, one)| (key.clone(), one.heard)) else {
            return;
        };
        state.sources.remove(&key);
        self.missing.remove(&label(&key));
        let until = heard.saturating_add(HEARD_MICROS);
        state.blind_until = state.blind_until.max(Some(until));
    }

    fn is_caught_up(&self) -> bool {
        self.is_caught_up.load(Ordering::Acquire)
    }

    /// The numbers of a source; `None` if it gives none, or they are not known.
    pub fn of(&self, organization: &Organization, name: &str) -> Option<Told> {
        if !self.is_caught_up() {
            return None;
        }
        let state = self.state.lock();
        let counted = state.sources.get(&(organization.clone(), name.into()))?;
        counted.ranges.told(GAPS_TOLD_MAX)
    }

    /// Up to when all that sources with numbers recorded in these organizations is here: the earliest, over those heard within a
    /// day, of the timestamp before the first gap, else of the newest entry.
    pub fn complete_through(
        &self,
        organizations: &[Organization],
        now: Timestamp,
    ) -> Option<Timestamp> {
        if !self.is_caught_up() {
            return None;
        }
        let state = self.state.lock();
        if state
            .blind_until
            .is_some_and(|until| now.as_micros() < until)
        {
            return None;
        }
        let recent = now.as_micros().saturating_sub(HEARD_MICROS);
        let of_these = organizations.iter().flat_map(|organization| {
            let from = (organization.clone(), "".into());
            let all = state.sources.range(from..);
            all.take_while(move |((of, _), _)| of == organization)
        });
        let heard = of_these.filter(|(_, one)| one.heard >= recent);
        let earliest = heard.filter_map(|(_, one)| one.ranges.through()).min();
        earliest.and_then(Timestamp::from_micros)
    }

    /// Reads what was received since the numbers were written down. False if the server closed meanwhile.
    fn catch_up(&self, app: &App) -> Result<bool, store::Error> {
        let reading = app.reading_within(Reach::everything());
        let from = self.from.map(|at| at.as_micros() - OVERLAP_MICROS);
        let after = from.and_then(Timestamp::from_micros).map(before);
        let scan = reading.scan(&PageQuery {
            filter: Filter::everything(),
            order: Order::Received,
            direction: Direction::Ascending,
            limit: usize::MAX,
            after,
            as_of: reading.untold_state(),
        });
        for entry in scan {
            if *app.closing.borrow() {
                return Ok(false);
            }
            self.read(&entry?);
        }
        self.is_caught_up.store(true, Ordering::Release);
        Ok(true)
    }

    fn read(&self, entry: &Entry) {
        let Some((name, number)) = number_of(entry.source.as_ref()) else {
            return;
        };
        let key = (entry.scope.organization.clone(), name.into());
        let mut state = self.state.lock();
        let (at, received_at) = (entry.timestamp, entry.received_at);
        self.take(&mut state, &key, number, at, received_at);
    }

    /// Writes the numbers down, if there are new ones and all of them are known.
    fn write(&self, now: Timestamp) -> std::io::Result<()> {
        if !self.is_caught_up() {
            return Ok(());
        }
        let text = {
            let mut state = self.state.lock();
            if !std::mem::take(&mut state.is_changed) {
                return Ok(());
            }
            kept::text(now, &state.sources)
        };
        let written = kept::write(&self.file, &text);
        if written.is_err() {
            self.state.lock().is_changed = true;
        }
        written
    }
}

fn label((organization, name): &Key) -> Label {
    Label {
        organization: organization.to_string(),
        source: name.to_string(),
    }
}

/// The number that a source gave, and its name.
fn number_of(source: Option<&Source>) -> Option<(&str, u64)> {
    let source = source?;
    let is_counted = source.name.len() <= NAME_BYTES_MAX && *source.name != *watching::SOURCE;
    Some((&*source.name, source.sequence?)).filter(|_| is_counted)
}

/// Before everything that was received from then on.
pub fn before(at: Timestamp) -> Position {
    Position {
        timestamp: at,
        received_at: at,
        organization: Organization::parse("0").expect("a slug"),
        seq: Seq(0),
    }
}

/// Catches up, then writes down what is new now and then, and at the end.
pub async fn keep(app: Arc<App>, mut closing: watch::Receiver<bool>) {
    let reader = Arc::clone(&app);
    let caught_up = move || reader.intake.sequences.catch_up(&reader);
    match tokio::task::spawn_blocking(caught_up).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(%error, "the numbers of sources are not known"),
        Err(error) => tracing::error!(%error, "reading the numbers of sources panicked"),
    }
    let mut is_over = false;
    while !is_over {
        let closes = closing.wait_for(|closing| *closing);
        is_over = timeout(WRITE, closes).await.is_ok();
        let app = Arc::clone(&app);
        let write = move || app.intake.sequences.write(app.now());
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the numbers of sources were not written down")
            }
            Err(error) => tracing::error!(%error, "writing the numbers of sources panicked"),
        }
    }
}

impl Reading {
    /// Up to when the answer to a filter holds all that sources with numbers recorded; `None` where the caller does not read each
    /// organization in question as a whole. Asked before the answer is read, so that it never promises more.
    pub fn complete_through(&self, app: &App, filter: &Filter) -> Option<Timestamp> {
        let organizations = self.in_question(filter)?;
        let sequences = &app.intake.sequences;
        sequences.complete_through(&organizations, app.now())
    }
}
