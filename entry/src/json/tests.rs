use super::*;
use proptest::prelude::*;

fn value(text: &str) -> Value<'_> {
    parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn refusal(bytes: &[u8]) -> (String, String) {
    let why = parse(bytes).expect_err("was read");
    (why.pointer, why.detail)
}

fn canonical(text: &str) -> String {
    value(text).to_string()
}

/// Name and bytes of every case of JSONTestSuite.
fn json_test_suite() -> Vec<(&'static str, Vec<u8>)> {
    let table = include_str!("../../fixtures/json_test_suite.tsv");
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.split_once('\t').expect("name, tab, bytes"))
        .map(|(name, text)| (name, unescape(text)))
        .collect()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let mut next = || char::from(bytes.next().expect("an escape goes on"));
        out.push(match next() {
            't' => b'\t',
            'n' => b'\n',
            'r' => b'\r',
            'x' => u8::from_str_radix(&format!("{}{}", next(), next()), 16).expect("two digits"),
            other => other as u8,
        });
    }
    out
}

/// What RFC 8259 leaves open, decided: the cases of JSONTestSuite that are read although they need not be.
const READ_BY_CHOICE: &[&str] = &["i_number_"];

/// Read by others, refused here: a name that occurs twice would make two readers see two things.
const REFUSED_BY_CHOICE: &[&str] = &[
    "y_object_duplicated_key",
    "y_object_duplicated_key_and_value",
];

#[test]
fn json_test_suite_is_read_and_refused_as_it_says() {
    let cases = json_test_suite();
    assert_eq!(cases.len(), 338);
    for (name, bytes) in cases {
        let read = parse(&bytes);
        let wanted = match name.as_bytes()[0] {
            b'y' => !REFUSED_BY_CHOICE.contains(&name),
            b'n' => false,
            b'i' => READ_BY_CHOICE.iter().any(|prefix| name.starts_with(prefix)),
            _ => !name.contains("invalid_codepoint") && !name.contains("same_key"),
        };
        assert_eq!(read.is_ok(), wanted, "{name}: {read:?}");
        if let Ok(value) = read {
            let canonical = value.to_string();
            assert_eq!(parse(canonical.as_bytes()), Ok(value), "{name}");
        }
    }
}

#[test]
fn nesting_ends_at_its_limit_however_deep_the_text_goes() {
    let nested =
        |open: &str, close: &str, depth| format!("{}{}", open.repeat(depth), close.repeat(depth));
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let inner = if open == "[" { "" } else { "1" };
        let at_most = format!("{}{inner}{}", open.repeat(64), close.repeat(64));
        assert!(parse(at_most.as_bytes()).is_ok());
        let (pointer, detail) = refusal(nested(open, close, 65).as_bytes());
        assert_eq!(pointer.matches('/').count(), 64);
        assert_eq!(detail, "nested deeper than 64 levels");
        assert!(parse(open.repeat(100_000).as_bytes()).is_err());
    }
    assert!(parse("[{\"\":".repeat(50_000).as_bytes()).is_err());
}

