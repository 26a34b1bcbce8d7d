//! `rego.metadata.rule()` and `.chain()`: constants of the rule that asks.

use std::collections::BTreeMap;

use lumen_value::Value;

use super::state::{Generator, State, append, equality, error, expr};
use super::tree::{rule_path, scalar};
use super::walk::{self, Part, PartMut};
use crate::ast::{Annotation, Body, Expr, ExprKind, Module, Node, Rule, Term};
use crate::error::{Code, Span};

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Chain,
    Rule,
}

fn asked(expr: &Expr) -> Option<Asked> {
    let ExprKind::Call(terms) = &expr.kind else { return None };
    let Node::Ref(name) = &terms.first()?.node else { return None };
    match &*super::state::dotted(name)? {
        "rego.metadata.chain" => Some(Asked::Chain),
        "rego.metadata.rule" => Some(Asked::Rule),
        _ => None,
    }
}

fn find(rule: &Rule, wanted: Asked) -> Option<Span> {
    let mut found = None;
    walk::branch(rule, &mut |part| {
        if let Part::Expr(expr) = part
            && found.is_none()
            && asked(expr) == Some(wanted)
        {
            found = Some(expr.span);
        }
        found.is_some()
    });
    found
}

/// Annotations by what they are about.
#[derive(Default)]
struct Annotations {
    packages: BTreeMap<Vec<Value>, Value>,
    paths: BTreeMap<Vec<Value>, Value>,
}

fn package_path(module: &Module) -> Vec<Value> {
    module.package.iter().skip(1).filter_map(|term| scalar(term).cloned()).collect()
}

/// The path below `data` that an annotation is about.
fn target(module: &Module, annotation: &Annotation) -> Vec<Value> {
    match annotation.rule.and_then(|rule| module.rules.get(rule)) {
        Some(rule) => rule_path(&module.package, &rule.head.reference),
        None => package_path(module),
    }
}

/// Makes the calls constants. A module was read with its annotations where they are to count.
pub(super) fn rewrite(state: &mut State<'_>, modules: &mut [Module], files: &[std::sync::Arc<str>]) {
    let mut called = false;
    for module in modules.iter() {
        walk::module(module, &mut |part| {
            called |= matches!(part, Part::Expr(expr) if asked(expr).is_some());
            called
        });
    }
    let annotations = collect(state, modules, files);
    if !called || state.errors.stopped() {
        return;
    }
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let mut rules = std::mem::take(&mut module.rules);
        for (position, rule) in rules.iter_mut().enumerate() {
            let mut others = std::mem::take(&mut rule.otherwise);
            for (branch, rule) in std::iter::once(&mut *rule).chain(&mut others).enumerate() {
                let own = (branch == 0).then_some(position);
                in_branch(&mut state.generator, &annotations, module, own, rule);
            }
            rule.otherwise = others;
        }
        module.rules = rules;
    }
}

fn collect(state: &mut State<'_>, modules: &[Module], files: &[std::sync::Arc<str>]) -> Annotations {
    let mut found = Annotations::default();
    let mut places: BTreeMap<(bool, Vec<Value>), Span> = BTreeMap::new();
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        for annotation in &module.annotations {
            let package = annotation.scope == "package";
            if !(package || annotation.scope == "document" || annotation.scope == "subpackages") {
                continue;
            }
            let path = target(module, annotation);
            if let Some(before) = places.get(&(package, path.clone())) {
                let file = files.get(before.module as usize).map(AsRef::as_ref).unwrap_or_default();
                let message = format!("{} annotation redeclared: {file}:{}", annotation.scope, before.row);
                state.errors.add(error(Code::Type, annotation.span, message));
                continue;
            }
            places.insert((package, path.clone()), annotation.span);
            let map = if package { &mut found.packages } else { &mut found.paths };
            map.insert(path, annotation.value.clone());
        }
    }
    found
}

