//! Chains of certificates, verified as Go's `x509.Certificate.Verify` does for a root, intermediates and a leaf.

mod names;
mod policy;

use super::certificate::Certificate;
use super::der::{self, Der};
use super::digest::Hash;
use super::key::{Padding, PublicKey, verify_ec, verify_ed25519, verify_rsa};
use crate::builtin::{Budget, Failure};

pub(super) use self::names::Mailbox;

/// What is asked of a chain.
pub(super) struct Options {
    /// The name that the leaf must be for; empty: any.
    pub(super) dns_name: String,
    pub(super) time_ns: i64,
    /// Go's numbers of extended usages; 0 is any. None: server authentication.
    pub(super) usages: Vec<i64>,
}

/// The usage "any".
const ANY_USAGE: i64 = 0;
/// The usage "server authentication".
const SERVER_AUTH: i64 = 1;

/// Most signatures that are checked for one chain.
const SIGNATURES_MAX: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Intermediate,
    Root,
}

struct Search<'a> {
    root: &'a Certificate,
    intermediates: Vec<&'a Certificate>,
    options: &'a Options,
    signatures: usize,
    chains: Vec<Vec<&'a Certificate>>,
}

/// The first chain from the last certificate to the first one, if there is a good one. All between may be intermediates.
pub(super) fn verify<'a>(
    budget: &mut Budget,
    certificates: &'a [Certificate],
    options: &'a Options,
) -> Result<Option<Vec<&'a Certificate>>, Failure> {
    let [root, intermediates @ .., leaf] = certificates else { return Ok(None) };
    if !is_valid(leaf, None, &[], options) {
        return Ok(None);
    }
    if !options.dns_name.is_empty() && !names::is_for(leaf, &options.dns_name) {
        return Ok(None);
    }
    let mut distinct: Vec<&Certificate> = Vec::new();
    for certificate in intermediates {
        budget.steps(1 + distinct.len() as u64)?;
        if !distinct.iter().any(|seen| seen.raw == certificate.raw) {
            distinct.push(certificate);
        }
    }
    let mut search = Search { root, intermediates: distinct, options, signatures: 0, chains: Vec::new() };
    if root.raw == leaf.raw {
        search.chains.push(vec![leaf]);
    } else {
        search.extend(budget, vec![leaf])?;
    }
    let usages = if options.usages.is_empty() { &[SERVER_AUTH][..] } else { &options.usages };
    let good = |chain: &Vec<&Certificate>| {
        policy::is_valid(chain)
            && (usages.contains(&ANY_USAGE) || allows(chain, usages))
            && names::satisfies_constraints(chain)
    };
    Ok(search.chains.into_iter().find(good))
}

impl<'a> Search<'a> {
    /// Finds the chains that begin so. Each chain is as long as there are certificates at most, and signatures are counted: the
    /// work is bounded.
    fn extend(&mut self, budget: &mut Budget, start: Vec<&'a Certificate>) -> Result<(), Failure> {
        let mut pending = vec![start];
        while let Some(chain) = pending.pop() {
            let Some(last) = chain.last().copied() else { continue };
            let roots = parents(last, &[self.root]).into_iter().map(|parent| (Role::Root, parent));
            let others = parents(last, &self.intermediates);
            let others = others.into_iter().map(|parent| (Role::Intermediate, parent));
            let mut longer = Vec::new();
            for (role, candidate) in roots.chain(others).collect::<Vec<_>>() {
                self.signatures += 1;
                if self.signatures > SIGNATURES_MAX {
                    return Ok(());
                }
                if candidate.key.is_none()
                    || contains(&chain, candidate)
                    || !is_signed_by(budget, last, candidate)?
                    || !is_valid(candidate, Some(role), &chain, self.options)
                {
                    continue;
                }
                let mut extended = chain.clone();
                extended.push(candidate);
                match role {
                    Role::Root => self.chains.push(extended),
                    Role::Intermediate => longer.push(extended),
                }
            }
            // Depth first, in the order of the candidates.
            pending.extend(longer.into_iter().rev());
        }
        Ok(())
    }
}

