use super::*;
use crate::draft::Defaults;
use crate::{Category, Draft, Organization, Seq, Timestamp};
use proptest::prelude::*;

const FULL: &str = r#"{"action":"scaleCluster","actor":{"email":"ana@acme.example","id":"usr_5","name":"Ana",
"on_behalf_of":{"id":"usr_9","type":"user"},"type":"user"},"category":"cluster","changes":[{"after":5,"before":3.0,"path":"/n"}],
"context":{"a/b":1,"a.b":"x","t~":[1,{"k":"}\""}],"":null},"error":{"code":"403","message":"no"},
"related":[{"id":"cp_2","type":"config_profile"}],"request":{"ip":"203.0.113.9","user_agent":"cli"},"result":"failure",
"source":{"name":"api"},"target":{"id":"clu_9","name":"pay-eu","type":"cluster"},"timestamp":"2026-10-05T09:31:22Z"}"#;

fn accepted(json: &str) -> Entry {
    let draft = Draft::from_json(json.as_bytes()).unwrap_or_else(|e| panic!("{json}: {e}"));
    let defaults = Defaults {
        id: EntryId::from_bytes([7; 16]),
        organization: Organization::parse("acme").expect("a slug"),
        category: draft.category.unwrap_or(Category::Other),
    };
    let received_at = Timestamp::parse("2026-11-23T10:00:00Z").expect("a time");
    draft.accept(Seq(18), received_at, defaults)
}

fn units(entry: &Entry) -> Vec<(String, String)> {
    let mut units = Units::default();
    entry.write_units(&mut units);
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("canonical JSON is UTF-8");
    units
        .iter()
        .map(|(path, value)| (path.to_owned(), text(value)))
        .collect()
}

fn body(entry: &Entry) -> String {
    let mut out = Vec::new();
    entry.write_body(&mut out);
    String::from_utf8(out).expect("canonical JSON is UTF-8")
}

