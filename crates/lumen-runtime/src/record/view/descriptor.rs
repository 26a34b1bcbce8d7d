//! Fields of the descriptor: `fd.*`.
//!
//! An event of a type that is about a descriptor has these fields even where nothing is known of it: the call failed, or it
//! has none. Then its number is -1, or what stands in the place of a number, and its name that which the call was given.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::DescriptorType;
use super::super::wire::{Number, Text, descriptor as flag};
use super::{DescriptorView, End, Record, SocketView, made, path, text};
use crate::field;
use crate::value::Value;

type Argument<'a> = Option<&'a field::Argument>;
type Kind = DescriptorType;

/// The descriptor, where it is known what it stands for.
pub(super) fn known<'r>(record: &Record<'r>) -> Option<DescriptorView<'r>> {
    record.descriptor.filter(|descriptor| descriptor.kind != Kind::Unknown)
}

/// What it stands for.
pub(super) fn known_kind(record: &Record<'_>) -> Option<Kind> {
    known(record).map(|descriptor| descriptor.kind)
}

/// Whether there are fields of a descriptor at all.
fn is_about_one(record: &Record<'_>) -> bool {
    record.has_thread() && (record.descriptor.is_some() || record.facts.has_descriptor())
}

/// `fd.num`.
pub(super) fn number<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is_about_one(record).then(|| Value::Signed(number_of(record)))
}

fn number_of(record: &Record<'_>) -> i64 {
    record.descriptor.and_then(|descriptor| descriptor.number()).unwrap_or(-1)
}

/// `fd.uid`: the numbers of the thread and of the descriptor, one behind the other.
pub(super) fn uid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let tid = record.thread()?.signed(Number::Tid)?;
    if is_about_one(record) { made(format!("{tid}{}", number_of(record))) } else { None }
}

/// The name of the descriptor; what the call was given, where it is not known.
pub(super) fn path<'r>(record: &Record<'r>) -> Option<Cow<'r, [u8]>> {
    if !is_about_one(record) {
        return None;
    }
    if let Some(name) = record.descriptor.and_then(|descriptor| descriptor.name()) {
        return Some(name.into());
    }
    match known(record) {
        Some(descriptor) => Some(descriptor.socket().map(|socket| ends_text(&socket)).unwrap_or_default()),
        None => Some(given(record, false)),
    }
}

/// Whether its name is that which the call was given, and is relative to a directory.
pub(super) fn is_relative(record: &Record<'_>) -> bool {
    let is_named = record.descriptor.is_some_and(|descriptor| descriptor.name().is_some());
    !is_named
        && known(record).is_none()
        && opens(record)
        && path::opened(record, true).is_some_and(|path| !path.starts_with(b"/"))
}

fn opens(record: &Record<'_>) -> bool {
    matches!(record.type_name, "open" | "openat" | "openat2" | "creat" | "open_by_handle_at")
}

/// The name as the call was given it, of a descriptor of which nothing is known.
fn given<'r>(record: &Record<'r>, is_raw: bool) -> Cow<'r, [u8]> {
    match record.type_name {
        _ if opens(record) => path::opened(record, is_raw).unwrap_or_default(),
        "accept" | "accept4" | "connect" => {
            let tuple = record.argument("tuple").or_else(|| record.argument("addr"));
            tuple.map(|tuple| super::argument::print(record, &tuple).best()).unwrap_or_default()
        }
        _ => Cow::Borrowed(b""),
    }
}

/// `127.0.0.1:4000->127.0.0.1:80`, or one end.
fn ends_text<'v>(socket: &SocketView<'_>) -> Cow<'v, [u8]> {
    let one = |(address, port): End| format!("{address}:{port}");
    let text = match (socket.client, socket.server) {
        (Some(client), Some(server)) => format!("{}->{}", one(client), one(server)),
        (Some(end), None) | (None, Some(end)) => one(end),
        (None, None) => String::new(),
    };
    text.into_bytes().into()
}

/// `fd.name`.
pub(super) fn name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    path(record).map(Value::Bytes)
}

/// `fd.nameraw`: without slashes that stand twice.
pub(super) fn raw_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if !is_about_one(record) {
        return None;
    }
    let raw = record.descriptor.and_then(|descriptor| descriptor.raw_name());
    let raw = match (raw, known(record)) {
        (Some(raw), _) => raw.into(),
        (None, Some(_)) => Cow::Borrowed(&b""[..]),
        (None, None) => given(record, true),
    };
    if !raw.windows(2).any(|pair| pair == b"//") {
        return Some(Value::Bytes(raw));
    }
    let mut single = raw.into_owned();
    single.dedup_by(|next, before| *next == b'/' && *before == b'/');
    made(single)
}

/// The folder of a path; the path of a folder itself.
fn directory_of<'r>(record: &Record<'r>) -> Option<Cow<'r, [u8]>> {
    let path = path(record)?;
    match known_kind(record) {
        Some(Kind::Directory) => return Some(path),
        Some(Kind::File) | None => {}
        Some(_) => return None,
    }
    match path.iter().rposition(|byte| *byte == b'/') {
        None | Some(0) => Some(Cow::Borrowed(b"/")),
        Some(slash) if slash + 1 == path.len() => Some(path),
        Some(slash) => Some(match path {
            Cow::Borrowed(path) => path.get(..slash).unwrap_or(path).into(),
            Cow::Owned(mut path) => {
                path.truncate(slash);
                path.into()
            }
        }),
    }
}

