//! What is judged, and by what: folders of policies, and `AdmissionReview`s a line each, the same ones everywhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// Ingresses that policies see of each other.
pub(super) const INGRESSES: usize = 10_000;

/// Different requests; they come again after that.
const REQUESTS: usize = 64;

/// Those of the library that are simple: one look at each container, or at the spec.
const SIMPLE: [&str; 10] = [
    "allowedrepos",
    "disallowedtags",
    "imagedigests",
    "allow-privilege-escalation",
    "host-namespaces",
    "host-network-ports",
    "host-process",
    "privileged-containers",
    "read-only-root-filesystem",
    "volumes",
];

/// A policy of gatekeeper-library: its template and the first of its sample constraints.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) template: String,
    pub(super) constraint: String,
    name: String,
}

/// All policies of gatekeeper-library, in the order of their names. `folder` is its checkout.
pub(super) fn library(folder: &Path) -> Result<Vec<Policy>> {
    let library = folder.join("library");
    let mut policies = Vec::new();
    for group in ["general", "pod-security-policy"] {
        for policy in sorted(&library.join(group))? {
            if !policy.join("template.yaml").is_file() {
                continue;
            }
            let samples = sorted(&policy.join("samples"))?;
            let constraint = samples.iter().map(|sample| sample.join("constraint.yaml"));
            let constraint =
                constraint.into_iter().find(|file| file.is_file()).context("a policy has no sample")?;
            policies.push(Policy {
                template: read(&policy.join("template.yaml"))?,
                constraint: read(&constraint)?,
                name: policy.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            });
        }
    }
    if policies.is_empty() {
        bail!("`{}` is no checkout of gatekeeper-library", folder.display());
    }
    Ok(policies)
}

/// The simple ones of them.
pub(super) fn simple(policies: &[Policy]) -> Vec<Policy> {
    policies.iter().filter(|policy| SIMPLE.contains(&&*policy.name)).cloned().collect()
}

/// The one that looks at all Ingresses.
pub(super) fn unique_host(policies: &[Policy]) -> Vec<Policy> {
    policies.iter().filter(|policy| policy.name == "uniqueingresshost").cloned().collect()
}

/// Writes policies to a folder that is new.
pub(super) fn write_policies(folder: &Path, policies: &[Policy]) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    }
    for policy in policies {
        let text = format!("{}\n---\n{}", policy.template, policy.constraint);
        write(&folder.join(format!("{}.yaml", policy.name)), &text)?;
    }
    Ok(())
}

/// Writes the Ingresses next to policies, and their Namespaces.
pub(super) fn write_ingresses(folder: &Path) -> Result<()> {
    let mut text = String::new();
    for number in 0..INGRESSES {
        writeln!(text, "{}\n---", ingress(number))?;
        if (number + 1) % 500 == 0 {
            write(&folder.join(format!("ingresses-{number:05}.yaml")), &text)?;
            text.clear();
        }
    }
    Ok(())
}

/// One of the Ingresses, some 1.5 KB as the API server keeps it.
pub(super) fn ingress(number: usize) -> Value {
    let team = format!("team-{}", number % 100);
    let host = format!("app-{number}.{team}.example.com");
    let path = |path: &str, service: &str| {
        json!({"path": path, "pathType": "Prefix",
            "backend": {"service": {"name": service, "port": {"number": 8080}}}})
    };
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": format!("app-{number}"),
            "namespace": "default",
            "uid": format!("6f2f7c04-0d6c-4ad1-9d5e-{number:012}"),
            "resourceVersion": (100_000 + number).to_string(),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "generation": 1,
            "labels": {
                "app.kubernetes.io/name": format!("app-{number}"),
                "app.kubernetes.io/managed-by": "argocd",
                "team": team,
            },
            "annotations": {
                "cert-manager.io/cluster-issuer": "internal",
                "nginx.ingress.kubernetes.io/proxy-body-size": "8m",
                "nginx.ingress.kubernetes.io/proxy-read-timeout": "60",
                "nginx.ingress.kubernetes.io/ssl-redirect": "true",
            },
        },
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": [host], "secretName": format!("app-{number}-tls")}],
            "rules": [{"host": host, "http": {"paths": [path("/", "web"), path("/api", "api"), path("/metrics", "metrics")]}}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    })
}

