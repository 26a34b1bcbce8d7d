//! Recordings, read frame by frame.

use std::ops::Range;

use super::bytes::u16_at;
use super::event_facts::{self, Origin};
use super::snapshot::{ContainerView, Snapshot, ThreadView};
use super::view::{EventView, Record};
use super::wire::{
    FRAME_BYTES_MAX, FRAME_HEADER_BYTES, HEADER_BYTES, MAGIC, MAJOR, NAME_BYTES_MAX, NAMES_MAX,
    SNAPSHOT_BYTES_MAX, SNAPSHOTS_MAX, frame,
};
use crate::event_types;
use crate::identity::Identity;

/// What is broken in a recording, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {problem}")]
pub struct Broken {
    /// The first byte of the frame that is broken, from the beginning of the recording.
    pub at: u64,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is no recording.
    #[error("this is no recording: it does not begin with `lumenrec`")]
    NoRecording,
    /// It is of a later version.
    #[error("the recording is of version {0}; this program reads version {MAJOR}")]
    Version(u16),
    /// A frame is longer than any can be. What is behind it cannot be found.
    #[error(
        "a frame of {0} bytes; at most {FRAME_BYTES_MAX} are allowed, and what is behind it cannot be found"
    )]
    TooLong(usize),
    /// It ends within a frame.
    #[error("the recording ends within a frame")]
    Truncated,
    /// A name cannot be read, or there are too many.
    #[error("a broken name, or too many names")]
    Name,
    /// A thread or container cannot be read, refers to one that is not there, or there are too many.
    #[error("a broken snapshot of a thread or container, or too many snapshots")]
    Snapshot,
    /// An event cannot be read, or refers to what is not there.
    #[error("a broken event")]
    Event,
}

impl Problem {
    /// Whether nothing behind it can be read.
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::NoRecording | Self::Version(_) | Self::TooLong(_) | Self::Truncated)
    }
}

/// Reads a recording: what was said of names, threads and containers until now.
#[derive(Debug, Default)]
pub struct Reader {
    is_begun: bool,
    is_over: bool,
    /// How many bytes were taken.
    at: u64,
    context: Context,
}

/// What events refer to. It is never copied: two that go on from one state would give the same numbers to different things
/// by one identity.
#[derive(Debug, Default)]
pub(super) struct Context {
    types: Vec<(Option<usize>, String)>,
    arguments: Vec<String>,
    bytes: Vec<u8>,
    /// Kind and bytes of each snapshot.
    snapshots: Vec<(u8, Range<usize>)>,
    /// Who gives the numbers of snapshots, until they are given anew.
    pub(super) snapshots_by: Identity,
    /// When the first event happened, the last before this one, and this one.
    pub(super) first_ns: Option<u64>,
    pub(super) previous_ns: Option<u64>,
    pub(super) current_ns: Option<u64>,
}

impl Context {
    /// Goes on to the time of the next event. Where it tells of the source of the events, nothing is counted from it.
    pub(super) fn tick(&mut self, time_ns: u64, is_of_source: bool) {
        self.previous_ns = self.current_ns;
        self.current_ns = Some(time_ns);
        if !is_of_source {
            self.first_ns.get_or_insert(time_ns);
        }
    }

    fn snapshot(&self, kind: u8, number: u32) -> Option<Snapshot<'_>> {
        let (found, range) = self.snapshots.get(usize::try_from(number).ok()?)?;
        if *found == kind { Snapshot::read(self.bytes.get(range.clone())?) } else { None }
    }

    /// Whether there is a thread of this number.
    pub(super) fn has_thread(&self, number: u32) -> bool {
        let snapshot = usize::try_from(number).ok().and_then(|number| self.snapshots.get(number));
        snapshot.is_some_and(|(kind, _)| *kind == frame::THREAD)
    }

    /// A thread by the number of its snapshot.
    pub(super) fn thread(&self, number: u32) -> Option<ThreadView<'_>> {
        self.snapshot(frame::THREAD, number).map(ThreadView)
    }

    /// A container by the number of its snapshot.
    pub(super) fn container(&self, number: u32) -> Option<ContainerView<'_>> {
        self.snapshot(frame::CONTAINER, number).map(ContainerView)
    }

    /// A type of events: its place among the names that are known, and its name.
    pub(super) fn event_type(&self, number: u16) -> Option<(Option<usize>, &str)> {
        self.types.get(usize::from(number)).map(|(place, name)| (*place, name.as_str()))
    }

    /// The name of an argument.
    pub(super) fn argument_name(&self, number: u16) -> Option<&str> {
        self.arguments.get(usize::from(number)).map(String::as_str)
    }

    fn forget(&mut self) {
        self.types.clear();
        self.arguments.clear();
        self.bytes.clear();
        self.snapshots.clear();
        self.snapshots_by = Identity::default();
    }

    /// Takes a name. One that is broken takes its number too, so that those behind it keep theirs.
    fn add_name(&mut self, kind: u8, name: &[u8]) -> Result<(), Problem> {
        if self.types.len().max(self.arguments.len()) >= NAMES_MAX {
            return Err(Problem::Name);
        }
        let text = std::str::from_utf8(name).ok().filter(|name| name.len() <= NAME_BYTES_MAX);
        let known = text.unwrap_or_default();
        if kind == frame::TYPE_NAME {
            self.types.push((event_types::find(known.as_bytes()), known.to_owned()));
        } else {
            self.arguments.push(known.to_owned());
        }
        if text.is_some() { Ok(()) } else { Err(Problem::Name) }
    }

    /// Takes a snapshot. One that is broken takes its number too, so that those behind it keep theirs.
    fn add_snapshot(&mut self, kind: u8, bytes: &[u8]) -> Result<(), Problem> {
        if self.snapshots.len() >= SNAPSHOTS_MAX {
            return Err(Problem::Snapshot);
        }
        if self.bytes.len() + bytes.len() > SNAPSHOT_BYTES_MAX || !self.is_sound(bytes) {
            self.snapshots.push((0, 0..0));
            return Err(Problem::Snapshot);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.snapshots.push((kind, start..self.bytes.len()));
        Ok(())
    }

    /// Whether a snapshot can be read, and refers to what is there.
    fn is_sound(&self, bytes: &[u8]) -> bool {
        Snapshot::read(bytes).is_some_and(|snapshot| {
            snapshot.is_sound()
                && snapshot.parent().is_none_or(|number| self.thread(number).is_some())
                && snapshot.container().is_none_or(|number| self.container(number).is_some())
        })
    }
}

