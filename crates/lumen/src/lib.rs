//! Everything behind the `lumen` binary: its commands, inputs and output formats. A library so that tests and
//! fuzz targets drive the same code; it is no public interface.

pub mod explain;
pub mod output;
pub mod report;
