//! `access.redb`: accounts, roles, bindings, tokens, sessions and links on disk; and the mark beside it.
//!
//! One table, keys `<what>/<id>`, values JSON, read strictly: what this release does not know it does not guess at. Every
//! change is one transaction, on stable storage when it returns. The mark holds how many changes there were: a file that
//! is missing, another's or older than its mark is told and not used, since whoever wipes the file must not be greeted
//! with a first-start link, and who restores an old one must not bring revoked tokens back unnoticed.

use super::Error;
use super::secret::Key;
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The schema that this release writes, and the newest it reads.
pub const SCHEMA: u32 = 1;

const ROWS: TableDefinition<&str, &[u8]> = TableDefinition::new("mar-audit/access");
const META: &str = "meta";
const CACHE_BYTES: usize = 4 * 1024 * 1024;
const MARK_HEAD: &str = "mar-audit/access@v1";

/// Where it is kept.
#[derive(Clone, Debug)]
pub struct Places {
    pub file: PathBuf,
    /// Small, and better not on the same backup.
    pub mark: PathBuf,
}

/// What to do about a file that does not fit its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Refuse it.
    Known,
    /// Take it as it is: somebody who answers for it has said so.
    Anything,
}

/// One row to write, or to remove.
pub(super) struct Row {
    pub key: String,
    pub value: Option<Vec<u8>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta {
    schema: u32,
    id: String,
    changes: u64,
    key: String,
}

/// The open file; this process has it for itself.
pub(super) struct File {
    database: Database,
    places: Places,
    meta: Meta,
    /// A write failed: what is on disk is unknown until it is read again.
    failed: bool,
}

/// What an open file holds.
pub(super) struct Opened {
    pub file: File,
    pub key: Key,
    pub rows: Vec<(String, Vec<u8>)>,
}

/// Random bytes of a new file: its id, then its key.
pub(super) const RANDOM_BYTES: usize = 16 + Key::BYTES;

impl File {
    pub fn open(
        places: &Places,
        expect: Expect,
        random: [u8; RANDOM_BYTES],
    ) -> Result<Opened, Error> {
        let known = match expect {
            Expect::Known => read_mark(&places.mark)?,
            Expect::Anything => None,
        };
        if known.is_some() && !exists(&places.file)? {
            return Err(Error::Wiped {
                path: places.file.clone(),
            });
        }
        let database = open_database(&places.file)?;
        let rows = read_rows(&database, &places.file)?;
        let (meta, fresh) = match rows.iter().find(|(key, _)| key == META) {
            Some((_, bytes)) => (read_meta(bytes, &places.file)?, false),
            None if rows.is_empty() && known.is_none() => (new_meta(random), true),
            None if rows.is_empty() => {
                return Err(Error::Wiped {
                    path: places.file.clone(),
                });
            }
            None => return Err(damaged(&places.file, "it does not say what it is")),
        };
        if let Some((id, changes)) = known {
            compare(&meta, &id, changes, &places.file)?;
        }
        let key = key_of(&meta, &places.file)?;
        let mut file = Self {
            database,
            places: places.clone(),
            meta,
            failed: false,
        };
        if fresh {
            file.commit(&[])?;
        } else {
            file.write_mark()?;
        }
        let rows = rows.into_iter().filter(|(key, _)| key != META).collect();
        Ok(Opened { file, key, rows })
    }

    /// Writes all of the rows, or none. On stable storage when it returns.
    ///
    /// After an error it is not known what is on disk, and nothing is written any more until the file is opened again.
    pub fn commit(&mut self, rows: &[Row]) -> Result<(), Error> {
        let meta = Meta {
            changes: self.meta.changes + 1,
            ..self.meta.clone()
        };
        let storage = |error| Error::storage(&self.places.file, error);
        if self.failed {
            return Err(storage(redb::Error::PreviousIo));
        }
        if let Err(error) = self.write(rows, &meta) {
            self.failed = true;
            return Err(Error::storage(&self.places.file, error));
        }
        self.meta = meta;
        if let Err(error) = self.write_mark() {
            // The change is kept. Until the next one an older file would not be recognised as such.
            tracing::warn!(%error, "the mark of the access file was not written");
        }
        Ok(())
    }

