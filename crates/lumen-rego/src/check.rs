//! Tree to canonical tree, or the reasons why not: the stages of OPA's compiler, in its order (`v1/ast/compile.go`).
//!
//! A stage goes over all modules. Most errors end the checks after their stage, so that none is only the shadow of another;
//! some let the others run. No stage's work grows faster than the text, up to the depth of nesting.

mod calls;
mod conflict;
mod cycle;
mod graph;
mod locals;
mod metadata;
mod narrow;
mod print_calls;
mod resolve;
mod rewrite;
mod safety;
mod state;
mod template;
mod text;
pub mod tree;
mod typing;
mod unify;
mod vars;
mod walk;
mod with;

use std::sync::Arc;

use lumen_value::Value;

use self::graph::Graph;
pub(crate) use self::narrow::constant;
pub(crate) use self::state::dotted;
use self::state::{Generator, State};
use self::tree::Tree;
pub(crate) use self::vars::is_generated_text as is_generated;
use self::vars::{Skip, VarSet};
use crate::ast::{Body, Module, Name};
use crate::builtin::Capabilities;
use crate::error::{Error, Errors};
use crate::hash::HashMap;
use crate::types::Environment;

/// What a set of modules is checked against.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// OPA's strict mode: unused and shadowing names are errors.
    pub strict: bool,
    /// `print` calls are kept; else they are erased.
    pub keeps_print: bool,
    /// Which built-ins may be called.
    pub capabilities: Capabilities,
    /// The base documents, where they are known: a rule in the place of one is an error. Anything but an object is none.
    pub base: Value,
}

/// Modules in canonical form that were compiled together.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The modules, in the order given.
    pub modules: Vec<Module>,
    /// The rules of all modules by path.
    pub tree: Arc<Tree>,
    /// The options that they were checked with.
    pub options: CheckOptions,
    /// The types of rules.
    types: Arc<Environment>,
    /// What made-up names of variables stand for in the text.
    names: Arc<HashMap<Name, Name>>,
}

/// A query in canonical form.
#[derive(Clone, Debug)]
pub struct Query {
    /// The body.
    pub body: Body,
    /// The variables of the text that it binds, and what each is called in the body. Neither wildcards nor made-up names.
    pub variables: Vec<(Name, Name)>,
}

/// Checks modules together. Spans name modules by their index here.
pub fn check(mut modules: Vec<Module>, options: &CheckOptions) -> Result<Checked, Errors> {
    let files: Vec<Arc<str>> = modules.iter().map(|module| module.file.clone()).collect();
    let mut order: Vec<usize> = (0..modules.len()).collect();
    order.sort_by_key(|index| files.get(*index).cloned());
    let mut state = State {
        options,
        order,
        tree: Arc::default(),
        generator: Generator::of_modules(&[]),
        rewritten: HashMap::default(),
        errors: state::ErrorList::default(),
    };
    let types = stages(&mut state, &mut modules, &files);
    if state.errors.is_empty() {
        return Ok(Checked {
            modules,
            tree: state.tree,
            options: options.clone(),
            types: Arc::new(types),
            names: Arc::new(state.rewritten),
        });
    }
    let nowhere: Arc<str> = Arc::from("");
    Err(state.errors.finish(|span| files.get(span.module as usize).unwrap_or(&nowhere).clone()))
}

/// Runs the stages until one of them finds what ends the checks.
fn stages(state: &mut State<'_>, modules: &mut [Module], files: &[Arc<str>]) -> Environment {
    type Stage<'a, 'b> = &'a mut dyn FnMut(&mut State<'_>, &mut [Module], &[Arc<str>], &mut Option<Graph>);
    let mut types = Environment::default();
    let stages: [Stage<'_, '_>; 21] = [
        &mut |state, modules, _, _| resolve::resolve(state, modules),
        &mut |state, modules, _, _| {
            state.generator = Generator::of_modules(modules);
            rewrite::head_refs(state, modules);
        },
        &mut |state, modules, _, _| calls::root_overrides(state, modules),
        &mut |state, modules, _, _| calls::duplicate_imports(state, modules),
        &mut |state, modules, _, _| tree_stage(state, modules),
        &mut |state, modules, _, _| locals::rewrite(state, modules),
        &mut |state, modules, _, _| template::rewrite(state, modules),
        &mut |state, modules, _, _| find_in_modules(state, modules, &mut calls::void_call),
        &mut |state, modules, _, _| print_stage(state, modules),
        &mut |state, modules, _, _| each_branch(state, modules, rewrite::expr_terms),
        &mut |state, modules, files, _| metadata::rewrite(state, modules, files),
        &mut |state, modules, _, graph| *graph = Some(Graph::build(&state.tree, modules)),
        &mut |state, modules, _, _| {
            each_branch(state, modules, rewrite::comprehension_terms);
            each_branch(state, modules, rewrite::refs_in_head);
        },
        &mut |state, modules, _, _| with::rewrite(state, modules),
        &mut |state, modules, files, _| conflict::check(state, modules, files),
        &mut |state, modules, _, _| find_in_modules(state, modules, &mut calls::undefined),
        &mut |state, modules, _, _| safety::heads(state, modules),
        &mut |state, modules, _, _| safety::bodies(state, modules),
        &mut |state, modules, _, graph| {
            each_branch(state, modules, |_, rule| rewrite::equals(rule));
            each_branch(state, modules, |generator, rule| rewrite::dynamics(generator, &mut rule.body));
            if let Some(graph) = graph {
                cycle::report(state, graph, modules);
            }
        },
        &mut |state, modules, _, graph| {
            if let Some(graph) = graph {
                types = typing::rules(state, graph, modules);
            }
        },
        &mut |state, modules, _, _| deprecated_stage(state, modules),
    ];
    let mut graph = None;
    for stage in stages {
        stage(state, modules, files, &mut graph);
        if state.errors.stopped() {
            break;
        }
    }
    types
}

