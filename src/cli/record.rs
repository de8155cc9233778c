//! `record`: entries from flags, or from JSON as it is.

use crate::cli::{Context, Exit, Failure, Output};
use crate::client::Client;
use crate::terminal::{self, visible};
use clap::Args;
use entry::json::{self, Object, Value};
use entry::limits::BATCH_BYTES_MAX;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub struct Arguments {
    /// JSON or NDJSON of entries, `-` for stdin; instead of flags
    #[arg(value_name = "FILE", conflicts_with = "flags")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// One entry, flag by flag.
#[derive(Args, Debug)]
#[group(id = "flags", multiple = true)]
#[command(next_help_heading = "The entry")]
struct Flags {
    /// What was done, such as createCluster
    #[arg(long, required_unless_present = "file")]
    action: Option<String>,
    /// success or failure
    #[arg(long, required_unless_present = "file")]
    result: Option<String>,
    /// user, system, service_account, agent or anonymous [default: user]
    #[arg(long)]
    actor_type: Option<String>,
    #[arg(long)]
    actor_id: Option<String>,
    #[arg(long)]
    actor_name: Option<String>,
    #[arg(long)]
    actor_email: Option<String>,
    /// cluster, instance, config_profile, alert, user, role, webhook, or any other
    #[arg(long)]
    target_type: Option<String>,
    #[arg(long)]
    target_id: Option<String>,
    #[arg(long)]
    target_name: Option<String>,
    #[arg(long)]
    organization: Option<String>,
    #[arg(long)]
    project: Option<String>,
    /// For an action that the catalogue does not know
    #[arg(long)]
    category: Option<String>,
    /// When it was done, RFC 3339 [default: now]
    #[arg(long)]
    timestamp: Option<String>,
    /// A UUID, so that sending it again stores it once [default: a new one]
    #[arg(long)]
    id: Option<String>,
    #[arg(long)]
    request_id: Option<String>,
    #[arg(long)]
    ip: Option<String>,
    #[arg(long)]
    user_agent: Option<String>,
    #[arg(long)]
    error_code: Option<String>,
    #[arg(long)]
    error_message: Option<String>,
    /// Additional context; the value is a text, or JSON after `:=`; repeatable
    #[arg(long, value_name = "KEY=TEXT|KEY:=JSON", value_parser = context)]
    context: Vec<(String, Value<'static>)>,
}

/// The answer to an append, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Receipts {
    rejected: u64,
    receipts: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Receipt {
    status: String,
    id: Option<String>,
    seq: Option<u64>,
    error: Option<serde_json::Value>,
}

fn context(text: &str) -> Result<(String, Value<'static>), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("it has the form KEY=TEXT or KEY:=JSON")?;
    match key.strip_suffix(':') {
        Some(key) => {
            let value = json::parse(value.as_bytes()).map_err(|e| format!("`{value}`: {e}"))?;
            Ok((key.to_owned(), value.into_owned()))
        }
        None => Ok((key.to_owned(), Value::from(value.to_owned()))),
    }
}

pub fn run(arguments: &Arguments, given: &Context) -> Result<(), Failure> {
    let client = given.client()?;
    let (body, media) = match &arguments.file {
        Some(file) => {
            let body = read(file)?;
            let media = media_type(&body);
            (body, media)
        }
        None => (
            arguments.flags.draft().to_string().into_bytes(),
            "application/json",
        ),
    };
    let receipts = append(&client, &body, media)?;
    print(&receipts, given.common.output)?;
    if receipts.rejected > 0 {
        Err(Failure::quiet(Exit::ItemsRefused))
    } else {
        Ok(())
    }
}

fn append(client: &Client, body: &[u8], media: &str) -> Result<Receipts, Failure> {
    let text = client.append(body, &[("content-type", media)])?;
    Ok(serde_json::from_str(&text).map_err(|e| client.strange(e))?)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let limit = BATCH_BYTES_MAX as u64 + 1;
    if file == Path::new("-") {
        io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut body)
            .map_err(|e| Failure::failed(format!("stdin: {e}")))?;
    } else {
        let opened = std::fs::File::open(file).map_err(|e| Failure::file(file, &e))?;
        opened
            .take(limit)
            .read_to_end(&mut body)
            .map_err(|e| Failure::file(file, &e))?;
    }
    if body.len() > BATCH_BYTES_MAX {
        return Err(Failure::failed(
            "more than one batch may hold (32 MiB); `mar-audit import --format mar` splits it",
        ));
    }
    Ok(body)
}

/// NDJSON if anything follows the first value.
fn media_type(body: &[u8]) -> &'static str {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) if !body[values.byte_offset()..].trim_ascii().is_empty() => {
            "application/x-ndjson"
        }
        _ => "application/json",
    }
}

