//! What events change.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::bytes::Order;
use super::writer::Given::{Bytes, N1, N2, N4, N8, None as Unknown, Text};
use super::writer::{Given, PID, Writer, end, name, text, thread};
use crate::event_types::NAMES;
use crate::record::{ArgumentValue, DescriptorType, Recorded};

/// Stands for where the thread is.
const HERE: i64 = -100;

fn writer() -> Writer {
    Writer::with_process(Order::Little)
}

fn open(writer: &mut Writer, number: i64, path: &str, flags: u64) {
    writer.event(end("openat"), &[N8(number), N8(HERE), Text(path), N4(flags), N4(0), N4(5), N8(77)]);
}

fn fstat(writer: &mut Writer, number: i64) -> Recorded {
    writer.event(end("fstat"), &[N8(0), N8(number)]);
    writer.last()
}

#[test]
fn opened_files_are_found_by_their_numbers() {
    let mut writer = writer();
    open(&mut writer, 3, "../etc/./shadow", 1);
    let event = writer.last();
    let descriptor = event.descriptor.clone().unwrap();
    assert_eq!((name(&event).as_str(), descriptor.kind), ("/etc/shadow", DescriptorType::File));
    assert_eq!(text(descriptor.raw_name.as_ref()), "../etc/./shadow");
    assert_eq!((descriptor.device, descriptor.inode, descriptor.is_name_changed), (Some(5), Some(77), true));
    assert_eq!((event.result, event.cpu, event.number), (Some(3), 3, 1));
    assert_eq!(text(thread(&event).cwd.as_ref()), "/srv/");

    // The path of a folder that is open.
    open(&mut writer, 4, "/var", 1 | 1 << 10);
    writer.event(end("openat"), &[N8(5), N8(4), Text("log"), N4(1), N4(0), N4(5), N8(77)]);
    assert_eq!(name(&writer.last()), "/var/log");
    // It failed: nothing is opened.
    open(&mut writer, -2, "/none", 1);
    assert_eq!(writer.last().descriptor, None);

    writer.event(end("dup2"), &[N8(1), N8(3), N8(1)]);
    let event = writer.last();
    assert_eq!((name(&event).as_str(), event.descriptor.unwrap().number), ("/etc/shadow", Some(1)));
    writer.event(end("close"), &[N8(0), N8(3)]);
    assert_eq!(name(&writer.last()), "/etc/shadow", "it is still to be seen in the event that closes it");
    let event = fstat(&mut writer, 3);
    assert_eq!((name(&event).as_str(), event.descriptor.unwrap().kind), ("", DescriptorType::Unknown));
    let event = fstat(&mut writer, 1);
    assert_eq!(name(&event), "/etc/shadow");
    assert_eq!(thread(&event).standard[1], Some((DescriptorType::File, b"/etc/shadow".to_vec())));
    assert_eq!(event.usage.descriptors_open, Some(3));

    writer.event(end("close_range"), &[N8(0), N4(2), N4(u64::from(u32::MAX)), N4(0)]);
    assert_eq!(writer.last().usage.descriptors_open, Some(1));
}

#[test]
fn a_thread_stays_the_same_whatever_its_process_uses() {
    let mut writer = writer();
    open(&mut writer, 0, "/dev/null", 1);
    for kilobytes in [100, 200] {
        writer.event(end("brk"), &[N8(0), N4(kilobytes), N4(20), N4(3), N8(0)]);
    }
    open(&mut writer, 7, "/etc/hosts", 1);
    let events = writer.events();
    let used: Vec<_> =
        events.iter().map(|event| (event.usage.memory_kb, event.usage.descriptors_open)).collect();
    let kilobytes = |all| Some([all, 20, 3]);
    assert_eq!(
        used,
        [
            (Some([10, 5, 0]), Some(1)),
            (kilobytes(100), Some(1)),
            (kilobytes(200), Some(1)),
            (kilobytes(200), Some(2))
        ]
    );
    assert_eq!(events[3].usage.page_faults, Some([1, 2]));
    let same =
        |event: &Recorded| Arc::ptr_eq(event.thread.as_ref().unwrap(), events[0].thread.as_ref().unwrap());
    assert!(events.iter().all(same));

    // Another type of what is open, and another standard output, are shown.
    writer.event(end("eventfd2"), &[N8(8), N2(0), N8(0)]);
    open(&mut writer, 1, "/dev/zero", 1);
    writer.event(end("dup2"), &[N8(8), N8(7), N8(8)]);
    let kinds: Vec<_> = writer.events().iter().map(|event| thread(event).descriptor_types.clone()).collect();
    let (file, counter) = (DescriptorType::File, DescriptorType::Event);
    assert_eq!(kinds[4..], [vec![file, counter], vec![file, counter], vec![file]]);
    assert!(thread(&writer.events()[5]).standard[1].is_some());
}

