//! Case folding, words, and the leaves of `context` and `changes`.
//!
//! Folding is defined so that *contains, ignoring case* is `fold(haystack).contains(fold(needle))`, and likewise for
//! equality, prefix and suffix. It works character by character: Unicode's full lower-casing, and `ς` becomes `σ`.
//! What that means where cases do not pair up: `Σ`, `σ` and `ς` are one letter wherever they stand; `ß` and `ẞ` are one
//! letter but not `ss`; `İ` becomes `i` and a combining dot above, so it is found by `i`, while `ı` stays itself;
//! accents count, and no normalisation is done (`é` as one code point is not `e` and a combining accent).

mod leaves;

pub use leaves::{context_leaves, json_leaves, words_leaves};
pub(crate) use leaves::{walk_context, walk_words};

use crate::limits::WORD_BYTES_MAX;
use std::borrow::Cow;

/// Folded text: what case-insensitive comparison compares. Folding twice changes nothing.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return match text.bytes().any(|b| b.is_ascii_uppercase()) {
            true => Cow::Owned(text.to_ascii_lowercase()),
            false => Cow::Borrowed(text),
        };
    }
    Cow::Owned(
        text.chars()
            .flat_map(char::to_lowercase)
            .map(one_sigma)
            .collect(),
    )
}

fn one_sigma(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}

/// `fold(value) == folded`, without allocating for ASCII.
pub fn equals(value: &str, folded: &str) -> bool {
    match value.is_ascii() {
        true => value.eq_ignore_ascii_case(folded),
        false => fold(value) == folded,
    }
}

/// `fold(value).starts_with(folded)`, without allocating for ASCII.
pub fn starts_with(value: &str, folded: &str) -> bool {
    match value.is_ascii() {
        true => value
            .as_bytes()
            .get(..folded.len())
            .is_some_and(|v| v.eq_ignore_ascii_case(folded.as_bytes())),
        false => fold(value).starts_with(folded),
    }
}

/// `fold(value).ends_with(folded)`, without allocating for ASCII.
pub fn ends_with(value: &str, folded: &str) -> bool {
    match value.is_ascii() {
        true => value
            .len()
            .checked_sub(folded.len())
            .is_some_and(|at| value.as_bytes()[at..].eq_ignore_ascii_case(folded.as_bytes())),
        false => fold(value).ends_with(folded),
    }
}

/// Values up to this length are searched by a plain loop, which is quadratic but never allocates.
const SHORT: usize = 256;

/// `fold(value).contains(folded)`, without allocating for ASCII of ordinary length.
pub fn contains(value: &str, folded: &str) -> bool {
    let Some(&first) = folded.as_bytes().first() else {
        return true;
    };
    if !value.is_ascii() {
        return fold(value).contains(folded);
    }
    if value.len() > SHORT {
        return memchr::memmem::find(fold(value).as_bytes(), folded.as_bytes()).is_some();
    }
    let windows = value.as_bytes().windows(folded.len());
    windows
        .into_iter()
        .any(|w| w[0].to_ascii_lowercase() == first && w.eq_ignore_ascii_case(folded.as_bytes()))
}

/// The words of a text in order: maximal runs of alphanumeric characters of the folded text, each cut to
/// [`WORD_BYTES_MAX`] at a character boundary. A query's words are cut likewise, so a longer word finds its like.
pub fn words(text: &str, visit: &mut dyn FnMut(&str)) {
    for run in fold(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty())
    {
        visit(&run[..run.floor_char_boundary(WORD_BYTES_MAX)]);
    }
}

/// The words of a text as one searchable text, ` a b c ` (a space before and after each): a phrase occurs in a leaf if
/// its sequence occurs in the leaf's. Empty when there is no word. Replaces what `out` held.
pub(crate) fn word_sequence(text: &str, out: &mut String) {
    out.clear();
    words(text, &mut |word| {
        if out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        out.push(' ');
    });
}

#[cfg(test)]
mod tests;
