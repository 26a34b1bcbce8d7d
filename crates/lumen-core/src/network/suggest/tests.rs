use lumen_value::read::{Limits, read};

use super::*;
use crate::network::{Options, Protocol};

fn snapshot(text: &str) -> Snapshot {
    snapshot_in(text, "default")
}

fn snapshot_in(text: &str, namespace: &str) -> Snapshot {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    Snapshot::build(documents, &crate::snapshot::Options { default_namespace: namespace.into() }).0
}

pub(super) fn pods(pods: &[(&str, &str, &str, u16)]) -> Snapshot {
    let texts: Vec<String> = pods
        .iter()
        .map(|(namespace, name, labels, port)| {
            format!(
                "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{labels}}}}}\n\
                 spec: {{containers: [{{name: c, ports: [{{containerPort: {port}}}]}}]}}\n"
            )
        })
        .collect();
    snapshot(&texts.join("---\n"))
}

pub(super) fn model(snapshot: &Snapshot) -> Model {
    let (model, findings) = Model::build(snapshot, &Options::default());
    assert!(findings.is_empty(), "{findings:?}");
    model
}

fn flow(model: &Model, source: (&str, &str), destination: (&str, &str), port: u16) -> Flow {
    let end = |(namespace, name)| {
        let (id, _) = model.named(namespace, name).next().expect("a workload");
        FlowEnd::Workload(id)
    };
    Flow { source: end(source), destination: end(destination), ports: Ports::one(Protocol::Tcp, port) }
}

const ALONE: Wishes = Wishes { default_deny: false, dns: false };

#[test]
fn what_is_suggested_allows_the_flows_and_nothing_else() {
    let snapshot = pods(&[
        ("shop", "web", "app: web", 80),
        ("shop", "api", "app: api", 8080),
        ("shop", "worker", "app: worker", 8080),
        ("shop", "redis", "app: redis", 6379),
        ("monitoring", "prometheus", "app: prometheus", 9090),
    ]);
    let today = model(&snapshot);
    let flows = [
        flow(&today, ("shop", "web"), ("shop", "api"), 8080),
        flow(&today, ("shop", "api"), ("shop", "redis"), 6379),
        flow(&today, ("shop", "worker"), ("shop", "redis"), 6379),
        flow(&today, ("monitoring", "prometheus"), ("shop", "api"), 8080),
    ];
    let suggestion = suggest(&today, &flows, Wishes::default());
    assert!(suggestion.widened.is_empty() && suggestion.left_out.is_empty());
    let then = model(&applied(&snapshot, &suggestion));
    for (source, _) in then.iter() {
        for (destination, _) in then.iter().filter(|(id, _)| *id != source) {
            let wanted: Vec<&Ports> = flows
                .iter()
                .filter(|flow| {
                    flow.source == FlowEnd::Workload(source)
                        && flow.destination == FlowEnd::Workload(destination)
                })
                .map(|flow| &flow.ports)
                .collect();
            assert_eq!(
                then.allowed(source, destination),
                Ports::union_of(wanted),
                "{source:?} {destination:?}"
            );
        }
    }
    assert!(denied(&today, &then, &flows).is_empty());
    // Everything was open, and of what is served all but the flows is cut off.
    assert_eq!(breaks(&today, &then).expect("few pairs").len(), 5 * 4 - flows.len());
}

#[test]
fn workloads_that_need_the_same_share_a_policy() {
    let snapshot = pods(&[
        ("shop", "api", "app: api", 1),
        ("shop", "worker", "app: worker", 1),
        ("shop", "redis", "app: redis", 6379),
    ]);
    let model = model(&snapshot);
    let flows = [
        flow(&model, ("shop", "api"), ("shop", "redis"), 6379),
        flow(&model, ("shop", "worker"), ("shop", "redis"), 6379),
    ];
    let suggestion = suggest(&model, &flows, ALONE);
    let texts: Vec<String> = suggestion.policies.iter().map(Value::to_json).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts.iter().all(|text| text.contains(r#""key":"app","operator":"In","values":["api","worker"]"#)),
        "{texts:?}"
    );
}

#[test]
fn all_pods_of_a_namespace_are_one_selector() {
    let snapshot = pods(&[("a", "x", "app: x", 1), ("a", "w", "app: w", 1), ("b", "z", "app: z", 80)]);
    let model = model(&snapshot);
    let flows = [flow(&model, ("a", "x"), ("b", "z"), 80), flow(&model, ("a", "w"), ("b", "z"), 80)];
    let suggestion = suggest(&model, &flows, ALONE);
    let texts: Vec<String> = suggestion.policies.iter().map(Value::to_json).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts.iter().any(|text| text.contains(
            r#""from":[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"a"}}}]"#
        )),
        "{texts:?}"
    );
}

