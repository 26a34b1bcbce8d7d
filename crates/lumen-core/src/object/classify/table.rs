//! The tables of what is no manifest, and how it is recognised.

use lumen_value::Value;

use super::NotManifest;

const RENDER_KUSTOMIZATION: Option<&str> = Some("render it first: `kustomize build ..`");
const RENDER_CHART: Option<&str> = Some("render it first: `helm template ..`");

/// Groups whose kinds are configurations that a program reads, and no server stores: the group (a domain that ends
/// so, where it starts with a dot), and what they are.
static CLIENT_SIDE: &[(&str, &str, Option<&str>)] = &[
    ("kustomize.config.k8s.io", "a kustomization", RENDER_KUSTOMIZATION),
    ("kind.x-k8s.io", "the configuration of a kind cluster", None),
    ("k3d.io", "the configuration of a k3d cluster", None),
    ("eksctl.io", "the configuration of an EKS cluster", None),
    ("kubeadm.k8s.io", "a kubeadm configuration", None),
    ("kubelet.config.k8s.io", "a kubelet configuration", None),
    ("kubeproxy.config.k8s.io", "a kube-proxy configuration", None),
    ("kubescheduler.config.k8s.io", "a scheduler configuration", None),
    ("apiserver.config.k8s.io", "an API server configuration", None),
    ("apiserver.k8s.io", "an API server configuration", None),
    ("pod-security.admission.config.k8s.io", "a Pod Security configuration", None),
    ("audit.k8s.io", "an audit policy", None),
    ("client.authentication.k8s.io", "a client credential", None),
    ("skaffold", "a Skaffold configuration", None),
    ("test.gatekeeper.sh", "a suite of Gatekeeper tests", None),
];

/// What an object is that has an `apiVersion` and a `kind` and yet is for a program to read, not for a server.
pub(super) fn of_client_side_kind(group: &str, kind: &str) -> Option<NotManifest> {
    if group.is_empty() && kind == "Config" {
        return Some(NotManifest { what: "a kubeconfig", hint: None });
    }
    let (_, what, hint) = CLIENT_SIDE.iter().find(|(known, ..)| *known == group)?;
    Some(NotManifest { what, hint: *hint })
}

/// How a file of another kind is recognised: by its name, or by the keys at its top.
struct Other {
    what: &'static str,
    hint: Option<&'static str>,
    /// Beginning and end of the file's name, in lower case; a file with such a name is one whatever it holds.
    names: &'static [(&'static str, &'static str)],
    /// Keys that it has all of, and then at least one of; none to recognise it by its name alone.
    all: &'static [&'static str],
    any: &'static [&'static str],
}

impl Other {
    fn found(&self) -> NotManifest {
        NotManifest { what: self.what, hint: self.hint }
    }
}

const OTHER: Other = Other { what: "", hint: None, names: &[], all: &[], any: &[] };

