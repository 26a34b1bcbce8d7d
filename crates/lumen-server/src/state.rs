//! [`State`]: what everybody judges by, as one immutable value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use lumen_core::admission::webhook::Namespaces;
use lumen_core::admission::{Inventory, PolicySet};
use lumen_core::exemption::Exemption;
use lumen_core::podsecurity::{Admission, Configuration};
use lumen_value::Value;

use crate::api::Resource;
use crate::cluster::config::LumenConfigSpec;

/// What everybody judges by. One writer makes a new one; readers keep the one that they began with. A clone is cheap: it shares
/// what it holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Gatekeeper's templates, constraints, mutators and configuration.
    pub policies: Arc<PolicySet>,
    /// What policies see as `data.inventory`.
    pub inventory: Inventory,
    /// The Namespaces by name.
    pub namespaces: Arc<BTreeMap<Arc<str>, Value>>,
    /// The kinds that `CustomResourceDefinition`s define, whether they are served yet or not.
    pub defined: Arc<Vec<Resource>>,
    /// The `Exemption` objects that can be read, expired ones among them.
    pub exemptions: Arc<[Exemption]>,
    /// What the `LumenConfig` named `default` says; the defaults where there is none.
    pub config: Arc<LumenConfigSpec>,
    /// What the `LumenConfig` says of Pod Security, in place of what the program was started with.
    pub pod_security: Option<Arc<Configuration>>,
    /// The minor version of the cluster, which `latest` means in a label of Pod Security; `None` where it is not known.
    pub kubernetes_minor: Option<u64>,
    /// What cannot be read of the API server or cannot be used, such as a kind that is to be synced, each with the reason. What
    /// needs none of it is judged all the same.
    pub degraded: Arc<BTreeMap<String, String>>,
    /// Whether everything was read that is to be read: before, the server is not ready.
    pub is_complete: bool,
}

impl State {
    /// Pod Security as this cluster has it.
    pub(crate) fn pod_security(&self, started_with: &Admission) -> Admission {
        Admission {
            configuration: self.pod_security.as_ref().unwrap_or(&started_with.configuration).clone(),
            cluster_minor: self.kubernetes_minor.unwrap_or(started_with.cluster_minor),
            pods_max: started_with.pods_max,
        }
    }
}

impl Namespaces for State {
    fn namespace(&self, name: &str) -> Option<Value> {
        self.namespaces.get(name).cloned()
    }
}

/// A time as policies are told it: nanoseconds since 1970.
pub(crate) fn nanoseconds(time: jiff::Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// The newest state.
#[derive(Debug, Default)]
pub struct Current(ArcSwap<State>);

impl Current {
    /// Puts a state in the place of the one before.
    pub fn publish(&self, state: State) {
        self.0.store(Arc::new(state));
    }

    /// The newest state.
    pub fn get(&self) -> Arc<State> {
        self.0.load_full()
    }
}
