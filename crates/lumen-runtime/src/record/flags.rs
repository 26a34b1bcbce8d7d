//! The names of bits in arguments, as the reference prints them (`flags_table.c`): those by which files are opened, and a
//! few sets more that people write.

/// The file may be read.
pub const OPEN_READ: u64 = 1 << 0;
/// The file may be written.
pub const OPEN_WRITE: u64 = 1 << 1;
/// The file is made where there is none.
pub const OPEN_CREATE: u64 = 1 << 2;
/// A file without a name is made in the folder.
pub const OPEN_UNNAMED: u64 = 1 << 13;
/// The call made the file.
pub const OPEN_CREATED: u64 = 1 << 14;

/// Bits, or numbers, and their names, in the order in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    rows: &'static [(&'static str, u64)],
    is_enumeration: bool,
}

impl Names {
    /// The names of bits with `|` between them; of a number, all of its names. Bits without a name are not shown.
    pub fn text(&self, bits: u64) -> String {
        let mut left = bits;
        let mut names = Vec::new();
        for (name, value) in self.rows {
            let fits = match (self.is_enumeration, *value) {
                (true, value) => value == bits,
                (false, 0) => bits == 0,
                (false, value) => left & value == value,
            };
            if fits {
                names.push(*name);
                left &= !value;
            }
        }
        names.join("|")
    }

    /// The bits of names with `|` between them, or of a number; nothing where a name is not known.
    pub fn bits(&self, text: &str) -> Option<u64> {
        text.split('|').filter(|name| !name.is_empty()).try_fold(0, |bits, name| {
            let named = self.rows.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            Some(bits | named.or_else(|| number(name))?)
        })
    }
}

/// A number in decimal, or in hexadecimal behind `0x`.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The bits of `O_RDONLY|O_CLOEXEC`, as the argument `flags` of calls that open files has them; nothing where a name is not
/// known.
pub fn open_bits(text: &str) -> Option<u64> {
    OPEN.bits(text)
}

/// The names of the bits of the argument `flags` of calls that open files.
pub fn open_text(bits: u64) -> String {
    OPEN.text(bits)
}

const fn bits(rows: &'static [(&'static str, u64)]) -> Names {
    Names { rows, is_enumeration: false }
}

const fn enumeration(rows: &'static [(&'static str, u64)]) -> Names {
    Names { rows, is_enumeration: true }
}

/// How a file is opened.
#[rustfmt::skip]
pub const OPEN: Names = bits(&[
    ("O_LARGEFILE", 0x800), ("O_DIRECTORY", 0x400), ("O_DIRECT", 0x200), ("O_TRUNC", 0x100), ("O_SYNC", 0x80),
    ("O_NONBLOCK", 0x40), ("O_EXCL", 0x20), ("O_DSYNC", 0x10), ("O_APPEND", 8), ("O_CREAT", 4), ("O_RDWR", 3),
    ("O_WRONLY", 2), ("O_RDONLY", 1), ("O_CLOEXEC", 0x1000), ("O_NONE", 0), ("O_TMPFILE", 0x2000),
    ("O_F_CREATED", 0x4000), ("FD_UPPER_LAYER", 0x8000), ("FD_LOWER_LAYER", 0x0001_0000),
]);

/// How a process is made, and which namespaces are left.
#[rustfmt::skip]
pub const CLONE: Names = bits(&[
    ("CLONE_FILES", 1), ("CLONE_FS", 2), ("CLONE_IO", 4), ("CLONE_NEWIPC", 8), ("CLONE_NEWNET", 0x10),
    ("CLONE_NEWNS", 0x20), ("CLONE_NEWPID", 0x40), ("CLONE_NEWUTS", 0x80), ("CLONE_PARENT", 0x100),
    ("CLONE_PARENT_SETTID", 0x200), ("CLONE_PTRACE", 0x400), ("CLONE_SIGHAND", 0x800), ("CLONE_SYSVSEM", 0x1000),
    ("CLONE_THREAD", 0x2000), ("CLONE_UNTRACED", 0x4000), ("CLONE_VM", 0x8000), ("CLONE_INVERTED", 0x0001_0000),
    ("NAME_CHANGED", 0x0002_0000), ("CLOSED", 0x0004_0000), ("CLONE_NEWUSER", 0x0010_0000), ("CLONE_CHILD_CLEARTID", 0x0080_0000),
    ("CLONE_CHILD_SETTID", 0x0100_0000), ("CLONE_SETTLS", 0x0200_0000), ("CLONE_STOPPED", 0x0400_0000),
    ("CLONE_VFORK", 0x0800_0000), ("CLONE_NEWCGROUP", 0x1000_0000), ("CLONE_CHILD_IN_PIDNS", 0x2000_0000),
]);