#[test]
fn numbers_keep_their_text() {
    for number in [
        "0",
        "-0",
        "1.0",
        "1e5",
        "1E+05",
        "12345678901234567890",
        "0.1000000000000000055511151231257827",
        "-1e-999",
    ] {
        assert_eq!(canonical(number), number);
        assert_eq!(value(number).as_number(), Some(number));
    }
    assert_eq!(value("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(value("-5").as_i64(), Some(-5));
    for other in ["1.0", "1e3", "-1", "18446744073709551616", "\"1\""] {
        assert_eq!(value(other).as_u64(), None, "{other}");
    }
}

#[test]
fn strings_keep_their_code_points() {
    assert_eq!(
        value(r#""\u00e9\ud83d\ude02\u0000\/""#).as_str(),
        Some("é😂\0/")
    );
    assert_eq!(
        canonical(r#""\u00e9\/\u0041\u001F\u007f\u2028""#),
        "\"é/A\\u001f\u{7f}\u{2028}\""
    );
    assert_eq!(
        canonical(r#""\u0008\u0009\u000a\u000c\u000d\u0022\u005c""#),
        r#""\b\t\n\f\r\"\\""#
    );
    // NFC and NFD are two texts, and stay two names.
    assert_eq!(
        canonical("{\"\u{e9}\":1,\"e\u{301}\":2}"),
        "{\"e\u{301}\":2,\"\u{e9}\":1}"
    );
}

/// A text, and the place and the sentence of its refusal.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "", "not JSON at byte 0: expected a value, found the end"),
    ("{\"a\":[1,2,{\"b\":tru}]}", "/a/2/b", "not JSON at byte 18: expected a value"),
    ("{\"a/b\":{\"c~d\":[01]}}", "/a~1b/c~0d/0", "not JSON at byte 16: a number has no leading zeros"),
    ("{\"a\":1,}", "", "not JSON at byte 7: expected a member name in quotes"),
    ("{\"a\" 1}", "/a", "not JSON at byte 5: expected a colon after the member name"),
    ("[1 2]", "", "not JSON at byte 3: expected a comma or ]"),
    ("[1] 2", "", "not JSON at byte 4: expected nothing more"),
    ("{\"a\":\"x\ny\"}", "/a", "not JSON at byte 7: a control character in a string must be escaped"),
    ("{\"a\":\"\\ud800\"}", "/a", "not JSON at byte 6: half of a surrogate pair stands alone"),
    ("{\"a\":\"\\ud800\\u0041\"}", "/a", "not JSON at byte 6: half of a surrogate pair stands alone"),
    ("[\"\\udc00\"]", "/0", "not JSON at byte 2: half of a surrogate pair stands alone"),
    ("[\"\\u12g4\"]", "/0", "not JSON at byte 2: expected four hexadecimal digits"),
    ("[\"\\x41\"]", "/0", "not JSON at byte 2: no such escape"),
    ("[\"abc", "/0", "not JSON at byte 5: the string does not end"),
    ("\u{feff}{}", "", "not JSON at byte 0: a byte order mark; JSON begins without one"),
    ("{\"a\":{\"b\":1,\"c\":2,\"\\u0062\":3}}", "/a/b", "this name occurs twice in its object"),
    ("[NaN]", "/0", "not JSON at byte 1: expected a value"),
    ("['a']", "/0", "not JSON at byte 1: expected a value"),
];

#[test]
fn a_refusal_names_its_innermost_place() {
    for &(text, pointer, detail) in REFUSED {
        assert_eq!(
            refusal(text.as_bytes()),
            (pointer.into(), detail.into()),
            "{text:?}"
        );
    }
}

#[test]
fn a_refusal_reads_as_a_sentence_with_its_place_in_front() {
    let said = |text: &str| parse(text.as_bytes()).expect_err("refused").to_string();
    assert_eq!(said("[x]"), "/0: not JSON at byte 1: expected a value");
    assert_eq!(said("x"), "not JSON at byte 0: expected a value");
    let two = Problems::new(
        vec![
            parse(b"[x]").expect_err("refused"),
            parse(b"x").expect_err("refused"),
        ],
        0,
    );
    let two = two.expect("two problems").to_string();
    assert_eq!(
        two,
        "/0: not JSON at byte 1: expected a value; not JSON at byte 0: expected a value"
    );
}

#[test]
fn bytes_that_are_no_utf8_are_refused_at_their_place() {
    let case = |bytes: &[u8]| refusal(bytes);
    let detail = |at: usize| format!("not JSON at byte {at}: not valid UTF-8");
    assert_eq!(
        case(b"{\"a\":{\"b\":\"x\xff\"}}"),
        ("/a/b".into(), detail(12))
    );
    assert_eq!(case(b"[1,\"\xc0\x80\"]"), ("/1".into(), detail(4)));
    assert_eq!(case(b"[1] \xff"), (String::new(), detail(4)));
    assert_eq!(case(b"\xff\xfe[\0]\0"), (String::new(), detail(0)));
    assert_eq!(case(b"{\"a\xff\":1}"), (String::new(), detail(3)));
    assert_eq!(
        case(b"[1,,\"\xff\"]").1,
        "not JSON at byte 3: expected a value"
    );
}

#[test]
fn a_name_is_known_twice_among_many_and_whatever_its_spelling() {
    let many: Vec<String> = (0..5_000)
        .map(|n| format!("\"k{}\":{n}", n * 7919 % 5_000))
        .collect();
    let text = format!("{{{}}}", many.join(","));
    assert_eq!(value(&text).as_object().expect("an object").len(), 5_000);
    let twice = format!("{{{},\"\\u006b4999\":0}}", many.join(","));
    assert_eq!(refusal(twice.as_bytes()).0, "/k4999");
}

/// The vectors of RFC 8785 by Anders Rundgren (`cyberphone/json-canonicalization`, Apache-2.0), as far as they sort
/// alike; the numbers of `values` stay as written here.
#[test]
fn canonical_bytes_are_those_of_jcs_where_the_two_agree() {
    let vectors = [
        (
            "[56,{\"d\":true,\"10\":null,\"1\":[ ]}]",
            "[56,{\"1\":[],\"10\":null,\"d\":true}]",
        ),
        (
            "{\"peach\":1,\"p\u{e9}ch\u{e9}\":2,\"p\u{ea}che\":3,\"sin\":4}",
            "{\"peach\":1,\"p\u{e9}ch\u{e9}\":2,\"p\u{ea}che\":3,\"sin\":4}",
        ),
        (
            "{\"1\":{\"f\":{\"f\":\"hi\",\"F\":5},\"\\n\":56},\"10\":{},\"\":\"empty\",\"a\":{},\"111\":[{\"e\":\"yes\",\"E\":\"no\"}],\"A\":{}}",
            "{\"\":\"empty\",\"1\":{\"\\n\":56,\"f\":{\"F\":5,\"f\":\"hi\"}},\"10\":{},\"111\":[{\"E\":\"no\",\"e\":\"yes\"}],\"A\":{},\"a\":{}}",
        ),
        (
            "{\"Unnormalized Unicode\":\"A\\u030a\"}",
            "{\"Unnormalized Unicode\":\"A\u{30a}\"}",
        ),
        (
            r#"{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}"#,
            "{\"literals\":[null,true,false],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
        ),
    ];
    for (sent, wanted) in vectors {
        assert_eq!(canonical(sent), wanted);
    }
}

#[test]
fn members_are_sorted_by_utf8_where_jcs_sorts_by_utf16() {
    // U+FB33 is below U+1F602 in UTF-8 and above it in UTF-16.
    assert_eq!(
        canonical(r#"{"\ud83d\ude02":1,"\ufb33":2}"#),
        "{\"\u{fb33}\":2,\"\u{1f602}\":1}"
    );
}

#[test]
fn a_value_is_found_by_name_and_by_pointer() {
    let value = value(r#"{"a":{"b/c":[{"d~e":true}]},"n":null}"#);
    assert_eq!(
        value.pointer("/a/b~1c/0/d~0e").and_then(Value::as_bool),
        Some(true)
    );
    assert_eq!(value.pointer(""), Some(&value));
    assert!(value.get("n").expect("a member").is_null());
    for nowhere in [
        "a",
        "/b",
        "/a/b~1c/1",
        "/a/b~1c/x",
        "/n/x",
        "/a/b~1c/0/d~0e/x",
    ] {
        assert_eq!(value.pointer(nowhere), None, "{nowhere}");
    }
}

#[test]
fn an_object_that_is_built_is_sorted_and_holds_each_name_once() {
    let mut object: Object<'_> = [("b", 1_u64), ("a", 2), ("b", 3)].into_iter().collect();
    object.insert("0", "zero");
    assert_eq!(object.remove("a").and_then(|value| value.as_u64()), Some(2));
    assert_eq!(
        Json::from(&Value::from(object)).as_str(),
        r#"{"0":"zero","b":3}"#
    );
    assert_eq!(
        Json::read(b" { \"b\" : 1 , \"a\" : [ ] } ")
            .expect("JSON")
            .as_str(),
        r#"{"a":[],"b":1}"#
    );
}

fn split(text: &[u8]) -> std::result::Result<Vec<&str>, SplitError> {
    let ranges = split_array(text, 10)?;
    Ok(ranges
        .into_iter()
        .map(|range| std::str::from_utf8(&text[range]).expect("UTF-8"))
        .collect())
}

#[test]
fn an_array_falls_into_its_elements_whatever_they_are() {
    assert_eq!(split(b" [ ] "), Ok(vec![]));
    assert_eq!(split(b"[1]"), Ok(vec!["1"]));
    assert_eq!(
        split(b"[ {\"a\":[1,2]} ,\n\"],\\\\\\\"[\", tru , [[],{}], {\"a\":1] ]"),
        Ok(vec![
            "{\"a\":[1,2]}",
            "\"],\\\\\\\"[\"",
            "tru",
            "[[],{}]",
            "{\"a\":1]"
        ])
    );
    assert_eq!(split_array(b"[\"\xff\",2]", 10).expect("split").len(), 2);
}

#[test]
fn an_array_that_is_broken_itself_is_refused_whole() {
    for text in [
        "",
        "{}",
        "1",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1] 2",
        "[1]]",
        "[\"a]",
        "[\"a\\",
        "[{]",
        "\u{feff}[1]",
    ] {
        assert!(
            matches!(split(text.as_bytes()), Err(SplitError::Invalid(_))),
            "{text:?}"
        );
    }
    assert_eq!(
        split_array(b"[1,2,3]", 2),
        Err(SplitError::TooMany { max: 2 })
    );
    assert_eq!(split_array(b"[1,2]", 2).map(|all| all.len()), Ok(2));
}

/// Any JSON value, its numbers in every spelling.
pub(crate) fn values() -> impl Strategy<Value = Value<'static>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        "-?(0|[1-9][0-9]{0,30})([.][0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
            .prop_map(|n| Value::Number(n.into())),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(value in values()) {
        let text = value.to_string();
        prop_assert_eq!(parse(text.as_bytes()), Ok(value.clone()));
        prop_assert_eq!(Json::from(&value).parse().into_owned(), value);
    }

    #[test]
    fn a_string_is_written_as_serde_json_writes_it(text in any::<String>()) {
        let mut ours = Vec::new();
        write_string(&text, &mut ours);
        prop_assert_eq!(String::from_utf8(ours).expect("UTF-8"), serde_json::to_string(&text).expect("a string"));
    }

    /// Long texts, so that every position in a group of eight bytes is met.
    #[test]
    fn a_run_of_plain_bytes_ends_where_a_simple_search_ends(text in "[ -~\u{80}-\u{10ffff}]{0,40}[\"\\\\\0\u{1f}\u{7f}é]?[ -~]{0,20}") {
        let simple = text.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\').unwrap_or(text.len());
        prop_assert_eq!(parser::plain_run(text.as_bytes()), simple);
    }

    #[test]
    fn json_is_what_serde_json_takes_for_json(text in r#"[\[\]{}:,"\\0-9eE+.a\-tn ]{0,24}"#) {
        agrees_with_serde_json(&text)?;
    }

    #[test]
    fn a_text_with_one_byte_changed_is_json_for_both_or_neither(value in values(), at in any::<prop::sample::Index>(), to in r#"[\[\]{}:,"\\0-9eE+.\-tn ]"#) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len());
        text[at] = to.chars().next().expect("one");
        agrees_with_serde_json(&text.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse(&bytes);
        let _ = split_array(&bytes, 3);
    }

    #[test]
    fn elements_are_split_where_the_parser_ends_them(elements in prop::collection::vec(values(), 0..8)) {
        let text = Value::Array(elements.clone()).to_string();
        let split = split_array(text.as_bytes(), 8).expect("an array");
        let read: Vec<_> = split.into_iter().map(|range| parse(&text.as_bytes()[range]).expect("JSON")).collect();
        prop_assert_eq!(read, elements);
    }
}

/// `IgnoredAny` checks syntax alone, so only what we refuse beyond syntax may differ.
fn agrees_with_serde_json(text: &str) -> std::result::Result<(), TestCaseError> {
    let theirs = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    match parse(text.as_bytes()) {
        Ok(_) => prop_assert!(theirs, "{text:?} was read"),
        Err(why) if why.detail.contains("occurs twice") || why.detail.contains("surrogate") => {}
        Err(why) => prop_assert!(!theirs, "{text:?} was refused: {why}"),
    }
    Ok(())
}
