//! The state of a page is its URL: every link and form field on it is made from here.

use entry::field::Field;
use entry::query::parameter_value;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Parameters that say how to show, not which entries.
const VIEW: &[&str] = &[
    "order",
    "direction",
    "limit",
    "cursor",
    "columns",
    "joined",
    "tz",
    "selected",
    "expand",
    "live",
];

/// What must be escaped in a query for it to be read back as it was; the rest stays readable.
const QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'&')
    .add(b'+')
    .add(b'%')
    .add(b'=');
const NAME: &AsciiSet = &QUERY.add(b'!');
const SEGMENT: &AsciiSet = &QUERY
    .add(b'/')
    .add(b'?')
    .add(b'\\')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'|')
    .add(b'^');

/// Where a person is: a path and its parameters, in the order they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    path: String,
    params: Vec<(String, String)>,
}

impl Location {
    /// From a path and its query as received; empty parameters, which forms send for untouched fields, are left out.
    pub fn new(path: &str, query: &str) -> Self {
        let params = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self {
            path: path.into(),
            params,
        }
    }

    /// The list, without any parameter.
    pub fn list() -> Self {
        Self {
            path: "/".into(),
            params: Vec::new(),
        }
    }

    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The parameters that choose entries: what the API's filter takes.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.params().filter(|(name, _)| !is_view(name))
    }

    pub fn is_filtered(&self) -> bool {
        self.filters().next().is_some()
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.params().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.params()
            .filter(move |(n, _)| *n == name)
            .map(|(_, v)| v)
    }

    /// The single values of a parameter: repeated or comma-separated, unescaped. Patterns keep their star.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.all(name).flat_map(split_values).collect()
    }

    pub fn has_value(&self, name: &str, value: &str) -> bool {
        self.values(name)
            .iter()
            .any(|v| v.to_lowercase() == value.to_lowercase())
    }

    /// This one value in place of all others of the name.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut next = self.without(name);
        next.params.push((name.into(), value.into()));
        next
    }

    /// This value of an entry, literally, besides the others of the name.
    pub fn and(&self, name: &str, value: &str) -> Self {
        let mut next = self.moved(name);
        next.params.push((name.into(), escape_value(name, value)));
        next
    }

    /// Only this value of an entry, literally.
    pub fn only(&self, name: &str, value: &str) -> Self {
        self.with(name, &escape_value(name, value))
    }

    pub fn without(&self, name: &str) -> Self {
        let mut next = self.moved(name);
        next.params.retain(|(n, _)| n != name);
        next
    }

    /// Without one value of the name; the others stay.
    pub fn without_value(&self, name: &str, value: &str) -> Self {
        let kept: Vec<String> = self
            .all(name)
            .flat_map(split_raw)
            .filter(|raw| unescape(raw).to_lowercase() != value.to_lowercase())
            .map(Into::into)
            .collect();
        let mut next = self.without(name);
        next.params
            .extend(kept.into_iter().map(|raw| (name.to_owned(), raw)));
        next
    }

    /// Without a parameter that another reader takes; nothing else changes.
    pub fn dropping(&self, name: &str) -> Self {
        let mut next = self.clone();
        next.params.retain(|(n, _)| n != name);
        next
    }

    /// Without one parameter as written, such as a chip's.
    pub fn without_param(&self, name: &str, value: &str) -> Self {
        let mut next = self.moved(name);
        next.params.retain(|(n, v)| n != name || v != value);
        next
    }

    /// Without any filter; how to show stays.
    pub fn cleared(&self) -> Self {
        let mut next = self.clone();
        next.params
            .retain(|(n, _)| is_view(n) && n != "cursor" && n != "selected");
        next
    }

    /// Only what chooses entries, at another path: the API's own URL of what is shown.
    pub fn filters_at(&self, path: &str) -> Self {
        let params = self
            .filters()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        Self {
            path: path.into(),
            params,
        }
    }

    pub fn query(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.params {
            if !out.is_empty() {
                out.push('&');
            }
            out.extend(utf8_percent_encode(name, NAME));
            out.push('=');
            out.extend(utf8_percent_encode(value, QUERY));
        }
        out
    }

    pub fn href(&self) -> String {
        if self.params.is_empty() {
            return self.path.clone();
        }
        format!("{}?{}", self.path, self.query())
    }

    /// A changed filter makes another list: its cursor and the entry chosen in it no longer apply.
    fn moved(&self, name: &str) -> Self {
        let mut next = self.clone();
        let keeps_place = matches!(
            name,
            "selected" | "columns" | "joined" | "tz" | "expand" | "live" | "unmask"
        );
        if !keeps_place {
            next.params
                .retain(|(n, _)| n != "cursor" && n != "selected");
        }
        next
    }
}

