//! What conditions may be for the classes of one subject's values, found from their parts in three-valued logic: a test of
//! another subject may hold and may fail.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;

use super::bits::Bits;
use super::classes::{Found, Verdicts};
use super::graph::{Graph, Node, NodeId};
use crate::field::Kind;
use crate::term::Term;

/// Most bits that are kept while conditions are looked through for one subject.
const BITS_MAX: usize = 1 << 27;

type Known = HashMap<NodeId, Rc<Verdicts>, FixedState>;

/// What is known of all conditions for one subject.
pub(super) struct View {
    /// How many classes there are.
    pub(super) count: usize,
    prior: Prior,
    /// Of the nodes that are conditions of rules, those that some class makes impossible.
    pub(super) conditions: Known,
}

/// Which class a value is guessed to be of, where guards are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prior {
    /// Of this one.
    Usual(usize),
    /// Of each as probably as of another.
    Any,
    /// Of the one that leaves most rules possible: fields with few values, of which rules name those that events have.
    Worst,
}

/// Fields with few values.
const FEW: [&str; 8] = [
    "container.id",
    "evt.dir",
    "evt.res",
    "evt.source",
    "fd.l4proto",
    "fd.sockfamily",
    "fd.type",
    "fd.typechar",
];

impl Prior {
    fn of(subject: &Term, found: &Found) -> Self {
        match (subject, found.usual) {
            (Term::Field(used), _) if FEW.contains(&used.id.field().name) => Self::Worst,
            (Term::Field(used), None) if used.id.field().kind == Kind::Bool => Self::Any,
            (_, Some(usual)) => Self::Usual(usual),
            (_, None) => Self::Worst,
        }
    }
}

impl Prior {
    /// How probable it is that a node holds that depends on one subject alone: a guess.
    fn chance(self, verdicts: &Verdicts) -> f32 {
        match self {
            Self::Any => 0.5,
            Self::Worst => 0.8,
            Self::Usual(class) => {
                match (verdicts.may_hold.contains(class), verdicts.may_fail.contains(class)) {
                    (true, false) => 0.95,
                    (false, _) => 0.05,
                    (true, true) => 0.3,
                }
            }
        }
    }
}

impl View {
    /// How probable it is for each condition that depends on the subject that it may hold: a guess.
    #[expect(clippy::cast_precision_loss, reason = "it is a guess")]
    pub(super) fn chances(&self, conditions: &[NodeId]) -> Vec<(usize, f32)> {
        let known = conditions.iter().enumerate();
        let known = known.filter_map(|(rule, id)| Some((rule, &self.conditions.get(id)?.may_hold)));
        let known: Vec<(usize, &Bits)> = known.collect();
        let guessed = match self.prior {
            Prior::Usual(usual) => Some(usual),
            Prior::Any => None,
            Prior::Worst => {
                let mut counts = vec![0_u32; self.count];
                for class in known.iter().flat_map(|(_, may_hold)| may_hold.iter()) {
                    if let Some(count) = counts.get_mut(class) {
                        *count += 1;
                    }
                }
                counts.iter().enumerate().max_by_key(|(_, count)| **count).map(|(class, _)| class)
            }
        };
        let chance = |may_hold: &Bits| match guessed {
            Some(class) if may_hold.contains(class) => 1.0,
            Some(_) => 0.1,
            None => may_hold.count() as f32 / self.count as f32,
        };
        known.into_iter().map(|(rule, may_hold)| (rule, chance(may_hold))).collect()
    }
}

/// A graph, prepared to be looked through.
pub(super) struct Views<'g> {
    graph: &'g Graph,
    parents: Parents,
    /// The nodes of tests, by their places.
    node_of_test: Vec<Option<NodeId>>,
    /// The subject of all tests in a node, by its place; none where there are several.
    pub(super) subject_of: Vec<Option<u32>>,
    /// Whether a node is one of many parts of another, by its place.
    is_of_many: Vec<bool>,
}

/// So many parts are many.
const MANY: usize = 8;

