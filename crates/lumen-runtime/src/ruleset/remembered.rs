//! Which rules threads leave possible, and which calls do, remembered from event to event: neither changes under its key.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use crate::identity::Identity;
use crate::term::{CallKey, ThreadKey};

/// Most threads that are remembered, each once a group of rules, and most bytes of their rules.
const THREADS: (usize, usize) = (1 << 15, 1 << 20);
/// Most calls that are remembered, and most bytes of their rules.
const CALLS: (usize, usize) = (1 << 13, 1 << 19);
/// Most bytes of all calls that are remembered.
const CALLS_BYTES_MAX: usize = 1 << 20;
/// Most bytes of one.
const CALL_BYTES_MAX: usize = 1 << 10;

/// What is remembered. Each thread has one place, of which it may drive another away; so has each call.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    /// Whose numbers these are, and whose rules. As these are kept here, nobody else can come to have the same.
    of: Option<(Identity, Identity)>,
    /// How often this changed.
    changes: u32,
    threads: Rows,
    calls: Rows,
    /// The calls, by their slots.
    kept: Vec<Call>,
    /// What is in these, the oldest overwritten by the newest.
    ring: Ring,
    /// Calls that were there before, by parts of their hashes: a call is remembered when it comes again.
    seen: Vec<u32>,
}

/// Rules that are possible, a bit each, as many words for each slot.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Who has the slot.
    owners: Vec<Owner>,
    bits: Vec<u64>,
    words: usize,
}

/// A number or a hash, the number of the group of rules, and the count of what all are numbered by: nobody has zero.
type Owner = (u64, u32, u32);

/// Where a thread is remembered, or a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    place: usize,
    owner: Owner,
}

/// A call that is remembered.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    head: [u64; 2],
    /// Where its bytes are in the ring.
    at: u64,
    length: usize,
}

/// Bytes, of which those that were written first are overwritten.
#[derive(Clone, Debug, Default)]
struct Ring {
    bytes: Vec<u8>,
    /// How many were written.
    written: u64,
}

impl Ring {
    /// Writes bytes, fewer than there is room for; the place where they are.
    fn write(&mut self, bytes: &[u8]) -> Option<u64> {
        self.bytes.resize(CALLS_BYTES_MAX, 0);
        let room = CALLS_BYTES_MAX - Self::place(self.written)?;
        if room < bytes.len() {
            self.written += room as u64;
        }
        let at = self.written;
        let start = Self::place(at)?;
        self.bytes.get_mut(start..start + bytes.len())?.copy_from_slice(bytes);
        self.written += bytes.len() as u64;
        Some(at)
    }

    /// What is at a place, where it was not overwritten.
    fn read(&self, at: u64, length: usize) -> Option<&[u8]> {
        let start = Self::place(at)?;
        let is_there = self.written.checked_sub(at)? <= CALLS_BYTES_MAX as u64;
        self.bytes.get(start..start + length).filter(|_| is_there)
    }

    fn place(at: u64) -> Option<usize> {
        usize::try_from(at % CALLS_BYTES_MAX as u64).ok()
    }
}

impl Remembered {
    /// Makes ready for numbers and rules. `words` is the length of the longest row of the rules.
    pub(super) fn begin(&mut self, rules: &Identity, by: &Identity, words: usize) {
        if self.of.as_ref().is_some_and(|(known_by, of)| known_by == by && of == rules) {
            return;
        }
        self.of = Some((by.clone(), rules.clone()));
        let (changes, is_over) = self.changes.overflowing_add(1);
        if is_over || self.threads.words != words {
            self.threads = Rows::new(words, THREADS);
            self.calls = Rows::new(words, CALLS);
            self.kept = vec![Call::default(); self.calls.owners.len()];
            self.seen = vec![0; self.calls.owners.len()];
        }
        self.changes = if is_over { 1 } else { changes };
    }

    /// The place of a thread for a group of rules.
    pub(super) fn thread_slot(&self, key: ThreadKey<'_>, group: u32) -> Slot {
        let mixed = key.number.wrapping_mul(0x9e37_79b1) ^ group.wrapping_mul(0x85eb_ca77);
        self.threads.slot(u64::from(mixed ^ mixed >> 15), (u64::from(key.number), group, self.changes))
    }

    /// What is remembered of a thread.
    pub(super) fn thread(&self, slot: Slot) -> Option<&[u64]> {
        self.threads.row(slot)
    }

    /// Remembers it; `row` is as long as the longest row of the rules, or shorter.
    pub(super) fn remember_thread(&mut self, slot: Slot, row: &[u64]) {
        self.threads.keep(slot, row);
    }

    /// The place of a call for a group of rules; nothing where it is too long.
    pub(super) fn call_slot(&self, key: CallKey<'_>, group: u32) -> Option<Slot> {
        (key.bytes.len() <= CALL_BYTES_MAX).then(|| {
            let hash = FixedState::with_seed(0).hash_one(key);
            self.calls.slot(hash, (hash, group, self.changes))
        })
    }

    /// What is remembered of a call.
    pub(super) fn call(&self, slot: Slot, key: CallKey<'_>) -> Option<&[u64]> {
        let row = self.calls.row(slot)?;
        let call = self.kept.get(slot.place)?;
        // Two calls may have one hash.
        let is_it = call.head == key.head && self.ring.read(call.at, call.length) == Some(key.bytes);
        is_it.then_some(row)
    }