#[test]
fn beginnings_of_calls_become_part_of_their_ends() {
    let mut writer = writer();
    // The path in memory was another at the end of the call than at its beginning.
    writer.event(306, &[N8(HERE), Text("/etc/passwd"), N4(1), N4(0)]);
    open(&mut writer, 3, "/tmp/harmless", 1);
    let events = writer.events();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].number, name(&events[0]).as_str()), (2, "/etc/passwd"));

    // An old read: the descriptor stands in the beginning alone, which has no number.
    writer.event(6, &[N8(3), N4(64)]).event(7, &[N8(12), Text("hello world")]);
    let event = writer.last();
    assert_eq!((event.number, name(&event).as_str()), (3, "/etc/passwd"));
    let names: Vec<&str> = event.arguments.iter().map(|argument| &*argument.name).collect();
    assert_eq!(names, ["res", "data", "fd", "size"]);
    assert_eq!(event.arguments[3].value, ArgumentValue::Unsigned(64));
    // Its beginning was lost.
    writer.event(7, &[N8(-9), Unknown]);
    assert_eq!(writer.last().arguments[3].value, ArgumentValue::Unsigned(0));
}

fn born(writer: &mut Writer, result: i64, pid: i64, ppid: i64, flags: u64) {
    let cgroups = format!("cpu=/docker/{}\0", "ab".repeat(32));
    writer.event(
        end("clone"),
        &[
            N8(result),
            Text("web"),
            Text("-v"),
            N8(pid),
            N8(pid),
            N8(ppid),
            Text(""),
            N8(1024),
            N8(1),
            N8(2),
            N4(3),
            N4(4),
            N4(5),
            Text("web"),
            Bytes(cgroups.as_bytes()),
            N4(flags),
            N4(33),
            N4(34),
            N8(pid),
            N8(pid),
            N8(0),
        ],
    );
}

fn program(writer: &mut Writer, name: &str, pid: i64, ppid: i64) {
    let path = format!("/usr/bin/{name}");
    let flags: &[Given<'_>] = &[
        N8(0),
        Text(name),
        Bytes(b"-c\0id\0"),
        N8(pid),
        N8(pid),
        N8(ppid),
        Text(""),
        N8(1024),
        N8(1),
        N8(2),
        N4(3),
        N4(4),
        N4(5),
        Text(name),
        Unknown,
        Bytes(b"A=1\0B=2\0"),
        N4(34816),
        N8(pid),
        N4(u64::from(u32::MAX)),
        N4(0b110),
        N8(1),
        N8(2),
        N8(3),
        N8(4),
        N8(5),
        N8(6),
        N4(0),
        Text(&path),
        N8(pid),
        N4(0),
        Text(&path),
    ];
    writer.event(end("execve"), flags);
}

#[test]
fn processes_are_born_run_programs_and_end() {
    let mut writer = writer();
    open(&mut writer, 3, "/etc/hosts", 1);
    open(&mut writer, 4, "/etc/group", 1 | 1 << 12);
    // Both sides tell of the birth, in one order or the other.
    born(&mut writer, 200, 100, 1, 0);
    born(writer.as_thread(200), 0, 200, 100, 0);
    let child = writer.last();
    assert_eq!((thread(&child).pid, thread(&child).ppid, child.usage.descriptors_open), (200, 100, Some(2)));
    assert_eq!(thread(&child).user.as_ref().unwrap().uid, 33);
    assert_eq!(thread(&child).container.as_ref().unwrap().runtime.as_deref(), Some("docker"));
    assert!(!thread(&child).is_on_host);
    assert_eq!(text(thread(&child).env.as_ref().unwrap().first()), "HOME=/root");

    program(&mut writer, "sh", 200, 100);
    let event = writer.last();
    let sh = thread(&event);
    assert_eq!((text(sh.name.as_ref()).as_str(), text(sh.exe_path.as_ref()).as_str()), ("sh", "/usr/bin/sh"));
    assert_eq!(sh.args.as_ref().unwrap(), &[b"-c".to_vec(), b"id".to_vec()]);
    assert_eq!(sh.env.as_ref().unwrap().len(), 2);
    assert_eq!((sh.tty, sh.login.clone(), sh.capabilities), (Some(34816), Some((-1, None)), Some([2, 3, 1])));
    let file = sh.exe_file.unwrap();
    assert!(file.traits.is_upper_layer && file.traits.is_memfd && !file.traits.is_writable);
    assert_eq!((file.inode, file.ctime_ns, file.mtime_ns), (4, 5, 6));
    assert_eq!(event.usage.descriptors_open, Some(1), "the other was to be closed when a program begins");
    let parents: Vec<i64> = std::iter::successors(sh.parent.as_ref(), |parent| parent.parent.as_ref())
        .map(|parent| parent.tid)
        .collect();
    assert_eq!(parents, [100, 1]);

    // The parent ends: its child becomes one of init's.
    writer.as_thread(100).event(186, &[N8(0), N8(0), N1(0), N1(0), N8(1)]);
    assert_eq!(text(thread(&writer.last()).name.as_ref()), "web", "who ends is still to be seen");
    let event = fstat(writer.as_thread(200), 3);
    assert_eq!((thread(&event).ppid, name(&event).as_str()), (1, "/etc/hosts"));
    let event = fstat(writer.as_thread(100), 3);
    assert_eq!((text(thread(&event).name.as_ref()).as_str(), name(&event).as_str()), ("<NA>", ""));
}

