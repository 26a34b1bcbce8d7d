//! Messages about rules that need themselves. Where the cycle passes a variable key, it only may be one: the message says which
//! reference closes it, and for which values.

use lumen_value::Value;

use super::graph::{BranchId, Graph, branch, full_reference};
use super::narrow::{Narrow, constant, members};
use super::rewrite::requires_eval;
use super::state::{State, call_of, dotted, equality_of, error, starts_at_data};
use super::text;
use super::vars::{self, ALL, VarSet};
use super::walk::{self, Part};
use crate::ast::{ExprKind, Module, Name, Node, Ref, Rule, Term};
use crate::builtin::signature;
use crate::error::{Code, Span};
use crate::hash::HashMap;
use crate::syntax::print;
use crate::types::Shape;

/// How many conditions a message spells out.
const CONDITIONS_MAX: usize = 2;
/// How many values of a collection a message lists.
const MEMBERS_MAX: usize = 5;

/// Reports the rules that need themselves.
pub(super) fn report(state: &mut State<'_>, graph: &Graph, modules: &[Module]) {
    for &node in graph.cyclic.keys() {
        let (Some(id), Some(path)) = (graph.branch_id(node), graph.cycle(node, &|_, _| true)) else {
            continue;
        };
        let Some((_, rule)) = branch(modules, id) else { continue };
        let mut cycle = Cycle { state, graph, modules };
        let (path, cause) = cycle.explain(node, path);
        let names: Vec<String> = path.iter().map(|node| cycle.name(*node)).collect();
        let word = if cause.is_some() { "may be" } else { "is" };
        let message = format!(
            "rule {} {word} recursive: {}{}",
            cycle.name(node),
            names.join(" -> "),
            cause.unwrap_or_default()
        );
        let span = rule.span;
        if !state.errors.add(error(Code::Recursion, span, message)) {
            return;
        }
    }
}

/// A reference that may select a rule.
struct Edge {
    /// As written.
    reference: Ref,
    /// Narrowed, where that leaves one.
    selected: Ref,
    /// The expression that it stands in.
    at: usize,
}

/// A key that has to have a value.
struct Condition {
    position: usize,
    term: Term,
    value: Term,
}

/// Where a variable gets its value.
enum Origin {
    Input(Ref),
    Rule(Ref),
    Collection(Value),
    Builtin(String),
    HeadKey,
    HeadArgument,
}

struct Cycle<'a, 's> {
    state: &'a State<'s>,
    graph: &'a Graph,
    modules: &'a [Module],
}

fn constant_term(term: &Term) -> bool {
    matches!(term.node, Node::Value(_)) || constant(term).is_some()
}

