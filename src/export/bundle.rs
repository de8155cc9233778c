//! `format=bundle`: what a filter matches in one log, as evidence that an outsider can check ([`crate::bundle`]).
//!
//! It spans from the first entry that matches to the last. Those between that do not match are there as bare leaves, so that
//! none can be left out silently. A cut bundle is no bundle: its frame does not end.

use super::{BATCH_ENTRIES, BATCHES_WAITING_MAX, CHUNK_BYTES, Chunk, Cut};
use crate::api::proof::{covered, covering, no_log};
use crate::app::App;
use crate::bundle::About;
use crate::bundle::writer::{self, Line};
use crate::problem::{Fault, Kind, Problem};
use crate::reading::{Reading, disclosure};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use entry::{Filter, Mask, Organization, Seq, Units};
use hyper::body::Frame;
use proof::tile::Tile;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use store::view::{Direction, Order, PageQuery, Places};
use store::{Hashes, Kept, Published};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Evidence that is about to be written.
pub struct Evidence {
    pub organization: Organization,
    filter: Filter,
    /// The same, of entries as they are.
    narrowed: Filter,
    reading: Reading,
    published: Arc<Published>,
    range: Range<u64>,
}

impl Evidence {
    /// Looks for what matches; waits for a checkpoint that covers it.
    pub async fn find(
        app: &Arc<App>,
        reading: Reading,
        verified: &Reading,
        filter: Filter,
    ) -> Result<Self, Problem> {
        let known = { verified.logs() }.filter(|log| reading.covers(log));
        let known: Vec<Organization> = known.cloned().collect();
        let (organization, filter, reading, range) = app
            .blocking(move |_| {
                let organization = one_log(&reading, &known, &filter)?;
                let range = range(&reading, &filter)?;
                let range = range.ok_or_else(|| {
                    Kind::NotFound.detail("nothing matches, so there is nothing to prove")
                })?;
                Ok((organization, filter, reading, range))
            })
            .await?;
        let last = Seq(range.end - 1);
        let published = match covered(app, &organization, last) {
            Some(published) => Some(published),
            None => {
                let until = Instant::now() + app.settings.limits.checkpoint_wait;
                covering(app, &organization, last, until).await
            }
        };
        let published = published.ok_or_else(|| {
            Kind::Unpublished.detail("no checkpoint has covered the newest of these entries yet")
        })?;
        Ok(Self {
            organization,
            narrowed: reading.filter(&filter),
            filter,
            reading,
            published,
            range,
        })
    }
}

/// A bundle is of one tree: the one log that the filter names, or the only one there is. It shows the leaves between what it
/// shows, so it is of logs only that the caller may know as a whole.
fn one_log(
    reading: &Reading,
    known: &[Organization],
    filter: &Filter,
) -> Result<Organization, Problem> {
    let named = filter.organizations();
    let several = || {
        let fault = Fault::parameter("organization", "a bundle is of one log: name it");
        crate::api::query::refused(vec![fault])
    };
    match (named.as_deref(), known) {
        (Some([one]), known) if known.contains(one) => Ok(one.clone()),
        (Some([one]), _) if reading.reach().touches(one) && reading.has_log(one) => {
            let all = "a bundle takes the permissions to export and to verify all of its log";
            Err(Kind::Forbidden.detail(all))
        }
        (Some([] | [_]), _) | (None, []) => Err(no_log()),
        (None, [only]) => Ok(only.clone()),
        _ => Err(several()),
    }
}

/// From the first place that matches to behind the last.
fn range(reading: &Reading, filter: &Filter) -> Result<Option<Range<u64>>, Problem> {
    let end = |direction| {
        let page = reading.page(&PageQuery {
            filter: filter.clone(),
            // In one log, the order of receipt is that of places.
            order: Order::Received,
            direction,
            limit: 1,
            after: None,
            as_of: reading.untold_state(),
        })?;
        Ok::<_, Problem>(page.entries.first().map(|entry| entry.seq.0))
    };
    let Some(first) = end(Direction::Ascending)? else {
        return Ok(None);
    };
    Ok(end(Direction::Descending)?.map(|last| first..last + 1))
}

impl Evidence {
    /// Writes all of it; gives how many entries it shows, as far as it came, and how it ended.
    pub(super) fn write(self, app: &App, sender: &Sender<Chunk>) -> (u64, Result<(), Cut>) {
        let failed = |why: &str| (0, Err(Cut::Failed(why.to_owned())));
        let Some(hashes) = app.store.hashes(&self.organization) else {
            return failed("the hashes of the log cannot be read");
        };
        let (Some(ahead), Some(again)) = (self.places(app, &hashes), self.places(app, &hashes))
        else {
            return failed("the log is gone");
        };
        let about = About {
            origin: self.published.checkpoint.checkpoint().origin().to_owned(),
            first: proof::Seq(self.range.start),
            end: proof::Seq(self.range.end),
            made_at: app.now(),
            filter: self.filter.to_string(),
        };
        std::thread::scope(|scope| {
            let (batches, read) = sync_channel(BATCHES_WAITING_MAX);
            let range = self.range.clone();
            scope.spawn(move || ahead.read(range, &batches));
            let mut lines = Lines {
                batches: read,
                batch: Vec::new().into_iter(),
                next: self.range.start,
                again,
                shown: 0,
            };
            let out = Chunks {
                sender,
                gathered: Vec::with_capacity(CHUNK_BYTES),
            };
            let note = self.published.note.as_bytes();
            let tile = |tile: Tile| hashes.tile(&tile).map_err(|e| e.to_string());
            let written = writer::write(out, &about, note, tile, |seq| lines.line(seq.0));
            let ended = match written {
                Ok(_) => complete(sender, lines.shown),
                Err(writer::Error::Output(_)) => Err(Cut::HungUp),
                Err(error) => Err(Cut::Failed(error.to_string())),
            };
            (lines.shown, ended)
        })
    }

