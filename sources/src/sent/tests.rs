use super::*;
use crate::testing::claims;

fn call(table: &Table, events: &[&str]) -> Vec<(Option<String>, String)> {
    let claims = claims("s");
    let mut call = Call::new(table, &claims);
    for event in events {
        let value = entry::json::parse(event.as_bytes()).expect("JSON");
        let identity = match value.get("id").and_then(Value::as_str) {
            Some(id) => Identity::Own(id),
            None => Identity::Content,
        };
        call.event(event.as_bytes().to_vec(), value.clone(), identity);
    }
    let id = |sent: Sent| match sent.fate {
        Fate::Store(draft) => {
            draft.check().expect("a draft the log accepts");
            (
                draft.source.and_then(|s| s.event_id).map(String::from),
                String::from_utf8(sent.raw).expect("a text"),
            )
        }
        other => (
            None,
            format!("{other:?}: {}", String::from_utf8_lossy(&sent.raw)),
        ),
    };
    call.finish().into_iter().map(id).collect()
}

fn table(more: &str) -> Table {
    let text = format!("name = \"x\"\naction = \"/a\"\ntime = \"/t\"\n{more}");
    Table::parse("x.toml", &text).expect("a table")
}

#[test]
fn what_is_sent_again_is_known_and_equal_items_of_one_call_are_two() {
    let events = [
        r#"{"a":"x","t":"2026-01-02T03:04:05Z"}"#,
        r#"{"a":"x","t":"2026-01-02T03:04:05Z"}"#,
        r#"{"a":"x"}"#,
        r#"{"a":"x"}"#,
        r#"{"a":"x","id":"7"}"#,
        r#"{"a":"y","id":"7"}"#,
        r#"{"a":"y","id":"7"}"#,
    ];
    let table = table("");
    let ids = |events: &[&str]| -> Vec<_> {
        let sent = call(&table, events);
        sent.into_iter().map(|(id, _)| id.expect("an id")).collect()
    };
    let first = ids(&events);
    assert_eq!(ids(&events), first);
    // Equal under one id of its own is the same; other content under it is not.
    assert_eq!(first[5], first[6]);
    let mut different = first.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), first.len() - 1);
    // What says its time is the same in another call; what does not may be another one.
    let other = ids(&[events[2], events[0]]);
    assert_eq!(other[1], first[0]);
    assert_ne!(other[0], first[2]);
}

