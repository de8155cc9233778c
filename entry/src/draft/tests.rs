use super::*;
use crate::json::Value;
use crate::{ActorKind, Party};
use proptest::prelude::*;

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

/// Every problem of a refused draft.
fn problems(json: &str) -> Vec<(String, String)> {
    let problems = Draft::from_json(json.as_bytes()).expect_err(json);
    problems
        .into_vec()
        .into_iter()
        .map(|problem| (problem.pointer, problem.detail))
        .collect()
}

/// The short draft with one member added or replaced.
fn short_with(pointer: &str, value: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(SHORT).expect("JSON");
    let value = serde_json::from_str(value).expect("JSON");
    let (above, name) = pointer.rsplit_once('/').expect("a pointer");
    json.pointer_mut(above).expect("a place")[name] = value;
    json.to_string()
}

/// What is put where into the short draft, and the place and the sentence of the refusal.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("/actr", "{}", "/actr", "no such member; did you mean actor?"),
    ("/seq", "1", "/seq", "the log adds this itself; leave the member out"),
    ("/received_at", "\"x\"", "/received_at", "the log adds this itself; leave the member out"),
    ("/actor/mail", "1", "/actor/mail", "no such member; did you mean email?"),
    ("/actor/type", "\"robot\"", "/actor/type", "must be one of user, system, service_account, agent, anonymous"),
    ("/actor/id", "7", "/actor/id", "must be a string, not a number"),
    ("/actor/id", "\"\"", "/actor", "needs an id, a name or an email that is not empty"),
    ("/actor", "[]", "/actor", "must be an object, not an array"),
    ("/actor/on_behalf_of", "{\"type\":\"user\"}", "/actor/on_behalf_of", "needs an id, a name or an email that is not empty"),
    ("/action", "\"\"", "/action", "must not be empty"),
    ("/action", "null", "/action", "must be a string, not null; where there is none, leave the member out"),
    ("/category", "\"clusters\"", "/category", "must be one of cluster, instance, config, alert, access_control, webhook, audit, other"),
    ("/result", "true", "/result", "must be a string, not a boolean"),
    ("/result", "\"Success\"", "/result", "must be one of success, failure"),
    ("/error", "{\"code\":\"403\"}", "/error", "only a failure has an error"),
    ("/id", "\"018f\"", "/id", "an id is a UUID such as 0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10"),
    ("/id", "\"00000000-0000-0000-0000-000000000000\"", "/id", "the UUID of zeros names nothing"),
    ("/timestamp", "\"2026-02-30T00:00:00Z\"", "/timestamp", "no RFC 3339 time: no such day in that month"),
    ("/timestamp", "1759656682", "/timestamp", "must be a string, not a number"),
    ("/target", "{}", "/target", "needs a type, an id or a name"),
    ("/target", "{\"kind\":\"x\"}", "/target/kind", "no such member; known are id, name, type"),
    ("/related", "[{\"id\":\"a\"},{\"id\":null}]", "/related/1/id", "must be a string, not null; where there is none, leave the member out"),
    ("/related", "{}", "/related", "must be an array, not an object"),
    ("/scope", "{\"organization\":\"Acme\"}", "/scope/organization", "an organization is 1 to 63 of a-z, 0-9, dot, underscore and hyphen"),
    ("/request", "{\"userAgent\":\"x\"}", "/request/userAgent", "no such member; did you mean user_agent?"),
    ("/changes", "{}", "/changes", "must be an array, not an object"),
    ("/changes", "[{\"path\":\"/a\"},{\"before\":1}]", "/changes/1/path", "is required"),
    ("/changes", "[{\"path\":\"/a\",\"old\":1}]", "/changes/0/old", "no such member; known are after, before, path"),
    ("/context", "\"text\"", "/context", "must be an object, not a string"),
    ("/source", "{\"event_id\":\"e\"}", "/source/name", "is required"),
    ("/source", "{\"name\":\"s\",\"sequence\":1.0}", "/source/sequence", "must be an integer from 0 to 18446744073709551615, written in digits alone"),
    ("/source", "{\"name\":\"s\",\"sequence\":-1}", "/source/sequence", "must be an integer from 0 to 18446744073709551615, written in digits alone"),
];

#[test]
fn a_draft_is_refused_with_the_place_and_the_reason() {
    for &(place, value, pointer, detail) in REFUSED {
        let found = problems(&short_with(place, value));
        assert_eq!(
            found,
            [(pointer.to_string(), detail.to_string())],
            "{place} {value}"
        );
    }
}

