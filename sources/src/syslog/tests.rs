use super::framing::{Frame, Framing};
use super::*;
use crate::testing::{draft, fixture, fixtures, outcome};
use proptest::prelude::*;

fn shown(line: &[u8]) -> String {
    Value::Object(message(line)).to_string()
}

#[test]
fn rfc_5424_in_all_its_parts() {
    let line = "<38>1 2026-11-23T09:30:04.487377+00:00 vm mar-audit 4711 createCluster [audit@32473 actor=\"alice@example.com\"][meta@32473 note=\"backslash \\\\ bracket \\] end\" note=\"2\"] \u{feff}Cluster prod-db created\n";
    assert_eq!(
        shown(line.as_bytes()),
        r#"{"app_name":"mar-audit","facility":"auth","hostname":"vm","message":"Cluster prod-db created","msg_id":"createCluster","priority":38,"proc_id":"4711","severity":"info","structured_data":{"audit@32473":{"actor":"alice@example.com"},"meta@32473":{"note":"backslash \\ bracket ] end","note.2":"2"}},"timestamp":"2026-11-23T09:30:04.487377+00:00","version":1}"#
    );
    // rsyslog's leading space, nothing known, no message.
    assert_eq!(
        shown(b"<14>1 - - - - - -  hello"),
        r#"{"facility":"user","message":"hello","priority":14,"severity":"info","version":1}"#
    );
    assert_eq!(
        shown(b"<14>1 - - - - - -"),
        r#"{"facility":"user","message":"","priority":14,"severity":"info","version":1}"#
    );
    // Structured data that does not end: all of it is the message.
    assert_eq!(
        shown(b"<14>1 - h a - - [x y=\"z"),
        r#"{"facility":"user","message":"- h a - - [x y=\"z","priority":14,"severity":"info"}"#
    );
}

