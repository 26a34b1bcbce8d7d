//! [`lint`]: what is odd about network policies. Advice only: nothing here keeps an object out of a cluster.
//!
//! Each lint wants evidence among the inputs, for manifests seldom show the whole cluster: a selector is called dead only
//! where what it could select is known. Pods are looked at by class, never one against each other.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use lumen_value::{Pointer, Value};

use super::class::ClassId;
use super::evaluate::classes_of;
use super::policy::{
    Direction, NamespaceMatch, PeerMatch, Policy, PolicyId, PolicyKind, Rule, RulePeer, SetId,
};
use super::port::Ports;
use super::reach::Reachability;
use super::rules::{LINTS_INCOMPLETE, NOT_JUDGED};
use super::well_known::POLICIES_NOT_READ;
use super::workload::labels::{Fit, fit};
use super::{Model, Workload, WorkloadId};
use crate::finding::{Finding, Location, Outcome, Related, Severity};
use crate::object::SYSTEM_NAMESPACES;
use crate::rule::Rule as LintRule;
use crate::selector::Selector;
use crate::snapshot::{Entry, Snapshot};

mod addresses;
mod clients;
mod cluster;
mod coverage;
mod openness;
mod paths;
pub mod rules;
mod selectors;
mod services;
mod shadow;
mod tiers;

/// Most names that a message lists.
const NAMES_MAX: usize = 3;

/// Most steps of one lint: each looks at one workload, namespace, peer, or requirement of a selector.
const STEPS_MAX: u64 = 4_000_000;

type Lint = fn(&Context<'_>, &mut Findings<'_>);

/// All lints, as functions that add findings, each with the rules of which it speaks.
static LINTS: &[(&[&LintRule], Lint)] = &[
    (&[&rules::OR_INSTEAD_OF_AND], selectors::or_instead_of_and),
    (&[&rules::DEAD_NAMESPACE_SELECTOR, &rules::DEAD_POD_SELECTOR], selectors::dead_selectors),
    (&[&rules::ALLOW_ALL, &rules::EGRESS_EVERYWHERE], openness::open_rules),
    (&[&rules::SILENT_ISOLATION], openness::silent_isolation),
    (&[&rules::ONE_SIDED_ALLOW], paths::one_sided),
    (&[&rules::SERVICE_PORT], services::service_ports),
    (&[&rules::HOST_NETWORK], coverage::host_network),
    (&[&rules::SHADOWED_RULE], shadow::shadowed),
    (&[&rules::PRIORITY_TIE], tiers::ties),
    (&[&rules::DNS_FORGOTTEN], cluster::dns_forgotten),
    (&[&rules::API_SERVER_FORGOTTEN], cluster::api_server_forgotten),
    (&[&rules::VIRTUAL_ADDRESS, &rules::BLOCK_COVERS_PODS], addresses::blocks),
    (&[&rules::UNSELECTED_WORKLOAD, &rules::NO_DEFAULT_DENY], coverage::namespaces),
    (&[&rules::ROUTE_BLOCKED], clients::routes),
    (&[&rules::SCRAPE_BLOCKED], clients::scrapes),
    (&[&rules::WEBHOOK_BLOCKED], clients::webhooks),
];

/// What is odd about the policies of a model, and about what they leave out. The snapshot must be the one that the model
/// was built of.
pub fn lint(model: &Model, snapshot: &Snapshot) -> Vec<Finding> {
    lint_within(STEPS_MAX, model, snapshot)
}

fn lint_within(steps_max: u64, model: &Model, snapshot: &Snapshot) -> Vec<Finding> {
    let context = Context::new(model, snapshot);
    let mut findings = Findings { steps: &context.steps, list: Vec::new() };
    let mut cut: Vec<&str> = Vec::new();
    for (rules, lint) in LINTS {
        context.steps.set(steps_max);
        lint(&context, &mut findings);
        if context.is_spent() {
            cut.extend(rules.iter().map(|rule| rule.name));
        }
    }
    let mut findings = findings.list;
    findings.extend(not_judged(snapshot));
    if !cut.is_empty() {
        let message = format!(
            "not checked in full: {} would take more than {steps_max} steps: the input is too large",
            cut.join(", ")
        );
        findings.push(LINTS_INCOMPLETE.finding(message));
    }
    findings
}

/// The policies of other makers: one finding for each maker, at the first.
fn not_judged(snapshot: &Snapshot) -> Vec<Finding> {
    let mut makers: BTreeMap<&str, (&Entry, usize)> = BTreeMap::new();
    for (group, kind, maker) in POLICIES_NOT_READ {
        let entries = snapshot.of_kind(group, kind);
        if let Some(first) = entries.first() {
            makers.entry(maker).or_insert((first, 0)).1 += entries.len();
        }
    }
    let say = |(maker, (entry, count)): (&str, (&Entry, usize))| {
        let policies = if count == 1 { "1 policy".to_owned() } else { format!("{count} policies") };
        let message = format!("not judged: {policies} of {maker}; more or less may be reached than is said");
        let mut found = finding(&NOT_JUDGED, message, entry, &Pointer::ROOT);
        found.outcome = Outcome::Skip;
        found
    };
    makers.into_iter().map(say).collect()
}

