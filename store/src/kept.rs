//! An entry as the log keeps it: with the salts of its units, from which its leaf follows. Here `entry` meets `proof`.

use crate::segment::bits::{read_varint, write_varint};
use entry::{Entry, EntryId, Erased, Units};
use proof::Hash;
use proof::disclosure::{Content, Disclosure, Unit};
use proof::leaf::{self, Leaf, ReceivedAt, Salt, Seed, commitment, unit_digest};
use std::ops::Deref;

/// An entry and what its units are salted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub entry: Entry,
    pub salts: Salts,
}

/// What an entry's units are salted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Salts {
    /// All derive from it.
    Seed(Seed),
    /// Something was erased, and the seed with it: every unit's own, in order of paths.
    Each(Box<[Salted]>),
}

/// One unit of an entry of which something was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salted {
    pub path: Box<str>,
    pub with: SaltedWith,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaltedWith {
    /// The unit is there.
    Salt(Salt),
    /// It was erased.
    Erased {
        digest: Hash,
        /// The entry that says by whom, when and why.
        by: EntryId,
    },
}

impl Deref for Kept {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

const FITS: &str = "an entry has less than 65,535 units, and their paths are as short";

impl Salts {
    /// Appends the bytes that [`Salts::read_each`] reads; of a seed its own.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let units = match self {
            Salts::Seed(seed) => return out.extend_from_slice(&seed.0),
            Salts::Each(units) => units,
        };
        write_varint(units.len() as u64, out);
        for unit in units {
            write_varint(unit.path.len() as u64, out);
            out.extend_from_slice(unit.path.as_bytes());
            match &unit.with {
                SaltedWith::Salt(salt) => {
                    out.push(0);
                    out.extend_from_slice(&salt.0);
                }
                SaltedWith::Erased { digest, by } => {
                    out.push(1);
                    out.extend_from_slice(&digest.0);
                    out.extend_from_slice(by.as_bytes());
                }
            }
        }
    }

    /// `None` if the bytes are not those of [`Salts::Each`].
    pub(crate) fn read_each(mut bytes: &[u8]) -> Option<Salts> {
        let count = read_varint(&mut bytes)?;
        let mut units = Vec::new();
        for _ in 0..count {
            let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
            let (path, rest) = bytes.split_at_checked(length)?;
            let path = std::str::from_utf8(path).ok()?.into();
            let (kind, rest) = rest.split_first()?;
            let with = match kind {
                0 => {
                    let (salt, rest) = rest.split_first_chunk()?;
                    bytes = rest;
                    SaltedWith::Salt(Salt(*salt))
                }
                1 => {
                    let (digest, rest) = rest.split_first_chunk()?;
                    let (by, rest) = rest.split_first_chunk()?;
                    bytes = rest;
                    SaltedWith::Erased {
                        digest: Hash(*digest),
                        by: EntryId::from_bytes(*by),
                    }
                }
                _ => return None,
            };
            units.push(Salted { path, with });
        }
        bytes.is_empty().then(|| Salts::Each(units.into()))
    }

    /// What an entry with these says of its erased members.
    pub(crate) fn erased(&self) -> Vec<Erased> {
        let Salts::Each(units) = self else {
            return Vec::new();
        };
        let erased = |unit: &Salted| match unit.with {
            SaltedWith::Salt(_) => None,
            SaltedWith::Erased { by, .. } => Some(Erased {
                path: unit.path.clone(),
                entry: by,
            }),
        };
        units.iter().filter_map(erased).collect()
    }
}

/// What an entry's leaf commits to. `units` is room to work in.
///
/// # Errors
/// A sentence, if the salts are not those of the entry's units: what was read is not what was written.
pub fn commit(entry: &Entry, salts: &Salts, units: &mut Units) -> Result<Hash, String> {
    entry.write_units(units);
    let digests: Result<Vec<Hash>, String> = match salts {
        Salts::Seed(seed) => Ok(units
            .iter()
            .map(|(path, value)| unit_digest(&seed.salt(path), path, value).expect(FITS))
            .collect()),
        Salts::Each(_) => open_units(units, salts)?
            .iter()
            .map(|unit| unit.digest().map_err(|error| error.to_string()))
            .collect(),
    };
    commitment(&digests?).map_err(|error| error.to_string())
}

