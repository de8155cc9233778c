//! Where each hash of a tree is: an array for each tile level, first in a file, what is behind it in memory.

use crate::Error;
use crate::directory::Directory;
use crate::faults::{Fault, Faults};
use entry::{Organization, Seq};
use parking_lot::Mutex;
use proof::frontier::Frontier;
use proof::tile::FULL_WIDTH;
use proof::tree::Node;
use proof::{Hash, Size, Tree};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Tile levels that a tree can have.
const LEVELS: u8 = 8;

/// Hashes of a full tile.
const WIDTH: u64 = FULL_WIDTH as u64;

/// The hashes of one log's tree that tiles hold: those of its complete ranges of 256^level leaves.
pub(crate) struct Levels {
    directory: Arc<Directory>,
    organization: Organization,
    faults: Faults,
    /// Guards where each hash is; held for moments, never over input or output.
    levels: Mutex<[Level; LEVELS as usize]>,
}

#[derive(Default)]
struct Level {
    /// So many hashes are in the file.
    written: u64,
    /// Those behind them.
    memory: Vec<Hash>,
}

/// How many hashes a level has in a tree of so many leaves.
fn hashes_at(level: u8, leaves: u64) -> u64 {
    leaves >> (8 * u32::from(level))
}

impl Levels {
    /// Of a log without files.
    pub fn new(directory: Arc<Directory>, organization: Organization, faults: Faults) -> Self {
        Levels {
            directory,
            organization,
            faults,
            levels: Mutex::default(),
        }
    }

    /// Where its files are.
    pub fn dir(&self) -> PathBuf {
        self.directory.hashes_dir(&self.organization)
    }

    /// Takes the files as they are for those of the entries before `end`. What is behind, if a process ended between writing
    /// hashes and naming the segment, is cut or passed over.
    ///
    /// # Errors
    /// [`Error::Damaged`] if one is too short; nothing was cut of that one.
    pub fn open(&self, end: Seq, cut: bool) -> Result<(), Error> {
        for level in 0..LEVELS {
            let wanted = hashes_at(level, end.0);
            let path = self.directory.hashes_file(&self.organization, level);
            let disk = &self.directory.disk;
            let bytes = match disk.size_bytes(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                size => size.map_err(|e| Error::io(&path, e))?,
            };
            let wanted_bytes = wanted * Hash::BYTES as u64;
            if bytes < wanted_bytes {
                return Err(Error::Damaged {
                    path,
                    what: format!(
                        "it has {} hashes, the entries beside it make {wanted}",
                        bytes / Hash::BYTES as u64
                    ),
                });
            }
            if cut && bytes > wanted_bytes {
                let cut = || disk.open(&path)?.set_size(wanted_bytes);
                cut().map_err(|e| Error::io(&path, e))?;
            }
            self.levels.lock()[usize::from(level)].written = wanted;
        }
        Ok(())
    }

    /// The edge of the tree of `size` entries.
    pub fn frontier(&self, size: Size) -> Result<Frontier, Error> {
        let mut reader = Reader::new(self, size);
        Frontier::read(size, |node| reader.node(node))
    }

    /// How many hashes each level has.
    pub fn counts(&self) -> [u64; LEVELS as usize] {
        let levels = self.levels.lock();
        std::array::from_fn(|level| levels[level].written + levels[level].memory.len() as u64)
    }

    /// Adds the root of a complete range; only tile levels are kept.
    pub fn push(&self, node: Node, hash: Hash) {
        if node.level.is_multiple_of(8) {
            let level = usize::from(node.level / 8);
            self.levels.lock()[level].memory.push(hash);
        }
    }

    /// Forgets what was pushed of leaves from `size` on; they are in no file.
    pub fn truncate(&self, size: Size) {
        for (level, kept) in (0..LEVELS).zip(self.levels.lock().iter_mut()) {
            let left = hashes_at(level, size.get()).saturating_sub(kept.written);
            kept.memory.truncate(left as usize);
        }
    }

    /// `count` hashes of a level from `first` on. The caller knows that there are as many.
    pub fn read(&self, level: u8, first: u64, count: u64) -> Result<Vec<Hash>, Error> {
        let end = first + count;
        let (in_file, in_memory) = {
            let levels = self.levels.lock();
            let level = &levels[usize::from(level)];
            let middle = level.written.clamp(first, end);
            let memory = (middle - level.written.min(middle)) as usize..;
            let wanted = (end - middle) as usize;
            let hashes = level.memory.get(memory).unwrap_or_default();
            (middle - first, hashes[..wanted.min(hashes.len())].to_vec())
        };
        if in_file + in_memory.len() as u64 != count {
            return Err(Error::Damaged {
                path: self.directory.hashes_file(&self.organization, level),
                what: format!("its hashes {first} to {end} are nowhere"),
            });
        }
        if in_file == 0 {
            return Ok(in_memory);
        }
        let mut hashes = self.read_file(level, first, in_file)?;
        hashes.extend(in_memory);
        Ok(hashes)
    }

