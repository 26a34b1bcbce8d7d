//! The server's pods, and what they need beside them.

use lumen_server::names;
use serde_json::{Value, json};

use super::{Options, labels, metadata, selector};

/// The user as whom the server runs: the image's, without a name.
const USER: u32 = 65_533;

/// The `PriorityClass` and the `ServiceAccount`.
pub(super) fn surroundings() -> Vec<Value> {
    vec![
        json!({
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": metadata(names::PRIORITY_CLASS, None),
            // The highest that is not the system's.
            "value": 1_000_000_000,
            "description": "Lumen's webhook: without it, nothing that it judges is admitted",
        }),
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(names::SERVER, Some(names::NAMESPACE)),
            "automountServiceAccountToken": false,
        }),
    ]
}

/// The Service, the Deployment, and how many of its pods may be away at once.
pub(super) fn server(options: &Options) -> Vec<Value> {
    let here = || metadata(names::SERVER, Some(names::NAMESPACE));
    let labels = labels();
    let spread = |key: &str| {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector()},
        })
    };
    vec![
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(names::SERVICE, Some(names::NAMESPACE)),
            "spec": {
                "type": "ClusterIP",
                "selector": selector(),
                "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": "https"}],
            },
        }),
        json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": here(),
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
        }),
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": here(),
            "spec": {
                "replicas": options.replicas,
                "revisionHistoryLimit": 3,
                // A replica goes only once another is ready.
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "selector": {"matchLabels": selector()},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": names::SERVER,
                        // The token is a volume of its own, below: it lasts an hour, and nothing else gets one.
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        "priorityClassName": names::PRIORITY_CLASS,
                        "terminationGracePeriodSeconds": 30,
                        "topologySpreadConstraints": [spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone")],
                        "securityContext": {
                            "runAsNonRoot": true,
                            "runAsUser": USER,
                            "runAsGroup": USER,
                            "fsGroup": USER,
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [container(options)],
                        "volumes": [{"name": "token", "projected": {"sources": [
                            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3_600}},
                            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
                        ]}}],
                    },
                },
            },
        }),
    ]
}

fn container(options: &Options) -> Value {
    let mut arguments = vec!["server".to_owned()];
    arguments.extend(options.exempt_namespaces.iter().map(|name| format!("--exempt-namespace={name}")));
    if options.is_shadow {
        arguments.push("--shadow".to_owned());
    }
    let probe = |path: &str, period: u8, failures: u8| {
        json!({
            "httpGet": {"path": path, "port": "http"},
            "periodSeconds": period,
            "timeoutSeconds": 2,
            "failureThreshold": failures,
        })
    };
    json!({
        "name": "server",
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "args": arguments,
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        ],
        "ports": [
            {"name": "https", "containerPort": names::HTTPS_PORT, "protocol": "TCP"},
            {"name": "http", "containerPort": names::HTTP_PORT, "protocol": "TCP"},
        ],
        // Long enough for the first reading of a large cluster.
        "startupProbe": probe("/healthz", 2, 60),
        "livenessProbe": probe("/healthz", 10, 3),
        "readinessProbe": probe("/readyz", 2, 2),
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "privileged": false,
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
        },
        "volumeMounts": [{
            "name": "token",
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            "readOnly": true,
        }],
    })
}
