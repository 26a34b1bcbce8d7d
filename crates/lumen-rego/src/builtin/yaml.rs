//! `yaml.*`: OPA reads and writes YAML by way of JSON (`internal/yaml`, on `go.yaml.in/yaml/v3`).

use lumen_value::read::{Limits, ReadError, ReadErrorKind};
use lumen_value::{Value, yaml};

use super::json::{charge_reading, document, text_len};
use super::operand::{any, string};
use super::{Answer, Context, Entry, Failure};

mod emit;

/// The family.
pub const TABLE: &[Entry] =
    &[("yaml.is_valid", is_valid), ("yaml.marshal", marshal), ("yaml.unmarshal", unmarshal)];

/// Reads a text; what its aliases make of it must fit into what is left of the budget.
fn read(context: &mut Context<'_>, text: &[u8]) -> Result<Result<Value, ReadError>, Failure> {
    charge_reading(context, text)?;
    context.budget.steps(2 * text.len() as u64)?;
    let (_, bytes) = context.budget.left();
    let limits =
        Limits { alias_bytes_max: bytes.min(Limits::default().alias_bytes_max), ..Limits::default() };
    match yaml::parse_core(text, &limits) {
        Err(error) if error.kind == ReadErrorKind::TooManyAliases => Err(Failure::Budget),
        parsed => Ok(parsed),
    }
}

fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Value::String(text) = any(operands, 1)? else {
        return Ok(Value::from(false));
    };
    Ok(Value::from(read(context, text.as_bytes())?.is_ok()))
}

fn unmarshal(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = string(operands, 1)?.as_bytes();
    read(context, text)?.map_err(|error| Failure::Builtin(message(&error, text)))
}

/// What libyaml says where our reader says otherwise, and whether it is its scanner or its parser that says so: the scanner names
/// the line, the parser the one before.
const MESSAGES: &[(&str, &str, bool)] = &[
    ("nothing can start with", "found character that cannot start any token", true),
    ("an entry of a list cannot stand here", "block sequence entries are not allowed in this context", true),
    ("a key cannot stand here", "mapping keys are not allowed in this context", true),
    ("a `:` cannot stand here", "mapping values are not allowed in this context", true),
    ("no `:` follows where only a key can stand", "could not find expected ':'", true),
    ("the quote is never closed", "found unexpected end of stream", true),
    ("a document ends inside a quoted scalar", "found unexpected document indicator", true),
    ("there is no such escape", "found unknown escape character", true),
    (
        "a tab stands where a block scalar",
        "found a tab character where an indentation space is expected",
        true,
    ),
    ("a tab cannot indent a line", "found a tab character that violates indentation", true),
    ("an entry of the list is missing", "did not find expected '-' indicator", false),
    ("a key is missing here, or", "did not find expected key", false),
    ("`---` must", "did not find expected <document start>", false),
    ("a value is missing here", "did not find expected node content", false),
    ("a `,` or `]` is missing here", "did not find expected ',' or ']'", false),
    ("a `,` or `}` is missing here", "did not find expected ',' or '}'", false),
];

fn count_breaks(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').skip(1).count()
}

/// The error as upstream words it, as far as that is known.
fn message(error: &ReadError, text: &[u8]) -> String {
    let ours = error.message.as_str();
    if let Some(rest) = ours.strip_prefix("no anchor `&") {
        let name = rest.split('`').next().unwrap_or_default();
        return format!("yaml: unknown anchor '{name}' referenced");
    }
    if ours.starts_with("infinity and NaN") {
        return "json: unsupported value: +Inf".to_owned();
    }
    if ours.starts_with("unsupported map key") {
        return ours.to_owned();
    }
    if error.kind == ReadErrorKind::Encoding {
        return "yaml: control characters are not allowed".to_owned();
    }
    let Some((_, theirs, by_scanner)) = MESSAGES.iter().find(|(start, ..)| ours.starts_with(start)) else {
        return format!("yaml: {ours}");
    };
    let before = text.get(..error.at).unwrap_or(text);
    let breaks = count_breaks(before);
    // The end of the text is on a line of its own.
    let at_end = error.at >= text.len() && !before.is_empty() && !before.ends_with(b"\n");
    let line = breaks + usize::from(at_end);
    // Where the collection or the scalar starts counts, unless it is on the first line.
    let line_of = |byte: u8| {
        let start = before.iter().rposition(|other| *other == byte).unwrap_or_default();
        count_breaks(before.get(..start).unwrap_or_default())
    };
    let start = match *theirs {
        "did not find expected ',' or ']'" => line_of(b'['),
        "did not find expected ',' or '}'" => line_of(b'{'),
        "found a tab character that violates indentation" => line.saturating_sub(1),
        _ => 0,
    };
    let line = if start > 0 { start } else { line };
    match line {
        0 => format!("yaml: {theirs}"),
        _ => format!("yaml: line {}: {theirs}", line + usize::from(*by_scanner)),
    }
}

fn marshal(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let document = document(context, any(operands, 1)?)
        .map_err(|failure| failure.said_of("error marshaling into JSON"))?;
    let len = text_len(context, &document)?;
    context.budget.bytes(len)?;
    emit::emit(context, &document).map(Value::from)
}

#[cfg(test)]
mod tests {
    use super::super::exercise::{call, call_values};
    use super::*;

    #[test]
    fn texts_are_laid_out_as_upstream_lays_them_out() {
        for (json, text) in [
            (
                r#"{"a": [1, {"b": "c", "d": [[1], {}]}], "e": {"f": []}}"#,
                "a:\n  - 1\n  - b: c\n    d:\n      - - 1\n      - {}\ne:\n  f: []\n",
            ),
            (
                r#"[{"a10": 1, "a9": 2}, "x\ny\n", " x", "é😀"]"#,
                "- a9: 2\n  a10: 1\n- |\n  x\n  y\n- ' x'\n- \"é\\U0001F600\"\n",
            ),
            (r#""multi\nline""#, "|-\n  multi\n  line\n"),
            (
                r"[1.0, 1e6, 1E400, 18446744073709551616, -0]",
                "- 1\n- 1e+06\n- 1E400\n- 1.8446744073709552e+19\n- 0\n",
            ),
            (r#"{"a\nb": 1}"#, "? |-\n  a\n  b\n: 1\n"),
        ] {
            let text = Ok(Value::from(text));
            assert_eq!(call_values("yaml.marshal", &[super::super::exercise::value(json)]), text, "{json}");
        }
    }

    #[test]
    fn errors_are_worded_as_upstream_words_them() {
        for (text, message) in [
            ("a: [1", "yaml: line 1: did not find expected ',' or ']'"),
            ("\ta: 1", "yaml: found character that cannot start any token"),
            ("a: b: c", "yaml: mapping values are not allowed in this context"),
            ("*x", "yaml: unknown anchor 'x' referenced"),
            ("1: a\nnull: c\n", "unsupported map key of type: %!s(<nil>), key: <nil>, value: \"c\""),
        ] {
            assert_eq!(
                call_values("yaml.unmarshal", &[Value::from(text)]),
                Err(message.to_owned()),
                "{text}"
            );
        }
        assert_eq!(call("yaml.unmarshal", &[r#""a: yes\nb: 0x10""#]), Ok(r#"{"a":"yes","b":16}"#.to_owned()));
    }
}
