//! The arguments of an event as bytes, wherever these stand.

use std::cmp::Ordering;

use super::bytes::{Cursor, Order};
use super::table::{LARGE, Row};

/// The most arguments that an event can have.
const ARGUMENTS: usize = 64;
/// The most that a type of the table has. What an event has beyond them has no name, and is not kept.
pub(super) const KNOWN: usize = 32;

/// The arguments of an event: bytes of the capture, and others, which are the event's own.
#[derive(Debug)]
pub(super) struct Parameters<'a> {
    body: &'a [u8],
    room: &'a mut Room,
}

/// Room for the arguments of an event, which one after the other uses.
#[derive(Debug, Default)]
pub(super) struct Room {
    places: Places,
    own: Vec<u8>,
}

/// Most bytes of a room that are kept for the next event.
const ROOM_BYTES: usize = 64 << 10;

/// Where arguments stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    count: usize,
    of_each: [Place; KNOWN],
}

/// Where the bytes of an argument begin and end.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    start: u32,
    end: u32,
}

/// The bit of a place that is in the event's own bytes.
const OWN: u32 = 1 << 31;

impl Place {
    /// What is further away than any event is long is nowhere.
    fn new(start: usize, length: usize, own: u32) -> Self {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX) & !OWN | own;
        Self { start: number(start), end: number(start.saturating_add(length)) }
    }
}

impl Places {
    fn push(&mut self, place: Place) {
        if let Some(free) = self.of_each.get_mut(self.count) {
            *free = place;
        }
        self.count += 1;
    }

    /// Leaves the first ones, so many bytes further on.
    fn cut_and_shift(&mut self, count: usize, bytes: usize) {
        self.count = count;
        let bytes = u32::try_from(bytes).unwrap_or(0);
        for place in self.of_each.iter_mut().take(count) {
            place.start += bytes;
            place.end += bytes;
        }
    }

    fn get(&self, place: usize) -> Option<Place> {
        self.of_each.get(place).filter(|_| place < self.count).copied()
    }
}

impl<'a> Parameters<'a> {
    /// None yet.
    pub(super) fn new(body: &'a [u8], room: &'a mut Room) -> Self {
        room.places.count = 0;
        room.own.clear();
        // What was long once is not kept for ever.
        room.own.shrink_to(ROOM_BYTES);
        Self { body, room }
    }

    /// So many that stand one behind the other, their lengths before them. None where they are longer than the bytes.
    pub(super) fn split(
        body: &'a [u8],
        order: Order,
        row: &Row,
        count: u32,
        room: &'a mut Room,
    ) -> Option<Self> {
        let count = usize::try_from(count).ok().filter(|count| *count <= ARGUMENTS)?;
        let width = if row.is(LARGE) { 4 } else { 2 };
        let parameters = Self::new(body, room);
        let mut start = count * width;
        for length in body.get(..start)?.chunks_exact(width) {
            let length = usize::try_from(order.number(length)).ok()?;
            parameters.room.places.push(Place::new(start, length, 0));
            start = start.checked_add(length)?;
        }
        (start <= body.len()).then_some(parameters)
    }

    /// Those of an old event, which does not tell how many there are: it is the greatest number that fills it.
    pub(super) fn guess(body: &'a [u8], order: Order, row: &Row, room: &'a mut Room) -> Option<Self> {
        let width = if row.is(LARGE) { 4 } else { 2 };
        let parameters = Self::new(body, room);
        let places = &mut parameters.room.places;
        let (mut values, mut fitting) = (0_usize, body.is_empty().then_some((0, 0)));
        for (before, length) in body.chunks_exact(width).take(row.parameters.len()).enumerate() {
            let length = usize::try_from(order.number(length)).unwrap_or(usize::MAX);
            places.push(Place::new(values, length, 0));
            values = values.saturating_add(length);
            match values.saturating_add((before + 1) * 2).cmp(&body.len()) {
                Ordering::Less => {}
                Ordering::Equal => fitting = Some((before + 1, values)),
                Ordering::Greater => break,
            }
        }
        // Until here places were counted from the first byte of the first.
        let (count, values) = fitting?;
        places.cut_and_shift(count, count * width);
        (values + count * width <= body.len()).then_some(parameters)
    }

    /// So many, each behind its length in four bytes.
    pub(super) fn each(body: &'a [u8], count: usize, room: &'a mut Room) -> Self {
        let parameters = Self::new(body, room);
        let mut rest = Cursor::new(body, Order::Little);
        for _ in 0..count {
            let length = rest.u32().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            parameters.room.places.push(Place::new(body.len() - rest.len(), length, 0));
            rest.take(length);
        }
        parameters
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.room.places.count
    }

    /// The bytes of one; none where they are not known.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        let Place { start, end } = self.room.places.get(place)?;
        let bytes = if start & OWN == 0 { self.body } else { &self.room.own };
        bytes.get(usize::try_from(start & !OWN).ok()?..usize::try_from(end & !OWN).ok()?)
    }

    /// Adds one.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.room.places.push(Place::new(self.room.own.len(), bytes.len(), OWN));
        self.room.own.extend_from_slice(bytes);
    }

    /// Takes all away; those that are added again by [`push_former`](Self::push_former) are not copied.
    pub(super) fn take_places(&mut self) -> Places {
        std::mem::take(&mut self.room.places)
    }

    /// Adds one that was taken away; false where there was none at that place.
    pub(super) fn push_former(&mut self, former: &Places, place: usize) -> bool {
        former.get(place).map(|place| self.room.places.push(place)).is_some()
    }
}
