//! How far somebody reaches: which entries, and what of them. No question is asked of the store without it.
//!
//! Several grants add up, entry by entry: an entry is seen if *any* grant covers its scope, and hidden of it is only what
//! *every* grant that covers it hides. So another grant never takes anything away, and a mask for one organization
//! hides nothing in the next. Grants of another permission count for nothing here: who reads masked and exports unmasked
//! was given both.

use super::binding::{Extent, Grant, Project};
use super::permission::Permission;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::mask::Sight;
use entry::{Entry, Filter, Mask, Organization, Timestamp};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Which entries somebody reaches for one purpose, and what of each is hidden. Cut into regions that do not overlap:
/// named projects, named organizations without those, everything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The mask of all that is not named; `None` where nothing is reached.
    rest: Option<Mask>,
    /// Where it differs from `rest`.
    organizations: BTreeMap<Organization, Within>,
    /// Of all that, only what matches: the frozen filter of a link. Asked of entries as they are, not as they are shown,
    /// since whoever froze it saw them.
    only: Filter,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Within {
    /// The mask of the organization's own entries and of projects that are not named.
    whole: Option<Mask>,
    /// Where it differs from `whole`.
    projects: BTreeMap<Project, Mask>,
}

/// What two grants that cover the same entry hide of it together.
fn meet(one: Option<Mask>, other: Option<Mask>) -> Option<Mask> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

impl Reach {
    /// All there is, unmasked: only for the process's own work, never for a caller's.
    pub fn everything() -> Self {
        Self {
            rest: Some(Mask::NONE),
            organizations: BTreeMap::new(),
            only: Filter::everything(),
        }
    }

    /// Nothing at all.
    pub fn nothing() -> Self {
        Self {
            rest: None,
            organizations: BTreeMap::new(),
            only: Filter::everything(),
        }
    }

    /// One organization and its projects, for what comes by ways that show no credential and that a deployment opened: it may
    /// record there.
    pub fn recording(organization: &Organization) -> Self {
        let extent = Extent::Organization(organization.clone());
        Self::united(std::iter::once((extent, Mask::NONE)))
    }

    /// What those of the grants reach that hold the permission.
    pub fn of(permission: Permission, grants: &[Grant]) -> Self {
        let grants = grants
            .iter()
            .filter(|grant| grant.permissions.has(permission));
        Self::united(grants.map(|grant| (grant.extent.clone(), grant.mask)))
    }

    /// The same entries, nothing hidden where the grants hold [`Permission::Unmask`] as well.
    pub fn unmasked(permission: Permission, grants: &[Grant]) -> Self {
        let holding = |what| move |grant: &&Grant| grant.permissions.has(what);
        let lifted = grants.iter().filter(holding(permission)).flat_map(|one| {
            let lifting = grants.iter().filter(holding(Permission::Unmask));
            lifting.filter_map(|other| Some((one.extent.and(&other.extent)?, Mask::NONE)))
        });
        let masked = grants.iter().filter(holding(permission));
        Self::united(
            masked
                .map(|grant| (grant.extent.clone(), grant.mask))
                .chain(lifted),
        )
    }

    fn united(parts: impl Iterator<Item = (Extent, Mask)>) -> Self {
        let mut reach = Self::nothing();
        for (extent, mask) in parts {
            let mask = Some(mask);
            match extent {
                Extent::Server => reach.rest = meet(reach.rest, mask),
                Extent::Organization(of) => {
                    let within = reach.organizations.entry(of).or_default();
                    within.whole = meet(within.whole, mask);
                }
                Extent::Projects(of, some) => {
                    let within = reach.organizations.entry(of).or_default();
                    for project in some {
                        let known = within.projects.get(&project).copied();
                        let both = meet(known, mask).expect("one of them is a mask");
                        within.projects.insert(project, both);
                    }
                }
            }
        }
        reach.settle();
        reach
    }

