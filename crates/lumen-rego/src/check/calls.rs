//! What must not be called, or not so; and names that must not hide others.

use lumen_value::Value;
use lumen_value::nearest::{nearest, one_of};

use super::resolve::{import_name, import_text};
use super::state::{Builtin, State, call_of, dotted, error, is_off, is_v1, root_name};
use super::text;
use super::vars;
use super::walk::{self, Part};
use crate::ast::{Body, ExprKind, Module, Name, Node, Term};
use crate::builtin::signature;
use crate::error::{Code, Error};
use crate::hash::HashMap;

/// What a term is, in OPA's words for messages.
pub(super) const fn kind_of(node: &Node) -> &'static str {
    match node {
        Node::Value(Value::Null) => "null",
        Node::Value(Value::Bool(_)) => "boolean",
        Node::Value(Value::Number(_)) => "number",
        Node::Value(Value::String(_)) => "string",
        Node::Value(Value::Array(_)) | Node::Array(_) => "array",
        Node::Value(Value::Object(_)) | Node::Object(_) => "object",
        Node::Value(Value::Set(_)) | Node::Set(_) => "set",
        Node::Var(_) => "var",
        Node::Ref(_) => "ref",
        Node::ArrayComprehension(..) => "arraycomprehension",
        Node::SetComprehension(..) => "setcomprehension",
        Node::ObjectComprehension(..) => "objectcomprehension",
        Node::Call(_) => "call",
        Node::Template { .. } => "templatestring",
    }
}

/// `input` and `data` must not be hidden by rules, arguments and variables.
pub(super) fn root_overrides(state: &mut State<'_>, modules: &[Module]) {
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        if !(state.options.strict || is_v1(module)) {
            continue;
        }
        let mut errors = Vec::new();
        for rule in &module.rules {
            if let Some(Term { node: Node::Var(name), .. }) = rule.head.reference.first()
                && vars::is_root(name)
            {
                let message =
                    format!("rules must not shadow {} (use a different rule name)", vars::shown(name));
                errors.push(error(Code::Compile, rule.span, message));
            }
            for (term, name) in
                rule.head.arguments.iter().flatten().filter_map(|term| Some((term, root_name(term)?)))
            {
                let message =
                    format!("args must not shadow {} (use a different variable name)", vars::shown(name));
                errors.push(error(Code::Compile, term.span, message));
            }
        }
        walk::module(module, &mut |part| assigns_root(part, &mut errors));
        state.errors.add_all_recoverable(errors);
    }
}

/// The same for a query, which declares no rules.
pub(super) fn root_overrides_in_query(body: &Body) -> Vec<Error> {
    let mut errors = Vec::new();
    walk::body(body, &mut |part| assigns_root(part, &mut errors));
    errors
}

fn assigns_root(part: Part<'_>, errors: &mut Vec<Error>) -> bool {
    let Part::Expr(expr) = part else { return false };
    let Some(left) = call_of(expr, "assign").and_then(<[Term]>::first) else { return false };
    let name = match &left.node {
        Node::Var(name) if vars::is_root(name) => Some(name),
        _ => root_name(left),
    };
    if let Some(name) = name {
        let message =
            format!("variables must not shadow {} (use a different variable name)", vars::shown(name));
        errors.push(error(Code::Compile, expr.span, message));
    }
    false
}

/// Imports must not have the same name.
pub(super) fn duplicate_imports(state: &mut State<'_>, modules: &[Module]) {
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        if !(state.options.strict || is_v1(module)) {
            continue;
        }
        let mut seen: HashMap<Name, String> = HashMap::default();
        for import in &module.imports {
            let Some(name) = import_name(import) else { continue };
            if let Some(before) = seen.get(&name) {
                let message = format!("import must not shadow {before}");
                state.errors.add_recoverable(error(Code::Compile, import.span, message));
            } else {
                seen.insert(name, import_text(import));
            }
        }
    }
}