#[test]
fn all_problems_of_a_draft_are_told_at_once() {
    let found = problems(r#"{"actor":{"name":5},"result":"ok","target":null}"#);
    let places: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(
        places,
        [
            "/actor/name",
            "/actor/type",
            "/result",
            "/target",
            "/action"
        ]
    );
    assert_eq!(problems("{}").len(), 3);
    assert_eq!(
        problems("[]"),
        [(String::new(), "must be an object, not an array".to_string())]
    );
    let many: Vec<String> = (0..25).map(|n| format!("\"x{n:02}\":0")).collect();
    let found = problems(&SHORT.replacen('{', &format!("{{{},", many.join(",")), 1));
    assert_eq!(found.len(), 21);
    assert_eq!(found[20], (String::new(), "and 5 more".to_string()));
}

#[test]
fn a_project_and_an_entry_may_be_so_large_and_no_larger() {
    let project = |bytes: usize| format!("{{\"project\":\"{}\"}}", "x".repeat(bytes));
    assert!(Draft::from_json(short_with("/scope", &project(253)).as_bytes()).is_ok());
    assert_eq!(
        problems(&short_with("/scope", &project(254)))[0].1,
        "a project of 254 bytes; at most 253"
    );
    let entry = |bytes: usize| {
        let empty = short_with("/context", "{\"a\":\"\"}");
        let filler = "x".repeat(bytes - empty.len());
        empty.replace("\"a\":\"\"", &format!("\"a\":\"{filler}\""))
    };
    assert!(Draft::from_json(entry(ENTRY_BYTES_MAX).as_bytes()).is_ok());
    // The end of its line made the largest entry too large.
    let in_lines = format!(" {}\r\n", entry(ENTRY_BYTES_MAX));
    assert!(Draft::from_json(in_lines.as_bytes()).is_ok());
    let too_large = problems(&entry(ENTRY_BYTES_MAX + 1));
    assert_eq!(
        too_large[0].1,
        "an entry of 4194305 bytes; at most 4194304 are kept"
    );
}

/// An export of the largest entry could not be recorded again: it was larger by what the log had filled in.
#[test]
fn the_largest_entry_can_be_recorded_again_as_it_was_exported() {
    let largest = |context: &str| {
        let empty = short_with("/context", "{\"a\":\"\"}");
        let filler = "x".repeat(ENTRY_BYTES_MAX - empty.len());
        let json = empty.replace("\"a\":\"\"", &format!("\"a\":\"{filler}{context}\""));
        Draft::from_json(json.as_bytes())
    };
    assert_eq!(
        largest("x").expect_err("a byte more").first().detail,
        "an entry of 4194305 bytes; at most 4194304 are kept"
    );
    let organization = Organization::parse(&"o".repeat(63)).expect("a slug");
    let longest = |category: &&Category| category.as_str().len();
    let category = *Category::ALL.iter().max_by_key(longest).expect("some");
    let id = EntryId::from_bytes([7; 16]);
    let defaults = Defaults {
        id,
        organization,
        category,
    };
    let draft = largest("").expect("the largest");
    let entry = draft.accept(Seq(0), Timestamp::MAX, defaults.clone());
    let again = Draft::from(entry.clone());
    let mut exported = Vec::new();
    again.write_json(&mut exported);
    assert_eq!(exported.len(), ENTRY_BYTES_MAX + again.filled_in_bytes());
    assert!(again.filled_in_bytes() <= crate::limits::FILLED_IN_BYTES_MAX);
    let recorded = Draft::from_json(&exported).expect("what was exported");
    assert_eq!(recorded.accept(Seq(0), Timestamp::MAX, defaults), entry);

    // What callers may say themselves is as large as ever.
    let text = String::from_utf8(exported).expect("UTF-8");
    let more = text.replacen("\"a\":\"", "\"a\":\"x", 1);
    let detail = &problems(&more)[0].1;
    assert_eq!(
        detail,
        "an entry of 4194305 bytes; at most 4194304 are kept"
    );
}

#[test]
fn depth_is_counted_over_the_whole_entry() {
    let context = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let with = |depth| SHORT.replacen('{', &format!("{{\"context\":{},", context(depth)), 1);
    let entry = accepted(&with(63));
    assert_eq!(Entry::from_wire(wire(&entry).as_bytes()), Ok(entry));
    assert_eq!(problems(&with(64))[0].1, "nested deeper than 64 levels");
}

/// An importer may wrap a foreign document that is as deep as any into `context`; what was stored must stay readable.
#[test]
fn a_context_that_was_built_deeper_than_callers_may_send_is_still_read_back() {
    let mut draft = Draft::from_json(SHORT.as_bytes()).expect("a draft");
    let deep = format!("{}1{}", "[".repeat(64), "]".repeat(64));
    let wrapped: crate::json::Object<'_> = [(
        "original",
        crate::json::parse(deep.as_bytes()).expect("JSON"),
    )]
    .into_iter()
    .collect();
    draft.context = Some(Json::from(&Value::from(wrapped)));
    assert_eq!(
        draft.check().expect_err("too deep to send").first().detail,
        "nested deeper than 64 levels"
    );
    let defaults = Defaults {
        id: EntryId::from_bytes([7; 16]),
        organization: Organization::parse("acme").expect("a slug"),
        category: Category::Other,
    };
    let entry = draft.accept(Seq(0), Timestamp::MIN, defaults);
    assert_eq!(Entry::from_wire(wire(&entry).as_bytes()), Ok(entry));
}

