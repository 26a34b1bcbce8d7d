use super::*;
use crate::posture::tests::examples::snapshot;

mod random;

const CLUSTER: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader, labels: {extra: "yes"}}
rules:
  - {apiGroups: [""], resources: [secrets], resourceNames: [tls, token], verbs: [get, list, create, deletecollection]}
  - {apiGroups: [""], resources: [pods/*, "*/scale"], verbs: ["*"]}
  - {apiGroups: [""], resources: [namespaces], verbs: [update]}
  - {nonResourceURLs: ["/logs/**", /metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: sum}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {extra: "yes"}}]}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: viewer-of-widgets, labels: {rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules: [{apiGroups: [example.com], resources: [widgets], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: in-shop, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sum}
subjects:
  - {kind: ServiceAccount, name: api}
  - {kind: Group, name: "system:serviceaccounts:tools"}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: for-all}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects:
  - {kind: ServiceAccount, name: lost}
  - {kind: User, name: alice}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: admins, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{kind: User, name: bob}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: broken, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: missing}
subjects: [{kind: User, name: carol}]
"#;

fn rbac() -> Rbac {
    Rbac::of(&snapshot(&[("a.yaml", CLUSTER)]))
}

fn user(name: &str) -> User {
    Subject::User(name.into()).as_user()
}

fn ask<'a>(verb: &'a str, path: &'a str, name: &'a str, namespace: &'a str) -> Request<'a> {
    let (group, rest) = path.split_once(':').unwrap_or(("", path));
    let (resource, subresource) = rest.split_once('/').unwrap_or((rest, ""));
    Request { verb, target: Target::Resource { group, resource, subresource, name, namespace } }
}

#[test]
fn a_service_account_has_what_its_name_and_its_groups_have() {
    let rbac = rbac();
    let may = |user: &User, request: &Request<'_>| rbac.allows(user, request).is_some();
    let api = User::service_account("shop", "api");
    assert!(may(&api, &ask("get", "secrets", "tls", "shop")));
    assert!(!may(&api, &ask("get", "secrets", "tls", "other")), "a RoleBinding ends at its namespace");
    assert!(!may(&api, &ask("get", "secrets", "tls", "")));
    assert!(may(&User::service_account("tools", "x"), &ask("get", "secrets", "token", "shop")));
    assert!(may(&user("system:serviceaccount:shop:api"), &ask("get", "secrets", "tls", "shop")));
    assert!(!may(&User::service_account("", "lost"), &ask("get", "secrets", "tls", "")));
    assert!(!may(&user("carol"), &ask("get", "pods", "", "shop")), "a missing role gives nothing");
}

#[test]
fn names_bind_a_rule_to_requests_that_have_one() {
    let rbac = rbac();
    let alice = user("alice");
    let may = |request: &Request<'_>| rbac.allows(&alice, request).is_some();
    assert!(may(&ask("list", "secrets", "tls", "shop")), "a field selector gives a list its name");
    assert!(!may(&ask("list", "secrets", "", "shop")));
    assert!(!may(&ask("create", "secrets", "", "shop")));
    let question = |verb, named| Question {
        verb,
        group: "",
        resource: "secrets",
        subresource: "",
        named,
        place: Place::Cluster,
    };
    let rights = rbac.rights(&alice);
    let names = |verb, named| rights.find(&question(verb, named)).map(|(_, names)| names);
    assert_eq!(names("list", Named::Any), Some(vec!["tls".into(), "token".into()]));
    assert_eq!(names("list", Named::Nothing), None);
    assert_eq!(names("get", Named::Exactly("tls")), Some(vec!["tls".into()]));
    assert_eq!(names("create", Named::Any), None, "what is made by POST has no name yet");
    assert_eq!(names("deletecollection", Named::Any), None);
}

