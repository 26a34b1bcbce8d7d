use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use lumen_value::Value;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::STEPS_MAX;
use super::super::tests::{built, run};
use super::*;

/// Selectors of pods. The value `z` is in none of them: whatever selects by values not listed selects it, too.
const PODS: [&str; 9] = [
    "{}",
    "{matchLabels: {a: x}}",
    "{matchLabels: {a: w}}",
    "{matchLabels: {a: x, b: w}}",
    "{matchExpressions: [{key: a, operator: In, values: [x, w]}]}",
    "{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}",
    "{matchExpressions: [{key: a, operator: Exists}]}",
    "{matchExpressions: [{key: b, operator: DoesNotExist}]}",
    "{matchExpressions: [{key: a, operator: In, values: [x, w]}, {key: a, operator: NotIn, values: [x]}]}",
];

const NAMESPACES: [&str; 4] = [
    "{}",
    "{matchLabels: {t: x}}",
    "{matchExpressions: [{key: t, operator: In, values: [x, w]}]}",
    "{matchExpressions: [{key: t, operator: NotIn, values: [w]}]}",
];

const BLOCKS: [&str; 5] = [
    "{cidr: 10.0.0.0/8}",
    "{cidr: 10.1.0.0/16}",
    "{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
    "{cidr: 10.0.0.0/8, except: [10.1.2.0/24, 10.2.0.0/16]}",
    "{cidr: 10.1.2.0/24}",
];

/// An address of each part into which the blocks cut the line.
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.1.0.1", "10.1.2.1", "10.2.0.1", "11.0.0.1"];

const PORTS: [&str; 6] = [
    "{port: 80}",
    "{port: 80, endPort: 90}",
    "{port: 85}",
    "{port: 80, protocol: UDP}",
    "{port: http}",
    "{}",
];

fn peer() -> impl Strategy<Value = String> {
    prop_oneof![
        select(&PODS[..]).prop_map(|pods| format!("{{podSelector: {pods}}}")),
        select(&NAMESPACES[..]).prop_map(|all| format!("{{namespaceSelector: {all}}}")),
        (select(&NAMESPACES[..]), select(&PODS[..]))
            .prop_map(|(all, pods)| format!("{{namespaceSelector: {all}, podSelector: {pods}}}")),
        select(&BLOCKS[..]).prop_map(|block| format!("{{ipBlock: {block}}}")),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    let peers = prop::collection::vec(peer(), 0..3);
    let ports = prop::collection::vec(select(&PORTS[..]), 0..3);
    (peers, ports)
        .prop_map(|(peers, ports)| format!("{{from: [{}], ports: [{}]}}", peers.join(", "), ports.join(", ")))
}

fn policies() -> impl Strategy<Value = String> {
    let policy = (select(&PODS[..]), prop::collection::vec(rule(), 1..4));
    prop::collection::vec(policy, 1..5).prop_map(|policies| {
        let mut text = String::new();
        for (index, (pods, rules)) in policies.into_iter().enumerate() {
            _ = write!(
                text,
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{index}, namespace: own}}\n\
                 spec: {{podSelector: {pods}, policyTypes: [Ingress], ingress: [{}]}}\n",
                rules.join(", ")
            );
        }
        text
    })
}

