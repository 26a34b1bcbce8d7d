//! [`Change`]: how a workload is changed to do a step, or not to do any.

use lumen_value::{Object, Pointer, Step, Value, pointer};

use crate::object::pod::PodView;
use crate::object::{NULL, field, text};

/// A value that a change puts somewhere.
#[derive(Clone, Copy, Debug)]
pub enum Datum {
    /// The field is taken away.
    Absent,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A text.
    Text(&'static str),
    /// A list of texts.
    Texts(&'static [&'static str]),
}

impl Datum {
    fn value(self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Bool(bool) => Some(bool.into()),
            Self::Int(int) => Some(int.into()),
            Self::Text(text) => Some(text.into()),
            Self::Texts(texts) => {
                Some(texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>().into())
            }
        }
    }
}

/// One change of the pod of a workload.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// A field of the pod's spec.
    Pod(&'static [&'static str], Datum),
    /// A field of the first container.
    Container(&'static [&'static str], Datum),
    /// A field of every container of every list.
    EveryContainer(&'static [&'static str], Datum),
    /// An init container more, with an image: a copy of the first container in all else.
    ForeignInit(&'static str),
    /// The first container's image, from a host whose name is longer than the one it has.
    LookAlike,
    /// A directory of the node, mounted into the first container.
    HostPath(&'static str),
    /// No directory of the node is mounted any more.
    NoHostPaths,
    /// A token of the service account, projected into the first container.
    TokenVolume,
}

/// Name of what probes add.
const PROBE: &str = "lumen-probe";

/// The pod of a workload's template with changes made: the value that holds `metadata` and `spec`.
pub fn changed(pod: &PodView<'_>, changes: &[Change]) -> Value {
    let mut spec = pod.spec.clone();
    for change in changes {
        spec = change.apply(&spec);
    }
    let mut fields = Object::default();
    if !pod.metadata.is_null() {
        fields = fields.with("metadata", pod.metadata.clone());
    }
    fields.with("spec", spec).into()
}

/// The first container's image in a pod's spec; empty where there is none.
pub fn first_image(spec: &Value) -> &str {
    text(first_container(spec), "image")
}

fn first_container(spec: &Value) -> &Value {
    spec.get("containers").and_then(|list| list.at(0)).unwrap_or(&NULL)
}

const LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

impl Change {
    fn apply(self, spec: &Value) -> Value {
        let container = pointer!["containers", 0];
        match self {
            Self::Pod(keys, datum) => put(spec, &way(keys), datum.value()),
            Self::Container(keys, datum) => put(spec, &container.join(&way(keys)), datum.value()),
            Self::EveryContainer(keys, datum) => {
                let mut spec = spec.clone();
                for list in LISTS {
                    let Some(items) = field(&spec, &[list]).as_array() else {
                        continue;
                    };
                    let way = way(keys);
                    let items: Vec<Value> = items.iter().map(|item| put(item, &way, datum.value())).collect();
                    spec = put(&spec, &pointer![list], Some(items.into()));
                }
                spec
            }
            Self::ForeignInit(image) => {
                let mut copy = first_container(spec).as_object().cloned().unwrap_or_default();
                // What no init container may have.
                for key in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "ports"] {
                    copy = copy.without(key);
                }
                push(spec, "initContainers", copy.with("name", PROBE).with("image", image).into())
            }
            Self::LookAlike => {
                let image = look_alike(first_image(spec));
                put(spec, &container.child("image"), Some(image.into()))
            }
            Self::HostPath(path) => {
                let source: Value = [("path", path.into())].into();
                let spec = push(spec, "volumes", [("name", PROBE.into()), ("hostPath", source)].into());
                mount(&spec, "/lumen-probe")
            }
            Self::NoHostPaths => without_host_paths(spec),
            Self::TokenVolume => {
                let token: Value = [("path", "token".into())].into();
                let source: Value = [("serviceAccountToken", token)].into();
                let projected: Value = [("sources", vec![source].into())].into();
                let spec = push(spec, "volumes", [("name", PROBE.into()), ("projected", projected)].into());
                mount(&spec, "/var/run/secrets/kubernetes.io/serviceaccount")
            }
        }
    }
}

fn way(keys: &[&str]) -> Pointer {
    keys.iter().map(|key| Step::from(*key)).collect()
}

/// An image of the same path from a host whose name starts like the trusted one, so that a policy which compares no more than
/// the start of names takes it for one of its own.
fn look_alike(image: &str) -> String {
    match image.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            format!("{host}.evil.example.com/{path}")
        }
        _ => format!("docker.io.evil.example.com/{image}"),
    }
}

fn mount(spec: &Value, path: &str) -> Value {
    let entry: Value = [("name", PROBE.into()), ("mountPath", path.into())].into();
    let mounts = first_container(spec).get("volumeMounts").unwrap_or(&NULL);
    let mounts = appended(mounts, entry);
    put(spec, &pointer!["containers", 0, "volumeMounts"], Some(mounts))
}

fn push(spec: &Value, list: &str, entry: Value) -> Value {
    let grown = appended(field(spec, &[list]), entry);
    put(spec, &pointer![list], Some(grown))
}

fn appended(list: &Value, entry: Value) -> Value {
    let mut items: Vec<Value> = list.as_array().into_iter().flatten().cloned().collect();
    items.push(entry);
    items.into()
}

fn without_host_paths(spec: &Value) -> Value {
    let is_host_path = |volume: &Value| volume.get("hostPath").is_some_and(|path| !path.is_null());
    let volumes = field(spec, &["volumes"]).as_array();
    if !volumes.into_iter().flatten().any(is_host_path) {
        return spec.clone();
    }
    // The mounts stay, on an empty directory.
    let harmless = |volume: &Value| -> Value {
        if is_host_path(volume) {
            [("name", text(volume, "name").into()), ("emptyDir", Object::default().into())].into()
        } else {
            volume.clone()
        }
    };
    let volumes: Vec<Value> = volumes.into_iter().flatten().map(harmless).collect();
    put(spec, &pointer!["volumes"], Some(volumes.into()))
}

/// A value with a field set, or taken away; objects on the way that are missing are made. Where an element of a list is on
/// the way that is not there, nothing changes.
pub fn put(value: &Value, at: &Pointer, new: Option<Value>) -> Value {
    let mut holders = vec![value.clone()];
    let Some((last, before)) = at.steps().split_last() else {
        return new.unwrap_or_default();
    };
    for step in before {
        let holder = holders.last().unwrap_or(&NULL);
        match (holder.step(step), step) {
            (Some(next), _) => holders.push(next.clone()),
            (None, Step::Key(_)) if new.is_some() => holders.push(Value::Null),
            _ => return value.clone(),
        }
    }
    let mut current = new;
    for (holder, step) in holders.iter().rev().zip(std::iter::once(last).chain(before.iter().rev())) {
        current = Some(with_step(holder, step, current));
    }
    current.unwrap_or_default()
}

fn with_step(holder: &Value, step: &Step, new: Option<Value>) -> Value {
    match step {
        Step::Key(key) => {
            let fields = holder.as_object().cloned().unwrap_or_default();
            match new {
                Some(new) => fields.with(key.clone(), new).into(),
                None => key.as_str().map_or(holder.clone(), |key| fields.without(key).into()),
            }
        }
        Step::Index(number) => {
            let mut items: Vec<Value> = holder.as_array().into_iter().flatten().cloned().collect();
            if let (Some(item), Some(new)) = (items.get_mut(*number), new) {
                *item = new;
            }
            items.into()
        }
    }
}
