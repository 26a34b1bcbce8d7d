//! Events as bytes.

use std::net::IpAddr;

use super::super::bytes::{cut, length, write_short};
use super::super::wire::{
    self, ARGUMENTS_MAX, PROTOCOLS, TEXT_BYTES_MAX, VALUE_BYTES_MAX, VALUES_BYTES_MAX, descriptor as place,
    family, value,
};
use super::super::{ArgumentValue, Bytes, Descriptor, Recorded, Socket, Usage};

/// Room for what is written behind what is not known yet, kept from one event to the next.
#[derive(Debug, Default)]
pub(in super::super) struct Scratch {
    usage: Vec<u8>,
    descriptor: Vec<u8>,
    values: Vec<u8>,
}

/// Writes an event, whose thread and names were written before; the numbers of the names are in the order of the arguments.
pub(in super::super) fn event(
    recorded: &Recorded,
    thread: u32,
    type_name: u16,
    names: &[u16; ARGUMENTS_MAX],
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) {
    use wire::event as at;
    let arguments = recorded.arguments.get(..ARGUMENTS_MAX).unwrap_or(&recorded.arguments);
    let Scratch { usage, descriptor: own, values } = scratch;
    for room in [&mut *usage, &mut *own, &mut *values] {
        room.clear();
    }
    if let Some(of_event) = &recorded.descriptor {
        descriptor(of_event, own);
    }
    let mut flags = 0;
    flags |= if recorded.result.is_some() { at::HAS_RESULT } else { 0 };
    flags |= if recorded.latency_ns.is_some() { at::HAS_LATENCY } else { 0 };
    flags |= if recorded.descriptor.is_some() { at::HAS_DESCRIPTOR } else { 0 };
    flags |= used(&recorded.usage, usage);
    out.push(u8::try_from(at::FIXED + usage.len()).unwrap_or(0));
    out.push(flags);
    out.extend_from_slice(&type_name.to_le_bytes());
    out.extend_from_slice(&recorded.cpu.to_le_bytes());
    out.push(u8::try_from(arguments.len()).unwrap_or(0));
    out.push(0);
    out.extend_from_slice(&recorded.number.to_le_bytes());
    out.extend_from_slice(&recorded.time_ns.to_le_bytes());
    out.extend_from_slice(&recorded.result.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&recorded.latency_ns.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&thread.to_le_bytes());
    out.extend_from_slice(&length(own.len()).to_le_bytes());
    out.extend_from_slice(usage);

    let own_descriptor = recorded.descriptor.as_ref();
    for (argument, name) in arguments.iter().zip(names) {
        let kind = argument_value(&argument.value, own_descriptor, values);
        let [low, high] = name.to_le_bytes();
        let [end_low, end_middle, end_high, _] = length(values.len()).to_le_bytes();
        out.extend_from_slice(&[low, high, kind, end_low, end_middle, end_high]);
    }
    out.extend_from_slice(own);
    out.extend_from_slice(values);
}

/// Writes what the process used; the flags of what of it is known.
fn used(usage: &Usage, out: &mut Vec<u8>) -> u8 {
    let mut flags = 0;
    for (flag, numbers) in [
        (wire::event::HAS_DESCRIPTORS_OPEN, usage.descriptors_open.as_slice()),
        (wire::event::HAS_MEMORY, usage.memory_kb.as_ref().map_or(&[], |numbers| numbers)),
        (wire::event::HAS_PAGE_FAULTS, usage.page_faults.as_ref().map_or(&[], |numbers| numbers)),
    ] {
        flags |= if numbers.is_empty() { 0 } else { flag };
        for number in numbers {
            write_short(*number, out);
        }
    }
    flags
}

/// Whether a text is one of the descriptor's, which is not written twice.
fn is_own(text: &[u8], own: Option<&Bytes>) -> bool {
    text.len() <= TEXT_BYTES_MAX && own.is_some_and(|own| own == text)
}

/// Writes the value of an argument; how it is written.
fn argument_value(argument: &ArgumentValue, own: Option<&Descriptor>, out: &mut Vec<u8>) -> u8 {
    let room = VALUES_BYTES_MAX.saturating_sub(out.len()).min(VALUE_BYTES_MAX);
    let named = |out: &mut Vec<u8>, name: &[u8]| out.extend_from_slice(cut(name, room));
    match argument {
        ArgumentValue::Absent => value::ABSENT,
        ArgumentValue::Signed(number) => {
            signed(*number, out);
            value::SIGNED
        }
        ArgumentValue::Outcome(number) => {
            signed(*number, out);
            value::OUTCOME
        }
        ArgumentValue::Unsigned(number) => {
            unsigned(*number, out);
            value::UNSIGNED
        }
        ArgumentValue::Hexadecimal(number) => {
            unsigned(*number, out);
            value::HEXADECIMAL
        }
        ArgumentValue::Octal(number) => {
            unsigned(*number, out);
            value::OCTAL
        }
        ArgumentValue::Text(text) => {
            if is_own(text, own.and_then(|own| own.raw_name.as_ref())) {
                return value::OWN_RAW_NAME;
            }
            named(out, text);
            value::TEXT
        }
        ArgumentValue::Buffer(bytes) => {
            named(out, bytes);
            value::BUFFER
        }
        ArgumentValue::Descriptor { number, letter, name } => {
            out.extend_from_slice(&number.to_le_bytes());
            out.push(*letter);
            if is_own(name, own.and_then(|own| own.name.as_ref())) {
                return value::OWN_DESCRIPTOR;
            }
            named(out, name);
            value::DESCRIPTOR
        }
        ArgumentValue::Process { pid, name } => {
            out.extend_from_slice(&pid.to_le_bytes());
            named(out, name);
            value::PROCESS
        }
        ArgumentValue::Account { id, name } => {
            out.extend_from_slice(&id.to_le_bytes());
            named(out, name);
            value::ACCOUNT
        }
        ArgumentValue::Named { bits, text } => {
            out.extend_from_slice(&bits.to_le_bytes());
            named(out, text);
            value::NAMED
        }
    }
}

