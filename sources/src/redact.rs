//! Secrets are kept out of the log: found by the names of members and by what texts look like, and replaced by a marker before anything
//! is stored or hashed.
//!
//! A marker says which rule put it there, `[redacted: password]`, and `context.redacted` lists the places. JSON within texts is looked
//! into (`last-applied-configuration`, say), and so are lists of names and values (`{"name":"DB_PASSWORD","value":…}`). What was redacted is gone:
//! nothing of it is kept, not even a digest.
//!
//! - [`names`]: which names are those of secrets
//! - [`secrets`]: Kubernetes Secrets, which are secret whatever their members are called
//! - [`arguments`]: command lines, as lists, in texts and in addresses
//! - [`lines`]: `key: value` in texts
//! - [`texts`]: what looks like a secret in the middle of a text
//! - [`damaged`]: bytes that are no JSON, though they look like it
//!
//! The time it takes grows with the length of what it reads and with nothing else; doing it again changes nothing.

mod arguments;
mod damaged;
mod lines;
mod names;
mod secrets;
mod texts;

use entry::json::{self, Object, Value};
use entry::{Draft, Json};
use std::collections::BTreeSet;
use texts::Texts;

/// JSON in a text in JSON in a text: no deeper than this.
const NESTED_MAX: usize = 3;

/// The most places listed; the markers stand at all of them.
const PLACES_MAX: usize = 500;

const MARKER: &str = "[redacted: ";

/// Rules by the names of members, and what they are for.
pub const RULES: &[(&str, &str)] = &[
    (
        "password",
        "members named password, passwd, passphrase, passcode, pin or otp, and those that end in pwd, pass or pw; what follows such a flag in \
         a command line",
    ),
    (
        "secret",
        "members whose name ends in secret, secretkey or secretaccesskey, and the values of Kubernetes Secrets, also in lists and patches",
    ),
    (
        "token",
        "members whose name ends in token, but for those that page through answers",
    ),
    (
        "api_key",
        "members named apikey or accesskey, in any spelling, but not the id of a key",
    ),
    (
        "authorization",
        "members named authorization or proxy-authorization, but not the objects of that name that say what is allowed",
    ),
    ("cookie", "members whose name ends in cookie or cookies"),
    (
        "private_key",
        "members named privatekey or tls.key, and PEM private keys in texts",
    ),
    (
        "connection_string",
        "members whose name ends in connectionstring, and accountkey and sharedaccesskey in texts",
    ),
    (
        "credential",
        "members named credential or credentials: a text, or what an object has beside names, kinds and times",
    ),
    ("bearer", "Bearer and Basic credentials in texts"),
    ("jwt", "JSON web tokens in texts"),
    ("url_password", "user:password@ in URLs"),
    (
        "url_secret",
        "parameters of URLs that carry tokens, signatures and passwords",
    ),
    (
        "aws_key",
        "AWS access keys in texts, but not where the id of a key belongs",
    ),
    (
        "vendor_token",
        "tokens with the prefixes of GitHub, GitLab, Slack, Stripe, Google, Vault, npm and mar-audit",
    ),
    (
        "assignment",
        "password=…, \"token\": …, and lines of password: … in texts",
    ),
    ("own", "members named by --redact-key"),
];

/// Which rules are on, and what else is a secret's name. All are, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Redaction {
    off: BTreeSet<&'static str>,
    own: BTreeSet<String>,
    texts: Texts,
}

/// There is no rule of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no rule `{0}`; there are {names}", names = RULES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))]
pub struct UnknownRule(pub String);

impl Default for Redaction {
    fn default() -> Self {
        Self {
            off: BTreeSet::new(),
            own: BTreeSet::new(),
            texts: Texts::new(),
        }
    }
}

impl Redaction {
    /// Switches a rule off.
    pub fn without(mut self, rule: &str) -> Result<Self, UnknownRule> {
        let known = RULES.iter().find(|(name, _)| *name == rule);
        let (name, _) = known.ok_or_else(|| UnknownRule(rule.to_owned()))?;
        self.off.insert(name);
        Ok(self)
    }