#[test]
fn threads_use_what_their_process_has_open() {
    const IS_THREAD: u64 = 1 << 13;
    let mut writer = writer();
    born(&mut writer, 101, 100, 1, IS_THREAD);
    open(writer.as_thread(101), 3, "data", 1);
    let event = fstat(writer.as_thread(PID), 3);
    assert_eq!((name(&event).as_str(), thread(&event).threads), ("/srv/data", Some(2)));
    writer.as_thread(101).event(end("chdir"), &[N8(0), Text("/opt")]);
    let event = fstat(writer.as_thread(PID), 3);
    assert_eq!(text(thread(&event).cwd.as_ref()), "/opt/");
    // The main thread ends first: the process stays for the other.
    writer.event(186, &[N8(0), N8(0), N1(0), N1(0), N8(0)]);
    assert_eq!(name(&fstat(writer.as_thread(101), 3)), "/srv/data");
}

#[test]
fn who_a_thread_is_changes() {
    let mut writer = writer();
    writer.event(end("setresuid"), &[N8(0), N4(1), N4(7), N4(1)]).event(end("setgid"), &[N8(0), N4(8)]);
    writer.event(end("setsid"), &[N8(100)]).event(end("capset"), &[N8(0), N8(1), N8(2), N8(3)]);
    writer.event(end("prctl"), &[N8(0), N4(15), Text("renamed"), N8(0)]);
    writer.event(end("setuid"), &[N8(-1), N4(99)]);
    let event = writer.last();
    let thread = thread(&event);
    assert_eq!((thread.user.as_ref().unwrap().uid, thread.group.as_ref().unwrap().gid), (7, 8));
    assert_eq!((thread.sid, thread.capabilities), (Some(100), Some([2, 3, 1])));
    assert_eq!(text(thread.name.as_ref()), "renamed");
}

