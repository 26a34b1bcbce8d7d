//! The checks about the cluster: the API server, Gatekeeper, Pod Security, network policies, templates.

use std::collections::BTreeSet;

use lumen_core::posture::NETWORK_POLICY_ENFORCERS;
use lumen_server::cluster as server;
use lumen_value::{Array, Value};

use super::{APPLY, Facts, Findings};

/// The oldest minor version of Kubernetes 1 in which `matchConditions` are always there.
const MINOR_MIN: u32 = 30;

pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

pub(super) fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn items<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = &'a Value> {
    at(value, path).and_then(Value::as_array).into_iter().flat_map(Array::iter)
}

pub(super) fn name(value: &Value) -> &str {
    text(value, &["metadata", "name"])
}

fn namespace(value: &Value) -> &str {
    text(value, &["metadata", "namespace"])
}

/// Some names, the first few.
pub(super) fn some<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    let shown: Vec<_> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(5);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

pub(super) fn api_server(facts: &Facts, found: &mut Findings<'_>) {
    let minor = facts.version.as_deref().and_then(|version| version.split('.').nth(1)?.parse::<u32>().ok());
    match (&facts.refusal, &facts.version, minor) {
        (Some(cause), ..) => found.error(cause, "see `--kubeconfig`, `--context` and `kubectl version`"),
        (_, Some(version), Some(minor)) if minor < MINOR_MIN => found.error(
            format!("the API server is {version}, whose webhooks have no `matchConditions`"),
            format!("Lumen needs Kubernetes 1.{MINOR_MIN} or newer"),
        ),
        (_, Some(version), _) => found.ok(format!("the API server answers, and is {version}")),
        (_, None, _) => found.unchecked("the API server answers, and does not say its version"),
    }
}

pub(super) fn rights(facts: &Facts, found: &mut Findings<'_>) {
    if facts.missing_rights.is_empty() {
        found.ok("the user may install Lumen");
    } else {
        let missing = some(facts.missing_rights.iter().map(String::as_str));
        found.error(format!("the user may not {missing}"), "install as somebody with `cluster-admin`");
    }
}

pub(super) fn gatekeeper(facts: &Facts, found: &mut Findings<'_>) {
    let is_there = |configuration: &&Value| name(configuration).starts_with("gatekeeper-");
    match facts.webhooks.iter().find(is_there) {
        Some(configuration) => found.warn(
            format!("a Gatekeeper is there: `{}`", name(configuration)),
            "install with `--shadow` beside it, compare, then remove Gatekeeper's deployments and webhooks and install without",
        ),
        None => found.ok("no Gatekeeper is beside it"),
    }
}

pub(super) fn pod_security(facts: &Facts, found: &mut Findings<'_>) {
    let is_open = |each: &&Value| {
        let enforced = at(each, &["metadata", "labels"])
            .is_some_and(|labels| labels.get("pod-security.kubernetes.io/enforce").is_some());
        !enforced && !name(each).starts_with("kube-")
    };
    let open: Vec<_> = facts.namespaces.iter().filter(is_open).map(name).collect();
    if open.is_empty() {
        found.ok("every namespace says which level of Pod Security it enforces");
    } else {
        found.warn(
            format!("Pod Security enforces nothing in {}", some(open)),
            "`kubectl label namespace NAME pod-security.kubernetes.io/enforce=restricted`; `lumen scan` says what that would refuse",
        );
    }
}

