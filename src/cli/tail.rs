//! `tail`: new entries as they arrive, over reconnects.

use crate::cli::{Context, Exit, Failure, Output, Parameters, shown};
use crate::client::{self, Client};
use crate::terminal::{self, visible};
use clap::Args;
use entry::Entry;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

/// Between two attempts to connect again.
const RECONNECT_WAIT: Duration = Duration::from_secs(1);

/// The longest line of the stream: an entry and its name.
const LINE_BYTES_MAX: usize = 2 * entry::limits::ENTRY_BYTES_MAX;

#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    parameters: Parameters,
    /// End after so many entries
    #[arg(long, short = 'n')]
    limit: Option<u64>,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    if context.common.output == Output::Csv {
        return Err(Failure::failed(
            "tail prints a table, json or ndjson; `mar-audit export --format csv` makes a file",
        ));
    }
    let client = context.client()?;
    let mut left = arguments.limit.unwrap_or(u64::MAX);
    let mut last_id: Option<String> = None;
    let mut connected = false;
    while left > 0 {
        let headers: Vec<(&str, &str)> = last_id
            .iter()
            .map(|id| ("last-event-id", id.as_str()))
            .collect();
        let why = match client.get("/v1/tail", &arguments.parameters.0, &headers) {
            Ok(answer) => {
                if connected {
                    terminal::say(format_args!("mar-audit: connected again"));
                } else if io::stderr().is_terminal() {
                    terminal::say(format_args!("Following {}; Ctrl-C ends.", client.server()));
                }
                connected = true;
                let mut stream = client.reader(answer);
                follow(
                    &client,
                    &mut stream,
                    context.common.output,
                    &mut last_id,
                    &mut left,
                )?
            }
            Err(e) if connected && may_pass(&e) => e.to_string(),
            Err(e) => return Err(e.into()),
        };
        if left > 0 {
            terminal::say(format_args!(
                "mar-audit: {}; connecting again",
                visible(&why)
            ));
            std::thread::sleep(RECONNECT_WAIT);
        }
    }
    Ok(())
}

/// True for what a server that restarts answers.
fn may_pass(error: &client::Error) -> bool {
    match error {
        client::Error::Unreachable { .. } | client::Error::Cut { .. } => true,
        client::Error::Refused { status, .. } => status.is_server_error() || status.as_u16() == 429,
        client::Error::Address(_)
        | client::Error::Token
        | client::Error::Authorities { .. }
        | client::Error::Untrusted { .. }
        | client::Error::Strange { .. } => false,
    }
}

/// Prints until the stream ends or `left` is used up; says why it ended.
fn follow(
    client: &Client,
    stream: &mut impl BufRead,
    output: Output,
    last_id: &mut Option<String>,
    left: &mut u64,
) -> Result<String, Failure> {
    let mut event = Event::default();
    let mut line = Vec::new();
    loop {
        match next_line(stream, &mut line) {
            Ok(true) => {}
            Ok(false) => return Ok(format!("{} closed the stream", client.server())),
            Err(e) => return Ok(client.cut(&e).to_string()),
        }
        let text = std::str::from_utf8(&line).map_err(|e| client.strange(e))?;
        if !event.take(text) {
            continue;
        }
        let done = std::mem::take(&mut event);
        if let Some(id) = done.id {
            *last_id = Some(id);
        }
        match (done.name.as_deref(), done.data) {
            (_, None) => {}
            (None | Some("entry" | "message"), Some(data)) => {
                print(client, &data, output)?;
                *left -= 1;
                if *left == 0 {
                    return Ok(String::new());
                }
            }
            (Some("error"), Some(data)) => return Err(Failure::new(Exit::Failed, data)),
            (Some(name), Some(data)) => terminal::say(format_args!(
                "mar-audit: {}: {}",
                visible(name),
                visible(&data)
            )),
        }
    }
}

/// One line without its end; false at the end of the stream.
fn next_line(stream: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = io::Read::take(stream, LINE_BYTES_MAX as u64).read_until(b'\n', line)?;
    if line.pop_if(|b| *b == b'\n').is_none() && read > 0 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "in the middle of a line",
        ));
    }
    line.pop_if(|b| *b == b'\r');
    Ok(read > 0)
}

/// A server-sent event in the making.
#[derive(Default)]
struct Event {
    id: Option<String>,
    name: Option<String>,
    data: Option<String>,
}

impl Event {
    /// Takes one line; true when the event is complete.
    fn take(&mut self, line: &str) -> bool {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            // A line without a field is a comment, unless it is empty.
            "" => return line.is_empty(),
            "id" => self.id = Some(value.to_owned()),
            "event" => self.name = Some(value.to_owned()),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            _ => {}
        }
        false
    }
}

fn print(client: &Client, json: &str, output: Output) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if output == Output::Table {
        let entry = Entry::from_wire(json.as_bytes()).map_err(|e| client.strange(e))?;
        let columns = shown::columns(&entry);
        let columns: Vec<_> = columns
            .iter()
            .map(|text| {
                if text.is_empty() {
                    "-".into()
                } else {
                    visible(text)
                }
            })
            .collect();
        writeln!(out, "{}", columns.join("  "))?;
    } else {
        let json = if out.is_terminal() {
            terminal::visible_json(json)
        } else {
            json.into()
        };
        writeln!(out, "{json}")?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_lines_until_an_empty_one() {
        let mut stream =
            &b": beat\r\nid: 7\nevent: entry\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\nda"[..];
        let mut line = Vec::new();
        let mut event = Event::default();
        let mut seen = Vec::new();
        let end = loop {
            match next_line(&mut stream, &mut line) {
                Ok(true) => {}
                other => break other,
            }
            if event.take(std::str::from_utf8(&line).expect("text")) {
                let Event { id, name, data } = std::mem::take(&mut event);
                seen.push((id, name, data));
            }
        };
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(
            seen,
            [
                (text("7"), text("entry"), text("{\"a\":\n1}")),
                (None, None, text("x"))
            ]
        );
        assert_eq!(
            end.expect_err("cut in a line").kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
