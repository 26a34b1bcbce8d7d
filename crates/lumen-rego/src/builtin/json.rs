//! `json.*`: texts, and edits of values. Schemas are in `schema`.

use lumen_value::read::Limits;
use lumen_value::{Object, Str, Value, json};

use super::operand::{any, object, string};
use super::{Answer, Context, Entry, Failure};
use crate::term::{self, quoted};

mod patch;
mod prune;
mod schema;
mod syntax;

use schema::number;

/// The family.
pub const TABLE: &[Entry] = &[
    ("json.filter", prune::filter),
    ("json.is_valid", is_valid),
    ("json.marshal", marshal),
    ("json.marshal_with_options", marshal_with_options),
    ("json.match_schema", schema::match_schema),
    ("json.patch", patch::patch),
    ("json.remove", prune::remove),
    ("json.unmarshal", unmarshal),
    ("json.verify_schema", schema::verify_schema),
];

/// Deepest nesting, as Go's reader bounds it.
const DEPTH_MAX: usize = 10_000;

/// What is left to do where a value is put into JSON.
enum Task<'v> {
    Enter(&'v Value),
    /// Make an array of so many finished values.
    Array(usize),
    /// Make an object of so many finished pairs of key and value.
    Object(usize),
    /// Make the finished value a key: its JSON text.
    Key,
}

/// A value as a JSON document holds it: sets as arrays, keys that are no strings as their JSON text. Of keys that become
/// equal the last counts. Takes for every value in it, however often it is shared. A number that is not written as JSON
/// writes numbers is an error, as it is to Go's `json.Marshal`.
pub(super) fn document(context: &mut Context<'_>, value: &Value) -> Answer {
    let mut tasks = vec![Task::Enter(value)];
    let mut done: Vec<Value> = Vec::new();
    while let Some(task) = tasks.pop() {
        match task {
            Task::Enter(value) => {
                context.budget.steps(1)?;
                context.budget.bytes(32)?;
                enter(value, &mut tasks, &mut done)?;
            }
            Task::Array(len) => {
                let items = done.split_off(done.len().saturating_sub(len));
                done.push(Value::from(items));
            }
            Task::Object(len) => {
                let parts = done.split_off(done.len().saturating_sub(2 * len));
                let mut parts = parts.into_iter();
                let pairs = std::iter::from_fn(|| Some((parts.next()?, parts.next()?)));
                let object: Object = pairs.collect();
                done.push(Value::Object(object));
            }
            Task::Key => {
                let key = done.pop().unwrap_or_default();
                let len = text_len(context, &key)?;
                context.budget.bytes(len)?;
                done.push(Value::from(key.to_json()));
            }
        }
    }
    Ok(done.pop().unwrap_or_default())
}

fn enter<'v>(value: &'v Value, tasks: &mut Vec<Task<'v>>, done: &mut Vec<Value>) -> Result<(), Failure> {
    match value {
        Value::Number(number) if !number.is_json() => {
            let shown = quoted(number.to_string().as_bytes());
            return Err(Failure::Builtin(format!("json: invalid number literal {shown}")));
        }
        Value::Array(items) => {
            tasks.push(Task::Array(items.len()));
            tasks.extend(items.iter().rev().map(Task::Enter));
        }
        Value::Set(items) => {
            tasks.push(Task::Array(items.len()));
            tasks.extend(items.iter().rev().map(Task::Enter));
        }
        Value::Object(entries) => {
            tasks.push(Task::Object(entries.len()));
            for (key, value) in entries.iter().rev() {
                tasks.push(Task::Enter(value));
                if !matches!(key, Value::String(_)) {
                    tasks.push(Task::Key);
                }
                tasks.push(Task::Enter(key));
            }
        }
        scalar => done.push(scalar.clone()),
    }
    Ok(())
}

/// About how long the JSON text of a document is; takes a step for each value.
pub(super) fn text_len(context: &mut Context<'_>, document: &Value) -> Result<u64, Failure> {
    let mut len = 0;
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        context.budget.steps(1)?;
        len += 8;
        match value {
            Value::String(text) => len += text.as_bytes().len() as u64 * 2,
            Value::Number(number) if number.as_i64().is_none() => len += number.to_string().len() as u64,
            Value::Array(items) => pending.extend(items.iter()),
            Value::Set(items) => pending.extend(items.iter()),
            Value::Object(entries) => pending.extend(entries.iter().flat_map(|(key, value)| [key, value])),
            Value::Null | Value::Bool(_) | Value::Number(_) => len += 16,
        }
    }
    Ok(len)
}

