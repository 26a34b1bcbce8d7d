//! References: into local values, `input`, base documents and rules, and into the latter two at once.

use lumen_value::Value;

use super::body::{Procedure, is_wildcard};
use super::build::{Planned, Planner, unplanned};
use super::unify::constant;
use super::{Kind, Op, Operand, Root, Slot};
use crate::ast::{Node, Term};

/// What the value that is looked into is.
#[derive(Clone, Copy)]
enum From {
    Root(Root),
    Operand(Operand),
}

impl Planner<'_> {
    /// Whether a document can be called with no arguments at all.
    pub(super) fn is_nullary(&self, document: u32) -> bool {
        // Documents and nodes of the tree of rules were made in the same order.
        let path = self.plan.documents.get(document as usize).map(|document| &document.path);
        let node = path.and_then(|path| self.checked.tree.find(path));
        node.is_some_and(|node| self.checked.tree.node(node).arity == Some(0))
    }
}

impl Procedure<'_, '_> {
    /// The values of a reference.
    pub(super) fn reference(&mut self, terms: &[Term]) -> Planned<Operand> {
        let span = self.span();
        let (first, keys) = terms.split_first().ok_or_else(|| unplanned(span, "a reference of nothing"))?;
        let root = match &first.node {
            Node::Var(name) if *name == "data" => return self.data(keys),
            Node::Var(name) if *name == "input" => From::Root(Root::Input),
            _ => From::Operand(self.value(first)?),
        };
        self.keys(root, keys)
    }

    /// Looks into a value, key by key.
    fn keys(&mut self, from: From, keys: &[Term]) -> Planned<Operand> {
        let mut from = from;
        let mut rest = keys;
        loop {
            let many = if self.planner.options.optimisations.input_paths { usize::MAX } else { 1 };
            let fixed: Vec<Value> = rest.iter().map_while(constant).take(many).collect();
            if fixed.len() == 1 && many == 1 && matches!(from, From::Operand(_)) && rest.len() > 1 {
                rest = rest.get(1..).unwrap_or_default();
                from = self.path(from, fixed);
                continue;
            }
            rest = rest.get(fixed.len()..).unwrap_or_default();
            if let (From::Root(Root::Data), false) = (from, rest.is_empty()) {
                from = From::Root(Root::Below);
            }
            from = self.path(from, fixed);
            let Some((key, after)) = rest.split_first() else { break };
            let operand = self.operand(from);
            from = From::Operand(self.key(operand, key)?);
            rest = after;
        }
        Ok(self.operand(from))
    }

    /// What stands at a constant path below a value.
    fn path(&mut self, from: From, path: Vec<Value>) -> From {
        let root = match from {
            From::Operand(_) if path.is_empty() => return from,
            From::Operand(operand) => Root::Operand(operand),
            From::Root(root) => root,
        };
        let to = self.slot();
        if let (Root::Operand(from), [key]) = (root, path.as_slice()) {
            let key = self.planner.constant(key.clone());
            self.op(Op::Get { to, from, key });
        } else {
            let path = self.planner.path(path);
            self.op(Op::Path { to, root, path });
        }
        From::Operand(Operand::slot(to))
    }

    fn operand(&mut self, from: From) -> Operand {
        match from {
            From::Operand(operand) => operand,
            From::Root(_) => match self.path(from, Vec::new()) {
                From::Operand(operand) => operand,
                // A path ends in a slot.
                From::Root(_) => Operand::slot(Slot(0)),
            },
        }
    }

