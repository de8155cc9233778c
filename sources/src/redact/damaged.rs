//! Bytes that are no JSON as a whole: lines of which each is, and what was damaged on its way or is refused for what it is (a name twice, half a
//! surrogate). It is kept beside, so that its secrets are found by their names all the same.

use super::{MARKER, Redaction, marker, names};
use entry::json::{self, Value};
use memchr::memchr;

const PASSES_MAX: usize = 4;

impl Redaction {
    /// Bytes without what looks like a secret: as one value, else line by line, else as text with the names and values of JSON.
    pub fn bytes(&self, mut raw: Vec<u8>) -> Vec<u8> {
        // What is taken out may be the damage, and what is left be JSON.
        for _ in 0..PASSES_MAX {
            let redacted = self.bytes_once(&raw);
            if redacted == raw {
                break;
            }
            raw = redacted;
        }
        raw
    }

    fn bytes_once(&self, raw: &[u8]) -> Vec<u8> {
        if let Ok(mut value) = json::parse(raw) {
            if !self.value(&mut value) {
                return raw.to_vec();
            }
            let mut out = Vec::with_capacity(raw.len());
            json::write_canonical(&value, &mut out);
            return out;
        }
        let mut out = Vec::with_capacity(raw.len());
        // Lines that are no JSON may belong together.
        let mut rest: Vec<u8> = Vec::new();
        for line in raw.split_inclusive(|byte| *byte == b'\n') {
            let is_json = matches!(line.trim_ascii_start().first(), Some(b'{' | b'['));
            let Some(mut value) = is_json.then(|| json::parse(line).ok()).flatten() else {
                rest.extend_from_slice(line);
                continue;
            };
            self.text_bytes(&std::mem::take(&mut rest), &mut out);
            if self.value(&mut value) {
                json::write_canonical(&value, &mut out);
                out.extend_from_slice(&line[line.trim_ascii_end().len()..]);
            } else {
                out.extend_from_slice(line);
            }
        }
        self.text_bytes(&rest, &mut out);
        out
    }

    /// A byte that is no UTF-8 does not keep what is around it from being looked at.
    fn text_bytes(&self, bytes: &[u8], out: &mut Vec<u8>) {
        for chunk in bytes.utf8_chunks() {
            let text = chunk.valid();
            let named = self.by_names(text);
            let text = named.as_deref().unwrap_or(text);
            let redacted = self.plain(text, false);
            out.extend_from_slice(redacted.as_deref().unwrap_or(text).as_bytes());
            out.extend_from_slice(chunk.invalid());
        }
    }

    /// What JSON has behind the names of secrets, wherever such a name and a colon stand: a quote too many before them changes nothing.
    fn by_names(&self, text: &str) -> Option<String> {
        let of_secrets = self.is_on("secret").is_some()
            && ["\"Secret\"", "\"SecretList\"", "\"secrets\""]
                .iter()
                .any(|word| text.contains(word));
        let mut out = String::new();
        let (mut copied, mut at) = (0, 0);
        let mut called = None;
        while let Some(start) = memchr(b'"', &text.as_bytes()[at..]).map(|found| at + found) {
            at = start + 1;
            let Some(end) = name_end(text, start) else {
                continue;
            };
            let Some(value) = value_start(text, end) else {
                continue;
            };
            at = end;
            let name = unescaped(&text[start..end]);
            let is_data = of_secrets && matches!(&*name, "data" | "stringData");
            let rule = match called {
                _ if is_data => Some("secret"),
                Some(rule) if names::is_value(&name) => Some(rule),
                _ => self.rule_of(&name),
            };
            if names::CALLS.contains(&&*name) {
                let end = name_end(text, value).unwrap_or(value);
                called = self.rule_of(&unescaped(&text[value..end]));
            }
            let Some(rule) = rule else { continue };
            let end = value_end(text, value, is_data);
            at = end;
            if is_secret(&text[value..end], rule, is_data) {
                out.push_str(&text[copied..value]);
                out.push_str(&Value::from(marker(rule)).to_string());
                copied = end;
            }
        }
        if copied == 0 {
            return None;
        }
        out.push_str(&text[copied..]);
        Some(out)
    }
}

/// Longer strings are no names.
const NAME_BYTES_MAX: usize = 300;

/// Behind a string that may be a name.
fn name_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let looked_at = &bytes[..bytes.len().min(start + NAME_BYTES_MAX)];
    let is_string = looked_at.get(start) == Some(&b'"');
    is_string.then(|| string_end(looked_at, start)).flatten()
}

/// Behind the quote that closes the string which begins there.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        let found = memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        at += found;
        match bytes[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// Where the value begins, if what ended there is a name.
fn value_start(text: &str, end: usize) -> Option<usize> {
    let rest = text[end..].trim_start().strip_prefix(':')?;
    Some(text.len() - rest.trim_start().len())
}

/// Behind a value that is looked at as a whole; behind its bracket, where it holds others.
fn value_end(text: &str, start: usize, whole: bool) -> usize {
    let bytes = text.as_bytes();
    let is_plain_list = || {
        let first = text[start + 1..].trim_start().bytes().next();
        first.is_some_and(|b| b == b'"' || b == b'-' || b.is_ascii_digit())
    };
    match bytes.get(start) {
        None => text.len(),
        Some(b'"') => string_end(bytes, start).unwrap_or(text.len()),
        Some(b'{') if whole => closed(text, start),
        Some(b'[') if whole || is_plain_list() => closed(text, start),
        Some(b'{' | b'[') => start + 1,
        Some(_) => {
            let end = text[start..].find([',', '}', ']', '\n', '\r', ' ', '"']);
            end.map_or(text.len(), |end| start + end)
        }
    }
}

/// Behind the bracket that closes the one which stands there.
fn closed(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let Some(end) = string_end(bytes, at) else {
                    return text.len();
                };
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn unescaped(string: &str) -> String {
    match json::parse(string.as_bytes()) {
        Ok(Value::String(text)) => text.into_owned(),
        _ => string.trim_matches('"').to_owned(),
    }
}

fn is_secret(value: &str, rule: &str, whole: bool) -> bool {
    match value.bytes().next() {
        None => false,
        Some(b'"') => {
            let text = unescaped(value);
            !names::says_nothing(&text) && !text.starts_with(MARKER)
        }
        Some(b'{') => whole && value.len() > 2,
        Some(b'[') => value.len() > 1 && !value.contains(MARKER),
        Some(b'0'..=b'9' | b'-') => matches!(rule, "password" | "own"),
        Some(_) => false,
    }
}
