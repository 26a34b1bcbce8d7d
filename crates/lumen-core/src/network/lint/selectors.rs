//! Selectors that select nothing, or not what was meant.

use lumen_value::{Pointer, Value};

use super::{Context, Findings, SYSTEM_NAMESPACES, called, finding, related, rules, with_severity};
use crate::finding::{Edit, Finding, Fix, Safety, Severity};
use crate::network::Workload;
use crate::network::policy::{
    Direction, NamespaceMatch, PeerMatch, PodPattern, Policy, PolicyKind, RuleAction, RulePeer,
};
use crate::network::well_known::bare_namespace;
use crate::object::label;
use crate::selector::{Operator, Requirement, Selector};

const NAME_LABEL: &str = crate::object::NAMESPACE_NAME_LABEL;

/// Two peers one after the other, of which one has only a `namespaceSelector` and the other only a `podSelector`.
pub(super) fn or_instead_of_and(context: &Context<'_>, findings: &mut Findings<'_>) {
    for policy in context.network_policies() {
        for direction in Direction::ALL {
            for rule in &policy.section(direction).rules {
                for pair in rule.peers.windows(2) {
                    let [first, second] = pair else { continue };
                    let found = split(context, policy, first, second, rule.peers.len() == 2);
                    findings.extend(found);
                }
            }
        }
    }
}

fn pods(peer: &RulePeer) -> Option<&PodPattern> {
    match &peer.who {
        PeerMatch::Pods(pattern) => Some(pattern),
        _ => None,
    }
}

fn split(
    context: &Context<'_>,
    policy: &Policy,
    first: &RulePeer,
    second: &RulePeer,
    alone: bool,
) -> Option<Finding> {
    let (one, other) = (pods(first)?, pods(second)?);
    let is_namespace = |pattern: &PodPattern| {
        pattern.pods.is_empty() && matches!(pattern.namespaces, NamespaceMatch::Selected(_))
    };
    let is_pod = |pattern: &PodPattern| {
        !pattern.pods.is_empty() && matches!(pattern.namespaces, NamespaceMatch::Named(_))
    };
    let (outer, inner, in_order) = match () {
        () if is_namespace(one) && is_pod(other) => (first, second, true),
        () if is_pod(one) && is_namespace(other) => (second, first, false),
        () => return None,
    };
    let (namespaces, pods) = match (pods(outer)?, pods(inner)?) {
        (PodPattern { namespaces: NamespaceMatch::Selected(selector), .. }, inner) => (selector, &inner.pods),
        _ => return None,
    };
    let own = Context::namespace_of(policy);
    let mut at_home = context.workloads_of(own).peekable();
    let is_known = at_home.peek().is_some();
    if at_home.any(|(_, workload)| context.selects(pods, &workload.labels)) && !namespaces.is_empty() {
        return None;
    }
    let classes = context.classes(outer.set);
    let meant = context
        .workloads_in(&classes)
        .map(|(_, workload)| workload)
        .find(|workload| context.selects(pods, &workload.labels));
    let severity = if namespaces.is_empty() || meant.is_some() {
        Severity::Medium
    } else if !is_known && alone && in_order {
        // Nothing is known of such pods: only the shape speaks.
        Severity::Low
    } else {
        return None;
    };
    let why = if namespaces.is_empty() {
        "the first lets in every pod of every namespace".to_owned()
    } else if let Some(workload) = meant {
        format!("no pod with `{pods}` is in `{own}`, but `{}` is one", called(workload))
    } else {
        format!("`{pods}` is looked for in `{own}` only")
    };
    let message =
        format!("these are two peers, and either is enough: {why}; for both at once take away the `-`");
    let found = finding(&rules::OR_INSTEAD_OF_AND, message, &policy.entry, &inner.at);
    let mut found = with_severity(found, severity);
    let selector = policy.entry.value.find(&inner.at.child("podSelector"))?.clone();
    found.fix = Some(Fix {
        title: "Make one peer of the two".to_owned(),
        safety: Safety::Unsafe,
        edits: vec![Edit::Set(outer.at.child("podSelector"), selector), Edit::Remove(inner.at.clone())],
    });
    Some(related(found, policy.locate(&outer.at), "the other peer"))
}

