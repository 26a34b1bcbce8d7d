//! Plans for an input of which a part is known: what depends on that part alone is computed once.
//!
//! The documents that an entry reaches are copied, those first that others ask for, and each operation is looked at once:
//!
//! * A slot is written by one operation only, before every read. So where that operation gives the same value whenever it holds,
//!   all that reads the slot reads a constant.
//! * What reads constants alone is run by the machine itself (`eval/range.rs`): a path, a built-in, a call, a document, a
//!   comprehension, a `not` or `every`. It becomes a constant, nothing, or [`Op::Fail`]. Where it ends in an error, or the budget
//!   for all of this is used up, it stays as it was, to do at the evaluation what it always did.
//! * What no operation leads to any more is left out, and so is a [`Op::Try`] of what can only fail (`tidy.rs`).
//!
//! Of what is left it is known on which parts of the world it depends ([`Needs`]). Documents that do not depend on the known part
//! are the same for every value of it, and get a number by what they do (`identity.rs`): of one review, each is evaluated once,
//! whichever constraint or template asks first ([`Shared`](crate::eval::Shared)).
//!
//! Where the reachable code replaces anything by `with`, walks rules and base documents at once, or is observed, nothing is done.
//! A function that was called with the number `1` answers for `1.0` too, as OPA's does; what makes a call with numbers is
//! therefore not computed ahead.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use lumen_value::Value;

use super::{Code, Kind, Op, Operand, Place, Plan, Root, Slot};
use crate::builtin::Budget;
use crate::eval::range::{Ran, Runner};

mod copy;
mod fold;
mod identity;
mod lines;
mod needs;
mod tidy;
mod translate;

pub use identity::Commons;

use needs::Needs;

/// What is known of the input, and what is made of it.
pub(crate) struct Wanted<'w> {
    /// The document that is asked for.
    pub(crate) document: u32,
    /// Paths below `input`, and what stands there. No path is the beginning of another.
    pub(crate) fixed: &'w [(Vec<Value>, Value)],
    /// Whether what depends on it is computed now.
    pub(crate) folds: bool,
    /// How much that may take.
    pub(crate) budget: Budget,
    /// Where documents that depend on nothing of it get their numbers.
    pub(crate) commons: Option<&'w mut Commons>,
}

/// A plan for one entry.
#[derive(Clone, Debug)]
pub(crate) struct Special {
    pub(crate) code: Code,
    /// Whether it still reads what is known, so that it has to be part of `input`.
    pub(crate) reads_fixed: bool,
}

/// What is known of a document that was copied.
#[derive(Clone, Debug)]
struct Fact {
    /// Where it is in the new plan.
    document: u32,
    needs: Needs,
    /// Whether it never has a value.
    never: bool,
    /// The value, once somebody wanted it.
    value: Ran,
}

/// What is known of a slot.
#[derive(Clone, Debug)]
enum Known {
    /// It has the value of this constant of the new plan.
    Constant(u32),
    /// It is what stands in `input` above something that is fixed. The line reads it.
    Above(Vec<Value>, usize),
}

/// Makes the plan.
struct Specialiser<'w> {
    base: &'w Plan,
    runner: Runner,
    fixed: &'w [(Vec<Value>, Value)],
    folds: bool,
    plan: Plan,
    /// Constants of the base plan that are in the new one.
    constants: HashMap<u32, u32>,
    facts: HashMap<u32, Fact>,
    /// Numbers of documents of the new plan that do the same in all plans where they have this number.
    identities: HashMap<u32, u32>,
    known: HashMap<u32, Known>,
    /// Look-ups of rules of the document that is copied.
    selects: HashMap<u32, u32>,
    commons: Option<&'w mut Commons>,
}

