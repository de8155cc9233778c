use super::*;
use crate::json::Value;

/// The example of the design: every member there is.
const FULL: &str = r#"{
  "id": "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10",
  "timestamp": "2026-10-05T09:31:22.104512Z",
  "actor": {"type": "user", "id": "usr_5", "name": "Ana Ruiz", "email": "ana@acme.example",
            "on_behalf_of": {"type": "user", "id": "usr_9", "name": "Bo Li", "email": "bo@acme.example"}},
  "action": "scaleCluster",
  "category": "cluster",
  "target": {"type": "cluster", "id": "clu_9", "name": "pay-eu"},
  "related": [{"type": "config_profile", "id": "cp_2", "name": "large"}],
  "scope": {"organization": "acme", "project": "payments"},
  "request": {"id": "req_77c", "ip": "203.0.113.9", "user_agent": "mar-cli/2.4", "method": "PATCH",
              "path": "/v1/clusters/clu_9", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "session_id": "ses_2"},
  "result": "failure",
  "error": {"code": "403", "message": "missing clusters:update"},
  "changes": [{"path": "/spec/replicas", "before": 3, "after": 5}],
  "context": {"ticket": "OPS-88"},
  "source": {"name": "mar-api", "event_id": "ev-18233", "sequence": 18233}
}"#;

const SHORT: &str =
    r#"{"action":"createCluster","actor":{"id":"u","type":"user"},"result":"success"}"#;

fn canonical(json: &str) -> String {
    crate::json::parse(json.as_bytes())
        .expect("JSON")
        .to_string()
}

fn accepted(json: &str) -> Entry {
    let draft =
        Draft::from_json(json.as_bytes()).unwrap_or_else(|problems| panic!("{json}: {problems}"));
    let defaults = Defaults {
        id: EntryId::from_bytes([7; 16]),
        organization: draft
            .scope
            .organization
            .clone()
            .unwrap_or(Organization::parse("default").expect("a slug")),
        category: draft.category.unwrap_or(Category::Other),
    };
    draft.accept(
        Seq(18),
        Timestamp::parse("2026-11-23T10:00:00Z").expect("a time"),
        defaults,
    )
}

fn wire(entry: &Entry) -> String {
    let mut out = Vec::new();
    entry.write_wire(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn what_was_sent_comes_back_with_what_the_log_adds_and_nothing_else() {
    let entry = accepted(FULL);
    let wire = wire(&entry);
    assert_eq!(canonical(&wire), wire);
    let Value::Object(mut shown) = crate::json::parse(wire.as_bytes()).expect("JSON") else {
        panic!("an object")
    };
    assert_eq!(shown.remove("seq").expect("seq").as_u64(), Some(18));
    assert_eq!(
        shown.remove("received_at").expect("received_at").as_str(),
        Some("2026-11-23T10:00:00.000000Z")
    );
    assert_eq!(Value::Object(shown).to_string(), canonical(FULL));
    assert_eq!(Entry::from_wire(wire.as_bytes()).as_ref(), Ok(&entry));
    let mut body = Vec::new();
    entry.write_body(&mut body);
    assert_eq!(
        Entry::from_body(entry.seq, entry.received_at, &body),
        Ok(entry)
    );
}

#[test]
fn the_log_fills_in_what_a_short_draft_leaves_out() {
    let shown = wire(&accepted(SHORT));
    assert_eq!(
        shown,
        "{\"action\":\"createCluster\",\"actor\":{\"id\":\"u\",\"type\":\"user\"},\"category\":\"other\",\
         \"id\":\"07070707-0707-0707-0707-070707070707\",\"received_at\":\"2026-11-23T10:00:00.000000Z\",\
         \"result\":\"success\",\"scope\":{\"organization\":\"default\"},\"seq\":18,\
         \"timestamp\":\"2026-11-23T10:00:00.000000Z\"}"
    );
}
