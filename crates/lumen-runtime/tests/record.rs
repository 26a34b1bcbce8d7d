//! Recordings as a whole: what is written is read, in whatever pieces; what is broken is told, and read past.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::sync::Arc;

use lumen_runtime::event_types::NAMES;
use lumen_runtime::field::{self, Argument, FieldUse};
use lumen_runtime::record::{
    ArgumentValue, Bytes, Descriptor, DescriptorType, Encoded, NamedArgument, Problem, Reader, Record,
    Recorded, Recorder, Socket, Thread, Usage,
};
use lumen_runtime::value::Value;
use lumen_runtime::{Event as _, Identity};
use proptest::collection::vec;
use proptest::prelude::*;

use events::{all_fields, event};

#[path = "record/events.rs"]
mod events;

/// Fields and what they say.
type Said = Vec<(&'static str, String)>;

/// What all fields say, but for those that depend on the events before.
fn said(record: &Record<'_>) -> Said {
    let is_relative = |name: &str| name.starts_with("evt.reltime") || name.starts_with("evt.deltatime");
    all_fields()
        .iter()
        .filter(|used| !is_relative(used.id.field().name))
        .map(|used| (used.id.field().name, format!("{:?}", record.value(used))))
        .collect()
}

fn value<'r>(record: &'r Record<'_>, name: &str) -> Option<Value<'r>> {
    let used = FieldUse { id: field::find(name).expect("a field is known"), argument: None };
    // The value borrows from the record alone.
    record.value(&used)
}

/// A text as far as it is recorded.
fn kept(text: &Bytes) -> &[u8] {
    &text[..text.len().min(4096)]
}

/// Reads a recording in pieces of a size; what is said of each event, and what was broken.
fn read(recording: &[u8], piece: usize) -> (Vec<Said>, Vec<Problem>) {
    let (mut events, mut broken) = (Vec::new(), Vec::new());
    let mut reader = Reader::new();
    let mut waiting = Vec::new();
    for piece in recording.chunks(piece) {
        waiting.extend_from_slice(piece);
        let mut input = waiting.as_slice();
        loop {
            match reader.next(&mut input) {
                None => break,
                Some(Ok(record)) => events.push(said(&record)),
                Some(Err(problem)) => broken.push(problem.problem),
            }
        }
        let rest = input.len();
        waiting.drain(..waiting.len() - rest);
    }
    broken.extend(reader.finish(&waiting).err().map(|broken| broken.problem));
    (events, broken)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_recorded_is_what_is_read(event in event()) {
        let mut encoded = Encoded::default();
        let record = encoded.view(&event).expect("an event has a view");
        prop_assert_eq!(record.number(), event.number);
        prop_assert_eq!(record.time_ns(), event.time_ns);
        prop_assert_eq!(record.type_name(), NAMES[event.event_type]);
        prop_assert_eq!(record.event_type(), Some(event.event_type));
        prop_assert_eq!(value(&record, "evt.cpu"), Some(Value::Unsigned(u64::from(event.cpu))));
        prop_assert_eq!(value(&record, "evt.rawres"), event.result.map(Value::Signed));
        let bytes = |text: Option<&[u8]>| text.map(|text| Value::Bytes(text.to_vec().into()));
        let thread = event.thread.as_deref();
        prop_assert_eq!(value(&record, "proc.name"), bytes(thread.and_then(|thread| thread.name.as_ref()).map(kept)));
        prop_assert_eq!(value(&record, "proc.exe"), bytes(thread.and_then(|thread| thread.exe.as_ref()).map(kept)));
        prop_assert_eq!(value(&record, "proc.sid"), thread.and_then(|thread| thread.sid).map(Value::Signed));
        prop_assert_eq!(value(&record, "proc.nthreads"), thread.and_then(|thread| thread.threads).map(Value::Unsigned));
        let Usage { descriptors_open, memory_kb, page_faults } = event.usage;
        for (name, used) in [
            ("proc.fdopencount", descriptors_open),
            ("proc.vmsize", memory_kb.map(|kilobytes| kilobytes[0])),
            ("proc.vmswap", memory_kb.map(|kilobytes| kilobytes[2])),
            ("thread.pfmajor", page_faults.map(|faults| faults[0])),
            ("thread.pfminor", page_faults.map(|faults| faults[1])),
        ] {
            prop_assert_eq!(value(&record, name), used.map(Value::Unsigned), "{}", name);
        }
        let parent = thread.and_then(|thread| thread.parent.as_deref());
        prop_assert_eq!(value(&record, "proc.pname"), bytes(parent.and_then(|parent| parent.name.as_ref()).map(kept)));
        let args = thread.and_then(|thread| thread.args.as_ref()).map(|args| args.join(&b' '));
        if args.as_ref().is_none_or(|args| args.len() < 4096) {
            prop_assert_eq!(value(&record, "proc.args"), bytes(args.as_deref()));
        }
        let container = thread.and_then(|thread| thread.container.as_deref());
        let repository = container.and_then(|container| container.repository.as_deref());
        let is_on_host = container.is_none() && thread.is_some_and(|thread| thread.is_on_host);
        let repository = repository.or(is_on_host.then_some(""));
        prop_assert_eq!(value(&record, "container.image.repository"), bytes(repository.map(str::as_bytes)));
        for argument in event.arguments.iter().filter(|argument| argument.name.len() < 256) {
            let first = event.arguments.iter().find(|other| other.name == argument.name).expect("it is there");
            let used = FieldUse {
                id: field::find("evt.rawarg").expect("a field is known"),
                argument: Some(Argument::Key(argument.name.to_string())),
            };
            if let ArgumentValue::Text(text) | ArgumentValue::Buffer(text) = &first.value {
                prop_assert_eq!(record.value(&used), bytes(Some(text)));
            }
            if let ArgumentValue::Signed(number) | ArgumentValue::Outcome(number) = first.value {
                prop_assert_eq!(record.value(&used), Some(Value::Signed(number)));
            }
        }
    }

    #[test]
    fn a_recording_says_what_its_events_say(events in vec(event(), 1..6), piece in 1_usize..5000) {
        let mut recorder = Recorder::default();
        let mut recording = Vec::new();
        // Each twice: once with the thread that is known, once with one that is made anew.
        for event in events.iter().chain(&events) {
            recorder.event(event, &mut recording);
        }
        let anew = |event: &Recorded| {
            let thread = event.thread.as_deref().map(|thread| Arc::new(thread.clone()));
            let event = Recorded { thread, ..event.clone() };
            said(&Encoded::default().view(&event).expect("an event has a view"))
        };
        let expected: Vec<_> = events.iter().chain(&events).map(anew).collect();
        let (found, broken) = read(&recording, piece);
        prop_assert_eq!(found, expected);
        prop_assert_eq!(broken, []);
    }

    #[test]
    fn broken_recordings_are_read_to_their_end(
        events in vec(event(), 1..4), flips in vec((any::<prop::sample::Index>(), 1_u8..=255), 1..4),
        end in any::<prop::sample::Index>(), is_cut in any::<bool>(),
    ) {
        let mut recorder = Recorder::default();
        let mut recording = Vec::new();
        for event in &events {
            recorder.event(event, &mut recording);
        }
        for (place, bits) in flips {
            let place = place.index(recording.len());
            recording[place] ^= bits;
        }
        if is_cut {
            recording.truncate(end.index(recording.len()));
        }
        let whole = read(&recording, usize::MAX);
        prop_assert_eq!(read(&recording, 100), whole);
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..2000), kinds in vec(0_u8..8, 0..40)) {
        let mut recording = b"lumenrec\x01\0\0\0".to_vec();
        for (kind, bytes) in kinds.iter().zip(bytes.chunks(60)) {
            recording.extend_from_slice(&[*kind, u8::try_from(bytes.len()).expect("sixty at most"), 0, 0]);
            recording.extend_from_slice(bytes);
        }
        recording.extend_from_slice(&bytes);
        let (events, broken) = read(&recording, 333);
        prop_assert!(events.len() + broken.len() <= recording.len());
        let (events, _) = read(&bytes, 333);
        prop_assert!(events.is_empty() || bytes.starts_with(b"lumenrec"));
    }
}

