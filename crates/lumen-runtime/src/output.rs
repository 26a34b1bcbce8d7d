//! What a rule says of a match (`eventformatter.cpp`, `engine/formats.cpp`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::condition::{self, Argument, Operand};
use super::field::{self, FieldUse, Kind, NumberFormat};
use super::term::{Event, Term};
use super::value::Value;

/// What stands for a value that there is not.
pub const ABSENT: &str = "<NA>";

/// What the reference's container plugin suggests to add to each rule's output, and the reference adds by default.
pub const SUGGESTED: &str = "container_id=%container.id container_name=%container.name \
    container_image_repository=%container.image.repository container_image_tag=%container.image.tag \
    k8s_pod_name=%k8s.pod.name k8s_ns_name=%k8s.ns.name";

/// Most bytes that a rule's output may have.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Most bytes that are shown of a buffer, as the reference cuts longer ones (`STRPROPERTY_STORAGE_SIZE`).
const BUFFER_BYTES_MAX: usize = 1022;

/// An output, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    parts: Vec<Part>,
    /// The fields that are shown, each once, by their names; those that functions are applied to are shown as they are.
    fields: Vec<NamedField>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Value(Shown),
}

/// A value that is shown.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    term: Term,
    kind: Kind,
    /// The bytes that it is cut to, or filled up to with blanks; 0 for its own.
    width: usize,
}

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    kind: Kind,
    format: NumberFormat,
}

/// A field that is shown, by its name.
#[derive(Clone, Debug, PartialEq)]
struct NamedField {
    name: String,
    term: Term,
    kind: Kind,
}

impl Output {
    /// Reads an output: text with fields, and functions of fields, behind `%`, which may have a width.
    ///
    /// # Errors
    ///
    /// Where a `%` stands at the end, or before no field. The message is the reference's.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|(_, message)| message)
    }

    /// As [`Self::parse`], with the byte of the text that is to blame.
    pub(crate) fn read(text: &str) -> Result<Self, (usize, String)> {
        if text.is_empty() {
            return Err((0, "empty formatting token".to_owned()));
        }
        if text.len() > OUTPUT_BYTES_MAX {
            return Err((0, format!("the output has {} bytes, {OUTPUT_BYTES_MAX} are allowed", text.len())));
        }
        let mut parts = Vec::new();
        let mut fields = BTreeMap::new();
        let mut rest = text.strip_prefix('*').unwrap_or(text);
        while let Some((before, behind)) = rest.split_once('%') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let at = text.len() - behind.len() - 1;
            let refused = |message| (at, message);
            if behind.is_empty() {
                return Err(refused("invalid formatting syntax: formatting cannot end with a %".to_owned()));
            }
            let field = behind.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let digits = behind.get(..behind.len() - field.len()).unwrap_or_default();
            if field.is_empty() {
                let message = "invalid formatting syntax: formatting cannot end with a number";
                return Err(refused(message.to_owned()));
            }
            let width: usize = digits.parse().unwrap_or(if digits.is_empty() { 0 } else { OUTPUT_BYTES_MAX });
            let (shown, operand, length) =
                Shown::parse(field, width.min(OUTPUT_BYTES_MAX)).map_err(refused)?;
            collect_fields(&operand, &mut fields).map_err(refused)?;
            parts.push(Part::Value(shown));
            rest = field.get(length..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts, fields: fields.into_values().collect() })
    }

    /// What is said of an event. Bytes that are no UTF-8 are replaced.
    pub fn message(&self, event: &impl Event) -> String {
        let mut message = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => message.extend_from_slice(text.as_bytes()),
                Part::Value(shown) => shown.write(&mut message, event),
            }
        }
        String::from_utf8(message)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The fields that are shown, each once, in the order of their names, with what JSON says of them: numbers that are not
    /// printed in decimal are texts, and so are buffers and networks.
    pub fn fields<'e>(&'e self, event: &'e impl Event) -> Vec<(&'e str, Option<Value<'e>>)> {
        let value = |field: &'e NamedField| {
            let form = Form::of(&field.term, field.kind, event);
            shown_value(&field.term, event).map(|value| form.for_json(value))
        };
        self.fields.iter().map(|field| (field.name.as_str(), value(field))).collect()
    }

    /// The names of the fields that are shown, as they are written, those in functions with them.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

