//! Events as the reference prints them: a flat object of JSON, fields with their values. What is absent has no value.
//!
//! Such lines are what Falco itself gives of events (`-o json_output=true`, with every field in the output), what tests and
//! other programs write most easily, and the one form in which derived fields are taken as they are and not made here.
//! Printed values are not the values: of `fd.net` only the address is there, of `fd.types` every member, and of a list
//! without brackets (`proc.aname`) its members with blanks between them.
//!
//! A value of a type that its field cannot have is no value, and a [`Misfit`].

use std::borrow::Cow;
use std::fmt;

use lumen_value::read::{Limits, ReadErrorKind, Syntax, read_document};
use lumen_value::{Number, Object, Value as Json};

use super::condition::{Operand, parse_operand};
use super::event_types;
use super::field::{self, Argument, Field, FieldUse, Kind, NumberFormat};
use super::term::Event;
use super::value::Value;

/// Most bytes that a line may have. An event of Falco has 64 KiB at most.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Deepest nesting in a line: an object with lists.
const DEPTH_MAX: usize = 4;

/// The fields of all ancestors, which the reference prints with blanks between them.
const ANCESTORS: [&str; 3] = ["proc.aname", "proc.aexe", "proc.aexepath"];

/// An event as it was printed.
#[derive(Clone)]
pub struct Printed {
    fields: Object,
    event_type: Option<usize>,
}

/// Why a line is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrintedError {
    /// It has more bytes than [`LINE_BYTES_MAX`].
    #[error("the line has more than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON, or nests too deep.
    #[error("{message}, at byte {at} of the line")]
    NoJson {
        /// The byte of the line at which it stops being any, from zero.
        at: usize,
        /// What is wrong.
        message: String,
    },
    /// It is JSON, but no object.
    #[error("it is {found}, and not an object of fields and values")]
    NoObject {
        /// What it is.
        found: &'static str,
    },
    /// What no field is called has a value of a kind that no field has: the line is of another form.
    #[error("`{name}` has {found} for a value")]
    NoValue {
        /// The name.
        name: String,
        /// What its value is.
        found: &'static str,
    },
    /// There is no such type of events.
    #[error("`evt.type` is `{name}`: there is no such type of events")]
    UnknownType {
        /// Its name.
        name: String,
    },
}

