//! [`Pod`]: what the checks look at, looked up once for all of them.

use lumen_value::{Array, Object, Pointer, Str, Value, pointer};

use super::level::NEWEST_MINOR;
use crate::defaults::{APP_ARMOR_ANNOTATION_PREFIX, Seen, app_armor_type_of_annotation};
use crate::object::pod::{ContainerKind, PodView};

/// A pod, or the template of one, with the API server's defaults.
///
/// A field of the wrong type reads as absent: such an object never reaches admission, and another layer reports it.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are fields of the manifest, each on its own")]
pub struct Pod<'a> {
    pub(super) annotations: Option<&'a Object>,
    pub(super) seen: Seen,
    /// The minor version of the cluster, which `latest` means.
    pub(super) cluster_minor: u64,
    pub(super) host_network: bool,
    pub(super) host_pid: bool,
    pub(super) host_ipc: bool,
    /// `hostUsers: false`: the pod has a user namespace of its own.
    pub(super) user_namespace: bool,
    /// `os.name: windows`.
    pub(super) windows: bool,
    pub(super) runtime_class: Option<&'a str>,
    pub(super) security: SecurityContext<'a>,
    pub(super) sysctls: Option<&'a Array>,
    pub(super) volumes: Option<&'a Array>,
    /// The names of the volumes that a `StatefulSet`'s claims replace in its pods, sorted.
    claimed: Vec<&'a str>,
    /// Init containers, regular ones, ephemeral ones.
    pub(super) containers: Vec<Container<'a>>,
}

/// One container.
#[derive(Clone)]
pub(super) struct Container<'a> {
    pub(super) kind: ContainerKind,
    pub(super) index: usize,
    pub(super) name: &'a str,
    pub(super) security: SecurityContext<'a>,
    pub(super) ports: Option<&'a Array>,
    /// `livenessProbe`, `readinessProbe`, `startupProbe`.
    pub(super) probes: [Option<&'a Value>; 3],
    pub(super) lifecycle: Option<&'a Value>,
}

/// The security context of a pod or of a container: the fields of both, of which each has its own.
#[derive(Clone, Default)]
pub(super) struct SecurityContext<'a> {
    pub(super) privileged: Option<bool>,
    pub(super) allow_privilege_escalation: Option<bool>,
    pub(super) run_as_non_root: Option<bool>,
    pub(super) run_as_user: Option<i64>,
    pub(super) proc_mount: Option<&'a str>,
    pub(super) added: Option<&'a Array>,
    pub(super) dropped: Option<&'a Array>,
    pub(super) seccomp: Option<Profile<'a>>,
    pub(super) app_armor: Option<Profile<'a>>,
    pub(super) selinux: Option<&'a Value>,
    pub(super) host_process: bool,
}

/// A seccomp or `AppArmor` profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Profile<'a> {
    /// `type`; empty where it is missing.
    pub(super) kind: &'a str,
    /// Whether `localhostProfile` is set.
    pub(super) localhost: bool,
    /// Whether an annotation says so, and the field is not in the manifest.
    pub(super) from_annotation: bool,
}

