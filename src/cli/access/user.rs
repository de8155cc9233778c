//! `user`: accounts of people and services.

use super::rows::{Rows, extent, print_json, print_lines};
use super::{Where, account, below, binding, rows, text, token, users};
use crate::access::Secret;
use crate::access::token::{Kind, Presented};
use crate::cli::{Context, Failure, Output, password};
use crate::client::Client;
use crate::terminal::{self, visible};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

const ADD: &str = "\
Examples:
  mar-audit user add ana@acme.example --name 'Ana Ruiz' --role auditor --organization acme
  mar-audit user add mar-api --name 'MAR API' --service --role recorder";
const CLAIM: &str = "\
Example:
  mar-audit user claim --link @data/first-sign-in --login ana@acme.example --name 'Ana Ruiz'";

#[derive(Subcommand)]
pub enum Command {
    /// Add a person, who is asked for a password, or a service
    #[command(after_help = ADD)]
    Add(Add),
    /// List accounts
    List,
    /// Show an account, with its roles and tokens
    Show(Named),
    /// Disable an account: it and all that acts for it stop at once
    Disable(Named),
    /// Let a disabled account do again what it may
    Enable(Named),
    /// Give an account another password; its sessions end
    Password(Named),
    /// Put an account into these groups and no others
    Groups(Groups),
    /// Make the first owner, without a browser, by the link of the first start
    #[command(after_help = CLAIM)]
    Claim(Claim),
}

#[derive(Args, Debug)]
pub struct Named {
    #[arg(value_name = "LOGIN|ID")]
    account: String,
}

#[derive(Args, Debug)]
pub struct Add {
    /// A mail address or a slug; it stays taken for good
    login: String,
    /// How pages and entries call it
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// A program's: it has tokens and no password
    #[arg(long, conflicts_with = "no_password")]
    service: bool,
    /// A person who has none, and signs in elsewhere or later
    #[arg(long)]
    no_password: bool,
    /// A role to begin with
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    #[command(flatten)]
    place: Where,
}

#[derive(Args, Debug)]
pub struct Groups {
    #[arg(value_name = "LOGIN|ID")]
    account: String,
    #[arg(value_name = "GROUP", required_unless_present = "none")]
    groups: Vec<String>,
    /// No group at all
    #[arg(long, conflicts_with = "groups")]
    none: bool,
}

#[derive(Args, Debug)]
pub struct Claim {
    /// @FILE with the link in it, such as @data/first-sign-in; or the link that the server printed
    #[arg(long, value_name = "@FILE|LINK")]
    link: String,
    /// A mail address or a slug
    #[arg(long)]
    login: String,
    /// How pages and entries call you
    #[arg(long, value_name = "TEXT")]
    name: String,
}

const USERS: &str = "/v1/access/users";

const ROWS: Rows<'static> = Rows {
    columns: &[
        ("Login", "login"),
        ("Name", "name"),
        ("Kind", "kind"),
        ("Groups", "groups"),
        ("Disabled", "disabled"),
        ("Created", "created_at"),
        ("Id", "id"),
    ],
    cell: &rows::nothing_made,
    none: "There are no accounts that you may know of.",
};

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let output = context.common.output;
    match command {
        Command::Add(arguments) => add(&arguments, context),
        Command::List => ROWS.print(&users(&context.client()?)?, output),
        Command::Show(named) => show(&named.account, context),
        Command::Disable(named) => change(&named.account, json!({"disabled": true}), context),
        Command::Enable(named) => change(&named.account, json!({"disabled": false}), context),
        Command::Password(named) => {
            // Before the new password: a session asks for the old one first.
            let client = context.client()?;
            let known = account(&client, context, &named.account)?;
            let password = password::chosen(text(&known, "login"), context)?;
            let mut body = json!({"password": password.expose()});
            if let Some(old) = context.known_password() {
                let me = client.get_json("/v1/access/me")?;
                let own = me.get("actor").map(|actor| text(actor, "id"));
                if own == Some(text(&known, "id")) {
                    // A browser that was left open is not enough, so the server asks for it again; we were told it already.
                    body["old_password"] = old.expose().into();
                }
            }
            change_known(&client, &known, body, output)
        }
        Command::Groups(arguments) => {
            let groups = json!({"groups": arguments.groups});
            change(&arguments.account, groups, context)
        }
        Command::Claim(arguments) => claim(&arguments, context),
    }
}

fn change(named: &str, body: Value, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let known = account(&client, context, named)?;
    change_known(&client, &known, body, context.common.output)
}

fn change_known(
    client: &Client,
    known: &Value,
    body: Value,
    output: Output,
) -> Result<(), Failure> {
    let changed = client.change("PATCH", &below(USERS, text(known, "id")), Some(&body))?;
    if changed.is_null() {
        terminal::say(format_args!(
            "changed; you may not see the account any more"
        ));
        return Ok(());
    }
    ROWS.print_one(&changed, output)
}

