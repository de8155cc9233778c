//! The verifiable log through its routes: checkpoints, tiles and bundles as strangers read them, and the proof of each entry.

use crate::api::{line, problem, uuid};
use crate::test_server::{Answer, HOST, TestServer};
use entry::{Organization, Seq};
use mar_audit::api::proof::covering;
use proof::checkpoint::SignedCheckpoint;
use proof::disclosure::{Content, Disclosure};
use proof::key::VerifierKey;
use proof::log_proof::LogProof;
use proof::policy::Policy;
use proof::tile::{Bundle, Tile, Tiles};
use proof::tree::Plan;
use proof::{Hash, Tree};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Lets a second pass on the log's clock: the next commit, or else the store by itself, signs a checkpoint.
pub fn tick(server: &TestServer) {
    server.clock.advance(Duration::from_secs(1));
}

/// Entries `ids` of a log, one a line.
pub fn lines(log: &str, ids: std::ops::Range<u32>) -> String {
    ids.map(|id| line(id, json!({"scope": {"organization": log}})))
        .collect()
}

/// Records entries that are covered at once by a checkpoint; as long as the clock stands still then, none follows.
pub fn publish(server: &TestServer, log: &str, ids: std::ops::Range<u32>) -> SignedCheckpoint {
    tick(server);
    server.record(lines(log, ids));
    wait(server, log)
}

/// Lets time pass, and waits for the checkpoint of everything in the log.
pub fn covered(server: &TestServer, log: &str) -> SignedCheckpoint {
    tick(server);
    wait(server, log)
}

fn wait(server: &TestServer, log: &str) -> SignedCheckpoint {
    let organization = Organization::parse(log).expect("a slug");
    let only = std::slice::from_ref(&organization);
    let size = server.app.store.snapshot().size(Some(only));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let found = runtime.expect("a runtime").block_on(async {
        let until = tokio::time::Instant::now() + Duration::from_secs(20);
        covering(&server.app, &organization, Seq(size - 1), until).await
    });
    let found = found.expect("signed within a second of the log's clock");
    found.checkpoint.clone()
}

/// A log's key as the server tells it.
pub fn vkey(server: &TestServer, log: &str) -> VerifierKey {
    let logs = server.get("/v1/logs").json();
    let found = logs["logs"]
        .as_array()
        .expect("logs")
        .iter()
        .find(|one| one["organization"] == log);
    let vkey = found.unwrap_or_else(|| panic!("no {log} in {logs}"))["vkey"].as_str();
    VerifierKey::parse(vkey.expect("text")).expect("a vkey")
}

pub fn policy(server: &TestServer, log: &str) -> Policy {
    Policy::of_log(vkey(server, log)).expect("a log's key")
}

