//! `lumen scan` on a real API server: what it finds is what `lumen check` finds in the same objects, and whence it comes.
//!
//! There are no nodes and no server: the policies are in the cluster, and nobody enforces them. Where the programs of a cluster are
//! missing, it is skipped.
#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test says so and stops")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "server_e2e/cluster.rs"]
mod cluster;
#[path = "real_cluster/kubectl.rs"]
mod kubectl;

use cluster::Cluster;
use kubectl::{Said, until};

const POLICY: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: needsowner}
spec:
  crd: {spec: {names: {kind: NeedsOwner}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package needsowner
      violation[{"msg": msg}] {
        not input.review.object.metadata.labels.owner
        msg := sprintf("%v has no owner", [input.review.object.metadata.name])
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsOwner
metadata: {name: owner}
spec:
  enforcementAction: warn
  match:
    kinds: [{apiGroups: [''], kinds: [ConfigMap]}, {apiGroups: [apps], kinds: [Deployment]}]
    namespaceSelector: {matchLabels: {team: shop}}
"#;

/// The kind of the constraints, which the server would define.
const KIND: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: needsowner.constraints.gatekeeper.sh}
spec:
  group: constraints.gatekeeper.sh
  scope: Cluster
  names: {kind: NeedsOwner, listKind: NeedsOwnerList, plural: needsowner, singular: needsowner}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

const NAMESPACES: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop, pod-security.kubernetes.io/enforce: baseline}}
---
apiVersion: v1
kind: Namespace
metadata: {name: bare}
";

const SHOP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      containers: [{name: agent, image: 'registry.internal/agent:1', securityContext: {privileged: true}}]
";

const BARE: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: bare}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.internal/web:1
        securityContext:
          privileged: false
";

#[test]
fn a_cluster_is_scanned_as_its_manifests_are_checked() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    filled(&cluster);
    says_what_a_check_says(&cluster, &folder);
    pages_and_namespaces(&cluster);
    few_rights(&cluster, &folder);
    made_by_others(&cluster);
    lines_in_git(&cluster, &folder);
    baseline_and_exemption(&cluster, &folder);
}

fn filled(cluster: &Cluster) {
    let installed = cluster.lumen(&["install"]).out;
    let definitions: Vec<&str> =
        installed.split("\n---\n").filter(|part| part.contains("CustomResourceDefinition")).collect();
    cluster.apply(&definitions.join("\n---\n"));
    for manifests in [KIND, POLICY, NAMESPACES, SHOP, BARE] {
        cluster.apply(manifests);
    }
    until("the pods are made, where they may be", || {
        let pods = cluster.get(&["-n", "bare", "pods"]);
        pods["items"].as_array().is_some_and(|pods| pods.len() == 2)
    });
    until("each namespace has its certificates", || {
        ["shop", "bare"]
            .iter()
            .all(|name| !cluster.get(&["-n", name, "configmap", "kube-root-ca.crt"]).is_null())
    });
}

