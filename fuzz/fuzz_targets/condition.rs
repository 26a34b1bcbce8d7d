//! Any text as a condition of a rule: it is read, printed and checked without a panic, and an error stands in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_runtime::condition::parse;
use lumen_runtime::{check, event_types};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match parse(text) {
        Ok(condition) => {
            assert!(!condition.to_string().is_empty());
            assert!(event_types::of(&condition).count() <= event_types::NAMES.len());
            if let Err(refusal) = check::check(&condition) {
                assert!(refusal.at.is_none_or(|at| at < text.len()) && !refusal.message.is_empty());
            }
        }
        Err(error) => assert!(error.at <= text.len() && !error.message.is_empty()),
    }
});
