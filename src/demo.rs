//! Living demo data of the platform: thirty days of routine, a story worth looking at, and something new every few seconds.
//!
//! Everything goes through the ordinary append. What it tells is the same at every start; only "now" differs, and it is
//! measured once: the first entry of the story remembers it. A second start on the same directory therefore finds its
//! entries stored already (they are duplicates), fills in what it missed and goes on.

mod routine;
mod story;

use crate::access::Reach;
use crate::app::App;
use crate::bench::workload::Numbers;
use entry::draft::Defaults;
use entry::{Draft, EntryId, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Item, Receipt};

/// Where `serve --demo` keeps its data unless told otherwise: never among real data.
pub const DATA: &str = "data-demo";

const DAY: i64 = 86_400 * 1_000_000;
const HISTORY_DAYS: i64 = 30;
const BATCH: usize = 1_000;

/// The demo goes on until this is dropped.
pub struct Demo {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the demo stopped before its time");
        }
    }
}

/// Records the history, which takes a second, then goes on in a thread of its own.
pub fn start(app: &Arc<App>) -> Result<Demo, store::Error> {
    let accepted = record_history(app)?;
    tracing::info!(accepted, "demo history is recorded");
    let (stop, stopped) = channel();
    let app = Arc::clone(app);
    let thread = std::thread::Builder::new()
        .name("demo".into())
        .spawn(move || live(&app, &stopped))
        .expect("a thread can be started");
    Ok(Demo {
        stop: Some(stop),
        thread: Some(thread),
    })
}

/// One entry of the demo: when, and what its sender would post.
struct Scene {
    micros: i64,
    body: Value,
}

impl Scene {
    fn draft(mut self) -> Draft {
        let at = Timestamp::from_micros(self.micros).expect("the demo plays in our time");
        self.body["timestamp"] = Value::from(at.to_string());
        Draft::from_json(self.body.to_string().as_bytes()).expect("the demo holds valid drafts")
    }
}

/// Thirty days of routine and the story, in order of time; how many entries were new.
fn record_history(app: &App) -> Result<u64, store::Error> {
    let now = app.now().as_micros();
    let mut scenes = story::scenes(anchor(app)?.unwrap_or(now));
    for hour in (now - HISTORY_DAYS * DAY) / routine::HOUR..=now / routine::HOUR {
        scenes.extend(routine::hour(hour));
    }
    scenes.retain(|scene| scene.micros <= now);
    scenes.sort_by_key(|scene| scene.micros);
    let mut accepted = 0;
    let mut drafts = scenes.into_iter().map(Scene::draft).peekable();
    while drafts.peek().is_some() {
        accepted += append(app, drafts.by_ref().take(BATCH).collect())?;
    }
    Ok(accepted)
}

/// The "now" of the first start, if there was one: what the story's days are counted from.
fn anchor(app: &App) -> Result<Option<i64>, store::Error> {
    let (organization, source, event_id, days) = story::FIRST;
    let id = EntryId::derive(organization, source, event_id);
    let found = app.reading_within(Reach::everything()).get(&id)?;
    Ok(found
        .first()
        .map(|entry| entry.timestamp.as_micros() + days * DAY))
}

/// How many of the drafts were new.
fn append(app: &App, drafts: Vec<Draft>) -> Result<u64, store::Error> {
    let items = drafts.into_iter().map(|draft| item(app, draft)).collect();
    let receipts = app.store.append(items)?;
    Ok(receipts
        .iter()
        .filter(|receipt| matches!(receipt, Receipt::Accepted { .. }))
        .count() as u64)
}

fn item(app: &App, draft: Draft) -> Item {
    let organization = draft
        .scope
        .organization
        .clone()
        .expect("the demo names its organizations");
    let defaults = Defaults {
        id: draft
            .own_id(&organization)
            .expect("the demo names its sources"),
        category: app.catalogue.category(&draft.action, draft.category),
        organization,
    };
    Item { draft, defaults }
}

/// Something new every few seconds; after ten minutes rarer, so that a demo left alone keeps its proportions.
fn live(app: &App, stopped: &Receiver<()>) {
    let begun = app.now().as_micros();
    let mut numbers = Numbers::new(begun as u64);
    let mut coming: Vec<Scene> = Vec::new();
    loop {
        let young = app.now().as_micros() - begun < 600 * 1_000_000;
        let pause = if young {
            2_000 + numbers.below(5_000)
        } else {
            12_000 + numbers.below(30_000)
        };
        match stopped.recv_timeout(Duration::from_millis(pause)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = app.now().as_micros();
        coming.extend(routine::activity(now, &format!("live-{now}"), &mut numbers));
        let due = coming
            .extract_if(.., |scene| scene.micros <= now)
            .map(Scene::draft)
            .collect();
        match append(app, due) {
            Ok(_) => {}
            Err(store::Error::Closing) => return,
            // A full disk or a full queue: the platform goes on, and so does its demo.
            Err(error) => tracing::warn!(%error, "demo entries were not recorded"),
        }
    }
}

#[cfg(test)]
mod tests;
