//! What whoever deploys a workload can get past stops nothing.

use super::*;

/// A template that refuses foreign images; `SPARED` stands for what it lets pass.
const TEMPLATE: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: ownimages}
spec:
  crd: {spec: {names: {kind: OwnImages}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package ownimages
        pods = s { s := input.review.object.spec.template.spec }
        pods = s { s := input.review.object.spec; s.containers }
        violation[{"msg": msg}] {
          some list
          ["containers", "initContainers"][_] = list
          image := pods[list][_].image
          not startswith(image, "registry.example/")
          SPARED
          msg := sprintf("image %v", [image])
        }
"#;

const WORKLOAD: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: registry.example/web}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: shop}
roleRef: {kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: team}]
";

const WEBHOOK: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: gatekeeper}
webhooks:
  - name: validation.gatekeeper.sh
    failurePolicy: Fail
    rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: [CREATE], resources: ['*']}]
";

fn constraint(matching: &str) -> String {
    format!(
        "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: OwnImages, metadata: {{name: own}}, spec: {{match: {matching}}}}}"
    )
}

fn template(spared: &str) -> String {
    TEMPLATE.replace("SPARED", spared)
}

/// The words of the cell, and how the ways are avoided.
fn told(files: &[&str]) -> (String, BTreeSet<String>, Cell) {
    let named: Vec<(String, &str)> =
        files.iter().enumerate().map(|(number, text)| (format!("{number}.yaml"), *text)).collect();
    let named: Vec<(&str, &str)> = named.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let snapshot = examples_with(&[], &named);
    let row = row_of(&snapshot, None, "web");
    let cell =
        row.step("run-own-image").and_then(|step| step.cell(Layer::Admission)).expect("a cell").clone();
    let hows = cell.ways.iter().filter_map(|way| way.avoided_by.clone()).collect();
    (cell.words(), hows, cell)
}

fn matching(matching: &str) -> (String, BTreeSet<String>) {
    let (words, hows, _) = told(&[WORKLOAD, WEBHOOK, &template("true"), &constraint(matching)]);
    (words, hows)
}

fn one(how: &str) -> BTreeSet<String> {
    BTreeSet::from([how.to_owned()])
}

#[test]
fn a_constraint_without_selectors_stops() {
    assert_eq!(matching("{}"), ("stops".to_owned(), BTreeSet::new()));
}

#[test]
fn labels_are_chosen_by_whoever_deploys() {
    let limits = "limits".to_owned();
    assert_eq!(
        matching("{labelSelector: {matchLabels: {app: web}}}"),
        (limits.clone(), one("without the label `app`, by which OwnImages/own selects"))
    );
    assert_eq!(
        matching("{labelSelector: {matchExpressions: [{key: app, operator: NotIn, values: [tool]}]}}"),
        (limits.clone(), one("with the label `app=tool`, which OwnImages/own leaves out"))
    );
    assert_eq!(
        matching("{labelSelector: {matchExpressions: [{key: skip, operator: DoesNotExist}]}}"),
        (limits, one("with the label `skip=true`, which OwnImages/own leaves out"))
    );
}

#[test]
fn a_parameter_may_name_what_a_template_lets_out() {
    let named = "{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: OwnImages, metadata: {name: own}, spec: {parameters: {message: none, exempt: acme.io/legacy}}}";
    let template = |spared: &str| {
        let schema =
            "validation: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
        template(spared).replace("{kind: OwnImages}", &format!("{{kind: OwnImages}}, {schema}"))
    };
    for spared in [
        "not input.review.object.metadata.annotations[input.parameters.exempt]",
        "key := input.parameters.exempt\n          not input.review.object.metadata.annotations[key]",
    ] {
        let (words, hows, _) = told(&[WORKLOAD, WEBHOOK, &template(spared), named]);
        let how = "with the annotation `acme.io/legacy=true`, which the template of OwnImages reads";
        assert_eq!((words.as_str(), hows), ("limits", one(how)), "{spared}");
    }
    let other = "not input.review.object.metadata.annotations[input.parameters.absent]";
    assert_eq!(told(&[WORKLOAD, WEBHOOK, &template(other), named]).1, BTreeSet::new());
}

