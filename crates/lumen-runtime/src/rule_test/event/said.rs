//! What a test says of an event, by the names of fields.

use lumen_value::nearest::{did_you_mean, nearest};

use super::descriptor;
use crate::field::Argument;
use crate::record::{ArgumentValue, Bytes, Descriptor, NamedArgument, error_names, error_number, flags};
use crate::rule_test::fields::{Fields, Word};
use crate::rule_test::value::Given;
use crate::value::Value;

/// The calls that open a file by its path, and whose `flags` say how.
pub(super) const OPENS: [&str; 5] = ["open", "openat", "openat2", "open_by_handle_at", "creat"];

/// How a file is opened where the test does not say: for reading.
const READING: &str = "O_RDONLY";

/// The fields of an event that a test names.
pub(super) struct Said<'f>(pub(super) &'f Fields);

impl Said<'_> {
    fn value(&self, name: &str) -> Option<&Given> {
        self.0.get(name).given()
    }

    /// Whether anything is said of the field.
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.get(name) != Word::Unsaid
    }

    /// Whether it is said that the field has no value.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.0.get(name) == Word::Absent
    }

    /// Whether a field that begins so has a value.
    pub(super) fn has_any(&self, beginning: &str) -> bool {
        self.0.all().any(|(name, _, given)| given.is_some() && name.starts_with(beginning))
    }

    /// Whether anything is said of a field that begins so.
    pub(super) fn names_any(&self, beginning: &str) -> bool {
        self.0.all().any(|(name, ..)| name.starts_with(beginning))
    }

    /// The text of a field.
    pub(super) fn text(&self, name: &str) -> Option<Bytes> {
        self.value(name)?.as_bytes().map(<[u8]>::to_vec)
    }

    /// The text of a field; what it is where nothing is said; none where there is said to be none.
    pub(super) fn text_or(&self, name: &str, default: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        match self.0.get(name) {
            Word::Given(given) => given.as_bytes().map(<[u8]>::to_vec),
            Word::Absent => None,
            Word::Unsaid => default(),
        }
    }

    /// The text of a field that is UTF-8.
    pub(super) fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| String::from_utf8_lossy(&text).into_owned())
    }

    /// A number that is not below zero.
    pub(super) fn unsigned(&self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A number.
    pub(super) fn signed(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::Unsigned(number) => i64::try_from(*number).ok(),
            Value::Signed(number) => Some(*number),
            _ => None,
        }
    }

    /// A number; what it is where nothing is said; none where there is said to be none.
    pub(super) fn signed_or(&self, name: &str, default: i64) -> Option<i64> {
        if self.is_null(name) { None } else { Some(self.signed(name).unwrap_or(default)) }
    }

    /// Yes or no; no where nothing is said.
    pub(super) fn is(&self, name: &str) -> bool {
        self.value(name) == Some(&Value::Bool(true))
    }

    /// Yes or no, where it is said.
    pub(super) fn bool(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// An address.
    pub(super) fn address(&self, name: &str) -> Option<std::net::IpAddr> {
        match self.value(name)? {
            Value::Address(address) => Some(*address),
            _ => None,
        }
    }

    /// A port.
    pub(super) fn port(&self, name: &str) -> Option<u16> {
        self.unsigned(name).and_then(|port| u16::try_from(port).ok())
    }

    /// The values of a field by what stands in its brackets.
    pub(super) fn keyed(&self, field: &str) -> impl Iterator<Item = (&str, &Given)> {
        self.0.all().filter_map(move |(_, used, given)| match (&used.argument, given) {
            (Some(Argument::Key(key)), Some(given)) if used.id.field().name == field => {
                Some((key.as_str(), given))
            }
            _ => None,
        })
    }

    /// The largest number in the brackets behind one of several fields.
    pub(super) fn largest_index(&self, fields: &[&str]) -> u32 {
        let indexes = self.0.all().filter_map(|(_, used, _)| match &used.argument {
            Some(Argument::Index(index)) if fields.contains(&used.id.field().name) => Some(*index),
            _ => None,
        });
        indexes.max().unwrap_or(0)
    }

    /// What is said of what the call gave back; the error is a sentence.
    pub(super) fn result(&self) -> Result<Word<i64>, String> {
        if self.is_null("evt.rawres") || self.is_null("evt.res") {
            return Ok(Word::Absent);
        }
        let by_name = |name: &str| {
            let text = self.string(name)?;
            match text.as_str() {
                "SUCCESS" => Some(0),
                word => error_number(word).map(|number| -number).or_else(|| word.parse().ok()),
            }
        };
        if let Some(word) = self.string("evt.res").filter(|_| by_name("evt.res").is_none()) {
            let hint = did_you_mean(&nearest(&word, error_names().chain(["SUCCESS"])));
            return Err(format!(
                "evt.res: `{word}` is neither `SUCCESS`, nor a number, nor the name of an error{hint}"
            ));
        }
        let failed = || error_number("EPERM").map(|number| -number).filter(|_| self.is("evt.failed"));
        let said =
            self.signed("evt.rawres").or_else(|| by_name("evt.res")).or_else(|| by_name("evt.arg.res"));
        Ok(said.or_else(failed).map_or(Word::Unsaid, Word::Given))
    }
}

