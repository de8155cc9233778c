//! A log in memory and the true evidence it gives out, made with the mathematics alone.

use mar_audit::bundle::{About, Line};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::disclosure::{Content, Disclosure, Unit};
use proof::frontier::Frontier;
use proof::key::{KeyKind, KeyName, PosixSeconds, SigningKey};
use proof::leaf::{EntryId, ReceivedAt, Seed};
use proof::log_proof::LogProof;
use proof::tile::Tile;
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

    /// A tile as a store would read it.
    pub fn tile(&self, tile: Tile) -> Vec<u8> {
        let hashes = &self.levels[8 * usize::from(tile.level())];
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        let start = tile.offset_bytes() as usize;
        bytes[start..start + tile.length_bytes()].to_vec()
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

/// The bundle of `[first, end)` under the tree of `size`; entries whose place is a multiple of five are withheld.
pub fn bundle(log: &TestLog, first: u64, end: u64, size: u64) -> Vec<u8> {
    let about = About {
        origin: ORIGIN.to_owned(),
        first: Seq(first),
        end: Seq(end),
        made_at: entry::Timestamp::parse("2026-11-23T12:00:00Z").expect("a time"),
        filter: "actor:\"maria\"\u{202e}".to_owned(),
    };
    let note = log.checkpoint(size).to_string();
    let line = |seq: Seq| {
        let disclosure = &log.disclosures[seq.0 as usize];
        Ok::<_, Infallible>(if seq.0.is_multiple_of(5) {
            Line::Withheld(disclosure.leaf().expect("a leaf").to_bytes())
        } else {
            Line::Open(disclosure.to_json().into_bytes())
        })
    };
    let tile = |tile| Ok(log.tile(tile));
    mar_audit::bundle::write(Vec::new(), &about, note.as_bytes(), tile, line).expect("written")
}

/// The archive in a bundle.
pub fn unpacked(bundle: &[u8]) -> Vec<u8> {
    zstd::decode_all(bundle).expect("a frame")
}

/// A bundle of an archive.
pub fn packed(archive: &[u8]) -> Vec<u8> {
    zstd::encode_all(archive, 1).expect("a frame")
}

/// The members of an archive: names and contents.
pub fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    let mut rest = archive;
    while rest[0] != 0 {
        let name = String::from_utf8_lossy(&rest[..100]);
        let name = name.trim_end_matches('\0').to_owned();
        let size = std::str::from_utf8(&rest[124..135]).expect("digits");
        let size = usize::from_str_radix(size, 8).expect("octal");
        members.push((name, rest[512..512 + size].to_vec()));
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
    members
}

/// The archive of these members.
pub fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in members {
        let size = content.len() as u64;
        archive.extend_from_slice(&mar_audit::bundle::archive::header(name, size));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.extend_from_slice(&[0; 1024]);
    archive
}
