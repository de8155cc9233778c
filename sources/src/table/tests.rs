use super::*;
use crate::formats::Formats;
use crate::testing::{claims, context};
use entry::json::{self, Object, Value};
use entry::{ActorKind, Draft, Result as Ended};
use proptest::prelude::*;

const LEAST: &str = "name = \"own\"\naction = \"/a\"\n";

fn drafts(table: &str, event: &str) -> Vec<Draft> {
    let table = Table::parse("own.toml", &format!("{LEAST}{table}")).expect("a table");
    let event = json::parse(event.as_bytes()).expect("JSON");
    table.drafts(&claims("own"), event, None).expect("drafts")
}

fn draft(table: &str, event: &str) -> Draft {
    let draft = drafts(table, event).remove(0);
    draft.check().expect("a draft the log accepts");
    draft
}

#[test]
fn what_is_wrong_with_a_table_is_told_with_its_line_and_member() {
    for (table, told) in [
        ("action = \"/a\"", "t.toml:1: name: it is required"),
        ("name = \"own\"", "t.toml:1: action: it is required"),
        (
            "name = \"Own\"\naction = \"/a\"",
            "t.toml:1: name: `Own`: a-z, 0-9, `_` and `-`, at most 63",
        ),
        (
            "name = \"own\"\naction = 3",
            "t.toml:2: action: a path, a text, a list or a table of steps belongs here",
        ),
        (
            "name = \"own\"\naction = \"/a\"\nactions = 1",
            "t.toml:3: actions: no rule of that name",
        ),
        (
            "name = \"own\"\naction = \"/a\"\n[actor]\nnam = \"/b\"",
            "t.toml:4: actor.nam: no rule of that name",
        ),
        (
            "name = \"own\"\naction = \"/a\"\n[actor]\ntype = \"robot\"",
            "t.toml:4: actor.type: `robot` is not one of its words",
        ),
        (
            "name = \"own\"\naction = \"/a\"\n[actor]\ntype = \"/kind\"",
            "t.toml:4: actor.type: its words are few: give constants, or `values` with `otherwise`",
        ),
        (
            "name = \"own\"\naction = \"/a\"\n\n[[target]]\ntype = \"x\"",
            "t.toml:4: target: a target needs `id` or `name`",
        ),
        (
            "name = \"own\"\naction = \"{/a\"",
            "t.toml:2: action: `{/a`: a brace is not closed",
        ),
        (
            "name = \"own\"\naction = { from = \"/a\", split = \"/\" }",
            "t.toml:2: action: `split` and `take` belong together",
        ),
        (
            "name = \"own\"\naction = { take = 1 }",
            "t.toml:2: action: it needs either `from` or `value`",
        ),
        (
            "name = \"own\"\naction = \"/a\"\ntime = [\"b\"]",
            "t.toml:3: time: `b` is no path: paths begin with `/` or `$/`",
        ),
        (
            "name = \"own\"\naction = \"/a\"\nrecognise = { is = \"x\" }",
            "t.toml:3: recognise: a test needs `from`",
        ),
        (
            "name = \"own\"\naction = \"/a\"\nrecognise = {}",
            "t.toml:3: recognise: a condition says nothing",
        ),
        (
            "name = \"own\"\naction = \"/a\"\nreads = \"tea\"",
            "t.toml:3: reads: `tea`: json",
        ),
    ] {
        let error = Table::parse("t.toml", table).expect_err(table);
        assert!(error.to_string().starts_with(told), "{error}\n{told}");
    }
    let error = Table::parse("t.toml", "name = \"own\"\naction = [\n").expect_err("no TOML");
    assert!(error.line >= 2, "{error}");
    let long = format!("{LEAST}# {}", "x".repeat(300 * 1024));
    assert!(Table::parse("t.toml", &long).is_err());
}

