//! [`Surroundings`]: what all workloads have in common, looked up once.

use std::collections::BTreeSet;

use super::assumption::{Asked, Assumption, Webhook, engines, policies_are_enforced, webhook_sees};
use super::{Proof, sensor, signature};
use crate::posture::ask::{Ask, ask, holders};
use crate::posture::rbac::{Place, Rbac};
use crate::selector::Selector;
use crate::snapshot::Snapshot;

/// Most images that are tried to find one that admission lets pass.
const IMAGES_MAX: usize = 16;

/// What all workloads of a snapshot have in common.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    snapshot: &'a Snapshot,
    engines: Vec<Webhook<'a>>,
    /// Images that workloads run, one of each origin.
    pub(super) images: Vec<&'a str>,
    /// Whether something enforces network policies.
    pub(super) policies_are_enforced: Assumption,
    /// Whether the inputs hold policies that are not evaluated here and could refuse what these do not.
    pub(super) others_may_judge: bool,
    /// Whether every webhook that asks decides by what is written into the object.
    pub(super) webhook_reads_object: bool,
    /// Whether the inputs say who, beside those who can in every cluster, may deploy.
    pub(super) deployers_are_known: bool,
    /// The policies among the inputs that demand signatures.
    pub(super) signatures: Vec<Proof>,
    /// The programs among the inputs that watch the nodes, and rules for them.
    pub(super) sensors: Vec<Proof>,
}

/// Kinds whose objects may refuse workloads and are not evaluated here: group and kind.
const OTHER_ENGINES: &[(&str, &str)] = &[
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("kyverno.io", "ClusterPolicy"),
    ("kyverno.io", "Policy"),
    ("policies.kyverno.io", "ValidatingPolicy"),
    ("policies.kubewarden.io", "ClusterAdmissionPolicy"),
    ("policies.kubewarden.io", "AdmissionPolicy"),
];

impl<'a> Surroundings<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, rbac: &Rbac) -> Self {
        let engines = engines(snapshot);
        Self {
            snapshot,
            webhook_reads_object: !engines.is_empty() && engines.iter().all(Webhook::reads_object),
            deployers_are_known: deployers_are_known(rbac),
            engines,
            images: images(snapshot),
            policies_are_enforced: policies_are_enforced(snapshot),
            others_may_judge: OTHER_ENGINES
                .iter()
                .any(|(group, kind)| !snapshot.of_kind(group, kind).is_empty()),
            signatures: signature::policies(snapshot),
            sensors: sensor::sensors(snapshot),
        }
    }

    /// The selectors by which webhooks choose objects.
    pub(super) fn object_selectors(&self) -> impl Iterator<Item = Selector> {
        self.engines.iter().filter_map(Webhook::object_selector)
    }

    /// Whether layer 1 is asked.
    pub(super) fn webhook_sees(&self, asked: &Asked<'_>) -> Assumption {
        webhook_sees(&self.engines, self.snapshot, asked)
    }
}

/// Whether a binding lets somebody make pods, or what makes pods.
fn deployers_are_known(rbac: &Rbac) -> bool {
    const DEPLOY: &[Ask] =
        &[ask("create", "pods apps:deployments apps:statefulsets apps:daemonsets batch:jobs")];
    let found = holders(rbac, DEPLOY, &[], Place::Anywhere);
    found.iter().any(|holder| !holder.grant.is_default())
}

fn images(snapshot: &Snapshot) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let mut images = Vec::new();
    let pods = snapshot.workloads().flat_map(|(_, workload)| workload.pods);
    for container in pods.flat_map(|pod| pod.containers()) {
        let image = container.image();
        if !image.is_empty() && seen.insert(origin(image)) {
            images.push(image);
        }
        if images.len() >= IMAGES_MAX {
            break;
        }
    }
    images
}

/// Where an image comes from: what stands before its last `/`, and whether its tag is `latest` or missing.
fn origin(image: &str) -> (&str, bool) {
    let (path, name) = image.rsplit_once('/').unwrap_or(("", image));
    (path, !name.contains([':', '@']) || name.ends_with(":latest"))
}
