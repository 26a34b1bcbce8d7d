//! Events as JSON, a line each.

use std::collections::{BTreeSet, HashMap};
use std::io;

use lumen_runtime::Event as _;
use lumen_runtime::field::FieldUse;
use lumen_runtime::printed::{LINE_BYTES_MAX, Misfit, Printed, PrintedError, field_of, is_field};

use super::Problems;
use super::input::Pieces;
use super::judge::Judge;
use crate::source;

/// Most names of fields, and names without a field, that are kept.
const FIELDS_MAX: usize = 1000;
const UNKNOWN_MAX: usize = 100;

/// Names that events have values for.
#[derive(Default)]
struct Names {
    /// Of fields; `None` for functions of fields.
    fields: HashMap<String, Option<FieldUse>>,
    unknown: BTreeSet<String>,
}

impl Names {
    /// Looks at the names of an event, and says of each value that its field cannot have what is wrong with it.
    fn look_at(&mut self, event: &Printed, mut say: impl FnMut(Misfit<'_>)) {
        for (name, value) in event.values() {
            let found;
            let used = match self.fields.get(&*name) {
                Some(used) => used,
                None if self.unknown.contains(&*name) => continue,
                // To find that a name is none takes long.
                None if self.unknown.len() >= UNKNOWN_MAX => continue,
                None if is_field(&name) => {
                    found = field_of(&name);
                    if self.fields.len() < FIELDS_MAX {
                        self.fields.insert(name.to_string(), found.clone());
                    }
                    &found
                }
                None => {
                    self.unknown.insert(name.into_owned());
                    continue;
                }
            };
            if let Some(misfit) = used.as_ref().and_then(|used| Misfit::of(&name, value, used)) {
                say(misfit);
            }
        }
    }
}

/// Judges the events of a file.
pub(super) fn run(
    mut pieces: Pieces,
    judge: &mut Judge<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    let mut names = Names::default();
    let mut number = 0_u64;
    // Whether what comes is the rest of a line that is too long.
    let mut is_skipped = false;
    loop {
        let rest = pieces.rest();
        let (line, taken) = match memchr::memchr(b'\n', rest) {
            Some(end) => (rest.get(..end).unwrap_or_default(), end + 1),
            None if pieces.is_over() && rest.is_empty() => break,
            None if pieces.is_over() || rest.len() > LINE_BYTES_MAX => (rest, rest.len()),
            None => {
                judge.alerts.flush()?;
                if let Err(error) = pieces.read_on() {
                    return Ok(Err(source::unreadable(&error)));
                }
                continue;
            }
        };
        let is_ended = taken > line.len();
        if !std::mem::replace(&mut is_skipped, !is_ended && line.len() > LINE_BYTES_MAX) {
            number += 1;
            let place = format_args!("line {number}");
            if line.len() > LINE_BYTES_MAX {
                problems.add(place, PrintedError::TooLong);
            } else if !line.trim_ascii().is_empty() {
                match Printed::read(line.trim_ascii()) {
                    // An alert of 1970 would pass for one.
                    Ok(event) if event.has_unreadable_time() => {
                        problems.add(place, "`evt.rawtime` is no number of nanoseconds since 1970");
                    }
                    Ok(event) => {
                        names.look_at(&event, |misfit| problems.doubt(place, misfit));
                        if event.event_type().is_none() {
                            problems.doubt(
                                place,
                                "it has no `evt.type`: no rule that asks for a type matches it",
                            );
                        }
                        judge.event(&event, event.time_ns().unwrap_or_default())?;
                    }
                    Err(error) => problems.add(place, error),
                }
            }
        } else if !is_ended {
            // The line goes on behind this piece, too.
            is_skipped = true;
        }
        pieces.take(taken);
    }
    if !names.unknown.is_empty() {
        let names: Vec<_> = names.unknown.iter().take(5).map(|name| format!("`{name}`")).collect();
        problems.note(&format!("its events have values for names that no field has: {}", names.join(", ")));
    }
    Ok(Ok(()))
}
