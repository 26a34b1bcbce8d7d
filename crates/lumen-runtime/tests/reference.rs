//! Fields of captures, held to those that the reference engine itself shows of the same events.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests: what is not there fails them"
)]

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;

use lumen_runtime::output::Output;
use lumen_runtime::record::Encoded;
use lumen_runtime::scap::{Item, Reader};
use serde_json::Value;

/// Fields that differ on purpose in some events, and why.
const DIFFERENT: [(&str, &str); 4] = [
    (
        "thread.tid",
        "an event of a thread that is not in the table has none: nothing else is known of the thread",
    ),
    ("fd.types[0]", "one type is no list: the reference prints it in parentheses"),
    ("fd.types[1]", "the same"),
    ("fd.types[2]", "the same"),
];

/// What both sides show of a field that has no value.
const NONE: &str = "<NA>";

type Fields = BTreeMap<usize, String>;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/runtime/captures")
}

fn bytes(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let compressed = std::fs::read(folder().join(name)).unwrap();
    flate2::read::MultiGzDecoder::new(&compressed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// What each event of a capture shows, by its number; fields without a value are not there.
fn shown(capture: &str, outputs: &[Output], number: usize) -> HashMap<String, Fields> {
    let mut reader = Reader::new();
    reader.feed(&bytes(capture));
    let mut encoded = Encoded::default();
    let mut events = HashMap::new();
    while let Some(item) = reader.next() {
        let Item::Event(event) = item else { panic!("{capture}: {item:?}") };
        let record = encoded.view(&event).unwrap();
        let mut fields = Fields::new();
        for (place, output) in outputs.iter().enumerate() {
            let text = output.message(&record);
            if text != NONE && output.fields(&record).iter().all(|(_, value)| value.is_some()) {
                fields.insert(place, text);
            }
        }
        events.insert(fields[&number].clone(), fields);
    }
    assert!(reader.finish().is_none(), "{capture}");
    events
}

#[test]
fn events_show_what_the_reference_shows() {
    let text = std::fs::read_to_string(folder().join("reference.jsonl")).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let names: Vec<String> = serde_json::from_value(lines.next().unwrap()).unwrap();
    let outputs: Vec<Output> = names.iter().map(|name| Output::parse(&format!("%{name}")).unwrap()).collect();
    let place = |name: &str| names.iter().position(|known| known == name).unwrap();
    let (number, thread) = (place("evt.num"), place("thread.tid"));
    let different = DIFFERENT.map(|(name, _)| place(name));

    let (mut capture, mut ours) = (String::new(), HashMap::new());
    let mut last: HashMap<String, Fields> = HashMap::new();
    let (mut equal, mut unequal) = (0_usize, Vec::new());
    for line in lines {
        if let Some(name) = line.get("capture") {
            capture = name.as_str().unwrap().to_owned();
            ours = shown(&capture, &outputs, number);
            last.clear();
            continue;
        }
        // A line says what is other than in the last event of the same thread.
        let line = line.as_array().unwrap();
        let (changes, _) = line.as_chunks::<2>();
        let value = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let fields = last.entry(value(&changes[0][1])).or_default();
        for [at, to] in changes {
            let at = usize::try_from(at.as_u64().unwrap()).unwrap();
            if to.is_null() {
                fields.remove(&at);
            } else {
                fields.insert(at, value(to));
            }
        }
        assert_eq!(changes[0][0].as_u64(), u64::try_from(thread).ok());
        let own = &ours[&fields[&number]];
        for (at, name) in names.iter().enumerate().filter(|(at, _)| !different.contains(at)) {
            let (reference, own) = (fields.get(&at), own.get(&at));
            if reference == own {
                equal += usize::from(own.is_some());
            } else {
                unequal.push(format!(
                    "{capture}, event {}, {name}: {reference:?} there, {own:?} here",
                    fields[&number]
                ));
            }
        }
    }
    unequal.truncate(40);
    assert!(unequal.is_empty(), "{}", unequal.join("\n"));
    assert!(equal > 50_000, "only {equal} values were compared");
}
