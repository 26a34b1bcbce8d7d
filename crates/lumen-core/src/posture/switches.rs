//! Who can switch a layer off, or go round it.

use std::collections::BTreeSet;

use super::ask::{Ask, Holder, ResourceName, ask, holders, holders_meant};
use super::rbac::{Place, Rbac};
use crate::admission::constraint;
use crate::finding::Layer;
use crate::object::{field, text};
use crate::snapshot::Snapshot;

/// What a right does to a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwitchEffect {
    /// The layer no longer does what it does, for whatever the switch is about.
    Off,
    /// The layer goes on, and does not see what is done.
    Round,
}

/// Where the objects of a switch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Cluster,
    /// In the cluster or in any namespace.
    Anywhere,
    /// In the namespaces where the layer's own program runs.
    Engine(Layer),
}

mod engine;

pub use engine::{ENGINES_MAX, Engine, engines};

/// A way to switch layers off, or round them.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Its name.
    pub name: &'static str,
    /// The layers that it is about.
    pub layers: &'static [Layer],
    /// What it does to them.
    pub effect: SwitchEffect,
    /// What can be done.
    pub title: &'static str,
    /// Why that is a way past the layers.
    pub why: &'static str,
    at: Where,
    /// The rights, any of which is enough.
    asks: &'static [Ask],
}

use Layer::{Admission, Network, PodSecurity, Runtime, SupplyChain};

use SwitchEffect::{Off, Round};

const CHANGE: &str = "create update patch delete deletecollection";
const WEAKEN: &str = "update patch delete deletecollection";
const RBAC_ROLES: &str = "rbac.authorization.k8s.io:clusterroles rbac.authorization.k8s.io:roles";
const ENGINE: &[Ask] = &[
    ask(
        "update patch delete deletecollection",
        "apps:deployments apps:daemonsets apps:statefulsets services secrets configmaps pods",
    ),
    ask(
        "update patch",
        "apps:deployments/scale apps:statefulsets/scale apps:replicasets/scale pods/ephemeralcontainers pods/status",
    ),
    ask("update patch delete deletecollection", "apps:replicasets"),
    ask("create", "pods/eviction"),
    ask("create get", "pods/exec pods/attach"),
    BEHIND_SERVICE,
    MAKE_PODS,
];
const BEHIND_SERVICE: Ask =
    ask("create update patch delete deletecollection", "endpoints discovery.k8s.io:endpointslices");
const MAKE_PODS: Ask = ask(
    "create",
    "pods apps:deployments apps:daemonsets apps:statefulsets apps:replicasets replicationcontrollers batch:jobs \
     batch:cronjobs",
);

