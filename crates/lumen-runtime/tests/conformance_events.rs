//! Events by their parts, against what Falco 0.44.1 printed of the same ones: what is printed and cannot follow from
//! anything else makes a record, and everything that was printed is compared with what the record's fields say.
#![expect(clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::net::IpAddr;
use std::sync::Arc;

use lumen_runtime::Event;
use lumen_runtime::event_types;
use lumen_runtime::field::{self, Argument, FieldUse};
use lumen_runtime::load::{File, load};
use lumen_runtime::output::print;
use lumen_runtime::record::{
    ArgumentValue, Descriptor, DescriptorType, Encoded, ExeFile, ExeTraits, Group, NamedArgument, Record,
    Recorded, Socket, Thread, Usage, User, error_number, flags,
};
use lumen_runtime::ruleset::{Matching, RuleSet, Scratch};
use lumen_runtime::value::Value;
use serde_json::Value as Json;

/// What cannot be compared, and why.
const NOT_COMPARED: [(&str, &str); 6] = [
    ("evt.deltatime", "the reference begins anew with each print, and prints zero"),
    ("evt.deltatime.s", "as evt.deltatime"),
    ("evt.deltatime.ns", "as evt.deltatime"),
    ("proc.ppid.duration", "where the parent's start is not known, the reference prints proc.fdopencount"),
    ("proc.exe_ino.ctime_duration_proc_start", "the reference kept it of a program that ran before"),
    ("proc.exe_ino.ctime_duration_pidns_start", "it needs a time that is not printed"),
];

/// What the reference prints before a path whose folder it does not know, where the record knows it.
const UNKNOWN_FOLDER: &str = "<UNKNOWN>";

/// The arguments of types of events, in their order; those behind the last that is printed may be left off.
const ARGUMENTS: [(&str, &[&str]); 39] = [
    ("accept4", &["fd", "tuple", "queuepct", "queuelen", "queuemax", "flags"]),
    ("bind", &["res", "addr", "fd"]),
    ("bpf", &["fd", "cmd"]),
    ("chdir", &["res", "path"]),
    ("chmod", &["res", "filename", "mode"]),
    ("clone", &["res", "exe", "pid", "flags", "uid"]),
    ("clone3", &["res", "exe", "pid", "flags", "uid"]),
    ("close", &["res", "fd"]),
    ("close_range", &["res", "first", "last", "flags"]),
    ("connect", &["res", "tuple", "fd"]),
    ("dup2", &["res", "oldfd"]),
    ("execve", &["res", "exe", "pid", "flags", "uid", "filename"]),
    ("fchdir", &["res", "fd"]),
    ("fchmodat", &["res", "dirfd", "filename", "mode"]),
    ("fcntl", &["res", "fd", "cmd"]),
    ("getsockopt", &["res", "fd"]),
    ("link", &["res", "oldpath", "newpath"]),
    ("listen", &["res", "fd"]),
    ("memfd_create", &["fd", "name", "flags"]),
    ("mkdir", &["res", "path", "mode"]),
    ("openat", &["fd", "dirfd", "name", "flags", "mode"]),
    ("pipe2", &["res", "fd1", "flags"]),
    ("prlimit", &["res", "newcur", "pid"]),
    ("procexit", &["status", "ret"]),
    ("ptrace", &["res", "addr", "request", "pid"]),
    ("recvfrom", &["res", "data", "tuple", "fd", "size"]),
    ("rename", &["res", "oldpath", "newpath"]),
    ("rmdir", &["res", "path"]),
    ("sendto", &["res", "data", "fd", "size", "tuple"]),
    ("setgid", &["res", "gid"]),
    ("setns", &["res", "fd", "nstype"]),
    ("setuid", &["res", "uid"]),
    ("socket", &["fd", "domain", "type", "proto", "flags"]),
    ("symlink", &["res", "target", "linkpath"]),
    ("unlink", &["res", "path"]),
    ("unlinkat", &["res", "dirfd", "name", "flags"]),
    ("unshare", &["res", "flags"]),
    ("userfaultfd", &["res", "flags"]),
    ("vfork", &["res", "exe", "pid", "flags", "uid"]),
];

