//! `/access` and `/account`: who may do what, and one's own part of it.
//!
//! What `/v1/access` does, by the same functions: every change is a form posted to a page, which then leads to where it is
//! seen, or shows the form again with what is wrong. In reading order:
//! - [`words`]: permissions, masks and extents in plain words
//! - [`fields`]: of forms, with their faults
//! - [`tables`]: bindings, tokens and sessions, wherever they are listed
//! - [`people`], [`groups`], [`roles`]: who there is, and what they may do
//! - [`tokens`], [`sessions`], [`links`]: what acts for them
//! - [`account`]: the caller's own
//!
//! Nobody is shown what they could not ask the API for.

mod account;
pub mod fields;
mod groups;
mod links;
mod people;
mod roles;
mod sessions;
pub mod tables;
mod tokens;
pub mod words;

use super::form::Form;
use super::layout;
use super::location::Location;
use super::setting::{self, Setting, icon};
use super::states;
use crate::access::{Access, Account, Extent, Identifier, Permission};
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::problem::{Kind, Problem};
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use entry::{Mask, Organization};
use fields::{Filled, Places};
use maud::{Markup, html};
use std::sync::Arc;

/// Below `/access`, and `/account`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/access", get(entrance))
        .merge(of_people())
        .merge(of_credentials())
        .route("/account", get(account::show))
        .route("/account/password", post(account::change_password))
        .route(
            "/account/tokens/new",
            get(account::new_token).post(account::make_token),
        )
        .route(
            "/account/tokens/{id}/revoke",
            get(account::token_goes).post(account::revoke_token),
        )
        .route(
            "/account/sessions/{id}/end",
            get(account::session_goes).post(account::end_session),
        )
}

fn of_people() -> Router<Arc<App>> {
    Router::new()
        .route("/access/people", get(people::list))
        .route(
            "/access/people/new",
            get(people::empty).post(people::add_person),
        )
        .route("/access/people/{id}", get(people::show))
        .route("/access/people/{id}/roles", post(people::give_role))
        .route("/access/people/{id}/groups", post(people::join))
        .route("/access/people/{id}/password", post(people::set_password))
        .route(
            "/access/people/{id}/disable",
            get(people::goes).post(people::disable),
        )
        .route("/access/people/{id}/enable", post(people::enable))
        .route(
            "/access/bindings/{id}/remove",
            get(roles::binding_goes).post(roles::take_back),
        )
        .route("/access/groups", get(groups::list).post(groups::begin))
        .route("/access/groups/{name}", get(groups::show))
        .route("/access/groups/{name}/roles", post(groups::give_role))
        .route("/access/groups/{name}/members", post(groups::add_member))
        .route(
            "/access/groups/{name}/members/remove",
            post(groups::remove_member),
        )
        .route("/access/roles", get(roles::list))
        .route("/access/roles/new", get(roles::empty).post(roles::create))
        .route(
            "/access/roles/{name}/edit",
            get(roles::edit).post(roles::change),
        )
        .route(
            "/access/roles/{name}/remove",
            get(roles::goes).post(roles::remove),
        )
}

fn of_credentials() -> Router<Arc<App>> {
    Router::new()
        .route("/access/tokens", get(tokens::list))
        .route(
            "/access/tokens/new",
            get(tokens::empty).post(tokens::make_token),
        )
        .route(
            "/access/tokens/{id}/revoke",
            get(tokens::goes).post(tokens::revoke_token),
        )
        .route("/access/sessions", get(sessions::list))
        .route(
            "/access/sessions/{id}/end",
            get(sessions::goes).post(sessions::end_session),
        )
        .route("/access/links", get(links::list))
        .route(
            "/access/links/new",
            get(links::empty).post(links::make_link),
        )
        .route(
            "/access/links/{id}/revoke",
            get(links::goes).post(links::revoke_link),
        )
}

/// `GET /access` leads to people.
async fn entrance(visit: Visit) -> Response {
    match visit.managed() {
        Ok(_) => Redirect::to("/access/people").into_response(),
        Err(problem) => visit.failed(problem),
    }
}

