//! Where one message of a stream ends and the next begins (RFC 6587): told anew for each message, since senders mix them.
//!
//! A number, a space and `<` is a count of octets; everything else ends with a line. At most one message is held, of at most the length
//! given; a longer one is passed over and told.

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Message(Vec<u8>),
    /// A message longer than is taken, and its length; its bytes are gone.
    TooLong {
        bytes: usize,
    },
}

/// A message's length has at most so many digits; no message has more octets.
const DIGITS_MAX: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between messages, or in what may be a count.
    Start,
    /// So many octets are still to come.
    Counted {
        left: usize,
    },
    Line,
    /// As these, of a message that is passed over.
    SkipCounted {
        left: usize,
        bytes: usize,
    },
    SkipLine {
        bytes: usize,
    },
}

/// Follows one stream.
#[derive(Clone, Debug)]
pub struct Framing {
    held: Vec<u8>,
    state: State,
    bytes_max: usize,
}

impl Framing {
    pub fn new(bytes_max: usize) -> Self {
        Self {
            held: Vec::new(),
            state: State::Start,
            bytes_max,
        }
    }

    /// Takes what arrived, in pieces of any size.
    pub fn feed(&mut self, mut bytes: &[u8], found: &mut dyn FnMut(Frame)) {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Start => self.start(bytes),
                State::Counted { left } => self.counted(bytes, left, found),
                State::Line => self.line(bytes, found),
                State::SkipCounted { left, bytes: all } => {
                    let passed = left.min(bytes.len());
                    self.state = State::SkipCounted {
                        left: left - passed,
                        bytes: all,
                    };
                    if left == passed {
                        found(Frame::TooLong { bytes: all });
                        self.state = State::Start;
                    }
                    &bytes[passed..]
                }
                State::SkipLine { bytes: so_far } => {
                    let end = memchr::memchr(b'\n', bytes);
                    let all = so_far + end.unwrap_or(bytes.len());
                    match end {
                        Some(end) => {
                            found(Frame::TooLong { bytes: all });
                            self.state = State::Start;
                            &bytes[end + 1..]
                        }
                        None => {
                            self.state = State::SkipLine { bytes: all };
                            &[]
                        }
                    }
                }
            };
        }
    }

    /// The stream ended: what is held is a message, though its end is missing.
    pub fn finish(&mut self, found: &mut dyn FnMut(Frame)) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::SkipCounted { left, bytes } => found(Frame::TooLong {
                bytes: bytes - left,
            }),
            State::SkipLine { bytes } => found(Frame::TooLong { bytes }),
            _ => message(held, found),
        }
        self.state = State::Start;
    }

    /// Bytes that are held: at most the length given and a count.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    fn start<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let byte = bytes[0];
        match byte {
            b'\n' | b'\r' | 0 if self.held.is_empty() => {}
            b'1'..=b'9' if self.held.is_empty() => self.held.push(byte),
            b'0'..=b'9' | b' ' if self.is_count() && self.held.len() <= DIGITS_MAX => {
                self.held.push(byte);
            }
            b'<' if self.held.last() == Some(&b' ') => {
                let digits = self.held.len() - 1;
                let count = std::str::from_utf8(&self.held[..digits]).map(str::parse::<usize>);
                self.held.clear();
                let Ok(Ok(count)) = count else {
                    // Digits alone are pushed before the space.
                    self.state = State::Line;
                    return bytes;
                };
                self.state = match count > self.bytes_max {
                    true => State::SkipCounted {
                        left: count,
                        bytes: count,
                    },
                    false => State::Counted { left: count },
                };
                return bytes;
            }
            _ => {
                self.state = State::Line;
                return bytes;
            }
        }
        &bytes[1..]
    }

    /// Digits so far: a space may follow, once.
    fn is_count(&self) -> bool {
        !self.held.is_empty() && self.held.iter().all(u8::is_ascii_digit)
    }

    fn counted<'b>(
        &mut self,
        bytes: &'b [u8],
        left: usize,
        found: &mut dyn FnMut(Frame),
    ) -> &'b [u8] {
        let taken = left.min(bytes.len());
        self.held.extend_from_slice(&bytes[..taken]);
        self.state = State::Counted { left: left - taken };
        if taken == left {
            message(std::mem::take(&mut self.held), found);
            self.state = State::Start;
        }
        &bytes[taken..]
    }

    fn line<'b>(&mut self, bytes: &'b [u8], found: &mut dyn FnMut(Frame)) -> &'b [u8] {
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.unwrap_or(bytes.len());
        if self.held.len() + taken > self.bytes_max {
            self.state = State::SkipLine {
                bytes: self.held.len(),
            };
            self.held.clear();
            return bytes;
        }
        self.held.extend_from_slice(&bytes[..taken]);
        match end {
            Some(end) => {
                message(std::mem::take(&mut self.held), found);
                self.state = State::Start;
                &bytes[end + 1..]
            }
            None => &[],
        }
    }
}

fn message(mut held: Vec<u8>, found: &mut dyn FnMut(Frame)) {
    while matches!(held.last(), Some(b'\n' | b'\r' | 0)) {
        held.pop();
    }
    if !held.is_empty() {
        found(Frame::Message(held));
    }
}
