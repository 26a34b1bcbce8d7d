//! The cluster as a real API server has it: what is read of it, and what it is told.
//!
//! One API server serves all of it, one thing after the other. Where its programs are missing, it is skipped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, that says how long things took"
)]

use std::time::{Duration, Instant};

use lumen_server::api::{Api, ApiError, Ownership, Patch, Resource, Selection};
use lumen_server::cluster::{RIGHTS, Right, Settings, own_definitions, upstream_definitions};
use lumen_value::Value;

#[path = "real_cluster/harness.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod harness;

use harness::{ApiServer, Running, apply, ask, denies, text, until, until_object, yaml};

fn definitions() -> Resource {
    Resource::new(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    )
}

fn templates() -> Resource {
    Resource::new("templates.gatekeeper.sh", "v1", "ConstraintTemplate", "constrainttemplates", false)
}

fn constraints() -> Resource {
    Resource::new("constraints.gatekeeper.sh", "v1beta1", "NeedsLabel", "needslabel", false)
}

fn namespaces() -> Resource {
    Resource::namespaces()
}

/// A template whose constraints deny what lacks a label.
fn needs_label(condition: &str) -> Value {
    yaml(&format!(
        r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {{name: needslabel}}
spec:
  crd:
    spec:
      names: {{kind: NeedsLabel, shortNames: [nl]}}
      validation:
        openAPIV3Schema: {{type: object, properties: {{label: {{type: string}}}}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package needslabel
      violation[{{"msg": msg}}] {{
        {condition}
        msg := sprintf("the label %v is missing", [input.parameters.label])
      }}
"#
    ))
}

const CONDITION: &str = "not input.review.object.metadata.labels[input.parameters.label]";

fn constraint(name: &str, selector: &str) -> Value {
    yaml(&format!(
        "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: NeedsLabel, metadata: {{name: {name}}}, spec: {{match: {{kinds: [{{apiGroups: [''], kinds: [Pod]}}], {selector}}}, parameters: {{label: owner}}}}}}"
    ))
}

fn pod(labels: &str) -> Value {
    yaml(&format!("{{apiVersion: v1, kind: Pod, metadata: {{name: web, labels: {labels}}}, spec: {{}}}}"))
}

fn namespace(name: &str, labels: &str) -> Value {
    yaml(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}"))
}

fn pods_in_status(object: &Value) -> Vec<String> {
    let by_pod = object.get("status").and_then(|status| status.get("byPod")).and_then(Value::as_array);
    by_pod
        .into_iter()
        .flat_map(|entries| entries.iter())
        .map(|entry| text(entry, &["id"]).to_owned())
        .collect()
}

fn errors_of<'a>(object: &'a Value, pod: &str) -> Vec<&'a str> {
    let by_pod = object.get("status").and_then(|status| status.get("byPod")).and_then(Value::as_array);
    let entries = by_pod.into_iter().flat_map(|entries| entries.iter());
    let own = entries.filter(|entry| text(entry, &["id"]) == pod);
    let errors = own.filter_map(|entry| entry.get("errors")?.as_array());
    errors.flat_map(|errors| errors.iter()).map(|error| text(error, &["message"])).collect()
}

