//! Admission policies: those among the inputs, and those of `--policy`.

use crate::support::{Folder, HARDENED};

const TEMPLATE: &str = r#"
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata:
  name: requireowner
  annotations:
    policy.lumensec.io/severity: high
spec:
  crd:
    spec:
      names:
        kind: RequireOwner
      validation:
        openAPIV3Schema:
          type: object
          properties:
            label:
              type: string
              default: owner
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package requireowner

      violation[{"msg": msg}] {
        not input.review.object.metadata.labels[input.parameters.label]
        msg := sprintf("%v has no label %v", [input.review.object.metadata.name, input.parameters.label])
      }
"#;

const CONSTRAINT: &str = "
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: RequireOwner
metadata:
  name: everybody
spec:
  match:
    kinds:
    - apiGroups: ['']
      kinds: [Pod]
  parameters: {}
";

fn folder() -> Folder {
    Folder::new(&[
        ("deploy/pod.yaml", HARDENED),
        ("policies/template.yaml", TEMPLATE),
        ("policies/constraint.yaml", CONSTRAINT),
    ])
}

#[test]
fn a_constraint_among_the_inputs_is_applied() {
    folder().run("check --fail-on deny -o concise .").expect(1).expect_line(&[
        "deploy/pod.yaml:3:1: high[admission/RequireOwner/everybody]",
        "web has no label owner",
    ]);
}

#[test]
fn policies_beside_the_inputs_are_applied_and_not_checked() {
    let folder = folder();
    folder.run("check --fail-on deny deploy").expect(0);
    folder
        .run("check --fail-on deny --policy policies -o concise deploy")
        .expect(1)
        .expect_line(&["admission/RequireOwner/everybody"]);
    let any_kind = CONSTRAINT.replace("kinds: [Pod]", "kinds: ['*']").replace("['']", "['*']");
    folder.write("policies/constraint.yaml", any_kind);
    let report = folder.run("check --policy policies -o concise deploy");
    assert!(!report.stdout.contains("policies/"), "{}", report.stdout);
    let report = folder.run("check --policy policies -o concise .");
    assert!(report.stdout.contains("policies/constraint.yaml"), "{}", report.stdout);
    folder.write("lumen.yaml", "policy: [policies]\n");
    folder.run("check --fail-on deny deploy").expect(1);
}

const LATEST: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: proxy
    image: registry.internal/proxy:1.2
  - name: web
    image: registry.internal/web:latest
";

#[test]
fn built_in_policies_are_applied_by_name() {
    let folder = Folder::new(&[("pod.yaml", LATEST)]);
    let id = "admission/K8sBlockLatestTag/block-latest-tag";
    assert!(!folder.run("check -o concise pod.yaml").stdout.contains("admission/"));
    let one = folder.run("check --fail-on deny --policy builtin:block-latest-tag -o concise pod.yaml");
    one.expect(1).expect_line(&["pod.yaml:10:", "high", id, "Container <web> uses :latest tag"]);
    assert!(!one.stdout.contains("require-resources"), "{}", one.stdout);
    let human = folder.run("check --policy builtin:block-latest-tag pod.yaml");
    human.expect_line(&["Give the image a tag that is never moved"]);
    let all = folder.run("check --policy builtin -o concise pod.yaml");
    all.expect_line(&[id]).expect_line(&["require-resources"]);
    assert!(!all.stdout.contains("builtin:"), "no built-in policy is broken: {}", all.stdout);
    folder
        .run("check --policy builtin:block-latest-tags pod.yaml")
        .expect(2)
        .expect_note("did you mean `block-latest-tag`");
    folder.write("lumen.yaml", "policy: ['builtin:block-latest-tag']\n");
    folder.run("check --fail-on deny -o concise pod.yaml").expect(1).expect_line(&[id]);
}

