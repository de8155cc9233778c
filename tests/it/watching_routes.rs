//! Every route that changes something, called as it is meant to be, leaves what is written beside it: one entry of the log's own.
//! A route without a row fails, and so does an exception that is none.

use crate::access::{Caller, PASSWORD, claimed, entry};
use crate::access_pages::{person, post, signed_in};
use crate::access_watching::{acts, added};
use crate::oracle::routes::made;
use crate::test_server::{TestServer, provider_nobody_reaches};
use mar_audit::app::Settings;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How many there are, so that one more is seen; one less makes this less. A third of them are spellings of Splunk's collector.
const EXCEPTIONS_MAX: usize = 25;

/// What changes nothing that anybody would ask after; the list only gets shorter.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("POST", "/v1/entries", "what is recorded is the entry"),
    (
        "POST",
        "/v1/sources/kubernetes/{name}",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/kubernetes/{organization}/{name}",
        "what is recorded is the entry",
    ),
    ("POST", "/v1/logs", "what is recorded is the entry"),
    (
        "POST",
        "/v1/sources/otlp/{name}/v1/logs",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/cloudevents/{name}",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/elastic/{name}/_bulk",
        "what is recorded is the entry",
    ),
    (
        "PUT",
        "/v1/sources/elastic/{name}/_bulk",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/elastic/{name}/{index}/_bulk",
        "what is recorded is the entry",
    ),
    (
        "PUT",
        "/v1/sources/elastic/{name}/{index}/_bulk",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector/event",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector/event/1.0",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector/raw",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector/raw/1.0",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/services/collector/ack",
        "says that there is nothing to ask for",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector/event",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector/event/1.0",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector/raw",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector/raw/1.0",
        "what is recorded is the entry",
    ),
    (
        "POST",
        "/v1/sources/hec/{name}/services/collector/ack",
        "says that there is nothing to ask for",
    ),
    (
        "POST",
        "/preferences",
        "colours and zone, kept by the browser alone",
    ),
    (
        "POST",
        "/embed",
        "brings a token to a frame; making it left the entry",
    ),
];

/// What changes something though it is only asked for: a browser that comes back from a provider is signed in, or has tried.
const CHANGING: &[(&str, &str)] = &[("GET", "/sign-in/oidc/callback")];

/// What is noted of who looks, and changes nothing.
const READINGS: &[&str] = &[
    "viewEntry",
    "searchEntries",
    "exportEntries",
    "verifyEntry",
    "viewQuarantine",
];

/// A server with an owner, and what each call needs made anew.
pub struct Stage<'a> {
    server: &'a TestServer,
    owner: Caller<'a>,
    made: Cell<u32>,
    /// Callers that hang up so long after they have sent their call, and nobody looks what it left.
    hangs_up: Option<Duration>,
}

