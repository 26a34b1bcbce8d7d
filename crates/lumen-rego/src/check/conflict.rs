//! Rules that contradict each other: of different kinds under one name, below a complete value, or in the place of a package.

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::Value;

use super::graph::full_reference;
use super::state::{State, error};
use super::text;
use super::tree::{NodeId, RuleId, Tree, rule_path, scalar};
use crate::ast::{Module, Node, Ref, Rule, RuleKind, Term};
use crate::error::{Code, Error, Span};

/// Finds all of them.
pub(super) fn check(state: &mut State<'_>, modules: &[Module], files: &[std::sync::Arc<str>]) {
    let tree = state.tree.clone();
    for id in tree.below(tree.root()) {
        if tree.node(id).is_rule()
            && let Some(found) = at_node(state, &tree, id, modules, files)
            && !state.errors.add(found)
        {
            return;
        }
    }
    packages(state, modules, files);
    base_documents(state, &tree, modules);
}

/// Where a path of the tree leads in the base documents.
#[derive(Clone, Copy)]
enum Base<'v> {
    Document(&'v Value),
    /// Nothing is there.
    Free,
    /// It would be in something that is no object.
    Within,
}

impl Base<'_> {
    fn below(self, key: &Value) -> Self {
        match self {
            Self::Document(Value::Object(entries)) => {
                entries.get_value(key).map_or(Self::Free, Self::Document)
            }
            Self::Document(_) | Self::Within => Self::Within,
            Self::Free => Self::Free,
        }
    }
}

/// Rules in the place of base documents. Only keys that are strings can be those of base documents.
fn base_documents(state: &mut State<'_>, tree: &Tree, modules: &[Module]) {
    let base = state.options.base.clone();
    if !matches!(base, Value::Object(_)) {
        return;
    }
    let mut path: Vec<&str> = Vec::new();
    // The nodes to come, each with its key and how many keys are above it.
    let mut pending = vec![(tree.root(), Base::Document(&base), "", 0)];
    while let Some((id, base, key, depth)) = pending.pop() {
        let node = tree.node(id);
        path.truncate(depth);
        path.push(key);
        if let Some((_, rule)) = node.all.first().and_then(|id| rule_of(modules, *id)) {
            let shown = path.iter().skip(1).copied().collect::<Vec<_>>().join("/");
            let message = format!("conflicting rule for data path {shown} found");
            if !state.errors.add(error(Code::Compile, rule.span, message)) {
                return;
            }
        }
        for (key, child) in node.children.iter().rev() {
            let below = base.below(key);
            if let (Some(name), Base::Document(_) | Base::Within) = (key.as_str(), below) {
                pending.push((*child, below, name, depth + 1));
            }
        }
    }
}

fn rule_of(modules: &[Module], id: RuleId) -> Option<(&Module, &Rule)> {
    let module = modules.get(id.module)?;
    Some((module, module.rules.get(id.rule)?))
}

fn place(files: &[std::sync::Arc<str>], span: Span) -> String {
    match files.get(span.module as usize).filter(|file| !file.is_empty()) {
        Some(file) => format!("{file}:{}", span.row),
        None => format!("{}:{}", span.row, span.column),
    }
}

fn ground(reference: &Ref) -> bool {
    reference.iter().skip(1).all(|term| scalar(term).is_some())
}

fn shown(state: &State<'_>, reference: Ref) -> String {
    text::term(&state.restored(&Term { node: Node::Ref(reference), span: Span::default() }))
}

