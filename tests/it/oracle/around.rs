//! Every other route: pages, logs, access, what changes something, and what is for everybody.

use super::administering::{MANAGE, manages, never};
use super::checks::{
    Checked, MISSING, READ, VERIFY, is_refused, json_of, must_be_as_missing, must_be_refused, same,
    unmasked,
};
use super::model::Person;
use super::questions::{conditions, parameters, sort};
use super::random::Random;
use super::world::{By, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const RECORD: &str = "entries:record";
const REDACT: &str = "entries:redact";

/// The ids of entries that a page leads to.
fn ids(text: &str) -> BTreeSet<String> {
    let after = text
        .match_indices("/entries/")
        .map(|(at, found)| &text[at + found.len()..]);
    let id = |rest: &str| {
        rest.get(..36)
            .filter(|id| id.matches('-').count() == 4)
            .map(str::to_owned)
    };
    after.filter_map(id).collect()
}

pub fn page(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let asked = conditions(world, random, 2);
    let selected = world.entries[random.below(world.base)]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut more = vec![("limit", "25")];
    if random.chance(30) {
        more.push(("selected", &selected));
    }
    if unmask {
        more.push(("unmask", "true"));
    }
    let path = format!("/?{}", parameters(&asked, &more));
    let (mut answer, before) = world.ask(who, "GET", &path, "");
    if answer.status == 303 && !is_refused(world, who, &[READ], unmask) {
        // Brought into the form that the API takes; what every route takes is said again.
        let location = answer.header("location").ok_or("no location")?.to_owned();
        let joint = if location.contains('?') { '&' } else { '?' };
        let location = if unmask {
            format!("{location}{joint}unmask=true")
        } else {
            location
        };
        answer = world.ask(who, "GET", &location, "").0;
    }
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let known: BTreeSet<String> = world
        .seen(who, READ, unmask)
        .shown
        .iter()
        .map(|one| id_of(&one.view))
        .collect();
    // The address of the page itself names what was asked for.
    let strange: Vec<String> = ids(&text)
        .into_iter()
        .filter(|id| !known.contains(id) && *id != selected)
        .collect();
    same("the entries that the page leads to", &strange, &Vec::new())?;
    let mut all = world.seen(who, READ, unmask).matching(&asked, before);
    sort(&mut all, "time", "desc");
    // What the call left itself may be above them.
    let missed: Vec<String> = { all.iter().take(23) }
        .map(|one| id_of(&one.view))
        .filter(|id| !text.contains(id.as_str()))
        .collect();
    same("the entries that the page lacks", &missed, &Vec::new())
}

fn id_of(view: &Value) -> String {
    view["id"].as_str().expect("an id").to_owned()
}

pub fn entry_page(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let unmask = unmasked(random);
    let by = By {
        who,
        permissions: &[READ],
        unmask,
    };
    let id = id_of(&world.entries[random.below(world.base)]);
    let path = format!("/entries/{id}{}", if unmask { "?unmask=true" } else { "" });
    let (answer, _) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], unmask) {
        return must_be_refused(world, &by, &path, &answer);
    }
    world.must_answer_cleanly(&by, &path, &answer)?;
    if world
        .seen(who, READ, unmask)
        .shown
        .iter()
        .any(|one| one.view["id"] == id)
    {
        return same("the status", &answer.status, &200);
    }
    let (missing, _) = world.ask(who, "GET", &path.replace(&id, MISSING), "");
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &id, &missing, MISSING)
}

pub fn target_page(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let entry = &world.entries[random.below(world.base)];
    let (Some(kind), Some(id)) = (
        entry["target"]["type"].as_str(),
        entry["target"]["id"].as_str(),
    ) else {
        return Ok(());
    };
    let (id, path) = (id.to_owned(), format!("/targets/{kind}/{id}"));
    let (answer, _) = world.ask(who, "GET", &path, "");
    if is_refused(world, who, &[READ], false) {
        return must_be_refused(world, &by, &path, &answer);
    }
    world.must_answer_cleanly(&by, &path, &answer)?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let named = |one: &Value| {
        one["target"]["id"] == id.as_str() || one["related"].to_string().contains(&id)
    };
    let known: BTreeSet<String> = world
        .seen(who, READ, false)
        .shown
        .iter()
        .filter(|one| named(&one.view))
        .map(|one| id_of(&one.view))
        .collect();
    same(
        "the entries of the target",
        &ids(&text).is_subset(&known),
        &true,
    )?;
    if known.is_empty() {
        let missing = "w".repeat(id.len());
        let (none, _) = world.ask(who, "GET", &path.replace(&id, &missing), "");
        return must_be_as_missing(&answer, &id, &none, &missing);
    }
    Ok(())
}

