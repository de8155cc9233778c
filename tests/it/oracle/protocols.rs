//! What comes over others' protocols: taken where the sender may record, refused in the same words wherever it may not.

use super::around::some_log;
use super::checks::{Checked, is_refused, must_be_as_missing, same};
use super::random::Random;
use super::world::World;
use crate::test_server::Answer;
use serde_json::json;

const RECORD: &str = "entries:record";

/// What stands for the parts of a path.
const NAMED: &[(&str, &str)] = &[("name", "shop"), ("index", "audit")];

/// A call that is taken, and its answer then.
struct Call {
    method: &'static str,
    path: String,
    body: String,
    taken: u16,
    /// Refused item by item, where some of the log may be recorded and this may not.
    refused: u16,
}

fn check(world: &mut World, random: &mut Random, who: usize, call: &Call) -> Checked {
    let log = some_log(world, random);
    let ask = |world: &mut World, log: &str| -> (Answer, usize) {
        let path = format!("{}?organization={log}", call.path);
        world.ask(who, call.method, &path, &call.body)
    };
    let (answer, before) = ask(world, &log);
    let stored = world.entries.len() - before;
    if is_refused(world, who, &[RECORD], false) {
        let is_told = matches!(answer.status, 401 | 403);
        return same(
            "refused, and nothing stored",
            &(is_told, stored),
            &(true, 0),
        );
    }
    let person = &world.people[who];
    let records =
        |log: &str| person.only.is_empty() && person.hidden(RECORD, (log, None), false).is_some();
    if records(&log) {
        let expected = usize::from(call.taken == 200);
        return same(
            "the status, and what is stored",
            &(answer.status, stored),
            &(call.taken, expected),
        );
    }
    same("what is stored", &stored, &0)?;
    if person.touches(RECORD, &log) {
        return same("the status", &answer.status, &call.refused);
    }
    same("the status", &answer.status, &403)?;
    let (missing, _) = ask(world, "nobody");
    must_be_as_missing(&answer, &log, &missing, "nobody")
}

fn name(random: &mut Random) -> String {
    format!("n-{}", random.below(1_000_000_000))
}

pub fn otlp(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let user = json!({"key": "user.id", "value": {"stringValue": name(random)}});
    let record = json!({"eventName": "login", "attributes": [user]});
    let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).to_string();
    let call = Call {
        method: "POST",
        path: world.path(NAMED),
        body,
        taken: 200,
        refused: 200,
    };
    check(world, random, who, &call)
}

/// In a form that is none, after the sender was looked at.
pub fn cloudevents(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let call = Call {
        method: "POST",
        path: world.path(NAMED),
        body: "{}".to_owned(),
        taken: 415,
        refused: 415,
    };
    check(world, random, who, &call)
}

pub fn elastic(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let document = json!({"event": {"action": "login"}, "user": {"id": name(random)}});
    let call = Call {
        method: world.row.0,
        path: world.path(NAMED),
        body: format!("{{\"create\":{{}}}}\n{document}\n"),
        taken: 200,
        refused: 200,
    };
    check(world, random, who, &call)
}

/// What a server of its kind says of itself, to whoever may record something.
pub fn about(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "GET", &world.path(NAMED), "");
    match is_refused(world, who, &[RECORD], false) {
        true => same("refused", &matches!(answer.status, 401 | 403), &true),
        false => same("the status", &answer.status, &200),
    }
}

/// Somebody is there: that is told to whoever asks, and stores nothing.
pub fn offered(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, before) = world.ask(who, "OPTIONS", &world.path(NAMED), "");
    let stored = world.entries.len() - before;
    let said = (answer.status, answer.body.len(), stored);
    same("the status, and nothing besides", &said, &(200, 0, 0))
}

/// An answer is the acknowledgement; who may record something is told so.
pub fn ack(world: &mut World, _: &mut Random, who: usize) -> Checked {
    let (answer, _) = world.ask(who, "POST", &world.path(NAMED), r#"{"acks": [1]}"#);
    match is_refused(world, who, &[RECORD], false) {
        true => same("refused", &matches!(answer.status, 401 | 403), &true),
        false => same("the status", &answer.status, &400),
    }
}

pub fn hec(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let event = json!({"action": "login", "user_id": name(random)});
    let body = match world.row.1.ends_with("/raw") || world.row.1.ends_with("/raw/1.0") {
        true => event,
        false => json!({"event": event}),
    };
    let call = Call {
        method: "POST",
        path: world.path(NAMED),
        body: body.to_string(),
        taken: 200,
        refused: 400,
    };
    check(world, random, who, &call)
}

/// One record, in the frame that gRPC puts it in; short enough to be text.
pub fn grpc(world: &mut World, random: &mut Random, who: usize) -> Checked {
    let field = |number: u8, text: &str| {
        let length = u8::try_from(text.len()).expect("short");
        format!(
            "{}{}{text}",
            char::from(number << 3 | 2),
            char::from(length)
        )
    };
    let user = field(1, "user.id") + &field(2, &field(1, &name(random)));
    let record = field(2, &(field(12, "login") + &field(6, &user)));
    let message = field(1, &field(2, &record));
    let length = u8::try_from(message.len()).expect("short");
    let body = format!("\0\0\0\0{}{message}", char::from(length));
    let log = some_log(world, random);
    let path =
        format!("/opentelemetry.proto.collector.logs.v1.LogsService/Export?organization={log}");
    let (answer, before) = world.ask(who, "POST", &path, &body);
    let stored = world.entries.len() - before;
    let person = &world.people[who];
    let may = person.holds(RECORD)
        && person.only.is_empty()
        && person.hidden(RECORD, (&log, None), false).is_some();
    same(
        "the status, and what is stored",
        &(answer.status, stored),
        &(200, usize::from(may)),
    )
}