/// An event as it was printed.
struct Printed(serde_json::Map<String, Json>);

impl Printed {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.text(name).map(|text| text.as_bytes().to_vec())
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    fn signed(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    fn is(&self, name: &str) -> bool {
        self.0.get(name).and_then(Json::as_bool).unwrap_or(false)
    }

    fn narrow(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|number| u32::try_from(number).ok())
    }
}

fn recorded(printed: &Printed) -> Recorded {
    let type_name = printed.text("evt.type").expect("an event has a type");
    let known = ARGUMENTS.iter().find(|(name, _)| *name == type_name);
    let names = known.map_or(&[][..], |(_, names)| names);
    let arguments = names.iter().enumerate().map(|(place, name)| {
        let value = argument(printed, type_name, place, name);
        NamedArgument { name: (*name).into(), value }
    });
    Recorded {
        number: printed.number("evt.num").expect("an event has a number"),
        event_type: event_types::find(type_name.as_bytes()).expect("a type is known"),
        time_ns: printed.number("evt.rawtime").expect("an event has a time"),
        cpu: 0,
        result: printed.signed("evt.rawres"),
        latency_ns: None,
        arguments: arguments.collect(),
        thread: Some(Arc::new(thread(printed))),
        descriptor: descriptor(printed),
        usage: usage(printed),
    }
}

fn usage(printed: &Printed) -> Usage {
    let number = |name: &str| printed.number(name).unwrap_or(0);
    Usage {
        descriptors_open: printed.number("proc.fdopencount"),
        memory_kb: Some(["proc.vmsize", "proc.vmrss", "proc.vmswap"].map(number)),
        page_faults: Some(["thread.pfmajor", "thread.pfminor"].map(number)),
    }
}

/// An argument, of its printed value.
fn argument(printed: &Printed, type_name: &str, place: usize, name: &str) -> ArgumentValue {
    let by_name = printed.text(&format!("evt.arg.{name}"));
    let Some(text) = by_name.or_else(|| printed.text(&format!("evt.arg[{place}]"))) else {
        return ArgumentValue::Absent;
    };
    let number = text.parse::<i64>().ok();
    if let Some((letters, rest)) = text.strip_prefix('<').and_then(|rest| rest.split_once('>'))
        && let Some(letter) = letters.bytes().next()
    {
        let own = printed.signed("fd.num").filter(|_| printed.text("fd.name") == Some(rest));
        return ArgumentValue::Descriptor {
            number: own.unwrap_or(1),
            letter,
            name: rest.as_bytes().to_vec(),
        };
    }
    if text == "AT_FDCWD" {
        return ArgumentValue::Descriptor { number: -100, letter: 0, name: Vec::new() };
    }
    match (name, number, flags::of(type_name, name)) {
        ("res" | "fd" | "status" | "ret", None, _) if error_number(text).is_some() => {
            ArgumentValue::Outcome(-error_number(text).unwrap_or(0))
        }
        ("pid" | "res", None, _) => ArgumentValue::Process { pid: 1, name: text.as_bytes().to_vec() },
        ("uid" | "gid", None, _) => ArgumentValue::Account { id: 1, name: text.as_bytes().to_vec() },
        (_, None, Some(names)) if names.bits(text).is_some() => {
            let bits = names.bits(text).unwrap_or(0);
            ArgumentValue::Named { bits, text: names.text(bits).into_bytes() }
        }
        ("flags" | "cmd" | "request" | "domain", None, _) => {
            ArgumentValue::Named { bits: 0, text: text.as_bytes().to_vec() }
        }
        ("mode", _, None) if text.starts_with('0') => {
            ArgumentValue::Octal(u64::from_str_radix(text, 8).unwrap_or(0))
        }
        ("mode", ..) => ArgumentValue::Hexadecimal(u64::from_str_radix(text, 16).unwrap_or(0)),
        ("data", ..) => ArgumentValue::Buffer(text.as_bytes().to_vec()),
        (_, Some(number), _) => ArgumentValue::Signed(number),
        (name, None, _) => {
            ArgumentValue::Text(raw_path(printed, type_name, name).unwrap_or(text).as_bytes().to_vec())
        }
    }
}

