//! People and services: who there is, what each may do, and what acts for them.

use super::fields::{Attributes, Filled, asked_extent};
use super::{Lines, PAGE_LINES, Question, Tab, Visit, gone, head, tables, words};
use crate::access::link::Link;
use crate::access::provider::GROUP_PREFIX;
use crate::access::session::Session;
use crate::access::token::Token;
use crate::access::{Access, Account, AccountKind, Binding, Identifier, Permission, Subject};
use crate::api::access::bodies::{NewBinding, NewUser, UserChange};
use crate::api::access::people::{add, alter, give};
use crate::api::access::shapes::names_of_roles;
use crate::pages::form::Form;
use crate::pages::location::{Location, segment};
use crate::pages::setting::icon;
use crate::pages::visible::{Shown, count};
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::Response;
use entry::field::Field;
use entry::filter::{Pattern, Term};
use entry::{Filter, Timestamp};
use maud::{Markup, html};
use std::collections::{BTreeSet, HashMap};
use store::view::{Direction, Order, PageQuery};

/// `GET /access/people` lists them, by `search` in name or login.
pub async fn list(visit: Visit) -> Response {
    let content = async {
        visit.managed()?;
        let seen = last_sign_ins(&visit).await;
        Ok(list_page(&visit, visit.managed()?, &seen))
    };
    let content = content.await;
    visit.show(Tab::People, "People", content)
}

/// Sign-ins that are looked at for when somebody came last.
const SIGN_INS: usize = 1_000;

/// When somebody signed in last, as far as the log tells the caller.
async fn last_sign_ins(visit: &Visit) -> HashMap<Box<str>, Timestamp> {
    let Ok(reading) = visit.app.reading(&visit.caller, Permission::Read) else {
        return HashMap::new();
    };
    let is = |field, text: &str| Filter::from(Term::Value(field, Pattern::exact(text)));
    let filter = is(Field::Action, "signIn")
        .and(is(Field::Category, "audit"))
        .and(is(Field::Result, "success"));
    let query = PageQuery {
        filter,
        order: Order::Received,
        direction: Direction::Descending,
        limit: SIGN_INS,
        after: None,
        as_of: None,
    };
    let page = visit.app.blocking(move |_| Ok(reading.page(&query)?)).await;
    // Only a column says less without it.
    let entries = page.map(|page| page.entries).unwrap_or_default();
    let mut seen = HashMap::new();
    for entry in entries {
        if let Some(id) = entry.actor.party.id {
            seen.entry(id).or_insert(entry.received_at);
        }
    }
    seen
}

fn list_page(visit: &Visit, access: &Access, seen: &HashMap<Box<str>, Timestamp>) -> Markup {
    let by = &visit.caller.principal;
    let here = &visit.setting.here;
    let wanted = here.get("search").unwrap_or_default().to_lowercase();
    let mut all = access.accounts(by);
    if !wanted.is_empty() {
        let named = |one: &Account| {
            one.name.to_lowercase().contains(&wanted) || one.login.as_str().contains(&wanted)
        };
        all.retain(named);
    }
    let lines = Lines::of(all, here);
    let (bindings, groups) = (access.bindings(by), access.groups(by));
    let add = html! { a.button.primary href="/access/people/new" { (icon("plus")) "Add" } };
    html! {
        (head("People", "Who may sign in, and services that show tokens.", add))
        form.search-row role="search" method="get" action="/access/people" {
            input #search type="search" name="search" value=(here.get("search").unwrap_or_default()) placeholder="Name or login" aria-label="Name or login";
            button.button { (icon("search")) "Search" }
            @if !wanted.is_empty() { a.button.plain href="/access/people" { "Everybody" } }
        }
        div.sheet {
            @if lines.total == 0 {
                div.state {
                    h2 { "Nobody is called that" }
                    p { "Names and logins were searched, of those who may do something in what you manage, or nothing yet." }
                }
            } @else {
                div.tablewrap { table.rows {
                    thead { tr {
                        th scope="col" { "Name" } th scope="col" { "Roles" } th scope="col" { "Groups" } th scope="col" { "Last signed in" }
                    } }
                    tbody { @for account in &lines.shown { (person_line(visit, account, &bindings, &groups, seen)) } }
                } }
            }
        }
        (lines.pager(here))
        @if lines.total <= PAGE_LINES { p.total.soft { (count(lines.total as u64)) @if lines.total == 1 { " account" } @else { " accounts" } } }
    }
}

