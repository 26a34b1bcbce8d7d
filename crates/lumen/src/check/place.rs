//! Which object a finding is about, and where it stands in the text.

use std::collections::BTreeMap;
use std::sync::Arc;

use lumen_core::finding::{Finding, Location, Place};
use lumen_core::snapshot::{Entry, Snapshot};

use super::Input;
use crate::locate::{DocumentPlace, Part, Text};
use crate::parallel;
use crate::report::{Change, Region, Reported};

/// The object that a finding stands in.
pub(super) fn object_of<'a>(finding: &Finding, snapshot: &'a Snapshot) -> Option<&'a Entry> {
    let location = finding.location.as_ref()?;
    let (Place::Field { document, pointer } | Place::Inside { document, pointer, .. }) = &location.place
    else {
        return None;
    };
    // A text's places are sorted behind all fields; the object is looked for by the field's.
    let place = Place::Field { document: *document, pointer: pointer.clone() };
    let location = &Location { source: location.source.clone(), place };
    // The object's own place is the nearest at or before the finding's: objects are sorted, and none holds another.
    let entries = snapshot.entries();
    let behind = entries.partition_point(|entry| entry.location <= *location);
    let entry = entries.get(behind.checked_sub(1)?)?;
    let holds = entry.location.source == location.source
        && matches!(&entry.location.place, Place::Field { document: own, pointer: outer }
            if own == document && pointer.is_within(outer));
    holds.then_some(&**entry)
}

/// Finds the regions of sorted findings, and on demand what their fixes change.
pub(super) fn locate(
    findings: Vec<Finding>,
    inputs: &[Input],
    places: &BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    with_changes: bool,
) -> Vec<Reported> {
    // Sorted findings of one input stand together.
    let source = |finding: &Finding| finding.location.as_ref().map(|location| location.source.clone());
    let groups: Vec<&[Finding]> = findings.chunk_by(|a, b| source(a) == source(b)).collect();
    let regions = parallel::map(&groups, |group| regions(group, inputs, places, with_changes));
    // Without regions, should finding them fail, the findings are reported all the same.
    let nothing = |finding: &Finding| (None, vec![None; finding.related.len()], Vec::new());
    let regions: Vec<Vec<Regions>> = groups
        .iter()
        .zip(regions)
        .map(|(group, regions)| regions.unwrap_or_else(|| group.iter().map(nothing).collect()))
        .collect();
    findings
        .into_iter()
        .zip(regions.into_iter().flatten())
        .map(|(finding, (region, related, changes))| Reported {
            finding,
            region,
            related,
            changes,
            live: None,
        })
        .collect()
}

type Regions = (Option<Region>, Vec<Option<Region>>, Vec<Change>);

fn regions(
    group: &[Finding],
    inputs: &[Input],
    places: &BTreeMap<Arc<str>, Vec<DocumentPlace>>,
    with_changes: bool,
) -> Vec<Regions> {
    let mut texts: BTreeMap<Arc<str>, Text<'_>> = BTreeMap::new();
    group
        .iter()
        .map(|finding| {
            let mut region = |location: &Location| region(location, &mut texts, inputs, places);
            let own = finding.location.as_ref().and_then(&mut region);
            let related = finding.related.iter().map(|related| region(&related.location)).collect();
            let changes = finding.fix.as_ref().filter(|_| with_changes).zip(finding.location.as_ref()).map(
                |(fix, location)| match (&location.place, texts.get_mut(&location.source)) {
                    (Place::Field { document, .. }, Some(text)) => text.changes(*document, fix),
                    _ => Vec::new(),
                },
            );
            (own, related, changes.unwrap_or_default())
        })
        .collect()
}

/// The region of a place. The texts that are read for it are kept for the next.
pub(super) fn region<'a>(
    location: &Location,
    texts: &mut BTreeMap<Arc<str>, Text<'a>>,
    inputs: &'a [Input],
    places: &'a BTreeMap<Arc<str>, Vec<DocumentPlace>>,
) -> Option<Region> {
    if location.place == Place::Whole {
        return None;
    }
    if !texts.contains_key(&location.source) {
        let input = input(inputs, &location.source)?;
        let documents = places.get(&location.source).map_or(&[][..], Vec::as_slice);
        texts.insert(location.source.clone(), Text::new(&input.bytes, documents));
    }
    texts.get_mut(&location.source)?.region(&location.place, Part::Shown)
}

fn input<'a>(inputs: &'a [Input], name: &Arc<str>) -> Option<&'a Input> {
    let at = inputs.binary_search_by(|input| input.name.cmp(name)).ok()?;
    inputs.get(at)
}

/// What sorts findings as a reader meets them: by input, then by line and column.
pub(super) fn in_text(reported: &Reported) -> (Option<&Arc<str>>, usize) {
    let source = reported.finding.location.as_ref().map(|location| &location.source);
    (source, reported.region.as_ref().map_or(0, |region| region.bytes.start))
}

/// The places that a finding names.
pub(super) fn of_report(reported: &Reported) -> impl Iterator<Item = &Location> {
    let related = reported.finding.related.iter().map(|related| &related.location);
    reported.finding.location.iter().chain(related)
}

/// The texts that places are in.
pub(super) fn texts<'a>(
    locations: impl Iterator<Item = &'a Location>,
    inputs: &[Input],
) -> BTreeMap<Arc<str>, Arc<[u8]>> {
    let mut texts = BTreeMap::new();
    for location in locations {
        if !texts.contains_key(&location.source)
            && let Some(input) = input(inputs, &location.source)
        {
            texts.insert(location.source.clone(), input.bytes.clone());
        }
    }
    texts
}
