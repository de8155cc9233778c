//! What became of each item, in the order sent.

use super::batch::Refusal;
use super::published::Evidence;
use crate::problem::{Fault, Kind};
use axum::http::StatusCode;
use entry::EntryId;
use serde::Serialize;
use std::io::Write;
use store::Receipt;

/// The receipts of one call.
pub struct Receipts {
    outcomes: Vec<Outcome>,
    accepted: usize,
    duplicates: usize,
}

enum Outcome {
    Stored(Receipt),
    Refused(Refusal),
}

impl Receipts {
    /// Joins the log's receipts and the refusals into the order sent.
    pub fn join(stored: Vec<Receipt>, refusals: Vec<(usize, Refusal)>) -> Self {
        let count = stored.len() + refusals.len();
        let mut stored = stored.into_iter();
        let mut refusals = refusals.into_iter().peekable();
        let (mut accepted, mut duplicates) = (0, 0);
        let outcomes = (0..count).map(|n| match refusals.next_if(|(at, _)| *at == n) {
            Some((_, refusal)) => Outcome::Refused(refusal),
            None => {
                let receipt = stored.next().expect("the store gives one receipt per item");
                match &receipt {
                    Receipt::Accepted { .. } => accepted += 1,
                    Receipt::Duplicate { .. } => duplicates += 1,
                    Receipt::Conflict { .. } => {}
                }
                Outcome::Stored(receipt)
            }
        });
        let outcomes = outcomes.collect();
        Self {
            outcomes,
            accepted,
            duplicates,
        }
    }

    pub fn accepted(&self) -> usize {
        self.accepted
    }

    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    pub fn rejected(&self) -> usize {
        self.outcomes.len() - self.accepted - self.duplicates
    }

    /// 200, or 422 if there were items and every one was refused.
    pub fn status(&self) -> StatusCode {
        if self.outcomes.is_empty() || self.rejected() < self.outcomes.len() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }

    /// The receipts of the store, in the order of the items that were handed to it.
    pub fn stored(&self) -> impl Iterator<Item = &Receipt> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Stored(receipt) => Some(receipt),
            Outcome::Refused(_) => None,
        })
    }

    /// The answer. Where every item was refused it is a problem document that has the receipts as members too.
    pub fn to_json(&self, instance: &str, mut evidence: Option<&mut Evidence<'_>>) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.outcomes.len() * 144);
        out.push(b'{');
        if self.status() != StatusCode::OK {
            self.write_problem(instance, &mut out);
        }
        let (accepted, duplicates, rejected) = (self.accepted, self.duplicates, self.rejected());
        write!(out, "\"accepted\":{accepted},\"duplicates\":{duplicates},\"rejected\":{rejected},\"receipts\":[")
            .expect("memory is written");
        let mut handed_over = 0..;
        for (n, outcome) in self.outcomes.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            outcome.write(&mut out);
            if let Outcome::Stored(receipt) = outcome
                && let (Some(n), Some(evidence)) = (handed_over.next(), &mut evidence)
            {
                evidence.write_one(n, receipt, &mut out);
            }
            out.push(b'}');
        }
        out.push(b']');
        if let Some(evidence) = evidence {
            evidence.write_last(&mut out);
        }
        out.push(b'}');
        out
    }

    fn write_problem(&self, instance: &str, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Head<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: String,
            instance: &'a str,
            errors: Vec<Fault>,
        }
        let (kind, detail, errors) = match self.outcomes.as_slice() {
            [only] => {
                let refusal = only.refusal();
                (refusal.kind, refusal.detail, refusal.faults)
            }
            all => (
                Kind::InvalidEntry,
                format!("all {} entries were refused", all.len()),
                faults_of(all),
            ),
        };
        let head = Head {
            r#type: kind.type_uri(),
            title: kind.title(),
            status: StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
            detail,
            instance,
            errors,
        };
        let text = serde_json::to_vec(&head).expect("texts and numbers are JSON");
        out.extend_from_slice(&text[1..text.len() - 1]);
        out.push(b',');
    }
}

/// The first places of a whole batch; the receipts have them all.
fn faults_of(outcomes: &[Outcome]) -> Vec<Fault> {
    let faults = outcomes.iter().enumerate().flat_map(|(n, outcome)| {
        outcome.refusal().faults.into_iter().map(move |fault| {
            let pointer = format!("/{n}{}", fault.pointer.as_deref().unwrap_or_default());
            Fault {
                pointer: Some(pointer),
                ..fault
            }
        })
    });
    faults.take(entry::Problems::MAX).collect()
}

impl Outcome {
    /// Why it was refused; only for those that were.
    fn refusal(&self) -> Refusal {
        match self {
            Outcome::Refused(refusal) => refusal.clone(),
            Outcome::Stored(receipt) => conflict(receipt),
        }
    }

    /// All but its closing brace. By hand: a batch has ten thousand of these.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Outcome::Stored(Receipt::Accepted {
                id,
                seq,
                received_at,
                clock_ahead,
            }) => {
                write_stored(out, "accepted", id, seq.0);
                write!(out, ",\"received_at\":\"{received_at}\"").expect("memory is written");
                if *clock_ahead {
                    out.extend_from_slice(b",\"clock_ahead\":true");
                }
            }
            Outcome::Stored(Receipt::Duplicate { id, seq }) => {
                write_stored(out, "duplicate", id, seq.0)
            }
            Outcome::Stored(receipt @ Receipt::Conflict { id, seq }) => {
                write_stored(out, "rejected", id, seq.0);
                write_error(out, &conflict(receipt));
            }
            Outcome::Refused(refusal) => {
                out.extend_from_slice(b"{\"status\":\"rejected\"");
                write_error(out, refusal);
            }
        }
    }
}

fn write_stored(out: &mut Vec<u8>, status: &str, id: &EntryId, seq: u64) {
    out.extend_from_slice(b"{\"status\":\"");
    out.extend_from_slice(status.as_bytes());
    out.extend_from_slice(b"\",\"id\":\"");
    out.extend_from_slice(&id.to_ascii());
    write!(out, "\",\"seq\":{seq}").expect("memory is written");
}

fn write_error(out: &mut Vec<u8>, refusal: &Refusal) {
    #[derive(Serialize)]
    struct Error<'a> {
        r#type: String,
        title: &'a str,
        detail: &'a str,
        #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
        errors: &'a [Fault],
    }
    let error = Error {
        r#type: refusal.kind.type_uri(),
        title: refusal.kind.title(),
        detail: &refusal.detail,
        errors: &refusal.faults,
    };
    out.extend_from_slice(b",\"error\":");
    serde_json::to_writer(out, &error).expect("texts and numbers are JSON");
}

fn conflict(receipt: &Receipt) -> Refusal {
    let seq = match receipt {
        Receipt::Accepted { seq, .. }
        | Receipt::Duplicate { seq, .. }
        | Receipt::Conflict { seq, .. } => seq.0,
    };
    let detail = format!(
        "the id is stored with other content at seq {seq}; the stored entry stays as it is"
    );
    Refusal {
        kind: Kind::IdConflict,
        detail,
        faults: vec![Fault::pointer("/id", "stored with other content")],
    }
}
