//! What is read as TOML has its places in the text, and says the same as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_value::read::{Limits, Syntax};
use lumen_value::span::Index;
use lumen_value::{Pointer, Value, json, toml};

/// Most places of a document that are looked at.
const PLACES_MAX: usize = 64;

fuzz_target!(|input: &[u8]| {
    let value = match toml::parse(input, &Limits::default()) {
        Ok(parsed) => parsed.value,
        Err(error) => {
            assert!(error.at <= input.len(), "an error stands in the text");
            assert!(!error.message.is_empty());
            return;
        }
    };
    let text = std::str::from_utf8(input).expect("what is read is UTF-8");
    let index = Index::read(text, Syntax::Toml).expect("what is read has its places");
    for pointer in places(&value) {
        let located = index.locate(&pointer);
        assert!(located.exact, "{pointer} is a value of the document");
        for range in [located.value, located.entry] {
            assert!(text.get(range).is_some(), "{pointer} lies in the text");
        }
    }
    let printed = value.to_json();
    let again = json::parse(printed.as_bytes(), &Limits::default()).expect("what is printed is JSON");
    assert!(again.value == value, "{printed} reads back as something else");
});

/// The places of a document's values, the outer ones first.
fn places(root: &Value) -> Vec<Pointer> {
    let mut places = vec![(Pointer::ROOT, root)];
    let mut next = 0;
    while next < places.len() && places.len() < PLACES_MAX {
        let (pointer, value) = places[next].clone();
        next += 1;
        if let Some(items) = value.as_array() {
            let items = items.iter().enumerate();
            places.extend(items.map(|(index, item)| (pointer.child(index), item)));
        } else if let Some(entries) = value.as_object() {
            let entries = entries.iter();
            places.extend(
                entries.filter_map(|(key, entry)| Some((pointer.child(key.as_str()?), entry))),
            );
        }
    }
    let pointers = places.into_iter().map(|(pointer, _)| pointer);
    pointers.take(PLACES_MAX).collect()
}
