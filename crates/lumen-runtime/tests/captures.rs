//! Captures that real sensors wrote, and what the reference finds in them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "these are tests: what is not there fails them"
)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use lumen_runtime::event_types::NAMES;
use lumen_runtime::field::{self, ArgumentRule, Basis, FieldUse};
use lumen_runtime::load::{File, load};
use lumen_runtime::record::{ArgumentValue, Encoded, Recorded};
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use lumen_runtime::scap::{Item, Passed, Problem, Reader};
use lumen_runtime::{Event as _, Identity};

/// The captures, and how many events each has. Beginnings of calls are none, nor is what tells of containers before them.
const CAPTURES: [(&str, usize); 10] = [
    ("cat_write.scap", 303),
    ("connect_localhost.scap", 370),
    ("empty.scap", 143),
    ("open-multiple-files.scap", 1227),
    ("ping_sendto.scap", 1516),
    ("syscall.scap", 362),
    ("curl_google.scap", 939),
    ("curl_google_comments.scap", 939),
    ("single_ipv6_conn.scap", 1714),
    ("test_ipv6_client.scap", 293),
];

fn bytes(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/runtime/captures");
    let compressed = std::fs::read(folder.join(name)).unwrap();
    if !compressed.starts_with(&[0x1f, 0x8b]) {
        return compressed;
    }
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(&compressed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8], chunk: usize) -> (Vec<Recorded>, Vec<Problem>, u64) {
    let (events, passed, problems, number) = read_by(Reader::new(), bytes, chunk);
    assert_eq!(passed, []);
    (events, problems, number)
}

fn read_by(
    mut reader: Reader,
    bytes: &[u8],
    chunk: usize,
) -> (Vec<Recorded>, Vec<Passed>, Vec<Problem>, u64) {
    let mut passed = Vec::new();
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    for chunk in bytes.chunks(chunk) {
        reader.feed(chunk);
        while let Some(item) = reader.next() {
            match item {
                Item::Event(event) => events.push(*event),
                Item::Passed(event) => passed.push(event),
                Item::Problem(problem) => problems.push(problem),
            }
        }
    }
    problems.extend(reader.finish());
    (events, passed, problems, reader.events())
}

fn events(name: &str) -> Vec<Recorded> {
    read(&bytes(name), 65_536).0
}

