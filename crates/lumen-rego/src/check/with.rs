//! `with`: targets that can be replaced, and values that need no evaluation.

use super::rewrite::requires_eval;
use super::state::{Builtin, Generator, State, error};
use super::text;
use super::walk::{self, PartMut};
use crate::ast::{Body, Expr, Module, Name, Node, Term, With};
use crate::error::{Code, Error, Span};

/// Checks and rewrites all `with` of the modules.
pub(super) fn rewrite(state: &mut State<'_>, modules: &mut [Module]) {
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let mut errors = Vec::new();
        let mut generator = std::mem::replace(&mut state.generator, Generator::of_modules(&[]));
        super::rewrite::branches(module, &mut |rule| {
            walk::branch_mut(rule, &mut |part| {
                if let PartMut::Body(body) = part
                    && let Err(error) = in_body(state, &mut generator, body)
                {
                    errors.push(error);
                }
                false
            });
        });
        state.generator = generator;
        state.errors.add_all(errors);
    }
}

/// The same for a query.
pub(super) fn rewrite_query(
    state: &State<'_>,
    generator: &mut Generator,
    body: &mut Body,
) -> Result<(), Error> {
    in_body(state, generator, body)
}

/// Expressions that one text expression became share its `with`: a value is taken out once.
type Done = Vec<(Span, Term)>;

fn in_body(state: &State<'_>, generator: &mut Generator, body: &mut Body) -> Result<(), Error> {
    if body.iter().all(|expr| expr.with.is_empty()) {
        return Ok(());
    }
    let mut done = Done::new();
    for mut expr in std::mem::take(body) {
        in_expr(state, generator, &mut expr, &mut done, body)?;
        body.push(expr);
    }
    Ok(())
}

fn in_expr(
    state: &State<'_>,
    generator: &mut Generator,
    expr: &mut Expr,
    done: &mut Done,
    result: &mut Body,
) -> Result<(), Error> {
    for with in &mut expr.with {
        if !needs_variable(state, with)? {
            continue;
        }
        let known = done.iter().rev().take(64).find(|(span, _)| with.span.row > 0 && *span == with.span);
        if let Some((_, variable)) = known {
            with.value = variable.clone();
            continue;
        }
        result.push(generator.take(&mut with.value));
        done.push((with.span, with.value.clone()));
    }
    Ok(())
}

fn starts_at(term: &Term, root: &str) -> bool {
    match &term.node {
        Node::Ref(terms) => {
            matches!(terms.first().map(|first| &first.node), Some(Node::Var(name)) if *name == root)
        }
        _ => false,
    }
}

/// The built-in that a target or value names, as a variable or a reference.
fn builtin_of(state: &State<'_>, term: &Term) -> Option<Builtin> {
    match &term.node {
        Node::Var(name) => state.builtin(name.as_str()?),
        Node::Ref(terms) => state.builtin_of(terms),
        _ => None,
    }
}

/// A built-in's name that was read as a variable becomes a reference.
fn as_reference(term: &mut Term) {
    if let Node::Var(name) = &term.node {
        let name: Name = name.clone();
        term.node = Node::Ref(vec![Term { node: Node::Var(name), span: term.span }]);
    }
}

/// Checks a target; true where the value has to be taken out.
fn needs_variable(state: &State<'_>, with: &mut With) -> Result<bool, Error> {
    if matches!(with.value.node, Node::Var(_)) && builtin_of(state, &with.value).is_some() {
        as_reference(&mut with.value);
    }
    let span = with.target.span;
    if starts_at(&with.target, "data") {
        if replaces_data(state, with)? {
            return Ok(false);
        }
    } else if starts_at(&with.target, "input") {
    } else if let Some(builtin) = builtin_of(state, &with.target) {
        as_reference(&mut with.target);
        can_replace(builtin, &with.target)?;
        if is_function(state, &with.value) {
            return Ok(false);
        }
    } else {
        let message = "with keyword target must reference existing input, data, or a function".to_owned();
        return Err(error(Code::Type, span, message));
    }
    Ok(requires_eval(&with.value))
}

/// A target below `data`; true where the value is a function's name and stays as it is.
fn replaces_data(state: &State<'_>, with: &With) -> Result<bool, Error> {
    let Node::Ref(terms) = &with.target.node else { return Ok(false) };
    let above = terms.get(1..terms.len().saturating_sub(1)).unwrap_or_default();
    let mut at = Some(state.tree.root());
    for term in above {
        let child = at.zip(super::tree::scalar(term)).and_then(|(node, key)| state.tree.child(node, key));
        let Some(child) = child else { break };
        if state.tree.node(child).is_rule() {
            let message = "with keyword cannot partially replace virtual document(s)".to_owned();
            return Err(error(Code::Compile, with.target.span, message));
        }
        at = Some(child);
    }
    // OPA looks for the last key wherever it stopped.
    let last = terms.last().filter(|_| terms.len() > 1).and_then(super::tree::scalar);
    let node = at.zip(last).and_then(|(node, key)| state.tree.child(node, key));
    let function = node.is_some_and(|node| state.tree.node(node).arity.is_some_and(|arity| arity > 0));
    if function && is_function(state, &with.value) {
        return Ok(true);
    }
    let Node::Ref(value) = &with.value.node else { return Ok(false) };
    let node = state.tree.find_ref(value).map(|node| state.tree.node(node));
    Ok(node.is_some_and(|node| node.arity.is_some_and(|arity| arity > 0)))
}

/// Whether a value names a rule or a built-in.
fn is_function(state: &State<'_>, value: &Term) -> bool {
    let rule = matches!(&value.node, Node::Ref(terms) if state.tree.find_ref(terms).is_some());
    rule || builtin_of(state, value).is_some()
}

/// Some built-ins cannot be replaced.
fn can_replace(builtin: Builtin, target: &Term) -> Result<(), Error> {
    let name = text::term(target);
    let reason = if matches!(name.as_str(), "eq" | "rego.metadata.chain" | "rego.metadata.rule") {
        format!("replacement of \"{name}\" invalid")
    } else if name.starts_with("internal.") {
        format!("replacement of internal function \"{name}\" invalid")
    } else if builtin.relation() {
        "target must not be a relation".to_owned()
    } else if builtin.void() {
        "target must not be a void function".to_owned()
    } else {
        return Ok(());
    };
    Err(error(Code::Compile, target.span, format!("with keyword replacing built-in function: {reason}")))
}
