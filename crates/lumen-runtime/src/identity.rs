//! What tells one of several things that are alike from the others, for as long as anybody remembers it.

use std::sync::Arc;

/// An identity: no other is the same, but for its clones. As long as a clone is kept, none that is made later can be taken
/// for it.
#[derive(Clone, Debug, Default)]
pub struct Identity(Arc<()>);

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Identity {}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn only_clones_are_the_same() {
        let identity = Identity::default();
        assert_eq!(identity, identity.clone());
        assert_ne!(identity, Identity::default());
    }
}
