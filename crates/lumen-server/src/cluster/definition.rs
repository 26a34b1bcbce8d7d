//! The `CustomResourceDefinition` of a template's constraints (frameworks/constraint `pkg/client/crds/crds.go`).

use lumen_core::admission::Template;
use lumen_core::admission::constraint::GROUP;
use lumen_core::object::{items, text};
use lumen_value::{Array, Object, Value};

/// The name of the definition of a kind's.
pub(super) fn name_of(kind: &str) -> String {
    format!("{}.{GROUP}", kind.to_lowercase())
}

/// What defines the kind of a template's constraints. The template owns it: who deletes the one deletes the other, and the
/// constraints.
pub(super) fn of(template: &Template, uid: &str) -> Value {
    let entry = template.entry();
    let kind: &str = template.kind();
    let lower = kind.to_lowercase();
    let names = entry.value.get("spec").and_then(|spec| spec.get("crd")?.get("spec")?.get("names"));
    let short_names: Array =
        names.map(|names| items(names, "shortNames").cloned().collect()).unwrap_or_default();
    let schema: Value = [("openAPIV3Schema", template.constraint_document())].into();
    let version = |name: &str, is_storage: bool| -> Value {
        [
            ("name", name.into()),
            ("served", true.into()),
            ("storage", is_storage.into()),
            ("schema", schema.clone()),
            ("subresources", [("status", Object::default().into())].into()),
            ("additionalPrinterColumns", columns()),
        ]
        .into()
    };
    let mut of_names = vec![
        (Value::from("kind"), Value::from(kind)),
        ("listKind".into(), format!("{kind}List").into()),
        ("plural".into(), lower.as_str().into()),
        ("singular".into(), lower.as_str().into()),
        ("categories".into(), vec!["constraint".into(), "constraints".into()].into()),
    ];
    if !short_names.is_empty() {
        of_names.push(("shortNames".into(), short_names.into()));
    }
    let given = entry.value.get("metadata").and_then(|metadata| metadata.get("labels")?.as_object().cloned());
    let labels = given.unwrap_or_default().with("gatekeeper.sh/constraint", "yes");
    let owner: Value = [
        ("apiVersion", (&*entry.object.api_version).into()),
        ("kind", "ConstraintTemplate".into()),
        ("name", (&*entry.object.name).into()),
        ("uid", uid.into()),
        ("controller", true.into()),
        ("blockOwnerDeletion", true.into()),
    ]
    .into();
    let metadata: Value =
        [("name", name_of(kind).into()), ("labels", labels.into()), ("ownerReferences", vec![owner].into())]
            .into();
    let spec: Value = [
        ("group", GROUP.into()),
        ("names", Value::Object(of_names.into())),
        ("scope", "Cluster".into()),
        ("conversion", [("strategy", "None".into())].into()),
        ("versions", vec![version("v1beta1", true), version("v1alpha1", false)].into()),
    ]
    .into();
    [
        ("apiVersion", "apiextensions.k8s.io/v1".into()),
        ("kind", "CustomResourceDefinition".into()),
        ("metadata", metadata),
        ("spec", spec),
    ]
    .into()
}

fn columns() -> Value {
    let column = |name: &str, description: &str, path: &str, kind: &str| -> Value {
        [
            ("name", name.into()),
            ("description", description.into()),
            ("jsonPath", path.into()),
            ("type", kind.into()),
        ]
        .into()
    };
    vec![
        column("enforcement-action", "Type of enforcement action", ".spec.enforcementAction", "string"),
        column("total-violations", "Total number of violations", ".status.totalViolations", "integer"),
    ]
    .into()
}

/// The definition that is there with what it should say; `None` where it says that already.
pub(super) fn corrected(current: &Value, wanted: &Value) -> Option<Value> {
    let part = |value: &Value, keys: &[&str]| {
        keys.iter().try_fold(value.clone(), |value, key| value.get(key).cloned()).unwrap_or_default()
    };
    let labels = part(current, &["metadata", "labels"]).as_object().cloned().unwrap_or_default();
    let wanted_labels = part(wanted, &["metadata", "labels"]);
    let all_labels: Object = labels
        .iter()
        .chain(wanted_labels.as_object().into_iter().flat_map(Object::iter))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let owner = part(wanted, &["metadata", "ownerReferences"]);
    // Another owner that is in control is a template of the same name that is gone.
    let others = part(current, &["metadata", "ownerReferences"]);
    let others = others.as_array().into_iter().flat_map(|owners| owners.iter());
    let is_other = |owner: &&Value| {
        text(owner, "kind") != "ConstraintTemplate" && owner.get("controller") != Some(&Value::Bool(true))
    };
    let owners: Array = others
        .filter(is_other)
        .chain(owner.as_array().into_iter().flat_map(|owners| owners.iter()))
        .cloned()
        .collect();
    let is_same = part(current, &["spec"]) == part(wanted, &["spec"])
        && Value::from(labels) == Value::from(all_labels.clone())
        && part(current, &["metadata", "ownerReferences"]) == Value::from(owners.clone());
    if is_same {
        return None;
    }
    let metadata = part(current, &["metadata"]).as_object().cloned().unwrap_or_default();
    let metadata = metadata.with("labels", all_labels).with("ownerReferences", owners);
    let fields = current.as_object().cloned().unwrap_or_default();
    Some(fields.with("metadata", metadata).with("spec", part(wanted, &["spec"])).into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lumen_core::admission::PolicySet;
    use lumen_value::read::Limits;

    use super::super::policy::entry_of;
    use super::*;

    const TEMPLATE: &str = r#"{"apiVersion":"templates.gatekeeper.sh/v1","kind":"ConstraintTemplate","metadata":{"name":"k8sx","uid":"u1","labels":{"a":"b"}},
      "spec":{"crd":{"spec":{"names":{"kind":"K8sX","shortNames":["kx"]},"validation":{"openAPIV3Schema":{"type":"object","properties":{"p":{"type":"string"}}}}}},
      "targets":[{"target":"admission.k8s.gatekeeper.sh","rego":"package x\nviolation[{\"msg\": \"m\"}] { true }"}]}}"#;

    fn definition(uid: &str) -> Value {
        let value = lumen_value::json::parse(TEMPLATE.as_bytes(), &Limits::default()).expect("JSON").value;
        let (set, findings) = PolicySet::compile([&Arc::new(entry_of(value))]);
        assert!(findings.is_empty(), "{findings:?}");
        of(&set.templates()[0], uid)
    }

    #[test]
    fn a_template_defines_a_kind() {
        let text = definition("u1").to_json();
        for part in [
            r#""name":"k8sx.constraints.gatekeeper.sh""#,
            r#""labels":{"a":"b","gatekeeper.sh/constraint":"yes"}"#,
            r#""shortNames":["kx"]"#,
            r#""parameters":{"properties":{"p":{"type":"string"}},"type":"object"}"#,
            r#""categories":["constraint","constraints"]"#,
            r#""uid":"u1""#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_is_there_is_corrected_and_else_left_alone() {
        let wanted = definition("u1");
        assert_eq!(corrected(&wanted, &wanted), None);
        // Another template of the name owns it now.
        let later = corrected(&wanted, &definition("u2")).expect("another owner").to_json();
        assert!(later.contains(r#""uid":"u2""#) && !later.contains(r#""uid":"u1""#), "{later}");
    }
}
