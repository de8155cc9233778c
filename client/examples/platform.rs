//! A small platform whose every action is on the Audit Logs page: clusters, instances, config profiles, alert rules, users,
//! roles and webhooks, in memory, on axum.
//!
//! ```sh
//! cargo run -- serve                                              # the log; it prints its address
//! cargo run -p mar-audit-client --features axum --example platform -- --log http://127.0.0.1:8080 --walk
//! ```
//!
//! `--walk` does everything once, as several people; without it, the platform listens and waits for your own requests.
//! `MAR_AUDIT_TOKEN` is the log's token, if it asks for one.

use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post, put};
use axum::{Extension, Json, Router};
use mar_audit_client::routes::Route;
use mar_audit_client::{
    Actor, Audit, AuditLayer, Config, Guarantee, Organization, Recorder, Routes, action,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Everything there is, by kind and id.
#[derive(Default)]
struct Things(BTreeMap<(String, String), Value>);

type Platform = Arc<Mutex<Things>>;

/// What a handler answers, with what its entry says besides.
type Answer = Result<(Extension<Audit>, Json<Value>), Refusal>;

/// Why nothing was done.
struct Refusal(StatusCode, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let audit = Extension(Audit::new().message(self.1));
        (self.0, audit, Json(json!({"error": self.1}))).into_response()
    }
}

/// Every changing route, and the action it is.
fn routes() -> Routes {
    let of = |action, kind: &str| Route::of(action).target_by(kind, "id");
    let made = |action, kind: &str| Route::of(action).target(kind);
    Routes::new()
        .post("/clusters", made(action::CREATE_CLUSTER, "cluster"))
        .delete(
            "/clusters/{id}",
            of(action::DELETE_CLUSTER, "cluster").guarantee(Guarantee::Required),
        )
        .put_route(
            "/clusters/{id}/replicas",
            of(action::SCALE_CLUSTER, "cluster"),
        )
        .post(
            "/config-profiles/{id}/apply",
            of(action::APPLY_CONFIG_PROFILE, "config_profile"),
        )
        .post(
            "/instances/{id}/start",
            of(action::START_INSTANCE, "instance"),
        )
        .post(
            "/instances/{id}/stop",
            of(action::STOP_INSTANCE, "instance"),
        )
        .post(
            "/instances/{id}/restart",
            of(action::RESTART_INSTANCE, "instance"),
        )
        .post("/users", made(action::CREATE_USER, "user"))
        .delete("/users/{id}", of(action::DELETE_USER, "user"))
        .put_route("/roles/{id}", of(action::UPDATE_ROLE, "role"))
        .post("/alert-rules", made(action::CREATE_ALERT_RULE, "alert"))
        .post("/webhooks", made(action::CREATE_WEBHOOK, "webhook"))
        .exempt(Method::POST, "/clusters/search")
}

fn router(platform: Platform) -> Router {
    Router::new()
        .route("/clusters", post(create_cluster))
        .route("/clusters/search", post(search_clusters))
        .route("/clusters/{id}", delete(delete_cluster))
        .route("/clusters/{id}/replicas", put(scale_cluster))
        .route("/config-profiles/{id}/apply", post(apply_config_profile))
        .route("/instances/{id}/start", post(start_instance))
        .route("/instances/{id}/stop", post(stop_instance))
        .route("/instances/{id}/restart", post(restart_instance))
        .route("/users", post(create_user))
        .route("/users/{id}", delete(delete_user))
        .route("/roles/{id}", put(update_role))
        .route("/alert-rules", post(create_alert_rule))
        .route("/webhooks", post(create_webhook))
        .with_state(platform)
}

impl Things {
    fn get(&self, kind: &str, id: &str) -> Result<&Value, Refusal> {
        let thing = self.0.get(&(kind.to_owned(), id.to_owned()));
        thing.ok_or(Refusal(StatusCode::NOT_FOUND, "there is no such thing"))
    }

    /// Changes a thing; its entry says what was before and what is now.
    fn change(&mut self, kind: &str, id: &str, change: impl FnOnce(&mut Value)) -> Answer {
        let before = self.get(kind, id)?.clone();
        let mut after = before.clone();
        change(&mut after);
        let audit = named(&after).changed(&before, &after);
        let key = (kind.to_owned(), id.to_owned());
        self.0.insert(key, after.clone());
        Ok((Extension(audit), Json(after)))
    }

