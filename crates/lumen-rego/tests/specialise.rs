//! A program that was made for a part of its input answers what the program itself does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "test code"
)]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use harness::Case;
use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::eval::{Data, EvalError, Inputs, Outcome, Scratch, Shared, json};
use lumen_rego::plan::{Commons, Optimisations};
use lumen_rego::program::{CompileOptions, Program, Question, Source};
use lumen_value::json::parse;
use lumen_value::read::Limits;
use lumen_value::{Object, Value};
use serde_json::Value as Json;

const BUDGET: Budget = Budget::new(50_000_000, 1_000_000_000);

fn value(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).expect("JSON").value
}

fn compile(sources: &[Source], optimisations: Optimisations) -> Option<Program> {
    let options = CompileOptions { optimisations, ..CompileOptions::default() };
    Program::compile(sources, &options).ok()
}

fn evaluate(
    program: &Program,
    question: &impl Question,
    input: &Value,
    data: &Data,
    shared: Option<&mut Shared>,
) -> Result<Outcome, EvalError> {
    let mut inputs = Inputs::new(data, BUDGET);
    inputs.input = Some(input.clone());
    inputs.shared = shared;
    program.evaluate(question, inputs, &mut Scratch::default())
}

/// The value as text, so that numbers count as they are written; errors by what they say.
fn shown(outcome: &Result<Outcome, EvalError>) -> String {
    match outcome {
        Ok(outcome) => outcome.value().map_or_else(|| "undefined".to_owned(), json::text),
        Err(error) => error.to_string(),
    }
}

/// The paths of rules of some modules.
fn paths(program: &Program) -> Vec<Vec<String>> {
    let nodes = program.plan().nodes.iter().filter(|node| node.rules);
    nodes.filter_map(|node| node.path.iter().map(|key| key.as_str().map(str::to_owned)).collect()).collect()
}

fn without(input: &Value, key: &str) -> Value {
    Value::Object(input.as_object().expect("an object").without(key))
}

/// Every rule of a case, with every key of its input known before the rest of it; and with all of them.
fn check(case: &Case) -> Result<(), String> {
    let whole = value(&case.line);
    let Some(Value::Object(input)) = whole.get("input").cloned() else { return Ok(()) };
    let version = if case.text("rego_version") == Some("v0") { Version::V0 } else { Version::V1 };
    let modules = case.json.get("modules").and_then(Json::as_array).cloned().unwrap_or_default();
    let text = |text: &Json| text.as_str().unwrap_or_default().to_owned();
    let source =
        |(text, at): (String, usize)| Source { file: format!("test-{at}.rego").into(), text, version };
    let sources: Vec<Source> = modules.iter().map(text).zip(0..).map(source).collect();
    let Some(program) = compile(&sources, Optimisations::default()) else { return Ok(()) };
    let data = Data::new(whole.get("data").cloned().unwrap_or_default());
    let input = Value::Object(input);
    let keys: Vec<String> = input
        .as_object()
        .into_iter()
        .flat_map(Object::fields)
        .map(|(key, _)| key.to_text().into_owned())
        .collect();
    let mut known: Vec<Vec<&str>> = keys.iter().map(|key| vec![key.as_str()]).collect();
    known.push(keys.iter().map(String::as_str).collect());
    for path in paths(&program) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let entry = program.entry(&path).map_err(|errors| errors.to_string())?;
        let plain = evaluate(&program, &entry, &input, &data, None);
        for known in &known {
            compare(&program, &path, known, &input, &data, &plain)?;
        }
    }
    Ok(())
}

fn compare(
    program: &Program,
    path: &[&str],
    known: &[&str],
    input: &Value,
    data: &Data,
    plain: &Result<Outcome, EvalError>,
) -> Result<(), String> {
    let paths: Vec<[&str; 1]> = known.iter().map(|key| [*key]).collect();
    let fixed: Vec<(&[&str], Value)> = paths
        .iter()
        .map(|path| (path.as_slice(), input.get(path[0]).cloned().expect("a key of the input")))
        .collect();
    let mut commons = Commons::default();
    let Some(special) = program.specialise(path, &fixed, BUDGET, &mut commons) else { return Ok(()) };
    let twin = program.specialise(path, &fixed, BUDGET, &mut commons).expect("the same again");
    let mut rest = input.clone();
    if !special.reads_fixed() {
        rest = known.iter().fold(rest, |rest, key| without(&rest, key));
    }
    let mut shared = Shared::default();
    let alone = evaluate(program, &special, &rest, data, None);
    let first = evaluate(program, &special, &rest, data, Some(&mut shared));
    let second = evaluate(program, &twin, &rest, data, Some(&mut shared));
    for (name, found) in [("alone", &alone), ("first", &first), ("second", &second)] {
        if shown(found) != shown(plain) {
            return Err(format!(
                "{path:?} with {known:?}, {name}: {} instead of {}\n{}",
                shown(found),
                shown(plain),
                special.plan()
            ));
        }
    }
    if let (Ok(alone), Ok(second)) = (&alone, &second)
        && alone.left != second.left
    {
        return Err(format!(
            "{path:?} with {known:?}: {:?} is left instead of {:?}",
            second.left, alone.left
        ));
    }
    Ok(())
}

