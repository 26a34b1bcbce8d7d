//! Events as sensors and captures know them: what happened, who did it, and what it was done to.
//!
//! [`Recorded`] is an event by its parts, for whoever makes one: a reader of captures, a test. Its bytes are what rules are
//! asked of and what recordings hold. What a part does not say has no value in any field that needs it.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use crate::event_types::NAMES;

mod bytes;
mod encode;
mod encoded;
mod errors;
mod event_facts;
pub mod flags;
mod parent;
mod reader;
mod recorder;
mod snapshot;
mod view;
mod wire;

pub use encoded::Encoded;
pub(crate) use errors::names as error_names;
pub use errors::{name as error_name, number as error_number};
pub use parent::Parent;
pub use reader::{Broken, Problem, Reader};
pub use recorder::Recorder;
pub use view::Record;
pub use wire::{ANCESTORS_MAX, FRAME_BYTES_MAX, MAGIC};
pub(crate) use wire::{WORDS_BYTES_MAX, WORDS_MAX};

/// Bytes that are mostly text: names, paths, words of a command line.
pub type Bytes = Vec<u8>;

/// An event, by its parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// Its number in what it was read from, from one: `evt.num`.
    pub number: u64,
    /// The place of its type in [`NAMES`].
    pub event_type: usize,
    /// When it happened, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The processor it happened on.
    pub cpu: u16,
    /// What the call gave back: `evt.rawres`; none for events that are no ends of calls.
    pub result: Option<i64>,
    /// How long the call took, in nanoseconds, where that was measured.
    pub latency_ns: Option<u64>,
    /// What the call was given and gave, in the order of the reference's table of events.
    pub arguments: Vec<NamedArgument>,
    /// The thread that caused it, as it was then.
    pub thread: Option<Arc<Thread>>,
    /// The file descriptor that it is about.
    pub descriptor: Option<Descriptor>,
    /// What the thread's process used then.
    pub usage: Usage,
}

/// What a process uses: numbers that may be others with each event. So they are of the event, not of the thread, which stays
/// the same for as long as nothing else of it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The descriptors that it has open.
    pub descriptors_open: Option<u64>,
    /// Kilobytes of memory: all, resident, swapped out.
    pub memory_kb: Option<[u64; 3]>,
    /// Page faults of the thread: major, minor.
    pub page_faults: Option<[u64; 2]>,
}

/// An argument of an event and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArgument {
    /// Its name: `evt.arg.NAME`.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: ArgumentValue,
}

/// The value of an argument, by how it is printed.
#[derive(Clone, Debug, PartialEq)]
pub enum ArgumentValue {
    /// Not known.
    Absent,
    /// A number with a sign, in decimal.
    Signed(i64),
    /// A number without one, in decimal.
    Unsigned(u64),
    /// A number, in hexadecimal.
    Hexadecimal(u64),
    /// A number, in octal.
    Octal(u64),
    /// Text: a path, a name.
    Text(Bytes),
    /// Bytes of a buffer.
    Buffer(Bytes),
    /// What a call gave back: the name of the error for a negative number.
    Outcome(i64),
    /// A descriptor: `<f>/etc/hosts`, from its letter and its name; the number where neither is known.
    Descriptor {
        /// Its number.
        number: i64,
        /// `fd.typechar` of it; a zero where that is not known.
        letter: u8,
        /// Its name.
        name: Bytes,
    },
    /// A process, printed by the name of its command where that is known.
    Process {
        /// Its number.
        pid: i64,
        /// Its name.
        name: Bytes,
    },
    /// A user or a group, printed by its name where that is known.
    Account {
        /// Its number.
        id: u32,
        /// Its name.
        name: Bytes,
    },
    /// Bits, or one of several, with their names: `O_RDONLY|O_CLOEXEC`.
    Named {
        /// The bits.
        bits: u64,
        /// What they are called.
        text: Bytes,
    },
}

