//! Whether a start has other settings than the one before: the log says so of itself.

use crate::config::Shown;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The settings of the last start, without secrets, in the data directory.
pub const FILE: &str = "settings";

/// What differs from the last start, and whether there was one. Remembers these settings for the next.
///
/// A file that cannot be read as such counts as another start's: everything differs from nothing.
pub fn changed(data: &Path, shown: &[Shown]) -> io::Result<Option<Vec<Value>>> {
    let path = data.join(FILE);
    let before = match fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let value = |one: &Shown| (one.name.to_owned(), Value::from(one.value.as_str()));
    let now: Map<String, Value> = shown.iter().map(value).collect();
    let unchanged = before.as_ref() == Some(&now);
    if !unchanged {
        write(data, &path, &now)?;
    }
    Ok(before.map(|before| differences(&before, &now)))
}

fn differences(before: &Map<String, Value>, now: &Map<String, Value>) -> Vec<Value> {
    let names = now
        .keys()
        .chain(before.keys().filter(|name| !now.contains_key(*name)));
    let differs = names.filter(|name| before.get(*name) != now.get(*name));
    let pair =
        |name: &String| json!({"name": name, "before": before.get(name), "after": now.get(name)});
    differs.map(pair).collect()
}

fn write(data: &Path, path: &Path, settings: &Map<String, Value>) -> io::Result<()> {
    let unfinished = data.join("settings.tmp");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(Value::from(settings.clone()).to_string().as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    fs::File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(listen: &str) -> Vec<Shown> {
        let one = |name, value: &str| Shown {
            name,
            value: value.to_owned(),
            origin: String::new(),
            says: "",
        };
        vec![one("listen", listen), one("log", "info")]
    }

    #[test]
    fn another_setting_is_told_with_what_it_was_and_the_same_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let changed = |listen| changed(dir.path(), &shown(listen)).expect("written");
        assert_eq!(changed("a"), None);
        assert_eq!(changed("a"), Some(Vec::new()));
        let told = json!({"name": "listen", "before": "a", "after": "b"});
        assert_eq!(changed("b"), Some(vec![told]));
        fs::write(dir.path().join(FILE), "no JSON").expect("written");
        assert_eq!(changed("b").map(|all| all.len()), Some(2));
    }
}
