//! The fields of events: what each is called, what type its values have, what stands in brackets behind it, and what it
//! cannot be used for. The table follows `sinsp_filtercheck_*.cpp` of falcosecurity/libs and the fields of the plugins
//! `container` and `k8smeta`, which are built in.

use lumen_value::nearest::{did_you_mean, nearest};

use super::condition::{self, Expression, FieldName, Operand};
use super::number;

mod parameter;
mod table;

pub(crate) use table::FIELDS;

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text: bytes without a zero.
    Text,
    /// Bytes.
    Bytes,
    /// A number with a sign, 16 bits.
    Int16,
    /// A number with a sign, 32 bits.
    Int32,
    /// A number with a sign, 64 bits.
    Int64,
    /// A number without a sign, 32 bits.
    Uint32,
    /// A number without a sign, 64 bits.
    Uint64,
    /// Nanoseconds since 1970.
    AbsoluteTime,
    /// Nanoseconds.
    RelativeTime,
    /// A number with a fraction.
    Double,
    /// Yes or no.
    Bool,
    /// The address of a host.
    Address,
    /// An address, compared with networks.
    Network,
    /// A port.
    Port,
}

impl Kind {
    /// What values of this type are called, for people and programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Int16 | Self::Int32 | Self::Int64 => "number",
            Self::Uint32 | Self::Uint64 => "whole number",
            Self::AbsoluteTime => "time",
            Self::RelativeTime => "nanoseconds",
            Self::Double => "fraction",
            Self::Bool => "yes or no",
            Self::Address => "address",
            Self::Network => "network",
            Self::Port => "port",
        }
    }
}

/// What stands in brackets behind a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentRule {
    /// Nothing.
    None,
    /// A number, or nothing.
    Index,
    /// A text, or nothing.
    Key,
    /// A text or a number; it may follow a dot instead.
    Required,
}

/// How a number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// In decimal.
    Decimal,
    /// In hexadecimal, large letters.
    Hexadecimal,
    /// In octal.
    Octal,
    /// In decimal with nine digits at least.
    Padded,
}

/// What a field is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The event itself.
    Event,
    /// The process and the thread that caused it.
    Process,
    /// The user and the group of the process.
    User,
    /// The file descriptor that it is about.
    Descriptor,
    /// The paths that it names.
    Path,
    /// The container and the pod of the process.
    Container,
}

/// It can be compared, not printed.
const FILTER_ONLY: u8 = 1;
/// It can be printed, not compared.
const PRINT_ONLY: u8 = 2;
/// It can be compared with values alone.
const NO_RIGHT: u8 = 4;
/// No function can be applied to it.
const NO_FUNCTION: u8 = 8;
/// It will not be there for ever.
const DEPRECATED: u8 = 16;
/// It has several values.
const LIST: u8 = 32;

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, with dots.
    pub name: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// What stands in brackets behind it.
    pub argument: ArgumentRule,
    flags: u8,
    /// How its number is printed.
    pub format: NumberFormat,
    /// What it is about.
    pub about: About,
    /// What it says.
    pub says: &'static str,
}

impl Field {
    /// Whether it has several values.
    pub fn is_list(&self) -> bool {
        self.flags & LIST != 0
    }

    /// Whether it can be compared, but not printed.
    pub fn is_filter_only(&self) -> bool {
        self.flags & FILTER_ONLY != 0
    }

    /// Whether it can be printed, but not compared.
    pub fn is_print_only(&self) -> bool {
        self.flags & PRINT_ONLY != 0
    }

    /// Whether it may stand on either side of a comparison with another field.
    pub fn compares_with_fields(&self) -> bool {
        self.flags & NO_RIGHT == 0
    }

    /// Whether functions can be applied to it.
    pub fn takes_functions(&self) -> bool {
        self.flags & NO_FUNCTION == 0
    }

    /// Whether it will not be there for ever.
    pub fn is_deprecated(&self) -> bool {
        self.flags & DEPRECATED != 0
    }
}

/// A field by its place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(u16);

impl FieldId {
    /// Its place in the order of names, as [`all`] has it.
    pub fn place(self) -> usize {
        usize::from(self.0)
    }

    /// The field.
    pub fn field(self) -> &'static Field {
        // An id is made of a place in the table alone.
        FIELDS.get(usize::from(self.0)).unwrap_or(&FIELDS[0])
    }
}

