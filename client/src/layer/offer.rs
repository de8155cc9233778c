//! What a handler offers for its entry: an [`Audit`] in the extensions of its response.

use crate::value::{Change, IntoValue, differences};
use crate::{Action, Actor, Target};
use entry::Organization;
use entry::json::Value;

/// What only the handler knows of its request. With axum: `(Extension(audit), Json(answer))`.
#[derive(Clone, Debug, Default)]
#[must_use = "put it into the extensions of the response"]
pub struct Audit {
    pub(super) action: Option<Action>,
    pub(super) actor: Option<Actor>,
    pub(super) target_id: Option<Box<str>>,
    pub(super) target_name: Option<Box<str>>,
    pub(super) related: Vec<Target>,
    pub(super) scope: Option<(Organization, Option<Box<str>>)>,
    pub(super) changes: Vec<Change>,
    pub(super) context: Vec<(String, Value<'static>)>,
    pub(super) message: Option<Box<str>>,
}

impl Audit {
    pub fn new() -> Self {
        Self::default()
    }

    /// What it did, where the route alone does not say: `PATCH` that scales or renames.
    pub fn action(mut self, action: Action) -> Self {
        self.action = Some(action);
        self
    }

    /// Who did it, where only the handler knows.
    pub fn actor(mut self, actor: Actor) -> Self {
        self.actor = Some(actor);
        self
    }

    /// The id of what was made.
    pub fn target_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.target_id = Some(id.into());
        self
    }

    /// The target's name, as it is now: it stays readable when the target is gone.
    pub fn target_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.target_name = Some(name.into());
        self
    }

    /// Something else that it touched.
    pub fn related(mut self, target: Target) -> Self {
        self.related.push(target);
        self
    }

    /// Where, if the layer's own extractor does not know.
    pub fn in_project(mut self, organization: Organization, project: impl Into<Box<str>>) -> Self {
        self.scope = Some((organization, Some(project.into())));
        self
    }

    /// One change.
    pub fn change(
        mut self,
        path: impl Into<String>,
        before: impl IntoValue,
        after: impl IntoValue,
    ) -> Self {
        self.changes.push(Change {
            path: path.into(),
            before: Some(before.into_value()),
            after: Some(after.into_value()),
        });
        self
    }

    /// Everything that differs between two states of the target.
    pub fn changed(mut self, before: &serde_json::Value, after: &serde_json::Value) -> Self {
        self.changes.extend(differences(before, after));
        self
    }

    /// Anything else that helps to understand it later.
    pub fn context(mut self, key: impl Into<String>, value: impl IntoValue) -> Self {
        self.context.push((key.into(), value.into_value()));
        self
    }

    /// Why it failed, for a response that is a failure.
    pub fn message(mut self, message: impl Into<Box<str>>) -> Self {
        self.message = Some(message.into());
        self
    }
}
