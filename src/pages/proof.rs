//! What can be proven of an entry or a log, as a panel that the reader's own browser fills in; without scripts it says what
//! is checked and how to check it elsewhere.

use super::setting::icon;
use entry::Entry;
use entry::mask::Hidden;
use maud::{Markup, html};

/// A step of a check: its name for the scripts, its title, what it does, and why that matters.
pub struct Step {
    pub name: &'static str,
    pub title: &'static str,
    pub does: &'static str,
    pub why: &'static str,
}

const UNITS: Step = Step {
    name: "units",
    title: "Units",
    does: "each part of the entry is hashed with a salt of its own",
    why: "So a personal value can be erased later and every proof stays what it was. Of an erased part only the hash is left, of one that is hidden from you only the hash is given: where it stands is told, not proven; that nothing else can stand there is proven.",
};
const COMMITMENT: Step = Step {
    name: "commitment",
    title: "Commitment",
    does: "one hash over all of them",
    why: "Nothing can be added, left out or moved without changing it.",
};
const LEAF: Step = Step {
    name: "leaf",
    title: "Leaf",
    does: "what the log’s tree holds of the entry",
    why: "Its id, when the log received it, and the commitment; nothing personal, so it can be public.",
};
const PATH: Step = Step {
    name: "path",
    title: "Path",
    does: "neighbouring hashes lead from the leaf up the tree",
    why: "Each step hashes two neighbours into one, left and right in the order that the entry’s place demands.",
};
const ROOT: Step = Step {
    name: "root",
    title: "Root",
    does: "the path must end in the root that was signed",
    why: "One hash that stands for every entry of the log, from the first.",
};
const SIGNATURE: Step = Step {
    name: "signature",
    title: "Signature",
    does: "the checkpoint must be signed by the log’s key",
    why: "Ed25519 over the log’s name, its size and its root. A log with a new key signs with the old one too: so the key this browser knew vouches for the next.",
};
const HISTORY: Step = Step {
    name: "history",
    title: "History",
    does: "the log must still begin with all that this browser saw of it",
    why: "This browser keeps the last checkpoint it accepted. A log that takes entries back, or shows others another history, cannot continue it.",
};
const PAGE: Step = Step {
    name: "page",
    title: "This page",
    does: "what you read here must be what is proven",
    why: "Every value of the details, and the JSON below them, is compared with the proven one, character by character.",
};
const EDGE: Step = Step {
    name: "tiles",
    title: "Tiles",
    does: "those at the right edge of the tree must make the signed root",
    why: "They are the files from which anyone can make every proof of this log.",
};

const OF_ENTRY: &[&Step] = &[
    &UNITS,
    &COMMITMENT,
    &LEAF,
    &PATH,
    &ROOT,
    &SIGNATURE,
    &HISTORY,
    &PAGE,
];
const OF_LOG: &[&Step] = &[&SIGNATURE, &EDGE, &HISTORY];

/// The proof of an entry in one line, and under it all that is checked. The line is as high before the answer as after it.
pub fn of_entry(entry: &Entry, vkeys: &[String], unmasked: bool, level: u8) -> Markup {
    let organization = entry.scope.organization.as_str();
    // What the page shows, its proof shows too.
    let unmask = if unmasked { "&unmask=true" } else { "" };
    let href = format!(
        "/v1/entries/{}/proof?organization={organization}{unmask}",
        entry.id
    );
    let file = format!("{}.tlog-proof", entry.id);
    let hidden: Vec<&str> = entry.hidden.iter().map(Hidden::path).collect();
    let key = vkeys
        .first()
        .map_or_else(|| "VKEY".into(), |vkey| format!("'{vkey}'"));
    html! {
        section.proof data-proof=(href) data-organization=(organization) data-hidden=(hidden.join(" ")) data-keys=(vkeys.join(" ")) data-seq=(entry.seq.0) {
            details data-key="proof" {
                summary { (verdict("Proof in the log", "that this entry is in it, unchanged, anyone can check", level)) }
                div.inside {
                    (steps(OF_ENTRY))
                    div.row {
                        a.button href=(href) download=(file) data-leave { (icon("export")) "Download proof" }
                        a.button href={ "/integrity?organization=" (organization) } { (icon("seal")) "The log and its keys" }
                    }
                    p.soft { "The key comes from the same server as the proof: that shows a log that agrees with itself. Only a key you were given another way shows that it is the right log." }
                    (command("Check it without this page, offline:", &format!("mar-audit verify proof {file} --key {key}")))
                }
            }
        }
    }
}

/// The newest checkpoint of a log, verified when asked for.
pub fn of_log(organization: &str, vkeys: &[String]) -> Markup {
    html! {
        section.proof data-log data-organization=(organization) data-keys=(vkeys.join(" ")) {
            div.line {
                (verdict("Verify it now, in this browser", "signature, tree, and that nothing was taken back since you last looked", 2))
                button.button.primary type="button" data-verify hidden { "Verify now" }
            }
            div.inside { (steps(OF_LOG)) }
        }
    }
}

fn verdict(title: &str, words: &str, level: u8) -> Markup {
    let title = html! { span data-say="title" { (title) } };
    html! {
        span.seal aria-hidden="true" { (icon("seal")) }
        span.says role="status" {
            @if level == 2 { h2 { (title) } } @else { h3 { (title) } }
            span.soft data-say="words" { (words) }
        }
    }
}

fn steps(steps: &[&Step]) -> Markup {
    html! {
        div.conflict data-conflict hidden {
            p { "What the server shows now cannot follow what this browser accepted before. Two checkpoints of one log that cannot both be true are evidence that anyone can check: keep both." }
            div data-body {}
            p { "Go on only if the operator told you why, another way than through this page." }
            button.button type="button" { "Forget what this browser knew, begin anew" }
        }
        div.steps {
            @for step in steps {
                details data-step=(step.name) {
                    summary { b { (step.title) } " " span.soft data-words { (step.does) } }
                    div { p.soft { (step.why) } div data-body {} }
                }
            }
        }
    }
}

/// A command to copy.
pub fn command(words: &str, line: &str) -> Markup {
    html! {
        div.command {
            p { (words) }
            pre tabindex="0" aria-label="Command" { code { (line) } }
            button.button.plain type="button" data-copy=(line) title="Copy" hidden { (icon("copy")) span.unseen { "Copy the command" } }
        }
    }
}
