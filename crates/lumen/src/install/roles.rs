//! What the server may do: exactly the verbs that it uses.

use lumen_server::{cluster, names};
use serde_json::{Value, json};

use super::metadata;

/// The audit lists; what a `SyncSet` names is watched, too.
const READ: &[&str] = &["list", "watch"];

/// Reports are listed, read for since when their results are found, applied, and removed.
const WRITE_REPORTS: &[&str] = &["list", "get", "create", "patch", "delete"];

/// The label by which a `ClusterRole` adds kinds to what is audited.
const AUDITED_LABEL: &str = "lumensec.io/aggregate-to-audit";

/// Roles and bindings. Beside a Gatekeeper nothing that is upstream's may be written.
pub(super) fn roles(is_shadow: bool) -> Vec<Value> {
    let rules = |is_local: bool| -> Vec<Value> {
        let rights = cluster::RIGHTS.iter();
        rights
            .filter(|right| right.is_local == is_local && !(is_shadow && right.writes_upstream))
            .map(|right| rule(right.groups, right.resources, right.verbs))
            .collect()
    };
    let mut everywhere = rules(false);
    let configurations = rule(
        &["admissionregistration.k8s.io"],
        &["validatingwebhookconfigurations"],
        &["get", "list", "watch", "patch"],
    );
    everywhere.push(named(configurations, &[names::WEBHOOK_CONFIGURATION]));
    // What is not there is not kept from anybody: the kinds may come later.
    everywhere.push(rule(&["openreports.io"], &["reports", "clusterreports"], WRITE_REPORTS));
    everywhere.push(rule(&["wgpolicyk8s.io"], &["policyreports", "clusterpolicyreports"], WRITE_REPORTS));
    everywhere.push(rule(&["events.k8s.io"], &["events"], &["get", "create", "patch"]));
    let mut here = rules(true);
    let secrets = rule(&[""], &["secrets"], &["get", "list", "watch", "patch"]);
    here.push(named(secrets, &[names::CERTIFICATE_SECRET]));
    // A name cannot restrict who makes it.
    here.push(rule(&[""], &["secrets"], &["create"]));
    let leases = rule(&["coordination.k8s.io"], &["leases"], &["get", "update"]);
    here.push(named(leases, &[names::AUDIT_LEASE]));
    here.push(rule(&["coordination.k8s.io"], &["leases"], &["create"]));
    here.push(rule(&["discovery.k8s.io"], &["endpointslices"], &["list"]));
    let group = "rbac.authorization.k8s.io";
    let api_version = "rbac.authorization.k8s.io/v1";
    let own = Some(names::NAMESPACE);
    let subjects = json!([{"kind": "ServiceAccount", "name": names::SERVER, "namespace": names::NAMESPACE}]);
    let bound = |kind: &str, to: &str, name: &str, namespace: Option<&str>| {
        let reference = json!({"apiGroup": group, "kind": to, "name": name});
        json!({"apiVersion": api_version, "kind": kind, "metadata": metadata(name, namespace), "roleRef": reference, "subjects": subjects})
    };
    let mut audited = metadata("lumen-audited", None);
    if let Some(Value::Object(labels)) = audited.get_mut("labels") {
        labels.insert(AUDITED_LABEL.into(), json!("true"));
    }
    // What the audit reads is what `view` sees, in which there are no Secrets, and what is cluster-scoped.
    let aggregated = json!({"clusterRoleSelectors": [
        {"matchLabels": {AUDITED_LABEL: "true"}},
        {"matchLabels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
    ]});
    vec![
        json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": metadata(names::SERVER, None), "rules": everywhere}),
        json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": audited, "rules": [
            rule(&[""], &["nodes", "persistentvolumes", "podtemplates"], READ),
            rule(&["rbac.authorization.k8s.io"], &["clusterroles", "clusterrolebindings", "roles", "rolebindings"], READ),
            rule(&["storage.k8s.io"], &["storageclasses"], READ),
            rule(&["networking.k8s.io"], &["ingressclasses"], READ),
            rule(&["scheduling.k8s.io"], &["priorityclasses"], READ),
        ]}),
        // A controller fills in the rules: an empty list would take them away whenever it is applied again.
        json!({"apiVersion": api_version, "kind": "ClusterRole", "metadata": metadata("lumen-audit", None), "aggregationRule": aggregated}),
        json!({"apiVersion": api_version, "kind": "Role", "metadata": metadata(names::SERVER, own), "rules": here}),
        bound("ClusterRoleBinding", "ClusterRole", names::SERVER, None),
        bound("ClusterRoleBinding", "ClusterRole", "lumen-audit", None),
        bound("RoleBinding", "Role", names::SERVER, own),
    ]
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({"apiGroups": groups, "resources": resources, "verbs": verbs})
}

fn named(mut rule: Value, names: &[&str]) -> Value {
    if let Value::Object(fields) = &mut rule {
        fields.insert("resourceNames".into(), json!(names));
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verbs that a role gives for a resource.
    fn verbs<'a>(roles: &'a [Value], role: (&str, &str), group: &str, resource: &str) -> Vec<&'a str> {
        let has = |rule: &Value, key: &str, word: &str| {
            rule[key].as_array().is_some_and(|words| words.iter().any(|each| each == word))
        };
        roles
            .iter()
            .filter(|each| each["kind"] == role.0 && each["metadata"]["name"] == role.1)
            .flat_map(|each| each["rules"].as_array().into_iter().flatten())
            .filter(|rule| has(rule, "apiGroups", group) && has(rule, "resources", resource))
            .flat_map(|rule| rule["verbs"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect()
    }

    #[test]
    fn the_audit_may_do_what_it_does_and_no_more() {
        let server = ("ClusterRole", names::SERVER);
        for is_shadow in [false, true] {
            let roles = roles(is_shadow);
            for (group, resource, expected) in [
                ("openreports.io", "reports", WRITE_REPORTS),
                ("openreports.io", "clusterreports", WRITE_REPORTS),
                ("wgpolicyk8s.io", "policyreports", WRITE_REPORTS),
                ("wgpolicyk8s.io", "clusterpolicyreports", WRITE_REPORTS),
                ("wgpolicyk8s.io", "reports", &[]),
                ("events.k8s.io", "events", &["get", "create", "patch"]),
                ("", "events", &[]),
                ("", "secrets", &[]),
            ] {
                assert_eq!(verbs(&roles, server, group, resource), expected, "{resource}.{group}");
            }
            let leases = verbs(&roles, ("Role", names::SERVER), "coordination.k8s.io", "leases");
            assert_eq!(leases, ["get", "update", "create"]);
            assert_eq!(verbs(&roles, ("ClusterRole", "lumen-audited"), "", "nodes"), ["list", "watch"]);
        }
    }
}
