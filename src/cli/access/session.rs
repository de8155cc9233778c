//! `session`: who is signed in, and no more.

use super::rows::Rows;
use super::{list, login_of, logins, take_away};
use crate::cli::{Context, Failure};
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// List the sessions that you may end
    List,
    /// End sessions: whoever is in them must sign in again
    End {
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
}

const SESSIONS: &str = "/v1/access/sessions";

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    let client = context.client()?;
    match command {
        Command::List => {
            let all = list(&client, SESSIONS, "sessions")?;
            let logins = logins(&client)?;
            let rows = Rows {
                columns: &[
                    ("Login", "login"),
                    ("From", "from"),
                    ("Began", "created_at"),
                    ("Seen", "seen_at"),
                    ("Ends", "expires_at"),
                    ("This one", "current"),
                    ("Id", "id"),
                ],
                cell: &|object, name| (name == "login").then(|| login_of(&logins, object)),
                none: "There are no sessions that you may end.",
            };
            rows.print(&all, context.common.output)
        }
        Command::End { ids } => take_away(&client, SESSIONS, "session", "ended", &ids),
    }
}
