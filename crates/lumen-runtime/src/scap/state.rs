//! What is known of the machine while a capture is read: threads, what they have open, users, containers.
//!
//! It follows the reference's parsers (`libsinsp/parsers.cpp`): each event changes the state, and is then seen in it.

mod births;
mod calls;
mod containers;
mod defaults;
mod files;
mod kinds;
mod link;
mod path;
mod sockets;
mod threads;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use foldhash::HashMap;

use super::arguments;
use super::beginnings::{Beginning, Beginnings};
use super::event::Event;
use super::lists::{Account, Interface, Open, Process, What};
use super::socket::End;
use crate::record::{Container, Descriptor, DescriptorType, Group, Recorded, User};
use files::{File, Known, Protocol, Role};
use threads::{Slot, Threads};

/// Most users, and most groups.
const ACCOUNTS: usize = 262_144;
/// The longest name of a user, home, or shell, in bytes.
const ACCOUNT_BYTES: usize = 256;
/// Most addresses of the machine.
const INTERFACES: usize = 4_096;

/// The bit of a thread of which its process's descriptors are its own.
const SHARES_FILES: u32 = 1;
/// The bit of a thread that is none of its own process.
const IS_THREAD: u32 = 1 << 13;

/// What is known of the machine.
#[derive(Default)]
pub(super) struct State {
    kinds: kinds::Kinds,
    threads: Threads,
    linked: link::Cache,
    beginnings: Beginnings,
    users: HashMap<u32, User>,
    groups: HashMap<u32, Group>,
    interfaces: Vec<Interface>,
    containers: HashMap<String, Arc<Container>>,
    /// The bytes of what describes them.
    description_bytes: usize,
    /// When the machine was started, in nanoseconds since 1970.
    pub(super) boot_ns: u64,
    /// There was an event: the lists are over.
    is_running: bool,
    /// There was one that does not only tell of what was there before.
    is_begun: bool,
    /// What the last event ended: it is taken away when the next comes, so that the last can still be seen.
    ended: Option<Ended>,
}

enum Ended {
    Thread(i64, Option<i64>),
    Descriptor(i64, i64),
}

/// What becomes of an event.
pub(super) enum Applied {
    /// It is none that rules see.
    Nothing,
    /// Nobody looks at events of its type, which is at this place of their names.
    Passed(usize),
    /// It is one that rules see.
    Seen(Box<Recorded>),
}

/// An event, and what of the state it is about.
struct Scene<'a> {
    event: &'a Event<'a>,
    /// Somebody looks at it: what only they see is to be found out.
    is_seen: bool,
    /// The beginning of the call, where the capture has it.
    beginning: Option<Beginning>,
    /// The thread is in the table.
    tid: Option<i64>,
    outcome: Option<i64>,
    /// The number of the descriptor that the event is about.
    number: Option<i64>,
    name_before: Option<Vec<u8>>,
}

impl Scene<'_> {
    /// The outcome of a call that went well.
    fn success(&self) -> Option<i64> {
        self.outcome.filter(|outcome| *outcome >= 0)
    }
}

impl State {
    pub(super) fn add_process(&mut self, process: Process) {
        let Process { mut thread, usage, flags } = process;
        thread.cwd = thread.cwd.map(|folder| path::folder(b"", &folder));
        self.name_container(&mut thread);
        let mut slot = Slot { usage, ..Slot::new(thread) };
        slot.shares_files = flags & (SHARES_FILES | IS_THREAD) != 0;
        self.threads.insert(slot);
    }

    pub(super) fn add_descriptor(&mut self, tid: i64, open: Open) {
        let Open { number, inode, what, name } = open;
        let mut file = File { name, inode: Some(inode), ..File::default() };
        match what {
            What::Named(kind) => file.kind = kind,
            What::File(flags, device) => {
                file.kind = DescriptorType::File;
                (file.flags, file.device) = (flags, device);
            }
            What::Unix => {
                file.kind = DescriptorType::Unix;
                file.is_socket = true;
                file.role = if file.name.is_empty() { Role::Client } else { Role::Server };
            }
            What::Listening(end, protocol) => {
                file.listen(end);
                file.role = Role::Unknown;
                file.protocol = Protocol::of_list(protocol);
            }
            What::Connection(ends, protocol) => {
                file.protocol = Protocol::of_list(protocol);
                file.is_connected = file.protocol == Protocol::Tcp;
                file.set_ends(ends);
                self.complete(&mut file);
                if let Known::Both(ends) = file.known {
                    file.name = super::socket::Ends::Internet(ends).print();
                }
            }
        }
        self.threads.open(tid, number, file);
    }

