//! A log in memory and the true evidence it gives out, made with the mathematics alone.

use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::disclosure::{Content, Disclosure, Unit};
use proof::frontier::Frontier;
use proof::key::{KeyKind, KeyName, PosixSeconds, SigningKey};
use proof::leaf::{EntryId, ReceivedAt, Seed};
use proof::log_proof::LogProof;
use proof::tree::{Node, Plan};
use proof::{Hash, Seq, Size, Tree};
use std::convert::Infallible;

pub const ORIGIN: &str = "audit.example/v1/logs/acme";
pub const EMAIL: &str = "maria@example.com";

/// When witnesses sign.
pub const NOW: PosixSeconds = PosixSeconds(1_790_000_000);

pub fn key(name: &str, kind: KeyKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).expect("a name"), kind, &[seed; 32])
}

pub fn log_key() -> SigningKey {
    key(ORIGIN, KeyKind::Ed25519, 1)
}

pub fn witness_key() -> SigningKey {
    key("witness.example/1", KeyKind::Cosignature, 101)
}

pub fn vkey() -> String {
    log_key().verifier().to_string()
}

/// The log, and one witness that must have signed.
pub fn policy() -> String {
    let (log, witness) = (log_key(), witness_key());
    format!(
        "log {}\nwitness w1 {}\nquorum w1\n",
        log.verifier(),
        witness.verifier()
    )
}

/// What the log discloses of its entry at `seq`: every third has its address erased.
pub fn disclosure(seq: u64) -> Disclosure {
    let id = format!("01983f0c-7d5e-7b3a-9c11-{seq:012x}");
    let seed = Seed(u128::from(seq).to_be_bytes());
    let unit = |path: &str, value: String| Unit {
        path: path.into(),
        content: Content::Open {
            salt: seed.salt(path),
            value,
        },
    };
    let body = format!(
        r#"{{"action":"scaleCluster","actor":{{"type":"user"}},"category":"cluster","context":{{}},"id":"{id}","result":"success","scope":{{"organization":"acme"}},"target":{{"id":"clu_{seq}","type":"cluster"}},"timestamp":"2026-07-22T16:23:01.000000Z"}}"#
    );
    let mut disclosure = Disclosure::new(
        EntryId::parse(&id).expect("a UUID"),
        ReceivedAt::parse(&format!("2026-07-22T16:23:02.{seq:06}Z")).expect("a time"),
        vec![
            unit("", body),
            unit("/actor/email", format!("\"{EMAIL}\"")),
            unit("/actor/name", "\"Maria\\nRo\u{df}i\u{202e}\"".into()),
            unit("/context/a~1b", "{\"n\":3.0e2}".into()),
            unit("/request/ip", "\"203.0.113.9\"".into()),
        ],
    )
    .expect("well formed");
    if seq % 3 == 2 {
        disclosure.erase("/actor/email").expect("a path");
    }
    disclosure
}

/// All entries and all complete subtrees, by level.
#[derive(Default)]
pub struct TestLog {
    pub disclosures: Vec<Disclosure>,
    frontier: Frontier,
    levels: Vec<Vec<Hash>>,
}

impl TestLog {
    /// A log of [`disclosure`]s.
    pub fn of(entries: u64) -> Self {
        let mut log = Self::default();
        for seq in 0..entries {
            log.append(disclosure(seq));
        }
        log
    }

    pub fn append(&mut self, disclosure: Disclosure) {
        let leaf = disclosure.leaf().expect("a leaf").hash();
        let levels = &mut self.levels;
        self.frontier
            .append(leaf, |node, hash| {
                let level = usize::from(node.level);
                levels.resize_with(levels.len().max(level + 1), Vec::new);
                levels[level].push(hash);
            })
            .expect("small");
        self.disclosures.push(disclosure);
    }

    pub fn hash(&self, node: Node) -> Result<Hash, Infallible> {
        Ok(self.levels[usize::from(node.level)][node.index as usize])
    }

    pub fn tree(&self, entries: u64) -> Tree {
        let size = Size::new(entries).expect("small");
        let Ok(tree) = Tree::read(size, |node| self.hash(node));
        tree
    }

    /// Signed by the log and its witness.
    pub fn checkpoint(&self, entries: u64) -> SignedCheckpoint {
        let key = log_key();
        let checkpoint = Checkpoint::new(key.verifier().name(), self.tree(entries));
        let mut signed = SignedCheckpoint::sign(checkpoint, &key).expect("its own origin");
        signed.cosign(&witness_key(), NOW).expect("room");
        signed
    }

    pub fn proof(&self, seq: u64, entries: u64) -> LogProof {
        let size = Size::new(entries).expect("small");
        let plan = Plan::inclusion(Seq(seq), size).expect("in range");
        let Ok(path) = plan.read(|node| self.hash(node));
        LogProof {
            extra: Some(self.disclosures[seq as usize].to_json().into_bytes()),
            seq: Seq(seq),
            path,
            checkpoint: self.checkpoint(entries),
        }
    }
}
