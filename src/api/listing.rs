//! One page of a walk.

use super::query::Query;
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::reading::Reading;
use entry::{Entry, Timestamp};
use std::io::Write;
use store::view::PageQuery;

/// One page, and where to go on.
#[derive(Clone, Debug)]
pub struct Listing {
    pub entries: Vec<Entry>,
    /// `None` when the walk is complete.
    pub next: Option<Cursor>,
    /// The state the walk sees: see [`Reading::as_of`].
    pub as_of: Option<u64>,
}

/// The page of a query. A cursor goes on in the state its first page saw, whatever was appended since.
pub fn list(reading: &Reading, query: &Query) -> Result<Listing, Problem> {
    let cursor = query.cursor.as_ref();
    let as_of = match cursor {
        Some(cursor) => cursor.as_of,
        None => reading.as_of(&query.filter)?,
    };
    let page = reading.page(&PageQuery {
        filter: query.filter.clone(),
        order: query.order,
        direction: query.direction,
        limit: query.limit,
        after: cursor.map(|cursor| cursor.after.clone()),
        as_of: cursor.map(|cursor| cursor.state),
    })?;
    let state = match (cursor, &page.next) {
        (Some(cursor), _) => Some(cursor.state),
        (None, Some(_)) => reading.state()?,
        (None, None) => None,
    };
    let next = page.next.zip(state).map(|(after, state)| Cursor {
        now: query.now,
        state,
        as_of,
        after,
        query: query.digest(),
    });
    Ok(Listing {
        entries: page.entries,
        next,
        as_of,
    })
}

impl Listing {
    /// The answer of `GET /v1/entries`. Entries are written as they are kept: numbers keep their text.
    pub fn to_json(&self, secret: &[u8; 32], complete_through: Option<Timestamp>) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.entries.len() * 800);
        out.extend_from_slice(b"{\"entries\":[");
        for (n, entry) in self.entries.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            entry.write_wire(&mut out);
        }
        out.extend_from_slice(b"],\"next_cursor\":");
        match &self.next {
            Some(cursor) => {
                write!(out, "\"{}\"", cursor.encode(secret)).expect("memory is written")
            }
            None => out.extend_from_slice(b"null"),
        }
        match self.as_of {
            Some(seq) => write!(out, ",\"as_of\":{seq}").expect("memory is written"),
            None => out.extend_from_slice(b",\"as_of\":null"),
        }
        if let Some(at) = complete_through {
            write!(out, ",\"complete_through\":\"{at}\"").expect("memory is written");
        }
        out.push(b'}');
        out
    }
}