/// A look at one of these pages: by whom, and how they like it.
pub struct Visit {
    pub app: Arc<App>,
    pub caller: Caller,
    pub setting: Setting,
    pub headers: HeaderMap,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = SignInFirst;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, SignInFirst> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let here = Location::new(parts.uri.path(), parts.uri.query().unwrap_or_default());
        Ok(Self {
            setting: setting::read(app, &caller, here, &parts.headers),
            app: Arc::clone(app),
            caller,
            headers: parts.headers.clone(),
        })
    }
}

/// The parts of `/access`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tab {
    People,
    Groups,
    Roles,
    Tokens,
    Sessions,
    Links,
    /// Not of `/access`: the caller's own account.
    Own,
}

const TABS: &[(Tab, &str, &str)] = &[
    (Tab::People, "/access/people", "People"),
    (Tab::Groups, "/access/groups", "Groups"),
    (Tab::Roles, "/access/roles", "Roles"),
    (Tab::Tokens, "/access/tokens", "Tokens"),
    (Tab::Sessions, "/access/sessions", "Sessions"),
    (Tab::Links, "/access/links", "Auditor links"),
];

impl Visit {
    /// Accounts and all that is theirs, for who manages access.
    fn managed(&self) -> Result<&Access, Problem> {
        crate::api::access::managed(&self.app, &self.caller)
    }

    fn account(&self, access: &Access, id: &Identifier) -> Option<Account> {
        access.account(&self.caller.principal, id)
    }

    /// A page, or why there is none.
    fn show(&self, tab: Tab, title: &str, content: Result<Markup, Problem>) -> Response {
        match content {
            Ok(content) => self.page(StatusCode::OK, tab, title, content),
            Err(problem) => self.failed(problem),
        }
    }

    fn page(&self, status: StatusCode, tab: Tab, title: &str, content: Markup) -> Response {
        let page = frame(&self.setting, tab, title, content);
        super::html(&self.headers, status, page)
    }

    /// The same form again, with what is wrong; or the problem alone where there is no form to show.
    fn again(
        &self,
        tab: Tab,
        title: &str,
        form: &Form,
        problem: &Problem,
        page: impl FnOnce(Filled<'_>) -> Result<Markup, Problem>,
    ) -> Response {
        let filled = Filled {
            form,
            problem: Some(problem),
        };
        match page(filled) {
            Ok(content) => self.page(problem.kind.status(), tab, title, content),
            // Whoever took their own rights away, or looks for what is gone.
            Err(_) => self.failed(problem.clone()),
        }
    }

    /// A change was made: it is seen there.
    pub fn seen_at(&self, path: &str) -> Response {
        Redirect::to(path).into_response()
    }

    fn failed(&self, problem: Problem) -> Response {
        if problem.kind == Kind::AccessOff {
            let tab = if self.setting.here.href().starts_with("/account") {
                Tab::Own
            } else {
                Tab::People
            };
            return self.page(StatusCode::OK, tab, "Access is open", open());
        }
        let page = states::page(&self.setting, &problem);
        super::html(&self.headers, problem.kind.status(), page)
    }

    /// Where the caller may give something to somebody.
    pub fn places(&self) -> Places {
        let reach = self.caller.principal.reach(Permission::ManageAccess);
        let manages = |extent: &Extent| reach.contains(extent, Mask::all());
        let logs = self.app.store.logs().into_iter();
        let mut named: Vec<Organization> = logs.map(|log| log.organization).collect();
        let grants = self.caller.principal.grants().iter();
        let managing = grants.filter(|grant| grant.permissions.has(Permission::ManageAccess));
        let own = { managing }.filter_map(|grant| grant.extent.organization().cloned());
        named.extend(own);
        named.retain(|of| reach.touches(of));
        named.sort();
        named.dedup();
        let whole = |of: &Organization| manages(&Extent::Organization(of.clone()));
        let server = manages(&Extent::Server);
        Places {
            server,
            whole: server || named.iter().any(whole),
            organizations: named.iter().map(ToString::to_string).collect(),
        }
    }

    /// Where one's own token may hold: anywhere, since it never does more than its account.
    fn places_of_token(&self) -> Places {
        Places {
            server: true,
            whole: true,
            ..self.places()
        }
    }
}

fn frame(setting: &Setting, tab: Tab, title: &str, content: Markup) -> Markup {
    let place = if tab == Tab::Own { "Account" } else { "Access" };
    let content = html! {
        link rel="stylesheet" href=(super::assets::url("access.css"));
        main.page.access #main {
            @if tab != Tab::Own {
                nav.tabs aria-label="Access" {
                    @for (of, path, name) in TABS {
                        a href=(path) aria-current=[(*of == tab).then_some("page")] { (name) }
                    }
                }
            }
            (content)
        }
    };
    layout::page(setting, &super::visible::plain(title), place, content)
}

