//! Containers as bytes.

use super::super::bytes::length;
use super::super::wire::{
    self, CONTAINER_TEXT_COUNT, ContainerText, NO_SNAPSHOT, PAIRS_BYTES_MAX, TEXT_BYTES_MAX,
};
use super::super::{Container, Mount};
use super::Draft;

/// Writes a container.
pub(in super::super) fn container(container: &Container, out: &mut Vec<u8>) {
    let pod = container.pod.as_ref();
    let labels = pairs(&container.labels);
    let pod_labels = pod.map(|pod| pairs(&pod.labels)).unwrap_or_default();
    let more = pairs(&container.more);
    let mounts = mounts(&container.mounts);

    let mut draft: Draft<'_, CONTAINER_TEXT_COUNT> = Draft::new(1);
    draft.number(0, container.started_ns);
    flags(container, &mut draft);
    for (at, text) in [
        (ContainerText::Id, Some(&container.id)),
        (ContainerText::Runtime, container.runtime.as_ref()),
        (ContainerText::Name, container.name.as_ref()),
        (ContainerText::Image, container.image.as_ref()),
        (ContainerText::Repository, container.repository.as_ref()),
        (ContainerText::Tag, container.tag.as_ref()),
        (ContainerText::Digest, container.digest.as_ref()),
        (ContainerText::ImageId, container.image_id.as_ref()),
        (ContainerText::Ip, container.ip.as_ref()),
        (ContainerText::PodName, pod.and_then(|pod| pod.name.as_ref())),
        (ContainerText::PodNamespace, pod.and_then(|pod| pod.namespace.as_ref())),
        (ContainerText::PodUid, pod.and_then(|pod| pod.uid.as_ref())),
        (ContainerText::PodSandbox, pod.and_then(|pod| pod.sandbox_id.as_ref())),
        (ContainerText::PodIp, pod.and_then(|pod| pod.ip.as_ref())),
    ] {
        draft.text(at as usize, text.map(String::as_bytes), TEXT_BYTES_MAX);
    }
    for (at, list) in [
        (ContainerText::Labels, &labels),
        (ContainerText::PodLabels, &pod_labels),
        (ContainerText::More, &more),
        (ContainerText::Mounts, &mounts),
    ] {
        draft.text(at as usize, (!list.is_empty()).then_some(list.as_slice()), PAIRS_BYTES_MAX);
    }
    draft.write(NO_SNAPSHOT, NO_SNAPSHOT, out);
}

fn flags(container: &Container, draft: &mut Draft<'_, CONTAINER_TEXT_COUNT>) {
    draft.flag(wire::container::IS_PRIVILEGED_KNOWN, container.is_privileged.is_some());
    draft.flag(wire::container::IS_PRIVILEGED, container.is_privileged == Some(true));
    draft.flag(wire::container::SHARES_KNOWN, container.shares.is_some());
    for (place, shares) in container.shares.unwrap_or_default().into_iter().enumerate() {
        draft.flag(wire::container::SHARES_FIRST << place, shares);
    }
    draft.flag(wire::container::HAS_POD, container.pod.is_some());
}

/// Adds a row of texts, where there is room for all of it.
fn add(list: &mut Vec<u8>, texts: &[&str], rest: &[u8]) -> bool {
    let bytes: usize = texts.iter().map(|text| text.len() + 4).sum::<usize>() + rest.len();
    if list.len() + bytes > PAIRS_BYTES_MAX {
        return false;
    }
    for text in texts {
        list.extend_from_slice(&length(text.len()).to_le_bytes());
        list.extend_from_slice(text.as_bytes());
    }
    list.extend_from_slice(rest);
    true
}

fn pairs(pairs: &[(String, String)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in pairs {
        if !add(&mut list, &[name, value], &[]) {
            break;
        }
    }
    list
}

fn mounts(mounts: &[Mount]) -> Vec<u8> {
    let mut list = Vec::new();
    for mount in mounts {
        let texts = [&*mount.source, &mount.destination, &mount.mode, &mount.propagation];
        if !add(&mut list, &texts, &[u8::from(mount.is_writable)]) {
            break;
        }
    }
    list
}