/// The families of sockets.
#[rustfmt::skip]
pub const FAMILY: Names = enumeration(&[
    ("AF_NFC", 39), ("AF_ALG", 38), ("AF_CAIF", 37), ("AF_IEEE802154", 36), ("AF_PHONET", 35), ("AF_ISDN", 34),
    ("AF_RXRPC", 33), ("AF_IUCV", 32), ("AF_BLUETOOTH", 31), ("AF_TIPC", 30), ("AF_CAN", 29), ("AF_LLC", 26),
    ("AF_WANPIPE", 25), ("AF_PPPOX", 24), ("AF_IRDA", 23), ("AF_SNA", 22), ("AF_RDS", 21), ("AF_ATMSVC", 20),
    ("AF_ECONET", 19), ("AF_ASH", 18), ("AF_PACKET", 17), ("AF_ROUTE", 16), ("AF_NETLINK", 16), ("AF_KEY", 15),
    ("AF_SECURITY", 14), ("AF_NETBEUI", 13), ("AF_DECnet", 12), ("AF_ROSE", 11), ("AF_INET6", 10), ("AF_X25", 9),
    ("AF_ATMPVC", 8), ("AF_BRIDGE", 7), ("AF_NETROM", 6), ("AF_APPLETALK", 5), ("AF_IPX", 4), ("AF_AX25", 3),
    ("AF_INET", 2), ("AF_LOCAL", 1), ("AF_UNIX", 1), ("AF_UNSPEC", 0),
]);

/// What a file may be used for.
#[rustfmt::skip]
pub const MODE: Names = bits(&[
    ("S_IXOTH", 0o1), ("S_IWOTH", 0o2), ("S_IROTH", 0o4), ("S_IXGRP", 0o10), ("S_IWGRP", 0o20), ("S_IRGRP", 0o40),
    ("S_IXUSR", 0o100), ("S_IWUSR", 0o200), ("S_IRUSR", 0o400), ("S_ISVTX", 0o1000), ("S_ISGID", 0o2000),
    ("S_ISUID", 0o4000),
]);

/// What is asked of `ptrace`.
#[rustfmt::skip]
pub const PTRACE: Names = enumeration(&[
    ("PTRACE_SINGLEBLOCK", 38), ("PTRACE_SYSEMU_SINGLESTEP", 37), ("PTRACE_SYSEMU", 36), ("PTRACE_ARCH_PRCTL", 35),
    ("PTRACE_SET_THREAD_AREA", 34), ("PTRACE_GET_THREAD_AREA", 33), ("PTRACE_OLDSETOPTIONS", 32),
    ("PTRACE_SETFPXREGS", 31), ("PTRACE_GETFPXREGS", 30), ("PTRACE_SETFPREGS", 29), ("PTRACE_GETFPREGS", 28),
    ("PTRACE_SETREGS", 27), ("PTRACE_GETREGS", 26), ("PTRACE_SETSIGMASK", 25), ("PTRACE_GETSIGMASK", 24),
    ("PTRACE_PEEKSIGINFO", 23), ("PTRACE_LISTEN", 22), ("PTRACE_INTERRUPT", 21), ("PTRACE_SEIZE", 20),
    ("PTRACE_SETREGSET", 19), ("PTRACE_GETREGSET", 18), ("PTRACE_SETSIGINFO", 17), ("PTRACE_GETSIGINFO", 16),
    ("PTRACE_GETEVENTMSG", 15), ("PTRACE_SETOPTIONS", 14), ("PTRACE_SYSCALL", 13), ("PTRACE_DETACH", 12),
    ("PTRACE_ATTACH", 11), ("PTRACE_SINGLESTEP", 10), ("PTRACE_KILL", 9), ("PTRACE_CONT", 8), ("PTRACE_POKEUSR", 7),
    ("PTRACE_POKEDATA", 6), ("PTRACE_POKETEXT", 5), ("PTRACE_PEEKUSR", 4), ("PTRACE_PEEKDATA", 3),
    ("PTRACE_PEEKTEXT", 2), ("PTRACE_TRACEME", 1), ("PTRACE_UNKNOWN", 0),
]);