/// Whether the newest generation has this pod's entry.
fn is_observed(object: &Value, pod: &str) -> bool {
    let generation = object.get("metadata").and_then(|metadata| metadata.get("generation"));
    let by_pod = object.get("status").and_then(|status| status.get("byPod")).and_then(Value::as_array);
    let mut entries = by_pod.into_iter().flat_map(|entries| entries.iter());
    entries.any(|entry| text(entry, &["id"]) == pod && entry.get("observedGeneration") == generation)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_is_read_and_told() {
    let Some(server) = ApiServer::start("cluster") else { return };
    let api = server.api().await;
    for object in [namespace("lumen-system", "{}"), namespace("shop", "{}")] {
        apply(&api, &namespaces(), &object).await;
    }
    replicas(&api).await;
    let first = Running::start(api.clone(), Settings::new("lumen-a", "lumen-system"));
    // Nothing is defined yet, and the server is ready all the same.
    until(&first.current, "ready without definitions", |state| state.is_complete).await;
    for definition in upstream_definitions().into_iter().chain(own_definitions()) {
        apply(&api, &definitions(), &definition).await;
    }
    a_template_and_its_constraint(&api, &first).await;
    a_namespace_that_changes(&api, &first).await;
    a_broken_template(&api, &first).await;
    kinds_that_are_synced(&api, &first).await;
    own_kinds(&api, &first).await;
    several_replicas(&api, &first).await;
    a_server_that_restarts(&server, &api, &first).await;
    a_watch_that_expired(&server, &api).await;
    many_constraints(&api, &first).await;
    a_template_that_is_deleted(&api, &first).await;
    a_shadow(&api).await;
    drop(first);
    no_more_rights_than_are_told(&server, &api).await;
}

/// With the rights that are told to be needed, and no others, everything works, and a kind that may not be read is named.
async fn no_more_rights_than_are_told(server: &ApiServer, api: &Api) {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::from(*text)).collect::<lumen_value::Array>();
    for (is_local, kind, plural) in [(false, "ClusterRole", "clusterroles"), (true, "Role", "roles")] {
        let rights = RIGHTS.iter().filter(|right| right.is_local == is_local);
        let rule = |right: &Right| -> Value {
            [
                ("apiGroups", texts(right.groups).into()),
                ("resources", texts(right.resources).into()),
                ("verbs", texts(right.verbs).into()),
            ]
            .into()
        };
        let rules: lumen_value::Array = rights.map(rule).collect();
        let mut role = yaml(&format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}, metadata: {{name: lumen-test, namespace: lumen-system}}}}"
        ));
        role = role.as_object().expect("an object").with("rules", rules).into();
        let binding = yaml(&format!(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: {kind}Binding, metadata: {{name: lumen-test, namespace: lumen-system}}, roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: lumen-test}}, subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: lumen-test}}]}}"
        ));
        let without_namespace = |object: Value| -> Value {
            if is_local {
                return object;
            }
            let fields = object.as_object().expect("an object");
            fields.with("metadata", Value::from([("name", "lumen-test".into())])).into()
        };
        let group = "rbac.authorization.k8s.io";
        apply(api, &Resource::new(group, "v1", kind, plural, is_local), &without_namespace(role)).await;
        let plural = format!("{}bindings", kind.to_lowercase());
        let bindings = Resource::new(group, "v1", &format!("{kind}Binding"), &plural, is_local);
        apply(api, &bindings, &without_namespace(binding)).await;
    }
    let sets = Resource::new("syncset.gatekeeper.sh", "v1alpha1", "SyncSet", "syncsets", false);
    let set = yaml(
        "{apiVersion: syncset.gatekeeper.sh/v1alpha1, kind: SyncSet, metadata: {name: secrets}, spec: {gvks: [{version: v1, kind: Secret}]}}",
    );
    apply(api, &sets, &set).await;
    // Its definition must be written, and its status.
    let template = needs_label(CONDITION).to_json();
    let template = template
        .replace("needslabel", "needsother")
        .replace("NeedsLabel", "NeedsOther")
        .replace("[\"nl\"]", "[]");
    let mut template = yaml(&template);
    let requires: Value = [(
        "metadata.gatekeeper.sh/requires-sync-data",
        r#"[[{"groups":[""],"versions":["v1"],"kinds":["Secret"]}]]"#.into(),
    )]
    .into();
    let metadata: Value = [("name", "needsother".into()), ("annotations", requires)].into();
    template = template.as_object().expect("an object").with("metadata", metadata).into();
    apply(api, &templates(), &template).await;
    let limited = server.api_as(Some("lumen-test")).await;
    let running = Running::start(limited, Settings::new("lumen-a", "lumen-system"));
    until(&running.current, "ready", |state| state.is_complete).await;
    until(&running.current, "a kind that may not be read, by name", |state| {
        state
            .degraded
            .get("Secret.v1")
            .is_some_and(|why| why.contains("forbidden") && why.contains("needsother"))
    })
    .await;
    assert_eq!(running.current.get().degraded.len(), 1, "{:?}", running.current.get().degraded);
    let told = until_object(api, templates(), "needsother", "created, and told", |object| {
        is_observed(object, "lumen-a") && !errors_of(object, "lumen-a").is_empty()
    });
    let told = told.await;
    assert!(told.to_json().contains(r#""code":"sync_error""#), "{}", told.to_json());
    assert_eq!(told.get("status").and_then(|status| status.get("created")), Some(&Value::Bool(true)));
}

/// A template that is deleted takes its kind and its constraints with it, and may be made again at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_goes_with_all_that_it_made() {
    let Some(server) = ApiServer::start_with_controllers("controllers") else { return };
    let api = server.api().await;
    apply(&api, &namespaces(), &namespace("shop", "{}")).await;
    for definition in upstream_definitions() {
        apply(&api, &definitions(), &definition).await;
    }
    let running = Running::start(api.clone(), Settings::new("lumen-a", "lumen-system"));
    for round in 0..3 {
        apply(&api, &templates(), &needs_label(CONDITION)).await;
        // Until the kind of the last round is gone, what is applied goes with it.
        let began = Instant::now();
        while !denies(&running.current.get(), "shop", &pod("{}")) {
            assert!(began.elapsed() < Duration::from_mins(1), "round {round} is not enforced");
            let at = constraints();
            let constraint = constraint("owner", "namespaces: [shop]");
            // The API server may not serve the kind yet, or not any more.
            let _is_applied = api.apply(&at.at(None, "owner"), &constraint, Ownership::Forced).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        api.delete(&templates().at(None, "needslabel"), None).await.expect("deleted");
        until(&running.current, "not enforced", |state| !denies(state, "shop", &pod("{}"))).await;
    }
    let began = Instant::now();
    let definition = "needslabel.constraints.gatekeeper.sh";
    while api.get(&definitions().at(None, definition)).await.is_ok() {
        assert!(began.elapsed() < Duration::from_mins(1), "the definition stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn replicas(api: &Api) {
    let accounts = Resource::new("", "v1", "ServiceAccount", "serviceaccounts", true);
    let account =
        yaml("{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: lumen-system}}");
    apply(api, &accounts, &account).await;
    let pods = Resource::pods();
    for name in ["lumen-a", "lumen-b"] {
        let pod = yaml(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: lumen-system}}, spec: {{containers: [{{name: c, image: i}}]}}}}"
        ));
        apply(api, &pods, &pod).await;
    }
}

