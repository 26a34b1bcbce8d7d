//! [`Power`]: what rights in the cluster come to, in the hands of an attacker.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ask::{Ask, ask, first_right};
use super::rbac::{Binding, Place, Rights};
use crate::finding::Severity;

/// A thing that rights come to.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    /// Its name.
    pub name: &'static str,
    /// What can be done.
    pub title: &'static str,
    /// What an attacker gains by it.
    pub gain: &'static str,
    /// How bad it is in the hands of a workload.
    pub severity: Severity,
    /// The rights, any of which is enough.
    pub asks: &'static [Ask],
}

const WORKLOADS: &str = "pods apps:deployments apps:daemonsets apps:statefulsets apps:replicasets batch:jobs \
                         batch:cronjobs replicationcontrollers";

/// All powers, the worst first. Read by `posture`, and held against Kubernetes' list of rights that escalate (good practices
/// for role-based access control).
pub static POWERS: &[Power] = &[
    Power {
        name: "everything",
        title: "do everything",
        gain: "The cluster, with all nodes and all data",
        severity: Severity::Critical,
        asks: &[ask("*", "*:*")],
    },
    Power {
        name: "grant-rights",
        title: "give rights that it does not have itself",
        gain: "Any right: it writes itself a role, or binds itself one",
        severity: Severity::Critical,
        asks: &[ask(
            "escalate bind",
            "rbac.authorization.k8s.io:clusterroles rbac.authorization.k8s.io:roles",
        )],
    },
    Power {
        name: "impersonate",
        title: "act as others",
        gain: "Every right of whomever it impersonates",
        severity: Severity::Critical,
        asks: &[ask("impersonate", "users groups serviceaccounts authentication.k8s.io:uids")],
    },
    Power {
        name: "kubelet",
        title: "speak to kubelets through `nodes/proxy`",
        gain: "A shell in every pod of the node, past admission and past the API's audit log",
        severity: Severity::Critical,
        asks: &[ask("get create", "nodes/proxy")],
    },
    Power {
        name: "sign-certificates",
        title: "approve certificates",
        gain: "A certificate in the name of whomever the signer vouches for, even of a node",
        severity: Severity::Critical,
        asks: &[ask("approve", "certificates.k8s.io:signers")],
    },
    Power {
        name: "write-webhooks",
        title: "change admission webhooks",
        gain: "Admission is switched off, or every object passes through its hands",
        severity: Severity::Critical,
        asks: &[ask(
            "create update patch delete",
            "admissionregistration.k8s.io:validatingwebhookconfigurations \
             admissionregistration.k8s.io:mutatingwebhookconfigurations",
        )],
    },
    Power {
        name: "read-secrets",
        title: "read Secrets",
        gain: "Passwords, keys and tokens that are kept there",
        severity: Severity::High,
        asks: &[ask("get list watch", "secrets")],
    },
    Power {
        name: "make-tokens",
        title: "make tokens of other service accounts",
        gain: "Every right of these accounts",
        severity: Severity::High,
        asks: &[ask("create", "serviceaccounts/token")],
    },
    Power {
        name: "run-pods",
        title: "run pods",
        gain: "Every service account, Secret and volume of the namespace, and the node where admission lets it",
        severity: Severity::High,
        asks: &[ask("create update patch", WORKLOADS)],
    },
    Power {
        name: "enter-pods",
        title: "run commands in pods",
        gain: "What these pods hold: their data, tokens and ways through the network",
        severity: Severity::High,
        asks: &[ask("create get", "pods/exec pods/attach"), ask("update patch", "pods/ephemeralcontainers")],
    },
    Power {
        name: "make-volumes",
        title: "make persistent volumes",
        gain: "Any directory of a node, mounted where Pod Security does not look",
        severity: Severity::High,
        asks: &[ask("create", "persistentvolumes")],
    },
    Power {
        name: "change-nodes",
        title: "change nodes",
        gain: "Where pods run: it draws others' pods to a node that it holds",
        severity: Severity::Medium,
        asks: &[ask("update patch", "nodes nodes/status")],
    },
    Power {
        name: "write-policies",
        title: "change network policies",
        gain: "Ways through the network that were closed",
        severity: Severity::Medium,
        asks: &[ask("create update patch delete", "networking.k8s.io:networkpolicies")],
    },
    Power {
        name: "write-config",
        title: "change ConfigMaps",
        gain: "The configuration of other programs, and what they run by it",
        severity: Severity::Medium,
        asks: &[ask("create update patch", "configmaps")],
    },
];

/// Where a power holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// In the whole cluster.
    Cluster,
    /// In one namespace.
    Namespace(Arc<str>),
}

/// A power that somebody has.
#[derive(Clone, Debug)]
pub struct HeldPower {
    /// The power.
    pub power: &'static Power,
    /// Where.
    pub extent: Extent,
    /// The first right that gives it, such as `list secrets`.
    pub right: String,
    /// The objects to which that is bound; empty for all.
    pub names: Vec<Arc<str>>,
    /// The binding that gives it.
    pub binding: Arc<Binding>,
}

/// The powers that rights come to: those in the whole cluster, and those in single namespaces beside them. Of what everything
/// includes nothing is told again.
pub fn powers(rights: &Rights<'_>) -> Vec<HeldPower> {
    let namespaces: BTreeSet<&Arc<str>> =
        rights.bindings().iter().filter_map(|binding| binding.namespace.as_ref()).collect();
    let mut held: Vec<HeldPower> = Vec::new();
    let places = std::iter::once(None).chain(namespaces.into_iter().map(Some));
    for namespace in places {
        let (place, extent) = match namespace {
            None => (Place::Cluster, Extent::Cluster),
            Some(name) => (Place::Namespace(name), Extent::Namespace(name.clone())),
        };
        for power in POWERS {
            let is_told = held.iter().any(|known| {
                let is_wider = known.extent == Extent::Cluster || known.extent == extent;
                is_wider
                    && (known.power.name == "everything" || known.power.name == power.name)
                    && known.names.is_empty()
            });
            if is_told {
                continue;
            }
            if let Some(found) = first_right(rights, power.asks, place) {
                held.push(HeldPower {
                    power,
                    extent: extent.clone(),
                    right: found.right,
                    names: found.names,
                    binding: found.binding.clone(),
                });
            }
        }
    }
    held
}
