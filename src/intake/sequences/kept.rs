//! The numbers of all sources in a file: a line that says when it was written, then a line of JSON for each source.

use super::{Counted, Key, Ranges};
use entry::{Organization, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// In the data directory.
pub const FILE: &str = "sequences.ndjson";

#[derive(Serialize, Deserialize)]
struct Head {
    sequences: u32,
    written_at: String,
    sources: usize,
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Line {
    organization: String,
    source: Box<str>,
    heard: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten: Option<i64>,
    /// First, last, and the timestamp of the last.
    ranges: Vec<(u64, u64, i64)>,
}

pub fn text(now: Timestamp, sources: &BTreeMap<Key, Counted>) -> Vec<u8> {
    let head = Head {
        sequences: VERSION,
        written_at: now.to_string(),
        sources: sources.len(),
    };
    let mut out = Vec::new();
    let mut add = |json: Result<String, serde_json::Error>| {
        out.extend_from_slice(json.expect("texts and numbers are JSON").as_bytes());
        out.push(b'\n');
    };
    add(serde_json::to_string(&head));
    for ((organization, source), counted) in sources {
        let ranges = counted.ranges.ranges.iter();
        add(serde_json::to_string(&Line {
            organization: organization.to_string(),
            source: source.clone(),
            heard: counted.heard,
            forgotten: counted.ranges.forgotten,
            ranges: { ranges.map(|(&first, &(last, at))| (first, last, at)) }.collect(),
        }));
    }
    out
}

/// Puts the file in the place of the one before, on stable storage.
pub fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

type Kept = (Timestamp, BTreeMap<Key, Counted>);

/// When it was written, and what stands there; `None` without a file.
pub fn read(path: &Path) -> Result<Option<Kept>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let mut lines = text.lines();
    let head = lines.next().ok_or("it is empty")?;
    let head: Head = serde_json::from_str(head).map_err(|error| error.to_string())?;
    let at = Timestamp::parse(&head.written_at).map_err(|_| "written_at is no time")?;
    if head.sequences != VERSION {
        return Err(format!("it is of version {}", head.sequences));
    }
    let mut sources = BTreeMap::new();
    for line in lines {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let organization = Organization::parse(&line.organization);
        let organization = organization.ok_or("an organization is no slug")?;
        let ranges = line.ranges.into_iter();
        let ranges = Ranges {
            ranges: { ranges.map(|(first, last, at)| (first, (last, at))) }.collect(),
            forgotten: line.forgotten,
        };
        must_be_apart(&ranges)?;
        let heard = line.heard;
        sources.insert((organization, line.source), Counted { ranges, heard });
    }
    match sources.len() == head.sources {
        true => Ok(Some((at, sources))),
        false => Err("it has another number of sources than it says".to_owned()),
    }
}

fn must_be_apart(ranges: &Ranges) -> Result<(), String> {
    let mut free = Some(0);
    for (&first, &(last, _)) in &ranges.ranges {
        let is_apart = free.is_some_and(|free| first >= free) && first <= last;
        if !is_apart {
            return Err("its ranges overlap".to_owned());
        }
        free = last.checked_add(2);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_was_cut_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(FILE);
        assert_eq!(read(&path), Ok(None));
        let mut sources = BTreeMap::new();
        for (n, name) in ["api", "\"odd\"\n"].into_iter().enumerate() {
            let mut counted = Counted::default();
            for number in [1, 2, 5, 9 + n as u64] {
                counted.ranges.insert(number, 7);
            }
            counted.heard = 9;
            let acme = Organization::parse("acme").expect("a slug");
            sources.insert((acme, name.into()), counted);
        }
        let now = Timestamp::from_micros(1_793_534_400_000_000).expect("an instant");
        let whole = text(now, &sources);
        write(&path, &whole).expect("written");
        assert_eq!(read(&path), Ok(Some((now, sources))));
        for end in 0..whole.len() - 1 {
            fs::write(&path, &whole[..end]).expect("written");
            assert!(read(&path).is_err(), "cut at {end}");
        }
    }
}