    /// Members of this name, in any letters and with or without `_`, `-` and `.`, are secret.
    pub fn with_name(mut self, name: &str) -> Self {
        self.own.insert(names::plain(name));
        self
    }

    /// Finds secrets in texts that were folded, too: what was searched for, in small letters.
    pub fn in_folded_too(self) -> Self {
        Self {
            texts: Texts::in_folded_too(),
            ..self
        }
    }

    /// Replaces what is secret in a foreign value; true if anything was.
    pub fn value(&self, value: &mut Value<'_>) -> bool {
        self.walk(value, None, 0)
    }

    /// A text as it stands between others, such as a line of syslog.
    pub fn text(&self, text: &str) -> Option<String> {
        self.plain(text, false)
    }

    fn is_on(&self, rule: &'static str) -> Option<&'static str> {
        (!self.off.contains(rule)).then_some(rule)
    }

    /// The rule that makes a member of this name secret.
    fn rule_of(&self, name: &str) -> Option<&'static str> {
        let plain = names::plain(name);
        if self.own.contains(&plain) {
            return self.is_on("own");
        }
        names::rule(&plain).and_then(|rule| self.is_on(rule))
    }

    /// `name` is the member's that holds the value, or what a list of names and values calls it.
    fn walk(&self, value: &mut Value<'_>, name: Option<&str>, nested: usize) -> bool {
        let rule = name.and_then(|name| self.rule_of(name));
        match value {
            Value::String(text) => {
                let looks_into = rule == Some("authorization") && is_object(text, nested);
                let is_place = name.is_some_and(|name| names::is_directory(name, text));
                if let Some(rule) = rule
                    && !looks_into
                    && !is_place
                {
                    return self.hide(value, rule);
                }
                let key_id = name.is_some_and(names::is_key_id);
                if let Some(redacted) = self.within_text(text, key_id, nested) {
                    *value = Value::from(redacted);
                    return true;
                }
                false
            }
            Value::Number(_) if rule == Some("password") || rule == Some("own") => {
                self.hide(value, rule.unwrap_or("password"))
            }
            Value::Array(elements) if rule.is_some() => elements
                .iter_mut()
                .fold(false, |any, element| self.walk(element, name, nested) | any),
            Value::Array(elements) => self.list(elements, arguments::Words::default(), nested),
            Value::Object(object) if rule == Some("credential") => self.credential(object, nested),
            Value::Object(object) => self.members(object, name.filter(|_| rule.is_some()), nested),
            _ => false,
        }
    }

    /// `within` is the name of the object itself, if that is a secret's: its `value` is then one.
    fn members(&self, object: &mut Object<'_>, within: Option<&str>, nested: usize) -> bool {
        let secret = self.secret_in(object);
        let called = self.called(object).or_else(|| within.map(str::to_owned));
        let command = arguments::Words::of_command(object);
        // `{"pass":3,"fail":0}` counts.
        let counts = object.get("fail").is_some();
        let mut any = false;
        for (name, value) in object.iter_mut() {
            any |= match (&called, value) {
                (_, value) if secret.is_value(name) => self.all_of(value),
                (_, value) if secret.is_body(name) => self.of_secret(value, nested),
                (Some(called), value) if names::is_value(name) => {
                    self.walk(value, Some(called), nested)
                }
                (_, Value::Array(words)) if name == "args" => {
                    self.list(words, command.clone(), nested)
                }
                (_, Value::Number(_)) if counts && name == "pass" => false,
                (_, value) => self.walk(value, Some(name), nested),
            };
        }
        any
    }

