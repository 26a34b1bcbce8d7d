//! What is in a `ReachabilityTest`.

use lumen_core::network::Protocol;
use lumen_value::fault::{Fault, known, list};
use lumen_value::{Pointer, Value, pointer};

use crate::network::end::End;
use crate::network::end::port::Port;

/// Most lines of one test.
pub const LINES_MAX: usize = 10_000;

/// A test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Its name; may be empty.
    pub name: String,
    /// Paths of the manifests, from the test's folder.
    pub files: Vec<String>,
    /// Manifests that stand for what the files do not show.
    pub objects: Vec<Value>,
    /// What is wanted.
    pub lines: Vec<Line>,
    /// What is wrong with it as a whole.
    pub faults: Vec<Fault>,
}

/// What should be of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// They are let through: all named ports; or any at all where none is named.
    Allow,
    /// They are not: none of the named ports; or none at all.
    Deny,
}

impl Wanted {
    /// The field that lists such lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name, or what it says.
    pub name: String,
    /// What should be.
    pub wanted: Wanted,
    /// Where connections start.
    pub from: Vec<End>,
    /// Where they do not: taken out of `from`.
    pub except: Vec<End>,
    /// Where they end.
    pub to: Vec<End>,
    /// The ports; `None` where none is named.
    pub ports: Option<Vec<Port>>,
    /// Where it stands.
    pub at: Pointer,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

/// Reads a test. What is wrong with one line takes no other down with it.
pub fn read(document: &Value) -> Spec {
    let mut spec = Spec::default();
    let metadata = document.get("metadata").and_then(|metadata| metadata.get("name"));
    metadata.and_then(Value::as_str).unwrap_or_default().clone_into(&mut spec.name);
    let at = pointer!["spec"];
    let Some(body) = document.get("spec").filter(|body| body.as_object().is_some()) else {
        spec.faults.push(Fault::new(&at, "a mapping was expected"));
        return spec;
    };
    known(body, &at, &["files", "objects", "allow", "deny"], &mut spec.faults);
    for (place, value) in list(body, &at, "files", &mut spec.faults) {
        match value.as_str() {
            Some(path) => spec.files.push(path.to_owned()),
            None => spec.faults.push(Fault::new(&place, "a path was expected")),
        }
    }
    if spec.files.is_empty() && spec.faults.is_empty() {
        spec.files.push(".".to_owned());
    }
    spec.objects =
        list(body, &at, "objects", &mut spec.faults).into_iter().map(|(_, value)| value.clone()).collect();
    for wanted in [Wanted::Allow, Wanted::Deny] {
        for (place, value) in list(body, &at, wanted.as_str(), &mut spec.faults) {
            spec.lines.push(line(value, place, wanted));
        }
    }
    if spec.lines.len() > LINES_MAX {
        spec.faults.push(Fault::new(&at, format_args!("there are more than {LINES_MAX} lines")));
    }
    spec
}

/// The one value under a key, or those of a list.
fn one_or_more<'a>(value: &'a Value, at: &Pointer, key: &str) -> Vec<(Pointer, &'a Value)> {
    match value.get(key) {
        Some(one) if !one.is_null() && one.as_array().is_none() => vec![(at.child(key), one)],
        _ => list(value, at, key, &mut Vec::new()),
    }
}

fn line(value: &Value, at: Pointer, wanted: Wanted) -> Line {
    let mut faults = Vec::new();
    if value.as_object().is_none() {
        faults.push(Fault::new(
            &at,
            "a mapping was expected, such as `{from: shop/api, to: shop/redis, port: 6379}`",
        ));
    }
    known(value, &at, &["name", "from", "except", "to", "port", "protocol"], &mut faults);
    let mut ends = |key: &str, is_needed: bool| {
        let mut ends = Vec::new();
        let found = one_or_more(value, &at, key);
        if is_needed && found.is_empty() && value.as_object().is_some() {
            faults.push(Fault::new(&at, format_args!("`{key}` is missing")));
        }
        for (place, end) in found {
            match end.as_str().ok_or_else(|| "a text was expected".to_owned()).and_then(str::parse::<End>) {
                Ok(end) => ends.push(end),
                Err(error) => faults.push(Fault::new(&place, error)),
            }
        }
        ends
    };
    let (from, except, to) = (ends("from", true), ends("except", false), ends("to", true));
    let ports = ports(value, &at, &mut faults);
    let name = value.get("name").and_then(Value::as_str);
    let name = name.map_or_else(|| described(value, wanted), str::to_owned);
    Line { name, wanted, from, except, to, ports, at, faults }
}

/// A line without a name is called as it is written.
fn described(value: &Value, wanted: Wanted) -> String {
    let texts = |key| {
        let parts: Vec<String> =
            one_or_more(value, &Pointer::ROOT, key).iter().map(|(_, part)| text_of(part)).collect();
        parts.join(", ")
    };
    let mut name = format!("{} {} -> {}", wanted.as_str(), texts("from"), texts("to"));
    for key in ["protocol", "port"] {
        let text = texts(key);
        if !text.is_empty() {
            name.push(' ');
            name.push_str(&text);
        }
    }
    name
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

fn ports(value: &Value, at: &Pointer, faults: &mut Vec<Fault>) -> Option<Vec<Port>> {
    let name = value.get("protocol").filter(|value| !value.is_null());
    let protocol = name.and_then(Value::as_str).and_then(|name| Protocol::of(&name.to_ascii_uppercase()));
    if name.is_some() && protocol.is_none() {
        faults.push(Fault::new(&at.child("protocol"), "TCP, UDP or SCTP was expected"));
    }
    let named = one_or_more(value, at, "port");
    if named.is_empty() {
        return protocol.map(|protocol| vec![Port::All(protocol)]);
    }
    let mut ports = Vec::new();
    for (place, port) in named {
        match Port::parse(&text_of(port), protocol) {
            Ok(port) => ports.push(port),
            Err(error) => faults.push(Fault::new(&place, error)),
        }
    }
    Some(ports)
}