impl Flags {
    fn draft(&self) -> Value<'_> {
        let timestamp = self
            .timestamp
            .clone()
            .unwrap_or_else(|| crate::clock::now().to_string());
        let id = self.id.clone().unwrap_or_else(|| new_id().to_string());
        let kind = self.actor_type.clone().unwrap_or_else(|| "user".to_owned());
        let mut draft = object([
            ("id", &Some(id)),
            ("timestamp", &Some(timestamp)),
            ("action", &self.action),
            ("category", &self.category),
            ("result", &self.result),
        ]);
        let actor = [
            ("type", &Some(kind)),
            ("id", &self.actor_id),
            ("name", &self.actor_name),
            ("email", &self.actor_email),
        ];
        draft.insert("actor", object(actor));
        let mut nested = |name: &'static str, members: Object<'static>| {
            if !members.is_empty() {
                draft.insert(name, members);
            }
        };
        nested(
            "target",
            object([
                ("type", &self.target_type),
                ("id", &self.target_id),
                ("name", &self.target_name),
            ]),
        );
        nested(
            "scope",
            object([
                ("organization", &self.organization),
                ("project", &self.project),
            ]),
        );
        nested(
            "request",
            object([
                ("id", &self.request_id),
                ("ip", &self.ip),
                ("user_agent", &self.user_agent),
            ]),
        );
        nested(
            "error",
            object([("code", &self.error_code), ("message", &self.error_message)]),
        );
        nested("context", self.context.iter().cloned().collect());
        draft.into()
    }
}

/// A UUID of version 7, by the one clock.
fn new_id() -> uuid::Uuid {
    let millis = crate::clock::now().as_micros().div_euclid(1_000);
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system gives random bytes");
    // Before 1970 there is no such UUID; a clock that wrong still gets a unique one.
    uuid::Builder::from_unix_timestamp_millis(millis.try_into().unwrap_or(0), &random).into_uuid()
}

fn object<const N: usize>(members: [(&'static str, &Option<String>); N]) -> Object<'static> {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .collect()
}

fn print(receipts: &Receipts, output: Output) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match output {
        Output::Json => {
            let all: Vec<&str> = receipts.receipts.iter().map(|r| r.get()).collect();
            writeln!(out, "[{}]", all.join(","))?;
        }
        Output::Ndjson => {
            for receipt in &receipts.receipts {
                writeln!(out, "{}", receipt.get())?;
            }
        }
        Output::Table | Output::Csv => {
            let rows = receipts
                .receipts
                .iter()
                .map(|r| serde_json::from_str::<Receipt>(r.get()));
            let mut table = terminal::table(&["Status", "Entry ID", "Seq", "Error"]);
            let mut csv = csv::Writer::from_writer(Vec::new());
            csv.write_record(["status", "id", "seq", "error"])?;
            for row in rows {
                let row = row.map_err(|e| {
                    Failure::failed(format!("the server's receipt is none of ours: {e}"))
                })?;
                let seq = row.seq.map(|n| n.to_string()).unwrap_or_default();
                let error = row.error.map(fault).unwrap_or_default();
                let id = row.id.unwrap_or_default();
                csv.write_record([&row.status, &id, &seq, &error])?;
                table.add_row([&row.status, &id, &seq, &error].map(|text| terminal::cell(text)));
            }
            if output == Output::Table {
                terminal::print_table(&mut out, &table)?;
            } else {
                out.write_all(&csv.into_inner().map_err(|e| e.into_error())?)?;
            }
        }
    }
    Ok(())
}

/// The error of a receipt: a text, or an object with a pointer and a detail.
pub fn fault(error: serde_json::Value) -> String {
    let text = |name| {
        error
            .get(name)
            .and_then(serde_json::Value::as_str)
            .filter(|t| !t.is_empty())
    };
    match (error.as_str(), text("pointer"), text("detail")) {
        (Some(text), ..) => text.to_owned(),
        (_, Some(pointer), Some(detail)) => format!("{pointer}: {detail}"),
        (_, None, Some(detail)) => detail.to_owned(),
        _ => visible(&error.to_string()).into_owned(),
    }
}