#[test]
fn stars_stand_where_the_api_server_lets_them() {
    let rbac = rbac();
    let alice = user("alice");
    let may = |request: &Request<'_>| rbac.allows(&alice, request).is_some();
    assert!(!may(&ask("create", "pods/exec", "x", "shop")), "`pods/*` is no pattern");
    assert!(may(&ask("patch", "deployments/scale", "x", "shop")));
    assert!(!may(&ask("patch", "apps:deployments/scale", "x", "shop")));
    let url = |path| Request { verb: "get", target: Target::Url(path) };
    assert!(may(&url("/logs/a/b")) && may(&url("/metrics")) && !may(&url("/metrics/x")));
    assert!(may(&url("/api/v1")), "everybody who is known may discover");
    let masters = Subject::Group(MASTERS.into()).as_user();
    assert!(rbac.allows(&masters, &ask("get", "pods/exec", "x", "shop")).is_some());
    assert!(rbac.allows(&masters, &url("/anything")).is_some());
}

#[test]
fn an_aggregated_role_has_the_rules_of_those_it_selects_and_not_its_own() {
    let rbac = rbac();
    let api = User::service_account("shop", "api");
    assert!(rbac.allows(&api, &ask("get", "pods", "", "shop")).is_none());
    let bob = user("bob");
    assert!(rbac.allows(&bob, &ask("get", "example.com:widgets", "w", "shop")).is_some());
    assert!(
        rbac.allows(&bob, &ask("create", "rbac.authorization.k8s.io:rolebindings", "", "shop")).is_some()
    );
    assert!(rbac.allows(&bob, &ask("create", "pods/exec", "p", "shop")).is_some());
    assert!(rbac.allows(&bob, &ask("update", "namespaces", "shop", "shop")).is_none());
    assert!(rbac.allows(&bob, &ask("escalate", "rbac.authorization.k8s.io:roles", "", "shop")).is_none());
}

#[test]
fn a_namespace_is_in_itself() {
    let rbac = rbac();
    let question = Question {
        verb: "update",
        group: "",
        resource: "namespaces",
        subresource: "",
        named: Named::Any,
        place: Place::Namespace("shop"),
    };
    let grants = rbac.who_can(&question);
    let own: Vec<String> = grants
        .iter()
        .filter(|grant| !grant.is_default())
        .map(|grant| format!("{} by {}", grant.subject, grant.binding))
        .collect();
    assert_eq!(
        own,
        [
            "User alice by ClusterRoleBinding for-all",
            "Group system:serviceaccounts:tools by RoleBinding shop/in-shop",
            "ServiceAccount shop/api by RoleBinding shop/in-shop",
        ]
    );
    assert!(grants.iter().any(|grant| grant.subject == Subject::Group(MASTERS.into())));
}

/// Who is given a right by a binding among the inputs, where a role with everything is bound in `shop` alone.
fn bound_in_shop(verb: &str, path: &str) -> Vec<Vec<Arc<str>>> {
    let text = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: engines.example.com}
spec: {group: example.com, scope: Cluster, names: {kind: Engine, plural: engines}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: all, namespace: shop}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: u}]
";
    let rbac = Rbac::of(&snapshot(&[("a.yaml", text)]));
    let (group, rest) = path.split_once(':').unwrap_or(("", path));
    let (resource, subresource) = rest.split_once('/').unwrap_or((rest, ""));
    let question = Question { verb, group, resource, subresource, named: Named::Any, place: Place::Anywhere };
    let grants = rbac.who_can(&question);
    let given: Vec<_> =
        grants.into_iter().filter(|grant| !grant.is_default() && grant.binding.namespace.is_some()).collect();
    let found = rbac.rights(&user("u")).find(&question);
    assert_eq!(
        found.map(|(_, names)| names),
        given.first().map(|grant| grant.names.clone()),
        "{verb} {path}"
    );
    given.into_iter().map(|grant| grant.names).collect()
}