fn person_line(
    visit: &Visit,
    account: &Account,
    bindings: &[Binding],
    groups: &BTreeSet<String>,
    seen: &HashMap<Box<str>, Timestamp>,
) -> Markup {
    let theirs = of_account(account, bindings);
    let now = visit.app.now();
    html! {
        tr.over[account.disabled] {
            td data-label="Name" {
                a.name href={ "/access/people/" (account.id) } { (Shown(&account.name)) }
                (badges(account))
                span.sub { (account.login) }
            }
            td data-label="Roles" {
                @if theirs.is_empty() { span.soft { "none" } }
                @for binding in theirs.iter().take(3) { span.role { b { (binding.role) } " in " (words::extent(&binding.extent)) } }
                @if theirs.len() > 3 { span.sub { "and " (theirs.len() - 3) " more" } }
            }
            td data-label="Groups" { (named_groups(account, groups)) }
            td data-label="Last signed in" {
                @match (seen.get(account.id.as_str()), account.kind) {
                    (Some(at), _) => (words::instant(&visit.setting, now, *at)),
                    (None, AccountKind::Service) => span.soft { "by token" },
                    (None, AccountKind::Person) => span.soft { "not known" },
                }
            }
        }
    }
}

/// Roles of an account, its own and those of its groups.
fn of_account(account: &Account, bindings: &[Binding]) -> Vec<Binding> {
    let theirs = bindings.iter().filter(|binding| match &binding.subject {
        Subject::Account(id) => *id == account.id,
        Subject::Group(name) => account.is_in(name),
    });
    theirs.cloned().collect()
}

fn badges(account: &Account) -> Markup {
    html! {
        @if account.kind == AccountKind::Service { " " span.badge { (words::account_kind(account.kind)) } }
        @if account.disabled { " " span.badge.warn { "disabled" } }
    }
}

/// The groups among those that the caller is told of.
fn named_groups(account: &Account, known: &BTreeSet<String>) -> Markup {
    let all = account.groups.iter().chain(&account.provider_groups);
    let shown = all.filter(|name| known.contains(*name));
    let shown: Vec<&String> = shown.collect();
    html! {
        @if shown.is_empty() { span.soft { "none" } }
        @for (n, name) in shown.iter().enumerate() {
            @if n > 0 { ", " }
            a href={ "/access/groups/" (segment(name)) } { (Shown(name)) }
        }
    }
}

/// `GET /access/people/new` asks who.
pub async fn empty(visit: Visit) -> Response {
    let form = Form::default().with("kind", "person");
    let page = new_page(&visit, Filled::new(&form));
    visit.show(Tab::People, "Add a person or a service", page)
}

/// `POST /access/people/new` adds them, and leads to their page, where roles are given.
pub async fn add_person(visit: Visit, form: Form) -> Response {
    let is_service = form.get("kind") == Some("service");
    let asked = NewUser {
        kind: form.trimmed("kind").map(str::to_owned),
        login: form.trimmed("login").unwrap_or_default().to_owned(),
        name: form.trimmed("name").unwrap_or_default().to_owned(),
        password: Some(form.text("password")).filter(|text| !text.is_empty() && !is_service),
    };
    match add(&visit.app, visit.caller.clone(), asked).await {
        Ok(account) => visit.seen_at(&format!("/access/people/{}", account.id)),
        Err(problem) => {
            let title = "Add a person or a service";
            visit.again(Tab::People, title, &form, &problem, |filled| {
                new_page(&visit, filled)
            })
        }
    }
}

fn new_page(visit: &Visit, filled: Filled<'_>) -> Result<Markup, Problem> {
    visit.managed()?;
    let password = Attributes {
        kind: "password",
        autocomplete: "new-password",
        ..Attributes::default()
    };
    Ok(html! {
        (super::back("/access/people", "People"))
        (head("Add a person or a service", "They may do nothing until you give them a role, on the next page.", html! {}))
        (filled.notice(&["login", "name", "password", "kind"]))
        form.sheet.form method="post" action="/access/people/new" {
            (filled.radios("kind", "Who is it?", &[
                ("person", "A person", "signs in with a password."),
                ("service", "A service", "never signs in: it shows tokens, which you make for it."),
            ]))
            (filled.required("name", "Name", "As pages and entries call them."))
            (filled.required("login", "Login", "A mail address, or a short name of a-z 0-9 . _ -"))
            div.of-person {
                (filled.input("password", "Password", "At least 12 characters. Leave it empty, and nobody can sign in as them until one is set.", password))
            }
            div.row { button.button.primary { "Add" } a.button href="/access/people" { "Cancel" } }
        }
    })
}