#[test]
fn what_labels_do_not_tell_apart_is_named() {
    let snapshot = pods(&[("a", "x", "app: same", 1), ("a", "w", "app: same", 1), ("a", "z", "app: z", 80)]);
    let model = model(&snapshot);
    let suggestion = suggest(&model, &[flow(&model, ("a", "x"), ("a", "z"), 80)], ALONE);
    assert_eq!(suggestion.widened.len(), 1);
}

#[test]
fn what_is_reachable_today_is_kept() {
    let snapshot = pods(&[("a", "x", "app: x", 80), ("a", "w", "app: w", 81), ("b", "z", "tier: z", 82)]);
    let today = model(&snapshot);
    let flows = reachable(&today).expect("few pairs");
    assert_eq!(flows.len(), 6);
    let suggestion = suggest(&today, &flows, Wishes::default());
    let then = model(&applied(&snapshot, &suggestion));
    assert!(breaks(&today, &then).expect("few pairs").is_empty());
}

#[test]
fn ranges_are_the_fewest_networks() {
    let parts = |first: &str, last: &str| {
        let address = |text| address_of(text).expect("an address");
        let range = AddressRange { first: address(first), last: address(last) };
        Network::parts_of(range).iter().map(|part| part.cidr().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(parts("0.0.0.0", "255.255.255.255"), ["0.0.0.0/0"]);
    assert_eq!(parts("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ["::/0"]);
    assert_eq!(parts("10.0.0.1", "10.0.0.6"), ["10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"]);
    assert_eq!(parts("255.255.255.254", "255.255.255.255"), ["255.255.255.254/31"]);
    assert_eq!(parts("::1", "::1"), ["::1/128"]);
}

const TWO_PODS: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: a}}\n\
     spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n---\n\
     apiVersion: v1\nkind: Pod\nmetadata: {name: b, labels: {app: b}}\n\
     spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}\n";

#[test]
fn what_breaks_is_found_in_another_default_namespace() {
    let snapshot = snapshot_in(TWO_PODS, "shop");
    let today = model(&snapshot);
    let flows = [flow(&today, ("shop", "a"), ("shop", "b"), 80)];
    let suggestion = suggest(&today, &flows, Wishes::default());
    let then = model(&applied(&snapshot, &suggestion));
    assert_eq!(then.named("shop", "a").count(), 1);
    let broken = breaks(&today, &then).expect("few pairs");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(denied(&today, &then, &flows).is_empty());
}

#[test]
fn workloads_without_counterpart_are_reported() {
    let today = model(&snapshot_in(TWO_PODS, "shop"));
    let then = model(&snapshot_in(TWO_PODS, "elsewhere"));
    assert_eq!(breaks(&today, &then).expect("few pairs").len(), 2);
}

#[test]
fn a_range_is_denied_where_a_part_of_it_is() {
    let policy = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: n}\n\
                  spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/25}}]}]}\n";
    let model = model(&snapshot(&format!("{TWO_PODS}{policy}")));
    let (id, _) = model.named("default", "a").next().expect("a workload");
    let from = |cidr| Flow {
        source: FlowEnd::Network(Network::parse(cidr).expect("a network")),
        destination: FlowEnd::Workload(id),
        ports: Ports::one(Protocol::Tcp, 80),
    };
    let flows = [from("203.0.113.0/24"), from("203.0.113.0/25")];
    assert_eq!(denied(&model, &model, &flows), [&flows[0]]);
}
