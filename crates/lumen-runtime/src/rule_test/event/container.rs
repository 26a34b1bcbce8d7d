//! The container of an event's process, and its pod.

use super::said::Said;
use crate::record::{Container, Pod};

/// The id of a container of which a test says something, but not its id.
const ID: &str = "3ad7b26ded6d0000000000000000000000000000000000000000000000000000";

/// How many digits of an id fields show.
const DIGITS: usize = 12;

/// The container; none where nothing is said of one, or its id is `host`.
pub(super) fn of(said: &Said<'_>) -> Option<Container> {
    let short = said.string("container.id");
    let is_named = said.has_any("container.") || said.has_any("k8s.") || said.has_any("k8smeta.");
    if short.as_deref() == Some("host") || said.is_null("container.id") || !is_named {
        return None;
    }
    let id = said.string("container.full_id").or(short).unwrap_or_else(|| ID.to_owned());
    let image = Image::of(said);
    Some(Container {
        // An id is as long as that of any container, whatever part of it is said.
        id: if id.len() == DIGITS { format!("{id}{}", ID.get(DIGITS..).unwrap_or_default()) } else { id },
        runtime: unless_null(said, "container.type", || Some("containerd".to_owned())),
        name: said.string("container.name"),
        image: unless_null(said, "container.image", || image.whole()),
        repository: image.repository,
        tag: image.tag,
        digest: image.digest,
        image_id: said.string("container.image.id"),
        is_privileged: said
            .bool("container.privileged")
            .or(Some(false))
            .filter(|_| !said.is_null("container.privileged")),
        shares: Some([
            said.is("container.host_pid"),
            said.is("container.host_network"),
            said.is("container.host_ipc"),
        ]),
        ip: said.string("container.ip"),
        started_ns: said.unsigned("container.start_ts"),
        labels: labels(said, "container.label"),
        pod: pod(said),
        ..Container::default()
    })
}

/// An image by its parts: those that are said, and those of the whole.
struct Image {
    repository: Option<String>,
    tag: Option<String>,
    digest: Option<String>,
}

impl Image {
    fn of(said: &Said<'_>) -> Self {
        let whole = said.string("container.image").unwrap_or_default();
        let (named, digest) = match whole.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (whole.as_str(), None),
        };
        // A colon before a slash is that of the registry's port.
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (named, None),
        };
        let part = |field: &str, of_whole: Option<&str>| {
            unless_null(said, field, || of_whole.filter(|part| !part.is_empty()).map(str::to_owned))
        };
        Self {
            repository: part("container.image.repository", Some(repository)),
            tag: part("container.image.tag", tag),
            digest: part("container.image.digest", digest),
        }
    }

    /// How the image is asked for.
    fn whole(&self) -> Option<String> {
        let mut whole = self.repository.clone()?;
        for (separator, part) in [(':', &self.tag), ('@', &self.digest)] {
            if let Some(part) = part {
                whole.push(separator);
                whole.push_str(part);
            }
        }
        Some(whole)
    }
}

/// What is said of a field; else what it is by default.
fn unless_null(said: &Said<'_>, field: &str, default: impl FnOnce() -> Option<String>) -> Option<String> {
    if said.is_null(field) { None } else { said.string(field).or_else(default) }
}

/// The pod; none where nothing is said of one.
fn pod(said: &Said<'_>) -> Option<Pod> {
    if !said.has_any("k8s.") && !said.has_any("k8smeta.") {
        return None;
    }
    let either = |one: &str, other: &str| said.string(one).or_else(|| said.string(other));
    Some(Pod {
        name: either("k8s.pod.name", "k8smeta.pod.name"),
        namespace: either("k8s.ns.name", "k8smeta.ns.name"),
        uid: either("k8s.pod.uid", "k8smeta.pod.uid").or_else(|| said.string("k8s.pod.id")),
        sandbox_id: either("k8s.pod.full_sandbox_id", "k8s.pod.sandbox_id"),
        ip: said.string("k8s.pod.ip"),
        labels: labels(said, "k8s.pod.label"),
    })
}

fn labels(said: &Said<'_>, field: &str) -> Vec<(String, String)> {
    let labels = said.keyed(field).filter_map(|(name, value)| {
        Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()?).into_owned()))
    });
    labels.collect()
}
