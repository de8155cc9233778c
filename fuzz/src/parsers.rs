//! The parsers of foreign bytes, each with what must hold whatever the bytes are. The ordinary tests of `sources` replay the corpus through
//! them.

use entry::json::{self, Value};
use entry::{Draft, Timestamp};
use sources::elastic::Bulk;
use sources::foreign::{Choice, Claims, Item};
use sources::formats::Formats;
use sources::otlp::Encoding;
use sources::redact::Redaction;
use sources::scan::{Piece, Place, Scanner, Spill};
use sources::sent::{Fate, Sent, Unreadable, again};
use sources::syslog::framing::{Frame, Framing};
use sources::syslog::relp::{self, Kind, Relp};
use sources::table::Table;
use sources::{cloudevents, elastic, foreign_time, hec, otlp, syslog};
use std::io;
use std::sync::{Arc, LazyLock};

/// A target.
pub type Parser = fn(&[u8]);

/// All of them.
pub const ALL: &[(&str, Parser)] = &[
    ("otlp_protobuf", otlp_protobuf),
    ("otlp_json", otlp_json),
    ("cloudevents", cloudevents),
    ("elastic", elastic),
    ("hec", hec),
    ("syslog", syslog),
    ("framing", framing),
    ("relp", relp),
    ("formats", formats),
    ("mapping", mapping),
    ("redact", redact),
    ("times", times),
];

static REDACTION: LazyLock<Arc<Redaction>> = LazyLock::new(Arc::default);
static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::built_in);

fn claims() -> Claims {
    Claims {
        source: "fuzz".into(),
        organization: Choice::FromSource,
        now: Timestamp::parse("2026-11-24T00:00:00Z").expect("an instant"),
        redaction: Some(Arc::clone(&REDACTION)),
    }
}

/// What must hold of everything sent: what is kept is there to be kept, and read again it says the same.
fn examine(format: &str, sent: &[Sent]) {
    for one in sent {
        match &one.fate {
            Fate::Skip(_) | Fate::Refuse(_) | Fate::TooLong(_) => {}
            Fate::Quarantine(why) => {
                assert!(!why.is_empty());
                assert!(again(format, one.raw.clone(), None, &claims()).is_some());
            }
            Fate::Store(draft) => {
                let read = again(format, one.raw.clone(), None, &claims()).expect("a protocol");
                let same = read.iter().any(|read| match &read.fate {
                    Fate::Store(again) => said(again) == said(draft),
                    _ => false,
                });
                assert!(same, "{one:?}\n{read:?}");
                written(draft);
            }
        }
    }
}

/// The draft without what tells it from its equals.
fn said(draft: &Draft) -> Draft {
    let mut said = draft.clone();
    if let Some(source) = &mut said.source {
        source.event_id = None;
    }
    said
}

/// A draft that the log accepts is one that it reads back.
fn written(draft: &Draft) {
    if draft.check().is_ok() {
        let mut bytes = Vec::new();
        draft.write_json(&mut bytes);
        Draft::from_json(&bytes).expect("what was accepted");
    }
}

fn otlp_call(body: &[u8], encoding: Encoding) {
    let read = || otlp::read(body, encoding, otlp::table(), &mut |_| claims());
    if let Ok(groups) = read() {
        for group in &groups {
            examine(otlp::FORMAT, &group.sent);
        }
        assert_eq!(groups.len(), read().expect("as before").len());
    }
}

pub fn otlp_protobuf(body: &[u8]) {
    otlp_call(body, Encoding::Protobuf);
}

pub fn otlp_json(body: &[u8]) {
    otlp_call(body, Encoding::Json);
}

/// The first byte chooses the mode; in the binary one, lines up to an empty one are headers.
pub fn cloudevents(bytes: &[u8]) {
    let Some((mode, body)) = bytes.split_first() else {
        return;
    };
    let read = |content_type, headers: Vec<(&str, &[u8])>, body| {
        cloudevents::read(
            Some(content_type),
            headers,
            body,
            cloudevents::table(),
            &claims(),
        )
    };
    let read: Result<Vec<Sent>, Unreadable> = match mode % 3 {
        0 => read("application/cloudevents+json", Vec::new(), body),
        1 => read("application/cloudevents-batch+json", Vec::new(), body),
        _ => {
            let mut rest = body;
            let mut headers = Vec::new();
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, after) = rest.split_at(end);
                rest = &after[1..];
                if line.is_empty() {
                    break;
                }
                let colon = line.iter().position(|byte| *byte == b':');
                if let Some(colon) = colon
                    && let Ok(name) = std::str::from_utf8(&line[..colon])
                {
                    headers.push((name, &line[colon + 1..]));
                }
            }
            read("application/json", headers, rest)
        }
    };
    if let Ok(sent) = read {
        examine(cloudevents::FORMAT, &sent);
    }
}

