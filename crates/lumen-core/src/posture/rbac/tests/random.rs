//! The model beside an evaluator that goes through every rule of every binding for each request, written down from the
//! Kubernetes documentation.

use proptest::prelude::*;

use super::*;
use crate::snapshot::{Options, SourceDocument};

const NAMESPACES: [&str; 3] = ["", "a", "b"];
const VERBS: [&str; 4] = ["get", "list", "create", "escalate"];
const GROUPS: [&str; 2] = ["", "apps"];
const RESOURCES: [&str; 3] = ["pods", "roles", "namespaces"];
const SUBRESOURCES: [&str; 3] = ["", "exec", "scale"];
const NAMES: [&str; 3] = ["", "x", "a"];
const URLS: [&str; 3] = ["/metrics", "/logs/a", "/"];
const SUBJECTS: [(&str, &str, &str); 8] = [
    ("User", "u", ""),
    ("User", "system:serviceaccount:a:s", ""),
    ("Group", "g", ""),
    ("Group", "system:serviceaccounts", ""),
    ("Group", "system:serviceaccounts:b", ""),
    ("ServiceAccount", "s", "a"),
    ("ServiceAccount", "s", ""),
    ("Machine", "u", ""),
];

#[derive(Clone, Debug)]
struct Rule {
    verbs: Vec<&'static str>,
    groups: Vec<&'static str>,
    resources: Vec<&'static str>,
    names: Vec<&'static str>,
    urls: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct RandomRole {
    namespace: &'static str,
    name: &'static str,
    label: &'static str,
    aggregates: Option<&'static str>,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct RandomBinding {
    namespace: &'static str,
    role_kind: &'static str,
    role: &'static str,
    subjects: Vec<(&'static str, &'static str, &'static str)>,
}

fn some(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(words), 0..=most)
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        some(&["get", "list", "create", "*"], 2),
        some(&["", "apps", "*"], 2),
        some(&["pods", "roles", "namespaces", "pods/exec", "*/scale", "*", "pods/*", "*/*"], 2),
        some(&["x", "a"], 1),
        some(&["/metrics", "/logs/*", "*", "/l**"], 1),
    )
        .prop_map(|(verbs, groups, resources, names, urls)| Rule {
            verbs,
            groups,
            resources,
            names,
            urls,
        })
}

fn role() -> impl Strategy<Value = RandomRole> {
    let label = || prop::sample::select(vec!["p", "q", "r"]);
    (
        prop::sample::select(NAMESPACES.to_vec()),
        prop::sample::select(vec!["one", "two", "three", "view"]),
        label(),
        prop::option::weighted(0.3, label()),
        prop::collection::vec(rule(), 0..3),
    )
        .prop_map(|(namespace, name, label, aggregates, rules)| RandomRole {
            namespace,
            name,
            label,
            aggregates,
            rules,
        })
}

fn binding() -> impl Strategy<Value = RandomBinding> {
    (
        prop::sample::select(NAMESPACES.to_vec()),
        prop::sample::select(vec!["Role", "ClusterRole", "ClusterRole", "Group"]),
        prop::sample::select(vec!["one", "two", "three", "view", "none"]),
        prop::collection::vec(prop::sample::select(SUBJECTS.to_vec()), 0..3),
    )
        .prop_map(|(namespace, role_kind, role, subjects)| RandomBinding {
            namespace,
            role_kind,
            role,
            subjects,
        })
}

fn words(list: &[&str]) -> Value {
    list.iter().map(|word| Value::from(*word)).collect::<Vec<_>>().into()
}

fn metadata(name: &str, namespace: &str, label: &str) -> Value {
    let labels: Value = [("in", label.into())].into();
    let mut fields: lumen_value::Object = lumen_value::Object::default();
    fields = fields.with("name", name).with("labels", labels);
    if !namespace.is_empty() {
        fields = fields.with("namespace", namespace);
    }
    fields.into()
}

