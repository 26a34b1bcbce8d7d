//! What the stages share: the errors so far, names that are made up, what is called how, and the tree of rules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_value::Value;

use super::CheckOptions;
use super::tree::Tree;
use super::vars::{self, Each};
use crate::ast::{Body, Expr, ExprKind, Module, Name, Node, Term, Version};
use crate::builtin::{Capabilities, OUTSIDE, Signature, signature};
use crate::error::{Code, Error, Errors, Span};
use crate::hash::{HashMap, HashSet};

/// How many errors are collected before the checks stop, as in OPA.
const ERRORS_MAX: usize = 10;

/// Errors of a run of stages.
#[derive(Default)]
pub(super) struct ErrorList {
    found: Vec<Error>,
    stop: bool,
    full: bool,
}

impl ErrorList {
    /// Records an error that ends the checks after this stage. False: there is no room for more.
    pub(super) fn add(&mut self, error: Error) -> bool {
        self.record(error, false)
    }

    /// Records an error that lets the other stages run.
    pub(super) fn add_recoverable(&mut self, error: Error) -> bool {
        self.record(error, true)
    }

    /// Records several; false as soon as there is no room.
    pub(super) fn add_all(&mut self, errors: Vec<Error>) -> bool {
        errors.into_iter().all(|error| self.add(error))
    }

    /// Records several that let the other stages run; false as soon as there is no room.
    pub(super) fn add_all_recoverable(&mut self, errors: Vec<Error>) -> bool {
        errors.into_iter().all(|error| self.add_recoverable(error))
    }

    fn record(&mut self, error: Error, recoverable: bool) -> bool {
        if self.full {
            return false;
        }
        self.found.push(error);
        self.full = self.found.len() >= ERRORS_MAX;
        self.stop |= !recoverable || self.full;
        !self.full
    }

    /// Whether the next stage must not run.
    pub(super) const fn stopped(&self) -> bool {
        self.stop
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them with their files, sorted by place, the mark that there may be more at the end.
    pub(super) fn finish(mut self, file: impl Fn(Span) -> Arc<str>) -> Errors {
        for error in self.found.iter_mut().filter(|error| error.span.row > 0) {
            error.file = file(error.span);
        }
        // As OPA: by file, place and text; those without a place last.
        self.found.sort_by_cached_key(|error| {
            let span = error.span;
            let text = (error.code.as_str(), error.message.clone());
            (span.row == 0, error.file.clone(), span.row, span.column, text)
        });
        if self.full {
            self.found.push(error(Code::Compile, Span::default(), "error limit reached".to_owned()));
        }
        Errors(self.found)
    }
}

/// An error whose file is filled in at the end.
pub(super) fn error(code: Code, span: Span, message: String) -> Error {
    Error { code, span, file: Arc::from(""), message, hint: None }
}

/// Makes names of variables that no text has.
pub(super) struct Generator {
    prefix: &'static str,
    taken: HashSet<Name>,
    next: usize,
    /// What generated variables stand for, for messages about references that start at one.
    pub subjects: BTreeMap<Name, Term>,
}

/// How many parts a term may have to be kept for messages.
const SUBJECT_PARTS_MAX: usize = 256;

impl Generator {
    /// For modules.
    pub(super) fn of_modules(modules: &[Module]) -> Self {
        let mut taken = HashSet::default();
        let mut found = Each(|name: &Name, _: Option<&Term>| {
            if vars::is_generated(name) {
                taken.insert(name.clone());
            }
        });
        modules.iter().flat_map(|module| &module.rules).for_each(|rule| vars::in_rule(rule, &mut found));
        Self { prefix: "__local", taken, next: 0, subjects: BTreeMap::new() }
    }

    /// For a query.
    pub(super) fn of_query(body: &Body) -> Self {
        let mut taken = HashSet::default();
        let mut found = Each(|name: &Name, _: Option<&Term>| {
            if vars::is_generated(name) {
                taken.insert(name.clone());
            }
        });
        vars::in_body(body, vars::ALL, &mut found);
        Self { prefix: "__localq", taken, next: 0, subjects: BTreeMap::new() }
    }

