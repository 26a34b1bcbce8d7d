use std::fmt::Write as _;

use lumen_value::read::{Limits, read};

use super::*;
use crate::network::Options;
use crate::snapshot::{self, SourceDocument};

/// The snapshot and the model of some manifests.
pub(super) fn built(text: &str) -> (Snapshot, Model) {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}\n{text}", reading.errors);
    let documents = reading.documents.into_iter().map(|document| SourceDocument {
        source: "test.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let snapshot = Snapshot::build(documents, &snapshot::Options::default()).0;
    let (model, broken) = Model::build(&snapshot, &Options::default());
    assert!(broken.is_empty(), "{broken:?}");
    (snapshot, model)
}

/// What one lint finds with some steps, and the steps that it leaves.
pub(super) fn run(lint: Lint, (snapshot, model): &(Snapshot, Model), steps: u64) -> (Vec<Finding>, u64) {
    let context = Context::new(model, snapshot);
    context.steps.set(steps);
    let mut findings = Findings { steps: &context.steps, list: Vec::new() };
    lint(&context, &mut findings);
    let list = findings.list;
    (list, context.steps.get())
}

#[test]
fn a_lint_of_products_stops_and_one_finding_says_so() {
    let mut text = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: all, namespace: a}\n\
         spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]}\n",
    );
    for index in 0..400 {
        _ = write!(
            text,
            "---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n\
             metadata: {{name: m{index}, namespace: a}}\n\
             spec: {{selector: {{}}, namespaceSelector: {{any: true}}, endpoints: [{{port: p}}]}}\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{index}, namespace: a}}\n\
             spec: {{selector: {{app: web}}, ports: [{{name: p, port: 80}}]}}\n"
        );
    }
    for index in 0..60 {
        _ = write!(
            text,
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{index}, namespace: a, labels: {{app: web}}}}\n\
             spec: {{containers: [{{name: c, image: app, ports: [{{containerPort: 80}}]}}]}}\n"
        );
    }
    let (snapshot, model) = built(&text);
    let findings = lint(&model, &snapshot);
    let told: Vec<&str> = findings
        .iter()
        .map(|each| each.message.as_str())
        .filter(|message| message.contains("not checked in full"))
        .collect();
    let [told] = told[..] else { panic!("{findings:?}") };
    assert!(told.contains("not checked in full: scrape-blocked would"), "{told}");
}

/// A cluster of some namespaces, each with a node, a Service, an account with a binding, three workloads and policies of many
/// sorts, none of which is about another namespace.
fn cluster(namespaces: usize) -> String {
    let mut text = String::new();
    for n in 0..namespaces {
        let (high, low) = (n / 256, n % 256);
        _ = write!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: n{n}, labels: {{team: t{n}}}}}\n\
             ---\napiVersion: v1\nkind: Node\nmetadata: {{name: node{n}}}\nspec: {{podCIDR: 10.{high}.{low}.0/24}}\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: {{name: s, namespace: n{n}}}\n\
             spec: {{clusterIP: 10.200.{high}.{low}, selector: {{app: a}}, ports: [{{port: 80, targetPort: 8080}}]}}\n\
             ---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: r, namespace: n{n}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}}\n\
             subjects: [{{kind: ServiceAccount, name: own, namespace: n{n}}}]\n"
        );
        for app in ["a", "b", "c"] {
            _ = write!(
                text,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {app}, namespace: n{n}, labels: {{app: {app}}}}}\n\
                 spec: {{serviceAccountName: own, containers: [{{name: c, image: app, ports: [{{containerPort: 8080}}]}}]}}\n"
            );
        }
        let policies = [
            ("deny", "podSelector: {}, policyTypes: [Ingress, Egress]".to_owned()),
            ("open", "podSelector: {matchLabels: {app: a}}, ingress: [{}]".to_owned()),
            (
                "block",
                format!(
                    "podSelector: {{matchLabels: {{app: b}}}}, egress: [{{to: [{{ipBlock: {{cidr: 10.{high}.{low}.0/24}}}}]}}], \
                     policyTypes: [Egress]"
                ),
            ),
            (
                "to",
                "podSelector: {matchLabels: {app: b}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: \
                 {app: a}}}], ports: [{port: 80}]}]"
                    .to_owned(),
            ),
            ("none", "podSelector: {matchLabels: {app: none}}, egress: [{ports: [{port: 53}]}]".to_owned()),
        ];
        for (name, spec) in policies {
            _ = write!(
                text,
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: n{n}}}\n\
                 spec: {{{spec}}}\n"
            );
        }
    }
    text
}

#[test]
fn the_steps_of_every_lint_grow_as_the_cluster_does() {
    let (small, large) = (built(&cluster(50)), built(&cluster(500)));
    for (rules, lint) in LINTS {
        let name = rules[0].name;
        let ((few, left_of_small), (many, left)) =
            (run(*lint, &small, STEPS_MAX), run(*lint, &large, STEPS_MAX));
        let (steps, more) = (STEPS_MAX - left_of_small, STEPS_MAX - left);
        assert!(more <= steps * 12, "{name}: {steps} {more}");
        assert_eq!(few.len() * 10, many.len(), "{name}");
    }
}

#[test]
fn many_ways_to_say_the_same_are_worked_out_once() {
    // Each of these isolates every pod, and undoes what the others are for.
    let mut text = cluster(10);
    for index in 0..300 {
        _ = write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{index}, namespace: n1}}\n\
             spec: {{podSelector: {{}}, ingress: [{{}}, {{}}], egress: [{{ports: [{{port: 53}}]}}]}}\n"
        );
    }
    let both = built(&text);
    for lint in
        [openness::open_rules as Lint, openness::silent_isolation, addresses::blocks, cluster::dns_forgotten]
    {
        let (_, left) = run(lint, &both, STEPS_MAX);
        assert!(STEPS_MAX - left < 10_000, "{}", STEPS_MAX - left);
    }
}

#[test]
fn a_lint_without_steps_is_named_and_claims_nothing() {
    let (snapshot, model) = built(&cluster(5));
    let whole = lint(&model, &snapshot);
    assert!(!whole.iter().any(|each| each.message.contains("not checked")));
    for steps in [1, 5, 25, 125] {
        let found = lint_within(steps, &model, &snapshot);
        let told = found.last().expect("a finding");
        assert!(told.message.starts_with("not checked in full: "), "{told:?}");
        for (rules, each) in LINTS {
            let (list, left) = run(*each, &(snapshot.clone(), model.clone()), steps);
            let is_named = rules.iter().all(|rule| told.message.contains(rule.name));
            assert_eq!(is_named, left == 0, "{}", told.message);
            let of_lint = |all: &[Finding]| {
                all.iter().filter(|each| rules.iter().any(|rule| rule.name == &*each.rule.name)).count()
            };
            assert_eq!(list.len(), of_lint(&found));
            assert!(left == 0 || list.len() == of_lint(&whole));
        }
    }
}
