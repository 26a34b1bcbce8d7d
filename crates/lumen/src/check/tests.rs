//! Tests of the check as a function.
