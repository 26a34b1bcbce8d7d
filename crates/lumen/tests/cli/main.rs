//! The built binary, run as people run it: in a folder of its own, by its streams and its exit status.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod baseline;
mod cluster;
mod commands;
mod config;
mod conftest;
mod documents;
mod examples;
mod exemptions;
mod fixes;
mod hostile_policies;
mod inputs;
mod install;
mod layers;
mod net;
mod net_answers;
mod net_git;
mod net_hostile;
mod output;
mod policies;
mod policy;
mod policy_tests;
mod reachability;
mod rego;
mod replay;
mod rule_documents;
mod rule_tests;
mod scan;
mod support;
mod trace;
