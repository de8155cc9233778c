//! Where a JSON value ends, byte by byte, and the first byte at which it cannot be one any more.

/// The deepest nesting followed; the parser's own limit refuses less deep ones with a better word.
const DEPTH_MAX: usize = 4 * entry::limits::DEPTH_MAX;

/// What a byte did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The value goes on.
    More,
    /// As [`Step::More`], and an array begins that is a member's value of the outermost object.
    ArrayOfMember,
    /// The value ended with this byte.
    Done,
    /// The value ended before this byte.
    DoneBefore,
    Broken(&'static str),
}

/// Follows one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimiter {
    /// True for an object, false for an array, outermost first.
    open: Vec<bool>,
    expects: Expects,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expects {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    /// Within a string; `name` if it is a member's, `escaped` after a backslash.
    Text {
        name: bool,
        escaped: bool,
    },
    /// Within a number or a word.
    Word,
}

impl Default for Delimiter {
    fn default() -> Self {
        Self {
            open: Vec::new(),
            expects: Expects::Value,
        }
    }
}

impl Delimiter {
    /// Takes the next byte.
    pub fn feed(&mut self, byte: u8) -> Step {
        match self.expects {
            Expects::Text { name, escaped } => self.text(byte, name, escaped),
            Expects::Word => self.word(byte),
            _ if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') => Step::More,
            Expects::Value => self.value(byte),
            Expects::ValueOrEnd if byte == b']' => self.close(false),
            Expects::ValueOrEnd => self.value(byte),
            Expects::NameOrEnd if byte == b'}' => self.close(true),
            Expects::Name | Expects::NameOrEnd if byte == b'"' => self.go_on(Expects::Text {
                name: true,
                escaped: false,
            }),
            Expects::Name | Expects::NameOrEnd => {
                Step::Broken("an object's member begins with its name in quotes")
            }
            Expects::Colon if byte == b':' => self.go_on(Expects::Value),
            Expects::Colon => Step::Broken("a colon follows a member's name"),
            Expects::CommaOrEnd => self.comma_or_end(byte),
        }
    }

    /// The input ended: true if the value did, too.
    pub fn end(&self) -> bool {
        self.expects == Expects::Word && self.open.is_empty()
    }

    /// Takes the array that [`Step::ArrayOfMember`] told of as passed.
    pub fn leave_array(&mut self) {
        self.open.truncate(1);
        self.expects = Expects::CommaOrEnd;
    }

    fn go_on(&mut self, expects: Expects) -> Step {
        self.expects = expects;
        Step::More
    }

    fn value(&mut self, byte: u8) -> Step {
        match byte {
            b'{' | b'[' if self.open.len() >= DEPTH_MAX => Step::Broken("nested too deep"),
            b'{' => {
                self.open.push(true);
                self.go_on(Expects::NameOrEnd)
            }
            b'[' => {
                let of_member = self.open == [true];
                self.open.push(false);
                self.expects = Expects::ValueOrEnd;
                if of_member {
                    Step::ArrayOfMember
                } else {
                    Step::More
                }
            }
            b'"' => self.go_on(Expects::Text {
                name: false,
                escaped: false,
            }),
            b'-' | b'0'..=b'9' | b'a'..=b'z' => self.go_on(Expects::Word),
            _ => Step::Broken("not the beginning of a JSON value"),
        }
    }

    fn text(&mut self, byte: u8, name: bool, escaped: bool) -> Step {
        match byte {
            b'\n' => Step::Broken("the line ends in the middle of a string"),
            _ if escaped => self.go_on(Expects::Text {
                name,
                escaped: false,
            }),
            b'\\' => self.go_on(Expects::Text {
                name,
                escaped: true,
            }),
            b'"' if name => self.go_on(Expects::Colon),
            b'"' => self.ended(),
            _ => Step::More,
        }
    }

    fn word(&mut self, byte: u8) -> Step {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.' => Step::More,
            _ if self.open.is_empty() => Step::DoneBefore,
            _ => {
                self.expects = Expects::CommaOrEnd;
                self.feed(byte)
            }
        }
    }

    fn comma_or_end(&mut self, byte: u8) -> Step {
        let in_object = self.open.last() == Some(&true);
        match byte {
            b',' if in_object => self.go_on(Expects::Name),
            b',' => self.go_on(Expects::Value),
            b'}' => self.close(true),
            b']' => self.close(false),
            _ => Step::Broken("a comma or the end of what is open follows a value"),
        }
    }

    fn close(&mut self, object: bool) -> Step {
        if self.open.pop() == Some(object) {
            self.ended()
        } else {
            Step::Broken("a bracket closes what is not open")
        }
    }

    fn ended(&mut self) -> Step {
        self.expects = Expects::CommaOrEnd;
        if self.open.is_empty() {
            Step::Done
        } else {
            Step::More
        }
    }
}
