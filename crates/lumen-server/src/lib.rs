//! What a cluster sees of Lumen: the admission webhook, the audit, and what keeps both part of it.
//!
//! Everything that decides is in `lumen-core`, which knows no clock and no network. This crate brings requests to it and answers
//! back, within bounds: of bytes, of time, of requests at once and of connections.

pub mod api;
pub mod audit;
pub mod certificate;
pub mod cluster;
pub mod events;
pub mod files;
pub mod lease;
pub mod listen;
pub mod log;
pub mod metrics;
pub mod names;
pub mod registration;
pub mod run;
pub mod state;
pub mod tls;
pub mod webhook;
