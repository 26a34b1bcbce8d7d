//! `docs`: what the binary says about itself, as files for packages.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace::{build_lumen, command, target};

/// The files, and the arguments that print them.
const FILES: &[(&str, &[&str])] = &[
    ("lumen.bash", &["completions", "bash"]),
    ("lumen.fish", &["completions", "fish"]),
    ("_lumen", &["completions", "zsh"]),
];

pub(crate) fn run() -> Result<()> {
    let lumen = build_lumen()?;
    let folder = target().join("docs");
    let pages = folder.join("man");
    std::fs::create_dir_all(&pages).with_context(|| format!("cannot make `{}`", pages.display()))?;
    output(&lumen, &["man", &pages.display().to_string()])?;
    println!("{}", pages.display());
    for (file, arguments) in FILES {
        save(&lumen, arguments, &folder.join(file))?;
    }
    for name in output(&lumen, &["schema"])?.lines() {
        // `lumen.report/v1` becomes `lumen.report.v1.json`.
        let file = format!("{}.json", name.replace('/', "."));
        save(&lumen, &["schema", name], &folder.join(file))?;
    }
    Ok(())
}

fn save(lumen: &Path, arguments: &[&str], path: &Path) -> Result<()> {
    let text = output(lumen, arguments)?;
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

fn output(lumen: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(lumen)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start `{}`", lumen.display()))?;
    if !output.status.success() {
        bail!("`lumen {}` failed: {}", arguments.join(" "), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`lumen {}` prints no UTF-8", arguments.join(" ")))
}
