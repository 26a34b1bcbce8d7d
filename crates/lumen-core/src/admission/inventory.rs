//! [`Inventory`]: what policies see of the other objects, as `data.inventory` (gatekeeper `pkg/target/target.go`,
//! `processUnstructured`).

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_rego::eval::Data;
use lumen_value::{Object, Str, Value};

use crate::object::{field, text, version_of};
use crate::request::with_namespace;
use crate::snapshot::{Entry, Snapshot};

/// The objects by where they are: `cluster[groupVersion][kind][name]` and `namespace[namespace][groupVersion][kind][name]`.
/// They are shared with the snapshot, not copied.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    data: Data,
}

/// One object that is to be seen, seen otherwise, or no more.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where it is; `None` for what is cluster-scoped.
    pub namespace: Option<Str>,
    /// Its group and version, such as `apps/v1`.
    pub api_version: Str,
    /// Its kind.
    pub kind: Str,
    /// Its name.
    pub name: Str,
    /// What it is now; `None` where it is gone.
    pub object: Option<Value>,
}

/// What is remembered of the inventory before, beside the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// What policies had indexed is indexed at once, so that the next review need not do it.
    Kept,
    /// The next review that needs an index makes it: for where the policies are others.
    Dropped,
}

/// The way to an object, and what is to be there.
type Placed = (Vec<Str>, Option<Value>);

type Names = BTreeMap<Str, Value>;
type Kinds = BTreeMap<Str, Names>;
type Versions = BTreeMap<Str, Kinds>;

impl Inventory {
    /// The objects of a snapshot, where they land. One with a generated name is not there yet.
    pub fn of(snapshot: &Snapshot) -> Self {
        let landed = |entry: &Arc<Entry>| {
            let namespace = entry.namespace.as_deref();
            (namespace.map(Str::from), with_namespace(&entry.value, namespace))
        };
        let named = |entry: &&Arc<Entry>| entry.identity.is_some();
        Self::collect(snapshot.entries().iter().filter(named).map(landed))
    }

