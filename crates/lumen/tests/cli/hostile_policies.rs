//! Policies that would take everything: an error that names them, within bounds, and the others go on.

use crate::support::Folder;

/// A template of a kind whose `violation` has this body, and a constraint of it for all pods.
fn policy(kind: &str, body: &str) -> String {
    let name = kind.to_lowercase();
    let body = body.replace('\n', "\n        ");
    format!(
        r#"apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {{name: {name}}}
spec:
  crd: {{spec: {{names: {{kind: {kind}}}}}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package {name}
      violation[{{"msg": msg}}] {{
        {body}
      }}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: {kind}
metadata: {{name: all}}
spec: {{match: {{kinds: [{{apiGroups: [''], kinds: [Pod]}}]}}}}
---
"#
    )
}

/// A collection that has few parts in memory and more than anybody can go through.
fn doubled(uses: &str) -> String {
    let lines = (1..60).map(|number| format!("s{number} := [s{0}, s{0}]", number - 1));
    let lines: Vec<String> = std::iter::once("s0 := [\"x\"]".to_owned()).chain(lines).collect();
    lines.join("\n") + "\n" + uses
}

#[test]
fn what_doubles_ends_in_an_error_and_others_go_on() {
    let uses = [
        "msg := json.marshal(s59)",
        "msg := yaml.marshal(s59)",
        "msg := sprintf(\"%v\", [s59])",
        "walk(s59, [_, found])\nfound == \"y\"\nmsg := \"found\"",
        "object.subset(s59, array.concat(s59, [1]))\nmsg := \"subset\"",
        "json.match_schema({\"a\": s59}, {\"type\": \"string\"})[0]\nmsg := \"matches\"",
        "s59 == array.concat(s58, [s58])\nmsg := \"equal\"",
    ];
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: c, image: a/b:1}]}\n";
    for using in uses {
        let policies = policy("Doubles", &doubled(using)) + &policy("Sound", "msg := \"still told\"");
        let folder = Folder::new(&[("policies.yaml", &policies), ("pod.yaml", pod)]);
        let outcome = folder.run("check -o concise --fail-on deny .");
        outcome.expect_line(&["admission/Sound/all", "still told"]);
        assert!(!outcome.stderr.contains("panicked"), "{using}: {outcome:#?}");
    }
}
