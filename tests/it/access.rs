//! Who is let in, and what they see: the door, credentials, reach, masks.

use crate::api::{line, problem, uuid};
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

pub const PASSWORD: &str = "correct horse battery";

/// Somebody with a credential.
pub struct Caller<'a> {
    pub server: &'a TestServer,
    header: (&'static str, String),
}

impl<'a> Caller<'a> {
    pub fn with_token(server: &'a TestServer, secret: &str) -> Self {
        Self {
            server,
            header: ("authorization", format!("Bearer {secret}")),
        }
    }

    /// By the cookie of an answer.
    pub fn with_cookie(server: &'a TestServer, answer: &Answer) -> Self {
        let cookie = answer.header("set-cookie").expect("a cookie");
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        Self {
            server,
            header: ("cookie", pair),
        }
    }

    /// What its header says.
    pub fn credential(&self) -> (&str, &str) {
        (self.header.0, &self.header.1)
    }

    pub fn call(&self, method: &str, path: &str, body: &str) -> Answer {
        let headers = [
            self.credential(),
            ("content-type", "application/json"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.server.send(method, path, &headers, body.as_bytes())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "")
    }

    /// The JSON of a 2xx.
    #[track_caller]
    pub fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.call(method, path, &body);
        assert!(
            (200..300).contains(&answer.status),
            "{path}: {}",
            answer.text()
        );
        match answer.body.is_empty() {
            true => Value::Null,
            false => answer.json(),
        }
    }

    /// A service with these bindings and a token that may all of it: its secret, its id, the account.
    pub fn service(&self, login: &str, bindings: &[Value]) -> (String, String, String) {
        let user = json!({"kind": "service", "login": login, "name": login});
        let account = self.done("POST", "/v1/access/users", &user)["id"].clone();
        for binding in bindings {
            let mut binding = binding.clone();
            binding["account"] = account.clone();
            self.done("POST", "/v1/access/bindings", &binding);
        }
        let token = json!({"account": account, "name": login, "permissions": ALL});
        let made = self.done("POST", "/v1/access/tokens", &token);
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (
            text(&made["secret"]),
            text(&made["token"]["id"]),
            text(&account),
        )
    }

    /// The entries it lists under a query.
    pub fn entries(&self, query: &str) -> Vec<Value> {
        let listing = self.done("GET", &format!("/v1/entries?{query}"), &Value::Null);
        listing["entries"].as_array().expect("entries").clone()
    }
}

/// Every permission.
pub const ALL: &[&str] = &[
    "entries:record",
    "entries:read",
    "entries:export",
    "entries:unmask",
    "entries:redact",
    "logs:verify",
    "access:manage",
    "sources:manage",
];

/// The first owner, signed in.
pub fn claimed(server: &TestServer) -> Caller<'_> {
    let link = server.link.as_ref().expect("nobody owns it yet").expose();
    let body =
        json!({"link": link, "login": "root@log.example", "name": "Root", "password": PASSWORD});
    let answer = server.post("/v1/access/claim", body.to_string());
    assert_eq!(answer.status, 201, "{}", answer.text());
    Caller::with_cookie(server, &answer)
}

/// An entry of a scope, as one line.
pub fn entry(id: u32, organization: &str, project: Option<&str>) -> String {
    let mut scope = json!({"organization": organization});
    if let Some(project) = project {
        scope["project"] = project.into();
    }
    let name = format!("person-{id}");
    line(
        id,
        json!({
            "scope": scope,
            "actor": {"type": "user", "id": format!("usr_{id}"), "name": name, "email": format!("{name}@acme.example")},
            "request": {"id": format!("req_{id}"), "ip": format!("192.0.2.{id}")},
        }),
    )
}

/// acme: 1 its own, 2 in pay, 3 in web; other: 4.
fn recorded(owner: &Caller<'_>) {
    let lines = [
        entry(1, "acme", None),
        entry(2, "acme", Some("pay")),
        entry(3, "acme", Some("web")),
        entry(4, "other", None),
    ];
    for line in lines {
        owner.done(
            "POST",
            "/v1/entries",
            &serde_json::from_str(&line).expect("JSON"),
        );
    }
}

fn ids(entries: &[Value]) -> Vec<String> {
    let ids = entries
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id"));
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids
}

