//! Safety: every variable has a value before it is used, bodies reordered where that helps.
//!
//! OPA goes over a body again and again and takes what is safe by then (`reorderBodyForSafety`). The order that comes of it
//! is kept here, but an expression is only tried again once a variable that it waits for has a value.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::state::{State, call_of, equality_of, error};
use super::unify::{self, Known};
use super::vars::{self, ALL, Each, Found, OUTPUTS, SAFETY, Skip, VarSet};
use super::walk::{self, Part, PartMut};
use crate::ast::{Body, Expr, ExprKind, Head, Module, Name, Node, Ref, Rule, Term};
use crate::depth::grow;
use crate::error::{Code, Error, Span};
use crate::hash::{HashMap, HashSet};

/// An expression that cannot be made safe, and the variables that have no value in it.
struct Unsafe {
    span: Span,
    assigned: VarSet,
    vars: VarSet,
}

/// What has a value around a body, with what was added last on top.
#[derive(Default)]
struct Globals {
    names: HashSet<Name>,
    added: Vec<Name>,
}

impl Globals {
    fn add(&mut self, name: &Name) {
        if self.names.insert(name.clone()) {
            self.added.push(name.clone());
        }
    }

    fn back_to(&mut self, length: usize) {
        while self.added.len() > length {
            if let Some(name) = self.added.pop() {
                self.names.remove(&name);
            }
        }
    }
}

impl Known for Globals {
    fn has(&self, name: &Name) -> bool {
        self.names.contains(name)
    }
}

/// Variables as the safety of a body counts them: those of bodies without braces are counted where nothing in the body
/// binds them.
struct Counted<'a, 's> {
    state: &'a State<'s>,
    vars: &'a mut VarSet,
}

impl Found for Counted<'_, '_> {
    fn var(&mut self, name: &Name, _term: Option<&Term>) {
        if !self.vars.contains(name) {
            self.vars.insert(name.clone());
        }
    }

    fn implicit(&mut self, body: &Body) {
        open_in_implicit(self.state, body, self.vars);
    }
}

fn counted(state: &State<'_>, expr: &Expr) -> VarSet {
    let mut found = VarSet::new();
    vars::in_expr(expr, SAFETY, &mut Counted { state, vars: &mut found });
    found
}

/// Adds the variables of a body without braces that nothing else in the body could both bind and use.
fn open_in_implicit(state: &State<'_>, body: &Body, open: &mut VarSet) {
    let mut occurrences: BTreeMap<Name, usize> = BTreeMap::new();
    for expr in body {
        let mut names = VarSet::new();
        vars::in_expr(expr, SAFETY, &mut names);
        for name in names {
            *occurrences.entry(name).or_default() += 1;
        }
    }
    if body.len() == 1 {
        open.extend(occurrences.into_keys());
        return;
    }
    let bound = bound_in_implicit(state, body, &occurrences);
    open.extend(
        occurrences
            .into_iter()
            .filter(|(name, count)| *count == 1 || !bound.contains(name))
            .map(|(name, _)| name),
    );
}

fn bound_in_implicit(state: &State<'_>, body: &Body, occurrences: &BTreeMap<Name, usize>) -> VarSet {
    let mut safe: VarSet = occurrences.keys().cloned().collect();
    safe.extend([Name::from("data"), Name::from("input")]);
    for expr in body {
        for term in equality_of(expr).into_iter().flat_map(|(left, right)| [left, right]) {
            if let Node::Var(name) = &term.node {
                safe.remove(name);
            }
        }
    }
    let mut bound = VarSet::new();
    let mut changed = true;
    while changed {
        changed = false;
        for expr in body.iter().filter(|expr| equality_of(expr).is_some()) {
            for name in unify::of_equality(expr, &safe) {
                if bound.insert(name.clone()) {
                    safe.insert(name);
                    changed = true;
                }
            }
        }
    }
    for expr in body {
        let ExprKind::Call(terms) = &expr.kind else { continue };
        if call_of(expr, "eq").is_some() {
            continue;
        }
        let Some(arity) = terms.first().and_then(|operator| state.arity(operator)) else { continue };
        let skip = Skip { sets: true, ..OUTPUTS };
        vars::in_terms(terms.get(arity + 1..).unwrap_or_default(), skip, &mut bound);
    }
    bound
}

