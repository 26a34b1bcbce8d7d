//! Every built-in takes from the budget what its operands make it do.
#![expect(clippy::expect_used, reason = "test code")]

use lumen_rego::builtin::signature::SIGNATURES;
use lumen_rego::builtin::{self, Budget, Context, Failure, cache::Cache};
use lumen_rego::error::Span;
use lumen_rego::types::Shape;
use lumen_value::{Number, Object, Set, Value};

/// The bytes of large texts.
const TEXT_BYTES: usize = 1 << 20;
/// The parts of large collections.
const PARTS: usize = 100_000;
/// What a call may spend: far less than large operands have parts.
const STEPS_MAX: u64 = 20_000;
const BYTES_MAX: u64 = 1 << 20;
/// A step, or the bytes of one value, pays for so many bytes or parts of an operand at most.
const PARTS_OF_A_STEP: u64 = 64;

/// What does not go through some operand however large that is, with the operands, counted from 0, and why.
const CONSTANT: &[(&str, &[usize], &str)] = &[
    ("array.slice", &[0], "what is kept is paid for"),
    ("cast_array", &[0], "an array is shared"),
    ("cast_object", &[0], "an object is shared"),
    ("cast_set", &[0], "a set is shared"),
    ("cast_string", &[0], "a string is shared"),
    ("concat", &[0], "there is nothing to put between"),
    ("count", &[0], "collections know how many they have"),
    ("crypto.x509.parse_and_verify_certificates_with_options", &[1], "known options are looked up"),
    ("equal", &[0, 1], "of different types"),
    ("graph.reachable", &[0], "vertices are looked up"),
    ("graph.reachable_paths", &[0], "vertices are looked up"),
    ("graphql.is_valid", &[1], "the query is refused before"),
    ("graphql.parse_and_verify", &[1], "the query is refused before"),
    ("gt", &[0, 1], "of different types"),
    ("gte", &[0, 1], "of different types"),
    ("internal.member_2", &[0], "compared with what is short"),
    ("internal.member_2", &[1], "looked up, or no collection"),
    ("internal.member_3", &[0, 1, 2], "looked up, compared with what is short"),
    ("intersection", &[0], "one set is shared; of several, the smaller is gone through"),
    ("is_array", &[0], "by its type"),
    ("is_boolean", &[0], "by its type"),
    ("is_null", &[0], "by its type"),
    ("is_number", &[0], "by its type"),
    ("is_object", &[0], "by its type"),
    ("is_set", &[0], "by its type"),
    ("is_string", &[0], "by its type"),
    ("and", &[0, 1], "the smaller is gone through"),
    ("lt", &[0, 1], "of different types"),
    ("lte", &[0, 1], "of different types"),
    ("minus", &[1], "looked up"),
    ("neq", &[0, 1], "of different types"),
    ("object.filter", &[0, 1], "the smaller is gone through"),
    ("object.get", &[0, 1, 2], "looked up; compared with what is short"),
    ("object.remove", &[1], "looked up"),
    ("object.subset", &[0, 1], "looked up, or of different types"),
    ("semver.is_valid", &[0], "no string"),
    ("set_diff", &[1], "looked up"),
    ("to_number", &[0], "a number is shared"),
    ("trim_prefix", &[0], "only what may be the prefix is looked at"),
    ("trim_suffix", &[0], "only what may be the suffix is looked at"),
    ("type_name", &[0], "by its type"),
    ("uuid.parse", &[0], "only 45 bytes can be one"),
    ("uuid.rfc4122", &[0], "paid for by the evaluator, which keeps the answers"),
    ("rand.intn", &[0], "paid for by the evaluator, which keeps the answers"),
];

/// A large operand, and of how many bytes or parts it is.
#[derive(Clone)]
struct Operand {
    value: Value,
    size: usize,
}

fn text(text: String) -> Operand {
    Operand { size: text.len(), value: Value::String(text.into()) }
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).expect("a number"))
}

/// Texts that as many readers as possible read to their end.
fn texts() -> Vec<Operand> {
    let list = format!("[{}1]", "1,".repeat(TEXT_BYTES / 2));
    vec![
        text("a".repeat(TEXT_BYTES)),
        text("é".repeat(TEXT_BYTES / 2)),
        text("1".repeat(TEXT_BYTES)),
        text("a.".repeat(TEXT_BYTES / 2)),
        text(format!("{{\"a\": {list}}}")),
        text(list),
        text(format!("\"{}\"", "a".repeat(TEXT_BYTES))),
        text(format!("{}b", " ".repeat(TEXT_BYTES))),
        text(format!("package a\n{}", "p := 1\n".repeat(TEXT_BYTES / 8))),
    ]
}