fn role_manifest(role: &RandomRole) -> Value {
    let rules: Vec<Value> = role
        .rules
        .iter()
        .map(|rule| {
            [
                ("verbs", words(&rule.verbs)),
                ("apiGroups", words(&rule.groups)),
                ("resources", words(&rule.resources)),
                ("resourceNames", words(&rule.names)),
                ("nonResourceURLs", words(&rule.urls)),
            ]
            .into()
        })
        .collect();
    let aggregation = role.aggregates.map_or(Value::Null, |label| {
        let labels: Value = [("in", label.into())].into();
        let selector: Value = [("matchLabels", labels)].into();
        [("clusterRoleSelectors", vec![selector].into())].into()
    });
    let kind = if role.namespace.is_empty() { "ClusterRole" } else { "Role" };
    [
        ("apiVersion", "rbac.authorization.k8s.io/v1".into()),
        ("kind", kind.into()),
        ("metadata", metadata(role.name, role.namespace, role.label)),
        ("rules", rules.into()),
        ("aggregationRule", aggregation),
    ]
    .into()
}

fn binding_manifest(number: usize, binding: &RandomBinding) -> Value {
    let subjects: Vec<Value> = binding
        .subjects
        .iter()
        .map(|(kind, name, namespace)| {
            [("kind", (*kind).into()), ("name", (*name).into()), ("namespace", (*namespace).into())].into()
        })
        .collect();
    let kind = if binding.namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let role: Value = [("kind", binding.role_kind.into()), ("name", binding.role.into())].into();
    [
        ("apiVersion", "rbac.authorization.k8s.io/v1".into()),
        ("kind", kind.into()),
        ("metadata", metadata(&format!("b{number}"), binding.namespace, "")),
        ("roleRef", role),
        ("subjects", subjects.into()),
    ]
    .into()
}

/// The rules of the roles of a name, as the controller leaves them: it is run until nothing changes.
fn settled(roles: &[RandomRole]) -> Vec<Vec<Rule>> {
    let is_aggregated = |role: &RandomRole| role.namespace.is_empty() && role.aggregates.is_some();
    let mut rules: Vec<Vec<Rule>> =
        roles.iter().map(|role| if is_aggregated(role) { Vec::new() } else { role.rules.clone() }).collect();
    for _ in 0..=roles.len() {
        for (number, role) in roles.iter().enumerate() {
            let Some(label) = role.aggregates.filter(|_| is_aggregated(role)) else {
                continue;
            };
            rules[number] = (0..roles.len())
                .filter(|other| {
                    roles[*other].namespace.is_empty()
                        && roles[*other].label == label
                        && roles[*other].name != role.name
                })
                .flat_map(|other| rules[other].clone())
                .take(200)
                .collect();
        }
    }
    rules
}

fn brute(roles: &[RandomRole], bindings: &[RandomBinding], user: &User, request: &Request<'_>) -> bool {
    let rules = settled(roles);
    bindings.iter().any(|binding| {
        let reaches = binding.namespace.is_empty() || binding.namespace == request.target.namespace();
        let is_bound = binding.subjects.iter().any(|(kind, name, namespace)| match *kind {
            "User" => user.name == *name,
            "Group" => user.groups.iter().any(|group| group == name),
            "ServiceAccount" => {
                let namespace = if namespace.is_empty() { binding.namespace } else { namespace };
                !namespace.is_empty() && user.name == format!("system:serviceaccount:{namespace}:{name}")
            }
            _ => false,
        });
        let of_role = match binding.role_kind {
            "ClusterRole" => Some(""),
            "Role" if !binding.namespace.is_empty() => Some(binding.namespace),
            _ => None,
        };
        let of_role: Vec<&Rule> = roles
            .iter()
            .zip(&rules)
            .filter(|(role, _)| Some(role.namespace) == of_role && role.name == binding.role)
            .flat_map(|(_, rules)| rules)
            .collect();
        reaches && is_bound && of_role.into_iter().any(|rule| covers(rule, request))
    })
}

