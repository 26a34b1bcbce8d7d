//! `json.verify_schema` and `json.match_schema`: JSON Schema of the drafts 4, 6 and 7, with the verdicts and the messages of the
//! `gojsonschema` that OPA carries. References lead into the schema itself and to the drafts' own schemas, nowhere else.

use lumen_value::{Str, Value};

use super::super::operand::any;
use super::super::{Answer, Context, Failure};
use super::{DEPTH_MAX, document, read, text};

mod compile;
mod format;
pub(super) mod number;
mod pool;
mod validate;

/// What a schema is after it was read: its nodes, the first its root.
#[derive(Default)]
struct Schema {
    nodes: Vec<Node>,
}

/// A place in [`Schema::nodes`].
type Id = usize;

/// One schema, or a part of one.
#[derive(Default)]
struct Node {
    /// A boolean schema.
    pass: Option<bool>,
    /// Another node stands for it.
    reference: Option<Id>,
    types: Vec<Str>,
    properties: Vec<(Str, Id)>,
    additional_properties: Rest,
    pattern_properties: Vec<(Pattern, Id)>,
    property_names: Option<Id>,
    dependencies: Vec<(Str, Dependency)>,
    items: Vec<Id>,
    /// `items` is one schema for all items.
    has_one_item: bool,
    additional_items: Rest,
    contains: Option<Id>,
    multiple_of: Option<lumen_value::Number>,
    minimum: Option<lumen_value::Number>,
    exclusive_minimum: Option<lumen_value::Number>,
    maximum: Option<lumen_value::Number>,
    exclusive_maximum: Option<lumen_value::Number>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<Pattern>,
    format: Option<Str>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    required: Vec<Str>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    unique_items: bool,
    /// The only value, and the only values, as JSON texts whose numbers are floats.
    constant: Option<String>,
    choices: Option<Vec<String>>,
    one_of: Vec<Id>,
    any_of: Vec<Id>,
    all_of: Vec<Id>,
    not: Option<Id>,
    condition: Option<Id>,
    then: Option<Id>,
    otherwise: Option<Id>,
}

/// What holds for members that are not named.
#[derive(Clone, Copy, Default)]
enum Rest {
    #[default]
    Free,
    Allowed(bool),
    Schema(Id),
}

/// What a property needs beside it.
enum Dependency {
    Properties(Vec<Str>),
    Schema(Id),
}

/// A regular expression and its text.
struct Pattern {
    text: String,
    regex: regex::Regex,
    size: u64,
}

impl Pattern {
    fn new(text: &str) -> Option<Self> {
        let (regex, size) = super::super::regex::pattern(text)?;
        Some(Self { text: text.to_owned(), regex, size })
    }
}

/// The document that an operand is: a JSON text, or a value; the error is a message.
fn loaded(context: &mut Context<'_>, value: &Value) -> Result<Result<Value, String>, Failure> {
    match value {
        Value::String(text) => {
            let read = read(context, text.as_bytes())?;
            Ok(read.map_err(|_| "invalid JSON string".to_owned()))
        }
        Value::Object(_) | Value::Array(_) => {
            let document = match document(context, value) {
                Err(Failure::Builtin(message)) => return Ok(Err(message)),
                other => other?,
            };
            if is_deeper(&document, DEPTH_MAX) {
                return Ok(Err("exceeded max depth".to_owned()));
            }
            Ok(Ok(document))
        }
        _ => Ok(Err("wrong type, expected string or object".to_owned())),
    }
}

/// Whether collections nest deeper than so many levels.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let mut pending = vec![(value, 0)];
    while let Some((value, depth)) = pending.pop() {
        let inner = depth + 1;
        match value {
            Value::Array(items) => pending.extend(items.iter().map(|item| (item, inner))),
            Value::Object(entries) => pending.extend(entries.iter().map(|(_, value)| (value, inner))),
            _ => continue,
        }
        if inner > levels {
            return true;
        }
    }
    false
}

/// The schema that a document is; kept between calls. Paid for each time, so that the cache does not change what is spent.
fn compiled(
    context: &mut Context<'_>,
    document: &Value,
) -> Result<Result<std::sync::Arc<Schema>, String>, Failure> {
    let text = text(context, document)?;
    context.budget.steps(text.len() as u64)?;
    context.budget.bytes(text.len() as u64 * 16)?;
    Ok(context.cache.get("json.schema", &Str::from(text), || compile::compile(document)))
}

/// Whether this is a schema, and why not.
pub(super) fn verify_schema(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let verdict = match loaded(context, any(operands, 1)?)? {
        Ok(document) => compiled(context, &document)?.map(|_| ()),
        Err(message) => Err(message),
    };
    Ok(match verdict {
        Ok(()) => Value::from(vec![Value::from(true), Value::Null]),
        Err(message) => Value::from(vec![Value::from(false), Value::from(format!("jsonschema: {message}"))]),
    })
}

