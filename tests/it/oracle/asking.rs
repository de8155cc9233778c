//! Calls without a socket: the router itself, asked in this process.

use crate::test_server::{Answer, TestServer};
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{HeaderMap, Request};
use axum::middleware::{Next, from_fn};
use axum::{Router, extract};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tower::ServiceExt;

/// Methods, and the patterns of the routes that calls came to.
type Met = Arc<Mutex<BTreeSet<(String, String)>>>;

pub struct Asker {
    runtime: Runtime,
    router: Router,
    met: Met,
}

/// How long a stream may take to say what it has.
const PATIENCE: Duration = Duration::from_secs(20);

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let text =
        |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

impl Asker {
    pub fn new(server: &TestServer) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let met = Met::default();
        let notes = Arc::clone(&met);
        let note = from_fn(move |request: extract::Request, next: Next| {
            let route = request.extensions().get::<MatchedPath>();
            let route = route.map_or("", MatchedPath::as_str).to_owned();
            notes.lock().insert((request.method().to_string(), route));
            next.run(request)
        });
        Self {
            runtime: runtime.expect("a runtime"),
            router: mar_audit::router::router(Arc::clone(&server.app)).layer(note),
            met,
        }
    }

    /// The routes that calls came to since this was asked.
    pub fn met(&self) -> BTreeSet<(String, String)> {
        std::mem::take(&mut self.met.lock())
    }

    fn request(
        method: &str,
        path: &str,
        header: &(&str, String),
        more: &[(&str, &str)],
        body: &str,
    ) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost");
        if !header.1.is_empty() {
            request = request.header(header.0, &header.1);
        }
        match body.as_bytes().first() {
            None => {}
            Some(b'{' | b'[') => request = request.header("content-type", "application/json"),
            // How a message of gRPC begins.
            Some(0) => request = request.header("content-type", "application/grpc"),
            Some(_) => {
                request = request.header("content-type", "application/x-www-form-urlencoded")
            }
        }
        request = request.header("sec-fetch-site", "same-origin");
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        request
            .body(Body::from(body.to_owned()))
            .expect("a request")
    }

    pub fn ask(
        &self,
        method: &str,
        path: &str,
        header: &(&str, String),
        more: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let request = Self::request(method, path, header, more, body);
        self.runtime.block_on(async {
            let response = self
                .router
                .clone()
                .oneshot(request)
                .await
                .expect("infallible");
            let (parts, body) = response.into_parts();
            let collected = body.collect().await.expect("the whole body");
            Answer {
                status: parts.status.as_u16(),
                headers: texts(&parts.headers),
                trailers: collected.trailers().map(texts).unwrap_or_default(),
                body: collected.to_bytes().to_vec(),
            }
        })
    }

    /// Reads a stream until enough was said, then leaves it.
    pub fn stream(
        &self,
        path: &str,
        header: &(&str, String),
        enough: impl Fn(&str) -> bool,
    ) -> Result<Answer, String> {
        let request = Self::request("GET", path, header, &[], "");
        self.runtime.block_on(async {
            let response = self
                .router
                .clone()
                .oneshot(request)
                .await
                .expect("infallible");
            let (parts, mut body) = response.into_parts();
            let mut said = Vec::new();
            let is_stream = parts.status.is_success();
            while !is_stream || !enough(&String::from_utf8_lossy(&said)) {
                match timeout(PATIENCE, body.frame()).await {
                    Ok(Some(frame)) => {
                        said.extend(frame.expect("a frame").into_data().unwrap_or_default())
                    }
                    Ok(None) => break,
                    Err(_) => {
                        return Err(format!(
                            "{path} says no more than {}",
                            String::from_utf8_lossy(&said)
                        ));
                    }
                }
            }
            Ok(Answer {
                status: parts.status.as_u16(),
                headers: texts(&parts.headers),
                trailers: Vec::new(),
                body: said,
            })
        })
    }
}
