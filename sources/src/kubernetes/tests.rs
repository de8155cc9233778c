//! One entry whatever it came wrapped in, nothing of it lost, and bounds on what is held.

use super::*;
use entry::Timestamp;

fn mapper() -> Kubernetes {
    let now = Timestamp::parse("2026-11-23T00:00:00Z").expect("an instant");
    Kubernetes::new(Claims {
        source: "kubernetes".into(),
        organization: foreign::Choice::Unsaid,
        now,
        redaction: None,
    })
}

/// What became of each event, in the order decided.
fn fates(events: &[String], header: &str) -> Vec<Fate> {
    let mut mapper = mapper();
    let mut fates = Vec::new();
    for (nth, event) in (1..).zip(events) {
        let place = super::super::scan::Place { line: nth, nth };
        let item = Item {
            place,
            raw: event.clone().into_bytes(),
        };
        mapper.take(item, header.as_bytes(), &mut |_, fate| fates.push(fate));
    }
    mapper.finish(&mut |_, fate| fates.push(fate));
    fates
}

fn one(event: &str) -> Draft {
    match fates(&[event.to_owned()], "").pop() {
        Some(Fate::Send(draft)) => {
            draft.check().expect("the log takes it");
            *draft
        }
        other => panic!("{event}: {other:?}"),
    }
}

const EVENT: &str = r#"{"auditID":"a","stage":"ResponseComplete","verb":"get","requestURI":"/version","user":{"username":"ana","groups":["g"]},"requestReceivedTimestamp":"2026-11-23T09:00:00.000001Z"}"#;

