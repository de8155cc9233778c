//! The logs as a whole: how large, signed when and by which key, and how anyone can verify them without this server's word.

use super::location::Location;
use super::proof::{command, of_log};
use super::setting::{Setting, icon};
use super::visible::count;
use super::{layout, moment};
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::reading::Reading;
use entry::{Organization, Timestamp};
use maud::{Markup, html};
use std::sync::Arc;
use store::Published;

/// One log, as its page shows it.
pub struct Log {
    organization: Organization,
    /// Entries that are stored, though perhaps not yet in a checkpoint.
    size: u64,
    origin: String,
    /// The newest first.
    vkeys: Vec<String>,
    /// The newest first.
    checkpoints: Vec<Arc<Published>>,
}

/// What the page shows: all logs by name, and one of them in full.
pub struct Integrity {
    logs: Vec<(Organization, u64)>,
    shown: Option<Log>,
    now: Timestamp,
}

/// The logs of this server; the one that is asked for, else the only or first one, in full.
pub fn load(
    app: &App,
    reading: &Reading,
    organization: Option<&str>,
) -> Result<Integrity, Problem> {
    let mut logs: Vec<_> = app
        .store
        .logs()
        .into_iter()
        .filter(|log| reading.covers(&log.organization))
        .map(|log| (log.organization, log.size))
        .collect();
    logs.sort_by(|a, b| a.0.cmp(&b.0));
    let asked = |log: &&(Organization, u64)| organization.is_none_or(|name| log.0.as_str() == name);
    let found = logs.iter().find(asked).cloned();
    if found.is_none() && organization.is_some() {
        return Err(
            Kind::NotFound.detail("There is no log of this organization among those you see.")
        );
    }
    let shown = found.map(|(organization, size)| {
        let origin = app.store.origin(&organization);
        Log {
            size,
            origin: origin.name.to_string(),
            vkeys: vkeys(app, &organization),
            checkpoints: app.store.checkpoints(&organization),
            organization,
        }
    });
    Ok(Integrity {
        logs,
        shown,
        now: app.now(),
    })
}

pub fn page(setting: &Setting, integrity: &Integrity) -> Markup {
    let content = html! {
        main.page #main {
            article.details {
                div.head {
                    a.button.plain href="/" { (icon("left")) "All entries" }
                    div.end { a.button.plain href="/v1/logs" title="As the API answers it" data-leave { "JSON" } }
                }
                div.lead {
                    h1.title { "Integrity" }
                    p.sentence {
                        "Each organization has a log of its own: a tree of hashes that only grows, signed within a second of growing. Whoever keeps a signed checkpoint "
                        "can prove any later change, loss or second history, also one by the people who run this server."
                    }
                }
                @match &integrity.shown {
                    Some(log) => (log_sections(setting, integrity, log)),
                    None => div.state { p { "Nothing has been recorded on this server, so there is no log yet." } },
                }
            }
        }
    };
    layout::page(setting, "Integrity", "Integrity", content)
}

fn log_sections(setting: &Setting, integrity: &Integrity, log: &Log) -> Markup {
    html! {
        @if integrity.logs.len() > 1 { (choice(integrity, log)) }
        (of_log(log.organization.as_str(), &log.vkeys))
        div.grid {
            (newest(setting, integrity.now, log))
            (keys(log))
            (outside(setting, log))
            (recent(setting, log))
        }
    }
}

/// Which log: a list of links, so that it works without scripts.
fn choice(integrity: &Integrity, log: &Log) -> Markup {
    let here = Location::new("/integrity", "");
    html! {
        nav.logs aria-label="Logs" {
            @for (organization, size) in &integrity.logs {
                a href=(here.with("organization", organization.as_str()).href()) aria-current=[(*organization == log.organization).then_some("true")] {
                    b { (organization) } span.soft { (count(*size)) }
                }
            }
        }
    }
}