#[test]
fn rfc_3164_with_any_of_it_missing() {
    for (line, wanted) in [
        (
            "<37>Nov 23 09:29:08 vm sshd[991]: Accepted publickey",
            r#"{"app_name":"sshd","facility":"auth","hostname":"vm","message":"Accepted publickey","priority":37,"proc_id":"991","severity":"notice","timestamp":"Nov 23 09:29:08"}"#,
        ),
        (
            "<86>Nov 18 16:33:06 dropbear[25092]: Child",
            r#"{"app_name":"dropbear","facility":"authpriv","message":"Child","priority":86,"proc_id":"25092","severity":"info","timestamp":"Nov 18 16:33:06"}"#,
        ),
        (
            "<15>2021-03-06T04:07:33.194677+00:00 hostname log_tag this",
            r#"{"facility":"user","hostname":"hostname","message":"log_tag this","priority":15,"severity":"debug","timestamp":"2021-03-06T04:07:33.194677+00:00"}"#,
        ),
        (
            "Mar 11 09:39:39: --- last message repeated 5 times ---",
            r#"{"message":"--- last message repeated 5 times ---","timestamp":"Mar 11 09:39:39"}"#,
        ),
        ("with another line", r#"{"message":"with another line"}"#),
        ("<999>x", r#"{"message":"<999>x"}"#),
        (
            "<0>ead of a line",
            r#"{"facility":"kern","message":"ead of a line","priority":0,"severity":"emerg"}"#,
        ),
        (
            "<14>Jan  2 03:04:05 10.0.0.1 fe80::1 is up",
            r#"{"facility":"user","hostname":"10.0.0.1","message":"fe80::1 is up","priority":14,"severity":"info","timestamp":"Jan  2 03:04:05"}"#,
        ),
        ("", r#"{"message":""}"#),
    ] {
        assert_eq!(shown(line.as_bytes()), wanted, "{line}");
    }
    assert_eq!(
        shown(b"<14>Jan  2 03:04:05 h a: \xff\xc3\xa9"),
        r#"{"app_name":"a","facility":"user","hostname":"h","invalid_utf8":true,"message":"\\xffé","priority":14,"severity":"info","timestamp":"Jan  2 03:04:05"}"#
    );
}

#[test]
fn an_object_in_a_message_says_who_did_what() {
    let line = r#"<84>1 2026-11-23T09:29:08.285070+00:00 vm app - - - @cee: {"action":"deleteUser","actor":{"email":"alice@example.com"},"result":"failure"}"#;
    let draft = draft("syslog", line);
    assert_eq!(
        (&*draft.action, draft.result),
        ("deleteUser", entry::Result::Failure)
    );
    assert_eq!(
        draft.actor.party.email.as_deref(),
        Some("alice@example.com")
    );
    let plain = crate::testing::draft(
        "syslog",
        "<13>Jul 11 10:34:35 testbox mdonnelly[42]: foo=bar",
    );
    assert_eq!(
        (&*plain.action, plain.actor.party.shown()),
        ("mdonnelly.message", Some("mdonnelly"))
    );
}

#[test]
fn two_equal_lines_are_two_entries_and_the_same_file_again_is_none() {
    let lines = b"<13>Jul 11 10:34:35 h a: x\n<13>Jul 11 10:34:35 h a: x\n";
    let ids = || -> Vec<_> {
        let drafts = outcome("syslog", lines).drafts;
        drafts.into_iter().map(|d| d.source).collect()
    };
    assert_ne!(ids()[0], ids()[1]);
    assert_eq!(ids(), ids());
}

#[test]
fn every_recorded_line_is_an_entry() {
    let Some(root) = fixtures() else { return };
    for file in [
        "cribl_3wMQWc.log",
        "cribl_bi114R.log",
        "cribl_fBA5BU.log",
        "cribl_tb6iJJ.log",
        "plaso/syslog_rsyslog",
        "plaso/syslog_rsyslog_SyslogProtocol23Format",
        "plaso/syslog_rsyslog_traditional",
    ] {
        let bytes = std::fs::read(root.join("syslog").join(file)).expect("readable");
        let lines = bytes
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .count();
        let outcome = outcome("syslog", &bytes);
        assert_eq!(
            (outcome.drafts.len(), outcome.refused.len()),
            (lines, 0),
            "{file}"
        );
    }
    for n in 1..=6 {
        let bytes = std::fs::read(root.join(format!("syslog/wire/logger_udp_00{n}.dgram")))
            .expect("readable");
        let object = message(&bytes);
        assert!(
            object.get("severity").is_some() && object.get("hostname").is_some(),
            "{n}"
        );
    }
}

fn received(line: &[u8]) -> entry::Draft {
    let sent = read(line, None, &crate::testing::claims("relay"));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].raw, line);
    let Fate::Store(draft) = &sent[0].fate else {
        panic!("{sent:?}");
    };
    draft.check().expect("a draft the log accepts");
    draft.as_ref().clone()
}

fn event_id(draft: &entry::Draft) -> Option<&str> {
    draft.source.as_ref().and_then(|s| s.event_id.as_deref())
}

#[test]
fn a_message_received_goes_by_what_it_holds() {
    let cef = b"<14>Sep 18 14:58:29 gate CEF:0|V|P|1|s|n|5|suser=ana act=delete src=203.0.113.9";
    let leef = b"<14>1 2026-11-23T09:30:04.487377Z gate a - - - LEEF:1.0|V|P|1|login|usrName=ana\tsrc=203.0.113.9";
    let plain = b"<14>Sep 18 14:58:29 gate a: read CEF:0 and LEEF:1.0 in a manual";
    for (line, action, source) in [
        (&cef[..], "delete", "/cef"),
        (leef, "login", "/leef"),
        (plain, "a.message", "/syslog"),
    ] {
        let draft = received(line);
        assert_eq!(&*draft.action, action);
        let context = draft.context.as_ref().expect("a context");
        assert!(context.parse().pointer(source).is_some(), "{source}");
    }
    let broken = b"<14>Sep 18 14:58:29 gate CEF:0|V|P|";
    assert!(received(broken).context.is_some());
    let table = Table::parse(
        "own.toml",
        "name = \"own\"\nreads = \"cef\"\naction = \"/name\"\n",
    );
    let table = table.expect("a table");
    let claims = crate::testing::claims("relay");
    let sent = read(cef, Some(&table), &claims);
    assert!(matches!(&sent[0].fate, Fate::Store(draft) if &*draft.action == "n"));
    let sent = read(plain, Some(&table), &claims);
    assert!(matches!(&sent[0].fate, Fate::Quarantine(why) if why.contains("no CEF")));
    assert!(matches!(too_long(9).fate, Fate::TooLong(why) if why.contains("9 bytes")));
}

#[test]
fn a_relay_that_repeats_itself_is_known_by_its_microseconds() {
    let precise = b"<14>1 2026-11-23T09:30:04.487377Z h a - - - x";
    assert!(event_id(&received(precise)).is_some());
    assert_eq!(received(precise), received(precise));
    // A second has room for two of the same text.
    for line in [
        &b"<14>1 2026-11-23T09:30:04.487Z h a - - - x"[..],
        b"<14>Nov 23 09:30:04 h a: x",
        b"x",
    ] {
        assert_eq!(event_id(&received(line)), None);
    }
}

#[test]
fn the_recorded_messages_are_received() {
    let Some(root) = fixtures() else { return };
    for n in 1..=6 {
        let path = root.join(format!("syslog/wire/logger_udp_00{n}.dgram"));
        received(&std::fs::read(path).expect("readable"));
    }
    let stream = fixture("syslog/wire/rsyslog_tcp_octet_rfc5424_001.stream").expect("beside them");
    for frame in frames(&[&stream], MESSAGE_BYTES_MAX) {
        let Frame::Message(message) = frame else {
            panic!("{frame:?}");
        };
        received(&message);
    }
}

fn frames(pieces: &[&[u8]], bytes_max: usize) -> Vec<Frame> {
    let mut framing = Framing::new(bytes_max);
    let mut found = Vec::new();
    for piece in pieces {
        framing.feed(piece, &mut |frame| found.push(frame));
        assert!(framing.held_bytes() <= bytes_max.max(11));
    }
    framing.finish(&mut |frame| found.push(frame));
    found
}

fn texts(frames: &[Frame]) -> Vec<String> {
    let text = |frame: &Frame| match frame {
        Frame::Message(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Frame::TooLong { bytes } => format!("too long: {bytes}"),
    };
    frames.iter().map(text).collect()
}

#[test]
fn the_framing_is_told_for_each_message() {
    let stream = b"9 <14>a\nb c<13>line\n\n5 <1>x\n12 monkeys\n123\n<14>100 <5>";
    assert_eq!(
        texts(&frames(&[stream], 100)),
        [
            "<14>a\nb c",
            "<13>line",
            "<1>x",
            "12 monkeys",
            "123",
            "<14>100 <5>"
        ]
    );
    assert_eq!(
        texts(&frames(&[b"20 <14>abcdefghijklmnop<1>y\n"], 10)),
        ["too long: 20", "<1>y"]
    );
    assert_eq!(
        texts(&frames(&[b"<14>abcdefghijklmnop\n<1>y\n"], 10)),
        ["too long: 20", "<1>y"]
    );
    assert_eq!(texts(&frames(&[b"999999999 <14>cut"], 10)), ["too long: 7"]);
    assert_eq!(texts(&frames(&[b"9 <14>cut"], 10)), ["<14>cut"]);
}

#[test]
fn the_recorded_stream_is_cut_as_it_was_sent() {
    let Some(bytes) = fixture("syslog/wire/rsyslog_tcp_octet_rfc5424_001.stream") else {
        return;
    };
    let whole = frames(&[&bytes], 64 * 1024);
    assert_eq!(whole.len(), 9);
    assert!(
        whole
            .iter()
            .all(|frame| matches!(frame, Frame::Message(m) if m.starts_with(b"<")))
    );
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(frames(&single, 64 * 1024), whole);
}

proptest! {
    #[test]
    fn any_line_is_read_and_its_words_stay(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let object = message(&line);
        prop_assert!(object.get("message").is_some());
        let sent = read(&line, None, &crate::testing::claims("relay"));
        prop_assert_eq!(sent.len(), 1);
    }

    #[test]
    fn pieces_of_any_size_give_the_same_messages(
        stream in "(([1-9][0-9]? )?<[0-9]{1,3}>[a-z \\n]{0,12}\\n?){0,8}",
        cut in 1_usize..9,
        bytes_max in 4_usize..40,
    ) {
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(cut).collect();
        prop_assert_eq!(frames(&pieces, bytes_max), frames(&[stream.as_bytes()], bytes_max));
    }
}

/// Headers with a year were taken for a part of the message, and the message for one without a time.
#[test]
fn a_header_s_time_may_have_a_year_a_fraction_and_a_zone() {
    for (line, time, host) in [
        (
            "<14>Nov 23 2026 09:40:48 fw1 app: x",
            "Nov 23 2026 09:40:48",
            "fw1",
        ),
        (
            "<14>Nov 23 2026 09:40:48.811 UTC fw1 app: x",
            "Nov 23 2026 09:40:48.811 UTC",
            "fw1",
        ),
        (
            "<14>Nov  3 09:40:48.811 fw1 app: x",
            "Nov  3 09:40:48.811",
            "fw1",
        ),
        (
            "<14>Nov 23 09:40:48 CET fw1 app: x",
            "Nov 23 09:40:48 CET",
            "fw1",
        ),
        ("<14>Nov 23 09:40:48 UTCX app: x", "Nov 23 09:40:48", "UTCX"),
    ] {
        let message = Value::Object(message(line.as_bytes()));
        let said = |name| message.get(name).and_then(Value::as_str);
        assert_eq!(
            (said("timestamp"), said("hostname")),
            (Some(time), Some(host)),
            "{line}"
        );
        assert_eq!(
            (said("app_name"), said("message")),
            (Some("app"), Some("x")),
            "{line}"
        );
    }
    let cef = "<14>Nov 23 2026 09:40:48 fw1 CEF:0|V|P|1|7|login|3|rt=Nov 23 2026 09:40:48.811 UTC suser=ana";
    let leef = "LEEF:1.0|V|P|1|login|devTime=Nov 23 2026 09:40:48.811 UTC\tusrName=ana";
    for line in [cef, leef] {
        let sent = read(line.as_bytes(), None, &crate::testing::claims("s"));
        let Fate::Store(draft) = &sent[0].fate else {
            panic!("{sent:?}");
        };
        let time = draft.timestamp.map(|time| time.to_string());
        assert_eq!(
            time.as_deref(),
            Some("2026-11-23T09:40:48.811000Z"),
            "{line}"
        );
    }
}