/// `fd.directory`.
pub(super) fn directory<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    directory_of(record).map(Value::Bytes)
}

/// `fd.filename`.
pub(super) fn file_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if known_kind(record)? != Kind::File {
        return None;
    }
    let path = path(record)?;
    match path.iter().rposition(|byte| *byte == b'/') {
        None => Some(Value::text("/")),
        Some(slash) if slash + 1 == path.len() => Some(Value::Bytes(path)),
        Some(slash) => Some(Value::Bytes(match path {
            Cow::Borrowed(path) => path.get(slash + 1..).unwrap_or_default().into(),
            Cow::Owned(path) => path.get(slash + 1..).unwrap_or_default().to_vec().into(),
        })),
    }
}

fn in_container<'v>(record: &Record<'_>, what: &[u8]) -> Option<Value<'v>> {
    let id = super::container::short_id(record).unwrap_or_default();
    made([id, b":", what].concat())
}

/// `fd.containername`.
pub(super) fn container_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    in_container(record, &path(record)?)
}

/// `fd.containerdirectory`.
pub(super) fn container_directory<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    in_container(record, &directory_of(record)?)
}

/// `fd.type`.
pub(super) fn kind<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known_kind(record).map(|kind| Value::text(kind.name()))
}

/// `fd.types`: of all open descriptors, or of one by its number.
pub(super) fn kinds<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let thread = record.thread().filter(|_| is_about_one(record))?;
    let named = |kind: Kind| Value::text(kind.name());
    match asked {
        None => {
            let codes = thread.text(Text::DescriptorTypes).unwrap_or_default();
            Some(Value::List(codes.iter().map(|code| named(Kind::from_code(*code))).collect()))
        }
        Some(field::Argument::Index(number)) => {
            let own = known(record).filter(|own| own.number() == Some(i64::from(*number)));
            let standard = || thread.standard_type(usize::try_from(*number).ok()?);
            own.map(|own| own.kind).or_else(standard).map(|kind| Value::List(vec![named(kind)]))
        }
        Some(field::Argument::Key(_)) => None,
    }
}

/// What a call makes, of which nothing is known.
fn expected_kind(record: &Record<'_>) -> Kind {
    match record.type_name {
        "openat" | "openat2" | "creat" => Kind::File,
        "socket" | "accept" | "accept4" => Kind::Ipv4,
        "pipe" | "pipe2" => Kind::Pipe,
        "eventfd" | "eventfd2" => Kind::Event,
        "signalfd" | "signalfd4" => Kind::Signal,
        "timerfd_create" => Kind::Timer,
        "inotify_init" | "inotify_init1" => Kind::Inotify,
        _ => Kind::Unknown,
    }
}

/// `fd.typechar`.
pub(super) fn letter<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if !is_about_one(record) {
        return None;
    }
    let kind = known_kind(record).unwrap_or_else(|| expected_kind(record));
    Some(Value::text(kind.letter()))
}

/// The ends of a socket over a network.
fn socket<'r>(record: &Record<'r>) -> Option<SocketView<'r>> {
    known(record).filter(|descriptor| matches!(descriptor.kind, Kind::Ipv4 | Kind::Ipv6))?.socket()
}

fn address<'v>(end: Option<End>) -> Option<Value<'v>> {
    end.map(|(address, _)| Value::Address(address))
}

fn port<'v>(end: Option<End>) -> Option<Value<'v>> {
    end.map(|(_, port)| Value::Unsigned(u64::from(port)))
}

fn port_text<'v>(end: Option<End>) -> Option<Value<'v>> {
    made(end?.1.to_string())
}

/// The end of this machine, and the other. Both are there only of a connection.
fn here_and_there(record: &Record<'_>) -> Option<[End; 2]> {
    let socket = socket(record)?;
    let (client, server) = (socket.client?, socket.server?);
    // Where both are of this machine, the reference takes the client for the end here.
    let is_client = socket.are_own.map_or_else(
        || socket.is_server != Some(true) || client.0 == server.0,
        |(client_is_own, _)| client_is_own,
    );
    Some(if is_client { [client, server] } else { [server, client] })
}

fn local(record: &Record<'_>) -> Option<End> {
    here_and_there(record).map(|[here, _]| here)
}

fn remote(record: &Record<'_>) -> Option<End> {
    here_and_there(record).map(|[_, there]| there)
}

/// Fields of an end.
macro_rules! end_fields {
    ($($(#[$doc:meta])* $name:ident: $shown:ident($end:expr);)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            let end: fn(&Record<'_>) -> Option<End> = $end;
            $shown(end(record))
        }
    )*};
}

