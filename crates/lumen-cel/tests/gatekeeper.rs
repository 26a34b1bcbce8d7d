//! The CEL templates of `admission/gator.jsonl`: what the policies say of each object, by the messages of the expected results.

#[path = "../../../tests/conformance/harness.rs"]
mod harness;

use std::collections::BTreeMap;

use lumen_cel::{Bindings, Budget, FailurePolicy, Policy, Source, Validation, Variable};
use lumen_value::read::{self, Limits};
use lumen_value::{Array, Value};

fn items(value: Option<&Value>) -> Array {
    value.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

fn source(value: &Value) -> Source {
    let named = |list: &str| {
        items(value.get(list))
            .iter()
            .map(|item| Variable {
                name: text(item.get("name")).unwrap_or_default(),
                expression: text(item.get("expression")).unwrap_or_default(),
            })
            .collect()
    };
    let validations = items(value.get("validations"))
        .iter()
        .map(|item| Validation {
            expression: text(item.get("expression")).unwrap_or_default(),
            message: text(item.get("message")),
            message_expression: text(item.get("messageExpression")),
            reason: None,
        })
        .collect();
    let failure_policy = match value.get("failurePolicy").and_then(Value::as_str) {
        Some("Ignore") => FailurePolicy::Ignore,
        _ => FailurePolicy::Fail,
    };
    Source {
        validations,
        variables: named("variables"),
        match_conditions: named("matchCondition"),
        failure_policy,
    }
}

/// The policy of a template, by the kind of its constraints.
fn policy(template: &Value) -> Option<(String, Policy)> {
    let spec = template.get("spec")?;
    let kind = text(spec.get("crd")?.get("spec")?.get("names")?.get("kind"))?;
    let code = spec.get("targets")?.at(0)?.get("code")?;
    let entry = code
        .as_array()?
        .iter()
        .find(|entry| entry.get("engine").and_then(Value::as_str) == Some("K8sNativeValidation"))?;
    Some((kind, Policy::load(&source(entry.get("source")?)).0))
}

#[test]
fn conformance_admission_gator_cel() {
    let Some(lines) = harness::text_of("conformance (CEL)", "admission/gator.jsonl") else { return };
    let (mut passed, mut total) = (0, 0);
    let mut wrong = Vec::new();
    for line in lines.lines().filter(|line| line.contains("K8sNativeValidation")) {
        let case = read::read(line.as_bytes(), &Limits::default()).documents[0].value.clone();
        if case.get("error").is_some() {
            continue;
        }
        let documents: Vec<Value> = items(case.get("docs"))
            .iter()
            .flat_map(|text| {
                read::read(text.as_str().expect("text").as_bytes(), &Limits::default()).documents
            })
            .map(|document| document.value)
            .collect();
        let policies: BTreeMap<String, Policy> = documents.iter().filter_map(policy).collect();
        let mut got: Vec<String> = Vec::new();
        for constraint in &documents {
            let kind = text(constraint.get("kind")).unwrap_or_default();
            let Some(policy) = policies.get(&kind) else { continue };
            let null = Value::Null;
            for object in
                documents.iter().filter(|object| object.get("kind").and_then(Value::as_str) == Some("Pod"))
            {
                let request = Value::from([("operation", Value::from("CREATE"))]);
                let bindings = Bindings {
                    object,
                    old_object: &null,
                    request: &request,
                    namespace_object: &null,
                    params: constraint,
                    parameters: constraint
                        .get("spec")
                        .and_then(|spec| spec.get("parameters"))
                        .unwrap_or(&null),
                };
                let violations = policy.evaluate(&bindings, &Budget::default()).expect("within the budget");
                got.extend(violations.into_iter().map(|violation| violation.message));
            }
        }
        got.sort();
        let mut want: Vec<String> =
            items(case.get("results")).iter().filter_map(|result| text(result.get("msg"))).collect();
        want.sort();
        total += 1;
        if got == want {
            passed += 1;
        } else {
            wrong.push(format!(
                "{}\n    got {got:?}\n   want {want:?}",
                text(case.get("name")).unwrap_or_default()
            ));
        }
    }
    println!("conformance admission/gator.jsonl (CEL): {passed}/{total}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every CEL source of the policies that a real Gatekeeper decided with compiles.
#[test]
fn sources_of_the_recorded_decisions_compile() {
    let Some(text) = harness::text_of("sources", "admission/decisions-policies.yaml") else { return };
    let mut count = 0;
    for document in read::read(text.as_bytes(), &Limits::default()).documents {
        let code = document.value.get("spec").and_then(|spec| spec.get("targets")?.at(0)?.get("code"));
        for entry in items(code)
            .iter()
            .filter(|entry| entry.get("engine").and_then(Value::as_str) == Some("K8sNativeValidation"))
        {
            let source = source(entry.get("source").expect("a source"));
            assert_eq!(Policy::compile(&source).err(), None);
            count += 1;
        }
    }
    assert!(count > 0, "there are CEL templates among them");
}
