//! How what the server says of access is printed: the same objects as JSON, or columns of them.

use crate::cli::{Failure, Output};
use crate::export::csv::guarded;
use crate::terminal;
use serde_json::Value;
use std::io::{self, Write};

/// A column: its title for people, and its name in CSV, which is the member that it shows unless [`Rows::cell`] makes it.
pub type Column = (&'static str, &'static str);

/// What an object shows in a column of its own making.
type Cell<'a> = &'a dyn Fn(&Value, &str) -> Option<String>;

/// Objects of one kind, and how they are shown.
pub struct Rows<'a> {
    pub columns: &'a [Column],
    /// What is no plain member; `None` for a column that is.
    pub cell: Cell<'a>,
    /// What is said where there are none.
    pub none: &'static str,
}

/// Where something holds, of an object that names an organization or not.
pub const WHERE: Column = ("Where", "extent");

impl Rows<'_> {
    /// A list.
    pub fn print(&self, objects: &[Value], output: Output) -> Result<(), Failure> {
        match output {
            Output::Table if objects.is_empty() => {
                terminal::say(format_args!("{}", self.none));
                Ok(())
            }
            Output::Table | Output::Csv => self.print_cells(objects, output),
            Output::Json => print_json(&Value::from(objects), output),
            Output::Ndjson => objects.iter().try_for_each(|one| print_json(one, output)),
        }
    }

    /// One object, which is no list of one in JSON.
    pub fn print_one(&self, object: &Value, output: Output) -> Result<(), Failure> {
        match output {
            Output::Table | Output::Csv => self.print_cells(std::slice::from_ref(object), output),
            Output::Json | Output::Ndjson => print_json(object, output),
        }
    }

    fn print_cells(&self, objects: &[Value], output: Output) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        let titles: Vec<&str> = self.columns.iter().map(|(title, _)| *title).collect();
        let names = self.columns.iter().map(|(_, name)| *name);
        let cells = |object| {
            self.columns
                .iter()
                .map(move |(_, name)| self.text(object, name))
        };
        if output == Output::Csv {
            let mut csv = csv::Writer::from_writer(&mut out);
            csv.write_record(names)?;
            for object in objects {
                csv.write_record(cells(object).map(guarded))?;
            }
            return Ok(csv.flush()?);
        }
        let mut table = terminal::table(&titles);
        for object in objects {
            table.add_row(cells(object).map(|text| terminal::cell(&text)));
        }
        Ok(terminal::print_table(&mut out, &table)?)
    }

    fn text(&self, object: &Value, name: &str) -> String {
        let made = (self.cell)(object, name);
        made.unwrap_or_else(|| match name {
            "extent" => extent(object),
            _ => plain(object.get(name).unwrap_or(&Value::Null)),
        })
    }
}

/// Columns that are all plain members.
pub fn nothing_made(_: &Value, _: &str) -> Option<String> {
    None
}

/// A value as a cell: lists with commas, nothing for what is not there or not so.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `the whole server`, `acme`, `acme (payments, web)`: as own entries say it.
pub fn extent(object: &Value) -> String {
    let organization = super::text(object, "organization");
    let projects = plain(object.get("projects").unwrap_or(&Value::Null));
    match (organization, projects.as_str()) {
        ("", _) => "the whole server".to_owned(),
        (_, "") => organization.to_owned(),
        (_, projects) => format!("{organization} ({projects})"),
    }
}

/// A JSON document, spread over lines or in one.
pub fn print_json(document: &Value, output: Output) -> Result<(), Failure> {
    let json = document.to_string();
    let json = terminal::visible_json(&json);
    let mut out = io::stdout().lock();
    match output {
        Output::Json => writeln!(out, "{}", terminal::pretty(&json))?,
        _ => writeln!(out, "{json}")?,
    }
    Ok(())
}

/// Names and values, a line each.
pub fn print_lines(lines: &[(&str, String)]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for (name, value) in lines {
        writeln!(out, "{name:<12}{}", terminal::visible(value))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cell_says_what_a_value_is_and_nothing_of_what_is_not() {
        for (value, shown) in [
            (json!(null), ""),
            (json!(false), ""),
            (json!(true), "yes"),
            (json!(["a", "b"]), "a, b"),
            (json!(7), "7"),
        ] {
            assert_eq!(plain(&value), shown);
        }
        assert_eq!(extent(&json!({})), "the whole server");
        assert_eq!(extent(&json!({"organization": "acme"})), "acme");
        let projects = json!({"organization": "acme", "projects": ["pay", "web"]});
        assert_eq!(extent(&projects), "acme (pay, web)");
    }
}
