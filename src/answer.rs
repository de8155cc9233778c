//! The bytes of answers: a caller that asks and never reads holds them for as long as its connection is waited for.

use crate::app::App;
use crate::problem::Kind;
use axum::body::Body;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Answers up to this size are not counted: on every connection at once they take 64 MiB.
const FREE_BYTES: u64 = 64 * 1024;

/// Bytes of an answer and their share of the memory for answers; given back once they are sent or dropped.
struct Held {
    bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer with its share of the memory for answers; 503 where that is used up. Streams, whose size nobody knows, are
/// bounded where they are made. Receipts are never withheld: what they speak of is stored.
pub async fn hold(app: &App, method: &Method, response: Response) -> Response {
    let size = response.body().size_hint().exact();
    let Some(size) = size.filter(|size| *size > FREE_BYTES) else {
        return response;
    };
    // One answer alone always passes, whatever its size.
    let wanted = size
        .div_ceil(1024)
        .min(app.settings.limits.answers_in_flight_max as u64 / 1024);
    let share = u32::try_from(wanted).ok().and_then(|n| {
        Arc::clone(&app.answers_in_flight)
            .try_acquire_many_owned(n)
            .ok()
    });
    let Some(share) = share else {
        if method == Method::POST {
            return response;
        }
        return Kind::Overloaded
            .detail("answers that are not read yet already take all memory set aside for them")
            .into_response();
    };
    let (head, body) = response.into_parts();
    // A body of known size is in memory already: nothing is waited for.
    match body.collect().await {
        Ok(whole) => {
            let bytes = whole.to_bytes();
            let held = Bytes::from_owner(Held {
                bytes,
                _share: share,
            });
            Response::from_parts(head, Body::from(held))
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be made");
            Kind::Internal
                .detail("the server failed on this call; its log says more")
                .into_response()
        }
    }
}