/// The newest checkpoint over HTTP, its signature checked.
fn checkpoint(server: &TestServer, log: &str) -> Tree {
    let answer = server.get(&format!("/v1/logs/{log}/checkpoint"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let signed = SignedCheckpoint::parse(&answer.body).expect("one spelling");
    policy(server, log)
        .accept(&signed)
        .expect("signed by the log");
    assert_eq!(signed.to_string().as_bytes(), answer.body);
    signed.checkpoint().tree()
}

fn fetch(server: &TestServer, log: &str, path: &dyn std::fmt::Display) -> Vec<u8> {
    let answer = server.get(&format!("/v1/logs/{log}/{path}"));
    assert_eq!(
        answer.status,
        200,
        "{path}: {}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.body
}

/// Everything a copy of the log has, fetched and checked against a tree: each tile, and each leaf.
fn copy(server: &TestServer, log: &str, tree: Tree) -> Vec<Vec<u8>> {
    let mut tiles = Tiles::of(tree);
    let mut level_0 = Vec::new();
    for tile in Tile::all(tree.size) {
        let bytes = fetch(server, log, &tile);
        tiles
            .insert(tile, &bytes)
            .expect("as wide as the tree has it");
        if tile.level() == 0 {
            level_0.extend(tile.hashes(&bytes).expect("hashes"));
        }
    }
    tiles
        .authenticate()
        .expect("every hash belongs to the tree");
    let mut leaves = Vec::new();
    for bundle in Bundle::all(tree.size) {
        let bytes = fetch(server, log, &bundle);
        leaves.extend(
            bundle
                .leaves(&bytes)
                .expect("leaves")
                .into_iter()
                .map(<[u8]>::to_vec),
        );
    }
    let hashes: Vec<Hash> = leaves.iter().map(|leaf| Hash::leaf(leaf)).collect();
    assert_eq!(hashes, level_0);
    assert_eq!(leaves.len() as u64, tree.size.get());
    leaves
}

/// The proof of an entry over HTTP, checked with nothing but the key; its text comes back.
pub fn prove(server: &TestServer, log: &str, id: u32, policy: &Policy) -> LogProof {
    let answer = server.get(&format!(
        "/v1/entries/{}/proof?organization={log}",
        uuid(id)
    ));
    assert_eq!(answer.status, 200, "{id}: {}", answer.text());
    let proof = LogProof::parse(&answer.body).expect("one spelling");
    let proven = proof.verify(policy).expect("it verifies");
    assert_eq!(proven.disclosure.id().to_string(), uuid(id));
    assert_eq!(proof.to_string().as_bytes(), answer.body);
    proof
}

#[test]
fn the_files_of_a_log_are_served_as_c2sp_says() {
    let server = TestServer::start();
    publish(&server, "acme", 0..300);
    let log = server.get("/v1/logs").json()["logs"][0].clone();
    assert_eq!(log["organization"], "acme");
    assert_eq!(log["origin"], format!("{HOST}/v1/logs/acme"));
    assert_eq!(
        (&log["size"], &log["checkpoint"]["size"]),
        (&json!(300), &json!(300))
    );
    assert_eq!(log["vkeys"], json!([log["vkey"]]));

    let path = "/v1/logs/acme/checkpoint";
    let note = server.get(path);
    assert_eq!(
        note.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(note.header("cache-control"), Some("no-cache"));
    let root = log["checkpoint"]["root"].as_str().expect("text");
    assert_eq!(note.text().lines().nth(2), Some(root));
    let tag = note.header("etag").expect("a tag").to_owned();
    let again = server.send("GET", path, &[("if-none-match", &tag)], b"");
    assert_eq!((again.status, again.header("etag")), (304, Some(&*tag)));
    let head = server.send("HEAD", path, &[], b"");
    assert_eq!(head.status, 200);
    assert_eq!(
        head.header("content-length"),
        Some(&*note.body.len().to_string())
    );

    for file in [
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ] {
        let path = format!("/v1/logs/acme/{file}");
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream")
        );
        let keep = answer.header("cache-control");
        assert_eq!(keep, Some("public, max-age=31536000, immutable"));
        // No other site's pages are to read this.
        assert_eq!(answer.header("access-control-allow-origin"), None);
        let head = server.send("HEAD", &path, &[], b"");
        assert_eq!((head.status, &head.body[..]), (200, &[][..]));
        assert_eq!(
            head.header("content-length"),
            Some(&*answer.body.len().to_string())
        );
        problem(&server.post(&path, "{}"), 405, "method-not-allowed");
    }
    // Leaves get smaller by half, for whoever takes them so.
    let leaves = "/v1/logs/acme/tile/entries/000";
    let plain = server.get(leaves).body;
    let packed = server.send("GET", leaves, &[("accept-encoding", "gzip, br")], b"");
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.header("vary"), Some("accept-encoding"));
    let mut unpacked = Vec::new();
    let read = flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked);
    assert_eq!((read.expect("gzip"), unpacked), (256 * 130, plain));
    publish(&server, "acme", 300..301);
    let newer = server.send("GET", path, &[("if-none-match", &tag)], b"");
    assert_eq!(newer.status, 200, "a tag of an older checkpoint");
}

/// Each is another spelling of a file that is there, or of none.
const NO_FILES: &str = "
    tile tile/ tile/0 tile/0/ tile/0/0 tile/0/00 tile/0/0000 tile/0/002 tile/0/001 tile/0/001.p/0 tile/0/001.p/2
    tile/0/001.p/01 tile/0/001.p/256 tile/0/001.p/-1 tile/0/001.p/+1 tile/0/001.p/ tile/0/001.p tile/0/000.p/256
    tile/00/000 tile/-1/000 tile/64/000 tile/1/000 tile/1/000.p/2 tile/2/000.p/1 tile/8/000.p/1 tile/63/000.p/1
    tile/0/x000/000 tile/0/x000/x000 tile/0/x001/000 tile/0/000/ tile/0//000 tile//0/000 tile/0/%30%30%30 tile/%30/000
    tile/0/000%00 tile/0/000%2ep/1 tile/0/001%2Ep%2F1 tile/0/000;a tile/0/../0/000 tile/./0/000
    tile/0/x999/x999/x999/x999/x999/x999/999 tile/0/x018/x446/x744/x073/x709/x551/615
    tile/0/x009/x223/x372/x036/x854/x775/807.p/255 tile/entries tile/entries/ tile/entries/0 tile/entries/001
    tile/entries/002 tile/entries/001.p/2 tile/entries/x000/000 tile/entries/000/000 tile/entries/0/000 tile/Entries/000
    TILE/0/000 checkpoint/ checkpoint/a Checkpoint checkpoint%20 entries/000
";

/// Names of no log here.
const NO_LOGS: &str = "nobody ACME %61cme acme~2 acme~ ~ acme%2f .. acme/acme a%20b default";

#[test]
fn a_file_has_one_path_and_what_is_not_published_has_none() {
    let server = TestServer::start();
    publish(&server, "acme", 0..257);
    for wrong in NO_FILES.split_whitespace().chain([""]) {
        let answer = server.get(&format!("/v1/logs/acme/{wrong}"));
        problem(&answer, 404, "not-found");
    }
    for log in NO_LOGS.split(' ').chain([""]) {
        for file in ["checkpoint", "tile/0/000", "tile/entries/000"] {
            problem(
                &server.get(&format!("/v1/logs/{log}/{file}")),
                404,
                "not-found",
            );
        }
    }
    for (file, length) in [
        ("tile/0/000", 8192),
        ("tile/0/001.p/1", 32),
        ("tile/1/000.p/1", 32),
        ("tile/0/000.p/255", 8160),
        ("tile/0/000.p/1", 32),
        ("tile/entries/000", 256 * 130),
        ("tile/entries/000.p/7", 7 * 130),
        ("tile/entries/001.p/1", 130),
    ] {
        assert_eq!(fetch(&server, "acme", &file).len(), length, "{file}");
        problem(
            &server.get(&format!("/v1/logs/acme/{file}?a=b")),
            400,
            "bad-parameter",
        );
    }
    problem(
        &server.get("/v1/logs/acme/checkpoint?size=1"),
        400,
        "bad-parameter",
    );

    // Recorded, and not yet under a checkpoint: the log's clock stands still.
    server.record(lines("acme", 257..300));
    for file in ["tile/0/001.p/2", "tile/entries/001.p/2"] {
        problem(
            &server.get(&format!("/v1/logs/acme/{file}")),
            404,
            "not-found",
        );
    }
    covered(&server, "acme");
    assert_eq!(fetch(&server, "acme", &"tile/0/001.p/43").len(), 43 * 32);
}

#[test]
fn a_copy_of_the_log_holds_at_every_edge_of_a_tile_and_each_extends_the_one_before() {
    let server = TestServer::start();
    let mut before: Option<(Tree, Vec<Vec<u8>>)> = None;
    let mut size = 0;
    for next in [1, 2, 3, 255, 256, 257, 511, 512, 513, 700] {
        publish(&server, "acme", size..next);
        size = next;
        let tree = checkpoint(&server, "acme");
        assert_eq!(tree.size.get(), u64::from(size));
        let leaves = copy(&server, "acme", tree);
        if let Some((old, old_leaves)) = &before {
            assert_eq!(leaves[..old_leaves.len()], old_leaves[..]);
            let mut tiles = Tiles::of(tree);
            for tile in Tile::all(tree.size) {
                tiles
                    .insert(tile, &fetch(&server, "acme", &tile))
                    .expect("a tile");
            }
            let tiles = tiles.authenticate().expect("true tiles");
            let plan = Plan::consistency(old.size, tree.size).expect("a larger tree");
            let path = plan
                .read(|node| tiles.hash(node))
                .expect("all tiles are there");
            tree.extends(old, &path).expect("it grew");
            // What was a whole file of the tree before is served as it was.
            let bundle = Bundle::all(old.size).last().expect("not empty");
            assert_eq!(
                bundle
                    .leaves(&fetch(&server, "acme", &bundle))
                    .expect("leaves"),
                old_leaves[old_leaves.len() - usize::from(bundle.width())..]
            );
        }
        before = Some((tree, leaves));
    }
}

#[test]
fn every_entry_is_proven_under_every_size_and_after_a_restart() {
    let mut server = TestServer::start();
    publish(&server, "acme", 0..1);
    let policy = policy(&server, "acme");
    let whole = [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 64, 255, 256, 257, 300];
    for size in 1..=300u32 {
        if size > 1 {
            tick(&server);
            server.record(lines("acme", size - 1..size));
        }
        let some = [0, size - 1, size / 2, size * 7 % 13 % size];
        let ids: Vec<u32> = if whole.contains(&size) {
            (0..size).collect()
        } else {
            some.into()
        };
        for id in ids {
            let proof = prove(&server, "acme", id, &policy);
            assert_eq!(proof.seq.0, u64::from(id));
            assert_eq!(
                proof.checkpoint.checkpoint().tree().size.get(),
                u64::from(size),
                "the newest checkpoint"
            );
        }
        if size == 150 || size == 300 {
            server = server.restart();
        }
    }
    for id in 0..300 {
        prove(&server, "acme", id, &policy);
    }
    copy(&server, "acme", checkpoint(&server, "acme"));
}

#[test]
fn what_lies_in_files_is_proven_as_what_lies_in_memory() {
    // Hardly any memory for what is not sealed: most of it lies in files, of several runs, merged.
    let server = TestServer::start_with_open_bytes(64 * 1024);
    for batch in 0..12 {
        tick(&server);
        server.record(lines("acme", batch * 250..(batch + 1) * 250));
    }
    let tree = covered(&server, "acme").checkpoint().tree();
    assert_eq!(tree.size.get(), 3000);
    let leaves = copy(&server, "acme", tree);
    let policy = policy(&server, "acme");
    let server = server.restart();
    assert_eq!(copy(&server, "acme", checkpoint(&server, "acme")), leaves);
    let files = std::fs::read_dir(server.data().join("logs/acme/segments"))
        .expect("files")
        .count();
    assert!(files > 0, "nothing was sealed");
    for id in (0..3000).step_by(37) {
        let proof = prove(&server, "acme", id, &policy);
        let leaf = proof
            .verify(&policy)
            .expect("it verifies")
            .disclosure
            .leaf()
            .expect("a leaf");
        assert_eq!(leaf.to_bytes()[..], leaves[id as usize]);
    }
}

#[test]
fn a_proof_shows_exactly_what_was_sent() {
    let server = TestServer::start();
    let context = json!({"~k/1": 1.50, "ticket": "OPS-88 \u{1f980} \"quoted\"", "deep": {"a": [1, {"b": null}]}});
    tick(&server);
    server.record(line(
        1,
        json!({"scope": {"organization": "acme"}, "context": context,
        "request": {"id": "req_1", "ip": "203.0.113.9"}, "changes": [{"path": "/a", "after": 5}]}),
    ));
    covered(&server, "acme");
    let proof = prove(&server, "acme", 1, &policy(&server, "acme"));
    let policy = policy(&server, "acme");
    let proven = proof.verify(&policy).expect("it verifies");
    let open: HashMap<&str, Value> = proven
        .disclosure
        .units()
        .iter()
        .map(|unit| match &unit.content {
            Content::Open { value, .. } => (
                unit.path.as_str(),
                serde_json::from_str(value).expect("JSON"),
            ),
            erased => panic!("{erased:?}"),
        })
        .collect();
    assert_eq!(open["/actor/email"], "ana@acme.example");
    assert_eq!(open["/context/ticket"], context["ticket"]);
    assert_eq!(open["/context/~0k~11"], 1.5);
    assert_eq!(open["/request/ip"], "203.0.113.9");
    assert_eq!(open[""]["action"], "scaleCluster");
    assert_eq!(open[""]["request"], json!({"id": "req_1"}));

    let answer = server.get(&format!("/v1/entries/{}/proof", uuid(1)));
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "it holds personal data"
    );
    let name = format!("inline; filename=\"{}.tlog-proof\"", uuid(1));
    assert_eq!(answer.header("content-disposition"), Some(&*name));
}

