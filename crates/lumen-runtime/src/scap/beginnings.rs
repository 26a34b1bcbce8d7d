//! Beginnings of calls, kept until their ends come.

use foldhash::HashMap;

use super::event::Event;

/// Most beginnings.
const BEGINNINGS: usize = 262_144;
/// Most bytes of all.
const BYTES: usize = 64 << 20;
/// About what an argument takes besides its bytes.
const ARGUMENT: usize = 32;

/// Beginnings of calls, one a thread. They are few, because calls end: where they are too many, all are forgotten.
#[derive(Default)]
pub(super) struct Beginnings {
    events: HashMap<i64, Event<'static>>,
    bytes: usize,
}

fn size(event: &Event<'_>) -> usize {
    event.parameters.iter().map(|parameter| parameter.len() + ARGUMENT).sum()
}

impl Beginnings {
    /// Keeps a beginning, in place of the one that its thread had.
    pub(super) fn keep(&mut self, event: Event<'_>) {
        self.forget(event.tid);
        let size = size(&event);
        if self.events.len() >= BEGINNINGS || self.bytes + size > BYTES {
            (self.events, self.bytes) = (HashMap::default(), 0);
        }
        if size <= BYTES {
            self.bytes += size;
            self.events.insert(event.tid, event.into_owned());
        }
    }

    pub(super) fn get(&self, tid: i64) -> Option<&Event<'static>> {
        self.events.get(&tid)
    }

    /// The beginning that a thread has, which is over then.
    pub(super) fn take(&mut self, tid: i64) -> Option<Event<'static>> {
        let event = self.events.remove(&tid)?;
        self.bytes = self.bytes.saturating_sub(size(&event));
        Some(event)
    }

    pub(super) fn forget(&mut self, tid: i64) {
        self.take(tid);
    }
}
