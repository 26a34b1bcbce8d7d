//! By what threads and calls of a recording are known: whatever follows from one is the same for events of one key, and rules
//! that remember what was found say what they say where nothing is remembered.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

use std::sync::Arc;

use lumen_runtime::Event as _;
use lumen_runtime::event_types;
use lumen_runtime::field::{self, Argument, Basis, FieldUse};
use lumen_runtime::load::{File, Rule, load};
use lumen_runtime::record::{ArgumentValue, Encoded, NamedArgument, Recorded, Thread, Usage};
use lumen_runtime::ruleset::{Matching, Plain, RuleSet, Scratch};
use lumen_runtime::value::Value;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use events::{all_fields, event, thread, usage};

#[path = "record/events.rs"]
mod events;

/// All fields, and arguments of events by their names.
fn all_uses() -> Vec<FieldUse> {
    let by_name = |field: &'static str| {
        let id = field::find(field).expect("it is in the table");
        let names = ["fd", "flags", "mode", "res", "dirfd", "data", "tuple", "path", "oldpath"];
        names.map(|name| FieldUse { id, argument: Some(Argument::Key(name.to_owned())) })
    };
    let named = by_name("evt.arg").into_iter().chain(by_name("evt.rawarg"));
    all_fields().into_iter().chain(named).collect()
}

fn following_from(basis: Basis) -> Vec<FieldUse> {
    all_uses().into_iter().filter(|used| used.basis() == basis).collect()
}

/// What an event says, and by what it is known.
struct Says {
    thread: u32,
    call: Option<([u64; 2], Vec<u8>)>,
    values: Vec<String>,
}

/// What events with a thread say, one behind the other in one recording.
fn say(events: [Recorded; 2], fields: &[FieldUse]) -> [Says; 2] {
    let mut encoded = Encoded::default();
    let mut by = None;
    events.map(|event| {
        let record = encoded.view(&event).expect("there is one");
        let thread = record.thread_key().expect("there is a thread");
        assert!(by.get_or_insert_with(|| thread.by.clone()) == thread.by, "all are of one source");
        let call = record.call_key().map(|key| (key.head, key.bytes.to_vec()));
        let values = fields.iter().map(|used| format!("{:?}", record.value(used))).collect();
        Says { thread: thread.number, call, values }
    })
}

/// An event that names a file, in many ways; or any.
fn call() -> impl Strategy<Value = Recorded> {
    const TYPES: [&str; 12] = [
        "open",
        "openat",
        "openat2",
        "creat",
        "open_by_handle_at",
        "mkdir",
        "unlinkat",
        "fchmodat",
        "rename",
        "linkat",
        "connect",
        "fchmod",
    ];
    let arguments = ["name", "path", "filename", "oldpath", "newpath", "addr"];
    let path = select(vec!["x", "../y/", "/etc/shadow", "/etc//x", "", "<NA>"]);
    let files = (select(&TYPES[..]), path, any::<bool>(), select(vec![None, Some(0), Some(3), Some(-2)]));
    let files = (event().boxed(), files).prop_map(move |(event, (name, path, is_known, result))| {
        let working = ArgumentValue::Descriptor { number: -100, letter: 0, name: Vec::new() };
        let directories = ["dirfd", "olddir", "newdir"].map(|name| (name, working.clone()));
        let paths = arguments.map(|name| (name, ArgumentValue::Text(path.into())));
        let named = paths.into_iter().chain(directories);
        let named = named.map(|(name, value)| NamedArgument { name: name.into(), value });
        Recorded {
            event_type: event_types::find(name.as_bytes()).expect("a type is known"),
            arguments: named.chain(event.arguments).collect(),
            descriptor: event.descriptor.filter(|_| is_known),
            result,
            ..event
        }
    });
    prop_oneof![files.boxed(), event().boxed()]
}

