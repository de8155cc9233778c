//! RELP, in which each message of syslog is numbered and answered, so that a sender knows what to send again: the frames of one
//! connection, and their answers.
//!
//! A frame is `NUMBER COMMAND LENGTH DATA`, its parts told apart by single spaces and its end by a line feed. A command is answered under its
//! own number by `rsp`.

use super::framing::Frame;

/// One command of the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub number: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the sender offers, and where everything begins.
    Open,
    Message(Frame),
    Close,
    /// One that is not known here.
    Unknown,
}

/// The other end does not speak RELP, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no frame of RELP: {0}")]
pub struct Malformed(&'static str);

/// The longest head of a frame: numbers of nine digits, a command of 32 letters, the spaces between.
const HEAD_BYTES_MAX: usize = 9 + 1 + 32 + 1 + 9;

/// What an offer may have: lines that say which commands there are.
const OFFER_BYTES_MAX: usize = 16 * 1024;

#[derive(Clone, Debug)]
enum State {
    /// In the head of a frame.
    Head,
    /// So many bytes of the data are to come.
    Data { head: Head, left: usize },
    /// The line feed is to come.
    End(Command),
}

#[derive(Clone, Copy, Debug)]
struct Head {
    number: u32,
    verb: Verb,
    bytes: usize,
    /// The data is too long, and passed over.
    is_passed_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Open,
    Syslog,
    Close,
    Unknown,
}

/// Follows one connection.
#[derive(Clone, Debug)]
pub struct Relp {
    held: Vec<u8>,
    state: State,
    bytes_max: usize,
    is_open: bool,
}

impl Relp {
    /// Of messages that may have so many bytes; longer ones are passed over, and told.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            held: Vec::new(),
            state: State::Head,
            bytes_max,
            is_open: false,
        }
    }

    /// Takes what arrived, in pieces of any size. Nothing can be made of what follows an error.
    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        found: &mut dyn FnMut(Command),
    ) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            bytes = match std::mem::replace(&mut self.state, State::Head) {
                State::Head => self.head(bytes, found)?,
                State::Data { head, left } => self.data(bytes, head, left),
                State::End(command) => {
                    if bytes[0] != b'\n' {
                        return Err(Malformed("its length is not that of its data"));
                    }
                    self.found(command, found)?;
                    &bytes[1..]
                }
            };
        }
        Ok(())
    }

    fn head<'b>(
        &mut self,
        bytes: &'b [u8],
        found: &mut dyn FnMut(Command),
    ) -> Result<&'b [u8], Malformed> {
        let byte = bytes[0];
        let parts = self.held.iter().filter(|held| **held == b' ').count();
        let ends = byte == b'\n' || (byte == b' ' && parts == 2);
        if !ends {
            if self.held.len() == HEAD_BYTES_MAX {
                return Err(Malformed("its head is too long"));
            }
            self.held.push(byte);
            return Ok(&bytes[1..]);
        }
        let head = self.read_head()?;
        self.held.clear();
        match byte {
            b'\n' if head.bytes > 0 => return Err(Malformed("it has no data")),
            b'\n' => {
                let command = self.command(head);
                self.found(command, found)?;
            }
            _ if head.bytes == 0 => self.state = State::End(self.command(head)),
            _ => {
                self.state = State::Data {
                    head,
                    left: head.bytes,
                }
            }
        }
        Ok(&bytes[1..])
    }

    fn read_head(&self) -> Result<Head, Malformed> {
        let text = std::str::from_utf8(&self.held).map_err(|_| Malformed("its head is no text"))?;
        let mut parts = text.split(' ');
        let mut part = || parts.next().unwrap_or_default();
        let (number, verb, length) = (part(), part(), part());
        let number = digits(number).ok_or(Malformed("it has no number"))?;
        let bytes = digits(length).ok_or(Malformed("it has no length"))? as usize;
        let verb = match verb {
            "open" => Verb::Open,
            "syslog" => Verb::Syslog,
            "close" => Verb::Close,
            "" => return Err(Malformed("it has no command")),
            _ => Verb::Unknown,
        };
        let bytes_max = match verb {
            Verb::Syslog => self.bytes_max,
            Verb::Open | Verb::Close | Verb::Unknown => OFFER_BYTES_MAX,
        };
        Ok(Head {
            number,
            verb,
            bytes,
            is_passed_over: bytes > bytes_max,
        })
    }

    fn data<'b>(&mut self, bytes: &'b [u8], head: Head, left: usize) -> &'b [u8] {
        let taken = left.min(bytes.len());
        if !head.is_passed_over {
            self.held.extend_from_slice(&bytes[..taken]);
        }
        self.state = match left - taken {
            0 => State::End(self.command(head)),
            left => State::Data { head, left },
        };
        &bytes[taken..]
    }

    fn command(&mut self, head: Head) -> Command {
        let data = std::mem::take(&mut self.held);
        let kind = match head.verb {
            Verb::Open => Kind::Open,
            Verb::Close => Kind::Close,
            Verb::Unknown => Kind::Unknown,
            Verb::Syslog if head.is_passed_over => {
                Kind::Message(Frame::TooLong { bytes: head.bytes })
            }
            Verb::Syslog => Kind::Message(Frame::Message(data)),
        };
        Command {
            number: head.number,
            kind,
        }
    }

    fn found(&mut self, command: Command, found: &mut dyn FnMut(Command)) -> Result<(), Malformed> {
        match command.kind {
            Kind::Open => self.is_open = true,
            _ if !self.is_open => return Err(Malformed("nothing was opened before it")),
            _ => {}
        }
        found(command);
        Ok(())
    }
}

