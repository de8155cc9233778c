//! What the tests of this crate share: items through a mapper, and the recorded data.

use crate::foreign::{Choice, Claims, Fate, Item, Mapper};
use crate::formats::Formats;
use crate::scan::{Piece, Place, Scanner, Spill};
use entry::json::Value;
use entry::{Draft, Timestamp};
use std::io;
use std::path::{Path, PathBuf};

pub fn claims(source: &str) -> Claims {
    Claims {
        source: source.into(),
        organization: Choice::Unsaid,
        now: Timestamp::parse("2026-11-24T00:00:00Z").expect("an instant"),
        redaction: None,
    }
}

/// What became of an input.
#[derive(Debug, Default)]
pub struct Outcome {
    pub drafts: Vec<Draft>,
    pub skipped: Vec<&'static str>,
    pub refused: Vec<String>,
}

struct Nowhere;

impl Spill for Nowhere {
    fn write(&mut self, _place: Place, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Everything in a text, by a format of that name; every draft is one that the log accepts.
pub fn outcome(format: &str, text: &[u8]) -> Outcome {
    let mapper = Formats::built_in().mapper(format, claims(format));
    outcome_of(mapper.expect("a format of that name").as_mut(), text)
}

pub fn outcome_of(mapper: &mut dyn Mapper, text: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut scanner = Scanner::new(text, mapper.layout());
    let mut decided = |_: Item, fate: Fate| match fate {
        Fate::Send(draft) => {
            draft.check().expect("a draft the log accepts");
            outcome.drafts.push(*draft);
        }
        Fate::Skip(why) => outcome.skipped.push(why),
        Fate::Refuse(why) => outcome.refused.push(why),
    };
    while let Some(piece) = scanner.next(&mut Nowhere).expect("memory") {
        match piece {
            Piece::Item { place, raw } => {
                mapper.take(Item { place, raw }, scanner.header(), &mut decided)
            }
            other => panic!("no item: {other:?}"),
        }
    }
    mapper.finish(&mut decided);
    outcome
}

/// The one draft of a text.
pub fn draft(format: &str, text: &str) -> Draft {
    let mut outcome = outcome(format, text.as_bytes());
    assert_eq!(outcome.drafts.len(), 1, "{outcome:?}");
    outcome.drafts.remove(0)
}

/// The text at a place of the context.
pub fn context(draft: &Draft, pointer: &str) -> Option<String> {
    let context = draft.context.as_ref()?.parse();
    Some(match context.pointer(pointer)? {
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    })
}

/// The recorded data; `None` on a machine that does not have it, where these tests say so and pass.
pub fn fixtures() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("MAR_AUDIT_FIXTURES").map(PathBuf::from);
    let places = named
        .into_iter()
        .chain(["../../shared/fixtures", "../../../shared/fixtures"].map(|place| home.join(place)));
    let found = places
        .into_iter()
        .find(|place| place.join("EXPECTED.json").exists());
    if found.is_none() {
        eprintln!(
            "skipped: no recorded data beside the project; MAR_AUDIT_FIXTURES names another place"
        );
    }
    found
}

pub fn fixture(path: &str) -> Option<Vec<u8>> {
    let path = fixtures()?.join(path);
    Some(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}
