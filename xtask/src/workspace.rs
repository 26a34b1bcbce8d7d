//! Where things are, and how programs are run: what every task needs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    // `xtask/..`, known when this was compiled; cargo compiles it anew when the checkout moves.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |set| root().join(set))
}

/// A program that runs at the root of the checkout.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs this.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The command as one would type it.
pub(crate) fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut line = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Prints the command and runs it; an error unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", typed(command));
    let status = command.status().with_context(|| format!("cannot start `{}`", typed(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", typed(command));
    }
    Ok(())
}

/// Where a program is, if it is on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Builds the binary for tests and demos, and says where it is.
pub(crate) fn build_lumen() -> Result<PathBuf> {
    run(cargo().args(["build", "--package", "lumen"]))?;
    Ok(target().join("debug").join(format!("lumen{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the binary as it is shipped: optimised and static. Says where it is.
pub(crate) fn build_release() -> Result<PathBuf> {
    let host = host()?;
    // Flags of a target do not reach the macros that run while building, which cannot be static.
    let flags = format!("CARGO_TARGET_{}_RUSTFLAGS", host.replace('-', "_").to_uppercase());
    run(cargo()
        .args(["build", "--package", "lumen", "--release", "--locked", "--target", &host])
        .env(flags, "-C target-feature=+crt-static"))?;
    Ok(target().join(host).join("release").join(format!("lumen{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the binary for an empty image: optimised, and static on musl where its target and `musl-gcc` are there, else on glibc.
pub(crate) fn build_static() -> Result<PathBuf> {
    let musl = host()?.replace("-gnu", "-musl");
    let output = command("rustc").args(["--print", "target-libdir", "--target", &musl]).output();
    let folder =
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let has_musl = !folder.is_empty() && Path::new(&folder).is_dir() && on_path("musl-gcc").is_some();
    if !has_musl {
        println!("`{musl}` or `musl-gcc` is missing: the binary is static on glibc");
        return build_release();
    }
    run(cargo()
        .args(["build", "--package", "lumen", "--release", "--locked", "--target", &musl])
        .env(format!("CC_{}", musl.replace('-', "_")), "musl-gcc"))?;
    Ok(target().join(musl).join("release").join("lumen"))
}

/// Builds a static binary for tests: what debug builds have compiled already, linked another way.
pub(crate) fn build_quick_static() -> Result<PathBuf> {
    // The flags hold for the last step alone, which so is all that is done anew.
    run(cargo().args(["rustc", "--package", "lumen", "--bin", "lumen", "--locked", "--"]).args([
        "-C",
        "target-feature=+crt-static",
        "-C",
        "strip=symbols",
    ]))?;
    // The next build takes the place of it.
    let (built, kept) = (target().join("debug").join("lumen"), target().join("lumen-static"));
    std::fs::copy(&built, &kept).with_context(|| format!("cannot copy `{}`", built.display()))?;
    Ok(kept)
}

/// The target that this machine is.
fn host() -> Result<String> {
    let output = command("rustc").arg("-vV").output().context("cannot start `rustc`")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}