/// Whether two references can mean the same, as far as they are known.
fn may_intersect(one: &Ref, other: &Ref) -> bool {
    one.iter().zip(other).skip(1).all(|(one, other)| match (constant(one), constant(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    })
}

/// Whether a reference selects a rule whatever its variables hold; `positions` are the keys that decide.
fn selects(reference: &Ref, rule: &Ref, bound: &VarSet, positions: &mut Vec<usize>) -> bool {
    let occurrences = |name: &Name| {
        reference.iter().filter(|term| matches!(&term.node, Node::Var(other) if other == name)).count()
    };
    for (position, (term, own)) in reference.iter().zip(rule).enumerate().skip(1) {
        let Some(own) = constant(own) else { continue };
        if let Node::Var(name) = &term.node
            && !bound.contains(name)
            && occurrences(name) == 1
        {
            continue;
        }
        match constant(term) {
            Some(value) if value == own => {}
            Some(_) => return false,
            None => positions.push(position),
        }
    }
    positions.is_empty()
}

fn bound_before(rule: &Rule, at: usize) -> VarSet {
    let mut bound = VarSet::new();
    let head = &rule.head;
    let terms = head.arguments.iter().flatten().chain(&head.key).chain(&head.value);
    terms.for_each(|term| vars::in_term(term, ALL, &mut bound));
    // `p[x] := y` has a key that a query can bind.
    if let ([_, key], None, Some(_)) = (head.reference.as_slice(), &head.arguments, &head.value) {
        vars::in_term(key, ALL, &mut bound);
    }
    rule.body.iter().take(at).for_each(|expr| vars::in_expr(expr, ALL, &mut bound));
    bound
}

impl Cycle<'_, '_> {
    fn shown(&self, reference: Ref) -> String {
        text::term(&self.restored(reference))
    }

    fn restored(&self, reference: Ref) -> Term {
        self.state.restored(&Term { node: Node::Ref(reference), span: Span::default() })
    }

    fn reference(&self, node: usize) -> Ref {
        let id: Option<BranchId> = self.graph.branch_id(node);
        let found = id.and_then(|id| branch(self.modules, id));
        found.map(|(module, rule)| full_reference(module, rule)).unwrap_or_default()
    }

    fn name(&self, node: usize) -> String {
        self.shown(self.reference(node))
    }

    /// The path to show, and why it only may be one.
    fn explain(&mut self, start: usize, path: Vec<usize>) -> (Vec<usize>, Option<String>) {
        let cause = self.cause_of(&path);
        if cause.is_none() {
            return (path, None);
        }
        let fixed = self.graph.cycle(start, &|from, to| self.edge(from, to).is_none());
        match fixed {
            Some(fixed) => (fixed, None),
            None => (path, cause),
        }
    }

    /// The reference that may make one rule need another; none where another reference does so in any case.
    fn edge(&self, from: usize, to: usize) -> Option<Edge> {
        let rule = self.graph.cyclic.get(&from)?;
        let target = self.reference(to);
        let mut narrow = Narrow::default();
        let mut found: Option<Edge> = None;
        let mut fixed = false;
        let mut visit = |part: Part<'_>, at: usize| {
            let Part::Term(Term { node: Node::Ref(reference), .. }) = part else { return fixed };
            if !starts_at_data(reference) {
                return fixed;
            }
            let expanded = narrow.expand(&rule.body, reference, at);
            if !expanded.iter().any(|one| may_intersect(one, &target)) {
                return fixed;
            }
            let selected = match expanded.as_slice() {
                [one] => one,
                _ => reference,
            };
            let open = reference.iter().skip(1).any(|term| !constant_term(term));
            if !open || selects(selected, &target, &bound_before(rule, at), &mut Vec::new()) {
                fixed = true;
            } else if found.is_none() {
                found = Some(Edge { reference: reference.clone(), selected: selected.clone(), at });
            }
            fixed
        };
        for (at, expr) in rule.body.iter().enumerate() {
            walk::expr(expr, &mut |part| visit(part, at));
        }
        walk::head(&rule.head, &mut |part| visit(part, rule.body.len()));
        if fixed { None } else { found }
    }

    fn cause_of(&self, path: &[usize]) -> Option<String> {
        for (index, pair) in path.windows(2).enumerate() {
            let [from, to] = pair else { continue };
            if let Some(edge) = self.edge(*from, *to) {
                return self.describe(&edge, *from, *to, index > 0);
            }
        }
        None
    }

    fn describe(&self, edge: &Edge, from: usize, to: usize, names_rule: bool) -> Option<String> {
        let rule = self.graph.cyclic.get(&from)?;
        let target = self.reference(to);
        let length = edge.reference.len().min(target.len());
        let shown = self.restored(edge.reference.iter().take(length).cloned().collect());
        let mut message = format!(" ({}", text::term(&shown));
        if names_rule {
            message.push_str(" in ");
            message.push_str(&self.name(from));
        }
        let mut positions = Vec::new();
        selects(&edge.selected, &target, &bound_before(rule, edge.at), &mut positions);
        let conditions = conditions(&shown, &target, &positions);
        let origins = Origins::new(rule, edge);
        let usable = conditions.filter(|conditions| {
            !conditions.is_empty()
                && conditions.len() <= CONDITIONS_MAX
                && conditions.iter().all(|condition| origins.allow(edge, condition))
        });
        let Some(conditions) = usable else {
            message.extend([" could refer to ", &self.name(to), ")"]);
            return Some(message);
        };
        message.extend([" refers to ", &self.name(to)]);
        for (index, condition) in conditions.iter().enumerate() {
            let word = if index == 0 { "if" } else { "and" };
            let (term, value) = (text::term(&condition.term), text::term(&condition.value));
            message.extend([" ", word, " ", &term, " is ", &value]);
            if let Some(note) = self.note(&origins, edge, from, condition) {
                message.extend([" (", &note, ")"]);
            }
        }
        message.push(')');
        Some(message)
    }

    /// Where the term of a condition gets its value.
    fn note(&self, origins: &Origins<'_>, edge: &Edge, from: usize, condition: &Condition) -> Option<String> {
        let term = text::term(&condition.term);
        match &edge.reference.get(condition.position)?.node {
            Node::Ref(inner) if starts_at_data(inner) => {
                Some("rule values aren't known at compile time".to_owned())
            }
            Node::Var(name) => Some(match origins.of(name)? {
                Origin::Input(reference) => format!("{term} comes from {}", self.shown(reference)),
                Origin::Rule(reference) => format!(
                    "{term} comes from rule {}, whose value isn't known at compile time",
                    text::reference(&reference)
                ),
                Origin::Collection(value) => match members(&value) {
                    Some(members) if members.len() > MEMBERS_MAX => {
                        format!("{term} is one of {} values", members.len())
                    }
                    _ => format!("{term} is one of {}", print::value(&value)),
                },
                Origin::Builtin(name) => format!("{term} is computed by {name}"),
                Origin::HeadKey => format!("{term} is a key of {}", self.name(from)),
                Origin::HeadArgument => format!("{term} is an argument of {}", self.name(from)),
            }),
            _ => None,
        }
    }
}

