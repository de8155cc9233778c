//! Case folding, words, and the leaves of `context` and `changes`.

/// Folded text: what case-insensitive comparison compares. Unicode simple lower-casing, char by char.
pub fn fold(_text: &str) -> String {
    todo!()
}

/// The words of a text: maximal runs of alphanumeric characters, folded, cut to `limits::WORD_BYTES_MAX`.
pub fn words(_text: &str, _visit: &mut dyn FnMut(&str)) {
    todo!()
}