impl Printed {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// Where the line is no flat object of fields, too long, or of a type of events that does not exist. Other lines are not
    /// concerned.
    pub fn read(line: &[u8]) -> Result<Self, PrintedError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(PrintedError::TooLong);
        }
        let limits = Limits { depth_max: DEPTH_MAX, ..Limits::default() };
        let parsed = read_document(line, Syntax::Json, &limits).map_err(|error| PrintedError::NoJson {
            at: error.at,
            message: match error.kind {
                ReadErrorKind::TooDeep => "values nest too deep".to_owned(),
                _ => error.message,
            },
        })?;
        let Json::Object(fields) = parsed.value else {
            return Err(PrintedError::NoObject { found: parsed.value.kind() });
        };
        let is_bad = |value: &Json| match value {
            Json::Array(items) => !items.iter().all(is_scalar),
            value => !is_scalar(value),
        };
        let bad = fields.fields().find(|(name, value)| is_bad(value) && !field::is_named(&name.to_text()));
        if let Some((name, value)) = bad {
            return Err(PrintedError::NoValue { name: name.to_text().into_owned(), found: value.kind() });
        }
        let event_type = match fields.get("evt.type") {
            None | Some(Json::Null) => None,
            Some(named) => {
                let unknown = |name: &str| PrintedError::UnknownType { name: name.to_owned() };
                let name = named.as_str().ok_or_else(|| unknown(&shortened(named)))?;
                Some(event_types::find(name.as_bytes()).ok_or_else(|| unknown(name))?)
            }
        };
        Ok(Self { fields, event_type })
    }

    /// Its number: `evt.num`.
    pub fn number(&self) -> Option<u64> {
        unsigned(self.fields.get("evt.num")?.as_number()?)
    }

    /// When it happened, in nanoseconds since 1970: `evt.rawtime`.
    pub fn time_ns(&self) -> Option<i64> {
        self.fields.get("evt.rawtime")?.as_i64()
    }

    /// Whether `evt.rawtime` has a value that is no number of nanoseconds, so that [`Printed::time_ns`] knows none.
    pub fn has_unreadable_time(&self) -> bool {
        self.time_ns().is_none() && self.fields.get("evt.rawtime").is_some_and(|value| !value.is_null())
    }

    /// The names that it has values for, and the values, as they are written.
    pub fn values(&self) -> impl Iterator<Item = (Cow<'_, str>, &Json)> {
        self.fields.fields().map(|(name, value)| (name.to_text(), value))
    }

    /// What was printed of another field.
    fn other(&self, name: &str, kind: Kind) -> Option<Value<'_>> {
        value(self.fields.get(name)?, kind, NumberFormat::Decimal)
    }

    fn both(&self, [first, second]: [&str; 2], kind: Kind) -> Option<Value<'_>> {
        Some(Value::List(vec![self.other(first, kind)?, self.other(second, kind)?]))
    }

    /// The addresses of both ends; of a socket that has no other end yet, none in particular.
    fn addresses(&self) -> Option<Value<'_>> {
        let unspecified = match self.fields.get("fd.type")?.as_str()? {
            "ipv4" => "0.0.0.0",
            "ipv6" => "::",
            _ => return None,
        };
        self.both(["fd.cip", "fd.sip"], Kind::Address)
            .or_else(|| Some(Value::List(vec![Value::Address(unspecified.parse().ok()?)])))
    }

    /// A field under its own name, or one of the names that mean the same.
    fn printed(&self, name: &str, argument: Option<&Argument>) -> Option<&Json> {
        match argument {
            None => self.fields.get(name),
            Some(Argument::Index(0)) if name == "proc.aname" => self.fields.get("proc.name"),
            Some(Argument::Index(1)) if name == "proc.aname" => self.fields.get("proc.pname"),
            Some(Argument::Index(index)) => self.fields.get(&format!("{name}[{index}]")),
            Some(Argument::Key(key)) => self
                .fields
                .get(&format!("{name}.{key}"))
                .or_else(|| self.fields.get(&format!("{name}[{key}]"))),
        }
    }
}

impl fmt::Debug for Printed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Json::Object(self.fields.clone()), out)
    }
}

impl Event for Printed {
    fn value(&self, used: &FieldUse) -> Option<Value<'_>> {
        let field = used.id.field();
        let name = field.name;
        match name {
            "fd.ip" | "fd.net" => return self.addresses(),
            // It is not printed: events are those of the end of a call, but for the end of a process.
            "evt.dir" => {
                let is_end = self.fields.get("evt.res").is_some();
                return Some(Value::text(if is_end { "<" } else { ">" }));
            }
            "fd.port" | "fd.proto" => return self.both(["fd.cport", "fd.sport"], Kind::Port),
            // A network is not printed: the address is.
            "fd.cnet" | "fd.snet" | "fd.lnet" | "fd.rnet" => {
                return self.other(&name.replace("net", "ip"), Kind::Address);
            }
            _ => {}
        }
        let printed = self.printed(name, used.argument.as_ref())?;
        match (printed, &used.argument) {
            (Json::String(names), None) if ANCESTORS.contains(&name) => {
                let names = names.as_bytes().split(|byte| *byte == b' ');
                Some(Value::List(names.map(|name| Value::Bytes(Cow::Borrowed(name))).collect()))
            }
            (Json::String(_), None) if field.is_list() => {
                Some(Value::List(vec![value(printed, field.kind, field.format)?]))
            }
            _ => value(printed, field.kind, field.format),
        }
    }

    fn event_type(&self) -> Option<usize> {
        self.event_type
    }
}

/// Whether a name is that of a field, with what stands in brackets or behind a dot.
pub fn is_field(name: &str) -> bool {
    field::is_operand(name)
}

