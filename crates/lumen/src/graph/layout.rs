//! A layered layout: lanes from left to right, groups in columns between them, nodes in layers within their group.
//!
//! ```text
//! graph -> columns and layers -> elements (nodes, and bends of edges that pass a layer) -> order and heights -> places
//! ```
//!
//! An edge always runs between neighbouring layers; one that passes a layer has a bend there, which takes a row of its
//! own. So no edge runs through a node, and no two labels overlap: a label stands in a zone before the node that the
//! edge leads to, where edges run level, a row apart. What goes against the grain is drawn from right to left. All
//! numbers are whole, and ties go by number: the same graph gives the same picture everywhere.

use super::Graph;

mod order;
mod place;
mod rank;

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rectangle {
    /// The left side.
    pub x: i32,
    /// The top.
    pub y: i32,
    /// The width.
    pub width: i32,
    /// The height.
    pub height: i32,
}

impl Rectangle {
    /// The right side.
    pub const fn right(&self) -> i32 {
        self.x + self.width
    }

    /// The bottom.
    pub const fn bottom(&self) -> i32 {
        self.y + self.height
    }

    /// Whether two have an area in common.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }
}

/// The way of an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// Level stretches from left to right: each from one x to another at a height. Curves join them.
    pub stretches: Vec<(i32, i32, i32)>,
    /// Whether the arrow is at the left end.
    pub reversed: bool,
    /// Where the label ends, and its base line.
    pub label: (i32, i32),
}

/// Where everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The width of the picture.
    pub width: i32,
    /// The height of the picture.
    pub height: i32,
    /// The boxes of groups.
    pub groups: Vec<Rectangle>,
    /// The nodes.
    pub nodes: Vec<Rectangle>,
    /// The edges.
    pub edges: Vec<Way>,
    /// The stripes of the lanes on the left and on the right; none where nothing is in them.
    pub lanes: [Option<Rectangle>; 2],
}

/// Height of a row, in pixels: edges that run level are this far apart.
pub const ROW: i32 = 19;
/// Most characters of a label in a node.
pub const LABEL_CHARACTERS_MAX: usize = 34;
/// Most characters of a label at an edge.
pub const EDGE_CHARACTERS_MAX: usize = 36;

/// The width of a text of 12 pixels, in pixels: at least what common fonts take.
pub fn text_width(text: &str) -> i32 {
    let of = |character: char| match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '/' | '(' | ')' | '[' | ']' | ' ' | 't'
        | 'f' => 5,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 11,
        _ if character.is_ascii_uppercase() => 9,
        _ if character.is_ascii() => 7,
        _ => 13,
    };
    text.chars().map(of).sum()
}

/// A count as pixels; pictures are bounded, so nothing is cut.
fn pixels(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Lays a graph out.
pub fn layout(graph: &Graph) -> Layout {
    let ranks = rank::rank(graph);
    let mut elements = order::Elements::of(graph, &ranks);
    elements.arrange();
    place::place(graph, &ranks, &elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Edge, Group, Lane, Mark, Node};

    fn graph(groups: usize, nodes: &[Lane], edges: &[(usize, usize)]) -> Graph {
        let node = |(number, lane): (usize, &Lane)| Node {
            lane: *lane,
            label: format!("node {number}"),
            detail: "Deployment".into(),
            title: String::new(),
            mark: Mark::Plain,
        };
        let edge = |(from, to): &(usize, usize)| Edge {
            from: *from,
            to: *to,
            label: format!("TCP {from}{to}"),
            title: String::new(),
            mark: Mark::Plain,
            both: false,
        };
        Graph {
            groups: (0..groups)
                .map(|number| Group { name: format!("g{number}"), detail: String::new() })
                .collect(),
            nodes: nodes.iter().enumerate().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
            ..Graph::default()
        }
    }

    /// What must hold of every picture.
    fn check(graph: &Graph) {
        let found = layout(graph);
        assert_eq!(found, layout(graph));
        assert_eq!((found.nodes.len(), found.edges.len()), (graph.nodes.len(), graph.edges.len()));
        for (index, one) in found.nodes.iter().enumerate() {
            assert!(one.x >= 0 && one.y >= 0 && one.right() <= found.width && one.bottom() <= found.height);
            for (other_index, other) in found.nodes.iter().enumerate().skip(index + 1) {
                assert!(!one.overlaps(other), "nodes {index} and {other_index}: {one:?} {other:?}");
            }
            if let Lane::Group(group) = graph.nodes[index].lane {
                let outer = found.groups[group];
                assert!(outer.x < one.x && one.right() < outer.right(), "{outer:?} {one:?}");
                assert!(outer.y < one.y && one.bottom() < outer.bottom(), "{outer:?} {one:?}");
            }
        }
        for (index, one) in found.groups.iter().enumerate() {
            for other in found.groups.iter().skip(index + 1) {
                assert!(!one.overlaps(other), "groups: {one:?} {other:?}");
            }
        }
        let labels: Vec<Rectangle> = found
            .edges
            .iter()
            .zip(&graph.edges)
            .map(|(way, edge)| {
                let width = text_width(&edge.label);
                Rectangle { x: way.label.0 - width, y: way.label.1 - 11, width, height: 14 }
            })
            .collect();
        for (index, one) in labels.iter().enumerate() {
            for other in labels.iter().skip(index + 1) {
                assert!(!one.overlaps(other), "labels: {one:?} {other:?}");
            }
            for node in &found.nodes {
                assert!(!one.overlaps(node), "label {one:?} on node {node:?}");
            }
        }
        for way in &found.edges {
            for (start, end, height) in &way.stretches {
                let line = Rectangle { x: *start, y: *height, width: end - start, height: 1 };
                let crossed = found.nodes.iter().filter(|node| node.overlaps(&line)).count();
                assert_eq!(crossed, 0, "{way:?}");
            }
        }
    }

    #[test]
    fn nothing_overlaps() {
        use Lane::{After, Before, Group};
        check(&graph(0, &[], &[]));
        check(&graph(1, &[Group(0)], &[]));
        check(&graph(1, &[Before, Group(0), After], &[(0, 1), (1, 2), (0, 2)]));
        let nodes = [Before, Group(0), Group(0), Group(0), Group(1), Group(1), Group(2), After, After];
        check(&graph(
            3,
            &nodes,
            &[
                (0, 1),
                (0, 4),
                (1, 2),
                (2, 3),
                (3, 1),
                (4, 1),
                (1, 5),
                (6, 4),
                (4, 6),
                (6, 7),
                (1, 7),
                (5, 8),
                (0, 8),
            ],
        ));
        // Each with each.
        let all: Vec<_> = (0..7)
            .flat_map(|from| (0..7).map(move |to| (from, to)))
            .filter(|(from, to)| from != to)
            .collect();
        check(&graph(3, &[Group(0), Group(1), Group(2), Group(0), Group(1), Group(2), Group(0)], &all));
    }
}
