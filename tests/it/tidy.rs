//! The rules of the house, as tests. Every list of exceptions may only shrink: an exception that nothing needs fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// Names that say nothing about meaning.
const BANNED_FILES: &[&str] = &[
    "mod", "utils", "util", "helpers", "helper", "types", "common", "misc", "structs", "traits",
    "enums", "manager",
];

/// Words the vocabulary replaces; see the words of the house. Only those that name nothing else in this code.
const BANNED_WORDS: &[&str] = &[
    "dto",
    "tenant",
    "realm",
    "ledger",
    "notary",
    "plugin",
    "connector",
    "criteria",
    "shard",
];

/// Files that hold `unsafe`, with the argument written down beside it.
const UNSAFE_FILES: &[&str] = &["store/src/disk/map.rs"];

/// Files that read the system's clock.
const CLOCK_FILES: &[&str] = &["client/src/clock.rs", "src/clock.rs"];

struct SourceFile {
    path: String,
    text: String,
    /// The text with comments, strings and characters blanked out, line by line as it was.
    code: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(extension: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a readable directory") {
            let path = entry.expect("a readable name").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                let skipped =
                    ["target", "node_modules", "data", "data-demo", "out"].contains(&name.as_str());
                if !skipped && (!name.starts_with('.') || name == ".ci" || name == ".config") {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("a path in the repository")
        .to_string_lossy()
        .into_owned()
}

fn sources() -> Vec<SourceFile> {
    files("rs")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            SourceFile {
                path: relative(&path),
                code: code_of(&text),
                text,
            }
        })
        .collect()
}

/// Where a lexer of Rust stands: enough of it to tell code from what is quoted.
enum Lexer {
    Code,
    Line,
    Block(usize),
    Text,
    Raw(usize),
}

/// The code of a Rust file: comments, strings and characters become spaces; lines stay lines.
fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut state = Lexer::Code;
    let mut at = 0;
    while at < chars.len() {
        let (kept, taken, next) = step(&chars, at, state);
        for &c in &chars[at..at + taken] {
            out.push(if kept || c == '\n' { c } else { ' ' });
        }
        at += taken;
        state = next;
    }
    out
}

/// Whether the next characters are code, how many they are, and where the lexer stands after them.
fn step(chars: &[char], at: usize, state: Lexer) -> (bool, usize, Lexer) {
    let ahead = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let c = chars[at];
    match state {
        Lexer::Line if c == '\n' => (true, 1, Lexer::Code),
        Lexer::Line => (false, 1, Lexer::Line),
        Lexer::Block(depth) if c == '*' && ahead(1) == '/' => (
            false,
            2,
            if depth == 1 {
                Lexer::Code
            } else {
                Lexer::Block(depth - 1)
            },
        ),
        Lexer::Block(depth) if c == '/' && ahead(1) == '*' => (false, 2, Lexer::Block(depth + 1)),
        Lexer::Block(depth) => (false, 1, Lexer::Block(depth)),
        Lexer::Text if c == '\\' => (false, 2.min(chars.len() - at), Lexer::Text),
        Lexer::Text => (false, 1, if c == '"' { Lexer::Code } else { Lexer::Text }),
        Lexer::Raw(hashes) if c == '"' && (1..=hashes).all(|n| ahead(n) == '#') => {
            (false, 1 + hashes, Lexer::Code)
        }
        Lexer::Raw(hashes) => (false, 1, Lexer::Raw(hashes)),
        Lexer::Code => start(chars, at),
    }
}

/// As [`step`], from code: what begins here?
fn start(chars: &[char], at: usize) -> (bool, usize, Lexer) {
    let ahead = |n: usize| chars.get(at + n).copied().unwrap_or('\0');
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if ahead(1) == '/' => (false, 2, Lexer::Line),
        '/' if ahead(1) == '*' => (false, 2, Lexer::Block(1)),
        '"' => (false, 1, Lexer::Text),
        'b' if !in_word && ahead(1) == '"' => (false, 2, Lexer::Text),
        'r' | 'b' if !in_word => {
            let prefix = if chars[at] == 'b' && ahead(1) == 'r' {
                2
            } else {
                1
            };
            let hashes = (0..).take_while(|&n| ahead(prefix + n) == '#').count();
            let raw = (chars[at] == 'r' || prefix == 2) && ahead(prefix + hashes) == '"';
            if raw {
                (false, prefix + hashes + 1, Lexer::Raw(hashes))
            } else {
                (true, 1, Lexer::Code)
            }
        }
        // A character, not a lifetime: closed after one character or an escape.
        '\'' if ahead(1) == '\\' => {
            let close = (3..)
                .find(|&n| ahead(n) == '\'' || at + n >= chars.len())
                .expect("an end");
            (false, (close + 1).min(chars.len() - at), Lexer::Code)
        }
        '\'' if ahead(2) == '\'' => (false, 3, Lexer::Code),
        _ => (true, 1, Lexer::Code),
    }
}

