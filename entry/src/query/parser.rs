//! Query text to filter: one pass, left to right, by recursive descent of bounded depth.

use super::QueryError;
use super::condition::{Name, near_name};
use super::value::{Refusal, Value, shown};
use crate::Timestamp;
use crate::field::Field;
use crate::filter::{Filter, Term, quoted};
use crate::limits::{QUERY_BYTES_MAX, QUERY_DEPTH_MAX, QUERY_TERMS_MAX};

type Parsed<T> = Result<T, QueryError>;

pub(super) fn parse(text: &str, now: Timestamp) -> Parsed<Filter> {
    if text.len() > QUERY_BYTES_MAX {
        let detail = format!(
            "a query has at most {QUERY_BYTES_MAX} bytes, this has {}",
            text.len()
        );
        return Err(error(text.floor_char_boundary(QUERY_BYTES_MAX), detail));
    }
    let mut parser = Parser {
        text,
        at: 0,
        now,
        terms: 0,
        depth: 0,
        group: None,
    };
    parser.skip_space();
    if parser.at == text.len() {
        return Ok(Filter::everything());
    }
    let filter = parser.any()?;
    match parser.peek() {
        None => Ok(filter.simplified()),
        Some(_) => Err(error(parser.at, "no parenthesis is open here")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    now: Timestamp,
    terms: usize,
    depth: usize,
    /// In `name:( … )`: whose values the words are.
    group: Option<Name>,
}

fn error(position: usize, detail: impl Into<String>) -> QueryError {
    QueryError {
        position,
        detail: detail.into(),
        suggestion: None,
    }
}

fn refused(position: usize, refusal: Refusal) -> QueryError {
    QueryError {
        position,
        detail: refusal.detail,
        suggestion: refusal.suggestion,
    }
}

/// Characters that a backslash makes ordinary.
pub(crate) fn is_special(c: char) -> bool {
    matches!(c, '\\' | '"' | '(' | ')' | ',' | '*' | ':' | '-') || c.is_whitespace()
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes an operator, if it is the next word.
    fn operator(&mut self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else {
            return false;
        };
        if !after
            .chars()
            .next()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
        {
            return false;
        }
        self.at += word.len();
        self.skip_space();
        true
    }

    fn any(&mut self) -> Parsed<Filter> {
        let mut members = vec![self.all()?];
        while self.operator("OR") {
            members.push(self.all()?);
        }
        Ok(Filter::Or(members))
    }

    fn all(&mut self) -> Parsed<Filter> {
        let mut members = vec![self.one()?];
        loop {
            let named = self.operator("AND");
            let end = self.peek().is_none_or(|c| c == ')') || self.is_or();
            if end && !named {
                return Ok(Filter::And(members));
            }
            members.push(self.one()?);
        }
    }

    fn is_or(&mut self) -> bool {
        let at = self.at;
        let found = self.operator("OR");
        self.at = at;
        found
    }

    /// One condition and the space after it.
    fn one(&mut self) -> Parsed<Filter> {
        let start = self.at;
        for word in ["OR", "AND"] {
            if self.operator(word) {
                let detail = format!("{word} joins two conditions; in quotes it is a word");
                return Err(error(start, detail));
            }
        }
        let filter = match self.peek() {
            None => return Err(error(start, "a condition is missing here")),
            Some(')') => {
                return Err(error(
                    start,
                    "a condition is missing before this parenthesis",
                ));
            }
            Some('(') => self.parenthesis(start, None)?,
            Some('-') => {
                self.at += 1;
                if self.peek().is_none_or(|c| c.is_whitespace() || c == ')') {
                    return Err(error(
                        start,
                        "a condition must follow - at once; in quotes it is a text",
                    ));
                }
                self.not(start)?
            }
            _ if self.operator("NOT") => self.not(start)?,
            _ => self.condition()?,
        };
        self.skip_space();
        Ok(filter)
    }

    fn not(&mut self, start: usize) -> Parsed<Filter> {
        self.deeper(start)?;
        let filter = self.one()?;
        self.depth -= 1;
        Ok(Filter::Not(Box::new(filter)))
    }

    fn deeper(&mut self, start: usize) -> Parsed<()> {
        self.depth += 1;
        match self.depth > QUERY_DEPTH_MAX {
            true => Err(error(
                start,
                format!("a query nests at most {QUERY_DEPTH_MAX} deep"),
            )),
            false => Ok(()),
        }
    }

    /// `( any )`, where `at` is at the opening parenthesis.
    fn parenthesis(&mut self, start: usize, name: Option<Name>) -> Parsed<Filter> {
        self.deeper(start)?;
        let outer = name.map(|name| self.group.replace(name));
        self.at += 1;
        self.skip_space();
        let filter = self.any()?;
        if self.next() != Some(')') {
            return Err(error(start, "this parenthesis is not closed"));
        }
        if let Some(outer) = outer {
            self.group = outer;
        }
        self.depth -= 1;
        self.must_end("a closing parenthesis")?;
        Ok(filter)
    }

    /// After what is complete: space, a closing parenthesis, or the end.
    fn must_end(&self, what: &str) -> Parsed<()> {
        match self.peek() {
            Some(c) if !c.is_whitespace() && c != ')' => {
                Err(error(self.at, format!("a space is missing after {what}")))
            }
            _ => Ok(()),
        }
    }

    fn condition(&mut self) -> Parsed<Filter> {
        if let Some(name) = self.group.clone() {
            return self.values(&name);
        }
        let start = self.at;
        let value = self.value(Place::Word)?;
        if self.peek() == Some(':') && !value.closed {
            let name = self.name(start)?;
            self.at += 1;
            return match self.peek() {
                Some('(') => self.parenthesis(self.at, Some(name)),
                _ => self.values(&name),
            };
        }
        self.count(start)?;
        if value.anything() {
            return Ok(Filter::everything());
        }
        let written = &self.text[start..self.at];
        if value.stars() {
            let suggestion = Some(format!("search:{}", quoted(&value.text)));
            let detail = "a star needs a field, such as action:create*";
            return Err(QueryError {
                position: start,
                detail: detail.into(),
                suggestion,
            });
        }
        if let Some((name, value)) = written.split_once('=').filter(|_| !value.literal)
            && let Some(field) = Field::parse(name.trim_end_matches('!'))
        {
            let not = if name.ends_with('!') { "-" } else { "" };
            let suggestion = Some(format!("{not}{}:{value}", field.name()));
            return Err(QueryError {
                position: start,
                detail: "a field is asked with a colon".into(),
                suggestion,
            });
        }
        Ok(Term::words(&value.text).into())
    }

    /// The name that ends before the colon at `at`.
    fn name(&self, start: usize) -> Parsed<Name> {
        let written = unescaped(&self.text[start..self.at]);
        Name::parse(&written).ok_or_else(|| {
            let whole = self
                .rest()
                .find(char::is_whitespace)
                .map_or(self.text.len(), |end| self.at + end);
            let suggestion = near_name(&written)
                .map(|name| {
                    if name.ends_with('.') {
                        format!("{name}key:")
                    } else {
                        format!("{name}:")
                    }
                })
                .unwrap_or_else(|| quoted(&self.text[start..whole]));
            QueryError {
                position: start,
                detail: format!("no field is named {}", shown(&written)),
                suggestion: Some(suggestion),
            }
        })
    }

    /// One value or several with commas between: any of them.
    fn values(&mut self, name: &Name) -> Parsed<Filter> {
        let mut members = Vec::new();
        loop {
            let start = self.at;
            let value = self.value(Place::Value)?;
            if value.is_blank() {
                return Err(error(start, "a value is missing here"));
            }
            self.count(start)?;
            members.push(
                name.condition(&value, self.now)
                    .map_err(|refusal| refused(start, refusal))?,
            );
            if self.peek() != Some(',') {
                return Ok(Filter::Or(members));
            }
            self.at += 1;
        }
    }

    fn count(&mut self, start: usize) -> Parsed<()> {
        self.terms += 1;
        match self.terms > QUERY_TERMS_MAX {
            true => Err(error(
                start,
                format!("a query has at most {QUERY_TERMS_MAX} conditions"),
            )),
            false => Ok(()),
        }
    }

    /// A word or phrase with its stars, up to what ends it.
    fn value(&mut self, place: Place) -> Parsed<Value> {
        let mut value = Value::default();
        while let Some(c) = self.peek() {
            let start = self.at;
            let ends = c.is_whitespace() || c == ')';
            if ends || (place == Place::Value && c == ',') || (place == Place::Word && c == ':') {
                break;
            }
            self.at += c.len_utf8();
            match c {
                '*' => value.star(),
                '"' if value.text.is_empty() && !value.closed => self.phrase(start, &mut value)?,
                _ if value.closed => {
                    return Err(error(start, "a space is missing after the closing quote"));
                }
                '"' | '(' => {
                    return Err(error(
                        start,
                        format!("a text that holds {c} must be in quotes"),
                    ));
                }
                '\\' if self.peek().is_some_and(is_special) => {
                    let special = self.next().expect("it was peeked");
                    value.literal = true;
                    value
                        .push(special)
                        .map_err(|refusal| refused(start, refusal))?;
                }
                c => value.push(c).map_err(|refusal| refused(start, refusal))?,
            }
        }
        if value.closed && place == Place::Word && self.peek() == Some(':') {
            return Err(error(self.at, "a space is missing after the closing quote"));
        }
        Ok(value)
    }

    /// The phrase whose opening quote was taken.
    fn phrase(&mut self, start: usize, value: &mut Value) -> Parsed<()> {
        (value.literal, value.closed) = (true, true);
        loop {
            match self.next() {
                None => return Err(error(start, "this quote is not closed")),
                Some('"') => return Ok(()),
                Some('\\') if matches!(self.peek(), Some('"' | '\\')) => {
                    value.text.push(self.next().expect("it was peeked"));
                }
                Some(c) => value.text.push(c),
            }
        }
    }
}

/// Where a value stands decides what ends it: a colon ends a name, a comma one of several values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Word,
    Value,
}

fn unescaped(written: &str) -> String {
    let mut name = String::with_capacity(written.len());
    let mut rest = written.chars().peekable();
    while let Some(c) = rest.next() {
        let escaped = rest.next_if(|&next| c == '\\' && is_special(next));
        name.push(escaped.unwrap_or(c));
    }
    name
}
