//! Any bytes as an input: a reading, in bounded time and memory, whose documents lie in the text and in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_value::read::{Limits, read};

fuzz_target!(|input: &[u8]| {
    let reading = read(input, &Limits::default());
    let mut end = 0;
    for document in &reading.documents {
        assert!(
            document.range.start >= end,
            "documents are in order, and none stands in another"
        );
        assert!(document.range.start <= document.range.end && document.range.end <= input.len());
        end = document.range.end;
    }
    for error in &reading.errors {
        assert!(error.at <= input.len(), "an error stands in the text");
        assert!(!error.message.is_empty());
    }
});
