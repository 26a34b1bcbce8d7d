//! What `serde_json` takes as an object is one document, which says the same, and whose printing reads back to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_value::read::{Limits, ReadErrorKind, read};

fuzz_target!(|input: &[u8]| {
    let Ok(theirs @ serde_json::Value::Object(_)) = serde_json::from_slice(input) else {
        read(input, &Limits::default());
        return;
    };
    let reading = read(input, &Limits::default());
    if let Some(error) = reading.errors.first() {
        // Of a key that stands twice both keep the last.
        assert_eq!(error.kind, ReadErrorKind::DuplicateKey, "{}", error.message);
    }
    let [document] = reading.documents.as_slice() else {
        panic!("{} documents", reading.documents.len());
    };
    let printed = document.value.to_json();
    let again = read(printed.as_bytes(), &Limits::default());
    assert_eq!(again.documents.len(), 1);
    assert!(
        again.documents[0].value == document.value,
        "{printed} reads back as something else"
    );
    let ours: serde_json::Value = serde_json::from_str(&printed).expect("what is printed is JSON");
    if !has_number(&theirs) {
        assert_eq!(ours, theirs);
    }
});

/// Numbers keep their text here and become floats there: they are compared by other tests.
fn has_number(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(_) => true,
        serde_json::Value::Array(items) => items.iter().any(has_number),
        serde_json::Value::Object(entries) => entries.values().any(has_number),
        _ => false,
    }
}
