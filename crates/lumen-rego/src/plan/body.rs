//! Bodies: expressions to operations.

use lumen_value::Value;

use super::build::{Planned, Planner, comparison, index, unplanned};
use super::{By, Callee, Collection, Expression, How, Kind, Mark, Op, Operand, Place, Replacement, Slot};
use crate::ast::{Body, Every, Expr, ExprKind, Logic, Name, Node, Term, With};
use crate::depth::grow;
use crate::error::Span;
use crate::hash::{HashMap, HashSet};

/// Code of one frame in the making: which slot a variable has, and which variables have a value by now.
pub(super) struct Procedure<'p, 'c> {
    pub(super) planner: &'p mut Planner<'c>,
    names: HashMap<Name, Operand>,
    bound: HashSet<Name>,
    /// The bound variables in the order in which they were bound.
    trail: Vec<Name>,
    next_slot: u32,
    slots_max: u32,
    next_mark: u32,
    marks_max: u32,
    span: Span,
}

/// Whether a variable is a wildcard, which nothing reads.
pub(super) fn is_wildcard(name: &Name) -> bool {
    name.as_bytes().first() == Some(&b'$')
}

impl<'p, 'c> Procedure<'p, 'c> {
    /// Code whose first slots are arguments.
    pub(super) fn new(planner: &'p mut Planner<'c>, arguments: u32) -> Self {
        Self {
            planner,
            names: HashMap::default(),
            bound: HashSet::default(),
            trail: Vec::new(),
            next_slot: arguments,
            slots_max: arguments,
            next_mark: 0,
            marks_max: 0,
            span: Span::default(),
        }
    }

    /// Starts another rule of the document: its variables have nothing to do with those before.
    pub(super) fn restart(&mut self, arguments: u32) {
        self.names.clear();
        self.bound.clear();
        self.trail.clear();
        self.next_slot = arguments;
    }

    /// How many slots and marks the frame needs.
    pub(super) const fn size(&self) -> (u32, u32) {
        (self.slots_max, self.marks_max)
    }

    /// The place in the text of the operations that follow.
    pub(super) const fn at(&mut self, span: Span) {
        self.span = span;
    }

    pub(super) const fn span(&self) -> Span {
        self.span
    }

    /// Appends an operation.
    pub(super) fn op(&mut self, op: Op) -> Place {
        self.planner.op(op, self.span)
    }

    /// Makes a jump go to the next operation.
    pub(super) fn land(&mut self, place: Place) {
        self.planner.land(place);
    }

    /// A new slot.
    pub(super) fn slot(&mut self) -> Slot {
        let slot = Slot(self.next_slot);
        self.next_slot += 1;
        self.slots_max = self.slots_max.max(self.next_slot);
        slot
    }

    /// A new mark.
    pub(super) fn mark(&mut self) -> Mark {
        let mark = self.next_mark;
        self.next_mark += 1;
        self.marks_max = self.marks_max.max(self.next_mark);
        mark
    }

    /// Gives a mark back; the latest first.
    pub(super) const fn release(&mut self, mark: Mark) {
        self.next_mark = mark;
    }

    /// Where the value of a variable is, if it has one. A slot is written before it is read, and by one operation only: so a
    /// variable that is equal to another, or to a constant, needs no slot of its own.
    pub(super) fn bound_value(&self, name: &Name) -> Option<Operand> {
        if self.bound.contains(name) { self.names.get(name).copied() } else { None }
    }

    /// The slot that a variable gets its value in from now on. Nobody reads a wildcard.
    pub(super) fn bind(&mut self, name: &Name) -> Slot {
        if is_wildcard(name) {
            return self.slot();
        }
        let slot = self.slot();
        self.bind_to(name, Operand::slot(slot));
        slot
    }