/// Whether a document is as a schema says, and what is not.
pub(super) fn match_schema(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let document = loaded(context, any(operands, 1)?)?.map_err(Failure::Builtin)?;
    let schema = loaded(context, any(operands, 2)?)?.map_err(Failure::Builtin)?;
    let schema = compiled(context, &schema)?.map_err(Failure::Builtin)?;
    let faults = validate::validate(context, &schema, &document)?;
    let is_valid = faults.is_empty();
    let faults = faults.into_iter().map(|fault| {
        Value::from([
            ("desc", Value::from(fault.description.as_str())),
            ("error", Value::from(format!("{}: {}", fault.field, fault.description))),
            ("field", Value::from(fault.field)),
            ("type", Value::from(fault.kind)),
        ])
    });
    let faults: Vec<Value> = faults.collect();
    Ok(Value::from(vec![Value::from(is_valid), Value::from(faults)]))
}

#[cfg(test)]
mod tests {
    use super::super::super::exercise::call;

    /// The descriptions of what is wrong.
    fn faults(document: &str, schema: &str) -> String {
        match call("json.match_schema", &[document, schema]) {
            Ok(answer) => {
                let answer = super::super::super::exercise::value(&answer);
                let faults = answer.at(1).and_then(lumen_value::Value::as_array).cloned().unwrap_or_default();
                let text = |fault: &lumen_value::Value| {
                    fault.get("error").map(ToString::to_string).unwrap_or_default()
                };
                faults.iter().map(text).collect::<Vec<_>>().join(" | ").replace('"', "")
            }
            Err(message) => format!("error {message}"),
        }
    }

    #[test]
    fn documents_are_judged_as_upstream_judges_them() {
        for (document, schema, expected) in [
            (
                r#"{"a": 7}"#,
                r#"{"properties": {"a": {"multipleOf": 2, "maximum": 5}}}"#,
                "a: Must be a multiple of 2 | a: Must be less than or equal to 5",
            ),
            (r#"{"a": 0.3}"#, r#"{"properties": {"a": {"multipleOf": 0.1}}}"#, ""),
            (
                r#"{"a": [1, 1.0]}"#,
                r#"{"properties": {"a": {"uniqueItems": true}}}"#,
                "a: array items[0,1] must be unique",
            ),
            (r#"{"a": 1}"#, r#"{"$ref": "http://json-schema.org/draft-07/schema#"}"#, ""),
            (
                r#"{"type": 1}"#,
                r#"{"$ref": "http://json-schema.org/draft-07/schema#"}"#,
                "type: Must validate at least one schema (anyOf) | type: type must be one of the following: \\\\array\\\\, \\\\boolean\\\\, \\\\integer\\\\, \\\\null\\\\, \\\\number\\\\, \\\\object\\\\, \\\\string\\\\",
            ),
            (
                r#"{"a": {"a": {"b": 1}}}"#,
                r##"{"additionalProperties": false, "properties": {"a": {"$ref": "#"}}}"##,
                "a.a: Additional property b is not allowed",
            ),
            (
                r#"["x"]"#,
                r#"{"items": [{"type": "integer"}], "additionalItems": false}"#,
                "0: Invalid type. Expected: integer, given: string",
            ),
            (
                r#"{"a": 1}"#,
                r#"{"if": {"required": ["a"]}, "then": {"required": ["b"]}}"#,
                "(Root): Must validate then as if was valid | (Root): b is required",
            ),
        ] {
            assert_eq!(
                faults(document, schema).replace("\\\\", "\\").replace('\\', ""),
                expected.replace('\\', ""),
                "{schema}"
            );
        }
    }

    #[test]
    fn a_schema_that_leads_to_itself_ends() {
        assert_eq!(faults("{}", r##"{"$ref": "#"}"##), "error Budget");
    }

    #[test]
    fn what_is_no_schema_is_told() {
        for (schema, message) in [
            (
                r#"{"type": "unknown"}"#,
                "has a primitive type that is NOT VALID -- given: /unknown/ Expected valid values are:[array boolean integer number null object string]",
            ),
            (r##"{"$ref": "#/definitions/x"}"##, "Object has no key 'definitions'"),
            (r#"{"$ref": "other.json"}"#, "Reference /other.json must be canonical"),
            (r#"{"properties": []}"#, "Properties must be of type object"),
            (r#"{"minLength": 1.0}"#, "minLength must be of an integer"),
            (r#"{"required": ["a", "a"]}"#, "required items must be unique"),
            (r#"{"pattern": "("}"#, "pattern must be a valid regex"),
        ] {
            let expected = format!(r#"[false,"jsonschema: {message}"]"#);
            assert_eq!(call("json.verify_schema", &[schema]), Ok(expected), "{schema}");
        }
    }
}
