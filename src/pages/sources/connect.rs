//! `/connect`: how a system is pointed here, with this server's address and, for who may make one, a token made on the spot.

use super::answer;
use crate::access::{Account, AccountKind, Permission, Secret};
use crate::api::access::bodies::{NewBinding, NewToken, NewUser, wrong};
use crate::api::access::{credentials, people};
use crate::intake::shelf::SourceName;
use crate::pages::access::fields::{Attributes, Filled};
use crate::pages::access::{Visit, back, head, tables};
use crate::pages::form::Form;
use crate::pages::location::Location;
use crate::pages::proof::command;
use crate::pages::setting::icon;
use crate::pages::visible::plain;
use crate::problem::Problem;
use crate::setup::{Here, SENDERS, Sender, Shows, Snippet, TOKEN_WORD};
use crate::syslog::Listening;
use axum::http::StatusCode;
use axum::response::Response;
use entry::{Organization, Timestamp};
use maud::{Markup, html};

/// What a source is called before anybody says so.
const NAME: &str = "prod";

/// How long a token made here is good.
const TOKEN_DAYS: i64 = 365;

/// The role of a service that is made here.
const RECORDER: &str = "recorder";

/// What is asked for: a kind of sender, the name of the source, whose log.
struct Asked {
    sender: &'static Sender,
    name: SourceName,
    organization: Organization,
    /// What is wrong with either.
    faults: Vec<(&'static str, String)>,
}

impl Asked {
    fn of(visit: &Visit, get: impl Fn(&str) -> Option<String>) -> Self {
        let mut faults = Vec::new();
        let key = get("type").unwrap_or_default();
        let sender = SENDERS.iter().find(|sender| sender.key == key);
        let plain_name = || SourceName::parse(NAME).expect("a slug");
        let name = get("name").map(|text| SourceName::parse(&text).ok_or(text));
        let name = match name {
            None => plain_name(),
            Some(Ok(name)) => name,
            Some(Err(_)) => {
                faults.push((
                    "name",
                    "1 to 63 of a-z 0-9 . _ -, a letter or digit first".to_owned(),
                ));
                plain_name()
            }
        };
        let principal = &visit.caller.principal;
        let home = principal.home().or(principal.organization());
        let home = home.unwrap_or(&visit.app.settings.default_organization);
        let organization = match get("organization") {
            None => home.clone(),
            Some(text) => Organization::parse(&text).unwrap_or_else(|| {
                faults.push(("organization", "1 to 63 of a-z 0-9 . _ -".to_owned()));
                home.clone()
            }),
        };
        Self {
            sender: sender.unwrap_or(&SENDERS[0]),
            name,
            organization,
            faults,
        }
    }