    /// Makes a thing under an id that its name gives.
    fn make(&mut self, kind: &str, prefix: &str, mut thing: Value) -> Answer {
        let name = thing["name"].as_str().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, "it needs a name"));
        }
        let id = format!("{prefix}_{name}");
        let key = (kind.to_owned(), id.clone());
        if self.0.contains_key(&key) {
            return Err(Refusal(StatusCode::CONFLICT, "the name is taken"));
        }
        thing["id"] = id.clone().into();
        let audit = named(&thing).target_id(id).changed(&json!({}), &thing);
        self.0.insert(key, thing.clone());
        Ok((Extension(audit), Json(thing)))
    }

    fn remove(&mut self, kind: &str, id: &str) -> Answer {
        let gone = self.get(kind, id)?.clone();
        self.0.remove(&(kind.to_owned(), id.to_owned()));
        let audit = named(&gone).changed(&gone, &json!({}));
        Ok((Extension(audit), Json(gone)))
    }
}

/// The name it has now: the entry keeps it when the thing is gone.
fn named(thing: &Value) -> Audit {
    Audit::new().target_name(thing["name"].as_str().unwrap_or_default())
}

fn lock(platform: &Platform) -> std::sync::MutexGuard<'_, Things> {
    platform.lock().expect("no handler panics with the lock")
}

async fn create_cluster(State(platform): State<Platform>, Json(thing): Json<Value>) -> Answer {
    lock(&platform).make("cluster", "clu", thing)
}

async fn search_clusters(State(platform): State<Platform>) -> Json<Value> {
    let things = lock(&platform);
    let clusters = things.0.iter().filter(|((kind, _), _)| kind == "cluster");
    Json(clusters.map(|(_, thing)| thing.clone()).collect())
}

async fn delete_cluster(
    State(platform): State<Platform>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    // Who may do what is the platform's own business; that it was tried is the log's.
    if headers.get("x-user").is_none_or(|user| user != "ana") {
        return Err(Refusal(StatusCode::FORBIDDEN, "missing clusters:delete"));
    }
    lock(&platform).remove("cluster", &id)
}

async fn scale_cluster(
    State(platform): State<Platform>,
    Path(id): Path<String>,
    Json(replicas): Json<u32>,
) -> Answer {
    lock(&platform).change("cluster", &id, |cluster| {
        cluster["spec"]["replicas"] = replicas.into();
    })
}

async fn apply_config_profile(
    State(platform): State<Platform>,
    Path(id): Path<String>,
    Json(to): Json<Value>,
) -> Answer {
    let mut things = lock(&platform);
    let profile = things.get("config_profile", &id)?.clone();
    let cluster = to["cluster"].as_str().unwrap_or_default().to_owned();
    let changed = things.change("cluster", &cluster, |cluster| {
        cluster["config_profile"] = id.clone().into();
    });
    let (Extension(_), Json(cluster)) = changed?;
    let audit = named(&profile).related(
        mar_audit_client::Target::cluster(cluster["id"].as_str().unwrap_or_default())
            .name(cluster["name"].as_str().unwrap_or_default()),
    );
    Ok((Extension(audit), Json(cluster)))
}

fn set_state(platform: &Platform, id: &str, state: &str) -> Answer {
    lock(platform).change("instance", id, |instance| {
        instance["state"] = state.into();
    })
}

async fn start_instance(State(platform): State<Platform>, Path(id): Path<String>) -> Answer {
    set_state(&platform, &id, "running")
}

async fn stop_instance(State(platform): State<Platform>, Path(id): Path<String>) -> Answer {
    set_state(&platform, &id, "stopped")
}

async fn restart_instance(State(platform): State<Platform>, Path(id): Path<String>) -> Answer {
    lock(&platform).change("instance", &id, |instance| {
        instance["restarts"] = (instance["restarts"].as_u64().unwrap_or(0) + 1).into();
    })
}

async fn create_user(State(platform): State<Platform>, Json(thing): Json<Value>) -> Answer {
    lock(&platform).make("user", "usr", thing)
}

async fn delete_user(State(platform): State<Platform>, Path(id): Path<String>) -> Answer {
    lock(&platform).remove("user", &id)
}

async fn update_role(
    State(platform): State<Platform>,
    Path(id): Path<String>,
    Json(permissions): Json<Value>,
) -> Answer {
    lock(&platform).change("role", &id, |role| role["permissions"] = permissions)
}

async fn create_alert_rule(State(platform): State<Platform>, Json(thing): Json<Value>) -> Answer {
    lock(&platform).make("alert", "alr", thing)
}

async fn create_webhook(State(platform): State<Platform>, Json(thing): Json<Value>) -> Answer {
    lock(&platform).make("webhook", "whk", thing)
}

