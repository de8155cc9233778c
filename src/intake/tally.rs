//! What became of everything that a source sent: nothing is sent that is not counted, once.
//!
//! Names of sources come from callers, and each is remembered, so that there is a limit of them, in all and in each organization. Those
//! beyond it are one: what they send is taken all the same, and counted under `(others)`.

use super::shelf::{Sender, SourceName};
use entry::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sources that are told apart in an organization.
pub const OF_ORGANIZATION_MAX: usize = 500;
/// Sources that are told apart in all.
const SOURCES_MAX: usize = 5_000;
/// Organizations whose other sources are one of each.
const OTHERS_MAX: usize = 1_000;

/// Counts of items since the start. `sent` is the sum of all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub sent: u64,
    pub stored: u64,
    pub duplicates: u64,
    /// Kept beside, until a mapping can or a person throws them away.
    pub quarantined: u64,
    /// Answered with an error: the sender has them, and knows.
    pub refused: u64,
    /// No entries of their own, such as the early stages of a request; by the rules of their format.
    pub skipped: u64,
}

impl Tally {
    fn add(&mut self, more: &Tally) {
        let sums = [
            (&mut self.sent, more.sent),
            (&mut self.stored, more.stored),
            (&mut self.duplicates, more.duplicates),
            (&mut self.quarantined, more.quarantined),
            (&mut self.refused, more.refused),
            (&mut self.skipped, more.skipped),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
    }

    /// Of items of which none was taken.
    pub fn refused(count: u64) -> Self {
        Self {
            sent: count,
            refused: count,
            ..Self::default()
        }
    }

    /// True if nothing was lost on the way.
    pub fn is_whole(&self) -> bool {
        let known = self.stored + self.duplicates + self.quarantined + self.refused + self.skipped;
        self.sent == known
    }
}

/// What is known of a source since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub tally: Tally,
    /// Calls that were refused as a whole.
    pub calls_refused: u64,
    /// When it sent something last, by the server's clock.
    pub last: Option<Timestamp>,
    /// Between which receipts what was kept of it was last mapped again.
    pub replayed: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    organization: String,
    source: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    organization: String,
    source: String,
    status: u16,
}

/// Everything counted, by source.
#[derive(Default)]
pub struct Tallies {
    /// Guards nothing else.
    heard: Mutex<BTreeMap<Sender, Heard>>,
    items: Family<Label, Counter>,
    calls: Family<CallLabel, Counter>,
}

impl Tallies {
    pub fn register(&self, to: &mut Registry) {
        let says = "What sources sent, by what became of it; `sent` is the sum of the others";
        to.register("source_items", says, self.items.clone());
        let says = "Calls of sources that were refused as a whole, by status; what they held may not be known";
        to.register("source_calls_refused", says, self.calls.clone());
    }

    /// False if a sender that somebody else's word makes one, such as the name of a service, is not to be told apart from others:
    /// those leave room.
    pub fn has_ample_room_for(&self, sender: &Sender) -> bool {
        let heard = self.heard.lock();
        has_room_for(&heard, sender, 9)
    }

    /// Counts what was sent. A call that held nothing makes no source known.
    pub fn count(&self, sender: &Sender, now: Timestamp, more: &Tally) {
        debug_assert!(more.is_whole(), "{more:?}");
        let mut heard = self.heard.lock();
        if more.sent == 0 && !heard.contains_key(sender) {
            return;
        }
        let known = known_as(&heard, sender);
        if let Some(known) = &known {
            let one = heard.entry(known.clone()).or_default();
            one.tally.add(more);
            one.last = Some(now);
        }
        drop(heard);
        let counts = [
            ("sent", more.sent),
            ("stored", more.stored),
            ("duplicate", more.duplicates),
            ("quarantined", more.quarantined),
            ("refused", more.refused),
            ("skipped", more.skipped),
        ];
        let (organization, source) = named(known.as_ref());
        for (status, count) in counts {
            let label = Label {
                organization: organization.clone(),
                source: source.clone(),
                status,
            };
            self.items.get_or_create(&label).inc_by(count);
        }
    }

