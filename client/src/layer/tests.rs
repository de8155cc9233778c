mod servers;

use super::*;
use crate::action;
use crate::recorder::tests::Bench;
use crate::routes::Route;
use crate::testing::{ListRoutes, assert_every_route_recorded};
use axum::body::Body;
use axum::extract::Path;
use axum::routing::{any, delete, patch, post};
use axum::{Extension, Router};
use serde_json::Value;
use tower::ServiceExt;

/// Who a layer around this one has found out.
#[derive(Clone)]
struct SignedIn(&'static str);

fn table() -> Routes {
    Routes::new()
        .post(
            "/v1/clusters",
            Route::of(action::CREATE_CLUSTER).target("cluster"),
        )
        .patch(
            "/v1/clusters/{id}",
            Route::of(action::SCALE_CLUSTER).target_by("cluster", "id"),
        )
        .delete(
            "/v1/clusters/{id}",
            Route::of(action::DELETE_CLUSTER)
                .target_by("cluster", "id")
                .guarantee(Guarantee::Required),
        )
        .exempt(Method::POST, "/v1/search")
}

async fn create() -> (StatusCode, Extension<Audit>) {
    let offer = Audit::new()
        .target_id("clu_9")
        .target_name("pay-eu")
        .related(crate::Target::config_profile("cp_2"))
        .change("/spec/replicas", None::<u8>, 3)
        .context("ticket", "OPS-88");
    (StatusCode::CREATED, Extension(offer))
}

async fn scale(Path(id): Path<String>) -> Result<(), (StatusCode, Extension<Audit>)> {
    match id.as_str() {
        "panics" => panic!("a secret in a panic"),
        "hangs" => std::future::pending().await,
        "forbidden" => Err((
            StatusCode::FORBIDDEN,
            Extension(Audit::new().message("missing clusters:update")),
        )),
        _ => Ok(()),
    }
}

fn router(layer: &AuditLayer) -> Router {
    let clusters = Router::new().route("/{id}", patch(scale).delete(|| async {}));
    let v1 = Router::new()
        .route("/clusters", post(create).get(|| async {}))
        .nest("/clusters", clusters)
        .route("/search", post(|| async {}))
        .route("/forgotten/{thing}", post(|| async {}));
    Router::new().nest("/v1", v1).layer(layer.clone())
}

fn layer(recorder: &Recorder) -> AuditLayer {
    AuditLayer::new(recorder.clone(), table())
        .actor(|parts| {
            let known = parts.extensions.get::<SignedIn>()?;
            Some(Actor::user(known.0).email("ana@acme.example"))
        })
        .scope(|_| Some((Organization::parse("acme")?, Some("payments".into()))))
        .peer(|_| Some(IpAddr::from([10, 0, 0, 1])))
        .trusting([Cidr::parse("10.0.0.0/8").expect("a network")])
}

fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .extension(SignedIn("usr_5"))
        .header("x-request-id", "req_77c")
        .header("x-forwarded-for", "203.0.113.9")
        .header("user-agent", "mar-cli/2.4")
        .body(Body::empty())
        .expect("a request")
}

async fn status(router: &Router, method: Method, path: &str) -> StatusCode {
    let answer = router.clone().oneshot(request(method, path)).await;
    answer.expect("an answer").status()
}

/// What the only entry says.
fn only(entries: &[Value]) -> &Value {
    assert_eq!(entries.len(), 1, "{entries:?}");
    &entries[0]
}

#[tokio::test]
async fn a_changing_request_is_an_entry_with_all_that_is_known() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let router = router(&layer(&recorder));
    let created = status(&router, Method::POST, "/v1/clusters?token=secret").await;
    assert_eq!(created, StatusCode::CREATED);
    let entries = bench.entries(&recorder);
    let mut entry = only(&entries).clone();
    let members = entry.as_object_mut().expect("an object");
    assert!(members.remove("id").is_some() && members.remove("timestamp").is_some());
    let expected = serde_json::json!({
        "action": "createCluster",
        "actor": {"type": "user", "id": "usr_5", "email": "ana@acme.example"},
        "changes": [{"path": "/spec/replicas", "before": null, "after": 3}],
        "context": {"ticket": "OPS-88"},
        "related": [{"type": "config_profile", "id": "cp_2"}],
        "request": {"id": "req_77c", "ip": "203.0.113.9", "method": "POST",
                    "path": "/v1/clusters", "user_agent": "mar-cli/2.4"},
        "result": "success",
        "scope": {"organization": "acme", "project": "payments"},
        "source": {"name": "test", "sequence": 1},
        "target": {"type": "cluster", "id": "clu_9", "name": "pay-eu"},
    });
    assert_eq!(entry, expected);
}

#[tokio::test]
async fn the_target_is_in_the_path_and_the_result_in_the_status() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let router = router(&layer(&recorder));
    assert_eq!(
        status(&router, Method::PATCH, "/v1/clusters/forbidden").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&router, Method::PATCH, "/v1/clusters/clu%209").await,
        StatusCode::OK
    );
    let entries = bench.entries(&recorder);
    assert_eq!(entries[0]["result"], "failure");
    assert_eq!(
        entries[0]["error"],
        serde_json::json!({"code": "403", "message": "missing clusters:update"})
    );
    assert_eq!(entries[1]["target"]["id"], "clu 9");
    assert_eq!(entries[1]["result"], "success");
}

