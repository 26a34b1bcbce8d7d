//! The reports and Events of the audit of a cluster that a real API server has. Where its programs are missing, it is skipped.
#![expect(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "test code")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lumen_server::api::{Api, Resource, Selection};
use lumen_server::audit::metrics::AuditMetrics;
use lumen_server::audit::report::{Reported, Settings as Reports};
use lumen_server::audit::{self, Sweep, Swept, sweep};
use lumen_server::cluster::config::ReportsConfig;
use lumen_server::cluster::{Settings, upstream_definitions};
use lumen_server::events::{Emission, Events};
use lumen_server::names;
use lumen_server::state::State;
use lumen_value::Value;
use lumen_value::read::{Limits, read};
use prometheus_client::registry::Registry;

#[path = "real_cluster/harness.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
mod harness;

use harness::{ApiServer, Running, apply, text, until, yaml};

const TEMPLATE: &str = include_str!("../../../tests/corpus/admission/needslabel.yaml");

const CONSTRAINTS: [&str; 2] = [
    "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsLabel
metadata: {name: owner}
spec: {match: {kinds: [{apiGroups: [''], kinds: [ConfigMap]}], namespaces: [a, b]}}
",
    "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsLabel
metadata: {name: namespaces}
spec: {enforcementAction: warn, match: {kinds: [{apiGroups: [''], kinds: [Namespace]}]}}
",
];

/// How many `ConfigMap`s are in the namespace `a`.
const COUNT: usize = 150;

fn config_maps() -> Resource {
    Resource::new("", "v1", "ConfigMap", "configmaps", true)
}

fn reports() -> Resource {
    Resource::new("openreports.io", "v1alpha1", "Report", "reports", true)
}

fn cluster_reports() -> Resource {
    Resource::new("openreports.io", "v1alpha1", "ClusterReport", "clusterreports", false)
}

fn old_reports() -> Resource {
    Resource::new("wgpolicyk8s.io", "v1alpha2", "PolicyReport", "policyreports", true)
}

fn old_cluster_reports() -> Resource {
    Resource::new("wgpolicyk8s.io", "v1alpha2", "ClusterPolicyReport", "clusterpolicyreports", false)
}

fn definitions() -> Resource {
    let (group, plural) = ("apiextensions.k8s.io", "customresourcedefinitions");
    Resource::new(group, "v1", "CustomResourceDefinition", plural, false)
}

async fn define(api: &Api, file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/definitions").join(file);
    let text = std::fs::read(path).expect("definitions");
    for document in read(&text, &Limits::default()).documents {
        apply(api, &definitions(), &document.value).await;
    }
}

/// Waits until kinds that were defined are known.
async fn are_served(api: &Api, resources: &[Resource]) {
    for _ in 0..600 {
        let discovery = api.discover().await.expect("kinds");
        let is_served = |each: &Resource| discovery.find(&each.group, &each.version, &each.kind).is_some();
        if resources.iter().all(is_served) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the kinds of reports are not served");
}

fn config_map(namespace: &str, name: &str) -> Value {
    yaml(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}}}}}"))
}

/// A cluster with violations: an administrator's way to it, and what is judged by.
async fn prepared(server: &ApiServer) -> (Api, Running) {
    let api = server.api().await;
    let namespaces = Resource::namespaces();
    for name in [names::NAMESPACE, "a", "b"] {
        let object = yaml(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {{owner: x}}}}}}"
        ));
        apply(&api, &namespaces, &object).await;
    }
    for definition in upstream_definitions() {
        apply(&api, &definitions(), &definition).await;
    }
    let running = Running::start(api.clone(), Settings::new("lumen-a", names::NAMESPACE));
    let templates =
        Resource::new("templates.gatekeeper.sh", "v1", "ConstraintTemplate", "constrainttemplates", false);
    apply(&api, &templates, &yaml(TEMPLATE)).await;
    let constraints =
        Resource::new("constraints.gatekeeper.sh", "v1beta1", "NeedsLabel", "needslabel", false);
    for constraint in CONSTRAINTS {
        apply(&api, &constraints, &yaml(constraint)).await;
    }
    until(&running.current, "constraints", |state| {
        state.is_complete && state.policies.constraints().len() == 2 && state.namespaces.contains_key("b")
    })
    .await;
    (api, running)
}

/// One sweep at a time, in seconds since 1970.
async fn swept(api: &Api, state: &Arc<State>, choice: ReportsConfig, now: i64) -> Swept {
    let settings = Reports { choice, namespace: names::NAMESPACE.to_owned(), now };
    let how = Sweep {
        state: state.clone(),
        time_ns: 0,
        violations_max: 20,
        threads: NonZeroUsize::new(2).expect("two"),
        note: Arc::new(|_, _| {}),
        reports: Some(settings),
    };
    sweep(api, &how).await.expect("a sweep")
}

fn reported(swept: &Swept) -> Reported {
    swept.reported.clone().expect("reports")
}