/// Asks rules of the events of a capture: a name, a condition, and how often it is to hold.
fn check(name: &str, rules: &[(&str, &str, usize)]) {
    let rule = |(name, condition, _): &(&str, &str, usize)| {
        format!("- rule: {name:?}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
    };
    let text: String = rules.iter().map(rule).collect();
    let loaded = load(&[File { text: &text }]);
    assert_eq!(loaded.rules.len(), rules.len(), "{:?}", loaded.problems);
    let set = RuleSet::compile(&loaded.rules);
    let (mut encoded, mut scratch) = (Encoded::default(), Scratch::default());
    let mut counts: BTreeMap<&str, usize> = rules.iter().map(|(name, ..)| (*name, 0)).collect();
    for event in events(name) {
        let record = encoded.view(&event).unwrap();
        for place in set.matches(&record, Matching::All, &mut scratch) {
            *counts.get_mut(loaded.rules[place].name.as_str()).unwrap() += 1;
        }
    }
    let expected: BTreeMap<&str, usize> = rules.iter().map(|(name, _, count)| (*name, *count)).collect();
    assert_eq!(counts, expected, "{name}");
}

fn text(bytes: Option<&Vec<u8>>) -> String {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

#[test]
fn every_capture_is_read_whole_however_its_bytes_come() {
    for (name, count) in CAPTURES {
        let bytes = bytes(name);
        let (events, problems, number) = read(&bytes, bytes.len());
        assert_eq!((events.len(), problems.as_slice()), (count, [].as_slice()), "{name}");
        assert!(number >= events.last().unwrap().number, "{name}");
        for chunk in [1, 4_093] {
            let (others, problems, _) = read(&bytes, chunk);
            assert!(others == events && problems.is_empty(), "{name}, {chunk} bytes at a time");
        }
    }
}

#[test]
fn events_say_the_same_whoever_is_not_looked_at() {
    for (name, _) in CAPTURES {
        let bytes = bytes(name);
        let (all, ..) = read(&bytes, bytes.len());
        for looks_at in [&["connect", "execve", "write"][..], &["open", "openat", "close", "clone"], &[]] {
            let looks_at = |event_type: usize| looks_at.contains(&NAMES[event_type]);
            let (events, passed, problems, _) = read_by(Reader::looking_at(looks_at), &bytes, 65_536);
            let (wanted, others): (Vec<_>, Vec<_>) =
                all.iter().cloned().partition(|event| looks_at(event.event_type));
            let others = others.iter().map(|event| {
                let Recorded { number, event_type, time_ns, .. } = *event;
                Passed { number, event_type, time_ns }
            });
            assert!(events == wanted, "{name}");
            assert_eq!((passed, problems), (others.collect(), vec![]), "{name}");
        }
    }
}

#[test]
fn events_have_the_numbers_that_the_reference_gives_them() {
    let events = events("cat_write.scap");
    let open = events.iter().find(|event| NAMES[event.event_type] == "open").unwrap();
    assert_eq!(
        open.number, 137,
        "the beginning of it is 136, beginnings that became part of the end have none"
    );
    assert_eq!(text(open.descriptor.as_ref().unwrap().name.as_ref()), "/etc/ld.so.cache");
    let thread = open.thread.as_ref().unwrap();
    assert_eq!((thread.tid, text(thread.name.as_ref()).as_str()), (20072, "cat"));
    let parents = std::iter::successors(thread.parent.as_ref(), |parent| parent.parent.as_ref());
    let parents: Vec<String> = parents.map(|parent| text(parent.name.as_ref())).collect();
    assert_eq!(parents, ["bash", "emacs", "bash", "sshd", "sshd", "sshd", "systemd"]);
    assert!(thread.session_leader.is_none(), "lists of that time do not tell of sessions");
}

#[test]
fn a_call_is_one_event_with_what_it_was_given() {
    let events = events("cat_write.scap");
    let read = events.iter().find(|event| NAMES[event.event_type] == "read").unwrap();
    let argument = |name: &str| &read.arguments.iter().find(|argument| argument.name == name).unwrap().value;
    assert_eq!(*argument("size"), ArgumentValue::Unsigned(832));
    let ArgumentValue::Descriptor { number: 3, letter: b'f', name } = argument("fd") else {
        panic!("{:?}", argument("fd"))
    };
    assert_eq!(name, b"/lib/x86_64-linux-gnu/libc.so.6");
    // A call without a number of the reference has one of the kernel.
    assert!(events.iter().any(|event| NAMES[event.event_type] == "fadvise64"));
}

/// The reference also asks its rules of the beginnings of open, creat, connect and execve that old captures have: where
/// such a rule needs nothing of the end, it has twice as many.
#[test]
fn rules_match_what_the_reference_says() {
    let cat = [
        ("open", "evt.type=open and proc.name=cat", 4),
        ("exec", "evt.type=execve and proc.name=cat", 1),
        ("access", "evt.type=access and proc.name=cat", 3),
        ("written", "evt.type=open and evt.is_open_write=true", 0),
        ("device", "fd.name=/dev/null and evt.type=open", 1),
        ("parent", "proc.pname=bash and proc.name=cat and evt.type=execve and proc.aname[2]=emacs", 1),
        ("line", "proc.cmdline=\"cat /dev/null\" and evt.type=execve", 1),
    ];
    check("cat_write.scap", &cat);
    let calls = [
        ("madvise", "evt.type=madvise and evt.dir=<", 2),
        ("open", "evt.type=open and evt.dir=< and fd.name=/dev/null", 2),
    ];
    check("syscall.scap", &calls);
    let connect = [
        ("local", "evt.type=connect and fd.net in (\"127.0.0.1/24\")", 1),
        ("port", "evt.type=connect and fd.sport=80 and fd.rip=127.0.0.1", 1),
    ];
    check("connect_localhost.scap", &connect);
    let nothing = [
        ("write", "evt.type in (open, openat) and evt.is_open_write=true", 0),
        ("exec", "evt.type=execve", 0),
    ];
    check("empty.scap", &nothing);
}

#[test]
fn each_file_is_found_once() {
    let open_read = "evt.type in (open,openat,openat2) and evt.is_open_read=true and fd.typechar='f'";
    let conditions: Vec<(String, usize)> = (1..=14)
        .map(|number| (format!("{open_read} and fd.name=/tmp/file-{number}"), usize::from(number < 14)))
        .collect();
    let rules: Vec<(&str, &str, usize)> = conditions
        .iter()
        .map(|(condition, count)| (condition.as_str(), condition.as_str(), *count))
        .collect();
    check("open-multiple-files.scap", &rules);
}

#[test]
fn sockets_have_their_ends() {
    let ping = [
        ("ping", "evt.type=sendmsg and fd.sip=128.32.41.1 and fd.typechar=4", 10),
        ("bytes", "evt.type=sendmsg and evt.rawres=64", 10),
    ];
    check("ping_sendto.scap", &ping);
    let client = [
        ("dns", "evt.type=sendto and fd.sport=53 and fd.l4proto=udp and fd.typechar=6", 1),
        (
            "web",
            "evt.type=connect and fd.sip=\"2607:f8b0:4004:802::2004\" and fd.sport=80 and fd.l4proto=tcp",
            1,
        ),
        ("unix", "evt.type=socket and fd.type=unix", 2),
        ("page", "evt.type=recvfrom and evt.buffer contains \"HTTP/1.1 200 OK\"", 1),
    ];
    check("curl_google.scap", &client);
    let both = [
        ("server", "evt.type=accept and fd.sip=\"2001:db8::3\" and fd.sport=1234 and fd.cport=54405", 1),
        ("client", "evt.type=connect and fd.sip=\"2001:db8::3\" and fd.sport=1234 and fd.rport=1234", 1),
    ];
    check("single_ipv6_conn.scap", &both);
}

#[test]
fn a_capture_that_is_cut_off_says_so_and_gives_what_came_before() {
    let bytes = bytes("cat_write.scap");
    let (whole, ..) = read(&bytes, bytes.len());
    for cut in [1, 11, 27, 200, 90_000, bytes.len() - 1] {
        let (events, problems, _) = read(&bytes[..cut], bytes.len());
        assert!(whole.starts_with(&events), "{cut}");
        assert!(problems.last().is_some_and(|problem| problem.is_end), "{cut}");
    }
}

#[test]
fn events_of_a_thread_say_the_same_of_it() {
    let of_thread: Vec<FieldUse> = field::all()
        .filter(|field| field.argument != ArgumentRule::Required)
        .map(|field| FieldUse { id: field::find(field.name).unwrap(), argument: None })
        .filter(|used| used.basis() == Basis::Thread)
        .collect();
    for (name, _) in CAPTURES {
        let mut encoded = Encoded::default();
        let mut said: Vec<(Identity, u32, Vec<String>)> = Vec::new();
        let mut again = 0;
        for event in events(name) {
            let record = encoded.view(&event).unwrap();
            let Some(key) = record.thread_key() else { continue };
            let says = of_thread.iter().map(|used| format!("{:?}", record.value(used))).collect();
            match said.iter().find(|(by, number, _)| by == key.by && *number == key.number) {
                Some((.., before)) => {
                    assert_eq!(*before, says, "{name}, event {}", record.number());
                    again += 1;
                }
                None => said.push((key.by.clone(), key.number, says)),
            }
        }
        assert!(again > 0 || name == "empty.scap", "{name}: no thread has two events");
    }
}
