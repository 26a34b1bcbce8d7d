//! [`Workload`]: an object that is a pod or makes pods, in one view, whatever its kind.

use lumen_value::{Pointer, Value, pointer};

use super::pod::PodView;
use super::{NULL, field, group_of, text};

/// An object that is a pod or makes pods.
#[derive(Clone, Debug)]
pub struct Workload<'a> {
    /// What admission takes it for.
    pub kind: WorkloadKind,
    /// The pod, or the templates of the pods that it makes; at least one, and more than one only in custom kinds.
    pub pods: Vec<PodView<'a>>,
}

/// What admission takes a workload for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// A Pod: what breaks `enforce` is rejected.
    Pod,
    /// A built-in controller: Pod Security warns about it, and rejects the pods that it makes.
    Controller,
    /// A `PodTemplate`: treated as a controller, though nothing makes pods of it by itself.
    PodTemplate,
    /// A custom kind that carries a pod template: built-in admission never looks at it, only at its pods.
    Custom,
}

/// Where a kind keeps its pod template. A path steps into every element of a list where it says `[]`.
struct Carrier {
    group: &'static str,
    kind: &'static str,
    is: WorkloadKind,
    /// The way to the value that holds `metadata` and `spec`.
    template: &'static [&'static str],
    /// Whether the object is a workload even where the template is missing: the server then judges an empty one.
    always: bool,
}

const fn built_in(group: &'static str, kind: &'static str, template: &'static [&'static str]) -> Carrier {
    Carrier { group, kind, is: WorkloadKind::Controller, template, always: true }
}

const fn custom(group: &'static str, kind: &'static str, template: &'static [&'static str]) -> Carrier {
    Carrier { group, kind, is: WorkloadKind::Custom, template, always: false }
}

const TEMPLATE: &[&str] = &["spec", "template"];

/// The kinds whose pod templates are known; any other kind with containers at `spec.template.spec.containers` counts
/// as well. The built-in ones are those of `pod-security-admission`, `admission/admission.go` (`defaultPodSpecExtractor`).
static CARRIERS: &[Carrier] = &[
    Carrier { is: WorkloadKind::Pod, ..built_in("", "Pod", &[]) },
    Carrier { is: WorkloadKind::PodTemplate, ..built_in("", "PodTemplate", &["template"]) },
    // Its template is a pointer upstream: without one there is nothing to judge.
    Carrier { always: false, ..built_in("", "ReplicationController", TEMPLATE) },
    built_in("apps", "DaemonSet", TEMPLATE),
    built_in("apps", "Deployment", TEMPLATE),
    built_in("apps", "ReplicaSet", TEMPLATE),
    built_in("apps", "StatefulSet", TEMPLATE),
    // Served until 1.16; a cluster that old judges them alike.
    built_in("extensions", "DaemonSet", TEMPLATE),
    built_in("extensions", "Deployment", TEMPLATE),
    built_in("extensions", "ReplicaSet", TEMPLATE),
    built_in("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    built_in("batch", "Job", TEMPLATE),
    // OpenKruise.
    custom(
        "apps.kruise.io",
        "AdvancedCronJob",
        &["spec", "template", "broadcastJobTemplate", "spec", "template"],
    ),
    custom("apps.kruise.io", "AdvancedCronJob", &["spec", "template", "jobTemplate", "spec", "template"]),
    custom(
        "apps.kruise.io",
        "UnitedDeployment",
        &["spec", "template", "statefulSetTemplate", "spec", "template"],
    ),
    custom(
        "apps.kruise.io",
        "UnitedDeployment",
        &["spec", "template", "advancedStatefulSetTemplate", "spec", "template"],
    ),
    custom(
        "apps.kruise.io",
        "UnitedDeployment",
        &["spec", "template", "cloneSetTemplate", "spec", "template"],
    ),
    custom(
        "apps.kruise.io",
        "UnitedDeployment",
        &["spec", "template", "deploymentTemplate", "spec", "template"],
    ),
    // Volcano and the operators whose jobs have roles.
    custom("batch.volcano.sh", "Job", &["spec", "tasks", "[]", "template"]),
    custom("batch.volcano.sh", "JobTemplate", &["spec", "tasks", "[]", "template"]),
    custom("jobset.x-k8s.io", "JobSet", &["spec", "replicatedJobs", "[]", "template", "spec", "template"]),
    custom(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        &["spec", "leaderWorkerTemplate", "leaderTemplate"],
    ),
    custom(
        "leaderworkerset.x-k8s.io",
        "LeaderWorkerSet",
        &["spec", "leaderWorkerTemplate", "workerTemplate"],
    ),
    custom("ray.io", "RayCluster", &["spec", "headGroupSpec", "template"]),
    custom("ray.io", "RayCluster", &["spec", "workerGroupSpecs", "[]", "template"]),
    custom("ray.io", "RayJob", &["spec", "rayClusterSpec", "headGroupSpec", "template"]),
    custom("ray.io", "RayJob", &["spec", "rayClusterSpec", "workerGroupSpecs", "[]", "template"]),
    custom("ray.io", "RayService", &["spec", "rayClusterConfig", "headGroupSpec", "template"]),
    custom("ray.io", "RayService", &["spec", "rayClusterConfig", "workerGroupSpecs", "[]", "template"]),
    // Knative: a Revision holds the pod's spec itself.
    custom("serving.knative.dev", "Revision", &[]),
    // KEDA.
    custom("keda.sh", "ScaledJob", &["spec", "jobTargetRef", "template"]),
];

impl<'a> Workload<'a> {
    /// The view of a manifest, where it is a workload: by its group and kind, in any version. The kinds that are
    /// known are workloads by name; every other kind is one where it has a list at `spec.template.spec.containers`.
    pub fn of(manifest: &'a Value) -> Option<Self> {
        let group = group_of(text(manifest, "apiVersion"));
        let kind = text(manifest, "kind");
        let mut found: Option<Self> = None;
        for carrier in CARRIERS.iter().filter(|carrier| carrier.group == group && carrier.kind == kind) {
            let pods = templates(manifest, carrier);
            if pods.is_empty() {
                continue;
            }
            found.get_or_insert_with(|| Self { kind: carrier.is, pods: Vec::new() }).pods.extend(pods);
        }
        found.or_else(|| Self::of_unknown_kind(kind, manifest))
    }

    fn of_unknown_kind(kind: &str, manifest: &'a Value) -> Option<Self> {
        if kind.is_empty() {
            return None;
        }
        let template = field(manifest, TEMPLATE);
        field(template, &["spec", "containers"]).as_array()?;
        Some(Self {
            kind: WorkloadKind::Custom,
            pods: vec![PodView::of(template, pointer!["spec", "template"])],
        })
    }

    /// The pod, or the first of the templates.
    pub fn pod(&self) -> Option<&PodView<'a>> {
        self.pods.first()
    }
}

