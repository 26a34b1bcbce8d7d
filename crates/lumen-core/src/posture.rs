//! The proof of defence in depth: what each layer stops, limits or detects, what is left when one is bypassed, how far an
//! attacker gets, and who can switch a layer off.
//!
//! Pure functions over a [`Snapshot`](crate::snapshot::Snapshot) and what the layers say of it. What is not known is never
//! told as covered.

pub mod ask;
pub mod attack;
pub mod compliance;
mod findings;
pub mod layers;
pub mod power;
pub mod protection;
pub mod radius;
pub mod rbac;
pub mod rules;
pub mod switches;

pub use findings::findings;
pub use layers::assumption::ENFORCERS as NETWORK_POLICY_ENFORCERS;
pub use rules::rules;

#[cfg(test)]
mod tests;
