//! The field table: one row per field feeds the query language, URL filters, facets, columns and exports.

use crate::Entry;

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
    /// `target_type`: the target's, then those of `related`. `id`: see [`Entry::id`], as its 36 characters.
    /// Empty texts are values like any other.
    pub fn each_value<'a>(self, entry: &'a Entry, visit: &mut dyn FnMut(&'a str)) {
        let _ = (entry, visit);
        todo!()
    }
}
