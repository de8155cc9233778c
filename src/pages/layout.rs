//! The frame around every page: head, top bar with who reads, keys; and that of the pages by which one comes in.

use super::assets;
use super::reader::By;
use super::setting::{Setting, Theme, icon};
use super::visible::{Listed, plain_part};
use crate::access::Permission;
use maud::{DOCTYPE, Markup, html};

/// A whole page around its content.
pub fn page(setting: &Setting, title: &str, place: &str, content: Markup) -> Markup {
    let embedded = setting.reader.is_embedded();
    let more = html! {
        script type="module" src=(assets::url("page.js")) {}
        @if setting.here.get("live").is_some() {
            noscript { meta http-equiv="refresh" content="15"; }
        }
    };
    let body = html! {
        a.skip href="#main" { "Skip to the entries" }
        div.busy-bar aria-hidden="true" {}
        @if !embedded { (top(setting, place)) }
        (link_banner(setting))
        (content)
        (keys())
    };
    document(setting, title, more, body)
}

/// A page by which one comes in: one card under the brand, and nothing of what is behind the door.
pub fn entrance(setting: &Setting, title: &str, content: Markup) -> Markup {
    let more = html! {
        link rel="stylesheet" href=(assets::url("entrance.css"));
        script type="module" src=(assets::url("enter.js")) {}
    };
    let body = html! {
        @if !setting.reader.is_embedded() {
            header.top {
                span.brand { (icon("logo")) "MAR audit" }
                div.end { (theme_switch(setting)) }
            }
        }
        main.entrance #main { section.card { (icon("logo")) (content) } }
    };
    document(setting, title, more, body)
}

fn document(setting: &Setting, title: &str, more: Markup, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[setting.theme.map(Theme::name)] {
            head {
                meta charset="utf-8";
                title { (title) " · MAR audit" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" type="image/svg+xml" href=(assets::url("favicon.svg"));
                link rel="stylesheet" href=(assets::url("page.css"));
                (more)
            }
            body { (body) }
        }
    }
}

fn top(setting: &Setting, place: &str) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (icon("logo")) "MAR audit" }
            @if !place.is_empty() { span.where { (place) } }
            div.end {
                @if setting.reader.sees_sources() {
                    a.button.plain href="/sources" title="Sources: what other systems send here" { (icon("source")) span.unseen { "Sources" } }
                }
                @if setting.reader.may(Permission::Verify) {
                    a.button.plain href="/integrity" title="Integrity: signed checkpoints, keys, how to verify" { (icon("seal")) span.unseen { "Integrity" } }
                }
                (zone_menu(setting))
                (theme_switch(setting))
                button.button.plain.keys-button type="button" popovertarget="keys" title="Keyboard shortcuts" {
                    kbd { "?" } span.unseen { "Keyboard shortcuts" }
                }
                (account(setting))
            }
        }
    }
}

/// Who reads, and what is there for them.
fn account(setting: &Setting) -> Markup {
    let reader = &setting.reader;
    html! {
        @match &reader.by {
            By::Nobody | By::Embed => {},
            By::Open => span.badge.open-access title="Whoever reaches this server from this machine may do everything here, and nothing is noted of who read what. Start it with --access required to change that." { "open access" },
            By::Link { name, .. } => details.menu.account {
                summary.button.plain title="Your link" { (icon("person")) span.who { (Listed(name)) } (icon("down")) }
                div.pop {
                    div.me { b { (Listed(name)) } span.soft { "an auditor’s link: read only" } }
                    (purpose(setting))
                    (sign_out())
                }
            },
            By::Account { name, login, roles } => details.menu.account {
                summary.button.plain title="Your account" { (icon("person")) span.who { (Listed(name)) } (icon("down")) }
                div.pop {
                    div.me {
                        b { (Listed(name)) }
                        @if login != name { span.soft { (Listed(login)) } }
                        span.soft { @if roles.is_empty() { "no role yet" } @else { (plain_part(&roles.join(", "))) } }
                    }
                    nav.choices aria-label="Account" {
                        a href="/account" { "Your account" }
                        @if reader.may(Permission::ManageAccess) { a href="/access" { "Access" span.soft { "people, roles, tokens" } } }
                    }
                    (purpose(setting))
                    (sign_out())
                }
            },
        }
    }
}

