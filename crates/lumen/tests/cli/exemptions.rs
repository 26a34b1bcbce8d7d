//! Who may silence what.

use crate::support::{ENFORCING, Folder, PRIVILEGED};

const EXEMPTION: &str = "\
apiVersion: lumensec.io/v1alpha1
kind: Exemption
metadata:
  name: node-agent
spec:
  owner: platform
  reason: it mounts the node's disks
  expires: 2999-12-31
  rules: [pod-security/*]
  match:
    kinds: [Pod]
    names: [agent]
";

fn commented() -> String {
    PRIVILEGED.replace(
        "      privileged: true",
        "      # lumen: ignore[pod-security/privileged] it mounts disks\n      privileged: true",
    )
}

#[test]
fn a_comment_silences_advice() {
    let folder = Folder::new(&[("pod.yaml", &commented())]);
    let outcome = folder.run("check -o concise .");
    outcome.expect(0);
    assert!(!outcome.says(&["runs privileged"]), "{outcome:#?}");
    folder.write(
        "pod.yaml",
        PRIVILEGED
            .replace("privileged: true", "privileged: true # lumen: ignore[pod-security/privileged] disks"),
    );
    folder.run("check .").expect(0);
    folder.write("pod.yaml", format!("# lumen: ignore[pod-security/privileged] above all\n{PRIVILEGED}"));
    folder.run("check .").expect(0);
    folder.run("check -o concise --exemptions .").expect(0).expect_line(&[
        "matched",
        "1",
        "pod.yaml:1",
        "above all",
    ]);
}

#[test]
fn an_exemption_from_a_rule_that_is_none_says_so() {
    let comment = "privileged: true # lumen: ignore[pod-security/priviliged] disks";
    let folder = Folder::new(&[("pod.yaml", &PRIVILEGED.replace("privileged: true", comment))]);
    folder
        .run("check .")
        .expect(1)
        .expect_line(&[
            "input/invalid-exemption",
            "no rule is called `pod-security/priviliged`",
            "`pod-security/privileged`?",
        ])
        .expect_line(&["advice (medium)", "nothing is refused for it"]);
    for rule in ["pod-security/priv*", "admission/whatever-a-template-says"] {
        let comment = format!("privileged: true # lumen: ignore[{rule}] disks");
        folder.write("pod.yaml", PRIVILEGED.replace("privileged: true", &comment));
        assert!(!folder.run("check .").stdout.contains("no rule is called"), "{rule}");
    }
}

#[test]
fn an_annotation_silences_advice_of_its_object() {
    let annotation =
        "metadata:\n  annotations:\n    lumensec.io/ignore: \"pod-security/privileged: disks\"\n";
    let folder = Folder::new(&[("pod.yaml", &PRIVILEGED.replace("metadata:\n", annotation))]);
    folder.run("check .").expect(0);
    folder.write(
        "pod.yaml",
        PRIVILEGED.replace("metadata:\n", &annotation.replace("privileged: ", "host-ports: ")),
    );
    folder
        .run("check -o concise .")
        .expect(1)
        .expect_line(&["input/unused-exemption", "pod-security/host-ports"]);
}

#[test]
fn neither_silences_a_denial_and_that_is_said() {
    let folder = Folder::new(&[("pod.yaml", &commented()), ("namespace.yaml", ENFORCING)]);
    let outcome = folder.run("check .");
    outcome.expect(1).expect_line(&["does not honour"]);
    folder.run("check --fail-on deny .").expect(1);
    folder.run("check --exemptions .").expect(1).expect_line(&[
        "not honoured",
        "pod.yaml:10",
        "it mounts disks",
    ]);
}

#[test]
fn an_exemption_object_counts_everywhere() {
    let folder = Folder::new(&[
        ("pod.yaml", PRIVILEGED),
        ("namespace.yaml", ENFORCING),
        ("exemption.yaml", EXEMPTION),
    ]);
    let outcome = folder.run("check -o concise .");
    outcome.expect(0).expect_note("the API server's own Pod Security admission does not read it");
    assert!(!outcome.says(&["runs privileged"]), "{outcome:#?}");
    let outcome = folder.run("check --exemptions -o json .");
    outcome.expect(0);
    let audit: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let first = &audit["exemptions"][0];
    assert_eq!(first["status"], "matched");
    assert_eq!((&first["owner"], &first["name"]), (&"platform".into(), &"node-agent".into()));
    assert_eq!(first["expires"], "3000-01-01T00:00:00Z");
}

#[test]
fn expired_unused_and_invalid_ones_are_reported_and_not_honoured() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder.write("e.yaml", EXEMPTION.replace("2999", "2001"));
    folder.run("check -o concise .").expect(1).expect_line(&["e.yaml:1", "input/expired-exemption"]);
    folder.run("check --exemptions .").expect(1).expect_line(&["expired", "2002-01-01"]);
    folder.write("e.yaml", EXEMPTION.replace("names: [agent]", "names: [other]"));
    folder.run("check -o concise .").expect(1).expect_line(&["e.yaml:1", "input/unused-exemption"]);
    folder.write("e.yaml", EXEMPTION.replace("reason:", "because:"));
    folder.run("check -o concise .").expect(1).expect_line(&[
        "e.yaml:7",
        "input/invalid-exemption",
        "`because`",
    ]);
    folder.write("e.yaml", EXEMPTION.replace("  reason: it mounts the node's disks\n", ""));
    folder.run("check -o concise .").expect(1).expect_line(&["input/invalid-exemption", "no `reason`"]);
    folder.write("e.yaml", "");
    folder.write("pod.yaml", commented().replace(" it mounts disks", ""));
    folder.run("check -o concise .").expect(1).expect_line(&[
        "pod.yaml:10",
        "input/invalid-exemption",
        "no reason",
    ]);
}
