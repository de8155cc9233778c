//! The pages: rendered here, answered by the same functions as `/v1`.
//!
//! Every state is a URL with exactly the API's parameters, every filter a link or a form field: without scripts nothing is
//! lost but comfort. In reading order:
//! - [`location`]: the URL as the state of a page
//! - [`visible`]: foreign text made inert and visible
//! - [`moment`]: instants in a zone
//! - [`reader`], [`setting`], [`layout`]: who reads, what every page is rendered with, and its frame
//! - [`form`]: what a form sends
//! - [`entrance`]: signing in and out, the first owner, an auditor's link
//! - [`embed`]: in within another site's page
//! - [`load`]: what a page shows, asked of the API's functions
//! - [`list`]: the Audit Logs page, of [`toolbar`], [`facets`], [`chart`], [`table`]
//! - [`details`], [`json`], [`target`]: one entry in full, one target over time
//! - [`erasure`], [`hiding`], [`proof`]: what of it was erased and why, what a role hides; that it is in the log, checked by the reader's own browser
//! - [`integrity`]: the logs as a whole, their keys and checkpoints
//! - [`unbound`], `provider`: who may do nothing yet; signing in elsewhere
//! - [`access`]: who may do what, and one's own account
//! - [`sources`]: what other systems send, and how they are pointed here
//! - [`states`]: nothing to show, or something wrong
//! - [`preferences`], [`assets`]: colours and zone kept in cookies; styles, scripts, icons

mod access;
mod assets;
mod chart;
mod details;
mod embed;
mod entrance;
mod erasure;
mod facets;
mod form;
mod hiding;
mod integrity;
mod json;
mod layout;
mod list;
mod load;
mod location;
mod moment;
mod preferences;
mod proof;
#[cfg(feature = "oidc")]
mod provider;
mod reader;
mod setting;
mod sources;
mod states;
mod table;
mod target;
mod toolbar;
mod unbound;
mod visible;

use crate::access::Permission;
use crate::app::App;
use crate::guard::{Caller, kept_purpose};
use crate::problem::{Kind, Problem};
use crate::watching::Deed;
use crate::watching::people::Search;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use load::Part;
use location::Location;
use maud::Markup;
use setting::Setting;
use std::sync::Arc;

/// Every page, nested at `/`.
pub fn router() -> Router<Arc<App>> {
    let pages = Router::new()
        .route("/", get(entries))
        .route("/entries", get(to_entries))
        .route("/entries/{id}", get(entry))
        .route("/targets/{kind}/{key}", get(target))
        .route("/integrity", get(integrity))
        .route("/integrity/{organization}/key", get(log_key))
        .route(
            "/sign-in",
            get(entrance::sign_in_form).post(entrance::sign_in),
        )
        .route(
            "/sign-out",
            get(entrance::sign_out_form).post(entrance::sign_out),
        )
        .route("/claim", get(entrance::claim_form).post(entrance::claim))
        .route("/link", get(entrance::link_form).post(entrance::link))
        .route("/embed", get(embed::form).post(embed::enter))
        .route("/preferences", post(preferences::set))
        .route("/assets/{hash}/{name}", get(assets::get))
        .route(unbound::PATH, get(unbound::show))
        .merge(access::router())
        .merge(sources::router());
    #[cfg(feature = "oidc")]
    let pages = pages.merge(provider::router());
    pages
}

/// `GET /` is the Audit Logs page.
async fn entries(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let raw = raw.unwrap_or_default();
    let here = Location::new("/", &raw);
    let setting = setting::read(&app, &caller, here, &headers);
    if let Some(clean) = canonical(&setting, &raw) {
        return Redirect::to(&asked_again(&caller, clean, &headers).href()).into_response();
    }
    let part = match headers.get("x-part").map(|part| part.as_bytes()) {
        Some(b"drawer") => Part::Drawer,
        _ => Part::Whole,
    };
    let reading = match app.reading(&caller, Permission::Read) {
        Ok(reading) => reading,
        Err(_) if unbound::is_met_by(&caller) => {
            return Redirect::to(unbound::PATH).into_response();
        }
        Err(problem) => return failed(&headers, &setting, problem),
    };
    let listing = match load::list(&app, &caller, reading, &setting, part).await {
        Ok(listing) => listing,
        Err(problem) => return failed(&headers, &setting, problem),
    };
    if let Some(Some(details)) = &listing.selected {
        let deed = Deed::viewed(&details.entry);
        app.note_reading(&caller, deed).await;
    }
    if part == Part::Drawer {
        let details = listing.selected.as_ref().and_then(Option::as_ref);
        return html(&headers, StatusCode::OK, details::drawer(&setting, details));
    }
    let status = listing
        .problem
        .as_ref()
        .map_or(StatusCode::OK, |problem| problem.kind.status());
    html(&headers, status, list::page(&setting, &listing))
}

