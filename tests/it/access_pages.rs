//! The pages of access: what they change, for whom, and what they never show.

use crate::access::{Caller, PASSWORD, claimed};
use crate::access_watching::{added, one};
use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

/// A value of a form.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Posts a form as a page of ours would.
pub fn post(caller: &Caller<'_>, path: &str, fields: impl AsRef<str>) -> Answer {
    send(caller, path, fields.as_ref(), "same-origin")
}

fn send(caller: &Caller<'_>, path: &str, fields: &str, site: &str) -> Answer {
    let headers = [
        caller.credential(),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", site),
    ];
    caller
        .server
        .send("POST", path, &headers, fields.as_bytes())
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

const VERA: &str = "kind=person&name=Vera&login=vera%40acme.example&password=correct+horse+battery";

pub fn signed_in<'a>(server: &'a TestServer, login: &str, password: &str) -> Caller<'a> {
    let body = json!({"login": login, "password": password});
    let answer = server.post("/v1/access/sign-in", body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    Caller::with_cookie(server, &answer)
}

/// Somebody with these roles, signed in.
pub fn person<'a>(owner: &Caller<'a>, login: &str, bindings: &[Value]) -> Caller<'a> {
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
    let change = |path: &str, fields: &str, act: &str| {
        let mut place = String::new();
        let acts = added(&owner, || place = seen_at(&post(&owner, path, fields)));
        assert_eq!(acts, one(act), "{path}");
        place
    };
    let vera = id_in(&change("/access/people/new", VERA, "createAccount"));
    let of = |part: &str| format!("/access/people/{vera}/{part}");
    let role = "name=desk&permissions=entries:read&permissions=entries:export&mask=ip";
    change("/access/roles/new", role, "putRole");
    let role = "permissions=entries:read&mask=ip&mask=email";
    change("/access/roles/desk/edit", role, "putRole");
    let bound = "role=desk&scope=projects&organization=acme&projects=pay%0D%0A+web+%0D%0A";
    change(&of("roles"), bound, "createBinding");
    let all = owner.done("GET", "/v1/access/bindings", &Value::Null);
    let desk = all["bindings"]
        .as_array()
        .expect("bindings")
        .iter()
        .find(|one| one["role"] == "desk");
    let desk = desk.expect("it is there").clone();
    assert_eq!(desk["projects"], json!(["pay", "web"]));
    change(&of("groups"), "groups=ops&another=night", "updateAccount");
    change(
        "/access/groups",
        "group=ops&role=viewer&scope=server",
        "createBinding",
    );
    change(
        "/access/groups/ops/roles",
        "role=recorder&scope=organization&organization=acme",
        "createBinding",
    );
    change(
        "/access/groups/ops/members/remove",
        &format!("account={vera}"),
        "updateAccount",
    );
    change(
        "/access/groups/ops/members",
        "login=VERA%40acme.example",
        "updateAccount",
    );
    change(
        &of("password"),
        "password=another+long+password",
        "updateAccount",
    );
    change(&of("disable"), "", "updateAccount");
    change(&of("enable"), "", "updateAccount");
    let binding = format!(
        "/access/bindings/{}/remove",
        desk["id"].as_str().expect("an id")
    );
    change(&binding, "", "deleteBinding");
    change("/access/roles/desk/remove", "", "removeRole");
    signed_in(&server, "vera@acme.example", "another long password");
}

/// Posts a form, and holds what it leaves against what it was.
#[track_caller]
fn changed(owner: &Caller<'_>, path: &str, fields: &str, act: &str) -> Answer {
    let mut answer = None;
    let acts = added(owner, || answer = Some(post(owner, path, fields)));
    assert_eq!(acts, one(act), "{path}");
    answer.expect("it was asked")
}

/// The one of a list of the API's that has this in a member.
#[track_caller]
fn found(owner: &Caller<'_>, list: &str, member: &str, is: Value) -> (String, Value) {
    let listed = owner.done("GET", &format!("/v1/access/{list}"), &Value::Null);
    let mut all = listed[list].as_array().expect("a list").iter();
    let found = all.find(|one| one[member] == is).expect("it is there");
    let id = found["id"].as_str().expect("an id").to_owned();
    (id, found.clone())
}

