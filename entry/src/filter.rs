//! Which entries. [`Filter::matches`] is the meaning of every search; an index is an optimisation of it.

use crate::address::Cidr;
use crate::field::Field;
use crate::{Entry, Timestamp};

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
}

/// How a value is compared. All texts are folded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    Exact(Box<str>),
    Prefix(Box<str>),
    Suffix(Box<str>),
    Substring(Box<str>),
}

impl Filter {
    /// Matches everything.
    pub fn everything() -> Self {
        Filter::And(Vec::new())
    }

    /// The meaning of a search.
    pub fn matches(&self, _entry: &Entry) -> bool {
        todo!()
    }

    /// This filter without its top-level conditions on `field` alone: what a facet of that field is counted under.
    pub fn without(&self, _field: Field) -> Self {
        todo!()
    }
}
