//! A filter as query text: stable, so that it can stand for the filter in cursors and in records of what was exported.

use super::{Filter, Pattern, Term};
use crate::field::Field;
use crate::query::{is_slug, is_special};
use std::fmt;

/// Query text; [`crate::query::parse`] gives the filter back in its plainest form, unless it is masked.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(all) if !all.is_empty() => joined(f, all, " "),
            Filter::Or(any) if !any.is_empty() => joined(f, any, " OR "),
            one => single(f, one),
        }
    }
}

fn joined(f: &mut fmt::Formatter<'_>, members: &[Filter], between: &str) -> fmt::Result {
    for (n, member) in members.iter().enumerate() {
        if n > 0 {
            f.write_str(between)?;
        }
        single(f, member)?;
    }
    Ok(())
}

/// What can stand after a minus and beside others.
fn single(f: &mut fmt::Formatter<'_>, filter: &Filter) -> fmt::Result {
    match filter {
        Filter::And(none) if none.is_empty() => f.write_str("*"),
        Filter::Or(none) if none.is_empty() => f.write_str("-*"),
        Filter::And(_) | Filter::Or(_) => write!(f, "({filter})"),
        Filter::Not(filter) => {
            f.write_str("-")?;
            single(f, filter)
        }
        Filter::Term(term) => write!(f, "{term}"),
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Search(text) => write!(f, "search:{}", word(text)),
            Term::Words(text) => f.write_str(&word(text)),
            Term::Value(field, pattern) => {
                // Unquoted, it would be read as a network or checked against what the field can hold.
                let checked = matches!(pattern, Pattern::Exact(_))
                    && match field {
                        Field::Ip => true,
                        Field::Organization => !is_slug(pattern.text()),
                        field => field.vocabulary().is_some(),
                    };
                let known = field
                    .vocabulary()
                    .is_some_and(|words| words.contains(&pattern.text()));
                let text = if checked && !known {
                    quoted(pattern.text())
                } else {
                    word(pattern.text())
                };
                write!(f, "{}:{}", field.name(), starred(pattern, &text))
            }
            Term::Network(cidr) => write!(f, "ip:{cidr}"),
            Term::Has(field) => write!(f, "has:{}", field.name()),
            Term::Context(path, pattern) => {
                f.write_str("context.")?;
                for c in path.chars() {
                    if is_special(c) {
                        f.write_str("\\")?;
                    }
                    write!(f, "{c}")?;
                }
                write!(f, ":{}", starred(pattern, &word(pattern.text())))
            }
            Term::HasContext(path) => write!(f, "has:{}", word(&format!("context.{path}"))),
            Term::From(at) => write!(f, "from:{at}"),
            Term::To(at) => write!(f, "to:{at}"),
            // Not to be read back: who may see what is never said by a query.
            Term::Masked(mask, term) => write!(f, "{term}[without {mask}]"),
        }
    }
}

fn starred(pattern: &Pattern, text: &str) -> String {
    match pattern {
        Pattern::Exact(_) => text.to_owned(),
        Pattern::Prefix(_) => format!("{text}*"),
        Pattern::Suffix(_) => format!("*{text}"),
        Pattern::Substring(_) => format!("*{text}*"),
    }
}

/// The text as a word where it reads the same, else in quotes.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '/' | '-');
    // The operators are words too.
    let operator = matches!(text, "OR" | "AND" | "NOT");
    match !text.is_empty() && !operator && !text.starts_with('-') && text.chars().all(plain) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// The text as a phrase.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
