//! How fast manifests are read: a file of many Deployments, as YAML and as JSON.
//!
//! The aim is 5,000 documents of 1 kB in less than 150 ms on one core.
#![allow(missing_docs, reason = "what criterion generates has none")]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lumen_value::json;
use lumen_value::read::{Limits, read};

const DOCUMENTS: usize = 5_000;

const MANIFEST: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-NUMBER
  namespace: shop
  labels:
    app.kubernetes.io/name: web
    app.kubernetes.io/part-of: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      serviceAccountName: web
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
        # the one container
        - name: web
          image: "registry.local/shop/web:1.2.3"
          args: ["--port", "8080"]
          ports:
            - containerPort: 8080
              name: http
          env:
            - name: MODE
              value: 'production'
          resources:
            limits: {cpu: 500m, memory: 128Mi}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
      volumes:
        - name: tmp
          emptyDir: {}
---
"#;

fn read_manifests(criterion: &mut Criterion) {
    let limits = Limits::default();
    let mut yaml = String::new();
    for number in 0..DOCUMENTS {
        yaml.push_str(&MANIFEST.replace("NUMBER", &number.to_string()));
    }
    let mut json = String::from("[");
    for document in read(yaml.as_bytes(), &limits).documents {
        let comma = if json.len() > 1 { "," } else { "" };
        write!(json, "{comma}{}", document.value).unwrap_or_default();
    }
    json.push(']');

    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Bytes(yaml.len() as u64));
    group.bench_function("yaml", |bencher| {
        bencher.iter_with_large_drop(|| read(black_box(yaml.as_bytes()), &limits));
    });
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("json", |bencher| {
        bencher.iter_with_large_drop(|| json::parse(black_box(json.as_bytes()), &limits));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = read_manifests
}
criterion_main!(benches);
