//! Who may do what: lists hold what the person manages, and nothing foreign is other than missing.

use super::around::some_log;
use super::checks::{
    Checked, READ, is_refused, json_of, must_be_as_missing, must_be_refused, same,
};
use super::model::Person;
use super::random::Random;
use super::world::{By, World};
use crate::test_server::Answer;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub const MANAGE: &str = "access:manage";

/// True if the person manages access to all of that, as a binding says it.
pub fn manages(person: &Person, organization: Option<&str>, projects: Option<&Value>) -> bool {
    let all = |project: Option<&str>| {
        let whole = |organization: &str| match project {
            Some(_) => person
                .hidden(MANAGE, (organization, project), false)
                .is_some(),
            None => person.covers(MANAGE, organization),
        };
        match organization {
            Some(organization) => whole(organization),
            // Of a server without names: no organization's grant covers it.
            None => person.covers(MANAGE, "\u{0}"),
        }
    };
    let named = projects.and_then(Value::as_array);
    person.only.is_empty()
        && named.map_or_else(
            || all(None),
            |some| some.iter().all(|one| all(one.as_str())),
        )
}

pub fn bindings(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", "/v1/access/bindings", "");
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    let (all, _) = world.ask(0, "GET", "/v1/access/bindings", "");
    let (told, all) = (
        json_of(&answer)?["bindings"].clone(),
        json_of(&all)?["bindings"].clone(),
    );
    let person = &world.people[who];
    let shown = |one: &&Value| {
        let own = one["account"]
            .as_str()
            .is_some_and(|id| person.account.as_deref() == Some(id));
        own || manages(person, one["organization"].as_str(), one.get("projects"))
    };
    let expected: Vec<&Value> = all
        .as_array()
        .expect("bindings")
        .iter()
        .filter(shown)
        .collect();
    let mut told: Vec<&Value> = told.as_array().expect("bindings").iter().collect();
    let mut expected = expected;
    told.sort_by_key(|one| one["id"].as_str());
    expected.sort_by_key(|one| one["id"].as_str());
    same("the bindings", &told, &expected)
}

pub fn users(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", "/v1/access/users", "");
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    let told = json_of(&answer)?;
    let told = told["users"]
        .as_array()
        .expect("users")
        .iter()
        .map(|user| user["id"].as_str().expect("an id").to_owned());
    let told: BTreeSet<String> = told.collect();
    same("the accounts", &told, &known_accounts(world, who))
}

/// Accounts that may do something where the person manages access, and its own.
pub fn known_accounts(world: &World, who: usize) -> BTreeSet<String> {
    let person = &world.people[who];
    let near = |account: &String, grants: &Vec<super::model::Grant>| {
        let mut each = grants.iter();
        let touched = each.any(|grant| {
            grant
                .organization
                .as_ref()
                .is_none_or(|of| person.touches(MANAGE, of))
        });
        person.account.as_ref() == Some(account) || person.covers(MANAGE, "\u{0}") || touched
    };
    let known = world
        .accounts
        .iter()
        .filter(|(account, grants)| near(account, grants));
    known.map(|(account, _)| account.clone()).collect()
}

/// Tokens, sessions, links: of nobody whom the person may not know of.
fn credentials(world: &mut World, who: usize, kind: &str, needed: &[&str]) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", &format!("/v1/access/{kind}"), "");
    if is_refused(world, who, needed, false) {
        return must_be_refused(world, &by, "", &answer);
    }
    let known = match world.people[who].holds(MANAGE) {
        true => known_accounts(world, who),
        false => world.people[who].account.clone().into_iter().collect(),
    };
    let told = json_of(&answer)?;
    let told = told[kind]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["account"].as_str().expect("an id").to_owned());
    let told: BTreeSet<String> = told.collect();
    let strange: Vec<&String> = told.difference(&known).collect();
    same("accounts that are not to be known", &strange, &Vec::new())
}

pub fn tokens(world: &mut World, _: &mut Random, who: usize) -> Checked {
    credentials(world, who, "tokens", &[])
}

pub fn sessions(world: &mut World, _: &mut Random, who: usize) -> Checked {
    credentials(world, who, "sessions", &[])
}

pub fn links(world: &mut World, _: &mut Random, who: usize) -> Checked {
    credentials(world, who, "links", &[MANAGE])
}

/// Something of access that the owner sees and the person does not, and the call that would show or change it.
pub fn foreign_at(
    world: &mut World,
    random: &mut Random,
    who: usize,
    (method, kind, body): (&str, &str, &str),
    path: impl Fn(&str) -> String,
) -> Checked {
    if who == 0 {
        return Ok(());
    }
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let list = format!("/v1/access/{kind}");
    let listed = |answer: &Answer| -> BTreeSet<String> {
        let all: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let all = all[kind].as_array().into_iter().flatten();
        all.filter_map(|one| one["id"].as_str().map(str::to_owned))
            .collect()
    };
    let (all, own) = (
        listed(&world.ask(0, "GET", &list, "").0),
        listed(&world.ask(who, "GET", &list, "").0),
    );
    let is_foreign = |id: &&String| world.people[who].account.as_ref() != Some(id);
    let foreign: Vec<&String> = all.difference(&own).filter(is_foreign).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let (id, none) = ((*random.pick(&foreign)).clone(), "0".repeat(13));
    let (answer, _) = world.ask(who, method, &path(&id), body);
    let (missing, _) = world.ask(who, method, &path(&none), body);
    if ![400, 403, 404, 422].contains(&answer.status) {
        return Err(format!("{method} {} is {}", path(&id), answer.status));
    }
    world.must_answer_cleanly(&by, &id, &answer)?;
    must_be_as_missing(&answer, &id, &missing, &none)
}

