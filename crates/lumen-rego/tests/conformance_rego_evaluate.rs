//! What programs answer, against OPA's own cases and results of its reference engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::collections::BTreeSet;

use harness::Case;
use lumen_rego::ast::Version;
use lumen_rego::builtin::{Answer, Budget, Failure};
use lumen_rego::error::Error;
use lumen_rego::eval::{Data, EvalError, Host, Inputs, Outcome, Scratch, json};
use lumen_rego::plan::Optimisations;
use lumen_rego::program::{CompileOptions, Program, Source};
use lumen_value::Value;
use lumen_value::json::parse;
use lumen_value::read::Limits;
use serde_json::Value as Json;

/// Enough for every case; the longest takes the reference over a second.
const BUDGET: Budget = Budget::new(200_000_000, 4_000_000_000);

/// Answers what the cases ask of the world outside.
struct World;

impl Host for World {
    fn call(&mut self, name: &str, operands: &[Value]) -> Answer {
        match name {
            "opa.runtime" => Ok(Value::from([] as [(&str, Value); 0])),
            "net.lookup_ip_addr" if operands.first().and_then(Value::as_str) == Some("localhost") => {
                Ok(Value::Set([Value::from("127.0.0.1"), Value::from("::1")].into_iter().collect()))
            }
            _ => Err(Failure::Builtin("there is no network here".to_owned())),
        }
    }
}

/// A case as a value, numbers with their text.
fn value(case: &Case) -> Value {
    parse(case.line.as_bytes(), &Limits::default()).expect("a case holds JSON").value
}

fn version(case: &Case) -> Version {
    if case.text("rego_version") == Some("v0") { Version::V0 } else { Version::V1 }
}

fn program(case: &Case, optimisations: Optimisations) -> Result<Program, Error> {
    let annotations = case.line.contains("rego.metadata");
    let modules = case.json.get("modules").and_then(Json::as_array).cloned().unwrap_or_default();
    let sources: Vec<Source> = modules
        .iter()
        .zip(0..)
        .map(|(text, index)| Source {
            file: format!("test-{index}.rego").into(),
            text: text.as_str().expect("a module is text").to_owned(),
            version: version(case),
        })
        .collect();
    let mut options = CompileOptions { annotations, optimisations, ..CompileOptions::default() };
    options.capabilities.allowed = BTreeSet::from(["http.send", "net.lookup_ip_addr", "opa.runtime"]);
    Program::compile(&sources, &options).map_err(|errors| errors.0.into_iter().next().expect("an error"))
}

/// What a case's program answers, or the first error.
fn run(case: &Case, program: &Program, query: &str) -> Result<Outcome, Error> {
    let first = |errors: lumen_rego::error::Errors| errors.0.into_iter().next().expect("an error");
    let query = program.query(query).map_err(first)?;
    let value = value(case);
    let data = Data::new(value.get("data").cloned().unwrap_or_default());
    let mut host = World;
    let mut inputs = Inputs::new(&data, BUDGET);
    inputs.host = Some(&mut host);
    inputs.time_ns = case.json.get("time_ns").and_then(Json::as_i64).unwrap_or(1_700_000_000_000_000_000);
    inputs.strict_builtin_errors = ["strict_error", "strict_builtin_errors"]
        .iter()
        .any(|field| case.json.get(field).and_then(Json::as_bool) == Some(true));
    inputs.input = value.get("input").cloned();
    if let Some(term) = case.text("input_term") {
        inputs.input = Some(term_value(term));
    }
    match program.evaluate(&query, inputs, &mut Scratch::default()) {
        Ok(outcome) => Ok(outcome),
        Err(EvalError::Failed(error)) => Err(*error),
        Err(EvalError::Pending(needs)) => unreachable!("{needs:?}"),
    }
}

/// A Rego term as a value.
fn term_value(text: &str) -> Value {
    let program = Program::compile(&[], &CompileOptions::default()).expect("nothing is sound");
    let query = program.query(&format!("x = {text}")).expect("a term");
    let data = Data::default();
    let outcome = program.evaluate(&query, Inputs::new(&data, BUDGET), &mut Scratch::default());
    outcome.expect("a term has a value").value().expect("a term has a value").clone()
}

