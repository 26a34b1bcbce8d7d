//! Which kinds of objects policies look at, and when: what an API server need not send cannot be held up.

use super::{Constraint, PolicySet, WEBHOOK};

/// What happens to an object; an API server asks about each only if it is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It is made.
    Create,
    /// It is changed.
    Update,
    /// It goes. Only a template that names it is asked.
    Delete,
    /// Somebody connects to it, as `kubectl exec` does. Only a template that names it is asked, or a constraint that names the kind
    /// of the options (`PodExecOptions`), which nothing else sends.
    Connect,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Connect];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl PolicySet {
    /// Whether the webhook has anything to say when something happens to objects of a kind, as a version of its group has it: some
    /// constraint could be about it, or about what it makes.
    pub fn is_about(&self, operation: Operation, group: &str, version: &str, kind: &str) -> bool {
        let mut asked = self.at_webhook().filter(|constraint| self.asks(constraint, operation, kind));
        if self.expansions.is_about_kind(group, version, kind) {
            return asked.next().is_some();
        }
        asked.any(|constraint| constraint.matching.has_kind(group, kind))
    }

    /// The same of objects of any kind, those that are not defined yet among them.
    pub fn is_about_every_kind(&self, operation: Operation) -> bool {
        // No group and no kind has this name.
        self.is_about(operation, "*/", "", "*/")
    }

    /// The same of some kind of a group, whether it is defined or not.
    pub fn is_about_group(&self, operation: Operation, group: &str) -> bool {
        let mut asked = self.at_webhook().filter(|constraint| self.asks(constraint, operation, ""));
        asked.any(|constraint| constraint.matching.has_group(group))
    }

    /// The groups that constraints at the webhook name, each with the kinds in it.
    pub fn named_kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.at_webhook().flat_map(|constraint| constraint.matching.named_kinds())
    }

    /// Whether some constraint at the webhook says that it is about this very kind, and not about any.
    pub fn names_kind(&self, group: &str, kind: &str) -> bool {
        self.at_webhook().any(|constraint| names_kind(constraint, group, kind))
    }

    /// Whether a constraint is asked when something happens to objects of a kind, if it is about them.
    fn asks(&self, constraint: &Constraint, operation: Operation, kind: &str) -> bool {
        let word = operation.as_str();
        let template = self.templates.get(constraint.template);
        template.is_some_and(|template| match operation {
            Operation::Create | Operation::Update => template.is_for(word),
            Operation::Delete => template.names(word),
            Operation::Connect => {
                template.names(word) || template.is_for(word) && names_kind(constraint, "", kind)
            }
        })
    }

    fn at_webhook(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| constraint.at_point(WEBHOOK).is_some())
    }
}

fn names_kind(constraint: &Constraint, group: &str, kind: &str) -> bool {
    let names = constraint.matching.kinds();
    names.is_some_and(|mut names| names.any(|name| name == kind)) && constraint.matching.has_kind(group, kind)
}
