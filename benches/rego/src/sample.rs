//! What is asked: the policies that come with Lumen, a Pod, and Ingresses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use lumen_value::Value;
use lumen_value::read::{Limits, read};

use crate::engines::Question;

/// One policy.
pub(crate) struct Policy {
    pub(crate) package: String,
    module: String,
    libs: Vec<String>,
    parameters: String,
    kinds: Vec<String>,
}

impl Policy {
    pub(crate) fn is_for(&self, kind: &str) -> bool {
        self.kinds.iter().any(|each| each == kind || each == "*")
    }
}

fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

fn items(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        _ => Vec::new(),
    }
}

fn document(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let documents = read(&text, &Limits::default()).documents;
    documents
        .into_iter()
        .map(|document| document.value)
        .find(|value| !value.is_null())
        .context("an empty file")
}

pub(crate) fn policies(folder: &Path) -> Result<Vec<Policy>> {
    let mut policies = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let folder = entry?.path();
        if !folder.join("template.yaml").exists() {
            continue;
        }
        let (template, constraint) =
            (document(&folder.join("template.yaml"))?, document(&folder.join("constraint.yaml"))?);
        let target = items(at(&template, &["spec", "targets"])).into_iter().next().context("no target")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let module = text(target.get("rego").context("no rego")?);
        let name = module.lines().find_map(|line| line.strip_prefix("package ")).context("no package")?;
        let kinds = items(at(&constraint, &["spec", "match", "kinds"])).into_iter();
        let kinds = kinds.flat_map(|kind| items(kind.get("kinds"))).map(text).collect();
        policies.push(Policy {
            package: name.to_owned(),
            libs: items(target.get("libs")).into_iter().map(text).collect(),
            parameters: at(&constraint, &["spec", "parameters"]).map_or("{}".into(), Value::to_json),
            kinds,
            module,
        });
    }
    policies.sort_by(|a, b| a.package.cmp(&b.package));
    Ok(policies)
}

/// One rule a policy in the list; a library that several have is given once.
pub(crate) fn question(policies: &[&Policy], input: &str, data: &str) -> Question {
    let mut modules = BTreeMap::new();
    let mut main = "package bench\n".to_owned();
    for (index, policy) in policies.iter().enumerate() {
        modules.insert(format!("{}.rego", policy.package), policy.module.clone());
        for lib in &policy.libs {
            let package = lib.lines().find(|line| line.starts_with("package ")).unwrap_or_default();
            modules.insert(package.to_owned(), lib.clone());
        }
        // Writing to a string cannot fail.
        _ = write!(
            main,
            "\nfound[[{index}, message]] {{\n  data.{}.violation[result] with input as {{\"review\": input.review, \"parameters\": {}}}\n  message := result.msg\n}}\n",
            policy.package, policy.parameters
        );
    }
    modules.insert("main.rego".into(), main);
    Question { modules: modules.into_iter().collect(), data: data.into(), input: input.into() }
}

pub(crate) fn review(kind: &str, object: &str) -> String {
    format!(
        r#"{{"review": {{"uid": "1", "operation": "CREATE", "name": "shop", "namespace": "shop",
        "kind": {{"group": "", "version": "v1", "kind": "{kind}"}}, "userInfo": {{"username": "kim"}}, "object": {object}}}}}"#
    )
}

/// A Pod of some 5 KB. It violates little, as most that is admitted.
pub(crate) fn pod() -> String {
    let container = |name: &str| {
        format!(
            r#"{{"name": "{name}", "image": "registry.internal/shop/{name}@sha256:{digest}",
            "args": ["--listen=:8080", "--log=json", "--peers=a,b,c"], "ports": [{{"containerPort": 8080, "name": "http"}}],
            "env": [{{"name": "ZONE", "value": "a"}}, {{"name": "POD", "valueFrom": {{"fieldRef": {{"fieldPath": "metadata.name"}}}}}}],
            "resources": {{"limits": {{"cpu": "500m", "memory": "256Mi"}}, "requests": {{"cpu": "250m", "memory": "256Mi"}}}},
            "livenessProbe": {{"httpGet": {{"path": "/live", "port": 8080}}, "periodSeconds": 10}},
            "readinessProbe": {{"httpGet": {{"path": "/ready", "port": 8080}}, "periodSeconds": 10}},
            "securityContext": {{"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
                "capabilities": {{"drop": ["ALL"]}}, "seccompProfile": {{"type": "RuntimeDefault"}}}},
            "volumeMounts": [{{"name": "tmp", "mountPath": "/tmp"}}, {{"name": "config", "mountPath": "/etc/shop"}}]}}"#,
            digest = "0123456789abcdef".repeat(4)
        )
    };
    let containers: Vec<String> = ["web", "cache", "proxy", "metrics"].into_iter().map(container).collect();
    format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "shop", "namespace": "shop", "labels": {{
        "app.kubernetes.io/name": "shop", "app.kubernetes.io/version": "1.2.3", "app.kubernetes.io/component": "web",
        "app.kubernetes.io/part-of": "shop", "team": "shop"}}, "annotations": {{"example.com/owner": "shop@example.com"}}}},
        "spec": {{"serviceAccountName": "shop", "automountServiceAccountToken": false,
        "securityContext": {{"runAsNonRoot": true, "fsGroup": 1000}}, "containers": [{}], "initContainers": [{}],
        "volumes": [{{"name": "tmp", "emptyDir": {{}}}}, {{"name": "config", "configMap": {{"name": "shop"}}}}]}}}}"#,
        containers.join(","),
        container("migrate")
    )
}

pub(crate) fn ingress(number: usize, host: &str) -> String {
    format!(
        r#"{{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {{"name": "i{number}", "namespace": "n{}"}},
        "spec": {{"ingressClassName": "c", "tls": [{{"hosts": ["{host}"]}}], "rules": [{{"host": "{host}", "http": {{"paths":
        [{{"path": "/", "pathType": "Prefix", "backend": {{"service": {{"name": "s", "port": {{"number": 80}}}}}}}}]}}}}]}}}}"#,
        number % 100
    )
}

/// `data` with so many Ingresses in a hundred namespaces.
pub(crate) fn inventory(count: usize) -> String {
    let namespace = |namespace: usize| {
        let entries: Vec<String> = (namespace..count)
            .step_by(100)
            .map(|number| format!(r#""i{number}": {}"#, ingress(number, &format!("h{number}.example.com"))))
            .collect();
        format!(r#""n{namespace}": {{"networking.k8s.io/v1": {{"Ingress": {{{}}}}}}}"#, entries.join(","))
    };
    let namespaces: Vec<String> = (0..100).map(namespace).collect();
    format!(r#"{{"inventory": {{"namespace": {{{}}}}}}}"#, namespaces.join(","))
}
