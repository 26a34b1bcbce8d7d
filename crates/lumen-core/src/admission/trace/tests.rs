use super::super::matching::Source;
use super::super::tests::{CONSTRAINT, compile, snapshot, template};
use super::super::{Explanation, Review, Verdict, WEBHOOK};
use super::*;
use crate::finding::Place;
use crate::request::bare_request;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop, labels: {app: a, tier: b}}
spec:
  hostNetwork: true
  containers:
  - {name: one, image: 'a:1', resources: {limits: {cpu: 1}}}
  - {name: two, image: 'b:latest', tags: [old, new]}
  - {name: three, image: 'c:latest'}
";

/// The message, the place and the lines of each violation.
fn explained(rules: &str) -> Vec<(String, String, Vec<String>)> {
    let policy = template(rules) + "---\n" + CONSTRAINT;
    let snapshot = snapshot(&[&policy, POD]);
    let set = compile(&snapshot);
    let entry = snapshot.of_kind("", "Pod").first().expect("a Pod");
    let request = bare_request(entry);
    let review = |explanation| {
        let review = Review {
            request: &request,
            namespace: None,
            namespace_object: None,
            source: Source::Original,
            time_ns: 0,
            point: WEBHOOK,
            explanation,
        };
        set.review(&review, snapshot.inventory())
    };
    let verdicts = review(Explanation::Trace);
    let told = |verdicts: &[Verdict]| -> Vec<Said> {
        verdicts.iter().map(|verdict| (verdict.message.clone(), verdict.details.clone())).collect()
    };
    assert_eq!(told(&verdicts), told(&review(Explanation::None)));
    let explained = |verdict: &Verdict| {
        let place = verdict.why.as_ref().and_then(|why| why.place.as_ref());
        let lines = set.steps(verdict).into_iter().map(|step| {
            let Place::Inside { row, .. } = step.location.place else { panic!("{step:?}") };
            format!("{row} {}", step.label)
        });
        (verdict.message.clone(), place.map(ToString::to_string).unwrap_or_default(), lines.collect())
    };
    verdicts.iter().map(explained).collect()
}

/// The places, in the order of the messages.
fn places(rules: &str) -> Vec<String> {
    explained(rules).into_iter().map(|(_, place, _)| place).collect()
}

#[test]
fn a_field_that_is_read_decides() {
    let host = "violation[{\"msg\": \"m\"}] { input.review.object.spec.hostNetwork }";
    assert_eq!(places(host), ["/spec/hostNetwork"]);
    // Names say which object it is, not what is wrong with it.
    let named = "violation[{\"msg\": msg}] {
	input.review.object.spec.hostNetwork == true
	msg := sprintf(\"%v must not\", [input.review.object.metadata.name])
}";
    assert_eq!(places(named), ["/spec/hostNetwork"]);
    assert_eq!(places("violation[{\"msg\": \"m\"}] { input.review.object.kind == \"Pod\" }"), [""]);
    assert_eq!(places("violation[{\"msg\": \"m\"}] { true }"), [""]);
}

