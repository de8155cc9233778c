//! Where a value was erased: that it is said, and by whom, when and why. An erased value never looks like one that was not sent.

use super::details::permalink;
use super::hiding::{self, is_hidden};
use super::moment::Zone;
use super::visible::{Listed, Shown, brief};
use crate::reading::Reading;
use entry::json::Value;
use entry::{Entry, EntryId, Json};
use maud::{Markup, html};

/// One erasure of members of an entry, and what the log's own entry says about it.
pub struct Erasure {
    pub id: EntryId,
    /// Of the same log; `None` if it is not among those that are kept.
    pub record: Option<Entry>,
}

/// The erasures that touched an entry, oldest first.
pub fn of(reading: &Reading, entry: &Entry) -> Result<Vec<Erasure>, store::Error> {
    let mut ids: Vec<EntryId> = entry.erased.iter().map(|erased| erased.entry).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = ids.into_iter().map(|id| {
        let records = reading.get(&id)?.into_iter();
        let same_log = |record: &Entry| record.scope.organization == entry.scope.organization;
        Ok(Erasure {
            id,
            record: { records }.find(same_log),
        })
    });
    let mut found = found.collect::<Result<Vec<_>, store::Error>>()?;
    found.sort_by_key(|erasure| erasure.record.as_ref().map(|record| record.seq));
    Ok(found)
}

pub fn is_erased(entry: &Entry, path: &str) -> bool {
    entry.erased.iter().any(|erased| *erased.path == *path)
}

/// True if there is, or was, a value that the page does not show.
pub fn is_withheld(entry: &Entry, path: &str) -> bool {
    is_erased(entry, path) || is_hidden(entry, path)
}

/// In the place of a withheld value: why.
pub fn mark(entry: &Entry, path: &str) -> Markup {
    match is_hidden(entry, path) {
        true => hiding::mark(),
        false => erased(),
    }
}

/// In a row, which is itself a link to where more is said.
fn erased() -> Markup {
    html! { span.erased title="This value was erased; the entry says by whom, when and why" { "erased" } }
}

/// A value of a row: what is there, that it was erased or is hidden, or that there was none.
pub fn cell(entry: &Entry, paths: &[&str], value: Option<&str>) -> Markup {
    match (value, paths.iter().find(|path| is_withheld(entry, path))) {
        (Some(value), _) => html! { (Listed(value)) },
        (None, Some(path)) => mark(entry, path),
        (None, None) => html! { span.none { "none" } },
    }
}

/// In the details, with the way to the entry that says why.
pub fn link(entry: &Entry, erasures: &[Erasure], path: &str) -> Markup {
    let id = entry.erased.iter().find(|erased| *erased.path == *path);
    let known = id.and_then(|erased| erasures.iter().find(|e| e.id == erased.entry));
    let record = known.and_then(|erasure| erasure.record.as_ref());
    html! {
        @match record {
            Some(record) => a.erased href=(permalink(record)) title=(hint(record)) { "erased" },
            None => (mark(entry, path)),
        }
    }
}

fn hint(record: &Entry) -> String {
    let who = record.actor.party.shown().unwrap_or("no one named");
    let why = reason(record).unwrap_or_else(|| "no reason given".into());
    format!("Erased by {}: {}", brief(who, 80), brief(&why, 200))
}

/// Who, when and why, once for each erasure; above everything else, since it changes how the rest is read.
pub fn notice(zone: &Zone, entry: &Entry, erasures: &[Erasure]) -> Markup {
    html! {
        @for erasure in erasures {
            @let paths: Vec<&str> = entry.erased.iter().filter(|e| e.entry == erasure.id).map(|e| &*e.path).collect();
            div.erasure {
                strong { @if paths.len() == 1 { "1 value of this entry was erased" } @else { (paths.len()) " values of this entry were erased" } }
                " " span.soft { @for (i, path) in paths.iter().enumerate() { @if i > 0 { ", " } (name(path)) } }
                @match &erasure.record {
                    Some(record) => {
                        p {
                            "by " b { (Listed(record.actor.party.shown().unwrap_or("no one named"))) }
                            ", " time datetime=(record.received_at) data-local[zone.is_utc()] { (zone.full(record.received_at)) } ": "
                            @match reason(record) {
                                Some(why) => q { (Shown(&why)) },
                                None => span.none { "no reason given" },
                            }
                        }
                        a href=(permalink(record)) { "The entry of this erasure" }
                    },
                    None => p { "The entry that says by whom and why, " code { (erasure.id) } ", is not in this log any more." },
                }
            }
        }
    }
}

/// A unit as people call it.
pub fn name(path: &str) -> Markup {
    let known = match path {
        "/actor/email" => "email",
        "/actor/id" => "actor ID",
        "/actor/name" => "actor name",
        "/actor/on_behalf_of" => "on behalf of",
        "/changes" => "changes",
        "/context" => "additional context",
        "/error/message" => "error message",
        "/related" => "related targets",
        "/request/ip" => "IP address",
        "/request/user_agent" => "user agent",
        "/target/name" => "target name",
        _ => return html! { "context " (Listed(&context_key(path))) },
    };
    html! { (known) }
}

/// The erased keys of `context`; none where all of it went.
pub fn context_keys(entry: &Entry) -> impl Iterator<Item = (&str, String)> {
    let paths = entry.erased.iter().map(|erased| &*erased.path);
    paths
        .filter(|path| path.starts_with("/context/"))
        .map(|path| (path, context_key(path)))
}

fn context_key(path: &str) -> String {
    let token = path.strip_prefix("/context/").unwrap_or(path);
    token.replace("~1", "/").replace("~0", "~")
}

