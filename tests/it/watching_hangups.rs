//! Whoever hangs up, and whatever ends the process, between a change and its entry takes neither along: all that is there has an
//! entry that says who made it, and no entry speaks of what is not.
//!
//! A handler is dropped when its caller closes the connection. Entries were written by the handler, after the change: of a
//! hundred accounts that were disabled by callers who did not stay, a third were noted.

use crate::access::{Caller, PASSWORD, claimed};
use crate::access_pages::signed_in;
use crate::access_watching::acts;
use crate::program::{Program, directory};
use crate::test_server::{TestServer, wait_until};
use crate::watching_routes::{ROWS, Stage, server};
use entry::Timestamp;
use mar_audit::access::pending::Pending;
use mar_audit::access::{AccountKind, Principal};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long callers stay, in microseconds: from not at all to longer than most changes take.
const STAYS: &[u64] = &[0, 200, 500, 900, 1_500, 2_500];

/// The log's own entries of an action, oldest first.
fn own(owner: &Caller<'_>, action: &str) -> Vec<Value> {
    let query = format!("category=audit&action={action}&order=received&direction=asc&limit=1000");
    owner.entries(&query)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What the entries of an action name, each once.
fn named(owner: &Caller<'_>, action: &str, member: &str) -> BTreeSet<String> {
    let all = own(owner, action);
    let succeeded = all.iter().filter(|entry| entry["result"] == "success");
    let names: Vec<String> = succeeded
        .map(|entry| text(entry.pointer(member).unwrap_or(&Value::Null)))
        .collect();
    let each: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(
        each.len(),
        names.len(),
        "{action} is noted twice: {names:?}"
    );
    each
}

/// What is listed.
fn listed(owner: &Caller<'_>, list: &str, member: &str) -> BTreeSet<String> {
    let all = owner.done("GET", &format!("/v1/access/{list}"), &Value::Null);
    let all = all[list].as_array().expect("a list").iter();
    all.map(|one| text(&one[member])).collect()
}

fn less(all: &BTreeSet<String>, gone: &BTreeSet<String>) -> BTreeSet<String> {
    all.difference(gone).cloned().collect()
}

/// What there is beside what the entries say that there is.
fn compare(owner: &Caller<'_>) -> Vec<(&'static str, BTreeSet<String>, BTreeSet<String>)> {
    let id = "/target/id";
    let of = |action: &str| named(owner, action, id);
    let mut users = listed(owner, "users", "id");
    let first = named(owner, "claimServer", id);
    users.retain(|user| !first.contains(user));
    let mut bindings = listed(owner, "bindings", "id");
    let own_binding = owner.done("GET", "/v1/access/bindings", &Value::Null);
    let own_binding = own_binding["bindings"].as_array().expect("a list").iter();
    for binding in own_binding.filter(|one| first.contains(&text(&one["account"]))) {
        bindings.remove(&text(&binding["id"]));
    }
    vec![
        ("accounts", users, of("createAccount")),
        (
            "bindings",
            bindings,
            less(&of("createBinding"), &of("deleteBinding")),
        ),
        (
            "tokens",
            listed(owner, "tokens", "id"),
            less(&of("createToken"), &of("revokeToken")),
        ),
        (
            "links",
            listed(owner, "links", "id"),
            less(&of("createLink"), &of("revokeLink")),
        ),
        ("roles", own_roles(owner), roles_noted(owner)),
        ("accounts as they are", as_they_are(owner), as_noted(owner)),
        ("erasures", erased(owner), of("redactEntry")),
    ]
}

fn own_roles(owner: &Caller<'_>) -> BTreeSet<String> {
    let all = owner.done("GET", "/v1/access/roles", &Value::Null);
    let all = all["roles"].as_array().expect("a list").iter();
    let own = all.filter(|role| role["built_in"] != true);
    own.map(|role| format!("{} {}", text(&role["name"]), role["permissions"]))
        .collect()
}

fn roles_noted(owner: &Caller<'_>) -> BTreeSet<String> {
    let mut roles = BTreeMap::new();
    for entry in own(owner, "putRole") {
        let permissions = entry["context"]["permissions"].to_string();
        roles.insert(text(&entry["target"]["id"]), permissions);
    }
    for entry in own(owner, "removeRole") {
        roles.remove(&text(&entry["target"]["id"]));
    }
    let roles = roles.into_iter();
    roles.map(|(name, may)| format!("{name} {may}")).collect()
}

/// Accounts that are not as they were made: disabled, or in groups.
fn as_they_are(owner: &Caller<'_>) -> BTreeSet<String> {
    let all = owner.done("GET", "/v1/access/users", &Value::Null);
    let all = all["users"].as_array().expect("a list").iter();
    let said = |one: &Value| format!("{} {} {}", text(&one["id"]), one["disabled"], one["groups"]);
    let changed = all.filter(|one| one["disabled"] == true || one["groups"] != json!([]));
    changed.map(said).collect()
}

fn as_noted(owner: &Caller<'_>) -> BTreeSet<String> {
    let mut known: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    for entry in own(owner, "updateAccount") {
        let id = text(&entry["target"]["id"]);
        let of = known.entry(id).or_insert((json!(false), json!([])));
        let context = &entry["context"];
        match context["changed"][0].as_str() {
            Some("disabled") => of.0 = context["disabled"].clone(),
            Some("groups") => of.1 = context["groups"].clone(),
            _ => {}
        }
    }
    let changed = known.into_iter();
    let changed =
        changed.filter(|(_, (disabled, groups))| *disabled == json!(true) || *groups != json!([]));
    changed
        .map(|(id, (disabled, groups))| format!("{id} {disabled} {groups}"))
        .collect()
}

/// Entries of which something was erased one by one.
fn erased(owner: &Caller<'_>) -> BTreeSet<String> {
    let all = owner.entries("-category=audit&limit=1000");
    let by: BTreeSet<String> = own(owner, "redactEntry")
        .iter()
        .map(|entry| text(&entry["id"]))
        .collect();
    let is_by = |one: &Value| by.contains(&text(&one["entry"]));
    let gone = all.iter().filter(|entry| {
        let erased = entry["erased"].as_array();
        erased.is_some_and(|erased| erased.iter().any(is_by))
    });
    gone.map(|entry| text(&entry["id"])).collect()
}

/// Live sessions that nobody is said to have begun, or that somebody is said to have ended. One that gave way to a newer one
/// is neither.
fn unexplained_sessions(owner: &Caller<'_>) -> BTreeSet<String> {
    let session = "/request/session_id";
    // An auditor's link begins none.
    let mut begun = BTreeSet::new();
    for entry in own(owner, "signIn") {
        let id = entry.pointer(session).map(text);
        assert!(id.is_none_or(|id| begun.insert(id)), "noted twice: {entry}");
    }
    let ended = named(owner, "signOut", session);
    let ended = &ended | &named(owner, "endSession", "/target/id");
    let live = listed(owner, "sessions", "id");
    let explained = less(&begun, &ended);
    less(&live, &explained)
}

#[track_caller]
fn must_agree(owner: &Caller<'_>) {
    for (what, there, noted) in compare(owner) {
        assert_eq!(there, noted, "{what}: what there is, and what is noted");
    }
    assert_eq!(unexplained_sessions(owner), BTreeSet::new());
}

/// Items that are kept of the source of all rows.
fn kept(owner: &Caller<'_>) -> u64 {
    let all = owner.done("GET", "/v1/sources/prod/quarantine?limit=500", &Value::Null);
    all["items"]
        .as_array()
        .map_or(0, |items| items.len() as u64)
}

#[test]
fn whoever_hangs_up_changes_nothing_that_is_not_noted() {
    let server = server();
    {
        let mut stage = Stage::of(&server, claimed(&server), None);
        for stay in STAYS {
            // Of many sessions the oldest gives way: everybody needs a fresh one.
            let owner = signed_in(&server, "root@log.example", PASSWORD);
            let stay = Duration::from_micros(*stay);
            stage = Stage::of(&server, owner, Some(stay)).after(&stage);
            let rows = ROWS.iter().filter(|row| !row.1.ends_with("/claim"));
            rows.for_each(|(.., call)| drop(call(&stage)));
        }
    }
    // What was begun is ended by the end of the server, heard or not.
    let server = server.restart();
    let owner = signed_in(&server, "root@log.example", PASSWORD);
    must_agree(&owner);
    let sent = 4 * STAYS.len() as u64;
    let dropped = own(&owner, "dropQuarantine");
    let dropped: u64 = dropped
        .iter()
        .filter_map(|entry| entry["context"]["items"].as_u64())
        .sum();
    assert_eq!(dropped + kept(&owner), sent, "items of the quarantine");
}

#[test]
fn a_server_is_not_claimed_unseen_by_who_hangs_up() {
    for stay in STAYS.iter().map(|stay| Duration::from_micros(stay * 20)) {
        let server = TestServer::guarded();
        let link = server.link.as_ref().expect("nobody owns it yet").expose();
        let claim = json!({"link": link, "login": "root@log.example", "name": "Root", "password": PASSWORD});
        let (host, body) = (server.address, claim.to_string());
        let mut connection = server.connect();
        let length = body.len();
        let head = format!(
            "POST /v1/access/claim HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        );
        connection.send(format!("{head}content-length: {length}\r\n\r\n{body}").as_bytes());
        let sent = Instant::now();
        while sent.elapsed() < stay {
            std::thread::yield_now();
        }
        drop(connection);
        let server = server.restart();
        let owner = match &server.link {
            // Nobody was there yet when it was looked.
            Some(_) => claimed(&server),
            None => signed_in(&server, "root@log.example", PASSWORD),
        };
        assert_eq!(acts(&owner).get("claimServer"), Some(&1));
        must_agree(&owner);
    }
}

/// What the log would be told of a new account, with this id of an entry.
fn told(id: &str, account: &str) -> Vec<u8> {
    let draft = json!({"id": id, "timestamp": "2026-11-01T12:00:00.000000Z", "category": "audit", "action": "createAccount",
        "actor": {"type": "user", "name": "Root"}, "result": "success", "scope": {"organization": "default"},
        "target": {"type": "user", "id": account, "name": "bot"}, "source": {"name": "mar-audit"}});
    draft.to_string().into_bytes()
}

/// Adds an account as the server does, up to where it dies: before the log has the entry.
fn half_done(server: &TestServer, id: &str, login: &str) {
    let access = server.app.door.access().expect("it is guarded");
    let entry = id.to_owned();
    let witnessed = access.witnessed_by(Arc::new(move |made| {
        let (_, account, _) = made.named().expect("an account is made");
        Ok(Pending {
            id: entry.clone(),
            text: told(&entry, account),
        })
    }));
    let kind = AccountKind::Service;
    let process = Principal::process();
    let added = witnessed.add_account(&process, kind, login, "bot", None, Timestamp::MIN);
    added.expect("a new login");
}

#[test]
fn what_a_crash_left_untold_is_told_at_the_next_start_and_once() {
    let ids = [
        "0198f3c2-7b1e-7c3a-9d0a-000000000001",
        "0198f3c2-7b1e-7c3a-9d0a-000000000002",
    ];
    let server = TestServer::guarded();
    {
        let owner = claimed(&server);
        half_done(&server, ids[0], "left");
        half_done(&server, ids[1], "heard");
        // Of the other one, the log heard before the end.
        let access = server.app.door.access().expect("it is guarded");
        let pending = access.pending();
        assert_eq!(pending.len(), 2);
        let heard = String::from_utf8(pending[1].text.clone()).expect("JSON");
        let heard: Value = serde_json::from_str(&heard).expect("JSON");
        assert_eq!(heard["id"], ids[1]);
        owner.done("POST", "/v1/entries", &heard);
        assert_eq!(own(&owner, "createAccount").len(), 1);
    }
    let server = server.restart();
    let owner = signed_in(&server, "root@log.example", PASSWORD);
    wait_until("both are told", || own(&owner, "createAccount").len() == 2);
    must_agree(&owner);
    assert!(
        server
            .app
            .door
            .access()
            .expect("guarded")
            .pending()
            .is_empty()
    );
    let server = server.restart();
    let owner = signed_in(&server, "root@log.example", PASSWORD);
    assert_eq!(own(&owner, "createAccount").len(), 2);
    must_agree(&owner);
}

#[test]
fn who_goes_while_the_disk_hangs_is_noted_once_it_goes_on() {
    // The log takes nothing meanwhile; what was changed is kept, with its entry.
    let server = TestServer::guarded();
    let owner = claimed(&server);
    server.disk.stall();
    let service = json!({"kind": "service", "login": "bot", "name": "Bot"}).to_string();
    let (name, value) = owner.credential();
    let head = format!(
        "POST /v1/access/users HTTP/1.1\r\nhost: {}\r\n{name}: {value}\r\nsec-fetch-site: same-origin\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{service}",
        server.address,
        service.len()
    );
    let mut connection = server.connect();
    connection.send(head.as_bytes());
    let access = server.app.door.access().expect("it is guarded");
    wait_until("the change is kept", || !access.pending().is_empty());
    drop(connection);
    server.disk.go_on();
    wait_until("and its entry", || own(&owner, "createAccount").len() == 1);
    must_agree(&owner);
}

/// Adds accounts until the server dies.
fn add_until_it_dies(url: &str, cookie: &str, round: u32, dead: &AtomicBool) {
    let agent: ureq::Agent = crate::program::agent();
    for n in 0.. {
        let body = json!({"kind": "service", "login": format!("bot-{round}-{n}"), "name": "Bot"});
        let call = agent.post(format!("{url}/v1/access/users"));
        let call = call
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin");
        let sent = call.content_type("application/json").send(body.to_string());
        if sent.is_err() || dead.load(Ordering::Relaxed) {
            return;
        }
    }
}

fn guarded(data: &Path) -> Program {
    Program::serve_with(data, "127.0.0.1:0", |arguments| {
        let mut command = crate::program::command(arguments);
        command.args(["--access", "required"]);
        command
    })
}

/// A cookie of the owner, who is the first at the first time.
fn cookie(server: &Program, path: &str, body: &Value) -> String {
    let call = crate::program::agent().post(format!("{}{path}", server.url));
    let sent = call.content_type("application/json").send(body.to_string());
    let answer = sent.expect("an answer");
    let cookie = answer.headers().get("set-cookie").expect("signed in");
    let cookie = cookie.to_str().expect("ASCII");
    cookie.split(';').next().expect("a pair").to_owned()
}

fn asked(server: &Program, cookie: &str, path: &str) -> Value {
    let call = crate::program::agent().get(format!("{}{path}", server.url));
    let mut answer = call.header("cookie", cookie).call().expect("an answer");
    let text = answer.body_mut().read_to_string().expect("text");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_server_that_is_killed_amid_changes_of_access_has_an_entry_of_each() {
    let dir = directory();
    let data = dir.path().join("data");
    let enter = json!({"login": "root@log.example", "password": PASSWORD});
    for round in 0..4 {
        let server = guarded(&data);
        let cookie = match fs::read_to_string(data.join("first-sign-in")) {
            Ok(link) => {
                let mut claim = enter.clone();
                claim["link"] = json!(link.trim());
                claim["name"] = json!("Root");
                cookie(&server, "/v1/access/claim", &claim)
            }
            Err(_) => cookie(&server, "/v1/access/sign-in", &enter),
        };
        let count = || {
            asked(&server, &cookie, "/v1/access/users")["users"]
                .as_array()
                .map_or(0, Vec::len)
        };
        let before = count();
        let dead = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for worker in 0..3 {
                let (url, cookie, dead) = (&server.url, &cookie, &dead);
                scope.spawn(move || add_until_it_dies(url, cookie, round * 10 + worker, dead));
            }
            wait_until("some are added", || count() >= before + 10);
            dead.store(true, Ordering::Relaxed);
            let pid = rustix::process::Pid::from_raw(server.pid()).expect("a process");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it runs");
        });
    }
    let server = guarded(&data);
    let cookie = cookie(&server, "/v1/access/sign-in", &enter);
    let users = asked(&server, &cookie, "/v1/access/users");
    let users = users["users"].as_array().expect("a list").iter();
    let users = users.filter(|user| user["kind"] == "service");
    let users: BTreeSet<String> = users.map(|user| text(&user["id"])).collect();
    let noted = asked(
        &server,
        &cookie,
        "/v1/entries?action=createAccount&limit=1000",
    );
    let noted: Vec<String> = { noted["entries"].as_array().expect("a list").iter() }
        .map(|entry| text(&entry["target"]["id"]))
        .collect();
    assert_eq!(noted.len(), users.len());
    assert_eq!(noted.into_iter().collect::<BTreeSet<_>>(), users);
}
