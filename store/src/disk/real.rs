//! The disk of the machine.

use super::{Disk, File, Lock, map};
use crate::segment::SegmentBytes;
use rustix::fs::{FallocateFlags, FlockOperation};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// The disk of the machine.
pub struct RealDisk;

struct RealFile(fs::File);

struct RealLock(#[expect(dead_code, reason = "held for its lock, which ends with it")] fs::File);

impl Lock for RealLock {}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn File>> {
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn File>> {
        Ok(Box::new(RealFile(
            fs::OpenOptions::new().write(true).open(path)?,
        )))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn read_at(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        fs::File::open(path)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn map(&self, path: &Path) -> io::Result<SegmentBytes> {
        map::map(&fs::File::open(path)?)
    }

    fn size_bytes(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn create_dir(&self, path: &Path) -> io::Result<bool> {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for found in fs::read_dir(dir)? {
            // A name that is no UTF-8 is none of ours; shown with replacement characters it still matches nothing of ours.
            names.push(found?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(RealLock(file)))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn is_open_to_others(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.mode() & 0o077 != 0)
    }

    fn volatile(&self, path: &Path) -> io::Result<Option<&'static str>> {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58f6;
        const OVERLAY: u64 = 0x794c_7630;
        // The type of the field differs between targets; the magic numbers have 32 bits on all.
        let kind = rustix::fs::statfs(path)?.f_type as u64 & 0xffff_ffff;
        Ok(match kind {
            TMPFS => Some("tmpfs"),
            RAMFS => Some("ramfs"),
            OVERLAY => {
                let mounts = fs::read_to_string("/proc/self/mountinfo")?;
                overlay_is_volatile(&mounts, &path.canonicalize()?).then_some("a volatile overlay")
            }
            _ => None,
        })
    }
}

/// True if the overlay that holds `path` was mounted `volatile`: its syncs do nothing.
fn overlay_is_volatile(mountinfo: &str, path: &Path) -> bool {
    // The last mount whose mount point is the longest prefix of the path is the one in force.
    let mut best: Option<(usize, bool)> = None;
    for line in mountinfo.lines() {
        let Some((mount, file_system)) = line.split_once(" - ") else {
            continue;
        };
        let Some(point) = mount.split(' ').nth(4) else {
            continue;
        };
        let point = point
            .replace("\\040", " ")
            .replace("\\011", "\t")
            .replace("\\134", "\\");
        if !path.starts_with(&point) || best.is_some_and(|(length, _)| length > point.len()) {
            continue;
        }
        let mut parts = file_system.split(' ');
        let overlay = parts.next() == Some("overlay");
        let volatile = parts
            .nth(1)
            .is_some_and(|options| options.split(',').any(|o| o == "volatile"));
        best = Some((point.len(), overlay && volatile));
    }
    best.is_some_and(|(_, volatile)| volatile)
}

impl File for RealFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_size(&mut self, size_bytes: u64) -> io::Result<()> {
        self.0.set_len(size_bytes)
    }

    fn reserve(&mut self, size_bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, size_bytes) {
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volatile_overlay_is_told_from_a_plain_one() {
        let mountinfo = "\
            22 1 0:21 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n\
            40 22 0:40 / /var/lib/vol\\040atile rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w,volatile\n\
            41 22 8:1 / /var/lib/plain rw - ext4 /dev/sda rw,volatile\n";
        assert!(!overlay_is_volatile(mountinfo, Path::new("/data")));
        assert!(overlay_is_volatile(
            mountinfo,
            Path::new("/var/lib/vol atile/data")
        ));
        assert!(!overlay_is_volatile(
            mountinfo,
            Path::new("/var/lib/plain/data")
        ));
    }

    #[test]
    fn a_lock_excludes_the_second_and_ends_with_its_holder() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("lock");
        let first = RealDisk.lock(&path).expect("lock").expect("free");
        assert!(RealDisk.lock(&path).expect("lock").is_none());
        drop(first);
        assert!(RealDisk.lock(&path).expect("lock").is_some());
    }
}