/// The reports, by namespace and name.
async fn all(api: &Api, resource: Resource) -> BTreeMap<String, Value> {
    let items = api.list_all(&resource, &Selection::default()).await.expect("a list");
    let key = |item: &Value| {
        format!("{}/{}", text(item, &["metadata", "namespace"]), text(item, &["metadata", "name"]))
    };
    items.into_iter().map(|item| (key(&item), item)).collect()
}

fn results(reports: &BTreeMap<String, Value>) -> Vec<&Value> {
    reports
        .values()
        .filter_map(|report| report.get("results").and_then(Value::as_array))
        .flat_map(|results| results.iter())
        .collect()
}

fn fails(reports: &BTreeMap<String, Value>) -> i64 {
    let summaries = reports.values().filter_map(|report| report.get("summary")?.get("fail")?.as_i64());
    summaries.sum()
}

fn seconds(result: &Value) -> Option<i64> {
    result.get("timestamp")?.get("seconds")?.as_i64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_say_what_is_there_and_are_written_when_that_changes() {
    let Some(server) = ApiServer::start("reports") else { return };
    let (api, running) = prepared(&server).await;
    for number in 0..COUNT {
        apply(&api, &config_maps(), &config_map("a", &format!("m{number:03}"))).await;
    }
    let odd = r#"{apiVersion: v1, kind: ConfigMap, metadata: {name: odd, namespace: b, annotations: {says: "\0\x01\"\\\u202e<é>"}}}"#;
    apply(&api, &config_maps(), &yaml(odd)).await;
    let state = running.current.get();

    // Without the kinds there are no reports, and nothing fails.
    let without = swept(&api, &state, ReportsConfig::Auto, 50).await;
    assert_eq!(reported(&without), Reported { api: "none", ..Reported::default() });
    define(&api, "wgpolicy.yaml").await;
    define(&api, "openreports.yaml").await;
    are_served(&api, &[reports(), cluster_reports(), old_reports(), old_cluster_reports()]).await;
    // Somebody's own report is nobody's business.
    let foreign = yaml(
        "{apiVersion: openreports.io/v1alpha1, kind: Report, metadata: {name: foreign, namespace: a, labels: {app.kubernetes.io/managed-by: lumen}}}",
    );
    apply(&api, &reports(), &foreign).await;

    let first = swept(&api, &state, ReportsConfig::Auto, 100).await;
    assert!(first.unread.is_empty(), "{:?}", first.unread);
    let told = reported(&first);
    assert_eq!((told.api, told.failed, told.deleted, told.left_out), ("openreports", 0, 0, 0));
    let there = all(&api, reports()).await;
    assert_eq!(there.len() - 1 + all(&api, cluster_reports()).await.len(), told.reports);
    assert_eq!(told.written, told.reports);
    // kube-root-ca.crt is in every namespace where controllers run; none do.
    let total = i64::try_from(first.tally.total("NeedsLabel", "owner")).expect("few");
    assert_eq!(total, i64::try_from(COUNT + 1).expect("few"));
    assert_eq!((fails(&there), results(&there).len()), (total, COUNT + 1));
    assert!(there.keys().filter(|name| name.starts_with("a/lumen")).count() > 1, "in several parts");
    let odd = there.get("b/lumen.configmaps").expect("of the odd one");
    let message =
        text(results(&BTreeMap::from([(String::new(), odd.clone())])).first().expect("one"), &["message"])
            .to_owned();
    assert_eq!(message, "odd \0\u{1}\"\\\u{202e}<é>");
    let of_cluster = all(&api, cluster_reports()).await;
    let of_namespaces = of_cluster.get("/lumen.namespaces").expect("of namespaces");
    assert_eq!(
        of_namespaces.get("summary").expect("sums").to_json(),
        r#"{"error":0,"fail":0,"pass":0,"skip":0,"warn":4}"#
    );

    // The same again.
    let again = reported(&swept(&api, &state, ReportsConfig::Auto, 200).await);
    assert_eq!((again.reports, again.written, again.deleted), (told.reports, 0, 0));
    assert_eq!(all(&api, reports()).await, there);

    // One more.
    apply(&api, &config_maps(), &config_map("a", "new")).await;
    let more = reported(&swept(&api, &state, ReportsConfig::Auto, 300).await);
    assert_eq!((more.written, more.deleted, more.failed), (1, 0, 0));
    let there = all(&api, reports()).await;
    let new: Vec<_> = results(&there).into_iter().filter(|result| seconds(result) != Some(100)).collect();
    assert_eq!(new.iter().map(|result| seconds(result)).collect::<Vec<_>>(), [Some(300)]);
    assert_eq!(text(new.first().expect("one"), &["message"]), "new has no owner");

    // A kind that cannot be read keeps its reports.
    for object in [
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: half}, rules: [{apiGroups: [''], resources: [namespaces], verbs: [list]}, {apiGroups: [openreports.io], resources: ['*'], verbs: [list, get, create, patch, delete]}]}",
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: half}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: half}, subjects: [{kind: User, name: half}]}",
    ] {
        let object = yaml(object);
        let (kind, plural) =
            (text(&object, &["kind"]), format!("{}s", text(&object, &["kind"]).to_lowercase()));
        let resource = Resource::new("rbac.authorization.k8s.io", "v1", kind, &plural, false);
        apply(&api, &resource, &object).await;
    }
    let half = server.api_as(Some("half")).await;
    let blind = swept(&half, &state, ReportsConfig::OpenReports, 400).await;
    assert!(blind.unread.iter().any(|(what, _)| what == "configmaps.v1"), "{:?}", blind.unread);
    assert_eq!((reported(&blind).written, reported(&blind).deleted), (0, 0));
    assert_eq!(all(&api, reports()).await, there);

    // All but one are mended, and that report shrinks; those that hold nothing go, somebody else's does not.
    for number in 0..COUNT {
        api.delete(&config_maps().at(Some("a"), &format!("m{number:03}")), None).await.expect("deleted");
    }
    let fewer = reported(&swept(&api, &state, ReportsConfig::Auto, 500).await);
    assert!(fewer.deleted > 0 && fewer.failed == 0, "{fewer:?}");
    let there = all(&api, reports()).await;
    assert_eq!(there.keys().collect::<Vec<_>>(), ["a/foreign", "a/lumen.configmaps", "b/lumen.configmaps"]);
    assert_eq!(fails(&there), 2);
    let times: Vec<_> = results(&there).into_iter().map(seconds).collect();
    assert_eq!(times, [Some(300), Some(100)], "since when is kept where a report is another");

    // The other API, and none.
    let other = reported(&swept(&api, &state, ReportsConfig::WgPolicy, 600).await);
    assert_eq!((other.api, other.failed, other.written, other.deleted), ("wgpolicy", 0, 3, 3));
    assert_eq!(all(&api, reports()).await.len(), 1);
    assert_eq!(fails(&all(&api, old_reports()).await), 2);
    let off = reported(&swept(&api, &state, ReportsConfig::Off, 700).await);
    assert_eq!((off.api, off.deleted), ("off", 3));
    assert!(all(&api, old_reports()).await.is_empty() && all(&api, old_cluster_reports()).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn violations_are_events_once() {
    let Some(server) = ApiServer::start("events") else { return };
    let (api, running) = prepared(&server).await;
    for number in 0..3 {
        apply(&api, &config_maps(), &config_map("a", &format!("m{number}"))).await;
    }
    let (events, writer) = Events::new(api.clone(), names::NAMESPACE, "lumen-a", &mut Registry::default());
    let writing = tokio::spawn(writer.run(std::future::pending()));
    let settings = audit::Settings {
        interval_seconds: 1,
        events: Emission { is_on: true, in_involved_namespace: true },
        teller: Some(events),
        ..audit::Settings::new("lumen-a", names::NAMESPACE)
    };
    let metrics = AuditMetrics::registered(&mut Registry::default());
    let (current, leads) = (Arc::clone(&running.current), Arc::default());
    let auditing =
        tokio::spawn(audit::run(api.clone(), settings, current, metrics, leads, std::future::pending()));
    let resource = Resource::new("events.k8s.io", "v1", "Event", "events", true);
    let mut seen = Vec::new();
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let items = api.list_all(&resource, &Selection::default()).await.expect("events");
        seen = items.into_iter().filter(|item| text(item, &["reason"]) == "AuditViolation").collect();
        if seen.len() >= 7 {
            break;
        }
    }
    // Three ConfigMaps in their namespace, four Namespaces in the server's own.
    let namespaces: Vec<&str> = seen.iter().map(|event| text(event, &["metadata", "namespace"])).collect();
    let in_own = namespaces.iter().filter(|name| **name == names::NAMESPACE).count();
    assert_eq!((in_own, namespaces.len()), (4, 7), "{namespaces:?}");
    // Further audits tell nothing new.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let items = api.list_all(&resource, &Selection::default()).await.expect("events");
    assert_eq!(items.iter().filter(|item| text(item, &["reason"]) == "AuditViolation").count(), 7);

    // A replica that knows nothing of them makes them a series.
    let (events, writer) = Events::new(api.clone(), names::NAMESPACE, "lumen-b", &mut Registry::default());
    let writing_again = tokio::spawn(writer.run(std::future::pending()));
    auditing.abort();
    let settings = audit::Settings {
        interval_seconds: 1,
        events: Emission { is_on: true, in_involved_namespace: true },
        teller: Some(events),
        ..audit::Settings::new("lumen-a", names::NAMESPACE)
    };
    let metrics = AuditMetrics::registered(&mut Registry::default());
    let (current, leads) = (Arc::clone(&running.current), Arc::default());
    let auditing =
        tokio::spawn(audit::run(api.clone(), settings, current, metrics, leads, std::future::pending()));
    let mut series = 0;
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let items = api.list_all(&resource, &Selection::default()).await.expect("events");
        let count = |item: &Value| item.get("series").and_then(|series| series.get("count")?.as_i64());
        series = items.iter().filter(|item| count(item) == Some(2)).count();
        if series >= 7 {
            assert_eq!(items.iter().filter(|item| text(item, &["reason"]) == "AuditViolation").count(), 7);
            break;
        }
    }
    assert_eq!(series, 7);
    for task in [auditing, writing, writing_again] {
        task.abort();
    }
}
