//! [`webhook_configuration`]: what the API server sends to the webhook, as it follows from the policies.
//!
//! What no policy looks at never leaves the API server, and what a cluster lives on does not, whatever policies look at: a webhook
//! that does not answer must not keep a cluster from coming back. [`run`] keeps it up to date.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::admission::PolicySet;
use lumen_value::read::Limits;
use lumen_value::{Array, Value};
use serde_json::{Value as Json, json};

use crate::api::Discovery;
use crate::names;

mod upkeep;

pub use upkeep::run;

/// What becomes of a request that the webhook does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It is refused: nothing goes round the policies.
    #[default]
    Fail,
    /// It goes on.
    Ignore,
}

impl FailurePolicy {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "Fail",
            Self::Ignore => "Ignore",
        }
    }
}

/// What the API server is told besides what follows from the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of the server: what happens in it is never sent.
    pub namespace: String,
    /// Further namespaces that are never sent.
    pub exempt_namespaces: Vec<String>,
    /// What becomes of requests that are not answered.
    pub failure_policy: FailurePolicy,
    /// How long the API server waits for an answer, in seconds, 1 to 30.
    pub timeout_seconds: u8,
    /// The operations that are judged: `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub operations: Vec<String>,
    /// Whether Pod Security is judged here, too.
    pub pod_security: bool,
    /// `https://HOST:PORT` of the webhook, where it is no Service of the cluster.
    pub url: Option<String>,
}

impl Settings {
    /// For a server in a namespace.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            exempt_namespaces: Vec::new(),
            failure_policy: FailurePolicy::default(),
            timeout_seconds: 3,
            operations: vec!["CREATE".to_owned(), "UPDATE".to_owned()],
            pod_security: false,
            url: None,
        }
    }
}

/// What is asked about which resources: by group, the resources with their subresources.
pub type Subjects = BTreeMap<String, BTreeSet<String>>;

/// Policies and Lumen's own kinds, which the webhook refuses to store where they could not be used.
const POLICIES: &[&str] = &[
    "config.gatekeeper.sh",
    "constraints.gatekeeper.sh",
    "expansion.gatekeeper.sh",
    "externaldata.gatekeeper.sh",
    names::GROUP,
    "mutations.gatekeeper.sh",
    "templates.gatekeeper.sh",
];

/// A group, and a resource or a subresource in it.
type InGroup = (&'static str, &'static str);

/// What changes an object by another path than its own: group, kind of the object that is sent, and the resources.
const BESIDES: &[(&str, &str, &[InGroup])] = &[
    ("", "Pod", &[("", "pods/ephemeralcontainers"), ("", "pods/resize")]),
    (
        "autoscaling",
        "Scale",
        &[
            ("", "replicationcontrollers/scale"),
            ("apps", "deployments/scale"),
            ("apps", "replicasets/scale"),
            ("apps", "statefulsets/scale"),
        ],
    ),
    ("", "Service", &[("", "services/status")]),
    ("", "PodExecOptions", &[("", "pods/exec")]),
    ("", "PodAttachOptions", &[("", "pods/attach")]),
    ("", "PodPortForwardOptions", &[("", "pods/portforward")]),
    ("", "PodProxyOptions", &[("", "pods/proxy")]),
    ("", "ServiceProxyOptions", &[("", "services/proxy")]),
    ("", "NodeProxyOptions", &[("", "nodes/proxy")]),
];

