//! The parser: one pass over text whose UTF-8 is checked first, members and elements gathered on one shared stack.

use super::{Invalid, Object, Value, push_pointer};
use crate::limits::DEPTH_MAX;
use std::borrow::Cow;

/// Reads one JSON text, strictly.
pub fn parse(bytes: &[u8]) -> Result<Value<'_>, Invalid> {
    parse_to_depth(bytes, DEPTH_MAX)
}

/// Reads what was accepted before. A little deeper than [`parse`]: an importer may have put a document of full depth
/// into `context`, and what was stored must stay readable.
pub fn parse_stored(bytes: &[u8]) -> Result<Value<'_>, Invalid> {
    parse_to_depth(bytes, 2 * DEPTH_MAX)
}

fn parse_to_depth(bytes: &[u8], depth_max: usize) -> Result<Value<'_>, Invalid> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Parser::new(text, depth_max)
            .document()
            .map_err(|fault| fault.into_invalid()),
        Err(error) => Err(invalid_utf8(bytes, error.valid_up_to(), depth_max)),
    }
}

/// The place of the first byte that is no UTF-8: where the parser stands when the text before it runs out.
fn invalid_utf8(bytes: &[u8], valid: usize, depth_max: usize) -> Invalid {
    let before = std::str::from_utf8(&bytes[..valid]).expect("valid up to there");
    let mut parser = Parser::new(before, depth_max);
    let detail = format!("not JSON at byte {valid}: not valid UTF-8");
    match parser.document() {
        Err(fault) if parser.at < valid => fault.into_invalid(),
        Err(mut fault) => {
            fault.detail = detail;
            fault.into_invalid()
        }
        Ok(_) => Invalid {
            pointer: String::new(),
            detail,
        },
    }
}

/// A refusal on its way up: each level adds its reference token.
struct Fault {
    /// Innermost first.
    tokens: Vec<String>,
    detail: String,
}

impl Fault {
    fn into_invalid(self) -> Invalid {
        let mut pointer = String::new();
        for token in self.tokens.iter().rev() {
            push_pointer(&mut pointer, token);
        }
        Invalid {
            pointer,
            detail: self.detail,
        }
    }

