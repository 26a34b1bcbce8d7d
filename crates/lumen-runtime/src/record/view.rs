//! An event in its bytes, and its fields: each is read, or made of what is read, when it is asked for.

mod argument;
mod container;
mod descriptor;
mod event;
mod path;
mod process;
mod table;
mod user;

use super::DescriptorType;
use super::bytes::{Parts, i64_at, u8_at, u16_at, u32_at, u64_at};
use super::event_facts::{self, Facts, Origin};
use super::reader::Context;
use super::snapshot::{ContainerView, ThreadView};
use super::wire::{ANCESTORS_MAX, NO_SNAPSHOT, PROTOCOLS, descriptor as place, event as at, family, value};
use crate::field::{FieldUse, NumberFormat};
use crate::term::{CallKey, Event, ThreadKey};
use crate::value::Value;
use argument::ArgumentView;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bytes of an event that were found whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventView<'b> {
    flags: u8,
    type_name: u16,
    cpu: u16,
    number: u64,
    pub(super) time_ns: u64,
    result: i64,
    latency_ns: u64,
    thread: u32,
    /// The table of arguments, the descriptor, and the values.
    rest: &'b [u8],
    /// What the process used, of what is known.
    usage: &'b [u8],
    /// A row for each argument.
    table: &'b [u8],
    descriptor: &'b [u8],
    values: &'b [u8],
}

impl<'b> EventView<'b> {
    /// Reads the fixed part, and looks whether the rest is where it is said to be. Nothing where it is not.
    pub(super) fn read(bytes: &'b [u8], context: &Context) -> Option<Self> {
        let fixed = usize::from(u8_at(bytes, at::FIXED_BYTES)?);
        let rows = usize::from(u8_at(bytes, at::ARGUMENT_COUNT)?) * at::ROW;
        let (head, rest) = bytes.split_at_checked(fixed)?;
        if fixed < at::FIXED {
            return None;
        }
        let (table, behind) = rest.split_at_checked(rows)?;
        let descriptor_bytes = usize::try_from(u32_at(head, at::DESCRIPTOR_BYTES)?).ok()?;
        let (descriptor, values) = behind.split_at_checked(descriptor_bytes)?;
        let event = Self {
            flags: u8_at(head, at::FLAGS)?,
            type_name: u16_at(head, at::TYPE)?,
            cpu: u16_at(head, at::CPU)?,
            number: u64_at(head, at::NUMBER)?,
            time_ns: u64_at(head, at::TIME)?,
            result: i64_at(head, at::RESULT)?,
            latency_ns: u64_at(head, at::LATENCY)?,
            thread: u32_at(head, at::THREAD)?,
            rest,
            usage: head.get(at::FIXED..)?,
            table,
            descriptor,
            values,
        };
        event.is_sound(context).then_some(event)
    }

    /// All but what differs from one call to the next that is the same: number, processor, times, thread, and what
    /// the process used.
    fn call_key(&self) -> CallKey<'b> {
        let lengths = (self.table.len() as u64) << 20 | self.descriptor.len() as u64;
        let head = u64::from(self.type_name) << 48 | u64::from(self.flags) << 40 | lengths;
        CallKey { head: [head, self.result.cast_unsigned()], bytes: self.rest }
    }

    /// Whether it tells of the source of the events, not of what a process did.
    pub(super) fn is_of_source(&self, context: &Context) -> bool {
        let (event_type, _) = context.event_type(self.type_name).unwrap_or_default();
        event_facts::of(event_type.unwrap_or(usize::MAX)).origin == Origin::Meta
    }

    fn is_sound(&self, context: &Context) -> bool {
        let mut before = 0;
        let has_values = self.table.chunks_exact(at::ROW).all(|row| {
            let end = argument::end(row).unwrap_or(usize::MAX);
            let is_sound =
                end >= before && u16_at(row, 0).is_some_and(|name| context.argument_name(name).is_some());
            before = end;
            is_sound
        });
        let has_descriptor = self.flags & at::HAS_DESCRIPTOR == 0 || self.descriptor.len() >= place::FIXED;
        let used = at::USAGE.iter().filter(|(flag, _)| self.flags & flag != 0).map(|(_, count)| count);
        let mut usage = Parts::new(self.usage);
        let has_usage = (0..used.sum::<usize>()).all(|_| usage.short().is_some());
        has_values
            && has_descriptor
            && has_usage
            && before <= self.values.len()
            && context.event_type(self.type_name).is_some()
            && (self.thread == NO_SNAPSHOT || context.has_thread(self.thread))
    }
}

/// An event of a recording, as rules look at it. It borrows from the bytes and from what the reader knows.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    event: EventView<'r>,
    context: &'r Context,
    event_type: Option<usize>,
    type_name: &'r str,
    facts: Facts,
    descriptor: Option<DescriptorView<'r>>,
}