/// The path as the call was given it.
fn raw_path<'p>(printed: &'p Printed, type_name: &str, name: &str) -> Option<&'p str> {
    let field = match (type_name, name) {
        ("openat", "name") => "fd.nameraw",
        ("link", "newpath") | ("rename", "oldpath") | ("symlink", "linkpath") => "fs.path.sourceraw",
        ("link", "oldpath") | ("rename", "newpath") | ("symlink", "target") => "fs.path.targetraw",
        ("mkdir" | "rmdir" | "unlink" | "chmod" | "fchmodat" | "unlinkat", "path" | "filename" | "name") => {
            "fs.path.nameraw"
        }
        _ => return None,
    };
    printed.text(field)
}

fn descriptor(printed: &Printed) -> Option<Descriptor> {
    let number = Some(printed.signed("fd.num")?);
    let Some(kind) = printed.text("fd.type").and_then(DescriptorType::find) else {
        return Some(Descriptor { number, ..Descriptor::default() });
    };
    Some(Descriptor {
        number,
        kind,
        name: printed.bytes("fd.name"),
        raw_name: printed.bytes("fd.nameraw"),
        device: printed.text("fd.dev").and_then(|text| u32::from_str_radix(text, 16).ok()),
        inode: printed.number("fd.ino"),
        open_flags: None,
        is_upper_layer: printed.is("fd.is_upper_layer"),
        is_lower_layer: printed.is("fd.is_lower_layer"),
        socket: socket(printed),
        is_name_changed: printed.is("fd.name_changed"),
    })
}

fn socket(printed: &Printed) -> Option<Socket> {
    printed.text("fd.sockfamily")?;
    let end = |side: &str| {
        let address: IpAddr = printed.text(&format!("fd.{side}ip"))?.parse().ok()?;
        Some((address, u16::try_from(printed.number(&format!("fd.{side}port"))?).ok()?))
    };
    let is_connected = printed.is("fd.connected");
    if printed.text("fd.type") == Some("unix") && printed.text("fd.cproto").is_none() {
        return None;
    }
    Some(Socket {
        protocol: ["tcp", "udp", "icmp", "raw"]
            .into_iter()
            .find(|name| printed.text("fd.l4proto") == Some(name)),
        client: end("c"),
        server: end("s"),
        is_server: Some(printed.is("fd.is_server")),
        is_connected,
        are_own: None,
        names: [None, None],
    })
}

fn words(text: Option<&str>, count: Option<u64>) -> Option<Vec<Vec<u8>>> {
    let count = usize::try_from(count?).ok()?;
    Some(text?.splitn(count.max(1), ' ').take(count).map(|word| word.as_bytes().to_vec()).collect())
}

fn leader(printed: &Printed, name: &str, of: &str) -> Option<Arc<Thread>> {
    Some(Arc::new(Thread {
        name: Some(printed.bytes(name)?),
        exe: printed.bytes(&format!("{of}.exe")),
        exe_path: printed.bytes(&format!("{of}.exepath")),
        ..Thread::default()
    }))
}

/// The parents: their names, and what is printed of the first two besides.
fn parents(printed: &Printed) -> Option<Arc<Thread>> {
    let names: Vec<&str> = printed.text("proc.aname")?.split(' ').collect();
    let mut parent = None;
    for (place, name) in names.iter().enumerate().rev() {
        let pid = match place {
            0 => printed.signed("proc.ppid"),
            1 => printed.signed("proc.apid[2]"),
            _ => None,
        };
        parent = Some(Arc::new(Thread {
            pid: pid.unwrap_or(1),
            tid: pid.unwrap_or(1),
            vpid: if place == 0 { printed.signed("proc.pvpid") } else { None },
            started_ns: if place == 0 { printed.number("proc.ppid.ts") } else { None },
            name: Some(name.as_bytes().to_vec()),
            parent: parent.take().into(),
            ..Thread::default()
        }));
    }
    parent
}

