//! Items come out of any arrangement, and damage costs a line.

use super::*;

#[derive(Default)]
struct Spilled(Vec<u8>);

impl Spill for Spilled {
    fn write(&mut self, _place: Place, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Gives a few bytes at a time, so that every item is cut somewhere.
struct Dripping<'a>(&'a [u8], usize);

impl Read for Dripping<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.0.len().min(self.1).min(out.len());
        out[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

/// `line:text` of items, `line!text` of what is broken.
fn scan(text: &[u8], drip: usize) -> Vec<String> {
    let mut scanner = Scanner::new(Dripping(text, drip), Layout::json(&["items"]));
    let mut found = Vec::new();
    while let Some(piece) = scanner
        .next(&mut Spilled::default())
        .expect("memory is read")
    {
        found.push(match piece {
            Piece::Item { place, raw } => {
                format!("{}:{}", place.line, String::from_utf8_lossy(&raw))
            }
            Piece::Broken { place, raw, .. } => {
                format!("{}!{}", place.line, String::from_utf8_lossy(&raw))
            }
            Piece::Spilled { place, bytes } => format!("{}~{bytes}", place.line),
        });
    }
    found
}

fn check(text: &str, expected: &[&str]) {
    for drip in [1, 3, 7, 4096] {
        assert_eq!(scan(text.as_bytes(), drip), expected, "{text:?} by {drip}");
    }
}

#[test]
fn items_come_out_of_lines_arrays_and_objects_around_arrays() {
    check("", &[]);
    check(" \n\r\n", &[]);
    check("{\"a\":1}", &["1:{\"a\":1}"]);
    check(
        "{\"a\":1}\n{\"b\":\"}\\\"{\"}\r\n\n{}",
        &["1:{\"a\":1}", "2:{\"b\":\"}\\\"{\"}", "4:{}"],
    );
    check(
        "[{\"a\":1},\n {\"b\":[1,{}]}]\n{\"c\":2}",
        &["1:{\"a\":1}", "2:{\"b\":[1,{}]}", "3:{\"c\":2}"],
    );
    check("[\n{\n\"a\":1\n}\n,\n{}\n]", &["2:{\n\"a\":1\n}", "6:{}"]);
    check(
        "{\"kind\":\"L\",\"items\":[{\"a\":1},{\"b\":2}],\"more\":{\"items\":[3]}}{\"c\":1}",
        &["1:{\"a\":1}", "1:{\"b\":2}", "1:{\"c\":1}"],
    );
    check("{ \"items\" : [ ] }\n{\"items\":{}}", &["2:{\"items\":{}}"]);
    check("{\"a\":{\"items\":[1]}}", &["1:{\"a\":{\"items\":[1]}}"]);
    check("\u{feff}{\"a\":1}", &["1:{\"a\":1}"]);
    check(
        "\u{1e}{\"a\":1}\n\u{1e}{\"b\":1}\n",
        &["1:{\"a\":1}", "2:{\"b\":1}"],
    );
    check(
        "[ \n {}, 1,\"x\",null,-2.5e3]\n",
        &["2:{}", "2:1", "2:\"x\"", "2:null", "2:-2.5e3"],
    );
}

#[test]
fn the_members_before_the_items_are_known() {
    let text = br#"{"kind":"L", "apiVersion":"v1" , "items" :[{"a":1}]} {"b":1} {"items":[2]}"#;
    let mut scanner = Scanner::new(&text[..], Layout::json(&["items"]));
    let mut headers = Vec::new();
    while scanner
        .next(&mut Spilled::default())
        .expect("memory is read")
        .is_some()
    {
        headers.push(String::from_utf8_lossy(scanner.header()).into_owned());
    }
    assert_eq!(headers, [r#"{"kind":"L", "apiVersion":"v1"}"#, "", "{}"]);
}

#[test]
fn a_broken_line_costs_itself() {
    check(
        "{\"a\":\n{\"b\":1}\n{\"c\":1}",
        &["1!{\"a\":", "2:{\"b\":1}", "3:{\"c\":1}"],
    );
    check("{\"a\":1,\n{\"b\":1}\n", &["1!{\"a\":1,", "2:{\"b\":1}"]);
    check("{\"a\":\"x\n{\"b\":1}\n", &["1!{\"a\":\"x", "2:{\"b\":1}"]);
    check(
        "<38>1 syslog {\"a\":1}\n{\"b\":1}",
        &["1!<38>1 syslog {\"a\":1}", "2:{\"b\":1}"],
    );
    check("{\"a\":1]\n{\"b\":1}", &["1!{\"a\":1]", "2:{\"b\":1}"]);
    check(
        "[\n{\"a\":1},\n{\"b\" 1},\n{\"c\":1}\n]\n{\"d\":1}",
        &["2:{\"a\":1}", "3!{\"b\" 1},", "4:{\"c\":1}", "6:{\"d\":1}"],
    );
    check("\u{0}\n{\"b\":1}", &["1!\u{0}", "2:{\"b\":1}"]);
    check(
        "{\"a\":1} <x\n{\"b\":1}",
        &["1:{\"a\":1}", "1!<x", "2:{\"b\":1}"],
    );
}

/// Its words were taken for values, each refused by itself, and no refusal held the line.
#[test]
fn a_line_of_text_is_one_broken_line() {
    let good = "{\"a\":1}";
    for text in [
        "this is a log line",
        "17 true null",
        "\"quoted\" and not",
        "[2026-11-23 09:00:00] started {\"a\":1}",
        "[error] [client ::1] no",
        "2026-11-23T09:00:00Z stdout F {\"a\":1}",
    ] {
        let lines = format!("{good}\n{text}\n{good}");
        check(
            &lines,
            &["1:{\"a\":1}", &format!("2!{text}"), "3:{\"a\":1}"],
        );
    }
}

#[test]
fn a_cut_input_is_told() {
    check("{\"a\":1}\n{\"b\":", &["1:{\"a\":1}", "2!{\"b\":"]);
    check("[{\"a\":1}", &["1:{\"a\":1}", "1!"]);
    check("{\"items\":[{\"a\":1}", &["1:{\"a\":1}", "1!"]);
    check("{\"items\":[{\"a\":1}]", &["1:{\"a\":1}", "1!"]);
}

#[test]
fn what_is_too_long_is_passed_by_whole_and_the_rest_is_read() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(ITEM_BYTES_MAX));
    let text = format!("{{\"items\":[{{\"b\":1}},{long},{{\"c\":1}}]}}\n{long}\n{{\"d\":1}}");
    let mut scanner = Scanner::new(text.as_bytes(), Layout::json(&["items"]));
    let mut spilled = Spilled::default();
    let mut found = Vec::new();
    while let Some(piece) = scanner.next(&mut spilled).expect("memory is read") {
        found.push(match piece {
            Piece::Item { raw, .. } => String::from_utf8(raw).expect("text"),
            Piece::Spilled { bytes, .. } => bytes.to_string(),
            Piece::Broken { why, .. } => panic!("{why}"),
        });
    }
    let length = long.len().to_string();
    assert_eq!(
        found,
        ["{\"b\":1}", &length, "{\"c\":1}", &length, "{\"d\":1}"]
    );
    assert!(
        spilled.0 == format!("{long}{long}").as_bytes(),
        "the spill has the bytes as they stood"
    );
}

#[test]
fn endless_nesting_and_endless_lines_end() {
    let deep = "[".repeat(5_000);
    assert_eq!(scan(deep.as_bytes(), 4096).len(), 1);
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert_eq!(scan(deep.as_bytes(), 4096).len(), 1);
}

proptest::proptest! {
    /// Whatever comes: no panic, and every byte that is not white space or structure around items comes out.
    #[test]
    fn any_bytes_are_walked(bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",:\\ \n\ta1x\xff".to_vec()), 0..200), drip in 1usize..9) {
        let once = scan(&bytes, drip);
        proptest::prop_assert_eq!(once, scan(&bytes, 4096));
    }
}

