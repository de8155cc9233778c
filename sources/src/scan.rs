//! One item after the other from a stream of JSON, whatever holds them: lines, arrays, or an object around an array.
//!
//! Memory stays flat: a file of one endless array is walked, not read. What is no JSON is handed out verbatim, a line at
//! a time, and the walk goes on after it. Values are only delimited here; [`entry::json::parse`] judges them.

use super::csv;
use super::delimit::{Delimiter, Step};
use super::foreign::Layout;
use std::io::{self, Read};

/// The longest item: a foreign event may be bulkier than the entry that it becomes, which may have 4 MiB.
pub const ITEM_BYTES_MAX: usize = 2 * entry::limits::ENTRY_BYTES_MAX;

const READ_BYTES: usize = 64 * 1024;

/// Where an item stood in its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of its first byte, from 1.
    pub line: u64,
    /// Its number in the input, from 1.
    pub nth: u64,
}

/// What was found next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// One value, as it stood.
    Item { place: Place, raw: Vec<u8> },
    /// Bytes that are no item, as they stood.
    Broken {
        place: Place,
        raw: Vec<u8>,
        why: &'static str,
    },
    /// An item too long to hold; its bytes went to the spill.
    Spilled { place: Place, bytes: u64 },
}

/// Takes the bytes of what is too long to hold.
pub trait Spill {
    fn write(&mut self, place: Place, bytes: &[u8]) -> io::Result<()>;
}

/// Walks one input.
pub struct Scanner<R> {
    input: R,
    layout: Layout,
    buffer: Vec<u8>,
    /// What of the buffer is done with.
    at: usize,
    ended: bool,
    line: u64,
    nth: u64,
    within: Within,
    /// After broken bytes, commas and a closing bracket are what is left of an array.
    recovering: bool,
    /// Members that stood before the array in the object around the current items, as an object; of CSV its first line.
    header: Vec<u8>,
    /// The first line of CSV is broken: nothing says what follows it.
    headless: bool,
}

/// What is around the next item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Within {
    Nothing,
    Array {
        comma: bool,
        around: Option<Delimiter>,
    },
}

impl<R: Read> Scanner<R> {
    pub fn new(input: R, layout: Layout) -> Self {
        Self {
            input,
            layout,
            buffer: Vec::new(),
            at: 0,
            ended: false,
            line: 1,
            nth: 0,
            within: Within::Nothing,
            recovering: false,
            header: Vec::new(),
            headless: false,
        }
    }

    /// The members before the array in the object around the items, as far as they stood there; empty where there is none. Of CSV, the
    /// line that names the columns.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The next piece; `None` at the end.
    pub fn next(&mut self, spill: &mut dyn Spill) -> io::Result<Option<Piece>> {
        if let Layout::JsonOrCsv { wrappers } = &self.layout {
            let wrappers = wrappers.clone();
            match self.peek_significant()? {
                None => return Ok(None),
                Some(b'{' | b'[') => self.layout = Layout::Json { wrappers },
                Some(_) => self.layout = Layout::Csv,
            }
        }
        match self.layout {
            Layout::Lines => self.next_line(spill),
            Layout::Csv => self.next_record(spill),
            _ => self.next_value(spill),
        }
    }

    fn next_value(&mut self, spill: &mut dyn Spill) -> io::Result<Option<Piece>> {
        loop {
            let Some(byte) = self.peek_significant()? else {
                return Ok(self.end());
            };
            match &mut self.within {
                Within::Nothing => match byte {
                    b'[' if self.opens_items()? => self.enter(1, None),
                    b',' if self.recovering => self.consume(1),
                    b']' if self.recovering => {
                        self.recovering = false;
                        self.consume(1);
                    }
                    b'{' => {
                        if let Some(piece) = self.value(true, spill)? {
                            return Ok(Some(piece));
                        }
                    }
                    _ => {
                        let why = "neither an object nor an array of them begins here";
                        return self.broken(why).map(Some);
                    }
                },
                Within::Array { comma, around } => match (byte, *comma) {
                    (b']', _) => {
                        let around = around.take();
                        self.consume(1);
                        self.within = Within::Nothing;
                        self.header.clear();
                        if let Some(around) = around
                            && let Some(piece) = self.rest_of_wrapper(around)?
                        {
                            return Ok(Some(piece));
                        }
                    }
                    (b',', true) => {
                        *comma = false;
                        self.consume(1);
                    }
                    (_, true) => {
                        return self
                            .broken("the elements of an array have a comma between them")
                            .map(Some);
                    }
                    (_, false) => {
                        *comma = true;
                        if let Some(piece) = self.value(false, spill)? {
                            return Ok(Some(piece));
                        }
                    }
                },
            }
        }
    }

