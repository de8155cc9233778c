//! Notes, keys and checkpoints, to and from Go's formats and another implementation.

use proof::{
    Error, Hash, Tree,
    checkpoint::{Checkpoint, SignedCheckpoint},
    key::{KeyKind, KeyName, PosixSeconds, SigningKey, VerifierKey},
    note::{Note, Signature},
};
use signed_note::{Note as TheirNote, StandardSigner, StandardVerifier, VerifierList};

use crate::test_log::{NOW, ORIGIN, TestLog, checkpoint, key, log_key, size, witness_key};

/// The example of Go's `golang.org/x/mod/sumdb/note`.
const NEUMANN: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NEUMANN_SECRET: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const NEUMANN_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

#[test]
fn go_s_example_is_made_and_verified() {
    let key = VerifierKey::parse(NEUMANN).expect("a vkey");
    assert_eq!(key.to_string(), NEUMANN);
    let note = Note::parse(NEUMANN_NOTE.as_bytes()).expect("a note");
    assert_eq!(note.verified_by([&key]).expect("true").len(), 1);
    let secret = SigningKey::parse(NEUMANN_SECRET).expect("a key");
    assert_eq!(secret.to_secret_text(), NEUMANN_SECRET);
    assert_eq!(secret.verifier(), &key);
    let mut made = Note::new(note.text().into()).expect("a text");
    made.sign(&secret, NOW).expect("room");
    assert_eq!(
        made.to_string(),
        NEUMANN_NOTE,
        "Ed25519 signatures are a function of key and text"
    );
}

#[test]
fn a_secret_is_not_shown_by_accident() {
    let secret = SigningKey::parse(NEUMANN_SECRET).expect("a key");
    assert_eq!(format!("{secret:?}"), format!("SigningKey({NEUMANN})"));
    let cut = &NEUMANN_SECRET[..NEUMANN_SECRET.len() - 4];
    let error = SigningKey::parse(cut).expect_err("cut");
    assert!(!error.to_string().contains("AYEK"));
}

#[test]
fn the_signed_note_crate_reads_ours_and_we_read_its() {
    let ours = checkpoint(TestLog::of(5).tree(5));
    let verifier = StandardVerifier::new(&log_key().verifier().to_string()).expect("our vkey");
    let list = VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unknown) = TheirNote::from_bytes(ours.to_string().as_bytes())
        .expect("our note")
        .verify(&list)
        .expect("verified");
    assert_eq!((verified.len(), unknown.len()), (1, 2));

    let signer = StandardSigner::new(&log_key().to_secret_text()).expect("our secret key");
    let mut theirs = TheirNote::new(ours.note().text().as_bytes(), &[]).expect("a text");
    theirs.add_sigs(&[&signer]).expect("signed");
    let read = SignedCheckpoint::parse(&theirs.to_bytes()).expect("their note");
    assert_eq!(read.checkpoint(), ours.checkpoint());
    assert_eq!(
        read.note()
            .verified_by([log_key().verifier()])
            .expect("true")
            .len(),
        1
    );
    let bytes = ours.note().text().as_bytes();
    assert_eq!(
        tlog_tiles::Checkpoint::from_bytes(bytes)
            .expect("our checkpoint")
            .to_bytes(),
        bytes
    );
}

#[test]
fn a_cosignature_is_the_specification_s_message() {
    let signed = checkpoint(TestLog::of(5).tree(5));
    let witness = witness_key(1);
    let line = signed
        .note()
        .signatures()
        .iter()
        .find(|line| line.name() == witness.verifier().name())
        .expect("a line");
    let encoded = line
        .to_string()
        .rsplit(' ')
        .next()
        .expect("a word")
        .to_owned();
    let bytes = data_encoding::BASE64
        .decode(encoded.as_bytes())
        .expect("base64");
    assert_eq!(bytes.len(), 4 + 8 + 64);
    assert_eq!(bytes[4..12], NOW.0.to_be_bytes());
    let message = format!("cosignature/v1\ntime {}\n{}", NOW.0, signed.note().text());
    let public =
        ed25519_dalek::VerifyingKey::from_bytes(witness.verifier().as_bytes()).expect("a key");
    let signature = ed25519_dalek::Signature::from_slice(&bytes[12..]).expect("a signature");
    public
        .verify_strict(message.as_bytes(), &signature)
        .expect("signs that message");
}

#[test]
fn a_witness_that_signs_twice_counts_once_with_its_latest_time() {
    let mut signed = checkpoint(TestLog::of(5).tree(5));
    signed
        .cosign(&witness_key(1), PosixSeconds(NOW.0 + 60))
        .expect("room");
    let key = witness_key(1);
    let signers = signed.note().verified_by([key.verifier()]).expect("true");
    assert_eq!(
        signers.iter().map(|signer| signer.time).collect::<Vec<_>>(),
        [Some(PosixSeconds(NOW.0 + 60))]
    );
}

