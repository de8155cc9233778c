//! Policies: what they say, held against every set of signers, and what is not a policy.

use proof::{Error, key::KeyKind, policy::Policy};

use crate::test_log::{NOW, ORIGIN, TestLog, checkpoint, key, log_key, policy, witness_key};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};

fn signed_by(witnesses: impl IntoIterator<Item = u8>) -> SignedCheckpoint {
    let checkpoint = Checkpoint::new(log_key().verifier().name(), TestLog::of(3).tree(3));
    let mut signed = SignedCheckpoint::sign(checkpoint, &log_key()).expect("its own origin");
    for number in witnesses {
        signed.cosign(&witness_key(number), NOW).expect("room");
    }
    signed
}

fn text(rules: &str) -> String {
    let witnesses: String = (1..=6)
        .map(|n| format!("witness w{n} {}\n", witness_key(n).verifier()))
        .collect();
    format!("log {}\n{witnesses}{rules}", log_key().verifier())
}

#[test]
fn the_quorum_is_what_the_policy_says_for_every_set_of_witnesses() {
    type Rule = fn(&[bool]) -> bool;
    let rules: [(&str, Rule); 6] = [
        ("quorum none\n", |_| true),
        ("quorum w2\n", |w| w[1]),
        ("group g any w1 w2 w3\nquorum g\n", |w| w[0] || w[1] || w[2]),
        ("group g all w1 w2 w3\nquorum g\n", |w| w[0] && w[1] && w[2]),
        ("group g 2 w1 w2 w3\nquorum g\n", |w| {
            w[..3].iter().filter(|s| **s).count() >= 2
        }),
        // The example of the specification.
        (
            "group X 2 w1 w2 w3\ngroup Y any w4 w5 w6\ngroup XY all X Y\nquorum XY\n",
            |w| w[..3].iter().filter(|s| **s).count() >= 2 && (w[3] || w[4] || w[5]),
        ),
    ];
    for set in 0u8..64 {
        let signed: Vec<bool> = (0..6).map(|n| set & 1 << n != 0).collect();
        let checkpoint = signed_by((1..=6).filter(|n| signed[usize::from(*n) - 1]));
        for (rules, holds) in &rules {
            let policy = Policy::parse(text(rules).as_bytes()).expect(rules);
            match policy.accept(&checkpoint) {
                Ok(accepted) => {
                    assert!(holds(&signed), "{rules}{signed:?}");
                    assert_eq!(accepted.log, log_key().verifier());
                    assert_eq!(accepted.witnesses.len(), set.count_ones() as usize);
                    assert!(
                        accepted
                            .witnesses
                            .iter()
                            .all(|signer| signer.time == Some(NOW))
                    );
                }
                Err(Error::PolicyUnmet { .. }) => assert!(!holds(&signed), "{rules}{signed:?}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Once, only the keys of the checkpoint's own origin were looked at: a false signature of another known log was passed over,
/// and a checkpoint whose origin was altered counted as one that merely lacks a signature.
#[test]
fn a_false_signature_of_any_known_key_condemns_the_note() {
    let other = key("other.example", KeyKind::Ed25519, 7);
    let lines = format!("log {}\nquorum none\n", other.verifier());
    let policy = Policy::parse(text(&lines).as_bytes()).expect("two logs");
    let elsewhere = Checkpoint::new(other.verifier().name(), TestLog::of(3).tree(3));
    let elsewhere = SignedCheckpoint::sign(elsewhere, &other).expect("its own origin");
    let mut signed = signed_by([]);
    let line = elsewhere.note().signatures()[0].clone();
    signed.push(line).expect("room");
    assert!(matches!(policy.accept(&signed), Err(Error::Refuted { .. })));

    let note = signed_by([]).to_string();
    let forged = note.replacen("/acme", "/acne", 1);
    let forged = SignedCheckpoint::parse(forged.as_bytes()).expect("reads well");
    assert!(matches!(policy.accept(&forged), Err(Error::Refuted { .. })));
}

#[test]
fn a_policy_of_one_log_accepts_that_log_only() {
    let policy = Policy::of_log(log_key().verifier().clone()).expect("a log's key");
    policy.accept(&signed_by([])).expect("signed by the log");
    for other in [
        key(ORIGIN, KeyKind::Ed25519, 2),
        key("other.example", KeyKind::Ed25519, 1),
    ] {
        let policy = Policy::of_log(other.verifier().clone()).expect("a log's key");
        assert!(matches!(
            policy.accept(&signed_by([])),
            Err(Error::PolicyUnmet { .. })
        ));
    }
    Policy::of_log(witness_key(1).verifier().clone()).expect_err("a witness's key");
}

#[test]
fn a_log_with_two_keys_is_accepted_with_either() {
    let old = key(ORIGIN, KeyKind::Ed25519, 2);
    let text = format!(
        "log {}\nlog {}\nquorum none\n",
        old.verifier(),
        log_key().verifier()
    );
    let policy = Policy::parse(text.as_bytes()).expect("a policy");
    assert_eq!(
        policy.accept(&signed_by([])).expect("the newer").log,
        log_key().verifier()
    );
}

#[test]
fn a_policy_without_logs_accepts_nothing() {
    let policy = Policy::parse(b"quorum none\n").expect("a policy");
    assert!(matches!(
        policy.accept(&signed_by([1, 2])),
        Err(Error::PolicyUnmet { .. })
    ));
}

#[test]
fn a_log_s_signature_is_no_witness_s_and_the_reverse() {
    // One secret under both kinds: the kind is part of the key's id, and of what is signed.
    let twice = key(ORIGIN, KeyKind::Cosignature, 1);
    let text = format!(
        "log {}\nwitness w {}\nquorum w\n",
        log_key().verifier(),
        twice.verifier()
    );
    let policy = Policy::parse(text.as_bytes()).expect("a policy");
    assert!(matches!(
        policy.accept(&signed_by([])),
        Err(Error::PolicyUnmet { .. })
    ));
    let swapped = text
        .replace("log ", "witness v ")
        .replace("witness w ", "log ");
    Policy::parse(swapped.as_bytes()).expect_err("keys of the wrong kinds");
}

#[test]
fn layout_and_comments_do_not_matter() {
    let plain = policy();
    let text = format!(
        "# a comment\n \t\n\t log \t{}  https://audit.example/ \n  # anothér\nwitness w1 {} https://w1.example/\nwitness w2 {}\ngroup both 2 w1 w2\nquorum both\n# after\n",
        log_key().verifier(),
        witness_key(1).verifier(),
        witness_key(2).verifier()
    );
    let read = Policy::parse(text.as_bytes()).expect("a policy");
    assert_eq!(read, plain);
    assert_eq!((read.logs().len(), read.witnesses().len()), (1, 2));
    read.accept(&checkpoint(TestLog::of(3).tree(3)))
        .expect("signed by all");
}

#[test]
fn names_are_any_bytes() {
    let mut file = format!("log {}\nwitness ", log_key().verifier()).into_bytes();
    file.extend_from_slice(b"\xff\x80 ");
    file.extend_from_slice(format!("{}\nquorum ", witness_key(1).verifier()).as_bytes());
    file.extend_from_slice(b"\xff\x80\n");
    Policy::parse(&file)
        .expect("a policy")
        .accept(&signed_by([1]))
        .expect("signed");
}

#[test]
fn what_is_not_a_policy_is_refused() {
    let log = log_key().verifier().to_string();
    let [w1, w2] = [1, 2].map(|n| witness_key(n).verifier().to_string());
    let renamed = key("renamed.example", KeyKind::Cosignature, 101)
        .verifier()
        .to_string();
    #[rustfmt::skip]
    let cases = [
        (String::new(), "empty"),
        ("\n".into(), "no quorum"),
        (format!("log {log}\n"), "no quorum"),
        ("quorum none".into(), "the last line does not end"),
        ("quorum none\nquorum none\n".into(), "two quorums"),
        ("quorum\n".into(), "no name"),
        ("quorum none none\n".into(), "two names"),
        ("quorum w1\n".into(), "an unknown name"),
        (format!("quorum w1\nwitness w1 {w1}\n"), "used before it is defined"),
        (format!("witness none {w1}\nquorum none\n"), "the name none"),
        (format!("witness a {w1}\ngroup none any a\nquorum none\n"), "a group of the name none"),
        (format!("witness a {w1}\ngroup g any none\nquorum g\n"), "none as a member"),
        (format!("witness a {w1}\nwitness a {w2}\nquorum a\n"), "a name twice"),
        (format!("witness a {w1}\nwitness b {w1}\nquorum a\n"), "a key twice"),
        (format!("witness a {w1}\nwitness b {renamed}\nquorum a\n"), "a key twice under two names"),
        (format!("log {log}\nlog {log}\nquorum none\n"), "a log twice"),
        (format!("log {w1}\nquorum none\n"), "a witness's key for a log"),
        (format!("witness a {log}\nquorum none\n"), "a log's key for a witness"),
        ("log x\nquorum none\n".into(), "no vkey"),
        ("log\nquorum none\n".into(), "no vkey at all"),
        (format!("log {log} url more\nquorum none\n"), "too many words"),
        (format!("witness {w1}\nquorum none\n"), "too few words"),
        (format!("witness a {w1}\nwitness b {w2}\ngroup g 0 a b\nquorum g\n"), "threshold 0"),
        (format!("witness a {w1}\nwitness b {w2}\ngroup g 3 a b\nquorum g\n"), "threshold above the members"),
        (format!("witness a {w1}\nwitness b {w2}\ngroup g 01 a b\nquorum g\n"), "a leading zero"),
        (format!("witness a {w1}\nwitness b {w2}\ngroup g -1 a b\nquorum g\n"), "a sign"),
        (format!("witness a {w1}\nwitness b {w2}\ngroup g most a b\nquorum g\n"), "an unknown threshold"),
        (format!("witness a {w1}\ngroup g any\nquorum g\n"), "no members"),
        (format!("witness a {w1}\ngroup g all\nquorum g\n"), "all of none"),
        (format!("witness a {w1}\ngroup g any a a\nquorum g\n"), "a member twice"),
        (format!("witness a {w1}\ngroup g any a\ngroup h any a\nquorum g\n"), "a member of two groups"),
        (format!("witness a {w1}\ngroup g any g\nquorum g\n"), "a group in itself"),
        (format!("witness a {w1}\ngroup a any a\nquorum a\n"), "a group named as its member"),
        ("quorum none\nfriend x\n".into(), "an unknown word"),
        ("Quorum none\n".into(), "another case"),
        ("quorum none\r\n".into(), "a carriage return"),
        ("quorum none\n\0\n".into(), "a NUL"),
        ("quorum none\n\x7f\n".into(), "a DEL"),
        ("quorum\u{a0}none\n".into(), "a space that is none"),
    ];
    for (file, why) in cases {
        assert!(
            matches!(Policy::parse(file.as_bytes()), Err(Error::Malformed { .. })),
            "{why}: {file}"
        );
    }
}
