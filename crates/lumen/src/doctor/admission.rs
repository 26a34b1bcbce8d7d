//! The checks about webhooks: could one of them wedge the cluster?

use lumen_core::object::{KUBE_SYSTEM, NAMESPACE_NAME_LABEL};
use lumen_server::{certificate, names};
use lumen_value::Value;

use super::cluster::{at, items, name, some, text};
use super::{APPLY, EMERGENCY, Facts, Findings};

/// What a cluster lives on: a group, a resource, a namespace that it is in (empty for none), and what stops without it.
const VITAL: [(&str, &str, &str, &str); 4] = [
    ("coordination.k8s.io", "leases", KUBE_SYSTEM, "leaders and nodes are lost"),
    ("", "pods", KUBE_SYSTEM, "the cluster's own pods cannot be made"),
    ("", "nodes", "", "nodes cannot register"),
    ("authorization.k8s.io", "subjectaccessreviews", "", "nobody's rights can be checked"),
];

/// What is to be done while no server was ready yet.
const FIRST: &str = "the first server that is ready makes the certificate and fills in the rules: `kubectl -n lumen-system get pods`";

fn is_fail(webhook: &Value) -> bool {
    matches!(text(webhook, &["failurePolicy"]), "" | "Fail")
}

/// Whether a webhook is asked about anything.
fn is_asked(webhook: &Value) -> bool {
    items(webhook, &["rules"]).next().is_some()
}

/// Whether a rule of a webhook is about a resource. What conditions leave out is told by their text alone.
fn catches(webhook: &Value, group: &str, resource: &str, labels: &[(&str, &str)]) -> bool {
    let lists = |rule: &Value, field: &str, word: &str| {
        items(rule, &[field]).any(|each| {
            each.as_str()
                .is_some_and(|each| each == word || each == "*" || (each == "*/*" && field == "resources"))
        })
    };
    let by_rule = items(webhook, &["rules"])
        .any(|rule| lists(rule, "apiGroups", group) && lists(rule, "resources", resource));
    let by_namespace = labels.is_empty() || selects(webhook, labels);
    let spared = items(webhook, &["matchConditions"]).any(|condition| {
        let expression = text(condition, &["expression"]);
        expression.starts_with('!') && expression.contains(&format!("'{resource}'"))
            || group.starts_with("authorization") && expression.contains("'authorization.k8s.io'")
    });
    by_rule && by_namespace && !spared
}

/// Whether a webhook's selector takes a namespace with these labels.
fn selects(webhook: &Value, labels: &[(&str, &str)]) -> bool {
    let value = |key: &str| labels.iter().find(|(label, _)| *label == key).map(|(_, value)| *value);
    let wanted = at(webhook, &["namespaceSelector", "matchLabels"]).and_then(Value::as_object);
    let by_labels = wanted.is_none_or(|wanted| {
        wanted.iter().all(|(key, wanted)| key.as_str().and_then(value) == wanted.as_str())
    });
    by_labels
        && items(webhook, &["namespaceSelector", "matchExpressions"]).all(|expression| {
            let found = value(text(expression, &["key"]));
            let is_listed =
                items(expression, &["values"]).any(|each| found.is_some() && each.as_str() == found);
            match text(expression, &["operator"]) {
                "In" => is_listed,
                "NotIn" => !is_listed,
                "Exists" => found.is_some(),
                _ => found.is_none(),
            }
        })
}

/// How many addresses of a Service are ready.
fn ready(facts: &Facts, namespace: &str, service: &str) -> usize {
    let of_service = facts.endpoints.iter().filter(|slice| {
        text(slice, &["metadata", "namespace"]) == namespace
            && text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) == service
    });
    let is_ready = |endpoint: &&Value| at(endpoint, &["conditions", "ready"]) != Some(&Value::Bool(false));
    of_service.map(|slice| items(slice, &["endpoints"]).filter(is_ready).count()).sum()
}

/// What is wrong with one webhook.
fn dangers(facts: &Facts, webhook: &Value) -> Vec<String> {
    let mut dangers = Vec::new();
    if !is_fail(webhook) || !is_asked(webhook) {
        return dangers;
    }
    for (group, resource, namespace, loss) in VITAL {
        let labels = [(NAMESPACE_NAME_LABEL, namespace)];
        let labels = if namespace.is_empty() { &[][..] } else { &labels };
        if catches(webhook, group, resource, labels) {
            dangers.push(format!("while it does not answer, {loss} (`{resource}`)"));
        }
    }
    if let Some(service) = at(webhook, &["clientConfig", "service"]) {
        let (namespace, service) = (text(service, &["namespace"]), text(service, &["name"]));
        let of_namespace = facts.namespaces.iter().find(|each| name(each) == namespace);
        let mut labels: Vec<(&str, &str)> = of_namespace
            .and_then(|each| at(each, &["metadata", "labels"]))
            .and_then(Value::as_object)
            .into_iter()
            .flat_map(lumen_value::Object::iter)
            .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
            .collect();
        if labels.is_empty() {
            labels.push((NAMESPACE_NAME_LABEL, namespace));
        }
        if catches(webhook, "", "pods", &labels) {
            dangers.push(format!(
                "it judges the pods of `{namespace}`, its own: once it is away it cannot come back"
            ));
        }
        if ready(facts, namespace, service) == 0 {
            dangers.push(format!(
                "its Service `{namespace}/{service}` has no ready endpoint: what it is asked about is refused"
            ));
        }
    }
    dangers
}