#[tokio::test]
async fn what_changes_nothing_leaves_nothing() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let layer = layer(&recorder);
    let router = router(&layer);
    for (method, path) in [
        (Method::GET, "/v1/clusters"),
        (Method::POST, "/v1/search"),
        (Method::POST, "/wp-login.php"),
    ] {
        status(&router, method, path).await;
    }
    assert_eq!(bench.entries(&recorder), Vec::<Value>::new());
    assert_eq!(layer.unlisted(), 0);
}

#[tokio::test]
async fn a_route_that_is_not_listed_is_recorded_and_counted() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let layer = layer(&recorder);
    let router = router(&layer);
    status(&router, Method::POST, "/v1/forgotten/x").await;
    let entries = bench.entries(&recorder);
    assert_eq!(only(&entries)["action"], "POST /v1/forgotten/{thing}");
    assert_eq!(only(&entries)["request"]["path"], "/v1/forgotten/x");
    assert_eq!(layer.unlisted(), 1);
}

#[tokio::test]
async fn a_panic_and_a_caller_that_hangs_up_leave_a_failure() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let router = router(&layer(&recorder));
    let panicking = router
        .clone()
        .oneshot(request(Method::PATCH, "/v1/clusters/panics"));
    let panicked = tokio::spawn(panicking).await;
    assert!(panicked.is_err_and(|e| e.is_panic()));
    let mut hanging = Box::pin(
        router
            .clone()
            .oneshot(request(Method::PATCH, "/v1/clusters/hangs")),
    );
    let polled = std::future::poll_fn(|context| Poll::Ready(hanging.as_mut().poll(context)));
    assert!(polled.await.is_pending());
    drop(hanging);
    let entries = bench.entries(&recorder);
    let codes: Vec<&Value> = entries.iter().map(|e| &e["error"]["code"]).collect();
    assert_eq!(codes, ["500", "499"]);
    assert!(!format!("{entries:?}").contains("secret"));
}

#[tokio::test]
async fn a_required_action_is_refused_without_the_log_before_it_does_anything() {
    let bench = Bench::with([]);
    bench.log.inside.0.lock().lets_in = Some("nobody");
    let recorder = bench.open();
    let router = router(&layer(&recorder));
    // Nobody knew that the log was gone: the operation was done, and is not recorded.
    assert_eq!(
        status(&router, Method::DELETE, "/v1/clusters/clu_9").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(recorder.stats().unrecorded, 1);
    // Now it is known: nothing is done, and that is spooled.
    assert!(recorder.is_gone(GONE));
    assert_eq!(
        status(&router, Method::DELETE, "/v1/clusters/clu_9").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    bench.log.inside.0.lock().lets_in = None;
    let entries = bench.entries(&recorder);
    let refused = entries.iter().find(|e| e["error"]["code"] == "503");
    let refused = refused.expect("the refusal is recorded");
    assert_eq!(refused["action"], "deleteCluster");
    assert_eq!(
        status(&router, Method::DELETE, "/v1/clusters/clu_9").await,
        StatusCode::OK
    );
}

#[tokio::test]
async fn any_router_shows_its_routes_and_a_forgotten_one_fails() {
    let bench = Bench::with([]);
    let recorder = bench.open();
    let router = router(&layer(&recorder));
    let routes: Vec<String> = router
        .list()
        .into_iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(
        routes,
        [
            "GET /v1/clusters",
            "POST /v1/clusters",
            "DELETE /v1/clusters/{id}",
            "PATCH /v1/clusters/{id}",
            "POST /v1/forgotten/{thing}",
            "POST /v1/search",
        ]
    );
    let forgotten = catch_unwind(AssertUnwindSafe(|| {
        assert_every_route_recorded(&router, &table())
    }));
    let said = forgotten.expect_err("it fails");
    let said = said.downcast_ref::<String>().expect("a sentence");
    assert_eq!(
        said,
        "POST /v1/forgotten/{thing} is neither recorded nor exempt"
    );
    assert_every_route_recorded(
        &router,
        &table().exempt(Method::POST, "/v1/forgotten/{thing}"),
    );
    let stale = table()
        .exempt(Method::POST, "/v1/forgotten/{thing}")
        .exempt(Method::PUT, "/gone");
    assert!(
        catch_unwind(AssertUnwindSafe(|| assert_every_route_recorded(
            &router, &stale
        )))
        .is_err()
    );
    let every: Router = Router::new().route("/x", any(|| async {}));
    assert_eq!(every.list().len(), 5);
    let nothing = Router::<()>::new().list();
    assert_eq!(nothing, []);
    let one: Router = Router::new().route("/y", delete(|| async {}));
    assert_eq!(one.list(), [(Method::DELETE, "/y".to_owned())]);
}
