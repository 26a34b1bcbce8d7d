use lumen_value::pointer;
use proptest::prelude::*;

use super::*;
use crate::finding::{Action, Place, Severity};

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    entries.into()
}

fn manifest(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    object([
        ("apiVersion", api_version.into()),
        ("kind", kind.into()),
        ("metadata", object([("name", name.into()), ("namespace", namespace.into())])),
    ])
}

fn namespace(name: &str, labels: Value) -> Value {
    object([
        ("apiVersion", "v1".into()),
        ("kind", "Namespace".into()),
        ("metadata", object([("name", name.into()), ("labels", labels)])),
    ])
}

fn list(api_version: &str, kind: &str, items: Vec<Value>) -> Value {
    object([("apiVersion", api_version.into()), ("kind", kind.into()), ("items", items.into())])
}

fn document(source: &str, index: usize, value: Value) -> SourceDocument {
    SourceDocument { source: source.into(), index, value }
}

fn build(values: Vec<Value>) -> (Snapshot, Vec<Finding>) {
    let documents = values.into_iter().enumerate().map(|(index, value)| document("a.yaml", index, value));
    Snapshot::build(documents, &Options::default())
}

fn shown(snapshot: &Snapshot) -> Vec<String> {
    let entry = |entry: &Arc<Entry>| {
        let Place::Field { document, pointer } = &entry.location.place else {
            panic!("an entry is a field of a document");
        };
        format!("{document}{pointer} {}", entry.object)
    };
    snapshot.entries().iter().map(entry).collect()
}

#[test]
fn lists_are_taken_apart_in_order() {
    let inner = list("v1", "List", vec![manifest("v1", "Pod", "n", "b"), manifest("v1", "Pod", "n", "c")]);
    let outer =
        list("v1", "List", vec![manifest("v1", "Pod", "n", "a"), inner, manifest("v1", "Pod", "n", "d")]);
    let (snapshot, findings) = build(vec![outer]);
    assert_eq!(
        shown(&snapshot),
        ["0/items/0 n/Pod/a", "0/items/1/items/0 n/Pod/b", "0/items/1/items/1 n/Pod/c", "0/items/2 n/Pod/d"]
    );
    assert_eq!(findings, []);
}

#[test]
fn items_of_a_typed_list_have_the_kind_of_the_list() {
    let item = object([("metadata", object([("name", "a".into())]))]);
    let (snapshot, findings) = build(vec![list("apps/v1", "DeploymentList", vec![item])]);
    assert_eq!(shown(&snapshot), ["0/items/0 Deployment/a"]);
    assert_eq!(snapshot.of_kind("apps", "Deployment").len(), 1);
    assert_eq!(findings, []);
}

#[test]
fn broken_lists_are_findings() {
    let broken = object([("apiVersion", "v1".into()), ("kind", "List".into()), ("items", "x".into())]);
    let (snapshot, findings) =
        build(vec![broken, list("v1", "List", vec![Value::Null, 1.into(), object([])])]);
    assert!(snapshot.entries().is_empty() && snapshot.skipped().is_empty());
    assert_eq!(findings.len(), 4);
    let nested = (0..100).fold(manifest("v1", "Pod", "n", "a"), |inner, _| list("v1", "List", vec![inner]));
    let (snapshot, findings) = build(vec![nested]);
    assert!(snapshot.entries().is_empty());
    assert_eq!(findings.len(), 1);
}

#[test]
fn one_object_in_two_files_is_said_once_for_each_further_manifest() {
    let (snapshot, findings) = build(vec![
        manifest("apps/v1", "Deployment", "default", "a"),
        manifest("apps/v1beta1", "Deployment", "", "a"),
        manifest("apps/v1", "Deployment", "default", "a"),
        manifest("apps/v1", "Deployment", "shop", "a"),
    ]);
    let severities: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Low, Severity::Info]);
    assert!(findings.iter().all(|finding| finding.action == Action::None && finding.related.len() == 1));
    assert_eq!(snapshot.entries().len(), 4);
    assert_eq!(snapshot.duplicates().count(), 1);
}

