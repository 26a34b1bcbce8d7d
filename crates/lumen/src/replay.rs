//! Events of files, judged by rules: what `lumen replay` does.
//!
//! A file is read in pieces, whatever it is, and judged event by event; alerts leave through one buffered writer. What cannot
//! be read is told with its place, and the rest goes on.

use std::ffi::OsString;
use std::io::{self, Write};

use lumen_runtime::alert::Shown;
use lumen_runtime::load::Rule;
use lumen_runtime::ruleset::Matching;

mod alerts;
mod capture;
mod input;
mod judge;
mod lines;
mod recording;
mod target;
mod written;

pub use alerts::{Format, JsonKey};
pub use target::Target;

use alerts::Alerts;
use input::Input;
use judge::Judge;
use written::Written;

/// How events are judged, and what is written of alerts.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Which of the rules that match are told.
    pub matching: Matching,
    /// How alerts are written.
    pub format: Format,
    /// What is written of them.
    pub shown: Shown<'a>,
    /// Whether somebody looks at them: then nothing in them reaches the terminal that it would obey.
    pub is_watched: bool,
    /// Whether warnings about events are taken for errors.
    pub is_strict: bool,
}

/// What came of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Events that were judged.
    pub events: u64,
    /// Alerts of each rule, by its place.
    pub alerts: Vec<u64>,
    /// Events, frames and lines that could not be read, and warnings that are taken for errors.
    pub broken: u64,
    /// Files that could not be read, or not to their end.
    pub unread: u64,
}

impl Told {
    /// The alerts of all rules.
    pub fn alerts(&self) -> u64 {
        self.alerts.iter().sum()
    }

    /// Whether everything could be read.
    pub fn is_whole(&self) -> bool {
        self.broken == 0 && self.unread == 0
    }
}

/// What is said beside the alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Something cannot be read.
    Problem(String),
    /// Something is read in another way than it may have been meant.
    Warning(String),
    /// Something is odd.
    Note(String),
}

/// Most problems of a file, and most warnings, that are told one by one.
const PROBLEMS_MAX: u64 = 20;

/// Judges the events of files, in the order of the files, writes alerts to `out` and the events of captures, as a recording, to
/// `recording`, and says through `say` what cannot be read.
///
/// # Errors
///
/// Where `out` cannot be written.
pub fn replay(
    files: &[OsString],
    rules: &[Rule],
    options: &Options<'_>,
    out: &mut dyn Write,
    recording: Option<&mut dyn Write>,
    say: &mut dyn FnMut(Said),
) -> io::Result<Told> {
    let mut judge = Judge::new(rules, options.matching, Alerts::new(options, out));
    let mut written = Written::new(recording);
    let mut told = Told::default();
    for file in files {
        let name = if file == "-" { crate::source::STDIN.into() } else { file.to_string_lossy() };
        let mut problems =
            Problems { name: &name, count: 0, doubts: 0, is_strict: options.is_strict, say: &mut *say };
        match Input::open(file) {
            Ok(input) => {
                judge.alerts.source = (&*name).into();
                if let Err(error) = run(input, &mut judge, &mut written, &mut problems)? {
                    problems.file(&error);
                    told.unread += 1;
                }
            }
            Err(reason) => {
                problems.file(&reason);
                told.unread += 1;
            }
        }
        problems.end();
        told.broken += problems.count;
    }
    if let Err(reason) = written.flush() {
        say(Said::Problem(reason));
        told.unread += 1;
    }
    told.events = judge.events;
    told.alerts = judge.counts;
    Ok(told)
}

/// Judges the events of an input; the inner error says why it was not read to its end.
fn run(
    input: Input,
    judge: &mut Judge<'_>,
    written: &mut Written<'_>,
    problems: &mut Problems<'_>,
) -> io::Result<Result<(), String>> {
    match input {
        Input::Lines(_) if written.is_wanted() => {
            Ok(Err("printed events are not enough for a recording: `--write` takes captures".to_owned()))
        }
        Input::Recording(_) if written.is_wanted() => {
            Ok(Err("it is a recording already: `--write` takes captures".to_owned()))
        }
        Input::Lines(pieces) => lines::run(pieces, judge, problems),
        Input::Recording(pieces) => recording::run(pieces, judge, problems),
        Input::Capture(pieces) => capture::run(pieces, judge, written, problems),
    }
}

/// What cannot be read of a file.
struct Problems<'a> {
    name: &'a str,
    count: u64,
    /// Values that are no values of their fields, and events of no type.
    doubts: u64,
    is_strict: bool,
    say: &'a mut dyn FnMut(Said),
}

impl Problems<'_> {
    /// A part of it cannot be read.
    fn add(&mut self, place: impl std::fmt::Display, reason: impl std::fmt::Display) {
        self.count += 1;
        if self.count <= PROBLEMS_MAX {
            (self.say)(Said::Problem(format!("{}: {place}: {reason}", self.name)));
        }
    }

    /// Something in it is not as events are, and judged all the same.
    fn doubt(&mut self, place: impl std::fmt::Display, reason: impl std::fmt::Display) {
        if self.is_strict {
            return self.add(place, reason);
        }
        self.doubts += 1;
        if self.doubts <= PROBLEMS_MAX {
            (self.say)(Said::Warning(format!("{}: {place}: {reason}", self.name)));
        }
    }

    /// Something of it was passed over.
    fn passed_over(&mut self, what: &str) {
        let text = format!("{}: {what}", self.name);
        if self.is_strict {
            self.count += 1;
            (self.say)(Said::Problem(text));
        } else {
            (self.say)(Said::Warning(text));
        }
    }

    /// It cannot be read, or not to its end.
    fn file(&mut self, reason: &str) {
        (self.say)(Said::Problem(format!("{}: {reason}", self.name)));
    }

    /// Something is odd about it.
    fn note(&mut self, what: &str) {
        (self.say)(Said::Note(format!("{}: {what}", self.name)));
    }

    fn end(&mut self) {
        let more = self.doubts.saturating_sub(PROBLEMS_MAX);
        if more > 0 {
            (self.say)(Said::Warning(format!("{}: and {more} more such warnings", self.name)));
        }
        let more = self.count.saturating_sub(PROBLEMS_MAX);
        if more > 0 {
            (self.say)(Said::Problem(format!("{}: and {more} more that cannot be read", self.name)));
        }
    }
}
