//! Reads lists of flows: YAML and JSON lists, JSON lines, CSV.

use std::collections::HashMap;

use lumen_core::network::Protocol;
use lumen_core::network::suggest::{self, Flow, FlowEnd};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

use crate::network::Network;
use crate::network::end::port::{Port, whole};
use crate::network::end::{Destination, End, Ends, Resolved};

/// Most flows of one file.
pub const FLOWS_MAX: usize = 1_000_000;

/// One line, as it is written: where it starts, where it ends, the ports; none means all.
struct Line {
    from: String,
    to: String,
    port: String,
    protocol: String,
}

/// What a list came to.
#[derive(Debug, Default)]
pub struct Flows {
    /// The flows.
    pub flows: Vec<Flow>,
    /// Ends that no manifest describes, each once.
    pub unknown: Vec<String>,
}

/// Most names with a wildcard: each is held against every workload.
const PATTERNS_MAX: usize = 10_000;

/// Reads a list. What an end means is said in [`network::end`](crate::network::end), as everywhere.
///
/// # Errors
///
/// What cannot be read, and in which entry.
pub fn parse(text: &str, network: &Network) -> Result<Flows, String> {
    let lines = if is_csv(text) { csv(text)? } else { documents(text)? };
    let (known, mut patterns) = (Ends::of(network), 0);
    let mut ends: HashMap<String, Vec<Met>> = HashMap::new();
    let mut found = Flows::default();
    for (index, line) in lines.iter().enumerate() {
        let at = |error: String| format!("entry {}: {error}", index + 1);
        for text in [&line.from, &line.to] {
            if !ends.contains_key(text) {
                let end: End = text.parse().map_err(at)?;
                patterns += usize::from(end.is_pattern());
                if patterns > PATTERNS_MAX {
                    return Err(at(format!("there are more than {PATTERNS_MAX} names with `*`")));
                }
                let resolved = known.resolve(&end).map(|resolved| met(&resolved)).unwrap_or_default();
                if resolved.is_empty() {
                    found.unknown.push(text.clone());
                }
                ends.insert(text.clone(), resolved);
            }
        }
        let port = port(line).map_err(at)?;
        let of = |text: &String| ends.get(text).map_or(&[][..], Vec::as_slice);
        let (sources, destinations) = (of(&line.from), of(&line.to));
        if destinations.is_empty() {
            continue;
        }
        for (source, _) in sources {
            for (destination, through) in destinations {
                if found.flows.len() >= FLOWS_MAX {
                    return Err(format!("there are more than {FLOWS_MAX} flows"));
                }
                let ports = match &port {
                    None => whole(through.as_ref(), &network.model),
                    Some(port) => port.at(through.as_ref(), &network.model).map_err(at)?,
                };
                let both_outside =
                    matches!((source, destination), (FlowEnd::Network(_), FlowEnd::Network(_)));
                if source != destination && !both_outside {
                    found.flows.push(Flow {
                        source: source.clone(),
                        destination: destination.clone(),
                        ports,
                    });
                }
            }
        }
    }
    Ok(found)
}

/// The end of a flow, and the way to it where that is pods.
type Met = (FlowEnd, Option<Destination>);

/// The ends of flows that an end comes to, with the way to those that are pods.
fn met(resolved: &Resolved) -> Vec<Met> {
    match resolved {
        Resolved::Addresses(_, set) => {
            suggest::Network::all_of(set).into_iter().map(|part| (FlowEnd::Network(part), None)).collect()
        }
        pods => {
            let pods = pods.destinations().into_iter();
            pods.map(|destination| (FlowEnd::Workload(destination.workload), Some(destination))).collect()
        }
    }
}

fn port(line: &Line) -> Result<Option<Port>, String> {
    let protocol = match &*line.protocol {
        "" => None,
        name => Some(
            Protocol::of(&name.to_ascii_uppercase())
                .ok_or_else(|| format!("`{name}` is no protocol: use TCP, UDP or SCTP"))?,
        ),
    };
    if line.port.is_empty() {
        return Ok(protocol.map(Port::All));
    }
    Port::parse(&line.port, protocol).map(Some)
}

/// Whether the first line is one of comma-separated values, and neither YAML nor JSON.
fn is_csv(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    // A key of YAML ends with a colon and a space, which no end of a connection has.
    let start = first.and_then(|line| line.split_once(',')).map(|(start, _)| start);
    start.is_some_and(|start| !start.starts_with(['{', '[', '-']) && !start.contains(": "))
}

/// `from,to,port,protocol`, of which the last two may be missing; a first line with the names may be.
fn csv(text: &str) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    let rows = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for row in rows.filter(|row| !row.to_ascii_lowercase().starts_with("from,")) {
        let mut fields = row.split(',').map(|field| field.trim().trim_matches('"').to_owned());
        let mut next = || fields.next().unwrap_or_default();
        let line = Line { from: next(), to: next(), port: next(), protocol: next() };
        if line.from.is_empty() || line.to.is_empty() {
            return Err(format!("`{row}` has no `from,to`"));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Documents that are each a list of flows, an object with a list `flows`, or one flow.
fn documents(text: &str) -> Result<Vec<Line>, String> {
    let limits = Limits { documents_max: FLOWS_MAX, ..Limits::default() };
    let reading = read(text.as_bytes(), &limits);
    if let Some(error) = reading.errors.first() {
        let (line, column) = lumen_value::span::LineIndex::new(text.as_bytes()).position(error.at);
        return Err(format!("{line}:{column}: {}", error.message));
    }
    let mut lines = Vec::new();
    for document in reading.documents.iter().map(|document| &document.value) {
        match (document, document.get("flows")) {
            (Value::Array(items), _) | (_, Some(Value::Array(items))) => {
                for item in items {
                    lines.push(line(item)?);
                }
            }
            (Value::Null, _) => {}
            (one, _) => lines.push(line(one)?),
        }
    }
    Ok(lines)
}

fn line(value: &Value) -> Result<Line, String> {
    let field = |key| {
        let field = value.get(key).filter(|value| !value.is_null());
        field.map(|value| value.as_str().map_or_else(|| value.to_json(), str::to_owned)).unwrap_or_default()
    };
    let line =
        Line { from: field("from"), to: field("to"), port: field("port"), protocol: field("protocol") };
    if line.from.is_empty() || line.to.is_empty() {
        return Err(format!(
            "`{}` has no `from` and `to`",
            value.to_json().chars().take(100).collect::<String>()
        ));
    }
    Ok(line)
}
