//! Which rule needs which: for recursion, and for the order in which types are found.
//!
//! References that are not ground may need whole subtrees; edges go to a node that stands for the subtree, so that the graph
//! stays linear in the text.

use std::collections::{BTreeMap, VecDeque};

use super::narrow::Narrow;
use super::tree::{NodeId, RuleId, Tree, scalar};
use super::walk::{self, Part};
use crate::ast::{Module, Node, Ref, Rule, Term};
use crate::depth::grow;
use crate::hash::HashMap;

/// A rule or one of its `else` branches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BranchId {
    /// The rule.
    pub rule: RuleId,
    /// 0 for the rule itself, then its `else` branches in order.
    pub branch: usize,
}

/// Rules and what they need.
pub(super) struct Graph {
    /// The first node of each rule, by module.
    first: Vec<Vec<usize>>,
    branches: Vec<BranchId>,
    edges: Vec<Vec<usize>>,
    /// All branches, each after those that it needs.
    sorted: Vec<usize>,
    /// The branches that need themselves, as they were when the graph was built.
    pub cyclic: BTreeMap<usize, Rule>,
}

/// The whole reference of a rule, from `data`.
pub(super) fn full_reference(module: &Module, rule: &Rule) -> Ref {
    let mut reference = module.package.clone();
    for (index, term) in rule.head.reference.iter().enumerate() {
        let mut term = term.clone();
        if let (0, Node::Var(name)) = (index, &term.node) {
            term.node = Node::Value(lumen_value::Value::String(name.clone()));
        }
        reference.push(term);
    }
    reference
}

/// A branch of the modules.
pub(super) fn branch(modules: &[Module], id: BranchId) -> Option<(&Module, &Rule)> {
    let module = modules.get(id.rule.module)?;
    let rule = module.rules.get(id.rule.rule)?;
    let rule = if id.branch == 0 { rule } else { rule.otherwise.get(id.branch - 1)? };
    Some((module, rule))
}

impl Graph {
    /// The graph of modules in which locals are renamed and calls flattened.
    pub(super) fn build(tree: &Tree, modules: &[Module]) -> Self {
        let mut graph = Self {
            first: Vec::new(),
            branches: Vec::new(),
            edges: Vec::new(),
            sorted: Vec::new(),
            cyclic: BTreeMap::new(),
        };
        for (index, module) in modules.iter().enumerate() {
            let mut first = Vec::with_capacity(module.rules.len());
            for (position, rule) in module.rules.iter().enumerate() {
                first.push(graph.branches.len());
                let id = RuleId { module: index, rule: position };
                graph.branches.extend((0..=rule.otherwise.len()).map(|branch| BranchId { rule: id, branch }));
            }
            graph.first.push(first);
        }
        graph.edges.resize(graph.branches.len(), Vec::new());
        let tree_nodes = 3 * tree.ids().count();
        graph.edges.resize(graph.branches.len() + tree_nodes, Vec::new());
        graph.add_groups(modules);
        graph.add_tree(tree, modules);
        for at in 0..graph.branches.len() {
            let Some((_, rule)) = graph.branches.get(at).and_then(|id| branch(modules, *id)) else {
                continue;
            };
            let mut edges = Vec::new();
            graph.needs(tree, modules, rule, &mut edges);
            edges.sort_unstable();
            edges.dedup();
            if let Some(slot) = graph.edges.get_mut(at) {
                *slot = edges;
            }
        }
        graph.find_cycles(modules);
        graph
    }

    /// A rule with `else` branches is needed with all of them: they have a node of their own.
    fn add_groups(&mut self, modules: &[Module]) {
        for (index, module) in modules.iter().enumerate() {
            for (position, rule) in
                module.rules.iter().enumerate().filter(|(_, rule)| !rule.otherwise.is_empty())
            {
                let group = self.edges.len();
                let Some(first) = self.first.get_mut(index).and_then(|rules| rules.get_mut(position)) else {
                    continue;
                };
                self.edges.push((*first..=*first + rule.otherwise.len()).collect());
                *first = group;
            }
        }
    }

    /// The node that stands for a rule with its branches.
    fn rule_node(&self, id: RuleId) -> usize {
        self.first.get(id.module).and_then(|rules| rules.get(id.rule)).copied().unwrap_or_default()
    }

    fn find_cycles(&mut self, modules: &[Module]) {
        let components = Tarjan::run(&self.edges);
        for group in &components {
            let itself = |node: &usize| self.edges.get(*node).is_some_and(|edges| edges.contains(node));
            if group.len() < 2 && !group.iter().any(itself) {
                continue;
            }
            for node in group.iter().filter(|node| **node < self.branches.len()) {
                if let Some((_, rule)) = self.branches.get(*node).and_then(|id| branch(modules, *id)) {
                    self.cyclic.insert(*node, shallow(rule));
                }
            }
        }
        self.sorted = components.into_iter().flatten().filter(|node| *node < self.branches.len()).collect();
    }

