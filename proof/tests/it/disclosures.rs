//! Disclosures: one text each, and none for anything else.

use proof::{
    Hash,
    disclosure::{Content, Disclosure, Unit},
    leaf::{EntryId, ReceivedAt, Salt, check_paths, commitment, unit_digest},
};
use proptest::prelude::*;

use crate::test_log::disclosure;

#[test]
fn the_text_is_as_documented() {
    let mut disclosure = disclosure(1);
    disclosure.erase("/actor/email").expect("a digest");
    let Content::Erased { digest } = disclosure.units()[1].content else {
        panic!("erased")
    };
    let salt = |at: usize| match &disclosure.units()[at].content {
        Content::Open { salt, .. } => data_encoding::BASE64.encode(&salt.0),
        Content::Erased { .. } => panic!("open"),
    };
    let text = disclosure.to_json();
    let expected = [
        r#"{"v":1,"id":"01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c01","received_at":"2026-07-22T16:23:02.123401Z","units":["#,
        r#"{"path":"","salt":""#,
        &salt(0),
        r#"","value":"{\"action\":\"scaleCluster\",\"changes\":3.0e2,\"result\":\"success\"}"},"#,
        r#"{"path":"/actor/email","digest":""#,
        &digest.to_string(),
        r#""},{"path":"/actor/name","salt":""#,
        &salt(2),
        "\",\"value\":\"\\\"Maria\\\\nRößi\\\"\"},",
        r#"{"path":"/context/~0k~1ey","salt":""#,
        &salt(3),
        r#"","value":"{\"a\":[]}"}]}"#,
    ];
    assert_eq!(text, expected.concat());
    // Any JSON reader gives back the bytes that were hashed.
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for (unit, json) in disclosure
        .units()
        .iter()
        .zip(value["units"].as_array().expect("units"))
    {
        assert_eq!(json["path"], *unit.path);
        if let Content::Open { value, .. } = &unit.content {
            assert_eq!(json["value"], **value);
        }
    }
}