#[test]
fn a_proof_is_of_the_entry_that_the_same_address_shows() {
    let server = TestServer::start();
    for log in ["globex", "acme"] {
        publish(&server, log, 5..7);
    }
    let shown = |query: &str| {
        server
            .get(&format!("/v1/entries/{}{query}", uuid(5)))
            .json()["scope"]["organization"]
            .clone()
    };
    let origin = |query: &str| {
        let answer = server.get(&format!("/v1/entries/{}/proof{query}", uuid(5)));
        let proof = LogProof::parse(&answer.body).expect("a proof");
        proof.checkpoint.checkpoint().origin().to_owned()
    };
    for query in ["", "?organization=acme", "?organization=globex"] {
        let log = shown(query);
        assert_eq!(
            origin(query),
            format!("{HOST}/v1/logs/{}", log.as_str().expect("text"))
        );
    }
    for missing in [
        format!("/v1/entries/{}/proof?organization=nobody", uuid(5)),
        format!("/v1/entries/{}/proof", uuid(99)),
        "/v1/entries/nonsense/proof".to_owned(),
        "/v1/entries/%ff/proof".to_owned(),
    ] {
        problem(&server.get(&missing), 404, "not-found");
    }
    problem(
        &server.get(&format!("/v1/entries/{}/proof?size=1", uuid(5))),
        400,
        "bad-parameter",
    );
}

