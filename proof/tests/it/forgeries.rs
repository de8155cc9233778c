//! Forged evidence, class by class: each is refused, and for the right reason.

use proof::{
    Error, Hash, Seq, Tree,
    checkpoint::{Checkpoint, SignedCheckpoint},
    disclosure::{Content, Disclosure, Unit},
    key::{KeyKind, KeyName},
    leaf::{EntryId, ReceivedAt, Salt},
    log_proof::LogProof,
    note::Note,
};

use crate::test_log::{
    NOW, ORIGIN, TestLog, checkpoint, disclosure, key, log_key, log_proof, policy, size,
    witness_key,
};

fn verify(file: &[u8]) -> Result<Disclosure, Error> {
    LogProof::parse(file)?
        .verify(&policy())
        .map(|proven| proven.disclosure)
}

#[test]
fn true_evidence_is_accepted() {
    for seq in 0..7 {
        let proof = log_proof(seq);
        let read = LogProof::parse(proof.to_string().as_bytes()).expect("its own text");
        assert_eq!(read, proof);
        let policy = policy();
        let proven = read.verify(&policy).expect("true");
        assert_eq!(proven.disclosure, disclosure(seq));
        assert_eq!((proven.seq, proven.tree.size), (Seq(seq.into()), size(7)));
        assert_eq!(proven.accepted.witnesses.len(), 2);
    }
}

#[test]
fn an_erased_entry_proves_as_before() {
    let mut proof = log_proof(3);
    let mut disclosure = disclosure(3);
    for path in ["/actor/email", "/actor/name"] {
        assert!(disclosure.erase(path).expect("a digest"));
    }
    proof.extra = Some(disclosure.to_json().into_bytes());
    assert_eq!(verify(proof.to_string().as_bytes()), Ok(disclosure));
}

#[test]
fn every_single_bit_of_a_proof_counts() {
    let file = log_proof(3).to_string().into_bytes();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut forged = file.clone();
            forged[at] ^= 1 << bit;
            verify(&forged).expect_err(&format!("bit {bit} of byte {at}"));
        }
    }
}

#[test]
fn every_byte_left_out_and_every_cut_is_refused() {
    let file = log_proof(3).to_string().into_bytes();
    for at in 0..file.len() {
        verify(&file[..at]).expect_err(&format!("cut at {at}"));
        let mut forged = file.clone();
        let gone = forged.remove(at);
        // Of two equal neighbours it does not matter which is left out: the byte before was tried already.
        verify(&forged).expect_err(&format!("without {:?} at {at}", char::from(gone)));
    }
}

#[test]
fn every_line_counts_and_so_does_their_order() {
    let file = log_proof(3).to_string();
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    for at in 0..lines.len() {
        let without: String = lines
            .iter()
            .enumerate()
            .filter(|(line, _)| *line != at)
            .map(|(_, line)| *line)
            .collect();
        verify(without.as_bytes()).expect_err(&format!("without {}", lines[at]));
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        let repeated = verify(twice.concat().as_bytes());
        // A signature line said twice is one signature.
        assert_eq!(
            repeated.is_ok(),
            lines[at].starts_with('—'),
            "twice {}",
            lines[at]
        );
        let mut swapped = lines.clone();
        if at > 0 && lines[at] != lines[at - 1] {
            swapped.swap(at, at - 1);
            let both_signatures = lines[at].starts_with('—') && lines[at - 1].starts_with('—');
            assert_eq!(
                verify(swapped.concat().as_bytes()).is_ok(),
                both_signatures,
                "swapped {}",
                lines[at]
            );
        }
    }
}

#[derive(Debug, PartialEq)]
enum Why {
    Malformed,
    Refuted,
    PolicyUnmet,
}

