//! What is to be done with events of each type: found once by the type's name, then by its number.

use super::super::event::Event;
use super::super::table::{self, Row};
use super::{Scene, State};
use crate::event_types;
use crate::record::DescriptorType;

/// Takes an event into the state.
type Action = fn(&mut State, &mut Scene<'_>);

/// What is to be done with events of a type.
#[expect(clippy::struct_excessive_bools, reason = "they are facts, independent of each other")]
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The place of the type in [`NAMES`](event_types::NAMES); none for calls that are known by a number.
    pub(super) event_type: Option<usize>,
    /// Its first argument is what the call gave back.
    has_outcome: bool,
    /// The place of the argument that says which descriptor the call is about.
    descriptor: Option<u8>,
    /// It is about the thread that caused it.
    pub(super) has_thread: bool,
    /// That thread is put into the table where it is not in it.
    pub(super) makes_thread: bool,
    /// It is the beginning of a call, and no event that rules see.
    pub(super) is_beginning: bool,
    /// It tells of a container or a user, and where it stands before all others, of one that was there already.
    pub(super) tells_of_before: bool,
    pub(super) action: Action,
}

/// The kinds of all types, by their numbers.
pub(super) struct Kinds {
    kinds: Vec<Kind>,
    /// The places of the types of all calls, by the reference's numbers of them.
    calls: Vec<usize>,
}

impl Default for Kinds {
    fn default() -> Self {
        let rows = (0..=u16::MAX).map_while(|number| Some((number, table::find(number)?)));
        let place = |number| event_types::find(table::call(number).unwrap_or(NO_CALL).as_bytes());
        Self {
            kinds: rows.map(|(number, row)| Kind::of(number, row)).collect(),
            calls: (0..table::calls()).map(|number| place(number).unwrap_or_default()).collect(),
        }
    }
}

/// What a call without a known number is called.
const NO_CALL: &str = "NA";

impl Kinds {
    pub(super) fn get(&self, number: u16) -> Kind {
        self.kinds.get(usize::from(number)).copied().unwrap_or(Kind {
            event_type: Some(0),
            has_outcome: false,
            descriptor: None,
            has_thread: false,
            makes_thread: false,
            is_beginning: false,
            tells_of_before: false,
            action: nothing,
        })
    }

    /// The type of an event that a call has of which the sensor knew no more than the number.
    pub(super) fn generic_call(&self, event: &Event<'_>) -> usize {
        // A call that the reference had no number of when the capture was made is known by the kernel's.
        let number = match event.unsigned("ID").filter(|number| *number != 0) {
            Some(number) => Some(number),
            None => event.unsigned("nativeID").and_then(table::native_call),
        };
        let known = number.and_then(|number| self.calls.get(usize::try_from(number).ok()?)).copied();
        known.unwrap_or_else(|| event_types::find(NO_CALL.as_bytes()).unwrap_or_default())
    }
}

impl Kind {
    /// What the call gave back.
    pub(super) fn outcome(&self, event: &Event<'_>) -> Option<i64> {
        event.at(0).filter(|_| self.has_outcome).map(|bytes| event.order.signed(bytes))
    }

    /// The number of the descriptor that the call is about.
    pub(super) fn descriptor(&self, event: &Event<'_>) -> Option<i64> {
        event.at(usize::from(self.descriptor?)).map(|bytes| event.order.signed(bytes))
    }