pub fn elastic(body: &[u8]) {
    if let Ok(Bulk { items, sent }) = elastic::read(body, Some("i"), elastic::table(), &claims()) {
        let of_items: usize = items.iter().map(|item| item.sent).sum();
        assert_eq!(of_items, sent.len());
        examine(elastic::FORMAT, &sent);
    }
}

pub fn hec(body: &[u8]) {
    let defaults = hec::Defaults {
        host: Some("h"),
        ..hec::Defaults::default()
    };
    if let Ok(events) = hec::read(body, defaults, hec::table(), &claims()) {
        examine(hec::FORMAT, &events.sent);
    }
    if let Ok(sent) = hec::read_raw(body, defaults, hec::table(), &claims()) {
        examine(hec::FORMAT, &sent);
    }
}

pub fn syslog(message: &[u8]) {
    let sent = syslog::read(message, None, &claims());
    assert!(!sent.is_empty());
    examine(syslog::FORMAT, &sent);
}

/// The first byte says how large the pieces are, the second how long a message may be: the messages do not depend on the pieces.
pub fn framing(bytes: &[u8]) {
    let [piece, longest, stream @ ..] = bytes else {
        return;
    };
    let bytes_max = usize::from(*longest);
    let frames = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut framing = Framing::new(bytes_max);
        let mut found = Vec::new();
        for piece in pieces {
            framing.feed(piece, &mut |frame| found.push(frame));
            assert!(framing.held_bytes() <= bytes_max.max(11));
        }
        framing.finish(&mut |frame| found.push(frame));
        found
    };
    let whole = frames(&mut std::iter::once(stream));
    assert_eq!(
        frames(&mut stream.chunks(usize::from(*piece).max(1))),
        whole
    );
    for frame in whole {
        match frame {
            Frame::Message(message) => {
                assert!(!message.is_empty() && message.len() <= bytes_max.max(11))
            }
            Frame::TooLong { bytes } => assert!(bytes <= stream.len()),
        }
    }
}

/// The first byte says how large the pieces are, the second how long a message may be: the commands do not depend on the pieces, and
/// each has its answer.
pub fn relp(bytes: &[u8]) {
    let [piece, longest, stream @ ..] = bytes else {
        return;
    };
    let bytes_max = usize::from(*longest);
    let commands = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut relp = Relp::new(bytes_max);
        let mut found = Vec::new();
        let mut fed = Ok(());
        for piece in pieces {
            fed = fed.and_then(|()| relp.feed(piece, &mut |one| found.push(one)));
        }
        (found, fed)
    };
    let (whole, fed) = commands(&mut std::iter::once(stream));
    let piece = usize::from(*piece).max(1);
    assert_eq!(commands(&mut stream.chunks(piece)), (whole.clone(), fed));
    for command in &whole {
        if let Kind::Message(Frame::Message(message)) = &command.kind {
            assert!(message.len() <= bytes_max);
        }
        let mut said = Vec::new();
        relp::answer(command, &mut said);
        assert!(said.starts_with(format!("{} rsp ", command.number).as_bytes()));
        assert!(said.ends_with(b"\n"));
    }
}

struct Nowhere;

impl Spill for Nowhere {
    fn write(&mut self, _: Place, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// A file of each format.
pub fn formats(file: &[u8]) {
    FORMATS.recognise(file);
    for (name, _) in FORMATS.names() {
        let mut mapper = FORMATS
            .mapper(name, claims())
            .expect("a format of that name");
        let mut scanner = Scanner::new(file, mapper.layout());
        let (mut items, mut decided) = (0, 0);
        let mut done = |_: Item, fate: sources::foreign::Fate| {
            decided += 1;
            if let sources::foreign::Fate::Send(draft) = fate {
                written(&draft);
            }
        };
        while let Some(piece) = scanner.next(&mut Nowhere).expect("memory") {
            if let Piece::Item { place, raw } = piece {
                items += 1;
                mapper.take(Item { place, raw }, scanner.header(), &mut done);
            }
        }
        mapper.finish(&mut done);
        assert!(decided >= items, "{name}: {decided} of {items}");
    }
}

/// A user's table, and an event for it.
pub fn mapping(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (table, event) = text.split_once("\n---\n").unwrap_or((text, "{}"));
    if let (Ok(table), Ok(event)) = (Table::parse("t.toml", table), json::parse(event.as_bytes())) {
        table.recognises(&event);
        for draft in table.drafts(&claims(), event, None).unwrap_or_default() {
            written(&draft);
        }
    }
}

/// Redacting again changes nothing.
pub fn redact(bytes: &[u8]) {
    if let Ok(mut value) = json::parse(bytes) {
        REDACTION.value(&mut value);
        let once = value.to_string();
        assert!(!REDACTION.value(&mut value), "{once}\n{value}");
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(once) = REDACTION.text(text)
    {
        assert_eq!(REDACTION.text(&once), None, "{once}");
    }
}

pub fn times(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        foreign_time::parse(text, claims().now);
        foreign_time::read(&Value::Number(text.into()), claims().now);
    }
}
