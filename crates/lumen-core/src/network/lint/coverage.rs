//! What policies leave out: workloads, namespaces, and pods that they cannot mean.

use std::collections::{BTreeMap, BTreeSet};

use lumen_value::Pointer;

use super::{
    Context, Findings, PLACEHOLDER_NAMESPACE, SYSTEM_NAMESPACES, called, finding, listed, related, rules,
    with_severity,
};
use crate::finding::{Finding, Severity};
use crate::network::Workload;
use crate::network::policy::{Direction, NamespaceMatch, PeerMatch, PodPattern, Policy};
use crate::snapshot::NamespaceLabels;

/// Selectors that mean pods on the host's network.
pub(super) fn host_network(context: &Context<'_>, findings: &mut Findings<'_>) {
    let hosts: Vec<&Workload> =
        context.model.workloads().iter().filter(|workload| workload.host_network).collect();
    if hosts.is_empty() {
        return;
    }
    for policy in context.network_policies() {
        if let Some(host) = meant(context, &hosts, &policy.subject) {
            let message = format!(
                "`{}` is on the host's network: what a policy means for it is not defined, and most plugins do not apply it",
                called(host)
            );
            let at = &policy.subject_at;
            findings.push(on_host(finding(&rules::HOST_NETWORK, message, &policy.entry, at), host));
        }
        for rule in Direction::ALL.iter().flat_map(|direction| &policy.section(*direction).rules) {
            for peer in &rule.peers {
                let PeerMatch::Pods(pattern) = &peer.who else { continue };
                // Where it means others, too, it has its use.
                let Some(host) =
                    meant(context, &hosts, pattern).filter(|_| context.classes(peer.set).is_empty())
                else {
                    continue;
                };
                let message = format!(
                    "`{}` is on the host's network: it is no pod to policies, but the address of its node",
                    called(host)
                );
                findings.push(on_host(finding(&rules::HOST_NETWORK, message, &policy.entry, &peer.at), host));
            }
        }
    }
}

fn on_host(found: Finding, host: &Workload) -> Finding {
    related(found, host.entry.locate(&host.at.child("spec").child("hostNetwork")), "the host's network")
}

/// A pod on the host's network that a pattern names by label. One that means all pods is not about it.
fn meant<'a>(context: &Context<'_>, hosts: &[&'a Workload], pattern: &PodPattern) -> Option<&'a Workload> {
    if pattern.pods.is_empty() {
        return None;
    }
    let in_namespace = |workload: &Workload| match &pattern.namespaces {
        NamespaceMatch::Named(name) => *name == workload.namespace,
        NamespaceMatch::Selected(selector) => {
            let namespaces = context.model.namespaces();
            let found = namespaces.binary_search_by(|each| each.name.cmp(&workload.namespace)).ok();
            found
                .and_then(|index| namespaces.get(index))
                .is_some_and(|namespace| selector.matches(&namespace.labels))
        }
    };
    context
        .counted(hosts.iter().copied())
        .find(|host| context.selects(&pattern.pods, &host.labels) && in_namespace(host))
}

/// For each namespace: workloads that no policy selects, or that nothing is denied by default. One finding a namespace.
pub(super) fn namespaces(context: &Context<'_>, findings: &mut Findings<'_>) {
    let mut own: BTreeMap<&str, &Policy> = BTreeMap::new();
    for policy in context.network_policies() {
        own.entry(Context::namespace_of(policy)).or_insert(policy);
    }
    let denying = Denying::of(context);
    for (name, workloads) in &context.by_namespace {
        if SYSTEM_NAMESPACES.contains(name) || *name == PLACEHOLDER_NAMESPACE {
            continue;
        }
        let selected =
            |workload: &&Workload, direction| context.policies_of(workload.class, direction).next().is_some();
        let all = || workloads.iter().filter_map(|id| context.model.workload(*id));
        let bare = |direction| all().filter(move |workload| !selected(workload, direction));
        let open: Vec<&Workload> =
            bare(Direction::Ingress).filter(|workload| !selected(workload, Direction::Egress)).collect();
        let found = if own.contains_key(name) && !open.is_empty() {
            own.get(name).and_then(|policy| unselected(policy, name, &open, workloads.len()))
        } else if !own.contains_key(name) && !open.is_empty() {
            no_policy(context, name, open.len() == workloads.len(), &open)
        } else {
            // Whatever comes new is not selected, unless a policy selects everything.
            let lacking: Vec<&str> = Direction::ALL
                .iter()
                .filter(|direction| !denying.contains(name, **direction))
                .map(|direction| direction.as_str())
                .collect();
            if lacking.is_empty() {
                None
            } else {
                no_default(context, own.get(name).copied(), name, &lacking)
            }
        };
        findings.extend(found);
    }
}

/// Namespaces of which a policy selects every pod and isolates a direction. One of the administrator's that selects all pods
/// counts for every namespace.
struct Denying<'a> {
    named: BTreeSet<(&'a str, Direction)>,
    everywhere: BTreeSet<Direction>,
}

impl<'a> Denying<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut denying = Self { named: BTreeSet::new(), everywhere: BTreeSet::new() };
        for policy in context.model.policies().iter().filter(|policy| policy.subject.pods.is_empty()) {
            for direction in Direction::ALL {
                let section = policy.section(direction);
                if !section.isolates && section.rules.is_empty() {
                    continue;
                }
                match &policy.subject.namespaces {
                    NamespaceMatch::Named(name) => denying.named.insert((&**name, direction)),
                    NamespaceMatch::Selected(_) => denying.everywhere.insert(direction),
                };
            }
        }
        denying
    }

    fn contains(&self, namespace: &str, direction: Direction) -> bool {
        self.everywhere.contains(&direction) || self.named.contains(&(namespace, direction))
    }
}

