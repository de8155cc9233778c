//! Groups: members of an entry that vary together, kept as one dictionary of distinct records and one number per row.
//!
//! An actor's type, id, name and email make one record, a target with the related ones another, an action with its
//! category and result a third; project, request id, address and source are records of one text. What is left of an
//! entry is in [`super::rest`]. [`Attribute`]s are what filters compare: the values of one kind inside the records.

use super::bits::{read_varint, write_varint};
use entry::field::Field;
use entry::{Actor, ActorKind, Category, Entry, Party, Result as Outcome, Target};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    Actor,
    Target,
    Action,
    Project,
    RequestId,
    Ip,
    Source,
}

impl Group {
    pub const ALL: [Group; 7] = [
        Group::Actor,
        Group::Target,
        Group::Action,
        Group::Project,
        Group::RequestId,
        Group::Ip,
        Group::Source,
    ];

    /// The group that holds a field's values; `None` for the fields that are no dictionary: organization and id.
    pub fn of(field: Field) -> Option<Group> {
        Some(match field {
            Field::Actor | Field::Email | Field::ActorType => Group::Actor,
            Field::Target | Field::TargetType => Group::Target,
            Field::Action | Field::Category | Field::Result => Group::Action,
            Field::Project => Group::Project,
            Field::RequestId => Group::RequestId,
            Field::Ip => Group::Ip,
            Field::Source => Group::Source,
            Field::Organization | Field::Id => return None,
        })
    }

    /// The fields that are counted by this group.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::ALL
            .iter()
            .copied()
            .filter(move |field| Group::of(*field) == Some(self))
    }

    /// True if records are nothing but the value of the group's one field.
    pub fn is_one_text(self) -> bool {
        self.attributes().len() == 1
    }

    /// What this group's records are searched by.
    pub fn attributes(self) -> &'static [Attribute] {
        use Attribute::*;
        match self {
            Group::Actor => &[ActorName, ActorId, ActorOnlyEmail, Email, ActorType],
            Group::Target => &[TargetName, TargetId, TargetType],
            Group::Action => &[Action, Category, Result],
            Group::Project => &[Project],
            Group::RequestId => &[RequestId],
            Group::Ip => &[Ip],
            Group::Source => &[Source],
        }
    }

    /// The group's part of an entry, as bytes that sort and compare equal only for equal parts.
    pub fn write_record(self, entry: &Entry, out: &mut Vec<u8>) {
        match self {
            Group::Actor => write_actor(&entry.actor, out),
            Group::Target => {
                out.push(u8::from(entry.target.is_some()));
                entry
                    .target
                    .iter()
                    .chain(&entry.related)
                    .for_each(|target| write_target(target, out));
            }
            Group::Action => {
                out.extend_from_slice(&[entry.category as u8, entry.result as u8]);
                out.extend_from_slice(entry.action.as_bytes());
            }
            Group::Project => write_text(&entry.scope.project, out),
            Group::RequestId => write_text(&entry.request.id, out),
            Group::Ip => write_text(&entry.request.ip, out),
            Group::Source => write_text(
                &entry.source.as_ref().map(|source| source.name.clone()),
                out,
            ),
        }
    }
}

/// One kind of value inside the records of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    ActorName,
    ActorId,
    /// The email of an actor with neither name nor id: then it is also what the actor is called.
    ActorOnlyEmail,
    Email,
    ActorType,
    /// Also of related targets, as the next two.
    TargetName,
    TargetId,
    TargetType,
    Action,
    Category,
    Result,
    Project,
    RequestId,
    Ip,
    Source,
}

impl Attribute {
    /// Whose records hold it.
    pub fn group(self) -> Group {
        use Attribute::*;
        match self {
            ActorName | ActorId | ActorOnlyEmail | Email | ActorType => Group::Actor,
            TargetName | TargetId | TargetType => Group::Target,
            Action | Category | Result => Group::Action,
            Project => Group::Project,
            RequestId => Group::RequestId,
            Ip => Group::Ip,
            Source => Group::Source,
        }
    }

