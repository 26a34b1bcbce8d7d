//! Captures of Falco and sysdig.

use std::io;

use lumen_runtime::scap::{Item, Reader, Unknown};

use super::Problems;
use super::input::Pieces;
use super::judge::Judge;
use super::written::Written;
use crate::output::counted;
use crate::source;

/// Most types that are named of those that are not known.
const TYPES_MAX: usize = 10;

/// Judges the events of a capture, and writes them where they are to be written.
pub(super) fn run(
    pieces: Pieces,
    judge: &mut Judge<'_>,
    written: &mut Written<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    // Most events of a capture are of types that no rule looks at.
    let mut reader = Reader::looking_at(|event_type| written.is_wanted() || judge.looks_at(event_type));
    let result = events(&mut reader, pieces, judge, written, problems)?;
    for (noun, unknown) in [("event", reader.unknown_events()), ("block", reader.unknown_blocks())] {
        if unknown.count() > 0 {
            problems.passed_over(&passed_over(noun, unknown));
        }
    }
    Ok(result)
}

/// What is said of events or blocks whose types are not known.
fn passed_over(noun: &str, unknown: &Unknown) -> String {
    let types: Vec<String> =
        unknown.numbers().take(TYPES_MAX).map(|(number, count)| format!("{number} ({count})")).collect();
    let more = unknown.numbers().len() - types.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let count = usize::try_from(unknown.count()).unwrap_or(usize::MAX);
    let were = if count == 1 { "was" } else { "were" };
    let types_word = if unknown.numbers().len() == 1 { "a type" } else { "types" };
    format!(
        "{} {were} passed over, of {types_word} that this version does not know: {}{more}",
        counted(count, noun),
        types.join(", "),
    )
}

fn events(
    reader: &mut Reader,
    mut pieces: Pieces,
    judge: &mut Judge<'_>,
    written: &mut Written<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    loop {
        let piece = pieces.rest();
        reader.feed(piece);
        let taken = piece.len();
        pieces.take(taken);
        while let Some(item) = reader.next() {
            match item {
                Item::Event(event) => {
                    if !judge.recorded(&event)? {
                        problems.add(format_args!("event {}", event.number), "it cannot be judged");
                    }
                    if let Err(reason) = written.add(&event) {
                        return Ok(Err(reason));
                    }
                }
                Item::Passed(passed) => judge.pass(passed.event_type, passed.time_ns),
                Item::Problem(problem) if problem.is_end => return Ok(Err(problem.to_string())),
                Item::Problem(problem) => problems.add(format_args!("byte {}", problem.offset), problem.what),
            }
        }
        if pieces.is_over() {
            return Ok(reader.finish().map_or(Ok(()), |problem| Err(problem.to_string())));
        }
        judge.alerts.flush()?;
        if let Err(error) = pieces.read_on() {
            return Ok(Err(source::unreadable(&error)));
        }
    }
}