/// Large operands of a shape.
fn large(shape: &Shape) -> Vec<Operand> {
    let numbered = || (0..PARTS).map(|at| number(&at.to_string()));
    let named = || (0..PARTS).map(|at| Value::from(format!("name-{at}").as_str()));
    match shape {
        Shape::Null | Shape::Boolean => Vec::new(),
        Shape::Number => {
            vec![Operand { value: number(&"7".repeat(TEXT_BYTES / 8)), size: TEXT_BYTES / 8 }]
        }
        Shape::String => texts(),
        Shape::Any => [
            Shape::String,
            Shape::Array(&[], Some(&Shape::Any)),
            Shape::Object(&[], Some(&(Shape::Any, Shape::Any))),
            Shape::Set(&Shape::Any),
        ]
        .iter()
        .flat_map(large)
        .collect(),
        Shape::Union(shapes) => shapes.iter().flat_map(large).collect(),
        Shape::Array(_, rest) => {
            let of: Vec<Vec<Value>> = match rest {
                Some(Shape::String) => vec![named().collect()],
                Some(Shape::Number) => vec![numbered().collect()],
                Some(Shape::Any | Shape::Union(_)) => vec![named().collect(), numbered().collect()],
                Some(other) => vec![small(other).into_iter().cycle().take(PARTS).collect()],
                None => Vec::new(),
            };
            of.into_iter().map(|items| Operand { size: items.len(), value: Value::from(items) }).collect()
        }
        Shape::Object(_, rest) => {
            let value = rest.and_then(|(_, value)| small(value).into_iter().next()).unwrap_or_default();
            let object: Object = named().map(|name| (name, value.clone())).collect();
            vec![Operand { size: object.len(), value: Value::Object(object) }]
        }
        Shape::Set(of) => {
            let sets: Vec<Set> = match of {
                Shape::Set(_) => vec![
                    numbered().map(|item| Value::Set([item].into_iter().collect())).collect(),
                    [Value::Set(numbered().collect())].into_iter().collect(),
                    [Value::Set(numbered().collect()), Value::Set(numbered().skip(1).collect())]
                        .into_iter()
                        .collect(),
                ],
                Shape::Number => vec![numbered().collect()],
                _ => vec![named().collect()],
            };
            sets.into_iter().map(|set| Operand { size: PARTS, value: Value::Set(set) }).collect()
        }
    }
}

/// Small operands of a shape.
fn small(shape: &Shape) -> Vec<Value> {
    match shape {
        Shape::Null => vec![Value::Null],
        Shape::Boolean => vec![Value::from(true)],
        Shape::Number => vec![number("2")],
        Shape::String => vec![Value::from("a"), Value::from("1")],
        Shape::Any => vec![Value::from("a")],
        Shape::Union(shapes) => shapes.iter().flat_map(small).collect(),
        Shape::Array(first, rest) => {
            let shapes = first.iter().chain(*rest);
            vec![shapes.filter_map(|shape| small(shape).into_iter().next()).collect::<Vec<_>>().into()]
        }
        Shape::Object(known, rest) => {
            let known = known.iter().map(|(name, shape)| (Value::from(*name), shape));
            let rest = rest.map(|(_, value)| (Value::from("a"), value));
            let field = |(name, shape)| Some((name, small(shape).into_iter().next()?));
            vec![Value::Object(known.chain(rest).filter_map(field).collect())]
        }
        Shape::Set(of) => vec![Value::Set(small(of).into_iter().collect())],
    }
}

/// What a call that gave an answer took from the budget; `None` where it took all or was refused.
fn spent(name: &str, operands: &[Value]) -> Option<u64> {
    let function = builtin::function(name).expect("a built-in");
    let (mut budget, mut cache) = (Budget::new(STEPS_MAX, BYTES_MAX), Cache::default());
    let mut random = || 4;
    let span = Span::default();
    let mut context =
        Context { budget: &mut budget, time_ns: 0, random: &mut random, cache: &mut cache, span };
    let answer = function(&mut context, operands);
    let (steps, bytes) = budget.left();
    match answer {
        Ok(_) | Err(Failure::Undefined) => Some(STEPS_MAX - steps + (BYTES_MAX - bytes) / 24),
        // What is refused may be refused at its first part.
        Err(_) => None,
    }
}

