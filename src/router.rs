//! Every route, in one table.

use crate::api::condition;
use crate::api::sources::{hec, otlp};
use crate::app::App;
use crate::{api, export, guard, openapi, pages, tail};
use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use std::sync::Arc;

/// The whole product as one service.
pub fn router(app: Arc<App>) -> Router {
    let v1 = Router::new()
        .route("/entries", get(api::list).post(api::append))
        .route("/entries/{id}", get(api::show))
        .route("/entries/{id}/proof", get(api::proof::show))
        .route("/logs", get(api::logs::list).post(otlp::export))
        .route(
            "/logs/{organization}/checkpoint",
            get(api::logs::checkpoint),
        )
        .route("/logs/{organization}/tile/{*path}", get(api::logs::tile))
        .route("/entries/{id}/redact", post(api::redact::entry))
        .route("/redactions", post(api::redact::person))
        .route("/facets", get(api::count))
        .route("/histogram", get(api::chart))
        .route("/catalogue", get(api::catalogue))
        .route("/export", get(export::export))
        .route("/tail", get(tail::tail))
        .nest("/access", api::access::router())
        .nest("/sources", api::sources::router());
    Router::new()
        .route("/healthz", get(condition::alive))
        .route("/readyz", get(condition::ready))
        .route("/metrics", get(condition::metrics))
        .route("/openapi.json", get(openapi::show))
        .nest("/v1", v1)
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            post(otlp::grpc::export),
        )
        .route(
            "/services/collector",
            post(hec::collect).options(hec::offered),
        )
        .route(
            "/services/collector/event",
            post(hec::collect).options(hec::offered),
        )
        .route(
            "/services/collector/event/1.0",
            post(hec::collect).options(hec::offered),
        )
        .route(
            "/services/collector/raw",
            post(hec::collect_lines).options(hec::offered),
        )
        .route(
            "/services/collector/raw/1.0",
            post(hec::collect_lines).options(hec::offered),
        )
        .route("/services/collector/health", get(hec::health))
        .route("/services/collector/health/1.0", get(hec::health))
        .route("/services/collector/ack", post(hec::acknowledged))
        .merge(pages::router())
        .fallback(guard::no_such_route)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            guard::guard,
        ))
        .with_state(app)
}
