//! `POST /v1/sources/cloudevents/{name}`: CloudEvents over HTTP, structured, in batches or binary.

use super::super::Answer;
use super::call::{Call, Parsed, told, unreadable};
use super::source;
use crate::app::App;
use crate::intake::{claims_of, protocols};
use axum::extract::{Path, State};
use axum::http::header;
use sources::cloudevents;
use std::sync::Arc;

/// Answers once every event is on stable storage, or kept beside.
pub async fn deliver(State(app): State<Arc<App>>, Path(name): Path<String>, call: Call) -> Answer {
    let source = match source(&name) {
        Ok(source) => source,
        Err(problem) => return Err(call.refuse(problem)),
    };
    let mut received = call.receive(&app, source).await?;
    received.takes_no_more_parameters(&app)?;
    let headers = received.headers.clone();
    let sender = received.sender().clone();
    let read = move |app: &Arc<App>, body: &[u8]| {
        let claims = claims_of(&sender, app.now());
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        let said = headers.iter();
        let said = said.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let table = app.settings.tables.of(&sender);
        let table = table.unwrap_or(cloudevents::table());
        let sent = cloudevents::read(kind, said, body, table, &claims);
        let sent = sent.map_err(unreadable)?;
        let origin = protocols::origin(sender, cloudevents::FORMAT);
        let parts = vec![(origin, sent)];
        Ok(Parsed { parts, more: () })
    };
    let wait = app.settings.limits.exporter_wait;
    let (taken, ()) = received.take(&app, wait, read).await?;
    told(&taken[0])
}
