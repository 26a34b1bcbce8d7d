//! [`Counts`]: what came of the requests, and how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::connection::Answer;

#[derive(Default)]
pub(crate) struct Counts {
    allowed: u64,
    denied: u64,
    /// HTTP errors by their status.
    refused: BTreeMap<u16, u64>,
    /// By what failed.
    failed: BTreeMap<String, u64>,
    /// Of what was judged, in microseconds.
    judged_us: Vec<u32>,
    refused_us: Vec<u32>,
}

impl Counts {
    pub(crate) fn add(&mut self, answer: anyhow::Result<Answer>, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        match answer {
            Ok(answer) if answer.status.is_success() => {
                self.judged_us.push(took);
                if is_allowed(&answer.body) {
                    self.allowed += 1;
                } else {
                    self.denied += 1;
                }
            }
            Ok(answer) => {
                self.refused_us.push(took);
                *self.refused.entry(answer.status.as_u16()).or_default() += 1;
            }
            Err(error) => *self.failed.entry(format!("{error:#}")).or_default() += 1,
        }
    }

    pub(crate) fn told(mut self, wall: Duration, connections: usize) -> Value {
        let judged = self.judged_us.len();
        json!({
            "seconds": wall.as_secs_f64(),
            "judged": judged,
            "allowed": self.allowed,
            "denied": self.denied,
            "refused": self.refused.values().sum::<u64>(),
            "refused_by_status": self.refused,
            "failed": self.failed.values().sum::<u64>(),
            "failed_by_cause": self.failed,
            "connections": connections,
            "judged_us": shares(&mut self.judged_us),
            "refused_us": shares(&mut self.refused_us),
        })
    }
}

/// What the API server would make of an answer; only the two words are looked for, so that reading costs little.
pub(crate) fn is_allowed(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains("\"allowed\":true") || text.contains("\"allowed\": true")
}

fn shares(times: &mut [u32]) -> Value {
    times.sort_unstable();
    let at = |thousandths: usize| {
        let place = (times.len() * thousandths).div_ceil(1000).saturating_sub(1);
        times.get(place).copied().unwrap_or_default()
    };
    json!({"p50": at(500), "p90": at(900), "p99": at(990), "p999": at(999), "max": at(1000)})
}
