//! An entry, word by word. Each step gives what the next one needs, so what is not said does not compile.

use crate::Action;
use crate::value::{Change, IntoValue, differences};
use entry::json::{Object, Value};
use entry::{ActorKind, Draft, Json, Organization, Party, Timestamp};

/// Where an entry begins: [`Entry::by`].
///
/// It is done when it is a [`Draft`], which takes an actor, an action and a result:
///
/// ```
/// use mar_audit_client::{Actor, Draft, Entry, action};
/// let draft: Draft = Entry::by(Actor::system("scheduler")).did(action::START_INSTANCE).success();
/// ```
///
/// Without an actor there is nothing to begin with:
///
/// ```compile_fail,E0599
/// use mar_audit_client::{Entry, action};
/// let draft = Entry::did(action::START_INSTANCE).success();
/// ```
///
/// without an action nothing that could succeed:
///
/// ```compile_fail,E0599
/// use mar_audit_client::{Actor, Entry};
/// let draft = Entry::by(Actor::system("scheduler")).success();
/// ```
///
/// and without a result nothing that can be recorded:
///
/// ```compile_fail,E0308
/// use mar_audit_client::{Actor, Draft, Entry, action};
/// let draft: Draft = Entry::by(Actor::system("scheduler")).did(action::START_INSTANCE);
/// ```
#[derive(Debug)]
pub struct Entry(());

impl Entry {
    /// Who did it.
    pub fn by(actor: impl Into<entry::Actor>) -> By {
        By {
            actor: actor.into(),
        }
    }
}

/// Somebody, who did something yet to be said.
#[derive(Clone, Debug)]
#[must_use = "an entry needs an action and a result"]
pub struct By {
    actor: entry::Actor,
}

impl By {
    /// What they did.
    pub fn did(self, action: Action) -> Did {
        let category = action.named_category();
        let mut draft = Draft::new(self.actor, action.name(), entry::Result::Success);
        draft.category = category;
        Did {
            draft,
            changes: Vec::new(),
            context: Object::new(),
        }
    }
}

/// Somebody did something; how it ended is yet to be said: [`Did::success`] or [`Did::failure`].
#[derive(Clone, Debug)]
#[must_use = "an entry needs a result"]
pub struct Did {
    draft: Draft,
    changes: Vec<Value<'static>>,
    context: Object<'static>,
}

impl Did {
    /// What it was done to.
    pub fn to(mut self, target: impl Into<entry::Target>) -> Self {
        self.draft.target = Some(target.into());
        self
    }

    /// Something else that it touched; any number.
    pub fn related(mut self, target: impl Into<entry::Target>) -> Self {
        self.draft.related.push(target.into());
        self
    }

    /// Where: an organization, whose slug is 1 to 63 of `a-z 0-9 . _ -`. Without it, the token or the server says.
    ///
    /// # Panics
    /// If it is no slug. Of a text that is not yours: [`Organization::parse`] and [`Did::in_scope`].
    pub fn in_organization(self, organization: &str) -> Self {
        self.in_scope(Some(slug(organization)), None::<String>)
    }

    /// Where: a project of an organization.
    ///
    /// # Panics
    /// If the organization is no slug.
    pub fn in_project(self, organization: &str, project: impl Into<Box<str>>) -> Self {
        self.in_scope(Some(slug(organization)), Some(project))
    }

    /// Where, as far as it is known.
    pub fn in_scope(
        mut self,
        organization: Option<Organization>,
        project: Option<impl Into<Box<str>>>,
    ) -> Self {
        self.draft.scope.organization = organization;
        self.draft.scope.project = project.map(Into::into);
        self
    }

    /// What changed: a pointer into the thing, the value before and the value after; any number.
    pub fn change(
        mut self,
        path: impl Into<String>,
        before: impl IntoValue,
        after: impl IntoValue,
    ) -> Self {
        let change = Change {
            path: path.into(),
            before: Some(before.into_value()),
            after: Some(after.into_value()),
        };
        self.changes.push(change.into_value());
        self
    }