/// Identifiers of some code with the byte where each begins.
fn identifiers(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + code[at..].find(is_word)?;
        let end = code[from..]
            .find(|c| !is_word(c))
            .map_or(code.len(), |n| from + n);
        at = end;
        Some((from, &code[from..end]))
    })
}

fn line_of(text: &str, byte: usize) -> usize {
    text[..byte].matches('\n').count() + 1
}

fn none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

/// Fails on a list of exceptions that holds what nothing needs any more.
fn only_needed(exceptions: impl IntoIterator<Item = &'static str>, used: &BTreeSet<String>) {
    let idle: Vec<String> = exceptions
        .into_iter()
        .filter(|e| !used.contains(*e))
        .map(String::from)
        .collect();
    none(
        idle,
        "exceptions nothing needs any more; take them off the list",
    );
}

#[test]
fn a_file_stays_under_800_lines() {
    let mut found = Vec::new();
    for extension in ["rs", "js", "mjs", "css", "py", "md"] {
        for path in files(extension) {
            let lines = fs::read_to_string(&path).expect("UTF-8").lines().count();
            if lines > FILE_LINES_MAX {
                found.push(format!("{} has {lines} lines", relative(&path)));
            }
        }
    }
    none(found, "a file stays under 800 lines with its tests");
}

#[test]
fn a_function_stays_under_70_lines() {
    let mut found = Vec::new();
    for file in sources() {
        for (at, word) in identifiers(&file.code) {
            if word != "fn" {
                continue;
            }
            let Some(lines) = function_lines(&file.code[at..]) else {
                continue;
            };
            if lines > FUNCTION_LINES_MAX {
                let name = file.code[at + 2..]
                    .trim_start()
                    .split(['(', '<'])
                    .next()
                    .unwrap_or_default();
                found.push(format!(
                    "{}:{} {name} has {lines} lines",
                    file.path,
                    line_of(&file.code, at)
                ));
            }
        }
    }
    none(found, "a function stays under 70 lines");
}

/// Lines from `fn` to the brace that closes its body; `None` where there is no body.
fn function_lines(code: &str) -> Option<usize> {
    let mut nested = 0i32;
    let mut opened = false;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' if !opened => nested += 1,
            ')' | ']' if !opened => nested -= 1,
            ';' if !opened && nested == 0 => return None,
            // A pointer to a function, as in `Box<dyn Fn>` or `fn(u8) -> u8`, ends with what holds it.
            ',' | '}' | '=' if !opened && nested <= 0 && c != '=' => return None,
            '{' if !opened && nested == 0 => (opened, nested) = (true, 1),
            '{' if opened => nested += 1,
            '}' if opened => nested -= 1,
            _ => {}
        }
        if opened && nested == 0 {
            return Some(code[..at].matches('\n').count() + 1);
        }
        if nested < 0 {
            return None;
        }
    }
    None
}

#[test]
fn files_are_named_for_meaning() {
    let mut found = Vec::new();
    for extension in ["rs", "js", "mjs"] {
        for path in files(extension) {
            let stem = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if BANNED_FILES.contains(&stem.as_str()) {
                found.push(relative(&path));
            }
        }
    }
    none(
        found,
        "a file is named for meaning; foo.rs + foo/, never mod.rs",
    );
}

#[test]
fn every_file_opens_with_what_it_is() {
    let found = sources()
        .into_iter()
        .filter(|file| !file.text.starts_with("//!") && !file.path.ends_with("/tests.rs"))
        .map(|file| file.path)
        .collect();
    none(found, "a file opens with a `//!` sentence: what it is");
}

