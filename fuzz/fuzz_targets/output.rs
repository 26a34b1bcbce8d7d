//! Any text as the output of a rule: what is read is shown for an event without values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_runtime::Event;
use lumen_runtime::field::FieldUse;
use lumen_runtime::output::Output;
use lumen_runtime::value::Value;

struct Nothing;

impl Event for Nothing {
    fn value(&self, _: &FieldUse) -> Option<Value<'_>> {
        None
    }

    fn event_type(&self) -> Option<usize> {
        None
    }
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Output::parse(text) {
        Ok(output) => {
            output.message(&Nothing);
            assert!(output.fields(&Nothing).iter().all(|(name, _)| text.contains(name.trim())));
        }
        Err(message) => assert!(!message.is_empty()),
    }
});
