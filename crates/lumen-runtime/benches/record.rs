//! How fast events become bytes, are found in a recording, and say what rules ask most.
//!
//! The aim is over 3,000,000 events a second on one core from a recording, rules asked: 330 ns each.
#![allow(missing_docs, reason = "what criterion generates has none")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lumen_runtime::Event;
use lumen_runtime::event_types;
use lumen_runtime::field::{self, FieldUse};
use lumen_runtime::record::{
    ArgumentValue, Container, Descriptor, DescriptorType, Encoded, NamedArgument, Reader, Recorded, Recorder,
    Thread, User, flags,
};

const EVENTS: u64 = 10_000;
const THREADS: i64 = 200;

/// What most rules ask of an event.
const FIELDS: [&str; 10] = [
    "evt.type",
    "evt.rawres",
    "evt.is_open_write",
    "fd.name",
    "fd.directory",
    "proc.name",
    "proc.pname",
    "proc.cmdline",
    "user.name",
    "container.id",
];

fn thread(number: i64, parent: &Arc<Thread>, container: &Arc<Container>) -> Thread {
    Thread {
        tid: number,
        pid: number,
        ppid: parent.pid,
        vpid: Some(number),
        sid: Some(1),
        name: Some(b"nginx".to_vec()),
        exe: Some(b"nginx".to_vec()),
        exe_path: Some(b"/usr/sbin/nginx".to_vec()),
        args: Some(vec![b"-g".to_vec(), format!("daemon off; # {number}").into_bytes()]),
        env: Some(vec![b"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_vec()]),
        cwd: Some(b"/".to_vec()),
        user: Some(User { uid: 101, name: Some(b"nginx".to_vec()), ..User::default() }),
        parent: Arc::clone(parent).into(),
        container: Some(Arc::clone(container)),
        ..Thread::default()
    }
}

fn event(number: u64, thread: &Arc<Thread>) -> Recorded {
    let path = format!("/usr/share/nginx/html/page-{}.html", number % 1000).into_bytes();
    let argument = |name: &str, value| NamedArgument { name: name.to_owned().into(), value };
    let bits = flags::open_bits("O_RDONLY|O_CLOEXEC").unwrap_or(0);
    Recorded {
        number,
        event_type: event_types::find(b"openat").unwrap_or(0),
        time_ns: 1_700_000_000_000_000_000 + number * 1000,
        cpu: 1,
        result: Some(7),
        arguments: vec![
            argument("fd", ArgumentValue::Descriptor { number: 7, letter: b'f', name: path.clone() }),
            argument("dirfd", ArgumentValue::Descriptor { number: -100, letter: 0, name: Vec::new() }),
            argument("name", ArgumentValue::Text(path.clone())),
            argument("flags", ArgumentValue::Named { bits, text: flags::open_text(bits).into_bytes() }),
            argument("mode", ArgumentValue::Octal(0)),
        ],
        thread: Some(Arc::clone(thread)),
        descriptor: Some(Descriptor {
            number: Some(7),
            kind: DescriptorType::File,
            name: Some(path.clone()),
            raw_name: Some(path),
            inode: Some(number),
            ..Descriptor::default()
        }),
        ..Recorded::default()
    }
}

fn events() -> Vec<Recorded> {
    let container = Arc::new(Container {
        id: "3f2a9c81d0b74e6f5a1c".to_owned(),
        repository: Some("docker.io/library/nginx".to_owned()),
        ..Container::default()
    });
    let parent = Arc::new(Thread { tid: 1, pid: 1, name: Some(b"nginx".to_vec()), ..Thread::default() });
    let threads: Vec<Arc<Thread>> =
        (2..THREADS + 2).map(|number| Arc::new(thread(number, &parent, &container))).collect();
    threads.iter().cycle().zip(1..=EVENTS).map(|(thread, number)| event(number, thread)).collect()
}

fn benchmarks(criterion: &mut Criterion) {
    let events = events();
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(EVENTS));
    let mut recording = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            recording.clear();
            let mut recorder = Recorder::default();
            for event in &events {
                recorder.event(event, &mut recording);
            }
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::new();
            let mut input = recording.as_slice();
            while let Some(Ok(record)) = reader.next(&mut input) {
                black_box(record.number());
            }
        });
    });
    let fields: Vec<FieldUse> =
        FIELDS.iter().filter_map(|name| Some(FieldUse { id: field::find(name)?, argument: None })).collect();
    group.bench_function("decode and ten fields", |bencher| {
        bencher.iter(|| {
            let mut reader = Reader::new();
            let mut input = recording.as_slice();
            while let Some(Ok(record)) = reader.next(&mut input) {
                for field in &fields {
                    black_box(record.value(field));
                }
            }
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("record/value");
    let mut encoded = Encoded::default();
    let Some(record) = events.first().and_then(|event| encoded.view(event)) else { return };
    for (name, field) in FIELDS.iter().zip(&fields) {
        group.bench_function(*name, |bencher| bencher.iter(|| black_box(record.value(black_box(field)))));
    }
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
