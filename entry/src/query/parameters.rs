//! URL parameters to filter: the second face of the field table.

use super::condition::Name;
use super::parse;
use super::value::{Refusal, Value};
use crate::field::Field;
use crate::filter::{Filter, Term};
use crate::limits::PARAMETER_TERMS_MAX;
use crate::{Timestamp, text};
use std::borrow::Cow;

/// What is wrong with one parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {detail}")]
pub struct ParameterError {
    pub name: String,
    pub value: String,
    pub detail: String,
    /// The nearest valid thing, if there is one.
    pub suggestion: Option<String>,
    /// Byte position in the value, for `q`.
    pub position: Option<usize>,
}

/// What one parameter's name asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Query,
    Values { name: Name, negated: bool },
}

impl Asked {
    /// `None` if the name is none of a filter's.
    fn parse(name: &str) -> Option<Self> {
        if name == "q" {
            return Some(Asked::Query);
        }
        // `field!=x` arrives as the name `field!`.
        let positive = name.strip_prefix('-').or_else(|| name.strip_suffix('!'));
        let asked = Name::parse(positive.unwrap_or(name))?;
        let negatable = !matches!(asked, Name::From | Name::To);
        let plain = !matches!(name, "since" | "before" | "until");
        (plain && (positive.is_none() || negatable)).then(|| Asked::Values {
            name: asked,
            negated: positive.is_some(),
        })
    }
}

impl Filter {
    /// The filter of a URL's decoded parameters, and the names that are not a filter's.
    ///
    /// `search`, `q`, `from`, `to`, `has`, every field and `context.PATH`; all names combine with AND. Values of one name,
    /// repeated or with commas between, are any of; `-name=` and `name!=` are none of. `search` is one text, commas and
    /// stars included. Repeated `q`, `from` and `to` all hold. Blank values, and `all` for a closed vocabulary, are no
    /// condition: forms send them. Blanks around a value are none of it. A backslash before `,`, `*`, `/`, `\` or a blank
    /// makes it part of the text.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: Timestamp,
    ) -> Result<(Filter, Vec<&'a str>), Vec<ParameterError>> {
        let mut groups: Vec<(Asked, Vec<Filter>)> = Vec::new();
        let (mut others, mut errors, mut terms) = (Vec::new(), Vec::new(), 0);
        for (name, value) in parameters {
            let Some(asked) = Asked::parse(name) else {
                others.push(name);
                continue;
            };
            match asked.conditions(value, now) {
                Ok(conditions) => {
                    terms += conditions.iter().map(Filter::terms).sum::<usize>();
                    if terms > PARAMETER_TERMS_MAX {
                        let detail = format!(
                            "at most {PARAMETER_TERMS_MAX} conditions can be asked at once"
                        );
                        return Err(vec![failure(name, value, Refusal::new(detail), None)]);
                    }
                    match groups.iter_mut().find(|(known, _)| *known == asked) {
                        Some((_, members)) => members.extend(conditions),
                        None => groups.push((asked, conditions)),
                    }
                }
                Err((refusal, position)) => errors.push(failure(name, value, refusal, position)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let conditions = groups
            .into_iter()
            .map(|(asked, members)| asked.join(members));
        Ok((Filter::And(conditions.collect()).simplified(), others))
    }
}

fn failure(name: &str, value: &str, refusal: Refusal, position: Option<usize>) -> ParameterError {
    let Refusal { detail, suggestion } = refusal;
    ParameterError {
        name: name.into(),
        value: value.into(),
        detail,
        suggestion,
        position,
    }
}

impl Asked {
    /// The conditions of one value as sent; none if it is blank.
    fn conditions(
        &self,
        value: &str,
        now: Timestamp,
    ) -> Result<Vec<Filter>, (Refusal, Option<usize>)> {
        if value.trim().is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Asked::Query => match parse(value, now) {
                Ok(filter) => Ok(vec![filter]),
                Err(error) => {
                    let refusal = Refusal {
                        detail: error.detail,
                        suggestion: error.suggestion,
                    };
                    Err((refusal, Some(error.position)))
                }
            },
            // People paste with blanks around.
            Asked::Values {
                name: Name::Search, ..
            } => Ok(vec![Term::search(value.trim()).into()]),
            Asked::Values {
                name: name @ (Name::From | Name::To),
                ..
            } => {
                let text = with_plus(value.trim());
                let value = Value {
                    text: text.into_owned(),
                    literal: true,
                    ..Value::default()
                };
                Ok(vec![
                    name.condition(&value, now)
                        .map_err(|refusal| (refusal, None))?,
                ])
            }
            Asked::Values { name, .. } => {
                let written = listed(value).map_err(|refusal| (refusal, None))?;
                let meant = written.iter().filter(|value| !value.is_blank());
                meant
                    .map(|value| match asks_for_all(name, value) {
                        true => Ok(Filter::everything()),
                        false => name
                            .condition(value, now)
                            .map_err(|refusal| (refusal, None)),
                    })
                    .collect()
            }
        }
    }

    /// What the values of all parameters of one name mean together.
    fn join(&self, members: Vec<Filter>) -> Filter {
        match self {
            _ if members.is_empty() => Filter::everything(),
            Asked::Query
            | Asked::Values {
                name: Name::From | Name::To,
                ..
            } => Filter::And(members),
            // `all` is no condition, negated or not.
            Asked::Values { .. } if members.contains(&Filter::everything()) => Filter::everything(),
            Asked::Values { negated: false, .. } => Filter::Or(members),
            Asked::Values { negated: true, .. } => Filter::Not(Box::new(Filter::Or(members))),
        }
    }
}

fn asks_for_all(name: &Name, value: &Value) -> bool {
    let closed = matches!(name, Name::Field(field) if field.vocabulary().is_some());
    closed && !value.stars() && !value.literal && text::equals(&value.text, "all")
}

/// An offset's `+` that was sent unencoded arrives as a blank: `2026-10-05T09:31:22 02:00`.
fn with_plus(text: &str) -> Cow<'_, str> {
    match text
        .len()
        .checked_sub(6)
        .filter(|&at| at >= 19 && text.as_bytes()[at] == b' ')
    {
        Some(at) => Cow::Owned(format!("{}+{}", &text[..at], &text[at + 1..])),
        None => Cow::Borrowed(text),
    }
}

