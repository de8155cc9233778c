//! A table out of its TOML: strictly, and every refusal names the line and the member.

use super::expression::{Condition, Expression, Part, Steps, Test};
use super::path::Path;
use super::{
    ContextRules, Csv, NoiseRules, PairRules, PartyRules, Reads, RequestRules, ResultRules, Table,
    TargetRules,
};
use entry::{ActorKind, Category};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Why a table cannot be used: `FILE:LINE: MEMBER: WHAT`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {member}{}{what}", if .member.is_empty() { "" } else { ": " })]
pub struct TableError {
    pub file: String,
    pub line: usize,
    pub member: String,
    pub what: String,
}

/// A refusal on its way up.
struct Fault {
    at: usize,
    member: String,
    what: String,
}

type Read<T> = std::result::Result<T, Fault>;
type Node<'t> = Spanned<DeValue<'t>>;

/// The largest table; a person writes a hundred lines.
const TABLE_BYTES_MAX: usize = 256 * 1024;

impl Table {
    /// Reads a table; `file` is what errors call it.
    pub fn parse(file: &str, text: &str) -> std::result::Result<Self, TableError> {
        let error = |at: usize, member: String, what: String| TableError {
            file: file.to_owned(),
            line: 1 + text.as_bytes()[..at.min(text.len())]
                .iter()
                .filter(|b| **b == b'\n')
                .count(),
            member,
            what,
        };
        if text.len() > TABLE_BYTES_MAX {
            let what = format!(
                "{} bytes, at most {TABLE_BYTES_MAX} are a table",
                text.len()
            );
            return Err(error(0, String::new(), what));
        }
        let document = DeTable::parse(text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            error(at, String::new(), e.message().to_owned())
        })?;
        let span = document.span();
        let root = Members::of(document.get_ref(), String::new(), span);
        table(root).map_err(|fault| error(fault.at, fault.member, fault.what))
    }
}

/// The members of one TOML table, each of which must be asked for.
struct Members<'t> {
    left: Vec<(&'t str, &'t Node<'t>)>,
    /// How errors name what stands here: `actor.`
    name: String,
    span: Range<usize>,
}

impl<'t> Members<'t> {
    fn of(table: &'t DeTable<'t>, name: String, span: Range<usize>) -> Self {
        let left = table
            .iter()
            .map(|(name, value)| (name.get_ref().as_ref(), value))
            .collect();
        Self { left, name, span }
    }

    fn from_node(node: &'t Node<'t>, name: &str) -> Read<Self> {
        match node.get_ref() {
            DeValue::Table(table) => Ok(Self::of(table, format!("{name}."), node.span())),
            _ => Err(fault(node, name, "a table belongs here")),
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.name)
    }

    fn take(&mut self, name: &str) -> Option<(&'t Node<'t>, String)> {
        let at = self.left.iter().position(|(known, _)| *known == name)?;
        Some((self.left.swap_remove(at).1, self.full(name)))
    }

    fn map<T>(
        &mut self,
        name: &str,
        read: impl Fn(&'t Node<'t>, &str) -> Read<T>,
    ) -> Read<Option<T>> {
        self.take(name)
            .map(|(node, full)| read(node, &full))
            .transpose()
    }

    fn list<T>(
        &mut self,
        name: &str,
        read: impl Fn(&'t Node<'t>, &str) -> Read<T>,
    ) -> Read<Vec<T>> {
        let Some((node, full)) = self.take(name) else {
            return Ok(Vec::new());
        };
        match node.get_ref() {
            DeValue::Array(elements) => elements.iter().map(|e| read(e, &full)).collect(),
            _ => Ok(vec![read(node, &full)?]),
        }
    }

    /// Nothing may be left: a misspelt rule must not be silence.
    fn end(self) -> Read<()> {
        match self.left.first() {
            None => Ok(()),
            Some((name, node)) => Err(fault(node, &self.full(name), "no rule of that name")),
        }
    }
}

fn fault(node: &Node<'_>, member: &str, what: impl Into<String>) -> Fault {
    Fault {
        at: node.span().start,
        member: member.to_owned(),
        what: what.into(),
    }
}

