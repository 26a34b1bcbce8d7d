//! Fixes that policies bring along.

use super::*;
use crate::finding::{Fix, Safety};

/// What is said of a Pod by a policy with these details, and the fix.
fn fixed(details: &str) -> (Option<Fix>, Vec<String>) {
    let template = template(&format!("violation[{{\"msg\": \"wrong\", \"details\": {details}}}] {{ true }}"));
    let constraint = CONSTRAINT.replace("[Pod, Namespace]", "[Pod]");
    let pod = format!("{POD}spec: {{hostPID: true, containers: [{{name: web}}], volumes: null}}\n");
    let snapshot = snapshot(&[&template, &constraint, &pod]);
    let set = compile(&snapshot);
    let entry = snapshot.of_kind("", "Pod").first().expect("a Pod");
    let request = bare_request(entry);
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        time_ns: 0,
        point: WEBHOOK,
        explanation: Explanation::None,
    };
    let verdicts = set.review(&review, snapshot.inventory());
    assert_eq!(verdicts.len(), 1, "{details}");
    let finding = set.finding(verdicts.first().expect("one"), entry).expect("a finding");
    (finding.fix, finding.related.into_iter().map(|related| related.label).collect())
}

#[test]
fn details_bring_a_fix() {
    for (details, title, safety) in [
        (
            r#"{"path": ["spec", "hostPID"], "fix": {"op": "remove"}}"#,
            "remove `spec.hostPID`",
            Safety::Unsafe,
        ),
        (
            r#"{"path": ["kind"], "fix": {"op": "set", "path": ["spec", "containers", 0, "a", "b"], "value": [1], "safe": true}}"#,
            "set `spec.containers[0].a.b` to [1]",
            Safety::Safe,
        ),
        (
            r#"{"fix": {"op": "set", "path": ["spec", "volumes", "a"], "value": {}}}"#,
            "set `spec.volumes.a` to {}",
            Safety::Unsafe,
        ),
        (
            r#"{"fix": {"op": "set", "path": ["immutable"], "value": true, "title": "freeze"}}"#,
            "freeze",
            Safety::Unsafe,
        ),
    ] {
        let (fix, related) = fixed(details);
        let fix = fix.unwrap_or_else(|| panic!("{details}: {related:?}"));
        assert_eq!((fix.title.as_str(), fix.safety, fix.edits.len()), (title, safety, 1), "{details}");
        assert!(related.is_empty(), "{details}: {related:?}");
    }
    assert_eq!(fixed(r#"{"path": ["spec"]}"#), (None, Vec::new()));
}

#[test]
fn a_fix_that_cannot_be_made_is_left_out_and_that_is_said() {
    for (fix, reason) in [
        ("true", "must be an object"),
        ("{}", "array of keys"),
        (r#"{"path": ["spec"]}"#, "`op` must"),
        (r#"{"op": "add", "path": ["spec"]}"#, "`op` must"),
        (r#"{"op": "remove", "path": ["spec", "hostIPC"]}"#, "needs a path to what is there"),
        (r#"{"op": "remove", "path": ["spec"], "value": 1}"#, "takes no `value`"),
        (r#"{"op": "set", "path": ["spec"]}"#, "needs a `value`"),
        (r#"{"op": "set", "path": [], "value": 1}"#, "array of keys"),
        (r#"{"op": "set", "path": ["spek", "a"], "value": 1}"#, "does not begin"),
        (r#"{"op": "set", "path": ["spec", "hostPID", "a"], "value": 1}"#, "does not lead"),
        (r#"{"op": "set", "path": ["spec", "containers", 1], "value": 1}"#, "does not lead"),
        (r#"{"op": "set", "path": ["spec", "containers", "0"], "value": 1}"#, "does not lead"),
        (r#"{"op": "set", "path": ["spec"], "value": {1, 2}}"#, "JSON can hold"),
        (r#"{"op": "set", "path": ["spec"], "value": {1: 2}}"#, "JSON can hold"),
        (r#"{"op": "set", "path": ["spec"], "value": numbers.range(1, 1001)}"#, "JSON can hold"),
        (r#"{"op": "remove", "path": ["spec"], "safe": "yes"}"#, "`safe` must"),
        (r#"{"op": "remove", "path": ["spec"], "title": ""}"#, "`title` must"),
        (r#"{"op": "remove", "path": ["spec"], "paths": []}"#, "means nothing"),
    ] {
        let (found, related) = fixed(&format!("{{\"fix\": {fix}}}"));
        assert_eq!(found, None, "{fix}");
        assert!(
            related.len() == 1 && related.iter().any(|label| label.contains(reason)),
            "{fix}: {related:?}"
        );
    }
}
