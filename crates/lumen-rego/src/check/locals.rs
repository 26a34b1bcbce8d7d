//! Declared variables get names that are unique in their rule: `:=`, `some`, `every`, arguments, and what hides a built-in.
//!
//! Follows `rewriteLocalVars` of OPA's compiler, with one difference: a body is walked once, not once for every body around it.

mod scope;
mod unused;

pub(super) use scope::Locals;
use scope::Seen;

use super::resolve;
use super::state::{Generator, State, call_of, error, operator, root_name, true_expr};
use super::tree::scalar;
use super::unify;
use super::vars::{self, ALL, Each, OUTPUTS, Skip, VarSet};
use super::walk::{self, PartMut};
use super::{text, walk::Part};
use crate::ast::{Body, Every, Expr, ExprKind, Head, Logic, Module, Name, Node, Rule, Term, With};
use crate::depth::grow;
use crate::error::{Code, Error, Span};

const ASSIGN_IN_NEGATED: &str = "cannot assign vars inside negated expression";
const ASSIGN_IN_AND: &str = "cannot assign vars inside implicit and operand";
const ASSIGN_IN_OR: &str = "cannot assign vars inside implicit or operand";

/// Renames one body, or what hangs on it.
struct Rewriter<'a> {
    generator: &'a mut Generator,
    locals: Locals,
    errors: Vec<Error>,
    strict: bool,
}

/// Renames the declared variables of all rules.
pub(super) fn rewrite(state: &mut State<'_>, modules: &mut [Module]) {
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        for rule in &mut module.rules {
            if !rewrite_rule(state, rule) {
                return;
            }
        }
    }
}

/// Renames the declared variables of a query: the names that were given, and what each stands for.
pub(super) fn rewrite_query(
    generator: &mut Generator,
    body: &mut Body,
    strict: bool,
) -> Result<Vec<(Name, Name)>, Vec<Error>> {
    let mut rewriter = Rewriter { generator, locals: Locals::new(), errors: Vec::new(), strict };
    rewriter.body(&VarSet::new(), body);
    let Rewriter { locals, mut errors, .. } = rewriter;
    errors.extend(locals.unused);
    if errors.is_empty() { Ok(locals.rewritten) } else { Err(errors) }
}

/// A rule with its `else` branches. False: no room for more errors.
fn rewrite_rule(state: &mut State<'_>, rule: &mut Rule) -> bool {
    let mut unused = VarSet::new();
    if state.options.strict {
        vars::in_terms(rule.head.arguments.as_deref().unwrap_or_default(), ALL, &mut unused);
    }
    let mut arguments = Locals::new();
    let mut errors = Vec::new();
    for term in rule.head.arguments.iter_mut().flatten() {
        argument(&mut state.generator, &mut arguments, term, &mut errors);
    }
    state.errors.add_all(errors);
    let span = rule.head.span;
    let mut others = std::mem::take(&mut rule.otherwise);
    let mut room = true;
    for branch in std::iter::once(&mut *rule).chain(&mut others) {
        let (locals, errors) = rewrite_branch(state, branch, &mut unused, &arguments);
        room = state.errors.add_all(errors) && state.errors.add_all_recoverable(locals.unused.clone());
        if !room {
            break;
        }
        unused.retain(|name| locals.count(name) <= 1);
    }
    rule.otherwise = others;
    if state.options.strict && room {
        for name in unused.iter().filter(|name| !vars::is_wildcard(name)) {
            let message =
                format!("unused argument {}. (hint: use _ (wildcard variable) instead)", vars::shown(name));
            room &= state.errors.add_recoverable(error(Code::Compile, span, message));
        }
    }
    room
}

