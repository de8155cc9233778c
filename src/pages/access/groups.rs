//! Groups: roles for everybody who is in one. A group is there once it has a role or a member.

use super::fields::{Attributes, Filled};
use super::people::{asked_binding, give_form, is_ours, nothing};
use super::{Lines, Tab, Visit, gone, head, tables, words};
use crate::access::{Access, Account, Binding, Identifier, Subject};
use crate::api::access::bodies::{UserChange, wrong};
use crate::api::access::people::{alter, give};
use crate::pages::form::Form;
use crate::pages::location::segment;
use crate::pages::setting::icon;
use crate::pages::visible::{Shown, plain};
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};

/// `GET /access/groups` lists them.
pub async fn list(visit: Visit) -> Response {
    let form = Form::default();
    let page = list_page(&visit, Filled::new(&form));
    visit.show(Tab::Groups, "Groups", page)
}

fn list_page(visit: &Visit, filled: Filled<'_>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let by = &visit.caller.principal;
    let (bindings, accounts) = (access.bindings(by), access.accounts(by));
    let here = &visit.setting.here;
    let lines = Lines::of(access.groups(by).into_iter().collect(), here);
    let roles = |name: &str| of_group(&bindings, name);
    let members = |name: &String| accounts.iter().filter(|one| one.is_in(name)).count();
    Ok(html! {
        (head("Groups", "Roles for everybody who is in one.", html! {}))
        div.sheet {
            @if lines.total == 0 {
                div.state { h2 { "No group yet" } p { "A group is there once it has a role, or somebody is in it. Give one a role below, then add its members." } }
            } @else {
                div.tablewrap { table.rows {
                    thead { tr { th scope="col" { "Group" } th scope="col" { "Roles" } th.num scope="col" { "Members" } } }
                    tbody { @for name in &lines.shown { tr {
                        td data-label="Group" { a.name href={ "/access/groups/" (segment(name)) } { (Shown(name)) } }
                        td data-label="Roles" {
                            @for binding in roles(name) { span.role { b { (binding.role) } " in " (words::extent(&binding.extent)) } }
                        }
                        td.num data-label="Members" { (members(name)) }
                    } } }
                } }
            }
        }
        (lines.pager(here))
        section.sheet.part {
            h2 { "A role for a group" }
            (filled.notice(&["group", "role", "scope", "organization", "projects"]))
            (begin_form(visit, access, filled))
        }
    })
}

fn begin_form(visit: &Visit, access: &Access, filled: Filled<'_>) -> Markup {
    let begun = visit.places().begin(filled.form.clone());
    let filled = Filled {
        form: &begun,
        ..filled
    };
    let roles = crate::api::access::shapes::names_of_roles(&access.roles());
    html! {
        form.form method="post" action="/access/groups" {
            (filled.required("group", "Group", "Of a-z 0-9 . _ - and no spaces, there already or new; or oidc: and the name of a group at the provider where people sign in."))
            div.field-row {
                label for="role" { "Role" }
                select #role name="role" { @for name in &roles { option value=(name) selected[filled.form.get("role") == Some(name)] { (name) } } }
            }
            (filled.extent(&visit.places(), "The whole server"))
            div.row { button.button.primary { "Give" } }
        }
    }
}

/// `POST /access/groups` gives a group a role, which makes it.
pub async fn begin(visit: Visit, form: Form) -> Response {
    let group = form.trimmed("group").unwrap_or_default().to_owned();
    match give_to(&visit, &group, &form).await {
        Ok(_) => visit.seen_at(&path(&group)),
        Err(problem) => visit.again(Tab::Groups, "Groups", &form, &problem, |filled| {
            list_page(&visit, filled)
        }),
    }
}

async fn give_to(visit: &Visit, group: &str, form: &Form) -> Result<Binding, Problem> {
    let asked = asked_binding(form, None, Some(group.to_owned()))?;
    give(&visit.app, visit.caller.clone(), asked).await
}

fn path(name: &str) -> String {
    format!("/access/groups/{}", segment(name))
}

fn of_group(bindings: &[Binding], name: &str) -> Vec<Binding> {
    let subject = Subject::Group(name.to_owned());
    let theirs = bindings.iter().filter(|binding| binding.subject == subject);
    theirs.cloned().collect()
}

/// `GET /access/groups/{name}` is its roles and members.
pub async fn show(visit: Visit, Path(name): Path<String>) -> Response {
    let form = Form::default();
    let page = group_page(&visit, &name, "", Filled::new(&form));
    visit.show(Tab::Groups, &name, page)
}

