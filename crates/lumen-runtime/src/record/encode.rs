//! What of events, threads and containers becomes bytes.

mod container;
mod event;
mod thread;

use super::Bytes;
use super::bytes::{cut, length};
use super::wire::{WORDS_BYTES_MAX, WORDS_MAX};

pub(super) use container::container;
pub(super) use event::{Scratch, event};
pub(super) use thread::thread;

/// A snapshot in the making: numbers and texts that are there, by their places.
struct Draft<'t, const TEXTS: usize> {
    flags: u32,
    numbers: Vec<Option<u64>>,
    texts: [Option<&'t [u8]>; TEXTS],
}

impl<'t, const TEXTS: usize> Draft<'t, TEXTS> {
    fn new(numbers: usize) -> Self {
        Self { flags: 0, numbers: vec![None; numbers], texts: [None; TEXTS] }
    }

    fn number(&mut self, at: usize, number: Option<u64>) {
        if let Some(place) = self.numbers.get_mut(at) {
            *place = number;
        }
    }

    fn text(&mut self, at: usize, text: Option<&'t [u8]>, most: usize) {
        if let Some(place) = self.texts.get_mut(at) {
            *place = text.map(|text| cut(text, most));
        }
    }

    fn flag(&mut self, flag: u32, is_so: bool) {
        if is_so {
            self.flags |= flag;
        }
    }

    fn write(&self, parent: u32, container: u32, out: &mut Vec<u8>) {
        let bits = |present: &mut dyn Iterator<Item = bool>| {
            present.enumerate().fold(0_u64, |bits, (place, is_there)| bits | u64::from(is_there) << place)
        };
        out.extend_from_slice(&u16::try_from(self.numbers.len()).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&u16::try_from(TEXTS).unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.flags.to_le_bytes());
        out.extend_from_slice(&bits(&mut self.numbers.iter().map(Option::is_some)).to_le_bytes());
        out.extend_from_slice(&bits(&mut self.texts.iter().map(Option::is_some)).to_le_bytes());
        out.extend_from_slice(&parent.to_le_bytes());
        out.extend_from_slice(&container.to_le_bytes());
        for number in &self.numbers {
            out.extend_from_slice(&number.unwrap_or(0).to_le_bytes());
        }
        let mut end = 0;
        for text in &self.texts {
            end += text.map_or(0, <[u8]>::len);
            out.extend_from_slice(&length(end).to_le_bytes());
        }
        for text in self.texts.iter().flatten() {
            out.extend_from_slice(text);
        }
    }
}

/// Words with a blank between two, and where each ends.
#[derive(Default)]
struct Words {
    text: Vec<u8>,
    ends: Vec<u8>,
}

impl Words {
    /// Adds words behind what is there. What is too long is cut, and what is behind that left off.
    fn add(&mut self, words: &[Bytes], is_first: bool) {
        let start = self.text.len() + usize::from(!is_first);
        for (place, word) in words.iter().take(WORDS_MAX).enumerate() {
            if place > 0 || !is_first {
                self.text.push(b' ');
            }
            let room = WORDS_BYTES_MAX.saturating_sub(self.text.len().saturating_sub(start));
            self.text.extend_from_slice(cut(word, room));
            self.ends.extend_from_slice(&length(self.text.len().saturating_sub(start)).to_le_bytes());
            if word.len() >= room {
                break;
            }
        }
    }

    fn of(words: &[Bytes]) -> Self {
        let mut all = Self::default();
        all.add(words, true);
        all
    }
}

#[expect(clippy::cast_sign_loss, reason = "its bits are written; the reader gives it its sign back")]
fn bits(number: i64) -> u64 {
    number as u64
}
