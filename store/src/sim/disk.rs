//! A disk that keeps apart what a loss of power keeps and what it may keep.

use super::Random;
use super::oracle::Promises;
use super::signed;
use crate::disk::{Disk, File, Lock};
use crate::segment::SegmentBytes;
use crate::tree::Trees;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The unit that is written whole or not at all.
const SECTOR: usize = 512;

/// All bytes and names of a disk: as programs see them, and as a loss of power would leave them.
#[derive(Clone, Default)]
pub(super) struct World {
    inodes: BTreeMap<u64, Arc<Inode>>,
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// Changes of names since the last sync of their directory, in order.
    pending: Vec<NameChange>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Node {
    Directory,
    File(u64),
}

#[derive(Clone)]
enum NameChange {
    Made(PathBuf, Node),
    Removed(PathBuf, Node),
    Renamed(PathBuf, PathBuf, Node),
}

impl NameChange {
    fn directory(&self) -> Option<&Path> {
        match self {
            NameChange::Made(path, _)
            | NameChange::Removed(path, _)
            | NameChange::Renamed(path, _, _) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Node>) {
        let mut remove = |path: &PathBuf, node: &Node| {
            if names.get(path) == Some(node) {
                names.remove(path);
            }
        };
        match self {
            NameChange::Removed(path, node) => remove(path, node),
            NameChange::Renamed(from, to, node) => {
                remove(from, node);
                names.insert(to.clone(), *node);
            }
            NameChange::Made(path, node) => {
                names.insert(path.clone(), *node);
            }
        }
    }
}

#[derive(Clone, Default)]
struct Inode {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// Writes since the last sync, in order.
    pending: Vec<Write>,
}

#[derive(Clone)]
enum Write {
    Size(usize),
    /// The whole sector as it was after a write to it.
    Sector {
        at: usize,
        bytes: Vec<u8>,
    },
}

impl Write {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Write::Size(size) => bytes.resize(*size, 0),
            Write::Sector { at, bytes: sector } => {
                // Data without the size that covers it is lost.
                let end = (at + sector.len()).min(bytes.len());
                if let Some(target) = bytes.get_mut(*at..end) {
                    target.copy_from_slice(&sector[..end - at]);
                }
            }
        }
    }
}

impl Inode {
    fn resize(&mut self, size: usize) {
        if size != self.live.len() {
            self.live.resize(size, 0);
            self.pending.push(Write::Size(size));
        }
    }

    fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if end > self.live.len() {
            self.resize(end);
        }
        self.live[offset..end].copy_from_slice(bytes);
        let mut at = offset / SECTOR * SECTOR;
        while at < end {
            let sector_end = (at + SECTOR).min(self.live.len());
            self.pending.push(Write::Sector {
                at,
                bytes: self.live[at..sector_end].to_vec(),
            });
            at += SECTOR;
        }
    }

    fn sync(&mut self) {
        for write in self.pending.drain(..) {
            write.apply(&mut self.durable);
        }
    }

    /// What a sync leaves that failed: any part is durable, and the system takes the rest for clean.
    fn lose(&mut self, random: &mut Random) {
        for write in self.pending.drain(..) {
            if random.once_in(2) {
                write.apply(&mut self.durable);
            }
        }
    }
}

/// What a crash leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survival {
    /// The process was killed, the machine runs on: everything is seen, nothing more is durable.
    Killed,
    Nothing,
    Everything,
    /// Names but no bytes: files of the right size, full of zeros.
    NamesAndSizes,
    /// Each sector, size and name by chance.
    Some,
}

impl World {
    pub fn new() -> Self {
        let mut world = World::default();
        world.live.insert("/".into(), Node::Directory);
        world.durable.insert("/".into(), Node::Directory);
        world
    }

    /// The disk as the next process finds it.
    pub fn crash(&self, survival: Survival, random: &mut Random) -> World {
        if survival == Survival::Killed {
            return self.clone();
        }
        // How much survives is itself by chance: the rare write that survives alone finds other bugs than the rare that is lost.
        let of_eight = 1 + random.below(7);
        let mut survives = |is_sector: bool| match survival {
            Survival::Nothing => false,
            Survival::Everything | Survival::Killed => true,
            Survival::NamesAndSizes => !is_sector,
            Survival::Some => random.below(8) < of_eight,
        };
        let mut names = self.durable.clone();
        for change in self.pending.iter().filter(|_| survives(false)) {
            change.apply(&mut names);
        }
        let lost_parent = |path: &Path| {
            path.ancestors()
                .skip(1)
                .any(|parent| !names.contains_key(parent))
        };
        let names: BTreeMap<_, _> = names
            .iter()
            .filter(|(path, _)| !lost_parent(path))
            .map(|(p, n)| (p.clone(), *n))
            .collect();
        let mut world = World {
            live: names.clone(),
            durable: names,
            ..World::default()
        };
        for node in world.live.values() {
            let Node::File(number) = node else { continue };
            let inode = &self.inodes[number];
            let mut bytes = inode.durable.clone();
            for write in &inode.pending {
                if survives(matches!(write, Write::Sector { .. })) {
                    write.apply(&mut bytes);
                }
            }
            let inode = Inode {
                live: bytes.clone(),
                durable: bytes,
                pending: Vec::new(),
            };
            world.inodes.insert(*number, Arc::new(inode));
        }
        world
    }

