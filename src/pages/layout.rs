//! The frame around every page: head, top bar, keys.

use super::assets;
use super::setting::{Setting, Theme, icon};
use maud::{DOCTYPE, Markup, html};

/// A whole page around its content.
pub fn page(setting: &Setting, title: &str, place: &str, content: Markup) -> Markup {
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
                script type="module" src=(assets::url("page.js")) {}
                @if setting.here.get("live").is_some() {
                    noscript { meta http-equiv="refresh" content="15"; }
                }
            }
            body {
                a.skip href="#main" { "Skip to the entries" }
                div.busy-bar aria-hidden="true" {}
                (top(setting, place))
                (content)
                (keys())
            }
        }
    }
}

fn top(setting: &Setting, place: &str) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (icon("logo")) "MAR audit" }
            @if !place.is_empty() { span.where { (place) } }
            div.end {
                a.button.plain href="/integrity" title="Integrity: signed checkpoints, keys, how to verify" { (icon("seal")) span.unseen { "Integrity" } }
                (zone_menu(setting))
                (theme_switch(setting))
                button.button.plain.keys-button type="button" popovertarget="keys" title="Keyboard shortcuts" {
                    kbd { "?" } span.unseen { "Keyboard shortcuts" }
                }
            }
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
