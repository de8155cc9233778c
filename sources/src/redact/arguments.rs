//! Command lines: `["--password","…"]`, `mysql -p…` in a text, `exec?command=mysql&command=-p…` in an address.
//!
//! A long flag tells by its name that a secret follows. A short one does not: `-p` is a port to docker, a path to mkdir and the
//! password to mysql. So `-p…` counts behind a program that is known to take it so; without one, in lists and addresses alone,
//! where what follows it has letters and digits both and nothing of a port, a path, a setting or the name of a flag.

use super::{MARKER, Redaction, marker, names};
use entry::json::{Object, Value};
use std::fmt::Write as _;
use std::ops::Range;

/// Programs by what their names begin with, the letter of their flag, and whether the secret is the next word.
const PROGRAMS: &[(&str, u8, bool)] = &[
    // With a space, `-p` asks for it, and the next word is a database.
    ("mysql", b'p', false),
    ("mariadb", b'p', false),
    ("sshpass", b'p', true),
    ("mongo", b'p', true),
    ("redis-cli", b'a', true),
    ("valkey-cli", b'a', true),
    ("ldap", b'w', true),
    ("sqlcmd", b'P', true),
    ("curl", b'u', true),
];

/// Programs that take one when they are told to log in.
const LOGS_IN: [&str; 7] = ["docker", "podman", "nerdctl", "buildah", "helm", "oc", "az"];

/// A secret without a program that takes it: at least so long.
const ALONE_BYTES_MIN: usize = 6;

/// What is known in the middle of a command line.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// The letter of the flag, and whether the secret is the next word.
    short: Option<(u8, bool)>,
    logs_in: bool,
    /// The next word is a secret, by this rule; of `name:secret` what stands behind the colon.
    awaited: Option<(&'static str, bool)>,
}

impl Words {
    /// Those of a container's `args`, which follow its `command`.
    pub fn of_command(object: &Object<'_>) -> Self {
        let mut words = Self::default();
        if object.get("args").is_some() {
            let command = object.get("command").and_then(Value::as_array);
            for word in command.unwrap_or_default() {
                words.program(word.as_str().unwrap_or(""));
            }
        }
        words
    }

    fn program(&mut self, word: &str) {
        // `/usr/bin/mysql` is one, `/var/lib/mysql` is not.
        let (place, name) = word.rsplit_once('/').unwrap_or(("", word));
        if !place.is_empty() && !place.ends_with("bin") {
            return;
        }
        if name == "login" && self.logs_in {
            self.short = Some((b'p', true));
        } else if LOGS_IN.contains(&name) {
            self.logs_in = true;
        } else if let Some((_, letter, next)) =
            PROGRAMS.iter().find(|(start, ..)| name.starts_with(start))
        {
            self.short = Some((*letter, *next));
        }
    }

    /// Where in the next word a secret is, and by which rule.
    fn next(&mut self, redaction: &Redaction, word: &str) -> Option<(&'static str, usize)> {
        if let Some((rule, behind_colon)) = self.awaited.take()
            && !word.starts_with("--")
        {
            return match behind_colon {
                false => Some((rule, 0)),
                true => word.find(':').map(|colon| (rule, colon + 1)),
            };
        }
        if matches!(word, "|" | "||" | "&" | "&&" | ";") {
            *self = Self::default();
        }
        let Some(flag) = word.strip_prefix('-') else {
            self.program(word);
            return None;
        };
        let is_curl = self.short == Some((b'u', true));
        if let Some(rule) = redaction.of_flag(flag) {
            self.awaited = Some((rule, false));
            return None;
        }
        if is_curl && flag == "-user" {
            self.awaited = redaction.is_on("password").map(|rule| (rule, true));
            return None;
        }
        let (letter, next) = self.short?;
        let rule = redaction.is_on("password")?;
        match flag.as_bytes() {
            [first] if *first == letter && next => {
                self.awaited = Some((rule, is_curl));
                None
            }
            [first, _, ..] if *first == letter => match is_curl {
                false => Some((rule, 2)),
                true => word.find(':').map(|colon| (rule, colon + 1)),
            },
            _ => None,
        }
    }

    /// As [`Self::next`], of words that are known to be those of a command line.
    fn next_of_list(&mut self, redaction: &Redaction, word: &str) -> Option<(&'static str, usize)> {
        let found = self.next(redaction, word);
        if found.is_some() || self.short.is_some() || self.awaited.is_some() {
            return found;
        }
        let alone = word.strip_prefix("-p").is_some_and(is_alone);
        redaction
            .is_on("password")
            .filter(|_| alone)
            .map(|rule| (rule, 2))
    }
}

/// What follows `-p` and can hardly be anything but a password.
fn is_alone(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    text.len() >= ALONE_BYTES_MIN
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
        && !text.contains(['/', ':', '=', '.', ',', '-', '\\'])
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.contains(char::is_whitespace)
}

