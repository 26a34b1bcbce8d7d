//! Who may do what: role-based access control as the API server evaluates it (Kubernetes 1.34,
//! `plugin/pkg/auth/authorizer/rbac`, `pkg/registry/rbac/validation`, `pkg/controller/clusterroleaggregation`).
//!
//! Beside what is among the inputs, the roles and bindings count that every API server makes for itself, where the inputs
//! do not have them under the same name. Where manifests describe one role or binding several times, all of them count:
//! rights that may be there are there. The node authorizer, which gives kubelets what concerns their node, is not here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use crate::finding::Location;
use crate::object::kinds::ClusterResources;
use crate::object::{NULL, field, text};
use crate::selector::{FieldNames, Selector};
use crate::snapshot::{Entry, Snapshot};

pub mod account;
mod defaults;
mod grant;
pub mod rule;
pub mod subject;

pub use account::{Account, Token};
pub use defaults::MASTERS;
pub use grant::{Grant, Named, Place, Question, Right, Rights};
pub use rule::{PolicyRule, Request, Target};
pub use subject::{AUTHENTICATED, Subject, UNAUTHENTICATED, User};

use subject::Key;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// What the labels of the default roles that are taken in by others start with.
const AGGREGATE_PREFIX: &str = "rbac.authorization.k8s.io/aggregate-to-";

/// Most comparisons of a selector with a role when aggregated roles are put together. Beyond it, a role with an
/// `aggregationRule` counts as one that allows everything, for what it allows is not known.
pub const AGGREGATION_STEPS_MAX: usize = 10_000_000;

/// Where a role or binding comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A manifest among the inputs.
    Manifest(Location),
    /// The API server makes it; it is not among the inputs.
    Default,
}

impl Origin {
    /// Where its manifest stands, where there is one.
    pub const fn location(&self) -> Option<&Location> {
        match self {
            Self::Manifest(location) => Some(location),
            Self::Default => None,
        }
    }
}

/// A Role or `ClusterRole`.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its namespace; `None` for a `ClusterRole`.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Where it comes from.
    pub origin: Origin,
    /// The rules of its manifest. Those of an aggregated role do not count.
    pub rules: Vec<PolicyRule>,
    /// The roles whose rules it has, by number: itself, or those that its `aggregationRule` takes in.
    parts: Vec<usize>,
}

/// A `RoleBinding` or `ClusterRoleBinding`.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Its namespace, to which the rights are bound; `None` for a `ClusterRoleBinding`.
    pub namespace: Option<Arc<str>>,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it binds a `ClusterRole`, and not a Role of its namespace.
    pub binds_cluster_role: bool,
    /// The name of the role.
    pub role: Arc<str>,
    /// Whom it binds; those that no user is are left out.
    pub subjects: Vec<Subject>,
    /// Where it comes from.
    pub origin: Origin,
    /// The roles of the name, by number: none where there is no such role, and then it gives no rights.
    roles: Vec<usize>,
}

/// `ClusterRoleBinding admins` or `RoleBinding shop/readers`.
impl std::fmt::Display for Binding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(out, "RoleBinding {namespace}/{}", self.name),
            None => write!(out, "ClusterRoleBinding {}", self.name),
        }
    }
}

/// All roles and bindings of a cluster, ready to be asked. Immutable.
#[derive(Clone, Debug, Default)]
pub struct Rbac {
    roles: Vec<Role>,
    bindings: Vec<Arc<Binding>>,
    by_subject: BTreeMap<Key, Vec<usize>>,
    /// Over these a `RoleBinding` gives no rights.
    of_cluster: ClusterResources,
}

/// Where a role is found: its namespace, `None` for a `ClusterRole`, and its name.
type RoleKey = (Option<Arc<str>>, Arc<str>);

/// A role with what aggregation looks at.
struct Draft {
    role: Role,
    labels: Value,
    /// `None` where it is not aggregated.
    selectors: Option<Vec<Selector>>,
}

