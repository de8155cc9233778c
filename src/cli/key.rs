//! `key`: who signs a directory's logs, and under which names.

use crate::cli::serve::store_options;
use crate::cli::{Context, Failure, Output};
use crate::config::{Config, Flag};
use crate::terminal;
use clap::{Args, Subcommand};
use entry::entry::Actor;
use entry::{ActorKind, Organization, Party};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use store::keyring::{self, Change, Keyring};
use store::{Known, Options, Store};

#[derive(Subcommand)]
pub enum Command {
    /// Show the names of logs and their public keys; a server may be running
    Show(Show),
    /// Make a new key; checkpoints carry its signature and those of the keys before. The server must not be running
    Rotate(Rotate),
    /// Accept what a restored backup lost: its logs go on under new names. The server must not be running
    Recover(Recover),
}

#[derive(Args, Debug)]
pub struct Show {
    #[command(flatten)]
    directory: Data,
    /// Only of these; without it, of all logs that have files or checkpoints
    #[arg(long, value_name = "NAME")]
    organization: Vec<String>,
}

#[derive(Args, Debug)]
pub struct Rotate {
    #[command(flatten)]
    directory: Data,
    /// Why; kept in each log
    #[arg(long, value_name = "TEXT", default_value = "rotated by its operator")]
    reason: String,
    #[command(flatten)]
    by: By,
}

#[derive(Args, Debug)]
pub struct Recover {
    #[command(flatten)]
    directory: Data,
    /// Only of these; without it, of all logs that need it
    #[arg(long, value_name = "NAME")]
    organization: Vec<String>,
    /// Why; kept in each log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// A data directory that a command works on without a server.
#[derive(Args, Debug)]
pub(super) struct Data {
    /// Data directory [env: MAR_AUDIT_DATA=] [default: ./data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct By {
    /// Who does it; kept in each log. Without it the system's user
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
}

pub fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show(arguments, context),
        Command::Rotate(arguments) => rotate(arguments, context),
        Command::Recover(arguments) => recover(arguments, context),
    }
}

impl Data {
    pub(super) fn config(&self, context: &Context) -> Result<Config, Failure> {
        let dir = self.data.as_deref().map(|dir| {
            let dir = dir.to_str();
            dir.ok_or_else(|| Failure::failed("--data: the path is not UTF-8"))
        });
        let flags = dir.transpose()?.map(|dir| Flag::new("data", dir));
        Ok(context.layers(flags.into_iter().collect())?.check()?)
    }
}

impl By {
    pub(super) fn change(&self, reason: &str) -> Result<Change, Failure> {
        let reason = reason.trim();
        if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(Failure::failed(format!(
                "--reason: between 1 and {REASON_BYTES_MAX} bytes"
            )));
        }
        let user = || {
            let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
            let mut named = named.filter_map(|name| std::env::var(name).ok());
            named
                .find(|name| !name.is_empty())
                .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()))
        };
        let party = Party {
            kind: ActorKind::User,
            id: None,
            name: Some(self.actor.clone().unwrap_or_else(user).into()),
            email: None,
        };
        Ok(Change {
            actor: Actor {
                party,
                on_behalf_of: None,
            },
            reason: reason.into(),
        })
    }
}

/// As for redactions: a sentence or two, not a report.
const REASON_BYTES_MAX: usize = 1_000;

fn organizations(names: &[String]) -> Result<Vec<Organization>, Failure> {
    let parse = |name: &String| {
        Organization::parse(name)
            .ok_or_else(|| Failure::failed(format!("--organization: {name:?} is not a slug")))
    };
    names.iter().map(parse).collect()
}

fn show(arguments: &Show, context: &Context) -> Result<(), Failure> {
    let config = arguments.directory.config(context)?;
    let keyring = keyring::show(&config.data)?;
    let mut logs = organizations(&arguments.organization)?;
    if logs.is_empty() {
        logs = logs_of(&config)?;
    }
    print(&logs, &keyring, context.common.output)
}

