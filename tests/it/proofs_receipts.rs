//! `POST /v1/entries?wait=published`: receipts that carry their proofs, and what they say when they cannot.

use crate::api::{line, uuid};
use crate::proofs::{lines, policy, prove, publish, tick};
use crate::test_server::{Answer, HOST, TestServer, wait_until};
use entry::Organization;
use proof::checkpoint::SignedCheckpoint;
use proof::log_proof::LogProof;
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = "/v1/entries?wait=published";

fn post(server: &TestServer, body: &str) -> Answer {
    server.send(
        "POST",
        PATH,
        &[("content-type", "application/x-ndjson")],
        body.as_bytes(),
    )
}

fn receipts(answer: &Value) -> &Vec<Value> {
    answer["receipts"].as_array().expect("receipts")
}

/// Checks the proof of a receipt against the key of its log, and that it is under the checkpoint of the answer.
fn verify(server: &TestServer, log: &str, answer: &Value, receipt: &Value) {
    let text = receipt["proof"]
        .as_str()
        .unwrap_or_else(|| panic!("no proof in {receipt}"));
    let proof = LogProof::parse(text.as_bytes()).expect("one spelling");
    let policy = policy(server, log);
    let proven = proof.verify(&policy).expect("it verifies");
    assert_eq!(proven.disclosure.id().to_string(), receipt["id"]);
    assert_eq!(proven.seq.0, receipt["seq"].as_u64().expect("a seq"));
    assert_eq!(proof.checkpoint.to_string(), answer["checkpoints"][log]);
}

#[test]
fn receipts_carry_proofs_that_verify_with_nothing_but_the_key() {
    let server = TestServer::start();
    publish(&server, "acme", 0..300);
    tick(&server);
    // Accepted and duplicates of two logs, a conflict, an item that is none.
    let mut body = lines("acme", 290..310) + &lines("globex", 0..3);
    body += "{\"actor\":{}}\n";
    body += &line(
        1,
        json!({"scope": {"organization": "acme"}, "action": "other"}),
    );
    body += &lines("acme", 5..6);
    let answer = post(&server, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(
        (
            &answer["accepted"],
            &answer["duplicates"],
            &answer["rejected"]
        ),
        (&json!(13), &json!(11), &json!(2))
    );
    assert_eq!(answer.get("unpublished"), None, "{answer}");
    let receipts = receipts(&answer);
    for (n, receipt) in receipts.iter().enumerate() {
        let log = if (20..23).contains(&n) {
            "globex"
        } else {
            "acme"
        };
        match receipt["status"].as_str() {
            Some("rejected") => assert_eq!(receipt.get("proof"), None),
            _ => verify(&server, log, &answer, receipt),
        }
    }
    for log in ["acme", "globex"] {
        let note = answer["checkpoints"][log].as_str().expect("a note");
        let signed = SignedCheckpoint::parse(note.as_bytes()).expect("one spelling");
        policy(&server, log)
            .accept(&signed)
            .expect("signed by the log");
        assert_eq!(
            signed.checkpoint().origin(),
            format!("{HOST}/v1/logs/{log}")
        );
    }
    assert_eq!(answer["checkpoints"].as_object().expect("members").len(), 2);
    // The same text as the entry's own address gives.
    let own = prove(&server, "acme", 309, &policy(&server, "acme"));
    assert_eq!(own.to_string(), receipts[19]["proof"]);
}

#[test]
fn the_answer_waits_for_the_checkpoint_and_without_being_asked_it_does_not() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.checkpoint_wait = Duration::from_secs(30);
    let server = TestServer::with(settings);
    publish(&server, "acme", 0..1);
    // The log's clock stands still: these are stored, and not covered.
    for path in ["/v1/entries", "/v1/entries?wait=stored"] {
        let answer = server.post(path, lines("acme", 1..2)).json();
        assert_eq!(
            (
                answer.get("checkpoints"),
                answer["receipts"][0].get("proof")
            ),
            (None, None)
        );
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| post(&server, &lines("acme", 1..4)).json());
        // A second that passes sooner would be over with a checkpoint of what is there already.
        let log = [Organization::parse("acme").expect("a slug")];
        wait_until("all are stored", || {
            server.app.store.snapshot().size(Some(&log)) == 4
        });
        tick(&server);
        let answer = waiting.join().expect("it waited");
        receipts(&answer)
            .iter()
            .for_each(|receipt| verify(&server, "acme", &answer, receipt));
    });
}