impl<'a> Pod<'a> {
    /// Looks up what the checks ask for. The cluster is of the newest known version, until [`Pod::in_cluster`] says otherwise.
    pub fn read(view: &PodView<'a>, seen: Seen) -> Self {
        let spec = view.spec;
        let mut pod = Self {
            annotations: view.metadata.get("annotations").and_then(Value::as_object),
            seen,
            cluster_minor: NEWEST_MINOR,
            host_network: false,
            host_pid: false,
            host_ipc: false,
            user_namespace: false,
            windows: false,
            runtime_class: None,
            security: SecurityContext::default(),
            sysctls: None,
            volumes: None,
            claimed: Vec::new(),
            containers: Vec::new(),
        };
        if seen == Seen::Pod {
            let claims = view.claims.as_array().into_iter().flatten();
            let name =
                |claim: &'a Value| text(claim.get("metadata").and_then(|metadata| metadata.get("name")));
            pod.claimed = claims.map(name).collect();
            pod.claimed.sort_unstable();
        }
        let mut lists = [None; 3];
        for (key, value) in spec.as_object().into_iter().flat_map(Object::fields) {
            match key.as_bytes() {
                b"containers" => lists[1] = value.as_array(),
                b"initContainers" => lists[0] = value.as_array(),
                b"ephemeralContainers" => lists[2] = value.as_array(),
                b"hostNetwork" => pod.host_network = is_true(value),
                b"hostPID" => pod.host_pid = is_true(value),
                b"hostIPC" => pod.host_ipc = is_true(value),
                b"hostUsers" => pod.user_namespace = value.as_bool() == Some(false),
                b"os" => pod.windows = text(value.get("name")) == "windows",
                b"runtimeClassName" => pod.runtime_class = value.as_str().filter(|name| !name.is_empty()),
                b"securityContext" => {
                    pod.security = SecurityContext::read(value);
                    pod.sysctls = value.get("sysctls").and_then(Value::as_array);
                }
                b"volumes" => pod.volumes = value.as_array(),
                _ => {}
            }
        }
        pod.containers = Vec::with_capacity(lists.iter().flatten().map(|list| list.len()).sum());
        for (kind, values) in ContainerKind::ALL.iter().zip(lists) {
            for (index, value) in values.into_iter().flatten().enumerate() {
                // `null` is a container without fields; what is no object at all is no container.
                if matches!(value, Value::Null | Value::Object(_)) {
                    pod.containers.push(Container::read(*kind, index, value));
                }
            }
        }
        if seen == Seen::Pod && !pod.windows {
            pod.copy_app_armor_annotations();
        }
        pod
    }

    /// Whether a claim stands in the place of the volume of this name.
    pub(super) fn is_claimed(&self, volume: &str) -> bool {
        self.claimed.binary_search(&volume).is_ok()
    }

    /// The same pod, in a cluster of a minor version of Kubernetes: `latest` and later versions mean that one.
    #[must_use]
    pub fn in_cluster(mut self, minor: u64) -> Self {
        self.cluster_minor = minor;
        self
    }

    /// As the pod's create strategy does: an annotation counts as the field where there is none, unless the pod's
    /// own profile is the same.
    fn copy_app_armor_annotations(&mut self) {
        let has_prefix = |(key, _): (&str, &str)| key.starts_with(APP_ARMOR_ANNOTATION_PREFIX);
        if !self.annotations().any(has_prefix) {
            return;
        }
        // The other types are as good as none, to every check.
        let copied = Profile { kind: "Unconfined", localhost: false, from_annotation: true };
        let of_pod = self.security.app_armor;
        if of_pod.is_some_and(|profile| profile.kind == copied.kind && !profile.localhost) {
            return;
        }
        let mut containers = std::mem::take(&mut self.containers);
        for container in &mut containers {
            let annotation = self.annotation(&format!("{APP_ARMOR_ANNOTATION_PREFIX}{}", container.name));
            let kind = annotation.and_then(app_armor_type_of_annotation);
            if kind == Some(copied.kind) {
                container.security.app_armor.get_or_insert(copied);
            }
        }
        self.containers = containers;
    }

