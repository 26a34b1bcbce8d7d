//! [`Snapshot`]: all objects of one call, immutable, in one order whatever the order they came in.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use lumen_value::{Pointer, Value};

use crate::admission::Inventory;
use crate::finding::{Finding, Location};
use crate::object::classify::NotManifest;
use crate::object::kinds::{Kinds, Scope};
use crate::object::{Identity, ObjectRef, Workload, labels};

mod build;

/// A document and where it comes from.
#[derive(Clone, Debug)]
pub struct SourceDocument {
    /// The input, as it is shown to people: a path, or `<stdin>`.
    pub source: Arc<str>,
    /// The document's number in the input, from zero.
    pub index: usize,
    /// What it says.
    pub value: Value,
}

/// What the building of a snapshot depends on beside the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where objects of namespaced kinds land that name no namespace: the one of the caller's context.
    pub default_namespace: Arc<str>,
}

impl Default for Options {
    fn default() -> Self {
        Self { default_namespace: "default".into() }
    }
}

/// One object as one manifest describes it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What its manifest calls it.
    pub object: Arc<ObjectRef>,
    /// What it is known by; `None` where its name is generated or missing.
    pub identity: Option<Identity>,
    /// The namespace that it lands in; `None` for what is cluster-scoped.
    pub namespace: Option<Arc<str>>,
    /// The manifest; for an item of a list of one kind with the `apiVersion` and `kind` that it left out.
    pub value: Value,
    /// Where the manifest stands.
    pub location: Location,
    /// Whether fields of it have a wrong type. The API server would refuse it; what it says is judged all the same.
    pub malformed: bool,
}

impl Entry {
    /// Where a field of the manifest stands, given the way from the manifest's root.
    pub fn locate(&self, further: &Pointer) -> Location {
        self.location.inside(further)
    }

    /// Its labels; null where it has none.
    pub fn labels(&self) -> &Value {
        labels(&self.value)
    }

    /// The view of it as a workload, where it is one.
    pub fn workload(&self) -> Option<Workload<'_>> {
        Workload::of(&self.value)
    }

    /// Whether it is a Namespace.
    pub fn is_namespace(&self) -> bool {
        &*self.object.kind == "Namespace" && self.object.group().is_empty()
    }
}

/// A document that is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Where it stands.
    pub location: Location,
    /// What it is.
    pub what: NotManifest,
}

/// The labels of one Namespace as one or several manifests of it give them.
#[derive(Clone, Debug)]
pub struct NamespaceVariant {
    /// The labels, with `kubernetes.io/metadata.name`, which the API server sets on every Namespace.
    pub labels: Value,
    /// The first manifest that gives these labels.
    pub entry: Arc<Entry>,
}

/// Most different labels that are kept of one Namespace: each is judged, with every pod in it. Those beyond are a
/// finding of severity high.
pub const NAMESPACE_VARIANTS_MAX: usize = 16;

/// What is known of a Namespace's labels.
#[derive(Clone, Copy, Debug)]
pub enum NamespaceLabels<'a> {
    /// All its manifests agree.
    Known(&'a NamespaceVariant),
    /// Its manifests give different labels, such as those of two overlays: at most [`NAMESPACE_VARIANTS_MAX`]. Which of
    /// them holds is not known, so whoever judges takes each in turn and reports the strictest verdict.
    Ambiguous(&'a [NamespaceVariant]),
    /// The Namespace is not among the inputs.
    Unknown,
}

impl<'a> NamespaceLabels<'a> {
    /// The possible labels: none where nothing is known.
    pub fn variants(self) -> &'a [NamespaceVariant] {
        match self {
            Self::Known(variant) => std::slice::from_ref(variant),
            Self::Ambiguous(variants) => variants,
            Self::Unknown => &[],
        }
    }
}

/// The objects of one group.
type EntriesByKind = BTreeMap<Arc<str>, Vec<Arc<Entry>>>;

/// All objects of one call. The same documents make the same snapshot in whatever order they come.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What it was built with.
    options: Options,
    entries: Vec<Arc<Entry>>,
    kinds: Kinds,
    skipped: Vec<Skipped>,
    documents_empty: usize,
    by_identity: BTreeMap<Identity, Vec<Arc<Entry>>>,
    /// By group, then kind.
    by_kind: BTreeMap<Arc<str>, EntriesByKind>,
    namespaces: BTreeMap<Arc<str>, Vec<NamespaceVariant>>,
    /// Made when a policy first asks for it.
    inventory: OnceLock<Inventory>,
}

impl Snapshot {
    /// Makes a snapshot of documents, and says what is wrong with them: what is malformed, and what describes one
    /// object twice. Lists are taken apart; what is no manifest is set aside ([`Snapshot::skipped`]).
    pub fn build(
        documents: impl IntoIterator<Item = SourceDocument>,
        options: &Options,
    ) -> (Self, Vec<Finding>) {
        build::build(documents.into_iter().collect(), options)
    }

    /// What it was built with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The objects, sorted by where they stand. Two manifests of one object are two entries.
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// The documents that are no manifests, sorted by where they stand.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// How many documents hold nothing.
    pub fn documents_empty(&self) -> usize {
        self.documents_empty
    }

    /// The kinds that are known: the built-in ones, and those defined among the inputs.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The objects that are workloads, each with its view.
    pub fn workloads(&self) -> impl Iterator<Item = (&Arc<Entry>, Workload<'_>)> {
        self.entries.iter().filter_map(|entry| Some((entry, entry.workload()?)))
    }

    /// The objects of a kind, in any version.
    pub fn of_kind(&self, group: &str, kind: &str) -> &[Arc<Entry>] {
        let of_group = self.by_kind.get(group);
        of_group.and_then(|kinds| kinds.get(kind)).map_or(&[], Vec::as_slice)
    }

    /// The manifests of one object; none where it is not among the inputs.
    pub fn of_identity(&self, identity: &Identity) -> &[Arc<Entry>] {
        self.by_identity.get(identity).map_or(&[], Vec::as_slice)
    }

    /// The objects that are described more than once, each with its manifests.
    pub fn duplicates(&self) -> impl Iterator<Item = (&Identity, &[Arc<Entry>])> {
        let several = self.by_identity.iter().filter(|(_, entries)| entries.len() > 1);
        several.map(|(identity, entries)| (identity, entries.as_slice()))
    }

    /// The names of the Namespaces among the inputs, sorted.
    pub fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.namespaces.keys()
    }

    /// The Namespace of a name: its first manifest.
    pub fn namespace(&self, name: &str) -> Option<&Arc<Entry>> {
        self.namespaces.get(name)?.first().map(|variant| &variant.entry)
    }

    /// What is known of a Namespace's labels.
    pub fn namespace_labels(&self, name: &str) -> NamespaceLabels<'_> {
        match self.namespaces.get(name).map(Vec::as_slice) {
            None | Some([]) => NamespaceLabels::Unknown,
            Some([variant]) => NamespaceLabels::Known(variant),
            Some(variants) => NamespaceLabels::Ambiguous(variants),
        }
    }

    /// The objects as policies see them, `data.inventory`.
    pub fn inventory(&self) -> &Inventory {
        self.inventory.get_or_init(|| Inventory::of(self))
    }

    /// Where the objects of a kind live; `None` where nobody says.
    pub fn scope(&self, object: &ObjectRef) -> Option<Scope> {
        self.kinds.scope(object.group(), &object.kind)
    }
}

#[cfg(test)]
mod tests;