fn foreign(
    world: &mut World,
    random: &mut Random,
    who: usize,
    call: (&str, &str, &str),
) -> Checked {
    let kind = call.1;
    foreign_at(world, random, who, call, |id| {
        format!("/v1/access/{kind}/{id}")
    })
}

pub fn change_user(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let body = *random.pick(&[
        "{\"disabled\":true}",
        "{\"groups\":[\"x\"]}",
        "{\"password\":\"a long password\"}",
    ]);
    match world.people[who].holds(MANAGE) {
        true => foreign(world, random, who, ("PATCH", "users", body)),
        // Without a list of its own: everybody else is foreign, itself not.
        false => Ok(()),
    }
}

pub fn unbind(world: &mut World, random: &mut Random, who: usize) -> Checked {
    foreign(world, random, who, ("DELETE", "bindings", ""))
}

pub fn revoke_token(world: &mut World, random: &mut Random, who: usize) -> Checked {
    foreign(world, random, who, ("DELETE", "tokens", ""))
}

pub fn end_session(world: &mut World, random: &mut Random, who: usize) -> Checked {
    foreign(world, random, who, ("DELETE", "sessions", ""))
}

pub fn revoke_link(world: &mut World, random: &mut Random, who: usize) -> Checked {
    foreign(world, random, who, ("DELETE", "links", ""))
}

/// Something is made for an account that the caller may not know of: as for one that is not.
fn for_account(
    world: &mut World,
    random: &mut Random,
    who: usize,
    path: &str,
    body: impl Fn(&str) -> Value,
) -> Checked {
    let known = known_accounts(world, who);
    let unknown: Vec<&String> = world
        .accounts
        .keys()
        .filter(|id| !known.contains(*id))
        .collect();
    if who == 0 || unknown.is_empty() || world.people[who].account.is_none() {
        return Ok(());
    }
    let (id, none) = ((*random.pick(&unknown)).clone(), "0".repeat(13));
    let (answer, _) = world.ask(who, "POST", path, &body(&id).to_string());
    let (missing, _) = world.ask(who, "POST", path, &body(&none).to_string());
    same(
        "that it is refused",
        &[403, 404].contains(&answer.status),
        &true,
    )?;
    must_be_as_missing(&answer, &id, &missing, &none)
}

pub fn bind(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let log = some_log(world, random);
    for_account(
        world,
        random,
        who,
        "/v1/access/bindings",
        |id| json!({"account": id, "role": "recorder", "organization": log}),
    )
}

pub fn create_token(world: &mut World, random: &mut Random, who: usize) -> Checked {
    for_account(
        world,
        random,
        who,
        "/v1/access/tokens",
        |id| json!({"account": id, "name": "x", "permissions": [READ]}),
    )
}

/// What nobody but the first owner may do here, whatever it names.
pub fn never(world: &mut World, who: usize, call: (&str, &str), body: &Value) -> Checked {
    if who == 0 {
        return Ok(());
    }
    let body = body.to_string();
    let (answer, _) = world.ask(who, call.0, call.1, &body);
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    if ![400, 401, 403, 404, 409, 422, 429].contains(&answer.status) {
        return Err(format!("{} {} is {}", call.1, body, answer.status));
    }
    world.must_answer_cleanly(&by, &body, &answer)
}

pub fn create_link(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let log = some_log(world, random);
    let link = json!({"name": "x", "permissions": [READ], "organization": log, "expires_at": "2026-12-01T00:00:00Z"});
    never(world, who, ("POST", "/v1/access/links"), &link)
}

pub fn add_user(world: &mut World, _: &mut Random, who: usize) -> Checked {
    // One that lacks a name: nobody is added, whoever asks.
    never(
        world,
        who,
        ("POST", "/v1/access/users"),
        &json!({"login": "svc", "name": ""}),
    )
}

pub fn put_role(world: &mut World, _: &mut Random, who: usize) -> Checked {
    match world.people[who].covers(MANAGE, "\u{0}") {
        true => Ok(()),
        false => never(
            world,
            who,
            ("PUT", "/v1/access/roles/role-0"),
            &json!({"permissions": [READ]}),
        ),
    }
}

pub fn remove_role(world: &mut World, _: &mut Random, who: usize) -> Checked {
    never(
        world,
        who,
        ("DELETE", "/v1/access/roles/none-such"),
        &Value::Null,
    )
}

pub fn embed(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let log = some_log(world, random);
    let body = json!({"organization": log, "filter": "", "life_seconds": 60}).to_string();
    let (answer, _) = world.ask(who, "POST", "/v1/access/embed", &body);
    let person = &world.people[who];
    let whole = person.hidden(READ, (&log, None), true);
    let may = person.account.is_some()
        && person.header.0 == "authorization"
        && person.covers(READ, &log)
        && whole.is_some_and(|mask| mask.is_empty());
    same("that it is made", &(answer.status == 201), &may)
}
