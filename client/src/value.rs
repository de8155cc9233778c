//! Values for `changes` and `context`, and what differs between two states of a thing.

use entry::Json;
use entry::json::{Object, Value, push_pointer};

/// What can stand in `changes` and `context`. Whatever serialises can: through [`serde_json::to_value`].
pub trait IntoValue {
    fn into_value(self) -> Value<'static>;
}

/// Deeper than this an entry may not nest, and a value sits at least three levels down in it.
const DEPTH_MAX: usize = entry::limits::DEPTH_MAX;

impl IntoValue for Value<'static> {
    fn into_value(self) -> Value<'static> {
        self
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value<'static> {
        Value::from(self.to_owned())
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value<'static> {
        Value::from(self)
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value<'static> {
        Value::from(self)
    }
}

impl IntoValue for &Json {
    fn into_value(self) -> Value<'static> {
        self.parse().into_owned()
    }
}

/// Of serde_json's numbers the text stays as it was given.
impl IntoValue for serde_json::Value {
    fn into_value(self) -> Value<'static> {
        match self {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(bool) => Value::Bool(bool),
            serde_json::Value::Number(number) => Value::Number(number.to_string().into()),
            serde_json::Value::String(text) => Value::from(text),
            serde_json::Value::Array(elements) => {
                Value::Array(elements.into_iter().map(Self::into_value).collect())
            }
            serde_json::Value::Object(members) => Value::Object(
                members
                    .into_iter()
                    .map(|(name, value)| (name, value.into_value()))
                    .collect::<Object<'static>>(),
            ),
        }
    }
}

/// `None` is `null`.
impl<V: IntoValue> IntoValue for Option<V> {
    fn into_value(self) -> Value<'static> {
        self.map_or(Value::Null, V::into_value)
    }
}

impl<V: IntoValue> IntoValue for Vec<V> {
    fn into_value(self) -> Value<'static> {
        Value::Array(self.into_iter().map(V::into_value).collect())
    }
}

macro_rules! numbers {
    ($($number:ty)+) => {
        $(impl IntoValue for $number {
            fn into_value(self) -> Value<'static> {
                Value::Number(self.to_string().into())
            }
        })+
    };
}

numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

/// JSON has no word for what is no finite number: that becomes its text, `"NaN"`.
impl IntoValue for f64 {
    fn into_value(self) -> Value<'static> {
        if self.is_finite() {
            Value::Number(self.to_string().into())
        } else {
            Value::from(self.to_string())
        }
    }
}

/// One change: `{path, before, after}`; a side that was not there is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// An RFC 6901 pointer: `/spec/replicas`.
    pub path: String,
    pub before: Option<Value<'static>>,
    pub after: Option<Value<'static>>,
}

impl Change {
    pub(crate) fn into_value(self) -> Value<'static> {
        let mut members = Object::new();
        members.insert("path", self.path);
        if let Some(before) = self.before {
            members.insert("before", before);
        }
        if let Some(after) = self.after {
            members.insert("after", after);
        }
        Value::Object(members)
    }
}

/// What differs between two states: objects are compared member by member, everything else as one value. Paths ascend.
pub fn differences(before: &serde_json::Value, after: &serde_json::Value) -> Vec<Change> {
    let mut found = Vec::new();
    compare(&mut String::new(), 0, Some(before), Some(after), &mut found);
    found
}

fn compare(
    path: &mut String,
    depth: usize,
    before: Option<&serde_json::Value>,
    after: Option<&serde_json::Value>,
    found: &mut Vec<Change>,
) {
    if before == after {
        return;
    }
    let members = (
        before.and_then(serde_json::Value::as_object),
        after.and_then(serde_json::Value::as_object),
    );
    let (Some(old), Some(new), true) = (members.0, members.1, depth < DEPTH_MAX) else {
        let own = |value: Option<&serde_json::Value>| value.map(|v| v.clone().into_value());
        found.push(Change {
            path: path.clone(),
            before: own(before),
            after: own(after),
        });
        return;
    };
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let end = path.len();
        push_pointer(path, name);
        compare(path, depth + 1, old.get(name), new.get(name), found);
        path.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_keep_their_text() {
        assert_eq!(
            u64::MAX.into_value().to_string(),
            "18446744073709551615",
            "no detour through a float"
        );
        assert_eq!(1.5.into_value().to_string(), "1.5");
        assert_eq!(f64::NAN.into_value().to_string(), "\"NaN\"");
        assert_eq!(None::<u8>.into_value(), Value::Null);
        assert_eq!(vec![1, 2].into_value().to_string(), "[1,2]");
        assert_eq!(
            json!({"b": [1, null], "a": "x"}).into_value().to_string(),
            r#"{"a":"x","b":[1,null]}"#
        );
    }

    #[test]
    fn two_states_differ_where_a_member_does() {
        let before = json!({"spec": {"replicas": 3, "a/b": 1, "gone": true}, "tags": [1, 2]});
        let after = json!({"spec": {"replicas": 5, "a/b": 1, "new": null}, "tags": [1]});
        let found: Vec<String> = differences(&before, &after)
            .into_iter()
            .map(|change| change.into_value().to_string())
            .collect();
        assert_eq!(
            found,
            [
                r#"{"before":true,"path":"/spec/gone"}"#,
                r#"{"after":null,"path":"/spec/new"}"#,
                r#"{"after":5,"before":3,"path":"/spec/replicas"}"#,
                r#"{"after":[1],"before":[1,2],"path":"/tags"}"#,
            ]
        );
        assert_eq!(differences(&before, &before), []);
        let escaped = differences(&json!({"a/b~": 1}), &json!({"a/b~": 2}));
        assert_eq!(escaped[0].path, "/a~1b~0");
    }
}
