//! The cluster and the requests of `admission/decisions.jsonl`, and how answers are compared.
//!
//! Included by the tests that answer them, beside the harness: `#[path = "../../../tests/conformance/decisions.rs"] mod decisions;`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    dead_code,
    reason = "test code, shared by crates of which each uses a part"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::webhook::Answer;
use lumen_core::admission::{Inventory, PolicySet};
use lumen_core::finding::Outcome;
use lumen_core::snapshot::{Entry, Options, Snapshot, SourceDocument};
use lumen_value::read::{Limits, Syntax, read};
use lumen_value::span::Index;
use lumen_value::{Value, pointer};
use serde_json::{Value as Json, json};

use super::harness;

/// What the policies are applied to.
pub(crate) struct Cluster {
    pub(crate) set: PolicySet,
    pub(crate) inventory: Inventory,
    pub(crate) namespaces: BTreeMap<Arc<str>, Value>,
}

/// The cluster as it was while the answers were recorded; `None` where the files are absent.
pub(crate) fn cluster() -> Option<Cluster> {
    if !harness::conformance_dir().join("admission/decisions-policies.yaml").exists() {
        return None;
    }
    let state = entries("decisions-state.yaml");
    let policies = entries("decisions-policies.yaml");
    let (set, findings) = PolicySet::compile(policies.iter().chain(&state));
    let broken: Vec<_> = findings.iter().filter(|finding| finding.outcome == Outcome::Error).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let mut namespaces: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for name in ["default", "kube-system", "kube-public", "kube-node-lease", "gatekeeper-system"] {
        namespaces.insert(name.into(), labelled(name, &Value::Null));
    }
    for entry in state.iter().filter(|entry| entry.is_namespace()) {
        namespaces.insert(entry.object.name.clone(), labelled(&entry.object.name, &entry.value));
    }
    let ingresses = state.iter().filter(|entry| &*entry.object.kind == "Ingress").map(|entry| &entry.value);
    let inventory = Inventory::of_manifests(ingresses.chain(namespaces.values()));
    Some(Cluster { set, inventory, namespaces })
}

/// The text of a case's request.
pub(crate) fn request_text(case: &harness::Case) -> &str {
    let index = Index::read(&case.line, Syntax::Json).expect("JSON");
    case.line.get(index.locate(&pointer!["request"]).value).expect("a request")
}

/// Compares an answer, a `response` of an `AdmissionReview`, with what upstream answers, from call to call.
pub(crate) fn compare(answer: &Json, case: &harness::Case) -> Result<(), String> {
    let also = case.json["also"].as_array().into_iter().flatten();
    let mut expected = std::iter::once(&case.json["response"]).chain(also);
    if expected.any(|response| is_answer(answer, response)) {
        return Ok(());
    }
    Err(format!("{answer} in place of {}", case.json["response"]))
}

/// An answer as the API server would get it.
pub(crate) fn as_response(answer: &Answer) -> Json {
    json!({
        "allowed": answer.is_allowed,
        "status": {"code": answer.code, "reason": answer.reason, "message": answer.message},
        "warnings": answer.warnings,
    })
}

/// Messages are compared as sets of lines: upstream's order is not stable.
fn is_answer(answer: &Json, response: &Json) -> bool {
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
        lines.sort();
        lines
    };
    let warnings = |response: &Json| {
        let warnings = response["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str);
        lines(&warnings.collect::<Vec<_>>().join("\n"))
    };
    let text =
        |response: &Json, field: &str| response["status"][field].as_str().unwrap_or_default().to_owned();
    answer["allowed"] == response["allowed"]
        && answer["status"]["code"] == response["status"]["code"]
        && text(answer, "reason") == text(response, "reason")
        && lines(&text(answer, "message")) == lines(&text(response, "message"))
        && warnings(answer) == warnings(response)
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
