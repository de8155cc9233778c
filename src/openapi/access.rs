//! The routes of access: who may come in, and what each may do.

use super::{answer, responses};
use crate::access::Permission;
use crate::api::access::bodies::{
    Asked, Claim, NewBinding, NewEmbed, NewLink, NewToken, NewUser, PutRole, SignIn, UserChange,
};
use crate::guard::caller::COOKIE;
use crate::problem::Kind;
use serde_json::{Map, Value, json};

/// How a call says who makes it.
pub fn schemes() -> Value {
    let permissions: Vec<&str> = Permission::ALL.iter().map(|one| one.as_str()).collect();
    let permissions = permissions.join(", ");
    json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "mar_<kind>_<id>_<secret>",
            "description": format!("A token. Permissions: {permissions}")},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "A browser that signed in; calls that change something come from this server's own pages"},
    })
}

/// One route: path, method, name, what it does, the members of its body, the status and the member of its answer.
type Route = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static [&'static str]>,
    &'static str,
);

const ROUTES: &[Route] = &[
    (
        "/me",
        "get",
        "me",
        "Who the caller is here, and what it may do",
        None,
        "200",
    ),
    (
        "/sign-in",
        "post",
        "signIn",
        "Begin a session",
        Some(SignIn::MEMBERS),
        "200",
    ),
    (
        "/sign-out",
        "post",
        "signOut",
        "End the caller's session",
        None,
        "204",
    ),
    (
        "/claim",
        "post",
        "claim",
        "Make the first owner, by the link of the first start",
        Some(Claim::MEMBERS),
        "201",
    ),
    ("/users", "get", "users", "Accounts", None, "200"),
    (
        "/users",
        "post",
        "addUser",
        "Add an account, which may do nothing yet",
        Some(NewUser::MEMBERS),
        "201",
    ),
    (
        "/users/{id}",
        "patch",
        "changeUser",
        "Disable an account, put it into groups, set its password; one's own by session with the old one",
        Some(UserChange::MEMBERS),
        "200",
    ),
    (
        "/roles",
        "get",
        "roles",
        "Roles, the built-in ones first",
        None,
        "200",
    ),
    (
        "/roles/{name}",
        "put",
        "putRole",
        "Make a role, or give it another meaning",
        Some(PutRole::MEMBERS),
        "200",
    ),
    (
        "/roles/{name}",
        "delete",
        "removeRole",
        "Remove a role that is bound nowhere",
        None,
        "204",
    ),
    (
        "/bindings",
        "get",
        "bindings",
        "Who has which role, and where",
        None,
        "200",
    ),
    (
        "/bindings",
        "post",
        "bind",
        "Give an account or a group a role",
        Some(NewBinding::MEMBERS),
        "201",
    ),
    (
        "/bindings/{id}",
        "delete",
        "unbind",
        "Take a role away",
        None,
        "204",
    ),
    (
        "/tokens",
        "get",
        "tokens",
        "Tokens that the caller may revoke",
        None,
        "200",
    ),
    (
        "/tokens",
        "post",
        "createToken",
        "Make a token; its secret is in this answer only",
        Some(NewToken::MEMBERS),
        "201",
    ),
    (
        "/tokens/{id}",
        "delete",
        "revokeToken",
        "Revoke a token",
        None,
        "204",
    ),
    (
        "/sessions",
        "get",
        "sessions",
        "Sessions that the caller may end",
        None,
        "200",
    ),
    (
        "/sessions/{id}",
        "delete",
        "endSession",
        "End a session",
        None,
        "204",
    ),
    (
        "/links",
        "get",
        "links",
        "Auditor links that the caller may revoke",
        None,
        "200",
    ),
    (
        "/links",
        "post",
        "createLink",
        "Make an auditor link; its secret is in this answer only",
        Some(NewLink::MEMBERS),
        "201",
    ),
    (
        "/links/{id}",
        "delete",
        "revokeLink",
        "Revoke an auditor link",
        None,
        "204",
    ),
    (
        "/embed",
        "post",
        "createEmbed",
        "Make a short-lived token for an embedded page",
        Some(NewEmbed::MEMBERS),
        "201",
    ),
];

/// All of them, by path.
pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for (path, method, name, summary, members, status) in ROUTES {
        let full = format!("/v1/access{path}");
        let route = paths.entry(full).or_insert_with(|| json!({}));
        route[*method] = operation(path, name, summary, *members, status);
    }
    paths
}

fn operation(
    path: &str,
    name: &str,
    summary: &str,
    members: Option<&[&str]>,
    status: &str,
) -> Value {
    let mut refused = vec![
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::AccessOff,
    ];
    if members.is_some() || status == "204" {
        refused.extend([
            Kind::CrossOrigin,
            Kind::InvalidAccess,
            Kind::Taken,
            Kind::InUse,
        ]);
        refused.extend([Kind::Latched, Kind::NoSpace, Kind::Overloaded]);
    }
    if members.is_some() {
        refused.extend([
            Kind::BadJson,
            Kind::UnsupportedType,
            Kind::TooLarge,
            Kind::Timeout,
        ]);
    }
    if matches!(name, "signIn" | "claim") {
        refused.push(Kind::TooManyAttempts);
    }
    let mut responses = responses(&refused);
    let done = match status {
        "204" => json!({"description": "Done"}),
        _ => answer(summary, "application/json", &json!({"type": "object"})),
    };
    responses.insert(status.into(), done);
    let mut operation = json!({"operationId": name, "summary": summary, "responses": responses});
    if let Some((_, rest)) = path.split_once('{') {
        let parameter = rest.trim_end_matches('}');
        operation["parameters"] = json!([{"name": parameter, "in": "path", "required": true, "schema": {"type": "string"}}]);
    }
    if let Some(members) = members {
        operation["requestBody"] = body(members);
    }
    operation
}

/// Members as a refusal names them; those with `?` may be left out.
fn body(members: &[&str]) -> Value {
    let name = |member: &&str| (member.trim_end_matches('?').to_owned(), json!({}));
    let properties: Map<String, Value> = members.iter().map(name).collect();
    let required: Vec<&&str> = members
        .iter()
        .filter(|member| !member.ends_with('?'))
        .collect();
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}
