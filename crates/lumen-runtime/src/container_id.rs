//! Which container a process is in, from the paths of its control groups.
//!
//! Container runtimes name the groups they make after the container; each has a few layouts (`plugins/container/src/matchers`
//! of the reference, whose table of cases is the test here). All layouts are known always; none has to be asked for.

use memchr::memmem;

/// A container, as a control group tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The whole id: mostly 64 hexadecimal digits, otherwise a name.
    pub id: &'a str,
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `libvirt-lxc`, `bpm`; none where the layout is one that several use.
    pub runtime: Option<&'static str>,
}

/// What stands round an id of 64 digits, and who writes it so.
const LAYOUTS: [(&str, &str, Option<&str>); 13] = [
    ("/libpod-payload-", ".scope", Some("podman")),
    ("/libpod-payload-", ".scope/container", Some("podman")),
    ("/libpod-payload-", "", Some("podman")),
    ("/libpod-", ".scope", Some("podman")),
    ("/libpod-", ".scope/container", Some("podman")),
    ("/libpod-", "", Some("podman")),
    ("/docker-", ".scope", Some("docker")),
    ("/crio-", ".scope", Some("cri-o")),
    ("/crio-", "", Some("cri-o")),
    ("/cri-containerd-", ".scope", Some("containerd")),
    (":cri-containerd:", "", Some("containerd")),
    ("/nerdctl-", ".scope", Some("containerd")),
    ("/", "", None),
];

/// Ends of the names of systemd's units, which are no containers.
const UNITS: [&str; 7] = [".service", ".slice", ".scope", ".socket", ".mount", ".swap", ".automount"];

/// Length of an id that a runtime makes up.
const DIGITS: usize = 64;

/// The container of a process with these control groups, `subsystem=path` each: the first that tells of one.
///
/// ```
/// let groups = [b"cpu=/docker/7951fb549ab99e0722a949b6c121634e1f3a36b5bacbe5392991e3b12251e6b8".to_vec()];
/// let found = lumen_runtime::container_id::of_groups(&groups).unwrap();
/// assert_eq!((&found.id[..12], found.runtime), ("7951fb549ab9", Some("docker")));
/// ```
pub fn of_groups(groups: &[Vec<u8>]) -> Option<Found<'_>> {
    groups.iter().find_map(|group| {
        let text = std::str::from_utf8(group).ok()?;
        of_path(text.split_once('=').map_or(text, |(_, path)| path))
    })
}

/// The container that the path of a control group tells of; none for those of the node itself.
pub fn of_path(path: &str) -> Option<Found<'_>> {
    // Most paths are of none, and one text in them rules out several layouts.
    let has = |text: &str| memmem::find(path.as_bytes(), text.as_bytes()).is_some();
    LAYOUTS
        .iter()
        .filter(|_| path.len() > DIGITS)
        .find_map(|(prefix, suffix, runtime)| {
            let id = digits_between(path, prefix, suffix)?;
            let runtime = runtime.or_else(|| has("/docker/").then_some("docker"));
            Some(Found { id, runtime })
        })
        .or_else(|| if has("lxc") { of_lxc(path).or_else(|| of_libvirt(path)) } else { None })
        .or_else(|| if has("bpm-") { of_bpm(path) } else { None })
        .or_else(|| of_namespace(path))
}

/// The id that stands between `prefix` and the end, less `suffix`.
fn digits_between<'a>(path: &'a str, prefix: &str, suffix: &str) -> Option<&'a str> {
    let path = path.strip_suffix(suffix)?;
    let (before, id) = path.split_at_checked(path.len().checked_sub(DIGITS)?)?;
    (before.ends_with(prefix) && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// `/NAMESPACE/NAME`, of containers made with `ctr`.
fn of_namespace(path: &str) -> Option<Found<'_>> {
    let (namespace, id) = path.strip_prefix('/')?.split_once('/')?;
    let is_namespace = namespace
        .split(['.', '_', '-'])
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let is_id = !id.is_empty()
        && id.len() <= DIGITS
        && !id.contains('/')
        && !UNITS.iter().any(|unit| id.ends_with(unit));
    (is_namespace && is_id).then_some(Found { id, runtime: Some("containerd") })
}

fn of_lxc(path: &str) -> Option<Found<'_>> {
    let (_, rest) =
        ["/lxc/", "/lxc.payload/", "/lxc.payload."].iter().find_map(|layout| path.split_once(layout))?;
    let id = rest.split('/').next().unwrap_or_default();
    (!id.is_empty()).then_some(Found { id, runtime: Some("lxc") })
}

fn of_libvirt(path: &str) -> Option<Found<'_>> {
    let plain = || path.strip_suffix(".libvirt-lxc")?.rsplit_once('/').map(|(_, id)| id);
    let systemd = || {
        let path = path.strip_suffix("/libvirt").unwrap_or(path).strip_suffix(".scope")?;
        path.split_once("-lxc\\x2d").map(|(_, id)| id)
    };
    let legacy = || path.split_once("/libvirt/lxc/").map(|(_, id)| id);
    let id = plain().or_else(systemd).or_else(legacy).filter(|id| !id.is_empty())?;
    Some(Found { id, runtime: Some("libvirt-lxc") })
}

