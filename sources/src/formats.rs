//! The formats that are known: those told by tables, those told by code, and how an input is recognised as one of them.

use crate::azure::Azure;
use crate::cef;
use crate::cloudtrail::{self, CloudTrail};
use crate::csv;
use crate::foreign::{Claims, Fate, Item, Layout, Mapper};
use crate::gcp::Gcp;
use crate::kubernetes::{self, Kubernetes};
use crate::mar::{self, Mar};
use crate::scan::{Piece, Place, Scanner, Spill};
use crate::syslog;
use crate::table::{Csv, Reads, Table, TableError};
use crate::vault::Vault;
use entry::Draft;
use entry::json::{self, Object, Value};
use std::io;
use std::sync::Arc;

/// Tables that come with the program: their names and texts.
const TABLES: &[(&str, &str)] = &[
    ("auth0", include_str!("../tables/auth0.toml")),
    ("azure", include_str!("../tables/azure.toml")),
    ("cadf", include_str!("../tables/cadf.toml")),
    ("cef", include_str!("../tables/cef.toml")),
    ("gcp", include_str!("../tables/gcp.toml")),
    ("github", include_str!("../tables/github.toml")),
    (
        "google_workspace",
        include_str!("../tables/google_workspace.toml"),
    ),
    ("leef", include_str!("../tables/leef.toml")),
    ("m365", include_str!("../tables/m365.toml")),
    ("ocsf", include_str!("../tables/ocsf.toml")),
    ("okta", include_str!("../tables/okta.toml")),
    ("retraced", include_str!("../tables/retraced.toml")),
    ("syslog", include_str!("../tables/syslog.toml")),
    ("teleport", include_str!("../tables/teleport.toml")),
    ("vault", include_str!("../tables/vault.toml")),
    ("workos", include_str!("../tables/workos.toml")),
];

/// Items by which an input is recognised.
const LOOKED_AT_MAX: usize = 10;

/// Bytes of an input that are enough to recognise it.
pub const SAMPLE_BYTES_MAX: usize = 256 * 1024;

/// The names of the formats that come with the program, for those who need them before any is read.
pub fn names() -> impl Iterator<Item = &'static str> {
    let of_code = ["mar", "kubernetes", "cloudtrail"].into_iter();
    of_code.chain(TABLES.iter().map(|(name, _)| *name))
}

/// One format.
#[derive(Clone, Debug)]
enum Format {
    Mar,
    Kubernetes,
    CloudTrail,
    Table(Arc<Table>),
}

/// All formats.
#[derive(Clone, Debug)]
pub struct Formats {
    formats: Vec<Format>,
}

/// What an input seems to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// One format, and only that.
    One(Box<str>),
    /// Each of these would read it.
    Several(Vec<Box<str>>),
    Unknown,
}

impl Formats {
    /// Those that come with the program.
    ///
    /// # Panics
    /// If a table of ours is wrong, which a test of this crate rules out.
    pub fn built_in() -> Self {
        let mut formats = vec![Format::Mar, Format::Kubernetes, Format::CloudTrail];
        formats.extend(TABLES.iter().map(|(name, text)| {
            let table =
                Table::parse(&format!("{name}.toml"), text).unwrap_or_else(|e| panic!("{e}"));
            Format::Table(Arc::new(table))
        }));
        Self { formats }
    }

    /// Adds a table out of a user's file; it stands in the place of a format of the same name. Its name is returned.
    pub fn add(&mut self, file: &str, text: &str) -> Result<Box<str>, TableError> {
        let table = Table::parse(file, text)?;
        let name = table.name.clone();
        self.formats.retain(|known| known.name() != &*name);
        self.formats.push(Format::Table(Arc::new(table)));
        Ok(name)
    }

    /// Names and titles.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.formats.iter().map(|f| (f.name(), f.title()))
    }

    pub fn mapper(&self, name: &str, claims: Claims) -> Option<Box<dyn Mapper>> {
        let format = self.formats.iter().find(|f| f.name() == name)?;
        Some(format.mapper(claims))
    }

    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.formats.iter().find_map(|format| match format {
            Format::Table(table) if &*table.name == name => Some(table),
            _ => None,
        })
    }

    /// What an input is, by its first items. A format fits if every item looked at is one of its own: nothing is guessed from
    /// some of them.
    pub fn recognise(&self, sample: &[u8]) -> Recognised {
        let fitting: Vec<&Format> = self.formats.iter().filter(|f| f.fits(sample)).collect();
        let told_apart = told_apart(&fitting);
        match told_apart.len() {
            0 => Recognised::Unknown,
            1 => Recognised::One(told_apart[0].name().into()),
            _ => Recognised::Several(told_apart.iter().map(|f| f.name().into()).collect()),
        }
    }

    /// The one format whose event a JSON value is, as it stands in something else.
    pub fn of_event(&self, event: &Value<'_>) -> Option<&str> {
        let fitting: Vec<&Format> = self.formats.iter().filter(|f| f.is_of(event)).collect();
        match told_apart(&fitting).as_slice() {
            [only] => Some(only.name()),
            _ => None,
        }
    }
}

