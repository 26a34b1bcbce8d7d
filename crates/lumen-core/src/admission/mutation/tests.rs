use lumen_value::read::{Limits, read};
use proptest::prelude::*;

use super::super::matching::Source;
use super::*;
use crate::finding::{Location, Place};
use crate::object::ObjectRef;

fn value(text: &str) -> Value {
    let reading = read(text.as_bytes(), &Limits::default());
    assert_eq!(reading.errors, [], "{text}");
    reading.documents.into_iter().next().map(|document| document.value).unwrap_or_default()
}

fn entry(value: Value) -> Arc<Entry> {
    Arc::new(Entry {
        object: Arc::new(ObjectRef::of(&value)),
        identity: None,
        namespace: None,
        value,
        location: Location {
            source: "mutators.yaml".into(),
            place: Place::Field { document: 0, pointer: Pointer::ROOT },
        },
        malformed: false,
    })
}

fn manifest(kind: &str, name: &str, location: &str, parameters: &str) -> Arc<Entry> {
    let quoted = Value::from(location).to_json();
    entry(value(&format!(
        "{{apiVersion: mutations.gatekeeper.sh/v1, kind: {kind}, metadata: {{name: {name}}}, spec: {{
          applyTo: [{{groups: [''], versions: [v1], kinds: [Pod]}}], location: {quoted}, parameters: {parameters}}}}}"
    )))
}

fn assign(name: &str, location: &str, assigned: &str) -> Arc<Entry> {
    manifest("Assign", name, location, &format!("{{assign: {{value: {assigned}}}}}"))
}

fn compile(entries: &[Arc<Entry>]) -> Mutators {
    let (mutators, findings) = Mutators::compile(entries);
    assert!(findings.is_empty(), "{findings:?}");
    mutators
}

fn mutate(mutators: &Mutators, object: &Value) -> Result<(Value, bool), MutationError> {
    let subject = Subject { object, namespace: None, source: Source::Original };
    mutators.mutate(&subject, "CREATE")
}

fn pod(spec: &str) -> Value {
    value(&format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, spec: {spec}}}"))
}

/// The spec that a Pod has in the end.
fn mutated(entries: &[Arc<Entry>], spec: &str) -> String {
    let (object, _) = mutate(&compile(entries), &pod(spec)).expect("is mutated");
    object.get("spec").map(Value::to_json).unwrap_or_default()
}

