//! Expansion templates against facts computed with Gatekeeper.
#![expect(clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "admission/manifests.rs"]
mod manifests;

use std::collections::BTreeSet;

use lumen_core::admission::{PolicySet, rules};
use lumen_value::Value;
use manifests::{entries, keys, numbers, value};
use serde_json::json;

#[test]
fn conformance_admission_expansion() {
    harness::run("admission", "expansion", |case| {
        let templates = entries(&case.json["templates"]);
        let mutators = entries(&case.json["mutators"]);
        // Upstream adds them one after another, and says of each what is wrong when it comes.
        let refused = |number: &usize| {
            let (_, findings) = PolicySet::compile(templates.iter().take(number + 1));
            numbers(&findings, &rules::INVALID_EXPANSION).contains(number)
        };
        let invalid: BTreeSet<usize> = (0..templates.len()).filter(refused).collect();
        if invalid != keys(&case.json["template_errors"]) {
            return Err(format!("invalid: {invalid:?} in place of {}", case.json["template_errors"]));
        }
        let (set, findings) = PolicySet::compile(templates.iter().chain(&mutators));
        let findings: Vec<_> =
            findings.into_iter().filter(|finding| finding.rule != rules::INVALID_EXPANSION.id()).collect();
        manifests::same_conflicts(&findings, &mutators, &case.json["upsert_errors"])?;
        let namespace = Some(value(&case.json["namespace"])).filter(|namespace| !namespace.is_null());
        let made = set.expand(&value(&case.json["generator"]), namespace.as_ref());
        match (made, case.has("error")) {
            (Err(_), true) => Ok(()),
            (Err(error), false) => Err(format!("fails: {error}")),
            (Ok(_), true) => Err(format!("expands in place of {}", case.json["error"])),
            (Ok(made), false) => {
                let mut found: Vec<Value> = made
                    .into_iter()
                    .map(|resultant| {
                        let mut json = json!({ "template": &*resultant.template });
                        if !resultant.action.is_empty() {
                            json["enforcementAction"] = resultant.action.into();
                        }
                        let fields = value(&json).as_object().cloned().unwrap_or_default();
                        fields.with("object", resultant.object).into()
                    })
                    .collect();
                let expected = value(&case.json["resultants"]);
                let mut expected: Vec<Value> = expected.as_array().into_iter().flatten().cloned().collect();
                found.sort();
                expected.sort();
                if found == expected {
                    return Ok(());
                }
                let shown = |values: Vec<Value>| Value::from(values).to_json();
                Err(format!("{} in place of {}", shown(found), shown(expected)))
            }
        }
    });
}
