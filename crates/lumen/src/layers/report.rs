//! `lumen layers` as a report that an auditor reads: what it says, for the writers of [`markdown`] and [`html`].

use crate::output::escape::line as escaped;

pub mod html;
pub mod markdown;
mod radius;
mod sections;

pub use sections::write;

/// How a cell of a table is meant; its words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither good nor bad.
    #[default]
    Plain,
    /// It holds, as far as the inputs show.
    Good,
    /// It holds, if what the inputs do not show is so.
    Conditional,
    /// It does not hold, or nothing is there.
    Bad,
    /// It cannot be said.
    Unknown,
    /// There is nothing to say.
    Quiet,
}

/// A cell of a table: text in which backticks mark code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Its text, on one line.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// Text without a tone.
pub fn plain(text: impl AsRef<str>) -> Cell {
    toned(text, Tone::Plain)
}

/// Text with a tone.
pub fn toned(text: impl AsRef<str>, tone: Tone) -> Cell {
    Cell { text: escaped(text.as_ref()).into_owned(), tone }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The heads of its columns.
    pub head: Vec<&'static str>,
    /// Its rows, each with a cell for every column; the first heads the row.
    pub rows: Vec<Vec<Cell>>,
}

/// A part of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// The title of a section.
    Heading(String),
    /// The title of a part of a section.
    Heading2(String),
    /// A paragraph.
    Text(String),
    /// Numbers, each with what they count.
    Figures(Vec<(String, String)>),
    /// A table.
    Table(Table),
}

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// Its parts.
    pub blocks: Vec<Block>,
}
