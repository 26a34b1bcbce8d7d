//! The steps of the suite, in their order: the quick ones first.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::install::{Tool, ensure, is_root};
use super::{Outcome, Step};
use crate::workspace::{cargo, command, on_path, root, run, target, typed};
use crate::{cluster, demo, e2e, image};

pub(super) const STEPS: &[Step] = &[
    Step { name: "format", summary: "the code is laid out as rustfmt does it", run: format },
    Step { name: "lints", summary: "no warning of the compiler or of clippy, in any crate", run: lints },
    Step {
        name: "tests",
        summary: "unit, property, snapshot, conformance and documentation tests",
        run: tests,
    },
    Step { name: "documentation", summary: "the code's documentation has no dead links", run: documentation },
    Step { name: "demo", summary: "the main job on the examples gives what it should", run: main_job },
    Step {
        name: "dependencies",
        summary: "licences, sources and bans of all dependencies",
        run: dependencies,
    },
    Step {
        name: "api-server",
        summary: "a real API server answers as the record says that the tests compare lumen with",
        run: api_server,
    },
];

fn format() -> Result<Outcome> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    Ok(Outcome::Passed(String::new()))
}

fn lints() -> Result<Outcome> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"]))?;
    Ok(Outcome::Passed(String::new()))
}

/// Runs the tests with their output shown, since that holds the conformance counts and what was skipped.
fn tests() -> Result<Outcome> {
    let tools = [
        Tool { program: "xmllint", package: "libxml2-utils" },
        Tool { program: "promtool", package: "prometheus" },
    ];
    let missing = ensure(&tools).err();
    cluster::provide()?;
    let image = image_for_nodes()?;
    let mut suite = cargo();
    suite.envs(image.map(|image| ("LUMEN_E2E_IMAGE", image)));
    suite
        .args(["test", "--workspace", "--locked", "--no-fail-fast", "--"])
        .arg("--show-output")
        .stdout(Stdio::piped());
    if std::env::var_os(SEED).is_none() {
        // The same cases in every run: a change fails for what it changes. Fuzzing looks for new ones.
        suite.env(SEED, "1");
    }
    println!("$ {}", typed(&suite));
    let mut child = suite.spawn().context("cannot start `cargo test`")?;
    let mut counts = Counts::default();
    let output = child.stdout.take().context("`cargo test` has no output")?;
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the output of `cargo test`")?;
        println!("{line}");
        counts.add(&line);
    }
    let status = child.wait().context("`cargo test` cannot be waited for")?;
    let mut remark = format!("{} tests, {} conformance sets", counts.passed, counts.conformance);
    for reason in &counts.impossible {
        remark.push_str("; not on this machine: ");
        remark.push_str(reason);
    }
    if !status.success() {
        bail!("{} of the tests failed; {remark}", counts.failed);
    }
    counts.skipped.extend(missing);
    if counts.skipped.is_empty() {
        return Ok(Outcome::Passed(remark));
    }
    Ok(Outcome::Skipped(format!("{remark}; left out: {}", counts.skipped.join("; "))))
}

/// What the test on nodes needs of the machine.
const NODES: &[Tool] = &[
    Tool { program: "containerd", package: "containerd" },
    Tool { program: "runc", package: "runc" },
    Tool { program: "/usr/lib/cni/bridge", package: "containernetworking-plugins" },
    Tool { program: "busybox", package: "busybox-static" },
    Tool { program: "iptables", package: "iptables" },
    Tool { program: "ip", package: "iproute2" },
    Tool { program: "curl", package: "curl" },
    Tool { program: "openssl", package: "openssl" },
];

/// The names of the image, as the test on nodes calls it and its successor.
const IMAGE_NAMES: [&str; 2] = ["localhost/lumen:one", "localhost/lumen:two"];

/// Lumen's image for the test on nodes, where that can be run; where it cannot, the test says why.
fn image_for_nodes() -> Result<Option<PathBuf>> {
    if !is_root() || ensure(NODES).is_err() {
        return Ok(None);
    }
    match cluster::provide_nodes() {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) => {
            println!("what nodes need cannot be built: {error:#}");
            return Ok(None);
        }
    }
    let image = target().join("lumen-e2e-image.tar");
    image::quick(&IMAGE_NAMES.map(str::to_owned), &image)?;
    Ok(Some(image))
}

/// What decides on the cases of property tests; set it to see others.
const SEED: &str = "PROPTEST_RNG_SEED";

/// What the lines of `cargo test` add up to.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    conformance: usize,
    skipped: Vec<String>,
    /// What this machine cannot do, whatever is installed on it: told, and no failure.
    impossible: Vec<String>,
}

impl Counts {
    fn add(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result:") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        } else if let Some(set) = line.strip_prefix("conformance ") {
            if set.contains(": skipped") {
                self.skipped.push(set.to_owned());
            } else {
                self.conformance += 1;
            }
        } else if let Some(reason) = line.strip_prefix("skipped: ") {
            self.skipped.push(reason.to_owned());
        } else if let Some(reason) = line.strip_prefix("skipped on this machine: ") {
            self.impossible.push(reason.to_owned());
        }
    }
}

/// The number in front of a word in a line of sums.
fn number_before(line: &str, word: &str) -> usize {
    line.split_once(word).and_then(|(before, _)| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

fn documentation() -> Result<Outcome> {
    run(cargo()
        .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"])
        .env("RUSTDOCFLAGS", "--deny warnings"))?;
    Ok(Outcome::Passed(String::new()))
}

fn main_job() -> Result<Outcome> {
    demo::run()?;
    Ok(Outcome::Passed(String::new()))
}

/// Only what can be checked without asking anybody but the registry: no advisories, whose list is elsewhere.
fn dependencies() -> Result<Outcome> {
    if !root().join("deny.toml").exists() {
        return Ok(Outcome::Skipped("there is no deny.toml".into()));
    }
    let program = match on_path("cargo-deny") {
        Some(program) => program,
        None => install_cargo_deny()?,
    };
    run(command(program).args(["check", "bans", "licenses", "sources"]))?;
    Ok(Outcome::Passed(String::new()))
}

/// Unoptimised: it runs for a second, and is built in half the time.
fn install_cargo_deny() -> Result<PathBuf> {
    let folder = target().join("tools");
    let program = folder.join("bin").join("cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    run(cargo()
        .args(["install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--debug", "--root"])
        .arg(&folder)
        .env("CARGO_TARGET_DIR", folder.join("build")))?;
    Ok(program)
}

/// The version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";

fn api_server() -> Result<Outcome> {
    if !cluster::is_built() && cluster::go().is_none() {
        return Ok(Outcome::Skipped("Go is not installed, which builds the API server".into()));
    }
    let tools = [Tool { program: "curl", package: "curl" }, Tool { program: "openssl", package: "openssl" }];
    if let Err(reason) = ensure(&tools) {
        return Ok(Outcome::Skipped(reason));
    }
    let answers = e2e::check()?;
    Ok(Outcome::Passed(format!("{answers} answers")))
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn lines_of_cargo_test_add_up() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.09s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
            "conformance yaml/scalars.jsonl: 1320/1320",
            "conformance yaml/more.jsonl: skipped, no such file",
            "skipped: xmllint is not installed",
            "test skipped: ok",
        ] {
            counts.add(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.conformance), (15, 2, 1));
        assert_eq!(counts.skipped, ["yaml/more.jsonl: skipped, no such file", "xmllint is not installed"]);
    }
}
