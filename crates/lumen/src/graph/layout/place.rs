//! From layers and heights to places.

use std::collections::BTreeMap;

use super::order::{BOX_BOTTOM, Elements, rows};
use super::rank::Ranks;
use super::{EDGE_CHARACTERS_MAX, LABEL_CHARACTERS_MAX, Layout, ROW, Rectangle, Way, pixels, text_width};
use crate::graph::{Graph, Lane, cut};

/// Space round the picture.
const MARGIN: i32 = 20;
/// Room above the boxes for the names of lanes.
const HEAD: i32 = 34;
/// Space between a box and its nodes.
const BOX_SIDE: i32 = 16;
/// Room for curves between layers, and more for each edge there, up to a bound.
const CURVES: i32 = 40;
const CURVES_EACH: i32 = 3;
const CURVES_MAX: i32 = 110;
/// Room for an arrow's head beside a label.
const ARROW: i32 = 12;

/// Where a layer stands.
#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    /// Where the zone for labels begins.
    zone: i32,
    /// Where it ends: before the box that a column begins with, and before the arrow's head.
    label_end: i32,
    x: i32,
    width: i32,
}

pub(super) fn place(graph: &Graph, ranks: &Ranks, elements: &Elements) -> Layout {
    let layers = layers(graph, ranks, elements);
    let top = elements.blocks.iter().map(|block| block.top).min().unwrap_or(0);
    let shift = MARGIN + HEAD - top;
    let layer = |number: usize| layers.get(number).copied().unwrap_or_default();
    let mut layout = Layout::default();
    for element in elements.all.iter().take(graph.nodes.len()) {
        let layer = layer(element.layer);
        layout.nodes.push(Rectangle {
            x: layer.x,
            y: element.y - element.height / 2 + shift,
            width: layer.width,
            height: element.height,
        });
    }
    for (number, block) in elements.blocks.iter().take(graph.groups.len()).enumerate() {
        let (first, _) = ranks.columns.get(block.column).copied().unwrap_or((0, 1));
        let own = graph.nodes.iter().zip(&elements.all).filter(|(node, _)| node.lane == Lane::Group(number));
        let last = own.map(|(_, element)| element.layer).max().unwrap_or(first);
        let (left, right) = (layer(first), layer(last));
        layout.groups.push(Rectangle {
            x: left.x - BOX_SIDE,
            y: block.top + shift,
            width: right.x + right.width - left.x + 2 * BOX_SIDE,
            height: block.height.max(BOX_BOTTOM),
        });
    }
    layout.edges = ways(graph, elements, &layers, shift);
    let bottom = elements.blocks.iter().map(|block| block.top + block.height).max().unwrap_or(0) + shift;
    let right = layers.last().map_or(0, |layer| layer.x + layer.width);
    layout.height = bottom + MARGIN;
    layout.width = right + MARGIN + BOX_SIDE;
    let stripe = |lane: Lane| {
        let own = graph.nodes.iter().zip(&layout.nodes).find(|(node, _)| node.lane == lane);
        own.map(|(_, node)| Rectangle {
            x: node.x - 10,
            y: MARGIN,
            width: node.width + 20,
            height: layout.height - 2 * MARGIN + 8,
        })
    };
    layout.lanes = [stripe(Lane::Before), stripe(Lane::After)];
    layout
}

