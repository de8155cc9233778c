//! Batches on their way to the server, and what became of each item.

use crate::client::{self, Client};
use crate::terminal;
use entry::Draft;
use serde::Deserialize;
use serde_json::Value;
use sources::foreign::Item;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;

/// Well below the server's 10,000, so that progress is seen and memory stays small.
const BATCH_ENTRIES_MAX: usize = 2_000;

/// Bytes of drafts, and of the items they came from.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Audit data is repetitive: the first level already takes nine tenths.
const ZSTD_LEVEL: i32 = 1;

const RETRY_WAIT_MIN: Duration = Duration::from_millis(250);
const RETRY_WAIT_MAX: Duration = Duration::from_secs(10);

/// Items that are sent together.
#[derive(Default)]
pub struct Batch {
    body: Vec<u8>,
    pub items: Vec<Item>,
    raw_bytes: usize,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    Accepted,
    Duplicate,
    Refused(String),
}

#[derive(Deserialize)]
struct Answer {
    receipts: Vec<ReceiptLine>,
}

#[derive(Deserialize)]
struct ReceiptLine {
    status: String,
    error: Option<Value>,
}

impl Batch {
    pub fn push(&mut self, item: Item, draft: &Draft) {
        draft.write_json(&mut self.body);
        self.body.push(b'\n');
        self.raw_bytes += item.raw.len();
        self.items.push(item);
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.items.len() >= BATCH_ENTRIES_MAX
            || self.body.len().max(self.raw_bytes) >= BATCH_BYTES_MAX
    }

    /// Sends until the server answers, for at most `patience`: every draft has an id, so what was stored is recognised.
    /// One receipt per item, in order.
    pub fn send(&self, client: &Client, patience: Duration) -> Result<Vec<Receipt>, client::Error> {
        let body =
            zstd::encode_all(self.body.as_slice(), ZSTD_LEVEL).map_err(|e| client.strange(e))?;
        let headers = [
            ("content-type", "application/x-ndjson"),
            ("content-encoding", "zstd"),
        ];
        let since = Instant::now();
        let mut wait = RETRY_WAIT_MIN;
        let text = loop {
            let error = match client.append(&body, &headers) {
                Ok(text) => break text,
                Err(error) => error,
            };
            let Some(asked) = may_pass(&error) else {
                return Err(error);
            };
            let pause = asked.unwrap_or(wait).clamp(RETRY_WAIT_MIN, RETRY_WAIT_MAX);
            if since.elapsed() + pause > patience {
                return Err(error);
            }
            terminal::say(format_args!(
                "mar-audit: {}; trying again",
                terminal::visible(&error.to_string())
            ));
            std::thread::sleep(pause);
            wait = (wait * 2).min(RETRY_WAIT_MAX);
        };
        let answer: Answer = serde_json::from_str(&text).map_err(|e| client.strange(e))?;
        if answer.receipts.len() != self.items.len() {
            return Err(client.strange(format!(
                "{} receipts for {} entries",
                answer.receipts.len(),
                self.items.len()
            )));
        }
        answer
            .receipts
            .into_iter()
            .map(|line| line.read(client))
            .collect()
    }
}

impl ReceiptLine {
    fn read(self, client: &Client) -> Result<Receipt, client::Error> {
        match self.status.as_str() {
            "accepted" => Ok(Receipt::Accepted),
            "duplicate" => Ok(Receipt::Duplicate),
            "rejected" => Ok(Receipt::Refused(self.error.map_or_else(
                || "no reason was given".to_owned(),
                crate::cli::record::fault,
            ))),
            other => Err(client.strange(format!("an unknown receipt `{other}`"))),
        }
    }
}

/// Whether another try may help, and when the server asks for it.
pub fn may_pass(error: &client::Error) -> Option<Option<Duration>> {
    match error {
        client::Error::Unreachable { .. } | client::Error::Cut { .. } => Some(None),
        client::Error::Refused {
            status,
            retry_after,
            ..
        } => {
            let passes = [
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::BAD_GATEWAY,
                StatusCode::GATEWAY_TIMEOUT,
                StatusCode::INSUFFICIENT_STORAGE,
            ];
            passes.contains(status).then_some(*retry_after)
        }
        client::Error::Address(_)
        | client::Error::Token
        | client::Error::Authorities { .. }
        | client::Error::Untrusted { .. }
        | client::Error::Strange { .. } => None,
    }
}