#[test]
fn large_operands_are_paid_for() {
    let mut unpaid = Vec::new();
    for row in SIGNATURES.iter().filter(|row| builtin::function(row.name).is_some()) {
        let shapes: Vec<&Shape> = row.arguments.iter().map(|(_, shape)| shape).collect();
        let smalls: Vec<Vec<Value>> = shapes.iter().map(|shape| small(shape)).collect();
        for at in 0..shapes.len() {
            let is_constant =
                |(name, operands, _): &&(&str, &[usize], &str)| *name == row.name && operands.contains(&at);
            if CONSTANT.iter().any(|row| is_constant(&row)) {
                continue;
            }
            let others = smalls.iter().map(Vec::len).max().unwrap_or_default();
            for operand in large(shapes.get(at).expect("a shape")) {
                for choice in 0..others {
                    let pick =
                        |each: &Vec<Value>| each.get(choice).or(each.first()).cloned().unwrap_or_default();
                    let mut operands: Vec<Value> = smalls.iter().map(pick).collect();
                    *operands.get_mut(at).expect("an operand") = operand.value.clone();
                    let Some(spent) = spent(row.name, &operands) else { continue };
                    if spent < operand.size as u64 / PARTS_OF_A_STEP {
                        unpaid.push((row.name, at, operand.value.kind(), spent));
                    }
                }
            }
        }
    }
    unpaid.sort_unstable();
    unpaid.dedup();
    let lines: Vec<String> = unpaid.iter().map(|row| format!("{row:?}")).collect();
    assert!(unpaid.is_empty(), "operands that are not paid for:\n{}", lines.join("\n"));
}

/// What compares values, as calls with values that are equal and each have a place of their own.
fn comparing(first: &Value, second: &Value) -> Vec<(&'static str, Vec<Value>)> {
    let one = number("1");
    let array = |items: &[&Value]| Value::from(items.iter().copied().cloned().collect::<Vec<_>>());
    let set = |items: &[&Value]| Value::Set(items.iter().copied().cloned().collect());
    let object =
        |key: &Value, value: &Value| Value::Object([(key.clone(), value.clone())].into_iter().collect());
    let mut calls = vec![
        ("sort", vec![array(&[first, second])]),
        ("max", vec![array(&[first, second])]),
        ("min", vec![array(&[first, second])]),
        ("cast_set", vec![array(&[first, second])]),
        ("internal.member_2", vec![first.clone(), array(&[second])]),
        ("internal.member_2", vec![first.clone(), set(&[second])]),
        ("internal.member_2", vec![first.clone(), object(&one, second)]),
        ("internal.member_3", vec![one.clone(), first.clone(), object(&one, second)]),
        ("internal.member_3", vec![first.clone(), one.clone(), object(second, &one)]),
        ("internal.member_3", vec![first.clone(), second.clone(), set(&[second])]),
        ("intersection", vec![set(&[&set(&[first]), &set(&[second, &one])])]),
        ("union", vec![set(&[&set(&[first]), &set(&[second, &one])])]),
        ("object.filter", vec![object(first, &one), array(&[second])]),
        ("object.remove", vec![object(first, &one), array(&[second])]),
        ("object.get", vec![object(first, &one), second.clone(), one.clone()]),
        ("object.get", vec![object(first, &one), array(&[second]), one.clone()]),
        ("object.union", vec![object(first, &one), object(second, &one)]),
        ("object.union_n", vec![array(&[&object(first, &one), &object(second, &one)])]),
        ("object.subset", vec![object(first, &one), object(second, &one)]),
        ("object.subset", vec![object(&one, first), object(&one, second)]),
        ("object.subset", vec![set(&[first]), set(&[second])]),
        ("object.subset", vec![array(&[first]), array(&[second])]),
        ("object.subset", vec![array(&[first]), set(&[second])]),
        ("graph.reachable", vec![object(first, &set(&[])), array(&[second])]),
        ("graph.reachable_paths", vec![object(first, &set(&[])), array(&[second])]),
    ];
    for name in ["equal", "neq", "lt", "lte", "gt", "gte"] {
        calls.push((name, vec![first.clone(), second.clone()]));
    }
    for name in ["and", "or", "minus", "set_diff"] {
        calls.push((name, vec![set(&[first]), set(&[second])]));
    }
    calls
}

#[test]
fn comparisons_of_large_values_are_paid_for() {
    let items = || Value::from((0..PARTS).map(|at| number(&at.to_string())).collect::<Vec<_>>());
    let long = || Value::from("a".repeat(TEXT_BYTES).as_str());
    for (first, second, size) in [(items(), items(), PARTS), (long(), long(), TEXT_BYTES / 64)] {
        for (name, operands) in comparing(&first, &second) {
            if let Some(spent) = spent(name, &operands) {
                assert!(spent >= size as u64 / PARTS_OF_A_STEP, "{name} of {}: {spent}", first.kind());
            }
        }
    }
}
