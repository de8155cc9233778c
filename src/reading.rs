//! What a caller may see of the logs: the only way from a handler to entries.
//!
//! There is none without a [`Caller`](crate::guard::Caller) and a permission. Every question is narrowed to what the caller
//! reaches, and every entry comes as the caller sees it. What lies beyond its reach changes nothing in any answer: neither
//! entries nor counts, nor where a walk or a tail goes on.

use crate::access::{Extent, Permission, Principal, Reach};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::{Kind, Problem};
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Entry, EntryId, Filter, Mask, Organization, Timestamp};
use proof::disclosure::Disclosure;
use std::borrow::Cow;
use store::view::{
    Bar, Direction, Facet, Mentions, Order, Page, PageQuery, Person, Places, Scan, Snapshot,
};
use store::{Error, Kept};

/// The logs at one moment, as one caller may see them. Cheap to clone.
#[derive(Clone)]
pub struct Reading {
    snapshot: Snapshot,
    reach: Reach,
    /// Everything is reached, and nothing hidden: no filter is needed.
    is_whole: bool,
}

/// What a call may do with the permission; 403 if it does not hold it anywhere.
pub fn reach(caller: &Caller, permission: Permission) -> Result<Reach, Problem> {
    let principal = &caller.principal;
    must_hold(principal, permission)?;
    if !caller.circumstances.unmask {
        return Ok(principal.reach(permission));
    }
    must_hold(principal, Permission::Unmask)?;
    Ok(principal.unmasked(permission))
}

/// 403 that names the permission if it is not held anywhere.
pub fn must_hold(principal: &Principal, permission: Permission) -> Result<(), Problem> {
    match principal.holds(permission) {
        true => Ok(()),
        false => Err(forbidden(permission)),
    }
}

/// Says what is missing.
pub fn forbidden(permission: Permission) -> Problem {
    Kind::Forbidden.detail(format!("this takes the permission {permission}"))
}

impl App {
    /// What the caller may see now, by that permission.
    pub fn reading(&self, caller: &Caller, permission: Permission) -> Result<Reading, Problem> {
        Ok(self.reading_within(reach(caller, permission)?))
    }

    /// What a reach that was worked out before sees now: for streams.
    pub fn reading_within(&self, reach: Reach) -> Reading {
        Reading {
            snapshot: self.store.snapshot(),
            is_whole: reach == Reach::everything(),
            reach,
        }
    }
}

impl Reading {
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// True if everything is reached, and nothing hidden.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// True if the log is spoken of as a whole to this caller: its size, checkpoints and tiles.
    pub fn covers(&self, organization: &Organization) -> bool {
        self.reach.covers(organization)
    }

    fn narrow(&self, filter: &Filter) -> Filter {
        match self.is_whole {
            true => filter.clone(),
            false => self.reach.narrow(filter),
        }
    }

    /// The filter that matches what is reached.
    fn reached(&self) -> Filter {
        self.narrow(&Filter::everything())
    }

    fn narrowed(&self, query: &PageQuery) -> PageQuery {
        PageQuery {
            filter: self.narrow(&query.filter),
            ..query.clone()
        }
    }

    /// The entry as the caller sees it; none out of its reach.
    fn show(&self, entry: Entry) -> Option<Entry> {
        if self.is_whole {
            return Some(entry);
        }
        match self.reach.show(&entry)? {
            Cow::Owned(view) => Some(view),
            Cow::Borrowed(_) => Some(entry),
        }
    }

    /// One page, and where to go on. `query.as_of` absent: all there is by now.
    pub fn page(&self, query: &PageQuery) -> Result<Page, Error> {
        let page = self.snapshot.page(&self.narrowed(query))?;
        let shown = page.entries.into_iter().filter_map(|one| self.show(one));
        Ok(Page {
            entries: shown.collect(),
            next: page.next,
        })
    }

    /// Everything that matches, from `query.after`, in constant memory.
    pub fn scan(&self, query: &PageQuery) -> Shown {
        Shown {
            scan: self.snapshot.scan(self.narrowed(query)),
            reading: self.clone(),
        }
    }

    /// How many entries match.
    pub fn count(&self, filter: &Filter) -> Result<u64, Error> {
        self.snapshot.count(&self.narrow(filter))
    }

