//! The tree of a log, made again from its entries, held against the arrays of hashes and every checkpoint that is stored.

use super::{Checker, Mode};
use crate::directory::Directory;
use crate::faults::Faults;
use crate::journal::record::{self, Kind};
use crate::journal::scan;
use crate::keyring::{Keyring, LogKeys};
use crate::sealing::Appender;
use crate::tree::{Published, notes};
use crate::{Error, Kept};
use entry::{Organization, Seq, Units};
use proof::frontier::Frontier;
use proof::key::KeyName;
use proof::{Hash, Tree};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of an array that are read at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// A checkpoint without its text: a log may have hundreds of thousands.
struct Stated {
    tree: Tree,
    /// Where it is.
    path: Arc<Path>,
}

/// What the checkpoints of a directory state, by log, smallest first.
#[derive(Default)]
pub(super) struct Checkpoints(BTreeMap<Organization, Vec<Stated>>);

/// A log's tree while its entries are read.
pub(super) struct Rebuilt {
    organization: Organization,
    mode: Mode,
    frontier: Frontier,
    arrays: Vec<Array>,
    /// Largest first.
    stated: Vec<Stated>,
    units: Units,
    /// What differs: its file, and the entries from the first that it is about.
    found: Vec<(PathBuf, Seq, String)>,
    /// A checkpoint differs.
    refuted: bool,
}

/// One level's array, read piece by piece; in a repair, written anew beside.
struct Array {
    path: PathBuf,
    /// Hashes in the file.
    stored: u64,
    /// Hashes compared.
    at: u64,
    piece: Vec<Hash>,
    piece_at: u64,
    anew: Anew,
    /// That was told.
    differs: bool,
}

/// An array as the entries make it, beside the one that is there.
enum Anew {
    No,
    Writing(Appender),
    /// It is whole, and waits for its name.
    Written,
}

