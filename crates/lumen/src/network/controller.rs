//! Which workloads are ingress controllers: nothing in Kubernetes says so, their usual names do.

use lumen_core::network::{Model, Workload, WorkloadId};
use lumen_value::Value;

/// What ingress controllers and gateways are called by those who make them: in the labels of their charts, or as
/// workloads.
const NAMES: &[&str] = &[
    "traefik",
    "ingress-nginx",
    "ingress-nginx-controller",
    "nginx-ingress",
    "nginx-ingress-controller",
    "haproxy-ingress",
    "kubernetes-ingress",
    "kong",
    "contour-envoy",
    "envoy",
    "envoy-gateway",
    "istio-ingressgateway",
    "ingressgateway",
    "cilium-ingress",
    "ambassador",
    "emissary-ingress",
    "voyager",
    "skipper-ingress",
    "router-default",
];

/// The labels that say what a pod is.
const LABELS: &[&str] = &["app.kubernetes.io/name", "app", "k8s-app", "name"];

/// The ingress controllers among the workloads.
pub fn controllers(model: &Model) -> Vec<WorkloadId> {
    model.iter().filter(|(_, workload)| is_controller(workload)).map(|(id, _)| id).collect()
}

fn is_controller(workload: &Workload) -> bool {
    let is_known = |name: &str| NAMES.contains(&name);
    let named = LABELS.iter().map(|key| label(&workload.labels, key)).find(|value| !value.is_empty());
    is_known(&workload.name) || named.is_some_and(is_known)
}

/// The text of a label or another field; empty where there is none.
pub(super) fn label<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