fn is_view(name: &str) -> bool {
    VIEW.contains(&name)
}

/// True for a path of this server: nothing that a browser would read as another host, or that a header could not hold.
pub fn is_ours(path: &str) -> bool {
    let elsewhere = path.starts_with("//") || path.contains('\\');
    path.starts_with('/') && !elsewhere && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A value of an entry as a parameter that means just it.
pub fn escape_value(name: &str, value: &str) -> String {
    let field = Field::parse(name.trim_start_matches('-')).unwrap_or(Field::Actor);
    parameter_value(field, value).into_owned()
}

fn split_raw(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                out.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

/// As the API reads it: before anything else a backslash is itself, and blanks around a value are none of it.
fn unescape(raw: &str) -> String {
    let special = |next: &char| matches!(next, ',' | '*' | '/' | '\\') || next.is_whitespace();
    let mut out = String::with_capacity(raw.len());
    let mut end = 0;
    let mut chars = raw.trim_start().chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = (c == '\\').then(|| chars.next_if(special)).flatten();
        out.push(escaped.unwrap_or(c));
        if escaped.is_some() || !c.is_whitespace() {
            end = out.len();
        }
    }
    out.truncate(end);
    out
}

fn split_values(text: &str) -> Vec<String> {
    split_raw(text).into_iter().map(unescape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_back_as_it_was() {
        let here = Location::new(
            "/",
            "actor=Ana%20Ruiz&context.a%26b=1%2B1%3D2&search=%22%3E%3Cimg&empty=",
        );
        let again = Location::new("/", &here.query());
        assert_eq!(here, again);
        assert_eq!(here.get("context.a&b"), Some("1+1=2"));
        assert_eq!(here.get("empty"), None);
    }

    #[test]
    fn a_changed_filter_forgets_cursor_and_choice_but_a_changed_view_does_not() {
        let here = Location::new("/", "result=failure&cursor=abc&selected=x");
        assert_eq!(
            here.with("category", "cluster").href(),
            "/?result=failure&category=cluster"
        );
        assert_eq!(
            here.with("columns", "actor").href(),
            "/?result=failure&cursor=abc&selected=x&columns=actor"
        );
    }

    #[test]
    fn values_with_commas_and_stars_stay_themselves() {
        let here = Location::list()
            .and("actor", "Ruiz, Ana")
            .and("actor", "a*b")
            .and("actor", r"dom\ana")
            .and("actor", " x ");
        assert_eq!(
            here.values("actor"),
            ["Ruiz, Ana", "a*b", r"dom\ana", " x "]
        );
        assert!(here.has_value("actor", "ruiz, ana"));
        assert_eq!(
            here.without_value("actor", "Ruiz, Ana").values("actor"),
            ["a*b", r"dom\ana", " x "]
        );
        let listed = Location::new("/", "action=createCluster,%20deleteCluster");
        assert!(listed.has_value("action", "deleteCluster"));
        assert_eq!(
            listed.without_value("action", "deleteCluster").href(),
            "/?action=createCluster"
        );
    }

    #[test]
    fn one_comes_back_to_this_server_only() {
        assert!(is_ours("/") && is_ours("/?actor=ana&next=//x"));
        for elsewhere in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\\b",
            "",
            "evil",
            "/\t/evil.example",
            "/a\r\nset-cookie: x",
            "/\u{0}",
            "/ ",
            "/é",
        ] {
            assert!(!is_ours(elsewhere), "{elsewhere:?}");
        }
    }

    #[test]
    fn clearing_keeps_how_it_is_shown() {
        let here = Location::new("/", "q=x&order=received&tz=Europe/Rome&cursor=c");
        assert_eq!(here.cleared().href(), "/?order=received&tz=Europe/Rome");
    }
}
