//! [`webhook_configuration`]: what the API server sends to the webhook, as it follows from the policies.
//!
//! What no policy looks at never leaves the API server, and what a cluster lives on does not, whatever policies look at: a webhook
//! that does not answer must not keep a cluster from coming back. [`run`] keeps it up to date.

use std::collections::{BTreeMap, BTreeSet};

use lumen_core::admission::PolicySet;
use lumen_core::admission::concern::Operation;
use lumen_core::admission::exclusion::IGNORE_LABEL;
use lumen_value::read::Limits;
use lumen_value::{Array, Value};
use serde_json::{Value as Json, json};

use crate::api::{Discovery, Resource};
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
    /// Further namespaces of which nothing is sent. Patterns are passed over: the API server knows none.
    pub exempt_namespaces: Vec<String>,
    /// What becomes of requests that are not answered.
    pub failure_policy: FailurePolicy,
    /// How long the API server waits for an answer, in seconds, 1 to 30.
    pub timeout_seconds: u8,
    /// Whether Pod Security is judged here, too.
    pub pod_security: bool,
}

impl Settings {
    /// For a server in a namespace.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            exempt_namespaces: Vec::new(),
            failure_policy: FailurePolicy::default(),
            timeout_seconds: 3,
            pod_security: false,
        }
    }
}

/// What is asked about: by operation and group, the resources with their subresources.
pub type Subjects = BTreeMap<(Operation, String), BTreeSet<String>>;

/// The kinds that there are.
#[derive(Clone, Copy, Debug)]
pub struct Kinds<'a> {
    /// Those that the API server serves.
    pub discovery: &'a Discovery,
    /// Those that definitions define: what was defined a moment ago is served a moment later, and must not go by unseen.
    pub defined: &'a [Resource],
}

impl<'a> Kinds<'a> {
    fn resources(self) -> impl Iterator<Item = &'a Resource> {
        self.discovery.served.iter().map(|served| &served.resource).chain(self.defined)
    }

    fn has_group(self, group: &str) -> bool {
        self.resources().any(|resource| &*resource.group == group)
    }

    /// The groups of which not all kinds could be found out.
    fn doubtful(self) -> impl Iterator<Item = &'a str> {
        self.discovery.failed.keys().map(|name| name.split_once('/').map_or("", |(group, _)| group))
    }
}

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
];

