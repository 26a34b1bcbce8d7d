//! [`Leadership`]: which of several replicas does what only one may do, by a `Lease` (`coordination.k8s.io/v1`).
//!
//! As in client-go's `leaderelection`: who holds the Lease renews it; who does not takes it once it was seen unchanged for as long
//! as it lasts. Clocks of different machines are never compared, so that a wrong clock makes nobody leader too early.

use std::time::Duration;

use jiff::Timestamp;
use lumen_value::{Object, Value};
use tokio::time::{Instant, timeout};

use crate::api::{Api, ApiError, Resource};

/// How long the Lease holds.
const LASTS: Duration = Duration::from_secs(15);
/// How often it is looked at.
pub const EVERY: Duration = Duration::from_secs(2);
/// How long it may stay unrenewed before its holder does as if it had lost it: before another may take it.
const RENEWED_WITHIN: Duration = Duration::from_secs(10);
/// How long one attempt may take: whoever waits for an API server that hangs would not notice that the Lease has ended.
const ATTEMPT_MAX: Duration = Duration::from_secs(3);

/// One replica's part in the election.
#[derive(Debug)]
pub struct Leadership {
    api: Api,
    resource: Resource,
    namespace: String,
    name: &'static str,
    me: String,
    /// The `spec` that was seen last, and since when.
    seen: Option<(Value, Instant)>,
    /// When it was last certain that this replica holds the Lease.
    held: Option<Instant>,
}

impl Leadership {
    /// Of a Lease in a namespace, for a replica of a name.
    pub fn new(api: Api, namespace: &str, name: &'static str, me: &str) -> Self {
        Self {
            api,
            resource: Resource::leases(),
            namespace: namespace.to_owned(),
            name,
            me: me.to_owned(),
            seen: None,
            held: None,
        }
    }

    /// Whether this replica leads, as far as it can know.
    pub fn leads(&self) -> bool {
        self.held.is_some_and(|since| since.elapsed() < RENEWED_WITHIN)
    }

    /// Takes or renews the Lease where that is possible; whether this replica leads. To be called every [`EVERY`].
    pub async fn tend(&mut self) -> bool {
        let asked = Instant::now();
        let attempt = timeout(ATTEMPT_MAX, self.try_to_hold());
        match attempt.await.unwrap_or(Err(ApiError::Timeout)) {
            Ok(true) => self.held = Some(asked),
            Ok(false) => self.held = None,
            Err(error) => tracing::warn!(lease = self.name, %error, "the lease cannot be renewed now"),
        }
        self.leads()
    }

    /// Gives the Lease back, so that another need not wait for its end.
    pub async fn release(&mut self) {
        if self.held.take().is_none() {
            return;
        }
        let at = self.resource.at(Some(&self.namespace), self.name);
        let Ok(lease) = self.api.get(&at).await else { return };
        if holder(&lease) == self.me {
            let released = Self::with_spec(&lease, "", Duration::from_secs(1));
            if let Err(error) = self.api.replace(&at, &released).await {
                tracing::debug!(%error, "the lease was not given back");
            }
        }
    }

    async fn try_to_hold(&mut self) -> Result<bool, ApiError> {
        let namespace = self.namespace.clone();
        let at = self.resource.at(Some(&namespace), self.name);
        let lease = match self.api.get(&at).await {
            Ok(lease) => lease,
            Err(ApiError::NotFound(_)) => {
                let metadata: Value =
                    [("name", self.name.into()), ("namespace", namespace.as_str().into())].into();
                let bare: Value = [
                    ("apiVersion", "coordination.k8s.io/v1".into()),
                    ("kind", "Lease".into()),
                    ("metadata", metadata),
                ]
                .into();
                let made = Self::with_spec(&bare, &self.me, LASTS);
                return held(self.api.create(&self.resource, Some(&namespace), &made).await);
            }
            Err(error) => return Err(error),
        };
        let spec = lease.get("spec").cloned().unwrap_or_default();
        if self.seen.as_ref().is_none_or(|(seen, _)| *seen != spec) {
            self.seen = Some((spec, Instant::now()));
        }
        let unchanged = self.seen.as_ref().map_or(Duration::ZERO, |(_, since)| since.elapsed());
        if !may_hold(&lease, &self.me, unchanged) {
            return Ok(false);
        }
        // With the `resourceVersion` that was read: of two who try at once, one is told of a conflict.
        held(self.api.replace(&at, &Self::with_spec(&lease, &self.me, LASTS)).await)
    }

    fn with_spec(lease: &Value, holder_now: &str, lasts: Duration) -> Value {
        let now = micro_time(Timestamp::now());
        let old = lease.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
        let number = |name: &str| old.get(name).and_then(Value::as_i64).unwrap_or_default();
        let mut spec = old
            .clone()
            .with("holderIdentity", holder_now)
            .with("leaseDurationSeconds", i64::try_from(lasts.as_secs()).unwrap_or(15))
            .with("renewTime", now.as_str());
        if holder(lease) != holder_now {
            spec = spec
                .with("acquireTime", now.as_str())
                .with("leaseTransitions", number("leaseTransitions").saturating_add(1));
        }
        Object::with(&lease.as_object().cloned().unwrap_or_default(), "spec", spec).into()
    }
}

/// What came of an attempt: another may have been faster.
fn held(result: Result<Value, ApiError>) -> Result<bool, ApiError> {
    match result {
        Ok(_) => Ok(true),
        Err(ApiError::Conflict(_) | ApiError::AlreadyExists(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn holder(lease: &Value) -> &str {
    let holder = lease.get("spec").and_then(|spec| spec.get("holderIdentity"));
    holder.and_then(Value::as_str).unwrap_or_default()
}

/// Whether a replica may take or renew a Lease that it has seen unchanged for some time.
fn may_hold(lease: &Value, me: &str, unchanged: Duration) -> bool {
    let seconds = lease.get("spec").and_then(|spec| spec.get("leaseDurationSeconds")).and_then(Value::as_i64);
    let lasts = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map_or(LASTS, Duration::from_secs);
    holder(lease).is_empty() || holder(lease) == me || unchanged > lasts
}

/// A `MicroTime` of the API.
pub(crate) fn micro_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, seconds: i64) -> Value {
        let spec: Value =
            [("holderIdentity", holder.into()), ("leaseDurationSeconds", seconds.into())].into();
        [("spec", spec)].into()
    }

    #[test]
    fn a_lease_is_taken_by_its_holder_or_when_it_has_ended() {
        let short = Duration::from_secs(3);
        assert!(may_hold(&lease("a", 15), "a", short));
        assert!(!may_hold(&lease("b", 15), "a", short));
        assert!(!may_hold(&lease("b", 15), "a", Duration::from_secs(15)));
        assert!(may_hold(&lease("b", 15), "a", Duration::from_secs(16)));
        assert!(may_hold(&lease("", 15), "a", Duration::ZERO));
        // A holder that promises a longer time is given it.
        assert!(!may_hold(&lease("b", 60), "a", Duration::from_secs(16)));
    }

    #[test]
    fn times_are_those_of_the_api() {
        let time: Timestamp = "2026-01-02T03:04:05.5Z".parse().expect("a time");
        assert_eq!(micro_time(time), "2026-01-02T03:04:05.500000Z");
    }
}
