//! Manifests of conformance cases, and what is said about them by their number.
#![allow(dead_code, reason = "shared by tests of which each uses a part")]

use std::collections::BTreeSet;
use std::sync::Arc;

use lumen_core::admission::matching::Source;
use lumen_core::admission::rules;
use lumen_core::finding::{Finding, Location, Place};
use lumen_core::object::ObjectRef;
use lumen_core::rule::Rule;
use lumen_core::snapshot::Entry;
use lumen_value::read::Limits;
use lumen_value::{Pointer, Value};
use serde_json::Value as Json;

pub(crate) fn value(json: &Json) -> Value {
    lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default()).expect("JSON").value
}

/// The manifests of a list, each a document of its own.
pub(crate) fn entries(list: &Json) -> Vec<Arc<Entry>> {
    let entry = |(document, json): (usize, &Json)| {
        let value = value(json);
        let place = Place::Field { document, pointer: Pointer::ROOT };
        Arc::new(Entry {
            object: Arc::new(ObjectRef::of(&value)),
            identity: None,
            namespace: None,
            value,
            location: Location { source: "case".into(), place },
            malformed: false,
        })
    };
    list.as_array().into_iter().flatten().enumerate().map(entry).collect()
}

/// The number of a manifest.
pub(crate) fn number(location: &Location) -> usize {
    match &location.place {
        Place::Field { document, .. } | Place::Inside { document, .. } => *document,
        place => panic!("{place:?}"),
    }
}

/// The manifests that a rule is broken by.
pub(crate) fn numbers(findings: &[Finding], rule: &Rule) -> BTreeSet<usize> {
    let of_rule = findings.iter().filter(|finding| finding.rule == rule.id());
    of_rule.map(|finding| number(finding.location.as_ref().expect("a place"))).collect()
}

/// The numbers that are the keys of an object.
pub(crate) fn keys(json: &Json) -> BTreeSet<usize> {
    json.as_object().into_iter().flatten().map(|(key, _)| key.parse().expect("a number")).collect()
}

pub(crate) fn source(word: Option<&str>) -> Source {
    match word {
        Some("All") => Source::All,
        Some("Original") => Source::Original,
        Some("Generated") => Source::Generated,
        _ => Source::Unknown,
    }
}

/// Upstream says at the later of two manifests which are in conflict; here each of them is told.
pub(crate) fn same_conflicts(
    findings: &[Finding],
    entries: &[Arc<Entry>],
    expected: &Json,
) -> Result<(), String> {
    let conflicting = numbers(findings, &rules::CONFLICTING_MUTATOR);
    let names = |number: &usize| {
        let object = &entries.get(*number).expect("an entry").object;
        format!("{}.mutations.gatekeeper.sh /{}", object.kind, object.name)
    };
    let found: BTreeSet<String> = conflicting.iter().map(names).collect();
    let texts = expected.as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str());
    let lists = texts.filter_map(|text| Some(text.split_once('[')?.1.trim_end_matches(']')));
    let wanted: BTreeSet<String> = lists.flat_map(|list| list.split(',').map(ToOwned::to_owned)).collect();
    if found == wanted { Ok(()) } else { Err(format!("in conflict: {found:?} in place of {wanted:?}")) }
}
