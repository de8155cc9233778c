//! Ascending lists of rows, one per value: short ones packed, long ones in blocks, dense ones as bits.

use super::bits::{Blocked, Packed, read_varint, width_of, write_varint};
use std::ops::Range;

/// Rows per block of a long list.
const BLOCK: usize = 128;
/// First row (4 bytes), place of the gaps' bits (4), their width (1).
const HEADER: usize = 9;
/// A list of more than one row in this many is kept as bits.
const DENSE: u64 = 16;

/// The lists of all values, over rows `0..rows`.
///
/// One byte of form. `1`: every list has exactly one row, which follow packed. `0`: the length of the directory (4 bytes),
/// the directory of places where lists begin, the lists.
#[derive(Clone, Copy)]
pub struct Postings<'a> {
    rows: u32,
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Single(Packed<'a>),
    Lists { starts: Blocked<'a>, data: &'a [u8] },
}

/// One list.
#[derive(Clone, Copy)]
pub enum List<'a> {
    All(u32),
    One(u32),
    Bits {
        count: u32,
        bits: &'a [u8],
    },
    Short {
        count: u32,
        first: u32,
        gaps: Packed<'a>,
    },
    Blocks {
        count: u32,
        headers: &'a [u8],
        data: &'a [u8],
    },
}

const EMPTY: List<'static> = List::All(0);

impl<'a> Postings<'a> {
    pub fn new(bytes: &'a [u8], rows: u32) -> Self {
        let lists = |starts, data| Postings {
            rows,
            form: Form::Lists {
                starts: Blocked::new(starts),
                data,
            },
        };
        match bytes.split_first() {
            Some((1, packed)) => Postings {
                rows,
                form: Form::Single(Packed::new(packed)),
            },
            Some((_, rest)) => match rest.split_first_chunk::<4>() {
                Some((length, rest)) => {
                    match rest.split_at_checked(u32::from_le_bytes(*length) as usize) {
                        Some((starts, data)) => lists(starts, data),
                        None => lists(&[], &[]),
                    }
                }
                None => lists(&[], &[]),
            },
            None => lists(&[], &[]),
        }
    }

    pub fn list(&self, at: u32) -> List<'a> {
        match self.form {
            Form::Single(rows) => List::One(rows.get(at)),
            Form::Lists { starts, data } => {
                // Not cut at its end: packed gaps are read eight bytes at a time.
                let bytes = data.get(starts.get(at) as usize..).unwrap_or(&[]);
                parse(bytes, self.rows)
                    .filter(|_| at < starts.len())
                    .unwrap_or(EMPTY)
            }
        }
    }

    /// Rows of one list, without reading them.
    pub fn count(&self, at: u32) -> u32 {
        self.list(at).count()
    }
}

fn parse(mut bytes: &[u8], rows: u32) -> Option<List<'_>> {
    let count = u32::try_from(read_varint(&mut bytes)?)
        .ok()
        .filter(|&count| count <= rows)?;
    let dense = u64::from(count) * DENSE > u64::from(rows);
    if count == rows {
        Some(List::All(rows))
    } else if count == 0 {
        Some(EMPTY)
    } else if count == 1 {
        Some(List::One(read_varint(&mut bytes)? as u32))
    } else if dense && rows as usize > BLOCK {
        Some(List::Bits {
            count,
            bits: bytes.get(..(rows as usize).div_ceil(8))?,
        })
    } else if (count as usize) < BLOCK {
        let first = read_varint(&mut bytes)? as u32;
        Some(List::Short {
            count,
            first,
            gaps: Packed::new(bytes),
        })
    } else {
        let (headers, data) = bytes.split_at_checked((count as usize).div_ceil(BLOCK) * HEADER)?;
        Some(List::Blocks {
            count,
            headers,
            data,
        })
    }
}

