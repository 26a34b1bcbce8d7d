//! Lumen in pods, on two nodes: installed, asked through its Service, hurt, upgraded, booted cold and removed.
//!
//! One cluster serves all of it, one thing after the other. Where root, a program or the image is missing, it is skipped.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says so and stops"
)]

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

#[path = "real_cluster/kubectl.rs"]
mod kubectl;
#[path = "nodes_e2e/load.rs"]
mod load;
#[path = "nodes_e2e/nodes.rs"]
mod nodes;
#[path = "real_cluster/scenarios.rs"]
mod scenarios;

use kubectl::until;
use load::Load;
use nodes::{Nodes, kill_server};
use scenarios::{is_denied, scenarios, shop};

/// The image's names. The second stands for the next version.
const IMAGES: [&str; 2] = ["localhost/lumen:one", "localhost/lumen:two"];

/// The namespaces that this test and the examples make.
const NAMESPACES: [&str; 5] = ["plain", "lumen", "monitoring", "shop", "traefik"];

#[test]
fn pods_on_nodes_guard_a_cluster_from_installation_to_removal() {
    let Some(nodes) = Nodes::start() else { return };
    let before = nodes.objects();
    installed(&nodes);
    scenarios(&nodes.kubectl);
    upgraded_and_rolled_back(&nodes);
    replica_killed(&nodes);
    node_lost(&nodes);
    booted_cold(&nodes);
    // Its policies take the place of those of the scenarios.
    shop(&nodes.kubectl);
    removed(&nodes, &before);
}

fn manifests(nodes: &Nodes, image: &str) -> String {
    let said = nodes.kubectl.lumen(&["install", "--image", image, "--failure-policy", "Fail"]);
    assert!(said.is_well, "{said:?}");
    said.out
}

/// Three replicas, on both nodes, and a doctor who finds nothing but that no network plugin here enforces policies.
fn installed(nodes: &Nodes) {
    let kubectl = &nodes.kubectl;
    kubectl.must(&["create", "namespace", "plain"]);
    for namespace in ["default", "plain"] {
        let label = "pod-security.kubernetes.io/enforce=privileged";
        kubectl.must(&["label", "namespace", namespace, label]);
    }
    let start = Instant::now();
    kubectl.apply(&manifests(nodes, IMAGES[0]));
    kubectl.must(&["-n", "lumen-system", "rollout", "status", "deployment/lumen-server", "--timeout=180s"]);
    println!("installed: three replicas are ready {:.1?} after the manifests were applied", start.elapsed());
    let hosts: BTreeSet<_> =
        nodes.pods().iter().filter_map(|pod| pod["spec"]["nodeName"].as_str().map(str::to_owned)).collect();
    assert_eq!(hosts.len(), 2, "{hosts:?}");
    until("the doctor is content", || {
        let said = kubectl.lumen(&["doctor", "-o", "json"]);
        let remarks: Value = serde_json::from_str(&said.out).unwrap_or_default();
        let amiss: Vec<_> = remarks["checks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|remark| remark["level"] != "ok")
            .map(|remark| format!("{}: {}", remark["level"], remark["check"]))
            .collect();
        let is_ready = said.out.contains("Fail: what nobody answers is refused; ready endpoints: 3");
        is_ready && amiss == ["\"warning\": \"network-policies\""]
    });
}

/// Two versions serve at once while one takes the place of the other, there and back: each request is answered.
fn upgraded_and_rolled_back(nodes: &Nodes) {
    let kubectl = &nodes.kubectl;
    let load = Load::start(nodes);
    let start = Instant::now();
    kubectl.apply(&manifests(nodes, IMAGES[1]));
    let images = || -> BTreeSet<String> {
        let ready = |pod: &Value| {
            let statuses = pod["status"]["containerStatuses"].as_array();
            statuses.is_some_and(|all| all.iter().all(|status| status["ready"] == true))
        };
        let image = |pod: &Value| pod["spec"]["containers"][0]["image"].as_str().map(str::to_owned);
        nodes.pods().iter().filter(|pod| ready(pod)).filter_map(image).collect()
    };
    until("two versions serve at once", || images() == BTreeSet::from(IMAGES.map(str::to_owned)));
    for (step, image) in [("upgraded", IMAGES[1]), ("rolled back", IMAGES[0])] {
        if image == IMAGES[0] {
            kubectl.must(&["-n", "lumen-system", "rollout", "undo", "deployment/lumen-server"]);
        }
        kubectl.must(&[
            "-n",
            "lumen-system",
            "rollout",
            "status",
            "deployment/lumen-server",
            "--timeout=180s",
        ]);
        assert_eq!(images(), BTreeSet::from([image.to_owned()]));
        // Those that were told to stop still answer for a while.
        until("the pods of the other version are gone", || {
            let list = kubectl.get(&["-n", "lumen-system", "pods"]);
            list["items"].as_array().is_some_and(|pods| pods.len() == 3)
        });
        load.settle(step);
        println!("{step}: {:.1?} after the upgrade began", start.elapsed());
    }
    let outcome = load.finish();
    outcome.told("upgraded and rolled back", start);
    assert!(outcome.failed.is_empty());
}

/// The API server does not ask twice: what is on its way to a replica that is killed fails, and no more than that for long.
fn replica_killed(nodes: &Nodes) {
    let load = Load::start(nodes);
    let pods = nodes.pods();
    let start = Instant::now();
    kill_server(&pods[0]);
    load.settle("the others answer");
    until("the replica is ready again", || {
        let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].as_u64();
        nodes.endpoints() == 3 && nodes.pods().iter().filter_map(restarts).sum::<u64>() > 0
    });
    let outcome = load.finish();
    outcome.told("a replica killed", start);
    assert!(outcome.failed.len() <= 60);
}