fn newest(setting: &Setting, now: Timestamp, log: &Log) -> Markup {
    html! {
        section {
            h2.part { "Newest checkpoint" }
            @match log.checkpoints.first() {
                None => p.none { "none yet: the first is signed within a second of the first entry" },
                Some(newest) => dl.pairs {
                    dt { "Log" } dd { code.v { (log.origin) } }
                    dt { "Entries" } dd { span.v {
                        (count(newest.size()))
                        @if log.size > newest.size() { span.soft { ", " (count(log.size - newest.size())) " more wait for the next" } }
                    } }
                    dt { "Root" } dd { code.v { (newest.tree().root) } }
                    dt { "Signed" } dd { span.v {
                        time datetime=(newest.at) data-local[setting.zone.is_utc()] { (setting.zone.full(newest.at)) }
                        " " span.soft { (moment::span(now.as_micros() - newest.at.as_micros())) " ago" }
                    } }
                },
            }
        }
    }
}

fn keys(log: &Log) -> Markup {
    html! {
        section {
            h2.part { @if log.vkeys.len() == 1 { "Key" } @else { "Keys" } }
            @for (i, vkey) in log.vkeys.iter().enumerate() {
                div.vkey {
                    code { (vkey) }
                    button.button.plain type="button" data-copy=(vkey) title="Copy" hidden { (icon("copy")) span.unseen { "Copy the key" } }
                    @if i > 0 { span.soft { "an older one, which signs beside the newest" } }
                }
            }
            p.soft { "A key read here is as honest as this server. Compare it with the one its operator gave you another way, or keep it now and hold the log to it." }
        }
    }
}

/// How to verify without this page, with this server's address filled in.
fn outside(setting: &Setting, log: &Log) -> Markup {
    let organization = log.organization.as_str();
    // By the last part of its origin: a log that was begun anew after a restore has another than its organization.
    let name = log.origin.rsplit('/').next().unwrap_or(organization);
    let address = format!("{}/v1/logs/{name}", setting.origin);
    let key = log.vkeys.first().map_or("VKEY", String::as_str);
    html! {
        section.wide {
            h2.part { "Verify it from outside" }
            div.commands {
                (command("That it only grows. Run it again whenever you like: what was seen once is kept in the state file, and a log that takes any of it back is refused (exit status 4).",
                    &format!("mar-audit verify log {address} --key '{key}' --state {organization}.state")))
                (command("One entry, offline, from the proof that its details offer:",
                    &format!("mar-audit verify proof ID.tlog-proof --key '{key}'")))
                (command("The newest checkpoint, for any client of C2SP transparency logs:", &format!("curl {address}/checkpoint")))
                p.soft {
                    "All formats are public standards or described in docs/proofs.md, for a verifier of your own; one in Python, made from that text alone, comes with the sources."
                }
                div.row {
                    a.button href={ "/v1/logs/" (name) "/checkpoint" } download={ (organization) ".checkpoint" } data-leave { (icon("export")) "Checkpoint" }
                    a.button href={ "/integrity/" (organization) "/key" } download={ (organization) ".vkey" } data-leave { (icon("export")) "Key" }
                }
            }
        }
    }
}

fn recent(setting: &Setting, log: &Log) -> Markup {
    html! {
        @if !log.checkpoints.is_empty() {
            section.wide {
                h2.part { "Recent checkpoints" }
                div.tablewrap tabindex="0" role="group" aria-label="Recent checkpoints" {
                    table.plain-table {
                        thead { tr { th scope="col" { "Signed" } th.num scope="col" { "Entries" } th.num scope="col" { "New" } th scope="col" { "Root" } } }
                        tbody {
                            @for (i, published) in log.checkpoints.iter().enumerate() {
                                @let before = log.checkpoints.get(i + 1).map(|older| older.size());
                                tr {
                                    td { time datetime=(published.at) data-local[setting.zone.is_utc()] { (setting.zone.full(published.at)) } }
                                    td.num { (count(published.size())) }
                                    td.num { @if let Some(before) = before { "+" (count(published.size() - before)) } }
                                    td { code { (published.tree().root) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The keys of a log, the newest first.
pub fn vkeys(app: &App, organization: &Organization) -> Vec<String> {
    let origin = app.store.origin(organization);
    origin.keys.iter().map(ToString::to_string).collect()
}

/// The vkeys of a log, one a line: what verifiers take.
pub fn key_file(app: &App, reading: &Reading, organization: &str) -> Result<String, Problem> {
    let shown = load(app, reading, Some(organization))?.shown;
    let vkeys = shown.map(|log| log.vkeys).unwrap_or_default();
    Ok(vkeys.iter().map(|vkey| format!("{vkey}\n")).collect())
}