/// Writes requests to create Pods of some 6.4 KB.
pub(super) fn write_pods(file: &Path) -> Result<usize> {
    let mut text = String::new();
    let mut size = 0;
    for number in 0..REQUESTS {
        let pod = pod(number);
        size = pod.to_string().len();
        let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
        let resource = json!({"group": "", "version": "v1", "resource": "pods"});
        writeln!(text, "{}", review(number, &kind, &resource, &pod))?;
    }
    write(file, &text)?;
    Ok(size)
}

/// Writes requests to create Ingresses: every other one asks for a host that is taken.
pub(super) fn write_ingress_reviews(file: &Path) -> Result<()> {
    let mut text = String::new();
    for number in 0..REQUESTS {
        let mut object = ingress(number * 100);
        if let Some(name) = object.pointer_mut("/metadata/name") {
            *name = format!("new-{number}").into();
        }
        if number % 2 == 0
            && let Some(host) = object.pointer_mut("/spec/rules/0/host")
        {
            *host = format!("new-{number}.example.com").into();
        }
        let kind = json!({"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"});
        let resource = json!({"group": "networking.k8s.io", "version": "v1", "resource": "ingresses"});
        writeln!(text, "{}", review(number, &kind, &resource, &object))?;
    }
    write(file, &text)
}

fn review(number: usize, kind: &Value, resource: &Value, object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": format!("0a1b2c3d-0000-4000-8000-{number:012}"),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": object.pointer("/metadata/name"),
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {
                "username": "system:serviceaccount:kube-system:replicaset-controller",
                "uid": "3c1a7f0e-1111-4222-8333-944445555666",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
            },
            "object": object,
            "oldObject": null,
            "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

/// A Pod as a `ReplicaSet` makes it, hardened, with the defaults filled in.
fn pod(number: usize) -> Value {
    let containers = ["web", "cache", "proxy"].map(|name| container(name, number));
    let term = json!({"labelSelector": {"matchLabels": {"app.kubernetes.io/name": "shop"}}, "topologyKey": "kubernetes.io/hostname"});
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("shop-6d4cf56db6-{number:05}"),
            "generateName": "shop-6d4cf56db6-",
            "namespace": "default",
            "labels": {
                "app.kubernetes.io/name": "shop", "app.kubernetes.io/version": "1.2.3",
                "app.kubernetes.io/component": "web", "app.kubernetes.io/part-of": "shop",
                "pod-template-hash": "6d4cf56db6", "team": "shop",
            },
            "annotations": {"example.com/owner": "shop@example.com", "prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-6d4cf56db6",
                "uid": "6f2f7c04-0d6c-4ad1-9d5e-27e4b5e1d6f1", "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {
            "serviceAccountName": "shop",
            "serviceAccount": "shop",
            "automountServiceAccountToken": false,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "enableServiceLinks": false,
            "priority": 0,
            "preemptionPolicy": "PreemptLowerPriority",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}},
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
            ],
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "shop"}}}],
            "containers": containers,
            "volumes": [
                {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
                {"name": "config", "configMap": {"name": "shop", "defaultMode": 420}},
            ],
        },
        "status": {},
    })
}

fn container(name: &str, number: usize) -> Value {
    let probe = |path: &str| {
        json!({"httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1,
            "successThreshold": 1, "failureThreshold": 3})
    };
    json!({
        "name": name,
        "image": format!("openpolicyagent/{name}:1.{number}@sha256:{}", "0123456789abcdef".repeat(4)),
        "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=:8080", "--log=json", "--peers=cache-0.cache,cache-1.cache,cache-2.cache"],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}, {"containerPort": 9090, "name": "metrics", "protocol": "TCP"}],
        "env": [
            {"name": "ZONE", "value": "a"},
            {"name": "POD", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
            {"name": "DATABASE_URL", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "database-url"}}},
        ],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi", "ephemeral-storage": "128Mi"},
            "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "128Mi"}},
        "livenessProbe": probe("/live"),
        "readinessProbe": probe("/ready"),
        "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "privileged": false, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "config", "mountPath": "/etc/shop", "readOnly": true}],
    })
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
