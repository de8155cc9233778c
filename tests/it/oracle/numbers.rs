//! Up to when nothing is missing of what sources number, told where every organization in question is read as a whole.

use super::model::{Condition, micros, scope};
use super::world::{By, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// Up to when nothing is missing of the sources of these organizations that number what they record: over them the earliest
/// instant before the first gap, else of the newest.
fn complete_through(entries: &[Value], organizations: &[String]) -> Option<i64> {
    let mut sources: BTreeMap<(&str, &str), BTreeMap<u64, i64>> = BTreeMap::new();
    for entry in entries {
        let (organization, source) = (scope(entry).0, &entry["source"]);
        let Some(number) = source["sequence"].as_u64() else {
            continue;
        };
        let name = source["name"].as_str().expect("a name");
        if organizations.iter().any(|one| one == organization) {
            let numbers = sources.entry((organization, name)).or_default();
            // Of a number that comes twice the first counts.
            let at = micros(&entry["timestamp"]);
            numbers.entry(number).or_insert(at);
        }
    }
    let before_gap = |numbers: &BTreeMap<u64, i64>| {
        let gap = numbers
            .keys()
            .find(|number| !numbers.contains_key(&(**number + 1)));
        numbers[gap.expect("the newest has none after it")]
    };
    sources.values().map(before_gap).min()
}

/// Up to when nothing is missing, in microseconds: told where every organization in question is read as a whole.
pub fn through(world: &World, by: &By<'_>, conditions: &[Condition]) -> Option<i64> {
    let named = conditions.iter().find_map(|one| match one {
        Condition::Exact("organization", name) => Some(name),
        _ => None,
    });
    let (person, permission) = (&world.people[by.who], by.permissions[0]);
    let asked = world.organizations.iter();
    let asked = asked.filter(|of| named.is_none_or(|named| named == *of));
    let reached: Vec<String> = asked
        .filter(|of| person.touches(permission, of))
        .cloned()
        .collect();
    let whole = reached.iter().all(|of| person.covers(permission, of));
    whole
        .then(|| complete_through(&world.entries, &reached))
        .flatten()
}

pub fn instant(value: &Value) -> Option<i64> {
    value.as_str().map(|_| micros(value))
}