    /// A new name.
    pub(super) fn name(&mut self) -> Name {
        loop {
            let name = Name::from(format!("{}{}__", self.prefix, self.next));
            self.next += 1;
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }

    /// A new variable.
    pub(super) fn variable(&mut self, span: Span) -> Term {
        Term { node: Node::Var(self.name()), span }
    }

    /// Puts a new variable in the place of a term; gives `variable = term`.
    pub(super) fn take(&mut self, term: &mut Term) -> Expr {
        let span = term.span;
        let variable = self.variable(span);
        let value = std::mem::replace(term, variable.clone());
        let mut expr = equality(variable, value, span);
        expr.generated = true;
        expr
    }

    /// Remembers what a variable stands for.
    pub(super) fn stands_for(&mut self, variable: &Term, term: &Term) {
        let Node::Var(name) = &variable.node else { return };
        let mut parts = 0;
        super::walk::term(term, &mut |_| {
            parts += 1;
            parts > SUBJECT_PARTS_MAX
        });
        if parts <= SUBJECT_PARTS_MAX {
            self.subjects.insert(name.clone(), term.clone());
        }
    }
}

/// A term that names a built-in without dots.
pub(super) fn operator(name: &str, span: Span) -> Term {
    Term { node: Node::Ref(vec![Term { node: Node::Var(Name::from(name)), span }]), span }
}

/// `left = right`.
pub(super) fn equality(left: Term, right: Term, span: Span) -> Expr {
    expr(ExprKind::Call(vec![operator("eq", span), left, right]), span)
}

/// An expression with nothing special about it.
pub(super) const fn expr(kind: ExprKind, span: Span) -> Expr {
    Expr { kind, negated: false, with: Vec::new(), generated: false, from_assignment: false, span }
}

/// The one expression of a body that says nothing.
pub(super) fn true_expr(span: Span) -> Expr {
    expr(ExprKind::Term(Term { node: Node::Value(Value::Bool(true)), span }), span)
}

/// Whether a body says nothing: `true` alone.
pub(super) fn says_nothing(body: &Body) -> bool {
    matches!(
        body.as_slice(),
        [Expr { kind: ExprKind::Term(Term { node: Node::Value(Value::Bool(true)), .. }), .. }]
    )
}

/// Appends to a body; a body that says nothing gives way.
pub(super) fn append(body: &mut Body, more: Vec<Expr>) {
    if !more.is_empty() && says_nothing(body) {
        body.clear();
    }
    body.extend(more);
}

/// Whether an expression is a call of a built-in without dots, and of which arguments.
pub(super) fn call_of<'a>(expr: &'a Expr, name: &str) -> Option<&'a [Term]> {
    let ExprKind::Call(terms) = &expr.kind else { return None };
    let (operator, arguments) = terms.split_first()?;
    is_name(operator, name).then_some(arguments)
}

/// Whether a term is a reference of one variable of this name.
pub(super) fn is_name(term: &Term, name: &str) -> bool {
    matches!(&term.node, Node::Ref(terms) if matches!(terms.as_slice(), [Term { node: Node::Var(found), .. }] if *found == name))
}

/// `eq` with two operands.
pub(super) fn equality_of(expr: &Expr) -> Option<(&Term, &Term)> {
    match call_of(expr, "eq")? {
        [left, right] => Some((left, right)),
        _ => None,
    }
}