#[test]
fn every_form_of_tokens_makes_one_change_and_leaves_one_entry() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let bot = "kind=service&name=Bot&login=bot";
    seen_at(&post(&owner, "/access/people/new", bot));
    let token = "name=ci&account=bot&kind=recorder&scope=server&life=30";
    let made = changed(&owner, "/access/tokens/new", token, "createToken");
    assert_eq!(made.status, 201, "{}", made.text());
    let own = "name=mine&permissions=entries:read&scope=server&life=never";
    let made = changed(&owner, "/account/tokens/new", own, "createToken");
    assert_eq!(made.status, 201, "{}", made.text());
    let (ci, made) = found(&owner, "tokens", "name", json!("ci"));
    assert_eq!(made["kind"], "recorder");
    assert_eq!(made["permissions"], json!(["entries:record"]));
    assert_eq!(made["expires_at"], "2026-12-01T12:00:00.000000Z");
    let (mine, made) = found(&owner, "tokens", "name", json!("mine"));
    assert_eq!(made["kind"], "personal");
    assert_eq!(made["expires_at"], Value::Null);
    for path in [
        format!("/access/tokens/{ci}/revoke"),
        format!("/account/tokens/{mine}/revoke"),
    ] {
        assert!(page(&owner, &path).contains("Revoke"));
        seen_at(&changed(&owner, &path, "", "revokeToken"));
    }
}

#[test]
fn every_form_of_links_sessions_and_passwords_makes_one_change_and_leaves_one_entry() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let link = "name=Audit+%26+Co&scope=organization&organization=acme&permissions=entries:read&filter=result:failure&mask=ip&life=90&step=make";
    let made = changed(&owner, "/access/links/new", link, "createLink");
    assert_eq!(made.status, 201, "{}", made.text());
    let (link, made) = found(&owner, "links", "name", json!("Audit & Co"));
    assert_eq!(made["mask"], json!(["ip"]));
    assert_eq!(made["filter"], "result:failure");
    let path = format!("/access/links/{link}/revoke");
    seen_at(&changed(&owner, &path, "", "revokeLink"));
    for area in ["access", "account"] {
        signed_in(&server, "root@log.example", PASSWORD);
        let (other, _) = found(&owner, "sessions", "current", json!(false));
        let path = format!("/{area}/sessions/{other}/end");
        assert!(page(&owner, &path).contains("End this session?"));
        seen_at(&changed(&owner, &path, "", "endSession"));
    }
    let password = "old_password=correct+horse+battery&password=another+long+password&again=another+long+password";
    seen_at(&changed(
        &owner,
        "/account/password",
        password,
        "updateAccount",
    ));
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
                let answer = send(&owner, path, "name=x&role=owner&scope=server", site);
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
    let bot = "kind=service&name=Bot&login=bot";
    let bot = id_in(&seen_at(&post(&owner, "/access/people/new", bot)));
    seen_at(&post(
        &owner,
        &format!("/access/people/{bot}/roles"),
        "role=viewer&scope=server",
    ));
    let token = "name=ci&account=bot&kind=account&permissions=entries:read&scope=server&life=7";
    let made = post(&owner, "/access/tokens/new", token);
    assert_eq!(
        (made.status, made.header("cache-control")),
        (201, Some("no-store"))
    );
    let secret = between(made.text(), "export MAR_AUDIT_TOKEN=", "<").to_owned();
    assert!(secret.starts_with("mar_svc_"), "{secret}");
    let program = Caller::with_token(&server, &secret);
    program.done("GET", "/v1/entries", &Value::Null);
    let link = "name=Audit&scope=server&permissions=entries:read&life=7";
    let preview = post(&owner, "/access/links/new", link);
    assert!(
        preview.text().contains("It shows <b>"),
        "{}",
        preview.text()
    );
    assert!(!preview.text().contains("mar_adt"), "nothing is made yet");
    let made = post(&owner, "/access/links/new", format!("{link}&step=make"));
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
    seen_at(&post(&owner, &format!("/access/tokens/{id}/revoke"), ""));
    assert_eq!(program.get("/v1/entries").status, 401);
}

#[test]
fn what_is_wrong_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let canary = "canary-secret";
    let wrong = format!("kind=person&name=Ana+%3Cb%3E&login=no+login&password={canary}");
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
    let taken = "kind=person&name=Root&login=root%40log.example";
    let answer = post(&owner, "/access/people/new", taken);
    assert_eq!(answer.status, 409);
    assert!(
        answer.text().contains("id=\"login-fault\""),
        "{}",
        answer.text()
    );
    let short = "kind=person&name=Ana&login=ana&password=short";
    let answer = post(&owner, "/access/people/new", short);
    assert!(
        answer.text().contains("at least 12 characters"),
        "{}",
        answer.text()
    );
}