/// One link of a chain.
fn link(path: &[Value], annotation: Option<&Value>) -> Value {
    let path: Vec<Value> = path
        .iter()
        .map(|key| match key {
            Value::String(_) => key.clone(),
            other => Value::from(other.to_string().as_str()),
        })
        .collect();
    let mut pairs = vec![(Value::from("path"), Value::Array(path.into()))];
    if let Some(annotation) = annotation {
        pairs.push((Value::from("annotations"), annotation.clone()));
    }
    Value::Object(pairs.into())
}

fn chain(annotations: &Annotations, module: &Module, own: &[&Annotation], path: &[Value]) -> Value {
    let mut links: Vec<Value> =
        own.iter().rev().map(|annotation| link(path, Some(&annotation.value))).collect();
    if links.is_empty() {
        links.push(link(path, None));
    }
    if let Some(document) = annotations.paths.get(path) {
        links.push(link(path, Some(document)));
    }
    let package = package_path(module);
    if let Some(annotation) = annotations.packages.get(&package) {
        links.push(link(&package, Some(annotation)));
    }
    for length in (0..=package.len()).rev() {
        let above = package.get(..length).unwrap_or_default();
        if let Some(annotation) = annotations.paths.get(above) {
            links.push(link(above, Some(annotation)));
        }
    }
    Value::Array(links.into())
}

fn in_branch(
    generator: &mut Generator,
    annotations: &Annotations,
    module: &Module,
    own: Option<usize>,
    rule: &mut Rule,
) {
    let (chained, ruled) = (find(rule, Asked::Chain), find(rule, Asked::Rule));
    if chained.is_none() && ruled.is_none() {
        return;
    }
    let mut of_rule: Vec<&Annotation> = module
        .annotations
        .iter()
        .filter(|annotation| annotation.scope == "rule" && own.is_some() && annotation.rule == own)
        .collect();
    of_rule.sort_by_key(|annotation| (annotation.span.row, annotation.span.column));
    let path = rule_path(&module.package, &rule.head.reference);
    let mut body = Body::new();
    let mut constant = |value: Value, span: Span| {
        let mut term = term_of(&value, span);
        append(&mut body, vec![generator.take(&mut term)]);
        term
    };
    let chained = chained.map(|span| constant(chain(annotations, module, &of_rule, &path), span));
    let ruled = ruled.map(|span| {
        let value =
            of_rule.first().map_or_else(|| Value::Object(Vec::new().into()), |first| first.value.clone());
        constant(value, span)
    });
    append(&mut body, std::mem::take(&mut rule.body));
    rule.body = body;
    walk::branch_mut(rule, &mut |part| {
        if let PartMut::Expr(expr) = part {
            let variable = match asked(expr) {
                Some(Asked::Chain) => &chained,
                Some(Asked::Rule) => &ruled,
                None => &None,
            };
            if let Some(variable) = variable {
                replace(expr, variable.clone());
            }
        }
        false
    });
}

/// `rego.metadata.rule(x)` becomes `x = constant`, without a result just the constant.
fn replace(call: &mut Expr, constant: Term) {
    let ExprKind::Call(terms) = &mut call.kind else { return };
    let mut new = match terms.drain(..).nth(1) {
        Some(result) => equality(result, constant, call.span),
        None => expr(ExprKind::Term(constant), call.span),
    };
    new.generated = true;
    *call = new;
}

/// A value as a term of the text would be.
fn term_of(value: &Value, span: Span) -> Term {
    crate::depth::grow(|| {
        let node = match value {
            Value::Array(items) => Node::Array(items.iter().map(|item| term_of(item, span)).collect()),
            Value::Set(items) => Node::Set(items.iter().map(|item| term_of(item, span)).collect()),
            Value::Object(pairs) => Node::Object(
                pairs.iter().map(|(key, value)| (term_of(key, span), term_of(value, span))).collect(),
            ),
            scalar => Node::Value(scalar.clone()),
        };
        Term { node, span }
    })
}
