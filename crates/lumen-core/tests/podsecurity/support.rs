//! What the tests of Pod Security share: values of JSON, and edits made on them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code, shared by tests of which each uses a part"
)]

use lumen_core::defaults::Seen;
use lumen_core::finding::{Edit, Fix};
use lumen_core::object::pod::PodView;
use lumen_core::podsecurity::{LevelVersion, Pod};
use lumen_value::{Number, Pointer, Step, Value};
use serde_json::Value as Json;

/// The value of a JSON value.
pub fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::from(*bool),
        Json::Number(number) => Value::from(Number::parse(&number.to_string()).expect("a number")),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(fields) => Value::Object(
            fields.iter().map(|(key, field)| (Value::from(key.as_str()), value(field))).collect(),
        ),
    }
}

/// The value of a JSON text.
pub fn json(text: &str) -> Value {
    value(&serde_json::from_str(text).expect("JSON"))
}

/// The view of a pod's document.
pub fn view(pod: &Value) -> PodView<'_> {
    PodView::of(pod, Pointer::ROOT)
}

/// The fixes of all that a level finds wrong; `None` where one of them has none.
pub fn fixes(pod: &Value, wanted: LevelVersion, seen: Seen) -> Option<Vec<Fix>> {
    let view = view(pod);
    let pod = Pod::read(&view, seen);
    let mut fixes = Vec::new();
    for refusal in pod.evaluate(wanted).refusals {
        for violation in pod.violations(refusal.check, wanted.version) {
            fixes.push(violation.fix?);
        }
    }
    Some(fixes)
}

/// Makes all edits of all fixes at once: every pointer means the value as it was before. Panics where two contradict.
pub fn apply<'f>(value: &Value, fixes: impl IntoIterator<Item = &'f Fix>) -> Value {
    let mut edits: Vec<Edit> = Vec::new();
    for edit in fixes.into_iter().flat_map(|fix| &fix.edits) {
        if !edits.contains(edit) {
            edits.push(edit.clone());
        }
    }
    for (index, edit) in edits.iter().enumerate() {
        for other in &edits[index + 1..] {
            let (a, b) = (place(edit), place(other));
            assert!(!a.is_within(b) && !b.is_within(a), "{edit:?} contradicts {other:?}");
        }
        if let Edit::Remove(at) = edit {
            assert!(value.find(at).is_some(), "{edit:?} removes nothing");
        }
    }
    // Elements of a list are taken away from its end.
    edits.sort_by(|a, b| place(b).cmp(place(a)));
    edits.iter().fold(value.clone(), |value, edit| match edit {
        Edit::Set(at, new) => set(&value, at.steps(), Some(new)),
        Edit::Remove(at) => set(&value, at.steps(), None),
    })
}

fn place(edit: &Edit) -> &Pointer {
    match edit {
        Edit::Set(at, _) | Edit::Remove(at) => at,
    }
}

fn set(value: &Value, steps: &[Step], new: Option<&Value>) -> Value {
    let Some((step, rest)) = steps.split_first() else {
        return new.expect("the root is not removed").clone();
    };
    match step {
        Step::Key(key) => {
            let object = value.as_object().cloned().unwrap_or_default();
            let key = key.as_str().expect("UTF-8");
            if rest.is_empty() && new.is_none() {
                return object.without(key).into();
            }
            let field = object.get(key).cloned().unwrap_or_default();
            object.with(key, set(&field, rest, new)).into()
        }
        Step::Index(index) => {
            let mut items: Vec<Value> = value.as_array().expect("a list").iter().cloned().collect();
            if rest.is_empty() && new.is_none() {
                items.remove(*index);
            } else {
                items[*index] = set(&items[*index], rest, new);
            }
            items.into()
        }
    }
}
