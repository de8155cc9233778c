//! Tokens: what an entry is found by besides its dictionaries - words and values of context, words of error and changes.
//!
//! A token is a kind, a text, and for context the leaf's dotted path after a zero byte:
//!
//! | kind | text | of |
//! |---|---|---|
//! | `v` | the folded leaf, whole | a context leaf of at most 64 bytes without white space or control characters |
//! | `w` | a word | a context leaf, unless the word is the whole leaf and has its `v` |
//! | `p` | - | every context leaf: its path |
//! | `l` | - | a context leaf with a word longer than is indexed: its path |
//! | `e` | a word | error and changes |

use entry::limits::{LEAVES_INDEXED_MAX, WORD_BYTES_MAX};
use entry::{Entry, text};

pub const VALUE: u8 = b'v';
pub const WORD: u8 = b'w';
pub const PATH: u8 = b'p';
pub const LONG: u8 = b'l';
pub const ELSEWHERE: u8 = b'e';

/// The longest leaf that has a token of its own.
const VALUE_BYTES_MAX: usize = 64;

/// A token's bytes.
pub fn token(kind: u8, text: &str, path: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    write(kind, text, path, &mut out);
    out
}

fn write(kind: u8, text: &str, path: Option<&str>, out: &mut Vec<u8>) {
    out.clear();
    out.push(kind);
    out.extend_from_slice(text.as_bytes());
    if let Some(path) = path {
        if kind == VALUE || kind == WORD {
            out.push(0);
        }
        out.extend_from_slice(path.as_bytes());
    }
}

/// True if a folded leaf has a token of its own, so that asking for it needs no look at the entry.
pub fn is_value(folded: &str) -> bool {
    !folded.is_empty()
        && folded.len() <= VALUE_BYTES_MAX
        && !folded.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Text and path of a `v` or `w` token.
pub fn split(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = token.get(1..)?;
    let zero = memchr::memchr(0, body)?;
    Some((&body[..zero], &body[zero + 1..]))
}

/// Calls `visit` with every token of an entry, some perhaps more than once.
pub fn each(entry: &Entry, visit: &mut dyn FnMut(&[u8])) {
    let mut token = Vec::new();
    text::context_leaves(entry, &mut |path, leaf| {
        of_leaf(path, leaf, &mut token, visit)
    });
    let mut elsewhere = |leaf: &str| {
        text::words(leaf, &mut |word| {
            write(ELSEWHERE, word, None, &mut token);
            visit(&token);
        });
    };
    if let Some(changes) = &entry.changes {
        let mut left = LEAVES_INDEXED_MAX;
        text::json_leaves(changes.as_str(), &mut |_, leaf| {
            if left > 0 {
                left -= 1;
                elsewhere(leaf);
            }
        });
    }
    if let Some(error) = &entry.error {
        [&error.code, &error.message]
            .into_iter()
            .flatten()
            .for_each(|leaf| elsewhere(leaf));
    }
}

fn of_leaf(path: &str, leaf: &str, token: &mut Vec<u8>, visit: &mut dyn FnMut(&[u8])) {
    write(PATH, "", Some(path), token);
    visit(token);
    let folded = text::fold(leaf);
    let whole = is_value(&folded);
    if whole {
        write(VALUE, &folded, Some(path), token);
        visit(token);
    }
    let mut long = false;
    text::words(&folded, &mut |word| {
        // A cut word is at most three bytes short of the limit: characters are not split.
        long |= word.len() + 3 >= WORD_BYTES_MAX;
        if !(whole && word == folded) {
            write(WORD, word, Some(path), token);
            visit(token);
        }
    });
    if long {
        write(LONG, "", Some(path), token);
        visit(token);
    }
}