/// The units of an entry as they can be shown: each open, or erased.
fn open_units(units: &Units, salts: &Salts) -> Result<Vec<Unit>, String> {
    let open = |path: &str, salt: Salt, value: &[u8]| Unit {
        path: path.to_owned(),
        content: Content::Open {
            salt,
            value: String::from_utf8(value.to_vec()).expect("canonical JSON is UTF-8"),
        },
    };
    let mut left = units.iter();
    let all = match salts {
        Salts::Seed(seed) => left
            .by_ref()
            .map(|(path, value)| open(path, seed.salt(path), value))
            .collect(),
        Salts::Each(salted) => {
            let mut all = Vec::with_capacity(salted.len());
            for unit in salted {
                all.push(match unit.with {
                    SaltedWith::Salt(salt) => {
                        let (path, value) = left
                            .next()
                            .filter(|(path, _)| *path == &*unit.path)
                            .ok_or_else(|| format!("{} is salted, and not there", unit.path))?;
                        open(path, salt, value)
                    }
                    SaltedWith::Erased { digest, .. } => Unit {
                        path: unit.path.clone().into(),
                        content: Content::Erased { digest },
                    },
                });
            }
            all
        }
    };
    match left.next() {
        None => Ok(all),
        Some((path, _)) => Err(format!("{path} is there, and has no salt")),
    }
}

/// The leaf of an entry whose commitment is known.
pub fn leaf(entry: &Entry, commitment: Hash) -> Leaf {
    Leaf {
        id: shown_id(entry),
        received_at: shown_time(entry),
        commitment,
    }
}

fn shown_id(entry: &Entry) -> leaf::EntryId {
    let text = entry.id.to_ascii();
    let text = std::str::from_utf8(&text).expect("it is ASCII");
    leaf::EntryId::parse(text).expect("ids are written as UUIDs")
}

fn shown_time(entry: &Entry) -> ReceivedAt {
    let text = entry.received_at.to_ascii();
    let text = std::str::from_utf8(&text).expect("it is ASCII");
    ReceivedAt::parse(text).expect("times are written with six digits of a second")
}

impl Kept {
    /// What its leaf commits to.
    ///
    /// # Errors
    /// As [`commit`].
    pub fn commitment(&self, units: &mut Units) -> Result<Hash, String> {
        commit(&self.entry, &self.salts, units)
    }

    /// What the log's tree holds for it.
    ///
    /// # Errors
    /// As [`commit`].
    pub fn leaf(&self, units: &mut Units) -> Result<Leaf, String> {
        Ok(leaf(&self.entry, self.commitment(units)?))
    }

    /// Its units, with what makes them provable.
    ///
    /// # Errors
    /// As [`commit`].
    pub fn disclosure(&self) -> Result<Disclosure, String> {
        let mut units = Units::default();
        self.entry.write_units(&mut units);
        let units = open_units(&units, &self.salts)?;
        Disclosure::new(shown_id(&self.entry), shown_time(&self.entry), units)
            .map_err(|error| error.to_string())
    }

    /// Forgets the members at `paths` and what they could be guessed with; its leaf stays what it was. Paths that are no
    /// units of it are passed over. False if nothing was left to forget.
    ///
    /// # Errors
    /// As [`commit`].
    pub fn erase(&mut self, paths: &[Box<str>], by: EntryId) -> Result<bool, String> {
        let mut units = Units::default();
        self.entry.write_units(&mut units);
        let open = open_units(&units, &self.salts)?;
        let goes = |unit: &Unit| {
            let open = matches!(unit.content, Content::Open { .. });
            open && !unit.path.is_empty() && paths.iter().any(|path| **path == unit.path)
        };
        if !open.iter().any(goes) {
            return Ok(false);
        }
        let before = self.entry.erased.clone();
        let known = |path: &str| {
            before
                .iter()
                .find(|erased| &*erased.path == path)
                .map_or(by, |erased| erased.entry)
        };
        let salted = open.iter().map(|unit| {
            let with = match &unit.content {
                Content::Open { salt, .. } if !goes(unit) => SaltedWith::Salt(*salt),
                _ => SaltedWith::Erased {
                    digest: unit.digest().expect(FITS),
                    by: known(&unit.path),
                },
            };
            Salted {
                path: unit.path.as_str().into(),
                with,
            }
        });
        let salts = Salts::Each(salted.collect());
        for unit in open.iter().filter(|unit| goes(unit)) {
            let erased = self.entry.erase(&unit.path);
            debug_assert!(erased, "{} is a unit of it", unit.path);
        }
        self.entry.erased = salts.erased();
        self.salts = salts;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
