//! Object identifiers of algorithms.

pub(super) const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
pub(super) const DSA: &[u32] = &[1, 2, 840, 10_040, 4, 1];
pub(super) const EC: &[u32] = &[1, 2, 840, 10_045, 2, 1];
pub(super) const X25519: &[u32] = &[1, 3, 101, 110];
pub(super) const ED25519: &[u32] = &[1, 3, 101, 112];
pub(super) const RSA_PSS: &[u32] = &[1, 2, 840, 113_549, 1, 1, 10];
pub(super) const MGF1: &[u32] = &[1, 2, 840, 113_549, 1, 1, 8];
pub(super) const AUTHORITY_INFO: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 1, 1];
pub(super) const EXTENSION_REQUEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 14];
