//! The built binary, run as people run it: in a folder of its own, by its streams and its exit status.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bad_input;
mod baseline;
mod commands;
mod config;
mod conftest;
mod examples;
mod exemptions;
mod fixes;
mod inputs;
mod output;
mod policies;
mod policy;
mod support;