    fn at(&self, sender: &Sender) -> String {
        let here = Location::new("/connect", "").with("type", sender.key);
        let here = here.with("name", self.name.as_str());
        here.with("organization", self.organization.as_str()).href()
    }
}

/// `GET /connect`
pub async fn show(visit: Visit) -> Response {
    let asked = Asked::of(&visit, |name| {
        visit.setting.here.get(name).map(str::to_owned)
    });
    let form = Form::default().with("login", asked.name.as_str());
    let page = may(&visit).map(|()| page(&visit, &asked, None, Filled::new(&form)));
    answer(&visit, StatusCode::OK, "Connect a source", page)
}

/// Whoever reads, records or manages may know how; whoever came by another's link may not.
fn may(visit: &Visit) -> Result<(), Problem> {
    let any = [
        Permission::ManageSources,
        Permission::ManageAccess,
        Permission::Record,
    ];
    let holds = any.iter().any(|one| visit.caller.principal.holds(*one));
    match holds || visit.setting.reader.sees_sources() {
        true => Ok(()),
        false => Err(crate::reading::forbidden(Permission::ManageSources)),
    }
}

fn page(visit: &Visit, asked: &Asked, made: Option<&Secret>, filled: Filled<'_>) -> Markup {
    let is_open = visit.app.door.is_open();
    let shows = match made {
        Some(secret) => Shows::Token(secret.expose()),
        None if is_open => Shows::Nothing,
        None => Shows::Unmade,
    };
    let takes_token = asked.sender.shows_token;
    // What shows no token is called, and goes, as the settings say.
    let set = listening(visit).filter(|_| !takes_token);
    let source = set.map_or(&asked.name, |set| &set.source);
    let is_default = asked.organization == visit.app.settings.default_organization;
    let here = Here {
        origin: &visit.setting.origin,
        name: &asked.name,
        // A token of an organization says it for every call.
        organization: Some(&asked.organization)
            .filter(|_| (is_open || !takes_token) && !is_default),
        shows,
        syslog: listening(visit),
    };
    let snippets = (asked.sender.snippets)(&here);
    let says = "Choose what sends, copy what it needs. It is listed under Sources with the first thing it sends.";
    html! {
        (back("/sources", "Sources"))
        (head("Connect a source", says, html! {}))
        nav.kinds aria-label="What sends" {
            @for sender in SENDERS {
                a href=(asked.at(sender)) aria-current=[(sender.key == asked.sender.key).then_some("page")] { (sender.title) }
            }
        }
        section.sheet.part {
            h2 { (asked.sender.title) }
            p { (asked.sender.says) }
            @match set {
                None => (naming(visit, asked)),
                Some(set) => p { "It is listened for, and goes to the log of " span.mono { (set.organization) } " as the source " span.mono { (set.source.as_str()) } ", whoever sends it." },
            }
        }
        @if !is_open && takes_token { (token(visit, asked, made, filled)) }
        section.sheet.part {
            h2 { "What to set up" }
            @if !takes_token { p.soft { "Who may send is said by " code { "syslog_from" } " and by certificates, in the settings of the server." } }
            @else if is_open { p.soft { "This server lets everybody in, so nothing has to be shown. Start it with " code { "--access required" } " to change that." } }
            @if takes_token && matches!(shows, Shows::Unmade) { p.soft { code { (TOKEN_WORD) } " stands where the token goes." } }
            div.commands { @for snippet in &snippets { (copied(snippet)) } }
        }
        section.sheet.part {
            h2 { "See it arrive" }
            p {
                "With the first entry it stands under " a href="/sources" { "Sources" } "; its entries are at "
                a href=(Location::list().only("source", source.as_str()).href()) { code { "source:" (source.as_str()) } } "."
            }
        }
    }
}

/// Where syslog is listened for, to who may know the organization it goes to: for others it is as if it were not.
fn listening(visit: &Visit) -> Option<&Listening> {
    let principal = &visit.caller.principal;
    let mut reaches = [Permission::Record, Permission::Read]
        .into_iter()
        .map(|permission| principal.reach(permission));
    let set = visit.app.settings.syslog.as_ref()?;
    reaches
        .any(|reach| reach.touches(&set.organization))
        .then_some(set)
}

fn copied(snippet: &Snippet) -> Markup {
    html! {
        @if snippet.is_long {
            details.long {
                summary { (snippet.says) " " span.soft { (snippet.text.lines().count()) " lines" } }
                (command("", &snippet.text))
            }
        } @else { (command(snippet.says, &snippet.text)) }
    }
}

/// What the source is called and whose log it records into: a form, so that everything below is made with it.
fn naming(visit: &Visit, asked: &Asked) -> Markup {
    let fault = |name: &str| asked.faults.iter().find(|(of, _)| *of == name);
    let field = |name: &'static str, label: &str, value: &str, list: Option<&str>| {
        html! {
            div.field-row {
                label for=(name) { (label) }
                input id=(name) type="text" name=(name) value=(value) required list=[list] autocomplete="off" spellcheck="false" maxlength="63"
                    aria-invalid=[fault(name).map(|_| "true")];
                @if let Some((_, says)) = fault(name) { p.fault { (icon("warn")) (plain(says)) } }
            }
        }
    };
    let mut known = visit.places().organizations;
    known.retain(|one| one != asked.organization.as_str());
    html! {
        form.form.inline method="get" action="/connect" {
            input type="hidden" name="type" value=(asked.sender.key);
            (field("name", "Name of the source", asked.name.as_str(), None))
            (field("organization", "Organization", asked.organization.as_str(), Some("organizations")))
            datalist #organizations { @for one in &known { option value=(one) {} } }
            button.button { "Use these" }
        }
    }
}

/// The services that may record there, for who may make tokens for them.
fn services(visit: &Visit) -> Vec<Account> {
    let Ok(access) = crate::api::access::managed(&visit.app, &visit.caller) else {
        return Vec::new();
    };
    let mut all = access.accounts(&visit.caller.principal);
    all.retain(|account| account.kind == AccountKind::Service && !account.disabled);
    all
}

