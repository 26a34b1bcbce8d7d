//! Files that come with Lumen, written to a folder to be changed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The files that are not yet what they are to be.
///
/// # Errors
///
/// Where a file is there and differs, unless it is to be overwritten. Whoever writes only behind this writes all or nothing.
pub fn to_be_written<'t>(
    folder: &Path,
    files: impl IntoIterator<Item = &'t (&'t str, &'t str)>,
    force: bool,
) -> Result<Vec<(PathBuf, &'t str)>> {
    let mut wanted = Vec::new();
    for (path, text) in files {
        let path = folder.join(path);
        match std::fs::read(&path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) if !force => {
                bail!(
                    "`{}` is there already and differs: `--force` overwrites it; nothing was written",
                    path.display()
                )
            }
            _ => wanted.push((path, *text)),
        }
    }
    Ok(wanted)
}

/// Writes a file, and the folders that it needs.
///
/// # Errors
///
/// Where the system refuses.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    std::fs::write(path, text).with_context(cannot)
}