pub(super) fn enforcement(facts: &Facts, found: &mut Findings<'_>) {
    // K3s has a controller for them in its own process.
    if facts.version.as_ref().is_some_and(|version| version.contains("+k3s")) {
        found.ok("K3s enforces network policies");
        return;
    }
    if let Some(reason) = facts.unreadable(&["daemonsets"]) {
        found.unchecked(&reason);
        return;
    }
    let enforcer = facts.daemons.iter().find(|daemon| {
        items(daemon, &["spec", "template", "spec", "containers"]).any(|container| {
            let image = text(container, &["image"]);
            NETWORK_POLICY_ENFORCERS.iter().any(|part| image.contains(part))
        })
    });
    match enforcer {
        Some(daemon) => found.ok(format!("`{}` enforces network policies", name(daemon))),
        None => found.warn(
            "nothing that is known to enforce network policies runs: they may have no effect at all",
            "use a network plugin that does, such as Cilium, Calico or kube-router; Flannel alone does not",
        ),
    }
}

/// Whether a policy is about all pods and names a direction.
fn isolates(policy: &Value, direction: &str) -> bool {
    let selects_all = at(policy, &["spec", "podSelector"])
        .and_then(Value::as_object)
        .is_some_and(lumen_value::Object::is_empty);
    selects_all && items(policy, &["spec", "policyTypes"]).any(|each| each.as_str() == Some(direction))
}

/// The namespaces in which all pods are cut off in a direction, and no policy opens it as asked.
fn cut_off<'a>(facts: &'a Facts, direction: &str, opens: impl Fn(&Value) -> bool) -> Vec<&'a str> {
    let namespaces_of = |holds: &dyn Fn(&Value) -> bool| -> BTreeSet<&'a str> {
        facts.policies.iter().filter(|policy| holds(policy)).map(namespace).collect()
    };
    let isolated = namespaces_of(&|policy| isolates(policy, direction));
    isolated.difference(&namespaces_of(&opens)).copied().collect()
}

pub(super) fn dns(facts: &Facts, found: &mut Findings<'_>) {
    let opens = |policy: &Value| {
        items(policy, &["spec", "egress"]).any(|rule| {
            let mut ports = items(rule, &["ports"]).peekable();
            ports.peek().is_none() || ports.any(|port| port.get("port").and_then(Value::as_i64) == Some(53))
        })
    };
    // Lumen's own server asks for no name.
    let cut = cut_off(facts, "Egress", opens);
    let cut: Vec<_> = cut.into_iter().filter(|name| *name != lumen_server::names::NAMESPACE).collect();
    if cut.is_empty() {
        found.ok("no namespace is cut off from DNS");
    } else {
        found.error(
            format!("pods in {} may send nothing to port 53: no name can be resolved", some(cut)),
            "allow egress to `k8s-app: kube-dns` in `kube-system`, UDP and TCP 53; `lumen net why` says which policy decides",
        );
    }
}

pub(super) fn scraping(facts: &Facts, found: &mut Findings<'_>) {
    let is_scraped = |of: &str| {
        let annotated = |value: &Value, path: &[&str]| {
            at(value, path)
                .is_some_and(|map| map.get("prometheus.io/scrape").and_then(Value::as_str) == Some("true"))
        };
        facts
            .services
            .iter()
            .any(|each| namespace(each) == of && annotated(each, &["metadata", "annotations"]))
            || facts.deployments.iter().any(|each| {
                namespace(each) == of && annotated(each, &["spec", "template", "metadata", "annotations"])
            })
    };
    let opens = |policy: &Value| {
        items(policy, &["spec", "ingress"]).any(|rule| {
            let mut peers = items(rule, &["from"]).peekable();
            peers.peek().is_none() || peers.any(|peer| peer.get("namespaceSelector").is_some())
        })
    };
    let cut: Vec<_> = cut_off(facts, "Ingress", opens).into_iter().filter(|of| is_scraped(of)).collect();
    if cut.is_empty() {
        found.ok("what asks to be scraped can be reached from other namespaces");
    } else {
        found.warn(
            format!("pods in {} ask to be scraped, and nothing outside may reach them", some(cut)),
            "allow ingress from the namespace of Prometheus to the port of the metrics",
        );
    }
}

