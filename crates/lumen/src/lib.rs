//! Everything behind the `lumen` binary: its commands, inputs and output formats. A library so that tests and
//! fuzz targets drive the same code; it is no public interface.

pub mod baseline;
pub mod check;
pub mod cli;
pub mod command;
pub mod console;
pub mod doctor;
pub mod exit;
pub mod explain;
pub mod export;
pub mod fix;
pub mod graph;
pub mod install;
pub mod layers;
pub mod locate;
pub mod network;
pub mod output;
pub mod parallel;
pub mod policies;
pub mod replay;
pub mod report;
pub mod rules;
pub mod scan;
pub mod settings;
pub mod source;
pub mod test;
pub mod watch;
