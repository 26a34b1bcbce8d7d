//! Rules to the code of their documents.

use lumen_value::Value;

use super::body::Procedure;
use super::build::{Planned, Planner, index};
use super::unify::constant;
use super::{Collection, Head, Kind, Op, Operand, Place, Slot};
use crate::ast::{Node, Rule, RuleKind, Term};
use crate::check::Checked;
use crate::check::tree::{NodeId, RuleId};
use crate::depth::grow;
use crate::error::Span;

/// Up to how many given keys a partial document has code of its own for.
const KEYED_MAX: usize = 4;

/// The rules of one document.
struct Rules<'c> {
    list: Vec<&'c Rule>,
    default: Option<&'c Rule>,
    /// How many keys of the rules' references make the document's path.
    depth: usize,
    /// How many keys the package of each rule has.
    packages: Vec<usize>,
}

impl Planner<'_> {
    /// The code of all documents.
    pub(super) fn documents(&mut self) -> Planned<()> {
        self.find_replaced();
        self.find_keyed();
        for at in 0..index(self.plan.nodes.len()) {
            let Some(node) = self.plan.nodes.get(at as usize) else { continue };
            if node.rules {
                self.document(at)?;
            } else {
                self.package(at);
            }
        }
        self.find_memo();
        Ok(())
    }

    /// Up to how many given keys a document can be asked for.
    pub(super) fn keyed_max(&self, document: u32) -> usize {
        self.plan.documents.get(document as usize).map_or(0, |document| document.keyed.len())
    }

    /// Makes room for the entries with keys: code that is planned before them has to know how many there are.
    fn find_keyed(&mut self) {
        for at in 0..self.plan.documents.len() {
            let Some(document) = self.plan.documents.get(at) else { continue };
            if document.kind != Kind::Partial {
                continue;
            }
            let rules = rules_of(self.checked, &document.path);
            let keys = rules.list.iter().zip(&rules.packages).map(|(rule, package)| {
                let keys = (package + rule.head.reference.len()).saturating_sub(rules.depth);
                keys + usize::from(rule.head.kind() == RuleKind::PartialSet)
            });
            let keyed = keys.max().unwrap_or(0).min(KEYED_MAX);
            if let Some(document) = self.plan.documents.get_mut(at) {
                document.keyed = vec![0; keyed];
            }
        }
    }

    fn document(&mut self, at: u32) -> Planned<()> {
        let Some(document) = self.plan.documents.get(at as usize).cloned() else { return Ok(()) };
        let rules = rules_of(self.checked, &document.path);
        if document.kind == Kind::Partial {
            return self.partial(at, &rules);
        }
        let entry = self.here();
        let arguments = document.arguments;
        let decides = decides(&rules);
        let mut procedure = Procedure::new(self, arguments);
        let attempt = Attempt { arguments, decides };
        let mut starts = Vec::with_capacity(rules.list.len());
        for rule in &rules.list {
            starts.push(procedure.planner.here());
            procedure.chain(rule, attempt)?;
        }
        procedure.planner.select(&starts, arguments);
        if let Some(default) = rules.default {
            let given = procedure.op(Op::IfResult { target: 0 });
            procedure.chain(default, attempt)?;
            procedure.land(given);
        }
        procedure.op(Op::Return);
        let (slots, marks) = procedure.size();
        if let Some(document) = self.plan.documents.get_mut(at as usize) {
            (document.entry, document.slots, document.marks) = (entry, slots, marks);
        }
        Ok(())
    }

    fn partial(&mut self, at: u32, rules: &Rules<'_>) -> Planned<()> {
        let set = rules.list.first().is_some_and(|rule| rule.head.kind() == RuleKind::PartialSet)
            && rules
                .list
                .iter()
                .zip(&rules.packages)
                .all(|(rule, package)| package + rule.head.reference.len() == rules.depth);
        let collection = if set { Collection::Set } else { Collection::Partial };
        let keyed_max = self.keyed_max(at);
        let mut entries = Vec::new();
        let (mut slots_max, mut marks_max) = (0, 0);
        for given in 0..=keyed_max {
            entries.push(self.here());
            let mut procedure = Procedure::new(self, index(given));
            procedure.op(Op::Collect { collection });
            let mut starts = Vec::with_capacity(rules.list.len());
            for (rule, package) in rules.list.iter().zip(&rules.packages) {
                starts.push(procedure.planner.here());
                if procedure.planner.selects(rules.list.len()) {
                    procedure.op(Op::Begin);
                }
                procedure.addition(rule, rules.depth - package, given, set)?;
            }
            procedure.planner.select(&starts, index(given));
            let all = procedure.slot();
            procedure.op(Op::Collected { to: all });
            procedure.op(Op::SetResult { value: Operand::slot(all) });
            procedure.op(Op::Return);
            let (slots, marks) = procedure.size();
            slots_max = slots_max.max(slots);
            marks_max = marks_max.max(marks);
        }
        if let Some(document) = self.plan.documents.get_mut(at as usize) {
            document.entry = entries.first().copied().unwrap_or_default();
            document.keyed = entries.into_iter().skip(1).collect();
            (document.slots, document.marks) = (slots_max, marks_max);
        }
        Ok(())
    }

    /// Functions that only compare and look up are not worth keeping the results of.
    fn find_memo(&mut self) {
        let mut starts: Vec<(Place, usize)> =
            self.plan.documents.iter().enumerate().map(|(at, document)| (document.entry, at)).collect();
        starts.sort_unstable();
        let ends = starts.iter().skip(1).map(|(start, _)| *start as usize).chain([self.plan.ops.len()]);
        let heavy = |op: &Op| {
            matches!(
                op,
                Op::Iterate { .. }
                    | Op::Walk { .. }
                    | Op::Call { .. }
                    | Op::Document { .. }
                    | Op::Keyed { .. }
                    | Op::Collect { .. }
                    | Op::TreeStart { .. }
            )
        };
        let memos: Vec<(usize, bool)> = starts
            .iter()
            .zip(ends)
            .map(|((start, at), end)| {
                let code = self.plan.ops.get(*start as usize..end).unwrap_or_default();
                (*at, code.iter().any(heavy))
            })
            .collect();
        for (at, heavy) in memos {
            if let Some(document) = self.plan.documents.get_mut(at) {
                document.memo = self.options.optimisations.memo && (document.kind != Kind::Function || heavy);
            }
        }
    }
}

