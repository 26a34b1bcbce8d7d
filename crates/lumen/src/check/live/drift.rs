//! From an object of a cluster to the lines in git that describe it, and whether both say the same.

use lumen_core::finding::{Finding, Place};
use lumen_core::quantity::Quantity;
use lumen_core::snapshot::{Entry, Snapshot};
use lumen_value::{Pointer, Step, Value};

use super::judge::{About, Note};
use crate::report::{Drift, Live};

/// The manifests.
pub(super) struct Sources(Snapshot);

impl Sources {
    pub(super) fn new(snapshot: Snapshot) -> Self {
        Self(snapshot)
    }
}

/// The names of the elements of lists that a pointer leads through, one for each step: `None` for what is no element, or has
/// no name.
pub(super) fn names(pointer: &Pointer, object: &Value) -> Vec<Option<String>> {
    let mut value = Some(object);
    let steps = pointer.steps().iter();
    steps
        .map(|step| {
            value = value.and_then(|value| value.step(step));
            let is_element = matches!(step, Step::Index(_));
            value.filter(|_| is_element).and_then(name_of).map(str::to_owned)
        })
        .collect()
}

fn name_of(element: &Value) -> Option<&str> {
    element.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
}

/// A finding about an object of a cluster, at the place in the manifests that describes it, where there is one.
pub(super) fn placed(
    finding: Finding,
    note: Option<&Note>,
    about: Option<&About>,
    sources: Option<&Sources>,
) -> (Finding, Option<Live>) {
    let place = finding.location.as_ref().map(|location| &location.place);
    let at = match place {
        Some(Place::Field { pointer, .. } | Place::Inside { pointer, .. }) => pointer.clone(),
        _ => Pointer::ROOT,
    };
    let owners = note.map(|note| note.owners.clone()).unwrap_or_default();
    let live = Live { at: at.clone(), owners, drift: None };
    let identity = about.and_then(|about| about.identity.as_ref());
    let (Some(sources), Some(identity)) = (sources, identity) else {
        return (finding, Some(live));
    };
    let described = sources.0.of_identity(identity).iter().map(|entry| {
        let (found, is_whole) = translated(&at, note, &entry.value);
        (entry, drift(note, &found, is_whole, &entry.value), found)
    });
    // Of several manifests, such as those of two overlays, the one that says what is there.
    let Some((entry, drift, found)) = described.min_by_key(|(_, drift, _)| *drift) else {
        return (finding, Some(Live { drift: Some(Drift::NotInSource), ..live }));
    };
    let located = located(finding, entry, &at, &found, drift);
    (located, Some(Live { drift: Some(drift), ..live }))
}

fn located(finding: Finding, entry: &Entry, at: &Pointer, found: &Pointer, drift: Drift) -> Finding {
    let location = Some(entry.locate(found));
    // What a fix changes is told by places in the live object.
    let is_document =
        matches!(&entry.location.place, Place::Field { pointer, .. } if *pointer == Pointer::ROOT);
    let keeps_fix = at == found && drift == Drift::Same && is_document;
    let fix = finding.fix.filter(|_| keeps_fix);
    Finding { location, fix, ..finding }
}

/// The way through a manifest that a way through the live object is, elements of lists found by their names; and whether all of
/// it was found.
fn translated(at: &Pointer, note: Option<&Note>, manifest: &Value) -> (Pointer, bool) {
    let mut found = Pointer::ROOT;
    let mut value = Some(manifest);
    let nobody = Vec::new();
    let names = note.map_or(&nobody, |note| &note.names).iter().map(Option::as_deref);
    for (step, name) in at.steps().iter().zip(names.chain(std::iter::repeat(None))) {
        let step = match (step, name, value) {
            (Step::Index(_), Some(name), Some(Value::Array(items))) => {
                let Some(index) = items.iter().position(|item| name_of(item) == Some(name)) else {
                    return (found, false);
                };
                Step::Index(index)
            }
            (step, ..) => step.clone(),
        };
        value = value.and_then(|value| value.step(&step));
        found = found.child(step);
    }
    (found, value.is_some())
}

/// Whether a manifest says what stands in the cluster.
fn drift(note: Option<&Note>, found: &Pointer, is_whole: bool, manifest: &Value) -> Drift {
    let live = note.and_then(|note| note.value.as_ref());
    let said = manifest.find(found).filter(|said| is_whole && !said.is_null());
    // The API server writes some fields that are not there as empty ones, and leaves out others that are empty.
    match (live.filter(|value| !is_empty(value)), said.filter(|value| !is_empty(value))) {
        (None, None) => Drift::Same,
        (Some(_), None) => Drift::LiveOnly,
        (None, Some(_)) => Drift::Differs,
        (Some(live), Some(said)) => {
            if is_said(said, live) {
                Drift::Same
            } else {
                Drift::Differs
            }
        }
    }
}

/// Whether a value says no more than a field that is not there.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.fields().next().is_none(),
        _ => false,
    }
}

/// Whether all that a manifest says stands in the cluster; what the API server filled in is there beside it.
fn is_said(said: &Value, live: &Value) -> bool {
    // What is compared is bounded by what was kept of the live object.
    let mut pending = vec![(said, live)];
    while let Some((said, live)) = pending.pop() {
        match (said, live) {
            (Value::Object(said), Value::Object(live)) => {
                for (key, value) in said.fields() {
                    match live.get_key(key) {
                        Some(other) => pending.push((value, other)),
                        None if is_empty(value) => {}
                        None => return false,
                    }
                }
            }
            (Value::Array(said), Value::Array(live)) => {
                for (index, value) in said.iter().enumerate() {
                    let of_name = name_of(value)
                        .and_then(|name| live.iter().find(|element| name_of(element) == Some(name)));
                    match of_name.or_else(|| live.get(index)) {
                        Some(other) => pending.push((value, other)),
                        None => return false,
                    }
                }
            }
            _ if said == live => {}
            _ if is_same_amount(said, live) => {}
            _ => return false,
        }
    }
    true
}

/// Whether two scalars are one amount, such as `1000m` and `1`: the API server writes amounts in its own way.
fn is_same_amount(said: &Value, live: &Value) -> bool {
    matches!((Quantity::of(said), Quantity::of(live)), (Ok(said), Ok(live)) if said == live)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        lumen_value::json::parse(text.as_bytes(), &lumen_value::read::Limits::default()).expect("JSON").value
    }

    fn drift_of(live: Option<&str>, manifest: &str) -> Drift {
        let note = Note {
            owners: lumen_core::managed::Owners::default(),
            value: live.map(value),
            names: Vec::new(),
            path: String::new(),
        };
        let (found, is_whole) = translated(&Pointer::ROOT.child("a"), Some(&note), &value(manifest));
        drift(Some(&note), &found, is_whole, &value(manifest))
    }

    #[test]
    fn an_empty_field_is_none() {
        assert_eq!(drift_of(Some("{}"), "{}"), Drift::Same);
        assert_eq!(drift_of(Some("[]"), "{}"), Drift::Same);
        assert_eq!(drift_of(None, r#"{"a": {}}"#), Drift::Same);
        assert_eq!(drift_of(Some(r#"{"b": 1}"#), r#"{"a": {"b": 1, "c": {}}}"#), Drift::Same);
        assert_eq!(drift_of(None, "{}"), Drift::Same);
        assert_eq!(drift_of(Some("false"), "{}"), Drift::LiveOnly);
        assert_eq!(drift_of(None, r#"{"a": 1}"#), Drift::Differs);
    }
}
