//! Installing what a step needs, where that can be done: Debian packages, as root.

use std::path::Path;
use std::process::Stdio;

use crate::workspace::{command, on_path, run};

/// A program, by its name or its path, and the Debian package that holds it.
pub(super) struct Tool {
    pub(super) program: &'static str,
    pub(super) package: &'static str,
}

/// Makes sure that the programs are there; where one is not and cannot be installed, says so.
pub(super) fn ensure(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<_> = tools.iter().filter(|tool| on_path(tool.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<_> = missing.iter().map(|tool| format!("`{}`", tool.program)).collect();
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    let wanted =
        format!("{} not installed: `apt-get install {}`", programs.join(" and "), packages.join(" "));
    if !can_install() {
        return Err(wanted);
    }
    let mut update = command("apt-get");
    update.args(["update", "--quiet=2"]);
    let mut install = command("apt-get");
    install
        .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut update).and_then(|()| run(&mut install)).map_err(|error| format!("{wanted} ({error:#})"))
}

/// Whether this is Debian, or what comes from it, and the user is root.
fn can_install() -> bool {
    is_root() && Path::new("/etc/debian_version").exists() && on_path("apt-get").is_some()
}

/// Whether the user is root.
pub(super) fn is_root() -> bool {
    command("id")
        .arg("-u")
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
