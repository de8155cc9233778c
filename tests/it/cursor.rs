//! Walks: neither gap nor repeat while writers go on; nobody's cursor but ours.

use crate::api::{line, problem};
use crate::test_server::TestServer;
use serde_json::{Value, json};
use std::time::Duration;

/// Follows `next_cursor` to the end, running `between` before each further page.
fn walk(server: &TestServer, parameters: &str, mut between: impl FnMut(usize)) -> Vec<Value> {
    let mut path = format!("/v1/entries?{parameters}");
    let mut entries = Vec::new();
    for page in 0.. {
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let listing = answer.json();
        entries.extend(
            listing["entries"]
                .as_array()
                .expect("entries")
                .iter()
                .cloned(),
        );
        let Some(cursor) = listing["next_cursor"].as_str() else {
            assert_eq!(answer.header("link"), None);
            return entries;
        };
        let link = answer
            .header("link")
            .expect("a link to the next page")
            .to_owned();
        path = format!("/v1/entries?{parameters}&cursor={cursor}");
        let linked = link
            .strip_prefix('<')
            .and_then(|l| l.strip_suffix(">; rel=\"next\""))
            .expect("a link");
        assert_eq!(
            server.get(linked).json(),
            server.get(&path).json(),
            "the link and the cursor lead to the same page"
        );
        between(page);
    }
    unreachable!("pages end")
}

fn ids(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id"))
        .collect()
}

/// 60 entries over three logs, timestamps out of order and some equal.
fn fill(server: &TestServer) {
    for n in 0..60 {
        let minute = (n * 37) % 20;
        let organization = ["acme", "globex", "initech"][n as usize % 3];
        let scope = json!({ "organization": organization });
        server.record(line(
            n,
            json!({"timestamp": format!("2026-10-05T10:{minute:02}:00Z"), "scope": scope}),
        ));
        server.clock.advance(Duration::from_millis(7));
    }
}

#[test]
fn a_walk_sees_one_state_without_gap_or_repeat_while_writers_go_on() {
    let server = TestServer::start();
    fill(&server);
    let mut next_id = 1_000;
    for order in [
        "order=time&direction=desc",
        "order=time&direction=asc",
        "order=received&direction=desc",
        "order=received&direction=asc",
    ] {
        let whole = server
            .get(&format!("/v1/entries?limit=1000&{order}"))
            .json();
        let whole = whole["entries"].as_array().expect("entries").clone();
        let walked = walk(&server, &format!("limit=7&{order}"), |_| {
            // Newest, oldest and in between, by the caller's clock.
            for minute in [0, 9, 59] {
                server.record(line(
                    next_id,
                    json!({"timestamp": format!("2026-10-05T10:{minute:02}:00Z")}),
                ));
                next_id += 1;
            }
        });
        assert_eq!(ids(&walked), ids(&whole), "{order}");
    }
}

#[test]
fn the_order_is_by_timestamp_then_by_receipt() {
    let server = TestServer::start();
    fill(&server);
    let key = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().expect("a time").to_owned();
        (text("timestamp"), text("received_at"))
    };
    let ascending = walk(&server, "limit=9&direction=asc", |_| {});
    assert_eq!(ascending.len(), 60);
    assert!(
        ascending
            .windows(2)
            .all(|pair| key(&pair[0]) < key(&pair[1]))
    );
    let mut descending = walk(&server, "limit=11", |_| {});
    descending.reverse();
    assert_eq!(ids(&descending), ids(&ascending));
}

#[test]
fn a_cursor_outlives_a_restart() {
    let server = TestServer::start();
    fill(&server);
    let parameters = "limit=40&organization=acme,globex,initech&from=90d";
    let whole = server.get("/v1/entries?limit=1000&from=90d").json();
    let first = server.get(&format!("/v1/entries?{parameters}")).json();
    let cursor = first["next_cursor"].as_str().expect("a cursor").to_owned();
    let server = server.restart();
    server.clock.advance(Duration::from_secs(3_600));
    let second = server
        .get(&format!("/v1/entries?{parameters}&cursor={cursor}"))
        .json();
    let both: Vec<Value> = [&first, &second]
        .iter()
        .flat_map(|page| page["entries"].as_array().expect("entries").clone())
        .collect();
    assert_eq!(
        ids(&both),
        ids(whole["entries"].as_array().expect("entries"))
    );
    assert_eq!(
        (&second["as_of"], &second["next_cursor"]),
        (&first["as_of"], &Value::Null)
    );
}

#[test]
fn a_cursor_that_was_not_given_out_for_this_query_is_refused() {
    let server = TestServer::start();
    fill(&server);
    let first = server.get("/v1/entries?limit=5&organization=acme").json();
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let flipped = if cursor.starts_with('B') {
        cursor.replacen('B', "C", 1)
    } else {
        format!("B{}", &cursor[1..])
    };
    let foreign = TestServer::start();
    fill(&foreign);
    let elsewhere = foreign.get("/v1/entries?limit=5&organization=acme").json();
    let forged = [
        format!("organization=globex&cursor={cursor}"),
        format!("cursor={cursor}"),
        format!("organization=acme&order=received&cursor={cursor}"),
        format!("organization=acme&direction=asc&cursor={cursor}"),
        format!("organization=acme&search=x&cursor={cursor}"),
        format!("organization=acme&cursor={flipped}"),
        format!("organization=acme&cursor={}", &cursor[..cursor.len() - 1]),
        format!("organization=acme&cursor={cursor}A"),
        "organization=acme&cursor=%00%F0%9F%A6%80".to_owned(),
        format!("organization=acme&cursor={}", "A".repeat(20_000)),
        format!(
            "organization=acme&cursor={}",
            elsewhere["next_cursor"].as_str().expect("a cursor")
        ),
    ];
    for parameters in forged {
        let document = problem(
            &server.get(&format!("/v1/entries?{parameters}")),
            400,
            "bad-cursor",
        );
        assert_eq!(document["errors"][0]["parameter"], "cursor");
    }
    assert_eq!(
        server
            .get(&format!(
                "/v1/entries?organization=acme&limit=9&cursor={cursor}"
            ))
            .status,
        200,
        "the page size is free"
    );
}

#[test]
fn a_page_of_huge_entries_ends_early_and_the_walk_has_them_all() {
    let server = TestServer::start();
    let text = "x".repeat(2 << 20);
    for n in 0..12 {
        server.record(line(n, json!({"context": {"text": text}})));
    }
    let first = server.get("/v1/entries?limit=1000").json();
    let count = first["entries"].as_array().expect("entries").len();
    assert!((1..12).contains(&count), "{count}");
    assert_eq!(walk(&server, "limit=1000", |_| {}).len(), 12);
}
