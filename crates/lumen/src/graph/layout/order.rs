//! The order of what stands in one layer, and the heights: edges should be short and cross little.

use std::collections::BTreeMap;

use super::rank::Ranks;
use super::{ROW, pixels};
use crate::graph::{Graph, Lane};

/// How often the layers are gone through.
const SWEEPS: usize = 16;
/// Space between blocks of a column, and above the first.
const BLOCK_GAP: i32 = 22;
/// Space between nodes of a block.
const NODE_GAP: i32 = 12;
/// The height of a box's title, and the space below its last node.
pub(super) const BOX_TOP: i32 = 40;
pub(super) const BOX_BOTTOM: i32 = 12;

/// A node, or a bend of an edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) layer: usize,
    pub(super) block: usize,
    pub(super) height: i32,
    /// The middle.
    pub(super) y: i32,
}

/// What stands together in a column: a group's nodes and the bends of its edges; a single node; a bend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) column: usize,
    pub(super) group: Option<usize>,
    pub(super) top: i32,
    pub(super) height: i32,
}

/// An element's height, and what it is joined to.
struct Joined<'a> {
    y: i32,
    left: &'a [usize],
    right: &'a [usize],
}

/// Everything that takes room, and the chains of elements that edges run through from left to right.
#[derive(Clone, Debug, Default)]
pub(super) struct Elements {
    /// The nodes by their numbers, then the bends.
    pub(super) all: Vec<Element>,
    /// The groups by their numbers, then the others.
    pub(super) blocks: Vec<Block>,
    pub(super) chains: Vec<Vec<usize>>,
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
    /// The elements of each block, and the blocks of each column.
    members: Vec<Vec<usize>>,
    blocks_of: Vec<Vec<usize>>,
    columns: usize,
    layers: usize,
    /// The height of the tallest column, which none goes beyond.
    height: i32,
}

impl Elements {
    pub(super) fn of(graph: &Graph, ranks: &Ranks) -> Self {
        let mut found =
            Self { columns: ranks.columns.len(), layers: ranks.column_of.len(), ..Self::default() };
        for column in &ranks.group_column {
            let number = found.blocks.len();
            found.block(*column, Some(number));
        }
        let mut degree = vec![(0, 0); graph.nodes.len()];
        let layer = |node: usize| ranks.layer.get(node).copied().unwrap_or_default();
        for edge in &graph.edges {
            let (left, right) =
                if layer(edge.from) < layer(edge.to) { (edge.from, edge.to) } else { (edge.to, edge.from) };
            if let Some((_, after)) = degree.get_mut(left) {
                *after += 1;
            }
            if let Some((before, _)) = degree.get_mut(right) {
                *before += 1;
            }
        }
        for (index, node) in graph.nodes.iter().enumerate() {
            let layer = layer(index);
            let block = match node.lane {
                Lane::Group(group) => group,
                _ => found.block(ranks.column_of.get(layer).copied().unwrap_or_default(), None),
            };
            let (before, after) = degree.get(index).copied().unwrap_or_default();
            let height = (ROW * before.max(after) + 6).max(if node.detail.is_empty() { 30 } else { 42 });
            found.all.push(Element { layer, block, height, y: 0 });
        }
        for edge in &graph.edges {
            found.chain(edge.from, edge.to, ranks);
        }
        found.left = vec![Vec::new(); found.all.len()];
        found.right = vec![Vec::new(); found.all.len()];
        for chain in &found.chains {
            for (one, next) in chain.iter().zip(chain.iter().skip(1)) {
                if let Some(list) = found.right.get_mut(*one) {
                    list.push(*next);
                }
                if let Some(list) = found.left.get_mut(*next) {
                    list.push(*one);
                }
            }
        }
        found.members = vec![Vec::new(); found.blocks.len()];
        for (index, element) in found.all.iter().enumerate() {
            if let Some(list) = found.members.get_mut(element.block) {
                list.push(index);
            }
        }
        found.blocks_of = vec![Vec::new(); found.columns];
        for (number, block) in found.blocks.iter().enumerate() {
            if let Some(list) = found.blocks_of.get_mut(block.column) {
                list.push(number);
            }
        }
        found
    }

    fn block(&mut self, column: usize, group: Option<usize>) -> usize {
        self.blocks.push(Block { column, group, top: 0, height: 0 });
        self.blocks.len() - 1
    }

