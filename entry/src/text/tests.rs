use super::*;
use proptest::prelude::*;

#[test]
fn case_is_ignored_letter_by_letter() {
    assert_eq!(fold("Ana RUIZ"), "ana ruiz");
    assert_eq!(fold("ΟΔΥΣΣΕΥΣ"), fold("Οδυσσευς"));
    assert_eq!(fold("STRASSE"), "strasse");
    assert_eq!(fold("STRAẞE"), "straße");
    assert_eq!(fold("İzmir"), "i\u{307}zmir");
    assert_eq!(fold("\u{212a}elvin"), "kelvin");
    assert!(matches!(fold("already folded ASCII"), Cow::Owned(_)));
    assert!(matches!(fold("already folded"), Cow::Borrowed(_)));
}

#[test]
fn folding_twice_changes_nothing_for_any_character() {
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        let once = fold(&text).into_owned();
        assert_eq!(fold(&once), once, "{c:?}");
    }
}

#[test]
fn words_are_runs_of_letters_and_digits() {
    let mut found = Vec::new();
    words(
        "Missing clusters:update, OPS-88 Größe…東京2020 x_y",
        &mut |word| found.push(word.to_owned()),
    );
    assert_eq!(
        found,
        [
            "missing",
            "clusters",
            "update",
            "ops",
            "88",
            "größe",
            "東京2020",
            "x",
            "y"
        ]
    );
}

#[test]
fn a_long_word_is_cut_at_a_character() {
    let mut found = Vec::new();
    words(
        &format!("{} {}", "é".repeat(40), "東".repeat(40)),
        &mut |word| found.push(word.to_owned()),
    );
    assert_eq!(found, ["é".repeat(32), "東".repeat(21)]);
}

fn leaves_of(json: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    json_leaves(json, &mut |path, text| {
        found.push((path.to_owned(), text.to_owned()))
    });
    found
}

#[test]
fn leaves_come_with_their_dotted_paths_in_document_order() {
    let json = r#"{"":{"x":1},"a":[{"b":"one"},[2.50,{"c":null}],true],"d":{},"e":"q\"\\\nA\u0001\ud83d\ude00","f":{"g":{"h":-0}}}"#;
    let expected = [
        ("x", "1"),
        ("a.b", "one"),
        ("a", "2.50"),
        ("a.c", "null"),
        ("a", "true"),
        ("e", "q\"\\\nA\u{1}😀"),
        ("f.g.h", "-0"),
    ];
    let found = leaves_of(json);
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    assert_eq!(found, expected);
}

/// The leaves of a parsed document, by the obvious recursion.
fn model(value: &serde_json::Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                model(value, &below, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| model(item, path, found)),
        serde_json::Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..5).prop_map(|members| members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn the_walk_finds_what_a_parsed_document_holds(value in any_json()) {
        let mut expected = Vec::new();
        model(&value, "", &mut expected);
        prop_assert_eq!(leaves_of(&value.to_string()), expected);
    }

    #[test]
    fn the_walk_survives_anything(text in r#"[\[\]{},:"\\u0-9d é]{0,40}"#) {
        leaves_of(&text);
    }

    #[test]
    fn comparing_is_comparing_folded_texts(value in "[aAbBéÉΣς]{0,6}", other in "[aAbBéÉΣς]{0,3}", long in 0..2usize) {
        let value = value.clone() + &"-".repeat(long * 300) + &value;
        let folded = fold(&other);
        prop_assert_eq!(equals(&value, &folded), fold(&value) == folded);
        prop_assert_eq!(starts_with(&value, &folded), fold(&value).starts_with(&*folded));
        prop_assert_eq!(ends_with(&value, &folded), fold(&value).ends_with(&*folded));
        prop_assert_eq!(contains(&value, &folded), fold(&value).contains(&*folded));
    }
}
