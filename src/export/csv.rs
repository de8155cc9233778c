//! CSV: RFC 4180, UTF-8, CRLF, and nothing that a spreadsheet would run.

use entry::{Entry, Target};
use std::io::Write;

/// The columns, in order; names are part of the contract.
pub const HEADER: &[u8] =
    b"timestamp,actor,email,actor_type,action,category,target,target_type,target_id,organization,\
project,request_id,result,ip,error,id,seq,received_at,context\r\n";

/// Whether a cell that a spreadsheet would take for a formula gets a `'` before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    On,
    Off,
}

/// One row.
pub fn write(entry: &Entry, guard: Guard, out: &mut Vec<u8>) {
    let mut row = Row { guard, out };
    let target = entry.target.as_ref();
    row.plain(format_args!("{}", entry.timestamp));
    row.text(entry.actor.party.shown());
    row.text(entry.actor.party.email.as_deref());
    row.text(Some(entry.actor.party.kind.as_str()));
    row.text(Some(&entry.action));
    row.text(Some(entry.category.as_str()));
    row.text(target.and_then(Target::shown));
    row.text(target.and_then(|target| target.kind.as_deref()));
    row.text(target.and_then(|target| target.id.as_deref()));
    row.text(Some(entry.scope.organization.as_str()));
    row.text(entry.scope.project.as_deref());
    row.text(entry.request.id.as_deref());
    row.text(Some(entry.result.as_str()));
    row.text(entry.request.ip.as_deref());
    row.text(error(entry).as_deref());
    row.plain(format_args!("{}", entry.id));
    row.plain(format_args!("{}", entry.seq.0));
    row.plain(format_args!("{}", entry.received_at));
    row.text(entry.context.as_ref().map(|context| context.as_str()));
    // Every cell has put a comma after itself.
    out.pop();
    out.extend_from_slice(b"\r\n");
}

/// Code and message in one cell: `403: missing clusters:update`.
fn error(entry: &Entry) -> Option<String> {
    let error = entry.error.as_ref()?;
    match (error.code.as_deref(), error.message.as_deref()) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

struct Row<'a> {
    guard: Guard,
    out: &'a mut Vec<u8>,
}

impl Row<'_> {
    /// Digits, dashes and letters of our own.
    fn plain(&mut self, cell: std::fmt::Arguments<'_>) {
        self.out.write_fmt(cell).expect("memory is written");
        self.out.push(b',');
    }

    fn text(&mut self, cell: Option<&str>) {
        let cell = cell.unwrap_or_default();
        let guarded = self.guard == Guard::On && is_formula(cell);
        let quoted = cell
            .bytes()
            .any(|b| matches!(b, b'"' | b',' | b'\r' | b'\n'));
        if quoted {
            self.out.push(b'"');
        }
        if guarded {
            self.out.push(b'\'');
        }
        if quoted {
            let mut parts = cell.split('"');
            self.out
                .extend_from_slice(parts.next().unwrap_or_default().as_bytes());
            for part in parts {
                self.out.extend_from_slice(b"\"\"");
                self.out.extend_from_slice(part.as_bytes());
            }
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(cell.as_bytes());
        }
        self.out.push(b',');
    }
}

/// A cell that no spreadsheet takes for a formula.
pub fn guarded(cell: String) -> String {
    match is_formula(&cell) {
        true => format!("'{cell}"),
        false => cell,
    }
}

/// True of what Excel, LibreOffice or Sheets would read as a formula.
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'])
}