fn table(mut root: Members<'_>) -> Read<Table> {
    let missing = |member: &str| Fault {
        at: root.span.start,
        member: member.to_owned(),
        what: "it is required".to_owned(),
    };
    let (no_name, no_action) = (missing("name"), missing("action"));
    let name = root.map("name", slug)?.ok_or(no_name)?;
    let result = match root.take("result") {
        Some((node, full)) => result(Members::from_node(node, &full)?)?,
        None => result(Members::of(&DeTable::new(), String::new(), 0..0))?,
    };
    let context = match root.take("context") {
        Some((node, full)) => context(Members::from_node(node, &full)?, &name)?,
        None => ContextRules {
            key: name.clone(),
            last: Vec::new(),
        },
    };
    let time = root.map("time", time)?.unwrap_or_default();
    let (organization, project) = root.map("scope", scope)?.unwrap_or_default();
    let (reads, csv) = root.map("reads", reads)?.unwrap_or((Reads::Json, Csv::No));
    let (wrappers, deep_wrappers) = wrappers(&mut root)?;
    let table = Table {
        title: root.map("title", string)?.unwrap_or_else(|| name.clone()),
        reads,
        csv,
        wrappers,
        deep_wrappers,
        any_case: root.map("any_case", boolean)?.unwrap_or(false),
        nothing: root.list("nothing", string)?,
        recognise: root.map("recognise", condition)?,
        before: root.list("before", string)?,
        unwrap: root.list("unwrap", path)?,
        from_around: root.list("from_around", member_name)?,
        each: root.map("each", member_name)?,
        json_texts: root.list("json_texts", path)?,
        pairs: root.list("pairs", pairs)?,
        identity: root.list("identity", expression)?,
        time: time.0,
        time_utc: time.1,
        action: root.map("action", expression)?.ok_or(no_action)?,
        category: root.map("category", |node, name| {
            closed(node, name, |t| Category::parse(t).is_some())
        })?,
        actor: root.map("actor", party)?.unwrap_or_default(),
        on_behalf_of: root.map("on_behalf_of", party)?,
        targets: root.list("target", target)?,
        related: root.list("related", target)?,
        organization,
        project,
        request: root.map("request", request)?.unwrap_or_default(),
        result,
        context,
        noise: root.map("noise", noise)?.unwrap_or_default(),
        name,
    };
    root.end()?;
    Ok(table)
}

fn string(node: &Node<'_>, name: &str) -> Read<Box<str>> {
    match node.get_ref() {
        DeValue::String(text) => Ok(text.as_ref().into()),
        _ => Err(fault(node, name, "a text belongs here")),
    }
}

fn boolean(node: &Node<'_>, name: &str) -> Read<bool> {
    match node.get_ref() {
        DeValue::Boolean(bool) => Ok(*bool),
        _ => Err(fault(node, name, "true or false belongs here")),
    }
}

fn integer(node: &Node<'_>, name: &str) -> Read<i64> {
    let number = match node.get_ref() {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    };
    number.ok_or_else(|| fault(node, name, "a whole number belongs here"))
}

fn slug(node: &Node<'_>, name: &str) -> Read<Box<str>> {
    let text = string(node, name)?;
    let fits = (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    match fits {
        true => Ok(text),
        false => Err(fault(
            node,
            name,
            format!("`{text}`: a-z, 0-9, `_` and `-`, at most 63"),
        )),
    }
}

/// `/events`: a member of the event itself.
fn member_name(node: &Node<'_>, name: &str) -> Read<Box<str>> {
    let found = path(node, name)?;
    match found.plain().as_deref() {
        Some([only]) if !found.whole => Ok((*only).into()),
        _ => Err(fault(
            node,
            name,
            "a member of the event itself belongs here, as `/events`",
        )),
    }
}

/// `"csv"`, or `["json", "csv"]` for what may be either.
fn reads(node: &Node<'_>, name: &str) -> Read<(Reads, Csv)> {
    let one = |node: &Node<'_>| match string(node, name)?.as_ref() {
        "json" => Ok((Reads::Json, Csv::No)),
        "csv" => Ok((Reads::Json, Csv::Only)),
        "syslog" => Ok((Reads::Syslog, Csv::No)),
        "cef" => Ok((Reads::Cef, Csv::No)),
        "leef" => Ok((Reads::Leef, Csv::No)),
        other => Err(fault(
            node,
            name,
            format!("`{other}`: json, csv, syslog, cef or leef"),
        )),
    };
    let DeValue::Array(elements) = node.get_ref() else {
        return one(node);
    };
    let all: Vec<_> = elements.iter().map(one).collect::<Read<_>>()?;
    match all.as_slice() {
        [only] => Ok(*only),
        [(Reads::Json, Csv::No), (_, Csv::Only)] | [(_, Csv::Only), (Reads::Json, Csv::No)] => {
            Ok((Reads::Json, Csv::Too))
        }
        _ => Err(fault(node, name, "of several there are json and csv only")),
    }
}

