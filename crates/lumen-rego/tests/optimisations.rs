//! What makes evaluation faster changes no answer: generated programs, with each optimisation alone, with all, and with none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "test code"
)]

use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::error::Code;
use lumen_rego::eval::{Data, EvalError, Inputs, Scratch, Shared, json};
use lumen_rego::plan::{Commons, Optimisations};
use lumen_rego::program::{CompileOptions, Program, Question, Source};
use lumen_value::Value;
use lumen_value::json::parse;
use lumen_value::read::Limits;
use proptest::prelude::*;

const BUDGET: Budget = Budget::new(2_000_000, 100_000_000);
const LOAD: Budget = Budget::new(100_000, 10_000_000);

/// Scalars that programs and inputs are made of.
const SCALARS: &[&str] = &["\"a\"", "\"b\"", "\"c\"", "1", "1.0", "2", "true", "false", "null"];

/// What yields a value. `V` is a variable with one, `S` a scalar.
const TERMS: &[&str] = &[
    "V",
    "S",
    "input.parameters.list",
    "input.parameters.list[_]",
    "input.parameters.map.a",
    "input.parameters.map[V]",
    "object.get(input, \"parameters\", {})",
    "object.get(input.parameters, \"list\", [S])",
    "object.get(input, [\"parameters\", \"map\", \"a\"], S)",
    "object.get(object.get(input, \"review\", {}), \"kind\", S)",
    "input.review.kind",
    "input.review.items[_]",
    "input.review.items[_].x",
    "input.review[_]",
    "input[_].kind",
    "input",
    "data.base.x",
    "data.base.list[_]",
    "[x | x := input.parameters.list[_]; x != S]",
    "{x | x := input.parameters.list[_]; x == V}",
    "{k: v | v := input.parameters.map[k]}",
    "[x | x := input.review.items[_]; x != V]",
    "count([x | x := input.parameters.list[_]])",
    "sprintf(\"%v-%v\", [V, S])",
    "complete",
    "partial",
    "partial[V]",
    "object_of[V]",
    "kind_of(V)",
    "kind_of(input.review.kind)",
    "kind_of(input.parameters.map.a)",
    "to_number(V)",
    "helper(V, S)",
];

/// What holds or does not.
const TESTS: &[&str] = &[
    "V == S",
    "V != S",
    "S == input.review.kind",
    "input.review.kind == S",
    "input.parameters.mode == S",
    "input.parameters.flag",
    "not input.parameters.flag",
    "not V == S",
    "not complete",
    "not allowed(V)",
    "allowed(V)",
    "allowed(input.parameters.map.a)",
    "V in input.parameters.list",
    "every x in input.parameters.list { x != S }",
    "every x in input.parameters.list { x != V }",
    "every x in input.review.items { x != S }",
    "not partial[S]",
    "partial[S]",
    "startswith(V, S)",
    "count(input.parameters.list) > 1",
    "is_string(V)",
    "some x in input.parameters.list; x == V",
    "[V, S] == [S, V]",
];

#[derive(Clone, Debug)]
struct Line {
    is_term: bool,
    pick: prop::sample::Index,
    variable: prop::sample::Index,
    scalar: prop::sample::Index,
}

fn line() -> impl Strategy<Value = Line> {
    (any::<bool>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>())
        .prop_map(|(is_term, pick, variable, scalar)| Line { is_term, pick, variable, scalar })
}

/// A body; rules may ask for those that come before them in `names` alone, so that none is recursive.
fn body(lines: &[Line], first: &str, forbidden: &[&str]) -> (String, Vec<String>) {
    let mut variables = vec![first.to_owned()];
    let mut text = String::new();
    for (line, at) in lines.iter().zip(0..) {
        let source = if line.is_term { TERMS } else { TESTS };
        let allowed: Vec<&&str> =
            source.iter().filter(|text| !forbidden.iter().any(|name| text.contains(name))).collect();
        let scalar = SCALARS[line.scalar.index(SCALARS.len())];
        let variable = &variables[line.variable.index(variables.len())];
        let one = allowed[line.pick.index(allowed.len())].replace('V', variable).replace('S', scalar);
        if line.is_term {
            text.push_str(&format!("  v{at} := {one}\n"));
            variables.push(format!("v{at}"));
        } else {
            text.push_str(&format!("  {one}\n"));
        }
    }
    (text, variables)
}