    /// Manifests as they are written: one without a namespace is in none, and one without a name has an empty one.
    pub fn of_manifests<'a>(manifests: impl IntoIterator<Item = &'a Value>) -> Self {
        let written = |manifest: &Value| {
            let namespace = text(field(manifest, &["metadata"]), "namespace");
            (!namespace.is_empty()).then(|| Str::from(namespace))
        };
        Self::collect(manifests.into_iter().map(|manifest| (written(manifest), manifest.clone())))
    }

    fn collect(objects: impl Iterator<Item = (Option<Str>, Value)>) -> Self {
        let mut cluster = Versions::new();
        let mut namespaces: BTreeMap<Str, Versions> = BTreeMap::new();
        for (namespace, manifest) in objects {
            let (api_version, kind) = (text(&manifest, "apiVersion"), text(&manifest, "kind"));
            let name = text(field(&manifest, &["metadata"]), "name");
            if kind.is_empty() || version_of(api_version).is_empty() {
                continue;
            }
            let versions = match namespace {
                None => &mut cluster,
                Some(namespace) => namespaces.entry(namespace).or_default(),
            };
            let kinds = versions.entry(api_version.into()).or_default();
            let name = Str::from(name);
            kinds.entry(kind.into()).or_default().insert(name, manifest);
        }
        let mut inventory = Vec::new();
        if !cluster.is_empty() {
            inventory.push((Value::from("cluster"), of_versions(cluster)));
        }
        if !namespaces.is_empty() {
            inventory.push((Value::from("namespace"), object(namespaces, of_versions)));
        }
        Self { data: Data::new([("inventory", Object::from(inventory).into())].into()) }
    }

    /// The inventory after some changes; of several of one object the last counts. What they do not touch is shared with this
    /// one: of an object that changes, the list of those in its namespace and of its kind is made anew, and those above it.
    #[must_use]
    pub fn updated(&self, changes: impl IntoIterator<Item = Change>, indexes: Indexes) -> Self {
        let mut by_path: BTreeMap<Vec<Str>, Option<Value>> = BTreeMap::new();
        for Change { namespace, api_version, kind, name, object } in changes {
            let place = match namespace {
                None => vec!["cluster".into()],
                Some(namespace) => vec!["namespace".into(), namespace],
            };
            by_path.insert(place.into_iter().chain([api_version, kind, name]).collect(), object);
        }
        let changes: Vec<Placed> = by_path.into_iter().collect();
        let before = self.root().and_then(Value::as_object).cloned().unwrap_or_default();
        let after = merged(&before, &changes, 0);
        let root = [("inventory", after.into())].into();
        let data = match indexes {
            Indexes::Kept => self.data.replaced(root),
            Indexes::Dropped => Data::new(root),
        };
        Self { data }
    }

    /// Where the objects of a kind are: namespace, `None` for what is cluster-scoped, and name.
    pub fn places(&self, api_version: &str, kind: &str) -> Vec<(Option<Str>, Str)> {
        let names = |versions: &Value| -> Vec<Str> {
            let of_kind = versions.get(api_version).and_then(|kinds| kinds.get(kind)?.as_object());
            of_kind.into_iter().flat_map(Object::fields).map(|(name, _)| name.clone()).collect()
        };
        let part = |name: &str| self.root().and_then(|root| root.get(name));
        let cluster = part("cluster").map(names).unwrap_or_default();
        let mut places: Vec<_> = cluster.into_iter().map(|name| (None, name)).collect();
        let namespaces = part("namespace").and_then(Value::as_object);
        for (namespace, versions) in namespaces.into_iter().flat_map(Object::fields) {
            places.extend(names(versions).into_iter().map(|name| (Some(namespace.clone()), name)));
        }
        places
    }

    /// How many objects of a kind there are.
    pub fn count(&self, api_version: &str, kind: &str) -> usize {
        let number = |versions: &Value| {
            let of_kind = versions.get(api_version).and_then(|kinds| kinds.get(kind)?.as_object());
            of_kind.map_or(0, Object::len)
        };
        let part = |name: &str| self.root().and_then(|root| root.get(name));
        let namespaces = part("namespace").and_then(Value::as_object);
        let in_namespaces =
            namespaces.into_iter().flat_map(Object::fields).map(|(_, versions)| number(versions));
        part("cluster").map_or(0, number) + in_namespaces.sum::<usize>()
    }

    fn root(&self) -> Option<&Value> {
        self.data.root().get("inventory")
    }

    /// The document `data` that policies read.
    pub const fn data(&self) -> &Data {
        &self.data
    }
}

/// An object with changes below it, which are sorted by their paths. What is empty afterwards goes. The recursion is as deep as a
/// path is long: five steps.
fn merged(before: &Object, changes: &[Placed], depth: usize) -> Object {
    let mut groups: BTreeMap<&Str, &[Placed]> = BTreeMap::new();
    for group in changes.chunk_by(|a, b| a.0.get(depth) == b.0.get(depth)) {
        if let Some(key) = group.first().and_then(|(path, _)| path.get(depth)) {
            groups.insert(key, group);
        }
    }
    let mut after: Vec<(Value, Value)> = Vec::with_capacity(before.len() + groups.len());
    for (key, value) in before.fields() {
        match groups.remove(key) {
            None => after.push((Value::String(key.clone()), value.clone())),
            Some(group) => after.extend(changed(key, Some(value), group, depth)),
        }
    }
    after.extend(groups.into_iter().filter_map(|(key, group)| changed(key, None, group, depth)));
    after.into()
}

