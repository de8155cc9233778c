//! Strict readings of the small texts all formats share: base64 and decimals, each with exactly one spelling.

use data_encoding::BASE64;

/// The largest number any format here carries, 2^63 - 1: Go's verifiers count in signed 64-bit integers, and one bit of room
/// means that no sum of two sizes overflows.
pub(crate) const NUMBER_MAX: u64 = i64::MAX as u64;

/// Standard base64 (RFC 4648 section 4), with padding.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads exactly what [`to_base64`] writes: padding required, no white space, no stray bits, no concatenated parts.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    // The decoder takes concatenated padded texts; writing it back is the shortest proof that this is the only spelling.
    (to_base64(&bytes) == text).then_some(bytes)
}

/// [`from_base64`] of a fixed number of bytes, at most 48. Allocates nothing: a disclosure has many.
pub(crate) fn from_base64_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    const { assert!(N <= 48) };
    let (mut bytes, mut again) = ([0; 48], [0; 64]);
    let again = again.get_mut(..BASE64.encode_len(N))?;
    if text.len() != again.len() {
        return None;
    }
    let room = BASE64.decode_len(text.len()).ok()?;
    let length = BASE64
        .decode_mut(text.as_bytes(), bytes.get_mut(..room)?)
        .ok()?;
    let decoded: [u8; N] = bytes.get(..length)?.try_into().ok()?;
    BASE64.encode_mut(&decoded, again);
    (again == text.as_bytes()).then_some(decoded)
}

/// An ASCII decimal without sign or leading zeros, at most [`NUMBER_MAX`].
pub(crate) fn from_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !digits || leading_zero {
        return None;
    }
    text.parse().ok().filter(|number| *number <= NUMBER_MAX)
}
