//! The log watches itself: who let themselves in, who read, who changed who may do what.
//!
//! [`entry_of`] makes the entry, [`App::note`] and its like write it: each act leaves exactly one, of category
//! `audit`, in the log of the organization it is about, else in that of the default organization. What changes
//! something is refused while nothing can be written; reading goes on and is counted. The same search over again, by
//! whatever route and page, is one within a minute; what a stream sends is none.
//!
//! Nobody who hangs up takes an entry with them: what was read is noted before it is sent, and what is changed on the
//! thread that changes it, or, where that takes many steps, by [`App::carried_through`].
//!
//! Behind an open door nothing is noted but erasures, since there is nobody to name; and what the process itself does to a
//! directory that was guarded before, since whoever opened it is to be seen there.
//!
//! - [`changes`]: of access, kept with their entries
//! - [`people`]: which searches read the data of people

mod changes;
pub mod people;

use crate::access::{Credential, Login, Principal};
use crate::app::App;
use crate::guard::{Caller, Circumstances};
use crate::intake::shelf::{Number, Sender};
use crate::problem::{Kind, Problem};
use crate::reading::Reading;
use entry::draft::Defaults;
use entry::{ActorKind, Category, Draft, Entry, Filter, Json, Organization, Party, Source, Target};
use parking_lot::Mutex;
use people::Search;
use serde_json::{Map, Value};
use sources::redact::Redaction;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use store::{Health, Item};
use tokio::sync::oneshot;

/// The source of what the log says of itself. Nobody records in its name but who holds everything, and imports it.
pub const SOURCE: &str = "mar-audit";

macro_rules! acts {
    ($($variant:ident = $name:literal,)+) => {
        /// What is noted. The catalogue has a row for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act { $($variant,)+ }

        impl Act {
            pub const ALL: &'static [Act] = &[$(Act::$variant,)+];

            pub const fn name(self) -> &'static str {
                match self { $(Act::$variant => $name,)+ }
            }
        }
    };
}

acts! {
    SignIn = "signIn",
    SignOut = "signOut",
    ClaimServer = "claimServer",
    CreateToken = "createToken",
    RevokeToken = "revokeToken",
    CreateAccount = "createAccount",
    UpdateAccount = "updateAccount",
    PutRole = "putRole",
    RemoveRole = "removeRole",
    CreateBinding = "createBinding",
    DeleteBinding = "deleteBinding",
    CreateLink = "createLink",
    RevokeLink = "revokeLink",
    CreateEmbed = "createEmbed",
    EndSession = "endSession",
    ViewEntry = "viewEntry",
    SearchEntries = "searchEntries",
    TailEntries = "tailEntries",
    ExportEntries = "exportEntries",
    VerifyEntry = "verifyEntry",
    StartServer = "startServer",
    StopServer = "stopServer",
    ChangeConfig = "changeConfig",
    RecoverAccess = "recoverAccess",
    AcceptAccess = "acceptAccess",
    ReplayQuarantine = "replayQuarantine",
    DropQuarantine = "dropQuarantine",
    ViewQuarantine = "viewQuarantine",
}

/// One act, as it is noted.
#[derive(Clone, Debug)]
pub struct Deed {
    act: Act,
    /// Whose log it goes to; `None`: the default organization's.
    organization: Option<Organization>,
    target: Option<Target>,
    context: Map<String, Value>,
    /// Why it was refused; `None`: it was done.
    refused: Option<&'static str>,
}

impl Deed {
    pub fn new(act: Act) -> Self {
        Self {
            act,
            organization: None,
            target: None,
            context: Map::new(),
            refused: None,
        }
    }

    pub fn of(self, organization: Option<&Organization>) -> Self {
        let organization = organization.cloned();
        Self {
            organization,
            ..self
        }
    }