impl Shown {
    /// Reads the longest field, or function of fields, with which a text begins, and how long it is.
    fn parse(text: &str, width: usize) -> Result<(Self, Operand, usize), String> {
        let first = match Self::whole(text, width) {
            Ok(shown) => return Ok(shown),
            Err(message) => message,
        };
        // `%user.name.` and `%user.names` show the user's name, and so does `%user.name[`. No field has a longer name than
        // the longest, but for what follows a dot as it is asked for.
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let name = text.bytes().take_while(|byte| is_name(byte)).count();
        let shorter = (1..name.min(field::NAME_BYTES_MAX + 1)).rev();
        for end in closed(text).into_iter().chain([name]).chain(shorter) {
            if let Some(Ok(shown)) = text.get(..end).map(|part| Self::whole(part, width)) {
                return Ok(shown);
            }
        }
        Err(format!("unknown filter: {first}"))
    }

    /// Reads what stands at the beginning of a text as it stands there, and how long it is.
    fn whole(text: &str, width: usize) -> Result<(Self, Operand, usize), String> {
        let (operand, length) = condition::parse_operand(text).map_err(|error| error.message)?;
        Ok((Self::compile(&operand, width)?, operand, length))
    }

    fn compile(operand: &Operand, width: usize) -> Result<Self, String> {
        let (term, kind) = Term::compile(operand).map_err(|(_, message)| message)?;
        Ok(Self { term, kind: kind.kind, width })
    }

    fn write(&self, message: &mut Vec<u8>, event: &impl Event) {
        let start = message.len();
        match shown_value(&self.term, event) {
            // The reference prints numbers as the field prints them, and a text prints none.
            Some(Value::Unsigned(_)) if !matches!(self.term, Term::Field(_)) => {
                message.extend_from_slice(ABSENT.as_bytes());
            }
            // What is no UTF-8 is replaced in the whole message: a part that was cut may end in the middle of a letter.
            Some(Value::Bytes(bytes)) if self.kind != Kind::Bytes => {
                message.extend_from_slice(until_zero(&bytes));
            }
            Some(value) => {
                let form = Form::of(&self.term, self.kind, event);
                message.extend_from_slice(print(&value, form.kind, form.format).as_bytes());
            }
            None => message.extend_from_slice(ABSENT.as_bytes()),
        }
        if self.width > 0 {
            message.resize(start + self.width, b' ');
        }
    }
}

/// Fields that are compared with both ends of a socket, and so have no one value to show.
const OF_BOTH_ENDS: [&str; 4] = ["fd.ip", "fd.net", "fd.port", "fd.proto"];

/// Fields of parents that show what the process itself has.
const OF_ITSELF: [&str; 2] = ["proc.apid", "proc.aenv"];

/// What is shown of a term. A field that is no list but stands for several, the names of a process's parents, is one text;
/// of bytes, those that cannot be printed are dots.
fn shown_value<'e>(term: &'e Term, event: &'e impl Event) -> Option<Value<'e>> {
    let Term::Field(used) = term else { return term.value(event) };
    let field = used.id.field();
    // Without a number, all parents are compared, but it is the process itself that is shown.
    if used.argument.is_none() && OF_ITSELF.contains(&field.name) {
        return event.value(&FieldUse { id: used.id, argument: Some(field::Argument::Index(0)) });
    }
    if OF_BOTH_ENDS.contains(&field.name) {
        return None;
    }
    let value = term.value(event)?;
    match value {
        Value::List(items) if !field.is_list() && items.iter().all(|item| item.as_bytes().is_some()) => {
            let texts: Vec<&[u8]> = items.iter().filter_map(Value::as_bytes).collect();
            Some(Value::Bytes(texts.join(&b' ').into()))
        }
        Value::Bytes(bytes) if field.kind == Kind::Bytes => {
            let is_printed = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
            Some(Value::Bytes(
                bytes.iter().map(|byte| if is_printed(*byte) { *byte } else { b'.' }).collect(),
            ))
        }
        value => Some(value),
    }
}

impl Form {
    fn of(term: &Term, kind: Kind, event: &impl Event) -> Self {
        let format = match term {
            Term::Field(used) => event.number_format(used),
            _ => NumberFormat::Decimal,
        };
        Self { kind, format }
    }

