//! Any text as a Rego module and as a query: the checks come to an end, and what they let pass is in canonical form.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use lumen_rego::ast::walk::{Part, parts_of_expr, parts_of_term};
use lumen_rego::ast::{ExprKind, Node, Version};
use lumen_rego::check::{CheckOptions, check};
use lumen_rego::error::Errors;
use lumen_rego::syntax::{ParseOptions, parse_body, parse_module};

/// Canonical bodies have no calls inside terms, no templates and no declarations.
fn canonical(part: Part<'_>) {
    let mut pending = vec![part];
    while let Some(part) = pending.pop() {
        match part {
            Part::Term(term) => {
                assert!(!matches!(term.node, Node::Call(_) | Node::Template { .. }), "{term}");
                parts_of_term(term, &mut |part| pending.push(part));
            }
            Part::Expr(expr) => {
                assert!(!matches!(expr.kind, ExprKind::Some(_)), "{expr}");
                parts_of_expr(expr, &mut |part| pending.push(part));
            }
            Part::Body(body) => {
                assert!(!body.is_empty(), "a body says something");
                pending.extend(body.iter().map(Part::Expr));
            }
        }
    }
}

/// Errors say something, and no more than ten are collected, with the mark that there may be more.
fn sound(errors: &Errors) {
    assert!(!errors.0.is_empty() && errors.0.len() <= 11);
    assert!(errors.0.iter().all(|error| !error.message.is_empty()));
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    // The options follow from the text, so that seeds are modules as they are.
    let flags = input.len();
    let version = if flags & 1 == 0 { Version::V1 } else { Version::V0 };
    let parse = ParseOptions { version, annotations: flags & 2 != 0, ..ParseOptions::default() };
    let options =
        CheckOptions { strict: flags & 4 != 0, keeps_print: flags & 8 != 0, ..CheckOptions::default() };
    let file: Arc<str> = "fuzz.rego".into();
    let modules = parse_module(&file, text, &parse).into_iter().collect();
    let checked = match check(modules, &options) {
        Ok(checked) => checked,
        Err(errors) => return sound(&errors),
    };
    for rule in checked.modules.iter().flat_map(|module| &module.rules) {
        for branch in std::iter::once(rule).chain(&rule.otherwise) {
            canonical(Part::Body(&branch.body));
        }
    }
    let Ok(body) = parse_body(&file, text, &ParseOptions::default()) else { return };
    match checked.query(&file, body) {
        Ok(query) => canonical(Part::Body(&query.body)),
        Err(errors) => sound(&errors),
    }
});
