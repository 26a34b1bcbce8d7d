//! [`Judge`]: what is said of the objects of a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::admission::Inventory;
use lumen_core::exemption::Exemption;
use lumen_core::finding::{Finding, Place};
use lumen_core::managed::{Managers, Owners};
use lumen_core::object::ObjectRef;
use lumen_core::review::Policies;
use lumen_core::review::live::{
    Controller, Levels, Surroundings, is_about_pods, is_at_rest, live_entry, review_live,
};
use lumen_core::snapshot::{Entry, NamespaceVariant};
use lumen_value::Value;

use super::exempt;
use crate::baseline;

/// What objects are judged by.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The policies, and what verdicts depend on beside the objects.
    pub policies: Policies,
    /// The Namespaces by name.
    pub namespaces: BTreeMap<Arc<str>, NamespaceVariant>,
    /// Whether all Namespaces are known: then an object in another one came a moment ago, and is left out.
    pub knows_namespaces: bool,
    /// What policies see as `data.inventory`.
    pub inventory: Inventory,
    /// The one namespace that is looked at, where it is not all of them: of Namespaces it alone is meant.
    pub only: Option<Arc<str>>,
}

/// What was found in some objects.
#[derive(Debug, Default)]
pub struct OfObjects {
    pub(super) objects: Vec<OfObject>,
    pub(super) levels: Levels,
    pub(super) count: usize,
    pub(super) workloads: usize,
    /// Objects whose namespace is not known: it was made, or went, a moment ago.
    pub(super) homeless: usize,
}

/// What was found in one object.
#[derive(Debug)]
pub(super) struct OfObject {
    pub(super) findings: Vec<(Finding, Note)>,
    pub(super) about: About,
    pub(super) source: Arc<str>,
    pub(super) uid: Arc<str>,
    /// The object that made it, where it carries pods.
    pub(super) maker: Option<Controller>,
    /// What it says about levels, where that is not yet told of another.
    pub(super) levels: Option<Levels>,
    pub(super) exemptions: Vec<Exemption>,
}

/// What an object is, beyond its name.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) object: Arc<ObjectRef>,
    pub(super) namespace: Option<Arc<str>>,
    pub(super) labels: Value,
    /// What it is known by, in words.
    pub(super) name: String,
    pub(super) identity: Option<lumen_core::object::Identity>,
}

/// What is known of the place of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) owners: Owners,
    /// What stands there.
    pub(super) value: Option<Value>,
    /// The object's lists on the way there: see [`super::drift`].
    pub(super) names: Vec<Option<String>>,
    /// The field, with the names of elements, as a baseline knows it.
    pub(super) path: String,
}

impl About {
    pub(super) fn of(entry: &Entry) -> Self {
        let name = entry.identity.as_ref().map_or_else(|| entry.object.to_string(), ToString::to_string);
        Self {
            object: entry.object.clone(),
            namespace: entry.namespace.clone(),
            labels: entry.labels().clone(),
            name,
            identity: entry.identity.clone(),
        }
    }
}

impl OfObjects {
    /// Adds what was found in others.
    pub fn add(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.levels.merge(other.levels);
        self.count += other.count;
        self.workloads += other.workloads;
        self.homeless += other.homeless;
    }
}

impl Judge {
    /// Judges objects.
    pub fn objects(&self, items: &[Value]) -> OfObjects {
        let mut found = OfObjects::default();
        for object in items {
            self.object(&live_entry(object.clone()), &mut found);
        }
        found
    }

    fn object(&self, entry: &Entry, found: &mut OfObjects) {
        if entry.is_namespace() && self.only.as_ref().is_some_and(|only| *only != entry.object.name) {
            return;
        }
        let namespace = entry.namespace.as_ref().and_then(|name| self.namespaces.get(name));
        if entry.namespace.is_some() && namespace.is_none() && self.knows_namespaces {
            found.homeless += 1;
            return;
        }
        let is_workload = entry.workload().is_some();
        found.count += 1;
        found.workloads += usize::from(is_workload);
        let around = Surroundings { namespace, inventory: &self.inventory };
        let mut findings = review_live(entry, &around, &self.policies);
        let rests = is_workload && is_at_rest(entry);
        if rests {
            findings.retain(|finding| !is_about_pods(finding));
        }
        let maker = if is_workload { Controller::of(&entry.value) } else { None };
        let mut levels = Levels::default();
        if is_workload && !rests {
            levels.add(entry, &self.policies);
        }
        if maker.is_none() {
            found.levels.merge(std::mem::take(&mut levels));
        }
        let (mut exemptions, mut invalid) = (Vec::new(), Vec::new());
        if maker.is_none() || !findings.is_empty() {
            exempt::of_entry(entry, &mut exemptions, &mut invalid);
            // An `Exemption` among the objects is read with all others.
            if lumen_core::exemption::read::is_exemption(&entry.value) {
                (exemptions, invalid) = (Vec::new(), Vec::new());
            }
        }
        findings.extend(invalid);
        if findings.is_empty() && exemptions.is_empty() {
            return;
        }
        let managers = Managers::of(&entry.value);
        let noted = |finding: Finding| {
            let note = note(&finding, entry, &managers);
            (finding, note)
        };
        let metadata = entry.value.get("metadata");
        let uid = metadata.and_then(|metadata| metadata.get("uid")).and_then(Value::as_str);
        found.objects.push(OfObject {
            findings: findings.into_iter().map(noted).collect(),
            about: About::of(entry),
            source: entry.location.source.clone(),
            uid: uid.unwrap_or_default().into(),
            levels: maker.is_some().then_some(levels),
            maker,
            exemptions,
        });
    }
}

/// Longest value that is kept to be compared, in parts.
const PARTS_MAX: u64 = 10_000;

pub(super) fn note(finding: &Finding, entry: &Entry, managers: &Managers<'_>) -> Note {
    let place = finding.location.as_ref().map(|location| &location.place);
    let Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) = place else {
        return Note { owners: Owners::default(), value: None, names: Vec::new(), path: String::new() };
    };
    let value = entry.value.find(pointer).filter(|value| value.parts(PARTS_MAX) < PARTS_MAX);
    Note {
        owners: managers.owners(pointer),
        value: value.cloned(),
        names: super::drift::names(pointer, &entry.value),
        path: baseline::path(pointer, Some(entry)),
    }
}