#[test]
fn spellings_of_nothing_say_nothing() {
    for nothing in [
        r#""""#,
        r#"" ""#,
        r#""-""#,
        r#""null""#,
        r#""<null>""#,
        r#""\"\"""#,
        "null",
        "{}",
        "[]",
    ] {
        let event = format!(r#"{{"a":"x","who":{nothing},"ip":{nothing}}}"#);
        let draft = draft("actor.name = \"/who\"\nrequest.ip = \"/ip\"\n", &event);
        assert_eq!(
            (draft.actor.party.name.as_deref(), draft.request.ip),
            (Some("unknown"), None),
            "{event}"
        );
    }
    let own = draft(
        "nothing = [\"n/a\"]\nactor.name = \"/who\"\n",
        r#"{"a":"x","who":"n/a"}"#,
    );
    assert_eq!(
        (own.actor.party.kind, own.actor.party.name.as_deref()),
        (ActorKind::Anonymous, Some("unknown"))
    );
}

#[test]
fn what_a_field_says_word_for_word_leaves_the_context_and_nothing_else_does() {
    let rules = "time = \"/t\"\nactor.name = \"/u/name\"\nactor.email = \"/u/name\"\nrequest.id = { from = \"/r\", before = \"-\" }\nscope.project = \"/p\"\n";
    let event = r#"{"a":" x ","t":"2026-01-02T03:04:05Z","u":{"name":"ana@example.com"},"r":"1-2","p":"q","n":null,"z":[1]}"#;
    let draft = draft(rules, event);
    assert_eq!(
        draft
            .context
            .as_ref()
            .map(|c| c.as_str().to_owned())
            .as_deref(),
        Some(
            r#"{"own":{"a":" x ","p":"q","r":"1-2","z":[1]},"result_note":"the source does not say how it ended; success is assumed"}"#
        )
    );
    assert_eq!(
        (&*draft.action, draft.request.id.as_deref()),
        ("x", Some("1"))
    );
}

#[test]
fn an_unknown_result_is_kept_beside_the_assumed_one() {
    let rules = "[result]\nfrom = \"/r\"\nsuccess = [\"ok\"]\nfailure = [\"bad\"]\ncode = \"/c\"\n";
    let of = |event: &str| draft(rules, event);
    assert_eq!(of(r#"{"a":"x","r":"OK","c":"1"}"#).result, Ended::Success);
    assert_eq!(of(r#"{"a":"x","r":"OK","c":"1"}"#).error, None);
    let bad = of(r#"{"a":"x","r":"Bad","c":"1"}"#);
    assert_eq!(
        (bad.result, bad.error.and_then(|e| e.code).as_deref()),
        (Ended::Failure, Some("1"))
    );
    let odd = of(r#"{"a":"x","r":"maybe"}"#);
    assert_eq!(context(&odd, "/result_detail").as_deref(), Some("maybe"));
    assert!(context(&odd, "/result_note").is_some());
}

#[test]
fn json_in_a_text_is_seen_parsed_and_stands_beside_its_text() {
    let rules = "json_texts = [\"/b/log\", \"/c\"]\nactor.name = \"/b/log/who\"\n";
    let text = draft(
        rules,
        r#"{"a":"x","b":{"log":"{\"who\":\"ana\"}"},"c":"{broken"}"#,
    );
    assert_eq!(text.actor.party.name.as_deref(), Some("ana"));
    assert_eq!(context(&text, "/parsed/b.log/who").as_deref(), Some("ana"));
    assert_eq!(
        context(&text, "/own/b/log").as_deref(),
        Some(r#"{"who":"ana"}"#)
    );
    assert_eq!(context(&text, "/own/c").as_deref(), Some("{broken"));
    // Too deep to stand parsed: its text is all there is.
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let text = draft(rules, &format!(r#"{{"a":"x","c":"{deep}"}}"#));
    assert_eq!(context(&text, "/parsed"), None);
}

#[test]
fn targets_by_the_first_rule_that_finds_any_and_the_preferred_one_first() {
    let rules = "[[target]]\neach = \"/t\"\nprefer = { from = \"/k\", is = \"app\" }\ntype = \"/k\"\nname = \"/n\"\n[[target]]\nname = \"/alone\"\n[[related]]\nname = \"/also\"\n";
    let three = draft(
        rules,
        r#"{"a":"x","t":[{"k":"u","n":"1"},{},{"k":"app","n":"2"},{"k":"app","n":"3"}],"alone":"4","also":"1"}"#,
    );
    let names = |d: &Draft| -> Vec<String> {
        let all = d.target.iter().chain(&d.related);
        all.map(|t| t.shown().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(&three), ["2", "1", "3"]);
    assert_eq!(
        names(&draft(
            rules,
            r#"{"a":"x","t":null,"alone":"4","also":"5"}"#
        )),
        ["4", "5"]
    );
}

#[test]
fn elements_are_entries_of_their_own_but_not_without_bound() {
    let rules = "each = \"/e\"\nrequest.id = \"/e/n\"\n";
    assert_eq!(drafts(rules, r#"{"a":"x","e":[{"n":1},{"n":2}]}"#).len(), 2);
    assert_eq!(drafts(rules, r#"{"a":"x","e":[]}"#).len(), 1);
    assert_eq!(drafts(rules, r#"{"a":"x"}"#).len(), 1);
    let table = Table::parse("own.toml", &format!("{LEAST}{rules}")).expect("a table");
    let refused = |event: String| {
        let event = json::parse(event.as_bytes()).expect("JSON");
        table
            .drafts(&claims("own"), event, None)
            .expect_err("too much")
    };
    assert!(
        refused(format!(
            r#"{{"a":"x","e":[{}]}}"#,
            vec!["{}"; 1_001].join(",")
        ))
        .contains("at most 1000")
    );
    let bulky = format!(
        r#"{{"a":"x","b":"{}","e":[{}]}}"#,
        "b".repeat(1 << 20),
        vec!["{}"; 100].join(",")
    );
    assert!(refused(bulky).contains("too much to repeat"));
}

/// JSON of the members that the tables look at.
fn events() -> impl Strategy<Value = Value<'static>> {
    let names = prop::sample::select(vec![
        "action",
        "actor",
        "user",
        "type",
        "name",
        "id",
        "time",
        "target",
        "targets",
        "events",
        "parameters",
        "protoPayload",
        "properties",
        "operationName",
        "eventType",
        "Operation",
        "request",
        "path",
        "operation",
        "status",
        "code",
        "result",
        "value",
        "message",
        "data",
        "payload",
        "class_uid",
        "metadata",
        "outcome",
        "email",
        "ip",
        "log",
        "authenticationInfo",
        "principalEmail",
        "initiatedBy",
        "targetResources",
        "resourceId",
        "oslo.message",
        "AuditData",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        "(\\PC|\\s){0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "a@b.example",
            "success",
            "-",
            "x/y:z",
            "{\"action\":\"x\"}",
            "2026-01-02 03:04:05",
            "1.2.3.4:5"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((names.clone(), inner), 0..8).prop_map(|members| Value::Object(
                members.into_iter().collect::<Object<'static>>()
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whatever_an_event_holds_its_drafts_are_ones_the_log_accepts(event in events()) {
        let formats = Formats::built_in();
        for (name, _) in formats.names() {
            let Some(table) = formats.table(name) else { continue };
            table.recognises(&event);
            if let Ok(drafts) = table.drafts(&claims(name), event.clone(), None) {
                for draft in drafts {
                    prop_assert!(draft.check().is_ok(), "{:?}", draft.check());
                }
            }
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_tables_panic(text in "(\\PC|\\s|[\\[\\]{}=\"/.]){0,80}") {
        let _ = Table::parse("t.toml", &text);
        let _ = Table::parse("t.toml", &format!("{LEAST}{text}"));
    }
}
