//! The command line: what can be asked, and how it ends.
//!
//! In reading order:
//! - this file: every command and flag
//! - [`serve`]: the server itself
//! - [`parameters`], [`shown`]: choosing entries and showing them, for all client commands
//! - [`record`], [`search`], [`tail`], [`export`]: the client commands; `import` is in [`crate::import`]
//! - [`redact`]: erases values and keeps proofs
//! - [`access`]: who may do what: accounts, roles, bindings, tokens, sessions, links
//! - [`source`]: what other systems send: how they are pointed here, how they are, what no mapping took
//! - [`password`]: secrets that come from files, stdin or a terminal
//! - [`check`], [`key`]: a data directory without a server
//! - [`verify`]: whether evidence holds
//! - [`failure`]: exit codes and messages

pub mod access;
pub mod check;
mod erased;
pub mod export;
pub mod failure;
pub mod key;
pub mod parameters;
mod password;
pub mod record;
pub mod redact;
pub mod search;
pub mod serve;
pub mod shown;
pub mod source;
pub mod tail;
pub mod verify;

pub use failure::{Exit, Failure};
pub use parameters::Parameters;

use crate::access::Secret;
use crate::client::{Authorities, Client};
use crate::config::{self, Config, Flag, Layers};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// The audit log: records who did what, answers at once, exports completely.
///
/// Without a command it serves.
#[derive(Parser)]
#[command(name = "mar-audit", version, after_help = failure::EXIT_CODES, max_term_width = 110)]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    serve: serve::Arguments,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Settings file; without it mar-audit.toml in the working directory, if there is one
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "MAR_AUDIT_CONFIG",
        help_heading = "Everywhere"
    )]
    pub config: Option<PathBuf>,
    /// Where client commands find the server [env: MAR_AUDIT_SERVER=] [default: http://127.0.0.1:8080]
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub server: Option<String>,
    /// Bearer token for the server; @FILE reads it from a file, where nobody else sees it [env: MAR_AUDIT_TOKEN=]
    #[arg(
        long,
        global = true,
        value_name = "@FILE|TOKEN",
        help_heading = "Everywhere"
    )]
    pub token: Option<String>,
    /// Who vouches for an https server, instead of the public authorities: certificates, a PEM file [env: MAR_AUDIT_CA_FILE=]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub ca_file: Option<PathBuf>,
    /// Instead of a token: sign in with a password for this one command
    #[arg(
        long,
        global = true,
        value_name = "LOGIN",
        conflicts_with = "token",
        help_heading = "Everywhere"
    )]
    pub sign_in: Option<String>,
    /// Read passwords from stdin, a line each, in the order they would be asked for on a terminal
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub password_stdin: bool,
    /// Why, such as a ticket: noted with whatever the log notes of this command
    #[arg(long, global = true, value_name = "TEXT", help_heading = "Everywhere")]
    pub purpose: Option<String>,
    /// Show what a role hides, if you may; that is noted
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub unmask: bool,
    /// How answers are printed
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table, help_heading = "Everywhere")]
    pub output: Output,
}

