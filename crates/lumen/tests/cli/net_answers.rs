//! `lumen net why` where answers hang on what manifests leave open, and on what stands between policies and pods.

use crate::support::Folder;

const WEB: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: a}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: x, ports: [{containerPort: 5432, name: pg}]}]}
";

/// Asks about manifests beside those of `a/web` and `a/db`: each line with its exit code, and what the answer begins with.
#[track_caller]
fn ask(manifests: &str, asked: &[(&str, i32, &str)]) {
    let folder = Folder::new(&[("web.yaml", WEB), ("more.yaml", manifests)]);
    for (line, code, start) in asked {
        let outcome = folder.run(&format!("net why {line}"));
        assert!(outcome.code == *code && outcome.stdout.starts_with(start), "{line}: {outcome:#?}");
    }
}

#[test]
fn a_headless_service_maps_no_ports() {
    let manifests = r"
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: a}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: pg, port: 80, targetPort: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: mapped, namespace: a}
spec: {selector: {app: db}, ports: [{port: 80, targetPort: 5432}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: a}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {}}], ports: [{port: 5432}]}]
";
    ask(
        manifests,
        &[
            ("a/web a/Service/headless 80", 1, "denied: a/web -> a/db, TCP 80"),
            ("a/web a/Service/headless 5432", 0, "allowed: a/web -> a/db, TCP 5432"),
            ("a/web a/Service/headless pg", 0, "allowed: a/web -> a/db, TCP 5432"),
            ("a/web a/Service/headless", 0, "allowed: a/web -> a/db, TCP 5432"),
            ("a/web a/Service/mapped 80", 0, "allowed: a/web -> a/db, TCP 5432"),
            ("a/web a/Service/mapped 5432", 2, ""),
        ],
    );
}

#[test]
fn what_is_not_decided_is_neither_allowed_nor_denied() {
    let manifests = r#"
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: names, namespace: a}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress: [{toFQDNs: [{matchPattern: "*"}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: groups, namespace: a}
spec:
  endpointSelector: {matchLabels: {app: db}}
  ingress: [{fromEntities: [all]}]
  ingressDeny: [{fromGroups: [{aws: {}}]}]
"#;
    ask(
        manifests,
        &[
            ("a/web 1.1.1.1 443", 1, "not decided: "),
            ("a/web 1.1.1.1 443 --expect deny", 1, "not decided: "),
            // Names of domains are no pods'.
            ("a/web a/db --expect deny", 0, "denied: "),
            ("1.1.1.1 a/db", 1, "not decided: "),
        ],
    );
    let folder = Folder::new(&[("web.yaml", WEB), ("more.yaml", manifests)]);
    let outcome = folder.run("net why 1.1.1.1 a/db");
    assert!(outcome.stdout.contains("may deny it"), "{outcome:#?}");
    let outcome = folder.run("net why a/web 1.1.1.1 443");
    assert!(outcome.stdout.contains("may allow it"), "{outcome:#?}");
}

fn block(cidr: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: out, namespace: a}}\nspec:\n  \
         podSelector: {{matchLabels: {{app: web}}}}\n  policyTypes: [Egress]\n  egress: [{{to: [{{ipBlock: {cidr}}}]}}]\n"
    )
}

#[test]
fn blocks_and_pods_of_unknown_addresses() {
    ask(&block("{cidr: 0.0.0.0/0}"), &[("a/web a/db", 0, "allowed: ")]);
    ask(&block("{cidr: 0.0.0.0/0}"), &[("a/web a/db --expect deny --ip-block external", 0, "denied: ")]);
    for some in ["{cidr: 0.0.0.0/0, except: [192.168.0.0/16]}", "{cidr: 10.0.0.0/8}"] {
        ask(
            &block(some),
            &[("a/web a/db --expect deny", 1, "not decided: "), ("a/web a/db", 1, "not decided: ")],
        );
    }
}

