//! The routes that other systems send to, in their own words: whose words is said, not repeated.

use super::{answer, parameter, responses};
use crate::problem::Kind;
use serde_json::{Map, Value, json};

pub fn paths() -> Map<String, Value> {
    let events = |id: &str, summary: &str| send(id, summary, "application/json", &[]);
    let tally = "What became of the events, by their number: sent, stored, duplicates, quarantined, refused, skipped";
    let mut paths = json!({
        "/v1/sources/kubernetes/{name}": {"post": send("sendKubernetes", "Take a Kubernetes API server's audit events (EventList)", "application/json", &[tally])},
        "/v1/sources/kubernetes/{organization}/{name}": {"post": send("sendKubernetesOf", "Take a Kubernetes API server's audit events into the log of an organization", "application/json", &[tally])},
        "/v1/sources/cloudevents/{name}": {"post": send("sendCloudEvents", "Take CloudEvents, structured, in batches or binary", "application/cloudevents+json", &[tally])},
        "/v1/sources/otlp/{name}/v1/logs": {"post": otlp("sendLogRecordsOf", "Take OpenTelemetry log records of one source")},
        "/v1/sources/elastic/{name}": {"get": events("aboutElastic", "What Elasticsearch says of itself")},
        "/v1/sources/elastic/{name}/_license": {"get": events("licenseElastic", "The license that Elasticsearch would have: a basic one")},
    });
    let all = paths.as_object_mut().expect("paths by name");
    for path in [
        "/v1/sources/elastic/{name}",
        "/v1/sources/elastic/{name}/_license",
    ] {
        let about = &mut all[path]["get"];
        about
            .as_object_mut()
            .expect("an operation")
            .remove("requestBody");
    }
    let bulk = [
        ("/v1/sources/elastic/{name}/_bulk", "Bulk"),
        ("/v1/sources/elastic/{name}/{index}/_bulk", "BulkOf"),
    ];
    for (path, id) in bulk {
        let one = |method: &str| {
            let summary = "Take documents as Elasticsearch's bulk API does: create and index only";
            send(
                &format!("{method}{id}"),
                summary,
                "application/x-ndjson",
                &[],
            )
        };
        all.insert(path.into(), json!({"post": one("post"), "put": one("put")}));
    }
    for (below, of) in [("", ""), ("/v1/sources/hec/{name}", "Of")] {
        let at = |path: &str| format!("{below}/services/collector{path}");
        for (path, id) in [
            ("", "collect"),
            ("/event", "collectEvents"),
            ("/event/1.0", "collectEvents1"),
            ("/raw", "collectLines"),
            ("/raw/1.0", "collectLines1"),
        ] {
            let collect = events(
                &format!("{id}{of}"),
                "Take events as Splunk's HTTP Event Collector does; answers have its codes",
            );
            let offered = asked(&format!("{id}{of}Options"), "Whether anybody is there");
            all.insert(at(path), json!({"post": collect, "options": offered}));
        }
        for (path, id) in [("", "collectorHealth"), ("/1.0", "collectorHealth1")] {
            let says = "Whether events can be taken, in Splunk's words";
            let health = asked(&format!("{id}{of}"), says);
            all.insert(at(&format!("/health{path}")), json!({"get": health}));
        }
        let says =
            "Acknowledgement by channel, which is not offered: the answer is the acknowledgement";
        let ack = events(&format!("collectorAck{of}"), says);
        all.insert(at("/ack"), json!({"post": ack}));
    }
    for (path, methods) in all.iter_mut() {
        for operation in methods.as_object_mut().into_iter().flatten() {
            operation.1["parameters"] = parameters(path);
        }
    }
    std::mem::take(all)
}

/// `POST /v1/logs`.
pub fn log_records() -> Value {
    otlp(
        "sendLogRecords",
        "Take OpenTelemetry log records; each service is a source",
    )
}

fn otlp(id: &str, summary: &str) -> Value {
    let said = "ExportLogsServiceResponse, in the form of the call; refusals are a google.rpc.Status in the same form";
    let mut send = send(id, summary, "application/json", &[said]);
    let binary = json!({"schema": {"type": "string", "format": "binary"}});
    send["requestBody"]["content"]["application/x-protobuf"] = binary;
    send["parameters"] = parameters("");
    send
}

fn parameters(path: &str) -> Value {
    let named = ["name", "index"].into_iter();
    let named = named.chain(["organization"]);
    let named = named.filter(|name| path.contains(&format!("{{{name}}}")));
    let in_path = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let organization = parameter(
        "organization",
        "Whose entries these are, if the token does not say it",
        json!({"type": "string"}),
    );
    let organization = Some(organization).filter(|_| !path.contains("{organization}"));
    named.map(in_path).chain(organization).collect()
}

/// What is asked without a body and without a token.
fn asked(id: &str, summary: &str) -> Value {
    let mut asked =
        json!({"operationId": id, "summary": summary, "responses": responses(&[Kind::Overloaded])});
    asked["responses"]["200"] = answer("So it is", "application/json", &json!({"type": "object"}));
    asked
}

fn send(id: &str, summary: &str, kind: &str, said: &[&str]) -> Value {
    let refused = [
        Kind::BadRequest,
        Kind::BadJson,
        Kind::BadEncoding,
        Kind::BadParameter,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::CrossOrigin,
        Kind::NotFound,
        Kind::Timeout,
        Kind::TooLarge,
        Kind::UnsupportedType,
        Kind::Overloaded,
        Kind::Latched,
        Kind::NoSpace,
    ];
    let mut responses = responses(&refused);
    let schema = json!({"type": "object"});
    let said = said
        .first()
        .unwrap_or(&"In the words of whose protocol it is");
    responses.insert("200".into(), answer(said, "application/json", &schema));
    json!({
        "operationId": id,
        "summary": summary,
        "description": "Answered once everything is on stable storage, or kept beside; the same again is stored once.",
        "requestBody": {"content": {kind: {"schema": {"type": "object"}}}},
        "responses": responses,
    })
}