impl Rbac {
    /// The roles and bindings of a snapshot, and those that the API server makes for itself.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut drafts: Vec<Draft> = ["ClusterRole", "Role"]
            .into_iter()
            .flat_map(|kind| snapshot.of_kind(GROUP, kind))
            .map(|entry| draft(entry))
            .collect();
        let given: BTreeSet<RoleKey> = drafts.iter().map(|draft| role_key(&draft.role)).collect();
        drafts.extend(
            defaults::roles().map(default_draft).filter(|draft| !given.contains(&role_key(&draft.role))),
        );
        let roles = aggregate(drafts);
        let mut by_name: BTreeMap<RoleKey, Vec<usize>> = BTreeMap::new();
        for (number, role) in roles.iter().enumerate() {
            by_name.entry(role_key(role)).or_default().push(number);
        }
        let mut bindings: Vec<Binding> = ["ClusterRoleBinding", "RoleBinding"]
            .into_iter()
            .flat_map(|kind| snapshot.of_kind(GROUP, kind))
            .filter_map(|entry| binding(entry))
            .collect();
        let given: BTreeSet<RoleKey> = bindings.iter().map(binding_key).collect();
        // Members of this group are let through before roles are asked, whatever the binding of that name says.
        bindings.extend(defaults::bindings().map(default_binding).filter(|binding| {
            let is_of_masters = &*binding.name == "cluster-admin" && binding.namespace.is_none();
            is_of_masters || !given.contains(&binding_key(binding))
        }));
        for binding in &mut bindings {
            let namespace = if binding.binds_cluster_role { None } else { binding.namespace.clone() };
            binding.roles = by_name.get(&(namespace, binding.role.clone())).cloned().unwrap_or_default();
        }
        Self::with(roles, bindings, snapshot.kinds().cluster_resources())
    }

    fn with(roles: Vec<Role>, bindings: Vec<Binding>, of_cluster: ClusterResources) -> Self {
        let mut by_subject: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (number, binding) in bindings.iter().enumerate() {
            for key in binding.subjects.iter().map(Subject::key).collect::<BTreeSet<_>>() {
                by_subject.entry(key).or_default().push(number);
            }
        }
        Self { roles, bindings: bindings.into_iter().map(Arc::new).collect(), by_subject, of_cluster }
    }

    /// Whether a role or a binding was given, beside those that the API server makes for itself.
    pub fn is_given(snapshot: &Snapshot) -> bool {
        ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]
            .iter()
            .any(|kind| !snapshot.of_kind(GROUP, kind).is_empty())
    }

    /// The bindings: those among the inputs first, in their order.
    pub fn bindings(&self) -> &[Arc<Binding>] {
        &self.bindings
    }

    /// The roles: those among the inputs first, in their order.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The rules of a binding's role.
    fn rules_of<'a>(&'a self, binding: &'a Binding) -> impl Iterator<Item = (&'a Role, &'a PolicyRule)> {
        binding.roles.iter().filter_map(|number| self.roles.get(*number)).flat_map(|role| {
            let parts = role.parts.iter().filter_map(|part| self.roles.get(*part));
            parts.flat_map(move |part| part.rules.iter().map(move |rule| (role, rule)))
        })
    }

    /// The bindings that a user has, by number, sorted.
    fn bindings_of(&self, user: &User) -> BTreeSet<usize> {
        user.keys().filter_map(|key| self.by_subject.get(&key)).flatten().copied().collect()
    }

    /// Whether a user may do something, and by which binding: the answer of the API server. Bindings of the cluster are
    /// looked at before those of the namespace.
    pub fn allows(&self, user: &User, request: &Request<'_>) -> Option<&Arc<Binding>> {
        let namespace = request.target.namespace();
        let own: Vec<&Arc<Binding>> =
            self.bindings_of(user).into_iter().filter_map(|number| self.bindings.get(number)).collect();
        let of_cluster = own.iter().filter(|binding| binding.namespace.is_none());
        let of_namespace = own.iter().filter(|binding| {
            !namespace.is_empty() && binding.namespace.as_deref().is_some_and(|own| own == namespace)
        });
        of_cluster
            .chain(of_namespace)
            .find(|binding| self.rules_of(binding).any(|(_, rule)| rule.allows(request)))
            .copied()
    }
}

fn role_key(role: &Role) -> RoleKey {
    (role.namespace.clone(), role.name.clone())
}

fn binding_key(binding: &Binding) -> RoleKey {
    (binding.namespace.clone(), binding.name.clone())
}

fn draft(entry: &Entry) -> Draft {
    let rules = entry.value.get("rules").and_then(Value::as_array);
    let rules: Vec<PolicyRule> = rules.into_iter().flatten().map(PolicyRule::decode).collect();
    let is_cluster_role = &*entry.object.kind == "ClusterRole";
    let aggregation = entry.value.get("aggregationRule").filter(|rule| !rule.is_null());
    let selectors = aggregation.filter(|_| is_cluster_role).and_then(|rule| {
        let list = rule.get("clusterRoleSelectors").and_then(Value::as_array);
        // Where one selector means nothing the controller gives up, and the role keeps what it has.
        list.into_iter().flatten().map(|each| Selector::of(each, FieldNames::Exact).ok()).collect()
    });
    Draft {
        role: Role {
            namespace: if is_cluster_role { None } else { entry.namespace.clone() },
            name: entry.object.name.clone(),
            origin: Origin::Manifest(entry.location.clone()),
            rules,
            parts: Vec::new(),
        },
        labels: entry.labels().clone(),
        selectors,
    }
}

fn default_draft(default: &defaults::DefaultRole) -> Draft {
    let label = |end: &str| -> Value {
        let key = format!("{AGGREGATE_PREFIX}{end}");
        [(key.as_str(), Value::from("true"))].into()
    };
    let labels = if default.aggregated_to.is_empty() { Value::Null } else { label(default.aggregated_to) };
    let selectors = (!default.aggregates.is_empty())
        .then(|| Selector::of_labels(&label(default.aggregates)).ok().into_iter().collect());
    Draft {
        role: Role {
            namespace: Some(default.namespace).filter(|name| !name.is_empty()).map(Into::into),
            name: default.name.into(),
            origin: Origin::Default,
            rules: default.rules.iter().map(defaults::DefaultRule::rule).collect(),
            parts: Vec::new(),
        },
        labels,
        selectors,
    }
}