/// Without those that another one is told from by saying more.
fn told_apart<'f>(fitting: &[&'f Format]) -> Vec<&'f Format> {
    let is_less = |format: &Format| {
        let mut others = fitting.iter();
        others.any(|other| other.comes_before(format.name()))
    };
    fitting
        .iter()
        .copied()
        .filter(|format| !is_less(format))
        .collect()
}

/// What is too long for a sample is not kept.
struct Nowhere;

impl Spill for Nowhere {
    fn write(&mut self, _place: Place, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl Format {
    fn name(&self) -> &str {
        match self {
            Format::Mar => "mar",
            Format::Kubernetes => "kubernetes",
            Format::CloudTrail => "cloudtrail",
            Format::Table(table) => &table.name,
        }
    }

    fn title(&self) -> &str {
        match self {
            Format::Mar => "Drafts and entries: NDJSON, arrays, exports",
            Format::Kubernetes => "Kubernetes audit.k8s.io events: log files, webhook bodies",
            Format::CloudTrail => "AWS CloudTrail: Records files, arrays, lines, LookupEvents",
            Format::Table(table) => &table.title,
        }
    }

    fn mapper(&self, claims: Claims) -> Box<dyn Mapper> {
        match self {
            Format::Mar => Box::new(Mar::new(claims)),
            Format::Kubernetes => Box::new(Kubernetes::new(claims)),
            Format::CloudTrail => Box::new(CloudTrail::new(claims)),
            Format::Table(table) => match &*table.name {
                "azure" => Box::new(Azure::new(table.clone(), claims)),
                "gcp" => Box::new(Gcp::new(table.clone(), claims)),
                "vault" => Box::new(Vault::new(table.clone(), claims)),
                _ => Box::new(TableMapper::new(table.clone(), claims)),
            },
        }
    }

    fn layout(&self) -> Layout {
        match self {
            Format::Mar => Layout::json(mar::WRAPPERS),
            Format::Kubernetes => Layout::json(kubernetes::WRAPPERS),
            Format::CloudTrail => Layout::json(cloudtrail::WRAPPERS),
            Format::Table(table) => table.layout(),
        }
    }

    fn recognises(&self, raw: &[u8], header: &[u8]) -> bool {
        let read = |raw| json::parse(raw).ok();
        match self {
            Format::Mar => read(raw).is_some_and(|value| mar::recognises(&value)),
            Format::Kubernetes => {
                read(raw).is_some_and(|value| kubernetes::recognises(value, header))
            }
            Format::CloudTrail => read(raw).is_some_and(|value| cloudtrail::recognises(&value)),
            Format::Table(table) => table
                .event_below(raw, header)
                .is_ok_and(|event| table.recognises(&event)),
        }
    }

    /// Whether it is a record that its header does not fit: what columns there are says what an input is.
    fn is_damaged(&self, raw: &[u8], header: &[u8]) -> bool {
        match self {
            Format::Table(table) => table.is_record(header) && csv::object(header, raw).is_err(),
            _ => false,
        }
    }

    /// Whether a value by itself is an event of this format.
    fn is_of(&self, event: &Value<'_>) -> bool {
        match self {
            Format::Mar => mar::recognises(event),
            Format::Kubernetes => kubernetes::recognises(event.clone(), &[]),
            Format::CloudTrail => cloudtrail::recognises(event),
            Format::Table(table) => {
                table.reads == Reads::Json && table.csv != Csv::Only && table.recognises(event)
            }
        }
    }

    fn comes_before(&self, other: &str) -> bool {
        match self {
            Format::Table(table) => table.before().iter().any(|name| &**name == other),
            // What AKS writes is a record of Azure's, but says more.
            Format::Kubernetes => other == "azure",
            _ => false,
        }
    }

    fn fits(&self, sample: &[u8]) -> bool {
        let layout = self.layout();
        // A line that is cut off where the sample is looks like another format's.
        let by_line = !matches!(layout, Layout::Json { .. });
        let is_csv = matches!(layout, Layout::Csv | Layout::JsonOrCsv { .. });
        let whole = match memchr::memrchr(b'\n', sample) {
            Some(end) if by_line && !sample[..end].trim_ascii().is_empty() => &sample[..end],
            _ => sample,
        };
        let mut scanner = Scanner::new(whole, layout);
        let (mut own, mut looked_at) = (0, 0);
        while own < LOOKED_AT_MAX && looked_at < 10 * LOOKED_AT_MAX {
            looked_at += 1;
            let piece = scanner
                .next(&mut Nowhere)
                .expect("reading from memory does not fail");
            match piece {
                Some(Piece::Item { raw, .. }) if self.recognises(&raw, scanner.header()) => {
                    own += 1
                }
                Some(Piece::Item { raw, .. }) if self.is_damaged(&raw, scanner.header()) => {}
                Some(Piece::Item { .. }) => return false,
                // What follows may be the middle of a record.
                Some(Piece::Broken { .. }) if is_csv => break,
                // Damaged lines are no items, and the last one may be cut off where the sample is.
                Some(Piece::Broken { .. } | Piece::Spilled { .. }) => {}
                None => break,
            }
        }
        own > 0
    }
}

/// The items of one table.
pub struct TableMapper {
    table: Arc<Table>,
    claims: Claims,
}

impl TableMapper {
    pub fn new(table: Arc<Table>, claims: Claims) -> Self {
        Self { table, claims }
    }
}

impl Table {
    pub(crate) fn layout(&self) -> Layout {
        match self.reads {
            Reads::Json => {
                let wrappers = self.wrappers.clone();
                match self.csv {
                    Csv::No => Layout::Json { wrappers },
                    Csv::Too => Layout::JsonOrCsv { wrappers },
                    Csv::Only => Layout::Csv,
                }
            }
            Reads::Syslog | Reads::Cef | Reads::Leef => Layout::Lines,
        }
    }

    /// The event of an item.
    pub(crate) fn event<'r>(&self, raw: &'r [u8]) -> Result<Value<'r>, String> {
        match self.reads {
            Reads::Json => json::parse(raw).map_err(|e| e.to_string()),
            Reads::Syslog => Ok(Value::Object(syslog::message(raw))),
            Reads::Cef => cef::cef(raw).map(Value::Object),
            Reads::Leef => cef::leef(raw).map(Value::Object),
        }
    }