    /// Each field counted under the filter without its own conditions. Where the value that a facet counts is hidden, the
    /// entry is in the total only.
    pub fn facets(
        &self,
        filter: &Filter,
        fields: &[Field],
        top: usize,
    ) -> Result<Vec<Facet>, Error> {
        if self.is_whole {
            return self.snapshot.facets(filter, fields, top);
        }
        let all = self.reach.filter();
        let (mut counted, mut plain) = (Vec::new(), Vec::new());
        for &field in fields {
            // Narrowed without its own condition, which may hide in the alternatives that several masks make.
            let under = self.narrow(&filter.without(field));
            match self.reach.countable(field) {
                Some(seen) if seen == all => {
                    match { &mut plain }.iter_mut().find(|(f, _)| *f == under) {
                        None => plain.push((under, vec![field])),
                        Some((_, fields)) => fields.push(field),
                    }
                }
                seen => counted.push(self.masked_facet(field, under, seen, top)?),
            }
        }
        for (under, fields) in &plain {
            counted.extend(self.snapshot.facets(under, fields, top)?);
        }
        let found = |field: &Field| counted.iter().find(|facet| facet.field == *field).cloned();
        Ok(fields.iter().filter_map(found).collect())
    }

    fn masked_facet(
        &self,
        field: Field,
        under: Filter,
        seen: Option<Filter>,
        top: usize,
    ) -> Result<Facet, Error> {
        let total = self.snapshot.count(&under)?;
        let counted = match seen {
            Some(seen) => { self.snapshot.facets(&under.and(seen), &[field], top)? }.pop(),
            None => None,
        };
        let nothing = Facet {
            field,
            total,
            distinct: 0,
            top: Vec::new(),
        };
        Ok(match counted {
            Some(facet) => Facet { total, ..facet },
            None => nothing,
        })
    }

    /// Success and failure between consecutive edges.
    pub fn histogram(&self, filter: &Filter, edges: &[Timestamp]) -> Result<Vec<Bar>, Error> {
        self.snapshot.histogram(&self.narrow(filter), edges)
    }

    /// Oldest and newest timestamp under the filter.
    pub fn time_bounds(&self, filter: &Filter) -> Result<Option<(Timestamp, Timestamp)>, Error> {
        self.snapshot.time_bounds(&self.narrow(filter))
    }

    /// The entries of an id: at most one per log. One that is out of reach takes no longer than one that is not there.
    pub fn get(&self, id: &EntryId) -> Result<Vec<Entry>, Error> {
        let found = self.snapshot.get(id, &self.reached())?.into_iter();
        Ok(found.filter_map(|entry| self.show(entry)).collect())
    }

    /// The entries of an id with what proves them, and what of each is hidden from the caller. As they are: what is given
    /// out of them goes through [`disclosure`].
    pub fn get_kept(&self, id: &EntryId) -> Result<Vec<(Kept, Mask)>, Error> {
        let found = self.snapshot.get_kept(id, &self.reached())?.into_iter();
        let reached = found.filter_map(|kept| Some((self.mask_of(&kept)?, kept)));
        Ok(reached.map(|(mask, kept)| (kept, mask)).collect())
    }

    /// What is hidden of the entry; `None` if it is out of reach.
    pub fn mask_of(&self, entry: &Entry) -> Option<Mask> {
        match self.is_whole {
            true => Some(Mask::NONE),
            false => self.reach.mask_of(entry),
        }
    }

    /// The filter that matches an entry, as it is, exactly if it is reached and the given one matches it as it is shown.
    pub fn filter(&self, filter: &Filter) -> Filter {
        self.narrow(filter)
    }

    /// The logs that the caller may know as a whole.
    pub fn logs(&self) -> impl Iterator<Item = &Organization> {
        let all = self.snapshot.logs.iter().map(|log| &log.organization);
        all.filter(|organization| self.covers(organization))
    }

    /// True if there is a log of the organization: not to be told of one that is out of reach.
    pub fn has_log(&self, organization: &Organization) -> bool {
        let mut logs = self.snapshot.logs.iter();
        logs.any(|log| log.organization == *organization)
    }

    /// The entries of a log by their place, as they are; `None` unless the caller may know the log as a whole.
    pub fn places(&self, organization: &Organization) -> Option<Places> {
        let covered = self.covers(organization);
        covered
            .then(|| self.snapshot.places(organization))
            .flatten()
    }

    /// What speaks of a person in the logs that the caller sees all of, nothing hidden: a look at what is hidden would tell it.
    pub fn mentions(
        &self,
        person: &Person,
        organizations: Option<&[Organization]>,
    ) -> Result<Vec<Mentions>, Error> {
        let named = |one: &&Organization| organizations.is_none_or(|named| named.contains(one));
        let logs: Vec<Organization> = self.logs_seen_whole().filter(named).cloned().collect();
        self.snapshot.mentions(person, Some(&logs))
    }

