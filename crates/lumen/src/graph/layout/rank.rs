//! Columns of groups, and layers of nodes.

use crate::graph::{Graph, Lane};

/// Which layer each node is in, from left to right.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranks {
    /// For each node its layer.
    pub(super) layer: Vec<usize>,
    /// For each layer its column.
    pub(super) column_of: Vec<usize>,
    /// For each column its layers: the first, and how many.
    pub(super) columns: Vec<(usize, usize)>,
    /// For each group its column.
    pub(super) group_column: Vec<usize>,
}

/// Ranks the nodes. Nodes that an edge joins are never in one layer.
pub(super) fn rank(graph: &Graph) -> Ranks {
    let lane = |node: usize| graph.nodes.get(node).map(|node| node.lane);
    let group = |node: usize| match lane(node) {
        Some(Lane::Group(group)) => Some(group),
        _ => None,
    };
    let between = graph.edges.iter().filter_map(|edge| {
        let (from, to) = (group(edge.from)?, group(edge.to)?);
        (from != to).then_some((from, to))
    });
    let has_before = graph.nodes.iter().any(|node| node.lane == Lane::Before);
    let has_after = graph.nodes.iter().any(|node| node.lane == Lane::After);
    let first = usize::from(has_before);
    let group_column: Vec<usize> =
        levels(graph.groups.len(), &between.collect::<Vec<_>>()).iter().map(|level| level + first).collect();

    // Within a group.
    let mut inner = vec![0; graph.nodes.len()];
    for number in 0..graph.groups.len() {
        let members: Vec<usize> =
            (0..graph.nodes.len()).filter(|node| lane(*node) == Some(Lane::Group(number))).collect();
        let at = |node: usize| members.binary_search(&node).ok();
        let edges = graph.edges.iter().filter_map(|edge| Some((at(edge.from)?, at(edge.to)?)));
        let found = levels(members.len(), &edges.collect::<Vec<_>>());
        for (node, level) in members.iter().zip(found) {
            if let Some(place) = inner.get_mut(*node) {
                *place = level;
            }
        }
    }
    let last = group_column.iter().max().map_or(first, |column| column + 1);
    let count = if has_after { last + 1 } else { last };
    let column = |node: usize| match lane(node) {
        Some(Lane::Group(group)) => group_column.get(group).copied().unwrap_or_default(),
        Some(Lane::After) => last,
        _ => 0,
    };
    let mut columns = vec![(0, 1); count];
    for (node, level) in inner.iter().enumerate() {
        if let Some((_, depth)) = columns.get_mut(column(node)) {
            *depth = (*depth).max(level + 1);
        }
    }
    let mut start = 0;
    let mut column_of = Vec::new();
    for (number, (first, depth)) in columns.iter_mut().enumerate() {
        *first = start;
        start += *depth;
        column_of.extend(std::iter::repeat_n(number, *depth));
    }
    let layer =
        |(node, level): (usize, &usize)| columns.get(column(node)).map_or(0, |(first, _)| first + level);
    let layer = inner.iter().enumerate().map(layer).collect();
    Ranks { layer, column_of, columns, group_column }
}

/// The level of each of some things: one more than that of every one that leads to it, as far as circles allow. Things
/// that send more than they receive go first; edges against that order count backwards.
fn levels(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut edges = edges.to_vec();
    edges.retain(|(from, to)| from != to);
    edges.sort_unstable();
    edges.dedup();
    let mut balance = vec![0_i64; count];
    for (from, to) in &edges {
        for (node, weight) in [(from, 1), (to, -1)] {
            if let Some(balance) = balance.get_mut(*node) {
                *balance += weight;
            }
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|node| (std::cmp::Reverse(balance.get(*node).copied()), *node));
    let mut place = vec![0; count];
    for (at, node) in order.iter().enumerate() {
        if let Some(place) = place.get_mut(*node) {
            *place = at;
        }
    }
    let at = |node: usize| place.get(node).copied().unwrap_or_default();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (from, to) in edges {
        let (left, right) = if at(from) < at(to) { (from, to) } else { (to, from) };
        if let Some(list) = before.get_mut(right) {
            list.push(left);
        }
    }
    let mut levels = vec![0; count];
    for node in order {
        let left = before.get(node).into_iter().flatten();
        let level = left.filter_map(|left| levels.get(*left)).map(|level| level + 1).max().unwrap_or(0);
        if let Some(place) = levels.get_mut(node) {
            *place = level;
        }
    }
    levels
}
