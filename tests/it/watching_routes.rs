//! Every route that changes something, called as it is meant to be, leaves what is written beside it: one entry of the log's own.
//! A route without a row fails, and so does an exception that is none.

use crate::access::{Caller, PASSWORD, claimed, entry};
use crate::access_pages::{person, post, signed_in};
use crate::access_watching::{acts, added};
use crate::oracle::routes::made;
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;

/// What changes nothing that anybody would ask after; the list only gets shorter.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("POST", "/v1/entries", "what is recorded is the entry"),
    (
        "POST",
        "/v1/sources/kubernetes/{name}",
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
        "/services/collector/raw",
        "what is recorded is the entry",
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
        "/v1/sources/hec/{name}/services/collector/raw",
        "what is recorded is the entry",
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

/// A server with an owner, and what each call needs made anew.
struct Stage<'a> {
    server: &'a TestServer,
    owner: Caller<'a>,
    made: Cell<u32>,
}

/// Makes ready, calls, and says what the call left.
type Call = fn(&Stage<'_>) -> Vec<(String, u64)>;

#[rustfmt::skip]
const ROWS: &[(&str, &str, &[&str], Call)] = &[
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
        added(&s.owner, || drop(other.done("POST", "/v1/access/sign-out", &Value::Null)))
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
        added(&s.owner, || drop(Caller::with_token(s.server, &secret).done("POST", "/v1/access/embed", &json!({}))))
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
    ("POST", "/sign-in", &["signIn"], |s| s.form("/sign-in", "login=root%40log.example&password=correct+horse+battery")),
    ("POST", "/sign-out", &["signOut"], |s| {
        let other = s.session();
        added(&s.owner, || assert_eq!(post(&other, "/sign-out", "").status, 303))
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
        added(&s.owner, || assert_eq!(post(&one, "/account/password", fields).status, 303))
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
    fn name(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("made-{}", self.made.get())
    }

    fn call(&self, method: &str, path: &str, body: Value) -> Vec<(String, u64)> {
        added(&self.owner, || drop(self.owner.done(method, path, &body)))
    }

    fn form(&self, path: &str, fields: &str) -> Vec<(String, u64)> {
        added(&self.owner, || {
            let answer = post(&self.owner, path, fields);
            let done = [200, 201, 303].contains(&answer.status);
            assert!(done, "{path}: {} {}", answer.status, answer.text());
        })
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

#[test]
fn every_route_that_changes_something_leaves_its_entry() {
    let server = TestServer::guarded();
    let stage = Stage {
        server: &server,
        owner: claimed(&server),
        made: Cell::new(0),
    };
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
    let mut changing = made();
    changing.retain(|(method, _)| method != "GET" && method != "HEAD");
    let without: Vec<_> = changing.difference(&known).collect();
    assert!(without.is_empty(), "neither row nor reason: {without:?}");
    let gone: Vec<_> = known.difference(&changing).collect();
    assert!(gone.is_empty(), "no such route: {gone:?}");
}
