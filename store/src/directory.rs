//! The data directory: its names, its format, its lock, its secret.

use crate::Error;
use crate::disk::{Disk, Lock};
use entry::{Organization, Seq};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The format that this release writes, and the newest it reads. docs/format.md describes it.
pub const FORMAT: u32 = 2;

/// Bytes of key material in `secret`.
const SECRET_BYTES: usize = 32;

const JOURNAL_SUFFIX: &str = ".journal";
const SEGMENT_SUFFIX: &str = ".seg";
/// Ends the names of files that are not complete yet.
const UNFINISHED_SUFFIX: &str = ".tmp";

/// What may be in a data directory whose creation a crash ended, and in a file system that holds nothing else.
const BEFORE_FORMAT: [&str; 11] = [
    "format.tmp",
    "journal",
    "key.pem",
    "key.pem.tmp",
    "lock",
    "logs",
    "lost+found",
    "origins",
    "origins.tmp",
    "secret",
    "secret.tmp",
];

/// The names under a data directory, and the disk it is on.
pub(crate) struct Directory {
    pub disk: Arc<dyn Disk>,
    pub path: PathBuf,
}

/// A data directory that this process has for itself.
pub(crate) struct Opened {
    pub directory: Arc<Directory>,
    pub lock: Box<dyn Lock>,
    pub secret: [u8; SECRET_BYTES],
}

impl Directory {
    pub fn journal_dir(&self) -> PathBuf {
        self.path.join("journal")
    }

    pub fn journal_file(&self, first: u64) -> PathBuf {
        self.journal_dir()
            .join(format!("{first:020}{JOURNAL_SUFFIX}"))
    }

    pub fn logs_dir(&self) -> PathBuf {
        self.path.join("logs")
    }

    pub fn segments_dir(&self, organization: &Organization) -> PathBuf {
        self.logs_dir().join(organization.as_str()).join("segments")
    }

    pub fn segment_file(&self, organization: &Organization, first: Seq) -> PathBuf {
        self.segments_dir(organization)
            .join(format!("{:020}{SEGMENT_SUFFIX}", first.0))
    }

    pub fn hashes_dir(&self, organization: &Organization) -> PathBuf {
        self.logs_dir().join(organization.as_str()).join("hashes")
    }

    /// The hashes of a log's tree at one tile level.
    pub fn hashes_file(&self, organization: &Organization, level: u8) -> PathBuf {
        self.hashes_dir(organization).join(level.to_string())
    }

    /// The checkpoints of a log that the journal no longer holds.
    pub fn checkpoints_file(&self, organization: &Organization) -> PathBuf {
        self.hashes_dir(organization).join("checkpoints")
    }

    /// The private key that checkpoints are signed with.
    pub fn key_file(&self) -> PathBuf {
        self.path.join("key.pem")
    }

    /// Keys of before, from 1 on: the higher the number, the later it was replaced.
    pub fn older_key_file(&self, number: u32) -> PathBuf {
        self.path.join(format!("key-{number}.pem"))
    }

    /// The key that is about to replace it.
    pub fn next_key_file(&self) -> PathBuf {
        self.path.join("key-next.pem")
    }

    /// What the logs are called.
    pub fn origins_file(&self) -> PathBuf {
        self.path.join("origins")
    }

    /// Where a file is written before it gets `path` as its name.
    pub fn unfinished(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(UNFINISHED_SUFFIX);
        PathBuf::from(name)
    }

    /// Positions of the journal's files, ascending.
    pub fn journal_files(&self) -> Result<Vec<u64>, Error> {
        self.numbered(&self.journal_dir(), JOURNAL_SUFFIX)
    }

    /// First seqs of a log's segment files, ascending.
    pub fn segment_files(&self, organization: &Organization) -> Result<Vec<Seq>, Error> {
        Ok(self
            .numbered(&self.segments_dir(organization), SEGMENT_SUFFIX)?
            .into_iter()
            .map(Seq)
            .collect())
    }

    /// The organizations that have a directory.
    pub fn organizations(&self) -> Result<Vec<Organization>, Error> {
        let names = self.list(&self.logs_dir())?;
        Ok(names
            .iter()
            .filter_map(|name| Organization::parse(name))
            .collect())
    }

    /// Removes what was being written when the process ended.
    pub fn remove_unfinished(&self, dir: &Path) -> Result<(), Error> {
        for name in self
            .list(dir)?
            .iter()
            .filter(|name| name.ends_with(UNFINISHED_SUFFIX))
        {
            let path = dir.join(name);
            self.disk.remove(&path).map_err(|e| Error::io(&path, e))?;
        }
        Ok(())
    }

