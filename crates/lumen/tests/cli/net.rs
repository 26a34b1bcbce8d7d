//! `lumen net` on the examples: the reference document's network tests, and what each command prints.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{self, Folder, Outcome};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// Runs `lumen net` beside the examples.
fn net(line: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lumen"));
    command.current_dir(examples()).arg("net").args(line.split_whitespace());
    support::clean(&mut command);
    support::run(&mut command, b"")
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

/// Validates a document by the schema that it names.
#[track_caller]
fn assert_valid(document: &Value) {
    let name = document["schema"].as_str().expect("a schema");
    let mut schemas = lumen::output::schema::schemas().into_iter();
    let (_, schema) = schemas.find(|(each, _)| *each == name).expect("a schema of ours");
    let validator = jsonschema::validator_for(&schema.to_value()).expect("a schema");
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn the_reference_documents_paths() {
    for (verdict, line) in [
        // Test suite 3 of the reference document, on the shop.
        (0, "shop/api dns 53/UDP"),
        (0, "shop/api dns 53"),
        (0, "shop/redis kube-system/k8s-app=kube-dns 53/UDP"),
        (1, "shop/api monitoring/prometheus 9090"),
        (1, "shop/api monitoring/Service/prometheus 9090"),
        (0, "shop/api shop/redis 6379"),
        (0, "shop/cart-cleanup redis.shop.svc.cluster.local 6379"),
        (1, "shop/redis shop/api 8080"),
        (1, "shop/cart-cleanup shop/api 8080"),
        (0, "monitoring/prometheus shop/api 8080"),
        (0, "monitoring/prometheus shop/Service/api"),
        (1, "monitoring/grafana shop/api 8080"),
        // What else the shop is drawn to do.
        (0, "ingress-controller shop/api"),
        (0, "internet traefik/traefik 8443"),
        (1, "internet traefik/traefik 9100"),
        (1, "internet shop/api 8080"),
        (1, "shop/api internet 443"),
        (1, "shop/api internet"),
        (0, "traefik/traefik 192.168.2.1 6443"),
        (1, "traefik/traefik 192.168.3.1 6443"),
        (1, "shop/run=new shop/redis 6379"),
        (0, "shop/app=api shop/redis 6379"),
    ] {
        net(&format!("why {line} -f shop")).expect(verdict);
    }
}

#[test]
fn the_reference_documents_own_policies_miss_prometheus() {
    // docs/reference-errata.md: the policy asks for a label that no namespace has.
    let paths = "-f attacks";
    // Its default deny closes the egress that its test 3.3 needs.
    net(&format!("why lumen/lumen-api lumen/redis 6379 {paths}"))
        .expect(1)
        .expect_line(&["egress: denied"])
        .expect_line(&["ingress: allowed"]);
    net(&format!("why lumen/test-dns dns 53/UDP {paths}")).expect(0);
    net(&format!(
        "why lumen/test-cross-ns monitoring/prometheus-kube-prometheus-stack-prometheus-0 9090 {paths}"
    ))
    .expect(1);
    let denied = net(&format!(
        "why monitoring/prometheus-kube-prometheus-stack-prometheus-0 lumen/lumen-api 8080 {paths}"
    ));
    denied.expect(1).expect_line(&["namespace: wants name=monitoring"]);
}

#[test]
fn expectations_are_for_scripts() {
    net("why --expect deny shop/redis shop/api 8080 -f shop").expect(0);
    net("why --expect deny shop/api shop/redis 6379 -f shop").expect(1);
    // Allowed on one port, denied on another: neither is as expected of all.
    net("why world traefik/traefik -f shop").expect(1);
    net("why world traefik/traefik --expect deny -f shop").expect(1);
    net("why shop/api shop/nothing -f shop").expect(2).expect_note("`shop/nothing` is not among the inputs");
    net("why shop/apy shop/redis -f shop").expect(2).expect_note("did you mean `shop/api`?");
    net("why shop/api shop/redis 70000 -f shop").expect(2).expect_note("is no port");
    let open = net("why monitoring/node-exporter internet -f shop");
    open.expect(0).expect_line(&["allowed: monitoring/node-exporter -> internet, TCP 443"]);
    net("why 10.0.0.1 10.0.0.2 80 -f shop").expect(2).expect_note("both ends are outside");
    net("why shop/api shop/redis smtp -f shop").expect(2).expect_note("has no port of the name `smtp`");
    net("why shop/api shop/Service/api 81 -f shop").expect(2).expect_note("has no such port");
    net("why shop/api shop/redis -f nowhere").expect(2);
}

#[test]
fn a_services_port_is_told_from_the_pods() {
    net("why monitoring/prometheus shop/api 80 -f shop")
        .expect(1)
        .expect_note("80 is the port of the Service, and `shop/api` declares none such");
    net("why monitoring/prometheus shop/Service/api 80 -f shop")
        .expect(0)
        .expect_note("the Service `shop/api:80` leads to the pods' port 8080")
        .expect_line(&["allowed: monitoring/prometheus -> shop/api, TCP 8080 (by Service shop/api:80)"]);
}

#[test]
fn rules_are_named_with_their_place() {
    let found = net("why shop/api shop/redis 6379 -f shop");
    found
        .expect_line(&["egress: allowed by `shop/api-to-redis-egress#egress[0].to[0]`"])
        .expect_line(&["shop/shop/network.yaml:44:11"])
        .expect_line(&["ingress: allowed by `shop/api-to-redis-ingress#ingress[0].from[0]`"])
        .expect_line(&["- podSelector:"]);
    let document = json(&net("why shop/redis shop/api 8080 -o json -f shop"));
    assert_valid(&document);
    let answer = &document["answers"][0];
    assert_eq!(answer["ingress"]["reason"], "isolated");
    assert_eq!(answer["ingress"]["nearMisses"][0]["failed"][0]["field"], "namespace");
    assert_eq!(
        answer["egress"]["isolatedBy"],
        serde_json::json!(["shop/allow-dns", "shop/default-deny-all"])
    );
    let source = &answer["ingress"]["nearMisses"][0]["rule"]["source"];
    assert_eq!(source["file"], "shop/shop/network.yaml");
}

#[test]
fn the_shop_is_listed() {
    insta::assert_snapshot!(net("list shop").expect(0).stdout);
    insta::assert_snapshot!(net("list --exposure --focus shop/api -f shop").expect(0).stdout);
    insta::assert_snapshot!(net("list --fold -o md shop").expect(0).stdout);
    insta::assert_snapshot!(net("list -o csv shop").expect(0).stdout);
    let document = json(net("list -o json --exposure shop").expect(0));
    assert_valid(&document);
    assert_eq!(document["workloads"].as_array().expect("a list").len(), 7);
}

#[test]
fn the_shop_is_drawn() {
    insta::assert_snapshot!(net("graph -o dot shop").expect(0).stdout);
    insta::assert_snapshot!(net("graph -o mermaid --focus shop -f shop").expect(0).stdout);
    insta::assert_snapshot!(net("graph -o svg shop").expect(0).stdout);
    assert_eq!(net("list -o svg shop").stdout, net("graph -o svg shop").stdout);
    // docs/network.md shows it.
    let shown = std::fs::read_to_string(examples().join("../docs/network.svg")).expect("a picture");
    assert_eq!(
        shown,
        net("graph -o svg shop").stdout,
        "write it with `lumen net graph -o svg=docs/network.svg`"
    );
}

#[test]
fn the_shop_is_tabled() {
    insta::assert_snapshot!(net("matrix shop").expect(0).stdout);
    insta::assert_snapshot!(net("matrix -o csv --focus shop -f shop").expect(0).stdout);
    insta::assert_snapshot!(net("matrix -o md --fold --focus monitoring -f shop").expect(0).stdout);
    assert_valid(&json(net("matrix -o json shop").expect(0)));
}

const WEB: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: web, image: web, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: a, labels: {app: db}}
spec: {containers: [{name: db, image: db}]}
";

const DENY: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";

const OPEN: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: open, namespace: a}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 5432}]}]
  policyTypes: [Ingress, Egress]
