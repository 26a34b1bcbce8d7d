//! The numbers of the format of recordings, which `docs/recordings.md` describes: kinds of frames, places in them, bounds.

/// What a recording begins with.
pub const MAGIC: [u8; 8] = *b"lumenrec";
/// The version whose readers can read no other.
pub(super) const MAJOR: u16 = 1;
/// The version of what was added since.
pub(super) const MINOR: u16 = 0;
/// The bytes before the first frame: what it begins with, and both versions.
pub(super) const HEADER_BYTES: usize = 12;
/// The bytes before what a frame holds: its kind, and its length in three bytes.
pub(super) const FRAME_HEADER_BYTES: usize = 4;

/// Most bytes that a frame holds. A longer one cannot be skipped.
pub const FRAME_BYTES_MAX: usize = 1 << 20;
/// Most names of types and of arguments, each.
pub(super) const NAMES_MAX: usize = 4096;
/// Most bytes of a name.
pub(super) const NAME_BYTES_MAX: usize = 255;
/// Most snapshots that are known at a time.
pub(super) const SNAPSHOTS_MAX: usize = 16 << 10;
/// Most bytes of all of them.
pub(super) const SNAPSHOT_BYTES_MAX: usize = 48 << 20;
/// Room for the snapshots that one event may need, its parents and their containers.
pub(super) const SNAPSHOT_ROOM_BYTES: usize = 20 << 20;
/// Most bytes of a text in a snapshot or of a descriptor: those of a path.
pub(super) const TEXT_BYTES_MAX: usize = 4096;
/// Most bytes of all arguments of a command line, of an environment, of control groups, with the blanks between them.
pub(crate) const WORDS_BYTES_MAX: usize = 16 << 10;
/// Most of them.
pub(crate) const WORDS_MAX: usize = 1024;
/// Most bytes of all labels, of all mounts, of what else is known of a container.
pub(super) const PAIRS_BYTES_MAX: usize = 16 << 10;
/// Most parents of a process that are written and looked at, theirs with them, counted from the thread of the event.
pub const ANCESTORS_MAX: usize = 64;
/// Most arguments of an event.
pub(super) const ARGUMENTS_MAX: usize = 64;
/// Most bytes of the value of one.
pub(super) const VALUE_BYTES_MAX: usize = 64 << 10;
/// Most bytes of all of them.
pub(super) const VALUES_BYTES_MAX: usize = 512 << 10;

/// What a frame is.
pub(super) mod frame {
    /// What was said before is forgotten: names and snapshots.
    pub(in crate::record) const FORGET: u8 = 1;
    /// The name of a type of events.
    pub(in crate::record) const TYPE_NAME: u8 = 2;
    /// The name of an argument.
    pub(in crate::record) const ARGUMENT_NAME: u8 = 3;
    /// A thread.
    pub(in crate::record) const THREAD: u8 = 4;
    /// A container.
    pub(in crate::record) const CONTAINER: u8 = 5;
    /// An event.
    pub(in crate::record) const EVENT: u8 = 6;
}

/// Stands for no snapshot.
pub(super) const NO_SNAPSHOT: u32 = u32::MAX;

/// Places in a snapshot.
pub(super) mod snapshot {
    pub(in crate::record) const NUMBER_COUNT: usize = 0;
    pub(in crate::record) const TEXT_COUNT: usize = 2;
    pub(in crate::record) const FLAGS: usize = 4;
    pub(in crate::record) const NUMBERS_PRESENT: usize = 8;
    pub(in crate::record) const TEXTS_PRESENT: usize = 16;
    pub(in crate::record) const PARENT: usize = 24;
    pub(in crate::record) const CONTAINER: usize = 28;
    pub(in crate::record) const NUMBERS: usize = 32;
}

