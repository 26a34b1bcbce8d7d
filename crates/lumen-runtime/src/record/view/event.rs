//! Fields of the event itself: `evt.*`, `syscall.type`.

#![expect(clippy::unnecessary_wraps, reason = "getters are all of one type; these always have a value")]

use super::super::event_facts::{Category, Origin};
use super::super::{DescriptorType, flags};
use super::argument::{self, ArgumentView};
use super::{Record, descriptor, made, text};
use crate::field;
use crate::value::Value;

type Argument<'a> = Option<&'a field::Argument>;

const SECOND_NS: u64 = 1_000_000_000;

/// `evt.num`.
pub(super) fn number<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(record.event.number))
}

/// `evt.cpu`.
pub(super) fn cpu<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(u64::from(record.event.cpu)))
}

/// `evt.type`.
pub(super) fn type_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::text(record.type_name))
}

/// `evt.type.is`: one where the type is that which is asked for.
pub(super) fn type_is<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let is_it = match asked? {
        field::Argument::Key(name) => name == record.type_name,
        field::Argument::Index(_) => false,
    };
    Some(Value::Unsigned(u64::from(is_it)))
}

/// `syscall.type`.
pub(super) fn call_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.facts.is_call().then(|| Value::text(record.type_name))
}

/// `evt.dir`: the start of calls is no event; what is no call has no end.
pub(super) fn direction<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::text(if record.facts.is_call() { "<" } else { ">" }))
}

/// `evt.source`.
pub(super) fn source<'r>(_: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::text("syscall"))
}

/// `evt.is_async`.
pub(super) fn is_async<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Bool(record.facts.origin == Origin::Meta))
}

/// `evt.asynctype`.
pub(super) fn async_type<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    (record.facts.origin == Origin::Meta).then(|| Value::text(record.type_name))
}

/// `evt.category`.
pub(super) fn category<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    use DescriptorType as Kind;
    Some(Value::text(match record.facts.category {
        Category::Unknown => "unknown",
        Category::Other => "other",
        Category::File => "file",
        Category::Net => "net",
        Category::Ipc => "IPC",
        Category::Memory => "memory",
        Category::Process => "process",
        Category::Sleep => "sleep",
        Category::System => "system",
        Category::Signal => "signal",
        Category::User => "user",
        Category::Time => "time",
        Category::Wait => "wait",
        Category::Scheduler => "scheduler",
        Category::Internal => "internal",
        Category::Read | Category::Write | Category::Io => match descriptor::known_kind(record) {
            Some(Kind::File | Kind::Directory) => "file",
            Some(Kind::Ipv4 | Kind::Ipv6) => "net",
            Some(Kind::Pipe | Kind::Unix | Kind::Event | Kind::Signal | Kind::Inotify | Kind::Userfault) => {
                "ipc"
            }
            _ => "unknown",
        },
    }))
}

/// `evt.arg`.
pub(super) fn argument<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    let argument = asked_for(record, asked)?;
    Some(Value::Bytes(argument::print(record, &argument).best()))
}

/// `evt.rawarg`.
pub(super) fn raw_argument<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    argument::raw(&asked_for(record, asked)?)
}

/// How `evt.rawarg` is printed; nothing of other fields.
pub(super) fn raw_format(record: &Record<'_>, field: &field::FieldUse) -> Option<field::NumberFormat> {
    if field.id.field().name != "evt.rawarg" {
        return None;
    }
    asked_for(record, field.argument.as_ref()).map(|argument| argument::raw_format(record, &argument))
}

fn asked_for<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<ArgumentView<'r>> {
    match asked? {
        field::Argument::Key(name) => record.argument(name),
        field::Argument::Index(place) => record.arguments().nth(usize::try_from(*place).ok()?),
    }
}

/// `evt.args`, `evt.info`.
pub(super) fn arguments<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if record.has_name_alone() {
        return Some(Value::text(""));
    }
    let mut all = Vec::new();
    for argument in record.arguments() {
        if !all.is_empty() {
            all.push(b' ');
        }
        let printed = argument::print(record, &argument);
        all.extend_from_slice(argument.name.as_bytes());
        all.push(b'=');
        all.extend_from_slice(&printed.plain);
        if let Some(resolved) = printed.resolved {
            all.push(b'(');
            all.extend_from_slice(&resolved);
            all.push(b')');
        }
    }
    made(all)
}

/// `evt.buffer`.
pub(super) fn buffer<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    text(record.argument("data")?.bytes()?)
}