    /// Gives a variable a value that is there already.
    pub(super) fn bind_to(&mut self, name: &Name, value: Operand) {
        if is_wildcard(name) {
            return;
        }
        self.names.insert(name.clone(), value);
        if self.bound.insert(name.clone()) {
            self.trail.push(name.clone());
        }
    }

    /// Runs code whose variables end with it.
    pub(super) fn scope<T>(&mut self, run: impl FnOnce(&mut Self) -> Planned<T>) -> Planned<T> {
        let height = self.trail.len();
        let result = run(self);
        for name in self.trail.drain(height.min(self.trail.len())..) {
            self.bound.remove(&name);
        }
        result
    }

    /// All expressions of a body, one after the other.
    pub(super) fn body(&mut self, body: &Body) -> Planned<()> {
        body.iter().try_for_each(|expr| self.expr(expr))
    }

    fn expr(&mut self, expr: &Expr) -> Planned<()> {
        let before = self.span;
        // What a template computes stands nowhere, and so do its errors, as in OPA.
        self.span = expr.span;
        let observed = self.observe(expr);
        let with = self.with(&expr.with)?;
        if expr.negated {
            self.negated(|inner| inner.kind(expr))?;
        } else {
            self.kind(expr)?;
        }
        if with {
            self.op(Op::EndWith);
        }
        if let Some(expression) = observed {
            self.observed(expression, expr);
        }
        self.span = before;
        Ok(())
    }

    fn observe(&mut self, expr: &Expr) -> Option<u32> {
        if !self.planner.options.observed || expr.span.row == 0 {
            return None;
        }
        let expression = self.expression(expr.span, false);
        let mut names = Vec::new();
        variables_of(expr, &mut names);
        let given = names.iter().filter_map(|name| self.bound_value(name)).collect();
        if let Some(row) = self.planner.plan.expressions.get_mut(expression as usize) {
            row.given = given;
            row.negated = expr.negated || matches!(expr.kind, ExprKind::Not { .. });
        }
        self.op(Op::Observe { expression });
        Some(expression)
    }

    fn expression(&mut self, span: Span, head: bool) -> u32 {
        self.planner.plan.expressions.push(Expression {
            span,
            head,
            variables: Vec::new(),
            given: Vec::new(),
            negated: false,
            adds: None,
        });
        index(self.planner.plan.expressions.len() - 1)
    }

    /// A rule's body holds, and adds a value to a set.
    pub(super) fn observed_head(&mut self, span: Span, adds: Option<Operand>) {
        if self.planner.options.observed && span.row > 0 {
            let expression = self.expression(span, true);
            if let Some(head) = self.planner.plan.expressions.get_mut(expression as usize) {
                head.adds = adds;
            }
            self.op(Op::Observed { expression });
        }
    }

    /// What an expression has bound is known when it was planned.
    fn observed(&mut self, expression: u32, expr: &Expr) {
        let mut names = Vec::new();
        variables_of(expr, &mut names);
        names.sort();
        names.dedup();
        let known = names.into_iter().filter_map(|name| Some((name.clone(), self.bound_value(&name)?)));
        let variables = known.collect();
        if let Some(row) = self.planner.plan.expressions.get_mut(expression as usize) {
            row.variables = variables;
        }
        self.op(Op::Observed { expression });
    }

    /// Code that holds where other code does not.
    fn negated(&mut self, inner: impl FnOnce(&mut Self) -> Planned<()>) -> Planned<()> {
        let mark = self.mark();
        let attempt = self.op(Op::Try { mark, target: 0 });
        self.scope(inner)?;
        self.op(Op::Cut { mark });
        self.op(Op::Fail);
        self.land(attempt);
        self.release(mark);
        Ok(())
    }

    /// An expression without its `not` and `with`.
    fn kind(&mut self, expr: &Expr) -> Planned<()> {
        grow(|| match &expr.kind {
            ExprKind::Term(term) => self.truthy(term),
            ExprKind::Call(terms) => self.call(terms),
            ExprKind::Some(_) => Ok(()),
            ExprKind::Every(every) => self.every(every),
            ExprKind::Not { body, .. } => self.negated(|inner| inner.body(body)),
            ExprKind::And(logic) => self.and(logic),
            ExprKind::Or(logic) => self.or(logic),
        })
    }

