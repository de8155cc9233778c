//! Says of many proof files at once what `mar-audit verify proof` would exit with: `judge POLICY < list-of-files`.
//!
//! One line for each line read: the exit code, and why. For tests that try more files than processes can be started, and to
//! show how a verifier is put together from this crate.

use proof::Error;
use proof::log_proof::LogProof;
use proof::policy::Policy;
use std::error::Error as StdError;
use std::io::{self, BufRead};

fn main() -> Result<(), Box<dyn StdError>> {
    let policy = std::env::args().nth(1).ok_or("usage: judge POLICY")?;
    let policy = Policy::parse(&std::fs::read(policy)?)?;
    for path in io::stdin().lock().lines() {
        let file = std::fs::read(path?)?;
        match LogProof::parse(&file).and_then(|proof| proof.verify(&policy).map(|_| ())) {
            Ok(()) => println!("0 verified"),
            Err(error) => println!("{} {error}", exit_code(&error)),
        }
    }
    Ok(())
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::PolicyUnmet { .. } => 3,
        Error::Fork { .. } | Error::Rollback { .. } => 4,
        _ => 2,
    }
}