    /// Adds the way of an edge, with a bend in each layer that it passes.
    fn chain(&mut self, from: usize, to: usize, ranks: &Ranks) {
        let of = |elements: &[Element], node: usize| {
            elements.get(node).map_or((0, 0), |element| (element.layer, element.block))
        };
        let (from_layer, from_block) = of(&self.all, from);
        let (to_layer, to_block) = of(&self.all, to);
        let forward = from_layer < to_layer;
        let (left, right) = if forward { (from, to) } else { (to, from) };
        let (start, end) = (from_layer.min(to_layer), from_layer.max(to_layer));
        let (left_block, right_block) = if forward { (from_block, to_block) } else { (to_block, from_block) };
        let column = |layer: usize| ranks.column_of.get(layer).copied().unwrap_or_default();
        let mut chain = vec![left];
        let mut passing: Option<(usize, usize)> = None;
        for layer in start + 1..end {
            let here = column(layer);
            let block = if here == column(start) {
                left_block
            } else if here == column(end) {
                right_block
            } else {
                match passing {
                    Some((column, block)) if column == here => block,
                    _ => {
                        let block = self.block(here, None);
                        passing = Some((here, block));
                        block
                    }
                }
            };
            chain.push(self.all.len());
            self.all.push(Element { layer, block, height: ROW, y: 0 });
        }
        chain.push(right);
        self.chains.push(chain);
    }

    /// Finds an order with little crossing, and the heights that belong to it.
    pub(super) fn arrange(&mut self) {
        for column in 0..self.columns {
            self.stack_column(column, |_, element| element.y);
        }
        self.height = (0..self.columns).map(|column| self.height_of(column)).max().unwrap_or(0);
        let mut best = (self.crossings(), self.length(), self.places());
        for sweep in 0..SWEEPS {
            let to_right = sweep % 2 == 0;
            // At first only what lies behind counts, later both sides.
            let both = sweep >= SWEEPS / 2;
            for step in 0..self.columns {
                let column = if to_right { step } else { self.columns - 1 - step };
                self.stack_column(column, |all, element| {
                    all.wanted(element, to_right || both, !to_right || both)
                });
            }
            let found = (self.crossings(), self.length());
            if found < (best.0, best.1) {
                best = (found.0, found.1, self.places());
            }
        }
        let (_, _, (heights, tops)) = best;
        for (element, y) in self.all.iter_mut().zip(heights) {
            element.y = y;
        }
        for (block, top) in self.blocks.iter_mut().zip(tops) {
            block.top = top;
        }
    }

    fn places(&self) -> (Vec<i32>, Vec<i32>) {
        (
            self.all.iter().map(|element| element.y).collect(),
            self.blocks.iter().map(|block| block.top).collect(),
        )
    }

    /// Where an element would like to be: amid those that it is joined to.
    fn wanted(&self, element: &Joined<'_>, by_left: bool, by_right: bool) -> i32 {
        let left = element.left.iter().filter(|_| by_left);
        let right = element.right.iter().filter(|_| by_right);
        let joined = left.chain(right).filter_map(|other| self.all.get(*other)).map(|other| other.y);
        let (sum, count) = joined.fold((0_i64, 0_i64), |(sum, count), y| (sum + i64::from(y), count + 1));
        if count == 0 { element.y } else { i32::try_from(sum / count).unwrap_or_default() }
    }

    /// The height of a column without free space.
    fn height_of(&self, column: usize) -> i32 {
        let blocks = self.blocks_of.get(column).into_iter().flatten();
        tight(blocks.filter_map(|number| self.blocks.get(*number)).map(|block| block.height), BLOCK_GAP)
    }

