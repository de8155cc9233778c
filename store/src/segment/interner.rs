//! Numbers for distinct byte strings, in the order they come; sorted at the end.

use super::texts::TextsWriter;
use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Marks a free place of the table.
const FREE: u32 = u32::MAX;

/// All strings lie in one buffer: segments are built from thousands of short ones, and an allocation for each would cost
/// more than everything else.
#[derive(Default)]
pub struct Interner {
    bytes: Vec<u8>,
    /// Where each string ends.
    ends: Vec<usize>,
    hashes: Vec<u32>,
    /// Numbers by hash, open addressing, never more than half full; its length is a power of two.
    table: Vec<u32>,
    state: RandomState,
}

impl Interner {
    pub fn number(&mut self, bytes: &[u8]) -> u32 {
        if self.ends.len() * 2 >= self.table.len() {
            self.grow();
        }
        let hash = self.state.hash_one(bytes) as u32;
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        while self.table[place] != FREE {
            let number = self.table[place];
            if self.hashes[number as usize] == hash && self.get(number) == bytes {
                return number;
            }
            place = (place + 1) & mask;
        }
        let number = self.ends.len() as u32;
        self.table[place] = number;
        self.hashes.push(hash);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        number
    }

    pub fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1]
        };
        &self.bytes[start..self.ends[number]]
    }

    fn grow(&mut self) {
        let places = (self.table.len() * 2).max(64);
        self.table = vec![FREE; places];
        for (number, hash) in self.hashes.iter().enumerate() {
            let mut place = *hash as usize & (places - 1);
            while self.table[place] != FREE {
                place = (place + 1) & (places - 1);
            }
            self.table[place] = number as u32;
        }
    }

    /// The numbers in order of their strings.
    pub fn order(&self) -> Vec<u32> {
        // Most comparisons are decided by the first eight bytes, which lie beside the number.
        let head = |bytes: &[u8]| {
            let mut eight = [0; 8];
            let length = bytes.len().min(8);
            eight[..length].copy_from_slice(&bytes[..length]);
            u64::from_be_bytes(eight)
        };
        let mut order: Vec<(u64, u32)> = (0..self.ends.len() as u32)
            .map(|number| (head(self.get(number)), number))
            .collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.get(a.1).cmp(self.get(b.1))));
        order.into_iter().map(|(_, number)| number).collect()
    }

    /// The strings of numbers, in that order.
    pub fn texts(&self, order: &[u32]) -> TextsWriter {
        let mut texts = TextsWriter::default();
        order
            .iter()
            .for_each(|number| texts.push(self.get(*number)));
        texts
    }
}

/// Where each number stands in an order.
pub fn places(order: &[u32]) -> Vec<u32> {
    let mut places = vec![0; order.len()];
    for (place, number) in order.iter().enumerate() {
        places[*number as usize] = place as u32;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_strings_have_equal_numbers_and_the_order_is_theirs(strings in prop::collection::vec("[ab]{0,12}", 0..300)) {
            let mut interner = Interner::default();
            let numbers: Vec<u32> = strings.iter().map(|s| interner.number(s.as_bytes())).collect();
            for (string, number) in strings.iter().zip(&numbers) {
                prop_assert_eq!(interner.get(*number), string.as_bytes());
            }
            let order = interner.order();
            prop_assert!(order.windows(2).all(|pair| interner.get(pair[0]) < interner.get(pair[1])));
            let places = places(&order);
            prop_assert!(numbers.iter().all(|n| order[places[*n as usize] as usize] == *n));
        }
    }
}
