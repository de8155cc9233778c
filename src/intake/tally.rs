//! What became of everything that a source sent: nothing is sent that is not counted, once.

use super::shelf::Sender;
use entry::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sources that are told apart: their names come from callers, and each is remembered.
pub const SOURCES_MAX: usize = 1_000;

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
    /// When it sent something last, by the server's clock.
    pub last: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Label {
    organization: String,
    source: String,
    status: &'static str,
}

/// Everything counted, by source.
#[derive(Default)]
pub struct Tallies {
    /// Guards nothing else.
    heard: Mutex<BTreeMap<Sender, Heard>>,
    items: Family<Label, Counter>,
}

impl Tallies {
    pub fn register(&self, to: &mut Registry) {
        let says = "What sources sent, by what became of it; `sent` is the sum of the others";
        to.register("source_items", says, self.items.clone());
    }

    /// False if there are so many sources already that this one is not to be remembered.
    pub fn has_room_for(&self, sender: &Sender) -> bool {
        let heard = self.heard.lock();
        heard.len() < SOURCES_MAX || heard.contains_key(sender)
    }

    /// The same of a sender that somebody else's word makes one, such as the name of a service: those leave room for others.
    pub fn has_ample_room_for(&self, sender: &Sender) -> bool {
        let heard = self.heard.lock();
        heard.len() < SOURCES_MAX / 10 * 9 || heard.contains_key(sender)
    }

    pub fn count(&self, sender: &Sender, now: Timestamp, more: &Tally) {
        debug_assert!(more.is_whole(), "{more:?}");
        let mut heard = self.heard.lock();
        let one = heard.entry(sender.clone()).or_default();
        one.tally.add(more);
        one.last = Some(now);
        drop(heard);
        let counts = [
            ("sent", more.sent),
            ("stored", more.stored),
            ("duplicate", more.duplicates),
            ("quarantined", more.quarantined),
            ("refused", more.refused),
            ("skipped", more.skipped),
        ];
        for (status, count) in counts {
            let label = Label {
                organization: sender.organization.as_str().to_owned(),
                source: sender.source.as_str().to_owned(),
                status,
            };
            self.items.get_or_create(&label).inc_by(count);
        }
    }

    pub fn heard(&self) -> BTreeMap<Sender, Heard> {
        self.heard.lock().clone()
    }
}
