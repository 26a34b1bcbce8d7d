//! The fields of events: what each is called, what type its values have, what stands in brackets behind it, and what it
//! cannot be used for. The table follows `sinsp_filtercheck_*.cpp` of falcosecurity/libs and the fields of the plugins
//! `container` and `k8smeta`, which are built in.

use super::condition::{self, Expression, FieldName, Operand};
use super::nearest;
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

    /// Whether its values follow from the thread alone, its process, user and container with it: they are the same for all
    /// events of a thread, as long as that stays as it is. How long something has lasted is not of them.
    pub fn is_of_thread(&self) -> bool {
        let is_of_thread = matches!(self.about, About::Process | About::User | About::Container);
        is_of_thread && !OF_THREAD_AND_TIME.contains(&self.name)
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

/// Fields of the thread that depend on when the event happened, too.
const OF_THREAD_AND_TIME: [&str; 3] = ["container.duration", "proc.duration", "proc.ppid.duration"];

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
    let hint = || nearest::hint(&name.name, FIELDS.iter().map(|field| field.name));
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