/// Runs a rewriting of single rules.
fn each_branch(
    state: &mut State<'_>,
    modules: &mut [Module],
    mut rewrite: impl FnMut(&mut Generator, &mut crate::ast::Rule),
) {
    for index in state.order.clone() {
        if let Some(module) = modules.get_mut(index) {
            rewrite::branches(module, &mut |rule| rewrite(&mut state.generator, rule));
        }
    }
}

type Find<'f> = dyn FnMut(&State<'_>, walk::Part<'_>, &mut Vec<Error>) -> bool + 'f;

/// Runs a search for errors over all modules.
fn find_in_modules(state: &mut State<'_>, modules: &[Module], find: &mut Find<'_>) {
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        let mut errors = Vec::new();
        walk::module(module, &mut |part| find(state, part, &mut errors));
        state.errors.add_all(errors);
    }
}

/// Most keys that the paths of all packages and rules have together.
const PATH_KEYS_MAX: usize = 2_000_000;

fn tree_stage(state: &mut State<'_>, modules: &[Module]) {
    let tree = Tree::build(modules, &state.order);
    if tree.keys() > PATH_KEYS_MAX {
        let message = format!("the paths of the rules have more than {PATH_KEYS_MAX} keys together");
        state.errors.add(state::error(crate::error::Code::Compile, crate::error::Span::default(), message));
    }
    state.tree = Arc::new(tree);
}

fn print_stage(state: &mut State<'_>, modules: &mut [Module]) {
    if state.options.keeps_print {
        print_calls::rewrite(state, modules);
    } else {
        each_branch(state, modules, |_, rule| walk::branch_mut(rule, &mut print_calls::erase));
    }
}

fn deprecated_stage(state: &mut State<'_>, modules: &[Module]) {
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        if state.options.strict || state::is_v1(module) {
            let mut errors = Vec::new();
            walk::module(module, &mut |part| calls::deprecated(part, &mut errors));
            state.errors.add_all_recoverable(errors);
        }
    }
}

/// Errors, or nothing.
fn none(errors: Vec<Error>) -> Result<(), Vec<Error>> {
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

impl Checked {
    /// What a variable of the checked modules is called in the text; none where the text has no such variable.
    pub fn name_in_text(&self, name: &Name) -> Option<&Name> {
        self.names.get(name)
    }

    /// Checks a query against the modules. Queries are always read as v1.
    pub fn query(&self, file: &Arc<str>, mut body: Body) -> Result<Query, Errors> {
        let names = self.query_stages(&mut body).map_err(|errors| {
            let mut list = state::ErrorList::default();
            list.add_all(errors);
            list.finish(|_| file.clone())
        })?;
        let mut found = VarSet::new();
        let skip = Skip { call_head: true, closures: true, ..Skip::default() };
        vars::in_body(&body, skip, &mut found);
        let variables = found.into_iter().filter(|name| !vars::is_root(name)).filter_map(|name| {
            let shown = names.get(&name).unwrap_or(&name).clone();
            (!vars::is_wildcard(&shown) && !vars::is_generated(&shown)).then_some((shown, name))
        });
        let variables = variables.collect();
        Ok(Query { body, variables })
    }

    /// Brings a query into canonical form; gives what its made-up names stand for.
    fn query_stages(&self, body: &mut Body) -> Result<HashMap<Name, Name>, Vec<Error>> {
        let strict = self.options.strict;
        if body.is_empty() {
            let message = "empty query cannot be compiled".to_owned();
            return Err(vec![state::error(
                crate::error::Code::Compile,
                crate::error::Span::default(),
                message,
            )]);
        }
        if strict {
            none(calls::root_overrides_in_query(body))?;
        }
        resolve::resolve_query(body);
        let mut generator = Generator::of_query(body);
        let names = locals::rewrite_query(&mut generator, body, strict)?;
        let mut state = State {
            options: &self.options,
            order: Vec::new(),
            tree: self.tree.clone(),
            generator: Generator::of_query(&Body::new()),
            rewritten: names.into_iter().collect(),
            errors: state::ErrorList::default(),
        };
        none(template::rewrite_query(&state, &self.modules, &mut generator, body))?;
        none(find_in_body(&state, body, &mut calls::void_call))?;
        if self.options.keeps_print {
            print_calls::rewrite_query(&state, &mut generator, body)?;
        } else {
            walk::body_mut(body, &mut print_calls::erase);
        }
        rewrite::expr_terms_in_body(&mut generator, body);
        rewrite::comprehension_terms_in_body(&mut generator, body);
        with::rewrite_query(&state, &mut generator, body).map_err(|error| vec![error])?;
        none(find_in_body(&state, body, &mut calls::undefined))?;
        none(safety::reorder(&state, std::iter::empty(), body, &|name| state.original(name).clone(), ""))?;
        rewrite::dynamics(&mut generator, body);
        state.generator = generator;
        none(typing::query(&state, &self.types, body))?;
        if strict {
            let mut errors = Vec::new();
            walk::body(body, &mut |part| calls::deprecated(part, &mut errors));
            none(errors)?;
        }
        Ok(std::mem::take(&mut state.rewritten))
    }
}

fn find_in_body(state: &State<'_>, body: &Body, find: &mut Find<'_>) -> Vec<Error> {
    let mut errors = Vec::new();
    walk::body(body, &mut |part| find(state, part, &mut errors));
    errors
}