    /// Whether a call was there before, probably. It was, from now on.
    pub(super) fn was_seen(&mut self, slot: Slot) -> bool {
        let (hash, ..) = slot.owner;
        let most = self.seen.len().saturating_sub(1);
        let place = usize::try_from(hash >> 32).unwrap_or_default() & most;
        let part = u32::try_from(hash & u64::from(u32::MAX)).unwrap_or_default();
        let seen = self.seen.get_mut(place);
        seen.is_some_and(|seen| std::mem::replace(seen, part) == part)
    }

    /// Remembers a call; `row` is as long as the longest row of the rules, or shorter.
    pub(super) fn remember_call(&mut self, slot: Slot, key: CallKey<'_>, row: &[u64]) {
        if let Some(call) = self.kept.get_mut(slot.place)
            && let Some(at) = self.ring.write(key.bytes)
        {
            *call = Call { head: key.head, at, length: key.bytes.len() };
            self.calls.keep(slot, row);
        }
    }
}

impl Rows {
    fn new(words: usize, (slots_max, bytes_max): (usize, usize)) -> Self {
        let fit = bytes_max / (words * size_of::<u64>() + size_of::<Owner>());
        // The greatest power of two.
        let count = fit.checked_ilog2().map_or(0, |power| 1 << power).min(slots_max);
        Self { owners: vec![(0, 0, 0); count], bits: vec![0; count * words], words }
    }

    fn slot(&self, hash: u64, owner: Owner) -> Slot {
        let place = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or_default();
        Slot { place: place & self.owners.len().saturating_sub(1), owner }
    }

    fn row(&self, slot: Slot) -> Option<&[u64]> {
        let start = slot.place * self.words;
        let is_own = *self.owners.get(slot.place)? == slot.owner;
        if is_own { self.bits.get(start..start + self.words) } else { None }
    }

    fn keep(&mut self, slot: Slot, row: &[u64]) {
        let start = slot.place * self.words;
        let kept = self.bits.get_mut(start..start + self.words);
        if let (Some(kept), Some(owner)) = (kept, self.owners.get_mut(slot.place)) {
            let words = row.iter().copied().chain(std::iter::repeat(0));
            for (kept, word) in kept.iter_mut().zip(words) {
                *kept = word;
            }
            *owner = slot.owner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that no other number has.
    fn call(number: u64) -> Vec<u8> {
        let length = usize::try_from(number * 7919 % 900).expect("it is small");
        let mut bytes = vec![b'x'; length];
        bytes.extend(number.to_le_bytes());
        bytes
    }

    #[test]
    fn calls_are_remembered_until_others_need_the_room() {
        let (rules, by) = (Identity::default(), Identity::default());
        let mut remembered = Remembered::default();
        remembered.begin(&rules, &by, 2);
        let mut known = 0;
        for number in 0..20_000_u64 {
            for again in [number, number / 2, number.saturating_sub(3)] {
                let bytes = call(again);
                let key = CallKey { head: [again, 7], bytes: &bytes };
                let slot = remembered.call_slot(key, 5).expect("it is short");
                if let Some(row) = remembered.call(slot, key) {
                    assert_eq!(row, [again, 1]);
                    known += 1;
                } else if remembered.was_seen(slot) {
                    remembered.remember_call(slot, key, &[again, 1]);
                }
            }
        }
        assert!(known > 5_000, "{known}");
        remembered.begin(&rules, &Identity::default(), 2);
        let bytes = call(19_999);
        let key = CallKey { head: [19_999, 7], bytes: &bytes };
        let slot = remembered.call_slot(key, 5).expect("it is short");
        assert_eq!(remembered.call(slot, key), None);
    }

    #[test]
    fn a_call_that_is_too_long_has_no_place() {
        let mut remembered = Remembered::default();
        remembered.begin(&Identity::default(), &Identity::default(), 1);
        let bytes = vec![0; CALL_BYTES_MAX + 1];
        let slot = |bytes| remembered.call_slot(CallKey { head: [0; 2], bytes }, 0);
        assert!(slot(&bytes).is_none());
        assert!(slot(&bytes[1..]).is_some());
    }

    #[test]
    fn calls_of_one_hash_are_told_apart() {
        let mut remembered = Remembered::default();
        remembered.begin(&Identity::default(), &Identity::default(), 1);
        let key = CallKey { head: [1, 2], bytes: b"/etc/passwd" };
        let slot = remembered.call_slot(key, 0).expect("it is short");
        remembered.remember_call(slot, key, &[5]);
        assert_eq!(remembered.call(slot, key), Some(&[5][..]));
        let others = [CallKey { head: [1, 3], ..key }, CallKey { bytes: b"/etc/shadow", ..key }];
        for other in others {
            assert_eq!(remembered.call(slot, other), None);
        }
    }

    #[test]
    fn what_was_remembered_before_changes_are_counted_anew_is_forgotten() {
        let (rules, by) = (Identity::default(), Identity::default());
        let mut remembered = Remembered::default();
        remembered.begin(&rules, &by, 1);
        let slot = |remembered: &Remembered| remembered.thread_slot(ThreadKey { by: &by, number: 3 }, 0);
        let before = slot(&remembered);
        remembered.remember_thread(before, &[5]);
        assert_eq!(remembered.thread(slot(&remembered)), Some(&[5][..]));
        remembered.changes = u32::MAX;
        remembered.begin(&rules, &Identity::default(), 1);
        assert_eq!(slot(&remembered).owner, before.owner);
        assert_eq!(remembered.thread(before), None);
    }
}
