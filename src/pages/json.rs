//! JSON of an entry: as a tree, as changed places, as indented text. Numbers keep their text, strings their code points.

use super::location::Location;
use super::setting::icon;
use super::visible::{Shown, count, is_linkable, plain};
use entry::Json;
use entry::json::{Value, write_canonical};
use maud::{Markup, html};
use std::cell::Cell;
use std::fmt::Write;

/// Children shown open; deeper and longer things start folded.
const OPEN_DEPTH: usize = 2;
const OPEN_CHILDREN: usize = 40;
/// Values of a tree that are shown; an entry may hold a hundred thousand, and a page of them helps nobody.
const VALUES_MAX: usize = 1_000;
/// Changed places that are shown.
const CHANGES_MAX: usize = 500;

/// `context` as a tree; each leaf offers the list at `base` with only the entries that share it.
pub fn tree(base: &Location, json: &Json) -> Markup {
    let value = json.parse();
    let tree = Tree {
        base,
        left: Cell::new(VALUES_MAX),
    };
    html! {
        ul.tree { (tree.children(&value, "context", 0)) }
        (shortened("values", values(&value), VALUES_MAX))
    }
}

/// A tree under way: where its filters lead, and how many values may still be shown.
struct Tree<'a> {
    base: &'a Location,
    left: Cell<usize>,
}

impl Tree<'_> {
    fn children(&self, value: &Value<'_>, path: &str, depth: usize) -> Markup {
        html! {
            @match value {
                Value::Object(object) => @for (key, child) in object.iter() {
                    (self.node(html! { (Shown(key)) ": " }, child, &format!("{path}.{key}"), depth))
                },
                // Positions are not part of a path: a filter means any of them.
                Value::Array(items) => @for (i, child) in items.iter().enumerate() {
                    (self.node(html! { (i) ": " }, child, path, depth))
                },
                leaf => (self.node(html! {}, leaf, path, depth)),
            }
        }
    }

    fn node(&self, key: Markup, value: &Value<'_>, path: &str, depth: usize) -> Markup {
        if self.left.get() == 0 {
            return html! {};
        }
        let (length, brackets) = match value {
            Value::Object(object) => (object.len(), ("{", "}")),
            Value::Array(items) => (items.len(), ("[", "]")),
            _ => (0, ("", "")),
        };
        html! {
            li {
                @if length > 0 {
                    details open[depth < OPEN_DEPTH && length <= OPEN_CHILDREN] {
                        summary { span.k { (key) } span.soft { (brackets.0) (length) (brackets.1) } }
                        ul { (self.children(value, path, depth + 1)) }
                    }
                } @else {
                    span.k { (key) } (leaf(value)) (self.keep(value, path))
                }
            }
        }
    }

    /// The way to the entries that share a leaf, and one value less to show.
    fn keep(&self, value: &Value<'_>, path: &str) -> Markup {
        self.left.set(self.left.get() - 1);
        // A name that ends so would ask for the opposite.
        let named = is_linkable(path) && !path.ends_with('!');
        html! {
            @if let Some(text) = text_of(value).filter(|text| named && is_linkable(text)) {
                span.acts {
                    a href=(self.base.only(path, &text).href()) title={ "Only with this " (plain(path)) } {
                        (icon("plus")) span.unseen { "Only with this " (plain(path)) }
                    }
                }
            }
        }
    }
}

fn shortened(what: &str, all: usize, shown: usize) -> Markup {
    html! {
        @if all > shown {
            p.soft { (count(shown as u64)) " of " (count(all as u64)) " " (what) " are shown here; the raw JSON holds all." }
        }
    }
}

/// Leaves and empty containers, as the tree shows them.
fn values(value: &Value<'_>) -> usize {
    match value {
        Value::Object(object) if !object.is_empty() => {
            object.iter().map(|(_, child)| values(child)).sum()
        }
        Value::Array(items) if !items.is_empty() => items.iter().map(values).sum(),
        _ => 1,
    }
}

fn leaf(value: &Value<'_>) -> Markup {
    html! {
        @match value {
            Value::String(text) => span.s { (Shown(text)) },
            Value::Object(_) => span.soft { "{}" },
            Value::Array(_) => span.soft { "[]" },
            other => span.lit { (canonical(other)) },
        }
    }
}

/// The text a context filter compares a leaf by.
fn text_of(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Object(_) | Value::Array(_) => None,
        other => Some(canonical(other)),
    }
}

fn canonical(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    String::from_utf8(out).expect("canonical JSON is UTF-8")
}

/// One place that changed.
struct Change {
    path: String,
    before: Option<String>,
    after: Option<String>,
}

