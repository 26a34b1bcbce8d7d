//! Policies as manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use super::labels::{Labels, PodSelector};
use super::{FlowEnd, Needs, Network};
use crate::network::policy::Direction;
use crate::network::port::{Ports, Protocol};
use crate::network::well_known::{bare_namespace, dns, dns_ports};
use crate::network::{Model, WorkloadId};

/// Longest name of an object.
const NAME_BYTES_MAX: usize = 253;

/// Peers that share a rule.
#[derive(Default)]
struct Peers {
    pods: BTreeMap<Arc<str>, BTreeSet<WorkloadId>>,
    networks: BTreeSet<Network>,
}

/// Writes policies.
pub(super) struct Writer<'a> {
    model: &'a Model,
    labels: &'a Labels<'a>,
    policies: Vec<Value>,
    names: BTreeSet<(Arc<str>, String)>,
    widened: BTreeSet<WorkloadId>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(model: &'a Model, labels: &'a Labels<'a>) -> Self {
        Self { model, labels, policies: Vec::new(), names: BTreeSet::new(), widened: BTreeSet::new() }
    }

    pub(super) fn done(self) -> (Vec<Value>, Vec<WorkloadId>) {
        (self.policies, self.widened.into_iter().collect())
    }

    /// A policy that denies everything in a namespace that no other allows.
    pub(super) fn default_deny(&mut self, namespace: &Arc<str>) {
        self.add(namespace, "default-deny-all", &PodSelector::All, &Direction::ALL, Vec::new());
    }

    /// A policy that lets all pods of a namespace ask DNS.
    pub(super) fn dns(&mut self, namespace: &Arc<str>) {
        let labels: Value = [(dns::LABEL, Value::from(dns::VALUE))].into();
        let pods: Value = [("matchLabels", labels)].into();
        let peer: Value = [("namespaceSelector", by_name(dns::NAMESPACE)), ("podSelector", pods)].into();
        let rule = rule("to", vec![peer], &dns_ports());
        self.add(namespace, "allow-dns", &PodSelector::All, &[Direction::Egress], vec![rule]);
    }

    /// The policies for workloads that need the same: one, unless no single selector means them.
    pub(super) fn policy(
        &mut self,
        namespace: &Arc<str>,
        direction: Direction,
        subjects: &BTreeSet<WorkloadId>,
        needs: &Needs,
    ) {
        let mut by_ports: BTreeMap<&Ports, Peers> = BTreeMap::new();
        for (peer, ports) in needs.iter().filter(|(_, ports)| !ports.is_empty()) {
            let peers = by_ports.entry(ports).or_default();
            match peer {
                FlowEnd::Network(network) => _ = peers.networks.insert(network.clone()),
                FlowEnd::Workload(id) => {
                    if let Some(workload) = self.model.workload(*id) {
                        peers.pods.entry(workload.namespace.clone()).or_default().insert(*id);
                    }
                }
            }
        }
        let key = match direction {
            Direction::Ingress => "from",
            Direction::Egress => "to",
        };
        let rules: Vec<Value> =
            by_ports.iter().map(|(ports, peers)| rule(key, self.peers(namespace, peers), ports)).collect();
        let selected = self.labels.select(namespace, subjects);
        self.widened.extend(selected.widened);
        for selector in &selected.selectors {
            let subject = self.called(subjects, selector);
            self.add(namespace, &format!("{subject}-{direction}"), selector, &[direction], rules.clone());
        }
    }

    /// What a policy for workloads is called after: the only one of them, or what they have in common.
    fn called(&self, subjects: &BTreeSet<WorkloadId>, selector: &PodSelector) -> String {
        let one = subjects.first().filter(|_| subjects.len() == 1).and_then(|id| self.model.workload(*id));
        let label = |label: &str| label.to_ascii_lowercase().replace('_', "-");
        match (one, selector) {
            (Some(workload), _) => workload.name.to_string(),
            (None, PodSelector::All) => "all".to_owned(),
            (None, PodSelector::Labels(labels)) => labels
                .iter()
                .map(|(_, value)| label(value))
                .find(|value| !value.is_empty())
                .unwrap_or_default(),
            (None, PodSelector::In(_, values)) => {
                format!("{}-and-others", values.first().map(|value| label(value)).unwrap_or_default())
            }
        }
    }

    fn peers(&mut self, own: &str, peers: &Peers) -> Vec<Value> {
        let mut written = Vec::new();
        for (namespace, pods) in &peers.pods {
            let selected = self.labels.select(namespace, pods);
            self.widened.extend(selected.widened);
            for selector in selected.selectors {
                let pods = selector.value();
                written.push(match (&**namespace == own, selector) {
                    (true, _) => [("podSelector", pods)].into(),
                    (false, PodSelector::All) => [("namespaceSelector", by_name(namespace))].into(),
                    (false, _) => [("namespaceSelector", by_name(namespace)), ("podSelector", pods)].into(),
                });
            }
        }
        for network in &peers.networks {
            let mut block: lumen_value::Object =
                [("cidr".into(), Value::from(network.cidr()))].into_iter().collect();
            if !network.except().is_empty() {
                let except: Vec<Value> = network.except().iter().map(|each| Value::from(&**each)).collect();
                block = block.with("except", Value::from(except));
            }
            written.push([("ipBlock", Value::Object(block))].into());
        }
        written
    }

    fn add(
        &mut self,
        namespace: &Arc<str>,
        name: &str,
        selector: &PodSelector,
        directions: &[Direction],
        rules: Vec<Value>,
    ) {
        let name = self.name(namespace, name);
        let metadata: Value =
            [("name", Value::from(name.as_str())), ("namespace", Value::from(&**namespace))].into();
        let types: Vec<Value> = directions
            .iter()
            .map(|direction| match direction {
                Direction::Ingress => "Ingress".into(),
                Direction::Egress => "Egress".into(),
            })
            .collect();
        let mut spec: lumen_value::Object =
            [("podSelector".into(), selector.value()), ("policyTypes".into(), types.into())]
                .into_iter()
                .collect();
        if let ([direction], false) = (directions, rules.is_empty()) {
            spec = spec.with(direction.as_str(), Value::from(rules));
        }
        self.policies.push(
            [
                ("apiVersion", "networking.k8s.io/v1".into()),
                ("kind", "NetworkPolicy".into()),
                ("metadata", metadata),
                ("spec", Value::Object(spec)),
            ]
            .into(),
        );
    }

    /// A name that is free.
    fn name(&mut self, namespace: &Arc<str>, wanted: &str) -> String {
        let wanted: String = wanted.chars().take(NAME_BYTES_MAX).collect();
        let mut name = wanted.clone();
        let mut number = 1;
        while !self.names.insert((namespace.clone(), name.clone())) {
            number += 1;
            let end = format!("-{number}");
            let kept: String = wanted.chars().take(NAME_BYTES_MAX - end.len()).collect();
            name = kept + &end;
        }
        name
    }
}

/// A selector of one namespace, by the label that each has.
fn by_name(namespace: &str) -> Value {
    [("matchLabels", bare_namespace(namespace))].into()
}

fn rule(key: &str, peers: Vec<Value>, ports: &Ports) -> Value {
    let mut rule: lumen_value::Object = [(key.into(), Value::from(peers))].into_iter().collect();
    if !ports.is_all() {
        rule = rule.with("ports", Value::from(written(ports)));
    }
    Value::Object(rule)
}

/// Ports as the entries of a rule.
fn written(ports: &Ports) -> Vec<Value> {
    let mut entries = Vec::new();
    for protocol in Protocol::ALL {
        for (first, last) in ports.of(protocol).ranges() {
            let mut entry: lumen_value::Object =
                [("protocol".into(), Value::from(protocol.as_str()))].into_iter().collect();
            if (*first, *last) != (1, u16::MAX) {
                entry = entry.with("port", i64::from(*first));
                if first < last {
                    entry = entry.with("endPort", i64::from(*last));
                }
            }
            entries.push(Value::Object(entry));
        }
    }
    entries
}
