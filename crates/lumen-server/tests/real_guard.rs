//! What must go by the webhook and what must not, as a real API server decides; and what holds while kinds change. Where its programs
//! are missing, it is skipped.
#![expect(clippy::expect_used, reason = "test code")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lumen_core::admission::PolicySet;
use lumen_core::snapshot::{Options, Snapshot, SourceDocument};
use lumen_server::api::{Api, ApiError, At, Discovery, Ownership, Patch, Resource};
use lumen_server::cluster::{Settings, upstream_definitions};
use lumen_server::registration::{self, Kinds, webhook_configuration};
use lumen_server::state::{Current, State};
use lumen_server::{audit, names};
use lumen_value::read::{Limits, read};
use lumen_value::{Array, Value};
use prometheus_client::registry::Registry;

#[path = "real_cluster/harness.rs"]
#[allow(dead_code, clippy::panic, clippy::print_stdout, reason = "each test uses a part of it")]
mod harness;

use harness::{ApiServer, Running, apply, denies, until, yaml};

const POLICIES: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: everything}
spec:
  crd: {spec: {names: {kind: Everything}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package everything
      violation[{"msg": "no"}] { input.review.object.metadata.name == "web" }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Everything
metadata: {name: denied}
"#;

fn documents() -> Vec<Value> {
    read(POLICIES.as_bytes(), &Limits::default()).documents.into_iter().map(|each| each.value).collect()
}

fn definitions() -> Resource {
    let (group, kind) = ("apiextensions.k8s.io", "CustomResourceDefinition");
    Resource::new(group, "v1", kind, "customresourcedefinitions", false)
}

fn namespaces() -> Resource {
    Resource::namespaces()
}

fn namespace(name: &str) -> Value {
    yaml(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"))
}

fn templates() -> Resource {
    Resource::new("templates.gatekeeper.sh", "v1", "ConstraintTemplate", "constrainttemplates", false)
}

fn nodes() -> Resource {
    Resource::new("", "v1", "Node", "nodes", false)
}

fn pod() -> Value {
    yaml("{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: c, image: i}]}}")
}

/// Whether a change went by the webhook; `false` where the API server asked it, and it did not answer.
fn went_by(result: Result<Value, ApiError>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().contains("failed calling webhook"), "{error}");
            false
        }
    }
}

async fn labelled(api: &Api, at: &At<'_>, label: &str, value: &str) -> bool {
    let labels: Value = [(label, value.into())].into();
    let change: Value = [("metadata", [("labels", labels)].into())].into();
    went_by(api.patch(at, Patch::Merge, &change).await)
}

/// What a server registers that has a policy about everything, at an address where nobody answers.
fn configuration(discovery: &Discovery) -> Value {
    let sources = documents().into_iter().enumerate().map(|(index, value)| SourceDocument {
        source: "policies.yaml".into(),
        index,
        value,
    });
    let (snapshot, _) = Snapshot::build(sources, &Options::default());
    let (policies, findings) = PolicySet::compile(snapshot.entries());
    assert!(findings.is_empty(), "{findings:?}");
    let settings = registration::Settings {
        exempt_namespaces: vec!["calico".to_owned()],
        timeout_seconds: 1,
        pod_security: true,
        ..registration::Settings::new("lumen-system")
    };
    let kinds = Kinds { discovery, defined: &[] };
    let configuration = webhook_configuration(&policies, kinds, &settings);
    let nowhere: Value = [("url", "https://127.0.0.1:1".into())].into();
    let fields = |value: &Value| value.as_object().cloned().expect("an object");
    let listed = configuration.get("webhooks").and_then(Value::as_array).expect("webhooks");
    let webhooks: Array =
        listed.iter().map(|webhook| fields(webhook).with("clientConfig", nowhere.clone()).into()).collect();
    fields(&configuration).with("webhooks", webhooks).into()
}