    /// A term that is neither undefined nor false.
    fn truthy(&mut self, term: &Term) -> Planned<()> {
        let value = self.value(term)?;
        let known = value.as_constant().ok();
        let known = known.and_then(|at| self.planner.plan.constants.get(at as usize));
        match known.map(|value| value.as_bool() == Some(false)) {
            Some(true) => self.op(Op::Fail),
            Some(false) => return Ok(()),
            None => self.op(Op::Truthy { value }),
        };
        Ok(())
    }

    fn every(&mut self, every: &Every) -> Planned<()> {
        let domain = self.value(&every.domain)?;
        self.op(Op::IsCollection { value: domain });
        let all = self.mark();
        let done = self.op(Op::Try { mark: all, target: 0 });
        self.scope(|inner| {
            let key = match &every.key {
                Some(key) => inner.entry(key),
                None => Slot::NONE,
            };
            let value = inner.entry(&every.value);
            inner.op(Op::Iterate { from: domain, key, value });
            let one = inner.mark();
            let fails = inner.op(Op::Try { mark: one, target: 0 });
            inner.body(&every.body)?;
            inner.op(Op::Cut { mark: one });
            inner.op(Op::Fail);
            inner.land(fails);
            inner.op(Op::Cut { mark: all });
            inner.op(Op::Fail);
            inner.release(one);
            Ok(())
        })?;
        self.land(done);
        self.release(all);
        Ok(())
    }

    /// The slot for a variable of `every`.
    fn entry(&mut self, term: &Term) -> Slot {
        match &term.node {
            Node::Var(name) if is_wildcard(name) => Slot::NONE,
            Node::Var(name) => self.bind(name),
            _ => Slot::NONE,
        }
    }

    fn once(&mut self, mark: Mark, body: &Body) -> Planned<()> {
        self.scope(|inner| inner.body(body))?;
        self.op(Op::Cut { mark });
        Ok(())
    }

    fn and(&mut self, logic: &Logic) -> Planned<()> {
        let mark = self.mark();
        for side in [&logic.left, &logic.right] {
            self.op(Op::Mark { mark });
            self.once(mark, side)?;
        }
        self.release(mark);
        Ok(())
    }

    fn or(&mut self, logic: &Logic) -> Planned<()> {
        let mark = self.mark();
        let right = self.op(Op::Try { mark, target: 0 });
        self.once(mark, &logic.left)?;
        let end = self.op(Op::Jump { target: 0 });
        self.land(right);
        self.op(Op::Mark { mark });
        self.once(mark, &logic.right)?;
        self.land(end);
        self.release(mark);
        Ok(())
    }

    /// Collects all solutions of a body.
    pub(super) fn comprehension(
        &mut self,
        collection: Collection,
        to: Slot,
        body: &Body,
        add: impl FnOnce(&mut Self) -> Planned<()>,
    ) -> Planned<()> {
        self.op(Op::Collect { collection });
        let mark = self.mark();
        let end = self.op(Op::Try { mark, target: 0 });
        self.scope(|inner| {
            inner.body(body)?;
            add(inner)
        })?;
        self.op(Op::Fail);
        self.land(end);
        self.release(mark);
        self.op(Op::Collected { to });
        Ok(())
    }

    /// Puts replacements into force; false where there are none.
    fn with(&mut self, modifiers: &[With]) -> Planned<bool> {
        if modifiers.is_empty() {
            return Ok(false);
        }
        let mut replacements = Vec::with_capacity(modifiers.len());
        for modifier in modifiers {
            self.replacement(modifier, &mut replacements)?;
        }
        self.planner.plan.withs.push(replacements);
        let with = index(self.planner.plan.withs.len() - 1);
        self.op(Op::With { with });
        Ok(true)
    }

