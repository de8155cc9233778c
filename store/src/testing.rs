//! Drafts and a clock for the tests of this crate.

use crate::segment::layout::{self, Part};
use crate::{Clock, Item, Random};
use entry::draft::Defaults;
use entry::entry::Actor;
use entry::{
    ActorKind, Category, Draft, DraftScope, EntryId, Organization, Party, Request, Timestamp,
};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that ticks by one microsecond whenever it is read.
#[derive(Clone)]
pub(crate) struct Ticking(Arc<AtomicI64>);

impl Ticking {
    pub fn new() -> Self {
        Ticking(Arc::new(AtomicI64::new(1_000_000)))
    }

    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::Relaxed);
    }

    pub fn clock(&self) -> Clock {
        let ticks = self.0.clone();
        Arc::new(move || {
            Timestamp::from_micros(ticks.fetch_add(1, Ordering::Relaxed)).expect("in range")
        })
    }
}

/// Bytes that are never the same twice in a test.
pub(crate) fn random() -> Random {
    let next = AtomicI64::new(1);
    Arc::new(move |bytes| {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (next.fetch_add(1, Ordering::Relaxed) * 31 + at as i64) as u8;
        }
    })
}

/// A draft whose id and content follow from its number.
pub(crate) fn item(organization: &str, number: u64) -> Item {
    item_of(organization, 0, number)
}

/// As [`item`], of one of several series.
pub(crate) fn item_of(organization: &str, series: u64, number: u64) -> Item {
    // Not all zeros: that id is refused.
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(series + 1).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    let id = EntryId::from_bytes(id);
    let organization = Organization::parse(organization).expect("a slug");
    let party = Party {
        kind: ActorKind::User,
        id: Some(format!("usr_{number}").into()),
        name: Some("Ana Ruiz".into()),
        email: None,
    };
    Item {
        draft: Draft {
            id: Some(id),
            timestamp: Timestamp::from_micros(number as i64 * 1_000),
            actor: Actor {
                party,
                on_behalf_of: None,
            },
            action: "scaleCluster".into(),
            category: None,
            target: None,
            related: Vec::new(),
            scope: DraftScope::default(),
            request: Request::default(),
            result: entry::Result::Success,
            error: None,
            changes: None,
            context: None,
            source: None,
        },
        defaults: Defaults {
            id,
            organization,
            category: Category::Cluster,
        },
    }
}

/// Changes the bytes of the first section of a part in every segment file of a directory.
pub(crate) fn damage_segments(dir: &Path, part: Part, change: impl Fn(&mut [u8])) {
    for found in std::fs::read_dir(dir).expect("a directory of segments") {
        let path = found.expect("readable").path();
        let mut bytes = std::fs::read(&path).expect("read");
        let range = place_of(&bytes, part);
        change(&mut bytes[range]);
        std::fs::write(&path, &bytes).expect("written");
    }
}

fn place_of(segment: &[u8], part: Part) -> Range<usize> {
    let (_, placed) = layout::read_frame(segment).ok().expect("a sound frame");
    let of_part = |placed: &&layout::Placed| placed.section.part() == Some(part);
    let first = placed.iter().find(of_part);
    first.expect("it has such a section").range.clone()
}