    fn for_json(self, value: Value<'_>) -> Value<'_> {
        match value {
            Value::List(values) => {
                Value::List(values.into_iter().map(|value| self.for_json(value)).collect())
            }
            Value::Bytes(bytes) if self.kind == Kind::Bytes => {
                Value::Bytes(printable(&bytes).into_bytes().into())
            }
            Value::Bytes(Cow::Borrowed(bytes)) => Value::Bytes(Cow::Borrowed(until_zero(bytes))),
            Value::Address(_) if self.kind == Kind::Network => Value::text(NETWORK),
            Value::Signed(_) | Value::Unsigned(_)
                if matches!(self.format, NumberFormat::Hexadecimal | NumberFormat::Octal) =>
            {
                Value::Bytes(print(&value, self.kind, self.format).into_owned().into_bytes().into())
            }
            value => value,
        }
    }
}

/// The fields of an operand, those in functions with them, by their names.
fn collect_fields(operand: &Operand, fields: &mut BTreeMap<String, NamedField>) -> Result<(), String> {
    match operand {
        Operand::Field(name) => {
            let used = field::resolve(name)?;
            let field = used.id.field();
            let named = NamedField { name: name.to_string(), kind: field.kind, term: Term::Field(used) };
            fields.insert(named.name.clone(), named);
            Ok(())
        }
        Operand::Call(call) => call.arguments.iter().try_for_each(|argument| match argument {
            Argument::Operand(operand) => collect_fields(operand, fields),
            Argument::Value(_) | Argument::List(_) => Ok(()),
        }),
    }
}

/// What stands for a network.
const NETWORK: &str = "<IPNET>";

/// The bytes of a buffer, each that is no printable ASCII as a dot. One that is too long is cut, as the reference cuts it.
fn printable(bytes: &[u8]) -> String {
    let most = if bytes.len() > BUFFER_BYTES_MAX { BUFFER_BYTES_MAX - 1 } else { BUFFER_BYTES_MAX };
    let shown = |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' };
    bytes.iter().take(most).map(shown).collect()
}

/// Text ends at a zero, as it does in the kernel.
fn until_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A value as it is printed.
pub fn print<'v>(value: &'v Value<'_>, kind: Kind, format: NumberFormat) -> Cow<'v, str> {
    match value {
        Value::Bytes(bytes) if kind == Kind::Bytes => printable(bytes).into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(until_zero(bytes)),
        Value::Bool(value) => if *value { "true" } else { "false" }.into(),
        Value::Double(number) => format!("{number:.1}").into(),
        Value::Address(_) if kind == Kind::Network => NETWORK.into(),
        Value::Address(address) => address.to_string().into(),
        Value::Signed(number) => match format {
            NumberFormat::Hexadecimal => format!("{number:X}").into(),
            NumberFormat::Octal => format!("{number:o}").into(),
            NumberFormat::Padded => format!("{number:09}").into(),
            NumberFormat::Decimal => number.to_string().into(),
        },
        Value::Unsigned(number) => match format {
            NumberFormat::Hexadecimal => format!("{number:X}").into(),
            NumberFormat::Octal => format!("{number:o}").into(),
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

/// Where the brackets are closed that a text opens first.
fn closed(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let at = text.bytes().position(|byte| match byte {
        b'(' => {
            depth += 1;
            false
        }
        b')' => {
            depth = depth.saturating_sub(1);
            depth == 0
        }
        _ => false,
    })?;
    Some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::{OUTPUT_BYTES_MAX, Output};

    fn names(output: &str) -> Result<Vec<String>, String> {
        Output::parse(output).map(|output| output.field_names().map(str::to_owned).collect())
    }

    #[test]
    fn the_longest_field_is_shown() {
        for (output, expected) in [
            ("%user.name. and %user.names", vec!["user.name"]),
            ("%proc.env[ABC", vec!["proc.env"]),
            ("%proc.name[", vec!["proc.name"]),
            ("%proc.aname[2x] %proc.aname[2]", vec!["proc.aname", "proc.aname[2]"]),
            ("%container.label.a.b.c", vec!["container.label.a.b.c"]),
            ("%proc.exe_ino.ctimes", vec!["proc.exe_ino.ctime"]),
            ("%evt.arg.flags.x", vec!["evt.arg.flags"]),
            ("%tolower(proc.name)x", vec!["proc.name"]),
            ("%len(proc.name)[2]", vec!["proc.name"]),
        ] {
            assert_eq!(names(output), Ok(expected.into_iter().map(str::to_owned).collect()), "{output}");
        }
        for output in ["%a", "%proc.nosuch", "%evt.arg[0", "%tolower(proc.name", "%"] {
            assert!(names(output).is_err(), "{output}");
        }
    }

    #[test]
    fn long_names_are_not_tried_at_each_end() {
        let long = "x".repeat(OUTPUT_BYTES_MAX - 20);
        assert!(names(&format!("%{long}.{long}")).is_err());
        assert!(names(&format!("%nosuch.{long}")).is_err());
        assert_eq!(names(&format!("%user.name.{long}")), Ok(vec!["user.name".to_owned()]));
        assert_eq!(names(&format!("%proc.env[{long}")), Ok(vec!["proc.env".to_owned()]));
        let many = "%user.names%".repeat(OUTPUT_BYTES_MAX / 12);
        assert!(names(&many).is_err());
    }
}