    /// Counts a call that was refused as a whole, with that status.
    pub fn refuse(&self, sender: &Sender, status: u16) {
        let mut heard = self.heard.lock();
        let known = known_as(&heard, sender);
        if let Some(known) = &known {
            heard.entry(known.clone()).or_default().calls_refused += 1;
        }
        drop(heard);
        let (organization, source) = named(known.as_ref());
        let label = CallLabel {
            organization,
            source,
            status,
        };
        self.calls.get_or_create(&label).inc();
    }

    /// Remembers what was received of a source that did not send it then.
    pub fn replayed(&self, sender: &Sender, begun: Timestamp, last: Timestamp) {
        let mut heard = self.heard.lock();
        if let Some(known) = known_as(&heard, sender) {
            heard.entry(known).or_default().replayed = Some((begun, last));
        }
    }

    /// What is known of one.
    pub fn of(&self, sender: &Sender) -> Option<Heard> {
        self.heard.lock().get(sender).copied()
    }

    pub fn heard(&self) -> BTreeMap<Sender, Heard> {
        self.heard.lock().clone()
    }
}

/// Whether there is room for a sender within so many tenths of it.
fn has_room_for(heard: &BTreeMap<Sender, Heard>, sender: &Sender, tenths: usize) -> bool {
    let of_organization = || {
        let from = Sender {
            source: SourceName::others(),
            ..sender.clone()
        };
        let all = heard.range(from..);
        all.take_while(|(one, _)| one.organization == sender.organization)
            .count()
    };
    heard.contains_key(sender)
        || heard.len() < SOURCES_MAX / 10 * tenths
            && of_organization() < OF_ORGANIZATION_MAX / 10 * tenths
}

/// As what it is remembered: as itself, or as one of many. `None` if there is no room for that either.
fn known_as(heard: &BTreeMap<Sender, Heard>, sender: &Sender) -> Option<Sender> {
    if has_room_for(heard, sender, 10) {
        return Some(sender.clone());
    }
    let others = Sender {
        source: SourceName::others(),
        ..sender.clone()
    };
    let is_remembered = heard.contains_key(&others) || heard.len() < SOURCES_MAX + OTHERS_MAX;
    is_remembered.then_some(others)
}

fn named(known: Option<&Sender>) -> (String, String) {
    let others = || SourceName::others().as_str().to_owned();
    match known {
        Some(one) => (one.organization.to_string(), one.source.as_str().to_owned()),
        None => (others(), others()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::Organization;

    fn sender(organization: &str, source: &str) -> Sender {
        Sender {
            organization: Organization::parse(organization).expect("a slug"),
            source: SourceName::parse(source).expect("a name"),
        }
    }

    /// A thousand calls that held nothing once made a thousand sources, and every other one was refused until a restart.
    #[test]
    fn names_that_somebody_makes_up_take_nobodys_place() {
        let tallies = Tallies::default();
        let now = Timestamp::from_micros(1_793_534_400_000_000).expect("a time");
        let one = Tally {
            sent: 1,
            stored: 1,
            ..Tally::default()
        };
        for n in 0..OF_ORGANIZATION_MAX {
            tallies.count(&sender("evil", &format!("x{n}")), now, &Tally::default());
        }
        assert!(tallies.heard().is_empty());
        for n in 0..OF_ORGANIZATION_MAX + 7 {
            tallies.count(&sender("evil", &format!("x{n}")), now, &one);
        }
        tallies.count(&sender("victim", "prod"), now, &one);
        let heard = tallies.heard();
        assert_eq!(heard[&sender("victim", "prod")].tally, one);
        let others = Sender {
            source: SourceName::others(),
            ..sender("evil", "x")
        };
        assert_eq!(heard[&others].tally.stored, 7);
        assert_eq!(heard.len(), OF_ORGANIZATION_MAX + 2);
        // However many organizations there are, what is remembered is bounded, and everything is counted.
        for n in 0..2 * (SOURCES_MAX + OTHERS_MAX) {
            tallies.count(&sender(&format!("o{n}"), "prod"), now, &one);
        }
        assert_eq!(tallies.heard().len(), SOURCES_MAX + OTHERS_MAX);
    }
}
