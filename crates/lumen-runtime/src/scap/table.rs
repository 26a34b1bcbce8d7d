//! The types of events that captures know, by their numbers (`driver/event_table.c`): facts, a row each.
//!
//! Even numbers are beginnings of calls and what is no call, odd ones are ends. Types that no sensor writes any more stay
//! here, for old captures.

mod calls;
mod early;
mod flags;
mod late;
mod middle;
mod varying;

use calls::{CALLS, NATIVE};

/// Nothing is special about the type.
const NONE: u16 = 0;
/// No sensor has written it since a newer form came.
pub(super) const OLD: u16 = 1;
/// It is one that [`convert`](super::convert) has steps for.
pub(super) const CONVERTED: u16 = 2;
/// It was never used.
pub(super) const UNUSED: u16 = 4;
/// Lengths of its arguments are of four bytes, not of two.
pub(super) const LARGE: u16 = 8;
/// It is about a descriptor that is there already.
pub(super) const USES: u16 = 16;
/// It stands apart from what the thread does.
pub(super) const APART: u16 = 32;

/// Names for bits or numbers.
pub(super) type Names = &'static [(&'static str, u32)];

/// What an argument is. Numbers in brackets are widths in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Signed(u8),
    Unsigned(u8),
    Hexadecimal(u8),
    Octal(u8),
    /// Bits with names.
    Bits(u8, Names),
    /// One of several numbers with names.
    OneOf(u8, Names),
    /// The mode of a file.
    Mode(Names),
    Text,
    Buffer,
    /// What the call gave back.
    Outcome,
    /// One end of a socket.
    Address,
    /// Both ends of a socket.
    Ends,
    Descriptor(u8),
    /// Several descriptors, with what is waited for.
    Descriptors,
    Process(u8),
    Path,
    /// A path seen from the folder that the argument at this place stands for.
    PathIn(u8),
    /// The number of a call.
    Call,
    Signal,
    /// Nanoseconds.
    Duration,
    /// Nanoseconds since 1970.
    Time,
    User,
    Group,
    /// A byte that says which of these it is, and then that.
    Varying(&'static [Kind]),
}

/// A type of events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// What it is called: `evt.type`.
    pub(super) name: &'static str,
    /// Bits: [`OLD`] and the others.
    pub(super) traits: u16,
    /// The names and kinds of its arguments, in order.
    pub(super) parameters: &'static [(&'static str, Kind)],
}

const fn row(name: &'static str, traits: u16, parameters: &'static [(&'static str, Kind)]) -> Row {
    Row { name, traits, parameters }
}

impl Row {
    pub(super) fn is(&self, traits: u16) -> bool {
        self.traits & traits != 0
    }

    /// The place of the argument that says which descriptor the call is about.
    pub(super) fn descriptor(&self) -> Option<usize> {
        // The first is the outcome, also where that is a descriptor.
        let first = if self.name == "splice" { 2 } else { 1 };
        let is_descriptor = |(_, kind): &(&str, Kind)| matches!(kind, Kind::Descriptor(8));
        self.is(USES)
            .then(|| self.parameters.iter().skip(first).position(is_descriptor))?
            .map(|place| place + first)
    }

    /// The place of an argument.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|(known, _)| *known == name)
    }
}

/// The type of a number.
pub(super) fn find(number: u16) -> Option<&'static Row> {
    let rows: [&'static [Row]; 3] = [&early::ROWS, &middle::ROWS, &late::ROWS];
    let mut place = usize::from(number);
    for part in rows {
        match part.get(place) {
            Some(row) => return Some(row),
            None => place = place.saturating_sub(part.len()),
        }
    }
    None
}

/// The name of a call, by the reference's number of it.
pub(super) fn call(number: u64) -> Option<&'static str> {
    CALLS.get(usize::try_from(number).ok()?).copied().filter(|name| !name.is_empty())
}

/// How many calls have a number of the reference.
pub(super) fn calls() -> u64 {
    u64::try_from(CALLS.len()).unwrap_or(0)
}

/// The reference's number of a call, by the kernel's number of it on x86-64: what most captures were made on.
pub(super) fn native_call(number: u64) -> Option<u64> {
    NATIVE.get(usize::try_from(number).ok()?).copied().map(u64::from)
}

/// Whether the type is the beginning of a call, or no call.
pub(super) const fn is_beginning(number: u16) -> bool {
    number & 1 == 0
}
