//! The layer in servers that know nothing of axum: tonic's, and hyper on its own.

use super::super::*;
use crate::action;
use crate::recorder::tests::Bench;
use crate::routes::Route;
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceBuilder;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

fn layer(bench: &Bench, routes: Routes) -> (AuditLayer, Recorder) {
    let recorder = bench.open();
    let layer = AuditLayer::new(recorder.clone(), routes).actor(|parts| {
        let user = parts.headers.get("x-user")?.to_str().ok()?;
        Some(Actor::user(user))
    });
    (layer, recorder)
}

/// Action, result, code and actor of each.
fn told(entries: &[Value]) -> Vec<[&str; 4]> {
    let each = entries.iter().map(|entry| {
        let said = [
            &entry["action"],
            &entry["result"],
            &entry["error"]["code"],
            &entry["actor"]["id"],
        ];
        said.map(|value| value.as_str().unwrap_or("-"))
    });
    each.collect()
}

/// gRPC answers 200 whatever happened; a call that failed says so by a header of its own.
#[tokio::test]
async fn a_grpc_call_is_recorded_with_the_code_that_it_ended_in() {
    let bench = Bench::with([]);
    let path = "/grpc.health.v1.Health/Check";
    let route = Route::of(action::SCALE_CLUSTER);
    let (layer, recorder) = layer(&bench, Routes::new().post(path, route));
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("clusters", ServingStatus::Serving)
        .await;
    let (listener, address) = listen().await;
    let serving = Server::builder()
        .layer(layer)
        .add_service(health)
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}"));
    let channel = endpoint.expect("an address").connect().await;
    let mut client = HealthClient::new(channel.expect("it listens"));
    let mut check = async |service: &str| {
        let service = service.to_owned();
        let mut request = tonic::Request::new(HealthCheckRequest { service });
        let user = "usr_5".parse().expect("a header");
        request.metadata_mut().insert("x-user", user);
        client.check(request).await
    };
    check("clusters").await.expect("it is known");
    let refused = check("nothing").await.expect_err("it is not known");
    assert_eq!(refused.code(), Code::NotFound);
    serving.abort();
    let entries = bench.entries(&recorder);
    assert_eq!(
        told(&entries),
        [
            ["scaleCluster", "success", "-", "usr_5"],
            ["scaleCluster", "failure", "5", "usr_5"],
        ]
    );
    assert_eq!(entries[1]["error"]["message"], "service not registered");
}

#[tokio::test]
async fn a_service_on_hyper_alone_is_recorded_by_its_path() {
    let bench = Bench::with([]);
    let routes = Routes::new().delete(
        "/v1/clusters/{id}",
        Route::of(action::DELETE_CLUSTER).target_by("cluster", "id"),
    );
    let (layer, recorder) = layer(&bench, routes);
    let (listener, address) = listen().await;
    let answer = async |request: Request<hyper::body::Incoming>| {
        let status = match request.uri().path() {
            "/v1/clusters/held" => StatusCode::CONFLICT,
            _ => StatusCode::NO_CONTENT,
        };
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = status;
        Ok::<_, std::convert::Infallible>(response)
    };
    let service = ServiceBuilder::new().layer(layer).service_fn(answer);
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        let service = TowerToHyperService::new(service);
        // It ends as its client does.
        drop(http.serve_connection(TokioIo::new(stream), service).await);
    });
    let stream = TcpStream::connect(address).await.expect("it listens");
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut client, connection) = shaken.expect("it speaks HTTP");
    let connection = tokio::spawn(connection);
    for (id, status) in [
        ("clu_9", StatusCode::NO_CONTENT),
        ("held", StatusCode::CONFLICT),
    ] {
        let request = Request::delete(format!("/v1/clusters/{id}")).header("host", "platform");
        let request = request
            .header("x-user", "usr_5")
            .body(Empty::<Bytes>::new());
        let answer = client.send_request(request.expect("a request")).await;
        assert_eq!(answer.expect("an answer").status(), status);
    }
    drop(client);
    for ended in [connection.await.map(drop), serving.await] {
        ended.expect("no panic");
    }
    let entries = bench.entries(&recorder);
    assert_eq!(
        told(&entries),
        [
            ["deleteCluster", "success", "-", "usr_5"],
            ["deleteCluster", "failure", "409", "usr_5"],
        ]
    );
    assert_eq!(entries[0]["target"]["id"], "clu_9");
}
