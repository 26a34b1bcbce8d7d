//! Admission requests against what Gatekeeper's webhook answers in a cluster.
#![expect(clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::webhook::{Answer, Namespaces, Webhook};
use lumen_core::admission::{Inventory, PolicySet};
use lumen_core::finding::Outcome;
use lumen_core::snapshot::{Entry, Options, Snapshot, SourceDocument};
use lumen_value::Value;
use lumen_value::read::{Limits, read};
use serde_json::Value as Json;

/// What the policies are applied to.
struct Cluster {
    set: PolicySet,
    inventory: Inventory,
    namespaces: BTreeMap<String, Value>,
}

#[test]
fn conformance_admission_decisions() {
    if !harness::conformance_dir().join("admission/decisions-policies.yaml").exists() {
        return harness::run("admission", "decisions", |_| Ok(()));
    }
    let cluster = cluster();
    harness::run("admission", "decisions", |case| {
        let answer = cluster.answer(&value(&case.json["request"]));
        let also = case.json["also"].as_array().into_iter().flatten();
        let mut expected = std::iter::once(&case.json["response"]).chain(also);
        if expected.any(|response| is_answer(&answer, response)) {
            return Ok(());
        }
        Err(format!("{answer:?} in place of {}", case.json["response"]))
    });
}

/// Messages are compared as sets of lines: upstream's order is not stable.
fn is_answer(answer: &Answer, response: &Json) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    };
    let status = &response["status"];
    let warnings = response["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str);
    response["allowed"].as_bool() == Some(answer.is_allowed)
        && status["code"].as_u64() == Some(answer.code.into())
        && status["reason"].as_str().unwrap_or_default() == answer.reason
        && lines(status["message"].as_str().unwrap_or_default()) == lines(&answer.message)
        && lines(&warnings.collect::<Vec<_>>().join("\n")) == lines(&answer.warnings.join("\n"))
}

impl Namespaces for Cluster {
    fn namespace(&self, name: &str) -> Option<Value> {
        self.namespaces.get(name).cloned()
    }
}

impl Cluster {
    fn answer(&self, request: &Value) -> Answer {
        let webhook = Webhook {
            policies: &self.set,
            inventory: &self.inventory,
            namespaces: self,
            own_user: "system:serviceaccount:gatekeeper-system:gatekeeper-admin",
            time_ns: 0,
        };
        webhook.answer(request)
    }
}

fn cluster() -> Cluster {
    let state = entries("decisions-state.yaml");
    let policies = entries("decisions-policies.yaml");
    let (set, findings) = PolicySet::compile(policies.iter().chain(&state));
    let broken: Vec<_> = findings.iter().filter(|finding| finding.outcome == Outcome::Error).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let mut namespaces: BTreeMap<String, Value> = BTreeMap::new();
    for name in ["default", "kube-system", "kube-public", "kube-node-lease", "gatekeeper-system"] {
        namespaces.insert(name.into(), labelled(name, &Value::Null));
    }
    for entry in state.iter().filter(|entry| entry.is_namespace()) {
        namespaces.insert(entry.object.name.to_string(), labelled(&entry.object.name, &entry.value));
    }
    let ingresses = state.iter().filter(|entry| &*entry.object.kind == "Ingress").map(|entry| &entry.value);
    let inventory = Inventory::of_manifests(ingresses.chain(namespaces.values()));
    Cluster { set, inventory, namespaces }
}

/// A Namespace as the server has it.
fn labelled(name: &str, manifest: &Value) -> Value {
    let part =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let metadata = part(manifest, "metadata").with("name", name);
    let labels = part(&metadata.clone().into(), "labels").with("kubernetes.io/metadata.name", name);
    let manifest = manifest.as_object().cloned().unwrap_or_default();
    manifest
        .with("apiVersion", "v1")
        .with("kind", "Namespace")
        .with("metadata", metadata.with("labels", labels))
        .into()
}

fn entries(file: &str) -> Vec<Arc<Entry>> {
    let path = harness::conformance_dir().join("admission").join(file);
    let reading = read(&std::fs::read(path).expect("is read"), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    let documents = reading.documents.into_iter();
    let documents = documents.map(|document| SourceDocument {
        source: file.into(),
        index: document.index,
        value: document.value,
    });
    Snapshot::build(documents, &Options::default()).0.entries().to_vec()
}

fn value(json: &Json) -> Value {
    lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default()).expect("JSON").value
}
