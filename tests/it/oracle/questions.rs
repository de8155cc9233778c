//! What is asked: conditions out of true values, of what is seen and of what is not, as parameters.

use super::model::{Asked, Condition, FIELDS};
use super::random::Random;
use super::world::{Seen, Shown, World};
use serde_json::Value;
use std::rc::Rc;

/// Values that need no escaping in a parameter.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.@".contains(&b))
}

/// A condition that holds of an entry, as it is.
fn one(random: &mut Random, entry: &Value) -> Option<Condition> {
    let asked = Asked::of(entry);
    let at = random.below(FIELDS.len());
    let (field, value) = (FIELDS[at], asked.values[at].first().cloned());
    let words: Vec<String> = super::world::canaries(&entry.to_string())
        .map(str::to_owned)
        .collect();
    let word = (!words.is_empty()).then(|| random.pick(&words).clone());
    let closed = ["category", "result", "actor_type"].contains(&field);
    match random.below(12) {
        0..=3 => Some(Condition::Exact(
            field,
            value.filter(|text| is_plain(text))?,
        )),
        4 => Some(Condition::Not(field, value.filter(|text| is_plain(text))?)),
        // Of what is part of it, some: what a star stands for.
        5 if !closed => {
            let part =
                word.filter(|word| value.is_some_and(|value| value.contains(word.as_str())))?;
            Some(Condition::Part(field, part))
        }
        6 => Some(Condition::Has(field)),
        7 => {
            let ip = entry["request"]["ip"]
                .as_str()
                .filter(|ip| ip.starts_with("10.77."))?;
            Some(Condition::Network(ip.rsplit_once('.')?.0.to_owned()))
        }
        8 => Some(Condition::Search(word?)),
        9 => Some(Condition::Word(
            word.filter(|word| !word.starts_with("10."))?,
        )),
        10 => {
            let path = *random.pick(&["note", "deep.leaf"]);
            let leaf = entry["context"].pointer(&format!("/{}", path.replace('.', "/")))?;
            Some(Condition::Context(path, leaf.as_str()?.to_lowercase()))
        }
        _ => Some(match random.chance(50) {
            true => Condition::Since(asked.at),
            false => Condition::Until(asked.at),
        }),
    }
}

/// Up to three conditions, most of them true of one entry; no two of one name.
pub fn conditions(world: &World, random: &mut Random, most: usize) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    let entry = world.entries[random.below(world.entries.len())].clone();
    for _ in 0..random.below(most + 1) {
        let of = match random.chance(80) {
            true => &entry,
            false => &world.entries[random.below(world.base)],
        };
        let Some(one) = one(random, of) else { continue };
        let name = |condition: &Condition| parameter(condition).0;
        if all.iter().all(|other| name(other) != name(&one)) {
            all.push(one);
        }
    }
    all
}

fn instant(at: i64) -> String {
    entry::Timestamp::from_micros(at)
        .expect("an instant")
        .to_string()
}

/// A condition as a name and a value.
fn parameter(condition: &Condition) -> (String, String) {
    match condition {
        Condition::Exact(field, text) => ((*field).to_owned(), text.clone()),
        Condition::Part(field, text) => ((*field).to_owned(), format!("*{text}*")),
        Condition::Not(field, text) => (format!("-{field}"), text.clone()),
        Condition::Has(field) => ("has".to_owned(), (*field).to_owned()),
        Condition::Network(start) => ("ip".to_owned(), format!("{start}.0/24")),
        Condition::Search(text) => ("search".to_owned(), text.clone()),
        Condition::Word(text) => ("q".to_owned(), text.clone()),
        Condition::Context(path, text) => ("q".to_owned(), format!("context.{path}:\"{text}\"")),
        Condition::Since(at) => ("from".to_owned(), instant(*at)),
        Condition::Until(at) => ("to".to_owned(), instant(*at)),
    }
}

/// As the part of a URL after `?`, with more.
pub fn parameters(conditions: &[Condition], more: &[(&str, &str)]) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in conditions.iter().map(parameter) {
        pairs.append_pair(&name, &value);
    }
    pairs.extend_pairs(more);
    pairs.finish()
}

impl Seen {
    /// What of it matches, of the first so many entries that there are.
    pub fn matching(&self, conditions: &[Condition], upto: usize) -> Vec<Rc<Shown>> {
        let known = self.shown.iter().take_while(|one| one.nth < upto);
        let matches = |one: &&Rc<Shown>| {
            conditions
                .iter()
                .all(|condition| condition.holds(&one.asked))
        };
        known.filter(matches).cloned().collect()
    }
}

impl Shown {
    fn key(&self, order: &str) -> (i64, i64, &str, u64) {
        let first = if order == "received" {
            self.received
        } else {
            self.at
        };
        (first, self.received, &self.organization, self.seq)
    }
}

/// In the order of a listing.
pub fn sort(all: &mut [Rc<Shown>], order: &str, direction: &str) {
    all.sort_by(|one, other| match direction {
        "asc" => one.key(order).cmp(&other.key(order)),
        _ => other.key(order).cmp(&one.key(order)),
    });
}