/// `records`, a member of the object around events, and `/data/events`, one deeper within.
fn wrappers(root: &mut Members<'_>) -> Read<(Vec<Box<str>>, Vec<Path>)> {
    let (mut plain, mut deep) = (Vec::new(), Vec::new());
    for (text, found) in root.list("wrappers", |node, name| {
        let text = string(node, name)?;
        let found = match text.starts_with('/') {
            true => Some(path(node, name)?),
            false => None,
        };
        match found.as_ref().is_some_and(|path| path.plain().is_none()) {
            true => Err(fault(
                node,
                name,
                format!("`{text}`: names alone lead to it"),
            )),
            false => Ok((text, found)),
        }
    })? {
        match found {
            Some(path) => deep.push(path),
            None => plain.push(text),
        }
    }
    Ok((plain, deep))
}

fn path(node: &Node<'_>, name: &str) -> Read<Path> {
    Path::parse(&string(node, name)?).map_err(|what| fault(node, name, what))
}

/// A path, a template, a text, a list of which the first counts, or a table of steps.
fn expression(node: &Node<'_>, name: &str) -> Read<Expression> {
    match node.get_ref() {
        DeValue::String(text) if text.starts_with('/') || text.starts_with("$/") => {
            path(node, name).map(Expression::Path)
        }
        DeValue::String(text) if text.contains('{') => {
            template(text).map_err(|what| fault(node, name, what))
        }
        DeValue::String(text) => Ok(Expression::Constant(text.as_ref().into())),
        DeValue::Array(all) => {
            let all = all.iter().map(|one| expression(one, name));
            Ok(Expression::First(all.collect::<Read<_>>()?))
        }
        DeValue::Table(_) => steps(Members::from_node(node, name)?),
        _ => Err(fault(
            node,
            name,
            "a path, a text, a list or a table of steps belongs here",
        )),
    }
}

/// `{/request/operation} {/request/path}`
fn template(text: &str) -> std::result::Result<Expression, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            parts.push(Part::Text(before.into()));
        }
        let (within, after) = after
            .split_once('}')
            .ok_or_else(|| format!("`{text}`: a brace is not closed"))?;
        parts.push(Part::Path(Path::parse(within)?));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.into()));
    }
    Ok(Expression::Template(parts))
}

fn steps(mut members: Members<'_>) -> Read<Expression> {
    let (at, member) = (members.span.start, members.name.clone());
    let wrong = |what: &str| Fault {
        at,
        member: member.trim_end_matches('.').to_owned(),
        what: what.to_owned(),
    };
    let from = members.map("from", expression)?;
    let value = members.map("value", expression)?;
    if from.is_some() == value.is_some() {
        return Err(wrong("it needs either `from` or `value`"));
    }
    let split = members.map("split", string)?;
    let take = members.map("take", integer)?;
    let split = match (split, take) {
        (Some(by), Some(take)) if !by.is_empty() => Some((by, take)),
        (None, None) => None,
        _ => return Err(wrong("`split` and `take` belong together")),
    };
    let values = match members.take("values") {
        None => Vec::new(),
        Some((node, full)) => Members::from_node(node, &full)?
            .left
            .into_iter()
            .map(|(key, value)| Ok((key.into(), string(value, &full)?)))
            .collect::<Read<_>>()?,
    };
    let otherwise = members.map("otherwise", expression)?;
    if otherwise.is_some() && values.is_empty() {
        return Err(wrong("`otherwise` belongs to `values`"));
    }
    let steps = Steps {
        from: from.or(value),
        when: members.map("when", condition)?,
        after: members.map("after", string)?,
        before: members.map("before", string)?,
        split,
        lower: members.map("lower", boolean)?.unwrap_or(false),
        values,
        otherwise,
    };
    members.end()?;
    Ok(Expression::Steps(Box::new(steps)))
}

