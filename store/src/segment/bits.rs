//! Numbers in few bits: all of one width, or in blocks along a line.
//!
//! Readers take foreign bytes: outside of them every number is 0, and nothing panics.

/// Bytes after packed numbers, so that eight (or sixteen) can be read wherever a number begins.
const PADDING: usize = 16;

/// Bits that a number needs.
pub fn width_of(max: u64) -> u32 {
    u64::BITS - max.leading_zeros()
}

fn load(bytes: &[u8], bit: usize, width: u32) -> u64 {
    let at = bit >> 3;
    let shift = (bit & 7) as u32;
    if width <= 56 {
        let Some(eight) = bytes.get(at..at + 8) else {
            return 0;
        };
        let word = u64::from_le_bytes(eight.try_into().expect("eight bytes"));
        return (word >> shift) & ((1 << width) - 1);
    }
    let Some(sixteen) = bytes.get(at..at + 16) else {
        return 0;
    };
    let word = u128::from_le_bytes(sixteen.try_into().expect("sixteen bytes"));
    ((word >> shift) & ((1 << width) - 1)) as u64
}

/// Appends numbers of one width, the lowest bits first, ending on a whole byte. No padding.
fn append(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut word, mut filled) = (0u128, 0);
    for value in values {
        word |= u128::from(value) << filled;
        filled += width;
        while filled >= 32 {
            out.extend_from_slice(&(word as u32).to_le_bytes());
            word >>= 32;
            filled -= 32;
        }
    }
    let rest = filled.div_ceil(8) as usize;
    out.extend_from_slice(&word.to_le_bytes()[..rest]);
}

/// Numbers of one width (at most 32 bits): `width` as one byte, the numbers, padding.
#[derive(Clone, Copy)]
pub struct Packed<'a> {
    bytes: &'a [u8],
    width: u32,
}

impl<'a> Packed<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        match bytes.split_first() {
            Some((&width, bytes)) if width <= 32 => Packed {
                bytes,
                width: u32::from(width),
            },
            _ => Packed {
                bytes: &[],
                width: 0,
            },
        }
    }

    /// Numbers whose width is kept elsewhere.
    pub fn of_width(bytes: &'a [u8], width: u8) -> Self {
        match width {
            0..=32 => Packed {
                bytes,
                width: u32::from(width),
            },
            _ => Packed {
                bytes: &[],
                width: 0,
            },
        }
    }

    pub fn get(&self, at: u32) -> u32 {
        load(self.bytes, at as usize * self.width as usize, self.width) as u32
    }

    /// Calls `visit` with each number of a range, in order.
    pub fn for_each(&self, range: std::ops::Range<u32>, mut visit: impl FnMut(u32)) {
        let width = self.width as usize;
        let mask = (1u64 << width) - 1;
        let mut bit = range.start as usize * width;
        for _ in range {
            let at = bit >> 3;
            let value = match self.bytes.get(at..at + 8) {
                Some(eight) => {
                    u64::from_le_bytes(eight.try_into().expect("eight bytes")) >> (bit & 7)
                }
                None => 0,
            };
            visit((value & mask) as u32);
            bit += width;
        }
    }

    /// Appends numbers alone: without their width, and without the padding that must follow somewhere.
    pub fn append(values: impl Iterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
        append(values.map(u64::from), width, out);
    }

    pub fn write(values: impl Iterator<Item = u32> + Clone, out: &mut Vec<u8>) {
        let width = width_of(u64::from(values.clone().max().unwrap_or(0)));
        out.push(width as u8);
        append(values.map(u64::from), width, out);
        out.extend_from_slice(&[0; PADDING]);
    }
}

/// Numbers per block of [`Blocked`].
const BLOCK: usize = 128;
/// Base (8 bytes), slope (4), place of the block's bits (4), their width (1).
const HEADER: usize = 17;

/// Numbers near a line, block by block: times, places of texts, anything that mostly rises.
///
/// Their count (4 bytes), a header per 128, then each block's distances from its line, in the bits its largest needs.
#[derive(Clone, Copy)]
pub struct Blocked<'a> {
    headers: &'a [u8],
    data: &'a [u8],
    len: u32,
}