/// Until the cluster knows that the node is gone, each attempt to reach it takes its time: some requests fail, and most do not.
fn node_lost(nodes: &Nodes) {
    let load = Load::start(nodes);
    let start = Instant::now();
    nodes.lose("node-2");
    until("the node is known to be lost", || {
        let node = nodes.kubectl.get(&["node", "node-2"]);
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|each| each["type"] == "Ready" && each["status"] != "True")
    });
    let known = start.elapsed();
    load.settle("the others answer");
    let outcome = load.finish();
    outcome.told("a node lost", start);
    println!("  the cluster knew it after {known:.1?}");
    assert!(outcome.failed.len() * 2 < outcome.answered);
    nodes.up();
    until("all replicas are ready again", || nodes.endpoints() == 3);
}

/// Everything stops at a time when no replica is left, and starts again: nobody helps.
fn booted_cold(nodes: &Nodes) {
    let kubectl = &nodes.kubectl;
    let policy = kubectl.get(&["validatingwebhookconfiguration", "lumen"]);
    assert_eq!(policy["webhooks"][0]["failurePolicy"], "Fail");
    kubectl.must(&["-n", "lumen-system", "delete", "pods", "--all", "--force", "--grace-period=0"]);
    nodes.down();
    let start = Instant::now();
    nodes.up();
    let booted = start.elapsed();
    until("all replicas are ready", || nodes.endpoints() == 3);
    let pod = ["-n", "plain", "run", "web", "--image=localhost:5000/web:latest", "--dry-run=server"];
    until("the policies are in force", || is_denied(&kubectl.kubectl(&pod)));
    println!(
        "booted cold: the nodes are ready after {booted:.1?}, Lumen's replicas after {:.1?}",
        start.elapsed()
    );
}

/// What was installed is gone, people's policies stay, and once they are gone, too, the API server has what it had before.
fn removed(nodes: &Nodes, before: &BTreeSet<String>) {
    let kubectl = &nodes.kubectl;
    let list = kubectl.lumen(&["uninstall"]).out;
    let said = kubectl.kubectl_reading(&list, &["delete", "--ignore-not-found", "-f", "-"]);
    assert!(said.is_well, "{said:?}");
    let constraints = kubectl.get(&["constraints"]);
    assert!(constraints["items"].as_array().is_some_and(|items| items.len() >= 4), "{constraints}");
    let pod = ["-n", "plain", "run", "web", "--image=localhost:5000/web:latest", "--dry-run=server"];
    assert!(kubectl.kubectl(&pod).is_well, "nothing is refused without Lumen");
    kubectl.must(&["delete", "constrainttemplates", "--all"]);
    kubectl.must(&[&["delete", "namespace", "--ignore-not-found"], &NAMESPACES[..]].concat());
    kubectl.must(&["delete", "clusterroles,clusterrolebindings", "prometheus", "traefik"]);
    kubectl.must(&["delete", "ingressclass", "traefik"]);
    // Gatekeeper's kinds, and what the API server keeps for their groups.
    let stays = |object: &&String| {
        ["CustomResourceDefinition ", "APIService "].iter().any(|kind| object.starts_with(kind))
            && object.ends_with(".gatekeeper.sh")
    };
    let mut differences = Vec::new();
    until("the API server has what it had before", || {
        let after = nodes.objects();
        let now: Vec<_> =
            after.symmetric_difference(before).filter(|object| !stays(object)).cloned().collect();
        if now != differences {
            println!("still different: {now:?}");
            differences = now;
        }
        differences.is_empty()
    });
    println!("removed: the API server's {} objects are those before the installation", before.len());
}
