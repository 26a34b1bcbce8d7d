//! The invariants of ARCHITECTURE.md that are about what the code is made of.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that do nothing but answer.
const PURE: [&str; 6] =
    ["lumen-value", "lumen-regex", "lumen-rego", "lumen-cel", "lumen-runtime", "lumen-core"];

/// What the pure crates must not be built on: runtimes, clients, typed objects of a cluster, C libraries.
const IMPURE: &[&str] = &[
    "aya",
    "chrono",
    "hyper",
    "k8s-openapi",
    "kube",
    "libc",
    "openssl-sys",
    "reqwest",
    "ring",
    "socket2",
    "tokio",
];

/// What would make a function depend on more than its parameters.
const WORLD: &[&str] = &[
    "std::env",
    "std::fs",
    "TcpListener",
    "TcpStream",
    "ToSocketAddrs",
    "UdpSocket",
    "std::process",
    "std::thread",
    "std::time",
    "Timestamp::now",
    "static mut",
    "unsafe {",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crates that a package is built with.
fn dependencies(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .current_dir(workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_pure_crates_are_built_on_nothing_impure() {
    for package in PURE {
        let found = dependencies(package);
        // The tree was read: a package is part of its own.
        assert!(found.contains(package), "{package}: {found:?}");
        // Rego asks the system how much stack a thread has, before it goes down a tree: `stacker` is built on libc.
        let allowed = |name: &str| name == "libc" && found.contains("stacker");
        let impure: Vec<_> = IMPURE.iter().filter(|name| found.contains(**name) && !allowed(name)).collect();
        assert!(impure.is_empty(), "{package} is built on {impure:?}");
    }
}

/// The parts of the program that speak to an API server, because they are asked to.
const SPEAKING: [&str; 7] = [
    "doctor",
    "install",
    "scan",
    "command/doctor.rs",
    "command/install.rs",
    "command/server.rs",
    "command/scan.rs",
];

#[test]
fn only_what_is_about_a_cluster_speaks_to_a_network() {
    let clients = ["hyper", "reqwest", "ureq", "curl", "tokio", "rustls", "native-tls", "hickory-resolver"];
    for package in PURE {
        let found = dependencies(package);
        let speaks: Vec<_> = clients.iter().filter(|name| found.contains(**name)).collect();
        assert!(speaks.is_empty(), "{package} is built on {speaks:?}");
    }
    let source = workspace().join("crates/lumen/src");
    let mut folders = vec![source.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(&source).expect("a part").to_string_lossy().into_owned();
            let speaks =
                SPEAKING.iter().any(|part| name.strip_suffix(".rs") == Some(part) || name.starts_with(part));
            if path.is_dir() {
                folders.push(path);
            } else if !speaks {
                files += 1;
                let text = std::fs::read_to_string(&path).expect("a source");
                let found: Vec<_> = ["kube::", "tokio::", "lumen_server::api", "std::net::Tcp"]
                    .into_iter()
                    .filter(|word| text.contains(word))
                    .collect();
                assert!(found.is_empty(), "{name} has {found:?}");
            }
        }
    }
    assert!(files > 50, "{files} files were read");
}

#[test]
fn the_pure_crates_look_at_nothing_but_their_parameters() {
    for package in PURE {
        let mut folders = vec![workspace().join("crates").join(package).join("src")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    files += 1;
                    assert_pure(&path);
                }
            }
        }
        // The smallest of them has four.
        assert!(files >= 4, "{package} has {files} files");
    }
}

/// Looks at what is compiled outside of tests, comments left out.
fn assert_pure(path: &Path) {
    if path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests") {
        return;
    }
    let text = std::fs::read_to_string(path).expect("a source");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        let found: Vec<_> = WORLD.iter().filter(|word| line.contains(**word)).collect();
        assert!(found.is_empty(), "{}:{}: {found:?}", path.display(), number + 1);
    }
}

/// A released id never changes: this list only ever grows.
#[test]
fn the_ids_of_rules_are_these() {
    let ids: BTreeSet<String> = lumen_core::catalog::rules().map(|rule| rule.id().to_string()).collect();
    assert_eq!(ids.len(), lumen_core::catalog::rules().count(), "two rules have one id");
    insta::assert_snapshot!(ids.into_iter().collect::<Vec<_>>().join("\n"));
}