fn rule_of(checked: &Checked, id: RuleId) -> Option<(&Rule, usize)> {
    let module = checked.modules.get(id.module)?;
    Some((module.rules.get(id.rule)?, module.package.len().saturating_sub(1)))
}

/// The rules of a document: those of its node, and where one of them goes on with a variable, those below.
fn rules_of<'c>(checked: &'c Checked, path: &[Value]) -> Rules<'c> {
    let tree = &checked.tree;
    let mut found = Rules { list: Vec::new(), default: None, depth: path.len(), packages: Vec::new() };
    let Some(id) = tree.find(path) else { return found };
    let node = tree.node(id);
    let ids: Vec<NodeId> = if node.dynamic { tree.below(id) } else { vec![id] };
    for id in ids {
        for (rule, package) in tree.node(id).rules.iter().filter_map(|rule| rule_of(checked, *rule)) {
            found.list.push(rule);
            found.packages.push(package);
        }
    }
    found.default = node.defaults.first().and_then(|id| rule_of(checked, *id)).map(|(rule, _)| rule);
    found
}

/// How the bodies of a document end.
#[derive(Clone, Copy)]
struct Attempt {
    arguments: u32,
    /// All values are one constant: the first body that holds decides.
    decides: bool,
}

/// Whether all rules and branches of a document have the same constant value, as `mayEarlyExit` of OPA's index asks.
fn decides(rules: &Rules<'_>) -> bool {
    let mut values =
        rules.list.iter().flat_map(|rule| std::iter::once(*rule).chain(&rule.otherwise)).map(value_of);
    let Some(Some(first)) = values.next() else { return false };
    values.all(|value| value.as_ref() == Some(&first))
}

fn value_of(rule: &Rule) -> Option<Value> {
    rule.head.value.as_ref().and_then(constant)
}

