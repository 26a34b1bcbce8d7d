//! Values that contradict each other (`v1/topdown/conflicts.go` of OPA): once two were found, the rules are evaluated again to
//! find all of them, so that the error can name each.

use std::fmt::Write as _;

use lumen_value::Value;

use super::machine::{Machine, Stop};
use crate::error::{Code, Span};
use crate::plan::{Kind, Plan};

/// Most values that an error names.
const CONFLICTS_MAX: usize = 10;

/// Most characters that are shown of a value.
const TEXT_CHARS_MAX: usize = 100;

/// The values that were found.
#[derive(Default)]
pub(super) struct Conflicts {
    values: Vec<(Span, Value)>,
    more: bool,
    /// The rule that found the first contradiction.
    span: Span,
}

/// What a value is to those before it.
pub(super) enum Added {
    /// The same, or the first.
    Agrees,
    /// A contradiction: its rule need not go on.
    Contradicts,
    /// One more than are named.
    Full,
}

impl Conflicts {
    pub(super) fn new(span: Span) -> Self {
        Self { span, ..Self::default() }
    }

    pub(super) fn add(&mut self, span: Span, value: Value) -> Added {
        if self.values.first().is_some_and(|(_, first)| *first == value) {
            return Added::Agrees;
        }
        if self.values.len() == CONFLICTS_MAX {
            self.more = true;
            return Added::Full;
        }
        self.values.push((span, value));
        if self.values.len() == 1 { Added::Agrees } else { Added::Contradicts }
    }
}

/// White space in a row becomes one space; what is too long is cut.
fn shown(value: &Value) -> String {
    let text = crate::term::text(value);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn message(plan: &Plan, document: u32, conflicts: &Conflicts) -> String {
    let document = plan.documents.get(document as usize);
    let name = document.map_or("", |document| &document.name);
    let mut text = match document.map(|document| document.kind) {
        Some(Kind::Function) => format!("function {name} produced conflicting values for the same inputs"),
        _ => format!("rule {name} produced conflicting values"),
    };
    let file = |span: &Span| plan.files.get(span.module as usize).cloned().unwrap_or_else(|| "".into());
    let mut values: Vec<_> =
        conflicts.values.iter().map(|(span, value)| (file(span), *span, value)).collect();
    if values.len() < 2 {
        return text;
    }
    values.sort_by(|(file, span, _), (other_file, other, _)| {
        (file, span.row, span.column).cmp(&(other_file, other.row, other.column))
    });
    text.push(':');
    for (file, span, value) in values {
        // Writing to a string cannot fail.
        write!(text, "\n  {} at {file}:{}", shown(value), span.row).unwrap_or_default();
    }
    if conflicts.more {
        text.push_str("\n  ...");
    }
    text
}

impl Machine<'_, '_> {
    /// The error for the values that the innermost frame has found.
    pub(super) fn conflict(&self, document: u32, conflicts: &Conflicts) -> Stop {
        self.error_at(Code::EvalConflict, conflicts.span, message(self.plan, document, conflicts))
    }

    /// An error ends the evaluation, except where a document only looks for more values to name: then what it has found counts.
    pub(super) fn contradicted(&mut self, error: Stop) -> Result<(), Stop> {
        for frame in &mut self.frames {
            if let Some(conflicts) = frame.conflicts.take() {
                let document = frame.document;
                return Err(self.conflict(document, &conflicts));
            }
        }
        Err(error)
    }
}