/// With what the guard took out of the address.
fn asked_again(caller: &Caller, here: Location, headers: &HeaderMap) -> Location {
    let circumstances = &caller.circumstances;
    let here = match circumstances.purpose.as_deref() {
        Some(purpose) if kept_purpose(headers).as_deref() != Some(purpose) => {
            here.with("purpose", purpose)
        }
        _ => here,
    };
    match circumstances.unmask {
        true => here.with("unmask", "true"),
        false => here,
    }
}

/// `GET /entries` is where a person goes who cuts the permalink.
async fn to_entries(RawQuery(raw): RawQuery) -> Redirect {
    Redirect::permanent(&Location::new("/", &raw.unwrap_or_default()).href())
}

/// What forms send is brought into the form the API takes: no blank parameters, times with their offset.
fn canonical(setting: &Setting, raw: &str) -> Option<Location> {
    let here = &setting.here;
    let mut clean = here.clone();
    for name in ["from", "to"] {
        if let Some(at) = here
            .get(name)
            .and_then(|text| setting.zone.parse_field(text))
        {
            clean = clean.with(name, &at);
        }
    }
    let blank = raw
        .split('&')
        .any(|pair| pair.ends_with('=') || (!pair.is_empty() && !pair.contains('=')));
    (blank || clean != *here).then_some(clean)
}

/// `GET /entries/{id}` is the permalink of an entry.
async fn entry(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let path = format!("/entries/{}", location::segment(&id));
    let here = Location::new(&path, &raw.unwrap_or_default());
    let setting = setting::read(&app, &caller, here, &headers);
    let organization = setting.here.get("organization").map(str::to_owned);
    let found = async {
        let reading = app.reading(&caller, Permission::Read)?;
        let work = move |app: &Arc<App>| {
            let entry = crate::api::find(&reading, &id, organization.as_deref())?;
            load::details(app, &reading, entry)
        };
        app.blocking(work).await
    };
    match found.await {
        Ok(details) => {
            let deed = Deed::viewed(&details.entry);
            app.note_reading(&caller, deed).await;
            html(&headers, StatusCode::OK, details::page(&setting, &details))
        }
        Err(problem) => failed(&headers, &setting, problem),
    }
}

/// `GET /targets/{type}/{key}` is the history of a target, by its id or name.
async fn target(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((kind, key)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let path = format!(
        "/targets/{}/{}",
        location::segment(&kind),
        location::segment(&key)
    );
    let here = Location::new(&path, &raw.unwrap_or_default());
    let setting = setting::read(&app, &caller, here.clone(), &headers);
    let found = async {
        let reading = app.reading(&caller, Permission::Read)?;
        let query = load::steps(&app, &here, &kind, &key)?;
        app.note_search(&caller, &reading, Search::page(&query))
            .await;
        app.blocking(move |app| load::history(app, &reading, &query, &kind, &key))
            .await
    };
    match found.await {
        Ok(history) => html(&headers, StatusCode::OK, target::page(&setting, &history)),
        Err(problem) => failed(&headers, &setting, problem),
    }
}

/// `GET /integrity` is what is signed of the logs, and how to verify it.
async fn integrity(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    let here = Location::new("/integrity", &raw.unwrap_or_default());
    let setting = setting::read(&app, &caller, here, &headers);
    let shown = app
        .reading(&caller, Permission::Verify)
        .and_then(|reading| integrity::load(&app, &reading, setting.here.get("organization")));
    match shown {
        Ok(shown) => html(&headers, StatusCode::OK, integrity::page(&setting, &shown)),
        Err(problem) => failed(&headers, &setting, problem),
    }
}

/// `GET /integrity/{organization}/key` is the log's vkeys as a file.
async fn log_key(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(organization): Path<String>,
) -> Result<String, Problem> {
    let reading = app.reading(&caller, Permission::Verify)?;
    integrity::key_file(&app, &reading, &organization)
}

fn failed(headers: &HeaderMap, setting: &Setting, problem: Problem) -> Response {
    let problem = match problem.kind {
        Kind::NotFound => {
            Kind::NotFound.detail("There is no entry with this id in the logs you see.")
        }
        _ => problem,
    };
    html(
        headers,
        problem.kind.status(),
        states::page(setting, &problem),
    )
}

/// A page holds the same words again and again: compressed it is a tenth.
fn html(asked: &HeaderMap, status: StatusCode, markup: Markup) -> Response {
    let text = markup.into_string();
    let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8");
    let vary = (header::VARY, "accept-encoding, cookie, x-part");
    let accepted = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !accepted.split(',').any(|coding| coding.trim() == "gzip") {
        return (status, [kind, vary], text).into_response();
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(2));
    let written =
        std::io::Write::write_all(&mut packed, text.as_bytes()).and_then(|()| packed.finish());
    let packed = written.expect("memory takes every write");
    (
        status,
        [kind, vary, (header::CONTENT_ENCODING, "gzip")],
        packed,
    )
        .into_response()
}
