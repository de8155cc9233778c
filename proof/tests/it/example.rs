//! The example of docs/proofs.md: what an outsider's verifier is tried on must be what this one accepts.

use proof::{log_proof::LogProof, policy::Policy};

use crate::test_log::{disclosure, log_proof, policy};

const DOCUMENT: &str = include_str!("../../../docs/proofs.md");

/// The code block after the line `Example: <name>`.
fn example(name: &str) -> &'static str {
    let after = DOCUMENT
        .split_once(&format!("Example: {name}\n\n```text\n"))
        .expect("an example")
        .1;
    after.split_once("```").expect("the end of the example").0
}

#[test]
fn the_documented_proof_is_accepted_under_the_documented_policy() {
    let mut expected = log_proof(3);
    let mut shown = disclosure(3);
    shown.erase("/actor/email").expect("a digest");
    expected.extra = Some(shown.to_json().into_bytes());
    assert_eq!(example("proof"), expected.to_string());
    assert_eq!(example("disclosure"), format!("{}\n", shown.to_json()));
    let leaf = shown.leaf().expect("a leaf").to_bytes();
    assert_eq!(example("leaf").as_bytes(), leaf);

    let read = Policy::parse(example("policy").as_bytes()).expect("a policy");
    assert_eq!(read, policy());
    let file = LogProof::parse(example("proof").as_bytes()).expect("a proof");
    assert_eq!(file.verify(&read).expect("true").disclosure, shown);
}