/// How answers are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
    /// RFC 4180, the export's columns
    Csv,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the log: the API and the page
    Serve(serve::Arguments),
    /// Record entries, from flags or from JSON
    Record(Box<record::Arguments>),
    /// Import files of audit data
    Import(crate::import::Arguments),
    /// Search entries
    Search(search::Arguments),
    /// Show one entry in full
    Show(search::ShowArguments),
    /// Follow new entries as they arrive
    Tail(tail::Arguments),
    /// Export everything that matches, complete or recognisably cut
    Export(export::Arguments),
    /// Erase members of an entry, or what speaks of a person; proofs stay what they were
    Redact(Box<redact::Arguments>),
    /// Who you are to the server, and what you may do
    Whoami,
    /// Accounts: people and services
    #[command(subcommand)]
    User(access::user::Command),
    /// What roles permit and hide
    #[command(subcommand)]
    Role(access::role::Command),
    /// Who has which role, and where
    #[command(subcommand)]
    Binding(access::binding::Command),
    /// Tokens: what programs show
    #[command(subcommand)]
    Token(access::token::Command),
    /// Who is signed in
    #[command(subcommand)]
    Session(access::session::Command),
    /// Links for somebody else's auditor
    #[command(subcommand)]
    Link(access::link::Command),
    /// What other systems send: point them here, see how they are, see what could not be read
    #[command(subcommand)]
    Source(source::Command),
    /// Get back into a data directory whose server does not let anybody in
    #[command(subcommand)]
    Access(access::recovery::Command),
    /// Re-read and re-derive a data directory that no server has open
    Check(check::Arguments),
    /// Show or change who signs the logs of a data directory
    #[command(subcommand)]
    Key(key::Command),
    /// Verify evidence offline, with nothing but the log's public key
    #[command(subcommand)]
    Verify(verify::Command),
    /// Measure this machine with the reference workload
    #[command(subcommand)]
    Bench(crate::bench::Command),
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Show every setting
    Show {
        /// Also where each value came from
        #[arg(long)]
        origin: bool,
    },
}

/// What commands are given besides their own flags.
pub struct Context {
    pub common: Common,
    environment: Vec<(String, String)>,
    /// Within the session of `--sign-in`, which ends with the command.
    signed_in: RefCell<Option<SignedIn>>,
}

/// A session of this command's own, and what it was begun with: asked for once, needed again to choose another.
struct SignedIn {
    client: Client,
    password: Secret,
}

impl Context {
    /// The settings under the flags of a command.
    pub fn layers(&self, mut flags: Vec<Flag>) -> Result<Layers, config::Error> {
        flags.extend(
            self.common
                .server
                .iter()
                .map(|v| Flag::new("server", v.as_str())),
        );
        flags.extend(
            self.common
                .token
                .iter()
                .map(|v| Flag::new("token", v.as_str())),
        );
        if let Some(path) = &self.common.ca_file {
            // A path that is no text is named as well as it can be: the file is not found then.
            flags.push(Flag::new("ca_file", path.to_string_lossy().into_owned()));
        }
        let environment = self.environment.clone();
        Layers::read(config::Sources {
            file: self.common.config.clone(),
            environment,
            flags,
        })
    }

    /// The server of client commands.
    pub fn client(&self) -> Result<Client, Failure> {
        let Some(login) = &self.common.sign_in else {
            let config = self.layers(Vec::new())?.check()?;
            let token = password::token(config.token.as_deref())?;
            return self.client_with(&config, token);
        };
        if let Some(signed_in) = &*self.signed_in.borrow() {
            return Ok(signed_in.client.clone());
        }
        let client = self.stranger()?;
        let password = password::known(&format!("Password of {login}: "), self)?;
        let client = client.sign_in(login, &password)?;
        *self.signed_in.borrow_mut() = Some(SignedIn {
            client: client.clone(),
            password,
        });
        Ok(client)
    }

    /// The password of `--sign-in`, once it has let somebody in.
    pub fn known_password(&self) -> Option<Secret> {
        let signed_in = self.signed_in.borrow();
        signed_in.as_ref().map(|one| one.password.clone())
    }

    /// The server of client commands, to which we are nobody.
    pub fn stranger(&self) -> Result<Client, Failure> {
        let config = self.layers(Vec::new())?.check()?;
        self.client_with(&config, None)
    }

    /// Who vouches for servers.
    pub fn authorities(&self) -> Result<Authorities, Failure> {
        let config = self.layers(Vec::new())?.check()?;
        Ok(Authorities::read(config.ca_file.as_deref())?)
    }

    fn client_with(&self, config: &Config, token: Option<String>) -> Result<Client, Failure> {
        let authorities = Authorities::read(config.ca_file.as_deref())?;
        let mut client = Client::new(&config.server, token, &authorities)?;
        if let Some(purpose) = &self.common.purpose {
            client = client.with_purpose(purpose);
        }
        Ok(match self.common.unmask {
            true => client.unmasking(),
            false => client,
        })
    }

