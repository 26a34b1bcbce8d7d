//! The tree of rules: from a path below `data` to the rules that stand there. The planner and the checks both start from it.
//!
//! A rule stands at the ground part of its reference: `p.q[x].r` of package `a` at `data.a.p.q`. The tree of OPA's compiler
//! has the same shape (`v1/ast/compile.go`, `TreeNode`).

use std::collections::BTreeMap;

use lumen_value::Value;

use crate::ast::{Module, Node, Ref, Rule, RuleKind, Term};

/// Which rule: the module's index in [`super::Checked::modules`], the rule's index in the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// Index of the module.
    pub module: usize,
    /// Index of the rule in the module.
    pub rule: usize,
}

/// Which node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

impl NodeId {
    /// Nodes count from 0, without gaps.
    pub(super) const fn index(self) -> usize {
        self.0
    }
}

/// What stands at one path.
#[derive(Clone, Debug, Default)]
pub struct TreeNode {
    /// The rules, without the default, modules in the order of their names. `else` branches belong to their rule.
    pub rules: Vec<RuleId>,
    /// All rules here, defaults as well, in the order of module names and places.
    pub all: Vec<RuleId>,
    /// `default` rules; a sound tree has at most one here.
    pub defaults: Vec<RuleId>,
    /// What kind of document they make; none where no rule stands here.
    pub kind: Option<RuleKind>,
    /// How many arguments they have; `None` where they are no functions.
    pub arity: Option<usize>,
    /// Some rule's reference goes on with a variable below this path: the document is built key by key.
    pub dynamic: bool,
    /// What stands below, in the order of values.
    pub children: BTreeMap<Value, NodeId>,
    /// `data.system`, and nothing else: left out where a reference is not ground.
    pub hidden: bool,
}

impl TreeNode {
    /// Whether any rule stands here.
    pub fn is_rule(&self) -> bool {
        self.kind.is_some()
    }
}

/// Rules by path. The root is `data`.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<TreeNode>,
    /// The keys of all paths together.
    keys: usize,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![TreeNode::default()], keys: 0 }
    }
}

/// What a constant key of a reference is as a value. Collections have none: in heads they became variables.
pub(crate) fn scalar(term: &Term) -> Option<&Value> {
    match &term.node {
        Node::Value(value) => Some(value),
        _ => None,
    }
}

/// The path of a rule's reference below `data`: the package's, the name, and the keys up to the first that is not constant.
pub fn rule_path(package: &Ref, reference: &Ref) -> Vec<Value> {
    let mut path: Vec<Value> = package.iter().skip(1).map_while(|term| scalar(term).cloned()).collect();
    for (index, term) in reference.iter().enumerate() {
        match &term.node {
            Node::Var(name) if index == 0 => path.push(Value::String(name.clone())),
            Node::Value(value) => path.push(value.clone()),
            _ => break,
        }
    }
    path
}

impl Tree {
    /// The tree of modules whose heads' references are rewritten already; `order` lists the modules by name.
    pub fn build(modules: &[Module], order: &[usize]) -> Self {
        let mut tree = Self::default();
        for (index, module) in
            order.iter().filter_map(|&index| modules.get(index).map(|module| (index, module)))
        {
            if module.rules.is_empty() {
                tree.insert(module.package.iter().skip(1).filter_map(|term| scalar(term).cloned()));
            }
            for (position, rule) in module.rules.iter().enumerate() {
                tree.add(&module.package, rule, RuleId { module: index, rule: position });
            }
        }
        let system = Value::from("system");
        if let Some(id) = tree.child(tree.root(), &system)
            && let Some(node) = tree.nodes.get_mut(id.0)
        {
            node.hidden = true;
        }
        tree
    }

    fn add(&mut self, package: &Ref, rule: &Rule, id: RuleId) {
        let path = rule_path(package, &rule.head.reference);
        let dynamic = path.len() < package.len() - 1 + rule.head.reference.len();
        let at = self.insert(path.into_iter());
        let Some(node) = self.nodes.get_mut(at.0) else { return };
        node.kind = node.kind.or(Some(rule.head.kind()));
        node.arity = node.arity.or(rule.head.arguments.as_ref().map(Vec::len));
        node.dynamic |= dynamic;
        node.all.push(id);
        if rule.default {
            node.defaults.push(id);
        } else {
            node.rules.push(id);
        }
    }

    fn insert(&mut self, path: impl Iterator<Item = Value>) -> NodeId {
        let mut at = self.root();
        for (key, depth) in path.zip(1..) {
            let fresh = NodeId(self.nodes.len());
            let Some(node) = self.nodes.get_mut(at.0) else { return at };
            at = *node.children.entry(key).or_insert(fresh);
            if at == fresh {
                self.nodes.push(TreeNode::default());
                self.keys += depth;
            }
        }
        at
    }

    /// How many keys the paths of all nodes have together: what it takes to write them all down.
    pub(super) const fn keys(&self) -> usize {
        self.keys
    }

    /// `data`.
    pub const fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// A node. Ids come from this tree only.
    #[expect(
        clippy::indexing_slicing,
        reason = "an id is an index that this tree gave out, and nodes are never taken away"
    )]
    pub fn node(&self, id: NodeId) -> &TreeNode {
        &self.nodes[id.0]
    }

    /// What stands below a node under a key.
    pub fn child(&self, id: NodeId, key: &Value) -> Option<NodeId> {
        self.node(id).children.get(key).copied()
    }

    /// The node at exactly this path below `data`.
    pub fn find<'a>(&self, path: impl IntoIterator<Item = &'a Value>) -> Option<NodeId> {
        let mut at = self.root();
        for key in path {
            at = self.child(at, key)?;
        }
        Some(at)
    }

    /// The node at exactly a reference that starts at `data`; `None` too where a key of it is not constant.
    pub fn find_ref(&self, reference: &[Term]) -> Option<NodeId> {
        let (first, rest) = reference.split_first()?;
        if !matches!(&first.node, Node::Var(name) if *name == "data") {
            return None;
        }
        let mut at = self.root();
        for term in rest {
            at = self.child(at, scalar(term)?)?;
        }
        Some(at)
    }

    /// All nodes.
    pub(super) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// A node and all below it, parents first, children in the order of their keys.
    pub fn below(&self, id: NodeId) -> Vec<NodeId> {
        let mut found = Vec::new();
        let mut pending = vec![id];
        while let Some(next) = pending.pop() {
            found.push(next);
            pending.extend(self.node(next).children.values().rev());
        }
        found
    }
}
