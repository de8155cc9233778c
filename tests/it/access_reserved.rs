//! What the log says of itself, nobody else says; and what one permission shows, another does not.

use crate::access::{Caller, claimed};
use crate::api::{line, problem, uuid};
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::time::Duration;

/// A draft that looks like the log's own word in one way.
fn forgeries() -> Vec<(&'static str, Value)> {
    vec![
        ("/action", json!({"action": "redactEntry"})),
        (
            "/action",
            json!({"action": "erasePerson", "category": "other"}),
        ),
        ("/action", json!({"action": "viewEntry"})),
        ("/action", json!({"action": "rotateLogKey"})),
        (
            "/category",
            json!({"action": "ownAction", "category": "audit"}),
        ),
        (
            "/category",
            json!({"action": "signIn", "category": "audit"}),
        ),
        ("/source/name", json!({"source": {"name": "mar-audit"}})),
        (
            "/source/name",
            json!({"source": {"name": "MAR-Audit", "event_id": "1"}}),
        ),
    ]
}

fn draft(id: u32, fields: Value) -> String {
    let mut fields = fields;
    fields["scope"] = json!({"organization": "acme", "project": "pay"});
    line(id, fields)
}

#[test]
fn a_recorder_cannot_speak_for_the_log() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    // All there is, but for one organization; and a token of the first owner itself that is bounded to recording.
    let (secret, ..) = owner.service(
        "acme-owner",
        &[json!({"role": "owner", "organization": "acme"})],
    );
    let of_acme = Caller::with_token(&server, &secret);
    let token = json!({"name": "import", "permissions": ["entries:record", "entries:read"]});
    let made = owner.done("POST", "/v1/access/tokens", &token);
    let bounded = Caller::with_token(&server, made["secret"].as_str().expect("text"));
    for (id, (pointer, fields)) in (1..).zip(forgeries()) {
        for caller in [&of_acme, &bounded] {
            let body = draft(id, fields.clone());
            let said = problem(&caller.call("POST", "/v1/entries", &body), 422, "forbidden");
            assert_eq!(said["errors"][0]["pointer"], pointer, "{said}");
        }
    }
    // The platform has tokens of its own: the same action, another category.
    let own = draft(50, json!({"action": "createToken"}));
    assert_eq!(of_acme.call("POST", "/v1/entries", &own).status, 200);
    let forged = owner.entries("category=audit&organization=acme&q=-action:createBinding");
    let by = |entry: &Value| entry["source"]["name"] == "mar-audit";
    assert!(forged.iter().all(by), "{forged:?}");
}

#[test]
fn who_holds_everything_imports_what_another_log_said_of_itself() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for (id, (_, fields)) in (1..).zip(forgeries()) {
        assert_eq!(
            owner.call("POST", "/v1/entries", &draft(id, fields)).status,
            200
        );
    }
    assert_eq!(owner.entries("project=pay").len(), forgeries().len());
    // Behind an open door it is the person at the console.
    let open = TestServer::start();
    open.record(draft(1, forgeries()[0].1.clone()));
}

#[test]
fn a_receipt_shows_the_checkpoint_of_no_log_that_its_caller_may_not_verify() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let role = json!({"permissions": ["entries:record", "logs:verify"]});
    owner.done("PUT", "/v1/access/roles/prover", &role);
    let bindings = [
        json!({"role": "prover", "organization": "acme"}),
        json!({"role": "recorder", "organization": "other"}),
    ];
    let (secret, ..) = owner.service("recorder", &bindings);
    let recorder = Caller::with_token(&server, &secret);
    let of = |id, log: &str| line(id, json!({"scope": {"organization": log}}));
    assert_eq!(
        recorder.call("POST", "/v1/entries", &of(1, "other")).status,
        200
    );
    let other = recorder.call("POST", "/v1/entries?wait=published", &of(2, "other"));
    let said = problem(&other, 422, "forbidden");
    assert!(
        said.get("checkpoints").is_none_or(|all| *all == json!({})),
        "{said}"
    );
    let both = json!([
        serde_json::from_str::<Value>(&of(3, "acme")).expect("JSON"),
        serde_json::from_str::<Value>(&of(4, "other")).expect("JSON"),
    ]);
    let both = recorder.done("POST", "/v1/entries?wait=published", &both);
    assert_eq!(
        (&both["accepted"], &both["rejected"]),
        (&json!(1), &json!(1)),
        "{both}"
    );
    let checkpoints = both["checkpoints"].as_object().expect("checkpoints");
    assert_eq!(checkpoints.keys().collect::<Vec<_>>(), ["acme"]);
}