impl<'r> Record<'r> {
    pub(super) fn new(event: EventView<'r>, context: &'r Context) -> Self {
        let (event_type, type_name) = context.event_type(event.type_name).unwrap_or_default();
        let has_descriptor = event.flags & at::HAS_DESCRIPTOR != 0;
        let mut record = Self {
            event,
            context,
            event_type,
            type_name,
            facts: event_facts::of(event_type.unwrap_or(usize::MAX)),
            descriptor: has_descriptor.then(|| DescriptorView::read(event.descriptor)).flatten(),
        };
        if record.has_name_alone() {
            record.facts = event_facts::CALL;
        }
        record
    }

    /// Whether the call was recorded by its number alone: nothing that is known of its type holds.
    fn has_name_alone(&self) -> bool {
        self.arguments().next().is_some_and(|first| first.name == "ID") && self.facts.is_call()
    }

    /// Its number in what was recorded: `evt.num`.
    pub fn number(&self) -> u64 {
        self.event.number
    }

    /// When it happened, in nanoseconds since 1970.
    pub fn time_ns(&self) -> u64 {
        self.event.time_ns
    }

    /// The name of its type: `evt.type`.
    pub fn type_name(&self) -> &'r str {
        self.type_name
    }

    /// What the call gave back.
    fn result(&self) -> Option<i64> {
        (self.event.flags & at::HAS_RESULT != 0).then_some(self.event.result)
    }

    /// How long it took.
    fn latency(&self) -> Option<u64> {
        (self.event.flags & at::HAS_LATENCY != 0).then_some(self.event.latency_ns)
    }

    fn has_thread(&self) -> bool {
        self.event.thread != NO_SNAPSHOT
    }

    /// The thread. Most events are judged without a look at it.
    fn thread(&self) -> Option<ThreadView<'r>> {
        self.context.thread(self.event.thread)
    }

    /// A number of what the process used, by its place among those that the flag stands for.
    fn used(&self, flag: u8, place: usize) -> Option<u64> {
        let flags = self.event.flags;
        if flags & flag == 0 {
            return None;
        }
        let before = at::USAGE.iter().take_while(|(known, _)| *known != flag);
        let numbers: usize = before.filter(|(known, _)| flags & known != 0).map(|(_, count)| count).sum();
        let mut usage = Parts::new(self.event.usage);
        for _ in 0..numbers + place {
            usage.short()?;
        }
        usage.short()
    }

    /// The thread's container.
    fn container(&self) -> Option<ContainerView<'r>> {
        self.context.container(self.thread()?.0.container()?)
    }

    /// The parents, the nearest first.
    fn parents(&self) -> impl Iterator<Item = ThreadView<'r>> + use<'r> {
        let context = self.context;
        let parent = move |of: &ThreadView<'r>| context.thread(of.0.parent()?);
        std::iter::successors(self.thread().as_ref().and_then(parent), parent).take(ANCESTORS_MAX)
    }

    /// The thread for zero, else a parent.
    fn ancestor(&self, generation: u32) -> Option<ThreadView<'r>> {
        let Some(before) = generation.checked_sub(1) else { return self.thread() };
        self.parents().nth(usize::try_from(before).ok()?)
    }

    fn arguments(&self) -> impl Iterator<Item = ArgumentView<'r>> + use<'r> {
        let Self { event, context, descriptor, .. } = *self;
        let mut start = 0;
        event.table.chunks_exact(at::ROW).map_while(move |row| {
            let end = argument::end(row)?;
            let value = event.values.get(start..end)?;
            start = end;
            let name = context.argument_name(u16_at(row, 0)?)?;
            Some(match u8_at(row, 2)? {
                value::OWN_RAW_NAME => {
                    let value = descriptor.and_then(|descriptor| descriptor.raw_name()).unwrap_or_default();
                    ArgumentView { name, kind: value::TEXT, value }
                }
                kind => ArgumentView { name, kind, value },
            })
        })
    }

    /// The argument of a name.
    fn argument(&self, name: &str) -> Option<ArgumentView<'r>> {
        self.arguments().find(|argument| argument.name == name)
    }
}

impl Event for Record<'_> {
    fn value(&self, field: &FieldUse) -> Option<Value<'_>> {
        let get = table::GETTERS.get(field.id.place())?;
        get(self, field.argument.as_ref())
    }

    fn number_format(&self, field: &FieldUse) -> NumberFormat {
        event::raw_format(self, field).unwrap_or(field.id.field().format)
    }

    fn event_type(&self) -> Option<usize> {
        self.event_type
    }

    fn thread_key(&self) -> Option<ThreadKey<'_>> {
        self.has_thread().then_some(ThreadKey { by: &self.context.snapshots_by, number: self.event.thread })
    }

    fn call_key(&self) -> Option<CallKey<'_>> {
        // What it is called follows from the thread's working directory, too.
        if descriptor::is_relative(self) {
            return None;
        }
        Some(self.event.call_key())
    }
}

