use super::*;
use crate::testing::{draft, fixture, outcome};
use entry::Result as Ended;
use proptest::prelude::*;

fn text<'o>(object: &'o Object<'_>, pointer: &str) -> &'o str {
    let mut names = pointer.split('/').skip(1);
    let first = object.get(names.next().expect("a name")).expect(pointer);
    names
        .fold(first, |value, name| value.get(name).expect(pointer))
        .as_str()
        .expect("a text")
}

#[test]
fn values_have_spaces_and_escapes_and_labels_name_them() {
    let line = br"<14>Sep 18 14:58:29 gate syslog: CEF:0|A\|B|P|1|sig|Na\\me|6|cn1=202 cn1Label=Host ID request=http://x/?abc\=def&y=z msg=a\nb | c ccode=IL ccode=DE empty= last=end";
    let object = cef(line).expect("CEF");
    for (pointer, wanted) in [
        ("/vendor", "A|B"),
        ("/name", r"Na\me"),
        ("/severity", "6"),
        ("/extension/cn1", "202"),
        ("/labels/Host ID", "202"),
        ("/extension/request", "http://x/?abc=def&y=z"),
        ("/extension/msg", "a\nb | c"),
        ("/extension/ccode", "IL"),
        ("/extension/ccode.2", "DE"),
        ("/extension/empty", ""),
        ("/extension/last", "end"),
        ("/syslog/hostname", "gate"),
    ] {
        assert_eq!(text(&object, pointer), wanted, "{pointer}");
    }
    assert!(cef(b"CEF:0|a|b|c").is_err() && cef(b"no").is_err() && cef(b"CEF:x|").is_err());
}

#[test]
fn leef_names_its_delimiter_or_takes_a_tab() {
    for (line, value) in [
        (
            "LEEF:1.0|V|P|1|login|usrName=ana maria\tsrc=203.0.113.1",
            "ana maria",
        ),
        ("LEEF:2.0|V|P|1|login|^|usrName=ana^src=203.0.113.1", "ana"),
        (
            "LEEF:2.0|V|P|1|login|xa6|usrName=ana¦src=203.0.113.1",
            "ana",
        ),
        (
            "LEEF:2.0|V|P|1|login|0x5E|usrName=ana^src=203.0.113.1",
            "ana",
        ),
        ("LEEF:2.0|V|P|1|login||usrName=ana\tsrc=203.0.113.1", "ana"),
        (
            "<13>Feb 01 05:00:00 h LEEF:2.0|V|P|1|login|usrName=a|b\tsrc=203.0.113.1",
            "a|b",
        ),
    ] {
        let object = leef(line.as_bytes()).expect(line);
        assert_eq!(
            (
                text(&object, "/extension/usrName"),
                text(&object, "/extension/src")
            ),
            (value, "203.0.113.1"),
            "{line}"
        );
    }
    assert!(leef(b"LEEF:1.0|V|P").is_err());
}

#[test]
fn an_entry_of_a_line() {
    let line = r"CEF:0|MAR|platform|1.0|deleteUser|User deleted|5|suser=alice@example.com duser=bob\=x act=delete outcome=failure src=203.0.113.9 msg=line1\nline2 pipe|in ext externalId=r1";
    let draft = draft("cef", line);
    assert_eq!((&*draft.action, draft.result), ("delete", Ended::Failure));
    assert_eq!(
        draft.actor.party.email.as_deref(),
        Some("alice@example.com")
    );
    assert_eq!(
        draft.target.as_ref().and_then(|t| t.name.as_deref()),
        Some("bob=x")
    );
    assert_eq!(
        (draft.request.id.as_deref(), draft.request.ip.as_deref()),
        (Some("r1"), Some("203.0.113.9"))
    );
}

#[test]
fn the_recorded_lines_are_read() {
    for (file, format, lines) in [
        ("cef/cribl_cef.log", "cef", 12),
        ("cef/cribl_leef.log", "leef", 4),
    ] {
        let Some(bytes) = fixture(file) else { return };
        let outcome = outcome(format, &bytes);
        assert_eq!(
            (
                outcome.drafts.len() + outcome.refused.len(),
                outcome.drafts.len()
            ),
            (lines, lines),
            "{:?}",
            outcome.refused
        );
        assert!(outcome.drafts.iter().all(|d| d.timestamp.is_some()));
    }
}

proptest! {
    #[test]
    fn no_line_makes_them_panic_and_none_of_its_pairs_is_lost(line in "(CEF:0|LEEF:2.0|LEEF:1.0)?[|=\\\\ \\ta-z\\PC]{0,80}") {
        if let Ok(object) = cef(line.as_bytes()) {
            prop_assert!(object.get("extension").is_some());
        }
        if let Ok(object) = leef(line.as_bytes()) {
            prop_assert!(object.get("extension").is_some());
        }
    }
}
