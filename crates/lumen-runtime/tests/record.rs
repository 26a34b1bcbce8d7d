//! Recordings as a whole: what is written is read, in whatever pieces; what is broken is told, and read past.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use lumen_runtime::event_types::NAMES;
use lumen_runtime::field::{self, Argument, ArgumentRule, FieldUse};
use lumen_runtime::record::{
    ArgumentValue, Bytes, Container, Descriptor, DescriptorType, Encoded, ExeFile, ExeTraits, Group, Mount,
    NamedArgument, Pod, Problem, Reader, Record, Recorded, Recorder, Socket, Thread, User,
};
use lumen_runtime::value::Value;
use lumen_runtime::{Event as _, Identity};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// All fields, with and without something behind them in brackets.
fn all_fields() -> Vec<FieldUse> {
    let mut all = Vec::new();
    for field in field::all() {
        let id = field::find(field.name).expect("it is in the table");
        let mut arguments = match field.argument {
            ArgumentRule::Required => Vec::new(),
            _ => vec![None],
        };
        if field.argument != ArgumentRule::None {
            arguments.extend([0, 1, 2, 70].map(|place| Some(Argument::Index(place))));
            arguments.extend(["a", "A", "name", "/*", "src"].map(|key| Some(Argument::Key(key.to_owned()))));
        }
        all.extend(arguments.into_iter().map(|argument| FieldUse { id, argument }));
    }
    all
}

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

fn text() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        vec(any::<u8>(), 0..12),
        "[a-z/. ]{0,12}".prop_map(String::into_bytes),
        (0_usize..9000).prop_map(|length| vec![b'x'; length]),
    ]
}

fn words() -> impl Strategy<Value = Vec<Bytes>> {
    prop_oneof![vec(text(), 0..4), (0_usize..3000).prop_map(|count| vec![b"word".to_vec(); count])]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9/:.-]{0,20}", "\\PC{0,8}"]
}

fn kind() -> impl Strategy<Value = DescriptorType> {
    const NAMES: [&str; 9] = ["file", "directory", "ipv4", "ipv6", "unix", "pipe", "memfd", "<NA>", "pidfd"];
    proptest::sample::select(&NAMES[..]).prop_map(|name| DescriptorType::find(name).expect("it is known"))
}

fn argument() -> impl Strategy<Value = NamedArgument> {
    const NAMES: [&str; 11] =
        ["fd", "name", "flags", "mode", "path", "res", "dirfd", "data", "oldpath", "newpath", "tuple"];
    let name = prop_oneof![
        proptest::sample::select(&NAMES[..]).prop_map(str::to_owned),
        "\\PC{0,5}",
        Just("é".repeat(200))
    ];
    let value = prop_oneof![
        Just(ArgumentValue::Absent),
        any::<i64>().prop_map(ArgumentValue::Signed),
        (-300_i64..300).prop_map(ArgumentValue::Outcome),
        any::<u64>().prop_map(ArgumentValue::Unsigned),
        any::<u64>().prop_map(ArgumentValue::Hexadecimal),
        (0_u64..0o7777).prop_map(ArgumentValue::Octal),
        text().prop_map(ArgumentValue::Text),
        text().prop_map(ArgumentValue::Buffer),
        (-101_i64..5, any::<u8>(), text()).prop_map(|(number, letter, name)| ArgumentValue::Descriptor {
            number,
            letter,
            name
        }),
        (any::<i64>(), text()).prop_map(|(pid, name)| ArgumentValue::Process { pid, name }),
        (any::<u32>(), text()).prop_map(|(id, name)| ArgumentValue::Account { id, name }),
        (any::<u64>(), text()).prop_map(|(bits, text)| ArgumentValue::Named { bits, text }),
    ];
    (name, value).prop_map(|(name, value)| NamedArgument { name, value })
}

prop_compose! {
    fn container()(
        id in string(), texts in vec(option::of(string()), 8), is_privileged in option::of(any::<bool>()),
        started_ns in option::of(any::<u64>()), labels in vec((string(), string()), 0..3),
        mounts in vec((string(), string(), any::<bool>()), 0..3), has_pod in any::<bool>(),
    ) -> Container {
        let text = |place: usize| texts[place].clone();
        let mount = |(source, destination, is_writable)| Mount {
            source, destination, mode: String::new(), is_writable, propagation: "private".to_owned(),
        };
        let pod = Pod { name: text(6), namespace: text(7), labels: labels.clone(), ..Pod::default() };
        Container {
            id, runtime: text(0), name: text(1), image: text(2), repository: text(3), tag: text(4), digest: text(5),
            is_privileged, shares: is_privileged.map(|shares| [shares, false, true]), started_ns,
            labels, mounts: mounts.into_iter().map(mount).collect(), pod: has_pod.then_some(pod),
            ..Container::default()
        }
    }
}

