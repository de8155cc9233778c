//! The leaves of JSON that searches look into: one walk, shared by [`crate::Filter::matches`] and every index.

use crate::Entry;
use crate::limits::LEAVES_INDEXED_MAX;
use std::ops::ControlFlow;

/// Each leaf of `context`: its dotted path without array positions, and its text - a string's content, a number as it
/// is written, `true`, `false`, `null`. In document order, at most [`LEAVES_INDEXED_MAX`]. Neither is folded.
pub fn context_leaves(entry: &Entry, visit: &mut dyn FnMut(&str, &str)) {
    let _ = walk_context(entry, &mut |path, text| {
        visit(path, text);
        ControlFlow::Continue(())
    });
}

/// Every leaf text that [`crate::filter::Term::Words`] looks into: of `context`, of `changes` (paths, values before and
/// after; at most [`LEAVES_INDEXED_MAX`] of each), the error's code and message. Words of two leaves are never a phrase.
pub fn words_leaves(entry: &Entry, visit: &mut dyn FnMut(&str)) {
    let _ = walk_words(entry, &mut |text| {
        visit(text);
        ControlFlow::Continue(())
    });
}

/// Each leaf of a canonical JSON text, without limit: path and text as in [`context_leaves`].
pub fn json_leaves(json: &str, visit: &mut dyn FnMut(&str, &str)) {
    let _ = walk(json, usize::MAX, &mut |path, text| {
        visit(path, text);
        ControlFlow::Continue(())
    });
}

pub(crate) fn walk_context(
    entry: &Entry,
    visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match &entry.context {
        Some(context) => walk(context.as_str(), LEAVES_INDEXED_MAX, visit),
        None => ControlFlow::Continue(()),
    }
}

pub(crate) fn walk_words(
    entry: &Entry,
    visit: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for json in [&entry.context, &entry.changes].into_iter().flatten() {
        walk(json.as_str(), LEAVES_INDEXED_MAX, &mut |_, text| {
            visit(text)
        })?;
    }
    if let Some(error) = &entry.error {
        for text in [&error.code, &error.message].into_iter().flatten() {
            visit(text)?;
        }
    }
    ControlFlow::Continue(())
}

/// Walks canonical JSON in one pass without building a tree. Text that is not JSON ends the walk or gives odd leaves;
/// it never panics.
fn walk(
    json: &str,
    max: usize,
    visit: &mut dyn FnMut(&str, &str) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let bytes = json.as_bytes();
    let (mut at, mut left) = (0, max);
    // The path's length where each open object or array begins.
    let mut open: Vec<usize> = Vec::new();
    let mut path = String::new();
    let mut scratch = String::new();
    while let Some(&byte) = bytes.get(at) {
        let text = match byte {
            b'{' | b'[' => {
                open.push(path.len());
                at += 1;
                continue;
            }
            b'}' | b']' => {
                path.truncate(open.pop().unwrap_or(0));
                at += 1;
                continue;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'"' => {
                let text = string(json, &mut at, &mut scratch);
                // Only a member's name is followed by a colon.
                if bytes.get(at) == Some(&b':') {
                    path.truncate(open.last().copied().unwrap_or(0));
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(text);
                    continue;
                }
                text
            }
            _ => {
                let rest = &json[at..];
                let end = rest.find([',', ']', '}']).unwrap_or(rest.len());
                at += end;
                &rest[..end]
            }
        };
        if left == 0 {
            return ControlFlow::Continue(());
        }
        left -= 1;
        visit(&path, text)?;
    }
    ControlFlow::Continue(())
}

/// The string whose opening quote is at `at`; leaves `at` after its closing quote.
fn string<'a>(json: &'a str, at: &mut usize, scratch: &'a mut String) -> &'a str {
    let start = *at + 1;
    let bytes = json.as_bytes();
    let Some(end) = memchr::memchr2(b'"', b'\\', &bytes[start..]).map(|n| start + n) else {
        *at = json.len();
        return &json[start..];
    };
    if bytes[end] == b'"' {
        *at = end + 1;
        return &json[start..end];
    }
    scratch.clear();
    scratch.push_str(&json[start..end]);
    let mut rest = json[end..].chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => break,
            '\\' => scratch.push(escaped(&mut rest)),
            c => scratch.push(c),
        }
    }
    *at = json.len() - rest.as_str().len();
    scratch
}

/// The character of an escape, after its backslash.
fn escaped(rest: &mut std::str::Chars<'_>) -> char {
    match rest.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => {
            let unit = hex4(rest);
            if !(0xd800..0xdc00).contains(&unit) {
                return char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            let mut ahead = rest.clone();
            if (ahead.next(), ahead.next()) != (Some('\\'), Some('u')) {
                return char::REPLACEMENT_CHARACTER;
            }
            let low = hex4(&mut ahead);
            *rest = ahead;
            char::decode_utf16([unit as u16, low as u16])
                .next()
                .and_then(|c| c.ok())
                .unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        Some(c) => c,
        None => char::REPLACEMENT_CHARACTER,
    }
}

/// Four hexadecimal digits; a surrogate (never a character) where they are not.
fn hex4(rest: &mut std::str::Chars<'_>) -> u32 {
    (0..4)
        .try_fold(0, |value, _| Some(value << 4 | rest.next()?.to_digit(16)?))
        .unwrap_or(0xdfff)
}