/// An organization, or one that is none.
pub fn some_log(world: &World, random: &mut Random) -> String {
    random.pick(&world.organizations).clone()
}

/// A route of one log: there for who reaches all of it, and as missing else.
fn of_log(
    world: &mut World,
    random: &mut Random,
    who: usize,
    path: impl Fn(&str) -> String,
) -> Checked {
    let by = By {
        who,
        permissions: &[VERIFY],
        unmask: false,
    };
    let log = some_log(world, random);
    let (answer, _) = world.ask(who, "GET", &path(&log), "");
    if is_refused(world, who, &[VERIFY], false) {
        return must_be_refused(world, &by, &path(&log), &answer);
    }
    world.must_answer_cleanly(&by, &path(&log), &answer)?;
    if world.people[who].covers(VERIFY, &log) {
        return same("the status", &answer.status, &200);
    }
    let none = "0".repeat(log.len());
    let (missing, _) = world.ask(who, "GET", &path(&none), "");
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &log, &missing, &none)
}

pub fn checkpoint(world: &mut World, random: &mut Random, who: usize) -> Checked {
    of_log(world, random, who, |log| {
        format!("/v1/logs/{log}/checkpoint")
    })
}

pub fn tile(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let kind = *random.pick(&["0", "entries"]);
    of_log(world, random, who, |log| {
        format!("/v1/logs/{log}/tile/{kind}/000.p/1")
    })
}

pub fn integrity(world: &mut World, random: &mut Random, who: usize) -> Checked {
    of_log(world, random, who, |log| {
        format!("/integrity?organization={log}")
    })
}

pub fn key_file(world: &mut World, random: &mut Random, who: usize) -> Checked {
    of_log(world, random, who, |log| format!("/integrity/{log}/key"))
}

pub fn logs(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[VERIFY],
        unmask: false,
    };
    let (answer, before) = world.ask(who, "GET", "/v1/logs", "");
    if is_refused(world, who, &[VERIFY], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    let told = json_of(&answer)?;
    let told: BTreeMap<String, u64> = told["logs"]
        .as_array()
        .expect("logs")
        .iter()
        .map(|log| {
            (
                log["organization"].as_str().expect("a name").to_owned(),
                log["size"].as_u64().expect("a size"),
            )
        })
        .collect();
    let mut expected = BTreeMap::new();
    for organization in world
        .organizations
        .iter()
        .filter(|log| world.people[who].covers(VERIFY, log))
    {
        let own = |entry: &&Value| entry["scope"]["organization"] == organization.as_str();
        expected.insert(
            organization.clone(),
            world.entries[..before].iter().filter(own).count() as u64,
        );
    }
    same("the logs", &told, &expected)
}

/// One entry, anywhere: taken where it may be recorded, refused in the same words wherever it may not.
pub fn record(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let organization = some_log(world, random);
    let project = random.pick(&world.projects[&organization]).clone();
    let draft = |organization: &str, project: &str| {
        json!({"actor": {"type": "system", "name": "recorder"}, "action": "tune", "result": "success",
            "scope": {"organization": organization, "project": project}})
        .to_string()
    };
    let (answer, _) = world.ask(who, "POST", "/v1/entries", &draft(&organization, &project));
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    if is_refused(world, who, &[RECORD], false) {
        return must_be_refused(world, &by, "", &answer);
    }
    let person = &world.people[who];
    let may = person.only.is_empty()
        && person
            .hidden(RECORD, (&organization, Some(&project)), false)
            .is_some();
    if may {
        return same("the status", &answer.status, &200);
    }
    same("the status", &answer.status, &422)?;
    let (missing, _) = world.ask(who, "POST", "/v1/entries", &draft("nobody", "nothing"));
    let is_everywhere = person_records(&world.people[who], "nobody");
    if is_everywhere {
        return Ok(());
    }
    must_be_as_missing(&answer, "", &missing, "")
}