/// Variables in the closures of an expression that the body around it has to bind.
fn closed_over(expr: &Expr, names: &HashSet<&Name>, globals: &Globals) -> VarSet {
    let mut found = VarSet::new();
    let mut filter = Each(|name: &Name, _: Option<&Term>| {
        if names.contains(name) && !globals.has(name) {
            found.insert(name.clone());
        }
    });
    walk::expr(expr, &mut |part| closure_vars(part, &mut filter));
    found
}

fn closure_vars(part: Part<'_>, found: &mut dyn Found) -> bool {
    match part {
        Part::Term(term) => match &term.node {
            Node::ArrayComprehension(..) | Node::SetComprehension(..) | Node::ObjectComprehension(..) => {
                vars::in_term(term, ALL, found);
                true
            }
            _ => false,
        },
        Part::Expr(expr) => match &expr.kind {
            ExprKind::Every(every) => {
                vars::in_body(&every.body, ALL, found);
                true
            }
            ExprKind::Not { body, .. } => {
                vars::in_body(body, ALL, found);
                true
            }
            ExprKind::And(logic) | ExprKind::Or(logic) => {
                vars::in_body(&logic.left, ALL, found);
                vars::in_body(&logic.right, ALL, found);
                true
            }
            _ => false,
        },
        Part::With(_) => false,
    }
}

/// One expression on its way into the reordered body.
struct Pending {
    expr: Expr,
    open: VarSet,
    /// Variables of closures that the body itself has to bind.
    closed_over: VarSet,
    done: bool,
}

/// Reorders a body.
struct Order<'a, 's> {
    state: &'a State<'s>,
    pending: Vec<Pending>,
    waiting: HashMap<Name, Vec<usize>>,
    safe: HashSet<Name>,
    reordered: Vec<usize>,
}

impl<'a, 's> Order<'a, 's> {
    fn new(state: &'a State<'s>, globals: &Globals, body: Body) -> Self {
        let counts: Vec<VarSet> = body.iter().map(|expr| counted(state, expr)).collect();
        let names: HashSet<&Name> = counts.iter().flatten().collect();
        let safe: HashSet<Name> =
            names.iter().filter(|name| globals.has(name)).map(|name| (*name).clone()).collect();
        let closures: Vec<VarSet> = body.iter().map(|expr| closed_over(expr, &names, globals)).collect();
        let mut waiting: HashMap<Name, Vec<usize>> = HashMap::default();
        let mut pending = Vec::with_capacity(body.len());
        for (index, ((expr, count), closed_over)) in body.into_iter().zip(&counts).zip(closures).enumerate() {
            let open: VarSet = count.iter().filter(|name| !safe.contains(*name)).cloned().collect();
            for name in open.iter().chain(closed_over.difference(&open)) {
                waiting.entry(name.clone()).or_default().push(index);
            }
            pending.push(Pending { expr, open, closed_over, done: false });
        }
        Self { state, pending, waiting, safe, reordered: Vec::new() }
    }

    /// Takes expressions as they become safe: pass by pass, in each in the order of the text.
    fn run(&mut self) {
        let mut queue: BinaryHeap<Reverse<(usize, usize)>> =
            (0..self.pending.len()).map(|index| Reverse((0, index))).collect();
        let mut queued: Vec<Option<usize>> = vec![Some(0); self.pending.len()];
        while let Some(Reverse((pass, index))) = queue.pop() {
            if queued.get(index).copied().flatten() != Some(pass) {
                continue;
            }
            if let Some(slot) = queued.get_mut(index) {
                *slot = None;
            }
            for name in self.attempt(index) {
                for other in self.waiting.remove(&name).unwrap_or_default() {
                    let next = if other > index { pass } else { pass + 1 };
                    let open = self.pending.get(other).is_some_and(|pending| !pending.done);
                    let Some(slot) = queued.get_mut(other).filter(|_| open) else { continue };
                    if slot.is_none_or(|current| next < current) {
                        *slot = Some(next);
                        queue.push(Reverse((next, other)));
                    }
                }
            }
        }
    }

