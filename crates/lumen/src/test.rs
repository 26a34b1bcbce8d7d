//! `lumen test`: tests of policies. Gatekeeper's suites, and the `test_` rules of Rego modules.

pub mod filter;
pub mod modules;
pub mod output;
pub mod report;
pub mod suite;
pub mod suites;
