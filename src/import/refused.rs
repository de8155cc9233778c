//! What was refused, kept beside the input: verbatim, each with its reason.

use crate::cli::Failure;
use crate::terminal;
use serde_json::{Map, Value};
use sources::scan::{Place, Spill};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The most reasons that are also said on stderr: a person reads the first, the file has all.
const SAID_MAX: u64 = 5;

/// The refused items of one input. The file appears with the first of them.
pub struct Refused {
    path: PathBuf,
    /// False in a dry run: only told.
    keep: bool,
    out: Option<BufWriter<File>>,
    spill: Option<(Place, PathBuf, BufWriter<File>)>,
    pub count: u64,
}

impl Refused {
    pub fn new(path: PathBuf, keep: bool) -> Self {
        Self {
            path,
            keep,
            out: None,
            spill: None,
            count: 0,
        }
    }

    /// Where refused items are kept, if there are any.
    pub fn kept(&self) -> Option<&Path> {
        self.out.as_ref().map(|_| self.path.as_path())
    }

    /// Keeps one item as it stood.
    pub fn add(&mut self, place: Place, why: &str, raw: &[u8]) -> Result<(), Failure> {
        let raw = match std::str::from_utf8(raw) {
            Ok(text) => ("raw", Value::from(text)),
            Err(_) => (
                "raw_hex",
                Value::from(raw.iter().map(|b| format!("{b:02x}")).collect::<String>()),
            ),
        };
        self.write(place, why, raw)
    }

    /// Keeps one item whose bytes were spilled.
    pub fn add_spilled(&mut self, place: Place, why: &str) -> Result<(), Failure> {
        let name = match self.spill.take() {
            Some((_, path, mut file)) => {
                file.flush().map_err(|e| Failure::file(&path, &e))?;
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
            }
            None => None,
        };
        self.write(
            place,
            why,
            ("raw_file", name.map_or(Value::Null, Value::from)),
        )
    }

    fn write(
        &mut self,
        place: Place,
        why: &str,
        (name, raw): (&str, Value),
    ) -> Result<(), Failure> {
        self.count += 1;
        if self.count <= SAID_MAX {
            terminal::say(format_args!(
                "refused, line {}: {}",
                place.line,
                terminal::visible(why)
            ));
        }
        if self.count == SAID_MAX + 1 {
            terminal::say(format_args!("refused: and more; the file has them all"));
        }
        if !self.keep {
            return Ok(());
        }
        let line = Map::from_iter([
            ("line".to_owned(), Value::from(place.line)),
            ("item".to_owned(), Value::from(place.nth)),
            ("reason".to_owned(), Value::from(why)),
            (name.to_owned(), raw),
        ]);
        self.open().map_err(|e| {
            Failure::failed(format!(
                "{}: {e}\nrefused lines are kept there; --refused names another file",
                self.path.display()
            ))
        })?;
        let out = self.out.as_mut().expect("it was opened above");
        writeln!(out, "{}", Value::Object(line)).map_err(|e| Failure::file(&self.path, &e))
    }

    /// The file, made when first needed.
    fn open(&mut self) -> io::Result<()> {
        if self.out.is_none() {
            let (path, file) = fresh(&self.path)?;
            self.path = path;
            self.out = Some(BufWriter::new(file));
        }
        Ok(())
    }

    /// Everything is in the file, on stable storage.
    pub fn sync(&mut self) -> Result<(), Failure> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let synced = out.flush().and_then(|()| out.get_ref().sync_all());
        synced.map_err(|e| Failure::file(&self.path, &e))
    }

    /// Everything is in the file.
    pub fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.out {
            Some(out) => out.flush().map_err(|e| Failure::file(&self.path, &e)),
            None => Ok(()),
        }
    }
}

/// A new file at this path or, where another import kept its own, at the next free one: `import.refused-2.ndjson`.
fn fresh(wanted: &Path) -> io::Result<(PathBuf, File)> {
    let stem = wanted.file_stem().unwrap_or_default();
    let mut path = wanted.to_owned();
    let mut number = 1_u64;
    loop {
        match File::create_new(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            // A pipe or a device keeps nothing that could be lost.
            Err(_) if path.metadata().is_ok_and(|found| !found.is_file()) => {
                let file = File::options().write(true).open(&path)?;
                return Ok((path, file));
            }
            Err(_) => number += 1,
        }
        let mut name = stem.to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = wanted.extension() {
            name.push(".");
            name.push(extension);
        }
        path.set_file_name(name);
    }
}

impl Spill for Refused {
    fn write(&mut self, place: Place, bytes: &[u8]) -> io::Result<()> {
        if !self.keep {
            return Ok(());
        }
        if self.spill.as_ref().is_none_or(|(of, ..)| *of != place) {
            // It is named after the file that tells of it.
            self.open()?;
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".item-{}", place.nth));
            let (path, file) = fresh(Path::new(&name))?;
            self.spill = Some((place, path, BufWriter::new(file)));
        }
        match &mut self.spill {
            Some((_, _, file)) => file.write_all(bytes),
            None => Ok(()),
        }
    }
}
