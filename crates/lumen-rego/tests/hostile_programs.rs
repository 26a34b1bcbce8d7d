//! Programs that are made to hurt: each ends within its budget with an error that names the rule, or with an answer, in bounded
//! time and on a small stack. Whatever one does, another policy over the same data still answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use lumen_rego::ast::Version;
use lumen_rego::builtin::Budget;
use lumen_rego::error::{Code, Errors};
use lumen_rego::eval::{Data, EvalError, Inputs, Outcome, Scratch};
use lumen_rego::program::{CompileOptions, Program, Source};
use lumen_value::Value;

/// Long even for a build without optimisation on a busy machine; without a budget each would take hours or all memory.
const TIME_MAX: Duration = Duration::from_secs(30);
const STEPS: u64 = 1_000_000;
const BYTES: u64 = 64 << 20;

fn compile(text: &str) -> Result<Program, Errors> {
    let source = Source { file: "hostile.rego".into(), text: text.to_owned(), version: Version::V1 };
    Program::compile(&[source], &CompileOptions::default())
}

fn evaluate(
    program: &Program,
    rule: &str,
    input: &Value,
    scratch: &mut Scratch,
) -> Result<Outcome, EvalError> {
    let entry = program.entry(&["hostile", rule]).unwrap();
    let data = Data::default();
    let mut inputs = Inputs::new(&data, Budget::new(STEPS, BYTES));
    inputs.input = Some(input.clone());
    program.evaluate(&entry, inputs, scratch)
}

/// Runs on a stack a quarter as large as that of an ordinary thread.
fn on_small_stack(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(512 << 10).spawn(run).unwrap().join().unwrap();
}

/// Evaluates `p` of a program, and then a good one with what the bad one left behind.
fn run(name: &str, text: &str, input: &Value) -> Result<Outcome, EvalError> {
    let started = Instant::now();
    let program =
        compile(&format!("package hostile\n\n{text}\n")).unwrap_or_else(|errors| panic!("{name}: {errors}"));
    let mut scratch = Scratch::default();
    let result = evaluate(&program, "p", input, &mut scratch);
    println!("{name}: {:?}", started.elapsed());
    assert!(started.elapsed() < TIME_MAX, "{name} took {:?}", started.elapsed());
    let good = compile("package hostile\n\nanswer := count([1 | input])\n").unwrap();
    let answer = evaluate(&good, "answer", input, &mut scratch).unwrap();
    assert_eq!(answer.value(), Some(&Value::from(1)), "after {name}");
    result
}

/// A thing doubled so often, by rules of their own: `r0` is the text, `r1` is made of two `r0`, and so on.
fn doubled(first: &str, times: usize, twice: impl Fn(&str) -> String) -> String {
    let mut text = format!("r0 := {first}\n");
    for at in 1..=times {
        let _written = writeln!(text, "r{at} := {}", twice(&format!("r{}", at - 1)));
    }
    text
}