fn check_error(error: &Error, wanted: &str, what: &str, shown: &str) -> Result<(), String> {
    if shown == wanted {
        Ok(())
    } else {
        Err(format!("{what}: {shown:?} instead of {wanted:?} in `{error}`"))
    }
}

#[test]
fn conformance_rego_cases() {
    harness::run("rego", "cases", |case| {
        let query = case.text("query").expect("a query");
        let result = program(case, Optimisations::default()).and_then(|program| run(case, &program, query));
        let outcome = match (result, case.text("want_error_code"), case.text("want_error")) {
            (Ok(outcome), None, None) => outcome,
            (Ok(outcome), ..) => return Err(format!("{:?} instead of an error", outcome.solutions)),
            (Err(error), None, None) => return Err(error.to_string()),
            (Err(error), code, text) => {
                check_error(&error, code.unwrap_or(error.code.as_str()), "code", error.code.as_str())?;
                let printed = error.to_string();
                return match text {
                    Some(text) if !printed.contains(text) => {
                        Err(format!("`{printed}` does not contain `{text}`"))
                    }
                    _ => Ok(()),
                };
            }
        };
        let value = value(case);
        let Some(wanted) = value.get("want_result").and_then(Value::as_array) else { return Ok(()) };
        let flag = |name: &str| case.json.get(name).and_then(Json::as_bool) == Some(true);
        let wanted: BTreeSet<Value> = wanted.iter().cloned().collect();
        let found: BTreeSet<Value> = outcome
            .solutions
            .iter()
            .map(|solution| {
                let bindings = outcome.names.iter().zip(solution);
                let kept = bindings.filter(|(name, _)| {
                    !(flag("ignore_generated_vars") && name.to_text().starts_with("__localq"))
                });
                let entries = kept.map(|(name, value)| {
                    let text = json::text(value);
                    let mut value = parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
                    if let (true, Value::Array(items)) = (flag("sort_bindings"), &value) {
                        let mut items: Vec<Value> = items.iter().cloned().collect();
                        items.sort();
                        value = Value::from(items);
                    }
                    (Value::String(name.clone()), value)
                });
                Value::Object(entries.collect())
            })
            .collect();
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    });
}

/// Whether a program of `eval.jsonl` answers as the reference does.
fn answers(case: &Case, optimisations: Optimisations) -> Result<(), String> {
    let query = format!("result = {}", case.text("query").expect("a query"));
    let result = program(case, optimisations).and_then(|program| run(case, &program, &query));
    if let Some(wanted) = case.json.get("error") {
        let error = match result {
            Err(error) => error,
            Ok(outcome) => return Err(format!("{:?} instead of an error", outcome.solutions)),
        };
        let text = |field: &str| wanted.get(field).and_then(Json::as_str).unwrap_or_default();
        check_error(&error, text("code"), "code", error.code.as_str())?;
        check_error(&error, text("message"), "message", &error.message)?;
        check_error(&error, text("module"), "module", &error.file)?;
        let place = [("row", error.span.row), ("col", error.span.column)];
        return place.iter().try_for_each(|(field, found)| {
            let wanted = wanted.get(field).and_then(Json::as_u64).unwrap_or_default();
            check_error(&error, &wanted.to_string(), field, &found.to_string())
        });
    }
    let outcome = result.map_err(|error| error.to_string())?;
    let found = outcome.value();
    if case.has("undefined") {
        return found.map_or(Ok(()), |found| Err(format!("{found} instead of nothing")));
    }
    let found = found.ok_or("nothing")?;
    if let Some(wanted) = case.text("result") {
        let shown = json::text(found);
        if shown != wanted {
            return Err(format!("result {shown} instead of {wanted}"));
        }
    }
    let shown = lumen_rego::term::text(found);
    match case.text("term") {
        Some(wanted) if shown != wanted => Err(format!("term {shown} instead of {wanted}")),
        _ => Ok(()),
    }
}

#[test]
fn conformance_rego_eval() {
    harness::run("rego", "eval", |case| answers(case, Optimisations::default()));
}

/// What makes evaluation faster does not change answers.
#[test]
fn unoptimised_rego_eval() {
    harness::run_as("unoptimised", "rego", "eval", |case| answers(case, Optimisations::NONE));
}
