//! What nearly every pod needs of the cluster: DNS and, for some, the API server.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lumen_value::Value;

use super::{Context, Findings, finding, listed, related, rules, weight_of};
use crate::network::Workload;
use crate::network::class::ClassId;
use crate::network::policy::{Direction, NamespaceMatch, PeerMatch, Policy, PolicyId, Rule, RulePeer, Tier};
use crate::network::port::{Ports, Protocol};
use crate::network::well_known::{API_SERVER_PORTS, bare_namespace, dns};
use crate::network::workload::NamedPorts;
use crate::object::{field, text};
use crate::snapshot::Entry;

/// What the rules of a policy for egress come to.
#[derive(Clone, Copy, Default)]
struct Egress {
    /// Whether whoever uses one of them is likely to go by name.
    needs_names: bool,
    /// Whether one of them may be what lets the pods reach the service that is looked for.
    is_way: bool,
}

/// What the policies' rules for egress come to, by the number of the policy.
fn egress(context: &Context<'_>, is_way: impl Fn(&Rule) -> bool) -> Vec<Egress> {
    let of_policy = |policy: &Policy| {
        let mut found = Egress::default();
        for rule in &policy.egress.rules {
            if context.take(weight_of(rule)) {
                found.needs_names |= needs_names(rule);
                found.is_way |= is_way(rule);
            }
        }
        found
    };
    context.model.policies().iter().map(of_policy).collect()
}

/// The policies that restrict the egress of a class of pods, if none of them is or may be a way to what is looked for: the first,
/// and the first that allows something that may go by name. `None`, too, where the cluster's administrator has a say.
fn restricting(
    context: &Context<'_>,
    all: &[Egress],
    class: ClassId,
) -> Option<(PolicyId, Option<PolicyId>)> {
    let (mut first, mut naming, mut isolates) = (None, None, false);
    for id in context.counted(context.model.selecting(class, Direction::Egress).iter()) {
        let (policy, egress) = (context.model.policy(*id)?, all.get(id.index())?);
        if policy.tier != Tier::Namespace || egress.is_way {
            return None;
        }
        isolates |= policy.egress.isolates;
        first = first.or(Some(*id));
        naming = naming.or(egress.needs_names.then_some(*id));
    }
    first.filter(|_| isolates).map(|first| (first, naming))
}

/// Workloads whose egress is restricted, that may reach something by name, and that may not ask DNS. One finding for those that
/// the same policy isolates.
pub(super) fn dns_forgotten(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut lacking: BTreeMap<usize, Vec<&Workload>> = BTreeMap::new();
    let all = egress(context, may_be_dns);
    for class in (0..).take(context.members.len()) {
        // The finding stands at a policy that allows something.
        if let Some((_, Some(allowing))) = restricting(context, &all, ClassId(class)) {
            let class = [class];
            let workloads = context.workloads_in(&class).map(|(_, workload)| workload);
            lacking.entry(allowing.index()).or_default().extend(workloads);
        }
    }
    for (policy, workloads) in lacking {
        let Some(policy) = context.model.policies().get(policy) else { continue };
        let which = listed(workloads.iter().map(|workload| &workload.name));
        let message = format!("egress of {which} is restricted, and no rule allows DNS (port 53)");
        findings.push(finding(&rules::DNS_FORGOTTEN, message, &policy.entry, &policy.subject_at));
    }
}

/// Whether whoever uses a rule is likely to go by name: anything but single addresses.
fn needs_names(rule: &Rule) -> bool {
    rule.peers.iter().any(|peer| match &peer.who {
        PeerMatch::Addresses { set, .. } => {
            set.ranges().iter().any(|range| range.first != range.last && !is_narrow(range))
        }
        _ => true,
    })
}

/// Whether a range has at most 256 addresses: those of a few machines that are known by number.
fn is_narrow(range: &crate::network::AddressRange) -> bool {
    match (range.first, range.last) {
        (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) => last.to_bits() - first.to_bits() < 256,
        (std::net::IpAddr::V6(first), std::net::IpAddr::V6(last)) => last.to_bits() - first.to_bits() < 256,
        _ => true,
    }
}

