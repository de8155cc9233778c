//! Accounts, roles and bindings.

use super::bodies::{self, NewBinding, NewUser, PutRole, UserChange, wrong};
use super::shapes::{self, BindingShape, RoleShape, User};
use super::{Answer, change, identifier, made, managed, said};
use crate::access::{
    Access, Account, AccountKind, Binding, Denied, Error, Made, Role, Secret, Subject,
};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::watching::{Act, Deed};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// `GET /v1/access/users` lists accounts.
pub async fn users(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let all = managed(&app, &caller)?.accounts(&caller.principal);
    let all: Vec<User> = all.iter().map(User::from).collect();
    Ok(said(StatusCode::OK, &json!({ "users": all })))
}

/// `POST /v1/access/users` adds somebody, who may do nothing yet.
pub async fn add_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewUser = bodies::read(&app, &headers, body).await?;
    let account = add(&app, caller, asked).await?;
    Ok(said(StatusCode::CREATED, &User::from(&account)))
}

/// Adds somebody.
pub async fn add(app: &Arc<App>, caller: Caller, asked: NewUser) -> Result<Account, Problem> {
    managed(app, &caller)?;
    let kind = match asked.kind.as_deref() {
        None | Some("person") => AccountKind::Person,
        Some("service") => AccountKind::Service,
        Some(_) => return Err(wrong("kind", "person or service")),
    };
    let password = asked.password.map(Secret::new);
    let now = app.now();
    let work = move |access: &Access, by: &Caller| {
        let (login, name) = (&asked.login, &asked.name);
        access.add_account(&by.principal, kind, login, name, password.as_ref(), now)
    };
    let deed = Deed::new(Act::CreateAccount).of(caller.principal.organization());
    change(app, caller, deed, work, made).await
}

