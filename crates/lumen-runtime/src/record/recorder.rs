//! Events as a recording: each name, thread and container once, as long as it stays as it is.
//!
//! What was said is known to both sides until it is too much; then the recorder says that all of it is forgotten, and says
//! anew what is needed. So neither side has to hold more than is bounded here, and no side decides alone what to keep.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::HashMap;
use foldhash::fast::RandomState;

use super::wire::{
    ANCESTORS_MAX, FRAME_HEADER_BYTES, MAGIC, MAJOR, MINOR, NAME_BYTES_MAX, NAMES_MAX, NO_SNAPSHOT,
    SNAPSHOT_BYTES_MAX, SNAPSHOT_ROOM_BYTES, SNAPSHOTS_MAX, frame,
};
use super::{Container, Recorded, Thread, encode};
use crate::event_types::NAMES;

/// Writes events as a recording.
#[derive(Debug, Default)]
pub struct Recorder {
    is_begun: bool,
    types: HashMap<usize, u16>,
    arguments: HashMap<String, u16>,
    threads: HashMap<*const Thread, (Arc<Thread>, u32)>,
    containers: HashMap<*const Container, (Arc<Container>, u32)>,
    snapshots: Snapshots,
    draft: Vec<u8>,
    scratch: encode::Scratch,
}

/// The snapshots that the reader knows.
#[derive(Debug, Default)]
struct Snapshots {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// By the hash of their bytes, and their kind.
    known: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Snapshots {
    /// The one with these bytes.
    fn find(&self, kind: u8, bytes: &[u8]) -> Option<u32> {
        let number = *self.known.get(&self.hasher.hash_one((kind, bytes)))?;
        let place = usize::try_from(number).ok()?;
        let start = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        (self.bytes.get(start..*self.ends.get(place)?)? == bytes).then_some(number)
    }

    /// Takes another one; its number.
    fn add(&mut self, kind: u8, bytes: &[u8]) -> u32 {
        let number = u32::try_from(self.ends.len()).unwrap_or(NO_SNAPSHOT);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.known.insert(self.hasher.hash_one((kind, bytes)), number);
        number
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.known.clear();
    }

    /// Whether there is no room for what one event may need.
    fn is_full(&self) -> bool {
        self.ends.len() + 2 * (1 + ANCESTORS_MAX) > SNAPSHOTS_MAX
            || self.bytes.len() + SNAPSHOT_ROOM_BYTES > SNAPSHOT_BYTES_MAX
    }
}

impl Recorder {
    /// Writes an event behind what is in `out`, and before it what the reader does not know yet. The first event has the
    /// beginning of the recording before it.
    ///
    /// What is longer than the format's bounds is cut: texts, and arguments, variables and parents behind the last that fits.
    pub fn event(&mut self, event: &Recorded, out: &mut Vec<u8>) {
        self.begin(out);
        if self.snapshots.is_full() || self.arguments.len() + super::wire::ARGUMENTS_MAX > NAMES_MAX {
            self.forget(out);
        }
        // Whoever makes each thread anew is not to fill the memory with those that are alike.
        if self.threads.len() >= SNAPSHOTS_MAX || self.containers.len() >= SNAPSHOTS_MAX {
            self.threads.clear();
            self.containers.clear();
        }
        let thread = event.thread.as_ref().map_or(NO_SNAPSHOT, |thread| self.thread(thread, out));
        let type_name = self.type_name(event.event_type, out);
        let mut names = [0; super::wire::ARGUMENTS_MAX];
        for (number, argument) in names.iter_mut().zip(&event.arguments) {
            *number = self.argument_name(&argument.name, out);
        }
        let start = start_frame(frame::EVENT, out);
        encode::event(event, thread, type_name, &names, &mut self.scratch, out);
        end_frame(start, out);
    }