    /// The branch of a node.
    pub(super) fn branch_id(&self, node: usize) -> Option<BranchId> {
        self.branches.get(node).copied()
    }

    /// The node that stands for all rules at and below a node of the tree.
    fn subtree(&self, id: NodeId) -> usize {
        self.branches.len() + 3 * id.index()
    }

    /// The node that stands for the rules of a node of the tree that every reference to it meets.
    fn open(&self, id: NodeId) -> usize {
        self.subtree(id) + 2
    }

    /// The node that stands for all rules below a node of the tree.
    fn below(&self, id: NodeId) -> usize {
        self.subtree(id) + 1
    }

    fn add_tree(&mut self, tree: &Tree, modules: &[Module]) {
        for id in tree.ids() {
            let node = tree.node(id);
            let mut here = vec![self.below(id), self.open(id)];
            let mut open = Vec::new();
            for rule in &node.all {
                let list = if is_closed(modules, *rule, node.all.len()) { &mut here } else { &mut open };
                list.push(self.rule_node(*rule));
            }
            let below = node.children.values().map(|child| self.subtree(*child)).collect();
            for (at, edges) in [(self.subtree(id), here), (self.below(id), below), (self.open(id), open)] {
                if let Some(slot) = self.edges.get_mut(at) {
                    *slot = edges;
                }
            }
        }
    }

    /// What one branch needs.
    fn needs(&self, tree: &Tree, modules: &[Module], rule: &Rule, edges: &mut Vec<usize>) {
        let mut narrow = Narrow::default();
        let mut visit = |part: Part<'_>, at: usize| {
            if let Part::Term(Term { node: Node::Ref(reference), .. }) = part {
                if !super::state::starts_at_data(reference) {
                    return false;
                }
                for narrowed in narrow.expand(&rule.body, reference, at) {
                    self.select(tree, modules, &narrowed, tree.root(), 1, edges);
                }
            }
            false
        };
        for (at, expr) in rule.body.iter().enumerate() {
            walk::expr(expr, &mut |part| visit(part, at));
        }
        walk::head(&rule.head, &mut |part| visit(part, rule.body.len()));
    }

    /// The rules that a reference may mean.
    fn select(
        &self,
        tree: &Tree,
        modules: &[Module],
        reference: &[Term],
        at: NodeId,
        index: usize,
        edges: &mut Vec<usize>,
    ) {
        let Some(term) = reference.get(index) else {
            edges.push(self.subtree(at));
            return;
        };
        let node = tree.node(at);
        if let Some(key) = scalar(term) {
            if let Some(child) = node.children.get(key) {
                self.intersecting(tree, modules, reference, *child, index + 1, edges);
                grow(|| self.select(tree, modules, reference, *child, index + 1, edges));
            }
        } else if super::narrow::constant(term).is_none() {
            if index + 1 == reference.len() {
                edges.push(self.below(at));
                return;
            }
            for child in node.children.values() {
                self.intersecting(tree, modules, reference, *child, index + 1, edges);
                grow(|| self.select(tree, modules, reference, *child, index + 1, edges));
            }
        }
    }

    /// The rules of a node whose own reference may still meet the rest of another.
    fn intersecting(
        &self,
        tree: &Tree,
        modules: &[Module],
        reference: &[Term],
        at: NodeId,
        index: usize,
        edges: &mut Vec<usize>,
    ) {
        let node = tree.node(at);
        edges.push(self.open(at));
        for id in node.all.iter().filter(|id| is_closed(modules, **id, node.all.len())) {
            let Some(module) = modules.get(id.module) else { continue };
            let Some(rule) = module.rules.get(id.rule) else { continue };
            // A rule that ends here meets every reference: the rest only looks into its value.
            let own = rule.head.reference.iter().skip(index.saturating_sub(module.package.len()));
            let meets = own.zip(reference.iter().skip(index)).all(|(one, other)| {
                match (scalar(one), scalar(other)) {
                    (Some(one), Some(other)) => one == other,
                    _ => true,
                }
            });
            if meets {
                edges.push(self.rule_node(*id));
            }
        }
    }

    /// How many nodes and edges there are.
    pub(super) fn size(&self) -> usize {
        self.edges.len() + self.edges.iter().map(Vec::len).sum::<usize>()
    }

    /// The branches that need one of those that `starts` picks, by whatever way; those picked are among them.
    pub(super) fn dependents(&self, starts: &dyn Fn(BranchId) -> bool) -> Vec<BranchId> {
        let mut needed_by = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            for to in edges {
                if let Some(list) = needed_by.get_mut(*to) {
                    list.push(from);
                }
            }
        }
        let mut queue: Vec<usize> =
            self.branches.iter().enumerate().filter(|(_, id)| starts(**id)).map(|(node, _)| node).collect();
        let mut seen = vec![false; self.edges.len()];
        let mut found = Vec::new();
        while let Some(node) = queue.pop() {
            match seen.get_mut(node) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            found.extend(self.branches.get(node).copied());
            queue.extend(needed_by.get(node).into_iter().flatten());
        }
        found
    }

    /// All branches, each after those that it needs.
    #[allow(dead_code, reason = "types are found in this order")]
    pub(super) fn sorted(&self) -> impl Iterator<Item = BranchId> {
        self.sorted.iter().filter_map(|node| self.branches.get(*node).copied())
    }

    /// The shortest way from a branch back to itself, over such pairs of branches as may follow each other.
    pub(super) fn cycle(&self, start: usize, allows: &dyn Fn(usize, usize) -> bool) -> Option<Vec<usize>> {
        let is_branch = |node: usize| node < self.branches.len();
        // Each node with the branch that it was reached from: what lies between two branches is no part of the path.
        let mut from: HashMap<usize, usize> = HashMap::default();
        let mut queue = VecDeque::from([(start, start)]);
        while let Some((at, last)) = queue.pop_front() {
            for &next in self.edges.get(at).into_iter().flatten() {
                if !is_branch(next) {
                    if from.insert(next, last).is_none() {
                        queue.push_back((next, last));
                    }
                    continue;
                }
                if !self.cyclic.contains_key(&next) || (next != start && from.contains_key(&next)) {
                    continue;
                }
                if !allows(last, next) {
                    continue;
                }
                if next == start {
                    let mut path = vec![start, last];
                    let mut back = last;
                    while back != start {
                        back = *from.get(&back)?;
                        path.push(back);
                    }
                    if last == start {
                        path.truncate(2);
                    }
                    path.reverse();
                    return Some(path);
                }
                from.insert(next, last);
                queue.push_back((next, next));
            }
        }
        None
    }
}

