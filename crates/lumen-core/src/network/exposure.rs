//! A workload and pods that no manifest describes: whoever can create a pod chooses its labels.

use std::collections::BTreeSet;

use super::evaluate::{NO_NAMES, evaluate};
use super::external::Beyond;
use super::policy::{Direction, NamespaceMatch, PeerMatch, PodPattern, RulePeer};
use super::port::Ports;
use super::well_known::bare_namespace;
use super::{Model, WorkloadId};
use crate::object::NAMESPACE_NAME_LABEL;
use crate::selector::{Operator, Requirement, Selector};

/// Most comparisons of patterns that are made for one workload.
pub const EXPOSURE_WORK_MAX: usize = 1_000_000;

/// What a workload and any pod of a pattern may send each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The pods, which need not exist.
    pub pods: PodPattern,
    /// The ports that are open for every such pod, whatever further labels it has. What the policies of the unknown pod
    /// say is not known: this is one direction.
    pub ports: Ports,
}

impl Model {
    /// What a workload lets in from (`Ingress`), or out to (`Egress`), pods that are not in the manifests: first any pod
    /// of the cluster, then, for each pattern that its policies mean, the pods that fit it, where they differ from any
    /// pod. In the order of the policies. Empty for a workload of another model.
    ///
    /// # Errors
    ///
    /// When more than [`EXPOSURE_WORK_MAX`] comparisons would be needed.
    pub fn exposure(&self, workload: WorkloadId, direction: Direction) -> Result<Vec<Exposure>, Beyond> {
        let Some(found) = self.workload(workload) else {
            return Ok(Vec::new());
        };
        let policies = || self.resolve(self.selecting(found.class, direction));
        let names = match direction {
            Direction::Ingress => &*found.ports,
            Direction::Egress => &NO_NAMES,
        };
        let peers =
            || policies().flat_map(|policy| &policy.section(direction).rules).flat_map(|rule| &rule.peers);
        let mut patterns = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for peer in peers() {
            if let PeerMatch::Pods(pattern) = &peer.who
                && !pattern.is_everything()
                && seen.insert(pattern)
            {
                patterns.push(pattern);
            }
        }
        if (patterns.len() + 1).saturating_mul(peers().count()) > EXPOSURE_WORK_MAX {
            return Err(Beyond);
        }
        let ports = |pattern: &PodPattern| {
            evaluate(policies(), direction, |peer: &RulePeer| self.means_all(peer, pattern), names)
        };
        let anyone = PodPattern::everything();
        let open = ports(&anyone);
        let mut found = vec![Exposure { pods: anyone, ports: open.clone() }];
        for pattern in patterns {
            let ports = ports(pattern);
            if ports != open {
                found.push(Exposure { pods: pattern.clone(), ports });
            }
        }
        Ok(found)
    }

    /// Whether a peer of a rule means every pod of a pattern.
    fn means_all(&self, peer: &RulePeer, pattern: &PodPattern) -> bool {
        match &peer.who {
            PeerMatch::Anyone | PeerMatch::Cluster => true,
            PeerMatch::Pods(wider) => {
                implies(&pattern.pods, &wider.pods)
                    && self.namespaces_imply(&pattern.namespaces, &wider.namespaces)
            }
            PeerMatch::Addresses { .. } | PeerMatch::Undecided(..) => false,
        }
    }

    fn namespaces_imply(&self, narrow: &NamespaceMatch, wide: &NamespaceMatch) -> bool {
        match (narrow, wide) {
            (NamespaceMatch::Named(name), NamespaceMatch::Named(other)) => name == other,
            (NamespaceMatch::Selected(narrow), NamespaceMatch::Selected(wide)) => implies(narrow, wide),
            (NamespaceMatch::Named(name), NamespaceMatch::Selected(selector)) => {
                let known = self.namespaces.binary_search_by(|each| each.name.cmp(name)).ok();
                match known.and_then(|index| self.namespaces.get(index)) {
                    Some(namespace) => selector.matches(&namespace.labels),
                    None => selector.matches(&bare_namespace(name)),
                }
            }
            (NamespaceMatch::Selected(selector), NamespaceMatch::Named(name)) => {
                let name_is = |each: &Requirement| {
                    each.key() == NAMESPACE_NAME_LABEL
                        && matches!(each.operator(), Operator::Equals | Operator::DoubleEquals | Operator::In)
                        && each.values().iter().all(|value| **value == **name)
                };
                selector.requirements().iter().any(name_is)
            }
        }
    }
}

/// What requirements say of one key.
#[derive(Default)]
struct Domain<'a> {
    /// The values of which it must have one.
    only: Option<BTreeSet<&'a str>>,
    /// The values that it must not have.
    not: BTreeSet<&'a str>,
    exists: bool,
    is_missing: bool,
}

impl<'a> Domain<'a> {
    fn of(requirements: impl Iterator<Item = &'a Requirement>) -> Self {
        let mut domain = Self::default();
        for requirement in requirements {
            let values = || requirement.values().iter().map(String::as_str);
            match requirement.operator() {
                Operator::Equals | Operator::DoubleEquals | Operator::In => {
                    let values: BTreeSet<_> = values().collect();
                    domain.only = Some(match domain.only {
                        None => values,
                        Some(before) => before.intersection(&values).copied().collect(),
                    });
                }
                Operator::NotEquals | Operator::NotIn => domain.not.extend(values()),
                Operator::Exists | Operator::GreaterThan | Operator::LessThan => domain.exists = true,
                Operator::DoesNotExist => domain.is_missing = true,
            }
        }
        if let Some(only) = &mut domain.only {
            only.retain(|value| !domain.not.contains(value));
        }
        domain
    }

    /// Whether whatever it allows meets a requirement.
    fn meets(&self, requirement: &Requirement) -> bool {
        let values = requirement.values();
        let is_listed = |value: &str| values.binary_search_by(|each| each.as_str().cmp(value)).is_ok();
        match requirement.operator() {
            Operator::Equals | Operator::DoubleEquals | Operator::In => {
                self.only.as_ref().is_some_and(|only| only.iter().all(|value| is_listed(value)))
            }
            Operator::NotEquals | Operator::NotIn => {
                self.is_missing
                    || self.only.as_ref().is_some_and(|only| !only.iter().any(|value| is_listed(value)))
                    || values.iter().all(|value| self.not.contains(value.as_str()))
            }
            Operator::Exists => self.exists || self.only.is_some(),
            Operator::DoesNotExist => self.is_missing,
            Operator::GreaterThan | Operator::LessThan => false,
        }
    }
}

/// Whether everything that one selector selects is selected by another, as far as keys can be told one by one.
pub(super) fn implies(narrow: &Selector, wide: &Selector) -> bool {
    if narrow.is_nothing() {
        return true;
    }
    !wide.is_nothing()
        && wide.requirements().iter().all(|requirement| {
            let same_key = |each: &&Requirement| each.key() == requirement.key();
            Domain::of(narrow.requirements().iter().filter(same_key)).meets(requirement)
        })
}

/// For each key of which a selector lists the values that it may have one of them: whatever selects all that it selects, and
/// lists values of that key, lists this one. None for a key whose values its requirements rule out.
pub(super) fn listed_labels(selector: &Selector) -> Vec<(&str, &str)> {
    let by_key = selector.requirements().chunk_by(|one, other| one.key() == other.key());
    let listed = by_key.filter_map(|of_key| {
        let only = Domain::of(of_key.iter()).only?;
        Some((of_key.first()?.key(), *only.first()?))
    });
    listed.collect()
}
