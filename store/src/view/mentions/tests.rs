use super::*;
use crate::test_entries;
use proptest::prelude::*;

/// Every text that a unit's value holds, and number; `null` and the like tell of nobody.
fn texts_of(value: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    let value = std::str::from_utf8(value).expect("canonical JSON");
    text::json_leaves(value, &mut |_, text| texts.push(text.to_owned()));
    texts.retain(|text| !["false", "null", "true"].contains(&&**text));
    texts
}

proptest! {
    #[test]
    fn every_member_that_holds_a_text_goes_and_then_none_does(
        plan in test_entries::any_plan(),
        which in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut entry = plan.entry(Seq(3), 1_000_000);
        let mut units = Units::default();
        entry.write_units(&mut units);
        let values: Vec<(String, Vec<String>)> = units
            .iter()
            .filter(|(path, _)| !path.is_empty())
            .map(|(path, value)| (path.to_owned(), texts_of(value)))
            .collect();
        let all: Vec<&String> = values.iter().flat_map(|(_, texts)| texts).collect();
        prop_assume!(!all.is_empty());
        // A part of any text of it, in other letters.
        let text = which.get(&all);
        let from = text.floor_char_boundary(cut.index(text.len() + 1) / 2);
        let sought = text[from..].to_uppercase();
        prop_assume!(!sought.is_empty());
        let person = Person::new(KnownBy::Text, &sought, &[]);
        let folded = text::fold(&sought).into_owned();
        let (goes, _) = person.of(&entry, &mut units);
        for (path, texts) in &values {
            if texts.iter().any(|text| text::fold(text).contains(&folded)) {
                prop_assert!(goes.iter().any(|gone| **gone == **path), "{path} stays");
            }
        }
        for path in &goes {
            prop_assert!(entry.erase(path), "{path} is a member of it");
        }
        prop_assert_eq!(person.of(&entry, &mut units).0, Vec::<Box<str>>::new());
    }
}

#[test]
fn escapes_and_the_names_of_schemas_are_not_taken_for_texts() {
    let n = Person::new(KnownBy::Text, "b\"n", &[]);
    assert!(n.is_in_unit("/context/a", br#"["A B\"N\n"]"#));
    // The letters of an escape are no text.
    let escape = Person::new(KnownBy::Text, "nb", &[]);
    assert!(!escape.is_in_unit("/context/a", br#""a\nb""#));
    let names = Person::new(KnownBy::Text, "path", &[]);
    assert!(!names.is_in_unit("/changes", br#"[{"after":1,"path":"/a"}]"#));
    assert!(!names.is_in_unit("", br#"{"path":"/a"}"#));
    assert!(names.is_in_unit("/context/a", br#"{"the path":1}"#));
    let number = Person::new(KnownBy::Text, "555", &[]);
    assert!(number.is_in_unit("/context/phone", b"15550100"));
    let slash = Person::new(KnownBy::Text, "a/b", &[]);
    assert!(slash.is_in_path("/context/xa~1b") && !slash.is_in_path("/request/ip"));
}

#[test]
fn a_person_is_known_by_the_whole_of_a_trait_and_by_those_acted_for() {
    let item = crate::testing::item("acme", 7);
    let mut entry = item
        .draft
        .accept(Seq(0), entry::Timestamp::MIN, item.defaults);
    entry.request.ip = Some("203.0.113.7".into());
    let mut units = Units::default();
    let goes = |entry: &Entry, known_by, text, also: &[Box<str>], units: &mut Units| {
        Person::new(known_by, text, also)
            .of(entry, units)
            .0
            .join(" ")
    };
    let all = "/actor/name /request/ip";
    assert_eq!(
        goes(&entry, KnownBy::Name, "ANA ruiz", &[], &mut units),
        all
    );
    // A part of the name is in the name, and nobody's name.
    assert_eq!(
        goes(&entry, KnownBy::Name, "ana", &[], &mut units),
        "/actor/name"
    );
    let also = ["/actor/id".into()];
    let with_id = "/actor/id /actor/name /request/ip";
    assert_eq!(
        goes(&entry, KnownBy::Name, "ana ruiz", &also, &mut units),
        with_id
    );
    entry.actor.on_behalf_of = Some(entry.actor.party.clone());
    let with_other = "/actor/id /actor/name /actor/on_behalf_of /request/ip";
    assert_eq!(
        goes(&entry, KnownBy::Id, "usr_7", &[], &mut units),
        with_other
    );
}
