//! The checker as its users see it: canonical forms, the tree of rules, queries, and sizes that must not matter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::fmt::Write;
use std::sync::Arc;

use lumen_rego::ast::{Module, RuleKind};
use lumen_rego::check::{CheckOptions, Checked, check};
use lumen_rego::error::Errors;
use lumen_rego::syntax::{ParseOptions, parse_body, parse_module, print};
use lumen_value::Value;

fn parse(index: u32, text: &str) -> Module {
    let file: Arc<str> = format!("{index}.rego").into();
    let options = ParseOptions { module: index, annotations: true, ..ParseOptions::default() };
    parse_module(&file, text, &options).unwrap()
}

fn try_check(texts: &[&str], options: &CheckOptions) -> Result<Checked, Errors> {
    check((0..).zip(texts).map(|(index, text)| parse(index, text)).collect(), options)
}

/// The canonical form of a module's rules, one a line.
fn canonical(text: &str) -> String {
    let checked = try_check(&[text], &CheckOptions::default()).unwrap();
    let module = &checked.modules[0];
    module.rules.iter().map(|rule| print::rule(rule, module.version)).collect::<Vec<_>>().join("\n")
}

fn refusal(texts: &[&str], options: &CheckOptions) -> String {
    try_check(texts, options).unwrap_err().to_string()
}

#[test]
fn names_become_references() {
    let form = canonical("package a\nimport data.b.c as d\np := d.x if q[d]\nq := input");
    assert_eq!(
        form,
        "p := __local0__ if { __local2__ = data.b.c; data.a.q[__local2__]; __local0__ = data.b.c.x }\n\
         q := __local1__ if { __local1__ = input }"
    );
}

#[test]
fn calls_are_taken_out_of_terms() {
    let form = canonical("package a\np := [1 + x * 2, x] if x := input.x");
    assert_eq!(
        form,
        "p := [__local2__, __local0__] if { __local0__ = input.x; mul(__local0__, 2, __local1__); plus(1, __local1__, __local2__) }"
    );
}

#[test]
fn bodies_are_ordered_so_that_variables_are_bound() {
    let form = canonical("package a\np if { x > y; y = z; z = input.z; x = input.x }");
    assert_eq!(form, "p = true if { z = input.z; x = input.x; y = z; gt(x, y) }");
}

#[test]
fn a_value_of_with_is_taken_out_once() {
    let form = canonical("package a\np if abs(input.x + 1) > 2 with input as {\"x\": data.y}");
    assert_eq!(form.matches("data.y").count(), 1, "{form}");
}

#[test]
fn the_tree_knows_kinds_arities_and_defaults() {
    let first = "package a\ndefault p := 1\np := 2 if input.x\nf(x, y) := x + y\ns contains 1\nq[x] := 1 if x := input.x";
    let checked = try_check(&[first, "package a.b\nr := 1"], &CheckOptions::default()).unwrap();
    let tree = &checked.tree;
    let node = |path: &[&str]| {
        let path: Vec<Value> = path.iter().map(|key| Value::from(*key)).collect();
        tree.node(tree.find(&path).unwrap())
    };
    let p = node(&["a", "p"]);
    assert_eq!((p.rules.len(), p.defaults.len(), p.arity), (1, 1, None));
    assert_eq!(node(&["a", "f"]).arity, Some(2));
    assert_eq!(node(&["a", "s"]).kind, Some(RuleKind::PartialSet));
    assert!(node(&["a", "q"]).dynamic);
    assert!(!node(&["a"]).is_rule());
    assert_eq!(node(&["a", "b", "r"]).rules[0].module, 1);
}

