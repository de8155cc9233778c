//! The pages of access: what they change, for whom, and what they never show.

use crate::access::{Caller, PASSWORD, claimed};
use crate::access_watching::{added, one};
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

/// Posts a form as a page of ours would.
fn post(caller: &Caller<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    send(caller, path, fields, "same-origin")
}

fn send(caller: &Caller<'_>, path: &str, fields: &[(&str, &str)], site: &str) -> Answer {
    let headers = [
        caller.credential(),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", site),
    ];
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let body = body.finish();
    caller.server.send("POST", path, &headers, body.as_bytes())
}

/// Where a change is seen.
#[track_caller]
fn seen_at(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").expect("a place").to_owned()
}

#[track_caller]
fn page(caller: &Caller<'_>, path: &str) -> String {
    let answer = caller.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text().to_owned()
}

/// The text from a place on, up to another.
#[track_caller]
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).expect(from) + from.len();
    let rest = &text[start..];
    &rest[..rest.find(to).expect(to)]
}

/// The person that a place is of.
fn id_in(place: &str) -> String {
    let id = place.split('/').nth(3).expect("an id");
    id.split('#').next().expect("a part").to_owned()
}

const VERA: &[(&str, &str)] = &[
    ("kind", "person"),
    ("name", "Vera"),
    ("login", "vera@acme.example"),
    ("password", PASSWORD),
];

fn signed_in<'a>(server: &'a TestServer, login: &str, password: &str) -> Caller<'a> {
    let body = json!({"login": login, "password": password});
    let answer = server.post("/v1/access/sign-in", body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    Caller::with_cookie(server, &answer)
}

/// Somebody with these roles, signed in.
fn person<'a>(owner: &Caller<'a>, login: &str, bindings: &[Value]) -> Caller<'a> {
    let user = json!({"login": login, "name": login, "password": PASSWORD});
    let account = owner.done("POST", "/v1/access/users", &user)["id"].clone();
    for binding in bindings {
        let mut binding = binding.clone();
        binding["account"] = account.clone();
        owner.done("POST", "/v1/access/bindings", &binding);
    }
    signed_in(owner.server, login, PASSWORD)
}

#[test]
fn every_form_of_people_and_roles_makes_one_change_and_leaves_one_entry() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let change = |path: &str, fields: &[(&str, &str)], act: &str| {
        let mut place = String::new();
        let acts = added(&owner, || place = seen_at(&post(&owner, path, fields)));
        assert_eq!(acts, one(act), "{path}");
        place
    };
    let vera = id_in(&change("/access/people/new", VERA, "createAccount"));
    let of = |part: &str| format!("/access/people/{vera}/{part}");
    let role = [
        ("name", "desk"),
        ("permissions", "entries:read"),
        ("permissions", "entries:export"),
        ("mask", "ip"),
    ];
    change("/access/roles/new", &role, "putRole");
    let role = [
        ("permissions", "entries:read"),
        ("mask", "ip"),
        ("mask", "email"),
    ];
    change("/access/roles/desk/edit", &role, "putRole");
    let bound = [
        ("role", "desk"),
        ("scope", "projects"),
        ("organization", "acme"),
        ("projects", "pay\r\n web \r\n"),
    ];
    change(&of("roles"), &bound, "createBinding");
    let all = owner.done("GET", "/v1/access/bindings", &Value::Null);
    let desk = all["bindings"]
        .as_array()
        .expect("bindings")
        .iter()
        .find(|one| one["role"] == "desk");
    let desk = desk.expect("it is there").clone();
    assert_eq!(desk["projects"], json!(["pay", "web"]));
    change(
        &of("groups"),
        &[("groups", "ops"), ("another", "night")],
        "updateAccount",
    );
    change(
        "/access/groups",
        &[("group", "ops"), ("role", "viewer"), ("scope", "server")],
        "createBinding",
    );
    change(
        "/access/groups/ops/roles",
        &[
            ("role", "recorder"),
            ("scope", "organization"),
            ("organization", "acme"),
        ],
        "createBinding",
    );
    change(
        "/access/groups/ops/members/remove",
        &[("account", &vera)],
        "updateAccount",
    );
    change(
        "/access/groups/ops/members",
        &[("login", "VERA@acme.example")],
        "updateAccount",
    );
    change(
        &of("password"),
        &[("password", "another long password")],
        "updateAccount",
    );
    change(&of("disable"), &[], "updateAccount");
    change(&of("enable"), &[], "updateAccount");
    let binding = format!(
        "/access/bindings/{}/remove",
        desk["id"].as_str().expect("an id")
    );
    change(&binding, &[], "deleteBinding");
    change("/access/roles/desk/remove", &[], "removeRole");
    signed_in(&server, "vera@acme.example", "another long password");
}