/// What Pod Security looks at.
const POD_SECURITY: &[InGroup] = &[
    ("", "namespaces"),
    ("", "pods"),
    ("", "pods/ephemeralcontainers"),
    ("", "pods/resize"),
    ("", "podtemplates"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
    ("batch", "jobs"),
];

/// What is looked at, by the kinds that an API server knows.
pub fn subjects(policies: &PolicySet, discovery: &Discovery, pod_security: bool) -> Subjects {
    let mut subjects = Subjects::new();
    let mut add = |group: &str, resource: &str| {
        subjects.entry(group.to_owned()).or_default().insert(resource.to_owned());
    };
    if policies.is_about_every_kind() {
        add("*", "*");
    } else {
        for served in &discovery.served {
            let resource = &served.resource;
            if policies.is_about_kind(&resource.group, &resource.version, &resource.kind) {
                add(&resource.group, &resource.plural);
            }
        }
        for group in POLICIES {
            add(group, "*");
        }
        for (group, resource) in POD_SECURITY.iter().filter(|_| pod_security) {
            add(group, resource);
        }
    }
    for (group, kind, resources) in BESIDES {
        if policies.is_about_kind(group, "v1", kind) {
            for (group, resource) in *resources {
                add(group, resource);
            }
        }
    }
    if pod_security {
        // `*` stands for no subresource.
        add("", "pods/ephemeralcontainers");
        add("", "pods/resize");
    }
    subjects
}

/// The rules for what is looked at: groups with the same resources share one.
fn rules(subjects: &Subjects, operations: &[String]) -> Vec<Json> {
    let mut groups: BTreeMap<&BTreeSet<String>, Vec<&str>> = BTreeMap::new();
    for (group, resources) in subjects {
        groups.entry(resources).or_default().push(group);
    }
    let mut rules: Vec<_> = groups.into_iter().map(|(resources, groups)| (groups, resources)).collect();
    rules.sort();
    rules
        .into_iter()
        .map(|(groups, resources)| {
            json!({
                "apiGroups": groups,
                "apiVersions": ["*"],
                "operations": operations,
                "resources": resources,
                "scope": "*",
            })
        })
        .collect()
}

/// What is never sent: a name, and the condition under which a request is sent.
///
/// A field that is empty is not there, and a condition that asks for one that is not there fails: so each asks whether it is.
fn conditions(policies: &PolicySet, settings: &Settings) -> Vec<Json> {
    let own = format!("system:serviceaccount:{}:{}", settings.namespace, names::SERVER);
    let mut conditions = vec![
        ("not-by-lumen", format!("!has(request.userInfo.username) || request.userInfo.username != '{own}'")),
        (
            "no-leases",
            "!(request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases')"
                .to_owned(),
        ),
        (
            "no-nodes-by-kubelets",
            "!(request.resource.group == '' && request.resource.resource == 'nodes' && \
             ((has(request.subResource) && request.subResource == 'status') || \
             (has(request.userInfo.groups) && 'system:nodes' in request.userInfo.groups)))"
                .to_owned(),
        ),
        ("no-evictions", "!has(request.subResource) || request.subResource != 'eviction'".to_owned()),
        // Whoever asks the API server whether somebody may do something waits for the answer, the API server's neighbours among them.
        (
            "no-questions-of-rights",
            "!(request.resource.group in ['authentication.k8s.io', 'authorization.k8s.io'])".to_owned(),
        ),
    ];
    let is_event = ["", "events.k8s.io"].iter().any(|group| policies.names_kind(group, "Event"));
    if !is_event {
        conditions.push(("no-events", "request.resource.resource != 'events'".to_owned()));
    }
    conditions.iter().map(|(name, expression)| json!({"name": name, "expression": expression})).collect()
}

/// The webhooks' part of the configuration that needs no policies: what `lumen install` renders.
///
/// The first webhook has no rules there: what it is sent follows from the policies, and only a server that runs knows them. So
/// nothing is refused before there is a server that could admit it, and whoever applies it again takes none away.
pub fn skeleton(settings: &Settings) -> Value {
    configuration(&PolicySet::default(), settings, None)
}

/// The whole configuration for some policies, less `caBundle`.
pub fn webhook_configuration(policies: &PolicySet, discovery: &Discovery, settings: &Settings) -> Value {
    let subjects = subjects(policies, discovery, settings.pod_security);
    configuration(policies, settings, Some(&rules(&subjects, &settings.operations)))
}

fn configuration(policies: &PolicySet, settings: &Settings, rules: Option<&[Json]>) -> Value {
    let mut never: Vec<&str> = vec!["kube-system", settings.namespace.as_str()];
    never.extend(settings.exempt_namespaces.iter().map(String::as_str));
    let mut seen = BTreeSet::new();
    never.retain(|name| seen.insert(*name));
    let by_name = json!({"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": never});
    let not_ignored = json!({"key": IGNORE_LABEL, "operator": "DoesNotExist"});
    let webhook = |name: &str, path: &str| {
        json!({
            "name": name,
            "admissionReviewVersions": ["v1"],
            "clientConfig": client(settings, path),
            "failurePolicy": settings.failure_policy.as_str(),
            "matchPolicy": "Exact",
            "objectSelector": {},
            "sideEffects": "None",
            "timeoutSeconds": settings.timeout_seconds,
        })
    };
    let mut validation = webhook(names::VALIDATION_WEBHOOK, "/v1/admit");
    let mut label = webhook(names::LABEL_WEBHOOK, "/v1/admitlabel");
    let further = [
        (
            &mut validation,
            json!({
                "namespaceSelector": {"matchExpressions": [not_ignored, by_name.clone()]},
                "matchConditions": conditions(policies, settings),
            }),
        ),
        (
            &mut label,
            json!({
                "namespaceSelector": {"matchExpressions": [by_name]},
                // Only who sets the label is asked about: all other Namespaces are made without the webhook.
                "matchConditions": [{
                    "name": "has-label",
                    "expression": format!("has(object.metadata.labels) && '{IGNORE_LABEL}' in object.metadata.labels"),
                }],
                "rules": [{
                    "apiGroups": [""],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["namespaces"],
                    "scope": "*",
                }],
            }),
        ),
    ];
    for (webhook, fields) in further {
        if let (Json::Object(webhook), Json::Object(fields)) = (webhook, fields) {
            webhook.extend(fields);
        }
    }
    if let (Some(rules), Json::Object(validation)) = (rules, &mut validation) {
        validation.insert("rules".to_owned(), json!(rules));
    }
    value(&json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {
            "name": names::WEBHOOK_CONFIGURATION,
            "labels": {names::MANAGED_BY_LABEL: names::MANAGED_BY},
        },
        "webhooks": [validation, label],
    }))
}