impl Redaction {
    /// The rule of the secret that follows a flag, which is told without its first `-`.
    fn of_flag(&self, flag: &str) -> Option<&'static str> {
        let name = flag.strip_prefix('-').unwrap_or(flag);
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let may_be = name.len() > 1 && name.bytes().all(plain) && !names::is_switch(name);
        may_be.then(|| self.rule_of(name)).flatten()
    }

    /// A list that may be a command line, `words` being known of it.
    pub(super) fn list(&self, elements: &mut [Value<'_>], mut words: Words, nested: usize) -> bool {
        let mut any = false;
        for element in elements {
            let found = match &*element {
                Value::String(text) => words
                    .next_of_list(self, text)
                    .map(|(rule, start)| (rule, start, text.as_ref())),
                Value::Number(number) => words
                    .awaited
                    .take()
                    .map(|(rule, _)| (rule, 0, number.as_ref())),
                _ => {
                    words = Words::default();
                    None
                }
            };
            any |= match found {
                Some((_, start, text)) if names::says_nothing(&text[start..]) => false,
                Some((rule, start, text)) => {
                    let redacted = format!("{}{}", &text[..start], marker(rule));
                    *element = Value::from(redacted);
                    true
                }
                None => self.walk(element, None, nested),
            };
        }
        any
    }

    /// A command line in a text.
    pub(super) fn in_command_line(&self, text: &str) -> Option<String> {
        if !text.contains(" -") {
            return None;
        }
        let mut words = Words::default();
        let mut out = String::new();
        let (mut copied, mut at) = (0, 0);
        while let Some(word) = word(text, at) {
            at = word.end;
            let trimmed = unquoted(text, word.clone());
            let Some((rule, start)) = words.next(self, &text[trimmed.clone()]) else {
                continue;
            };
            let secret = secret(text, trimmed.start + start);
            at = at.max(secret.end);
            let said = &text[secret.clone()];
            let follows_long = start == 0;
            if text[secret.start..].starts_with(MARKER)
                || names::says_nothing(said)
                || (follows_long && names::is_word(said))
            {
                continue;
            }
            out.push_str(&text[copied..secret.start]);
            out.push_str(&marker(rule));
            copied = secret.end;
        }
        if copied == 0 {
            return None;
        }
        out.push_str(&text[copied..]);
        Some(out)
    }

    /// The command line in the address of an `exec`.
    pub(super) fn in_query(&self, text: &str) -> Option<String> {
        let (before, query) = text.split_once('?')?;
        if !query.contains("command=") {
            return None;
        }
        let mut words = Words::default();
        let mut any = false;
        let mut out = format!("{before}?");
        for (nth, part) in query.split('&').enumerate() {
            if nth > 0 {
                out.push('&');
            }
            let Some(word) = part.strip_prefix("command=") else {
                out.push_str(part);
                continue;
            };
            let word = decoded(word);
            let redacted = match words.next_of_list(self, &word) {
                Some((_, start)) if names::says_nothing(&word[start..]) => None,
                Some((rule, start)) => Some(format!("{}{}", &word[..start], marker(rule))),
                None => {
                    let found = self.in_command_line(&word);
                    let before = found.as_deref().unwrap_or(&word);
                    self.texts.redacted(before, &self.off, false).or(found)
                }
            };
            match redacted {
                None => out.push_str(part),
                Some(redacted) => {
                    any = true;
                    out.push_str("command=");
                    encode(&redacted, &mut out);
                }
            }
        }
        any.then_some(out)
    }
}

/// The next word of a text, from a place on.
fn word(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = &text[from..];
    let start = from + rest.find(|c: char| !c.is_whitespace())?;
    let end = text[start..].find(char::is_whitespace);
    Some(start..end.map_or(text.len(), |end| start + end))
}

/// Without what quotes it, and what a shell puts around commands.
fn unquoted(text: &str, word: Range<usize>) -> Range<usize> {
    let said = &text[word.clone()];
    let inner = said.trim_start_matches(['"', '\'', '`', '(', '$', '\\']);
    let start = word.end - inner.len();
    let inner = inner.trim_end_matches(['"', '\'', '`', ')', ';', '\\']);
    start..start + inner.len()
}

/// A secret from its first byte on: to the quote that closes it, else to the end of the word.
fn secret(text: &str, start: usize) -> Range<usize> {
    let before = text[..start].chars().next_back();
    let (quote, start) = match text[start..].chars().next() {
        Some(quote @ ('"' | '\'')) => (Some(quote), start + 1),
        // The word's own quote was taken off.
        _ => (before.filter(|c| matches!(c, '"' | '\'')), start),
    };
    let rest = &text[start..];
    let end = match quote {
        Some(quote) => rest.find(quote).unwrap_or(rest.len()),
        None => {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest[..end]
                .trim_end_matches(['"', '\'', '`', ')', ';', '\\'])
                .len()
        }
    };
    start..start + end
}

/// Percent-encoded bytes and `+` as what they are; what is no text then is read as far as it is one.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = (*byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let code = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match (code, byte) {
            (Some(code), _) => out.push(code),
            (None, b'+') => out.push(b' '),
            (None, byte) => out.push(*byte),
        }
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What would end a parameter is encoded; a marker is not, so that it is found.
fn encode(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '%' | '&' | '+' | '#' | ';' | '?' | '"' | '\'' | '\0'..='\x1f' => {
                write!(out, "%{:02X}", u32::from(c)).expect("a string takes everything");
            }
            c => out.push(c),
        }
    }
}