/// Where the selectors of a subject or a peer stand: of the namespaces, if that is one of its own, and of the pods.
fn places(policy: &Policy, at: &Pointer, is_subject: bool) -> (Option<Pointer>, Pointer) {
    match policy.kind {
        PolicyKind::NetworkPolicy if is_subject => (None, at.clone()),
        PolicyKind::NetworkPolicy => (Some(at.child("namespaceSelector")), at.child("podSelector")),
        // One selector is of both.
        PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy => (None, at.clone()),
        PolicyKind::AdminNetworkPolicy
        | PolicyKind::BaselineAdminNetworkPolicy
        | PolicyKind::ClusterNetworkPolicy => {
            let (whole, pods) = (at.child("namespaces"), at.child("pods"));
            match policy.entry.value.find(&whole) {
                Some(_) => (Some(whole.clone()), whole),
                None => (Some(pods.child("namespaceSelector")), pods.child("podSelector")),
            }
        }
    }
}

/// Whether a selector is of labels that manifests give to pods. Cilium has labels of its own making.
fn is_of_manifests(policy: &Policy, selector: &Selector) -> bool {
    let is_cilium =
        matches!(policy.kind, PolicyKind::CiliumNetworkPolicy | PolicyKind::CiliumClusterwideNetworkPolicy);
    let is_made =
        |key: &str| key.contains(':') || key.starts_with("io.cilium.") || key.starts_with("io.kubernetes.");
    !is_cilium || !selector.requirements().iter().any(|each| is_made(each.key()))
}

/// Selectors that select nothing.
pub(super) fn dead_selectors(context: &Context<'_>, findings: &mut Findings<'_>) {
    for policy in context.model.policies() {
        let (namespaces_at, at) = places(policy, &policy.subject_at, true);
        let dead = namespaces_at.and_then(|at| dead_namespaces(context, policy, &policy.subject, &at, true));
        findings.extend(dead.or_else(|| dead_pods(context, policy, &policy.subject, &at, true)));
        for rule in Direction::ALL.iter().flat_map(|direction| &policy.section(*direction).rules) {
            if rule.action == RuleAction::Pass {
                continue;
            }
            for peer in &rule.peers {
                let Some(pattern) = pods(peer) else { continue };
                let (namespaces_at, at) = places(policy, &peer.at, false);
                let dead = namespaces_at.and_then(|at| dead_namespaces(context, policy, pattern, &at, false));
                findings.extend(dead.or_else(|| dead_pods(context, policy, pattern, &at, false)));
            }
        }
    }
}

/// A selector of namespaces that none has. One by name is never dead: namespaces need not be among the inputs.
fn dead_namespaces(
    context: &Context<'_>,
    policy: &Policy,
    pattern: &PodPattern,
    at: &Pointer,
    is_subject: bool,
) -> Option<Finding> {
    let NamespaceMatch::Selected(selector) = &pattern.namespaces else { return None };
    let positive: Vec<&Requirement> =
        selector.requirements().iter().filter(|each| is_positive(each)).collect();
    if positive.is_empty() || positive.iter().any(|each| each.key() == NAME_LABEL) {
        return None;
    }
    let namespaces = context.model.namespaces();
    if context.counted(namespaces.iter()).any(|namespace| context.selects(selector, &namespace.labels)) {
        return None;
    }
    // Which namespace may be meant: one whose name is the value.
    let named = positive.iter().flat_map(|each| each.values()).find_map(|value| {
        let known = context
            .counted(namespaces.iter())
            .find(|namespace| *namespace.name == **value)
            .map(|found| found.certain);
        known.or(SYSTEM_NAMESPACES.contains(&value.as_str()).then_some(true)).map(|certain| (value, certain))
    });
    let what = if is_subject { "this policy may select nothing" } else { "this peer may allow nothing" };
    let (message, severity) = match named {
        Some((name, true)) => (
            format!("namespace `{name}` has no label `{selector}`: select it by `{NAME_LABEL}: {name}`"),
            Severity::Medium,
        ),
        Some((name, false)) => (
            format!(
                "no namespace among the inputs has the label `{selector}`: if `{name}` is meant, \
                 `{NAME_LABEL}: {name}` needs no label"
            ),
            Severity::Low,
        ),
        None if context.counted(namespaces.iter()).filter(|namespace| namespace.certain).count() > 1 => {
            (format!("no namespace among the inputs has the label `{selector}`: {what}"), Severity::Info)
        }
        None => return None,
    };
    let mut found = finding(&rules::DEAD_NAMESPACE_SELECTOR, message, &policy.entry, at);
    if let ([_], Some((name, _)), Some(_)) =
        (selector.requirements(), named, policy.entry.value.find(&at.child("matchLabels")))
    {
        let labels: Value = bare_namespace(name);
        found.fix = Some(Fix {
            title: "Select the namespace by its name".to_owned(),
            safety: Safety::Unsafe,
            edits: vec![Edit::Set(at.child("matchLabels"), labels)],
        });
    }
    Some(with_severity(found, severity))
}

