use std::sync::Arc;

use lumen_core::finding::{Location, Place};
use lumen_core::object::ObjectRef;
use lumen_core::snapshot::Entry;
use lumen_value::Pointer;

use super::*;
use crate::api::Resource;
use crate::api::discovery::Served;

const TEMPLATE: &str = r#"{"apiVersion":"templates.gatekeeper.sh/v1","kind":"ConstraintTemplate","metadata":{"name":"k8sx"},"spec":{"crd":{"spec":{"names":{"kind":"K8sX"}}},
  "targets":[{"target":"admission.k8s.gatekeeper.sh","rego":"package x\nviolation[{\"msg\": \"m\"}] { input.review.object.x }"}]}}"#;

fn discovery() -> Discovery {
    let kinds = [
        ("", "v1", "Pod", "pods"),
        ("", "v1", "Service", "services"),
        ("apps", "v1", "Deployment", "deployments"),
        ("apps", "v1", "DaemonSet", "daemonsets"),
    ];
    let served = kinds.iter().map(|(group, version, kind, plural)| Served {
        resource: Resource::new(group, version, kind, plural, true),
        verbs: BTreeSet::new(),
        is_preferred: true,
    });
    Discovery { served: served.collect(), ..Discovery::default() }
}

fn policies(specs: &[&str]) -> PolicySet {
    let constraints = specs.iter().enumerate().map(|(number, spec)| {
        format!(r#"{{"apiVersion":"constraints.gatekeeper.sh/v1beta1","kind":"K8sX","metadata":{{"name":"c{number}"}},"spec":{spec}}}"#)
    });
    let entries: Vec<Arc<Entry>> = std::iter::once(TEMPLATE.to_owned())
        .chain(constraints)
        .map(|text| {
            let value = lumen_value::json::parse(text.as_bytes(), &Limits::default()).expect("JSON").value;
            let place = Place::Field { document: 0, pointer: Pointer::ROOT };
            Arc::new(Entry {
                object: Arc::new(ObjectRef::of(&value)),
                identity: None,
                namespace: None,
                value,
                location: Location { source: "test".into(), place },
                malformed: false,
            })
        })
        .collect();
    let (set, findings) = PolicySet::compile(&entries);
    assert!(findings.is_empty(), "{findings:?}");
    set
}

fn shown(specs: &[&str], pod_security: bool) -> String {
    let subjects = subjects(&policies(specs), &discovery(), pod_security);
    let own = |group: &&String| !POLICIES.contains(&group.as_str());
    let shown = subjects.keys().filter(own).map(|group| {
        let resources: Vec<_> = subjects[group].iter().map(String::as_str).collect();
        format!("{group}/{}", resources.join(","))
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_sent_is_what_some_constraint_looks_at() {
    let kinds = |groups: &str, kinds: &str| {
        format!(r#"{{"match":{{"kinds":[{{"apiGroups":[{groups}],"kinds":[{kinds}]}}]}}}}"#)
    };
    let dryrun =
        r#"{"enforcementAction":"dryrun","match":{"kinds":[{"apiGroups":["apps"],"kinds":["DaemonSet"]}]}}"#;
    let audited = r#"{"enforcementAction":"scoped","scopedEnforcementActions":[{"action":"deny","enforcementPoints":[{"name":"audit.gatekeeper.sh"}]}]}"#;
    let table: [(&[&str], &str); 7] = [
        (&[], ""),
        (&[&kinds(r#""apps""#, r#""Deployment""#)], "apps/deployments"),
        (&[&kinds(r#""""#, r#""Pod""#)], "/pods,pods/ephemeralcontainers,pods/resize"),
        (&[&kinds(r#""apps""#, r#""*""#)], "apps/daemonsets,deployments"),
        (&[&kinds(r#""nobody""#, r#""Nothing""#)], ""),
        (&[dryrun], "apps/daemonsets"),
        (&[audited], ""),
    ];
    for (specs, expected) in table {
        assert_eq!(shown(specs, false), expected, "{specs:?}");
    }
    let all = shown(&["{}"], false);
    assert!(all.contains(" */* ") && all.contains("apps/deployments/scale,"), "{all}");
    assert!(shown(&[], true).contains("batch/cronjobs,jobs"));
}

#[test]
fn own_kinds_are_always_looked_at() {
    let subjects = subjects(&PolicySet::default(), &discovery(), false);
    assert_eq!(subjects.keys().map(String::as_str).collect::<Vec<_>>(), POLICIES);
}

#[test]
fn events_are_sent_only_where_a_constraint_names_them() {
    let settings = Settings::new(names::NAMESPACE);
    let text = |specs: &[&str]| webhook_configuration(&policies(specs), &discovery(), &settings).to_json();
    assert!(text(&["{}"]).contains("no-events"));
    let named = r#"{"match":{"kinds":[{"apiGroups":[""],"kinds":["Event"]}]}}"#;
    assert!(!text(&[named]).contains("no-events"));
}

#[test]
fn what_is_rendered_refuses_nothing_by_itself() {
    let settings = Settings {
        exempt_namespaces: vec!["kube-system".into(), "ci".into()],
        ..Settings::new("lumen-system")
    };
    let text = skeleton(&settings).to_json();
    let rules = |webhook: usize| {
        let webhooks =
            skeleton(&settings).get("webhooks").and_then(Value::as_array).cloned().unwrap_or_default();
        webhooks.iter().nth(webhook).and_then(|webhook| webhook.get("rules").cloned())
    };
    // None at all, rather than an empty list: who applies it again would take away those that the server wrote.
    assert!(rules(0).is_none() && rules(1).is_some(), "{text}");
    assert!(text.contains(r#""values":["kube-system","lumen-system","ci"]"#), "{text}");
    assert!(!text.contains("caBundle"), "{text}");
}

#[test]
fn a_condition_asks_for_no_field_that_may_be_missing() {
    let text =
        webhook_configuration(&policies(&["{}"]), &discovery(), &Settings::new("lumen-system")).to_json();
    for field in ["request.subResource", "request.userInfo.username", "request.userInfo.groups"] {
        let (uses, guards) = (text.matches(field).count(), text.matches(&format!("has({field})")).count());
        assert!(guards > 0 && uses == 2 * guards, "{field}: {text}");
    }
}
