//! [`render`]: everything that Lumen needs in a cluster, as manifests.
//!
//! A pure function: the same options give the same manifests, on every machine. What is rendered keeps to Lumen's own rules.

use lumen_server::api::{Api, Resource};
use lumen_server::registration::{self, FailurePolicy};
use lumen_server::{cluster, names};
use lumen_value::read::Limits;
use serde_json::{Value, json};

mod confinement;
mod network;
mod roles;
mod workload;

/// The ports that are opened towards API servers where none are named: those at which they mostly answer. Others that
/// `lumen_core::network` knows, microk8s's 16443 and minikube's 8443, are opened by who has them.
pub const OPENED_PORTS: [u16; 2] = [443, 6443];

/// What is installed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The image, where the cluster's nodes find it.
    pub image: String,
    /// How many replicas answer.
    pub replicas: u8,
    /// What becomes of requests that nobody answers.
    pub failure_policy: FailurePolicy,
    /// Namespaces of which nothing is sent, besides `kube-system` and Lumen's own; patterns of those that may keep policies out by the
    /// label.
    pub exempt_namespaces: Vec<String>,
    /// The ports at which API servers answer.
    pub api_server_ports: Vec<u16>,
    /// Beside a running Gatekeeper: nothing that is upstream's is installed or written, and nothing is refused.
    pub is_shadow: bool,
}

/// The image, where nothing else is said: a registry on every node, as an airgapped cluster has one.
pub const IMAGE: &str = concat!("localhost:5000/lumen:", env!("CARGO_PKG_VERSION"));

impl Default for Options {
    fn default() -> Self {
        Self {
            image: IMAGE.to_owned(),
            replicas: 3,
            failure_policy: FailurePolicy::Fail,
            exempt_namespaces: Vec::new(),
            api_server_ports: OPENED_PORTS.to_vec(),
            is_shadow: false,
        }
    }
}

/// Whose kinds a manifest is about, where it defines one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Gatekeeper's kinds: left alone where they are, and never removed.
    Upstream,
    /// All else.
    Own,
}

/// The manifests, in the order in which they are to be applied.
pub fn render(options: &Options) -> Vec<(Part, Value)> {
    let mut all: Vec<(Part, Value)> = Vec::new();
    if !options.is_shadow {
        all.extend(cluster::upstream_definitions().iter().map(|each| (Part::Upstream, json(each))));
    }
    all.extend(cluster::own_definitions().iter().map(|each| (Part::Own, json(each))));
    let settings = registration::Settings {
        // What only counts must hold nothing up.
        failure_policy: if options.is_shadow { FailurePolicy::Ignore } else { options.failure_policy },
        exempt_namespaces: options.exempt_namespaces.clone(),
        ..registration::Settings::new(names::NAMESPACE)
    };
    let own = std::iter::once(namespace())
        .chain(workload::surroundings())
        .chain(roles::roles(options.is_shadow))
        // In shadow it defines nothing.
        .chain((!options.is_shadow).then(confinement::policies).into_iter().flatten())
        .chain(network::policies(&options.api_server_ports))
        .chain(workload::server(options))
        .chain([json(&registration::skeleton(&settings))]);
    all.extend(own.map(|each| (Part::Own, each)));
    all
}

/// The manifests as YAML, each a document.
pub fn yaml(manifests: &[(Part, Value)]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    for (_, manifest) in manifests {
        out.extend_from_slice(b"---\n");
        crate::output::yaml::write(manifest, &mut out)?;
    }
    Ok(out)
}

/// What `lumen uninstall` removes: what [`render`] makes, the last first, and the Secret that the server made. Gatekeeper's kinds
/// stay: with them people's templates and constraints would go.
pub fn removed() -> Vec<Value> {
    let mut all: Vec<Value> = render(&Options::default())
        .into_iter()
        .filter(|(part, _)| *part == Part::Own)
        .map(|(_, manifest)| manifest)
        .collect();
    all.push(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(names::CERTIFICATE_SECRET, Some(names::NAMESPACE)),
    }));
    all.reverse();
    // First of all, nothing is sent to the webhook any more.
    all.sort_by_key(|manifest| manifest.get("kind") != Some(&json!("ValidatingWebhookConfiguration")));
    all
}

fn json(value: &lumen_value::Value) -> Value {
    serde_json::from_str(&value.to_json()).unwrap_or_default()
}

fn namespace() -> Value {
    let mut metadata = metadata(names::NAMESPACE, None);
    if let Some(Value::Object(labels)) = metadata.get_mut("labels") {
        for mode in ["enforce", "audit", "warn"] {
            labels.insert(format!("pod-security.kubernetes.io/{mode}"), json!("restricted"));
            labels.insert(format!("pod-security.kubernetes.io/{mode}-version"), json!("latest"));
        }
        for (key, value) in [("name", names::NAMESPACE), ("team", "platform"), ("owner", "platform")] {
            labels.entry(key).or_insert_with(|| json!(value));
        }
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({"name": name});
    if let (Some(namespace), Value::Object(fields)) = (namespace, &mut metadata) {
        fields.insert("namespace".into(), json!(namespace));
    }
    if let Value::Object(fields) = &mut metadata {
        fields.insert("labels".into(), labels());
    }
    metadata
}

fn labels() -> Value {
    json!({
        names::MANAGED_BY_LABEL: names::MANAGED_BY,
        "app.kubernetes.io/name": "lumen",
        "app.kubernetes.io/component": "server",
        "app": names::SERVER,
        "tier": "platform",
    })
}

/// By which the server's pods are known.
fn selector() -> Value {
    json!({"app.kubernetes.io/name": "lumen", "app.kubernetes.io/component": "server"})
}

/// What the API server says against the manifests, where it says something. Nothing is changed.
///
/// What is in a namespace that is still to be made cannot be asked about; it is left out.
pub async fn dry_run(api: &Api, manifests: &[(Part, Value)]) -> anyhow::Result<Vec<String>> {
    let discovery = api.discover().await?;
    let namespaces = Resource::namespaces();
    let has_namespace = api.get(&namespaces.at(None, names::NAMESPACE)).await.is_ok();
    let mut refused = Vec::new();
    for (_, manifest) in manifests {
        let text = |path: &str| manifest.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (api_version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let Some(served) = discovery.find(group, version, kind) else {
            refused.push(format!("the API server knows no {kind} of {api_version}"));
            continue;
        };
        if served.resource.is_namespaced && !has_namespace {
            continue;
        }
        let value = lumen_value::json::parse(manifest.to_string().as_bytes(), &Limits::default());
        let value = value.map(|parsed| parsed.value).unwrap_or_default();
        let at = served.resource.at(Some(text("/metadata/namespace")), name);
        if let Err(error) = api.try_apply(&at, &value).await {
            refused.push(format!("{kind} `{name}`: {error}"));
        }
    }
    Ok(refused)
}
