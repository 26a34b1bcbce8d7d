//! What `lumen net suggest` says: policies as YAML, and what they would cut off.

use std::fmt::Write as _;
use std::io::{self, Write};

use lumen_core::network::suggest::{self, Broken, Flow, FlowEnd, Suggestion, Wishes};
use lumen_core::network::{Model, Options, WorkloadId};
use lumen_core::snapshot::Snapshot;
use lumen_value::Value;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::shape::{PortRange, port_ranges};
use crate::output::counted;
use crate::output::escape::line;

pub mod flows;

/// Most notes of one kind.
const NOTES_MAX: usize = 20;

/// Policies for flows, and what would come of them.
#[derive(Debug)]
pub struct Preview {
    /// The policies.
    pub suggestion: Suggestion,
    /// What is reached today on ports that are served, and would not be; `None` where there is too much to look at.
    pub broken: Option<Vec<Broken>>,
    /// Flows that would be denied all the same, for instance by policies of the cluster's administrator.
    pub denied: Vec<Flow>,
}

impl Preview {
    /// Suggests policies for flows, and holds them against what the model lets through today.
    pub fn of(snapshot: &Snapshot, today: &Model, options: &Options, flows: &[Flow], wishes: Wishes) -> Self {
        let suggestion = suggest::suggest(today, flows, wishes);
        let after = suggest::applied(snapshot, &suggestion);
        let (then, _) = Model::build(&after, options);
        let broken = suggest::breaks(today, &then).ok();
        let denied = suggest::denied(today, &then, flows).into_iter().cloned().collect();
        Self { suggestion, broken, denied }
    }
}

fn called(model: &Model, id: WorkloadId) -> String {
    model.workload(id).map(|workload| format!("{}/{}", workload.namespace, workload.name)).unwrap_or_default()
}

fn end(model: &Model, end: &FlowEnd) -> String {
    match end {
        FlowEnd::Workload(id) => called(model, *id),
        FlowEnd::Network(network) => network.to_string(),
    }
}

/// `shop/api -> shop/redis TCP 6379`.
pub fn flow(model: &Model, flow: &Flow) -> String {
    format!("{} -> {} {}", end(model, &flow.source), end(model, &flow.destination), flow.ports)
}

fn broken(model: &Model, broken: &Broken) -> String {
    format!("{} -> {} {}", called(model, broken.source), called(model, broken.destination), broken.ports)
}

/// What is to be said beside the policies: one sentence each.
pub fn notes(model: &Model, preview: &Preview) -> Vec<String> {
    let mut notes = Vec::new();
    match &preview.broken {
        None => notes.push("there are too many pairs to say what would break".to_owned()),
        Some(all) if !all.is_empty() => notes.push(format!(
            "{} to served ports, possible today, would be denied: `-o breaks` tells more",
            counted(all.len(), "connection")
        )),
        Some(_) => {}
    }
    let suggestion = &preview.suggestion;
    some(&mut notes, &suggestion.widened, |id| {
        format!("no label tells `{}` from other pods: they get the same rules", called(model, *id))
    });
    some(&mut notes, &suggestion.left_out, |each| {
        let text = flow(model, each);
        format!("{text}: an end is on the host's network at unknown addresses, so no rule is written there")
    });
    some(&mut notes, &preview.denied, |each| format!("{} would be denied all the same", flow(model, each)));
    notes
}

/// Adds the first notes of a kind, and how many more there are. Names are foreign text.
fn some<T>(notes: &mut Vec<String>, all: &[T], note: impl Fn(&T) -> String) {
    notes.extend(all.iter().take(NOTES_MAX).map(|each| line(&note(each)).into_owned()));
    if let Some(more) = all.len().checked_sub(NOTES_MAX).filter(|more| *more > 0) {
        notes.push(format!("and {more} more: `-o json` lists them"));
    }
}

