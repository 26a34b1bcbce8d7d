//! The descriptor of an event, and what its call gave back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::said::{OPENS, Said};
use crate::record::{Descriptor, DescriptorType, Socket};
use crate::rule_test::fields::Word;

/// The number of a descriptor of which a test does not say it.
const NUMBER: i64 = 3;

/// The calls about connections: a descriptor of which nothing else is said is a socket.
const ABOUT_NETWORKS: [&str; 15] = [
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "shutdown",
    "socket",
];

/// The calls in which the process is the server.
const SERVES: [&str; 4] = ["accept", "accept4", "bind", "listen"];

/// The calls that give back a descriptor.
const GIVES_DESCRIPTOR: [&str; 25] = [
    "accept",
    "accept4",
    "bpf",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "eventfd",
    "eventfd2",
    "inotify_init",
    "inotify_init1",
    "io_uring_setup",
    "memfd_create",
    "open",
    "open_by_handle_at",
    "openat",
    "openat2",
    "perf_event_open",
    "pidfd_getfd",
    "pidfd_open",
    "signalfd",
    "socket",
    "timerfd_create",
];

/// `fd.type`, `fd.typechar`, and what they are of.
const KINDS: [(&str, u8, DescriptorType); 17] = [
    ("file", b'f', DescriptorType::File),
    ("directory", b'd', DescriptorType::Directory),
    ("ipv4", b'4', DescriptorType::Ipv4),
    ("ipv6", b'6', DescriptorType::Ipv6),
    ("unix", b'u', DescriptorType::Unix),
    ("pipe", b'p', DescriptorType::Pipe),
    ("event", b'e', DescriptorType::Event),
    ("signalfd", b's', DescriptorType::Signal),
    ("eventpoll", b'l', DescriptorType::Eventpoll),
    ("inotify", b'i', DescriptorType::Inotify),
    ("timerfd", b't', DescriptorType::Timer),
    ("netlink", b'n', DescriptorType::Netlink),
    ("memfd", b'm', DescriptorType::Memfd),
    ("bpf", b'b', DescriptorType::Bpf),
    ("userfaultfd", b'u', DescriptorType::Userfault),
    ("io_uring", b'r', DescriptorType::IoUring),
    ("pidfd", b'P', DescriptorType::Pidfd),
];

/// The letter of a kind; a zero for one that is not known.
pub(super) fn letter(kind: DescriptorType) -> u8 {
    KINDS.iter().find(|(_, _, known)| *known == kind).map_or(0, |(_, letter, _)| *letter)
}

/// The descriptor; none where nothing is said of one. With it what the call gave back: what was said, else the descriptor, else
/// nought.
pub(super) fn of(said: &Said<'_>, type_name: &str, result: Word<i64>) -> (Option<Descriptor>, Option<i64>) {
    let gives_descriptor = GIVES_DESCRIPTOR.contains(&type_name);
    let failed = result.given().is_some_and(|result| result < 0);
    if !said.names_any("fd.") {
        let number = if gives_descriptor { NUMBER } else { 0 };
        return (None, result.or(number));
    }
    let of_result = result.given().filter(|_| gives_descriptor && !failed);
    let default = if failed && gives_descriptor { -1 } else { of_result.unwrap_or(NUMBER) };
    let number = said.signed_or("fd.num", default);
    let given_back = if gives_descriptor { number.unwrap_or(0) } else { 0 };
    let name = said.text("fd.name");
    let socket = socket(said, type_name, name.as_deref());
    let descriptor = Descriptor {
        number,
        kind: kind(said, type_name, name.as_deref(), socket.as_ref()),
        raw_name: said.text_or("fd.nameraw", || name.clone()),
        name,
        device: said.signed("fd.dev").and_then(|device| u32::try_from(device).ok()),
        inode: said.unsigned("fd.ino"),
        open_flags: None,
        is_upper_layer: said.is("fd.is_upper_layer"),
        is_lower_layer: said.is("fd.is_lower_layer"),
        socket,
        is_name_changed: said.is("fd.name_changed"),
    };
    (Some(descriptor), result.or(given_back))
}

