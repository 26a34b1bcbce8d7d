//! The rules of the lints: what each is for. All are advice.

use crate::finding::{Layer, Severity};
use crate::rule::Rule;

const DOCS: &str = "https://kubernetes.io/docs/concepts/services-networking/network-policies/";

const fn rule(
    name: &'static str,
    severity: Severity,
    [summary, rationale, remedy]: [&'static str; 3],
    references: &'static [&'static str],
) -> Rule {
    Rule { layer: Layer::Network, name, summary, rationale, remedy, severity, references }
}

/// Two peers where one with both selectors was meant.
pub static OR_INSTEAD_OF_AND: Rule = rule(
    "or-instead-of-and",
    Severity::Medium,
    [
        "a `namespaceSelector` and a `podSelector` that belong together stand in one list item",
        "Two list items are two peers of which either is enough: every pod of those namespaces gets in, and the second \
         item means pods of the policy's own namespace",
        "Put the `podSelector` under the `-` of the `namespaceSelector`: take away the `-` before it",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-to-and-from-selectors",
    ],
);

/// A namespace selector that no namespace meets.
pub static DEAD_NAMESPACE_SELECTOR: Rule = rule(
    "dead-namespace-selector",
    Severity::Low,
    [
        "every `namespaceSelector` selects a namespace",
        "A namespace has no labels but those that someone gives it and `kubernetes.io/metadata.name`: a rule for a label \
         that none has allows nothing",
        "Select by name, or give the Namespace the label:\n\nnamespaceSelector:\n  matchLabels:\n    \
         kubernetes.io/metadata.name: monitoring",
    ],
    &["https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name"],
);

/// A pod selector that no pod meets.
pub static DEAD_POD_SELECTOR: Rule = rule(
    "dead-pod-selector",
    Severity::Low,
    [
        "every `podSelector` selects a pod",
        "A policy that selects nothing protects nothing, and a peer that selects nothing allows nothing; policies go by the \
         labels of the pod template, not by those of the Deployment or the Service",
        "Use labels that the pod template has",
    ],
    &[DOCS],
);

/// A rule without peers and ports.
pub static ALLOW_ALL: Rule = rule(
    "allow-all",
    Severity::Low,
    [
        "no rule allows everything from or to everyone",
        "A rule `{}` means every pod, node and address on every port: no other rule of the direction counts any more, and \
         a default deny is undone",
        "Name peers and ports; to leave a direction open on purpose, leave it out of `policyTypes`",
    ],
    &["https://kubernetes.io/docs/concepts/services-networking/network-policies/#allow-all-ingress-traffic"],
);

/// All ports out to everywhere.
pub static EGRESS_EVERYWHERE: Rule = rule(
    "egress-everywhere",
    Severity::Medium,
    [
        "no rule lets pods send to every address on every TCP port",
        "Whoever takes over the pod can carry data away and fetch tools from anywhere, and reaches every pod that does not \
         defend itself",
        "Name the peers, or at least the ports",
    ],
    &[DOCS],
);

/// A policy that allows one thing and cuts off the rest unasked.
pub static SILENT_ISOLATION: Rule = rule(
    "silent-isolation",
    Severity::Medium,
    [
        "a policy that is there to allow something does not cut off everything else by itself",
        "The first policy that selects a pod for a direction isolates it: what no rule allows is denied. An `allow-dns` alone \
         leaves nothing but DNS; without `policyTypes` a policy with egress rules alone denies all ingress",
        "Say `policyTypes`, and add a default deny with the rules that are needed, so that the isolation is there to be seen",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#the-two-sorts-of-pod-isolation",
    ],
);

/// Allowed at one end and denied at the other.
pub static ONE_SIDED_ALLOW: Rule = rule(
    "one-sided-allow",
    Severity::Medium,
    [
        "what a rule allows at one end is allowed at the other",
        "A connection needs leave twice: egress where it starts and ingress where it ends. A rule whose other half is \
         missing allows nothing",
        "Add the other half: an egress rule at the source or an ingress rule at the destination",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#the-two-sorts-of-pod-isolation",
    ],
);

/// The Service's port where the pod's is meant.
pub static SERVICE_PORT: Rule = rule(
    "service-port",
    Severity::Medium,
    [
        "rules name the ports of pods, not those of Services",
        "Policies are applied behind the Service, to the pod's address and port: a rule for the Service's port fits nothing",
        "Write the Service's `targetPort`",
    ],
    &[DOCS],
);

/// Policies about pods on the host's network.
pub static HOST_NETWORK: Rule = rule(
    "policy-on-host-network",
    Severity::Medium,
    [
        "no policy selects pods on the host's network",
        "Such pods have the address of their node: network plugins do not apply policies to them, and do not know them as \
         peers by label",
        "Take `hostNetwork` away, or protect the node itself; to allow such a pod as a peer use an `ipBlock` of the nodes",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-and-hostnetwork-pods",
    ],
);

/// A rule that another makes superfluous.
pub static SHADOWED_RULE: Rule = rule(
    "shadowed-rule",
    Severity::Info,
    [
        "no rule is covered by a wider one",
        "Rules only add: the narrow one changes nothing, and who reads it takes the pods for better protected than they are",
        "Remove the narrow rule, or the wide one",
    ],
    &[DOCS],
);

/// Two policies of the administrator of which it is open which goes first.
pub static PRIORITY_TIE: Rule = rule(
    "priority-tie",
    Severity::Medium,
    [
        "no two policies of the cluster's administrator of one priority disagree",
        "The one with the lower number decides; of two with the same number the network plugin may apply either, and another \
         plugin or version the other",
        "Give each policy a priority of its own",
    ],
    &["https://network-policy-api.sigs.k8s.io/api-overview/"],
);