/// Calls that differ from one in one thing.
fn near(call: Recorded) -> [Recorded; 5] {
    let result = if call.result == Some(0) { Some(-2) } else { Some(0) };
    let event_type = (call.event_type + 1) % event_types::NAMES.len();
    let arguments = call.arguments.iter().rev().cloned().collect();
    [
        Recorded { result: None, ..call.clone() },
        Recorded { result, ..call.clone() },
        Recorded { event_type, ..call.clone() },
        Recorded { arguments, ..call.clone() },
        call,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn calls_of_one_key_say_the_same_of_the_call(
        first in call().boxed(), other in call().boxed(), threads in [thread().boxed(), thread().boxed()],
    ) {
        let [thread, again] = threads.map(Some);
        let first = Recorded { thread, ..first };
        let latency_ns = first.latency_ns.and(other.latency_ns).or(first.latency_ns);
        let Recorded { number, time_ns, cpu, .. } = other;
        let usage = halved(first.usage);
        let second = Recorded { number, time_ns, cpu, latency_ns, thread: again, usage, ..first.clone() };
        let of_call = following_from(Basis::Call);
        let [first, second] = say([first, second], &of_call);
        prop_assert_eq!(&first.call, &second.call);
        if first.call.is_some() {
            for ((used, first), second) in of_call.iter().zip(&first.values).zip(&second.values) {
                prop_assert_eq!(first, second, "{:?}", used);
            }
        }
    }

    #[test]
    fn events_of_one_thread_say_the_same_of_the_thread(
        thread in thread(), first in call().boxed(), second in call().boxed(),
    ) {
        let events = [first, second].map(|event| Recorded { thread: Some(Arc::clone(&thread)), ..event });
        let of_thread = following_from(Basis::Thread);
        let [first, second] = say(events, &of_thread);
        prop_assert_eq!(first.thread, second.thread);
        for ((used, first), second) in of_thread.iter().zip(&first.values).zip(&second.values) {
            prop_assert_eq!(first, second, "{:?}", used);
        }
    }
}

/// The same numbers are known, and none is the same.
fn halved(usage: Usage) -> Usage {
    let Usage { descriptors_open, memory_kb, page_faults } = usage;
    Usage {
        descriptors_open: descriptors_open.map(|count| count / 2),
        memory_kb: memory_kb.map(|numbers| numbers.map(|number| number / 2)),
        page_faults: page_faults.map(|numbers| numbers.map(|number| number / 2)),
    }
}

/// A check of a field that holds for an event that says this of it, where that can be written plainly.
fn check_of(used: &FieldUse, value: Option<&Value<'_>>) -> String {
    let name = used.id.field().name;
    let name = match &used.argument {
        None => name.to_owned(),
        Some(Argument::Index(place)) => format!("{name}[{place}]"),
        Some(Argument::Key(key)) if name.ends_with("arg") => format!("{name}.{key}"),
        Some(Argument::Key(key)) => format!("{name}[{key}]"),
    };
    let is_plain = |bytes: &[u8]| {
        bytes.len() < 200
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/.,:<>- ".contains(byte))
    };
    let operator = if used.id.field().is_list() { "intersects" } else { "in" };
    match value {
        Some(Value::Bytes(bytes)) if is_plain(bytes) => {
            format!("{name} {operator} (\"{}\")", String::from_utf8_lossy(bytes))
        }
        Some(Value::Signed(number)) => format!("{name} in ({number})"),
        Some(Value::Unsigned(number)) => format!("{name} in ({number})"),
        Some(Value::Bool(is_so)) => format!("{name} = {is_so}"),
        Some(Value::Address(address)) if used.id.field().kind == field::Kind::Address => {
            format!("{name} = \"{address}\"")
        }
        _ => format!("{name} exists"),
    }
}

/// How a rule asks: of so many events and fields, by their places.
type Asked = Vec<(prop::sample::Index, prop::sample::Index, bool)>;

/// Rules that say of fields what events say of them; those that cannot be are left out.
fn rules(events: &[Recorded], asked: &[(Asked, u8)]) -> Vec<Rule> {
    let uses = all_uses();
    let mut encoded = Encoded::default();
    let mut check = |(event, used, is_so): &(prop::sample::Index, prop::sample::Index, bool)| {
        let record = encoded.view(event.get(events)).expect("there is one");
        let used = used.get(&uses);
        let check = check_of(used, record.value(used).as_ref());
        if *is_so { check } else { format!("not {check}") }
    };
    let mut text = String::new();
    for (place, (asked, shape)) in asked.iter().enumerate() {
        let checks: Vec<String> = asked.iter().map(&mut check).collect();
        let condition = match checks.as_slice() {
            [first, rest @ ..] if *shape == 0 && !rest.is_empty() => {
                format!("{first} and ({})", rest.join(" or "))
            }
            checks if *shape == 1 => format!("evt.num >= 0 and {}", checks.join(" and ")),
            checks => checks.join(" and "),
        };
        let condition = serde_json::Value::from(condition);
        let rule =
            format!("- {{rule: r{place}, desc: d, output: o, priority: INFO, condition: {condition}}}\n");
        text.push_str(&rule);
    }
    load(&[File { text: &text }]).rules
}

/// What differs from one event to the next of the same call and thread.
fn more() -> impl Strategy<Value = Recorded> {
    (any::<u64>(), any::<u64>(), any::<u16>(), any::<u64>(), usage()).prop_map(
        |(number, time_ns, cpu, latency, usage)| Recorded {
            number: number.max(1),
            time_ns,
            cpu,
            latency_ns: Some(latency),
            usage,
            ..Recorded::default()
        },
    )
}

/// Events of a few threads that do a few things.
fn happened(
    calls: &[Recorded],
    threads: &[Arc<Thread>],
    more: &[Recorded],
    turns: &[[prop::sample::Index; 3]],
) -> Vec<Recorded> {
    let happened = turns.iter().map(|[call, thread, others]| {
        let Recorded { number, time_ns, cpu, latency_ns, usage, .. } = *others.get(more);
        let thread = Some(Arc::clone(thread.get(threads)));
        Recorded { number, time_ns, cpu, latency_ns, usage, thread, ..call.get(calls).clone() }
    });
    happened.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_remembered_of_recorded_events_changes_nothing(
        calls in vec(call().prop_map(near), 1..3),
        threads in vec(thread(), 1..4),
        more in vec(more(), 1..4),
        turns in vec(any::<[prop::sample::Index; 3]>(), 1..80),
        asked in vec((vec(any::<(prop::sample::Index, prop::sample::Index, bool)>(), 1..4), 0_u8..3), 1..160),
    ) {
        let calls = calls.concat();
        let events = happened(&calls, &threads, &more, &turns);
        let rules = rules(&events, &asked);
        let sets = [&rules[..], &rules[..rules.len() / 2]];
        let sets = sets.map(|rules| (RuleSet::compile(rules), Plain::compile(rules)));
        let mut scratch = Scratch::default();
        let mut sources = [Encoded::default(), Encoded::default()];
        for (place, event) in events.iter().enumerate() {
            // Several events of one source behind each other, and all of most rules: what is remembered is used.
            let record = sources[place / 32 % 2].view(event).expect("there is one");
            for (set, plain) in sets.iter().take(if place % 8 == 7 { 2 } else { 1 }) {
                for matching in [Matching::First, Matching::All] {
                    let found = set.matches(&record, matching, &mut scratch);
                    prop_assert_eq!(found, plain.matches(&record, matching));
                }
            }
        }
    }
}