/// `changes` as a table of places. Objects and arrays are compared leaf by leaf, so that one changed member is one line.
pub fn changes(json: &Json) -> Markup {
    let mut lines = Vec::new();
    for change in json.parse().as_array().unwrap_or_default() {
        let path = change
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        compare(path, change.get("before"), change.get("after"), &mut lines);
    }
    html! {
        table.diff {
            thead { tr { th scope="col" { "Place" } th scope="col" { "Before" } th scope="col" { "After" } } }
            tbody {
                @for line in lines.iter().take(CHANGES_MAX) {
                    tr {
                        td { (Shown(if line.path.is_empty() { "/" } else { &line.path })) }
                        td.before[line.before.is_some()] { (side(line.before.as_deref())) }
                        td.after[line.after.is_some()] { (side(line.after.as_deref())) }
                    }
                }
            }
        }
        (shortened("changed places", lines.len(), CHANGES_MAX))
    }
}

fn side(text: Option<&str>) -> Markup {
    match text {
        Some(text) => html! { (Shown(text)) },
        None => html! { span.none { "none" } },
    }
}

fn compare(
    path: &str,
    before: Option<&Value<'_>>,
    after: Option<&Value<'_>>,
    out: &mut Vec<Change>,
) {
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, after) {
        for (key, old) in old.iter() {
            compare(&below(path, key), Some(old), new.get(key), out);
        }
        for (key, new) in new.iter().filter(|(key, _)| old.get(key).is_none()) {
            compare(&below(path, key), None, Some(new), out);
        }
        return;
    }
    let (before, after) = (before.map(word), after.map(word));
    if before != after || before.is_none() {
        out.push(Change {
            path: path.into(),
            before,
            after,
        });
    }
}

fn below(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// A string as it reads, everything else as JSON.
fn word(value: &Value<'_>) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Object(_) | Value::Array(_) => indented(value),
        other => canonical(other),
    }
}

/// JSON for people: two spaces, members in their order; what hides or reorders is written as its escape.
pub fn indented(value: &Value<'_>) -> String {
    let mut out = String::new();
    indent(value, 0, &mut out);
    out
}

fn indent(value: &Value<'_>, depth: usize, out: &mut String) {
    let pad = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Object(object) if !object.is_empty() => {
            out.push('{');
            for (i, (key, child)) in object.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                pad(out, depth + 1);
                quoted(key, out);
                out.push_str(": ");
                indent(child, depth + 1, out);
            }
            pad(out, depth);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (i, child) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                pad(out, depth + 1);
                indent(child, depth + 1, out);
            }
            pad(out, depth);
            out.push(']');
        }
        Value::String(text) => quoted(text, out),
        other => out.push_str(&canonical(other)),
    }
}

fn quoted(text: &str, out: &mut String) {
    let written = canonical(&Value::String(text.into()));
    for c in written.chars() {
        if super::visible::hides(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("a string takes all");
            }
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::read(text.as_bytes()).expect("is JSON")
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let changes = json(
            r#"[{"path":"/spec","before":{"replicas":3,"image":"a","old":true},"after":{"replicas":5,"image":"a","new":1.0}}]"#,
        );
        let mut lines = Vec::new();
        for change in changes.parse().as_array().expect("an array") {
            compare(
                "/spec",
                change.get("before"),
                change.get("after"),
                &mut lines,
            );
        }
        let seen: Vec<_> = lines
            .iter()
            .map(|c| (c.path.as_str(), c.before.as_deref(), c.after.as_deref()))
            .collect();
        assert!(seen.contains(&("/spec/replicas", Some("3"), Some("5"))));
        assert!(seen.contains(&("/spec/old", Some("true"), None)));
        assert!(seen.contains(&("/spec/new", None, Some("1.0"))));
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_huge_tree_is_cut_and_says_so() {
        let items: Vec<String> = (0..5_000).map(|n| format!("[{n}]")).collect();
        let html = tree(
            &Location::list(),
            &json(&format!("{{\"a\":[{}]}}", items.join(","))),
        );
        let html = html.into_string();
        assert_eq!(html.matches("class=\"lit\"").count(), VALUES_MAX);
        assert!(html.contains("1,000 of 5,000 values are shown here"));
    }

    #[test]
    fn indented_json_is_the_same_json_and_hides_nothing() {
        let text = json("{\"a\":[1.50,{}],\"b\":\"x\u{202e}y\u{e0041}\\u0007\"}");
        let shown = indented(&text.parse());
        assert!(
            !shown.contains('\u{202e}')
                && shown.contains("\\u202e")
                && shown.contains("\\udb40\\udc41")
        );
        assert_eq!(json(&shown), text);
    }
}
