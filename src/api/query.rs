//! A query: which entries, in which order, how many, from where. Read from the parameters of a URL, strictly.

use crate::app::App;
use crate::cursor::Cursor;
use crate::problem::{Fault, Kind, Problem};
use entry::field::Field;
use entry::words::nearest;
use entry::{Filter, Timestamp};
use percent_encoding::percent_decode;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use store::view::{Direction, Order};

/// Entries of a page where the caller names no number.
pub const LIMIT_DEFAULT: usize = 50;
/// The most entries of one page: bounds the answer; `/v1/export` has no bound.
pub const LIMIT_MAX: usize = 1_000;

/// The words of `order=`.
pub const ORDERS: &[(&str, Order)] = &[("time", Order::Time), ("received", Order::Received)];
/// The words of `direction=`.
pub const DIRECTIONS: &[(&str, Direction)] = &[
    ("desc", Direction::Descending),
    ("asc", Direction::Ascending),
];

/// Which entries, in which order, how many, from where.
#[derive(Clone, Debug)]
pub struct Query {
    pub filter: Filter,
    pub order: Order,
    pub direction: Direction,
    pub limit: usize,
    pub cursor: Option<Cursor>,
    /// What relative times were resolved by: the cursor's where there is one.
    pub now: Timestamp,
}

impl Query {
    /// The query of a URL. `own` are the names the caller reads itself; any other unknown name is refused.
    pub fn parse(app: &App, parameters: &mut Parameters, own: &[&str]) -> Result<Self, Problem> {
        let mut faults = Vec::new();
        let order = parameters.choice("order", ORDERS, &mut faults);
        let direction = parameters.choice("direction", DIRECTIONS, &mut faults);
        let limit = parameters.number("limit", 1, LIMIT_MAX, &mut faults);
        let cursor = match parameters.once("cursor", &mut faults) {
            None => None,
            Some(text) => Some(Cursor::decode(&text, &app.store.secret()).ok_or_else(foreign)?),
        };
        let now = cursor
            .as_ref()
            .map_or_else(|| app.now(), |cursor| cursor.now);
        let own = [PAGE_PARAMETERS, own].concat();
        let filter = parameters.filter(now, &own, &mut faults);
        if !faults.is_empty() {
            return Err(refused(faults));
        }
        let query = Self {
            filter,
            order: order.unwrap_or(Order::Time),
            direction: direction.unwrap_or(Direction::Descending),
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            cursor,
            now,
        };
        match &query.cursor {
            Some(cursor) if cursor.query != query.digest() => Err(foreign()),
            _ => Ok(query),
        }
    }

    /// What a cursor of this query is bound to.
    pub fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update([self.order as u8, self.direction as u8]);
        hash.update(self.filter.to_string());
        let full = hash.finalize();
        full[..16].try_into().expect("SHA-256 has 32 bytes")
    }
}

fn foreign() -> Problem {
    Kind::BadCursor
        .detail(
            "the cursor was not given out for this query by this server; begin again without one",
        )
        .with(vec![Fault::parameter(
            "cursor",
            "not a cursor of this query",
        )])
}

/// 400 for everything that is wrong with the parameters, in one answer.
pub fn refused(faults: Vec<Fault>) -> Problem {
    let detail = match faults.as_slice() {
        [fault] => match &fault.parameter {
            Some(name) => format!("{name}: {}", fault.detail),
            None => fault.detail.clone(),
        },
        _ => format!("{} parameters are wrong", faults.len()),
    };
    Kind::BadParameter.detail(detail).with(faults)
}