    /// Everything that differs between two states of the target.
    pub fn changed(self, before: &serde_json::Value, after: &serde_json::Value) -> Self {
        self.changes(differences(before, after))
    }

    /// These changes, beside those that were said.
    pub fn changes(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        self.changes
            .extend(changes.into_iter().map(Change::into_value));
        self
    }

    /// Anything else that helps to understand it later; of values with the same key the last one stays.
    pub fn context(mut self, key: impl Into<String>, value: impl IntoValue) -> Self {
        self.context.insert(key.into(), value.into_value());
        self
    }

    /// The platform's request that caused it.
    pub fn request(mut self, request: impl Into<entry::Request>) -> Self {
        self.draft.request = request.into();
        self
    }

    /// When it happened. Without it: when it was recorded.
    pub fn at(mut self, timestamp: Timestamp) -> Self {
        self.draft.timestamp = Some(timestamp);
        self
    }

    /// It was done.
    pub fn success(self) -> Draft {
        self.finish()
    }

    /// It was not done: a code such as `403` and a sentence; an empty one is left out.
    pub fn failure(mut self, code: impl Into<Box<str>>, message: impl Into<Box<str>>) -> Draft {
        let said = |text: Box<str>| (!text.is_empty()).then_some(text);
        let (code, message) = (said(code.into()), said(message.into()));
        self.draft.result = entry::Result::Failure;
        if code.is_some() || message.is_some() {
            self.draft.error = Some(entry::Error { code, message });
        }
        self.finish()
    }

    fn finish(mut self) -> Draft {
        if !self.changes.is_empty() {
            self.draft.changes = Some(Json::from(&Value::Array(self.changes)));
        }
        if !self.context.is_empty() {
            self.draft.context = Some(Json::from(&Value::Object(self.context)));
        }
        self.draft
    }
}

fn slug(text: &str) -> Organization {
    Organization::parse(text).unwrap_or_else(|| panic!("`{text}` is no organization's slug"))
}

/// Who did it, as they were named when they did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(entry::Actor);

impl Actor {
    /// A person.
    pub fn user(id: impl Into<Box<str>>) -> Self {
        Self::of(ActorKind::User, id)
    }

    /// The platform itself: a scheduler, a controller.
    pub fn system(id: impl Into<Box<str>>) -> Self {
        Self::of(ActorKind::System, id)
    }

    /// A program with an account.
    pub fn service_account(id: impl Into<Box<str>>) -> Self {
        Self::of(ActorKind::ServiceAccount, id)
    }

    /// A program that decides for itself.
    pub fn agent(id: impl Into<Box<str>>) -> Self {
        Self::of(ActorKind::Agent, id)
    }

    /// Nobody who is known: an address, or `anonymous`.
    pub fn anonymous(name: impl Into<Box<str>>) -> Self {
        let mut party = Party::of(ActorKind::Anonymous);
        party.name = Some(name.into());
        Self(party.into())
    }

    /// A party of that kind.
    pub fn of(kind: ActorKind, id: impl Into<Box<str>>) -> Self {
        let mut party = Party::of(kind);
        party.id = Some(id.into());
        Self(party.into())
    }

    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.0.party.name = Some(name.into());
        self
    }

    #[must_use]
    pub fn email(mut self, email: impl Into<Box<str>>) -> Self {
        self.0.party.email = Some(email.into());
        self
    }

    /// For whom they did it: the user behind a service account, the person somebody stood in for.
    #[must_use]
    pub fn on_behalf_of(mut self, other: Actor) -> Self {
        self.0.on_behalf_of = Some(other.0.party);
        self
    }
}

impl From<Actor> for entry::Actor {
    fn from(actor: Actor) -> Self {
        actor.0
    }
}

/// What it was done to, as it was named then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(entry::Target);

