//! [`Facts`]: what the API server says.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use lumen_server::api::{Api, ApiError, Resource, Selection};
use lumen_server::{certificate, names};
use lumen_value::Value;

use crate::cli::cluster::Cluster;

/// What is known of a cluster. A list that could not be read is empty, and `unread` says why.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What the API server calls its version; why it does not.
    pub version: Option<String>,
    /// What could not be read: the resource, and the reason.
    pub unread: Vec<(String, String)>,
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

/// What an installation writes: group, resource.
const WRITTEN: [(&str, &str); 10] = [
    ("", "namespaces"),
    ("", "services"),
    ("", "serviceaccounts"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "deployments"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("scheduling.k8s.io", "priorityclasses"),
];

/// A way to the API server that flags, or the environment, name.
pub async fn connect(cluster: &Cluster) -> Result<Api> {
    // Whoever comes second finds it installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    let options = KubeConfigOptions { context: cluster.context.clone(), ..KubeConfigOptions::default() };
    let config = match &cluster.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("cannot read the kubeconfig `{}`", path.display()))?;
            kube::Config::from_custom_kubeconfig(file, &options).await?
        }
        None if cluster.context.is_some() => kube::Config::from_kubeconfig(&options).await?,
        None => kube::Config::infer().await?,
    };
    Ok(Api::new(kube::Client::try_from(config)?))
}

/// Asks for all that is examined. What cannot be read is noted.
pub async fn fetch(api: &Api) -> Facts {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut facts = Facts { now: i64::try_from(now.as_secs()).unwrap_or_default(), ..Facts::default() };
    match api.get_path("/version").await {
        Ok(version) => {
            facts.version = version.get("gitVersion").and_then(Value::as_str).map(str::to_owned);
        }
        Err(error) => {
            facts.unread.push(("the API server".to_owned(), error.to_string()));
            return facts;
        }
    }
    let registration = "admissionregistration.k8s.io";
    let lists = [
        ("apiextensions.k8s.io", "v1", "customresourcedefinitions", false),
        (registration, "v1", "validatingwebhookconfigurations", false),
        (registration, "v1", "mutatingwebhookconfigurations", false),
        ("", "v1", "namespaces", false),
        ("", "v1", "services", true),
        ("discovery.k8s.io", "v1", "endpointslices", true),
        ("apps", "v1", "daemonsets", true),
        ("apps", "v1", "deployments", true),
        ("apps", "v1", "replicasets", true),
        ("networking.k8s.io", "v1", "networkpolicies", true),
        ("templates.gatekeeper.sh", "v1", "constrainttemplates", false),
    ];
    for (group, version, plural, is_namespaced) in lists {
        let resource = Resource::new(group, version, plural, plural, is_namespaced);
        let items = match api.list_all(&resource, &Selection::default()).await {
            Ok(items) => items,
            // No kind, no objects.
            Err(ApiError::NotFound(_)) => continue,
            Err(error) => {
                facts.unread.push((plural.to_owned(), error.to_string()));
                continue;
            }
        };
        let place = match plural {
            "customresourcedefinitions" => &mut facts.definitions,
            "namespaces" => &mut facts.namespaces,
            "services" => &mut facts.services,
            "endpointslices" => &mut facts.endpoints,
            "daemonsets" => &mut facts.daemons,
            "deployments" => &mut facts.deployments,
            "replicasets" => &mut facts.replica_sets,
            "networkpolicies" => &mut facts.policies,
            "constrainttemplates" => &mut facts.templates,
            _ => &mut facts.webhooks,
        };
        place.extend(items);
    }
    let secrets = Resource::new("", "v1", "Secret", "secrets", true);
    match api.get(&secrets.at(Some(names::NAMESPACE), names::CERTIFICATE_SECRET)).await {
        Ok(secret) => facts.certificate = Some(certificate::kept(&secret)),
        Err(ApiError::NotFound(_)) => {}
        Err(error) => facts.unread.push(("secrets".to_owned(), error.to_string())),
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
                    facts.unread.push(("selfsubjectaccessreviews".to_owned(), error.to_string()));
                    return;
                }
            }
        }
    }
}
