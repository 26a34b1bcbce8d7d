//! What is broken is told, and harms nothing.

use proptest::prelude::*;

use super::super::bytes::Order;
use super::super::{Item, Reader, Unknown};
use super::writer::Given::{Bytes, N4, N8, Text};
use super::writer::{Writer, end, name, read};

/// A capture with a bit of everything.
fn sample() -> Writer {
    let mut writer = Writer::with_process(Order::Little);
    writer.event(end("openat"), &[N8(3), N8(-100), Text("a"), N4(1), N4(0), N4(5), N8(77)]);
    writer.event(6, &[N8(3), N4(64)]).event(7, &[N8(12), Text("hello world")]);
    writer.event(end("socket"), &[N8(5), N4(2), N4(1), N4(6), N4(0)]);
    writer.event(
        end("connect"),
        &[N8(0), Bytes(&[2, 10, 0, 0, 1, 1, 0, 10, 0, 0, 2, 80, 0]), N8(5), Bytes(&[])],
    );
    writer.event(324, &[Text("{\"container\":{\"id\":\"abcdef\"}}")]);
    writer
}

#[test]
fn a_block_that_is_broken_is_passed_over() {
    let mut writer = Writer::with_process(Order::Little);
    let broken = writer.bytes.len();
    writer.block(0x216, &[1; 9]);
    // An event that is longer than its block, one with more arguments than there can be, one whose arguments do not fit.
    for (place, value) in [(18, 0xff), (24, 0xff), (28, 0xff)] {
        let mut body = writer.event_body(end("close"), &[N8(0), N8(3)], true);
        body[place - 2] = value;
        writer.block(0x216, &[vec![0; 2], body].concat());
    }
    // A list whose entry ends too early.
    writer.block(0x211, &[1; 30]);
    writer.event(end("openat"), &[N8(3), N8(-100), Text("a"), N4(1), N4(0), N4(5), N8(77)]);
    let (events, problems) = writer.read();
    assert_eq!(
        problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            format!("byte {broken}: the block is too short for an event"),
            format!("byte {}: the event is longer than its block", problems[1].offset),
            format!("byte {}: the lengths of the arguments do not fit", problems[2].offset),
            format!("byte {}: the lengths of the arguments do not fit", problems[3].offset),
            format!("byte {}: an entry of the list ends too early", problems[4].offset),
        ]
    );
    assert!(problems.iter().all(|problem| !problem.is_end));
    assert_eq!((events.len(), name(&events[0]).as_str()), (1, "/srv/a"));
}

#[test]
fn what_is_of_a_type_that_is_not_known_is_counted() {
    let mut writer = sample();
    let (known, _) = writer.read();
    let mut body = writer.event_body(end("close"), &[N8(0), N8(3)], true);
    for number in [9000_u16, 65_535, 9000] {
        // The number stands behind the time, the thread and the length.
        body[20..22].copy_from_slice(&number.to_le_bytes());
        writer.block(0x216, &[vec![0; 2], body.clone()].concat());
    }
    writer.block(0x230, &[1; 9]);
    let mut reader = Reader::new();
    reader.feed(&writer.bytes);
    let mut events = 0;
    while let Some(item) = reader.next() {
        assert!(matches!(item, Item::Event(_)), "{item:?}");
        events += 1;
    }
    assert_eq!((events, reader.finish()), (known.len(), None));
    let told = |unknown: &Unknown| (unknown.count(), unknown.numbers().collect::<Vec<_>>());
    assert_eq!(told(reader.unknown_events()), (3, vec![(9000, 2), (65_535, 1)]));
    assert_eq!(told(reader.unknown_blocks()), (1, vec![(0x230, 1)]));
    // However many types there are, as many are kept.
    let mut unknown = Unknown::default();
    for number in 0..5000 {
        unknown.add(number / 2);
    }
    assert_eq!((unknown.count(), unknown.numbers().len()), (5000, 1000));
}