/// Makes ready, calls, and says what the call left.
type Call = fn(&Stage<'_>) -> Vec<(String, u64)>;

#[rustfmt::skip]
pub const ROWS: &[(&str, &str, &[&str], Call)] = &[
    ("POST", "/v1/entries/{id}/redact", &["redactEntry"], |s| {
        let id = s.entry();
        s.call("POST", &format!("/v1/entries/{id}/redact"), json!({"paths": ["/actor/email"], "reason": "asked"}))
    }),
    ("POST", "/v1/redactions", &["erasePerson"], |s| {
        s.entry();
        s.call("POST", "/v1/redactions", json!({"text": "example", "also": ["/actor/name"], "reason": "asked", "dry_run": false}))
    }),
    ("POST", "/v1/access/claim", &["claimServer", "signIn"], |_| first(|server| drop(claimed(server)))),
    ("POST", "/v1/access/sign-in", &["signIn"], |s| s.call("POST", "/v1/access/sign-in", json!({"login": "root@log.example", "password": PASSWORD}))),
    ("POST", "/v1/access/sign-out", &["signOut"], |s| {
        let other = s.session();
        s.call_as(&other, "POST", "/v1/access/sign-out", Value::Null)
    }),
    ("POST", "/v1/access/users", &["createAccount"], |s| s.call("POST", "/v1/access/users", json!({"kind": "service", "login": s.name(), "name": "x"}))),
    ("PATCH", "/v1/access/users/{id}", &["updateAccount"], |s| s.call("PATCH", &format!("/v1/access/users/{}", s.account()), json!({"disabled": true}))),
    ("PUT", "/v1/access/roles/{name}", &["putRole"], |s| s.call("PUT", &format!("/v1/access/roles/{}", s.name()), json!({"permissions": ["entries:read"]}))),
    ("DELETE", "/v1/access/roles/{name}", &["removeRole"], |s| s.call("DELETE", &format!("/v1/access/roles/{}", s.role()), Value::Null)),
    ("POST", "/v1/access/bindings", &["createBinding"], |s| s.call("POST", "/v1/access/bindings", json!({"account": s.account(), "role": "viewer"}))),
    ("DELETE", "/v1/access/bindings/{id}", &["deleteBinding"], |s| s.call("DELETE", &format!("/v1/access/bindings/{}", s.binding()), Value::Null)),
    ("POST", "/v1/access/tokens", &["createToken"], |s| s.call("POST", "/v1/access/tokens", json!({"account": s.account(), "name": "x", "permissions": ["entries:read"]}))),
    ("DELETE", "/v1/access/tokens/{id}", &["revokeToken"], |s| s.call("DELETE", &format!("/v1/access/tokens/{}", s.token().1), Value::Null)),
    ("DELETE", "/v1/access/sessions/{id}", &["endSession"], |s| s.call("DELETE", &format!("/v1/access/sessions/{}", s.other_session()), Value::Null)),
    ("POST", "/v1/access/links", &["createLink"], |s| s.call("POST", "/v1/access/links", s.link_body())),
    ("DELETE", "/v1/access/links/{id}", &["revokeLink"], |s| s.call("DELETE", &format!("/v1/access/links/{}", s.link().1), Value::Null)),
    ("POST", "/v1/access/embed", &["createEmbed"], |s| {
        let secret = s.owner.service(&s.name(), &[json!({"role": "viewer"})]).0;
        s.call_as(&Caller::with_token(s.server, &secret), "POST", "/v1/access/embed", json!({}))
    }),
    ("POST", "/v1/sources/{name}/quarantine/replay", &["replayQuarantine"], |s| {
        s.odd();
        s.call("POST", "/v1/sources/prod/quarantine/replay", json!({}))
    }),
    ("DELETE", "/v1/sources/{name}/quarantine", &["dropQuarantine"], |s| {
        s.odd();
        s.call("DELETE", "/v1/sources/prod/quarantine", json!({}))
    }),
    ("POST", "/sources/{name}/replay", &["replayQuarantine"], |s| {
        s.odd();
        s.form("/sources/prod/replay", "")
    }),
    ("POST", "/sources/{name}/drop", &["dropQuarantine"], |s| {
        s.odd();
        s.form("/sources/prod/drop", "")
    }),
    ("POST", "/connect", &["createAccount", "createBinding", "createToken"], |s| s.form("/connect", &format!("type=curl&name=x&login={}", s.name()))),
    ("POST", "/claim", &["claimServer", "signIn"], |_| first(|server| {
        let link = server.link.as_ref().expect("nobody owns it yet").expose();
        let fields = format!("link={link}&login=root%40log.example&name=Root&password=correct+horse+battery");
        assert_eq!(entering(server, "/claim", &fields), 303);
    })),
    ("GET", "/sign-in/oidc/callback", &["signIn"], |s| added(&s.owner, || {
        // Nobody set out: the real way there and back is asked with a real provider, in tests/oidc.
        assert_eq!(s.owner.get("/sign-in/oidc/callback?state=x&code=y").status, 400);
    })),
    ("POST", "/sign-in", &["signIn"], |s| s.form("/sign-in", "login=root%40log.example&password=correct+horse+battery")),
    ("POST", "/sign-out", &["signOut"], |s| {
        let other = s.session();
        s.form_as(&other, "/sign-out", "")
    }),
    ("POST", "/link", &["signIn"], |s| {
        let secret = s.link().0;
        s.form("/link", &format!("link={secret}"))
    }),
    ("POST", "/access/people/new", &["createAccount"], |s| s.form("/access/people/new", &format!("kind=service&name=x&login={}", s.name()))),
    ("POST", "/access/people/{id}/roles", &["createBinding"], |s| s.form(&format!("/access/people/{}/roles", s.account()), "role=viewer&scope=server")),
    ("POST", "/access/people/{id}/groups", &["updateAccount"], |s| s.form(&format!("/access/people/{}/groups", s.account()), "another=night")),
    ("POST", "/access/people/{id}/password", &["updateAccount"], |s| {
        let login = format!("{}@log.example", s.name());
        person(&s.owner, &login, &[]);
        let id = s.id("users", "login", &json!(login));
        s.form(&format!("/access/people/{id}/password"), "password=another+long+password")
    }),
    ("POST", "/access/people/{id}/disable", &["updateAccount"], |s| s.form(&format!("/access/people/{}/disable", s.account()), "")),
    ("POST", "/access/people/{id}/enable", &["updateAccount"], |s| {
        let account = s.account();
        s.owner.done("PATCH", &format!("/v1/access/users/{account}"), &json!({"disabled": true}));
        s.form(&format!("/access/people/{account}/enable"), "")
    }),
    ("POST", "/access/bindings/{id}/remove", &["deleteBinding"], |s| s.form(&format!("/access/bindings/{}/remove", s.binding()), "")),
    ("POST", "/access/groups", &["createBinding"], |s| s.form("/access/groups", &format!("group={}&role=viewer&scope=server", s.name()))),
    ("POST", "/access/groups/{name}/roles", &["createBinding"], |s| s.form(&format!("/access/groups/{}/roles", s.group().0), "role=recorder&scope=server")),
    ("POST", "/access/groups/{name}/members", &["updateAccount"], |s| {
        let (group, login) = (s.group().0, s.name());
        s.owner.done("POST", "/v1/access/users", &json!({"kind": "service", "login": login, "name": "x"}));
        s.form(&format!("/access/groups/{group}/members"), &format!("login={login}"))
    }),
    ("POST", "/access/groups/{name}/members/remove", &["updateAccount"], |s| {
        let (group, account) = s.group();
        s.form(&format!("/access/groups/{group}/members/remove"), &format!("account={account}"))
    }),
    ("POST", "/access/roles/new", &["putRole"], |s| s.form("/access/roles/new", &format!("name={}&permissions=entries:read", s.name()))),
    ("POST", "/access/roles/{name}/edit", &["putRole"], |s| s.form(&format!("/access/roles/{}/edit", s.role()), "permissions=entries:export")),
    ("POST", "/access/roles/{name}/remove", &["removeRole"], |s| s.form(&format!("/access/roles/{}/remove", s.role()), "")),
    ("POST", "/access/tokens/new", &["createToken"], |s| {
        let login = s.name();
        s.owner.done("POST", "/v1/access/users", &json!({"kind": "service", "login": login, "name": "x"}));
        s.form("/access/tokens/new", &format!("name=x&account={login}&kind=recorder&scope=server&life=30"))
    }),
    ("POST", "/access/tokens/{id}/revoke", &["revokeToken"], |s| s.form(&format!("/access/tokens/{}/revoke", s.token().1), "")),
    ("POST", "/access/sessions/{id}/end", &["endSession"], |s| s.form(&format!("/access/sessions/{}/end", s.other_session()), "")),
    ("POST", "/access/links/new", &["createLink"], |s| s.form("/access/links/new", "name=x&scope=server&permissions=entries:read&life=30&step=make")),
    ("POST", "/access/links/{id}/revoke", &["revokeLink"], |s| s.form(&format!("/access/links/{}/revoke", s.link().1), "")),
    ("POST", "/account/tokens/new", &["createToken"], |s| s.form("/account/tokens/new", "name=x&permissions=entries:read&scope=server&life=30")),
    ("POST", "/account/tokens/{id}/revoke", &["revokeToken"], |s| {
        let token = json!({"name": s.name(), "permissions": ["entries:read"]});
        let id = text(&s.owner.done("POST", "/v1/access/tokens", &token)["token"]["id"]);
        s.form(&format!("/account/tokens/{id}/revoke"), "")
    }),
    ("POST", "/account/sessions/{id}/end", &["endSession"], |s| s.form(&format!("/account/sessions/{}/end", s.other_session()), "")),
    ("POST", "/account/password", &["updateAccount"], |s| {
        let one = person(&s.owner, &format!("{}@log.example", s.name()), &[]);
        let fields = "old_password=correct+horse+battery&password=another+long+password&again=another+long+password";
        s.form_as(&one, "/account/password", fields)
    }),
];

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// What a server that nobody owned has of itself after somebody did, but its start.
fn first(own: impl FnOnce(&TestServer)) -> Vec<(String, u64)> {
    let server = TestServer::guarded();
    own(&server);
    let enter = json!({"login": "root@log.example", "password": PASSWORD});
    let entered = server.post("/v1/access/sign-in", enter.to_string());
    let mut left = acts(&Caller::with_cookie(&server, &entered));
    left.remove("startServer");
    // The one to ask with.
    *left.get_mut("signIn").expect("it was noted") -= 1;
    left.into_iter().collect()
}

fn entering(server: &TestServer, path: &str, fields: &str) -> u16 {
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    server
        .send("POST", path, &headers, fields.as_bytes())
        .status
}

impl<'a> Stage<'a> {
    pub fn of(server: &'a TestServer, owner: Caller<'a>, hangs_up: Option<Duration>) -> Self {
        Self {
            server,
            owner,
            made: Cell::new(0),
            hangs_up,
        }
    }

    /// Goes on where another stage of the same server is.
    pub fn after(self, other: &Stage<'_>) -> Self {
        self.made.set(other.made.get());
        self
    }

    fn name(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("made-{}", self.made.get())
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Vec<(String, u64)> {
        self.call_as(&self.owner, method, path, body)
    }

    fn call_as(
        &self,
        caller: &Caller<'_>,
        method: &str,
        path: &str,
        body: Value,
    ) -> Vec<(String, u64)> {
        if let Some(stay) = self.hangs_up {
            return self.hang_up(caller, (method, path), "json", &body.to_string(), stay);
        }
        added(&self.owner, || drop(caller.done(method, path, &body)))
    }

    fn form(&self, path: &str, fields: &str) -> Vec<(String, u64)> {
        self.form_as(&self.owner, path, fields)
    }

    fn form_as(&self, caller: &Caller<'_>, path: &str, fields: &str) -> Vec<(String, u64)> {
        if let Some(stay) = self.hangs_up {
            let form = "x-www-form-urlencoded";
            return self.hang_up(caller, ("POST", path), form, fields, stay);
        }
        added(&self.owner, || {
            let answer = post(caller, path, fields);
            let done = [200, 201, 303].contains(&answer.status);
            assert!(done, "{path}: {} {}", answer.status, answer.text());
        })
    }

    /// Sends a whole call, and is gone.
    fn hang_up(
        &self,
        caller: &Caller<'_>,
        (method, path): (&str, &str),
        kind: &str,
        body: &str,
        stay: Duration,
    ) -> Vec<(String, u64)> {
        let (name, value) = caller.credential();
        let (host, length) = (self.server.address, body.len());
        let call = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{name}: {value}\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/{kind}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut connection = self.server.connect();
        connection.send(call.as_bytes());
        let sent = Instant::now();
        while sent.elapsed() < stay {
            std::thread::yield_now();
        }
        drop(connection);
        Vec::new()
    }

    /// Another session of the owner's.
    fn session(&self) -> Caller<'a> {
        signed_in(self.server, "root@log.example", PASSWORD)
    }

    fn other_session(&self) -> String {
        self.session();
        self.id("sessions", "current", &json!(false))
    }

    fn id(&self, list: &str, member: &str, is: &Value) -> String {
        let listed = self
            .owner
            .done("GET", &format!("/v1/access/{list}"), &Value::Null);
        let mut all = listed[list].as_array().expect("a list").iter();
        text(&all.find(|one| one[member] == *is).expect("it is there")["id"])
    }

    fn entry(&self) -> String {
        self.made.set(self.made.get() + 1);
        let line: Value =
            serde_json::from_str(&entry(self.made.get(), "default", None)).expect("JSON");
        self.owner.done("POST", "/v1/entries", &line);
        text(&line["id"])
    }

    fn account(&self) -> String {
        let user = json!({"kind": "service", "login": self.name(), "name": "x"});
        text(&self.owner.done("POST", "/v1/access/users", &user)["id"])
    }

    fn role(&self) -> String {
        let name = self.name();
        let role = json!({"permissions": ["entries:read"]});
        self.owner
            .done("PUT", &format!("/v1/access/roles/{name}"), &role);
        name
    }

    fn binding(&self) -> String {
        let binding = json!({"account": self.account(), "role": "viewer"});
        text(&self.owner.done("POST", "/v1/access/bindings", &binding)["id"])
    }

    /// A group with one member, and the member.
    fn group(&self) -> (String, String) {
        let (name, account) = (self.name(), self.account());
        let path = format!("/v1/access/users/{account}");
        self.owner.done("PATCH", &path, &json!({"groups": [name]}));
        (name, account)
    }

    /// Secret and id.
    fn token(&self) -> (String, String) {
        let token =
            json!({"account": self.account(), "name": "x", "permissions": ["entries:read"]});
        let made = self.owner.done("POST", "/v1/access/tokens", &token);
        (text(&made["secret"]), text(&made["token"]["id"]))
    }

    fn link_body(&self) -> Value {
        json!({"name": self.name(), "permissions": ["entries:read"], "expires_at": "2026-12-01T00:00:00Z"})
    }

    fn link(&self) -> (String, String) {
        let made = self
            .owner
            .done("POST", "/v1/access/links", &self.link_body());
        (text(&made["secret"]), text(&made["link"]["id"]))
    }

    /// Something that no mapping takes.
    fn odd(&self) {
        let odd = json!({"kind": "Event", "apiVersion": "events.k8s.io/v1", "reason": self.name()});
        let list = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [odd]});
        self.owner
            .done("POST", "/v1/sources/kubernetes/prod", &list);
    }
}

