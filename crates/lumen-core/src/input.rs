//! The layer `input`: what could not be read, or not be understood.

use std::sync::Arc;

use lumen_value::read::{ReadError, ReadErrorKind};

use crate::finding::{Finding, Location, Outcome, Place, Severity};
use crate::rule::Rule;

pub mod rules;

pub use rules::RULES;

/// The finding about an input that could not be read, or that is read otherwise than its writer may have meant.
///
/// What is lost is an [`Outcome::Error`] of severity high: it could hide anything. A key that stands twice is a
/// [`Outcome::Fail`] of severity medium: the document is judged, by the last of the two as the API server does it;
/// strict clients, kubectl among them, refuse the document.
pub fn finding_of(error: &ReadError, source: &Arc<str>) -> Finding {
    let rule = match error.kind {
        ReadErrorKind::Syntax => &rules::SYNTAX,
        ReadErrorKind::Encoding => &rules::ENCODING,
        ReadErrorKind::DuplicateKey => &rules::DUPLICATE_KEY,
        ReadErrorKind::TooDeep => &rules::TOO_DEEP,
        ReadErrorKind::TooManyAliases => &rules::TOO_MANY_ALIASES,
        ReadErrorKind::TooManyDocuments => &rules::TOO_MANY_DOCUMENTS,
        ReadErrorKind::TooLarge => &rules::TOO_LARGE,
    };
    let place = if error.kind == ReadErrorKind::TooLarge { Place::Whole } else { Place::Byte(error.at) };
    let location = Location { source: source.clone(), place };
    finding(rule, error.message.clone(), Some(location))
}

/// A finding of a rule of this layer, such as [`rules::UNREADABLE`], without an object: an [`Outcome::Error`] where its
/// severity is high, else an [`Outcome::Fail`]; enforcement does nothing about it.
pub fn finding(rule: &Rule, message: String, location: Option<Location>) -> Finding {
    let outcome = match rule.severity {
        Severity::High | Severity::Critical => Outcome::Error,
        Severity::Info | Severity::Low | Severity::Medium => Outcome::Fail,
    };
    Finding { outcome, location, ..rule.finding(message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ReadErrorKind) -> ReadError {
        ReadError { kind, document: 0, at: 7, pointer: None, message: "it is broken".to_owned() }
    }

    #[test]
    fn what_is_lost_is_an_error_and_what_is_read_is_not() {
        let source = "a.yaml".into();
        let lost = finding_of(&error(ReadErrorKind::Syntax), &source);
        assert_eq!((lost.outcome, lost.severity), (Outcome::Error, Severity::High));
        assert_eq!(lost.rule.to_string(), "input/syntax");
        assert_eq!(lost.location.map(|location| location.place), Some(Place::Byte(7)));
        let read = finding_of(&error(ReadErrorKind::DuplicateKey), &source);
        assert_eq!((read.outcome, read.severity), (Outcome::Fail, Severity::Medium));
        let whole = finding_of(&error(ReadErrorKind::TooLarge), &source);
        assert_eq!(whole.location.map(|location| location.place), Some(Place::Whole));
    }
}