/// The arguments: those that a test names, and those that follow from other fields.
pub(super) fn arguments(
    said: &Said<'_>,
    type_name: &str,
    result: Option<i64>,
    descriptor: Option<&Descriptor>,
) -> Result<Vec<NamedArgument>, String> {
    let opens = OPENS.contains(&type_name);
    let mut arguments = Vec::new();
    let mut follows = |name: &str, value: ArgumentValue| {
        let field = format!("evt.arg.{name}");
        if said.0.get(&field) == Word::Unsaid {
            arguments.push(NamedArgument { name: name.to_owned().into(), value });
        }
    };
    if let Some(result) = result
        && !opens
    {
        follows("res", ArgumentValue::Outcome(result));
    }
    if opens {
        if let Some(descriptor) = descriptor {
            let name = descriptor.name.clone().unwrap_or_default();
            if let Some(number) = descriptor.number {
                let letter = descriptor::letter(descriptor.kind);
                follows("fd", ArgumentValue::Descriptor { number, letter, name: name.clone() });
            }
            if let Some(name) = descriptor.raw_name.clone().or_else(|| descriptor.name.clone()) {
                follows("name", ArgumentValue::Text(name));
            }
        }
        follows("flags", opened(READING)?);
    }
    for (name, given) in said.keyed("evt.arg") {
        let Some(text) = given.as_bytes() else { continue };
        let text_of = || String::from_utf8_lossy(text);
        let value = match name {
            "res" => result.map_or(ArgumentValue::Absent, ArgumentValue::Outcome),
            "flags" if opens => opened(&text_of())?,
            "mode" => octal(&text_of()).unwrap_or_else(|| ArgumentValue::Text(text.to_vec())),
            _ => text_of().parse().map_or_else(|_| ArgumentValue::Text(text.to_vec()), ArgumentValue::Signed),
        };
        arguments.push(NamedArgument { name: name.to_owned().into(), value });
    }
    Ok(arguments)
}

/// How a file is opened.
fn opened(text: &str) -> Result<ArgumentValue, String> {
    let bits = flags::open_bits(text).ok_or_else(|| {
        format!("evt.arg.flags: `{text}` is not made of the flags of an open, such as `O_WRONLY|O_CREAT`")
    })?;
    Ok(ArgumentValue::Named { bits, text: text.as_bytes().to_vec() })
}

/// Access bits, in octal.
fn octal(text: &str) -> Option<ArgumentValue> {
    u64::from_str_radix(text.strip_prefix("0o").unwrap_or(text), 8).ok().map(ArgumentValue::Octal)
}