/// Places in an event.
pub(super) mod event {
    pub(in crate::record) const FIXED_BYTES: usize = 0;
    pub(in crate::record) const FLAGS: usize = 1;
    pub(in crate::record) const TYPE: usize = 2;
    pub(in crate::record) const CPU: usize = 4;
    pub(in crate::record) const ARGUMENT_COUNT: usize = 6;
    pub(in crate::record) const NUMBER: usize = 8;
    pub(in crate::record) const TIME: usize = 16;
    pub(in crate::record) const RESULT: usize = 24;
    pub(in crate::record) const LATENCY: usize = 32;
    pub(in crate::record) const THREAD: usize = 40;
    pub(in crate::record) const DESCRIPTOR_BYTES: usize = 44;
    /// Behind it are the numbers of what the process uses that are known, as the flags say, each in as few bytes as it needs:
    /// open descriptors, memory (all, resident, swapped out), page faults (major, minor).
    pub(in crate::record) const FIXED: usize = 48;
    /// The bytes of a row of the table of arguments: name in two, kind in one, end of the value in three.
    pub(in crate::record) const ROW: usize = 6;

    pub(in crate::record) const HAS_RESULT: u8 = 1;
    pub(in crate::record) const HAS_LATENCY: u8 = 2;
    pub(in crate::record) const HAS_DESCRIPTOR: u8 = 4;
    pub(in crate::record) const HAS_DESCRIPTORS_OPEN: u8 = 8;
    pub(in crate::record) const HAS_MEMORY: u8 = 16;
    pub(in crate::record) const HAS_PAGE_FAULTS: u8 = 32;
    /// What the process uses, in its order: the flag, and how many numbers it stands for.
    pub(in crate::record) const USAGE: [(u8, usize); 3] =
        [(HAS_DESCRIPTORS_OPEN, 1), (HAS_MEMORY, 3), (HAS_PAGE_FAULTS, 2)];
}

/// How the value of an argument is written.
pub(super) mod value {
    pub(in crate::record) const ABSENT: u8 = 0;
    pub(in crate::record) const SIGNED: u8 = 1;
    pub(in crate::record) const UNSIGNED: u8 = 2;
    pub(in crate::record) const HEXADECIMAL: u8 = 3;
    pub(in crate::record) const OCTAL: u8 = 4;
    pub(in crate::record) const TEXT: u8 = 5;
    pub(in crate::record) const BUFFER: u8 = 6;
    pub(in crate::record) const OUTCOME: u8 = 7;
    pub(in crate::record) const DESCRIPTOR: u8 = 8;
    pub(in crate::record) const PROCESS: u8 = 9;
    pub(in crate::record) const ACCOUNT: u8 = 10;
    pub(in crate::record) const NAMED: u8 = 11;
    /// A descriptor with the name of that of the event.
    pub(in crate::record) const OWN_DESCRIPTOR: u8 = 12;
    /// A text that is the path of the event's descriptor as the call was given it.
    pub(in crate::record) const OWN_RAW_NAME: u8 = 13;
}

/// Places in a descriptor.
pub(super) mod descriptor {
    pub(in crate::record) const FLAGS: usize = 0;
    pub(in crate::record) const KIND: usize = 2;
    pub(in crate::record) const PROTOCOL: usize = 3;
    pub(in crate::record) const NUMBER: usize = 4;
    pub(in crate::record) const INODE: usize = 12;
    pub(in crate::record) const DEVICE: usize = 20;
    // Four bytes of how it was opened, which no field shows.
    pub(in crate::record) const NAME_BYTES: usize = 28;
    pub(in crate::record) const RAW_NAME_BYTES: usize = 30;
    pub(in crate::record) const FIXED: usize = 32;

    pub(in crate::record) const HAS_NUMBER: u16 = 1;
    pub(in crate::record) const HAS_NAME: u16 = 2;
    pub(in crate::record) const HAS_RAW_NAME: u16 = 4;
    /// The path as the call was given it is the path; it is not written twice.
    pub(in crate::record) const RAW_NAME_IS_NAME: u16 = 8;
    pub(in crate::record) const HAS_DEVICE: u16 = 16;
    pub(in crate::record) const HAS_INODE: u16 = 32;
    pub(in crate::record) const HAS_OPEN_FLAGS: u16 = 64;
    pub(in crate::record) const IS_UPPER_LAYER: u16 = 128;
    pub(in crate::record) const IS_LOWER_LAYER: u16 = 256;
    pub(in crate::record) const IS_NAME_CHANGED: u16 = 512;
    pub(in crate::record) const HAS_SOCKET: u16 = 1024;
    pub(in crate::record) const IS_SERVER_KNOWN: u16 = 2048;
    pub(in crate::record) const IS_SERVER: u16 = 4096;
    pub(in crate::record) const IS_CONNECTED: u16 = 8192;
    pub(in crate::record) const HAS_CLIENT_NAME: u16 = 1 << 14;
    pub(in crate::record) const HAS_SERVER_NAME: u16 = 1 << 15;
}

