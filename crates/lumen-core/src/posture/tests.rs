//! Powers, radius and switches over the examples.

use super::ask::Holder;
use super::power::Extent;
use super::radius::{HeldKind, Reach, gained, holdings, holdings_of, radius};
use super::rbac::Rbac;
use super::switches::{SwitchHolders, switches};
use crate::snapshot::Snapshot;
use examples::{SHOP, examples_with};

pub(crate) mod examples;

fn shop(more: &[(&str, &str)]) -> Snapshot {
    examples_with(SHOP, more)
}

fn held(snapshot: &Snapshot, name: &str) -> super::radius::Holdings {
    let entry =
        snapshot.entries().iter().find(|entry| &*entry.object.name == name && entry.workload().is_some());
    holdings(entry.unwrap_or_else(|| panic!("{name} is there")), snapshot, &Rbac::of(snapshot))
}

#[test]
fn a_workload_holds_what_it_mounts_and_what_its_account_may() {
    let snapshot = shop(&[]);
    let redis = held(&snapshot, "redis");
    let names = |kind| redis.of_kind(kind).map(|held| held.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(HeldKind::Secret), ["redis-auth"]);
    assert_eq!(names(HeldKind::ConfigMap), ["redis"]);
    assert_eq!(names(HeldKind::Claim), ["data"]);
    assert!(redis.host.is_empty() && redis.powers.is_empty());
    assert!(redis.accounts.iter().all(|account| !account.token.is_there()));

    let traefik = held(&snapshot, "traefik");
    let powers: Vec<_> = traefik
        .powers
        .iter()
        .map(|held| (held.power.name, held.extent.clone(), held.right.as_str()))
        .collect();
    assert_eq!(powers, [("read-secrets", Extent::Cluster, "get secrets")]);

    let exporter = held(&snapshot, "node-exporter");
    let checks: Vec<_> = exporter.host.iter().map(|access| access.check).collect();
    assert_eq!(checks, ["hostNamespaces", "hostPathVolumes"]);
    assert!(exporter.of_kind(HeldKind::HostPath).count() > 0);
}

#[test]
fn a_radius_goes_hop_by_hop_and_its_delta_is_what_a_policy_kept() {
    let peers = [(0, vec![1, 2]), (1, vec![0, 3]), (2, vec![3]), (3, vec![3]), (9, vec![])].into();
    let mut reach = Reach { peers, doubts: [].into() };
    let before = radius(0, &reach);
    assert_eq!(before.hops, Some(vec![vec![1, 2], vec![3]]));
    assert_eq!(radius(9, &reach).hops, Some(Vec::new()));
    assert_eq!(radius(4, &reach).hops, None, "what is not known is not told as nothing");
    let mut without_policy = reach.clone();
    without_policy.peers.insert(3, vec![9]);
    assert_eq!(gained(&before, &radius(0, &without_policy)), [9]);
    // Who could reach more makes what is counted a least, for all who come to it.
    reach.doubts.insert(3, "it is on the host's network".into());
    let doubt = radius(0, &reach).doubt.expect("3 could reach 9");
    assert_eq!((doubt.at, &*doubt.reason), (3, "it is on the host's network"));
    assert_eq!((before.doubt, radius(0, &reach).count(), radius(9, &reach).doubt), (None, 3, None));
    without_policy.doubts.insert(3, "it is on the host's network".into());
    assert_eq!(radius(0, &without_policy).doubt, None, "there is nobody else to be reached");
    let partly = Reach { peers: [(0, vec![1]), (2, vec![])].into(), doubts: [].into() };
    assert_eq!(radius(0, &partly).doubt.map(|doubt| doubt.at), Some(1), "nothing is known of 1");
}

fn own(all: &[SwitchHolders], switch: &str) -> Vec<String> {
    let found =
        all.iter().find(|each| each.switch.name == switch).unwrap_or_else(|| panic!("{switch} is one"));
    let shown = |holder: &Holder| {
        format!("{} by {}: {}", holder.grant.subject, holder.grant.binding, holder.can.join(", "))
    };
    found.holders.iter().filter(|holder| !holder.grant.is_default()).map(shown).collect()
}

const PEOPLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: team, namespace: shop}
roleRef: {kind: ClusterRole, name: admin}
subjects: [{kind: Group, name: team}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: deployer}
rules:
  - {apiGroups: ['constraints.gatekeeper.sh'], resources: [k8sblocklatesttag], verbs: [patch]}
  - {apiGroups: [admissionregistration.k8s.io], resources: ['*'], verbs: [delete], resourceNames: [old]}
  - {apiGroups: [''], resources: [namespaces], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: deployers}
roleRef: {kind: ClusterRole, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: argocd}]
";

#[test]
fn who_can_switch_a_layer_off_is_told_by_name() {
    let quiet = switches(&shop(&[]), &Rbac::of(&shop(&[])));
    for each in &quiet {
        assert_eq!(own(&quiet, each.switch.name), Vec::<String>::new(), "{}", each.switch.name);
    }
    let snapshot = shop(&[("people.yaml", PEOPLE)]);
    let all = switches(&snapshot, &Rbac::of(&snapshot));
    assert_eq!(
        own(&all, "constraints"),
        [
            "ServiceAccount argocd/deployer by ClusterRoleBinding deployers: patch k8sblocklatesttag.constraints.gatekeeper.sh"
        ]
    );
    assert_eq!(
        own(&all, "webhooks"),
        [
            "ServiceAccount argocd/deployer by ClusterRoleBinding deployers: delete validatingwebhookconfigurations.admissionregistration.k8s.io"
        ]
    );
    assert_eq!(
        own(&all, "namespace-labels"),
        ["ServiceAccount argocd/deployer by ClusterRoleBinding deployers: patch namespaces"]
    );
    let policies = own(&all, "network-policies");
    assert!(
        policies.len() == 1
            && policies[0].starts_with("Group team by RoleBinding shop/team: create networkpolicies"),
        "{policies:?}"
    );
    assert_eq!(own(&all, "kubelet"), Vec::<String>::new());
    assert_eq!(own(&all, "exec").len(), 1);
    let default = all.iter().find(|each| each.switch.name == "kubelet").expect("a switch");
    assert!(default.holders.iter().any(|holder| holder.grant.subject.to_string() == "Group system:masters"));
}

/// Who can use a switch, where one account may do one thing in `kube-system` and in the cluster another.
fn with_rights(switch: &str, in_kube_system: &str, in_cluster: &str) -> Vec<String> {
    with_rights_beside(
        "
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system}
spec: {template: {spec: {containers: []}}}
",
        switch,
        in_kube_system,
        in_cluster,
    )
}

/// The same where such a program runs.
fn with_rights_beside(program: &str, switch: &str, in_kube_system: &str, in_cluster: &str) -> Vec<String> {
    let text = format!(
        "{program}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: r, namespace: kube-system}}
rules: [{in_kube_system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: r, namespace: kube-system}}
roleRef: {{kind: Role, name: r}}
subjects: [{{kind: User, name: local}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: c}}
rules: [{in_cluster}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: c}}
roleRef: {{kind: ClusterRole, name: c}}
subjects: [{{kind: User, name: wide}}]
"
    );
    let snapshot = examples::snapshot(&[("a.yaml", &text)]);
    own(&switches(&snapshot, &Rbac::of(&snapshot)), switch)
}