    /// Tells states apart that a process could tell apart, now or after another crash.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = foldhash::quality::FixedState::default().build_hasher();
        for (path, node) in self
            .live
            .iter()
            .filter(|(path, _)| !path.ends_with("secret"))
        {
            path.hash(&mut hasher);
            if let Node::File(number) = node {
                let inode = &self.inodes[number];
                inode.live.hash(&mut hasher);
                inode.pending.len().hash(&mut hasher);
            }
        }
        self.pending.len().hash(&mut hasher);
        hasher.finish()
    }

    /// The bytes of a file, to be damaged.
    pub fn bytes_mut(&mut self, path: &Path) -> &mut Vec<u8> {
        let Some(Node::File(number)) = self.live.get(path) else {
            panic!("no file {}", path.display())
        };
        &mut Arc::make_mut(self.inodes.get_mut(number).expect("named")).live
    }

    /// Loses a name for good.
    pub fn forget(&mut self, path: &Path) {
        self.live.remove(path);
        self.durable.remove(path);
    }

    /// Every file with its bytes, as a process sees them.
    pub fn contents(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.live.iter().filter_map(|(path, node)| match node {
            Node::File(number) => Some((path.as_path(), &self.inodes[number].live[..])),
            Node::Directory => None,
        })
    }

    /// The files whose names end so.
    pub fn files(&self, suffix: &str) -> Vec<PathBuf> {
        self.live
            .keys()
            .filter(|path| path.to_string_lossy().ends_with(suffix))
            .cloned()
            .collect()
    }

    fn used_bytes(&self) -> usize {
        let size = |node: &Node| match node {
            Node::File(number) => self.inodes[number].live.len(),
            Node::Directory => 0,
        };
        self.live.values().map(size).sum()
    }
}

/// A moment before an operation, and what was promised until then.
pub(super) struct CrashPoint {
    pub world: World,
    pub promises: Arc<Promises>,
}

/// What goes wrong while the process lives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trouble {
    /// The disk has room for so many bytes.
    pub room_bytes: Option<usize>,
    /// So many syncs from now, one fails.
    pub sync_fails_in: Option<u32>,
    /// So many writes from now, one fails.
    pub write_fails_in: Option<u32>,
}

/// A disk of the simulation. Cheap to clone; clones are the same disk.
#[derive(Clone)]
pub(super) struct SimDisk {
    /// Guards the whole disk.
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    world: World,
    promises: Arc<Promises>,
    /// What the running store shows is a promise the moment it is shown.
    showing: Option<Arc<Trees>>,
    /// One before each operation, if they are recorded.
    points: Option<Vec<CrashPoint>>,
    trouble: Trouble,
    random: Random,
    next_inode: u64,
    /// Whether room can be reserved.
    reserves: bool,
}

impl SimDisk {
    pub fn new(world: World, promises: Arc<Promises>, record: bool, mut random: Random) -> Self {
        let next_inode = world.inodes.keys().max().map_or(0, |max| max + 1);
        let reserves = random.once_in(2);
        let points = record.then(Vec::new);
        let trouble = Trouble::default();
        SimDisk {
            inner: Arc::new(Mutex::new(Inner {
                world,
                promises,
                showing: None,
                points,
                trouble,
                random,
                next_inode,
                reserves,
            })),
        }
    }

    pub fn set_promises(&self, promises: Promises) {
        self.inner.lock().promises = Arc::new(promises);
    }

    /// Has the store of these trees watched.
    pub fn watch(&self, trees: Arc<Trees>) {
        self.inner.lock().showing = Some(trees);
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.inner.lock().trouble = trouble;
    }

    /// Room for so many bytes more than there are.
    pub fn set_room(&self, more_bytes: usize) {
        let mut inner = self.inner.lock();
        inner.trouble.room_bytes = Some(inner.world.used_bytes() + more_bytes);
    }

    pub fn world(&self) -> World {
        self.inner.lock().world.clone()
    }

    /// The crash points so far, and the one now.
    pub fn take_points(&self) -> Vec<CrashPoint> {
        let mut inner = self.inner.lock();
        inner.record();
        inner.points.take().unwrap_or_default()
    }
}

