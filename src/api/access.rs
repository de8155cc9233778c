//! `/v1/access`: who may come in and what each may do, up to what the caller may do.
//!
//! - [`bodies`]: what is asked, strictly, and never repeated: it may hold secrets
//! - [`shapes`]: how accounts, roles, tokens and the rest look in JSON
//! - [`door`]: claiming the server, signing in and out
//! - [`people`]: accounts, roles, bindings
//! - [`credentials`]: tokens, sessions, auditor links, embedded pages
//!
//! Every change leaves one entry, a refused one too where who calls is known: see [`crate::watching`].

pub mod bodies;
pub mod credentials;
pub mod door;
pub mod people;
pub mod shapes;

use super::Answer;
use crate::access::{Access, Denied, Error, Identifier, Made, Permission};
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::unauthenticated;
use crate::problem::{Fault, Kind, Problem};
use crate::reading::must_hold;
use crate::watching::Deed;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use serde::Serialize;
use std::sync::Arc;

/// Below `/v1/access`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/me", get(me))
        .route("/sign-in", post(door::sign_in))
        .route("/sign-out", post(door::sign_out))
        .route("/claim", post(door::claim))
        .route("/users", get(people::users).post(people::add_user))
        .route("/users/{id}", patch(people::change_user))
        .route("/roles", get(people::roles))
        .route(
            "/roles/{name}",
            put(people::put_role).delete(people::remove_role),
        )
        .route("/bindings", get(people::bindings).post(people::bind))
        .route("/bindings/{id}", delete(people::unbind))
        .route(
            "/tokens",
            get(credentials::tokens).post(credentials::create_token),
        )
        .route("/tokens/{id}", delete(credentials::revoke_token))
        .route("/sessions", get(credentials::sessions))
        .route("/sessions/{id}", delete(credentials::end_session))
        .route(
            "/links",
            get(credentials::links).post(credentials::create_link),
        )
        .route("/links/{id}", delete(credentials::revoke_link))
        .route("/embed", post(credentials::embed))
}

/// `GET /v1/access/me`: who the caller is to this server, and what it may do.
pub async fn me(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    Ok(said(
        StatusCode::OK,
        &shapes::Me::of(&app.door, &caller.principal),
    ))
}

fn said(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("texts and numbers are JSON");
    (status, [(header::CONTENT_TYPE, super::JSON)], body).into_response()
}

/// Accounts, and the permission to change who may do what.
pub fn managed<'a>(app: &'a App, caller: &Caller) -> Result<&'a Access, Problem> {
    let access = app.door.access()?;
    must_hold(&caller.principal, Permission::ManageAccess)?;
    Ok(access)
}

/// Makes one change beside the async threads and notes it there, or that it was refused: whoever hangs up changes neither.
async fn change<T: Send + 'static>(
    app: &Arc<App>,
    caller: Caller,
    deed: Deed,
    work: impl FnOnce(&Access, &Caller) -> Result<T, Error> + Send + 'static,
    noted: impl Fn(&Made<'_>, Deed) -> Deed + Send + Sync + 'static,
) -> Result<T, Problem> {
    app.door.access()?;
    app.must_be_watchable()?;
    let job = move |app: &Arc<App>| {
        let (by, meant) = (caller.clone(), deed.clone());
        let told = move |made: &Made<'_>| (by.clone(), noted(made, meant.clone()));
        let done = app.witnessed(told, |access| work(access, &caller))?;
        match (done.answer, done.is_noted) {
            (Ok(answer), true) => Ok(answer),
            // A token that nothing is kept of, or what was so before.
            (Ok(answer), false) => {
                app.note_here(&caller, deed)?;
                Ok(answer)
            }
            (Err(error @ Error::NotYours), _) => {
                app.note_here(&caller, deed.refused("403"))?;
                Err(error.into())
            }
            (Err(error), _) => Err(error.into()),
        }
    };
    app.blocking_in(&app.hashing, job).await
}

/// What is noted of what there is now and was not before.
fn made(made: &Made<'_>, deed: Deed) -> Deed {
    match made.named() {
        Some((kind, id, name)) => deed.to(kind, id, Some(name)),
        None => deed,
    }
}

/// The identifier in a path; one that can be none names nothing.
fn identifier(text: &str, what: &'static str) -> Result<Identifier, Problem> {
    Identifier::parse(text).ok_or_else(|| Error::NotFound { what }.into())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let said = error.to_string();
        match error {
            Error::Invalid { what, detail } => {
                let fault = Fault::pointer(format!("/{what}"), detail);
                Kind::InvalidAccess.detail(said).with(vec![fault])
            }
            Error::Taken { .. } => Kind::Taken.detail(said),
            Error::NotFound { .. } => Kind::NotFound.detail(said),
            Error::InUse { .. } | Error::LastOwner => Kind::InUse.detail(said),
            Error::NotYours => Kind::Forbidden.detail(said),
            Error::Full { .. } => Kind::InUse.detail(said),
            Error::Wiped { .. }
            | Error::Replaced { .. }
            | Error::Older { .. }
            | Error::NewerSchema { .. }
            | Error::Exposed { .. }
            | Error::Damaged { .. }
            | Error::Locked { .. }
            | Error::Io { .. }
            | Error::Storage { .. }
            | Error::Random { .. }
            | Error::Untold { .. } => {
                tracing::error!(error = said, "access could not be read or changed");
                Kind::Internal.detail("the server failed on this call; its log says more")
            }
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Slow { wait } => {
                let seconds = wait.as_secs().max(1).to_string();
                Kind::TooManyAttempts
                    .detail(denied.to_string())
                    .header(header::RETRY_AFTER, &seconds)
            }
            Denied::Failed(error) => error.into(),
            Denied::Malformed(_) | Denied::Unknown | Denied::Expired | Denied::Disabled => {
                unauthenticated("nobody is known by that")
            }
        }
    }
}
