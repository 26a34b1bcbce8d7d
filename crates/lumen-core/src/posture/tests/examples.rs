//! What the tests of this module share: snapshots of YAML and of the examples.

use lumen_value::read::{Limits, read};

use crate::snapshot::{Options, Snapshot, SourceDocument};

/// The snapshot of some texts, each a file of the name beside it.
pub(crate) fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut documents = Vec::new();
    for (name, text) in files {
        let reading = read(text.as_bytes(), &Limits::default());
        assert!(reading.errors.is_empty(), "{name}: {:?}", reading.errors);
        documents.extend(reading.documents.into_iter().map(|document| SourceDocument {
            source: (*name).into(),
            index: document.index,
            value: document.value,
        }));
    }
    Snapshot::build(documents, &Options::default()).0
}

/// The texts of some files below `examples/`, with their names.
pub(crate) fn examples(files: &[&str]) -> Vec<(String, String)> {
    let read = |file: &&str| {
        let path = format!("{}/../../examples/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        ((*file).to_owned(), text)
    };
    files.iter().map(read).collect()
}

/// The attack of the reference document with the policies that it meets.
pub(crate) const ATTACK: &[&str] = &[
    "attacks/namespaces.yaml",
    "attacks/gatekeeper-policies.yaml",
    "attacks/network-policies.yaml",
    "attacks/malicious-app.yaml",
    "attacks/4.1-compliant.yaml",
];

/// Somebody who may deploy in the shop: with them, the inputs say who may deploy where.
pub(crate) const DEPLOYERS: (&str, &str) = (
    "deployers.yaml",
    "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployers, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: deployers}]
",
);

/// The whole of the shop.
pub(crate) const SHOP: &[&str] = &[
    "shop/namespaces.yaml",
    "shop/monitoring/grafana.yaml",
    "shop/monitoring/network.yaml",
    "shop/monitoring/node-exporter.yaml",
    "shop/monitoring/prometheus.yaml",
    "shop/policies/constraints.yaml",
    "shop/policies/template-block-latest-tag.yaml",
    "shop/policies/template-require-app-labels.yaml",
    "shop/policies/template-require-internal-registry.yaml",
    "shop/policies/template-require-resources.yaml",
    "shop/shop/api.yaml",
    "shop/shop/cart-cleanup.yaml",
    "shop/shop/network.yaml",
    "shop/shop/redis.yaml",
    "shop/traefik/network.yaml",
    "shop/traefik/traefik.yaml",
];

/// The snapshot of some examples and of some texts beside them.
pub(crate) fn examples_with(files: &[&str], more: &[(&str, &str)]) -> Snapshot {
    let texts = examples(files);
    let mut all: Vec<(&str, &str)> =
        texts.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    all.extend(more);
    snapshot(&all)
}
