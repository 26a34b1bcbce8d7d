//! Events as JSON, a line each.

use std::collections::BTreeSet;
use std::io;

use lumen_runtime::printed::{LINE_BYTES_MAX, Printed, PrintedError, is_field};

use super::Problems;
use super::input::Pieces;
use super::judge::Judge;
use crate::source;

/// Most names without a field that are kept to be told.
const NAMES_MAX: usize = 100;

/// Names that events have values for.
#[derive(Default)]
struct Names {
    fields: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

impl Names {
    fn look_at(&mut self, event: &Printed) {
        for name in event.names() {
            let is_known = self.fields.contains(&*name) || self.unknown.contains(&*name);
            if is_known || self.fields.len() >= 10 * NAMES_MAX || self.unknown.len() >= NAMES_MAX {
                continue;
            }
            let set = if is_field(&name) { &mut self.fields } else { &mut self.unknown };
            set.insert(name.into_owned());
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
                        names.look_at(&event);
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
