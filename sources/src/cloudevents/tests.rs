use super::*;
use crate::sent::Fate;
use crate::testing::{claims, context, fixture};
use entry::Draft;
use proptest::prelude::*;

const STRUCTURED: &str = "application/cloudevents+json; charset=utf-8";
const BATCH: &str = "application/cloudevents-batch+json";

fn sent(
    content_type: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<Sent>, Unreadable> {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    read(
        Some(content_type),
        headers,
        body,
        table(),
        &claims("events"),
    )
}

fn fates(sent: Vec<Sent>) -> Vec<Result<Draft, String>> {
    let fate = |sent: Sent| match sent.fate {
        Fate::Store(draft) => {
            draft.check().expect("a draft the log accepts");
            Ok(*draft)
        }
        Fate::Quarantine(why) => Err(why),
        other => panic!("{other:?}"),
    };
    sent.into_iter().map(fate).collect()
}

fn one(content_type: &str, headers: &[(&str, &str)], body: &str) -> Result<Draft, String> {
    let sent = sent(content_type, headers, body.as_bytes()).expect("a call");
    assert_eq!(sent.len(), 1);
    fates(sent).remove(0)
}

const EVENT: &str = r#"{"specversion":"1.0","id":"7","source":"/billing","type":"deleteUser","subject":"bo","time":"2026-01-02T03:04:05.123456Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","datacontenttype":"application/json","data":{"actor":{"id":"1","email":"ana@example.com"},"result":"failure","password":"hunter2"}}"#;

/// A broker that delivers an event again writes a span of its own into it: that made it another entry.
#[test]
fn the_span_of_a_delivery_does_not_tell_events_apart() {
    let id = |event: &str| {
        let source = one(STRUCTURED, &[], event).expect("a draft").source;
        source.and_then(|source| source.event_id).expect("an id")
    };
    let first = id(EVENT);
    assert_eq!(
        id(&EVENT.replace("-b7ad6b7169203331-", "-00f067aa0ba902b7-")),
        first
    );
    assert_eq!(
        id(&EVENT.replace("\"traceparent\"", "\"tracestate\":\"a=b\",\"traceparent\"")),
        first
    );
    assert_ne!(id(&EVENT.replace("deleteUser", "createUser")), first);
    let draft = one(STRUCTURED, &[], EVENT).expect("a draft");
    assert!(
        context(&draft, "/cloudevents/traceparent").is_some() || draft.request.trace_id.is_some()
    );
    // What is secret in it is in no digest.
    assert_eq!(
        redacted_id(&EVENT.replace("hunter2", "hunter3")),
        redacted_id(EVENT)
    );
}

fn redacted_id(event: &str) -> Option<Box<str>> {
    let claims = crate::foreign::Claims {
        redaction: Some(std::sync::Arc::default()),
        ..claims("events")
    };
    let mut sent = read(Some(STRUCTURED), [], event.as_bytes(), table(), &claims).expect("a call");
    match sent.remove(0).fate {
        Fate::Store(draft) => draft.source?.event_id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_says_the_same_in_each_mode() {
    let structured = one(STRUCTURED, &[], EVENT).expect("a draft");
    assert_eq!(
        (&*structured.action, structured.result),
        ("deleteUser", entry::Result::Failure)
    );
    assert_eq!(
        structured.actor.party.email.as_deref(),
        Some("ana@example.com")
    );
    let target = structured.target.as_ref().and_then(|t| t.name.as_deref());
    assert_eq!(target, Some("bo"));
    assert_eq!(
        structured.request.trace_id.as_deref(),
        Some("0af7651916cd43dd8448eb211c80319c")
    );
    let id = structured
        .source
        .as_ref()
        .and_then(|s| s.event_id.as_deref());
    assert!(id.is_some_and(|id| id.starts_with("/billing 7/")), "{id:?}");
    let headers = [
        ("CE-SpecVersion", "1.0"),
        ("ce-id", "7"),
        ("ce-source", "\"/bill\\ing\""),
        ("ce-type", "delete%55ser"),
        ("ce-subject", "bo"),
        ("ce-time", "2026-01-02T03:04:05.123456Z"),
        (
            "ce-traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("user-agent", "x"),
    ];
    let body =
        r#"{"actor":{"id":"1","email":"ana@example.com"},"result":"failure","password":"hunter2"}"#;
    assert_eq!(
        one("application/json", &headers, body).as_ref(),
        Ok(&structured)
    );
    let batch = format!("[{EVENT}, 1, {{\"specversion\":\"1.0\",\"id\":\"8\"}}, {{bad}}, {EVENT}]");
    let fates = fates(sent(BATCH, &[], batch.as_bytes()).expect("a call"));
    assert_eq!(fates.len(), 5);
    assert_eq!(
        (fates[0].as_ref(), fates[4].as_ref()),
        (Ok(&structured), Ok(&structured))
    );
    assert!(fates[1..4].iter().all(Result::is_err));
    assert!(sent(BATCH, &[], b"[]").expect("a call").is_empty());
}

#[test]
fn data_of_every_kind() {
    let event =
        |more: &str| format!(r#"{{"specversion":"1.0","id":"7","source":"/s","type":"t"{more}}}"#);
    for (more, pointer, wanted) in [
        ("", "/cloudevents/data", None),
        (r#","data":null"#, "/cloudevents/data", None),
        (r#","data":1.50"#, "/cloudevents/data", Some("1.50")),
        (r#","data":"a text""#, "/cloudevents/data", Some("a text")),
        (
            r#","data_base64":"eyJhIjogMX0=""#,
            "/cloudevents/data/a",
            Some("1"),
        ),
        (
            r#","datacontenttype":"text/plain","data_base64":"eyJhIjogMX0=""#,
            "/cloudevents/data",
            Some(r#"{"a": 1}"#),
        ),
        (
            r#","data_base64":"AP8=""#,
            "/cloudevents/data_base64",
            Some("AP8="),
        ),
        (
            r#","data_base64":"... no base64""#,
            "/cloudevents/data_base64",
            Some("... no base64"),
        ),
        (r#","n":5"#, "/cloudevents/n", Some("5")),
    ] {
        let draft = one(STRUCTURED, &[], &event(more)).expect("a draft");
        assert_eq!(context(&draft, pointer).as_deref(), wanted, "{more}");
    }
    let old = r#"{"specversion":"0.3","id":"7","source":"/s","type":"t","schemaurl":"http://x","datacontentencoding":"base64","data":"eyJhIjogMX0="}"#;
    let draft = one(STRUCTURED, &[], old).expect("a draft");
    assert_eq!(context(&draft, "/cloudevents/data/a").as_deref(), Some("1"));
    assert_eq!(
        context(&draft, "/cloudevents/dataschema").as_deref(),
        Some("http://x")
    );
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
    ];
    let binary = sent("application/octet-stream", &headers, b"\x00\xff").expect("a call");
    let draft = fates(binary).remove(0).expect("a draft");
    assert_eq!(
        context(&draft, "/cloudevents/data_base64").as_deref(),
        Some("AP8=")
    );
}

#[test]
fn what_is_no_event_is_told_from_what_is_none_of_ours() {
    for (content_type, headers, body) in [
        ("application/json", &[][..], EVENT),
        ("text/plain", &[("ce-id", "1")][..], ""),
        ("application/cloudevents+avro", &[][..], "x"),
    ] {
        let read = sent(content_type, headers, body.as_bytes());
        assert!(matches!(read, Err(Unreadable::Unsupported(_))), "{read:?}");
    }
    for (content_type, body) in [
        (STRUCTURED, "{"),
        (STRUCTURED, ""),
        (BATCH, "{}"),
        (BATCH, "[1"),
    ] {
        let read = sent(content_type, &[], body.as_bytes());
        assert!(matches!(read, Err(Unreadable::Malformed(_))), "{read:?}");
    }
    for version in ["0.1", "0.2", "2.0", ""] {
        let why = one(STRUCTURED, &[], &EVENT.replace("1.0", version)).expect_err(version);
        assert!(why.contains("1.0 and 0.3"), "{why}");
    }
    for name in ["specversion", "id", "source", "type"] {
        let why = one(
            STRUCTURED,
            &[],
            &EVENT.replace(&format!("\"{name}\""), "\"x\""),
        );
        assert!(why.expect_err(name).contains(name));
    }
    let long = EVENT.replace("hunter2", &"x".repeat(EVENT_BYTES_MAX));
    let read = sent(STRUCTURED, &[], long.as_bytes());
    assert!(matches!(read, Err(Unreadable::TooMuch(_))));
    let read = sent(BATCH, &[], format!("[{long},{EVENT}]").as_bytes()).expect("a call");
    assert!(matches!(read[0].fate, Fate::TooLong(_)));
    assert!(matches!(read[1].fate, Fate::Store(_)));
    let many = format!("[{}1]", "1,".repeat(BATCH_ENTRIES_MAX));
    let read = sent(BATCH, &[], many.as_bytes());
    assert!(matches!(read, Err(Unreadable::TooMuch(_))));
}

#[test]
fn secrets_within_base64_are_found_and_what_was_kept_is_read_again() {
    let mut claims = claims("events");
    claims.redaction = Some(std::sync::Arc::default());
    let event = EVENT.replace(
        r#""data":{"actor":{"id":"1","email":"ana@example.com"},"result":"failure","password":"hunter2"}"#,
        &format!(r#""data_base64":"{}""#, BASE64.encode(br#"{"password":"hunter2"}"#)),
    );
    let mut sent = again(event.as_bytes(), table(), &claims).expect("JSON");
    let Fate::Store(draft) = sent.remove(0).fate else {
        panic!("no draft");
    };
    let data = context(&draft, "/cloudevents/data/password");
    assert_eq!(data.as_deref(), Some("[redacted: password]"));
    assert_eq!(context(&draft, "/cloudevents/data_base64"), None);
}

/// The examples of the specification's JSON format.
#[test]
fn the_examples_of_the_specification_are_read() {
    let Some(lines) = fixture("cloudevents/json-format_examples.ndjson") else {
        return;
    };
    let mut stored = 0;
    for line in lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let content_type = if line[0] == b'[' { BATCH } else { STRUCTURED };
        for fate in fates(sent(content_type, &[], line).expect("a call")) {
            fate.expect("a draft");
            stored += 1;
        }
    }
    assert_eq!(stored, 8);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(
        body in prop::collection::vec(any::<u8>(), 0..60),
        value in "[\\PC%\"\\\\]{0,20}",
        content_type in prop::sample::select(vec![STRUCTURED, BATCH, "application/json", "image/png", ""]),
    ) {
        let headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", &*value), ("é-", "")];
        if let Ok(sent) = sent(content_type, &headers, &body) {
            prop_assert!(sent.len() <= 30);
        }
    }
}
