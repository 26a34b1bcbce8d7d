//! Admission requests against what Gatekeeper's webhook answers in a cluster.
#![expect(clippy::expect_used, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::matching::Source;
use lumen_core::admission::{Inventory, PolicySet, Review, WEBHOOK};
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
        let request = value(&case.json["request"]);
        let (denials, warnings) = cluster.answer(&request);
        let also = case.json["also"].as_array().into_iter().flatten();
        let mut expected = std::iter::once(&case.json["response"]).chain(also);
        let fits = |response: &Json| {
            let lines = |text: Option<&str>| -> Vec<String> {
                let mut lines: Vec<String> =
                    text.unwrap_or_default().lines().map(ToOwned::to_owned).collect();
                lines.sort();
                lines
            };
            let allowed = response["allowed"].as_bool() == Some(denials.is_empty());
            let said = if denials.is_empty() { None } else { response["status"]["message"].as_str() };
            let warned = response["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let warned = warned.collect::<Vec<_>>().join("\n");
            allowed
                && lines(said) == lines(Some(&denials.join("\n")))
                && lines(Some(&warned)) == lines(Some(&warnings.join("\n")))
        };
        if expected.any(fits) {
            return Ok(());
        }
        Err(format!("{denials:?} {warnings:?} in place of {}", case.json["response"]))
    });
}

impl Cluster {
    /// What is denied, and what is warned of.
    fn answer(&self, request: &Value) -> (Vec<String>, Vec<String>) {
        let name = request.get("namespace").and_then(Value::as_str).unwrap_or_default();
        let namespace = self.namespaces.get(name);
        let review = Review {
            request,
            namespace,
            namespace_object: namespace,
            source: Source::Original,
            point: WEBHOOK,
        };
        let (mut denials, mut warnings) = (Vec::new(), Vec::new());
        for verdict in self.set.review(&review, &self.inventory) {
            let message = format!("[{}] {}", verdict.constraint.object.name, verdict.message);
            let enforcement = &verdict.enforcement;
            let is =
                |word: &str| enforcement.action == word || enforcement.scoped.iter().any(|each| each == word);
            if is("deny") {
                denials.push(message.clone());
            }
            if is("warn") {
                warnings.push(message);
            }
        }
        (denials, warnings)
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