/// What lints have found. Nothing is added once the steps are spent: what was looked at last was not looked at in full.
struct Findings<'a> {
    steps: &'a Cell<u64>,
    list: Vec<Finding>,
}

impl Findings<'_> {
    fn push(&mut self, finding: Finding) {
        if self.steps.get() > 0 {
            self.list.push(finding);
        }
    }

    fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.push(finding);
        }
    }
}

/// What the lints look things up in.
struct Context<'a> {
    model: &'a Model,
    snapshot: &'a Snapshot,
    /// The workloads of each class.
    members: Vec<Vec<WorkloadId>>,
    /// For each namespace its workloads, without those on the host's network.
    by_namespace: BTreeMap<&'a str, Vec<WorkloadId>>,
    /// All pairs; `None` where there are too many.
    reach: Option<Reachability>,
    /// Whether any policy of namespaces is among the inputs.
    has_policies: bool,
    /// The workloads on the host's network, by namespace.
    hosts: BTreeMap<&'a str, Vec<&'a Workload>>,
    /// Namespaces with objects of custom kinds, that may make pods.
    custom: BTreeSet<&'a str>,
    /// What the lint that runs may still look at.
    steps: Cell<u64>,
}

impl<'a> Context<'a> {
    fn new(model: &'a Model, snapshot: &'a Snapshot) -> Self {
        let mut members = vec![Vec::new(); model.classes.len()];
        let mut by_namespace: BTreeMap<&str, Vec<WorkloadId>> = BTreeMap::new();
        let mut hosts: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
        for (id, workload) in model.iter() {
            if let Some(list) = members.get_mut(workload.class.index()) {
                list.push(id);
            }
            if workload.host_network {
                hosts.entry(&*workload.namespace).or_default().push(workload);
            } else {
                by_namespace.entry(&workload.namespace).or_default().push(id);
            }
        }
        let has_policies = !model.policies.is_empty();
        let reach = if has_policies { model.reachability().ok() } else { None };
        let is_custom = |entry: &&'a std::sync::Arc<Entry>| {
            let group = entry.object.group();
            group.contains('.') && !group.ends_with(".k8s.io")
        };
        let custom = snapshot.entries().iter().filter(is_custom);
        let custom = custom.filter_map(|entry| entry.namespace.as_deref()).collect();
        let steps = Cell::new(STEPS_MAX);
        Self { model, snapshot, members, by_namespace, reach, has_policies, hosts, custom, steps }
    }

    /// Takes some steps; `false` where they are more than are left, and then nothing is left.
    fn take(&self, steps: usize) -> bool {
        self.steps.set(self.steps.get().saturating_sub(steps as u64));
        !self.is_spent()
    }

    /// Leaves nothing to the lint that runs: it cannot look at everything.
    fn give_up(&self) {
        self.steps.set(0);
    }

    fn is_spent(&self) -> bool {
        self.steps.get() == 0
    }

    /// Whether a selector selects labels, or may, for a step a requirement.
    fn selects(&self, selector: &Selector, labels: &Value) -> bool {
        self.take(selector.requirements().len()) && fit(selector, labels) != Fit::No
    }

    /// What a policy's rules take to be gone through for one peer, in steps.
    fn weight(&self, class: ClassId, direction: Direction) -> usize {
        let rules = self.policies_of(class, direction).flat_map(|policy| &policy.section(direction).rules);
        rules.map(weight_of).sum()
    }

    /// The ports on which one workload may reach another, and those of them on which the latter lets it in, whatever its own
    /// policies say; `None` where no steps are left.
    fn allowed(&self, source: WorkloadId, destination: WorkloadId) -> Option<(Ports, Ports)> {
        let [from, to] = [source, destination].map(|id| self.model.workload(id).map(Workload::class));
        let (from, to) = (from?, to?);
        if let Some(reach) = &self.reach {
            return self.take(1).then(|| (reach.ports(from, to), reach.let_in(from, to)));
        }
        let steps = self.weight(from, Direction::Egress) + self.weight(to, Direction::Ingress);
        self.take(steps).then(|| {
            let let_in = self.model.direction(Direction::Ingress, source, destination);
            (self.model.allowed(source, destination), let_in)
        })
    }

    /// Takes a step for each item, and ends where none is left.
    fn counted<I: Iterator>(&self, items: I) -> impl Iterator<Item = I::Item> {
        items.take_while(|_| self.take(1))
    }

    /// The `NetworkPolicies`.
    fn network_policies(&self) -> impl Iterator<Item = &'a Policy> {
        self.policies().map(|(_, policy)| policy)
    }

    fn policies(&self) -> impl Iterator<Item = (PolicyId, &'a Policy)> {
        let numbered = (0..).map(PolicyId).zip(&self.model.policies);
        numbered.filter(|(_, policy)| policy.kind == PolicyKind::NetworkPolicy)
    }

    fn namespace_of(policy: &'a Policy) -> &'a str {
        policy.entry.namespace.as_deref().unwrap_or_default()
    }

    /// The classes of a resolved set.
    fn classes(&self, set: SetId) -> Vec<u32> {
        if !self.take(1) {
            return Vec::new();
        }
        let classes = classes_of(&self.model.sets, &self.model.classes, set);
        self.take(classes.len());
        classes
    }

    /// The workloads of some classes.
    fn workloads_in(&self, classes: &[u32]) -> impl Iterator<Item = (WorkloadId, &'a Workload)> {
        let lists = classes.iter().filter_map(|class| self.members.get(*class as usize));
        self.counted(lists.flatten()).filter_map(|id| Some((*id, self.model.workload(*id)?)))
    }

    /// The workloads of a namespace that policies can mean.
    fn workloads_of(&self, namespace: &str) -> impl Iterator<Item = (WorkloadId, &'a Workload)> {
        let list = self.by_namespace.get(namespace).map_or(&[][..], Vec::as_slice);
        self.counted(list.iter()).filter_map(|id| Some((*id, self.model.workload(*id)?)))
    }

    fn policies_of(&self, class: ClassId, direction: Direction) -> impl Iterator<Item = &'a Policy> + Clone {
        self.model.resolve(self.model.selecting(class, direction))
    }
}

