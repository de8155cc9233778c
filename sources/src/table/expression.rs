//! What a table may say: texts out of an event, and conditions on it. A small set, and no language.

use super::path::Path;
use crate::foreign;
use entry::ActorKind;
use entry::json::Value;
use std::borrow::Cow;
use std::cell::RefCell;

/// A text, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Constant(Box<str>),
    Path(Path),
    /// Texts and expressions side by side; none if one of its paths says nothing.
    Template(Vec<Part>),
    /// The first that says something.
    First(Vec<Expression>),
    Steps(Box<Steps>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Text(Box<str>),
    Path(Path),
}

/// What is done to a text, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    pub from: Option<Expression>,
    /// None unless this holds.
    pub when: Option<Condition>,
    /// What follows this text; none without it.
    pub after: Option<Box<str>>,
    /// What stands before this text; all without it.
    pub before: Option<Box<str>>,
    /// Cut into pieces, of which one is taken; from the end if negative.
    pub split: Option<(Box<str>, i64)>,
    pub lower: bool,
    /// A lookup; in any letters.
    pub values: Vec<(Box<str>, Box<str>)>,
    /// For what the lookup does not know, and where nothing is said. Without it a text that is not known stays as it is.
    pub otherwise: Option<Expression>,
}

/// Whether something holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// There is a value, whatever it is but null.
    Present(Path),
    /// The expression says something, and it passes one of the tests, if there are any.
    Says(Expression, Vec<Test>),
    /// The value is of this JSON type.
    Type(Path, Box<str>),
    /// Both say the same.
    Same(Expression, Expression),
    /// The actor is of one of these kinds.
    Actor(Vec<ActorKind>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    Is(Box<str>),
    Starts(Box<str>),
    Ends(Box<str>),
    Contains(Box<str>),
    /// A number not below this.
    AtLeast(i64),
    /// Has the shape of a mail address.
    Mail,
}

/// An event, as the rules of one table see it.
pub struct Sight<'s, 'a> {
    pub event: &'s Value<'a>,
    /// What paths begin at: the event, or one element of it.
    pub at: &'s Value<'a>,
    pub any_case: bool,
    /// Spellings of nothing, besides the usual ones.
    pub nothing: &'s [Box<str>],
    pub actor: Option<ActorKind>,
    /// Places whose text is a field of the entry now, word for word.
    pub taken: &'s RefCell<Vec<Vec<String>>>,
}

impl<'s, 'a> Sight<'s, 'a> {
    /// The same, looking at one element.
    pub fn element(&self, at: &'s Value<'a>) -> Sight<'s, 'a> {
        Sight { at, ..*self }
    }

    /// The text for a field of the entry: where it is one member's text, word for word, that member is noted as taken.
    pub fn field(&self, expression: &Expression) -> Option<Box<str>> {
        let (text, place) = self.placed(expression)?;
        if let Some(place) = place {
            self.taken.borrow_mut().push(place);
        }
        Some(text.into())
    }

