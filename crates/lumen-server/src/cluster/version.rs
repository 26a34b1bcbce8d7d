//! Which version the API server is of: what `latest` means in a label of Pod Security.

use std::time::Duration;

use lumen_core::podsecurity::NEWEST_MINOR;
use lumen_value::Value;
use tokio::sync::mpsc;

use super::{News, text};
use crate::api::Api;

/// How often it is asked for: a cluster is upgraded while this program runs.
const EVERY: Duration = Duration::from_mins(1);

/// How long to wait where it was not said.
const AGAIN: Duration = Duration::from_secs(5);

/// Tells the version again and again, for as long as anybody listens.
pub(super) async fn run(api: Api, sender: mpsc::Sender<News>) {
    loop {
        let minor = match api.get_path("/version").await {
            Ok(version) => minor_of(&version),
            Err(error) => {
                tracing::debug!(%error, "the version of the cluster is not known");
                None
            }
        };
        if sender.send(News::Version(minor)).await.is_err() {
            return;
        }
        tokio::time::sleep(if minor.is_some() { EVERY } else { AGAIN }).await;
    }
}

/// The minor version that an API server tells at `/version`: `34` of `{"major": "1", "minor": "34+"}`, and the newest that is known
/// of a newer one; `None` where it tells none.
pub fn minor_of(version: &Value) -> Option<u64> {
    let digits = text(version, "minor").trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let minor: u64 = (text(version, "major") == "1").then(|| digits.parse().ok())??;
    Some(minor.min(NEWEST_MINOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read() {
        let of = |major: &str, minor: &str| {
            minor_of(&[("major", Value::from(major)), ("minor", Value::from(minor))].into())
        };
        assert_eq!(of("1", "34"), Some(34));
        assert_eq!(of("1", "29+"), Some(29));
        assert_eq!(of("1", "99"), Some(NEWEST_MINOR));
        assert_eq!((of("2", "0"), of("1", "x")), (None, None));
        assert_eq!(minor_of(&Value::Null), None);
    }
}
