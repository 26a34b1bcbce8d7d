//! Containers: of the control groups of threads, and of the events that tell of them.

use std::sync::Arc;

use lumen_value::{Value, json, read::Limits};

use super::super::event::Event;
use super::State;
use crate::container_id;
use crate::record::{Container, Mount, Pod, Thread};

/// Most containers.
const CONTAINERS: usize = 65_536;
/// The digits by which a container is known.
const DIGITS: usize = 12;
/// The longest description of a container, in bytes, and how deep it may be.
const DESCRIPTION_BYTES: usize = 64 << 10;
const DESCRIPTION_DEPTH: usize = 32;
/// Most bytes of all descriptions.
const DESCRIPTIONS_BYTES: usize = 128 << 20;
/// Most labels, and most mounts.
const ENTRIES: usize = 1_024;

/// The first digits of an id.
fn short(id: &str) -> &str {
    id.get(..DIGITS).unwrap_or(id)
}

impl State {
    /// Finds out which container a thread is in: what it has of its parent, until its control groups say otherwise.
    pub(super) fn name_container(&mut self, thread: &mut Thread) {
        let Some(found) = container_id::of_groups(&thread.cgroups) else {
            thread.container = None;
            return;
        };
        let known = self.containers.get(short(found.id)).cloned();
        thread.container = Some(known.unwrap_or_else(|| {
            let container = Arc::new(Container {
                id: found.id.to_owned(),
                runtime: found.runtime.map(str::to_owned),
                ..Container::default()
            });
            self.keep(&container);
            container
        }));
    }

    /// The container of a thread, with what is known of it now.
    pub(super) fn container_of(&self, thread: &Thread) -> Option<Arc<Container>> {
        let container = thread.container.as_ref()?;
        Some(self.containers.get(short(&container.id)).unwrap_or(container).clone())
    }

    fn keep(&mut self, container: &Arc<Container>) {
        let key = short(&container.id);
        if self.containers.len() < CONTAINERS || self.containers.contains_key(key) {
            self.containers.insert(key.to_owned(), container.clone());
            self.threads.touch();
        }
    }

    /// An event that describes a container in JSON.
    pub(super) fn container(&mut self, event: &Event<'_>) {
        self.describe(event.text("json").unwrap_or_default());
    }

    /// What the reference's plugin of containers tells.
    pub(super) fn container_event(&mut self, event: &Event<'_>) {
        if event.text("name") == Some(b"container") {
            self.describe(event.text("data").unwrap_or_default());
        }
    }

    fn describe(&mut self, description: &[u8]) {
        let limits =
            Limits { input_bytes_max: DESCRIPTION_BYTES, depth_max: DESCRIPTION_DEPTH, ..Limits::default() };
        if self.description_bytes + description.len() > DESCRIPTIONS_BYTES {
            return;
        }
        let Ok(parsed) = json::parse(description, &limits) else { return };
        self.description_bytes += description.len();
        let description = parsed.value.get("container").unwrap_or(&parsed.value);
        if let Some(container) = read(description) {
            self.keep(&Arc::new(container));
        }
    }
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn read(of: &Value) -> Option<Container> {
    let short_id = text(of, "id")?;
    let full = text(of, "full_id").filter(|full| full.starts_with(&short_id));
    let yes = |key| of.get(key).and_then(Value::as_bool);
    let labels = labels(of.get("labels"));
    let runtime = of.get("type").and_then(Value::as_i64).and_then(runtime);
    let image = text(of, "image");
    let shares = yes("host_pid")
        .map(|pid| [pid, yes("host_network").unwrap_or(false), yes("host_ipc").unwrap_or(false)]);
    let seconds = of.get("created_time").and_then(Value::as_i64).filter(|seconds| *seconds > 0);
    let more = text(of, "cni_json").map(|result| ("container.cni.json".to_owned(), result));
    Some(Container {
        id: full.unwrap_or(short_id),
        runtime: runtime.map(str::to_owned),
        name: text(of, "name"),
        repository: text(of, "imagerepo")
            .or_else(|| image.as_deref().map(|image| split_image(image).0.to_owned())),
        tag: text(of, "imagetag")
            .or_else(|| image.as_deref().and_then(|image| split_image(image).1.map(str::to_owned))),
        image,
        digest: text(of, "imagedigest"),
        image_id: text(of, "imageid"),
        is_privileged: yes("privileged"),
        shares,
        ip: text(of, "ip"),
        started_ns: seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(|seconds| seconds.saturating_mul(1_000_000_000)),
        mounts: mounts(of.get("Mounts")),
        pod: pod(of, &labels),
        labels,
        more: more.into_iter().collect(),
    })
}

/// The repository and the tag of an image's name; a digest is neither.
fn split_image(image: &str) -> (&str, Option<&str>) {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

fn runtime(number: i64) -> Option<&'static str> {
    Some(match number {
        0 => "docker",
        1 => "lxc",
        2 => "libvirt-lxc",
        3 => "mesos",
        4 => "rkt",
        6 => "cri",
        7 => "containerd",
        8 => "cri-o",
        9 => "bpm",
        10 => "static",
        11 => "podman",
        _ => return None,
    })
}

fn labels(of: Option<&Value>) -> Vec<(String, String)> {
    let entries = of.and_then(Value::as_object).into_iter().flat_map(lumen_value::Object::iter);
    let entries = entries
        .take(ENTRIES)
        .filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value.as_str()?.to_owned())));
    entries.collect()
}

fn mounts(of: Option<&Value>) -> Vec<Mount> {
    let entries = of.and_then(Value::as_array).into_iter().flat_map(lumen_value::Array::iter);
    let mount = |of: &Value| Mount {
        source: text(of, "Source").unwrap_or_default(),
        destination: text(of, "Destination").unwrap_or_default(),
        mode: text(of, "Mode").unwrap_or_default(),
        is_writable: of.get("RW").and_then(Value::as_bool).unwrap_or_default(),
        propagation: text(of, "Propagation").unwrap_or_default(),
    };
    entries.take(ENTRIES).map(mount).collect()
}

/// The pod, from the labels that kubelets give to containers.
fn pod(of: &Value, container: &[(String, String)]) -> Option<Pod> {
    let label = |name: &str| {
        let found = container.iter().find(|(key, _)| key.strip_prefix("io.kubernetes.pod.") == Some(name));
        found.map(|(_, value)| value.clone())
    };
    let (name, namespace, uid) = (label("name"), label("namespace"), label("uid"));
    let sandbox_id = text(of, "pod_sandbox_id");
    if name.is_none() && sandbox_id.is_none() {
        return None;
    }
    let ip = text(of, "ip");
    Some(Pod { name, namespace, uid, sandbox_id, ip, labels: labels(of.get("pod_sandbox_labels")) })
}
