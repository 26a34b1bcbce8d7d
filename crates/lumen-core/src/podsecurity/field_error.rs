//! [`FieldError`]: a value that upstream refuses, in upstream's words.

use std::fmt;

use lumen_value::Pointer;

use super::text::go_quoted;

/// A field whose value upstream refuses. Prints as upstream's `field.Error` does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {body}")]
pub struct FieldError {
    /// The field, from the document's own root.
    pub pointer: Pointer,
    /// The field, as upstream writes it, such as `metadata.labels[pod-security.kubernetes.io/enforce]`.
    pub path: String,
    /// What is wrong with it, as upstream writes it.
    pub body: String,
}

impl FieldError {
    /// A value that means nothing.
    pub(super) fn invalid(pointer: Pointer, path: impl Into<String>, value: &str, detail: &str) -> Self {
        Self::new(pointer, path, format!("Invalid value: {}: {detail}", go_quoted(value)))
    }

    /// A value that stands twice in a list of distinct ones.
    pub(super) fn duplicate(pointer: Pointer, path: impl Into<String>, value: &str) -> Self {
        Self::new(pointer, path, format!("Duplicate value: {}", go_quoted(value)))
    }

    /// Anything else.
    pub(super) fn new(pointer: Pointer, path: impl Into<String>, body: impl Into<String>) -> Self {
        Self { pointer, path: path.into(), body: body.into() }
    }
}

/// Several errors as upstream prints them: alone as they are, together in brackets, each once.
pub(super) struct Aggregate<'a>(pub(super) &'a [FieldError]);

impl fmt::Display for Aggregate<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut distinct: Vec<&FieldError> = Vec::new();
        for error in self.0 {
            if !distinct.iter().any(|other| other.path == error.path && other.body == error.body) {
                distinct.push(error);
            }
        }
        if let [error] = distinct.as_slice() {
            return error.fmt(out);
        }
        for (index, error) in distinct.iter().enumerate() {
            write!(out, "{}{error}", if index == 0 { "[" } else { ", " })?;
        }
        out.write_str(if distinct.is_empty() { "" } else { "]" })
    }
}
