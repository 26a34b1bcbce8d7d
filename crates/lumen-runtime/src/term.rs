//! What has a value in an event: a field, or a function of fields.

use std::borrow::Cow;

use super::condition::{Argument, Call, Operand};
use super::field::{self, Basis, FieldUse, Kind, NumberFormat};
use super::identity::Identity;
use super::operator::Function;
use super::value::Value;

/// An event, as far as rules look at it.
pub trait Event {
    /// The value of a field; `None` where it has none. The same whenever it is asked. `evt.num` is never zero: events are
    /// counted from one.
    fn value(&self, field: &FieldUse) -> Option<Value<'_>>;

    /// How a number of a field is printed, where that follows from the event and not from the field alone.
    fn number_format(&self, field: &FieldUse) -> NumberFormat {
        field.id.field().format
    }

    /// The place of its type in [`NAMES`](super::event_types::NAMES); `None` where it is not known. Where it is, the value
    /// of `evt.type` is the name at that place: checks of it are not asked of the event.
    fn event_type(&self) -> Option<usize>;

    /// By what its thread is known, with all that is known of it: events of the same key have the same values of all fields
    /// that [follow from the thread](field::Basis::Thread), so that what follows from these is found once. `None` promises
    /// nothing.
    fn thread_key(&self) -> Option<ThreadKey<'_>> {
        None
    }

    /// By what its call is known: events of the same key, with a thread each of the same source, have the same values of
    /// all fields that [follow from the call](field::Basis::Call). `None` promises nothing.
    fn call_key(&self) -> Option<CallKey<'_>> {
        None
    }
}

/// By what a call is known: its type, what it was given, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey<'e> {
    /// What is of a fixed length.
    pub head: [u64; 2],
    /// The rest.
    pub bytes: &'e [u8],
}

/// By what a thread is known, in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadKey<'e> {
    /// Who gave the number. Once numbers are given anew, it is another one.
    pub by: &'e Identity,
    /// The number.
    pub number: u32,
}

/// What has a value in an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Term {
    Field(FieldUse),
    Text(Vec<u8>),
    List(Vec<Term>),
    Call { function: Function, arguments: Vec<Term>, selector: Option<u8> },
}

/// The type of a term's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) kind: Kind,
    pub(super) is_list: bool,
}

/// Why a term is none, and the byte of the condition that is to blame.
pub(super) type Refused = (usize, String);

const TEXT: Type = Type { kind: Kind::Text, is_list: false };

impl Term {
    pub(super) fn compile(operand: &Operand) -> Result<(Self, Type), Refused> {
        match operand {
            Operand::Field(name) => {
                let used = field::resolve(name).map_err(|message| (name.at, message))?;
                let field = used.id.field();
                let kind = used.kind().unwrap_or(field.kind);
                let kind = Type { kind, is_list: field.is_list() };
                Ok((Self::Field(used), kind))
            }
            Operand::Call(call) => Self::call(call),
        }
    }

    fn argument(argument: &Argument) -> Result<(Self, Type), Refused> {
        match argument {
            Argument::Operand(operand) => Self::compile(operand),
            Argument::Value(value) => Ok((Self::Text(value.clone()), TEXT)),
            Argument::List(items) => {
                let items = items.iter().map(|item| Ok(Self::argument(item)?.0));
                let items = items.collect::<Result<Vec<Self>, Refused>>()?;
                Ok((Self::List(items), Type { kind: Kind::Text, is_list: true }))
            }
        }
    }

    fn call(call: &Call) -> Result<(Self, Type), Refused> {
        let name = call.function.as_str();
        let refuse = |message: String| Err((call.at, message));
        let mut arguments = Vec::new();
        let mut types = Vec::new();
        for argument in &call.arguments {
            let (term, kind) = Self::argument(argument)?;
            if let Self::Field(used) = &term
                && call.function != Function::Val
                && !used.id.field().takes_functions()
            {
                return refuse(format!("field '{}' does not support transformers", used.id.field().name));
            }
            arguments.push(term);
            types.push(kind);
        }
        if call.index.is_some() && call.function != Function::Getopt {
            return refuse(format!("filter error: transformer '{name}' does not support field arguments"));
        }
        let result = match (call.function, types.as_slice()) {
            (Function::Val, [only]) => match arguments.pop() {
                Some(term) => return Ok((term, *only)),
                None => return refuse("filter error: found null child node on 'val' transformer".to_owned()),
            },
            (Function::ToLower | Function::ToUpper | Function::Basename, [only])
                if only.kind == Kind::Text =>
            {
                *only
            }
            (Function::Base64, [only]) if matches!(only.kind, Kind::Text | Kind::Bytes) => *only,
            (Function::Len, [only]) if only.is_list || matches!(only.kind, Kind::Text | Kind::Bytes) => {
                Type { kind: Kind::Uint64, is_list: false }
            }
            (Function::Join, [separator, list]) if !separator.is_list && list.is_list => TEXT,
            (Function::Concat, several) if several.len() > 1 && several.iter().all(|one| *one == TEXT) => {
                TEXT
            }
            (Function::Getopt, [list, options])
                if list.is_list
                    && !options.is_list
                    && list.kind == Kind::Text
                    && options.kind == Kind::Text =>
            {
                Type { kind: Kind::Text, is_list: call.index.is_none() }
            }
            _ => {
                return refuse(format!(
                    "filter error: '{name}' cannot be applied to what stands in its brackets"
                ));
            }
        };
        let selector = match call.index.as_deref().map(str::as_bytes) {
            None => None,
            Some([one]) => Some(*one),
            Some(_) => return refuse("getopt() field argument must be a single option character".to_owned()),
        };
        Ok((Self::Call { function: call.function, arguments, selector }, result))
    }