/// The templates that a manifest has where its kind keeps them.
fn templates<'a>(manifest: &'a Value, carrier: &Carrier) -> Vec<PodView<'a>> {
    let mut holders = vec![(manifest, Pointer::ROOT)];
    for step in carrier.template {
        holders = holders
            .into_iter()
            .flat_map(|(holder, at)| match *step {
                "[]" => elements(holder, &at),
                key => vec![(field(holder, &[key]), at.child(key))],
            })
            .collect();
    }
    holders
        .into_iter()
        .filter(|(holder, _)| match carrier.is {
            WorkloadKind::Custom => field(holder, &["spec"]).as_object().is_some(),
            _ => carrier.always || holder.as_object().is_some(),
        })
        .map(|(holder, at)| PodView { claims: claims(manifest, carrier), ..PodView::of(holder, at) })
        .collect()
}

/// The claim templates, where the kind has such.
fn claims<'a>(manifest: &'a Value, carrier: &Carrier) -> &'a Value {
    if carrier.kind == "StatefulSet" { field(manifest, &["spec", "volumeClaimTemplates"]) } else { &NULL }
}

fn elements<'a>(list: &'a Value, at: &Pointer) -> Vec<(&'a Value, Pointer)> {
    let items = list.as_array().into_iter().flatten().enumerate();
    items.map(|(index, item)| (item, at.child(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
        entries.into()
    }

    fn pod_holder(name: &str) -> Value {
        let container = object([("name", name.into())]);
        object([("spec", object([("containers", Value::from(vec![container]))]))])
    }

    /// A manifest that holds `inner` under the keys.
    fn manifest(api_version: &str, kind: &str, keys: &[&str], inner: Value) -> Value {
        let mut value = inner;
        for key in keys.iter().rev() {
            value = object([(key, value)]);
        }
        let fields = value.as_object().cloned().unwrap_or_default();
        Value::Object(fields.with("apiVersion", api_version).with("kind", kind))
    }

    fn view(api_version: &str, kind: &str, keys: &[&str]) -> (WorkloadKind, String) {
        let manifest = manifest(api_version, kind, keys, pod_holder("c"));
        let workload = Workload::of(&manifest).unwrap_or_else(|| panic!("{kind} is a workload"));
        let pod = workload.pod().expect("a workload has a pod");
        let containers: Vec<_> = pod.containers().collect();
        assert_eq!(containers.len(), 1, "{kind}");
        let at = pod.locate(&containers[0].pointer());
        assert_eq!(manifest.find(&at), Some(containers[0].value), "{kind}: {at}");
        (workload.kind, pod.at.to_string())
    }

    #[test]
    fn every_built_in_workload_is_seen_in_any_version() {
        assert_eq!(view("v1", "Pod", &[]), (WorkloadKind::Pod, String::new()));
        assert_eq!(view("v1", "PodTemplate", &["template"]), (WorkloadKind::PodTemplate, "/template".into()));
        let template = (WorkloadKind::Controller, "/spec/template".to_owned());
        for (api_version, kind) in [
            ("v1", "ReplicationController"),
            ("apps/v1", "Deployment"),
            ("apps/v1beta1", "Deployment"),
            ("extensions/v1beta1", "Deployment"),
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "Job"),
        ] {
            assert_eq!(view(api_version, kind, TEMPLATE), template, "{api_version} {kind}");
        }
        let cron = view("batch/v1beta1", "CronJob", &["spec", "jobTemplate", "spec", "template"]);
        assert_eq!(cron, (WorkloadKind::Controller, "/spec/jobTemplate/spec/template".into()));
    }

    #[test]
    fn a_custom_kind_counts_and_is_marked() {
        for (api_version, kind) in [
            ("argoproj.io/v1alpha1", "Rollout"),
            ("serving.knative.dev/v1", "Service"),
            ("apps.kruise.io/v1alpha1", "CloneSet"),
            ("example.com/v1", "Anything"),
        ] {
            let (kind, at) = view(api_version, kind, TEMPLATE);
            assert_eq!((kind, at.as_str()), (WorkloadKind::Custom, "/spec/template"), "{api_version}");
        }
        assert_eq!(view("serving.knative.dev/v1", "Revision", &[]), (WorkloadKind::Custom, String::new()));
        let rollout = manifest("argoproj.io/v1alpha1", "Rollout", TEMPLATE, pod_holder("c"));
        let workload = Workload::of(&rollout).expect("a workload");
        assert_eq!(workload.kind, WorkloadKind::Custom);
    }

    #[test]
    fn a_job_of_many_tasks_has_many_templates() {
        let task = |name| object([("template", pod_holder(name))]);
        let tasks = object([("tasks", Value::from(vec![task("a"), Value::Null, task("b")]))]);
        let job = manifest("batch.volcano.sh/v1alpha1", "Job", &["spec"], tasks);
        let workload = Workload::of(&job).expect("a workload");
        let at: Vec<_> = workload.pods.iter().map(|pod| pod.at.to_string()).collect();
        assert_eq!(at, ["/spec/tasks/0/template", "/spec/tasks/2/template"]);
    }

    #[test]
    fn what_carries_no_pod_is_no_workload() {
        for (api_version, kind) in
            [("v1", "Service"), ("v1", "ReplicationController"), ("argoproj.io/v1alpha1", "Rollout")]
        {
            let manifest = manifest(api_version, kind, &["spec"], object([("replicas", 1.into())]));
            assert!(Workload::of(&manifest).is_none(), "{kind}");
        }
        assert!(Workload::of(&pod_holder("c")).is_none());
        assert!(Workload::of(&Value::Null).is_none());
    }

    #[test]
    fn a_replication_controller_is_judged_once_it_has_a_template() {
        let controller = manifest("v1", "ReplicationController", TEMPLATE, object([]));
        assert!(Workload::of(&controller).is_some());
    }

    #[test]
    fn wrong_types_are_read_as_missing() {
        for spec in
            [Value::Null, 1.into(), "x".into(), Value::from(vec![]), object([("containers", "x".into())])]
        {
            let pod = object([("apiVersion", "v1".into()), ("kind", "Pod".into()), ("spec", spec)]);
            let workload = Workload::of(&pod).expect("a Pod is a workload whatever it holds");
            assert_eq!(workload.pods.len(), 1);
            assert_eq!(workload.pods[0].containers().count(), 0);
        }
    }

    #[test]
    fn containers_come_init_first_and_ephemeral_last() {
        let list = |name: &str| Value::from(vec![object([("name", name.into())]), Value::Null]);
        let spec = object([
            ("containers", list("b")),
            ("initContainers", list("a")),
            ("ephemeralContainers", list("c")),
        ]);
        let holder = object([("spec", spec)]);
        let pod = PodView::of(&holder, Pointer::ROOT);
        let seen: Vec<_> = pod
            .containers()
            .map(|each| format!("{} {} {}", each.kind, each.name(), each.pointer()))
            .collect();
        assert_eq!(
            seen,
            [
                "init container a /spec/initContainers/0",
                "init container  /spec/initContainers/1",
                "container b /spec/containers/0",
                "container  /spec/containers/1",
                "ephemeral container c /spec/ephemeralContainers/0",
                "ephemeral container  /spec/ephemeralContainers/1",
            ]
        );
    }
}