/// What is asked of `bpf`.
#[rustfmt::skip]
pub const BPF: Names = enumeration(&[
    ("BPF_MAP_CREATE", 0), ("BPF_MAP_LOOKUP_ELEM", 1), ("BPF_MAP_UPDATE_ELEM", 2), ("BPF_MAP_DELETE_ELEM", 3),
    ("BPF_MAP_GET_NEXT_KEY", 4), ("BPF_PROG_LOAD", 5), ("BPF_OBJ_PIN", 6), ("BPF_OBJ_GET", 7), ("BPF_PROG_ATTACH", 8),
    ("BPF_PROG_DETACH", 9), ("BPF_PROG_TEST_RUN", 10), ("BPF_PROG_RUN", 10), ("BPF_PROG_GET_NEXT_ID", 11),
    ("BPF_MAP_GET_NEXT_ID", 12), ("BPF_PROG_GET_FD_BY_ID", 13), ("BPF_MAP_GET_FD_BY_ID", 14),
    ("BPF_OBJ_GET_INFO_BY_FD", 15), ("BPF_PROG_QUERY", 16), ("BPF_RAW_TRACEPOINT_OPEN", 17), ("BPF_BTF_LOAD", 18),
    ("BPF_BTF_GET_FD_BY_ID", 19), ("BPF_TASK_FD_QUERY", 20), ("BPF_MAP_LOOKUP_AND_DELETE_ELEM", 21),
    ("BPF_MAP_FREEZE", 22), ("BPF_BTF_GET_NEXT_ID", 23), ("BPF_MAP_LOOKUP_BATCH", 24),
    ("BPF_MAP_LOOKUP_AND_DELETE_BATCH", 25), ("BPF_MAP_UPDATE_BATCH", 26), ("BPF_MAP_DELETE_BATCH", 27),
    ("BPF_LINK_CREATE", 28), ("BPF_LINK_UPDATE", 29), ("BPF_LINK_GET_FD_BY_ID", 30), ("BPF_LINK_GET_NEXT_ID", 31),
    ("BPF_ENABLE_STATS", 32), ("BPF_ITER_CREATE", 33), ("BPF_LINK_DETACH", 34), ("BPF_PROG_BIND_MAP", 35),
]);

/// How something is removed.
#[rustfmt::skip]
pub const UNLINK: Names = bits(&[
    ("AT_REMOVEDIR", 0x200),
]);

/// How a file in memory is made.
#[rustfmt::skip]
pub const MEMFD: Names = bits(&[
    ("MFD_CLOEXEC", 1), ("MFD_ALLOW_SEALING", 2), ("MFD_HUGETLB", 4),
]);

/// What is so of the file of a program.
#[rustfmt::skip]
pub const EXECUTE: Names = bits(&[
    ("EXE_WRITABLE", 1), ("EXE_UPPER_LAYER", 2), ("EXE_FROM_MEMFD", 4), ("EXE_LOWER_LAYER", 8),
]);

/// The names of an argument of a type of events, where they are known here.
pub fn of(event_type: &str, argument: &str) -> Option<Names> {
    SETS.iter()
        .find(|(name, types, _)| *name == argument && types.contains(&event_type))
        .map(|(.., names)| *names)
}

/// Arguments, types of events, and the names that they have there.
const SETS: [(&str, &[&str], Names); 9] = [
    ("flags", &["open", "openat", "openat2", "open_by_handle_at"], OPEN),
    ("flags", &["clone", "clone3", "fork", "vfork", "unshare"], CLONE),
    ("flags", &["unlinkat"], UNLINK),
    ("flags", &["memfd_create"], MEMFD),
    ("flags", &["execve", "execveat"], EXECUTE),
    ("domain", &["socket", "socketpair"], FAMILY),
    ("mode", &["chmod", "fchmod", "fchmodat", "fchmodat2"], MODE),
    ("request", &["ptrace"], PTRACE),
    ("cmd", &["bpf"], BPF),
];

/// The names of capabilities, by their bits.
#[rustfmt::skip]
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
    "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
    "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
    "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
    "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
];

/// The names of capabilities, with a blank between two: `thread.cap_effective`.
pub fn capability_text(bits: u64) -> String {
    let names = CAPABILITIES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    names.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// The bits of capabilities by their names, with blanks between them; nothing where a name is not known.
pub fn capability_bits(text: &str) -> Option<u64> {
    text.split_whitespace().try_fold(0, |bits, name| {
        let bit = CAPABILITIES.iter().position(|known| *known == name)?;
        Some(bits | 1 << bit)
    })
}