    fn of(number: u16, row: &Row) -> Self {
        let name = row.name;
        let tells_of_before = matches!(
            name,
            "container" | "useradded" | "userdeleted" | "groupadded" | "groupdeleted" | "asyncevent"
        );
        let is_of_machine = row.is(table::APART) || tells_of_before || name == "pluginevent";
        let is_birth = matches!(name, "clone" | "fork" | "vfork" | "clone3");
        // What happens to a thread or to the machine has no end.
        let is_call = table::find(number | 1).is_some_and(|end| end.name == name && !end.is(table::UNUSED));
        Self {
            event_type: (name != "syscall").then(|| event_types::find(name.as_bytes()).unwrap_or_default()),
            has_outcome: row.parameters.first().is_some_and(|(first, _)| matches!(*first, "res" | "fd"))
                && !table::is_beginning(number),
            descriptor: row.descriptor().and_then(|place| u8::try_from(place).ok()),
            has_thread: !is_of_machine || name == "procinfo",
            makes_thread: !is_of_machine && !is_birth && !matches!(name, "procexit" | "switch"),
            is_beginning: table::is_beginning(number) && is_call,
            tells_of_before,
            action: action(name),
        }
    }
}

fn nothing(_: &mut State, _: &mut Scene<'_>) {}

/// What an event of a type changes.
fn action(name: &str) -> Action {
    match name {
        "clone" | "fork" | "vfork" | "clone3" => State::birth,
        "execve" | "execveat" => State::program,
        "procexit" => |state, scene| state.end(scene),
        "switch" => |state, scene| state.switch(scene),
        "open" | "openat" | "openat2" | "creat" | "open_by_handle_at" => State::open_file,
        "read" | "readv" | "pread" | "preadv" | "recv" | "recvfrom" | "recvmsg" | "recvmmsg" => {
            |state, scene| state.transfer(scene, true)
        }
        "write" | "writev" | "pwrite" | "pwritev" | "send" | "sendto" | "sendmsg" | "sendmmsg" => {
            |state, scene| state.transfer(scene, false)
        }
        "socket" => State::socket,
        "bind" => |state, scene| state.bind(scene),
        "connect" => State::connect,
        "accept" | "accept4" => State::accept,
        "socketpair" => State::socketpair,
        "pipe" | "pipe2" => State::pipe,
        "close" => |state, scene| state.close(scene),
        "close_range" => |state, scene| state.close_range(scene),
        "dup" | "dup2" | "dup3" => State::duplicate,
        "fcntl" => State::control,
        "pidfd_getfd" => State::take_descriptor,
        "useradded" | "userdeleted" | "groupadded" | "groupdeleted" => {
            |state, scene| state.account(scene.event)
        }
        "container" => |state, scene| state.container(scene.event),
        "asyncevent" => |state, scene| state.container_event(scene.event),
        "chdir" | "getcwd" | "fchdir" | "brk" | "mmap" | "mmap2" | "munmap" | "setsid" | "setpgid"
        | "setresuid" | "setreuid" | "setuid" | "setresgid" | "setregid" | "setgid" | "capset"
        | "unshare" | "setns" | "prctl" | "getrlimit" | "setrlimit" | "prlimit" => {
            |state, scene| state.change_thread(scene)
        }
        name => anonymous(name),
    }
}

/// What a call makes that opens no file.
fn anonymous(call: &str) -> Action {
    match call {
        "eventfd" | "eventfd2" => |state, scene| state.open_anonymous(scene, DescriptorType::Event),
        "signalfd" | "signalfd4" => |state, scene| state.open_anonymous(scene, DescriptorType::Signal),
        "timerfd_create" => |state, scene| state.open_anonymous(scene, DescriptorType::Timer),
        "inotify_init" | "inotify_init1" => {
            |state, scene| state.open_anonymous(scene, DescriptorType::Inotify)
        }
        "bpf" => |state, scene| state.open_anonymous(scene, DescriptorType::Bpf),
        "userfaultfd" => |state, scene| state.open_anonymous(scene, DescriptorType::Userfault),
        "io_uring_setup" => |state, scene| state.open_anonymous(scene, DescriptorType::IoUring),
        "epoll_create" | "epoll_create1" => {
            |state, scene| state.open_anonymous(scene, DescriptorType::Eventpoll)
        }
        "memfd_create" => |state, scene| state.open_anonymous(scene, DescriptorType::Memfd),
        "pidfd_open" => |state, scene| state.open_anonymous(scene, DescriptorType::Pidfd),
        _ => nothing,
    }
}
