//! [`Known`]: which Events were told, so that the same again is one more of a series.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// How often a series that goes on is written: client-go's. Events live for an hour.
const REFRESHED: Duration = Duration::from_mins(30);
/// After which time an Event that was not told again is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Most series that are remembered.
pub(super) const SERIES_MAX: usize = 20_000;

/// By what an Event is known: a digest of all that it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub(super) u128);

impl Key {
    /// The Event's name.
    pub(super) fn name(self) -> String {
        format!("lumen.{:032x}", self.0)
    }
}

/// How an Event is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// As a new one.
    First,
    /// As one that was told so many times.
    Again(u32),
}

#[derive(Clone, Copy, Debug)]
struct Series {
    count: u32,
    seen: Instant,
    written: Instant,
}

/// The series that are remembered.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: BTreeMap<Key, Series>,
    /// When it was last looked for series that are forgotten.
    cleaned: Option<Instant>,
}

impl Known {
    /// Notes that something was seen again; how it is to be written, if it is.
    pub(super) fn seen(&mut self, key: Key, now: Instant) -> Option<Writing> {
        let Some(series) = self.series.get_mut(&key) else { return Some(Writing::First) };
        series.count = series.count.saturating_add(1);
        series.seen = now;
        (now.duration_since(series.written) >= REFRESHED).then_some(Writing::Again(series.count))
    }

    /// Notes that an Event is about to be written; not where there are too many.
    pub(super) fn begins(&mut self, key: Key, now: Instant) -> bool {
        if let Some(series) = self.series.get_mut(&key) {
            series.written = now;
            return true;
        }
        let is_due = self.cleaned.is_none_or(|cleaned| now.duration_since(cleaned) >= EVERY);
        if self.series.len() >= SERIES_MAX && is_due {
            self.cleaned = Some(now);
            self.series.retain(|_, series| now.duration_since(series.seen) < FORGOTTEN);
        }
        if self.series.len() >= SERIES_MAX {
            return false;
        }
        self.series.insert(key, Series { count: 1, seen: now, written: now });
        true
    }

    pub(super) fn forget(&mut self, key: Key) {
        self.series.remove(&key);
    }
}

/// How far apart two looks for what is forgotten are.
const EVERY: Duration = Duration::from_mins(1);
