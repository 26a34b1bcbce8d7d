//! An event as it stands in a capture: who, when, which type, and the bytes of its arguments.

use super::bytes::{Cursor, Order, until_zero};
use super::parameters::{Parameters, Room};
use super::table::{self, Row};

/// An event of a capture.
#[derive(Debug)]
pub(super) struct Event<'a> {
    pub(super) time_ns: u64,
    pub(super) tid: i64,
    pub(super) cpu: u16,
    /// The number of the type in the table.
    pub(super) number: u16,
    pub(super) row: &'static Row,
    pub(super) order: Order,
    pub(super) parameters: Parameters<'a>,
}

/// What an event block holds.
pub(super) enum Read<'a> {
    Event(Event<'a>),
    /// An event of a type that is not known here, by its number.
    Unknown(u16),
}

/// Which form of a block an event stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Flags stand before it.
    pub(super) has_flags: bool,
    /// It says how many arguments it has.
    pub(super) has_count: bool,
}

/// Reads the event of a block, without the lengths round it. `room` is for its arguments.
pub(super) fn read<'a>(
    block: &'a [u8],
    order: Order,
    form: Form,
    room: &'a mut Room,
) -> Result<Read<'a>, &'static str> {
    let mut cursor = Cursor::new(block, order);
    let head = |cursor: &mut Cursor<'_>| {
        let cpu = cursor.u16()?;
        if form.has_flags {
            cursor.u32()?;
        }
        let length_of_block = cursor.len();
        let (time_ns, tid, length) = (cursor.u64()?, cursor.i64()?, cursor.u32()?);
        let number = cursor.u16()?;
        let count = if form.has_count { Some(cursor.u32()?) } else { None };
        Some((cpu, time_ns, tid, length, number, count, length_of_block))
    };
    let (cpu, time_ns, tid, length, number, count, available) =
        head(&mut cursor).ok_or("the block is too short for an event")?;
    let Some(row) = table::find(number) else { return Ok(Read::Unknown(number)) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    // Old sensors told three bytes too many of these.
    let length =
        if !form.has_count && matches!(number, 280 | 286) { length.saturating_sub(3) } else { length };
    let head_length = available.saturating_sub(cursor.len());
    let body = length
        .checked_sub(head_length)
        .and_then(|body| cursor.take(body))
        .ok_or("the event is longer than its block")?;
    let parameters = match count {
        Some(count) => Parameters::split(body, order, row, count, room)
            .ok_or("the lengths of the arguments do not fit")?,
        None => Parameters::guess(body, order, row, room).ok_or("no number of arguments fits the length")?,
    };
    Ok(Read::Event(Event { time_ns, tid, cpu, number, row, order, parameters }))
}

impl Event<'_> {
    /// The bytes of an argument, by its name; none where there is no such argument, or its value is not known.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.at(self.row.place(name)?)
    }

    /// The same, by its place.
    pub(super) fn at(&self, place: usize) -> Option<&[u8]> {
        self.parameters.get(place).filter(|bytes| !bytes.is_empty())
    }

    pub(super) fn unsigned(&self, name: &str) -> Option<u64> {
        self.bytes(name).map(|bytes| self.order.number(bytes))
    }

    /// A number of four bytes; what does not fit is cut.
    pub(super) fn u32(&self, name: &str) -> Option<u32> {
        self.unsigned(name).and_then(|number| u32::try_from(number & u64::from(u32::MAX)).ok())
    }

    pub(super) fn signed(&self, name: &str) -> Option<i64> {
        self.bytes(name).map(|bytes| self.order.signed(bytes))
    }

    /// A text without the zero behind it.
    pub(super) fn text(&self, name: &str) -> Option<&[u8]> {
        self.bytes(name).map(until_zero)
    }

    pub(super) fn is_beginning(&self) -> bool {
        table::is_beginning(self.number)
    }
}