fn at_node(
    state: &State<'_>,
    tree: &Tree,
    id: NodeId,
    modules: &[Module],
    files: &[std::sync::Arc<str>],
) -> Option<Error> {
    let node = tree.node(id);
    let rules: Vec<(&Module, &Rule)> = node.all.iter().filter_map(|id| rule_of(modules, *id)).collect();
    let (_, first) = rules.first()?;
    let (module, last) = rules.last()?;
    let name = || shown(state, full_reference(module, last));
    if !node.children.is_empty() {
        let below = if rules.iter().any(|(_, rule)| ground(&rule.head.reference)) {
            Some(below(tree, id, modules, false))
        } else {
            let functions = below(tree, id, modules, true);
            (!functions.is_empty()).then_some(functions)
        };
        if let Some(below) = below.filter(|below| !below.is_empty()) {
            let lines = below.into_iter().map(|(reference, span)| {
                format!("\n  rule {} at {}", shown(state, reference), place(files, span))
            });
            let message = format!("rule {} conflicts with:{}", name(), lines.collect::<String>());
            return Some(error(Code::Type, first.span, message));
        }
    }
    let complete = |rule: &Rule| rule.head.kind() == RuleKind::Complete && ground(&rule.head.reference);
    let multi = |rule: &Rule| rule.head.kind() == RuleKind::PartialSet;
    let differ = |of: &dyn Fn(&Rule) -> bool| {
        rules.iter().any(|(_, rule)| of(rule)) && rules.iter().any(|(_, rule)| !of(rule))
    };
    let arities: BTreeSet<usize> =
        rules.iter().map(|(_, rule)| rule.head.arguments.as_ref().map_or(0, Vec::len)).collect();
    let sets = rules.iter().any(|(_, rule)| multi(rule) && ground(&rule.head.reference));
    let objects = rules.iter().any(|(_, rule)| multi(rule) && !ground(&rule.head.reference));
    if differ(&multi) || differ(&complete) || arities.len() > 1 || (sets && objects) {
        return Some(error(Code::Type, first.span, format!("conflicting rules {} found", name())));
    }
    if let [one, _, ..] = node.defaults.as_slice() {
        let places: Vec<String> = node
            .defaults
            .iter()
            .filter_map(|id| rule_of(modules, *id))
            .map(|(_, rule)| place(files, rule.span))
            .collect();
        let span = modules.get(one.module).map(|module| module.package_span).unwrap_or_default();
        let message = format!("multiple default rules {} found at {}", name(), places.join(", "));
        return Some(error(Code::Type, span, message));
    }
    None
}

/// What references are sorted by.
type Key = Vec<(bool, Value)>;

fn key(reference: &Ref) -> Key {
    reference
        .iter()
        .filter_map(|term| match &term.node {
            Node::Value(value) => Some((false, value.clone())),
            Node::Var(name) => Some((true, Value::String(name.clone()))),
            _ => None,
        })
        .collect()
}

/// The references of rules below a node, without those below another of them.
fn below(tree: &Tree, id: NodeId, modules: &[Module], functions: bool) -> Vec<(Ref, Span)> {
    let mut found: Vec<(Key, Ref, Span)> = Vec::new();
    for node in tree.below(id).into_iter().skip(1) {
        for (module, rule) in tree.node(node).all.iter().filter_map(|id| rule_of(modules, *id)) {
            if !functions || rule.head.arguments.as_ref().is_some_and(|arguments| !arguments.is_empty()) {
                let reference = full_reference(module, rule);
                found.push((key(&reference), reference, rule.span));
            }
        }
    }
    found.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut kept: Vec<(Key, Ref, Span)> = Vec::new();
    for entry in found {
        if !kept.last().is_some_and(|(last, ..)| entry.0.starts_with(last)) {
            kept.push(entry);
        }
    }
    kept.into_iter().map(|(_, reference, span)| (reference, span)).collect()
}

/// Rules in the place of another module's package.
fn packages(state: &mut State<'_>, modules: &[Module], files: &[std::sync::Arc<str>]) {
    let path = |module: &Module| -> Vec<Value> {
        module.package.iter().skip(1).filter_map(|term| scalar(term).cloned()).collect()
    };
    let mut by_path: BTreeMap<Vec<Value>, Vec<&Module>> = BTreeMap::new();
    for module in state.order.iter().filter_map(|index| modules.get(*index)) {
        by_path.entry(path(module)).or_default().push(module);
    }
    if by_path.len() < 2 {
        return;
    }
    for module in state.order.clone().iter().filter_map(|index| modules.get(*index)) {
        for rule in module.rules.iter().filter(|rule| ground(&rule.head.reference)) {
            for other in by_path.get(&rule_path(&module.package, &rule.head.reference)).into_iter().flatten()
            {
                let message = format!(
                    "package {} conflicts with rule {} defined at {}",
                    text::package(&other.package),
                    text::reference(&rule.head.reference),
                    place(files, rule.span)
                );
                if !state.errors.add(error(Code::Type, module.package_span, message)) {
                    return;
                }
            }
        }
    }
}