/// The JSON text of a value, paid for.
pub(super) fn text(context: &mut Context<'_>, value: &Value) -> Result<String, Failure> {
    let document = document(context, value)?;
    let len = text_len(context, &document)?;
    context.budget.bytes(len)?;
    Ok(document.to_json())
}

fn marshal(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(Value::from(text(context, any(operands, 1)?)?))
}

/// How a text is laid out.
#[derive(Default)]
struct Layout {
    indent: Option<String>,
    prefix: Option<String>,
    pretty: Option<bool>,
}

fn layout(options: &Object) -> Result<Layout, Failure> {
    let mut layout = Layout::default();
    let fail = |message: String| Err(Failure::Type(format!("operand 2 {message}")));
    for (index, (key, value)) in options.iter().enumerate() {
        let not_string = |value: &Value| {
            let got = super::operand::type_name(value);
            format!("operand {index} must be string but got {got}")
        };
        let Value::String(name) = key else {
            let message = not_string(key);
            return fail(format!("failed to stringify key {} at index {index}: {message}", term::text(key)));
        };
        let shown = quoted(name.as_bytes());
        match (name.as_bytes(), value) {
            (b"prefix", Value::String(text)) => layout.prefix = Some(text.to_text().into_owned()),
            (b"indent", Value::String(text)) => layout.indent = Some(text.to_text().into_owned()),
            (b"prefix" | b"indent", other) => {
                return fail(format!("key {shown} failed cast to string: {}", not_string(other)));
            }
            (b"pretty", Value::Bool(pretty)) => layout.pretty = Some(*pretty),
            (b"pretty", _) => return fail(format!("key {shown} failed cast to bool")),
            _ => return fail(format!("object contained unknown key {shown}")),
        }
    }
    Ok(layout)
}

fn marshal_with_options(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let document = document(context, any(operands, 1)?)?;
    let layout = layout(object(operands, 2)?)?;
    let compact = text(context, &document)?;
    if !layout.pretty.unwrap_or(layout.prefix.is_some() || layout.indent.is_some()) {
        return Ok(Value::from(compact));
    }
    let prefix = layout.prefix.unwrap_or_default();
    let indent = layout.indent.unwrap_or_else(|| "\t".to_owned());
    let mut out = prefix.clone();
    indented(context, &compact, &prefix, &indent, &mut out)?;
    Ok(Value::from(out))
}

/// Writes a JSON text with a line for each value, as Go's `json.Indent` does.
fn indented(
    context: &mut Context<'_>,
    compact: &str,
    prefix: &str,
    indent: &str,
    out: &mut String,
) -> Result<(), Failure> {
    let mut depth = 0_usize;
    let mut was_opened = false;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut break_line = |out: &mut String, depth: usize| {
        let len = (prefix.len() as u64).saturating_add((indent.len() as u64).saturating_mul(depth as u64));
        context.budget.bytes(len + 1)?;
        out.push('\n');
        out.push_str(prefix);
        (0..depth).for_each(|_| out.push_str(indent));
        Ok::<(), Failure>(())
    };
    for char in compact.chars() {
        if in_string {
            out.push(char);
            in_string = is_escaped || char != '"';
            is_escaped = !is_escaped && char == '\\';
            continue;
        }
        let closes = matches!(char, ']' | '}');
        if was_opened && !closes {
            depth += 1;
            break_line(out, depth)?;
        }
        match char {
            ']' | '}' if !was_opened => {
                depth = depth.saturating_sub(1);
                break_line(out, depth)?;
                out.push(char);
            }
            ',' => {
                out.push(char);
                break_line(out, depth)?;
            }
            ':' => out.push_str(": "),
            _ => out.push(char),
        }
        was_opened = matches!(char, '[' | '{');
        in_string = char == '"';
    }
    Ok(())
}

/// Takes for reading a text: a step for each byte, and room for each value that its punctuation may separate.
pub(super) fn charge_reading(context: &mut Context<'_>, text: &[u8]) -> Result<(), Failure> {
    let values = text.iter().filter(|byte| matches!(byte, b'[' | b'{' | b',' | b':' | b'\n' | b'-')).count();
    context.budget.steps(text.len() as u64 / 4 + 1)?;
    context.budget.bytes((text.len() as u64).saturating_add(48 * values as u64))
}

