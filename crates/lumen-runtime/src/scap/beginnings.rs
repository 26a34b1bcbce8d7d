//! Beginnings of calls, kept until their ends come.

use foldhash::HashMap;

use super::bytes::{Cursor, Order};
use super::event::Event;
use super::parameters::{Parameters, Room};
use super::table::Row;

/// Most beginnings.
const BEGINNINGS: usize = 262_144;
/// Most bytes of all.
const BYTES: usize = 64 << 20;
/// About what a beginning takes besides its bytes.
const BEGINNING: usize = 96;
/// Most buffers that are kept for beginnings that come, and most bytes of each.
const SPARE: usize = 16;
const SPARE_BYTES: usize = 1_024;

/// Beginnings of calls, one a thread. They are few, because calls end: where they are too many, all are forgotten.
#[derive(Default)]
pub(super) struct Beginnings {
    kept: HashMap<i64, Beginning>,
    bytes: usize,
    spare: Vec<Vec<u8>>,
}

/// The beginning of a call, with its own bytes.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) number: u16,
    pub(super) row: &'static Row,
    order: Order,
    time_ns: u64,
    tid: i64,
    cpu: u16,
    count: usize,
    /// Of each argument its length, in four bytes, and then its bytes.
    bytes: Vec<u8>,
}

impl Beginning {
    fn of(event: &Event<'_>, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        let count = event.parameters.count();
        for place in 0..count {
            let parameter = event.parameters.get(place).unwrap_or_default();
            bytes.extend_from_slice(&u32::try_from(parameter.len()).unwrap_or(0).to_le_bytes());
            bytes.extend_from_slice(parameter);
        }
        let Event { number, row, order, time_ns, tid, cpu, .. } = *event;
        Self { number, row, order, time_ns, tid, cpu, count, bytes }
    }

    fn size(&self) -> usize {
        self.bytes.capacity() + BEGINNING
    }

    /// The bytes of one of its arguments; none where it has fewer.
    pub(super) fn get(&self, place: usize) -> Option<&[u8]> {
        if place >= self.count {
            return None;
        }
        let mut rest = Cursor::new(&self.bytes, Order::Little);
        for at in 0..=place {
            let length = usize::try_from(rest.u32()?).ok()?;
            let bytes = rest.take(length)?;
            if at == place {
                return Some(bytes);
            }
        }
        None
    }

    /// The event that it was.
    pub(super) fn event<'a>(&'a self, room: &'a mut Room) -> Event<'a> {
        let Self { number, row, order, time_ns, tid, cpu, .. } = *self;
        let parameters = Parameters::each(&self.bytes, self.count, room);
        Event { time_ns, tid, cpu, number, row, order, parameters }
    }
}

impl Beginnings {
    /// Keeps a beginning, in place of the one that its thread had.
    pub(super) fn keep(&mut self, event: &Event<'_>) {
        self.forget(event.tid);
        let beginning = Beginning::of(event, self.spare.pop().unwrap_or_default());
        let size = beginning.size();
        if self.kept.len() >= BEGINNINGS || self.bytes + size > BYTES {
            (self.kept, self.bytes) = (HashMap::default(), 0);
        }
        if size <= BYTES {
            self.bytes += size;
            self.kept.insert(event.tid, beginning);
        }
    }

    pub(super) fn get(&self, tid: i64) -> Option<&Beginning> {
        self.kept.get(&tid)
    }

    /// The beginning that a thread has, which is over then.
    pub(super) fn take(&mut self, tid: i64) -> Option<Beginning> {
        if self.kept.is_empty() {
            return None;
        }
        let beginning = self.kept.remove(&tid)?;
        self.bytes = self.bytes.saturating_sub(beginning.size());
        Some(beginning)
    }

    /// Gives a beginning back that is not needed any more, for its room.
    pub(super) fn give_back(&mut self, beginning: Beginning) {
        if self.spare.len() < SPARE && beginning.bytes.capacity() <= SPARE_BYTES {
            self.spare.push(beginning.bytes);
        }
    }

    pub(super) fn forget(&mut self, tid: i64) {
        if let Some(beginning) = self.take(tid) {
            self.give_back(beginning);
        }
    }
}
