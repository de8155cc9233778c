//! The flags that choose entries: the parameters of the API, one flag each, from the table of fields.

use clap::{Arg, ArgAction, ArgMatches, Command};
use entry::field::Field;

/// Parameters as the API takes them, in the order of the table.
#[derive(Clone, Debug, Default)]
pub struct Parameters(pub Vec<(String, String)>);

/// Flags besides the fields'.
const OTHERS: &[(&str, &str, &str)] = &[
    (
        "search",
        "TEXT",
        "Text within actor name, actor email, target name or request id",
    ),
    (
        "from",
        "TIME",
        "At or after: RFC 3339, or before now: 24h, 7d",
    ),
    (
        "to",
        "TIME",
        "Before: RFC 3339, or before now: 24h, 7d, now",
    ),
];

const HEADING: &str = "Which entries";

impl clap::Args for Parameters {
    fn augment_args(mut command: Command) -> Command {
        command = command.arg(
            Arg::new("query")
                .value_name("QUERY")
                .help("Query text, such as 'actor:ana action:create* -result:failure since:7d'")
                .help_heading(HEADING),
        );
        for (name, value, help) in OTHERS {
            command = command.arg(
                Arg::new(*name)
                    .long(*name)
                    .value_name(*value)
                    .help(*help)
                    .help_heading(HEADING),
            );
        }
        for field in Field::ALL {
            command = command.arg(
                Arg::new(field.name())
                    .long(field.name().replace('_', "-"))
                    .value_name("VALUE")
                    .action(ArgAction::Append)
                    .help(format!(
                        "{}: one of these; `*` at an end stands for anything",
                        field.title()
                    ))
                    .help_heading(HEADING),
            );
        }
        command.arg(
            Arg::new("filter")
                .long("filter")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .value_parser(parameter)
                .help("Any parameter of the API: -action=login, has=email, context.ticket=OPS-88")
                .help_heading(HEADING),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Parameters {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = Vec::new();
        let mut take = |flag: &str, name: &str| {
            for value in matches.get_many::<String>(flag).into_iter().flatten() {
                found.push((name.to_owned(), value.clone()));
            }
        };
        take("query", "q");
        for (name, ..) in OTHERS {
            take(name, name);
        }
        for field in Field::ALL {
            take(field.name(), field.name());
        }
        found.extend(
            matches
                .get_many::<(String, String)>("filter")
                .into_iter()
                .flatten()
                .cloned(),
        );
        Ok(Self(found))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// `NAME=VALUE`, or `NAME!=VALUE` for none of: split at the first `=`, so a value may hold more.
fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has the form NAME=VALUE".to_owned()),
    }
}
