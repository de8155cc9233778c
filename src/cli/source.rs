//! `source`: what other systems send to the log.
//!
//! - this file: which sources there are, and how they are
//! - [`kubernetes`]: everything that an API server is started with
//! - [`quarantine`]: what no mapping took

mod kubernetes;
mod quarantine;

use super::access::rows::{self, Rows};
use super::access::{below, list, text};
use super::{Context, Failure};
use clap::Subcommand;
use serde_json::Value;

#[derive(Subcommand)]
pub enum Command {
    /// List sources: when each was heard last, how much it sends, what waits for a mapping
    List {
        /// Only of this organization
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
    },
    /// Look at what no mapping took, map it again, throw it away
    #[command(subcommand)]
    Quarantine(quarantine::Command),
    /// Print what an API server needs to tell its audit events: policy, webhook kubeconfig, flags
    Kubernetes(kubernetes::Arguments),
}

const SOURCES: &str = "/v1/sources";

pub fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::List { organization } => {
            let client = context.client()?;
            let path = within(SOURCES, organization.as_deref());
            let rows = Rows {
                columns: COLUMNS,
                cell: &cell,
                none: "There are no sources yet. `mar-audit source kubernetes` prints how to point an API server here.",
            };
            rows.print(&list(&client, &path, "sources")?, context.common.output)
        }
        Command::Quarantine(command) => quarantine::run(command, context),
        Command::Kubernetes(arguments) => kubernetes::run(&arguments, context),
    }
}

/// A path that speaks of one organization, if one is named.
fn within(path: &str, organization: Option<&str>) -> String {
    match organization {
        None => path.to_owned(),
        Some(named) => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query.append_pair("organization", named).finish();
            format!("{path}?{query}")
        }
    }
}

const COLUMNS: &[rows::Column] = &[
    ("Source", "name"),
    ("Organization", "organization"),
    ("Last heard", "last_received_at"),
    ("Silent", "silent"),
    ("Entries", "entries"),
    ("Last hour", "entries_last_hour"),
    ("Lag", "lag_ms"),
    ("Missing", "missing"),
    ("Refused", "refused"),
    ("Quarantine", "quarantined"),
];

fn cell(source: &Value, name: &str) -> Option<String> {
    let of = |path: &str| source.pointer(path).map(rows::plain).unwrap_or_default();
    match name {
        "silent" => Some(match source.get("silent_since") {
            Some(_) => "silent".to_owned(),
            None => String::new(),
        }),
        "lag_ms" => Some(source[name].as_i64().map_or_else(String::new, lag)),
        "missing" => Some(match of("/sequence/at_least").as_str() {
            "yes" => format!("at least {}", of("/sequence/missing")),
            _ => of("/sequence/missing"),
        }),
        "refused" => Some(of("/since_start/refused")),
        "quarantined" => Some(of("/quarantine/items")),
        _ => None,
    }
}

/// Between what happened and its receipt, in the largest unit that says enough.
fn lag(ms: i64) -> String {
    match ms {
        ..0 => "ahead".to_owned(),
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

/// Below a source.
fn of(name: &str) -> String {
    below(SOURCES, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_said_in_a_unit_of_its_size() {
        let said = [
            (-1, "ahead"),
            (999, "999 ms"),
            (1_250, "1.2 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (200_000_000, "2 days"),
        ];
        for (ms, said) in said {
            assert_eq!(lag(ms), said);
        }
    }

    #[test]
    fn an_organization_is_a_parameter_whatever_it_is_called() {
        assert_eq!(within("/v1/sources", None), "/v1/sources");
        let path = within("/v1/sources", Some("a&b=c"));
        assert_eq!(path, "/v1/sources?organization=a%26b%3Dc");
    }
}
