//! One event as its bytes, without a recording around it.

use super::{Reader, Record, Recorded, Recorder};

/// Makes events into their bytes and shows these, for whoever has events by their parts and rules to ask of them. What is
/// known of threads and containers stays from one event to the next, as do the times.
///
/// ```
/// use lumen_runtime::record::{Encoded, Recorded};
///
/// let mut encoded = Encoded::default();
/// let record = encoded.view(&Recorded { number: 7, ..Recorded::default() });
/// assert_eq!(record.map(|record| record.number()), Some(7));
/// ```
#[derive(Debug, Default)]
pub struct Encoded {
    recorder: Recorder,
    reader: Reader,
    bytes: Vec<u8>,
}

impl Encoded {
    /// An event, as rules look at it. There is always one; nothing is only for the compiler.
    pub fn view(&mut self, event: &Recorded) -> Option<Record<'_>> {
        self.bytes.clear();
        self.recorder.event(event, &mut self.bytes);
        let mut input = self.bytes.as_slice();
        self.reader.next(&mut input)?.ok()
    }

    /// Goes on behind an event that nobody looks at, so that the times of the next ones are counted as if it had been
    /// looked at: one of the type at a place of [`NAMES`](crate::event_types::NAMES), of a time in nanoseconds since 1970.
    pub fn pass(&mut self, event_type: usize, time_ns: u64) {
        self.reader.pass(event_type, time_ns);
    }
}