#[test]
fn a_query_says_what_it_binds() {
    let checked = try_check(&["package a\np contains 1"], &CheckOptions::default()).unwrap();
    let file: Arc<str> = "query".into();
    let query =
        parse_body(&file, "x := data.a.p[_]; y = x + 1; [z | z := y]", &ParseOptions::default()).unwrap();
    let query = checked.query(&file, query).unwrap();
    let names: Vec<_> =
        query.variables.iter().map(|(shown, name)| (shown.to_string(), name.to_string())).collect();
    assert!(names.contains(&("y".to_owned(), "y".to_owned())), "{names:?}");
    assert!(names.contains(&("x".to_owned(), "__localq0__".to_owned())), "{names:?}");
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn errors_of_several_modules_are_sorted_by_file() {
    let message = refusal(&["package a\np := 1\n\nq := x", "package b\np := y"], &CheckOptions::default());
    assert_eq!(
        message,
        "2 errors occurred:\n0.rego:4: rego_unsafe_var_error: var x is unsafe\n1.rego:2: rego_unsafe_var_error: var y is unsafe"
    );
}

#[test]
fn keys_that_are_equal_numbers_unify() {
    assert!(try_check(&["package a\np if { {1: x} = {1.0: 2}; x == 2 }"], &CheckOptions::default()).is_ok());
}

#[test]
fn what_leaves_the_process_is_off() {
    let text = "package a\np := http.send({})";
    let errors = try_check(&[text], &CheckOptions::default()).unwrap_err();
    assert_eq!(errors.0[0].message, "undefined function http.send");
    assert_eq!(errors.0[0].hint.as_deref(), Some("the built-in `http.send` is switched off here"));
    let mut options = CheckOptions::default();
    options.capabilities.allowed.insert("http.send");
    options.capabilities.refused.insert("count".to_owned());
    assert!(try_check(&[text], &options).is_ok());
    assert!(try_check(&["package a\np := count([])"], &options).is_err());
}

#[test]
fn the_host_gives_functions() {
    let mut options = CheckOptions::default();
    options.capabilities.host.insert("external_data".to_owned(), 1);
    assert!(try_check(&["package a\np := external_data({\"x\": 1})"], &options).is_ok());
    let message = refusal(&["package a\np := external_data(1, 2, 3)"], &options);
    assert!(message.contains("external_data"), "{message}");
}

#[test]
fn a_near_name_is_proposed() {
    let errors = try_check(&["package a\np := coutn([])"], &CheckOptions::default()).unwrap_err();
    assert_eq!(errors.0[0].hint.as_deref(), Some("did you mean the built-in `count`?"));
    let errors = try_check(&["package a\nallowed(x) := x\np := data.a.alowed(1)"], &CheckOptions::default());
    assert_eq!(errors.unwrap_err().0[0].hint.as_deref(), Some("did you mean `allowed`?"));
    let errors = try_check(&["package a\nallowed := 1\np if alowed > 1"], &CheckOptions::default());
    assert_eq!(errors.unwrap_err().0[0].hint.as_deref(), Some("did you mean `allowed`?"));
}

/// Sizes that a quadratic stage would not finish in the time that a test may take.
#[test]
fn size_does_not_matter() {
    // Every expression waits for the next.
    let mut body = "package a\np if {\n".to_owned();
    for index in 0..10_000 {
        writeln!(body, "x{index} = [x{}]", index + 1).unwrap();
    }
    body.push_str("x10000 = 1\n}\n");
    try_check(&[&body], &CheckOptions::default()).unwrap();

    // Closures over what stands before.
    let mut closures = "package a\np if {\n".to_owned();
    for index in 0..5_000 {
        writeln!(closures, "y{index} := [z | z := y{}[_]; z > 1]", index.max(1) - 1).unwrap();
    }
    let closures = closures.replacen("y0 := [z | z := y0[_]; z > 1]", "y0 := input", 1) + "}\n";
    let strict = CheckOptions { strict: true, keeps_print: true, ..CheckOptions::default() };
    drop(try_check(&[&closures], &strict));
    try_check(&[&closures], &CheckOptions::default()).unwrap();

    // Rules that need each other, and one that needs all.
    let mut rules = "package a\nall := data.a.r\n".to_owned();
    for index in 0..20_000 {
        writeln!(rules, "r.x{index} := data.a.s.x{index} if input.x\ns.x{index} := [v | v := data.b[_]]")
            .unwrap();
    }
    try_check(&[&rules], &CheckOptions::default()).unwrap();
}

#[test]
fn a_rule_in_the_place_of_a_base_document_is_refused() {
    let json = |text: &str| {
        lumen_value::json::parse(text.as_bytes(), &lumen_value::read::Limits::default()).unwrap().value
    };
    let refused = |text: &str, base: &str| {
        try_check(&[text], &CheckOptions { base: json(base), ..CheckOptions::default() })
            .err()
            .map(|errors| errors.to_string())
    };
    for (text, base, path) in [
        ("package a\nb := 2", r#"{"a": {"b": 1}}"#, Some("a/b")),
        ("package a\nb := 2", r#"{"a": 1}"#, Some("a/b")),
        ("package a\nb.c[x] := 2 if x := 1", r#"{"a": {"b": {"c": {}}}}"#, Some("a/b/c")),
        ("package a\nb := 2", r#"{"a": {"c": 1}}"#, None),
        ("package a\nb := 2", "{}", None),
        ("package a\nb[1].c := 2", r#"{"a": {"b": {"1": 1}}}"#, None),
        ("package a\nb := 2", "null", None),
    ] {
        let wanted = path.map(|path| format!("conflicting rule for data path {path} found"));
        let found = refused(text, base);
        match (&found, &wanted) {
            (None, None) => {}
            (Some(found), Some(wanted)) => assert!(found.contains(wanted), "{text} {base}: {found}"),
            _ => panic!("{text} {base}: {found:?}, {wanted:?}"),
        }
    }
    // However long the path is, it is gone through once.
    let long = format!("package a{}\np := 1", ".b".repeat(250));
    assert!(refused(&long, r#"{"a": 1}"#).is_some());
}
