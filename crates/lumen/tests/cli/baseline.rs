//! Known findings.

use crate::support::{ENFORCING, Folder, PRIVILEGED};

#[test]
fn what_is_known_is_silenced_wherever_its_lines_move() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder
        .run("check --write-baseline known.json .")
        .expect(0)
        .expect_note("wrote 7 findings to `known.json`");
    let text = folder.read("known.json");
    assert!(
        !text.contains("\"line\"") && text.contains("containers[agent]/securityContext/privileged"),
        "{text}"
    );
    let outcome = folder.run("check -o json --baseline known.json .");
    outcome.expect(0).expect_note("7 findings known from the baseline");
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(report["findings"], serde_json::json!([]));
    // Lines move, the file is renamed, a container comes before: the same findings.
    let moved = PRIVILEGED.replace("  containers:\n", "  containers:\n  - name: new\n    image: x\n");
    folder.write("moved.yaml", format!("# a comment\n\n{moved}"));
    std::fs::remove_file(folder.path("pod.yaml")).expect("is removed");
    let outcome = folder.run("check -o concise --baseline known.json .");
    outcome.expect(0);
    assert!(!outcome.says(&["`agent`"]) && outcome.says(&["`new`"]), "{outcome:#?}");
}

#[test]
fn what_is_new_is_not_known_and_what_is_mended_is_said() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder.run("check --write-baseline known.json .").expect(0);
    folder.write("pod.yaml", PRIVILEGED.replace("privileged: true", "privileged: false"));
    let outcome = folder.run("check -v --baseline known.json .");
    outcome.expect(0).expect_note("of the baseline fixed").expect_note("fixed: pod-security/privileged");
    folder.write("pod.yaml", PRIVILEGED.replace("spec:", "spec:\n  hostNetwork: true"));
    folder.run("check --baseline known.json .").expect(1);
}

#[test]
fn a_denial_is_another_finding_than_the_advice_before_it() {
    let folder = Folder::new(&[("pod.yaml", PRIVILEGED)]);
    folder.run("check --write-baseline known.json .").expect(0);
    folder.write("namespace.yaml", ENFORCING);
    folder.run("check --baseline known.json .").expect(1);
    folder.run("check --write-baseline known.json .").expect(0);
    folder.run("check --baseline known.json .").expect(0).expect_note("denied by the cluster");
    // `deny` is exactly what the cluster refuses, whatever is known.
    folder.run("check --baseline known.json --fail-on deny .").expect(1);
}

#[test]
fn what_cannot_be_read_is_never_known() {
    let folder = Folder::new(&[("bad.yaml", "a: [\n")]);
    folder.run("check --write-baseline known.json .").expect(2);
    folder.run("check --baseline known.json .").expect(2);
    folder.write("known.json", "{}");
    let outcome = folder.run("check --baseline known.json .");
    outcome.expect(2).expect_note("`known.json`: it is no baseline: missing field");
    assert_eq!(outcome.stderr.matches("missing field").count(), 1, "said once: {outcome:#?}");
}

#[test]
fn the_same_inputs_make_the_same_baseline() {
    let folder =
        Folder::new(&[("b/pod.yaml", PRIVILEGED), ("a/pod.yaml", &PRIVILEGED.replace("agent", "other"))]);
    folder.run("check --write-baseline one.json a b").expect(0);
    folder.run("check --write-baseline two.json b a").expect(0);
    assert_eq!(folder.read("one.json"), folder.read("two.json"));
}
