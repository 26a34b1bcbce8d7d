//! Fields of the container and the pod: `container.*`, `k8s.*`, `k8smeta.*`.

use super::super::snapshot::{ContainerView, MountView};
use super::super::wire::{ContainerText, Number, container as flag, thread};
use super::{Record, made, text};
use crate::field;
use crate::glob::Glob;
use crate::value::Value;

type Argument<'a> = Option<&'a field::Argument>;

/// Digits of an id that are shown.
const SHORT_ID_BYTES: usize = 12;

/// What stands for the id of a container where a process is in none.
const HOST: &[u8] = b"host";

fn short(id: &[u8]) -> &[u8] {
    id.get(..SHORT_ID_BYTES).unwrap_or(id)
}

/// Whether it is known that the thread is in no container. The reference has a container for these: of the name `host`, and
/// empty else.
fn is_on_host(record: &Record<'_>) -> bool {
    record.thread().is_some_and(|thread| thread.0.is(thread::IS_ON_HOST) && thread.0.container().is_none())
}

/// The id of the container as it is shown; nothing on the node itself.
pub(super) fn short_id<'r>(record: &Record<'r>) -> Option<&'r [u8]> {
    record.container()?.text(ContainerText::Id).map(short)
}

/// `container.id`.
pub(super) fn id<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if is_on_host(record) { text(HOST) } else { text(short_id(record)?) }
}

/// `container.full_id`.
pub(super) fn full_id<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    of(record, ContainerText::Id)
}

/// What is said of the container.
fn of<'r>(record: &Record<'r>, what: ContainerText) -> Option<Value<'r>> {
    if is_on_host(record) {
        let is_named = matches!(what, ContainerText::Id | ContainerText::Name | ContainerText::Runtime);
        return Some(Value::text(if is_named { "host" } else { "" }));
    }
    text(record.container()?.text(what)?)
}

/// Fields that are a text of the container.
macro_rules! text_fields {
    ($($(#[$doc:meta])* $name:ident: $text:ident;)*) => {$(
        $(#[$doc])*
        pub(super) fn $name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
            of(record, ContainerText::$text)
        }
    )*};
}

text_fields! {
    /// `container.name`.
    name: Name;
    /// `container.type`.
    runtime: Runtime;
    /// `container.image`.
    image: Image;
    /// `container.image.id`.
    image_id: ImageId;
    /// `container.image.repository`.
    repository: Repository;
    /// `container.image.tag`.
    tag: Tag;
    /// `container.image.digest`.
    digest: Digest;
    /// `container.ip`.
    ip: Ip;
    /// `k8s.pod.full_sandbox_id`.
    pod_full_sandbox: PodSandbox;
}

/// `k8s.pod.sandbox_id`.
pub(super) fn pod_sandbox<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    match of(record, ContainerText::PodSandbox)? {
        Value::Bytes(id) if id.len() > SHORT_ID_BYTES => made(short(&id)),
        short => Some(short),
    }
}

/// What is said of the pod, else what the label of the container says that the kubelet gives it.
fn of_pod<'r>(record: &Record<'r>, what: ContainerText, label: &str) -> Option<Value<'r>> {
    let container = record.container()?;
    let labelled = || found(container, ContainerText::Labels, label);
    text(container.text(what).or_else(labelled)?)
}

/// `k8s.pod.name`.
pub(super) fn pod_name<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    of_pod(record, ContainerText::PodName, "io.kubernetes.pod.name")
}

/// `k8s.ns.name`.
pub(super) fn pod_namespace<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    of_pod(record, ContainerText::PodNamespace, "io.kubernetes.pod.namespace")
}

/// `k8s.pod.uid`, `k8s.pod.id`.
pub(super) fn pod_uid<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    of_pod(record, ContainerText::PodUid, "io.kubernetes.pod.uid")
}

/// `k8s.pod.ip`: that of the container, where no other is told.
pub(super) fn pod_ip<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if is_on_host(record) {
        return Some(Value::text(""));
    }
    let container = record.container()?;
    if !container.0.is(flag::HAS_POD) {
        return None;
    }
    text(container.text(ContainerText::PodIp).or_else(|| container.text(ContainerText::Ip))?)
}

fn found<'r>(container: ContainerView<'r>, list: ContainerText, key: &str) -> Option<&'r [u8]> {
    container.pairs(list).find(|(name, _)| *name == key.as_bytes()).map(|(_, value)| value)
}

/// All labels, but for those that the kubelet gives and annotations.
fn labels<'r>(record: &Record<'r>, list: ContainerText) -> Option<Value<'r>> {
    if is_on_host(record) {
        return Some(Value::text(""));
    }
    let container = record.container()?;
    let mut all = Vec::new();
    for (name, value) in container.pairs(list) {
        if name.starts_with(b"annotation.") || name.starts_with(b"io.kubernetes.") {
            continue;
        }
        if !all.is_empty() {
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(name);
        if !value.is_empty() {
            all.push(b':');
            all.extend_from_slice(value);
        }
    }
    made(all)
}

fn label<'r>(record: &Record<'r>, list: ContainerText, asked: Argument<'_>) -> Option<Value<'r>> {
    let container = record.container()?;
    match asked? {
        field::Argument::Key(key) => text(found(container, list, key)?),
        field::Argument::Index(number) => text(found(container, list, &number.to_string())?),
    }
}