/// Whether a rule may be what allows DNS, whoever answers it here.
fn may_be_dns(rule: &Rule) -> bool {
    let ports = rule.ports_at(&NamedPorts::none());
    let has_port = dns::POD_PORTS
        .iter()
        .any(|port| ports.contains(Protocol::Udp, *port) || ports.contains(Protocol::Tcp, *port));
    // A name such as `dns` is resolved at the pods that answer.
    let is_named = rule.has_named_ports();
    let explicit = rule.ports.is_some();
    (has_port || is_named)
        && rule.peers.iter().any(|peer| match &peer.who {
            PeerMatch::Anyone
            | PeerMatch::Cluster
            | PeerMatch::Addresses { .. }
            | PeerMatch::Undecided(..) => true,
            PeerMatch::Pods(pattern) => match &pattern.namespaces {
                NamespaceMatch::Named(name) => explicit || &**name == dns::NAMESPACE,
                NamespaceMatch::Selected(selector) => {
                    explicit
                        || selector.is_empty()
                        || selector.matches(&bare_namespace(dns::NAMESPACE))
                        || pattern.pods.to_string().contains("dns")
                }
            },
        })
}

/// Workloads whose account has rights by a binding, and that may reach no address on a port of the API server.
pub(super) fn api_server_forgotten(context: &Context<'_>, findings: &mut Findings<'_>) {
    if !context.has_policies {
        return;
    }
    let bound = bound_accounts(context);
    if bound.is_empty() {
        return;
    }
    let mut lacking: BTreeMap<usize, Vec<&Workload>> = BTreeMap::new();
    let all = egress(context, may_be_api_server);
    let mut known: HashMap<ClassId, Option<PolicyId>> = HashMap::new();
    for (_, workload) in context.counted(context.model.iter()) {
        if account_of(workload).is_none_or(|account| !bound.contains(&(&*workload.namespace, account))) {
            continue;
        }
        let first = known
            .entry(workload.class)
            .or_insert_with(|| restricting(context, &all, workload.class).map(|(first, _)| first));
        if let Some(first) = first {
            lacking.entry(first.index()).or_default().push(workload);
        }
    }
    for (policy, workloads) in lacking {
        let Some(policy): Option<&Policy> = context.model.policies().get(policy) else { continue };
        let which = listed(workloads.iter().map(|workload| &workload.name));
        let message = format!("{which} has rights in the API, and no rule lets it reach the API server");
        let found = finding(&rules::API_SERVER_FORGOTTEN, message, &policy.entry, &policy.subject_at);
        let place = workloads
            .first()
            .map(|first| first.entry.locate(&first.at.child("spec").child("serviceAccountName")));
        findings.push(match place {
            Some(place) => related(found, place, "its account"),
            None => found,
        });
    }
}

fn may_be_api_server(rule: &Rule) -> bool {
    let ports = rule.ports_at(&NamedPorts::none());
    let has_port =
        API_SERVER_PORTS.iter().any(|port| ports.contains(Protocol::Tcp, *port)) || rule.has_named_ports();
    let is_meant = |peer: &RulePeer| match &peer.who {
        PeerMatch::Anyone | PeerMatch::Cluster | PeerMatch::Addresses { .. } | PeerMatch::Undecided(..) => {
            true
        }
        // Where the API server is a pod that is no host's, as in some clusters in clusters.
        PeerMatch::Pods(pattern) => pattern.pods.to_string().contains("apiserver"),
    };
    has_port && ports != Ports::none() && rule.peers.iter().any(is_meant)
}

/// The account of a workload whose pods get a token; `default` has no rights of its own that are meant.
fn account_of(workload: &Workload) -> Option<&str> {
    let pod = workload.entry.value.find(&workload.at)?;
    let spec = field(pod, &["spec"]);
    let name = text(spec, "serviceAccountName");
    let mounts = spec.get("automountServiceAccountToken").and_then(Value::as_bool) != Some(false);
    (mounts && !name.is_empty() && name != "default").then_some(name)
}

/// The accounts that a binding gives rights, as namespace and name.
fn bound_accounts<'a>(context: &Context<'a>) -> BTreeSet<(&'a str, &'a str)> {
    let group = "rbac.authorization.k8s.io";
    let kinds = ["RoleBinding", "ClusterRoleBinding"];
    let entries = kinds.iter().flat_map(|kind| context.snapshot.of_kind(group, kind));
    // To be allowed a security context in OpenShift, or a PodSecurityPolicy, is no right that a program uses.
    let is_used = |entry: &&Arc<Entry>| {
        let name = text(field(&entry.value, &["roleRef"]), "name");
        !name.starts_with("system:openshift:scc:") && !name.contains("psp")
    };
    entries
        .filter(is_used)
        .flat_map(|entry| {
            let subjects = entry.value.get("subjects").and_then(Value::as_array);
            let own = entry.namespace.as_deref().unwrap_or_default();
            subjects.into_iter().flatten().filter_map(move |subject| {
                let namespace = text(subject, "namespace");
                let namespace = if namespace.is_empty() { own } else { namespace };
                (text(subject, "kind") == "ServiceAccount").then(|| (namespace, text(subject, "name")))
            })
        })
        .collect()
}