fn no_such_file() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Inner {
    /// Called before every operation that changes something.
    fn record(&mut self) {
        if let Some(points) = &mut self.points {
            if let Some(trees) = &self.showing {
                let now = signed::shown(trees);
                if now != self.promises.shown {
                    Arc::make_mut(&mut self.promises).shown = now;
                }
            }
            points.push(CrashPoint {
                world: self.world.clone(),
                promises: self.promises.clone(),
            });
        }
    }

    fn file(&self, path: &Path) -> io::Result<u64> {
        match self.world.live.get(path) {
            Some(Node::File(number)) => Ok(*number),
            _ => Err(no_such_file()),
        }
    }

    fn inode(&mut self, number: u64) -> &mut Inode {
        Arc::make_mut(
            self.world
                .inodes
                .get_mut(&number)
                .expect("inodes stay while the disk does"),
        )
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.world.live);
        self.world.pending.push(change);
    }

    /// How many of `wanted` more bytes fit.
    fn fitting(&self, wanted: usize) -> usize {
        match self.trouble.room_bytes {
            Some(room) => room.saturating_sub(self.world.used_bytes()).min(wanted),
            None => wanted,
        }
    }

    fn fails(counter: &mut Option<u32>) -> bool {
        match counter {
            Some(0) => {
                *counter = None;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let mut inner = self.inner.lock();
        inner.record();
        if inner.world.live.contains_key(path) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        if !path
            .parent()
            .is_some_and(|parent| inner.world.live.contains_key(parent))
        {
            return Err(no_such_file());
        }
        let number = inner.next_inode;
        inner.next_inode += 1;
        inner.world.inodes.insert(number, Arc::default());
        inner.change(NameChange::Made(path.to_owned(), Node::File(number)));
        Ok(Box::new(SimFile {
            disk: self.clone(),
            number,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let number = self.inner.lock().file(path)?;
        Ok(Box::new(SimFile {
            disk: self.clone(),
            number,
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inner = self.inner.lock();
        let number = inner.file(path)?;
        Ok(inner.world.inodes[&number].live.clone())
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let inner = self.inner.lock();
        let bytes = &inner.world.inodes[&inner.file(path)?].live;
        let range = offset as usize..offset as usize + length;
        let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
        Ok(bytes.get(range).ok_or_else(cut)?.to_vec())
    }

    fn map(&self, path: &Path) -> io::Result<SegmentBytes> {
        Ok(SegmentBytes::Memory(self.read(path)?))
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        Ok(self.read(path)?.len() as u64)
    }

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        let mut inner = self.inner.lock();
        if inner.world.live.contains_key(path) {
            return Ok(false);
        }
        if !path
            .parent()
            .is_some_and(|parent| inner.world.live.contains_key(parent))
        {
            return Err(no_such_file());
        }
        inner.record();
        inner.change(NameChange::Made(path.to_owned(), Node::Directory));
        Ok(true)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock();
        inner.record();
        if !inner.world.live.contains_key(path) {
            return Err(no_such_file());
        }
        let pending = std::mem::take(&mut inner.world.pending);
        for change in pending {
            if change.directory() == Some(path) {
                change.apply(&mut inner.world.durable);
            } else {
                inner.world.pending.push(change);
            }
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock();
        inner.record();
        let node = Node::File(inner.file(from)?);
        inner.change(NameChange::Renamed(from.to_owned(), to.to_owned(), node));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock();
        let node = Node::File(inner.file(path)?);
        inner.record();
        inner.change(NameChange::Removed(path.to_owned(), node));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let inner = self.inner.lock();
        if !inner.world.live.contains_key(dir) {
            return Err(no_such_file());
        }
        let names = inner
            .world
            .live
            .keys()
            .filter(|path| path.parent() == Some(dir));
        Ok(names
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        Ok(Some(Box::new(SimLock)))
    }

    fn is_open_to_others(&self, _path: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn volatile(&self, _path: &Path) -> io::Result<Option<&'static str>> {
        Ok(None)
    }
}

/// One process at a time: the simulation has no other.
struct SimLock;

impl Lock for SimLock {}

struct SimFile {
    disk: SimDisk,
    number: u64,
}

impl File for SimFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut inner = self.disk.inner.lock();
        inner.record();
        let offset = offset as usize;
        let grows = (offset + bytes.len()).saturating_sub(inner.inode(self.number).live.len());
        let missing = grows - inner.fitting(grows);
        let fails = Inner::fails(&mut inner.trouble.write_fails_in);
        let written = if fails {
            bytes.len() / 2
        } else {
            bytes.len().saturating_sub(missing)
        };
        if written > 0 {
            inner.inode(self.number).write(&bytes[..written], offset);
        }
        match (fails, missing) {
            (true, _) => Err(io::Error::other("the disk is broken")),
            (false, 0) => Ok(()),
            (false, _) => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let mut inner = self.disk.inner.lock();
        inner.record();
        if Inner::fails(&mut inner.trouble.sync_fails_in) {
            let mut random = inner.random.clone();
            inner.random.next();
            if random.once_in(2) {
                inner.inode(self.number).lose(&mut random);
            }
            return Err(io::Error::other("the sync failed"));
        }
        inner.inode(self.number).sync();
        Ok(())
    }

    fn set_size(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut inner = self.disk.inner.lock();
        inner.record();
        inner.inode(self.number).resize(size_bytes as usize);
        Ok(())
    }

    fn reserve(&mut self, size_bytes: u64) -> io::Result<()> {
        let mut inner = self.disk.inner.lock();
        if !inner.reserves {
            return Ok(());
        }
        inner.record();
        let size = size_bytes as usize;
        let grows = size.saturating_sub(inner.inode(self.number).live.len());
        if inner.fitting(grows) < grows {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        inner.inode(self.number).resize(size);
        Ok(())
    }
}