#[test]
fn a_draft_that_was_built_is_checked_like_one_that_was_sent() {
    let party = Party {
        name: Some("Ana".into()),
        ..Party::of(ActorKind::User)
    };
    let mut draft = Draft::new(party.into(), "createCluster", Result::Success);
    assert_eq!(draft.check(), Ok(()));
    draft.error = Some(Error::default());
    draft.action = "".into();
    draft.actor = Party::of(ActorKind::System).into();
    let problems = draft.check().expect_err("three problems").into_vec();
    let places: Vec<&str> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(places, ["/action", "/actor", "/error"]);
}

#[test]
fn an_id_is_the_callers_or_the_sources_or_the_servers() {
    let id = "0198F3C2-7B1E-7C3A-9D0A-5B8F1F6F2A10";
    let source = r#"{"name":"mar-api","event_id":"ev-1"}"#;
    assert_eq!(
        accepted(&short_with("/id", &format!("\"{id}\"")))
            .id
            .to_string(),
        id.to_lowercase()
    );
    assert_eq!(
        accepted(&short_with("/source", source)).id,
        EntryId::derive("default", "mar-api", "ev-1")
    );
    assert_eq!(
        accepted(&short_with("/source", r#"{"name":"mar-api"}"#)).id,
        EntryId::from_bytes([7; 16])
    );
    // An empty one was taken for an identity: all later entries of such a sender were conflicts.
    assert_eq!(
        accepted(&short_with(
            "/source",
            r#"{"event_id":"","name":"mar-api"}"#
        ))
        .id,
        EntryId::from_bytes([7; 16])
    );
    let both = short_with("/source", source).replacen('{', &format!("{{\"id\":\"{id}\","), 1);
    assert_eq!(accepted(&both).id.to_string(), id.to_lowercase());
}

#[test]
fn empty_containers_say_nothing_where_the_schema_names_them_and_are_kept_where_it_does_not() {
    let empty = r#"{"action":"a","actor":{"id":"u","type":"user"},"changes":[],"context":{},"error":{},
                    "related":[],"request":{},"result":"failure","scope":{}}"#;
    let shown = wire(&accepted(empty));
    for kept in [r#""changes":[]"#, r#""context":{}"#, r#""error":{}"#] {
        assert!(shown.contains(kept), "{kept} in {shown}");
    }
    for left_out in ["related", "request"] {
        assert!(!shown.contains(left_out), "{left_out} in {shown}");
    }
}

#[test]
fn a_clock_is_ahead_after_five_minutes() {
    let mut entry = accepted(&short_with("/timestamp", "\"2026-11-23T10:05:00Z\""));
    assert!(!entry.clock_ahead());
    entry.timestamp = Timestamp::from_micros(entry.timestamp.as_micros() + 1).expect("a time");
    assert!(entry.clock_ahead());
}

#[test]
fn an_entry_that_lost_a_member_is_refused() {
    let wire = wire(&accepted(FULL));
    let body = {
        let mut body = Vec::new();
        accepted(FULL).write_body(&mut body);
        String::from_utf8(body).expect("UTF-8")
    };
    let read = |body: &str| Entry::from_body(Seq(0), Timestamp::MIN, body.as_bytes());
    assert!(read(&body).is_ok());
    for (member, place) in [
        ("\"category\":\"cluster\",", "/category"),
        ("\"id\":\"0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10\",", "/id"),
        (
            ",\"timestamp\":\"2026-10-05T09:31:22.104512Z\"",
            "/timestamp",
        ),
        ("\"organization\":\"acme\",", "/scope/organization"),
        ("\"action\":\"scaleCluster\",", "/action"),
    ] {
        assert!(body.contains(member), "{member}");
        assert_eq!(
            read(&body.replace(member, "")).expect_err(place).pointer,
            place
        );
    }
    assert_eq!(read(&wire).expect_err("not a body").pointer, "/received_at");
    assert_eq!(
        Entry::from_wire(body.as_bytes())
            .expect_err("not a wire form")
            .pointer,
        "/seq"
    );
}

/// A draft with the text in every place that takes any text: the `@` of this template.
fn saying(text: &str) -> Value<'static> {
    const TEMPLATE: &str = r#"{"action":"a@","actor":{"email":"@","id":"i","name":"@","on_behalf_of":{"email":"@","id":"i@","name":"@","type":"agent"},"type":"user"},
        "changes":[{"after":null,"before":"@","path":"@"}],"context":{"@":["@",null,{"@":1.0}]},"error":{"code":"@","message":"@"},
        "related":[{"id":"@","name":"@","type":"@"}],"result":"failure","scope":{"organization":"acme"},
        "request":{"id":"@","ip":"@","method":"@","path":"@","session_id":"@","trace_id":"@","user_agent":"@"},
        "source":{"event_id":"@","name":"s@"},"target":{"id":"@","name":"@","type":"@"}}"#;
    let mut quoted = Vec::new();
    crate::json::write_string(text, &mut quoted);
    let inner = std::str::from_utf8(&quoted[1..quoted.len() - 1]).expect("UTF-8");
    crate::json::parse(TEMPLATE.replace('@', inner).as_bytes())
        .expect("JSON")
        .into_owned()
}

