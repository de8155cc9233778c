//! The field table: one row per field feeds the query language, URL filters, facets, columns and exports.

use crate::{ActorKind, Category, Entry, Result};

/// A field that can be filtered on by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Actor,
    Email,
    Target,
    RequestId,
    Action,
    Category,
    TargetType,
    Result,
    Organization,
    Project,
    Ip,
    ActorType,
    Source,
    Id,
}

impl Field {
    pub const ALL: &'static [Field] = &[
        Field::Actor,
        Field::Email,
        Field::Target,
        Field::RequestId,
        Field::Action,
        Field::Category,
        Field::TargetType,
        Field::Result,
        Field::Organization,
        Field::Project,
        Field::Ip,
        Field::ActorType,
        Field::Source,
        Field::Id,
    ];

    /// The name in URLs, queries, facets and JSON: `request_id`.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Actor => "actor",
            Field::Email => "email",
            Field::Target => "target",
            Field::RequestId => "request_id",
            Field::Action => "action",
            Field::Category => "category",
            Field::TargetType => "target_type",
            Field::Result => "result",
            Field::Organization => "organization",
            Field::Project => "project",
            Field::Ip => "ip",
            Field::ActorType => "actor_type",
            Field::Source => "source",
            Field::Id => "id",
        }
    }

    /// The title on pages: `Request ID`.
    pub const fn title(self) -> &'static str {
        match self {
            Field::Actor => "Actor",
            Field::Email => "Email",
            Field::Target => "Target",
            Field::RequestId => "Request ID",
            Field::Action => "Action",
            Field::Category => "Category",
            Field::TargetType => "Target Type",
            Field::Result => "Result",
            Field::Organization => "Organization",
            Field::Project => "Project",
            Field::Ip => "IP Address",
            Field::ActorType => "Actor Type",
            Field::Source => "Source",
            Field::Id => "Entry ID",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }

    /// Every value of the field in an entry, the one that facets count and pages show first.
    ///
    /// `actor`: name, then id (email where both are absent). `target`: name, then id, then names and ids of `related`.
    /// `target_type`: the target's, then those of `related`. `id`: [`Entry::id`] as its 36 characters.
    /// Empty texts are values like any other.
    pub fn each_value(self, entry: &Entry, visit: &mut dyn FnMut(&str)) {
        let mut some = |value: &Option<Box<str>>| {
            if let Some(value) = value {
                visit(value);
            }
        };
        let party = &entry.actor.party;
        match self {
            Field::Actor => {
                some(&party.name);
                some(&party.id);
                if party.name.is_none() && party.id.is_none() {
                    some(&party.email);
                }
            }
            Field::Email => some(&party.email),
            Field::Target => {
                for target in entry.target.iter().chain(&entry.related) {
                    some(&target.name);
                    some(&target.id);
                }
            }
            Field::TargetType => entry
                .target
                .iter()
                .chain(&entry.related)
                .for_each(|target| some(&target.kind)),
            Field::RequestId => some(&entry.request.id),
            Field::Ip => some(&entry.request.ip),
            Field::Project => some(&entry.scope.project),
            Field::Action => visit(&entry.action),
            Field::Category => visit(entry.category.as_str()),
            Field::Result => visit(entry.result.as_str()),
            Field::Organization => visit(entry.scope.organization.as_str()),
            Field::ActorType => visit(party.kind.as_str()),
            Field::Source => {
                if let Some(source) = &entry.source {
                    visit(&source.name);
                }
            }
            Field::Id => {
                let id = uuid::Uuid::from_bytes(*entry.id.as_bytes());
                visit(
                    id.hyphenated()
                        .encode_lower(&mut uuid::Uuid::encode_buffer()),
                );
            }
        }
    }

    /// The value that facets count and pages show; `None` where the field has no value.
    pub fn first_value(self, entry: &Entry) -> Option<Box<str>> {
        let mut first = None;
        self.each_value(entry, &mut |value| {
            if first.is_none() {
                first = Some(value.into());
            }
        });
        first
    }

    /// The words of a closed vocabulary, in the order pages show them; `None` where any text can be a value.
    pub fn vocabulary(self) -> Option<Vec<&'static str>> {
        match self {
            Field::Category => Some(Category::ALL.iter().map(|value| value.as_str()).collect()),
            Field::Result => Some(Result::ALL.iter().map(|value| value.as_str()).collect()),
            Field::ActorType => Some(ActorKind::ALL.iter().map(|value| value.as_str()).collect()),
            _ => None,
        }
    }
}