end_fields! {
    /// `fd.cip`, `fd.cnet`.
    client_ip: address(|record| socket(record)?.client);
    /// `fd.sip`, `fd.snet`.
    server_ip: address(|record| socket(record)?.server);
    /// `fd.lip`, `fd.lnet`.
    local_ip: address(local);
    /// `fd.rip`, `fd.rnet`.
    remote_ip: address(remote);
    /// `fd.cport`.
    client_port: port(|record| socket(record)?.client);
    /// `fd.sport`.
    server_port: port(|record| socket(record)?.server);
    /// `fd.lport`.
    local_port: port(local);
    /// `fd.rport`.
    remote_port: port(remote);
    /// `fd.lproto`.
    local_service: port_text(local);
    /// `fd.rproto`.
    remote_service: port_text(remote);
}

/// `fd.cproto`: empty where there is no client, and of a socket on the same machine.
pub(super) fn client_service<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let descriptor = known(record)?;
    let socket = descriptor.socket()?;
    socket.is_server?;
    match socket.client {
        Some((_, port)) if descriptor.kind != Kind::Unix => made(port.to_string()),
        _ => Some(Value::text("")),
    }
}

/// `fd.sproto`: empty of a socket that waits for clients.
pub(super) fn server_service<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let socket = socket(record)?;
    let (_, port) = socket.server?;
    if socket.client.is_none() { Some(Value::text("")) } else { made(port.to_string()) }
}

/// What both ends have: nothing to compare of a descriptor that is no socket over a network, which exists nevertheless. A
/// socket that has no ends yet has an address and a port of zeros, which no address is.
fn both<'r>(record: &Record<'r>, of: fn(Option<End>) -> Option<Value<'r>>) -> Option<Value<'r>> {
    let unspecified = match known_kind(record)? {
        Kind::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Kind::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return Some(Value::List(Vec::new())),
    };
    let ends = socket(record).map(|socket| [socket.client, socket.server]).unwrap_or_default();
    let all: Vec<Value<'r>> = ends.into_iter().filter_map(of).collect();
    if all.is_empty() {
        of(Some((unspecified, 0))).map(|value| Value::List(vec![value]))
    } else {
        Some(Value::List(all))
    }
}

/// `fd.ip`, `fd.net`.
pub(super) fn ips<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    both(record, address)
}

/// `fd.port`, `fd.proto`.
pub(super) fn ports<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    both(record, port)
}

/// `fd.cip.name`.
pub(super) fn client_host<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(socket(record)?.client_name?)
}

/// `fd.sip.name`.
pub(super) fn server_host<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(socket(record)?.server_name?)
}

/// `fd.lip.name`.
pub(super) fn local_host<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    if local(record)? == socket(record)?.client? {
        client_host(record, asked)
    } else {
        server_host(record, asked)
    }
}

/// `fd.rip.name`.
pub(super) fn remote_host<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    if local(record)? == socket(record)?.client? {
        server_host(record, asked)
    } else {
        client_host(record, asked)
    }
}

/// `fd.l4proto`: `<NA>` where there is none.
pub(super) fn protocol<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::text(known(record)?.protocol().unwrap_or("<NA>")))
}

/// `fd.sockfamily`.
pub(super) fn socket_family<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    match known_kind(record)? {
        Kind::Ipv4 | Kind::Ipv6 => Some(Value::text("ip")),
        Kind::Unix => Some(Value::text("unix")),
        _ => None,
    }
}

/// `fd.is_server`: whether the server's address is of this machine, where that is known.
pub(super) fn is_server<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record)?;
    let is_server = |socket: SocketView<'_>| match socket.are_own {
        Some((_, server_is_own)) => server_is_own,
        None => socket.is_server == Some(true),
    };
    Some(Value::Bool(socket(record).is_some_and(is_server)))
}

/// The device, or zero where it is not known.
fn device_of(record: &Record<'_>) -> Option<u64> {
    known(record).map(|descriptor| u64::from(descriptor.device().unwrap_or(0)))
}

/// `fd.dev`.
pub(super) fn device<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    device_of(record).map(Value::Unsigned)
}

/// `fd.dev.major`.
pub(super) fn device_major<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    device_of(record).map(|device| Value::Unsigned(device >> 8 & 0xfff))
}

/// `fd.dev.minor`.
pub(super) fn device_minor<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    device_of(record).map(|device| Value::Unsigned(device & 0xff | device >> 12 & 0xf_ff00))
}

/// `fd.ino`: zero where it is not known.
pub(super) fn inode<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    known(record).map(|descriptor| Value::Unsigned(descriptor.inode().unwrap_or(0)))
}

fn is<'v>(record: &Record<'_>, flag: u16) -> Option<Value<'v>> {
    known(record).map(|descriptor| Value::Bool(descriptor.is(flag)))
}

/// `fd.connected`.
pub(super) fn is_connected<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is(record, flag::IS_CONNECTED)
}

/// `fd.name_changed`.
pub(super) fn is_name_changed<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is(record, flag::IS_NAME_CHANGED)
}

/// `fd.is_upper_layer`.
pub(super) fn is_upper_layer<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is(record, flag::IS_UPPER_LAYER)
}

/// `fd.is_lower_layer`.
pub(super) fn is_lower_layer<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is(record, flag::IS_LOWER_LAYER)
}
