//! The last checkpoint accepted of a log, in a file of the verifier's own: what makes a log that was set back, or that shows
//! another history, detectable.

use super::Error;
use proof::checkpoint::SignedCheckpoint;
use proof::note;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The checkpoint in the file; `None` if there is no file yet. One that cannot be read is an error, never a first time.
pub fn read(path: &Path) -> Result<Option<SignedCheckpoint>, Error> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => file
            .take(note::BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => Err(error),
    }
    .map_err(|e| named(path, e))?;
    let signed = SignedCheckpoint::parse(&bytes).map_err(|e| {
        let why =
            format!("{e}; it is the memory of what was verified before, so it is not replaced");
        named(path, io::Error::new(io::ErrorKind::InvalidData, why))
    })?;
    Ok(Some(signed))
}

/// Puts an accepted note into the file, whole or not at all. If another verification has put a larger tree there meanwhile,
/// that one stays.
pub fn replace(path: &Path, signed_note: &[u8]) -> Result<(), Error> {
    let size = |signed: &SignedCheckpoint| signed.checkpoint().tree().size;
    let newer = SignedCheckpoint::parse(signed_note).ok();
    if let (Some(there), Some(newer)) = (read(path)?, newer)
        && size(&there) > size(&newer)
    {
        return Ok(());
    }
    write(path, signed_note).map_err(|e| named(path, e))
}

/// Keeps a note that contradicts the file's beside it: both together are the evidence. Where it is.
pub fn keep_beside(path: &Path, signed_note: &[u8]) -> Result<PathBuf, Error> {
    let beside = with_suffix(path, ".contradicted-by");
    write(&beside, signed_note).map_err(|e| named(&beside, e))?;
    Ok(beside)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = with_suffix(path, &format!(".{}.part", std::process::id()));
    let written = write_and_rename(path, &part, bytes);
    if written.is_err()
        && let Err(e) = std::fs::remove_file(&part)
    {
        tracing::debug!(error = %e, "the unfinished file stays");
    }
    written
}

fn write_and_rename(path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(part, path)?;
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn named(path: &Path, source: io::Error) -> Error {
    Error::File {
        name: path.display().to_string(),
        source,
    }
}
