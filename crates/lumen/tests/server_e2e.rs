//! `lumen install`, `lumen server`, `lumen doctor` and `lumen uninstall` on a real API server, seen with `kubectl`.
//!
//! There are no nodes: the replicas run here, as the `ServiceAccount` that is installed, behind the Service that is installed. One
//! cluster serves all of it, one thing after the other. Where its programs are missing, it is skipped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says so and stops"
)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;

#[path = "server_e2e/cluster.rs"]
mod cluster;
#[path = "real_cluster/kubectl.rs"]
mod kubectl;
#[path = "real_cluster/scenarios.rs"]
mod scenarios;

use cluster::{Cluster, Replica};
use kubectl::{Said, until};
use scenarios::{is_denied, scenarios, shop};

#[test]
fn a_cluster_is_guarded_from_installation_to_removal() {
    let Some(cluster) = Cluster::start() else { return };
    let first = installed(&cluster);
    confined(&cluster);
    scenarios(&cluster);
    shop(&cluster);
    actions_and_audit(&cluster);
    break_glass(&cluster);
    templates(&cluster);
    let second = stopped_under_load(&cluster, first);
    certificate_made_again(&cluster);
    cluster.restart();
    until("the webhook denies after a restart", || is_denied(&config_map(&cluster, &[])));
    examined(&cluster);
    examined_by_strangers(&cluster);
    removed(&cluster, second);
}

fn installed(cluster: &Cluster) -> Replica {
    let manifests = cluster.lumen(&["install"]).out;
    let reports =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/definitions/openreports.yaml");
    cluster.apply(&std::fs::read_to_string(reports).expect("definitions"));
    let asked = cluster.lumen(&["install", "--dry-run=server"]);
    assert!(asked.is_well, "{asked:?}");
    cluster.apply(&manifests);
    for namespace in ["plain", "lumen"] {
        // Without a server nothing is refused yet.
        cluster.must(&["create", "namespace", namespace]);
    }
    let replica = cluster.replica("lumen-a");
    until("the rules are filled in", || rules(cluster).is_array());
    let before = rules(cluster);
    cluster.apply(&manifests);
    assert_eq!(rules(cluster), before, "who applies it again takes no rules away");
    cluster.must(&["label", "namespace", "plain", "team=a"]);
    replica
}

/// The server's account may define constraints' kinds, and no others.
fn confined(cluster: &Cluster) {
    let create = |group: &str| {
        let definition = format!(
            "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: widgets.{group}}}, spec: {{group: {group}, scope: Cluster, names: {{kind: Widget, plural: widgets}}, versions: [{{name: v1beta1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]}}}}"
        );
        let account = "system:serviceaccount:lumen-system:lumen-server";
        cluster.kubectl_reading(&definition, &["create", "--dry-run=server", "--as", account, "-f", "-"])
    };
    let said = create("example.com");
    assert!(
        !said.is_well && said.err.contains("defines kinds of constraints.gatekeeper.sh alone"),
        "{said:?}"
    );
    let said = create("constraints.gatekeeper.sh");
    assert!(said.is_well, "{said:?}");
}

fn rules(cluster: &Cluster) -> Value {
    configuration(cluster).pointer("/webhooks/0/rules").cloned().unwrap_or_default()
}

fn configuration(cluster: &Cluster) -> Value {
    cluster.get(&["validatingwebhookconfiguration", "lumen"])
}

const TEMPLATE: &str = include_str!("../../../tests/corpus/admission/needslabel.yaml");

fn constraint(action: &str) -> String {
    format!(
        "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: NeedsLabel, metadata: {{name: owner}}, spec: {{\
         enforcementAction: {action}, match: {{namespaces: [plain], kinds: [{{apiGroups: [''], kinds: [ConfigMap]}}]}}}}}}"
    )
}

/// `kubectl create configmap`, which the policy is about.
fn config_map(cluster: &Cluster, further: &[&str]) -> Said {
    let create = ["-n", "plain", "create", "configmap", "prices", "--dry-run=server"];
    cluster.kubectl(&[&create, further].concat())
}

