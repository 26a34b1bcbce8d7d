//! [`Workload`]: the pods of the inputs, a node for each pod template or group of pods that are alike.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::address::address_of;
use super::class::ClassId;
use super::port::{Ports, Protocol};
use crate::object::pod::{ContainerKind, PodView};
use crate::object::{WorkloadKind, field, text};
use crate::snapshot::{Entry, Snapshot};

pub(in crate::network) mod labels;

/// The label that controllers put on pods to tell generations apart: it says nothing about what they are.
const GENERATED_LABELS: [&str; 4] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
];

/// Deepest chain of owners that is followed: Pod, `ReplicaSet`, Deployment and what a custom kind may put above.
const OWNERS_MAX: usize = 6;

/// The number of a workload in [`Model::workloads`](super::Model::workloads).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadId(pub(super) u32);

impl WorkloadId {
    /// The number, from zero.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One port of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerPort {
    /// Its name, where it has one.
    pub name: Option<Arc<str>>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub port: u16,
}

/// The ports that a pod's containers declare. Only the names matter to policies: what is not declared is reached all
/// the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedPorts(Vec<ContainerPort>);

impl NamedPorts {
    /// No ports.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// All ports, sorted.
    pub fn ports(&self) -> &[ContainerPort] {
        &self.0
    }

    /// The ports of a name: of one protocol, or of any.
    pub fn find(&self, protocol: Option<Protocol>, name: &str) -> Ports {
        let named = self.0.iter().filter(|port| port.name.as_deref() == Some(name));
        let found: Vec<_> = named
            .filter(|port| protocol.is_none_or(|protocol| protocol == port.protocol))
            .map(|port| Ports::one(port.protocol, port.port))
            .collect();
        Ports::union_of(&found)
    }

    /// All declared ports.
    pub fn declared(&self) -> Ports {
        let all: Vec<_> = self.0.iter().map(|port| Ports::one(port.protocol, port.port)).collect();
        Ports::union_of(&all)
    }

    /// Only those with one of some names.
    pub(super) fn only(&self, names: &BTreeSet<Arc<str>>) -> Self {
        let named = |port: &&ContainerPort| port.name.as_ref().is_some_and(|name| names.contains(name));
        Self(self.0.iter().filter(named).cloned().collect())
    }

    fn of(pod: &PodView<'_>) -> Self {
        let mut ports = Vec::new();
        for container in pod.containers() {
            // An init container that goes on running beside the others serves like them.
            let serves = match container.kind {
                ContainerKind::Init => text(container.value, "restartPolicy") == "Always",
                ContainerKind::Regular | ContainerKind::Ephemeral => true,
            };
            let list = container.field("ports").as_array().filter(|_| serves);
            for port in list.into_iter().flat_map(lumen_value::Array::iter) {
                let number = port.get("containerPort").and_then(Value::as_i64);
                let protocol = match text(port, "protocol") {
                    "" => Some(Protocol::Tcp),
                    name => Protocol::of(name),
                };
                if let (Some(port_number), Some(protocol)) =
                    (number.and_then(|number| u16::try_from(number).ok()).filter(|port| *port > 0), protocol)
                {
                    let name = Some(text(port, "name")).filter(|name| !name.is_empty()).map(Arc::from);
                    ports.push(ContainerPort { name, protocol, port: port_number });
                }
            }
        }
        ports.sort_unstable();
        ports.dedup();
        Self(ports)
    }
}

/// Pods that policies cannot tell apart: those of one template, or bare pods of one owner with the same labels.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The name: that of the topmost owner that is known, or of the pod itself.
    pub name: Arc<str>,
    /// The kind that the name belongs to, such as `Deployment`.
    pub kind: Arc<str>,
    /// The labels of the pods, with those that their controller will add and those that Cilium derives. A `?` at the end of a
    /// value, which no label may hold, stands for what manifests do not tell.
    pub labels: Value,
    /// The ports that the containers declare.
    pub ports: Arc<NamedPorts>,
    /// Whether the pods are on the host's network: policies neither select them nor mean them as peers by label.
    pub host_network: bool,
    /// The addresses of the pods as far as their status gives them; those of the node for pods on the host's network.
    pub addresses: Vec<IpAddr>,
    /// The manifest, or the first of those of several pods.
    pub entry: Arc<Entry>,
    /// Where the pod or the template stands in that manifest.
    pub at: Pointer,
    /// What policies see of it.
    pub(super) class: ClassId,
}

