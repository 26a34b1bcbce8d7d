use std::sync::Arc;

use super::*;
use crate::field::{self, FieldUse};
use crate::output::{Output, print};
use crate::{Event, event_types};

fn field(name: &str) -> FieldUse {
    let (name, argument) = match name.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']'))),
        None => (name, None),
    };
    let id = field::find(name).unwrap_or_else(|| panic!("{name}"));
    let argument = argument.map(|text| match text.parse() {
        Ok(index) => field::Argument::Index(index),
        Err(_) => field::Argument::Key(text.to_owned()),
    });
    FieldUse { id, argument }
}

/// What a field says, as it is printed.
fn said(record: &Record<'_>, name: &str) -> Option<String> {
    let used = field(name);
    let known = used.id.field();
    record.value(&used).map(|value| print(&value, known.kind, known.format).into_owned())
}

fn open() -> Recorded {
    let argument = |name: &str, value| NamedArgument { name: name.to_owned().into(), value };
    let systemd =
        Thread { tid: 1, pid: 1, name: Some(b"systemd".to_vec()), vpid: Some(1), ..Thread::default() };
    let shell = Thread {
        tid: 41,
        pid: 41,
        ppid: 1,
        name: Some(b"bash".to_vec()),
        args: Some(vec![b"-l".to_vec()]),
        env: Some(vec![b"A=b c".to_vec(), b"LD_PRELOAD=/x.so".to_vec()]),
        parent: systemd.into(),
        ..Thread::default()
    };
    let container = Container {
        id: "0123456789abcdef0123".to_owned(),
        repository: Some("docker.io/library/nginx".to_owned()),
        is_privileged: Some(false),
        labels: vec![("app".to_owned(), "shop".to_owned())],
        mounts: vec![Mount {
            source: "/proc/sys".to_owned(),
            destination: "/host/proc".to_owned(),
            mode: "ro".to_owned(),
            is_writable: false,
            propagation: "private".to_owned(),
        }],
        ..Container::default()
    };
    let thread = Thread {
        tid: 43,
        pid: 42,
        ppid: 41,
        name: Some(b"cat".to_vec()),
        exe: Some(b"/bin/cat".to_vec()),
        args: Some(vec![b"a b".to_vec(), b"shadow".to_vec()]),
        cwd: Some(b"/etc".to_vec()),
        user: Some(User { uid: 0, ..User::default() }),
        login: Some((-1, None)),
        parent: shell.into(),
        container: Some(Arc::new(container)),
        ..Thread::default()
    };
    let cloexec = flags::open_bits("O_RDONLY|O_CLOEXEC").unwrap();
    Recorded {
        number: 9,
        event_type: event_types::find(b"openat").unwrap(),
        time_ns: 1_700_000_000_123_456_789,
        cpu: 3,
        result: Some(-2),
        arguments: vec![
            argument("fd", ArgumentValue::Descriptor { number: -2, letter: 0, name: Vec::new() }),
            argument("dirfd", ArgumentValue::Descriptor { number: -100, letter: 0, name: Vec::new() }),
            argument("name", ArgumentValue::Text(b"../root//x/./shadow".to_vec())),
            argument(
                "flags",
                ArgumentValue::Named { bits: cloexec, text: flags::open_text(cloexec).into_bytes() },
            ),
            argument("mode", ArgumentValue::Octal(0o644)),
        ],
        thread: Some(Arc::new(thread)),
        ..Recorded::default()
    }
}

