//! [`Settings`]: how the webhook answers.

use std::num::NonZeroUsize;
use std::time::Duration;

use lumen_core::admission::matching::matches_name;
use lumen_core::podsecurity::Admission;

use crate::cluster::config::OnOverload;
use crate::events::{Emission, Events};
use crate::names;

/// How the webhook answers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Threads that judge: requests that are judged at once.
    pub threads: NonZeroUsize,
    /// Requests that may wait for a thread.
    pub waiting_max: usize,
    /// Longest time for an answer, where the API server names no shorter one.
    pub deadline: Duration,
    /// What is answered beyond these bounds.
    pub on_overload: OnOverload,
    /// Longest body. An object of the API server's has 1.5 MiB at most, and an update brings two.
    pub body_bytes_max: usize,
    /// Most bytes of bodies that are in memory at once.
    pub bodies_bytes_max: usize,
    /// The user as whom this program acts: it is not judged by policies.
    pub own_user: String,
    /// Names of the Namespaces that may have the label which keeps policies out; `*` stands at one end at most.
    pub exempt_namespaces: Vec<String>,
    /// Layer 2, with the configuration and the version of the cluster where the state says neither; `None` leaves it to the API
    /// server.
    pub pod_security: Option<Admission>,
    /// Groups whose members are not held up; it is noted each time.
    pub break_glass_groups: Vec<String>,
    /// Names of the Namespaces in which nothing is held up; `*` stands at one end at most.
    pub never_blocked_namespaces: Vec<String>,
    /// Whether Leases, the status of nodes, evictions and what only lets go of an object that is being deleted are never held up.
    pub spares_vital: bool,
    /// Whether deletions are refused only by templates that name the operation.
    pub deletions_opt_in: bool,
    /// Beside a running Gatekeeper: everything is allowed, and what would have been said is counted.
    pub is_shadow: bool,
    /// Whether Events are made of violations, where the `LumenConfig` says nothing.
    pub emission: Emission,
    /// Where Events are told; `None` for nowhere.
    pub events: Option<Events>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            waiting_max: 256,
            deadline: Duration::from_secs(10),
            on_overload: OnOverload::default(),
            body_bytes_max: 8 << 20,
            bodies_bytes_max: 64 << 20,
            own_user: names::user(names::NAMESPACE),
            exempt_namespaces: Vec::new(),
            pod_security: Some(Admission::default()),
            break_glass_groups: vec![names::BREAK_GLASS_GROUP.to_owned()],
            never_blocked_namespaces: vec!["kube-system".to_owned(), names::NAMESPACE.to_owned()],
            spares_vital: true,
            deletions_opt_in: true,
            is_shadow: false,
            emission: Emission::default(),
            events: None,
        }
    }
}

impl Settings {
    /// Answers as Gatekeeper's manager does, with its own user: layer 1 alone, and nobody is spared.
    pub fn as_upstream() -> Self {
        Self {
            own_user: "system:serviceaccount:gatekeeper-system:gatekeeper-admin".to_owned(),
            pod_security: None,
            break_glass_groups: Vec::new(),
            never_blocked_namespaces: Vec::new(),
            spares_vital: false,
            deletions_opt_in: false,
            ..Self::default()
        }
    }

    /// Whether nothing is held up in a Namespace.
    pub(super) fn is_never_blocked(&self, namespace: &str) -> bool {
        self.never_blocked_namespaces.iter().any(|pattern| matches_name(pattern, namespace))
    }
}
