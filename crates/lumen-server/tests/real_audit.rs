//! The audit of a cluster that a real API server has. Where its programs are missing, it is skipped.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, that says how long things took"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lumen_server::api::{Api, Bounds, Resource};
use lumen_server::audit::metrics::AuditMetrics;
use lumen_server::cluster::{Settings, upstream_definitions};
use lumen_server::{audit, names};
use lumen_value::Value;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;

#[path = "real_cluster/harness.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod harness;

use harness::{ApiServer, Running, apply, text, until, until_object, yaml};

const TEMPLATE: &str = include_str!("../../../tests/corpus/admission/needslabel.yaml");

const CONSTRAINT: &str = "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsLabel
metadata: {name: owner}
spec: {enforcementAction: dryrun, match: {kinds: [{apiGroups: [''], kinds: [ConfigMap]}], namespaceSelector: {matchLabels: {team: a}}}}
";

fn constraints() -> Resource {
    Resource::new("constraints.gatekeeper.sh", "v1beta1", "NeedsLabel", "needslabel", false)
}

fn config_maps() -> Resource {
    Resource::new("", "v1", "ConfigMap", "configmaps", true)
}

fn config_map(namespace: &str, name: &str) -> Value {
    yaml(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}}}}}"))
}

fn total(constraint: &Value) -> Option<i64> {
    constraint.get("status")?.get("totalViolations")?.as_i64()
}

/// An audit that runs until it is dropped, as if its replica had been killed.
struct Auditor(JoinHandle<()>);

impl Auditor {
    fn start(api: &Api, running: &Running, pod: &str) -> Self {
        let settings = audit::Settings {
            threads: NonZeroUsize::new(2).expect("two"),
            ..audit::Settings::new(pod, names::NAMESPACE)
        };
        let metrics = AuditMetrics::registered(&mut Registry::default());
        let current = Arc::clone(&running.current);
        let leads = Arc::default();
        Self(tokio::spawn(audit::run(api.clone(), settings, current, metrics, leads, std::future::pending())))
    }
}

impl Drop for Auditor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_audited_by_one_replica() {
    let Some(server) = ApiServer::start("audit") else { return };
    // Pages of seven objects.
    let api = server.api().await.bounded(Bounds { page_objects: 7, ..Bounds::default() });
    let namespaces = Resource::namespaces();
    for (name, labels) in [("lumen-system", "{}"), ("a", "{team: a}"), ("b", "{team: b}")] {
        let object = yaml(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}"
        ));
        apply(&api, &namespaces, &object).await;
    }
    let definitions = Resource::new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    );
    for definition in upstream_definitions() {
        apply(&api, &definitions, &definition).await;
    }
    let running = Running::start(api.clone(), Settings::new("lumen-a", names::NAMESPACE));
    let templates =
        Resource::new("templates.gatekeeper.sh", "v1", "ConstraintTemplate", "constrainttemplates", false);
    apply(&api, &templates, &yaml(TEMPLATE)).await;
    apply(&api, &constraints(), &yaml(CONSTRAINT)).await;
    for number in 0..30 {
        apply(&api, &config_maps(), &config_map("a", &format!("m{number:02}"))).await;
        apply(&api, &config_maps(), &config_map("b", &format!("m{number:02}"))).await;
    }
    until(&running.current, "a constraint", |state| {
        state.is_complete && state.policies.constraints().len() == 1 && state.namespaces.contains_key("b")
    })
    .await;

    let began = Instant::now();
    let first = Auditor::start(&api, &running, "lumen-a");
    let audited =
        until_object(&api, constraints(), "owner", "audited", |object| total(object) == Some(30)).await;
    println!("30 of 60 objects found, and told, in {:?}", began.elapsed());
    let violations = audited.get("status").and_then(|status| status.get("violations"));
    let violations = violations.and_then(Value::as_array).expect("violations");
    let found: Vec<&str> = violations.iter().map(|each| text(each, &["name"])).collect();
    let first_twenty: Vec<String> = (0..20).rev().map(|number| format!("m{number:02}")).collect();
    assert_eq!(found, first_twenty);
    let one = violations.iter().next().expect("one");
    assert_eq!(text(one, &["message"]), "m19 has no owner");
    assert_eq!(text(one, &["enforcementAction"]), "dryrun");
    assert_eq!(text(one, &["namespace"]), "a");
    assert!(text(&audited, &["status", "auditTimestamp"]).ends_with('Z'));
    // What the replicas say of the constraint stays.
    assert!(audited.to_json().contains(r#""byPod""#), "{}", audited.to_json());

    // A second replica waits for the Lease, which the first holds.
    let second = Auditor::start(&api, &running, "lumen-b");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let leases = Resource::leases();
    let lease = leases.at(Some(names::NAMESPACE), names::AUDIT_LEASE);
    let held = api.get(&lease).await.expect("a lease");
    assert_eq!(text(&held, &["spec", "holderIdentity"]), "lumen-a");

    // The first is killed; the second finds what is there now, no more and no less.
    drop(first);
    let killed = Instant::now();
    for number in 0..29 {
        api.delete(&config_maps().at(Some("a"), &format!("m{number:02}")), None).await.expect("deleted");
    }
    let audited = until_object(&api, constraints(), "owner", "audited by another", |object| {
        total(object).is_some_and(|total| total != 30)
    });
    let audited = audited.await;
    assert_eq!(total(&audited), Some(1), "{}", audited.to_json());
    println!("another replica audited {:?} after the first was killed", killed.elapsed());
    let held = api.get(&lease).await.expect("a lease");
    assert_eq!(text(&held, &["spec", "holderIdentity"]), "lumen-b");
    drop(second);
}
