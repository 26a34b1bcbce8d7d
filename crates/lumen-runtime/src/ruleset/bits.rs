//! Sets of small numbers.

/// A set of numbers below a length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// The empty set.
    pub(super) fn none(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    /// The whole set.
    pub(super) fn all(length: usize) -> Self {
        let mut all = Self(vec![u64::MAX; length.div_ceil(64)]);
        if let (Some(last), 1..) = (all.0.last_mut(), length % 64) {
            *last = (1 << (length % 64)) - 1;
        }
        all
    }

    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
    }

    pub(super) fn unite(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }

    /// The numbers that are not in the set, below its length.
    pub(super) fn missing(&self, length: usize) -> impl Iterator<Item = usize> {
        let inverted = self.0.iter().map(|word| !word);
        numbers(inverted).take_while(move |number| *number < length)
    }

    /// The numbers in the set.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        numbers(self.0.iter().copied())
    }
}

/// The numbers whose bits are set, in their order.
pub(super) fn numbers(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(place, word)| {
        let rest = |word: &u64| Some(word & word.wrapping_sub(1)).filter(|rest| *rest != 0);
        std::iter::successors(Some(word).filter(|word| *word != 0), rest)
            .map(move |word| place * 64 + word.trailing_zeros() as usize)
    })
}