fn sign_out() -> Markup {
    html! { form method="post" action="/sign-out" { button.button { "Sign out" } } }
}

/// Why one reads, kept by the browser and noted with what one does from then on.
pub fn purpose(setting: &Setting) -> Markup {
    let purpose = setting.reader.purpose.as_deref();
    html! {
        @if setting.reader.is_noted() {
            form.purpose method="post" action="/preferences" {
                input type="hidden" name="return" value=(setting.here.href());
                label.stack {
                    "Purpose of my reading"
                    input type="text" name="purpose" value=(purpose.unwrap_or_default()) maxlength="200" placeholder="OPS-88" autocomplete="off";
                }
                div.row {
                    button.button { "Keep" }
                    span.soft { "noted with all you do, until you sign out" }
                }
            }
        }
    }
}

/// What an auditor's link shows, and that it shows no more.
fn link_banner(setting: &Setting) -> Markup {
    let By::Link {
        name,
        expires_at,
        filter,
        is_masked,
    } = &setting.reader.by
    else {
        return html! {};
    };
    html! {
        aside.banner aria-label="Auditor’s link" {
            (icon("seal"))
            span { b { (Listed(name)) } " · an auditor’s link, read only" }
            span { "until " time datetime=(expires_at) data-local[setting.zone.is_utc()] { (setting.zone.full(*expires_at)) } }
            @if let Some(filter) = filter { span { "only " code title="Entries that match this; nothing else is there for this link" { (Listed(filter)) } } }
            @if *is_masked { span { "some members are hidden" } }
        }
    }
}

/// Works without scripts: a form that sets a cookie and comes back.
fn theme_switch(setting: &Setting) -> Markup {
    let next = match setting.theme {
        None => "dark",
        Some(Theme::Dark) => "light",
        Some(Theme::Light) => "system",
    };
    html! {
        form method="post" action="/preferences" {
            input type="hidden" name="return" value=(setting.here.href());
            button.button.plain #theme name="theme" value=(next) title={ "Colours: switch to " (next) } {
                (icon("theme")) span.unseen { "Colours: switch to " (next) }
            }
        }
    }
}

const ZONES: &[&str] = &[
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
];

fn zone_menu(setting: &Setting) -> Markup {
    html! {
        details.menu.zone {
            summary.button.plain title="The zone times are shown in" { (setting.zone.name()) (icon("down")) }
            form.pop method="post" action="/preferences" {
                h2 { "Show times in" }
                input type="hidden" name="return" value=(setting.here.without("tz").href());
                label.stack {
                    "Time zone"
                    input type="text" name="tz" value=(setting.zone.name()) list="zones" autocomplete="off" spellcheck="false";
                }
                datalist #zones { @for zone in ZONES { option value=(zone) {} } }
                div.row {
                    button.button.primary { "Apply" }
                    button.button type="button" data-local-zone hidden { "My zone" }
                }
            }
        }
    }
}

fn keys() -> Markup {
    let keys = [
        ("/", "search"),
        ("j  k", "next, previous entry"),
        ("Enter", "open the entry"),
        ("Esc", "close what is open"),
        ("n", "next page"),
        ("e", "export"),
        ("?", "this help"),
    ];
    html! {
        div.keys #keys popover role="dialog" aria-labelledby="keys-title" {
            h2 #keys-title { "Keyboard" }
            dl {
                @for (key, does) in keys {
                    dt { @for key in key.split("  ") { kbd { (key) } " " } }
                    dd { (does) }
                }
            }
            button.button type="button" popovertarget="keys" popovertargetaction="hide" { "Close" }
        }
    }
}
