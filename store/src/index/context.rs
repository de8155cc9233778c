//! Conditions on context, error and changes: by tokens.

use super::Found;
use crate::rowset::RowSet;
use crate::segment::Segment;
use crate::segment::tokens::{self, ELSEWHERE, LONG, PATH, VALUE, WORD};
use entry::filter::Pattern;
use entry::text;
use memchr::memmem::Finder;

/// Rows in which all words occur in context, error or changes; one word is exact, a phrase is to be looked at.
pub(super) fn phrase(segment: &Segment, phrase: &str) -> Found {
    let mut rows: Option<RowSet> = None;
    let mut words = 0;
    text::words(phrase, &mut |word| {
        words += 1;
        if rows.as_ref().is_none_or(|rows| !rows.is_empty()) {
            let next = with_word(segment, word);
            rows = Some(match rows.take() {
                Some(rows) => rows.and(next),
                None => next,
            });
        }
    });
    let rows = rows.unwrap_or_else(|| RowSet::none(segment.len()));
    match words {
        0 | 1 => Found::exact(rows),
        _ => Found::perhaps(rows),
    }
}

fn with_word(segment: &Segment, word: &str) -> RowSet {
    let texts = segment.tokens();
    let of_kind = |kind| {
        let mut prefix = tokens::token(kind, word, None);
        prefix.push(0);
        texts.with_prefix(&prefix)
    };
    let elsewhere = texts.find(&tokens::token(ELSEWHERE, word, None));
    let tokens = of_kind(VALUE).chain(of_kind(WORD)).chain(elsewhere);
    rows_of(segment, tokens)
}

/// Rows of which some leaf at a path may match a pattern.
pub(super) fn leaf(segment: &Segment, path: &str, pattern: &Pattern) -> Found {
    let wanted = pattern.text();
    match pattern {
        Pattern::Exact(_) if tokens::is_value(wanted) => Found::exact(with_token(
            segment,
            &tokens::token(VALUE, wanted, Some(path)),
        )),
        Pattern::Exact(_) => Found::perhaps(with_all_words(segment, path, wanted)),
        // Every leaf contains the empty text.
        _ if wanted.is_empty() => {
            Found::exact(with_token(segment, &tokens::token(PATH, "", Some(path))))
        }
        _ => Found::perhaps(with_part(segment, path, wanted)),
    }
}

/// Rows with a leaf at a path, or below it.
pub(super) fn having(segment: &Segment, path: &str) -> RowSet {
    let texts = segment.tokens();
    let at = tokens::token(PATH, "", Some(path));
    let below = [&at[..], b"."].concat();
    rows_of(
        segment,
        texts.find(&at).into_iter().chain(texts.with_prefix(&below)),
    )
}

fn with_token(segment: &Segment, token: &[u8]) -> RowSet {
    rows_of(segment, segment.tokens().find(token).into_iter())
}

/// Rows with every word of a text in leaves at a path; all rows with such a leaf if it has no word.
fn with_all_words(segment: &Segment, path: &str, text: &str) -> RowSet {
    let mut rows = with_token(segment, &tokens::token(PATH, "", Some(path)));
    text::words(text, &mut |word| {
        if rows.is_empty() {
            return;
        }
        // The word may be the whole of a leaf only where the text is that word, and then it would have been a value.
        let found = with_token(segment, &tokens::token(WORD, word, Some(path)));
        rows = std::mem::replace(&mut rows, RowSet::none(0)).and(found);
    });
    rows
}

/// Rows with a part of a text in a leaf at a path: its longest run of word characters, wherever it occurs in a token.
fn with_part(segment: &Segment, path: &str, text: &str) -> RowSet {
    let runs = text.split(|c: char| !c.is_alphanumeric());
    let run = runs.max_by_key(|run| run.len()).unwrap_or("");
    if run.is_empty() {
        return with_token(segment, &tokens::token(PATH, "", Some(path)));
    }
    let texts = segment.tokens();
    let finder = Finder::new(run.as_bytes());
    let mut found = Vec::new();
    for kind in [VALUE, WORD] {
        texts.sweep(&finder, texts.with_prefix(&[kind]), |token| {
            let parts = tokens::split(texts.get(token));
            if parts.is_some_and(|(text, at)| at == path.as_bytes() && finder.find(text).is_some())
            {
                found.push(token);
            }
        });
    }
    // Words longer than are indexed may hold it beyond their cut.
    found.extend(texts.find(&tokens::token(LONG, "", Some(path))));
    rows_of(segment, found.into_iter())
}

/// Rows of any of the tokens.
fn rows_of(segment: &Segment, tokens: impl Iterator<Item = u32> + Clone) -> RowSet {
    let len = segment.len();
    let postings = segment.token_rows();
    let total: u64 = tokens
        .clone()
        .map(|token| u64::from(postings.count(token)))
        .sum();
    if RowSet::is_sparse(len, total) {
        let mut rows = Vec::with_capacity(total as usize);
        tokens.for_each(|token| postings.list(token).for_each(&mut |row| rows.push(row)));
        return RowSet::of_rows(len, rows);
    }
    let mut bits = vec![0; len.div_ceil(64) as usize];
    tokens.for_each(|token| postings.list(token).set_bits(&mut bits));
    RowSet::of_bits(len, bits)
}