#[test]
fn every_form_of_what_acts_for_somebody_makes_one_change_and_leaves_one_entry() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let bot = [("kind", "service"), ("name", "Bot"), ("login", "bot")];
    seen_at(&post(&owner, "/access/people/new", &bot));
    let change = |path: &str, fields: &[(&str, &str)], act: &str| {
        let mut answer = None;
        let acts = added(&owner, || answer = Some(post(&owner, path, fields)));
        assert_eq!(acts, one(act), "{path}");
        answer.expect("it was asked")
    };
    let token = [
        ("name", "ci"),
        ("account", "bot"),
        ("kind", "recorder"),
        ("scope", "server"),
        ("life", "30"),
    ];
    assert_eq!(
        change("/access/tokens/new", &token, "createToken").status,
        201
    );
    let own = [
        ("name", "mine"),
        ("permissions", "entries:read"),
        ("scope", "server"),
        ("life", "never"),
    ];
    assert_eq!(
        change("/account/tokens/new", &own, "createToken").status,
        201
    );
    let tokens = owner.done("GET", "/v1/access/tokens", &Value::Null)["tokens"].clone();
    let id = |name: &str| {
        let mut all = tokens.as_array().expect("tokens").iter();
        let found = all
            .find(|token| token["name"] == name)
            .expect("it is there");
        (
            found["id"].as_str().expect("an id").to_owned(),
            found.clone(),
        )
    };
    let ((ci, made), (mine, ever)) = (id("ci"), id("mine"));
    let how = (
        &made["kind"],
        &made["permissions"],
        &ever["kind"],
        &ever["expires_at"],
    );
    assert_eq!(
        how,
        (
            &json!("recorder"),
            &json!(["entries:record"]),
            &json!("personal"),
            &Value::Null
        )
    );
    seen_at(&change(
        &format!("/access/tokens/{ci}/revoke"),
        &[],
        "revokeToken",
    ));
    seen_at(&change(
        &format!("/account/tokens/{mine}/revoke"),
        &[],
        "revokeToken",
    ));
    let link = [
        ("name", "Audit & Co"),
        ("scope", "organization"),
        ("organization", "acme"),
        ("permissions", "entries:read"),
        ("filter", "result:failure"),
        ("mask", "ip"),
        ("life", "90"),
        ("step", "make"),
    ];
    assert_eq!(change("/access/links/new", &link, "createLink").status, 201);
    let links = owner.done("GET", "/v1/access/links", &Value::Null)["links"].clone();
    let link = links[0]["id"].as_str().expect("an id");
    seen_at(&change(
        &format!("/access/links/{link}/revoke"),
        &[],
        "revokeLink",
    ));
    for area in ["access", "account"] {
        signed_in(&server, "root@log.example", PASSWORD);
        let sessions = owner.done("GET", "/v1/access/sessions", &Value::Null)["sessions"].clone();
        let mut all = sessions.as_array().expect("sessions").iter();
        let other = all
            .find(|session| session["current"] == false)
            .expect("another");
        let path = format!(
            "/{area}/sessions/{}/end",
            other["id"].as_str().expect("an id")
        );
        seen_at(&change(&path, &[], "endSession"));
    }
    let password = [
        ("old_password", PASSWORD),
        ("password", "another long password"),
        ("again", "another long password"),
    ];
    seen_at(&change("/account/password", &password, "updateAccount"));
}

#[test]
fn a_page_of_another_site_changes_nothing_here() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let vera = id_in(&seen_at(&post(&owner, "/access/people/new", VERA)));
    let all = added(&owner, || {
        for path in [
            "/access/people/new",
            "/access/roles/new",
            "/access/tokens/new",
            "/access/links/new",
            "/access/groups",
            "/account/password",
            "/account/tokens/new",
            &format!("/access/people/{vera}/disable"),
            &format!("/access/people/{vera}/roles"),
            &format!("/access/people/{vera}/password"),
        ] {
            for site in ["cross-site", "same-site"] {
                let answer = send(
                    &owner,
                    path,
                    &[("name", "x"), ("role", "owner"), ("scope", "server")],
                    site,
                );
                assert_eq!(answer.status, 403, "{path}: {}", answer.text());
            }
            let asked = owner.get(path);
            assert!([200, 405].contains(&asked.status), "{path}");
        }
    });
    assert_eq!(all, [], "to ask is not to change");
    let answer = owner.call("POST", "/access/roles/new", "{}");
    assert_eq!(answer.status, 415, "no form is JSON");
}

