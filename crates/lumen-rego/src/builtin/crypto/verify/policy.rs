//! Certificate policies along a chain (RFC 5280 section 6.1, RFC 9618): they matter where a certificate requires one.

use std::collections::{BTreeMap, BTreeSet};

use super::super::certificate::{Certificate, Limit};

/// `2.5.29.32.0` in DER.
const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

/// A policy at one depth: what is expected below it, and which policies of the depth above lead to it.
struct Node {
    expected: Vec<Vec<u8>>,
    parents: BTreeSet<Vec<u8>>,
}

type Stratum = BTreeMap<Vec<u8>, Node>;

struct Graph(Vec<Stratum>);

impl Graph {
    fn new() -> Self {
        let root = Node { expected: vec![ANY.to_vec()], parents: BTreeSet::new() };
        Self(vec![Stratum::from([(ANY.to_vec(), root)])])
    }

    fn leaves(&mut self) -> Option<&mut Stratum> {
        self.0.last_mut()
    }

    fn insert(&mut self, policy: &[u8], expected: Vec<Vec<u8>>, parents: BTreeSet<Vec<u8>>) {
        if let Some(leaves) = self.leaves() {
            leaves.insert(policy.to_vec(), Node { expected, parents });
        }
    }

    /// The policies above the deepest stratum that expect a policy.
    fn expecting(&self, policy: &[u8]) -> BTreeSet<Vec<u8>> {
        let Some(above) = self.0.len().checked_sub(2).and_then(|index| self.0.get(index)) else {
            return BTreeSet::new();
        };
        let expects = |node: &Node| node.expected.iter().any(|expected| expected == policy);
        above.iter().filter(|(_, node)| expects(node)).map(|(policy, _)| policy.clone()).collect()
    }

    fn above_has_any(&self) -> bool {
        self.0
            .len()
            .checked_sub(2)
            .and_then(|index| self.0.get(index))
            .is_some_and(|above| above.contains_key(ANY))
    }

    /// Takes away what leads nowhere.
    fn prune(&mut self) {
        for index in (1..self.0.len().saturating_sub(1)).rev() {
            let used: BTreeSet<Vec<u8>> = self
                .0
                .get(index + 1)
                .into_iter()
                .flat_map(|below| below.values().flat_map(|node| node.parents.iter().cloned()))
                .collect();
            if let Some(stratum) = self.0.get_mut(index) {
                stratum.retain(|policy, _| used.contains(policy));
            }
        }
    }

    /// Whether any policy is valid for the whole chain.
    fn has_valid(&self) -> bool {
        let below_any = |(policy, node): (&Vec<u8>, &Node)| {
            policy.as_slice() != ANY && node.parents.len() == 1 && node.parents.contains(ANY)
        };
        self.0.iter().any(|stratum| stratum.iter().any(below_any))
            || self.0.last().is_some_and(|leaves| leaves.contains_key(ANY))
    }

    /// The policies of one certificate.
    fn descend(&mut self, policies: &[Vec<u8>], any_allowed: bool) {
        self.0.push(Stratum::new());
        for policy in policies.iter().filter(|policy| policy.as_slice() != ANY) {
            let mut parents = self.expecting(policy);
            if parents.is_empty() && self.above_has_any() {
                parents.insert(ANY.to_vec());
            }
            if !parents.is_empty() {
                self.insert(policy, vec![policy.clone()], parents);
            }
        }
        if any_allowed && policies.iter().any(|policy| policy.as_slice() == ANY) {
            let above = self.0.len().checked_sub(2).and_then(|index| self.0.get(index));
            let expected: BTreeSet<Vec<u8>> = above
                .into_iter()
                .flat_map(|above| above.values().flat_map(|node| node.expected.clone()))
                .collect();
            for policy in expected {
                if self.leaves().is_some_and(|leaves| !leaves.contains_key(&policy)) {
                    let parents = self.expecting(&policy);
                    self.insert(&policy, vec![policy.clone()], parents);
                }
            }
        }
        self.prune();
    }

    /// Renames policies, or drops those that may not be renamed; `false` where a mapping is forbidden.
    fn map(&mut self, mappings: &[(Vec<u8>, Vec<u8>)], allowed: bool) -> bool {
        let mut renamed: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for (issuer, subject) in mappings {
            if !allowed {
                if let Some(leaves) = self.leaves() {
                    leaves.remove(issuer);
                }
                continue;
            }
            if issuer == ANY || subject == ANY {
                return false;
            }
            renamed.entry(issuer.clone()).or_default().push(subject.clone());
        }
        self.prune();
        for (issuer, subjects) in renamed {
            let Some(leaves) = self.leaves() else { continue };
            if let Some(node) = leaves.get_mut(&issuer) {
                node.expected = subjects;
            } else if leaves.contains_key(ANY) {
                // It stands beside the policy that allows it, and takes its place below.
                leaves.insert(issuer, Node { expected: subjects, parents: BTreeSet::from([ANY.to_vec()]) });
            }
        }
        true
    }
}

/// Whether the chain, leaf first, has the policies that it requires.
pub(super) fn is_valid(chain: &[&Certificate]) -> bool {
    let Some((_, below_root)) = chain.split_last().filter(|(_, below)| !below.is_empty()) else {
        return true;
    };
    let length = below_root.len();
    let start = i64::try_from(length + 1).unwrap_or(i64::MAX);
    let (mut any_left, mut explicit_left, mut mapping_left) = (start, start, start);
    let mut graph = Some(Graph::new());
    for (index, certificate) in below_root.iter().enumerate().rev() {
        let known = &certificate.known;
        let is_self_issued = certificate.raw_issuer == certificate.raw_subject;
        let policies = known.policies.as_deref().unwrap_or_default();
        if policies.is_empty() {
            graph = None;
        }
        if explicit_left == 0 && graph.is_none() {
            return false;
        }
        if let Some(graph) = &mut graph {
            graph.descend(policies, any_left > 0 || (index > 0 && is_self_issued));
            if index != 0
                && !known.policy_mappings.is_empty()
                && !graph.map(&known.policy_mappings, mapping_left > 0)
            {
                return false;
            }
        }
        if index != 0 {
            if !is_self_issued {
                for left in [&mut any_left, &mut explicit_left, &mut mapping_left] {
                    *left = (*left - 1).max(0);
                }
            }
            let tighten = |left: &mut i64, limit: Limit| {
                if limit.value > 0 || limit.is_zero {
                    *left = (*left).min(limit.value);
                }
            };
            tighten(&mut explicit_left, known.require_explicit_policy);
            tighten(&mut mapping_left, known.inhibit_policy_mapping);
            tighten(&mut any_left, known.inhibit_any_policy);
        }
    }
    explicit_left = (explicit_left - 1).max(0);
    if chain.first().is_some_and(|leaf| leaf.known.require_explicit_policy.is_zero) {
        explicit_left = 0;
    }
    explicit_left > 0 || graph.is_some_and(|graph| graph.has_valid())
}