#[test]
fn a_log_line_a_list_item_and_what_clouds_wrap_are_the_same_entry() {
    let plain = one(EVENT);
    let with = |members: &str| EVENT.replacen('{', members, 1);
    let quoted = serde_json::to_string(EVENT).expect("text");
    for same in [
        with(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","#),
        with(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1","#),
        with(r#"{"annotations":null,"#),
        format!(r#"{{"category":"kube-audit","properties":{{"log":{quoted}}}}}"#),
        format!(r#"{{"properties":{{"log":{EVENT}}}}}"#),
        format!(r#"{{"timestamp":1,"message":{quoted}}}"#),
    ] {
        assert_eq!(one(&same), plain, "{same}");
    }
}

#[test]
fn other_things_of_the_same_kind_are_refused() {
    let refused = |event: &str, header: &str| {
        matches!(
            fates(&[event.to_owned()], header).as_slice(),
            [Fate::Refuse(_)]
        )
    };
    for event in [
        r#"{"kind":0}"#,
        r#"{"kind":"Event","apiVersion":"v1","verb":"get","auditID":"a"}"#,
        r#"{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{},"reason":"Killing"}"#,
        r#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{}}"#,
        r#"{"properties":{"log":"{\"verb\":"}}"#,
        "[]",
        "7",
        "not JSON",
    ] {
        assert!(refused(event, ""), "{event}");
    }
    assert!(refused(EVENT, r#"{"kind":"List","apiVersion":"v1"}"#));
    assert!(!refused(
        EVENT,
        r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{}}"#
    ));
}

#[test]
fn wrong_types_anywhere_stay_in_the_context() {
    let names = [
        "auditID",
        "stage",
        "user",
        "sourceIPs",
        "userAgent",
        "requestURI",
        "objectRef",
        "responseStatus",
        "requestReceivedTimestamp",
        "impersonatedUser",
        "annotations",
        "requestObject",
        "responseObject",
    ];
    for name in names {
        for value in [
            "null",
            "7",
            "\"\"",
            "\"x\"",
            "[]",
            "[null]",
            "{}",
            "{\"username\":7,\"code\":\"x\",\"name\":[],\"metadata\":7}",
        ] {
            let event = format!(
                r#"{{"verb":"create","level":"Request","stage":"ResponseComplete","{name}":{value}}}"#
            );
            let event = event.replacen(r#""stage":"ResponseComplete","stage""#, r#""stage""#, 1);
            let event = format!("{}{}", r#"{"apiVersion":"audit.k8s.io/v1","#, &event[1..]);
            let draft = one(&event);
            let context = draft.context.expect("a context").as_str().to_owned();
            // A number is never what is wanted, so it must be found again.
            if value == "7" {
                assert!(
                    context.contains(&format!("\"{name}\":7")),
                    "{event}: {context}"
                );
            }
        }
    }
}

/// What the event is marked as, if it is.
fn noise(event: &str) -> Option<String> {
    let context = one(event).context.expect("a context");
    let context: serde_json::Value = serde_json::from_str(context.as_str()).expect("JSON");
    context["noise"].as_str().map(str::to_owned)
}

/// Since 1.31 `kubectl exec` is a GET: hidden with the reads, a shell in a container would not be seen.
#[test]
fn a_shell_in_a_container_is_no_read() {
    for (verb, subresource, marked) in [
        ("get", "exec", None),
        ("create", "exec", None),
        ("get", "attach", None),
        ("get", "portforward", None),
        ("get", "proxy", None),
        ("get", "log", Some("read")),
        ("get", "", Some("read")),
    ] {
        let event = EVENT.replace(
            r#""verb":"get""#,
            &format!(
                r#""verb":"{verb}","objectRef":{{"resource":"pods","name":"web","subresource":"{subresource}"}}"#
            ),
        );
        assert_eq!(noise(&event).as_deref(), marked, "{verb} {subresource}");
    }
}

/// Hidden with the reads, an intruder's attempts to look around would not be seen; nor what nobody known was let do.
#[test]
fn what_was_denied_is_no_noise() {
    let status =
        |code: u64| EVENT.replacen('{', &format!(r#"{{"responseStatus":{{"code":{code}}},"#), 1);
    for (event, marked) in [
        (status(200), Some("read")),
        (status(404), Some("read")),
        (status(401), None),
        (status(403), None),
        (status(201).replace("get", "create"), None),
        (
            status(201)
                .replace("get", "create")
                .replace("ana", "system:node:n"),
            Some("system"),
        ),
        (
            status(403)
                .replace("get", "create")
                .replace("ana", "system:node:n"),
            None,
        ),
        (
            status(201)
                .replace("get", "create")
                .replace("ana", "system:anonymous"),
            None,
        ),
        (
            status(403)
                .replace("get", "create")
                .replace("/version", "/version?dryRun=All"),
            None,
        ),
    ] {
        assert_eq!(noise(&event).as_deref(), marked, "{event}");
    }
}

#[test]
fn the_actor_is_a_system_by_its_prefix() {
    for (name, kind) in [
        ("ana@acme.example", ActorKind::User),
        ("system:anonymous", ActorKind::Anonymous),
        (
            "system:serviceaccount:team-a:ci-bot",
            ActorKind::ServiceAccount,
        ),
        ("system:node:n1", ActorKind::System),
        ("system:apiserver", ActorKind::System),
        ("", ActorKind::Anonymous),
    ] {
        let draft = one(&EVENT.replace("\"ana\"", &format!("\"{name}\"")));
        assert_eq!(draft.actor.party.kind, kind, "{name}");
        assert_eq!(draft.actor.party.email.is_some(), name.contains('@'));
    }
}

#[test]
fn what_is_held_is_bounded_and_none_is_lost() {
    let watches = HELD_MAX + 10;
    let events: Vec<String> = (0..watches)
        .map(|n| {
            EVENT
                .replace("\"a\"", &format!("\"{n}\""))
                .replace("ResponseComplete", "ResponseStarted")
        })
        .collect();
    let mut mapper = mapper();
    let (mut early, mut late) = (0, 0);
    for event in events {
        let item = Item {
            place: super::super::scan::Place { line: 1, nth: 1 },
            raw: event.into_bytes(),
        };
        mapper.take(item, b"", &mut |_, _| early += 1);
        assert!(mapper.held.len() <= HELD_MAX);
    }
    mapper.finish(&mut |_, _| late += 1);
    assert_eq!((early, late), (10, HELD_MAX));
    assert_eq!(mapper.held_bytes, 0);
}

/// What waited for long had everything decided that waited: the end of a watch that began a moment ago was a second entry.
#[test]
fn what_is_given_up_is_what_came_first_and_the_rest_goes_on_waiting() {
    let event = |id: &str, verb: &str, stage: &str| {
        format!(
            r#"{{"apiVersion":"audit.k8s.io/v1","kind":"Event","auditID":"{id}","stage":"{stage}","verb":"{verb}","user":{{"username":"ana"}},"objectRef":{{"resource":"pods","name":"p"}},"requestReceivedTimestamp":"2026-11-23T09:09:34.723264Z"}}"#
        )
    };
    let mut mapper = mapper();
    let mut said = Vec::new();
    let mut take = |mapper: &mut Kubernetes, nth: u64, event: String| {
        let place = super::super::scan::Place { line: nth, nth };
        let raw = event.into_bytes();
        mapper.take(Item { place, raw }, b"", &mut |item, fate| {
            said.push((item.place.nth, matches!(fate, Fate::Send(_))));
        });
    };
    take(&mut mapper, 1, event("a", "create", "ResponseStarted"));
    take(&mut mapper, 2, event("b", "create", "ResponseStarted"));
    take(&mut mapper, 3, event("c", "watch", "ResponseStarted"));
    let mut given_up = Vec::new();
    mapper.release(2, &mut |item, fate| {
        given_up.push((item.place.nth, matches!(fate, Fate::Send(_))));
    });
    assert_eq!(given_up, [(1, true), (2, true)]);
    take(&mut mapper, 4, event("c", "watch", "ResponseComplete"));
    assert_eq!(said, [(3, false), (4, true)]);
    mapper.finish(&mut |item, _| panic!("{item:?}"));
}
