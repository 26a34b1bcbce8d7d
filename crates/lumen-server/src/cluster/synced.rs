//! Which kinds are synced to `data.inventory`, and which templates need them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::admission::inventory::Change;
use lumen_core::object::{items, text};
use lumen_core::snapshot::Entry;
use lumen_value::read::Limits;
use lumen_value::{Str, Value};

use super::Place;
use super::kinds::Gvk;

/// Most kinds that are synced.
const KINDS_MAX: usize = 500;

/// The annotation by which a template says which kinds must be synced for it (gatekeeper `pkg/syncutil/parser`).
const REQUIRES: &str = "metadata.gatekeeper.sh/requires-sync-data";

/// The kinds that a `SyncSet` asks for.
pub(super) fn of_sync_set(object: &Value) -> impl Iterator<Item = Gvk> {
    object.get("spec").into_iter().flat_map(|spec| items(spec, "gvks")).filter_map(Gvk::of)
}

/// The kinds that a `Config` asks for.
pub(super) fn of_config(object: &Value) -> impl Iterator<Item = Gvk> {
    let sync = object.get("spec").and_then(|spec| spec.get("sync"));
    sync.into_iter().flat_map(|sync| items(sync, "syncOnly")).filter_map(Gvk::of)
}

/// The kinds that are asked for, each once.
pub(super) fn bounded(kinds: impl Iterator<Item = Gvk>) -> BTreeSet<Gvk> {
    kinds.collect::<BTreeSet<_>>().into_iter().take(KINDS_MAX).collect()
}

/// The names of the templates that say that they need a kind, as an ordered list.
pub(super) fn needed_by<'a>(
    templates: impl Iterator<Item = &'a Arc<Entry>>,
    kinds: &BTreeSet<Gvk>,
) -> BTreeMap<Gvk, Vec<Arc<str>>> {
    let mut needed: BTreeMap<Gvk, Vec<Arc<str>>> = BTreeMap::new();
    for template in templates {
        let said =
            template.value.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(REQUIRES));
        let Some(said) = said.and_then(Value::as_str).and_then(requirements) else { continue };
        for kind in kinds.iter().filter(|kind| names(&said, kind)) {
            needed.entry(kind.clone()).or_default().push(template.object.name.clone());
        }
    }
    needed
}

/// A list of alternatives for each requirement; some write it as a JSON string in the annotation.
fn requirements(said: &str) -> Option<Value> {
    let read = |text: &str| {
        lumen_value::json::parse(text.as_bytes(), &Limits { depth_max: 16, ..Limits::default() })
            .map(|parsed| parsed.value)
            .ok()
    };
    match read(said.trim()) {
        Some(Value::String(inner)) => read(inner.as_str()?.trim()),
        value => value,
    }
}

fn names(requirements: &Value, kind: &Gvk) -> bool {
    let has =
        |entry: &Value, key: &str, word: &str| items(entry, key).any(|each| each.as_str() == Some(word));
    let alternatives = requirements.as_array().into_iter().flat_map(|each| each.iter());
    alternatives.flat_map(|each| each.as_array().into_iter().flat_map(|entries| entries.iter())).any(
        |entry| {
            has(entry, "groups", &kind.group)
                && has(entry, "versions", &kind.version)
                && has(entry, "kinds", &kind.kind)
        },
    )
}

/// A change of one object of a synced kind.
pub(super) fn change(kind: &Gvk, (namespace, name): Place, object: Option<Value>) -> Change {
    Change {
        namespace,
        api_version: Str::from(kind.api_version().as_str()),
        kind: Str::from(&*kind.kind),
        name,
        object,
    }
}

/// The namespace by which an object is excluded: a Namespace is by its own name.
pub(super) fn excluding_namespace(object: &Value) -> &str {
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    if text(object, "kind") == "Namespace" && text(object, "apiVersion") == "v1" {
        text(metadata, "name")
    } else {
        text(metadata, "namespace")
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::entry_of;
    use super::*;

    fn ingress(version: &str) -> Gvk {
        Gvk { group: "networking.k8s.io".into(), version: version.into(), kind: "Ingress".into() }
    }

    #[test]
    fn a_template_says_what_it_needs() {
        let said = r#"[[{"groups":["extensions"],"versions":["v1beta1"],"kinds":["Ingress"]},{"groups":["networking.k8s.io"],"versions":["v1"],"kinds":["Ingress"]}]]"#;
        let quoted = Value::from(said).to_json();
        for annotation in [said, quoted.as_str()] {
            let annotations: Value = [(REQUIRES, annotation.into())].into();
            let metadata: Value = [("name", "t".into()), ("annotations", annotations)].into();
            let template = Arc::new(entry_of([("metadata", metadata)].into()));
            let kinds = [ingress("v1"), ingress("v2")].into();
            let needed = needed_by([&template].into_iter(), &kinds);
            assert_eq!(needed, [(ingress("v1"), vec!["t".into()])].into());
        }
    }

    #[test]
    fn sync_sets_and_the_config_name_kinds() {
        let gvk: Value =
            [("group", "networking.k8s.io".into()), ("version", "v1".into()), ("kind", "Ingress".into())]
                .into();
        let set: Value = [("spec", [("gvks", vec![gvk.clone(), Value::Null].into())].into())].into();
        assert_eq!(of_sync_set(&set).collect::<Vec<_>>(), [ingress("v1")]);
        let config: Value = [("spec", [("sync", [("syncOnly", vec![gvk].into())].into())].into())].into();
        assert_eq!(of_config(&config).collect::<Vec<_>>(), [ingress("v1")]);
        assert_eq!(of_config(&Value::Null).count(), 0);
    }
}
