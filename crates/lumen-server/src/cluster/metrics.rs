//! [`ClusterMetrics`]: what is counted of the cluster's objects, by the names that Gatekeeper gives them where it counts the same
//! (gatekeeper `pkg/controller/*/stats_reporter.go`, `pkg/watch/stats_reporter.go`).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::kinds::Role;
use super::watches::Reading;
use super::{Source, Writer};
use crate::metrics::{counted, shown};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct ByAction {
    enforcement_action: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct ByKind {
    kind: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct What {
    what: String,
}

/// Upper bounds of the time that compiling takes, in seconds.
const SECONDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// The same of one template: upstream's, and below them those that templates take here.
const INGESTION_SECONDS: [f64; 22] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0,
    2.0, 3.0, 4.0, 5.0,
];
/// Upper bounds of the time that a change of the synced objects takes, in seconds: upstream's.
const SYNC_SECONDS: [f64; 19] = [
    0.0001, 0.0002, 0.0003, 0.0004, 0.0005, 0.0006, 0.0007, 0.0008, 0.0009, 0.001, 0.002, 0.003, 0.004,
    0.005, 0.01, 0.02, 0.03, 0.04, 0.05,
];

/// What is counted of the cluster's objects. Clones count together.
#[derive(Clone, Debug)]
pub struct ClusterMetrics {
    templates: Family<ByStatus, Gauge>,
    templates_with_cel: Gauge,
    ingestions: Family<ByStatus, Counter>,
    ingestion_seconds: Family<ByStatus, Histogram, fn() -> Histogram>,
    constraints: Family<ByAction, Gauge>,
    mutators: Family<ByStatus, Gauge>,
    expansions: Family<ByStatus, Gauge>,
    synced: Family<ByKind, Gauge>,
    sync_seconds: Histogram,
    last_sync: Gauge<f64, std::sync::atomic::AtomicU64>,
    watched: Gauge,
    intended: Gauge,
    degraded: Family<What, Gauge>,
    failures: Counter,
    builds: Histogram,
    is_ready: Gauge,
}

impl ClusterMetrics {
    /// Counts that a registry shows.
    pub fn registered(registry: &mut Registry) -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(INGESTION_SECONDS);
        Self {
            templates: counted(registry, "gatekeeper_constraint_templates", "Templates"),
            templates_with_cel: counted(
                registry,
                "gatekeeper_constraint_templates_with_cel",
                "Templates in CEL",
            ),
            ingestions: counted(
                registry,
                "gatekeeper_constraint_template_ingestion_count",
                "Times that a template was compiled",
            ),
            ingestion_seconds: shown(
                registry,
                "gatekeeper_constraint_template_ingestion_duration_seconds",
                "How long compiling a template took",
                Family::new_with_constructor(buckets),
            ),
            constraints: counted(registry, "gatekeeper_constraints", "Constraints"),
            mutators: counted(registry, "gatekeeper_mutators", "Mutators"),
            expansions: counted(registry, "gatekeeper_expansion_templates", "Expansion templates"),
            synced: counted(registry, "gatekeeper_sync", "Objects that policies see of others"),
            sync_seconds: shown(
                registry,
                "gatekeeper_sync_duration_seconds",
                "How long it took to take in what changed of them",
                Histogram::new(SYNC_SECONDS),
            ),
            last_sync: counted(registry, "gatekeeper_sync_last_run_time", "When one of them changed last"),
            watched: counted(registry, "gatekeeper_watch_manager_watched_gvk", "Kinds that are read"),
            intended: counted(
                registry,
                "gatekeeper_watch_manager_intended_watch_gvk",
                "Kinds that are to be read",
            ),
            degraded: counted(registry, "lumen_degraded", "What cannot be read or used: 1 for each"),
            failures: counted(registry, "lumen_watch_failures", "Times that reading a kind failed"),
            builds: shown(
                registry,
                "lumen_policies_build_seconds",
                "How long compiling the policies took",
                Histogram::new(SECONDS),
            ),
            is_ready: counted(registry, "lumen_ready", "Whether everything was read once"),
        }
    }

    pub(super) fn watch_failed(&self) {
        self.failures.inc();
    }

    pub(super) fn synced(&self, took: Duration) {
        self.sync_seconds.observe(took.as_secs_f64());
        if let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            self.last_sync.set(now.as_secs_f64());
        }
    }

    pub(super) fn built(&self, took: Duration) {
        self.builds.observe(took.as_secs_f64());
    }

    /// Notes the templates that were compiled: whether each could be used, and how long it took.
    pub(super) fn ingested(&self, templates: &[(bool, Duration)]) {
        for (is_sound, took) in templates {
            let labels = ByStatus { status: if *is_sound { "active" } else { "error" } };
            self.ingestions.get_or_create(&labels).inc();
            self.ingestion_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        }
    }
}

