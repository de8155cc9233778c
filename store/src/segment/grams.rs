//! Which groups of a dictionary's values may contain a needle: signatures over three-byte runs, one bit row per signature.
//!
//! A sweep over a million distinct request ids would read tens of megabytes; with these it reads the few groups in
//! which every run of the needle occurs. Bit slices: for signature `s`, one bit per group of 64 values.

use super::texts::Texts;
use std::ops::Range;

/// Values per group.
pub const GROUP: u32 = 64;
/// A blob smaller than this is swept as fast as it is looked up.
pub const BLOB_BYTES_MIN: usize = 256 * 1024;
/// Which pairs of bytes occur anywhere: the answer for needles too short for a run of three.
const PAIRS: usize = 65536 / 8;

/// Signatures (4 bytes), the pairs, the slices.
#[derive(Clone, Copy)]
pub struct Grams<'a> {
    values: u32,
    signatures: u32,
    pairs: &'a [u8],
    slices: &'a [u8],
}

fn signature(run: &[u8], signatures: u32) -> usize {
    let run = u32::from(run[0]) | u32::from(run[1]) << 8 | u32::from(run[2]) << 16;
    let mixed = run.wrapping_mul(0x9e37_79b1);
    ((u64::from(mixed) * u64::from(signatures)) >> 32) as usize
}

fn stride(values: u32) -> usize {
    values.div_ceil(GROUP).div_ceil(8) as usize
}

impl<'a> Grams<'a> {
    pub fn new(bytes: &'a [u8], values: u32) -> Option<Self> {
        let (signatures, rest) = bytes.split_first_chunk::<4>()?;
        let (pairs, slices) = rest.split_at_checked(PAIRS)?;
        let signatures = u32::from_le_bytes(*signatures);
        let whole =
            signatures > 0 && (signatures as usize).checked_mul(stride(values))? == slices.len();
        whole.then_some(Grams {
            values,
            signatures,
            pairs,
            slices,
        })
    }

    fn has_pair(&self, first: u8, second: u8) -> bool {
        let at = usize::from(first) << 8 | usize::from(second);
        self.pairs[at / 8] >> (at % 8) & 1 == 1
    }

    /// Calls `visit` with ranges of values outside of which no value contains the needle.
    pub fn candidates(&self, needle: &[u8], mut visit: impl FnMut(Range<u32>)) {
        let runs = needle.windows(3);
        if runs.len() == 0 {
            let possible = match *needle {
                [only] => {
                    (0..=255).any(|other| self.has_pair(only, other) || self.has_pair(other, only))
                }
                [first, second] => self.has_pair(first, second),
                _ => true,
            };
            if possible {
                visit(0..self.values);
            }
            return;
        }
        let stride = stride(self.values);
        let mut groups = vec![0xffu8; stride];
        for run in runs {
            let slice = signature(run, self.signatures) * stride;
            let mut any = 0;
            for (group, bits) in groups.iter_mut().zip(&self.slices[slice..slice + stride]) {
                *group &= bits;
                any |= *group;
            }
            if any == 0 {
                return;
            }
        }
        let mut at = 0;
        let count = self.values.div_ceil(GROUP);
        let holds = |group: u32| groups[group as usize / 8] >> (group % 8) & 1 == 1;
        while at < count {
            let start = at;
            while at < count && holds(at) {
                at += 1;
            }
            if at > start {
                visit(start * GROUP..(at * GROUP).min(self.values));
            }
            at += 1;
        }
    }

    /// The signatures of a dictionary.
    pub fn write(texts: Texts<'_>, blob_bytes: usize) -> Vec<u8> {
        let values = texts.len();
        let groups = values.div_ceil(GROUP) as usize;
        // About two signatures for every run of a group leave four in ten bits set.
        let signatures = (blob_bytes * 2 / groups.max(1))
            .next_power_of_two()
            .clamp(256, 8192) as u32;
        let stride = stride(values);
        let mut pairs = vec![0u8; PAIRS];
        let mut slices = vec![0u8; signatures as usize * stride];
        for (at, value) in texts.iter().enumerate() {
            let group = at / GROUP as usize;
            for pair in value.windows(2) {
                let pair = usize::from(pair[0]) << 8 | usize::from(pair[1]);
                pairs[pair / 8] |= 1 << (pair % 8);
            }
            if let [only] = value {
                // A value of one byte has no pair; any pair with that byte says it occurs.
                let pair = usize::from(*only) << 8 | 0xff;
                pairs[pair / 8] |= 1 << (pair % 8);
            }
            for run in value.windows(3) {
                slices[signature(run, signatures) * stride + group / 8] |= 1 << (group % 8);
            }
        }
        let mut out = Vec::from(signatures.to_le_bytes());
        out.extend_from_slice(&pairs);
        out.extend_from_slice(&slices);
        out
    }
}
