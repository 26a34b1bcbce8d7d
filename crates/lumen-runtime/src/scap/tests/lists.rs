//! Blocks of all forms.

use super::super::bytes::Order;
use super::writer::Given::{N4, N8, Text};
use super::writer::{Writer, end, name, text, thread};
use crate::record::DescriptorType;

#[test]
fn both_byte_orders_say_the_same() {
    let write = |order| {
        let mut writer = Writer::with_process(order);
        writer.event(end("openat"), &[N8(3), N8(-100), Text("a"), N4(1), N4(0o644), N4(5), N8(77)]);
        writer.events()
    };
    let events = write(Order::Little);
    assert_eq!(write(Order::Big), events);
    assert_eq!((name(&events[0]).as_str(), events[0].number), ("/srv/a", 1));
}

#[test]
fn events_stand_in_blocks_of_several_forms() {
    let mut writer = Writer::with_process(Order::Little);
    let arguments = || [N8(3), N8(-100), Text("a"), N4(1), N4(0), N4(5), N8(77)];
    for (kind, head, has_count) in [
        (0x204, 2, false),
        (0x8010_abcd, 2, false),
        (0x208, 6, false),
        (0x216, 2, true),
        (0x217, 6, true),
        (0x221, 2, true),
        (0x222, 6, true),
    ] {
        let body = writer.event_body(end("openat"), &arguments(), has_count);
        writer.block(kind, &[vec![0; head], body].concat());
    }
    // Nobody knows these.
    writer.block(0xffff, b"abc");
    let body = writer.event_body(9_999, &arguments(), true);
    writer.block(0x216, &[vec![0; 2], body].concat());
    let events = writer.events();
    assert_eq!(events.len(), 7);
    assert!(events.iter().all(|event| name(event) == "/srv/a"));
}

/// Numbers, each of so many bytes.
fn numbers(writer: &Writer, numbers: &[(u64, usize)]) -> Vec<u8> {
    numbers.iter().flat_map(|(value, width)| writer.number(*value, *width)).collect()
}

fn process(writer: &Writer, version: u8, tail: &[u8]) -> Vec<u8> {
    let from = |least: u8, bytes: Vec<u8>| if version >= least { bytes } else { Vec::new() };
    [
        numbers(writer, &[(100, 8), (100, 8), (1, 8)]),
        from(6, writer.number(42, 8)),
        from(8, writer.number(43, 8)),
        writer.text("web"),
        writer.text("/bin/web"),
        from(7, writer.text("/usr/bin/web")),
        writer.text("-v\0-x\0"),
        writer.text("/srv"),
        numbers(writer, &[(1024, 8), (0, 4), (33, 4), (34, 4)]),
        from(2, numbers(writer, &[(10, 4), (5, 4), (0, 4), (1, 8), (2, 8)])),
        from(3, writer.text("A=1\0B=2\0")),
        from(4, [numbers(writer, &[(7, 8), (7, 8)]), writer.text("cpu=/\0")].concat()),
        from(5, writer.text("/")),
        tail.to_vec(),
    ]
    .concat()
}

#[test]
fn processes_are_read_of_lists_of_all_versions() {
    let kinds = [0x202, 0x207, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214, 0x215];
    for (kind, version) in kinds.into_iter().zip(1..) {
        let mut writer = Writer::new(Order::Little);
        let plain = process(&writer, version, &[]);
        let old = numbers(&writer, &[(8, 4), (1, 1), (11, 8), (12, 8), (13, 8)]);
        let newer = numbers(&writer, &[(1, 1), (21, 8), (22, 8), (23, 8), (1, 1), (0, 1), (44, 8), (99, 3)]);
        let tails = [old.clone(), [numbers(&writer, &[(500, 8), (34816, 4)]), old, newer].concat()];
        for (place, tail) in tails.into_iter().enumerate().take(if version == 9 { 2 } else { 1 }) {
            let mut body = plain.clone();
            if version == 9 {
                body.extend(tail);
                body = [writer.number(body.len() as u64 + 4, 4), body].concat();
            }
            writer.bytes = Writer::new(Order::Little).bytes;
            writer.block(kind, &[body.clone(), body].concat());
            writer.event(end("close"), &[N8(-9), N8(3)]);
            let event = writer.last();
            let thread = thread(&event);
            assert_eq!(
                (thread.pid, thread.ppid, text(thread.name.as_ref()).as_str()),
                (100, 1, "web"),
                "{version}"
            );
            assert_eq!(
                (text(thread.cwd.as_ref()).as_str(), thread.args.as_ref().unwrap().len()),
                ("/srv/", 2)
            );
            assert_eq!(thread.user.as_ref().unwrap().uid, 33);
            assert_eq!(thread.env.as_ref().map(Vec::len), Some(if version >= 3 { 2 } else { 0 }));
            assert_eq!(
                (thread.sid, thread.vpid),
                (Some(if version >= 6 { 42 } else { -1 }), (version >= 4).then_some(7))
            );
            if version == 9 {
                assert_eq!(
                    (thread.login.clone(), thread.capabilities),
                    (Some((8, None)), Some([12, 13, 11]))
                );
                let is_new = place == 1;
                assert_eq!(
                    (thread.tty, thread.pgid),
                    (Some(if is_new { 34816 } else { 0 }), Some(if is_new { 44 } else { -1 }))
                );
                let file = thread.exe_file.unwrap();
                assert_eq!((file.inode, file.traits.is_memfd), if is_new { (21, true) } else { (0, false) });
            }
        }
    }
}

