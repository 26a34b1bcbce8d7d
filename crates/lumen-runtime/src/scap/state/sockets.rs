//! Sockets: where they lead, and which end the process is.

use super::super::event::Event;
use super::super::parameters::Room;
use super::super::socket::{self, Address, End, Ends};
use super::files::{CLOSE_ON_EXEC, File, Known, Protocol, Role, kind_of};
use super::{Scene, State};
use crate::record::DescriptorType;

/// Families (`PPM_AF_*`).
const UNIX: u64 = 1;
const INET: u64 = 2;
const INET6: u64 = 10;
const NETLINK: u64 = 16;

/// `-EINPROGRESS`: the connection is being made.
const IN_PROGRESS: i64 = -115;

/// What a new socket is, from what the call was given.
fn new_socket(domain: u64, kind: u64, protocol: u64) -> File {
    const STREAM: u64 = 1;
    const DATAGRAM: u64 = 2;
    const RAW: u64 = 3;
    let mut file = File { is_socket: true, ..File::default() };
    file.kind = match domain {
        UNIX => DescriptorType::Unix,
        INET => DescriptorType::Ipv4,
        INET6 => DescriptorType::Ipv6,
        NETLINK => DescriptorType::Netlink,
        _ => DescriptorType::Unknown,
    };
    if file.is_internet() {
        file.protocol = match (protocol, kind & 0xff) {
            (1 | 6 | 17, RAW) | (255, _) => Protocol::Raw,
            (6, _) | (0, STREAM) => Protocol::Tcp,
            (17, _) | (0, DATAGRAM) => Protocol::Udp,
            (1, _) => Protocol::Icmp,
            _ => Protocol::Unknown,
        };
    } else {
        file.is_socket = file.kind != DescriptorType::Unknown;
    }
    file
}

impl State {
    pub(super) fn socket(&mut self, scene: &mut Scene<'_>) {
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        let given = |name| scene.event.unsigned(name).unwrap_or_default();
        let file = new_socket(given("domain"), given("type"), given("proto"));
        let is_closed_on_exec = given("type") & 0o2_000_000 != 0;
        self.open(
            scene,
            tid,
            number,
            File { flags: if is_closed_on_exec { CLOSE_ON_EXEC } else { 0 }, ..file },
        );
    }

