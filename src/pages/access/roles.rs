//! Roles: what each lets somebody do and hides from them; and taking one back from somebody.

use super::fields::Filled;
use super::{Question, Tab, Visit, gone, head, tables, words};
use crate::access::role::BUILT_IN;
use crate::access::{Binding, Extent, Permissions, Role, Subject};
use crate::api::access::bodies::PutRole;
use crate::api::access::people::{define, take, undefine};
use crate::pages::form::Form;
use crate::pages::location::segment;
use crate::pages::setting::icon;
use crate::problem::Problem;
use axum::extract::Path;
use axum::response::Response;
use entry::{Mask, mask::Hidden};
use maud::{Markup, html};

/// `GET /access/roles` lists the built-in ones and those of the deployment.
pub async fn list(visit: Visit) -> Response {
    let page = list_page(&visit);
    visit.show(Tab::Roles, "Roles", page)
}

fn list_page(visit: &Visit) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let bindings = access.bindings(&visit.caller.principal);
    let (own, can) = (access.roles(), can_define(visit));
    let built_in = BUILT_IN.iter().filter_map(|(name, _)| Role::built_in(name));
    Ok(html! {
        (head("Roles", "A role says what may be done. Whoever is given one has it in a place: the server, an organization, or projects.",
            html! { @if can { a.button.primary href="/access/roles/new" { (icon("plus")) "New role" } } }))
        section.sheet.part {
            h2 { "Of this deployment" }
            @if own.is_empty() {
                p.none-here { "None yet. A role of your own permits what you choose and may hide members of entries, such as mail and IP addresses." }
            }
            ul.roles { @for role in &own { (role_line(role, &bindings, can)) } }
            @if !can { p.hint.told { "Roles hold wherever they are given, so only who manages access to the whole server changes them." } }
        }
        section.sheet.part {
            h2 { "Built in" }
            ul.roles { @for role in built_in { (role_line(&role, &bindings, false)) } }
        }
    })
}

fn can_define(visit: &Visit) -> bool {
    let reach = { &visit.caller.principal }.reach(crate::access::Permission::ManageAccess);
    reach.contains(&Extent::Server, Mask::all())
}

fn role_line(role: &Role, bindings: &[Binding], can: bool) -> Markup {
    let uses = bindings.iter().filter(|binding| binding.role == role.name);
    let uses = uses.count();
    let path = format!("/access/roles/{}", segment(&role.name));
    html! {
        li {
            div.role-head {
                h3 { (role.name) }
                span.soft { @match uses { 0 => "given to nobody", 1 => "given once", _ => { "given " (uses) " times" } } }
                @if can {
                    span.acts-row {
                        a.button.small href={ (path) "/edit" } { "Change" span.unseen { " " (role.name) } }
                        a.button.small href={ (path) "/remove" } { "Remove…" span.unseen { " " (role.name) } }
                    }
                }
            }
            p { (words::of_role(role)) }
            ul.chips-list { @for one in role.permissions.iter() { li title=(words::of_permission(one).1) { code { (one) } } } }
            @if !role.mask.is_none() { p.soft { "Hides: " (words::mask(role.mask)) } }
        }
    }
}

/// `GET /access/roles/new`
pub async fn empty(visit: Visit) -> Response {
    let form = Form::default();
    let page = form_page(&visit, None, Filled::new(&form));
    visit.show(Tab::Roles, "New role", page)
}

/// `POST /access/roles/new` makes a role; one that is there already is not changed by that.
pub async fn create(visit: Visit, form: Form) -> Response {
    let name = form.trimmed("name").unwrap_or_default().to_owned();
    let done = match own_role(&visit, &name) {
        Ok(_) => {
            let what = "role";
            Err(crate::access::Error::Taken { what, name }.into())
        }
        Err(_) => define(&visit.app, visit.caller.clone(), &name, asked(&form)).await,
    };
    match done {
        Ok(_) => visit.seen_at("/access/roles"),
        Err(problem) => visit.again(Tab::Roles, "New role", &form, &problem, |filled| {
            form_page(&visit, None, filled)
        }),
    }
}

fn asked(form: &Form) -> PutRole {
    PutRole {
        permissions: form.all("permissions"),
        mask: Some(form.all("mask")),
    }
}

fn own_role(visit: &Visit, name: &str) -> Result<Role, Problem> {
    let mut all = visit.managed()?.roles().into_iter();
    all.find(|role| role.name == name)
        .ok_or_else(|| gone("role"))
}

/// `GET /access/roles/{name}/edit`
pub async fn edit(visit: Visit, Path(name): Path<String>) -> Response {
    let page = own_role(&visit, &name).and_then(|role| {
        let permissions = role.permissions.iter();
        let form = permissions.fold(Form::default(), |form, one| {
            form.with("permissions", one.as_str())
        });
        let form =
            { role.mask.iter().map(Hidden::name) }.fold(form, |form, one| form.with("mask", one));
        form_page(&visit, Some(&role), Filled::new(&form))
    });
    visit.show(Tab::Roles, &format!("Change {name}"), page)
}

/// `POST /access/roles/{name}/edit` gives it another meaning, wherever it is given.
pub async fn change(visit: Visit, Path(name): Path<String>, form: Form) -> Response {
    let known = own_role(&visit, &name);
    let done = match &known {
        Ok(_) => define(&visit.app, visit.caller.clone(), &name, asked(&form)).await,
        Err(problem) => Err(problem.clone()),
    };
    match done {
        Ok(_) => visit.seen_at("/access/roles"),
        Err(problem) => {
            let title = format!("Change {name}");
            visit.again(Tab::Roles, &title, &form, &problem, |filled| {
                form_page(&visit, Some(&known?), filled)
            })
        }
    }
}