#[test]
fn specialised_rego_cases() {
    harness::run_as("specialised", "rego", "cases", check);
}

#[test]
fn specialised_rego_eval() {
    harness::run_as("specialised", "rego", "eval", check);
}

/// A call with `1` answers for `1.0` from then on, as in OPA, also where it was made by a document that could be computed ahead or shared.
#[test]
fn what_called_with_a_number_is_neither_folded_nor_shared() {
    let function = "package a\nf(x) := json.marshal(x)\n";
    let rules = [
        // Depends on the fixed part alone.
        "first := f(input.fixed) if true\nresult := [first, f(input.given)]",
        "first := [y | y := f(input.fixed)]\nresult := [first, f(input.given)]",
        "first := x if { every z in [input.fixed] { f(z) }; x := 3 }\nresult := [first, f(input.given)]",
        // Depends on nothing fixed.
        "first := f(input.other) if true\nresult := [first, f(input.given), input.fixed]",
        "first := f(1) if true\nresult := [first, f(input.given), input.fixed]",
        "under contains y if y := f(input.other)\nfirst := under if true\nresult := [first, f(input.given), input.fixed]",
        // The call was made before the document.
        "first := f(input.other) if true\nresult := [f(input.given), first, input.fixed]",
        // By keys.
        "p[x] := f(x) if some x in [input.other]\nfirst := p[1] if true\nresult := [first, f(input.given), input.fixed]",
    ];
    let data = Data::new(Value::default());
    for rule in rules {
        let text = format!("{function}{rule}\n");
        let source = Source { file: "a.rego".into(), text, version: Version::V1 };
        let program = compile(&[source], Optimisations::default()).expect("it compiles");
        for input in
            [r#"{"fixed": 1, "given": 1.0, "other": 1}"#, r#"{"fixed": 1.0, "given": 1, "other": 1.0}"#]
        {
            let input = value(input);
            let entry = program.entry(&["a", "result"]).expect("a rule");
            let plain = evaluate(&program, &entry, &input, &data, None);
            let fixed: [(&[&str], Value); 1] = [(&["fixed"], Value::Null)];
            let special = program.specialise(&["a", "result"], &fixed, BUDGET, &mut Commons::default());
            assert!(special.is_some(), "{rule}");
            compare(&program, &["a", "result"], &["fixed"], &input, &data, &plain)
                .unwrap_or_else(|error| panic!("{rule}: {error}"));
        }
    }
}

/// Whatever was evaluated before, and by whom: an evaluation is left with the same steps and bytes, and fails with the same budget.
#[test]
fn who_takes_a_document_pays_what_its_evaluation_took() {
    let text = "package a
base contains x if { some x in input.items; contains(x, \"a\") }
left contains x if { some x in base; x != \"ab\" }
right contains x if { some x in base; x != \"ac\" }
top := left & right
first := [count(top), input.fixed]
second := [count(right), count(base), input.fixed]
third := [left, right, top, input.fixed] if count(left) > 1
";
    let source = Source { file: "a.rego".into(), text: text.to_owned(), version: Version::V1 };
    let program = compile(&[source], Optimisations::default()).expect("it compiles");
    let input = value(r#"{"items": ["ab", "ac", "ad", "x", "aa", "ba"]}"#);
    let data = Data::new(Value::default());
    let fixed: [(&[&str], Value); 1] = [(&["fixed"], Value::from("f"))];
    let mut commons = Commons::default();
    let rules = ["first", "second", "third"].map(|rule| {
        let special =
            program.specialise(&["a", rule], &fixed, BUDGET, &mut commons).expect("it is made for `fixed`");
        let alone = evaluate(&program, &special, &input, &data, None).expect("it has a value");
        (special, shown(&Ok(alone.clone())), alone.left)
    });
    let run = |rule: usize, budget: Budget, shared: &mut Shared| {
        let mut inputs = Inputs::new(&data, budget);
        inputs.input = Some(input.clone());
        inputs.shared = Some(shared);
        program.evaluate(&rules[rule].0, inputs, &mut Scratch::default())
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 0, 0]] {
        let mut shared = Shared::default();
        for rule in order {
            let (_, wanted, left) = &rules[rule];
            let outcome = run(rule, BUDGET, &mut shared).expect("it has a value");
            assert_eq!((outcome.left, &shown(&Ok(outcome))), (*left, wanted), "{order:?} at {rule}");
        }
        for (rule, (_, _, left)) in rules.iter().enumerate() {
            let (steps, bytes) = (50_000_000 - left.0, 1_000_000_000 - left.1);
            assert!(run(rule, Budget::new(steps, bytes), &mut shared).is_ok(), "{order:?} at {rule}");
            assert!(run(rule, Budget::new(steps - 1, bytes), &mut shared).is_err(), "{order:?} at {rule}");
            assert!(run(rule, Budget::new(steps, bytes - 1), &mut shared).is_err(), "{order:?} at {rule}");
        }
    }
}