    /// One key that is not constant: a value, or what is gone through.
    fn key(&mut self, from: Operand, key: &Term) -> Planned<Operand> {
        let value = self.slot();
        match &key.node {
            Node::Var(name) if is_wildcard(name) => {
                self.op(Op::Iterate { from, key: Slot::NONE, value });
            }
            Node::Var(name) if self.bound_value(name).is_none() => {
                let slot = self.bind(name);
                self.op(Op::Iterate { from, key: slot, value });
            }
            Node::Array(_) | Node::Object(_) if !self.is_bound(key) => {
                let found = self.slot();
                self.op(Op::Iterate { from, key: found, value });
                self.matches(Operand::slot(found), key)?;
            }
            _ => {
                let key = self.value(key)?;
                self.op(Op::Get { to: value, from, key });
            }
        }
        Ok(Operand::slot(value))
    }

    /// A reference below `data`: as far as its keys are constant it is known now what stands there.
    fn data(&mut self, keys: &[Term]) -> Planned<Operand> {
        let mut at = 0;
        let mut depth = 0;
        loop {
            let node = self.planner.plan.nodes.get(at as usize);
            let Some((document, rules)) = node.and_then(|node| Some((node.document?, node.rules))) else {
                return self.keys(From::Root(Root::Data), keys);
            };
            let rest = keys.get(depth..).unwrap_or_default();
            if rules {
                return self.document_keys(document, rest);
            }
            let Some(key) = rest.first() else {
                let to = self.slot();
                self.op(Op::Document { to, document });
                return Ok(Operand::slot(to));
            };
            let Some(key) = constant(key) else { return self.tree_walk(at, rest) };
            let Some(child) = self.planner.child(at, &key) else {
                return self.keys(From::Root(Root::Data), keys);
            };
            at = child;
            depth += 1;
        }
    }

    /// What rules give, and keys below it.
    fn document_keys(&mut self, document: u32, keys: &[Term]) -> Planned<Operand> {
        let to = self.slot();
        let known = self.planner.plan.documents.get(document as usize);
        let (kind, keyed_max) =
            known.map_or((Kind::Complete, 0), |known| (known.kind, self.planner.keyed_max(document)));
        if kind == Kind::Function {
            // A function has no value of its own.
            self.op(Op::Fail);
            return Ok(Operand::slot(to));
        }
        let given = keys.iter().take_while(|key| self.is_bound(key)).count().min(keyed_max);
        if kind != Kind::Partial || given == 0 {
            self.op(Op::Document { to, document });
            return self.keys(From::Operand(Operand::slot(to)), keys);
        }
        let mut list = Vec::with_capacity(given);
        for key in keys.iter().take(given) {
            list.push(self.value(key)?);
        }
        let mut from = Operand::slot(to);
        let operands = list.clone();
        let list = self.planner.list(list);
        self.op(Op::Keyed { to, document, list });
        for key in operands {
            let next = self.slot();
            self.op(Op::Get { to: next, from, key });
            from = Operand::slot(next);
        }
        self.keys(From::Operand(from), keys.get(given..).unwrap_or_default())
    }

    /// Keys that are not constant where both rules and base documents may stand.
    fn tree_walk(&mut self, node: u32, keys: &[Term]) -> Planned<Operand> {
        let mut cursor = self.slot();
        self.op(Op::TreeStart { to: cursor, node });
        for key in keys {
            let to = self.slot();
            match &key.node {
                Node::Var(name) if is_wildcard(name) => {
                    self.op(Op::TreeIterate { to, from: cursor, key: Slot::NONE });
                }
                Node::Var(name) if self.bound_value(name).is_none() => {
                    let slot = self.bind(name);
                    self.op(Op::TreeIterate { to, from: cursor, key: slot });
                }
                Node::Array(_) | Node::Object(_) if !self.is_bound(key) => {
                    let found = self.slot();
                    self.op(Op::TreeIterate { to, from: cursor, key: found });
                    self.matches(Operand::slot(found), key)?;
                }
                _ => {
                    let key = self.value(key)?;
                    self.op(Op::TreeStep { to, from: cursor, key });
                }
            }
            cursor = to;
        }
        let to = self.slot();
        self.op(Op::TreeEnd { to, from: cursor });
        Ok(Operand::slot(to))
    }
}