fn form_page(visit: &Visit, of: Option<&Role>, filled: Filled<'_>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let bindings = access.bindings(&visit.caller.principal);
    let uses = bindings
        .iter()
        .filter(|one| of.is_some_and(|role| role.name == one.role));
    let uses = uses.count();
    let title = of.map_or_else(
        || "New role".to_owned(),
        |role| format!("Change {}", role.name),
    );
    let action = of.map_or_else(
        || "/access/roles/new".to_owned(),
        |role| format!("/access/roles/{}/edit", segment(&role.name)),
    );
    Ok(html! {
        (super::back("/access/roles", "Roles"))
        (head(&title, "", html! {}))
        @if uses > 0 { p.told { "It is given " (uses) @if uses == 1 { " time" } @else { " times" } ": what you change here holds for all of them at once." } }
        (filled.notice(&["name", "permissions", "mask"]))
        form.sheet.form method="post" action=(action) {
            @if of.is_none() { (filled.required("name", "Name", "a-z 0-9 . _ - , at most 63 characters")) }
            (filled.permissions(Permissions::all()))
            (filled.mask("Hides of entries"))
            p.hint { "What is hidden is missing from lists, details, counts, exports and tails, cannot be searched for, and is a digest in proofs, which hold all the same." }
            div.row { button.button.primary { @if of.is_some() { "Save" } @else { "Make the role" } } a.button href="/access/roles" { "Cancel" } }
        }
    })
}

fn remove_page(visit: &Visit, name: &str, problem: Option<&Problem>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let role = own_role(visit, name)?;
    let mut uses = access.bindings(&visit.caller.principal);
    uses.retain(|binding| binding.role == role.name);
    let path = format!("/access/roles/{}", segment(&role.name));
    let is_free = uses.is_empty();
    let question = Question {
        title: match is_free {
            true => format!("Remove the role {}?", role.name),
            false => format!("{} is in use", role.name),
        },
        says: html! {
            @if is_free { p { "Nobody has it. Its name can be used again, for another meaning." } } @else {
                p { "Take it from these first, or give them another role:" }
                ul.uses { @for binding in &uses { li {
                    (tables::subject(visit, access, &binding.subject)) " in " (words::extent(&binding.extent))
                } } }
            }
        },
        action: is_free.then(|| format!("{path}/remove")),
        answer: "Remove",
        back: "/access/roles".to_owned(),
    };
    Ok(question.page(problem))
}

/// `GET /access/roles/{name}/remove` asks first, or says who has it.
pub async fn goes(visit: Visit, Path(name): Path<String>) -> Response {
    let page = remove_page(&visit, &name, None);
    visit.show(Tab::Roles, "Remove a role", page)
}

/// `POST /access/roles/{name}/remove`
pub async fn remove(visit: Visit, Path(name): Path<String>) -> Response {
    match undefine(&visit.app, visit.caller.clone(), name.clone()).await {
        Ok(()) => visit.seen_at("/access/roles"),
        Err(problem) => {
            let title = "Remove a role";
            visit.again(Tab::Roles, title, &Form::default(), &problem, |_| {
                remove_page(&visit, &name, Some(&problem))
            })
        }
    }
}

fn binding_page(visit: &Visit, id: &str, problem: Option<&Problem>) -> Result<Markup, Problem> {
    let access = visit.managed()?;
    let mut all = access.bindings(&visit.caller.principal).into_iter();
    let binding = all.find(|binding| binding.id.as_str() == id);
    let binding = binding.ok_or_else(|| gone("binding"))?;
    let question = Question {
        title: format!("Take {} away?", binding.role),
        says: html! {
            p { "From " (tables::subject(visit, access, &binding.subject)) ", in " (words::extent(&binding.extent)) "." }
            p { "What acts for them - tokens, sessions, auditor links - may do no more than they at once. You can give the role again." }
        },
        action: Some(format!("/access/bindings/{}/remove", binding.id)),
        answer: "Take away",
        back: home_of(&binding.subject),
    };
    Ok(question.page(problem))
}

fn home_of(subject: &Subject) -> String {
    match subject {
        Subject::Account(id) => format!("/access/people/{id}#roles"),
        Subject::Group(name) => format!("/access/groups/{}#roles", segment(name)),
    }
}

/// `GET /access/bindings/{id}/remove` asks first.
pub async fn binding_goes(visit: Visit, Path(id): Path<String>) -> Response {
    let page = binding_page(&visit, &id, None);
    visit.show(Tab::People, "Take a role away", page)
}

/// `POST /access/bindings/{id}/remove`
pub async fn take_back(visit: Visit, Path(id): Path<String>) -> Response {
    match take(&visit.app, visit.caller.clone(), &id).await {
        Ok(gone) => {
            let left = |access: &crate::access::Access, name: &str| {
                access.groups(&visit.caller.principal).contains(name)
            };
            match (&gone.subject, visit.managed()) {
                (Subject::Group(name), Ok(access)) if !left(access, name) => {
                    visit.seen_at("/access/groups")
                }
                (subject, _) => visit.seen_at(&home_of(subject)),
            }
        }
        Err(problem) => {
            let title = "Take a role away";
            visit.again(Tab::People, title, &Form::default(), &problem, |_| {
                binding_page(&visit, &id, Some(&problem))
            })
        }
    }
}