/// All switches, layer by layer; at the end those that go round several.
pub static SWITCHES: &[Switch] = &[
    Switch {
        name: "webhooks",
        layers: &[Admission, SupplyChain],
        effect: Off,
        title: "change or delete the validating webhooks",
        why: "Without the webhook no constraint is asked; one whose `failurePolicy` is `Ignore` or whose selectors leave out a namespace does not stop anything there",
        at: Where::Cluster,
        asks: &[ask(WEAKEN, "admissionregistration.k8s.io:validatingwebhookconfigurations")],
    },
    Switch {
        name: "mutating-webhooks",
        layers: &[Admission, PodSecurity, SupplyChain],
        effect: Round,
        title: "put a mutating webhook or policy in",
        why: "It rewrites every object that passes: images, security contexts, labels of namespaces",
        at: Where::Cluster,
        asks: &[ask(
            "create update patch",
            "admissionregistration.k8s.io:mutatingwebhookconfigurations \
             admissionregistration.k8s.io:mutatingadmissionpolicies \
             admissionregistration.k8s.io:mutatingadmissionpolicybindings",
        )],
    },
    Switch {
        name: "admission-policies",
        layers: &[Admission],
        effect: Off,
        title: "change or delete the API server's own admission policies",
        why: "A ValidatingAdmissionPolicy without its binding is never asked",
        at: Where::Cluster,
        asks: &[ask(
            WEAKEN,
            "admissionregistration.k8s.io:validatingadmissionpolicies \
             admissionregistration.k8s.io:validatingadmissionpolicybindings",
        )],
    },
    Switch {
        name: "constraints",
        layers: &[Admission],
        effect: Off,
        title: "change or delete Gatekeeper's templates, constraints and configuration",
        why: "A constraint that is deleted, or that says `dryrun`, stops nothing",
        at: Where::Anywhere,
        asks: &[
            ask(
                WEAKEN,
                "templates.gatekeeper.sh:constrainttemplates expansion.gatekeeper.sh:expansiontemplate",
            ),
            ask("create update patch", "config.gatekeeper.sh:configs"),
        ],
    },
    Switch {
        name: "mutations",
        layers: &[Admission],
        effect: Round,
        title: "make Gatekeeper's mutations",
        why: "A mutation rewrites what is admitted afterwards",
        at: Where::Cluster,
        asks: &[ask(
            "create update patch",
            "mutations.gatekeeper.sh:assign mutations.gatekeeper.sh:assignimage \
             mutations.gatekeeper.sh:assignmetadata mutations.gatekeeper.sh:modifyset",
        )],
    },
    Switch {
        name: "external-data",
        layers: &[Admission, SupplyChain],
        effect: Off,
        title: "change Gatekeeper's providers of external data",
        why: "A policy that asks a provider believes what it answers, and whoever changes it chooses who answers",
        at: Where::Cluster,
        asks: &[ask(CHANGE, "externaldata.gatekeeper.sh:providers")],
    },
    Switch {
        name: "definitions",
        layers: &[Admission, Network, SupplyChain],
        effect: Off,
        title: "delete custom resource definitions",
        why: "With its definition every constraint, exemption or policy of a custom kind goes",
        at: Where::Cluster,
        asks: &[ask(
            "update patch delete deletecollection",
            "apiextensions.k8s.io:customresourcedefinitions",
        )],
    },
    Switch {
        name: "admission-engine",
        layers: &[Admission],
        effect: Off,
        title: "stop or change the program behind the webhook, or run pods beside it",
        why: "A webhook that answers nothing, or what an attacker likes, decides nothing; a pod beside it takes its account and keys, and its place behind the Service",
        at: Where::Engine(Admission),
        asks: ENGINE,
    },
    Switch {
        name: "namespace-labels",
        layers: &[Admission, PodSecurity, Network],
        effect: Off,
        title: "change the labels of namespaces",
        why: "Pod Security is set by labels, and webhooks and policies select namespaces by them: one label takes a namespace out; a change of the status may change labels, too",
        at: Where::Anywhere,
        asks: &[ask("update patch", "namespaces namespaces/status")],
    },
    Switch {
        name: "delete-namespaces",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Off,
        title: "delete namespaces",
        why: "With its namespace goes everything in it: the program of a layer, its policies and its keys",
        at: Where::Anywhere,
        asks: &[ask("delete deletecollection", "namespaces")],
    },
    Switch {
        name: "new-namespaces",
        layers: &[Admission, PodSecurity, Network],
        effect: Round,
        title: "make namespaces",
        why: "A new namespace has no Pod Security label and no policy unless something puts them there",
        at: Where::Cluster,
        asks: &[ask("create", "namespaces")],
    },
    Switch {
        name: "exemptions",
        layers: &[Admission, PodSecurity, Network],
        effect: Off,
        title: "write exemptions",
        why: "An Exemption silences the rules that it names",
        at: Where::Cluster,
        asks: &[ask("create update patch", "lumensec.io:exemptions")],
    },
    Switch {
        name: "network-policies",
        layers: &[Network],
        effect: Off,
        title: "change network policies",
        why: "A policy more allows what the others do not, and one less leaves its pods open",
        at: Where::Anywhere,
        asks: &[ask(
            CHANGE,
            "networking.k8s.io:networkpolicies policy.networking.k8s.io:adminnetworkpolicies \
             policy.networking.k8s.io:baselineadminnetworkpolicies \
             policy.networking.k8s.io:clusternetworkpolicies cilium.io:ciliumnetworkpolicies \
             cilium.io:ciliumclusterwidenetworkpolicies projectcalico.org:networkpolicies \
             projectcalico.org:globalnetworkpolicies crd.projectcalico.org:networkpolicies \
             crd.projectcalico.org:globalnetworkpolicies",
        )],
    },
    Switch {
        name: "pod-labels",
        layers: &[Network],
        effect: Round,
        title: "change the labels of pods",
        why: "A policy selects pods by their labels: a pod with others is not meant, or is taken for one that may",
        at: Where::Anywhere,
        asks: &[ask("update patch", "pods pods/status")],
    },
    Switch {
        name: "identities",
        layers: &[Network],
        effect: Off,
        title: "change the identities and endpoints of Cilium",
        why: "Cilium decides by the identity that these objects give to a pod's address, not by the pod's labels themselves",
        at: Where::Anywhere,
        asks: &[ask(
            CHANGE,
            "cilium.io:ciliumidentities cilium.io:ciliumendpoints cilium.io:ciliumendpointslices",
        )],
    },
    Switch {
        name: "port-forward",
        layers: &[Network],
        effect: Round,
        title: "forward ports of pods",
        why: "The connection comes through the kubelet, to which network policies do not apply",
        at: Where::Anywhere,
        asks: &[ask("create get", "pods/portforward pods/proxy services/proxy")],
    },
    Switch {
        name: "network-engine",
        layers: &[Network],
        effect: Off,
        title: "stop or change the network plugin, or run pods beside it",
        why: "A policy does nothing without the program that enforces it, on every node and by its configuration; a pod beside it takes its account",
        at: Where::Engine(Network),
        asks: &[
            ask("update patch delete deletecollection", "apps:daemonsets configmaps"),
            ask("update patch delete deletecollection", "pods"),
            ask("update patch", "pods/ephemeralcontainers pods/status"),
            ask("create", "pods/eviction"),
            ask("create get", "pods/exec pods/attach"),
            MAKE_PODS,
        ],
    },
    Switch {
        name: "nodes",
        layers: &[Network, Runtime],
        effect: Off,
        title: "change the labels and taints of nodes",
        why: "A DaemonSet is taken off a node whose labels it does not select any more, and with it what enforces or watches there; policies select nodes by labels, too",
        at: Where::Cluster,
        asks: &[ask("update patch", "nodes nodes/status")],
    },
    Switch {
        name: "runtime-engine",
        layers: &[Runtime],
        effect: Off,
        title: "stop or change the program that watches the nodes, or run pods beside it",
        why: "Rules that nobody evaluates detect nothing; a pod beside it takes its account",
        at: Where::Engine(Runtime),
        asks: ENGINE,
    },
    Switch {
        name: "image-policies",
        layers: &[SupplyChain],
        effect: Off,
        title: "change the policies that ask for signatures",
        why: "What is not asked for is not checked",
        at: Where::Anywhere,
        asks: &[ask(
            CHANGE,
            "policy.sigstore.dev:clusterimagepolicies policy.sigstore.dev:trustroots \
             kyverno.io:clusterpolicies kyverno.io:policies kyverno.io:policyexceptions \
             policies.kyverno.io:imagevalidatingpolicies",
        )],
    },
    Switch {
        name: "signature-keys",
        layers: &[SupplyChain],
        effect: Off,
        title: "change the keys that signatures are checked with",
        why: "Whoever chooses the key signs what they like",
        at: Where::Engine(SupplyChain),
        asks: &[ask("create update patch", "secrets configmaps")],
    },
    Switch {
        name: "kubelet",
        layers: &[Admission, PodSecurity, Network],
        effect: Round,
        title: "speak to kubelets through `nodes/proxy`",
        why: "A kubelet runs commands in its pods, past admission and past the API's audit",
        at: Where::Cluster,
        asks: &[ask("get create", "nodes/proxy")],
    },
    Switch {
        name: "exec",
        layers: &[Admission, SupplyChain],
        effect: Round,
        title: "run commands in running pods",
        why: "What is typed into a container was in no image and in no manifest",
        at: Where::Anywhere,
        asks: &[ask("create get", "pods/exec pods/attach")],
    },
    Switch {
        name: "ephemeral-containers",
        layers: &[Admission, SupplyChain],
        effect: Round,
        title: "put ephemeral containers into running pods",
        why: "They bring an image of their own; a webhook or a policy that looks at `containers` alone does not see it",
        at: Where::Anywhere,
        asks: &[ask("update patch", "pods/ephemeralcontainers")],
    },
    Switch {
        name: "run-pods",
        layers: &[Admission, Network],
        effect: Round,
        title: "make pods, or what makes pods",
        why: "Whoever writes a pod chooses its labels, by which policies let it through, and its account, of all those of the namespace",
        at: Where::Anywhere,
        asks: &[MAKE_PODS],
    },
    Switch {
        name: "deployers",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "tell a deployer what to install",
        why: "A deployer such as Argo CD or the Helm controller of K3s applies what its objects say, with its own rights, which are mostly those of cluster-admin",
        at: Where::Anywhere,
        asks: &[ask(
            "create update patch",
            "argoproj.io:applications argoproj.io:applicationsets argoproj.io:appprojects \
             helm.cattle.io:helmcharts helm.cattle.io:helmchartconfigs \
             kustomize.toolkit.fluxcd.io:kustomizations helm.toolkit.fluxcd.io:helmreleases",
        )],
    },
    Switch {
        name: "api-services",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Off,
        title: "change who answers for an API group",
        why: "An APIService sends the requests for a group to a server of its maker's choice, which keeps or drops policies as it likes",
        at: Where::Cluster,
        asks: &[ask(CHANGE, "apiregistration.k8s.io:apiservices")],
    },
    Switch {
        name: "volumes",
        layers: &[PodSecurity],
        effect: Round,
        title: "make persistent volumes",
        why: "A `hostPath` behind a claim is a directory of the node that Pod Security does not see",
        at: Where::Cluster,
        asks: &[ask("create", "persistentvolumes")],
    },
    Switch {
        name: "grant-rights",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "give rights that they do not have",
        why: "With `escalate` or `bind` everything else on this list can be had",
        at: Where::Anywhere,
        asks: &[ask("escalate bind", RBAC_ROLES)],
    },
    Switch {
        name: "impersonate",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "act as others",
        why: "The rights of whomever they impersonate are theirs; exemptions by user are, too",
        at: Where::Anywhere,
        asks: &[ask("impersonate", "users groups serviceaccounts authentication.k8s.io:uids")],
    },
    Switch {
        name: "tokens",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "make tokens of service accounts",
        why: "The rights of every account of the namespace are theirs",
        at: Where::Anywhere,
        asks: &[ask("create", "serviceaccounts/token")],
    },
    Switch {
        name: "token-secrets",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "make Secrets that hold tokens of service accounts",
        why: "The control plane puts a token of the account that it names into such a Secret, for whoever reads or mounts it",
        at: Where::Anywhere,
        asks: &[ask("create", "secrets")],
    },
    Switch {
        name: "certificates",
        layers: &[Admission, PodSecurity, Network, Runtime, SupplyChain],
        effect: Round,
        title: "approve certificates",
        why: "A client certificate is whoever its name says, to the API server and to kubelets",
        at: Where::Cluster,
        asks: &[ask("approve", "certificates.k8s.io:signers")],
    },
];

