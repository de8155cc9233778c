//! One frame of a spool file: what it is, its number, its bytes, and a checksum over all of it.
//!
//! ```text
//! length u32 | checksum u32 | kind u8 | sequence u64 | body          (little-endian; length and checksum are of what follows them)
//! ```
//! The checksum is CRC32C. A length below 16 MiB has a zero byte in it, and JSON has none: no entry can hold a frame.

/// What every spool file begins with; the digit is the version of its form.
pub const MAGIC: &[u8; 8] = b"marspl1\n";

/// Length and checksum.
const PREFIX: usize = 8;
/// Kind and sequence.
const FIXED: usize = 9;

/// The longest frame: the largest entry, its number and what the recorder adds.
pub const BYTES_MAX: usize = entry::limits::ENTRY_BYTES_MAX + 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// First in a file: the next sequence when it was begun; the body is the source's name.
    Head = 0,
    /// An entry; the body is its JSON.
    Entry = 1,
    /// That number and those before it are given away, though not here.
    Mark = 2,
}

/// A frame that is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: Kind,
    pub sequence: u64,
    pub body: &'a [u8],
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    Frame(Frame<'a>),
    /// A frame of so many bytes, if it is one, of which only a part is here.
    Short(usize),
    /// No frame.
    Bad,
}

impl Frame<'_> {
    pub fn bytes(&self) -> usize {
        PREFIX + FIXED + self.body.len()
    }
}

/// Appends a frame whose body is written by `body`.
pub fn push(out: &mut Vec<u8>, kind: Kind, sequence: u64, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    out.push(kind as u8);
    out.extend_from_slice(&sequence.to_le_bytes());
    body(out);
    let length = u32::try_from(out.len() - start - PREFIX).expect("entries are smaller than 4 GiB");
    let checksum = crc32c::crc32c(&out[start + PREFIX..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + PREFIX].copy_from_slice(&checksum.to_le_bytes());
}

/// The frame that `bytes` begin with.
pub fn read(bytes: &[u8]) -> Next<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else {
        return Next::Short(PREFIX + FIXED);
    };
    let number = |at: usize| u32::from_le_bytes(prefix[at..at + 4].try_into().expect("4 bytes"));
    let (length, checksum) = (number(0) as usize, number(4));
    if !(FIXED..=BYTES_MAX).contains(&length) {
        return Next::Bad;
    }
    let Some(content) = rest.get(..length) else {
        return Next::Short(PREFIX + length);
    };
    let kind = match content[0] {
        0 => Kind::Head,
        1 => Kind::Entry,
        2 => Kind::Mark,
        _ => return Next::Bad,
    };
    if crc32c::crc32c(content) != checksum {
        return Next::Bad;
    }
    Next::Frame(Frame {
        kind,
        sequence: u64::from_le_bytes(content[1..FIXED].try_into().expect("8 bytes")),
        body: &content[FIXED..],
    })
}

/// Where the next frame begins behind bytes that are none: the first place after `bytes`' beginning that holds a whole one.
pub fn resume(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|&at| matches!(read(&bytes[at..]), Next::Frame(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: Kind, sequence: u64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        push(&mut out, kind, sequence, |out| out.extend_from_slice(body));
        out
    }

    proptest! {
        #[test]
        fn a_frame_is_read_as_it_was_written(
            sequence in any::<u64>(),
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = frame(Kind::Entry, sequence, &body);
            let read = read(&bytes);
            prop_assert_eq!(read, Next::Frame(Frame { kind: Kind::Entry, sequence, body: &body }));
        }

        #[test]
        fn a_cut_frame_is_short_and_a_changed_one_is_none(at in 0_usize..60, bit in 0_u8..8) {
            let bytes = frame(Kind::Entry, 7, b"{\"action\":\"login\",\"actor\":1}");
            let at = at % bytes.len();
            prop_assert!(matches!(read(&bytes[..at]), Next::Short(_)));
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            prop_assert!(!matches!(read(&changed), Next::Frame(_)));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = resume(&bytes);
        }
    }

    #[test]
    fn reading_goes_on_at_the_next_whole_frame() {
        let mut bytes = b"\0\0\0\0garbage".to_vec();
        let at = bytes.len();
        bytes.extend(frame(Kind::Mark, 3, b""));
        assert_eq!(resume(&bytes), Some(at));
        assert_eq!(resume(&bytes[..at]), None);
    }
}