fn is_positive(requirement: &Requirement) -> bool {
    matches!(
        requirement.operator(),
        Operator::Equals | Operator::DoubleEquals | Operator::In | Operator::Exists
    )
}

/// A selector of pods that none has, in namespaces whose pods are known.
fn dead_pods(
    context: &Context<'_>,
    policy: &Policy,
    pattern: &PodPattern,
    at: &Pointer,
    is_subject: bool,
) -> Option<Finding> {
    let selector = &pattern.pods;
    // One that only says what pods must not have is made for what may come.
    if selector.is_empty()
        || !selector.requirements().iter().all(is_positive)
        || !is_of_manifests(policy, selector)
    {
        return None;
    }
    let own = Context::namespace_of(policy);
    let names: Vec<&str> = match &pattern.namespaces {
        NamespaceMatch::Named(name) => vec![&**name],
        NamespaceMatch::Selected(all) if all.is_empty() => return None,
        NamespaceMatch::Selected(namespaces) => {
            let known = context.counted(context.model.namespaces().iter());
            known
                .filter(|namespace| context.selects(namespaces, &namespace.labels))
                .map(|namespace| &*namespace.name)
                .collect()
        }
    };
    let [name] = names[..] else { return None };
    if SYSTEM_NAMESPACES.contains(&name) {
        return None;
    }
    let known: Vec<&Workload> = context.workloads_of(name).map(|(_, workload)| workload).collect();
    if known.is_empty() {
        return None;
    }
    let hosts = context.hosts.get(name).map_or(&[][..], Vec::as_slice);
    // Pods on the host's network are another matter, with a rule of its own.
    if known.iter().any(|workload| context.selects(selector, &workload.labels))
        || context.counted(hosts.iter()).any(|host| context.selects(selector, &host.labels))
        || !context.take(known.len() * selector.requirements().len())
    {
        return None;
    }
    let near = known.iter().find_map(|workload| near_miss(selector, workload));
    let what = if is_subject { "this policy selects no pod" } else { "this peer means no pod" };
    let place = if name == own { format!("`{name}`") } else { format!("namespace `{name}`") };
    let (message, severity) = match &near {
        Some((workload, hint)) => (
            format!("{what} of {place}: none has `{selector}`; {hint}, as `{}`", called(workload)),
            Severity::Medium,
        ),
        // Something of a custom kind may make pods that no manifest describes.
        None if context.custom.contains(name) => return None,
        None => (format!("{what} of {place} among the inputs: none has `{selector}`"), Severity::Info),
    };
    let found = finding(&rules::DEAD_POD_SELECTOR, message, &policy.entry, at);
    let found = with_severity(found, severity);
    Some(match near {
        Some((workload, _)) => {
            let labels = workload.at.child("metadata").child("labels");
            related(found, workload.entry.locate(&labels), "the labels of its pods")
        }
        None => found,
    })
}

/// A pod that would be selected but for a slip: the label stands on the controller alone, or its value stands under another
/// of the usual keys.
fn near_miss<'a>(selector: &Selector, workload: &'a Workload) -> Option<(&'a Workload, String)> {
    if !workload.at.steps().is_empty() && selector.matches(workload.entry.labels()) {
        let kind = &workload.kind;
        return Some((workload, format!("the {kind} itself has it, its pods have not")));
    }
    let [requirement] = selector.requirements() else { return None };
    let values = requirement.values();
    let [value] = values else { return None };
    if !is_positive(requirement) || !is_usual(requirement.key()) {
        return None;
    }
    let other = USUAL_KEYS.iter().find(|key| label(&workload.labels, key) == Some(value.as_str()))?;
    Some((workload, format!("there are pods with `{other}={value}`")))
}

/// Keys by which people call what a pod is.
const USUAL_KEYS: [&str; 5] =
    ["app", "app.kubernetes.io/name", "k8s-app", "name", "app.kubernetes.io/instance"];

fn is_usual(key: &str) -> bool {
    USUAL_KEYS.contains(&key)
}
