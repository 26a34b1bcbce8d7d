//! How long the network model takes: 10,000 pods and 1,000 policies, and 100,000 pods.
#![expect(clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lumen_core::network::{Model, Options, Protocol};
use lumen_core::snapshot::{self, Snapshot, SourceDocument};
use lumen_value::Value;

const PODS_IN_NAMESPACE: usize = 100;
const APPS: usize = 20;

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields.into()
}

fn list(items: Vec<Value>) -> Value {
    Value::from(items)
}

fn pod(namespace: &str, index: usize) -> Value {
    let labels = object([
        ("app", format!("app-{}", index % APPS).as_str().into()),
        ("tier", if index.is_multiple_of(2) { "front" } else { "back" }.into()),
        ("pod", format!("pod-{index}").as_str().into()),
    ]);
    let port = object([("containerPort", 8080.into()), ("name", "http".into())]);
    let container = object([("name", "c".into()), ("image", "i".into()), ("ports", list(vec![port]))]);
    object([
        ("apiVersion", "v1".into()),
        ("kind", "Pod".into()),
        (
            "metadata",
            object([
                ("name", format!("pod-{index}").as_str().into()),
                ("namespace", namespace.into()),
                ("labels", labels),
            ]),
        ),
        ("spec", object([("containers", list(vec![container]))])),
    ])
}

fn namespace(name: &str, index: usize) -> Value {
    let labels = object([("team", format!("team-{}", index % 10).as_str().into())]);
    object([
        ("apiVersion", "v1".into()),
        ("kind", "Namespace".into()),
        ("metadata", object([("name", name.into()), ("labels", labels)])),
    ])
}

fn labels(key: &str, value: &str) -> Value {
    object([("matchLabels", object([(key, value.into())]))])
}

fn policy(namespace: &str, index: usize) -> Value {
    let app = format!("app-{}", index % APPS);
    let other = format!("app-{}", (index + 1) % APPS);
    let team = format!("team-{}", index % 10);
    let ports = list(vec![
        object([("port", (8000 + i64::try_from(index % 50).expect("small")).into())]),
        object([("port", "http".into())]),
    ]);
    let from = list(vec![
        object([("podSelector", labels("app", &other))]),
        object([("namespaceSelector", labels("team", &team)), ("podSelector", labels("tier", "front"))]),
        object([("ipBlock", object([("cidr", format!("10.{}.0.0/16", index % 250).as_str().into())]))]),
    ]);
    let to = list(vec![object([("namespaceSelector", object([]))])]);
    let spec = object([
        ("podSelector", labels("app", &app)),
        ("policyTypes", list(vec!["Ingress".into(), "Egress".into()])),
        ("ingress", list(vec![object([("from", from), ("ports", ports.clone())])])),
        ("egress", list(vec![object([("to", to), ("ports", ports)])])),
    ]);
    object([
        ("apiVersion", "networking.k8s.io/v1".into()),
        ("kind", "NetworkPolicy".into()),
        (
            "metadata",
            object([("name", format!("policy-{index}").as_str().into()), ("namespace", namespace.into())]),
        ),
        ("spec", spec),
    ])
}

fn cluster(pods: usize, policies: usize) -> Snapshot {
    let namespaces = pods / PODS_IN_NAMESPACE;
    let name = |index: usize| format!("namespace-{index}");
    let mut documents = Vec::new();
    for index in 0..namespaces {
        documents.push(namespace(&name(index), index));
        documents.extend((0..PODS_IN_NAMESPACE).map(|each| pod(&name(index), each)));
    }
    documents.extend((0..policies).map(|index| policy(&name(index % namespaces), index)));
    let documents = documents.into_iter().enumerate().map(|(index, value)| SourceDocument {
        source: "bench".into(),
        index,
        value,
    });
    Snapshot::build(documents, &snapshot::Options::default()).0
}

/// All pairs of pods that are connected on some port.
fn pairs(model: &Model) -> u64 {
    let reachability = model.reachability().expect("within bounds");
    let mut pairs = 0;
    reachability.for_each(|source, destination, _| {
        let count = |class| u64::try_from(reachability.members(class).len()).expect("small");
        pairs += count(source) * count(destination);
    });
    pairs
}

fn network(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("network");
    group.sample_size(10);
    for (pods, policies) in [(10_000, 1_000), (100_000, 1_000)] {
        let snapshot = cluster(pods, policies);
        let build = || Model::build(&snapshot, &Options::default());
        group.bench_function(format!("build/{pods}-pods"), |bencher| bencher.iter(build));
        let (model, findings) = build();
        assert!(findings.is_empty());
        group.bench_function(format!("all-pairs/{pods}-pods"), |bencher| bencher.iter(|| pairs(&model)));
        let ends: Vec<_> = model.iter().map(|(id, _)| id).collect();
        let (source, destination) = (ends.first().expect("a pod"), ends.last().expect("a pod"));
        group.bench_function(format!("why/{pods}-pods"), |bencher| {
            bencher.iter(|| model.why(black_box(*source), black_box(*destination), Protocol::Tcp, 1));
        });
    }
    group.finish();
}

criterion_group!(benches, network);
criterion_main!(benches);
