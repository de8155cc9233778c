//! Lines of `key: value` in texts: YAML in a ConfigMap, headers, settings.
//!
//! A line alone may be a sentence ("password: must be longer"), so that there only one word, or what is quoted, is a secret; among other
//! lines the whole value is.

use super::{MARKER, Redaction, marker, names};
use std::ops::Range;

/// A line of a member.
struct Member<'t> {
    key: &'t str,
    /// In the line.
    value: Range<usize>,
    /// Where the key begins.
    indent: usize,
}

/// Lines on their way.
struct Lines<'r> {
    redaction: &'r Redaction,
    /// There are others.
    many: bool,
    /// One of them says that it is a Secret.
    of_secret: bool,
    /// The members of a Secret stand deeper than this.
    data: Option<usize>,
    /// So do the lines of a value that is secret by that rule; whether its marker was written.
    block: Option<(usize, &'static str, bool)>,
    /// The rule for the value of what the line before called by a name.
    called: Option<&'static str>,
    out: String,
    any: bool,
}

impl Redaction {
    pub(super) fn in_lines(&self, text: &str) -> Option<String> {
        // Most texts have a colon in a time or an address at most.
        if !text.contains(": ") && !text.contains(":\t") {
            return None;
        }
        let many = text.trim_end().contains('\n');
        let mut lines = Lines {
            redaction: self,
            many,
            of_secret: many
                && self.is_on("secret").is_some()
                && text.lines().any(|line| line.trim_end() == "kind: Secret"),
            data: None,
            block: None,
            called: None,
            out: String::new(),
            any: false,
        };
        for line in text.split_inclusive('\n') {
            lines.take(line);
        }
        lines.any.then_some(lines.out)
    }
}

impl Lines<'_> {
    fn take(&mut self, line: &str) {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let is_blank = line.trim().is_empty();
        if !is_blank && self.data.is_some_and(|data| indent <= data) {
            self.data = None;
        }
        if let Some((of, rule, is_told)) = self.block
            && !is_blank
        {
            self.block = None;
            if indent > of {
                self.block = Some((of, rule, true));
                return self.of_block(line, indent, rule, is_told);
            }
        }
        let Some(member) = member(line) else {
            return self.out.push_str(line);
        };
        let value = &line[member.value.clone()];
        let in_data = self.data.is_some();
        let rule = match self.called.take() {
            _ if in_data => Some("secret"),
            Some(rule) if names::is_value(member.key) => Some(rule),
            _ => self.redaction.rule_of(member.key),
        };
        if self.of_secret && !in_data && matches!(member.key, "data" | "stringData") {
            self.data = value.is_empty().then_some(member.indent);
        }
        if names::CALLS.contains(&member.key) {
            self.called = self.redaction.rule_of(value.trim_matches(['"', '\'']));
        }
        if let Some(rule) = rule
            && self.many
            && matches!(value.as_bytes(), [b'|' | b'>', ..])
            && value.len() <= 3
        {
            self.block = Some((member.indent, rule, false));
            return self.out.push_str(line);
        }
        let is_place = names::is_directory(member.key, value);
        let found = rule.filter(|_| !is_place);
        match found.and_then(|rule| Some((rule, secret(value, rule, self.many)?))) {
            Some((rule, secret)) => {
                self.any = true;
                let start = member.value.start;
                self.out.push_str(&line[..start + secret.start]);
                self.out.push_str(&marker(rule));
                self.out.push_str(&line[start + secret.end..]);
            }
            None => self.out.push_str(line),
        }
    }

    /// A line of a value that goes over several: the first becomes the marker, the others go.
    fn of_block(&mut self, line: &str, indent: usize, rule: &'static str, is_told: bool) {
        if line.contains(MARKER) {
            return self.out.push_str(line);
        }
        self.any = true;
        if !is_told {
            self.out.push_str(&line[..indent]);
            self.out.push_str(&marker(rule));
            self.out.push_str(&line[line.trim_end().len()..]);
        }
    }
}

/// `- "key": value`
fn member(line: &str) -> Option<Member<'_>> {
    let body = line.trim_start_matches([' ', '\t']);
    let body = body
        .strip_prefix("- ")
        .map_or(body, |rest| rest.trim_start());
    let indent = line.len() - body.len();
    let (key, after) = match body.chars().next()? {
        quote @ ('"' | '\'') => body[1..].split_once(quote)?,
        _ => body.split_at(body.find(':')?),
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/');
    if key.is_empty() || !key.bytes().all(plain) {
        return None;
    }
    let value = after.trim_start_matches([' ', '\t']).strip_prefix(':')?;
    if !value.is_empty() && !value.starts_with([' ', '\t', '\r', '\n']) {
        return None;
    }
    let trimmed = value.trim();
    let start = line.len() - value.trim_start().len();
    Some(Member {
        key,
        value: start..start + trimmed.len(),
        indent,
    })
}

/// Where in a value the secret is.
fn secret(value: &str, rule: &str, many: bool) -> Option<Range<usize>> {
    if value.contains(MARKER) {
        return None;
    }
    // JSON, line by line.
    let whole = value.strip_suffix(',').unwrap_or(value);
    let is_quoted = whole.starts_with(['"', '\'']);
    let inner = match is_quoted {
        true => {
            let quote = whole.chars().next()?;
            let rest = &whole[1..];
            1..1 + rest.rfind(quote).unwrap_or(rest.len())
        }
        false => 0..whole.len(),
    };
    let said = &whole[inner.clone()];
    let is_number = said.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_sentence = said.contains(char::is_whitespace) && !is_quoted;
    let is_none = names::says_nothing(said)
        || names::is_word(said)
        || (is_number && !matches!(rule, "password" | "own" | "secret"))
        || (said.starts_with(['{', '[']) && !is_quoted && matches!(said.len(), 0..=2))
        || (said.starts_with('{') && matches!(rule, "authorization" | "credential"))
        // A place in what was said before; a tag says the type of what follows.
        || said.starts_with(['&', '*']) && !is_quoted && many;
    let may_be = match (is_sentence, rule) {
        (false, _) => true,
        // `Cookie: a=b; c=d`, `Authorization: Digest username="…"`
        (true, "cookie" | "authorization") => said.contains('=') || words(said) == 2,
        (true, _) => many,
    };
    (may_be && !is_none).then_some(inner)
}

fn words(text: &str) -> usize {
    text.split_whitespace().take(3).count()
}