    /// Removes a file that may be there.
    pub fn remove_if_there(&self, path: &Path) -> Result<(), Error> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
            _ => Ok(()),
        }
    }

    /// The names in a directory; none if there is no such directory.
    fn list(&self, dir: &Path) -> Result<Vec<String>, Error> {
        match self.disk.list(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            names => names.map_err(|e| Error::io(dir, e)),
        }
    }

    fn numbered(&self, dir: &Path, suffix: &str) -> Result<Vec<u64>, Error> {
        // Names have 20 digits, so their order is that of the numbers.
        let names = self.list(dir)?;
        Ok(names
            .iter()
            .filter_map(|name| {
                name.strip_suffix(suffix)
                    .filter(|digits| digits.len() == 20)?
                    .parse()
                    .ok()
            })
            .collect())
    }

    /// Makes a directory, and its name durable. Repeatable.
    pub fn create_dir(&self, path: &Path) -> Result<(), Error> {
        let made = match self.disk.create_dir(path) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && path.parent().is_some_and(|p| p != path) =>
            {
                self.create_dir(parent_of(path))?;
                self.disk.create_dir(path)
            }
            made => made,
        };
        made.map_err(|e| Error::io(path, e))?;
        let parent = parent_of(path);
        // Also when it was there: the process that made it may have been killed before its sync.
        match self.disk.sync_dir(parent) {
            // A directory above the data that this process may use but not read was not made by it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced.map_err(|e| Error::io(parent, e)),
        }
    }

    /// Writes a small file, whole or not at all.
    pub fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let unfinished = Self::unfinished(path);
        self.remove_if_there(&unfinished)?;
        let write = || -> io::Result<()> {
            let mut file = self.disk.create(&unfinished)?;
            file.write_at(bytes, 0)?;
            file.sync_data()?;
            self.disk.rename(&unfinished, path)?;
            self.disk.sync_dir(parent_of(path))
        };
        write().map_err(|e| Error::io(path, e))
    }

    /// The bytes of a small file, if there is one.
    pub fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>, Error> {
        match self.disk.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(|e| Error::io(path, e)),
        }
    }

    pub fn has_logs(&self) -> Result<bool, Error> {
        Ok(!self.journal_files()?.is_empty() || !self.organizations()?.is_empty())
    }

    /// Refuses a directory of something else: it would be mixed with the log for good.
    fn refuse_foreign(&self) -> Result<(), Error> {
        let names = self.list(&self.path)?;
        if names.iter().any(|name| name == "format") {
            return Ok(());
        }
        let known = |name: &String| BEFORE_FORMAT.contains(&name.as_str());
        match names.into_iter().find(|name| !known(name)) {
            None => Ok(()),
            Some(found) => Err(Error::Foreign {
                path: self.path.clone(),
                found,
            }),
        }
    }

    fn check_format(&self) -> Result<(), Error> {
        let path = self.path.join("format");
        let Some(bytes) = self.read_file(&path)? else {
            if self.has_logs()? {
                return Err(Error::Damaged {
                    path,
                    what: "it is missing, yet there are logs beside it".into(),
                });
            }
            return self.write_file(&path, format!("{FORMAT}\n").as_bytes());
        };
        let found = std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.trim().parse::<u32>().ok());
        match found {
            Some(FORMAT) => Ok(()),
            Some(found) if found > FORMAT => Err(Error::NewerFormat {
                path,
                found,
                known: FORMAT,
            }),
            Some(found @ 1) => Err(Error::OlderFormat {
                path,
                found,
                known: FORMAT,
            }),
            _ => Err(Error::Damaged {
                path,
                what: "it names no version".into(),
            }),
        }
    }

    fn secret(&self) -> Result<[u8; SECRET_BYTES], Error> {
        let path = self.path.join("secret");
        if let Some(bytes) = self.read_file(&path)? {
            return bytes.try_into().map_err(|bytes: Vec<u8>| Error::Damaged {
                path,
                what: format!("it has {} bytes, not {SECRET_BYTES}", bytes.len()),
            });
        }
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|e| Error::io(&path, io::Error::other(e)))?;
        self.write_file(&path, &secret)?;
        Ok(secret)
    }
}

/// Opens or creates a data directory: lock, then format, then everything else.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    path: &Path,
    allow_volatile: bool,
) -> Result<Opened, Error> {
    let directory = Directory {
        disk,
        path: path.to_owned(),
    };
    directory.create_dir(path)?;
    let kind = directory
        .disk
        .volatile(path)
        .map_err(|e| Error::io(path, e))?;
    if let Some(kind) = kind.filter(|_| !allow_volatile) {
        return Err(Error::Volatile {
            path: path.to_owned(),
            kind,
        });
    }
    directory.refuse_foreign()?;
    let lock = lock(&directory)?;
    directory.check_format()?;
    let secret = directory.secret()?;
    directory.create_dir(&directory.journal_dir())?;
    directory.create_dir(&directory.logs_dir())?;
    Ok(Opened {
        directory: Arc::new(directory),
        lock,
        secret,
    })
}

/// Takes an existing data directory for itself, changing nothing in it.
pub(crate) fn open_existing(
    disk: Arc<dyn Disk>,
    path: &Path,
) -> Result<(Directory, Box<dyn Lock>), Error> {
    let directory = Directory {
        disk,
        path: path.to_owned(),
    };
    if directory.read_file(&path.join("format"))?.is_none() && !directory.has_logs()? {
        return Err(Error::NoData {
            path: path.to_owned(),
        });
    }
    let lock = lock(&directory)?;
    directory.check_format()?;
    Ok((directory, lock))
}

fn lock(directory: &Directory) -> Result<Box<dyn Lock>, Error> {
    let path = directory.path.join("lock");
    match directory.disk.lock(&path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(Error::Locked {
            path: directory.path.clone(),
        }),
        Err(error) => Err(Error::io(&path, error)),
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}
