//! [`plan`]: what has to be written for the reports about a kind in a namespace to be as they should.

use std::collections::BTreeMap;

use lumen_core::object::{field, text};
use lumen_value::Value;

use super::object::{AUDITED_ANNOTATION, CONTENT_ANNOTATION, Report};

/// A report that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) uid: String,
    /// The digest of what it says.
    pub(super) content: String,
}

impl Listed {
    /// Of a report's metadata: the namespace, the kind that it is about, and itself.
    pub(super) fn of(object: &Value) -> (&str, &str, Self) {
        let metadata = field(object, &["metadata"]);
        let annotations = field(metadata, &["annotations"]);
        let listed = Self {
            name: text(metadata, "name").to_owned(),
            uid: text(metadata, "uid").to_owned(),
            content: text(annotations, CONTENT_ANNOTATION).to_owned(),
        };
        (text(metadata, "namespace"), text(annotations, AUDITED_ANNOTATION), listed)
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Reports that are new, or say something else now.
    pub(super) written: Vec<Report>,
    /// Reports that hold nothing any more.
    pub(super) deleted: Vec<Listed>,
    /// Reports with results that were found before: they say since when.
    pub(super) read: Vec<String>,
    /// Reports that stay as they are.
    pub(super) unchanged: usize,
}

/// What makes the reports that are there those that are wanted.
pub(super) fn plan(there: Vec<Listed>, wanted: BTreeMap<String, Report>) -> Plan {
    let mut plan = Plan::default();
    let mut changed = wanted;
    // One that was listed twice counts once.
    let there: BTreeMap<String, Listed> =
        there.into_iter().map(|listed| (listed.name.clone(), listed)).collect();
    for listed in there.into_values() {
        match changed.get(&listed.name) {
            Some(report) if report.content == listed.content => {
                changed.remove(&listed.name);
                plan.unchanged += 1;
            }
            Some(_) => plan.read.push(listed.name),
            None => plan.deleted.push(listed),
        }
    }
    if !changed.is_empty() {
        plan.read.extend(plan.deleted.iter().map(|listed| listed.name.clone()));
    }
    plan.written = changed.into_values().collect();
    plan
}