    fn read_file(&self, level: u8, first: u64, count: u64) -> Result<Vec<Hash>, Error> {
        let path = self.directory.hashes_file(&self.organization, level);
        let (offset, length) = (first * Hash::BYTES as u64, count as usize * Hash::BYTES);
        let bytes = match self.directory.disk.read_at(&path, offset, length) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Err(Error::Damaged {
                    path,
                    what: format!("its hashes {first} to {} are missing", first + count),
                });
            }
            bytes => bytes.map_err(|e| Error::io(&path, e))?,
        };
        let (hashes, _) = bytes.as_chunks::<{ Hash::BYTES }>();
        Ok(hashes.iter().copied().map(Hash).collect())
    }

    /// Moves the hashes of all complete ranges before `end` to the files. Durable when it returns.
    pub fn write_until(&self, end: Seq) -> Result<(), Error> {
        for level in 0..LEVELS {
            let wanted = hashes_at(level, end.0);
            let (written, hashes) = {
                let levels = self.levels.lock();
                let level = &levels[usize::from(level)];
                let count = wanted.saturating_sub(level.written) as usize;
                (level.written, level.memory[..count].to_vec())
            };
            if hashes.is_empty() {
                continue;
            }
            self.append(level, written, &hashes)?;
            let mut levels = self.levels.lock();
            let level = &mut levels[usize::from(level)];
            // Whoever else wrote the same meanwhile has counted it already.
            let count = wanted.saturating_sub(level.written);
            level.memory.drain(..count as usize);
            level.written += count;
        }
        Ok(())
    }

    fn append(&self, level: u8, written: u64, hashes: &[Hash]) -> Result<(), Error> {
        let disk = &self.directory.disk;
        let path = self.directory.hashes_file(&self.organization, level);
        let dir = self.directory.hashes_dir(&self.organization);
        let (mut file, is_new) = match disk.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.directory.create_dir(&dir)?;
                (disk.create(&path).map_err(|e| Error::io(&path, e))?, true)
            }
            file => (file.map_err(|e| Error::io(&path, e))?, false),
        };
        let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        file.write_at(&bytes, written * Hash::BYTES as u64)
            .map_err(|e| Error::io(&path, e))?;
        let latched = |source: io::Error| Error::Latched {
            what: format!("syncing {} failed: {source}", path.display()),
        };
        if !self.faults.has(Fault::HashesNotSynced) {
            file.sync_data().map_err(latched)?;
        }
        // Also of a file that a try before this one made: its sync may not have been reached.
        if is_new || written == 0 {
            disk.sync_dir(&dir).map_err(latched)?;
        }
        Ok(())
    }
}

/// Reads nodes, each tile only once.
pub(crate) struct Reader<'a> {
    levels: &'a Levels,
    size: Size,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a> Reader<'a> {
    /// Of the tree of `size` entries, which the log has.
    pub fn new(levels: &'a Levels, size: Size) -> Self {
        Reader {
            levels,
            size,
            tiles: BTreeMap::new(),
        }
    }

    /// The root over a complete subtree.
    pub fn node(&mut self, node: Node) -> Result<Hash, Error> {
        let (level, depth) = (node.level / 8, node.level % 8);
        let first = node.index << depth;
        let tile = first / WIDTH;
        let hashes = match self.tiles.entry((level, tile)) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                let start = tile * WIDTH;
                let width = (hashes_at(level, self.size.get()) - start).min(WIDTH);
                unknown.insert(self.levels.read(level, start, width)?)
            }
        };
        let start = (first % WIDTH) as usize;
        Ok(root_of(&hashes[start..start + (1 << depth)]))
    }

    /// The whole tree.
    pub fn tree(&mut self) -> Result<Tree, Error> {
        Tree::read(self.size, |node| self.node(node))
    }
}

/// The root over `2^n` neighbouring hashes.
fn root_of(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        let (pairs, _) = row.as_chunks();
        row = pairs
            .iter()
            .map(|[left, right]| Hash::node(left, right))
            .collect();
    }
    row[0]
}

impl Levels {
    /// Holds every full tile against its hash in the tile above; the first that differs is damage. `go_on` is asked with the
    /// bytes that were read; `None` once it says no.
    pub fn scrub(&self, go_on: &mut dyn FnMut(usize) -> bool) -> Option<Result<(), Error>> {
        let counts = self.counts();
        for (level, above) in (0..LEVELS - 1).zip(&counts[1..]) {
            for index in 0..*above {
                let compared = self.compare(level, index);
                if compared.is_err() {
                    return Some(compared);
                }
                if !go_on((WIDTH as usize + 1) * Hash::BYTES) {
                    return None;
                }
            }
        }
        Some(Ok(()))
    }

    fn compare(&self, level: u8, index: u64) -> Result<(), Error> {
        let hashes = self.read(level, index * WIDTH, WIDTH)?;
        if self.read(level + 1, index, 1)? == [root_of(&hashes)] {
            return Ok(());
        }
        Err(Error::Damaged {
            path: self.directory.hashes_file(&self.organization, level),
            what: format!(
                "its hashes {} to {} are not those that the level above was made of",
                index * WIDTH,
                (index + 1) * WIDTH
            ),
        })
    }
}