fn unselected(policy: &Policy, name: &str, open: &[&Workload], count: usize) -> Option<Finding> {
    let first = open.first()?;
    let which = listed(open.iter().map(|workload| &workload.name));
    let message = format!(
        "of {count} workloads in `{name}` no policy selects {which}: {} may be reached by every pod",
        it(open.len())
    );
    let at = first.at.child("metadata").child("labels");
    let found = finding(&rules::UNSELECTED_WORKLOAD, message, &first.entry, &at);
    Some(related(found, policy.locate(&policy.subject_at), "a policy of the namespace"))
}

fn it(count: usize) -> &'static str {
    if count == 1 { "it" } else { "they" }
}

fn no_policy(context: &Context<'_>, name: &str, all: bool, open: &[&Workload]) -> Option<Finding> {
    let whose = if all { "its workloads reach and are" } else { "some of its workloads are" };
    let message = format!("no network policy is in `{name}`: {whose} reached by every pod of the cluster");
    let found = of_namespace(context, name, message, open.first().copied())?;
    // Who uses policies elsewhere is likelier to have forgotten them here.
    let severity = if context.has_policies { Severity::Low } else { Severity::Info };
    Some(with_severity(found, severity))
}

fn no_default(
    context: &Context<'_>,
    first: Option<&Policy>,
    name: &str,
    lacking: &[&str],
) -> Option<Finding> {
    let directions = lacking.join(" and ");
    let message = format!(
        "no policy denies {directions} for all pods of `{name}`: what comes new there is open until a policy selects it"
    );
    match first {
        Some(policy) => Some(finding(&rules::NO_DEFAULT_DENY, message, &policy.entry, &policy.subject_at)),
        None => of_namespace(context, name, message, None),
    }
}

/// A finding about a namespace: at its manifest, or at its first workload.
fn of_namespace(
    context: &Context<'_>,
    name: &str,
    message: String,
    first: Option<&Workload>,
) -> Option<Finding> {
    match context.snapshot.namespace_labels(name) {
        NamespaceLabels::Known(variant) => Some(finding(
            &rules::NO_DEFAULT_DENY,
            message,
            &variant.entry,
            &Pointer::ROOT.child("metadata").child("name"),
        )),
        _ => first.map(|workload| {
            let at = Pointer::ROOT.child("metadata").child("namespace");
            finding(&rules::NO_DEFAULT_DENY, message, &workload.entry, &at)
        }),
    }
}
