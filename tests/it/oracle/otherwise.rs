//! The last thing that was asked, in other ways: its head alone, what may be done there, whether it changed. None of them tells
//! more than the answer did.

use super::checks::{Checked, same};
use super::world::{By, World, canaries};
use crate::test_server::Answer;
use std::collections::BTreeSet;

/// What differs from one answer to the next, or is not there without a body.
const OF_BODIES: &[&str] = &[
    "content-length",
    "transfer-encoding",
    "trailer",
    "etag",
    "link",
];

pub fn ask(world: &mut World) -> Checked {
    let Some((who, path, answer)) = world.last.take() else {
        return Ok(());
    };
    // A limiter that has enough answers as it likes, and a bundle's head is sent before anything is looked for.
    if answer.status == 429 || path.contains("format=bundle") {
        return Ok(());
    }
    head(world, who, &path, &answer)?;
    // Of no route there is nothing that may be done.
    if !world.row.1.is_empty() {
        options(world, who, &path)?;
    }
    changed(world, who, &path, &answer)
}

fn names(answer: &Answer) -> BTreeSet<&str> {
    let names = answer.headers.iter().map(|(name, _)| name.as_str());
    names
        .filter(|name| !OF_BODIES.contains(name) && !name.starts_with("x-audit"))
        .collect()
}

fn head(world: &mut World, who: usize, path: &str, got: &Answer) -> Checked {
    let (answer, _) = world.ask(who, "HEAD", path, "");
    same("the status of the head", &answer.status, &got.status)?;
    same("that a head has no body", &answer.body.len(), &0)?;
    same("the headers of the head", &names(&answer), &names(got))?;
    let told = |answer: &Answer| -> String {
        let lines = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        lines.collect()
    };
    let (told, known) = (told(&answer), told(got));
    let strange = canaries(&told).find(|one| !known.contains(one) && !path.contains(one));
    same("what the head tells alone", &strange, &None)
}

/// The same wherever it is asked, whoever asks.
fn options(world: &mut World, who: usize, path: &str) -> Checked {
    let (answer, _) = world.ask(who, "OPTIONS", path, "");
    same("the status of OPTIONS", &answer.status, &204)?;
    let by = By {
        who,
        permissions: &[],
        unmask: false,
    };
    world.must_answer_cleanly(&by, path, &answer)
}

/// What is not there has not changed either: 304 is said only of what was shown.
fn changed(world: &mut World, who: usize, path: &str, got: &Answer) -> Checked {
    let tag = got.header("etag").unwrap_or("*").to_owned();
    for tag in [&*tag, "*"] {
        let call = ("GET", path);
        let (answer, _) = world.ask_with(who, call, &[("if-none-match", tag)], "");
        let is_kept = answer.status == 304 && got.status == 200 && got.header("etag").is_some();
        match is_kept {
            true => same("that 304 has no body", &answer.body.len(), &0)?,
            false => same(
                "the status of what may have changed",
                &answer.status,
                &got.status,
            )?,
        }
        if got.status == 404 {
            same("the body of what is not there", &answer.body, &got.body)?;
        }
    }
    Ok(())
}
