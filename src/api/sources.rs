//! `/v1/sources`: what other systems send in their own words, what became of it, and what waits for a mapping.
//!
//! - [`call`]: what all of them share: who sends, whose log it is for, the bytes, the place among others
//! - [`kubernetes`]: the API server's webhook
//! - [`otlp`], [`cloudevents`], [`elastic`], [`hec`]: what many systems speak, answered in their own words
//! - [`listing`]: which sources there are, and how they are
//! - [`rhythm`]: whether a source that says nothing should have
//! - [`quarantine`]: what waits for a mapping

mod call;
mod cloudevents;
mod elastic;
pub mod hec;
mod kubernetes;
pub mod listing;
pub mod otlp;
pub mod quarantine;
mod rhythm;

use super::query::Parameters;
use crate::app::App;
use crate::intake::shelf::SourceName;
use crate::problem::{Fault, Kind, Problem};
use axum::Router;
use axum::routing::{get, post};
use entry::Organization;
use std::sync::Arc;

/// Below `/v1/sources`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(listing::list))
        .route("/kubernetes/{name}", post(kubernetes::webhook))
        .route(
            "/kubernetes/{organization}/{name}",
            post(kubernetes::webhook_of),
        )
        .route("/otlp/{name}/v1/logs", post(otlp::export_named))
        .route("/cloudevents/{name}", post(cloudevents::deliver))
        .route("/elastic/{name}", get(elastic::about))
        .route("/elastic/{name}/", get(elastic::about))
        .route("/elastic/{name}/_license", get(elastic::license))
        .route(
            "/elastic/{name}/_bulk",
            post(elastic::bulk).put(elastic::bulk),
        )
        .route(
            "/elastic/{name}/{index}/_bulk",
            post(elastic::bulk_of).put(elastic::bulk_of),
        )
        .route(
            "/hec/{name}/services/collector",
            post(hec::collect_named).options(hec::offered),
        )
        .route(
            "/hec/{name}/services/collector/event",
            post(hec::collect_named).options(hec::offered),
        )
        .route(
            "/hec/{name}/services/collector/event/1.0",
            post(hec::collect_named).options(hec::offered),
        )
        .route(
            "/hec/{name}/services/collector/raw",
            post(hec::collect_lines_named).options(hec::offered),
        )
        .route(
            "/hec/{name}/services/collector/raw/1.0",
            post(hec::collect_lines_named).options(hec::offered),
        )
        .route("/hec/{name}/services/collector/health", get(hec::health))
        .route(
            "/hec/{name}/services/collector/health/1.0",
            get(hec::health),
        )
        .route(
            "/hec/{name}/services/collector/ack",
            post(hec::acknowledged),
        )
        .route(
            "/{name}/quarantine",
            get(quarantine::list).delete(quarantine::drop_items),
        )
        .route("/{name}/quarantine/replay", post(quarantine::replay))
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
