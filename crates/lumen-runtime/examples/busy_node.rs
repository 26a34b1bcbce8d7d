//! Writes a recording of a busy node that never was: programs that start, load libraries, read files and connect, in containers and on
//! the node. One event of a thousand is one that rules are there for.
//!
//! `cargo run --release -p lumen-runtime --example busy_node -- FILE [EVENTS]`; the same bytes each time.

#![expect(clippy::expect_used, reason = "an example that cannot go on has nothing else to say")]

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use lumen_runtime::event_types;
use lumen_runtime::record::flags::{open_bits, open_text};
use lumen_runtime::record::{
    ArgumentValue, Container, Descriptor, DescriptorType, ExeFile, Group, NamedArgument, Pod, Recorded,
    Recorder, Socket, Thread, User,
};

/// The containers of the node, and the processes in each and on the node itself.
const CONTAINERS: usize = 30;
const PROCESSES: usize = 40;

/// One event of so many is a match.
const RARE: u64 = 1_000;

const PROGRAMS: [&str; 8] =
    ["python3", "nginx", "node", "java", "redis-server", "postgres", "coredns", "containerd-shim"];
const LIBRARIES: [&str; 8] = [
    "libc.so.6",
    "libm.so.6",
    "libssl.so.3",
    "libz.so.1",
    "libpthread.so.0",
    "libstdc++.so.6",
    "libdl.so.2",
    "libcrypto.so.3",
];
const FILES: [&str; 8] = [
    "/proc/self/stat",
    "/sys/fs/cgroup/memory.max",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/app/templates/index.html",
    "/var/log/app/current.log",
    "/usr/share/zoneinfo/UTC",
    "/proc/meminfo",
];

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments.next().expect("the file to write");
    let count = arguments
        .next()
        .map_or(1_000_000, |count| count.to_string_lossy().parse().expect("a number of events"));
    let mut out = BufWriter::new(File::create(path).expect("the file can be made"));
    let node = Node::new();
    let mut recorder = Recorder::default();
    let mut bytes = Vec::new();
    recorder.begin(&mut bytes);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for number in 1..=count {
        recorder.event(&node.event(number, &mut random), &mut bytes);
        if bytes.len() > 1 << 20 {
            out.write_all(&bytes).expect("the file can be written");
            bytes.clear();
        }
    }
    out.write_all(&bytes).and_then(|()| out.flush()).expect("the file can be written");
}

/// Numbers that look like chance, and are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % most
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        items.get(self.below(items.len())).expect("there are some")
    }
}

/// The processes that there are.
struct Node {
    threads: Vec<Arc<Thread>>,
}

impl Node {
    fn new() -> Self {
        let mut threads = Vec::new();
        let systemd = Arc::new(thread(1, "systemd", None, None));
        for place in 0..=CONTAINERS {
            let container = place.checked_sub(1).map(container);
            let parent = if container.is_some() { "containerd-shim" } else { "bash" };
            let parent = Arc::new(thread(1000 + place, parent, Some(&systemd), None));
            for process in 0..PROCESSES {
                let name = PROGRAMS.get((place + process) % PROGRAMS.len()).expect("there are some");
                let pid = 10_000 + place * PROCESSES + process;
                threads.push(Arc::new(thread(pid, name, Some(&parent), container.clone())));
            }
        }
        Self { threads }
    }

    fn event(&self, number: u64, random: &mut Random) -> Recorded {
        let thread = random.of(&self.threads).clone();
        let event = Recorded {
            number,
            time_ns: 1_795_418_341_000_000_000 + number * 1_000,
            thread: Some(thread),
            ..Recorded::default()
        };
        if number.is_multiple_of(RARE) {
            return open(event, "/etc/shadow", "O_RDONLY", 7);
        }
        match random.below(100) {
            0..50 => open(
                event,
                &format!("/usr/lib/x86_64-linux-gnu/{}", random.of(&LIBRARIES)),
                "O_RDONLY|O_CLOEXEC",
                3,
            ),
            50..80 => open(event, random.of::<&str>(&FILES), "O_RDONLY|O_CLOEXEC", 9),
            80..88 => {
                open(event, &format!("/tmp/work-{}", random.below(500)), "O_RDWR|O_CREAT|O_CLOEXEC", 10)
            }
            88..94 => connect(event, random),
            _ => execve(event, random),
        }
    }
}

fn event_type(name: &str) -> usize {
    event_types::find(name.as_bytes()).expect("there is such a type")
}

fn argument(name: &str, value: ArgumentValue) -> NamedArgument {
    NamedArgument { name: name.to_owned().into(), value }
}

