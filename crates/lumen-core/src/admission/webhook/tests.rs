use lumen_value::read::{Limits, read};

use super::*;
use crate::snapshot::{Options, Snapshot, SourceDocument};

const POLICIES: &str = concat!(
    include_str!("../../../../../tests/corpus/admission/named.yaml"),
    r#"---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Named
metadata: {name: warned}
spec:
  enforcementAction: scoped
  scopedEnforcementActions:
  - {action: warn, enforcementPoints: [{name: validation.gatekeeper.sh}]}
  - {action: dryrun, enforcementPoints: [{name: "*"}]}
  parameters: {name: b}
"#
);

struct One;

impl Namespaces for One {
    fn namespace(&self, name: &str) -> Option<Value> {
        let metadata: Value = [("name", name.into())].into();
        (name == "shop").then(|| {
            [("apiVersion", "v1".into()), ("kind", "Namespace".into()), ("metadata", metadata)].into()
        })
    }
}

fn value(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    assert!(reading.errors.is_empty(), "{:?}", reading.errors);
    reading.documents.into_iter().next().expect("a document").value
}

fn policies() -> PolicySet {
    let documents = read(POLICIES.as_bytes(), &Limits::default()).documents.into_iter();
    let documents = documents.map(|document| SourceDocument {
        source: "policies.yaml".into(),
        index: document.index,
        value: document.value,
    });
    let (set, findings) = PolicySet::compile(Snapshot::build(documents, &Options::default()).0.entries());
    assert!(findings.is_empty(), "{findings:?}");
    set
}

fn answer(request: &str) -> Answer {
    let (policies, inventory) = (policies(), Inventory::default());
    let own_user = "system:serviceaccount:lumen-system:lumen";
    let webhook =
        Webhook { policies: &policies, inventory: &inventory, namespaces: &One, own_user, time_ns: 0 };
    webhook.answer(&value(request))
}

/// `CODE message` of an answer.
fn told(request: &str) -> String {
    let answer = answer(request);
    assert_eq!(answer.is_allowed, answer.code < 400, "{answer:?}");
    format!("{} {}", answer.code, answer.message)
}

fn pod(operation: &str, namespace: &str, objects: &str) -> String {
    format!(
        "{{kind: {{group: '', version: v1, kind: Pod}}, operation: {operation}, namespace: '{namespace}', name: x, {objects}}}"
    )
}

fn policy(kind: &str, name: &str, object: &str) -> String {
    format!("{{kind: {{group: {kind}}}, operation: CREATE, name: '{name}', object: {object}}}")
}

const A: &str = "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}}";
const B: &str = "{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop}}";

#[test]
fn violations_are_denied_warned_of_or_only_noted() {
    assert_eq!(told(&pod("CREATE", "shop", &format!("object: {A}"))), "403 [denied] a is taken");
    let warned = answer(&pod("CREATE", "shop", &format!("object: {B}")));
    assert_eq!((warned.is_allowed, warned.code), (true, 299));
    assert_eq!(warned.warnings, ["[warned] b is taken"]);
    assert_eq!(warned.verdicts.len(), 1, "the dry run is the same violation");
}

#[test]
fn what_is_deleted_is_judged_as_it_was() {
    assert_eq!(
        told(&pod("DELETE", "shop", &format!("object: null, oldObject: {A}"))),
        "403 [denied] a is taken"
    );
    assert_eq!(
        told(&pod("DELETE", "shop", "object: null, oldObject: null")),
        "500 error reviewing resource x: oldObject cannot be nil for DELETE operations"
    );
}

#[test]
fn an_unknown_namespace_is_a_failure() {
    assert_eq!(
        told(&pod("CREATE", "gone", &format!("object: {A}"))),
        r#"500 failed to create augmentedReview: namespaces "gone" not found"#
    );
}

#[test]
fn its_own_user_is_let_through() {
    let objects = format!("object: {A}, userInfo: {{username: 'system:serviceaccount:lumen-system:lumen'}}");
    assert_eq!(told(&pod("CREATE", "shop", &objects)), "200 Gatekeeper does not self-manage");
}

#[test]
fn policies_that_nothing_could_use_are_not_stored() {
    let constraint = |name: &str, spec: &str| {
        let object = format!(
            "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: Named, metadata: {{name: '{name}'}}, spec: {spec}}}"
        );
        told(&policy("constraints.gatekeeper.sh", name, &object))
    };
    assert_eq!(constraint("fine", "{parameters: {name: c}}"), "200 ");
    assert_eq!(
        constraint("fine", "{parameters: {name: 1}}"),
        r#"422 schema validation failed: [].spec.parameters.name: Invalid value: "integer": spec.parameters.name in body must be of type string: "integer""#
    );
    assert_eq!(
        constraint(&"n".repeat(64), "{}"),
        "500 resource cannot have metadata.name larger than 63 char; length: 64"
    );
    let scoped = "{enforcementAction: scoped, scopedEnforcementActions: [{action: shout, enforcementPoints: [{name: here}]}]}";
    assert_eq!(
        constraint("fine", scoped),
        "500 unrecognized enforcement points: constraint will not be enforced for enforcement points [here], supported enforcement points are [validation.gatekeeper.sh audit.gatekeeper.sh gator.gatekeeper.sh vap.k8s.io]\nunrecognized enforcementAction: [shout] is not within the supported list [deny dryrun warn]"
    );
    let selector =
        "{match: {namespaceSelector: {matchExpressions: [{key: -a, operator: Exists, values: [b]}]}}}";
    assert!(
        constraint("fine", selector).starts_with("422 invalid Constraint: [spec.labelSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist', spec.labelSelector.matchExpressions[0].key: Invalid value: \"-a\": name part must consist of"),
        "{}",
        constraint("fine", selector)
    );
    let stray = "{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: Stray, metadata: {name: x}}";
    assert_eq!(
        told(&policy("constraints.gatekeeper.sh", "x", stray)),
        r#"422 missing ConstraintTemplate: template "stray" not found"#
    );
    // Broken Rego is stored.
    let template = "{apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {name: x}, spec: {crd: {spec: {names: {kind: X}}}, targets: [{target: admission.k8s.gatekeeper.sh, rego: 'package'}]}}";
    assert_eq!(told(&policy("templates.gatekeeper.sh", "x", template)), "200 ");
}

#[test]
fn only_some_namespaces_may_keep_policies_out() {
    let request = |operation: &str, name: &str, labels: &str| {
        value(&format!(
            "{{kind: {{group: '', kind: Namespace}}, operation: {operation}, object: {{metadata: {{name: {name}, labels: {labels}}}}}}}"
        ))
    };
    let told = |operation: &str, name: &str, labels: &str| {
        let answer = answer_about_label(&request(operation, name, labels), |name| name == "kube-system");
        (answer.code, answer.message)
    };
    let label = "{admission.gatekeeper.sh/ignore: ''}";
    assert_eq!(
        told("CREATE", "shop", label),
        (403, "Only exempt namespace can have the admission.gatekeeper.sh/ignore label".to_owned())
    );
    assert_eq!(told("UPDATE", "kube-system", label).0, 200);
    assert_eq!(told("UPDATE", "shop", "{}").0, 200);
    assert_eq!(told("DELETE", "shop", label).0, 200);
}
