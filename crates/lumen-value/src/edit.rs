//! Edits of a document's text that leave all else as it is, comments and layout included.

use crate::{Pointer, Value};

/// One change of a document, by JSON pointer from its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Makes the field hold the value; fields on the way that are missing are made.
    Set(Pointer, Value),
    /// Takes the field, or the element, away.
    Remove(Pointer),
}