/// What the keys that decide have to be; none where one would have to be two values.
fn conditions(shown: &Term, target: &Ref, positions: &[usize]) -> Option<Vec<Condition>> {
    let Node::Ref(reference) = &shown.node else { return None };
    let mut found: Vec<Condition> = Vec::new();
    for &position in positions {
        let (Some(term), Some(value)) = (reference.get(position), target.get(position)) else { continue };
        let same = text::term(term);
        match found.iter().find(|condition| text::term(&condition.term) == same) {
            None => found.push(Condition { position, term: term.clone(), value: value.clone() }),
            Some(known) if constant(&known.value) == constant(value) => {}
            Some(_) => return None,
        }
    }
    Some(found)
}

/// Where the variables of a rule's body get their values, up to an expression.
struct Origins<'a> {
    rule: &'a Rule,
    bindings: HashMap<&'a Name, &'a Term>,
    outputs: HashMap<&'a Name, String>,
}

impl<'a> Origins<'a> {
    fn new(rule: &'a Rule, edge: &Edge) -> Self {
        let mut origins = Self { rule, bindings: HashMap::default(), outputs: HashMap::default() };
        for expr in rule.body.iter().take(edge.at) {
            if expr.negated || !expr.with.is_empty() {
                continue;
            }
            if let Some((left, right)) = equality_of(expr) {
                for (one, other) in [(left, right), (right, left)] {
                    if let Node::Var(name) = &one.node {
                        origins.bindings.entry(name).or_insert(other);
                    }
                }
                continue;
            }
            let ExprKind::Call(terms) = &expr.kind else { continue };
            let Some((Term { node: Node::Ref(operator), .. }, operands)) = terms.split_first() else {
                continue;
            };
            let Some(known) = dotted(operator).and_then(|name| signature(&name)) else { continue };
            if call_of(expr, "eq").is_none()
                && operands.len() == known.arguments.len() + 1
                && let Some(Term { node: Node::Var(name), .. }) = operands.last()
            {
                origins.outputs.insert(name, known.name.to_owned());
            }
        }
        origins
    }

    fn of(&self, name: &Name) -> Option<Origin> {
        let mut name = name;
        for _ in 0..=self.rule.body.len() {
            if let Some(builtin) = self.outputs.get(name) {
                return Some(Origin::Builtin(builtin.clone()));
            }
            match self.bindings.get(name).map(|term| &term.node) {
                Some(Node::Var(other)) => {
                    name = other;
                    continue;
                }
                Some(Node::Ref(reference)) => {
                    if let Some(origin) = self.of_reference(reference) {
                        return Some(origin);
                    }
                }
                _ => {}
            }
            return self.of_head(name);
        }
        None
    }

    fn of_reference(&self, reference: &Ref) -> Option<Origin> {
        let prefix =
            || reference.iter().enumerate().take_while(|(index, term)| *index == 0 || constant_term(term));
        let prefix = || prefix().map(|(_, term)| term.clone()).collect();
        match reference.first().map(|first| &first.node) {
            Some(Node::Var(root)) if *root == "input" => Some(Origin::Input(prefix())),
            Some(Node::Var(root)) if *root == "data" => Some(Origin::Rule(prefix())),
            _ => match reference.as_slice() {
                [base, key] if !constant_term(key) => self.collection(base).map(Origin::Collection),
                _ => None,
            },
        }
    }

    fn collection(&self, base: &'a Term) -> Option<Value>
    where
        Self: 'a,
    {
        let mut term: &Term = base;
        for _ in 0..=self.bindings.len() {
            let Node::Var(name) = &term.node else { break };
            term = self.bindings.get(name)?;
        }
        if requires_eval(term) {
            return None;
        }
        constant(term).filter(|value| members(value).is_some())
    }

    fn of_head(&self, name: &Name) -> Option<Origin> {
        let is = |term: &Term| matches!(&term.node, Node::Var(other) if other == name);
        let head = &self.rule.head;
        if head.arguments.iter().flatten().any(is) {
            return Some(Origin::HeadArgument);
        }
        (head.reference.iter().skip(1).any(is) || head.key.iter().any(is)).then_some(Origin::HeadKey)
    }

    /// Whether the variable of a condition can have the value at all.
    fn allow(&self, edge: &Edge, condition: &Condition) -> bool {
        let Some(Node::Var(name)) = edge.reference.get(condition.position).map(|term| &term.node) else {
            return true;
        };
        let Some(value) = constant(&condition.value) else { return true };
        match self.of(name) {
            Some(Origin::Collection(collection)) => {
                members(&collection).is_some_and(|members| members.contains(&value))
            }
            Some(Origin::Builtin(builtin)) => signature(&builtin)
                .and_then(|known| known.result)
                .is_none_or(|(_, shape)| admits(shape, &value)),
            _ => true,
        }
    }
}

/// Whether a type has a scalar.
fn admits(shape: Shape, value: &Value) -> bool {
    match (shape, value) {
        (Shape::Any, _)
        | (Shape::Null, Value::Null)
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Number, Value::Number(_))
        | (Shape::String, Value::String(_)) => true,
        (Shape::Union(shapes), _) => shapes.iter().any(|shape| admits(*shape, value)),
        _ => false,
    }
}
