//! Where the conformance files are. Included by the harness, and by the task that takes seeds for fuzzing from them.

use std::path::{Path, PathBuf};

/// The folder of the conformance files: `$LUMEN_CONFORMANCE_DIR`, where a relative path is meant from the workspace's
/// root, as cargo is called there; else beside the checkout.
pub(crate) fn conformance_dir(root: &Path) -> PathBuf {
    let set = std::env::var_os("LUMEN_CONFORMANCE_DIR").filter(|set| !set.is_empty());
    root.join(set.map_or_else(|| "../shared/conformance".into(), PathBuf::from))
}