/// Labels in every way that selectors can tell apart.
fn labels(keys: &[&'static str]) -> Vec<Value> {
    keys.iter().fold(vec![Value::Object(lumen_value::Object::default())], |all, key| {
        let with = |labels: &Value| {
            let labels = labels.as_object().cloned().unwrap_or_default();
            let given = ["x", "w", "z"].map(|value| Value::Object(labels.with(*key, value)));
            [Value::Object(labels)].into_iter().chain(given)
        };
        all.iter().flat_map(with).collect()
    })
}

fn selected(selector: &Selector, all: &[Value]) -> BTreeSet<usize> {
    all.iter().enumerate().filter(|(_, labels)| selector.matches(labels)).map(|(index, _)| index).collect()
}

/// The pods and addresses that a peer means, one by one.
fn means(peer: &PeerMatch) -> BTreeSet<(bool, usize, usize)> {
    let (pods, namespaces) = (labels(&["a", "b"]), labels(&["t"]));
    let mut found = BTreeSet::new();
    for own in [true, false] {
        for (number, namespace) in namespaces.iter().enumerate() {
            for (pod, labels) in pods.iter().enumerate() {
                let is_meant = match peer {
                    PeerMatch::Anyone => true,
                    PeerMatch::Pods(pattern) => {
                        pattern.pods.matches(labels)
                            && match &pattern.namespaces {
                                NamespaceMatch::Named(_) => own,
                                NamespaceMatch::Selected(selector) => selector.matches(namespace),
                            }
                    }
                    _ => false,
                };
                if is_meant {
                    found.insert((own, number, pod));
                }
            }
        }
    }
    for (number, address) in ADDRESSES.iter().enumerate() {
        let address: IpAddr = address.parse().expect("an address");
        if match peer {
            PeerMatch::Anyone => true,
            PeerMatch::Addresses { set, .. } => set.contains(address),
            _ => false,
        } {
            found.insert((false, usize::MAX, number));
        }
    }
    found
}

/// The ports that a rule means, one by one, and the names.
fn ports(rule: &Rule) -> BTreeSet<String> {
    let numbers = [(Protocol::Tcp, 80), (Protocol::Tcp, 85), (Protocol::Tcp, 90), (Protocol::Tcp, 7)];
    let numbers = numbers.into_iter().chain([(Protocol::Udp, 80), (Protocol::Udp, 7), (Protocol::Sctp, 7)]);
    let mut found = BTreeSet::new();
    for (protocol, number) in numbers {
        if rule.ports.as_ref().is_none_or(|ports| {
            ports
                .iter()
                .any(|(_, port)| matches!(port, PortMatch::Numbers(all) if all.contains(protocol, number)))
        }) {
            found.insert(format!("{protocol} {number}"));
        }
    }
    match &rule.ports {
        None => _ = found.insert("http".to_owned()),
        Some(ports) if ports.iter().any(|(_, port)| matches!(port, PortMatch::Named(..))) => {
            found.insert("http".to_owned());
        }
        Some(_) => {}
    }
    found
}

/// One rule with all that it means, written out.
struct Plain {
    id: String,
    subjects: BTreeSet<usize>,
    peers: Vec<BTreeSet<(bool, usize, usize)>>,
    ports: BTreeSet<String>,
}

impl Plain {
    fn covers(&self, other: &Self) -> bool {
        self.subjects.is_superset(&other.subjects)
            && self.ports.is_superset(&other.ports)
            && other.peers.iter().all(|peer| self.peers.iter().any(|wide| wide.is_superset(peer)))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// What the index finds is what is found when each rule is held against each other, pod by pod and port by port.
    #[test]
    fn what_is_shadowed_is_what_means_no_more(text in policies()) {
        let both = built(&text);
        let plain: Vec<Plain> = both.1.policies().iter().flat_map(|policy| {
            policy.ingress.rules.iter().map(|rule| Plain {
                id: policy.rule_id(&rule.at),
                subjects: selected(&policy.subject.pods, &labels(&["a", "b"])),
                peers: rule.peers.iter().map(|peer| means(&peer.who)).collect(),
                ports: ports(rule),
            })
        }).collect();
        let mut expected = Vec::new();
        for (number, narrow) in plain.iter().enumerate() {
            let wide = plain.iter().enumerate().find(|(other, wide)| {
                *other != number && wide.covers(narrow) && (*other < number || !narrow.covers(wide))
            });
            expected.extend(wide.map(|(_, wide)| format!("`{}` allows all of this, too", wide.id)));
        }
        let (found, _) = run(shadowed, &both, STEPS_MAX);
        let found: Vec<String> = found.into_iter().map(|each| each.message).collect();
        prop_assert_eq!(found, expected, "{}", text);
    }
}

fn many(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        _ = write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{index}, namespace: own}}\n\
             spec: {{podSelector: {{matchLabels: {{app: a{index}}}}}, ingress: [{{from: [{{podSelector: {{matchLabels: \
             {{app: b{index}}}}}}}, {{ipBlock: {{cidr: 10.0.{}.0/24}}}}], ports: [{{port: 80}}]}}]}}\n",
            index % 256
        );
    }
    text
}

#[test]
fn the_steps_grow_as_the_rules_do() {
    let steps = |count| {
        let (found, left) = run(shadowed, &built(&many(count)), STEPS_MAX);
        assert!(found.is_empty());
        STEPS_MAX - left
    };
    let (few, many) = (steps(100), steps(1_000));
    assert!(many <= few * 11, "{few} {many}");
}

#[test]
fn without_steps_nothing_is_claimed() {
    let text = many(1).replace("p0", "q0") + &many(1);
    let both = built(&text);
    assert_eq!(run(shadowed, &both, STEPS_MAX).0.len(), 1);
    assert_eq!(run(shadowed, &both, 1), (Vec::new(), 0));
}