    fn replacement(&mut self, modifier: &With, replacements: &mut Vec<Replacement>) -> Planned<()> {
        let target = &modifier.target;
        let terms: &[Term] = match &target.node {
            Node::Ref(terms) => terms,
            _ => std::slice::from_ref(target),
        };
        let (first, rest) = terms.split_first().ok_or_else(|| unplanned(target.span, "`with` of nothing"))?;
        let keys = rest.iter().map(|term| match &term.node {
            Node::Value(key @ Value::String(_)) => Some(key.clone()),
            _ => None,
        });
        let path: Option<Vec<Value>> = keys.collect();
        let root = match &first.node {
            Node::Var(name) => name.clone(),
            _ => return Err(unplanned(target.span, "a `with` target that is no reference")),
        };
        if root == "input" {
            let value = self.value(&modifier.value)?;
            replacements.push(path.map_or(Replacement::Invalid, |path| Replacement::Input(path, value)));
            return Ok(());
        }
        let target = self.planner.callee(target).filter(|callee| self.takes_arguments(*callee));
        let by = self.planner.callee(&modifier.value).filter(|callee| self.takes_arguments(*callee));
        match (target, by) {
            (Some(target), Some(by)) => {
                replacements.push(Replacement::Function(target, By::Callee(by)));
            }
            (Some(target), None) => {
                let value = self.value(&modifier.value)?;
                replacements.push(Replacement::Function(target, By::Value(value)));
            }
            (None, _) => {
                let value = self.value(&modifier.value)?;
                replacements.push(path.map_or(Replacement::Invalid, |path| Replacement::Data(path, value)));
            }
        }
        Ok(())
    }

    /// Whether what is called is a function, and no document that stands for its value.
    fn takes_arguments(&self, callee: Callee) -> bool {
        match callee {
            Callee::Builtin(_) => true,
            Callee::Document(at) => {
                self.planner
                    .plan
                    .documents
                    .get(at as usize)
                    .is_some_and(|document| document.kind == Kind::Function)
                    || self.planner.is_nullary(at)
            }
        }
    }

    /// A call: the operator, the arguments, and perhaps what the result is unified with.
    fn call(&mut self, terms: &[Term]) -> Planned<()> {
        let span = self.span;
        let (operator, operands) = terms.split_first().ok_or_else(|| unplanned(span, "a call of nothing"))?;
        let callee =
            self.planner.callee(operator).ok_or_else(|| unplanned(span, "a call of an unknown function"))?;
        if let Callee::Builtin(at) = callee {
            let builtin = self.planner.plan.builtins.get(at as usize).cloned();
            let builtin = builtin.ok_or_else(|| unplanned(span, "a call of an unknown built-in"))?;
            match (&*builtin.name, operands) {
                ("eq", [left, right]) => return self.unify(left, right),
                ("walk", [from, rest @ ..]) => return self.walk(from, rest.first()),
                (name, [left, right]) if comparison(name).is_some() => {
                    let comparison = comparison(name).unwrap_or(super::Comparison::Equal);
                    let (left, right) = (self.value(left)?, self.value(right)?);
                    self.builtin_test(at, comparison, left, right);
                    return Ok(());
                }
                _ => {}
            }
        }
        let arity = self.arity(callee).min(operands.len());
        let (arguments, output) = operands.split_at_checked(arity).unwrap_or((operands, &[]));
        let mut list = Vec::with_capacity(arguments.len());
        for argument in arguments {
            list.push(self.value(argument)?);
        }
        let list = self.planner.list(list);
        let emit = |inner: &mut Self, to: Slot| {
            inner.op(match callee {
                Callee::Builtin(builtin) => Op::Builtin { to, builtin, list },
                Callee::Document(document) => Op::Call { to, document, list },
            });
        };
        let void = matches!(callee, Callee::Builtin(at) if self.is_void(at));
        match output.first() {
            None if void => emit(self, Slot::NONE),
            None => {
                let to = self.slot();
                emit(self, to);
                self.op(Op::Truthy { value: Operand::slot(to) });
            }
            Some(output) => self.give_to(output, |inner, to| {
                emit(inner, to);
                Ok(())
            })?,
        }
        Ok(())
    }