#[test]
fn violations_point_into_the_object() {
    let template = TEMPLATE.replace("requireowner", "named").replace("RequireOwner", "Named");
    let rule = "violation[{\"msg\": msg}] {
        container := input.review.object.spec.containers[_]
        msg := sprintf(\"Container <%v> is not mine\", [container.name])";
    let (head, _) = template.split_once("violation[").expect("a rule");
    let template = format!("{head}{rule}\n      }}\n");
    let folder = Folder::new(&[
        ("pod.yaml", LATEST),
        ("policies/template.yaml", &template),
        ("policies/constraint.yaml", &CONSTRAINT.replace("RequireOwner", "Named")),
    ]);
    folder
        .run("check --policy policies -o concise pod.yaml")
        .expect_line(&["pod.yaml:7:", "Container <proxy> is not mine"])
        .expect_line(&["pod.yaml:9:", "Container <web> is not mine"]);
}

#[test]
fn the_action_is_what_the_constraint_says() {
    let folder = folder();
    for (action, code) in [("deny", 1), ("warn", 0), ("dryrun", 0)] {
        let spec = format!("spec:\n  enforcementAction: {action}\n");
        folder.write("policies/constraint.yaml", CONSTRAINT.replace("spec:\n", &spec));
        folder.run("check --fail-on deny .").expect(code);
        folder.run("check --fail-on high .").expect(1);
    }
}

#[test]
fn a_broken_policy_is_shown_at_its_place_and_takes_nothing_else_down() {
    let folder = folder();
    let broken = TEMPLATE.replace("requireowner", "other").replace("RequireOwner", "Other").replace(
        "not input.review.object.metadata.labels[input.parameters.label]",
        "not is_labelled(input.review.object)",
    );
    folder.write("policies/broken.yaml", broken);
    folder.write("policies/orphan.yaml", CONSTRAINT.replace("RequireOwner", "Other"));
    folder
        .write("policies/wrong.yaml", CONSTRAINT.replace("{}", "{label: 1}").replace("everybody", "nobody"));
    folder
        .run("check -o concise .")
        .expect(1)
        .expect_line(&[
            "policies/broken.yaml:26:9",
            "admission/invalid-template",
            "undefined function is_labelled",
        ])
        .expect_line(&["policies/orphan.yaml:3:1", "admission/unknown-template"])
        .expect_line(&["policies/wrong.yaml:11:", "admission/invalid-constraint", "must be of type string"])
        .expect_line(&["deploy/pod.yaml", "admission/RequireOwner/everybody"]);
}

const EXPANSION: &str = "
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata:
  name: deployments
spec:
  applyTo:
  - groups: [apps]
    versions: [v1]
    kinds: [Deployment]
  templateSource: spec.template
  generatedGVK: {group: '', version: v1, kind: Pod}
";

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'registry.internal/web:1'}]}
";

const MUTATOR: &str = "
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata:
  name: owner
spec:
  location: metadata.labels.owner
  parameters:
    assign: {value: team}
";

#[test]
fn what_an_expansion_makes_is_mutated_and_what_is_written_is_not() {
    let folder = folder();
    folder.write("policies/expansion.yaml", EXPANSION);
    folder.write("deploy/deployment.yaml", DEPLOYMENT);
    let implied = "[Implied by deployments] web-pod has no label owner";
    folder
        .run("check --fail-on deny -o concise .")
        .expect(1)
        .expect_line(&["deploy/deployment.yaml", implied]);
    folder.write("policies/mutator.yaml", MUTATOR);
    let report = folder.run("check --fail-on deny -o concise .");
    report.expect(1).expect_line(&["deploy/pod.yaml:3:1", "web has no label owner"]);
    assert!(!report.stdout.contains("Implied by"), "{}", report.stdout);
    let lonely = Folder::new(&[("mutator.yaml", MUTATOR)]);
    lonely.run("check --fail-on low .").expect(0);
}

#[test]
fn a_broken_mutator_is_shown_at_its_place() {
    let folder = folder();
    let assign = MUTATOR.replace("AssignMetadata", "Assign").replace(
        "  location: metadata.labels.owner",
        "  applyTo: [{groups: [''], versions: [v1], kinds: [Pod]}]\n  location: spec.a.b",
    );
    folder.write("policies/broken.yaml", MUTATOR.replace("metadata.labels.owner", "spec.x"));
    folder.write("policies/one.yaml", assign.replace("name: owner", "name: one"));
    let other = assign.replace("name: owner", "name: other").replace("spec.a.b", "'spec.a[name: x].b'");
    folder.write("policies/other.yaml", other);
    let shape = assign.replace("name: owner", "name: shape").replace("spec.a.b", "spec.containers.x");
    folder.write("policies/shape.yaml", shape);
    folder
        .run("check -o concise .")
        .expect(1)
        .expect_line(&["policies/broken.yaml:7:", "admission/invalid-mutator", "a label or an annotation"])
        .expect_line(&[
            "policies/one.yaml:8:",
            "admission/conflicting-mutator",
            "contradicts that of Assign `other`",
        ])
        .expect_line(&["policies/other.yaml:8:", "admission/conflicting-mutator"])
        .expect_line(&["deploy/pod.yaml", "admission/failed-mutation", "Assign/shape", "must be an object"]);
}