/// What was asked for of a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Argument {
    /// The one at a place, from zero.
    Index(u32),
    /// The one of a name.
    Key(String),
}

/// What values of an event follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// From the thread alone, its process, user and container with it: they are the same for all events of a thread, as
    /// long as that stays as it is. How long something has lasted is not of them, nor is what the process uses of memory and
    /// descriptors.
    Thread,
    /// From the call alone, what it was given and what came of it: they are the same for calls that are the same, whoever
    /// makes them, and whenever.
    Call,
    /// From both, or from more, as the time.
    Event,
}

impl Basis {
    /// What something follows from that is made of several parts, of which some may follow from nothing.
    pub(super) fn of_several(parts: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        parts.into_iter().flatten().reduce(|left, right| if left == right { left } else { Self::Event })
    }
}

/// A field and what was asked for of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldUse {
    /// The field.
    pub id: FieldId,
    /// What was asked for of it.
    pub argument: Option<Argument>,
}

impl FieldUse {
    /// The type of its values; `None` where they have none that can be compared.
    pub fn kind(&self) -> Option<Kind> {
        match &self.argument {
            Some(Argument::Key(name)) if self.id.field().name == RAW_ARGUMENT => parameter::kind(name),
            _ => Some(self.id.field().kind),
        }
    }

    /// What its values follow from.
    pub fn basis(&self) -> Basis {
        let name = self.id.field().name;
        let is_of_call = match (&self.argument, name) {
            // A text may be a path that is relative to the working directory.
            (Some(Argument::Key(argument)), ARGUMENT) => parameter::kind(argument) != Some(Kind::Text),
            (_, ARGUMENT) => false,
            _ => !OF_MORE_THAN_CALL.contains(&name),
        };
        match self.id.field().about {
            About::Process | About::User | About::Container if !OF_THREAD_AND_EVENT.contains(&name) => {
                Basis::Thread
            }
            About::Event | About::Descriptor | About::Path if is_of_call => Basis::Call,
            _ => Basis::Event,
        }
    }

    /// Whether it stands for several others, of which one has to fit, without being a list: both ends of a connection, or all
    /// parents of a process.
    pub fn is_several(&self) -> bool {
        let name = &self.id.field().name;
        self.argument.is_none() && (ENDS.contains(name) || ANCESTORS.contains(name))
    }
}

/// Fields that stand for both ends of a connection.
pub(super) const ENDS: [&str; 4] = ["fd.ip", "fd.net", "fd.port", "fd.proto"];

/// Fields that stand for all parents of a process, where nothing stands in brackets.
const ANCESTORS: [&str; 6] =
    ["proc.aname", "proc.aexe", "proc.aexepath", "proc.acmdline", "proc.apid", "proc.aenv"];

/// The bytes of the longest name of a field, or of an argument of events with `evt.rawarg.` before it.
pub(super) const NAME_BYTES_MAX: usize = 40;

/// Fields of the thread that depend on the event, too: on when it happened, and on what the process used then.
#[rustfmt::skip]
const OF_THREAD_AND_EVENT: [&str; 12] = [
    "container.duration", "proc.duration", "proc.ppid.duration",
    "proc.fdopencount", "proc.fdusage", "proc.vmrss", "proc.vmsize", "proc.vmswap",
    "thread.pfmajor", "thread.pfminor", "thread.vmrss", "thread.vmsize",
];

/// Fields of the event that follow from more than from the call.
const OF_MORE_THAN_CALL: [&str; 35] = [
    "evt.abspath",
    "evt.args",
    "evt.cpu",
    "evt.datetime",
    "evt.datetime.s",
    "evt.deltatime",
    "evt.deltatime.ns",
    "evt.deltatime.s",
    "evt.hostname",
    "evt.info",
    "evt.latency",
    "evt.latency.human",
    "evt.latency.ns",
    "evt.latency.s",
    "evt.num",
    "evt.outputtime",
    "evt.plugininfo",
    "evt.pluginname",
    "evt.rawtime",
    "evt.rawtime.ns",
    "evt.rawtime.s",
    "evt.reltime",
    "evt.reltime.ns",
    "evt.reltime.s",
    "evt.time",
    "evt.time.iso8601",
    "evt.time.s",
    "evt.wait_latency",
    "fd.containerdirectory",
    "fd.containername",
    "fd.types",
    "fd.uid",
    // A path may be relative to the working directory.
    "fs.path.name",
    "fs.path.source",
    "fs.path.target",
];

