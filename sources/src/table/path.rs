//! Places in foreign JSON: JSON pointers with a few more tokens, for the arrays that other systems keep their members in.
//!
//! `/a/b` a member of a member; `/a/0` an element, `/a/-1` the last; `/a/*/b` any element; `/a/[name=x]/b` the elements whose member `name` is `x`;
//! `$/a` the whole event, where a rule looks at one element of it. `~1` is a slash in a name, `~0` a tilde.

use entry::json::{Object, Value};

/// One place, or several where arrays are passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    tokens: Vec<Token>,
    /// From the whole event, even where a rule looks at an element.
    pub whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(Box<str>),
    Last,
    Any,
    Where { name: Box<str>, is: Box<str> },
}

/// The most values one path finds: a hostile array must not make a rule slow.
const FOUND_MAX: usize = 1_000;

impl Path {
    /// Why it is no path, where it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (whole, rest) = match text.strip_prefix('$') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest.is_empty() && whole {
            return Ok(Self {
                tokens: Vec::new(),
                whole,
            });
        }
        let rest = rest
            .strip_prefix('/')
            .ok_or_else(|| format!("`{text}` is no path: paths begin with `/` or `$/`"))?;
        let tokens = rest
            .split('/')
            .map(Token::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self { tokens, whole })
    }

    /// The JSON pointer, if it names one place whatever the event holds, through objects alone.
    pub fn plain(&self) -> Option<Vec<&str>> {
        self.tokens
            .iter()
            .map(|token| match token {
                Token::Name(name) => Some(name.as_ref()),
                _ => None,
            })
            .collect()
    }

    /// Calls `found` with each value there, until it returns true.
    pub fn walk<'v, 'a>(
        &self,
        value: &'v Value<'a>,
        any_case: bool,
        found: &mut dyn FnMut(&'v Value<'a>) -> bool,
    ) {
        let mut left = FOUND_MAX;
        step(&self.tokens, value, any_case, &mut left, found);
    }
}

impl Token {
    fn parse(text: &str) -> Result<Self, String> {
        let unescaped = |text: &str| text.replace("~1", "/").replace("~0", "~").into_boxed_str();
        Ok(match text {
            "*" => Token::Any,
            "-1" => Token::Last,
            _ => match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
                None => Token::Name(unescaped(text)),
                Some(within) => {
                    let (name, is) = within.split_once('=').ok_or_else(|| {
                        format!("`{text}`: an element is chosen by `[name=text]`")
                    })?;
                    Token::Where {
                        name: unescaped(name),
                        is: unescaped(is),
                    }
                }
            },
        })
    }
}

/// The member of that name, in any letters where the table says so.
pub fn member<'v, 'a>(
    object: &'v Object<'a>,
    name: &str,
    any_case: bool,
) -> Option<(&'v str, &'v Value<'a>)> {
    object.iter().find(|(known, _)| *known == name).or_else(|| {
        let mut members = object.iter();
        members.find(|(known, _)| any_case && known.eq_ignore_ascii_case(name))
    })
}

/// True when enough was found.
fn step<'v, 'a>(
    tokens: &[Token],
    value: &'v Value<'a>,
    any_case: bool,
    left: &mut usize,
    found: &mut dyn FnMut(&'v Value<'a>) -> bool,
) -> bool {
    let Some((token, rest)) = tokens.split_first() else {
        *left -= 1;
        return found(value) || *left == 0;
    };
    match (token, value) {
        (Token::Name(name), Value::Object(object)) => {
            let value = match object.get(name) {
                Some(value) => Some(value),
                None if any_case => member(object, name, true).map(|(_, value)| value),
                None => None,
            };
            value.is_some_and(|value| step(rest, value, any_case, left, found))
        }
        (Token::Name(name), Value::Array(elements)) => name
            .parse::<usize>()
            .ok()
            .and_then(|at| elements.get(at))
            .is_some_and(|value| step(rest, value, any_case, left, found)),
        (Token::Last, Value::Array(elements)) => elements
            .last()
            .is_some_and(|value| step(rest, value, any_case, left, found)),
        (Token::Any, Value::Array(elements)) => elements
            .iter()
            .any(|value| step(rest, value, any_case, left, found)),
        (Token::Any, Value::Object(object)) => object
            .iter()
            .any(|(_, value)| step(rest, value, any_case, left, found)),
        (Token::Where { name, is }, Value::Array(elements)) => elements.iter().any(|element| {
            let of_it = element.as_object().and_then(|o| member(o, name, any_case));
            let chosen = of_it.is_some_and(|(_, value)| match value {
                Value::String(text) => text == is.as_ref(),
                Value::Number(text) => text == is.as_ref(),
                _ => false,
            });
            chosen && step(rest, element, any_case, left, found)
        }),
        _ => false,
    }
}