/// A descriptor in its bytes.
#[derive(Clone, Copy, Debug)]
struct DescriptorView<'b> {
    flags: u16,
    kind: DescriptorType,
    bytes: &'b [u8],
}

/// An end of a connection.
type End = (IpAddr, u16);

impl<'b> DescriptorView<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        Some(Self {
            flags: u16_at(bytes, place::FLAGS)?,
            kind: DescriptorType::from_code(u8_at(bytes, place::KIND)?),
            bytes,
        })
    }

    fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn number(&self) -> Option<i64> {
        if self.is(place::HAS_NUMBER) { i64_at(self.bytes, place::NUMBER) } else { None }
    }

    fn device(&self) -> Option<u32> {
        if self.is(place::HAS_DEVICE) { u32_at(self.bytes, place::DEVICE) } else { None }
    }

    fn inode(&self) -> Option<u64> {
        if self.is(place::HAS_INODE) { u64_at(self.bytes, place::INODE) } else { None }
    }

    fn name(&self) -> Option<&'b [u8]> {
        let bytes = usize::from(u16_at(self.bytes, place::NAME_BYTES)?);
        if self.is(place::HAS_NAME) { self.bytes.get(place::FIXED..place::FIXED + bytes) } else { None }
    }

    fn raw_name(&self) -> Option<&'b [u8]> {
        if self.is(place::RAW_NAME_IS_NAME) {
            return self.name();
        }
        let start = place::FIXED + usize::from(u16_at(self.bytes, place::NAME_BYTES)?);
        let bytes = usize::from(u16_at(self.bytes, place::RAW_NAME_BYTES)?);
        if self.is(place::HAS_RAW_NAME) { self.bytes.get(start..start + bytes) } else { None }
    }

    fn protocol(&self) -> Option<&'static str> {
        let code = usize::from(u8_at(self.bytes, place::PROTOCOL)?);
        PROTOCOLS.get(code.checked_sub(1)?).copied()
    }

    /// What is written behind the names, of a socket.
    fn socket(&self) -> Option<SocketView<'b>> {
        if !self.is(place::HAS_SOCKET) {
            return None;
        }
        let names = usize::from(u16_at(self.bytes, place::NAME_BYTES)?)
            + usize::from(u16_at(self.bytes, place::RAW_NAME_BYTES)?);
        let mut parts = Parts::new(self.bytes.get(place::FIXED + names..)?);
        let (client, client_is_own) = end(&mut parts)?;
        let (server, server_is_own) = end(&mut parts)?;
        let mut name = |flag: u16| {
            if !self.is(flag) {
                return None;
            }
            let bytes = usize::from(parts.u8()?);
            parts.take(bytes)
        };
        let client_name = name(place::HAS_CLIENT_NAME);
        let server_name = name(place::HAS_SERVER_NAME);
        let is_server = self.is(place::IS_SERVER_KNOWN).then(|| self.is(place::IS_SERVER));
        let are_own = client_is_own.zip(server_is_own);
        Some(SocketView { client, server, client_name, server_name, is_server, are_own })
    }
}

/// Both ends of a socket.
#[derive(Clone, Copy, Debug)]
struct SocketView<'b> {
    client: Option<End>,
    server: Option<End>,
    client_name: Option<&'b [u8]>,
    server_name: Option<&'b [u8]>,
    is_server: Option<bool>,
    are_own: Option<(bool, bool)>,
}

/// Reads an end, where there is one, and whether it is of this machine, where that is known; `None` where it cannot be read.
fn end(parts: &mut Parts<'_>) -> Option<(Option<End>, Option<bool>)> {
    let code = parts.u8()?;
    let is_own = (code & (family::IS_OWN | family::IS_OTHER) != 0).then_some(code & family::IS_OWN != 0);
    let address = match code & !(family::IS_OWN | family::IS_OTHER) {
        0 => return Some((None, is_own)),
        family::V4 => IpAddr::V4(Ipv4Addr::from(*parts.take(4)?.first_chunk::<4>()?)),
        family::V6 => IpAddr::V6(Ipv6Addr::from(*parts.take(16)?.first_chunk::<16>()?)),
        _ => return None,
    };
    Some((Some((address, parts.u16()?)), is_own))
}

/// A text that is there.
#[expect(clippy::unnecessary_wraps, reason = "it is what a field gives")]
fn text(bytes: &[u8]) -> Option<Value<'_>> {
    Some(Value::Bytes(bytes.into()))
}

/// A text that was made.
#[expect(clippy::unnecessary_wraps, reason = "it is what a field gives")]
fn made<'v>(bytes: impl Into<Vec<u8>>) -> Option<Value<'v>> {
    Some(Value::Bytes(bytes.into().into()))
}
