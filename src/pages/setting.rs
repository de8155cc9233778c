//! What every page is rendered with: where the person is, how they like it, and the words of this deployment.

use super::location::Location;
use super::moment::Zone;
use super::preferences::{self, cookie};
use super::reader::Reader;
use crate::api::query::refused;
use crate::app::App;
use crate::guard::{Caller, Circumstances};
use crate::problem::{Fault, Problem};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use entry::Catalogue;
use maud::{Markup, html};
use std::sync::Arc;

/// The colours a person chose; absent, those of their system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// What every page is rendered with.
pub struct Setting {
    pub here: Location,
    pub theme: Option<Theme>,
    pub zone: Zone,
    pub catalogue: Arc<Catalogue>,
    /// `http://127.0.0.1:8080`: for links that are copied elsewhere.
    pub origin: String,
    pub reader: Reader,
}

impl Setting {
    /// Refuses a `tz` that no zone is named by.
    pub fn known_zone(&self) -> Result<(), Problem> {
        match self.here.get("tz") {
            Some(name) if Zone::parse(name).is_none() => {
                let detail = "no such time zone; an IANA name such as Europe/Madrid";
                Err(refused(vec![Fault::parameter("tz", detail)]))
            }
            _ => Ok(()),
        }
    }
}

/// One icon of the sheet; decoration, so always beside words or in something that has a label.
pub fn icon(name: &str) -> Markup {
    html! { svg.i aria-hidden="true" { use href=(super::assets::icon_url(name)) {} } }
}

/// The setting of a call, for who makes it.
pub fn read(app: &App, caller: &Caller, here: Location, headers: &HeaderMap) -> Setting {
    let reader = Reader::of(app, caller);
    let setting = of_nobody(app, &caller.circumstances, here, headers);
    if !reader.is_embedded() {
        return Setting { reader, ..setting };
    }
    let (theme, zone) = preferences::kept_look(headers);
    let asked = setting.here.get("tz").and_then(Zone::parse);
    Setting {
        theme,
        zone: asked.or(zone).unwrap_or_else(Zone::utc),
        reader,
        ..setting
    }
}

/// The setting of a call by whoever it is. Parameters before cookies, cookies before defaults.
pub fn of_nobody(
    app: &App,
    circumstances: &Circumstances,
    here: Location,
    headers: &HeaderMap,
) -> Setting {
    let zone = here
        .get("tz")
        .or_else(|| cookie(headers, preferences::ZONE))
        .and_then(Zone::parse);
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1:8080");
    let scheme = if circumstances.https { "https" } else { "http" };
    Setting {
        theme: cookie(headers, preferences::THEME).and_then(Theme::parse),
        zone: zone.unwrap_or_else(Zone::utc),
        catalogue: Arc::clone(&app.catalogue),
        origin: format!("{scheme}://{host}"),
        here,
        reader: Reader::nobody(),
    }
}
