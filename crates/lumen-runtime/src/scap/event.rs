//! An event as it stands in a capture: who, when, which type, and the bytes of its arguments.

use std::borrow::Cow;

use super::bytes::{Cursor, Order, until_zero};
use super::table::{self, LARGE, Row};

/// The most arguments that an event can have; the table has 31.
const ARGUMENTS: u32 = 64;

/// An event of a capture.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    pub(super) time_ns: u64,
    pub(super) tid: i64,
    pub(super) cpu: u16,
    /// The number of the type in the table.
    pub(super) number: u16,
    pub(super) row: &'static Row,
    pub(super) order: Order,
    /// The bytes of each; none where they are not known.
    pub(super) parameters: Vec<Cow<'a, [u8]>>,
}

/// What an event block holds.
pub(super) enum Read<'a> {
    Event(Event<'a>),
    /// An event of a type that is not known here.
    Newer,
}

/// Which form of a block an event stands in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Flags stand before it.
    pub(super) has_flags: bool,
    /// It says how many arguments it has.
    pub(super) has_count: bool,
}

/// Reads the event of a block, without the lengths round it.
pub(super) fn read(block: &[u8], order: Order, form: Form) -> Result<Read<'_>, &'static str> {
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
    let Some(row) = table::find(number) else { return Ok(Read::Newer) };
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
        Some(count) => split(body, order, row, count).ok_or("the lengths of the arguments do not fit")?,
        None => guess(body, order, row).ok_or("no number of arguments fits the length")?,
    };
    Ok(Read::Event(Event { time_ns, tid, cpu, number, row, order, parameters }))
}

fn split<'a>(body: &'a [u8], order: Order, row: &Row, count: u32) -> Option<Vec<Cow<'a, [u8]>>> {
    if count > ARGUMENTS {
        return None;
    }
    let width = if row.is(LARGE) { 4 } else { 2 };
    let count = usize::try_from(count).ok()?;
    let mut lengths = Cursor::new(body, order);
    let mut values = Cursor::new(body, order);
    values.take(count.checked_mul(width)?)?;
    (0..count)
        .map(|_| {
            let length = usize::try_from(lengths.number(width)?).ok()?;
            values.take(length).map(Cow::Borrowed)
        })
        .collect()
}

/// Old events do not tell how many arguments they have: it is the greatest number that fills the event.
fn guess<'a>(body: &'a [u8], order: Order, row: &Row) -> Option<Vec<Cow<'a, [u8]>>> {
    (0..=row.parameters.len()).rev().find_map(|count| {
        let parameters = split(body, order, row, u32::try_from(count).ok()?)?;
        let length: usize = parameters.iter().map(|parameter| parameter.len() + 2).sum();
        (length == body.len()).then_some(parameters)
    })
}

impl Event<'_> {
    /// The bytes of an argument, by its name; none where there is no such argument, or its value is not known.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.at(self.row.place(name)?)
    }

    /// The same, by its place.
    pub(super) fn at(&self, place: usize) -> Option<&[u8]> {
        self.parameters.get(place).map(|bytes| &**bytes).filter(|bytes| !bytes.is_empty())
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

    /// What the call gave back: the first argument of the end of a call.
    pub(super) fn outcome(&self) -> Option<i64> {
        let (name, _) = self.row.parameters.first()?;
        let is_outcome = !self.is_beginning() && matches!(*name, "res" | "fd");
        is_outcome.then(|| self.at(0)).flatten().map(|bytes| self.order.signed(bytes))
    }

    /// The event with its own bytes.
    pub(super) fn into_owned(self) -> Event<'static> {
        let parameters = self.parameters.into_iter().map(|bytes| Cow::Owned(bytes.into_owned())).collect();
        Event {
            parameters,
            time_ns: self.time_ns,
            tid: self.tid,
            cpu: self.cpu,
            number: self.number,
            row: self.row,
            order: self.order,
        }
    }
}
