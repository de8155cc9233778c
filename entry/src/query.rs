//! The query text: `actor:ana action:create* -result:failure (category:cluster OR category:instance) since:7d`.

use crate::{Filter, Timestamp};

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {position}: {detail}")]
pub struct QueryError {
    /// Byte position in the query text.
    pub position: usize,
    pub detail: String,
    /// The nearest valid thing, if there is one.
    pub suggestion: Option<String>,
}

/// The filter of a query text; `now` resolves relative times.
pub fn parse(_text: &str, _now: Timestamp) -> Result<Filter, QueryError> {
    todo!()
}

/// The instant of `from=`/`to=`: RFC 3339, a date, `now`, or a span before now (`24h`, `7d`, `30m`, `2w`).
pub fn parse_time(_text: &str, _now: Timestamp) -> Result<Timestamp, String> {
    todo!()
}

/// The filter of one URL parameter of the field table, the search box or the times; `None` if the name is none of these.
pub fn parse_parameter(
    _name: &str,
    _value: &str,
    _now: Timestamp,
) -> Option<Result<Filter, QueryError>> {
    todo!()
}