/// Behind an open door there is nothing to manage: what that means, and how to close it.
fn open() -> Markup {
    html! {
        div.sheet { div.state {
            h1 { "Access is open" }
            p {
                "This server was started with " code { "access = \"open\"" } ": everybody who reaches its address is an owner named "
                code { "local" } ", sees every entry and may do everything. There are no people, roles or tokens, and nothing is noted of "
                "who read what, since there is nobody to name."
            }
            p { "To require that everybody signs in, start it without that:" }
            pre tabindex="0" { code { "mar-audit serve --access required" } }
            p {
                "or " code { "access = \"required\"" } " in " code { "mar-audit.toml" } ". It then prints a link, once, by which the first "
                "owner makes themselves known; entries stay as they are."
            }
            a.button.primary href="/" { "To all entries" }
        } }
    }
}

/// The head of a page: its name and what can be begun here.
pub fn head(title: &str, says: &str, acts: Markup) -> Markup {
    html! {
        header.access-head {
            div { h1 { (title) } @if !says.is_empty() { p.soft { (says) } } }
            div.acts-row { (acts) }
        }
    }
}

/// A way back to what a page is a part of.
pub fn back(path: &str, name: &str) -> Markup {
    html! { a.button.plain.back href=(path) { (icon("left")) (name) } }
}

/// What cannot be taken back is asked about first.
pub struct Question<'a> {
    pub title: String,
    pub says: Markup,
    /// Where the answer is posted; nowhere, if it cannot be done.
    pub action: Option<String>,
    pub answer: &'a str,
    pub back: String,
}

impl Question<'_> {
    pub fn page(&self, problem: Option<&Problem>) -> Markup {
        html! {
            @if let Some(problem) = problem { (fields::notice(problem)) }
            div.sheet { div.state.question {
                h1 { (self.title) }
                (self.says)
                div.row {
                    @if let Some(action) = &self.action {
                        form method="post" action=(action) { button.button.danger { (self.answer) } }
                    }
                    a.button href=(self.back) { @if self.action.is_some() { "Leave it as it is" } @else { "Back" } }
                }
            } }
        }
    }
}

/// What something is answered that is not there.
fn gone(what: &'static str) -> Problem {
    crate::access::Error::NotFound { what }.into()
}

/// Lines of a list on one page.
const PAGE_LINES: usize = 50;

/// A page of a list, and links to those beside it.
struct Lines<T> {
    shown: Vec<T>,
    first: usize,
    total: usize,
    number: usize,
}

impl<T> Lines<T> {
    fn of(all: Vec<T>, here: &Location) -> Self {
        let total = all.len();
        let last = total.div_ceil(PAGE_LINES).max(1);
        let number = here.get("page").and_then(|text| text.parse().ok());
        let number: usize = number.unwrap_or(1).clamp(1, last);
        let first = (number - 1) * PAGE_LINES;
        Self {
            shown: all.into_iter().skip(first).take(PAGE_LINES).collect(),
            first,
            total,
            number,
        }
    }

    fn pager(&self, here: &Location) -> Markup {
        let to = |number: usize| here.with("page", &number.to_string()).href();
        let end = self.first + self.shown.len();
        html! {
            @if self.total > PAGE_LINES {
                nav.pager aria-label="Pages" {
                    @if self.number > 1 { a.button rel="prev" href=(to(self.number - 1)) { (icon("left")) "Previous" } }
                    @if end < self.total { a.button rel="next" href=(to(self.number + 1)) { "Next" (icon("right")) } }
                    span.end { (self.first + 1) "–" (end) " of " (super::visible::count(self.total as u64)) }
                }
            }
        }
    }
}
