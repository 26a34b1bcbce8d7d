//! What is known of each type of events besides its name: what it is about, where it comes from, and what it does with a
//! descriptor (`event_table.c` of falcosecurity/libs). Calls without a row are those of which only the name is known.

use crate::event_types::NAMES;

/// What an event is about: `evt.category`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// Not known.
    Unknown,
    /// None of the others.
    Other,
    /// Files.
    File,
    /// Networks.
    Net,
    /// Other processes.
    Ipc,
    /// Memory.
    Memory,
    /// Processes.
    Process,
    /// Sleep.
    Sleep,
    /// The system.
    System,
    /// Signals.
    Signal,
    /// Users.
    User,
    /// Time.
    Time,
    /// Waiting.
    Wait,
    /// The scheduler.
    Scheduler,
    /// The source of the events.
    Internal,
    /// Reads from what its descriptor stands for.
    Read,
    /// Writes to it.
    Write,
    /// Does something else with it.
    Io,
}

/// Where an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The end of a call.
    Call,
    /// A place in the kernel that is no call.
    Tracepoint,
    /// The source of the events.
    Meta,
    /// A plugin.
    Plugin,
    /// A list of what was there at the start.
    Iterator,
}

const NOTHING: u8 = 0;
/// It makes, uses or closes a descriptor.
const DESCRIPTOR: u8 = 1;
/// It reads from it.
const READS: u8 = 2;
/// It writes to it.
const WRITES: u8 = 4;
/// It may wait.
const WAITS: u8 = 8;

/// It opens a file by flags.
const OPENS: u8 = 16;

/// What is known of a type of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    name: &'static str,
    /// What it is about.
    pub(super) category: Category,
    /// Where it comes from.
    pub(super) origin: Origin,
    bits: u8,
}

impl Facts {
    /// Whether it makes, uses or closes a descriptor.
    pub(super) fn has_descriptor(self) -> bool {
        self.bits & DESCRIPTOR != 0
    }

    /// Whether it reads from a descriptor.
    pub(super) fn reads(self) -> bool {
        self.bits & READS != 0
    }

    /// Whether it writes to a descriptor.
    pub(super) fn writes(self) -> bool {
        self.bits & WRITES != 0
    }

    /// Whether it may wait.
    pub(super) fn waits(self) -> bool {
        self.bits & WAITS != 0
    }

    /// Whether it opens a file by flags.
    pub(super) fn opens(self) -> bool {
        self.bits & OPENS != 0
    }

    /// Whether it is the end of a call.
    pub(super) fn is_call(self) -> bool {
        matches!(self.origin, Origin::Call)
    }
}

/// What is known of a type, by its place in [`NAMES`]; of one that is not there, that it is a call.
pub(super) fn of(place: usize) -> Facts {
    BY_PLACE.get(place).copied().unwrap_or(CALL)
}

/// A call of which only the name is known.
pub(super) const CALL: Facts = row("", Category::Other, Origin::Call, NOTHING);

const fn row(name: &'static str, category: Category, origin: Origin, bits: u8) -> Facts {
    Facts { name, category, origin, bits }
}

/// The rows by the places of their types.
static BY_PLACE: [Facts; NAMES.len()] = by_place();

/// Both tables are in the order of names; a row for no type does not compile.
#[expect(
    clippy::indexing_slicing,
    reason = "it is computed by the compiler, which refuses a place that is not there"
)]
const fn by_place() -> [Facts; NAMES.len()] {
    let mut all = [CALL; NAMES.len()];
    let mut next = 0;
    let mut place = 0;
    while place < NAMES.len() {
        if next < ROWS.len() && super::same_text(NAMES[place], ROWS[next].name) {
            all[place] = ROWS[next];
            next += 1;
        }
        place += 1;
    }
    assert!(next == ROWS.len(), "a row is out of order, or for no type of events");
    all
}

