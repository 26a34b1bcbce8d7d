//! Events as they are written down: a recording of what was read.

use std::io::Write;

use lumen_runtime::record::{Recorded, Recorder};

use crate::source;

/// How much is written at once.
const PIECE_BYTES: usize = 1 << 20;

/// A recording that is written, or none.
#[derive(Default)]
pub(super) struct Written<'a>(Option<Recording<'a>>);

struct Recording<'a> {
    recorder: Recorder,
    bytes: Vec<u8>,
    out: &'a mut dyn Write,
}

impl<'a> Written<'a> {
    pub(super) fn new(out: Option<&'a mut dyn Write>) -> Self {
        let recording = |out| {
            let mut recording = Recording { recorder: Recorder::default(), bytes: Vec::new(), out };
            recording.recorder.begin(&mut recording.bytes);
            recording
        };
        Self(out.map(recording))
    }

    /// Whether events are to be written.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Writes an event; the error says why it cannot be.
    pub(super) fn add(&mut self, event: &Recorded) -> Result<(), String> {
        let Some(recording) = &mut self.0 else { return Ok(()) };
        recording.recorder.event(event, &mut recording.bytes);
        if recording.bytes.len() < PIECE_BYTES { Ok(()) } else { self.flush() }
    }

    /// Writes what was not written yet.
    pub(super) fn flush(&mut self) -> Result<(), String> {
        let Some(recording) = &mut self.0 else { return Ok(()) };
        let result = recording.out.write_all(&recording.bytes).and_then(|()| recording.out.flush());
        recording.bytes.clear();
        result.map_err(|error| format!("the recording cannot be written: {}", source::plain(&error)))
    }
}
