//! Puts the folders `policies/` and `rules/` of the workspace into the binary: a table of the policies, each with its files, and one
//! of the files of rules.

#![expect(
    clippy::format_push_string,
    reason = "the texts are short: a copy costs less than errors that cannot happen"
)]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let workspace = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("policies.rs"), policies(&workspace.join("policies"))?)?;
    fs::write(out.join("rules.rs"), table(&workspace.join("rules"))?)
}

fn policies(root: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", root.display());
    let mut text = String::from("&[\n");
    for folder in sorted(root)?.into_iter().filter(|path| path.join("template.yaml").is_file()) {
        text.push_str(&format!("    BuiltIn {{ name: {:?}, files: {} }},\n", last(&folder), table(&folder)?));
    }
    text.push(']');
    Ok(text)
}

/// The files below a folder: path in it, and text.
fn table(folder: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    let mut text = String::from("&[\n");
    for file in files {
        let path = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        let absolute = fs::canonicalize(&file)?;
        text.push_str(&format!("        ({path:?}, include_str!({:?})),\n", absolute.display().to_string()));
    }
    text.push(']');
    Ok(text)
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