#[test]
fn an_entry_is_proven_in_the_log_that_its_caller_may_verify() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    for log in ["acme", "other"] {
        let body = line(1, json!({"scope": {"organization": log}}));
        assert_eq!(owner.call("POST", "/v1/entries", &body).status, 200);
    }
    let bindings = [
        json!({"role": "viewer", "organization": "acme"}),
        json!({"role": "auditor", "organization": "other"}),
    ];
    let (secret, ..) = owner.service("auditor", &bindings);
    let auditor = Caller::with_token(&server, &secret);
    server.clock.advance(Duration::from_secs(2));
    // The first log with that id is one that it may only read.
    let proof = auditor.get(&format!("/v1/entries/{}/proof", uuid(1)));
    assert_eq!(proof.status, 200, "{}", proof.text());
    assert!(proof.text().contains("/v1/logs/other"), "{}", proof.text());
    let named = format!("/v1/entries/{}/proof?organization=acme", uuid(1));
    problem(&auditor.get(&named), 404, "not-found");
}

#[test]
fn who_manages_one_organization_hears_nothing_of_the_others() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let (secret, ..) = owner.service(
        "acme-admin",
        &[json!({"role": "security-admin", "organization": "acme"})],
    );
    let admin = Caller::with_token(&server, &secret);
    let (.., other) = owner.service(
        "other-admin",
        &[json!({"role": "security-admin", "organization": "other"})],
    );
    let fresh =
        json!({"kind": "person", "login": "fresh", "name": "Fresh", "password": "a long password"});
    let fresh = owner.done("POST", "/v1/access/users", &fresh)["id"].clone();
    let fresh = fresh.as_str().expect("an id");
    // Sums over all organizations.
    let (name, value) = admin.credential();
    let headers = [("x-forwarded-for", "203.0.113.9"), (name, value)];
    problem(
        &server.send("GET", "/metrics", &headers, b""),
        403,
        "forbidden",
    );
    let users = admin.done("GET", "/v1/access/users", &Value::Null);
    let logins = users["users"].as_array().expect("users").iter();
    let logins: Vec<&Value> = logins.map(|user| &user["login"]).collect();
    assert_eq!(logins, ["acme-admin", "fresh", "root@log.example"]);
    let disable = json!({"disabled": true}).to_string();
    let path = format!("/v1/access/users/{other}");
    problem(&admin.call("PATCH", &path, &disable), 404, "not-found");
    // Who may do nothing yet may be given anything by others: what is set before that would come with it.
    let path = format!("/v1/access/users/{fresh}");
    let password = json!({"password": "another long password"}).to_string();
    problem(&admin.call("PATCH", &path, &password), 403, "forbidden");
    let token =
        json!({"name": "early", "account": fresh, "permissions": ["entries:read"]}).to_string();
    problem(
        &admin.call("POST", "/v1/access/tokens", &token),
        403,
        "forbidden",
    );
}

/// The isolation oracle found it: who managed access in one organization and only read in another could set the passwords
/// and make tokens of those who read there too, and saw their tokens.
#[test]
fn who_manages_access_elsewhere_manages_nobody_here() {
    let server = TestServer::guarded();
    let owner = claimed(&server);
    let bindings = [
        json!({"role": "security-admin", "organization": "acme"}),
        json!({"role": "viewer", "organization": "other"}),
    ];
    let (secret, ..) = owner.service("admin", &bindings);
    let admin = Caller::with_token(&server, &secret);
    let viewer = json!({"role": "viewer", "organization": "other"});
    let (_, token, account) = owner.service("viewer", std::slice::from_ref(&viewer));
    let tokens = admin.done("GET", "/v1/access/tokens", &Value::Null);
    assert!(!tokens.to_string().contains(&token), "{tokens}");
    let path = format!("/v1/access/tokens/{token}");
    problem(&admin.call("DELETE", &path, ""), 404, "not-found");
    let disable = json!({"disabled": true}).to_string();
    let path = format!("/v1/access/users/{account}");
    problem(&admin.call("PATCH", &path, &disable), 404, "not-found");
    let mut binding = json!({"role": "recorder", "organization": "acme"});
    binding["account"] = account.clone().into();
    problem(
        &admin.call("POST", "/v1/access/bindings", &binding.to_string()),
        403,
        "forbidden",
    );
    let token = json!({"name": "x", "account": account, "permissions": ["entries:read"]});
    problem(
        &admin.call("POST", "/v1/access/tokens", &token.to_string()),
        404,
        "not-found",
    );
}