fn kind(said: &Said<'_>, type_name: &str, name: Option<&[u8]>, socket: Option<&Socket>) -> DescriptorType {
    if said.is_null("fd.type") || said.is_null("fd.typechar") {
        return DescriptorType::Unknown;
    }
    let word = said.string("fd.type");
    let letter = said.text("fd.typechar");
    let by = |test: &dyn Fn(&(&str, u8, DescriptorType)) -> bool| {
        KINDS.iter().find(|row| test(row)).map(|row| row.2)
    };
    if let Some(word) = word {
        return by(&|row| row.0 == word).unwrap_or_default();
    }
    if let Some(letter) = letter {
        return by(&|row| [row.1] == *letter).unwrap_or_default();
    }
    let is_about_networks = ABOUT_NETWORKS.contains(&type_name);
    let ends = socket.and_then(|socket| socket.server.or(socket.client));
    match (ends, name) {
        (Some((IpAddr::V6(_), _)), _) => DescriptorType::Ipv6,
        (Some(_), _) => DescriptorType::Ipv4,
        (None, Some(name)) if name.starts_with(b"memfd:") || name.starts_with(b"/memfd:") => {
            DescriptorType::Memfd
        }
        (None, Some(_)) if is_about_networks => DescriptorType::Unix,
        (None, None) if is_about_networks => DescriptorType::Ipv4,
        (None, Some(_)) if is_folder(said, type_name) => DescriptorType::Directory,
        (None, Some(_)) => DescriptorType::File,
        (None, None) => DescriptorType::Unknown,
    }
}

/// Whether a folder is opened.
fn is_folder(said: &Said<'_>, type_name: &str) -> bool {
    let flags = said.string("evt.arg.flags").unwrap_or_default();
    OPENS.contains(&type_name) && flags.split('|').any(|flag| flag == "O_DIRECTORY")
}

/// The ends of a socket: those that are said, those of a name such as `10.0.0.1:4000->10.0.0.2:80`, and others for the rest.
fn socket(said: &Said<'_>, type_name: &str, name: Option<&[u8]>) -> Option<Socket> {
    let is_server = said.bool("fd.is_server").unwrap_or_else(|| SERVES.contains(&type_name));
    let [client_of_name, server_of_name] = ends(name.unwrap_or_default());
    let local = if is_server { "s" } else { "c" };
    let end = |side: &str| {
        let which = if side == local { "l" } else { "r" };
        let address =
            said.address(&format!("fd.{side}ip")).or_else(|| said.address(&format!("fd.{which}ip")));
        let port = said.port(&format!("fd.{side}port")).or_else(|| said.port(&format!("fd.{which}port")));
        (address, port)
    };
    let (client, server) = (end("c"), end("s"));
    let is_said = |(address, port): (Option<IpAddr>, Option<u16>)| address.is_some() || port.is_some();
    if !is_said(client) && !is_said(server) && client_of_name.is_none() && server_of_name.is_none() {
        return None;
    }
    let is_newer = [client.0, server.0].into_iter().flatten().any(|address| address.is_ipv6());
    let other =
        |address: Ipv4Addr| if is_newer { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(address) };
    let whole = |said: (Option<IpAddr>, Option<u16>), of_name: Option<(IpAddr, u16)>, address, port| {
        let (named_address, named_port) = of_name.unzip();
        (said.0.or(named_address).unwrap_or_else(|| other(address)), said.1.or(named_port).unwrap_or(port))
    };
    Some(Socket {
        protocol: match said.text("fd.l4proto").as_deref() {
            None if said.is_null("fd.l4proto") => None,
            None | Some(b"tcp") => Some("tcp"),
            Some(b"udp") => Some("udp"),
            Some(b"icmp") => Some("icmp"),
            Some(b"raw") => Some("raw"),
            Some(_) => None,
        },
        client: Some(whole(client, client_of_name, CLIENT, CLIENT_PORT)),
        server: Some(whole(server, server_of_name, SERVER, SERVER_PORT)),
        is_server: Some(is_server),
        is_connected: said.bool("fd.connected").unwrap_or(true),
        are_own: None,
        names: [said.string("fd.cip.name"), said.string("fd.sip.name")],
    })
}

/// The end of a connection of which nothing is said.
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 10);
const CLIENT_PORT: u16 = 40000;
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 42, 0, 20);
const SERVER_PORT: u16 = 0;

/// The client and the server of a name.
fn ends(name: &[u8]) -> [Option<(IpAddr, u16)>; 2] {
    let text = String::from_utf8_lossy(name);
    let end = |text: &str| {
        let (address, port) = text.rsplit_once(':')?;
        let address = address.trim_start_matches('[').trim_end_matches(']');
        Some((address.parse().ok()?, port.parse().ok()?))
    };
    match text.split_once("->") {
        Some((client, server)) => [end(client), end(server)],
        None => [None, end(&text)],
    }
}
