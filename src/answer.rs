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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers up to this size are not counted: on every connection at once they take 64 MiB.
const FREE_BYTES: u64 = 64 * 1024;

/// Bytes of an answer and their share of the memory for answers; given back once they are sent or dropped.
struct Held<B, S> {
    bytes: B,
    _share: S,
}

impl<B: AsRef<[u8]>, S> AsRef<[u8]> for Held<B, S> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// The share of an answer that grows while it is made.
pub struct Share {
    of: Arc<Semaphore>,
    /// All there is, in KiB: one answer alone always passes.
    max: usize,
    taken: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub fn none_of(app: &App) -> Self {
        Self {
            of: Arc::clone(&app.answers_in_flight),
            max: app.settings.limits.answers_in_flight_max / 1024,
            taken: None,
        }
    }

    /// Takes what is missing for an answer of so many bytes; false if that is not there, and then takes nothing.
    pub fn reach(&mut self, bytes: usize) -> bool {
        if bytes as u64 <= FREE_BYTES {
            return true;
        }
        let has = self
            .taken
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let wants = bytes.div_ceil(1024).min(self.max).saturating_sub(has);
        if wants == 0 {
            return true;
        }
        let more = u32::try_from(wants).ok();
        let more = more.and_then(|n| Arc::clone(&self.of).try_acquire_many_owned(n).ok());
        match (more, &mut self.taken) {
            (None, _) => return false,
            (Some(more), Some(taken)) => taken.merge(more),
            (more, taken) => *taken = more,
        }
        true
    }

    /// A body that gives the share back once it is sent.
    pub fn into_body(self, bytes: Vec<u8>) -> Body {
        let held = Held {
            bytes,
            _share: self,
        };
        Body::from(Bytes::from_owner(held))
    }
}

/// Says of an answer that its bytes are counted already.
#[derive(Clone, Copy)]
pub struct Counted;

/// The answer with its share of the memory for answers; 503 where that is used up. Streams, whose size nobody knows, are
/// bounded where they are made. Receipts are never withheld: what they speak of is stored.
pub async fn hold(app: &App, method: &Method, response: Response) -> Response {
    let size = response.body().size_hint().exact();
    let counted = response.extensions().get::<Counted>().is_some();
    let Some(size) = size.filter(|size| *size > FREE_BYTES && !counted) else {
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