    fn under(mut self: Box<Self>, token: impl ToString) -> Box<Self> {
        self.tokens.push(token.to_string());
        self
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    depth_max: usize,
    /// Members of the objects being read, the innermost's last: moved out in one piece when it ends.
    members: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Elements of the arrays being read, likewise.
    elements: Vec<Value<'a>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, depth_max: usize) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            depth_max,
            members: Vec::with_capacity(16),
            elements: Vec::new(),
        }
    }

    fn document(&mut self) -> Result<Value<'a>, Box<Fault>> {
        if self.text.starts_with('\u{feff}') {
            return Err(self.fault("a byte order mark; JSON begins without one"));
        }
        self.skip_white();
        let value = self.value()?;
        self.skip_white();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.fault("expected nothing more")),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Box<Fault>> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.fault("expected a value")),
            None => Err(self.fault("expected a value, found the end")),
        }
    }

    /// Reads an object or array, the bracket being next.
    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value<'a>, Box<Fault>>,
    ) -> Result<Value<'a>, Box<Fault>> {
        if self.depth == self.depth_max {
            let detail = format!("nested deeper than {} levels", self.depth_max);
            return Err(self.refusal(detail));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value<'a>, Box<Fault>> {
        let from = self.members.len();
        self.skip_white();
        if !self.take(b'}') {
            loop {
                self.skip_white();
                if self.peek() != Some(b'"') {
                    return Err(self.fault("expected a member name in quotes"));
                }
                let name = self.string()?;
                self.skip_white();
                if !self.take(b':') {
                    return Err(self
                        .fault("expected a colon after the member name")
                        .under(name));
                }
                self.skip_white();
                let value = match self.value() {
                    Ok(value) => value,
                    Err(fault) => return Err(fault.under(name)),
                };
                self.members.push((name, value));
                self.skip_white();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.fault("expected a comma or }"));
                }
            }
        }
        let members = gathered(&mut self.members, from);
        let repeated = |name| {
            self.refusal("this name occurs twice in its object".into())
                .under(name)
        };
        Object::of(members).map(Value::Object).map_err(repeated)
    }

    fn array(&mut self) -> Result<Value<'a>, Box<Fault>> {
        let from = self.elements.len();
        self.skip_white();
        if !self.take(b']') {
            loop {
                self.skip_white();
                let value = match self.value() {
                    Ok(value) => value,
                    Err(fault) => return Err(fault.under(self.elements.len() - from)),
                };
                self.elements.push(value);
                self.skip_white();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.fault("expected a comma or ]"));
                }
            }
        }
        Ok(Value::Array(gathered(&mut self.elements, from)))
    }

    /// The string whose opening quote is next. Inlined where names and values are built, so that the borrowed text,
    /// by far the most common, is written once and not handed from frame to frame.
    #[inline(always)]
    fn string(&mut self) -> Result<Cow<'a, str>, Box<Fault>> {
        let from = self.at + 1;
        self.at = from + plain_run(&self.text.as_bytes()[from..]);
        let run = &self.text[from..self.at];
        if self.take(b'"') {
            Ok(Cow::Borrowed(run))
        } else {
            self.escaped(run)
        }
    }

    /// The rest of a string that has begun with `run` and goes on with something else than its end.
    #[inline(never)]
    fn escaped(&mut self, run: &str) -> Result<Cow<'a, str>, Box<Fault>> {
        let mut own = String::from(run);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(own));
                }
                Some(b'\\') => own.push(self.escape()?),
                Some(_) => {
                    return Err(self.fault("a control character in a string must be escaped"));
                }
                None => return Err(self.fault("the string does not end")),
            }
            let from = self.at;
            self.at += plain_run(&self.text.as_bytes()[from..]);
            own.push_str(&self.text[from..self.at]);
        }
    }

    fn escape(&mut self) -> Result<char, Box<Fault>> {
        let plain = match self.text.as_bytes().get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return Err(self.fault("no such escape")),
            None => {
                self.at += 1;
                return Err(self.fault("the string does not end"));
            }
        };
        self.at += 2;
        Ok(plain)
    }

    /// `\uXXXX`, or two of them that make one character.
    fn unicode_escape(&mut self) -> Result<char, Box<Fault>> {
        let first = self.hex_unit(self.at)?;
        let code = match first {
            0xd800..=0xdbff => match self.hex_unit(self.at + 6) {
                Ok(second @ 0xdc00..=0xdfff) => {
                    self.at += 6;
                    0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                }
                _ => return Err(self.fault("half of a surrogate pair stands alone")),
            },
            code => code,
        };
        // Only the second half of a pair is left that is no character.
        let Some(c) = char::from_u32(code) else {
            return Err(self.fault("half of a surrogate pair stands alone"));
        };
        self.at += 6;
        Ok(c)
    }

    fn hex_unit(&self, at: usize) -> Result<u32, Box<Fault>> {
        let digits = match self.text.as_bytes().get(at..at + 6) {
            Some([b'\\', b'u', digits @ ..]) => digits,
            _ => return Err(self.fault("expected four hexadecimal digits")),
        };
        digits.iter().try_fold(0, |unit, &digit| {
            let nibble = char::from(digit)
                .to_digit(16)
                .ok_or_else(|| self.fault("expected four hexadecimal digits"))?;
            Ok(unit << 4 | nibble)
        })
    }

    fn number(&mut self) -> Result<Value<'a>, Box<Fault>> {
        let from = self.at;
        self.take(b'-');
        if self.take(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.fault("a number has no leading zeros"));
            }
        } else {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(Value::Number(Cow::Borrowed(&self.text[from..self.at])))
    }

    fn digits(&mut self) -> Result<(), Box<Fault>> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += length;
        if length == 0 {
            Err(self.fault("expected a digit"))
        } else {
            Ok(())
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Box<Fault>> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(value);
        }
        // Stands where the word breaks off, so that a text that merely ends too early is seen as that.
        self.at += rest
            .iter()
            .zip(word.as_bytes())
            .take_while(|(a, b)| a == b)
            .count();
        Err(self.fault("expected a value"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn skip_white(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    #[cold]
    fn fault(&self, what: &str) -> Box<Fault> {
        self.refusal(format!("not JSON at byte {}: {what}", self.at))
    }

    #[cold]
    fn refusal(&self, detail: String) -> Box<Fault> {
        Box::new(Fault {
            tokens: Vec::new(),
            detail,
        })
    }
}

/// What was pushed since the stack was `from` high. The outermost takes the stack itself, which spares a large one the copy.
fn gathered<T>(stack: &mut Vec<T>, from: usize) -> Vec<T> {
    if from == 0 {
        std::mem::take(stack)
    } else {
        stack.drain(from..).collect()
    }
}

/// How many bytes a JSON string can hold as they are: up to a quote, a backslash or a control character.
///
/// Eight bytes at a time: each test sets the high bit of a byte that is meant, and of bytes above it at most.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(eight) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
        let quotes = word ^ (ONES * u64::from(b'"'));
        let backslashes = word ^ (ONES * u64::from(b'\\'));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let zero_quotes = quotes.wrapping_sub(ONES) & !quotes;
        let zero_backslashes = backslashes.wrapping_sub(ONES) & !backslashes;
        let found = (controls | zero_quotes | zero_backslashes) & HIGHS;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let special = |b: &u8| *b < 0x20 || matches!(b, b'"' | b'\\');
    at + bytes[at..]
        .iter()
        .position(special)
        .unwrap_or(bytes.len() - at)
}