fn ends(order: Order, source: (&str, u64), destination: (&str, u64)) -> Vec<u8> {
    let end = |(address, port): (&str, u64)| {
        let address = match address.parse().unwrap() {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        [address, super::writer::number(order, port, 2)].concat()
    };
    let family = if source.0.contains(':') { 10 } else { 2 };
    [vec![family], end(source), end(destination)].concat()
}

#[test]
fn sockets_lead_where_the_calls_say() {
    for order in [Order::Little, Order::Big] {
        let mut writer = Writer::with_process(order);
        let tuple = ends(order, ("10.0.0.1", 40_000), ("10.0.0.2", 443));
        writer.event(end("socket"), &[N8(5), N4(2), N4(1), N4(6), N4(0)]);
        writer.event(end("connect"), &[N8(-115), Bytes(&tuple), N8(5), Unknown]);
        let event = writer.last();
        let socket = event.descriptor.clone().unwrap().socket.unwrap();
        assert_eq!(name(&event), "10.0.0.1:40000->10.0.0.2:443");
        assert_eq!(
            (socket.protocol, socket.is_server, socket.is_connected),
            (Some("tcp"), Some(false), true)
        );
        assert_eq!(socket.server, Some(("10.0.0.2".parse().unwrap(), 443)));

        let address = [vec![2, 0, 0, 0, 0], super::writer::number(order, 80, 2)].concat();
        writer.event(end("socket"), &[N8(6), N4(2), N4(1), N4(0), N4(0)]);
        writer.event(end("bind"), &[N8(0), Bytes(&address), N8(6)]);
        let event = writer.last();
        assert_eq!(name(&event), "0.0.0.0:80");
        assert_eq!(event.descriptor.unwrap().socket.unwrap().server.unwrap().1, 80);
        let tuple = ends(order, ("::ffff:10.0.0.9", 5_555), ("::ffff:10.0.0.1", 80));
        writer.event(end("accept"), &[N8(7), Bytes(&tuple), N1(0), N4(0), N4(5)]);
        let event = writer.last();
        let descriptor = event.descriptor.clone().unwrap();
        assert_eq!(
            (name(&event).as_str(), descriptor.kind),
            ("10.0.0.9:5555->10.0.0.1:80", DescriptorType::Ipv4)
        );
        assert_eq!(descriptor.socket.unwrap().is_server, Some(true));

        // Datagrams from a socket that was not seen before.
        let tuple = ends(order, ("0.0.0.0", 5_000), ("10.0.0.53", 53));
        writer.event(end("sendto"), &[N8(4), Text("abc"), N8(8), N4(4), Bytes(&tuple)]);
        let event = writer.last();
        let socket = event.descriptor.clone().unwrap().socket.unwrap();
        assert_eq!((socket.protocol, socket.server.unwrap().1), (Some("udp"), 53));
        let tuple = ends(order, ("10.0.0.53", 53), ("0.0.0.0", 5_000));
        writer.event(end("recvfrom"), &[N8(4), Text("abc"), Bytes(&tuple), N8(8), N4(4)]);
        assert_eq!(writer.last().descriptor.unwrap().socket.unwrap().server.unwrap().1, 53);

        let path = [&[1][..], &[0; 16], b"/run/x.sock\0"].concat();
        writer.event(end("socket"), &[N8(9), N4(1), N4(1), N4(0), N4(0)]);
        writer.event(end("connect"), &[N8(0), Bytes(&path), N8(9), Unknown]);
        assert_eq!(name(&writer.last()), "0->0 /run/x.sock");
    }
}

#[test]
fn other_descriptors_have_their_types() {
    let cases: [(&str, &[Given<'_>], DescriptorType); 7] = [
        ("eventfd2", &[N8(3), N2(0), N8(0)], DescriptorType::Event),
        ("memfd_create", &[N8(3), Text("m"), N4(0)], DescriptorType::Memfd),
        ("epoll_create1", &[N8(3), N4(1)], DescriptorType::Eventpoll),
        ("inotify_init1", &[N8(3), N2(0)], DescriptorType::Inotify),
        ("timerfd_create", &[N8(3), N1(0), N1(0)], DescriptorType::Timer),
        ("pipe2", &[N8(0), N8(3), N8(4), N8(9), N4(0)], DescriptorType::Pipe),
        ("pidfd_open", &[N8(3), N8(1), N4(0)], DescriptorType::Pidfd),
    ];
    for (call, arguments, kind) in cases {
        let mut writer = writer();
        writer.event(end(call), arguments);
        assert_eq!(fstat(&mut writer, 3).descriptor.unwrap().kind, kind, "{call}");
    }
}

#[test]
fn containers_are_what_their_descriptions_say() {
    let (id, short) = ("ab".repeat(32), "ab".repeat(6));
    let json = format!(
        r#"{{"container":{{"id":"{short}","full_id":"{id}","type":7,"name":"shop","image":"reg.io:5000/shop:1.2","privileged":true,
        "labels":{{"io.kubernetes.pod.name":"shop-0","io.kubernetes.pod.namespace":"web"}},
        "Mounts":[{{"Source":"/var/run","Destination":"/run","RW":true}}]}}}}"#
    );
    let mut writer = writer();
    born(writer.as_thread(300), 0, 300, 1, 0);
    assert_eq!(thread(&writer.last()).container.as_ref().unwrap().name, None);
    writer.as_thread(u64::MAX).event(324, &[Text(&json)]);
    assert_eq!(NAMES[writer.last().event_type], "container");
    let event = fstat(writer.as_thread(300), 3);
    let container = thread(&event).container.clone().unwrap();
    assert_eq!(
        (container.id.clone(), container.name.as_deref(), container.runtime.as_deref()),
        (id.clone(), Some("shop"), Some("containerd"))
    );
    assert_eq!(
        (container.repository.as_deref(), container.tag.as_deref()),
        (Some("reg.io:5000/shop"), Some("1.2"))
    );
    assert_eq!((container.is_privileged, container.mounts[0].destination.as_str()), (Some(true), "/run"));
    assert_eq!(container.pod.as_ref().unwrap().name.as_deref(), Some("shop-0"));
    // The oldest form has four arguments.
    writer.as_thread(u64::MAX).event(228, &[Text(&short), N4(0), Text("old \"name\""), Text("img")]);
    let event = fstat(writer.as_thread(300), 3);
    assert_eq!(thread(&event).container.as_ref().unwrap().name.as_deref(), Some("old \"name\""));
}