#[test]
fn a_false_signature_by_a_known_key_spoils_the_note_and_one_by_an_unknown_key_does_not() {
    let signed = checkpoint(TestLog::of(5).tree(5));
    let other = checkpoint(TestLog::of(6).tree(6));
    let mut note = signed.note().clone();
    note.push(other.note().signatures()[0].clone())
        .expect("room");
    let key = log_key();
    assert!(matches!(
        note.verified_by([key.verifier()]),
        Err(Error::Refuted { .. })
    ));
    let stranger = key_of("stranger.example");
    assert_eq!(note.verified_by([stranger.verifier()]), Ok(Vec::new()));
}

fn key_of(name: &str) -> SigningKey {
    key(name, KeyKind::Ed25519, 9)
}

#[test]
fn a_timestamp_beyond_the_format_is_refused() {
    let mut note = Note::new("text\n".into()).expect("a text");
    let witness = witness_key(1);
    note.sign(&witness, PosixSeconds(1 << 63)).expect("room");
    assert!(matches!(
        note.verified_by([witness.verifier()]),
        Err(Error::Refuted { .. })
    ));
}

#[test]
fn malformed_notes_are_refused() {
    let line = NEUMANN_NOTE.lines().last().expect("a line");
    #[rustfmt::skip]
    let cases = [
        (String::new(), "empty"),
        ("text\n".into(), "no signatures"),
        ("text\n\n".into(), "no signature lines"),
        (format!("text\n{line}\n"), "no empty line"),
        (format!("text\n\n{line}"), "the last line does not end"),
        (format!("text\n\n{line}\n\n"), "an empty line after"),
        (format!("text\n\n{line}\nrubbish\n"), "rubbish among the signatures"),
        (format!("text\r\n\r\n{line}\r\n"), "carriage returns"),
        (format!("te\txt\n\n{line}\n"), "a control character"),
        (format!("text\n\n{}\n", line.replace('—', "-")), "a hyphen for the dash"),
        (format!("text\n\n{}\n", line.replace("— ", "—")), "no space"),
        (format!("text\n\n{line} \n"), "a space after"),
        (format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter+Neumann")), "a plus in the name"),
        (format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter\u{a0}Neumann")), "a space in the name"),
        (format!("text\n\n{}\n", line.replace("PeterNeumann ", " ")), "no name"),
        (format!("text\n\n{}\n", line.replace("AM=", "AM")), "no padding"),
        (format!("text\n\n{}\n", line.replace("AM=", "AN=")), "stray bits"),
        (format!("text\n\n{}\n", line.replace("AM=", "AM==")), "more padding"),
        (format!("text\n\n{}\n", line.replace('/', "_")), "the other alphabet"),
        ("text\n\n— name x08gow==\n".into(), "only a key id"),
        ("text\n\n— name x08g\n".into(), "less than a key id"),
        (format!("text\n\n{}", format!("{line}\n").repeat(101)), "too many signatures"),
        (format!("{}\n\n{line}\n", "x".repeat(1_000_000)), "too long"),
    ];
    for (note, why) in cases {
        assert!(
            matches!(Note::parse(note.as_bytes()), Err(Error::Malformed { .. })),
            "{why}"
        );
    }
    Note::parse(b"te\xffxt\n\n").expect_err("not UTF-8");
    Note::parse(format!("text\n\n{}", format!("{line}\n").repeat(100)).as_bytes())
        .expect("as many as there may be");
    let spaced =
        Note::parse(format!("a\n\n\nb\n\n{line}\n").as_bytes()).expect("empty lines in the text");
    assert_eq!(spaced.text(), "a\n\n\nb\n");
    Note::new("text".into()).expect_err("does not end");
    Signature::parse(&format!("{line}\n")).expect_err("a newline");
}

#[test]
fn malformed_vkeys_are_refused() {
    let with_type = |kind: u8, key: &[u8]| {
        let body = [&[kind], key].concat();
        let id = proof_id("n", &body);
        format!("n+{id}+{}", data_encoding::BASE64.encode(&body))
    };
    let neumann = VerifierKey::parse(NEUMANN).expect("a vkey");
    let good = neumann.as_bytes();
    VerifierKey::parse(&with_type(1, good)).expect("Ed25519");
    VerifierKey::parse(&with_type(4, good)).expect("cosignature");
    let mut identity = [0; 32];
    identity[0] = 1;
    #[rustfmt::skip]
    let cases = [
        (String::new(), "empty"),
        ("n".into(), "a name"),
        ("n+c74f20a3".into(), "no key"),
        (NEUMANN.replace("c74f20a3", "c74f20a4"), "another id"),
        (NEUMANN.replace("c74f20a3", "C74F20A3"), "upper case"),
        (NEUMANN.replace("c74f20a3", "0c74f20a3"), "nine digits"),
        (NEUMANN.replace("PeterNeumann", "PeterNewmann"), "another name"),
        (NEUMANN.replace("PeterNeumann", ""), "no name"),
        (NEUMANN.replace("PeterNeumann", "Peter Neumann"), "a space"),
        (NEUMANN.replace("TW", "TX"), "another key"),
        (format!("{NEUMANN}="), "padding that is none"),
        (format!("{NEUMANN}+"), "a plus more"),
        (format!("{NEUMANN}\n"), "a newline"),
        (with_type(2, good), "ECDSA"),
        (with_type(6, good), "ML-DSA"),
        (with_type(1, &good[..31]), "a short key"),
        (with_type(1, &[good.as_slice(), &[0]].concat()), "a long key"),
        (with_type(1, &identity), "a key under which anyone can sign"),
        (with_type(1, &[0; 32]), "a key of order four"),
        (with_type(1, &[2; 32]), "no point of the curve"),
        // y = 2^255 - 1 is y = 18, a point of the curve, spelt a second time; once it was taken.
        (with_type(1, &[0xff; 32]), "not canonical"),
    ];
    for (vkey, why) in cases {
        assert!(
            matches!(VerifierKey::parse(&vkey), Err(Error::Malformed { .. })),
            "{why}: {vkey}"
        );
    }
}

fn proof_id(name: &str, body: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha256::digest([name.as_bytes(), b"\n", body].concat());
    hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn checkpoints_have_one_spelling() {
    let root = Hash::leaf(b"x");
    for text in [
        format!("{ORIGIN}\n7\n{root}\n"),
        format!("{ORIGIN}\n7\n{root}\nan extension\nanother\n"),
        format!("an origin with spaces\n{}\n{root}\n", i64::MAX),
        format!("{ORIGIN}\n0\n{}\n", Hash::EMPTY_TREE),
    ] {
        assert_eq!(Checkpoint::parse(&text).expect(&text).to_string(), text);
    }
    for text in [
        String::new(),
        "\n".into(),
        format!("{ORIGIN}\n"),
        format!("{ORIGIN}\n7\n"),
        format!("{ORIGIN}\n7\n{root}"),
        format!("\n7\n{root}\n"),
        format!("{ORIGIN}\n07\n{root}\n"),
        format!("{ORIGIN}\n+7\n{root}\n"),
        format!("{ORIGIN}\n-7\n{root}\n"),
        format!("{ORIGIN}\n7 \n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n7.0\n{root}\n"),
        format!("{ORIGIN}\n٧\n{root}\n"),
        format!("{ORIGIN}\n9223372036854775808\n{root}\n"),
        format!("{ORIGIN}\n99999999999999999999\n{root}\n"),
        format!("{ORIGIN}\n0\n{root}\n"),
        format!("{ORIGIN}\n7\n{}\n", root.to_string().replace('=', "")),
        format!("{ORIGIN}\n7\n{root}=\n"),
        format!("{ORIGIN}\n7\n {root}\n"),
        format!("{ORIGIN}\n7\nAAAA\n"),
        format!("{ORIGIN}\n7\n{root}\n\n"),
        format!("{ORIGIN}\n7\n{root}\n\nextension\n"),
    ] {
        Checkpoint::parse(&text).expect_err(&text);
    }
}

#[test]
fn a_log_signs_only_under_its_own_name() {
    let foreign = Checkpoint::new(
        &KeyName::new("other.example").expect("a name"),
        TestLog::of(1).tree(1),
    );
    SignedCheckpoint::sign(foreign, &log_key()).expect_err("another origin");
}

#[test]
fn what_follows_a_checkpoint_is_proven_to() {
    let log = TestLog::of(20);
    let name = log_key().verifier().name().clone();
    let at = |entries| Checkpoint::new(&name, log.tree(entries));
    at(20)
        .follows(&at(13), &log.consistency(13, 20))
        .expect("grown");
    at(13).follows(&at(13), &[]).expect("the same");
    at(13)
        .follows(&at(0), &[])
        .expect("anything follows nothing");
    at(0).follows(&at(0), &[]).expect("nothing yet");

    assert!(matches!(
        at(12).follows(&at(13), &[]),
        Err(Error::Rollback {
            old: 13,
            new: 12,
            ..
        })
    ));
    let forked = Checkpoint::new(
        &name,
        Tree {
            size: size(13),
            root: Hash::leaf(b"other"),
        },
    );
    assert!(matches!(
        forked.follows(&at(13), &[]),
        Err(Error::Fork {
            old: 13,
            new: 13,
            ..
        })
    ));
    assert!(matches!(
        at(20).follows(&forked, &log.consistency(13, 20)),
        Err(Error::Refuted { .. })
    ));
    assert!(matches!(
        at(20).follows(&at(13), &log.consistency(12, 20)),
        Err(Error::Refuted { .. })
    ));
    assert!(matches!(
        at(13).follows(&at(13), &[Hash::leaf(b"")]),
        Err(Error::Refuted { .. })
    ));
    assert!(matches!(
        at(13).follows(&at(0), &[Hash::leaf(b"")]),
        Err(Error::Refuted { .. })
    ));
    let foreign = Checkpoint::new(
        &KeyName::new("other.example").expect("a name"),
        log.tree(20),
    );
    assert!(matches!(
        foreign.follows(&at(13), &log.consistency(13, 20)),
        Err(Error::Refuted { .. })
    ));
}