#[test]
fn a_role_binding_gives_nothing_over_what_is_in_no_namespace() {
    for (verb, path) in [
        ("patch", "nodes"),
        ("create", "nodes/proxy"),
        ("create", "persistentvolumes"),
        ("delete", "admissionregistration.k8s.io:validatingwebhookconfigurations"),
        ("escalate", "rbac.authorization.k8s.io:clusterroles"),
        ("delete", "apiextensions.k8s.io:customresourcedefinitions"),
        ("delete", "constraints.gatekeeper.sh:k8sanything"),
        ("update", "example.com:engines"),
        ("impersonate", "users"),
        ("impersonate", "groups"),
        ("impersonate", "authentication.k8s.io:uids"),
        ("approve", "certificates.k8s.io:signers"),
        ("create", "namespaces"),
        ("list", "namespaces"),
        ("deletecollection", "namespaces"),
    ] {
        assert!(bound_in_shop(verb, path).is_empty(), "{verb} {path}");
    }
    for (verb, path) in [
        ("bind", "rbac.authorization.k8s.io:clusterroles"),
        ("escalate", "rbac.authorization.k8s.io:roles"),
        ("impersonate", "serviceaccounts"),
        ("update", "example.com:wheels"),
        ("delete", "pods"),
    ] {
        assert_eq!(bound_in_shop(verb, path), [Vec::<Arc<str>>::new()], "{verb} {path}");
    }
    for (verb, path) in [("get", "namespaces"), ("patch", "namespaces"), ("update", "namespaces/finalize")] {
        assert_eq!(bound_in_shop(verb, path), [vec![Arc::from("shop")]], "{verb} {path}");
    }
}

#[test]
fn paths_that_are_no_resources_are_given_in_the_cluster_alone() {
    let text = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: all, namespace: shop}
roleRef: {kind: ClusterRole, name: cluster-admin}
subjects: [{kind: User, name: u}]
";
    let rbac = Rbac::of(&snapshot(&[("a.yaml", text)]));
    let request = Request { verb: "get", target: Target::Url("/logs/a") };
    assert!(rbac.allows(&user("u"), &request).is_none());
    assert!(!rbac.rights(&user("u")).allows(&request));
}

#[test]
fn roles_that_take_each_other_in_end() {
    let text = r"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: a, labels: {in: b}}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {in: a}}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: b, labels: {in: a}}
aggregationRule: {clusterRoleSelectors: [{matchExpressions: [{key: in, operator: In, values: [b, c]}]}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: c, labels: {in: c}}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: a}
roleRef: {kind: ClusterRole, name: a}
subjects: [{kind: User, name: u}]
";
    let rbac = Rbac::of(&snapshot(&[("a.yaml", text)]));
    assert!(rbac.allows(&user("u"), &ask("get", "pods", "p", "n")).is_some());
    assert!(rbac.allows(&user("u"), &ask("list", "pods", "", "n")).is_none());
}

#[test]
fn a_token_is_mounted_unless_pod_or_account_refuses_it() {
    let text = r"
apiVersion: v1
kind: ServiceAccount
metadata: {name: quiet, namespace: shop}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec: {serviceAccountName: quiet, containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: q, namespace: shop}
spec: {serviceAccount: quiet, automountServiceAccountToken: true, containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: r, namespace: shop}
spec: {automountServiceAccountToken: false, containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: s, namespace: shop}
spec:
  serviceAccountName: quiet
  volumes:
    - {name: other, projected: {sources: [{serviceAccountToken: {path: t, audience: vault}}]}}
    - {name: own, projected: {sources: [{serviceAccountToken: {path: t}}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: t, namespace: shop}
spec: {}
";
    let snapshot = snapshot(&[("a.yaml", text)]);
    let accounts: Vec<(String, Token)> = snapshot
        .workloads()
        .map(|(entry, workload)| {
            let namespace = entry.namespace.clone().expect("a pod has one");
            let account =
                Account::of(&snapshot, entry, workload.pod().expect("a pod is its own"), &namespace);
            (account.to_string(), account.token)
        })
        .collect();
    let expected = [
        ("ServiceAccount shop/quiet", Token::RefusedByAccount),
        ("ServiceAccount shop/quiet", Token::AskedByPod),
        ("ServiceAccount shop/default", Token::RefusedByPod),
        ("ServiceAccount shop/quiet", Token::InVolume),
        ("ServiceAccount shop/default", Token::Default),
    ];
    assert_eq!(accounts, expected.map(|(name, token)| (name.to_owned(), token)));
}