#[test]
fn descriptors_addresses_and_users_are_read_of_lists() {
    for has_lengths in [false, true] {
        let mut writer = Writer::with_process(Order::Little);
        let entry = |body: Vec<u8>, own: usize| {
            let length = if has_lengths { writer.number((body.len() + own) as u64, 4) } else { Vec::new() };
            [length, body].concat()
        };
        let open = |number: u64, kind: u64, rest: Vec<u8>| {
            entry([numbers(&writer, &[(number, 8), (9, 8), (kind, 1)]), rest].concat(), 4)
        };
        let file = [
            writer.number(1, 4),
            writer.text("/etc/hosts"),
            if has_lengths { writer.number(66, 4) } else { Vec::new() },
        ];
        let connection =
            [vec![10, 0, 0, 1, 10, 0, 0, 2], numbers(&writer, &[(80, 2), (5_000, 2), (2, 1)])].concat();
        let waiting = [vec![0, 0, 0, 0], numbers(&writer, &[(80, 2), (2, 1)])].concat();
        let descriptors = [
            writer.number(100, 8),
            open(3, 16, file.concat()),
            open(4, 7, writer.text("pipe:[1]")),
            open(5, 3, connection),
            open(6, 5, waiting),
            open(7, 8, [vec![0; 16], writer.text("/run/a.sock")].concat()),
        ]
        .concat();
        let user = entry(
            [
                vec![0],
                numbers(&writer, &[(0, 4), (0, 4)]),
                writer.text("root"),
                writer.text("/root"),
                writer.text("/bin/sh"),
            ]
            .concat(),
            4,
        );
        let group = entry([vec![1], writer.number(0, 4), writer.text("wheel")].concat(), 4);
        let v4 = entry(
            [
                numbers(&writer, &[(1, 2), (2, 2)]),
                vec![10, 0, 0, 1, 255, 0, 0, 0, 10, 255, 255, 255],
                vec![0; 8],
                b"lo".to_vec(),
            ]
            .concat(),
            0,
        );
        let v6 = entry([numbers(&writer, &[(4, 2), (2, 2)]), vec![1; 48], b"lo".to_vec()].concat(), 0);
        let kinds = if has_lengths { [0x218, 0x219, 0x220] } else { [0x203, 0x205, 0x206] };
        writer.block(kinds[0], &descriptors);
        writer.block(kinds[1], &[v4, v6].concat());
        writer.block(kinds[2], &[user, group].concat());
        let machine = [vec![0; 148], writer.number(1_000_000, 8), vec![0; 24]].concat();
        writer.block(0x201, &machine);
        let mut descriptor = |number: i64| {
            writer.event(end("fstat"), &[N8(0), N8(number)]);
            let event = writer.last();
            assert_eq!(text(thread(&event).user.as_ref().unwrap().name.as_ref()), "root");
            assert_eq!(text(thread(&event).group.as_ref().unwrap().name.as_ref()), "wheel");
            (name(&event), event.descriptor.unwrap())
        };
        let (file, known) = descriptor(3);
        assert_eq!((file.as_str(), known.device), ("/etc/hosts", has_lengths.then_some(66)));
        assert_eq!(descriptor(4).1.kind, DescriptorType::Pipe);
        let (connection, known) = descriptor(5);
        assert_eq!(
            (connection.as_str(), known.socket.unwrap().is_server),
            ("10.0.0.2:5000->10.0.0.1:80", Some(true))
        );
        assert_eq!(descriptor(6).0, "0.0.0.0:80");
        assert_eq!(descriptor(7).1.kind, DescriptorType::Unix);
    }
}

#[test]
fn a_second_section_begins_anew() {
    let mut writer = Writer::with_process(Order::Little);
    writer.event(end("close"), &[N8(0), N8(3)]);
    let mut second = Writer::new(Order::Big);
    second.event(end("close"), &[N8(0), N8(3)]);
    writer.bytes.extend(second.bytes);
    let events = writer.events();
    assert_eq!((events[0].number, text(thread(&events[0]).name.as_ref()).as_str()), (1, "web"));
    assert_eq!((events[1].number, text(thread(&events[1]).name.as_ref()).as_str()), (2, "<NA>"));
}
