//! `access`: back into a data directory whose server lets nobody in. Whoever may write there can do this; the log says that
//! it was done before it is.

use super::rows::print_json;
use crate::access::{Access, Error, Expect, Places, Principal, system_random};
use crate::app::App;
use crate::cli::key::{By, Data};
use crate::cli::serve::{access_mark, chosen, outside, store_options};
use crate::cli::{Context, Failure, Output};
use crate::clock;
use crate::config::Config;
use crate::guard::door::{FILE, FIRST_SIGN_IN};
use crate::guard::{Caller, Circumstances, Door};
use crate::intake::Intake;
use crate::terminal;
use crate::watching::{Act, Deed};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::{self, Write};
use store::Store;
use store::keyring::{self, Change};

#[derive(Subcommand)]
pub enum Command {
    /// Make a link by which somebody becomes an owner, where the owners are lost. The server must not be running
    #[command(after_help = RECOVER)]
    Recover(Recover),
    /// Go on with an access file that is gone, older than it was, or another's. The server must not be running
    Accept(Accept),
}

const RECOVER: &str = "\
Example:
  mar-audit access recover --data /var/lib/mar-audit --reason 'OPS-88: Ana left'
  # start the server, then open the link, or:
  mar-audit user claim --link @/var/lib/mar-audit/first-sign-in --login bo@acme.example --name 'Bo Li'";

#[derive(Args, Debug)]
pub struct Recover {
    #[command(flatten)]
    directory: Data,
    /// Why; kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    by: By,
}

#[derive(Args, Debug)]
pub struct Accept {
    #[command(flatten)]
    directory: Data,
    /// Why; kept in the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Revoke every token and link in it and end every session, since some may have been since
    #[arg(long)]
    revoke_all: bool,
    #[command(flatten)]
    by: By,
}

pub fn run(command: &Command, context: &Context) -> Result<(), Failure> {
    let (directory, by, reason) = match command {
        Command::Recover(it) => (&it.directory, &it.by, &it.reason),
        Command::Accept(it) => (&it.directory, &it.by, &it.reason),
    };
    let config = directory.config(context)?;
    let change = by.change(reason)?;
    // Reads only: a directory that was meant otherwise is not made by this.
    keyring::show(&config.data)?;
    let store = Store::open(&config.data, store_options(&config, config.listen))?;
    let done = match command {
        Command::Recover(_) => recover(&config, &store, &change, context.common.output),
        Command::Accept(it) => accept(&config, &store, &change, it.revoke_all),
    };
    // Whatever became of it: what was noted is safe, and the next start is faster.
    let closed = store.close();
    done?;
    Ok(closed?)
}

fn recover(config: &Config, store: &Store, change: &Change, output: Output) -> Result<(), Failure> {
    let (now, settings) = (clock::now(), chosen(config)?);
    let (door, _) = Door::guarded(&config.data, access_mark(config), system_random(), now)?;
    let Door::Guarded(guarded) = door else {
        return Err(Failure::failed("the directory has no access file"));
    };
    note(config, store, change, Deed::new(Act::RecoverAccess))?;
    let link = guarded.recover(now)?;
    let address = outside(&settings, config.listen);
    let url = format!("{address}/claim#{}", link.expose());
    match output {
        Output::Table | Output::Csv => writeln!(io::stdout().lock(), "{url}")?,
        output => print_json(&json!({"link": url, "secret": link.expose()}), output)?,
    }
    terminal::say(format_args!(
        "good once, within a day, when the server runs again; it is also in {}",
        terminal::visible(&config.data.join(FIRST_SIGN_IN).display().to_string())
    ));
    Ok(())
}

fn accept(
    config: &Config,
    store: &Store,
    change: &Change,
    revoke_all: bool,
) -> Result<(), Failure> {
    let places = Places {
        file: config.data.join(FILE),
        mark: access_mark(config),
    };
    let deed = match Access::open(&places, Expect::Known, system_random()) {
        Ok(_) => {
            terminal::say(format_args!(
                "it is the one that was there: nothing to accept"
            ));
            return Ok(());
        }
        Err(error) => accepted(error)?,
    };
    note(config, store, change, deed.with("revoked_all", revoke_all))?;
    let access = Access::open(&places, Expect::Anything, system_random())?;
    if revoke_all {
        let count = access.revoke_everything()?;
        terminal::say(format_args!("revoked or ended: {count}"));
    }
    let next = match access.has_owner() {
        true => "the server starts with it",
        false => "there is no owner in it: the server's next start prints a link for the first",
    };
    terminal::say(format_args!("accepted; {next}"));
    Ok(())
}

/// What is noted of the acceptance of a file that was refused for this; any other error stands.
fn accepted(error: Error) -> Result<Deed, Failure> {
    let deed = Deed::new(Act::AcceptAccess);
    match error {
        Error::Wiped { .. } => Ok(deed.with("was", "gone")),
        Error::Replaced { .. } => Ok(deed.with("was", "another")),
        Error::Older { found, known, .. } => {
            let deed = deed.with("was", "older");
            Ok(deed.with("change", found).with("known_change", known))
        }
        other => Err(other.into()),
    }
}

/// Writes it into the log, before it is done.
fn note(config: &Config, store: &Store, change: &Change, deed: Deed) -> Result<(), Failure> {
    let intake =
        Intake::open(&config.data, config.quarantine_bytes_max).map_err(Failure::failed)?;
    let app = App::new(
        store.clone(),
        // Nobody calls: whose door it is does not matter.
        Door::Open,
        intake,
        config.catalogue(),
        chosen(config)?,
        clock::system(),
    );
    let by = Caller {
        principal: Principal::acting(change.actor.party.clone()),
        circumstances: Circumstances::default(),
    };
    let deed = deed.with("reason", &*change.reason);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|e| Failure::failed(format!("no thread to wait with: {e}")))?;
    let noted = runtime.block_on(app.note_anyway(&by, deed));
    noted.map_err(|problem| Failure::failed(format!("nothing was done: {}", problem.detail)))
}
