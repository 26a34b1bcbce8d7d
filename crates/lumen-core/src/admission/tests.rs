use lumen_value::read::{Limits, read};

use super::*;
use crate::finding::{Action, Finding, Outcome};
use crate::request::{Operation, User, admission_request, bare_request};
use crate::snapshot::{Options, Snapshot, SourceDocument};

mod fixes;

/// A template whose `violation` has this body, and a constraint of it for everything.
fn policy(body: &str) -> String {
    template(&format!("violation[{{\"msg\": msg}}] {{ {body} }}")) + "---\n" + CONSTRAINT
}

pub(super) fn template(rules: &str) -> String {
    format!(
        "apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {{name: check}}
spec:
  crd: {{spec: {{names: {{kind: Check}}}}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package check
      {}
",
        rules.replace('\n', "\n      ")
    )
}

pub(super) const CONSTRAINT: &str = "apiVersion: constraints.gatekeeper.sh/v1beta1
kind: Check
metadata: {name: all}
spec: {match: {kinds: [{apiGroups: ['*'], kinds: [Pod, Namespace]}]}}
";

const POD: &str = "apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
";

pub(super) fn snapshot(texts: &[&str]) -> Snapshot {
    let documents = texts.iter().enumerate().flat_map(|(number, text)| {
        let reading = read(text.as_bytes(), &Limits::default());
        assert_eq!(reading.errors, [], "{text}");
        reading.documents.into_iter().map(move |document| SourceDocument {
            source: format!("{number}.yaml").into(),
            index: document.index,
            value: document.value,
        })
    });
    Snapshot::build(documents, &Options::default()).0
}

pub(super) fn compile(snapshot: &Snapshot) -> PolicySet {
    let (set, findings) = PolicySet::compile(snapshot.entries());
    assert!(findings.is_empty(), "{findings:?}");
    set
}

/// What is said of the Pod among the inputs.
fn verdicts(texts: &[&str], point: &str) -> Vec<Verdict> {
    let snapshot = snapshot(texts);
    verdicts_at(&snapshot, &compile(&snapshot), (point, 0))
}

/// The same, at a time.
fn verdicts_at(snapshot: &Snapshot, set: &PolicySet, (point, time_ns): (&str, i64)) -> Vec<Verdict> {
    let entry = snapshot.of_kind("", "Pod").first().expect("a Pod");
    let request = bare_request(entry);
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        time_ns,
        point,
        explanation: Explanation::None,
    };
    set.review(&review, snapshot.inventory())
}

fn messages(texts: &[&str]) -> Vec<String> {
    verdicts(texts, WEBHOOK).into_iter().map(|verdict| verdict.message).collect()
}

#[test]
fn violations_are_sorted_and_distinct() {
    let rules = "violation[{\"msg\": \"b\"}] { true }
violation[{\"msg\": \"a\", \"details\": {}}] { true }
violation[{\"msg\": \"a\"}] { true }
violation[{\"msg\": \"a\", \"details\": {\"x\": 1}}] { true }
violation[{\"note\": \"no message\"}] { true }
violation[\"no object\"] { true }";
    let policy = template(rules) + "---\n" + CONSTRAINT;
    assert_eq!(messages(&[&policy, POD]), ["a", "a", "b"]);
}

#[test]
fn violations_without_a_message_are_refused_where_that_is_known() {
    let is_taken = |rules: &str| {
        let snapshot = snapshot(&[&template(rules)]);
        PolicySet::compile(snapshot.entries()).1.is_empty()
    };
    assert!(!is_taken("violation[{\"note\": \"n\"}] { true }"));
    assert!(!is_taken("violation[{\"note\": \"n\"}] { print(input.review) }"));
    assert!(!is_taken("other { input.review } violation[{\"note\": \"n\"}] { true }"));
    assert!(!is_taken("violation(x) = y { y := input.review[x] }"));
    // What depends on the input may be anything, as upstream sees it.
    assert!(is_taken("violation[{\"note\": \"n\"}] { input.review.object }"));
    assert!(is_taken("asked { input.review.object } violation[{\"note\": \"n\"}] { asked }"));
}

#[test]
fn a_failing_evaluation_is_a_violation_of_each_constraint_of_its_kind() {
    let rules = "f(x) = 1 { x } f(x) = 2 { x }
violation[{\"msg\": \"m\"}] { f(true) > 0 }";
    let second = CONSTRAINT.replace("all", "more").replace("{match", "{enforcementAction: warn, match");
    let policy = [&template(rules), CONSTRAINT, &second].join("---\n");
    let snapshot = snapshot(&[&policy, POD]);
    let set = compile(&snapshot);
    let found = verdicts(&[&policy, POD], WEBHOOK);
    let entry = snapshot.of_kind("", "Pod").first().expect("a Pod");
    let findings: Vec<Finding> = found.iter().filter_map(|verdict| set.finding(verdict, entry)).collect();
    let said: Vec<_> = findings.iter().map(|finding| (finding.outcome, finding.action)).collect();
    assert_eq!(said, [(Outcome::Error, Action::Deny), (Outcome::Error, Action::Warn)]);
    assert!(findings.iter().all(|finding| finding.message.contains("eval_conflict_error")), "{findings:?}");
    assert!(findings.first().is_some_and(Finding::is_denial));
}

#[test]
fn actions_are_those_of_the_enforcement_point() {
    let spec = "{enforcementAction: scoped, scopedEnforcementActions: [
  {action: warn, enforcementPoints: [{name: '*'}]},
  {action: deny, enforcementPoints: [{name: validation.gatekeeper.sh}]}], match";
    let policy = policy("msg := \"m\"").replace("{match", spec);
    let actions = |point: &str| {
        let found = verdicts(&[&policy, POD], point);
        found.first().map(|verdict| verdict.enforcement.strictest())
    };
    assert_eq!(actions(WEBHOOK), Some(Action::Deny));
    assert_eq!(actions(AUDIT), Some(Action::Warn));
    let nowhere = policy.replace("'*'", "vap.k8s.io");
    assert!(verdicts(&[&nowhere, POD], AUDIT).is_empty());
}

#[test]
fn a_namespace_that_is_not_known_cannot_be_selected() {
    let selected =
        policy("msg := \"m\"").replace("{kinds", "{namespaceSelector: {matchLabels: {a: b}}, kinds");
    let found = verdicts(&[&selected, POD], WEBHOOK);
    assert!(matches!(found.as_slice(), [verdict] if verdict.is_error), "{found:?}");
}

#[test]
fn of_two_policies_of_one_name_the_last_counts() {
    let (first, second) = (policy("msg := \"first\""), policy("msg := \"second\""));
    assert_eq!(messages(&[&first, &second, POD]), ["second"]);
}

#[test]
fn a_policy_sees_its_libraries_and_the_inventory_and_no_more() {
    let inventory = policy("count(data.inventory.namespace.shop[\"v1\"].Pod) == 1; msg := \"one\"");
    assert_eq!(messages(&[&inventory, POD]), ["one"]);
    for (reference, message) in
        [("data.constraints.x", "disallowed ref data.constraints.x"), ("http.send({})", "http.send")]
    {
        let snapshot = snapshot(&[&policy(&format!("msg := {reference}"))]);
        let (set, findings) = PolicySet::compile(snapshot.entries());
        assert!(set.is_empty());
        assert!(findings.iter().any(|finding| finding.message.contains(message)), "{findings:?}");
        // The webhook takes it, and then nothing is enforced.
        assert!(findings.iter().all(|finding| finding.action == Action::None), "{findings:?}");
    }
}

#[test]
fn what_a_provider_would_say_is_not_known_offline() {
    let asks = "response := external_data({\"provider\": \"signer\", \"keys\": [\"x\"]}); msg := response.responses[_][1]";
    let found = verdicts(&[&policy(asks), POD], WEBHOOK);
    assert!(
        matches!(found.as_slice(), [verdict] if verdict.is_error
            && verdict.message.contains("the provider `signer` is not available offline")),
        "{found:?}"
    );
}

#[test]
fn objects_that_cannot_be_mutated_are_told_but_for_gatekeepers_own() {
    let mutator = "apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: m}
spec:
  match: {namespaceSelector: {matchLabels: {a: b}}}
  location: metadata.labels.x
  parameters: {assign: {value: v}}
";
    let config = "apiVersion: config.gatekeeper.sh/v1alpha1
kind: Config
metadata: {name: config, namespace: gatekeeper-system}
";
    let snapshot = snapshot(&[mutator, config, POD]);
    let policies = crate::review::Policies {
        admission: compile(&snapshot).into(),
        ..crate::review::Policies::default()
    };
    let entries = snapshot.entries().iter();
    let found = entries.flat_map(|entry| crate::review::review(entry, &snapshot, &policies));
    let failed: Vec<_> = found.filter(|finding| finding.rule == rules::FAILED_MUTATION.id()).collect();
    let [finding] = &failed[..] else { panic!("{failed:?}") };
    assert_eq!(finding.object.as_ref().map(|object| &*object.kind), Some("Pod"));
    assert_eq!((finding.outcome, finding.action), (Outcome::Error, Action::Deny));
}

#[test]
fn on_deletion_policies_see_what_goes() {
    let policy = policy("msg := input.review.object.metadata.name");
    let snapshot = snapshot(&[&policy, POD]);
    let set = compile(&snapshot);
    let entry = snapshot.of_kind("", "Pod").first().expect("a Pod");
    let review = |operation| {
        let request = admission_request(&snapshot, entry, operation, &User::default());
        let review = Review {
            request: &request,
            namespace: None,
            namespace_object: None,
            source: Source::Original,
            time_ns: 0,
            point: WEBHOOK,
            explanation: Explanation::None,
        };
        set.review(&review, snapshot.inventory()).len()
    };
    assert_eq!(review(Operation::Delete), 1);
    let only_created = template("violation[{\"msg\": \"m\"}] { true }")
        .replace("    rego: |", "    operations: [CREATE]\n    rego: |");
    let snapshot = self::snapshot(&[&(only_created + "---\n" + CONSTRAINT), POD]);
    let set = compile(&snapshot);
    let count = |operation| {
        let request = admission_request(&snapshot, entry, operation, &User::default());
        let review = Review {
            request: &request,
            namespace: None,
            namespace_object: None,
            source: Source::Original,
            time_ns: 0,
            point: WEBHOOK,
            explanation: Explanation::None,
        };
        set.review(&review, snapshot.inventory()).len()
    };
    assert_eq!((count(Operation::Create), count(Operation::Delete)), (1, 0));
}

#[test]
fn policies_are_told_the_time_of_each_review() {
    let rules = "now = time.now_ns() { true }
at(x) = y { y := time.now_ns() + x }
kept[x] { x := time.now_ns() }
violation[{\"msg\": msg}] { msg := sprintf(\"%d %d %d %d\", [time.now_ns(), now, at(1 + count(object.get(input, [\"parameters\", \"x\"], []))), kept[_]]) }";
    let other = CONSTRAINT.replace("name: all", "name: other");
    let policy = [&template(rules), CONSTRAINT, &other].join("---\n");
    let snapshot = snapshot(&[&policy, POD]);
    let set = compile(&snapshot);
    for time in [7, 1_800_000_000_000_000_000] {
        let said = verdicts_at(&snapshot, &set, (WEBHOOK, time));
        let said: Vec<_> = said.iter().map(|verdict| verdict.message.as_str()).collect();
        let expected = format!("{time} {time} {} {time}", time + 1);
        assert_eq!(said, [&*expected, &*expected]);
    }
}

#[test]
fn a_policy_without_end_is_an_error_and_not_the_end() {
    let endless = policy("x := numbers.range(0, 1000000000000); msg := \"m\"");
    let found = verdicts(&[&endless, POD], WEBHOOK);
    assert!(matches!(found.as_slice(), [verdict] if verdict.is_error), "{found:?}");
}

/// A policy of a kind of its own.
fn policy_of(kind: &str, rules: &str) -> String {
    let lower = kind.to_lowercase();
    let made = template(rules)
        .replace("name: check", &format!("name: {lower}"))
        .replace("kind: Check", &format!("kind: {kind}"))
        .replace("package check", &format!("package {lower}"));
    made + "---\n" + &CONSTRAINT.replace("kind: Check", &format!("kind: {kind}"))
}

#[test]
fn a_hostile_template_fails_and_others_go_on() {
    let good = |kind: &str| policy_of(kind, &format!("violation[{{\"msg\": \"{kind}\"}}] {{ true }}"));
    let hostile = [
        "n := numbers.range(1, 1000)\nviolation[{\"msg\": \"m\"}] { n[i] + n[j] + n[k] + n[l] == -1 }",
        "violation[{\"msg\": \"m\", \"details\": numbers.range(1, 1000000000000)}] { true }",
        "a := [1, 1]\nb := [a, a]\nc := [b, b, b, b, b, b, b, b]\nd := [c, c, c, c, c, c, c, c]\ne := [d, d, d, d, d, d, d, d]
f := [e, e, e, e, e, e, e, e]\ng := [f, f, f, f, f, f, f, f]\nh := [g, g, g, g, g, g, g, g]\nk := [h, h, h, h, h, h, h, h]
violation[{\"msg\": \"m\", \"details\": k}] { true }",
    ];
    for rules in hostile {
        let texts = [good("First"), policy_of("Hostile", rules), good("Last"), POD.to_owned()];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut found = verdicts(&texts, WEBHOOK);
        found.sort_by(|a, b| a.message.cmp(&b.message));
        let [first, last, failed] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((first.message.as_str(), last.message.as_str()), ("First", "Last"));
        assert!(failed.is_error && !first.is_error && !last.is_error, "{found:?}");
        assert!(failed.message.contains("eval_budget_error"), "{}", failed.message);
    }
}
