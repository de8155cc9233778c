//! `token`: what programs show. The secret of a new one is printed once, alone on stdout.

use super::expiry::{self, Expiry, say_once};
use super::rows::{self, Rows, WHERE, print_json};
use super::{Where, account, list, login_of, logins, permission_names, take_away, text};
use crate::access::Secret;
use crate::access::token::{Kind, Presented};
use crate::api::access::shapes;
use crate::cli::{Context, Failure, Output, password};
use crate::client::Client;
use crate::terminal::{self, visible};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mar-audit user add mar-api --name 'MAR API' --service --role recorder --organization acme
  mar-audit token create --name mar-api --account mar-api --kind rec --expires 365d > mar-api.token
  mar-audit token create --sign-in ana@acme.example --name laptop --permission entries:read,entries:export --expires 90d";

#[derive(Subcommand)]
pub enum Command {
    /// Make a token; its secret alone goes to stdout, once
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// List the tokens that you may revoke
    List,
    /// Revoke tokens, by their ids: nothing that shows them is let in from now on
    Revoke {
        /// Of a token that was found somewhere, the token itself will do: only its id is sent
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Say what kind a token is and whether it was mistyped or cut, asking no server
    Check {
        /// The file that holds it, `-` for stdin
        #[arg(value_name = "FILE", default_value = "-")]
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
pub struct Create {
    /// What it is for, in your words
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Whose it is, by login or id; it never does more than that account may [default: your own]
    #[arg(long, value_name = "LOGIN|ID")]
    account: Option<String>,
    /// [default: pat for people, svc for services]
    #[arg(long, value_enum)]
    kind: Option<Which>,
    /// What it may do; repeatable, or with commas
    #[arg(
        long = "permission", value_name = "PERMISSION", required_unless_present = "kind", required_if_eq_any = [("kind", "pat"), ("kind", "svc")],
        value_delimiter = ',', value_parser = permission_names()
    )]
    permissions: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// Until when: 90d, 2027-03-31, RFC 3339, or never
    #[arg(long, value_name = "WHEN", default_value = "never", value_parser = expiry::parse)]
    expires: Expiry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// A person's own
    #[value(alias = "personal")]
    Pat,
    /// A service's
    #[value(alias = "service")]
    Svc,
    /// A service's that records and does nothing else
    #[value(alias = "recorder")]
    Rec,
}

impl Which {
    fn word(self) -> &'static str {
        shapes::kind(match self {
            Which::Pat => Kind::Personal,
            Which::Svc => Kind::Service,
            Which::Rec => Kind::Recorder,
        })
    }
}

const TOKENS: &str = "/v1/access/tokens";

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let output = context.common.output;
    match command {
        Command::Create(create) => make(&create, &context.client()?, context),
        Command::List => {
            let client = context.client()?;
            let all = all(&client)?;
            let logins = logins(&client)?;
            let rows = Rows {
                columns: COLUMNS,
                cell: &|object, name| (name == "login").then(|| login_of(&logins, object)),
                none: "There are no tokens that you may revoke.",
            };
            rows.print(&all, output)
        }
        Command::Revoke { ids } => take_away(&context.client()?, TOKENS, "token", "revoked", &ids),
        Command::Check { file } => check(&file, output),
    }
}

const COLUMNS: &[rows::Column] = &[
    ("Name", "name"),
    ("Kind", "kind"),
    ("Login", "login"),
    ("May", "permissions"),
    WHERE,
    ("Expires", "expires_at"),
    ("Used", "used_at"),
    ("Id", "id"),
];

pub(super) fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    list(client, TOKENS, "tokens")
}

fn make(create: &Create, client: &Client, context: &Context) -> Result<(), Failure> {
    let mut body = Map::new();
    body.insert("name".into(), json!(create.name));
    let mut permissions = create.permissions.clone();
    if permissions.is_empty() {
        permissions.push(crate::access::Permission::Record.to_string());
    }
    body.insert("permissions".into(), json!(permissions));
    if let Some(kind) = create.kind {
        body.insert("kind".into(), json!(kind.word()));
    }
    if let Some(named) = &create.account {
        let id = account(client, context, named)?["id"].take();
        body.insert("account".into(), id);
    }
    if let Some(at) = create.expires.to_text() {
        body.insert("expires_at".into(), json!(at));
    }
    create.place.add_to(&mut body);
    let made = client.change("POST", TOKENS, Some(&body.into()))?;
    let logins = logins(client)?;
    let cell = |object: &Value, name: &str| match name {
        "login" => Some(login_of(&logins, object)),
        _ => None,
    };
    let said = |token: &Value| {
        format!(
            "{} token {} of {}",
            text(token, "kind"),
            text(token, "id"),
            login_of(&logins, token)
        )
    };
    hand_over(
        client,
        &made,
        "token",
        COLUMNS,
        &cell,
        &said,
        context.common.output,
    )
}

/// Prints what was made with its secret, the only time that it is to be had.
pub(super) fn hand_over(
    client: &Client,
    made: &Value,
    what: &str,
    columns: &[rows::Column],
    cell: &dyn Fn(&Value, &str) -> Option<String>,
    said: &dyn Fn(&Value) -> String,
    output: Output,
) -> Result<(), Failure> {
    let secret = Secret::new(text(made, "secret").to_owned());
    let object = made.get(what).unwrap_or(&Value::Null);
    if secret.expose().is_empty() {
        return Err(client.strange("its answer has no secret").into());
    }
    match output {
        Output::Table => {
            let shown = Some(text(made, "url")).filter(|url| !url.is_empty());
            let shown = visible(shown.unwrap_or(secret.expose()));
            writeln!(io::stdout().lock(), "{shown}")?;
        }
        Output::Json | Output::Ndjson => print_json(made, output)?,
        Output::Csv => {
            let columns = [&[("Secret", "secret")], columns].concat();
            let cell = |object: &Value, name: &str| match name {
                "secret" => Some(secret.expose().to_owned()),
                _ => cell(object, name),
            };
            let rows = Rows {
                columns: &columns,
                cell: &cell,
                none: "",
            };
            rows.print_one(object, output)?;
        }
    }
    say_once(&said(object), &secret, text(object, "expires_at"));
    Ok(())
}

fn check(file: &Path, output: Output) -> Result<(), Failure> {
    let secret = if file == Path::new("-") {
        password::short_text(io::stdin().lock()).map_err(|e| Failure::failed(format!("stdin: {e}")))
    } else {
        let opened = File::open(file).and_then(password::short_text);
        opened.map_err(|e| Failure::file(file, &e))
    };
    let secret = Secret::new(secret?);
    let shown = Presented::parse(secret.expose()).map_err(Failure::failed)?;
    let id = shown.identifier().map(|id| id.to_string());
    let kind = shapes::kind(shown.kind);
    match output {
        Output::Table => {
            let id = id.map_or_else(String::new, |id| format!(" {id}"));
            let mut out = io::stdout().lock();
            writeln!(out, "{kind} token{id}: whole, as far as its checksum tells")?;
        }
        Output::Csv => {
            let row = json!({"kind": kind, "id": id});
            let columns = &[("Kind", "kind"), ("Id", "id")];
            Rows {
                columns,
                cell: &rows::nothing_made,
                none: "",
            }
            .print_one(&row, output)?;
        }
        _ => print_json(&json!({"kind": kind, "id": id, "whole": true}), output)?,
    }
    if shown.kind == Kind::Bootstrap {
        terminal::say(format_args!(
            "it is no credential for calls: `mar-audit user claim --link @FILE` uses it"
        ));
    }
    Ok(())
}
