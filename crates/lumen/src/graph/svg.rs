//! A picture that needs nothing else: no script, no font, no other file. It is light or dark as its reader is.

use std::fmt::Write as _;
use std::io;

use super::layout::{EDGE_CHARACTERS_MAX, LABEL_CHARACTERS_MAX, Rectangle, Way, layout};
use super::{Graph, Mark, cut};
use crate::output::escape::{line, markup};

/// Height of a line of notes.
const NOTE: i32 = 18;

/// Fonts and strokes. Every mark has a stroke of its own, so that it is told without colours, too.
const STYLE: &str = "\
svg{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;font-size:12px}\
.small{font-size:10.5px;font-weight:400}.head{font-weight:600}.node rect{stroke-width:1.2}.node.all rect{stroke-dasharray:4 3}\
.node.open rect,.node.won rect,.node.lost rect{stroke-width:2}.node.lost rect{stroke-dasharray:5 4}\
.edge path{fill:none;stroke-width:1.4}.edge text{font-size:11px}\
.edge.open path,.edge.won path{stroke-width:2.2}.edge.lost path{stroke-dasharray:6 4}\
.edge:hover path{stroke-width:3}";

/// What has a colour: the rule, and the colour for light and for dark. Written out twice, for not every program that
/// shows pictures knows variables.
const COLOURS: &[(&str, &str, &str)] = &[
    ("text{fill:", "#1f2733", "#e6eaf0"),
    (".dim,.edge text{fill:", "#566273", "#a3b0bf"),
    (".paper{fill:", "#ffffff", "#14181f"),
    (".lane{fill:", "#fcf8ee", "#1d1b16"),
    (".lane{stroke:", "#e6dcc3", "#3d3728"),
    (".group{fill:", "#f4f6f9", "#1b212b"),
    (".group{stroke:", "#c9d1db", "#3a4452"),
    (".node rect{fill:", "#ffffff", "#262e3a"),
    (".node rect{stroke:", "#8894a3", "#76859a"),
    (".node.open rect{stroke:", "#b45309", "#f0a54a"),
    (".node.won rect{stroke:", "#1a7f37", "#4cc36a"),
    (".node.lost rect{stroke:", "#c0392b", "#ff7b6b"),
    (".edge path{stroke:", "#8894a3", "#76859a"),
    (".edge .arrow{fill:", "#8894a3", "#76859a"),
    (".edge.open path{stroke:", "#b45309", "#f0a54a"),
    (".edge.open .arrow,.edge.open text{fill:", "#b45309", "#f0a54a"),
    (".edge.won path{stroke:", "#1a7f37", "#4cc36a"),
    (".edge.won .arrow,.edge.won text{fill:", "#1a7f37", "#4cc36a"),
    (".edge.lost path{stroke:", "#c0392b", "#ff7b6b"),
    (".edge.lost .arrow,.edge.lost text{fill:", "#c0392b", "#ff7b6b"),
];

fn style() -> String {
    let mut style = STYLE.to_owned();
    for (rule, light, _) in COLOURS {
        style.push_str(rule);
        style.push_str(light);
        style.push('}');
    }
    style.push_str("@media (prefers-color-scheme:dark){");
    for (rule, _, dark) in COLOURS {
        style.push_str(rule);
        style.push_str(dark);
        style.push('}');
    }
    style.push_str("}.edge path.arrow{stroke:none}");
    style
}

