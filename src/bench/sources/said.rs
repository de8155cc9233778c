//! The reference workload in the words of other systems.

use entry::{Draft, Result, Timestamp};
use serde_json::{Value, json};

/// How a protocol travels.
pub(super) enum Way {
    Call {
        path: &'static str,
        kind: &'static str,
    },
    Tcp,
    Relp,
}

pub(super) struct Protocol {
    /// Names its directory.
    pub key: &'static str,
    pub says: &'static str,
    pub way: Way,
    /// Variables of the server's environment.
    pub settings: &'static [(&'static str, &'static str)],
    /// Some entries, by their numbers.
    pub body: fn(&[(u64, Draft)]) -> Vec<u8>,
}

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const NDJSON: &str = "application/x-ndjson";

pub(super) const PROTOCOLS: &[Protocol] = &[
    called(
        "kubernetes",
        "Kubernetes webhook",
        "/v1/sources/kubernetes/bench",
        JSON,
        kubernetes,
    ),
    called(
        "otlp-protobuf",
        "OpenTelemetry, protobuf",
        "/v1/logs",
        PROTOBUF,
        otlp_protobuf,
    ),
    called(
        "otlp-json",
        "OpenTelemetry, JSON",
        "/v1/logs",
        JSON,
        otlp_json,
    ),
    called(
        "cloudevents",
        "CloudEvents, batches",
        "/v1/sources/cloudevents/bench",
        "application/cloudevents-batch+json",
        cloudevents,
    ),
    called(
        "elastic",
        "Elasticsearch _bulk",
        "/v1/sources/elastic/bench/_bulk",
        NDJSON,
        elastic,
    ),
    called("splunk", "Splunk HEC", "/services/collector", JSON, splunk),
    Protocol {
        key: "syslog-tcp",
        says: "syslog, TCP",
        way: Way::Tcp,
        settings: &[("MAR_AUDIT_SYSLOG_TCP", "127.0.0.1:0")],
        body: syslog_counted,
    },
    Protocol {
        key: "syslog-relp",
        says: "syslog, RELP",
        way: Way::Relp,
        settings: &[("MAR_AUDIT_SYSLOG_RELP", "127.0.0.1:0")],
        body: syslog_relp,
    },
    called(
        "mar",
        "our own NDJSON, for comparison",
        "/v1/entries",
        NDJSON,
        mar,
    ),
];

const fn called(
    key: &'static str,
    says: &'static str,
    path: &'static str,
    kind: &'static str,
    body: fn(&[(u64, Draft)]) -> Vec<u8>,
) -> Protocol {
    Protocol {
        key,
        says,
        way: Way::Call { path, kind },
        settings: &[],
        body,
    }
}

/// What each protocol tells of an entry.
struct Told<'d> {
    time: Timestamp,
    actor_id: &'d str,
    email: &'d str,
    target_type: &'d str,
    target_id: &'d str,
    target_name: &'d str,
    ip: &'d str,
    request_id: &'d str,
    outcome: &'static str,
}

impl<'d> Told<'d> {
    fn of(draft: &'d Draft) -> Self {
        let target = draft.target.as_ref();
        let or_none = |text: Option<&'d str>| text.unwrap_or("none");
        Self {
            time: draft.timestamp.expect("the workload tells times"),
            actor_id: or_none(draft.actor.party.id.as_deref()),
            email: draft
                .actor
                .party
                .email
                .as_deref()
                .unwrap_or("nobody@acme.example"),
            target_type: or_none(target.and_then(|target| target.kind.as_deref())),
            target_id: or_none(target.and_then(|target| target.id.as_deref())),
            target_name: or_none(target.and_then(|target| target.name.as_deref())),
            ip: or_none(draft.request.ip.as_deref()),
            request_id: or_none(draft.request.id.as_deref()),
            outcome: match draft.result {
                Result::Success => "success",
                Result::Failure => "failure",
            },
        }
    }
}

fn object(draft: &Draft) -> Value {
    let told = Told::of(draft);
    json!({
        "action": draft.action, "result": told.outcome,
        "actor": {"type": "user", "id": told.actor_id, "email": told.email},
        "target": {"type": told.target_type, "id": told.target_id, "name": told.target_name},
        "request": {"id": told.request_id, "ip": told.ip},
    })
}

fn lines(drafts: &[(u64, Draft)], each: impl Fn(u64, &Draft) -> String) -> Vec<u8> {
    let lines = drafts.iter().map(|(i, draft)| each(*i, draft));
    lines.collect::<String>().into_bytes()
}

fn mar(drafts: &[(u64, Draft)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (_, draft) in drafts {
        draft.write_json(&mut out);
        out.push(b'\n');
    }
    out
}

fn kubernetes(drafts: &[(u64, Draft)]) -> Vec<u8> {
    let event = |(i, draft): &(u64, Draft)| {
        let told = Told::of(draft);
        let code = if told.outcome == "success" { 200 } else { 403 };
        json!({
            "level": "Metadata", "auditID": told.request_id, "stage": "ResponseComplete", "verb": "update",
            "requestURI": format!("/api/v1/namespaces/{}/configmaps/{}?fieldManager=mar", told.target_id, told.target_name),
            "user": {"username": told.email, "uid": told.actor_id, "groups": ["mar:operators", "system:authenticated"]},
            "sourceIPs": [told.ip], "userAgent": "kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc",
            "objectRef": {"resource": "configmaps", "namespace": told.target_id, "name": told.target_name,
                          "uid": format!("0198f3c2-7b1e-7c3a-9d0a-{i:012}"), "apiVersion": "v1", "resourceVersion": i.to_string()},
            "responseStatus": {"metadata": {}, "code": code},
            "requestReceivedTimestamp": told.time.to_string(), "stageTimestamp": told.time.to_string(),
            "annotations": {"authorization.k8s.io/decision": "allow",
                            "authorization.k8s.io/reason": "RBAC: allowed by RoleBinding \"operators/payments\" of Role \"operator\""},
        })
    };
    let items: Vec<Value> = drafts.iter().map(event).collect();
    json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items})
        .to_string()
        .into_bytes()
}

