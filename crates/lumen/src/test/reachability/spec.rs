//! What is in a `ReachabilityTest`.

use lumen_core::network::address::address_of;
use lumen_core::network::{AddressRange, AddressSet, Ports, Protocol};
use lumen_value::pointer::dotted;
use lumen_value::{Pointer, Value, pointer};

use crate::network::asked::internet;

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

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub at: Pointer,
    /// What is wrong with it.
    pub message: String,
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

/// One end of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Workloads: patterns of the namespace, of the kind if there is one, and of the name. `*` stands for any text.
    Workloads {
        /// Of the namespace.
        namespace: String,
        /// Of the kind.
        kind: Option<String>,
        /// Of the name.
        name: String,
    },
    /// Addresses outside the cluster.
    Addresses(AddressSet),
    /// The internet: all public addresses.
    Internet,
}

/// Ports of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// By number.
    Numbers(Ports),
    /// By the name that the destination's containers give.
    Named(Protocol, String),
    /// All of a protocol.
    All(Protocol),
}

impl End {
    /// Reads one: `shop/api`, `shop/*`, `*/Deployment/api`, `10.0.0.0/8`, `10.0.0.1`, `internet`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "internet" {
            return Ok(Self::Internet);
        }
        if let Some(range) = AddressRange::of_cidr(text).or(address_of(text).map(AddressRange::of_address)) {
            return Ok(Self::Addresses(AddressSet::of(vec![range])));
        }
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts[..] {
            ["*"] => ("*", None, "*"),
            [namespace, name] => (namespace, None, name),
            [namespace, kind, name] => (namespace, Some(kind), name),
            _ => {
                return Err(format!(
                    "`{text}` is no end of a connection: use `namespace/name`, an address, a network or `internet`"
                ));
            }
        };
        if [namespace, name].contains(&"") {
            return Err(format!("`{text}` lacks a name: `*` stands for any"));
        }
        Ok(Self::Workloads {
            namespace: namespace.to_owned(),
            kind: kind.map(str::to_owned),
            name: name.to_owned(),
        })
    }

    /// Whether it has a wildcard.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Workloads { namespace, name, .. } if namespace.contains('*') || name.contains('*'))
    }

    /// Whether it means a workload.
    pub fn is(&self, namespace: &str, kind: &str, name: &str) -> bool {
        match self {
            Self::Workloads { namespace: wanted_namespace, kind: wanted_kind, name: wanted_name } => {
                matches(wanted_namespace, namespace)
                    && wanted_kind.as_deref().is_none_or(|wanted| matches(wanted, kind))
                    && matches(wanted_name, name)
            }
            Self::Addresses(_) | Self::Internet => false,
        }
    }

    /// The addresses that it means. That something is allowed from the internet is said where IPv4 is: few clusters have
    /// both; that it is not allowed must hold of both.
    pub fn addresses(&self, wanted: Wanted) -> Option<AddressSet> {
        match self {
            Self::Workloads { .. } => None,
            Self::Addresses(set) => Some(set.clone()),
            Self::Internet => {
                let ranges = internet().ranges().to_vec();
                let counts = |range: &AddressRange| wanted == Wanted::Deny || range.first.is_ipv4();
                Some(AddressSet::of(ranges.into_iter().filter(counts).collect()))
            }
        }
    }
}

/// Whether a text fits a pattern, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Reads a test. What is wrong with one line takes no other down with it.
pub fn read(document: &Value) -> Spec {
    let mut spec = Spec::default();
    let metadata = document.get("metadata").and_then(|metadata| metadata.get("name"));
    metadata.and_then(Value::as_str).unwrap_or_default().clone_into(&mut spec.name);
    let at = pointer!["spec"];
    let Some(body) = document.get("spec").filter(|body| body.as_object().is_some()) else {
        spec.faults.push(fault(&at, "a mapping was expected"));
        return spec;
    };
    known(body, &at, &["files", "objects", "allow", "deny"], &mut spec.faults);
    for (place, value) in list(body, &at, "files", &mut spec.faults) {
        match value.as_str() {
            Some(path) => spec.files.push(path.to_owned()),
            None => spec.faults.push(fault(&place, "a path was expected")),
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
        spec.faults.push(fault(&at, &format!("there are more than {LINES_MAX} lines")));
    }
    spec
}

fn fault(at: &Pointer, what: &str) -> Fault {
    Fault { at: at.clone(), message: format!("{}: {what}", dotted(at.steps())) }
}

/// A key that nothing reads is a typing mistake, and a test that does not test.
fn known(value: &Value, at: &Pointer, keys: &[&str], faults: &mut Vec<Fault>) {
    for (key, _) in value.as_object().into_iter().flat_map(lumen_value::Object::iter) {
        let text = key.as_str().unwrap_or_default();
        if !keys.contains(&text) {
            let what = format!("there is no such field; there are {}", keys.join(", "));
            faults.push(fault(&at.child(text), &what));
        }
    }
}

fn list<'a>(value: &'a Value, at: &Pointer, key: &str, faults: &mut Vec<Fault>) -> Vec<(Pointer, &'a Value)> {
    let at = at.child(key);
    match value.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (at.child(index), item)).collect()
        }
        Some(other) => {
            faults.push(fault(&at, &format!("a list was expected, not {}", other.kind())));
            Vec::new()
        }
    }
}

