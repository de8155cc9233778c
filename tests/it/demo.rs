//! The demo goes through the public door, again and again.

use crate::test_server::TestServer;
use entry::Timestamp;
use mar_audit::demo;
use std::time::Duration;

/// Starts the demo and ends it before anything happens live; the entries there are.
fn told(server: &TestServer) -> u64 {
    let demo = demo::start(&server.app).expect("the demo starts");
    drop(demo);
    server.app.store.snapshot().size(None)
}

#[test]
fn a_second_start_finds_its_entries_and_fills_in_what_it_missed() {
    let server = TestServer::start();
    let first = told(&server);
    assert!(first > 5_000, "{first} entries");
    let server = server.restart();
    assert_eq!(told(&server), first);
    server.clock.advance(Duration::from_secs(86_400));
    let later = told(&server);
    assert!(
        (first + 50..first + 1_000).contains(&later),
        "{first}, a day later {later}"
    );
}

#[test]
fn the_story_can_be_found_out() {
    let server = TestServer::start();
    told(&server);
    let found = |query: &str| {
        let now: Timestamp = server.clock.now();
        let filter = entry::query::parse(query, now).expect(query);
        server.app.store.snapshot().count(&filter).expect("counts")
    };
    assert_eq!(found("context.incident:INC-2041"), 16);
    assert_eq!(
        found("action:scaleCluster target:pay-us context.incident:INC-2041"),
        2
    );
    assert_eq!(found("ip:2001:db8:bad::/48 -result:success"), 6);
    assert_eq!(found("request_id:req_inc_restart"), 3);
    assert_eq!(found("target:\"legacy-reports\" action:deleteCluster"), 2);
    assert_eq!(found("search:\"kim.olsen\""), 4);
}