#[test]
fn without_a_credential_nothing_is_answered_but_whether_the_server_lives() {
    let server = TestServer::guarded();
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    for path in [
        "/v1/entries",
        "/v1/entries/0198f3c2-7b1e-7c3a-9d0a-000000000001",
        "/v1/entries/0198f3c2-7b1e-7c3a-9d0a-000000000001/proof",
        "/v1/facets",
        "/v1/histogram",
        "/v1/catalogue",
        "/v1/export",
        "/v1/tail",
        "/v1/logs",
        "/v1/logs/acme/checkpoint",
        "/v1/logs/acme/tile/0/000",
        "/v1/access/me",
        "/v1/access/users",
        "/v1/access/roles",
        "/v1/access/tokens",
    ] {
        let answer = server.get(path);
        problem(&answer, 401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
    }
    for path in [
        "/v1/entries",
        "/v1/entries/0198f3c2-7b1e-7c3a-9d0a-000000000001/redact",
        "/v1/redactions",
        "/v1/access/users",
    ] {
        problem(
            &server.post(path, line(1, json!({}))),
            401,
            "unauthenticated",
        );
    }
    let page = server.get("/?result=failure&q=a%20b");
    assert_eq!(page.status, 303);
    let location = page.header("location");
    assert_eq!(
        location,
        Some("/sign-in?next=%2F%3Fresult%3Dfailure%26q%3Da%2520b")
    );
}

#[test]
fn what_is_no_credential_is_refused_and_not_repeated() {
    let server = TestServer::guarded();
    for shown in [
        "Bearer canary-of-a-token",
        "Basic Y2FuYXJ5",
        "Bearer",
        "Bearer mar_pat_canary",
    ] {
        let answer = server.send("GET", "/v1/entries", &[("authorization", shown)], b"");
        let said = problem(&answer, 401, "unauthenticated").to_string();
        assert!(!said.contains("canary") && !said.contains("Y2Fu"), "{said}");
    }
}

#[test]
fn the_first_link_makes_one_owner_and_no_second() {
    let server = TestServer::guarded();
    let file = server.data().join("first-sign-in");
    let link = server.link.as_ref().expect("a link").expose().to_owned();
    assert_eq!(std::fs::read_to_string(&file).expect("a file").trim(), link);
    let owner = claimed(&server);
    assert!(!file.exists(), "it is used up");
    let me = owner.done("GET", "/v1/access/me", &Value::Null);
    assert_eq!(
        (&me["type"], &me["actor"]["name"]),
        (&json!("session"), &json!("Root"))
    );
    let again = json!({"link": link, "login": "eve", "name": "Eve", "password": PASSWORD});
    problem(
        &server.post("/v1/access/claim", again.to_string()),
        401,
        "unauthenticated",
    );
}

#[test]
fn a_reader_of_a_project_sees_that_and_nothing_else() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    recorded(&owner);
    let (secret, ..) = owner.service(
        "reader",
        &[json!({"role": "auditor", "organization": "acme", "projects": ["pay"]})],
    );
    let reader = Caller::with_token(&server, &secret);
    assert_eq!(ids(&reader.entries("")), [uuid(2)]);
    let counts = reader.done(
        "GET",
        "/v1/facets?fields=organization,project,actor",
        &Value::Null,
    );
    assert_eq!(counts["total"], 1);
    for field in ["organization", "project", "actor"] {
        assert_eq!(counts["facets"][field]["distinct"], 1, "{counts}");
    }
    let exported = reader.get("/v1/export?format=ndjson");
    assert_eq!(exported.text().lines().count(), 2, "{}", exported.text());
    assert_eq!(reader.get(&format!("/v1/entries/{}", uuid(2))).status, 200);
    let missing = reader.get(&format!("/v1/entries/{}", uuid(999)));
    for foreign in [1, 3, 4] {
        for tail in ["", "/proof"] {
            let answer = reader.get(&format!("/v1/entries/{}{tail}", uuid(foreign)));
            let said = answer
                .text()
                .replace(&uuid(foreign), &uuid(999))
                .replace("/proof", "");
            assert_eq!((answer.status, said.as_str()), (404, missing.text()));
        }
    }
    // Its project is not all of the log.
    assert_eq!(
        reader.done("GET", "/v1/logs", &Value::Null)["logs"],
        json!([])
    );
    let none = reader.get("/v1/logs/nobody/checkpoint");
    for log in ["acme", "other"] {
        let answer = reader.get(&format!("/v1/logs/{log}/checkpoint"));
        assert_eq!(answer.text().replace(log, "nobody"), none.text());
    }
    problem(&reader.get("/v1/access/users"), 403, "forbidden");
    problem(
        &reader.call("POST", "/v1/entries", &entry(9, "acme", Some("pay"))),
        403,
        "forbidden",
    );
}