#[test]
fn arrows_between_crates_only_point_down() {
    let ours = |manifest: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest");
        let dependencies = text
            .split("\n[dependencies]\n")
            .nth(1)
            .expect("dependencies");
        dependencies
            .lines()
            .take_while(|line| !line.starts_with('['))
            .filter_map(|line| line.split(['.', ' ', '=']).next())
            .filter(|name| {
                [
                    "client",
                    "entry",
                    "proof",
                    "sources",
                    "store",
                    "mar-audit",
                    "mar_audit",
                ]
                .contains(name)
            })
            .map(String::from)
            .collect()
    };
    assert_eq!(
        ours("entry/Cargo.toml"),
        BTreeSet::new(),
        "entry knows no other crate of ours"
    );
    assert_eq!(
        ours("proof/Cargo.toml"),
        BTreeSet::new(),
        "proof knows no other crate of ours"
    );
    assert_eq!(
        ours("client/Cargo.toml"),
        BTreeSet::from(["entry"].map(String::from)),
        "the SDK stands on the words alone"
    );
    assert_eq!(
        ours("store/Cargo.toml"),
        BTreeSet::from(["entry", "proof"].map(String::from)),
        "store stands on entry and proof"
    );
    assert_eq!(
        ours("sources/Cargo.toml"),
        BTreeSet::from(["entry".to_owned()]),
        "sources stands on entry"
    );
}

#[test]
fn nothing_is_left_to_do() {
    let unfinished = ["todo", "unimplemented", "dbg"];
    let mut found = Vec::new();
    for file in sources() {
        for (at, word) in identifiers(&file.code) {
            if unfinished.contains(&word) && file.code[at + word.len()..].starts_with('!') {
                found.push(format!("{}:{} {word}!", file.path, line_of(&file.code, at)));
            }
        }
    }
    none(found, "nothing is left to do");
}

#[test]
fn identifiers_use_the_words_of_the_house() {
    let mut found = Vec::new();
    for file in sources() {
        for (at, identifier) in identifiers(&file.code) {
            let mut words = words_of(identifier).into_iter();
            if words.any(|word| BANNED_WORDS.contains(&word.as_str())) {
                found.push(format!(
                    "{}:{} {identifier}",
                    file.path,
                    line_of(&file.code, at)
                ));
            }
        }
    }
    none(found, "the word is not one of this house");
}

/// `fooBar`, `FooBar`, `FOO_BAR` and `foo_bar` are `foo` and `bar`.
fn words_of(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        if c != '_' {
            words
                .last_mut()
                .expect("at least one")
                .extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    words
}

#[test]
fn unsafe_code_stays_where_a_mapped_file_needs_it() {
    in_these_files_only("unsafe", UNSAFE_FILES, |file| {
        identifiers(&file.code)
            .filter(|(_, word)| *word == "unsafe")
            .map(|(at, _)| at)
            .collect()
    });
}

#[test]
fn only_the_clock_calls_now() {
    in_these_files_only("the system's time", CLOCK_FILES, |file| {
        [
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "Utc::now",
        ]
        .iter()
        .flat_map(|call| file.code.match_indices(call).map(|(at, _)| at))
        .collect()
    });
}

fn in_these_files_only(
    what: &str,
    allowed: &'static [&'static str],
    find: impl Fn(&SourceFile) -> Vec<usize>,
) {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for file in sources() {
        for at in find(&file) {
            if allowed.contains(&file.path.as_str()) {
                used.insert(file.path.clone());
            } else {
                found.push(format!("{}:{}", file.path, line_of(&file.code, at)));
            }
        }
    }
    none(found, &format!("{what} belongs into {allowed:?}"));
    only_needed(allowed.iter().copied(), &used);
}

/// Files that look at entries without asking what a caller may see: measurements of a stopped store's data.
const SNAPSHOT_FILES: &[&str] = &["src/bench/proof.rs", "src/reading.rs"];

#[test]
fn a_handler_reaches_entries_through_a_reading_only() {
    let of_roof = |file: &&SourceFile| file.path.starts_with("src/");
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    for file in sources().iter().filter(of_roof) {
        if file.code.contains(".snapshot()") {
            match SNAPSHOT_FILES.contains(&file.path.as_str()) {
                true => drop(used.insert(file.path.clone())),
                false => found.push(file.path.clone()),
            }
        }
    }
    none(
        found,
        "entries are reached through a Reading, which takes a Caller",
    );
    only_needed(SNAPSHOT_FILES.iter().copied(), &used);
}

#[test]
fn no_test_sleeps() {
    let calls = ["thread::sleep", "time::sleep", "sleep("];
    let mut found = Vec::new();
    for file in sources() {
        let first = if file.path.starts_with("tests/") || file.path.ends_with("tests.rs") {
            0
        } else {
            file.code
                .find("#[cfg(test)]\nmod tests {")
                .unwrap_or(file.code.len())
        };
        for call in calls {
            for (at, _) in file.code[first..].match_indices(call) {
                found.push(format!("{}:{}", file.path, line_of(&file.code, first + at)));
            }
        }
    }
    for path in files("js").into_iter().chain(files("mjs")) {
        let text = fs::read_to_string(&path).expect("UTF-8");
        for (at, _) in text.match_indices("waitForTimeout") {
            found.push(format!("{}:{}", relative(&path), line_of(&text, at)));
        }
    }
    none(found, "a test waits for a condition, never for a time");
}