    /// True if the caller sees all of the organization's entries, nothing hidden.
    pub fn sees_all(&self, organization: &Organization) -> bool {
        let extent = Extent::Organization(organization.clone());
        self.reach.contains(&extent, Mask::NONE)
    }

    /// The logs that it sees all of.
    pub fn logs_seen_whole(&self) -> impl Iterator<Item = &Organization> {
        let all = self.snapshot.logs.iter().map(|log| &log.organization);
        all.filter(|organization| self.sees_all(organization))
    }

    /// The newest receipt that the caller could see: the state of a walk, or where a tail begins.
    pub fn state(&self) -> Result<Option<Timestamp>, Error> {
        if self.is_whole {
            return Ok(self.snapshot.as_of);
        }
        Ok(self
            .newest(self.reach.filter())?
            .map(|entry| entry.received_at))
    }

    /// The instant behind which nothing of this snapshot lies, whoever asks. Not to be told: it moves with what is out of
    /// reach.
    pub fn untold_state(&self) -> Option<Timestamp> {
        self.snapshot.as_of
    }

    fn newest(&self, filter: Filter) -> Result<Option<Entry>, Error> {
        let newest = PageQuery {
            filter,
            order: Order::Received,
            direction: Direction::Descending,
            limit: 1,
            after: None,
            as_of: None,
        };
        Ok(self.snapshot.page(&newest)?.entries.pop())
    }

    /// The state that a filter's logs are in: the seq of the newest entry where one log is in question, over several the
    /// sum of their sizes less one, nothing while they are empty. Of a log that is not all in reach, what is counts.
    pub fn as_of(&self, filter: &Filter) -> Result<Option<u64>, Error> {
        let named = filter.organizations();
        if self.is_whole {
            return Ok(self.snapshot.size(named.as_deref()).checked_sub(1));
        }
        let mut sum = 0;
        for log in self.snapshot.logs.iter() {
            let organization = &log.organization;
            if named
                .as_ref()
                .is_some_and(|named| !named.contains(organization))
            {
                continue;
            }
            if self.covers(organization) {
                sum += self.snapshot.size(Some(std::slice::from_ref(organization)));
            } else if self.reach.touches(organization) {
                let own = Term::Value(Field::Organization, Pattern::exact(organization.as_str()));
                let newest = self.newest(self.reach.filter().and(own.into()))?;
                sum += newest.map_or(0, |entry| entry.seq.0 + 1);
            }
        }
        Ok(sum.checked_sub(1))
    }

    /// The organizations that a filter asks about; `None` if the caller does not read each of them as a whole.
    pub fn in_question(&self, filter: &Filter) -> Option<Vec<Organization>> {
        let named = filter.organizations();
        let asked = |of: &Organization| named.as_ref().is_none_or(|named| named.contains(of));
        let logs = self.snapshot.logs.iter().map(|log| &log.organization);
        let reached = logs.filter(|of| asked(of) && self.reach.touches(of));
        let each = reached.map(|of| self.covers(of).then(|| of.clone()));
        each.collect()
    }

    /// Entries that the caller may see at all.
    pub fn stored(&self) -> Result<u64, Error> {
        match self.is_whole {
            true => Ok(self.snapshot.size(None)),
            false => self.snapshot.count(&self.reach.filter()),
        }
    }
}

/// The entries of [`Reading::scan`], as the caller sees them.
pub struct Shown {
    scan: Scan,
    reading: Reading,
}

impl Iterator for Shown {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.scan.next()? {
                Err(error) => return Some(Err(error)),
                Ok(entry) => {
                    if let Some(shown) = self.reading.show(entry) {
                        return Some(Ok(shown));
                    }
                }
            }
        }
    }
}

/// What is shown of an entry as evidence: units that are hidden by their digests only.
pub fn disclosure(kept: &Kept, mask: Mask) -> Result<Disclosure, String> {
    let mut disclosure = kept.disclosure()?;
    let units = disclosure.units().iter();
    let hidden = units.filter(|unit| mask.hides_at(&unit.path));
    let hidden: Vec<String> = hidden.map(|unit| unit.path.clone()).collect();
    for path in hidden {
        disclosure.erase(&path).map_err(|error| error.to_string())?;
    }
    Ok(disclosure)
}