    fn write(&self, rows: &[Row], meta: &Meta) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(ROWS)?;
            for row in rows {
                match &row.value {
                    Some(value) => drop(table.insert(row.key.as_str(), value.as_slice())?),
                    None => drop(table.remove(row.key.as_str())?),
                }
            }
            let meta = serde_json::to_vec(meta).expect("texts and numbers are JSON");
            table.insert(META, meta.as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn write_mark(&self) -> Result<(), Error> {
        let text = format!("{MARK_HEAD}\n{}\n{}\n", self.meta.id, self.meta.changes);
        let path = &self.places.mark;
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(".tmp");
        let write = || -> io::Result<()> {
            let mut file = private().create(true).truncate(true).open(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            sync_directory_of(path)
        };
        write().map_err(|error| Error::io(path, error))
    }
}

fn compare(meta: &Meta, id: &str, changes: u64, path: &Path) -> Result<(), Error> {
    if meta.id != id {
        return Err(Error::Replaced {
            path: path.to_owned(),
        });
    }
    if meta.changes < changes {
        return Err(Error::Older {
            path: path.to_owned(),
            found: meta.changes,
            known: changes,
        });
    }
    Ok(())
}

fn open_database(path: &Path) -> Result<Database, Error> {
    let created = match private().create_new(true).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(Error::io(path, error)),
    };
    if created {
        sync_directory_of(path).map_err(|error| Error::io(path, error))?;
    }
    let mode = fs::metadata(path).map_err(|error| Error::io(path, error))?;
    let mode = mode.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    // Else a damaged file may panic; it is small enough to be looked through at every start.
    builder.set_check_integrity_on_open(true);
    builder
        .create(path)
        .map_err(|error| Error::storage(path, error.into()))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

fn read_rows(database: &Database, path: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let read = || -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
        let transaction = database.begin_read()?;
        let table = match transaction.open_table(ROWS) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table?,
        };
        let mut rows = Vec::new();
        for row in table.iter()? {
            let (key, value) = row?;
            rows.push((key.value().to_owned(), value.value().to_vec()));
        }
        Ok(rows)
    };
    read().map_err(|error| Error::storage(path, error))
}

fn new_meta(random: [u8; RANDOM_BYTES]) -> Meta {
    let (id, key) = random.split_at(RANDOM_BYTES - Key::BYTES);
    Meta {
        schema: SCHEMA,
        id: crate::cursor::base64url(id),
        changes: 0,
        key: crate::cursor::base64url(key),
    }
}

fn read_meta(bytes: &[u8], path: &Path) -> Result<Meta, Error> {
    // A newer schema may say more here: only its number is read of it.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let version: Version =
        serde_json::from_slice(bytes).map_err(|_| damaged(path, "it names no schema"))?;
    if version.schema > SCHEMA {
        return Err(Error::NewerSchema {
            path: path.to_owned(),
            found: version.schema,
            known: SCHEMA,
        });
    }
    let meta = serde_json::from_slice(bytes).map_err(|error| damaged(path, error.to_string()));
    meta.and_then(|meta: Meta| match meta.schema {
        SCHEMA => Ok(meta),
        _ => Err(damaged(path, "it names no schema")),
    })
}

fn key_of(meta: &Meta, path: &Path) -> Result<Key, Error> {
    let bytes = crate::cursor::from_base64url(&meta.key).and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(Key::new)
        .ok_or_else(|| damaged(path, "its key has not 32 bytes"))
}

/// The id and the changes that a mark names; `None` if there is no mark.
fn read_mark(path: &Path) -> Result<Option<(String, u64)>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(path, error)),
    };
    let mut lines = text.lines();
    let (head, id, changes) = (lines.next(), lines.next(), lines.next());
    let changes = changes.and_then(|text| text.parse().ok());
    match (head, id, changes) {
        (Some(MARK_HEAD), Some(id), Some(changes)) => Ok(Some((id.to_owned(), changes))),
        _ => Err(damaged(path, "it is no mark of an access file")),
    }
}

fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(|error| Error::io(path, error))
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(parent)?.sync_all()
}

pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        what: what.into(),
    }
}
