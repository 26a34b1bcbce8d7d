use std::sync::Arc;

use lumen_core::finding::{Location, Place};
use lumen_core::object::ObjectRef;
use lumen_core::snapshot::Entry;
use lumen_value::Pointer;

use super::*;
use crate::api::Resource;
use crate::api::discovery::Served;

/// A template that is for some operations; for none that it names, if the list is empty.
fn template(operations: &str) -> String {
    format!(
        r#"{{"apiVersion":"templates.gatekeeper.sh/v1","kind":"ConstraintTemplate","metadata":{{"name":"k8sx"}},"spec":{{"crd":{{"spec":{{"names":{{"kind":"K8sX"}}}}}},
  "targets":[{{"target":"admission.k8s.gatekeeper.sh","operations":[{operations}],"rego":"package x\nviolation[{{\"msg\": \"m\"}}] {{ input.review.object.x }}"}}]}}}}"#
    )
}

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
    policies_for("", specs)
}

fn policies_for(operations: &str, specs: &[&str]) -> PolicySet {
    let constraints = specs.iter().enumerate().map(|(number, spec)| {
        format!(r#"{{"apiVersion":"constraints.gatekeeper.sh/v1beta1","kind":"K8sX","metadata":{{"name":"c{number}"}},"spec":{spec}}}"#)
    });
    let entries: Vec<Arc<Entry>> = std::iter::once(template(operations))
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

fn kinds(discovery: &Discovery) -> Kinds<'_> {
    Kinds { discovery, defined: &[] }
}

fn shown_of(subjects: &Subjects, operation: Operation) -> String {
    let own =
        |(each, group): &&(Operation, String)| *each == operation && !POLICIES.contains(&group.as_str());
    let shown = subjects.keys().filter(own).map(|key| {
        let resources: Vec<_> = subjects[key].iter().map(String::as_str).collect();
        format!("{}/{}", key.1, resources.join(","))
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn shown(specs: &[&str], pod_security: bool) -> String {
    let subjects = subjects(&policies(specs), kinds(&discovery()), pod_security);
    assert_eq!(shown_of(&subjects, Operation::Create), shown_of(&subjects, Operation::Update));
    assert_eq!(shown_of(&subjects, Operation::Delete), "");
    shown_of(&subjects, Operation::Create)
}

fn about(groups: &str, kinds: &str) -> String {
    format!(r#"{{"match":{{"kinds":[{{"apiGroups":[{groups}],"kinds":[{kinds}]}}]}}}}"#)
}

#[test]
fn what_is_sent_is_what_some_constraint_looks_at() {
    let dryrun =
        r#"{"enforcementAction":"dryrun","match":{"kinds":[{"apiGroups":["apps"],"kinds":["DaemonSet"]}]}}"#;
    let audited = r#"{"enforcementAction":"scoped","scopedEnforcementActions":[{"action":"deny","enforcementPoints":[{"name":"audit.gatekeeper.sh"}]}]}"#;
    let table: [(&[&str], &str); 7] = [
        (&[], ""),
        (&[&about(r#""apps""#, r#""Deployment""#)], "apps/deployments"),
        (&[&about(r#""""#, r#""Pod""#)], "/pods,pods/ephemeralcontainers,pods/resize"),
        (&[&about(r#""apps""#, r#""*""#)], "apps/*"),
        (&[&about(r#""apps""#, r#""Nothing""#)], ""),
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
    let subjects = subjects(&PolicySet::default(), kinds(&discovery()), false);
    let groups = |operation| {
        let keys = subjects.keys().filter(move |(each, _)| *each == operation);
        keys.map(|(_, group)| group.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(groups(Operation::Create), POLICIES);
    assert_eq!(groups(Operation::Update), POLICIES);
    assert!(groups(Operation::Delete).is_empty() && groups(Operation::Connect).is_empty());
}

#[test]
fn deletions_and_connections_are_sent_where_a_policy_asks_for_them() {
    let sent = |operations: &str, spec: &str, operation| {
        let policies = policies_for(operations, &[spec]);
        shown_of(&subjects(&policies, kinds(&discovery()), false), operation)
    };
    let service = about(r#""""#, r#""Service""#);
    assert_eq!(sent("", &service, Operation::Delete), "");
    assert_eq!(sent(r#""DELETE""#, &service, Operation::Delete), "/services");
    assert_eq!(sent(r#""DELETE""#, &service, Operation::Create), "");
    assert_eq!(sent(r#""CREATE","DELETE""#, &service, Operation::Create), "/services,services/status");
    assert_eq!(sent(r#""*""#, "{}", Operation::Delete), "*/*");
    // Options of connections come with no other operation.
    let exec = about(r#""""#, r#""PodExecOptions""#);
    assert_eq!(sent("", &exec, Operation::Connect), "/pods/exec");
    assert_eq!(sent("", &exec, Operation::Create), "");
    assert_eq!(sent(r#""CREATE""#, &exec, Operation::Connect), "");
    assert_eq!(sent("", "{}", Operation::Connect), "");
    assert!(sent(r#""CONNECT""#, "{}", Operation::Connect).contains("pods/exec,"));
}

#[test]
fn kinds_that_come_later_are_sent_from_the_first_object_on() {
    let widget = about(r#""example.com""#, r#""Widget""#);
    assert_eq!(shown(&[&widget], false), "example.com/*");
    let any_group = about(r#""*""#, r#""Widget""#);
    assert_eq!(shown(&[&any_group], false), "");
    let defined = [Resource::new("example.com", "v1", "Widget", "widgets", true)];
    let discovery = discovery();
    let kinds = Kinds { discovery: &discovery, defined: &defined };
    for spec in [&widget, &any_group] {
        let subjects = subjects(&policies(&[spec]), kinds, false);
        assert_eq!(shown_of(&subjects, Operation::Create), "example.com/widgets");
    }
}

#[test]
fn what_cannot_be_found_out_now_is_sent() {
    let mut discovery = discovery();
    discovery.failed.insert("metrics.example.com/v1".into(), "it does not answer".into());
    let sent =
        |spec: &str| shown_of(&subjects(&policies(&[spec]), kinds(&discovery), false), Operation::Update);
    assert_eq!(sent(&about(r#""*""#, r#""Metric""#)), "metrics.example.com/*");
    assert_eq!(sent(&about(r#""apps""#, r#""Deployment""#)), "apps/deployments");
}

#[test]
fn no_resource_stands_beside_all_of_them() {
    let mut discovery = discovery();
    discovery.served.push(Served {
        resource: Resource::new("config.gatekeeper.sh", "v1alpha1", "Config", "configs", true),
        verbs: BTreeSet::new(),
        is_preferred: true,
    });
    // The API server refuses a rule with `*` and another resource.
    let config = about(r#""*""#, r#""Config""#);
    let subjects = subjects(&policies(&[&config]), kinds(&discovery), false);
    let key = (Operation::Create, "config.gatekeeper.sh".to_owned());
    assert_eq!(subjects[&key].iter().map(String::as_str).collect::<Vec<_>>(), ["*"]);
}

#[test]
fn rules_have_the_operations_that_are_asked_about() {
    let policies = policies_for(r#""DELETE","CREATE""#, &[&about(r#""apps""#, r#""DaemonSet""#)]);
    let text = json!(rules(&subjects(&policies, kinds(&discovery()), false))).to_string();
    let rule = r#"{"apiGroups":["apps"],"apiVersions":["*"],"operations":["CREATE","DELETE"],"resources":["daemonsets"],"scope":"*"}"#;
    assert!(text.contains(rule), "{text}");
}

#[test]
fn events_are_sent_only_where_a_constraint_names_them() {
    let settings = Settings::new(names::NAMESPACE);
    let text =
        |specs: &[&str]| webhook_configuration(&policies(specs), kinds(&discovery()), &settings).to_json();
    assert!(text(&["{}"]).contains("no-events"));
    let named = r#"{"match":{"kinds":[{"apiGroups":[""],"kinds":["Event"]}]}}"#;
    assert!(!text(&[named]).contains("no-events"));
}

#[test]
fn what_is_rendered_refuses_nothing_by_itself() {
    let settings = Settings {
        exempt_namespaces: vec!["kube-system".into(), "ci".into(), "ci-*".into()],
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
    let text = webhook_configuration(&policies(&["{}"]), kinds(&discovery()), &Settings::new("lumen-system"))
        .to_json();
    for field in ["request.subResource", "request.userInfo.username", "request.userInfo.groups"] {
        let (uses, guards) = (text.matches(field).count(), text.matches(&format!("has({field})")).count());
        assert!(guards > 0 && uses == 2 * guards, "{field}: {text}");
    }
}
