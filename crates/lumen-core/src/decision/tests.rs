use std::collections::BTreeMap;

use lumen_value::read::{Limits, read};

use super::*;
use crate::admission::webhook::Namespaces;
use crate::admission::{Inventory, PolicySet};
use crate::exemption::read as exemption_of;
use crate::snapshot::{Entry, Options, Snapshot, SourceDocument};

const POLICIES: &str = concat!(
    include_str!("../../../../tests/corpus/admission/named.yaml"),
    r#"---
apiVersion: lumensec.io/v1alpha1
kind: Exemption
metadata: {name: night-shift}
spec: {reason: moved soon, expires: "2030-01-01", rules: ["admission/Named/denied", "pod-security/privileged"], match: {labelSelector: {matchLabels: {spare: "yes"}}}}
"#
);

struct Cluster(BTreeMap<&'static str, Value>);

impl Namespaces for Cluster {
    fn namespace(&self, name: &str) -> Option<Value> {
        self.0.get(name).cloned()
    }
}

fn value(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading.documents.into_iter().next().expect("a document").value
}

fn entries() -> Vec<Arc<Entry>> {
    let documents = read(POLICIES.as_bytes(), &Limits::default()).documents.into_iter();
    let documents = documents.map(|document| SourceDocument {
        source: "policies.yaml".into(),
        index: document.index,
        value: document.value,
    });
    Snapshot::build(documents, &Options::default()).0.entries().to_vec()
}

fn namespace(name: &'static str, labels: &str) -> (&'static str, Value) {
    (
        name,
        value(&format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}, labels: {labels}}}}}")),
    )
}

fn decide(request: &str, exemptions: &[Exemption], now: &str, opt_in: bool) -> Decision {
    let (policies, findings) = PolicySet::compile(&entries());
    assert!(findings.is_empty(), "{findings:?}");
    let cluster = Cluster(BTreeMap::from([
        namespace("strict", "{pod-security.kubernetes.io/enforce: restricted}"),
        namespace("warned", "{pod-security.kubernetes.io/warn: baseline}"),
        namespace(
            "left",
            "{admission.gatekeeper.sh/ignore: '', pod-security.kubernetes.io/enforce: baseline}",
        ),
        namespace("plain", "{}"),
    ]));
    let inventory = Inventory::default();
    let pod_security = Admission {
        configuration: Arc::default(),
        pods_max: crate::podsecurity::admission::PODS_MAX,
        cluster_minor: crate::podsecurity::NEWEST_MINOR,
    };
    let judge = Judge {
        webhook: Webhook {
            policies: &policies,
            inventory: &inventory,
            namespaces: &cluster,
            own_user: "me",
            time_ns: 0,
        },
        pod_security: Some(&pod_security),
        pods: None,
        exemptions,
        now: now.parse().expect("a time"),
        deletions_opt_in: opt_in,
    };
    judge.decide(&value(request))
}

const NOW: &str = "2026-01-01T00:00:00Z";

fn pod(name: &str, namespace: &str, labels: &str) -> String {
    format!(
        "{{operation: CREATE, name: {name}, namespace: {namespace}, kind: {{group: '', version: v1, kind: Pod}},
        resource: {{group: '', version: v1, resource: pods}}, object: {{apiVersion: v1, kind: Pod,
        metadata: {{name: {name}, namespace: {namespace}, labels: {labels}}},
        spec: {{containers: [{{name: c, image: i, securityContext: {{privileged: true}}}}]}}}}}}"
    )
}