/// A call of what has no result, inside a term.
pub(super) fn void_call(state: &State<'_>, part: Part<'_>, errors: &mut Vec<Error>) -> bool {
    let Part::Term(term) = part else { return false };
    let Node::Call(terms) = &term.node else { return false };
    let Some(Node::Ref(name)) = terms.first().map(|operator| &operator.node) else { return false };
    if state.builtin_of(name).is_some_and(Builtin::void) {
        errors.push(error(Code::Type, term.span, format!("{} used as value", text::term(term))));
    }
    false
}

/// Calls of what is not there, or with the wrong number of arguments.
pub(super) fn undefined(state: &State<'_>, part: Part<'_>, errors: &mut Vec<Error>) -> bool {
    let Part::Expr(expr) = part else { return false };
    let ExprKind::Call(terms) = &expr.kind else { return false };
    let Some((operator, operands)) = terms.split_first() else { return false };
    let Some(arity) = state.arity(operator) else {
        errors.push(no_function(state, operator, expr.span));
        return true;
    };
    let given = operands.len();
    let wrong = if expr.generated {
        (call_of(expr, "eq").is_none() && given != arity + 1).then(|| given.saturating_sub(1))
    } else {
        (given != arity && given != arity + 1).then_some(given)
    };
    let Some(given) = wrong else { return false };
    let name = text::term(&state.restored(operator));
    let known = matches!(&operator.node, Node::Ref(terms) if state.builtin_of(terms).is_some());
    let message = if known {
        format!("{name}: arity mismatch")
    } else {
        let plural = if given == 1 { "" } else { "s" };
        format!("function {name} has arity {arity}, got {given} argument{plural}")
    };
    errors.push(error(Code::Type, expr.span, message));
    true
}

fn no_function(state: &State<'_>, operator: &Term, span: crate::error::Span) -> Error {
    // What `input := 1` made of `input()` is no reference, and OPA shows nothing.
    let shown = match &operator.node {
        Node::Ref(_) => text::term(&state.restored(operator)),
        _ => String::new(),
    };
    let mut error = error(Code::Type, span, format!("undefined function {shown}"));
    let Node::Ref(terms) = &operator.node else { return error };
    error.hint = dotted(terms).and_then(|name| hint(state, terms, &name));
    error
}

/// What may have been meant.
fn hint(state: &State<'_>, terms: &[Term], name: &str) -> Option<String> {
    if signature(name).is_some_and(|known| is_off(&state.options.capabilities, known.name)) {
        return Some(format!("the built-in `{name}` is switched off here"));
    }
    let (last, before) = terms.split_last()?;
    let node = match state.tree.find_ref(before) {
        Some(parent) if !before.is_empty() => state.tree.node(parent),
        _ => return built_in_like(name),
    };
    let Node::Value(Value::String(last)) = &last.node else { return None };
    let last = last.as_str()?;
    // A package that calls `coutn` meant `count`.
    let siblings = node.children.keys().filter_map(|key| key.as_str());
    name_like(last, siblings.filter(|other| *other != last)).or_else(|| built_in_like(last))
}

fn built_in_like(name: &str) -> Option<String> {
    let near = nearest(name, crate::builtin::signature::SIGNATURES.iter().map(|row| row.name));
    (!near.is_empty()).then(|| format!("did you mean the built-in {}?", one_of(&near)))
}

/// The names that one may be a slip of.
pub(super) fn name_like<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let near = nearest(name, names);
    (!near.is_empty()).then(|| format!("did you mean {}?", one_of(&near)))
}

/// Calls of deprecated built-ins.
pub(super) fn deprecated(part: Part<'_>, errors: &mut Vec<Error>) -> bool {
    let (terms, span) = match part {
        Part::Expr(expr) => match &expr.kind {
            ExprKind::Call(terms) => (terms, Some(expr.span)),
            _ => return false,
        },
        Part::Term(Term { node: Node::Call(terms), .. }) => (terms, None),
        _ => return false,
    };
    let Some(operator) = terms.first() else { return false };
    let Node::Ref(name) = &operator.node else { return false };
    let Some(name) = dotted(name) else { return false };
    if signature(&name).is_some_and(|known| known.deprecated) {
        let message = format!("deprecated built-in function calls in expression: {name}");
        errors.push(error(Code::Type, span.unwrap_or(operator.span), message));
    }
    false
}
