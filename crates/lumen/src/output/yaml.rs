//! YAML for Kubernetes: block style; every text in double quotes that is no plain word, so that no reader, of whatever
//! version, takes it for something else.

use std::io;

use serde_json::Value;

use crate::output::escape::{is_shown, write_json_fragment};

/// Writes a value as one document, without the line that begins it. Recurses as deep as the value, which is lumen's own.
pub(crate) fn write(value: &Value, out: &mut dyn io::Write) -> io::Result<()> {
    block(value, 0, out)
}

/// An object or array as lines with an indent; anything else as one line.
fn block(value: &Value, indent: usize, out: &mut dyn io::Write) -> io::Result<()> {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    write!(out, "{:indent$}", "")?;
                }
                text(key, out)?;
                write!(out, ":")?;
                match value {
                    Value::Object(inner) if !inner.is_empty() => {
                        write!(out, "\n{:width$}", "", width = indent + 2)?;
                        block(value, indent + 2, out)?;
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        write!(out, "\n{:indent$}", "")?;
                        block(value, indent, out)?;
                    }
                    _ => {
                        write!(out, " ")?;
                        block(value, indent, out)?;
                    }
                }
            }
            Ok(())
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    write!(out, "{:indent$}", "")?;
                }
                write!(out, "- ")?;
                block(item, indent + 2, out)?;
            }
            Ok(())
        }
        Value::String(string) => {
            text(string, out)?;
            writeln!(out)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) | Value::Array(_) => {
            writeln!(out, "{value}")
        }
    }
}

/// A text: plain where it cannot be mistaken, else in double quotes with JSON's escapes.
fn text(string: &str, out: &mut dyn io::Write) -> io::Result<()> {
    if is_plain(string) {
        return write!(out, "{string}");
    }
    write!(out, "\"")?;
    for character in string.chars() {
        match character {
            '"' => write!(out, "\\\"")?,
            '\\' => write!(out, "\\\\")?,
            '\n' => write!(out, "\\n")?,
            '\t' => write!(out, "\\t")?,
            // JSON's pairs of surrogates are no YAML.
            _ if !is_shown(character) && u32::from(character) > 0xffff => {
                write!(out, "\\U{:08x}", u32::from(character))?;
            }
            _ => write_json_fragment(out, character.encode_utf8(&mut [0; 4]))?,
        }
    }
    write!(out, "\"")
}

/// Whether every YAML reader takes the bare text for the text: a word that begins with a letter, is none
/// of YAML 1.1's own, and has nothing in it but letters, digits, `-`, `.`, `/` and `_`.
fn is_plain(string: &str) -> bool {
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let mut bytes = string.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-./_".contains(&byte))
        && !WORDS.contains(&string.to_ascii_lowercase().as_str())
}