/// Each of these is JSON (or nearly) that some reader would take for the same, or for an entry.
#[test]
fn other_texts_are_refused() {
    let text = disclosure(1).to_json();
    Disclosure::parse(text.as_bytes()).expect("its own text");
    let erased = {
        let mut disclosure = disclosure(1);
        disclosure.erase("/actor/email").expect("a digest");
        disclosure.to_json()
    };
    let id = r#""id":"01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c01","#;
    let time = r#""received_at":"2026-07-22T16:23:02.123401Z","#;
    let first = &text[text.find(r#"{"path":"","#).expect("unit 0")
        ..text.find(r#",{"path":"/actor/email"#).expect("unit 1")];
    let padded = text.find("==\"").expect("a salt");
    #[rustfmt::skip]
    let cases = [
        (text.replace(':', ": "), "white space"),
        (format!(" {text}"), "white space before"),
        (format!("{text}\n"), "a newline after"),
        (format!("\u{feff}{text}"), "a byte order mark"),
        (format!("{text}{text}"), "twice"),
        (text.replace(r#""v":1"#, r#""v":2"#), "another version"),
        (text.replace(r#""v":1"#, r#""v":1.0"#), "the version otherwise"),
        (text.replace(r#""v":1,"#, ""), "no version"),
        (text.replace(id, &format!("{id}{id}")), "the id twice"),
        (text.replace(id, ""), "no id"),
        (text.replace(&format!("{id}{time}"), &format!("{time}{id}")), "another order"),
        (text.replace(time, &format!(r#"{time}"seq":1,"#)), "a member more"),
        (text.replace(r#""units""#, r#""un\u0069ts""#), "an escaped name"),
        (text.replace("01983f0c", "01983F0C"), "the id in upper case"),
        (text.replace("16:23:02.123401Z", "16:23:02.123401+00:00"), "another zone"),
        (text.replace("16:23:02.123401Z", "16:23:60.123401Z"), "second 60"),
        (text.replace(&format!("{first},"), ""), "no unit 0"),
        (text.replace(first, &format!("{first},{first}")), "unit 0 twice"),
        (format!("{}]}}", &text[..text.find('[').expect("units") + 1]), "no units"),
        (text.replace("},{", "}{"), "no comma"),
        (text.replace("}]}", "},]}"), "a comma more"),
        (text.replace("/actor/email", "/actor/zmail"), "descending paths"),
        (text.replace("/actor/email", "/actor/name"), "a path twice"),
        (text.replace("/actor/email", "actor/email"), "not a pointer"),
        (text.replace("~0k", "~2k"), "a wrong escape in a pointer"),
        (text.replace("~1ey", "~"), "half an escape in a pointer"),
        (text.replace("/actor/name", "/actor/email/name"), "a path inside another"),
        (text.replace("/actor/email", "\\/actor/email"), "an escaped slash"),
        (text.replace("/actor/email", "/\\u0061ctor/email"), "an escaped letter"),
        (text.replace("ß", "\\u00df"), "an escaped letter in a value"),
        (text.replace("\\\\n", "\n"), "a bare newline"),
        (text.replace("\\\\n", "\\u000a"), "a newline, escaped at length"),
        (text.replace("\\\\n", "\\u001F"), "an escape in upper case"),
        (text.replace("\\\\n", "\\ud800"), "half a surrogate"),
        (text.replace("\\\\n", "\\x"), "no escape"),
        (text.replace("==\"", "\""), "salts without padding"),
        (text.replace("==\"", "=\""), "salts with half their padding"),
        (format!("{}B==\"{}", &text[..padded - 1], &text[padded + 3..]), "stray bits in a salt"),
        (text.replace("\"salt\":\"", "\"salt\":\"AAAA"), "a longer salt"),
        (text.replace(r#""salt""#, r#""Salt""#), "another name"),
        (text.replace(r#""value""#, r#""value":1,"value""#), "a value more"),
        (erased.replace(r#""digest":""#, r#""digest":"AAAA"#), "a longer digest"),
        (erased.replace(r#""digest":""#, r#""salt":"","digest":""#), "digest and salt"),
        (text[..text.len() - 1].into(), "cut"),
        (String::new(), "nothing"),
        ("null".into(), "null"),
    ];
    for (other, why) in cases {
        assert_ne!(other, text, "{why}");
        Disclosure::parse(other.as_bytes()).expect_err(why);
    }
}

#[test]
fn half_a_character_is_refused() {
    let mut bytes = disclosure(1).to_json().into_bytes();
    let at = bytes.iter().position(|byte| !byte.is_ascii());
    bytes.remove(at.expect("not ASCII"));
    Disclosure::parse(&bytes).expect_err("not UTF-8");
}

#[test]
fn what_units_may_not_be() {
    assert!(check_paths(&["", "/a", "/a!", "/b/c", "/b/d"]).is_ok());
    assert!(check_paths(&["", "/", "/~0", "/~1"]).is_ok());
    for paths in [
        &[][..],
        &["/a"],
        &["", ""],
        &["", "/b", "/a"],
        &["", "/a", "/a"],
        &["", "/a", "/a/b"],
        &["", "/a", "/a!", "/a/b"],
        &["", "/", "//a"],
        &["", "a"],
        &["", "/~"],
        &["", "/~a"],
        &["", "/a", "/b~2"],
        &["", &"/a".repeat(40_000)],
    ] {
        check_paths(paths).expect_err(&format!("{:.100}", format!("{paths:?}")));
    }
    let digest = Hash::leaf(b"");
    commitment(&[]).expect_err("no units");
    commitment(&vec![digest; 65_535]).expect("as many as there may be");
    commitment(&vec![digest; 65_536]).expect_err("too many");
    unit_digest(&Salt([0; 16]), &"a".repeat(65_536), b"").expect_err("too long");
    let unit = |at: usize| Unit {
        path: if at == 0 {
            String::new()
        } else {
            format!("/{at:05}")
        },
        content: Content::Erased { digest },
    };
    let (id, time) = (disclosure(1).id(), disclosure(1).received_at());
    Disclosure::new(id, time, (0..65_535).map(unit).collect()).expect("as many as there may be");
    Disclosure::new(id, time, (0..65_536).map(unit).collect()).expect_err("too many");
}

/// No two lists of units have one commitment because bytes moved from one into the other.
#[test]
fn digests_tell_path_from_value_and_unit_from_unit() {
    let salt = Salt([7; 16]);
    let digest =
        |path: &str, value: &str| unit_digest(&salt, path, value.as_bytes()).expect("short");
    assert_ne!(digest("/ab", "c"), digest("/a", "bc"));
    assert_ne!(digest("", "x"), digest("x", ""));
    let [a, b] = [digest("", "1"), digest("/a", "2")];
    let commit = |units: &[Hash]| commitment(units).expect("few");
    assert_ne!(commit(&[a, b]), commit(&[b, a]));
    assert_ne!(commit(&[a]), commit(&[a, a]));
}

fn unit(path: String) -> impl Strategy<Value = Unit> {
    let open = (any::<[u8; 16]>(), any::<String>()).prop_map(|(salt, value)| Content::Open {
        salt: Salt(salt),
        value,
    });
    let erased = any::<[u8; 32]>().prop_map(|digest| Content::Erased {
        digest: Hash(digest),
    });
    prop_oneof![open, erased].prop_map(move |content| Unit {
        path: path.clone(),
        content,
    })
}

fn any_units() -> impl Strategy<Value = Vec<Unit>> {
    proptest::collection::btree_set("[^/~]{1,8}", 0..6).prop_flat_map(|keys| {
        let paths = std::iter::once(String::new()).chain(keys.iter().map(|key| format!("/{key}")));
        paths.map(unit).collect::<Vec<_>>()
    })
}

/// Paths that begin alike and are as deep as they can be: checking them takes no longer than reading them.
#[test]
fn deep_paths_do_not_hold_up_a_verifier() {
    let deep = "/a".repeat(32_000);
    let paths: Vec<String> = (0..500).map(|at| format!("{deep}/{at:03}")).collect();
    let mut all = vec![""];
    all.extend(paths.iter().map(String::as_str));
    check_paths(&all).expect("none lies inside another");
    let last = format!("{deep}/499/b");
    all.push(&last);
    check_paths(&all).expect_err("inside the one before");
}

proptest! {
    /// Said as it is meant: no path with a slash behind it is the beginning of another.
    #[test]
    fn no_path_lies_inside_another(paths in proptest::collection::btree_set("(/[ab!]{0,2}){1,3}", 0..8)) {
        let mut all = vec![""];
        all.extend(paths.iter().map(String::as_str));
        let inside = paths.iter().any(|outer| {
            paths.iter().any(|path| path.starts_with(&format!("{outer}/")))
        });
        prop_assert_eq!(check_paths(&all).is_err(), inside);
    }

    #[test]
    fn any_disclosure_reads_back(units in any_units()) {
        let id = EntryId::parse("00000000-0000-7000-8000-000000000000").expect("a UUID");
        let time = ReceivedAt::parse("2026-01-01T00:00:00.000000Z").expect("a time");
        let disclosure = Disclosure::new(id, time, units).expect("well formed");
        let text = disclosure.to_json();
        prop_assert_eq!(Disclosure::parse(text.as_bytes()), Ok(disclosure));
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
    }

    /// What parses is what would be written, whatever was done to the text.
    #[test]
    fn nothing_else_reads(at in 0usize..600, with in "[\\x00-\\x7f]{0,3}", cut in 0usize..4) {
        let text = disclosure(1).to_json();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).expect("0 is one");
        let end = ((at + cut).min(text.len())..).find(|end| text.is_char_boundary(*end)).expect("the end is one");
        let other = format!("{}{with}{}", &text[..at], &text[end..]);
        if let Ok(read) = Disclosure::parse(other.as_bytes()) {
            prop_assert_eq!(read.to_json(), other.clone());
            prop_assert_eq!(other == text, read.leaf() == disclosure(1).leaf());
        }
    }
}
