use std::sync::Arc;

use lumen_core::admission::audit::Audited;
use lumen_core::admission::{Inventory, PolicySet, Verdict};
use lumen_core::finding::{Location, Place};
use lumen_core::object::{ObjectRef, text};
use lumen_core::snapshot::Entry;
use lumen_value::Pointer;
use lumen_value::read::Limits;

use super::occurrence::NOTE_BYTES_MAX;
use super::series::SERIES_MAX;
use super::*;

const TEMPLATE: &str = r#"{"apiVersion":"templates.gatekeeper.sh/v1","kind":"ConstraintTemplate","metadata":{"name":"says"},"spec":{"crd":{"spec":{"names":{"kind":"Says"}}},
  "targets":[{"target":"admission.k8s.gatekeeper.sh","rego":"package x\nviolation[{\"msg\": m}] { m := input.review.object.says }"}]}}"#;
const CONSTRAINT: &str = r#"{"apiVersion":"constraints.gatekeeper.sh/v1beta1","kind":"Says","metadata":{"name":"all"},"spec":{"enforcementAction":"warn"}}"#;

fn json(text: &str) -> Value {
    lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value
}

fn pod(namespace: &str, says: &str) -> Value {
    let metadata: Value =
        [("name", "web".into()), ("namespace", namespace.into()), ("uid", "u-1".into())].into();
    [("apiVersion", "v1".into()), ("kind", "Pod".into()), ("metadata", metadata), ("says", says.into())]
        .into()
}

fn verdict(object: &Value) -> Verdict {
    let entries = [TEMPLATE, CONSTRAINT].map(|text| {
        let value = json(text);
        Arc::new(Entry {
            object: Arc::new(ObjectRef::of(&value)),
            identity: None,
            namespace: None,
            value,
            location: Location {
                source: "test".into(),
                place: Place::Field { document: 0, pointer: Pointer::ROOT },
            },
            malformed: false,
        })
    });
    let (set, findings) = PolicySet::compile(&entries);
    assert!(findings.is_empty(), "{findings:?}");
    let Audited { mut verdicts, .. } = set.audit(object, None, &Inventory::default(), 0);
    verdicts.pop().expect("a verdict")
}

fn audited(object: &Value, in_involved_namespace: bool) -> Occurrence {
    let emission = Emission { is_on: true, in_involved_namespace };
    of_audit(&verdict(object), object, "2026-01-02T03:04:05Z", emission)
}

#[test]
fn an_event_of_an_audit_says_what_upstreams_says() {
    let occurrence = audited(&pod("shop", "no"), false);
    assert_eq!(occurrence.namespace("own"), "own");
    let event = occurrence.event("n", "own", "lumen-a", "t");
    assert_eq!(text(&event, "reason"), "AuditViolation");
    assert_eq!(text(&event, "note"), "Resource Namespace: shop, Constraint: all, Message: no");
    let regarding = event.get("regarding").expect("regarding").to_json();
    assert_eq!(regarding, r#"{"apiVersion":"v1","kind":"Pod","name":"web","namespace":"shop","uid":"u-1"}"#);
    let whole = event.to_json();
    for part in [
        r#""auditTimestamp":"2026-01-02T03:04:05Z""#,
        r#""constraint_action":"warn""#,
        r#""constraint_kind":"Says""#,
        r#""process":"audit""#,
        r#""resource_name":"web""#,
    ] {
        assert!(whole.contains(part), "{part} in {whole}");
    }
    let involved = audited(&pod("shop", "no"), true);
    assert_eq!(involved.namespace("own"), "shop");
    let event = involved.event("n", "shop", "lumen-a", "t");
    assert_eq!(text(&event, "note"), "Constraint: all, Message: no");
    // What is in no namespace is told in the server's own, whatever is asked for.
    let cluster_scoped = audited(&pod("", "no"), true);
    let namespace = cluster_scoped.namespace("own");
    let event = cluster_scoped.event("n", namespace, "lumen-a", "t").to_json();
    assert_eq!(namespace, "own");
    assert!(event.contains(r#""regarding":{"apiVersion":"v1","kind":"Pod","name":"web","namespace":"own","#));
}

#[test]
fn an_event_of_a_request_has_the_reason_of_what_is_done() {
    let object = pod("shop", "no");
    let of = Violation { api_version: "v1", kind: "Pod", namespace: "shop", name: "web", uid: "" };
    let emission = Emission { is_on: true, in_involved_namespace: true };
    let all = of_request(&verdict(&object), &of, "somebody", emission);
    let events: Vec<Value> = all.iter().map(|each| each.event("n", "shop", "a", "t")).collect();
    assert_eq!(events.iter().map(|event| text(event, "reason")).collect::<Vec<_>>(), ["WarningAdmission"]);
    let event = events.first().expect("one");
    assert_eq!(
        text(event, "note"),
        "Admission webhook \"validation.gatekeeper.sh\" raised a warning for this request, Constraint: all, Message: no"
    );
    assert!(event.to_json().contains(r#""request_username":"somebody""#));
}

#[test]
fn a_note_is_as_long_as_the_api_server_takes_it() {
    let long = "\u{0}é".repeat(5_000);
    let event = audited(&pod("shop", &long), false).event(&"n".repeat(300), "own", &"i".repeat(300), "t");
    assert!(text(&event, "note").len() <= NOTE_BYTES_MAX);
    assert!(text(&event, "note").ends_with("..."));
    assert!(text(&event, "reportingInstance").len() <= 128);
}

#[test]
fn the_same_again_is_one_more_of_a_series() {
    let key = |object: &Value| audited(object, false).key("own");
    let first = key(&pod("shop", "no"));
    assert_eq!(first, key(&pod("shop", "no")));
    assert_ne!(first, key(&pod("shop", "nope")));
    assert_ne!(first, key(&pod("bank", "no")));
    assert!(first.name().len() < 64);

    let mut known = Known::default();
    let now = Instant::now();
    assert_eq!(known.seen(first, now), Some(Writing::First));
    assert!(known.begins(first, now));
    assert_eq!(known.seen(first, now + Duration::from_mins(1)), None);
    let later = now + Duration::from_mins(31);
    assert_eq!(known.seen(first, later), Some(Writing::Again(3)));
    assert!(known.begins(first, later));
    assert_eq!(known.seen(first, later), None);
    known.forget(first);
    assert_eq!(known.seen(first, later), Some(Writing::First));
}

#[test]
fn as_many_series_are_remembered_as_there_is_room_for() {
    let mut known = Known::default();
    let now = Instant::now();
    let keys = u128::try_from(SERIES_MAX).expect("small");
    for number in 0..keys {
        assert!(known.begins(Key(number), now));
    }
    assert!(!known.begins(Key(keys), now));
    let later = now + Duration::from_mins(61);
    assert_eq!(known.seen(Key(0), later), Some(Writing::Again(2)));
    assert!(known.begins(Key(keys), later), "those that went on for an hour without a word make room");
    assert_eq!(known.seen(Key(1), later), Some(Writing::First));
}