/// Finds the parts of aggregated roles: the rules of all roles that a selector matches, and of those that these take in.
/// What an aggregated role's own manifest lists is overwritten by the controller.
fn aggregate(drafts: Vec<Draft>) -> Vec<Role> {
    let mut steps = 0_usize;
    let mut taken: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let cluster_roles: Vec<usize> = drafts
        .iter()
        .enumerate()
        .filter(|(_, draft)| draft.role.namespace.is_none())
        .map(|(number, _)| number)
        .collect();
    for (number, draft) in drafts.iter().enumerate() {
        let Some(selectors) = &draft.selectors else {
            continue;
        };
        steps = steps.saturating_add(selectors.len().saturating_mul(cluster_roles.len()));
        if steps > AGGREGATION_STEPS_MAX {
            continue;
        }
        let is_taken = |other: &&usize| {
            drafts.get(**other).is_some_and(|other| {
                other.role.name != draft.role.name
                    && selectors.iter().any(|selector| selector.matches(&other.labels))
            })
        };
        taken.insert(number, cluster_roles.iter().filter(is_taken).copied().collect());
    }
    let mut parts: Vec<Vec<usize>> = Vec::with_capacity(drafts.len());
    let mut everything = Vec::new();
    for (number, draft) in drafts.iter().enumerate() {
        let of_role = match (&draft.selectors, taken.contains_key(&number)) {
            (None, _) => vec![number],
            (Some(_), true) => plain_parts(number, &taken, &mut steps).unwrap_or_default(),
            (Some(_), false) => Vec::new(),
        };
        if draft.selectors.is_some() && steps > AGGREGATION_STEPS_MAX {
            everything.push(number);
        }
        parts.push(of_role);
    }
    let mut roles: Vec<Role> = drafts.into_iter().map(|draft| draft.role).collect();
    for (role, parts) in roles.iter_mut().zip(parts) {
        role.parts = parts;
    }
    for number in everything {
        if let Some(role) = roles.get_mut(number) {
            role.rules = all_rights();
            role.parts = vec![number];
        }
    }
    roles
}

/// The roles without an `aggregationRule` that one with such a rule takes in, at whatever distance; `None` where the
/// steps are used up.
fn plain_parts(start: usize, taken: &BTreeMap<usize, Vec<usize>>, steps: &mut usize) -> Option<Vec<usize>> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::from([start]);
    let mut waiting = vec![start];
    while let Some(number) = waiting.pop() {
        match taken.get(&number) {
            None => {
                found.insert(number);
            }
            Some(others) => {
                *steps = steps.saturating_add(others.len());
                if *steps > AGGREGATION_STEPS_MAX {
                    return None;
                }
                waiting.extend(others.iter().filter(|other| seen.insert(**other)));
            }
        }
    }
    Some(found.into_iter().collect())
}

/// Rules that allow everything.
fn all_rights() -> Vec<PolicyRule> {
    let star = || vec![Arc::from("*")];
    vec![
        PolicyRule { verbs: star(), api_groups: star(), resources: star(), ..PolicyRule::default() },
        PolicyRule { verbs: star(), non_resource_urls: star(), ..PolicyRule::default() },
    ]
}

fn binding(entry: &Entry) -> Option<Binding> {
    let is_of_cluster = &*entry.object.kind == "ClusterRoleBinding";
    let namespace = if is_of_cluster { None } else { entry.namespace.clone() };
    let role = field(&entry.value, &["roleRef"]);
    let binds_cluster_role = match text(role, "kind") {
        "ClusterRole" => true,
        "Role" if !is_of_cluster => false,
        // The resolver finds no such role.
        _ => return None,
    };
    let subjects = entry.value.get("subjects").unwrap_or(&NULL).as_array();
    let subjects: BTreeSet<Subject> = subjects
        .into_iter()
        .flatten()
        .filter_map(|subject| Subject::decode(subject, namespace.as_deref()))
        .collect();
    Some(Binding {
        namespace,
        name: entry.object.name.clone(),
        binds_cluster_role,
        role: text(role, "name").into(),
        subjects: subjects.into_iter().collect(),
        origin: Origin::Manifest(entry.location.clone()),
        roles: Vec::new(),
    })
}

fn default_binding(default: defaults::DefaultBinding) -> Binding {
    Binding {
        namespace: Some(default.namespace).filter(|name| !name.is_empty()).map(Into::into),
        name: default.name.into(),
        binds_cluster_role: default.namespace.is_empty(),
        role: default.role.into(),
        subjects: vec![default.subject()],
        origin: Origin::Default,
        roles: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