/// `container.label`.
pub(super) fn container_label<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    label(record, ContainerText::Labels, asked)
}

/// `container.labels`.
pub(super) fn container_labels<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    labels(record, ContainerText::Labels)
}

/// `k8s.pod.label`.
pub(super) fn pod_label<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    label(record, ContainerText::PodLabels, asked)
}

/// `k8s.pod.labels`.
pub(super) fn pod_labels<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    labels(record, ContainerText::PodLabels)
}

/// `container.privileged`.
pub(super) fn is_privileged<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if is_on_host(record) {
        return Some(Value::Bool(false));
    }
    let container = record.container()?.0;
    container.is(flag::IS_PRIVILEGED_KNOWN).then(|| Value::Bool(container.is(flag::IS_PRIVILEGED)))
}

fn shares<'v>(record: &Record<'_>, place: u32) -> Option<Value<'v>> {
    if is_on_host(record) {
        return Some(Value::Bool(false));
    }
    let container = record.container()?.0;
    container.is(flag::SHARES_KNOWN).then(|| Value::Bool(container.is(flag::SHARES_FIRST << place)))
}

/// `container.host_pid`.
pub(super) fn shares_processes<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    shares(record, 0)
}

/// `container.host_network`.
pub(super) fn shares_network<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    shares(record, 1)
}

/// `container.host_ipc`.
pub(super) fn shares_ipc<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    shares(record, 2)
}

/// When the container began: when the first process of the thread's namespace did, where that is not told.
fn start(record: &Record<'_>) -> Option<u64> {
    let told = record.container().and_then(|container| container.0.number_at(0));
    let of_namespace = || record.thread()?.number(Number::NamespaceStarted);
    told.or_else(of_namespace).filter(|time| *time != 0)
}

/// `container.start_ts`.
pub(super) fn started<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    start(record).map(Value::Unsigned)
}

/// `container.duration`.
pub(super) fn duration<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    record.event.time_ns.checked_sub(start(record)?).map(Value::Unsigned)
}

/// A mount by its number, or by its source; of the source itself, by its destination. A pattern of a shell finds the first
/// that is of it.
fn mount<'r>(record: &Record<'r>, asked: Argument<'_>, is_by_destination: bool) -> Option<MountView<'r>> {
    let mut mounts = record.container()?.mounts();
    match asked? {
        field::Argument::Index(number) => mounts.nth(usize::try_from(*number).ok()?),
        field::Argument::Key(key) => {
            let wanted = Glob::compile(key.as_bytes(), false).ok()?;
            mounts.find(|mount| {
                wanted.matches(if is_by_destination { mount.destination } else { mount.source })
            })
        }
    }
}

/// A mount in one text.
fn mount_text(mount: MountView<'_>) -> Vec<u8> {
    let writable: &[u8] = if mount.is_writable { b"true" } else { b"false" };
    [mount.source, mount.destination, mount.mode, writable, mount.propagation].join(&b':')
}

/// `container.mounts`.
pub(super) fn mounts<'r>(record: &Record<'r>, _: Argument<'_>) -> Option<Value<'r>> {
    if is_on_host(record) {
        return Some(Value::text(""));
    }
    let all: Vec<Vec<u8>> = record.container()?.mounts().map(mount_text).collect();
    made(all.join(&b','))
}

/// `container.mount`.
pub(super) fn mount_whole<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    made(mount_text(mount(record, asked, false)?))
}

/// `container.mount.source`.
pub(super) fn mount_source<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    text(mount(record, asked, true)?.source)
}

/// `container.mount.dest`.
pub(super) fn mount_destination<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    text(mount(record, asked, false)?.destination)
}

/// `container.mount.mode`.
pub(super) fn mount_mode<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    text(mount(record, asked, false)?.mode)
}

/// `container.mount.rdwr`.
pub(super) fn mount_is_writable<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    Some(Value::text(if mount(record, asked, false)?.is_writable { "true" } else { "false" }))
}

/// `container.mount.propagation`.
pub(super) fn mount_propagation<'r>(record: &Record<'r>, asked: Argument<'_>) -> Option<Value<'r>> {
    text(mount(record, asked, false)?.propagation)
}

/// What else is known, by the name of the field; of a list, each that is there.
pub(super) fn more<'r>(
    record: &Record<'r>,
    name: &str,
    asked: Argument<'_>,
    is_list: bool,
) -> Option<Value<'r>> {
    let container = record.container()?;
    let whole = match asked {
        None => name.to_owned(),
        Some(field::Argument::Key(key)) => format!("{name}[{key}]"),
        Some(field::Argument::Index(number)) => format!("{name}[{number}]"),
    };
    if !is_list {
        return text(found(container, ContainerText::More, &whole)?);
    }
    let is_it = |(known, _): &(&[u8], &[u8])| *known == whole.as_bytes();
    let all: Vec<Value<'r>> = container
        .pairs(ContainerText::More)
        .filter(is_it)
        .map(|(_, value)| Value::Bytes(value.into()))
        .collect();
    (!all.is_empty()).then_some(Value::List(all))
}
