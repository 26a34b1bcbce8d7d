//! Every value of a document has a place in its text, and edits there keep all that they do not name, twice as once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_value::edit::{Edit, apply};
use lumen_value::read::{Limits, read};
use lumen_value::span::Index;
use lumen_value::{Pointer, Value};

/// Most places of a document that are looked at: edits read the whole text each time.
const PLACES_MAX: usize = 16;

/// Longest text that is edited, in bytes, for the same reason.
const TEXT_BYTES_MAX: usize = 4096;

fuzz_target!(|input: &[u8]| {
    for document in read(input, &Limits::default()).documents.iter().take(4) {
        let Some(Ok(text)) = input.get(document.range.clone()).map(std::str::from_utf8) else {
            continue;
        };
        if text.len() > TEXT_BYTES_MAX {
            continue;
        }
        let index = Index::read(text, document.syntax).expect("what is read has its places");
        for pointer in places(&document.value) {
            let located = index.locate(&pointer);
            assert!(located.exact, "{pointer} is a value of the document");
            assert!(
                text.get(located.value.clone()).is_some(),
                "{pointer} lies in the text"
            );
            assert!(
                text.get(located.entry.clone()).is_some(),
                "{pointer} lies in the text"
            );
            for edit in [
                Edit::Set(pointer.clone(), Value::from("new")),
                Edit::Remove(pointer),
            ] {
                // An edit that cannot be made faithfully is refused: that is no fault.
                let edits = [edit];
                let Ok(once) = apply(text, document.syntax, &edits) else {
                    continue;
                };
                if matches!(edits[0], Edit::Set(..)) {
                    let twice =
                        apply(&once.text, document.syntax, &edits).expect("what was edited can be edited");
                    assert!(
                        twice.changed.is_empty() && twice.text == once.text,
                        "twice is once"
                    );
                }
                assert_eq!(
                    rest(text, once.changed.iter().map(|change| &change.before)),
                    rest(&once.text, once.changed.iter().map(|change| &change.after))
                );
            }
        }
    }
});

/// The places of a document's values, the outer ones first.
fn places(root: &Value) -> Vec<Pointer> {
    let mut places = vec![(Pointer::ROOT, root)];
    let mut next = 0;
    while next < places.len() && places.len() < PLACES_MAX {
        let (pointer, value) = places[next].clone();
        next += 1;
        if let Some(items) = value.as_array() {
            places.extend(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| (pointer.child(index), item)),
            );
        } else if let Some(entries) = value.as_object() {
            for (key, entry) in entries.iter() {
                if let Some(key) = key.as_str() {
                    places.push((pointer.child(key), entry));
                }
            }
        }
    }
    places
        .into_iter()
        .take(PLACES_MAX)
        .map(|(pointer, _)| pointer)
        .collect()
}

/// The text without some ranges of it, which are in order.
fn rest<'a>(text: &str, ranges: impl Iterator<Item = &'a std::ops::Range<usize>>) -> String {
    let mut rest = String::new();
    let mut at = 0;
    for range in ranges {
        rest.push_str(&text[at..range.start]);
        at = range.end;
    }
    rest.push_str(&text[at..]);
    rest
}
