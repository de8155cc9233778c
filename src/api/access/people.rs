//! Accounts, roles and bindings.

use super::bodies::{self, NewBinding, NewUser, PutRole, UserChange, wrong};
use super::shapes::{self, BindingShape, RoleShape, User};
use super::{Answer, change, identifier, managed, said};
use crate::access::{Access, Account, AccountKind, Error, Role, Secret, Subject};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::watching::{Act, Deed};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;
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
    managed(&app, &caller)?;
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
    let noted =
        |account: &Account, deed: Deed| deed.to("user", account.id.as_str(), Some(&account.name));
    let account = change(&app, caller, deed, work, noted).await?;
    Ok(said(StatusCode::CREATED, &User::from(&account)))
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
    let access = app.door.access()?;
    let id = identifier(&id, "account")?;
    let by_id = |access: &Access, caller: &Caller| {
        let mut all = access.accounts(&caller.principal).into_iter();
        all.find(|account| account.id == id)
    };
    // One that the caller may not know of is there as little as one that is not.
    let before = by_id(access, &caller).ok_or(Error::NotFound { what: "account" })?;
    let mut changed = Vec::new();
    let parts = [
        ("disabled", asked.disabled.is_some()),
        ("groups", asked.groups.is_some()),
        ("password", asked.password.is_some()),
    ];
    changed.extend(
        parts
            .iter()
            .filter(|(_, named)| *named)
            .map(|(name, _)| *name),
    );
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
    let (account, again) = (before.id, caller.clone());
    let work = move |access: &Access, by: &Caller| {
        let by = &by.principal;
        match (asked.groups, asked.password, asked.disabled) {
            (Some(groups), ..) => {
                let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
                access.set_groups(by, &account, &groups)
            }
            (_, Some(password), _) => access.set_password(by, &account, &Secret::new(password)),
            (_, _, Some(true)) => access.disable(by, &account),
            (_, _, _) => access.enable(by, &account),
        }
    };
    change(&app, caller, deed, work, |(), deed| deed).await?;
    let after = by_id(app.door.access()?, &again);
    // Who took its own rights away does not see it any more.
    Ok(match after {
        Some(account) => said(StatusCode::OK, &User::from(&account)),
        None => StatusCode::NO_CONTENT.into_response(),
    })
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
    managed(&app, &caller)?;
    let permissions = bodies::permissions(asked.permissions)?;
    let role = Role::new(&name, permissions, bodies::mask(asked.mask)?)?;
    let deed = Deed::new(Act::PutRole)
        .to("role", name, None)
        .with("permissions", Vec::from(role.permissions))
        .with("mask", role.mask.to_string());
    let shown = role.clone();
    let work = move |access: &Access, by: &Caller| access.put_role(&by.principal, role);
    change(&app, caller, deed, work, |(), deed| deed).await?;
    Ok(said(StatusCode::OK, &RoleShape::from(&shown)))
}

/// `DELETE /v1/access/roles/{name}` removes a role that is bound nowhere.
pub async fn remove_role(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Answer {
    managed(&app, &caller)?;
    let deed = Deed::new(Act::RemoveRole).to("role", name.as_str(), None);
    let work = move |access: &Access, by: &Caller| access.remove_role(&by.principal, &name);
    change(&app, caller, deed, work, |(), deed| deed).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
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
    managed(&app, &caller)?;
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
    let noted = |made: &crate::access::Binding, deed: Deed| {
        deed.to("role_binding", made.id.as_str(), Some(&made.role))
    };
    let made = change(&app, caller, deed, work, noted).await?;
    Ok(said(StatusCode::CREATED, &BindingShape::from(&made)))
}

fn about(subject: &Subject) -> (&'static str, String) {
    match subject {
        Subject::Account(id) => ("account", id.to_string()),
        Subject::Group(name) => ("group", name.clone()),
    }
}

/// `DELETE /v1/access/bindings/{id}` takes a role away.
pub async fn unbind(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Answer {
    let access = managed(&app, &caller)?;
    let id = identifier(&id, "binding")?;
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
    change(&app, caller, deed, work, |(), deed| deed).await?;
    Ok::<_, Problem>(StatusCode::NO_CONTENT.into_response())
}