/// The parameters of a URL, in order, decoded; those that were read are gone.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// From the part after `?`. Percent-encoding must give UTF-8.
    pub fn read(raw: Option<&str>) -> Result<Self, Problem> {
        let mut pairs = Vec::new();
        for pair in raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decoded(name), decoded(value)) {
                (Some(name), Some(value)) => pairs.push((name, value)),
                _ => {
                    return Err(refused(vec![Fault::parameter(
                        name,
                        "its percent-encoding is not UTF-8",
                    )]));
                }
            }
        }
        Ok(Self(pairs))
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The same parameters with one set anew, as the text after `?`.
    pub fn with(&self, name: &str, value: &str) -> String {
        let others = self
            .0
            .iter()
            .filter(|(n, _)| n != name)
            .map(|(n, v)| (n.as_str(), v.as_str()));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others.chain([(name, value)]))
            .finish()
    }

    /// Takes every value of that name. Blank ones, as forms send them, say nothing.
    pub fn all(&mut self, name: &str) -> Vec<String> {
        let (taken, rest) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(n, _)| n == name);
        self.0 = rest;
        let taken: Vec<(String, String)> = taken;
        taken
            .into_iter()
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// Takes the value of that name; two different ones are a fault.
    pub fn once(&mut self, name: &str, faults: &mut Vec<Fault>) -> Option<String> {
        let mut values = self.all(name);
        if values.windows(2).any(|pair| pair[0] != pair[1]) {
            faults.push(Fault::parameter(name, "given twice, differently"));
        }
        values.pop()
    }

    /// Takes one of the named values.
    pub fn choice<T: Copy>(
        &mut self,
        name: &str,
        choices: &[(&str, T)],
        faults: &mut Vec<Fault>,
    ) -> Option<T> {
        let text = self.once(name, faults)?;
        let found = choices.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let near = nearest(&text, words.iter().copied()).map(str::to_owned);
            faults.push(
                Fault::parameter(name, format!("one of {}", words.join(", "))).suggesting(near),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// Takes a whole number within bounds.
    pub fn number(
        &mut self,
        name: &str,
        min: usize,
        max: usize,
        faults: &mut Vec<Fault>,
    ) -> Option<usize> {
        let text = self.once(name, faults)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            faults.push(Fault::parameter(
                name,
                format!("a whole number from {min} to {max}"),
            ));
        }
        number
    }

    /// Takes everything the filter knows; what is left and not among `own` is a fault.
    pub fn filter(&mut self, now: Timestamp, own: &[&str], faults: &mut Vec<Fault>) -> Filter {
        let (kept, asked): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0)
            .into_iter()
            .partition(|(name, _)| own.contains(&name.as_str()));
        self.0 = kept;
        let pairs = asked
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        match Filter::from_parameters(pairs, now) {
            Ok((filter, unknown)) => {
                let known: Vec<&str> = filter_parameters().chain(own.iter().copied()).collect();
                faults.extend(unknown.iter().map(|name| unknown_parameter(name, &known)));
                filter
            }
            Err(errors) => {
                faults.extend(errors.into_iter().map(|error| Fault {
                    position: error.position,
                    ..Fault::parameter(error.name, error.detail).suggesting(error.suggestion)
                }));
                Filter::everything()
            }
        }
    }

    /// Refuses what nobody has read.
    pub fn finish(self, own: &[&str], mut faults: Vec<Fault>) -> Result<(), Problem> {
        faults.extend(self.0.iter().map(|(name, _)| unknown_parameter(name, own)));
        if faults.is_empty() {
            Ok(())
        } else {
            Err(refused(faults))
        }
    }
}

/// Names of a [`Query`] besides those of its filter.
const PAGE_PARAMETERS: &[&str] = &["order", "direction", "limit", "cursor"];

/// Names every filter knows.
fn filter_parameters<'a>() -> impl Iterator<Item = &'a str> {
    let fields = Field::ALL.iter().map(|field| field.name());
    fields.chain(["search", "q", "from", "to", "has"])
}

/// A name that is not among the `known` ones of a route; what another route reads is called that, not misspelt.
fn unknown_parameter(name: &str, known: &[&str]) -> Fault {
    let bare = name.trim_start_matches('-').trim_end_matches('!');
    let mut of_others = filter_parameters().chain(PAGE_PARAMETERS.iter().copied());
    if !known.contains(&bare) && of_others.any(|other| other == bare) {
        return Fault::parameter(name, "does not apply to this route");
    }
    let near = nearest(bare, known.iter().copied()).filter(|near| *near != name);
    Fault::parameter(name, "no such parameter").suggesting(near.map(str::to_owned))
}

fn decoded(text: &str) -> Option<String> {
    let spaced: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    Some(
        percent_decode(spaced.as_bytes())
            .decode_utf8()
            .ok()?
            .into_owned(),
    )
}
