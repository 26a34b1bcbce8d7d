use std::fmt::Write as _;

use lumen_value::read::{Limits, read};

use super::*;
use crate::network::Options;
use crate::snapshot::{self, SourceDocument};

/// The snapshot and the model of some manifests.
pub(super) fn built(text: &str) -> (Snapshot, Model) {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}\n{text}", reading.errors);
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let snapshot = Snapshot::build(documents, &snapshot::Options::default()).0;
    let (model, _) = Model::build(&snapshot, &Options::default());
    (snapshot, model)
}

/// What one lint finds with some steps, and the steps that it leaves.
pub(super) fn run(lint: Lint, (snapshot, model): &(Snapshot, Model), steps: u64) -> (Vec<Finding>, u64) {
    let context = Context::new(model, snapshot);
    context.steps.set(steps);
    let mut findings = Findings { steps: &context.steps, list: Vec::new() };
    lint(&context, &mut findings);
    let list = findings.list;
    (list, context.steps.get())
}

#[test]
fn a_lint_of_products_stops_and_one_finding_says_so() {
    let mut text = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: all, namespace: a}\n\
         spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]}\n",
    );
    for index in 0..400 {
        _ = write!(
            text,
            "---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n\
             metadata: {{name: m{index}, namespace: a}}\n\
             spec: {{selector: {{}}, namespaceSelector: {{any: true}}, endpoints: [{{port: p}}]}}\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{index}, namespace: a}}\n\
             spec: {{selector: {{app: web}}, ports: [{{name: p, port: 80}}]}}\n"
        );
    }
    for index in 0..60 {
        _ = write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: a, labels: {{app: web}}}}\n\
             spec: {{containers: [{{name: c, image: app, ports: [{{containerPort: 80}}]}}]}}\n"
        );
    }
    let (snapshot, model) = built(&text);
    let start = std::time::Instant::now();
    let findings = lint(&model, &snapshot);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    let told = findings.iter().filter(|each| each.message.contains("stopped after")).count();
    assert_eq!(told, 1, "{findings:?}");
}
