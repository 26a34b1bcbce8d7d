//! The types of events that a condition can hold for: what rules are indexed by, and what the kernel is asked for
//! (`filter/ppm_codes.cpp`).
//!
//! Negation is pushed down to the checks. A check of the type is a set of types; one of something else is all types,
//! negated or not.

use std::collections::HashMap;
use std::sync::Arc;

use super::condition::{Check, Demand, Expression, Macro, Operand, Part, Right};
use super::operator::Operator;

/// A rule that looks at more types than these is worth a warning.
pub const MANY: usize = 100;

/// The names of all types of events, in their order.
#[rustfmt::skip]
pub const NAMES: [&str; 465] = [
    "NA", "_newselect", "_sysctl", "accept", "accept4", "access", "acct", "add_key", "adjtimex", "alarm", "arch_prctl",
    "asyncevent", "bdflush", "bind", "bpf", "brk", "cachestat", "capget", "capset", "chdir", "chmod", "chown", "chroot",
    "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep", "clock_settime", "clone", "clone3", "close",
    "close_range", "connect", "container", "copy_file_range", "cpu_hotplug", "creat", "create_module", "delete_module",
    "drop", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait",
    "epoll_pwait2", "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fanotify_init", "fanotify_mark", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fdatasync", "fgetxattr", "file_getattr", "file_setattr",
    "finit_module", "flistxattr", "flock", "fork", "fremovexattr", "fsconfig", "fsetxattr", "fsmount", "fsopen",
    "fspick", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "futex", "futex_requeue",
    "futex_wait", "futex_waitv", "futex_wake", "futimesat", "get_kernel_syms", "get_mempolicy", "get_robust_list",
    "get_thread_area", "getcpu", "getcwd", "getdents", "getdents64", "getegid", "geteuid", "getgid", "getgroups",
    "getitimer", "getpeername", "getpgid", "getpgrp", "getpid", "getpmsg", "getppid", "getpriority", "getrandom",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getsockname", "getsockopt", "gettid", "gettimeofday",
    "getuid", "getxattr", "getxattrat", "groupadded", "groupdeleted", "idle", "infra", "init_module",
    "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
    "io_pgetevents", "io_setup", "io_submit", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioctl",
    "ioperm", "iopl", "ioprio_get", "ioprio_set", "ipc", "k8s", "kcmp", "kexec_file_load", "kexec_load", "keyctl",
    "kill", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "lchown", "lgetxattr", "link",
    "linkat", "listen", "listmount", "listns", "listxattr", "listxattrat", "llistxattr", "llseek", "lookup_dcookie",
    "lremovexattr", "lseek", "lsetxattr", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "lstat",
    "lstat64", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create", "memfd_secret", "mesos",
    "migrate_pages", "mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock", "mlock2", "mlockall", "mmap", "mmap2",
    "modify_ldt", "mount", "mount_setattr", "move_mount", "move_pages", "mprotect", "mq_getsetattr", "mq_notify",
    "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv",
    "msgsnd", "msync", "multiplexer", "munlock", "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat",
    "nfsservctl", "nice", "notification", "oldfstat", "oldlstat", "oldolduname", "oldstat", "olduname", "open",
    "open_by_handle_at", "open_tree", "open_tree_attr", "openat", "openat2", "page_fault", "pause", "pciconfig_iobase",
    "pciconfig_read", "pciconfig_write", "perf_event_open", "personality", "pidfd_getfd", "pidfd_open",
    "pidfd_send_signal", "pipe", "pipe2", "pivot_root", "pkey_alloc", "pkey_free", "pkey_mprotect", "pluginevent",
    "poll", "ppoll", "prctl", "pread", "preadv", "preadv2", "prlimit", "process_madvise", "process_mrelease",
    "process_vm_readv", "process_vm_writev", "procexit", "procinfo", "pselect6", "ptrace", "pwrite", "pwritev",
    "pwritev2", "query_module", "quotactl", "quotactl_fd", "read", "readahead", "readdir", "readlink", "readlinkat",
    "readv", "reboot", "recv", "recvfrom", "recvmmsg", "recvmsg", "remap_file_pages", "removexattr", "removexattrat",
    "rename", "renameat", "renameat2", "request_key", "restart_syscall", "riscv_flush_icache", "riscv_hwprobe", "rmdir",
    "rseq", "rseq_slice_yield", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "rtas", "s390_guarded_storage", "s390_pci_mmio_read",
    "s390_pci_mmio_write", "s390_runtime_instr", "s390_sthyi", "scapevent", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler",
    "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
    "sched_yield", "seccomp", "select", "semctl", "semget", "semop", "semtimedop", "send", "sendfile", "sendmmsg",
    "sendmsg", "sendto", "set_mempolicy", "set_mempolicy_home_node", "set_robust_list", "set_thread_area",
    "set_tid_address", "setdomainname", "setfsgid", "setfsuid", "setgid", "setgroups", "sethostname", "setitimer",
    "setns", "setpgid", "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid",
    "setsockopt", "settimeofday", "setuid", "setxattr", "setxattrat", "sgetmask", "shmat", "shmctl", "shmdt", "shmget",
    "shutdown", "sigaction", "sigaltstack", "signal", "signaldeliver", "signalfd", "signalfd4", "sigpending",
    "sigprocmask", "sigreturn", "sigsuspend", "socket", "socketcall", "socketpair", "splice", "spu_create", "spu_run",
    "ssetmask", "stat", "stat64", "statfs", "statfs64", "statmount", "statx", "stime", "subpage_prot", "swapcontext",
    "swapoff", "swapon", "switch", "switch_endian", "symlink", "symlinkat", "sync", "sync_file_range",
    "sync_file_range2", "syncfs", "sys_debug_setcontext", "sysfs", "sysinfo", "syslog", "task", "task_file_anon_inode",
    "task_file_directory", "task_file_memfd", "task_file_pipe", "task_file_regular", "task_file_socket_inet",
    "task_file_socket_inet6", "task_file_socket_netlink", "task_file_socket_unix", "tee", "tgkill", "time",
    "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "times", "tkill", "tracer", "truncate", "umask", "umount", "umount2", "uname",
    "unlink", "unlinkat", "unshare", "uprobe", "uretprobe", "uselib", "useradded", "userdeleted", "userfaultfd",
    "ustat", "utime", "utimensat", "utimes", "vfork", "vhangup", "vm86", "vmsplice", "wait4", "waitid", "waitpid",
    "write", "writev",
];

