//! Where the programs of the layers run, and which objects are theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Layer;
use crate::object::{field, text};
use crate::posture::layers::assumption::enforcers;
use crate::posture::radius::{HeldKind, held_by};
use crate::snapshot::Snapshot;

use Layer::{Admission, Network, Runtime, SupplyChain};

/// Where programs of the layers run that are known by their usual place, beside those that a webhook names.
const USUAL: &[(Layer, &str)] = &[
    (Admission, "gatekeeper-system"),
    (Admission, "lumen-system"),
    (Network, "kube-system"),
    (Network, "calico-system"),
    (Network, "tigera-operator"),
    (Network, "cilium"),
    (Network, "kube-flannel"),
    (Network, "kube-router"),
    (Runtime, "falco"),
    (Runtime, "lumen-system"),
    (SupplyChain, "cosign-system"),
    (SupplyChain, "lumen-system"),
];

/// Where programs of many kinds run, so that a right over one object there need not be about the one that is meant.
const SHARED: &str = "kube-system";

/// Most namespaces of programs that are looked at for a layer.
pub const ENGINES_MAX: usize = 16;

/// A namespace where the program of a layer runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The namespace.
    pub namespace: Arc<str>,
    /// Its objects, where they are known and the namespace has others.
    own: Option<Own>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Own {
    daemon_sets: BTreeSet<Arc<str>>,
    config_maps: BTreeSet<Arc<str>>,
}

impl Engine {
    /// Whether an object could be of the program: by the plural name of its resource, and its own. Where it is not known
    /// which are, any could.
    pub fn has(&self, resource: &str, name: &str) -> bool {
        let Some(own) = &self.own else {
            return true;
        };
        let is_of_daemon = |daemon: &Arc<str>| {
            name.strip_prefix(&**daemon).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        match resource {
            "daemonsets" => own.daemon_sets.contains(name),
            // A configuration may be read by another way than a volume.
            "configmaps" => own.config_maps.contains(name) || own.daemon_sets.iter().any(is_of_daemon),
            "pods" => own.daemon_sets.iter().any(is_of_daemon),
            _ => true,
        }
    }
}

/// The namespaces where the program of a layer runs: the usual ones that are among the inputs, for admission those of the
/// services that validating webhooks call, and for the network those of a `DaemonSet` that enforces policies, which then takes
/// the place of all else in `kube-system`; at most [`ENGINES_MAX`].
pub fn engines(snapshot: &Snapshot, layer: Layer) -> Vec<Engine> {
    let is_used = |name: &str| {
        snapshot.namespace(name).is_some()
            || snapshot.workloads().any(|(entry, _)| entry.namespace.as_deref() == Some(name))
    };
    let usual = USUAL.iter().filter(|(of, name)| *of == layer && is_used(name));
    let mut found: BTreeMap<Arc<str>, Option<Own>> =
        usual.map(|(_, name)| (Arc::from(*name), None)).collect();
    if layer == Admission {
        let configurations =
            snapshot.of_kind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration").iter();
        let webhooks = configurations.filter_map(|entry| entry.value.get("webhooks")?.as_array()).flatten();
        let services =
            webhooks.map(|webhook| text(field(webhook, &["clientConfig", "service"]), "namespace"));
        found.extend(services.filter(|name| !name.is_empty()).map(|name| (Arc::from(name), None)));
    }
    if layer == Network {
        add_enforcers(snapshot, &mut found);
    }
    found.into_iter().take(ENGINES_MAX).map(|(namespace, own)| Engine { namespace, own }).collect()
}

fn add_enforcers(snapshot: &Snapshot, found: &mut BTreeMap<Arc<str>, Option<Own>>) {
    let mut shared: Option<Own> = None;
    let mut is_known = false;
    for entry in enforcers(snapshot) {
        let Some(namespace) = &entry.namespace else {
            continue;
        };
        is_known = true;
        if &**namespace == SHARED {
            let own = shared.get_or_insert_default();
            own.daemon_sets.insert(entry.object.name.clone());
            let held = held_by(entry);
            own.config_maps.extend(
                held.into_iter().filter(|held| held.kind == HeldKind::ConfigMap).map(|held| held.name),
            );
        } else {
            found.insert(namespace.clone(), None);
        }
    }
    match shared {
        Some(own) => {
            found.insert(SHARED.into(), Some(own));
        }
        None if is_known => {
            found.remove(SHARED);
        }
        None => {}
    }
}
