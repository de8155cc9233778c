//! `verify bundle`: how long an outsider's check of a generated evidence bundle takes, and what it holds in memory.

use super::ingest::megabytes;
use super::workload::Workload;
use super::{Failed, Figure, figure};
use crate::bundle::{About, Line, write};
use entry::draft::Defaults;
use entry::{Category, EntryId, Organization, Timestamp, Units};
use proof::checkpoint::{Checkpoint, SignedCheckpoint};
use proof::disclosure::{Content, Disclosure, Unit};
use proof::frontier::Frontier;
use proof::key::{KeyKind, KeyName, SigningKey};
use proof::leaf::{self, ReceivedAt, Seed};
use proof::tile::Tile;
use proof::{Hash, Seq};
use std::io::{BufWriter, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const ORIGIN: &str = "bench.example/v1/logs/bench";

/// The log of a workload: its entries as a verifier is shown them, and the hashes over them.
struct Log<'w> {
    workload: &'w Workload,
    /// By tile level.
    levels: Vec<Vec<u8>>,
    frontier: Frontier,
}

impl<'w> Log<'w> {
    fn of(workload: &'w Workload) -> Result<Self, Failed> {
        let mut log = Self {
            workload,
            levels: vec![Vec::new(); 8],
            frontier: Frontier::default(),
        };
        for seq in 0..workload.entries {
            let leaf = log.disclosure(seq).and_then(|shown| shown.leaf());
            let levels = &mut log.levels;
            let completed = |node: proof::tree::Node, hash: Hash| {
                if node.level.is_multiple_of(8) {
                    levels[usize::from(node.level / 8)].extend_from_slice(&hash.0);
                }
            };
            let appended = leaf.and_then(|leaf| log.frontier.append(leaf.hash(), completed));
            appended.map_err(|e| Failed::Evidence(e.to_string()))?;
        }
        Ok(log)
    }

    fn disclosure(&self, seq: u64) -> Result<Disclosure, proof::Error> {
        let seed = Seed(u128::from(seq).to_be_bytes());
        let id = EntryId::from_bytes(u128::from(seq).to_be_bytes());
        let received_at = Timestamp::from_micros(1_790_000_000_000_000 + seq as i64);
        let received_at = received_at.expect("a time of our century");
        let defaults = Defaults {
            id,
            organization: Organization::parse("bench").expect("a slug"),
            category: Category::Other,
        };
        let draft = self.workload.draft(seq);
        let entry = draft.accept(entry::Seq(seq), received_at, defaults);
        let mut units = Units::default();
        entry.write_units(&mut units);
        let open = units.iter().map(|(path, value)| Unit {
            path: path.to_owned(),
            content: Content::Open {
                salt: seed.salt(path),
                value: String::from_utf8_lossy(value).into_owned(),
            },
        });
        Disclosure::new(
            leaf::EntryId::parse(&entry.id.to_string())?,
            ReceivedAt::parse(&received_at.to_string())?,
            open.collect(),
        )
    }

    fn tile(&self, tile: Tile) -> Vec<u8> {
        let start = tile.offset_bytes() as usize;
        self.levels[usize::from(tile.level())][start..start + tile.length_bytes()].to_vec()
    }

    /// Writes everything as one bundle; the key to verify it with.
    fn write(&self, path: &Path) -> Result<String, Failed> {
        let evidence = |e: proof::Error| Failed::Evidence(e.to_string());
        let name = KeyName::new(ORIGIN).map_err(evidence)?;
        let key = SigningKey::from_seed(name, KeyKind::Ed25519, &[1; 32]);
        let tree = self.frontier.tree();
        let checkpoint = Checkpoint::new(key.verifier().name(), tree);
        let signed = SignedCheckpoint::sign(checkpoint, &key).map_err(evidence)?;
        let about = About {
            origin: ORIGIN.to_owned(),
            first: Seq(0),
            end: Seq(tree.size.get()),
            made_at: Timestamp::MIN,
            filter: String::new(),
        };
        let file = std::fs::File::create(path).map_err(Failed::file(path))?;
        write(
            BufWriter::new(file),
            &about,
            signed.to_string().as_bytes(),
            |tile| Ok(self.tile(tile)),
            |seq| Ok(Line::Open(self.disclosure(seq.0)?.to_json().into_bytes())),
        )
        .map_err(|e: crate::bundle::writer::Error<proof::Error>| Failed::Evidence(e.to_string()))?;
        Ok(key.verifier().to_string())
    }
}

/// Generates a bundle of the whole workload at `path` and verifies it by the program itself.
pub(super) fn measure(workload: &Workload, path: &Path) -> Result<Vec<Figure>, Failed> {
    let log = Log::of(workload)?;
    let begun = Instant::now();
    let vkey = log.write(path)?;
    let wrote = begun.elapsed().as_secs_f64();
    drop(log);
    let bytes = std::fs::metadata(path).map_err(Failed::file(path))?.len();
    let (took, most) = verify(path, &vkey)?;
    let entries = workload.entries as f64;
    Ok(vec![
        figure(
            "evidence bundle, bytes an entry",
            "",
            format!("{:.0}", bytes as f64 / entries),
        ),
        figure(
            "evidence bundle written, the workload's own cost included",
            "",
            format!("{:.0} entries/s", entries / wrote),
        ),
        figure(
            "verify bundle, 1 million entries",
            "≤ 5 s",
            format!("{:.2} s", took / entries * 1e6),
        ),
        figure("verify bundle, memory at most", "flat", megabytes(most)),
    ])
}

/// Seconds, and the most memory held.
fn verify(path: &Path, vkey: &str) -> Result<(f64, u64), Failed> {
    let program = std::env::current_exe()?;
    let begun = Instant::now();
    let mut child = Command::new(program)
        .args(["verify", "bundle", "-", "--key", vkey, "--output", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("it is a pipe");
    let mut file = std::fs::File::open(path).map_err(Failed::file(path))?;
    let status = format!("/proc/{}/status", child.id());
    let mut chunk = vec![0; 1 << 20];
    let mut most = 0;
    loop {
        let read = file.read(&mut chunk).map_err(Failed::file(path))?;
        if read == 0 {
            break;
        }
        std::io::Write::write_all(&mut stdin, &chunk[..read])?;
        most = most.max(most_held(&std::fs::read_to_string(&status)?));
    }
    drop(stdin);
    let ended = child.wait()?;
    let took = begun.elapsed().as_secs_f64();
    if !ended.success() {
        return Err(Failed::Evidence(format!(
            "verify bundle ended with {ended}"
        )));
    }
    Ok((took, most))
}

/// The kernel's high-water mark of a process's memory, in bytes.
fn most_held(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