#[test]
fn a_proof_waits_for_its_checkpoint_and_says_when_none_came() {
    let mut settings = mar_audit::app::Settings::default();
    settings.limits.checkpoint_wait = Duration::from_millis(200);
    let server = TestServer::with(settings);
    publish(&server, "acme", 0..1);
    // The log's clock stands still: nothing more is signed.
    server.record(lines("acme", 1..2));
    let path = format!("/v1/entries/{}/proof", uuid(1));
    let late = server.get(&path);
    problem(&late, 503, "unpublished");
    assert!(late.header("retry-after").is_some());
    prove(&server, "acme", 0, &policy(&server, "acme"));

    let mut settings = mar_audit::app::Settings::default();
    settings.limits.checkpoint_wait = Duration::from_secs(30);
    let server = TestServer::with(settings);
    publish(&server, "acme", 0..1);
    server.record(lines("acme", 1..2));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| prove(&server, "acme", 1, &policy(&server, "acme")));
        tick(&server);
        let proof = waiting.join().expect("it waited");
        assert_eq!(proof.checkpoint.checkpoint().tree().size.get(), 2);
    });
}

#[test]
fn readers_find_every_state_consistent_while_writers_go_on() {
    let server = TestServer::start();
    publish(&server, "acme", 0..1);
    let policy = policy(&server, "acme");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = [1u32, 2].map(|writer| {
            let server = &server;
            scope.spawn(move || {
                for batch in 0..40 {
                    let first = writer * 100_000 + batch * 50;
                    tick(server);
                    server.record(lines("acme", first..first + 50));
                }
            })
        });
        let reader = scope.spawn(|| {
            let (mut before, mut seen) = (checkpoint(&server, "acme"), 0);
            loop {
                let last = done.load(Ordering::SeqCst);
                let tree = checkpoint(&server, "acme");
                assert!(tree.size >= before.size);
                if tree.size > before.size {
                    let mut tiles = Tiles::of(tree);
                    let plan = Plan::consistency(before.size, tree.size).expect("larger");
                    for tile in Tile::needed(&plan, tree.size) {
                        tiles
                            .insert(tile, &fetch(&server, "acme", &tile))
                            .expect("a tile");
                    }
                    let tiles = tiles.authenticate().expect("true tiles");
                    let path = plan
                        .read(|node| tiles.hash(node))
                        .expect("all tiles are there");
                    tree.extends(&before, &path).expect("it grew");
                    let bundle = Bundle::all(tree.size).last().expect("not empty");
                    bundle
                        .leaves(&fetch(&server, "acme", &bundle))
                        .expect("leaves");
                    seen += 1;
                }
                prove(&server, "acme", 0, &policy);
                before = tree;
                if last {
                    return seen;
                }
            }
        });
        for writer in writers {
            writer.join().expect("every batch was stored");
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().expect("every state held") > 0);
    });
    covered(&server, "acme");
    let tree = checkpoint(&server, "acme");
    assert_eq!(tree.size.get(), 4001);
    copy(&server, "acme", tree);
}