/// A rule without its `else` branches.
fn shallow(rule: &Rule) -> Rule {
    Rule {
        default: rule.default,
        head: rule.head.clone(),
        body: rule.body.clone(),
        generated_body: rule.generated_body,
        otherwise: Vec::new(),
        span: rule.span,
    }
}

/// At nodes with more rules than this none is looked at closely, so that references and rules do not multiply.
const CLOSED_MAX: usize = 256;

/// Whether a reference to a rule's node may miss the rule: a constant stands in it behind a variable.
fn is_closed(modules: &[Module], id: RuleId, rules: usize) -> bool {
    let rule = modules.get(id.module).and_then(|module| module.rules.get(id.rule));
    let Some(rule) = rule.filter(|_| rules <= CLOSED_MAX) else { return false };
    rule.head
        .reference
        .iter()
        .skip(1)
        .skip_while(|term| scalar(term).is_some())
        .any(|term| scalar(term).is_some())
}

/// Strongly connected components, without native recursion.
struct Tarjan<'a> {
    edges: &'a [Vec<usize>],
    order: Vec<Option<usize>>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    count: usize,
    found: Vec<Vec<usize>>,
}

impl<'a> Tarjan<'a> {
    fn run(edges: &'a [Vec<usize>]) -> Vec<Vec<usize>> {
        let count = edges.len();
        let mut tarjan = Self {
            edges,
            order: vec![None; count],
            low: vec![0; count],
            on_stack: vec![false; count],
            stack: Vec::new(),
            count: 0,
            found: Vec::new(),
        };
        for node in 0..count {
            if tarjan.order.get(node).is_some_and(Option::is_none) {
                tarjan.visit(node);
            }
        }
        tarjan.found
    }

    fn enter(&mut self, node: usize) {
        if let (Some(order), Some(low), Some(on)) =
            (self.order.get_mut(node), self.low.get_mut(node), self.on_stack.get_mut(node))
        {
            *order = Some(self.count);
            *low = self.count;
            *on = true;
        }
        self.count += 1;
        self.stack.push(node);
    }

    fn lower(&mut self, node: usize, to: usize) {
        if let Some(low) = self.low.get_mut(node) {
            *low = to.min(*low);
        }
    }

    fn visit(&mut self, start: usize) {
        let mut frames = vec![(start, 0)];
        self.enter(start);
        while let Some((node, next)) = frames.last_mut() {
            let node = *node;
            if let Some(&to) = self.edges.get(node).and_then(|edges| edges.get(*next)) {
                *next += 1;
                match self.order.get(to).copied().flatten() {
                    None => {
                        self.enter(to);
                        frames.push((to, 0));
                    }
                    Some(order) => {
                        if self.on_stack.get(to).is_some_and(|on| *on) {
                            self.lower(node, order);
                        }
                    }
                }
                continue;
            }
            frames.pop();
            let low = self.low.get(node).copied().unwrap_or_default();
            if let Some((parent, _)) = frames.last() {
                self.lower(*parent, low);
            }
            if self.order.get(node).copied().flatten() == Some(low) {
                let mut group = Vec::new();
                while let Some(member) = self.stack.pop() {
                    if let Some(on) = self.on_stack.get_mut(member) {
                        *on = false;
                    }
                    group.push(member);
                    if member == node {
                        break;
                    }
                }
                group.sort_unstable();
                self.found.push(group);
            }
        }
    }
}
