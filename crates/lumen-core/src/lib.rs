//! What is true about Kubernetes objects and a cluster.
//!
//! Pure: no I/O, no async, no clock, no environment, no `unsafe`. Objects are views over
//! [`Value`](lumen_value::Value); what a layer finds wrong is a [`Finding`](finding::Finding).

pub mod admission;
pub mod catalog;
pub mod decision;
pub mod defaults;
pub mod exemption;
pub mod finding;
pub mod input;
pub mod managed;
pub mod network;
pub mod object;
pub mod podsecurity;
pub mod posture;
pub mod quantity;
pub mod request;
pub mod review;
pub mod rule;
pub mod selector;
pub mod snapshot;
