//! Random clusters: objects, the Namespaces that they are in, and all that decides about them.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

/// The templates that all worlds have.
const TEMPLATES: &str = include_str!("policies.yaml");

/// The namespaces that objects are in.
const NAMESPACES: [&str; 3] = ["default", "shop", "dev-pay"];

/// A kind: its group with its version, itself, what paths call it, and whether its objects are in namespaces.
pub(crate) type Kind = (&'static str, &'static str, &'static str, bool);

/// The kinds of the objects.
pub(crate) const KINDS: [Kind; 7] = [
    ("v1", "Pod", "pods", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ("v1", "ConfigMap", "configmaps", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("v1", "Namespace", "namespaces", false),
];

/// The templates' kinds, whether they say the same where nobody knows who asks, and parameters for them.
fn parameters() -> impl Strategy<Value = (&'static str, Json)> {
    prop_oneof![
        subsequence(vec!["app", "team", "id"], 0..=3)
            .prop_map(|labels| ("NeedsLabel", json!({"labels": labels}))),
        Just(("NeedsLabel", Json::Null)),
        (0_u8..2).prop_map(|limit| ("NeedsLabel", json!({"labels": ["app", "id"], "limit": limit}))),
        subsequence(vec!["registry.local/", "docker.io/", "n"], 0..=3)
            .prop_map(|prefixes| ("AllowedImages", json!({"prefixes": prefixes}))),
        Just(("UniqueId", Json::Null)),
        select(vec!["a", "b"]).prop_map(|team| ("OfTeam", json!({"team": team}))),
        Just(("OfTeam", Json::Null)),
        (0_u8..4).prop_map(|most| ("FewReplicas", json!({"max": most}))),
        Just(("Clashes", Json::Null)),
        Just(("WhoAsks", Json::Null)),
        subsequence(vec!["x", "y", "web-1"], 1..=3).prop_map(|names| ("Named", json!({"names": names}))),
    ]
}

/// A world. All that is random in it is there; the rest follows.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) namespaces: Vec<Json>,
    pub(crate) constraints: Vec<Json>,
    /// Expansion templates, mutators and the `Config`.
    pub(crate) others: Vec<Json>,
    pub(crate) exemptions: Vec<Json>,
    pub(crate) objects: Vec<Json>,
}

impl World {
    /// All of it, as a file.
    pub(crate) fn text(&self) -> String {
        let all = [&self.namespaces, &self.constraints, &self.others, &self.exemptions, &self.objects];
        let documents = all.into_iter().flatten().map(Json::to_string);
        std::iter::once(TEMPLATES.to_owned()).chain(documents).collect::<Vec<_>>().join("\n---\n")
    }

    /// What the webhook's enforcement point is to this world, the audit's is to that one, and the other way round. Where the label
    /// keeps the webhook out of a namespace, it does not keep out the audit.
    pub(crate) fn with_points_exchanged(&self) -> Self {
        let mut other = self.clone();
        let exchange = |word: &mut Json, one: &str, another: &str| {
            let exchanged = match word.as_str() {
                Some(text) if text == one => another,
                Some(text) if text == another => one,
                _ => return,
            };
            *word = exchanged.into();
        };
        for constraint in &mut other.constraints {
            let scoped =
                constraint.pointer_mut("/spec/scopedEnforcementActions").and_then(Json::as_array_mut);
            for action in scoped.into_iter().flatten() {
                for point in action["enforcementPoints"].as_array_mut().into_iter().flatten() {
                    exchange(&mut point["name"], "validation.gatekeeper.sh", "audit.gatekeeper.sh");
                }
            }
        }
        for config in &mut other.others {
            for entry in config.pointer_mut("/spec/match").and_then(Json::as_array_mut).into_iter().flatten()
            {
                for process in entry["processes"].as_array_mut().into_iter().flatten() {
                    exchange(process, "webhook", "audit");
                }
            }
        }
        for namespace in &mut other.namespaces {
            if let Some(labels) = namespace.pointer_mut("/metadata/labels").and_then(Json::as_object_mut) {
                labels.remove("admission.gatekeeper.sh/ignore");
            }
        }
        other
    }

    /// What is excluded from being synced is not in `data.inventory`; a check knows all objects. So nothing is.
    pub(crate) fn without_excluding_from_sync(&mut self) {
        for config in &mut self.others {
            for entry in config.pointer_mut("/spec/match").and_then(Json::as_array_mut).into_iter().flatten()
            {
                let processes = entry["processes"].as_array_mut().into_iter().flatten();
                for process in processes.filter(|process| **process == "*") {
                    *process = "webhook".into();
                }
            }
        }
    }

    /// What requests are about: Namespaces, and what is in them and beside them.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Json> {
        self.namespaces.iter().chain(&self.objects)
    }
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    let namespaces = NAMESPACES.map(namespace);
    let constraints = prop::collection::vec(constraint(), 1..7).prop_map(|mut constraints| {
        for (number, constraint) in constraints.iter_mut().enumerate() {
            constraint["metadata"]["name"] = format!("c{number}").into();
        }
        constraints
    });
    let others =
        (weighted(0.5, expansion()), prop::collection::vec(mutator(), 0..3), weighted(0.3, config()))
            .prop_map(|(expansion, mut mutators, config)| {
                for (number, mutator) in mutators.iter_mut().enumerate() {
                    mutator["metadata"]["name"] = format!("m{number}").into();
                }
                expansion.into_iter().flatten().chain(mutators).chain(config).collect()
            });
    let exemptions = prop::collection::vec(exemption(), 0..3).prop_map(|mut exemptions| {
        for (number, exemption) in exemptions.iter_mut().enumerate() {
            exemption["metadata"]["name"] = format!("e{number}").into();
        }
        exemptions
    });
    let objects = prop::collection::vec(object(), 1..9).prop_map(|mut objects| {
        // Two of one kind and name are one object.
        let mut seen = std::collections::BTreeSet::new();
        objects.retain(|object| seen.insert(crate::Key::of(object)));
        objects
    });
    (namespaces, constraints, others, exemptions, objects).prop_map(
        |(namespaces, constraints, others, exemptions, objects)| World {
            namespaces: namespaces.into(),
            constraints,
            others,
            exemptions,
            objects,
        },
    )
}

fn set(fields: impl IntoIterator<Item = (&'static str, Option<Json>)>) -> Json {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(fields.collect::<Map<_, _>>())
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = Json> {
    select(words).prop_map(Json::from)
}

fn words(all: &'static [&'static str]) -> impl Strategy<Value = Json> {
    subsequence(all.to_vec(), 1..=2).prop_map(Json::from)
}

fn labels() -> impl Strategy<Value = Json> {
    let label = |values| weighted(0.5, word(values));
    (label(&["web", "db"]), label(&["a", "b"]), weighted(0.3, word(&["1", "2"])))
        .prop_map(|(app, team, id)| set([("app", app), ("team", team), ("id", id)]))
}

fn namespace(name: &'static str) -> impl Strategy<Value = Json> {
    let level = || weighted(0.4, word(&["privileged", "baseline", "restricted", "restricted", "strict"]));
    let version = || weighted(0.3, word(&["latest", "v1.24", "v1.30", "v1.99", "newest"]));
    (labels(), level(), version(), level(), version(), level(), weighted(0.08, Just(json!("")))).prop_map(
        move |(labels, enforce, enforce_version, warn, warn_version, audit, ignore)| {
            let mut all = set([
                ("pod-security.kubernetes.io/enforce", enforce),
                ("pod-security.kubernetes.io/enforce-version", enforce_version),
                ("pod-security.kubernetes.io/warn", warn),
                ("pod-security.kubernetes.io/warn-version", warn_version),
                ("pod-security.kubernetes.io/audit", audit),
                ("admission.gatekeeper.sh/ignore", ignore),
            ]);
            if let (Json::Object(all), Json::Object(labels)) = (&mut all, labels) {
                all.extend(labels);
            }
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": all}})
        },
    )
}

fn selector() -> impl Strategy<Value = Json> {
    let expression = (
        word(&["app", "team", "kubernetes.io/metadata.name"]),
        select(vec!["In", "NotIn", "Exists", "DoesNotExist"]),
    )
        .prop_map(|(key, operator)| {
            let values = if operator.ends_with("In") { json!(["a", "web", "shop"]) } else { json!([]) };
            json!({"key": key, "operator": operator, "values": values})
        });
    prop_oneof![
        labels().prop_map(|labels| json!({"matchLabels": labels})),
        expression.prop_map(|expression| json!({"matchExpressions": [expression]})),
    ]
}

fn matching() -> impl Strategy<Value = Json> {
    let kinds = prop_oneof![
        3 => subsequence(KINDS.map(|(_, kind, ..)| kind).to_vec(), 1..=3).prop_map(Json::from),
        1 => Just(json!(["*"])),
    ];
    let groups =
        prop_oneof![2 => Just(json!(["*"])), 1 => words(&["", "apps", "batch", "rbac.authorization.k8s.io"])];
    let kinds = (groups, kinds).prop_map(|(groups, kinds)| json!([{"apiGroups": groups, "kinds": kinds}]));
    let globs = || words(&["shop", "dev-*", "*-pay", "def*", "kube-*"]);
    (
        weighted(0.5, kinds),
        weighted(0.2, globs()),
        weighted(0.2, globs()),
        weighted(0.2, selector()),
        weighted(0.2, selector()),
        weighted(0.2, word(&["*", "Namespaced", "Cluster", "Other"])),
        weighted(0.1, word(&["x", "web-*", "*-1"])),
        weighted(0.2, word(&["All", "Original", "Generated"])),
    )
        .prop_map(|(kinds, namespaces, excluded, of_labels, of_namespaces, scope, name, source)| {
            set([
                ("kinds", kinds),
                ("namespaces", namespaces),
                ("excludedNamespaces", excluded),
                ("labelSelector", of_labels),
                ("namespaceSelector", of_namespaces),
                ("scope", scope),
                ("name", name),
                ("source", source),
            ])
        })
}

/// What a constraint does: one thing, or different things at different points.
fn enforcement() -> impl Strategy<Value = (Option<Json>, Option<Json>)> {
    let points = subsequence(
        vec!["validation.gatekeeper.sh", "audit.gatekeeper.sh", "gator.gatekeeper.sh", "vap.k8s.io", "*"],
        1..=3,
    );
    let scoped = (word(&["deny", "warn", "dryrun"]), points).prop_map(|(action, points)| {
        let points: Vec<Json> = points.into_iter().map(|name| json!({"name": name})).collect();
        json!({"action": action, "enforcementPoints": points})
    });
    prop_oneof![
        2 => Just((None, None)),
        3 => word(&["deny", "warn", "dryrun", "shout"]).prop_map(|action| (Some(action), None)),
        2 => prop::collection::vec(scoped, 1..=3).prop_map(|scoped| (Some("scoped".into()), Some(scoped.into()))),
    ]
}

fn constraint() -> impl Strategy<Value = Json> {
    (parameters(), weighted(0.8, matching()), enforcement()).prop_map(
        |((kind, parameters), matching, (action, scoped))| {
            let spec = set([
                ("match", matching),
                ("enforcementAction", action),
                ("scopedEnforcementActions", scoped),
                ("parameters", Some(parameters).filter(|parameters| !parameters.is_null())),
            ]);
            json!({"apiVersion": "constraints.gatekeeper.sh/v1beta1", "kind": kind, "metadata": {}, "spec": spec})
        },
    )
}

fn expansion() -> impl Strategy<Value = Vec<Json>> {
    let action = || weighted(0.4, word(&["warn", "dryrun", "deny"]));
    let template = |name: &str, groups: Json, kinds: Json, source: Json, made: Json, action: Option<Json>| {
        let spec = set([
            ("applyTo", Some(json!([{"groups": groups, "versions": ["v1"], "kinds": kinds}]))),
            ("templateSource", Some(source)),
            ("generatedGVK", Some(made)),
            ("enforcementAction", action),
        ]);
        json!({"apiVersion": "expansion.gatekeeper.sh/v1beta1", "kind": "ExpansionTemplate", "metadata": {"name": name}, "spec": spec})
    };
    (action(), any::<bool>(), action()).prop_map(move |(action, has_jobs, of_jobs)| {
        let pod = json!({"group": "", "version": "v1", "kind": "Pod"});
        let job = json!({"group": "batch", "version": "v1", "kind": "Job"});
        let source = json!("spec.template");
        let mut all = vec![template(
            "pods",
            json!(["apps", "batch"]),
            json!(["Deployment", "Job"]),
            source,
            pod,
            action,
        )];
        if has_jobs {
            all.push(template(
                "jobs",
                json!(["batch"]),
                json!(["CronJob"]),
                json!("spec.jobTemplate"),
                job,
                of_jobs,
            ));
        }
        all
    })
}

fn mutator() -> impl Strategy<Value = Json> {
    let label = (word(&["app", "id"]), word(&["web", "1"]), weighted(0.5, matching())).prop_map(|(key, value, matching)| {
        let location = format!("metadata.labels.{}", key.as_str().unwrap_or_default());
        let spec = set([
            ("match", matching),
            ("location", Some(location.into())),
            ("parameters", Some(json!({"assign": {"value": value}}))),
        ]);
        json!({"apiVersion": "mutations.gatekeeper.sh/v1", "kind": "AssignMetadata", "metadata": {}, "spec": spec})
    });
    let location = select(vec![
        ("Pod", "spec.containers[name:*].image"),
        ("Deployment", "spec.template.spec.containers[name:*].image"),
        ("Deployment", "spec.replicas"),
    ]);
    let image = (location, weighted(0.5, matching())).prop_map(|((kind, location), matching)| {
        let value = if location.ends_with("image") { json!("registry.local/other") } else { json!(2) };
        let group = if kind == "Pod" { "" } else { "apps" };
        let spec = set([
            ("applyTo", Some(json!([{"groups": [group], "versions": ["v1"], "kinds": [kind]}]))),
            ("match", matching),
            ("location", Some(location.into())),
            ("parameters", Some(json!({"assign": {"value": value}}))),
        ]);
        json!({"apiVersion": "mutations.gatekeeper.sh/v1", "kind": "Assign", "metadata": {}, "spec": spec})
    });
    prop_oneof![label, image]
}

fn config() -> impl Strategy<Value = Json> {
    let entry = (words(&["shop", "dev-*", "def*"]), words(&["webhook", "audit", "mutation-webhook", "*"]))
        .prop_map(
            |(namespaces, processes)| json!({"excludedNamespaces": namespaces, "processes": processes}),
        );
    prop::collection::vec(entry, 1..=2).prop_map(|entries| {
        json!({
            "apiVersion": "config.gatekeeper.sh/v1alpha1",
            "kind": "Config",
            "metadata": {"name": "config", "namespace": "lumen-system"},
            "spec": {"match": entries},
        })
    })
}

fn exemption() -> impl Strategy<Value = Json> {
    let rules = words(&[
        "admission/*",
        "admission/NeedsLabel/*",
        "admission/AllowedImages/*",
        "admission/*/c0",
        "pod-security/*",
        "pod-security/privileged",
        "pod-security/run-as-non-root",
    ]);
    (
        rules,
        weighted(0.3, word(&["2001-01-01", "9000-12-31", "2001-01-01T00:00:00Z"])),
        weighted(0.4, words(&["Pod", "Deployment", "ConfigMap", "Namespace"])),
        weighted(0.4, words(&["shop", "dev-*", "*"])),
        weighted(0.3, words(&["x", "web-*", "shop"])),
        weighted(0.3, labels()),
    )
        .prop_map(|(rules, expires, kinds, namespaces, names, labels)| {
            let matching = set([
                ("kinds", kinds),
                ("namespaces", namespaces),
                ("names", names),
                ("labelSelector", labels.map(|labels| json!({"matchLabels": labels}))),
            ]);
            let spec = set([
                ("reason", Some("agreed".into())),
                ("rules", Some(rules)),
                ("expires", expires),
                ("match", Some(matching)),
            ]);
            json!({"apiVersion": "lumensec.io/v1alpha1", "kind": "Exemption", "metadata": {}, "spec": spec})
        })
}

fn pod_spec() -> impl Strategy<Value = Json> {
    let security = (weighted(0.3, any::<bool>()), weighted(0.5, any::<bool>()), weighted(0.5, any::<bool>()))
        .prop_map(|(privileged, escalates, not_root)| {
            set([
                ("privileged", privileged.map(Json::from)),
                ("allowPrivilegeEscalation", escalates.map(Json::from)),
                ("runAsNonRoot", not_root.map(Json::from)),
                ("seccompProfile", not_root.map(|_| json!({"type": "RuntimeDefault"}))),
                ("capabilities", escalates.map(|_| json!({"drop": ["ALL"]}))),
            ])
        });
    let image = word(&["registry.local/a:1", "docker.io/b", "nginx", "other/c@sha256:0"]);
    let container =
        (word(&["web", "db"]), image, weighted(0.6, security)).prop_map(|(name, image, security)| {
            set([("name", Some(name)), ("image", Some(image)), ("securityContext", security)])
        });
    (prop::collection::vec(container, 1..=2), weighted(0.2, any::<bool>())).prop_map(
        |(mut containers, host)| {
            for (number, container) in containers.iter_mut().enumerate() {
                let name = container["name"].as_str().unwrap_or_default();
                container["name"] = format!("{name}{number}").into();
            }
            set([("containers", Some(containers.into())), ("hostNetwork", host.map(Json::from))])
        },
    )
}

fn object() -> impl Strategy<Value = Json> {
    let names = word(&["x", "y", "web-1", "db-1"]);
    let kind =
        prop_oneof![3 => Just(0_usize), 3 => Just(1), 1 => Just(2), 1 => Just(3), 1 => Just(4), 1 => Just(5)];
    let parts = (weighted(0.2, any::<bool>()), weighted(0.5, 0_u8..5), labels(), any::<bool>());
    (kind, names, select(&NAMESPACES[..]), labels(), pod_spec(), parts).prop_map(
        |(number, name, namespace, labels, spec, (owner, replicas, made_labels, says_default))| {
            let (api_version, kind, _, is_namespaced) = KINDS[number];
            // What names no namespace lands in this one.
            let says = is_namespaced && (namespace != "default" || says_default);
            let owners = owner.map(|is_controller| {
                json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": is_controller}])
            });
            let metadata = set([
                ("name", Some(name)),
                ("namespace", says.then(|| namespace.into())),
                ("labels", Some(labels)),
                ("ownerReferences", owners.filter(|_| kind == "Pod")),
            ]);
            let template = json!({"metadata": {"labels": made_labels}, "spec": spec});
            let (field, value) = match kind {
                "Pod" => ("spec", spec),
                "Deployment" => {
                    let selector = json!({"matchLabels": template["metadata"]["labels"]});
                    ("spec", set([("replicas", replicas.map(Json::from)), ("selector", Some(selector)), ("template", Some(template))]))
                }
                "CronJob" => ("spec", json!({"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}})),
                "Ingress" => ("spec", json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}})),
                "ConfigMap" => ("data", json!({"a": "b"})),
                _ => ("rules", json!([])),
            };
            set([
                ("apiVersion", Some(api_version.into())),
                ("kind", Some(kind.into())),
                ("metadata", Some(metadata)),
                (field, Some(value)),
            ])
        },
    )
}