/// In the order of trust: the first that fits counts.
static OTHERS: &[Other] = &[
    // Before kustomizations: both may have `components`.
    Other { what: "a description of an HTTP API", any: &["openapi", "swagger"], ..OTHER },
    Other {
        what: "a kustomization",
        hint: RENDER_KUSTOMIZATION,
        names: &[("kustomization", ".yaml"), ("kustomization", ".yml"), ("kustomization", "kustomization")],
        any: &[
            "bases",
            "commonAnnotations",
            "commonLabels",
            "components",
            "configMapGenerator",
            "generators",
            "helmCharts",
            "namePrefix",
            "patches",
            "patchesJson6902",
            "patchesStrategicMerge",
            "resources",
            "secretGenerator",
            "transformers",
        ],
        ..OTHER
    },
    Other {
        what: "the description of a Helm chart",
        hint: RENDER_CHART,
        names: &[("chart.", "yaml"), ("chart.", "yml"), ("chart.", "lock")],
        all: &["apiVersion", "name", "version"],
        ..OTHER
    },
    Other {
        what: "a file of values for a Helm chart",
        hint: RENDER_CHART,
        names: &[("values", ".yaml"), ("values", ".yml"), ("values", ".json")],
        ..OTHER
    },
    Other {
        what: "a CI workflow",
        all: &["jobs"],
        // YAML 1.1 reads the key `on` as true.
        any: &["on", "true"],
        ..OTHER
    },
    Other {
        what: "a CI action",
        names: &[("action.", "yaml"), ("action.", "yml")],
        all: &["runs"],
        any: &["inputs", "outputs", "description"],
        ..OTHER
    },
    Other {
        what: "a CI pipeline",
        names: &[
            (".gitlab-ci", ".yml"),
            (".gitlab-ci", ".yaml"),
            (".drone", ".yml"),
            (".woodpecker", ".yml"),
            (".woodpecker", ".yaml"),
            (".travis", ".yml"),
            ("azure-pipelines", ".yml"),
            ("bitbucket-pipelines", ".yml"),
        ],
        any: &["stages", "pipelines", "steps", "before_script"],
        ..OTHER
    },
    Other {
        what: "a Compose file",
        names: &[
            ("docker-compose", ".yml"),
            ("docker-compose", ".yaml"),
            ("compose.", "yml"),
            ("compose.", "yaml"),
        ],
        all: &["services"],
        ..OTHER
    },
    Other {
        what: "a Taskfile",
        names: &[("taskfile.", "yml"), ("taskfile.", "yaml")],
        all: &["version", "tasks"],
        ..OTHER
    },
    Other {
        what: "a package description",
        names: &[("package", ".json"), ("pnpm-", ".yaml"), ("composer", ".json")],
        all: &["name"],
        any: &["dependencies", "devDependencies", "scripts"],
        ..OTHER
    },
    Other {
        what: "a TypeScript configuration",
        names: &[("tsconfig", ".json")],
        all: &["compilerOptions"],
        ..OTHER
    },
    Other {
        what: "a pre-commit configuration",
        names: &[(".pre-commit", ".yaml"), (".pre-commit", ".yml")],
        all: &["repos"],
        ..OTHER
    },
    Other { what: "a Dependabot configuration", all: &["version", "updates"], ..OTHER },
    Other { what: "a JSON schema", all: &["$schema"], any: &["properties", "definitions", "$defs"], ..OTHER },
    Other { what: "a Prometheus configuration", any: &["scrape_configs", "alerting"], ..OTHER },
    Other { what: "a file of Prometheus rules", all: &["groups"], ..OTHER },
    Other { what: "an Alertmanager configuration", all: &["route", "receivers"], ..OTHER },
    Other {
        what: "a file of Helm repositories or releases",
        names: &[("helmfile", ".yaml"), ("helmfile", ".yml")],
        any: &["releases", "repositories"],
        ..OTHER
    },
    Other { what: "the configuration of Lumen", names: &[("lumen.", "yaml"), ("lumen.", "yml")], ..OTHER },
];

/// What a file is by its name, in lower case.
pub(super) fn of_name(name: &str) -> Option<NotManifest> {
    let fits = |(start, end): &(&str, &str)| name.starts_with(start) && name.ends_with(end);
    let other = OTHERS.iter().find(|other| other.names.iter().any(fits))?;
    Some(other.found())
}

/// What a mapping is by its keys, where it has no `apiVersion` and `kind`.
pub(super) fn of_shape(value: &Value) -> Option<NotManifest> {
    let has = |key: &&str| value.get(key).is_some();
    let fits = |other: &&Other| {
        let told_by_keys = !other.all.is_empty() || !other.any.is_empty();
        told_by_keys && other.all.iter().all(has) && (other.any.is_empty() || other.any.iter().any(has))
    };
    OTHERS.iter().find(fits).map(Other::found)
}

/// What a list at the top of a document is. No client of Kubernetes takes one.
pub(super) fn of_list(list: &Value) -> NotManifest {
    let all_have = |keys: &[&str]| {
        let items = list.as_array().map(|items| items.iter()).unwrap_or_default();
        let has_key = |item: &Value| keys.iter().any(|key| item.get(key).is_some());
        items.len() > 0 && items.clone().all(has_key)
    };
    if all_have(&["op"]) {
        return NotManifest { what: "a JSON patch", hint: None };
    }
    if all_have(&["hosts", "import_playbook", "tasks"]) {
        return NotManifest { what: "an Ansible playbook", hint: None };
    }
    if all_have(&["apiVersion", "kind"]) {
        return NotManifest {
            what: "a bare list of objects, which kubectl refuses",
            hint: Some("put them under `items` of a `kind: List`, or in documents of their own"),
        };
    }
    NotManifest { what: "a list, not an object", hint: None }
}