fn report(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

fn scan(cluster: &Cluster, arguments: &[&str]) -> Value {
    report(&cluster.lumen(&[&["scan", "-o", "json"], arguments].concat()))
}

fn findings(report: &Value) -> Vec<Value> {
    report["findings"].as_array().cloned().expect("findings")
}

/// What a finding says, without where it was read.
fn gist(finding: &Value) -> String {
    let path = finding.pointer("/live/path").or(finding.pointer("/source/path")).cloned().unwrap_or_default();
    let parts = ["rule", "outcome", "action", "severity", "message", "object", "upstreamMessage"];
    let mut parts: Vec<Value> = parts.iter().map(|part| finding[*part].clone()).collect();
    parts.push(path);
    Value::from(parts).to_string()
}

fn of_layers(report: &Value) -> BTreeSet<String> {
    let of_layer =
        |finding: &Value| ["admission", "pod-security"].iter().any(|layer| finding["layer"] == *layer);
    findings(report).iter().filter(|finding| of_layer(finding)).map(gist).collect()
}

/// The objects as `kubectl` exports them, and `lumen check` on them.
fn says_what_a_check_says(cluster: &Cluster, folder: &TempDir) {
    let kinds = "namespaces,configmaps,deployments,statefulsets,daemonsets,pods,replicasets";
    let exported = cluster.get(&["-A", kinds]);
    // What others made is told of their makers.
    let own = |item: &&Value| item.pointer("/metadata/ownerReferences").is_none();
    let items: Vec<String> =
        exported["items"].as_array().expect("objects").iter().filter(own).map(Value::to_string).collect();
    let file = folder.path().join("exported.yaml");
    std::fs::write(&file, items.join("\n---\n")).expect("is written");
    let policies = folder.path().join("policies.yaml");
    std::fs::write(&policies, POLICY).expect("is written");
    let (file, policies) = (file.display().to_string(), policies.display().to_string());
    let checked =
        report(&cluster.lumen(&["check", "--config", "none", "-o", "json", "--policy", &policies, &file]));
    let scanned = scan(cluster, &["--config", "none"]);
    assert_eq!(of_layers(&scanned), of_layers(&checked));
    let rules: BTreeSet<_> = findings(&scanned).iter().map(|finding| finding["rule"].to_string()).collect();
    for rule in ["admission/NeedsOwner/owner", "pod-security/privileged", "pod-security/host-namespaces"] {
        assert!(rules.contains(&json!(rule).to_string()), "{rule}: {rules:?}");
    }
    assert_eq!(scanned["scanned"]["unread"], 0, "{scanned}");
}

fn pages_and_namespaces(cluster: &Cluster) {
    let whole = scan(cluster, &[]);
    assert_eq!(of_layers(&scan(cluster, &["--chunk-size", "1"])), of_layers(&whole));
    let bare = scan(cluster, &["-n", "bare"]);
    let is_in = |finding: &Value| {
        let object = &finding["object"];
        object["namespace"] == "bare" || (object["kind"] == "Namespace" && object["name"] == "bare")
    };
    let of_bare: BTreeSet<_> = findings(&whole).iter().filter(|each| is_in(each)).map(gist).collect();
    assert!(!of_bare.is_empty());
    assert_eq!(findings(&bare).iter().map(gist).collect::<BTreeSet<_>>(), of_bare);
    let agents = scan(cluster, &["-l", "app=agent"]);
    assert!(findings(&agents).iter().all(|finding| finding["object"]["name"] != "prices"), "{agents}");
    let said = cluster.lumen(&["scan", "-n", "nowhere"]);
    assert!(!said.is_well && said.err.contains("there is no namespace `nowhere`"), "{said:?}");
    // The policies are asked for by whoever wants others, too.
    let more = scan(cluster, &["--policy", "builtin:require-resources"]);
    assert!(findings(&more).len() > findings(&whole).len());
}

/// A kubeconfig of somebody who may do little.
fn few_rights(cluster: &Cluster, folder: &TempDir) {
    let role = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: few}
rules: [{apiGroups: [''], resources: [pods, namespaces], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: few}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: few}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: few}]
";
    cluster.apply(role);
    let file = kubeconfig_of("few", cluster, folder);
    let said = cluster.lumen(&["scan", "--kubeconfig", &file, "-o", "json", "--fail-on", "never"]);
    assert!(!said.is_well && said.err.contains("no admission policy of the cluster is judged"), "{said:?}");
    let found = report(&said);
    let unread: Vec<Value> =
        findings(&found).into_iter().filter(|finding| finding["rule"] == "input/unread-kind").collect();
    for (kind, outcome) in
        [("deployments.apps", "skip"), ("constrainttemplates.templates.gatekeeper.sh", "error")]
    {
        let is_it = |finding: &&Value| finding["message"].as_str().is_some_and(|text| text.contains(kind));
        let named = unread.iter().find(is_it).unwrap_or_else(|| panic!("{kind}: {unread:?}"));
        assert_eq!(named["outcome"], outcome, "{named}");
    }
    // Pods may be read, and are told themselves where their makers are not known.
    let of_pods = findings(&found).iter().filter(|finding| finding["object"]["kind"] == "Pod").count();
    assert!(of_pods > 0, "{found}");
    let said = cluster.lumen(&["scan", "--kubeconfig", &file, "--strict", "--fail-on", "never"]);
    assert!(!said.is_well, "{said:?}");
    let file = kubeconfig_of("nobody", cluster, folder);
    for format in ["human", "markdown"] {
        let said = cluster.lumen(&["scan", "--kubeconfig", &file, "-o", format]);
        assert!(!said.is_well && said.out.contains("nothing could be judged: "), "{said:?}");
    }
}

