//! `lumen test`: tests of policies. Documents that are tests (the kinds of [`kinds::KINDS`], a file of this module each), and
//! the `test_` rules of Rego modules. All come to a [`report::Ran`], and to one [`report::Report`].

pub mod explain;
pub mod filter;
pub mod kinds;
pub mod modules;
pub mod output;
pub mod reachability;
pub mod report;
pub mod run;
pub mod runtime;
pub mod suite;
pub mod suites;
