//! `source kubernetes`: what an API server is started with so that it tells us what happens in its cluster.

use super::text;
use crate::access::Secret;
use crate::access::token::{Kind, Presented};
use crate::api::access::shapes;
use crate::cli::access::account;
use crate::cli::access::expiry::{self, Expiry, say_once};
use crate::cli::{Context, Failure, Output, password};
use crate::client::Client;
use crate::intake::shelf::SourceName;
use crate::setup::kubernetes::{self as setup, KUBECONFIG_FILE, POLICY, POLICY_FILE};
use crate::terminal;
use clap::Args;
use entry::Organization;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  mar-audit source kubernetes --server https://audit.example.org --ca-file ca.pem --name prod \\
    --sign-in ana@acme.example --account prod-cluster --organization acme --out ./mar-audit
  mar-audit source kubernetes --server https://audit.example.org --recorder-token @prod.token > all.yaml";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What the source is called: `source:NAME` finds its entries
    #[arg(long, value_name = "SOURCE", default_value = "kube-apiserver", value_parser = source_name)]
    name: SourceName,
    /// Make a token for this service, by login or id, that only records; you must manage access
    #[arg(long, value_name = "LOGIN|ID", conflicts_with = "recorder_token")]
    account: Option<String>,
    /// The organization whose log it records into: the new token reaches no other, and without a new one the address names it
    #[arg(long, value_name = "NAME", value_parser = organization)]
    organization: Option<Organization>,
    /// Until when the new token is good: 90d, 2027-03-31, RFC 3339, or never
    #[arg(long, value_name = "WHEN", default_value = "365d", value_parser = expiry::parse)]
    expires: Expiry,
    /// A token that the API server shows; @FILE reads it from a file
    #[arg(long, value_name = "@FILE|TOKEN")]
    recorder_token: Option<String>,
    /// Write the two files into this directory instead of printing them
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn source_name(text: &str) -> Result<SourceName, String> {
    let says = "1 to 63 of a-z 0-9 . _ -, a letter or digit first";
    SourceName::parse(text).ok_or_else(|| says.to_owned())
}

fn organization(text: &str) -> Result<Organization, String> {
    Organization::parse(text).ok_or_else(|| "1 to 63 of a-z 0-9 . _ -".to_owned())
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let config = context.layers(Vec::new())?.check()?;
    let server = config.server.trim_end_matches('/');
    let authorities = match &config.ca_file {
        None => None,
        Some(path) => Some(fs::read(path).map_err(|e| Failure::file(path, &e))?),
    };
    let token = token(arguments, server, context)?;
    // A token of an organization says it for every call.
    let of = arguments.organization.as_ref();
    let kubeconfig = setup::kubeconfig(
        server,
        &arguments.name,
        of.filter(|_| arguments.account.is_none()),
        token.as_ref().map(Secret::expose),
        authorities.as_deref(),
    );
    match (&arguments.out, context.common.output) {
        (Some(dir), _) => write(dir, &kubeconfig)?,
        (None, Output::Table) => print(&kubeconfig)?,
        (None, _) => {
            let flags: Vec<String> = setup::flags().lines().map(str::to_owned).collect();
            let all = json!({"policy": POLICY, "kubeconfig": kubeconfig, "flags": flags});
            crate::cli::access::rows::print_json(&all, context.common.output)?;
        }
    }
    if server.starts_with("https://") && authorities.is_none() {
        terminal::say(format_args!(
            "the API server trusts the authorities of its own image, which may have none: --ca-file puts yours into the kubeconfig"
        ));
    }
    Ok(())
}

/// What the API server shows; nothing to a server that lets everybody in.
fn token(
    arguments: &Arguments,
    server: &str,
    context: &Context,
) -> Result<Option<Secret>, Failure> {
    let https_only = || match server.starts_with("https://") {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "{server}: an API server shows its token over https only, so all it sends would be refused\n\
             --server names the address by which it reaches us, such as https://audit.example.org"
        ))),
    };
    if let Some(given) = &arguments.recorder_token {
        https_only()?;
        let token = Secret::new(password::at_file(given)?);
        let shown = Presented::parse(token.expose()).map_err(Failure::failed)?;
        if shown.kind != Kind::Recorder {
            terminal::say(format_args!(
                "this is a {} token: it may do more than record, and the API server's machine holds it",
                shapes::kind(shown.kind)
            ));
        }
        return Ok(Some(token));
    }
    if let Some(named) = &arguments.account {
        https_only()?;
        return make(arguments, named, &context.client()?, context).map(Some);
    }
    let me = context.stranger()?.get_json("/v1/access/me");
    if me.is_ok_and(|me| text(&me, "access") == "open") {
        return Ok(None);
    }
    Err(Failure::failed(
        "the server lets nobody in without a token: --account LOGIN makes one that only records, \
         --recorder-token @FILE takes one that there is",
    ))
}

fn make(
    arguments: &Arguments,
    named: &str,
    client: &Client,
    context: &Context,
) -> Result<Secret, Failure> {
    let id = account(client, context, named)?["id"].take();
    let mut body = json!({
        "account": id,
        "kind": shapes::kind(Kind::Recorder),
        "name": format!("Kubernetes {}", arguments.name.as_str()),
        "permissions": [crate::access::Permission::Record.as_str()],
    });
    if let Some(organization) = &arguments.organization {
        body["organization"] = json!(organization.as_str());
    }
    if let Some(at) = arguments.expires.to_text() {
        body["expires_at"] = json!(at);
    }
    let made = client.change("POST", "/v1/access/tokens", Some(&body))?;
    let secret = Secret::new(text(&made, "secret").to_owned());
    if secret.expose().is_empty() {
        return Err(client.strange("its answer has no secret").into());
    }
    let token = made.get("token").unwrap_or(&Value::Null);
    let said = format!("recorder token {} of {named}", text(token, "id"));
    say_once(&said, &secret, text(token, "expires_at"));
    Ok(secret)
}

/// Everything in one text that is YAML, too.
fn print(kubeconfig: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "# {POLICY_FILE}\n{POLICY}---\n# {KUBECONFIG_FILE}\n{kubeconfig}---"
    )?;
    writeln!(out, "# Flags of kube-apiserver:")?;
    Ok(flags(&mut out, "# ")?)
}

/// A line for each flag, and why.
fn flags(out: &mut impl Write, before: &str) -> io::Result<()> {
    for flag in setup::flags().lines() {
        let why = setup::FLAGS.iter().find(|(known, _)| *known == flag);
        match why {
            Some((_, why)) => writeln!(out, "{before}{flag:<56}  # {why}")?,
            None => writeln!(out, "{before}{flag}")?,
        }
    }
    Ok(())
}

fn write(dir: &Path, kubeconfig: &str) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|e| Failure::file(dir, &e))?;
    for (name, text, mode) in [
        (POLICY_FILE, POLICY, 0o644),
        (KUBECONFIG_FILE, kubeconfig, 0o600),
    ] {
        let path = dir.join(name);
        let write = || -> io::Result<()> {
            // Made anew: one that lies there may be read by others.
            if path.exists() {
                fs::remove_file(&path)?;
            }
            let mut options = OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|e| Failure::file(&path, &e))?;
        terminal::say(format_args!("wrote {}", path.display()));
    }
    let mut out = io::stdout().lock();
    Ok(flags(&mut out, "")?)
}
