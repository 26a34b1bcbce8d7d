//! Calls that are made to cost much: each ends in bounded time, with an answer, an error or an empty budget.
#![expect(clippy::expect_used, reason = "test code")]

use std::time::{Duration, Instant};

use lumen_rego::builtin::{self, Answer, Budget, Context, Failure, cache::Cache};
use lumen_rego::error::Span;
use lumen_value::{Number, Object, Value};

/// Long even for a build without optimisation on a busy machine; each of these calls would take hours or all memory.
const TIME_MAX: Duration = Duration::from_secs(20);

fn call(name: &str, operands: &[Value]) -> Answer {
    let function = builtin::function(name).expect("a built-in");
    let (mut budget, mut cache) = (Budget::new(1_000_000, 50_000_000), Cache::default());
    let mut random = || 4;
    let mut context = Context {
        budget: &mut budget,
        time_ns: 0,
        random: &mut random,
        cache: &mut cache,
        span: Span::default(),
    };
    let start = Instant::now();
    let answer = function(&mut context, operands);
    assert!(start.elapsed() < TIME_MAX, "{name} took {:?}", start.elapsed());
    answer
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into().into())
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).expect("a number"))
}

fn array(items: &[Value]) -> Value {
    Value::Array(items.to_vec().into())
}

#[test]
fn what_grows_ends_with_the_budget() {
    let long = || text("a".repeat(100_000));
    let calls: &[(&str, Vec<Value>)] = &[
        ("numbers.range", vec![number("0"), number("1e12")]),
        ("numbers.range_step", vec![number("0"), number("-1e300"), number("1")]),
        ("bits.lsh", vec![number("1"), number("99999999999999999999")]),
        ("mul", vec![number("1e900000"), number("1.5e900000")]),
        ("plus", vec![number("1e2000000000"), number("1")]),
        ("format_int", vec![number("1e2000000000"), number("2")]),
        (
            "sprintf",
            vec![
                text("%9999999d%9999999d%9999999d%9999999d%9999999d%9999999d"),
                array(&vec![number("1"); 6]),
            ],
        ),
        ("sprintf", vec![text("%.9999999f".repeat(8)), array(&vec![number("0.5"); 8])]),
        ("replace", vec![long(), text("a"), text("b".repeat(10_000))]),
        ("replace", vec![long(), text(""), text("b".repeat(10_000))]),
        ("regex.replace", vec![long(), text("a"), text("$0".repeat(10_000))]),
        ("regex.replace", vec![long(), text(""), text("b".repeat(10_000))]),
        ("regex.match", vec![text("(?:[\\pL\\pN]{900}){1}".repeat(40)), text("a")]),
        (
            "strings.render_template",
            vec![text("{{range 1000000000}}x{{end}}"), Value::Object(Object::default())],
        ),
        ("units.parse", vec![text("1e999999Ei")]),
    ];
    for (name, operands) in calls {
        assert_eq!(call(name, operands), Err(Failure::Budget), "{name}");
    }
}

#[test]
fn what_backtracks_elsewhere_answers() {
    let long = || text("a".repeat(20_000));
    for (pattern, matches) in
        [("(a+)+$", true), ("(a|aa)+b", false), ("(.*.*.*)*b", false), ("((a{1,30}){1,30})b", false)]
    {
        let answer = call("regex.match", &[text(pattern), long()]);
        assert!(
            matches!(&answer, Ok(Value::Bool(found)) if *found == matches) || answer == Err(Failure::Budget),
            "{pattern}"
        );
    }
    let globs =
        [("{*a,*b}".repeat(40) + "c", "a".repeat(3_000)), ("*a".repeat(400) + "b", "a".repeat(3_000))];
    for (pattern, word) in globs {
        let answer = call("glob.match", &[text(pattern.as_str()), Value::Null, text(word)]);
        assert!(matches!(answer, Ok(Value::Bool(false)) | Err(Failure::Budget)), "{pattern} {answer:?}");
    }
    let answer = call("regex.globs_match", &[text("a*b*".repeat(200) + "c"), text("b*a*".repeat(200) + "d")]);
    assert!(matches!(answer, Ok(Value::Bool(false)) | Err(Failure::Budget)), "{answer:?}");
}

#[test]
fn what_nests_needs_no_stack() {
    for depth in [900, 100_000] {
        let nested = |open: &str, close: &str| text(open.repeat(depth) + "a" + &close.repeat(depth));
        for (name, operands) in [
            ("regex.match", vec![nested("(", ")"), text("a")]),
            ("regex.match", vec![nested("(?:", ")*"), text("a")]),
            ("glob.match", vec![nested("{", "}"), Value::Null, text("a")]),
            (
                "strings.render_template",
                vec![nested("{{if true}}", "{{end}}"), Value::Object(Object::default())],
            ),
            (
                "strings.render_template",
                vec![text("{{".to_owned() + &"(".repeat(depth)), Value::Object(Object::default())],
            ),
        ] {
            // Whatever it is, it is an answer.
            drop(call(name, &operands));
        }
    }
}