/// The attributes of a log record, by the conventions.
fn attributes(draft: &Draft) -> Vec<(&'static str, String)> {
    let told = Told::of(draft);
    [
        ("user.id", told.actor_id),
        ("user.email", told.email),
        ("client.address", told.ip),
        ("audit.target.type", told.target_type),
        ("audit.target.id", told.target_id),
        ("audit.target.name", told.target_name),
        ("request.id", told.request_id),
        ("event.outcome", told.outcome),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

fn nanos(draft: &Draft) -> u64 {
    Told::of(draft).time.as_micros().unsigned_abs() * 1_000
}

fn otlp_json(drafts: &[(u64, Draft)]) -> Vec<u8> {
    let pair =
        |(name, value): (&str, String)| json!({"key": name, "value": {"stringValue": value}});
    let record = |(_, draft): &(u64, Draft)| {
        let attributes: Vec<Value> = attributes(draft).into_iter().map(pair).collect();
        json!({"timeUnixNano": nanos(draft).to_string(), "eventName": draft.action, "severityNumber": 9, "attributes": attributes})
    };
    let records: Vec<Value> = drafts.iter().map(record).collect();
    let resource = json!({"attributes": [pair(("service.name", "bench".to_owned()))]});
    json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "audit"}, "logRecords": records}]}]})
        .to_string()
        .into_bytes()
}

/// A field of protobuf that has a length: texts, bytes, messages.
fn field(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, bytes) in fields {
        field(*number, bytes, &mut out);
    }
    out
}

/// `KeyValue` of a text.
fn pair(name: &str, value: &str) -> Vec<u8> {
    let value = message(&[(1, value.as_bytes())]);
    message(&[(1, name.as_bytes()), (2, &value)])
}

/// Numbers of fields: `opentelemetry/proto/logs/v1/logs.proto`.
fn otlp_protobuf(drafts: &[(u64, Draft)]) -> Vec<u8> {
    let mut scoped = message(&[(1, &message(&[(1, b"audit")]))]);
    for (_, draft) in drafts {
        // time_unix_nano: field 1, eight bytes; severity_number: field 2.
        let mut record = vec![1 << 3 | 1];
        record.extend_from_slice(&nanos(draft).to_le_bytes());
        record.extend_from_slice(&[2 << 3, 9]);
        for (name, value) in attributes(draft) {
            field(6, &pair(name, &value), &mut record);
        }
        field(12, draft.action.as_bytes(), &mut record);
        field(2, &record, &mut scoped);
    }
    let resource = message(&[(1, &pair("service.name", "bench"))]);
    message(&[(1, &message(&[(1, &resource), (2, &scoped)]))])
}

fn cloudevents(drafts: &[(u64, Draft)]) -> Vec<u8> {
    let event = |(i, draft): &(u64, Draft)| {
        let told = Told::of(draft);
        json!({
            "specversion": "1.0", "id": i.to_string(), "source": "/bench", "type": draft.action, "time": told.time.to_string(),
            "datacontenttype": JSON, "data": object(draft),
        })
    };
    Value::Array(drafts.iter().map(event).collect())
        .to_string()
        .into_bytes()
}

fn elastic(drafts: &[(u64, Draft)]) -> Vec<u8> {
    lines(drafts, |i, draft| {
        let told = Told::of(draft);
        let document = json!({
            "@timestamp": told.time.to_string(), "event": {"action": draft.action, "outcome": told.outcome},
            "user": {"id": told.actor_id, "email": told.email}, "source": {"ip": told.ip},
            "http": {"request": {"id": told.request_id}},
            "mar": {"target": {"type": told.target_type, "id": told.target_id, "name": told.target_name}},
        });
        format!("{{\"create\":{{\"_index\":\"audit\",\"_id\":\"{i}\"}}}}\n{document}\n")
    })
}

fn splunk(drafts: &[(u64, Draft)]) -> Vec<u8> {
    lines(drafts, |_, draft| {
        let time = Told::of(draft).time.as_micros() as f64 / 1e6;
        let event =
            json!({"time": time, "host": "web-1", "source": "bench", "event": object(draft)});
        format!("{event}\n")
    })
}

fn message_of_syslog(draft: &Draft) -> String {
    let time = Told::of(draft).time;
    format!("<86>1 {time} web-1 bench 42 - - {}", object(draft))
}

fn syslog_counted(drafts: &[(u64, Draft)]) -> Vec<u8> {
    lines(drafts, |_, draft| {
        let said = message_of_syslog(draft);
        format!("{} {said}", said.len())
    })
}

fn syslog_relp(drafts: &[(u64, Draft)]) -> Vec<u8> {
    lines(drafts, |i, draft| {
        let said = message_of_syslog(draft);
        // Nine digits, and never none.
        format!("{} syslog {} {said}\n", i % 999_999_999 + 1, said.len())
    })
}
