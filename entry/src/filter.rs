//! Which entries. [`Filter::matches`] is the meaning of every search; an index is an optimisation of it.

mod print;

pub(crate) use print::quoted;

use crate::address::{Cidr, parse_ip};
use crate::field::Field;
use crate::mask::Mask;
use crate::{Entry, Organization, Timestamp, text};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Which entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Every one of; empty: everything.
    And(Vec<Filter>),
    /// At least one of; empty: nothing.
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Term(Term),
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Folded substring of actor name, actor email, target name (also of related targets) or request id: the page's box.
    Search(Box<str>),
    /// A bare word or quoted phrase of `q=`: [`Term::Search`], or its words one after the other in one leaf of context,
    /// in the error's code or message, or in one leaf of changes.
    Words(Box<str>),
    /// Any value of the field matches the pattern.
    Value(Field, Pattern),
    /// `request.ip` parses and lies in the network.
    Network(Cidr),
    /// The field has at least one value.
    Has(Field),
    /// A leaf of context at this dotted path (array positions left out) matches: numbers by their text, booleans `true`/`false`, `null`.
    Context(Box<str>, Pattern),
    /// `context` has a leaf at this dotted path or below it.
    HasContext(Box<str>),
    /// timestamp at or after.
    From(Timestamp),
    /// timestamp before.
    To(Timestamp),
    /// The condition, asked of the entry as a masked reader sees it. No text gives one: see [`Mask::filter`].
    Masked(Mask, Box<Term>),
}

/// How a value is compared. All texts are folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Substring(Box<str>),
}

impl Pattern {
    pub fn exact(text: &str) -> Self {
        Pattern::Exact(text::fold(text).into())
    }

    pub fn prefix(text: &str) -> Self {
        Pattern::Prefix(text::fold(text).into())
    }

    pub fn suffix(text: &str) -> Self {
        Pattern::Suffix(text::fold(text).into())
    }

    pub fn substring(text: &str) -> Self {
        Pattern::Substring(text::fold(text).into())
    }

    /// The folded text.
    pub fn text(&self) -> &str {
        match self {
            Pattern::Exact(text)
            | Pattern::Prefix(text)
            | Pattern::Suffix(text)
            | Pattern::Substring(text) => text,
        }
    }

    /// True if the value, folded, is the text, begins or ends with it, or contains it.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Pattern::Exact(text) => text::equals(value, text),
            Pattern::Prefix(text) => text::starts_with(value, text),
            Pattern::Suffix(text) => text::ends_with(value, text),
            Pattern::Substring(text) => text::contains(value, text),
        }
    }
}

impl Term {
    /// [`Term::Search`] of a text as typed.
    pub fn search(text: &str) -> Self {
        Term::Search(text::fold(text).into())
    }

    /// [`Term::Words`] of a text as typed.
    pub fn words(text: &str) -> Self {
        Term::Words(text::fold(text).into())
    }

    /// The meaning of one condition.
    pub fn matches(&self, entry: &Entry) -> bool {
        match self {
            Term::Search(text) => search_matches(text, entry),
            Term::Words(text) => search_matches(text, entry) || words_match(text, entry),
            Term::Value(field, pattern) => {
                let mut found = false;
                field.each_value(entry, &mut |value| found = found || pattern.matches(value));
                found
            }
            Term::Network(cidr) => entry
                .request
                .ip
                .as_deref()
                .and_then(parse_ip)
                .is_some_and(|ip| cidr.contains(ip)),
            Term::Has(field) => {
                let mut found = false;
                field.each_value(entry, &mut |_| found = true);
                found
            }
            Term::Context(path, pattern) => text::walk_context(entry, &mut |leaf, value| {
                until(leaf == &**path && pattern.matches(value))
            })
            .is_break(),
            Term::HasContext(path) => text::walk_context(entry, &mut |leaf, _| {
                let below = leaf.strip_prefix(&**path);
                until(below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
            })
            .is_break(),
            Term::From(from) => entry.timestamp >= *from,
            Term::To(to) => entry.timestamp < *to,
            Term::Masked(mask, term) => term.matches(&mask.view(entry)),
        }
    }

    /// True if the condition looks at nothing but `field`.
    fn concerns_only(&self, field: Field) -> bool {
        match self {
            Term::Value(of, _) | Term::Has(of) => *of == field,
            Term::Network(_) => field == Field::Ip,
            Term::Masked(_, term) => term.concerns_only(field),
            _ => false,
        }
    }
}

/// Ends a walk of leaves once something is found.
fn until(found: bool) -> ControlFlow<()> {
    if found {
        ControlFlow::Break(())
    } else {
        ControlFlow::Continue(())
    }
}

fn search_matches(folded: &str, entry: &Entry) -> bool {
    let party = &entry.actor.party;
    let targets = entry
        .target
        .iter()
        .chain(&entry.related)
        .map(|target| &target.name);
    [&party.name, &party.email, &entry.request.id]
        .into_iter()
        .chain(targets)
        .flatten()
        .any(|value| text::contains(value, folded))
}

fn words_match(phrase: &str, entry: &Entry) -> bool {
    let (mut wanted, mut present) = (String::new(), String::new());
    text::word_sequence(phrase, &mut wanted);
    // Punctuation alone is no word; it is only searched for as a substring.
    let Some(first) = wanted.split(' ').nth(1) else {
        return false;
    };
    text::walk_words(entry, &mut |leaf| {
        // Few leaves hold even the first word, and looking is cheaper than taking a leaf apart.
        until(
            text::contains(leaf, first) && {
                text::word_sequence(leaf, &mut present);
                memchr::memmem::find(present.as_bytes(), wanted.as_bytes()).is_some()
            },
        )
    })
    .is_break()
}

impl From<Term> for Filter {
    fn from(term: Term) -> Self {
        Filter::Term(term)
    }
}

impl Filter {
    /// Matches everything.
    pub fn everything() -> Self {
        Filter::And(Vec::new())
    }

