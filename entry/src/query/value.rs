//! One value as it is written, in a query or in a URL parameter: text between stars.

use crate::filter::Pattern;

/// Text between stars.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    pub leading: bool,
    pub text: String,
    pub trailing: bool,
    /// Quoted or escaped: neither a network nor a word of a vocabulary is looked for in it.
    pub literal: bool,
    /// A phrase is complete; only a star may follow.
    pub closed: bool,
}

pub(super) const INNER_STAR: &str =
    "a star stands at the start or the end of a value; written \\* it is part of the text";

impl Value {
    /// An unescaped star.
    pub fn star(&mut self) {
        match self.text.is_empty() && !self.closed {
            true => self.leading = true,
            false => self.trailing = true,
        }
    }

    /// The next character of the text; refused after a star that ended it.
    pub fn push(&mut self, c: char) -> Result<(), Refusal> {
        if self.trailing {
            return Err(Refusal::new(INNER_STAR));
        }
        self.text.push(c);
        Ok(())
    }

    pub fn stars(&self) -> bool {
        self.leading || self.trailing
    }

    /// Nothing but stars: any value.
    pub fn anything(&self) -> bool {
        self.stars() && self.text.is_empty() && !self.literal
    }

    pub fn is_blank(&self) -> bool {
        self.text.is_empty() && !self.literal && !self.stars()
    }

    pub fn pattern(&self) -> Pattern {
        match (self.leading, self.trailing) {
            (false, false) => Pattern::exact(&self.text),
            (false, true) => Pattern::prefix(&self.text),
            (true, false) => Pattern::suffix(&self.text),
            (true, true) => Pattern::substring(&self.text),
        }
    }
}

/// Why a value is refused, before its place is known.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub detail: String,
    pub suggestion: Option<String>,
}

impl Refusal {
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            suggestion: None,
        }
    }
}

/// A text of the caller's inside a sentence of ours: quoted, cut where it is long.
pub(super) fn shown(text: &str) -> String {
    const MAX: usize = 60;
    match text.len() > MAX {
        true => format!("`{}…`", &text[..text.floor_char_boundary(MAX)]),
        false => format!("`{text}`"),
    }
}