/// What was found at the front of the input.
enum Found<'b> {
    Event(EventView<'b>),
    Broken(Problem),
    /// More bytes are needed.
    Nothing,
}

impl Reader {
    /// A reader of a recording from its beginning.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next event, or what is broken before it; it is taken off the front of `input`. Nothing where `input` does not
    /// hold all of it: what is left there is to be given again, with what follows. Nothing more is found behind a problem
    /// that [is fatal](Problem::is_fatal).
    ///
    /// A recording can so be read in pieces of [`FRAME_BYTES_MAX`] and a few bytes; where it is over, [`Reader::finish`]
    /// tells whether it is whole.
    pub fn next<'r, 'b: 'r>(&'r mut self, input: &mut &'b [u8]) -> Option<Result<Record<'r>, Broken>> {
        let (at, found) = loop {
            let at = self.at;
            match self.step(input) {
                Some(Found::Nothing) => return None,
                Some(found) => break (at, found),
                None => {}
            }
        };
        match found {
            Found::Event(event) => Some(Ok(Record::new(event, &self.context))),
            Found::Broken(problem) => {
                self.is_over |= problem.is_fatal();
                Some(Err(Broken { at, problem }))
            }
            Found::Nothing => None,
        }
    }

    /// Whether a recording is whole that ends with `rest` behind the last event.
    ///
    /// # Errors
    ///
    /// Where it ends within a frame, or before the first.
    pub fn finish(&self, rest: &[u8]) -> Result<(), Broken> {
        let is_whole = self.is_over || (self.is_begun && rest.is_empty());
        if is_whole { Ok(()) } else { Err(Broken { at: self.at, problem: Problem::Truncated }) }
    }

    fn take<'b>(&mut self, input: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
        let (part, rest) = input.split_at_checked(count)?;
        *input = rest;
        self.at += count as u64;
        Some(part)
    }

    /// Goes on behind an event that is not in the input.
    pub(super) fn pass(&mut self, event_type: usize, time_ns: u64) {
        let is_of_source = event_facts::of(event_type).origin == Origin::Meta;
        self.context.tick(time_ns, is_of_source);
    }

    /// Looks at the next frame. Nothing where it was no event and no problem.
    fn step<'b>(&mut self, input: &mut &'b [u8]) -> Option<Found<'b>> {
        if self.is_over {
            return Some(Found::Nothing);
        }
        if !self.is_begun {
            return self.begin(input);
        }
        let Some([kind, low, middle, high]) = input.first_chunk::<FRAME_HEADER_BYTES>().copied() else {
            return Some(Found::Nothing);
        };
        let length = usize::try_from(u32::from_le_bytes([low, middle, high, 0])).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Some(Found::Broken(Problem::TooLong(length)));
        }
        let Some(bytes) = self.take(input, FRAME_HEADER_BYTES + length) else { return Some(Found::Nothing) };
        let bytes = bytes.get(FRAME_HEADER_BYTES..).unwrap_or_default();
        let done = match kind {
            frame::FORGET => {
                self.context.forget();
                Ok(())
            }
            frame::TYPE_NAME | frame::ARGUMENT_NAME => self.context.add_name(kind, bytes),
            frame::THREAD | frame::CONTAINER => self.context.add_snapshot(kind, bytes),
            frame::EVENT => match EventView::read(bytes, &self.context) {
                Some(event) => {
                    let is_of_source = event.is_of_source(&self.context);
                    self.context.tick(event.time_ns, is_of_source);
                    return Some(Found::Event(event));
                }
                None => Err(Problem::Event),
            },
            // What a later version adds.
            _ => Ok(()),
        };
        done.err().map(Found::Broken)
    }

    fn begin<'b>(&mut self, input: &mut &'b [u8]) -> Option<Found<'b>> {
        let known = input.get(..MAGIC.len().min(input.len())).unwrap_or_default();
        if !MAGIC.starts_with(known) {
            return Some(Found::Broken(Problem::NoRecording));
        }
        let Some(header) = self.take(input, HEADER_BYTES) else { return Some(Found::Nothing) };
        self.is_begun = true;
        let version = u16_at(header, MAGIC.len()).unwrap_or(0);
        (version != MAJOR).then_some(Found::Broken(Problem::Version(version)))
    }
}