fn person_records(person: &Person, organization: &str) -> bool {
    person
        .hidden(RECORD, (organization, Some("nothing")), false)
        .is_some()
}

/// Members that no entry has: an entry in reach says so, one out of reach is as none.
pub fn redact(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[REDACT],
        unmask: false,
    };
    let entry = &world.entries[random.below(world.base)];
    let (id, organization) = (
        id_of(entry),
        entry["scope"]["organization"]
            .as_str()
            .expect("a name")
            .to_owned(),
    );
    let body = json!({"paths": ["/context/none-such"], "reason": "asked"}).to_string();
    let path = format!("/v1/entries/{id}/redact?organization={organization}");
    let (answer, _) = world.ask(who, "POST", &path, &body);
    if is_refused(world, who, &[REDACT], false) {
        return must_be_refused(world, &by, &path, &answer);
    }
    world.must_answer_cleanly(&by, &path, &answer)?;
    let mut seen = world.seen(who, REDACT, false).shown.iter();
    if seen.any(|one| one.view["id"] == id && one.organization == organization) {
        return same("the status", &answer.status, &422);
    }
    let (missing, _) = world.ask(who, "POST", &path.replace(&id, MISSING), &body);
    same("the status", &answer.status, &404)?;
    must_be_as_missing(&answer, &id, &missing, MISSING)
}

/// A look for a person finds, in the logs that are reached whole, what the owner finds there; and is refused else.
pub fn person(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[REDACT],
        unmask: false,
    };
    let entry = &world.entries[random.below(world.base)];
    let Some(email) = entry["actor"]["email"].as_str() else {
        return Ok(());
    };
    let mut body = json!({"actor_email": email, "reason": "asked", "dry_run": true});
    let named = random.chance(50).then(|| some_log(world, random));
    if let Some(named) = &named {
        body["organization"] = named.as_str().into();
    }
    let body = body.to_string();
    let (answer, _) = world.ask(who, "POST", "/v1/redactions", &body);
    if is_refused(world, who, &[REDACT], false) {
        return must_be_refused(world, &by, &body, &answer);
    }
    world.must_answer_cleanly(&by, &body, &answer)?;
    let person = &world.people[who];
    let whole = |log: &String| {
        person.covers(REDACT, log)
            && person
                .hidden(REDACT, (log, None), false)
                .is_some_and(|mask| mask.is_empty())
    };
    let whole: Vec<String> = world
        .organizations
        .iter()
        .filter(|log| whole(log))
        .cloned()
        .collect();
    let partly = match &named {
        Some(named) => !whole.contains(named) && person.touches(REDACT, named),
        None => whole.is_empty(),
    };
    if partly {
        return same("the status", &answer.status, &403);
    }
    same("the status", &answer.status, &200)?;
    let (all, _) = world.ask(0, "POST", "/v1/redactions", &body);
    let logs = |answer: &Value| answer["logs"].as_object().expect("logs").clone();
    let (told, mut expected) = (logs(&json_of(&answer)?), logs(&json_of(&all)?));
    expected.retain(|log, _| whole.contains(log));
    same("what speaks of the person", &told, &expected)
}

pub fn me(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "GET", "/v1/access/me", "");
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(
        &By {
            who,
            permissions: &[],
            unmask: false,
        },
        "",
        &answer,
    )
}

pub fn sign_in(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let login = *random.pick(&["root@log.example", "nobody@log.example"]);
    let body = json!({"login": login, "password": "a wrong password"});
    never(world, who, ("POST", "/v1/access/sign-in"), &body)
}

pub fn claim(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let body =
        json!({"link": "mar_one_x", "login": "eve", "name": "Eve", "password": "a long password"});
    never(world, who, ("POST", "/v1/access/claim"), &body)
}

/// A token is not signed out of.
pub fn sign_out(world: &mut World, _: &mut Random, who: usize) -> Checked {
    if who == 0 {
        return Ok(());
    }
    let (answer, _) = world.ask(who, "POST", "/v1/access/sign-out", "");
    same("the status", &answer.status, &204)
}