/// What dryrun, warn and deny look like, and what the audit says of what was there before.
fn actions_and_audit(cluster: &Cluster) {
    cluster.must(&["-n", "plain", "create", "configmap", "old"]);
    cluster.apply(TEMPLATE);
    cluster.apply(&constraint("dryrun"));
    let status = || cluster.get(&["needslabel", "owner"])["status"].clone();
    until("the audit tells the constraint", || {
        let status = status();
        let violations = status["violations"].as_array().cloned().unwrap_or_default();
        let is_old = |violation: &Value| {
            violation["name"] == "old"
                && violation["message"] == "old has no owner"
                && violation["enforcementAction"] == "dryrun"
        };
        // `kube-root-ca.crt` is in each namespace.
        status["totalViolations"] == 2 && violations.len() == 2 && violations.iter().any(is_old)
    });
    until("the audit's report is there", || {
        let report = cluster.get(&["-n", "plain", "reports.openreports.io", "lumen.configmaps"]);
        report["summary"]["fail"] == 2 && report["results"][0]["policy"] == "NeedsLabel/owner"
    });
    let status = status();
    assert_eq!(status["byPod"][0]["id"], "lumen-a", "{status}");
    assert_eq!(status["byPod"][0]["enforced"], true, "{status}");
    assert!(status["auditTimestamp"].is_string(), "{status}");
    let quiet = config_map(cluster, &[]);
    assert!(quiet.is_well && quiet.err.is_empty(), "{quiet:?}");
    cluster.apply(&constraint("warn"));
    until("kubectl shows the warning", || {
        let said = config_map(cluster, &[]);
        said.is_well && said.err.contains("Warning: [owner] prices has no owner")
    });
    cluster.apply(&constraint("deny"));
    until("it is denied", || is_denied(&config_map(cluster, &[])));
    assert!(config_map(cluster, &[]).err.contains("[owner] prices has no owner"));
}

fn break_glass(cluster: &Cluster) {
    let eve = ["--as=eve", "--as-group=system:masters"];
    assert!(is_denied(&config_map(cluster, &eve)));
    let said = config_map(cluster, &[&eve[..], &["--as-group=lumen:break-glass"]].concat());
    assert!(said.is_well, "{said:?}");
}

/// A template that breaks leaves the one before in force; one that is deleted takes its constraints along.
fn templates(cluster: &Cluster) {
    let status = || cluster.get(&["constrainttemplate", "needslabel"])["status"].clone();
    cluster.apply(&TEMPLATE.replace("sprintf", "sprinf"));
    until("the template's fault is told", || {
        status()["byPod"][0]["errors"][0]["message"].as_str().is_some_and(|text| text.contains("sprinf"))
    });
    assert!(is_denied(&config_map(cluster, &[])));
    cluster.apply(TEMPLATE);
    until("the template is well again", || {
        let status = status();
        status["created"] == true && status["byPod"][0]["errors"].is_null()
    });
    assert!(is_denied(&config_map(cluster, &[])));
    cluster.must(&["delete", "constrainttemplate", "needslabel"]);
    until("nothing is denied without the template", || config_map(cluster, &[]).is_well);
    until("the kind is gone", || {
        cluster.get(&["customresourcedefinition", "needslabel.constraints.gatekeeper.sh"]).is_null()
    });
    cluster.apply(TEMPLATE);
    cluster.apply(&constraint("deny"));
    until("it is denied anew", || is_denied(&config_map(cluster, &[])));
}

/// A second replica takes over while the first one is told to stop: each request is answered.
fn stopped_under_load(cluster: &Cluster, first: Replica) -> Replica {
    let second = cluster.replica("lumen-b");
    let has_stopped = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !has_stopped.load(Ordering::Relaxed) {
                    let said = config_map(cluster, &[]);
                    assert!(is_denied(&said), "{said:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("the load is on", || answered.load(Ordering::Relaxed) > 10);
        let status = cluster.stop(first);
        has_stopped.store(true, Ordering::Relaxed);
        assert!(status.success(), "{status}");
    });
    println!("{} requests while a replica was told to stop, each answered", answered.into_inner());
    until("the other one leads", || {
        let lease = cluster.get(&["-n", "lumen-system", "lease", "lumen-audit"]);
        lease["spec"]["holderIdentity"] == "lumen-b"
    });
    second
}