fn why(file: &str) -> Why {
    match verify(file.as_bytes()).expect_err(file) {
        Error::Malformed { .. } => Why::Malformed,
        Error::Refuted { .. } => Why::Refuted,
        Error::PolicyUnmet { .. } => Why::PolicyUnmet,
        other => panic!("{other}"),
    }
}

/// The proof of entry 3, changed by `forge`.
fn forged(forge: impl FnOnce(&mut LogProof)) -> String {
    let mut proof = log_proof(3);
    forge(&mut proof);
    proof.to_string()
}

/// The disclosure of entry 3, its units changed by `forge`.
fn told(forge: impl FnOnce(&mut Vec<Unit>)) -> String {
    let true_one = disclosure(3);
    let mut units = true_one.units().to_vec();
    forge(&mut units);
    let false_one =
        Disclosure::new(true_one.id(), true_one.received_at(), units).expect("well formed");
    forged(|proof| proof.extra = Some(false_one.to_json().into_bytes()))
}

fn value_of(unit: &mut Unit) -> &mut String {
    match &mut unit.content {
        Content::Open { value, .. } => value,
        Content::Erased { .. } => panic!("open"),
    }
}

#[test]
fn another_entry_than_the_proven_one_is_refused() {
    let units = disclosure(3).units().to_vec();
    let (id, time) = (disclosure(3).id(), disclosure(3).received_at());
    let with = |id, time| {
        let other = Disclosure::new(id, time, units.clone()).expect("well formed");
        forged(|proof| proof.extra = Some(other.to_json().into_bytes()))
    };
    let other_id = EntryId::parse("01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c04").expect("a UUID");
    let earlier = ReceivedAt::parse("2025-07-22T16:23:02.123403Z").expect("a time");
    let other_entry = disclosure(4).to_json().into_bytes();
    #[rustfmt::skip]
    let cases = [
        (with(other_id, time), "another id"),
        (with(id, earlier), "another time"),
        (forged(|proof| proof.extra = Some(other_entry)), "another entry"),
    ];
    for (file, what) in cases {
        assert_eq!(why(&file), Why::Refuted, "{what}");
    }
}

fn swap_contents(units: &mut [Unit]) {
    let (before, after) = units.split_at_mut(2);
    std::mem::swap(&mut before[1].content, &mut after[0].content);
}

fn resalt(unit: &mut Unit) {
    if let Content::Open { salt, .. } = &mut unit.content {
        *salt = Salt([0; 16]);
    }
}

#[test]
fn other_units_than_the_committed_ones_are_refused() {
    let value =
        |at: usize, value: &'static str| told(|units| *value_of(&mut units[at]) = value.into());
    let number = |units: &mut Vec<Unit>| {
        let value = value_of(&mut units[0]);
        *value = value.replace("3.0e2", "300");
    };
    let more = |units: &mut Vec<Unit>| {
        units.push(Unit {
            path: "/x".into(),
            ..units[3].clone()
        })
    };
    let erased = |digest| told(|units| units[1].content = Content::Erased { digest });
    let other_digest = disclosure(3).units()[2].digest().expect("short");
    #[rustfmt::skip]
    let cases = [
        (value(0, "{}"), "another unit 0"),
        (value(1, "\"mario@example.com\""), "another value"),
        (value(1, ""), "an empty value"),
        (told(|units| value_of(&mut units[0]).push(' ')), "a space more"),
        (told(number), "a number of the same value"),
        (told(|units| units[1].path = "/actor/id".into()), "another path"),
        (told(|units| units.truncate(3)), "a unit less"),
        (told(|units| drop(units.remove(1))), "a unit less inside"),
        (told(|units| units.truncate(1)), "unit 0 alone"),
        (told(more), "a unit more"),
        (told(|units| swap_contents(units)), "two values swapped"),
        (told(|units| resalt(&mut units[1])), "another salt"),
        (erased(Hash([0; 32])), "erased with no digest of anything"),
        (erased(other_digest), "erased with the digest of another unit"),
    ];
    for (file, what) in cases {
        assert_eq!(why(&file), Why::Refuted, "{what}");
    }
}