    pub fn text(&self, expression: &Expression) -> Option<Cow<'s, str>> {
        self.placed(expression).map(|(text, _)| text)
    }

    fn placed(&self, expression: &Expression) -> Option<(Cow<'s, str>, Option<Vec<String>>)> {
        match expression {
            Expression::Constant(text) => Some((Cow::Owned(text.to_string()), None)),
            Expression::Path(path) => {
                let (text, verbatim) = self.at_path(path)?;
                let whole = path.whole || std::ptr::eq(self.at, self.event);
                let place = (verbatim && whole).then(|| self.real_place(path)).flatten();
                Some((text, place))
            }
            Expression::First(all) => all.iter().find_map(|one| self.placed(one)),
            Expression::Template(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(more) => text.push_str(more),
                        Part::Path(path) => text.push_str(&self.at_path(path)?.0),
                    }
                }
                Some((Cow::Owned(text), None))
            }
            Expression::Steps(steps) => self.steps(steps).map(|text| (text, None)),
        }
    }

    fn steps(&self, steps: &Steps) -> Option<Cow<'s, str>> {
        if let Some(when) = &steps.when
            && !self.holds(when)
        {
            return None;
        }
        let otherwise = || self.text(steps.otherwise.as_ref()?);
        let Some(text) = self.piece(steps) else {
            return otherwise();
        };
        if steps.values.is_empty() {
            return Some(text);
        }
        let known = steps
            .values
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&text));
        match known {
            Some((_, value)) => Some(Cow::Owned(value.to_string())),
            None if steps.otherwise.is_some() => otherwise(),
            None => Some(text),
        }
    }

    /// The text that a lookup is given.
    fn piece(&self, steps: &Steps) -> Option<Cow<'s, str>> {
        let mut text = self.text(steps.from.as_ref()?)?;
        if let Some(after) = &steps.after {
            let at = text.find(after.as_ref())? + after.len();
            text = Cow::Owned(text[at..].to_owned());
        }
        if let Some(before) = &steps.before
            && let Some(at) = text.find(before.as_ref())
        {
            text = Cow::Owned(text[..at].to_owned());
        }
        if let Some((by, take)) = &steps.split {
            let mut pieces = text.split(by.as_ref());
            let piece = match usize::try_from(*take) {
                Ok(take) => pieces.nth(take),
                Err(_) => {
                    let from_end = usize::try_from(take.unsigned_abs()).ok()? - 1;
                    text.rsplit(by.as_ref()).nth(from_end)
                }
            };
            text = Cow::Owned(piece?.to_owned());
        }
        if steps.lower {
            text = Cow::Owned(text.to_lowercase());
        }
        self.said(text)
    }

    /// The first text at a path that says something, and whether it is a string's, untouched.
    fn at_path(&self, path: &Path) -> Option<(Cow<'s, str>, bool)> {
        let mut found = None;
        let from = if path.whole { self.event } else { self.at };
        path.walk(from, self.any_case, &mut |value| {
            found = self.text_of(value);
            found.is_some()
        });
        found
    }

    /// What a value says, and whether that is a string, untouched.
    fn text_of(&self, value: &'s Value<'a>) -> Option<(Cow<'s, str>, bool)> {
        let (text, string) = match value {
            Value::String(text) => (text.as_ref(), true),
            Value::Number(text) => (text.as_ref(), false),
            Value::Bool(true) => ("true", false),
            Value::Bool(false) => ("false", false),
            _ => return None,
        };
        let trimmed = text.trim();
        let said = self.said(Cow::Borrowed(trimmed))?;
        Some((said, string && trimmed.len() == text.len()))
    }

    fn said(&self, text: Cow<'s, str>) -> Option<Cow<'s, str>> {
        let nothing =
            !foreign::says_something(&text) || self.nothing.iter().any(|none| **none == *text);
        (!nothing).then_some(text)
    }

    /// Notes that a field of the entry says what stands there.
    pub fn take(&self, path: &Path) {
        if let Some(place) = self.real_place(path) {
            self.taken.borrow_mut().push(place);
        }
    }

    /// The names as the event writes them; none where arrays lie between.
    fn real_place(&self, path: &Path) -> Option<Vec<String>> {
        let mut value = self.event;
        let mut names = Vec::new();
        for name in path.plain()? {
            let (real, next) = super::path::member(value.as_object()?, name, self.any_case)?;
            names.push(real.to_owned());
            value = next;
        }
        Some(names)
    }

    pub fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(all) => all.iter().all(|one| self.holds(one)),
            Condition::Any(any) => any.iter().any(|one| self.holds(one)),
            Condition::Not(other) => !self.holds(other),
            Condition::Present(path) => {
                let mut there = false;
                self.walk(path, &mut |value| {
                    there = !value.is_null();
                    there
                });
                there
            }
            Condition::Type(path, kind) => {
                let mut is = false;
                self.walk(path, &mut |value| {
                    is = value.what().ends_with(kind.as_ref());
                    is
                });
                is
            }
            Condition::Actor(kinds) => self.actor.is_some_and(|actor| kinds.contains(&actor)),
            Condition::Same(one, other) => {
                let one = self.text(one);
                one.is_some() && one == self.text(other)
            }
            // Where a path leads to several values, any of them may pass.
            Condition::Says(Expression::Path(path), tests) => {
                let mut holds = false;
                self.walk(path, &mut |value| {
                    let text = self.text_of(value);
                    holds = text.is_some_and(|(text, _)| {
                        tests.is_empty() || tests.iter().any(|test| test.passes(&text))
                    });
                    holds
                });
                holds
            }
            Condition::Says(expression, tests) => self.text(expression).is_some_and(|text| {
                tests.is_empty() || tests.iter().any(|test| test.passes(&text))
            }),
        }
    }

    pub fn walk(&self, path: &Path, found: &mut dyn FnMut(&'s Value<'a>) -> bool) {
        let from = if path.whole { self.event } else { self.at };
        path.walk(from, self.any_case, found);
    }
}

impl Test {
    fn passes(&self, text: &str) -> bool {
        match self {
            Test::Is(is) => text.eq_ignore_ascii_case(is),
            Test::Starts(start) => text.starts_with(start.as_ref()),
            Test::Ends(end) => text.ends_with(end.as_ref()),
            Test::Contains(part) => text.contains(part.as_ref()),
            Test::AtLeast(least) => text.parse::<i64>().is_ok_and(|number| number >= *least),
            Test::Mail => foreign::mail(text).is_some(),
        }
    }
}

impl Expression {
    /// Gathers the texts that it can say, for a field whose words are few; false if it can say others, too.
    pub fn constants(&self, found: &mut Vec<Box<str>>) -> bool {
        match self {
            Expression::Constant(text) => {
                found.push(text.clone());
                true
            }
            Expression::First(all) => all.iter().all(|one| one.constants(found)),
            Expression::Steps(steps) if !steps.values.is_empty() => {
                found.extend(steps.values.iter().map(|(_, value)| value.clone()));
                match &steps.otherwise {
                    Some(otherwise) => otherwise.constants(found),
                    None => false,
                }
            }
            Expression::Steps(steps) => steps
                .from
                .as_ref()
                .is_some_and(|from| from.constants(found)),
            Expression::Path(_) | Expression::Template(_) => false,
        }
    }
}