/// What a rule takes to be gone through, in steps: one for each peer and each entry for ports.
fn weight_of(rule: &Rule) -> usize {
    1 + rule.peers.len() + rule.ports.as_ref().map_or(0, Vec::len)
}

/// A finding of a lint.
fn finding(rule: &LintRule, message: String, entry: &Entry, at: &Pointer) -> Finding {
    let mut finding = rule.finding(message);
    finding.object = Some(entry.object.clone());
    finding.location = Some(entry.locate(at));
    finding
}

fn with_severity(mut finding: Finding, severity: Severity) -> Finding {
    finding.severity = severity;
    finding
}

fn related(mut finding: Finding, location: Location, label: impl Into<String>) -> Finding {
    finding.related.push(Related { location, label: label.into(), is_step: false });
    finding
}

/// Some names, shortened: `a, b, c and 4 more`.
fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: BTreeSet<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Who is meant by a peer that no manifest describes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// Everyone, an address, or pods that are not among the inputs.
    Anything,
    /// Everyone or an address: not a pod.
    Address,
}

impl Unseen {
    fn is_meant(self, context: &Context<'_>, peer: &RulePeer) -> bool {
        match &peer.who {
            PeerMatch::Anyone
            | PeerMatch::Cluster
            | PeerMatch::Addresses { .. }
            | PeerMatch::Undecided(..) => true,
            PeerMatch::Pods(pattern) => {
                self == Self::Anything
                    && (matches!(pattern.namespaces, NamespaceMatch::Selected(_))
                        || context.classes(peer.set).is_empty())
            }
        }
    }
}

/// Whether policies isolate a workload for ingress, and none opens one of some ports to those who are not seen.
fn is_closed_to(context: &Context<'_>, workload: &Workload, offered: &Ports, unseen: Unseen) -> bool {
    let policies = || context.policies_of(workload.class, Direction::Ingress);
    let mut rules = context.counted(policies().flat_map(|policy| &policy.ingress.rules));
    let opens = |rule: &Rule| {
        context.take(rule.ports.as_ref().map_or(0, Vec::len))
            && !rule.ports_at(&workload.ports).intersection(offered).is_empty()
            && context.counted(rule.peers.iter()).any(|peer| unseen.is_meant(context, peer))
    };
    policies().any(|policy| policy.ingress.isolates) && !offered.is_empty() && !rules.any(opens)
}

/// What the scaffold of `kubebuilder` calls the namespace that Kustomize puts a name in for.
const PLACEHOLDER_NAMESPACE: &str = "system";

/// Whether a manifest says in which namespace a workload runs. Where that is left to whoever applies it, so is which policies
/// it meets.
fn is_placed(workload: &Workload) -> bool {
    let namespace =
        crate::object::text(crate::object::field(&workload.entry.value, &["metadata"]), "namespace");
    !namespace.is_empty() && namespace != PLACEHOLDER_NAMESPACE
}

/// A workload as messages call it.
fn called(workload: &Workload) -> String {
    format!("{}/{}", workload.namespace, workload.name)
}

/// The policies that isolate a workload, as places that explain a finding; at most [`NAMES_MAX`].
fn isolating<'a>(mut finding: Finding, policies: impl Iterator<Item = &'a Policy>) -> Finding {
    for policy in policies.take(NAMES_MAX) {
        let label = format!("`{}` isolates it", policy.name());
        finding.related.push(Related { location: policy.locate(&policy.subject_at), label, is_step: false });
    }
    finding
}

#[cfg(test)]
mod tests;