/// Up to nine of them.
fn digits(text: &str) -> Option<u32> {
    let fits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| text.parse().expect("nine digits are a number"))
}

/// What we offer, to who opens.
const OFFER: &str = concat!(
    "200 OK\nrelp_version=0\nrelp_software=mar-audit,",
    env!("CARGO_PKG_VERSION"),
    "\ncommands=syslog"
);

/// Adds the answer to a command whose message, if it has one, is stored.
pub fn answer(command: &Command, to: &mut Vec<u8>) {
    let says = match &command.kind {
        Kind::Open => OFFER,
        Kind::Message(Frame::TooLong { .. }) => "500 the message is too long",
        Kind::Message(Frame::Message(_)) => "200 OK",
        // Its answer says nothing, and what follows it ends the connection.
        Kind::Close => {
            to.extend_from_slice(format!("{} rsp 0\n0 serverclose 0\n", command.number).as_bytes());
            return;
        }
        Kind::Unknown => "500 no such command",
    };
    to.extend_from_slice(format!("{} rsp {} {says}\n", command.number, says.len()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: &str = "1 open 14 relp_version=0\n";

    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Command>, Malformed> {
        let mut relp = Relp::new(64);
        let mut found = Vec::new();
        for piece in bytes.chunks(piece) {
            relp.feed(piece, &mut |command| found.push(command))?;
        }
        Ok(found)
    }

    fn message(number: u32, text: &str) -> Command {
        let kind = Kind::Message(Frame::Message(text.into()));
        Command { number, kind }
    }

    #[test]
    fn frames_are_found_whatever_the_pieces_they_come_in() {
        let text = format!(
            "{OPENED}2 syslog 5 a b\nc\n3 syslog 0\n4 syslog 0 \n5 starttls 0\n6 close 0\n"
        );
        let other = |number, kind| Command { number, kind };
        let expected = vec![
            other(1, Kind::Open),
            message(2, "a b\nc"),
            message(3, ""),
            message(4, ""),
            other(5, Kind::Unknown),
            other(6, Kind::Close),
        ];
        for piece in 1..=text.len() {
            assert_eq!(
                read(text.as_bytes(), piece).as_ref(),
                Ok(&expected),
                "{piece}"
            );
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_passed_over_and_its_sender_is_told() {
        let text = format!("{OPENED}2 syslog 65 {}\n3 syslog 1 x\n", "y".repeat(65));
        let found = read(text.as_bytes(), 7).expect("frames");
        let kind = Kind::Message(Frame::TooLong { bytes: 65 });
        assert_eq!(found[1..], [Command { number: 2, kind }, message(3, "x")]);
        let mut said = Vec::new();
        found.iter().for_each(|one| answer(one, &mut said));
        let said = String::from_utf8(said).expect("text");
        assert!(said.starts_with("1 rsp "), "{said}");
        assert!(
            said.ends_with("\n2 rsp 27 500 the message is too long\n3 rsp 6 200 OK\n"),
            "{said}"
        );
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for (text, why) in [
            ("<38>hello there, this is not RELP\n", "it has no number"),
            ("<38>hello\n", "it has no number"),
            (&"1".repeat(60), "its head is too long"),
            ("2 syslog 1 x\n", "nothing was opened before it"),
            ("1 open 9999999999 x", "it has no length"),
            ("1 open x\n", "it has no length"),
            ("1 open 5\n", "it has no data"),
            ("1  5 hello\n", "it has no command"),
            ("1 open 1 xy", "its length is not that of its data"),
            ("\n", "it has no number"),
        ] {
            let refused = read(text.as_bytes(), 3).expect_err(text);
            assert_eq!(refused.0, why, "{text}");
        }
    }
}