#[test]
fn what_grows_is_stopped_and_the_rule_named() {
    on_small_stack(|| {
        let array_twice = |of: &str| format!("[{of}, {of}]");
        let programs: Vec<(&str, String)> = vec![
            ("a comprehension of three", "n := numbers.range(1, 1000)\np := [[a, b, c] | some a in n; some b in n; some c in n]".into()),
            ("a product of arrays", "n := numbers.range(1, 10000)\np if { some i, j, k; n[i] + n[j] + n[k] == -1 }".into()),
            ("a range", "p := numbers.range(0, 1000000000000)".into()),
            ("verbs", "v := numbers.range(1, 1000000)\np := sprintf(concat(\"\", [\"%s\" | some _ in v]), v)".into()),
            ("wide verbs", "p := [sprintf(\"%9999999d\", [x]) | some x in numbers.range(1, 1000)]".into()),
            ("a string that doubles", doubled("\"aaaaaaaa\"", 40, |of| format!("concat(\"\", [{of}, {of}])"))
                + "p := r40"),
            ("a string that doubles in functions", {
                let mut text = "f0(x) := x\n".to_owned();
                for at in 1..=40 {
                    let _written = writeln!(text, "f{at}(x) := f{}(sprintf(\"%s%s\", [x, x]))", at - 1);
                }
                text + "p := f40(\"aaaaaaaa\")"
            }),
            ("an array that doubles, written", doubled("[1]", 60, array_twice) + "p := json.marshal(r60)"),
            ("an array that doubles, printed", doubled("[1]", 60, array_twice) + "p := sprintf(\"%v\", [r60])"),
            ("an array that doubles, as YAML", doubled("[1]", 60, array_twice) + "p := yaml.marshal(r60)"),
            ("an array that doubles, walked", doubled("[1]", 60, array_twice) + "p if { some x; walk(r60, [_, x]); x == 2 }"),
            ("an array that doubles, in a template", doubled("[1]", 60, array_twice) + "p := $\"{r60}\""),
            ("large arrays, compared again and again",
                "a := numbers.range(1, 100000)\nb := numbers.range(1, 100000)\nn := numbers.range(1, 1000)\np if { some x in n; some y in n; a == b; x + y == -1 }".into()),
            ("large arrays, sorted again and again",
                "a := numbers.range(1, 50000)\nb := numbers.range(1, 50000)\nn := numbers.range(1, 100000)\np if { some x in n; sort([a, b])[x] == -1 }".into()),
            ("large arrays, put into sets again and again",
                "a := numbers.range(1, 50000)\nb := numbers.range(1, 50000)\nn := numbers.range(1, 100000)\np if { some x in n; count({a, b}) == x + 7 }".into()),
            ("large arrays, collected again and again",
                "a := numbers.range(1, 50000)\nb := numbers.range(1, 50000)\nn := numbers.range(1, 100000)\np if { some x in n; count({y | some y in [a, b]; x > 0}) == x + 7 }".into()),
            ("a number that squares", doubled("7", 60, |of| format!("{of} * {of}")) + "p := r60"),
            ("a shift", "p := bits.lsh(1, 1000000000000)".into()),
            ("json.patch", "n := numbers.range(1, 1000000)\np := json.patch({\"a\": n}, [{\"op\": \"copy\", \"from\": \"/a\", \"path\": sprintf(\"/a/%d\", [i])} | some i in numbers.range(0, 100000)])".into()),
            ("graph", "n := numbers.range(1, 300)\ng := {a: n | some a in n}\np := graph.reachable_paths(g, {1})".into()),
            ("replace", "p := replace(r20, \"a\", r20)\n".to_owned() + &doubled("\"a\"", 20, |of| format!("concat(\"\", [{of}, {of}])"))),
            ("a set", "n := numbers.range(1, 10000)\np contains [a, b] if { some a in n; some b in n }".into()),
            ("an object", "n := numbers.range(1, 10000)\np[a][b] := 1 if { some a in n; some b in n }".into()),
            ("every", "n := numbers.range(1, 10000)\np if { every a in n { every b in n { a + b > 0 } } }".into()),
            ("with", {
                "n := numbers.range(1, 10000)\nq := count([1 | some x in n; x == input])\np := [y | some x in n; y := q with input as x]".into()
            }),
            ("cidr", "p := net.cidr_expand(\"0.0.0.0/0\")".into()),
            ("split", "n := numbers.range(1, 1000)\np := [split(r20, \"\") | some x in n]\n".to_owned()
                + &doubled("\"a\"", 20, |of| format!("concat(\"\", [{of}, {of}])"))),
        ];
        for (name, text) in programs {
            match run(name, &text, &Value::Null) {
                Err(EvalError::Failed(error)) => {
                    assert_eq!(error.code, Code::EvalBudget, "{name}: {error}");
                    assert!(error.message.contains("evaluation of data.hostile."), "{name}: {error}");
                    assert_eq!(&*error.file, "hostile.rego", "{name}");
                }
                other => panic!("{name}: {:?}", other.map(|outcome| outcome.left)),
            }
        }
    });
}

