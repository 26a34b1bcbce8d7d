//! Questions to [`Rbac`]: who can do something ([`Rbac::who_can`]), and what somebody can do ([`Rbac::rights`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::rule::{PolicyRule, Request};
use super::{Binding, GROUP, Origin, Rbac, Role, Subject, User};
use crate::object::kinds::ClusterResources;

/// Which objects are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Named<'a> {
    /// The request names none: all objects of a list, or one that is yet to be made.
    Nothing,
    /// The one of a name.
    Exactly(&'a str),
    /// At least one, whatever its name; the grant says which.
    Any,
}

/// Where the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place<'a> {
    /// In the cluster: cluster-scoped objects, or those of all namespaces at once.
    Cluster,
    /// In a namespace. A Namespace itself counts as in itself, so that a `RoleBinding` can give rights over it; over other
    /// cluster-scoped objects it gives none.
    Namespace(&'a str),
    /// In the cluster or in any namespace.
    Anywhere,
}

/// A thing to do, to find out who can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question<'a> {
    /// Verb.
    pub verb: &'a str,
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Plural name of the resource.
    pub resource: &'a str,
    /// Subresource; empty for none.
    pub subresource: &'a str,
    /// Which objects.
    pub named: Named<'a>,
    /// Where.
    pub place: Place<'a>,
}

/// That a subject can do something, and by what.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who: as the binding names them. A group stands for all its members.
    pub subject: Subject,
    /// The binding that gives it.
    pub binding: Arc<Binding>,
    /// Where the binding's role comes from.
    pub role: Origin,
    /// The names to which it is bound, sorted; empty for all.
    pub names: Vec<Arc<str>>,
}

impl Grant {
    /// Whether neither binding nor role is among the inputs: a right that every cluster gives.
    pub fn is_default(&self) -> bool {
        self.binding.origin == Origin::Default && self.role == Origin::Default
    }
}

/// What a role says to a question.
#[derive(Clone, Debug, Default)]
enum Answer {
    #[default]
    No,
    /// With the names to which it is bound; empty for all.
    Yes(BTreeSet<Arc<str>>),
}

impl Answer {
    /// What both allow together.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, answer) | (answer, Self::No) => answer,
            (Self::Yes(mut names), Self::Yes(more)) => {
                if names.is_empty() || more.is_empty() {
                    return Self::Yes(BTreeSet::new());
                }
                names.extend(more);
                Self::Yes(names)
            }
        }
    }

    fn of_rule(rule: &PolicyRule, question: &Question<'_>) -> Self {
        let is_about = rule.has_verb(question.verb)
            && rule.has_resource(question.group, question.resource, question.subresource);
        if !is_about {
            return Self::No;
        }
        if rule.resource_names.is_empty() {
            return Self::Yes(BTreeSet::new());
        }
        match question.named {
            Named::Exactly(name) if rule.resource_names.iter().any(|each| &**each == name) => {
                Self::Yes(BTreeSet::from([name.into()]))
            }
            Named::Any if rule.names_count(question.verb, question.subresource) => {
                Self::Yes(rule.resource_names.iter().cloned().collect())
            }
            _ => Self::No,
        }
    }
}

/// Resources that are no objects, and about which the API server asks in the cluster as a whole
/// (`pkg/endpoints/filters/impersonation.go` of the apiserver, `pkg/certauthorization`). Impersonating service accounts
/// is asked in their namespace.
const VIRTUAL: &[(&str, &str)] = &[
    ("", "users"),
    ("", "groups"),
    ("authentication.k8s.io", "uids"),
    ("authentication.k8s.io", "userextras"),
    ("certificates.k8s.io", "signers"),
];

/// What a `RoleBinding` can give of what a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    /// Nothing: the objects are in no namespace, so the API server asks the bindings of the cluster alone.
    Nothing,
    /// The Namespace that the binding is in: a request that names a Namespace counts as one in it.
    OwnNamespace,
    /// The objects of the namespace.
    Whole,
}

impl Bound {
    fn of(question: &Question<'_>, of_cluster: &ClusterResources) -> Self {
        let Question { verb, group, resource, subresource, .. } = *question;
        if (group, resource) == ("", "namespaces") {
            // These name none, unless it is a subresource's.
            let is_named = !subresource.is_empty() || !matches!(verb, "list" | "create" | "deletecollection");
            return if is_named { Self::OwnNamespace } else { Self::Nothing };
        }
        // Whoever writes a RoleBinding is asked there whether they may bind its ClusterRole.
        let is_bind = verb == "bind" && (group, resource) == (GROUP, "clusterroles");
        let is_of_cluster = of_cluster.has(group, resource) || VIRTUAL.contains(&(group, resource));
        if is_of_cluster && !is_bind { Self::Nothing } else { Self::Whole }
    }

