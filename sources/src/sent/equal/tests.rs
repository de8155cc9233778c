use super::*;
use crate::hec;
use crate::testing::claims;
use std::collections::BTreeMap;
use std::convert::Infallible;

const MINUTE: i64 = 60_000_000;

/// A log that takes calls of lines, and what it received when.
#[derive(Default)]
struct Log {
    stored: BTreeMap<Box<str>, Timestamp>,
    asked: usize,
}

impl Log {
    /// How many of a call's items are new to it.
    fn take(&mut self, body: &str, now: i64) -> usize {
        let now = Timestamp::from_micros(now).expect("an instant");
        let claims = claims("s");
        let sent = hec::read_raw(
            body.as_bytes(),
            hec::Defaults::default(),
            hec::table(),
            &claims,
        );
        let mut new = Vec::new();
        for one in sent.expect("a call") {
            let Fate::Store(mut draft) = one.fate else {
                panic!("{one:?}");
            };
            let Ok(()) = settle(&mut draft, now, &mut |draft: &Draft| {
                self.asked += 1;
                Ok::<_, Infallible>(self.stored.get(&id(draft)).copied())
            });
            new.push(id(&draft));
        }
        let count = self.stored.len();
        for id in new {
            self.stored.entry(id).or_insert(now);
        }
        self.stored.len() - count
    }
}

fn id(draft: &Draft) -> Box<str> {
    let source = draft.source.as_ref().expect("a source");
    source.event_id.clone().expect("an id")
}

const RESTART: &str = r#"{"action":"restart","actor":"svc"}"#;

/// Three restarts said by three equal calls were one entry for ever, since their text was all they were known by.
#[test]
fn an_equal_call_is_the_same_one_for_five_minutes_and_another_one_later() {
    let mut log = Log::default();
    let start = 1_800_000_000_000_000;
    assert_eq!(log.take(RESTART, start), 1);
    for later in [0, 1, MINUTE, 5 * MINUTE] {
        assert_eq!(log.take(RESTART, start + later), 0, "{later}");
    }
    // The log's clock may be ahead of the one that asks.
    assert_eq!(log.take(RESTART, start - MINUTE), 0);
    let second = start + 5 * MINUTE + 1;
    assert_eq!(log.take(RESTART, second), 1);
    assert_eq!(log.take(RESTART, second + 5 * MINUTE), 0);
    assert_eq!(log.take(RESTART, second + 6 * MINUTE), 1);
    // Another call is another one at once; two equal lines of it are two.
    assert_eq!(log.take(&format!("{RESTART}\n{RESTART}"), start), 2);
}

#[test]
fn the_number_of_equal_calls_is_found_in_a_few_steps() {
    let mut log = Log::default();
    for day in 0..3_000 {
        assert_eq!(log.take(RESTART, day * 1_440 * MINUTE), 1, "{day}");
        log.asked = 0;
        assert_eq!(log.take(RESTART, day * 1_440 * MINUTE + 1), 0, "{day}");
        assert!(log.asked < 30, "{} for {day}", log.asked);
    }
}

#[test]
fn what_was_kept_is_the_same_whenever_it_is_read_again() {
    let raw = format!(r#"{{"event":{RESTART}}}"#);
    let ids = |received_at: i64| {
        let mut claims = claims("s");
        claims.now = Timestamp::from_micros(received_at).expect("an instant");
        let sent = crate::sent::again("hec", raw.clone().into_bytes(), None, &claims);
        match &sent.expect("a protocol")[0].fate {
            Fate::Store(draft) => {
                assert!(!is_unsettled(draft));
                id(draft)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ids(7), ids(7));
    assert_ne!(ids(7), ids(8));
}