#[test]
fn one_right_of_each_row_is_enough() {
    for (switch, group, resource, verb) in [
        ("webhooks", "admissionregistration.k8s.io", "validatingwebhookconfigurations", "deletecollection"),
        ("mutating-webhooks", "admissionregistration.k8s.io", "mutatingwebhookconfigurations", "create"),
        ("mutating-webhooks", "admissionregistration.k8s.io", "mutatingadmissionpolicies", "patch"),
        ("mutating-webhooks", "admissionregistration.k8s.io", "mutatingadmissionpolicybindings", "create"),
        ("admission-policies", "admissionregistration.k8s.io", "validatingadmissionpolicybindings", "delete"),
        ("constraints", "templates.gatekeeper.sh", "constrainttemplates", "patch"),
        ("mutations", "mutations.gatekeeper.sh", "assign", "create"),
        ("external-data", "externaldata.gatekeeper.sh", "providers", "update"),
        ("definitions", "apiextensions.k8s.io", "customresourcedefinitions", "delete"),
        ("namespace-labels", "", "namespaces/status", "patch"),
        ("delete-namespaces", "", "namespaces", "delete"),
        ("new-namespaces", "", "namespaces", "create"),
        ("exemptions", "lumensec.io", "exemptions", "create"),
        ("network-policies", "networking.k8s.io", "networkpolicies", "delete"),
        ("pod-labels", "", "pods/status", "patch"),
        ("identities", "cilium.io", "ciliumidentities", "patch"),
        ("identities", "cilium.io", "ciliumendpoints", "update"),
        ("port-forward", "", "pods/portforward", "create"),
        ("network-engine", "", "pods/eviction", "create"),
        ("network-engine", "", "pods", "delete"),
        ("network-engine", "", "pods/attach", "create"),
        ("network-engine", "", "pods/ephemeralcontainers", "patch"),
        ("nodes", "", "nodes/status", "patch"),
        ("image-policies", "policy.sigstore.dev", "clusterimagepolicies", "delete"),
        ("admission-engine", "apps", "deployments/scale", "update"),
        ("admission-engine", "", "*/scale", "patch"),
        ("admission-engine", "", "pods", "deletecollection"),
        ("admission-engine", "", "pods/eviction", "create"),
        ("admission-engine", "", "endpoints", "update"),
        ("admission-engine", "discovery.k8s.io", "endpointslices", "create"),
        ("runtime-engine", "apps", "daemonsets", "delete"),
        ("signature-keys", "", "secrets", "update"),
        ("kubelet", "", "nodes/proxy", "get"),
        ("exec", "", "pods/exec", "create"),
        ("ephemeral-containers", "", "pods/ephemeralcontainers", "patch"),
        ("run-pods", "", "pods", "create"),
        ("run-pods", "batch", "jobs", "create"),
        ("run-pods", "apps", "deployments", "create"),
        ("deployers", "argoproj.io", "applications", "create"),
        ("deployers", "argoproj.io", "appprojects", "patch"),
        ("deployers", "helm.cattle.io", "helmcharts", "create"),
        ("api-services", "apiregistration.k8s.io", "apiservices", "patch"),
        ("volumes", "", "persistentvolumes", "create"),
        ("grant-rights", "rbac.authorization.k8s.io", "clusterroles", "escalate"),
        ("impersonate", "", "users", "impersonate"),
        ("tokens", "", "serviceaccounts/token", "create"),
        ("token-secrets", "", "secrets", "create"),
        ("certificates", "certificates.k8s.io", "signers", "approve"),
    ] {
        // Scales are asked about by the group of what is scaled.
        let group = if resource == "*/scale" { "apps" } else { group };
        let text = format!(
            "
{{apiVersion: v1, kind: Namespace, metadata: {{name: lumen-system}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: kube-system}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: c}}
rules: [{{apiGroups: ['{group}'], resources: ['{resource}'], verbs: [{verb}]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: c}}
roleRef: {{kind: ClusterRole, name: c}}
subjects: [{{kind: User, name: wide}}]
"
        );
        let snapshot = examples::snapshot(&[("a.yaml", &text)]);
        let found = own(&switches(&snapshot, &Rbac::of(&snapshot)), switch);
        assert_eq!(found.len(), 1, "{switch}: {verb} {resource}: {found:?}");
    }
}

#[test]
fn whoever_changes_the_network_plugin_switches_policies_off() {
    let daemon_sets = "{apiGroups: [apps], resources: [daemonsets], verbs: [patch]}";
    assert_eq!(
        with_rights("network-engine", daemon_sets, ""),
        ["User local by RoleBinding kube-system/r: patch daemonsets.apps"]
    );
    let config = "{apiGroups: [''], resources: [configmaps], verbs: [update]}";
    assert_eq!(
        with_rights("network-engine", "", config),
        ["User wide by ClusterRoleBinding c: update configmaps"]
    );
    let read = "{apiGroups: [''], resources: [configmaps], verbs: [get]}";
    assert_eq!(with_rights("network-engine", read, read), Vec::<String>::new());
}

#[test]
fn only_what_is_of_the_network_plugin_switches_it_off() {
    let of = |rule: &str, image: &str| {
        let daemon = format!(
            "
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: cni, namespace: kube-system}}
spec:
  template:
    spec:
      containers: [{{name: c, image: {image}, volumeMounts: [{{name: v, mountPath: /v}}]}}]
      volumes: [{{name: v, configMap: {{name: net-config}}}}]
"
        );
        with_rights_beside(&daemon, "network-engine", rule, "").len()
    };
    let config = |name: &str| {
        format!("{{apiGroups: [''], resources: [configmaps], verbs: [update], resourceNames: [{name}]}}")
    };
    let known = "registry.local/cilium/cilium:v1";
    assert_eq!((of(&config("coredns"), known), of(&config("net-config"), known)), (0, 1));
    assert_eq!(of(&config("cni-more"), known), 1, "it is called after the plugin");
    assert_eq!(of(&config("coredns"), "registry.local/other"), 1, "it is not known which program enforces");
    let exec = |name: &str| {
        format!("{{apiGroups: [''], resources: [pods/exec], verbs: [create], resourceNames: [{name}]}}")
    };
    assert_eq!((of(&exec("coredns-x"), known), of(&exec("cni-x7d2a"), known)), (0, 1));
    let pods = "{apiGroups: [batch], resources: [jobs], verbs: [create]}";
    assert_eq!(of(pods, known), 1, "a pod beside it has its account");
}

