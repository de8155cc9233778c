//! Ids in order of seq, their sorted order, and a filter that knows most absent ids without looking.

use super::bits::Packed;
use entry::EntryId;

/// Bits of a filter block: one cache line, so that a question costs one memory access.
const BLOCK_BITS: u64 = 512;
/// Bits per id; with [`PROBES`] about one absent id in a hundred passes.
const BITS_PER_ID: u64 = 10;
const PROBES: u32 = 6;

/// Ids of a segment, 16 bytes each, by ordinal.
#[derive(Clone, Copy)]
pub struct Ids<'a> {
    pub bytes: &'a [u8],
}

impl Ids<'_> {
    pub fn get(&self, ordinal: u32) -> EntryId {
        let at = ordinal as usize * 16;
        let bytes = self
            .bytes
            .get(at..at + 16)
            .and_then(|bytes| bytes.try_into().ok());
        EntryId::from_bytes(bytes.unwrap_or_default())
    }

    /// The ordinal of an id, by halving the sorted order.
    pub fn find(&self, id: &EntryId, order: Packed<'_>) -> Option<u32> {
        let (mut low, mut high) = (0, (self.bytes.len() / 16) as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            let ordinal = order.get(middle);
            match self.get(ordinal).cmp(id) {
                std::cmp::Ordering::Equal => return Some(ordinal),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

/// Two numbers as good as random, from an id. Fixed for ever: filters on disk depend on it.
fn hash(id: &EntryId) -> (u64, u64) {
    let bytes = id.as_bytes();
    let high = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    let low = u64::from_le_bytes(bytes[8..].try_into().expect("eight bytes"));
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let first = fold(high ^ 0xa076_1d64_78bd_642f, low ^ 0xe703_7ed1_a0b4_28db);
    (
        first,
        fold(first ^ 0x8ebc_6af0_9c88_c6e3, low ^ 0x5899_65cc_7537_4cc3),
    )
}

fn places(id: &EntryId, blocks: u64) -> (usize, impl Iterator<Item = usize>) {
    let (which, bits) = hash(id);
    let block = ((u128::from(which) * u128::from(blocks)) >> 64) as usize;
    let places = (0..PROBES).map(move |probe| (bits >> (probe * 9) & (BLOCK_BITS - 1)) as usize);
    (block * BLOCK_BITS as usize / 8, places)
}

/// False only if the id is certainly not among those of the filter.
pub fn may_hold(bloom: &[u8], id: &EntryId) -> bool {
    let blocks = bloom.len() as u64 * 8 / BLOCK_BITS;
    if blocks == 0 {
        return true;
    }
    let (block, mut places) = places(id, blocks);
    places.all(|bit| {
        bloom
            .get(block + bit / 8)
            .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
    })
}

/// The filter of some ids.
pub fn bloom(ids: &[u8]) -> Vec<u8> {
    let count = ids.len() as u64 / 16;
    let blocks = (count * BITS_PER_ID).div_ceil(BLOCK_BITS);
    let mut bloom = vec![0; (blocks * BLOCK_BITS / 8) as usize];
    for id in ids.chunks_exact(16) {
        let id = EntryId::from_bytes(id.try_into().expect("sixteen bytes"));
        let (block, places) = places(&id, blocks);
        places.for_each(|bit| bloom[block + bit / 8] |= 1 << (bit % 8));
    }
    bloom
}

/// Ordinals in order of their ids.
pub fn order(ids: &[u8]) -> Vec<u32> {
    let key = |at: &u32| -> [u8; 16] {
        ids[*at as usize * 16..][..16]
            .try_into()
            .expect("sixteen bytes")
    };
    let mut order: Vec<u32> = (0..(ids.len() / 16) as u32).collect();
    // Merged segments give runs, which this sort takes as they are.
    order.sort_by_cached_key(|at| u128::from_be_bytes(key(at)));
    order
}