    /// What its value follows from; nothing where it is always the same.
    pub(super) fn basis(&self) -> Option<Basis> {
        match self {
            Self::Field(used) => Some(used.basis()),
            Self::Text(_) => None,
            Self::List(parts) | Self::Call { arguments: parts, .. } => {
                Basis::of_several(parts.iter().map(Self::basis))
            }
        }
    }

    /// The value in an event; `None` where there is none.
    pub(super) fn value<'e>(&'e self, event: &'e impl Event) -> Option<Value<'e>> {
        match self {
            Self::Field(used) => event.value(used),
            Self::Text(text) => Some(Value::Bytes(Cow::Borrowed(text))),
            Self::List(items) => {
                items.iter().map(|item| item.value(event)).collect::<Option<_>>().map(Value::List)
            }
            Self::Call { function, arguments, selector } => {
                let mut values = arguments.iter().map(|argument| argument.value(event));
                match (function, values.next()??, values.next()) {
                    (Function::Join, separator, Some(list)) => join(&separator, &list?),
                    (Function::Concat, first, second) => {
                        let mut all = first.as_bytes()?.to_vec();
                        for value in second.into_iter().chain(values) {
                            all.extend_from_slice(value?.as_bytes()?);
                        }
                        Some(Value::Bytes(all.into()))
                    }
                    (Function::Getopt, list, Some(options)) => getopt(&list, options?.as_bytes()?, *selector),
                    (function, value, _) => apply(*function, value),
                }
            }
        }
    }
}

/// Applies a function of one value.
fn apply(function: Function, value: Value<'_>) -> Option<Value<'_>> {
    match (function, value) {
        (Function::Len, Value::List(items)) => Some(Value::Unsigned(items.len() as u64)),
        (Function::Len, Value::Bytes(bytes)) => Some(Value::Unsigned(bytes.len() as u64)),
        (function, Value::List(items)) => {
            items.into_iter().map(|item| apply(function, item)).collect::<Option<_>>().map(Value::List)
        }
        (function, Value::Bytes(bytes)) => Some(Value::Bytes(match function {
            Function::ToLower => bytes.to_ascii_lowercase().into(),
            Function::ToUpper => bytes.to_ascii_uppercase().into(),
            Function::Basename => match bytes.iter().rposition(|byte| *byte == b'/') {
                Some(slash) => bytes.get(slash + 1..)?.to_vec().into(),
                None => bytes,
            },
            Function::Base64 => decode_base64(&bytes)?.into(),
            _ => return None,
        })),
        _ => None,
    }
}

fn join<'e>(separator: &Value<'_>, list: &Value<'_>) -> Option<Value<'e>> {
    let Value::List(items) = list else { return None };
    let parts: Option<Vec<&[u8]>> = items.iter().map(Value::as_bytes).collect();
    Some(Value::Bytes(parts?.join(separator.as_bytes()?).into()))
}

/// The bytes that base64 stands for. Padding may be absent; bits that no byte needs must be zero.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0_u32, 0);
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count().min(2);
    for byte in text.get(..text.len() - padding)? {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    let is_whole = bits < 6 && buffer & ((1 << bits) - 1) == 0;
    is_whole.then_some(bytes)
}

/// The options of a command line, each with its value behind it, as `getopt(3)` finds them; or the last value of one.
fn getopt<'e>(list: &Value<'_>, options: &[u8], selector: Option<u8>) -> Option<Value<'e>> {
    let Value::List(words) = list else { return None };
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut selected = None;
    let options = options.strip_prefix(b":").unwrap_or(options);
    let mut words = words.iter().filter_map(Value::as_bytes);
    while let Some(word) = words.next() {
        if word == b"--" {
            break;
        }
        if word.len() > 2 && word.starts_with(b"--") {
            continue;
        }
        let Some(letters) = word.strip_prefix(b"-").filter(|letters| !letters.is_empty()) else { break };
        for (at, letter) in letters.iter().enumerate() {
            let known = options.iter().position(|option| option == letter).filter(|_| *letter != b':');
            let Some(known) = known else {
                found.push(b"?".to_vec());
                continue;
            };
            if options.get(known + 1) != Some(&b':') {
                found.push(vec![*letter]);
                if selector == Some(*letter) {
                    selected = Some(vec![*letter]);
                }
                continue;
            }
            let rest = letters.get(at + 1..).filter(|rest| !rest.is_empty());
            let value = rest.or_else(|| words.next());
            if let Some(value) = value {
                found.push(vec![*letter]);
                found.push(value.to_vec());
            } else {
                found.push(Vec::new());
            }
            if selector == Some(*letter) {
                selected = Some(value.unwrap_or_default().to_vec());
            }
            break;
        }
    }
    match selector {
        Some(_) => selected.map(|value| Value::Bytes(value.into())),
        None => Some(Value::List(found.into_iter().map(|word| Value::Bytes(word.into())).collect())),
    }
}