impl<'g> Views<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        let mut node_of_test = vec![None; graph.tests.len()];
        let mut subject_of: Vec<Option<u32>> = Vec::with_capacity(graph.nodes.len());
        for (node, place) in graph.nodes.iter().zip(0..) {
            let subject = match node {
                Node::Test(test) => {
                    if let Some(of_test) = node_of_test.get_mut(*test as usize) {
                        *of_test = Some(NodeId(place));
                    }
                    graph.tests.get(*test as usize).map(|asked| asked.subject)
                }
                node => {
                    let mut subjects = node.children().iter().map(|child| *subject_of.get(child.place())?);
                    let first = subjects.next().flatten();
                    first.filter(|_| subjects.all(|subject| subject == first))
                }
            };
            subject_of.push(subject);
        }
        let mut is_of_many = vec![false; graph.nodes.len()];
        for children in graph.nodes.iter().map(Node::children).filter(|children| children.len() >= MANY) {
            for child in children {
                if let Some(is_of_many) = is_of_many.get_mut(child.place()) {
                    *is_of_many = true;
                }
            }
        }
        Self { graph, parents: Parents::of(graph), node_of_test, subject_of, is_of_many }
    }

    /// Looks through the conditions that depend on a subject, by its tests; `None` where that would take too much. Nodes that
    /// depend on nothing else are given to `decide`, and so are those that depend on more and are one of many parts.
    pub(super) fn view(
        &self,
        subject: u32,
        tests: &[usize],
        found: &Found,
        conditions: &[NodeId],
        mut decide: impl FnMut(NodeId, &Rc<Verdicts>, Option<f32>),
    ) -> Option<View> {
        let by_test: HashMap<usize, &Verdicts, FixedState> =
            tests.iter().copied().zip(&found.verdicts).collect();
        let prior = Prior::of(self.graph.subjects.get(subject as usize)?, found);
        let mut known = Known::default();
        for id in self.concerned(tests, BITS_MAX / found.count)? {
            let verdicts = match self.graph.nodes.get(id.place())? {
                Node::Test(test) => (*by_test.get(&(*test as usize))?).clone(),
                Node::Not(child) => known.get(child)?.inverted(),
                Node::All(children) => Verdicts::all(children, &known, found.count),
                Node::Any(children) => Verdicts::any(children, &known, found.count),
            };
            let verdicts = Rc::new(verdicts);
            match self.subject_of.get(id.place()) {
                Some(Some(_)) => decide(id, &verdicts, Some(prior.chance(&verdicts))),
                _ if self.is_of_many.get(id.place()) == Some(&true) => decide(id, &verdicts, None),
                _ => {}
            }
            known.insert(id, verdicts);
        }
        let conditions = conditions.iter().filter_map(|id| {
            let verdicts = known.get(id)?;
            (verdicts.may_hold.count() < found.count).then(|| (*id, Rc::clone(verdicts)))
        });
        Some(View { count: found.count, prior, conditions: conditions.collect() })
    }

    /// The nodes in which a test is, children before their parents; `None` where there are more than so many.
    fn concerned(&self, tests: &[usize], most: usize) -> Option<Vec<NodeId>> {
        let mut is_known = vec![false; self.graph.nodes.len()];
        let mut open: Vec<NodeId> = tests.iter().filter_map(|test| *self.node_of_test.get(*test)?).collect();
        let mut concerned = Vec::new();
        while let Some(node) = open.pop() {
            match is_known.get_mut(node.place()) {
                Some(is_known) if !*is_known => *is_known = true,
                _ => continue,
            }
            if concerned.len() >= most {
                return None;
            }
            concerned.push(node);
            open.extend_from_slice(self.parents.of_node(node));
        }
        // A node comes behind its children in the order of places.
        concerned.sort_unstable();
        Some(concerned)
    }
}

/// The nodes of which each node is a part.
struct Parents {
    /// Where those of a node begin in the list.
    starts: Vec<usize>,
    list: Vec<NodeId>,
}

impl Parents {
    fn of(graph: &Graph) -> Self {
        let mut starts = vec![0; graph.nodes.len() + 1];
        for child in graph.nodes.iter().flat_map(Node::children) {
            if let Some(start) = starts.get_mut(child.place() + 1) {
                *start += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut list = vec![NodeId(0); sum];
        let mut next = starts.clone();
        for (place, node) in graph.nodes.iter().enumerate() {
            let Ok(parent) = u32::try_from(place) else { break };
            for child in node.children() {
                let Some(next) = next.get_mut(child.place()) else { continue };
                if let Some(entry) = list.get_mut(*next) {
                    *entry = NodeId(parent);
                }
                *next += 1;
            }
        }
        Self { starts, list }
    }

    fn of_node(&self, node: NodeId) -> &[NodeId] {
        let bounds = self.starts.get(node.place()).zip(self.starts.get(node.place() + 1));
        bounds.and_then(|(start, end)| self.list.get(*start..*end)).unwrap_or_default()
    }
}

impl Verdicts {
    fn inverted(&self) -> Self {
        Self { may_hold: self.may_fail.clone(), may_fail: self.may_hold.clone() }
    }

    /// Of parts that all have to hold; one that is not known may do both.
    fn all(children: &[NodeId], known: &Known, count: usize) -> Self {
        let mut all = Self { may_hold: Bits::all(count), may_fail: Bits::none(count) };
        for child in children {
            match known.get(child) {
                Some(child) => {
                    all.may_hold.intersect(&child.may_hold);
                    all.may_fail.unite(&child.may_fail);
                }
                None => all.may_fail = Bits::all(count),
            }
        }
        all
    }

    /// Of parts of which one has to hold; one that is not known may do both.
    fn any(children: &[NodeId], known: &Known, count: usize) -> Self {
        let mut any = Self { may_hold: Bits::none(count), may_fail: Bits::all(count) };
        for child in children {
            match known.get(child) {
                Some(child) => {
                    any.may_hold.unite(&child.may_hold);
                    any.may_fail.intersect(&child.may_fail);
                }
                None => any.may_hold = Bits::all(count),
            }
        }
        any
    }
}