/// The policies as YAML, a document each.
pub fn yaml(preview: &Preview, out: &mut dyn Write) -> io::Result<()> {
    for (index, policy) in preview.suggestion.policies.iter().enumerate() {
        if index > 0 {
            out.write_all(b"---\n")?;
        }
        let mut text = String::new();
        write_yaml(policy, 0, &mut text);
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// What would be denied that is reached today, a line each.
pub fn breaks(model: &Model, preview: &Preview, out: &mut dyn Write) -> io::Result<()> {
    for each in preview.broken.iter().flatten() {
        writeln!(out, "{}", line(&broken(model, each)))?;
    }
    Ok(())
}

/// The name and version of the shape.
pub const SUGGEST_SCHEMA: &str = "lumen.net.suggest/v1";

/// All that there is to say of suggested policies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "lumen.net.suggest/v1", deny_unknown_fields)]
pub struct Suggest {
    /// `lumen.net.suggest/v1`.
    schema: &'static str,
    /// The policies, as manifests.
    policies: Vec<Json>,
    /// What is reached today on ports that are served, and would not be; null where there is too much to look at.
    breaks: Option<Vec<Connection>>,
    /// Flows that would be denied all the same.
    denied: Vec<Connection>,
    /// Flows for one end of which no rule is written: it is on the host's network, at addresses that are not known.
    left_out: Vec<Connection>,
    /// Workloads that no label tells from others, which get the same rules: `namespace/name`.
    widened: Vec<String>,
}

/// A connection.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Connection {
    /// Where it starts: `namespace/name`, or a network.
    from: String,
    /// Where it ends.
    to: String,
    /// The ports at its end.
    ports: Vec<PortRange>,
}

impl Suggest {
    /// Puts together what there is to say.
    pub fn of(model: &Model, preview: &Preview) -> Self {
        let policy = |policy: &Value| serde_json::from_str(&policy.to_json()).unwrap_or(Json::Null);
        let flow = |flow: &Flow| Connection {
            from: end(model, &flow.source),
            to: end(model, &flow.destination),
            ports: port_ranges(&flow.ports),
        };
        let broken = |each: &Broken| Connection {
            from: called(model, each.source),
            to: called(model, each.destination),
            ports: port_ranges(&each.ports),
        };
        let suggestion = &preview.suggestion;
        Self {
            schema: SUGGEST_SCHEMA,
            policies: suggestion.policies.iter().map(policy).collect(),
            breaks: preview.broken.as_ref().map(|all| all.iter().map(broken).collect()),
            denied: preview.denied.iter().map(flow).collect(),
            left_out: suggestion.left_out.iter().map(flow).collect(),
            widened: suggestion.widened.iter().map(|id| called(model, *id)).collect(),
        }
    }
}

/// All of it as JSON.
pub fn json(model: &Model, preview: &Preview, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Suggest::of(model, preview)).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// Fields in the order in which people write them.
const ORDER: [&str; 20] = [
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "spec",
    "namespaceSelector",
    "podSelector",
    "policyTypes",
    "ingress",
    "egress",
    "from",
    "to",
    "ports",
    "protocol",
    "port",
    "endPort",
    "key",
    "operator",
    "values",
];

/// Writes a value of our own making, which is a dozen levels deep at most, as block YAML.
fn write_yaml(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(object) if object.iter().next().is_some() => {
            let mut entries: Vec<_> =
                object.iter().map(|(key, value)| (key.as_str().unwrap_or_default(), value)).collect();
            entries.sort_by_key(|(key, _)| ORDER.iter().position(|each| each == key).unwrap_or(ORDER.len()));
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    _ = write!(text, "{:indent$}", "");
                }
                _ = write!(text, "{}:", scalar(key));
                write_below(value, indent, text);
            }
        }
        other => _ = writeln!(text, "{}", inline(other)),
    }
}

fn write_below(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(object) if object.iter().next().is_some() => {
            _ = write!(text, "\n{:width$}", "", width = indent + 2);
            write_yaml(value, indent + 2, text);
        }
        Value::Array(items) if items.iter().any(|item| item.as_object().is_some()) => {
            text.push('\n');
            for item in items {
                _ = write!(text, "{:indent$}  - ", "");
                write_yaml(item, indent + 4, text);
            }
        }
        other => _ = writeln!(text, " {}", inline(other)),
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(_) => "{}".to_owned(),
        other => other.as_str().map_or_else(|| other.to_json(), scalar),
    }
}

/// A text, in quotes where it could be read as something else.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
            .contains(&&*text.to_ascii_lowercase());
    if is_plain { text.to_owned() } else { Value::from(text).to_json() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded_and_obey_nobody() {
        let names = vec!["a\u{1b}[2Jb"; 50];
        let mut notes = Vec::new();
        some(&mut notes, &names, |name| format!("{name} is odd"));
        assert_eq!(notes.len(), NOTES_MAX + 1);
        assert_eq!(notes.first().map(String::as_str), Some("a\\u{1b}[2Jb is odd"));
        assert_eq!(notes.last().map(String::as_str), Some("and 30 more: `-o json` lists them"));
    }
}