/// What a digest cannot say. The path of an erased unit is told, not proven; docs/proofs.md says so too.
#[test]
fn the_path_of_an_erased_unit_is_only_told() {
    let mut erased = disclosure(3);
    erased.erase("/actor/email").expect("a digest");
    let mut units = erased.units().to_vec();
    units[1].path = "/actor/id".into();
    let other = Disclosure::new(erased.id(), erased.received_at(), units).expect("well formed");
    let file = forged(|proof| proof.extra = Some(other.to_json().into_bytes()));
    assert_eq!(verify(file.as_bytes()), Ok(other));
}

#[test]
fn another_place_or_path_is_refused() {
    for seq in [0, 1, 2, 4, 5, 6, 7, 1 << 40, i64::MAX as u64] {
        assert_eq!(
            why(&forged(|proof| proof.seq = Seq(seq))),
            Why::Refuted,
            "another seq"
        );
    }
    assert_eq!(
        why(&forged(|proof| proof.path.clear())),
        Why::Refuted,
        "no path"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.truncate(2))),
        Why::Refuted,
        "a shorter path"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.push(Hash::EMPTY_TREE))),
        Why::Refuted,
        "a longer path"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.insert(0, Hash::EMPTY_TREE))),
        Why::Refuted,
        "a longer path below"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.extend([Hash::EMPTY_TREE; 70]))),
        Why::Refuted,
        "a path without end"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.swap(0, 1))),
        Why::Refuted,
        "hashes swapped"
    );
    assert_eq!(
        why(&forged(|proof| proof.path.reverse())),
        Why::Refuted,
        "hashes reversed"
    );
    assert_eq!(
        why(&forged(|proof| proof.path[1] = proof.path[0])),
        Why::Refuted,
        "a hash repeated"
    );
    assert_eq!(
        why(&forged(|proof| {
            // The proof of the inner node above, passed off as that of a leaf.
            proof.path.remove(0);
            proof.seq = Seq(1);
        })),
        Why::Refuted,
        "a proof of an inner node"
    );
}

/// `proof` with a checkpoint that says `tree` under `origin`, signed as `sign` does.
fn stated(
    origin: &str,
    tree: Tree,
    sign: impl FnOnce(&mut SignedCheckpoint),
    log_seed: u8,
) -> String {
    let checkpoint = Checkpoint::new(&KeyName::new(origin).expect("a name"), tree);
    let mut signed = SignedCheckpoint::sign(checkpoint, &key(origin, KeyKind::Ed25519, log_seed))
        .expect("its own origin");
    sign(&mut signed);
    forged(|proof| proof.checkpoint = signed)
}

fn true_tree() -> Tree {
    log_proof(3).checkpoint.checkpoint().tree()
}

fn witnesses(numbers: &'static [u8]) -> impl Fn(&mut SignedCheckpoint) {
    move |signed| {
        numbers
            .iter()
            .for_each(|n| signed.cosign(&witness_key(*n), NOW).expect("room"))
    }
}

#[test]
fn a_checkpoint_without_the_right_signatures_is_refused() {
    let tree = true_tree();
    #[rustfmt::skip]
    let cases = [
        (stated(ORIGIN, tree, witnesses(&[1, 2]), 2), "signed with another key"),
        (stated("audit.example/v1/logs/other", tree, witnesses(&[1, 2]), 1), "another log, same key"),
        (stated(ORIGIN, tree, witnesses(&[]), 1), "no witness"),
        (stated(ORIGIN, tree, witnesses(&[1]), 1), "one witness of two"),
        (stated(ORIGIN, tree, witnesses(&[1, 1]), 1), "one witness twice"),
        (stated(ORIGIN, tree, witnesses(&[3, 4]), 1), "unknown witnesses"),
    ];
    for (file, what) in cases {
        assert_eq!(why(&file), Why::PolicyUnmet, "{what}");
    }
}