    pub fn to(self, kind: &str, id: impl Into<Box<str>>, name: Option<&str>) -> Self {
        let target = Target {
            kind: Some(kind.into()),
            id: Some(id.into()),
            name: name.map(Into::into),
        };
        Self {
            target: Some(target),
            ..self
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.context.insert(name.to_owned(), value.into());
        self
    }

    /// It was refused, and that is what is noted. The code is that of the answer.
    pub fn refused(self, code: &'static str) -> Self {
        Self {
            refused: Some(code),
            ..self
        }
    }

    /// An entry was shown in full.
    pub fn viewed(entry: &Entry) -> Self {
        let id = entry.id.to_string();
        Self::new(Act::ViewEntry)
            .of(Some(&entry.scope.organization))
            .to("entry", id, None)
    }
}

impl Deed {
    /// A proof of an entry was given.
    pub fn verified(entry: &Entry) -> Self {
        Self {
            act: Act::VerifyEntry,
            ..Self::viewed(entry)
        }
    }
}

/// The entry of an act.
fn entry_of(app: &App, caller: &Caller, deed: Deed) -> Result<Item, Problem> {
    let (principal, circumstances) = (&caller.principal, &caller.circumstances);
    let result = match deed.refused {
        None => entry::Result::Success,
        Some(_) => entry::Result::Failure,
    };
    let mut context = deed.context;
    if let Some(purpose) = &circumstances.purpose {
        context.insert("purpose".into(), Value::from(clean(purpose).as_ref()));
    }
    if circumstances.unmask {
        context.insert("unmasked".into(), Value::from(true));
    }
    if let Some((name, by)) = by_what(&principal.credential) {
        context.insert(name.into(), Value::from(by));
    }
    let mut draft = Draft::new(principal.party().clone().into(), deed.act.name(), result);
    draft.target = deed.target;
    draft.request = entry::Request {
        id: circumstances.request_id.as_deref().map(kept),
        ip: circumstances.ip.map(|ip| ip.to_string().into()),
        user_agent: circumstances.user_agent.as_deref().map(kept),
        method: (!circumstances.path.is_empty()).then(|| circumstances.method.as_str().into()),
        path: Some(kept(&circumstances.path)).filter(|path| !path.is_empty()),
        trace_id: None,
        session_id: match &principal.credential {
            Credential::Session(id) => Some(id.as_str().into()),
            _ => None,
        },
    };
    draft.error = deed.refused.map(|code| entry::Error {
        code: Some(code.into()),
        message: None,
    });
    draft.source = Some(Source {
        name: SOURCE.into(),
        event_id: None,
        sequence: None,
    });
    let context = (!context.is_empty()).then(|| Value::from(context).to_string());
    let context = context.map(|text| Json::read(text.as_bytes())).transpose();
    draft.context = context.map_err(|_| Kind::Internal.detail("an own entry is no JSON"))?;
    let organization = deed.organization;
    Ok(Item {
        draft,
        defaults: Defaults {
            id: crate::api::batch::fresh_ids(app.now(), 1)?[0],
            organization: organization.unwrap_or_else(|| app.settings.default_organization.clone()),
            category: Category::Audit,
        },
    })
}

/// Secrets in what callers say: what is searched for is folded.
static SECRETS: LazyLock<Redaction> = LazyLock::new(|| Redaction::default().in_folded_too());

/// The text without what looks like a secret: one that was pasted into the wrong field is in no entry of ours.
fn clean(text: &str) -> Cow<'_, str> {
    SECRETS.text(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn kept(text: &str) -> Box<str> {
    clean(text).into()
}

/// By what somebody was let in who is no session.
fn by_what(credential: &Credential) -> Option<(&'static str, String)> {
    match credential {
        Credential::Token(id) => Some(("token", id.to_string())),
        Credential::Link(id) => Some(("link", id.to_string())),
        Credential::Embed(claims) => Some(("embedded_by", claims.token.to_string())),
        Credential::Session(_) | Credential::Process | Credential::Local => None,
    }
}

/// The principal of who could not be let in: known to nobody.
pub fn nobody() -> Principal {
    Principal::acting(Party {
        name: Some("unknown".into()),
        ..Party::of(ActorKind::Anonymous)
    })
}

/// The same search within this time is one.
const SAME_SEARCH: Duration = Duration::from_secs(60);
/// Searches remembered for that: eight bytes each, and eight for when.
const SEARCHES_MAX: usize = 16 * 1024;

/// What was searched for lately, by keyed hashes.
pub struct Watch {
    hasher: RandomState,
    /// Guards the times, in microseconds, of searches.
    searches: Mutex<HashMap<u64, i64>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            searches: Mutex::new(HashMap::new()),
        }
    }
}

impl Watch {
    /// True the first time within a minute of the last time that it was: whoever asks every half minute is noted every
    /// minute.
    fn is_new(&self, app: &App, caller: &Caller, look: impl Hash) -> bool {
        let Circumstances {
            purpose, unmask, ..
        } = &caller.circumstances;
        let who = format!("{:?}", caller.principal.credential);
        let search = self.hasher.hash_one((who, look, purpose, unmask));
        let now = app.now().as_micros();
        let same = i64::try_from(SAME_SEARCH.as_micros()).expect("a minute");
        let is_same = |at: &i64| now.saturating_sub(*at) < same;
        let mut searches = self.searches.lock();
        if searches.get(&search).is_some_and(is_same) {
            return false;
        }
        if searches.len() >= SEARCHES_MAX {
            searches.retain(|_, at| is_same(at));
        }
        if searches.len() >= SEARCHES_MAX {
            // More than anybody types: what is noted twice is not lost.
            searches.clear();
        }
        searches.insert(search, now);
        true
    }
}

impl App {
    /// 503 while nothing can be written: asked before anything is changed that must leave an entry.
    pub fn must_be_watchable(&self) -> Result<(), Problem> {
        match self.store.health() {
            _ if self.door.is_open() => Ok(()),
            Health::Ready | Health::Damaged { .. } => Ok(()),
            Health::NoSpace { .. } => Err(Kind::NoSpace
                .detail("nothing can be recorded, so nothing is done: the disk is full")),
            Health::Latched { .. } => Err(Kind::Latched
                .detail("nothing can be recorded, so nothing is done; restart the server")),
        }
    }