fn kubeconfig_of(user: &str, cluster: &Cluster, folder: &TempDir) -> String {
    let text = cluster.must(&["config", "view", "--raw", "-o", "json"]);
    let mut config: Value = serde_json::from_str(&text).expect("a kubeconfig");
    config["users"][0]["user"]["as"] = user.into();
    let file = folder.path().join(format!("{user}.kubeconfig"));
    std::fs::write(&file, config.to_string()).expect("is written");
    file.display().to_string()
}

/// Nothing is told twice of what a controller made; what it did not make is told.
fn made_by_others(cluster: &Cluster) {
    let about = |report: &Value, kind: &str| {
        findings(report).iter().filter(|finding| finding["object"]["kind"] == kind).count()
    };
    let found = scan(cluster, &["-n", "bare"]);
    assert!(about(&found, "Deployment") > 0, "{found}");
    assert_eq!((about(&found, "ReplicaSet"), about(&found, "Pod")), (0, 0), "{found}");
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: alone, namespace: bare}, spec: {containers: [{name: a, image: 'b:1'}]}}";
    cluster.apply(pod);
    let found = scan(cluster, &["-n", "bare"]);
    assert!(about(&found, "Pod") > 0, "{found}");
}

fn patch(cluster: &Cluster, changes: &Value) {
    let patch = changes.to_string();
    cluster.must(&[
        "-n",
        "bare",
        "patch",
        "deployment",
        "web",
        "--type=json",
        "--field-manager=somebody",
        "-p",
        &patch,
    ]);
}