/// Even when log and witnesses sign it, a tree must hold the entry.
#[test]
fn another_tree_is_refused_whoever_signed_it() {
    let tree = true_tree();
    for entries in [1, 2, 3, 4, 14] {
        let other = Tree {
            size: size(entries),
            ..tree
        };
        assert_eq!(
            why(&stated(ORIGIN, other, witnesses(&[1, 2]), 1)),
            Why::Refuted,
            "size {entries}"
        );
    }
    let other = Tree {
        root: Hash::leaf(b""),
        ..tree
    };
    assert_eq!(
        why(&stated(ORIGIN, other, witnesses(&[1, 2]), 1)),
        Why::Refuted,
        "another root"
    );
    let other = TestLog::of(7).tree(7);
    assert_eq!(
        why(&stated(ORIGIN, other, witnesses(&[1, 2]), 1)),
        Why::Refuted,
        "another log's"
    );
}

fn line_of(file: &str, signer: &str) -> String {
    let start = format!("— {signer} ");
    file.lines()
        .find(|line| line.starts_with(&start))
        .expect("a line")
        .to_owned()
}

fn bytes_of(line: &str) -> Vec<u8> {
    let base64 = line.rsplit(' ').next().expect("a word");
    data_encoding::BASE64
        .decode(base64.as_bytes())
        .expect("base64")
}

/// The true proof with other bytes in the signature line of `signer`.
fn resigned(signer: &str, bytes: &[u8]) -> String {
    let file = log_proof(3).to_string();
    let line = format!("— {signer} {}", data_encoding::BASE64.encode(bytes));
    file.replace(&line_of(&file, signer), &line)
}

#[test]
fn signatures_of_another_text_are_refused() {
    let other = checkpoint(TestLog::of(7).tree(7)).to_string();
    for signer in [ORIGIN, "witness.example/1", "witness.example/2"] {
        let swapped = resigned(signer, &bytes_of(&line_of(&other, signer)));
        assert_eq!(
            why(&swapped),
            Why::Refuted,
            "{signer}'s signature of another tree"
        );
    }
    // The same signature with S + L, which lenient verifiers take for another valid one.
    let mut malleable = bytes_of(&line_of(&log_proof(3).to_string(), ORIGIN));
    add_group_order(&mut malleable[36..68]);
    assert_eq!(why(&resigned(ORIGIN, &malleable)), Why::Refuted, "S + L");
}

#[test]
fn cosignatures_of_another_time_length_or_name_are_refused() {
    const WITNESS: &str = "witness.example/1";
    let file = log_proof(3).to_string();
    let mine = bytes_of(&line_of(&file, WITNESS));
    let mut later = mine.clone();
    later[4..12].copy_from_slice(&(NOW.0 + 1).to_be_bytes());
    #[rustfmt::skip]
    let cases = [
        (later, "another time"),
        (mine[..75].to_vec(), "a shorter signature"),
        ([mine.as_slice(), &[0]].concat(), "a longer signature"),
        (mine[..5].to_vec(), "no time"),
    ];
    for (bytes, what) in cases {
        assert_eq!(why(&resigned(WITNESS, &bytes)), Why::Refuted, "{what}");
    }
    let renamed = file.replace("witness.example/1 ", "witness.example/3 ");
    assert_eq!(why(&renamed), Why::PolicyUnmet, "under another name");
}