    /// Lets what is around a region count in it, and forgets regions that differ in nothing from what is around them.
    fn settle(&mut self) {
        let rest = self.rest;
        self.organizations.retain(|_, within| {
            within.whole = meet(within.whole, rest);
            let whole = within.whole;
            within.projects.retain(|_, mask| {
                *mask = meet(Some(*mask), whole).expect("one of them is a mask");
                Some(*mask) != whole
            });
            whole != rest || !within.projects.is_empty()
        });
    }

    /// The same reach, but only entries that match.
    pub fn only(self, filter: &Filter) -> Self {
        let only = self.only.and(filter.clone());
        Self { only, ..self }
    }

    fn is_whole(&self) -> bool {
        self.only == Filter::everything()
    }

    /// True if every entry of that scope is reached, also those to come.
    pub fn permits(&self, organization: &Organization, project: Option<&str>) -> bool {
        self.is_whole() && self.mask_at(organization, project).is_some()
    }

    /// What is hidden of entries in that scope; `None` if they are out of reach.
    fn mask_at(&self, organization: &Organization, project: Option<&str>) -> Option<Mask> {
        let Some(within) = self.organizations.get(organization) else {
            return self.rest;
        };
        let named = project.and_then(|project| within.projects.get(&Project::of(project)));
        named.copied().or(within.whole)
    }

    /// True if nothing is reached.
    pub fn is_nothing(&self) -> bool {
        self.rest.is_none() && self.organizations.is_empty()
    }

    /// True if entries of the organization may be reached: whether it is spoken of at all.
    pub fn touches(&self, organization: &Organization) -> bool {
        self.rest.is_some() || self.organizations.contains_key(organization)
    }

    /// True if all of the organization is reached: what may be said of its log as a whole.
    pub fn covers(&self, organization: &Organization) -> bool {
        let whole = match self.organizations.get(organization) {
            Some(within) => within.whole,
            None => self.rest,
        };
        self.is_whole() && whole.is_some()
    }

    /// True if all of the extent is reached, hiding no more than `mask` does.
    pub fn contains(&self, extent: &Extent, mask: Mask) -> bool {
        let shown = |of: Option<Mask>| of.is_some_and(|hidden| hidden.is_within(mask));
        // A named project is hidden no more than what is around it.
        let all_of = |within: &Within| shown(within.whole);
        self.is_whole()
            && match extent {
                Extent::Server => shown(self.rest) && self.organizations.values().all(all_of),
                Extent::Organization(of) => match self.organizations.get(of) {
                    Some(within) => all_of(within),
                    None => shown(self.rest),
                },
                Extent::Projects(of, some) => {
                    let mut each = some.iter();
                    each.all(|project| shown(self.mask_at(of, Some(project.as_str()))))
                }
            }
    }