/// An event of a process of its own.
fn event_of(number: u64, thread: &Arc<Thread>) -> Recorded {
    Recorded {
        number,
        event_type: 1,
        time_ns: number,
        thread: Some(Arc::clone(thread)),
        ..Recorded::default()
    }
}

#[test]
fn what_is_known_is_not_said_twice() {
    let thread = Thread { tid: 1, pid: 1, name: Some(b"sh".to_vec()), ..Thread::default() };
    let thread = Arc::new(thread);
    let mut recorder = Recorder::default();
    let mut first = Vec::new();
    recorder.event(&event_of(1, &thread), &mut first);
    let mut second = Vec::new();
    recorder.event(&event_of(2, &thread), &mut second);
    let mut anew = Vec::new();
    recorder.event(&event_of(3, &Arc::new((*thread).clone())), &mut anew);
    assert!(first.len() > 400, "{}", first.len());
    assert_eq!((second.len(), anew.len()), (52, 52));
}

#[test]
fn more_threads_than_are_known_at_a_time_are_read() {
    let mut recorder = Recorder::default();
    let mut reader = Reader::new();
    let mut bytes = Vec::new();
    let parent = Arc::new(Thread { tid: 1, pid: 1, name: Some(b"init".to_vec()), ..Thread::default() });
    let mut sources: Vec<Identity> = Vec::new();
    for number in 0..40_000 {
        let name = number.to_string().into_bytes();
        let thread = Thread {
            tid: number,
            pid: number,
            name: Some(name.clone()),
            parent: Arc::clone(&parent).into(),
            ..Thread::default()
        };
        bytes.clear();
        recorder.event(&event_of(number.unsigned_abs(), &Arc::new(thread)), &mut bytes);
        let mut input = bytes.as_slice();
        let record = reader.next(&mut input).expect("an event").expect("it is sound");
        assert_eq!(value(&record, "proc.name"), Some(Value::Bytes(name.into())));
        assert_eq!(value(&record, "proc.pname"), Some(Value::text("init")));
        let key = record.thread_key().expect("there is a thread");
        if sources.last() != Some(key.by) {
            assert!(!sources.contains(key.by), "numbers are given anew by the same");
            sources.push(key.by.clone());
        }
    }
    assert!(sources.len() > 1, "all threads were known at a time");
}

