//! Reads `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy` (`github.com/cilium/cilium/pkg/policy/api`), for
//! analysis: rules of layers 3 and 4. A rule of layer 7 counts as allowing the ports that it looks into.

use std::sync::Arc;

use lumen_value::{Object, Pointer, Value, pointer};

use super::{
    Fault, Reading, block, list, network, object, peer, port_number, port_range, present, selector, string,
};
use crate::network::address::{AddressRange, AddressSet};
use crate::network::class::NOBODY;
use crate::network::policy::{
    Direction, MayBe, NamespaceMatch, PeerMatch, PodPattern, Policy, PolicyKind, PortMatch, Rule, RuleAction,
    RulePeer, Section, Tier,
};
use crate::network::port::{Ports, Protocol};
use crate::object::text;
use crate::selector::Selector;
use crate::snapshot::Entry;

/// The label in which Cilium keeps a pod's namespace, and the prefix of those in which it keeps the namespace's labels.
const NAMESPACE_LABEL: &str = "io.kubernetes.pod.namespace";
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";

/// The sources of labels of Kubernetes, and of those that stand for what is no pod.
const K8S: &str = "k8s:";
const RESERVED: &str = "reserved:";

/// Peers that manifests do not tell.
const UNKNOWN_PEERS: [(&str, MayBe); 5] = [
    ("FQDNs", MayBe::Outside),
    ("Services", MayBe::Anyone),
    ("Nodes", MayBe::OutsideOrHost),
    ("Groups", MayBe::Outside),
    ("Requires", MayBe::Anyone),
];

pub(super) fn read(
    entry: &Arc<Entry>,
    kind: PolicyKind,
    _version: &str,
    reading: &mut Reading,
) -> Result<Vec<Policy>, Fault> {
    let mut policies = Vec::new();
    let mut specs = list(&entry.value, &Pointer::ROOT, "specs")?;
    if let Some(spec) = present(&entry.value, "spec") {
        specs.insert(0, (pointer!["spec"], spec));
    }
    for (at, spec) in specs {
        object(spec, &at)?;
        if present(spec, "nodeSelector").is_some() {
            let message = "a policy for nodes says nothing of pods: it is not analysed".to_owned();
            reading.undecided(entry, &at.child("nodeSelector"), message);
            continue;
        }
        let Some(subject) = present(spec, "endpointSelector") else {
            return Err(Fault::new(&at, "a policy must have an `endpointSelector` or a `nodeSelector`"));
        };
        let subject_at = at.child("endpointSelector");
        let own = entry.namespace.clone().filter(|_| kind == PolicyKind::CiliumNetworkPolicy);
        let reader = Reader { entry, own: own.as_ref() };
        if let Some(special) = Reader::reserved(subject, &subject_at)? {
            let message = format!("a policy for `{special}` says nothing of pods: it is not analysed");
            reading.undecided(entry, &subject_at, message);
            continue;
        }
        policies.push(Policy {
            entry: entry.clone(),
            kind,
            tier: Tier::Namespace,
            priority: 0,
            subject: reader.subject(subject, &subject_at)?,
            subject_at,
            ingress: reader.section(spec, &at, Direction::Ingress, reading)?,
            egress: reader.section(spec, &at, Direction::Egress, reading)?,
            set: NOBODY,
        });
    }
    Ok(policies)
}

struct Reader<'a> {
    entry: &'a Entry,
    /// The namespace to which selectors are bound that name none; `None` for policies of the whole cluster.
    own: Option<&'a Arc<str>>,
}