    /// The entry as this reader sees it; `None` if it is out of reach, exactly as if there were none.
    pub fn show<'a>(&self, entry: &'a Entry) -> Option<Cow<'a, Entry>> {
        Some(self.mask_of(entry)?.view(entry))
    }

    /// What is hidden of the entry; `None` if it is out of reach.
    pub fn mask_of(&self, entry: &Entry) -> Option<Mask> {
        let mask = self.mask_at(&entry.scope.organization, entry.scope.project.as_deref());
        mask.filter(|_| self.only.matches(entry))
    }

    /// The filter that asks for everything that is reached. No facet's leaving out of its own field takes it away:
    /// times are never left out, and the last of the alternatives is one (before all time; nothing is).
    pub fn filter(&self) -> Filter {
        if *self == Self::everything() {
            return Filter::everything();
        }
        let regions = self.masks().into_iter().map(|mask| self.region(mask));
        self.guarded(regions.collect())
    }

    /// The filter as this reader asks it: of what is reached only, and of what is seen there.
    ///
    /// Matches an entry exactly if the entry is reached and the filter matches it as it is shown.
    pub fn narrow(&self, filter: &Filter) -> Filter {
        let masks = self.masks();
        let (same, other): (Vec<&Filter>, Vec<&Filter>) = filter
            .conjuncts()
            .into_iter()
            .partition(|one| masks.iter().all(|mask| mask.leaves(one)));
        let same = Filter::And(same.into_iter().cloned().collect());
        if other.is_empty() {
            return self.filter().and(same);
        }
        let other = Filter::And(other.into_iter().cloned().collect());
        if let [mask] = masks[..] {
            return self.filter().and(same).and(mask.filter(&other));
        }
        let asked = |mask: Mask| self.region(mask).and(mask.filter(&other));
        let regions = masks.iter().copied().map(asked).collect();
        self.guarded(regions).and(same)
    }

    /// The reached entries of which a facet may count the field's value: where it is seen, and no other shows in its
    /// place. `None` if there are none by the masks; the others are counted as hidden.
    pub fn countable(&self, field: Field) -> Option<Filter> {
        let seen = |mask: Mask| match mask.sight(field) {
            Sight::Whole => Some(self.region(mask)),
            Sight::First => Some(self.region(mask).and(mask.filter(&Term::Has(field).into()))),
            Sight::Nothing => None,
        };
        let regions: Vec<Filter> = self.masks().into_iter().filter_map(seen).collect();
        match regions.is_empty() {
            true => None,
            false => Some(self.guarded(regions)),
        }
    }

    /// True if the filter can match nothing because what it asks for is hidden wherever this reader reaches: worth
    /// saying so, since no answer to it would say anything.
    pub fn asks_for_hidden(&self, filter: &Filter) -> bool {
        let masks = self.masks();
        let hidden = |one: &Filter| {
            let nothing = |mask: &Mask| mask.filter(one).simplified() == Filter::nothing();
            one.clone().simplified() != Filter::nothing() && masks.iter().all(nothing)
        };
        !masks.is_empty() && filter.conjuncts().into_iter().any(hidden)
    }

    /// The masks that hold somewhere.
    fn masks(&self) -> Vec<Mask> {
        let named = self.organizations.values().flat_map(|within| {
            let projects = within.projects.values().copied();
            projects.chain(within.whole)
        });
        let all: BTreeSet<Mask> = named.chain(self.rest).collect();
        all.into_iter().collect()
    }

    /// Where that mask holds.
    fn region(&self, mask: Mask) -> Filter {
        let mut parts = Vec::new();
        if self.rest == Some(mask) {
            let named = self.organizations.keys().map(of_organization).collect();
            parts.push(Filter::Not(Box::new(Filter::Or(named))));
        }
        for (organization, within) in &self.organizations {
            let of_project = |project: &Project| -> Filter {
                Term::Value(Field::Project, Pattern::exact(project.as_str())).into()
            };
            let masked = within.projects.iter().filter(|(_, of)| **of == mask);
            let masked: Vec<Filter> = masked.map(|(project, _)| of_project(project)).collect();
            if !masked.is_empty() {
                parts.push(of_organization(organization).and(Filter::Or(masked)));
            }
            if within.whole == Some(mask) {
                let named = within.projects.keys().map(of_project).collect();
                let others = Filter::Not(Box::new(Filter::Or(named)));
                parts.push(of_organization(organization).and(others));
            }
        }
        Filter::Or(parts).simplified().and(self.only.clone())
    }

    fn guarded(&self, mut regions: Vec<Filter>) -> Filter {
        if regions.is_empty() {
            return Filter::nothing();
        }
        regions.push(Term::To(Timestamp::MIN).into());
        let guard = Filter::Or(regions).simplified();
        match self.rest {
            Some(_) => guard,
            // Said once more, where it spares looking into the other logs at all.
            None => {
                let named = self.organizations.keys().map(of_organization).collect();
                Filter::Or(named).and(guard)
            }
        }
    }
}

fn of_organization(organization: &Organization) -> Filter {
    Term::Value(Field::Organization, Pattern::exact(organization.as_str())).into()
}

#[cfg(test)]
mod tests;