/// Egress is restricted and DNS is not allowed.
pub static DNS_FORGOTTEN: Rule = rule(
    "dns-forgotten",
    Severity::Medium,
    [
        "pods whose egress is restricted, and that may reach something, may ask DNS",
        "Without DNS no name is resolved, and what the other rules allow is reached by nobody",
        "Allow port 53 of UDP and TCP to `k8s-app: kube-dns` in `kube-system`",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-deny-all-egress-traffic",
    ],
);

/// A pod that has rights in the API and may not reach it.
pub static API_SERVER_FORGOTTEN: Rule = rule(
    "api-server-forgotten",
    Severity::Low,
    [
        "pods that have rights in the API and whose egress is restricted may reach the API server",
        "The API server is no pod: selectors do not mean it, so only a rule by address or one without peers lets pods reach it",
        "Allow the addresses of the API server: an `ipBlock` of the control plane's nodes with port 6443",
    ],
    &["https://kubernetes.io/docs/concepts/services-networking/network-policies/#networkpolicy-resource"],
);

/// A rule with the virtual address of a Service.
pub static VIRTUAL_ADDRESS: Rule = rule(
    "virtual-address",
    Severity::Medium,
    [
        "no `ipBlock` holds nothing but virtual addresses of Services",
        "Most network plugins apply policies after a Service's virtual address has been replaced by that of a pod or node, \
         so the rule fits nothing",
        "For the API server use the addresses of the control plane's nodes and port 6443; for pods use selectors",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-ipblock-selectors",
    ],
);

/// An address block that pods are in.
pub static BLOCK_COVERS_PODS: Rule = rule(
    "ip-block-covers-pods",
    Severity::Low,
    [
        "no `ipBlock` that is meant for addresses outside holds those of pods",
        "Whether a block means pods, too, depends on the network plugin, and pods' addresses change: what is reached is not \
         what is written",
        "Use selectors for pods, and take the cluster's ranges out of blocks by `except`",
    ],
    &[
        "https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-ipblock-selectors",
    ],
);

/// Workloads that no policy selects beside some that policies select.
pub static UNSELECTED_WORKLOAD: Rule = rule(
    "unselected-workload",
    Severity::Low,
    [
        "in a namespace with policies every workload is selected by one",
        "A pod that no policy selects is reached by every pod of the cluster, and is easily overlooked among those that are \
         protected",
        "Add a default deny with `podSelector: {}`, and rules for what the workload needs",
    ],
    &["https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies"],
);

/// A namespace in which nothing is denied.
pub static NO_DEFAULT_DENY: Rule = rule(
    "no-default-deny",
    Severity::Info,
    [
        "every namespace with workloads denies what nobody allows",
        "Without a policy every pod is reached by every other, and reaches all: one broken pod is a way to the whole cluster",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-deny-all\nspec:\n  podSelector: {}\n  \
         policyTypes: [Ingress, Egress]",
    ],
    &["https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies"],
);

/// A route whose backend lets the controller not in.
pub static ROUTE_BLOCKED: Rule = rule(
    "route-blocked",
    Severity::Medium,
    [
        "the ingress controller may reach the pods behind its routes",
        "A route whose controller is not let in answers with an error or not at all",
        "Allow ingress from the controller's pods to the port of the pod, and egress from the controller to it",
    ],
    &["https://kubernetes.io/docs/concepts/services-networking/ingress/"],
);

/// A target that Prometheus may not reach.
pub static SCRAPE_BLOCKED: Rule = rule(
    "scrape-blocked",
    Severity::Medium,
    [
        "Prometheus may reach the ports that it is told to scrape",
        "A target that cannot be scraped is only a gap in a graph: alerts on it never fire",
        "Allow ingress from Prometheus' pods to the port of the pod, and egress from Prometheus to it",
    ],
    &[DOCS],
);

/// A webhook that the API server may not reach.
pub static WEBHOOK_BLOCKED: Rule = rule(
    "webhook-blocked",
    Severity::Medium,
    [
        "the API server may reach the pods of webhooks and of aggregated APIs",
        "The API server is no pod: a rule by selector does not let it in. With `failurePolicy: Fail` nothing is admitted any \
         more, with `Ignore` nothing is checked",
        "Allow ingress to the port of the pod without `from`, or from an `ipBlock` of the control plane's nodes",
    ],
    &["https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/"],
);

/// A policy in a file that is never applied.
pub static NOT_DEPLOYED: Rule = rule(
    "not-deployed",
    Severity::Medium,
    [
        "files with network policies are among those that Helm or Kustomize applies",
        "Helm renders only what is in `templates`, Kustomize only what is listed: a policy elsewhere protects nothing and \
         looks as if it did",
        "Move the file to the chart's `templates`, or list it under `resources` of the kustomization",
    ],
    &[
        "https://helm.sh/docs/topics/charts/",
        "https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/",
    ],
);

/// The rules of the lints.
pub static RULES: &[&Rule] = &[
    &OR_INSTEAD_OF_AND,
    &DEAD_NAMESPACE_SELECTOR,
    &DEAD_POD_SELECTOR,
    &ALLOW_ALL,
    &EGRESS_EVERYWHERE,
    &SILENT_ISOLATION,
    &ONE_SIDED_ALLOW,
    &SERVICE_PORT,
    &HOST_NETWORK,
    &SHADOWED_RULE,
    &PRIORITY_TIE,
    &DNS_FORGOTTEN,
    &API_SERVER_FORGOTTEN,
    &VIRTUAL_ADDRESS,
    &BLOCK_COVERS_PODS,
    &UNSELECTED_WORKLOAD,
    &NO_DEFAULT_DENY,
    &ROUTE_BLOCKED,
    &SCRAPE_BLOCKED,
    &WEBHOOK_BLOCKED,
    &NOT_DEPLOYED,
];