    /// The attributes whose values are the field's; empty for fields that are no dictionary.
    pub fn of(field: Field) -> &'static [Attribute] {
        use Attribute::*;
        match field {
            Field::Actor => &[ActorName, ActorId, ActorOnlyEmail],
            Field::Email => &[Email],
            Field::Target => &[TargetName, TargetId],
            Field::RequestId => &[RequestId],
            Field::Action => &[Action],
            Field::Category => &[Category],
            Field::TargetType => &[TargetType],
            Field::Result => &[Result],
            Field::Project => &[Project],
            Field::Ip => &[Ip],
            Field::ActorType => &[ActorType],
            Field::Source => &[Source],
            Field::Organization | Field::Id => &[],
        }
    }

    /// What the search box looks into.
    pub const SEARCH: [Attribute; 4] = [
        Attribute::ActorName,
        Attribute::Email,
        Attribute::TargetName,
        Attribute::RequestId,
    ];
}

/// A record of a group, read.
pub enum Record<'a> {
    Actor(PartyText<'a>, Option<PartyText<'a>>),
    /// True if the first is the target, the others are related to it.
    Targets(bool, Vec<TargetText<'a>>),
    Action(Category, Outcome, &'a str),
    Text(Option<&'a str>),
}

#[derive(Clone, Copy)]
pub struct PartyText<'a> {
    pub kind: ActorKind,
    pub id: Option<&'a str>,
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
}

#[derive(Clone, Copy)]
pub struct TargetText<'a> {
    pub kind: Option<&'a str>,
    pub id: Option<&'a str>,
    pub name: Option<&'a str>,
}

/// A record that means "no value". No UTF-8 text is this byte, and all texts sort before it.
pub const NONE: &[u8] = &[0xfe];