/// What was there before anybody did anything.
fn inventory() -> Platform {
    let things = [
        ("config_profile", json!({"id": "cp_large", "name": "large"})),
        (
            "instance",
            json!({"id": "ins_db-0", "name": "db-0", "state": "stopped"}),
        ),
        (
            "role",
            json!({"id": "rol_operator", "name": "operator", "permissions": ["clusters:read"]}),
        ),
    ];
    let keyed = things.map(|(kind, thing)| {
        let id = thing["id"].as_str().unwrap_or_default().to_owned();
        ((kind.to_owned(), id), thing)
    });
    Arc::new(Mutex::new(Things(keyed.into())))
}

/// Who signed in, found out before anything else: here, whoever says so.
#[derive(Clone)]
struct SignedIn(Actor);

async fn authenticate(mut request: Request, next: Next) -> Response {
    let user = request
        .headers()
        .get("x-user")
        .and_then(|v| v.to_str().ok());
    let actor = user.map(|user| {
        Actor::user(format!("usr_{user}"))
            .name(user)
            .email(format!("{user}@acme.example"))
    });
    if let Some(actor) = actor {
        request.extensions_mut().insert(SignedIn(actor));
    }
    next.run(request).await
}

fn audited(recorder: &Recorder) -> Router {
    let layer = AuditLayer::new(recorder.clone(), routes())
        .actor(|parts| Some(parts.extensions.get::<SignedIn>()?.0.clone()))
        .scope(|_| Some((Organization::parse("acme")?, Some("payments".into()))))
        .peer(|parts| {
            let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
            Some(peer.0.ip())
        });
    router(inventory())
        .layer(layer)
        .layer(from_fn(authenticate))
}

/// Each action once, as several people, some of whom may not.
const WALK: &[(&str, &str, &str, &str)] = &[
    (
        "ana",
        "POST",
        "/clusters",
        r#"{"name":"pay-eu","spec":{"replicas":3}}"#,
    ),
    ("ana", "PUT", "/clusters/clu_pay-eu/replicas", "5"),
    (
        "bo",
        "POST",
        "/config-profiles/cp_large/apply",
        r#"{"cluster":"clu_pay-eu"}"#,
    ),
    ("bo", "POST", "/instances/ins_db-0/start", ""),
    ("bo", "POST", "/instances/ins_db-0/restart", ""),
    ("bo", "POST", "/instances/ins_db-0/stop", ""),
    ("ana", "POST", "/users", r#"{"name":"cy"}"#),
    (
        "ana",
        "PUT",
        "/roles/rol_operator",
        r#"["clusters:read","clusters:scale"]"#,
    ),
    (
        "cy",
        "POST",
        "/alert-rules",
        r#"{"name":"cpu-high","above":90}"#,
    ),
    (
        "cy",
        "POST",
        "/webhooks",
        r#"{"name":"chat","url":"https://chat.example/hook"}"#,
    ),
    ("cy", "DELETE", "/clusters/clu_pay-eu", ""),
    ("ana", "DELETE", "/users/usr_cy", ""),
    ("ana", "DELETE", "/clusters/clu_pay-eu", ""),
];

fn walk(platform: SocketAddr) -> Result<(), ureq::Error> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false);
    let agent: ureq::Agent = agent.build().new_agent();
    for (n, (user, method, path, body)) in WALK.iter().enumerate() {
        let request = ureq::http::Request::builder()
            .method(*method)
            .uri(format!("http://{platform}{path}"))
            .header("content-type", "application/json")
            .header("x-user", *user)
            .header("x-request-id", format!("req_walk_{n}"))
            .body(*body)?;
        let answer = agent.run(request)?;
        println!("{user:<4} {method:<6} {path:<36} {}", answer.status());
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let log = value("--log").unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let spool = value("--spool").unwrap_or_else(|| "platform-spool".to_owned());
    let mut config = Config::new(log, "platform-example", spool)
        .listener(|notice| eprintln!("audit: {notice:?}"));
    config.required_wait_max = Duration::from_secs(3);
    if let Ok(token) = std::env::var("MAR_AUDIT_TOKEN") {
        config = config.token(token);
    }
    let recorder = Recorder::open(config)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("platform listening on http://{address}");
    let app = audited(&recorder).into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    if arguments.iter().any(|argument| argument == "--walk") {
        tokio::task::spawn_blocking(move || walk(address)).await??;
        tokio::task::spawn_blocking(move || recorder.close()).await??;
    } else {
        serving.await??;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mar_audit_client::testing::assert_every_route_recorded;

    #[test]
    fn no_changing_route_is_forgotten() {
        assert_every_route_recorded(&router(inventory()), &routes());
    }
}
