//! The one field that a person would point at, among all that a violating solution read.

use lumen_rego::eval::InputPaths;
use lumen_value::{Pointer, Step, Value};

use super::is_part;
use super::watch::{Frame, Read};

/// Most places that are chosen from.
const PLACES_MAX: usize = 2_000;

/// The field that decided; none where the solution read nothing of the object that tells it from others.
pub(super) fn place(frames: &[&Frame], message: &str, paths: &InputPaths) -> Option<Pointer> {
    // What is read to word the message decides nothing, unless nothing else is read.
    let words = |frame: &&Frame| frame.values.iter().any(|(_, value)| value.as_str() == Some(message));
    let wording: Vec<&Frame> = frames.iter().copied().filter(words).collect();
    let is_wording = |frame: &&Frame| {
        let mut of_depth = wording.iter().filter(|words| words.depth == frame.depth);
        of_depth.any(|words| is_part(frame.span, words.span))
    };
    let deciding: Vec<&Frame> = frames.iter().copied().filter(|frame| !is_wording(frame)).collect();
    let read = |frames: &[&Frame]| -> Vec<Pointer> {
        let places = frames.iter().flat_map(|frame| of_frame(frame, paths));
        places.filter(tells).take(PLACES_MAX).collect()
    };
    let mut places = read(&deciding);
    if places.is_empty() {
        places = read(frames);
    }
    let tried = deciding.iter().flat_map(|frame| of_reads(&frame.tried.reads, paths));
    let tried: Vec<Pointer> = tried.filter(tells).take(PLACES_MAX).collect();
    let Some(at) = latest(&leaves(places)) else {
        return common(&leaves(tried));
    };
    // What was asked in vain may say more about what is missing there.
    let inside: Vec<Pointer> =
        tried.into_iter().filter(|place| place.is_within(&at) && *place != at).collect();
    Some(common(&leaves(inside)).filter(|inner| inner.is_within(&at)).unwrap_or(at))
}

fn of_reads(reads: &[Read], paths: &InputPaths) -> Vec<Pointer> {
    reads.iter().filter_map(|(from, key)| paths.part(from, key)).collect()
}

/// What an expression read, and where the values stand that its variables have.
fn of_frame(frame: &Frame, paths: &InputPaths) -> Vec<Pointer> {
    let mut places = of_reads(&frame.reads, paths);
    for (_, value) in &frame.values {
        places.extend(paths.pointer(value));
    }
    // A key that an iteration came to.
    let keys = frame.values.iter().filter_map(|(_, value)| match value {
        Value::String(key) => Some(key),
        _ => None,
    });
    let entries: Vec<Pointer> = keys
        .flat_map(|key| places.iter().map(move |place| place.child(Step::Key(key.clone()))))
        .filter(|place| paths.root().find(place).is_some())
        .collect();
    places.extend(entries);
    places
}

/// Whether a field can tell an object that violates from one that does not: names say which one it is, not what.
fn tells(place: &Pointer) -> bool {
    let steps = place.steps();
    let is = |step: &Step, names: &[&str]| matches!(step, Step::Key(key) if key.as_str().is_some_and(|key| names.contains(&key)));
    match steps {
        [] => false,
        [only] => !is(only, &["kind", "apiVersion", "metadata"]),
        [first, second] if is(first, &["metadata"]) => {
            !is(second, &["name", "namespace", "generateName", "uid"])
        }
        [.., above, last] => !(matches!(above, Step::Index(_)) && is(last, &["name"])),
    }
}

/// Those that no other goes further than, in the order they were read.
fn leaves(places: Vec<Pointer>) -> Vec<Pointer> {
    let mut sorted = places.clone();
    sorted.sort();
    sorted.dedup();
    let is_leaf = |place: &Pointer| {
        let behind = sorted.partition_point(|other| other <= place);
        sorted.get(behind).is_none_or(|next| !next.is_within(place))
    };
    let mut leaves: Vec<Pointer> = Vec::new();
    for place in places.into_iter().filter(is_leaf) {
        leaves.retain(|other| *other != place);
        leaves.push(place);
    }
    leaves
}

/// The place that was read last, widened to what was read beside it in the same item or field.
fn latest(places: &[Pointer]) -> Option<Pointer> {
    let (last, before) = places.split_last()?;
    let mut at = last.clone();
    for other in before.iter().rev() {
        let both = shared(&at, other);
        if both.steps().len() >= floor(last) {
            at = both;
        }
    }
    Some(at)
}

/// How many steps a place keeps: those to the item that it is in; of a field outside of items, the field of the specification.
fn floor(place: &Pointer) -> usize {
    let item = place.steps().iter().rposition(|step| matches!(step, Step::Index(_)));
    item.map_or(2, |at| at + 1)
}

fn shared(a: &Pointer, b: &Pointer) -> Pointer {
    a.steps().iter().zip(b.steps()).take_while(|(a, b)| a == b).map(|(step, _)| step.clone()).collect()
}

/// What holds all of some places.
fn common(places: &[Pointer]) -> Option<Pointer> {
    let (first, rest) = places.split_first()?;
    let all = rest.iter().fold(first.clone(), |all, place| shared(&all, place));
    tells(&all).then_some(all)
}