    /// Notes what was, or is about to be, done; an error if that is not on stable storage. It is on its way to the log when
    /// this is first polled, whatever becomes of the caller.
    pub async fn note(self: &Arc<Self>, caller: &Caller, deed: Deed) -> Result<(), Problem> {
        match self.door.is_open() {
            true => Ok(()),
            false => self.note_anyway(caller, deed).await,
        }
    }

    /// As [`App::note`], whatever the door: for what is done to a data directory, not through the door.
    pub async fn note_anyway(self: &Arc<Self>, caller: &Caller, deed: Deed) -> Result<(), Problem> {
        let item = entry_of(self, caller, deed)?;
        let (done, stored) = oneshot::channel();
        let answer = move |stored: Result<Vec<store::Receipt>, store::Error>| {
            // A caller that hung up does not hear it.
            drop(done.send(stored.map(drop)));
        };
        self.store.append_then(vec![item], Box::new(answer));
        let stored = stored.await;
        stored.map_err(|_| Kind::Closing.detail("the log stopped before it answered"))??;
        Ok(())
    }

    /// As [`App::note`], on the thread that does it. Waits for the disk.
    pub fn note_here(&self, caller: &Caller, deed: Deed) -> Result<(), Problem> {
        if self.door.is_open() {
            return Ok(());
        }
        self.store.append(vec![entry_of(self, caller, deed)?])?;
        Ok(())
    }

    /// Notes what was read. Nobody is kept from reading because that cannot be written; it is counted.
    pub async fn note_reading(self: &Arc<Self>, caller: &Caller, deed: Deed) {
        if let Err(problem) = self.note(caller, deed).await {
            self.metrics.unnoted.inc();
            tracing::error!(detail = problem.detail, "a reading was not noted");
        }
    }

    /// Notes a search, if it reads the data of people or what is hidden: once, whatever it is asked through and however often
    /// within a minute.
    pub async fn note_search(
        self: &Arc<Self>,
        caller: &Caller,
        reading: &Reading,
        search: Search<'_>,
    ) {
        let is_noted = search.reads_people() || caller.circumstances.unmask;
        let fields = search.listed.as_ref().map(|(fields, _)| fields.join(","));
        let look = || (search.filter.to_string(), &fields);
        if self.door.is_open() || !is_noted || !self.watch.is_new(self, caller, look()) {
            return;
        }
        let concerned = self.concerned(reading, search.filter);
        let mut deed = Deed::new(Act::SearchEntries).of(concerned.as_ref());
        deed = deed.with("filter", said(search.filter));
        if let Some(entries) = search.entries {
            deed = deed.with("limit", entries);
        }
        if let (Some(fields), Some((_, top))) = (fields, search.listed) {
            deed = deed.with("fields", fields).with("top", top);
        }
        self.note_reading(caller, deed).await;
    }

    /// Notes that what a source sent was shown as it came: once a page, however often within a minute.
    pub async fn note_quarantine(
        self: &Arc<Self>,
        caller: &Caller,
        sender: &Sender,
        items: &[Number],
    ) {
        let (first, count) = (items.first().map(Number::to_string), items.len());
        let Some(first) = first.filter(|first| {
            let look = ("quarantine", sender, first, count);
            !self.door.is_open() && self.watch.is_new(self, caller, look)
        }) else {
            return;
        };
        let name = sender.source.as_str();
        let deed = Deed::new(Act::ViewQuarantine)
            .of(Some(&sender.organization))
            .to("source", name, Some(name))
            .with("items", count)
            .with("first", first);
        self.note_reading(caller, deed).await;
    }

    /// The organization that a question is about: the one that it names or the caller reaches, if there is a log of it.
    pub fn concerned(&self, reading: &Reading, filter: &Filter) -> Option<Organization> {
        let one = |filter: &Filter| match filter.organizations().as_deref() {
            Some([one]) => Some(one.clone()),
            _ => None,
        };
        let all = reading.reach().filter();
        let named = one(&all.clone().and(filter.clone())).or_else(|| one(&all))?;
        let logs = self.store.logs();
        let known = logs.iter().any(|log| log.organization == named);
        known.then_some(named)
    }
}

/// The longest query text that an own entry repeats, in bytes.
const SAID_BYTES_MAX: usize = 4 * 1024;

/// A filter as its query text, without secrets, cut where it is longer than anybody types.
pub fn said(filter: &Filter) -> String {
    said_as(&filter.to_string())
}

/// The same of a query text as it was sent.
pub fn said_as(text: &str) -> String {
    let text = clean(text);
    match text.len() > SAID_BYTES_MAX {
        true => format!("{}…", &text[..text.floor_char_boundary(SAID_BYTES_MAX)]),
        false => text.into_owned(),
    }
}

/// A failed sign-in. A login that nobody has may be a password in the wrong field: it is not repeated.
pub fn failed_sign_in(app: &App, login: &str) -> Deed {
    let deed = Deed::new(Act::SignIn).refused("401");
    let process = Principal::process();
    let access = app.door.access().ok();
    let known = Login::parse(login).and_then(|login| access?.account_of(&process, login.as_str()));
    match known {
        Some(account) => {
            let name = Some(account.name.as_str());
            deed.to("user", account.id.as_str(), name)
        }
        None => deed,
    }
}
