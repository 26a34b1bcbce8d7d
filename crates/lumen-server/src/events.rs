//! [`Events`]: Events (`events.k8s.io/v1`) about violations, with Gatekeeper's reasons, texts and annotations
//! (gatekeeper `emitEvent` of `pkg/audit/manager.go`, `pkg/webhook/policy.go`).
//!
//! Whoever finds something never waits. What was told before is no further Event, but one more of its series, which is written now and
//! then so that the Event lives on; what is too much at once is dropped, and counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lumen_value::Value;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval};

mod occurrence;
mod series;

pub use occurrence::{Occurrence, Violation, of_audit, of_request};
pub use series::Key;

use crate::api::{Api, ApiError, Patch, Resource};
use crate::lease::micro_time;
use crate::metrics::counted;
use series::{Known, Writing};

/// Most Events that wait to be written.
const WAITING_MAX: usize = 1_024;
/// How far apart two writes are at least.
const EVERY: Duration = Duration::from_millis(50);

/// Whether Events are made of violations, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emission {
    /// Whether any are made.
    pub is_on: bool,
    /// Whether they are in the namespaces of the objects, not in the server's own.
    pub in_involved_namespace: bool,
}

impl Emission {
    /// The same with what a `LumenConfig` says of it.
    #[must_use]
    pub fn configured(self, is_on: Option<bool>, in_involved_namespace: Option<bool>) -> Self {
        Self {
            is_on: is_on.unwrap_or(self.is_on),
            in_involved_namespace: in_involved_namespace.unwrap_or(self.in_involved_namespace),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// Where violations are told. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Events {
    known: Arc<Mutex<Known>>,
    sender: Sender<Waiting>,
    /// The namespace that the server runs in.
    namespace: Arc<str>,
    counts: Family<ByOutcome, Counter>,
}

/// An Event that waits to be written.
#[derive(Debug)]
struct Waiting {
    key: Key,
    occurrence: Occurrence,
    writing: Writing,
}

/// Writes the Events that are told.
#[derive(Debug)]
pub struct Writer {
    api: Api,
    receiver: Receiver<Waiting>,
    events: Events,
    /// The pod.
    instance: String,
}

impl Events {
    /// For a replica of a name in a namespace.
    pub fn new(api: Api, namespace: &str, pod: &str, registry: &mut Registry) -> (Self, Writer) {
        let (sender, receiver) = channel(WAITING_MAX);
        let counts = counted(registry, "lumen_events", "Events about violations");
        let events = Self { known: Arc::default(), sender, namespace: namespace.into(), counts };
        (events.clone(), Writer { api, receiver, events, instance: pod.to_owned() })
    }

    /// Tells of a violation.
    pub fn tell(&self, occurrence: Occurrence) {
        let key = occurrence.key(&self.namespace);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(writing) = known.seen(key, Instant::now()) else { return };
        let Ok(place) = self.sender.try_reserve() else {
            drop(known);
            self.count("dropped");
            return;
        };
        if known.begins(key, Instant::now()) {
            place.send(Waiting { key, occurrence, writing });
        } else {
            self.count("dropped");
        }
    }

    fn count(&self, outcome: &'static str) {
        self.counts.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// An Event could not be written: the next of its kind is the first.
    fn forget(&self, key: Key) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
    }
}

impl Writer {
    /// Writes until `stop` is done.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut pace = interval(EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let waiting = tokio::select! {
                () = &mut stop => return,
                waiting = self.receiver.recv() => waiting,
            };
            let Some(waiting) = waiting else { return };
            match self.write(&waiting).await {
                Ok(outcome) => self.events.count(outcome),
                Err(error) => {
                    self.events.forget(waiting.key);
                    self.events.count("failed");
                    tracing::debug!(%error, "an Event cannot be written");
                }
            }
            pace.tick().await;
        }
    }

    async fn write(&self, waiting: &Waiting) -> Result<&'static str, ApiError> {
        let resource = Resource::new("events.k8s.io", "v1", "Event", "events", true);
        let name = waiting.key.name();
        let namespace = waiting.occurrence.namespace(&self.events.namespace);
        let at = resource.at(Some(namespace), &name);
        let now = micro_time(Timestamp::now());
        if let Writing::Again(count) = waiting.writing {
            match self.api.patch(&at, Patch::Merge, &again(count, &now)).await {
                // It lived for as long as Events do, an hour.
                Err(ApiError::NotFound(_)) => {}
                result => return result.map(|_| "repeated"),
            }
        }
        let event = waiting.occurrence.event(&name, namespace, &self.instance, &now);
        match self.api.create(&resource, Some(namespace), &event).await {
            // Another replica told it, or this one before it was started again.
            Err(ApiError::AlreadyExists(_)) => {
                let there = self.api.get(&at).await?;
                let count = there.get("series").and_then(|series| series.get("count")?.as_i64());
                let count = u32::try_from(count.unwrap_or(1)).unwrap_or(1).saturating_add(1);
                self.api.patch(&at, Patch::Merge, &again(count, &now)).await.map(|_| "repeated")
            }
            result => result.map(|_| "written"),
        }
    }
}

/// The change that tells of one more of a series.
fn again(count: u32, now: &str) -> Value {
    let count = i64::from(count.max(2));
    let series: Value = [("count", count.into()), ("lastObservedTime", now.into())].into();
    [("series", series)].into()
}

#[cfg(test)]
mod tests;
