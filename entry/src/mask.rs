//! What of an entry is hidden from a reader: whole units, so that what is hidden still counts in the entry's proof.
//!
//! A masked reader asks and sees as if the hidden members were not there: [`Mask::view`] is that entry, and
//! [`Mask::filter`] is the filter whose answer on the whole entry is the filter's answer on the view. So nothing can be
//! learnt of a hidden value by searching for it, neither by a match nor by the lack of one.

use crate::field::Field;
use crate::filter::{Filter, Term};
use crate::{Entry, Party};
use std::borrow::Cow;
use std::fmt;

/// A member that can be hidden: a unit of the leaf each, and `context` with all of its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hidden {
    ActorEmail,
    ActorId,
    ActorName,
    OnBehalfOf,
    Changes,
    Context,
    ErrorMessage,
    Related,
    Ip,
    UserAgent,
    TargetName,
}

impl Hidden {
    /// All of them, in the order of their paths.
    pub const ALL: &'static [Hidden] = &[
        Hidden::ActorEmail,
        Hidden::ActorId,
        Hidden::ActorName,
        Hidden::OnBehalfOf,
        Hidden::Changes,
        Hidden::Context,
        Hidden::ErrorMessage,
        Hidden::Related,
        Hidden::Ip,
        Hidden::UserAgent,
        Hidden::TargetName,
    ];

    /// The RFC 6901 pointer of the unit.
    pub const fn path(self) -> &'static str {
        match self {
            Hidden::ActorEmail => "/actor/email",
            Hidden::ActorId => "/actor/id",
            Hidden::ActorName => "/actor/name",
            Hidden::OnBehalfOf => "/actor/on_behalf_of",
            Hidden::Changes => "/changes",
            Hidden::Context => "/context",
            Hidden::ErrorMessage => "/error/message",
            Hidden::Related => "/related",
            Hidden::Ip => "/request/ip",
            Hidden::UserAgent => "/request/user_agent",
            Hidden::TargetName => "/target/name",
        }
    }

    /// The name in roles: `email`, `ip`.
    pub const fn name(self) -> &'static str {
        match self {
            Hidden::ActorEmail => "email",
            Hidden::ActorId => "actor_id",
            Hidden::ActorName => "actor_name",
            Hidden::OnBehalfOf => "on_behalf_of",
            Hidden::Changes => "changes",
            Hidden::Context => "context",
            Hidden::ErrorMessage => "error_message",
            Hidden::Related => "related",
            Hidden::Ip => "ip",
            Hidden::UserAgent => "user_agent",
            Hidden::TargetName => "target_name",
        }
    }

    /// By name or by path.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|hidden| hidden.name() == text || hidden.path() == text)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// What would tell the same and is hidden with it. A party that somebody acted for has a mail address as well; an
    /// actor without a name is shown by its address; a related target is named as a target is.
    const fn entails(self) -> &'static [Hidden] {
        match self {
            Hidden::ActorEmail => &[Hidden::OnBehalfOf],
            Hidden::ActorId | Hidden::ActorName => &[Hidden::ActorEmail, Hidden::OnBehalfOf],
            Hidden::TargetName => &[Hidden::Related],
            _ => &[],
        }
    }

    /// True if the pointer leads to the member or into it.
    fn holds(self, pointer: &str) -> bool {
        let rest = pointer.strip_prefix(self.path());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn is_in(self, entry: &Entry) -> bool {
        entry.erased.iter().any(|erased| self.holds(&erased.path)) || self.has_value(entry)
    }

    fn has_value(self, entry: &Entry) -> bool {
        let party = &entry.actor.party;
        match self {
            Hidden::ActorEmail => party.email.is_some(),
            Hidden::ActorId => party.id.is_some(),
            Hidden::ActorName => party.name.is_some(),
            Hidden::OnBehalfOf => entry.actor.on_behalf_of.is_some(),
            Hidden::Changes => entry.changes.is_some(),
            Hidden::Context => entry.context.is_some(),
            Hidden::ErrorMessage => entry.error.as_ref().is_some_and(|e| e.message.is_some()),
            Hidden::Related => !entry.related.is_empty(),
            Hidden::Ip => entry.request.ip.is_some(),
            Hidden::UserAgent => entry.request.user_agent.is_some(),
            Hidden::TargetName => entry.target.as_ref().is_some_and(|t| t.name.is_some()),
        }
    }

    fn remove(self, entry: &mut Entry) {
        let Party {
            id, name, email, ..
        } = &mut entry.actor.party;
        match self {
            Hidden::ActorEmail => *email = None,
            Hidden::ActorId => *id = None,
            Hidden::ActorName => *name = None,
            Hidden::OnBehalfOf => entry.actor.on_behalf_of = None,
            Hidden::Changes => entry.changes = None,
            Hidden::Context => entry.context = None,
            Hidden::ErrorMessage => {
                if let Some(error) = &mut entry.error {
                    error.message = None;
                }
            }
            Hidden::Related => entry.related.clear(),
            Hidden::Ip => entry.request.ip = None,
            Hidden::UserAgent => entry.request.user_agent = None,
            Hidden::TargetName => {
                if let Some(target) = &mut entry.target {
                    target.name = None;
                }
            }
        }
    }
}