/// `PATCH /v1/access/users/{id}` disables or enables an account, puts it into groups, or gives it another password: one of
/// these a call, so that it is done or not.
pub async fn change_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: UserChange = bodies::read(&app, &headers, body).await?;
    Ok(match alter(&app, caller, &id, asked).await? {
        Some(account) => said(StatusCode::OK, &User::from(&account)),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Changes one thing of an account, and answers with what it is now; who took its own rights away does not see it any more.
pub async fn alter(
    app: &Arc<App>,
    caller: Caller,
    id: &str,
    asked: UserChange,
) -> Result<Option<Account>, Problem> {
    let access = app.door.access()?;
    let id = identifier(id, "account")?;
    // One that the caller may not know of is there as little as one that is not.
    let before =
        { access.account(&caller.principal, &id) }.ok_or(Error::NotFound { what: "account" })?;
    let again = caller.clone();
    let deed = of_change(&caller, &before, &asked)?;
    match (asked.password, asked.old_password) {
        (Some(new), Some(old)) if caller.is_by_session_of(&id) => {
            change_own_password(app, caller, deed, Secret::new(old), Secret::new(new)).await?;
        }
        (_, Some(_)) => {
            return Err(wrong(
                "old_password",
                "goes with one's own password, by session",
            ));
        }
        (password, None) => {
            let account = id.clone();
            let (groups, disabled) = (asked.groups, asked.disabled);
            let work = move |access: &Access, by: &Caller| {
                let by = &by.principal;
                match (groups, password, disabled) {
                    (Some(groups), ..) => {
                        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                        access.set_groups(by, &account, &groups)
                    }
                    (_, Some(new), _) => access.set_password(by, &account, &Secret::new(new)),
                    (_, _, Some(true)) => access.disable(by, &account),
                    (_, _, _) => access.enable(by, &account),
                }
            };
            change(app, caller, deed, work, |_, deed| deed).await?;
        }
    }
    Ok(app.door.access()?.account(&again.principal, &id))
}

/// What is noted of a change of an account, which is one change.
fn of_change(caller: &Caller, before: &Account, asked: &UserChange) -> Result<Deed, Problem> {
    let parts = [
        ("disabled", asked.disabled.is_some()),
        ("groups", asked.groups.is_some()),
        ("password", asked.password.is_some()),
    ];
    let named = parts.iter().filter(|(_, named)| *named);
    let changed: Vec<&str> = named.map(|(name, _)| *name).collect();
    if changed.len() != 1 {
        return Err(wrong(
            "",
            "names one thing to change: disabled, groups or password",
        ));
    }
    let mut deed = Deed::new(Act::UpdateAccount)
        .of(caller.principal.organization())
        .to("user", before.id.as_str(), Some(&before.name))
        .with("changed", changed);
    if let Some(groups) = &asked.groups {
        deed = deed.with("groups", groups.clone());
    }
    if let Some(disabled) = asked.disabled {
        deed = deed.with("disabled", disabled);
    }
    Ok(deed)
}

/// Takes the old password for the new one. A wrong one is noted: whoever sits down at an open browser tries it.
async fn change_own_password(
    app: &Arc<App>,
    caller: Caller,
    deed: Deed,
    old: Secret,
    new: Secret,
) -> Result<(), Problem> {
    app.must_be_watchable()?;
    let now = app.now();
    let from = caller.circumstances.ip;
    let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let work = move |app: &Arc<App>| {
        let (by, meant) = (caller.clone(), deed.clone());
        let told = move |_: &Made<'_>| (by.clone(), meant.clone());
        let change =
            |access: &Access| access.change_password(&caller.principal, &old, &new, from, now);
        match app.witnessed(told, change)?.answer {
            Ok(()) => Ok(()),
            Err(Denied::Unknown) => {
                app.note_here(&caller, deed.refused("422"))?;
                Err(wrong("old_password", "is not that of this account"))
            }
            Err(denied) => Err(denied.into()),
        }
    };
    app.blocking_in(&app.hashing, work).await
}

/// `GET /v1/access/roles` lists roles: no secret to anybody who is let in.
pub async fn roles(State(app): State<Arc<App>>, _: Caller) -> Answer {
    let own = app.door.access()?.roles();
    Ok(said(
        StatusCode::OK,
        &json!({ "roles": shapes::roles(&own) }),
    ))
}

/// `PUT /v1/access/roles/{name}` makes a role, or gives it another meaning.
pub async fn put_role(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: PutRole = bodies::read(&app, &headers, body).await?;
    let role = define(&app, caller, &name, asked).await?;
    Ok(said(StatusCode::OK, &RoleShape::from(&role)))
}

/// Makes a role, or gives it another meaning.
pub async fn define(
    app: &Arc<App>,
    caller: Caller,
    name: &str,
    asked: PutRole,
) -> Result<Role, Problem> {
    managed(app, &caller)?;
    let permissions = bodies::permissions(asked.permissions)?;
    let role = Role::new(name, permissions, bodies::mask(asked.mask)?)?;
    let deed = Deed::new(Act::PutRole)
        .to("role", name, None)
        .with("permissions", Vec::from(role.permissions))
        .with("mask", role.mask.to_string());
    let shown = role.clone();
    let work = move |access: &Access, by: &Caller| access.put_role(&by.principal, role);
    change(app, caller, deed, work, |_, deed| deed).await?;
    Ok(shown)
}

/// `DELETE /v1/access/roles/{name}` removes a role that is bound nowhere.
pub async fn remove_role(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer {
    undefine(&app, caller, name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes a role that is bound nowhere.
pub async fn undefine(app: &Arc<App>, caller: Caller, name: String) -> Result<(), Problem> {
    managed(app, &caller)?;
    let deed = Deed::new(Act::RemoveRole).to("role", name.as_str(), None);
    let work = move |access: &Access, by: &Caller| access.remove_role(&by.principal, &name);
    change(app, caller, deed, work, |_, deed| deed).await
}

/// `GET /v1/access/bindings` lists who has which role, within what the caller manages.
pub async fn bindings(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let all = managed(&app, &caller)?.bindings(&caller.principal);
    let all: Vec<BindingShape> = all.iter().map(BindingShape::from).collect();
    Ok(said(StatusCode::OK, &json!({ "bindings": all })))
}

/// `POST /v1/access/bindings` gives somebody a role somewhere.
pub async fn bind(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let asked: NewBinding = bodies::read(&app, &headers, body).await?;
    let made = give(&app, caller, asked).await?;
    Ok(said(StatusCode::CREATED, &BindingShape::from(&made)))
}

/// Gives somebody a role somewhere.
pub async fn give(app: &Arc<App>, caller: Caller, asked: NewBinding) -> Result<Binding, Problem> {
    managed(app, &caller)?;
    let subject = match (asked.account, asked.group) {
        (Some(id), None) => Subject::Account(identifier(&id, "account")?),
        (None, Some(group)) => Subject::Group(group),
        _ => return Err(wrong("account", "either account or group")),
    };
    let extent = bodies::extent(asked.organization, asked.projects)?;
    let role = asked.role;
    let deed = Deed::new(Act::CreateBinding)
        .of(extent.organization())
        .with("role", role.as_str())
        .with("extent", extent.to_string())
        .with(about(&subject).0, about(&subject).1);
    let work =
        move |access: &Access, by: &Caller| access.bind(&by.principal, subject, &role, extent);
    change(app, caller, deed, work, made).await
}

fn about(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Account(id) => ("account", id.to_string()),
        Subject::Group(name) => ("group", name.clone()),
    }
}

/// `DELETE /v1/access/bindings/{id}` takes a role away.
pub async fn unbind(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    take(&app, caller, &id).await?;
    Ok::<_, Problem>(StatusCode::NO_CONTENT.into_response())
}

/// Takes a role away, and answers with what is gone.
pub async fn take(app: &Arc<App>, caller: Caller, id: &str) -> Result<Binding, Problem> {
    let access = managed(app, &caller)?;
    let id = identifier(id, "binding")?;
    let seen = access.bindings(&caller.principal).into_iter();
    let gone = { seen }.find(|binding| binding.id == id);
    let gone = gone.ok_or(Error::NotFound { what: "binding" })?;
    let deed = Deed::new(Act::DeleteBinding)
        .of(gone.extent.organization())
        .to("role_binding", id.as_str(), Some(&gone.role))
        .with("role", gone.role.as_str())
        .with("extent", gone.extent.to_string())
        .with(about(&gone.subject).0, about(&gone.subject).1);
    let work = move |access: &Access, by: &Caller| access.unbind(&by.principal, &id);
    change(app, caller, deed, work, |_, deed| deed).await?;
    Ok(gone)
}