/// Who may have signed a certificate, the likeliest first.
fn parents<'a>(child: &Certificate, pool: &[&'a Certificate]) -> Vec<&'a Certificate> {
    let id = |id: &Option<Vec<u8>>| id.clone().unwrap_or_default();
    let wanted = id(&child.known.authority_key_id);
    let rank = |candidate: &&Certificate| {
        let own = id(&candidate.known.subject_key_id);
        match (own == wanted, own.is_empty() != wanted.is_empty()) {
            (true, _) => 0,
            (_, true) => 1,
            _ => 2,
        }
    };
    let mut found: Vec<_> =
        pool.iter().filter(|candidate| candidate.raw_subject == child.raw_issuer).copied().collect();
    found.sort_by_key(rank);
    found
}

/// Whether a chain has a certificate of the same subject, key and names.
fn contains(chain: &[&Certificate], candidate: &Certificate) -> bool {
    let same = chain
        .iter()
        .filter(|seen| seen.raw_subject == candidate.raw_subject && seen.raw_key == candidate.raw_key);
    for seen in same {
        match (candidate.alternative_names(), seen.alternative_names()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => return true,
            (Some(_), Some(_)) => {}
            _ => return false,
        }
    }
    false
}

/// Whether a certificate may stand at the end of a chain. No role is the leaf's.
fn is_valid(
    certificate: &Certificate,
    role: Option<Role>,
    chain: &[&Certificate],
    options: &Options,
) -> bool {
    let known = &certificate.known;
    if !known.unhandled_critical.is_empty() {
        return false;
    }
    if chain.last().is_some_and(|child| child.raw_issuer != certificate.raw_subject) {
        return false;
    }
    let ns = |seconds: i64| i128::from(seconds) * 1_000_000_000;
    let now = i128::from(options.time_ns);
    if now < ns(certificate.not_before.seconds) || now > ns(certificate.not_after.seconds) {
        return false;
    }
    if role == Some(Role::Intermediate) && !(known.basic_constraints_valid && known.is_ca) {
        return false;
    }
    let below = i64::try_from(chain.len()).unwrap_or(i64::MAX) - 1;
    !known.basic_constraints_valid || known.max_path_length.value < 0 || below <= known.max_path_length.value
}

/// Whether the parent may sign certificates, and has signed this one.
fn is_signed_by(budget: &mut Budget, child: &Certificate, parent: &Certificate) -> Result<bool, Failure> {
    /// The bit of signing certificates.
    const CERT_SIGN: i64 = 1 << 5;
    let known = &parent.known;
    if (parent.version == 3 && !known.basic_constraints_valid)
        || (known.basic_constraints_valid && !known.is_ca)
        || (known.key_usage != 0 && known.key_usage & CERT_SIGN == 0)
    {
        return Ok(false);
    }
    let Some(key) = &parent.key else { return Ok(false) };
    budget.steps(child.raw_body.len() as u64 / 16)?;
    check_signature(budget, child.signature_algorithm.0, key, &child.raw_body, &child.signature)
}

/// Checks a signature by Go's number of its algorithm. MD5 and SHA-1 do not count any more.
fn check_signature(
    budget: &mut Budget,
    algorithm: u8,
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    let hash = match algorithm {
        4 | 10 | 13 => Hash::Sha256,
        5 | 11 | 14 => Hash::Sha384,
        6 | 12 | 15 => Hash::Sha512,
        16 => return verify_ed25519(budget, key, message, signature),
        _ => return Ok(false),
    };
    let digest = hash.digest(message);
    match algorithm {
        4..=6 => verify_rsa(budget, key, hash, Padding::Pkcs1, &digest, signature),
        13..=15 => verify_rsa(budget, key, hash, Padding::Pss { any_salt: false }, &digest, signature),
        _ => {
            let parts = (|| {
                let mut outer = Der(signature);
                let mut pair = outer.read(der::SEQUENCE).filter(|_| outer.is_empty())?;
                let (r, s) = (pair.natural()?, pair.natural()?);
                pair.is_empty().then_some((r, s))
            })();
            match parts {
                Some((r, s)) => verify_ec(budget, key, &digest, r, s),
                None => Ok(false),
            }
        }
    }
}

/// Whether all certificates that limit their usage leave one of those that are asked for.
fn allows(chain: &[&Certificate], wanted: &[i64]) -> bool {
    let mut left = wanted.to_vec();
    for certificate in chain.iter().rev() {
        let known = &certificate.known;
        let unlimited = known.usages.is_empty() && known.unknown_usages.is_empty();
        if unlimited || known.usages.contains(&ANY_USAGE) {
            continue;
        }
        left.retain(|usage| known.usages.contains(usage));
        if left.is_empty() {
            return false;
        }
    }
    true
}