#[test]
fn each_draft_has_the_bytes_it_is_of_and_what_is_none_says_why() {
    let parted = table("each = \"/p\"\nidentity = [\"/n\"]\n");
    let event = r#"{"a":"x","n":1,"p":[1,2]}"#;
    let sent = call(&parted, &[event]);
    assert_eq!(sent.len(), 2);
    assert!(
        sent.iter().all(|(id, raw)| {
            raw == event && id.as_ref().is_some_and(|id| id.starts_with("1/"))
        })
    );
    assert_ne!(sent[0].0, sent[1].0);
    let sent = call(&table(""), &[r#"{"b":1}"#, r#"{"a":"x"}"#]);
    assert!(
        sent[0]
            .1
            .starts_with("Quarantine(\"no x event: it says no action\")")
    );
    assert!(sent[1].0.is_some());
}

#[test]
fn what_was_kept_is_read_again_by_the_name_of_its_protocol() {
    let stored = |sent: Option<Vec<Sent>>| {
        let sent = sent.expect("a protocol");
        sent.iter().all(|s| matches!(s.fate, Fate::Store(_))) && !sent.is_empty()
    };
    let own = Table::parse("own.toml", "name = \"own\"\naction = \"seen\"\n").expect("a table");
    for (format, raw) in [
        ("otlp", r#"{"event_name":"x"}"#),
        (
            "cloudevents",
            r#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#,
        ),
        ("elastic", "{\"create\":{}}\n{\"action\":\"x\"}\n"),
        ("hec", r#"{"event":{"action":"x"}}"#),
        ("syslog", "<13>Jul 11 10:34:35 h a: x"),
    ] {
        let raw = || raw.as_bytes().to_vec();
        assert!(stored(again(format, raw(), None, &claims("s"))), "{format}");
        assert!(
            stored(again(format, raw(), Some(&own), &claims("s"))),
            "{format}"
        );
    }
    assert!(again("okta", Vec::new(), None, &claims("s")).is_none());
    let damaged = again("elastic", b"x".to_vec(), None, &claims("s")).expect("a protocol");
    assert!(matches!(&damaged[0].fate, Fate::Quarantine(_)));
    assert_eq!(damaged[0].raw, b"x");
}

/// Five senders say the same in docs/mappings.md.
#[test]
fn what_the_manual_shows_is_the_entry_that_it_says() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mappings.md");
    let manual = std::fs::read_to_string(manual).expect("docs/mappings.md");
    let section = manual.split("## What comes over protocols").nth(1);
    let blocks: Vec<&str> = section
        .expect("the section")
        .split("\n```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a block").1)
        .collect();
    let claims = claims("s");
    let [log, event, bulk, splunk, message] = blocks.as_slice() else {
        panic!("{} blocks", blocks.len());
    };
    let of = |format, raw: &str| again(format, raw.into(), None, &claims).expect("a protocol");
    let groups = otlp::read(
        log.as_bytes(),
        otlp::Encoding::Json,
        otlp::table(),
        &mut |_| claims.clone(),
    );
    let all: Vec<Sent> = groups
        .expect("a call")
        .into_iter()
        .flat_map(|group| group.sent)
        .chain(of("cloudevents", event))
        .chain(of("elastic", bulk))
        .chain(of("hec", splunk))
        .chain(of("syslog", message))
        .collect();
    assert_eq!(all.len(), 5);
    for sent in all {
        let Fate::Store(draft) = &sent.fate else {
            panic!("{sent:?}");
        };
        draft.check().expect("a draft the log accepts");
        let target = draft.target.as_ref().expect("a target");
        assert_eq!(
            (
                &*draft.action,
                draft.result,
                draft.actor.party.email.as_deref(),
                (target.kind.as_deref(), target.name.as_deref()),
                draft.request.ip.as_deref(),
                draft.timestamp.map(|t| t.to_string()).as_deref(),
            ),
            (
                "deleteUser",
                entry::Result::Failure,
                Some("ana@example.com"),
                (Some("user"), Some("bo")),
                Some("203.0.113.9"),
                Some("2026-01-02T03:04:05.000000Z"),
            ),
            "{sent:?}"
        );
    }
}

const KUBERNETES: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","verb":"delete","requestURI":"/x?token=hunter2","user":{"username":"ana@example.com"},"objectRef":{"resource":"pods","namespace":"n","name":"p"},"responseStatus":{"code":200},"requestReceivedTimestamp":"2026-01-02T03:04:05.678901Z"}"#;
const CLOUDTRAIL: &str = r#"{"eventVersion":"1.08","eventID":"e","eventTime":"2026-01-02T03:04:05Z","userIdentity":{"type":"IAMUser","userName":"ana"},"eventSource":"iam.amazonaws.com","eventName":"CreateUser"}"#;

/// One item of a protocol, without secrets.
fn one(format: &str, raw: &str) -> Fate {
    let mut claims = claims("shipper");
    claims.redaction = Some(std::sync::Arc::default());
    let mut sent = again(format, raw.into(), None, &claims).expect("a protocol");
    assert_eq!(sent.len(), 1, "{sent:?}");
    sent.remove(0).fate
}

#[test]
fn events_of_known_formats_are_found_in_what_a_shipper_sends() {
    let text = |event: &str| Value::from(event.to_owned()).to_string();
    for (format, raw, action) in [
        (
            "hec",
            format!(r#"{{"event":{KUBERNETES},"host":"h"}}"#),
            "deleteInstance",
        ),
        (
            "hec",
            format!(r#"{{"event":{}}}"#, text(CLOUDTRAIL)),
            "CreateUser",
        ),
        (
            "elastic",
            format!("{{\"create\":{{}}}}\n{KUBERNETES}\n"),
            "deleteInstance",
        ),
        (
            "elastic",
            format!("{{\"create\":{{}}}}\n{CLOUDTRAIL}\n"),
            "CreateUser",
        ),
        (
            "otlp",
            format!(r#"{{"body":{}}}"#, text(KUBERNETES)),
            "deleteInstance",
        ),
        ("otlp", format!(r#"{{"body":{CLOUDTRAIL}}}"#), "CreateUser"),
    ] {
        let Fate::Store(draft) = one(format, &raw) else {
            panic!("{format} {raw}");
        };
        draft.check().expect("a draft the log accepts");
        assert_eq!(&*draft.action, action, "{format}");
        let json = draft
            .context
            .as_ref()
            .expect("a context")
            .parse()
            .to_string();
        assert!(!json.contains("hunter2"), "{json}");
        if raw.contains("\"host\"") {
            assert_eq!(
                crate::testing::context(&draft, "/around/host").as_deref(),
                Some("h")
            );
        }
    }
    let started = KUBERNETES.replace("ResponseComplete", "RequestReceived");
    let fate = one("hec", &format!(r#"{{"event":{started}}}"#));
    assert!(matches!(fate, Fate::Skip(_)), "{fate:?}");
}

#[test]
fn a_draft_of_ours_is_taken_as_it_is_and_other_content_under_its_id_is_another() {
    let event = |action: &str, id: &str| {
        format!(
            r#"{{"data":{{"action":"{action}","actor":{{"name":"ana","type":"user"}},"changes":[{{"path":"/size","before":1,"after":2}}],"context":{{"password":"hunter2"}},{id}"result":"success"}},"id":"7","source":"/billing","specversion":"1.0","type":"t"}}"#
        )
    };
    let id = r#""id":"0198c0de-0000-7000-8000-000000000001","#;
    let read = |action, id| match one("cloudevents", &event(action, id)) {
        Fate::Store(draft) => {
            draft.check().expect("a draft the log accepts");
            *draft
        }
        other => panic!("{other:?}"),
    };
    let event_id = |draft: &Draft| draft.source.as_ref().and_then(|s| s.event_id.clone());
    let draft = read("deleteUser", id);
    assert_eq!(
        (&*draft.action, draft.changes.is_some()),
        ("deleteUser", true)
    );
    assert_eq!(draft.source.as_ref().map(|s| &*s.name), Some("shipper"));
    assert_eq!(
        crate::testing::context(&draft, "/password").as_deref(),
        Some("[redacted: password]")
    );
    assert_eq!(draft, read("deleteUser", id));
    let known = event_id(&draft).expect("an id");
    assert!(
        known.starts_with("0198c0de-0000-7000-8000-000000000001/"),
        "{known}"
    );
    assert_ne!(Some(known), event_id(&read("createUser", id)));
    // Without an id of its own it has that of what brought it.
    let without = event_id(&read("deleteUser", ""));
    assert!(without.is_some_and(|id| id.starts_with("/billing 7/")));
    // Two at once are two, and another call brings another one.
    let splunk =
        r#"{"event":{"action":"x","actor":{"type":"user","name":"ana"},"result":"success"}}"#;
    let ids = |body: &str| -> Vec<_> {
        let sent = again("hec", body.into(), None, &claims("shipper")).expect("a protocol");
        let id = |sent: Sent| match sent.fate {
            Fate::Store(draft) => event_id(&draft),
            other => panic!("{other:?}"),
        };
        sent.into_iter().map(id).collect()
    };
    let two = ids(&splunk.repeat(2));
    assert_ne!(two[0], two[1]);
    assert!(!ids(splunk).contains(&two[0]));
    assert_eq!(two, ids(&splunk.repeat(2)));
    let wrong = one("cloudevents", &event("deleteUser", r#""id":"no UUID","#));
    assert!(matches!(wrong, Fate::Quarantine(_)), "{wrong:?}");
}

/// Which of the events of one call are entries; the others are skipped.
fn stored(events: &[String]) -> Vec<usize> {
    let body: String = events
        .iter()
        .map(|event| format!(r#"{{"event":{event}}}"#))
        .collect();
    let sent = again("hec", body.into_bytes(), None, &claims("s")).expect("a protocol");
    assert_eq!(sent.len(), events.len());
    let is_stored = |(at, one): (usize, &Sent)| match &one.fate {
        Fate::Store(_) => Some(at),
        Fate::Skip(_) => None,
        other => panic!("{other:?}"),
    };
    sent.iter().enumerate().filter_map(is_stored).collect()
}

fn stage(stage: &str, verb: &str, code: u32) -> String {
    KUBERNETES
        .replace("ResponseComplete", stage)
        .replace(r#""verb":"delete""#, &format!(r#""verb":"{verb}""#))
        .replace(r#""code":200"#, &format!(r#""code":{code}"#))
}

/// What ships a log sends each stage as an event of its own: a watch was two entries.
#[test]
fn stages_are_one_entry_by_what_the_call_has_else_by_the_stage_alone() {
    let (started, complete) = ("ResponseStarted", "ResponseComplete");
    let aks = |of: &str| {
        let log = Value::from(stage(of, "create", 200)).to_string();
        format!(
            r#"{{"category":"kube-audit","properties":{{"log":{log}}},"time":"2026-01-02T03:04:05Z"}}"#
        )
    };
    for (events, wanted) in [
        (
            vec![stage(started, "watch", 200), stage(complete, "watch", 200)],
            vec![1],
        ),
        (
            vec![
                stage(complete, "create", 200),
                stage(started, "create", 200),
            ],
            vec![0],
        ),
        (vec![stage(started, "watch", 200)], vec![]),
        (vec![stage(started, "create", 200)], vec![0]),
        (vec![stage(started, "watch", 401)], vec![0]),
        (
            vec![
                stage("RequestReceived", "create", 200),
                stage("Panic", "create", 500),
            ],
            vec![1],
        ),
        (vec![aks(started), aks(complete)], vec![1]),
    ] {
        assert_eq!(stored(&events), wanted, "{events:?}");
    }
}

/// So was a request of Vault.
#[test]
fn a_response_is_the_entry_and_what_was_refused_is_never_left_out() {
    let vault = |kind: &str, more: &str| {
        format!(
            r#"{{"type":"{kind}","time":"2026-01-02T03:04:05Z","auth":{{"display_name":"ana"}},"request":{{"id":"r","operation":"read","path":"kv/a","mount_type":"kv"}}{more}}}"#
        )
    };
    let (asked, answered) = (vault("request", ""), vault("response", ""));
    let no = r#","error":"permission denied""#;
    let (refused, denied) = (vault("request", no), vault("response", no));
    for (events, wanted) in [
        ([&asked, &answered].as_slice(), vec![1]),
        (&[&answered, &asked], vec![0]),
        (&[&asked], vec![]),
        (&[&answered], vec![0]),
        (&[&refused], vec![0]),
        (&[&refused, &denied], vec![1]),
        (&[&refused, &answered], vec![0, 1]),
    ] {
        let events: Vec<String> = events.iter().map(|event| (*event).clone()).collect();
        assert_eq!(stored(&events), wanted, "{events:?}");
    }
}