const WORDS: usize = NAMES.len().div_ceil(64);

/// A set of types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTypes([u64; WORDS]);

/// The place of a name in [`NAMES`].
pub fn find(name: &[u8]) -> Option<usize> {
    NAMES.binary_search_by(|known| known.as_bytes().cmp(name)).ok()
}

impl EventTypes {
    /// No type.
    pub const NONE: Self = Self([0; WORDS]);

    /// All types.
    pub fn all() -> Self {
        let mut all = Self::NONE;
        for place in 0..NAMES.len() {
            all.insert(place);
        }
        all
    }

    fn insert(&mut self, place: usize) {
        if let Some(word) = self.0.get_mut(place / 64) {
            *word |= 1 << (place % 64);
        }
    }

    /// Whether the type at a place of [`NAMES`] is in the set.
    pub fn contains(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// How many types there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The places of the types in [`NAMES`].
    pub fn places(&self) -> impl Iterator<Item = usize> {
        (0..NAMES.len()).filter(|place| self.contains(*place))
    }

    /// The names of the types.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(|(place, _)| self.contains(*place)).map(|(_, name)| *name)
    }

    fn combine(mut self, other: Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word = combine(*word, other);
        }
        self
    }

    /// Whether all of them are in another set.
    pub fn is_within(&self, other: &Self) -> bool {
        self.without(*other) == Self::NONE
    }

    fn without(self, other: Self) -> Self {
        self.combine(other, |word, other| word & !other)
    }
}

/// The types of events that a condition can hold for.
pub fn of(condition: &Expression) -> EventTypes {
    Search::default().part(Part::whole(condition))
}

/// What was found for macros, where they hold and where they do not.
#[derive(Default)]
struct Search {
    macros: HashMap<(*const Macro, bool), EventTypes>,
}

impl Search {
    fn part(&mut self, part: Part<'_>) -> EventTypes {
        match part.demand() {
            Demand::All(parts) => parts.fold(EventTypes::all(), |all, part| {
                all.combine(self.part(part), |left, right| left & right)
            }),
            Demand::Any(parts) => parts
                .fold(EventTypes::NONE, |any, part| any.combine(self.part(part), |left, right| left | right)),
            Demand::Macro(shared, body) => {
                let key = (Arc::as_ptr(shared), body.holds);
                if let Some(known) = self.macros.get(&key) {
                    return *known;
                }
                let types = self.part(body);
                self.macros.insert(key, types);
                types
            }
            Demand::Check(check, holds) => decided(check, holds).unwrap_or_else(EventTypes::all),
            Demand::Name => EventTypes::all(),
        }
    }
}

/// The types for which a check is looked at, or its negation, where it is about the type alone; `None` where it is about
/// something else.
fn decided(check: &Check, holds: bool) -> Option<EventTypes> {
    let holding = holding(check)?;
    // What is no call has no `syscall.type`: of that every check fails, whatever it says.
    if !holds && matches!(&check.left, Operand::Field(field) if field.name == "syscall.type") {
        return None;
    }
    let mut types = if holds { holding } else { EventTypes::all().without(holding) };
    if (check.comparison.operator == Operator::NotEqual) == holds {
        return Some(types);
    }
    // The calls of old captures are called `accept`, whichever of the two they are.
    let accepting = [find(b"accept"), find(b"accept4")];
    if accepting.iter().flatten().any(|place| types.contains(*place)) {
        accepting.into_iter().flatten().for_each(|place| types.insert(place));
    }
    Some(types)
}

/// The types for which a check holds, where it is about the type alone; `None` where it is about something else.
pub(super) fn holding(check: &Check) -> Option<EventTypes> {
    let Operand::Field(field) = &check.left else { return None };
    let is_type = matches!(field.name.as_str(), "evt.type" | "syscall.type");
    if !is_type || field.argument.is_some() || check.comparison.modifier.is_some() {
        return None;
    }
    let mut types = EventTypes::NONE;
    match (check.comparison.operator, &check.right) {
        (Operator::Exists, _) => return Some(EventTypes::all()),
        (Operator::NotEqual, Right::Value(name)) => {
            types.extend([name.as_slice()]);
            return Some(EventTypes::all().without(types));
        }
        (Operator::Equal | Operator::DoubleEqual | Operator::In, Right::Value(name)) => {
            types.extend([name.as_slice()]);
        }
        (Operator::In, Right::List(names)) => types.extend(names.iter().map(Vec::as_slice)),
        _ => return None,
    }
    Some(types)
}

impl<'n> Extend<&'n [u8]> for EventTypes {
    fn extend<I: IntoIterator<Item = &'n [u8]>>(&mut self, names: I) {
        for place in names.into_iter().filter_map(find) {
            self.insert(place);
        }
    }
}
