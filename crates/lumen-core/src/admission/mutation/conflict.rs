//! Mutators say by their locations how objects look. Two that say different things about one kind are in conflict, and
//! neither is applied (gatekeeper `pkg/mutation/schema`).

use std::collections::BTreeSet;

use super::Mutator;
use super::location::Node;

/// What a location says about the value at one of its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing.
    Unknown,
    /// It is an object.
    Object,
    /// It is a list of objects that a key tells apart.
    List,
    /// It is a list of plain values.
    Set,
    /// It is a text.
    Text,
}

/// For each mutator another one that it is in conflict with, where there is one.
pub(super) fn find(mutators: &[Mutator]) -> Vec<Option<usize>> {
    let mut partners: Vec<Option<usize>> = vec![None; mutators.len()];
    for (number, mutator) in mutators.iter().enumerate() {
        for (other_number, other) in mutators.iter().enumerate().skip(number + 1) {
            let known = partners.get(number).copied().flatten().is_some()
                && partners.get(other_number).copied().flatten().is_some();
            if known || !contradict(mutator, other) || !meet(mutator, other) {
                continue;
            }
            for (one, another) in [(number, other_number), (other_number, number)] {
                if let Some(partner) = partners.get_mut(one) {
                    partner.get_or_insert(another);
                }
            }
        }
    }
    partners
}

/// Whether some kind and some operation are both mutators' business.
fn meet(a: &Mutator, b: &Mutator) -> bool {
    let touch = |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_disjoint(b);
    let (Some(a), Some(b)) = (&a.applies_to, &b.applies_to) else {
        return false;
    };
    a.iter().any(|a| {
        b.iter().any(|b| {
            touch(&a.groups, &b.groups)
                && touch(&a.versions, &b.versions)
                && touch(&a.kinds, &b.kinds)
                && ((a.on_create && b.on_create) || (a.on_update && b.on_update))
        })
    })
}

/// Whether the locations of two mutators cannot both be right.
fn contradict(a: &Mutator, b: &Mutator) -> bool {
    let (a_nodes, b_nodes) = (a.location.nodes(), b.location.nodes());
    let ends = |mutator: &Mutator, depth: usize| depth + 1 == mutator.location.nodes().len();
    for (depth, (a_node, b_node)) in a_nodes.iter().zip(b_nodes).enumerate() {
        if key(a_node) != key(b_node) {
            // Elements of one list are told apart by one key.
            return matches!((a_node, b_node), (Node::List { .. }, Node::List { .. }));
        }
        let (a_ends, b_ends) = (ends(a, depth), ends(b, depth));
        if (a_ends && a.is_end && !b_ends) || (b_ends && b.is_end && !a_ends) {
            return true;
        }
        let (a_shape, b_shape) = (shape(a, depth), shape(b, depth));
        if a_shape != b_shape {
            return a_shape != Shape::Unknown && b_shape != Shape::Unknown;
        }
    }
    false
}

fn key(node: &Node) -> &str {
    match node {
        Node::Field(name) => name,
        Node::List { key, .. } => key,
    }
}

/// What a location says about the value at a node: what is asked of it next.
fn shape(mutator: &Mutator, depth: usize) -> Shape {
    match mutator.location.nodes().get(depth + 1) {
        None => mutator.last_shape(),
        Some(Node::Field(_)) => Shape::Object,
        Some(Node::List { .. }) => Shape::List,
    }
}