impl Workload {
    /// Which class of pods it belongs to: all of a class may send and receive the same.
    pub fn class(&self) -> ClassId {
        self.class
    }
}

/// `namespace/name[Kind]`.
impl fmt::Display for Workload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}[{}]", self.namespace, self.name, self.kind)
    }
}

/// Who an object is to those that it owns.
type Owner<'a> = (&'a str, &'a str, &'a str);

/// The owner that an object names: its controller, or else its first.
fn owner_of(value: &Value) -> Option<(&str, &str)> {
    let owners = field(value, &["metadata", "ownerReferences"]).as_array()?;
    let is_controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let owner = owners.iter().find(is_controller).or_else(|| owners.get(0))?;
    let name = text(owner, "name");
    (!name.is_empty()).then(|| (text(owner, "kind"), name))
}

/// Collects the pods of a snapshot, sorted by namespace. Finished pods are left out; so are controllers of which the
/// pods, or further controllers, are among the inputs, for those say what runs.
pub(super) fn collect(snapshot: &Snapshot) -> Vec<Workload> {
    let mut by_name: HashMap<Owner<'_>, &Arc<Entry>> = HashMap::new();
    let mut owned: HashSet<Owner<'_>> = HashSet::new();
    for (entry, _) in snapshot.workloads() {
        let namespace = entry.namespace.as_deref().unwrap_or_default();
        by_name.insert((namespace, &entry.object.kind, &entry.object.name), entry);
        if let Some((kind, name)) = owner_of(&entry.value) {
            owned.insert((namespace, kind, name));
        }
    }
    let mut found = Vec::new();
    for (entry, workload) in snapshot.workloads() {
        let namespace: Arc<str> = entry.namespace.clone().unwrap_or_default();
        let is_owner = owned.contains(&(&*namespace, &*entry.object.kind, &*entry.object.name));
        if workload.kind == WorkloadKind::PodTemplate || is_owner || is_retired(&entry.value, workload.kind) {
            continue;
        }
        let (kind, name) = top_owner(entry, &namespace, &by_name);
        for pod in &workload.pods {
            let mut made = of_pod(entry, namespace.clone(), kind.clone(), name.clone(), pod);
            if workload.kind == WorkloadKind::Controller {
                made.labels = labels::with_added(&made.labels, &entry.object.kind, &entry.object.name);
            }
            found.push(made);
        }
    }
    found.extend(virtual_machines(snapshot));
    found.sort_by(|a, b| {
        (&a.namespace, &a.kind, &a.name, &a.entry.location, &a.at).cmp(&(
            &b.namespace,
            &b.kind,
            &b.name,
            &b.entry.location,
            &b.at,
        ))
    });
    found
}

/// Whether nothing runs of it: a pod or a Job that has finished, or what a controller has scaled down and replaced.
fn is_retired(value: &Value, kind: WorkloadKind) -> bool {
    match kind {
        WorkloadKind::Pod => matches!(text(field(value, &["status"]), "phase"), "Succeeded" | "Failed"),
        WorkloadKind::Controller if is_done(value) => true,
        _ => owner_of(value).is_some() && field(value, &["spec", "replicas"]).as_i64() == Some(0),
    }
}

/// Whether a Job has finished. No other controller has such conditions.
fn is_done(value: &Value) -> bool {
    let conditions = field(value, &["status", "conditions"]).as_array();
    text(value, "kind") == "Job"
        && conditions.into_iter().flat_map(lumen_value::Array::iter).any(|condition| {
            matches!(text(condition, "type"), "Complete" | "Failed") && text(condition, "status") == "True"
        })
}