/// The plan for one entry; none where nothing can be done.
pub(crate) fn specialise(base: &Arc<Plan>, wanted: Wanted<'_>) -> Option<Special> {
    let ranges = ranges(base);
    let order = order(base, &ranges, wanted.document)?;
    let mut specialiser = Specialiser {
        base,
        runner: Runner::new(base.clone(), wanted.fixed, wanted.budget),
        fixed: wanted.fixed,
        folds: wanted.folds,
        plan: Plan { builtins: base.builtins.clone(), files: base.files.clone(), ..Plan::default() },
        constants: HashMap::new(),
        facts: HashMap::new(),
        identities: HashMap::new(),
        known: HashMap::new(),
        selects: HashMap::new(),
        commons: wanted.commons,
    };
    for document in order {
        specialiser.document(document, ranges.get(document as usize)?.clone())?;
    }
    let fact = specialiser.facts.get(&wanted.document)?;
    let (document, reads_fixed) = (fact.document, fact.needs.meets(Needs::FIXED));
    let mut plan = specialiser.plan;
    let entry = super::build::index(plan.ops.len());
    let to = Slot(0);
    plan.ops.extend([Op::Document { to, document }, Op::Solution, Op::Fail]);
    plan.spans.resize(plan.ops.len(), crate::error::Span::default());
    let variables = vec![(lumen_value::Str::from("result"), Operand::slot(to))];
    Some(Special { code: Code { plan: Arc::new(plan), entry, slots: 1, marks: 0, variables }, reads_fixed })
}

impl Plan {
    /// The document of the rules at a path, which is no function.
    pub(crate) fn document_at(&self, path: &[Value]) -> Option<u32> {
        let step = |at: u32, key| self.nodes.get(at as usize).filter(|node| !node.rules)?.child(key);
        let node = self.nodes.get(path.iter().try_fold(0, step)? as usize)?;
        let document = node.document.filter(|_| node.rules)?;
        let kind = self.documents.get(document as usize)?.kind;
        (kind != Kind::Function).then_some(document)
    }
}

/// Where the code of each document is: from its start to that of the next.
fn ranges(plan: &Plan) -> Vec<Range<usize>> {
    let mut starts: Vec<usize> = plan.documents.iter().map(|document| document.entry as usize).collect();
    starts.push(plan.ops.len());
    starts.sort_unstable();
    let range = |document: &super::Document| {
        let start = document.entry as usize;
        let next = starts.partition_point(|other| *other <= start);
        start..starts.get(next).copied().unwrap_or(start)
    };
    plan.documents.iter().map(range).collect()
}

/// The documents that one reaches, those first that others ask for; none where their code does what cannot be known ahead.
fn order(plan: &Plan, ranges: &[Range<usize>], root: u32) -> Option<Vec<u32>> {
    let mut order = Vec::new();
    let mut seen = HashSet::new();
    let mut pending = vec![(root, false)];
    while let Some((document, is_done)) = pending.pop() {
        if is_done {
            order.push(document);
            continue;
        }
        // Not before it is its turn: what asks for it as well may come first.
        if !seen.insert(document) {
            continue;
        }
        pending.push((document, true));
        for op in plan.ops.get(ranges.get(document as usize)?.clone())? {
            match *op {
                Op::Call { document, .. } | Op::Document { document, .. } | Op::Keyed { document, .. }
                    if !seen.contains(&document) =>
                {
                    pending.push((document, false));
                }
                Op::With { .. }
                | Op::EndWith
                | Op::Observe { .. }
                | Op::Observed { .. }
                | Op::TreeStart { .. }
                | Op::TreeStep { .. }
                | Op::TreeIterate { .. }
                | Op::TreeEnd { .. }
                | Op::Solution => return None,
                // A document that was seen before, or nothing that keeps the code from being copied.
                Op::Call { .. }
                | Op::Document { .. }
                | Op::Keyed { .. }
                | Op::Copy { .. }
                | Op::Test { .. }
                | Op::Truthy { .. }
                | Op::Path { .. }
                | Op::Get { .. }
                | Op::Iterate { .. }
                | Op::IsArray { .. }
                | Op::IsObject { .. }
                | Op::IsCollection { .. }
                | Op::MakeArray { .. }
                | Op::MakeSet { .. }
                | Op::MakeObject { .. }
                | Op::Builtin { .. }
                | Op::Join { .. }
                | Op::Walk { .. }
                | Op::Try { .. }
                | Op::Mark { .. }
                | Op::Cut { .. }
                | Op::Jump { .. }
                | Op::Fail
                | Op::Collect { .. }
                | Op::Add { .. }
                | Op::AddEntry { .. }
                | Op::AddHead { .. }
                | Op::Collected { .. }
                | Op::Result { .. }
                | Op::IfProduced { .. }
                | Op::Begin
                | Op::Select { .. }
                | Op::IfResult { .. }
                | Op::Return
                | Op::SetResult { .. }
                | Op::MergeBase { .. } => {}
            }
        }
    }
    Some(order)
}

