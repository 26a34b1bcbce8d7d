//! The engine beside regorus and OPA: `benches/rego`, which is built where its dependencies can be had.

use anyhow::{Result, bail};

use super::find;
use crate::workspace::{cargo, command, root, target};

pub(super) fn run() -> Result<()> {
    let manifest = root().join("benches/rego/Cargo.toml");
    let built = cargo()
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", target())
        .status()?;
    if !built.success() {
        println!("benches/rego: not built, the engines are not compared");
        return Ok(());
    }
    let folder = target().join("bench-rego");
    std::fs::create_dir_all(&folder)?;
    let mut call =
        command(target().join("release").join(format!("compare-rego{}", std::env::consts::EXE_SUFFIX)));
    call.arg(root().join("policies")).arg(&folder);
    match find("opa", "OPA") {
        Some(opa) => _ = call.env("OPA", opa),
        None => println!("opa: not on the PATH, nor named by `OPA`"),
    }
    let status = call.status()?;
    if !status.success() {
        bail!("benches/rego ended with {status}");
    }
    Ok(())
}
