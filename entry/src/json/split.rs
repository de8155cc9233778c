//! Where the elements of an array begin and end, without reading them: so that a bad element is refused alone.

use super::{Invalid, Value, parse_stored};
use std::borrow::Cow;
use std::ops::Range;

/// Why an array could not be split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The array itself is no JSON.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("more than {max} elements")]
    TooMany { max: usize },
}

/// The byte ranges of the elements of a JSON array, without the white space around them.
///
/// Only strings and nesting are followed; whether an element is JSON is for [`super::parse`] to say of that element.
pub fn split_array(bytes: &[u8], max: usize) -> Result<Vec<Range<usize>>, SplitError> {
    let mut at = skip_white(bytes, 0);
    if bytes.get(at) != Some(&b'[') {
        return Err(refuse(at, "expected an array").into());
    }
    at = skip_white(bytes, at + 1);
    let mut elements = Vec::new();
    if bytes.get(at) == Some(&b']') {
        return finish(bytes, at + 1, elements);
    }
    loop {
        let from = skip_white(bytes, at);
        let end = element_end(bytes, from)?;
        let element = from..from + bytes[from..end].trim_ascii_end().len();
        if element.is_empty() {
            return Err(refuse(end, "expected an element").into());
        }
        if elements.len() == max {
            return Err(SplitError::TooMany { max });
        }
        elements.push(element);
        at = end + 1;
        if bytes[end] == b']' {
            return finish(bytes, at, elements);
        }
    }
}

/// The names of a canonical object's members, and where their values are. `None` for anything else.
pub(crate) fn members(object: &str) -> Option<Vec<(Cow<'_, str>, Range<usize>)>> {
    let bytes = object.as_bytes();
    let mut members = Vec::new();
    if object == "{}" {
        return Some(members);
    }
    let mut at = 0;
    loop {
        // The brace, or the comma.
        at += 1;
        let colon = string_end(bytes, at).ok()? + 1;
        let end = element_end(bytes, colon + 1).ok()?;
        members.push((name(object.get(at..colon)?)?, colon + 1..end));
        at = end;
        if bytes[end] == b'}' {
            return (end + 1 == bytes.len()).then_some(members);
        }
    }
}

/// The name in quotes; few have escapes.
fn name(quoted: &str) -> Option<Cow<'_, str>> {
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.into());
    }
    match parse_stored(quoted.as_bytes()) {
        Ok(Value::String(name)) => Some(name),
        _ => None,
    }
}

fn finish(
    bytes: &[u8],
    at: usize,
    elements: Vec<Range<usize>>,
) -> Result<Vec<Range<usize>>, SplitError> {
    let rest = skip_white(bytes, at);
    if rest < bytes.len() {
        return Err(refuse(rest, "expected nothing more after the array").into());
    }
    Ok(elements)
}

/// The `,` or `]` after the element that begins at `from`.
fn element_end(bytes: &[u8], from: usize) -> Result<usize, Invalid> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at)?,
            b'[' | b'{' => depth += 1,
            b',' | b']' | b'}' if depth == 0 => return Ok(at),
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Err(refuse(bytes.len(), "the array does not end"))
}

/// The closing quote of the string whose opening quote is at `from`.
fn string_end(bytes: &[u8], from: usize) -> Result<usize, Invalid> {
    let mut at = from + 1;
    loop {
        match memchr::memchr2(b'"', b'\\', &bytes[at.min(bytes.len())..]) {
            None => return Err(refuse(bytes.len(), "a string does not end")),
            Some(run) if bytes[at + run] == b'"' => return Ok(at + run),
            Some(run) => at += run + 2,
        }
    }
}

fn skip_white(bytes: &[u8], from: usize) -> usize {
    let white = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    from + bytes[from..].iter().take_while(|b| white(b)).count()
}

fn refuse(at: usize, what: &str) -> Invalid {
    Invalid {
        pointer: String::new(),
        detail: format!("not JSON at byte {at}: {what}"),
    }
}
