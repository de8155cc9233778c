//! `redact`: members of one entry, or everything that speaks of a person.

use crate::cli::{Context, Failure, Output};
use crate::client::Client;
use crate::terminal::{self, visible};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

#[derive(Args, Debug)]
pub struct Arguments {
    /// The entry's id, for members of one entry
    #[arg(value_name = "ID", requires = "paths", conflicts_with = "person")]
    id: Option<String>,
    /// What goes of it: /actor/email /request/ip /context/note ...
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    person: Person,
    /// Why; kept for good, so it must not say what is erased
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Only in this organization
    #[arg(long)]
    organization: Option<String>,
    /// Who erases, as recorded: JSON of an actor [default: this server]
    #[arg(long, value_name = "JSON")]
    actor: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Who is erased, instead of an entry's id.
#[derive(Args, Debug)]
#[group(id = "person", multiple = true)]
#[command(next_help_heading = "By person, instead of ID and PATH")]
struct Person {
    /// Entries whose actor, or on whose behalf it acted, has this e-mail address; and what else contains it
    #[arg(long, value_name = "EMAIL", group = "who")]
    actor_email: Option<String>,
    /// The same by id
    #[arg(long, value_name = "ID", group = "who")]
    actor_id: Option<String>,
    /// The same by name
    #[arg(long, value_name = "NAME", group = "who")]
    actor_name: Option<String>,
    /// Every personal member that contains this
    #[arg(long, value_name = "TEXT", group = "who")]
    text: Option<String>,
    /// A further member that goes where the person is the actor, such as /actor/id; repeatable
    #[arg(long, value_name = "PATH", requires = "who")]
    also: Vec<String>,
    /// Show what would go, and change nothing
    #[arg(long, requires = "who")]
    dry_run: bool,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    let output = context.common.output;
    match &arguments.id {
        Some(id) => members(arguments, id, &client, output),
        None => person(arguments, &client, output),
    }
}

impl Arguments {
    /// What both bodies have.
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        let mut body = Map::new();
        body.insert("reason".into(), self.reason.as_str().into());
        if let Some(actor) = &self.actor {
            let actor = serde_json::from_str(actor)
                .map_err(|e| Failure::failed(format!("--actor is no JSON: {e}")))?;
            body.insert("actor".into(), actor);
        }
        Ok(body)
    }

    /// Asks a person; a script says --yes.
    fn confirmed(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Failure::failed(
                "what is erased cannot be brought back; --yes says that it may go",
            ));
        }
        terminal::say(format_args!(
            "{question} It cannot be brought back. Type yes to go on:"
        ));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        match answer.trim() {
            "yes" => Ok(()),
            _ => Err(Failure::failed("nothing was erased")),
        }
    }
}

fn members(
    arguments: &Arguments,
    id: &str,
    client: &Client,
    output: Output,
) -> Result<(), Failure> {
    let question = format!("{} of entry {}?", arguments.paths.join(", "), visible(id));
    arguments.confirmed(&question)?;
    let mut body = arguments.body()?;
    body.insert("paths".into(), json!(arguments.paths));
    let parameters: Vec<(String, String)> = arguments
        .organization
        .iter()
        .map(|name| ("organization".to_owned(), name.clone()))
        .collect();
    let id = url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>();
    let answer = post(
        client,
        &format!("/v1/entries/{id}/redact"),
        &parameters,
        body,
    )?;
    if output != Output::Table {
        return print_json(&answer, output);
    }
    let mut out = io::stdout().lock();
    let paths = |name: &str| {
        let paths = answer[name]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let paths: Vec<&str> = paths.iter().filter_map(Value::as_str).collect();
        visible(&paths.join(" ")).into_owned()
    };
    for (name, said) in [("erased", "Erased"), ("already", "Erased before")] {
        if !paths(name).is_empty() {
            writeln!(out, "{said}: {}", paths(name))?;
        }
    }
    writeln!(out, "Recorded by entry {}", text(&answer["entry"]))?;
    Ok(())
}