/// A switch and everybody who can use it.
#[derive(Clone, Debug)]
pub struct SwitchHolders {
    /// The switch.
    pub switch: &'static Switch,
    /// Everybody, by each binding; those that every cluster has among them ([`Grant::is_default`](super::rbac::Grant::is_default)).
    pub holders: Vec<Holder>,
}

/// Everybody who can switch a layer off or go round it, switch by switch in the order of the table.
pub fn switches(snapshot: &Snapshot, rbac: &Rbac) -> Vec<SwitchHolders> {
    let constraints = constraint_kinds(snapshot);
    SWITCHES
        .iter()
        .map(|switch| {
            let more: Vec<ResourceName<'_>> = match switch.name {
                "constraints" => {
                    constraints.iter().map(|kind| (constraint::GROUP, kind.as_str(), "")).collect()
                }
                _ => Vec::new(),
            };
            SwitchHolders { switch, holders: of_switch(switch, &more, snapshot, rbac) }
        })
        .collect()
}

fn of_switch(switch: &Switch, more: &[ResourceName<'_>], snapshot: &Snapshot, rbac: &Rbac) -> Vec<Holder> {
    match switch.at {
        Where::Cluster => holders(rbac, switch.asks, more, Place::Cluster),
        Where::Anywhere => holders(rbac, switch.asks, more, Place::Anywhere),
        Where::Engine(layer) => {
            let mut found: Vec<Holder> = Vec::new();
            for engine in engines(snapshot, layer) {
                let place = Place::Namespace(&engine.namespace);
                let is_meant = |resource: &str, name: &str| engine.has(resource, name);
                found.extend(holders_meant(rbac, switch.asks, more, place, is_meant));
            }
            // A binding of the cluster holds in each of them.
            let key = |holder: &Holder| {
                let binding = &holder.grant.binding;
                (holder.grant.subject.clone(), binding.namespace.clone(), binding.name.clone())
            };
            found.sort_by_cached_key(key);
            found.dedup_by(|a, b| key(a) == key(b));
            found
        }
    }
}

/// The resources of the constraints among the inputs: their kinds in lower case.
fn constraint_kinds(snapshot: &Snapshot) -> BTreeSet<String> {
    let templates = snapshot.of_kind("templates.gatekeeper.sh", "ConstraintTemplate").iter();
    templates
        .map(|entry| text(field(&entry.value, &["spec", "crd", "spec", "names"]), "kind").to_lowercase())
        .filter(|kind| !kind.is_empty())
        .take(CONSTRAINT_KINDS_MAX)
        .collect()
}

/// Most kinds of constraints that are asked about one by one: each takes a look at every rule.
pub const CONSTRAINT_KINDS_MAX: usize = 256;
