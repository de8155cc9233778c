//! The pages of `/access` and `/account`: they show what the API would, and nothing foreign is other than missing there.

use super::administering::{MANAGE, foreign_at, known_accounts};
use super::checks::{
    Checked, READ, is_refused, json_of, must_be_as_missing, must_be_refused, same,
};
use super::model::{Grant, Person};
use super::random::Random;
use super::world::{By, World};
use crate::test_server::Answer;
use mar_audit::setup::SENDERS;
use std::collections::BTreeSet;

const SEES: &[&str] = &[MANAGE, READ];

/// The accounts that a page leads to.
fn accounts(text: &str) -> BTreeSet<String> {
    let after = text
        .match_indices("/access/people/")
        .map(|(at, found)| &text[at + found.len()..]);
    let id = |rest: &str| -> String {
        let letters = rest.chars().take_while(char::is_ascii_alphanumeric);
        letters.collect()
    };
    after.map(id).filter(|id| id.len() == 13).collect()
}

/// What the pages may tell beside entries: where the person manages, what the accounts are called that it may know of, and
/// the tokens that it may revoke.
fn managed(world: &mut World, who: usize) -> Result<String, String> {
    let known = known_accounts(world, who);
    let person = &world.people[who];
    let mut told = String::new();
    for organization in &world.organizations {
        if person.touches(MANAGE, organization) {
            told.push_str(&format!("{organization}\n"));
        }
        for project in &world.projects[organization] {
            let scope = (&**organization, Some(&**project));
            if person.hidden(MANAGE, scope, false).is_some() {
                told.push_str(&format!("{project}\n"));
            }
        }
    }
    let list = |answer: &Answer, kind: &str| Ok::<_, String>(json_of(answer)?[kind].take());
    let users = list(&world.ask(0, "GET", "/v1/access/users", "").0, "users")?;
    for user in users.as_array().expect("users") {
        if user["id"].as_str().is_some_and(|id| known.contains(id)) {
            told.push_str(&format!("{} {}\n", user["name"], user["login"]));
        }
    }
    // Whoever stands for an account sees its tokens whole, also one that is bounded to where the account may nothing: it
    // could not be revoked else. `administering` holds the API's own list against the accounts that may be known.
    let (tokens, _) = world.ask(who, "GET", "/v1/access/tokens", "");
    told.push_str(tokens.text());
    Ok(told)
}

fn look(world: &mut World, who: usize, path: &str, needed: &[&str]) -> Checked {
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", path, "");
    if is_refused(world, who, needed, false) {
        return must_be_refused(world, &by, path, &answer);
    }
    let known = known_accounts(world, who);
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)?;
    same("the status", &answer.status, &200)?;
    let told = accounts(&String::from_utf8_lossy(&answer.body));
    let strange: Vec<&String> = told.difference(&known).collect();
    same("accounts that are not to be known", &strange, &Vec::new())
}

/// `/access` leads on; its lists show who and what the caller manages.
pub fn list(world: &mut World, _: &mut Random, who: usize) -> Checked {
    look(world, who, world.row.1, &[MANAGE])
}

pub fn entrance(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "GET", "/access", "");
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, "/access", &answer);
    }
    same("where it leads", &answer.status, &303)
}

/// Forms that are empty yet: they offer places and roles that the caller may give.
pub fn blank(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let path = world.row.1;
    let (answer, _) = world.ask(who, "GET", path, "");
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, path, &answer);
    }
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)
}

/// Who the caller is, what they may do and what acts for them.
pub fn account(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "GET", "/account", "");
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    same("the status", &answer.status, &200)?;
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)?;
    let own: BTreeSet<String> = world.people[who].account.iter().cloned().collect();
    let told = accounts(&String::from_utf8_lossy(&answer.body));
    same("accounts of others", &told.is_subset(&own), &true)
}

pub fn person(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let row = world.row.1;
    foreign_at(world, random, who, ("GET", "users", ""), |id| {
        row.replace("{id}", id)
    })
}

/// What is done to somebody by their page.
pub fn change_person(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let row = world.row.1;
    let forms = [
        ("roles", "role=viewer&scope=server"),
        ("groups", "groups=x&another="),
        ("password", "password=a+long+password&again=a+long+password"),
        ("disable", "x=1"),
        ("enable", "x=1"),
    ];
    let form = forms.iter().find(|(part, _)| row.ends_with(part));
    let form = form.expect("each has its form").1;
    foreign_at(world, random, who, ("POST", "users", form), |id| {
        row.replace("{id}", id)
    })
}

/// What is taken away, and asked about before: by who manages access, and by whom it is of.
pub fn taken(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let (method, row) = world.row;
    let kinds = ["bindings", "tokens", "sessions", "links"];
    let kind = kinds.iter().find(|kind| row.contains(&format!("/{kind}/")));
    let form = if method == "POST" { "x=1" } else { "" };
    let call = (method, *kind.expect("each is of a kind"), form);
    foreign_at(world, random, who, call, |id| row.replace("{id}", id))
}

