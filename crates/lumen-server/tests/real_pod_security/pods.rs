//! Random requests about pods and what makes them.

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The number of the namespaces that it is sent to.
    pub(crate) pair: usize,
    /// What is made, or is to be changed.
    pub(crate) object: Json,
    pub(crate) update: Option<Change>,
    path: &'static str,
}

/// What is changed of the pod that is there.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Image(String),
    Label,
    Ephemeral(Json),
}

impl Change {
    pub(crate) fn apply(&self, object: &mut Json) {
        match self {
            Self::Image(image) => object["spec"]["containers"][0]["image"] = image.as_str().into(),
            Self::Label => object["metadata"]["labels"] = json!({"a": "b"}),
            Self::Ephemeral(container) => object["spec"]["ephemeralContainers"] = json!([container]),
        }
    }
}

impl Sent {
    pub(crate) fn path(&self, namespace: &str) -> String {
        self.path.replace("NAMESPACE", namespace)
    }

    pub(crate) fn is_named_by_server(&self) -> bool {
        self.object["metadata"].get("generateName").is_some()
    }
}

/// The pod that is there to be updated, which breaks every level.
pub(crate) fn to_update() -> Json {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "there"}, "spec": {
        "hostPID": true,
        "containers": [{"name": "c", "image": "i", "securityContext": {"privileged": true}}],
    }})
}

/// The labels of a namespace.
pub(crate) fn labels() -> impl Strategy<Value = Json> {
    let level = |percent: f64| {
        weighted(percent, select(vec!["privileged", "baseline", "baseline", "restricted", "restricted"]))
    };
    let version = || {
        weighted(
            0.4,
            select(vec![
                "latest", "v1.0", "v1.18", "v1.19", "v1.22", "v1.25", "v1.29", "v1.31", "v1.33", "v1.34",
                "v1.35", "v1.99",
            ]),
        )
    };
    ((level(0.6), version()), (level(0.5), version()), (level(0.5), version())).prop_map(
        |(enforce, warn, audit)| {
            let mut all = Map::new();
            for (name, (level, version)) in [("enforce", enforce), ("warn", warn), ("audit", audit)] {
                all.extend(level.map(|level| (format!("pod-security.kubernetes.io/{name}"), level.into())));
                all.extend(
                    version.map(|version| {
                        (format!("pod-security.kubernetes.io/{name}-version"), version.into())
                    }),
                );
            }
            all.into()
        },
    )
}

pub(crate) fn sent(pairs: usize) -> impl Strategy<Value = Sent> {
    let pod = (pod(), weighted(0.2, Just(()))).prop_map(|(mut pod, is_generated)| {
        let name = if is_generated.is_some() { ("generateName", "made-") } else { ("name", "made") };
        pod["metadata"][name.0] = name.1.into();
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        (pod, None, "/api/v1/namespaces/NAMESPACE/pods")
    });
    let change = prop_oneof![
        select(vec!["other", "i"]).prop_map(|image| Change::Image(image.to_owned())),
        Just(Change::Label),
        container("e").prop_map(|mut container| {
            // None of these has them.
            for field in ["ports", "livenessProbe", "startupProbe", "lifecycle"] {
                if let Some(fields) = container.as_object_mut() {
                    fields.remove(field);
                }
            }
            Change::Ephemeral(container)
        }),
    ];
    let update = change.prop_map(|change| {
        let path = match change {
            Change::Ephemeral(_) => "/api/v1/namespaces/NAMESPACE/pods/there/ephemeralcontainers",
            _ => "/api/v1/namespaces/NAMESPACE/pods/there",
        };
        (json!({"metadata": {"name": "there"}, "change": format!("{change:?}")}), Some(change), path)
    });
    let request = prop_oneof![6 => pod, 3 => controller(), 1 => update];
    (0..pairs, request).prop_map(|(pair, (object, update, path))| Sent { pair, object, update, path })
}