impl List<'_> {
    pub fn count(&self) -> u32 {
        match *self {
            List::All(rows) => rows,
            List::One(_) => 1,
            List::Bits { count, .. } | List::Short { count, .. } | List::Blocks { count, .. } => {
                count
            }
        }
    }

    /// Calls `visit` with each row, ascending. Foreign bytes may give rows beyond the segment's: the receiver's to ignore.
    pub fn for_each(&self, visit: &mut impl FnMut(u32)) {
        match *self {
            List::All(rows) => (0..rows).for_each(visit),
            List::One(row) => visit(row),
            List::Bits { bits, .. } => {
                for (at, word) in words(bits).enumerate() {
                    let mut left = word;
                    while left != 0 {
                        visit((at * 64) as u32 + left.trailing_zeros());
                        left &= left - 1;
                    }
                }
            }
            List::Short { count, first, gaps } => {
                let mut row = first;
                visit(row);
                gaps.for_each(0..count - 1, |gap| {
                    row = row.wrapping_add(gap).wrapping_add(1);
                    visit(row);
                });
            }
            List::Blocks {
                count,
                headers,
                data,
            } => {
                for (at, header) in headers.chunks_exact(HEADER).enumerate() {
                    let within = (count as usize - at * BLOCK).min(BLOCK) as u32;
                    block(header, data, within, visit);
                }
            }
        }
    }

    /// Sets the bit of each row.
    pub fn set_bits(&self, bits: &mut [u64]) {
        match *self {
            List::Bits { bits: from, .. } => {
                for (to, from) in bits.iter_mut().zip(words(from)) {
                    *to |= from;
                }
            }
            _ => self.for_each(&mut |row| {
                if let Some(word) = bits.get_mut(row as usize / 64) {
                    *word |= 1 << (row % 64);
                }
            }),
        }
    }
}

fn words(bits: &[u8]) -> impl Iterator<Item = u64> {
    bits.chunks(8).map(|chunk| {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(eight)
    })
}

fn block(header: &[u8], data: &[u8], within: u32, visit: &mut impl FnMut(u32)) {
    let mut row = u32::from_le_bytes(header[..4].try_into().expect("four bytes"));
    let place = u32::from_le_bytes(header[4..8].try_into().expect("four bytes"));
    visit(row);
    let bytes = data.get(place as usize..).unwrap_or(&[]);
    Packed::of_width(bytes, header[8]).for_each(0..within - 1, |gap| {
        row = row.wrapping_add(gap).wrapping_add(1);
        visit(row);
    });
}

/// Collects lists in order of their values.
pub struct PostingsWriter {
    rows: u32,
    starts: Vec<i64>,
    data: Vec<u8>,
    /// The rows of the lists while each has exactly one.
    single: Option<Vec<u32>>,
}

impl PostingsWriter {
    pub fn new(rows: u32) -> Self {
        PostingsWriter {
            rows,
            starts: Vec::new(),
            data: Vec::new(),
            single: Some(Vec::new()),
        }
    }

    /// Appends the next list: ascending rows, none twice.
    pub fn push(&mut self, list: &[u32]) {
        match (&mut self.single, list) {
            (Some(rows), [row]) => return rows.push(*row),
            (Some(_), _) => self.spell_out(),
            (None, _) => {}
        }
        self.append(list);
    }

    /// The lists so far had one row each; from here on they do not.
    fn spell_out(&mut self) {
        for row in self.single.take().unwrap_or_default() {
            self.append(&[row]);
        }
    }

    fn append(&mut self, list: &[u32]) {
        self.starts.push(self.data.len() as i64);
        write_list(list, self.rows, &mut self.data);
    }

    pub fn finish(self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(rows) = self.single {
            out.push(1);
            Packed::write(rows.iter().copied(), &mut out);
            return out;
        }
        let mut starts = Vec::new();
        Blocked::write(self.starts.into_iter(), &mut starts);
        out.push(0);
        out.extend_from_slice(&(starts.len() as u32).to_le_bytes());
        out.extend_from_slice(&starts);
        out.extend_from_slice(&self.data);
        // Gaps of the last list are read eight bytes at a time.
        out.extend_from_slice(&[0; 8]);
        out
    }
}