/// Sends the draft, and finds everything again in the entry's wire form and body.
fn comes_back(sent: &Value<'_>) {
    let json = sent.to_string();
    let entry = accepted(&json);
    let wire = wire(&entry);
    let Value::Object(mut shown) = crate::json::parse(wire.as_bytes()).expect("JSON") else {
        panic!("an object")
    };
    for added in ["category", "id", "received_at", "seq", "timestamp"] {
        assert!(shown.remove(added).is_some(), "{added}");
    }
    assert_eq!(Value::Object(shown).to_string(), json);
    let mut body = Vec::new();
    entry.write_body(&mut body);
    assert_eq!(
        canonical(std::str::from_utf8(&body).expect("UTF-8")).as_bytes(),
        body
    );
    assert_eq!(
        Entry::from_body(entry.seq, entry.received_at, &body).as_ref(),
        Ok(&entry)
    );
    let mut again = Vec::new();
    let draft = Draft::from(entry.clone());
    draft.write_json(&mut again);
    assert_eq!(again, body);
    assert_eq!(Draft::from_json(&again), Ok(draft));
}

#[test]
fn every_naughty_string_comes_back_from_every_place() {
    let strings = crate::json::parse(include_bytes!("../../fixtures/blns.json")).expect("JSON");
    let strings = strings.as_array().expect("an array");
    assert_eq!(strings.len(), 515);
    for text in strings {
        comes_back(&saying(text.as_str().expect("a string")));
    }
}

proptest! {
    #[test]
    fn every_text_comes_back_from_every_place(text in any::<String>()) {
        comes_back(&saying(&text));
    }

    #[test]
    fn any_json_comes_back_as_context_and_as_change(any in crate::json::tests::values(), name in any::<String>()) {
        let Value::Object(mut sent) = saying("x") else { panic!("an object") };
        let context: crate::json::Object<'_> = [(name, any.clone())].into_iter().collect();
        let change: crate::json::Object<'_> =
            [("path", Value::from("/a")), ("before", any.clone()), ("after", any)].into_iter().collect();
        sent.insert("context", context);
        sent.insert("changes", vec![Value::from(change)]);
        comes_back(&Value::Object(sent));
    }

    #[test]
    fn a_draft_with_bytes_changed_is_answered(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut json = FULL.as_bytes().to_vec();
        for (at, to) in edits {
            let at = at.index(json.len());
            json[at] = to;
        }
        if let Ok(draft) = Draft::from_json(&json) {
            prop_assert_eq!(draft.check(), Ok(()));
        }
    }
}

/// Looking for the nearest known name of each of 300,000 unknown ones once took seconds.
#[test]
fn a_million_problems_are_counted_and_not_described() {
    let members: Vec<String> = (0..300_000).map(|n| format!("\"{n:x}\":0")).collect();
    let found = problems(&SHORT.replacen('{', &format!("{{{},", members.join(",")), 1));
    assert_eq!(found.len(), Problems::MAX + 1);
    assert_eq!(found[Problems::MAX].1, "and 299980 more");
    let elements = vec!["0"; 1_000_000].join(",");
    let found = problems(&short_with("/related", &format!("[{elements}]")));
    assert_eq!(found[Problems::MAX].1, "and 999980 more");
}
