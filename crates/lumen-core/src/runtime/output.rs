//! What a rule says of a match (`eventformatter.cpp`, `engine/formats.cpp`).

use std::borrow::Cow;

use super::condition::{self, Operand};
use super::field::{Kind, NumberFormat};
use super::term::{Event, Term};
use super::value::Value;

/// What stands for a value that there is not.
pub const ABSENT: &str = "<NA>";

/// Most bytes that a rule's output may have.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// An output, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Value(Shown),
}

/// A value that is shown.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    /// As it is written.
    name: String,
    term: Term,
    kind: Kind,
    format: NumberFormat,
    /// Whether it is a field by itself; what functions make of one is not told apart.
    is_field: bool,
    /// The length that it is cut to, or filled up to with blanks; 0 for its own.
    width: usize,
}

impl Output {
    /// Reads an output: text with fields, and functions of fields, behind `%`, which may have a width.
    ///
    /// # Errors
    ///
    /// Where a `%` stands at the end, or before no field. The message is the reference's.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty formatting token".to_owned());
        }
        if text.len() > OUTPUT_BYTES_MAX {
            return Err(format!("the output has {} bytes, {OUTPUT_BYTES_MAX} are allowed", text.len()));
        }
        let mut parts = Vec::new();
        let mut rest = text.strip_prefix('*').unwrap_or(text);
        while let Some((before, behind)) = rest.split_once('%') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            if behind.is_empty() {
                return Err("invalid formatting syntax: formatting cannot end with a %".to_owned());
            }
            let field = behind.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let digits = behind.get(..behind.len() - field.len()).unwrap_or_default();
            if field.is_empty() {
                return Err("invalid formatting syntax: formatting cannot end with a number".to_owned());
            }
            let width: usize = digits.parse().unwrap_or(if digits.is_empty() { 0 } else { OUTPUT_BYTES_MAX });
            let (shown, length) = Shown::parse(field, width.min(OUTPUT_BYTES_MAX))?;
            parts.push(Part::Value(shown));
            rest = field.get(length..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// What is said of an event. Bytes that are no text are replaced.
    pub fn message(&self, event: &impl Event) -> String {
        let mut message = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => message.push_str(text),
                Part::Value(shown) => shown.write(&mut message, event),
            }
        }
        message
    }

    /// The fields that are shown, each once, with what they say of an event.
    pub fn fields<'e>(&'e self, event: &'e impl Event) -> Vec<(&'e str, Option<Value<'e>>)> {
        let mut fields: Vec<(&str, Option<Value<'e>>)> = Vec::new();
        for (name, field) in self.terms() {
            if !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, field.value(event)));
            }
        }
        fields
    }

    /// The fields by themselves, those in functions with them.
    fn terms(&self) -> impl Iterator<Item = (&str, &Term)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(shown) if shown.is_field => Some((shown.name.as_str(), &shown.term)),
            Part::Value(_) | Part::Text(_) => None,
        })
    }
}

impl Shown {
    /// Reads the longest field, or function of fields, with which a text begins, and how long it is.
    fn parse(text: &str, width: usize) -> Result<(Self, usize), String> {
        let (operand, length) =
            condition::parse_operand(text).map_err(|error| format!("unknown filter: {}", error.message))?;
        let whole = text.get(..length).unwrap_or_default();
        let first = match Self::compile(&operand, whole, width) {
            Ok(shown) => return Ok((shown, length)),
            Err(message) => message,
        };
        // `%user.name.` and `%user.names` show the user's name.
        for end in (1..whole.len()).rev() {
            let Some(Ok((operand, length))) = whole.get(..end).map(condition::parse_operand) else {
                continue;
            };
            let part = whole.get(..length).unwrap_or_default();
            if let Ok(shown) = Self::compile(&operand, part, width) {
                return Ok((shown, length));
            }
        }
        Err(format!("unknown filter: {first}"))
    }

    fn compile(operand: &Operand, name: &str, width: usize) -> Result<Self, String> {
        let (term, kind) = Term::compile(operand).map_err(|(_, message)| message)?;
        let format = match &term {
            Term::Field(used) => used.id.field().format,
            _ => NumberFormat::Decimal,
        };
        let is_field = matches!(term, Term::Field(_));
        Ok(Self { name: name.to_owned(), term, kind: kind.kind, format, is_field, width })
    }

    fn write(&self, message: &mut String, event: &impl Event) {
        let value = self.term.value(event);
        let text = match &value {
            // The reference prints numbers as the field prints them, and a text prints none.
            Some(Value::Unsigned(_)) if !self.is_field => None,
            Some(value) => Some(self.print(value)),
            None => None,
        };
        let text = text.as_deref().unwrap_or(ABSENT);
        if self.width == 0 {
            message.push_str(text);
            return;
        }
        let mut left = self.width;
        for letter in text.chars().take(self.width) {
            message.push(letter);
            left -= 1;
        }
        message.extend(std::iter::repeat_n(' ', left));
    }

    fn print<'v>(&self, value: &'v Value<'_>) -> Cow<'v, str> {
        print(value, self.kind, self.format)
    }
}

/// A value as it is printed.
pub fn print<'v>(value: &'v Value<'_>, kind: Kind, format: NumberFormat) -> Cow<'v, str> {
    match value {
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        Value::Bool(value) => if *value { "true" } else { "false" }.into(),
        Value::Double(number) => format!("{number:.1}").into(),
        Value::Address(_) if kind == Kind::Network => "<IPNET>".into(),
        Value::Address(address) => address.to_string().into(),
        Value::Signed(number) => match format {
            NumberFormat::Hexadecimal => format!("{number:X}").into(),
            NumberFormat::Padded => format!("{number:09}").into(),
            NumberFormat::Decimal => number.to_string().into(),
        },
        Value::Unsigned(number) => match format {
            NumberFormat::Hexadecimal => format!("{number:X}").into(),
            NumberFormat::Padded => format!("{number:09}").into(),
            NumberFormat::Decimal => number.to_string().into(),
        },
        Value::List(values) => {
            let mut text = String::from("(");
            for (position, value) in values.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&print(value, kind, format));
            }
            text.push(')');
            text.into()
        }
    }
}