#[test]
fn receipts_are_never_lost_where_proofs_cannot_be_had() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.checkpoint_wait = Duration::from_millis(100);
    let server = TestServer::with(settings);
    publish(&server, "acme", 0..3);
    // The log's clock stands still: what is new cannot be covered, what is known is.
    let answer = post(&server, &lines("acme", 2..4));
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"]),
        (&json!(1), &json!(1))
    );
    verify(&server, "acme", &answer, &receipts(&answer)[0]);
    assert_eq!(receipts(&answer)[1].get("proof"), None);
    let said = answer["unpublished"].as_str().expect("a sentence");
    assert!(
        said.starts_with("1 entries are stored") && said.contains("acme"),
        "{said}"
    );
    // What it says to do helps: the same again, once a checkpoint is there.
    tick(&server);
    let again = post(&server, &lines("acme", 2..5)).json();
    assert_eq!(again.get("unpublished"), None, "{again}");
    receipts(&again)
        .iter()
        .for_each(|receipt| verify(&server, "acme", &again, receipt));
}

#[test]
fn an_answer_that_finds_no_memory_has_its_receipts_and_few_proofs() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.answers_in_flight_max = 1024 * 1024;
    let server = TestServer::with(settings);
    tick(&server);
    // All but a little is taken by answers that nobody reads.
    let kib = server.app.answers_in_flight.available_permits();
    let taken = server
        .app
        .answers_in_flight
        .try_acquire_many(kib as u32 - 300)
        .expect("free");
    let some = post(&server, &lines("acme", 0..200)).json();
    assert_eq!(some["accepted"], 200);
    let proven = receipts(&some)
        .iter()
        .filter(|receipt| receipt.get("proof").is_some())
        .count();
    assert!(proven > 0 && proven < 200, "{proven}");
    let said = some["unpublished"].as_str().expect("a sentence");
    assert!(
        said.starts_with(&format!("{} entries", 200 - proven)),
        "{said}"
    );
    // The client has all of the answer before the server lets go of it.
    wait_until("it is given back once it was read", || {
        server.app.answers_in_flight.available_permits() == 300
    });
    let more = server
        .app
        .answers_in_flight
        .try_acquire_many(300)
        .expect("free");
    tick(&server);
    let none = post(&server, &lines("acme", 200..500)).json();
    assert_eq!(
        (&none["accepted"], none.get("checkpoints")),
        (&json!(300), Some(&json!({})))
    );
    assert!(
        none["unpublished"]
            .as_str()
            .expect("a sentence")
            .starts_with("300 entries")
    );
    drop((taken, more));
    // One answer alone always passes, whatever its size.
    let all = post(&server, &lines("acme", 0..500)).json();
    assert_eq!(
        (&all["duplicates"], all.get("unpublished")),
        (&json!(500), None)
    );
    receipts(&all)
        .iter()
        .step_by(50)
        .for_each(|receipt| verify(&server, "acme", &all, receipt));
}

#[test]
fn where_every_item_is_refused_there_is_nothing_to_wait_for() {
    let server = TestServer::start();
    let answer = post(&server, "{\"actor\":{}}\n{}\n");
    assert_eq!(answer.status, 422);
    let answer = answer.json();
    assert_eq!(answer["type"], "urn:mar-audit:problem:invalid-entry");
    assert_eq!(
        (
            &answer["rejected"],
            &answer["checkpoints"],
            answer.get("unpublished")
        ),
        (&json!(2), &json!({}), None)
    );
    let wrong = server.post("/v1/entries?wait=publshed", lines("acme", 0..1));
    let wrong = crate::api::problem(&wrong, 400, "bad-parameter");
    assert_eq!(wrong["errors"][0]["suggestion"], "published", "{wrong}");
    assert_eq!(
        server.get(&format!("/v1/entries/{}", uuid(0))).status,
        404,
        "a refused call stores nothing"
    );
}
