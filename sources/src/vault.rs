//! Vault: a request and its response are two records of one id. The entry is the response, which says all the request did and how it
//! ended; a request is held until its response comes, and becomes the entry if none does.

use crate::foreign::{self, Claims, Fate, Item, Layout, Mapper};
use crate::table::Table;
use entry::json::{self, Value};
use entry::{Draft, Result};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Requests held back, and responses remembered: more than a server has open.
const HELD_MAX: usize = 20_000;

/// Bytes of requests held back.
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;

const REQUEST: &str = "a request: the entry is its response";

/// See the module.
pub struct Vault {
    table: Arc<Table>,
    claims: Claims,
    held: HashMap<Box<str>, (Item, Box<Draft>)>,
    order: VecDeque<Box<str>>,
    held_bytes: usize,
    answered: HashSet<Box<str>>,
    answered_order: VecDeque<Box<str>>,
}

impl Vault {
    pub fn new(table: Arc<Table>, claims: Claims) -> Self {
        Self {
            table,
            claims,
            held: HashMap::new(),
            order: VecDeque::new(),
            held_bytes: 0,
            answered: HashSet::new(),
            answered_order: VecDeque::new(),
        }
    }

    fn hold(
        &mut self,
        id: Box<str>,
        item: Item,
        draft: Box<Draft>,
        done: &mut dyn FnMut(Item, Fate),
    ) {
        self.held_bytes += item.raw.len();
        self.order.push_back(id.clone());
        if let Some((item, draft)) = self.held.insert(id, (item, draft)) {
            self.held_bytes -= item.raw.len();
            // Two requests of one id are two entries, or one that was written twice: their identities tell.
            done(item, Fate::Send(draft));
        }
        while self.held.len() > HELD_MAX
            || self.held_bytes > HELD_BYTES_MAX
            || self.order.len() > 2 * HELD_MAX
        {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some((item, draft)) = self.take_out(&oldest) {
                done(item, Fate::Send(draft));
            }
        }
    }

    fn take_out(&mut self, id: &str) -> Option<(Item, Box<Draft>)> {
        let released = self.held.remove(id)?;
        self.held_bytes -= released.0.raw.len();
        Some(released)
    }

    fn answered(&mut self, id: Box<str>) {
        if self.answered.insert(id.clone()) {
            self.answered_order.push_back(id);
            if self.answered_order.len() > HELD_MAX
                && let Some(oldest) = self.answered_order.pop_front()
            {
                self.answered.remove(&oldest);
            }
        }
    }

    fn response(
        &mut self,
        id: Box<str>,
        item: Item,
        mut draft: Box<Draft>,
        done: &mut dyn FnMut(Item, Fate),
    ) {
        if let Some((request, asked)) = self.take_out(&id) {
            // What was refused may say so in the request alone.
            if draft.result == Result::Success && asked.result == Result::Failure {
                draft.result = asked.result;
                draft.error = asked.error;
            }
            done(request, Fate::Skip(REQUEST));
        }
        self.answered(id);
        done(item, Fate::Send(draft));
    }
}

impl Mapper for Vault {
    fn layout(&self) -> Layout {
        self.table.layout()
    }

    fn take(&mut self, item: Item, header: &[u8], done: &mut dyn FnMut(Item, Fate)) {
        let (is_request, id) = match json::parse(&item.raw) {
            Ok(value) => (
                value.get("type").and_then(Value::as_str) == Some("request"),
                foreign::text(value.pointer("/request/id")).map(Box::<str>::from),
            ),
            Err(e) => return done(item, Fate::Refuse(e.to_string())),
        };
        let mut decided = Vec::new();
        self.table
            .take(&self.claims, item, header, &mut |item, fate| {
                decided.push((item, fate))
            });
        for (item, fate) in decided {
            match (fate, &id) {
                (Fate::Send(draft), Some(id)) if !is_request => {
                    self.response(id.clone(), item, draft, done);
                }
                (Fate::Send(_), Some(id)) if self.answered.contains(id) => {
                    done(item, Fate::Skip(REQUEST));
                }
                (Fate::Send(draft), Some(id)) => self.hold(id.clone(), item, draft, done),
                (fate, _) => done(item, fate),
            }
        }
    }

    fn release(&mut self, last: u64, done: &mut dyn FnMut(Item, Fate)) {
        let held = self
            .held
            .iter()
            .map(|(request, (item, _))| (item.place.nth, request.clone()));
        let mut old: Vec<(u64, Box<str>)> = held.filter(|(nth, _)| *nth <= last).collect();
        old.sort_unstable();
        for (_, request) in old {
            if let Some((item, draft)) = self.take_out(&request) {
                done(item, Fate::Send(draft));
            }
        }
    }

    fn finish(&mut self, done: &mut dyn FnMut(Item, Fate)) {
        while let Some(id) = self.order.pop_front() {
            if let Some((item, draft)) = self.take_out(&id) {
                done(item, Fate::Send(draft));
            }
        }
    }
}
