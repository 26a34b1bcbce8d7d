//! The roles and bindings that every API server makes for itself (Kubernetes 1.34,
//! `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`), for those that are not among the inputs. Roles of features that are
//! off by default are not here.

use super::rule::PolicyRule;
use super::subject::Subject;

mod components;
mod controllers;
mod people;

/// The group of people who may do everything; the API server asks nobody about them.
pub const MASTERS: &str = "system:masters";

/// A default role.
pub(super) struct DefaultRole {
    /// Empty for a `ClusterRole`.
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    /// The role that takes its rules in: the end of its label `rbac.authorization.k8s.io/aggregate-to-`; or empty.
    pub(super) aggregated_to: &'static str,
    /// The end of the label whose roles it takes in; or empty.
    pub(super) aggregates: &'static str,
    pub(super) rules: &'static [DefaultRule],
}

/// A rule: words that spaces set apart. In `groups` the word `core` stands for the core group.
pub(super) struct DefaultRule {
    groups: &'static str,
    resources: &'static str,
    names: &'static str,
    urls: &'static str,
    verbs: &'static str,
}

const fn on(groups: &'static str, resources: &'static str, verbs: &'static str) -> DefaultRule {
    DefaultRule { groups, resources, names: "", urls: "", verbs }
}

const fn named(
    groups: &'static str,
    resources: &'static str,
    names: &'static str,
    verbs: &'static str,
) -> DefaultRule {
    DefaultRule { groups, resources, names, urls: "", verbs }
}

const fn urls(urls: &'static str, verbs: &'static str) -> DefaultRule {
    DefaultRule { groups: "", resources: "", names: "", urls, verbs }
}

impl DefaultRule {
    pub(super) fn rule(&self) -> PolicyRule {
        let words = |text: &str| text.split_ascii_whitespace().map(Into::into).collect::<Vec<_>>();
        let groups = self.groups.split_ascii_whitespace();
        PolicyRule {
            verbs: words(self.verbs),
            api_groups: groups.map(|group| if group == "core" { "" } else { group }.into()).collect(),
            resources: words(self.resources),
            resource_names: words(self.names),
            non_resource_urls: words(self.urls),
        }
    }
}

/// All default roles.
pub(super) fn roles() -> impl Iterator<Item = &'static DefaultRole> {
    [people::ROLES, components::ROLES, controllers::ROLES].into_iter().flatten()
}

/// A default binding to one subject.
#[derive(Clone, Copy)]
pub(super) struct DefaultBinding {
    /// Empty for a `ClusterRoleBinding`, which binds a `ClusterRole`; a `RoleBinding` here binds a Role.
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    subject: DefaultSubject,
}

impl DefaultBinding {
    pub(super) fn subject(&self) -> Subject {
        match self.subject {
            DefaultSubject::User(name) => Subject::User(name.into()),
            DefaultSubject::Group(name) => Subject::Group(name.into()),
            DefaultSubject::Account(name) => {
                Subject::ServiceAccount { namespace: "kube-system".into(), name: name.into() }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum DefaultSubject {
    User(&'static str),
    Group(&'static str),
    /// A service account in `kube-system`.
    Account(&'static str),
}

use DefaultSubject::{Account, Group, User};

const fn all(name: &'static str, subject: DefaultSubject) -> DefaultBinding {
    DefaultBinding { namespace: "", name, role: name, subject }
}

const fn inside(namespace: &'static str, name: &'static str, subject: DefaultSubject) -> DefaultBinding {
    DefaultBinding { namespace, name, role: name, subject }
}

const fn reader_of_authentication(user: &'static str) -> DefaultBinding {
    DefaultBinding {
        namespace: "kube-system",
        name: "system::extension-apiserver-authentication-reader",
        role: "extension-apiserver-authentication-reader",
        subject: User(user),
    }
}

const MANAGER_LOCK: &str = "system::leader-locking-kube-controller-manager";
const SCHEDULER_LOCK: &str = "system::leader-locking-kube-scheduler";

/// Those of the controllers are not here: each has the role that is called after it.
static BINDINGS: &[DefaultBinding] = &[
    all("cluster-admin", Group(MASTERS)),
    all("system:basic-user", Group("system:authenticated")),
    all("system:discovery", Group("system:authenticated")),
    all("system:kube-controller-manager", User("system:kube-controller-manager")),
    all("system:kube-dns", Account("kube-dns")),
    all("system:kube-scheduler", User("system:kube-scheduler")),
    all("system:monitoring", Group("system:monitoring")),
    all("system:node-proxier", User("system:kube-proxy")),
    all("system:public-info-viewer", Group("system:authenticated")),
    all("system:public-info-viewer", Group("system:unauthenticated")),
    all("system:service-account-issuer-discovery", Group("system:serviceaccounts")),
    all("system:volume-scheduler", User("system:kube-scheduler")),
    inside("kube-public", "system:controller:bootstrap-signer", Account("bootstrap-signer")),
    inside("kube-system", "system:controller:bootstrap-signer", Account("bootstrap-signer")),
    inside("kube-system", "system:controller:cloud-provider", Account("cloud-provider")),
    inside("kube-system", "system:controller:token-cleaner", Account("token-cleaner")),
    inside("kube-system", MANAGER_LOCK, User("system:kube-controller-manager")),
    inside("kube-system", MANAGER_LOCK, Account("kube-controller-manager")),
    inside("kube-system", MANAGER_LOCK, Account("leader-election-controller")),
    inside("kube-system", SCHEDULER_LOCK, User("system:kube-scheduler")),
    inside("kube-system", SCHEDULER_LOCK, Account("kube-scheduler")),
    reader_of_authentication("system:kube-controller-manager"),
    reader_of_authentication("system:kube-scheduler"),
];

/// What the names of the controllers' roles start with.
const CONTROLLER_PREFIX: &str = "system:controller:";

/// All default bindings; one with several subjects is several of one name.
pub(super) fn bindings() -> impl Iterator<Item = DefaultBinding> {
    let of_controllers = controllers::ROLES.iter().filter_map(|role| {
        let account = role.name.strip_prefix(CONTROLLER_PREFIX)?;
        Some(all(role.name, Account(account)))
    });
    BINDINGS.iter().copied().chain(of_controllers)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_binding_has_its_role() {
        let known: BTreeSet<_> = roles().map(|role| (role.namespace, role.name)).collect();
        assert_eq!(known.len(), roles().count(), "names are unique");
        for binding in bindings() {
            assert!(known.contains(&(binding.namespace, binding.role)), "{}", binding.name);
        }
        assert_eq!(known.len(), 75);
    }

    #[test]
    fn every_rule_says_something() {
        for rule in roles().flat_map(|role| role.rules).map(DefaultRule::rule) {
            assert!(!rule.verbs.is_empty());
            assert!(rule.resources.is_empty() != rule.non_resource_urls.is_empty());
            assert_eq!(rule.resources.is_empty(), rule.api_groups.is_empty());
        }
    }
}