/// What is connected to: group, kind of the options that are sent, and the resources.
const CONNECTIONS: &[(&str, &str, &[InGroup])] = &[
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

/// What is looked at, by the kinds that there are.
pub fn subjects(policies: &PolicySet, kinds: Kinds<'_>, pod_security: bool) -> Subjects {
    let mut subjects = Subjects::new();
    for operation in Operation::ALL {
        let mut add = |group: &str, resource: &str| {
            subjects.entry((operation, group.to_owned())).or_default().insert(resource.to_owned());
        };
        let is_change = matches!(operation, Operation::Create | Operation::Update);
        if policies.is_about_every_kind(operation) {
            add("*", "*");
        } else if operation != Operation::Connect {
            of_kinds(policies, kinds, operation, &mut add);
            for group in POLICIES.iter().filter(|_| is_change) {
                add(group, "*");
            }
            for (group, resource) in POD_SECURITY.iter().filter(|_| is_change && pod_security) {
                add(group, resource);
            }
        }
        let besides = if is_change { BESIDES } else { CONNECTIONS };
        for (group, kind, resources) in besides.iter().filter(|_| operation != Operation::Delete) {
            let is_about = policies.is_about(operation, group, "v1", kind);
            for (group, resource) in resources.iter().filter(|_| is_about) {
                add(group, resource);
            }
        }
        if is_change && pod_security {
            // `*` stands for no subresource.
            add("", "pods/ephemeralcontainers");
            add("", "pods/resize");
        }
    }
    for resources in subjects.values_mut().filter(|resources| resources.contains("*")) {
        // The API server takes no other resource beside `*`.
        resources.retain(|resource| resource == "*" || resource.contains('/'));
    }
    subjects
}

/// What constraints look at that are not about every kind.
fn of_kinds(policies: &PolicySet, kinds: Kinds<'_>, operation: Operation, add: &mut impl FnMut(&str, &str)) {
    for resource in kinds.resources() {
        if policies.is_about(operation, &resource.group, &resource.version, &resource.kind) {
            add(&resource.group, &resource.plural);
        }
    }
    // What cannot be found out now may be there again before it is asked for.
    for group in kinds.doubtful().filter(|group| policies.is_about_group(operation, group)) {
        add(group, "*");
    }
    // Kinds that come later are looked at from the first object on.
    for (group, kind) in policies.named_kinds() {
        if (kind == "*" || !kinds.has_group(group)) && policies.is_about(operation, group, "", kind) {
            add(group, "*");
        }
    }
}

/// The rules for what is looked at: groups with the same resources share one.
fn rules(subjects: &Subjects) -> Vec<Json> {
    let mut operations: BTreeMap<(&str, &BTreeSet<String>), Vec<&str>> = BTreeMap::new();
    for ((operation, group), resources) in subjects {
        operations.entry((group, resources)).or_default().push(operation.as_str());
    }
    let mut groups: BTreeMap<(Vec<&str>, &BTreeSet<String>), Vec<&str>> = BTreeMap::new();
    for ((group, resources), operations) in operations {
        groups.entry((operations, resources)).or_default().push(group);
    }
    let mut rules: Vec<_> =
        groups.into_iter().map(|((operations, resources), groups)| (groups, resources, operations)).collect();
    rules.sort();
    rules
        .into_iter()
        .map(|(groups, resources, operations)| {
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
    let own = names::user(&settings.namespace);
    let mut conditions = vec![
        ("not-by-lumen", format!("!has(request.userInfo.username) || request.userInfo.username != '{own}'")),
        (
            "no-leases",
            "!(request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases')"
                .to_owned(),
        ),
        ("no-upkeep-of-nodes", upkeep_of_nodes(settings)),
        (
            "not-by-the-api-server",
            "!has(request.userInfo.username) || request.userInfo.username != 'system:apiserver'".to_owned(),
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

/// What nodes need to come up and be looked after: group and resource.
const OF_NODES: &[InGroup] = &[
    ("", "nodes"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "volumeattachments"),
];

/// The groups in which network plugins keep what pods get their addresses by.
const OF_NETWORKS: &[&str] =
    &["cilium.io", "crd.antrea.io", "crd.projectcalico.org", "k8s.ovn.org", "kubeovn.io"];

/// The parts of the control plane that have no service account.
const CONTROL_PLANE: &[&str] =
    &["system:cloud-controller-manager", "system:kube-controller-manager", "system:kube-scheduler"];

/// What kubelets, the control plane and network plugins do so that nodes can run pods is not sent: the webhook's own pods cannot
/// come back before it is done. What others do to the same objects is sent.
fn upkeep_of_nodes(settings: &Settings) -> String {
    let listed = |words: &mut dyn Iterator<Item = String>| {
        words.map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
    };
    let resources = listed(&mut OF_NODES.iter().map(|(group, resource)| format!("{group}/{resource}")));
    let networks = listed(&mut OF_NETWORKS.iter().map(|group| (*group).to_owned()));
    let users = listed(&mut CONTROL_PLANE.iter().map(|user| (*user).to_owned()));
    let accounts = never(settings).into_iter().map(|namespace| format!("system:serviceaccounts:{namespace}"));
    let groups = ["system:bootstrappers", "system:nodes"].map(str::to_owned);
    let groups = listed(&mut groups.into_iter().chain(accounts));
    format!(
        "!((request.resource.group + '/' + request.resource.resource in [{resources}] || \
         request.resource.group in [{networks}]) && \
         ((has(request.userInfo.groups) && request.userInfo.groups.exists(group, group in [{groups}])) || \
         (has(request.userInfo.username) && request.userInfo.username in [{users}])))"
    )
}

/// The namespaces of which nothing is sent, each once. The API server knows no patterns: what those name may carry the label that
/// keeps policies out, and has to.
fn never(settings: &Settings) -> Vec<&str> {
    let mut never: Vec<&str> = vec!["kube-system", settings.namespace.as_str()];
    never.extend(settings.exempt_namespaces.iter().map(String::as_str).filter(|name| !name.contains('*')));
    let mut seen = BTreeSet::new();
    never.retain(|name| seen.insert(*name));
    never
}

/// The webhooks' part of the configuration that needs no policies: what `lumen install` renders.
///
/// The first webhook has no rules there: what it is sent follows from the policies, and only a server that runs knows them. So
/// nothing is refused before there is a server that could admit it, and whoever applies it again takes none away.
pub fn skeleton(settings: &Settings) -> Value {
    configuration(&PolicySet::default(), settings, None)
}

/// The whole configuration for some policies, less `caBundle`.
pub fn webhook_configuration(policies: &PolicySet, kinds: Kinds<'_>, settings: &Settings) -> Value {
    let subjects = subjects(policies, kinds, settings.pod_security);
    configuration(policies, settings, Some(&rules(&subjects)))
}

fn configuration(policies: &PolicySet, settings: &Settings, rules: Option<&[Json]>) -> Value {
    let never = never(settings);
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
                // Only who sets the label is asked about: all other Namespaces are made without the webhook. Those who write the
                // status or take off a finalizer are not held up by one that is there; but they could set it, too.
                "matchConditions": [
                    {"name": "has-label", "expression": has_label("object")},
                    {"name": "sets-label", "expression": format!(
                        "!has(request.subResource) || request.subResource == '' || !({})", has_label("oldObject"),
                    )},
                ],
                "rules": [{
                    "apiGroups": [""],
                    "apiVersions": ["*"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["namespaces", "namespaces/finalize", "namespaces/status"],
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

/// Whether an object of a request has the label that keeps policies out.
fn has_label(object: &str) -> String {
    format!("has({object}.metadata.labels) && '{IGNORE_LABEL}' in {object}.metadata.labels")
}

fn client(settings: &Settings, path: &str) -> Json {
    json!({"service": {
        "namespace": settings.namespace,
        "name": names::SERVICE,
        "path": path,
        "port": 443,
    }})
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