#[test]
fn a_secret_is_on_the_answer_that_makes_it_and_on_no_other() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let bot = [("kind", "service"), ("name", "Bot"), ("login", "bot")];
    let bot = id_in(&seen_at(&post(&owner, "/access/people/new", &bot)));
    seen_at(&post(
        &owner,
        &format!("/access/people/{bot}/roles"),
        &[("role", "viewer"), ("scope", "server")],
    ));
    let token = [
        ("name", "ci"),
        ("account", "bot"),
        ("kind", "account"),
        ("permissions", "entries:read"),
        ("scope", "server"),
        ("life", "7"),
    ];
    let made = post(&owner, "/access/tokens/new", &token);
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, Some("no-store"))
    );
    let secret = between(made.text(), "export MAR_AUDIT_TOKEN=", "<").to_owned();
    assert!(secret.starts_with("mar_svc_"), "{secret}");
    let program = Caller::with_token(&server, &secret);
    program.done("GET", "/v1/entries", &Value::Null);
    let link = [
        ("name", "Audit"),
        ("scope", "server"),
        ("permissions", "entries:read"),
        ("life", "7"),
    ];
    let preview = post(&owner, "/access/links/new", &link);
    assert!(
        preview.text().contains("It shows <b>"),
        "{}",
        preview.text()
    );
    assert!(!preview.text().contains("mar_adt"), "nothing is made yet");
    let mut link = link.to_vec();
    link.push(("step", "make"));
    let made = post(&owner, "/access/links/new", &link);
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, Some("no-store"))
    );
    let url = between(made.text(), "data-copy=\"", "\"");
    let (place, auditor) = url.split_once('#').expect("a link");
    assert_eq!(place, server.url("/link"));
    Caller::with_token(&server, auditor).done("GET", "/v1/entries", &Value::Null);
    for path in [
        "/access/tokens",
        "/access/links",
        "/account",
        &format!("/access/people/{bot}"),
    ] {
        let shown = page(&owner, path);
        assert!(
            !shown.contains(&secret) && !shown.contains(auditor),
            "{path}"
        );
        assert!(
            !shown.contains(&secret[22..]),
            "{path}: not even its secret half"
        );
    }
    let id = between(&secret, "mar_svc_", "_");
    seen_at(&post(&owner, &format!("/access/tokens/{id}/revoke"), &[]));
    assert_eq!(program.get("/v1/entries").status, 401);
}

#[test]
fn what_is_wrong_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let canary = "canary-secret";
    let wrong = [
        ("kind", "person"),
        ("name", "Ana <b>"),
        ("login", "no login"),
        ("password", canary),
    ];
    let answer = post(&owner, "/access/people/new", &wrong);
    assert_eq!(answer.status, 422);
    let text = answer.text();
    assert!(
        text.contains("value=\"Ana &lt;b>\"") || text.contains("value=\"Ana &lt;b&gt;\""),
        "{text}"
    );
    assert!(
        text.contains("id=\"login-fault\"") && text.contains("aria-invalid=\"true\""),
        "{text}"
    );
    assert!(!text.contains(canary), "a password is never sent back");
    let taken = [
        ("kind", "person"),
        ("name", "Root"),
        ("login", "root@log.example"),
    ];
    let answer = post(&owner, "/access/people/new", &taken);
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("id=\"login-fault\""),
        "{}",
        answer.text()
    );
    let short = [
        ("kind", "person"),
        ("name", "Ana"),
        ("login", "ana"),
        ("password", "short"),
    ];
    let answer = post(&owner, "/access/people/new", &short);
    assert!(
        answer.text().contains("at least 12 characters"),
        "{}",
        answer.text()
    );
    let link = [
        ("name", "A"),
        ("scope", "server"),
        ("permissions", "entries:read"),
        ("life", "7"),
        ("filter", "accion:x"),
    ];
    let answer = post(&owner, "/access/links/new", &link);
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("id=\"filter-fault\""),
        "{}",
        answer.text()
    );
    for (path, fields, field) in [
        (
            "/access/tokens/new",
            vec![
                ("name", "x"),
                ("account", "nobody"),
                ("scope", "server"),
                ("life", "7"),
            ],
            "account",
        ),
        (
            "/access/tokens/new",
            vec![
                ("name", "x"),
                ("account", "root@log.example"),
                ("scope", "organization"),
                ("life", "7"),
            ],
            "organization",
        ),
        (
            "/access/roles/new",
            vec![("name", "Not A Slug"), ("permissions", "entries:read")],
            "name",
        ),
        (
            "/access/roles/new",
            vec![("name", "owner"), ("permissions", "entries:read")],
            "name",
        ),
        ("/access/roles/new", vec![("name", "none")], "permissions"),
    ] {
        let answer = post(&owner, path, &fields);
        assert!(
            [409, 422].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        let fault = format!("id=\"{field}-fault\"");
        assert!(
            answer.text().contains(&fault),
            "{path}, {field}: {}",
            answer.text()
        );
    }
}