/// Adds the order of the Ed25519 base point to a little-endian scalar.
fn add_group_order(scalar: &mut [u8]) {
    let order: Vec<u8> = data_encoding::HEXLOWER
        .decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
        .expect("hex");
    let mut carry = 0;
    for (byte, add) in scalar.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

#[test]
fn other_spellings_of_a_proof_are_refused() {
    let file = log_proof(3).to_string();
    let extra = file.lines().nth(1).expect("extra");
    let hash = file.lines().nth(3).expect("a hash");
    #[rustfmt::skip]
    let cases = [
        (file.replace("@v1", "@v2"), "another version"),
        (file.replace('\n', "\r\n"), "carriage returns"),
        (format!("\n{file}"), "an empty line before"),
        (format!("{file}\n"), "an empty line after"),
        (format!("{file}x"), "a byte after"),
        (format!("\u{feff}{file}"), "a byte order mark"),
        (file.replace("extra ", "extra  "), "two spaces"),
        (file.replace("extra ", "Extra "), "another case"),
        (file.replace(&format!("{extra}\n"), ""), "nothing disclosed"),
        (file.replace(&format!("{extra}\n"), "extra \n"), "an empty disclosure"),
        (file.replace(extra, &format!("{extra}\n{extra}")), "extra twice"),
        (file.replace(extra, &format!("{extra}=")), "padding more"),
        (file.replace(extra, &format!("{extra}AAAA")), "base64 more"),
        (file.replace("index 3", "index 03"), "a leading zero"),
        (file.replace("index 3", "index +3"), "a sign"),
        (file.replace("index 3", "index 9223372036854775811"), "above 2^63"),
        (file.replace("index 3", "index 18446744073709551619"), "above 2^64"),
        (file.replace("index 3", "index ٣"), "other digits"),
        (file.replace("index 3", "index "), "no index"),
        (file.replace("index 3\n", ""), "no index line"),
        (file.replace(hash, hash.trim_end_matches('=')), "a hash without padding"),
        (file.replace(hash, &format!(" {hash}")), "a space before a hash"),
        (file.replace(hash, &format!("{hash} ")), "a space after a hash"),
        (file.replace(hash, "AAAA"), "a short hash"),
        (file.replace(&format!("\n{ORIGIN}"), &format!("\n\n{ORIGIN}")), "an empty origin"),
        (file.replace("\n7\n", "\n07\n"), "a leading zero in the size"),
    ];
    for (other, what) in cases {
        assert_ne!(other, file, "{what}");
        assert_eq!(why(&other), Why::Malformed, "{what}");
    }
    let key = log_key();
    let trusting = proof::policy::Policy::of_log(key.verifier().clone()).expect("a log's key");
    let proof = LogProof::parse(file.as_bytes()).expect("a proof");
    proof
        .verify(&trusting)
        .expect("the witnesses are not asked");
    proof
        .verify_leaf(&Hash::leaf(b"other"), &trusting)
        .expect_err("another leaf");
}

/// A key vouches only for the log it is named after: else one log's operator could speak for another.
#[test]
fn a_known_key_under_another_origin_is_refused() {
    let text = stated("audit.example/v1/logs/other", true_tree(), |_| {}, 1);
    let other = LogProof::parse(text.as_bytes())
        .expect("a proof")
        .checkpoint;
    let mut note = Note::new(other.note().text().into()).expect("a text");
    note.sign(&log_key(), NOW).expect("room");
    [1, 2]
        .into_iter()
        .for_each(|n| note.sign(&witness_key(n), NOW).expect("room"));
    let signed = SignedCheckpoint::parse(note.to_string().as_bytes()).expect("well formed");
    assert_eq!(
        why(&forged(|proof| proof.checkpoint = signed)),
        Why::PolicyUnmet
    );
}

#[test]
fn base64_in_two_padded_parts_is_refused() {
    let with = |extra: &str| {
        let file = log_proof(3).to_string();
        let line = file.lines().nth(1).expect("extra").to_owned();
        LogProof::parse(file.replace(&line, &format!("extra {extra}")).as_bytes())
    };
    assert_eq!(with("AAA=").expect("base64").extra, Some(vec![0, 0]));
    with("AA==AA==").expect_err("two parts");
    with("AAA=AAA=").expect_err("two parts");
    with("AAB=").expect_err("stray bits");
}
