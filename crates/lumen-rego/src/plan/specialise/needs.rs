//! What code depends on.

use crate::builtin::signature;

/// A set of parts of the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs(u8);

impl Needs {
    pub(super) const NONE: Self = Self(0);
    /// What is known of `input`, where it was not computed ahead.
    pub(super) const FIXED: Self = Self(1);
    /// Other parts of `input`.
    pub(super) const INPUT: Self = Self(2);
    /// Base documents.
    pub(super) const DATA: Self = Self(4);
    /// The time of the evaluation.
    pub(super) const TIME: Self = Self(8);
    /// Chance, the host, or whoever reads what is printed.
    pub(super) const OUTSIDE: Self = Self(16);
    /// The frame of the document: it cannot be run on its own.
    pub(super) const FRAME: Self = Self(32);

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Built-ins that answer differently at another time, though OPA's table does not say so or says more.
const TIMED: &[&str] =
    &["crypto.x509.parse_and_verify_certificates", "crypto.x509.parse_and_verify_certificates_with_options"];

/// What a built-in of this crate depends on beside its operands. Of one that is not in the table nothing is known.
pub(super) fn of_function(name: &str) -> Needs {
    if TIMED.contains(&name) || name.starts_with("io.jwt.") || name == "time.now_ns" {
        Needs::TIME
    } else if signature(name).is_none_or(|row| row.nondeterministic) {
        Needs::OUTSIDE
    } else {
        Needs::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::signature::SIGNATURES;

    #[test]
    fn what_may_answer_differently_is_not_computed_ahead() {
        for row in SIGNATURES.iter().filter(|row| row.nondeterministic) {
            assert_ne!(of_function(row.name), Needs::NONE, "{}", row.name);
        }
        assert_eq!(of_function("of.some.host"), Needs::OUTSIDE);
    }
}
