//! Admission with the policies that come with the project.
//!
//! Wanted: all of them on one large Pod in under 2 ms, one host among 10,000 Ingresses in under 1 ms, and 50 templates
//! loaded in under 20 ms. Two threads review at least 1.8 times as many objects as one.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use lumen_core::admission::matching::Source;
use lumen_core::admission::{Explanation, Inventory, PolicySet, Review, WEBHOOK};
use lumen_core::finding::{Location, Place};
use lumen_core::object::ObjectRef;
use lumen_core::request::bare_request;
use lumen_core::snapshot::Entry;
use lumen_value::read::{Limits, read};
use lumen_value::{Pointer, Value};

fn entries(text: &str) -> impl Iterator<Item = Arc<Entry>> + use<> {
    let documents = read(text.as_bytes(), &Limits::default()).documents;
    documents.into_iter().map(|document| document.value).filter(|value| !value.is_null()).map(|value| {
        Arc::new(Entry {
            object: Arc::new(ObjectRef::of(&value)),
            identity: None,
            namespace: None,
            value,
            location: Location {
                source: "bench".into(),
                place: Place::Field { document: 0, pointer: Pointer::ROOT },
            },
            malformed: false,
        })
    })
}

/// Template and constraint of each policy.
fn policies() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let folders = std::fs::read_dir(root).expect("the policies are there");
    let mut folders: Vec<PathBuf> = folders.map(|folder| folder.expect("a folder").path()).collect();
    folders.retain(|folder| folder.join("template.yaml").exists());
    folders.sort();
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("a policy is readable");
    let both = |folder: &PathBuf| {
        format!("{}\n---\n{}", read(folder.join("template.yaml")), read(folder.join("constraint.yaml")))
    };
    folders.iter().map(both).collect()
}

/// A Pod of some 5 KB. It violates little, as most that is admitted.
fn pod() -> Arc<Entry> {
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
    let text = format!(
        r#"{{"apiVersion": "v1", "kind": "Pod", "metadata": {{"name": "shop", "namespace": "shop", "labels": {{
        "app.kubernetes.io/name": "shop", "app.kubernetes.io/version": "1.2.3", "app.kubernetes.io/component": "web",
        "app.kubernetes.io/part-of": "shop", "team": "shop"}}, "annotations": {{"example.com/owner": "shop@example.com"}}}},
        "spec": {{"serviceAccountName": "shop", "automountServiceAccountToken": false,
        "securityContext": {{"runAsNonRoot": true, "fsGroup": 1000}}, "containers": [{}], "initContainers": [{}],
        "volumes": [{{"name": "tmp", "emptyDir": {{}}}}, {{"name": "config", "configMap": {{"name": "shop"}}}}]}}}}"#,
        containers.join(","),
        container("migrate")
    );
    entries(&text).next().expect("one Pod")
}

fn ingress(number: usize, host: &str) -> String {
    format!(
        r#"{{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {{"name": "i{number}", "namespace": "n{}"}},
        "spec": {{"ingressClassName": "c", "tls": [{{"hosts": ["{host}"]}}], "rules": [{{"host": "{host}", "http": {{"paths":
        [{{"path": "/", "pathType": "Prefix", "backend": {{"service": {{"name": "s", "port": {{"number": 80}}}}}}}}]}}}}]}}}}"#,
        number % 100
    )
}

fn review(set: &PolicySet, entry: &Arc<Entry>, inventory: &Inventory) -> usize {
    let request = bare_request(entry);
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        time_ns: 0,
        point: WEBHOOK,
        explanation: Explanation::None,
    };
    set.review(&review, inventory).len()
}

fn admission(criterion: &mut Criterion) {
    let policies = policies();
    let all: Vec<Arc<Entry>> = policies.iter().flat_map(|text| entries(text)).collect();
    let (set, _) = PolicySet::compile(&all);
    let pod = pod();
    let size = pod.value.to_json().len();
    let nothing = Inventory::default();
    let found = review(&set, &pod, &nothing);
    criterion.bench_function(&format!("pod/{size} bytes, {found} found"), |bench| {
        bench.iter(|| review(black_box(&set), &pod, &nothing));
    });

    scale(&set, &pod);

    let unique: Vec<Arc<Entry>> = policies
        .iter()
        .filter(|text| text.contains("name: k8suniqueingresshost"))
        .flat_map(|text| entries(text))
        .collect();
    let (set, _) = PolicySet::compile(&unique);
    let manifests: Vec<Value> = (0..10_000)
        .flat_map(|number| entries(&ingress(number, &format!("h{number}.example.com"))))
        .map(|entry| entry.value.clone())
        .collect();
    let inventory = Inventory::of_manifests(&manifests);
    for (name, host, wanted) in [("free", "free.example.com", 0), ("taken", "h77.example.com", 1)] {
        let asked = entries(&ingress(10_001, host)).next().expect("one Ingress");
        assert_eq!(review(&set, &asked, &inventory), wanted, "{name}");
        criterion.bench_function(&format!("ingress among 10000/{name}"), |bench| {
            bench.iter(|| review(black_box(&set), &asked, &inventory));
        });
    }

    let mut twice = policies.clone();
    twice.extend(policies.iter().map(|text| renamed(text)));
    let twice: Vec<Arc<Entry>> = twice.iter().flat_map(|text| entries(text)).collect();
    let loaded = PolicySet::compile(&twice).0.templates().len();
    criterion.bench_function(&format!("load/{loaded} templates"), |bench| {
        bench.iter(|| PolicySet::compile(black_box(&twice)));
    });
}

/// How many reviews of one set two threads make in the time in which one makes one. By the clock, which other programs of the
/// machine take their share of, and by what the threads had of a processor: what they wait for each other's memory is in both.
fn scale(set: &PolicySet, pod: &Arc<Entry>) {
    let nothing = Inventory::default();
    let thread = || {
        let start = processor_ns();
        for _ in 0..REVIEWS {
            black_box(review(black_box(set), pod, &nothing));
        }
        processor_ns().saturating_sub(start)
    };
    let reviews = |threads: usize| {
        let start = Instant::now();
        let used: u64 = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
            running.into_iter().map(|thread| thread.join().expect("a review ends")).sum()
        });
        (start.elapsed().as_secs_f64(), used as f64)
    };
    let ratios = (0..ROUNDS)
        .map(|_| (reviews(1), reviews(2)))
        .map(|(one, two)| (2.0 * one.0 / two.0, 4.0 * one.1 / two.1));
    let (clock, processor): (Vec<f64>, Vec<f64>) = ratios.unzip();
    println!(
        "reviews of two threads in the time of one: {clock:.2?} by the clock, {processor:.2?} by processor time"
    );
}

/// Nanoseconds that this thread had of a processor; nothing where the system does not say.
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Reviews of a thread, and rounds.
const REVIEWS: usize = 3_000;
const ROUNDS: usize = 7;

/// The same policy by another name.
fn renamed(text: &str) -> String {
    text.replace("K8s", "Other").replace("name: k8s", "name: other")
}

criterion_group!(benches, admission);
criterion_main!(benches);
