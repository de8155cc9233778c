//! Other people's vectors.

use proof::{
    Hash, Seq, Size, Tree,
    key::{KeyKind, KeyName, VerifierKey},
};
use serde_json::Value;

fn cases(file: &str) -> Vec<Value> {
    let Value::Array(cases) = serde_json::from_str(file).expect("JSON") else {
        panic!("not an array")
    };
    cases
}

/// Some consistency vectors hold texts that are no hashes, and some of those are valid. What stands for them is equal exactly
/// where they are.
fn hash(value: &Value) -> Hash {
    let text = value.as_str().expect("a text");
    Hash::parse(text).unwrap_or_else(|| Hash::leaf(text.as_bytes()))
}

fn path(case: &Value) -> Vec<Hash> {
    case["proof"]
        .as_array()
        .map(|hashes| hashes.iter().map(hash).collect())
        .unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn tree(entries: u64, root: &Value) -> Tree {
    Tree {
        size: Size::new(entries).expect("small"),
        root: hash(root),
    }
}

fn judge(cases: &[Value], holds: impl Fn(&Value) -> bool) -> (usize, usize) {
    for case in cases {
        assert_eq!(
            holds(case),
            case["wantErr"] == false,
            "{}: {}",
            case["file"],
            case["desc"]
        );
    }
    let valid = cases.iter().filter(|case| case["wantErr"] == false).count();
    (valid, cases.len() - valid)
}

/// A leaf or root that is no hash is refused before any proof is looked at.
fn includes(leaves: u64, seq: u64, case: &Value) -> bool {
    let real = |name: &str| case[name].as_str().and_then(Hash::parse);
    let (Some(root), Some(leaf), Some(size)) = (real("root"), real("leafHash"), Size::new(leaves))
    else {
        return false;
    };
    Tree { size, root }
        .includes(Seq(seq), &leaf, &path(case))
        .is_ok()
}

#[test]
fn inclusion_proofs() {
    let cases = cases(include_str!("../vectors/inclusion.json"));
    let counts = judge(&cases, |case| {
        includes(number(&case["treeSize"]), number(&case["leafIdx"]), case)
    });
    assert_eq!(counts, (5, 69));
}

#[test]
fn consistency_proofs() {
    let cases = cases(include_str!("../vectors/consistency.json"));
    let counts = judge(&cases, |case| {
        let (old, new) = (
            tree(number(&case["size1"]), &case["root1"]),
            tree(number(&case["size2"]), &case["root2"]),
        );
        new.extends(&old, &path(case)).is_ok()
    });
    assert_eq!(counts, (3, 53));
}

/// Subtrees are not a format of ours. A valid one, wherever it starts, is a tree of its own.
#[test]
fn inclusion_in_subtrees() {
    let cases = cases(include_str!("../vectors/subtreeinclusion.json"));
    let counts = judge(&cases, |case| {
        let (start, end) = (number(&case["start"]), number(&case["end"]));
        let leaves = end
            .checked_sub(start)
            .filter(|leaves| start % leaves.next_power_of_two() == 0);
        let seq = number(&case["leafIdx"]).checked_sub(start);
        leaves
            .zip(seq)
            .is_some_and(|(leaves, seq)| includes(leaves, seq, case))
    });
    assert_eq!(counts, (4, 74));
}

/// Those of the subtree vectors that start at 0 are plain consistency proofs.
#[test]
fn consistency_of_subtrees_from_the_start() {
    let cases = cases(include_str!("../vectors/subtreeconsistency.json"));
    let from_start: Vec<Value> = cases
        .into_iter()
        .filter(|case| case["start"] == 0)
        .collect();
    let (valid, invalid) = judge(&from_start, |case| {
        let (old, new) = (
            tree(number(&case["end"]), &case["root1"]),
            tree(number(&case["size"]), &case["root2"]),
        );
        new.extends(&old, &path(case)).is_ok()
    });
    assert!(valid >= 1 && invalid >= 10, "{valid} {invalid}");
}

/// The primitive that keys and notes are checked with, and the rules it is called by.
#[test]
fn wycheproof_ed25519() {
    let (mut valid, mut invalid) = (0, 0);
    for line in include_str!("../vectors/wycheproof_ed25519.tsv").lines() {
        let [number, result, key, message, signature, comment] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .expect("six columns");
        let (message, signature) = (unhex(message), unhex(signature));
        let key: [u8; 32] = unhex(key).try_into().expect("32 bytes");
        let holds = ed25519_dalek::VerifyingKey::from_bytes(&key).is_ok_and(|key| {
            let signature = ed25519_dalek::Signature::from_slice(&signature);
            signature.is_ok_and(|signature| key.verify_strict(&message, &signature).is_ok())
        });
        assert_eq!(holds, result == "valid", "{number}: {comment}");
        *(if holds { &mut valid } else { &mut invalid }) += 1;
        // Every key of a vector is one that this crate takes, or no vector is valid under it.
        let name = KeyName::new("vector").expect("a name");
        assert!(
            !holds || VerifierKey::new(name, KeyKind::Ed25519, &key).is_ok(),
            "{number}"
        );
    }
    assert_eq!((valid, invalid), (88, 63));
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .expect("hex")
}