/// Writes the graph as SVG.
///
/// # Errors
///
/// Where writing fails.
pub fn write(graph: &Graph, out: &mut dyn io::Write) -> io::Result<()> {
    let layout = layout(graph);
    let notes = i32::try_from(graph.notes.len()).unwrap_or_default() * NOTE;
    let least = graph.notes.iter().map(|note| super::layout::text_width(note) + 40).max().unwrap_or(0);
    let (width, height) = (layout.width.max(least).max(320), layout.height + notes + 6);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" aria-labelledby=\"lumen-title lumen-desc\">"
    )?;
    writeln!(out, "<title id=\"lumen-title\">{}</title>", escaped(&graph.title))?;
    writeln!(out, "<desc id=\"lumen-desc\">{}</desc>", escaped(&graph.description))?;
    writeln!(out, "<style>{}</style>", style())?;
    writeln!(out, "<rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>")?;
    for (stripe, name) in layout.lanes.iter().zip(["from outside", "to outside"]) {
        if let Some(stripe) = stripe {
            rectangle(stripe, "lane", 10, out)?;
            let (x, y) = (stripe.x + stripe.width / 2, stripe.y + 20);
            writeln!(
                out,
                "<text class=\"dim head\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>"
            )?;
        }
    }
    for (group, place) in graph.groups.iter().zip(&layout.groups) {
        writeln!(out, "<g><title>{}</title>", escaped(&format!("namespace {}", group.name)))?;
        rectangle(place, "group", 10, out)?;
        let (x, y) = (place.x + 14, place.y + 21);
        let detail = if group.detail.is_empty() {
            String::new()
        } else {
            format!("<tspan class=\"dim small\" x=\"{x}\" dy=\"13\">{}</tspan>", escaped(&group.detail))
        };
        let y = if group.detail.is_empty() { y + 2 } else { y - 2 };
        let name = escaped(&cut(&group.name, LABEL_CHARACTERS_MAX));
        writeln!(out, "<text class=\"head\" x=\"{x}\" y=\"{y}\">{name}{detail}</text></g>")?;
    }
    for (edge, way) in graph.edges.iter().zip(&layout.edges) {
        let class = edge.mark.as_str();
        writeln!(out, "<g class=\"edge {class}\"><title>{}</title>", escaped(&edge.title))?;
        writeln!(out, "<path d=\"{}\"/>{}", path(way, edge.both), arrows(way, edge.both))?;
        let (x, y) = way.label;
        let label = escaped(&cut(&edge.label, EDGE_CHARACTERS_MAX));
        writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{label}</text></g>")?;
    }
    for (node, place) in graph.nodes.iter().zip(&layout.nodes) {
        writeln!(out, "<g class=\"node {}\"><title>{}</title>", node.mark.as_str(), escaped(&node.title))?;
        let radius = if node.mark == Mark::All { 14 } else { 6 };
        rectangle(place, "", radius, out)?;
        let (x, middle) = (place.x + place.width / 2, place.y + place.height / 2);
        let y = if node.detail.is_empty() { middle + 4 } else { middle - 3 };
        let label = escaped(&cut(&node.label, LABEL_CHARACTERS_MAX));
        write!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>")?;
        if !node.detail.is_empty() {
            let detail = escaped(&cut(&node.detail, LABEL_CHARACTERS_MAX));
            let y = middle + 13;
            write!(
                out,
                "<text class=\"dim small\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\">{detail}</text>"
            )?;
        }
        writeln!(out, "</g>")?;
    }
    for (note, number) in graph.notes.iter().zip(0..) {
        let y = layout.height + NOTE * number + 8;
        writeln!(out, "<text class=\"dim small\" x=\"20\" y=\"{y}\">{}</text>", escaped(note))?;
    }
    writeln!(out, "</svg>")
}

fn rectangle(place: &Rectangle, class: &str, radius: i32, out: &mut dyn io::Write) -> io::Result<()> {
    let Rectangle { x, y, width, height } = place;
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    writeln!(out, "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\"/>")
}

/// Length of an arrow's head.
const HEAD: i32 = 8;

/// Curves between level stretches; where arrows end, room is left for their heads.
fn path(way: &Way, both: bool) -> String {
    let (at_left, at_right) = heads(way, both);
    let mut path = String::new();
    let mut at: Option<(i32, i32)> = None;
    let last = way.stretches.len().saturating_sub(1);
    for (position, (start, end, height)) in way.stretches.iter().enumerate() {
        let end = if position == last && at_right { end - HEAD } else { *end };
        let result = match at {
            None => {
                let end = if at_left { end + HEAD } else { end };
                at = Some((end, *height));
                write!(path, "M{end} {height}")
            }
            Some((x, y)) => {
                let middle = i32::midpoint(x, *start);
                at = Some((end, *height));
                write!(path, "C{middle} {y} {middle} {height} {start} {height}H{end}")
            }
        };
        // Writing to a string cannot fail.
        _ = result;
    }
    path
}

/// Whether there is an arrow's head at the left end, and at the right.
fn heads(way: &Way, both: bool) -> (bool, bool) {
    (way.reversed || both, !way.reversed || both)
}

fn arrows(way: &Way, both: bool) -> String {
    let (at_left, at_right) = heads(way, both);
    let left = way.stretches.first().filter(|_| at_left).map(|(_, end, height)| (end, height, HEAD));
    let right = way.stretches.last().filter(|_| at_right).map(|(_, end, height)| (end, height, -HEAD));
    let head = |(x, y, back): (&i32, &i32, i32)| {
        let (base, above, below) = (x + back, y - 4, y + 4);
        format!("<path class=\"arrow\" d=\"M{x} {y}L{base} {above}L{base} {below}Z\"/>")
    };
    left.into_iter().chain(right).map(head).collect::<Vec<_>>().concat()
}

/// Text on one line of an XML document, or of an attribute in double quotes.
fn escaped(text: &str) -> String {
    markup(&line(text))
}