/// `evt.buflen`.
pub(super) fn buffer_length<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let is_about_it = matches!(record.facts.category, Category::Read | Category::Write | Category::Io);
    descriptor::known_kind(record).filter(|_| is_about_it)?;
    record.result().and_then(|result| u64::try_from(result).ok()).map(Value::Unsigned)
}

/// `evt.rawres`.
pub(super) fn raw_result<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.result().map(Value::Signed)
}

/// `evt.res`.
pub(super) fn result<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let result = record.result()?;
    if result >= 0 {
        return Some(Value::text("SUCCESS"));
    }
    match result.checked_neg().and_then(super::super::errors::name) {
        Some(name) => Some(Value::text(name)),
        None => made(result.to_string()),
    }
}

/// `evt.failed`.
pub(super) fn has_failed<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.result().map(|result| Value::Bool(result < 0))
}

/// `evt.count`.
pub(super) fn count<'r>(_: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(1))
}

/// `evt.count.exit`.
pub(super) fn count_exit<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.facts.is_call().then_some(Value::Unsigned(1))
}

/// `evt.count.error`.
pub(super) fn count_error<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.result().map(|result| Value::Unsigned(u64::from(result < 0)))
}

/// What a call that may fail works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WorksOn {
    Files,
    Networks,
    Memory,
    SomethingElse,
}

fn counted<'r>(record: &Record<'r>, kinds: &[WorksOn]) -> Option<Value<'r>> {
    use DescriptorType as Kind;
    let on = match descriptor::known_kind(record) {
        Some(Kind::File | Kind::Directory) => WorksOn::Files,
        Some(Kind::Ipv4 | Kind::Ipv6 | Kind::Unix) => WorksOn::Networks,
        Some(_) => WorksOn::SomethingElse,
        None => match record.type_name {
            "open" | "creat" | "openat" | "openat2" | "open_by_handle_at" => WorksOn::Files,
            "accept" | "accept4" | "connect" => WorksOn::Networks,
            _ if record.facts.category == Category::Memory => WorksOn::Memory,
            _ => WorksOn::SomethingElse,
        },
    };
    if kinds.contains(&on) { count_error(record, None) } else { None }
}

/// `evt.count.error.file`.
pub(super) fn count_error_file<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    counted(record, &[WorksOn::Files])
}

/// `evt.count.error.net`.
pub(super) fn count_error_net<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    counted(record, &[WorksOn::Networks])
}

/// `evt.count.error.memory`: by its category alone.
pub(super) fn count_error_memory<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if record.facts.category == Category::Memory { count_error(record, None) } else { None }
}

/// `evt.count.error.other`.
pub(super) fn count_error_other<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    counted(record, &[WorksOn::SomethingElse])
}

/// `evt.is_io`.
pub(super) fn is_io<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Bool(record.facts.reads() || record.facts.writes()))
}

/// `evt.is_io_read`.
pub(super) fn is_io_read<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Bool(record.facts.reads()))
}

/// `evt.is_io_write`.
pub(super) fn is_io_write<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Bool(record.facts.writes()))
}

/// `evt.io_dir`.
pub(super) fn io_direction<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if record.facts.writes() {
        Some(Value::text("write"))
    } else if record.facts.reads() {
        Some(Value::text("read"))
    } else {
        None
    }
}

/// `evt.is_wait`.
pub(super) fn is_wait<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Bool(record.facts.waits()))
}

/// `evt.is_syslog`.
pub(super) fn is_syslog<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    const LOG: &[u8] = b"/dev/log";
    let name =
        descriptor::known(record).filter(|_| record.facts.writes()).and_then(|descriptor| descriptor.name());
    let is_log = name.is_some_and(|name| name.windows(LOG.len()).any(|part| part == LOG));
    Some(Value::Bool(is_log))
}

/// The bits of `flags`, of a call that opens a file.
fn open_bits(record: &Record<'_>) -> Option<u64> {
    record.facts.opens().then(|| record.argument("flags").and_then(|flags| flags.bits()).unwrap_or(0))
}

fn is_opened<'v>(record: &Record<'_>, bit: u64) -> Option<Value<'v>> {
    Some(Value::Bool(open_bits(record).is_some_and(|bits| bits & bit != 0)))
}

/// `evt.is_open_read`.
pub(super) fn is_open_read<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is_opened(record, flags::OPEN_READ)
}