#[test]
fn what_only_looks_bad_answers() {
    on_small_stack(|| {
        let array_twice = |of: &str| format!("[{of}, {of}]");
        let two = doubled("[1]", 60, array_twice) + &doubled("[1]", 60, array_twice).replace('r', "s");
        for (name, text) in [
            ("arrays that double, compared", &*format!("{two}p if r60 == s60")),
            ("arrays that double, as members", &*format!("{two}p if r60 in {{s60, 1}}")),
            ("arrays that double, sorted", &*format!("{two}p := count(sort([r60, s60]))")),
            ("arrays that double, in a set", &*format!("{two}p := count({{r60, s60}})")),
            (
                "a regular expression that backtracks elsewhere",
                "p := regex.match(`^(a+)+$`, concat(\"\", [\"a\" | some _ in numbers.range(1, 20000)]))",
            ),
            (
                "an array that doubles, compared with itself",
                &*(doubled("[1]", 60, |of| format!("[{of}, {of}]")) + "p if r60 == r60"),
            ),
            (
                "many that use one rule",
                &*(doubled("1", 1_000, |of| format!("{of} + {of} - {of}")) + "p := r1000"),
            ),
        ] {
            assert!(run(name, text, &Value::Null).unwrap().value().is_some(), "{name}");
        }
    });
}

#[test]
fn rules_that_need_themselves_are_refused() {
    on_small_stack(|| {
        for text in [
            "p := p",
            "f(x) := f(x + 1)\np := f(0)",
            "p := q\nq if p",
            "p := data.hostile[input.x]",
            "p := data[input.x][input.y]",
            "f(x) := g(x)\ng(x) := count(f(x))\np := f(1)",
            "f(x) := x\ng(x) := y if { y := f(x) with f as g }\np := g(1)",
            "p := x if { x := count(q) with input.x as p }\nq := [1]",
            "p := x if { x := q with data.hostile.q as p }\nq := 1",
        ] {
            match compile(&format!("package hostile\n\n{text}\n")) {
                Err(Errors(errors)) => {
                    assert!(errors.iter().any(|error| error.code == Code::Recursion), "{text}: {errors:?}");
                }
                // Where the checker lets one pass, it ends all the same.
                Ok(_) => drop(run(text, text, &Value::Null)),
            }
        }
    });
}

#[test]
fn calls_nest_as_deep_as_there_are_rules() {
    on_small_stack(|| {
        let mut text = "f0(x) := x\n".to_owned();
        for at in 1..=5_000 {
            let _written = writeln!(text, "f{at}(x) := f{}(x)", at - 1);
        }
        let outcome = run("functions", &(text + "p := f5000(1)"), &Value::Null).unwrap();
        assert_eq!(outcome.value(), Some(&Value::from(1)));
    });
}

#[test]
fn replacements_nest_as_deep_as_rules() {
    on_small_stack(|| {
        let mut text = "q0 := input\n".to_owned();
        for at in 1..=500 {
            let _written =
                writeln!(text, "q{at} := x if {{ x := q{} with input as {{\"a\": input}} }}", at - 1);
        }
        let result = run("with", &(text + "p if q500"), &Value::Null);
        assert!(
            result.is_ok()
                || matches!(&result, Err(EvalError::Failed(error)) if error.code == Code::EvalBudget)
        );
    });
}

#[test]
fn documents_may_be_deep() {
    on_small_stack(|| {
        let mut input = Value::Null;
        for _ in 0..100_000 {
            input = Value::from(vec![input]);
        }
        for text in [
            "p := count([1 | walk(input, [_, x]); x == null])",
            "p := count([1 | walk(input, [path, x]); path == [1]])",
            "p if input == [input]",
            "p := {input, [input]}",
            "p := json.marshal(input)",
            "p := yaml.marshal(input)",
            "p := sprintf(\"%v\", [input])",
            "p := json.filter({\"a\": input}, [\"a/0/0\"])",
            "p := json.patch(input, [{\"op\": \"add\", \"path\": \"/0/0/0\", \"value\": input}])",
            "p := json.remove({\"a\": input}, [\"a/0/0\"])",
            "p := object.union({\"a\": input}, {\"a\": {\"b\": input}})",
            "p := object.subset([input], [[input]])",
            "p := json.match_schema({\"a\": input}, {\"type\": \"object\"})",
            "p := $\"{input}\"",
            "p := graph.reachable({\"a\": [input]}, {\"a\"})",
            "p := x if { x := input with input as {\"a\": input} }",
            "f(x) := [x]\np := f(input)",
            "p := json.unmarshal(json.marshal(input))",
            "p := crypto.sha256(json.marshal(input))",
            "p := type_name(input)",
            "p := io.jwt.encode_sign({\"typ\": \"JWT\", \"alg\": \"HS256\"}, {\"a\": input}, {\"kty\": \"oct\", \"k\": \"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"})",
        ] {
            // An answer, none, or an error: not the end of the process.
            drop(run(text, text, &input));
        }
    });
}

