//! What is passed over because nothing is known of it.

use std::collections::BTreeMap;

/// Most numbers that are told apart.
const NUMBERS_MAX: usize = 1000;

/// Events or blocks whose types are not known: those of a sensor that is newer than what is read here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    count: u64,
    numbers: BTreeMap<u32, u64>,
}

impl Unknown {
    pub(super) fn add(&mut self, number: u32) {
        self.count += 1;
        if self.numbers.len() < NUMBERS_MAX || self.numbers.contains_key(&number) {
            *self.numbers.entry(number).or_default() += 1;
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The numbers of their types, in their order, and how many there were of each; the first thousand that there were.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = (u32, u64)> {
        self.numbers.iter().map(|(number, count)| (*number, *count))
    }
}