fn add(arguments: &Add, context: &Context) -> Result<(), Failure> {
    if arguments.role.is_none() && arguments.place.is_said() {
        return Err(Failure::failed(
            "--organization says where a role holds: --role NAME",
        ));
    }
    let client = context.client()?;
    let mut body = Map::new();
    body.insert("login".into(), json!(arguments.login));
    body.insert("name".into(), json!(arguments.name));
    if arguments.service {
        body.insert("kind".into(), json!("service"));
    } else if !arguments.no_password {
        let password = password::chosen(&arguments.login, context)?;
        body.insert("password".into(), json!(password.expose()));
    }
    let made = client.change("POST", USERS, Some(&body.into()))?;
    ROWS.print_one(&made, context.common.output)?;
    if let Some(role) = &arguments.role {
        let subject = ("account", made["id"].clone());
        let bound = binding::bind(&client, subject, role, &arguments.place);
        let bound = bound.map_err(|failure| {
            let why = failure.message.as_deref().unwrap_or_default();
            let login = &arguments.login;
            Failure::new(
                failure.exit,
                format!("{login} was added, but not given the role {role}: {why}"),
            )
        })?;
        terminal::say(format_args!(
            "{} has the role {} in {}",
            visible(&arguments.login),
            visible(text(&bound, "role")),
            visible(&extent(&bound)),
        ));
    }
    Ok(())
}

fn show(named: &str, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let known = account(&client, context, named)?;
    let of_it = |all: Vec<Value>| -> Vec<Value> {
        let id = &known["id"];
        all.into_iter()
            .filter(|one| one["account"] == *id)
            .collect()
    };
    let groups = known
        .get("groups")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let bindings = binding::all(&client)?;
    let of_groups = bindings.iter().filter(|one| groups.contains(&one["group"]));
    let of_groups: Vec<Value> = of_groups.cloned().collect();
    let bindings = [of_it(bindings), of_groups].concat();
    let tokens = of_it(token::all(&client)?);
    let output = context.common.output;
    match output {
        Output::Table => {}
        Output::Csv => return ROWS.print_one(&known, output),
        Output::Json | Output::Ndjson => {
            let all = json!({"user": known, "bindings": bindings, "tokens": tokens});
            return print_json(&all, output);
        }
    }
    let of = |name: &str| rows::plain(known.get(name).unwrap_or(&Value::Null));
    let mut lines = vec![
        ("Login", of("login")),
        ("Name", of("name")),
        ("Kind", of("kind")),
        ("Groups", of("groups")),
        ("Disabled", of("disabled")),
        ("Created", of("created_at")),
        ("Id", of("id")),
    ];
    lines.retain(|(_, value)| !value.is_empty());
    for one in &bindings {
        let by = match text(one, "group") {
            "" => String::new(),
            group => format!(", by the group {group}"),
        };
        lines.push((
            "Role",
            format!("{} in {}{by}", text(one, "role"), extent(one)),
        ));
    }
    for one in &tokens {
        let until = match text(one, "expires_at") {
            "" => String::new(),
            at => format!(", until {at}"),
        };
        let kind = text(one, "kind");
        lines.push((
            "Token",
            format!("{} {} ({kind}{until})", text(one, "id"), text(one, "name")),
        ));
    }
    print_lines(&lines)
}

/// The secret in what the server printed, in its file, or as it is.
fn link(text: &str) -> Result<Secret, Failure> {
    let text = password::at_file(text)?;
    let secret = text.rsplit('#').next().unwrap_or_default();
    match Presented::parse(secret).map(|shown| shown.kind) {
        Ok(Kind::Bootstrap) => Ok(Secret::new(secret.to_owned())),
        _ => Err(Failure::failed(
            "--link: that is no link of a first start; it reads http://…/claim#mar_one_…, and is in `first-sign-in` in the data \
             directory",
        )),
    }
}

fn claim(arguments: &Claim, context: &Context) -> Result<(), Failure> {
    let link = link(&arguments.link)?;
    let client = context.stranger()?;
    let password = password::chosen(&arguments.login, context)?;
    let (login, name) = (&arguments.login, &arguments.name);
    let body = json!({
        "link": link.expose(), "login": login, "name": name, "password": password.expose(),
    });
    let (answer, owner) = client.claim(&body)?;
    let printed = ROWS.print_one(&answer["user"], context.common.output);
    // The claim signed somebody in; a command stays nobody's browser.
    owner.sign_out()?;
    printed?;
    terminal::say(format_args!(
        "{0} is an owner; `mar-audit --sign-in {0} token create …` makes a token",
        visible(login)
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_what_was_printed_or_its_secret_and_no_other_text_is_repeated() {
        let secret = "mar_one_0000000000000_000000000000000000000000000000000";
        let whole = format!("{secret}{}", checksum(secret));
        for text in [
            whole.clone(),
            format!("http://127.0.0.1:8080/claim#{whole}"),
        ] {
            assert_eq!(link(&text).expect("a link").expose(), whole);
        }
        for wrong in [
            "canary",
            &format!("{secret}canary"),
            "http://127.0.0.1:8080/claim",
        ] {
            let said = link(wrong).map(drop).expect_err("no link").message;
            assert!(!said.expect("a message").contains("canary"), "{wrong}");
        }
    }

    fn checksum(text: &str) -> String {
        let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut left = crc32fast::hash(text.as_bytes());
        let mut sum = [b'0'; 6];
        for place in sum.iter_mut().rev() {
            *place = digits[(left % 62) as usize];
            left /= 62;
        }
        String::from_utf8(sum.to_vec()).expect("digits")
    }
}
