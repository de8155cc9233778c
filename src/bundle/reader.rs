//! Reading a bundle as a stream: one frame, and in it the members the caller expects, one after the other.

use super::archive::{self, BLOCK};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

/// A frame that wants more memory than this to be read is refused (2^23 bytes): it is what every decoder should hold.
const WINDOW_LOG_MAX: u32 = 23;

/// Bytes read from the file at once.
const INPUT_BYTES: usize = 256 * 1024;

/// How a frame begins (RFC 8878): not a skippable one, and no dictionary's.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Why reading stopped.
#[derive(Debug)]
pub enum Error {
    /// The file itself could not be read.
    Input(io::Error),
    /// It is not a bundle, or no longer whole.
    Malformed(String),
}

/// The members of a bundle, in their order.
pub struct Reader<R: Read> {
    frame: zstd::Decoder<'static, Whole<R>>,
    /// Of the member that is being read: content not yet given out.
    left: u64,
    /// Zeros that follow it.
    padding: usize,
}

/// The file: its first bytes, which were read to see what it is, then the rest.
type Whole<R> = Chain<Cursor<[u8; 4]>, BufReader<Input<R>>>;

/// The file below, remembering its own error: what the decoder reports could be either's.
struct Input<R> {
    file: R,
    failed: Option<io::Error>,
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(copy_of(error));
            }
        })
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

impl<R: Read> Reader<R> {
    pub fn new(file: R) -> Result<Self, Error> {
        let mut input = Input { file, failed: None };
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(Error::Input(error));
            }
            _ => return Err(Error::Malformed("it is not a zstd frame".to_owned())),
        }
        let input = BufReader::with_capacity(INPUT_BYTES, input);
        let mut frame = zstd::Decoder::with_buffer(Cursor::new(magic).chain(input))
            .map_err(Error::Input)?
            .single_frame();
        frame.window_log_max(WINDOW_LOG_MAX).map_err(Error::Input)?;
        Ok(Self {
            frame,
            left: 0,
            padding: 0,
        })
    }

    /// Goes on to the member that must come next; its size.
    pub fn member(&mut self, name: &str) -> Result<u64, Error> {
        debug_assert_eq!(self.left, 0, "the member before was read to its end");
        self.end_of_member()?;
        let mut block = [0; BLOCK];
        self.exact(&mut block)?;
        let size = archive::size_in(&block, name).ok_or_else(|| {
            Error::Malformed(format!(
                "the next member is not {name}, or its header is not the one it must have"
            ))
        })?;
        self.left = size;
        self.padding = archive::padding(size);
        Ok(size)
    }

    /// All of the member, which may have at most `bytes_max`.
    pub fn whole(&mut self, name: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let size = self.member(name)?;
        if size > bytes_max {
            return Err(Error::Malformed(format!(
                "{name} has {size} bytes, more than it can"
            )));
        }
        let mut bytes = vec![0; size as usize];
        self.exact(&mut bytes)?;
        self.left = 0;
        Ok(bytes)
    }

    /// Appends up to `bytes_max` more of the member; how many, 0 at its end.
    pub fn more(&mut self, bytes: &mut Vec<u8>, bytes_max: usize) -> Result<usize, Error> {
        let from = bytes.len();
        let count = usize::try_from(self.left).map_or(bytes_max, |left| left.min(bytes_max));
        bytes.resize(from + count, 0);
        self.exact(&mut bytes[from..])?;
        self.left -= count as u64;
        Ok(count)
    }

    /// Demands that nothing follows the last member but the end, and nothing that.
    pub fn end(mut self) -> Result<(), Error> {
        self.end_of_member()?;
        let mut end = archive::END;
        self.exact(&mut end)?;
        let mut more = [0];
        let after = self.frame.read(&mut more).map_err(|e| self.why(e))?;
        if end != archive::END || after != 0 {
            return Err(Error::Malformed(
                "something follows its last member".to_owned(),
            ));
        }
        let (_, mut input) = self.frame.finish().into_inner();
        if !input.fill_buf().map_err(Error::Input)?.is_empty() {
            return Err(Error::Malformed("something follows its frame".to_owned()));
        }
        Ok(())
    }

    fn end_of_member(&mut self) -> Result<(), Error> {
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..std::mem::take(&mut self.padding)];
        self.exact(padding)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Error::Malformed(
                "a member is padded with something".to_owned(),
            ));
        }
        Ok(())
    }

    fn exact(&mut self, buffer: &mut [u8]) -> Result<(), Error> {
        self.frame.read_exact(buffer).map_err(|e| self.why(e))
    }

    fn why(&mut self, error: io::Error) -> Error {
        if let Some(failed) = self.frame.get_mut().get_mut().1.get_mut().failed.take() {
            return Error::Input(failed);
        }
        Error::Malformed(match error.kind() {
            io::ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
            _ => format!("its zstd frame is damaged: {error}"),
        })
    }
}
