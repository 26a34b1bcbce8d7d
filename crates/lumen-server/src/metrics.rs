//! [`Metrics`]: what the server counts, by the names that Gatekeeper gives them (`pkg/webhook/stats_reporter.go`).

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

pub mod certificate;
mod pod_security;
pub mod text;

pub use pod_security::{About, PodSecurity};

/// Upper bounds of the durations, in seconds: upstream's.
const SECONDS: [f64; 46] = [
    0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07,
    0.08, 0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0,
    5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5, 10.0,
];

/// A metric that a registry shows, to count with: its clones count together.
pub(crate) fn shown<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// The same of one that needs nothing to begin with.
pub(crate) fn counted<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    shown(registry, name, help, M::default())
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Admission {
    admission_status: &'static str,
    admission_dryrun: &'static str,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    admission_status: &'static str,
}

/// Why a request was turned away before it was judged, or let through.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    reason: &'static str,
}

/// What was violated, and what the constraint does about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Violation {
    constraint_kind: String,
    constraint_name: String,
    enforcement_action: String,
}

/// What the server counts. Cheap to clone: clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Admission, Counter>,
    seconds: Family<Status, Histogram, fn() -> Histogram>,
    refused: Family<Refusal, Counter>,
    violations: Family<Violation, Counter>,
    let_through: Family<Refusal, Counter>,
    pod_security: PodSecurity,
    /// Lines of the log that nobody could be given in time.
    pub log_lines_dropped: Counter,
    /// Requests that are being judged, or wait for it.
    pub in_flight: Gauge,
    /// Connections that are open.
    pub connections: Gauge,
}

impl Metrics {
    /// Counts that a registry shows.
    pub fn registered(registry: &mut Registry) -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(SECONDS);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("lumen_build", "The program's version", version);
        Self {
            requests: counted(registry, "gatekeeper_validation_request_count", "Requests that were answered"),
            seconds: shown(
                registry,
                "gatekeeper_validation_request_duration_seconds",
                "How long an answer took",
                Family::new_with_constructor(buckets),
            ),
            refused: counted(
                registry,
                "lumen_webhook_refused",
                "Requests that were turned away before they were judged",
            ),
            violations: counted(
                registry,
                "lumen_webhook_violations",
                "Violations that requests were found to make, whatever the constraint does about it",
            ),
            let_through: counted(
                registry,
                "lumen_webhook_let_through",
                "Requests that went on though they would have been refused",
            ),
            pod_security: PodSecurity::registered(registry),
            log_lines_dropped: counted(
                registry,
                "lumen_log_lines_dropped",
                "Lines of the log that could not be written in time",
            ),
            in_flight: counted(
                registry,
                "lumen_webhook_in_flight",
                "Requests that are being judged, or wait for it",
            ),
            connections: counted(registry, "lumen_webhook_connections", "Open connections"),
        }
    }

    /// Notes an answer: `allow`, `deny` or `error`.
    pub fn answered(&self, status: &'static str, is_dry_run: bool, took: Duration) {
        let labels = Admission {
            admission_status: status,
            admission_dryrun: if is_dry_run { "true" } else { "false" },
        };
        self.seconds.get_or_create(&Status { admission_status: status }).observe(took.as_secs_f64());
        self.requests.get_or_create(&labels).inc();
    }

    /// What Pod Security counts.
    pub const fn pod_security(&self) -> &PodSecurity {
        &self.pod_security
    }

    /// Notes a violation: of a constraint, or of Pod Security, which has no name.
    pub fn violated(&self, kind: &str, name: &str, action: &str) {
        let labels = Violation {
            constraint_kind: kind.to_owned(),
            constraint_name: name.to_owned(),
            enforcement_action: action.to_owned(),
        };
        self.violations.get_or_create(&labels).inc();
    }

    /// Notes a request that went on though it would have been refused.
    pub fn let_through(&self, reason: &'static str) {
        self.let_through.get_or_create(&Refusal { reason }).inc();
    }

    /// Notes a request that was not judged.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Refusal { reason }).inc();
    }
}
