//! Any text as a Rego module of each version, and as a query: what is read prints, and is refused without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = std::str::from_utf8(input) {
        lumen_rego::syntax::exercise(text);
    }
});