    /// Ends the session of `--sign-in`.
    fn sign_out(&self) {
        let signed_in = self.signed_in.borrow_mut().take();
        if let Some(Err(error)) = signed_in.map(|one| one.client.sign_out()) {
            crate::terminal::say(format_args!(
                "mar-audit: the session was not ended, it ends by itself within the hour: {}",
                crate::terminal::visible(&error.to_string())
            ));
        }
    }
}

/// Runs the program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // The help's reader may go away early; there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(Exit::Failed as u8)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match run(line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(line: Line) -> Result<(), Failure> {
    let environment = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let context = Context {
        common: line.common,
        environment,
        signed_in: RefCell::default(),
    };
    let Some(command) = line.command else {
        return serve::run(&line.serve, &context);
    };
    if line.serve != serve::Arguments::default() {
        return Err(Failure::failed(
            "flags of `serve` stand before another command; put the command first",
        ));
    }
    let done = run_command(command, &context);
    context.sign_out();
    done
}

fn run_command(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments, context),
        Command::Record(arguments) => record::run(&arguments, context),
        Command::Import(arguments) => crate::import::run(&arguments, context),
        Command::Search(arguments) => search::run(&arguments, context),
        Command::Show(arguments) => search::show(&arguments, context),
        Command::Tail(arguments) => tail::run(&arguments, context),
        Command::Export(arguments) => export::run(&arguments, context),
        Command::Redact(arguments) => redact::run(&arguments, context),
        Command::Whoami => access::me::run(context),
        Command::User(command) => access::user::run(command, context),
        Command::Role(command) => access::role::run(command, context),
        Command::Binding(command) => access::binding::run(command, context),
        Command::Token(command) => access::token::run(command, context),
        Command::Session(command) => access::session::run(command, context),
        Command::Link(command) => access::link::run(command, context),
        Command::Source(command) => source::run(command, context),
        Command::Access(command) => access::recovery::run(&command, context),
        Command::Check(arguments) => check::run(&arguments, context),
        Command::Key(command) => key::run(&command, context),
        Command::Verify(command) => verify::run(&command, context),
        Command::Bench(command) => crate::bench::run(command).map_err(Failure::failed),
        Command::Config(ConfigCommand::Show { origin }) => config_show(origin, context),
        Command::Completions { shell } => completions(shell),
    }
}

fn config_show(origin: bool, context: &Context) -> Result<(), Failure> {
    let layers = context.layers(Vec::new())?;
    let mut out = io::stdout().lock();
    match context.common.output {
        Output::Table => {
            let mut header = vec!["Setting", "Value", "What it is"];
            if origin {
                header.insert(2, "From");
            }
            let mut table = crate::terminal::table(&header);
            for row in layers.show() {
                let mut cells = vec![row.name, &row.value, row.says];
                if origin {
                    cells.insert(2, &row.origin);
                }
                table.add_row(cells.into_iter().map(crate::terminal::cell));
            }
            crate::terminal::print_table(&mut out, &table)?;
        }
        Output::Csv => {
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(["setting", "value", "from"])?;
            for row in layers.show() {
                csv.write_record([row.name, &row.value, &row.origin])?;
            }
            csv.flush()?;
        }
        Output::Json | Output::Ndjson => {
            let rows = layers.show();
            let rows = rows.iter().map(|row| serde_json::json!({"setting": row.name, "value": row.value, "from": row.origin}));
            if context.common.output == Output::Json {
                writeln!(out, "{:#}", serde_json::Value::from_iter(rows))?;
            } else {
                for row in rows {
                    writeln!(out, "{row}")?;
                }
            }
        }
    }
    // Shown first: who asks for the settings may be looking for the one that is wrong.
    layers.check()?;
    Ok(())
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Line::command(), "mar-audit", &mut script);
    Ok(io::stdout().lock().write_all(&script)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Line::command().debug_assert();
    }
}
