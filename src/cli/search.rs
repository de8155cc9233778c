//! `search` and `show`.

use crate::cli::{Context, Failure, Output, Parameters, erased, shown};
use crate::client::{self, Client};
use crate::export::csv;
use crate::terminal;
use clap::{Args, ValueEnum};
use entry::Entry;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{self, IsTerminal, Read, Write};

/// The most entries the API gives in one answer.
const PAGE_MAX: usize = 1_000;

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    parameters: Parameters,
    /// At most so many entries
    #[arg(long, short = 'n', default_value_t = 50, conflicts_with = "all")]
    limit: usize,
    /// Every entry that matches
    #[arg(long)]
    all: bool,
    /// By the callers' clocks, or in the order of arrival
    #[arg(long, value_enum, default_value_t = Order::Time)]
    order: Order,
    /// Oldest first
    #[arg(long)]
    ascending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    Time,
    Received,
}

impl Order {
    fn name(self) -> &'static str {
        match self {
            Order::Time => "time",
            Order::Received => "received",
        }
    }
}

#[derive(Args, Debug)]
pub struct ShowArguments {
    /// The entry's id
    id: String,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let limit = if arguments.all {
        usize::MAX
    } else {
        arguments.limit
    };
    let mut parameters = arguments.parameters.0.clone();
    parameters.push(("order".into(), arguments.order.name().into()));
    let direction = if arguments.ascending { "asc" } else { "desc" };
    parameters.push(("direction".into(), direction.into()));
    let mut printer = Printer::new(context.common.output);
    let mut left = limit;
    let mut cursor = None;
    while left > 0 {
        let page = page(&client, &parameters, left.min(PAGE_MAX), cursor.as_deref())?;
        left = left.saturating_sub(page.entries.len());
        for entry in &page.entries {
            printer.entry(&client, entry)?;
        }
        printer.page()?;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    printer.end()?;
    if cursor.is_some() && io::stderr().is_terminal() {
        terminal::say(format_args!(
            "There are more; --limit N or --all shows them."
        ));
    }
    Ok(())
}

fn page(
    client: &Client,
    parameters: &[(String, String)],
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page, Failure> {
    let mut parameters = parameters.to_vec();
    parameters.push(("limit".into(), limit.to_string()));
    parameters.extend(cursor.map(|cursor| ("cursor".into(), cursor.into())));
    let text = client.text(client.get("/v1/entries", &parameters, &[])?)?;
    Ok(serde_json::from_str(&text).map_err(|e| client.strange(e))?)
}

/// Prints entries as they arrive, a page at a time.
struct Printer {
    output: Output,
    out: io::BufWriter<io::Stdout>,
    terminal: bool,
    table: Option<comfy_table::Table>,
    printed: usize,
}

impl Printer {
    fn new(output: Output) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            output,
            out: io::BufWriter::new(io::stdout()),
            terminal,
            table: None,
            printed: 0,
        }
    }

    fn entry(&mut self, client: &Client, entry: &RawValue) -> Result<(), Failure> {
        let json = if self.terminal {
            terminal::visible_json(entry.get())
        } else {
            entry.get().into()
        };
        match self.output {
            Output::Json => write!(
                self.out,
                "{}{json}",
                if self.printed == 0 { "[\n" } else { ",\n" }
            )?,
            Output::Ndjson => writeln!(self.out, "{json}")?,
            Output::Csv => {
                let row = csv_row(client, entry.get(), self.terminal)?;
                if self.printed == 0 {
                    self.out.write_all(csv::HEADER)?;
                }
                self.out.write_all(&row)?;
            }
            Output::Table => {
                let entry =
                    Entry::from_wire(entry.get().as_bytes()).map_err(|e| client.strange(e))?;
                let header = if self.printed == 0 {
                    shown::COLUMNS
                } else {
                    &[]
                };
                shown::add_row(
                    self.table.get_or_insert_with(|| terminal::table(header)),
                    &entry,
                );
            }
        }
        self.printed += 1;
        Ok(())
    }

    fn page(&mut self) -> Result<(), Failure> {
        if let Some(table) = self.table.take() {
            terminal::print_table(&mut self.out, &table)?;
        }
        Ok(self.out.flush()?)
    }

    fn end(mut self) -> Result<(), Failure> {
        match (self.output, self.printed) {
            (Output::Json, 0) => writeln!(self.out, "[]")?,
            // Columns have names though no entry matches.
            (Output::Csv, 0) => self.out.write_all(csv::HEADER)?,
            (Output::Json, _) => writeln!(self.out, "\n]")?,
            (Output::Table, 0) => terminal::say(format_args!("No entries match.")),
            _ => {}
        }
        Ok(self.out.flush()?)
    }
}

/// The export's row of an entry, with its guard against formulas; what could act on a terminal is made visible there.
fn csv_row(client: &Client, entry: &str, is_for_terminal: bool) -> Result<Vec<u8>, Failure> {
    let entry = Entry::from_wire(entry.as_bytes()).map_err(|e| client.strange(e))?;
    let mut row = Vec::new();
    csv::write(&entry, csv::Guard::On, &mut row);
    if !is_for_terminal {
        return Ok(row);
    }
    let mut rows = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(row.as_slice());
    let mut out = ::csv::Writer::from_writer(Vec::new());
    for row in rows.records() {
        out.write_record(row?.iter().map(|cell| terminal::visible(cell).into_owned()))?;
    }
    Ok(out.into_inner().map_err(|e| e.into_error())?)
}

/// An entry that another one names; `None` if there is none to be had.
fn record(client: &Client, id: &entry::EntryId) -> Result<Option<Entry>, Failure> {
    let answer = match client.get(&format!("/v1/entries/{id}"), &[], &[]) {
        Err(client::Error::Refused { status, .. }) if status == 404 => return Ok(None),
        answer => answer?,
    };
    let mut json = String::new();
    client
        .reader(answer)
        .read_to_string(&mut json)
        .map_err(|e| client.cut(&e))?;
    let entry = Entry::from_wire(json.as_bytes()).map_err(|e| client.strange(e))?;
    Ok(Some(entry))
}

pub fn show(arguments: &ShowArguments, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    if entry::EntryId::parse(&arguments.id).is_none() {
        return Err(Failure::failed(format!(
            "`{}` is not the id of an entry: it is a UUID",
            arguments.id
        )));
    }
    let answer = client.get(&format!("/v1/entries/{}", arguments.id), &[], &[])?;
    let mut json = String::new();
    client
        .reader(answer)
        .read_to_string(&mut json)
        .map_err(|e| client.cut(&e))?;
    let mut out = io::stdout().lock();
    match context.common.output {
        Output::Table => {
            let entry = Entry::from_wire(json.as_bytes()).map_err(|e| client.strange(e))?;
            let said = erased::records(&entry);
            let said = said.iter().filter_map(|id| record(&client, id).transpose());
            shown::print_details(&mut out, &entry, &said.collect::<Result<Vec<_>, _>>()?)?;
        }
        Output::Csv => {
            out.write_all(csv::HEADER)?;
            out.write_all(&csv_row(&client, &json, out.is_terminal())?)?;
        }
        output => {
            let json = if out.is_terminal() {
                terminal::visible_json(&json).into_owned()
            } else {
                json
            };
            let json = if output == Output::Json {
                terminal::pretty(&json)
            } else {
                json
            };
            writeln!(out, "{}", json.trim_end())?;
        }
    }
    Ok(())
}