    /// The answer of a role, as a binding gives it.
    fn given(self, answer: Answer, binding: &Binding, question: &Question<'_>) -> Answer {
        let Some(own) = &binding.namespace else {
            return answer;
        };
        match (self, answer) {
            (Self::Whole, answer) => answer,
            (Self::Nothing, _) | (_, Answer::No) => Answer::No,
            (Self::OwnNamespace, Answer::Yes(names)) => {
                let is_meant = match question.named {
                    Named::Nothing => false,
                    Named::Exactly(name) => name == &**own,
                    Named::Any => true,
                };
                if is_meant && (names.is_empty() || names.contains(own)) {
                    Answer::Yes(BTreeSet::from([own.clone()]))
                } else {
                    Answer::No
                }
            }
        }
    }
}

impl Binding {
    /// Whether what it gives holds at a place.
    fn holds_at(&self, place: Place<'_>) -> bool {
        match (&self.namespace, place) {
            (None, _) | (Some(_), Place::Anywhere) => true,
            (Some(_), Place::Cluster) => false,
            (Some(own), Place::Namespace(asked)) => &**own == asked,
        }
    }
}

impl Rbac {
    /// Everybody who can do something, each with each binding that lets them, sorted by subject. Takes time in proportion to
    /// the rules and the bindings, not to their product.
    pub fn who_can(&self, question: &Question<'_>) -> Vec<Grant> {
        let own: Vec<Answer> = self.roles.iter().map(|role| answer_of(role, question)).collect();
        let whole: Vec<Answer> = self.roles.iter().map(|role| whole_answer(role, &own)).collect();
        let bound = Bound::of(question, &self.of_cluster);
        let mut grants = Vec::new();
        for binding in self.bindings.iter().filter(|binding| binding.holds_at(question.place)) {
            for (role, answer) in binding
                .roles
                .iter()
                .filter_map(|number| Some((self.roles.get(*number)?, whole.get(*number)?)))
            {
                let Answer::Yes(names) = bound.given(answer.clone(), binding, question) else {
                    continue;
                };
                grants.extend(binding.subjects.iter().map(|subject| Grant {
                    subject: subject.clone(),
                    binding: binding.clone(),
                    role: role.origin.clone(),
                    names: names.iter().cloned().collect(),
                }));
            }
        }
        grants.sort_by(|a, b| a.subject.cmp(&b.subject));
        grants
    }

    /// What a user can do.
    pub fn rights(&self, user: &User) -> Rights<'_> {
        let numbers = self.bindings_of(user);
        Rights {
            rbac: self,
            bindings: numbers.iter().filter_map(|number| self.bindings.get(*number)).collect(),
        }
    }
}

fn answer_of(role: &Role, question: &Question<'_>) -> Answer {
    role.rules.iter().map(|rule| Answer::of_rule(rule, question)).fold(Answer::No, Answer::or)
}

/// The answer of a role with what it takes in.
fn whole_answer(role: &Role, own: &[Answer]) -> Answer {
    role.parts.iter().filter_map(|part| own.get(*part).cloned()).fold(Answer::No, Answer::or)
}

/// What somebody can do: the bindings that they have.
#[derive(Clone, Debug)]
pub struct Rights<'a> {
    rbac: &'a Rbac,
    bindings: Vec<&'a Arc<Binding>>,
}

/// One rule that somebody has.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a> {
    /// The binding that gives it, and says where it holds.
    pub binding: &'a Arc<Binding>,
    /// The role.
    pub role: &'a Role,
    /// The rule.
    pub rule: &'a PolicyRule,
}

impl<'a> Rights<'a> {
    /// The bindings.
    pub fn bindings(&self) -> &[&'a Arc<Binding>] {
        &self.bindings
    }

    /// The rules, binding by binding.
    pub fn iter(&self) -> impl Iterator<Item = Right<'a>> + use<'a> {
        let rbac = self.rbac;
        self.bindings.clone().into_iter().flat_map(move |binding| {
            rbac.rules_of(binding).map(move |(role, rule)| Right { binding, role, rule })
        })
    }

    /// Without what the API server itself gives everybody: what somebody has of their own.
    #[must_use]
    pub fn own(mut self) -> Self {
        self.bindings.retain(|binding| binding.origin != Origin::Default);
        self
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether a request is allowed.
    pub fn allows(&self, request: &Request<'_>) -> bool {
        let place = match request.target.namespace() {
            "" => Place::Cluster,
            namespace => Place::Namespace(namespace),
        };
        self.iter().any(|right| right.binding.holds_at(place) && right.rule.allows(request))
    }

    /// The binding that lets them do something, with the names to which that is bound; the first that is bound to none,
    /// else the first.
    pub fn find(&self, question: &Question<'_>) -> Option<(&'a Arc<Binding>, Vec<Arc<str>>)> {
        let bound = Bound::of(question, &self.rbac.of_cluster);
        let mut found = None;
        for binding in self.bindings.iter().filter(|binding| binding.holds_at(question.place)) {
            let answers = self.rbac.rules_of(binding).map(|(_, rule)| Answer::of_rule(rule, question));
            match bound.given(answers.fold(Answer::No, Answer::or), binding, question) {
                Answer::No => {}
                Answer::Yes(names) if names.is_empty() => return Some((binding, Vec::new())),
                Answer::Yes(names) => {
                    found.get_or_insert_with(|| (*binding, names.into_iter().collect()));
                }
            }
        }
        found
    }
}
