//! ustar (POSIX.1-1988) in one spelling: plain files, no owners, no times, so that an archive is a function of its content.
//!
//! Our own, because a reader here must refuse what every tar library is written to accept: other headers for the same file,
//! links, long names, sparse files, padding. A header is read by writing the only one it may be, and comparing.

/// Bytes of a header, and what content is padded to.
pub const BLOCK: usize = 512;

/// The longest name: no member's is longer.
const NAME_BYTES_MAX: usize = 100;

/// The largest member: eleven octal digits.
pub const SIZE_MAX: u64 = (1 << 33) - 1;

/// What follows the last member.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// The header of a file.
///
/// # Panics
/// If the name or the size does not fit: names are ours, and sizes are checked where they come from.
pub fn header(name: &str, size: u64) -> [u8; BLOCK] {
    assert!(name.len() <= NAME_BYTES_MAX, "members have short names");
    assert!(size <= SIZE_MAX, "a member is below 8 GiB");
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0"); // mode
    put(108, b"0000000\0"); // owner
    put(116, b"0000000\0"); // group
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0"); // time
    put(148, b"        "); // checksum, while it is computed
    put(156, b"0"); // a plain file
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

/// The size in the header of the file `name`; `None` if the block is not that file's one header.
pub fn size_in(block: &[u8; BLOCK], name: &str) -> Option<u64> {
    let digits = std::str::from_utf8(&block[124..135]).ok()?;
    let octal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let size = u64::from_str_radix(digits, 8).ok().filter(|_| octal)?;
    (header(name, size) == *block).then_some(size)
}

/// Zeros after content of this size.
pub fn padding(size: u64) -> usize {
    size.next_multiple_of(BLOCK as u64).abs_diff(size) as usize
}
