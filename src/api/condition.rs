//! How the server is: alive, ready, measured.

use crate::access::{Extent, Permission, Reach};
use crate::app::App;
use crate::guard::caller::SignInFirst;
use crate::guard::{Caller, Circumstances};
use crate::problem::{Kind, Problem};
use crate::reading::forbidden;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use entry::{Mask, Seq};
use prometheus_client::encoding::text::encode;
use std::sync::Arc;
use store::Health;

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: entries can be appended. A full disk keeps the server ready, since it still answers everything else and a
/// restart would not help; a failed sync or a damaged file does not: a person must come.
pub async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Problem> {
    match app.store.health() {
        Health::Ready => Ok("ready\n"),
        Health::NoSpace { .. } => Ok("ready to answer; nothing is appended, the disk is full\n"),
        Health::Latched { .. } => {
            Err(Kind::Latched.detail("a sync of the journal failed; restart the server"))
        }
        Health::Damaged { path, what } => {
            let path = path.display();
            Err(Kind::Damaged.detail(format!(
                "{path} is damaged: {what}; searches may miss entries of it, stop the server and run check"
            )))
        }
    }
}

/// Measures are sums over all organizations: nothing for who manages one of them.
fn manages_all(caller: &Caller) -> bool {
    let manages = caller.principal.reach(Permission::ManageAccess);
    manages.contains(&Extent::Server, Mask::all())
}

/// `GET /metrics` in Prometheus' text form: to who manages access to all of the server, and to a collector on this machine.
pub async fn metrics(
    State(app): State<Arc<App>>,
    circumstances: Extension<Circumstances>,
    headers: HeaderMap,
    caller: Result<Caller, SignInFirst>,
) -> Result<Response, Problem> {
    match caller {
        Ok(caller) if manages_all(&caller) => {}
        _ if circumstances.is_loopback(&headers) => {}
        Ok(_) => return Err(forbidden(Permission::ManageAccess)),
        Err(first) => return Ok(first.into_response()),
    }
    let logs = app.store.logs();
    let entries: u64 = logs.iter().map(|log| log.size).sum();
    app.metrics
        .log_entries
        .set(i64::try_from(entries).unwrap_or(i64::MAX));
    app.metrics
        .logs
        .set(i64::try_from(logs.len()).unwrap_or(i64::MAX));
    app.metrics
        .ready
        .set(i64::from(app.store.health() == Health::Ready));
    // Not through the gate: measures are wanted most when it is full.
    let measured = {
        let app = Arc::clone(&app);
        tokio::task::spawn_blocking(move || checkpoints(&app)).await
    };
    let (covered, lag_seconds) =
        measured.map_err(|_| Kind::Internal.detail("the checkpoints cannot be measured"))?;
    app.metrics
        .checkpoint_size
        .set(i64::try_from(covered).unwrap_or(i64::MAX));
    app.metrics.checkpoint_lag_seconds.set(lag_seconds);
    let mut text = String::new();
    encode(&mut text, &app.metrics.registry)
        .map_err(|_| Kind::Internal.detail("the metrics cannot be written"))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// How many entries checkpoints cover, and for how many seconds the oldest that none covers has been stored.
fn checkpoints(app: &App) -> (u64, f64) {
    let (mut covered, mut oldest) = (0, None);
    let reading = app.reading_within(Reach::everything());
    for organization in reading.logs() {
        let published = app.store.published(organization);
        let size = published.map_or(0, |published| published.size());
        covered += size;
        // A damaged entry is told by whoever reads it; the other measures must not fall silent with it.
        let places = reading.places(organization);
        let waiting = places.and_then(|mut places| places.get(Seq(size)).ok().flatten());
        let since = waiting.map(|kept| kept.received_at);
        oldest = oldest.into_iter().chain(since).min();
    }
    let micros = oldest.map_or(0, |since| app.now().as_micros() - since.as_micros());
    (covered, micros.max(0) as f64 / 1e6)
}