fn gaps(list: &[u32]) -> impl Iterator<Item = u32> + Clone {
    list.windows(2).map(|pair| pair[1] - pair[0] - 1)
}

fn write_list(list: &[u32], rows: u32, out: &mut Vec<u8>) {
    let count = list.len() as u32;
    write_varint(u64::from(count), out);
    if count == rows || count == 0 {
        return;
    }
    if count == 1 {
        return write_varint(u64::from(list[0]), out);
    }
    if u64::from(count) * DENSE > u64::from(rows) && rows as usize > BLOCK {
        let start = out.len();
        out.resize(start + (rows as usize).div_ceil(8), 0);
        let bits = &mut out[start..];
        for row in list {
            bits[*row as usize / 8] |= 1 << (row % 8);
        }
        return;
    }
    if list.len() < BLOCK {
        write_varint(u64::from(list[0]), out);
        let width = width_of(u64::from(gaps(list).max().unwrap_or(0)));
        out.push(width as u8);
        return Packed::append(gaps(list), width, out);
    }
    let mut data = Vec::new();
    for block in list.chunks(BLOCK) {
        let width = width_of(u64::from(gaps(block).max().unwrap_or(0)));
        out.extend_from_slice(&block[0].to_le_bytes());
        out.extend_from_slice(&(data.len() as u32).to_le_bytes());
        out.push(width as u8);
        Packed::append(gaps(block), width, &mut data);
    }
    out.extend_from_slice(&data);
}

/// The lists of a column in which every row has exactly one value: rows sorted by value, and where each value's begin.
pub fn invert(forward: &[u32], values: u32) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0u32; values as usize + 1];
    for &value in forward {
        starts[value as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut rows = vec![0; forward.len()];
    for (row, &value) in forward.iter().enumerate() {
        let place = &mut next[value as usize];
        rows[*place as usize] = row as u32;
        *place += 1;
    }
    (rows, starts)
}

/// The part of [`invert`]'s rows that belongs to one value.
pub fn part(starts: &[u32], value: u32) -> Range<usize> {
    starts[value as usize] as usize..starts[value as usize + 1] as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn lists() -> impl Strategy<Value = (u32, Vec<Vec<u32>>)> {
        (1u32..3000).prop_flat_map(|rows| {
            let list = (0usize..(rows as usize).min(600))
                .prop_flat_map(move |n| prop::collection::vec(0..rows, 0..=n))
                .prop_map(|rows| {
                    rows.into_iter()
                        .collect::<BTreeSet<u32>>()
                        .into_iter()
                        .collect()
                });
            let single = (0..rows).prop_map(|row| vec![row]);
            let all = Just((0..rows).collect::<Vec<u32>>());
            let any = prop_oneof![4 => list, 2 => single.clone(), 1 => all];
            (
                Just(rows),
                prop_oneof![
                    prop::collection::vec(any, 0..12),
                    prop::collection::vec(single, 0..12)
                ],
            )
        })
    }

    proptest! {
        #[test]
        fn lists_come_back((rows, lists) in lists()) {
            let mut writer = PostingsWriter::new(rows);
            lists.iter().for_each(|list| writer.push(list));
            let bytes = writer.finish();
            let postings = Postings::new(&bytes, rows);
            for (at, list) in lists.iter().enumerate() {
                let found = postings.list(at as u32);
                prop_assert_eq!(found.count() as usize, list.len());
                let mut back = Vec::new();
                found.for_each(&mut |row| back.push(row));
                prop_assert_eq!(&back, list);
                let mut bits = vec![0u64; (rows as usize).div_ceil(64)];
                found.set_bits(&mut bits);
                prop_assert_eq!(bits.iter().map(|w| w.count_ones() as usize).sum::<usize>(), list.len());
            }
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), rows in 1u32..2000, at in 0u32..5) {
            let list = Postings::new(&bytes, rows).list(at);
            list.for_each(&mut |_| ());
            list.set_bits(&mut vec![0; (rows as usize).div_ceil(64)]);
        }
    }
}
