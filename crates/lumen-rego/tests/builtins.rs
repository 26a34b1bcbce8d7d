//! Calls of built-ins with literal operands, taken out of `rego/eval.jsonl`, against what OPA answers. Needs no evaluator.
#![expect(clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "builtins/literal.rs"]
mod literal;

use std::collections::BTreeMap;

use literal::Reader;
use lumen_rego::builtin::{self, Budget, Context, Failure, cache::Cache};
use lumen_rego::error::Span;
use lumen_rego::term;
use lumen_value::{Number, Value};

/// What is not to be tried here: names (or their beginnings), and why.
const LEFT_OUT: &[&str] = &["time.now_ns", "opa.runtime", "http.send"];

#[test]
fn conformance_rego_builtins() {
    let Some(lines) = harness::text_of("conformance (calls)", "rego/eval.jsonl") else { return };
    let only = std::env::var("BUILTIN").ok();
    let (mut passed, mut total) = (0, 0);
    let mut missing: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON lines");
        let id = case["id"].as_str().expect("an id");
        if !id.starts_with("eval/builtin/") && !id.starts_with("eval/strict/") {
            continue;
        }
        if only.as_ref().is_some_and(|only| !id.contains(only.as_str())) {
            continue;
        }
        match check(&case) {
            Ok(()) => passed += 1,
            Err(Wrong::Missing(name)) => {
                *missing.entry(name).or_default() += 1;
                continue;
            }
            Err(Wrong::Differs(message)) => wrong.push(format!("{id}: {message}")),
        }
        total += 1;
    }
    println!("conformance rego/eval.jsonl (calls): {passed}/{total}");
    println!("not tried: {missing:?}");
    assert!(wrong.is_empty(), "{} cases differ\n{}", wrong.len(), wrong.join("\n"));
}

enum Wrong {
    /// There is no such function, or the call is more than literals.
    Missing(String),
    /// The answer is another.
    Differs(String),
}

fn check(case: &serde_json::Value) -> Result<(), Wrong> {
    let module = case.pointer("/modules/0").and_then(serde_json::Value::as_str).expect("a module");
    let want = match case["term"].as_str() {
        Some(term) => Reader::new(term).value(),
        None => None,
    };
    let mut seen: Vec<Value> = Vec::new();
    for line in module.lines().skip(4).filter(|line| !line.is_empty()) {
        let (head, body) = line
            .split_once(" := ")
            .or_else(|| line.split_once(" = "))
            .ok_or_else(|| Wrong::Missing("form".to_owned()))?;
        let (name, mut operands) = literal::call(body).ok_or_else(|| Wrong::Missing("form".to_owned()))?;
        for operand in &mut operands {
            // `id` is called once for equal values: `10.0` gives the `10` of before.
            match seen.iter().find(|earlier| *earlier == operand) {
                Some(earlier) => *operand = earlier.clone(),
                None => seen.push(operand.clone()),
            }
        }
        let function =
            builtin::function(name).filter(|_| !LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)));
        let Some(function) = function else {
            return Err(Wrong::Missing(name.to_owned()));
        };
        let answer = called(function, &operands);
        let index = head.strip_prefix("r[").and_then(|rest| rest.strip_suffix(']'));
        let wanted = match index {
            Some(index) => {
                let key = Value::Number(Number::parse(index).expect("an index"));
                want.as_ref()
                    .and_then(Value::as_object)
                    .and_then(|object| object.get_value(&key))
                    .map(term::text)
            }
            None => case["term"].as_str().map(ToOwned::to_owned),
        };
        let got = match &answer {
            Ok(value) => Some(term::text(value)),
            Err(_) => None,
        };
        if got != wanted {
            return Err(Wrong::Differs(format!(
                "{line}\n      got {got:?} {:?}\n     want {wanted:?}",
                answer.err()
            )));
        }
        if case.get("error").is_some() {
            error(case, name, answer.expect_err("no value"))?;
        }
    }
    Ok(())
}

fn error(case: &serde_json::Value, name: &str, failure: Failure) -> Result<(), Wrong> {
    let (code, message) = match failure {
        Failure::Type(message) => ("eval_type_error", message),
        Failure::Builtin(message) | Failure::Halt(message) => ("eval_builtin_error", message),
        other => return Err(Wrong::Differs(format!("{name}: {other:?}"))),
    };
    let error = &case["error"];
    let got = format!("{code} {name}: {message}");
    let want = format!(
        "{} {}",
        error["code"].as_str().unwrap_or_default(),
        error["message"].as_str().unwrap_or_default()
    );
    if got == want { Ok(()) } else { Err(Wrong::Differs(format!("\n      got {got}\n     want {want}"))) }
}

fn called(function: builtin::Function, operands: &[Value]) -> builtin::Answer {
    let mut budget = Budget::new(10_000_000, 100_000_000);
    let mut cache = Cache::default();
    let mut random = || 4;
    let mut context = Context {
        budget: &mut budget,
        time_ns: 1_700_000_000_000_000_000,
        random: &mut random,
        cache: &mut cache,
        span: Span::default(),
    };
    function(&mut context, operands)
}