#[test]
fn a_label_that_another_constraint_demands_is_no_way_round() {
    let demands = "
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: needsapp}
spec:
  crd: {spec: {names: {kind: NeedsApp}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package needsapp
        violation[{\"msg\": \"no app\"}] { not input.review.object.metadata.labels.app }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: NeedsApp
metadata: {name: app}
";
    let by_app = constraint("{labelSelector: {matchExpressions: [{key: app, operator: Exists}]}}");
    let (words, hows, _) = told(&[WORKLOAD, WEBHOOK, &template("true"), &by_app, demands]);
    assert_eq!((words.as_str(), hows), ("stops", BTreeSet::new()));
}

#[test]
fn a_name_and_a_kind_are_chosen_by_whoever_deploys() {
    assert_eq!(
        matching("{name: web*}"),
        ("limits".to_owned(), one("under another name, for OwnImages/own is about the name `web*`"))
    );
    assert_eq!(matching("{name: '*'}").0, "stops");
    assert_eq!(
        matching("{kinds: [{apiGroups: [apps], kinds: [Deployment]}]}"),
        ("limits".to_owned(), one("with a bare Pod, for the Deployment alone is refused"))
    );
    assert_eq!(matching("{kinds: [{apiGroups: [''], kinds: [Pod]}]}").0, "stops");
}

#[test]
fn a_template_may_read_an_opt_out_from_the_object() {
    let with = |spared: &str| {
        let (words, hows, _) = told(&[WORKLOAD, WEBHOOK, &template(spared), &constraint("{}")]);
        (words, hows)
    };
    let annotation = "not input.review.object.metadata.annotations[\"policy.example/skip\"]";
    assert_eq!(
        with(annotation),
        (
            "limits".to_owned(),
            one("with the annotation `policy.example/skip=true`, which the template of OwnImages reads")
        )
    );
    let value = "not input.review.object.metadata.labels.level == \"off\"";
    let (words, hows) = with(value);
    assert_eq!(words, "limits");
    assert!(hows.iter().any(|how| how.contains("`level=off`")), "{hows:?}");
    // What a template reads and does not spare anything by is no way round.
    assert_eq!(with("object.get(input.review.object.metadata.labels, \"app\", \"\") != \"?\"").0, "stops");
}

#[test]
fn a_webhook_that_chooses_objects_by_labels_can_be_avoided() {
    let with = |more: &str| {
        let text = format!("{WEBHOOK}    {more}\n");
        let (words, hows, cell) = told(&[WORKLOAD, &text, &template("true"), &constraint("{}")]);
        (words, hows, cell)
    };
    let (words, hows, cell) =
        with("objectSelector: {matchExpressions: [{key: skip, operator: DoesNotExist}]}");
    assert_eq!(
        (words.as_str(), hows),
        ("limits", one("with the label `skip=true`, which the webhook leaves out"))
    );
    assert!(cell.why.contains("whoever deploys it can avoid that: with the label"), "{}", cell.why);
    let (words, hows, _) = with("matchConditions: [{name: a, expression: '!has(object.metadata.labels)'}]");
    assert_eq!(words, "limits, if enforced");
    assert!(hows.iter().all(|how| how.contains("`matchConditions`")) && !hows.is_empty());
    let of_request = "matchConditions: [{name: a, expression: \"request.userInfo.username != 'object'\"}]";
    let (words, hows, _) = with(of_request);
    assert_eq!((words.as_str(), hows), ("stops, if enforced", BTreeSet::new()));
}

#[test]
fn a_constraint_about_some_namespaces_rests_on_who_may_deploy_where() {
    let without_rights = WORKLOAD.split("---\napiVersion: rbac").next().unwrap_or_default();
    let words = |workload: &str, matching: &str| {
        told(&[workload, WEBHOOK, &template("true"), &constraint(matching)]).0
    };
    assert_eq!(words(WORKLOAD, "{namespaces: [shop]}"), "stops");
    assert_eq!(words(without_rights, "{namespaces: [shop]}"), "stops, if enforced");
    assert_eq!(words(without_rights, "{namespaces: ['*']}"), "stops");
    assert_eq!(words(without_rights, "{excludedNamespaces: [kube-system, dev]}"), "stops, if enforced");
    assert_eq!(words(without_rights, "{excludedNamespaces: [kube-system]}"), "stops");
    assert_eq!(words(without_rights, "{}"), "stops");
}

#[test]
fn an_exempt_runtime_class_avoids_pod_security() {
    let shop = examples_with(SHOP, &[]);
    let mut policies = policies(&shop);
    policies.pod_security.exemptions.runtime_classes.insert("kata".to_owned());
    let inputs = Inputs { snapshot: &shop, policies: &policies, network: None, runtime: &[] };
    let row =
        Layers::of(&inputs, &Rbac::of(inputs.snapshot)).row(number_of(&shop, "api")).expect("a workload");
    let cell = row.step("break-out").and_then(|step| step.cell(Layer::PodSecurity)).expect("a cell");
    assert_eq!(cell.words(), "limits, if enforced");
    assert!(cell.why.ends_with("with the runtime class `kata`, which is exempt"), "{}", cell.why);
}
