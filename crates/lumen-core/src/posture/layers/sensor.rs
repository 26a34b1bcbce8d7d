//! What watches the nodes, among the inputs: its rules are not read, so that what it detects is not known.

use std::sync::Arc;

use super::Proof;
use crate::snapshot::{Entry, Snapshot};

/// Kinds that are rules for such programs: group and kind.
const RULES: &[(&str, &str)] = &[
    ("cilium.io", "TracingPolicy"),
    ("cilium.io", "TracingPolicyNamespaced"),
    ("security.kubearmor.com", "KubeArmorPolicy"),
    ("security.kubearmor.com", "KubeArmorClusterPolicy"),
];

/// Programs that watch nodes, by a part of their image's name.
const SENSORS: &[&str] = &["/falco:", "/falco@", "/falco-no-driver", "/tetragon", "/tracee", "/kubearmor"];

/// Most of them that are told of.
const SENSORS_MAX: usize = 8;

/// The programs that watch nodes, and rules for them.
pub(super) fn sensors(snapshot: &Snapshot) -> Vec<Proof> {
    let is_sensor = |image: &str| SENSORS.iter().any(|name| image.contains(name));
    let programs = snapshot.of_kind("apps", "DaemonSet").iter().filter(|entry| {
        entry.workload().is_some_and(|workload| {
            workload.pods.iter().any(|pod| pod.containers().any(|container| is_sensor(container.image())))
        })
    });
    let rules = RULES.iter().flat_map(|(group, kind)| snapshot.of_kind(group, kind));
    let proof = |says: &'static str| {
        move |entry: &Arc<Entry>| Proof {
            what: format!("{}/{}", entry.object.kind, entry.object.name),
            says: says.to_owned(),
            location: Some(entry.location.clone()),
        }
    };
    let programs = programs.map(proof("watches the nodes; its rules were not looked at"));
    programs
        .chain(rules.map(proof("is a rule about what runs; what it is about was not looked at")))
        .take(SENSORS_MAX)
        .collect()
}