fn of_bpm(path: &str) -> Option<Found<'_>> {
    let (_, rest) = path.split_once("bpm-")?;
    let id = rest.split_once(".scope").map_or(rest, |(id, _)| id);
    let is_id =
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    is_id.then_some(Found { id, runtime: Some("bpm") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";

    /// The reference's cases (`plugins/container/test/matchers.cpp`): path, with `A` for an id; the first twelve bytes of
    /// the id, or nothing.
    const CASES: [(&str, &str); 35] = [
        ("/system.slice/libpod-A", "1234567890ab"),
        ("/system.slice/libpod-A.scope", "1234567890ab"),
        ("/system.slice/ceph.slice/ceph-f952@mon.ip-10-0-25-96.service/libpod-payload-A", "1234567890ab"),
        (
            "/system.slice/ceph.slice/ceph-f952@mon.ip-10-0-25-96.service/libpod-payload-A.scope",
            "1234567890ab",
        ),
        ("/user.slice/user-1000.slice/user@1000.service/libpod-A", "1234567890ab"),
        ("/kubepods/besteffort/podac04f3f2-1f2c-11e9-b015-1ebee232acfa/A", "1234567890ab"),
        ("/kubepods-burstable-podbd12dd3393227d950605a2444b13c27a.slice:cri-containerd:A", "1234567890ab"),
        ("/default/test_container", "test_contain"),
        ("/my_very_long_namespace-1.5/test_container", "test_contain"),
        ("/kubepods/besteffort/pod63b3ebfc-2890-11e9-8154-16bf8ef8d9dc/crio-A", "1234567890ab"),
        (
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod63b3.slice/crio-A.scope",
            "1234567890ab",
        ),
        ("/docker/A", "1234567890ab"),
        ("/docker.slice/docker-A.scope", "1234567890ab"),
        ("/system.slice/nerdctl-A.scope", "1234567890ab"),
        ("/kubepods.slice/kubepods-pod63b3.slice/cri-containerd-A.scope", "1234567890ab"),
        ("/", ""),
        ("", ""),
        ("/user.slice/user-1000.slice/user@1000.service/libpod-AA", ""),
        ("/user.slice/user-1000.slice/user@1000.service/libpod-Ag", ""),
        ("/user.slice/user-1000.slice/user@1000.service/init.scope", ""),
        ("/system.slice/dbus.socket", ""),
        ("/default/some_short_id.service", ""),
        ("/default/some_short_id.slice", ""),
        ("/default/some_short_id.scope", ""),
        ("/default/abcdef123456", "abcdef123456"),
        ("/my.namespace/container.name", "container.na"),
        ("/default/service.container", "service.cont"),
        ("/default/slice.mycontainer", "slice.mycont"),
        ("/default/scope.mycontainer", "scope.mycont"),
        ("/namespace/.service", ""),
        ("/namespace/.slice", ""),
        ("/namespace/.scope", ""),
        ("/default/a", "a"),
        ("/k8s.io/my-test_container", "my-test_cont"),
        ("/lxc.payload.web/init.scope", "web"),
    ];

    #[test]
    fn every_layout_is_known() {
        for (path, id) in CASES {
            let path = path.replace('A', A);
            let found = of_path(&path).map_or("", |found| found.id);
            assert_eq!(found.get(..12).unwrap_or(found), id, "{path}");
        }
    }

    #[test]
    fn runtimes_are_told_where_the_layout_is_theirs_alone() {
        let runtime = |path: &str| of_path(&path.replace('A', A)).and_then(|found| found.runtime);
        assert_eq!(runtime("/kubepods/besteffort/pod1/A"), None);
        assert_eq!(runtime("/docker/A"), Some("docker"));
        assert_eq!(runtime("/kubepods.slice/cri-containerd-A.scope"), Some("containerd"));
        assert_eq!(runtime("/kubepods.slice/crio-A.scope"), Some("cri-o"));
        assert_eq!(runtime("/machine.slice/machine-lxc\\x2d22\\x2dweb.scope/libvirt"), Some("libvirt-lxc"));
        assert_eq!(runtime("/system.slice/bpm-web.scope"), Some("bpm"));
    }

    #[test]
    fn the_first_group_that_tells_counts() {
        let groups = [
            b"cpuset=/".to_vec(),
            b"\xff=/x/y".to_vec(),
            format!("memory=/docker/{A}").into_bytes(),
            b"pids=/default/b".to_vec(),
        ];
        assert_eq!(of_groups(&groups), Some(Found { id: A, runtime: Some("docker") }));
        assert_eq!(of_groups(&groups[..2]), None);
    }
}