/// Writes a number in as few bytes as hold it and its sign.
fn signed(number: i64, out: &mut Vec<u8>) {
    if let Ok(small) = i8::try_from(number) {
        out.extend_from_slice(&small.to_le_bytes());
    } else if let Ok(small) = i32::try_from(number) {
        out.extend_from_slice(&small.to_le_bytes());
    } else {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// Writes a number in as few bytes as hold it.
fn unsigned(number: u64, out: &mut Vec<u8>) {
    if let Ok(small) = u8::try_from(number) {
        out.push(small);
    } else if let Ok(small) = u32::try_from(number) {
        out.extend_from_slice(&small.to_le_bytes());
    } else {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn descriptor(descriptor: &Descriptor, out: &mut Vec<u8>) {
    let name = descriptor.name.as_deref().map(|name| cut(name, TEXT_BYTES_MAX));
    let raw = descriptor.raw_name.as_deref().map(|name| cut(name, TEXT_BYTES_MAX));
    let is_same = raw.is_some() && raw == name;
    let socket = descriptor.socket.as_ref();
    let has_server = socket.and_then(|socket| socket.is_server);
    let [client_name, server_name] =
        socket.map_or([None, None], |socket| socket.names.each_ref().map(Option::as_deref));
    let mut flags = 0;
    for (flag, is_so) in [
        (place::HAS_NUMBER, descriptor.number.is_some()),
        (place::HAS_NAME, name.is_some()),
        (place::HAS_RAW_NAME, raw.is_some() && !is_same),
        (place::RAW_NAME_IS_NAME, is_same),
        (place::HAS_DEVICE, descriptor.device.is_some()),
        (place::HAS_INODE, descriptor.inode.is_some()),
        (place::HAS_OPEN_FLAGS, descriptor.open_flags.is_some()),
        (place::IS_UPPER_LAYER, descriptor.is_upper_layer),
        (place::IS_LOWER_LAYER, descriptor.is_lower_layer),
        (place::IS_NAME_CHANGED, descriptor.is_name_changed),
        (place::HAS_SOCKET, socket.is_some()),
        (place::IS_SERVER_KNOWN, has_server.is_some()),
        (place::IS_SERVER, has_server == Some(true)),
        (place::IS_CONNECTED, socket.is_some_and(|socket| socket.is_connected)),
        (place::HAS_CLIENT_NAME, client_name.is_some()),
        (place::HAS_SERVER_NAME, server_name.is_some()),
    ] {
        flags |= if is_so { flag } else { 0 };
    }
    let raw = if is_same { None } else { raw };
    let bytes_of =
        |text: Option<&[u8]>| u16::try_from(text.map_or(0, <[u8]>::len)).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&flags.to_le_bytes());
    out.push(descriptor.kind as u8);
    out.push(protocol(socket));
    out.extend_from_slice(&descriptor.number.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&descriptor.inode.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&descriptor.device.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&descriptor.open_flags.unwrap_or(0).to_le_bytes());
    out.extend_from_slice(&bytes_of(name));
    out.extend_from_slice(&bytes_of(raw));
    out.extend_from_slice(name.unwrap_or_default());
    out.extend_from_slice(raw.unwrap_or_default());
    if let Some(socket) = socket {
        let [client_is_own, server_is_own] = socket.are_own.map_or([None; 2], |own| own.map(Some));
        end(socket.client, client_is_own, out);
        end(socket.server, server_is_own, out);
        for name in [client_name, server_name].into_iter().flatten() {
            let name = cut(name.as_bytes(), usize::from(u8::MAX));
            out.push(u8::try_from(name.len()).unwrap_or(0));
            out.extend_from_slice(name);
        }
    }
}

fn protocol(socket: Option<&Socket>) -> u8 {
    let name = socket.and_then(|socket| socket.protocol);
    let place = PROTOCOLS.iter().position(|known| Some(*known) == name);
    place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
}

fn end(end: Option<(IpAddr, u16)>, is_own: Option<bool>, out: &mut Vec<u8>) {
    let is_own = is_own.map_or(0, |is_own| if is_own { family::IS_OWN } else { family::IS_OTHER });
    let Some((address, port)) = end else {
        out.push(is_own);
        return;
    };
    match address {
        IpAddr::V4(address) => {
            out.push(family::V4 | is_own);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.push(family::V6 | is_own);
            out.extend_from_slice(&address.octets());
        }
    }
    out.extend_from_slice(&port.to_le_bytes());
}
