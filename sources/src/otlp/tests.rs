use super::*;
use crate::sent::Fate;
use crate::testing::{claims, context, fixture};
use entry::{ActorKind, Draft, Result as Ended};
use proptest::prelude::*;

fn groups(body: &[u8], encoding: Encoding) -> Result<Vec<Group>, Unreadable> {
    read(body, encoding, table(), &mut |service| {
        claims(service.unwrap_or("otlp"))
    })
}

/// The drafts of a call of which everything is one.
fn drafts(body: &[u8], encoding: Encoding) -> Vec<Draft> {
    let groups = groups(body, encoding).expect("a call");
    let sent = groups.into_iter().flat_map(|group| group.sent);
    sent.map(|sent| match sent.fate {
        Fate::Store(draft) => {
            draft.check().expect("a draft the log accepts");
            *draft
        }
        other => panic!("{other:?}"),
    })
    .collect()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = vec![(field << 3) as u8];
    varint(value, &mut out);
    out
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn fixed(field: u8, value: u64) -> Vec<u8> {
    [&[field << 3 | 1][..], &value.to_le_bytes()].concat()
}

fn nested(field: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let inner = parts.concat();
    let mut out = vec![field << 3 | 2];
    varint(inner.len() as u64, &mut out);
    [out, inner].concat()
}

fn string(field: u8, text: &str) -> Vec<u8> {
    nested(field, &[text.as_bytes().to_vec()])
}

fn pair(field: u8, key: &str, value: Vec<u8>) -> Vec<u8> {
    nested(field, &[string(1, key), nested(2, &[value])])
}

/// A call with one record.
fn call(record: &[Vec<u8>]) -> Vec<u8> {
    let resource = nested(1, &[pair(1, "service.name", string(1, "billing"))]);
    let scope = nested(1, &[string(1, "audit")]);
    // The resource last: fields may come in any order.
    nested(1, &[nested(2, &[nested(2, record), scope]), resource])
}

#[test]
fn a_record_of_every_kind_of_value() {
    let record = [
        fixed(1, 1_795_425_700_123_456_789),
        number(2, 9),
        nested(
            5,
            &[nested(
                6,
                &[
                    pair(
                        1,
                        "list",
                        nested(5, &[nested(1, &[string(1, "a")]), nested(1, &[])]),
                    ),
                    pair(1, "blob", nested(7, &[vec![0, 255]])),
                    pair(1, "list", number(2, 1)),
                ],
            )],
        ),
        pair(6, "enduser.id", string(1, "ana@example.com")),
        pair(6, "client.address", string(1, "::ffff:203.0.113.9")),
        pair(6, "event.outcome", string(1, "denied")),
        pair(6, "least", number(3, i64::MIN as u64)),
        pair(6, "half", fixed(4, 0.5_f64.to_bits())),
        pair(6, "none", fixed(4, f64::NAN.to_bits())),
        nested(9, &[vec![0xab; 16]]),
        nested(10, &[vec![0; 8]]),
        string(12, "createCluster"),
        // A field of a later version.
        string(99, "?"),
    ];
    let drafts = drafts(&call(&record), Encoding::Protobuf);
    let draft = &drafts[0];
    assert_eq!(
        (&*draft.action, draft.result),
        ("createCluster", Ended::Failure)
    );
    assert_eq!(draft.actor.party.email.as_deref(), Some("ana@example.com"));
    assert_eq!(draft.actor.party.kind, ActorKind::User);
    assert_eq!(draft.source.as_ref().map(|s| &*s.name), Some("billing"));
    assert_eq!(
        draft.timestamp.expect("a time").to_string(),
        "2026-11-23T09:21:40.123456Z"
    );
    let trace = "ab".repeat(16);
    assert_eq!(draft.request.id.as_deref(), Some(&*trace));
    assert_eq!(draft.request.trace_id.as_deref(), Some(&*trace));
    for (pointer, wanted) in [
        ("/otlp/body/list", r#"["a",null]"#),
        ("/otlp/body/list.2", "true"),
        ("/otlp/body/blob/base64", "AP8="),
        ("/otlp/attributes/least", "-9223372036854775808"),
        ("/otlp/attributes/half", "0.5"),
        ("/otlp/attributes/none", "NaN"),
        ("/otlp/time", "1795425700123456789"),
        ("/otlp/scope/name", "audit"),
    ] {
        assert_eq!(
            context(draft, pointer).as_deref(),
            Some(wanted),
            "{pointer}"
        );
    }
    assert_eq!(context(draft, "/otlp/span_id"), None);
}

#[test]
fn a_record_without_a_time_has_that_of_its_observation_and_one_without_an_action_is_kept_beside() {
    let plain = call(&[
        fixed(1, 0),
        fixed(11, 1_795_425_700_000_000_000),
        string(12, "x"),
    ]);
    let draft = &drafts(&plain, Encoding::Protobuf)[0];
    assert!(draft.timestamp.is_some());
    assert_eq!(draft.actor.party.shown(), Some("billing"));
    assert_eq!(draft.actor.party.kind, ActorKind::System);
    let plain = call(&[nested(5, &[string(1, "a line of a log")])]);
    let mut groups = groups(&plain, Encoding::Protobuf).expect("a call");
    let sent = groups.remove(0).sent.remove(0);
    assert!(matches!(&sent.fate, Fate::Quarantine(why) if why.contains("no action")));
    // What was kept is read again.
    let again = again(&sent.raw, table(), &claims("billing")).expect("JSON");
    assert!(matches!(&again[0].fate, Fate::Quarantine(_)) && again[0].raw == sent.raw);
}

#[test]
fn the_two_forms_say_the_same() {
    let json = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"billing"}}]},"scopeLogs":[{"scope":{"name":"audit"},"logRecords":[
        {"timeUnixNano":"1795425700123456789","severityNumber":9,"eventName":"x","traceId":"ABABABABABABABABABABABABABABABAB","spanId":"","body":{"kvlistValue":{"values":[{"key":"n","value":{"intValue":"-7"}},{"key":"b","value":{"bytesValue":"AP8="}}]}},"attributes":[{"key":"d","value":{"doubleValue":0.5}},{"key":"f","value":{"boolValue":false}},{"key":"e","value":{}}],"unknown":1}]}]}]}"#;
    let number_json = json
        .replace("\"1795425700123456789\"", "1795425700123456789")
        .replace("\"-7\"", "-7");
    let protobuf = call(&[
        fixed(1, 1_795_425_700_123_456_789),
        number(2, 9),
        nested(
            5,
            &[nested(
                6,
                &[
                    pair(1, "n", number(3, -7_i64 as u64)),
                    pair(1, "b", nested(7, &[vec![0, 255]])),
                ],
            )],
        ),
        pair(6, "d", fixed(4, 0.5_f64.to_bits())),
        pair(6, "f", number(2, 0)),
        pair(6, "e", vec![]),
        nested(9, &[vec![0xab; 16]]),
        string(12, "x"),
    ]);
    let said = drafts(json.as_bytes(), Encoding::Json);
    assert_eq!(said, drafts(number_json.as_bytes(), Encoding::Json));
    assert_eq!(said, drafts(&protobuf, Encoding::Protobuf));
}

