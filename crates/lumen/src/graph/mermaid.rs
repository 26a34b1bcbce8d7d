//! For Mermaid: <https://mermaid.js.org/syntax/flowchart.html>.

use std::io;

use super::{Graph, Lane, Mark, Node};
use crate::output::escape::line;

/// Writes the graph as a flowchart with a subgraph a group.
///
/// # Errors
///
/// Where writing fails.
pub fn write(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (number, group) in graph.groups.iter().enumerate() {
        let name = if group.detail.is_empty() {
            group.name.clone()
        } else {
            format!("{}: {}", group.name, group.detail)
        };
        writeln!(out, "  subgraph g{number}[\"{}\"]", escaped(&name))?;
        for (index, node) in graph.nodes.iter().enumerate() {
            if node.lane == Lane::Group(number) {
                self::node(index, node, "    ", out)?;
            }
        }
        writeln!(out, "  end")?;
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        if !matches!(node.lane, Lane::Group(_)) {
            self::node(index, node, "  ", out)?;
        }
    }
    for edge in &graph.edges {
        let (start, end) = match edge.mark {
            Mark::Plain | Mark::All => ("--", "-->"),
            Mark::Open | Mark::Won => ("==", "==>"),
            Mark::Lost => ("-.", ".->"),
        };
        let back = if edge.both { "<" } else { "" };
        writeln!(out, "  n{} {back}{start} \"{}\" {end} n{}", edge.from, escaped(&edge.label), edge.to)?;
    }
    for note in &graph.notes {
        // In a comment a brace pair would be taken for a directive.
        writeln!(out, "  %% {}", line(note).replace(['{', '}'], " "))?;
    }
    Ok(())
}

fn node(index: usize, node: &Node, indent: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let mut label = escaped(&node.label);
    if !node.detail.is_empty() {
        label.push_str("<br>");
        label.push_str(&escaped(&node.detail));
    }
    let (start, end) = if matches!(node.lane, Lane::Group(_)) { ("[", "]") } else { ("([", "])") };
    writeln!(out, "{indent}n{index}{start}\"{label}\"{end}")
}

/// Text in quotes: all that Markdown, HTML or Mermaid would take for more than a letter is written as its number.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in line(text).chars() {
        if character.is_alphanumeric() || " ./-_,:;()[]+…".contains(character) {
            out.push(character);
        } else {
            out.push('#');
            out.push_str(&u32::from(character).to_string());
            out.push(';');
        }
    }
    out
}
