//! A disk that hangs: whoever sends is told within a second or so, and what it holds meanwhile is bounded.

use crate::sources_kubernetes::{event, list, send, tally, total};
use crate::test_server::TestServer;
use mar_audit::app::Settings;
use std::time::{Duration, Instant};

/// A second, and what a busy machine adds to it.
const TOLD_WITHIN: Duration = Duration::from_millis(2_500);

#[test]
fn an_api_server_is_answered_or_refused_while_the_disk_hangs() {
    let mut settings = Settings::default();
    settings.limits.connections_max = 80;
    settings.limits.source_wait = Duration::from_millis(850);
    let server = TestServer::with(settings);
    let body = |n: usize| list(&[event(&format!("e-{n}"), "ResponseComplete", "update")]);
    assert_eq!(tally(&send(&server, &body(0)))["stored"], 1);

    server.disk.stall();
    // More than there are places for calls of sources, and then more than there are connections.
    let refused: Vec<(u16, Duration)> = std::thread::scope(|scope| {
        let one = |n: usize| {
            let (server, body) = (&server, body(n));
            scope.spawn(move || {
                let started = Instant::now();
                let answer = send(server, &body);
                assert!(answer.header("retry-after").is_some(), "{}", answer.text());
                (answer.status, started.elapsed())
            })
        };
        let calls: Vec<_> = (1..=100).map(one).collect();
        calls
            .into_iter()
            .map(|call| call.join().expect("an answer"))
            .collect()
    });
    for (status, took) in &refused {
        assert!(matches!(status, 429 | 503), "{status}");
        assert!(*took < TOLD_WITHIN, "{took:?}");
    }
    let at_once = refused
        .iter()
        .filter(|(_, took)| *took < Duration::from_millis(800));
    assert!(
        at_once.count() > 0,
        "who finds no place does not wait for one"
    );
    assert_eq!(
        server.app.intake.calls.inside(),
        0,
        "nobody holds a place any more"
    );
    // Those who read are not held up.
    assert_eq!(total(&server, ""), 1);
    // A second wave, as senders repeat themselves while nothing moves: still refused, not piled up.
    assert_eq!(send(&server, &body(1)).status, 503);

    server.disk.go_on();
    for n in 0..=100 {
        let answer = send(&server, &body(n));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(
        total(&server, ""),
        101,
        "nothing is lost, nothing is doubled"
    );
}