/// All that a person's page shows.
struct Person {
    account: Account,
    bindings: Vec<Binding>,
    tokens: Vec<Token>,
    sessions: Vec<Session>,
    links: Vec<Link>,
    /// The caller may change it.
    is_changeable: bool,
    /// The caller may have what lets somebody in as it.
    is_own_to_give: bool,
}

fn load(visit: &Visit, id: &str) -> Result<Person, Problem> {
    let access = visit.managed()?;
    let by = &visit.caller.principal;
    let id = Identifier::parse(id).ok_or_else(|| gone("account"))?;
    let account = access.account(by, &id).ok_or_else(|| gone("account"))?;
    let mut tokens = access.tokens(by);
    tokens.retain(|token| token.account == id);
    let mut sessions = access.sessions(by);
    sessions.retain(|session| session.account == id);
    let mut links = access.links(by);
    links.retain(|link| link.account == id);
    Ok(Person {
        bindings: of_account(&account, &access.bindings(by)),
        is_changeable: access.stands_for(by, &id),
        is_own_to_give: access.acts_as(by, &id),
        tokens,
        sessions,
        links,
        account,
    })
}

/// `GET /access/people/{id}` is all there is about somebody.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let form = Form::default();
    let title = title_of(&visit, &id);
    let page = person_page(&visit, &id, "", Filled::new(&form));
    visit.show(Tab::People, &title, page)
}

fn title_of(visit: &Visit, id: &str) -> String {
    let found = load(visit, id).map(|person| person.account.name);
    found.unwrap_or_else(|_| "People".to_owned())
}

/// The page; one of its forms, named by `of`, may be the one to be filled in again.
fn person_page(visit: &Visit, id: &str, of: &str, filled: Filled<'_>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let person = load(visit, id)?;
    let nothing = Form::default();
    let part = |name: &str| match name == of {
        true => filled,
        false => Filled::new(&nothing),
    };
    let account = &person.account;
    let subject = Subject::Account(account.id.clone());
    Ok(html! {
        (super::back("/access/people", "People"))
        (person_head(visit, &person))
        @if !person.is_changeable {
            p.told { "This account may do more than you may, so you cannot change it; roles within what you manage you can." }
        }
        section.sheet.part #roles {
            h2 { "Roles" }
            (tables::or_none(person.bindings.is_empty(), "No role yet: this account may do nothing.",
                tables::bindings(visit, access, &person.bindings, &subject)))
            (give_form(visit, access, &format!("/access/people/{}/roles", account.id), part("roles")))
        }
        @if person.is_changeable { (groups_part(visit, access, account, part("groups"))) }
        @if person.is_changeable && !person.is_own_to_give {
            p.told { "Give it a role first: who sets the password or makes a token of an account that may do nothing yet would have all that others give it later." }
        }
        @if person.is_own_to_give && account.kind == AccountKind::Person { (password_part(visit, account, part("password"))) }
        @if person.is_changeable { (credentials_part(visit, access, &person)) }
    })
}

fn person_head(visit: &Visit, person: &Person) -> Markup {
    let account = &person.account;
    let base = format!("/access/people/{}", account.id);
    let did = Location::list().only("actor", account.id.as_str());
    html! {
        header.access-head {
            div {
                h1 { (Shown(&account.name)) (badges(account)) }
                p.soft { (account.login) " · " span.mono { (account.id) } " · since " (visit.setting.zone.minute(account.created_at)) }
            }
            div.acts-row {
                @if visit.caller.principal.holds(Permission::Read) { a.button href=(did.href()) { (icon("history")) "What they did" } }
                @if person.is_changeable && account.disabled {
                    form method="post" action={ (base) "/enable" } { button.button { "Enable" } }
                }
                @if person.is_changeable && !account.disabled { a.button href={ (base) "/disable" } { "Disable…" } }
            }
        }
    }
}

/// True of a group that people are put into here, not by the provider where they sign in.
pub fn is_ours(group: &str) -> bool {
    !group.starts_with(GROUP_PREFIX)
}