macro_rules! targets {
    ($($(#[$doc:meta])* $method:ident = $kind:literal;)+) => {
        impl Target {
            $($(#[$doc])* pub fn $method(id: impl Into<Box<str>>) -> Self {
                Self::of($kind, id)
            })+
        }
    };
}

targets! {
    cluster = "cluster";
    instance = "instance";
    config_profile = "config_profile";
    /// An alert, or the rule that raises it.
    alert = "alert";
    user = "user";
    role = "role";
    webhook = "webhook";
}

impl Target {
    /// A target of any type.
    pub fn of(kind: impl Into<Box<str>>, id: impl Into<Box<str>>) -> Self {
        Self(entry::Target {
            kind: Some(kind.into()),
            id: Some(id.into()),
            name: None,
        })
    }

    #[must_use]
    pub fn name(mut self, name: impl Into<Box<str>>) -> Self {
        self.0.name = Some(name.into());
        self
    }
}

impl From<Target> for entry::Target {
    fn from(target: Target) -> Self {
        target.0
    }
}

/// The platform's request that caused an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request(entry::Request);

macro_rules! members {
    ($($(#[$doc:meta])* $member:ident;)+) => {
        impl Request {
            $($(#[$doc])* #[must_use] pub fn $member(mut self, text: impl Into<Box<str>>) -> Self {
                self.0.$member = Some(text.into());
                self
            })+
        }
    };
}

members! {
    /// What the platform calls it; several entries may share one.
    id;
    ip;
    user_agent;
    method;
    /// Without its query, which may hold secrets.
    path;
    trace_id;
    session_id;
}

impl Request {
    pub fn new() -> Self {
        Self::default()
    }
}

impl From<Request> for entry::Request {
    fn from(request: Request) -> Self {
        request.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action;

    #[test]
    fn an_entry_says_what_was_said() {
        let draft = Entry::by(
            Actor::user("usr_5")
                .name("Ana Ruiz")
                .email("ana@acme.example")
                .on_behalf_of(Actor::user("usr_9").name("Bo Li")),
        )
        .did(action::SCALE_CLUSTER)
        .to(Target::cluster("clu_9").name("pay-eu"))
        .related(Target::config_profile("cp_2").name("large"))
        .in_project("acme", "payments")
        .request(Request::new().id("req_77c").ip("203.0.113.9"))
        .change("/spec/replicas", 3, 5)
        .context("ticket", "OPS-88")
        .failure("403", "missing clusters:update");
        let mut json = Vec::new();
        draft.write_json(&mut json);
        let expected = concat!(
            r#"{"action":"scaleCluster","actor":{"email":"ana@acme.example","id":"usr_5","name":"Ana Ruiz","#,
            r#""on_behalf_of":{"id":"usr_9","name":"Bo Li","type":"user"},"type":"user"},"#,
            r#""changes":[{"after":5,"before":3,"path":"/spec/replicas"}],"context":{"ticket":"OPS-88"},"#,
            r#""error":{"code":"403","message":"missing clusters:update"},"#,
            r#""related":[{"id":"cp_2","name":"large","type":"config_profile"}],"#,
            r#""request":{"id":"req_77c","ip":"203.0.113.9"},"result":"failure","#,
            r#""scope":{"organization":"acme","project":"payments"},"#,
            r#""target":{"id":"clu_9","name":"pay-eu","type":"cluster"}}"#,
        );
        assert_eq!(String::from_utf8(json).expect("UTF-8"), expected);
        assert_eq!(draft.check(), Ok(()));
    }

    #[test]
    fn what_is_not_said_is_absent() {
        let draft = Entry::by(Actor::anonymous("anonymous"))
            .did(action::LOGIN)
            .failure("", "");
        assert_eq!(draft.error, None);
        assert_eq!((draft.changes, draft.context), (None, None));
    }

    #[test]
    #[should_panic(expected = "`Acme` is no organization's slug")]
    fn an_organization_is_a_slug() {
        let _ = Entry::by(Actor::user("u"))
            .did(action::LOGIN)
            .in_organization("Acme");
    }
}