#[test]
fn both_layers_refuse_with_their_own_words() {
    let decision = decide(&pod("a", "strict", "{}"), &[], NOW, false);
    let answer = &decision.answer;
    assert_eq!((answer.is_allowed, answer.code, answer.reason), (false, 403, "Forbidden"));
    let lines: Vec<&str> = answer.message.lines().collect();
    assert_eq!(lines[0], "[denied] a is taken");
    assert!(
        lines[1]
            .starts_with("pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": privileged")
    );
    let keys: Vec<_> = answer.audit_annotations.iter().map(|(key, value)| (*key, value.as_str())).collect();
    assert_eq!(keys, [("enforce-policy", "restricted:latest")]);
}

#[test]
fn each_layer_speaks_where_it_is_asked() {
    let allowed = decide(&pod("b", "plain", "{}"), &[], NOW, false);
    assert!(allowed.answer.is_allowed);
    let warned = decide(&pod("b", "warned", "{}"), &[], NOW, false).answer;
    assert_eq!((warned.is_allowed, warned.code), (true, 299));
    assert!(warned.warnings[0].starts_with("would violate PodSecurity \"baseline:latest\""));
    // The label keeps layer 1 out, and layer 2 does not know it.
    let left = decide(&pod("a", "left", "{}"), &[], NOW, false).answer;
    assert!(left.message.starts_with("pods \"a\" is forbidden: violates"), "{}", left.message);
    let missing = decide(&pod("a", "missing", "{}"), &[], NOW, false).answer;
    assert_eq!((missing.code, missing.message.lines().count()), (500, 1));
}

#[test]
fn an_exemption_counts_for_both_layers_until_it_expires() {
    let exemption =
        entries().into_iter().find(|entry| exemption_of::is_exemption(&entry.value)).expect("one");
    let exemption =
        exemption_of::object(&exemption.value, &"policies.yaml".into(), 2, &lumen_value::Pointer::ROOT)
            .expect("sound");
    let request = pod("a", "strict", "{spare: 'yes'}");
    let exemptions = [exemption];
    let decision = decide(&request, &exemptions, NOW, false);
    assert!(!decision.answer.message.contains("taken"), "{}", decision.answer.message);
    assert!(!decision.answer.message.contains("must not set securityContext.privileged=true"));
    let rules: Vec<&str> = decision.exempted.iter().map(|(rule, _)| rule.as_str()).collect();
    assert_eq!(rules, ["admission/Named/denied", "pod-security/privileged"]);
    for (labels, now) in [("{}", NOW), ("{spare: 'yes'}", "2031-01-01T00:00:00Z")] {
        let decision = decide(&pod("a", "strict", labels), &exemptions, now, false);
        assert!(decision.answer.message.contains("taken"));
        assert!(decision.exempted.is_empty());
    }
}

#[test]
fn deletions_are_refused_by_templates_that_say_so() {
    let request = "{operation: DELETE, name: a, kind: {group: '', version: v1, kind: ConfigMap},
        resource: {group: '', version: v1, resource: configmaps}, namespace: plain, object: null,
        oldObject: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}";
    assert!(!decide(request, &[], NOW, false).answer.is_allowed);
    assert!(decide(request, &[], NOW, true).answer.is_allowed);
}

#[test]
fn what_is_overruled_is_told() {
    let decision = decide(&pod("a", "plain", "{}"), &[], NOW, false).let_through("group lumen:break-glass");
    assert!(decision.answer.is_allowed);
    let refusal = decision.overruled.expect("a refusal");
    assert_eq!(refusal.message, "[denied] a is taken");
    assert!(
        decision
            .answer
            .audit_annotations
            .contains(&(LET_THROUGH_ANNOTATION, "group lumen:break-glass".into()))
    );
    let allowed = decide(&pod("b", "plain", "{}"), &[], NOW, false).let_through("group lumen:break-glass");
    assert!(allowed.overruled.is_none());
}

#[test]
fn what_a_cluster_lives_on_is_known() {
    let about = |group, resource, sub| {
        let text = format!(
            "{{resource: {{group: '{group}', version: v1, resource: {resource}}}, subResource: '{sub}'}}"
        );
        is_vital(&value(&text))
    };
    assert!(about("coordination.k8s.io", "leases", "") && about("", "nodes", "status"));
    assert!(about("", "pods", "eviction"));
    assert!(!about("", "nodes", "") && !about("", "pods", "") && !about("apps", "deployments", "status"));
}

#[test]
fn what_is_being_deleted_can_be_let_go_and_not_be_changed() {
    const GOING: &str = "deletionTimestamp: '2026-01-01T00:00:00Z', ";
    let request = |user: &str, old: &str, new: &str| {
        lets_go(&value(&format!(
            "{{operation: UPDATE, userInfo: {{username: '{user}'}}, oldObject: {old}, object: {new}}}"
        )))
    };
    let pod = |metadata: &str, image: &str| format!("{{metadata: {{{metadata}}}, spec: {{image: {image}}}}}");
    let going = |rest: &str| pod(&format!("{GOING}{rest}"), "a");
    let old = going("finalizers: [x], resourceVersion: '1'");
    assert!(request("me", &old, &going("resourceVersion: '2'")));
    assert!(!request("me", &old, &going("labels: {a: b}")));
    assert!(!request("me", &old, &pod(GOING, "b")));
    assert!(!request("me", &pod("finalizers: [x]", "a"), &pod("", "a")));
    let owned = pod("ownerReferences: [{uid: u}]", "a");
    assert!(!request("me", &owned, &pod("", "a")));
    assert!(request(GARBAGE_COLLECTOR, &owned, &pod("", "a")));
    assert!(!request(GARBAGE_COLLECTOR, &owned, &pod("", "b")));
}
