//! [`Clock`]: the time as the API server has it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use jiff::fmt::rfc2822::DateTimeParser;
use tokio::time::Instant;

/// What an API server's answers say of the time. Clones hear together.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Arc<Mutex<Option<(i64, Instant)>>>);

impl Clock {
    /// Heeds the `Date` of an answer. One that cannot be read says nothing.
    pub(super) fn heard(&self, date: Option<&HeaderValue>) {
        let Some(seconds) = date.and_then(|date| seconds(date.to_str().ok()?)) else { return };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((seconds, Instant::now()));
    }

    /// Seconds since 1970, by the last answer and what has gone by since.
    pub(super) fn now(&self) -> Option<i64> {
        let (seconds, heard) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = i64::try_from(heard.elapsed().as_secs()).unwrap_or(i64::MAX);
        Some(seconds.saturating_add(since))
    }
}

/// The seconds since 1970 of an HTTP date (RFC 9110 §5.6.7).
fn seconds(date: &str) -> Option<i64> {
    DateTimeParser::new().parse_timestamp(date).ok().map(jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_the_time() {
        let clock = Clock::default();
        assert_eq!(clock.now(), None);
        clock.heard(Some(&HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT")));
        assert!(clock.now().is_some_and(|now| (784_111_777..784_111_900).contains(&now)), "{clock:?}");
        let before = clock.clone();
        clock.heard(Some(&HeaderValue::from_static("soon")));
        clock.heard(None);
        assert!(before.now().is_some());
    }
}
