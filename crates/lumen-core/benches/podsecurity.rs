//! Pod Security on one pod: wanted is under 5 us.
#![allow(missing_docs, unreachable_pub, clippy::expect_used, reason = "a benchmark")]

#[path = "../tests/podsecurity/support.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lumen_core::podsecurity::{Level, LevelVersion, evaluate};
use lumen_value::Value;

/// Two containers and a few volumes, hardened: what a namespace that enforces `restricted` is full of.
const HARDENED: &str = r#"{"metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a": "b"}}, "spec": {
    "serviceAccountName": "web", "automountServiceAccountToken": false,
    "securityContext": {"runAsNonRoot": true, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {"name": "web", "image": "registry.local/web:1", "ports": [{"containerPort": 8080}],
         "resources": {"limits": {"memory": "1Gi"}}, "env": [{"name": "A", "value": "b"}],
         "livenessProbe": {"httpGet": {"path": "/", "port": 8080}},
         "readinessProbe": {"httpGet": {"path": "/", "port": 8080}},
         "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
         "securityContext": {"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
             "capabilities": {"drop": ["ALL"]}}},
        {"name": "proxy", "image": "registry.local/proxy:1", "ports": [{"containerPort": 9000}],
         "securityContext": {"allowPrivilegeEscalation": false, "runAsUser": 1000,
             "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}}],
    "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "config", "configMap": {"name": "web"}},
        {"name": "token", "projected": {"sources": []}}]}}"#;

/// The same in a namespace that asks for nothing: no security context at all.
const PLAIN: &str = r#"{"metadata": {"name": "web"}, "spec": {
    "containers": [{"name": "web", "image": "web", "ports": [{"containerPort": 8080}]}]}}"#;

/// Five containers, each with all that is forbidden.
fn heavy() -> Value {
    let container = |name: &str| {
        format!(
            r#"{{"name": "{name}", "ports": [{{"containerPort": 80, "hostPort": 80}}, {{"containerPort": 443, "hostPort": 443}}],
            "livenessProbe": {{"httpGet": {{"host": "10.0.0.1", "port": 80}}}},
            "securityContext": {{"privileged": true, "runAsUser": 0, "procMount": "Unmasked",
                "capabilities": {{"add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"]}},
                "seccompProfile": {{"type": "Unconfined"}}, "appArmorProfile": {{"type": "Unconfined"}},
                "seLinuxOptions": {{"type": "spc_t", "user": "u"}}}}}}"#
        )
    };
    let containers: Vec<String> = ["a", "b", "c", "d", "e"].into_iter().map(container).collect();
    support::json(&format!(
        r#"{{"metadata": {{"name": "heavy"}}, "spec": {{"hostNetwork": true, "hostPID": true, "hostIPC": true,
        "securityContext": {{"sysctls": [{{"name": "kernel.msgmax"}}, {{"name": "net.core.somaxconn"}}]}},
        "volumes": [{{"name": "root", "hostPath": {{"path": "/"}}}}, {{"name": "nfs", "nfs": {{}}}}],
        "containers": [{}]}}}}"#,
        containers.join(",")
    ))
}

fn pods(criterion: &mut Criterion) {
    let restricted = LevelVersion::latest(Level::Restricted);
    for (name, pod) in
        [("hardened", support::json(HARDENED)), ("plain", support::json(PLAIN)), ("heavy", heavy())]
    {
        criterion.bench_function(&format!("podsecurity/{name}"), |bencher| {
            bencher.iter(|| evaluate(black_box(&support::view(&pod)), restricted));
        });
    }
}

criterion_group!(benches, pods);
criterion_main!(benches);
