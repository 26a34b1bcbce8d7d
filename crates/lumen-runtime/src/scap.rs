//! Captures of system calls, as Falco and sysdig write them: `.scap` files.
//!
//! A capture is a list of blocks: what the machine was like when it began, then events. [`Reader`] is fed with the bytes
//! and gives events with all that rules ask of them; it follows what the events change. Old captures are read too: their
//! events are given in their newest form, as the reference gives them (`libscap/engine/savefile`), and numbered as it
//! numbers them. Only ends of calls, and what is no call, are given: what a call was given at its beginning is in its end.
//!
//! The bytes are those behind the compression that captures mostly have: to undo it is the caller's.
//!
//! What is broken is told with its place, and passed over where it is known how long it is. What is of a type that is not known
//! is passed over and counted. All is bounded: a block has
//! at most [`BLOCK_BYTES`], an event [`EVENT_BYTES`], there are at most 262,144 threads and 1,048,576 descriptors.

mod arguments;
mod beginnings;
mod bytes;
mod convert;
mod event;
mod lists;
mod parameters;
mod socket;
mod state;
mod table;
mod unknown;

pub use unknown::Unknown;

use bytes::{Cursor, Order};
use convert::Converter;
use event::Form;
use lists::Version;
use parameters::Room;
use state::{Applied, State};

use crate::event_types::NAMES;
use crate::record::Recorded;

/// The longest block that tells of the machine, in bytes; a longer one is passed over.
pub const BLOCK_BYTES: usize = 256 << 20;
/// The longest block of an event, in bytes; a longer one is passed over.
pub const EVENT_BYTES: usize = 16 << 20;

/// The length of a block's type and of its two lengths.
const FRAME: usize = 12;
/// The type of the block that begins a capture; the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
/// A number that tells the byte order.
const MAGIC: u32 = 0x1a2b_3c4d;
/// The newest form of captures that is known.
const MAJOR_VERSION: u16 = 1;

/// Something of a capture that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {what}")]
pub struct Problem {
    /// Where the block begins, in bytes from the beginning of the capture.
    pub offset: u64,
    /// What is wrong.
    pub what: &'static str,
    /// Whether nothing behind it can be read.
    pub is_end: bool,
}

/// What a reader gives.
#[derive(Clone, Debug)]
pub enum Item {
    /// An event.
    Event(Box<Recorded>),
    /// An event of a type that [is not looked at](Reader::looking_at).
    Passed(Passed),
    /// Something that cannot be read.
    Problem(Problem),
}

/// An event of which nobody wants to know more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its number in the capture: `evt.num`.
    pub number: u64,
    /// The place of its type in [`NAMES`].
    pub event_type: usize,
    /// When it happened, in nanoseconds since 1970.
    pub time_ns: u64,
}

/// Reads a capture from its bytes, as they come.
///
/// ```
/// use lumen_runtime::scap::{Item, Reader};
///
/// let mut reader = Reader::new();
/// reader.feed(b"no capture, as one can see");
/// let Some(Item::Problem(problem)) = reader.next() else { panic!("it is none") };
/// assert_eq!(problem.to_string(), "byte 0: this is no capture: it does not begin with a section");
/// assert!(reader.next().is_none() && reader.finish().is_none());
/// ```
#[derive(Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// How much of the buffer was read.
    read: usize,
    /// Where in the capture the buffer begins.
    offset: u64,
    /// Bytes that are passed over as they come.
    skip: u64,
    order: Order,
    is_inside: bool,
    is_over: bool,
    number: u64,
    /// By their places, the types of events that are looked at; those that are not here are, too.
    is_looked_at: Vec<bool>,
    room: Room,
    converter: Converter,
    state: State,
    unknown_events: Unknown,
    unknown_blocks: Unknown,
}

/// What a block is.
#[derive(Clone, Copy, Debug)]
enum Block {
    Machine,
    Processes(Version),
    Descriptors { has_lengths: bool },
    Interfaces { has_lengths: bool },
    Accounts { has_lengths: bool },
    Event(Form),
    Unknown,
}

