//! `graphql.*`: GraphQL documents read, shown as values, and judged, with the trees, rules and messages of the `gqlparser` that OPA
//! carries. A document may also be given as a value of the form that these built-ins give.

use std::sync::Arc;

use lumen_value::{Object, Str, Value};

use super::json::document;
use super::operand::{any, string, type_name};
use super::{Answer, Context, Entry, Failure};

mod input;
mod lex;
mod output;
mod parse;
mod parse_schema;
mod rules;
mod schema;
mod suggest;
mod tree;
mod walk;

use schema::Schema;
use tree::{Fault, Query, SchemaDocument};

/// The family.
pub const TABLE: &[Entry] = &[
    ("graphql.is_valid", is_valid),
    ("graphql.parse", parse_both),
    ("graphql.parse_and_verify", parse_and_verify),
    ("graphql.parse_query", parse_query),
    ("graphql.parse_schema", parse_schema_text),
    ("graphql.schema_is_valid", schema_is_valid),
];

/// Why a document is not taken.
enum Refusal {
    /// It is neither text nor object.
    Type(&'static str),
    /// Something is wrong with it.
    Said(String),
}

impl Refusal {
    /// Upstream counts the operands from 0 here.
    fn into_failure(self, position: usize) -> Failure {
        match self {
            Self::Type(got) => {
                Failure::Type(format!("operand {position} must be one of {{string, object}} but got {got}"))
            }
            Self::Said(message) => Failure::Builtin(message),
        }
    }
}

/// What reading a document takes.
fn charge(context: &mut Context<'_>, len: u64) -> Result<(), Failure> {
    context.budget.steps(len.saturating_mul(2))?;
    context.budget.bytes(len.saturating_mul(64))
}

/// A fault as `gqlerror` prints it.
fn printed(fault: &Fault) -> String {
    let file = if fault.at.is_some_and(|at| at.builtin) { "prelude.graphql" } else { "input" };
    let (line, column) = fault.at.map_or((-1, -1), |at| (at.line, at.column));
    format!("{file}:{line}:{column}: {}", fault.message)
}

/// A fault in a query as a list of one error, which has no place where there is none.
fn printed_in_list(fault: &Fault) -> String {
    match fault.at {
        Some(_) => printed(fault) + "\n",
        None => format!("input: {}\n", fault.message),
    }
}

/// An error as OPA words it: its place is put behind.
fn worded(error: &str) -> String {
    let mut parts = error.splitn(4, ':');
    let (_, row, column, message) = (parts.next(), parts.next(), parts.next(), parts.next());
    let number = |text: Option<&str>| {
        text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
    };
    match (number(row), number(column), message) {
        (Some(row), Some(column), Some(message)) => {
            let message = message.trim_start_matches(' ');
            let message = message.strip_suffix(".\n").unwrap_or(message);
            format!("{message} in GraphQL string at location {row}:{column}")
        }
        _ => format!("GraphQL parse error: {error}"),
    }
}

/// A document that an operand is, paid for.
fn plain_document(context: &mut Context<'_>, value: &Value) -> Result<Result<Value, Refusal>, Failure> {
    let document = match document(context, value) {
        Err(Failure::Builtin(message)) => return Ok(Err(Refusal::Said(message))),
        other => other?,
    };
    let len = super::json::text_len(context, &document)?;
    charge(context, len)?;
    Ok(Ok(document))
}

fn read_query(context: &mut Context<'_>, value: &Value) -> Result<Result<Query, Refusal>, Failure> {
    match value {
        Value::String(text) => {
            charge(context, text.as_bytes().len() as u64)?;
            Ok(parse::query(text.as_bytes()).map_err(|fault| Refusal::Said(worded(&printed(&fault)))))
        }
        Value::Object(_) => {
            let document = match plain_document(context, value)? {
                Ok(document) => document,
                Err(refusal) => return Ok(Err(refusal)),
            };
            Ok(input::query(&document).map_err(Refusal::Said))
        }
        other => Ok(Err(Refusal::Type(type_name(other)))),
    }
}

fn read_schema(context: &mut Context<'_>, value: &Value) -> Result<Result<SchemaDocument, Refusal>, Failure> {
    match value {
        Value::String(text) => {
            charge(context, text.as_bytes().len() as u64)?;
            let parsed = parse_schema::schema(text.as_bytes(), false);
            Ok(parsed.map_err(|fault| Refusal::Said(worded(&printed(&fault)))))
        }
        Value::Object(_) => {
            let document = match plain_document(context, value)? {
                Ok(document) => document,
                Err(refusal) => return Ok(Err(refusal)),
            };
            Ok(input::schema(&document).map_err(Refusal::Said))
        }
        other => Ok(Err(Refusal::Type(type_name(other)))),
    }
}

/// A schema that queries can be judged by, and it as a value. What is made of a text is kept.
fn schema_of(
    context: &mut Context<'_>,
    value: &Value,
) -> Result<Result<Arc<(Schema, Value)>, Refusal>, Failure> {
    let build = |document: SchemaDocument| {
        let shown = output::schema(&document);
        schema::build(document).map(|schema| (schema, shown)).map_err(|fault| {
            let error = printed(&fault);
            Refusal::Said(format!("Error in gqlparser SchemaDocument to Schema conversion: {error}"))
        })
    };
    let key = match value {
        Value::String(text) => text.clone(),
        _ => {
            return Ok(match read_schema(context, value)? {
                Ok(document) => build(document).map(Arc::new),
                Err(refusal) => Err(refusal),
            });
        }
    };
    // Paid for whether it is kept already or not.
    charge(context, key.as_bytes().len() as u64 * 2)?;
    Ok(context.cache.get("graphql.schema", &key, || {
        let parsed = parse_schema::schema(Str::as_bytes(&key), false);
        parsed.map_err(|fault| Refusal::Said(worded(&printed(&fault)))).and_then(build)
    }))
}

/// Judges a query; the error is as OPA words it.
fn judged(context: &mut Context<'_>, schema: &Schema, query: &Query) -> Result<Result<(), String>, Failure> {
    let faults = walk::judge(context, schema, query)?;
    if faults.is_empty() {
        return Ok(Ok(()));
    }
    Ok(Err(worded(&faults.iter().map(printed_in_list).collect::<String>())))
}

fn parse_query(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = string(operands, 1)?;
    charge(context, text.as_bytes().len() as u64)?;
    match parse::query(text.as_bytes()) {
        Ok(query) => Ok(output::query(&query)),
        Err(fault) => Err(Failure::Builtin(worded(&printed(&fault)))),
    }
}

fn parse_schema_text(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let text = string(operands, 1)?;
    charge(context, text.as_bytes().len() as u64)?;
    match parse_schema::schema(text.as_bytes(), false) {
        Ok(document) => Ok(output::schema(&document)),
        Err(fault) => Err(Failure::Builtin(worded(&printed(&fault)))),
    }
}

fn parse_both(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let query = read_query(context, any(operands, 1)?)?.map_err(|refusal| refusal.into_failure(0))?;
    let schema = schema_of(context, any(operands, 2)?)?.map_err(|refusal| refusal.into_failure(1))?;
    judged(context, &schema.0, &query)?.map_err(Failure::Builtin)?;
    Ok(Value::from(vec![output::query(&query), schema.1.clone()]))
}

fn parse_and_verify(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let empty = || Value::Object(Object::default());
    let unverified = || Ok(Value::from(vec![Value::from(false), empty(), empty()]));
    let Ok(query) = read_query(context, any(operands, 1)?)? else {
        return unverified();
    };
    let Ok(schema) = schema_of(context, any(operands, 2)?)? else {
        return unverified();
    };
    if judged(context, &schema.0, &query)?.is_err() {
        return unverified();
    }
    Ok(Value::from(vec![Value::from(true), output::query(&query), schema.1.clone()]))
}

fn is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    let Ok(query) = read_query(context, any(operands, 1)?)? else {
        return Ok(Value::from(false));
    };
    let Ok(schema) = schema_of(context, any(operands, 2)?)? else {
        return Ok(Value::from(false));
    };
    Ok(Value::from(judged(context, &schema.0, &query)?.is_ok()))
}

fn schema_is_valid(context: &mut Context<'_>, operands: &[Value]) -> Answer {
    Ok(Value::from(schema_of(context, any(operands, 1)?)?.is_ok()))
}
