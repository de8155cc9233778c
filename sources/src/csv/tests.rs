//! What any writer writes is read, and what none should have written is told.

use super::*;
use proptest::prelude::*;

/// `name=text` of each member, or why there are none.
fn shown(header: &str, record: &[u8]) -> String {
    match object(header.as_bytes(), record) {
        Ok(object) => {
            let members = object.iter();
            let members =
                members.map(|(name, value)| format!("{name}={}", value.as_str().expect("a text")));
            members.collect::<Vec<_>>().join("|")
        }
        Err(why) => why,
    }
}

#[test]
fn a_record_is_an_object_of_its_columns() {
    for (header, record, expected) in [
        ("a,b", "1,2", "a=1|b=2"),
        ("a,b", "1,", "a=1|b="),
        ("a,b", ",", "a=|b="),
        ("a", "", "a="),
        ("a;b", "1,2;3", "a=1,2|b=3"),
        ("a\tb", "1\t2", "a=1|b=2"),
        ("\"a,b\";c", "1;2", "a,b=1|c=2"),
        (" a , b\r", "1,2\r", "a=1|b=2"),
        ("a,a,,a", "1,2,3,4", "a=1|a.2=2|a.3=4|column 3=3"),
        ("a,b", "\"x, \"\"y\"\"\n z\",2", "a=x, \"y\"\n z|b=2"),
        ("a,b", "5\" disk,\"\"", "a=5\" disk|b="),
        ("a,b", "\u{0},é", "a=\u{0}|b=é"),
        ("a,b", "1", "a record of 1 fields, where the header names 2"),
        (
            "a,b",
            "1,2,3",
            "a record of 3 fields, where the header names 2",
        ),
        (
            "a,b",
            "\"1\"x,2",
            "a quote within a quoted field is not written twice",
        ),
        ("a,b", "\"1,2", "a quoted field has no end"),
        (
            "a,b",
            "1\r2,3",
            "a carriage return stands in the middle of a line",
        ),
        ("\"a,b", "1,2", "the header: a quoted field has no end"),
    ] {
        assert_eq!(
            shown(header, record.as_bytes()),
            expected,
            "{header} / {record}"
        );
    }
    assert_eq!(shown("a,b", b"1,\xff"), "field 2 is not UTF-8");
    let wide = ",".repeat(COLUMNS_MAX);
    assert_eq!(
        shown(&wide, wide.as_bytes()),
        "the header: more than 2000 fields"
    );
}

/// As most writers do: quotes where they are needed, or everywhere.
fn written(fields: &[String], always: bool) -> String {
    let field = |field: &String| match always || field.contains([',', ';', '\t', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.clone(),
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",")
}

proptest! {
    #[test]
    fn what_a_writer_wrote_is_read_as_it_was(
        record in prop::collection::vec("[a-c\",;\\t\\n\\r \u{0}é]{0,6}", 2..6),
        always: bool,
    ) {
        let names: Vec<String> = (0..record.len()).map(|n| format!("c{n}")).collect();
        let header = written(&names, always);
        let object = object(header.as_bytes(), written(&record, always).as_bytes()).expect("a record");
        for (name, field) in names.iter().zip(&record) {
            prop_assert_eq!(object.get(name).and_then(|v| v.as_str()), Some(field.as_str()));
        }
    }

    #[test]
    fn no_bytes_are_too_odd(header in prop::collection::vec(any::<u8>(), 0..40), record in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(object) = object(&header, &record) {
            prop_assert!(!object.is_empty());
        }
    }
}