/// The value that a JSON text is.
fn read(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Value, syntax::Fault>, Failure> {
    charge_reading(context, text)?;
    let limits = Limits { depth_max: DEPTH_MAX, ..Limits::default() };
    Ok(match json::parse(text, &limits) {
        Ok(parsed) => Ok(parsed.value),
        Err(_) => Err(syntax::fault(text)),
    })
}

/// The value that a text is to Go's reader, which takes the first value alone where OPA's would. The error is Go's message.
pub(super) fn read_whole(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Value, String>, Failure> {
    match read(context, text)? {
        Ok(value) => Ok(Ok(value)),
        Err(syntax::Fault::Said(message)) => Ok(Err(message)),
        Err(syntax::Fault::Ends(end)) => match read(context, text.get(..end).unwrap_or_default())? {
            Ok(value) => Ok(Ok(value)),
            Err(_) => Ok(Err("EOF".to_owned())),
        },
    }
}

/// Largest binary exponent of a number that OPA takes.
const EXPONENT_MAX: f64 = 1e5;

/// Whether a document holds a number that OPA does not take. Only one that is written with an exponent can be.
fn has_large_number(document: &Value) -> bool {
    let mut pending = vec![document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Number(number)
                if number.as_i64().is_none()
                    && number::binary_exponent(number)
                        .is_some_and(|exponent| exponent.abs() > EXPONENT_MAX) =>
            {
                return true;
            }
            Value::Array(items) => pending.extend(items.iter()),
            Value::Object(entries) => pending.extend(entries.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    false
}

fn unmarshal(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = string(operands, 1)?.as_bytes();
    let document = match read(context, text)? {
        Ok(document) => document,
        Err(syntax::Fault::Said(message)) => return Err(Failure::Builtin(message)),
        Err(syntax::Fault::Ends(end)) => {
            let first = read(context, text.get(..end).unwrap_or_default())?;
            first.map_err(|_| Failure::Undefined)?
        }
    };
    if has_large_number(&document) {
        return Err(Failure::Builtin("invalid number: number too big".to_owned()));
    }
    Ok(document)
}

fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = any(operands, 1)? else {
        return Ok(Value::from(false));
    };
    Ok(Value::from(read(context, Str::as_bytes(text))?.is_ok()))
}

#[cfg(test)]
mod tests {
    use super::super::exercise::call;

    #[test]
    fn texts_are_laid_out_as_go_lays_them_out() {
        let value = r#"{"a": [1, {}, []], "b": {"c": "x,[\"{"}}"#;
        let text = call("json.marshal_with_options", &[value, r#"{"indent": "  ", "prefix": ">"}"#]);
        let expected = r#"">{\n>  \"a\": [\n>    1,\n>    {},\n>    []\n>  ],\n>  \"b\": {\n>    \"c\": \"x,[\\\"{\"\n>  }\n>}""#.replace("\">", "\"\\u003e").replace("\\n>", "\\n\\u003e");
        assert_eq!(text, Ok(expected));
    }

    #[test]
    fn options_are_checked() {
        for (options, message) in [
            (r#"{"a": 1}"#, r#"operand 2 object contained unknown key "a""#),
            (r#"{"pretty": 1}"#, r#"operand 2 key "pretty" failed cast to bool"#),
            (
                r#"{"indent": 1}"#,
                r#"operand 2 key "indent" failed cast to string: operand 0 must be string but got number"#,
            ),
        ] {
            assert_eq!(call("json.marshal_with_options", &["1", options]), Err(message.to_owned()));
        }
    }

    #[test]
    fn what_is_no_json_is_refused_in_the_words_of_go() {
        for (text, message) in [
            (r#""""#, "EOF"),
            (r#""[1,2""#, "unexpected EOF"),
            (r#""'a'""#, r"invalid character '\'' looking for beginning of value"),
            (r#""[1,]""#, "invalid character ']' looking for beginning of value"),
            (r#""{a:1}""#, "invalid character 'a' looking for beginning of object key string"),
            (r#""01""#, "error: invalid character '1' after top-level value"),
            (r#""nul""#, "unexpected EOF"),
            (r#""1.x""#, "invalid character 'x' after decimal point in numeric literal"),
            (r#""[1 2]""#, "invalid character '2' after array element"),
            (r#""{} x""#, "invalid character 'x' looking for beginning of value"),
            (r#""{} {}""#, "error: invalid character '{' after top-level value"),
            (r#""1 \"a\"""#, "error: invalid character 'a' after top-level value"),
        ] {
            assert_eq!(call("json.unmarshal", &[text]), Err(message.to_owned()), "{text}");
        }
    }
}