type Rules = Vec<Vec<Line>>;

fn rules(most: usize) -> impl Strategy<Value = Rules> {
    prop::collection::vec(prop::collection::vec(line(), 0..5), 0..most)
}

/// A module whose rules ask for one another.
fn module(kinds: &Rules, helpers: &Rules, parts: &Rules, results: &Rules) -> String {
    let mut text = "package p\n\ndefault kind_of(_) := \"none\"\n\nallowed(\"a\")\n\nallowed(x) if x == input.parameters.list[_]\n\n".to_owned();
    let all = ["complete", "partial", "object_of", "helper", "kind_of"];
    for (lines, at) in kinds.iter().zip(0..) {
        let scalar = SCALARS[at % SCALARS.len()];
        let (body, _) = body(lines, "k", &all);
        text.push_str(&format!("kind_of(k) := {at} if {{\n  k == {scalar}\n{body}}}\n\n"));
    }
    for lines in helpers {
        let (body, variables) = body(lines, "x", &all[..4]);
        let last = variables.last().expect("one at least");
        text.push_str(&format!(
            "helper(x, y) := {last} if {{\n  is_null(y) == false\n{body}}} else := y\n\n"
        ));
    }
    text.push_str("helper(\"z\", _) := 1\n\n");
    for (lines, at) in parts.iter().zip(0..) {
        let scalar = SCALARS[at % SCALARS.len()];
        let (body, variables) = body(lines, scalar, &all[..3]);
        let last = variables.last().expect("one at least");
        let kind = if at % 2 == 0 { format!("  input.review.kind == {scalar}\n") } else { String::new() };
        text.push_str(&format!("partial contains {last} if {{\n{kind}{body}  true\n}}\n\n"));
        text.push_str(&format!("object_of[{scalar}] := {last} if {{\n{kind}{body}  true\n}}\n\n"));
    }
    text.push_str("partial contains \"q\" if false\n\nobject_of[\"q\"] := 1\n\n");
    for (lines, at) in results.iter().zip(0..) {
        let (body, variables) = body(lines, "1", &["complete"]);
        let last = variables.last().expect("one at least");
        text.push_str(&format!("complete := {at} if {{\n  input.review.kind == {}\n}}\n\n", SCALARS[at % 3]));
        text.push_str(&format!("found contains {last} if {{\n{body}  true\n}}\n\n"));
    }
    text.push_str("complete := 7 if input.review.kind == \"z\"\n\nfound contains complete\n");
    text
}

fn value(text: &str) -> Value {
    parse(text.as_bytes(), &Limits::default()).expect("JSON").value
}

fn scalar() -> impl Strategy<Value = String> {
    prop::sample::select(SCALARS).prop_map(str::to_owned)
}

fn list() -> impl Strategy<Value = String> {
    prop::collection::vec(scalar(), 0..4).prop_map(|list| format!("[{}]", list.join(", ")))
}

fn map() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (scalar(), scalar()).prop_map(|(a, b)| format!("{{\"a\": {a}, \"b\": {b}}}")),
        1 => Just("{}".to_owned()),
        1 => scalar(),
    ]
}

fn parameters() -> impl Strategy<Value = String> {
    let whole = (list(), map(), scalar(), scalar()).prop_map(|(list, map, mode, flag)| {
        format!("{{\"list\": {list}, \"map\": {map}, \"mode\": {mode}, \"flag\": {flag}}}")
    });
    prop_oneof![5 => whole, 1 => list().prop_map(|list| format!("{{\"list\": {list}}}")), 1 => Just("{}".to_owned())]
}

