//! Texts that are made to hurt: deep, long, or read again and again. The parser answers each in bounded time and stack.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use lumen_rego::ast::{Module, Version};
use lumen_rego::error::Errors;
use lumen_rego::syntax::{ParseOptions, exercise, parse_module, print};

fn parse(text: &str) -> Result<Module, Errors> {
    parse_module(&Arc::from("a.rego"), text, &ParseOptions::default())
}

/// Runs on a thread with the stack that threads have by default.
fn on_thread(run: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

/// What opens a level, what is inside, what closes it; levels of the tree that one costs.
const NESTS: [(&str, &str, &str, usize); 20] = [
    ("r := [", "1", "]", 1),
    ("r := {", "1", "}", 1),
    ("r := {\"a\":", "1", "}", 1),
    ("r := (", "1", ")", 1),
    ("r := 1+(", "1", ")", 1),
    ("r := [x|x:=", "1", "]", 1),
    ("r := {x|x:=", "1", "}", 1),
    ("r := {1:x|x:=", "1", "}", 1),
    ("r := f(", "1", ")", 1),
    ("r := input[", "1", "]", 1),
    ("r := 1+", "1", "", 1),
    ("r := 1 in ", "1", "", 1),
    ("r := [1|[2],", "1", "]", 1),
    ("r := [a|", "b, c", ", c]", 1),
    ("r := {a|", "b, c", ", c}", 1),
    ("r := {1: a|", "b", "}", 1),
    ("r := [a == ", "b", "]", 2),
    ("r if { every x in [1] {", "x", "}", 1),
    ("r if { {", "1", "}", 1),
    ("r := $\"{", "1", "}\"", 1),
];

fn nested(levels: usize, (open, inside, close, _): (&str, &str, &str, usize)) -> String {
    let (head, open) = open.split_at(if open.starts_with("r if") { 7 } else { 5 });
    let end = if head.starts_with("r if") { "}" } else { "" };
    format!("package t\n\n{head}{}{inside}{}{end}\n", open.repeat(levels), close.repeat(levels))
}

#[test]
fn deep_trees_are_read_printed_and_dropped_on_a_small_stack() {
    on_thread(|| {
        for nest in NESTS {
            let levels = 2_390 / nest.3;
            if let Ok(module) = parse(&nested(levels, nest)) {
                for rule in &module.rules {
                    assert!(!print::rule(rule, Version::V1).is_empty());
                }
                drop(module.clone());
            }
        }
    });
}

#[test]
fn a_thousand_levels_are_read() {
    on_thread(|| {
        let readable = NESTS.iter().filter(|nest| !matches!(nest.1, "b" | "b, c"));
        for nest in readable {
            let text = nested(1_000, *nest);
            println!("{}", nest.0);
            if let Err(errors) = parse(&text) {
                assert!(nest.0.starts_with("r := $"), "{}: {errors}", nest.0);
            }
        }
    });
}

#[test]
fn what_is_too_deep_is_an_error_in_time() {
    on_thread(|| {
        for nest in NESTS {
            for text in [nested(100_000, nest), nested(100_000, (nest.0, "", "", 1))] {
                let started = Instant::now();
                let Err(Errors(errors)) = parse(&text) else { panic!("{} is read", nest.0) };
                assert!(!errors.is_empty());
                let took = started.elapsed();
                assert!(took < Duration::from_secs(5), "{}: {took:?}", nest.0);
            }
        }
    });
}

#[test]
fn time_grows_with_the_text_alone() {
    let logic = "import future.keywords.and\nimport future.keywords.or\nimport future.keywords.not\n\n";
    let levels = 1_100;
    for (open, inside, close) in [
        ("{", "1", "}"),
        ("(", "1", ")"),
        ("not (", "1", ")"),
        ("not {", "1", "}"),
        ("{x | ", "1", "}"),
        ("(a and ", "b", ")"),
        ("[a | ", "b, c", ", c]"),
        ("{a | ", "b, c", ", c}"),
        ("{1: a | ", "b", "}"),
        ("({", "1", "})"),
        ("{(", "1", ")}"),
        ("not ({", "1", "})"),
        ("{[", "1", "] + 1}"),
        ("{{", "1", "}: 1}"),
    ] {
        let text =
            format!("package t\n\n{logic}r if {}{inside}{}\n", open.repeat(levels), close.repeat(levels));
        let started = Instant::now();
        let outcome = parse(&text);
        let took = started.elapsed();
        println!("{open}..{close}: {took:?}, {}", outcome.is_ok());
        assert!(took < Duration::from_secs(5), "{open}: {took:?}");
    }
}

#[test]
fn ten_megabytes_are_read() {
    let one = "p contains {\"a\": [1, 2, x]} if { some x in input.xs; not f(x).y; x[_] == \"abc\" } # c\n";
    let text = format!("package t\n\n{}", one.repeat(9_900_000 / one.len()));
    let started = Instant::now();
    let module = parse(&text).unwrap();
    println!("{} rules of {} bytes in {:?}", module.rules.len(), text.len(), started.elapsed());
    let long = format!("package t\n\nr := [{}]\n", "1,".repeat(1_000_000));
    assert!(parse(&long).is_ok());
    let Err(errors) = parse(&"#".repeat(10_000_001)) else { panic!("a longer text is read") };
    assert_eq!(errors.to_string(), "a.rego:0: rego_parse_error: text is longer than 10000000 bytes");
}

#[test]
fn characters_that_do_not_belong_are_read_or_refused() {
    for text in [
        "\u{feff}package t\n",
        "package t\r\n\r\nr := 1\r\n",
        "package t\n\nr := \"\u{0}\"\n",
        "package t\n\n# \u{0}\u{feff}é\nr := é\n",
        "package t\n\nr := $\"é{x}é\"é\n",
        "package t\n\nr := `é`é",
        "package t\n\nr := 1é",
        "# METADATA\n# é: [\npackage té\n",
        "",
        "é",
    ] {
        exercise(text);
        for (cut, _) in text.char_indices() {
            exercise(&text[..cut]);
        }
    }
}