/// With a policy about everything and a webhook that does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_brings_a_cluster_back_goes_by_a_webhook_that_is_away() {
    let Some(server) = ApiServer::start("guard") else { return };
    let api = server.api().await;
    for name in ["lumen-system", "shop", "calico"] {
        apply(&api, &namespaces(), &namespace(name)).await;
    }
    apply(&api, &nodes(), &yaml("{apiVersion: v1, kind: Node, metadata: {name: n1}}")).await;
    let accounts = Resource::new("", "v1", "ServiceAccount", "serviceaccounts", true);
    let account = yaml("{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}");
    apply(&api, &accounts, &account).await;
    let binding = yaml(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: test}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: 'system:authenticated'}]}",
    );
    let bindings =
        Resource::new("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false);
    apply(&api, &bindings, &binding).await;

    let configuration = configuration(&api.discover().await.expect("the kinds"));
    let group = "admissionregistration.k8s.io";
    let kind = "ValidatingWebhookConfiguration";
    let configurations = Resource::new(group, "v1", kind, "validatingwebhookconfigurations", false);
    apply(&api, &configurations, &configuration).await;
    let config_maps = Resource::new("", "v1", "ConfigMap", "configmaps", true);
    // From when on it is asked.
    let in_shop = config_maps.at(Some("shop"), "kube-root-ca.crt");
    let config_map =
        yaml("{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: shop}}");
    while went_by(api.apply(&in_shop, &config_map, Ownership::Forced).await) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let (nodes, namespaces) = (nodes(), namespaces());
    let node = nodes.at(None, "n1");
    for (user, groups, expected) in [
        ("alice", &[][..], false),
        ("system:node:n1", &["system:nodes"][..], true),
        ("system:kube-controller-manager", &[], true),
        ("system:serviceaccount:kube-system:node-controller", &["system:serviceaccounts:kube-system"], true),
        ("system:serviceaccount:calico:calico-node", &["system:serviceaccounts:calico"], true),
        ("system:serviceaccount:shop:default", &["system:serviceaccounts:shop"], false),
    ] {
        let mut all = vec!["system:authenticated"];
        all.extend(groups);
        let other = server.api_as_one_of(user, &all).await;
        assert_eq!(
            labelled(&other, &node, "a", user.rsplit(':').next().expect("a word")).await,
            expected,
            "{user}"
        );
        if groups.contains(&"system:nodes") {
            // The API server's own admission lets kubelets make no pods but those of files.
            continue;
        }
        // Pods are judged, whoever makes them.
        let pods = Resource::pods();
        let created = other.create(&pods, Some("shop"), &pod()).await;
        assert!(!went_by(created), "{user}");
    }

    // The label that keeps policies out can be set by three paths.
    let shop = namespaces.at(None, "shop");
    let label = "admission.gatekeeper.sh/ignore";
    assert!(!labelled(&api, &shop, label, "x").await);
    assert!(!labelled(&api, &shop.status(), label, "x").await);
    assert!(labelled(&api, &shop.status(), "harmless", "x").await);
    drop(server);
}

