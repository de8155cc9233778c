//! What the command line says of erased members - which they are, and who erased them, when and why - and of hidden ones.

use entry::{Entry, EntryId};

/// What stands in a column for a value that was erased.
pub const MARK: &str = "(erased)";

/// What stands in a column for a value that a role hides from us.
pub const HIDDEN: &str = "(hidden)";

/// The value, or that it was erased or is hidden.
pub fn or_mark<'a>(entry: &Entry, path: &str, value: &'a str) -> &'a str {
    let erased = || entry.erased.iter().any(|erased| *erased.path == *path);
    match value.is_empty() {
        true if erased() => MARK,
        true if entry.hidden.hides_at(path) => HIDDEN,
        _ => value,
    }
}

/// The entries of the log that say why something of this one is gone.
pub fn records(entry: &Entry) -> Vec<EntryId> {
    let mut ids: Vec<EntryId> = entry.erased.iter().map(|erased| erased.entry).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A line for each member, and one for each time something was erased; `said` are the entries that say so, as far as known.
pub fn lines(entry: &Entry, said: &[Entry]) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for id in records(entry) {
        let of_it = entry.erased.iter().filter(|erased| erased.entry == id);
        lines.extend(of_it.map(|erased| ("Erased", erased.path.to_string())));
        let Some(record) = said.iter().find(|record| record.id == id) else {
            lines.push(("Erased by", format!("entry {id}, which is not to be had")));
            continue;
        };
        let who = record.actor.party.shown().unwrap_or(MARK);
        lines.push((
            "Erased by",
            format!("{who} at {} (entry {id})", record.timestamp),
        ));
        let context = record.context.as_ref().map(|context| context.parse());
        let reason = context.as_ref().and_then(|context| context.get("reason"));
        if let Some(reason) = reason.and_then(|reason| reason.as_str()) {
            lines.push(("Erased because", reason.to_owned()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(json: &str) -> Entry {
        Entry::from_wire(json.as_bytes()).expect("a wire form")
    }

    #[test]
    fn each_erased_member_is_named_with_who_when_and_why() {
        let erased = entry(
            r#"{"action":"a","actor":{"type":"user"},"category":"other","erased":[{"entry":"00000000-0000-4000-8000-000000000009","path":"/actor/id"}],"id":"00000000-0000-4000-8000-000000000001","received_at":"2026-11-23T10:00:00Z","result":"success","scope":{"organization":"acme"},"seq":0,"timestamp":"2026-11-23T10:00:00Z"}"#,
        );
        let record = entry(
            r#"{"action":"redactEntry","actor":{"name":"Bo","type":"user"},"category":"audit","context":{"reason":"asked for"},"id":"00000000-0000-4000-8000-000000000009","received_at":"2026-11-23T11:00:00Z","result":"success","scope":{"organization":"acme"},"seq":1,"timestamp":"2026-11-23T11:00:00Z"}"#,
        );
        let id = "00000000-0000-4000-8000-000000000009";
        let expected = [
            ("Erased", "/actor/id".to_owned()),
            (
                "Erased by",
                format!("Bo at 2026-11-23T11:00:00.000000Z (entry {id})"),
            ),
            ("Erased because", "asked for".to_owned()),
        ];
        assert_eq!(lines(&erased, &[record]), expected);
        let unknown = ("Erased by", format!("entry {id}, which is not to be had"));
        assert_eq!(lines(&erased, &[])[1], unknown);
        assert_eq!(or_mark(&erased, "/actor/id", ""), MARK);
        assert_eq!(or_mark(&erased, "/request/ip", ""), "");
        let mut hidden = erased;
        hidden.hidden = entry::Mask::of([entry::mask::Hidden::Ip]);
        assert_eq!(or_mark(&hidden, "/request/ip", ""), HIDDEN);
        assert_eq!(or_mark(&hidden, "/actor/id", ""), MARK);
    }
}
