//! The newest checkpoint of each log, kept outside the data directory: a backup that is put back later does not bring it along,
//! and a log that is behind it is told from the log as it was.
//!
//! Written beside, never waited for, and not synced: losing the last of them makes the comparison weaker, not wrong.

use super::Published;
use crate::directory::Directory;
use crate::disk::Disk;
use crate::store::Known;
use entry::{Organization, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Checkpoints that were shown, as files.
pub(crate) struct KnownDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Guards what is to be written: of each log the newest.
    waiting: Mutex<BTreeMap<Organization, Arc<Published>>>,
    /// The last try failed, and that was told.
    failing: AtomicBool,
}

impl KnownDir {
    /// `None` if nothing is kept.
    pub fn new(disk: Arc<dyn Disk>, data: &Path, known: &Known) -> Option<KnownDir> {
        let path = match known {
            Known::Off => return None,
            Known::At(path) => path.clone(),
            Known::Beside => beside(data)?,
        };
        Some(KnownDir {
            disk,
            path,
            waiting: Mutex::default(),
            failing: AtomicBool::new(false),
        })
    }

    /// Where the checkpoint of a log is.
    pub fn file(&self, organization: &Organization) -> PathBuf {
        self.path.join(organization.as_str())
    }

    /// The logs of which a checkpoint is known.
    pub fn organizations(&self) -> Vec<Organization> {
        let names = match self.disk.list(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "known checkpoints cannot be read");
                Vec::new()
            }
            names => names.unwrap_or_default(),
        };
        names
            .iter()
            .filter_map(|name| Organization::parse(name))
            .collect()
    }

    /// The checkpoint that is known of a log. What cannot be read is told and passed over: it hinders nobody who could as well
    /// have removed it.
    pub fn read(&self, organization: &Organization) -> Option<Published> {
        let path = self.file(organization);
        let bytes = match self.disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a known checkpoint cannot be read");
                return None;
            }
        };
        let note = std::str::from_utf8(&bytes).ok();
        let known = note.and_then(|note| Published::read(note, Timestamp::MIN));
        if known.is_none() {
            tracing::warn!(path = %path.display(), "it holds no checkpoint, and is replaced by the next");
        }
        known
    }

    /// Has a checkpoint written soon.
    pub fn tell(&self, organization: &Organization, published: &Arc<Published>) {
        self.waiting
            .lock()
            .insert(organization.clone(), published.clone());
    }

    /// Writes what waits. What cannot be written is told once, and waits for the next checkpoint of its log.
    pub fn write(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return;
        }
        let made = match self.disk.create_dir(&self.path) {
            Err(error) => Err((self.path.clone(), error)),
            Ok(_) => waiting.iter().try_for_each(|(organization, published)| {
                let path = self.file(organization);
                self.replace(&path, published.note.as_bytes())
                    .map_err(|error| (path, error))
            }),
        };
        match made {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err((path, error)) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(path = %path.display(), %error, "known checkpoints cannot be written: a backup that is put back may go unnoticed");
                }
            }
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = Directory::unfinished(path);
        let mut file = match self.disk.create(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(&unfinished)?;
                self.disk.create(&unfinished)?
            }
            file => file?,
        };
        file.write_at(bytes, 0)?;
        self.disk.rename(&unfinished, path)
    }
}

/// `<data>.known`; `None` if the directory has no name.
fn beside(data: &Path) -> Option<PathBuf> {
    let named = match data.file_name() {
        Some(_) => data.to_owned(),
        None => data.canonicalize().ok()?,
    };
    let mut name = named.file_name()?.to_owned();
    name.push(".known");
    Some(named.with_file_name(name))
}
