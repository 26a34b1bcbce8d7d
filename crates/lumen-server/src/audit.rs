//! [`run`]: looks again and again at what is in the cluster already, and tells the constraints what they would say of it.
//!
//! Of several replicas one does it, the holder of a Lease. What it finds is told at the end of a sweep alone, so that one that is
//! cut short leaves the last one's results as they were.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use lumen_core::admission::audit::VIOLATIONS_MAX;

use crate::api::Api;
use crate::cluster::config::ReportsConfig;
use crate::events::{Emission, Events};
use crate::lease::{EVERY, Leadership};
use crate::names::AUDIT_LEASE;
use crate::state::{Current, State, nanoseconds};

pub mod metrics;
mod note;
pub mod pages;
pub mod report;
mod status;
mod sweep;

pub use sweep::{Note, Sweep, Swept, sweep};

use metrics::AuditMetrics;
use note::Noted;
use report::Reported;

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
    /// Whether Events are made of violations, where the `LumenConfig` says nothing.
    pub events: Emission,
    /// Where Events are told; `None` for nowhere.
    pub teller: Option<Events>,
    /// Which reports are written, where the `LumenConfig` says nothing.
    pub reports: ReportsConfig,
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
            events: Emission::default(),
            teller: None,
            reports: ReportsConfig::default(),
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
    // Which API of reports was told to be used.
    let mut told = "";
    loop {
        let state = current.get();
        // Who does not know the policies yet must not keep those who do from what one replica alone does.
        let is_leader = state.is_complete && leadership.tend().await;
        metrics.leads(is_leader);
        leads.store(is_leader, Ordering::Relaxed);
        let interval = state.config.audit.interval_seconds.unwrap_or(settings.interval_seconds);
        let is_due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(interval.into()));
        if is_leader && interval > 0 && is_due {
            last = Some(Instant::now());
            let auditing = audited(&api, &settings, &state, &metrics, &mut told);
            let ended = tokio::select! {
                () = &mut stop => break,
                ended = while_leading(&mut leadership, auditing) => ended,
            };
            if ended.is_none() {
                metrics.leads(false);
                leads.store(false, Ordering::Relaxed);
                tracing::warn!("this replica audits no longer: its lease could not be renewed in time");
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

/// Does something for as long as this replica leads; `None` where it leads no longer: another may have begun.
async fn while_leading<T>(leadership: &mut Leadership, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            () = tokio::time::sleep(EVERY) => if !leadership.tend().await {
                return None;
            },
        }
    }
}

/// One audit, and what it found told to the constraints.
async fn audited(
    api: &Api,
    settings: &Settings,
    state: &Arc<State>,
    metrics: &AuditMetrics,
    told: &mut &'static str,
) {
    let Some((swept, timestamp)) = audit(api, settings, state, metrics, told).await else { return };
    if settings.is_shadow {
        return;
    }
    let failed = status::write(api, state, &swept, &timestamp).await;
    if failed > 0 {
        tracing::warn!(constraints = failed, "not every constraint was told what was found");
    }
}

/// One audit; what it found and its timestamp, or nothing where the API server did not let it.
async fn audit(
    api: &Api,
    settings: &Settings,
    state: &Arc<State>,
    metrics: &AuditMetrics,
    told: &mut &'static str,
) -> Option<(Swept, String)> {
    let began = Instant::now();
    let now = Timestamp::now();
    let timestamp = rfc3339(now);
    metrics.began(SystemTime::now());
    tracing::info!(event_type = "audit_started", audit_id = timestamp, "auditing constraints and violations");
    let configured = &state.config.audit;
    let most =
        configured.violations_max.and_then(|most| usize::try_from(most).ok()).unwrap_or(VIOLATIONS_MAX);
    let emission = settings.events.configured(configured.emit_events, configured.events_involved_namespace);
    let noted = Noted::new(&timestamp, settings.teller.clone().map(|events| (events, emission)));
    let how = Sweep {
        state: state.clone(),
        time_ns: nanoseconds(now),
        violations_max: most,
        threads: settings.threads,
        note: noted.note(),
        reports: Some(report::Settings {
            choice: configured.reports.unwrap_or(settings.reports),
            namespace: settings.namespace.clone(),
            now: now.as_second(),
        }),
    };
    let swept = match sweep(api, &how).await {
        Ok(swept) => swept,
        Err(error) => {
            tracing::warn!(event_type = "audit_failed", audit_id = timestamp, %error, "the audit ended early");
            return None;
        }
    };
    noted.end();
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
    if let Some(reported) = &swept.reported {
        metrics.reported(reported);
        tell_reports(reported, told);
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

/// Says which API of reports is used, once, and what could not be written.
fn tell_reports(reported: &Reported, told: &mut &'static str) {
    if *told != reported.api {
        *told = reported.api;
        match reported.api {
            "none" => tracing::info!(
                "no reports are written: the cluster has neither the kinds of openreports.io/v1alpha1 nor those of wgpolicyk8s.io/v1alpha2"
            ),
            "off" => tracing::info!("no reports are written: they are switched off"),
            api => tracing::info!(api, "reports are written"),
        }
    }
    if reported.failed > 0 {
        tracing::warn!(reports = reported.failed, "not every report could be written");
    }
    tracing::debug!(?reported, "reports");
}

/// A time as upstream writes it into the status: RFC 3339, seconds, UTC.
fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