    /// Tries one expression; gives the variables that have values through it.
    fn attempt(&mut self, index: usize) -> VarSet {
        let Some(pending) = self.pending.get_mut(index) else { return VarSet::new() };
        let outputs = unify::of_expr(self.state, &pending.expr, &self.safe);
        if !pending.closed_over.is_empty() {
            if pending.closed_over == outputs {
                return VarSet::new();
            }
            pending.open.clone_from(&pending.closed_over);
        }
        let safe = &self.safe;
        pending.open.retain(|name| !outputs.contains(name) && !safe.contains(name));
        if !pending.open.is_empty() {
            return VarSet::new();
        }
        pending.done = true;
        self.reordered.push(index);
        self.safe.extend(outputs.iter().cloned());
        outputs
    }
}

/// Safety of one body, and of all bodies in it.
struct Safety<'a, 's> {
    state: &'a State<'s>,
    globals: Globals,
}

impl Safety<'_, '_> {
    /// Reorders a body; what could not be made safe, if anything.
    fn body(&mut self, body: &mut Body) -> Vec<Unsafe> {
        let mut order = Order::new(self.state, &self.globals, std::mem::take(body));
        order.run();
        let Order { pending, reordered, .. } = order;
        let mut found = Vec::new();
        let mut slots: Vec<Option<Pending>> = pending.into_iter().map(Some).collect();
        let mut result: Body = Body::with_capacity(slots.len());
        for index in reordered {
            result.extend(slots.get_mut(index).and_then(Option::take).map(|pending| pending.expr));
        }
        // What is left has no safe place: it is kept for messages, at the end.
        let left: Vec<Pending> = slots.into_iter().flatten().collect();
        for pending in &left {
            found.push(Unsafe::new(&pending.expr, pending.open.clone()));
        }
        let before = self.globals.added.len();
        self.closures(&mut result, &mut found);
        self.globals.back_to(before);
        result.extend(left.into_iter().map(|pending| pending.expr));
        *body = result;
        found.retain(|entry| !entry.vars.is_empty());
        found
    }

    /// Goes into the closures of a body that is in order: each may use what stands before it.
    fn closures(&mut self, body: &mut Body, found: &mut Vec<Unsafe>) {
        for expr in body {
            let open = self.expr(expr, found);
            if !open.is_empty() {
                found.push(Unsafe::new(expr, open));
            }
            for name in counted(self.state, expr) {
                self.globals.add(&name);
            }
        }
    }

    /// The closures of one expression; variables that what a comprehension collects has and its body has not.
    fn expr(&mut self, expr: &mut Expr, found: &mut Vec<Unsafe>) -> VarSet {
        let mut open = VarSet::new();
        walk::expr_mut(expr, &mut |part| match part {
            PartMut::Term(term) => self.term(term, &mut open, found),
            PartMut::Expr(expr) => self.closure(expr, found),
            PartMut::Body(_) | PartMut::With(_) => false,
        });
        open
    }

    fn term(&mut self, term: &mut Term, open: &mut VarSet, found: &mut Vec<Unsafe>) -> bool {
        let (names, body) = match &mut term.node {
            Node::ArrayComprehension(head, body) | Node::SetComprehension(head, body) => {
                (vars::of_term(head, ALL), body)
            }
            Node::ObjectComprehension(head, body) => {
                let mut names = vars::of_term(&head.0, ALL);
                vars::in_term(&head.1, ALL, &mut names);
                (names, body)
            }
            _ => return false,
        };
        let mut inside = VarSet::new();
        vars::in_body(body, SAFETY, &mut Counted { state: self.state, vars: &mut inside });
        open.extend(names.into_iter().filter(|name| !inside.contains(name) && !self.globals.has(name)));
        grow(|| found.extend(self.body(body)));
        true
    }

