//! Captures of Falco and sysdig.

use std::io;

use lumen_runtime::scap::{Item, Reader};

use super::Problems;
use super::input::Pieces;
use super::judge::Judge;
use super::written::Written;
use crate::source;

/// Judges the events of a capture, and writes them where they are to be written.
pub(super) fn run(
    mut pieces: Pieces,
    judge: &mut Judge<'_>,
    written: &mut Written<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    let mut reader = Reader::new();
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
