//! The policies that come with the project say the same with all optimisations of the engine and with none: about their samples,
//! and about samples of which some parts are others.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::format_push_string,
    clippy::print_stdout,
    reason = "test code"
)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use lumen_core::admission::matching::Source;
use lumen_core::admission::{Explanation, Inventory, PolicyOptions, PolicySet, Review, WEBHOOK};
use lumen_core::finding::{Location, Place};
use lumen_core::object::ObjectRef;
use lumen_core::request::bare_request;
use lumen_core::snapshot::Entry;
use lumen_rego::plan::Optimisations;
use lumen_value::read::{Limits, read};
use lumen_value::{Object, Pointer, Value};
use proptest::prelude::*;

fn entry(value: Value) -> Arc<Entry> {
    Arc::new(Entry {
        object: Arc::new(ObjectRef::of(&value)),
        identity: None,
        namespace: None,
        value,
        location: Location {
            source: "test".into(),
            place: Place::Field { document: 0, pointer: Pointer::ROOT },
        },
        malformed: false,
    })
}

fn documents(text: &str) -> Vec<Value> {
    let documents = read(text.as_bytes(), &Limits::default()).documents.into_iter();
    documents.map(|document| document.value).filter(|value| !value.is_null()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_or_else(|_| Vec::new(), |all| all.map(|file| file.unwrap().path()).collect());
    files.sort();
    files
}

fn folders() -> Vec<PathBuf> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies"))
}

fn values(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).map_or_else(|_| Vec::new(), |text| documents(&text))
}

/// An object with another value for a key.
fn with(value: &Value, path: &[&str], new: Option<Value>) -> Value {
    let empty = Object::default();
    let object = value.as_object().unwrap_or(&empty);
    match path {
        [] => new.unwrap_or_default(),
        [key] if new.is_none() => object.without(key).into(),
        [key, rest @ ..] => {
            let below = with(object.get(key).unwrap_or(&Value::Null), rest, new);
            object.with(Value::from(*key), below).into()
        }
    }
}

/// Each constraint as it is, and about everything with other parameters.
fn policies() -> Vec<Arc<Entry>> {
    let mut policies = Vec::new();
    for folder in folders() {
        policies.extend(values(&folder.join("template.yaml")));
        for constraint in values(&folder.join("constraint.yaml")) {
            let wide = with(&constraint, &["spec", "match"], None);
            for (name, key, parameter) in [
                ("none", "parameters", None),
                ("exempt", "exemptImages", Some(Value::from(vec![Value::from("nginx*"), Value::from("a")]))),
                ("exempt-one", "exemptImages", Some(Value::from(vec![Value::from("docker.io/*")]))),
            ] {
                let path: &[&str] =
                    if key == "parameters" { &["spec", key] } else { &["spec", "parameters", key] };
                let other = with(&wide, path, parameter);
                policies.push(with(&other, &["metadata", "name"], Some(Value::from(name))));
            }
            policies.push(constraint);
        }
    }
    policies.into_iter().map(entry).collect()
}

static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let samples = folders().into_iter().flat_map(|folder| files(&folder.join("samples")));
    samples.flat_map(|sample| values(&sample)).collect()
});

/// With all optimisations, and with none.
static SETS: LazyLock<[PolicySet; 2]> = LazyLock::new(|| {
    let policies = policies();
    [Optimisations::default(), Optimisations::NONE].map(|optimisations| {
        let set =
            PolicySet::compile_with(&policies, PolicyOptions { optimisations, ..PolicyOptions::default() }).0;
        assert!(set.constraints().len() > 50, "{}", set.constraints().len());
        set
    })
});

static INVENTORY: LazyLock<Inventory> = LazyLock::new(|| Inventory::of_manifests(SAMPLES.iter()));

fn said(set: &PolicySet, object: &Value, explanation: Explanation) -> Vec<String> {
    let request = bare_request(&entry(object.clone()));
    let review = Review {
        request: &request,
        namespace: None,
        namespace_object: None,
        source: Source::Original,
        time_ns: 0,
        point: WEBHOOK,
        explanation,
    };
    let verdicts = set.review(&review, &INVENTORY);
    let shown = verdicts.into_iter().map(|verdict| {
        let constraint = &verdict.constraint.object;
        let details = verdict.details.to_json();
        format!("{}/{} {} {} {details}", constraint.kind, constraint.name, verdict.is_error, verdict.message)
    });
    shown.collect()
}

fn agree(object: &Value) -> Result<usize, TestCaseError> {
    let [all, none] = &*SETS;
    let found = said(all, object, Explanation::None);
    prop_assert_eq!(&found, &said(none, object, Explanation::None), "{}", object.to_json());
    Ok(found.len())
}

#[test]
fn the_samples_are_judged_the_same() {
    let found: usize = SAMPLES.iter().map(|sample| agree(sample).expect("the same")).sum();
    assert!(found > SAMPLES.len(), "{found} of {}", SAMPLES.len());
}

/// What stands in the place of something.
const OTHERS: &[&str] = &[
    "null",
    "true",
    "0",
    "1.5",
    "''",
    "a",
    "nginx",
    "nginx:latest",
    "docker.io/library/nginx:1.25@sha256:00",
    "[]",
    "{}",
    "[a, {name: a, image: b}]",
    "{name: a, image: 'localhost:5000/a'}",
    "{limits: {cpu: 1, memory: 1Gi}}",
];

/// One part of a value, chosen by numbers, becomes another or is gone.
fn mutated(value: &Value, choices: &mut impl Iterator<Item = usize>, other: &Value) -> Value {
    let choice = choices.next().unwrap_or_default();
    match value {
        Value::Object(object) if !object.is_empty() && !choice.is_multiple_of(5) => {
            let at = choices.next().unwrap_or_default() % object.len();
            let entries = object.iter().enumerate().filter_map(|(index, (key, below))| {
                if index != at {
                    return Some((key.clone(), below.clone()));
                }
                (choice % 7 != 1).then(|| (key.clone(), mutated(below, choices, other)))
            });
            Value::Object(entries.collect::<Vec<_>>().into())
        }
        Value::Array(items) if !items.is_empty() && !choice.is_multiple_of(5) => {
            let at = choices.next().unwrap_or_default() % items.len();
            let items = items.iter().enumerate().filter_map(|(index, item)| {
                if index != at {
                    return Some(item.clone());
                }
                (choice % 7 != 1).then(|| mutated(item, choices, other))
            });
            Value::from(items.collect::<Vec<_>>())
        }
        _ => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn mutated_samples_are_judged_the_same(
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec((prop::collection::vec(0_usize..1_000, 12), prop::sample::select(OTHERS)), 1..4),
    ) {
        let mut object = SAMPLES[sample.index(SAMPLES.len())].clone();
        for (choices, other) in changes {
            let other = documents(other).into_iter().next().unwrap_or_default();
            // What it is stays, so that policies look at it.
            let mut choices = choices.into_iter();
            let part = ["metadata", "spec", "spec", "rules"][choices.next().unwrap_or_default() % 4];
            let below = object.get(part).cloned().unwrap_or_default();
            object = with(&object, &[part], Some(mutated(&below, &mut choices, &other)));
        }
        agree(&object)?;
    }
}

#[test]
fn an_explanation_changes_no_verdict() {
    let [all, _] = &*SETS;
    for object in SAMPLES.iter() {
        let found = said(all, object, Explanation::None);
        for explanation in [Explanation::Place, Explanation::Trace] {
            assert_eq!(found, said(all, object, explanation), "{}", object.to_json());
        }
    }
}