impl Reader<'_> {
    fn section(
        &self,
        spec: &Value,
        at: &Pointer,
        direction: Direction,
        reading: &mut Reading,
    ) -> Result<Section, Fault> {
        let (allow, deny) = match direction {
            Direction::Ingress => ("ingress", "ingressDeny"),
            Direction::Egress => ("egress", "egressDeny"),
        };
        let mut rules = Vec::new();
        for (key, action) in [(allow, RuleAction::Allow), (deny, RuleAction::Deny)] {
            for (at, rule) in list(spec, at, key)? {
                object(rule, &at)?;
                rules.push(self.rule(rule, at, action, direction, reading)?);
            }
        }
        // `rule.go`, `Sanitize`: whoever has rules is isolated, unless it says otherwise.
        let default =
            present(spec, "enableDefaultDeny").and_then(|value| value.get(direction.as_str())?.as_bool());
        Ok(Section { isolates: default.unwrap_or(!rules.is_empty()), rules })
    }

    fn rule(
        &self,
        rule: &Value,
        at: Pointer,
        action: RuleAction,
        direction: Direction,
        reading: &mut Reading,
    ) -> Result<Rule, Fault> {
        let word = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let key = |what: &str| format!("{word}{what}");
        let (mut peers, mut names_peers) = (Vec::new(), false);
        let is_present = |what: &str| present(rule, &key(what)).is_some();
        for what in ["Endpoints", "CIDR", "CIDRSet", "Entities"] {
            names_peers |= is_present(what);
            for (at, value) in list(rule, &at, &key(what))? {
                let who = match what {
                    "Endpoints" => self.endpoints(value, &at)?,
                    "CIDR" => addresses(vec![network(value, &at)?]),
                    "CIDRSet" if present(value, "cidr").is_some() => block(value, &at, true)?,
                    "CIDRSet" => PeerMatch::Undecided("a group of networks".into(), MayBe::Outside),
                    _ => entity(value.as_str().unwrap_or_default()),
                };
                peers.push(self.noted(at, who, reading));
            }
        }
        for (what, may_be) in UNKNOWN_PEERS {
            if is_present(what) {
                names_peers = true;
                let who = PeerMatch::Undecided(format!("what `{}` means", key(what)).into(), may_be);
                peers.push(self.noted(at.child(key(what).as_str()), who, reading));
            }
        }
        // A rule that names no peers means everyone if it names ports, and nobody if it is empty.
        let ports = ports(rule, &at)?;
        if !names_peers && (ports.is_some() || present(rule, "icmps").is_some()) {
            peers.push(peer(at.clone(), PeerMatch::Anyone));
        }
        reading.has_icmp |= present(rule, "icmps").is_some();
        let ports = match ports {
            None if present(rule, "icmps").is_some() => Some(Vec::new()),
            ports => ports,
        };
        Ok(Rule { at, name: "".into(), action, peers, ports })
    }

    fn noted(&self, at: Pointer, who: PeerMatch, reading: &mut Reading) -> RulePeer {
        if let PeerMatch::Undecided(what, _) = &who {
            let message = format!("{what} cannot be told from manifests: this peer fits nobody");
            reading.undecided(self.entry, &at, message);
        }
        peer(at, who)
    }

    /// Whom a selector of endpoints means.
    fn endpoints(&self, value: &Value, at: &Pointer) -> Result<PeerMatch, Fault> {
        object(value, at)?;
        match Self::reserved(value, at)? {
            Some(name) => Ok(entity(name)),
            None => self.pattern(value, at, false).map(PeerMatch::Pods),
        }
    }

    /// The pods that a policy is about: those of its own namespace, if it has one. A namespace that it names is not heeded.
    /// `utils.go`, `ParseToCiliumRule`.
    fn subject(&self, value: &Value, at: &Pointer) -> Result<PodPattern, Fault> {
        self.pattern(value, at, true)
    }

    /// What a selector asks for that is none of the pods of manifests, such as `reserved:host`.
    fn reserved<'v>(value: &'v Value, at: &Pointer) -> Result<Option<&'v str>, Fault> {
        object(value, at)?;
        let labels = value.get("matchLabels").and_then(Value::as_object);
        let mut keys = labels.into_iter().flat_map(Object::iter).filter_map(|(key, _)| key.as_str());
        let mut found = keys.find_map(|key| key.strip_prefix(RESERVED));
        for (at, expression) in list(value, at, "matchExpressions")? {
            object(expression, &at)?;
            let name = string(expression, &at, "key")?.strip_prefix(RESERVED);
            found = found.or(name.filter(|_| !is_negative(expression)));
        }
        Ok(found)
    }

    /// The pods of a selector of endpoints. Its keys carry the source of the label, and the namespace is one of them.
    fn pattern(&self, value: &Value, at: &Pointer, is_subject: bool) -> Result<PodPattern, Fault> {
        object(value, at)?;
        let (mut pods, mut namespaces, mut names) = (Parts::default(), Parts::default(), Parts::default());
        let labels = value.get("matchLabels").and_then(Value::as_object);
        for (key, value) in labels.into_iter().flat_map(Object::iter) {
            let written = key.as_str().unwrap_or_default();
            if is_subject && self.own.is_some() && written.strip_prefix(K8S) == Some(NAMESPACE_LABEL) {
                continue;
            }
            let (part, key) = place(bare(written), &mut pods, &mut namespaces, &mut names);
            part.labels.push((key.into(), value.clone()));
        }
        for (at, expression) in list(value, at, "matchExpressions")? {
            object(expression, &at)?;
            let written = string(expression, &at, "key")?;
            // No pod has such a label.
            if written.starts_with(RESERVED) {
                continue;
            }
            let key = bare(written);
            let (part, key) = place(key, &mut pods, &mut namespaces, &mut names);
            let fields = expression.as_object().map(|fields| fields.with("key", key));
            part.expressions.push(fields.map_or(Value::Null, Value::Object));
        }
        let names_namespace = !names.is_empty() || !namespaces.is_empty();
        namespaces.labels.append(&mut names.labels);
        namespaces.expressions.append(&mut names.expressions);
        if let Some(own) = self.own.filter(|_| is_subject && names_namespace) {
            let is_own = Value::from(vec![Value::from(&**own)]);
            let key = crate::object::NAMESPACE_NAME_LABEL;
            namespaces
                .expressions
                .push([("key", key.into()), ("operator", "In".into()), ("values", is_own)].into());
        }
        let namespaces = match self.own {
            Some(own) if !names_namespace => NamespaceMatch::Named(own.clone()),
            _ if !names_namespace => NamespaceMatch::Selected(Selector::everything()),
            _ => NamespaceMatch::Selected(selector(&namespaces.value(), at)?),
        };
        Ok(PodPattern { namespaces, pods: selector(&pods.value(), at)? })
    }
}