    fn places<'a>(&'a self, app: &'a App, hashes: &Hashes) -> Option<Source<'a>> {
        Some(Source {
            app,
            evidence: self,
            places: self.reading.places(&self.organization)?,
            hashes: hashes.clone(),
            tile: None,
            units: Units::default(),
        })
    }
}

fn complete(sender: &Sender<Chunk>, shown: u64) -> Result<(), Cut> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-audit-complete", HeaderValue::from_static("true"));
    trailers.insert("x-audit-entries", HeaderValue::from(shown));
    let sent = sender.blocking_send(Ok(Frame::trailers(trailers)));
    sent.map_err(|_| Cut::HungUp)
}

/// Lines of one log, each held against the tree before it is given out.
struct Source<'a> {
    app: &'a App,
    evidence: &'a Evidence,
    places: Places,
    hashes: Hashes,
    /// The last tile of level 0 that was read, and its hashes.
    tile: Option<(u64, Vec<proof::Hash>)>,
    units: Units,
}

impl Source<'_> {
    fn line(&mut self, seq: u64) -> Result<Line, String> {
        let kept = self.places.get(Seq(seq)).map_err(|e| e.to_string())?;
        let kept = kept.ok_or_else(|| self.damaged(seq, "it is published, and not there"))?;
        let made = self.made(&kept);
        let (line, hash) = made.map_err(|what| self.damaged(seq, &what))?;
        match hash == self.hash(seq)? {
            true => Ok(line),
            false => Err(self.damaged(seq, "it is not the one that the tree has")),
        }
    }

    fn made(&mut self, kept: &Kept) -> Result<(Line, proof::Hash), String> {
        let reached = self.evidence.reading.mask_of(&kept.entry);
        let matches = |_: &Mask| self.evidence.narrowed.matches(&kept.entry);
        if let Some(mask) = reached.filter(matches) {
            let disclosure = disclosure(kept, mask)?;
            let leaf = disclosure.leaf().map_err(|e| e.to_string())?;
            Ok((Line::Open(disclosure.to_json().into_bytes()), leaf.hash()))
        } else {
            let leaf = kept.leaf(&mut self.units)?;
            Ok((Line::Withheld(leaf.to_bytes()), leaf.hash()))
        }
    }

    fn hash(&mut self, seq: u64) -> Result<proof::Hash, String> {
        let width = u64::from(proof::tile::FULL_WIDTH);
        let (index, at) = (seq / width, (seq % width) as usize);
        let hashes = match &self.tile {
            Some((known, hashes)) if *known == index => hashes,
            _ => {
                let size = self.evidence.published.tree().size;
                let tile = Tile::of_tree(0, index, size).ok_or("it is not published")?;
                let bytes = self.hashes.tile(&tile).map_err(|e| e.to_string())?;
                let hashes = tile.hashes(&bytes).map_err(|e| e.to_string())?;
                &self.tile.insert((index, hashes)).1
            }
        };
        Ok(hashes[at])
    }

    fn damaged(&self, seq: u64, what: &str) -> String {
        let what = format!("the entry at seq {seq}: {what}");
        let log = &self.evidence.organization;
        self.app.store.condemn(log, what).to_string()
    }

    /// Reads ahead, by the batch: handing over one at a time costs more than making it.
    fn read(mut self, range: Range<u64>, batches: &SyncSender<Result<Vec<Line>, String>>) {
        let mut range = range;
        while !range.is_empty() {
            let (mut batch, mut heavy) = (Vec::with_capacity(BATCH_ENTRIES), 0);
            while batch.len() < BATCH_ENTRIES && heavy < 4 * CHUNK_BYTES {
                let Some(seq) = range.next() else { break };
                match self.line(seq) {
                    Ok(line) => {
                        heavy += weight(&line);
                        batch.push(line);
                    }
                    Err(error) => {
                        // A writer that is gone has no use for it.
                        drop(
                            batches
                                .send(Ok(batch))
                                .and_then(|()| batches.send(Err(error))),
                        );
                        return;
                    }
                }
            }
            if batches.send(Ok(batch)).is_err() {
                return;
            }
        }
    }
}

fn weight(line: &Line) -> usize {
    match line {
        Line::Open(text) => text.len(),
        Line::Withheld(leaf) => leaf.len(),
    }
}

/// Lines as they were read ahead; those asked for once more are read once more.
struct Lines<'a> {
    batches: Receiver<Result<Vec<Line>, String>>,
    batch: std::vec::IntoIter<Line>,
    next: u64,
    again: Source<'a>,
    shown: u64,
}

impl Lines<'_> {
    fn line(&mut self, seq: u64) -> Result<Line, String> {
        if seq != self.next {
            return self.again.line(seq);
        }
        let line = loop {
            if let Some(line) = self.batch.next() {
                break line;
            }
            let batch = self.batches.recv();
            self.batch = batch.map_err(|_| "its reader ended early")??.into_iter();
        };
        self.next += 1;
        self.shown += u64::from(matches!(line, Line::Open(_)));
        Ok(line)
    }
}

/// The answer, by the chunk.
struct Chunks<'a> {
    sender: &'a Sender<Chunk>,
    gathered: Vec<u8>,
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.gathered, Vec::with_capacity(CHUNK_BYTES));
        let sent = self
            .sender
            .blocking_send(Ok(Frame::data(Bytes::from(full))));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
