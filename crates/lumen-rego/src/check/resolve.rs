//! Names of rules and imports become references that start at `data` or `input`.

use lumen_value::Value;

use super::state::{State, call_of, error, root_name};
use super::text;
use super::vars::{self, ALL, VarSet};
use super::walk::{self, Part};
use crate::ast::{Body, Expr, ExprKind, Import, Module, Name, Node, Ref, Rule, Term};
use crate::depth::grow;
use crate::error::Code;
use crate::hash::{HashMap, HashSet};

/// What a name stands for in a module.
struct Global {
    reference: Ref,
    used: bool,
}

/// What the names of a module stand for. An import hides a rule.
#[derive(Default)]
struct Globals<'a> {
    package: Ref,
    /// Names of all rules of the package, in whichever module.
    rules: Option<&'a HashSet<Name>>,
    imports: HashMap<Name, Global>,
}

/// Names that are variables here, whatever rules and imports there are.
#[derive(Default)]
struct Scopes {
    counts: HashMap<Name, usize>,
    frames: Vec<VarSet>,
}

impl Scopes {
    fn push(&mut self, names: VarSet) {
        for name in &names {
            *self.counts.entry(name.clone()).or_default() += 1;
        }
        self.frames.push(names);
    }

    fn pop(&mut self) {
        for name in self.frames.pop().unwrap_or_default() {
            if let Some(count) = self.counts.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&name);
                }
            }
        }
    }

    fn has(&self, name: &Name) -> bool {
        self.counts.contains_key(name)
    }
}

/// Imports that are switches of the language, not names.
fn is_switch(import: &Import) -> bool {
    let Node::Ref(path) = &import.path.node else { return false };
    matches!(path.first().map(|first| &first.node), Some(Node::Var(name)) if *name == "future" || *name == "rego")
}

/// The name that an import gives.
pub(super) fn import_name(import: &Import) -> Option<Name> {
    if let Some(alias) = &import.alias {
        return Some(alias.clone());
    }
    match &import.path.node {
        Node::Var(name) => Some(name.clone()),
        Node::Ref(path) => match path.last().map(|last| &last.node) {
            Some(Node::Var(name) | Node::Value(Value::String(name))) => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// An import as its line reads.
pub(super) fn import_text(import: &Import) -> String {
    let mut line = format!("import {}", text::term(&import.path));
    if let Some(alias) = &import.alias {
        line.push_str(" as ");
        line.push_str(&alias.to_text());
    }
    line
}

/// Resolves all names of all modules, and finds imports that nothing uses.
pub(super) fn resolve(state: &mut State<'_>, modules: &mut [Module]) {
    let mut exports: HashMap<String, HashSet<Name>> = HashMap::default();
    for module in modules.iter() {
        let names = exports.entry(text::reference(&module.package)).or_default();
        names.extend(module.rules.iter().filter_map(|rule| {
            match rule.head.reference.first().map(|first| &first.node) {
                Some(Node::Var(name)) => Some(name.clone()),
                _ => None,
            }
        }));
    }
    let mut unused = Vec::new();
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let mut globals = globals(module, exports.get(&text::reference(&module.package)));
        for rule in &mut module.rules {
            globals.in_rule(state, rule);
        }
        if state.options.strict {
            unused.extend(module.imports.iter().filter(|import| !is_switch(import)).filter_map(|import| {
                let global = globals.imports.get(&import_name(import)?)?;
                (!global.used)
                    .then(|| error(Code::Compile, import.span, format!("{} unused", import_text(import))))
            }));
        }
    }
    if !state.errors.stopped() {
        state.errors.add_all_recoverable(unused);
    }
}

/// Resolves a query: its declared variables hide the roots' names.
pub(super) fn resolve_query(body: &mut Body) {
    let mut globals = Globals::default();
    let mut scopes = Scopes::default();
    scopes.push(declared(body));
    globals.in_body(&mut scopes, body);
}

fn globals<'a>(module: &Module, rules: Option<&'a HashSet<Name>>) -> Globals<'a> {
    let mut globals = Globals { package: module.package.clone(), rules, imports: HashMap::default() };
    for import in module.imports.iter().filter(|import| !is_switch(import)) {
        if let (Some(name), Node::Ref(reference)) = (import_name(import), &import.path.node) {
            globals.imports.insert(name, Global { reference: reference.clone(), used: false });
        }
    }
    globals
}

/// Variables that a body declares with `:=` and `some`, not those of comprehensions in it.
pub(super) fn declared(body: &Body) -> VarSet {
    let mut names = VarSet::new();
    walk::body(body, &mut |part| declares(part, &mut names));
    names
}

/// Variables that one expression declares.
pub(super) fn declared_in(expr: &Expr) -> VarSet {
    let mut names = VarSet::new();
    walk::expr(expr, &mut |part| declares(part, &mut names));
    names
}

fn declares(part: Part<'_>, names: &mut VarSet) -> bool {
    match part {
        Part::Term(term) => matches!(
            term.node,
            Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..)
        ),
        Part::Expr(expr) => {
            if let Some([left, _]) = call_of(expr, "assign") {
                vars::in_term(left, ALL, names);
            } else if let ExprKind::Some(symbols) = &expr.kind {
                for symbol in symbols {
                    match &symbol.node {
                        Node::Call(terms) => {
                            let count = terms.len().saturating_sub(2);
                            vars::in_terms(terms.get(1..=count).unwrap_or_default(), ALL, names);
                        }
                        Node::Var(_) => vars::in_term(symbol, ALL, names),
                        _ => {}
                    }
                }
            }
            false
        }
        Part::With(_) => false,
    }
}