/// The values of `a, b*,c\,d`, without the blanks around each.
fn listed(text: &str) -> Result<Vec<Value>, Refusal> {
    let mut values = vec![Value::default()];
    // Blanks that belong to the value if more of it follows.
    let mut blanks = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let value = values.last_mut().expect("it starts with one");
        if c == ',' {
            values.push(Value::default());
            blanks.clear();
            continue;
        }
        if c.is_whitespace() {
            if !value.is_blank() {
                blanks.push(c);
            }
            continue;
        }
        for blank in blanks.drain(..) {
            value.push(blank)?;
        }
        match c {
            '*' => value.star(),
            '\\' => match rest.next_if(|&next| is_special(next) || next.is_whitespace()) {
                Some(special) => {
                    value.literal = true;
                    value.push(special)?;
                }
                None => value.push(c)?,
            },
            c => value.push(c)?,
        }
    }
    Ok(values)
}

fn is_special(c: char) -> bool {
    matches!(c, '\\' | ',' | '*' | '/')
}

/// A value of a field as a parameter that means exactly it: for links. Percent-encoding is the URL's business.
pub fn parameter_value(field: Field, value: &str) -> Cow<'_, str> {
    let special = |c: char| is_special(c) && (c != '/' || field == Field::Ip);
    if !value.contains(special) && value.trim().len() == value.len() {
        return Cow::Borrowed(value);
    }
    let last = value.char_indices().next_back().map(|(at, _)| at);
    let mut escaped = String::with_capacity(value.len() + 4);
    for (at, c) in value.char_indices() {
        let at_end = at == 0 || Some(at) == last;
        if special(c) || (at_end && c.is_whitespace()) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Cow::Owned(escaped)
}