impl<'a> Blocked<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let empty = Blocked {
            headers: &[],
            data: &[],
            len: 0,
        };
        let Some((count, rest)) = bytes.split_first_chunk::<4>() else {
            return empty;
        };
        let len = u32::from_le_bytes(*count);
        let headers = (len as usize).div_ceil(BLOCK) * HEADER;
        match rest.split_at_checked(headers) {
            Some((headers, data)) => Blocked { headers, data, len },
            None => empty,
        }
    }

    pub fn len(&self) -> u32 {
        self.len
    }

    pub fn get(&self, at: u32) -> i64 {
        let block = at as usize / BLOCK * HEADER;
        let Some(header) = self.headers.get(block..block + HEADER) else {
            return 0;
        };
        let base = i64::from_le_bytes(header[..8].try_into().expect("eight bytes"));
        let slope = i32::from_le_bytes(header[8..12].try_into().expect("four bytes"));
        let place = u32::from_le_bytes(header[12..16].try_into().expect("four bytes"));
        let width = u32::from(header[16]).min(64);
        let within = at as usize % BLOCK;
        let bits = load(
            self.data,
            place as usize * 8 + within * width as usize,
            width,
        );
        base.wrapping_add(i64::from(slope).wrapping_mul(within as i64))
            .wrapping_add(bits as i64)
    }

    /// How many of the first numbers fulfil `holds`, which must hold for a beginning of them and no further.
    pub fn partition_point(&self, holds: impl Fn(i64) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match holds(self.get(middle)) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    pub fn write(values: impl Iterator<Item = i64>, out: &mut Vec<u8>) {
        let (mut headers, mut data) = (Vec::new(), Vec::new());
        let mut values = values.peekable();
        let mut block = Vec::with_capacity(BLOCK);
        let mut len = 0u32;
        while values.peek().is_some() {
            block.clear();
            block.extend(values.by_ref().take(BLOCK));
            len += block.len() as u32;
            write_block(&block, &mut headers, &mut data);
        }
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(&data);
        out.extend_from_slice(&[0; PADDING]);
    }
}

fn write_block(block: &[i64], headers: &mut Vec<u8>, data: &mut Vec<u8>) {
    let (first, last) = (block[0], block[block.len() - 1]);
    let steps = (block.len() as i64 - 1).max(1);
    let slope = i32::try_from(last.wrapping_sub(first) / steps).unwrap_or(0);
    let off_line = |at: usize| block[at].wrapping_sub(i64::from(slope).wrapping_mul(at as i64));
    let base = (0..block.len())
        .map(off_line)
        .min()
        .expect("a block holds numbers");
    let distance = |at: usize| off_line(at).wrapping_sub(base) as u64;
    let width = width_of(
        (0..block.len())
            .map(distance)
            .max()
            .expect("a block holds numbers"),
    );
    headers.extend_from_slice(&base.to_le_bytes());
    headers.extend_from_slice(&slope.to_le_bytes());
    headers.extend_from_slice(&(data.len() as u32).to_le_bytes());
    headers.push(width as u8);
    append((0..block.len()).map(distance), width, data);
}

/// Appends a number in 7-bit groups, the lowest first.
pub fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number off the front of `bytes`; `None` where there is none.
pub fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_numbers_come_back(values in prop::collection::vec(any::<u32>(), 0..300), shift in 0u32..32) {
            let values: Vec<u32> = values.iter().map(|v| v >> shift).collect();
            let mut bytes = Vec::new();
            Packed::write(values.iter().copied(), &mut bytes);
            let packed = Packed::new(&bytes);
            for (at, value) in values.iter().enumerate() {
                prop_assert_eq!(packed.get(at as u32), *value);
            }
            let mut all = Vec::new();
            packed.for_each(0..values.len() as u32, |v| all.push(v));
            prop_assert_eq!(all, values);
        }

        #[test]
        fn blocked_numbers_come_back(values in prop::collection::vec(any::<i64>(), 0..300), shift in 0u32..64) {
            let values: Vec<i64> = values.iter().map(|v| v >> shift).collect();
            let mut bytes = Vec::new();
            Blocked::write(values.iter().copied(), &mut bytes);
            let blocked = Blocked::new(&bytes);
            prop_assert_eq!(blocked.len() as usize, values.len());
            for (at, value) in values.iter().enumerate() {
                prop_assert_eq!(blocked.get(at as u32), *value);
            }
        }

        #[test]
        fn foreign_bytes_give_numbers_not_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<u32>()) {
            Packed::new(&bytes).get(at);
            Blocked::new(&bytes).get(at);
            Blocked::new(&bytes).partition_point(|v| v < 0);
            read_varint(&mut &bytes[..]);
        }
    }

    #[test]
    fn a_line_takes_only_its_headers() {
        let mut bytes = Vec::new();
        Blocked::write((0..1280).map(|n| 7 + n * 21), &mut bytes);
        assert_eq!(bytes.len(), 4 + 10 * HEADER + PADDING);
    }
}