impl Specialiser<'_> {
    /// Copies a document. None where something it asks for was not copied before, which only a recursion could bring about.
    fn document(&mut self, at: u32, range: Range<usize>) -> Option<()> {
        let before = self.base.documents.get(at as usize)?;
        let entries: Vec<Place> = std::iter::once(before.entry).chain(before.keyed.iter().copied()).collect();
        let mut lines = self.translate(range, &entries)?;
        lines.tidy(&self.plan);
        let needs = lines.needs();
        let gives = |op: &Op| matches!(op, Op::Result { .. } | Op::SetResult { .. } | Op::MergeBase { .. });
        let is_idle = |op: &Op| {
            let ends = matches!(
                op,
                Op::Begin | Op::Select { .. } | Op::IfProduced { .. } | Op::IfResult { .. } | Op::Return
            );
            ends || op.is_silent()
                || matches!(op, Op::Try { .. } | Op::Cut { .. } | Op::Jump { .. } | Op::Fail)
        };
        // What has an effect beside its value has to be done all the same.
        let never = !lines.live().any(gives) && lines.live().all(is_idle);
        let start = self.plan.ops.len();
        lines.emit(&mut self.plan, &self.base.spans);
        for select in std::mem::take(&mut self.selects).into_values() {
            if let Some(select) = self.plan.selects.get_mut(select as usize) {
                lines.select(select);
            }
        }
        let place = |place: Place| lines.place(place);
        let mut document = before.clone();
        document.entry = place(before.entry);
        document.keyed = before.keyed.iter().map(|keyed| place(*keyed)).collect();
        let index = super::build::index(self.plan.documents.len());
        let identity = self.identify(&document, start, needs);
        if let Some(identity) = identity {
            self.identities.insert(index, identity);
        }
        document.common = identity.filter(|_| matches!(document.kind, Kind::Complete | Kind::Partial));
        self.plan.documents.push(document);
        self.facts.insert(at, Fact { document: index, needs, never, value: Ran::Unknown });
        Some(())
    }

    /// A value as a constant of the new plan.
    fn constant(&mut self, value: Value) -> u32 {
        self.plan.constants.push(value);
        super::build::index(self.plan.constants.len() - 1)
    }

    /// An operand in the new plan.
    fn operand(&mut self, operand: Operand) -> Operand {
        match operand.as_constant() {
            Ok(at) => {
                if let Some(known) = self.constants.get(&at) {
                    return Operand::constant(*known);
                }
                let value = self.base.constants.get(at as usize).cloned().unwrap_or_default();
                let new = self.constant(value);
                self.constants.insert(at, new);
                Operand::constant(new)
            }
            Err(slot) => match self.known.get(&slot.0) {
                Some(Known::Constant(at)) => Operand::constant(*at),
                _ => operand,
            },
        }
    }

    /// The value of an operand of the base plan, where it is known.
    fn value(&self, operand: Operand) -> Option<&Value> {
        match operand.as_constant() {
            Ok(at) => self.base.constants.get(at as usize),
            Err(slot) => match self.known.get(&slot.0)? {
                Known::Constant(at) => self.plan.constants.get(*at as usize),
                Known::Above(..) => None,
            },
        }
    }

    /// The values of a list of operands, where all of them are known.
    fn values(&self, list: u32) -> Option<Vec<Value>> {
        let list = self.base.lists.get(list as usize)?;
        list.iter().map(|operand| self.value(*operand).cloned()).collect()
    }

    /// Runs a part of the base plan with what is known.
    fn run(&mut self, range: Range<usize>, result: Slot) -> Ran {
        let mut slots = BTreeMap::new();
        let (mut slots_max, mut marks_max) = (0, 0);
        for op in self.base.ops.get(range.clone()).unwrap_or_default() {
            self.base.reads(op, &mut |operand| {
                if let (Err(slot), Some(value)) = (operand.as_constant(), self.value(operand)) {
                    slots.entry(slot.0).or_insert_with(|| value.clone());
                    slots_max = slots_max.max(slot.0 + 1);
                }
            });
            self.base.writes(op, &mut |slot| {
                if slot.wanted() {
                    slots_max = slots_max.max(slot.0 + 1);
                }
            });
            if let Op::Try { mark, .. } | Op::Mark { mark } = op {
                marks_max = marks_max.max(mark + 1);
            }
        }
        self.runner.run(range, (slots_max, marks_max), slots, result)
    }
}
