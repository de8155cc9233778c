//! `role`: what roles permit, and what they hide.

use super::rows::Rows;
use super::{below, list, mask_names, permission_names, rows, text};
use crate::cli::{Context, Failure};
use crate::client::Client;
use crate::terminal;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const EXAMPLES: &str = "\
Examples:
  mar-audit role put support --permission entries:read --mask email --mask ip
  mar-audit binding add --group support --role support --organization acme";

#[derive(Subcommand)]
pub enum Command {
    /// List the built-in roles and those of this server's own
    List,
    /// Show one role
    Show { name: String },
    /// Make a role, or give it another meaning wherever it is bound
    #[command(after_help = EXAMPLES)]
    Put(Put),
    /// Remove a role that is bound nowhere
    Remove { name: String },
}

#[derive(Args, Debug)]
pub struct Put {
    /// A slug: a-z, 0-9, `.`, `_`, `-`
    name: String,
    /// What it permits; repeatable, or with commas
    #[arg(long = "permission", value_name = "PERMISSION", required = true, value_delimiter = ',', value_parser = permission_names())]
    permissions: Vec<String>,
    /// What it hides; repeatable, or with commas
    #[arg(long = "mask", value_name = "MEMBER", value_delimiter = ',', value_parser = mask_names())]
    mask: Vec<String>,
}

const ROWS: Rows<'static> = Rows {
    columns: &[
        ("Role", "name"),
        ("May", "permissions"),
        ("Hidden", "mask"),
        ("Built in", "built_in"),
    ],
    cell: &rows::nothing_made,
    none: "There are no roles.",
};

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let output = context.common.output;
    match command {
        Command::List => ROWS.print(&roles(&client)?, output),
        Command::Show { name } => {
            let all = roles(&client)?;
            let found = all.iter().find(|role| text(role, "name") == name);
            let nearest =
                || entry::words::nearest(&name, all.iter().map(|role| text(role, "name")));
            let found = found.ok_or_else(|| {
                let nearest = nearest().map(|near| format!("; did you mean `{near}`?"));
                Failure::failed(format!(
                    "there is no role `{name}`{}",
                    nearest.unwrap_or_default()
                ))
            })?;
            ROWS.print_one(found, output)
        }
        Command::Put(put) => {
            let body = json!({"permissions": put.permissions, "mask": put.mask});
            let made = client.change("PUT", &below(ROLES, &put.name), Some(&body))?;
            ROWS.print_one(&made, output)
        }
        Command::Remove { name } => {
            client.change("DELETE", &below(ROLES, &name), None)?;
            terminal::say(format_args!("role {} removed", terminal::visible(&name)));
            Ok(())
        }
    }
}

const ROLES: &str = "/v1/access/roles";

fn roles(client: &Client) -> Result<Vec<Value>, Failure> {
    list(client, ROLES, "roles")
}