fn open(event: Recorded, path: &str, flags: &str, number: i64) -> Recorded {
    let bits = open_bits(flags).expect("these are flags");
    let name = path.as_bytes().to_vec();
    Recorded {
        event_type: event_type("openat"),
        result: Some(number),
        arguments: vec![
            argument("fd", ArgumentValue::Descriptor { number, letter: b'f', name: name.clone() }),
            argument("dirfd", ArgumentValue::Signed(-100)),
            argument("name", ArgumentValue::Text(name.clone())),
            argument("flags", ArgumentValue::Named { bits, text: open_text(bits).into_bytes() }),
            argument("mode", ArgumentValue::Octal(0)),
        ],
        descriptor: Some(Descriptor {
            number: Some(number),
            kind: DescriptorType::File,
            name: Some(name.clone()),
            raw_name: Some(name),
            open_flags: u32::try_from(bits).ok(),
            ..Descriptor::default()
        }),
        ..event
    }
}

fn connect(event: Recorded, random: &mut Random) -> Recorded {
    let address = |last: usize| IpAddr::V4(Ipv4Addr::new(10, 42, 0, u8::try_from(last).unwrap_or_default()));
    let port = u16::try_from(30_000 + random.below(20_000)).unwrap_or_default();
    Recorded {
        event_type: event_type("connect"),
        result: Some(0),
        arguments: vec![
            argument("res", ArgumentValue::Outcome(0)),
            argument("fd", ArgumentValue::Signed(12)),
        ],
        descriptor: Some(Descriptor {
            number: Some(12),
            kind: DescriptorType::Ipv4,
            socket: Some(Socket {
                protocol: Some("tcp"),
                client: Some((address(random.below(250)), port)),
                server: Some((address(random.below(250)), *random.of(&[53, 443, 5432, 6379, 8080]))),
                is_server: Some(false),
                is_connected: true,
                are_own: None,
                names: [None, None],
            }),
            ..Descriptor::default()
        }),
        ..event
    }
}

fn execve(event: Recorded, random: &mut Random) -> Recorded {
    // It is started by what started the one at hand: a shell, or what begins containers.
    let Some(sibling) = event.thread.clone() else { return event };
    let parent = sibling.parent.as_ref();
    let name = random.of(&["ls", "date", "sleep", "true"]);
    let pid = usize::try_from(sibling.pid).unwrap_or_default() + 50_000;
    let thread = Thread {
        container: sibling.container.clone(),
        is_on_host: sibling.is_on_host,
        ..thread(pid, name, parent, None)
    };
    Recorded {
        event_type: event_type("execve"),
        result: Some(0),
        arguments: vec![
            argument("res", ArgumentValue::Outcome(0)),
            argument("filename", ArgumentValue::Text(format!("/usr/bin/{name}").into_bytes())),
        ],
        thread: Some(Arc::new(thread)),
        ..event
    }
}

fn thread(pid: usize, name: &str, parent: Option<&Arc<Thread>>, container: Option<Arc<Container>>) -> Thread {
    let pid = i64::try_from(pid).unwrap_or_default();
    let path = format!("/usr/bin/{name}");
    Thread {
        tid: pid,
        pid,
        ppid: parent.map_or(0, |parent| parent.pid),
        vtid: Some(pid % 1000),
        vpid: Some(pid % 1000),
        sid: Some(1),
        name: Some(name.as_bytes().iter().take(15).copied().collect()),
        exe: Some(path.clone().into_bytes()),
        exe_path: Some(path.into_bytes()),
        args: Some(vec![b"--config".to_vec(), b"/etc/app/config.yaml".to_vec()]),
        env: Some(vec![b"PATH=/usr/bin:/bin".to_vec(), b"HOME=/root".to_vec()]),
        cwd: Some(b"/".to_vec()),
        tty: Some(0),
        user: Some(User { uid: 1000, name: Some(b"app".to_vec()), ..User::default() }),
        group: Some(Group { gid: 1000, name: Some(b"app".to_vec()) }),
        login: Some((-1, None)),
        capabilities: Some([0, 0, 0]),
        exe_file: Some(ExeFile { inode: 4711, ..ExeFile::default() }),
        is_on_host: container.is_none(),
        container,
        parent: parent.cloned().into(),
        ..Thread::default()
    }
}

fn container(place: usize) -> Arc<Container> {
    Arc::new(Container {
        id: format!("{:012x}{:052x}", 0x4F1D_2A3B_0000_u64 + place as u64, 0),
        runtime: Some("containerd".to_owned()),
        name: Some(format!("app-{place}")),
        image: Some(format!("registry.internal/shop/app-{place}:1.4")),
        repository: Some(format!("registry.internal/shop/app-{place}")),
        tag: Some("1.4".to_owned()),
        is_privileged: Some(false),
        pod: Some(Pod {
            name: Some(format!("app-{place}-0")),
            namespace: Some("shop".to_owned()),
            ..Pod::default()
        }),
        ..Container::default()
    })
}
