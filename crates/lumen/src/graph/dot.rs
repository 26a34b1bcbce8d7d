//! For Graphviz: <https://graphviz.org/doc/info/lang.html>.

use std::io;

use super::{Graph, Lane, Mark, Node};
use crate::output::escape::line;

/// Writes the graph as a `digraph` with a cluster a group.
///
/// # Errors
///
/// Where writing fails.
pub fn write(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "digraph {} {{", quoted(&graph.title))?;
    writeln!(out, "  rankdir=LR; compound=true;")?;
    writeln!(out, "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11];")?;
    writeln!(out, "  edge [fontname=\"sans-serif\", fontsize=9];")?;
    for (number, group) in graph.groups.iter().enumerate() {
        let name = if group.detail.is_empty() {
            group.name.clone()
        } else {
            format!("{}: {}", group.name, group.detail)
        };
        writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(&name))?;
        for (index, node) in graph.nodes.iter().enumerate() {
            if node.lane == Lane::Group(number) {
                self::node(index, node, "    ", out)?;
            }
        }
        writeln!(out, "  }}")?;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        if !matches!(node.lane, Lane::Group(_)) {
            self::node(index, node, "  ", out)?;
        }
    }
    for edge in &graph.edges {
        let style = match edge.mark {
            Mark::Plain | Mark::All => "",
            Mark::Open => ", penwidth=2",
            Mark::Won => ", color=darkgreen, fontcolor=darkgreen, penwidth=2",
            Mark::Lost => ", color=firebrick, fontcolor=firebrick, style=dashed",
        };
        let both = if edge.both { ", dir=both" } else { "" };
        let (from, to) = (edge.from, edge.to);
        writeln!(out, "  n{from} -> n{to} [label={}{style}{both}];", quoted(&edge.label))?;
    }
    for note in &graph.notes {
        writeln!(out, "  // {}", line(note))?;
    }
    writeln!(out, "}}")
}

fn node(index: usize, node: &Node, indent: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let mut label = escaped(&node.label);
    if !node.detail.is_empty() {
        label.push_str("\\n");
        label.push_str(&escaped(&node.detail));
    }
    let style = match node.mark {
        Mark::Plain => "",
        Mark::Open => ", penwidth=2",
        Mark::All => ", style=\"rounded,dashed\"",
        Mark::Won => ", color=darkgreen",
        Mark::Lost => ", color=firebrick, style=\"rounded,dashed\"",
    };
    writeln!(out, "{indent}n{index} [label=\"{label}\", tooltip={}{style}];", quoted(&node.title))
}

/// A string in quotes. A backslash would begin an escape, so it is doubled.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    line(text).replace('\\', "\\\\").replace('"', "\\\"")
}
