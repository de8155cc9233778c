//! Which looks at the logs read the data of people: those are noted.

use crate::api::facets::{FIELDS_DEFAULT, FacetQuery, TOP_DEFAULT};
use crate::api::query::Query;
use entry::Filter;
use entry::field::Field;
use entry::filter::Term;

/// Entries of a page that anybody looks at; a longer one is as good as an export.
pub const GLANCE: usize = 100;

/// The type of targets that are people.
const PERSON: &str = "user";

/// A look at the logs, as far as it is noted.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    pub filter: &'a Filter,
    /// Entries of a page that nobody has for a glance, or of one that goes on from another.
    pub entries: Option<usize>,
    /// Fields whose values are listed, and how many of each, where these are people.
    pub listed: Option<(Vec<&'static str>, usize)>,
}

impl<'a> Search<'a> {
    /// What a filter finds.
    pub fn of(filter: &'a Filter) -> Self {
        Self {
            filter,
            entries: None,
            listed: None,
        }
    }

    /// A page of entries.
    pub fn page(query: &'a Query) -> Self {
        let much = query.limit > GLANCE || query.cursor.is_some();
        Self {
            entries: much.then_some(query.limit),
            ..Self::of(&query.filter)
        }
    }

    /// Counts by value. The facets that everybody is shown beside the first page are none that anybody asked for.
    pub fn facets(filter: &'a Filter, wanted: &FacetQuery) -> Self {
        let is_glance = wanted.fields == FIELDS_DEFAULT && wanted.top <= TOP_DEFAULT;
        Self::of(filter).listing(if is_glance { &[] } else { &wanted.fields }, wanted.top)
    }

    /// The same, with so many values listed of these fields.
    pub fn listing(self, fields: &[Field], top: usize) -> Self {
        let only_things = is_of_things(self.filter);
        let people = fields
            .iter()
            .filter(|field| is_of_people(**field, only_things));
        let people: Vec<&str> = people.map(|field| field.name()).collect();
        Self {
            listed: (!people.is_empty()).then_some((people, top)),
            ..self
        }
    }

    /// True if it reads the data of people.
    pub fn reads_people(&self) -> bool {
        self.entries.is_some() || self.listed.is_some() || names_people(self.filter)
    }
}

/// True if the filter asks for people: by name, address of mail or of a machine, as a target, by words or members of the
/// context that may be such; or for one entry, which is shown in full.
fn names_people(filter: &Filter) -> bool {
    let only_things = is_of_things(filter);
    let mut each = filter.conjuncts().into_iter();
    each.any(|one| asks_for_people(one, only_things))
}

fn asks_for_people(filter: &Filter, only_things: bool) -> bool {
    match filter {
        Filter::And(of) | Filter::Or(of) => of.iter().any(|one| asks_for_people(one, only_things)),
        Filter::Not(one) => asks_for_people(one, only_things),
        Filter::Term(term) => term_asks_for_people(term, only_things),
    }
}

fn term_asks_for_people(term: &Term, only_things: bool) -> bool {
    match term {
        Term::Search(_) | Term::Words(_) | Term::Network(_) => true,
        Term::Context(..) | Term::HasContext(_) => true,
        Term::Value(field, _) | Term::Has(field) => is_of_people(*field, only_things),
        Term::Masked(_, term) => term_asks_for_people(term, only_things),
        Term::From(_) | Term::To(_) => false,
    }
}

/// True if values of the field are people, or find one entry; targets unless only things are among them.
fn is_of_people(field: Field, only_things: bool) -> bool {
    match field {
        Field::Actor | Field::Email | Field::Ip | Field::Id => true,
        Field::Target => !only_things,
        Field::RequestId
        | Field::Action
        | Field::Category
        | Field::TargetType
        | Field::Result
        | Field::Organization
        | Field::Project
        | Field::ActorType
        | Field::Source => false,
    }
}

/// True if the filter names types of targets, none of which is people's.
fn is_of_things(filter: &Filter) -> bool {
    filter.conjuncts().into_iter().any(|one| match one {
        Filter::Term(term) => is_type_of_things(term),
        Filter::Or(any) => {
            let mut each = any.iter();
            !any.is_empty()
                && each.all(|one| matches!(one, Filter::Term(term) if is_type_of_things(term)))
        }
        Filter::And(_) | Filter::Not(_) => false,
    })
}

fn is_type_of_things(term: &Term) -> bool {
    match term {
        Term::Value(Field::TargetType, pattern) => !pattern.matches(PERSON),
        Term::Masked(_, term) => is_type_of_things(term),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use entry::Timestamp;

    fn asks(text: &str) -> bool {
        let filter = entry::query::parse(text, Timestamp::MIN).expect("a query");
        Search::of(&filter).reads_people()
    }

    #[test]
    fn a_filter_by_which_people_are_found_asks_for_people() {
        let people = [
            "actor:ana",
            "email:*acme*",
            "ip:10.0.0.0/8",
            "ana",
            "search:ana",
            "has:email",
            "-has:ip",
            "context.email:ana",
            "has:context.email",
            "target:usr_5",
            "target:usr_5 target_type:user",
            "target:usr_5 target_type:us*",
            "target:usr_5 (target_type:cluster OR target_type:user)",
            "target:usr_5 -target_type:cluster",
            "result:failure (category:cluster OR actor:ana)",
            "id:0198f3c2-7b1e-7c3a-9d0a-5b8f1f6f2a10",
        ];
        for text in people {
            assert!(asks(text), "{text}");
        }
    }

    #[test]
    fn a_filter_of_things_and_times_does_not() {
        let things = [
            "",
            "result:failure",
            "target_type:user",
            "target:clu_9 target_type:cluster",
            "target:clu_9 (target_type:cluster OR target_type:instance)",
            "category:access_control -action:login from:2026-01-01 has:project",
            "request_id:req_1 organization:acme source:mar-api actor_type:system",
        ];
        for text in things {
            assert!(!asks(text), "{text}");
        }
    }
}
