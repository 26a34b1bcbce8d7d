//! Edits of a document's text that leave all else as it is, comments and layout included.
//!
//! What an edit may touch: only what stands at its own pointer. A value that is shared, by an anchor with aliases or by
//! a merge key, changes in all its places at once, so an edit of it, in it, or through an alias or a merge key is refused
//! with [`EditError::Shared`]; so is one that would take an anchor away from its aliases. An alias itself may be set or
//! removed: that changes one place.
//!
//! Comments stay, but for those inside a collection that is set to another value or removed, and those on the lines of a
//! removed entry.

use std::ops::Range;

use crate::read::{ReadError, Syntax};
use crate::span::Index;
use crate::{Pointer, Value};
use plan::Aim;

mod block;
mod check;
mod flow;
mod plan;
mod print;
#[cfg(test)]
mod tests;

/// One change of a document, by JSON pointer from its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Makes the field hold the value; fields on the way that are missing are made.
    Set(Pointer, Value),
    /// Takes the field, or the element, away.
    Remove(Pointer),
}

/// A text with edits applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The text.
    pub text: String,
    /// What differs, in its order; empty where the document already was as the edits want it.
    pub changed: Vec<Change>,
}

/// A part of a text that was replaced. All that stands between two changes is the same, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its bytes in the text that was given.
    pub before: Range<usize>,
    /// Its bytes in the edited text.
    pub after: Range<usize>,
}

/// Why edits were not applied. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be read.
    #[error("the document cannot be read: {0}")]
    Read(#[from] ReadError),
    /// Two edits want different things of one place, or one edits what the other replaces.
    #[error("two edits contradict each other at `{pointer}`")]
    Conflict {
        /// The outer of the two places.
        pointer: Pointer,
    },
    /// The pointer's next step is a key where the document has no mapping, or an index where it has no sequence or one
    /// that is too short: an element can be added only at the end.
    #[error("there is no place for an edit in `{pointer}`")]
    NoPlace {
        /// What would have to hold the edited value.
        pointer: Pointer,
    },
    /// The edit would change a value that stands in several places.
    #[error("`{pointer}` is shared{}, an edit would change other places too", anchor.as_ref().map(|name| format!(" by the anchor `{name}`")).unwrap_or_default())]
    Shared {
        /// The place that was to be edited.
        pointer: Pointer,
        /// The anchor's name; `None` for what a merge key takes from a mapping without one.
        anchor: Option<String>,
        /// The places that share it, as bytes of the text: the anchor and its aliases, or the merge key.
        places: Vec<Range<usize>>,
    },
    /// The value cannot be written: it holds a set, a key that is no string, or bytes that are no UTF-8.
    #[error("the value for `{pointer}` cannot be written")]
    Unprintable {
        /// The place that was to be edited.
        pointer: Pointer,
    },
    /// Read again, the edited text did not hold exactly what the edits asked for, for its way of writing is one that
    /// edits do not understand, as all of TOML. Edit it by hand.
    #[error("the edited text would not read back as intended, edit it by hand")]
    NotFaithful,
}

/// Most values of a document that are looked at for how it is laid out: each fix that is shown asks anew.
const LAYOUT_NODES_MAX: usize = 2000;

/// Applies edits to the text of one document. All pointers mean the document as it was given, so elements do not shift
/// while edits are applied; a removal of what is missing does nothing, as does setting what already holds the value.
///
/// The result is read again and is given only where it says exactly the old value with the edits applied.
pub fn apply(text: &str, syntax: Syntax, edits: &[Edit]) -> Result<Edited, EditError> {
    if syntax == Syntax::Toml {
        return Err(EditError::NotFaithful);
    }
    let index = Index::read(text, syntax)?;
    let old = check::value(text, syntax)?;
    let plan = plan::Plan::new(edits, &old, Aim::Compare)?;
    let patches = plan.patches(&index, syntax)?;
    let edited = splice(text, patches)?;
    let new = if edited.changed.is_empty() {
        old
    } else {
        check::value(&edited.text, syntax).map_err(|_| EditError::NotFaithful)?
    };
    if plan.expected() == Some(&new) { Ok(edited) } else { Err(EditError::NotFaithful) }
}

/// What edits would replace in the text of a document that is read already, in the text's order: to show it to people
/// at little cost. `old` is what the document says. Unlike [`apply`] it does not read the result again, so it is nothing to write to a file.
pub fn patches(index: &Index, syntax: Syntax, old: &Value, edits: &[Edit]) -> Result<Vec<Patch>, EditError> {
    if syntax == Syntax::Toml {
        return Err(EditError::NotFaithful);
    }
    let plan = plan::Plan::new(edits, old, Aim::Patch)?;
    let mut patches = plan.patches(index, syntax)?;
    patches.retain(|patch| index.text().get(patch.range.clone()) != Some(patch.text.as_str()));
    patches.sort_by_key(|patch| (patch.range.start, patch.range.end));
    Ok(patches)
}

/// A part of the text, and what to put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The bytes.
    pub range: Range<usize>,
    /// What comes in their place.
    pub text: String,
}

/// Puts the patches in. Of several at one place the first comes first.
fn splice(text: &str, mut patches: Vec<Patch>) -> Result<Edited, EditError> {
    patches.retain(|patch| text.get(patch.range.clone()) != Some(patch.text.as_str()));
    patches.sort_by_key(|patch| (patch.range.start, patch.range.end));
    let mut out = String::with_capacity(text.len());
    let mut changed: Vec<Change> = Vec::new();
    let mut at = 0;
    for Patch { range, text: new } in patches {
        // Overlapping patches would be a mistake of the plan's; the text between is missing then.
        out.push_str(text.get(at..range.start).ok_or(EditError::NotFaithful)?);
        let start = out.len();
        out.push_str(&new);
        at = range.end;
        changed.push(Change { before: range, after: start..out.len() });
    }
    out.push_str(text.get(at..).ok_or(EditError::NotFaithful)?);
    Ok(Edited { text: out, changed })
}