/// The members that are hidden, each with what would tell the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mask(u16);

/// How much of a field's values a masked reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All that there are.
    Whole,
    /// The first values, those that facets count; of some entries none, though there is one.
    First,
    /// Perhaps some, but not the one that facets count.
    Nothing,
}

impl Mask {
    /// Hides nothing.
    pub const NONE: Mask = Mask(0);

    pub fn of(hidden: impl IntoIterator<Item = Hidden>) -> Self {
        let with = |one: Hidden| {
            let entailed = one.entails().iter().map(|other| other.bit());
            entailed.fold(one.bit(), |bits, bit| bits | bit)
        };
        Mask(hidden.into_iter().fold(0, |bits, one| bits | with(one)))
    }

    /// These and nothing else: what was hidden of one entry, which need not have had what would tell the same.
    pub fn exactly(hidden: impl IntoIterator<Item = Hidden>) -> Self {
        Mask({ hidden.into_iter() }.fold(0, |bits, one| bits | one.bit()))
    }

    /// Hides all that can be hidden.
    pub fn all() -> Self {
        Self::of(Hidden::ALL.iter().copied())
    }

    pub const fn hides(self, hidden: Hidden) -> bool {
        self.0 & hidden.bit() != 0
    }

    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Hides what both hide: what a reader under either sees with both.
    pub const fn and(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }

    /// Hides what either hides.
    pub const fn or(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }

    /// True if all that this hides, the other hides too.
    pub const fn is_within(self, other: Mask) -> bool {
        self.0 & !other.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = Hidden> {
        let all = Hidden::ALL.iter().copied();
        all.filter(move |hidden| self.hides(*hidden))
    }

    /// True if what the pointer leads to is hidden.
    pub fn hides_at(self, pointer: &str) -> bool {
        self.iter().any(|hidden| hidden.holds(pointer))
    }

    /// The entry as if it never had the hidden members.
    pub fn view(self, entry: &Entry) -> Cow<'_, Entry> {
        let mut hidden = self.iter().filter(|hidden| hidden.is_in(entry)).peekable();
        if hidden.peek().is_none() {
            return Cow::Borrowed(entry);
        }
        let mut view = entry.clone();
        view.hidden = Mask::exactly(hidden).or(entry.hidden);
        for one in self.iter() {
            one.remove(&mut view);
            view.erased.retain(|erased| !one.holds(&erased.path));
        }
        Cow::Owned(view)
    }

    /// The members that the entry has, or had before they were erased, and the view has not. That they are there is told; a
    /// proof tells it too.
    pub fn hidden_in(self, entry: &Entry) -> impl Iterator<Item = Hidden> {
        self.iter().filter(|hidden| hidden.is_in(entry))
    }