/// The parts of a `LabelSelector`.
#[derive(Default)]
struct Parts {
    labels: Vec<(Value, Value)>,
    expressions: Vec<Value>,
}

impl Parts {
    fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.expressions.is_empty()
    }

    fn value(self) -> Value {
        let labels = Value::Object(self.labels.into_iter().collect());
        [("matchLabels", labels), ("matchExpressions", Value::from(self.expressions))].into()
    }
}

/// Whether an expression is met by what lacks the label.
fn is_negative(expression: &Value) -> bool {
    matches!(text(expression, "operator"), "NotIn" | "DoesNotExist")
}

/// A key without the source of the label before it: `k8s:app` is `app`.
fn bare(key: &str) -> &str {
    [K8S, "any:"].iter().find_map(|source| key.strip_prefix(source)).unwrap_or(key)
}

/// What a key is about, and its name there.
fn place<'a, 'b>(
    key: &'a str,
    pods: &'b mut Parts,
    namespaces: &'b mut Parts,
    names: &'b mut Parts,
) -> (&'b mut Parts, &'a str) {
    if key == NAMESPACE_LABEL {
        return (names, crate::object::NAMESPACE_NAME_LABEL);
    }
    match key.strip_prefix(NAMESPACE_LABELS) {
        Some(label) => (namespaces, label),
        None => (pods, key),
    }
}

fn addresses(ranges: Vec<AddressRange>) -> PeerMatch {
    PeerMatch::Addresses { set: AddressSet::of(ranges), except: AddressSet::default(), external_only: true }
}

fn entity(name: &str) -> PeerMatch {
    match name {
        "all" => PeerMatch::Anyone,
        "world" => addresses(vec![AddressRange::IPV4, AddressRange::IPV6]),
        "world-ipv4" => addresses(vec![AddressRange::IPV4]),
        "world-ipv6" => addresses(vec![AddressRange::IPV6]),
        // `entity.go`: hosts and nodes, too.
        "cluster" => PeerMatch::Cluster,
        "none" => addresses(Vec::new()),
        other => {
            let may_be = match other {
                "health" | "ingress" => MayBe::Outside,
                "host" | "remote-node" | "kube-apiserver" => MayBe::OutsideOrHost,
                _ => MayBe::Anyone,
            };
            PeerMatch::Undecided(format!("the entity `{other}`").into(), may_be)
        }
    }
}

/// The ports of all entries of `toPorts`.
fn ports(rule: &Value, at: &Pointer) -> Result<Option<Vec<(Pointer, PortMatch)>>, Fault> {
    let mut ports = Vec::new();
    let entries = list(rule, at, "toPorts")?;
    for (at, entry) in &entries {
        object(entry, at)?;
        let listed = list(entry, at, "ports")?;
        if listed.is_empty() {
            ports.push((at.clone(), PortMatch::Numbers(Ports::all())));
        }
        for (at, value) in listed {
            object(value, &at)?;
            port(value, &at, &mut ports)?;
        }
    }
    Ok(Some(ports).filter(|_| !entries.is_empty()))
}

fn port(value: &Value, at: &Pointer, ports: &mut Vec<(Pointer, PortMatch)>) -> Result<(), Fault> {
    let protocols: &[Protocol] = match string(value, at, "protocol")? {
        "" | "ANY" => &Protocol::ALL,
        "TCP" => &[Protocol::Tcp],
        "UDP" => &[Protocol::Udp],
        "SCTP" => &[Protocol::Sctp],
        // ICMP and the like have no ports.
        _ => &[],
    };
    let text = string(value, at, "port")?;
    let number = match text.parse::<i64>() {
        Ok(0) => None,
        Ok(number) => Some(port_number(&number.into(), &at.child("port"))?),
        Err(_) if text.is_empty() => None,
        Err(_) => {
            let named = |protocol| (at.clone(), PortMatch::Named(Some(protocol), text.to_lowercase().into()));
            ports.extend(protocols.iter().copied().map(named));
            return Ok(());
        }
    };
    let (first, last) = match (number, present(value, "endPort")) {
        (None, _) => (1, u16::MAX),
        (Some(first), None) => (first, first),
        (Some(first), Some(end)) if end.as_i64() == Some(0) => (first, first),
        (Some(first), Some(end)) => {
            let at = at.child("endPort");
            port_range(first, port_number(end, &at)?, &at)?
        }
    };
    let sets: Vec<_> = protocols.iter().map(|protocol| Ports::range(*protocol, first, last)).collect();
    ports.push((at.clone(), PortMatch::Numbers(Ports::union_of(&sets))));
    Ok(())
}
