//! A capture of any bytes is read to its end, and says the same however its bytes come; its events have bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_runtime::record::{Encoded, Recorded};
use lumen_runtime::scap::{Item, Problem, Reader};

fuzz_target!(|input: &[u8]| {
    let (events, problems) = read(input, input.len().max(1));
    let (others, same_problems) = read(input, 61);
    assert_eq!(problems, same_problems, "problems do not depend on how the bytes come");
    assert!(events == others, "events do not depend on how the bytes come");
    assert!(events.windows(2).all(|pair| pair[0].number < pair[1].number));
    let mut encoded = Encoded::default();
    for event in &events {
        let record = encoded.view(event).expect("an event has bytes");
        assert_eq!(record.number(), event.number);
    }
});

fn read(input: &[u8], chunk: usize) -> (Vec<Recorded>, Vec<Problem>) {
    let mut reader = Reader::new();
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    for chunk in input.chunks(chunk) {
        reader.feed(chunk);
        while let Some(item) = reader.next() {
            match item {
                Item::Event(event) => events.push(*event),
                Item::Problem(problem) => problems.push(problem),
            }
        }
    }
    problems.extend(reader.finish());
    (events, problems)
}
