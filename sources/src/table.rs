//! Formats as tables: which member of an event is which field of an entry, told in TOML rather than in Rust.
//!
//! A table is read by [`Table::parse`], which names the line and the member of what it does not understand. docs/mappings.md tells
//! a person how to write one. What tables do not reach (a request and its response in two records, say) is code beside them.
//!
//! In reading order: [`path`] places in JSON, [`expression`] texts and conditions, [`read`] the TOML, [`layers`] the event in what is around
//! it, [`apply`] an event becomes a draft.

pub mod apply;
pub mod expression;
mod layers;
pub mod path;
mod read;

pub use read::TableError;

use expression::{Condition, Expression};
use path::Path;

/// One format. See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: Box<str>,
    pub title: Box<str>,
    pub reads: Reads,
    /// Whether a file of it is CSV.
    pub csv: Csv,
    /// Members whose arrays hold events, in an object around them.
    pub wrappers: Vec<Box<str>>,
    /// The same, deeper within: these are opened by the table, and are as long as an item may be.
    deep_wrappers: Vec<Path>,
    /// Names of members are compared in any letters: exporters differ.
    any_case: bool,
    /// Spellings of nothing, besides the usual ones.
    nothing: Vec<Box<str>>,
    /// What makes an event one of this format.
    recognise: Option<Condition>,
    /// Formats whose events look like this one's too, but less so.
    before: Vec<Box<str>>,
    /// Where the event stands in what is around it; an object, or its JSON as a text.
    unwrap: Vec<Path>,
    /// Members of what is around it that belong to the event.
    from_around: Vec<Box<str>>,
    /// An array of which each element is an entry of its own.
    each: Option<Box<str>>,
    /// Members whose text is JSON: rules see it parsed, and it stands parsed beside its text.
    json_texts: Vec<Path>,
    /// Arrays of names and values that stand as an object beside themselves, so that a value is found by its name.
    pairs: Vec<PairRules>,
    /// The source's own identity of the event; none: its place in the input.
    identity: Vec<Expression>,
    time: Vec<Path>,
    /// The format says that its times without a zone are UTC.
    time_utc: bool,
    action: Expression,
    category: Option<Expression>,
    actor: PartyRules,
    on_behalf_of: Option<PartyRules>,
    targets: Vec<TargetRules>,
    related: Vec<TargetRules>,
    organization: Option<Expression>,
    project: Option<Expression>,
    request: RequestRules,
    result: ResultRules,
    context: ContextRules,
    noise: NoiseRules,
}

/// What holds the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    Json,
    /// Lines, each read by a parser of this crate into an object first.
    Syslog,
    Cef,
    Leef,
}

/// Whether items are records of CSV: objects of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Csv {
    No,
    /// If the input does not begin as JSON does.
    Too,
    Only,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PartyRules {
    id: Option<Expression>,
    name: Option<Expression>,
    email: Option<Expression>,
    kind: Option<Expression>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TargetRules {
    when: Option<Condition>,
    /// An array (or several, by `*`) of which each element is a target.
    each: Option<Path>,
    /// Which element is the target; the others are related.
    prefer: Option<Condition>,
    kind: Option<Expression>,
    id: Option<Expression>,
    name: Option<Expression>,
}

/// An array of names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PairRules {
    at: Path,
    /// The member that is the name.
    name: Box<str>,
    /// Members of which one is the value.
    values: Vec<Box<str>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RequestRules {
    id: Option<Expression>,
    ip: Option<Expression>,
    user_agent: Option<Expression>,
    method: Option<Expression>,
    path: Option<Expression>,
    trace_id: Option<Expression>,
    session_id: Option<Expression>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ResultRules {
    from: Option<Expression>,
    success: Vec<Box<str>>,
    failure: Vec<Box<str>>,
    /// Words kept as `context.result_detail`, besides those that are in no list.
    detail: Vec<Box<str>>,
    failed_when: Option<Condition>,
    otherwise: entry::Result,
    /// `otherwise` is an assumption, and the context says so.
    assumed: bool,
    code: Option<Expression>,
    message: Option<Expression>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ContextRules {
    key: Box<str>,
    /// Members that stand after the rest, under their own names: only the first leaves are indexed.
    last: Vec<Box<str>>,
}

/// What is seldom looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct NoiseRules {
    never: Option<Condition>,
    read: Option<Condition>,
    system: Option<Condition>,
    dry_run: Option<Condition>,
}

impl Table {
    /// Formats that this one is told from by saying more.
    pub fn before(&self) -> &[Box<str>] {
        &self.before
    }
}

#[cfg(test)]
mod tests;