    /// A comparison without a result. Where `with` may replace it, it stays a call.
    fn builtin_test(&mut self, builtin: u32, comparison: super::Comparison, left: Operand, right: Operand) {
        if self.planner.is_replaced(builtin) {
            let list = self.planner.list(vec![left, right]);
            let to = self.slot();
            self.op(Op::Builtin { to, builtin, list });
            self.op(Op::Truthy { value: Operand::slot(to) });
        } else {
            self.op(Op::Test { comparison, left, right });
        }
    }

    fn is_void(&self, builtin: u32) -> bool {
        let how = self.planner.plan.builtins.get(builtin as usize).map(|builtin| builtin.how);
        matches!(how, Some(How::Print))
    }

    fn arity(&self, callee: Callee) -> usize {
        match callee {
            Callee::Builtin(at) => {
                let name = self.planner.plan.builtins.get(at as usize).map(|builtin| builtin.name.clone());
                name.and_then(|name| self.planner.arity(&name)).unwrap_or(0)
            }
            Callee::Document(at) => {
                self.planner.plan.documents.get(at as usize).map_or(0, |document| document.arguments as usize)
            }
        }
    }

    fn walk(&mut self, from: &Term, output: Option<&Term>) -> Planned<()> {
        let from = self.value(from)?;
        let Some(output) = output else {
            self.op(Op::Walk { from, path: Slot::NONE, value: Slot::NONE });
            return Ok(());
        };
        if let Node::Array(parts) = &output.node
            && let [path, value] = parts.as_slice()
        {
            let (path_slot, value_slot) = (self.part(path), self.part(value));
            self.op(Op::Walk { from, path: path_slot, value: value_slot });
            for (slot, term) in [(path_slot, path), (value_slot, value)] {
                if slot.wanted() {
                    self.matches(Operand::slot(slot), term)?;
                }
            }
            return Ok(());
        }
        let (path, value) = (self.slot(), self.slot());
        self.op(Op::Walk { from, path, value });
        let list = self.planner.list(vec![Operand::slot(path), Operand::slot(value)]);
        self.give_to(output, |inner, to| {
            inner.op(Op::MakeArray { to, list });
            Ok(())
        })
    }

    /// A slot for a part of a result; none for a wildcard.
    fn part(&mut self, term: &Term) -> Slot {
        match &term.node {
            Node::Var(name) if is_wildcard(name) => Slot::NONE,
            _ => self.slot(),
        }
    }
}

/// Variables of an expression outside of what stands in bodies inside.
fn variables_of(expr: &Expr, names: &mut Vec<Name>) {
    match &expr.kind {
        ExprKind::Term(term) => variables_in(term, names),
        ExprKind::Call(terms) | ExprKind::Some(terms) => {
            for term in terms.iter().skip(1) {
                variables_in(term, names);
            }
        }
        ExprKind::Every(every) => variables_in(&every.domain, names),
        ExprKind::Not { .. } | ExprKind::And(_) | ExprKind::Or(_) => {}
    }
}

fn variables_in(term: &Term, names: &mut Vec<Name>) {
    grow(|| match &term.node {
        Node::Var(name) => names.push(name.clone()),
        Node::Ref(terms) | Node::Array(terms) | Node::Set(terms) => {
            for term in terms {
                variables_in(term, names);
            }
        }
        Node::Object(pairs) => pairs.iter().for_each(|(key, value)| {
            variables_in(key, names);
            variables_in(value, names);
        }),
        _ => {}
    });
}
