use super::*;
use crate::sent::Fate;
use crate::testing::{claims, context};
use entry::{Draft, Result as Ended};
use proptest::prelude::*;

const OF_CALL: Defaults<'_> = Defaults {
    host: Some("of-call"),
    source: Some("billing"),
    sourcetype: None,
    index: None,
    time: None,
};

fn events(body: &str) -> Events {
    read(body.as_bytes(), OF_CALL, table(), &claims("hec")).expect("a call")
}

fn stored(sent: &Sent) -> &Draft {
    let Fate::Store(draft) = &sent.fate else {
        panic!("{sent:?}");
    };
    draft.check().expect("a draft the log accepts");
    draft
}

#[test]
fn objects_one_after_the_other_are_events() {
    let body = r#"{"time":1767323045.678,"host":"web-1","event":{"action":"deleteUser","actor":{"email":"ana@example.com"},"target":{"type":"user","name":"bo"},"result":"failure"}}{"time":"1767323045.678","event":"{\"action\":\"x\",\"user\":\"ana\"}","fields":{"request_id":"r"}}
 {"event":"a line of a log"} {"host":"h"} {"event":" "} 7"#;
    let read = events(body);
    assert_eq!(read.sent.len(), 6);
    let first = stored(&read.sent[0]);
    assert_eq!(
        (&*first.action, first.result),
        ("deleteUser", Ended::Failure)
    );
    assert_eq!(first.actor.party.email.as_deref(), Some("ana@example.com"));
    assert_eq!(context(first, "/hec/source").as_deref(), Some("billing"));
    assert_eq!(first.related[0].name.as_deref(), Some("web-1"));
    let second = stored(&read.sent[1]);
    assert_eq!(second.timestamp, first.timestamp);
    assert_eq!(second.actor.party.shown(), Some("ana"));
    assert_eq!(second.request.id.as_deref(), Some("r"));
    assert!(matches!(&read.sent[2].fate, Fate::Quarantine(why) if why.contains("no action")));
    assert!(matches!(&read.sent[3].fate, Fate::Refuse(why) if why == NO_EVENT));
    assert!(matches!(&read.sent[4].fate, Fate::Refuse(why) if why == BLANK_EVENT));
    // A number is no object: it is kept as what could not be read.
    assert!(!matches!(read.sent[5].fate, Fate::Store(_)));
    let again = again(&read.sent[1].raw, table(), &claims("hec")).expect("an event");
    assert_eq!(stored(&again[0]), second);
}

#[test]
fn what_is_damaged_does_not_take_the_rest_with_it() {
    let read =
        events("{\"event\":{\"action\":\"a\"}}\n{\"event\":\n{\"event\":{\"action\":\"b\"}}\n");
    assert_eq!(read.damaged, Some(1));
    let stored = read
        .sent
        .iter()
        .filter(|s| matches!(s.fate, Fate::Store(_)));
    assert_eq!(stored.count(), 2);
    assert_eq!(events("").damaged, None);
    let many = "{}".repeat(BATCH_ENTRIES_MAX + 1);
    let read = read_all(&many);
    assert!(matches!(read, Err(Unreadable::TooMuch(_))));
}

fn read_all(body: &str) -> Result<Events, Unreadable> {
    read(body.as_bytes(), OF_CALL, table(), &claims("hec"))
}

#[test]
fn lines_are_events_of_what_the_call_says() {
    let defaults = Defaults {
        time: Some("1767323045"),
        ..OF_CALL
    };
    let body = b"{\"action\":\"x\"}\r\n\nplain \xff\n";
    let sent = read_raw(body, defaults, table(), &claims("hec")).expect("a call");
    assert_eq!(sent.len(), 2);
    let draft = stored(&sent[0]);
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2026-01-02T03:04:05.000000Z"
    );
    assert_eq!(draft.actor.party.shown(), Some("billing"));
    let kept = String::from_utf8_lossy(&sent[1].raw);
    assert!(kept.contains(r"plain \\xff"), "{kept}");
    let many = "x\n".repeat(BATCH_ENTRIES_MAX + 1);
    let read = read_raw(many.as_bytes(), OF_CALL, table(), &claims("hec"));
    assert!(matches!(read, Err(Unreadable::TooMuch(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(body in "(\\{\"event\":(\"\\PC{0,4}\"|\\{\"action\":\"x\"\\})\\}|[\\[\\],{}\"\\PC \\n]{0,5}){0,6}") {
        let read = events(&body);
        prop_assert!(read.damaged.is_none_or(|at| at < read.sent.len()));
        let raw = read_raw(body.as_bytes(), OF_CALL, table(), &claims("hec")).expect("few lines");
        prop_assert!(raw.len() <= body.lines().count());
    }
}