    /// The event of an item below a header, which is the line that names the columns where items are records of CSV.
    pub(crate) fn event_below<'r>(
        &self,
        raw: &'r [u8],
        header: &[u8],
    ) -> Result<Value<'r>, String> {
        match self.is_record(header) {
            true => csv::object(header, raw).map(Value::Object),
            false => self.event(raw),
        }
    }

    /// Whether an item below this header is a record of CSV.
    fn is_record(&self, header: &[u8]) -> bool {
        match self.csv {
            Csv::No => false,
            Csv::Too => header.first().is_some_and(|byte| *byte != b'{'),
            Csv::Only => true,
        }
    }

    /// Decides one item: an entry each for what it holds.
    pub(crate) fn take(
        &self,
        claims: &Claims,
        item: Item,
        header: &[u8],
        done: &mut dyn FnMut(Item, Fate),
    ) {
        let event = match self.event_below(&item.raw, header) {
            Ok(event) if self.is_record(header) => without_empty_columns(event),
            Ok(event) => event,
            Err(why) => return done(item, Fate::Refuse(why)),
        };
        let place = item.place;
        let Some(events) = self.deep(&event) else {
            let drafts = self.drafts(claims, event.into_owned(), Some(place));
            return self.decide(item, drafts, done);
        };
        if events.is_empty() {
            return done(item, Fate::Skip("a list of no events"));
        }
        // Each is an item of its own, which may be refused while others are sent.
        let events: Vec<Vec<u8>> = events.iter().map(|e| e.to_string().into_bytes()).collect();
        for raw in events {
            let item = Item { place, raw };
            let drafts = self
                .event(&item.raw)
                .and_then(|event| self.drafts(claims, event, Some(place)));
            self.decide(item, drafts, done);
        }
    }

    fn decide(
        &self,
        item: Item,
        drafts: Result<Vec<Draft>, String>,
        done: &mut dyn FnMut(Item, Fate),
    ) {
        match drafts {
            Err(why) => done(item, Fate::Refuse(why)),
            Ok(mut drafts) => {
                let last = drafts.pop();
                for draft in drafts {
                    done(item.clone(), Fate::Send(Box::new(draft)));
                }
                match last {
                    Some(draft) => done(item, Fate::Send(Box::new(draft))),
                    None => done(item, Fate::Refuse(format!("no {} event within", self.name))),
                }
            }
        }
    }
}

/// In a record of CSV every column is there, though nothing stands in it.
fn without_empty_columns(event: Value<'_>) -> Value<'_> {
    match event {
        Value::Object(event) => {
            let members = event.into_iter();
            let said = members.filter(|(_, value)| value.as_str() != Some(""));
            Value::Object(said.collect::<Object<'_>>())
        }
        event => event,
    }
}

impl Mapper for TableMapper {
    fn layout(&self) -> Layout {
        self.table.layout()
    }

    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        self.table.take(&self.claims, item, header, done);
    }
}

#[cfg(test)]
mod tests;
