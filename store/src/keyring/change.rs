//! Changes of keys and names, on a directory that no process has open. Each is recorded in the logs it is about, and can be asked
//! for again if it did not end.

use super::{Keyring, Origin, Secret, pem, read_key};
use crate::directory::{self, Directory};
use crate::disk::real::RealDisk;
use crate::store::{Options, Store};
use crate::{Error, Item, Receipt};
use entry::draft::Defaults;
use entry::json::Object;
use entry::{Actor, Category, Draft, EntryId, Json, Organization, Target};
use proof::key::{KeyKind, SigningKey, VerifierKey};
use std::path::Path;
use std::sync::Arc;

/// Who changes keys or names, and why.
#[derive(Clone, Debug)]
pub struct Change {
    pub actor: Actor,
    pub reason: Box<str>,
}

/// A log whose key was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    pub organization: Organization,
    pub old: VerifierKey,
    pub new: VerifierKey,
}

/// The names and keys of a directory. Reads only; a store may have it open.
pub fn show(dir: &Path) -> Result<Keyring, Error> {
    let directory = Directory {
        disk: Arc::new(RealDisk),
        path: dir.to_owned(),
    };
    let path = directory.origins_file();
    match directory.read_file(&path)? {
        Some(origins) => Keyring::read(&directory, &origins),
        None => Err(Error::NoData {
            path: dir.to_owned(),
        }),
    }
}

/// Replaces the key of all logs by a new one. From then on checkpoints carry signatures by both, so that whoever knows the old
/// key can still check them. An entry of each log names both keys.
///
/// # Errors
/// Asked again, it goes on where it ended.
pub fn rotate(dir: &Path, options: Options, change: &Change) -> Result<Vec<Rotated>, Error> {
    let new = {
        let (directory, _lock) = directory::open_existing(Arc::new(RealDisk), dir)?;
        next_key(&directory, &options)?
    };
    let store = Store::open(dir, options)?;
    let mut rotated = Vec::new();
    for log in store.logs() {
        let Origin { name, keys } = store.origin(&log.organization);
        let old = keys.into_iter().next().expect("a log has a key");
        let new = SigningKey::from_seed(name, KeyKind::Ed25519, &new.0)
            .verifier()
            .clone();
        let mut context = Object::new();
        context.insert("new_vkey", new.to_string());
        context.insert("old_vkey", old.to_string());
        context.insert("reason", &*change.reason);
        let id = format!("rotateLogKey {new}");
        record(
            &store,
            &log.organization,
            ("rotateLogKey", &id),
            context,
            change,
        )?;
        rotated.push(Rotated {
            organization: log.organization,
            old,
            new,
        });
    }
    store.close()?;
    drop(store);
    let (directory, _lock) = directory::open_existing(Arc::new(RealDisk), dir)?;
    replace_key(&directory)?;
    Ok(rotated)
}

/// The key that is to be the next; made if none waits.
fn next_key(directory: &Directory, options: &Options) -> Result<Secret, Error> {
    let path = directory.next_key_file();
    if let Some(bytes) = directory.read_file(&path)? {
        return read_key(directory, path, &bytes);
    }
    let mut secret = Secret([0; 32]);
    (options.random)(&mut secret.0);
    directory.write_file(&path, pem::write(&secret.0).as_bytes())?;
    Ok(secret)
}

/// Keeps the key under a number, then puts the next in its place.
fn replace_key(directory: &Directory) -> Result<(), Error> {
    let (path, next) = (directory.key_file(), directory.next_key_file());
    let old = directory.read_file(&path)?.ok_or_else(|| Error::Damaged {
        path: path.clone(),
        what: "it is missing".into(),
    })?;
    let mut last = None;
    for number in 1.. {
        let older = directory.older_key_file(number);
        match directory.read_file(&older)? {
            Some(bytes) => last = Some(bytes),
            // Kept already by a rotation that did not end.
            None if last.as_ref() == Some(&old) => break,
            None => {
                directory.write_file(&older, &old)?;
                break;
            }
        }
    }
    let disk = &directory.disk;
    disk.rename(&next, &path)
        .and_then(|()| disk.sync_dir(&directory.path))
        .map_err(|e| Error::io(&path, e))
}

/// Gives a log that was put back to an earlier state, or is not what was signed, a new name, under which it goes on as it is. Its
/// old name is never signed again. An entry of the log says so, with the checkpoints that were known.
///
/// # Errors
/// [`Error::Configuration`] for a log that needs no recovery.
pub fn recover(
    dir: &Path,
    options: Options,
    organization: &Organization,
    change: &Change,
) -> Result<Origin, Error> {
    let store = Store::open(dir, options.clone())?;
    let old = store.origin(organization);
    let Some(why) = store.refused(organization) else {
        // The last recovery may have ended before it was recorded.
        let finished = number(&old) > 1 && record_recovery(&store, organization, None, change)?;
        store.close()?;
        return match finished {
            true => Ok(old),
            false => Err(Error::Configuration {
                what: format!(
                    "the log of {organization} needs no recovery: it goes on as {}",
                    old.name
                ),
            }),
        };
    };
    store.close()?;
    drop(store);
    {
        let (directory, _lock) = directory::open_existing(Arc::new(RealDisk), dir)?;
        let mut ring = Keyring::open(&directory, &options.random, None, &options.default_host)?;
        ring.rename(organization, number(&old) + 1)?;
        directory.write_file(&directory.origins_file(), ring.origins().as_bytes())?;
    }
    let store = Store::open(dir, options)?;
    record_recovery(&store, organization, Some((&old, &why)), change)?;
    let origin = store.origin(organization);
    store.close()?;
    Ok(origin)
}

/// How many names a log has had.
fn number(origin: &Origin) -> u32 {
    let after = origin.name.as_str().rsplit_once('~');
    after
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(1)
}

/// Records that a log goes on under its name; false if it is recorded already.
fn record_recovery(
    store: &Store,
    organization: &Organization,
    old: Option<(&Origin, &Error)>,
    change: &Change,
) -> Result<bool, Error> {
    let name = store.origin(organization).name;
    let mut context = Object::new();
    context.insert("new_origin", name.as_str().to_owned());
    if let Some((old, why)) = old {
        context.insert("old_origin", old.name.as_str().to_owned());
        context.insert("found", why.to_string());
    }
    context.insert("reason", &*change.reason);
    let id = format!("recoverLog {name}");
    record(store, organization, ("recoverLog", &id), context, change)
}

/// Appends an entry of the log's own, once for each `id`; false if it was there.
fn record(
    store: &Store,
    organization: &Organization,
    (action, id): (&str, &str),
    context: Object<'_>,
    change: &Change,
) -> Result<bool, Error> {
    let id = EntryId::derive(organization.as_str(), "mar-audit", id);
    let mut draft = Draft::new(change.actor.clone(), action, entry::Result::Success);
    draft.id = Some(id);
    draft.category = Some(Category::Audit);
    draft.target = Some(Target {
        kind: Some("log".into()),
        id: Some(organization.as_str().into()),
        name: None,
    });
    draft.context = Some(Json::from(&context.into()));
    let item = Item {
        draft,
        defaults: Defaults {
            id,
            organization: organization.clone(),
            category: Category::Audit,
        },
    };
    let receipts = store.append(vec![item])?;
    Ok(matches!(receipts[..], [Receipt::Accepted { .. }]))
}
