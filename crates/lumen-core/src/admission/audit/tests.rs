use super::super::tests::{CONSTRAINT, compile, snapshot, template};
use super::*;

/// A policy that says of everything what its annotation `say` says.
fn set(constraint: &str) -> PolicySet {
    let rules = "violation[{\"msg\": msg}] { msg := input.review.object.metadata.annotations.say }";
    compile(&snapshot(&[&template(rules), constraint]))
}

fn pod(namespace: &str, name: &str, says: &str) -> Value {
    let annotations: Value = [("say", says.into())].into();
    let metadata: Value =
        [("name", name.into()), ("namespace", namespace.into()), ("annotations", annotations)].into();
    [("apiVersion", "v1".into()), ("kind", "Pod".into()), ("metadata", metadata)].into()
}

fn tally(set: &PolicySet, violations_max: usize, objects: &[Value]) -> Tally {
    let mut tally = Tally::new(violations_max);
    for object in objects {
        let audited = set.audit(object, None, &Inventory::default(), 0);
        assert_eq!(audited.failure, None);
        tally.add(&audited.verdicts, object);
    }
    tally
}

fn names(status: &Value) -> Vec<String> {
    let violations = status.get("violations").and_then(Value::as_array).expect("violations");
    violations.iter().map(|each| text(each, "name").to_owned()).collect()
}

#[test]
fn a_status_shows_the_first_in_upstreams_order_and_counts_all() {
    let pods: Vec<Value> = ["c", "a", "d", "b", "e"].iter().map(|name| pod("shop", name, "no")).collect();
    let tally = tally(&set(CONSTRAINT), 3, &pods);
    let status = tally.status("Check", "all", "2026-01-02T03:04:05Z");
    assert_eq!(names(&status), ["c", "b", "a"], "of the first three, the last comes first");
    assert_eq!(status.get("totalViolations"), Some(&5.into()));
    let first = status.get("violations").and_then(Value::as_array).and_then(|all| all.iter().next());
    assert_eq!(
        first.map(Value::to_json).as_deref(),
        Some(
            r#"{"enforcementAction":"deny","group":"","kind":"Pod","message":"no","name":"c","namespace":"shop","version":"v1"}"#
        )
    );
    assert_eq!(tally.by_action().get("deny"), Some(&5));
}

#[test]
fn the_order_of_objects_does_not_count() {
    let mut pods: Vec<Value> =
        (0..40).map(|number| pod("shop", &format!("p{}", number % 25), "no")).collect();
    let set = set(CONSTRAINT);
    let one = tally(&set, 20, &pods).status("Check", "all", "t");
    pods.reverse();
    let other = tally(&set, 20, &pods).status("Check", "all", "t");
    assert_eq!(one, other);
    let (front, back) = pods.split_at(17);
    let mut parts = tally(&set, 20, front);
    parts.merge(tally(&set, 20, back));
    assert_eq!(parts.status("Check", "all", "t"), one);
    assert_eq!(names(&one).len(), 20);
}

#[test]
fn nothing_found_takes_away_what_was_found_before() {
    let status = tally(&set(CONSTRAINT), 20, &[]).status("Check", "all", "t");
    assert_eq!(status.get("violations"), Some(&Value::Null));
    assert_eq!(status.get("totalViolations"), Some(&0.into()));
}

#[test]
fn long_messages_are_cut_as_upstream_cuts_them() {
    let tally = tally(&set(CONSTRAINT), 20, &[pod("shop", "p", &"x".repeat(300))]);
    let status = tally.status("Check", "all", "t");
    let message =
        status.get("violations").and_then(Value::as_array).and_then(|all| all.iter().next().cloned());
    let message = text(&message.expect("a violation"), "message").to_owned();
    assert_eq!(message, "x".repeat(253) + "...");
    assert_eq!(shortened(&"\u{e4}".repeat(200), MESSAGE_BYTES_MAX), "\u{e4}".repeat(126) + "...");
}

#[test]
fn the_audit_has_a_point_and_exclusions_of_its_own() {
    let only_webhook = CONSTRAINT.replace(
        "spec: {",
        "spec: {enforcementAction: scoped, scopedEnforcementActions: [{action: deny, enforcementPoints: [{name: validation.gatekeeper.sh}]}], ",
    );
    let set_of_webhook = set(&only_webhook);
    assert_eq!(set_of_webhook.audited_kinds(), Some(BTreeSet::new()));
    assert_eq!(tally(&set_of_webhook, 20, &[pod("shop", "p", "no")]).total("Check", "all"), 0);

    let config = "apiVersion: config.gatekeeper.sh/v1alpha1
kind: Config
metadata: {name: config}
spec: {match: [{excludedNamespaces: [kube-*], processes: [audit]}]}
";
    let set = set(&format!("{CONSTRAINT}---\n{config}"));
    let objects = [pod("kube-system", "p", "no"), pod("shop", "p", "no")];
    assert_eq!(tally(&set, 20, &objects).total("Check", "all"), 1);
    assert_eq!(set.audited_kinds(), Some(BTreeSet::from(["Namespace", "Pod"])));
}