/// The variables of a function's arguments that a call can bind, or the root that an argument must not hide.
fn argument_names(rule: &Rule) -> Result<VarSet, Name> {
    fn collect(term: &Term, names: &mut VarSet) -> Result<(), Name> {
        if let Some(root) = root_name(term) {
            return Err(root.clone());
        }
        match &term.node {
            Node::Var(name) => {
                names.insert(name.clone());
                Ok(())
            }
            Node::Array(terms) | Node::Ref(terms) => {
                grow(|| terms.iter().try_for_each(|term| collect(term, names)))
            }
            Node::Object(pairs) => grow(|| pairs.iter().try_for_each(|(_, value)| collect(value, names))),
            _ => Ok(()),
        }
    }
    let mut names = VarSet::new();
    rule.head.arguments.iter().flatten().try_for_each(|term| collect(term, &mut names))?;
    Ok(names)
}

impl Globals<'_> {
    fn in_rule(&mut self, state: &mut State<'_>, rule: &mut Rule) {
        let mut branches = std::mem::take(&mut rule.otherwise);
        for branch in std::iter::once(&mut *rule).chain(&mut branches) {
            let names = match argument_names(branch) {
                Ok(names) => names,
                Err(root) => {
                    let message = format!(
                        "args must not shadow {} (use a different variable name)",
                        vars::shown(&root)
                    );
                    state.errors.add(error(Code::Compile, branch.span, message));
                    continue;
                }
            };
            let mut scopes = Scopes::default();
            scopes.push(names);
            scopes.push(declared(&branch.body));
            for term in branch
                .head
                .reference
                .iter_mut()
                .skip(1)
                .chain(&mut branch.head.key)
                .chain(&mut branch.head.value)
            {
                self.in_term(&mut scopes, term);
            }
            self.in_body(&mut scopes, &mut branch.body);
        }
        rule.otherwise = branches;
    }

    fn in_body(&mut self, scopes: &mut Scopes, body: &mut Body) {
        for expr in body {
            self.in_expr(scopes, expr);
        }
    }

    fn in_expr(&mut self, scopes: &mut Scopes, expr: &mut Expr) {
        grow(|| match &mut expr.kind {
            ExprKind::Term(term) => self.in_term(scopes, term),
            ExprKind::Call(terms) => terms.iter_mut().for_each(|term| self.in_term(scopes, term)),
            ExprKind::Some(symbols) => {
                if let Some(Term { node: Node::Call(terms), .. }) = symbols.first_mut() {
                    for term in terms {
                        self.in_term(scopes, term);
                    }
                }
            }
            ExprKind::Every(every) => {
                let mut names = VarSet::new();
                every.key.iter().chain([&every.value]).for_each(|term| vars::in_term(term, ALL, &mut names));
                scopes.push(names);
                self.in_term(scopes, &mut every.domain);
                self.in_body(scopes, &mut every.body);
                scopes.pop();
            }
            ExprKind::Not { body, .. } => self.in_body(scopes, body),
            ExprKind::And(logic) | ExprKind::Or(logic) => {
                self.in_body(scopes, &mut logic.left);
                self.in_body(scopes, &mut logic.right);
            }
        });
        for with in &mut expr.with {
            self.in_term(scopes, &mut with.target);
            self.in_term(scopes, &mut with.value);
        }
    }

    /// What a variable stands for, at a place.
    fn meaning(&mut self, scopes: &Scopes, term: &Term) -> Option<Ref> {
        let Node::Var(name) = &term.node else { return None };
        if scopes.has(name) {
            return None;
        }
        let mut reference = if let Some(global) = self.imports.get_mut(name) {
            global.used = true;
            global.reference.clone()
        } else {
            self.rules?.get(name)?;
            let mut reference = self.package.clone();
            reference.push(Term { node: Node::Value(Value::String(name.clone())), span: term.span });
            reference
        };
        for part in &mut reference {
            part.span = term.span;
        }
        Some(reference)
    }

    fn in_term(&mut self, scopes: &mut Scopes, term: &mut Term) {
        if let Some(reference) = self.meaning(scopes, term) {
            term.node = Node::Ref(reference);
            return;
        }
        grow(|| match &mut term.node {
            Node::Value(_) | Node::Var(_) => {}
            Node::Ref(terms) => self.in_ref(scopes, terms),
            Node::Array(terms) | Node::Set(terms) | Node::Call(terms) => {
                for term in terms {
                    self.in_term(scopes, term);
                }
            }
            Node::Object(pairs) => pairs.iter_mut().for_each(|(key, value)| {
                self.in_term(scopes, key);
                self.in_term(scopes, value);
            }),
            Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
                scopes.push(declared(body));
                self.in_term(scopes, head);
                self.in_body(scopes, body);
                scopes.pop();
            }
            Node::ObjectComprehension(head, body) => {
                scopes.push(declared(body));
                self.in_term(scopes, &mut head.0);
                self.in_term(scopes, &mut head.1);
                self.in_body(scopes, body);
                scopes.pop();
            }
            Node::Template { parts, .. } => parts.iter_mut().for_each(|part| self.in_expr(scopes, part)),
        });
    }

    fn in_ref(&mut self, scopes: &mut Scopes, terms: &mut Ref) {
        let head = terms.first().and_then(|first| self.meaning(scopes, first));
        for (index, term) in terms.iter_mut().enumerate() {
            if index > 0 || !matches!(term.node, Node::Var(_)) {
                self.in_term(scopes, term);
            }
        }
        if let Some(head) = head {
            terms.splice(0..1, head);
        }
    }
}