impl<'a> Record<'a> {
    /// `None` if the bytes are no record of the group.
    pub fn read(group: Group, mut bytes: &'a [u8]) -> Option<Record<'a>> {
        match group {
            Group::Actor => {
                let actor = read_party(&mut bytes)?;
                let behalf = if bytes.is_empty() {
                    None
                } else {
                    Some(read_party(&mut bytes)?)
                };
                Some(Record::Actor(actor, behalf))
            }
            Group::Target => {
                let (&own, mut bytes) = bytes.split_first()?;
                let mut targets = Vec::new();
                while !bytes.is_empty() {
                    targets.push(read_target(&mut bytes)?);
                }
                Some(Record::Targets(own == 1 && !targets.is_empty(), targets))
            }
            Group::Action => {
                let (&[category, result], action) = bytes.split_first_chunk::<2>()?;
                let category = *Category::ALL.get(category as usize)?;
                let result = *Outcome::ALL.get(result as usize)?;
                Some(Record::Action(
                    category,
                    result,
                    std::str::from_utf8(action).ok()?,
                ))
            }
            _ if bytes == NONE => Some(Record::Text(None)),
            _ => Some(Record::Text(Some(std::str::from_utf8(bytes).ok()?))),
        }
    }

    /// Every value of an attribute in it, not folded.
    pub fn each_value(&self, attribute: Attribute, visit: &mut dyn FnMut(&'a str)) {
        use Attribute as A;
        match self {
            Record::Actor(actor, _) => {
                let value = match attribute {
                    A::ActorName => actor.name,
                    A::ActorId => actor.id,
                    A::ActorOnlyEmail if actor.name.is_none() && actor.id.is_none() => actor.email,
                    A::Email => actor.email,
                    A::ActorType => Some(actor.kind.as_str()),
                    _ => None,
                };
                value.into_iter().for_each(visit);
            }
            Record::Targets(_, targets) => {
                let values = targets.iter().filter_map(|target| match attribute {
                    A::TargetName => target.name,
                    A::TargetId => target.id,
                    A::TargetType => target.kind,
                    _ => None,
                });
                values.for_each(visit);
            }
            Record::Action(category, result, action) => visit(match attribute {
                A::Category => category.as_str(),
                A::Result => result.as_str(),
                _ => action,
            }),
            Record::Text(value) => value.iter().copied().for_each(visit),
        }
    }

    /// The value of a field that facets count: the first in the field's own order.
    pub fn first_value(&self, field: Field) -> Option<&'a str> {
        match (self, field) {
            (Record::Actor(actor, _), Field::Actor) => actor.name.or(actor.id).or(actor.email),
            (Record::Targets(_, targets), Field::Target) => {
                targets.iter().find_map(|target| target.name.or(target.id))
            }
            _ => {
                let mut first = None;
                for attribute in Attribute::of(field) {
                    self.each_value(*attribute, &mut |value| first = first.or(Some(value)));
                }
                first
            }
        }
    }
}

/// The bytes of [`Record::first_value`], read without looking at the rest of the record where that is possible; `Err` if the
/// bytes are no record.
pub fn first_bytes(group: Group, field: Field, record: &[u8]) -> Result<Option<&[u8]>, ()> {
    if group.is_one_text() {
        return Ok((record != NONE).then_some(record));
    }
    // The members of a party stand in the order in which they name it.
    if let (Field::Actor, &[_, flags, ref members @ ..]) = (field, record) {
        return match flags & 0b111 {
            0 => Ok(None),
            _ => read_bytes(&mut &members[..]).map(Some).ok_or(()),
        };
    }
    let read = Record::read(group, record).ok_or(())?;
    Ok(read.first_value(field).map(str::as_bytes))
}

fn write_actor(actor: &Actor, out: &mut Vec<u8>) {
    write_party(&actor.party, out);
    if let Some(behalf) = &actor.on_behalf_of {
        write_party(behalf, out);
    }
}

fn write_party(party: &Party, out: &mut Vec<u8>) {
    out.push(party.kind as u8);
    write_members([&party.name, &party.id, &party.email], out);
}

fn write_target(target: &Target, out: &mut Vec<u8>) {
    write_members([&target.kind, &target.name, &target.id], out);
}

/// Three optional texts: which are there (one byte), then length and bytes of each.
fn write_members(members: [&Option<Box<str>>; 3], out: &mut Vec<u8>) {
    let flags = members
        .iter()
        .enumerate()
        .map(|(at, member)| u8::from(member.is_some()) << at)
        .sum();
    out.push(flags);
    for member in members.into_iter().flatten() {
        write_varint(member.len() as u64, out);
        out.extend_from_slice(member.as_bytes());
    }
}

fn write_text(text: &Option<Box<str>>, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_deref().map_or(NONE, str::as_bytes));
}

fn read_members<'a>(bytes: &mut &'a [u8]) -> Option<[Option<&'a str>; 3]> {
    let (&flags, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut members = [None; 3];
    for (at, member) in members.iter_mut().enumerate() {
        if flags >> at & 1 == 1 {
            *member = Some(read_text(bytes)?);
        }
    }
    Some(members)
}

/// A length and that many bytes of UTF-8, off the front of `bytes`.
pub fn read_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(read_bytes(bytes)?).ok()
}

fn read_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_varint(bytes)?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(text)
}

fn read_party<'a>(bytes: &mut &'a [u8]) -> Option<PartyText<'a>> {
    let (&kind, rest) = bytes.split_first()?;
    *bytes = rest;
    let kind = *ActorKind::ALL.get(kind as usize)?;
    let [name, id, email] = read_members(bytes)?;
    Some(PartyText {
        kind,
        id,
        name,
        email,
    })
}

fn read_target<'a>(bytes: &mut &'a [u8]) -> Option<TargetText<'a>> {
    let [kind, name, id] = read_members(bytes)?;
    Some(TargetText { kind, id, name })
}

impl PartyText<'_> {
    pub fn to_party(self) -> Party {
        let owned = |text: Option<&str>| text.map(Box::from);
        Party {
            kind: self.kind,
            id: owned(self.id),
            name: owned(self.name),
            email: owned(self.email),
        }
    }
}

impl TargetText<'_> {
    pub fn to_target(self) -> Target {
        let owned = |text: Option<&str>| text.map(Box::from);
        Target {
            kind: owned(self.kind),
            id: owned(self.id),
            name: owned(self.name),
        }
    }
}
