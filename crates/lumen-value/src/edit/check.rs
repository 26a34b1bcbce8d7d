//! What a text says, for comparing it before and after edits.

use crate::Value;
use crate::read::{Limits, ReadError, Syntax, read_document};

/// Reads the text of one document.
pub(super) fn value(text: &str, syntax: Syntax) -> Result<Value, ReadError> {
    Ok(read_document(text.as_bytes(), syntax, &Limits::default())?.value)
}