fn controller() -> impl Strategy<Value = (Json, Option<Change>, &'static str)> {
    let kinds = select(vec![
        ("v1", "ReplicationController", "/api/v1/namespaces/NAMESPACE/replicationcontrollers"),
        ("v1", "PodTemplate", "/api/v1/namespaces/NAMESPACE/podtemplates"),
        ("apps/v1", "Deployment", "/apis/apps/v1/namespaces/NAMESPACE/deployments"),
        ("apps/v1", "ReplicaSet", "/apis/apps/v1/namespaces/NAMESPACE/replicasets"),
        ("apps/v1", "StatefulSet", "/apis/apps/v1/namespaces/NAMESPACE/statefulsets"),
        ("apps/v1", "DaemonSet", "/apis/apps/v1/namespaces/NAMESPACE/daemonsets"),
        ("batch/v1", "Job", "/apis/batch/v1/namespaces/NAMESPACE/jobs"),
        ("batch/v1", "CronJob", "/apis/batch/v1/namespaces/NAMESPACE/cronjobs"),
    ]);
    (kinds, pod()).prop_map(|((api_version, kind, path), mut template)| {
        let selector = json!({"app": "web"});
        template["metadata"]["labels"] = selector.clone();
        let of_labels = json!({"matchLabels": selector});
        let spec = match kind {
            "ReplicationController" => json!({"selector": selector, "template": template}),
            "Job" | "CronJob" => {
                template["spec"]["restartPolicy"] = "Never".into();
                json!({"template": template})
            }
            "StatefulSet" => json!({"serviceName": "s", "selector": of_labels, "template": template}),
            _ => json!({"selector": of_labels, "template": template}),
        };
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "made"}});
        match kind {
            "PodTemplate" => object["template"] = spec["template"].clone(),
            "CronJob" => object["spec"] = json!({"schedule": "* * * * *", "jobTemplate": {"spec": spec}}),
            _ => object["spec"] = spec,
        }
        (object, None, path)
    })
}