impl Writer {
    /// Sets what is counted of the policies to what is.
    pub(super) fn observe_policies(&self) {
        let metrics = &self.metrics;
        let mut templates: BTreeMap<ByStatus, usize> = BTreeMap::new();
        let mut constraints: BTreeMap<ByAction, usize> = BTreeMap::new();
        let mut mutators: BTreeMap<ByStatus, usize> = BTreeMap::new();
        let mut expansions: BTreeMap<ByStatus, usize> = BTreeMap::new();
        for (source, objects) in &self.policies {
            let Source::Of(role, _) = source else { continue };
            for policy in objects.values() {
                let status = if self.errors.contains_key(&policy.key()) { "error" } else { "active" };
                match role {
                    Role::Template => *templates.entry(ByStatus { status }).or_default() += 1,
                    Role::Expansion => *expansions.entry(ByStatus { status }).or_default() += 1,
                    Role::Mutator => *mutators.entry(ByStatus { status }).or_default() += 1,
                    Role::Constraint => {
                        let spec = policy.entry.value.get("spec");
                        let action = spec.and_then(|spec| spec.get("enforcementAction")?.as_str());
                        let enforcement_action = match action.unwrap_or("deny") {
                            action @ ("deny" | "warn" | "dryrun" | "scoped") => action.to_owned(),
                            _ => "unrecognized".to_owned(),
                        };
                        *constraints.entry(ByAction { enforcement_action, status }).or_default() += 1;
                    }
                    _ => {}
                }
            }
        }
        metrics.templates.clear();
        for (labels, number) in templates {
            metrics.templates.get_or_create(&labels).set(count(number));
        }
        metrics.constraints.clear();
        for (labels, number) in constraints {
            metrics.constraints.get_or_create(&labels).set(count(number));
        }
        metrics.mutators.clear();
        for (labels, number) in mutators {
            metrics.mutators.get_or_create(&labels).set(count(number));
        }
        metrics.expansions.clear();
        for (labels, number) in expansions {
            metrics.expansions.get_or_create(&labels).set(count(number));
        }
        let with_cel = self.state.policies.templates().iter().filter(|template| template.is_in_cel());
        metrics.templates_with_cel.set(count(with_cel.count()));
    }

    /// Sets what else is counted to what is.
    pub(super) fn observe(&self) {
        let metrics = &self.metrics;
        metrics.synced.clear();
        for gvk in &self.synced {
            let watch = self.watches.get(&Source::Synced(gvk.clone()));
            let is_synced = watch.is_some_and(|watch| matches!(watch.reading, Reading::Synced));
            let status = if is_synced { "active" } else { "error" };
            let labels = ByKind { kind: gvk.kind.to_string(), status };
            let number = self.state.inventory.count(&gvk.api_version(), &gvk.kind);
            metrics.synced.get_or_create(&labels).set(count(number));
        }
        let watched = self.watches.iter().filter(|(_, watch)| matches!(watch.reading, Reading::Synced));
        metrics.watched.set(count(watched.count()));
        metrics.intended.set(count(self.watches.iter().count() + self.unknown_kinds().count()));
        metrics.degraded.clear();
        for what in self.state.degraded.keys() {
            metrics.degraded.get_or_create(&What { what: what.clone() }).set(1);
        }
        metrics.is_ready.set(i64::from(self.state.is_complete));
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