#[test]
fn the_container_at_fault_is_told_from_the_others() {
    let by_variable = "violation[{\"msg\": msg}] {
	c := input.review.object.spec.containers[_]
	endswith(c.image, \":latest\")
	msg := c.name
}";
    assert_eq!(places(by_variable), ["/spec/containers/2/image", "/spec/containers/1/image"]);
    let at_once = "violation[{\"msg\": msg}] {
	endswith(input.review.object.spec.containers[i].image, \":latest\")
	msg := sprintf(\"%v\", [i])
}";
    assert_eq!(places(at_once), ["/spec/containers/1/image", "/spec/containers/2/image"]);
    let in_a_set = "containers[c] { c := input.review.object.spec.containers[_] }
violation[{\"msg\": c.name}] { containers[c]; not c.resources.limits.cpu }";
    assert_eq!(places(in_a_set), ["/spec/containers/2/resources", "/spec/containers/1/resources"]);
}

#[test]
fn what_is_missing_is_looked_for_where_it_would_be() {
    let label = "violation[{\"msg\": \"m\"}] { not input.review.object.metadata.labels.owner }";
    assert_eq!(places(label), ["/metadata/labels/owner"]);
    let labels = "violation[{\"msg\": msg}] {
	provided := {l | input.review.object.metadata.labels[l]}
	missing := {\"app\", \"owner\"} - provided
	count(missing) > 0
	msg := sprintf(\"%v\", [missing])
}";
    assert_eq!(places(labels), ["/metadata/labels"]);
}

#[test]
fn functions_and_other_sets_are_looked_into() {
    let nested = "has(c, text) { tag(c.image) == text }
tag(image) = tag { parts := split(image, \":\"); tag := parts[1] }
violation[{\"msg\": \"m\"}] { c := input.review.object.spec.containers[_]; has(c, \"1\") }";
    let all = explained(nested);
    let [(_, place, lines)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(place, "/spec/containers/0/image");
    let container = r#"{"image":"a:1","name":"one","resources":{"limits":{"cpu":1}}}"#;
    assert_eq!(
        lines,
        &[
            format!("4 c := input.review.object.spec.containers[_], with c = {container}"),
            "4 has(c, \"1\")".to_owned(),
            "3     parts := split(image, \":\"), with image = \"a:1\", parts = [\"a\",\"1\"]".to_owned(),
            "3     tag := parts[1], with tag = \"1\"".to_owned(),
            "2   tag(c.image) == text, with c.image = \"a:1\", text = \"1\"".to_owned(),
        ]
    );
    let handed_on = "general[{\"msg\": msg}] {
	c := input.review.object.spec.containers[_]
	endswith(c.image, \":latest\")
	msg := c.name
}
violation[{\"msg\": msg}] { general[{\"msg\": msg}] }";
    assert_eq!(places(handed_on), ["/spec/containers/2/image", "/spec/containers/1/image"]);
    let all = explained(handed_on);
    assert!(all[1].2.iter().any(|line| line.starts_with("4 ") && line.contains("b:latest")), "{all:?}");
    assert!(!all[1].2.iter().any(|line| line.contains("c:latest")), "{all:?}");
}

#[test]
fn of_what_is_tried_the_last_binding_is_shown() {
    let tried = "good(c) { tag := c.tags[_]; tag == \"stable\" }
violation[{\"msg\": \"m\"}] { c := input.review.object.spec.containers[1]; not good(c) }";
    let all = explained(tried);
    let [(_, place, lines)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(place, "/spec/containers/1/tags");
    assert_eq!(lines.last().expect("a line"), "2   tag == \"stable\" does not hold, with tag = \"new\"");
}

#[test]
fn every_and_comprehensions_are_looked_into() {
    let every = "import future.keywords.every
import future.keywords.in
import future.keywords.if
import future.keywords.contains
violation contains {\"msg\": \"m\"} if {
	some c in input.review.object.spec.containers
	c.tags
	every tag in c.tags { tag != \"stable\" }
}";
    assert_eq!(places(every), ["/spec/containers/1/tags"]);
    let counted = "violation[{\"msg\": \"m\"}] {
	c := input.review.object.spec.containers[_]
	count([t | t := c.tags[_]; t != \"old\"]) == 1
}";
    assert_eq!(places(counted), ["/spec/containers/1/tags"]);
}

#[test]
fn what_is_gathered_from_all_items_points_at_all() {
    for gathered in [
        "count([t | t := input.review.object.spec.containers[_].tags[_]]) == 2",
        "t := [t | t := input.review.object.spec.containers[_].tags[_]]; count(t) == 2",
        "t := {t | t := input.review.object.spec.containers[_].tags[_]}; t[\"new\"]",
        "t := {c.name: t | c := input.review.object.spec.containers[_]; t := c.tags}; count(t) == 1",
        "t := [c | c := input.review.object.spec.containers[_]; startswith(c.image, \"b:\")]; count(t) > 0",
        "t := [c | c := input.review.object.spec.containers[_]; c.image == \"a:1\"]; count(t) > 0",
        "tags[\"old\"]",
        "count(tags) == 2",
        "images[\"one\"]",
        "images[\"two\"]",
    ] {
        let rules = format!(
            "violation[{{\"msg\": \"m\"}}] {{ {gathered} }}
tags[t] {{ t := input.review.object.spec.containers[_].tags[_] }}
images[c.name] {{ c := input.review.object.spec.containers[_]; not endswith(c.image, \":x\") }}"
        );
        assert_eq!(places(&rules), ["/spec/containers"], "{gathered}");
    }
}

#[test]
fn explanations_are_bounded() {
    // Each container fails for itself, and each value is long.
    let long = "violation[{\"msg\": msg}] {
	a := numbers.range(1, 100000)
	x := numbers.range(1, 200)[i]
	input.review.object.spec.hostNetwork
	msg := sprintf(\"%v\", [x])
}";
    let all = explained(long);
    assert_eq!(all.len(), 200);
    assert!(all.iter().filter(|(_, place, _)| place == "/spec/hostNetwork").count() <= VIOLATIONS_MAX);
    for (_, _, lines) in all {
        assert!(lines.len() <= LINES_MAX && lines.iter().all(|line| line.len() < 1000), "{lines:?}");
    }
    // Too much to be looked at once more, and a violation all the same.
    let slow = "violation[{\"msg\": \"m\"}] { count([1 | numbers.range(1, 1000)[_]; numbers.range(1, 1000)[_]]) > 1 }";
    assert_eq!(explained(slow), [("m".to_owned(), String::new(), Vec::new())]);
}

#[test]
fn cel_shows_the_validation() {
    let policy = "apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: check}
spec:
  crd: {spec: {names: {kind: Check}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    code:
    - engine: K8sNativeValidation
      source:
        validations:
        - {expression: 'true'}
        - {expression: '!has(object.spec.hostNetwork)', message: m}
---
"
    .to_owned()
        + CONSTRAINT;
    let snapshot = snapshot(&[&policy, POD]);
    let set = compile(&snapshot);
    let request = bare_request(snapshot.of_kind("", "Pod").first().expect("a Pod"));
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        time_ns: 0,
        point: WEBHOOK,
        explanation: Explanation::Trace,
    };
    let verdicts = set.review(&review, snapshot.inventory());
    let steps: Vec<Related> = verdicts.iter().flat_map(|verdict| set.steps(verdict)).collect();
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(step.label, "!has(object.spec.hostNetwork) does not hold");
    let Place::Field { pointer, .. } = &step.location.place else { panic!("{step:?}") };
    assert_eq!(pointer.to_string(), "/spec/targets/0/code/0/source/validations/1/expression");
}
