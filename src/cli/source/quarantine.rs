//! `source quarantine`: what a source sent and no mapping took.

use super::{of, within};
use crate::cli::access::rows::{self, Rows, plain, print_json, print_lines};
use crate::cli::access::text;
use crate::cli::{Context, Failure, Output};
use crate::client::Client;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Subcommand)]
pub enum Command {
    /// Show what is kept of a source, oldest first, and why
    List {
        #[command(flatten)]
        of: Of,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
    },
    /// Map again what is kept, all of it or what is named: what becomes an entry now is kept no longer
    Replay {
        #[command(flatten)]
        of: Of,
        /// Only these
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Throw away what is kept; it is gone for good
    Drop {
        #[command(flatten)]
        of: Of,
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// Everything that is kept of the source
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

/// Of which source.
#[derive(Args, Debug)]
pub struct Of {
    #[arg(value_name = "SOURCE")]
    name: String,
    /// Of this organization [default: your own]
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
}

impl Of {
    fn path(&self, more: &str) -> String {
        let path = format!("{}/quarantine{more}", of(&self.name));
        within(&path, self.organization.as_deref())
    }
}

/// Items of one call.
const STEP: u64 = 100;

const COLUMNS: &[rows::Column] = &[
    ("Id", "id"),
    ("Received", "received_at"),
    ("Format", "format"),
    ("Why", "reason"),
    ("What was sent", "raw"),
];

/// Characters of an item in a table: enough to know it by.
const SHOWN_MAX: usize = 60;

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let output = context.common.output;
    match command {
        Command::List { of, limit } => {
            let items = items(&client, &of, limit)?;
            let cell = |item: &Value, name: &str| {
                (name == "raw").then(|| match output {
                    Output::Table => cut(sent(item)),
                    _ => sent(item).to_owned(),
                })
            };
            let rows = Rows {
                columns: COLUMNS,
                cell: &cell,
                none: "Nothing is kept of this source: every mapping fits.",
            };
            rows.print(&items, output)
        }
        Command::Replay { of, ids } => change(&client, "POST", &of.path("/replay"), &ids, output),
        Command::Drop { ids, all, .. } if ids.is_empty() && !all => Err(Failure::failed(
            "name the items, by the ids that `source quarantine list` shows, or say --all",
        )),
        Command::Drop { of, ids, .. } => change(&client, "DELETE", &of.path(""), &ids, output),
    }
}

fn items(client: &Client, of: &Of, limit: u64) -> Result<Vec<Value>, Failure> {
    let mut found: Vec<Value> = Vec::new();
    loop {
        let missing = limit - found.len() as u64;
        let path = of.path("");
        let join = if path.contains('?') { '&' } else { '?' };
        let mut path = format!("{path}{join}limit={}", missing.min(STEP));
        if let Some(last) = found.last() {
            path.push_str(&format!("&after={}", text(last, "id")));
        }
        let mut answer = client.get_json(&path)?;
        let Some(Value::Array(step)) = answer.get_mut("items").map(Value::take) else {
            return Err(client.strange("its answer has no items").into());
        };
        let is_last = (step.len() as u64) < missing.min(STEP);
        found.extend(step);
        if is_last || found.len() as u64 >= limit {
            return Ok(found);
        }
    }
}

/// What was sent: as it came, or as base64 where it is no text.
fn sent(item: &Value) -> &str {
    match text(item, "raw") {
        "" => text(item, "raw_base64"),
        raw => raw,
    }
}

fn cut(text: &str) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(SHOWN_MAX).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

fn change(
    client: &Client,
    method: &str,
    path: &str,
    ids: &[String],
    output: Output,
) -> Result<(), Failure> {
    let body = match ids {
        [] => json!({}),
        ids => json!({ "items": ids }),
    };
    let answer = client.change(method, path, Some(&body))?;
    let members = answer.as_object();
    let members = members.ok_or_else(|| client.strange("its answer is no object"))?;
    match output {
        Output::Table => {
            let lines = members.iter().map(|(name, value)| (&**name, plain(value)));
            print_lines(&lines.collect::<Vec<_>>())
        }
        Output::Csv => {
            let names = members.keys().cloned();
            let values = members.values().map(plain);
            println_csv(names, values)
        }
        output => print_json(&answer, output),
    }
}

fn println_csv(
    names: impl Iterator<Item = String>,
    values: impl Iterator<Item = String>,
) -> Result<(), Failure> {
    let mut csv = csv::Writer::from_writer(std::io::stdout().lock());
    csv.write_record(names.collect::<Vec<_>>())?;
    csv.write_record(values.collect::<Vec<_>>())?;
    Ok(csv.flush()?)
}