pub fn server() -> TestServer {
    TestServer::guarded_with(Settings {
        provider: Some(provider_nobody_reaches()),
        ..Settings::default()
    })
}

#[test]
fn every_route_that_changes_something_leaves_its_entry() {
    let server = server();
    let stage = Stage::of(&server, claimed(&server), None);
    for (method, path, expected, call) in ROWS {
        let expected: Vec<(String, u64)> =
            expected.iter().map(|act| ((*act).to_owned(), 1)).collect();
        assert_eq!(call(&stage), expected, "{method} {path}");
    }
}

#[test]
fn every_route_that_changes_something_has_a_row_or_a_reason() {
    let pair = |method: &str, path: &str| (method.to_owned(), path.to_owned());
    let rows = ROWS.iter().map(|row| pair(row.0, row.1));
    let known: BTreeSet<_> = rows
        .chain(EXCEPTIONS.iter().map(|one| pair(one.0, one.1)))
        .collect();
    assert_eq!(
        known.len(),
        ROWS.len() + EXCEPTIONS.len(),
        "one of them is there twice"
    );
    assert_eq!(EXCEPTIONS.len(), EXCEPTIONS_MAX, "it only gets shorter");
    let asked_for = CHANGING.iter().map(|one| pair(one.0, one.1));
    let asked_for: BTreeSet<_> = asked_for.collect();
    let mut changing = made();
    changing.retain(|route| is_changing(route) || asked_for.contains(route));
    let without: Vec<_> = changing.difference(&known).collect();
    assert!(without.is_empty(), "neither row nor reason: {without:?}");
    let gone: Vec<_> = known.difference(&changing).collect();
    assert!(gone.is_empty(), "no such route: {gone:?}");
}

