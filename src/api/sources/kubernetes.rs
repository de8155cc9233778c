//! `POST /v1/sources/kubernetes/{name}`: what an API server's `--audit-webhook-config-file` points to.

use super::super::{Answer, json};
use super::{Received, receive, turned_away};
use crate::access::Permission;
use crate::app::App;
use crate::guard::Caller;
use crate::guard::caller::SignInFirst;
use crate::intake::{self, kubernetes};
use crate::problem::{Kind, Problem};
use crate::reading::forbidden;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use std::sync::Arc;

/// Answers once every event is on stable storage, or refuses within a second: 429 and 503 are sent again by the API server.
pub async fn webhook(
    State(app): State<Arc<App>>,
    caller: Result<Caller, SignInFirst>,
    Path(name): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let caller = match caller {
        Ok(caller) => caller,
        Err(first) => return turned_away(first, body),
    };
    let Ok(_place) = app.intake.calls.enter().await else {
        crate::body::linger(body);
        return Err(Kind::Overloaded.detail("too many calls of sources at once"));
    };
    let received = receive(&app, &caller, &name, raw.as_deref(), &headers, body).await?;
    let Received {
        sender,
        body,
        share,
    } = received;
    let origin = kubernetes::origin(sender);
    let of = origin.sender.clone();
    let read = move |app: &Arc<App>| {
        let mut sent = kubernetes::read(&body, &of, app.now())?;
        // What was stored before is compared by this process itself: nothing of it is told to the caller.
        let reading = app.reading(&Caller::process(), Permission::Read)?;
        kubernetes::reconstruct(&reading, &mut sent)?;
        drop(share);
        Ok(sent)
    };
    let until = tokio::time::Instant::now() + app.settings.limits.source_wait;
    let sent = tokio::time::timeout_at(until, app.blocking(read)).await;
    let sent = sent.map_err(|_| slow())??;
    let taken = intake::take(&app, &caller, origin, sent, until).await?;
    if taken.tally.sent > 0 && taken.tally.refused == taken.tally.sent {
        return Err(forbidden(Permission::Record));
    }
    let body = serde_json::to_vec(&taken.tally).expect("numbers are JSON");
    Ok(json(body))
}

fn slow() -> Problem {
    Kind::Overloaded.detail("the server is too slow to answer in time; send it again")
}