fn thread(printed: &Printed) -> Thread {
    let number = |name: &str| printed.number(name);
    let capability = |name: &str| printed.text(name).and_then(flags::capability_bits);
    let standard = |name: &str| Some((DescriptorType::find(printed.text(name)?)?, Vec::new()));
    let preload = printed.text("proc.env[LD_PRELOAD]").filter(|value| !value.is_empty());
    let kinds = printed.0.get("fd.types").and_then(Json::as_array);
    Thread {
        tid: printed.signed("thread.tid").expect("an event has a thread"),
        pid: printed.signed("proc.pid").expect("an event has a process"),
        ppid: printed.signed("proc.ppid").unwrap_or(0),
        vtid: printed.signed("thread.vtid"),
        vpid: printed.signed("proc.vpid"),
        pgid: printed.signed("proc.pgid"),
        vpgid: printed.signed("proc.vpgid"),
        sid: printed.signed("proc.sid"),
        login_shell: printed.signed("proc.loginshellid"),
        name: printed.bytes("proc.name"),
        exe: printed.bytes("proc.exe"),
        exe_path: printed.bytes("proc.exepath"),
        args: words(printed.text("proc.args"), number("proc.cmdnargs")),
        env: Some(preload.map(|value| format!("LD_PRELOAD={value}").into_bytes()).into_iter().collect()),
        cwd: printed.bytes("proc.cwd"),
        tty: printed.narrow("proc.tty"),
        user: Some(User {
            uid: printed.narrow("user.uid").unwrap_or(0),
            name: printed.bytes("user.name"),
            ..User::default()
        }),
        group: Some(Group {
            gid: printed.narrow("group.gid").unwrap_or(0),
            name: printed.bytes("group.name"),
        }),
        login: Some((printed.signed("user.loginuid").unwrap_or(-1), None)),
        capabilities: Some(
            ["thread.cap_permitted", "thread.cap_effective", "thread.cap_inheritable"]
                .map(|name| capability(name).expect("capabilities are known")),
        ),
        exe_file: Some(ExeFile {
            inode: number("proc.exe_ino").unwrap_or(0),
            ctime_ns: number("proc.exe_ino.ctime").unwrap_or(0),
            mtime_ns: number("proc.exe_ino.mtime").unwrap_or(0),
            traits: ExeTraits {
                is_writable: printed.is("proc.is_exe_writable"),
                is_upper_layer: printed.is("proc.is_exe_upper_layer"),
                is_lower_layer: printed.is("proc.is_exe_lower_layer"),
                is_memfd: printed.is("proc.is_exe_from_memfd"),
            },
        }),
        started_ns: number("proc.pid.ts"),
        descriptors_max: number("proc.fdlimit"),
        children: number("proc.nchilds"),
        threads: number("proc.nthreads"),
        descriptor_types: kinds
            .into_iter()
            .flatten()
            .filter_map(|kind| DescriptorType::find(kind.as_str()?))
            .collect(),
        standard: ["proc.stdin.type", "proc.stdout.type", "proc.stderr.type"].map(standard),
        session_leader: leader(printed, "proc.sname", "proc.sid"),
        group_leader: leader(printed, "proc.pgid.name", "proc.pgid"),
        parent: parents(printed).into(),
        is_on_host: true,
        ..Thread::default()
    }
}

/// A field as it is written in the events: with a dot or brackets before what is asked for of it.
fn used(name: &str) -> FieldUse {
    let (base, argument) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((base, argument)) => (base, Some(argument)),
        None => match name.strip_prefix("evt.arg.") {
            Some(argument) => ("evt.arg", Some(argument)),
            None => (name, None),
        },
    };
    let argument = argument.map(|text| match text.parse() {
        Ok(index) => Argument::Index(index),
        Err(_) => Argument::Key(text.to_owned()),
    });
    FieldUse { id: field::find(base).expect("a field is known"), argument }
}