fn is_changing((method, _): &(String, String)) -> bool {
    // Safe by what HTTP says of them.
    !["GET", "HEAD", "OPTIONS"].contains(&&**method)
}

impl Stage<'_> {
    /// The path of a route that is asked for, leading to something that is there.
    fn path(&self, route: &str) -> String {
        let id = |to: &str| route.starts_with(to);
        let id = match () {
            () if id("/v1/entries/") || id("/entries/") => self.entry(),
            () if id("/access/people/") => self.account(),
            () if id("/access/bindings/") => self.binding(),
            () if id("/access/tokens/") => self.token().1,
            () if id("/access/links/") => self.link().1,
            () if route.contains("/sessions/") => self.other_session(),
            () if id("/account/tokens/") => {
                let token = json!({"name": self.name(), "permissions": ["entries:read"]});
                text(&self.owner.done("POST", "/v1/access/tokens", &token)["token"]["id"])
            }
            () if id("/sources/{name}/items/") => {
                self.odd();
                let kept = self
                    .owner
                    .done("GET", "/v1/sources/prod/quarantine", &Value::Null);
                text(&kept["items"][0]["id"])
            }
            () => String::new(),
        };
        let name = match () {
            () if route.starts_with("/access/groups/") => self.group().0,
            () if route.starts_with("/access/roles/") => self.role(),
            () => "prod".to_owned(),
        };
        let tile = "0/000.p/1";
        let parts = [
            ("{id}", &*id),
            ("{name}", &name),
            ("{organization}", "default"),
            ("{*path}", tile),
        ];
        let path = parts
            .iter()
            .fold(route.to_owned(), |path, (part, is)| path.replace(part, is));
        let others = [("{kind}", "cluster"), ("{key}", "x"), ("{hash}", "0")];
        others
            .iter()
            .fold(path, |path, (part, is)| path.replace(part, is))
    }
}

