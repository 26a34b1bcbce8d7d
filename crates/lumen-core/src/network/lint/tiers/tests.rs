use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::STEPS_MAX;
use super::super::tests::{built, run};
use super::*;

const SUBJECTS: [&str; 4] = [
    "{namespaces: {}}",
    "{namespaces: {matchLabels: {t: x}}}",
    "{pods: {namespaceSelector: {}, podSelector: {matchLabels: {a: x}}}}",
    "{pods: {namespaceSelector: {matchLabels: {t: x}}, podSelector: {matchExpressions: [{key: a, operator: Exists}]}}}",
];

const PORTS: [&str; 4] = [
    "[]",
    "[{portNumber: {protocol: TCP, port: 80}}]",
    "[{portRange: {protocol: TCP, start: 80, end: 90}}, {portNumber: {protocol: UDP, port: 80}}]",
    "[{namedPort: http}]",
];

fn policies() -> impl Strategy<Value = String> {
    let action = select(vec!["Allow", "Deny", "Pass"]);
    let peers = prop::collection::vec(select(&SUBJECTS[..]), 1..3);
    let rule = (action, peers, select(&PORTS[..])).prop_map(|(action, peers, ports)| {
        format!("{{action: {action}, from: [{}], ports: {ports}}}", peers.join(", "))
    });
    let policy = (select(&SUBJECTS[..]), prop::collection::vec(rule, 1..5));
    prop::collection::vec(policy, 1..4).prop_map(|policies| {
        let mut text = String::new();
        for (priority, (subject, rules)) in policies.into_iter().enumerate() {
            _ = write!(
                text,
                "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: p{priority}}}\n\
                 spec: {{priority: {priority}, subject: {subject}, ingress: [{}]}}\n",
                rules.join(", ")
            );
        }
        text
    })
}

/// Two namespaces, each with a pod for each value of a label and one without.
fn pods() -> String {
    let mut text = String::new();
    for (namespace, labels) in [("one", "{t: x}"), ("two", "{t: w}")] {
        _ = write!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {labels}}}\n"
        );
        for (name, labels) in [("x", "{a: x}"), ("w", "{a: w}"), ("none", "{}")] {
            _ = write!(
                text,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, labels: {labels}}}\n\
                 spec: {{containers: [{{name: c, image: i, ports: [{{containerPort: 85, name: http}}]}}]}}\n"
            );
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Without a rule that is said never to decide everything is reached as before.
    #[test]
    fn what_never_decides_can_go(text in policies()) {
        let both = built(&(pods() + &text));
        let (found, _) = run(shadowed, &both, STEPS_MAX);
        for each in &found {
            let location = each.location.clone();
            let mut without = both.1.clone();
            for policy in &mut without.policies {
                let entry = policy.entry.clone();
                policy.ingress.rules.retain(|rule| Some(entry.locate(&rule.at)) != location);
            }
            let count = |model: &crate::network::Model| model.policies.iter().map(|policy| policy.ingress.rules.len()).sum::<usize>();
            prop_assert_eq!(count(&without) + 1, count(&both.1));
            for (source, _) in both.1.iter() {
                for (destination, _) in both.1.iter() {
                    prop_assert_eq!(
                        without.allowed(source, destination),
                        both.1.allowed(source, destination),
                        "{}\n{:?}", text, each
                    );
                }
            }
        }
    }
}

#[test]
fn many_policies_of_one_priority_end_within_the_steps() {
    let mut text = pods();
    for index in 0..3_000 {
        let action = if index % 2 == 0 { "Allow" } else { "Deny" };
        _ = write!(
            text,
            "---\napiVersion: policy.networking.k8s.io/v1alpha1\nkind: AdminNetworkPolicy\nmetadata: {{name: p{index}}}\n\
             spec: {{priority: 5, subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}], \
             ports: [{{portNumber: {{protocol: TCP, port: {}}}}}]}}]}}\n",
            index + 1
        );
    }
    let both = built(&text);
    assert_eq!(run(ties, &both, STEPS_MAX), (Vec::new(), 0));
}