    /// The name that a list of names and values gives, if it is a secret's: `{"name":"DB_PASSWORD","value":…}`, in the spellings of those who
    /// write such lists.
    fn called(&self, object: &Object<'_>) -> Option<String> {
        names::CALLS
            .iter()
            .find_map(|name| object.get(name).and_then(Value::as_str))
            .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned())
            // A name that was secret itself is no name of a secret.
            .filter(|name| !name.contains(MARKER) && self.rule_of(name).is_some())
    }

    /// What an object of credentials has beside what tells whose they are.
    fn credential(&self, object: &mut Object<'_>, nested: usize) -> bool {
        let mut any = false;
        for (name, value) in object.iter_mut() {
            let of = match names::tells_whose(name) || self.rule_of(name).is_some() {
                true => name,
                false => "credential",
            };
            any |= self.walk(value, Some(of), nested);
        }
        any
    }

    fn hide(&self, value: &mut Value<'_>, rule: &'static str) -> bool {
        let says_something = match &*value {
            Value::String(text) => !names::says_nothing(text),
            Value::Null | Value::Bool(_) => false,
            _ => true,
        };
        if says_something {
            *value = Value::from(marker(rule));
        }
        says_something
    }

    /// A text without its secrets, if it had any; JSON in it is looked into.
    fn within_text(&self, text: &str, key_id: bool, nested: usize) -> Option<String> {
        let looks_like_json = text.trim_start().starts_with(['{', '[']);
        if looks_like_json
            && nested < NESTED_MAX
            && let Ok(mut inner) = json::parse(text.as_bytes())
        {
            return self
                .walk(&mut inner, None, nested + 1)
                .then(|| inner.to_string());
        }
        self.plain(text, key_id)
    }

    /// Of a text that is no JSON.
    fn plain(&self, text: &str, key_id: bool) -> Option<String> {
        let mut redacted = self.in_query(text);
        for find in [Self::in_command_line, Self::in_lines] {
            let found = find(self, redacted.as_deref().unwrap_or(text));
            redacted = found.or(redacted);
        }
        let before = redacted.as_deref().unwrap_or(text);
        let found = self.texts.redacted(before, &self.off, key_id);
        found.or(redacted)
    }
}

/// Whether a text is an object of JSON that is looked into.
fn is_object(text: &str, nested: usize) -> bool {
    text.trim_start().starts_with('{')
        && nested < NESTED_MAX
        && json::parse(text.as_bytes()).is_ok()
}

fn marker(rule: &str) -> String {
    format!("{MARKER}{rule}]")
}

/// Lists the markers of a draft in its context, by their JSON pointers; where one stands in JSON in a text, the text's.
pub fn list_places(draft: &mut Draft) {
    let mut bytes = Vec::new();
    draft.write_json(&mut bytes);
    // What the log would refuse is refused there, with better words.
    let Ok(whole) = json::parse_stored(&bytes) else {
        return;
    };
    let mut places = Vec::new();
    find(&whole, &mut String::new(), &mut places);
    if places.is_empty() {
        return;
    }
    let mut context = match draft.context.take() {
        Some(context) => match context.parse().into_owned() {
            Value::Object(context) => context,
            _ => Object::new(),
        },
        None => Object::new(),
    };
    let name = match context.get("redacted") {
        None | Some(Value::Array(_)) => "redacted",
        Some(_) => "redacted_places",
    };
    let places: Vec<Value<'_>> = places.into_iter().map(Value::from).collect();
    context.insert(name, places);
    draft.context = Some(Json::from(&Value::Object(context)));
}

fn find(value: &Value<'_>, pointer: &mut String, places: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        Value::String(text) if text.contains(MARKER) && places.len() < PLACES_MAX => {
            places.push(pointer.clone());
        }
        Value::Array(elements) => {
            for (at, element) in elements.iter().enumerate() {
                json::push_pointer(pointer, &at.to_string());
                find(element, pointer, places);
                pointer.truncate(length);
            }
        }
        Value::Object(object) => {
            for (name, member) in object.iter() {
                json::push_pointer(pointer, name);
                find(member, pointer, places);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
