//! Types as OPA prints them.

use std::fmt;

use lumen_value::Value;

use super::Type;
use crate::depth::grow;

/// How long the text of a type in a message may become.
const TEXT_MAX: usize = 1_000;

/// A type that may not be known, for a message; cut where it is very long.
pub(crate) fn text(of: Option<&Type>) -> String {
    let mut text = of.map_or_else(|| "???".to_owned(), ToString::to_string);
    if text.len() > TEXT_MAX {
        let end = text.floor_char_boundary(TEXT_MAX);
        text.truncate(end);
        text.push_str("..");
    }
    text
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        grow(|| match self {
            Self::Null => out.write_str("null"),
            Self::Boolean => out.write_str("boolean"),
            Self::Number => out.write_str("number"),
            Self::String => out.write_str("string"),
            Self::Array(array) => {
                out.write_str("array")?;
                if !array.first.is_empty() {
                    write!(out, "<{}>", list(array.first.iter().map(|each| text_of(each.as_ref()))))?;
                }
                array.rest.as_ref().map_or(Ok(()), |rest| write!(out, "[{rest}]"))
            }
            Self::Object(object) => {
                out.write_str("object")?;
                if !object.known.is_empty() {
                    let known = object
                        .known
                        .iter()
                        .map(|(key, value)| format!("{}: {}", key_text(key), text_of(value.as_ref())));
                    write!(out, "<{}>", list(known))?;
                }
                object.other.as_ref().map_or(Ok(()), |(key, value)| {
                    write!(out, "[{}: {}]", text_of(key.as_ref()), text_of(value.as_ref()))
                })
            }
            Self::Set(of) => match of {
                Some(of) => write!(out, "set[{of}]"),
                None => out.write_str("set"),
            },
            Self::Any(of) if of.is_empty() => out.write_str("any"),
            Self::Any(of) => write!(out, "any<{}>", list(of.iter().map(ToString::to_string))),
            Self::Function(function) => {
                let mut arguments: Vec<_> =
                    function.arguments.iter().map(|each| text_of(each.as_ref())).collect();
                arguments.extend(function.variadic.as_ref().map(|of| format!("{of}...")));
                write!(out, "({}) => {}", arguments.join(", "), text_of(function.result.as_ref()))
            }
        })
    }
}

fn text_of(of: Option<&Type>) -> String {
    of.map_or_else(|| "???".to_owned(), ToString::to_string)
}

fn key_text(key: &Value) -> String {
    key.as_str().map_or_else(|| key.to_json(), str::to_owned)
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