/// The form that gives somebody a role.
pub fn give_form(visit: &Visit, access: &Access, action: &str, filled: Filled<'_>) -> Markup {
    let begun = visit.places().begin(filled.form.clone());
    let filled = Filled {
        form: &begun,
        ..filled
    };
    let roles = names_of_roles(&access.roles());
    html! {
        details.fold.give open[filled.problem.is_some()] {
            summary { (icon("plus")) "Give a role" }
            (filled.notice(&["role", "scope", "organization", "projects"]))
            form.form method="post" action=(action) {
                div.field-row {
                    label for="role" { "Role" }
                    select #role name="role" {
                        @for name in &roles { option value=(name) selected[filled.form.get("role") == Some(name)] { (name) } }
                    }
                    p.hint { a href="/access/roles" { "What each of them may do" } }
                }
                (filled.extent(&visit.places(), "The whole server"))
                div.row { button.button.primary { "Give" } }
            }
        }
    }
}

/// What a form that gives a role asks for.
pub fn asked_binding(
    form: &Form,
    account: Option<String>,
    group: Option<String>,
) -> Result<NewBinding, Problem> {
    let (organization, projects) = asked_extent(form)?;
    Ok(NewBinding {
        account,
        group,
        role: form.trimmed("role").unwrap_or_default().to_owned(),
        organization,
        projects,
    })
}

fn groups_part(visit: &Visit, access: &Access, account: &Account, filled: Filled<'_>) -> Markup {
    let mut known = access.groups(&visit.caller.principal);
    known.retain(|name| is_ours(name));
    let is_in = |name: &String| match filled.problem {
        Some(_) => filled.form.has("groups", name),
        None => account.groups.contains(name),
    };
    html! {
        section.sheet.part #groups {
            h2 { "Groups" }
            (filled.notice(&["groups"]))
            form.form method="post" action={ "/access/people/" (account.id) "/groups" } {
                @if !known.is_empty() {
                    fieldset.boxes {
                        legend.unseen { "Groups" }
                        div.choices.short { @for name in &known {
                            label.choice { input type="checkbox" name="groups" value=(name) checked[is_in(name)]; span { (name) } }
                        } }
                    }
                }
                @if !account.provider_groups.is_empty() {
                    p { "By its provider, at its last sign-in there: " @for (n, name) in account.provider_groups.iter().enumerate() {
                        @if n > 0 { ", " } a href={ "/access/groups/" (segment(name)) } { (Shown(name)) }
                    } }
                }
                (filled.line("another", "Another group", "Of a-z 0-9 . _ - and no spaces. Its roles say what its members may do."))
                @if let Some(fault) = filled.fault("groups") { p.fault { (icon("warn")) (fault) } }
                div.row { button.button { "Save groups" } }
            }
        }
    }
}

fn password_part(visit: &Visit, account: &Account, filled: Filled<'_>) -> Markup {
    let own = visit.caller.is_by_session_of(&account.id);
    html! {
        section.sheet.part #set-password {
            h2 { "Password" }
            @if let Some(elsewhere) = &account.elsewhere {
                p.none-here { "None: it signs in at " span.mono { (Shown(&elsewhere.issuer)) } "." }
            } @else if own {
                p.none-here { "This is you: " a href="/account#change-password" { "change your password" } " with your own account." }
            } @else {
                (filled.notice(&["password"]))
                form.form method="post" action={ "/access/people/" (account.id) "/password" } {
                    (filled.password("password", "New password", "At least 12 characters. All of their sessions end.", true))
                    div.row { button.button { "Set password" } }
                }
            }
        }
    }
}

fn credentials_part(visit: &Visit, access: &Access, person: &Person) -> Markup {
    let account = &person.account;
    let make = Location::new("/access/tokens/new", "").with("account", account.login.as_str());
    html! {
        section.sheet.part #tokens {
            div.part-head { h2 { "Tokens" } @if person.is_own_to_give { a.button.small href=(make.href()) { (icon("plus")) "New token" } } }
            (tables::or_none(person.tokens.is_empty(), "None. Programs that act for this account show one.",
                tables::tokens(visit, access, &person.tokens, "/access/tokens", false)))
        }
        @if account.kind == AccountKind::Person {
            section.sheet.part #sessions {
                h2 { "Sessions" }
                (tables::or_none(person.sessions.is_empty(), "Not signed in anywhere.",
                    tables::sessions(visit, access, &person.sessions, "/access/sessions", false)))
            }
        }
    }
}