    /// Puts the blocks of a column, and the elements in them, in the order and near the heights that they want.
    fn stack_column(&mut self, column: usize, want: impl Fn(&Self, &Joined<'_>) -> i32) {
        let numbers = self.blocks_of.get(column).cloned().unwrap_or_default();
        let mut stacked: Vec<(i32, usize)> = Vec::with_capacity(numbers.len());
        for number in numbers {
            let own = self.members.get(number).cloned().unwrap_or_default();
            let none = Vec::new();
            let wanted: Vec<(usize, i32)> = own
                .iter()
                .map(|index| {
                    let joined = Joined {
                        y: self.all.get(*index).map_or(0, |element| element.y),
                        left: self.left.get(*index).unwrap_or(&none),
                        right: self.right.get(*index).unwrap_or(&none),
                    };
                    (*index, want(self, &joined))
                })
                .collect();
            let height = self.stack_block(number, &wanted);
            if let Some(block) = self.blocks.get_mut(number) {
                block.height = height;
            }
            stacked.push((mean(wanted.iter().map(|(_, wanted)| *wanted)), number));
        }
        stacked.sort_unstable();
        let items: Vec<(i32, i32)> = stacked
            .iter()
            .map(|(middle, number)| (*middle, self.blocks.get(*number).map_or(0, |block| block.height)))
            .collect();
        let bound = self.height.max(tight(items.iter().map(|(_, height)| *height), BLOCK_GAP));
        for ((_, number), middle) in stacked.iter().zip(spread(&items, BLOCK_GAP, bound)) {
            let Some(block) = self.blocks.get_mut(*number) else { continue };
            block.top = middle - block.height / 2;
            let top = block.top + if block.group.is_some() { BOX_TOP } else { 0 };
            for element in self.members.get(*number).into_iter().flatten() {
                if let Some(element) = self.all.get_mut(*element) {
                    element.y += top;
                }
            }
        }
    }

    /// Stacks the elements of a block by layer, from 0, in no more height than its fullest layer needs; returns the
    /// block's height.
    fn stack_block(&mut self, number: usize, wanted: &[(usize, i32)]) -> i32 {
        let mut layers: BTreeMap<usize, Vec<(i32, usize)>> = BTreeMap::new();
        for (index, wanted) in wanted {
            let layer = self.all.get(*index).map_or(0, |element| element.layer);
            layers.entry(layer).or_default().push((*wanted, *index));
        }
        let middle = mean(wanted.iter().map(|(_, wanted)| *wanted));
        let height_of =
            |elements: &[Element], index: usize| elements.get(index).map_or(0, |each| each.height);
        let heights = layers
            .values()
            .map(|layer| tight(layer.iter().map(|(_, index)| height_of(&self.all, *index)), NODE_GAP));
        let bound = heights.max().unwrap_or(0);
        for layer in layers.values_mut() {
            layer.sort_unstable();
            let items: Vec<(i32, i32)> =
                layer.iter().map(|(wanted, index)| (wanted - middle, height_of(&self.all, *index))).collect();
            for ((_, index), y) in layer.iter().zip(spread(&items, NODE_GAP, bound)) {
                if let Some(element) = self.all.get_mut(*index) {
                    element.y = y + bound / 2;
                }
            }
        }
        let is_group = self.blocks.get(number).is_some_and(|block| block.group.is_some());
        let frame = if is_group { BOX_TOP + BOX_BOTTOM } else { 0 };
        if wanted.is_empty() { frame + 20 } else { bound + frame }
    }

    /// How often edges cross, counted between neighbouring layers.
    fn crossings(&self) -> usize {
        let mut gaps: Vec<Vec<(i32, i32)>> = vec![Vec::new(); self.layers];
        for (one, next) in self.segments() {
            if let Some(gap) = gaps.get_mut(one.layer) {
                gap.push((one.y, next.y));
            }
        }
        gaps.into_iter().map(inversions).sum()
    }

    /// How far edges go up and down.
    fn length(&self) -> i64 {
        self.segments().map(|(one, next)| i64::from((one.y - next.y).abs())).sum()
    }

    fn segments(&self) -> impl Iterator<Item = (&Element, &Element)> {
        let pairs = self.chains.iter().flat_map(|chain| chain.iter().zip(chain.iter().skip(1)));
        pairs.filter_map(|(one, next)| Some((self.all.get(*one)?, self.all.get(*next)?)))
    }
}

fn mean(values: impl Iterator<Item = i32>) -> i32 {
    let (sum, count) = values.fold((0_i64, 0_i64), |(sum, count), each| (sum + i64::from(each), count + 1));
    if count == 0 { 0 } else { i32::try_from(sum / count).unwrap_or_default() }
}

/// The height of things in a stack without free space.
fn tight(heights: impl Iterator<Item = i32>, gap: i32) -> i32 {
    let (sum, count) = heights.fold((0, 0), |(sum, count), height| (sum + height + height % 2, count + 1));
    sum + gap * (count - 1).max(0)
}

/// The middles of things that want to be somewhere and must not overlap, in their order: each as near as all together
/// can be (pool adjacent violators), and within a height round 0. Given are the middle that each wants, and its height;
/// without free space all must fit into the bound.
fn spread(items: &[(i32, i32)], gap: i32, bound: i32) -> Vec<i32> {
    // With the room that those before take subtracted, heights must only not fall.
    let mut offsets = Vec::with_capacity(items.len());
    let mut offset = 0_i64;
    let mut before: Option<i32> = None;
    for (_, height) in items {
        if let Some(before) = before {
            offset += i64::from((before + 1) / 2 + gap + (height + 1) / 2);
        }
        before = Some(*height);
        offsets.push(offset);
    }
    let half = |item: Option<&(i32, i32)>| item.map_or(0, |(_, height)| i64::from((height + 1) / 2));
    let least = i64::from(-bound / 2) + half(items.first());
    let most = i64::from(bound / 2) - half(items.last()) - offsets.last().copied().unwrap_or(0);
    // Each pool: the sum of what its members want, and their number.
    let mut pools: Vec<(i64, i64)> = Vec::new();
    for ((wanted, _), offset) in items.iter().zip(&offsets) {
        pools.push((i64::from(*wanted) - offset, 1));
        while let [.., (sum, count), (last_sum, last_count)] = pools.as_slice() {
            if sum * last_count <= last_sum * count {
                break;
            }
            let pooled = (sum + last_sum, count + last_count);
            pools.truncate(pools.len() - 2);
            pools.push(pooled);
        }
    }
    let places = pools.into_iter().flat_map(|(sum, count)| {
        std::iter::repeat_n(sum.div_euclid(count), usize::try_from(count).unwrap_or_default())
    });
    let within = |place: i64| place.min(most).max(least);
    places
        .zip(offsets)
        .map(|(place, offset)| i32::try_from(within(place) + offset).unwrap_or_default())
        .collect()
}

/// How many pairs stand in another order on the right than on the left.
fn inversions(mut pairs: Vec<(i32, i32)>) -> usize {
    pairs.sort_unstable();
    let mut heights: Vec<i32> = pairs.iter().map(|(_, right)| *right).collect();
    heights.sort_unstable();
    heights.dedup();
    // A binary indexed tree of what was seen.
    let mut tree = vec![0_usize; heights.len() + 1];
    let mut crossings = 0;
    let mut seen = 0;
    // Those that start at one place do not cross each other.
    for group in pairs.chunk_by(|a, b| a.0 == b.0) {
        for (_, right) in group {
            let mut at = heights.partition_point(|height| height <= right);
            let mut below = 0;
            while at > 0 {
                below += tree.get(at).copied().unwrap_or_default();
                at &= at - 1;
            }
            crossings += seen - below;
        }
        for (_, right) in group {
            let mut at = heights.partition_point(|height| height < right) + 1;
            while let Some(count) = tree.get_mut(at) {
                *count += 1;
                at += at & at.wrapping_neg();
            }
            seen += 1;
        }
    }
    crossings
}

/// Rows that some edges take at a node's side.
pub(super) fn rows(count: usize) -> i32 {
    ROW * pixels(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_counted() {
        assert_eq!(inversions(vec![]), 0);
        assert_eq!(inversions(vec![(0, 0), (1, 1), (2, 2)]), 0);
        assert_eq!(inversions(vec![(0, 2), (1, 1), (2, 0)]), 3);
        assert_eq!(inversions(vec![(0, 5), (0, 1), (1, 1)]), 1);
    }

    #[test]
    fn what_is_spread_keeps_apart_and_near() {
        assert_eq!(spread(&[(0, 10), (0, 10)], 0, 1_000), [-5, 5]);
        assert_eq!(spread(&[(0, 10), (100, 10)], 2, 1_000), [0, 100]);
        assert_eq!(spread(&[(5, 10), (5, 10), (5, 10)], 0, 1_000), [-5, 5, 15]);
        assert_eq!(spread(&[(90, 10), (100, 10)], 0, 40), [5, 15]);
        assert_eq!(spread(&[(-90, 10), (100, 10)], 0, 20), [-5, 5]);
    }
}
