//! [`AuditMetrics`]: what is counted of audits, by Gatekeeper's names where it counts the same
//! (gatekeeper `pkg/audit/stats_reporter.go`).

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use lumen_core::admission::audit::Tally;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::report::Reported;
use crate::metrics::{counted, shown};

/// Upper bounds of the durations, in seconds: upstream's from a minute on, and below it those that audits of Lumen take.
const SECONDS: [f64; 14] =
    [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 180.0, 300.0, 600.0, 900.0, 1200.0, 2400.0, 4800.0, 19200.0];

/// The actions that are counted even where there is nothing to count.
const ACTIONS: [&str; 4] = ["deny", "dryrun", "scoped", "warn"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    enforcement_action: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByConstraint {
    kind: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByApi {
    api: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

type Seconds = Gauge<f64, AtomicU64>;

/// What is counted of audits. Clones count together.
#[derive(Clone, Debug)]
pub struct AuditMetrics {
    violations: Family<ByAction, Gauge>,
    of_constraints: Family<ByConstraint, Gauge>,
    durations: Histogram,
    began: Seconds,
    ended: Seconds,
    objects: Gauge,
    unread: Gauge,
    is_leader: Gauge,
    reports: Family<ByApi, Gauge>,
    report_writes: Family<ByOutcome, Counter>,
    left_out: Gauge,
}

impl AuditMetrics {
    /// Counts that a registry shows.
    pub fn registered(registry: &mut Registry) -> Self {
        Self {
            violations: counted(registry, "gatekeeper_violations", "Violations that the last audit found"),
            of_constraints: counted(
                registry,
                "lumen_constraint_violations",
                "Violations of each constraint that the last audit found",
            ),
            durations: shown(
                registry,
                "gatekeeper_audit_duration_seconds",
                "How long an audit took",
                Histogram::new(SECONDS),
            ),
            began: counted(registry, "gatekeeper_audit_last_run_time", "When the last audit began"),
            ended: counted(registry, "gatekeeper_audit_last_run_end_time", "When the last audit ended"),
            objects: counted(registry, "lumen_audit_objects", "Objects that the last audit looked at"),
            unread: counted(
                registry,
                "lumen_audit_unread_kinds",
                "Kinds that the last audit could not read, or not whole",
            ),
            is_leader: counted(registry, "lumen_audit_leader", "Whether this replica audits"),
            reports: counted(
                registry,
                "lumen_audit_reports",
                "Reports that hold what the last audit found, of the API that is used: none where the cluster has neither",
            ),
            report_writes: counted(registry, "lumen_audit_report_writes", "Reports that were written"),
            left_out: counted(
                registry,
                "lumen_audit_results_left_out",
                "Violations of the last audit that reports count, and do not list",
            ),
        }
    }

    pub(super) fn reported(&self, reported: &Reported) {
        self.reports.clear();
        self.reports.get_or_create(&ByApi { api: reported.api }).set(gauge(wide(reported.reports)));
        self.left_out.set(gauge(reported.left_out));
        let counts =
            [("written", reported.written), ("deleted", reported.deleted), ("failed", reported.failed)];
        for (outcome, count) in counts {
            self.report_writes.get_or_create(&ByOutcome { outcome }).inc_by(wide(count));
        }
    }

    pub(super) fn leads(&self, leads: bool) {
        self.is_leader.set(leads.into());
    }

    pub(super) fn began(&self, at: SystemTime) {
        self.began.set(seconds(at));
    }

    pub(super) fn ended(&self, at: SystemTime, took: Duration, tally: &Tally, objects: u64, unread: usize) {
        self.ended.set(seconds(at));
        self.durations.observe(took.as_secs_f64());
        self.objects.set(gauge(objects));
        self.unread.set(i64::try_from(unread).unwrap_or(i64::MAX));
        self.violations.clear();
        for action in ACTIONS {
            self.violations.get_or_create(&ByAction { enforcement_action: action.to_owned() }).set(0);
        }
        for (action, count) in tally.by_action() {
            // Constraints may say anything.
            let known = ACTIONS.into_iter().find(|each| each == action).unwrap_or("unrecognized");
            let labels = ByAction { enforcement_action: known.to_owned() };
            self.violations.get_or_create(&labels).inc_by(gauge(*count));
        }
        self.of_constraints.clear();
        for (kind, name, count) in tally.totals() {
            let labels = ByConstraint { kind: kind.to_string(), name: name.to_string() };
            self.of_constraints.get_or_create(&labels).set(gauge(count));
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