/// A kind that is read in another version from now on leaves no moment without its policies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_stay_in_use_while_their_kind_changes() {
    let Some(server) = ApiServer::start("versions") else { return };
    let api = server.api().await;
    apply(&api, &namespaces(), &namespace("shop")).await;
    for definition in upstream_definitions() {
        apply(&api, &definitions(), &definition).await;
    }
    let running = Running::start(api.clone(), Settings::new("lumen-a", "lumen-system"));
    let documents = documents();
    apply(&api, &templates(), &documents[0]).await;
    let constraints =
        Resource::new("constraints.gatekeeper.sh", "v1beta1", "Everything", "everything", false);
    apply(&api, &constraints, &documents[1]).await;
    until(&running.current, "denied", |state| denies(state, "shop", &pod())).await;

    let (current, is_over) = (running.current.clone(), Arc::new(AtomicBool::new(false)));
    let looks = is_over.clone();
    let watching = std::thread::spawn(move || {
        let mut gaps = 0;
        while !looks.load(Ordering::Relaxed) {
            gaps += usize::from(current.get().policies.constraints().is_empty());
            std::thread::yield_now();
        }
        gaps
    });
    let name = "constrainttemplates.templates.gatekeeper.sh";
    for is_served in [false, true] {
        let definition = api.get(&definitions().at(None, name)).await.expect("it is there").to_json();
        let v1 = definition.find(r#""name":"v1","#).expect("a version");
        let (before, behind) = definition.split_at(v1);
        let behind =
            behind.replacen(&format!(r#""served":{}"#, !is_served), &format!(r#""served":{is_served}"#), 1);
        api.replace(&definitions().at(None, name), &yaml(&format!("{before}{behind}")))
            .await
            .expect("replaced");
        let version =
            if is_served { "templates.gatekeeper.sh/v1" } else { "templates.gatekeeper.sh/v1beta1" };
        until(&running.current, "read in another version", |state| {
            let mut read = state.policies.templates().iter();
            read.any(|template| &*template.entry().object.api_version == version)
        })
        .await;
    }
    is_over.store(true, Ordering::Relaxed);
    assert_eq!(watching.join().expect("no panic"), 0, "there were moments without policies");
    assert!(denies(&running.current.get(), "shop", &pod()));
}

/// Who does not know the policies does not lead, and who stops in the middle of an audit gives the Lease back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_knows_no_policies_does_not_lead() {
    let Some(server) = ApiServer::start("lead") else { return };
    let api = server.api().await;
    apply(&api, &namespaces(), &namespace("lumen-system")).await;
    let current = Arc::new(Current::default());
    let metrics = audit::metrics::AuditMetrics::registered(&mut Registry::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let leads = Arc::new(AtomicBool::new(false));
    let auditing = tokio::spawn(audit::run(
        api.clone(),
        audit::Settings::new("lumen-a", names::NAMESPACE),
        current.clone(),
        metrics,
        leads.clone(),
        async { drop(stopped.await) },
    ));
    let leases = Resource::leases();
    let lease = leases.at(Some(names::NAMESPACE), names::AUDIT_LEASE);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(matches!(api.get(&lease).await, Err(ApiError::NotFound(_))));
    current.publish(State { is_complete: true, ..State::default() });
    while !leads.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.send(()).expect("it runs");
    auditing.await.expect("no panic");
    let given_back = api.get(&lease).await.expect("it is there").to_json();
    assert!(given_back.contains(r#""holderIdentity":"""#), "{given_back}");
}

/// A kind whose conversion webhook is away cannot be read; it may itself wait for the server to be ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synced_kind_that_fails_keeps_nobody_from_being_ready() {
    let Some(server) = ApiServer::start("conversion") else { return };
    let api = server.api().await;
    for definition in upstream_definitions() {
        apply(&api, &definitions(), &definition).await;
    }
    let version = |name: &str, is_storage: bool| {
        format!(
            "{{name: {name}, served: true, storage: {is_storage}, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}"
        )
    };
    let webhook = "{conversionReviewVersions: [v1], clientConfig: {url: 'https://127.0.0.1:1/convert'}}";
    let definition = yaml(&format!(
        "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: widgets.example.com}}, spec: {{group: example.com, scope: Cluster, names: {{kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}}, conversion: {{strategy: Webhook, webhook: {webhook}}}, versions: [{}, {}]}}}}",
        version("v1", true),
        version("v2", false)
    ));
    apply(&api, &definitions(), &definition).await;
    let widgets = Resource::new("example.com", "v1", "Widget", "widgets", false);
    apply(&api, &widgets, &yaml("{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}")).await;
    let sets = Resource::new("syncset.gatekeeper.sh", "v1alpha1", "SyncSet", "syncsets", false);
    let set = yaml(
        "{apiVersion: syncset.gatekeeper.sh/v1alpha1, kind: SyncSet, metadata: {name: s}, spec: {gvks: [{group: example.com, version: v2, kind: Widget}]}}",
    );
    apply(&api, &sets, &set).await;
    let running = Running::start(api.clone(), Settings::new("lumen-a", "lumen-system"));
    until(&running.current, "ready", |state| state.is_complete).await;
    let state = running.current.get();
    assert!(state.degraded.contains_key("Widget.v2.example.com"), "{:?}", state.degraded);
}
