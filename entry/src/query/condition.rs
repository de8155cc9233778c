//! The condition of a name and a value: what queries and URL parameters share.

use super::parse_time;
use super::value::{Refusal, Value, shown};
use crate::address::Cidr;
use crate::field::Field;
use crate::filter::{Filter, Term};
use crate::{Organization, Timestamp, text, words};

/// What stands before the colon or the equals sign.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Field(Field),
    /// A path of context.
    Context(Box<str>),
    Search,
    Has,
    From,
    To,
}

const CONTEXT: &str = "context.";

/// The names of queries that are no fields. `since` and `before` read better in a sentence.
const OTHERS: &[&str] = &[
    "search", "has", "since", "from", "before", "until", "to", CONTEXT,
];

impl Name {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "search" => Some(Name::Search),
            "has" => Some(Name::Has),
            "since" | "from" => Some(Name::From),
            "before" | "until" | "to" => Some(Name::To),
            _ => match name.strip_prefix(CONTEXT) {
                Some(path) => (!path.is_empty()).then(|| Name::Context(path.into())),
                None => Field::parse(name).map(Name::Field),
            },
        }
    }

    /// The condition that one value is.
    pub fn condition(&self, value: &Value, now: Timestamp) -> Result<Filter, Refusal> {
        let term = match self {
            Name::Field(field) if value.anything() => Term::Has(*field),
            Name::Field(field) => field_term(*field, value)?,
            Name::Context(path) if value.anything() => Term::HasContext(path.clone()),
            Name::Context(path) => Term::Context(path.clone(), value.pattern()),
            Name::Search if value.stars() => {
                return Err(Refusal::new("search finds parts of names without a star"));
            }
            Name::Search => Term::search(&value.text),
            Name::Has | Name::From | Name::To if value.stars() => {
                return Err(Refusal::new("no star can stand here"));
            }
            Name::Has => has_term(&value.text)?,
            Name::From => Term::From(parse_time(&value.text, now).map_err(Refusal::new)?),
            Name::To => Term::To(parse_time(&value.text, now).map_err(Refusal::new)?),
        };
        Ok(term.into())
    }
}

fn field_term(field: Field, value: &Value) -> Result<Term, Refusal> {
    if !value.stars() && !value.literal {
        match field.vocabulary() {
            Some(known) if !known.iter().any(|word| text::equals(&value.text, word)) => {
                return Err(no_such_word(field, &value.text, &known));
            }
            None if field == Field::Ip => {
                if let Some(network) = Cidr::parse(&value.text) {
                    return Ok(Term::Network(network));
                }
                if value.text.contains('/') {
                    let detail = format!(
                        "{} is no network; write 10.0.0.0/8 or 2001:db8::/32",
                        shown(&value.text)
                    );
                    return Err(Refusal::new(detail));
                }
            }
            None if field == Field::Organization && !is_slug(&value.text) => {
                return Err(Refusal::new(format!(
                    "{} is no organization: 1 to 63 of a-z, 0-9, dot, underscore and hyphen",
                    shown(&value.text)
                )));
            }
            _ => {}
        }
    }
    Ok(Term::Value(field, value.pattern()))
}

/// What an organization could be called, in any case.
pub(crate) fn is_slug(text: &str) -> bool {
    Organization::parse(&text::fold(text)).is_some()
}

fn no_such_word(field: Field, given: &str, known: &[&'static str]) -> Refusal {
    let (last, rest) = known.split_last().expect("a vocabulary has words");
    Refusal {
        detail: format!(
            "{} is {} or {last}, not {}",
            field.name(),
            rest.join(", "),
            shown(given)
        ),
        suggestion: near(given, known.iter().copied()),
    }
}

fn has_term(name: &str) -> Result<Term, Refusal> {
    match Name::parse(name) {
        Some(Name::Field(field)) => Ok(Term::Has(field)),
        Some(Name::Context(path)) => Ok(Term::HasContext(path)),
        _ => Err(Refusal {
            detail: format!("no field is named {}", shown(name)),
            suggestion: near(
                name,
                Field::ALL.iter().map(|field| field.name()).chain([CONTEXT]),
            ),
        }),
    }
}

/// The name that an unknown one was probably meant to be.
pub(super) fn near_name(name: &str) -> Option<String> {
    near(
        name,
        Field::ALL
            .iter()
            .map(|field| field.name())
            .chain(OTHERS.iter().copied()),
    )
}

/// The word that begins with the one given, or the nearest by edits.
fn near(given: &str, known: impl Iterator<Item = &'static str> + Clone) -> Option<String> {
    let given = text::fold(given).replace([' ', '-'], "_");
    let begun = known
        .clone()
        .find(|word| given.len() >= 3 && word.starts_with(&*given));
    begun
        .or_else(|| words::nearest(&given, known))
        .map(str::to_owned)
}