/// `evt.is_open_write`.
pub(super) fn is_open_write<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    is_opened(record, flags::OPEN_WRITE)
}

/// `evt.is_open_create`.
pub(super) fn is_open_create<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let bits = open_bits(record).unwrap_or(0);
    let is_unnamed = bits & flags::OPEN_UNNAMED != 0 && record.result().is_some_and(|result| result >= 0);
    Some(Value::Bool(bits & flags::OPEN_CREATED != 0 || is_unnamed))
}

/// `evt.is_open_exec`.
pub(super) fn is_open_exec<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    const EXECUTE: u64 = 0o111;
    let makes = match record.type_name {
        "creat" => true,
        "open_by_handle_at" => false,
        _ => open_bits(record).is_some_and(|bits| bits & (flags::OPEN_CREATE | flags::OPEN_UNNAMED) != 0),
    };
    let mode = record.argument("mode").filter(|_| makes).and_then(|mode| mode.bits()).unwrap_or(0);
    Some(Value::Bool(mode & EXECUTE != 0))
}

/// `evt.rawtime`.
pub(super) fn raw_time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(record.event.time_ns))
}

/// `evt.rawtime.s`.
pub(super) fn raw_time_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(record.event.time_ns / SECOND_NS))
}

/// `evt.rawtime.ns`.
pub(super) fn raw_time_ns<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(record.event.time_ns % SECOND_NS))
}

/// Since the first event that a process caused; since 1970 before it.
fn relative(record: &Record<'_>) -> u64 {
    record.event.time_ns.wrapping_sub(record.context.first_ns.unwrap_or(0))
}

/// `evt.reltime`.
pub(super) fn relative_time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(relative(record)))
}

/// `evt.reltime.s`.
pub(super) fn relative_time_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(relative(record) / SECOND_NS))
}

/// `evt.reltime.ns`.
pub(super) fn relative_time_ns<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(relative(record) % SECOND_NS))
}

/// Since the event before, where that has a time.
fn delta(record: &Record<'_>) -> u64 {
    let previous = record.context.previous_ns.filter(|time| *time != 0);
    record.event.time_ns.wrapping_sub(previous.unwrap_or(record.event.time_ns))
}

/// `evt.deltatime`.
pub(super) fn delta_time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(delta(record)))
}

/// `evt.deltatime.s`.
pub(super) fn delta_time_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(delta(record) / SECOND_NS))
}

/// `evt.deltatime.ns`.
pub(super) fn delta_time_ns<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(delta(record) % SECOND_NS))
}

/// How long the call took. The reference, which does not know, says zero.
fn took(record: &Record<'_>) -> u64 {
    record.latency().unwrap_or(0)
}

/// `evt.latency`, `evt.wait_latency`.
pub(super) fn latency<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(took(record)))
}

/// `evt.latency.s`.
pub(super) fn latency_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(took(record) / SECOND_NS))
}

/// `evt.latency.ns`.
pub(super) fn latency_ns<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::Unsigned(took(record) % SECOND_NS))
}

/// `evt.latency.human`: in the largest unit of which there is one.
pub(super) fn latency_human<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    let took = took(record);
    let (unit, name) = [(SECOND_NS, "s"), (1_000_000, "ms"), (1000, "us")]
        .into_iter()
        .find(|(unit, _)| took >= *unit)
        .unwrap_or((1, "ns"));
    let fraction = if unit == 1 { String::new() } else { format!(".{:02}", took % unit * 100 / unit) };
    made(format!("{}{fraction}{name}", took / unit))
}

fn timed<'v>(record: &Record<'_>, format: &str) -> Option<Value<'v>> {
    let time = jiff::Timestamp::from_nanosecond(i128::from(record.event.time_ns)).ok()?;
    made(time.strftime(format).to_string())
}

/// `evt.time`, `evt.outputtime`.
pub(super) fn time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    timed(record, "%H:%M:%S.%9f")
}

/// `evt.time.s`.
pub(super) fn time_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    timed(record, "%H:%M:%S")
}

/// `evt.time.iso8601`.
pub(super) fn time_iso<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    timed(record, "%Y-%m-%dT%H:%M:%S.%9f+0000")
}

/// `evt.datetime`.
pub(super) fn date_time<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    timed(record, "%Y-%m-%d %H:%M:%S.%9f")
}

/// `evt.datetime.s`.
pub(super) fn date_time_s<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    timed(record, "%Y-%m-%d %H:%M:%S")
}