/// Renames the variables of an argument.
fn argument(generator: &mut Generator, locals: &mut Locals, term: &mut Term, errors: &mut Vec<Error>) {
    match &mut term.node {
        Node::Var(name) => {
            let fresh = if let Some(known) = locals.declared(name) {
                let known = known.clone();
                locals.see(name);
                known
            } else {
                let fresh = generator.name();
                locals.insert(name, &fresh, Seen::Argument);
                fresh
            };
            *name = fresh;
        }
        Node::Object(pairs) => {
            grow(|| pairs.iter_mut().for_each(|(_, value)| argument(generator, locals, value, errors)));
        }
        Node::Ref(terms) | Node::Array(terms) => {
            grow(|| terms.iter_mut().for_each(|term| argument(generator, locals, term, errors)));
        }
        Node::Call(_) => {
            errors.push(error(Code::Compile, term.span, "rule arguments cannot contain calls".to_owned()));
        }
        _ => {}
    }
}

/// Whether a head has anything but constants.
fn has_vars(head: &Head) -> bool {
    let terms = head.arguments.iter().flatten().chain(&head.key).chain(&head.value);
    terms.chain(head.reference.iter().skip(1)).any(|term| scalar(term).is_none())
}

fn rewrite_branch(
    state: &mut State<'_>,
    rule: &mut Rule,
    unused: &mut VarSet,
    arguments: &Locals,
) -> (Locals, Vec<Error>) {
    let has_vars = has_vars(&rule.head);
    let mut used = VarSet::new();
    if has_vars {
        closures_of_head(state, &mut rule.head);
        let head = &rule.head;
        head.reference.iter().skip(1).chain(&head.key).for_each(|term| vars::in_term(term, ALL, &mut used));
        if let Some(value) = &head.value {
            let names = vars::of_term(value, ALL);
            unused.retain(|name| !names.contains(name));
            used.extend(names);
        }
    }
    let mut locals = arguments.clone();
    hide_builtins(state, rule, &mut locals);
    let strict = state.options.strict;
    let mut rewriter = Rewriter { generator: &mut state.generator, locals, errors: Vec::new(), strict };
    rewriter.body(&used, &mut rule.body);
    let Rewriter { locals, errors, .. } = rewriter;
    state.rewritten.extend(locals.rewritten.iter().cloned());
    if has_vars {
        let head = &mut rule.head;
        let terms = head.arguments.iter_mut().flatten().chain(head.reference.iter_mut().skip(1));
        for term in terms.chain(&mut head.key).chain(&mut head.value) {
            rename(&locals, term);
        }
    }
    (locals, errors)
}

/// Renames what the body declared where the head uses it.
fn rename(locals: &Locals, term: &mut Term) {
    walk::term_mut(term, &mut |part| {
        let PartMut::Term(term) = part else { return false };
        let fresh = match &term.node {
            Node::Var(name) => locals.here(name),
            // `input` that the body declared is a variable, no root.
            Node::Ref(_) => root_name(term).and_then(|name| locals.here(name).filter(|fresh| *fresh != name)),
            _ => None,
        };
        match fresh {
            Some(fresh) => {
                term.node = Node::Var(fresh.clone());
                true
            }
            None => false,
        }
    });
}

/// Comprehensions and templates of a head see nothing of the body.
fn closures_of_head(state: &mut State<'_>, head: &mut Head) {
    let strict = state.options.strict;
    let mut errors = Vec::new();
    let mut unused = Vec::new();
    let mut rewritten = Vec::new();
    let generator = &mut state.generator;
    walk::head_mut(head, &mut |part| {
        let PartMut::Term(term) = part else { return false };
        let closure = matches!(
            term.node,
            Node::ArrayComprehension(..)
                | Node::SetComprehension(..)
                | Node::ObjectComprehension(..)
                | Node::Template { .. }
        );
        if closure {
            let mut rewriter =
                Rewriter { generator, locals: Locals::new(), errors: std::mem::take(&mut errors), strict };
            if let Node::Template { parts, .. } = &mut term.node {
                for part in parts {
                    rewriter.locals.push();
                    rewriter.expr(part);
                    rewriter.locals.pop();
                }
            } else {
                rewriter.term(term);
            }
            errors = rewriter.errors;
            unused.append(&mut rewriter.locals.unused);
            rewritten.append(&mut rewriter.locals.rewritten);
        }
        closure
    });
    state.rewritten.extend(rewritten);
    state.errors.add_all(errors);
    state.errors.add_all_recoverable(unused);
}