/// Sums over all organizations: for who manages access to all of them.
pub fn metrics(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let (answer, _) = world.ask(who, "GET", "/metrics", "");
    // Sums of the sources of each organization are in it.
    let sources = world.sources.values().flatten().cloned();
    let named: Vec<String> = world.organizations.iter().cloned().chain(sources).collect();
    let named = named.join("\n");
    let named = if answer.status == 200 { &named } else { "" };
    world.must_answer_cleanly(&by, named, &answer)?;
    let may = world.people[who].covers(MANAGE, "\u{0}")
        || (world.people[who].only.is_empty() && manages(&world.people[who], None, None));
    same("the status", &answer.status, &if may { 200 } else { 403 })
}

/// The same for everybody: nothing of anybody is in it.
pub fn public(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let more = match world.row.1 {
        "/embed" => *random.pick(&["", "?over=1"]),
        "/sign-in/oidc/callback" => "?state=x&code=y",
        _ => "",
    };
    let path = world.path(&[("hash", "0"), ("name", "none.css")]) + more;
    let (answer, _) = world.ask(who, "GET", &path, "");
    let is_there = answer.status != 404 || world.row.1.starts_with("/assets/");
    same("that the route does more than refuse", &is_there, &true)?;
    world.must_answer_cleanly(
        &By {
            who,
            permissions: &[],
            unmask: false,
        },
        "",
        &answer,
    )
}

pub fn preferences(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "POST", "/preferences", "theme=dark");
    same("the status", &answer.status, &303)?;
    world.must_answer_cleanly(
        &By {
            who,
            permissions: &[],
            unmask: false,
        },
        "",
        &answer,
    )
}

/// The pages by which people come in: of the caller they say who it is, and of nobody else anything.
pub fn entrance(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    let more = *random.pick(&["", "?next=%2F"]);
    let path = format!("{}{more}", world.row.1);
    let (answer, _) = world.ask(who, "GET", &path, "");
    same("the status", &answer.status, &200)?;
    world.must_answer_cleanly(&by, &path, &answer)
}

/// Their forms, filled in wrongly.
pub fn enters(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let forms = [
        ("/sign-in", "login=root%40log.example&password=wrong"),
        ("/sign-in", "login=nobody&password=wrong&next=%2F"),
        (
            "/claim",
            "link=mar_one_x&login=eve&name=Eve&password=a+long+password",
        ),
        ("/link", "link=mar_adt_x"),
        ("/link", "none=x"),
        ("/embed", "token=mar_emb_x"),
    ];
    let of_row = forms.iter().filter(|(path, _)| *path == world.row.1);
    let (path, form) = **random.pick(&of_row.collect::<Vec<_>>());
    let (answer, _) = world.ask(who, "POST", path, form);
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    // Of the frame's form it is the token that is refused, not the site.
    let is_refused = match path {
        "/embed" => answer.status == 401,
        _ => (400..500).contains(&answer.status),
    };
    same("that it is refused", &is_refused, &true)?;
    world.must_answer_cleanly(&by, form, &answer)
}

/// A token is not signed out of by the page either: the browser forgets what it holds.
pub fn leaves(world: &mut World, _: &mut Random, who: usize) -> Checked {
    if who == 0 {
        return Ok(());
    }
    let (answer, _) = world.ask(who, "POST", "/sign-out", "");
    same("the status", &answer.status, &303)
}

/// What is asked wrongly is answered without a word of what is out of reach.
pub fn wrong(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let by = By {
        who,
        permissions: &[READ],
        unmask: false,
    };
    let entry = &world.entries[random.below(world.base)];
    let id = id_of(entry);
    let paths = [
        "/v1/entries?actor=".to_owned() + &"(".repeat(3) + "&q=%22",
        "/v1/entries?cursor=AAAA".to_owned(),
        format!("/v1/entries/{id}?organization=%20"),
        format!("/v1/entries/{id}?limit=1"),
        "/v1/facets?fields=none".to_owned(),
        "/v1/export?format=xml".to_owned(),
        format!("/v1/entries/{}", id.to_uppercase()),
        "/v1/logs/%2e%2e/checkpoint".to_owned(),
        "/v1/tail?last_event_id=x".to_owned(),
        format!("/v1/entries/{id}/none"),
        "/integrity/nobody/key".to_owned(),
        "/?q=%28".to_owned(),
        "/none".to_owned(),
        "/v1/none".to_owned(),
    ];
    let path = random.pick(&paths).clone();
    let (answer, _) = world.ask(who, "GET", &path, "");
    world.must_answer_cleanly(&by, &path, &answer)?;
    same("that it is answered", &(answer.status < 500), &true)
}
