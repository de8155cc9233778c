//! Kubernetes Secrets: their values are secret whatever they are called, in the object itself, in a list and in a patch, which say no `kind`.

use super::{NESTED_MAX, Redaction};
use entry::json::{self, Object, Value};

/// Members of a Secret whose values are secret.
const VALUES: [&str; 2] = ["data", "stringData"];

/// Members of an event about a Secret that hold it, or what is to change of it: `audit.k8s.io`, and Google's audit log.
const BODIES: [&str; 4] = ["requestObject", "responseObject", "request", "response"];

/// What an object says of Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Nothing,
    /// It is one.
    Secret,
    /// A list of them.
    List,
    /// An event about one.
    Event,
}

impl Holds {
    pub fn is_value(self, name: &str) -> bool {
        self == Holds::Secret && VALUES.contains(&name)
    }

    pub fn is_body(self, name: &str) -> bool {
        match self {
            Holds::List => name == "items",
            Holds::Event => BODIES.contains(&name),
            Holds::Nothing | Holds::Secret => false,
        }
    }
}

impl Redaction {
    pub(super) fn secret_in(&self, object: &Object<'_>) -> Holds {
        if self.is_on("secret").is_none() {
            return Holds::Nothing;
        }
        let said = |name| object.get(name).and_then(Value::as_str);
        // `Secret`, and Google's `core.k8s.io/v1.Secret`.
        let kind = said("kind").or_else(|| said("@type")?.rsplit('.').next());
        match kind {
            Some("Secret") => return Holds::Secret,
            Some("SecretList") => return Holds::List,
            _ => {}
        }
        // With a subresource in a member of its own, or behind a stroke.
        let resource = object.get("objectRef").and_then(|of| of.get("resource"));
        let resource = resource.and_then(Value::as_str);
        let of_secrets = resource.is_some_and(|of| of.split('/').next() == Some("secrets"))
            || said("methodName").is_some_and(|method| {
                method.starts_with("io.k8s.") && method.split('.').any(|part| part == "secrets")
            });
        match of_secrets {
            true => Holds::Event,
            false => Holds::Nothing,
        }
    }

    /// Every value of a Secret's `data`.
    pub(super) fn all_of(&self, value: &mut Value<'_>) -> bool {
        match value {
            Value::Object(object) => object
                .iter_mut()
                .fold(false, |any, (_, value)| self.hide(value, "secret") | any),
            other => self.hide(other, "secret"),
        }
    }

    /// A Secret, some of them, a part of one, or a patch: whatever was sent to where Secrets are.
    pub(super) fn of_secret(&self, value: &mut Value<'_>, nested: usize) -> bool {
        match value {
            Value::Object(object) if object.get("op").is_some() => self.operation(object, nested),
            Value::Object(object) => {
                let mut any = false;
                for (name, value) in object.iter_mut() {
                    any |= match name {
                        name if VALUES.contains(&name) => self.all_of(value),
                        "items" => self.of_secret(value, nested),
                        name => self.walk(value, Some(name), nested),
                    };
                }
                any
            }
            Value::Array(elements) => elements
                .iter_mut()
                .fold(false, |any, element| self.of_secret(element, nested) | any),
            Value::String(text) => {
                let inner = json::parse(text.as_bytes()).ok();
                let Some(mut inner) = inner.filter(|_| nested < NESTED_MAX) else {
                    return self.hide(value, "secret");
                };
                let any = self.of_secret(&mut inner, nested + 1);
                let inner = inner.to_string();
                if any {
                    *value = Value::from(inner);
                }
                any
            }
            _ => false,
        }
    }

    /// `{"op":"replace","path":"/data/pw","value":…}`
    fn operation(&self, object: &mut Object<'_>, nested: usize) -> bool {
        let path = object.get("path").and_then(Value::as_str).unwrap_or("");
        let first = path.trim_start_matches('/').split('/').next();
        let is_value = VALUES.contains(&first.unwrap_or(""));
        // A path that names no member is that of the whole Secret.
        let is_whole = path.trim_matches('/').is_empty();
        let name = path.rsplit('/').next().unwrap_or("").to_owned();
        let Some(value) = object.get_mut("value") else {
            return false;
        };
        match (is_value, is_whole) {
            (true, _) => self.all_of(value),
            (_, true) => self.of_secret(value, nested),
            _ => self.walk(value, Some(&name), nested),
        }
    }
}
