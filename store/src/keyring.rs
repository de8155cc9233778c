//! Who signs: the key of a data directory, and the names of its logs.
//!
//! `key.pem` is the key, `key-<n>.pem` are the keys before it, `origins` holds the host that all logs are named after and the
//! names of logs that go on under another. All three are ground: whoever verifies a log knows it by its name and keys, so none
//! of them ever changes by itself.

mod change;
mod pem;

pub use change::{Change, Rotated, recover, rotate, show};

use crate::directory::Directory;
use crate::{Error, Random};
use entry::Organization;
use proof::key::{KeyKind, KeyName, SigningKey, VerifierKey};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The name of a log, and what its checkpoints are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The first line of its checkpoints.
    pub name: KeyName,
    /// Newest first. Each signs every checkpoint; any one of them is enough to check it.
    pub keys: Vec<VerifierKey>,
}

/// The private keys of one log, newest first.
pub(crate) struct LogKeys(Vec<SigningKey>);

/// The 32 bytes an Ed25519 key is made of.
#[derive(Clone)]
struct Secret([u8; 32]);

/// Names and keys of all logs of a data directory.
pub struct Keyring {
    host: Box<str>,
    /// Newest first.
    secrets: Vec<Secret>,
    /// Names of logs that are not named after the host.
    renamed: BTreeMap<Organization, KeyName>,
}

impl Keyring {
    /// Reads the keys and names, or makes them in a directory that has none. `public_host` is what is configured,
    /// `default_host` what a new directory's logs are named after without it.
    pub(crate) fn open(
        directory: &Directory,
        random: &Random,
        public_host: Option<&str>,
        default_host: &str,
    ) -> Result<Keyring, Error> {
        let path = directory.origins_file();
        match directory.read_file(&path)? {
            Some(bytes) => {
                let ring = Self::read(directory, &bytes)?;
                match public_host.filter(|configured| **configured != *ring.host) {
                    None => Ok(ring),
                    Some(configured) => Err(Error::Configuration {
                        what: format!(
                            "public_host is {configured}, but the logs in {} are named after {}, and whoever verifies \
                             them knows them by that name: configure that one, or none",
                            directory.path.display(),
                            ring.host
                        ),
                    }),
                }
            }
            None if directory.has_logs()? => Err(Error::Damaged {
                path,
                what: "it is missing: it holds the names of the logs beside it".into(),
            }),
            None => Self::create(directory, random, public_host.unwrap_or(default_host)),
        }
    }

    fn create(directory: &Directory, random: &Random, host: &str) -> Result<Keyring, Error> {
        check_host(host)?;
        let path = directory.key_file();
        // The names are written last: without them, a key that is there was never used.
        let secret = match directory.read_file(&path)? {
            Some(bytes) => read_key(directory, path, &bytes)?,
            None => {
                let mut secret = Secret([0; 32]);
                random(&mut secret.0);
                directory.write_file(&path, pem::write(&secret.0).as_bytes())?;
                secret
            }
        };
        let ring = Keyring {
            host: host.into(),
            secrets: vec![secret],
            renamed: BTreeMap::new(),
        };
        directory.write_file(&directory.origins_file(), ring.origins().as_bytes())?;
        Ok(ring)
    }

    /// The keys and names of a directory that has them. `origins` are the bytes of that file.
    pub(crate) fn read(directory: &Directory, origins: &[u8]) -> Result<Keyring, Error> {
        let path = directory.origins_file();
        let damaged = |what: &str| Error::Damaged {
            path: path.clone(),
            what: what.into(),
        };
        let text = std::str::from_utf8(origins).map_err(|_| damaged("it is no text"))?;
        let mut lines = text.lines();
        let host = lines
            .next()
            .and_then(|line| line.strip_prefix("host "))
            .filter(|host| check_host(host).is_ok())
            .ok_or_else(|| damaged("its first line is not host <public host>"))?;
        let mut renamed = BTreeMap::new();
        for line in lines {
            let name = line.split_once(' ').and_then(|(organization, name)| {
                Some((Organization::parse(organization)?, KeyName::new(name).ok()?))
            });
            let (organization, name) =
                name.ok_or_else(|| damaged("a line is not <organization> <origin>"))?;
            renamed.insert(organization, name);
        }
        let ring = Keyring {
            host: host.into(),
            secrets: read_keys(directory)?,
            renamed,
        };
        if ring.origins() != text {
            return Err(damaged("it is not written as this release writes it"));
        }
        Ok(ring)
    }