/// A thread and its process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    /// The number of the thread; that of the process for its main thread.
    pub tid: i64,
    /// The number of the process.
    pub pid: i64,
    /// The number of the parent process.
    pub ppid: i64,
    /// `tid`, in its own namespace.
    pub vtid: Option<i64>,
    /// `pid`, in its own namespace.
    pub vpid: Option<i64>,
    /// `pid` of the parent, in its own namespace.
    pub pvpid: Option<i64>,
    /// The group of processes.
    pub pgid: Option<i64>,
    /// The group of processes, in its own namespace.
    pub vpgid: Option<i64>,
    /// The session.
    pub sid: Option<i64>,
    /// The shell from which the login came.
    pub login_shell: Option<i64>,
    /// `comm`: the name of the program, at most fifteen bytes.
    pub name: Option<Bytes>,
    /// `comm` of the process's first thread, where it is not that of this thread.
    pub main_name: Option<Bytes>,
    /// The first word of the command line.
    pub exe: Option<Bytes>,
    /// The path of the program's file.
    pub exe_path: Option<Bytes>,
    /// The words behind the first.
    pub args: Option<Vec<Bytes>>,
    /// The environment, `NAME=value` each.
    pub env: Option<Vec<Bytes>>,
    /// The working directory.
    pub cwd: Option<Bytes>,
    /// The number of the terminal; zero for none.
    pub tty: Option<u32>,
    /// The user (effective).
    pub user: Option<User>,
    /// The group (effective).
    pub group: Option<Group>,
    /// Who logged in; the number -1 for nobody.
    pub login: Option<(i64, Option<Bytes>)>,
    /// Capabilities, a bit each: permitted, effective, inheritable.
    pub capabilities: Option<[u64; 3]>,
    /// The file of the program.
    pub exe_file: Option<ExeFile>,
    /// When the process began, in nanoseconds since 1970.
    pub started_ns: Option<u64>,
    /// When the first process of its namespace began, in nanoseconds since 1970.
    pub namespace_started_ns: Option<u64>,
    /// The most descriptors that it may have open.
    pub descriptors_max: Option<u64>,
    /// Threads of the process but its first: `proc.nchilds`.
    pub children: Option<u64>,
    /// Threads of the process.
    pub threads: Option<u64>,
    /// Control groups: `subsystem=path` each.
    pub cgroups: Vec<Bytes>,
    /// What its open descriptors stand for, each type once: `fd.types`.
    pub descriptor_types: Vec<DescriptorType>,
    /// Standard input, output and error: `fd.type` and `fd.name` of each.
    pub standard: [Option<(DescriptorType, Bytes)>; 3],
    /// The process that leads the session.
    pub session_leader: Option<Arc<Thread>>,
    /// The process that leads the group.
    pub group_leader: Option<Arc<Thread>>,
    /// The parent process; the chain ends where nothing is known. [`ANCESTORS_MAX`] are looked at; whoever makes events
    /// of what others wrote keeps no longer chain than that.
    pub parent: Parent,
    /// The container it is in; none on the node itself, or where that is not known.
    pub container: Option<Arc<Container>>,
    /// Whether it is known that it runs on the node itself: `container.id` is `host`.
    pub is_on_host: bool,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its name.
    pub name: Option<Bytes>,
    /// Its home.
    pub home: Option<Bytes>,
    /// Its shell.
    pub shell: Option<Bytes>,
}

/// A group of users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Its number.
    pub gid: u32,
    /// Its name.
    pub name: Option<Bytes>,
}

/// What is known of the file of a program: `true` where it is so, `false` where it is not or not known.
#[expect(clippy::struct_excessive_bools, reason = "they are four fields of rules, independent of each other")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExeTraits {
    /// The process's user may write it.
    pub is_writable: bool,
    /// It is in the upper layer of an overlay: it was changed since the container began.
    pub is_upper_layer: bool,
    /// It is in a lower layer of an overlay.
    pub is_lower_layer: bool,
    /// It is in memory alone.
    pub is_memfd: bool,
}

/// The file of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExeFile {
    /// Its inode.
    pub inode: u64,
    /// When its inode was changed last, in nanoseconds since 1970.
    pub ctime_ns: u64,
    /// When it was written last, in nanoseconds since 1970.
    pub mtime_ns: u64,
    /// What is known of it besides.
    pub traits: ExeTraits,
}

/// A container, and the pod around it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// The whole id; fields show the first twelve digits.
    pub id: String,
    /// `containerd`, `cri-o`, `docker`, ..
    pub runtime: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The image, as it was asked for.
    pub image: Option<String>,
    /// The image without tag and digest.
    pub repository: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<String>,
    /// The id of the image on the node.
    pub image_id: Option<String>,
    /// Whether it is privileged.
    pub is_privileged: Option<bool>,
    /// Whether it shares the node's namespaces: processes, network, IPC.
    pub shares: Option<[bool; 3]>,
    /// Its first address.
    pub ip: Option<String>,
    /// When it began, in nanoseconds since 1970.
    pub started_ns: Option<u64>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// Its pod.
    pub pod: Option<Pod>,
    /// What else is known, by the names of fields: `container.cni.json`, `k8smeta.deployment.name`, `k8smeta.ns.label[team]`, ..
    pub more: Vec<(String, String)>,
}

/// A mount of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it comes from.
    pub source: String,
    /// Where it appears.
    pub destination: String,
    /// Its options.
    pub mode: String,
    /// Whether it can be written.
    pub is_writable: bool,
    /// How it is propagated.
    pub propagation: String,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Its name.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its uid in Kubernetes.
    pub uid: Option<String>,
    /// The whole id of its sandbox.
    pub sandbox_id: Option<String>,
    /// Its first address.
    pub ip: Option<String>,
    /// Its labels.
    pub labels: Vec<(String, String)>,
}

/// What a descriptor stands for: `fd.type`, with a letter each: `fd.typechar`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DescriptorType {
    /// Not known.
    #[default]
    Unknown,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A socket over IPv4.
    Ipv4,
    /// A socket over IPv6.
    Ipv6,
    /// A socket on the same machine.
    Unix,
    /// A pipe.
    Pipe,
    /// A counter: `eventfd`.
    Event,
    /// Signals: `signalfd`.
    Signal,
    /// Waits for descriptors: `epoll`.
    Eventpoll,
    /// Tells of changed files: `inotify`.
    Inotify,
    /// A timer.
    Timer,
    /// A socket to the kernel.
    Netlink,
    /// A file in memory.
    Memfd,
    /// A BPF object.
    Bpf,
    /// Page faults: `userfaultfd`.
    Userfault,
    /// Rings of `io_uring`.
    IoUring,
    /// A process.
    Pidfd,
}