    pub(super) fn add_interface(&mut self, interface: Interface) {
        if self.interfaces.len() < INTERFACES {
            self.interfaces.push(interface);
        }
    }

    pub(super) fn add_account(&mut self, account: Account) {
        match account {
            Account::User(mut user) if self.users.len() < ACCOUNTS => {
                for text in [&mut user.name, &mut user.home, &mut user.shell].into_iter().flatten() {
                    text.truncate(ACCOUNT_BYTES);
                }
                self.users.insert(user.uid, user);
                self.threads.touch();
            }
            Account::Group(mut group) if self.groups.len() < ACCOUNTS => {
                if let Some(name) = &mut group.name {
                    name.truncate(ACCOUNT_BYTES);
                }
                self.groups.insert(group.gid, group);
                self.threads.touch();
            }
            _ => {}
        }
    }

    /// Sockets of the list whose ports something waits at are of servers: there the other end began.
    fn finish_lists(&mut self) {
        let numbers = self.threads.numbers();
        let mut ports = BTreeSet::new();
        for tid in &numbers {
            let files = self.threads.get(*tid).into_iter().flat_map(|slot| slot.files.iter());
            ports.extend(files.filter_map(|(_, file)| match file.known {
                Known::Listening((IpAddr::V4(_), port)) => Some(port),
                _ => None,
            }));
        }
        for tid in numbers {
            let files = self.threads.get(tid).map(|slot| slot.files.clone()).unwrap_or_default();
            for (number, file) in files.iter().filter(|(_, file)| file.kind == DescriptorType::Ipv4) {
                let Known::Both([(_, port), _]) = file.known else { continue };
                let is_server = ports.contains(&port);
                self.threads.change_file(tid, number, |file| {
                    file.role = if is_server { Role::Server } else { Role::Client };
                    if is_server {
                        file.swap_ends();
                        if let Known::Both(ends) = file.known {
                            file.name = super::socket::Ends::Internet(ends).print();
                        }
                    }
                });
            }
        }
    }

    /// Gives an end that is not known an address of the machine: `sinsp_network_interfaces::update_fd`.
    fn complete(&self, file: &mut File) {
        let Known::Both([source, destination]) = file.known else { return };
        if !source.0.is_unspecified() && !destination.0.is_unspecified() {
            return;
        }
        let is_source = source.0.is_unspecified();
        let other: End = if is_source { destination } else { source };
        let address = self.own_address(other.0);
        if address == other.0 && source.1 == destination.1 {
            return;
        }
        file.known = Known::Both(if is_source {
            [(address, source.1), destination]
        } else {
            [source, (address, destination.1)]
        });
    }