fn person(arguments: &Arguments, client: &Client, output: Output) -> Result<(), Failure> {
    let who = &arguments.person;
    let named = [
        ("actor_email", &who.actor_email),
        ("actor_id", &who.actor_id),
        ("actor_name", &who.actor_name),
        ("text", &who.text),
    ];
    let mut body = arguments.body()?;
    for (name, value) in named {
        if let Some(value) = value {
            body.insert(name.into(), value.as_str().into());
        }
    }
    if body.len() == 1 + usize::from(arguments.actor.is_some()) {
        return Err(Failure::failed(
            "name an entry and its members, or a person: --actor-email, --actor-id, --actor-name or --text",
        ));
    }
    body.insert("also".into(), json!(who.also));
    if let Some(organization) = &arguments.organization {
        body.insert("organization".into(), organization.as_str().into());
    }
    body.insert("dry_run".into(), true.into());
    let found = post(client, "/v1/redactions", &[], body.clone())?;
    if who.dry_run {
        return print(&found, output);
    }
    if !arguments.yes && output == Output::Table {
        print(&found, output)?;
    }
    if found["entries"] == 0 {
        return match arguments.yes || output != Output::Table {
            true => print(&found, output),
            false => Ok(()),
        };
    }
    arguments.confirmed(&format!("Erase from {} entries?", found["entries"]))?;
    body.insert("dry_run".into(), false.into());
    print(&post(client, "/v1/redactions", &[], body)?, output)
}

/// Waits for the answer, which comes when all is done.
fn post(
    client: &Client,
    path: &str,
    parameters: &[(String, String)],
    body: Map<String, Value>,
) -> Result<Value, Failure> {
    let progress = match io::stderr().is_terminal() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    };
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("a good template");
    progress.set_style(style);
    progress.set_message(match body.get("dry_run") == Some(&true.into()) {
        true => "reading every entry",
        false => "erasing",
    });
    progress.enable_steady_tick(Duration::from_millis(200));
    let answer = client.post(path, parameters, Value::Object(body).to_string().as_bytes());
    progress.finish_and_clear();
    let text = client.text(answer?)?;
    Ok(serde_json::from_str(&text).map_err(|e| client.strange(e))?)
}

fn print(answer: &Value, output: Output) -> Result<(), Failure> {
    if output != Output::Table {
        return print_json(answer, output);
    }
    let mut out = io::stdout().lock();
    let (goes, gone) = ("would be erased of", "erased of");
    let said = if answer["dry_run"] == true {
        goes
    } else {
        gone
    };
    writeln!(out, "Members {said} {} entries", answer["entries"])?;
    if let Some(units) = answer["units"]
        .as_object()
        .filter(|units| !units.is_empty())
    {
        let mut table = terminal::table(&["Member", "Entries"]);
        for (path, count) in units {
            table.add_row([terminal::cell(path), terminal::cell(&count.to_string())]);
        }
        terminal::print_table(&mut out, &table)?;
    }
    for log in answer["logs"].as_object().into_iter().flatten() {
        writeln!(out, "{}: {} entries", log.0, log.1)?;
    }
    for audit in answer["audit"].as_array().into_iter().flatten() {
        let (log, id) = (text(&audit["organization"]), text(&audit["id"]));
        writeln!(out, "Recorded in {log} by entry {id}")?;
    }
    if answer["since"].as_u64().is_some_and(|since| since > 0) {
        writeln!(
            out,
            "{} entries came meanwhile; run it again for them",
            answer["since"]
        )?;
    }
    let remains = &answer["remains"];
    if remains["entries"]
        .as_u64()
        .is_some_and(|entries| entries > 0)
    {
        writeln!(
            out,
            "{} entries say it where nothing can be erased (names of members, ids, paths of requests ...):",
            remains["entries"]
        )?;
        for entry in remains["sample"].as_array().into_iter().flatten() {
            writeln!(
                out,
                "  {} in {}",
                text(&entry["id"]),
                text(&entry["organization"])
            )?;
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    visible(value.as_str().unwrap_or("-")).into_owned()
}

fn print_json(answer: &Value, output: Output) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match output {
        Output::Json => writeln!(out, "{}", terminal::visible_json(&format!("{answer:#}")))?,
        _ => writeln!(out, "{}", terminal::visible_json(&answer.to_string()))?,
    }
    Ok(())
}