#[test]
fn what_is_recorded_out_of_reach_changes_no_answer() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    recorded(&owner);
    let (secret, ..) = owner.service(
        "reader",
        &[json!({"role": "auditor", "organization": "acme", "projects": ["pay"]})],
    );
    let reader = Caller::with_token(&server, &secret);
    owner.done(
        "POST",
        "/v1/entries",
        &serde_json::from_str(&entry(5, "acme", Some("pay"))).expect("JSON"),
    );
    let ask = || -> Vec<String> {
        let paths = [
            "/v1/entries?limit=1",
            "/v1/entries?order=received",
            "/v1/entries?organization=other",
            "/v1/facets",
            "/v1/histogram",
            "/v1/export?format=json",
            "/?limit=25",
        ];
        let said = paths.map(|path| String::from_utf8_lossy(&reader.get(path).body).into_owned());
        said.to_vec()
    };
    let before = ask();
    for n in 20..40 {
        let scope = ["acme", "other", "third"][n as usize % 3];
        owner.done(
            "POST",
            "/v1/entries",
            &serde_json::from_str(&entry(n, scope, None)).expect("JSON"),
        );
    }
    assert_eq!(ask(), before);
}

#[test]
fn entries_are_recorded_within_reach_only() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (secret, ..) = owner.service(
        "recorder",
        &[json!({"role": "recorder", "organization": "acme", "projects": ["pay"]})],
    );
    let recorder = Caller::with_token(&server, &secret);
    let headers = [
        recorder.credential(),
        ("content-type", "application/x-ndjson"),
    ];
    let own = line(8, json!({"scope": {"project": "pay"}}));
    let lines = [
        entry(1, "acme", Some("pay")),
        entry(2, "acme", None),
        entry(3, "other", Some("pay")),
        own,
    ];
    let answer = server.send("POST", "/v1/entries", &headers, lines.concat().as_bytes());
    let receipts = answer.json();
    assert_eq!(
        (&receipts["accepted"], &receipts["rejected"]),
        (&json!(2), &json!(2)),
        "{receipts}"
    );
    for n in [1, 2] {
        let error = &receipts["receipts"][n]["error"]["type"];
        assert_eq!(*error, json!("urn:mar-audit:problem:forbidden"));
    }
    // Its only organization is where entries go that name none.
    let own = format!("organization=acme&id={}", uuid(8));
    assert_eq!(owner.entries(&own).len(), 1);
    problem(&recorder.get("/v1/entries"), 403, "forbidden");
}

/// Who reads acme without addresses.
fn support<'a>(owner: &Caller<'a>) -> Caller<'a> {
    let permissions = ["entries:read", "entries:export", "logs:verify"];
    let role = json!({"permissions": permissions, "mask": ["email", "ip"]});
    owner.done("PUT", "/v1/access/roles/support", &role);
    let binding = json!({"role": "support", "organization": "acme"});
    let (secret, ..) = owner.service("support", &[binding]);
    Caller::with_token(owner.server, &secret)
}

#[test]
fn what_a_role_hides_is_found_by_no_question() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    recorded(&owner);
    let support = support(&owner);
    let of_acme = "target=pay-eu";
    let seen = support.entries(of_acme);
    assert_eq!(seen.len(), 3);
    for entry in &seen {
        assert_eq!(
            entry["hidden"],
            json!(["/actor/email", "/request/ip"]),
            "{entry}"
        );
        assert!(entry["actor"].get("email").is_none() && entry["request"].get("ip").is_none());
    }
    for query in [
        "email=person-2*",
        "ip=192.0.2.2",
        "search=person-2@acme",
        "q=person-2@acme",
        "ip=192.0.2.0/24",
        "has=email",
    ] {
        assert_eq!(
            support.entries(&format!("{query}&{of_acme}")),
            Vec::<Value>::new(),
            "{query}"
        );
    }
    assert_eq!(
        support.entries(&format!("actor=person-2&{of_acme}")).len(),
        1
    );
    let counts = support.done(
        "GET",
        &format!("/v1/facets?fields=email,ip&{of_acme}"),
        &Value::Null,
    );
    for field in ["email", "ip"] {
        assert_eq!(counts["facets"][field]["values"], json!([]), "{counts}");
    }
    for format in ["csv", "ndjson", "json"] {
        let text = support
            .get(&format!("/v1/export?format={format}&{of_acme}"))
            .text()
            .to_owned();
        assert!(
            !text.contains("@acme.example") && !text.contains("192.0.2."),
            "{text}"
        );
    }
    problem(&support.get("/v1/entries?unmask=true"), 403, "forbidden");
}

