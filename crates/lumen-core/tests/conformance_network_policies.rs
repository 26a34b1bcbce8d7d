//! Truth tables of `NetworkPolicies`, computed by a second implementation.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "network/support.rs"]
mod support;

use std::collections::HashMap;
use std::net::IpAddr;

use harness::Case;
use lumen_core::network::{AddressScope, Direction, Endpoint, Model, Options, Protocol};
use serde_json::{Value as Json, json};

#[test]
fn conformance_network_cyclonus() {
    harness::run("network", "cyclonus", check);
}

#[test]
fn conformance_network_random() {
    harness::run("network", "random", check);
}

fn check(case: &Case) -> Result<(), String> {
    let documents = documents(&case.json);
    let truth = &case.json["truth"];
    same(&documents, case, AddressScope::PodsToo, &|port, from, to| truth[port][from][to].as_str())?;
    let external = &case.json["truth_if_ipblock_is_external_only"];
    same(&documents, case, AddressScope::ExternalOnly, &|port, from, to| {
        external[port][from][to].as_str().or(truth[port][from][to].as_str())
    })
}

/// The objects of a case as manifests.
fn documents(case: &Json) -> Vec<Json> {
    let mut documents = Vec::new();
    for (name, labels) in case["namespaces"].as_object().expect("namespaces") {
        documents.push(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
        );
    }
    for pod in case["pods"].as_array().expect("pods") {
        let ports: Vec<_> = pod["ports"]
            .as_array()
            .expect("ports")
            .iter()
            .map(|port| {
                let mut port = port.as_object().expect("a port").clone();
                let number = port.remove("port").expect("a number");
                port.insert("containerPort".to_owned(), number);
                port
            })
            .collect();
        documents.push(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod["name"], "namespace": pod["ns"], "labels": pod["labels"]},
            "spec": {"containers": [{"name": "c", "ports": ports}]},
            "status": {"phase": "Running", "podIP": pod["ip"]},
        }));
    }
    documents.extend(case["policies"].as_array().expect("policies").iter().cloned());
    documents
}

/// Compares every verdict of a truth table.
fn same<'a>(
    documents: &[Json],
    case: &'a Case,
    address_scope: AddressScope,
    truth: &dyn Fn(&str, &str, &str) -> Option<&'a str>,
) -> Result<(), String> {
    let snapshot = support::snapshot(documents);
    let (model, findings) = Model::build(&snapshot, &Options { address_scope, ..Options::default() });
    if !findings.is_empty() {
        return Err(format!("findings: {findings:?}"));
    }
    let mut endpoints: HashMap<String, Endpoint> = HashMap::new();
    for (id, workload) in model.iter() {
        endpoints.insert(format!("{}/{}", workload.namespace, workload.name), id.into());
    }
    for (name, address) in case.json["external"].as_object().into_iter().flatten() {
        let address: IpAddr = address.as_str().and_then(|text| text.parse().ok()).expect("an address");
        endpoints.insert(name.clone(), address.into());
    }
    for (port, table) in case.json["truth"].as_object().expect("a truth table") {
        let (number, protocol) = port.split_once('/').expect("a port and a protocol");
        let number: u16 = number.parse().expect("a number");
        let protocol = Protocol::of(protocol).expect("a protocol");
        for (from, row) in table.as_object().expect("rows") {
            for to in row.as_object().expect("cells").keys() {
                let (source, destination) = (endpoints[from], endpoints[to]);
                let lets =
                    |direction| model.direction(direction, source, destination).contains(protocol, number);
                let found = match (lets(Direction::Ingress), lets(Direction::Egress)) {
                    (true, true) => "+",
                    (false, true) => "i",
                    (true, false) => "e",
                    (false, false) => "ie",
                };
                let expected = truth(port, from, to).expect("a verdict");
                if found != expected {
                    return Err(format!(
                        "{from} -> {to} {port} ({address_scope:?}): {found} in place of {expected}"
                    ));
                }
                let allowed = model.allowed(source, destination).contains(protocol, number);
                assert_eq!(allowed, found == "+", "{from} -> {to}");
            }
        }
    }
    Ok(())
}