    fn closure(&mut self, expr: &mut Expr, found: &mut Vec<Unsafe>) -> bool {
        match &mut expr.kind {
            ExprKind::Every(every) => {
                let mut names = VarSet::new();
                every.key.iter().chain([&every.value]).for_each(|term| vars::in_term(term, ALL, &mut names));
                for name in names {
                    self.globals.add(&name);
                }
                grow(|| found.extend(self.body(&mut every.body)));
                true
            }
            ExprKind::Not { body, .. } => {
                grow(|| found.extend(self.body(body)));
                true
            }
            ExprKind::And(logic) | ExprKind::Or(logic) => {
                grow(|| {
                    found.extend(self.body(&mut logic.left));
                    found.extend(self.body(&mut logic.right));
                });
                true
            }
            ExprKind::Term(_) | ExprKind::Call(_) | ExprKind::Some(_) => false,
        }
    }
}

impl Unsafe {
    fn new(expr: &Expr, vars: VarSet) -> Self {
        let assigned = match equality_of(expr) {
            Some((left, _)) if expr.from_assignment => vars::of_term(left, ALL),
            _ => VarSet::new(),
        };
        Self { span: expr.span, assigned, vars }
    }
}

/// Reorders the body of a rule or query; `known` has values before it.
pub(super) fn reorder(
    state: &State<'_>,
    known: impl Iterator<Item = Name>,
    body: &mut Body,
    original: &dyn Fn(&Name) -> Name,
    scope: &str,
) -> Vec<Error> {
    let mut safety = Safety { state, globals: Globals::default() };
    ["data", "input"].into_iter().map(Name::from).chain(known).for_each(|name| safety.globals.add(&name));
    let found = safety.body(body);
    if found.is_empty() { Vec::new() } else { errors(&found, original, scope) }
}

/// Words of the language that a v0 module has to import: a variable of that name is most likely meant as one.
const FUTURE_KEYWORDS: &[&str] = &["and", "contains", "every", "if", "in", "not", "or"];

fn errors(found: &[Unsafe], original: &dyn Fn(&Name) -> Name, scope: &str) -> Vec<Error> {
    let mut assigned: BTreeSet<Name> = BTreeSet::new();
    for name in found.iter().flat_map(|entry| &entry.assigned) {
        assigned.insert(name.clone());
        assigned.insert(original(name));
    }
    let mut places: BTreeMap<&Name, Span> = BTreeMap::new();
    for (name, span) in found.iter().flat_map(|entry| entry.vars.iter().map(|name| (name, entry.span))) {
        let place = places.entry(name).or_insert(span);
        if before(span, *place) {
            *place = span;
        }
    }
    let mut pairs: Vec<(&Name, Name, Span)> =
        places.into_iter().map(|(name, span)| (name, original(name), span)).collect();
    pairs.sort_by_key(|(_, _, span)| (span.row == 0, span.row, span.column));
    let is_assigned = |name: &Name, shown: &Name| assigned.contains(name) || assigned.contains(shown);
    let any_used =
        pairs.iter().any(|(name, shown, _)| !vars::is_generated(shown) && !is_assigned(name, shown));
    let mut result = Vec::new();
    for (name, shown, span) in pairs {
        if vars::is_generated(&shown) || (any_used && is_assigned(name, &shown)) {
            continue;
        }
        let mut message = format!("var {} is unsafe{scope}", vars::shown(&shown));
        if let Some(word) = FUTURE_KEYWORDS.iter().find(|word| shown == ***word) {
            message.extend([" (hint: `import future.keywords.", word, "` to import a future keyword)"]);
        }
        result.push(error(Code::UnsafeVar, span, message));
    }
    if !result.is_empty() {
        return result;
    }
    // Only made-up variables, which mean nothing to people: the expressions are named instead.
    let mut entries: Vec<&Unsafe> = found.iter().collect();
    entries.sort_by_key(|entry| (entry.span.row == 0, entry.span.row, entry.span.column));
    let mut seen: BTreeSet<&Name> = BTreeSet::new();
    for entry in entries {
        let count = seen.len();
        seen.extend(entry.vars.iter().filter(|name| vars::is_generated(name)));
        if seen.len() > count {
            result.push(error(Code::UnsafeVar, entry.span, format!("expression is unsafe{scope}")));
        }
    }
    result
}

