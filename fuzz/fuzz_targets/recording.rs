//! A recording of any bytes is read to its end, and says the same however its bytes come; each field of each event can be
//! asked for.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use lumen_runtime::Event;
use lumen_runtime::field::{self, Argument, ArgumentRule, FieldUse};
use lumen_runtime::record::{Broken, Reader, Record};

/// All fields, with and without something behind them in brackets.
static FIELDS: LazyLock<Vec<FieldUse>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for field in field::all() {
        let Some(id) = field::find(field.name) else { continue };
        let mut arguments = Vec::new();
        if field.argument != ArgumentRule::Required {
            arguments.push(None);
        }
        if field.argument != ArgumentRule::None {
            arguments.extend([0, 1, 70].map(|place| Some(Argument::Index(place))));
            arguments.extend(["name", "/*"].map(|key| Some(Argument::Key(key.to_owned()))));
        }
        all.extend(arguments.into_iter().map(|argument| FieldUse { id, argument }));
    }
    all
});

/// What an event says, and how much of it.
type Said = (u64, u64, String, usize);

fuzz_target!(|input: &[u8]| {
    let (events, problems) = read(input, input.len().max(1));
    let (others, same_problems) = read(input, 61);
    assert_eq!(problems, same_problems, "problems do not depend on how the bytes come");
    assert_eq!(events, others, "events do not depend on how the bytes come");
});

fn read(input: &[u8], chunk: usize) -> (Vec<Said>, Vec<Broken>) {
    let mut reader = Reader::default();
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    let mut bytes = Vec::new();
    for chunk in input.chunks(chunk) {
        bytes.extend_from_slice(chunk);
        let mut rest = bytes.as_slice();
        while let Some(item) = reader.next(&mut rest) {
            match item {
                Ok(record) => events.push(said(&record)),
                Err(problem) => problems.push(problem),
            }
        }
        bytes = rest.to_vec();
    }
    (events, problems)
}

fn said(record: &Record<'_>) -> Said {
    let values = FIELDS.iter().filter(|used| record.value(used).is_some()).count();
    (record.number(), record.time_ns(), record.type_name().to_owned(), values)
}