fn token(visit: &Visit, asked: &Asked, made: Option<&Secret>, filled: Filled<'_>) -> Markup {
    if let Some(secret) = made {
        return html! {
            section.sheet.part {
                h2 { "Its token" }
                (tables::once(secret.expose(), "Token", &[]))
                p.soft { "It only records, into " span.mono { (asked.organization) } ", for " (TOKEN_DAYS) " days, and stands in everything below. " a href="/access/tokens" { "Tokens" } " lists it, and revokes it." }
            }
        };
    }
    if crate::api::access::managed(&visit.app, &visit.caller).is_err() {
        return html! {
            section.sheet.part {
                h2 { "Its token" }
                p { "It shows a token that only records. Somebody who manages access makes one, here or under Access." }
            }
        };
    }
    let services = services(visit);
    let chosen = filled.form.get("account");
    let is_http = visit.setting.origin.starts_with("http://");
    html! {
        section.sheet.part {
            h2 { "Its token" }
            p.soft { "It only records, into " span.mono { (asked.organization) } ", and sees nothing. It is shown once, on the next page, within what you copy." }
            @if is_http && asked.sender.key == "kubernetes" {
                p.told { "You see this page over plain http, and an API server shows its token over https only: open it at the address that encrypts." }
            }
            (filled.notice(&["login"]))
            form.form.inline method="post" action="/connect" {
                input type="hidden" name="type" value=(asked.sender.key);
                input type="hidden" name="name" value=(asked.name.as_str());
                input type="hidden" name="organization" value=(asked.organization.as_str());
                div.field-row {
                    label for="account" { "Of which service" }
                    select #account name="account" {
                        option value="" selected[chosen.is_none()] { "A new one, with the login beside" }
                        @for service in &services {
                            option value=(service.id) selected[chosen == Some(service.id.as_str())] { (plain(&service.name)) " (" (service.login) ")" }
                        }
                    }
                }
                (filled.input("login", "Login of a new one", "", Attributes { kind: "text", ..Attributes::default() }))
                button.button.primary { "Make a token" }
            }
        }
    }
}

/// `POST /connect` makes a token, of a service that there is or of a new one, and shows it in what is to be copied, once.
pub async fn make_token(visit: Visit, form: Form) -> Response {
    let asked = Asked::of(&visit, |name| form.get(name).map(str::to_owned));
    let done = match may(&visit) {
        Ok(()) => make(&visit, &asked, &form).await,
        Err(problem) => Err(problem),
    };
    let title = "Connect a source";
    match done {
        Ok(secret) => {
            let page = page(&visit, &asked, Some(&secret), Filled::new(&form));
            answer(&visit, StatusCode::CREATED, title, Ok(page))
        }
        Err(problem) if may(&visit).is_err() => answer(&visit, StatusCode::OK, title, Err(problem)),
        Err(problem) => {
            let filled = Filled {
                form: &form,
                problem: Some(&problem),
            };
            let page = page(&visit, &asked, None, filled);
            answer(&visit, problem.kind.status(), title, Ok(page))
        }
    }
}

async fn make(visit: &Visit, asked: &Asked, form: &Form) -> Result<Secret, Problem> {
    if let Some((name, says)) = asked.faults.first() {
        return Err(wrong(name, says));
    }
    let account = match form.get("account") {
        Some(id) => id.to_owned(),
        None => service(visit, asked, form).await?,
    };
    let micros = TOKEN_DAYS * 86_400_000_000;
    let expires_at = Timestamp::from_micros(visit.app.now().as_micros() + micros);
    let token = NewToken {
        account: Some(account),
        kind: Some("recorder".to_owned()),
        name: format!("{} {}", asked.sender.title, asked.name.as_str()),
        permissions: vec![Permission::Record.as_str().to_owned()],
        organization: Some(asked.organization.to_string()),
        projects: None,
        expires_at: expires_at.map(|at| at.to_string()),
    };
    let (_, secret) = credentials::issue(&visit.app, visit.caller.clone(), token).await?;
    Ok(secret)
}

/// A new service that records into the organization; its id.
async fn service(visit: &Visit, asked: &Asked, form: &Form) -> Result<String, Problem> {
    let login = form.trimmed("login").unwrap_or(asked.name.as_str());
    let user = NewUser {
        kind: Some("service".to_owned()),
        login: login.to_owned(),
        name: login.to_owned(),
        password: None,
    };
    let account = people::add(&visit.app, visit.caller.clone(), user).await?;
    let binding = NewBinding {
        account: Some(account.id.to_string()),
        group: None,
        role: RECORDER.to_owned(),
        organization: Some(asked.organization.to_string()),
        projects: None,
    };
    people::give(&visit.app, visit.caller.clone(), binding).await?;
    Ok(account.id.to_string())
}