/// `POST /access/people/{id}/roles` gives them a role.
pub async fn give_role(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let done = match asked_binding(&form, Some(id.clone()), None) {
        Ok(asked) => give(&visit.app, visit.caller.clone(), asked).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(_) => visit.seen_at(&format!("/access/people/{id}#roles")),
        Err(problem) => person_again(&visit, &id, "roles", &form, &problem),
    }
}

fn person_again(visit: &Visit, id: &str, of: &str, form: &Form, problem: &Problem) -> Response {
    let title = title_of(visit, id);
    visit.again(Tab::People, &title, form, problem, |filled| {
        person_page(visit, id, of, filled)
    })
}

/// `POST /access/people/{id}/groups` puts them into these groups; those that the caller is not told of stay.
pub async fn join(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let done = async {
        let access = visit.managed()?;
        let mut known = access.groups(&visit.caller.principal);
        known.retain(|name| is_ours(name));
        let mut groups = load(&visit, &id)?.account.groups;
        groups.retain(|name| !known.contains(name));
        groups.extend(form.all("groups"));
        groups.extend(form.trimmed("another").map(str::to_owned));
        let asked = UserChange {
            groups: Some(groups),
            ..nothing()
        };
        alter(&visit.app, visit.caller.clone(), &id, asked).await
    };
    match done.await {
        Ok(_) => visit.seen_at(&format!("/access/people/{id}#groups")),
        Err(problem) => person_again(&visit, &id, "groups", &form, &problem),
    }
}

/// A change of nothing yet.
pub fn nothing() -> UserChange {
    UserChange {
        disabled: None,
        groups: None,
        password: None,
        old_password: None,
    }
}

/// `POST /access/people/{id}/password` sets another one.
pub async fn set_password(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let asked = UserChange {
        password: Some(form.text("password")),
        ..nothing()
    };
    match alter(&visit.app, visit.caller.clone(), &id, asked).await {
        Ok(_) => visit.seen_at(&format!("/access/people/{id}#set-password")),
        Err(problem) => person_again(&visit, &id, "password", &form, &problem),
    }
}

fn disable_page(visit: &Visit, id: &str, problem: Option<&Problem>) -> Result<Markup, Problem> {
    let person = load(visit, id)?;
    let stops = [
        (person.tokens.len(), "token", "tokens"),
        (person.sessions.len(), "session", "sessions"),
        (person.links.len(), "auditor link", "auditor links"),
    ];
    let stops = stops.iter().filter(|(many, ..)| *many > 0);
    let stops: Vec<String> = stops
        .map(|(many, one, more)| format!("{many} {}", if *many == 1 { one } else { more }))
        .collect();
    let path = format!("/access/people/{}", person.account.id);
    let question = Question {
        title: format!(
            "Disable {}?",
            crate::pages::visible::plain(&person.account.name)
        ),
        says: html! {
            p { "From that moment on nobody can sign in as " b { (person.account.login) } ", and nothing that acts for it is let in." }
            @if !stops.is_empty() { p { "This stops " b { (stops.join(", ")) } ". Sessions end for good; tokens and links work again once the account is enabled." } }
            p { "The account stays, so that entries keep their meaning. You can enable it again." }
        },
        action: Some(format!("{path}/disable")),
        answer: "Disable",
        back: path,
    };
    Ok(question.page(problem))
}

/// `GET /access/people/{id}/disable` asks first, and says what stops.
pub async fn goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = disable_page(&visit, &id, None);
    visit.show(Tab::People, "Disable an account", page)
}

/// `POST /access/people/{id}/disable`
pub async fn disable(visit: Visit, Path(id): Path<String>) -> Response {
    let asked = UserChange {
        disabled: Some(true),
        ..nothing()
    };
    match alter(&visit.app, visit.caller.clone(), &id, asked).await {
        Ok(_) => visit.seen_at(&format!("/access/people/{id}")),
        Err(problem) => {
            let title = "Disable an account";
            visit.again(Tab::People, title, &Form::default(), &problem, |_| {
                disable_page(&visit, &id, Some(&problem))
            })
        }
    }
}

/// `POST /access/people/{id}/enable`
pub async fn enable(visit: Visit, Path(id): Path<String>) -> Response {
    let asked = UserChange {
        disabled: Some(false),
        ..nothing()
    };
    match alter(&visit.app, visit.caller.clone(), &id, asked).await {
        Ok(_) => visit.seen_at(&format!("/access/people/{id}")),
        Err(problem) => person_again(&visit, &id, "", &Form::default(), &problem),
    }
}
