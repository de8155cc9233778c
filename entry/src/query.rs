//! The query text: `actor:ana action:create* -result:failure (category:cluster OR category:instance) since:7d`.
//!
//! ```text
//! query     = any ;                       nothing written: everything
//! any       = all *( "OR" all )
//! all       = one *( [ "AND" ] one )
//! one       = ( "NOT" / "-" ) one / "(" any ")" / name ":" values / name ":(" any ")" / phrase / word / "*"
//! name      = a field / "context." path / "search" / "has" / "since" / "from" / "before" / "until" / "to"
//! values    = value *( "," value )        any of them
//! value     = [ "*" ] ( phrase / word ) [ "*" ]
//! phrase    = <"> text <">                with \" and \\
//! ```
//!
//! - The three operators are upper-case; `or` is a word. In `field:( … )` words are values of that field.
//! - A star at the end is a prefix, at the start a suffix, on both sides a substring, alone "has a value".
//! - `ip:` takes networks. A phrase is taken as it is: no star, no network, no check against a vocabulary.
//! - A word or phrase without a name is [`Term::Words`](crate::filter::Term::Words).
//! - Outside phrases a backslash takes the meaning from `\ " ( ) , * : -` and white space, and is itself before all else.
//!
//! A filter's `Display` is a query: parsed, it gives the filter in its plainest form.

mod condition;
mod parameters;
mod parser;
mod value;

pub(crate) use condition::is_slug;
pub use parameters::{ParameterError, parameter_value};
pub(crate) use parser::is_special;

use crate::{Filter, Timestamp};

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {position}: {detail}")]
pub struct QueryError {
    /// Byte position in the query text: at a character, or at its end.
    pub position: usize,
    pub detail: String,
    /// The nearest valid thing, if there is one.
    pub suggestion: Option<String>,
}

/// The filter of a query text; `now` resolves relative times.
pub fn parse(text: &str, now: Timestamp) -> Result<Filter, QueryError> {
    parser::parse(text, now)
}

/// The instant of `from=`/`to=`: RFC 3339, a date (its first instant in UTC), `now`, or a span before now, with `now-`
/// before it or not: `90s`, `30m`, `24h`, `7d`, `2w`. The error is a sentence.
pub fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(now);
    }
    if let Some(before) = span(text.strip_prefix("now-").unwrap_or(text)) {
        let instant = before
            .and_then(|before| now.as_micros().checked_sub(before))
            .and_then(Timestamp::from_micros);
        return instant
            .ok_or_else(|| format!("{} before now is before year 1", value::shown(text)));
    }
    let date = text.len() == 10 && text.as_bytes()[4] == b'-';
    let instant = match date {
        true => Timestamp::parse(&format!("{text}T00:00:00Z")),
        false => Timestamp::parse(text),
    };
    instant.map_err(|why| match text.as_bytes().get(4) {
        Some(b'-') => format!("{} is no time: {why}", value::shown(text)),
        _ => format!(
            "{} is no time; write 2026-10-05T09:31:22Z, 2026-10-05, now, or a span before now such as 24h or 7d",
            value::shown(text)
        ),
    })
}

/// The microseconds of `7d`; `None` if it is not written like a span, `Some(None)` if it is too long to count.
fn span(text: &str) -> Option<Option<i64>> {
    let (at, unit) = text.char_indices().next_back()?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = &text[..at];
    let written = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    written.then(|| digits.parse::<i64>().ok()?.checked_mul(seconds * 1_000_000))
}

#[cfg(test)]
mod tests;
