//! [`Facts`]: what the API server says.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use lumen_server::api::{self, Api, ApiError, Resource, Selection, tried};
use lumen_server::{certificate, names};
use lumen_value::Value;

use crate::cli::cluster::Cluster;

/// What is known of a cluster. A list that could not be read is empty, and `unread` says why.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Why the API server cannot be asked at all: then nothing else is known.
    pub refusal: Option<String>,
    /// What the API server calls its version, where it says it.
    pub version: Option<String>,
    /// What could not be read: the resource, and the reason.
    pub unread: Vec<(&'static str, String)>,
    /// What the caller may not do, of what an installation needs.
    pub missing_rights: Vec<String>,
    /// `CustomResourceDefinition`s.
    pub definitions: Vec<Value>,
    /// `ValidatingWebhookConfiguration`s and `MutatingWebhookConfiguration`s.
    pub webhooks: Vec<Value>,
    /// Namespaces.
    pub namespaces: Vec<Value>,
    /// Services.
    pub services: Vec<Value>,
    /// `EndpointSlice`s.
    pub endpoints: Vec<Value>,
    /// `DaemonSet`s.
    pub daemons: Vec<Value>,
    /// Deployments.
    pub deployments: Vec<Value>,
    /// `ReplicaSet`s.
    pub replica_sets: Vec<Value>,
    /// Network policies.
    pub policies: Vec<Value>,
    /// Constraint templates.
    pub templates: Vec<Value>,
    /// The Secret with the certificate.
    pub certificate: Option<certificate::Kept>,
    /// Seconds since 1970.
    pub now: i64,
}

impl Facts {
    /// Why some resources are not known; `None` where all were read.
    pub fn unreadable(&self, resources: &[&str]) -> Option<String> {
        let unread: Vec<_> = self.unread.iter().filter(|(what, _)| resources.contains(what)).collect();
        let names: Vec<_> = unread.iter().map(|(what, _)| *what).collect();
        let (_, why) = unread.first()?;
        Some(format!("{} cannot be read: {why}", names.join(", ")))
    }

    fn note(&mut self, what: &'static str, error: &ApiError) {
        let why = match error {
            // The rest of the sentence says once more what was asked for, and by whom.
            ApiError::Forbidden(_) => "forbidden".to_owned(),
            other => other.to_string(),
        };
        self.unread.push((what, why));
    }
}

/// What an installation writes: group, resource.
pub(super) const WRITTEN: [(&str, &str); 15] = [
    ("", "namespaces"),
    ("", "services"),
    ("", "serviceaccounts"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "clusterrolebindings"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
    ("rbac.authorization.k8s.io", "roles"),
    ("scheduling.k8s.io", "priorityclasses"),
];

/// A resource whose objects are looked at, and where they go.
struct List {
    group: &'static str,
    plural: &'static str,
    is_namespaced: bool,
    place: fn(&mut Facts) -> &mut Vec<Value>,
}

const fn list(
    group: &'static str,
    plural: &'static str,
    is_namespaced: bool,
    place: fn(&mut Facts) -> &mut Vec<Value>,
) -> List {
    List { group, plural, is_namespaced, place }
}

const LISTS: [List; 11] = [
    list("apiextensions.k8s.io", "customresourcedefinitions", false, |facts| &mut facts.definitions),
    list("admissionregistration.k8s.io", "validatingwebhookconfigurations", false, |facts| {
        &mut facts.webhooks
    }),
    list("admissionregistration.k8s.io", "mutatingwebhookconfigurations", false, |facts| &mut facts.webhooks),
    list("", "namespaces", false, |facts| &mut facts.namespaces),
    list("", "services", true, |facts| &mut facts.services),
    list("discovery.k8s.io", "endpointslices", true, |facts| &mut facts.endpoints),
    list("apps", "daemonsets", true, |facts| &mut facts.daemons),
    list("apps", "deployments", true, |facts| &mut facts.deployments),
    list("apps", "replicasets", true, |facts| &mut facts.replica_sets),
    list("networking.k8s.io", "networkpolicies", true, |facts| &mut facts.policies),
    list("templates.gatekeeper.sh", "constrainttemplates", false, |facts| &mut facts.templates),
];

/// A way to the API server that flags, or the environment, name.
pub async fn connect(cluster: &Cluster) -> Result<Api> {
    // Whoever comes second finds it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let file = cluster.kubeconfig.as_deref();
    let config = api::configuration(file, cluster.context.as_deref(), "give `--kubeconfig FILE`").await?;
    Ok(Api::of(config)?)
}

/// Asks for all that is examined. What cannot be read is noted.
pub async fn fetch(api: &Api) -> Facts {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut facts = Facts { now: i64::try_from(now.as_secs()).unwrap_or_default(), ..Facts::default() };
    match api.get_path("/version").await {
        Ok(version) => {
            facts.version = version.get("gitVersion").and_then(Value::as_str).map(str::to_owned);
        }
        // It answers, and does not say it to everybody.
        Err(ApiError::Forbidden(_)) => {}
        Err(error) => {
            facts.refusal = Some(error.to_string());
            return facts;
        }
    }
    for list in &LISTS {
        // What lists call the kind of their items is of no interest here.
        let resource = Resource::new(list.group, "v1", "", list.plural, list.is_namespaced);
        match tried(|| async { api.list_all(&resource, &Selection::default()).await }).await {
            Ok(items) => (list.place)(&mut facts).extend(items),
            // No kind, no objects.
            Err(ApiError::NotFound(_)) => {}
            Err(error) => facts.note(list.plural, &error),
        }
    }
    match api.get(&Resource::secrets().at(Some(names::NAMESPACE), names::CERTIFICATE_SECRET)).await {
        Ok(secret) => facts.certificate = Some(certificate::kept(&secret)),
        Err(ApiError::NotFound(_)) => {}
        Err(error) => facts.note("secrets", &error),
    }
    rights(api, &mut facts).await;
    facts
}

async fn rights(api: &Api, facts: &mut Facts) {
    let reviews = Resource::new(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        false,
    );
    for (group, resource) in WRITTEN {
        for verb in ["create", "patch"] {
            let attributes: Value =
                [("group", group.into()), ("resource", resource.into()), ("verb", verb.into())].into();
            let review: Value = [
                ("apiVersion", "authorization.k8s.io/v1".into()),
                ("kind", "SelfSubjectAccessReview".into()),
                ("spec", [("resourceAttributes", attributes)].into()),
            ]
            .into();
            match api.create(&reviews, None, &review).await {
                Ok(answer) => {
                    let allowed = answer.get("status").and_then(|status| status.get("allowed")?.as_bool());
                    if allowed != Some(true) {
                        facts.missing_rights.push(format!("{verb} {resource}"));
                    }
                }
                Err(error) => {
                    facts.note("selfsubjectaccessreviews", &error);
                    return;
                }
            }
        }
    }
}