    pub(super) fn bind(&mut self, scene: &Scene<'_>) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.number).filter(|_| scene.success().is_some()) else {
            return;
        };
        let Some(address) = event.bytes("addr").and_then(|bytes| socket::address(bytes, event.order)) else {
            return;
        };
        self.threads.change_file(tid, number, |file| match address {
            // A port is one to wait at.
            Address::Internet(end) if end.1 > 0 => file.listen(end),
            address => file.name_after(&address),
        });
    }

    pub(super) fn connect(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.number) else { return };
        if self.threads.file(tid, number).is_none()
            || scene.outcome.is_none_or(|outcome| outcome < 0 && outcome != IN_PROGRESS)
        {
            return;
        }
        let read = |bytes: &[u8]| socket::address(bytes, event.order);
        let beginning = scene.beginning.take();
        let asked = beginning
            .as_ref()
            .and_then(|beginning| read(beginning.event(&mut Room::default()).bytes("addr")?));
        let given = event.bytes("addr").and_then(read);
        let ends = event.bytes("tuple").map(|bytes| socket::ends(bytes, event.order));
        let is_connected = |file: &mut File| file.is_connected = true;
        self.threads.change_file(tid, number, is_connected);
        let Some(ends) = ends else {
            if let Some(asked) = asked {
                self.threads.change_file(tid, number, |file| connect_to(file, &asked));
            }
            return;
        };
        let Some(ends) = ends else { return };
        // Where the address is that which the call was given, memory may have changed since: the beginning knows better.
        let ends = match (ends, given, asked) {
            (Ends::Internet([source, destination]), Some(given), Some(Address::Internet(asked)))
                if given == Address::Internet(destination) =>
            {
                Ends::Internet([source, asked])
            }
            (Ends::Unix(source, destination, path), Some(given), Some(Address::Unix(asked)))
                if given == Address::Unix(path.clone()) =>
            {
                Ends::Unix(source, destination, asked)
            }
            (ends, _, _) => ends,
        };
        self.threads.change_file(tid, number, |file| connect_ends(file, &ends));
    }

    pub(super) fn accept(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some((tid, number)) = scene.tid.zip(scene.success()) else { return };
        scene.number = Some(number);
        let Some(ends) = event.bytes("tuple").and_then(|bytes| socket::ends(bytes, event.order)) else {
            return;
        };
        let mut file = File { is_socket: true, role: Role::Server, is_connected: true, ..File::default() };
        match &ends {
            Ends::Internet(both) => {
                file.set_ends(*both);
                file.protocol = Protocol::Tcp;
            }
            Ends::Unix(..) => file.kind = DescriptorType::Unix,
            Ends::Other(_) => return,
        }
        file.name = ends.print();
        if event.row.name == "accept4" {
            file.flags = event.u32("flags").unwrap_or_default() & CLOSE_ON_EXEC;
        }
        self.open(scene, tid, number, file);
    }

    pub(super) fn socketpair(&mut self, scene: &mut Scene<'_>) {
        let event = scene.event;
        let Some(tid) = scene.tid.filter(|_| scene.success().is_some()) else { return };
        let (Some(one), Some(other)) = (event.signed("fd1"), event.signed("fd2")) else { return };
        if one == other {
            return;
        }
        let file = File { kind: DescriptorType::Unix, is_socket: true, ..File::default() };
        self.threads.open(tid, other, file.clone());
        self.open(scene, tid, one, file);
    }

    /// The end of a call that reads or writes: sockets without a connection get their ends from it.
    pub(super) fn transfer(&mut self, scene: &mut Scene<'_>, is_incoming: bool) {
        let event = scene.event;
        let Some(tid) = scene.tid else { return };
        // Old captures told nothing of these.
        if matches!(event.row.name, "recvmmsg" | "sendmmsg") && event.at(0).is_none() {
            return;
        }
        let ends = event.bytes("tuple").and_then(|bytes| socket::ends(bytes, event.order));
        if matches!(event.row.name, "send" | "sendto" | "sendmsg") {
            self.guess_socket(scene, tid, ends.as_ref());
        }
        let Some(number) = scene.number else { return };
        let Some(file) = self.threads.file(tid, number).filter(|_| scene.success().is_some()) else { return };
        let is_named = !file.name.is_empty() && file.is_internet() && file.protocol == Protocol::Tcp;
        if !file.is_internet() && (ends.is_none() || is_named) {
            return;
        }
        let mut changed = File::clone(file);
        let is_new = file.is_internet() && !file.is_connected;
        changed.is_connected |= changed.is_internet();
        let is_changed = match ends.filter(|_| !is_named) {
            Some(ends) => self.update(tid, &mut changed, &ends, is_incoming),
            None => false,
        };
        if is_new || is_changed {
            self.threads.change_file(tid, number, |file| *file = changed);
        }
    }

    /// A socket that is sent from and was not seen before is taken for one of datagrams.
    fn guess_socket(&mut self, scene: &mut Scene<'_>, tid: i64, ends: Option<&Ends>) {
        let (Some(number), Some(Ends::Internet([source, _]))) = (scene.number, ends) else { return };
        if scene.success().is_some() && self.threads.file(tid, number).is_none() {
            let file =
                File { protocol: Protocol::Udp, is_socket: true, kind: kind_of(*source), ..File::default() };
            self.open(scene, tid, number, file);
        }
    }

    /// Gives a socket the ends of a message; false where it had them.
    fn update(&self, tid: i64, file: &mut File, ends: &Ends, is_incoming: bool) -> bool {
        let both = match ends {
            Ends::Unix(..) => {
                file.kind = DescriptorType::Unix;
                file.is_socket = true;
                file.name = ends.print();
                return true;
            }
            Ends::Other(_) => return false,
            Ends::Internet(both) => *both,
        };
        if !file.set_ends(both) {
            return false;
        }
        if file.protocol == Protocol::Unknown {
            file.protocol = Protocol::Udp;
        }
        self.complete(file);
        if file.role == Role::Unknown {
            file.role = self.guess_role(tid, file, is_incoming);
        }
        // The source of a message that comes in is the other end.
        if file.role == if is_incoming { Role::Client } else { Role::Server } {
            file.swap_ends();
        }
        file.name_after_ends();
        true
    }

    /// Which end a process is, from the ports that it has.
    fn guess_role(&self, tid: i64, file: &File, is_incoming: bool) -> Role {
        let Known::Both([(_, source), (_, destination)]) = file.known else { return Role::Unknown };
        let files =
            || self.threads.files(tid).into_iter().flat_map(|files| files.iter().map(|(_, file)| file));
        let is_bound = files().any(|file| match file.known {
            Known::Both([_, (address, port)]) | Known::Listening((address, port)) => {
                address.is_ipv4() && port == destination
            }
            Known::Nothing => false,
        });
        let is_used = || {
            files().any(|file| matches!(file.known, Known::Both([(address, port), _]) if address.is_ipv4() && port == source))
        };
        if !is_bound {
            return Role::Client;
        }
        // A server reads first, a client writes.
        if !is_used() || is_incoming { Role::Server } else { Role::Client }
    }

    /// `getsockopt` and others say that a socket is there; nothing is to be done.
    pub(super) fn open(&mut self, scene: &mut Scene<'_>, tid: i64, number: i64, file: File) {
        scene.number = Some(number);
        scene.name_before = Some(Vec::new());
        self.threads.open(tid, number, file);
    }
}

/// Gives a socket its other end where only that is known.
fn connect_to(file: &mut File, to: &Address) {
    match to {
        Address::Internet(end) => {
            let source: End = match file.known {
                Known::Both([source, _]) => source,
                _ => (
                    if end.0.is_ipv4() {
                        std::net::Ipv4Addr::UNSPECIFIED.into()
                    } else {
                        std::net::Ipv6Addr::UNSPECIFIED.into()
                    },
                    0,
                ),
            };
            file.set_ends([source, *end]);
        }
        address => file.name_after(address),
    }
}

fn connect_ends(file: &mut File, ends: &Ends) {
    match ends {
        Ends::Internet(both) => {
            let is_changed = file.set_ends(*both);
            if is_changed && file.role == Role::Server && file.protocol == Protocol::Udp {
                file.swap_ends();
            }
            file.name_after_ends();
        }
        Ends::Unix(..) if file.kind == DescriptorType::Unix => file.name = ends.print(),
        _ => return,
    }
    if file.role == Role::Unknown {
        file.role = Role::Client;
    }
}

/// The bits of a descriptor that waits for others are other bits.
pub(super) fn close_on_exec(event: &Event<'_>) -> u32 {
    const WAITING: u64 = 1;
    if event.unsigned("flags").unwrap_or_default() & WAITING != 0 { CLOSE_ON_EXEC } else { 0 }
}