#[test]
fn fields_follow_from_the_parts_of_an_event() {
    let mut encoded = Encoded::default();
    let record = encoded.view(&open()).unwrap();
    for (name, wanted) in [
        ("evt.num", "9"),
        ("evt.type", "openat"),
        ("evt.dir", "<"),
        ("evt.res", "ENOENT"),
        ("evt.rawres", "-2"),
        ("evt.failed", "true"),
        ("evt.category", "file"),
        ("evt.is_open_read", "true"),
        ("evt.is_open_write", "false"),
        ("evt.arg[name]", "/root/x/shadow"),
        ("evt.arg[1]", "AT_FDCWD"),
        ("evt.rawarg[name]", "../root//x/./shadow"),
        (
            "evt.args",
            "fd=-2(ENOENT) dirfd=-100(AT_FDCWD) name=../root//x/./shadow(/root/x/shadow) \
             flags=4097(O_RDONLY|O_CLOEXEC) mode=0644",
        ),
        ("evt.time.iso8601", "2023-11-14T22:13:20.123456789+0000"),
        ("evt.abspath", "/root/x/shadow"),
        ("fd.name", "/root/x/shadow"),
        ("fd.nameraw", "../root/x/./shadow"),
        ("fd.directory", "/root/x"),
        ("fd.num", "-1"),
        ("fd.typechar", "f"),
        ("proc.cmdline", "cat a b shadow"),
        ("proc.args", "a b shadow"),
        ("proc.args[1]", "shadow"),
        ("proc.cmdnargs", "2"),
        ("proc.cmdlenargs", "9"),
        ("proc.exeline", "/bin/cat a b shadow"),
        ("proc.cwd", "/etc/"),
        ("proc.pname", "bash"),
        ("proc.pcmdline", "bash -l"),
        ("proc.aname[2]", "systemd"),
        ("proc.aenv[LD_PRELOAD]", "/x.so"),
        ("proc.loginshellid", "41"),
        ("thread.ismain", "false"),
        ("user.name", "root"),
        ("user.loginname", "<NA>"),
        ("user.loginuid", "-1"),
        ("container.id", "0123456789ab"),
        ("container.image.repository", "docker.io/library/nginx"),
        ("container.privileged", "false"),
        ("container.label[app]", "shop"),
        ("container.mounts", "/proc/sys:/host/proc:ro:false:private"),
        ("container.mount.dest[/proc*]", "/host/proc"),
    ] {
        assert_eq!(said(&record, name).as_deref(), Some(wanted), "{name}");
    }
    for name in ["fd.type", "fd.filename", "proc.exepath", "container.name", "k8s.pod.name", "evt.hostname"] {
        assert_eq!(said(&record, name), None, "{name}");
    }
    assert!(Output::parse("%proc.name").is_ok_and(|output| output.message(&record) == "cat"));
    let parents = Output::parse("%proc.aname").unwrap();
    assert_eq!(parents.message(&record), "bash systemd");
    let process = Output::parse("%proc.apid").unwrap();
    assert_eq!(process.message(&record), "42");
}

#[test]
fn bytes_that_cannot_be_printed_are_shown_as_dots() {
    let data = ArgumentValue::Buffer(b"GET /\r\n\xca\xfe".to_vec());
    let event = Recorded {
        arguments: vec![NamedArgument { name: "data".into(), value: data }],
        ..Recorded::default()
    };
    let mut encoded = Encoded::default();
    let record = encoded.view(&event).unwrap();
    let shown = Output::parse("%evt.buffer").unwrap();
    assert_eq!(shown.message(&record), "GET /....");
    assert_eq!(record.value(&field("evt.buffer")).unwrap().as_bytes(), Some(&b"GET /\r\n\xca\xfe"[..]));
}

/// What an event of a type says with one argument.
fn shown(event_type: &str, name: &str, value: ArgumentValue, field: &str) -> String {
    let event = Recorded {
        event_type: event_types::find(event_type.as_bytes()).unwrap(),
        arguments: vec![NamedArgument { name: name.to_owned().into(), value }],
        ..Recorded::default()
    };
    let mut encoded = Encoded::default();
    Output::parse(&format!("%{field}")).unwrap().message(&encoded.view(&event).unwrap())
}

#[test]
fn raw_arguments_are_printed_as_the_kernel_counts_them() {
    let flags = ArgumentValue::Named { bits: 4097, text: b"O_RDONLY|O_CLOEXEC".to_vec() };
    let family = ArgumentValue::Named { bits: 10, text: b"AF_INET6".to_vec() };
    for (event_type, name, value, wanted) in [
        ("openat", "flags", flags, "1001"),
        ("socket", "domain", family, "10"),
        ("chmod", "mode", ArgumentValue::Octal(0o644), "644"),
        ("brk", "res", ArgumentValue::Hexadecimal(0x92_6000), "926000"),
        ("mmap", "res", ArgumentValue::Outcome(0x7fad_4878_2000), "7FAD48782000"),
        ("close", "res", ArgumentValue::Outcome(-9), "-9"),
    ] {
        assert_eq!(shown(event_type, name, value, &format!("evt.rawarg.{name}")), wanted, "{event_type}");
    }
}

#[test]
fn a_call_that_was_recorded_by_its_number_is_of_no_kind() {
    let id = || ArgumentValue::Named { bits: 75, text: b"mprotect".to_vec() };
    assert_eq!(shown("mprotect", "ID", id(), "evt.category"), "other");
    assert_eq!(shown("mprotect", "ID", id(), "evt.args"), "");
    assert_eq!(shown("mprotect", "addr", ArgumentValue::Hexadecimal(1), "evt.category"), "memory");
}