impl Block {
    /// By the number of its type; the numbers with a high bit are those of before the first release.
    fn find(number: u32) -> Self {
        let processes = Self::Processes;
        let event = |has_flags, has_count| Self::Event(Form { has_flags, has_count });
        match number {
            0x201 | 0x8002_abcd => Self::Machine,
            0x202 | 0x8000_abcd => processes(1),
            0x207 | 0x8013_abcd => processes(2),
            0x209 | 0x8014_abcd => processes(3),
            0x210 => processes(4),
            0x211 => processes(5),
            0x212 => processes(6),
            0x213 => processes(7),
            0x214 => processes(8),
            0x215 => processes(9),
            0x203 | 0x8001_abcd => Self::Descriptors { has_lengths: false },
            0x218 => Self::Descriptors { has_lengths: true },
            0x204 | 0x8010_abcd => event(false, false),
            0x208 => event(true, false),
            0x216 | 0x221 => event(false, true),
            0x217 | 0x222 => event(true, true),
            0x205 | 0x8011_abcd => Self::Interfaces { has_lengths: false },
            0x219 => Self::Interfaces { has_lengths: true },
            0x206 | 0x8012_abcd => Self::Accounts { has_lengths: false },
            0x220 => Self::Accounts { has_lengths: true },
            _ => Self::Unknown,
        }
    }

    fn longest(self) -> usize {
        match self {
            Self::Event(_) => EVENT_BYTES,
            _ => BLOCK_BYTES,
        }
    }
}

/// A whole block: where it begins and how long it is in the buffer.
struct Frame {
    number: u32,
    length: usize,
}

impl Reader {
    /// A reader of a capture from its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader for somebody who looks at some types of events alone, which `looks_at` is asked for by their places in
    /// [`NAMES`]. Other events change what is known of the machine, and are given as [passed](Item::Passed): that takes a
    /// fraction of the time.
    pub fn looking_at(looks_at: impl FnMut(usize) -> bool) -> Self {
        Self { is_looked_at: (0..NAMES.len()).map(looks_at).collect(), ..Self::default() }
    }