#[test]
fn an_event_without_a_way_to_its_newest_form_is_told() {
    let mut writer = Writer::with_process(Order::Little);
    writer.event(end("close"), &[N8(0), N8(3), N8(4)]).event(end("openat"), &[N8(0)]);
    writer.event(6, &[N8(3), N4(64)]).event(9, &[N8(12), Text("hello world")]);
    let (events, problems) = writer.read();
    assert_eq!(events.len(), 0);
    let whats: Vec<&str> = problems.iter().map(|problem| problem.what).collect();
    assert_eq!(
        whats,
        [
            "the event has more arguments than its type",
            "there is no way from this old form of the event to the newest",
            "the beginning of the call is one of another call",
        ]
    );
}

#[test]
fn what_is_no_capture_is_refused() {
    let magic = [&[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0][..], &[9; 20]].concat();
    let mut newer = Writer::new(Order::Little);
    newer.bytes[12] = 2;
    let cases: [(&[u8], &str); 5] = [
        (b"", "this is no capture: it is empty"),
        (b"{\"evt.num\": 1}", "this is no capture: it does not begin with a section"),
        (&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2], "the capture is compressed"),
        (&magic, "the section has no magic number of captures"),
        (&newer.bytes, "the capture is of a newer form than is known"),
    ];
    for (bytes, what) in cases {
        let (events, problems) = read(bytes);
        assert_eq!((events.len(), problems.len(), problems[0].what, problems[0].is_end), (0, 1, what, true));
    }
}

#[test]
fn lengths_that_cannot_be_end_the_capture() {
    for (length, what) in [
        (8, "the block is shorter than its frame"),
        (40, "the lengths at both ends of the block are not the same"),
    ] {
        let mut writer = sample();
        let at = writer.bytes.len();
        writer.block(0x216, &[0; 24]);
        writer.bytes[at + 4] = length;
        writer.bytes.extend([0; 40]);
        let (events, problems) = writer.read();
        assert_eq!((events.len(), problems.len()), (5, 1));
        assert_eq!((problems[0].what, problems[0].offset, problems[0].is_end), (what, at as u64, true));
    }
}

#[test]
fn a_block_that_is_too_long_is_passed_over_as_it_comes() {
    let mut writer = sample();
    let length = super::super::EVENT_BYTES + 64;
    let at = writer.bytes.len() as u64;
    writer.block(0x216, &vec![0; length]);
    writer.event(end("close"), &[N8(0), N8(3)]);
    let mut reader = Reader::new();
    let (mut events, mut problems) = (0, Vec::new());
    for chunk in writer.bytes.chunks(100_000) {
        reader.feed(chunk);
        assert!(reader.buffer.len() < 300_000, "what is passed over is not kept");
        while let Some(item) = reader.next() {
            match item {
                Item::Event(_) | Item::Passed(_) => events += 1,
                Item::Problem(problem) => problems.push(problem),
            }
        }
    }
    assert_eq!((events, problems.len(), problems[0].offset, reader.finish()), (6, 1, at, None));
}

#[test]
fn a_capture_may_be_cut_off_anywhere() {
    let writer = sample();
    let whole = writer.events();
    for cut in 0..writer.bytes.len() {
        let (events, problems) = read(&writer.bytes[..cut]);
        assert!(whole.starts_with(&events), "{cut}");
        assert!(problems.len() <= 1, "{cut}: {problems:?}");
    }
}

proptest! {
    /// Whatever the bytes are, reading ends, and the offsets of problems rise.
    #[test]
    fn changed_bytes_harm_nothing(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut bytes = sample().bytes;
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let (events, problems) = read(&bytes);
        prop_assert!(events.len() <= 16);
        prop_assert!(problems.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
    }

    /// Arguments of any lengths, of events of any type.
    #[test]
    fn any_arguments_harm_nothing(events in prop::collection::vec((0_u16..460, prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..33)), 1..30)) {
        let mut writer = sample();
        for (kind, arguments) in &events {
            let arguments: Vec<_> = arguments.iter().map(|bytes| Bytes(bytes)).collect();
            writer.event(*kind, &arguments);
        }
        let (read, problems) = writer.read();
        prop_assert!(read.len() + problems.len() <= events.len() + 5);
        prop_assert!(problems.iter().all(|problem| !problem.is_end));
    }
}