/// What a field says, as it stands in the events.
fn said(record: &Record<'_>, used: &FieldUse) -> Option<Json> {
    let field = used.id.field();
    let value = record.value(used)?;
    let printed = |value: &Value<'_>| print(value, field.kind, field.format).into_owned();
    Some(match &value {
        Value::List(items) if field.is_list() => items.iter().map(printed).collect(),
        Value::List(items) => items.iter().map(printed).collect::<Vec<_>>().join(" ").into(),
        Value::Bool(value) => (*value).into(),
        Value::Double(number) => (*number).into(),
        Value::Signed(number) if printed(&value) == number.to_string() && field.name != "fd.dev" => {
            (*number).into()
        }
        Value::Unsigned(number) if field.name != "fd.dev" => (*number).into(),
        value => printed(value).into(),
    })
}

#[test]
fn conformance_runtime_events() {
    let Some(text) = harness::text_of("conformance", "runtime/events.jsonl") else { return };
    let mut encoded = Encoded::default();
    let (mut passed, mut total) = (0, 0);
    let mut wrong = Vec::new();
    for line in text.lines() {
        let printed = Printed(serde_json::from_str(line).expect("an event is an object"));
        let record = encoded.view(&recorded(&printed)).expect("an event has a view");
        let before = wrong.len();
        for (name, wanted) in &printed.0 {
            let is_unknown = name.starts_with("fs.path.")
                && wanted.as_str().is_some_and(|path| path.starts_with(UNKNOWN_FOLDER));
            if is_unknown || NOT_COMPARED.iter().any(|(left_out, _)| left_out == name) {
                continue;
            }
            let got = said(&record, &used(name));
            if got.as_ref() != Some(wanted) {
                wrong.push(format!("{} {name}: {wanted} is {got:?}", record.number()));
            }
        }
        total += 1;
        passed += usize::from(wrong.len() == before);
    }
    println!("conformance runtime/events.jsonl: {passed}/{total}");
    wrong.truncate(60);
    assert!(wrong.is_empty(), "fields are not as they were printed:\n  {}", wrong.join("\n  "));
}

#[test]
fn conformance_runtime_conditions_of_records() {
    let Some(text) = harness::text_of("records", "runtime/events.jsonl") else { return };
    let lines = text.lines().map(|line| Printed(serde_json::from_str(line).expect("an event is an object")));
    let lines: Vec<Printed> = lines.collect();
    let has_unknown = |printed: &&Printed| {
        printed.text("fs.path.name").is_some_and(|path| path.starts_with(UNKNOWN_FOLDER))
    };
    let unknown: Vec<u64> =
        lines.iter().filter(has_unknown).filter_map(|printed| printed.number("evt.num")).collect();
    let events: Vec<Recorded> = lines.iter().map(recorded).collect();
    let mut views: Vec<Encoded> = events.iter().map(|_| Encoded::default()).collect();
    let records: Vec<Record<'_>> =
        views.iter_mut().zip(&events).filter_map(|(view, event)| view.view(event)).collect();
    harness::run_as("records", "runtime", "conditions", |case| {
        let Some(expected) = case.json.get("matches") else { return Ok(()) };
        let condition = Json::from(case.text("condition").expect("a condition"));
        let rule = format!(
            "- rule: f\n  desc: d\n  condition: {condition}\n  output: x\n  priority: NOTICE\n  warn_evttypes: false\n"
        );
        let rules = RuleSet::compile(&load(&[File { text: &rule }]).rules);
        let mut scratch = Scratch::default();
        let is_match =
            |record: &&Record<'_>| !rules.matches(*record, Matching::First, &mut scratch).is_empty();
        let mut found: Vec<u64> = records.iter().filter(is_match).map(Record::number).collect();
        let mut expected: Vec<u64> = serde_json::from_value(expected.clone()).expect("numbers");
        if rule.contains("fs.path") {
            found.retain(|number| !unknown.contains(number));
            expected.retain(|number| !unknown.contains(number));
        }
        if found == expected {
            Ok(())
        } else {
            Err(format!("{} events, not {}", found.len(), expected.len()))
        }
    });
}