#[test]
fn each_kind_does_what_it_is_for() {
    let image = manifest("AssignImage", "a", "spec.containers[name: *].image", "{assignDomain: 'my.io'}");
    assert_eq!(
        mutated(&[image], "{containers: [{name: a, image: 'docker.io/x:1'}, {name: b}]}"),
        r#"{"containers":[{"image":"my.io/x:1","name":"a"},{"image":"my.io/","name":"b"}]}"#
    );
    let set = |operation: &str| {
        manifest(
            "ModifySet",
            "a",
            "spec.l",
            &format!("{{operation: {operation}, values: {{fromList: [x, z]}}}}"),
        )
    };
    assert_eq!(mutated(&[set("merge")], "{l: [a, x]}"), r#"{"l":["a","x","z"]}"#);
    assert_eq!(mutated(&[set("prune")], "{l: [a, x, x]}"), r#"{"l":["a"]}"#);
    let element = assign("a", "spec.containers[name: b]", "{name: b, tty: true}");
    assert_eq!(
        mutated(&[element], "{containers: [{name: a}]}"),
        r#"{"containers":[{"name":"a"},{"name":"b","tty":true}]}"#
    );
    assert_eq!(
        mutated(&[assign("a", "spec.ports[port: 80].n", "1")], "{}"),
        r#"{"ports":[{"n":1,"port":80}]}"#
    );
}

#[test]
fn what_is_broken_is_told_at_its_place() {
    for (entry, at) in [
        (assign("a", "spec..x", "1"), "/spec/location"),
        (assign("a", "metadata.labels.x", "1"), "/spec/location"),
        (assign("a", "spec.x[a: b]", "{a: c}"), "/spec/location"),
        (assign("a", "spec.x", "null"), "/spec/parameters/assign"),
        (assign(&"a".repeat(64), "spec.x", "1"), "/metadata/name"),
        (manifest("Assign", "a", "spec.x", "5"), "/spec/parameters"),
        (manifest("AssignImage", "a", "spec.x", "{assignDomain: bad}"), "/spec/parameters"),
        (
            manifest("Assign", "a", "spec.x", "{assign: {value: 1}, pathTests: [{subPath: spec.z}]}"),
            "/spec/parameters/pathTests/0",
        ),
    ] {
        let (mutators, findings) = Mutators::compile([&entry]);
        assert!(mutators.is_empty());
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(finding.rule, rules::INVALID_MUTATOR.id());
        let place = &finding.location.as_ref().expect("a place").place;
        assert!(matches!(place, Place::Field { pointer, .. } if pointer.to_string() == at), "{place:?}");
    }
}

#[test]
fn the_server_fills_in_what_a_modify_set_does() {
    let entry = manifest("ModifySet", "a", "spec.l", "{values: {fromList: [x]}}");
    let (mutators, findings) = Mutators::compile_served([&entry]);
    assert!(findings.is_empty());
    let (object, is_mutated) = mutate(&mutators, &pod("{}")).expect("is mutated");
    assert!(is_mutated && object.get("spec").map(Value::to_json) == Some(r#"{"l":["x"]}"#.into()));
    let entry = manifest("ModifySet", "a", "spec.l", "{operation: sort}");
    let (mutators, findings) = Mutators::compile_served([&entry]);
    assert!(mutators.is_empty() && findings.len() == 1);
}

#[test]
fn mutators_in_conflict_are_set_aside_and_told_both() {
    let entries =
        [assign("a", "spec.x.y", "1"), assign("b", "spec.x[k: v].y", "1"), assign("c", "spec.z", "1")];
    let (mutators, findings) = Mutators::compile(&entries);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| finding.rule == rules::CONFLICTING_MUTATOR.id()));
    assert_eq!(mutators.entries().map(|entry| &*entry.object.name).collect::<Vec<_>>(), ["c"]);
    let (object, _) = mutate(&mutators, &pod("{}")).expect("is mutated");
    assert_eq!(object.get("spec").map(Value::to_json), Some(r#"{"z":1}"#.to_owned()));
}

#[test]
fn what_never_comes_to_an_end_is_an_error() {
    // What one makes of a kind, the next unmakes.
    let about = |name: &str, from: &str, to: &str| {
        entry(value(&format!(
            "{{apiVersion: mutations.gatekeeper.sh/v1, kind: Assign, metadata: {{name: {name}}}, spec: {{
              applyTo: [{{groups: [''], versions: [v1], kinds: [{from}]}}], location: kind,
              parameters: {{assign: {{value: {to}}}}}}}}}"
        )))
    };
    let entries = [about("a", "Foo", "Pod"), about("b", "Pod", "Bar"), about("c", "Bar", "Foo")];
    let steps = [about("c", "Pod", "B1"), about("b", "B1", "B2"), about("a", "B2", "Pod")];
    let rounds = mutate(&compile(&steps), &pod("{}"));
    assert_eq!(rounds, Err(MutationError::NotConverging));
    assert!(mutate(&compile(&entries), &pod("{}")).is_ok());
}

#[test]
fn a_provider_is_not_asked() {
    let external = manifest("Assign", "a", "spec.x", "{assign: {externalData: {provider: signer}}}");
    let mutators = compile(&[external]);
    assert_eq!(mutate(&mutators, &pod("{}")), Err(MutationError::ExternalData("signer".into())));
    let other = value("{apiVersion: v1, kind: Service, metadata: {name: s}}");
    assert!(matches!(mutate(&mutators, &other), Ok((_, false))));
}

#[test]
fn hostile_mutators_are_refused_or_bounded() {
    let globs = assign("a", &("spec.l[k: *].".repeat(100_000) + "x"), "1");
    let kinds = vec!["Pod"; 100_000].join(",");
    let many_kinds = entry(value(&format!(
        "{{apiVersion: mutations.gatekeeper.sh/v1, kind: Assign, metadata: {{name: a}}, spec: {{
          applyTo: [{{groups: [''], versions: [v1], kinds: [{kinds}]}}], location: spec.x,
          parameters: {{assign: {{value: 1}}}}}}}}"
    )));
    for refused in [globs, many_kinds] {
        let (mutators, findings) = Mutators::compile([&refused]);
        assert!(mutators.is_empty() && findings.len() == 1);
    }
    // A list of 100,000 elements, each of which is another value to set.
    let elements: Vec<String> = (0..100_000).map(|number| format!("{{k: a{number}}}")).collect();
    let object = pod(&format!("{{l: [{}]}}", elements.join(",")));
    let (object, _) = mutate(&compile(&[assign("a", "spec.l[k: *].x", "1")]), &object).expect("is mutated");
    let list = object.find(&pointer!["spec", "l"]).and_then(Value::as_array).expect("a list");
    assert!(list.len() == 100_000 && list.iter().all(|item| item.get("x").is_some()));
    // Each of 1,000 mutators goes through all of it, in up to 1,001 rounds.
    let entries: Vec<_> =
        (0..1_001).map(|number| assign(&format!("m{number:04}"), "spec.l[k: *].x", "1")).collect();
    let (mutators, findings) = Mutators::compile(&entries);
    assert!(matches!(&findings[..], [finding] if finding.message.contains("more than 1000")));
    let error = mutate(&mutators, &object).expect_err("too much");
    assert!(matches!(error, MutationError::Mutator { fault: MutationFault::TooMuch, .. }), "{error}");
}