fn reason(record: &Entry) -> Option<String> {
    let context = record.context.as_ref().map(Json::parse)?;
    let why = context.get("reason").and_then(Value::as_str)?;
    Some(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::details::{Details, page};
    use super::super::location::Location;
    use super::super::reader::Reader;
    use super::super::setting::Setting;
    use super::super::{list, target};
    use super::*;
    use entry::Catalogue;
    use std::sync::Arc;

    const RECORD: &str = "0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a99";

    fn erased_entry() -> Entry {
        let gone = [
            "/actor/email",
            "/actor/id",
            "/actor/name",
            "/actor/on_behalf_of",
            "/changes",
            "/context/phone~1home",
            "/error/message",
            "/related",
            "/request/ip",
            "/request/user_agent",
            "/target/name",
        ];
        let erased = gone.map(|path| format!(r#"{{"entry":"{RECORD}","path":"{path}"}}"#));
        let wire = format!(
            r#"{{"action":"scaleCluster","actor":{{"type":"user"}},"category":"cluster","context":{{}},"error":{{}},"erased":[{}],
            "id":"0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10","received_at":"2026-11-23T10:00:00.000000Z","result":"failure",
            "scope":{{"organization":"acme"}},"seq":3,"target":{{"type":"cluster"}},"timestamp":"2026-11-23T10:00:00.000000Z"}}"#,
            erased.join(",")
        );
        Entry::from_wire(wire.as_bytes()).expect("an entry")
    }

    fn record() -> Entry {
        let wire = format!(
            r#"{{"action":"redactEntry","actor":{{"name":"Dana <Ops>","type":"user"}},"category":"audit","context":{{"reason":"request \u202e4711"}},
            "id":"{RECORD}","received_at":"2026-11-23T11:00:00.000000Z","result":"success","scope":{{"organization":"acme"}},"seq":9,
            "timestamp":"2026-11-23T11:00:00.000000Z"}}"#
        );
        Entry::from_wire(wire.as_bytes()).expect("an entry")
    }

    fn setting(path: &str) -> Setting {
        Setting {
            here: Location::new(path, ""),
            theme: None,
            zone: Zone::utc(),
            catalogue: Arc::new(Catalogue::built_in()),
            origin: "http://127.0.0.1:8080".into(),
            reader: Reader::nobody(),
        }
    }

    fn details(record: Option<Entry>) -> String {
        let entry = erased_entry();
        let id = entry.erased[0].entry;
        let details = Details {
            entry,
            history: Vec::new(),
            same_request: Vec::new(),
            previous: None,
            next: None,
            erasures: vec![Erasure { id, record }],
            vkeys: Vec::new(),
        };
        page(&setting("/entries/x"), &details).into_string()
    }

    /// What stands at a member's place.
    fn at<'a>(html: &'a str, pointer: &str) -> &'a str {
        let rest = html.split(&format!("data-at=\"{pointer}\">")).nth(1);
        rest.and_then(|rest| rest.split("</dd>").next())
            .expect("the member is shown")
    }

    #[test]
    fn every_erased_value_of_the_details_says_so_and_leads_to_why() {
        let html = details(Some(record()));
        for pointer in [
            "/actor/email",
            "/actor/id",
            "/actor/name",
            "/request/ip",
            "/request/user_agent",
            "/target/name",
        ] {
            let shown = at(&html, pointer);
            assert!(
                shown.contains("erased</a>") && !shown.contains("none"),
                "{pointer}: {shown}"
            );
            assert!(
                shown.contains(&format!("/entries/{RECORD}")),
                "{pointer}: {shown}"
            );
        }
        // Never there: none, and not erased.
        assert!(at(&html, "/request/method").contains("none"));
        for words in [
            "Changes",
            "phone/home",
            "Related",
            "On behalf of",
            "11 values of this entry were erased",
            "Mon 23 Nov 2026, 11:00:00",
            "Dana &lt;Ops&gt;",
        ] {
            assert!(html.contains(words), "{words}");
        }
        assert!(html.contains(
            "request <span class=\"mark\" title=\"right-to-left override\">U+202E</span>4711"
        ));
        assert!(
            !html.contains("no reason was given"),
            "its error message was erased, not left out"
        );
    }

    #[test]
    fn an_erasure_whose_record_is_gone_is_still_told() {
        let html = details(None);
        assert!(html.contains("is not in this log any more") && html.contains(RECORD));
        assert!(at(&html, "/actor/email").contains("erased</span>"));
    }

    #[test]
    fn rows_and_histories_say_erased_where_a_value_was() {
        let listing = list::Listing {
            entries: vec![erased_entry()],
            total: 1,
            stored: 1,
            ..list::Listing::default()
        };
        for query in ["", "joined=no"] {
            let mut setting = setting("/");
            setting.here = Location::new("/", query);
            let html = list::page(&setting, &listing).into_string();
            let row = html.split("<tbody id=\"rows\">").nth(1).expect("rows");
            let row = row.split("</tbody>").next().expect("an end");
            // Actor, email, target, address, error; of the request's id there never was one.
            assert_eq!(row.matches(">erased</span>").count(), 5, "{row}");
            assert_eq!(row.matches(">none</span>").count(), 1, "{row}");
        }
        let history = target::History {
            kind: "cluster".into(),
            key: "clu_9".into(),
            name: None,
            entries: vec![erased_entry()],
            total: 1,
            next_cursor: None,
        };
        let html = target::page(&setting("/targets/cluster/clu_9"), &history).into_string();
        assert!(
            html.matches(">erased</span>").count() >= 4,
            "actor, target, on behalf of, changes, error: {html}"
        );
        assert!(!html.contains(">none</span>"));
    }
}