/// Types, letters and names of descriptors, in the order of the types.
const DESCRIPTOR_TYPES: [(DescriptorType, &str, &str); DescriptorType::COUNT] = [
    (DescriptorType::Unknown, "o", "<NA>"),
    (DescriptorType::File, "f", "file"),
    (DescriptorType::Directory, "d", "directory"),
    (DescriptorType::Ipv4, "4", "ipv4"),
    (DescriptorType::Ipv6, "6", "ipv6"),
    (DescriptorType::Unix, "u", "unix"),
    (DescriptorType::Pipe, "p", "pipe"),
    (DescriptorType::Event, "e", "event"),
    (DescriptorType::Signal, "s", "signalfd"),
    (DescriptorType::Eventpoll, "l", "eventpoll"),
    (DescriptorType::Inotify, "i", "inotify"),
    (DescriptorType::Timer, "t", "timerfd"),
    (DescriptorType::Netlink, "n", "netlink"),
    (DescriptorType::Memfd, "m", "memfd"),
    (DescriptorType::Bpf, "b", "bpf"),
    (DescriptorType::Userfault, "u", "userfaultfd"),
    (DescriptorType::IoUring, "r", "io_uring"),
    (DescriptorType::Pidfd, "P", "pidfd"),
];

impl DescriptorType {
    /// How many types there are.
    pub(crate) const COUNT: usize = 18;

    /// The type of a code in bytes; a code of a later version is a type that is not known.
    fn from_code(code: u8) -> Self {
        DESCRIPTOR_TYPES.get(usize::from(code)).map(|(kind, ..)| *kind).unwrap_or_default()
    }

    /// All types, in the order of their codes.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        DESCRIPTOR_TYPES.iter().map(|(kind, ..)| *kind)
    }

    /// `fd.typechar`.
    pub fn letter(self) -> &'static str {
        DESCRIPTOR_TYPES.get(self as usize).map_or("o", |(_, letter, _)| letter)
    }

    /// `fd.type`.
    pub fn name(self) -> &'static str {
        DESCRIPTOR_TYPES.get(self as usize).map_or("<NA>", |(.., name)| name)
    }

    /// The type of a name: `fd.type`.
    pub fn find(name: &str) -> Option<Self> {
        DESCRIPTOR_TYPES.iter().find(|(.., known)| *known == name).map(|(kind, ..)| *kind)
    }
}

/// Whether two texts are the same; for tables that the compiler makes.
#[expect(clippy::indexing_slicing, reason = "the lengths are the same; it is for the compiler")]
const fn same_text(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The place of a type of events in [`NAMES`]; for tables that the compiler makes, which refuses a name that is not there.
#[expect(clippy::indexing_slicing, clippy::panic, reason = "it is for the compiler alone")]
const fn place_of(name: &str) -> usize {
    let mut place = 0;
    while place < NAMES.len() {
        if same_text(NAMES[place], name) {
            return place;
        }
        place += 1;
    }
    panic!("no such type of events")
}

/// A descriptor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Descriptor {
    /// Its number.
    pub number: Option<i64>,
    /// What it stands for.
    pub kind: DescriptorType,
    /// The path, or the name of the socket: `fd.name`; made of the ends of a socket where nothing stands here.
    pub name: Option<Bytes>,
    /// The path as the call was given it: `fd.nameraw`.
    pub raw_name: Option<Bytes>,
    /// The device.
    pub device: Option<u32>,
    /// The inode.
    pub inode: Option<u64>,
    /// The reference's bits (`PPM_O_*`) of how it was opened.
    pub open_flags: Option<u32>,
    /// Whether it is in the upper layer of an overlay.
    pub is_upper_layer: bool,
    /// Whether it is in a lower layer of an overlay.
    pub is_lower_layer: bool,
    /// Both ends, of a socket.
    pub socket: Option<Socket>,
    /// Whether the event gave it another name.
    pub is_name_changed: bool,
}

/// The ends of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Socket {
    /// `tcp`, `udp`, `icmp`, `raw`; none where it is not known.
    pub protocol: Option<&'static str>,
    /// The end that began, and its port.
    pub client: Option<(IpAddr, u16)>,
    /// The end that was there, and its port.
    pub server: Option<(IpAddr, u16)>,
    /// Whether the process is the server.
    pub is_server: Option<bool>,
    /// Whether both ends are connected.
    pub is_connected: bool,
    /// Whether the addresses of client and server are of this machine, where that is known: `fd.is_server` and which end is
    /// the one here follow from it, and from [`is_server`](Self::is_server) where it is not.
    pub are_own: Option<[bool; 2]>,
    /// The names of client and server, where they are known without asking anybody.
    pub names: [Option<String>; 2],
}

#[cfg(test)]
mod tests;