fn before(one: Span, other: Span) -> bool {
    (one.row == 0, one.row, one.column) < (other.row == 0, other.row, other.column)
}

/// The rule of the package, or the root, that an unsafe variable may be a slip of.
fn meant(state: &State<'_>, package: &Ref, error: &Error) -> Option<String> {
    let name = error.message.strip_prefix("var ")?.split(' ').next()?;
    let node = state.tree.node(state.tree.find_ref(package)?);
    let names = node.children.keys().filter_map(|key| key.as_str()).chain(["input", "data"]);
    super::calls::name_like(name, names.filter(|other| *other != name && name.len() > 2))
}

/// Rows of a module that have rules of more than one name: there a message has to name the rule.
fn shared_rows(module: &Module) -> HashSet<u32> {
    let mut first: HashMap<u32, String> = HashMap::default();
    let mut shared = HashSet::default();
    for rule in module.rules.iter().flat_map(|rule| std::iter::once(rule).chain(&rule.otherwise)) {
        let name = name_of(&rule.head);
        let known = first.entry(rule.span.row).or_insert_with(|| name.clone());
        if *known != name {
            shared.insert(rule.span.row);
        }
    }
    shared
}

/// The constant part of a head's reference.
fn name_of(head: &Head) -> String {
    let constant = head
        .reference
        .iter()
        .enumerate()
        .take_while(|(index, term)| *index == 0 || matches!(term.node, Node::Value(_)))
        .count();
    super::text::reference(head.reference.get(..constant).unwrap_or_default())
}

fn scope(shared: &HashSet<u32>, rule: &Rule) -> String {
    if shared.contains(&rule.span.row) { format!(" in rule {}", name_of(&rule.head)) } else { String::new() }
}

/// Every variable of a head has a value once the body holds.
pub(super) fn heads(state: &mut State<'_>, modules: &[Module]) {
    for module in state.order.clone().into_iter().filter_map(|index| modules.get(index)) {
        let mut shared = None;
        for rule in module.rules.iter().flat_map(|rule| std::iter::once(rule).chain(&rule.otherwise)) {
            let mut places: BTreeMap<Name, Span> = BTreeMap::new();
            let mut collect = Each(|name: &Name, term: Option<&Term>| {
                places.insert(name.clone(), term.map(|term| term.span).unwrap_or_default());
            });
            let head = &rule.head;
            vars::in_head(head, ALL, &mut collect);
            if places.is_empty() {
                continue;
            }
            let mut known = VarSet::new();
            vars::in_body(&rule.body, SAFETY, &mut known);
            vars::in_terms(head.arguments.as_deref().unwrap_or_default(), ALL, &mut known);
            let scope = scope(shared.get_or_insert_with(|| shared_rows(module)), rule);
            let mut errors = Vec::new();
            for (name, span) in places.iter().filter(|(name, _)| !known.contains(*name)) {
                let shown = state.original(name);
                if !vars::is_generated(shown) {
                    errors.push(error(
                        Code::UnsafeVar,
                        *span,
                        format!("var {} is unsafe{scope}", vars::shown(shown)),
                    ));
                }
            }
            state.errors.add_all(errors);
        }
    }
}

/// Reorders the bodies of all rules.
pub(super) fn bodies(state: &mut State<'_>, modules: &mut [Module]) {
    for index in state.order.clone() {
        let Some(module) = modules.get_mut(index) else { continue };
        let shared = shared_rows(module);
        for rule in &mut module.rules {
            let mut others = std::mem::take(&mut rule.otherwise);
            for branch in std::iter::once(&mut *rule).chain(&mut others) {
                let arguments = branch.head.arguments.as_deref().unwrap_or_default();
                let mut known = VarSet::new();
                vars::in_terms(arguments, ALL, &mut known);
                let scope = scope(&shared, branch);
                let original = |name: &Name| state.original(name).clone();
                let mut errors = reorder(state, known.into_iter(), &mut branch.body, &original, &scope);
                for error in &mut errors {
                    error.hint = meant(state, &module.package, error);
                }
                state.errors.add_all(errors);
            }
            rule.otherwise = others;
        }
    }
}