#[test]
fn nobody_can_lock_the_last_owner_out() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let me = owner.done("GET", "/v1/access/me", &Value::Null)["actor"]["id"].clone();
    let path = format!("/access/people/{}/disable", me.as_str().expect("an id"));
    let answer = post(&owner, &path, &[]);
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("This is the last owner"),
        "{}",
        answer.text()
    );
    let binding =
        owner.done("GET", "/v1/access/bindings", &Value::Null)["bindings"][0]["id"].clone();
    let path = format!(
        "/access/bindings/{}/remove",
        binding.as_str().expect("an id")
    );
    assert!(page(&owner, &path).contains("Take owner away?"));
    let answer = post(&owner, &path, &[]);
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("Make somebody else an owner"),
        "{}",
        answer.text()
    );
    owner.done("GET", "/v1/entries", &Value::Null);
}

#[test]
fn a_name_is_text_wherever_it_is_shown() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let hostile = "\"><script>alert(1)</script>\u{202e}";
    let eve = [
        ("kind", "person"),
        ("name", hostile),
        ("login", "eve"),
        ("password", PASSWORD),
    ];
    let eve = id_in(&seen_at(&post(&owner, "/access/people/new", &eve)));
    seen_at(&post(
        &owner,
        &format!("/access/people/{eve}/roles"),
        &[
            ("role", "viewer"),
            ("scope", "projects"),
            ("organization", "acme"),
            ("projects", hostile),
        ],
    ));
    let token = [
        ("name", hostile),
        ("account", "eve"),
        ("kind", "account"),
        ("permissions", "entries:read"),
        ("scope", "server"),
        ("life", "7"),
    ];
    let made = post(&owner, "/access/tokens/new", &token);
    let link = [
        ("name", hostile),
        ("scope", "server"),
        ("permissions", "entries:read"),
        ("life", "7"),
        ("step", "make"),
        ("filter", "\"<script>alert(2)</script>\""),
    ];
    let linked = post(&owner, "/access/links/new", &link);
    let agent = [
        owner.credential(),
        ("user-agent", "<script>alert(3)</script>"),
    ];
    let body = json!({"login": "eve", "password": PASSWORD}).to_string();
    let headers = [agent[1], ("content-type", "application/json")];
    assert_eq!(
        server
            .send("POST", "/v1/access/sign-in", &headers, body.as_bytes())
            .status,
        200
    );
    let paths = [
        "/access/people",
        "/access/people?search=%3Cscript%3E",
        &format!("/access/people/{eve}"),
        &format!("/access/people/{eve}/disable"),
        "/access/tokens",
        "/access/sessions",
        "/access/links",
    ];
    let mut shown: Vec<String> = paths.iter().map(|path| page(&owner, path)).collect();
    shown.extend([made.text().to_owned(), linked.text().to_owned()]);
    for text in shown {
        assert!(!text.contains("<script>alert"), "{text}");
        assert!(
            !text.contains('\u{202e}'),
            "what turns text around is made visible"
        );
    }
}

