//! What is read: files and standard input, plain or compressed, and a first look at one of them that takes nothing away.

use crate::cli::Failure;
use sources::formats::SAMPLE_BYTES_MAX;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// Inputs that were looked at, but not read yet: standard input and pipes can be read once.
#[derive(Default)]
pub struct Inputs {
    looked_at: Option<(PathBuf, Box<dyn Read>, u64)>,
}

impl Inputs {
    /// The input, from its first byte, and how many bytes it has; 0 where that is not known.
    pub fn open(&mut self, file: &Path) -> Result<(Box<dyn Read>, u64), Failure> {
        if let Some((_, input, bytes)) = self.looked_at.take_if(|(path, ..)| path == file) {
            return Ok((input, bytes));
        }
        if file == Path::new("-") {
            return Ok((Box::new(io::stdin()), 0));
        }
        let opened = File::open(file).map_err(|e| failed(file, &e))?;
        let bytes = opened.metadata().map_err(|e| failed(file, &e))?.len();
        Ok((Box::new(opened), bytes))
    }

    /// The beginning of an input, decompressed.
    pub fn sample(&mut self, file: &Path) -> Result<Vec<u8>, Failure> {
        let (mut input, bytes) = self.open(file)?;
        let mut head = Vec::new();
        let most = SAMPLE_BYTES_MAX as u64;
        input
            .by_ref()
            .take(most)
            .read_to_end(&mut head)
            .map_err(|e| failed(file, &e))?;
        let mut sample = Vec::new();
        let mut plain = decompressed(Cursor::new(head.clone())).map_err(|e| failed(file, &e))?;
        // Compressed data is cut off where the head is; what came out until then is the sample.
        let mut chunk = [0; 16 * 1024];
        while sample.len() < SAMPLE_BYTES_MAX {
            match plain.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => sample.extend_from_slice(&chunk[..read]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if !sample.is_empty() => break,
                Err(e) => return Err(failed(file, &e)),
            }
        }
        let whole = Box::new(Cursor::new(head).chain(input));
        self.looked_at = Some((file.to_owned(), whole, bytes));
        Ok(sample)
    }
}

/// How errors call an input.
pub fn shown(file: &Path) -> String {
    match file == Path::new("-") {
        true => "stdin".to_owned(),
        false => file.display().to_string(),
    }
}

pub fn failed(file: &Path, e: &io::Error) -> Failure {
    Failure::failed(format!("{}: {e}", shown(file)))
}

/// By its first bytes: gzip, zstd, or plain.
pub fn decompressed(input: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(256 * 1024, input);
    let start = input.fill_buf()?;
    if start.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(zstd::stream::read::Decoder::with_buffer(input)?));
    }
    Ok(Box::new(input))
}