    /// The value of an annotation.
    pub(super) fn annotation(&self, key: &str) -> Option<&'a str> {
        Some(text(Some(self.annotations?.get(key)?)))
    }

    /// The annotations, by key.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let fields = self.annotations.into_iter().flat_map(Object::fields);
        fields.map(|(key, value)| (key_text(key), text(Some(value))))
    }

    /// The names of the containers that a check finds wrong, in upstream's order.
    pub(super) fn names_where(&self, mut is_bad: impl FnMut(&Container<'a>) -> bool) -> Vec<&'a str> {
        let mut names = Vec::new();
        for container in &self.containers {
            if is_bad(container) {
                if names.is_empty() {
                    names.reserve(self.containers.len());
                }
                names.push(container.name);
            }
        }
        names
    }

    /// Whether a container runs as another user than root for sure.
    pub(super) fn is_non_root(&self, container: &Container<'_>) -> bool {
        let own = &container.security;
        let non_root = own.run_as_non_root.or(self.security.run_as_non_root);
        non_root == Some(true) || self.user_of(container).is_some_and(|user| user != 0)
    }

    /// The user that a container runs as, where the manifest says so.
    pub(super) fn user_of(&self, container: &Container<'_>) -> Option<i64> {
        container.security.run_as_user.or(self.security.run_as_user)
    }

    /// Whether the editions since 1.25 leave the pod alone in what no pod for Windows can set.
    pub(super) fn is_spared_for_windows(&self, minor: u64) -> bool {
        self.windows && minor >= 25
    }

    /// Whether the editions since 1.35 leave the pod alone in what a user namespace of its own makes harmless: to mount
    /// /proc as it likes, and to run as root.
    pub(super) fn is_spared_in_user_namespace(&self, minor: u64) -> bool {
        self.user_namespace && minor >= 35
    }
}

impl<'a> Container<'a> {
    fn read(kind: ContainerKind, index: usize, value: &'a Value) -> Self {
        let mut container = Self {
            kind,
            index,
            name: "",
            security: SecurityContext::default(),
            ports: None,
            probes: [None; 3],
            lifecycle: None,
        };
        for (key, value) in value.as_object().into_iter().flat_map(Object::fields) {
            match key.as_bytes() {
                b"name" => container.name = text(Some(value)),
                b"securityContext" => container.security = SecurityContext::read(value),
                b"ports" => container.ports = value.as_array(),
                b"livenessProbe" => container.probes[0] = Some(value),
                b"readinessProbe" => container.probes[1] = Some(value),
                b"startupProbe" => container.probes[2] = Some(value),
                b"lifecycle" => container.lifecycle = Some(value),
                _ => {}
            }
        }
        container
    }

    /// Where it stands, from the pod.
    pub(super) fn pointer(&self) -> Pointer {
        pointer!["spec", self.kind.list(), self.index]
    }

    /// Where a field of its security context stands, be it there or not.
    pub(super) fn security_pointer(&self, field: &str) -> Pointer {
        pointer!["spec", self.kind.list(), self.index, "securityContext", field]
    }

    /// What the container adds, with its place in the list.
    pub(super) fn added(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let added = self.security.added.into_iter().flatten();
        added.map(|value| text(Some(value))).enumerate()
    }

    /// What people call it: ``container `web` ``.
    pub(super) fn title(&self) -> String {
        if self.name.is_empty() {
            format!("{} {}", self.kind, self.index + 1)
        } else {
            format!("{} `{}`", self.kind, self.name)
        }
    }
}

impl<'a> SecurityContext<'a> {
    fn read(value: &'a Value) -> Self {
        let mut context = Self::default();
        for (key, value) in value.as_object().into_iter().flat_map(Object::fields) {
            match key.as_bytes() {
                b"privileged" => context.privileged = value.as_bool(),
                b"allowPrivilegeEscalation" => context.allow_privilege_escalation = value.as_bool(),
                b"runAsNonRoot" => context.run_as_non_root = value.as_bool(),
                b"runAsUser" => context.run_as_user = value.as_i64(),
                b"procMount" => {
                    context.proc_mount = matches!(value, Value::String(_)).then(|| text(Some(value)));
                }
                b"capabilities" => {
                    context.added = value.get("add").and_then(Value::as_array);
                    context.dropped = value.get("drop").and_then(Value::as_array);
                }
                b"seccompProfile" => context.seccomp = Profile::read(value),
                b"appArmorProfile" => context.app_armor = Profile::read(value),
                b"seLinuxOptions" => context.selinux = value.as_object().map(|_| value),
                b"windowsOptions" => context.host_process = value.get("hostProcess").is_some_and(is_true),
                _ => {}
            }
        }
        context
    }
}

impl<'a> Profile<'a> {
    fn read(value: &'a Value) -> Option<Self> {
        value.as_object().map(|_| Self {
            kind: text(value.get("type")),
            localhost: value.get("localhostProfile").is_some_and(|value| !value.is_null()),
            from_annotation: false,
        })
    }
}

fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
}

/// The text of a field; empty where it is missing or no string. Go reads what is not UTF-8 as U+FFFD: never as
/// nothing, which could pass where the real value would not.
pub(super) fn text(value: Option<&Value>) -> &str {
    match value {
        Some(Value::String(text)) => key_text(text),
        _ => "",
    }
}

fn key_text(text: &Str) -> &str {
    text.as_str().unwrap_or("\u{fffd}")
}