/// The field of a name; `None` where there is none, or it is a function of fields.
pub fn field_of(name: &str) -> Option<FieldUse> {
    if !field::is_named(name) {
        return None;
    }
    match parse_operand(name).ok()? {
        (Operand::Field(found), length) if length == name.len() => field::resolve(&found).ok(),
        _ => None,
    }
}

/// Fields that follow from others: what is printed of them is not looked at.
const DERIVED: [&str; 9] =
    ["evt.dir", "fd.cnet", "fd.ip", "fd.lnet", "fd.net", "fd.port", "fd.proto", "fd.rnet", "fd.snet"];

/// What is printed of a field and of no type that it can have: the field has no value.
#[derive(Clone, Debug)]
pub struct Misfit<'e> {
    name: &'e str,
    value: &'e Json,
    field: &'static Field,
}

impl<'e> Misfit<'e> {
    /// Looks whether a field cannot have what is printed under its name. What is absent or `null` is no misfit.
    pub fn of(name: &'e str, value: &'e Json, used: &FieldUse) -> Option<Self> {
        let field = used.id.field();
        let fits = value.is_null()
            || DERIVED.contains(&field.name)
            || self::value(value, field.kind, field.format).is_some();
        (!fits).then_some(Self { name, value, field })
    }
}

impl fmt::Display for Misfit<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = match self.field.kind {
            _ if self.field.format == NumberFormat::Hexadecimal => {
                "a number, or the text of one in hexadecimal"
            }
            Kind::Text | Kind::Bytes => "a text",
            Kind::Int16 | Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => "a whole number",
            Kind::AbsoluteTime => "a number of nanoseconds since 1970",
            Kind::RelativeTime => "a number of nanoseconds",
            Kind::Double => "a number",
            Kind::Bool => "`true` or `false`",
            Kind::Address | Kind::Network => "the text of an address",
            Kind::Port => "the number of a port",
        };
        write!(out, "`{}` is {} and not {wanted}: it is taken for absent", self.name, shortened(self.value))
    }
}

/// Most letters of a value that are shown.
const SHOWN_MAX: usize = 40;

/// A value as JSON, cut where it is long.
fn shortened(value: &Json) -> String {
    let text = value.to_json();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}..", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::Object(_) | Json::Array(_))
}

fn value(printed: &Json, kind: Kind, format: NumberFormat) -> Option<Value<'_>> {
    match printed {
        Json::Array(items) => {
            Some(Value::List(items.iter().map(|item| scalar(item, kind, format)).collect::<Option<_>>()?))
        }
        one => scalar(one, kind, format),
    }
}

fn scalar(printed: &Json, kind: Kind, format: NumberFormat) -> Option<Value<'_>> {
    Some(match (printed, kind) {
        (Json::Null | Json::Object(_) | Json::Array(_), _)
        | (Json::Number(_), Kind::Bool | Kind::Address | Kind::Network) => return None,
        (Json::String(text), Kind::Text | Kind::Bytes) => Value::Bytes(Cow::Borrowed(text.as_bytes())),
        (other, Kind::Text | Kind::Bytes) => Value::Bytes(Cow::Owned(other.to_json().into_bytes())),
        (Json::Bool(value), Kind::Bool) => Value::Bool(*value),
        (Json::String(_), Kind::Address | Kind::Network) => Value::Address(printed.as_str()?.parse().ok()?),
        (Json::String(_), _) if format == NumberFormat::Hexadecimal => {
            Value::Signed(i64::from_str_radix(printed.as_str()?, 16).ok()?)
        }
        (Json::Number(number), Kind::Double) => Value::Double(number.as_f64()),
        (Json::Number(number), _) => match unsigned(number) {
            Some(number) => Value::Unsigned(number),
            None => Value::Signed(number.as_i64()?),
        },
        _ => return None,
    })
}

/// The value of a number, where it is a whole one of 64 bits without a sign.
fn unsigned(number: &Number) -> Option<u64> {
    match number.as_i64() {
        Some(number) => u64::try_from(number).ok(),
        None => number.json_text().parse().ok(),
    }
}

#[cfg(test)]
mod tests;