/// The label that keeps policies out of a Namespace.
const IGNORE_LABEL: &str = "admission.gatekeeper.sh/ignore";

fn client(settings: &Settings, path: &str) -> Json {
    match &settings.url {
        Some(url) => json!({"url": format!("{url}{path}")}),
        None => json!({"service": {
            "namespace": settings.namespace,
            "name": names::SERVICE,
            "path": path,
            "port": 443,
        }}),
    }
}

fn value(json: &Json) -> Value {
    let parsed = lumen_value::json::parse(json.to_string().as_bytes(), &Limits::default());
    parsed.map(|parsed| parsed.value).unwrap_or_default()
}

/// The names, rules and conditions of the webhooks alone: what a server keeps up to date of a configuration that is there.
fn kept_up(configuration: &Value) -> Value {
    let part = |webhook: &Value| -> Value {
        let fields = ["name", "rules", "matchConditions"];
        let kept: Vec<(Value, Value)> =
            fields.iter().filter_map(|field| Some(((*field).into(), webhook.get(field)?.clone()))).collect();
        Value::Object(kept.into())
    };
    let webhooks: Array = crate::certificate::webhooks(configuration).map(part).collect();
    let field = |name: &str| configuration.get(name).cloned().unwrap_or_default();
    let metadata: Value = [("name", names::WEBHOOK_CONFIGURATION.into())].into();
    [
        ("apiVersion", field("apiVersion")),
        ("kind", field("kind")),
        ("metadata", metadata),
        ("webhooks", webhooks.into()),
    ]
    .into()
}

#[cfg(test)]
mod tests;