/// `line:text` of records, `line!text` of what is broken; and the header.
fn records(text: &[u8], drip: usize) -> (Vec<String>, String) {
    let mut scanner = Scanner::new(
        Dripping(text, drip),
        Layout::JsonOrCsv {
            wrappers: Vec::new(),
        },
    );
    let mut found = Vec::new();
    while let Some(piece) = scanner
        .next(&mut Spilled::default())
        .expect("memory is read")
    {
        let (place, mark, raw) = match piece {
            Piece::Item { place, raw } => (place, ':', raw),
            Piece::Broken { place, raw, .. } => (place, '!', raw),
            Piece::Spilled { place, .. } => (place, '~', Vec::new()),
        };
        found.push(format!(
            "{}{mark}{}",
            place.line,
            String::from_utf8_lossy(&raw)
        ));
    }
    (
        found,
        String::from_utf8_lossy(scanner.header()).into_owned(),
    )
}

#[test]
fn records_of_csv_may_be_several_lines_and_damage_costs_one() {
    for (text, header, expected) in [
        ("", "", &[][..]),
        ("a,b", "a,b", &[]),
        ("a,b\r\n1,2\r\n\r\n3,4", "a,b", &["2:1,2", "4:3,4"]),
        (
            "\u{feff}a,b\n\"1\n2\",3\n4,5\n",
            "a,b",
            &["2:\"1\n2\",3", "4:4,5"],
        ),
        // Nothing closes this quote: what follows is not swallowed.
        (
            "a,b\n\"1,2\n3,4\n5,6\n",
            "a,b",
            &["2!\"1,2", "3:3,4", "4:5,6"],
        ),
        ("a,b\n\"1\"2,3\n4,5\n", "a,b", &["2!\"1\"2,3", "3:4,5"]),
        // Without its header a line says nothing, so none is taken for it.
        ("\"a,b\n1,2\n3,4\n", "", &["1!\"a,b", "2!1,2", "3!3,4"]),
        ("a,b\r1,2\r3,4\r", "", &["1!a,b\r1,2\r3,4\r"]),
        ("{\"a\":1}\n{\"a\":2}", "", &["1:{\"a\":1}", "2:{\"a\":2}"]),
        ("[{\"a\":1}]", "", &["1:{\"a\":1}"]),
    ] {
        for drip in [1, 3, 7, 4096] {
            let (found, said) = records(text.as_bytes(), drip);
            assert_eq!(
                (found, said.as_str()),
                (expected.iter().map(|e| e.to_string()).collect(), header),
                "{text:?} by {drip}"
            );
        }
    }
}

#[test]
fn a_field_longer_than_an_item_is_spilled_and_the_next_record_is_read() {
    let long = "x".repeat(ITEM_BYTES_MAX + 10);
    let (found, _) = records(format!("a,b\n1,{long}\n2,3\n").as_bytes(), 1 << 20);
    assert_eq!(found, ["2~", "3:2,3"]);
    // In quotes, over lines, and never closed: its first line is given up.
    let (found, _) = records(format!("a,b\n\"1,\n{long}\n2,3\n").as_bytes(), 1 << 20);
    assert_eq!(
        (found[0].as_str(), found.last().map(String::as_str)),
        ("2!\"1,", Some("4:2,3"))
    );
}
