//! Decompression that stops at the limit: 33 KB of zstd can say 1 GiB.

use super::{Share, too_large};
use crate::problem::{Kind, Problem};
use axum::http::{HeaderMap, header};
use entry::limits::BATCH_BYTES_MAX;
use flate2::bufread::MultiGzDecoder;
use std::io::Read;

/// log2 of the largest zstd window, 8 MiB: RFC 9659 lets nobody send more over HTTP, and the window is memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    /// By `Content-Encoding`; one coding at most.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let value = values
            .next()
            .map_or(Ok(""), |value| value.to_str())
            .unwrap_or("?");
        let coding = match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        };
        match (coding, values.next()) {
            (Some(coding), None) => Ok(coding),
            _ => Err(Kind::UnsupportedType
                .detail("Content-Encoding is one of identity, gzip, zstd")
                .header(header::ACCEPT_ENCODING, "identity, gzip, zstd")),
        }
    }
}

/// The body unpacked. Blocks for as long as that takes.
pub fn decode(coding: Coding, packed: Vec<u8>, share: &mut Share) -> Result<Vec<u8>, Problem> {
    match coding {
        Coding::Identity => Ok(packed),
        Coding::Gzip => read(MultiGzDecoder::new(packed.as_slice()), packed.len(), share),
        Coding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(packed.as_slice()).map_err(undecodable)?;
            decoder
                .window_log_max(ZSTD_WINDOW_LOG_MAX)
                .map_err(undecodable)?;
            read(decoder, packed.len(), share)
        }
    }
}

fn read(
    mut decoder: impl Read,
    packed_bytes: usize,
    share: &mut Share,
) -> Result<Vec<u8>, Problem> {
    const STEP: usize = 256 * 1024;
    let mut out = Vec::new();
    loop {
        share.grow_to(packed_bytes + out.len() + STEP)?;
        let before = out.len();
        decoder
            .by_ref()
            .take(STEP as u64)
            .read_to_end(&mut out)
            .map_err(undecodable)?;
        if out.len() > BATCH_BYTES_MAX {
            return Err(too_large());
        }
        if out.len() == before {
            return Ok(out);
        }
    }
}

fn undecodable(error: std::io::Error) -> Problem {
    let said = error.to_string();
    // zstd's word for a window over the limit, which does not say which.
    let why = if said.contains("too much memory") {
        "its zstd window is larger than 8 MiB, the most that RFC 9659 allows over HTTP"
    } else {
        &said
    };
    Kind::BadEncoding.detail(format!("the body does not decompress: {why}"))
}
