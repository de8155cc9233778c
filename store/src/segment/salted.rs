//! What the units of a segment's entries are salted with: a seed each, or what an erasure left.

use crate::kept::Salts;
use entry::Erased;
use proof::leaf::Seed;

/// Bytes of a seed; all zeros where something was erased.
pub const SEED_BYTES: usize = 16;

/// Ordinal (4 bytes) and end of its bytes (4).
const PLACE: usize = 8;

/// The seeds and what erasures left, of one segment.
#[derive(Clone, Copy)]
pub struct Salted<'a> {
    pub seeds: &'a [u8],
    pub each: &'a [u8],
}

impl<'a> Salted<'a> {
    /// `None` if the bytes are damaged.
    pub fn get(&self, ordinal: u32) -> Option<Salts> {
        match self.find(ordinal)? {
            Some(each) => Salts::read_each(each),
            None => {
                let at = ordinal as usize * SEED_BYTES;
                let (seed, _) = self.seeds.get(at..)?.split_first_chunk()?;
                Some(Salts::Seed(Seed(*seed)))
            }
        }
    }

    /// What an entry says of its erased members; `None` if the bytes are damaged.
    pub fn get_erased(&self, ordinal: u32) -> Option<Vec<Erased>> {
        match self.find(ordinal)? {
            Some(each) => Some(Salts::read_each(each)?.erased()),
            None => Some(Vec::new()),
        }
    }

    /// The ordinals of entries of which something was erased, and their bytes; ends early where they are damaged.
    pub fn erased(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let this = *self;
        (0..this.count()).map_while(move |n| Some((this.place(n)?.0, this.bytes(n)?)))
    }

    /// What an erasure left of the salts of an entry; `Some(None)` if none came by.
    fn find(&self, ordinal: u32) -> Option<Option<&'a [u8]>> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.place(middle)?.0 < ordinal {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        match self.place(low) {
            Some((found, _)) if low < self.count() && found == ordinal => self.bytes(low).map(Some),
            _ => Some(None),
        }
    }

    fn count(&self) -> usize {
        self.each
            .first_chunk()
            .map_or(0, |count| u32::from_le_bytes(*count) as usize)
            .min(self.each.len() / PLACE)
    }

    /// Ordinal, and the end of its bytes.
    fn place(&self, n: usize) -> Option<(u32, usize)> {
        let at = 4 + n * PLACE;
        let (ordinal, rest) = self.each.get(at..at + PLACE)?.split_first_chunk()?;
        let (end, _) = rest.split_first_chunk()?;
        Some((
            u32::from_le_bytes(*ordinal),
            u32::from_le_bytes(*end) as usize,
        ))
    }

    fn bytes(&self, n: usize) -> Option<&'a [u8]> {
        let start = match n.checked_sub(1) {
            Some(before) => self.place(before)?.1,
            None => 0,
        };
        let all = self.each.get(4 + self.count() * PLACE..)?;
        all.get(start..self.place(n)?.1)
    }
}

/// Collects both sections, entry by entry.
#[derive(Default)]
pub struct SaltedWriter {
    pub seeds: Vec<u8>,
    places: Vec<(u32, u32)>,
    bytes: Vec<u8>,
}

impl SaltedWriter {
    /// The next entry's.
    pub fn push(&mut self, salts: &Salts) {
        match salts {
            Salts::Seed(seed) => self.seeds.extend_from_slice(&seed.0),
            Salts::Each(_) => {
                let ordinal = (self.seeds.len() / SEED_BYTES) as u32;
                self.seeds.extend_from_slice(&[0; SEED_BYTES]);
                salts.write(&mut self.bytes);
                self.places.push((ordinal, self.end()));
            }
        }
    }

    /// All of another segment's, behind what is there. `seeds` are those of all its entries.
    pub fn copy(&mut self, salted: &Salted<'_>) {
        let before = (self.seeds.len() / SEED_BYTES) as u32;
        self.seeds.extend_from_slice(salted.seeds);
        for (ordinal, bytes) in salted.erased() {
            self.bytes.extend_from_slice(bytes);
            self.places.push((before + ordinal, self.end()));
        }
    }

    fn end(&self) -> u32 {
        u32::try_from(self.bytes.len()).expect("salts of a segment's entries are below 4 GiB")
    }

    /// The section of what erasures left; empty if there is none.
    pub fn each(&self) -> Vec<u8> {
        if self.places.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(4 + self.places.len() * PLACE + self.bytes.len());
        out.extend_from_slice(&(self.places.len() as u32).to_le_bytes());
        for (ordinal, end) in &self.places {
            out.extend_from_slice(&ordinal.to_le_bytes());
            out.extend_from_slice(&end.to_le_bytes());
        }
        out.extend_from_slice(&self.bytes);
        out
    }
}
