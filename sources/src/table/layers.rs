//! The event in what systems put around it on its way: a list deeper within, an envelope, its JSON as a text.

use super::{Table, apply};
use entry::json::{self, Object, Value};

/// How often an event stands in another's text or member.
const WRAPS_MAX: usize = 4;

/// An event, and what stood around it.
pub(super) type Unwrapped = (Value<'static>, Object<'static>);

impl Table {
    /// The events of a list that is not in the object itself but deeper within; `None` if there is no such list.
    pub(crate) fn deep<'v, 'a>(&self, event: &'v Value<'a>) -> Option<&'v [Value<'a>]> {
        self.deep_wrappers.iter().find_map(|path| {
            let mut found = None;
            path.walk(event, self.any_case, &mut |value| {
                found = value.as_array();
                true
            });
            found
        })
    }

    /// The event within what is around it, and what is around it without the event; `None` if nothing is.
    pub(super) fn within(
        &self,
        value: &Value<'_>,
    ) -> std::result::Result<Option<Unwrapped>, String> {
        let mut unwrapped: Option<Unwrapped> = None;
        for _ in 0..WRAPS_MAX {
            let outer = unwrapped.as_ref().map_or(value, |(inner, _)| inner);
            let Some((inner, around)) = self.unwrapped_once(outer)? else {
                break;
            };
            let mut all = unwrapped.map_or_else(Object::new, |(_, around)| around);
            for (name, value) in around {
                if all.get(&name).is_none() {
                    all.insert(name, value);
                }
            }
            unwrapped = Some((inner, all));
        }
        if let Some((Value::Object(inner), around)) = &mut unwrapped {
            for name in &self.from_around {
                if inner.get(name).is_none()
                    && let Some(value) = around.remove(name)
                {
                    inner.insert(name.to_string(), value);
                }
            }
        }
        Ok(unwrapped)
    }

    fn unwrapped_once(&self, value: &Value<'_>) -> std::result::Result<Option<Unwrapped>, String> {
        for path in &self.unwrap {
            let mut found = None;
            path.walk(value, self.any_case, &mut |inner| {
                found = Some(inner.clone());
                true
            });
            let inner = match found {
                Some(Value::Object(inner)) => Value::Object(inner).into_owned(),
                Some(Value::String(text)) if text.trim_start().starts_with('{') => {
                    json::parse(text.as_bytes())
                        .map_err(|e| format!("the event within: {e}"))?
                        .into_owned()
                }
                _ => continue,
            };
            let mut around = value.clone().into_owned();
            if let (Value::Object(around), Some(names)) = (&mut around, path.plain()) {
                apply::remove(around, &names);
            }
            let around = match around {
                Value::Object(around) => around,
                _ => Object::new(),
            };
            return Ok(Some((inner, around)));
        }
        Ok(None)
    }
}