prop_compose! {
    fn lone_thread()(
        ids in vec(option::of(-2_i64..70_000), 8), name in option::of(text()), exe in option::of(text()),
        args in option::of(words()), env in option::of(words()), cgroups in words(), cwd in option::of(text()),
        user in option::of((any::<u32>(), option::of(text()))), login in option::of((-1_i64..5, option::of(text()))),
        numbers in vec(option::of(any::<u64>()), 8), is_writable in any::<bool>(),
        kinds in vec(kind(), 0..5), input in option::of((kind(), text())), is_on_host in any::<bool>(),
    ) -> Thread {
        Thread {
            tid: ids[0].unwrap_or(7), pid: ids[1].unwrap_or(7), ppid: ids[2].unwrap_or(0), vtid: ids[3], vpid: ids[4],
            pgid: ids[5], sid: ids[6], vpgid: ids[7], name, exe: exe.clone(), exe_path: exe, args, env, cgroups, cwd,
            user: user.clone().map(|(uid, name)| User { uid, name, ..User::default() }),
            group: user.map(|(gid, name)| Group { gid, name }),
            login, started_ns: numbers[0], namespace_started_ns: numbers[1], descriptors_max: numbers[2],
            descriptors_open: numbers[3], capabilities: numbers[4].map(|bits| [bits, !bits, 1]),
            exe_file: numbers[5].map(|inode| ExeFile {
                inode, ctime_ns: 1, mtime_ns: 2, traits: ExeTraits { is_writable, ..ExeTraits::default() },
            }),
            threads: numbers[6], children: numbers[7], descriptor_types: kinds,
            standard: [input, None, None], is_on_host,
            ..Thread::default()
        }
    }
}

prop_compose! {
    fn thread()(
        mut chain in vec(lone_thread(), 1..4), container in option::of(container()), leader in option::of(lone_thread()),
    ) -> Arc<Thread> {
        let mut parent: Option<Arc<Thread>> = None;
        for thread in &mut chain {
            thread.parent = parent.take().into();
            thread.container = container.clone().map(Arc::new);
            thread.session_leader = leader.clone().map(Arc::new);
            parent = Some(Arc::new(thread.clone()));
        }
        parent.expect("a chain has a thread")
    }
}

prop_compose! {
    fn descriptor()(
        number in option::of(-101_i64..9), kind in kind(), name in option::of(text()), raw_name in option::of(text()),
        device in option::of(any::<u32>()), ends in vec(option::of((any::<bool>(), any::<u32>(), any::<u16>())), 2),
        protocol in option::of(proptest::sample::select(&["tcp", "udp", "icmp", "raw"][..])),
        is_server in option::of(any::<bool>()), has_socket in any::<bool>(), flags in vec(any::<bool>(), 4),
        host in option::of(string()),
    ) -> Descriptor {
        let address = |is_new: bool, bits: u32| if is_new {
            IpAddr::V6(Ipv6Addr::from(u128::from(bits) << 64 | 1))
        } else {
            IpAddr::V4(Ipv4Addr::from(bits))
        };
        let [client, server] = [0, 1].map(|end| ends[end].map(|(is_new, bits, port)| (address(is_new, bits), port)));
        let are_own = flags[1].then_some([flags[2], flags[3]]);
        let socket =
            Socket { protocol, client, server, is_server, is_connected: flags[0], are_own, names: [host, None] };
        Descriptor {
            number, kind, name, raw_name, device, inode: device.map(u64::from), open_flags: device,
            is_upper_layer: flags[1], is_lower_layer: flags[2], socket: has_socket.then_some(socket),
            is_name_changed: flags[3],
        }
    }
}

prop_compose! {
    fn event()(
        number in any::<u64>(), event_type in 0..NAMES.len(), time_ns in any::<u64>(), cpu in any::<u16>(),
        result in option::of(any::<i64>()), latency_ns in option::of(any::<u64>()),
        arguments in vec(argument(), 0..8), thread in option::of(thread()), descriptor in option::of(descriptor()),
    ) -> Recorded {
        Recorded { number, event_type, time_ns, cpu, result, latency_ns, arguments, thread, descriptor }
    }
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
                argument: Some(Argument::Key(argument.name.clone())),
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
            arguments: vec![NamedArgument { name: name.clone(), value: ArgumentValue::Unsigned(number) }],
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
    assert!(matches!(names, Some(Value::List(names)) if names.len() == 63));
}

#[test]
fn a_thread_that_was_cut_off_as_a_parent_has_its_own_parents() {
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
    let mut recorder = Recorder::default();
    let mut recording = Vec::new();
    let places = [199, 199 - 63];
    for place in places {
        recorder.event(&event_of(1, &threads[place]), &mut recording);
    }
    let anew = |place: usize| {
        said(&Encoded::default().view(&event_of(1, &threads[place])).expect("an event has a view"))
    };
    let (found, broken) = read(&recording, 4096);
    assert_eq!(found, places.map(anew));
    assert_eq!(broken, []);
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
fn the_bytes_stay_as_they_are_documented() {
    let event = Recorded {
        number: 1,
        event_type: NAMES.iter().position(|name| *name == "close").expect("a type is known"),
        time_ns: 2,
        cpu: 3,
        result: Some(-9),
        arguments: vec![
            NamedArgument { name: "res".to_owned(), value: ArgumentValue::Outcome(-9) },
            NamedArgument { name: "size".to_owned(), value: ArgumentValue::Unsigned(300) },
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
        ..Recorded::default()
    };
    let mut bytes = Vec::new();
    Recorder::default().event(&event, &mut bytes);
    let parts: [&[u8]; 14] = [
        b"lumenrec\x01\0\0\0",
        b"\x02\x05\0\0close",
        b"\x03\x03\0\0res",
        b"\x03\x04\0\0size",
        b"\x06\x69\0\0",
        b"\x30\x05\0\0\x03\0\x02\0",
        b"\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        b"\xf7\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
        b"\xff\xff\xff\xff\x28\0\0\0",
        b"\0\0\x07\x01\0\0\x01\0\x02\x05\0\0",
        b"\x01\x04\x03\x01\x04\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\x04\x0a\0\0\x01\x50\0",
        b"\xf7\x2c\x01\0\0",
    ];
    assert_eq!(bytes, parts.concat());
}
