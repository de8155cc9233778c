//! Exports: everything, exactly, and recognisably whole.

use crate::api::{line, uuid};
use crate::test_server::TestServer;
use serde_json::{Value, json};

const CELLS: &[(&str, &str)] = &[
    ("=1+1", "'=1+1"),
    ("+1", "'+1"),
    ("-1", "'-1"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\tx", "'\tx"),
    ("\rx", "'\rx"),
    ("＝1", "'＝1"),
    ("＋1", "'＋1"),
    ("－1", "'－1"),
    ("＠x", "'＠x"),
    ("a=b", "a=b"),
    (
        "quote \" comma , line\r\nend",
        "quote \" comma , line\r\nend",
    ),
    ("plain", "plain"),
];

#[test]
fn csv_is_read_back_by_another_reader_with_every_formula_made_harmless() {
    let server = TestServer::start();
    for (n, (name, _)) in (0..).zip(CELLS) {
        server.record(line(
            n,
            json!({"actor": {"type": "user", "id": "u", "name": name}, "context": {"note": name}}),
        ));
    }
    for (parameters, guarded) in [("", true), ("&csv_guard=off", false)] {
        let answer = server.get(&format!(
            "/v1/export?format=csv&order=received&direction=asc{parameters}"
        ));
        assert_eq!(
            answer.header("content-type"),
            Some("text/csv; charset=utf-8; header=present")
        );
        let mut reader = csv::Reader::from_reader(answer.body.as_slice());
        let columns = "timestamp,actor,email,actor_type,action,category,target,target_type,target_id,organization,project,request_id,result,ip,error,id,seq,received_at,context";
        assert_eq!(
            reader
                .headers()
                .expect("a header")
                .iter()
                .collect::<Vec<_>>()
                .join(","),
            columns
        );
        let rows: Vec<csv::StringRecord> =
            reader.records().collect::<Result<_, _>>().expect("rows");
        assert_eq!(rows.len(), CELLS.len());
        for ((name, shown), row) in CELLS.iter().zip(&rows) {
            assert_eq!(&row[1], if guarded { *shown } else { *name });
            assert_eq!(row[18], json!({"note": name}).to_string());
        }
        assert!(
            answer.text().ends_with("\r\n")
                && !answer
                    .text()
                    .replace("line\r\nend", "")
                    .replace("\r\n", "")
                    .contains('\n')
        );
    }
}

#[test]
fn a_row_holds_every_column_of_its_entry() {
    let server = TestServer::start();
    server.record(line(
        7,
        json!({
            "timestamp": "2026-10-05T09:31:22.104512Z",
            "scope": {"organization": "acme", "project": "payments"},
            "request": {"id": "req_77c", "ip": "203.0.113.9"},
            "result": "failure",
            "error": {"code": "403", "message": "missing clusters:update"},
            "context": {"ticket": "OPS-88"},
        }),
    ));
    let answer = server.get("/v1/export");
    let row = answer.text().lines().nth(1).expect("a row");
    let expected = format!(
        "2026-10-05T09:31:22.104512Z,Ana Ruiz,ana@acme.example,user,scaleCluster,cluster,pay-eu,cluster,clu_9,acme,payments,\
         req_77c,failure,203.0.113.9,403: missing clusters:update,{},0,2026-11-01T12:00:00.000000Z,\"{{\"\"ticket\"\":\"\"OPS-88\"\"}}\"",
        uuid(7)
    );
    assert_eq!(row, expected);
}

/// A sender that leaves names empty gave files and pages that did not say who, nor what.
#[test]
fn an_empty_name_does_not_hide_the_id() {
    let server = TestServer::start();
    let named =
        |name| json!({"type": "user", "name": name, "id": "u7", "email": "u7@acme.example"});
    server.record(
        line(
            1,
            json!({"actor": named(""), "target": {"type": "cluster", "name": "", "id": "clu_7"}}),
        ) + &line(
            2,
            json!({"actor": {"type": "user", "name": "", "id": "", "email": "u8@acme.example"}}),
        ),
    );
    let answer = server.get("/v1/export?order=received&direction=asc");
    let mut reader = csv::Reader::from_reader(answer.body.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
    assert_eq!((&rows[0][1], &rows[0][6]), ("u7", "clu_7"));
    assert_eq!(&rows[1][1], "u8@acme.example");
    let page = server.get("/");
    for shown in [">u7<", ">clu_7<", ">u8@acme.example<"] {
        assert!(page.text().contains(shown), "{shown}");
    }
    let details = server.get(&format!("/entries/{}", uuid(1)));
    for shown in ["<b><bdi>u7</bdi></b>", "<b><bdi>clu_7</bdi></b>"] {
        assert!(details.text().contains(shown), "{shown}");
    }
}

/// 2,500 entries, 834 of them failures.
fn of_2500() -> TestServer {
    let server = TestServer::start();
    let lines: String = (0..2_500)
        .map(|n| {
            line(
                n,
                json!({"result": if n % 3 == 0 { "failure" } else { "success" }}),
            )
        })
        .collect();
    server.record(lines);
    server
}

#[test]
fn csv_says_that_it_is_whole_in_its_trailer() {
    let server = of_2500();
    let te = [("te", "trailers")];
    let csv = server.send("GET", "/v1/export?format=csv&result=failure", &te, b"");
    assert_eq!(
        csv::Reader::from_reader(csv.body.as_slice())
            .records()
            .count(),
        834
    );
    assert_eq!(
        (
            csv.trailer("x-audit-complete"),
            csv.trailer("x-audit-entries")
        ),
        (Some("true"), Some("834"))
    );
    assert_eq!(
        csv.header("content-disposition"),
        Some("attachment; filename=\"audit-logs-all-20261101T120000Z.csv\"")
    );
}

#[test]
fn ndjson_and_json_say_that_they_are_whole_in_their_last_words() {
    let server = of_2500();
    let ndjson = server.get("/v1/export?format=ndjson&result=failure&organization=default");
    assert_eq!(
        ndjson.header("content-disposition"),
        Some("attachment; filename=\"audit-logs-default-20261101T120000Z.ndjson\"")
    );
    let mut lines: Vec<Value> = ndjson
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(
        lines.pop(),
        Some(json!({"complete": true, "entries": 834, "as_of": 2_499}))
    );
    assert!(
        lines.len() == 834
            && lines
                .iter()
                .all(|entry| entry["result"] == "failure" && entry.get("complete").is_none())
    );

    let json = server.get("/v1/export?format=json&result=failure");
    let whole = json.json();
    assert_eq!(
        (
            &whole["complete"],
            &whole["count"],
            whole["entries"].as_array()
        ),
        (&json!(true), &json!(834), Some(&lines))
    );
    let cut = &json.body[..json.body.len() - 3];
    assert!(
        serde_json::from_slice::<Value>(cut).is_err(),
        "a cut file does not parse"
    );

    let empty = server.get("/v1/export?format=json&actor=nobody").json();
    assert_eq!(
        (&empty["entries"], &empty["count"]),
        (&json!([]), &json!(0))
    );
}

#[test]
fn a_reader_that_leaves_frees_its_place() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.exports_max = 1;
    settings.limits.write_wait = std::time::Duration::from_millis(300);
    let server = TestServer::with(settings);
    let note = "x".repeat(2_000);
    for batch in 0..8 {
        let lines: String = (0..1_000)
            .map(|n| line(batch * 1_000 + n, json!({"context": {"note": note}})))
            .collect();
        server.record(lines);
    }
    let head = format!(
        "GET /v1/export?format=json HTTP/1.1\r\nhost: {}\r\n\r\n",
        server.address
    );
    // This one asks and never reads; 16 MB do not fit into the sockets' buffers.
    let mut silent = server.connect();
    silent.send(head.as_bytes());
    assert!(silent.line().expect("a status").contains("200"));
    assert_eq!(server.get("/v1/export?format=json").status, 503);
    // The next one waits for the place by asking again, as a 503 with Retry-After says.
    let whole = std::iter::repeat_with(|| server.get("/v1/export?format=json"))
        .find(|answer| answer.status == 200);
    assert_eq!(whole.expect("the place is freed").json()["count"], 8_000);
    assert!(
        silent.try_answer_to("GET").is_err(),
        "a cut export ends in an error"
    );
}

/// `HEAD` ran a whole export into nothing and counted it as cut.
#[test]
fn asking_for_the_head_of_an_export_exports_nothing() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.exports_max = 0;
    let server = TestServer::with(settings);
    server.record(line(1, json!({})));
    let path = "/v1/export?format=ndjson&organization=default";
    let head = server.send("HEAD", path, &[], b"");
    assert_eq!(
        head.status, 200,
        "no place is needed to say what would come"
    );
    assert_eq!(head.header("content-length"), None);
    assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(
        head.header("content-disposition"),
        Some("attachment; filename=\"audit-logs-default-20261101T120000Z.ndjson\"")
    );
    assert_eq!(server.get(path).status, 503, "an export does need one");
    assert_eq!(
        server.send("HEAD", "/v1/export?limit=5", &[], b"").status,
        400
    );
    let metrics = server.get("/metrics");
    for count in ["exports_cut_total 0", "exported_entries_total 0"] {
        assert!(
            metrics.text().contains(&format!("mar_audit_{count}\n")),
            "{count}"
        );
    }
}
