//! What people read: texts made visible, tables, colour, and output that may be cut off by its reader.
//!
//! Entries hold whatever callers sent. On a terminal a control character can move the cursor or set the title, and a bidirectional or
//! invisible one can make a name read as another; so everything shown to a person goes through [`visible`].

use comfy_table::{Cell, ContentArrangement, Table};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// The text with control, bidirectional and invisible characters written as escapes.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if hides(c) => {
                write!(out, "\\u{{{:x}}}", c as u32).expect("a string takes everything")
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// JSON that means the same and hides nothing: for a terminal, where bytes as sent could act.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    // White space between values is harmless, and a control within a string is not JSON.
    let hides = |c: char| hides(c) && !matches!(c, '\n' | '\r' | '\t');
    if !json.chars().any(hides) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes everything");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Controls, line ends, and everything that takes no space or reorders what stands around it.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// JSON spread over lines, numbers and strings as they are; for text that is JSON already.
pub fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in chars.by_ref() {
                    out.push(c);
                    match c {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Whether colour is wanted on stdout: a terminal, no `NO_COLOR`, no dumb terminal (`CLICOLOR_FORCE` insists).
pub fn colour() -> bool {
    let choice = anstream::AutoStream::choice(&io::stdout());
    matches!(
        choice,
        anstream::ColorChoice::Always | anstream::ColorChoice::AlwaysAnsi
    )
}

/// A line for people, on stderr. If nobody listens there any more, the work goes on.
pub fn say(line: std::fmt::Arguments<'_>) {
    if let Err(e) = writeln!(io::stderr().lock(), "{line}") {
        tracing::debug!(error = %e, "a line was not heard");
    }
}

/// A cell of foreign text, made visible.
pub fn cell(text: &str) -> Cell {
    Cell::new(visible(text))
}

/// A table: fitted to a terminal, one line per row elsewhere.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if colour() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let fitted = io::stdout().is_terminal();
    table.set_content_arrangement(if fitted {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    });
    table.set_header(
        header
            .iter()
            .map(|title| Cell::new(title).add_attribute(comfy_table::Attribute::Bold)),
    );
    table
}

/// Prints a table without the blanks at the ends of its lines.
pub fn print_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_an_entry_acts_on_the_terminal() {
        for (text, shown) in [
            ("plain", "plain"),
            (
                "\u{1b}[31mred\u{1b}]0;title\u{7}",
                "\\u{1b}[31mred\\u{1b}]0;title\\u{7}",
            ),
            ("\u{9b}31m c1", "\\u{9b}31m c1"),
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
            (
                "a\u{200b}b\u{200d}c\u{feff}d",
                "a\\u{200b}b\\u{200d}c\\u{feff}d",
            ),
            ("\u{2066}isolate\u{2069}", "\\u{2066}isolate\\u{2069}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("two\r\nlines\tand a tab", "two\\r\\nlines\\tand a tab"),
            ("Grüße, 世界 😀 \\ \"", "Grüße, 世界 😀 \\ \""),
        ] {
            assert_eq!(visible(text), shown);
            assert!(!visible(text).chars().any(hides));
        }
    }

    #[test]
    fn visible_json_means_the_same() {
        let json = "{\"a\":\"x\u{202e}y\u{7f}z\u{e0041}\",\n \"b\":\"\\u001b[0m\"}";
        let shown = visible_json(json);
        assert_eq!(
            shown,
            "{\"a\":\"x\\u202ey\\u007fz\\udb40\\udc41\",\n \"b\":\"\\u001b[0m\"}"
        );
        let same: serde_json::Value = serde_json::from_str(&shown).expect("still JSON");
        assert_eq!(
            same,
            serde_json::from_str::<serde_json::Value>(json).expect("JSON")
        );
    }

    #[test]
    fn pretty_keeps_numbers_and_strings_as_they_are() {
        let json = r#"{"a":1.0e+5,"b":[],"c":{"d":"x, {y: \"z\" ]","e":[1,12345678901234567890]}, "f" : { } }"#;
        let expected = "{\n  \"a\": 1.0e+5,\n  \"b\": [],\n  \"c\": {\n    \"d\": \"x, {y: \\\"z\\\" ]\",\n    \"e\": [\n      1,\n      12345678901234567890\n    ]\n  },\n  \"f\": {}\n}";
        assert_eq!(pretty(json), expected);
    }
}
