//! Where a violation points, and `--trace`: what the policy's evaluation shows.

use crate::support::Folder;

/// A template whose rules find out in several ways.
const TEMPLATE: &str = r#"apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: several}
spec:
  crd:
    spec:
      names: {kind: Several}
      validation:
        openAPIV3Schema:
          type: object
          properties: {registries: {type: array, items: {type: string}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package several

      violation[{"msg": "one image is from elsewhere"}] {
        container := input.review.object.spec.containers[_]
        not is_known(container)
      }

      violation[{"msg": "there are too many ports"}] {
        ports := [port | port := input.review.object.spec.containers[_].ports[_]]
        count(ports) > 1
      }

      violation[{"msg": "everything is tolerated"}] {
        tolerates_all
      }

      violation[{"msg": msg}] {
        value := input.review.object.metadata.annotations[key]
        startswith(key, "team.example/")
        value == "nobody"
        msg := sprintf("%v is nobody",
          [key])
      }

      violation[{"msg": "no owner"}] {
        not input.review.object.metadata.labels.owner
      }

      tolerates_all {
        toleration := input.review.object.spec.tolerations[_]
        toleration.operator == "Exists"
        not toleration.key
      }

      is_known(container) {
        registry := split(container.image, "/")[0]
        registry == input.parameters.registries[_]
      }
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Several
metadata: {name: several}
spec: {parameters: {registries: [a.example, b.example]}}
"#;

/// Rules that go through all containers before they decide.
const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: two
  labels: {app: two}
  annotations:
    team.example/a: somebody
    team.example/b: nobody
spec:
  tolerations:
  - {key: dedicated, operator: Exists}
  - {operator: Exists}
  containers:
  - name: first
    image: a.example/x
  - name: second
    image: c.example/x
    ports:
    - containerPort: 1
    - containerPort: 2
";

fn folder() -> Folder {
    Folder::new(&[("policy.yaml", TEMPLATE), ("pod.yaml", POD)])
}

#[test]
fn a_violation_points_at_the_field_that_decided() {
    let report = folder().run("check --fail-on never -o concise .");
    let report = report.expect(0);
    for (place, message) in [
        ("pod.yaml:17:5: ", "one image is from elsewhere"),
        ("pod.yaml:13:3: ", "there are too many ports"),
        ("pod.yaml:12:", "everything is tolerated"),
        ("pod.yaml:8:5: ", "team.example/b is nobody"),
        ("pod.yaml:5:3: ", "no owner"),
    ] {
        report.expect_line(&[place, "[admission/Several/several]", message]);
    }
}

/// The lines of the trace of one violation.
fn trace(message: &str) -> Vec<String> {
    let report = folder().run("check --fail-on never --trace policy.yaml pod.yaml");
    let text = &report.expect(0).stdout;
    let from = text.find(&format!("[admission/Several/several]: {message}")).expect("it is found");
    let about = text.get(from..).expect("a place in the text");
    let about = about.split("\n\n").next().unwrap_or_default();
    let steps = about.split_once("= trace: policy.yaml\n").map_or("", |(_, steps)| steps);
    let row = |line: &str| line.trim_start_matches([' ', '|']).to_owned();
    steps.lines().take_while(|line| line.starts_with("     ")).map(row).collect()
}

#[test]
fn a_trace_shows_the_rows_that_held_and_what_a_negation_rests_on() {
    assert_eq!(
        trace("one image is from elsewhere"),
        [
            r#"18  container := input.review.object.spec.containers[_], with container = {"image":"c.example/x","name":"second","ports":[{"containerPort":1},{"co.."#,
            "19  not is_known(container)",
            r#"51    registry == input.parameters.registries[_] does not hold, with registry = "c.example""#,
        ]
    );
    assert_eq!(
        trace("team.example/b is nobody"),
        [
            r#"32  value := input.review.object.metadata.annotations[key], with value = "nobody", key = "team.example/b""#,
            r#"33  startswith(key, "team.example/")"#,
            r#"34  value == "nobody""#,
            r#"35  msg := sprintf("%v is nobody", [key])"#,
        ]
    );
    assert_eq!(
        trace("there are too many ports"),
        [
            r#"23  ports := [port | port := input.review.object.spec.containers[_].ports[_].., with ports = [{"containerPort":1},{"containerPort":2}]"#,
            "24  count(ports) > 1, with count(ports) = 2",
        ]
    );
    assert_eq!(
        trace("everything is tolerated"),
        [
            "28  tolerates_all",
            r#"44    toleration := input.review.object.spec.tolerations[_], with toleration = {"operator":"Exists"}"#,
            r#"45    toleration.operator == "Exists""#,
            "46    not toleration.key",
        ]
    );
}

#[test]
fn without_the_flag_there_is_no_trace_and_machines_get_it_as_related_places() {
    let plain = folder().run("check --fail-on never .");
    assert!(!plain.expect(0).stdout.contains("trace:"), "{}", plain.stdout);
    let report = folder().run("check --fail-on never --trace -o json policy.yaml pod.yaml");
    assert!(
        report.expect(0).stdout.contains(r#""label": "not is_known(container)""#)
            || report.stdout.contains(r#""label":"not is_known(container)""#),
        "{}",
        report.stdout
    );
}

const CEL: &str = r"apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: few}
spec:
  crd: {spec: {names: {kind: Few}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    code:
    - engine: K8sNativeValidation
      source:
        validations:
        - expression: 'has(object.spec)'
          message: no specification
        - expression: 'size(object.spec.containers) < 2'
          message: too many containers
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Few
metadata: {name: few}
";

#[test]
fn of_cel_the_validation_is_shown() {
    let folder = Folder::new(&[("policy.yaml", CEL), ("pod.yaml", POD)]);
    let report = folder.run("check --fail-on never --trace policy.yaml pod.yaml");
    report.expect(0).expect_line(&["14  size(object.spec.containers) < 2 does not hold"]);
}
