//! `docs`: what the binary says about itself, as files for packages.

use anyhow::{Context, Result, bail};

use crate::workspace::{build_lumen, command, target};

/// The file, and the arguments that print it.
const FILES: &[(&str, &[&str])] = &[
    ("lumen.1", &["man"]),
    ("lumen.bash", &["completions", "bash"]),
    ("lumen.fish", &["completions", "fish"]),
    ("_lumen", &["completions", "zsh"]),
];

pub(crate) fn run() -> Result<()> {
    let lumen = build_lumen(false)?;
    let folder = target().join("docs");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    for (file, arguments) in FILES {
        let output = command(&lumen)
            .args(*arguments)
            .output()
            .with_context(|| format!("cannot start `{}`", lumen.display()))?;
        if !output.status.success() {
            bail!("`lumen {}` failed: {}", arguments.join(" "), output.status);
        }
        let path = folder.join(file);
        std::fs::write(&path, output.stdout).with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
