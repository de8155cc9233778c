//! CSV with a header line: each record is an object, whose members are called as the columns are and are all texts.
//!
//! RFC 4180, and no guessing where it is broken: a quote that nothing closes must not swallow what follows, so it is said, and so are a
//! record with more or fewer fields than the header names and a line that ends in a carriage return alone. The delimiter is the
//! first comma, semicolon or tab of the header.

use crate::syslog::Members;
use entry::json::Object;

/// Columns that are told apart.
const COLUMNS_MAX: usize = 2_000;

/// What a byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    More,
    /// It is no part of the field, but stands around it.
    Around,
    /// The field ended with this byte, and the record goes on.
    Field,
    /// The record ended with this byte, the end of a line.
    Record,
    Broken(&'static str),
}

/// Follows one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `None` until the header tells.
    delimiter: Option<u8>,
    within: Within,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// Before the first byte of a field.
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of two.
    Quote,
    /// After a carriage return.
    Return,
}

impl Record {
    /// Of the header, whose first delimiter is that of all records.
    pub fn of_header() -> Self {
        Self {
            delimiter: None,
            within: Within::Start,
        }
    }

    /// Of what follows a header.
    pub fn below(header: &[u8]) -> Self {
        let mut record = Self::of_header();
        for byte in header {
            record.feed(*byte);
        }
        record.within = Within::Start;
        record
    }

    /// Takes the next byte.
    pub fn feed(&mut self, byte: u8) -> Step {
        let quoted = self.within == Within::Quoted;
        if !quoted && self.delimiter.is_none() && matches!(byte, b',' | b';' | b'\t') {
            self.delimiter = Some(byte);
        }
        let ends_field = self.delimiter == Some(byte);
        match (self.within, byte) {
            (Within::Quoted, b'"') => self.go_on(Within::Quote, Step::Around),
            (Within::Quoted, _) => Step::More,
            (Within::Quote, b'"') => self.go_on(Within::Quoted, Step::More),
            (Within::Start, b'"') => self.go_on(Within::Quoted, Step::Around),
            (_, b'\n') => self.go_on(Within::Start, Step::Record),
            (Within::Return, _) => Step::Broken("a carriage return stands in the middle of a line"),
            (_, b'\r') => self.go_on(Within::Return, Step::Around),
            _ if ends_field => self.go_on(Within::Start, Step::Field),
            (Within::Quote, _) => {
                Step::Broken("a quote within a quoted field is not written twice")
            }
            _ => self.go_on(Within::Plain, Step::More),
        }
    }

    /// The input ended: true if the record may end there.
    pub fn may_end(&self) -> bool {
        self.within != Within::Quoted
    }

    fn go_on(&mut self, within: Within, step: Step) -> Step {
        self.within = within;
        step
    }
}

/// The object of a record; fields in which nothing stands are members, too.
pub fn object(header: &[u8], record: &[u8]) -> Result<Object<'static>, String> {
    let names = fields(Record::of_header(), header).map_err(|why| format!("the header: {why}"))?;
    let fields = fields(Record::below(header), record)?;
    if fields.len() != names.len() {
        return Err(format!(
            "a record of {} fields, where the header names {}",
            fields.len(),
            names.len()
        ));
    }
    let mut members = Members::default();
    for (at, (name, field)) in (1..).zip(names.into_iter().zip(fields)) {
        match name.trim() {
            "" => members.insert(&format!("column {at}"), field),
            name => members.insert(name, field),
        }
    }
    Ok(members.object())
}

/// The texts of a record, without their quotes.
fn fields(mut record: Record, bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let mut end = |field: &mut Vec<u8>| {
        if fields.len() == COLUMNS_MAX {
            return Err(format!("more than {COLUMNS_MAX} fields"));
        }
        let text = String::from_utf8(std::mem::take(field));
        fields.push(text.map_err(|_| format!("field {} is not UTF-8", fields.len() + 1))?);
        Ok(())
    };
    for byte in bytes {
        match record.feed(*byte) {
            Step::More => field.push(*byte),
            Step::Around => {}
            Step::Field => end(&mut field)?,
            Step::Record => return Err("more than one record".to_owned()),
            Step::Broken(why) => return Err(why.to_owned()),
        }
    }
    if !record.may_end() {
        return Err("a quoted field has no end".to_owned());
    }
    end(&mut field)?;
    Ok(fields)
}

#[cfg(test)]
mod tests;