/// The one value under a key, or those of a list.
fn one_or_more<'a>(value: &'a Value, at: &Pointer, key: &str) -> Vec<(Pointer, &'a Value)> {
    let at = at.child(key);
    match value.get(key) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(index, item)| (at.child(index), item)).collect()
        }
        Some(one) => vec![(at, one)],
    }
}

fn line(value: &Value, at: Pointer, wanted: Wanted) -> Line {
    let mut faults = Vec::new();
    if value.as_object().is_none() {
        faults.push(fault(
            &at,
            "a mapping was expected, such as `{from: shop/api, to: shop/redis, port: 6379}`",
        ));
    }
    known(value, &at, &["name", "from", "except", "to", "port", "protocol"], &mut faults);
    let mut ends = |key: &str, is_needed: bool| {
        let mut ends = Vec::new();
        let found = one_or_more(value, &at, key);
        if is_needed && found.is_empty() && value.as_object().is_some() {
            faults.push(fault(&at, &format!("`{key}` is missing")));
        }
        for (place, end) in found {
            match end.as_str().ok_or_else(|| "a text was expected".to_owned()).and_then(End::parse) {
                Ok(end) => ends.push(end),
                Err(error) => faults.push(fault(&place, &error)),
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
        faults.push(fault(&at.child("protocol"), "TCP, UDP or SCTP was expected"));
    }
    let named = one_or_more(value, at, "port");
    if named.is_empty() {
        return protocol.map(|protocol| vec![Port::All(protocol)]);
    }
    let mut ports = Vec::new();
    for (place, port) in named {
        match parse_port(&text_of(port), protocol) {
            Ok(port) => ports.push(port),
            Err(error) => faults.push(fault(&place, &error)),
        }
    }
    Some(ports)
}

/// A port: `80`, `8000-8999`, `53/UDP` or a name; of a protocol where the text names none, which is TCP if that is none.
///
/// # Errors
///
/// Where it is none of these.
pub fn parse_port(text: &str, protocol: Option<Protocol>) -> Result<Port, String> {
    let wrong = || {
        format!(
            "`{text}` is no port: use a number, a range such as `8000-8999`, or a name, with `/UDP` behind it"
        )
    };
    let (port, protocol) = match text.split_once('/') {
        Some((port, name)) => (port, Protocol::of(&name.to_ascii_uppercase()).ok_or_else(wrong)?),
        None => (text, protocol.unwrap_or(Protocol::Tcp)),
    };
    if port.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(Port::Named(protocol, port.to_owned()));
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong);
    let (first, last) = match port.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(port)?, number(port)?),
    };
    if first > last { Err(wrong()) } else { Ok(Port::Numbers(Ports::range(protocol, first, last))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in
            [("*", ""), ("*", "a"), ("a*", "ab"), ("*b", "ab"), ("a*c*e", "abcde"), ("api", "api")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*", "ba"), ("*b", "ba"), ("a*c*e", "abde"), ("a*a", "a")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        let port = |text| parse_port(text, None);
        assert_eq!(port("53/UDP"), Ok(Port::Numbers(Ports::one(Protocol::Udp, 53))));
        assert_eq!(port("80-90"), Ok(Port::Numbers(Ports::range(Protocol::Tcp, 80, 90))));
        assert_eq!(port("http"), Ok(Port::Named(Protocol::Tcp, "http".to_owned())));
        for wrong in ["0", "90-80", "65536", "53/ICMP", "", "-"] {
            assert!(port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ends_are_workloads_and_addresses() {
        assert!(matches!(End::parse("10.0.0.0/8"), Ok(End::Addresses(_))));
        assert!(
            End::parse("shop/*").is_ok_and(|end| end.is("shop", "Pod", "api") && !end.is("x", "Pod", "api"))
        );
        assert!(
            End::parse("*/Job/x").is_ok_and(|end| end.is("shop", "Job", "x") && !end.is("shop", "Pod", "x"))
        );
        for wrong in ["", "shop/", "a/b/c/d", "shop"] {
            assert!(End::parse(wrong).is_err(), "{wrong}");
        }
    }
}