#[test]
fn whoever_labels_nodes_takes_programs_off_them() {
    let nodes = "{apiGroups: [''], resources: [nodes], verbs: [patch]}";
    assert_eq!(with_rights("nodes", nodes, nodes), ["User wide by ClusterRoleBinding c: patch nodes"]);
}

#[test]
fn whoever_makes_secrets_makes_tokens() {
    let secrets = "{apiGroups: [''], resources: [secrets], verbs: [create]}";
    assert_eq!(
        with_rights("token-secrets", secrets, ""),
        ["User local by RoleBinding kube-system/r: create secrets"]
    );
}

#[test]
fn what_is_weak_about_the_layers_is_found() {
    use std::sync::Arc;

    use super::layers::{Inputs, layers};
    use crate::admission::PolicySet;
    use crate::review::Policies;

    let snapshot = shop(&[("people.yaml", PEOPLE)]);
    let (set, _) = PolicySet::compile(snapshot.entries());
    let policies = Policies { admission: Arc::new(set), ..Policies::default() };
    let inputs = Inputs { snapshot: &snapshot, policies: &policies, network: None, runtime: &[] };
    let rows = layers(&inputs);
    let rbac = Rbac::of(&snapshot);
    let holdings = holdings_of(rows.iter().map(|row| row.number), &snapshot, &rbac);
    let found = super::findings(&rows, &holdings, &switches(&snapshot, &rbac));
    let of = |rule: &str, object: &str| {
        let mut messages: Vec<&str> = found
            .iter()
            .filter(|finding| finding.rule.to_string() == rule)
            .filter(|finding| finding.object.as_ref().is_some_and(|each| &*each.name == object))
            .map(|finding| finding.message.as_str())
            .collect();
        messages.sort_unstable();
        messages
    };
    assert_eq!(
        of("posture/one-layer", "api"),
        [
            "only admission stops or limits `run an image of one's own` and `mine with others' processors`",
            "only pod-security stops or limits `become root in the container` and `break out to the node`",
        ]
    );
    assert_eq!(
        of("posture/no-layer", "api"),
        ["no layer stops or limits `persist by writing to the file system`"]
    );
    assert_eq!(
        of("posture/powerful-token", "traefik"),
        ["the token of ServiceAccount traefik/traefik lets it read Secrets"]
    );
    assert_eq!(of("posture/powerful-token", "api"), Vec::<&str>::new());
    assert!(
        of("posture/can-go-past", "deployers")[0]
            .starts_with("ServiceAccount argocd/deployer can change or delete the validating webhooks")
    );
    assert!(found.iter().all(|finding| finding.location.is_some()));
}