/// Whether a value says what the variables of a pattern are. It does not where they are elements of sets, or keys.
fn comes_apart(pattern: &Term) -> bool {
    grow(|| match &pattern.node {
        Node::Var(_) => true,
        Node::Array(items) => items.iter().all(comes_apart),
        Node::Object(pairs) => pairs.iter().all(|(key, value)| constant(key).is_some() && comes_apart(value)),
        _ => constant(pattern).is_some(),
    })
}

impl Procedure<'_, '_> {
    /// A rule with its `else` branches: the first that holds gives the value.
    fn chain(&mut self, rule: &Rule, attempt: Attempt) -> Planned<()> {
        self.op(Op::Begin);
        let mut ends = Vec::new();
        for branch in std::iter::once(rule).chain(&rule.otherwise) {
            if let Some(end) = self.branch(branch, attempt)? {
                ends.push(end);
            }
            if !rule.otherwise.is_empty() {
                ends.push(self.op(Op::IfProduced { target: 0 }));
            }
        }
        for end in ends {
            self.land(end);
        }
        Ok(())
    }

    fn branch(&mut self, rule: &Rule, attempt: Attempt) -> Planned<Option<Place>> {
        self.restart(attempt.arguments);
        self.at(rule.span);
        let mark = self.mark();
        let failed = self.op(Op::Try { mark, target: 0 });
        for (argument, slot) in rule.head.arguments.iter().flatten().zip(0..) {
            self.argument(argument, Slot(slot))?;
        }
        self.body(&rule.body)?;
        self.at(rule.span);
        self.observed_head(rule.head.span, None);
        let Some(value) = &rule.head.value else { return Ok(None) };
        let fixed = constant(value).is_some();
        let value = self.value(value)?;
        let head = self.head(rule, Vec::new(), value, false, attempt.decides, fixed);
        let result = self.op(Op::Result { head, value, next: 0 });
        self.op(Op::Cut { mark });
        if !fixed {
            // Never reached: a result that is not constant goes back for more.
            self.op(Op::Fail);
        }
        self.land(failed);
        self.release(mark);
        Ok(Some(result))
    }

    /// An argument that is a variable for the first time is its slot.
    fn argument(&mut self, argument: &Term, slot: Slot) -> Planned<()> {
        match &argument.node {
            Node::Var(name) if self.bound_value(name).is_none() => {
                self.bind_to(name, Operand::slot(slot));
                Ok(())
            }
            _ => self.matches(Operand::slot(slot), argument),
        }
    }

    /// A rule of a partial document, with the first keys given or not.
    fn addition(&mut self, rule: &Rule, depth: usize, given: usize, set: bool) -> Planned<()> {
        self.restart(index(given));
        self.at(rule.span);
        let mark = self.mark();
        let failed = self.op(Op::Try { mark, target: 0 });
        let keys = rule.head.reference.get(depth..).unwrap_or_default();
        let given = || keys.iter().chain(&rule.head.key).zip(0..index(given));
        for (key, slot) in given().filter(|(key, _)| comes_apart(key)) {
            self.argument(key, Slot(slot))?;
        }
        self.body(&rule.body)?;
        for (key, slot) in given().filter(|(key, _)| !comes_apart(key)) {
            self.matches(Operand::slot(Slot(slot)), key)?;
        }
        self.at(rule.span);
        let element = rule.head.value.is_none();
        let mut operands = Vec::new();
        for key in keys {
            operands.push(self.value(key)?);
        }
        let value = match (&rule.head.value, &rule.head.key) {
            (Some(value), _) | (None, Some(value)) => self.value(value)?,
            (None, None) => self.planner.constant(Value::Bool(true)),
        };
        self.observed_head(rule.head.span, set.then_some(value));
        if set {
            self.op(Op::Add { value });
        } else {
            let head = self.head(rule, operands, value, element, false, false);
            self.op(Op::AddHead { head });
        }
        self.op(Op::Fail);
        self.land(failed);
        self.release(mark);
        Ok(())
    }

    fn head(
        &mut self,
        rule: &Rule,
        keys: Vec<Operand>,
        value: Operand,
        element: bool,
        decides: bool,
        constant: bool,
    ) -> u32 {
        let (span, head_span): (Span, Span) = (rule.span, rule.head.span);
        self.planner.plan.heads.push(Head { keys, value, element, decides, constant, span, head_span });
        index(self.planner.plan.heads.len() - 1)
    }
}