fn top_owner(
    entry: &Arc<Entry>,
    namespace: &str,
    by_name: &HashMap<Owner<'_>, &Arc<Entry>>,
) -> (Arc<str>, Arc<str>) {
    let mut at = entry;
    for _ in 0..OWNERS_MAX {
        let Some((kind, name)) = owner_of(&at.value) else {
            break;
        };
        match by_name.get(&(namespace, kind, name)) {
            Some(owner) => at = owner,
            // An owner whose manifest is not there gives its name all the same.
            None if kind.is_empty() => return (at.object.kind.clone(), name.into()),
            None => return (kind.into(), name.into()),
        }
    }
    (at.object.kind.clone(), at.object.name.clone())
}

fn of_pod(
    entry: &Arc<Entry>,
    namespace: Arc<str>,
    kind: Arc<str>,
    name: Arc<str>,
    pod: &PodView<'_>,
) -> Workload {
    let host_network = pod.spec.get("hostNetwork").and_then(Value::as_bool) == Some(true);
    Workload {
        namespace,
        name,
        kind,
        labels: labels::with_derived(pod.labels(), pod.spec),
        ports: Arc::new(NamedPorts::of(pod)),
        host_network,
        addresses: if pod.at.steps().is_empty() { addresses(&entry.value) } else { Vec::new() },
        entry: entry.clone(),
        at: pod.at.clone(),
        class: ClassId(0),
    }
}

/// The addresses in a pod's status.
fn addresses(value: &Value) -> Vec<IpAddr> {
    let status = field(value, &["status"]);
    let list = status.get("podIPs").and_then(Value::as_array);
    let several = list.into_iter().flat_map(lumen_value::Array::iter).map(|each| text(each, "ip"));
    let mut found: Vec<_> = several.chain([text(status, "podIP")]).filter_map(address_of).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `KubeVirt`'s machines: each runs in a pod with the labels of its template.
fn virtual_machines(snapshot: &Snapshot) -> impl Iterator<Item = Workload> {
    let kinds = [("VirtualMachine", pointer!["spec", "template"]), ("VirtualMachineInstance", Pointer::ROOT)];
    kinds.into_iter().flat_map(|(kind, at)| {
        snapshot.of_kind("kubevirt.io", kind).iter().filter_map(move |entry| {
            let owned = kind == "VirtualMachineInstance" && owner_of(&entry.value).is_some();
            let holder = entry.value.find(&at).filter(|_| !owned)?;
            let pod = PodView::of(holder, at.clone());
            let namespace = entry.namespace.clone().unwrap_or_else(|| "default".into());
            Some(of_pod(entry, namespace, entry.object.kind.clone(), entry.object.name.clone(), &pod))
        })
    })
}

/// Merges the pods of one owner that are alike in labels, ports and class.
pub(super) fn merge(pods: Vec<Workload>) -> Vec<Workload> {
    type Key = (Arc<str>, Arc<str>, Arc<str>, Value, Arc<NamedPorts>, bool, ClassId);
    let mut merged: Vec<Workload> = Vec::with_capacity(pods.len());
    let mut places: BTreeMap<Key, usize> = BTreeMap::new();
    for mut pod in pods {
        // Templates are workloads of their own, even where two manifests describe one object.
        if pod.at.steps().is_empty() && owner_of(&pod.entry.value).is_some() {
            if let Value::Object(labels) = &pod.labels {
                let kept = GENERATED_LABELS.iter().fold(labels.clone(), |labels, key| labels.without(key));
                pod.labels = Value::Object(kept);
            }
            let key = (
                pod.namespace.clone(),
                pod.kind.clone(),
                pod.name.clone(),
                pod.labels.clone(),
                pod.ports.clone(),
                pod.host_network,
                pod.class,
            );
            if let Some(first) = places.get(&key).and_then(|index| merged.get_mut(*index)) {
                first.addresses.append(&mut pod.addresses);
                continue;
            }
            places.insert(key, merged.len());
        }
        merged.push(pod);
    }
    merged
}
