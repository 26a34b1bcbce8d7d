//! Which rules threads leave possible, remembered from event to event: what a thread is does not change under its key.

use crate::identity::Identity;
use crate::term::ThreadKey;

/// Most bytes that are remembered.
const BYTES_MAX: usize = 1 << 19;
/// Most threads that are remembered, each once a group of rules.
const SLOTS_MAX: usize = 1 << 12;

/// What is remembered. Each thread has one place, of which it may drive another away.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    /// Whose numbers these are, and whose rules. As these are kept here, nobody else can come to have the same.
    of: Option<(Identity, Identity)>,
    /// The number of the thread and the group, a row each; [`NOBODY`] for none.
    slots: Vec<(u32, u32)>,
    /// The rules that are possible, a bit each; as many words a slot.
    rows: Vec<u64>,
    words: usize,
}

/// A number that no thread has together with a group of the same number.
const NOBODY: (u32, u32) = (u32::MAX, u32::MAX);

/// Where a thread is remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    place: usize,
    who: (u32, u32),
}

impl Threads {
    /// The place of a thread for a group of rules. `words` is the length of the longest row of the rules.
    pub(super) fn slot(&mut self, rules: &Identity, key: ThreadKey<'_>, group: u32, words: usize) -> Slot {
        let is_same = self.of.as_ref().is_some_and(|(by, of)| by == key.by && of == rules);
        if !is_same {
            self.begin(rules, key.by, words);
        }
        let who = (key.number, group);
        let mixed = key.number.wrapping_mul(0x9e37_79b1) ^ group.wrapping_mul(0x85eb_ca77);
        let place = (mixed ^ mixed >> 15) as usize & self.slots.len().saturating_sub(1);
        Slot { place, who }
    }

    fn begin(&mut self, rules: &Identity, by: &Identity, words: usize) {
        self.of = Some((by.clone(), rules.clone()));
        self.words = words;
        let fit = BYTES_MAX / (words * size_of::<u64>() + size_of::<(u32, u32)>());
        // The greatest power of two.
        let count = fit.checked_ilog2().map_or(0, |power| 1 << power).min(SLOTS_MAX);
        self.slots.clear();
        self.slots.resize(count, NOBODY);
        self.rows.resize(count * words, 0);
    }

    /// What is remembered of a thread.
    pub(super) fn row(&self, slot: Slot) -> Option<&[u64]> {
        let who = self.slots.get(slot.place)?;
        let start = slot.place * self.words;
        if *who == slot.who { self.rows.get(start..start + self.words) } else { None }
    }

    /// Remembers it; `row` is as long as the longest row of the rules, or shorter.
    pub(super) fn remember(&mut self, slot: Slot, row: &[u64]) {
        let start = slot.place * self.words;
        let kept = self.rows.get_mut(start..start + self.words);
        if let (Some(kept), Some(who)) = (kept, self.slots.get_mut(slot.place)) {
            let words = row.iter().copied().chain(std::iter::repeat(0));
            for (kept, word) in kept.iter_mut().zip(words) {
                *kept = word;
            }
            *who = slot.who;
        }
    }
}
