//! The files of a spool: their names, who may read them, and the one process that has them.

use super::recovery::io;
use crate::OpenError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".spool";

/// Makes the directory if it is not there, readable by its owner alone, and takes it for this process.
pub fn open(dir: &Path) -> Result<File, OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| io(dir, error))?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|error| io(dir, error))?;
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let lock = options.open(&path).map_err(|error| io(&path, error))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked {
            dir: dir.to_owned(),
        }),
        Err(error) => Err(io(&path, error.into())),
    }
}

/// `00000000000000000007.spool`
pub fn file(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}{SUFFIX}"))
}

/// The numbers of the spool files that are there, ascending.
pub fn numbers(dir: &Path) -> Result<Vec<u64>, OpenError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| io(dir, error))? {
        let name = entry.map_err(|error| io(dir, error))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        found.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// A file that must not be there yet, for its owner alone; durable as a name when this returns.
pub fn create(dir: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync(dir)?;
    Ok(file)
}

/// A file that may be there, for its owner alone.
pub fn append_to(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

pub fn sync(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Keeps bytes that are no frames; `None` if they were kept before.
pub fn keep_aside(
    dir: &Path,
    number: u64,
    at: u64,
    bytes: &[u8],
) -> std::io::Result<Option<PathBuf>> {
    let aside = dir.join("damaged");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&aside)?;
    let path = aside.join(format!("{number:020}-{at}"));
    match create(&aside, &path, bytes) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}
