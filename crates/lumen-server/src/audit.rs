//! [`run`]: looks again and again at what is in the cluster already, and tells the constraints what they would say of it.
//!
//! Of several replicas one does it, the holder of a Lease. What it finds is told at the end of a sweep alone, so that one that is
//! cut short leaves the last one's results as they were.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use lumen_core::admission::audit::{Audited, VIOLATIONS_MAX};
use lumen_core::object::ObjectRef;
use lumen_value::Value;

use crate::api::Api;
use crate::lease::{EVERY, Leadership};
use crate::names::AUDIT_LEASE;
use crate::state::{Current, State, nanoseconds};

pub mod metrics;
mod status;
mod sweep;

pub use sweep::{Note, Swept, sweep};

use metrics::AuditMetrics;

/// Seconds between the beginnings of two audits, where nothing else is said: upstream's.
pub const INTERVAL_SECONDS: u32 = 60;

/// How the audit is done.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this replica is called in the Lease: the name of its pod.
    pub pod: String,
    /// The namespace that the replicas run in.
    pub namespace: String,
    /// Seconds between the beginnings of two audits, where the `LumenConfig` says nothing; 0 for none.
    pub interval_seconds: u32,
    /// How many threads judge.
    pub threads: NonZeroUsize,
    /// Beside a running Gatekeeper: the status of constraints is its own, and is not written.
    pub is_shadow: bool,
}

impl Settings {
    /// For a replica of a name in a namespace.
    pub fn new(pod: &str, namespace: &str) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            pod: pod.to_owned(),
            namespace: namespace.to_owned(),
            interval_seconds: INTERVAL_SECONDS,
            threads,
            is_shadow: false,
        }
    }
}

/// Audits, whenever this replica leads, until `stop` is done. Whether it leads is told by `leads`: others do what one replica alone
/// is to do while it is set.
pub async fn run(
    api: Api,
    settings: Settings,
    current: Arc<Current>,
    metrics: AuditMetrics,
    leads: Arc<AtomicBool>,
    stop: impl Future<Output = ()>,
) {
    let mut leadership = Leadership::new(api.clone(), &settings.namespace, AUDIT_LEASE, &settings.pod);
    let mut stop = std::pin::pin!(stop);
    let mut last: Option<Instant> = None;
    loop {
        let is_leader = leadership.tend().await;
        metrics.leads(is_leader);
        leads.store(is_leader, Ordering::Relaxed);
        let state = current.get();
        let interval = state.config.audit.interval_seconds.unwrap_or(settings.interval_seconds);
        let is_due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(interval.into()));
        if is_leader && interval > 0 && is_due && state.is_complete {
            last = Some(Instant::now());
            let auditing = audit(&api, &settings, &state, &metrics);
            let mut auditing = std::pin::pin!(auditing);
            let mut found = None;
            loop {
                tokio::select! {
                    () = &mut stop => break,
                    swept = &mut auditing, if found.is_none() => { found = Some(swept); break }
                    () = tokio::time::sleep(EVERY) => {
                        // Who has lost the Lease stops at once: another has begun.
                        if !leadership.tend().await {
                            leads.store(false, Ordering::Relaxed);
                            tracing::warn!("another replica audits now");
                            break;
                        }
                    }
                }
            }
            if let Some(Some((swept, timestamp))) = found
                && !settings.is_shadow
                && leadership.tend().await
            {
                let failed =
                    status::write(&api, &state, &swept.tally, &timestamp, || leadership.leads()).await;
                if failed > 0 {
                    tracing::warn!(constraints = failed, "not every constraint was told what was found");
                }
            }
        }
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    leads.store(false, Ordering::Relaxed);
    leadership.release().await;
}

/// One audit; what it found and its timestamp, or nothing where the API server did not let it.
async fn audit(
    api: &Api,
    settings: &Settings,
    state: &Arc<State>,
    metrics: &AuditMetrics,
) -> Option<(Swept, String)> {
    let began = Instant::now();
    let now = Timestamp::now();
    let timestamp = rfc3339(now);
    metrics.began(SystemTime::now());
    tracing::info!(event_type = "audit_started", audit_id = timestamp, "auditing constraints and violations");
    let most = state
        .config
        .audit
        .violations_max
        .map_or(VIOLATIONS_MAX, |most| usize::try_from(most).unwrap_or(VIOLATIONS_MAX));
    let swept = match sweep(api, state, nanoseconds(now), most, settings.threads, log_violations).await {
        Ok(swept) => swept,
        Err(error) => {
            tracing::warn!(event_type = "audit_failed", audit_id = timestamp, %error, "the audit ended early");
            return None;
        }
    };
    for (what, reason) in &swept.unread {
        tracing::warn!(audit_id = timestamp, what, reason, "nothing is known of what cannot be read");
    }
    for (kind, name, total) in swept.tally.totals() {
        tracing::info!(
            event_type = "constraint_audited",
            audit_id = timestamp,
            constraint_kind = &**kind,
            constraint_name = &**name,
            constraint_violations = total,
            "audit results for constraint"
        );
    }
    let took = began.elapsed();
    metrics.ended(SystemTime::now(), took, &swept.tally, swept.objects, swept.unread.len());
    tracing::info!(
        event_type = "audit_finished",
        audit_id = timestamp,
        objects = swept.objects,
        duration = format!("{:.3}s", took.as_secs_f64()),
        "auditing is complete"
    );
    Some((swept, timestamp))
}

/// A time as upstream writes it into the status: RFC 3339, seconds, UTC.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One line of the log for each violation, by upstream's names.
fn log_violations(object: &Value, audited: &Audited) {
    let subject = ObjectRef::of(object);
    for verdict in &audited.verdicts {
        let constraint = &verdict.constraint.object;
        tracing::info!(
            event_type = "violation_audited",
            constraint_group = "constraints.gatekeeper.sh",
            constraint_kind = &*constraint.kind,
            constraint_name = &*constraint.name,
            constraint_action = verdict.enforcement.action,
            constraint_enforcement_actions = ?verdict.enforcement.scoped,
            resource_group = subject.group(),
            resource_kind = &*subject.kind,
            resource_namespace = subject.namespace.as_deref().unwrap_or_default(),
            resource_name = &*subject.name,
            details = verdict.details.to_json(),
            "{}",
            verdict.message
        );
    }
    if let Some(failure) = &audited.failure {
        tracing::warn!(
            resource_kind = &*subject.kind,
            resource_namespace = subject.namespace.as_deref().unwrap_or_default(),
            resource_name = &*subject.name,
            error = %failure,
            "unable to expand object"
        );
    }
}