    /// The content of `origins`.
    fn origins(&self) -> String {
        let mut text = format!("host {}\n", self.host);
        for (organization, name) in &self.renamed {
            text.push_str(&format!("{organization} {name}\n"));
        }
        text
    }

    /// What all logs are named after, but those that were recovered.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Has a log go on as its `number`th name.
    fn rename(&mut self, organization: &Organization, number: u32) -> Result<(), Error> {
        let name = format!("{}/v1/logs/{organization}~{number}", self.host);
        self.renamed
            .insert(organization.clone(), KeyName::new(&name)?);
        Ok(())
    }

    /// The name of a log.
    pub(crate) fn name(&self, organization: &Organization) -> KeyName {
        let first = || {
            let name = format!("{}/v1/logs/{organization}", self.host);
            KeyName::new(&name).expect("host and slug are fit for a name")
        };
        self.renamed
            .get(organization)
            .cloned()
            .unwrap_or_else(first)
    }

    /// A name that a log has or had.
    pub(crate) fn name_of(&self, organization: &Organization, origin: &str) -> Option<KeyName> {
        let rest = origin
            .strip_prefix(&*self.host)?
            .strip_prefix("/v1/logs/")?
            .strip_prefix(organization.as_str())?;
        let number = |number: &str| number.parse::<u32>().is_ok();
        let known = rest.is_empty() || rest.strip_prefix('~').is_some_and(number);
        KeyName::new(origin).ok().filter(|_| known)
    }

    /// The keys of a log.
    pub(crate) fn keys(&self, organization: &Organization) -> LogKeys {
        self.keys_of(&self.name(organization))
    }

    /// The keys under a name.
    pub(crate) fn keys_of(&self, name: &KeyName) -> LogKeys {
        let key =
            |secret: &Secret| SigningKey::from_seed(name.clone(), KeyKind::Ed25519, &secret.0);
        LogKeys(self.secrets.iter().map(key).collect())
    }

    /// The name of a log, and what its checkpoints are checked with.
    pub fn origin(&self, organization: &Organization) -> Origin {
        Origin {
            name: self.name(organization),
            keys: self.keys(organization).verifiers().cloned().collect(),
        }
    }
}

impl LogKeys {
    /// Newest first; at least one.
    pub fn signing(&self) -> &[SigningKey] {
        &self.0
    }

    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(SigningKey::verifier)
    }
}

/// The key and those before it, newest first.
fn read_keys(directory: &Directory) -> Result<Vec<Secret>, Error> {
    let path = directory.key_file();
    let Some(bytes) = directory.read_file(&path)? else {
        return Err(Error::Damaged {
            path,
            what: "it is missing, yet checkpoints were signed with it".into(),
        });
    };
    let mut secrets = vec![read_key(directory, path, &bytes)?];
    let mut older = Vec::new();
    for number in 1.. {
        let path = directory.older_key_file(number);
        let Some(bytes) = directory.read_file(&path)? else {
            break;
        };
        let key = read_key(directory, path, &bytes)?;
        // A rotation that did not end has kept the key that is still in use.
        if key.0 != secrets[0].0 {
            older.push(key);
        }
    }
    secrets.extend(older.into_iter().rev());
    Ok(secrets)
}

fn read_key(directory: &Directory, path: PathBuf, bytes: &[u8]) -> Result<Secret, Error> {
    let open = directory
        .disk
        .is_open_to_others(&path)
        .map_err(|e| Error::io(&path, e))?;
    if open {
        return Err(Error::Configuration {
            what: format!(
                "{} is the log's private key, and others than its owner may read it: chmod 600 it, and rotate the key if \
                 anyone may have",
                path.display()
            ),
        });
    }
    match pem::read(bytes) {
        Some(secret) => Ok(Secret(secret)),
        None => Err(Error::Damaged {
            path,
            what: "it is no Ed25519 private key in PKCS#8 PEM".into(),
        }),
    }
}

/// Refuses what cannot be the first part of an origin.
fn check_host(host: &str) -> Result<(), Error> {
    let breaks = |c: char| c.is_whitespace() || c.is_control() || c == '+' || c == '/';
    if host.is_empty() || host.len() > 253 || host.contains(breaks) {
        return Err(Error::Configuration {
            what: format!(
                "{host:?} cannot name logs: a public host is a host's name, perhaps with a port, without spaces, plus or slash"
            ),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
