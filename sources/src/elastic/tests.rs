use super::*;
use crate::sent::Fate;
use crate::testing::{claims, context};
use entry::{ActorKind, Draft, Result as Ended};
use proptest::prelude::*;

fn bulk(body: &str) -> Result<Bulk, Unreadable> {
    read(body.as_bytes(), Some("of-path"), table(), &claims("es"))
}

fn stored(sent: &Sent) -> &Draft {
    let Fate::Store(draft) = &sent.fate else {
        panic!("{sent:?}");
    };
    draft.check().expect("a draft the log accepts");
    draft
}

#[test]
fn documents_are_taken_and_changes_refused_item_by_item() {
    let body = r#"{"create":{"_index":"audit","_id":"7"}}
{"@timestamp":"2026-01-02T03:04:05.678Z","event":{"action":"deleteUser","outcome":"failure"},"user":{"name":"ana","email":"ana@example.com","target":{"name":"bo"}},"source":{"ip":"203.0.113.9"},"trace":{"id":"t"},"error":{"message":"no"}}

{"index":{}}
{"@timestamp":1767323045678,"event.action":"x","host.name":"web-1"}
{"update":{"_id":"7"}}
{"doc":{"a":1}}
{"delete":{"_id":7}}
{"create":{}}
{"no":"action"}
{"create":{}}
{broken"#;
    let read = bulk(body).expect("a call");
    let items: Vec<_> = read
        .items
        .iter()
        .map(|item| {
            (
                item.operation,
                item.index.as_deref(),
                item.id.as_deref(),
                item.sent,
            )
        })
        .collect();
    assert_eq!(
        items,
        [
            (Operation::Create, Some("audit"), Some("7"), 1),
            (Operation::Index, Some("of-path"), None, 1),
            (Operation::Update, Some("of-path"), Some("7"), 1),
            (Operation::Delete, Some("of-path"), Some("7"), 1),
            (Operation::Create, Some("of-path"), None, 1),
            (Operation::Create, Some("of-path"), None, 1),
        ]
    );
    let first = stored(&read.sent[0]);
    assert_eq!(
        (&*first.action, first.result),
        ("deleteUser", Ended::Failure)
    );
    assert_eq!(first.actor.party.email.as_deref(), Some("ana@example.com"));
    let target = first.target.as_ref().and_then(|t| t.name.as_deref());
    assert_eq!(target, Some("bo"));
    assert_eq!(first.request.ip.as_deref(), Some("203.0.113.9"));
    let id = first.source.as_ref().and_then(|s| s.event_id.as_deref());
    assert!(id.is_some_and(|id| id.starts_with("audit/7/")), "{id:?}");
    let second = stored(&read.sent[1]);
    assert_eq!(second.actor.party.shown(), Some("web-1"));
    assert_eq!(second.actor.party.kind, ActorKind::System);
    assert_eq!(second.timestamp, first.timestamp);
    assert_eq!(
        context(second, "/elastic/index").as_deref(),
        Some("of-path")
    );
    assert!(matches!(read.sent[2].fate, Fate::Refuse(_)));
    assert!(matches!(read.sent[3].fate, Fate::Refuse(_)));
    for kept in &read.sent[4..] {
        assert!(matches!(kept.fate, Fate::Quarantine(_)));
        let again = again(&kept.raw, table(), &claims("es")).expect("two lines");
        assert_eq!(again[0].raw, kept.raw);
        assert!(matches!(again[0].fate, Fate::Quarantine(_)));
    }
    let again = again(&read.sent[1].raw, table(), &claims("es")).expect("two lines");
    assert_eq!(stored(&again[0]), second);
}

#[test]
fn lines_that_tell_nothing_apart_are_refused_whole() {
    for body in [
        "{",
        "[]\n{}",
        "{}\n{}",
        "{\"create\":1}\n{}",
        "{\"create\":{},\"index\":{}}\n{}",
        "{\"upsert\":{}}\n{}",
        "{\"create\":{\"_id\":{}}}\n{}",
        "{\"create\":{}}",
        "{\"create\":{}}\n\n{}",
    ] {
        let read = bulk(body);
        assert!(
            matches!(read, Err(Unreadable::Malformed(_))),
            "{body}: {read:?}"
        );
    }
    assert!(bulk("\n\n").expect("empty").items.is_empty());
    let many = "{\"delete\":{}}\n".repeat(BATCH_ENTRIES_MAX + 1);
    assert!(matches!(bulk(&many), Err(Unreadable::TooMuch(_))));
}

proptest! {
    #[test]
    fn any_lines_are_refused_or_read(
        body in "((\\{\"(create|index|delete)\":\\{(\"_id\":\"[a-z]\")?\\}\\}|\\{\"action\":\"x\"\\}|\\PC{0,6})\\r?\\n){0,8}"
    ) {
        if let Ok(read) = bulk(&body) {
            let of_items: usize = read.items.iter().map(|item| item.sent).sum();
            prop_assert_eq!(of_items, read.sent.len());
            prop_assert!(read.items.iter().all(|item| item.sent > 0));
        }
    }
}