fn set(fields: impl IntoIterator<Item = (&'static str, Option<Json>)>) -> Json {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Json::Object(fields.collect::<Map<_, _>>())
}

fn maybe(percent: f64, values: Vec<Json>) -> impl Strategy<Value = Option<Json>> {
    weighted(percent, select(values))
}

fn some<const N: usize>(percent: f64, values: [&'static str; N]) -> impl Strategy<Value = Option<Json>> {
    weighted(percent, subsequence(values.to_vec(), 0..=3.min(N)).prop_map(Json::from))
}

fn profile() -> impl Strategy<Value = Option<Json>> {
    maybe(
        0.5,
        vec![
            json!({"type": "RuntimeDefault"}),
            json!({"type": "RuntimeDefault"}),
            json!({"type": "Unconfined"}),
            json!({"type": "Localhost", "localhostProfile": "p.json"}),
        ],
    )
}

fn se_linux() -> impl Strategy<Value = Option<Json>> {
    maybe(
        0.1,
        vec![
            json!({}),
            json!({"type": "container_t"}),
            json!({"type": "container_engine_t"}),
            json!({"type": "spc_t", "level": "s0"}),
            json!({"user": "u", "role": "r"}),
        ],
    )
}

fn bools(percent: f64) -> impl Strategy<Value = Option<Json>> {
    weighted(percent, any::<bool>().prop_map(Json::from))
}

fn security() -> impl Strategy<Value = Json> {
    let capabilities =
        (some(0.3, ["NET_BIND_SERVICE", "CHOWN", "NET_RAW", "ALL"]), some(0.8, ["ALL", "all", "CHOWN"]))
            .prop_map(|(add, drop)| set([("add", add), ("drop", drop)]));
    let escalation = prop_oneof![
        4 => Just((None, Some(false))),
        1 => Just((Some(true), None)),
        1 => Just((Some(false), Some(true))),
        2 => Just((None, None)),
    ];
    (
        escalation,
        weighted(0.7, capabilities),
        maybe(0.6, vec![true.into(), true.into(), false.into()]),
        maybe(0.3, vec![0.into(), 1000.into()]),
        profile(),
        maybe(0.08, vec![json!({"type": "RuntimeDefault"}), json!({"type": "Unconfined"})]),
        se_linux(),
        maybe(0.05, vec!["Default".into(), "Unmasked".into()]),
        maybe(0.05, vec![json!({"hostProcess": false}), json!({"hostProcess": true}), json!({})]),
    )
        .prop_map(
            |(
                (privileged, escalates),
                capabilities,
                not_root,
                user,
                seccomp,
                armor,
                linux,
                proc,
                windows,
            )| {
                set([
                    ("privileged", privileged.map(Json::from)),
                    ("allowPrivilegeEscalation", escalates.map(Json::from)),
                    ("capabilities", capabilities),
                    ("runAsNonRoot", not_root),
                    ("runAsUser", user),
                    ("seccompProfile", seccomp),
                    ("appArmorProfile", armor),
                    ("seLinuxOptions", linux),
                    ("procMount", proc),
                    ("windowsOptions", windows),
                ])
            },
        )
}

fn container(name: &'static str) -> impl Strategy<Value = Json> {
    let probe = || {
        maybe(
            0.1,
            vec![
                json!({"httpGet": {"port": 80}}),
                json!({"httpGet": {"port": 80, "host": "example.com"}}),
                json!({"tcpSocket": {"port": 80, "host": "127.0.0.1"}}),
                json!({"exec": {"command": ["x"]}}),
            ],
        )
    };
    (
        weighted(0.85, security()),
        maybe(
            0.2,
            vec![
                json!([{"containerPort": 80}]),
                json!([{"containerPort": 80, "hostPort": 80}]),
                json!([{"containerPort": 80, "hostPort": 0}, {"containerPort": 81, "hostPort": 81, "protocol": "UDP"}]),
            ],
        ),
        probe(),
        probe(),
        maybe(0.05, vec![json!({"preStop": {"httpGet": {"port": 1, "host": "h"}}}), json!({"postStart": {"exec": {"command": ["x"]}}})]),
    )
        .prop_map(move |(security, ports, live, start, lifecycle)| {
            set([
                ("name", Some(name.into())),
                ("image", Some("i".into())),
                ("securityContext", security),
                ("ports", ports),
                ("livenessProbe", live),
                ("startupProbe", start),
                ("lifecycle", lifecycle),
            ])
        })
}

fn volumes() -> impl Strategy<Value = Option<Json>> {
    let sources = vec![
        json!({"emptyDir": {}}),
        json!({}),
        json!({"configMap": {"name": "c"}}),
        json!({"secret": {"secretName": "s"}}),
        json!({"hostPath": {"path": "/etc"}}),
        json!({"nfs": {"server": "s", "path": "/"}}),
        json!({"persistentVolumeClaim": {"claimName": "c"}}),
        json!({"projected": {"sources": []}}),
        json!({"downwardAPI": {"items": []}}),
        json!({"csi": {"driver": "d"}}),
        json!({"image": {"reference": "i"}}),
        json!({"gitRepo": {"repository": "r"}}),
    ];
    let volumes = prop::collection::vec(select(sources), 1..=3).prop_map(|sources| {
        let named = sources.into_iter().enumerate().map(|(number, mut source)| {
            source["name"] = format!("v{number}").into();
            source
        });
        Json::Array(named.collect())
    });
    weighted(0.3, volumes)
}

/// A pod without its name: metadata and spec.
fn pod() -> impl Strategy<Value = Json> {
    let security = (
        maybe(0.6, vec![true.into(), true.into(), false.into()]),
        maybe(0.2, vec![0.into(), 1000.into()]),
        profile(),
        maybe(0.1, vec![json!({"type": "Unconfined"}), json!({"type": "RuntimeDefault"})]),
        se_linux(),
        maybe(
            0.15,
            vec![
                json!([{"name": "kernel.shm_rmid_forced", "value": "1"}]),
                json!([{"name": "net.ipv4.tcp_rmem", "value": "1"}]),
                json!([{"name": "net.ipv4.ip_local_reserved_ports", "value": "1"}, {"name": "kernel.msgmax", "value": "1"}]),
            ],
        ),
    )
        .prop_map(|(not_root, user, seccomp, armor, linux, sysctls)| {
            set([
                ("runAsNonRoot", not_root),
                ("runAsUser", user),
                ("seccompProfile", seccomp),
                ("appArmorProfile", armor),
                ("seLinuxOptions", linux),
                ("sysctls", sysctls),
            ])
        });
    let host = (bools(0.1), bools(0.1), bools(0.1), bools(0.1));
    let annotations = maybe(
        0.1,
        vec![
            json!({"container.apparmor.security.beta.kubernetes.io/web": "unconfined"}),
            json!({"container.apparmor.security.beta.kubernetes.io/web": "runtime/default"}),
            json!({"seccomp.security.alpha.kubernetes.io/pod": "unconfined"}),
            json!({"container.seccomp.security.alpha.kubernetes.io/web": "unconfined"}),
        ],
    );
    (
        weighted(0.8, security),
        host,
        annotations,
        container("web"),
        weighted(0.3, container("side")),
        weighted(0.2, container("first")),
        volumes(),
        maybe(0.08, vec![json!({"name": "linux"}), json!({"name": "windows"})]),
    )
        .prop_map(
            |(security, (network, pid, ipc, users), annotations, web, side, first, volumes, os)| {
                let containers: Vec<Json> = [web].into_iter().chain(side).collect();
                let spec = set([
                    ("securityContext", security),
                    ("hostNetwork", network),
                    ("hostPID", pid),
                    ("hostIPC", ipc),
                    ("hostUsers", users),
                    ("containers", Some(containers.into())),
                    ("initContainers", first.map(|first| json!([first]))),
                    ("volumes", volumes),
                    ("os", os),
                ]);
                json!({"metadata": set([("annotations", annotations)]), "spec": spec})
            },
        )
}