#[test]
fn generated_names_are_never_duplicates() {
    let pod = object([
        ("apiVersion", "v1".into()),
        ("kind", "Pod".into()),
        ("metadata", object([("generateName", "a-".into())])),
    ]);
    let (snapshot, findings) = build(vec![pod.clone(), pod]);
    assert_eq!((snapshot.entries().len(), findings.len()), (2, 0));
    assert_eq!(snapshot.entries()[0].namespace.as_deref(), Some("default"));
}

#[test]
fn the_labels_of_a_namespace_are_known_unknown_or_ambiguous() {
    let labels = |level: &str| object([("pod-security.kubernetes.io/enforce", level.into())]);
    let (snapshot, _) = build(vec![
        namespace("a", labels("baseline")),
        namespace("b", labels("baseline")),
        namespace("b", labels("restricted")),
        namespace("c", Value::Null),
        namespace("c", Value::Null),
    ]);
    assert!(matches!(snapshot.namespace_labels("a"), NamespaceLabels::Known(_)));
    assert_eq!(snapshot.namespace_labels("b").variants().len(), 2);
    assert!(matches!(snapshot.namespace_labels("b"), NamespaceLabels::Ambiguous(_)));
    assert!(matches!(snapshot.namespace_labels("d"), NamespaceLabels::Unknown));
    let NamespaceLabels::Known(known) = snapshot.namespace_labels("c") else {
        panic!("both agree");
    };
    assert_eq!(known.labels, object([("kubernetes.io/metadata.name", "c".into())]));
    assert_eq!(snapshot.namespaces().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(snapshot.namespace("a").is_some());
}

#[test]
fn endless_variants_of_a_namespace_are_cut_and_said() {
    let many = (0..40_i64).map(|number| namespace("a", object([("n", number.to_string().into())])));
    let (snapshot, findings) = build(many.collect());
    assert_eq!(snapshot.namespace_labels("a").variants().len(), NAMESPACE_VARIANTS_MAX);
    let errors = findings.iter().filter(|finding| finding.outcome == crate::finding::Outcome::Error);
    assert_eq!(errors.count(), 40 - NAMESPACE_VARIANTS_MAX);
}

#[test]
fn wrong_types_are_findings_at_their_place() {
    let spec = object([("hostPID", "true".into())]);
    let pod = object([("apiVersion", "v1".into()), ("kind", "Pod".into()), ("spec", spec.clone())]);
    let rollout = object([
        ("apiVersion", "argoproj.io/v1alpha1".into()),
        ("kind", "Rollout".into()),
        (
            "spec",
            object([(
                "template",
                object([("spec", object([("hostPID", 1.into()), ("containers", Value::from(vec![]))]))]),
            )]),
        ),
    ]);
    let (snapshot, findings) = build(vec![list("v1", "List", vec![pod, rollout])]);
    assert!(snapshot.entries().iter().all(|entry| entry.malformed));
    let pointers: Vec<_> = findings
        .iter()
        .map(|finding| match finding.location.as_ref().map(|location| &location.place) {
            Some(Place::Field { pointer, .. }) => (pointer.to_string(), finding.action),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        pointers,
        [
            ("/items/0/spec/hostPID".to_owned(), Action::Deny),
            ("/items/1/spec/template/spec/hostPID".to_owned(), Action::DenyPods)
        ]
    );
}

#[test]
fn a_definition_in_one_file_scopes_an_object_in_another() {
    let definition = object([
        ("apiVersion", "apiextensions.k8s.io/v1".into()),
        ("kind", "CustomResourceDefinition".into()),
        ("metadata", object([("name", "widgets.example.com".into())])),
        (
            "spec",
            object([
                ("group", "example.com".into()),
                ("scope", "Namespaced".into()),
                ("names", object([("kind", "Widget".into()), ("plural", "widgets".into())])),
            ]),
        ),
    ]);
    let widget = || manifest("example.com/v1", "Widget", "", "a");
    let namespace_of = |values| build(values).0.of_kind("example.com", "Widget")[0].namespace.clone();
    assert_eq!(namespace_of(vec![widget(), definition]).as_deref(), Some("default"));
    assert_eq!(namespace_of(vec![widget()]), None);
}

#[test]
fn what_is_no_manifest_is_set_aside() {
    let (snapshot, findings) = build(vec![Value::Null, object([("replicaCount", 1.into())]), "text".into()]);
    assert_eq!((snapshot.skipped().len(), snapshot.documents_empty(), findings.len()), (2, 1, 0));
    let (snapshot, findings) = build(vec![object([("kind", "Pod".into()), ("spec", object([]))])]);
    assert_eq!((snapshot.skipped().len(), findings.len()), (0, 1));
    assert_eq!(findings[0].rule.to_string(), "input/malformed-object");
    assert!(findings[0].is_denial());
}

#[test]
fn a_field_is_located_from_the_documents_root() {
    let (snapshot, _) = build(vec![list("v1", "List", vec![manifest("v1", "Pod", "n", "a")])]);
    let location = snapshot.entries()[0].locate(&pointer!["spec"]);
    assert!(
        matches!(location.place, Place::Field { pointer, .. } if pointer == pointer!["items", 0, "spec"])
    );
}

/// Any value under the keys that are read, with the right type or with another.
fn any_value() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        "template",
        "labels",
        "name",
        "generateName",
        "namespace",
        "containers",
        "items",
        "securityContext",
        "privileged",
        "matchLabels",
        "tasks",
        "resources",
        "limits",
        "volumes",
        "names",
        "group",
    ]);
    let word = prop::sample::select(vec![
        "v1",
        "apps/v1",
        "Pod",
        "List",
        "Deployment",
        "Namespace",
        "batch.volcano.sh/v1",
        "Job",
        "a",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::vec((key.clone(), inner), 0..6).prop_map(|entries| {
                Value::Object(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
            }),
        ]
    })
}