#[test]
fn each_field_says_what_is_wrong_with_it() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for (form, fields, field) in [
        (
            "links",
            "name=A&scope=server&permissions=entries:read&life=7&filter=accion:x",
            "filter",
        ),
        ("links", "name=A&scope=server&life=7", "permissions"),
        ("links", "name=A&permissions=entries:read&life=7", "scope"),
        (
            "tokens",
            "name=x&account=nobody&scope=server&life=7",
            "account",
        ),
        (
            "tokens",
            "name=x&account=root%40log.example&scope=organization&life=7",
            "organization",
        ),
        (
            "tokens",
            "name=x&account=root%40log.example&scope=projects&organization=acme&permissions=entries:read&life=7",
            "projects",
        ),
        (
            "tokens",
            "name=x&account=root%40log.example&scope=server&permissions=entries:read&life=8",
            "expires_at",
        ),
        ("roles", "name=Not+A+Slug&permissions=entries:read", "name"),
        ("roles", "name=owner&permissions=entries:read", "name"),
        ("roles", "name=none", "permissions"),
        ("people", "kind=robot&name=A&login=a", "kind"),
    ] {
        let answer = post(&owner, &format!("/access/{form}/new"), fields);
        assert!(
            [409, 422].contains(&answer.status),
            "{fields}: {}",
            answer.status
        );
        let fault = format!("id=\"{field}-fault\"");
        assert!(
            answer.text().contains(&fault),
            "{form}, {field}: {}",
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
    let answer = post(&owner, &path, "");
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
    let answer = post(&owner, &path, "");
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
    let hostile = escaped(hostile);
    let eve = format!("kind=person&name={hostile}&login=eve&password=correct+horse+battery");
    let eve = id_in(&seen_at(&post(&owner, "/access/people/new", &eve)));
    seen_at(&post(
        &owner,
        &format!("/access/people/{eve}/roles"),
        format!("role=viewer&scope=projects&organization=acme&projects={hostile}"),
    ));
    let token = format!(
        "name={hostile}&account=eve&kind=account&permissions=entries:read&scope=server&life=7"
    );
    let made = post(&owner, "/access/tokens/new", &token);
    let link = format!(
        "name={hostile}&scope=server&permissions=entries:read&life=7&step=make&filter=%22%3Cscript%3Ealert%282%29%3C%2Fscript%3E%22"
    );
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

/// Somebody of every kind in two organizations, and who manages access to acme: a token and an account of the other.
fn two_organizations<'a>(owner: &Caller<'a>) -> (Caller<'a>, String, String) {
    let of = |role: &str, organization: &str| json!({"role": role, "organization": organization});
    person(owner, "canary@other.example", &[of("viewer", "other")]);
    for (group, organization) in [("canaries", "other"), ("crew", "acme")] {
        let mut binding = of("viewer", organization);
        binding["group"] = group.into();
        owner.done("POST", "/v1/access/bindings", &binding);
    }
    let (_, token, account) = owner.service("canary-bot", &[of("viewer", "other")]);
    let link = json!({"name": "canary link", "permissions": ["entries:read"], "organization": "other",
        "expires_at": "2026-12-01T00:00:00Z"});
    owner.done("POST", "/v1/access/links", &link);
    owner.service("robot", &[of("viewer", "acme")]);
    let admin = person(owner, "ada@acme.example", &[of("security-admin", "acme")]);
    (admin, token, account)
}

#[test]
fn who_manages_one_organization_sees_nothing_of_another() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (admin, token, account) = two_organizations(&owner);
    for path in [
        "access/people",
        "access/people?search=canar",
        "access/groups",
        "access/roles",
        "access/tokens",
        "access/tokens/new",
        "access/sessions",
        "access/links",
        "access/links/new",
        "account",
    ] {
        let shown = page(&admin, &format!("/{path}")).to_lowercase();
        // What was typed is typed again, in the field and in the way back.
        let told = shown
            .replace("value=\"canar\"", "")
            .replace("search=canar\"", "");
        assert!(!told.contains("canar"), "{path}: {told}");
        assert!(!told.contains("other.example"), "{path}: {told}");
    }
    let people = page(&admin, "/access/people");
    assert!(people.contains("robot"), "{people}");
    assert!(people.contains("ada@acme.example"), "{people}");
    assert!(page(&admin, "/access/groups").contains("crew"));
    for path in [
        "/access/people/0000000000000".to_owned(),
        format!("/access/people/{account}"),
        format!("/access/tokens/{token}/revoke"),
        "/access/groups/canaries".to_owned(),
    ] {
        assert_eq!(admin.get(&path).status, 404, "{path}");
    }
    let theirs = format!("/access/people/{account}/roles");
    let foreign = "role=viewer&scope=organization&organization=other";
    let given = post(&admin, &theirs, foreign);
    assert!([403, 404].contains(&given.status), "{}", given.text());
    let more = "group=crew&role=owner&scope=organization&organization=acme";
    let more = post(&admin, "/access/groups", more);
    assert_eq!(more.status, 403);
    let says = "That is more than you may do";
    assert!(more.text().contains(says), "{}", more.text());
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
        let (old, new, again) = (escaped(old), escaped(new), escaped(again));
        let fields = format!("old_password={old}&password={new}&again={again}");
        post(&vera, "/account/password", fields)
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