/// One entry of an object after the changes to it; `None` where it goes.
fn changed(key: &Str, before: Option<&Value>, changes: &[Placed], depth: usize) -> Option<(Value, Value)> {
    let key = Value::String(key.clone());
    match changes {
        [(path, value)] if path.len() == depth + 1 => Some((key, value.clone()?)),
        _ => {
            let before = before.and_then(Value::as_object).cloned().unwrap_or_default();
            let after = merged(&before, changes, depth + 1);
            (!after.is_empty()).then(|| (key, after.into()))
        }
    }
}

fn of_versions(versions: Versions) -> Value {
    object(versions, |kinds| object(kinds, |names| object(names, |manifest| manifest)))
}

fn object<T>(entries: BTreeMap<Str, T>, value: impl Fn(T) -> Value) -> Value {
    let entries = entries.into_iter().map(|(key, entry)| (Value::String(key), value(entry)));
    Value::Object(entries.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{Options, SourceDocument};

    #[test]
    fn changes_make_what_would_be_made_at_once() {
        let place = |namespace: &str, kind: &str, name: &str, object: Option<&str>| Change {
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            api_version: "v1".into(),
            kind: kind.into(),
            name: name.into(),
            object: object.map(Value::from),
        };
        let text = |inventory: &Inventory| inventory.data().root().to_json();
        let empty = Inventory::default().updated([], Indexes::Kept);
        assert_eq!(text(&empty), r#"{"inventory":{}}"#);
        let some = empty.updated(
            [
                place("b", "Pod", "x", Some("old")),
                place("b", "Pod", "x", Some("1")),
                place("a", "Pod", "y", Some("2")),
                place("", "Node", "n", Some("3")),
                place("b", "Pod", "missing", None),
            ],
            Indexes::Kept,
        );
        let all = r#"{"inventory":{"cluster":{"v1":{"Node":{"n":"3"}}},"namespace":{"a":{"v1":{"Pod":{"y":"2"}}},"b":{"v1":{"Pod":{"x":"1"}}}}}}"#;
        assert_eq!(text(&some), all);
        assert_eq!(
            some.places("v1", "Pod"),
            [(Some("a".into()), Str::from("y")), (Some("b".into()), Str::from("x"))]
        );
        assert_eq!(some.places("v1", "Node"), [(None, Str::from("n"))]);
        assert_eq!((some.count("v1", "Pod"), some.count("v1", "Node"), some.count("v2", "Node")), (2, 1, 0));
        let less = some.updated(
            [place("b", "Pod", "x", None), place("", "Node", "n", None), place("a", "Pod", "w", Some("4"))],
            Indexes::Dropped,
        );
        let rest = r#"{"inventory":{"namespace":{"a":{"v1":{"Pod":{"w":"4","y":"2"}}}}}}"#;
        assert_eq!(text(&less), rest);
        // The one before is as it was.
        assert_eq!(text(&some), all);
    }

    #[test]
    fn objects_are_found_by_where_they_are() {
        let manifest = |kind: &str, metadata: Value| -> Value {
            [("apiVersion", "v1".into()), ("kind", kind.into()), ("metadata", metadata)].into()
        };
        let pod = manifest("Pod", [("name", "p".into())].into());
        let namespace = manifest("Namespace", [("name", "shop".into())].into());
        let documents =
            [pod.clone(), namespace].map(|value| SourceDocument { source: "a".into(), index: 0, value });
        let (snapshot, _) = Snapshot::build(documents, &Options::default());
        let landed = Inventory::of(&snapshot).data().root().to_json();
        assert!(landed.starts_with(r#"{"inventory":{"cluster":{"v1":{"Namespace":{"shop":"#), "{landed}");
        assert!(landed.contains(r#""namespace":{"default":{"v1":{"Pod":{"p":"#), "{landed}");
        let written = Inventory::of_manifests([&pod]).data().root().to_json();
        assert!(written.starts_with(r#"{"inventory":{"cluster":{"v1":{"Pod":{"p":"#), "{written}");
        assert_eq!(Inventory::of_manifests([]).data().root().to_json(), r#"{"inventory":{}}"#);
    }
}