async fn a_template_and_its_constraint(api: &Api, running: &Running) {
    apply(api, &templates(), &needs_label(CONDITION)).await;
    let defined =
        until_object(api, definitions(), "needslabel.constraints.gatekeeper.sh", "defined", |object| {
            object.get("status").is_some_and(|status| status.to_json().contains(r#""Established""#))
        });
    let defined = defined.await;
    assert_eq!(text(&defined, &["metadata", "labels", "gatekeeper.sh/constraint"]), "yes");
    let template =
        until_object(api, templates(), "needslabel", "created", |object| is_observed(object, "lumen-a"));
    let template = template.await;
    assert_eq!(template.get("status").and_then(|status| status.get("created")), Some(&Value::Bool(true)));
    assert!(defined.to_json().contains(text(&template, &["metadata", "uid"])), "the template owns the kind");
    // The API server needs a moment to serve the kind.
    apply(api, &constraints(), &constraint("first", "namespaces: [nowhere]")).await;
    until(&running.current, "the first constraint", |state| !state.policies.constraints().is_empty()).await;
    assert!(!denies(&running.current.get(), "shop", &pod("{}")));
    let began = Instant::now();
    apply(api, &constraints(), &constraint("owner", "namespaces: [shop]")).await;
    let applied = began.elapsed();
    let took = until(&running.current, "denied", |state| denies(state, "shop", &pod("{}"))).await;
    println!("from the constraint applied to enforced: {took:?} (applying it: {applied:?})");
    let answer = ask(&running.current.get(), "shop", &pod("{}"));
    assert_eq!(answer.message, "[owner] the label owner is missing");
    assert!(!denies(&running.current.get(), "shop", &pod("{owner: me}")));
    let object =
        until_object(api, constraints(), "owner", "observed", |object| is_observed(object, "lumen-a"));
    let object = object.await;
    assert!(object.to_json().contains(r#""enforced":true"#), "{}", object.to_json());
    assert_eq!(errors_of(&object, "lumen-a"), Vec::<&str>::new());
}

async fn a_namespace_that_changes(api: &Api, running: &Running) {
    apply(api, &constraints(), &constraint("team", "namespaceSelector: {matchLabels: {team: a}}")).await;
    until(&running.current, "the constraint", |state| state.policies.constraints().len() == 3).await;
    apply(api, &namespaces(), &namespace("other", "{}")).await;
    until(&running.current, "the namespace", |state| state.namespaces.contains_key("other")).await;
    assert!(!denies(&running.current.get(), "other", &pod("{}")));
    apply(api, &namespaces(), &namespace("other", "{team: a}")).await;
    let took = until(&running.current, "denied", |state| denies(state, "other", &pod("{}"))).await;
    println!("from a namespace's label to its effect: {took:?}");
    api.delete(&constraints().at(None, "team"), None).await.expect("deleted");
    until(&running.current, "gone", |state| !denies(state, "other", &pod("{}"))).await;
}

async fn a_broken_template(api: &Api, running: &Running) {
    apply(api, &templates(), &needs_label("not undefined_function(1)")).await;
    let template = until_object(api, templates(), "needslabel", "broken", |object| {
        is_observed(object, "lumen-a") && !errors_of(object, "lumen-a").is_empty()
    });
    let template = template.await;
    assert!(template.to_json().contains(r#""code":"ingest_error""#), "{}", template.to_json());
    assert_eq!(template.get("status").and_then(|status| status.get("created")), Some(&Value::Bool(false)));
    // What held before goes on.
    assert!(denies(&running.current.get(), "shop", &pod("{}")));
    assert!(running.current.get().is_complete);
    apply(api, &templates(), &needs_label("not input.review.object.metadata.annotations.fixed")).await;
    until(&running.current, "fixed", |state| denies(state, "shop", &pod("{owner: me}"))).await;
    apply(api, &templates(), &needs_label(CONDITION)).await;
    until(&running.current, "as before", |state| !denies(state, "shop", &pod("{owner: me}"))).await;
    until_object(api, templates(), "needslabel", "sound again", |object| {
        is_observed(object, "lumen-a") && errors_of(object, "lumen-a").is_empty()
    })
    .await;
}

async fn kinds_that_are_synced(api: &Api, running: &Running) {
    let sets = Resource::new("syncset.gatekeeper.sh", "v1alpha1", "SyncSet", "syncsets", false);
    let set = yaml(
        "{apiVersion: syncset.gatekeeper.sh/v1alpha1, kind: SyncSet, metadata: {name: s}, spec: {gvks: [{group: networking.k8s.io, version: v1, kind: Ingress}, {group: example.com, version: v1, kind: Missing}]}}",
    );
    apply(api, &sets, &set).await;
    let ingresses = Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses", true);
    for name in ["a", "b"] {
        let ingress = yaml(&format!(
            "{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: {name}, namespace: shop}}, spec: {{defaultBackend: {{service: {{name: s, port: {{number: 80}}}}}}}}}}"
        ));
        apply(api, &ingresses, &ingress).await;
    }
    let kept =
        |state: &lumen_server::state::State| state.inventory.places("networking.k8s.io/v1", "Ingress").len();
    until(&running.current, "two ingresses", |state| kept(state) == 2).await;
    let json = running.current.get().inventory.data().root().to_json();
    assert!(!json.contains("managedFields") && json.contains(r#""number":80"#), "{json}");
    api.delete(&ingresses.at(Some("shop"), "a"), None).await.expect("deleted");
    until(&running.current, "one ingress", |state| kept(state) == 1).await;
    let degraded = |state: &lumen_server::state::State| {
        state.degraded.get("Missing.v1.example.com").is_some_and(|why| why.contains("does not serve"))
    };
    until(&running.current, "a kind is missing, by name", degraded).await;
    assert!(running.current.get().is_complete);
    // It is defined later.
    let missing = yaml(
        "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: missings.example.com}, spec: {group: example.com, scope: Cluster, names: {kind: Missing, plural: missings, singular: missing, listKind: MissingList}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}",
    );
    apply(api, &definitions(), &missing).await;
    until(&running.current, "no longer", |state| state.degraded.is_empty()).await;
    api.delete(&sets.at(None, "s"), None).await.expect("deleted");
    until(&running.current, "nothing is synced", |state| kept(state) == 0).await;
}

async fn own_kinds(api: &Api, running: &Running) {
    let exemptions = Resource::new("lumensec.io", "v1alpha1", "Exemption", "exemptions", false);
    let exemption = yaml(
        "{apiVersion: lumensec.io/v1alpha1, kind: Exemption, metadata: {name: e}, spec: {reason: r, rules: ['pod-security/*'], match: {labelSelector: {matchExpressions: [{key: a, operator: Exists}]}}}}",
    );
    apply(api, &exemptions, &exemption).await;
    until(&running.current, "an exemption", |state| state.exemptions.len() == 1).await;
    let misspelt = yaml(
        "{apiVersion: lumensec.io/v1alpha1, kind: Exemption, metadata: {name: f}, spec: {rules: ['pod-security/*'], match: {}}}",
    );
    let result = api.apply(&exemptions.at(None, "f"), &misspelt, Ownership::Respected).await;
    assert!(matches!(result, Err(ApiError::Invalid(_))), "{result:?}");
    let configs = Resource::new("lumensec.io", "v1alpha1", "LumenConfig", "lumenconfigs", false);
    let config = |name: &str| {
        yaml(&format!(
            "{{apiVersion: lumensec.io/v1alpha1, kind: LumenConfig, metadata: {{name: {name}}}, spec: {{webhook: {{breakGlassGroups: [admins]}}, audit: {{intervalSeconds: 30}}}}}}"
        ))
    };
    apply(api, &configs, &config("default")).await;
    until(&running.current, "a config", |state| state.config.audit.interval_seconds == Some(30)).await;
    let result = api.apply(&configs.at(None, "another"), &config("another"), Ownership::Respected).await;
    assert!(matches!(result, Err(ApiError::Invalid(_))), "{result:?}");
}

async fn several_replicas(api: &Api, first: &Running) {
    let second = Running::start(api.clone(), Settings::new("lumen-b", "lumen-system"));
    until(&second.current, "ready", |state| state.is_complete).await;
    assert!(denies(&second.current.get(), "shop", &pod("{}")));
    let both = |object: &Value| pods_in_status(object) == ["lumen-a", "lumen-b"];
    until_object(api, templates(), "needslabel", "both say so", both).await;
    let object = until_object(api, constraints(), "owner", "both say so", both).await;
    // They do not write against each other.
    let version = text(&object, &["metadata", "resourceVersion"]).to_owned();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = api.get(&constraints().at(None, "owner")).await.expect("it is there");
    assert_eq!(text(&later, &["metadata", "resourceVersion"]), version);
    drop(second);
    let pods = Resource::pods();
    api.delete(&pods.at(Some("lumen-system"), "lumen-b"), None).await.expect("deleted");
    // Who is gone says nothing more. No kubelet ends the pod, so it is removed at once.
    until_object(api, templates(), "needslabel", "one alone", |object| pods_in_status(object) == ["lumen-a"])
        .await;
    assert!(first.current.get().is_complete);
}

async fn a_server_that_restarts(server: &ApiServer, api: &Api, running: &Running) {
    server.restart();
    assert!(denies(&running.current.get(), "shop", &pod("{}")), "what was read goes on");
    apply(api, &constraints(), &constraint("after", "namespaces: [other]")).await;
    let took = until(&running.current, "denied", |state| denies(state, "other", &pod("{}"))).await;
    println!("after a restart of the API server: {took:?}");
    api.delete(&constraints().at(None, "after"), None).await.expect("deleted");
    until(&running.current, "gone", |state| !denies(state, "other", &pod("{}"))).await;
}

async fn a_watch_that_expired(server: &ApiServer, api: &Api) {
    server.compact();
    server.restart();
    let result = api.watch(&namespaces(), &Selection::default(), "1").await;
    let error = match result {
        Ok(mut watch) => watch.next().await.expect_err("too old"),
        Err(error) => error,
    };
    assert!(matches!(error, ApiError::Gone(_)), "{error}");
}

async fn many_constraints(api: &Api, running: &Running) {
    let before = running.current.get().policies.constraints().len();
    let began = Instant::now();
    for number in 0..200 {
        apply(api, &constraints(), &constraint(&format!("many-{number}"), "namespaces: [nowhere]")).await;
    }
    let applied = began.elapsed();
    let took =
        until(&running.current, "all of them", |state| state.policies.constraints().len() == before + 200);
    println!("200 constraints: applied in {applied:?}, in use {:?} later", took.await);
    until_object(api, constraints(), "many-199", "observed", |object| is_observed(object, "lumen-a")).await;
}

async fn a_template_that_is_deleted(api: &Api, running: &Running) {
    api.delete(&templates().at(None, "needslabel"), None).await.expect("deleted");
    until(&running.current, "not enforced", |state| !denies(state, "shop", &pod("{}"))).await;
    // Without a controller that collects garbage the constraint lives on, and says why it does nothing.
    let lives =
        until_object(api, constraints(), "owner", "told", |object| !errors_of(object, "lumen-a").is_empty());
    assert!(errors_of(&lives.await, "lumen-a")[0].contains("needslabel"));
    apply(api, &templates(), &needs_label(CONDITION)).await;
    until(&running.current, "enforced again", |state| denies(state, "shop", &pod("{}"))).await;
}

async fn a_shadow(api: &Api) {
    let before = api.get(&templates().at(None, "needslabel")).await.expect("it is there");
    let empty: Value = [("status", [("byPod", Value::Null)].into())].into();
    drop(before);
    let settings = Settings { is_shadow: true, ..Settings::new("shadow", "lumen-system") };
    let shadow = Running::start(api.clone(), settings);
    until(&shadow.current, "ready", |state| state.is_complete).await;
    assert!(denies(&shadow.current.get(), "shop", &pod("{}")));
    api.patch(&templates().at(None, "needslabel").status(), Patch::Merge, &empty).await.expect("patched");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let template = api.get(&templates().at(None, "needslabel")).await.expect("it is there");
    assert!(!pods_in_status(&template).contains(&"shadow".to_owned()));
}
