//! Who may do what, from the command line: each command is a call or two of `/v1/access`, and no more than that.
//!
//! - [`me`]: who we are
//! - [`user`], [`role`], [`binding`]: people, what roles mean, who has them where
//! - [`token`], [`session`], [`link`]: what lets somebody in
//! - [`recovery`]: back into a data directory that nobody gets into
//! - [`rows`]: how all of it is printed
//! - [`expiry`]: until when

pub mod binding;
pub mod expiry;
pub mod link;
pub mod me;
pub mod recovery;
pub mod role;
pub mod rows;
pub mod session;
pub mod token;
pub mod user;

use super::{Context, Exit, Failure};
use crate::access::{Identifier, Permission};
use crate::client::{self, Client};
use crate::terminal::{self, visible};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use entry::mask::Hidden;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Where something holds.
#[derive(Args, Debug, Default)]
pub struct Where {
    /// Only in this organization [default: the whole server]
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,
    /// Only in this project of it; repeatable
    #[arg(long = "project", value_name = "NAME", requires = "organization")]
    projects: Vec<String>,
}

impl Where {
    fn is_said(&self) -> bool {
        self.organization.is_some()
    }

    fn add_to(&self, body: &mut Map<String, Value>) {
        if let Some(organization) = &self.organization {
            body.insert("organization".into(), json!(organization));
        }
        if !self.projects.is_empty() {
            body.insert("projects".into(), json!(self.projects));
        }
    }
}

fn permission_names() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Permission::ALL.iter().map(|one| one.as_str()))
}

fn mask_names() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(Hidden::ALL.iter().map(|one| one.name()))
}

/// The members of a server's list.
pub(super) fn list(client: &Client, path: &str, name: &str) -> Result<Vec<Value>, Failure> {
    let mut answer = client.get_json(path)?;
    match answer.get_mut(name).map(Value::take) {
        Some(Value::Array(all)) => Ok(all),
        _ => Err(client.strange(format!("its answer has no {name}")).into()),
    }
}

fn users(client: &Client) -> Result<Vec<Value>, Failure> {
    list(client, "/v1/access/users", "users")
}

pub(super) fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A path with one more part, whatever that holds.
pub(super) fn below(path: &str, part: &str) -> String {
    format!("{path}/{}", utf8_percent_encode(part, NON_ALPHANUMERIC))
}

/// The account that is meant by a login or an id.
pub(super) fn account(client: &Client, context: &Context, named: &str) -> Result<Value, Failure> {
    let is_oneself = |login: &String| login.eq_ignore_ascii_case(named);
    if context.common.sign_in.as_ref().is_some_and(is_oneself) {
        // Who manages nothing may not list accounts, and has one all the same.
        let me = client.get_json("/v1/access/me")?;
        let actor = me.get("actor").unwrap_or(&Value::Null);
        return Ok(json!({"id": text(actor, "id"), "login": named, "name": text(actor, "name")}));
    }
    let all = users(client)?;
    let login = all
        .iter()
        .find(|user| text(user, "login").eq_ignore_ascii_case(named));
    let found = login.or_else(|| all.iter().find(|user| text(user, "id") == named));
    found.cloned().ok_or_else(|| {
        let logins = all.iter().map(|user| text(user, "login"));
        let nearest = entry::words::nearest(named, logins);
        let nearest = nearest.map(|login| format!("; did you mean `{login}`?"));
        Failure::failed(format!(
            "there is no account `{named}`{}",
            nearest.unwrap_or_default()
        ))
    })
}

/// Logins by the ids of accounts, as far as we may know them.
fn logins(client: &Client) -> Result<HashMap<String, String>, Failure> {
    let all = match client.get_json("/v1/access/users") {
        // Whoever manages nothing sees ids instead.
        Err(client::Error::Refused { status, .. }) if status.as_u16() == 403 => {
            return Ok(HashMap::new());
        }
        answer => answer?,
    };
    let all = all
        .get("users")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let pair = |user: &Value| (text(user, "id").to_owned(), text(user, "login").to_owned());
    Ok(all.map(pair).collect())
}

/// The login of what names an account, or the account's id.
fn login_of(logins: &HashMap<String, String>, object: &Value) -> String {
    let id = text(object, "account");
    logins.get(id).map_or(id, String::as_str).to_owned()
}

/// The id that is meant. Of a token that was found somewhere its id is enough, and nothing else of it is sent or said.
fn identifier(named: &str, what: &str) -> Result<String, Failure> {
    let id = match named.strip_prefix("mar_") {
        Some(rest) => rest.split('_').nth(1).unwrap_or_default(),
        None => named,
    };
    match Identifier::parse(id) {
        Some(id) => Ok(id.to_string()),
        None if named.starts_with("mar_") => Err(Failure::failed(format!("that is no {what}"))),
        None => Err(Failure::failed(format!(
            "`{named}` is no id of a {what}: 13 letters and digits"
        ))),
    }
}

/// Takes away all that are named, whatever becomes of the others: who revokes ten tokens in a hurry wants nine gone if one
/// was mistyped.
fn take_away(
    client: &Client,
    path: &str,
    what: &str,
    done: &str,
    named: &[String],
) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for one in named {
        let gone = identifier(one, what).and_then(|id| {
            client.change("DELETE", &below(path, &id), None)?;
            Ok(id)
        });
        match gone {
            Ok(id) => terminal::say(format_args!("{what} {id} {done}")),
            Err(failure) => failed.push((one, failure)),
        }
    }
    if named.len() == 1 {
        return failed.pop().map_or(Ok(()), |(_, failure)| Err(failure));
    }
    for (one, failure) in &failed {
        let one = identifier(one, what).unwrap_or_else(|_| "-".to_owned());
        let said = failure.message.as_deref().unwrap_or_default();
        for line in said.lines() {
            terminal::say(format_args!("mar-audit: {one}: {}", visible(line)));
        }
    }
    match failed.len() {
        0 => Ok(()),
        all if all == named.len() => Err(Failure::quiet(Exit::Failed)),
        _ => Err(Failure::quiet(Exit::ItemsRefused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_token_that_was_found_its_id_is_taken_and_its_secret_is_never_said() {
        let id = "0aB1cD2eF3gH4";
        let taken = identifier(id, "token").expect("an id");
        assert_eq!(taken, id);
        let secret = format!("mar_rec_{id}_{}", "canary".repeat(7));
        assert_eq!(identifier(&secret, "token").expect("its id"), id);
        for wrong in ["mar_rec_short_canarycanary", "mar_canary", "mar_"] {
            let said = identifier(wrong, "token").expect_err("no id").message;
            assert!(!said.expect("a message").contains("canary"));
        }
        assert!(identifier("0aB1cD2eF3gH", "token").is_err());
    }

    #[test]
    fn no_part_of_a_path_reaches_out_of_it() {
        assert_eq!(
            below("/v1/access/roles", "../users?x=#é"),
            "/v1/access/roles/%2E%2E%2Fusers%3Fx%3D%23%C3%A9"
        );
    }
}