    /// Matches nothing.
    pub fn nothing() -> Self {
        Filter::Or(Vec::new())
    }

    /// The meaning of a search.
    pub fn matches(&self, entry: &Entry) -> bool {
        match self {
            Filter::And(all) => all.iter().all(|filter| filter.matches(entry)),
            Filter::Or(any) => any.iter().any(|filter| filter.matches(entry)),
            Filter::Not(filter) => !filter.matches(entry),
            Filter::Term(term) => term.matches(entry),
        }
    }

    /// This and the other.
    pub fn and(self, other: Filter) -> Self {
        Filter::And(vec![self, other]).simplified()
    }

    /// This filter without its top-level conditions on `field` alone: what a facet of that field is counted under.
    /// Times are never left out.
    pub fn without(&self, field: Field) -> Self {
        let kept = self
            .conjuncts()
            .into_iter()
            .filter(|filter| !filter.concerns_only(field));
        Filter::And(kept.cloned().collect()).simplified()
    }

    fn concerns_only(&self, field: Field) -> bool {
        match self {
            // Neither everything nor nothing is a condition on a field.
            Filter::And(of) | Filter::Or(of) => {
                !of.is_empty() && of.iter().all(|filter| filter.concerns_only(field))
            }
            Filter::Not(filter) => filter.concerns_only(field),
            Filter::Term(term) => term.concerns_only(field),
        }
    }

    /// The conditions that must all hold, nested conjunctions opened.
    pub fn conjuncts(&self) -> Vec<&Filter> {
        match self {
            Filter::And(all) => all.iter().flat_map(Filter::conjuncts).collect(),
            other => vec![other],
        }
    }

    /// The tightest bounds that every match keeps by the top-level conditions: from (inclusive), to (exclusive).
    pub fn time_range(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        self.conjuncts()
            .into_iter()
            .fold((None, None), |(from, to), filter| match filter {
                Filter::Term(Term::From(at)) => (from.max(Some(*at)), to),
                Filter::Term(Term::To(at)) => {
                    (from, Some(to.map_or(*at, |to: Timestamp| to.min(*at))))
                }
                _ => (from, to),
            })
    }

    /// The organizations outside of which nothing matches, when a top-level condition names them exactly, sorted; empty
    /// when nothing can match.
    pub fn organizations(&self) -> Option<Vec<Organization>> {
        let named = self
            .conjuncts()
            .into_iter()
            .filter_map(Filter::exact_organizations);
        named.reduce(|some, others| {
            some.into_iter()
                .filter(|one| others.contains(one))
                .collect()
        })
    }

    fn exact_organizations(&self) -> Option<Vec<Organization>> {
        match self {
            Filter::Term(Term::Value(Field::Organization, Pattern::Exact(text))) => {
                // No log bears a name that is no slug.
                Some(Organization::parse(text).into_iter().collect())
            }
            Filter::Or(any) => {
                let mut all = Vec::new();
                for filter in any {
                    all.extend(filter.exact_organizations()?);
                }
                all.sort();
                all.dedup();
                Some(all)
            }
            _ => None,
        }
    }

    /// How many conditions it has.
    pub fn terms(&self) -> usize {
        match self {
            Filter::And(of) | Filter::Or(of) => of.iter().map(Filter::terms).sum(),
            Filter::Not(filter) => filter.terms(),
            Filter::Term(_) => 1,
        }
    }

    /// The same meaning in its plainest form: no conjunction in a conjunction, no disjunction in a disjunction, none of
    /// one member, no double negation, no repeated member; what matches everything or nothing is just that.
    pub fn simplified(self) -> Self {
        match self {
            Filter::And(all) => {
                let mut members = Vec::new();
                for filter in all {
                    match filter.simplified() {
                        Filter::And(inner) => members.extend(inner),
                        Filter::Or(none) if none.is_empty() => return Filter::nothing(),
                        other => members.push(other),
                    }
                }
                single(members, Filter::And)
            }
            Filter::Or(any) => {
                let mut members = Vec::new();
                for filter in any {
                    match filter.simplified() {
                        Filter::Or(inner) => members.extend(inner),
                        Filter::And(all) if all.is_empty() => return Filter::everything(),
                        other => members.push(other),
                    }
                }
                single(members, Filter::Or)
            }
            Filter::Not(filter) => match filter.simplified() {
                Filter::Not(inner) => *inner,
                Filter::And(all) if all.is_empty() => Filter::nothing(),
                Filter::Or(none) if none.is_empty() => Filter::everything(),
                other => Filter::Not(Box::new(other)),
            },
            Filter::Term(Term::Value(field, pattern))
                if !matches!(pattern, Pattern::Exact(_)) && pattern.text().is_empty() =>
            {
                Filter::Term(Term::Has(field))
            }
            term => term,
        }
    }
}

/// The one member, or all of them joined, each once.
fn single(mut members: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    let mut seen = HashSet::new();
    let fresh: Vec<bool> = members.iter().map(|member| seen.insert(member)).collect();
    let mut fresh = fresh.into_iter();
    members.retain(|_| fresh.next().expect("one flag per member"));
    match members.len() {
        1 => members.remove(0),
        _ => join(members),
    }
}

#[cfg(test)]
pub(crate) mod tests;
