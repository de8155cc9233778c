//! CEF and LEEF: lines of vendors' own, most often within syslog.
//!
//! Members: `vendor`, `product`, `product_version`, `signature`, `name`, `severity`, `extension` (the pairs, as written), `labels` (what `cs1Label=…`
//! calls `cs1=…`), and `syslog`, what stood before. A key that occurs twice is `key.2` the second time.

use crate::syslog::{self, Members};
use entry::json::Object;

/// Pairs that are told apart; a line with more is refused.
const PAIRS_MAX: usize = 2_000;

/// The object of a line with `CEF:` in it.
pub fn cef(line: &[u8]) -> Result<Object<'static>, String> {
    let (text, before) = marked(line, "CEF:").ok_or("no CEF: nowhere `CEF:` and a version")?;
    let mut fields = Vec::with_capacity(7);
    let mut rest = text.as_str();
    while fields.len() < 7 {
        let (field, after) = field(rest)
            .ok_or_else(|| format!("no CEF: its header has {} fields of 7", fields.len()))?;
        fields.push(field);
        rest = after;
    }
    let mut object = header(before);
    let names = [
        "version",
        "vendor",
        "product",
        "product_version",
        "signature",
        "name",
        "severity",
    ];
    for (name, field) in names.into_iter().zip(fields) {
        object.insert(name, field);
    }
    let extension = pairs(rest)?;
    let mut labels = Members::default();
    for (name, label) in extension.iter() {
        if let Some(of) = name.strip_suffix("Label")
            && let (Some(label), Some(value)) = (label.as_str(), extension.get(of))
        {
            labels.insert(label, value.clone());
        }
    }
    if !labels.is_empty() {
        object.insert("labels", labels.object());
    }
    object.insert("extension", extension);
    Ok(object)
}

/// The object of a line with `LEEF:` in it.
pub fn leef(line: &[u8]) -> Result<Object<'static>, String> {
    let (text, before) = marked(line, "LEEF:").ok_or("no LEEF: nowhere `LEEF:` and a version")?;
    let mut fields = text.splitn(6, '|');
    let mut object = header(before);
    let names = [
        "version",
        "vendor",
        "product",
        "product_version",
        "signature",
    ];
    let mut version = "";
    for name in names {
        let field = fields.next().ok_or("no LEEF: its header has 5 fields")?;
        if name == "version" {
            version = field;
        }
        object.insert(name, field.trim().to_owned());
    }
    let rest = fields.next().unwrap_or("");
    let (delimiter, rest) = match version.starts_with('2') {
        true => delimiter(rest),
        false => ('\t', rest),
    };
    let mut extension = Members::default();
    for (n, pair) in rest.split(delimiter).enumerate() {
        if n >= PAIRS_MAX {
            return Err(format!("more than {PAIRS_MAX} pairs"));
        }
        if let Some((name, value)) = pair.split_once('=') {
            extension.insert(name.trim(), value.trim_end().to_owned());
        }
    }
    object.insert("extension", extension.object());
    Ok(object)
}

/// What follows the mark, with its version first, and what stands before it.
fn marked(line: &[u8], mark: &str) -> Option<(String, String)> {
    let (text, _) = syslog::readable(line.trim_ascii_end());
    let found = text
        .match_indices(mark)
        .find(|(at, _)| text[at + mark.len()..].starts_with(|c: char| c.is_ascii_digit()))
        .map(|(at, _)| at)?;
    let after = text[found + mark.len()..].to_owned();
    Some((after, text[..found].to_owned()))
}

/// An object with what syslog says before the mark.
fn header(before: String) -> Object<'static> {
    let mut object = Object::new();
    if !before.trim().is_empty() {
        let mut syslog = syslog::message(before.trim_end().as_bytes());
        if syslog.get("message").and_then(|m| m.as_str()) == Some("") {
            syslog.remove("message");
        }
        object.insert("syslog", syslog);
    }
    object
}

/// A field of CEF's header up to its bar, and what follows. `\|` and `\\` are escapes.
fn field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '|' => return Some((field.trim().to_owned(), &text[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('|' | '\\'))) => field.push(escaped),
                Some((_, other)) => field.extend(['\\', other]),
                None => field.push('\\'),
            },
            c => field.push(c),
        }
    }
    None
}

/// `key=value key=value`: values hold spaces, so a value ends where the next key begins.
fn pairs(text: &str) -> Result<Object<'static>, String> {
    let bytes = text.as_bytes();
    let mut keys: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    let mut in_key = true;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => (escaped, in_key) = (false, false),
            b'\\' => escaped = true,
            b' ' | b'\t' => (start, in_key) = (at + 1, true),
            b'=' if in_key && at > start => {
                keys.push((start, at));
                in_key = false;
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'[' | b']' => {}
            _ => in_key = false,
        }
    }
    if keys.len() > PAIRS_MAX {
        return Err(format!("more than {PAIRS_MAX} pairs"));
    }
    let mut object = Members::default();
    for (n, (start, equals)) in keys.iter().enumerate() {
        let end = keys.get(n + 1).map_or(text.len(), |(next, _)| *next);
        let name = &text[*start..*equals];
        let value = unescaped(text[equals + 1..end].trim_end_matches([' ', '\t']));
        object.insert(name, value);
    }
    Ok(object.object())
}

fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some(escaped @ ('=' | '\\' | '|')) => value.push(escaped),
                Some(other) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            c => value.push(c),
        }
    }
    value
}

/// LEEF 2.0 names its delimiter: a character, or its code as `x5E` or `0x5E`; a tab where it names none.
fn delimiter(text: &str) -> (char, &str) {
    let Some((named, rest)) = text.split_once('|') else {
        return ('\t', text);
    };
    let mut chars = named.chars();
    let code = named
        .strip_prefix("0x")
        .or_else(|| named.strip_prefix('x'))
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .and_then(char::from_u32);
    match (code, chars.next(), chars.next()) {
        (Some(code), ..) => (code, rest),
        (None, Some(only), None) => (only, rest),
        (None, None, _) => ('\t', rest),
        // Not a delimiter, so a pair with a bar in it.
        _ => ('\t', text),
    }
}

#[cfg(test)]
mod tests;