/// The arguments of events, as they are printed and as they are.
const ARGUMENT: &str = "evt.arg";
const RAW_ARGUMENT: &str = "evt.rawarg";

/// All fields, in the order of their names.
pub fn all() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter()
}

/// The field of a name.
pub fn find(name: &str) -> Option<FieldId> {
    let place = FIELDS.binary_search_by(|field| field.name.cmp(name)).ok()?;
    u16::try_from(place).ok().map(FieldId)
}

/// Finds a field as a condition names it; the error is a sentence for people, in the reference's words.
///
/// # Errors
///
/// Where there is no such field, or what stands in brackets does not fit it.
pub fn resolve(name: &FieldName) -> Result<FieldUse, String> {
    let hint = || did_you_mean(&nearest(&name.name, FIELDS.iter().map(|field| field.name)));
    let unknown = || format!("filter_check called with nonexistent field {name}{}", hint());
    let (id, argument) = if let Some(id) = find(&name.name) {
        if let Some(text) = &name.argument {
            bracketed_parameter(id, text)?;
        }
        (id, name.argument.clone())
    } else {
        let (id, rest) = dotted(&name.name).filter(|_| name.argument.is_none()).ok_or_else(unknown)?;
        if [ARGUMENT, RAW_ARGUMENT].contains(&id.field().name) {
            let known = parameter::longest(rest).ok_or_else(|| format!("unknown event argument {rest}"))?;
            if known != rest {
                return Err(unknown());
            }
        }
        (id, Some(rest.to_owned()))
    };
    let argument = match (id.field().argument, argument) {
        (ArgumentRule::None | ArgumentRule::Index | ArgumentRule::Key, None) => None,
        (ArgumentRule::None, Some(_)) => return Err(unknown()),
        (ArgumentRule::Required, None) => {
            return Err(format!("filter syntax error: {name} needs an argument in brackets"));
        }
        (ArgumentRule::Index, Some(text)) => Some(Argument::Index(text.parse().map_err(|_| unknown())?)),
        (ArgumentRule::Key | ArgumentRule::Required, Some(text)) => Some(match text.parse() {
            Ok(index) if text.bytes().all(|byte| byte.is_ascii_digit()) => Argument::Index(index),
            _ => Argument::Key(text),
        }),
    };
    Ok(FieldUse { id, argument })
}

/// Whether a text begins with the name of a field, and brackets or a dot follow, if anything does. [`resolve`] looks closer, and
/// longer.
pub(super) fn is_named(text: &str) -> bool {
    let name = text.split('[').next().unwrap_or(text);
    find(name).is_some() || dotted(name).is_some()
}

/// Looks whether an argument of events may be named so in brackets: by its number, and only as it is printed.
fn bracketed_parameter(id: FieldId, text: &str) -> Result<(), String> {
    match id.field().name {
        ARGUMENT => number::parse(text.as_bytes(), Kind::Int32).map(|_| ()),
        RAW_ARGUMENT => Err("evt.arg fields must be expressed explicitly".to_owned()),
        _ => Ok(()),
    }
}

/// A field whose argument follows a dot, and the argument.
fn dotted(name: &str) -> Option<(FieldId, &str)> {
    name.match_indices('.').rev().find_map(|(dot, _)| {
        let id = find(name.get(..dot)?)?;
        let argument = name.get(dot + 1..)?;
        let takes = id.field().argument == ArgumentRule::Required || id.field().name == "evt.abspath";
        (takes && !argument.is_empty()).then_some((id, argument))
    })
}

/// Whether a text is a field, or a function of fields, as it may stand to the left of an operator.
pub fn is_operand(text: &str) -> bool {
    match condition::parse(&format!("{text} exists")) {
        Ok(Expression::Check(check)) => match &check.left {
            Operand::Field(name) => resolve(name).is_ok(),
            Operand::Call(_) => super::check::check(&Expression::Check(check)).is_ok(),
        },
        _ => false,
    }
}