/// The manifest says one thing, and the cluster another.
fn lines_in_git(cluster: &Cluster, folder: &TempDir) {
    let source: PathBuf = folder.path().join("deploy");
    std::fs::create_dir_all(&source).expect("a folder");
    std::fs::write(source.join("web.yaml"), BARE).expect("is written");
    let pod = "/spec/template/spec";
    let side =
        json!({"name": "side", "image": "registry.internal/side:1", "securityContext": {"privileged": true}});
    patch(
        cluster,
        &json!([
            {"op": "replace", "path": format!("{pod}/containers/0/securityContext/privileged"), "value": true},
            {"op": "add", "path": format!("{pod}/containers/0"), "value": side},
            {"op": "add", "path": format!("{pod}/hostNetwork"), "value": true},
        ]),
    );
    let shown = source.display().to_string();
    let found = findings(&scan(cluster, &["-n", "bare", "--source", &shown]));
    let of = |rule: &str, path: &str| -> Value {
        let is_it = |finding: &&Value| finding["rule"] == rule && finding["live"]["path"] == path;
        found.iter().find(is_it).cloned().unwrap_or_else(|| panic!("{rule} at {path}: {found:?}"))
    };
    let somebody = |finding: &Value| {
        assert_eq!(finding["live"]["managers"][0]["name"], "somebody", "{finding}");
        assert_eq!(finding["live"]["managers"][0]["operation"], "Update", "{finding}");
    };
    // The container is another one by its place, and the same by its name.
    let privileged = of("pod-security/privileged", &format!("{pod}/containers/1/securityContext/privileged"));
    assert_eq!(privileged["live"]["drift"], "differs", "{privileged}");
    assert_eq!(privileged["source"]["line"], 14, "{privileged}");
    assert!(
        privileged["source"]["file"].as_str().is_some_and(|file| file.ends_with("web.yaml")),
        "{privileged}"
    );
    somebody(&privileged);
    let injected = of("pod-security/privileged", &format!("{pod}/containers/0/securityContext/privileged"));
    assert_eq!(injected["live"]["drift"], "live-only", "{injected}");
    somebody(&injected);
    let network = of("pod-security/host-namespaces", &format!("{pod}/hostNetwork"));
    assert_eq!(network["live"]["drift"], "live-only", "{network}");
    // What nobody wrote is wanting in both.
    let wanting = found
        .iter()
        .find(|finding| {
            finding["rule"] == "pod-security/run-as-non-root" && finding["object"]["name"] == "web"
        })
        .expect("the pod runs as whoever the image says");
    assert_eq!(wanting["live"]["drift"], "same", "{wanting}");
    assert!(wanting["source"]["file"].is_string(), "{wanting}");
    let alone = found.iter().find(|finding| finding["object"]["name"] == "alone").expect("the pod");
    assert_eq!(alone["live"]["drift"], "not-in-source", "{alone}");
    assert!(alone["source"].is_null(), "{alone}");
    let said = cluster.lumen(&["scan", "-n", "bare", "--source", &shown]);
    for words in
        ["set by `somebody`", "drift: the cluster has another value", "web.yaml:14:", "no manifest describes"]
    {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let sarif = report(&cluster.lumen(&["scan", "-n", "bare", "--source", &shown, "-o", "sarif"]));
    let results = sarif["runs"][0]["results"].as_array().expect("results").clone();
    let lines = results.iter().filter_map(|result| {
        result.pointer("/locations/0/physicalLocation/region/startLine").and_then(Value::as_u64)
    });
    assert!(lines.collect::<BTreeSet<_>>().contains(&14), "{sarif}");
}

fn baseline_and_exemption(cluster: &Cluster, folder: &TempDir) {
    let known = folder.path().join("known.json").display().to_string();
    let said = cluster.lumen(&["scan", "--write-baseline", &known]);
    assert!(said.is_well && said.err.contains("wrote"), "{said:?}");
    let rest = scan(cluster, &["--baseline", &known]);
    assert_eq!(rest["findings"], json!([]), "{rest}");
    let exemption = "
apiVersion: lumensec.io/v1alpha1
kind: Exemption
metadata: {name: agent}
spec: {rules: [pod-security/privileged], reason: it drives the hardware, owner: platform, match: {names: [agent]}}
";
    let before = findings(&scan(cluster, &["-n", "shop"]));
    cluster.apply(exemption);
    let after = findings(&scan(cluster, &["-n", "shop"]));
    let privileged =
        |found: &[Value]| found.iter().filter(|each| each["rule"] == "pod-security/privileged").count();
    assert!(privileged(&before) > 0 && privileged(&after) == 0, "{after:?}");
    exemptions_are_named(cluster);
    let reports = cluster.lumen(&["scan", "-o", "report"]).out;
    assert!(reports.contains("name: lumen-scan") && !reports.contains("lumen-check"), "{reports}");
}

fn exemptions_are_named(cluster: &Cluster) {
    let exemption = |name: &str, more: &str| {
        cluster.apply(&format!(
            "
apiVersion: lumensec.io/v1alpha1
kind: Exemption
metadata: {{name: {name}}}
spec: {{rules: [pod-security/privileged], reason: for a test, owner: platform, match: {{names: [nothing]}}{more}}}
"
        ));
    };
    exemption("idle", "");
    exemption("late", ", expires: '2020-01-01T00:00:00Z'");
    let about = |found: &[Value], rule: &str| -> Vec<Value> {
        let of_rule = found.iter().filter(|finding| finding["rule"] == rule);
        of_rule.map(|finding| finding["object"]["name"].clone()).collect()
    };
    let whole = findings(&scan(cluster, &[]));
    assert_eq!(about(&whole, "input/unused-exemption"), [json!("idle")]);
    assert_eq!(about(&whole, "input/expired-exemption"), [json!("late")]);
    for part in [&["-n", "bare"], &["-l", "app=web"]] {
        assert!(about(&findings(&scan(cluster, part)), "input/unused-exemption").is_empty());
    }
}
