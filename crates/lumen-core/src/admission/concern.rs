//! Which kinds of objects policies look at: what an API server need not send cannot be held up.

use super::{Constraint, PolicySet, WEBHOOK};

impl PolicySet {
    /// Whether the webhook has anything to say of objects of a kind, as a version of its group has it: some constraint could be
    /// about it, or about what it makes.
    pub fn is_about_kind(&self, group: &str, version: &str, kind: &str) -> bool {
        self.at_webhook().any(|constraint| constraint.matching.has_kind(group, kind))
            || self.expansions.is_about_kind(group, version, kind) && self.at_webhook().next().is_some()
    }

    /// Whether some constraint could be about any kind, those that are not defined yet among them.
    pub fn is_about_every_kind(&self) -> bool {
        // No group and no kind has this name.
        self.at_webhook().any(|constraint| constraint.matching.has_kind("*/", "*/"))
    }

    /// Whether some constraint at the webhook says that it is about this very kind, and not about any.
    pub fn names_kind(&self, group: &str, kind: &str) -> bool {
        self.at_webhook().any(|constraint| {
            let names = constraint.matching.kinds();
            names.is_some_and(|mut names| names.any(|name| name == kind))
                && constraint.matching.has_kind(group, kind)
        })
    }

    fn at_webhook(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| constraint.at_point(WEBHOOK).is_some())
    }
}
