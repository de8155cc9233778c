//! `POST /v1/sources/kubernetes/{name}`: what an API server's `--audit-webhook-config-file` points to.

use super::super::Answer;
use super::call::{Call, Parsed, told};
use super::source;
use crate::access::Permission;
use crate::app::App;
use crate::guard::Caller;
use crate::intake::kubernetes;
use crate::problem::Kind;
use axum::extract::{Path, State};
use entry::Organization;
use std::sync::Arc;
use std::time::Instant;

/// `POST /v1/sources/kubernetes/{organization}/{name}`: an API server leaves out what stands behind the path of its address.
pub async fn webhook_of(
    State(app): State<Arc<App>>,
    Path((organization, name)): Path<(String, String)>,
    call: Call,
) -> Answer {
    match Organization::parse(&organization) {
        Some(organization) => webhook(State(app), Path(name), call.of(organization)).await,
        None => {
            let says = "an organization is named by 1 to 63 of a-z 0-9 . _ -";
            Err(call.refuse(Kind::NotFound.detail(says)))
        }
    }
}

/// Answers once every event is on stable storage, or refuses within a second: the API server sends it again.
pub async fn webhook(State(app): State<Arc<App>>, Path(name): Path<String>, call: Call) -> Answer {
    let source = match source(&name) {
        Ok(source) => source,
        Err(problem) => return Err(call.refuse(problem)),
    };
    let mut received = call.receive(&app, source).await?;
    let wait = app.settings.limits.source_wait;
    // Half of the time is for looking back; the rest is for storing.
    let until = Instant::now() + wait / 2;
    // What an API server says of its own patience.
    received.parameter("timeout");
    received.takes_no_more_parameters(&app)?;
    let sender = received.sender().clone();
    let read = move |app: &Arc<App>, body: &[u8]| {
        let mut sent = kubernetes::read(body, &sender, app.now())?;
        // What was stored before is compared by this process itself: nothing of it is told to the caller.
        let reading = app.reading(&Caller::process(), Permission::Read)?;
        kubernetes::reconstruct(&reading, &sender.organization, &mut sent, until)?;
        let parts = vec![(kubernetes::origin(sender), sent)];
        Ok(Parsed { parts, more: () })
    };
    let (taken, ()) = received.take(&app, wait, read).await?;
    told(&taken[0])
}
