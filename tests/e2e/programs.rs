//! What a test cluster is made of: scripts, and the programs that `cargo xtask cluster build` builds. Included by the tests of several
//! crates.
#![allow(dead_code, reason = "shared by tests of which each uses a part")]

use std::path::{Path, PathBuf};

/// A script of the test cluster.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/cluster").join(name)
}

/// Where the programs of Kubernetes are built. A relative path is meant from the workspace's root, as by `cargo xtask cluster`.
pub(crate) fn cache() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::var_os("LUMEN_TEST_CACHE").map_or(home.join(".cache/lumen-test"), |set| root.join(set))
}

/// What is said of the first of some programs that is not built.
pub(crate) fn missing_programs(programs: &[&str]) -> Option<String> {
    let missing = programs.iter().map(|name| cache().join("bin").join(name)).find(|path| !path.is_file())?;
    Some(format!("there is no `{}`: run `cargo xtask cluster build`", missing.display()))
}

/// Whether address space is bounded, in which programs of Go do not start.
pub(crate) fn is_bounded() -> bool {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits.lines().any(|line| line.starts_with("Max address space") && !line.contains("unlimited"))
}

/// Whether a process that was killed has ended: it is away, or waits for its parent to hear of it. On its way there it has no program
/// any more, and still its ports.
pub(crate) fn has_ended(id: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(id).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}
