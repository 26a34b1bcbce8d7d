//! Ways round what policies keep a workload from.

use super::*;

/// A pod of the namespace `one`, by its name as a label.
fn pod(name: &str, more: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: one, labels: {{app: {name}}}}}, spec: {{{more} containers: [{{name: c, image: i}}]}}}}"
    )
}

/// A policy of the pod of a name.
fn policy(name: &str, rest: &str) -> String {
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: of-{name}, namespace: one}}, spec: {{podSelector: {{matchLabels: {{app: {name}}}}}, {rest}}}}}"
    )
}

fn out_to(name: &str, peer: &str) -> String {
    policy(
        name,
        &format!(
            "policyTypes: [Egress], egress: [{{to: [{{podSelector: {{matchLabels: {{app: {peer}}}}}}}]}}]"
        ),
    )
}

fn cell_of(objects: &[String], step: &str) -> Cell {
    let snapshot = examples_with(&[], &[("a.yaml", &objects.join("\n---\n"))]);
    let network = NetworkView::of(&snapshot);
    let row = row_of(&snapshot, Some(&network), "web");
    row.step(step).and_then(|step| step.cell(Layer::Network)).cloned().expect("a cell")
}

fn rests_on(cell: &Cell, words: &str) -> bool {
    cell.rests_on.iter().any(|assumption| assumption.text.contains(words))
}

#[test]
fn a_peer_that_reaches_outside_is_a_way_out() {
    let mut objects = vec![pod("web", ""), pod("proxy", ""), pod("other", ""), out_to("web", "proxy")];
    for step in ["exfiltrate", "reach-api-server"] {
        let cell = cell_of(&objects, step);
        assert!(cell.has_effect(Effect::Limits), "{step}");
        assert!(cell.why.contains("one/Pod/proxy"), "{}", cell.why);
    }
    // Over one more.
    objects.push(out_to("proxy", "other"));
    let cell = cell_of(&objects, "exfiltrate");
    assert!(cell.has_effect(Effect::Limits));
    assert!(cell.why.contains("one/Pod/proxy") && cell.why.contains("on the way"), "{}", cell.why);
    // And where the last is closed, too, there is none.
    objects.push(policy("other", "policyTypes: [Egress]"));
    assert!(cell_of(&objects, "exfiltrate").has_effect(Effect::Stops));
}

#[test]
fn answers_carry_data_out_where_somebody_may_connect() {
    let closed = |types: &str| vec![pod("web", ""), policy("web", &format!("policyTypes: [{types}]"))];
    let words = "in the answers";
    assert!(rests_on(&cell_of(&closed("Egress"), "exfiltrate"), words));
    assert!(!rests_on(&cell_of(&closed("Ingress, Egress"), "exfiltrate"), words));
}

#[test]
fn the_own_node_is_always_reached() {
    let objects = vec![
        pod("web", ""),
        pod("exporter", "hostNetwork: true,"),
        policy("web", "policyTypes: [Ingress, Egress]"),
    ];
    let cell = cell_of(&objects, "reach-peer");
    assert!(
        cell.has_effect(Effect::Stops)
            && rests_on(&cell, "`one/Pod/exporter`, which is on the host's network")
    );
    assert!(rests_on(&cell_of(&objects, "reach-api-server"), "not on the workload's node"));
    assert!(rests_on(&cell_of(&objects, "exfiltrate"), "such as `one/Pod/exporter`"));
}

#[test]
fn policies_of_peers_are_named_where_they_decide() {
    let objects = vec![pod("web", ""), pod("db", ""), policy("db", "policyTypes: [Ingress]")];
    let cell = cell_of(&objects, "reach-peer");
    assert!(cell.has_effect(Effect::Stops));
    let named: Vec<_> = cell.evidence.iter().map(|proof| proof.what.as_str()).collect();
    assert_eq!(named, ["NetworkPolicy/one/of-db"]);
    assert!(cell_of(&objects, "exfiltrate").evidence.is_empty());
}
