//! One segment written anew from its entries, without what was erased.
//!
//! Nothing of the old bytes is copied: dictionaries that compress, values, words and everything else that finds entries
//! are derived from what the entries are now. In parts, so that memory does not grow with the segment.

use super::Standing;
use crate::Error;
use crate::directory::Directory;
use crate::index::Recent;
use crate::kept::{Kept, SaltedWith, Salts};
use crate::sealing::{Appender, Sealing};
use crate::segment::Segment;
use entry::Seq;
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Entries that are in memory at a time.
const CHUNK: u64 = 4_096;

/// Files that are parts of a segment to be; removed when dropped, and by the next start.
struct Parts<'a> {
    sealing: &'a Sealing,
    paths: Vec<PathBuf>,
    segments: Vec<Arc<Segment>>,
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        self.segments.clear();
        for path in &self.paths {
            if let Err(error) = self.sealing.directory.disk.remove(path) {
                // It holds nothing that was erased.
                tracing::warn!(path = %path.display(), %error, "a part of a segment stays until the next start");
            }
        }
    }
}

impl Sealing {
    /// Replaces a segment file by one without what is to be erased; nothing is done where all of that is gone.
    pub(super) fn rewrite_segment(
        &self,
        segment: &Arc<Segment>,
        standing: &[&Standing],
    ) -> Result<(), Error> {
        if !holds_any(segment, standing)? {
            return Ok(());
        }
        let organization = segment.organization();
        let parts = self.parts(segment, standing)?;
        let written = self.write_segment(organization, &parts.segments)?;
        self.state.replace_files(organization, 1, written);
        Ok(())
    }

    /// The segment's entries without what is to be erased, as one segment in memory or as several in files.
    fn parts(&self, segment: &Arc<Segment>, standing: &[&Standing]) -> Result<Parts<'_>, Error> {
        let mut parts = Parts {
            sealing: self,
            paths: Vec::new(),
            segments: Vec::new(),
        };
        let (mut start, end) = (segment.first_seq().0, segment.end_seq().0);
        let in_memory = end - start <= self.limits.part_entries;
        let mut recent = Recent::default();
        while start < end {
            let part = start..end.min(start + self.limits.part_entries);
            start = part.end;
            let built = self.built(segment, part, standing, &mut recent)?;
            if in_memory {
                parts.segments = built;
                break;
            }
            let path = segment_part(segment, parts.paths.len());
            self.directory.remove_if_there(&path)?;
            parts.paths.push(path);
            let path = &parts.paths[parts.paths.len() - 1];
            let file = self.directory.disk.create(path);
            let mut out = Appender::new(file.map_err(|e| Error::io(path, e))?);
            Segment::merge(&built, &mut out)?;
            out.flush().map_err(|e| Error::io(path, e))?;
            drop((out, built));
            let bytes = self.directory.disk.map(path);
            let bytes = bytes.map_err(|e| Error::io(path, e))?;
            parts.segments.push(Arc::new(Segment::open(bytes, path)?));
            segment.release();
            self.refuse_if_stopping()?;
        }
        Ok(parts)
    }

    fn built(
        &self,
        segment: &Segment,
        seqs: Range<u64>,
        standing: &[&Standing],
        recent: &mut Recent,
    ) -> Result<Vec<Arc<Segment>>, Error> {
        let mut built = Vec::new();
        let mut scratch = Vec::new();
        for start in seqs.clone().step_by(CHUNK as usize) {
            let end = seqs.end.min(start + CHUNK);
            let mut entries = Vec::with_capacity((end - start) as usize);
            for seq in start..end {
                let mut kept = read(segment, Seq(seq), recent, &mut scratch)?;
                for standing in standing {
                    let Some(paths) = standing.erase.get(Seq(seq)) else {
                        continue;
                    };
                    kept.erase(paths, standing.by)
                        .map_err(|what| segment.damaged(format!("seq {seq}: {what}")))?;
                }
                entries.push(Arc::new(kept));
            }
            built.push(Arc::new(Segment::build(segment.organization(), &entries)));
        }
        Ok(built)
    }
}

/// An entry that is, byte for byte, the one that was accepted: damage must not be copied into a file that would vouch for it.
fn read(
    segment: &Segment,
    seq: Seq,
    recent: &mut Recent,
    scratch: &mut Vec<u8>,
) -> Result<Kept, Error> {
    let ordinal = (seq.0 - segment.first_seq().0) as u32;
    let row = segment.row_of(ordinal);
    let entry = recent.entry(segment, row)?;
    if entry.seq != seq {
        return Err(segment.damaged(format!("its rows do not lead to seq {}", seq.0)));
    }
    segment.prove(row, &entry, scratch)?;
    let salts = segment.salts(ordinal)?;
    Ok(Kept { entry, salts })
}

fn segment_part(segment: &Segment, number: usize) -> PathBuf {
    let mut name = segment.path().as_os_str().to_owned();
    name.push(format!(".part-{number}"));
    Directory::unfinished(&PathBuf::from(name))
}

/// True if the segment holds anything of what is to be erased.
fn holds_any(segment: &Segment, standing: &[&Standing]) -> Result<bool, Error> {
    for standing in standing {
        let seqs = segment.first_seq()..segment.end_seq();
        for (seq, paths) in standing.erase.within(seqs) {
            let salts = segment.salts((seq.0 - segment.first_seq().0) as u32)?;
            if !is_erased(&salts, paths) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// True if nothing is left of the members. Where something was erased, members without a salt were never there.
fn is_erased(salts: &Salts, paths: &[Box<str>]) -> bool {
    let Salts::Each(units) = salts else {
        return false;
    };
    let open = |path: &str| {
        units
            .iter()
            .any(|unit| &*unit.path == path && matches!(unit.with, SaltedWith::Salt(_)))
    };
    !paths.iter().any(|path| open(path))
}