#[test]
fn who_manages_one_organization_sees_nothing_of_another() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    person(
        &owner,
        "canary@other.example",
        &[json!({"role": "viewer", "organization": "other"})],
    );
    owner.done(
        "POST",
        "/v1/access/bindings",
        &json!({"group": "canaries", "role": "viewer", "organization": "other"}),
    );
    let (_, token, account) = owner.service(
        "canary-bot",
        &[json!({"role": "viewer", "organization": "other"})],
    );
    let link = json!({"name": "canary link", "permissions": ["entries:read"], "organization": "other", "expires_at": "2026-12-01T00:00:00Z"});
    owner.done("POST", "/v1/access/links", &link);
    owner.service(
        "robot",
        &[json!({"role": "viewer", "organization": "acme"})],
    );
    owner.done(
        "POST",
        "/v1/access/bindings",
        &json!({"group": "crew", "role": "viewer", "organization": "acme"}),
    );
    let admin = person(
        &owner,
        "ada@acme.example",
        &[json!({"role": "security-admin", "organization": "acme"})],
    );
    for path in [
        "/access/people",
        "/access/people?search=canary",
        "/access/groups",
        "/access/roles",
        "/access/tokens",
        "/access/tokens/new",
        "/access/sessions",
        "/access/links",
        "/access/links/new",
        "/account",
    ] {
        let shown = page(&admin, path)
            .to_lowercase()
            .replace("search=canary", "")
            .replace("value=\"canary\"", "");
        assert!(
            !shown.contains("canar") && !shown.contains("other.example"),
            "{path}: {shown}"
        );
    }
    let people = page(&admin, "/access/people");
    assert!(
        people.contains("robot") && people.contains("ada@acme.example"),
        "{people}"
    );
    assert!(page(&admin, "/access/groups").contains("crew"));
    let missing = admin.get("/access/people/0000000000000");
    assert_eq!(missing.status, 404);
    for (path, foreign) in [
        ("/access/people/{}", account.as_str()),
        ("/access/tokens/{}/revoke", &token),
        ("/access/groups/{}", "canaries"),
    ] {
        let path = path.replace("{}", foreign);
        assert_eq!(admin.get(&path).status, 404, "{path}");
    }
    let theirs = format!("/access/people/{account}/roles");
    let given = post(
        &admin,
        &theirs,
        &[
            ("role", "viewer"),
            ("scope", "organization"),
            ("organization", "other"),
        ],
    );
    assert!([403, 404].contains(&given.status), "{}", given.text());
    let more = post(
        &admin,
        "/access/groups",
        &[
            ("group", "crew"),
            ("role", "owner"),
            ("scope", "organization"),
            ("organization", "acme"),
        ],
    );
    assert_eq!(more.status, 403);
    assert!(
        more.text().contains("That is more than you may do"),
        "{}",
        more.text()
    );
}

#[test]
fn who_may_not_manage_access_is_told_what_that_takes() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let viewer = person(
        &owner,
        "vera@acme.example",
        &[json!({"role": "viewer", "organization": "acme"})],
    );
    for path in [
        "/access",
        "/access/people",
        "/access/people/new",
        "/access/groups",
        "/access/roles",
        "/access/roles/new",
        "/access/tokens",
        "/access/tokens/new",
        "/access/sessions",
        "/access/links",
        "/access/links/new",
    ] {
        let answer = viewer.get(path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(
            answer.text().contains("access:manage"),
            "{path}: {}",
            answer.text()
        );
    }
    let made = post(&viewer, "/access/people/new", VERA);
    assert_eq!(made.status, 403, "{}", made.text());
    assert!(page(&viewer, "/account").contains("<b>Read</b> in "));
    let nobody = server.get("/access/people");
    let to = nobody.header("location");
    assert_eq!(
        (nobody.status, to),
        (303, Some("/sign-in?next=%2Faccess%2Fpeople"))
    );
    let open = TestServer::start();
    for path in ["/access", "/access/people", "/account"] {
        let answer = open.get(path);
        assert_eq!(answer.status, 200);
        assert!(
            answer.text().contains("Access is open"),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn ones_own_password_takes_the_old_one() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let vera = person(&owner, "vera", &[]);
    let other = signed_in(&server, "vera", PASSWORD);
    let new = "another long password";
    let change = |old: &str, again: &str| {
        let fields = [("old_password", old), ("password", new), ("again", again)];
        post(&vera, "/account/password", &fields)
    };
    let answer = change("not the old password", new);
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("id=\"old_password-fault\""),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("not the old password"));
    let failed = &owner.entries("action=updateAccount&result=failure");
    assert_eq!(failed.len(), 1, "a wrong one is noted");
    assert!(
        change(PASSWORD, "something else")
            .text()
            .contains("id=\"again-fault\"")
    );
    let id = vera.done("GET", "/v1/access/me", &Value::Null)["actor"]["id"].clone();
    let path = format!("/v1/access/users/{}", id.as_str().expect("an id"));
    let without = vera.call("PATCH", &path, &json!({"password": new}).to_string());
    assert_eq!(without.status, 422, "{}", without.text());
    assert_eq!(other.get("/account").status, 200);
    assert_eq!(seen_at(&change(PASSWORD, new)), "/account?changed=password");
    assert!(page(&vera, "/account?changed=password").contains("Your password is changed"));
    assert_eq!(other.get("/account").status, 303, "it has to sign in again");
    signed_in(&server, "vera", new);
}