/// A path that says something, a list of which one must hold, or a table.
fn condition(node: &Node<'_>, name: &str) -> Read<Condition> {
    let all_of = |elements: &'_ [Node<'_>]| {
        elements
            .iter()
            .map(|one| condition(one, name))
            .collect::<Read<Vec<_>>>()
    };
    match node.get_ref() {
        DeValue::String(_) => {
            path(node, name).map(|path| Condition::Says(Expression::Path(path), Vec::new()))
        }
        DeValue::Array(elements) => all_of(elements).map(Condition::Any),
        DeValue::Table(_) => condition_table(Members::from_node(node, name)?),
        _ => Err(fault(node, name, "a path, a list or a table belongs here")),
    }
}

/// What stands side by side must all hold.
fn condition_table(mut members: Members<'_>) -> Read<Condition> {
    let (at, member) = (members.span.start, members.name.clone());
    let wrong = |what: &str| Fault {
        at,
        member: member.trim_end_matches('.').to_owned(),
        what: what.to_owned(),
    };
    let mut all = members.list("all", condition)?;
    let any = members.list("any", condition)?;
    if !any.is_empty() {
        all.push(Condition::Any(any));
    }
    if let Some(not) = members.map("not", condition)? {
        all.push(Condition::Not(Box::new(not)));
    }
    let present = members.list("present", path)?;
    all.extend(present.into_iter().map(Condition::Present));
    let kinds = members.list("actor", |node, name| {
        let text = string(node, name)?;
        ActorKind::parse(&text)
            .ok_or_else(|| fault(node, name, format!("`{text}` is no type of actor")))
    })?;
    if !kinds.is_empty() {
        all.push(Condition::Actor(kinds));
    }
    let from = members.map("from", expression)?;
    if let Some(same) = members.map("same", expression)? {
        let from = from.ok_or_else(|| wrong("`same` needs `from`"))?;
        members.end()?;
        all.push(Condition::Same(from, same));
        return Ok(Condition::All(all));
    }
    let tests = tests(&mut members)?;
    let kind = members.map("type", |node, name| {
        let text = string(node, name)?;
        let known = ["object", "array", "string", "number", "boolean", "null"];
        match known.contains(&text.as_ref()) {
            true => Ok(text),
            false => Err(fault(
                node,
                name,
                format!("`{text}` is none of {}", known.join(", ")),
            )),
        }
    })?;
    match (from, kind, tests.is_empty()) {
        (Some(Expression::Path(path)), Some(kind), true) => all.push(Condition::Type(path, kind)),
        (_, Some(_), _) => return Err(wrong("`type` belongs to a path in `from`, alone")),
        (Some(from), None, _) => all.push(Condition::Says(from, tests)),
        (None, None, false) => return Err(wrong("a test needs `from`")),
        (None, None, true) => {}
    }
    members.end()?;
    match all.len() {
        0 => Err(wrong("a condition says nothing")),
        1 => Ok(all.remove(0)),
        _ => Ok(Condition::All(all)),
    }
}

/// What a text is compared with.
fn tests(members: &mut Members<'_>) -> Read<Vec<Test>> {
    let mut tests = Vec::new();
    let mut texts = |name: &str, test: fn(Box<str>) -> Test| -> Read<()> {
        tests.extend(members.list(name, string)?.into_iter().map(test));
        Ok(())
    };
    texts("is", Test::Is)?;
    texts("starts", Test::Starts)?;
    texts("ends", Test::Ends)?;
    texts("contains", Test::Contains)?;
    tests.extend(members.map("at_least", integer)?.map(Test::AtLeast));
    if members.map("mail", boolean)? == Some(true) {
        tests.push(Test::Mail);
    }
    Ok(tests)
}

/// An expression whose every outcome is one of few words.
fn closed(node: &Node<'_>, name: &str, known: fn(&str) -> bool) -> Read<Expression> {
    let found = expression(node, name)?;
    let mut words = Vec::new();
    if !found.constants(&mut words) {
        return Err(fault(
            node,
            name,
            "its words are few: give constants, or `values` with `otherwise`",
        ));
    }
    match words.iter().find(|word| !known(word)) {
        Some(word) => Err(fault(
            node,
            name,
            format!("`{word}` is not one of its words"),
        )),
        None => Ok(found),
    }
}

fn party(node: &Node<'_>, name: &str) -> Read<PartyRules> {
    let mut members = Members::from_node(node, name)?;
    let rules = PartyRules {
        id: members.map("id", expression)?,
        name: members.map("name", expression)?,
        email: members.map("email", expression)?,
        kind: members.map("type", |node, name| {
            closed(node, name, |t| ActorKind::parse(t).is_some())
        })?,
    };
    members.end()?;
    Ok(rules)
}

