//! What the layer costs a request: the same router with and without it, called in this process.
//!
//! ```sh
//! cargo run --release -p mar-audit-client --features axum --example layer_cost -- DIR
//! ```
//!
//! No log listens: the figures are of the layer and of the spool in DIR, which should lie on a disk.

use axum::body::Body;
use axum::extract::Path;
use axum::routing::patch;
use axum::{Extension, Router};
use http::{Method, Request};
use mar_audit_client::routes::Route;
use mar_audit_client::{
    Actor, Audit, AuditLayer, Config, Entry, Guarantee, OpenError, Organization, Recorder, Routes,
    action,
};
use std::time::{Duration, Instant};
use tower::ServiceExt;

const WARM: usize = 2_000;
const MEASURED: usize = 20_000;
/// Each of these waits for a sync.
const SPOOLED: usize = 2_000;

async fn scale(Path(id): Path<String>) -> Extension<Audit> {
    let audit = Audit::new().target_name(id).change("/spec/replicas", 3, 5);
    Extension(audit)
}

fn request() -> Request<Body> {
    Request::builder()
        .method(Method::PATCH)
        .uri("/v1/clusters/clu_9")
        .header("x-request-id", "req_77c")
        .header("user-agent", "mar-cli/2.4")
        .body(Body::empty())
        .expect("a request")
}

async fn measure(name: &str, router: &Router, count: usize) -> Duration {
    let mut took = Vec::with_capacity(count);
    for n in 0..WARM + count {
        let (router, request) = (router.clone(), request());
        let started = Instant::now();
        let answer = router.oneshot(request).await.expect("an answer");
        if n >= WARM {
            took.push(started.elapsed());
        }
        assert!(answer.status().is_success());
    }
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("{name:<32} p50 {:>9.1?}   p99 {:>9.1?}", at(0.5), at(0.99));
    at(0.5)
}

fn layered(dir: &std::path::Path, guarantee: Guarantee) -> Result<(Router, Recorder), OpenError> {
    // The discard port: nothing listens, and asking costs nothing while it pauses.
    let config = Config::new("http://127.0.0.1:9", "layer-cost", dir);
    let recorder = Recorder::open(Config {
        best_effort_bytes_max: 1 << 30,
        close_wait_max: Duration::ZERO,
        ..config.guarantee(guarantee)
    })?;
    let route = Route::of(action::SCALE_CLUSTER).target_by("cluster", "id");
    let routes = Routes::new().patch("/v1/clusters/{id}", route);
    let acme = Organization::parse("acme");
    let layer = AuditLayer::new(recorder.clone(), routes)
        .actor(|_| {
            Some(
                Actor::user("usr_5")
                    .name("Ana Ruiz")
                    .email("ana@acme.example"),
            )
        })
        .scope(move |_| Some((acme.clone()?, Some("payments".into()))));
    Ok((router().layer(layer), recorder))
}

fn router() -> Router {
    Router::new().route("/v1/clusters/{id}", patch(scale))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("name a directory")?;
    let dir = std::path::Path::new(&dir);
    let bare = measure("without the layer", &router(), MEASURED).await;
    let (queued, recorder) = layered(&dir.join("queued"), Guarantee::BestEffort)?;
    let cost = measure("best effort: in memory", &queued, MEASURED).await;
    println!(
        "{:<32} p50 {:>9.1?}",
        "the layer's own cost",
        cost.saturating_sub(bare)
    );
    drop((queued, recorder));
    let (spooled, recorder) = layered(&dir.join("spooled"), Guarantee::Spooled)?;
    measure("spooled: waits for a sync", &spooled, SPOOLED).await;
    let stats = recorder.stats();
    println!("{} entries, {} syncs", stats.recorded, stats.syncs);
    drop((spooled, recorder));
    for threads in [1, 8, 64] {
        let dir = dir.join(format!("threads-{threads}"));
        share_syncs(&dir, threads)?;
    }
    Ok(())
}

/// How many entries a second so many callers spool, each waiting for each of its own.
fn share_syncs(dir: &std::path::Path, threads: usize) -> Result<(), OpenError> {
    let (_, recorder) = layered(dir, Guarantee::Spooled)?;
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for n in 0..SPOOLED {
                    let entry = Entry::by(Actor::user("usr_5"))
                        .did(action::SCALE_CLUSTER)
                        .context("n", n)
                        .success();
                    recorder.record(entry).expect("spooled");
                }
            });
        }
    });
    let (took, stats) = (started.elapsed(), recorder.stats());
    let rate = stats.recorded as f64 / took.as_secs_f64();
    println!(
        "{threads:>2} callers: {rate:>8.0} entries/s, {:.1} to a sync",
        stats.recorded as f64 / stats.syncs as f64
    );
    Ok(())
}