/// What stands before the address of an end: zero where there is none.
pub(super) mod family {
    pub(in crate::record) const V4: u8 = 4;
    pub(in crate::record) const V6: u8 = 6;
    /// It is known that the address is of this machine.
    pub(in crate::record) const IS_OWN: u8 = 16;
    /// It is known that it is not.
    pub(in crate::record) const IS_OTHER: u8 = 32;
}

/// The protocols of sockets, by the numbers that stand for them; zero is one that is not known.
pub(super) const PROTOCOLS: [&str; 4] = ["tcp", "udp", "icmp", "raw"];

/// The numbers of a thread, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Number {
    Tid,
    Pid,
    ParentPid,
    Vtid,
    Vpid,
    ParentVpid,
    Group,
    NamespaceGroup,
    Session,
    LoginShell,
    Terminal,
    User,
    UserGroup,
    LoginUser,
    Permitted,
    Effective,
    Inheritable,
    ExeInode,
    ExeChanged,
    ExeWritten,
    Started,
    NamespaceStarted,
    DescriptorsMax,
    Children,
    Threads,
    /// How many bytes of the command line are the name.
    NameBytes,
}

/// How many of them there are.
pub(super) const NUMBER_COUNT: usize = Number::NameBytes as usize + 1;

/// The texts of a thread, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Text {
    /// The name and the arguments, a blank before each.
    CommandLine,
    Exe,
    ExePath,
    WorkingDirectory,
    UserName,
    UserHome,
    UserShell,
    GroupName,
    LoginName,
    /// The variables, a blank between two.
    Environment,
    /// `subsystem=path`, a blank between two.
    ControlGroups,
    InputName,
    OutputName,
    ErrorName,
    SessionName,
    SessionExe,
    SessionExePath,
    GroupLeaderName,
    GroupLeaderExe,
    GroupLeaderExePath,
    /// Where each argument ends, in four bytes, counted from the first byte of the first.
    ArgumentEnds,
    EnvironmentEnds,
    ControlGroupEnds,
    /// What standard input, output and error stand for, a byte each; 255 where that is not known.
    StandardTypes,
    /// What the open descriptors stand for, a byte each type.
    DescriptorTypes,
    /// The name of the process's first thread, where it is another.
    MainName,
}

/// How many of them there are.
pub(super) const TEXT_COUNT: usize = Text::MainName as usize + 1;

/// What is so of a thread.
pub(super) mod thread {
    pub(in crate::record) const IS_ON_HOST: u32 = 1;
    pub(in crate::record) const IS_EXE_WRITABLE: u32 = 2;
    pub(in crate::record) const IS_EXE_UPPER_LAYER: u32 = 4;
    pub(in crate::record) const IS_EXE_LOWER_LAYER: u32 = 8;
    pub(in crate::record) const IS_EXE_MEMFD: u32 = 16;
    /// The file of the program is known.
    pub(in crate::record) const HAS_EXE_FILE: u32 = 32;
}

/// The texts of a container, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ContainerText {
    Id,
    Runtime,
    Name,
    Image,
    Repository,
    Tag,
    Digest,
    ImageId,
    Ip,
    PodName,
    PodNamespace,
    PodUid,
    PodSandbox,
    PodIp,
    /// Pairs of texts, each behind its length in four bytes; as are the next.
    Labels,
    PodLabels,
    More,
    /// Source, destination, mode and propagation, each behind its length in four bytes, and a byte: one where it can be
    /// written.
    Mounts,
}

/// How many of them there are.
pub(super) const CONTAINER_TEXT_COUNT: usize = ContainerText::Mounts as usize + 1;

/// What is so of a container.
pub(super) mod container {
    pub(in crate::record) const IS_PRIVILEGED_KNOWN: u32 = 1;
    pub(in crate::record) const IS_PRIVILEGED: u32 = 2;
    pub(in crate::record) const SHARES_KNOWN: u32 = 4;
    /// The node's processes, its network and its IPC: this bit and the next two.
    pub(in crate::record) const SHARES_FIRST: u32 = 8;
    pub(in crate::record) const HAS_POD: u32 = 64;
}