    /// Writes the beginning of the recording, where that was not done yet. A recording without events is one too.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.is_begun {
            self.is_begun = true;
            out.extend_from_slice(&MAGIC);
            out.extend_from_slice(&MAJOR.to_le_bytes());
            out.extend_from_slice(&MINOR.to_le_bytes());
        }
    }

    fn forget(&mut self, out: &mut Vec<u8>) {
        self.types.clear();
        self.arguments.clear();
        self.threads.clear();
        self.containers.clear();
        self.snapshots.clear();
        let start = start_frame(frame::FORGET, out);
        end_frame(start, out);
    }

    fn type_name(&mut self, place: usize, out: &mut Vec<u8>) -> u16 {
        let place = if place < NAMES.len() { place } else { 0 };
        let next = u16::try_from(self.types.len()).unwrap_or(u16::MAX);
        *self.types.entry(place).or_insert_with(|| {
            let start = start_frame(frame::TYPE_NAME, out);
            out.extend_from_slice(NAMES.get(place).copied().unwrap_or_default().as_bytes());
            end_frame(start, out);
            next
        })
    }

    fn argument_name(&mut self, name: &str, out: &mut Vec<u8>) -> u16 {
        let name = cut_name(name);
        if let Some(known) = self.arguments.get(name) {
            return *known;
        }
        let start = start_frame(frame::ARGUMENT_NAME, out);
        out.extend_from_slice(name.as_bytes());
        end_frame(start, out);
        let next = u16::try_from(self.arguments.len()).unwrap_or(u16::MAX);
        self.arguments.insert(name.to_owned(), next);
        next
    }

    /// Writes a thread, and its parents before it, as far as they are not known; the number of the thread.
    fn thread(&mut self, thread: &Arc<Thread>, out: &mut Vec<u8>) -> u32 {
        let mut missing = Vec::new();
        let mut is_cut = false;
        let mut number = NO_SNAPSHOT;
        let mut next = Some(thread);
        while let Some(thread) = next {
            if let Some((_, known)) = self.threads.get(&Arc::as_ptr(thread)) {
                number = *known;
                break;
            }
            // The thread itself, and as many parents as are looked at: an event says the same alone and among others.
            if missing.len() > ANCESTORS_MAX {
                is_cut = true;
                break;
            }
            missing.push(thread);
            next = thread.parent.as_ref();
        }
        for (distance, thread) in missing.into_iter().enumerate().rev() {
            let container =
                thread.container.as_ref().map_or(NO_SNAPSHOT, |container| self.container(container, out));
            let mut draft = std::mem::take(&mut self.draft);
            draft.clear();
            encode::thread(thread, number, container, &mut draft);
            number = self.snapshot(frame::THREAD, &draft, out);
            self.draft = draft;
            // The parents of a thread that was cut off have less of theirs than their own events need.
            if !is_cut || distance == 0 {
                self.threads.insert(Arc::as_ptr(thread), (Arc::clone(thread), number));
            }
        }
        number
    }

    fn container(&mut self, container: &Arc<Container>, out: &mut Vec<u8>) -> u32 {
        if let Some((_, known)) = self.containers.get(&Arc::as_ptr(container)) {
            return *known;
        }
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear();
        encode::container(container, &mut draft);
        let number = self.snapshot(frame::CONTAINER, &draft, out);
        self.draft = draft;
        self.containers.insert(Arc::as_ptr(container), (Arc::clone(container), number));
        number
    }

    fn snapshot(&mut self, kind: u8, bytes: &[u8], out: &mut Vec<u8>) -> u32 {
        if let Some(known) = self.snapshots.find(kind, bytes) {
            return known;
        }
        let start = start_frame(kind, out);
        out.extend_from_slice(bytes);
        end_frame(start, out);
        self.snapshots.add(kind, bytes)
    }
}

/// A name as it is written: cut where a letter ends.
fn cut_name(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default()
}

fn start_frame(kind: u8, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[kind, 0, 0, 0]);
    start
}

fn end_frame(start: usize, out: &mut [u8]) {
    let length = super::bytes::length(out.len().saturating_sub(start + FRAME_HEADER_BYTES));
    let [low, middle, high, _] = length.to_le_bytes();
    if let Some([_, place @ ..]) = out.get_mut(start..start + FRAME_HEADER_BYTES) {
        place.copy_from_slice(&[low, middle, high]);
    }
}
