//! Tables of one's own, by which named sources go instead of their protocol's: a source is added without a line of Rust.

use super::shelf::{Sender, SourceName};
use entry::Organization;
use sources::table::Table;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A row of `[[sources]]`: which source goes by which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: SourceName,
    /// Of this organization alone; `None`: of any.
    pub organization: Option<Organization>,
    pub mapping: PathBuf,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sources: {path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It says file and line itself.
    #[error("sources: {0}")]
    Wrong(String),
}

/// All of them, read.
#[derive(Clone, Debug, Default)]
pub struct Tables(Vec<(Row, Arc<Table>)>);

impl Tables {
    /// Reads the files of all rows.
    pub fn read(rows: &[Row]) -> Result<Self, Error> {
        let read = |row: &Row| Ok((row.clone(), Arc::new(table(&row.mapping)?)));
        rows.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The table of a source: the one of its organization before the one of any.
    pub fn of(&self, sender: &Sender) -> Option<&Table> {
        let find = |organization: Option<&Organization>| {
            let is_it =
                |row: &Row| row.name == sender.source && row.organization.as_ref() == organization;
            self.0.iter().find(|(row, _)| is_it(row))
        };
        let (_, table) = find(Some(&sender.organization)).or_else(|| find(None))?;
        Some(table)
    }
}

fn table(path: &Path) -> Result<Table, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let file = path.display().to_string();
    Table::parse(&file, &text).map_err(|error| Error::Wrong(error.to_string()))
}
