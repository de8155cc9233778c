//! `binding`: who has which role, and where.

use super::rows::{Rows, WHERE};
use super::{Where, account, list, login_of, logins, take_away, text};
use crate::cli::{Context, Failure};
use crate::client::Client;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const EXAMPLES: &str = "\
Examples:
  mar-audit binding add --user ana@acme.example --role auditor --organization acme
  mar-audit binding add --group payments --role viewer --organization acme --project payments";

#[derive(Subcommand)]
pub enum Command {
    /// List who has which role, within what you manage
    List,
    /// Give somebody a role
    #[command(after_help = EXAMPLES)]
    Add(Add),
    /// Take roles away, by the ids of their bindings
    Remove {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct Add {
    /// An account, by login or id
    #[arg(long, value_name = "LOGIN|ID", required_unless_present = "group")]
    user: Option<String>,
    /// Everybody in this group, now and later
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    group: Option<String>,
    #[arg(long, value_name = "NAME")]
    role: String,
    #[command(flatten)]
    place: Where,
}

const BINDINGS: &str = "/v1/access/bindings";

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let output = context.common.output;
    match command {
        Command::List => {
            let logins = logins(&client)?;
            rows(&|object, name| cell(&logins, object, name)).print(&all(&client)?, output)
        }
        Command::Add(add) => {
            let subject = match (&add.user, &add.group) {
                (Some(user), _) => ("account", json!(account(&client, context, user)?["id"])),
                (None, group) => ("group", json!(group)),
            };
            let made = bind(&client, subject, &add.role, &add.place)?;
            let logins = logins(&client)?;
            rows(&|object, name| cell(&logins, object, name)).print_one(&made, output)
        }
        Command::Remove { ids } => take_away(&client, BINDINGS, "binding", "removed", &ids),
    }
}

pub(super) fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    list(client, BINDINGS, "bindings")
}

/// Gives a role to an account (its id) or a group.
pub(super) fn bind(
    client: &Client,
    (subject, id): (&str, Value),
    role: &str,
    place: &Where,
) -> Result<Value, Failure> {
    let mut body = Map::new();
    body.insert(subject.to_owned(), id);
    body.insert("role".into(), role.into());
    place.add_to(&mut body);
    Ok(client.change("POST", BINDINGS, Some(&body.into()))?)
}

fn rows<'a>(cell: &'a dyn Fn(&Value, &str) -> Option<String>) -> Rows<'a> {
    Rows {
        columns: &[("Who", "subject"), ("Role", "role"), WHERE, ("Id", "id")],
        cell,
        none: "There are no bindings that you manage.",
    }
}

fn cell(logins: &HashMap<String, String>, object: &Value, name: &str) -> Option<String> {
    let who = || match text(object, "group") {
        "" => login_of(logins, object),
        group => format!("group {group}"),
    };
    (name == "subject").then(who)
}