    /// The machine's address from which another is seen.
    fn own_address(&self, other: IpAddr) -> IpAddr {
        match other {
            IpAddr::V4(other) => {
                let own = || {
                    self.interfaces.iter().filter_map(|interface| match *interface {
                        Interface::V4 { address, mask } => Some((address, mask)),
                        Interface::V6(_) => None,
                    })
                };
                let is_near =
                    |(address, mask): &(Ipv4Addr, u32)| u32::from(*address) & mask == u32::from(other) & mask;
                let found = own().find(|(address, _)| *address == other).or_else(|| own().find(is_near));
                let found = found.or_else(|| own().find(|(address, _)| *address != Ipv4Addr::LOCALHOST));
                IpAddr::V4(found.map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| address))
            }
            IpAddr::V6(other) => {
                let own = || {
                    self.interfaces.iter().filter_map(|interface| match *interface {
                        Interface::V6(address) => Some(address),
                        Interface::V4 { .. } => None,
                    })
                };
                let is_near = |address: &Ipv6Addr| address.segments().get(..4) == other.segments().get(..4);
                let found = own().find(|address| *address == other).or_else(|| own().find(is_near));
                let found = found.or_else(|| own().find(|address| *address != Ipv6Addr::LOCALHOST));
                IpAddr::V6(found.unwrap_or(Ipv6Addr::UNSPECIFIED))
            }
        }
    }

    /// Whether an address is one of the machine, as a thread sees it: `is_ipv4addr_in_local_machine` and the same of IPv6.
    fn is_own(&self, address: IpAddr, tid: i64) -> bool {
        let container = self.threads.get(tid).and_then(|slot| self.container_of(&slot.thread));
        let is_of_container =
            |container: &Container| container.ip.as_deref().is_some_and(|ip| ip.parse() == Ok(address));
        match (address, container) {
            (IpAddr::V6(_), Some(_)) => false,
            (IpAddr::V4(_), Some(container)) if container.ip.is_none() => {
                self.containers.values().any(|container| is_of_container(container))
            }
            (IpAddr::V4(_), Some(container)) if is_of_container(&container) => true,
            _ => self.interfaces.iter().any(|interface| match (*interface, address) {
                (Interface::V4 { address: own, .. }, IpAddr::V4(address)) => own == address,
                (Interface::V6(own), IpAddr::V6(address)) => {
                    own.segments().get(..4) == address.segments().get(..4)
                }
                _ => false,
            }),
        }
    }

    /// Takes an event into the state; the event as rules see it, but for the beginnings of calls, and for what tells of
    /// containers and users that were there before the first other event: that goes with the lists, as the reference has it.
    ///
    /// Of an event of a type that nobody looks at only that is found out by which it changes the state.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        number: u64,
        is_looked_at: impl Fn(usize) -> bool,
    ) -> Applied {
        if !self.is_running {
            self.is_running = true;
            self.finish_lists();
        }
        self.take_away(event.time_ns);
        let kind = self.kinds.get(event.number);
        let event_type = kind.event_type.unwrap_or_else(|| self.kinds.generic_call(event));
        let mut scene = self.set(event, kind, is_looked_at(event_type));
        if kind.is_beginning {
            self.keep_beginning(event);
            return Applied::Nothing;
        }
        (kind.action)(self, &mut scene);
        self.is_begun |= !kind.tells_of_before;
        let applied = if !self.is_begun {
            Applied::Nothing
        } else if scene.is_seen {
            Applied::Seen(Box::new(self.record(&scene, event_type, number)))
        } else {
            Applied::Passed(event_type)
        };
        if let Some(beginning) = scene.beginning {
            self.beginnings.give_back(beginning);
        }
        applied
    }

    fn take_away(&mut self, time_ns: u64) {
        match self.ended.take() {
            Some(Ended::Thread(tid, reaper)) => {
                self.threads.remember(tid, time_ns);
                self.threads.remove(tid, reaper);
            }
            Some(Ended::Descriptor(tid, number)) => self.threads.close(tid, number),
            None => {}
        }
    }

    /// Finds out what of the state an event is about.
    fn set<'a>(&mut self, event: &'a Event<'a>, kind: kinds::Kind, is_seen: bool) -> Scene<'a> {
        let is_known = if kind.makes_thread {
            self.threads.make_unknown(event.tid)
        } else {
            kind.has_thread && self.threads.get(event.tid).is_some()
        };
        let tid = is_known.then_some(event.tid);
        let mut scene = Scene {
            event,
            is_seen,
            beginning: None,
            tid,
            outcome: kind.outcome(event),
            number: None,
            name_before: None,
        };
        if event.is_beginning() {
            return scene;
        }
        if tid.is_none() {
            return scene;
        }
        let is_of = |beginning: &Beginning| {
            u32::from(beginning.number) + 1 == u32::from(event.number)
                || (beginning.row.name == "execveat" && event.row.name == "execve")
        };
        scene.beginning = self.beginnings.take(event.tid).filter(is_of);
        scene.number = kind.descriptor(event);
        if is_seen {
            scene.name_before = scene
                .number
                .and_then(|number| self.threads.file(event.tid, number))
                .map(|file| file.name.clone());
        }
        scene
    }

    fn keep_beginning(&mut self, event: &Event<'_>) {
        // Where the first is not known, none is.
        let is_empty = event.at(0).is_none();
        let keeps = !is_empty || matches!(event.row.name, "execveat" | "connect");
        if keeps && self.threads.get(event.tid).is_some() {
            self.beginnings.keep(event);
        } else {
            self.beginnings.forget(event.tid);
        }
    }

    /// The event as rules see it.
    fn record(&mut self, scene: &Scene<'_>, event_type: usize, number: u64) -> Recorded {
        let event = scene.event;
        let arguments = arguments::arguments(event, &arguments::Surroundings { state: self, tid: scene.tid });
        let descriptor = self.descriptor(scene);
        let usage = scene.tid.map(|tid| self.threads.usage(tid)).unwrap_or_default();
        let thread = scene.tid.and_then(|tid| self.link(tid));
        Recorded {
            number,
            event_type,
            time_ns: event.time_ns,
            cpu: event.cpu,
            result: scene.outcome,
            latency_ns: None,
            arguments,
            thread,
            descriptor,
            usage,
        }
    }

    fn descriptor(&self, scene: &Scene<'_>) -> Option<Descriptor> {
        let number = scene.number?;
        let described = scene.tid.and_then(|tid| self.threads.file(tid, number)).map(|file| {
            // A new one had no name before.
            let is_name_changed = scene.name_before.as_deref().unwrap_or_default() != file.name;
            let ends = match file.known {
                Known::Both(ends) => Some(ends.map(|(address, _)| address)),
                Known::Nothing if file.kind == DescriptorType::Ipv6 => {
                    Some([Ipv6Addr::UNSPECIFIED.into(); 2])
                }
                Known::Nothing => Some([Ipv4Addr::UNSPECIFIED.into(); 2]),
                Known::Listening(_) => None,
            };
            let is_own = |address| scene.tid.is_some_and(|tid| self.is_own(address, tid));
            let are_own = ends.filter(|_| file.is_internet()).map(|ends| ends.map(is_own));
            let mut descriptor = file.describe(number, is_name_changed);
            if let Some(socket) = &mut descriptor.socket {
                socket.are_own = are_own;
            }
            descriptor
        });
        Some(described.unwrap_or_else(|| Descriptor { number: Some(number), ..Descriptor::default() }))
    }

    /// The name of a thread's program.
    pub(super) fn name_of(&self, tid: i64) -> Option<&[u8]> {
        self.threads.get(tid)?.thread.name.as_deref()
    }

    /// The letter and the name of a descriptor.
    pub(super) fn name_of_descriptor(&self, tid: i64, number: i64) -> Option<(u8, &[u8])> {
        self.threads
            .file(tid, number)
            .map(|file| (file.kind.letter().bytes().next().unwrap_or_default(), file.name.as_slice()))
    }

    pub(super) fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(&uid)
    }

    pub(super) fn group(&self, gid: u32) -> Option<&Group> {
        self.groups.get(&gid)
    }

    /// A path as seen from a folder: from where the thread is, or from what a descriptor stands for.
    pub(super) fn path(&self, tid: i64, folder: Option<i64>, path: &[u8]) -> Vec<u8> {
        let base = if path.starts_with(b"/") { Some(Vec::new()) } else { self.folder(tid, folder) };
        path::join(&base.unwrap_or_else(|| b"<UNKNOWN>".to_vec()), path)
    }

    /// The path of a folder, with a slash behind it.
    fn folder(&self, tid: i64, folder: Option<i64>) -> Option<Vec<u8>> {
        /// Stands for where the thread is.
        const HERE: i64 = -100;
        match folder {
            None | Some(HERE) => {
                Some(self.threads.main(tid)?.thread.cwd.clone().unwrap_or_else(|| b"./".to_vec()))
            }
            Some(number) => {
                let mut name = self.threads.file(tid, number)?.name.clone();
                if !name.is_empty() && !name.ends_with(b"/") {
                    name.push(b'/');
                }
                Some(name)
            }
        }
    }
}