pub(super) fn foreign(facts: &Facts, found: &mut Findings<'_>) {
    let mut all_is_well = true;
    for configuration in facts.webhooks.iter().filter(|each| name(each) != names::WEBHOOK_CONFIGURATION) {
        for webhook in certificate::webhooks(configuration) {
            for danger in dangers(facts, webhook) {
                all_is_well = false;
                let message = format!(
                    "`{}` ({}) has failurePolicy Fail: {danger}",
                    text(webhook, &["name"]),
                    name(configuration)
                );
                found.warn(
                    message,
                    "exclude what the cluster lives on by `namespaceSelector`, rules or `matchConditions`",
                );
            }
        }
    }
    if all_is_well {
        found.ok("no other webhook could wedge the cluster");
    }
}

fn configuration(facts: &Facts) -> Option<&Value> {
    facts.webhooks.iter().find(|each| name(each) == names::WEBHOOK_CONFIGURATION)
}

/// Whether no server was ready since the installation: the first one writes `caBundle`.
fn is_new(facts: &Facts) -> bool {
    configuration(facts).is_some_and(|configuration| {
        certificate::webhooks(configuration).all(|webhook| certificate::bundle(webhook).is_empty())
    })
}

pub(super) fn own(facts: &Facts, found: &mut Findings<'_>) {
    let Some(configuration) = configuration(facts) else {
        found.error("there is no webhook configuration `lumen`: nothing is judged", APPLY);
        return;
    };
    if is_new(facts) {
        found.warn(
            "nothing is asked yet, and nothing refused but a Namespace with the label `admission.gatekeeper.sh/ignore`: no server was ready",
            FIRST,
        );
        return;
    }
    let endpoints = ready(facts, names::NAMESPACE, names::SERVICE);
    for webhook in certificate::webhooks(configuration) {
        let id = text(webhook, &["name"]);
        let dangers = dangers(facts, webhook);
        for danger in &dangers {
            found.error(format!("`{id}`: {danger}"), format!("are there pods, and do they start? `kubectl -n lumen-system get pods`; in an emergency: `{EMERGENCY}`"));
        }
        if !is_asked(webhook) {
            found.warn(format!("`{id}` is asked about nothing yet"), FIRST);
            continue;
        }
        if dangers.is_empty() {
            let meaning = if is_fail(webhook) {
                "Fail: what nobody answers is refused"
            } else {
                "Ignore: what nobody answers goes on, unjudged"
            };
            found.ok(format!("`{id}` has failurePolicy {meaning}; ready endpoints: {endpoints}"));
        }
    }
}

pub(super) fn certificate(facts: &Facts, found: &mut Findings<'_>) {
    let Some(kept) = &facts.certificate else {
        if is_new(facts) {
            found.warn("there is no certificate yet", FIRST);
            return;
        }
        found.error(
            format!("there is no certificate: the Secret `{}` is missing", names::CERTIFICATE_SECRET),
            "a server makes it when it starts: `kubectl -n lumen-system logs deployment/lumen-server`",
        );
        return;
    };
    let chain = certificate::Certificate::all_of_pem(kept.certificate.as_bytes());
    let chain = match chain {
        Ok(chain) => chain,
        Err(fault) => {
            found.error(
                format!("the certificate cannot be read: {fault}"),
                "delete the Secret: a server makes it anew",
            );
            return;
        }
    };
    let asked = certificate::service_names(names::SERVICE, names::NAMESPACE);
    let asked = asked.first().map_or("", String::as_str);
    let mut distrusted = Vec::new();
    let mut why = String::new();
    for webhook in configuration(facts).into_iter().flat_map(certificate::webhooks) {
        let bundle = certificate::bundle(webhook);
        let roots =
            certificate::Certificate::all_of_pem(bundle.as_bytes()).map_err(|fault| fault.to_string());
        let outcome = roots.and_then(|roots| certificate::served(&chain, &roots, asked, facts.now));
        if let Err(error) = outcome {
            distrusted.push(text(webhook, &["name"]));
            why = error;
        }
    }
    if distrusted.is_empty() {
        let days = chain.first().map_or(0, |own| (own.not_after - facts.now) / 86_400);
        found.ok(format!("the API server trusts the certificate, which is valid for {days} days"));
    } else {
        found.error(
            format!("the `caBundle` of {} does not trust the certificate that is shown: {why}", some(distrusted)),
            "a running server repairs it within seconds: is one ready, and does nobody else write `caBundle`?",
        );
    }
}