#[test]
fn what_cilium_knows_pods_by() {
    let policy = |name: &str, spec: &str| {
        format!(
            "---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}, namespace: a}}\nspec: {spec}\n"
        )
    };
    let host = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: host, namespace: a}\nspec: {hostNetwork: true, containers: \
                [{name: c, image: x}]}\nstatus: {podIP: 192.168.1.10}\n";
    let to = |endpoint: &str| {
        policy(
            "db",
            &format!("{{endpointSelector: {{matchLabels: {{app: db}}}}, ingress: [{{{endpoint}}}]}}"),
        )
    };
    for (rule, code, start) in [
        (r#"fromEndpoints: [{matchLabels: {"reserved:ingress": ""}}]"#, 1, "denied: "),
        (
            r#"fromEndpoints: [{matchLabels: {"io.cilium.k8s.policy.serviceaccount": default}}]"#,
            0,
            "allowed: ",
        ),
        (r#"fromEndpoints: [{matchLabels: {"io.cilium.k8s.policy.serviceaccount": other}}]"#, 1, "denied: "),
        (r#"fromEndpoints: [{matchLabels: {"io.cilium.k8s.policy.cluster": east}}]"#, 1, "not decided: "),
        ("fromEntities: [cluster]", 0, "allowed: "),
    ] {
        ask(&to(rule), &[("a/web a/db", code, start)]);
    }
    ask(&(to("fromEntities: [cluster]") + host), &[("a/host a/db", 0, "allowed: ")]);
    // A host is neither of the world nor in a network; but it may be the node of the pod.
    for rule in ["fromEntities: [world]", "fromCIDR: [192.168.1.0/24]"] {
        ask(
            &(to(rule) + host),
            &[("a/host a/db", 1, "not decided: "), ("192.168.1.11 a/db", 0, "allowed: ")],
        );
    }
    // The namespace of a subject is the policy's own, and `k8s.` is no source of labels.
    let subject = r#"{endpointSelector: {matchLabels: {"k8s:io.kubernetes.pod.namespace": b, app: db}}, ingress: [{}]}"#;
    ask(&policy("db", subject), &[("a/web a/db", 1, "denied: ")]);
    let role = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: role, namespace: a, labels: {k8s.example.com/role: r}}\nspec: \
                {containers: [{name: c, image: x}]}\n";
    let subject = "{endpointSelector: {matchLabels: {k8s.example.com/role: r}}, ingress: [{}]}";
    ask(&(policy("role", subject) + role), &[("a/web a/role 80", 1, "denied: ")]);
}

#[test]
fn labels_that_controllers_add() {
    let manifests = "
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, namespace: a}
spec: {template: {spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis, namespace: a}
spec: {selector: {matchLabels: {app: redis}}, template: {metadata: {labels: {app: redis}}, spec: {containers: [{name: c, image: x}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: a}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from:
    - podSelector: {matchLabels: {batch.kubernetes.io/job-name: migrate}}
    - podSelector: {matchLabels: {statefulset.kubernetes.io/pod-name: redis-0}}
";
    ask(
        manifests,
        &[
            ("a/migrate a/db", 0, "allowed: "),
            ("a/redis a/db", 1, "not decided: "),
            ("a/web a/db", 1, "denied: "),
        ],
    );
    let folder = Folder::new(&[("web.yaml", WEB), ("more.yaml", manifests)]);
    let outcome = folder.run("check .");
    assert!(!outcome.stdout.contains("dead-pod-selector"), "{outcome:#?}");
}

#[test]
fn a_pod_and_what_is_on_its_node() {
    let manifests = r"
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: m}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: {hostNetwork: true, containers: [{name: c, image: x}]}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: a}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";
    ask(
        manifests,
        &[
            ("a/web m/agent 9100 --expect deny", 1, "not decided: "),
            ("m/agent a/db --expect deny", 1, "not decided: "),
            ("a/web a/db --expect deny", 0, "denied: "),
        ],
    );
}

#[test]
fn a_route_to_another_namespace_needs_a_grant() {
    let route = r"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: b}
spec: {rules: [{backendRefs: [{name: web, namespace: a, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: other, namespace: a}
spec: {from: [{group: gateway.networking.k8s.io, kind: GRPCRoute, namespace: b}], to: [{group: '', kind: Service}]}
";
    let folder = Folder::new(&[("web.yaml", WEB), ("route.yaml", route)]);
    let outcome = folder.run("net list .");
    outcome.expect(0).expect_note("no ReferenceGrant lets a route name the Service `a/web`");
    assert!(!outcome.stdout.contains("routes from outside"), "{outcome:#?}");
    folder.write("route.yaml", route.replace("GRPCRoute", "HTTPRoute"));
    let outcome = folder.run("net list .");
    assert!(
        outcome.stdout.contains("routes from outside") && !outcome.stderr.contains("Grant"),
        "{outcome:#?}"
    );
}

#[test]
fn a_finished_job_runs_nothing() {
    let job = |status| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: once, namespace: a}}\nspec: {{template: {{spec: {{containers: \
             [{{name: c, image: x}}]}}}}}}\nstatus: {{conditions: [{{type: Complete, status: '{status}'}}]}}\n"
        )
    };
    ask(&job("True"), &[("a/once a/db", 2, "")]);
    ask(&job("False"), &[("a/once a/db", 0, "allowed: ")]);
}
