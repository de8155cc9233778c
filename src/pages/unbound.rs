//! Somebody who is known and has no role: said kindly, with what whoever manages access must be told.

use super::location::Location;
use super::setting::{self, Setting};
use super::{html, layout, visible};
use crate::access::Credential;
use crate::app::App;
use crate::guard::Caller;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use entry::Party;
use maud::{Markup, html};
use std::sync::Arc;

pub const PATH: &str = "/no-access";

/// True if a person signed in who may do nothing. A token that may do nothing is refused: its person may have roles.
pub fn is_met_by(caller: &Caller) -> bool {
    let principal = &caller.principal;
    matches!(principal.credential, Credential::Session(_)) && principal.grants().is_empty()
}

/// `GET /no-access` is where somebody comes out who signed in and may do nothing yet.
pub async fn show(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap) -> Response {
    if !is_met_by(&caller) {
        return Redirect::to("/").into_response();
    }
    let setting = setting::read(&app, &caller, Location::new(PATH, ""), &headers);
    let page = page(&setting, caller.principal.party());
    html(&headers, StatusCode::OK, page)
}

fn page(setting: &Setting, who: &Party) -> Markup {
    let title = "Nobody has given you access yet";
    let name = who.name.as_deref().unwrap_or("somebody");
    let content = html! {
        h1 { (title) }
        p {
            "You are signed in, and known here as " b { (visible::plain(name)) }
            @if let Some(email) = &who.email { " (" (visible::plain(email)) ")" }
            ". No role is bound to you or to one of your groups, so there is nothing to show."
        }
        p {
            "Ask whoever manages access here to give you one."
            @if let Some(id) = &who.id { " Your account is " code { (id) } "." }
        }
        form method="post" action="/sign-out" { button.button.primary { "Sign out" } }
    };
    layout::entrance(setting, title, content)
}
