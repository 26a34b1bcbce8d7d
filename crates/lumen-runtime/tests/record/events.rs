//! Random events, and all that can be asked of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use lumen_runtime::event_types::NAMES;
use lumen_runtime::field::{self, Argument, ArgumentRule, FieldUse};
use lumen_runtime::record::{
    ArgumentValue, Bytes, Container, Descriptor, DescriptorType, ExeFile, ExeTraits, Group, Mount,
    NamedArgument, Pod, Recorded, Socket, Thread, Usage, User,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// All fields, with and without something behind them in brackets.
pub(crate) fn all_fields() -> Vec<FieldUse> {
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
    (name, value).prop_map(|(name, value)| NamedArgument { name: name.into(), value })
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
            capabilities: numbers[4].map(|bits| [bits, !bits, 1]),
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
    pub(crate) fn thread()(
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
    pub(crate) fn usage()(
        descriptors_open in option::of(any::<u64>()), memory_kb in option::of(any::<[u64; 3]>()),
        page_faults in option::of(any::<[u64; 2]>()),
    ) -> Usage {
        Usage { descriptors_open, memory_kb, page_faults }
    }
}

prop_compose! {
    pub(crate) fn event()(
        number in any::<u64>(), event_type in 0..NAMES.len(), time_ns in any::<u64>(), cpu in any::<u16>(),
        result in option::of(any::<i64>()), latency_ns in option::of(any::<u64>()),
        arguments in vec(argument(), 0..8), thread in option::of(thread()), descriptor in option::of(descriptor()),
        usage in usage(),
    ) -> Recorded {
        Recorded { number, event_type, time_ns, cpu, result, latency_ns, arguments, thread, descriptor, usage }
    }
}
