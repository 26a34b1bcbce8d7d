//! The fields of events: what each is called, what type its values have, what stands in brackets behind it, and what it
//! cannot be used for. The table follows `sinsp_filtercheck_*.cpp` of falcosecurity/libs and the fields of the plugins
//! `container` and `k8smeta`, which are built in.

use super::condition::{self, Expression, FieldName, Operand};

mod table;

use table::FIELDS;

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
    let unknown = || format!("filter_check called with nonexistent field {name}{}", hint(&name.name));
    let (id, argument) = if let Some(id) = find(&name.name) {
        (id, name.argument.clone())
    } else {
        let (id, rest) = dotted(&name.name).filter(|_| name.argument.is_none()).ok_or_else(unknown)?;
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

/// A field whose argument follows a dot, and the argument.
fn dotted(name: &str) -> Option<(FieldId, &str)> {
    name.match_indices('.').rev().find_map(|(dot, _)| {
        let id = find(name.get(..dot)?)?;
        let argument = name.get(dot + 1..)?;
        let takes = id.field().argument == ArgumentRule::Required || id.field().name == "evt.abspath";
        (takes && !argument.is_empty()).then_some((id, argument))
    })
}

/// The field with the nearest name, where one is near.
fn hint(name: &str) -> String {
    let most = 1 + name.len() / 5;
    let near = FIELDS.iter().map(|field| (distance(name, field.name, most), field.name)).min();
    match near {
        Some((distance, near)) if distance <= most => format!("; is `{near}` meant?"),
        _ => String::new(),
    }
}

/// How many letters have to be changed to make one name of another; more than `most` where it is more.
fn distance(left: &str, right: &str, most: usize) -> usize {
    if left.len().abs_diff(right.len()) > most || left.len() > 64 {
        return most + 1;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.bytes().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        for (cell, other) in row.iter_mut().zip(std::iter::once(None).chain(right.bytes().map(Some))) {
            let Some(other) = other else {
                *cell = line + 1;
                continue;
            };
            let changed = diagonal + usize::from(letter != other);
            diagonal = *cell;
            *cell = changed.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(most + 1)
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
