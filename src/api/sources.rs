//! `/v1/sources`: what other systems send in their own words, what became of it, and what waits for a mapping.
//!
//! - this file: what all of them share
//! - [`kubernetes`]: the API server's webhook
//! - [`listing`]: which sources there are, and how they are
//! - [`rhythm`]: whether a source that says nothing should have
//! - [`quarantine`]: what waits for a mapping

mod kubernetes;
pub mod listing;
pub mod quarantine;
mod rhythm;

use super::Answer;
use super::query::Parameters;
use crate::access::Permission;
use crate::app::App;
use crate::body::{self, Coding, Share};
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::intake::shelf::{Sender, SourceName};
use crate::problem::{Fault, Kind, Problem};
use crate::reading;
use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use entry::Organization;
use std::sync::Arc;

/// Below `/v1/sources`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(listing::list))
        .route("/kubernetes/{name}", post(kubernetes::webhook))
        .route(
            "/{name}/quarantine",
            get(quarantine::list).delete(quarantine::drop_items),
        )
        .route("/{name}/quarantine/replay", post(quarantine::replay))
}

/// A call of a source, received whole.
struct Received {
    sender: Sender,
    body: Vec<u8>,
    /// Of the memory that calls in flight may take.
    share: Share,
}

/// Who sends it and all of its body; the answer where it cannot be taken.
async fn receive(
    app: &Arc<App>,
    caller: &Caller,
    name: &str,
    raw: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Received, Problem> {
    let asked =
        sender(app, caller, name, raw).and_then(|sender| Ok((sender, Coding::of(headers)?)));
    let (sender, coding) = match asked {
        Ok(asked) => asked,
        Err(problem) => {
            body::linger(body);
            return Err(problem);
        }
    };
    let mut share = Share::none_yet(app);
    let packed = body::receive(app, headers, body, &mut share).await?;
    let (body, share) = body::unpack(app, coding, packed, share).await?;
    Ok(Received {
        sender,
        body,
        share,
    })
}

/// The source of that name in the organization that is meant: `?organization=`, else the caller's, else the configured one.
fn sender(app: &App, caller: &Caller, name: &str, raw: Option<&str>) -> Result<Sender, Problem> {
    reading::reach(caller, Permission::Record)?;
    let source = source(name)?;
    let mut parameters = Parameters::read(raw)?;
    let mut faults = Vec::new();
    // What an API server says of its own patience.
    parameters.once("timeout", &mut faults);
    let home = caller.principal.home();
    let otherwise = home.unwrap_or(&app.settings.default_organization);
    let organization = organization(&mut parameters, otherwise, &mut faults);
    parameters.finish(&["organization"], faults)?;
    Ok(Sender {
        organization,
        source,
    })
}

fn source(name: &str) -> Result<SourceName, Problem> {
    let says = "a source is named by 1 to 63 of a-z 0-9 . _ -, a letter or digit first";
    SourceName::parse(name).ok_or_else(|| Kind::NotFound.detail(says))
}

/// `?organization=`, else the one given.
fn organization(
    parameters: &mut Parameters,
    otherwise: &Organization,
    faults: &mut Vec<Fault>,
) -> Organization {
    match parameters.once("organization", faults) {
        None => otherwise.clone(),
        Some(text) => Organization::parse(&text).unwrap_or_else(|| {
            faults.push(Fault::parameter("organization", "1 to 63 of a-z 0-9 . _ -"));
            otherwise.clone()
        }),
    }
}

/// Whoever is not let in is told so after its body was heard out.
fn turned_away(first: SignInFirst, body: Body) -> Answer {
    body::linger(body);
    Ok(first.into_response())
}
