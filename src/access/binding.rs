//! Who has which role, and where.

use super::Error;
use super::identifier::Identifier;
use super::permission::Permissions;
use entry::limits::PROJECT_BYTES_MAX;
use entry::{Mask, Organization, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Projects of one extent, and of all bindings of one subject: each is a condition of every search.
pub const PROJECTS_MAX: usize = 256;

/// Where a role holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "ExtentText", try_from = "ExtentText")]
pub enum Extent {
    /// Every organization, also those to come.
    Server,
    /// All of an organization: its own entries and those of its projects.
    Organization(Organization),
    /// Some projects of an organization, and nothing that belongs to the organization itself.
    Projects(Organization, BTreeSet<Project>),
}

/// The name of a project, without case: as searches compare it, so that what is reached is what is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Project(Box<str>);

impl Project {
    /// Any name that is not empty and that an entry can have.
    pub fn parse(name: &str) -> Option<Self> {
        (1..=PROJECT_BYTES_MAX)
            .contains(&name.len())
            .then(|| Self::of(name))
    }

    /// The project of an entry.
    pub(super) fn of(name: &str) -> Self {
        Self(text::fold(name).into())
    }

    /// The name, folded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Extent {
    /// Some projects of an organization, by name.
    pub fn projects<'a>(
        organization: Organization,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let read = |name| {
            Project::parse(name)
                .ok_or_else(|| Error::invalid("projects", "a project's name has 1 to 253 bytes"))
        };
        let projects: BTreeSet<Project> = names.into_iter().map(read).collect::<Result<_, _>>()?;
        if projects.is_empty() || projects.len() > PROJECTS_MAX {
            return Err(Error::invalid("projects", "name 1 to 256 projects"));
        }
        Ok(Extent::Projects(organization, projects))
    }

    /// What lies in both; `None` if nothing does.
    pub fn and(&self, other: &Extent) -> Option<Extent> {
        match (self, other) {
            (Extent::Server, same) | (same, Extent::Server) => Some(same.clone()),
            (Extent::Organization(of), same) | (same, Extent::Organization(of)) => {
                (same.organization() == Some(of)).then(|| same.clone())
            }
            (Extent::Projects(of, some), Extent::Projects(other, others)) => {
                let both: BTreeSet<Project> = some.intersection(others).cloned().collect();
                (of == other && !both.is_empty()).then(|| Extent::Projects(of.clone(), both))
            }
        }
    }

    pub fn organization(&self) -> Option<&Organization> {
        match self {
            Extent::Server => None,
            Extent::Organization(of) | Extent::Projects(of, _) => Some(of),
        }
    }

    /// Conditions that it costs a search.
    pub(super) fn count(&self) -> usize {
        match self {
            Extent::Server | Extent::Organization(_) => 1,
            Extent::Projects(_, some) => some.len(),
        }
    }

    /// True if an entry of that scope lies in it.
    pub fn contains(&self, organization: &Organization, project: Option<&str>) -> bool {
        match self {
            Extent::Server => true,
            Extent::Organization(of) => of == organization,
            Extent::Projects(of, some) => {
                let named = |project| some.contains(&Project::of(project));
                of == organization && project.is_some_and(named)
            }
        }
    }
}

/// `the whole server`, `acme`, `acme (payments, web)`
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Server => f.write_str("the whole server"),
            Extent::Organization(of) => write!(f, "{of}"),
            Extent::Projects(of, some) => {
                let names: Vec<&str> = some.iter().map(Project::as_str).collect();
                write!(f, "{of} ({})", names.join(", "))
            }
        }
    }
}

/// An extent as it is stored and spoken of in JSON: `{}`, `{"organization":"acme"}`, with `"projects":["payments"]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtentText {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub projects: Option<Vec<String>>,
}

impl From<Extent> for ExtentText {
    fn from(extent: Extent) -> Self {
        let organization = extent.organization().map(|of| of.as_str().to_owned());
        let names = |some: BTreeSet<Project>| some.iter().map(|p| p.as_str().to_owned()).collect();
        let projects = match extent {
            Extent::Projects(_, some) => Some(names(some)),
            Extent::Server | Extent::Organization(_) => None,
        };
        Self {
            organization,
            projects,
        }
    }
}

impl TryFrom<ExtentText> for Extent {
    type Error = Error;

    fn try_from(text: ExtentText) -> Result<Self, Error> {
        let organization = match &text.organization {
            None => None,
            Some(name) => Some(
                Organization::parse(name)
                    .ok_or_else(|| Error::invalid("organization", "is not a slug"))?,
            ),
        };
        match (organization, text.projects) {
            (None, None) => Ok(Extent::Server),
            (Some(of), None) => Ok(Extent::Organization(of)),
            (Some(of), Some(names)) => Extent::projects(of, names.iter().map(String::as_str)),
            (None, Some(_)) => Err(Error::invalid(
                "organization",
                "projects are those of an organization",
            )),
        }
    }
}

/// Whom a binding is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Account(Identifier),
    /// Everybody who is in the group.
    Group(String),
}

/// Somebody has a role somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    pub id: Identifier,
    pub subject: Subject,
    /// The name of a [`Role`](super::Role).
    pub role: String,
    pub extent: Extent,
}

/// What somebody may do somewhere, and what is hidden there: a binding with its role looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub extent: Extent,
    pub permissions: Permissions,
    pub mask: Mask,
}

impl Grant {
    /// What is left of it within bounds; `None` if nothing is.
    pub fn within(&self, bounds: &Grant) -> Option<Grant> {
        let permissions = self.permissions.and(bounds.permissions);
        let extent = self.extent.and(&bounds.extent)?;
        (!permissions.is_none()).then(|| Grant {
            extent,
            permissions,
            mask: self.mask.or(bounds.mask),
        })
    }
}