    /// The filter that matches an entry exactly if the one given matches its [`Mask::view`].
    pub fn filter(self, filter: &Filter) -> Filter {
        let each = |of: &[Filter]| of.iter().map(|one| self.filter(one)).collect();
        match filter {
            Filter::And(all) => Filter::And(each(all)),
            Filter::Or(any) => Filter::Or(each(any)),
            Filter::Not(one) => Filter::Not(Box::new(self.filter(one))),
            Filter::Term(term) => self.term(term),
        }
    }

    fn term(self, term: &Term) -> Filter {
        if let Term::Masked(mask, inner) = term {
            return self.or(*mask).term(inner);
        }
        let (reads, more) = read_by(term);
        if self.and(reads).is_none() {
            return term.clone().into();
        }
        match !more && reads.is_within(self) {
            true => Filter::nothing(),
            false => Term::Masked(self, Box::new(term.clone())).into(),
        }
    }

    /// True if the filter means the same to a reader under the mask as to one without.
    pub fn leaves(self, filter: &Filter) -> bool {
        match filter {
            Filter::And(of) | Filter::Or(of) => of.iter().all(|one| self.leaves(one)),
            Filter::Not(one) => self.leaves(one),
            Filter::Term(term) => self.and(read_by(term).0).is_none(),
        }
    }

    /// How much of a field's values is seen.
    pub fn sight(self, field: Field) -> Sight {
        let first = match field {
            Field::Actor => &[Hidden::ActorName, Hidden::ActorId][..],
            Field::Target => &[Hidden::TargetName],
            Field::Email => &[Hidden::ActorEmail],
            Field::Ip => &[Hidden::Ip],
            _ => &[],
        };
        if first.iter().any(|hidden| self.hides(*hidden)) {
            return Sight::Nothing;
        }
        match self.and(read_by(&Term::Has(field)).0).is_none() {
            true => Sight::Whole,
            false => Sight::First,
        }
    }
}

/// The hideable members that a condition looks at, and whether it looks at something that is never hidden as well.
fn read_by(term: &Term) -> (Mask, bool) {
    let bits = |hidden: &[Hidden]| Mask(hidden.iter().fold(0, |bits, one| bits | one.bit()));
    let search = bits(&[
        Hidden::ActorName,
        Hidden::ActorEmail,
        Hidden::TargetName,
        Hidden::Related,
    ]);
    let words = bits(&[Hidden::Context, Hidden::Changes, Hidden::ErrorMessage]);
    match term {
        Term::Search(_) => (search, true),
        Term::Words(_) => (search.or(words), true),
        Term::Network(_) => (bits(&[Hidden::Ip]), false),
        Term::Context(..) | Term::HasContext(_) => (bits(&[Hidden::Context]), false),
        Term::From(_) | Term::To(_) => (Mask::NONE, true),
        Term::Masked(_, inner) => read_by(inner),
        Term::Value(field, _) | Term::Has(field) => match field {
            Field::Actor => {
                let of = [Hidden::ActorName, Hidden::ActorId, Hidden::ActorEmail];
                (bits(&of), false)
            }
            Field::Email => (bits(&[Hidden::ActorEmail]), false),
            Field::Target => (bits(&[Hidden::TargetName, Hidden::Related]), true),
            Field::TargetType => (bits(&[Hidden::Related]), true),
            Field::Ip => (bits(&[Hidden::Ip]), false),
            Field::RequestId
            | Field::Action
            | Field::Category
            | Field::Result
            | Field::Organization
            | Field::Project
            | Field::ActorType
            | Field::Source
            | Field::Id => (Mask::NONE, true),
        },
    }
}

/// `email,on_behalf_of`
impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, hidden) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            f.write_str(hidden.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mask({self})")
    }
}

#[cfg(test)]
mod tests;