#[test]
fn what_is_damaged_is_refused_whole_and_what_is_too_much_alone() {
    let good = call(&[string(12, "x")]);
    for cut in [1, 5, good.len() - 1] {
        assert!(
            matches!(
                groups(&good[..cut], Encoding::Protobuf),
                Err(Unreadable::Malformed(_))
            ),
            "{cut}"
        );
    }
    for body in [
        &b"{"[..],
        b"[]",
        br#"{"resourceLogs":{}}"#,
        br#"{"resourceLogs":[1]}"#,
        br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":["x"]}]}]}"#,
    ] {
        let read = groups(body, Encoding::Json);
        assert!(matches!(read, Err(Unreadable::Malformed(_))), "{read:?}");
    }
    assert!(groups(b"", Encoding::Protobuf).expect("empty").is_empty());
    assert!(groups(b"{}", Encoding::Json).expect("empty").is_empty());
    let deep = (0..100).fold(string(1, "x"), |inner, _| nested(5, &[nested(1, &[inner])]));
    let wide: Vec<Vec<u8>> = (0..VALUES_MAX).map(|_| nested(1, &[])).collect();
    for body in [deep, nested(5, &wide)] {
        let record = nested(2, &[nested(5, &[body]), string(12, "x")]);
        let both = nested(1, &[nested(2, &[record, nested(2, &[string(12, "good")])])]);
        let mut groups = groups(&both, Encoding::Protobuf).expect("a call");
        let sent = groups.remove(0).sent;
        assert!(matches!(sent[0].fate, Fate::TooLong(_)));
        assert!(matches!(sent[1].fate, Fate::Store(_)));
    }
    let many: Vec<Vec<u8>> = (0..=BATCH_ENTRIES_MAX).map(|_| nested(2, &[])).collect();
    let many = nested(1, &[nested(2, &many)]);
    let read = groups(&many, Encoding::Protobuf);
    assert!(matches!(read, Err(Unreadable::TooMuch(_))));
}