fn group_page(visit: &Visit, name: &str, of: &str, filled: Filled<'_>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let by = &visit.caller.principal;
    if !access.groups(by).contains(name) {
        return Err(gone("group"));
    }
    let bindings = of_group(&access.bindings(by), name);
    let mut members = access.accounts(by);
    members.retain(|account| account.is_in(name));
    let nothing = Form::default();
    let part = |part: &str| match part == of {
        true => filled,
        false => Filled::new(&nothing),
    };
    let subject = Subject::Group(name.to_owned());
    Ok(html! {
        (super::back("/access/groups", "Groups"))
        (head(&plain(name), match is_ours(name) {
            true => "A group: its members have its roles.",
            false => "A group of the provider where its members sign in: who is in it has its roles from the next sign-in on.",
        }, html! {}))
        section.sheet.part #roles {
            h2 { "Roles" }
            (tables::or_none(bindings.is_empty(), "No role: its members may do nothing by it.",
                tables::bindings(visit, access, &bindings, &subject)))
            (give_form(visit, access, &format!("{}/roles", path(name)), part("roles")))
        }
        section.sheet.part #members {
            h2 { "Members" }
            (tables::or_none(members.is_empty(), "Nobody is in it.", members_table(visit, access, name, &members)))
            (part("members").notice(&["login"]))
            @if is_ours(name) { (member_form(name, part("members"))) }
        }
    })
}

fn members_table(visit: &Visit, access: &Access, name: &str, members: &[Account]) -> Markup {
    let lines = Lines::of(members.to_vec(), &visit.setting.here);
    html! {
        div.tablewrap { table.rows {
            thead { tr { th scope="col" { "Name" } th scope="col" { "Login" } th scope="col" { span.unseen { "Take out" } } } }
            tbody { @for member in &lines.shown { tr.over[member.disabled] {
                td data-label="Name" { a href={ "/access/people/" (member.id) } { (Shown(&member.name)) } }
                td data-label="Login" { (member.login) }
                td.act {
                    @if is_ours(name) && access.stands_for(&visit.caller.principal, &member.id) {
                        form method="post" action={ (path(name)) "/members/remove" } {
                            input type="hidden" name="account" value=(member.id);
                            button.button.small { "Take out" span.unseen { " " (Shown(&member.name)) } }
                        }
                    }
                }
            } } }
        } }
        (lines.pager(&visit.setting.here))
    }
}

fn member_form(name: &str, filled: Filled<'_>) -> Markup {
    let login = Attributes {
        kind: "text",
        is_required: true,
        ..Attributes::default()
    };
    html! {
        form.form.inline method="post" action={ (path(name)) "/members" } {
            (filled.input("login", "Add by login", "", login))
            button.button { (icon("plus")) "Add" }
        }
    }
}

/// `POST /access/groups/{name}/roles` gives it another role.
pub async fn give_role(visit: Visit, Path(name): Path<String>, form: Form) -> Response {
    match give_to(&visit, &name, &form).await {
        Ok(_) => visit.seen_at(&format!("{}#roles", path(&name))),
        Err(problem) => again(&visit, &name, "roles", &form, &problem),
    }
}

fn again(visit: &Visit, name: &str, of: &str, form: &Form, problem: &Problem) -> Response {
    visit.again(Tab::Groups, name, form, problem, |filled| {
        group_page(visit, name, of, filled)
    })
}

async fn put(visit: &Visit, account: &Account, groups: Vec<String>) -> Result<(), Problem> {
    let asked = UserChange {
        groups: Some(groups),
        ..nothing()
    };
    let id = account.id.as_str();
    alter(&visit.app, visit.caller.clone(), id, asked).await?;
    Ok(())
}

/// `POST /access/groups/{name}/members` puts somebody into it.
pub async fn add_member(visit: Visit, Path(name): Path<String>, form: Form) -> Response {
    let done = async {
        let found = { visit.managed()? }.account_of(
            &visit.caller.principal,
            form.trimmed("login").unwrap_or_default(),
        );
        let account = found.ok_or_else(|| wrong("login", "nobody has this login"))?;
        let mut groups = account.groups.clone();
        groups.push(name.clone());
        put(&visit, &account, groups).await
    };
    match done.await {
        Ok(()) => visit.seen_at(&format!("{}#members", path(&name))),
        Err(problem) => again(&visit, &name, "members", &form, &problem),
    }
}

/// `POST /access/groups/{name}/members/remove` takes somebody out of it.
pub async fn remove_member(visit: Visit, Path(name): Path<String>, form: Form) -> Response {
    let done = async {
        let id = Identifier::parse(form.get("account").unwrap_or_default())
            .ok_or_else(|| gone("account"))?;
        let account = visit.account(visit.managed()?, &id);
        let account = account.ok_or_else(|| gone("account"))?;
        let mut groups = account.groups.clone();
        groups.retain(|group| *group != name);
        put(&visit, &account, groups).await
    };
    match done.await {
        Ok(()) => {
            let last = visit
                .managed()
                .is_ok_and(|access| !access.groups(&visit.caller.principal).contains(&name));
            let to = if last {
                "/access/groups".to_owned()
            } else {
                path(&name)
            };
            visit.seen_at(&to)
        }
        Err(problem) => again(&visit, &name, "members", &Form::default(), &problem),
    }
}
