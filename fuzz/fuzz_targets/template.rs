//! Any bytes as manifests with templates, constraints and mutators: they compile or are findings, and a Pod is mutated, expanded
//! and reviewed with them, twice alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lumen_core::admission::matching::{Source, Subject};
use lumen_core::admission::{PolicySet, Review, WEBHOOK};
use lumen_core::request::bare_request;
use lumen_core::snapshot::{Options, Snapshot, SourceDocument};
use lumen_value::read::{Limits, read};

const POD: &[u8] = b"apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c, image: 'registry:5000/app:1', resources: {limits: {cpu: 100m, memory: 1Gi}}}]}
";

fn documents(source: &'static str, bytes: &[u8]) -> impl Iterator<Item = SourceDocument> {
    read(bytes, &Limits::default()).documents.into_iter().map(move |document| SourceDocument {
        source: source.into(),
        index: document.index,
        value: document.value,
    })
}

fuzz_target!(|input: &[u8]| {
    let (snapshot, _) =
        Snapshot::build(documents("pod.yaml", POD).chain(documents("policies.yaml", input)), &Options::default());
    let (set, findings) = PolicySet::compile(snapshot.entries());
    assert!(findings.iter().all(|finding| !finding.message.is_empty()));
    let Some(entry) = snapshot.of_kind("", "Pod").first() else { return };
    let request = bare_request(entry);
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        point: WEBHOOK,
    };
    let verdicts = || format!("{:?}", set.review(&review, snapshot.inventory()));
    let subject = Subject { object: &entry.value, namespace: None, source: Source::Original };
    let mutated = || format!("{:?}", set.mutators().mutate(&subject, "CREATE"));
    assert_eq!(mutated(), mutated());
    let _ = set.expand(&entry.value, None);
    // Random numbers and the time are the same for each review.
    assert_eq!(verdicts(), verdicts());
});