#[test]
fn texts_may_be_deep_or_long() {
    on_small_stack(|| {
        for (open, close) in [
            ("[", "]"),
            ("{", "}"),
            ("(", ")"),
            ("{\"a\":", "}"),
            ("[x|x:=", "]"),
            ("count([", "])"),
            ("not ", ""),
        ] {
            for depth in [500, 2_000, 100_000] {
                let text = format!(
                    "package hostile\n\np := x if {{ x := {}1{} }}\n",
                    open.repeat(depth),
                    close.repeat(depth)
                );
                let started = Instant::now();
                match compile(&text) {
                    Err(errors) => assert!(!errors.0.is_empty()),
                    Ok(program) => drop(evaluate(&program, "p", &Value::Null, &mut Scratch::default())),
                }
                assert!(started.elapsed() < TIME_MAX, "{open} {depth}: {:?}", started.elapsed());
            }
        }
        let longer = format!("package hostile\n\np := \"{}\"\n", "a".repeat(10 << 20));
        assert!(compile(&longer).err().unwrap().to_string().contains("longer than 10000000 bytes"));
    });
}

#[test]
fn a_module_of_many_rules_compiles_in_time() {
    on_small_stack(|| {
        let mut text = "package hostile\n\n".to_owned();
        for at in 0..5_000 {
            let _written = writeln!(
                text,
                "p contains x if {{ some x in input.a{at}; not q[x]; x.b == {at} }}\nq contains input.b{at}\n"
            );
        }
        let started = Instant::now();
        let program = compile(&text).unwrap();
        assert!(evaluate(&program, "p", &Value::Null, &mut Scratch::default()).is_ok());
        println!("{} bytes: {:?}", text.len(), started.elapsed());
        assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
    });
}

#[test]
fn replacements_over_many_rules_are_checked_in_time() {
    on_small_stack(|| {
        // Each rule needs the input, and each is asked with another input.
        let mut same = "package hostile\n\n".to_owned();
        let mut others = same.clone();
        for at in 0..3_000 {
            let _written =
                writeln!(same, "q{at} := input.x\np{at} if {{ q{at} == 1 with input as {{\"x\": 1}} }}");
            let _written =
                writeln!(others, "q{at} := input.x{at}\np{at} if {{ q{at} == 1 with input.x{at} as 1 }}");
        }
        for text in [same, others] {
            let started = Instant::now();
            let program = compile(&text).unwrap();
            println!("{:?}", started.elapsed());
            assert!(started.elapsed() < TIME_MAX, "{:?}", started.elapsed());
            let outcome = evaluate(&program, "p2999", &Value::Null, &mut Scratch::default()).unwrap();
            assert_eq!(outcome.value(), Some(&Value::from(true)));
        }
    });
}

#[test]
fn references_are_bounded() {
    on_small_stack(|| {
        let keys = |count: usize| ".a".repeat(count);
        for (text, fits) in [
            (format!("package hostile{}\np := 1\n", keys(250)), true),
            (format!("package hostile{}\np := 1\n", keys(100_000)), false),
            (format!("package hostile\np{} := 1\n", keys(100_000)), false),
            (format!("package hostile\np if {{ input.x with input{} as 1 }}\n", keys(256)), true),
            (format!("package hostile\np if {{ input.x with input{} as 1 }}\n", keys(100_000)), false),
            (format!("package hostile\np if {{ input.x with data.x{} as 1 }}\n", keys(100_000)), false),
            (format!("package hostile\nimport data.x{} as x\np := x{}\n", keys(250), keys(250)), true),
        ] {
            match compile(&text) {
                Ok(_) => assert!(fits, "{}", text.len()),
                Err(errors) => {
                    assert!(!fits && errors.to_string().contains("more than 256 keys"), "{errors}");
                }
            }
        }
        let mut text = format!("package hostile{}\n", keys(250));
        for at in 0..2_000 {
            let _written = writeln!(text, "p{at}{} := 1", keys(250));
        }
        assert!(compile(&text).err().unwrap().to_string().contains("keys together"));
    });
}