/// How wide each layer is, and where it stands.
fn layers(graph: &Graph, ranks: &Ranks, elements: &Elements) -> Vec<Layer> {
    let mut widths = vec![0; ranks.column_of.len()];
    for (node, element) in graph.nodes.iter().zip(&elements.all) {
        let label = text_width(&cut(&node.label, LABEL_CHARACTERS_MAX));
        // Details are smaller.
        let detail = text_width(&cut(&node.detail, LABEL_CHARACTERS_MAX)) * 9 / 10;
        if let Some(width) = widths.get_mut(element.layer) {
            *width = (*width).max(label.max(detail) + 24).max(90);
        }
    }
    // The title of a box must find room, too.
    for (number, group) in graph.groups.iter().enumerate() {
        let column = ranks.group_column.get(number).copied().unwrap_or_default();
        let (first, _) = ranks.columns.get(column).copied().unwrap_or((0, 1));
        let title =
            text_width(&cut(&group.name, LABEL_CHARACTERS_MAX)).max(text_width(&group.detail) * 9 / 10);
        if let Some(width) = widths.get_mut(first) {
            *width = (*width).max(title + 8);
        }
    }
    let mut labels = vec![0; widths.len()];
    let mut crowds = vec![0; widths.len()];
    for (edge, chain) in graph.edges.iter().zip(&elements.chains) {
        for (position, element) in chain.iter().skip(1).filter_map(|each| elements.all.get(*each)).enumerate()
        {
            if let Some(crowd) = crowds.get_mut(element.layer) {
                *crowd += 1;
            }
            let is_last = position + 2 == chain.len();
            if let Some(label) = labels.get_mut(element.layer).filter(|_| is_last) {
                let width = text_width(&cut(&edge.label, EDGE_CHARACTERS_MAX));
                *label = (*label).max(width + 2 * ARROW + 4);
            }
        }
    }
    let mut found = Vec::with_capacity(widths.len());
    let mut x = MARGIN;
    for (number, width) in widths.iter().enumerate() {
        let column = ranks.column_of.get(number).copied();
        let starts_column = number == 0 || ranks.column_of.get(number - 1).copied() != column;
        let crowd = crowds.get(number).copied().unwrap_or_default();
        let curves = if number == 0 { 0 } else { (CURVES + CURVES_EACH * crowd).min(CURVES_MAX) };
        let before = if starts_column && number > 0 { BOX_SIDE } else { 0 };
        let zone = x + before + curves;
        let box_left = if starts_column { BOX_SIDE } else { 0 };
        let label = labels.get(number).copied().unwrap_or_default();
        let at = zone + label + box_left;
        let label_end = at - ARROW.max(box_left + 4);
        found.push(Layer { zone, label_end, x: at, width: *width });
        x = at + width;
    }
    found
}

/// The ways of all edges: at a node's side they stand in rows, in the order of where they lead.
fn ways(graph: &Graph, elements: &Elements, layers: &[Layer], shift: i32) -> Vec<Way> {
    // For each element and side: the height of the other end, and the edge.
    let mut sides: BTreeMap<(usize, bool), Vec<(i32, usize)>> = BTreeMap::new();
    let y = |element: usize| elements.all.get(element).map_or(0, |element| element.y);
    for (edge, chain) in elements.chains.iter().enumerate() {
        if let ([first, second, ..], [.., before, last]) = (chain.as_slice(), chain.as_slice()) {
            sides.entry((*first, true)).or_default().push((y(*second), edge));
            sides.entry((*last, false)).or_default().push((y(*before), edge));
        }
    }
    let mut heights: BTreeMap<(usize, bool), i32> = BTreeMap::new();
    for ((element, is_right), mut own) in sides {
        own.sort_unstable();
        let start = y(element) - (rows(own.len()) - ROW) / 2;
        for (position, (_, edge)) in own.iter().enumerate() {
            heights.insert((*edge, is_right), start + ROW * pixels(position));
        }
    }
    let way = |(number, chain): (usize, &Vec<usize>)| {
        let mut stretches = Vec::with_capacity(chain.len());
        let last = chain.len().saturating_sub(1);
        for (position, element) in chain.iter().enumerate() {
            let Some(element) = elements.all.get(*element) else { continue };
            let layer = layers.get(element.layer).copied().unwrap_or_default();
            let height = match position {
                0 => heights.get(&(number, true)).copied().unwrap_or(element.y),
                _ if position == last => heights.get(&(number, false)).copied().unwrap_or(element.y),
                _ => element.y,
            };
            let (start, end) = match position {
                0 => (layer.x + layer.width, layer.x + layer.width),
                _ if position == last => (layer.zone, layer.x),
                _ => (layer.zone, layer.x + layer.width),
            };
            stretches.push((start, end, height + shift));
        }
        let (_, _, height) = stretches.last().copied().unwrap_or_default();
        let layer = chain.last().and_then(|last| elements.all.get(*last)).map_or(0, |last| last.layer);
        let end = layers.get(layer).copied().unwrap_or_default().label_end;
        let reversed = graph.edges.get(number).is_some_and(|edge| chain.first() != Some(&edge.from));
        Way { stretches, reversed, label: (end, height - 4) }
    };
    elements.chains.iter().enumerate().map(way).collect()
}
