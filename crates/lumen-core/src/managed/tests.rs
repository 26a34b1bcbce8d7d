use lumen_value::read::{Limits, read};
use lumen_value::{Step, pointer};
use proptest::prelude::*;

use super::*;

fn value(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default()
}

const DEPLOYMENT: &str = r#"
kind: Deployment
metadata:
  labels: {app: web}
  finalizers: [a/b]
  managedFields:
  - manager: kubectl-client-side-apply
    operation: Update
    apiVersion: apps/v1
    time: "2026-01-01T00:00:00Z"
    fieldsType: FieldsV1
    fieldsV1:
      f:metadata: {f:labels: {.: {}, f:app: {}}}
      f:spec:
        f:selector: {}
        f:template: {f:spec: {f:containers: {
          'k:{"name":"web"}': {.: {}, f:name: {}, f:image: {}, f:ports: {.: {}, 'k:{"containerPort":80,"protocol":"TCP"}': {.: {}, f:containerPort: {}}}}}}}
  - manager: argocd-controller
    operation: Apply
    fieldsV1:
      f:metadata: {f:finalizers: {'v:"a/b"': {}}}
      f:spec: {f:template: {f:spec: {f:containers: {
          'k:{"name":"web"}': {f:securityContext: {f:privileged: {}}}, 'k:{"name":"side"}': {f:image: {}}}}}}
  - manager: kube-controller-manager
    operation: Update
    subresource: status
    fieldsV1: {f:status: {f:replicas: {}}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    spec:
      containers:
      - {name: side, image: 'a:1'}
      - {name: web, image: 'b:1', securityContext: {privileged: true}, ports: [{containerPort: 80, protocol: TCP}]}
status: {replicas: 1}
"#;

fn owners(at: &Pointer) -> (Vec<String>, usize) {
    let object = value(DEPLOYMENT);
    let owners = Managers::of(&object).owners(at);
    (owners.managers.iter().map(|manager| manager.name.to_string()).collect(), owners.above)
}

#[test]
fn a_field_is_owned_by_who_set_it() {
    let web = pointer!["spec", "template", "spec", "containers", 1];
    let own =
        |names: &[&str], above| (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), above);
    assert_eq!(owners(&web.child("image")), own(&["kubectl-client-side-apply"], 0));
    assert_eq!(owners(&web.join(&pointer!["securityContext", "privileged"])), own(&["argocd-controller"], 0));
    assert_eq!(owners(&web), own(&["kubectl-client-side-apply", "argocd-controller"], 0));
    assert_eq!(
        owners(&web.join(&pointer!["ports", 0, "containerPort"])),
        own(&["kubectl-client-side-apply"], 0)
    );
    assert_eq!(
        owners(&pointer!["spec", "template", "spec", "containers", 0, "image"]),
        own(&["argocd-controller"], 0)
    );
    assert_eq!(owners(&pointer!["status", "replicas"]), own(&["kube-controller-manager"], 0));
    assert_eq!(owners(&pointer!["metadata", "finalizers", 0]), own(&["argocd-controller"], 0));
    // Owned as a whole.
    assert_eq!(
        owners(&pointer!["spec", "selector", "matchLabels", "app"]),
        own(&["kubectl-client-side-apply"], 0)
    );
}

#[test]
fn of_what_nobody_set_the_nearest_above_is_told() {
    let web = pointer!["spec", "template", "spec", "containers", 1];
    let (names, above) = owners(&web.join(&pointer!["securityContext", "runAsNonRoot"]));
    assert_eq!((names.as_slice(), above), (&["argocd-controller".to_owned()][..], 1));
    let (names, above) = owners(&pointer!["spec", "template", "spec", "hostNetwork"]);
    assert_eq!((names.len(), above), (2, 1));
    let (names, above) = owners(&pointer!["kind"]);
    assert_eq!(
        (names.len(), above),
        (2, 1),
        "who writes the status alone does not write the object: {names:?}"
    );
    assert_eq!(owners(&pointer!["spec", "selector", "matchLabels", "tier"]).1, 1);
}

#[test]
fn who_lost_a_part_to_another_owns_the_rest_alone() {
    let object = value(
        "{metadata: {managedFields: [{manager: a, fieldsV1: {f:x: {}}}, {manager: b, fieldsV1: {f:x: {f:y: {}}}}]}, x: {y: 1, z: 2}}",
    );
    let managers = Managers::of(&object);
    let names = |at: &Pointer| -> Vec<String> {
        managers.owners(at).managers.iter().map(|manager| manager.name.to_string()).collect()
    };
    assert_eq!(names(&pointer!["x", "y"]), ["b"]);
    assert_eq!(names(&pointer!["x"]), ["a", "b"]);
}

#[test]
fn a_manager_says_how_and_what_it_writes() {
    let object = value(DEPLOYMENT);
    let owners = Managers::of(&object).owners(&pointer!["status", "replicas"]);
    assert_eq!(&*owners.managers[0].operation, "Update");
    assert_eq!(&*owners.managers[0].subresource, "status");
}

#[test]
fn what_is_no_entry_is_left_out() {
    for text in [
        "metadata: {managedFields: 1}",
        "metadata: {managedFields: [1, null, {}, {manager: a}, {manager: a, fieldsV1: []}]}",
        "metadata: {managedFields: [{manager: a, fieldsType: FieldsV2, fieldsV1: {f:kind: {}}}]}",
        "metadata: {managedFields: [{manager: a, fieldsV1: {f:kind: 1}}]}",
        "{}",
    ] {
        let object = value(text);
        let owners = Managers::of(&object).owners(&pointer!["kind"]);
        assert!(owners.managers.len() <= 1 && owners.above == 1, "{text}: {owners:?}");
    }
}

#[test]
fn lists_without_end_are_given_up() {
    let elements: Vec<String> = (0..1_000).map(|number| format!("{{name: a{number}}}")).collect();
    let keys: Vec<String> =
        (0..1_000).map(|number| format!("'k:{{\"name\":\"a{number}\"}}': {{}}")).collect();
    let text = format!(
        "{{metadata: {{managedFields: [{{manager: m, fieldsV1: {{f:list: {{{}}}}}}}]}}, list: [{}]}}",
        keys.join(", "),
        elements.join(", ")
    );
    let object = value(&text);
    let managers = Managers::of(&object);
    let found =
        (0..1_000).filter(|index| managers.owners(&pointer!["list"].child(*index)).above == 0).count();
    assert!(found > 100 && found < 1_000, "{found}");
}

proptest! {
    /// Whatever stands there, it ends well.
    #[test]
    fn any_tree_is_read(text in "[ {}\\[\\]:,.\"a-fkvi0-9\\\\]{0,200}", index in 0_usize..4, key in "[a-f.:]{0,3}") {
        let fields = read_json(&text).unwrap_or_else(|| [(text.as_str(), Value::from(Object::default()))].into());
        let entry: Value = [("manager", "m".into()), ("fieldsV1", fields)].into();
        let metadata: Value = [("managedFields", vec![entry].into())].into();
        let object: Value = [("metadata", metadata), ("a", vec![Value::Null, "b".into()].into())].into();
        let at = pointer!["a"].child(index).child(Step::Key(key.as_str().into()));
        let owners = Managers::of(&object).owners(&at);
        prop_assert!(owners.above <= at.steps().len());
    }
}

fn read_json(text: &str) -> Option<Value> {
    super::read(text).filter(|value| value.as_object().is_some())
}