#[test]
fn more_names_than_are_known_at_a_time_are_read() {
    let mut recorder = Recorder::default();
    let mut reader = Reader::new();
    let mut bytes = Vec::new();
    for number in 0..10_000_u64 {
        let name = format!("name-{number}");
        let event = Recorded {
            number,
            arguments: vec![NamedArgument {
                name: name.clone().into(),
                value: ArgumentValue::Unsigned(number),
            }],
            ..Recorded::default()
        };
        bytes.clear();
        recorder.event(&event, &mut bytes);
        let mut input = bytes.as_slice();
        let record = reader.next(&mut input).expect("an event").expect("it is sound");
        let id = field::find("evt.rawarg").expect("a field is known");
        let used = FieldUse { id, argument: Some(Argument::Key(name)) };
        assert_eq!(record.value(&used), Some(Value::Unsigned(number)));
    }
}

#[test]
fn parents_end_somewhere() {
    let mut thread = Arc::new(Thread::default());
    for number in 1..500 {
        thread = Arc::new(Thread {
            tid: number,
            pid: number,
            name: Some(b"sh".to_vec()),
            parent: thread.into(),
            ..Thread::default()
        });
    }
    let mut encoded = Encoded::default();
    let record = encoded.view(&event_of(1, &thread)).expect("an event has a view");
    let names = value(&record, "proc.aname");
    assert!(matches!(names, Some(Value::List(names)) if names.len() == 64));
}

#[test]
fn a_long_chain_of_parents_ends_at_the_same_one_whatever_was_recorded_before() {
    let mut threads = vec![Arc::new(Thread::default())];
    for number in 1..200 {
        let parent = threads.last().expect("there is one").clone();
        let name = Some(b"sh".to_vec());
        threads.push(Arc::new(Thread {
            tid: number,
            pid: number,
            name,
            parent: parent.into(),
            ..Thread::default()
        }));
    }
    let anew = |place: usize| {
        said(&Encoded::default().view(&event_of(1, &threads[place])).expect("an event has a view"))
    };
    // Children before their parents, and after them.
    for places in [[199, 199 - 63, 199 - 64, 198], [70, 71, 150, 199], [10, 64, 65, 128]] {
        let mut recorder = Recorder::default();
        let mut recording = Vec::new();
        for place in places {
            recorder.event(&event_of(1, &threads[place]), &mut recording);
        }
        let (found, broken) = read(&recording, 4096);
        assert_eq!(found, places.map(anew));
        assert_eq!(broken, []);
    }
}

