//! Who may speak to the server, and whom it may speak to.

use lumen_server::names;
use serde_json::{Value, json};

use super::{metadata, selector};

/// Nothing but: the API server and kubelets to the webhook, Prometheus to the metrics, the server to the API server.
///
/// API servers are no pods: their addresses are not known beforehand, so the ports alone restrict them.
pub(super) fn policies() -> Vec<Value> {
    let policy = |name: &str, spec: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata(name, Some(names::NAMESPACE)),
            "spec": spec,
        })
    };
    let tcp = |port: u16| json!({"protocol": "TCP", "port": port});
    vec![
        policy("default-deny-all", json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})),
        policy(
            names::SERVER,
            json!({
                "podSelector": {"matchLabels": selector()},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [
                    {"ports": [tcp(names::HTTPS_PORT)]},
                    {
                        "from": [{
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                        }],
                        "ports": [tcp(names::HTTP_PORT)],
                    },
                ],
                "egress": [
                    {"ports": [tcp(443), tcp(6443)]},
                    {
                        "to": [{
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                        }],
                        "ports": [{"protocol": "UDP", "port": 53}, tcp(53)],
                    },
                ],
            }),
        ),
    ]
}