";

#[test]
fn a_difference_is_what_is_won_and_lost() {
    let folder = Folder::new(&[
        ("before/web.yaml", WEB),
        ("before/deny.yaml", DENY),
        ("after/web.yaml", WEB),
        ("after/deny.yaml", DENY),
        ("after/open.yaml", OPEN),
        (
            "after/db.yaml",
            &OPEN.replace("web", "nobody").replace("name: open", "name: in").replace("nobody", "db"),
        ),
    ]);
    folder.run("net diff before before").expect(0).expect_line(&["the same is reached"]);
    let found = folder.run("net diff before after");
    found
        .expect(1)
        .expect_line(&["+ 10.0.0.0/16, 10.2.0.0-10.255.255.255", "a/web", "TCP 80"])
        .expect_line(&["2 connections won, 0 lost"]);
    folder.run("net diff after before").expect(1).expect_line(&["- 10.0.0.0/16", "a/db", "TCP 80"]);
    assert_valid(&json(folder.run("net diff -o json before after").expect(1)));
    insta::assert_snapshot!(folder.run("net diff -o csv before after").stdout);
    insta::assert_snapshot!(folder.run("net diff -o md after before").stdout);
    insta::assert_snapshot!(folder.run("net diff -o dot before after").stdout);
    folder.run("net diff before").expect(2);
    let graph = folder.run("net diff -o svg before after");
    assert!(graph.stdout.contains("class=\"edge won\"") && graph.stdout.contains("+ TCP 80"));
}