    /// The next line that is not empty, without its end.
    fn next_line(&mut self, spill: &mut dyn Spill) -> io::Result<Option<Piece>> {
        if !self.skip_empty_lines()? {
            return Ok(None);
        }
        let mut bytes = 0;
        loop {
            let rest = &self.buffer[self.at + bytes..];
            if let Some(end) = memchr::memchr(b'\n', rest) {
                bytes += end;
                break;
            }
            bytes += rest.len();
            if bytes > ITEM_BYTES_MAX {
                return self.long_line(spill).map(Some);
            }
            if !self.fill()? {
                break;
            }
        }
        self.take_line(bytes).map(Some)
    }

    /// False at the end of the input.
    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                return Ok(false);
            }
            match self.buffer[self.at] {
                b'\n' | b'\r' => self.consume(1),
                _ => return Ok(true),
            }
        }
    }

    /// An item without the carriage return at its end.
    fn take_line(&mut self, bytes: usize) -> io::Result<Piece> {
        let mut piece = self.take_item(bytes)?;
        if let Piece::Item { raw, .. } = &mut piece
            && raw.last() == Some(&b'\r')
        {
            raw.pop();
        }
        Ok(piece)
    }

    /// The next record of CSV, which may be several lines; the first one is the header.
    fn next_record(&mut self, spill: &mut dyn Spill) -> io::Result<Option<Piece>> {
        if self.header.is_empty() && !self.headless {
            if self.peek_significant()?.is_none() {
                return Ok(None);
            }
            match self.record(csv::Record::of_header(), spill)? {
                Piece::Item { raw, .. } => {
                    self.header = raw;
                    self.nth = 0;
                }
                told => {
                    self.headless = true;
                    return Ok(Some(told));
                }
            }
        }
        if !self.skip_empty_lines()? {
            return Ok(None);
        }
        if self.headless {
            let why = "the line that names the columns cannot be read";
            return self.broken(why).map(Some);
        }
        let record = csv::Record::below(&self.header);
        self.record(record, spill).map(Some)
    }

    fn record(&mut self, mut record: csv::Record, spill: &mut dyn Spill) -> io::Result<Piece> {
        let mut scanned = 0;
        loop {
            if self.at + scanned == self.buffer.len() && !self.fill()? {
                return match record.may_end() {
                    true => self.take_line(scanned),
                    false => self.broken("the input ends in the middle of a quoted field"),
                };
            }
            match record.feed(self.buffer[self.at + scanned]) {
                csv::Step::Record => return self.take_line(scanned),
                csv::Step::Broken(why) => return self.broken(why),
                _ => scanned += 1,
            }
            if scanned > ITEM_BYTES_MAX {
                return match self.buffer[self.at..self.at + scanned].contains(&b'\n') {
                    // A quote that nothing closes: only its line is given up.
                    true => self.broken("longer than an item may be"),
                    false => self.long_line(spill),
                };
            }
        }
    }

    /// Passes a line too long to hold through to its end.
    fn long_line(&mut self, spill: &mut dyn Spill) -> io::Result<Piece> {
        self.nth += 1;
        let place = self.place();
        let mut passed = 0;
        loop {
            let rest = &self.buffer[self.at..];
            let end = memchr::memchr(b'\n', rest);
            let bytes = end.unwrap_or(rest.len());
            spill.write(place, &rest[..bytes])?;
            passed += bytes as u64;
            self.consume(bytes);
            if end.is_some() || !self.fill()? {
                return Ok(Piece::Spilled {
                    place,
                    bytes: passed,
                });
            }
        }
    }

    /// Whether the bracket at hand opens an array of items; lines of text begin with brackets, too: `[error] no`.
    fn opens_items(&mut self) -> io::Result<bool> {
        let mut ahead = 1;
        while ahead < ITEM_BYTES_MAX {
            if self.at + ahead == self.buffer.len() && !self.fill()? {
                break;
            }
            match self.buffer[self.at + ahead] {
                b' ' | b'\t' | b'\r' | b'\n' => ahead += 1,
                next => return Ok(matches!(next, b'{' | b'[' | b']' | b'"')),
            }
        }
        Ok(true)
    }

    fn enter(&mut self, bytes: usize, around: Option<Delimiter>) {
        self.consume(bytes);
        self.within = Within::Array {
            comma: false,
            around,
        };
    }

    fn end(&mut self) -> Option<Piece> {
        let cut = self.within != Within::Nothing;
        self.within = Within::Nothing;
        cut.then(|| Piece::Broken {
            place: self.place(),
            raw: Vec::new(),
            why: "the input ends before its array does",
        })
    }

    /// Delimits the value at hand. `None` if it was an object around items, which are next.
    fn value(&mut self, may_wrap: bool, spill: &mut dyn Spill) -> io::Result<Option<Piece>> {
        let mut delimiter = Delimiter::default();
        let mut scanned = 0;
        loop {
            if self.at + scanned == self.buffer.len() && !self.fill()? {
                return match delimiter.end() {
                    true => self.take_item(scanned).map(Some),
                    false => self
                        .broken("the input ends in the middle of a value")
                        .map(Some),
                };
            }
            let byte = self.buffer[self.at + scanned];
            match delimiter.feed(byte) {
                Step::More => scanned += 1,
                Step::Done => return self.take_item(scanned + 1).map(Some),
                Step::DoneBefore => return self.take_item(scanned).map(Some),
                Step::Broken(why) => return self.broken(why).map(Some),
                Step::ArrayOfMember if may_wrap && self.wraps(scanned) => {
                    self.keep_header(scanned);
                    delimiter.leave_array();
                    self.enter(scanned + 1, Some(delimiter));
                    return Ok(None);
                }
                Step::ArrayOfMember => scanned += 1,
            }
            if scanned > ITEM_BYTES_MAX {
                return self.too_long(delimiter, scanned, spill).map(Some);
            }
        }
    }

    /// Whether the member whose array begins after `scanned` bytes is one that holds items.
    fn wraps(&self, scanned: usize) -> bool {
        let before = self.buffer[self.at..self.at + scanned].trim_ascii_end();
        let Some(name) = before
            .strip_suffix(b":")
            .map(<[u8]>::trim_ascii_end)
            .and_then(|b| b.strip_suffix(b"\""))
        else {
            return false;
        };
        let Layout::Json { wrappers } = &self.layout else {
            return false;
        };
        wrappers.iter().any(|w| {
            name.strip_suffix(w.as_bytes())
                .is_some_and(|b| b.ends_with(b"\""))
        })
    }

    /// What stood before the member that holds the items, closed to an object.
    fn keep_header(&mut self, scanned: usize) {
        let before = &self.buffer[self.at..self.at + scanned];
        let name = before
            .trim_ascii_end()
            .strip_suffix(b":")
            .map_or(before, <[u8]>::trim_ascii_end);
        let start = name[..name.len().saturating_sub(1)]
            .iter()
            .rposition(|b| *b == b'"')
            .unwrap_or(0);
        let members = name[..start].trim_ascii_end();
        self.header = members
            .strip_suffix(b",")
            .unwrap_or(members)
            .trim_ascii_end()
            .to_vec();
        self.header.push(b'}');
    }

    /// Passes over what stands after the array in the object around it.
    fn rest_of_wrapper(&mut self, mut around: Delimiter) -> io::Result<Option<Piece>> {
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                let why = "the input ends before the object around its array does";
                return Ok(Some(Piece::Broken {
                    place: self.place(),
                    raw: Vec::new(),
                    why,
                }));
            }
            match around.feed(self.buffer[self.at]) {
                Step::Done => {
                    self.consume(1);
                    return Ok(None);
                }
                Step::DoneBefore => return Ok(None),
                Step::Broken(why) => return self.broken(why).map(Some),
                Step::More | Step::ArrayOfMember => self.consume(1),
            }
        }
    }

    fn take_item(&mut self, bytes: usize) -> io::Result<Piece> {
        self.nth += 1;
        let place = self.place();
        let raw = self.buffer[self.at..self.at + bytes].to_vec();
        self.consume(bytes);
        Ok(Piece::Item { place, raw })
    }

    /// Gives up on the line at hand.
    fn broken(&mut self, why: &'static str) -> io::Result<Piece> {
        self.nth += 1;
        let place = self.place();
        self.recovering |= self.within != Within::Nothing;
        self.within = Within::Nothing;
        if self.layout != Layout::Csv {
            self.header.clear();
        }
        let mut bytes = 0;
        // A line longer than an item ends here; what follows of it is broken again.
        while bytes < ITEM_BYTES_MAX {
            if self.at + bytes == self.buffer.len() && !self.fill()? {
                break;
            }
            if self.buffer[self.at + bytes] == b'\n' {
                break;
            }
            bytes += 1;
        }
        let raw = self.buffer[self.at..self.at + bytes].to_vec();
        self.consume(bytes);
        Ok(Piece::Broken { place, raw, why })
    }

    /// Passes a value too long to hold through to its end, without holding it.
    fn too_long(
        &mut self,
        mut delimiter: Delimiter,
        scanned: usize,
        spill: &mut dyn Spill,
    ) -> io::Result<Piece> {
        if self.buffer[self.at..self.at + scanned].contains(&b'\n') {
            // Spread over lines, or many lines after one that never closes: only the first is given up.
            return self.broken("longer than an item may be");
        }
        self.nth += 1;
        let place = self.place();
        let mut bytes = scanned as u64;
        spill.write(place, &self.buffer[self.at..self.at + scanned])?;
        self.consume(scanned);
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                return Ok(Piece::Spilled { place, bytes });
            }
            let rest = &self.buffer[self.at..];
            let mut passed = 0;
            let mut done = false;
            for byte in rest {
                match delimiter.feed(*byte) {
                    Step::More | Step::ArrayOfMember => passed += 1,
                    Step::Done => {
                        passed += 1;
                        done = true;
                        break;
                    }
                    // A line that breaks is passed to its end.
                    Step::Broken(_) if *byte != b'\n' => passed += 1,
                    Step::DoneBefore | Step::Broken(_) => {
                        done = true;
                        break;
                    }
                }
            }
            spill.write(place, &rest[..passed])?;
            bytes += passed as u64;
            self.consume(passed);
            if done {
                return Ok(Piece::Spilled { place, bytes });
            }
        }
    }

    fn place(&self) -> Place {
        Place {
            line: self.line,
            nth: self.nth,
        }
    }

    /// The next byte that is no white space.
    fn peek_significant(&mut self) -> io::Result<Option<u8>> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        loop {
            if self.at == self.buffer.len() && !self.fill()? {
                return Ok(None);
            }
            match self.buffer[self.at] {
                // RFC 7464 sets a record separator before each value.
                b' ' | b'\t' | b'\r' | b'\n' | 0x1e => self.consume(1),
                0xef if self.nth == 0 => {
                    while self.buffer.len() < self.at + BYTE_ORDER_MARK.len() && self.fill()? {}
                    if !self.buffer[self.at..].starts_with(BYTE_ORDER_MARK) {
                        return Ok(Some(0xef));
                    }
                    self.consume(BYTE_ORDER_MARK.len());
                }
                byte => return Ok(Some(byte)),
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        let done = &self.buffer[self.at..self.at + bytes];
        self.line += memchr::memchr_iter(b'\n', done).count() as u64;
        self.at += bytes;
    }

    /// Reads more; false at the end of the input.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let held = self.buffer.len();
        self.buffer.resize(held + READ_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[held..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.ended = read? == 0;
        Ok(!self.ended)
    }
}

#[cfg(test)]
mod tests;
