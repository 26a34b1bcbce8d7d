//! `uri.*`.

use lumen_value::{Object, Str, Value};

use super::operand::{any, string};
use super::url::Url;
use super::{Answer, Context, Entry, Failure};

/// The family.
pub const TABLE: &[Entry] = &[("uri.is_valid", is_valid), ("uri.parse", parse)];

/// What reading a text of so many bytes takes.
fn charge(context: &mut Context<'_>, len: usize) -> Result<(), Failure> {
    context.budget.steps(len as u64)?;
    context.budget.bytes(4 * len as u64 + 512)
}

/// The parts that the URI has, each as text.
fn parse(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = string(operands, 1)?;
    charge(context, text.as_bytes().len())?;
    let url = Url::parse(text.as_bytes()).map_err(Failure::Builtin)?;
    let (hostname, port) = url.host_and_port();
    let raw_path = if url.raw_path.is_empty() { &url.path } else { &url.raw_path };
    let parts: [(&str, &[u8]); 7] = [
        ("scheme", &url.scheme),
        ("hostname", hostname),
        ("port", port),
        ("path", &url.path),
        ("raw_path", if url.path.is_empty() { b"" } else { raw_path }),
        ("raw_query", &url.raw_query),
        ("fragment", &url.fragment),
    ];
    let present = parts.iter().filter(|(_, part)| !part.is_empty());
    let entries = present.map(|(name, part)| (Value::from(*name), Value::String(Str::from_bytes(part))));
    Ok(Value::Object(entries.collect::<Object>()))
}

/// An empty text is a relative reference, and yet not valid here.
fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = any(operands, 1)? else {
        return Ok(Value::from(false));
    };
    charge(context, text.as_bytes().len())?;
    Ok(Value::from(!text.is_empty() && Url::parse(text.as_bytes()).is_ok()))
}