#[test]
fn what_has_no_one_value_is_compared_and_not_shown() {
    let descriptor = Descriptor { kind: DescriptorType::File, ..Descriptor::default() };
    let event =
        Recorded { thread: Some(Arc::default()), descriptor: Some(descriptor), ..Recorded::default() };
    let mut encoded = Encoded::default();
    let record = encoded.view(&event).unwrap();
    for name in ["fd.ip", "fd.net", "fd.port", "fd.proto"] {
        assert!(record.value(&field(name)).is_some(), "{name} exists");
        assert_eq!(Output::parse(&format!("%{name}")).unwrap().message(&record), "<NA>", "{name}");
    }
}

#[test]
fn the_process_is_called_as_its_first_thread() {
    let thread =
        Thread { name: Some(b"gmain".to_vec()), main_name: Some(b"daemon".to_vec()), ..Thread::default() };
    let event = Recorded { thread: Some(Arc::new(thread)), ..Recorded::default() };
    let mut encoded = Encoded::default();
    let record = encoded.view(&event).unwrap();
    assert_eq!(said(&record, "proc.name").as_deref(), Some("gmain"));
    assert_eq!(said(&record, "proc.aname[0]").as_deref(), Some("daemon"));
}

#[test]
fn the_node_itself_is_a_container_of_the_name_host() {
    let thread = Thread { is_on_host: true, ..Thread::default() };
    let event = Recorded { thread: Some(Arc::new(thread)), ..Recorded::default() };
    let mut encoded = Encoded::default();
    let record = encoded.view(&event).unwrap();
    for (name, wanted) in [
        ("container.id", Some("host")),
        ("container.name", Some("host")),
        ("container.type", Some("host")),
        ("container.image.repository", Some("")),
        ("container.privileged", Some("false")),
        ("container.mounts", Some("")),
        ("k8s.pod.name", None),
        ("k8s.ns.name", None),
        ("container.label[app]", None),
    ] {
        assert_eq!(said(&record, name).as_deref(), wanted, "{name}");
    }
    let unknown = Recorded { thread: Some(Arc::default()), ..Recorded::default() };
    let record = encoded.view(&unknown).unwrap();
    assert_eq!(said(&record, "container.id"), None);
}

#[test]
fn leaders_are_told_or_the_process_itself() {
    let process = Thread { pid: 5, vpid: Some(2), name: Some(b"sh".to_vec()), ..Thread::default() };
    let leader = Arc::new(Thread { name: Some(b"bash".to_vec()), ..Thread::default() });
    let mut encoded = Encoded::default();
    for (thread, wanted) in [
        (Thread { sid: Some(2), ..process.clone() }, Some("sh")),
        (Thread { sid: Some(9), ..process.clone() }, Some("")),
        (Thread { sid: Some(9), session_leader: Some(leader), ..process.clone() }, Some("bash")),
        (process, None),
    ] {
        let event = Recorded { thread: Some(Arc::new(thread)), ..Recorded::default() };
        let record = encoded.view(&event).unwrap();
        assert_eq!(said(&record, "proc.sname").as_deref(), wanted);
    }
}

#[test]
fn names_of_bits_are_read_back() {
    for text in ["O_RDONLY|O_CLOEXEC", "O_DIRECTORY|O_RDONLY|O_CLOEXEC", "O_TRUNC|O_CREAT|O_WRONLY", "O_NONE"]
    {
        let bits = flags::open_bits(text).unwrap();
        assert_eq!(flags::open_text(bits), text);
    }
    assert_eq!(flags::open_bits("O_RDWR"), Some(flags::OPEN_READ | flags::OPEN_WRITE));
    assert_eq!(flags::open_bits("0x2|4"), Some(6));
    assert_eq!(flags::open_bits("O_NOTHING_KNOWN"), None);
    let families = flags::of("socket", "domain").unwrap();
    assert_eq!(families.text(1), "AF_LOCAL|AF_UNIX");
    assert_eq!(flags::capability_bits("CAP_CHOWN CAP_SYS_ADMIN"), Some(1 | 1 << 21));
    assert_eq!(flags::capability_text(1 | 1 << 21), "CAP_CHOWN CAP_SYS_ADMIN");
}

#[test]
fn an_event_that_is_passed_counts_for_the_times_of_the_next() {
    let output = Output::parse("%evt.reltime %evt.deltatime").expect("an output");
    let events = [1_000, 1_700, 2_500].map(|time_ns| Recorded {
        event_type: event_types::find(b"close").expect("a type"),
        time_ns,
        ..Recorded::default()
    });
    let (mut looking, mut passing) = (Encoded::default(), Encoded::default());
    let said: Vec<String> =
        events.iter().map(|event| output.message(&looking.view(event).expect("a record"))).collect();
    for event in &events[..2] {
        passing.pass(event.event_type, event.time_ns);
    }
    assert_eq!(output.message(&passing.view(&events[2]).expect("a record")), said[2]);
    assert_eq!(said[2], "000001500 800");
}