fn review() -> impl Strategy<Value = String> {
    (scalar(), list(), map())
        .prop_map(|(kind, items, map)| format!("{{\"kind\": {kind}, \"items\": [{map}, {items}, {kind}]}}"))
}

fn program(text: &str, optimisations: Optimisations) -> Option<Program> {
    let options = CompileOptions { optimisations, ..CompileOptions::default() };
    let source = Source { file: "p.rego".into(), text: text.to_owned(), version: Version::V1 };
    Program::compile(&[source], &options).ok()
}

/// The answer as text; none where the budget is too small.
fn answer(
    program: &Program,
    question: &impl Question,
    input: &Value,
    data: &Data,
    shared: Option<&mut Shared>,
) -> Option<(String, (u64, u64))> {
    let mut inputs = Inputs::new(data, BUDGET);
    inputs.input = Some(input.clone());
    inputs.shared = shared;
    match program.evaluate(question, inputs, &mut Scratch::default()) {
        Ok(outcome) => {
            Some((outcome.value().map_or_else(|| "undefined".to_owned(), json::text), outcome.left))
        }
        Err(EvalError::Failed(error)) if error.code == Code::EvalBudget => None,
        // Which of two errors is found first is not said.
        Err(error) => {
            assert!(matches!(error, EvalError::Failed(_)));
            Some(("error".to_owned(), (0, 0)))
        }
    }
}

/// Each optimisation alone, and all.
fn switches() -> Vec<Optimisations> {
    vec![
        Optimisations { memo: true, ..Optimisations::NONE },
        Optimisations { rule_index: true, ..Optimisations::NONE },
        Optimisations { inverted_indexes: true, ..Optimisations::NONE },
        Optimisations { partial_evaluation: true, ..Optimisations::NONE },
        Optimisations { memo: true, shared_documents: true, ..Optimisations::NONE },
        Optimisations { input_paths: true, ..Optimisations::NONE },
        Optimisations::default(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn optimised_is_plain(
        (kinds, helpers, parts, results) in (rules(6), rules(3), rules(5), rules(4)),
        parameters in parameters(),
        other in parameters(),
        review in review(),
    ) {
        let text = module(&kinds, &helpers, &parts, &results);
        let Some(plain) = program(&text, Optimisations::NONE) else { return Ok(()) };
        let data = Data::new(value("{\"base\": {\"x\": \"a\", \"list\": [1, \"b\"]}}"));
        let whole = |parameters: &str| value(&format!("{{\"parameters\": {parameters}, \"review\": {review}}}"));
        let bare = value(&format!("{{\"review\": {review}}}"));
        let entry = plain.entry(&["p", "found"]).expect("an entry");
        let wanted = [&parameters, &other].map(|given| answer(&plain, &entry, &whole(given), &data, None));
        for optimisations in switches() {
            let program = program(&text, optimisations).expect("what compiled compiles");
            let mut commons = Commons::default();
            // Two sets of parameters for one review, as two constraints have.
            let mut shared = Shared::default();
            for (given, wanted) in [&parameters, &other].into_iter().zip(&wanted) {
                let Some((wanted, _)) = wanted else { continue };
                let input = whole(given);
                let entry = program.entry(&["p", "found"]).expect("an entry");
                if let Some((found, _)) = answer(&program, &entry, &input, &data, None) {
                    prop_assert_eq!(&found, wanted, "{:?}\n{}", optimisations, text);
                }
                let fixed: [(&[&str], Value); 1] = [(&["parameters"], value(given))];
                let special = program.specialise(&["p", "found"], &fixed, LOAD, &mut commons);
                let Some(special) = special else { continue };
                let input = if special.reads_fixed() { &input } else { &bare };
                let alone = answer(&program, &special, input, &data, None);
                let after = answer(&program, &special, input, &data, Some(&mut shared));
                for (found, _) in alone.iter().chain(&after) {
                    prop_assert_eq!(found, wanted, "{:?}\n{}\n{}", optimisations, text, special.plan());
                }
            }
        }
    }
}