#[test]
fn what_a_role_hides_is_a_digest_in_the_proof_and_the_proof_holds() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    recorded(&owner);
    let support = support(&owner);
    server.clock.advance(std::time::Duration::from_secs(2));
    let proof = support.get(&format!("/v1/entries/{}/proof", uuid(2)));
    assert_eq!(proof.status, 200, "{}", proof.text());
    let proof = proof::log_proof::LogProof::parse(&proof.body).expect("a proof");
    let shown = String::from_utf8(proof.extra.expect("a disclosure")).expect("UTF-8");
    assert!(
        shown.contains("\"path\":\"/actor/email\",\"digest\""),
        "{shown}"
    );
    assert!(
        !shown.contains("@acme.example") && !shown.contains("192.0.2."),
        "{shown}"
    );
    let (tree, seq) = (proof.checkpoint.checkpoint().tree(), proof.seq);
    let disclosure = proof::disclosure::Disclosure::parse(shown.as_bytes()).expect("a disclosure");
    let leaf = disclosure.leaf().expect("a leaf").hash();
    tree.includes(seq, &leaf, &proof.path)
        .expect("it is in the tree");
}

#[test]
fn another_sites_page_changes_nothing_by_our_cookie() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let body = json!({"kind": "service", "login": "x", "name": "X"}).to_string();
    let origin = format!("http://{}", server.address);
    let json = ("content-type", "application/json");
    let post = |headers: &[(&str, &str)]| {
        let all = [&[owner.credential(), json], headers].concat();
        server.send("POST", "/v1/access/users", &all, body.as_bytes())
    };
    for foreign in [
        &[][..],
        &[("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "null")],
    ] {
        problem(&post(foreign), 403, "cross-origin");
    }
    assert_eq!(post(&[("origin", &origin)]).status, 201);
}

#[test]
fn measures_are_for_who_manages_access_and_for_this_machine() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    assert_eq!(server.get("/metrics").status, 200);
    let forwarded = ("x-forwarded-for", "203.0.113.9");
    let by = |headers: &[(&str, &str)]| {
        let all = [&[forwarded], headers].concat();
        server.send("GET", "/metrics", &all, b"")
    };
    problem(&by(&[]), 401, "unauthenticated");
    assert_eq!(by(&[owner.credential()]).status, 200);
    let (secret, ..) = owner.service("reader", &[json!({"role": "viewer"})]);
    let reader = Caller::with_token(&server, &secret);
    problem(&by(&[reader.credential()]), 403, "forbidden");
}

#[test]
fn what_was_given_and_what_was_taken_survives_a_restart() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let binding = json!({"role": "viewer", "organization": "acme"});
    let (kept, ..) = owner.service("kept", std::slice::from_ref(&binding));
    let (revoked, id, _) = owner.service("revoked", &[binding]);
    owner.done("DELETE", &format!("/v1/access/tokens/{id}"), &Value::Null);
    let session = owner.header.1.clone();
    let server = server.restart();
    assert!(server.link.is_none() && !server.data().join("first-sign-in").exists());
    let by = |name: &str, value: &str| {
        server
            .send("GET", "/v1/access/me", &[(name, value)], b"")
            .status
    };
    assert_eq!(by("cookie", &session), 200);
    assert_eq!(by("authorization", &format!("Bearer {kept}")), 200);
    assert_eq!(by("authorization", &format!("Bearer {revoked}")), 401);
    // Each where it belongs.
    assert_eq!(by("cookie", &format!("mar_session={kept}")), 401);
    let (_, secret) = session.split_once('=').expect("a pair");
    assert_eq!(by("authorization", &format!("Bearer {secret}")), 401);
}

#[test]
fn nobody_gives_what_they_lack_over_the_wire_either() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let manager = json!({"permissions": ["access:manage", "entries:read"]});
    owner.done("PUT", "/v1/access/roles/manager", &manager);
    let binding = json!({"role": "manager", "organization": "acme"});
    let (secret, _, account) = owner.service("manager", &[binding]);
    let manager = Caller::with_token(&server, &secret);
    let give = |role: &str, organization: &str| {
        let body = json!({"account": account, "role": role, "organization": organization});
        manager.call("POST", "/v1/access/bindings", &body.to_string())
    };
    assert_eq!(give("viewer", "acme").status, 201);
    problem(&give("owner", "acme"), 403, "forbidden");
    problem(&give("viewer", "other"), 403, "forbidden");
    let refused = owner.entries("action=createBinding&result=failure");
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert_eq!(refused[0]["error"]["code"], "403");
    let root = owner.done("GET", "/v1/access/me", &Value::Null)["actor"]["id"].clone();
    let path = format!("/v1/access/users/{}", root.as_str().expect("an id"));
    let body = json!({"password": "another long password"}).to_string();
    problem(&manager.call("PATCH", &path, &body), 403, "forbidden");
    let unknown = manager.call("PATCH", "/v1/access/users/0000000000000", &body);
    problem(&unknown, 404, "not-found");
}
