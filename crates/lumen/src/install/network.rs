//! Who may speak to the server, and whom it may speak to.

use lumen_core::network::well_known::dns;
use lumen_core::object::NAMESPACE_NAME_LABEL;
use lumen_server::names;
use serde_json::{Value, json};

use super::{metadata, selector};

/// Nothing but: the API server and kubelets to the webhook, Prometheus to the metrics, the server to the API server.
///
/// API servers are no pods: their addresses are not known beforehand, so the ports alone restrict them.
pub(super) fn policies(api_server_ports: &[u16]) -> Vec<Value> {
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
                            "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: "monitoring"}},
                        }],
                        "ports": [tcp(names::HTTP_PORT)],
                    },
                ],
                "egress": [
                    {"ports": api_server_ports.iter().copied().map(tcp).collect::<Vec<_>>()},
                    {
                        "to": [{
                            "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: dns::NAMESPACE}},
                            "podSelector": {"matchLabels": {dns::LABEL: dns::VALUE}},
                        }],
                        "ports": [{"protocol": "UDP", "port": dns::PORT}, tcp(dns::PORT)],
                    },
                ],
            }),
        ),
    ]
}