fn covers(rule: &Rule, request: &Request<'_>) -> bool {
    let has = |list: &[&str], word: &str| list.contains(&"*") || list.contains(&word);
    if !has(&rule.verbs, request.verb) {
        return false;
    }
    match request.target {
        Target::Url(path) => rule
            .urls
            .iter()
            .any(|url| *url == path || (url.ends_with('*') && path.starts_with(url.trim_end_matches('*')))),
        Target::Resource { group, resource, subresource, name, .. } => {
            let whole = if subresource.is_empty() {
                resource.to_owned()
            } else {
                format!("{resource}/{subresource}")
            };
            let of_any = format!("*/{subresource}");
            let has_resource = rule
                .resources
                .iter()
                .any(|each| *each == "*" || *each == whole || (!subresource.is_empty() && *each == of_any));
            let has_name = rule.names.is_empty() || rule.names.contains(&name);
            has(&rule.groups, group) && has_resource && has_name
        }
    }
}

fn users() -> Vec<User> {
    vec![
        User { name: "u".into(), groups: vec!["g".into()] },
        User { name: String::new(), groups: vec!["g".into()] },
        User { name: "v".into(), groups: Vec::new() },
        User::service_account("a", "s"),
        User::service_account("b", "s"),
    ]
}

fn requests() -> Vec<Request<'static>> {
    let mut requests = Vec::new();
    for verb in VERBS {
        requests.extend(URLS.map(|path| Request { verb, target: Target::Url(path) }));
        for (group, resource) in GROUPS.into_iter().flat_map(|group| RESOURCES.map(|each| (group, each))) {
            for (subresource, name) in SUBRESOURCES.into_iter().flat_map(|sub| NAMES.map(|name| (sub, name)))
            {
                requests.extend(NAMESPACES.map(|namespace| Request {
                    verb,
                    target: Target::Resource { group, resource, subresource, name, namespace },
                }));
            }
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn the_model_allows_what_the_documentation_allows(
        roles in prop::collection::vec(role(), 0..6),
        bindings in prop::collection::vec(binding(), 0..6),
    ) {
        let manifests = roles.iter().map(role_manifest);
        let manifests = manifests.chain(bindings.iter().enumerate().map(|(number, each)| binding_manifest(number, each)));
        let documents = manifests
            .enumerate()
            .map(|(index, value)| SourceDocument { source: "a.yaml".into(), index, value });
        let (snapshot, _) = Snapshot::build(documents, &Options::default());
        // The default roles are tested elsewhere; here what is random decides alone.
        let mut rbac = Rbac::of(&snapshot);
        let own = rbac.bindings.iter().filter(|binding| binding.origin != Origin::Default);
        let own: Vec<Binding> = own.map(|binding| (**binding).clone()).collect();
        rbac = Rbac::with(std::mem::take(&mut rbac.roles), own, rbac.of_cluster);
        let has_view = roles.iter().any(|role| role.name == "view" && role.namespace.is_empty());
        for user in users() {
            let rights = rbac.rights(&user);
            for request in requests() {
                let allowed = rbac.allows(&user, &request).is_some();
                prop_assert_eq!(allowed, rights.allows(&request));
                if has_view || !bindings.iter().any(|binding| binding.role == "view") {
                    prop_assert_eq!(allowed, brute(&roles, &bindings, &user, &request), "{:?} {:?}", user, request);
                }
                if let Target::Resource { group, resource, subresource, name, namespace } = request.target {
                    let named = if name.is_empty() { Named::Nothing } else { Named::Exactly(name) };
                    let place =
                        if namespace.is_empty() { Place::Cluster } else { Place::Namespace(namespace) };
                    let question =
                        Question { verb: request.verb, group, resource, subresource, named, place };
                    let keys: BTreeSet<Key> = user.keys().collect();
                    let grants = rbac.who_can(&question);
                    let is_granted = grants.iter().any(|grant| keys.contains(&grant.subject.key()));
                    prop_assert_eq!(is_granted, rights.find(&question).is_some());
                    // In a namespace the API server is asked about that Namespace alone, and by its name.
                    let is_namespace = (group, resource) == ("", "namespaces") && !namespace.is_empty();
                    let is_never_asked = name != namespace
                        || (subresource.is_empty() && ["list", "create"].contains(&request.verb));
                    if is_namespace && is_never_asked {
                        prop_assert!(allowed || !is_granted);
                    } else {
                        prop_assert_eq!(allowed, is_granted, "{:?}", question);
                    }
                }
            }
        }
    }
}