pub(super) fn refused_pods(facts: &Facts, found: &mut Findings<'_>) {
    let refusal = |set: &Value| -> Option<String> {
        items(set, &["status", "conditions"])
            .filter(|each| text(each, &["type"]) == "ReplicaFailure" && text(each, &["status"]) == "True")
            .map(|each| text(each, &["message"]).to_owned())
            .find(|message| {
                message.contains("violates PodSecurity") || message.contains("denied the request")
            })
    };
    let refused: Vec<_> = facts.replica_sets.iter().filter_map(|set| Some((set, refusal(set)?))).collect();
    match refused.first() {
        None => found.ok("no controller's pods are refused"),
        Some((set, message)) => found.error(
            format!("pods of {} `{}/{}` are refused: {message}", refused.len(), namespace(set), name(set)),
            "`lumen check --fix` adds the fields of `securityContext` that are missing; `lumen explain RULE` says why",
        ),
    }
}

pub(super) fn definitions(facts: &Facts, found: &mut Findings<'_>) {
    let all = server::own_definitions().into_iter().chain(server::upstream_definitions());
    let is_there = |wanted: &Value| facts.definitions.iter().any(|each| name(each) == name(wanted));
    let missing: Vec<_> = all.filter(|each| !is_there(each)).collect();
    if missing.is_empty() {
        found.ok("all kinds are defined");
    } else {
        found.error(format!("{} are not defined", some(missing.iter().map(name))), APPLY);
    }
}

/// The kinds of reports, by API.
const REPORTS: [(&str, [&str; 2]); 2] = [
    ("openreports.io", ["reports.openreports.io", "clusterreports.openreports.io"]),
    ("wgpolicyk8s.io", ["policyreports.wgpolicyk8s.io", "clusterpolicyreports.wgpolicyk8s.io"]),
];

pub(super) fn reports(facts: &Facts, found: &mut Findings<'_>) {
    let is_there = |wanted: &str| facts.definitions.iter().any(|each| name(each) == wanted);
    match REPORTS.iter().find(|(_, kinds)| kinds.iter().any(|kind| is_there(kind))) {
        Some((group, _)) => found.ok(format!("the audit can write reports of {group}")),
        // Whoever wants none needs none.
        None => found.ok(
            "the audit writes no reports: the kinds of openreports.io and wgpolicyk8s.io are not defined",
        ),
    }
}

/// Where a template finds the containers of pods, and where those of what makes pods.
const OF_PODS: &str = "review.object.spec.containers";
const OF_CONTROLLERS: &str = "spec.template.spec";

pub(super) fn templates(facts: &Facts, found: &mut Findings<'_>) {
    let is_created = |template: &&Value| at(template, &["status", "created"]) == Some(&Value::Bool(true));
    let waiting: Vec<_> = facts.templates.iter().filter(|each| !is_created(each)).map(name).collect();
    if !waiting.is_empty() {
        found.error(
            format!("the templates {} have `status.created: false`: their constraints cannot be made", some(waiting)),
            "`kubectl get constrainttemplate NAME -o yaml` shows the reason in `status.byPod`; Gatekeeper needs `--operation=generate`",
        );
    }
    let looks_at_pods_alone = |template: &&Value| {
        let rego = items(template, &["spec", "targets"])
            .flat_map(|target| {
                items(target, &["code"])
                    .map(|code| text(code, &["source", "rego"]))
                    .chain([text(target, &["rego"])])
            })
            .collect::<String>();
        rego.contains(OF_PODS) && !rego.contains(OF_CONTROLLERS)
    };
    let narrow: Vec<_> = facts.templates.iter().filter(looks_at_pods_alone).map(name).collect();
    if !narrow.is_empty() {
        found.warn(
            format!("the templates {} look for containers in Pods alone: Deployments pass, and their pods are refused later", some(narrow)),
            "let them look at `spec.template.spec.containers`, too, or add an ExpansionTemplate",
        );
    }
    if found.found.iter().all(|remark| remark.check != "templates") {
        found.ok("all templates are in use");
    }
}