/// A variable that a body binds and that is called as a built-in is gets a name of its own.
fn hide_builtins(state: &mut State<'_>, rule: &Rule, locals: &mut Locals) {
    let mut names = VarSet::new();
    let capabilities = &state.options.capabilities;
    let skip = Skip { call_head: true, closures: true, ..Skip::default() };
    let mut collect = Each(|name: &Name, _: Option<&Term>| {
        if name.as_str().is_some_and(|name| super::state::builtin(capabilities, name).is_some()) {
            names.insert(name.clone());
        }
    });
    vars::in_body(&rule.body, skip, &mut collect);
    if names.is_empty() {
        return;
    }
    let declared = resolve::declared(&rule.body);
    let mut mocked = VarSet::new();
    let skip = Skip { call_head: true, ..Skip::default() };
    walk::rule(rule, &mut |part| {
        if let Part::With(with) = part {
            vars::in_term(&with.target, skip, &mut mocked);
            vars::in_term(&with.value, skip, &mut mocked);
        }
        false
    });
    for name in names {
        if !declared.contains(&name) && !mocked.contains(&name) && locals.declared(&name).is_none() {
            let fresh = state.generator.name();
            locals.insert(&name, &fresh, Seen::Used);
        }
    }
}

impl Rewriter<'_> {
    fn error(&mut self, span: Span, message: String) {
        self.errors.push(error(Code::Compile, span, message));
    }

    /// Renames in a body. `used` is what the term or head above it uses.
    fn body(&mut self, used: &VarSet, body: &mut Body) {
        let before = unused::before(body);
        let mut result = Body::with_capacity(body.len());
        let span = body.first().map(|first| first.span).unwrap_or_default();
        for expr in std::mem::take(body) {
            result.extend(self.statement(expr));
        }
        if result.is_empty() {
            result.push(true_expr(span));
        }
        *body = result;
        if self.errors.is_empty() {
            unused::check(&mut self.locals, used, &before, body, self.strict);
        }
    }

    fn statement(&mut self, mut expr: Expr) -> Option<Expr> {
        grow(|| {
            if call_of(&expr, "assign").is_some() {
                self.assignment(&mut expr);
                return Some(expr);
            }
            match &mut expr.kind {
                ExprKind::Some(_) => self.some(expr),
                ExprKind::Every(_) => self.every(&mut expr).then_some(expr),
                ExprKind::Not { .. } | ExprKind::And(_) | ExprKind::Or(_) => {
                    self.logical(&mut expr);
                    Some(expr)
                }
                ExprKind::Term(_) | ExprKind::Call(_) => {
                    self.expr(&mut expr);
                    Some(expr)
                }
            }
        })
    }

    /// A new name for a variable that is declared; false where it is declared or used already.
    fn declare(&mut self, name: &Name, seen: Seen, span: Span) -> Option<Name> {
        let shown = vars::shown(name);
        let message = match self.locals.seen_here(name) {
            Some(Seen::Used) => format!("var {shown} referenced above"),
            Some(Seen::Assigned) => format!("var {shown} assigned above"),
            Some(Seen::Declared) => format!("var {shown} declared above"),
            Some(Seen::Argument) => format!("arg {shown} redeclared"),
            None => {
                let fresh = self.generator.name();
                self.locals.insert(name, &fresh, seen);
                return Some(fresh);
            }
        };
        self.error(span, message);
        None
    }

    fn every(&mut self, expr: &mut Expr) -> bool {
        let span = expr.span;
        let ExprKind::Every(every) = &mut expr.kind else { return true };
        self.term(&mut every.domain);
        self.locals.push();
        let sound = self.every_inside(every, span);
        if sound {
            self.with_of(expr);
        }
        self.locals.pop();
        sound
    }

    fn every_inside(&mut self, every: &mut Every, span: Span) -> bool {
        let key = every.key.get_or_insert_with(|| self.generator.variable(Span::default()));
        for term in [key, &mut every.value] {
            let Node::Var(name) = &term.node else { continue };
            if vars::is_wildcard(name) || vars::is_generated(name) {
                continue;
            }
            match self.declare(&name.clone(), Seen::Declared, span) {
                Some(fresh) => term.node = Node::Var(fresh),
                None => return false,
            }
        }
        self.body(&VarSet::new(), &mut every.body);
        for term in every.key.iter_mut().chain([&mut every.value, &mut every.domain]) {
            self.term(term);
        }
        true
    }

    fn with_of(&mut self, expr: &mut Expr) {
        expr.with.iter_mut().for_each(|with| self.with(with));
    }

    fn some(&mut self, mut expr: Expr) -> Option<Expr> {
        let span = expr.span;
        let ExprKind::Some(symbols) = &mut expr.kind else { return Some(expr) };
        for symbol in std::mem::take(symbols) {
            match symbol.node {
                Node::Var(name) => {
                    self.declare(&name, Seen::Declared, span)?;
                }
                Node::Call(terms) => return self.some_in(expr, terms),
                _ => {}
            }
        }
        None
    }

    /// `some key, value in domain` becomes `value = domain[key]`.
    fn some_in(&mut self, mut expr: Expr, mut terms: Vec<Term>) -> Option<Expr> {
        let span = expr.span;
        let domain = terms.pop()?;
        let value = terms.pop()?;
        let key = if terms.len() > 1 { terms.pop()? } else { self.generator.variable(domain.span) };
        let mut bound = VarSet::new();
        vars::in_term(&key, OUTPUTS, &mut bound);
        vars::in_term(&value, OUTPUTS, &mut bound);
        let outer = vars::of_term(&domain, Skip { closures: true, ..Skip::default() });
        let before = self.errors.len();
        for name in bound.iter().filter(|name| outer.contains(*name) && !vars::is_wildcard(name)) {
            self.error(span, format!("var {} assigned before", vars::shown(name)));
        }
        if self.errors.len() > before {
            return None;
        }
        let safe = vars::of_term(&domain, ALL);
        let at = domain.span;
        let reference = match domain.node {
            Node::Ref(mut terms) => {
                terms.push(key);
                terms
            }
            node => vec![Term { node, span: at }, key],
        };
        expr.kind =
            ExprKind::Call(vec![operator("eq", span), value, Term { node: Node::Ref(reference), span: at }]);
        for name in unify::of_equality(&expr, &safe) {
            self.declare(&name, Seen::Declared, span)?;
        }
        self.expr(&mut expr);
        Some(expr)
    }

    /// `not`, `and`, `or`: only what stands in braces may declare.
    fn logical(&mut self, expr: &mut Expr) {
        let before = self.errors.len();
        match &mut expr.kind {
            ExprKind::Not { body, explicit } => self.operand(body, *explicit, ASSIGN_IN_NEGATED),
            ExprKind::And(logic) => self.operands(logic, ASSIGN_IN_AND),
            ExprKind::Or(logic) => self.operands(logic, ASSIGN_IN_OR),
            _ => {}
        }
        if self.errors.len() == before {
            self.with_of(expr);
        }
    }

    fn operands(&mut self, logic: &mut Logic, message: &'static str) {
        self.operand(&mut logic.left, logic.explicit_left, message);
        self.operand(&mut logic.right, logic.explicit_right, message);
    }

    fn operand(&mut self, body: &mut Body, explicit: bool, message: &'static str) {
        grow(|| {
            if explicit {
                self.locals.push();
                self.body(&VarSet::new(), body);
                self.locals.pop();
                return;
            }
            for expr in body {
                if call_of(expr, "assign").is_some() {
                    self.error(expr.span, message.to_owned());
                } else if matches!(expr.kind, ExprKind::Not { .. } | ExprKind::And(_) | ExprKind::Or(_)) {
                    self.logical(expr);
                } else {
                    self.expr(expr);
                }
            }
        });
    }

    /// Renames in an expression that declares nothing.
    fn expr(&mut self, expr: &mut Expr) {
        walk::expr_mut(expr, &mut |part| self.part(part));
    }

    /// Renames in a term.
    fn term(&mut self, term: &mut Term) {
        walk::term_mut(term, &mut |part| self.part(part));
    }

    fn part(&mut self, part: PartMut<'_>) -> bool {
        match part {
            PartMut::Term(term) => self.one_term(term),
            PartMut::With(with) => {
                self.with(with);
                true
            }
            PartMut::Expr(_) | PartMut::Body(_) => false,
        }
    }

    /// One term; true where what is below it is done as well.
    fn one_term(&mut self, term: &mut Term) -> bool {
        if let Some(name) = root_name(term) {
            if self.locals.seen(name).is_some_and(|seen| seen != Seen::Used)
                && let Some(fresh) = self.locals.declared(name)
            {
                term.node = Node::Var(fresh.clone());
            }
            return true;
        }
        match &mut term.node {
            Node::Var(name) => {
                if let Some(fresh) = self.locals.declared(name) {
                    let fresh = fresh.clone();
                    self.locals.see(name);
                    *name = fresh;
                } else if self.locals.seen_here(name).is_none() {
                    self.locals.insert(name, &name.clone(), Seen::Used);
                }
                true
            }
            Node::Call(terms) => {
                self.shadowed_call(terms, term.span);
                false
            }
            Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
                let used = vars::of_term(head, ALL);
                self.locals.push();
                self.body(&used, body);
                self.term(head);
                self.locals.pop();
                true
            }
            Node::ObjectComprehension(head, body) => {
                let mut used = vars::of_term(&head.0, ALL);
                vars::in_term(&head.1, ALL, &mut used);
                self.locals.push();
                self.body(&used, body);
                self.term(&mut head.0);
                self.term(&mut head.1);
                self.locals.pop();
                true
            }
            _ => false,
        }
    }

    /// Functions are no values: a call of a variable is wrong wherever the variable comes from.
    fn shadowed_call(&mut self, terms: &[Term], span: Span) {
        let Some(operator) = terms.first() else { return };
        let mut count = 0;
        let locals = &self.locals;
        let mut find = Each(|name: &Name, _: Option<&Term>| {
            count += usize::from(locals.declared(name).is_some_and(|fresh| fresh != name));
        });
        vars::in_term(operator, ALL, &mut find);
        for _ in 0..count {
            self.error(span, format!("called function {} shadowed", text::term(operator)));
        }
    }

    /// `with input as ..` means the root, even where a variable hides it.
    fn with(&mut self, with: &mut With) {
        let root = match &with.target.node {
            Node::Ref(terms) => terms
                .first()
                .cloned()
                .filter(|first| matches!(&first.node, Node::Var(name) if *name == "input")),
            _ => None,
        };
        self.term(&mut with.target);
        if let Some(root) = root {
            match &mut with.target.node {
                Node::Ref(terms) => {
                    if let Some(first) = terms.first_mut() {
                        *first = root;
                    }
                }
                node => *node = Node::Ref(vec![root]),
            }
        }
        self.term(&mut with.value);
    }

    fn assignment(&mut self, expr: &mut Expr) {
        let span = expr.span;
        if expr.negated {
            self.error(span, ASSIGN_IN_NEGATED.to_owned());
            return;
        }
        let ExprKind::Call(terms) = &mut expr.kind else { return };
        let [first, left, right] = terms.as_mut_slice() else { return };
        let before = self.errors.len();
        self.term(right);
        expr.with.iter_mut().for_each(|with| self.term(&mut with.value));
        self.assign(left);
        if self.errors.len() == before {
            *first = operator("eq", first.span);
            expr.from_assignment = true;
        }
    }

    fn assign(&mut self, term: &mut Term) {
        let span = term.span;
        if let Some(name) = root_name(term).cloned() {
            if let Some(fresh) = self.declare(&name, Seen::Assigned, span) {
                term.node = Node::Var(fresh);
            }
            return;
        }
        match &mut term.node {
            Node::Var(name) => {
                if let Some(fresh) = self.declare(&name.clone(), Seen::Assigned, span) {
                    term.node = Node::Var(fresh);
                }
            }
            Node::Array(terms) => grow(|| terms.iter_mut().for_each(|term| self.assign(term))),
            Node::Object(pairs) => grow(|| pairs.iter_mut().for_each(|(_, value)| self.assign(value))),
            node => {
                let message = format!("cannot assign to {}", super::calls::kind_of(node));
                self.error(span, message);
            }
        }
    }
}