#[test]
fn excluded_namespaces_are_left_alone() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: []}\n";
    let config = "apiVersion: config.gatekeeper.sh/v1alpha1
kind: Config
metadata: {name: config, namespace: gatekeeper-system}
spec: {match: [{processes: [webhook], excludedNamespaces: [sho*]}]}
";
    let folder = Folder::new(&[
        ("pod.yaml", pod),
        ("policies/template.yaml", TEMPLATE),
        ("policies/constraint.yaml", CONSTRAINT),
    ]);
    let violation = "admission/RequireOwner/everybody";
    folder.run("check -o concise .").expect_line(&[violation]);
    folder.write("policies/config.yaml", config);
    let report = folder.run("check -o concise --policy policies pod.yaml");
    assert!(!report.stdout.contains("admission/"), "{}", report.stdout);
    folder.write("policies/config.yaml", config.replace("name: config", "name: mine"));
    let report = folder.run("check -o concise .");
    report.expect_line(&[violation]).expect_line(&["policies/config.yaml:3:", "admission/invalid-config"]);
    let label = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    admission.gatekeeper.sh/ignore: 'yes'\n";
    folder.write("policies/namespace.yaml", label);
    let report = folder.run("check -o concise .");
    report.expect_line(&["policies/namespace.yaml:6:", "admission/ignored-namespace"]);
    assert!(!report.stdout.contains(violation), "{}", report.stdout);
}

#[test]
fn a_policy_of_a_file_goes_before_the_built_in_one_and_no_policy_is_told() {
    let folder = Folder::new(&[("pod.yaml", HARDENED)]);
    folder.run("policy export own block-latest-tag").expect(0);
    folder
        .run("check --policy builtin:block-latest-tag --policy own pod.yaml")
        .expect_note("takes the place of the built-in one");
    // So is one of another file, and both are named.
    folder.run("policy export other block-latest-tag").expect(0);
    folder
        .run("check --policy own pod.yaml other/block-latest-tag/template.yaml")
        .expect_note("other/block-latest-tag/template.yaml: this ConstraintTemplate `k8sblocklatesttag` takes the place of that of `own/");
    std::fs::create_dir(folder.path("empty")).expect("a folder");
    let outcome = folder.run("check -q --policy ./empty pod.yaml");
    outcome.expect(2).expect_note("there is no policy in `empty`");
    folder.write("own.rego", "package own\n");
    folder.run("check -q --policy own.rego pod.yaml").expect(2).expect_note("goes into a ConstraintTemplate");
    folder
        .run("check -q --policy builtn pod.yaml")
        .expect(2)
        .expect_note("`--policy builtn`: there is no such file: did you mean `builtin`");
}

#[test]
fn policies_for_kyverno_are_told_to_be_unread() {
    let policy = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: a}\nspec: {rules: []}\n";
    let folder = Folder::new(&[("pod.yaml", HARDENED), ("policy.yaml", policy)]);
    folder.run("check .").expect_note("policy.yaml: ClusterPolicy `a`: policies for Kyverno are not read");
}

#[test]
fn policies_are_told_the_time() {
    let rego = "violation[{\"msg\": msg}] {
        time.now_ns() > time.parse_rfc3339_ns(\"2020-01-01T00:00:00Z\")
        msg := sprintf(\"it is %v\", [time.now_ns()])
      }
";
    let head = TEMPLATE.split_once("violation[").expect("the template has a rule").0;
    let folder = Folder::new(&[
        ("pod.yaml", HARDENED),
        ("policies/template.yaml", &format!("{head}{rego}")),
        ("policies/constraint.yaml", CONSTRAINT),
    ]);
    folder.run("check --fail-on deny -o concise .").expect(1).expect_line(&["it is 1"]);
    folder.run("check --fail-on deny --now 2019-12-31T23:59:59Z .").expect(0);
    folder
        .run("check --fail-on deny -o concise --now 2027-01-15T08:00:00Z .")
        .expect(1)
        .expect_line(&["it is 1800000000000000000"]);
    folder.run("check --now yesterday .").expect(2);
}
