//! A log in memory, and the evidence it gives out.

use std::convert::Infallible;

use proof::{
    Hash, Seq, Size, Tree,
    checkpoint::{Checkpoint, SignedCheckpoint},
    disclosure::{Content, Disclosure, Unit},
    frontier::Frontier,
    key::{KeyKind, KeyName, PosixSeconds, SigningKey},
    leaf::{EntryId, ReceivedAt, Seed},
    log_proof::LogProof,
    policy::Policy,
    tile::Tile,
    tree::{Node, Plan},
};

pub fn size(entries: u64) -> Size {
    Size::new(entries).expect("small")
}

/// All complete subtrees, by level.
#[derive(Default)]
pub struct TestLog {
    pub frontier: Frontier,
    levels: Vec<Vec<Hash>>,
}

impl TestLog {
    /// A log of so many leaves, each the text of its number.
    pub fn of(leaves: u64) -> Self {
        let mut log = Self::default();
        for seq in 0..leaves {
            log.append(Hash::leaf(seq.to_string().as_bytes()));
        }
        log
    }

    pub fn append(&mut self, leaf: Hash) {
        let levels = &mut self.levels;
        let keep = |node: Node, hash| {
            let level = usize::from(node.level);
            if levels.len() <= level {
                levels.push(Vec::new());
            }
            assert_eq!(
                levels[level].len() as u64,
                node.index,
                "each subtree is completed once, in order"
            );
            levels[level].push(hash);
        };
        self.frontier.append(leaf, keep).expect("small");
    }

    pub fn hash(&self, node: Node) -> Result<Hash, Infallible> {
        Ok(self.levels[usize::from(node.level)][node.index as usize])
    }

    pub fn tree(&self, entries: u64) -> Tree {
        let Ok(tree) = Tree::read(size(entries), |node| self.hash(node));
        tree
    }

    pub fn inclusion(&self, seq: u64, entries: u64) -> Vec<Hash> {
        let Ok(path) = Plan::inclusion(Seq(seq), size(entries))
            .expect("in range")
            .read(|node| self.hash(node));
        path
    }

    pub fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        let Ok(path) = Plan::consistency(size(old), size(new))
            .expect("in range")
            .read(|node| self.hash(node));
        path
    }

    /// A tile as a store would read it: a prefix read of the array of its level.
    pub fn tile(&self, tile: Tile) -> Vec<u8> {
        let level = self
            .levels
            .get(8 * usize::from(tile.level()))
            .map(|hashes| hashes.concat_bytes())
            .unwrap_or_default();
        let start = tile.offset_bytes() as usize;
        level[start..start + tile.length_bytes()].to_vec()
    }
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Hash> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|hash| hash.0).collect()
    }
}

pub const ORIGIN: &str = "audit.example/v1/logs/acme";
pub const NOW: PosixSeconds = PosixSeconds(1_700_000_000);

pub fn key(name: &str, kind: KeyKind, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).expect("a name"), kind, &[seed; 32])
}

pub fn log_key() -> SigningKey {
    key(ORIGIN, KeyKind::Ed25519, 1)
}

pub fn witness_key(number: u8) -> SigningKey {
    key(
        &format!("witness.example/{number}"),
        KeyKind::Cosignature,
        100 + number,
    )
}

/// The log and both of two witnesses.
pub fn policy() -> Policy {
    let text = format!(
        "log {}\nwitness w1 {}\nwitness w2 {}\ngroup both all w1 w2\nquorum both\n",
        log_key().verifier(),
        witness_key(1).verifier(),
        witness_key(2).verifier()
    );
    Policy::parse(text.as_bytes()).expect("a policy")
}

pub fn disclosure(number: u8) -> Disclosure {
    let seed = Seed([number; 16]);
    let unit = |path: &str, value: &str| Unit {
        path: path.into(),
        content: Content::Open {
            salt: seed.salt(path),
            value: value.into(),
        },
    };
    Disclosure::new(
        EntryId::parse(&format!("01983f0c-7d5e-7b3a-9c11-2f6f7a1b3c{number:02x}")).expect("a UUID"),
        ReceivedAt::parse(&format!("2026-07-22T16:23:02.1234{number:02}Z")).expect("a time"),
        vec![
            unit(
                "",
                r#"{"action":"scaleCluster","changes":3.0e2,"result":"success"}"#,
            ),
            unit("/actor/email", r#""maria@example.com""#),
            unit("/actor/name", "\"Maria\\nRößi\""),
            unit("/context/~0k~1ey", r#"{"a":[]}"#),
        ],
    )
    .expect("well formed")
}

/// Signed by the log and both witnesses.
pub fn checkpoint(tree: Tree) -> SignedCheckpoint {
    let checkpoint = Checkpoint::new(log_key().verifier().name(), tree);
    let mut signed = SignedCheckpoint::sign(checkpoint, &log_key()).expect("its own origin");
    signed.cosign(&witness_key(1), NOW).expect("room");
    signed.cosign(&witness_key(2), NOW).expect("room");
    signed
}

/// A log of seven entries, and the proof of one.
pub fn log_proof(seq: u8) -> LogProof {
    let mut log = TestLog::default();
    for number in 0..7 {
        log.append(disclosure(number).leaf().expect("a leaf").hash());
    }
    LogProof {
        extra: Some(disclosure(seq).to_json().into_bytes()),
        seq: Seq(seq.into()),
        path: log.inclusion(seq.into(), 7),
        checkpoint: checkpoint(log.tree(7)),
    }
}