#[test]
fn every_limit_of_an_entry_is_documented() {
    let limits = fs::read_to_string(root().join("entry/src/limits.rs")).expect("the limits");
    let manual = fs::read_to_string(root().join("docs/operations.md")).expect("docs/operations.md");
    let found = limits
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
        .filter_map(|line| line.split(':').next())
        .filter(|name| !manual.contains(&format!("`{name}`")))
        .map(String::from)
        .collect();
    none(found, "a limit is stated in docs/operations.md");
}

#[test]
fn every_decision_is_one_page_and_linked() {
    let readers = ["ARCHITECTURE.md", "docs/decisions/README.md"];
    let linked: String = readers
        .iter()
        .filter_map(|path| fs::read_to_string(root().join(path)).ok())
        .collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(root().join("docs/decisions")).expect("docs/decisions") {
        let path = entry.expect("a readable name").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if name == "README.md" {
            continue;
        }
        let numbered =
            name.len() > 5 && name[..4].bytes().all(|b| b.is_ascii_digit()) && &name[4..5] == "-";
        let lines = fs::read_to_string(&path).expect("UTF-8").lines().count();
        if !numbered || !linked.contains(&name) || lines > 80 {
            found.push(format!(
                "{name}: numbered {numbered}, linked {}, {lines} lines",
                linked.contains(&name)
            ));
        }
    }
    none(found, "a decision is NNNN-title.md, one page, and linked");
}

#[test]
fn every_relative_link_of_the_documents_leads_somewhere() {
    let mut found = Vec::new();
    for path in files("md") {
        let text = fs::read_to_string(&path).expect("UTF-8");
        let dir = path.parent().expect("a directory");
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                dir.join(file)
            };
            let reached = match fs::read_to_string(&target) {
                Ok(text) => anchor.is_empty() || anchors(&text).contains(anchor),
                Err(_) => target.exists() && anchor.is_empty(),
            };
            if !reached {
                found.push(format!("{}: {link}", relative(&path)));
            }
        }
    }
    none(found, "links that lead nowhere");
}

/// The targets of `[text](target)` outside of fenced blocks.
fn links(markdown: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (n, part) in markdown.split("```").enumerate() {
        if n % 2 == 1 {
            continue;
        }
        for (at, _) in part.match_indices("](") {
            if let Some(end) = part[at + 2..].find(')') {
                found.push(&part[at + 2..at + 2 + end]);
            }
        }
    }
    found
}

/// The anchors that a forge gives to the headings of a document.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn no_word_about_the_place_where_this_was_written() {
    // Split, so that this file does not find itself.
    let banned = [
        concat!("/wo", "rk/"),
        concat!("issue", " #"),
        concat!("/tmp/br", "ief"),
        concat!("sub", "agent"),
    ];
    let mut found = Vec::new();
    for extension in ["rs", "md", "toml", "js", "mjs", "css", "py", "sh"] {
        for path in files(extension) {
            let text = fs::read_to_string(&path).expect("UTF-8");
            for word in banned {
                for (at, _) in text.match_indices(word) {
                    found.push(format!("{}:{} {word}", relative(&path), line_of(&text, at)));
                }
            }
        }
    }
    none(found, "documents and code speak of the product");
}

#[test]
fn the_lexer_tells_code_from_what_is_quoted() {
    let code = code_of(
        "let a = 'x'; // fn b\nlet c = \"unsafe\\\"\"; /* dbg!() */ r#\"todo!()\"#; fn d<'a>(x: &'a str) {}\n",
    );
    let words: Vec<&str> = identifiers(&code).map(|(_, word)| word).collect();
    assert_eq!(
        words,
        ["let", "a", "let", "c", "fn", "d", "a", "x", "a", "str"]
    );
    assert_eq!(
        function_lines("fn d(x: [u8; 3]) -> u8 {\n  if x { y }\n}\n"),
        Some(3)
    );
    assert_eq!(function_lines("fn d();\nfn e() {}\n"), None);
    assert_eq!(words_of("fooBarDTO_baz"), ["foo", "bar", "dto", "baz"]);
}
