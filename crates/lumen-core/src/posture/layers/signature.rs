//! The cells of layer 5: what demands signatures.

use std::sync::Arc;

use super::{Cell, Proof, State, Subject};
use crate::finding::Layer;
use crate::object::field;
use crate::posture::attack::Answer;
use crate::snapshot::{Entry, Snapshot};

/// Kinds that demand signatures of images: group and kind.
const POLICIES: &[(&str, &str)] =
    &[("policy.sigstore.dev", "ClusterImagePolicy"), ("policies.kyverno.io", "ImageValidatingPolicy")];

/// Kinds that do where one of their rules has `verifyImages`.
const WITH_RULES: &[(&str, &str)] = &[("kyverno.io", "ClusterPolicy"), ("kyverno.io", "Policy")];

fn verifies_images(entry: &Arc<Entry>) -> bool {
    let rules = field(&entry.value, &["spec", "rules"]).as_array();
    rules.into_iter().flatten().any(|rule| rule.get("verifyImages").is_some())
}

/// The policies among the inputs that demand signatures.
pub(super) fn policies(snapshot: &Snapshot) -> Vec<Proof> {
    let of_kinds = POLICIES.iter().flat_map(|(group, kind)| snapshot.of_kind(group, kind));
    let with_rules = WITH_RULES.iter().flat_map(|(group, kind)| snapshot.of_kind(group, kind));
    let of_kinds = of_kinds.chain(with_rules.filter(|entry| verifies_images(entry)));
    let proof = |entry: &Arc<Entry>| Proof {
        what: format!("{}/{}", entry.object.kind, entry.object.name),
        says: "demands signatures; of which images was not looked at".to_owned(),
        location: Some(entry.location.clone()),
    };
    of_kinds.map(proof).collect()
}

/// Policies that demand signatures are not evaluated yet, so what they do is not known; without one nothing is covered.
pub(super) fn cell(subject: &Subject<'_>, answer: &Answer) -> Cell {
    let evidence = subject.around.signatures.clone();
    if evidence.is_empty() {
        let why = "No policy among the inputs demands signatures";
        return Cell::with(Layer::SupplyChain, State::NotCovered, answer.effect, why);
    }
    let why = "Policies about signatures are among the inputs, and are not evaluated here";
    Cell { evidence, ..Cell::with(Layer::SupplyChain, State::Unknown, answer.effect, why) }
}