/// A group that only accounts are in that the person may not know of.
fn foreign_group(world: &mut World, who: usize) -> Result<Option<String>, String> {
    let (all, _) = world.ask(0, "GET", "/v1/access/users", "");
    let (all, known) = (json_of(&all)?, known_accounts(world, who));
    let users = all["users"].as_array().expect("users");
    let of = |is_known: bool| {
        let some = users.iter().filter(|user| {
            let id = user["id"].as_str().expect("an id");
            known.contains(id) == is_known
        });
        let groups = some.flat_map(|user| user["groups"].as_array().into_iter().flatten());
        groups
            .filter_map(|group| group.as_str().map(str::to_owned))
            .collect::<BTreeSet<_>>()
    };
    let (foreign, near) = (of(false), of(true));
    Ok(foreign.difference(&near).next().cloned())
}

/// A group of somebody else's is none.
pub fn group(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (method, row) = world.row;
    let form = match (method, row.rsplit('/').next()) {
        ("GET", _) => "",
        (_, Some("roles")) => "role=none-such&scope=server",
        (_, Some("members")) => "login=nobody%40nowhere.example",
        _ => "account=0000000000000",
    };
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    let path = |name: &str| row.replace("{name}", name);
    let Some(name) = foreign_group(world, who)? else {
        return look(world, who, "/access/groups", &[MANAGE]);
    };
    let none = "0".repeat(name.len());
    let (answer, _) = world.ask(who, method, &path(&name), form);
    if is_refused(world, who, &[MANAGE], false) {
        return must_be_refused(world, &by, &path(&name), &answer);
    }
    let (missing, _) = world.ask(who, method, &path(&none), form);
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)?;
    must_be_as_missing(&answer, &name, &missing, &none)
}

/// What nobody but the first owner may do here, whatever it names.
fn never(world: &mut World, who: usize, (method, path): (&str, &str), form: &str) -> Checked {
    if who == 0 {
        return Ok(());
    }
    let (answer, _) = world.ask(who, method, path, form);
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    if ![403, 404, 409, 422].contains(&answer.status) {
        return Err(format!("{method} {path} {form} is {}", answer.status));
    }
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)
}

/// Roles are known to who manages access; of no role there is a form, for nobody.
pub fn role(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (method, path) = (world.row.0, world.path(&[("name", "none-such")]));
    let form = if method == "POST" {
        "permissions=entries:read"
    } else {
        ""
    };
    never(world, who, (method, &path), form)
}

/// Forms that lack something, or ask for what nobody may: nothing is made, whoever sends them.
pub fn make(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let kind = random.pick(SENDERS).key;
    let connect = format!("type={kind}&name=x&account=0000000000000");
    let forms = [
        ("/access/people/new", "kind=service&name=&login=svc"),
        ("/access/roles/new", "name=viewer&permissions=entries:read"),
        ("/access/groups", "group=&role=viewer&scope=server"),
        ("/access/tokens/new", "name=x&account=0000000000000"),
        ("/access/links/new", "name=&permissions=entries:read"),
        ("/account/tokens/new", "name="),
        ("/connect", &*connect),
        ("/account/password", "old_password=x&password=y&again=z"),
    ];
    let row = world.row.1;
    let form = forms.iter().find(|(path, _)| *path == row);
    never(
        world,
        who,
        ("POST", row),
        form.expect("each has its form").1,
    )
}

/// A new token of one's own: for who has an account.
pub fn own_token(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let path = "/account/tokens/new";
    let (answer, _) = world.ask(who, "GET", path, "");
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    same("that it is answered", &(answer.status < 500), &true)?;
    let managed = managed(world, who)?;
    world.must_answer_cleanly(&by, &managed, &answer)
}

/// What is copied to connect a source of each kind: it names services and organizations, of those that the person manages.
pub fn connect(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: SEES,
        unmask: false,
    };
    let managed = managed(world, who)?;
    let expected = if connects(&world.people[who]) {
        200
    } else {
        403
    };
    for sender in SENDERS {
        let path = format!("/connect?type={}", sender.key);
        let (answer, _) = world.ask(who, "GET", &path, "");
        same(sender.key, &answer.status, &expected)?;
        world.must_answer_cleanly(&by, &managed, &answer)?;
        let text = String::from_utf8_lossy(&answer.body);
        let is_shown = expected == 403 || text.contains(sender.says);
        same(sender.key, &is_shown, &true)?;
    }
    Ok(())
}

/// Whoever records or manages something, or reads a whole organization by an account of their own.
fn connects(person: &Person) -> bool {
    let whole = |grant: &Grant| grant.projects.is_none() && grant.permissions.contains(&READ);
    let reads = |grant: &Grant| {
        let mut bounds = person.bounds.iter();
        whole(grant) && bounds.all(|bound| whole(bound) && bound.meets(grant))
    };
    let acts = ["entries:record", MANAGE, "sources:manage"];
    acts.iter().any(|one| person.holds(one))
        || (person.account.is_some() && person.grants.iter().any(reads))
}