fn target(node: &Node<'_>, name: &str) -> Read<TargetRules> {
    let mut members = Members::from_node(node, name)?;
    let rules = TargetRules {
        when: members.map("when", condition)?,
        each: members.map("each", path)?,
        prefer: members.map("prefer", condition)?,
        kind: members.map("type", expression)?,
        id: members.map("id", expression)?,
        name: members.map("name", expression)?,
    };
    members.end()?;
    match rules.id.is_none() && rules.name.is_none() {
        true => Err(fault(node, name, "a target needs `id` or `name`")),
        false => Ok(rules),
    }
}

fn pairs(node: &Node<'_>, name: &str) -> Read<PairRules> {
    let mut members = Members::from_node(node, name)?;
    let at = members.map("at", path)?;
    let rules = PairRules {
        at: at.ok_or_else(|| fault(node, name, "`at` is required: the path of the array"))?,
        name: members
            .map("name", string)?
            .unwrap_or_else(|| "name".into()),
        values: members.list("value", string)?,
    };
    members.end()?;
    match rules.values.is_empty() {
        true => Err(fault(
            node,
            name,
            "`value` is required: the member that is the value",
        )),
        false => Ok(rules),
    }
}

type Two = (Option<Expression>, Option<Expression>);

fn scope(node: &Node<'_>, name: &str) -> Read<Two> {
    let mut members = Members::from_node(node, name)?;
    let two = (
        members.map("organization", expression)?,
        members.map("project", expression)?,
    );
    members.end()?;
    Ok(two)
}

fn time(node: &Node<'_>, name: &str) -> Read<(Vec<Path>, bool)> {
    match node.get_ref() {
        DeValue::Table(_) => {
            let mut members = Members::from_node(node, name)?;
            let from = members.list("from", path)?;
            let utc = members.map("utc", boolean)?.unwrap_or(false);
            members.end()?;
            Ok((from, utc))
        }
        DeValue::Array(all) => {
            let all = all.iter().map(|one| path(one, name));
            Ok((all.collect::<Read<_>>()?, false))
        }
        _ => Ok((vec![path(node, name)?], false)),
    }
}

fn request(node: &Node<'_>, name: &str) -> Read<RequestRules> {
    let mut members = Members::from_node(node, name)?;
    let rules = RequestRules {
        id: members.map("id", expression)?,
        ip: members.map("ip", expression)?,
        user_agent: members.map("user_agent", expression)?,
        method: members.map("method", expression)?,
        path: members.map("path", expression)?,
        trace_id: members.map("trace_id", expression)?,
        session_id: members.map("session_id", expression)?,
    };
    members.end()?;
    Ok(rules)
}

fn result(mut members: Members<'_>) -> Read<ResultRules> {
    let otherwise = members.map("otherwise", |node, name| {
        let text = string(node, name)?;
        entry::Result::parse(&text)
            .ok_or_else(|| fault(node, name, format!("`{text}`: success or failure")))
    })?;
    let rules = ResultRules {
        from: members.map("from", expression)?,
        success: members.list("success", string)?,
        failure: members.list("failure", string)?,
        detail: members.list("detail", string)?,
        failed_when: members.map("failed_when", condition)?,
        otherwise: otherwise.unwrap_or(entry::Result::Success),
        assumed: members
            .map("assumed", boolean)?
            .unwrap_or(otherwise.is_none()),
        code: members.map("code", expression)?,
        message: members.map("message", expression)?,
    };
    members.end()?;
    Ok(rules)
}

fn context(mut members: Members<'_>, table: &str) -> Read<ContextRules> {
    let rules = ContextRules {
        key: members.map("key", slug)?.unwrap_or_else(|| table.into()),
        last: members.list("last", member_name)?,
    };
    members.end()?;
    Ok(rules)
}

fn noise(node: &Node<'_>, name: &str) -> Read<NoiseRules> {
    let mut members = Members::from_node(node, name)?;
    let rules = NoiseRules {
        never: members.map("never", condition)?,
        read: members.map("read", condition)?,
        system: members.map("system", condition)?,
        dry_run: members.map("dry_run", condition)?,
    };
    members.end()?;
    Ok(rules)
}