#[test]
fn an_entry_falls_into_its_public_part_and_its_personal_members() {
    let units = units(&accepted(FULL));
    let expected = [
        (
            "",
            r#"{"action":"scaleCluster","actor":{"type":"user"},"category":"cluster","context":{},"error":{"code":"403"},"id":"07070707-0707-0707-0707-070707070707","result":"failure","scope":{"organization":"acme"},"source":{"name":"api"},"target":{"id":"clu_9","type":"cluster"},"timestamp":"2026-10-05T09:31:22.000000Z"}"#,
        ),
        ("/actor/email", r#""ana@acme.example""#),
        ("/actor/id", r#""usr_5""#),
        ("/actor/name", r#""Ana""#),
        ("/actor/on_behalf_of", r#"{"id":"usr_9","type":"user"}"#),
        ("/changes", r#"[{"after":5,"before":3.0,"path":"/n"}]"#),
        ("/context/", "null"),
        ("/context/a.b", r#""x""#),
        ("/context/a~1b", "1"),
        ("/context/t~0", r#"[1,{"k":"}\""}]"#),
        ("/error/message", r#""no""#),
        ("/related", r#"[{"id":"cp_2","type":"config_profile"}]"#),
        ("/request/ip", r#""203.0.113.9""#),
        ("/request/user_agent", r#""cli""#),
        ("/target/name", r#""pay-eu""#),
    ];
    let expected: Vec<_> = expected
        .map(|(path, value)| (path.to_owned(), value.to_owned()))
        .into();
    assert_eq!(units, expected);
}

#[test]
fn many_keys_of_context_are_one_unit() {
    let keys = |count: usize| {
        let keys: Vec<_> = (0..count).map(|n| format!(r#""k{n}":{n}"#)).collect();
        let json = format!(
            r#"{{"action":"a","actor":{{"id":"u","type":"user"}},"context":{{{}}},"result":"success"}}"#,
            keys.join(",")
        );
        accepted(&json)
    };
    let paths =
        |entry: &Entry| -> Vec<String> { units(entry).into_iter().map(|(path, _)| path).collect() };
    assert_eq!(paths(&keys(CONTEXT_UNITS_MAX)).len(), 2 + CONTEXT_UNITS_MAX);
    let mut many = keys(CONTEXT_UNITS_MAX + 1);
    assert_eq!(paths(&many), ["", "/actor/id", "/context"]);
    assert!(!many.erase("/context/k1"), "it is no unit of its own");
    assert!(many.erase("/context"));
    assert_eq!(many.context, None);
}

#[test]
fn a_context_without_keys_stays_apart_from_none() {
    let with = accepted(
        r#"{"action":"a","actor":{"id":"u","type":"user"},"context":{},"result":"success"}"#,
    );
    let without = accepted(r#"{"action":"a","actor":{"id":"u","type":"user"},"result":"success"}"#);
    assert_ne!(units(&with)[0], units(&without)[0]);
    assert_eq!(units(&with).len(), units(&without).len());
}

#[test]
fn units_that_do_not_fit_together_are_refused_with_their_path() {
    for (units, at) in [
        (&[("", "[]")][..], ""),
        (
            &[("", r#"{"actor":{"id":"u"}}"#), ("/actor/id", r#""v""#)],
            "/actor/id",
        ),
        (
            &[("", r#"{"actor":3}"#), ("/actor/id", r#""v""#)],
            "/actor/id",
        ),
        (&[("", r#"{"changes":[]}"#), ("/changes", "[]")], "/changes"),
    ] {
        let refused = join(units.iter().copied()).expect_err("no entry");
        assert_eq!(refused.pointer, at);
    }
    assert!(join([("", "{}"), ("/actor/id", "no JSON")]).is_err());
}

#[test]
fn an_erased_entry_comes_back_from_its_wire_form() {
    let mut entry = accepted(
        r#"{"action":"a","actor":{"id":"u","type":"user"},"result":"success","target":{"name":"t"}}"#,
    );
    for path in ["/actor/id", "/target/name"] {
        assert!(entry.erase(path) && !entry.erase(path));
        let by = EntryId::from_bytes([9; 16]);
        entry.erased.push(Erased {
            path: path.into(),
            entry: by,
        });
    }
    let mut wire = Vec::new();
    entry.write_wire(&mut wire);
    assert_eq!(Entry::from_wire(&wire).as_ref(), Ok(&entry));
    let text = String::from_utf8(wire).expect("UTF-8");
    assert!(text.contains(
        r#""erased":[{"entry":"09090909-0909-0909-0909-090909090909","path":"/actor/id"},"#
    ));
    assert!(
        Draft::from_json(text.as_bytes()).is_err(),
        "no caller can say so"
    );
}

fn drafts() -> impl Strategy<Value = String> {
    let text = "[a-z/~\"\\\\ é]{0,6}";
    let member =
        |name: &'static str| proptest::option::of(text).prop_map(move |t| t.map(|t| (name, t)));
    let context = proptest::option::of(proptest::collection::btree_map(text, text, 0..52));
    (
        [member("email"), member("name")],
        [member("ip"), member("user_agent"), member("method")],
        [member("name"), member("id")],
        context,
        any::<[bool; 3]>(),
    )
        .prop_map(
            |(actor, request, target, context, [changes, related, error])| {
                let object = |members: Vec<Option<(&'static str, String)>>| {
                    let members = members.into_iter().flatten();
                    Value::Object(
                        members
                            .map(|(name, text)| (name, Value::from(text)))
                            .collect(),
                    )
                };
                let mut draft = json::Object::new();
                draft.insert("action", "a");
                draft.insert("result", if error { "failure" } else { "success" });
                let mut party = actor.to_vec();
                party.extend([
                    Some(("id", "u".to_owned())),
                    Some(("type", "user".to_owned())),
                ]);
                draft.insert("actor", object(party));
                draft.insert("request", object(request.to_vec()));
                let target = object(target.to_vec());
                if target.as_object().is_some_and(|target| !target.is_empty()) {
                    if related {
                        draft.insert("related", vec![target.clone()]);
                    }
                    draft.insert("target", target);
                }
                if let Some(context) = context {
                    draft.insert("context", Value::Object(context.into_iter().collect()));
                }
                if changes {
                    let change = [("path", Value::from("/x")), ("after", Value::from("1"))];
                    draft.insert("changes", vec![Value::Object(change.into_iter().collect())]);
                }
                if error {
                    let message = [("message", Value::from("m"))];
                    draft.insert("error", Value::Object(message.into_iter().collect()));
                }
                Value::Object(draft).to_string()
            },
        )
}

proptest! {
    /// What an erasure leaves gives the same public part and the same values, or proofs of them would break.
    #[test]
    fn units_make_the_entry_and_outlive_each_other(draft in drafts(), which in any::<u64>()) {
        let mut entry = accepted(&draft);
        let all = units(&entry);
        let joined = join(all.iter().map(|(path, value)| (path.as_str(), value.as_str())));
        let joined = joined.expect("they are an entry's");
        prop_assert_eq!(joined.as_str(), body(&entry));
        let ascending = all.windows(2).all(|pair| pair[0].0 < pair[1].0);
        prop_assert!(ascending);
        let mut left = Vec::new();
        for (at, unit) in all.iter().enumerate() {
            if at == 0 || which >> (at % 64) & 1 == 0 {
                left.push(unit.clone());
            } else {
                prop_assert!(entry.erase(&unit.0), "{}", unit.0);
            }
        }
        prop_assert_eq!(units(&entry), left);
    }
}
