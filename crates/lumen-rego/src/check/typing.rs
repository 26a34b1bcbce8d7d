//! The stage that finds types: rules in the order of their needs, then queries against what was found.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lumen_value::Value;

use super::graph::{BranchId, Graph, branch, full_reference};
use super::narrow::constant;
use super::state::State;
use super::walk::{self, Part};
use crate::ast::{Body, Module, Node, Term};
use crate::error::Error;
use crate::hash::HashMap;
use crate::syntax::print;
use crate::types::{Environment, Names, TypeTree};

/// Finds the types of all rules.
pub(super) fn rules(state: &mut State<'_>, graph: &Graph, modules: &[Module]) -> Environment {
    let mut environment = Environment::new(&state.options.capabilities);
    let dependents = Dependents {
        graph,
        modules,
        mentions: RefCell::default(),
        found: RefCell::default(),
        spent: Cell::new(0),
    };
    let mut errors = Vec::new();
    for id in graph.sorted() {
        let Some((module, rule)) = branch(modules, id) else { continue };
        let base =
            modules.get(id.rule.module).and_then(|module| module.rules.get(id.rule.rule)).unwrap_or(rule);
        let reference = full_reference(module, base);
        let text = |terms: &[Term]| text(state, terms);
        errors.extend(
            environment
                .check_rule(rule, &reference, Names(&text), &|target, others| dependents.of(target, others)),
        );
    }
    errors.sort_by_key(|error| (error.span.module, error.span.row, error.span.column));
    state.errors.add_all(errors);
    environment
}

/// Checks the types of a query.
pub(super) fn query(state: &State<'_>, environment: &Environment, body: &Body) -> Vec<Error> {
    let text = |terms: &[Term]| text(state, terms);
    // Which rules need a document is not kept: a query's `with` may change any.
    let all = everything();
    environment.check_body(body, Names(&text), &|_, _| Some(all.clone()))
}

/// A reference under the names of the text.
fn text(state: &State<'_>, terms: &[Term]) -> String {
    let restored: Vec<Term> = terms.iter().map(|term| state.restored(term)).collect();
    match (terms.split_first(), restored.split_first()) {
        (Some((Term { node: Node::Var(name), span }, _)), Some((_, rest))) => {
            let Some(subject) = state.generator.subjects.get(name) else {
                return print::reference(&restored);
            };
            let mut whole = match state.restored(subject) {
                Term { node: Node::Ref(terms), .. } => terms,
                term => vec![Term { node: term.node, span: *span }],
            };
            whole.extend(rest.iter().cloned());
            print::reference(&whole)
        }
        _ => print::reference(&restored),
    }
}

/// The constant beginning of a reference, and whether the rules at it are left out.
type Target = (Vec<Value>, bool);

/// Which rules need what a reference refers to. Found when it is asked for: most modules have no `with`.
struct Dependents<'a> {
    graph: &'a Graph,
    modules: &'a [Module],
    /// The constant beginnings of references in each branch.
    mentions: RefCell<Option<HashMap<BranchId, Vec<Vec<Value>>>>>,
    found: RefCell<HashMap<Target, Option<Rc<TypeTree>>>>,
    /// How much was looked at.
    spent: Cell<usize>,
}

/// Once so much of the graph was looked at, a `with` may change any rule: a module in which each rule replaces something else.
const SPENT_MAX: usize = 50_000_000;

/// All rules.
fn everything() -> Rc<TypeTree> {
    Rc::new(TypeTree::anything_at(&[vec![Value::from("data")]]))
}

impl Dependents<'_> {
    /// The rules that need what stands at a target; `others`: but not what stands there itself.
    fn of(&self, target: &[Term], others: bool) -> Option<Rc<TypeTree>> {
        let key = (beginning(target), others && target.iter().skip(1).all(|term| constant(term).is_some()));
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let tree = if self.spent.get() > SPENT_MAX {
            Some(everything())
        } else {
            let mut paths = self.paths(&key.0);
            paths.retain(|path| !(key.1 && *path == key.0));
            self.spent.set(self.spent.get() + self.graph.size() + paths.iter().map(Vec::len).sum::<usize>());
            (!paths.is_empty()).then(|| Rc::new(TypeTree::anything_at(&paths)))
        };
        self.found.borrow_mut().insert(key, tree.clone());
        tree
    }

    /// The paths, from `data`, of the rules.
    fn paths(&self, target: &[Value]) -> Vec<Vec<Value>> {
        if self.mentions.borrow().is_none() {
            *self.mentions.borrow_mut() = Some(self.all_mentions());
        }
        let mentions = self.mentions.borrow();
        let overlaps = |path: &Vec<Value>| path.iter().zip(target).all(|(a, b)| a == b);
        let starts = |id: BranchId| {
            mentions.as_ref().and_then(|all| all.get(&id)).is_some_and(|paths| paths.iter().any(overlaps))
        };
        let mut paths = Vec::new();
        for id in self.graph.dependents(&starts) {
            let Some(module) = self.modules.get(id.rule.module) else { continue };
            let Some(rule) = module.rules.get(id.rule.rule) else { continue };
            paths.push(beginning(&full_reference(module, rule)));
        }
        paths.sort();
        paths.dedup();
        paths
    }

    fn all_mentions(&self) -> HashMap<BranchId, Vec<Vec<Value>>> {
        let mut all = HashMap::default();
        for id in self.graph.sorted() {
            let Some((_, rule)) = branch(self.modules, id) else { continue };
            let mut paths = Vec::new();
            walk::branch(rule, &mut |part| {
                if let Part::Term(Term { node: Node::Ref(terms), .. }) = part {
                    paths.push(beginning(terms));
                }
                false
            });
            all.insert(id, paths);
        }
        all
    }
}

/// The constant beginning of a reference.
fn beginning(terms: &[Term]) -> Vec<Value> {
    let root = terms.iter().take(1).filter_map(|term| match &term.node {
        Node::Var(root) => Some(Value::String(root.clone())),
        _ => None,
    });
    root.chain(terms.iter().skip(1).map_while(constant)).collect()
}