/// The Secret is deleted, and the cluster does not notice.
fn certificate_made_again(cluster: &Cluster) {
    let bundle = || configuration(cluster).pointer("/webhooks/0/clientConfig/caBundle").cloned();
    let before = bundle();
    assert!(before.is_some());
    cluster.must(&["-n", "lumen-system", "delete", "secret", "lumen-webhook-certificate"]);
    until("the webhook trusts another authority", || {
        let said = config_map(cluster, &[]);
        assert!(is_denied(&said), "{said:?}");
        bundle() != before
    });
    until("it is a whole Secret again", || {
        let secret = cluster.get(&["-n", "lumen-system", "secret", "lumen-webhook-certificate"]);
        secret["data"]["tls.crt"].is_string()
    });
    assert!(is_denied(&config_map(cluster, &[])));
}

/// Nothing is wrong but that no network plugin runs, and that namespaces enforce nothing.
fn examined(cluster: &Cluster) {
    until("the doctor finds no failure", || {
        let said = cluster.lumen(&["doctor"]);
        let is_failure = |line: &str| line.starts_with('×') || line.starts_with("x ");
        said.out.contains("certificate: the API server trusts") && !said.out.lines().any(is_failure)
    });
}

/// The doctor, asked by whom the API server does not know, by who may read nothing, and by who does not trust it.
fn examined_by_strangers(cluster: &Cluster) {
    let file = std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let clusters = file.lines().find(|line| line.starts_with("clusters:")).expect("its cluster");
    let server = cluster.must(&["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let untrusted = format!("clusters: [{{name: default, cluster: {{server: \"{server}\"}}}}]");
    let token = cluster.must(&["-n", "plain", "create", "token", "default"]);
    let asked = |clusters: &str, token: &str| {
        let kubeconfig = cluster.kubeconfig().with_file_name("stranger.kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: default\n{clusters}\n\
             contexts: [{{name: default, context: {{cluster: default, user: stranger}}}}]\n\
             users: [{{name: stranger, user: {{token: \"{}\"}}}}]\n",
            token.trim()
        );
        std::fs::write(&kubeconfig, text).expect("a kubeconfig");
        cluster.lumen(&["doctor", "--kubeconfig", kubeconfig.to_str().expect("a path")])
    };
    let said = asked(clusters, "nobody");
    assert!(
        said.out.contains("× api-server: the API server does not accept the credentials (401)"),
        "{said:?}"
    );
    assert!(!said.out.contains('√') && said.out.contains(&server), "{said:?}");
    let said = asked(&untrusted, token.trim());
    assert!(said.out.contains("is not signed by the kubeconfig's authority"), "{said:?}");
    let said = asked(clusters, &token);
    assert!(said.out.contains("- dns: not checked: networkpolicies cannot be read: forbidden"), "{said:?}");
    assert!(!said.out.contains('×') && said.out.matches('√').count() == 1, "{said:?}");
}

/// What was installed is gone, and what is people's own is not.
fn removed(cluster: &Cluster, replica: Replica) {
    let list = cluster.lumen(&["uninstall"]).out;
    let said = cluster.kubectl_reading(&list, &["delete", "-f", "-"]);
    assert!(said.is_well, "{said:?}");
    drop(replica);
    let kinds = "clusterroles,clusterrolebindings,priorityclasses,validatingwebhookconfigurations,namespaces,customresourcedefinitions";
    let installed = cluster.get(&[kinds, "-l", "app.kubernetes.io/managed-by=lumen"]);
    let kept = |item: &Value| {
        let name = item["metadata"]["name"].as_str().unwrap_or_default();
        name.ends_with(".gatekeeper.sh")
    };
    let items = installed["items"].as_array().expect("a list");
    assert!(items.iter().all(kept), "{installed}");
    until("what the audit wrote is gone", || {
        let reports = cluster.get(&["reports.openreports.io", "-A"]);
        reports["items"].as_array().is_some_and(Vec::is_empty)
    });
    let templates = cluster.get(&["constrainttemplates"]);
    assert_eq!(templates["items"].as_array().map(Vec::len), Some(5), "{templates}");
    assert!(!cluster.get(&["needslabel", "owner"]).is_null());
    assert!(config_map(cluster, &[]).is_well, "nothing is refused without Lumen");
}
