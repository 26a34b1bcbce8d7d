//! What tells a finding from others and stays when lines shift.

use std::collections::BTreeMap;
use std::fmt;

use lumen_core::finding::{Finding, Place};

/// The fingerprints given so far.
#[derive(Default)]
pub(super) struct Fingerprints(BTreeMap<u128, usize>);

impl Fingerprints {
    /// The fingerprint of a finding: rule, action, object, file and field, not lines and not the message, which may be
    /// worded anew. Findings alike in all that are told apart by their number.
    pub(super) fn of(&mut self, finding: &Finding) -> String {
        let mut hash = Hash::new();
        hash.add(&finding.rule);
        hash.add(&finding.action);
        if let Some(object) = &finding.object {
            hash.add(&object.api_version);
            hash.add(object);
        }
        if let Some(location) = &finding.location {
            hash.add(&location.source);
            if let Place::Field { pointer, .. } | Place::Inside { pointer, .. } = &location.place {
                hash.add(pointer);
            }
        }
        if let Some(policy) = &finding.policy {
            hash.add(&policy.object);
            hash.add(&policy.rule);
        }
        let number = self.0.entry(hash.0).or_default();
        *number += 1;
        format!("{:032x}:{number}", hash.0)
    }
}

/// FNV-1a, 128 bits: no defence against those who seek collisions, and none is needed.
struct Hash(u128);

impl Hash {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn new() -> Self {
        Self(Self::BASIS)
    }

    /// Adds a part and its end.
    fn add(&mut self, part: &impl fmt::Display) {
        for byte in part.to_string().bytes().chain([0xff]) {
            self.0 = (self.0 ^ u128::from(byte)).wrapping_mul(Self::PRIME);
        }
    }
}
