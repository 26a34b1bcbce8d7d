//! The two streams of a command line program: standard output is data, standard error is for people.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use crate::cli::{Color, Global};
use crate::output::{Style, escape};

/// How much is said on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Talk {
    Quiet,
    #[default]
    Normal,
    Verbose,
}

/// What the program says, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Console {
    talk: Talk,
    color: Color,
}

impl Console {
    /// As the command line asks for.
    pub fn new(global: &Global) -> Self {
        let talk = match (global.quiet, global.verbose) {
            (true, _) => Talk::Quiet,
            (false, true) => Talk::Verbose,
            (false, false) => Talk::Normal,
        };
        Self { talk, color: global.color }
    }

    /// Says that something failed. That is always said.
    pub fn error(self, text: impl fmt::Display) {
        say("error", &text);
    }

    /// Says that something is not as it was meant to be, though the call goes on. That is always said.
    pub fn warning(self, text: impl fmt::Display) {
        say("warning", &text);
    }

    /// Says what somebody should know who reads along.
    pub fn note(self, text: impl fmt::Display) {
        if self.talk >= Talk::Normal {
            say("note", &text);
        }
    }

    /// Says what only matters when something is odd.
    pub fn detail(self, text: impl fmt::Display) {
        if self.talk >= Talk::Verbose {
            say("note", &text);
        }
    }

    /// Whether standard output shows colours: `--color`, then `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`, then whether
    /// it is a terminal.
    pub fn colors(self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
        }
    }

    /// The style of outputs; to files it has no colour.
    pub fn style(self, to_stdout: bool) -> Style {
        let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let defaults = Style::default();
        Style {
            color: to_stdout && self.colors(),
            width: width.filter(|width| (20..=1000).contains(width)).unwrap_or(defaults.width),
            ..defaults
        }
    }

    /// Whether somebody looks at standard output.
    pub fn is_watched(self) -> bool {
        io::stdout().is_terminal()
    }
}

fn say(what: &str, text: &dyn fmt::Display) {
    let text = text.to_string();
    let mut message = String::new();
    for (number, line) in text.lines().enumerate() {
        let start = if number == 0 { format!("lumen: {what}: ") } else { "  ".to_owned() };
        message.push_str(&start);
        message.push_str(&escape::line(line));
        message.push('\n');
    }
    // Where standard error is closed there is nobody to tell.
    drop(io::stderr().lock().write_all(message.as_bytes()));
}

/// Writes data to standard output. That its reader has left is no error: `lumen check . | head` is done.
pub fn print(data: &[u8]) -> io::Result<()> {
    print_with(|out| out.write_all(data))
}

/// Lets a function write to standard output, as [`print()`] does.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is left in the buffer has no reader either.
            drop(out.into_parts());
            Ok(())
        }
        result => result,
    }
}
