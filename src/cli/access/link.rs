//! `link`: a way in for somebody else's auditor, to what a frozen filter lets through.

use super::expiry::{self, Expiry};
use super::rows::{self, Rows, WHERE};
use super::token::hand_over;
use super::{Where, list, login_of, logins, mask_names, permission_names, take_away, text};
use crate::cli::{Context, Failure};
use crate::client::Client;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

const EXAMPLES: &str = "\
Examples:
  mar-audit link create --sign-in ana@acme.example --name 'Auditors & Co' --organization acme --expires 30d \\
    --filter 'category:access_control since:365d' --mask email,ip";

#[derive(Subcommand)]
pub enum Command {
    /// Make a link, in the name of who signs in; it alone goes to stdout, once
    #[command(after_help = EXAMPLES)]
    Create(Create),
    /// List the links that you may revoke
    List,
    /// Revoke links, by their ids
    Revoke {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

#[derive(Args, Debug)]
pub struct Create {
    /// Whom it is for, in your words
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// What it may do; repeatable, or with commas
    #[arg(
        long = "permission", value_name = "PERMISSION", value_delimiter = ',', value_parser = permission_names(),
        default_value = "entries:read,entries:export,logs:verify"
    )]
    permissions: Vec<String>,
    #[command(flatten)]
    place: Where,
    /// What it hides; repeatable, or with commas
    #[arg(long = "mask", value_name = "MEMBER", value_delimiter = ',', value_parser = mask_names())]
    mask: Vec<String>,
    /// Only these entries: query text, in which 30d means 30 days before now for good
    #[arg(long, value_name = "QUERY")]
    filter: Option<String>,
    /// Until when, at most a year: 30d, 2027-03-31, RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = expiry::parse)]
    expires: Expiry,
}

const LINKS: &str = "/v1/access/links";

const COLUMNS: &[rows::Column] = &[
    ("Name", "name"),
    ("Made by", "login"),
    ("May", "permissions"),
    WHERE,
    ("Hidden", "mask"),
    ("Filter", "filter"),
    ("Expires", "expires_at"),
    ("Id", "id"),
];

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Create(create) => make(&create, context),
        Command::List => {
            let client = context.client()?;
            let all = list(&client, LINKS, "links")?;
            let logins = logins(&client)?;
            let rows = Rows {
                columns: COLUMNS,
                cell: &|object, name| (name == "login").then(|| login_of(&logins, object)),
                none: "There are no links that you may revoke.",
            };
            rows.print(&all, context.common.output)
        }
        Command::Revoke { ids } => take_away(&context.client()?, LINKS, "link", "revoked", &ids),
    }
}

fn make(create: &Create, context: &Context) -> Result<(), Failure> {
    if context.common.sign_in.is_none() {
        return Err(Failure::failed(
            "a link is made by a person, not by a program's token: --sign-in LOGIN",
        ));
    }
    let Some(expires_at) = create.expires.to_text() else {
        return Err(Failure::failed(
            "--expires: a link does not last for ever, at most a year",
        ));
    };
    let client: Client = context.client()?;
    let mut body = Map::new();
    body.insert("name".into(), json!(create.name));
    body.insert("permissions".into(), json!(create.permissions));
    body.insert("expires_at".into(), json!(expires_at));
    body.insert("mask".into(), json!(create.mask));
    if let Some(filter) = &create.filter {
        body.insert("filter".into(), json!(filter));
    }
    create.place.add_to(&mut body);
    let mut made = client.change("POST", LINKS, Some(&body.into()))?;
    // Behind a `#`, which no browser sends to anybody.
    let url = format!("{}/link#{}", client.server(), text(&made, "secret"));
    made["url"] = url.into();
    let logins = logins(&client)?;
    let cell = |object: &Value, name: &str| (name == "login").then(|| login_of(&logins, object));
    let said = |link: &Value| format!("auditor link {}", text(link, "id"));
    hand_over(
        &client,
        &made,
        "link",
        COLUMNS,
        &cell,
        &said,
        context.common.output,
    )
}