impl Checker<'_> {
    /// Reads every checkpoint, and checks who signed it.
    pub(super) fn read_checkpoints(&mut self) -> Result<Checkpoints, Error> {
        let path = self.directory.origins_file();
        let keyring = match self.directory.read_file(&path)? {
            Some(origins) => Keyring::read(self.directory, &origins),
            None => Err(Error::Damaged {
                path,
                what: "it is missing: it holds the names of the logs".into(),
            }),
        };
        let mut reading = Reading {
            keyring: self.noted(keyring)?,
            keys: BTreeMap::new(),
            checkpoints: Checkpoints::default(),
            found: Vec::new(),
        };
        for organization in self.directory.organizations()? {
            let path: Arc<Path> = self.directory.checkpoints_file(&organization).into();
            let kept = notes::read(self.directory, &organization);
            for published in self.noted(kept)?.unwrap_or_default() {
                reading.take(&organization, &published, &path);
            }
        }
        let mut now: Arc<Path> = Path::new("").into();
        let scanned = scan::scan(self.directory, Faults::default(), &mut |path, record| {
            if *now != *path {
                now = path.into();
            }
            if record.kind == Some(Kind::Checkpoint)
                && let Some((organization, at, note)) = record::read_checkpoint(record.content)
                && let Some(published) = Published::read(note, at)
            {
                reading.take(&organization, &published, &now);
            }
            Ok(())
        });
        match scanned {
            // What differs there is told when its entries are read.
            Ok(_) | Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        for (path, what) in std::mem::take(&mut reading.found) {
            self.differs(&path, None, what);
        }
        let mut checkpoints = reading.checkpoints;
        for stated in checkpoints.0.values_mut() {
            stated.sort_by_key(|stated| stated.tree.size);
        }
        Ok(checkpoints)
    }

    /// Damage is a difference; anything else ends the check.
    fn noted<T>(&mut self, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { path, what }) => {
                self.differs(&path, None, what);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Begins with the entries of a log.
    pub(super) fn begin_tree(&mut self, organization: &Organization) -> Result<Rebuilt, Error> {
        let mut arrays = Vec::new();
        for level in 0..8 {
            let path = self.directory.hashes_file(organization, level);
            let stored = match self.directory.disk.size_bytes(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                size => size.map_err(|e| Error::io(&path, e))? / Hash::BYTES as u64,
            };
            arrays.push(Array {
                path,
                stored,
                at: 0,
                piece: Vec::new(),
                piece_at: 0,
                anew: Anew::No,
                differs: false,
            });
        }
        let stated = self.checkpoints.0.remove(organization);
        let mut stated = stated.unwrap_or_default();
        stated.reverse();
        Ok(Rebuilt {
            organization: organization.clone(),
            mode: self.mode,
            frontier: Frontier::default(),
            arrays,
            stated,
            units: Units::default(),
            found: Vec::new(),
            refuted: false,
        })
    }

    /// The entries were not all read, or are not those that were accepted: the tree cannot be made.
    pub(super) fn give_up(&mut self, mut tree: Rebuilt) -> Result<(), Error> {
        tree.stated.clear();
        tree.refuted = true;
        tree.end_arrays(self.directory)?;
        self.end_tree(tree)
    }

    /// All entries were read.
    pub(super) fn end_tree(&mut self, tree: Rebuilt) -> Result<(), Error> {
        let size = tree.frontier.size();
        for stated in &tree.stated {
            let what = format!(
                "a checkpoint of {} entries of {} was signed, the log has {size}",
                stated.tree.size, tree.organization
            );
            self.differs(&stated.path, None, what);
        }
        // What is signed must be what the entries make, or the entries are not those that were accepted.
        let accepted = tree.stated.is_empty() && !tree.refuted;
        let mut repaired = false;
        for array in tree.arrays {
            if !matches!(array.anew, Anew::Written) {
                continue;
            }
            let unfinished = Directory::unfinished(&array.path);
            let io = |e| Error::io(&array.path, e);
            if accepted {
                let disk = &self.directory.disk;
                disk.rename(&unfinished, &array.path).map_err(io)?;
                self.report.repaired.push(array.path);
                repaired = true;
            } else {
                self.directory.remove_if_there(&unfinished)?;
            }
        }
        if repaired {
            let dir = self.directory.hashes_dir(&tree.organization);
            let synced = self.directory.disk.sync_dir(&dir);
            synced.map_err(|e| Error::io(&dir, e))?;
        }
        for (path, first, what) in tree.found {
            let entries = Some((&tree.organization, first, Seq(size.get().max(first.0 + 1))));
            self.differs(&path, entries, what);
        }
        Ok(())
    }
}

struct Reading {
    keyring: Option<Keyring>,
    keys: BTreeMap<(Organization, KeyName), LogKeys>,
    checkpoints: Checkpoints,
    found: Vec<(PathBuf, String)>,
}

impl Reading {
    fn take(&mut self, organization: &Organization, published: &Published, path: &Arc<Path>) {
        if let Some(keyring) = &self.keyring {
            let origin = published.checkpoint.checkpoint().origin();
            let what = match keyring.name_of(organization, origin) {
                None => Some(format!("{origin} is no name of {organization}")),
                Some(name) => {
                    let key = (organization.clone(), name.clone());
                    let keys = self
                        .keys
                        .entry(key)
                        .or_insert_with(|| keyring.keys_of(&name));
                    match published.checkpoint.note().verified_by(keys.verifiers()) {
                        Ok(signers) if !signers.is_empty() => None,
                        Ok(_) => Some("it is not signed by the log's key".to_owned()),
                        Err(error) => Some(error.to_string()),
                    }
                }
            };
            if let Some(what) = what {
                let what = format!("the checkpoint of {} entries: {what}", published.size());
                self.found.push((path.to_path_buf(), what));
            }
        }
        let stated = Stated {
            tree: published.tree(),
            path: path.clone(),
        };
        let of_log = self.checkpoints.0.entry(organization.clone());
        of_log.or_default().push(stated);
    }
}

impl Rebuilt {
    /// Adds the next entry; `sealed` if it is in a segment.
    pub fn add(&mut self, directory: &Directory, kept: &Kept, sealed: bool) -> Result<(), Error> {
        let leaf = match kept.leaf(&mut self.units) {
            Ok(leaf) => leaf.hash(),
            Err(what) => {
                let path = directory.segments_dir(&self.organization);
                self.found
                    .push((path, kept.seq, format!("it has no leaf: {what}")));
                self.refuted = true;
                // Any other: what it was cannot be known.
                Hash::leaf(b"")
            }
        };
        let repair = sealed && self.mode == Mode::RepairIndex;
        let mut completed = Vec::new();
        self.frontier
            .append(leaf, |node, hash| completed.push((node, hash)))?;
        for (node, hash) in completed {
            if sealed && node.level % 8 == 0 {
                let array = &mut self.arrays[usize::from(node.level / 8)];
                if repair {
                    array.write(directory, &hash)?;
                }
                if let Some(what) = array.compare(directory, hash)? {
                    self.found.push((array.path.clone(), kept.seq, what));
                }
            }
        }
        self.compare_checkpoints();
        Ok(())
    }

    /// Entries of which the tree is made.
    pub fn size(&self) -> u64 {
        self.frontier.size().get()
    }

    /// All entries in segments were read: the arrays must hold as many hashes as these make.
    pub fn end_arrays(&mut self, directory: &Directory) -> Result<(), Error> {
        for array in &mut self.arrays {
            if array.stored < array.at && !array.differs {
                array.differs = true;
                let what = format!(
                    "it has {} hashes, the entries make {}",
                    array.stored, array.at
                );
                self.found.push((array.path.clone(), Seq(0), what));
            }
            array.piece = Vec::new();
            if let Anew::Writing(out) = std::mem::replace(&mut array.anew, Anew::No) {
                out.finish().map_err(|e| Error::io(&array.path, e))?;
                if array.differs {
                    array.anew = Anew::Written;
                } else {
                    directory.remove_if_there(&Directory::unfinished(&array.path))?;
                }
            }
        }
        Ok(())
    }

    fn compare_checkpoints(&mut self) {
        let size = self.frontier.size();
        while let Some(stated) = self.stated.pop_if(|stated| stated.tree.size <= size) {
            if stated.tree != self.frontier.tree() {
                self.refuted = true;
                let what = format!(
                    "the checkpoint of {} entries has another root than the entries",
                    stated.tree.size
                );
                self.found.push((stated.path.to_path_buf(), Seq(0), what));
            }
        }
    }
}

impl Array {
    /// Adds to the array as it should be.
    fn write(&mut self, directory: &Directory, hash: &Hash) -> Result<(), Error> {
        if let Anew::No = self.anew {
            directory.create_dir(self.path.parent().unwrap_or(&self.path))?;
            let unfinished = Directory::unfinished(&self.path);
            directory.remove_if_there(&unfinished)?;
            let file = directory.disk.create(&unfinished);
            let file = file.map_err(|e| Error::io(&unfinished, e))?;
            self.anew = Anew::Writing(Appender::new(file));
        }
        match &mut self.anew {
            Anew::Writing(out) => out.write_all(&hash.0).map_err(|e| Error::io(&self.path, e)),
            Anew::No | Anew::Written => Ok(()),
        }
    }

    /// Compares the next hash; tells the first that differs.
    fn compare(&mut self, directory: &Directory, hash: Hash) -> Result<Option<String>, Error> {
        let at = self.at;
        self.at += 1;
        if at >= self.stored || self.differs {
            return Ok(None);
        }
        if at >= self.piece_at + self.piece.len() as u64 {
            let count = (self.stored - at).min((PIECE_BYTES / Hash::BYTES) as u64);
            let (offset, length) = (at * Hash::BYTES as u64, count as usize * Hash::BYTES);
            let read = directory.disk.read_at(&self.path, offset, length);
            let bytes = read.map_err(|e| Error::io(&self.path, e))?;
            let (hashes, _) = bytes.as_chunks::<{ Hash::BYTES }>();
            self.piece = hashes.iter().copied().map(Hash).collect();
            self.piece_at = at;
        }
        if self.piece[(at - self.piece_at) as usize] == hash {
            return Ok(None);
        }
        self.differs = true;
        Ok(Some(format!(
            "its hash {at} is not that of the entries, nor need those behind it be"
        )))
    }
}