#[test]
fn problems_are_told_where_they_are() {
    let told = |recording: &[u8]| {
        let mut reader = Reader::new();
        let mut input = recording;
        let mut told = Vec::new();
        while let Some(next) = reader.next(&mut input) {
            told.extend(next.err().map(|broken| broken.to_string()));
        }
        told.extend(reader.finish(input).err().map(|broken| broken.to_string()));
        told
    };
    assert_eq!(
        told(b"\x0a\x0d\x0d\x0a"),
        ["byte 0: this is no recording: it does not begin with `lumenrec`"]
    );
    assert_eq!(
        told(b"lumenrec\x02\0\0\0"),
        ["byte 0: the recording is of version 2; this program reads version 1"]
    );
    assert_eq!(told(b"lumenrec\x01\0\0"), ["byte 0: the recording ends within a frame"]);
    assert_eq!(told(b"lumenrec\x01\0\x09\0\x63\x01\0\0?"), [""; 0]);
    assert_eq!(
        told(b"lumenrec\x01\0\0\0\x06\0\0\0\x04\x01\0\0?\x06\x02\0\0"),
        [
            "byte 12: a broken event",
            "byte 16: a broken snapshot of a thread or container, or too many snapshots",
            "byte 21: the recording ends within a frame"
        ]
    );
    let long = told(b"lumenrec\x01\0\0\0\x06\0\0\xff");
    assert!(long[0].starts_with("byte 12: a frame of 16711680 bytes"), "{long:?}");
}

#[test]
fn a_snapshot_for_which_there_is_no_room_takes_its_number() {
    let frame = |kind: u8, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).expect("it is short").to_le_bytes();
        [&[kind], &length[..3], bytes].concat()
    };
    // A thread of which nothing is known, without parent and container.
    let mut thread = vec![0; 32];
    thread[24..].fill(0xff);
    let long = [thread.as_slice(), &vec![0; (1 << 20) - 100]].concat();
    let event = |thread: u32| {
        let mut event = vec![0; 48];
        event[0] = 48;
        event[40..44].copy_from_slice(&thread.to_le_bytes());
        frame(6, &event)
    };
    let mut recording = [b"lumenrec\x01\0\0\0".to_vec(), frame(2, b"close")].concat();
    for _ in 0..49 {
        recording.extend(frame(4, &long));
    }
    recording.extend(frame(4, &thread));
    for number in 47..51 {
        recording.extend(event(number));
    }
    // The one that was too much is not there, and the one behind it is not taken for it.
    let mut reader = Reader::new();
    let mut input = recording.as_slice();
    let found = std::iter::from_fn(|| Some(reader.next(&mut input)?.err().map(|broken| broken.problem)));
    let (no_room, no_thread) = (Some(Problem::Snapshot), Some(Problem::Event));
    assert_eq!(found.collect::<Vec<_>>(), [no_room, None, no_thread, None, no_thread]);
}

#[test]
fn the_bytes_stay_as_they_are_documented() {
    let event = Recorded {
        number: 1,
        event_type: NAMES.iter().position(|name| *name == "close").expect("a type is known"),
        time_ns: 2,
        cpu: 3,
        result: Some(-9),
        arguments: vec![
            NamedArgument { name: "res".into(), value: ArgumentValue::Outcome(-9) },
            NamedArgument { name: "size".into(), value: ArgumentValue::Unsigned(300) },
        ],
        descriptor: Some(Descriptor {
            number: Some(4),
            kind: DescriptorType::Ipv4,
            socket: Some(Socket {
                protocol: Some("tcp"),
                server: Some(([10, 0, 0, 1].into(), 80)),
                ..Socket::default()
            }),
            ..Descriptor::default()
        }),
        usage: Usage { descriptors_open: Some(5), page_faults: Some([6, 300]), ..Usage::default() },
        ..Recorded::default()
    };
    let mut bytes = Vec::new();
    Recorder::default().event(&event, &mut bytes);
    let parts: [&[u8]; 15] = [
        b"lumenrec\x01\0\0\0",
        b"\x02\x05\0\0close",
        b"\x03\x03\0\0res",
        b"\x03\x04\0\0size",
        b"\x06\x6d\0\0",
        b"\x34\x2d\0\0\x03\0\x02\0",
        b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        b"\xf7\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xff\x28\0\0\0",
        b"\x05\x06\xac\x02",
        b"\0\0\x07\x01\0\0\x01\0\x02\x05\0\0",
        b"\x01\x04\x03\x01\x04\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\x04\x0a\0\0\x01\x50\0",
        b"\xf7\x2c\x01\0\0",
    ];
    assert_eq!(bytes, parts.concat());
}