#[test]
fn what_the_tree_and_the_entries_disagree_about_is_damage_and_not_given_out() {
    let server = TestServer::start_with_open_bytes(64 * 1024);
    publish(&server, "acme", 0..3000);
    let server = server.restart();
    let array = server.data().join("logs/acme/hashes/0");
    let bytes = std::fs::read(&array).expect("hashes of sealed entries");
    assert!(bytes.len() > 2000 * 32, "most of it is sealed");
    // In its place: the file may be growing at its end meanwhile.
    let array = std::fs::OpenOptions::new().write(true).open(&array);
    let flipped = [bytes[700 * 32] ^ 1];
    let written = array.and_then(|file| file.write_all_at(&flipped, 700 * 32));
    written.expect("written");
    problem(
        &server.get("/v1/logs/acme/tile/entries/002"),
        500,
        "damaged",
    );
    let red = problem(&server.get("/readyz"), 500, "damaged");
    let said = red["detail"].as_str().expect("text");
    // Whoever came first: the read above, or the comparison of all hashes that every start makes beside its work.
    let found = ["seq 700", "its hashes 512 to 768"];
    assert!(found.iter().any(|place| said.contains(place)), "{red}");
    // The path of its neighbour begins with it.
    let neighbour = format!("/v1/entries/{}/proof", uuid(701));
    problem(&server.get(&neighbour), 500, "damaged");
    let answer: Answer = server.get("/v1/logs/acme/tile/entries/001");
    assert_eq!(answer.status, 200);
    // A bundle of it breaks off; one that does not need it is whole.
    let mut connection = server.connect();
    let ask = format!(
        "GET /v1/export?format=bundle HTTP/1.1\r\nhost: {}\r\n\r\n",
        server.address
    );
    connection.send(ask.as_bytes());
    assert!(connection.try_answer_to("GET").is_err(), "it ended well");
}