/// So nothing has to be asked of them but who looked.
#[test]
fn a_route_that_is_only_asked_for_changes_nothing() {
    let server = server();
    let stage = Stage::of(&server, claimed(&server), None);
    stage.odd();
    let mut asked = 0;
    for (method, route) in made() {
        // A tail does not end; what it leaves has a test of its own.
        let is_other = method != "GET" || route == "/v1/tail";
        if is_other || CHANGING.contains(&(&*method, &*route)) {
            continue;
        }
        let path = stage.path(&route);
        // By then there is a checkpoint that covers what was made for it.
        server.clock.advance(Duration::from_secs(2));
        assert!(!path.contains('{'), "{path}");
        let mut status = 0;
        let left = added(&stage.owner, || status = stage.owner.get(&path).status);
        let is_there = status < 400 || NOT_THERE.contains(&&*route);
        assert!(is_there, "{path}: {status}");
        let changes: Vec<_> = left
            .iter()
            .filter(|(act, _)| !READINGS.contains(&&**act))
            .collect();
        assert!(changes.is_empty(), "{path}: {changes:?}");
        asked += 1;
    }
    assert!(asked > 50, "{asked}");
}

/// What there is nothing of here.
const NOT_THERE: &[&str] = &["/embed", "/sign-in/oidc", "/assets/{hash}/{name}"];
