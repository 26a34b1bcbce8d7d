//! What the API server makes of a pod before admission judges it, as far as verdicts depend on it.
//!
//! Nothing is copied: readers ask these functions where they would read the field. Followed is Kubernetes 1.34:
//! `pkg/apis/core/v1/defaults.go` for the defaults, and `pkg/registry/core/pod/strategy.go` for what the pod's
//! create strategy does, which runs before validating admission.
//!
//! Not here, because Pod Security never sees it: a pod's name from `generateName` (made before admission, so that
//! a refusal names it), requests from limits, seccomp annotations (no longer copied to fields since 1.27), and
//! the fields of features that are switched off (`procMount` and `hostUsers` are on by default).

use lumen_value::Value;

/// Whether the API server sees a pod or the template of one: some defaults are given to pods alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// A pod, as it is made from a manifest or by a controller.
    Pod,
    /// The template in a controller, as the controller's own admission sees it.
    Template,
}

/// The fields of a volume that give it a source (`VolumeSource` in `k8s.io/api/core/v1`).
pub const VOLUME_SOURCES: &[&str] = &[
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "hostPath",
    "image",
    "iscsi",
    "nfs",
    "persistentVolumeClaim",
    "photonPersistentDisk",
    "portworxVolume",
    "projected",
    "quobyte",
    "rbd",
    "scaleIO",
    "secret",
    "storageos",
    "vsphereVolume",
];

/// Whether the API server makes an `emptyDir` of the volume: it names no source (`SetDefaults_Volume`). Fields
/// that no volume has are dropped before that, so they are no source.
pub fn is_empty_dir_by_default(volume: &Value) -> bool {
    volume.as_object().is_none_or(|volume| {
        !volume.fields().any(|(key, value)| value.as_object().is_some() && is_volume_source(key.as_str()))
    })
}

fn is_volume_source(key: Option<&str>) -> bool {
    key.is_some_and(|key| VOLUME_SOURCES.binary_search(&key).is_ok())
}

/// The port of the node that a container's port takes; 0 for none. A pod in the node's network takes its
/// container ports there (`SetDefaults_Pod`; of init and regular containers, not of ephemeral ones). A template is
/// left as it is since 1.28, so a Deployment is warned of fewer violations than its pods are refused for.
pub fn host_port(port: &Value, pod_on_host_network: bool, seen: Seen) -> i64 {
    match int32(port.get("hostPort")) {
        0 if pod_on_host_network && seen == Seen::Pod => int32(port.get("containerPort")),
        explicit => explicit,
    }
}

/// An integer of 32 bits; 0 where there is none.
fn int32(value: Option<&Value>) -> i64 {
    value.and_then(Value::as_i64).filter(|int| i32::try_from(*int).is_ok()).unwrap_or(0)
}

/// What the keys of the deprecated `AppArmor` annotations start with; the container's name follows.
pub const APP_ARMOR_ANNOTATION_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The type of `AppArmor` profile that the create strategy copies from a container's annotation to its field,
/// where the field is not set (`applyAppArmorVersionSkew`); `None` where the annotation means no profile.
pub fn app_armor_type_of_annotation(annotation: &str) -> Option<&'static str> {
    match annotation {
        "unconfined" => Some("Unconfined"),
        "runtime/default" => Some("RuntimeDefault"),
        _ => annotation.strip_prefix("localhost/").filter(|profile| !profile.is_empty()).map(|_| "Localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_without_a_known_source_is_an_empty_dir() {
        assert!(VOLUME_SOURCES.is_sorted());
        let named = |key: &str, value: Value| Value::from([("name", "a".into()), (key, value)]);
        assert!(is_empty_dir_by_default(&Value::from([("name", "a".into())])));
        assert!(is_empty_dir_by_default(&named("hostPath", Value::Null)));
        assert!(is_empty_dir_by_default(&named("hostpath", Value::from([]))));
        assert!(!is_empty_dir_by_default(&named("hostPath", Value::from([]))));
        assert!(!is_empty_dir_by_default(&named("image", Value::from([]))));
    }

    #[test]
    fn only_a_pod_on_the_nodes_network_takes_its_container_ports_there() {
        let port = Value::from([("containerPort", 80.into())]);
        assert_eq!(host_port(&port, true, Seen::Pod), 80);
        assert_eq!(host_port(&port, true, Seen::Template), 0);
        assert_eq!(host_port(&port, false, Seen::Pod), 0);
        let port = Value::from([("containerPort", 80.into()), ("hostPort", 90.into())]);
        assert_eq!(host_port(&port, true, Seen::Pod), 90);
        assert_eq!(host_port(&port, false, Seen::Template), 90);
        let port = Value::from([("hostPort", (1 << 40).into())]);
        assert_eq!(host_port(&port, false, Seen::Pod), 0);
    }

    #[test]
    fn annotations_become_profiles() {
        assert_eq!(app_armor_type_of_annotation("unconfined"), Some("Unconfined"));
        assert_eq!(app_armor_type_of_annotation("localhost/a"), Some("Localhost"));
        assert_eq!(app_armor_type_of_annotation("localhost/"), None);
        assert_eq!(app_armor_type_of_annotation("Unconfined"), None);
    }
}
