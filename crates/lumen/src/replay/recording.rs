//! Lumen's own recordings.

use std::io;

use lumen_runtime::record::Reader;

use super::Problems;
use super::input::Pieces;
use super::judge::Judge;
use crate::source;

/// Judges the events of a recording.
pub(super) fn run(
    mut pieces: Pieces,
    judge: &mut Judge<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    let mut reader = Reader::new();
    loop {
        let mut input = pieces.rest();
        let length = input.len();
        while let Some(found) = reader.next(&mut input) {
            match found {
                Ok(record) => {
                    let time_ns = i64::try_from(record.time_ns()).unwrap_or(i64::MAX);
                    judge.event(&record, time_ns)?;
                }
                Err(broken) if broken.problem.is_fatal() => return Ok(Err(broken.to_string())),
                Err(broken) => problems.add(format_args!("byte {}", broken.at), broken.problem),
            }
        }
        let taken = length - input.len();
        if pieces.is_over() {
            return Ok(reader.finish(input).map_err(|broken| broken.to_string()));
        }
        pieces.take(taken);
        judge.alerts.flush()?;
        if let Err(error) = pieces.read_on() {
            return Ok(Err(source::unreadable(&error)));
        }
    }
}
