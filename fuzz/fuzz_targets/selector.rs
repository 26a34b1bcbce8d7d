//! Any selector, as a text or as the JSON of a LabelSelector: what is read prints to a text that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::selector::{FieldNames, Selector};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

fuzz_target!(|input: &[u8]| {
    let labels = Value::from([
        ("app", Value::from("web")),
        ("tier", Value::from("3")),
        ("empty", Value::from("")),
    ]);
    let mut selectors = Vec::new();
    if let Ok(text) = std::str::from_utf8(input) {
        selectors.extend(Selector::parse(text));
    }
    for document in read(input, &Limits::default()).documents.iter().take(4) {
        selectors.extend(Selector::of(&document.value, FieldNames::Exact));
        selectors.extend(Selector::of_labels(&document.value));
    }
    for selector in selectors {
        let matches = selector.matches(&labels);
        if selector.is_nothing() {
            assert!(!matches);
            continue;
        }
        assert!(matches || !selector.is_empty());
        let text = selector.to_string();
        let again = Selector::parse(&text).expect("what is printed can be read");
        // A value that is given twice is printed twice, as upstream does, and read once.
        let canonical = again.to_string();
        assert_eq!(
            Selector::parse(&canonical).expect("so can this").to_string(),
            canonical
        );
        assert_eq!(again.matches(&labels), matches, "{text}");
    }
});
