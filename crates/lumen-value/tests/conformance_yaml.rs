//! Kubernetes' reading of YAML, against what Go's libraries made of the same texts.

#[path = "../../../tests/conformance/harness.rs"]
mod harness;