#[rustfmt::skip]
const ROWS: [Facts; 192] = [
    row("NA", Category::Unknown, Origin::Call, NOTHING),
    row("accept", Category::Net, Origin::Call, DESCRIPTOR),
    row("accept4", Category::Net, Origin::Call, DESCRIPTOR),
    row("access", Category::File, Origin::Call, NOTHING),
    row("asyncevent", Category::Other, Origin::Meta, NOTHING),
    row("bind", Category::Net, Origin::Call, DESCRIPTOR),
    row("bpf", Category::Other, Origin::Call, DESCRIPTOR),
    row("brk", Category::Memory, Origin::Call, NOTHING),
    row("capset", Category::Process, Origin::Call, NOTHING),
    row("chdir", Category::File, Origin::Call, NOTHING),
    row("chmod", Category::File, Origin::Call, NOTHING),
    row("chown", Category::File, Origin::Call, NOTHING),
    row("chroot", Category::Process, Origin::Call, NOTHING),
    row("clone", Category::Process, Origin::Call, NOTHING),
    row("clone3", Category::Process, Origin::Call, NOTHING),
    row("close", Category::Io, Origin::Call, DESCRIPTOR),
    row("close_range", Category::Io, Origin::Call, NOTHING),
    row("connect", Category::Net, Origin::Call, DESCRIPTOR),
    row("container", Category::Process, Origin::Meta, NOTHING),
    row("copy_file_range", Category::File, Origin::Call, DESCRIPTOR | READS | WRITES),
    row("cpu_hotplug", Category::System, Origin::Meta, NOTHING),
    row("creat", Category::File, Origin::Call, DESCRIPTOR),
    row("delete_module", Category::Other, Origin::Call, NOTHING),
    row("drop", Category::Internal, Origin::Meta, NOTHING),
    row("dup", Category::Io, Origin::Call, DESCRIPTOR),
    row("dup2", Category::Io, Origin::Call, DESCRIPTOR),
    row("dup3", Category::Io, Origin::Call, DESCRIPTOR),
    row("epoll_create", Category::Wait, Origin::Call, DESCRIPTOR),
    row("epoll_create1", Category::Wait, Origin::Call, DESCRIPTOR),
    row("epoll_wait", Category::Wait, Origin::Call, WAITS),
    row("eventfd", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("eventfd2", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("execve", Category::Process, Origin::Call, NOTHING),
    row("execveat", Category::Process, Origin::Call, NOTHING),
    row("fchdir", Category::File, Origin::Call, DESCRIPTOR),
    row("fchmod", Category::File, Origin::Call, DESCRIPTOR),
    row("fchmodat", Category::File, Origin::Call, DESCRIPTOR),
    row("fchown", Category::File, Origin::Call, DESCRIPTOR),
    row("fchownat", Category::File, Origin::Call, DESCRIPTOR),
    row("fcntl", Category::Io, Origin::Call, DESCRIPTOR),
    row("finit_module", Category::Other, Origin::Call, DESCRIPTOR | READS),
    row("flock", Category::File, Origin::Call, DESCRIPTOR),
    row("fork", Category::Process, Origin::Call, NOTHING),
    row("fsconfig", Category::System, Origin::Call, DESCRIPTOR),
    row("fstat", Category::File, Origin::Call, DESCRIPTOR),
    row("fstat64", Category::File, Origin::Call, NOTHING),
    row("futex", Category::Ipc, Origin::Call, NOTHING),
    row("getcwd", Category::File, Origin::Call, NOTHING),
    row("getdents", Category::File, Origin::Call, DESCRIPTOR),
    row("getdents64", Category::File, Origin::Call, DESCRIPTOR),
    row("getegid", Category::User, Origin::Call, NOTHING),
    row("geteuid", Category::User, Origin::Call, NOTHING),
    row("getgid", Category::User, Origin::Call, NOTHING),
    row("getpeername", Category::Net, Origin::Call, NOTHING),
    row("getresgid", Category::User, Origin::Call, NOTHING),
    row("getresuid", Category::User, Origin::Call, NOTHING),
    row("getrlimit", Category::Process, Origin::Call, NOTHING),
    row("getsockname", Category::Net, Origin::Call, NOTHING),
    row("getsockopt", Category::Net, Origin::Call, DESCRIPTOR),
    row("getuid", Category::User, Origin::Call, NOTHING),
    row("groupadded", Category::Process, Origin::Meta, NOTHING),
    row("groupdeleted", Category::Process, Origin::Meta, NOTHING),
    row("infra", Category::Internal, Origin::Meta, NOTHING),
    row("init_module", Category::Other, Origin::Call, NOTHING),
    row("inotify_init", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("inotify_init1", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("io_uring_enter", Category::Io, Origin::Call, DESCRIPTOR),
    row("io_uring_register", Category::Io, Origin::Call, DESCRIPTOR),
    row("io_uring_setup", Category::Io, Origin::Call, DESCRIPTOR),
    row("ioctl", Category::Io, Origin::Call, DESCRIPTOR),
    row("k8s", Category::Internal, Origin::Meta, NOTHING),
    row("keyctl", Category::Other, Origin::Call, NOTHING),
    row("kill", Category::Signal, Origin::Call, NOTHING),
    row("lchown", Category::File, Origin::Call, NOTHING),
    row("link", Category::File, Origin::Call, NOTHING),
    row("linkat", Category::File, Origin::Call, NOTHING),
    row("listen", Category::Net, Origin::Call, DESCRIPTOR),
    row("llseek", Category::File, Origin::Call, DESCRIPTOR),
    row("lseek", Category::File, Origin::Call, DESCRIPTOR),
    row("lstat", Category::File, Origin::Call, NOTHING),
    row("lstat64", Category::File, Origin::Call, NOTHING),
    row("memfd_create", Category::Memory, Origin::Call, DESCRIPTOR),
    row("mesos", Category::Internal, Origin::Meta, NOTHING),
    row("mkdir", Category::File, Origin::Call, NOTHING),
    row("mkdirat", Category::File, Origin::Call, DESCRIPTOR),
    row("mknod", Category::Other, Origin::Call, NOTHING),
    row("mknodat", Category::Other, Origin::Call, DESCRIPTOR),
    row("mlock", Category::Memory, Origin::Call, NOTHING),
    row("mlock2", Category::Memory, Origin::Call, NOTHING),
    row("mlockall", Category::Memory, Origin::Call, NOTHING),
    row("mmap", Category::Memory, Origin::Call, DESCRIPTOR),
    row("mmap2", Category::Memory, Origin::Call, DESCRIPTOR),
    row("mount", Category::File, Origin::Call, NOTHING),
    row("mprotect", Category::Memory, Origin::Call, NOTHING),
    row("munlock", Category::Memory, Origin::Call, NOTHING),
    row("munlockall", Category::Memory, Origin::Call, NOTHING),
    row("munmap", Category::Memory, Origin::Call, NOTHING),
    row("nanosleep", Category::Sleep, Origin::Call, WAITS),
    row("newfstatat", Category::File, Origin::Call, DESCRIPTOR),
    row("notification", Category::Other, Origin::Meta, NOTHING),
    row("open", Category::File, Origin::Call, DESCRIPTOR | OPENS),
    row("open_by_handle_at", Category::File, Origin::Call, DESCRIPTOR | OPENS),
    row("openat", Category::File, Origin::Call, DESCRIPTOR | OPENS),
    row("openat2", Category::File, Origin::Call, DESCRIPTOR | OPENS),
    row("page_fault", Category::Other, Origin::Tracepoint, NOTHING),
    row("pidfd_getfd", Category::Process, Origin::Call, DESCRIPTOR),
    row("pidfd_open", Category::Process, Origin::Call, DESCRIPTOR),
    row("pipe", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("pipe2", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("pluginevent", Category::Other, Origin::Plugin, NOTHING),
    row("poll", Category::Wait, Origin::Call, WAITS),
    row("ppoll", Category::Wait, Origin::Call, WAITS),
    row("prctl", Category::Process, Origin::Call, NOTHING),
    row("pread", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("preadv", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("prlimit", Category::Process, Origin::Call, NOTHING),
    row("process_vm_readv", Category::Ipc, Origin::Call, NOTHING),
    row("process_vm_writev", Category::Ipc, Origin::Call, NOTHING),
    row("procexit", Category::Process, Origin::Tracepoint, NOTHING),
    row("procinfo", Category::Internal, Origin::Meta, NOTHING),
    row("ptrace", Category::Process, Origin::Call, NOTHING),
    row("pwrite", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("pwritev", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("quotactl", Category::User, Origin::Call, NOTHING),
    row("read", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("readv", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("recv", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("recvfrom", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("recvmmsg", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("recvmsg", Category::Read, Origin::Call, DESCRIPTOR | READS),
    row("rename", Category::File, Origin::Call, NOTHING),
    row("renameat", Category::File, Origin::Call, NOTHING),
    row("renameat2", Category::File, Origin::Call, NOTHING),
    row("rmdir", Category::File, Origin::Call, NOTHING),
    row("scapevent", Category::Internal, Origin::Meta, NOTHING),
    row("seccomp", Category::Other, Origin::Call, NOTHING),
    row("select", Category::Wait, Origin::Call, WAITS),
    row("semctl", Category::Process, Origin::Call, NOTHING),
    row("semget", Category::Process, Origin::Call, NOTHING),
    row("semop", Category::Process, Origin::Call, NOTHING),
    row("send", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("sendfile", Category::Write, Origin::Call, DESCRIPTOR),
    row("sendmmsg", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("sendmsg", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("sendto", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("setgid", Category::User, Origin::Call, NOTHING),
    row("setns", Category::Process, Origin::Call, DESCRIPTOR),
    row("setpgid", Category::Process, Origin::Call, NOTHING),
    row("setregid", Category::User, Origin::Call, NOTHING),
    row("setresgid", Category::User, Origin::Call, NOTHING),
    row("setresuid", Category::User, Origin::Call, NOTHING),
    row("setreuid", Category::User, Origin::Call, NOTHING),
    row("setrlimit", Category::Process, Origin::Call, NOTHING),
    row("setsid", Category::Process, Origin::Call, NOTHING),
    row("setsockopt", Category::Net, Origin::Call, DESCRIPTOR),
    row("setuid", Category::User, Origin::Call, NOTHING),
    row("shutdown", Category::Net, Origin::Call, DESCRIPTOR),
    row("signaldeliver", Category::Signal, Origin::Tracepoint, NOTHING),
    row("signalfd", Category::Signal, Origin::Call, DESCRIPTOR),
    row("signalfd4", Category::Signal, Origin::Call, DESCRIPTOR),
    row("socket", Category::Net, Origin::Call, DESCRIPTOR),
    row("socketpair", Category::Ipc, Origin::Call, DESCRIPTOR),
    row("splice", Category::Io, Origin::Call, DESCRIPTOR),
    row("stat", Category::File, Origin::Call, NOTHING),
    row("stat64", Category::File, Origin::Call, NOTHING),
    row("switch", Category::Scheduler, Origin::Tracepoint, NOTHING),
    row("symlink", Category::File, Origin::Call, NOTHING),
    row("symlinkat", Category::File, Origin::Call, DESCRIPTOR),
    row("task", Category::Process, Origin::Iterator, NOTHING),
    row("task_file_anon_inode", Category::File, Origin::Iterator, NOTHING),
    row("task_file_directory", Category::File, Origin::Iterator, NOTHING),
    row("task_file_memfd", Category::File, Origin::Iterator, NOTHING),
    row("task_file_pipe", Category::File, Origin::Iterator, NOTHING),
    row("task_file_regular", Category::File, Origin::Iterator, NOTHING),
    row("task_file_socket_inet", Category::File, Origin::Iterator, NOTHING),
    row("task_file_socket_inet6", Category::File, Origin::Iterator, NOTHING),
    row("task_file_socket_netlink", Category::File, Origin::Iterator, NOTHING),
    row("task_file_socket_unix", Category::File, Origin::Iterator, NOTHING),
    row("tgkill", Category::Signal, Origin::Call, NOTHING),
    row("timerfd_create", Category::Time, Origin::Call, DESCRIPTOR),
    row("tkill", Category::Signal, Origin::Call, NOTHING),
    row("umount", Category::File, Origin::Call, NOTHING),
    row("umount2", Category::File, Origin::Call, NOTHING),
    row("unlink", Category::File, Origin::Call, NOTHING),
    row("unlinkat", Category::File, Origin::Call, DESCRIPTOR),
    row("unshare", Category::Process, Origin::Call, NOTHING),
    row("useradded", Category::Process, Origin::Meta, NOTHING),
    row("userdeleted", Category::Process, Origin::Meta, NOTHING),
    row("userfaultfd", Category::File, Origin::Call, DESCRIPTOR),
    row("vfork", Category::Process, Origin::Call, NOTHING),
    row("write", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
    row("writev", Category::Write, Origin::Call, DESCRIPTOR | WRITES),
];
