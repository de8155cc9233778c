//! `/v1`: record, list, show, count, chart; every refusal by its problem document.

use crate::test_server::{Answer, TestServer};
use serde_json::{Value, json};

/// A small valid entry, as one line.
pub fn line(id: u32, fields: Value) -> String {
    let mut entry = json!({
        "id": uuid(id),
        "actor": {"type": "user", "id": "usr_5", "name": "Ana Ruiz", "email": "ana@acme.example"},
        "action": "scaleCluster",
        "target": {"type": "cluster", "id": "clu_9", "name": "pay-eu"},
        "result": "success",
    });
    for (name, value) in fields.as_object().expect("members") {
        entry[name] = value.clone();
    }
    format!("{entry}\n")
}

pub fn uuid(id: u32) -> String {
    format!("0198f3c2-7b1e-7c3a-9d0a-0000{id:08x}")
}

/// Checks that an answer is a problem document of that kind and gives it.
pub fn problem(answer: &Answer, status: u16, slug: &str) -> Value {
    assert_eq!(
        answer.status,
        status,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    assert_eq!(
        problem["type"],
        format!("urn:mar-audit:problem:{slug}"),
        "{problem}"
    );
    assert_eq!(problem["status"], status);
    for member in ["title", "detail", "instance"] {
        assert!(
            problem[member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{member}: {problem}"
        );
    }
    problem
}

fn seqs(listing: &Value) -> Vec<u64> {
    listing["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["seq"].as_u64().expect("seq"))
        .collect()
}

#[test]
fn an_entry_is_found_the_moment_it_is_acknowledged_and_comes_back_as_sent() {
    let server = TestServer::start();
    let sent = json!({
        "id": uuid(1),
        "timestamp": "2026-10-05T11:31:22.104512+02:00",
        "actor": {"type": "user", "id": "usr_5", "name": "Ana Ruiz", "email": "ana@acme.example",
            "on_behalf_of": {"type": "user", "id": "usr_9", "name": "Bo Li"}},
        "action": "scaleCluster",
        "target": {"type": "cluster", "id": "clu_9", "name": "pay-eu"},
        "related": [{"type": "config_profile", "id": "cp_2", "name": "large"}],
        "scope": {"organization": "acme", "project": "payments"},
        "request": {"id": "req_77c", "ip": "203.0.113.9", "method": "PATCH"},
        "result": "failure",
        "error": {"code": "403", "message": "missing clusters:update"},
        "changes": [{"path": "/spec/replicas", "before": 3, "after": 5}],
        "context": {"ticket": "OPS-88"},
        "source": {"name": "mar-api", "event_id": "ev-18233", "sequence": 18233},
    });
    let answer = server.post("/v1/entries", sent.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipts = answer.json();
    assert_eq!(
        (
            &receipts["accepted"],
            &receipts["duplicates"],
            &receipts["rejected"]
        ),
        (&json!(1), &json!(0), &json!(0))
    );
    let receipt = &receipts["receipts"][0];
    assert_eq!(
        (&receipt["status"], &receipt["id"], &receipt["seq"]),
        (&json!("accepted"), &json!(uuid(1)), &json!(0))
    );

    let listing = server.get("/v1/entries").json();
    let mut expected = sent;
    expected["timestamp"] = json!("2026-10-05T09:31:22.104512Z");
    expected["category"] = json!("cluster");
    expected["seq"] = json!(0);
    expected["received_at"] = receipt["received_at"].clone();
    assert_eq!(listing["entries"], json!([expected]));
    assert_eq!(
        (&listing["next_cursor"], &listing["as_of"]),
        (&Value::Null, &json!(0))
    );
    assert_eq!(
        server.get(&format!("/v1/entries/{}", uuid(1))).json(),
        expected
    );
}

#[test]
fn numbers_keep_their_text_and_strings_their_code_points() {
    let server = TestServer::start();
    let context = concat!(
        r#"{"big":12345678901234567890123456789,"exact":1.10,"huge":1e400,"nul":"\u0000","text":""#,
        "\u{1f980}\u{feff}\u{202e}\"}"
    );
    let body =
        line(1, json!({"context": 0})).replace("\"context\":0", &format!("\"context\":{context}"));
    server.record(body);
    let shown = server.get(&format!("/v1/entries/{}", uuid(1)));
    assert!(
        shown.text().contains(&format!("\"context\":{context}")),
        "{}",
        shown.text()
    );
    let exported = server.get("/v1/export?format=ndjson");
    assert!(
        exported.text().contains(&format!("\"context\":{context}")),
        "{}",
        exported.text()
    );
}

#[test]
fn a_retry_is_a_duplicate_and_another_content_under_the_same_id_is_refused() {
    let server = TestServer::start();
    server.record(line(1, json!({})));
    let again = server.post("/v1/entries", line(1, json!({})));
    assert_eq!(again.status, 200);
    assert_eq!(
        again.json()["receipts"][0],
        json!({"status": "duplicate", "id": uuid(1), "seq": 0})
    );
    let other = server.post("/v1/entries", line(1, json!({"action": "deleteCluster"})));
    let document = problem(&other, 422, "id-conflict");
    assert_eq!(document["receipts"][0]["status"], "rejected");
    assert_eq!(
        document["receipts"][0]["error"]["type"],
        "urn:mar-audit:problem:id-conflict"
    );
    assert_eq!(
        server.get("/v1/entries").json()["entries"]
            .as_array()
            .expect("entries")
            .len(),
        1
    );
}

#[test]
fn good_entries_of_a_batch_are_stored_though_others_are_refused() {
    let server = TestServer::start();
    let bad = line(2, json!({"result": "maybe", "colour": "red"}));
    let lines = format!(
        "{}\r\n\n{bad}not json\n{}",
        line(1, json!({})).trim_end(),
        line(3, json!({}))
    );
    let answer = server.send(
        "POST",
        "/v1/entries",
        &[("content-type", "application/x-ndjson")],
        lines.as_bytes(),
    );
    assert_eq!(answer.status, 200);
    let receipts = answer.json();
    let statuses: Vec<_> = receipts["receipts"]
        .as_array()
        .expect("receipts")
        .iter()
        .map(|r| &r["status"])
        .collect();
    assert_eq!(statuses, ["accepted", "rejected", "rejected", "accepted"]);
    let error = &receipts["receipts"][1]["error"];
    assert_eq!(error["type"], "urn:mar-audit:problem:invalid-entry");
    let pointers: Vec<_> = error["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| e["pointer"].as_str())
        .collect();
    assert!(
        pointers.contains(&Some("/result")) && pointers.contains(&Some("/colour")),
        "{error}"
    );
    let detail = receipts["receipts"][2]["error"]["detail"]
        .as_str()
        .expect("a sentence");
    assert!(detail.starts_with("line 4: "), "{detail}");
    assert_eq!(
        seqs(
            &server
                .get("/v1/entries?order=received&direction=asc")
                .json()
        ),
        [0, 1]
    );
}

#[test]
fn an_array_is_a_batch_and_a_batch_of_refusals_is_422() {
    let server = TestServer::start();
    let array = format!(
        "[{},{}]",
        line(1, json!({})).trim_end(),
        line(2, json!({})).trim_end()
    );
    assert_eq!(server.post("/v1/entries", array).json()["accepted"], 2);
    let refused = server.post("/v1/entries", r#"[{"action":"x"},7]"#);
    let document = problem(&refused, 422, "invalid-entry");
    assert_eq!(
        (
            &document["rejected"],
            document["receipts"].as_array().map(Vec::len)
        ),
        (&json!(2), Some(2))
    );
    assert!(
        document["errors"][0]["pointer"]
            .as_str()
            .expect("a pointer")
            .starts_with("/0"),
        "{document}"
    );
    let one = problem(
        &server.post(
            "/v1/entries",
            r#"{"actor":{"type":"user"},"action":"x","result":"success"}"#,
        ),
        422,
        "invalid-entry",
    );
    assert_eq!(one["errors"][0]["pointer"], "/actor");
}

#[test]
fn the_organization_comes_from_the_entry_then_the_call_then_the_configuration() {
    let server = TestServer::start();
    server.post("/v1/entries?organization=globex", line(1, json!({})));
    server.post(
        "/v1/entries?organization=globex",
        line(2, json!({"scope": {"organization": "acme"}})),
    );
    server.post("/v1/entries", line(3, json!({})));
    for (id, organization) in [(1, "globex"), (2, "acme"), (3, "default")] {
        let entry = server.get(&format!("/v1/entries/{}", uuid(id))).json();
        assert_eq!(
            (&entry["scope"]["organization"], &entry["seq"]),
            (&json!(organization), &json!(0))
        );
    }
    problem(
        &server.post(
            "/v1/entries?organization=Not%20A%20Slug",
            line(4, json!({})),
        ),
        400,
        "bad-parameter",
    );
    assert_eq!(server.get("/v1/entries").json()["as_of"], 2);
    assert_eq!(
        server.get("/v1/entries?organization=acme").json()["as_of"],
        0
    );
    assert_eq!(
        server.get("/v1/entries?organization=nobody").json()["as_of"],
        Value::Null
    );
}

/// `/v1/export?limit=3` was refused with the advice to write `limit`.
#[test]
fn a_parameter_of_another_route_is_called_that_and_never_suggested() {
    let server = TestServer::start();
    let id = uuid(1);
    for (path, name) in [
        ("export?limit=3".to_owned(), "limit"),
        ("export?cursor=x".to_owned(), "cursor"),
        ("facets?order=time".to_owned(), "order"),
        ("histogram?-direction=asc".to_owned(), "-direction"),
        ("tail?limit=3".to_owned(), "limit"),
        ("catalogue?actor=ana".to_owned(), "actor"),
        (format!("entries/{id}?from=7d"), "from"),
    ] {
        let document = problem(&server.get(&format!("/v1/{path}")), 400, "bad-parameter");
        assert_eq!(
            document["errors"],
            json!([{"parameter": name, "detail": "does not apply to this route"}]),
            "{path}"
        );
    }
    for (path, suggestion) in [
        ("entries?limits=3", json!("limit")),
        ("export?limits=3", Value::Null),
        ("export?directon=asc", json!("direction")),
        ("entries?-limit=3", json!("limit")),
    ] {
        let document = problem(&server.get(&format!("/v1/{path}")), 400, "bad-parameter");
        let fault = &document["errors"][0];
        assert_eq!(
            (&fault["detail"], &fault["suggestion"]),
            (&json!("no such parameter"), &suggestion),
            "{path}"
        );
    }
}

#[test]
fn compressed_bodies_are_read() {
    let server = TestServer::start();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, line(1, json!({})).as_bytes()).expect("memory");
    let bodies = [
        ("gzip", gzip.finish().expect("memory")),
        (
            "zstd",
            zstd::encode_all(line(2, json!({})).as_bytes(), 3).expect("memory"),
        ),
    ];
    for (coding, body) in bodies {
        let headers = [
            ("content-type", "application/json; charset=utf-8"),
            ("content-encoding", coding),
        ];
        let answer = server.send("POST", "/v1/entries", &headers, &body);
        assert_eq!(answer.json()["accepted"], 1, "{coding}: {}", answer.text());
        let cut = server.send("POST", "/v1/entries", &headers, &body[..body.len() - 6]);
        problem(&cut, 400, "bad-encoding");
    }
}

#[test]
fn a_body_of_another_kind_is_told_what_is_read() {
    let server = TestServer::start();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "garbage",
        "",
    ] {
        let answer = server.send(
            "POST",
            "/v1/entries",
            &[("content-type", kind)],
            line(1, json!({})).as_bytes(),
        );
        problem(&answer, 415, "unsupported-media-type");
        assert!(
            answer
                .header("accept")
                .is_some_and(|kinds| kinds.contains("application/x-ndjson"))
        );
    }
    let headers = [
        ("content-type", "application/json"),
        ("content-encoding", "br"),
    ];
    let answer = server.send(
        "POST",
        "/v1/entries",
        &headers,
        line(1, json!({})).as_bytes(),
    );
    problem(&answer, 415, "unsupported-media-type");
    assert_eq!(
        answer.header("accept-encoding"),
        Some("identity, gzip, zstd")
    );
    for (body, slug) in [
        ("", "empty-body"),
        (" \n", "empty-body"),
        ("{", "bad-json"),
        ("[{},", "bad-json"),
        ("[{}}]", "bad-json"),
    ] {
        problem(&server.post("/v1/entries", body), 400, slug);
    }
}

#[test]
fn an_empty_array_is_a_batch_of_none() {
    let server = TestServer::start();
    let answer = server.post("/v1/entries", "[]");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({"accepted": 0, "duplicates": 0, "rejected": 0, "receipts": []})
    );
}

#[test]
fn every_parameter_is_known_or_refused_by_name_with_the_nearest() {
    let server = TestServer::start();
    for path in ["entries", "facets", "histogram", "export", "tail"] {
        let answer = server.get(&format!("/v1/{path}?resutl=x"));
        let document = problem(&answer, 400, "bad-parameter");
        assert_eq!(
            (
                &document["errors"][0]["parameter"],
                &document["errors"][0]["suggestion"]
            ),
            (&json!("resutl"), &json!("result"))
        );
    }
    let wrong = [
        ("entries?limit=0", "limit"),
        ("entries?limit=1001", "limit"),
        ("entries?limit=x", "limit"),
        ("entries?order=up", "order"),
        ("entries?order=time&order=received", "order"),
        ("entries?direction=down", "direction"),
        ("entries?result=maybe", "result"),
        ("entries?from=yesterday-ish", "from"),
        ("entries?ip=10.0.0.0/99", "ip"),
        ("entries?q=actor:(", "q"),
        ("entries?search=%ff", "search"),
        ("facets?fields=colour", "fields"),
        ("facets?top=0", "top"),
        ("histogram?buckets=201", "buckets"),
        ("histogram?timezone=Mars/Base", "timezone"),
        ("export?format=xlsx", "format"),
        ("export?limit=5", "limit"),
        ("tail?limit=5", "limit"),
        ("catalogue?x=1", "x"),
    ];
    for (path, parameter) in wrong {
        let document = problem(&server.get(&format!("/v1/{path}")), 400, "bad-parameter");
        assert_eq!(
            document["errors"][0]["parameter"], parameter,
            "{path}: {document}"
        );
    }
    let several = problem(
        &server.get("/v1/entries?limit=0&order=up&colour=red"),
        400,
        "bad-parameter",
    );
    assert_eq!(
        several["errors"].as_array().map(Vec::len),
        Some(3),
        "{several}"
    );
    assert_eq!(
        server
            .get("/v1/entries?search=&actor=&limit=&cursor=&order=&result=all")
            .status,
        200,
        "blank form fields say nothing"
    );
}

#[test]
fn an_entry_has_a_tag_and_an_unchanged_one_is_not_sent_again() {
    let server = TestServer::start();
    server.record(line(1, json!({})));
    let path = format!("/v1/entries/{}", uuid(1));
    let tag = server.get(&path).header("etag").expect("a tag").to_owned();
    for sent in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
        let again = server.send("GET", &path, &[("if-none-match", &sent)], b"");
        assert_eq!(
            (again.status, again.header("etag")),
            (304, Some(tag.as_str()))
        );
    }
    assert_eq!(
        server
            .send("GET", &path, &[("if-none-match", "\"other\"")], b"")
            .status,
        200
    );
}

#[test]
fn no_entry_is_the_same_as_no_entry_of_yours() {
    let server = TestServer::start();
    server.record(line(1, json!({"scope": {"organization": "acme"}})));
    let texts = [
        uuid(2),
        "not-a-uuid".to_owned(),
        "%ff".to_owned(),
        format!("{}?organization=globex", uuid(1)),
    ];
    let documents = texts.map(|id| {
        problem(&server.get(&format!("/v1/entries/{id}")), 404, "not-found")["detail"].clone()
    });
    assert!(
        documents.windows(2).all(|pair| pair[0] == pair[1]),
        "{documents:?}"
    );
    assert_eq!(
        server
            .get(&format!("/v1/entries/{}?organization=acme", uuid(1)))
            .status,
        200
    );
}

#[test]
fn facets_count_each_field_without_its_own_filter() {
    let server = TestServer::start();
    server.record(
        line(1, json!({}))
            + &line(2, json!({"result": "failure"}))
            + &line(3, json!({"action": "login", "target": {"type": "user"}})),
    );
    let answer = server
        .get("/v1/facets?fields=result,action,project&result=failure")
        .json();
    assert_eq!(answer["total"], 1);
    let values = |field: &str| answer["facets"][field]["values"].clone();
    assert_eq!(
        values("result"),
        json!([{"value": "success", "count": 2}, {"value": "failure", "count": 1}])
    );
    assert_eq!(
        values("action"),
        json!([{"value": "scaleCluster", "count": 1}])
    );
    assert_eq!(values("project"), json!([{"value": null, "count": 1}]));
}

#[test]
fn bars_add_up_to_the_total() {
    let server = TestServer::start();
    let lines: String = (0..48)
        .map(|n| {
            let time = format!("2026-10-{:02}T{:02}:30:00Z", 24 + n / 24, n % 24);
            line(n, json!({"timestamp": time, "result": if n % 5 == 0 { "failure" } else { "success" }}))
        })
        .collect();
    server.record(lines);
    let answer = server
        .get("/v1/histogram?buckets=3&timezone=Europe/Madrid")
        .json();
    assert_eq!(
        (&answer["step"], &answer["timezone"]),
        (&json!("1d"), &json!("Europe/Madrid"))
    );
    let buckets = answer["buckets"].as_array().expect("buckets");
    let starts: Vec<_> = buckets
        .iter()
        .map(|bucket| bucket["start"].as_str().expect("a time"))
        .collect();
    assert_eq!(
        starts,
        [
            "2026-10-23T22:00:00.000000Z",
            "2026-10-24T22:00:00.000000Z",
            "2026-10-25T23:00:00.000000Z"
        ]
    );
    let counts: Vec<_> = buckets
        .iter()
        .map(|b| (b["success"].as_u64(), b["failure"].as_u64()))
        .collect();
    // 22 half hours, then the day of 25 hours, then the last one.
    assert_eq!(
        counts,
        [(Some(17), Some(5)), (Some(20), Some(5)), (Some(1), Some(0))]
    );
    assert_eq!(
        server.get("/v1/histogram?actor=nobody").json()["buckets"],
        json!([])
    );
}

#[test]
fn a_clock_that_is_ahead_is_told_not_refused() {
    let server = TestServer::start();
    let ahead = server.record(line(1, json!({"timestamp": "2026-11-01T12:05:01Z"})));
    assert_eq!(ahead["receipts"][0]["clock_ahead"], true);
    let near = server.record(line(2, json!({"timestamp": "2026-11-01T12:04:59Z"})));
    assert_eq!(near["receipts"][0].get("clock_ahead"), None);
}

#[test]
fn relative_times_are_relative_to_the_servers_clock() {
    let server = TestServer::start();
    server.record(
        line(1, json!({"timestamp": "2026-10-30T12:00:00Z"}))
            + &line(2, json!({"timestamp": "2026-10-20T12:00:00Z"})),
    );
    assert_eq!(
        server.get("/v1/entries?from=7d").json()["entries"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        server.get("/v1/entries?to=7d").json()["entries"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn the_catalogue_names_actions_categories_and_target_types() {
    let answer = TestServer::start().get("/v1/catalogue").json();
    let find = |list: &str, name: &str| {
        answer[list]
            .as_array()
            .expect("a list")
            .iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(find("actions", "createAlertRule")["category"], "alert");
    assert_eq!(
        find("categories", "access_control")["title"],
        "Access Control"
    );
    assert_eq!(
        find("target_types", "config_profile")["title"],
        "Config Profile"
    );
}

#[test]
fn every_described_path_answers_and_is_described_with_its_refusals() {
    let server = TestServer::start();
    let document = server.get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.1");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let called = path.replace("{id}", &uuid(1));
            // A tail does not end; asked wrongly it answers.
            let called = if path == "/v1/tail" {
                "/v1/tail?last_event_id=x".to_owned()
            } else {
                called
            };
            let answer = server.send(&method.to_uppercase(), &called, &[], b"");
            let described = &document["paths"][path][method]["responses"];
            assert!(
                described.get(answer.status.to_string()).is_some(),
                "{method} {path} answered {}",
                answer.status
            );
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("an end");
        assert!(
            document["components"]["schemas"].get(name).is_some(),
            "{name}"
        );
    }
}

#[test]
fn methods_and_paths_that_are_not_offered_are_told_so() {
    let server = TestServer::start();
    problem(&server.get("/v1/nothing"), 404, "not-found");
    let wrong = server.send("DELETE", "/v1/entries", &[], b"");
    problem(&wrong, 405, "method-not-allowed");
    let allowed = wrong.header("allow").expect("Allow").to_owned();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    let options = server.send("OPTIONS", "/v1/entries", &[], b"");
    assert_eq!(
        (options.status, options.header("allow")),
        (204, Some(allowed.as_str()))
    );
    let head = server.send("HEAD", "/v1/entries", &[], b"");
    assert_eq!(
        (head.status, head.header("content-type")),
        (200, Some("application/json"))
    );
}

#[test]
fn the_server_says_how_it_is() {
    let server = TestServer::start();
    server.record(line(1, json!({})));
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    let metrics = server.get("/metrics");
    for wanted in [
        "mar_audit_entries_total{status=\"accepted\"} 1",
        "mar_audit_append_seconds_count 1",
        "mar_audit_log_entries 1",
        "mar_audit_ready 1",
        "route=\"/v1/entries\"",
    ] {
        assert!(
            metrics.text().contains(wanted),
            "{wanted} not in\n{}",
            metrics.text()
        );
    }
}

/// The end of time ended the last bar, and an end was outside: what happened then was counted and not drawn.
#[test]
fn the_last_instant_there_is_has_its_place_in_the_bars() {
    let server = TestServer::start();
    let last = "9999-12-31T23:59:59.999999Z";
    server.record(
        line(1, json!({"timestamp": last}))
            + &line(2, json!({"timestamp": last, "result": "failure"}))
            + &line(3, json!({"timestamp": "2026-10-30T12:00:00Z"})),
    );
    for (filter, drawn) in [
        ("".to_owned(), 3),
        (format!("&from={last}"), 2),
        (format!("&from={last}&q=result:failure"), 1),
        (format!("&to={last}"), 1),
        (format!("&from=2026-10-30&to={last}"), 1),
        (format!("&from={last}&to={last}"), 0),
    ] {
        for zone in ["UTC", "Pacific/Auckland"] {
            let bars = server
                .get(&format!("/v1/histogram?timezone={zone}{filter}"))
                .json();
            let sum: u64 = bars["buckets"]
                .as_array()
                .expect("buckets")
                .iter()
                .flat_map(|bar| [&bar["success"], &bar["failure"]])
                .map(|count| count.as_u64().expect("a count"))
                .sum();
            let total = server.get(&format!("/v1/facets?top=1{filter}")).json()["total"].clone();
            assert_eq!(
                (sum, &total),
                (drawn, &json!(drawn)),
                "{filter} {zone}: {bars}"
            );
        }
    }
}

/// Clients that were made from the document met answers it did not have.
#[test]
fn every_answer_to_a_read_is_described() {
    let server = TestServer::start();
    server.record(line(1, json!({})));
    let document = server.get("/openapi.json").json();
    let described = |path: &str, method: &str, status: u16| {
        let responses = &document["paths"][path][method]["responses"];
        assert!(
            responses.get(status.to_string()).is_some(),
            "{method} {path} answers {status}"
        );
    };
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let called = path.replace("{id}", &uuid(1));
            let host = [("host", "elsewhere.example")];
            let answer = server.send(&method.to_uppercase(), &called, &host, b"");
            assert_eq!(answer.status, 421);
            described(path, method, answer.status);
        }
    }
    let one = format!("/v1/entries/{}", uuid(1));
    let known = server.send("GET", &one, &[("if-none-match", "*")], b"");
    assert_eq!(known.status, 304);
    let wrong = server.get(&format!("{one}?colour=red"));
    assert_eq!(wrong.status, 400);
    for answer in [known, wrong] {
        described("/v1/entries/{id}", "get", answer.status);
    }
    for path in [
        "/v1/entries",
        "/v1/entries/{id}",
        "/v1/facets",
        "/v1/histogram",
    ] {
        described(path, "get", 503);
    }
    let parameters = document["paths"]["/v1/entries"]["get"]["parameters"].to_string();
    assert!(parameters.contains("context.PATH"), "{parameters}");
}