/// Logs with files, and those with known checkpoints, which are all that were ever signed.
fn logs_of(config: &Config) -> Result<Vec<Organization>, Failure> {
    let known = match &config.known_checkpoints {
        Known::Beside => {
            let mut beside = config.data.clone().into_os_string();
            beside.push(".known");
            Some(PathBuf::from(beside))
        }
        Known::At(dir) => Some(dir.clone()),
        Known::Off => None,
    };
    let mut found = BTreeSet::new();
    for dir in [Some(config.data.join("logs")), known]
        .into_iter()
        .flatten()
    {
        names_in(&dir, &mut found)?;
    }
    Ok(found.into_iter().collect())
}

fn names_in(dir: &Path, found: &mut BTreeSet<Organization>) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(dir, &error)),
    };
    for entry in entries {
        let name = entry.map_err(|e| Failure::file(dir, &e))?.file_name();
        found.extend(name.to_str().and_then(Organization::parse));
    }
    Ok(())
}

fn print(logs: &[Organization], keyring: &Keyring, output: Output) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let origins = logs.iter().map(|log| (log, keyring.origin(log)));
    let json = |(log, origin): (&Organization, keyring::Origin)| {
        let vkeys: Vec<String> = origin.keys.iter().map(ToString::to_string).collect();
        json!({
            "organization": log.as_str(), "origin": origin.name.as_str(), "vkey": vkeys.first(), "vkeys": vkeys,
        })
    };
    match output {
        Output::Table => {
            let mut table =
                terminal::table(&["Organization", "Origin", "Public key (vkey), newest first"]);
            for (log, origin) in origins {
                let vkeys: Vec<String> = origin.keys.iter().map(ToString::to_string).collect();
                let cells = [log.as_str(), origin.name.as_str(), &vkeys.join("\n")];
                table.add_row(cells.map(terminal::cell));
            }
            terminal::print_table(&mut out, &table)?;
        }
        Output::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(["organization", "origin", "vkey"])?;
            for (log, origin) in origins {
                for key in &origin.keys {
                    csv.write_record([log.as_str(), origin.name.as_str(), &key.to_string()])?;
                }
            }
            csv.flush()?;
        }
        Output::Json => writeln!(out, "{:#}", Value::from_iter(origins.map(json)))?,
        Output::Ndjson => {
            for row in origins.map(json) {
                writeln!(out, "{row}")?;
            }
        }
    }
    Ok(())
}

fn rotate(arguments: &Rotate, context: &Context) -> Result<(), Failure> {
    let config = arguments.directory.config(context)?;
    let change = arguments.by.change(&arguments.reason)?;
    // Reads only: a directory that was meant otherwise is not made by this.
    keyring::show(&config.data)?;
    let options = store_options(&config, config.listen);
    let rotated = keyring::rotate(&config.data, options, &change)?;
    let logs: Vec<Organization> = rotated.into_iter().map(|log| log.organization).collect();
    print(&logs, &keyring::show(&config.data)?, context.common.output)?;
    terminal::say(format_args!(
        "the key is new from the next start on; tell its vkey to whoever verifies these logs"
    ));
    Ok(())
}

fn recover(arguments: &Recover, context: &Context) -> Result<(), Failure> {
    let config = arguments.directory.config(context)?;
    let change = arguments.by.change(&arguments.reason)?;
    keyring::show(&config.data)?;
    let options = store_options(&config, config.listen);
    let mut logs = organizations(&arguments.organization)?;
    if logs.is_empty() {
        logs = refused(&config.data, options.clone())?;
    }
    if logs.is_empty() {
        terminal::say(format_args!("no log needs it"));
        return Ok(());
    }
    for log in &logs {
        keyring::recover(&config.data, options.clone(), log, &change)?;
    }
    print(&logs, &keyring::show(&config.data)?, context.common.output)?;
    terminal::say(format_args!(
        "these logs go on under new names; tell them, and why, to whoever verifies them"
    ));
    Ok(())
}

/// The logs that nothing may be appended to, each said with its reason.
fn refused(dir: &Path, options: Options) -> Result<Vec<Organization>, Failure> {
    let store = Store::open(dir, options)?;
    let mut found = Vec::new();
    for log in store.logs() {
        if let Some(why) = store.refused(&log.organization) {
            terminal::say(format_args!("{}: {why}", log.organization));
            found.push(log.organization);
        }
    }
    store.close()?;
    Ok(found)
}