/// `input` or `data`, nothing more.
pub(super) fn root_name(term: &Term) -> Option<&Name> {
    match &term.node {
        Node::Ref(terms) => match terms.as_slice() {
            [Term { node: Node::Var(name), .. }] if vars::is_root(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a reference starts at `data`.
pub(super) fn starts_at_data(terms: &[Term]) -> bool {
    matches!(terms.first().map(|first| &first.node), Some(Node::Var(name)) if *name == "data")
}

/// Room for the names of nearly all built-ins.
const DOTTED_BYTES: usize = 32;

/// A dotted name, where a reference is one.
pub(crate) fn dotted(terms: &[Term]) -> Option<Cow<'_, str>> {
    if let [Term { node: Node::Var(name), .. }] = terms {
        return name.as_str().map(Cow::Borrowed);
    }
    let mut name = String::with_capacity(DOTTED_BYTES);
    for (index, term) in terms.iter().enumerate() {
        match (index, &term.node) {
            (0, Node::Var(first)) => name.push_str(first.as_str()?),
            (1.., Node::Value(Value::String(key))) => {
                name.push('.');
                name.push_str(key.as_str()?);
            }
            _ => return None,
        }
    }
    Some(Cow::Owned(name))
}

/// Whether a module is held to the rules of v1.
pub(super) fn is_v1(module: &Module) -> bool {
    !matches!(module.version, Version::V0)
}

/// A built-in, or a function of the host.
#[derive(Clone, Copy)]
pub(super) enum Builtin {
    /// One of the table.
    Known(&'static Signature),
    /// One of the host, with as many operands.
    Host(usize),
}

impl Builtin {
    /// How many operands it has. Built-ins with any number of operands are never called by a text.
    pub(super) const fn arity(self) -> usize {
        match self {
            Self::Known(signature) => signature.arguments.len(),
            Self::Host(arity) => arity,
        }
    }

    /// Whether it may have several results.
    pub(super) const fn relation(self) -> bool {
        match self {
            Self::Known(signature) => signature.relation,
            Self::Host(_) => false,
        }
    }

    /// Whether it has no result.
    pub(super) const fn void(self) -> bool {
        match self {
            Self::Known(signature) => signature.result.is_none(),
            Self::Host(_) => false,
        }
    }
}

/// A built-in that may be called.
pub(super) fn builtin(capabilities: &Capabilities, name: &str) -> Option<Builtin> {
    if let Some(arity) = capabilities.host.get(name) {
        return Some(Builtin::Host(*arity));
    }
    let known = signature(name)?;
    if is_off(capabilities, known.name) { None } else { Some(Builtin::Known(known)) }
}

/// Whether a built-in of the table is switched off.
pub(super) fn is_off(capabilities: &Capabilities, name: &str) -> bool {
    capabilities.refused.contains(name) || (OUTSIDE.contains(&name) && !capabilities.allowed.contains(name))
}

/// What the stages share.
pub(super) struct State<'a> {
    /// Options.
    pub options: &'a CheckOptions,
    /// The modules by name.
    pub order: Vec<usize>,
    /// Rules by path, once there is one.
    pub tree: Arc<Tree>,
    /// Made-up names.
    pub generator: Generator,
    /// What made-up names stand for in the text.
    pub rewritten: HashMap<Name, Name>,
    /// What was found.
    pub errors: ErrorList,
}

impl State<'_> {
    /// A built-in that may be called.
    pub(super) fn builtin(&self, name: &str) -> Option<Builtin> {
        builtin(&self.options.capabilities, name)
    }

    /// The built-in that a reference names.
    pub(super) fn builtin_of(&self, terms: &[Term]) -> Option<Builtin> {
        match terms {
            [Term { node: Node::Var(name), .. }] => self.builtin(name.as_str()?),
            [Term { node: Node::Var(first), .. }, ..] if *first == "data" || *first == "input" => None,
            _ => self.builtin(&dotted(terms)?),
        }
    }

    /// How many operands what a reference names has; none where it names no function and no rule.
    pub(super) fn arity(&self, operator: &Term) -> Option<usize> {
        let Node::Ref(terms) = &operator.node else { return None };
        if let Some(builtin) = self.builtin_of(terms) {
            return Some(builtin.arity());
        }
        let node = self.tree.node(self.tree.find_ref(terms)?);
        node.is_rule().then(|| node.arity.unwrap_or(0))
    }

    /// What a variable is called in the text.
    pub(super) fn original<'n>(&'n self, name: &'n Name) -> &'n Name {
        self.rewritten.get(name).unwrap_or(name)
    }

    /// A term as the text has it: made-up variables under the names that they stand for.
    pub(super) fn restored(&self, term: &Term) -> Term {
        let mut term = term.clone();
        super::walk::term_mut(&mut term, &mut |part| {
            if let super::walk::PartMut::Term(Term { node: Node::Var(name), .. }) = part
                && let Some(original) = self.rewritten.get(name)
            {
                *name = original.clone();
            }
            false
        });
        term
    }
}