    /// Takes the next bytes of the capture, of any number.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        let length = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        if skipped > 0 {
            // What is passed over comes when the buffer is empty.
            self.skip -= length(skipped);
            self.offset += length(skipped);
        }
        if self.read > 0 {
            self.buffer.drain(..self.read);
            self.offset += length(self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes.get(skipped..).unwrap_or_default());
    }

    /// The next event, or what cannot be read; none where more bytes are wanted.
    #[expect(
        clippy::should_implement_trait,
        reason = "after none there may be more: an iterator would be over"
    )]
    pub fn next(&mut self) -> Option<Item> {
        while !self.is_over {
            let frame = match self.frame()? {
                Ok(frame) => frame,
                Err(problem) => return Some(Item::Problem(problem)),
            };
            let item = self.block(&frame);
            self.read += frame.length;
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Says that the capture is over; what is wrong where it ends within a block.
    pub fn finish(&mut self) -> Option<Problem> {
        if self.is_over {
            return None;
        }
        let is_whole = self.read >= self.buffer.len() && self.skip == 0;
        let problem = if !is_whole {
            Some(self.problem("the capture ends within a block", true))
        } else if !self.is_inside {
            Some(self.problem("this is no capture: it is empty", true))
        } else {
            None
        };
        self.is_over = true;
        problem
    }

    /// How many events there were until now: `evt.num` of the last one.
    pub fn events(&self) -> u64 {
        self.number
    }

    /// The events until now whose types are not known: they were passed over.
    pub fn unknown_events(&self) -> &Unknown {
        &self.unknown_events
    }

    /// The same of blocks.
    pub fn unknown_blocks(&self) -> &Unknown {
        &self.unknown_blocks
    }

    fn problem(&mut self, what: &'static str, is_end: bool) -> Problem {
        self.is_over |= is_end;
        if is_end {
            self.buffer = Vec::new();
        }
        let offset = self.offset.saturating_add(u64::try_from(self.read).unwrap_or(u64::MAX));
        if is_end {
            self.read = 0;
        }
        Problem { offset, what, is_end }
    }

    /// The next whole block.
    fn frame(&mut self) -> Option<Result<Frame, Problem>> {
        let rest = self.buffer.get(self.read..).unwrap_or_default();
        if rest.len() < FRAME {
            return None;
        }
        let mut head = Cursor::new(rest, self.order);
        let (number, mut length, magic) = (head.u32()?, head.u32()?, head.u32()?);
        if number == SECTION {
            // The byte order is that in which the magic number is right.
            if magic == MAGIC.swap_bytes() {
                self.order = if self.order == Order::Little { Order::Big } else { Order::Little };
                length = length.swap_bytes();
            } else if magic != MAGIC {
                return Some(Err(self.problem("the section has no magic number of captures", true)));
            }
        } else if !self.is_inside {
            let is_compressed = rest.starts_with(&[0x1f, 0x8b]);
            let what = if is_compressed {
                "the capture is compressed"
            } else {
                "this is no capture: it does not begin with a section"
            };
            return Some(Err(self.problem(what, true)));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < FRAME {
            return Some(Err(self.problem("the block is shorter than its frame", true)));
        }
        if length > Block::find(number).longest() {
            return Some(Err(self.pass_over(length)));
        }
        let block = rest.get(..length)?;
        let end = block.get(length - 4..).unwrap_or_default();
        if self.order.number(end) != u64::try_from(length).unwrap_or(u64::MAX) {
            return Some(Err(self.problem("the lengths at both ends of the block are not the same", true)));
        }
        Some(Ok(Frame { number, length }))
    }

    fn pass_over(&mut self, length: usize) -> Problem {
        let problem = self.problem("the block is too long and was passed over", false);
        let here = self.buffer.len().saturating_sub(self.read);
        if here >= length {
            self.read += length;
        } else {
            self.read = self.buffer.len();
            self.skip = u64::try_from(length - here).unwrap_or(u64::MAX);
        }
        problem
    }

    fn block(&mut self, frame: &Frame) -> Option<Item> {
        let end = self.read + frame.length - 4;
        // Taken for as long as the state is changed.
        let buffer = std::mem::take(&mut self.buffer);
        let body = buffer.get(self.read + 8..end).unwrap_or_default();
        let result = if frame.number == SECTION {
            self.section(body).map(|()| None)
        } else {
            self.content(frame.number, body)
        };
        self.buffer = buffer;
        match result {
            Ok(item) => item,
            Err(what) => {
                let is_end = !self.is_inside;
                Some(Item::Problem(self.problem(what, is_end)))
            }
        }
    }

    /// A capture begins; another one may stand behind it, of which nothing is known yet.
    fn section(&mut self, body: &[u8]) -> Result<(), &'static str> {
        self.is_inside = false;
        let mut cursor = Cursor::new(body, self.order);
        let version = cursor.u32().and_then(|_| cursor.u16()).ok_or("the section ends too early")?;
        if version > MAJOR_VERSION {
            return Err("the capture is of a newer form than is known");
        }
        (self.state, self.converter) = (State::default(), Converter::default());
        self.is_inside = true;
        Ok(())
    }

    fn content(&mut self, number: u32, body: &[u8]) -> Result<Option<Item>, &'static str> {
        let order = self.order;
        let state = &mut self.state;
        match Block::find(number) {
            Block::Machine => state.boot_ns = lists::boot_time(body, order),
            Block::Processes(version) => {
                lists::processes(body, order, version, |process| state.add_process(process))?;
            }
            Block::Descriptors { has_lengths } => {
                lists::descriptors(body, order, has_lengths, |tid, open| state.add_descriptor(tid, open))?;
            }
            Block::Interfaces { has_lengths } => {
                lists::interfaces(body, order, has_lengths, |interface| state.add_interface(interface))?;
            }
            Block::Accounts { has_lengths } => {
                lists::accounts(body, order, has_lengths, |account| state.add_account(account))?;
            }
            Block::Event(form) => return self.event(body, form),
            Block::Unknown => self.unknown_blocks.add(number),
        }
        Ok(None)
    }

    fn event(&mut self, body: &[u8], form: Form) -> Result<Option<Item>, &'static str> {
        let mut event = match event::read(body, self.order, form, &mut self.room)? {
            event::Read::Event(event) => event,
            event::Read::Unknown(number) => {
                self.unknown_events.add(u32::from(number));
                return Ok(None);
            }
        };
        let mut item = None;
        if self.converter.convert(&mut event)? {
            self.number += 1;
            let (number, time_ns) = (self.number, event.time_ns);
            let is_looked_at = &self.is_looked_at;
            let is_looked_at = |event_type: usize| is_looked_at.get(event_type).copied().unwrap_or(true);
            item = match self.state.apply(&event, number, is_looked_at) {
                Applied::Nothing => None,
                Applied::Passed(event_type) => Some(Item::Passed(Passed { number, event_type, time_ns })),
                Applied::Seen(event) => Some(Item::Event(event)),
            };
        }
        Ok(item)
    }
}

#[cfg(test)]
mod tests;