#[test]
fn proofs_given_before_an_erasure_and_after_it_are_of_one_leaf() {
    let server = TestServer::start();
    let checkpoint = publish(&server, "acme", 0..300);
    let policy = policy(&server, "acme");
    let before = prove(&server, "acme", 7, &policy);
    let leaves = copy(&server, "acme", checkpoint.checkpoint().tree());
    let path = format!("/v1/entries/{}/redact?organization=acme", uuid(7));
    let why = json!({"paths": ["/actor/email"], "reason": "asked for"});
    let redacted = server.post(&path, why.to_string());
    assert_eq!(redacted.status, 200, "{}", redacted.text());
    let newest = covered(&server, "acme");
    let after = prove(&server, "acme", 7, &policy);
    assert_eq!(after.checkpoint, newest);
    let [before, after] = [&before, &after].map(|proof| {
        let proven = proof.verify(&policy).expect("it verifies");
        assert_eq!(proven.seq.0, 7);
        proven.disclosure
    });
    assert_eq!(before.leaf(), after.leaf());
    let email = |disclosure: &Disclosure| {
        let mut units = disclosure.units().iter();
        let email = units.find(|unit| unit.path == "/actor/email");
        email.expect("told").content.clone()
    };
    assert!(matches!(email(&before), Content::Open { .. }));
    assert!(matches!(email(&after), Content::Erased { .. }));
    let text = server.get(&format!("/v1/entries/{}/proof?organization=acme", uuid(7)));
    let shown = LogProof::parse(&text.body).expect("a proof").extra;
    let shown = String::from_utf8(shown.expect("a disclosure")).expect("text");
    assert!(!shown.contains("ana@acme.example"), "{shown}");
    let tree = newest.checkpoint().tree();
    assert_eq!(copy(&server, "acme", tree)[..300], leaves[..]);
}

#[test]
fn the_measures_say_how_far_checkpoints_have_come() {
    let server = TestServer::start();
    publish(&server, "acme", 0..5);
    let measure = |name: &str| {
        let text = server.get("/metrics").text().to_owned();
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no {name} in {text}"));
        line.split(' ')
            .nth(1)
            .and_then(|value| value.parse::<f64>().ok())
            .expect("a number")
    };
    assert_eq!(measure("mar_audit_checkpoint_size "), 5.0);
    assert_eq!(measure("mar_audit_checkpoint_lag_seconds "), 0.0);
    // The clock stands still until it is read.
    server.record(lines("acme", 5..7));
    assert_eq!(measure("mar_audit_checkpoint_size "), 5.0);
}