#[test]
fn what_would_be_too_large_is_not_made() {
    // Each glob sets a value of 1,000 parts in each of 100 × 1,000 elements.
    let inner: Vec<String> = (0..1_000).map(|number| format!("{{k: a{number}}}")).collect();
    let outer = vec![format!("{{k: a, m: [{}]}}", inner.join(",")); 100];
    let object = pod(&format!("{{l: [{}]}}", outer.join(",")));
    let big = format!("[{}]", vec!["1"; 1_000].join(","));
    let error =
        mutate(&compile(&[assign("a", "spec.l[k: *].m[k: *].x", &big)]), &object).expect_err("too much");
    assert!(matches!(error, MutationError::Mutator { fault: MutationFault::TooMuch, .. }), "{error}");
}

#[test]
fn large_lists_take_no_time_in_the_square() {
    let values: Vec<String> = (0..100_000).map(|number| format!("a{number}")).collect();
    let list = values.join(",");
    for operation in ["merge", "prune"] {
        let parameters = format!("{{operation: {operation}, values: {{fromList: [{list}]}}}}");
        let mutators = compile(&[manifest("ModifySet", "a", "spec.l", &parameters)]);
        let (object, _) = mutate(&mutators, &pod(&format!("{{l: [b, {list}]}}"))).expect("is mutated");
        let list = object.find(&pointer!["spec", "l"]).and_then(Value::as_array).expect("a list");
        assert_eq!(list.len(), if operation == "merge" { 100_001 } else { 1 });
    }
}

/// A part of a location, over few names so that mutators meet.
fn step() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("l[k: x]".to_owned()),
        Just("l[k: *]".to_owned())
    ]
}

fn mutator() -> impl Strategy<Value = Arc<Entry>> {
    let steps = proptest::collection::vec(step(), 1..4);
    let assigned = prop_oneof![Just("x"), Just("{a: 1}"), Just("[y]"), Just("{k: x}")];
    (0..3, "[a-d]", steps, assigned, any::<bool>()).prop_map(|(kind, name, steps, assigned, merges)| {
        let way = format!("spec.{}", steps.join("."));
        let operation = if merges { "merge" } else { "prune" };
        match kind {
            0 => assign(&name, &way, assigned),
            1 => manifest("AssignImage", &name, &format!("{way}.i"), "{assignTag: ':2'}"),
            _ => {
                let parameters = format!("{{operation: {operation}, values: {{fromList: [x, {assigned}]}}}}");
                manifest("ModifySet", &name, &format!("{way}.s"), &parameters)
            }
        }
    })
}

fn spec() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("x".to_owned()),
        Just("[x]".to_owned()),
        Just("{}".to_owned())
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{a: {a}, b: {b}}}")),
            inner.prop_map(|inner| format!("{{l: [{{k: x, a: {inner}}}, {{k: y}}]}}")),
        ]
    })
}

proptest! {
    /// Whatever the mutators: what they have made in the end they leave as it is.
    #[test]
    fn mutating_twice_is_mutating_once(
        entries in proptest::collection::vec(mutator(), 0..6),
        spec in spec(),
    ) {
        let (mutators, _) = Mutators::compile(&entries);
        let object = pod(&format!("{{a: {spec}}}"));
        if let Ok((first, is_mutated)) = mutate(&mutators, &object) {
            prop_assert!(is_mutated || first == object);
            let (second, _) = mutate(&mutators, &first).expect("what has an end has one again");
            prop_assert_eq!(second, first);
        }
    }
}
