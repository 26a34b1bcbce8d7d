//! Mutators against facts computed with Gatekeeper.
#![expect(clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
#[path = "admission/manifests.rs"]
mod manifests;

use std::collections::BTreeSet;

use lumen_core::admission::matching::Subject;
use lumen_core::admission::{Mutators, rules};
use manifests::{entries, keys, numbers, source, value};

#[test]
fn conformance_admission_mutation() {
    harness::run("admission", "mutation", |case| {
        let entries = entries(&case.json["mutators"]);
        let (mutators, findings) = Mutators::compile(&entries);
        let unknown = entries.iter().filter(|entry| !lumen_core::admission::is_mutator(entry));
        let mut invalid: BTreeSet<usize> = numbers(&findings, &rules::INVALID_MUTATOR);
        invalid.extend(unknown.map(|entry| manifests::number(&entry.location)));
        if invalid != keys(&case.json["invalid"]) {
            return Err(format!("invalid: {invalid:?} {findings:?} in place of {}", case.json["invalid"]));
        }
        manifests::same_conflicts(&findings, &entries, &case.json["upsert_errors"])?;
        let object = value(&case.json["object"]);
        let namespace = Some(value(&case.json["namespace"])).filter(|namespace| !namespace.is_null());
        let subject =
            Subject { object: &object, namespace: namespace.as_ref(), source: source(case.text("source")) };
        let operation = case.text("operation").unwrap_or_default();
        match (mutators.mutate(&subject, operation), case.has("error")) {
            (Err(_), true) => Ok(()),
            (Err(error), false) => Err(format!("fails: {error}")),
            (Ok(_), true) => Err(format!("is mutated in place of {}", case.json["error"])),
            (Ok((mutated, is_mutated)), false) => {
                let expected = value(&case.json["result"]);
                if mutated != expected {
                    return Err(format!("{} in place of {}", mutated.to_json(), expected.to_json()));
                }
                if case.json["mutated"].as_bool() != Some(is_mutated) {
                    return Err(format!("mutated: {is_mutated} in place of {}", case.json["mutated"]));
                }
                Ok(())
            }
        }
    });
}
