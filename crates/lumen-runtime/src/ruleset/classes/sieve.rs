//! Whether any of many texts is somewhere in a text, whatever the case of ASCII letters.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Up to so many bytes of texts, the fastest way to find them takes little memory.
const DENSE_BYTES_MAX: usize = 1024;
/// Most bytes of texts.
const BYTES_MAX: usize = 1 << 16;
/// Of most places so many one is looked at.
const STEP_MAX: usize = 4;
/// The bits that the hash of three bytes has.
const HASH_BITS: u32 = 14;

/// Texts that are looked for. Most texts in which none of them is have none of the three bytes by which each is known, which
/// is seen at a glance; the others are searched.
#[derive(Clone, Debug)]
pub(super) struct Sieve {
    /// A bit for each hash of three bytes by which a text is known.
    known: Box<[u64; 1 << (HASH_BITS - 6)]>,
    /// Each text is known by three bytes at as many places side by side, so that of as many places one is looked at.
    step: usize,
    search: AhoCorasick,
}

fn hash(bytes: [u8; 3]) -> usize {
    // Letters of either case become one, and some other bytes, too: that is no harm here.
    let [first, second, third] = bytes.map(|byte| u32::from(byte | 0x20));
    let key = first | second << 8 | third << 16;
    (key.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

/// How probable a byte is in paths and command lines: a guess.
fn weight(byte: u8) -> u32 {
    match byte {
        b'/' | b'e' | b'r' | b's' | b't' | b'i' | b'a' | b'n' | b'o' | b' ' => 8,
        b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' => 4,
        b'0'..=b'9' => 3,
        _ => 1,
    }
}

impl Sieve {
    /// The bytes that a text must have to be looked for.
    pub(super) const LITERAL_BYTES_MIN: usize = 3;

    /// Makes a sieve for texts; `None` for no text, or for too many.
    pub(super) fn new<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> Option<Self> {
        let mut known = Box::new([0_u64; 1 << (HASH_BITS - 6)]);
        let texts: Vec<&[u8]> = texts.into_iter().collect();
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if texts.is_empty() || bytes > BYTES_MAX {
            return None;
        }
        let shortest = texts.iter().map(|text| text.len()).min()?;
        let step = (shortest + 1).checked_sub(Self::LITERAL_BYTES_MIN)?.clamp(1, STEP_MAX);
        for text in &texts {
            let triples: Vec<[u8; 3]> = text.array_windows::<3>().copied().collect();
            let probable = |triples: &&[[u8; 3]]| -> u32 {
                triples.iter().map(|triple| triple.map(weight).iter().product::<u32>()).sum()
            };
            for triple in triples.windows(step).min_by_key(probable)? {
                let hash = hash(*triple);
                if let Some(word) = known.get_mut(hash / 64) {
                    *word |= 1 << (hash % 64);
                }
            }
        }
        let kind =
            if bytes > DENSE_BYTES_MAX { AhoCorasickKind::ContiguousNFA } else { AhoCorasickKind::DFA };
        let mut search = AhoCorasick::builder();
        search.ascii_case_insensitive(true).prefilter(false).kind(Some(kind));
        Some(Self { known, step, search: search.build(texts).ok()? })
    }

    /// Whether one of the texts is in a text.
    pub(super) fn finds(&self, text: &[u8]) -> bool {
        let is_known = |triple: &[u8; 3]| {
            let hash = hash(*triple);
            self.known.get(hash / 64).is_some_and(|word| word >> (hash % 64) & 1 == 1)
        };
        text.array_windows().step_by(self.step).any(is_known) && self.search.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Sieve;

    proptest! {
        #[test]
        fn what_is_there_is_found(
            texts in proptest::collection::btree_set("[abAB./]{3,8}", 1..5),
            asked in "[abABc./]{0,24}",
        ) {
            let sieve = Sieve::new(texts.iter().map(String::as_bytes)).expect("a sieve");
            let expected = texts.iter().any(|text| asked.to_lowercase().contains(&text.to_lowercase()));
            prop_assert_eq!(sieve.finds(asked.as_bytes()), expected);
        }
    }
}
