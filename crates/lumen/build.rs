//! Puts the folder `policies/` of the workspace into the binary: a table of its policies, each with its files.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../policies");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut table = String::from("&[\n");
    for folder in sorted(&root)?.into_iter().filter(|path| path.join("template.yaml").is_file()) {
        let name = last(&folder);
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        table.push_str(&format!("    BuiltIn {{ name: {name:?}, files: &[\n"));
        for file in files {
            let relative = file.strip_prefix(&folder).unwrap_or(&file);
            let path = relative.to_string_lossy().replace('\\', "/");
            let absolute = fs::canonicalize(&file)?;
            table.push_str(&format!(
                "        ({path:?}, include_str!({:?})),\n",
                absolute.display().to_string()
            ));
        }
        table.push_str("    ] },\n");
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("policies.rs");
    fs::write(out, table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for path in sorted(folder)? {
        println!("cargo::rerun-if-changed={}", path.display());
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn last(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
