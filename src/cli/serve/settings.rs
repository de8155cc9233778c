//! Whether a start has other settings than the one before: the log says so of itself.

use crate::config::Shown;
use serde_json::{Map, Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// The settings of the last start, without secrets, in the data directory.
pub const FILE: &str = "settings";

/// The settings of this start beside those of the last.
pub struct Compared {
    before: Option<Map<String, Value>>,
    now: Map<String, Value>,
}

impl Compared {
    /// A file that cannot be read as such counts as another start's: everything differs from nothing.
    pub fn read(data: &Path, shown: &[Shown]) -> io::Result<Self> {
        let before = match fs::read(data.join(FILE)) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let value = |one: &Shown| (one.name.to_owned(), Value::from(one.value.as_str()));
        let now = shown.iter().map(value).collect();
        Ok(Self { before, now })
    }

    /// What differs from the last start; nothing at the first.
    pub fn differences(&self) -> Vec<Value> {
        let before = self.before.as_ref();
        before.map_or_else(Vec::new, |before| differences(before, &self.now))
    }

    /// Remembers these settings for the next start. Only once the log has what differs: a start that ends before that
    /// leaves it to the next, which tells it again rather than never.
    pub fn keep(&self, data: &Path) -> io::Result<()> {
        match self.before.as_ref() == Some(&self.now) {
            true => Ok(()),
            false => write(data, &data.join(FILE), &self.now),
        }
    }
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
        let compared = |listen| Compared::read(dir.path(), &shown(listen)).expect("it can be read");
        let keep = |listen| compared(listen).keep(dir.path()).expect("written");
        assert!(compared("a").differences().is_empty(), "the first start");
        keep("a");
        assert!(compared("a").differences().is_empty(), "the same");
        let told = [json!({"name": "listen", "before": "a", "after": "b"})];
        assert_eq!(compared("b").differences(), told);
        assert_eq!(compared("b").differences(), told, "it was not kept yet");
        keep("b");
        assert!(compared("b").differences().is_empty());
        fs::write(dir.path().join(FILE), "no JSON").expect("written");
        assert_eq!(compared("b").differences().len(), 2);
    }
}
