//! A capture of any bytes is read to its end, and says the same however its bytes come; its events have bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_runtime::record::{Encoded, Recorded};
use lumen_runtime::scap::{Item, Problem, Reader};

fuzz_target!(|input: &[u8]| {
    let (events, problems) = read(Reader::new(), input, input.len().max(1));
    let (others, same_problems) = read(Reader::new(), input, 61);
    assert_eq!(problems, same_problems, "problems do not depend on how the bytes come");
    assert!(events == others, "events do not depend on how the bytes come");
    assert!(events.windows(2).all(|pair| pair[0].number < pair[1].number));
    let looks_at = |event_type: usize| event_type % 2 == 0;
    let (some, same_problems) = read(Reader::looking_at(looks_at), input, 4_096);
    assert_eq!(problems, same_problems, "problems do not depend on what is looked at");
    let wanted: Vec<_> = events.iter().filter(|event| looks_at(event.event_type)).collect();
    assert!(some.iter().collect::<Vec<_>>() == wanted, "events do not depend on what is looked at");
    let mut encoded = Encoded::default();
    for event in &events {
        let record = encoded.view(event).expect("an event has bytes");
        assert_eq!(record.number(), event.number);
    }
});

fn read(mut reader: Reader, input: &[u8], chunk: usize) -> (Vec<Recorded>, Vec<Problem>) {
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    for chunk in input.chunks(chunk) {
        reader.feed(chunk);
        while let Some(item) = reader.next() {
            match item {
                Item::Event(event) => events.push(*event),
                Item::Passed(_) => {}
                Item::Problem(problem) => problems.push(problem),
            }
        }
    }
    problems.extend(reader.finish());
    (events, problems)
}
