use std::fmt::Write as _;

use lumen_value::read::{Limits, read};

use super::*;
use crate::network::Options;
use crate::snapshot::{self, SourceDocument};

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
    let reading = read(text.as_bytes(), &Limits::default());
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let snapshot = Snapshot::build(documents, &snapshot::Options::default()).0;
    let (model, _) = Model::build(&snapshot, &Options::default());
    let start = std::time::Instant::now();
    let findings = lint(&model, &snapshot);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    let told = findings.iter().filter(|each| each.message.contains("stopped after")).count();
    assert_eq!(told, 1, "{findings:?}");
}