#[test]
fn a_call_of_too_many_values_is_refused_before_it_takes_the_memory() {
    let pairs = nested(6, &[]).repeat(VALUES_MAX / 2);
    let records = nested(2, &[pairs]).repeat(2 * CALL_VALUES_MAX / VALUES_MAX + 1);
    let body = nested(1, &[nested(2, &[records])]);
    let json = format!(
        r#"{{"resourceLogs":[{}{{}}],"x":",,[["}}"#,
        "{},".repeat(CALL_TOKENS_MAX / 2)
    );
    for (body, encoding) in [
        (body.as_slice(), Encoding::Protobuf),
        (json.as_bytes(), Encoding::Json),
    ] {
        let read = groups(body, encoding);
        assert!(
            matches!(&read, Err(Unreadable::TooMuch(why)) if why.contains("values")),
            "{encoding:?}"
        );
    }
    let few = r#"{"resourceLogs":[],"x":"\",[[[["}"#;
    assert!(groups(few.as_bytes(), Encoding::Json).is_ok());
}

#[test]
fn resources_are_not_repeated_without_end() {
    let resource = nested(1, &[pair(1, "x", string(1, &"y".repeat(100_000)))]);
    let many: Vec<Vec<u8>> = (0..1_000).map(|_| nested(2, &[])).collect();
    let body = nested(1, &[resource, nested(2, &many)]);
    let read = groups(&body, Encoding::Protobuf);
    assert!(
        matches!(read, Err(Unreadable::TooMuch(_))),
        "{}",
        body.len()
    );
}

#[test]
fn answers_are_of_the_form_asked() {
    assert_eq!(answer::response(0, "", Encoding::Json), b"{}");
    assert_eq!(answer::response(0, "", Encoding::Protobuf), b"");
    assert_eq!(
        answer::response(300, "no", Encoding::Json),
        br#"{"partialSuccess":{"errorMessage":"no","rejectedLogRecords":"300"}}"#
    );
    assert_eq!(
        answer::response(300, "no", Encoding::Protobuf),
        b"\x0a\x07\x08\xac\x02\x12\x02no"
    );
    assert_eq!(
        answer::status(3, "no", Encoding::Json),
        br#"{"code":3,"message":"no"}"#
    );
    assert_eq!(
        answer::status(3, "no", Encoding::Protobuf),
        b"\x08\x03\x12\x02no"
    );
    assert_eq!(
        Encoding::of_content_type("application/json; charset=utf-8"),
        Some(Encoding::Json)
    );
    assert_eq!(Encoding::of_content_type("text/plain"), None);
}

/// What the SDKs of Python (protobuf) and JavaScript (JSON) sent.
#[test]
fn the_recorded_calls_are_read() {
    let (Some(python), Some(script)) =
        (fixture("otlp/wire/001.body"), fixture("otlp/wire/003.body"))
    else {
        return;
    };
    for (body, encoding, service, big) in [
        (
            &python,
            Encoding::Protobuf,
            "billing-api",
            "9007199254740993",
        ),
        (&script, Encoding::Json, "web", "9007199254740992"),
    ] {
        let groups = groups(body, encoding).expect("a call");
        assert_eq!(groups[0].service.as_deref(), Some(service));
        let (mut stored, mut kept) = (0, 0);
        for sent in groups.iter().flat_map(|group| &group.sent) {
            match &sent.fate {
                Fate::Store(draft) => {
                    draft.check().expect("a draft the log accepts");
                    assert_eq!(context(draft, "/otlp/attributes/big").as_deref(), Some(big));
                    assert!(draft.timestamp.is_some());
                    stored += 1;
                }
                Fate::Quarantine(_) => kept += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(
            (stored, kept),
            RECORDED[usize::from(service == "web")],
            "{service}"
        );
    }
    for (name, kept) in [("otlp/events.json", false), ("otlp/logs.json", true)] {
        let body = fixture(name).expect("beside the others");
        let groups = groups(&body, Encoding::Json).expect("a call");
        let fate = &groups[0].sent[0].fate;
        assert_eq!(matches!(fate, Fate::Quarantine(_)), kept, "{fate:?}");
    }
}

/// Entries, and records that say no action.
const RECORDED: [(usize, usize); 2] = [(14, 2), (8, 2)];

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = groups(&bytes, Encoding::Protobuf);
        let _ = groups(&bytes, Encoding::Json);
    }

    #[test]
    fn a_damaged_call_does_no_harm(at in 0_usize..400, byte in any::<u8>()) {
        let mut body = call(&[
            fixed(1, 1), pair(6, "a", nested(6, &[pair(1, "b", string(1, "c"))])), string(12, "x"),
        ]);
        let at = at % body.len();
        body[at] = byte;
        for group in groups(&body, Encoding::Protobuf).unwrap_or_default() {
            prop_assert!(group.sent.len() <= 1);
        }
    }
}
