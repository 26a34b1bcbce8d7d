//! Collects the exemptions among the inputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::catalog;
use lumen_core::exemption::read::{self, Ignore, Invalid};
use lumen_core::exemption::rules::INVALID_EXEMPTION;
use lumen_core::exemption::{Exemption, Field, RulePattern, Scope};
use lumen_core::finding::{Finding, Layer, Location, Place};
use lumen_core::input;
use lumen_core::snapshot::{Entry, Snapshot};
use lumen_value::nearest::did_you_mean;
use lumen_value::span::{Comment, Index, Placement};
use lumen_value::{Pointer, pointer};

use super::{Input, each};
use crate::locate::{DocumentPlace, Text};

/// What a comment to Lumen says somewhere, so that few texts need a second look.
const MARK: &[u8] = b"lumen:";

type Collected = (Vec<Exemption>, Vec<Finding>);

/// All exemptions, and findings about those that are not honoured.
pub(super) fn collect(
    inputs: &[Input],
    places: &BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    snapshot: &Snapshot,
) -> Collected {
    let (mut exemptions, mut findings) = (Vec::new(), Vec::new());
    for entry in snapshot.entries() {
        of_entry(entry, &mut exemptions, &mut findings);
    }
    let (collected, failed) = each(
        inputs,
        |input| input.name.clone(),
        |input| {
            let documents = places.get(&input.name).map_or(&[][..], Vec::as_slice);
            comments(input, documents)
        },
    );
    findings.extend(failed);
    for (more, invalid) in collected {
        exemptions.extend(more);
        findings.extend(invalid);
    }
    without_misspelt(&mut exemptions, &mut findings);
    (exemptions, findings)
}

/// The exemptions that an object is, or that its annotations make.
pub(super) fn of_entry(entry: &Entry, exemptions: &mut Vec<Exemption>, findings: &mut Vec<Finding>) {
    annotations(entry, exemptions, findings);
    if read::is_exemption(&entry.value) {
        object(entry, exemptions, findings);
    }
}

/// Takes away the exemptions from rules that nobody knows; each is a finding.
pub(super) fn without_misspelt(exemptions: &mut Vec<Exemption>, findings: &mut Vec<Finding>) {
    exemptions.retain(|exemption| match exemption.rules.iter().find_map(misspelt) {
        Some(message) => {
            let location = exemption.location.clone();
            findings.push(input::finding(&INVALID_EXEMPTION, message, Some(location)));
            false
        }
        None => true,
    });
}

/// Whether an exemption is about what `lumen layers` alone finds.
pub(super) fn is_of_posture(exemption: &Exemption) -> bool {
    exemption.rules.iter().all(|pattern| pattern.layer() == Layer::Posture)
}

/// What is said of an id that no rule has, in a layer whose rules are built in; policies make those of the others.
/// Otherwise it would only be unused, which sends people looking in the wrong place.
fn misspelt(pattern: &RulePattern) -> Option<String> {
    let (text, layer) = (pattern.to_string(), pattern.layer());
    // Any constraint in the cluster is a rule of its layer.
    let is_built_in = layer != Layer::Admission && catalog::rules().any(|rule| rule.layer == layer);
    if !is_built_in || text.contains('*') || catalog::rules().any(|rule| pattern.matches(&rule.id())) {
        return None;
    }
    let suggestion = did_you_mean(&catalog::nearest(&text));
    Some(format!("this exemption is not honoured: no rule is called `{text}`{suggestion}"))
}

fn invalid(error: &Invalid, location: Location, entry: Option<&Entry>) -> Finding {
    Finding {
        object: entry.map(|entry| entry.object.clone()),
        ..input::finding(&INVALID_EXEMPTION, error.to_string(), Some(location))
    }
}

fn exemption(ignore: Ignore, location: Location, scope: Scope) -> Exemption {
    Exemption { rules: ignore.rules, reason: ignore.reason, owner: None, expires: None, location, scope }
}

fn object(entry: &Entry, exemptions: &mut Vec<Exemption>, findings: &mut Vec<Finding>) {
    let Place::Field { document, pointer } = &entry.location.place else {
        return;
    };
    match read::object(&entry.value, &entry.location.source, *document, pointer) {
        Ok(exemption) => exemptions.push(exemption),
        Err(error) => findings.push(invalid(&error, entry.locate(&error.at), Some(entry))),
    }
}

/// The annotations of an object and of its pod templates.
fn annotations(entry: &Entry, exemptions: &mut Vec<Exemption>, findings: &mut Vec<Finding>) {
    let templates = entry.workload().map(|workload| workload.pods).unwrap_or_default();
    let mut holders: Vec<Pointer> = templates.into_iter().map(|pod| pod.at).collect();
    holders.push(Pointer::ROOT);
    holders.sort();
    holders.dedup();
    for holder in holders {
        let at = holder.join(&pointer!["metadata", "annotations", read::ANNOTATION]);
        let Some(value) = entry.value.find(&at) else {
            continue;
        };
        let location = entry.locate(&at);
        let Place::Field { document, pointer } = entry.locate(&holder).place else {
            continue;
        };
        let field = Field { source: entry.location.source.clone(), document, pointer };
        for said in read::annotation(value.as_str().unwrap_or_default()) {
            match said {
                Ok(ignore) => {
                    exemptions.push(exemption(ignore, location.clone(), Scope::Annotation(field.clone())));
                }
                Err(error) => findings.push(invalid(&error, location.clone(), Some(entry))),
            }
        }
    }
}

fn comments(input: &Input, documents: &[DocumentPlace]) -> Collected {
    let (mut exemptions, mut findings) = (Vec::new(), Vec::new());
    if !contains(&input.bytes, MARK) {
        return (exemptions, findings);
    }
    let mut text = Text::new(&input.bytes, documents);
    for place in documents {
        let bytes = input.bytes.get(place.range.clone()).unwrap_or_default();
        if !contains(bytes, MARK) {
            continue;
        }
        let Some(index) = text.document(place.index) else {
            continue;
        };
        for comment in index.comments() {
            let Some(said) = read::comment(&comment.text) else {
                continue;
            };
            let location = Location {
                source: input.name.clone(),
                place: Place::Byte(place.range.start + comment.range.start),
            };
            match said {
                Err(error) => findings.push(invalid(&error, location, None)),
                Ok(ignore) => {
                    // One that belongs to no field covers a place where nothing is.
                    let nowhere = || Pointer::ROOT.child(read::ANNOTATION);
                    let pointer = covers(index, comment, bytes).unwrap_or_else(nowhere);
                    let field = Field { source: input.name.clone(), document: place.index, pointer };
                    exemptions.push(exemption(ignore, location, Scope::Comment(field)));
                }
            }
        }
    }
    (exemptions, findings)
}

/// What a comment is about: its field, or the whole document where it stands above all fields.
fn covers(index: &Index, comment: &Comment, text: &[u8]) -> Option<Pointer> {
    let above_all = || {
        let before = text.get(..comment.range.start).unwrap_or_default();
        before.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).all(|line| {
            line.is_empty() || line.starts_with(b"#") || line.starts_with(b"---") || line.starts_with(b"%")
        })
    };
    if comment.placement == Placement::OwnLine && above_all() {
        return Some(Pointer::ROOT);
    }
    index.owner(comment)
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    let Some(first) = mark.first() else { return true };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(mark) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_wherever_it_stands() {
        assert!(contains(b"lllumen: x", MARK));
        assert!(contains(b"lumen:", MARK));
        assert!(!contains(b"lumen", MARK));
        assert!(!contains(b"", MARK));
    }
}
