//! The bytes of a call: how many, how fast, how packed. Memory is reserved before it is filled.

mod decode;

use decode::decode;

pub use decode::Coding;

use crate::app::App;
use crate::problem::{Kind, Problem};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use entry::limits::BATCH_BYTES_MAX;
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// After an answer that did not wait for the body, its rest is read and dropped for this long: a caller that is still
/// sending would otherwise meet a reset connection instead of the answer.
const LINGER: Duration = Duration::from_secs(3);

/// A batch of a thousand entries as most callers send them. Room for it is address space until bytes arrive.
const BATCH_ORDINARY_BYTES: usize = 1024 * 1024;

/// A share of the memory that calls in flight may take; given back on drop.
pub struct Share {
    of: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Share {
    pub fn none_yet(app: &App) -> Self {
        Self {
            of: Arc::clone(&app.bytes_in_flight),
            taken: None,
        }
    }

    /// Makes the share at least `bytes` large.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let held = self
            .taken
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(1024).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| too_large())?;
        let more = Arc::clone(&self.of)
            .try_acquire_many_owned(missing)
            .map_err(|_| {
                Kind::Overloaded
                    .detail("the batches in flight already take all memory set aside for them")
            })?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

/// A batch as drafts takes up to so many times its JSON.
pub const PARSED_PER_BYTE: usize = 4;

/// Waits for the memory that a batch takes once it is parsed, in the order of asking: whoever has it needs nothing more to
/// be stored and give it back. Those who wait are bounded by the bytes they hold meanwhile.
pub async fn room_to_parse(app: &App, decoded_bytes: usize) -> OwnedSemaphorePermit {
    let room = app.settings.limits.parsed_bytes_in_flight_max / 1024;
    let wanted = (decoded_bytes * PARSED_PER_BYTE).div_ceil(1024).min(room);
    let wanted = u32::try_from(wanted).expect("a batch is no larger than its limit");
    let waited = Arc::clone(&app.parsed_in_flight).acquire_many_owned(wanted);
    waited.await.expect("the room is never closed")
}

/// The body unpacked, by a thread that may block where there is something to unpack.
pub async fn unpack(
    app: &Arc<App>,
    coding: Coding,
    packed: Vec<u8>,
    mut share: Share,
) -> Result<(Vec<u8>, Share), Problem> {
    if coding == Coding::Identity {
        return Ok((packed, share));
    }
    app.blocking(move |_| Ok((decode(coding, packed, &mut share)?, share)))
        .await
}

/// Reads the whole body as sent: at most [`BATCH_BYTES_MAX`], no longer silent than `body_wait`, no slower than the slowest
/// allowed sender.
pub async fn receive(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    share: &mut Share,
) -> Result<Vec<u8>, Problem> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > BATCH_BYTES_MAX as u64) {
        linger(body);
        return Err(too_large());
    }
    let mut body = body;
    match read(app, &mut body, share, announced.unwrap_or(0)).await {
        Ok(bytes) => Ok(bytes),
        Err(problem) => {
            linger(body);
            Err(problem)
        }
    }
}

async fn read(
    app: &App,
    body: &mut Body,
    share: &mut Share,
    announced: u64,
) -> Result<Vec<u8>, Problem> {
    let limits = &app.settings.limits;
    let started = Instant::now();
    // An announcement costs nothing to make: beyond an ordinary batch, memory follows what arrives.
    let mut bytes =
        Vec::with_capacity(usize::try_from(announced).map_or(0, |n| n.min(BATCH_ORDINARY_BYTES)));
    loop {
        let earned = Duration::from_millis(
            bytes.len() as u64 * 1000 / limits.body_bytes_per_second_min.max(1),
        );
        let deadline = (started + limits.body_wait + earned).min(Instant::now() + limits.body_wait);
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Err(_) => {
                return Err(
                    Kind::Timeout.detail(format!("{} bytes arrived, then too little", bytes.len()))
                );
            }
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(error))) => {
                return Err(Kind::BadRequest.detail(format!("the body broke off: {error}")));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let data: Bytes = frame.into_data().unwrap_or_default();
        if bytes.len() + data.len() > BATCH_BYTES_MAX {
            return Err(too_large());
        }
        share.grow_to(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
}

/// Reads and drops what is still coming, beside the answer.
pub fn linger(mut body: Body) {
    if hyper::body::Body::is_end_stream(&body) {
        return;
    }
    let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(tokio::time::timeout(LINGER, rest));
}

pub(crate) fn too_large() -> Problem {
    Kind::TooLarge.detail(format!(
        "a batch may hold {BATCH_BYTES_MAX} bytes after decompression; send several"
    ))
}