fn any_document() -> impl Strategy<Value = SourceDocument> {
    let value = prop_oneof![
        ("[ab]", "[nm]?").prop_map(|(name, space)| manifest("v1", "Pod", &space, &name)),
        ("[ab]", "[xy]").prop_map(|(name, level)| namespace(&name, object([("level", level.into())]))),
        Just(Value::Null),
        Just(object([("services", Value::Null)])),
        Just(object([("kind", "Pod".into()), ("spec", Value::Null)])),
        "[ab]".prop_map(|name| list("v1", "List", vec![manifest("apps/v1", "Deployment", "n", &name)])),
    ];
    ("[fg]", 0_usize..3, value).prop_map(|(source, index, value)| document(&source, index, value))
}

proptest! {
    #[test]
    fn no_document_panics_and_every_place_is_there(values in prop::collection::vec(any_value(), 1..4)) {
        let (snapshot, findings) = build(values.clone());
        for location in findings.iter().filter_map(|finding| finding.location.as_ref()) {
            let Place::Field { document, pointer } = &location.place else {
                panic!("a field is meant");
            };
            prop_assert!(values[*document].find(pointer).is_some(), "{pointer}");
        }
        for (entry, workload) in snapshot.workloads() {
            prop_assert!(!workload.pods.is_empty());
            prop_assert!(entry.namespace.is_some() || entry.object.kind.is_empty());
        }
    }

    #[test]
    fn the_order_of_documents_does_not_matter(
        documents in prop::collection::vec(any_document(), 0..8).prop_flat_map(|documents| (Just(documents.clone()), Just(documents).prop_shuffle()))
    ) {
        let (one, other) = documents;
        let (a, a_findings) = Snapshot::build(one, &Options::default());
        let (b, b_findings) = Snapshot::build(other, &Options::default());
        prop_assert_eq!(a_findings, b_findings);
        prop_assert_eq!(format!("{a:?}"), format!("{b:?}"));
        let sorted = a.entries().is_sorted_by(|a, b| a.location <= b.location);
        prop_assert!(sorted);
    }
}
