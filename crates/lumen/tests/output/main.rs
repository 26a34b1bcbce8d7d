//! Every output format over one report, as snapshots, and against the schemas of those who read them.

// `cfg(test)` holds here anyhow; said so that the lints know their helpers for tests.
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod snapshots;