#[test]
fn little_input_is_told_as_such() {
    let folder = Folder::new(&[("policies/deny.yaml", DENY), ("broken/a.yaml", "a: [")]);
    std::fs::create_dir(folder.path("empty")).expect("a folder");
    for inputs in ["empty", "policies"] {
        let listed = folder.run(&format!("net list {inputs}"));
        listed.expect(0).expect_line(&["0 workloads, 0 connections"]).expect_note("there is no workload");
        for line in ["list -o json", "list -o csv", "list -o md", "matrix", "matrix -o json", "matrix -o csv"]
        {
            folder.run(&format!("net {line} {inputs}")).expect(0);
        }
        for format in ["svg", "dot", "mermaid"] {
            let drawn = folder.run(&format!("net graph -o {format} {inputs}"));
            assert!(!drawn.expect(0).stdout.is_empty());
        }
        folder.run(&format!("net why a/web a/db -f {inputs}")).expect(2).expect_note("no workload is");
        folder.run(&format!("net diff {inputs} {inputs}")).expect(0);
    }
    folder.run("net list broken").expect(2).expect_note("broken/a.yaml:1");
    folder.run("net list nowhere").expect(2);
    folder.run("net list --focus a/web policies").expect(2);
}

#[test]
fn outputs_go_to_files() {
    let folder = Folder::new(&[("web.yaml", WEB)]);
    let found = folder.run("net list -o txt -o json=net.json -o svg=net.svg");
    found.expect(0).expect_line(&["no policy isolates the ingress of a/db, a/web"]);
    assert!(folder.read("net.json").starts_with("{\"schema\":\"lumen.net.list/v1\""));
    assert!(folder.read("net.svg").contains("each reaches each: all ports"));
    folder.run("net list -o pdf").expect(2).expect_note("`svg`");
    folder.run("net graph").expect(2);
    folder.run_with("net list -", &[], WEB.as_bytes()).expect(0).expect_line(&["a/web", "a/db", "all ports"]);
}

#[test]
fn what_is_alike_is_folded_and_said() {
    let folder = Folder::new(&[("web.yaml", WEB)]);
    let found = folder.run("net list --fold");
    found.expect(0).expect_line(&["a/db +1", "world", "all ports"]).expect_line(&["a/db +1 is a/db, a/web"]);
    let document = json(&folder.run("net list --fold -o json"));
    assert_eq!(document["workloads"][0]["members"], serde_json::json!(["a/db", "a/web"]));
    folder.run("net matrix --fold").expect_line(&["a/db +1 is a/db, a/web"]);
    let drawn = folder.run("net graph --fold -o svg");
    assert!(drawn.stdout.contains("a/db +1 is a/db, a/web"));
}

#[test]
fn a_broken_policy_is_named_and_left_out() {
    let folder = Folder::new(&[
        ("web.yaml", WEB),
        ("policy.yaml", &DENY.replace("podSelector: {}", "podSelector: 3")),
    ]);
    folder.run("net list").expect(0).expect_note("network/invalid-network-policy");
}

#[test]
fn a_picture_that_is_too_large_is_refused_before_anything_is_listed() {
    let pod = |index: usize| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: a}}\n\
             spec: {{containers: [{{name: c, image: i}}]}}\n"
        )
    };
    let all: String = (0..1_001).map(pod).collect();
    let folder = Folder::new(&[("all.yaml", &all)]);
    // All these pods reach each other: their connections are too many to be listed, and are not asked for.
    folder.run("net list -o csv all.yaml").expect(2).expect_note("more than 1000000 connections");
    for line in ["graph -o svg", "list -o csv=out.csv -o svg"] {
        folder.run(&format!("net {line} all.yaml")).expect(2).expect_note("more than 400 nodes to draw");
    }
    assert!(!folder.path("out.csv").exists());
    folder.run("net graph --fold -o svg all.yaml").expect(0);
}
