//! The built-in policies over the tree, beside gator with the same templates, constraints and objects.

use std::path::Path;

use anyhow::{Result, bail};

use super::measure::{Call, Measured};
use super::{find, print_row};
use crate::workspace::target;

pub(super) fn run(lumen: &Path, tree: &str, bytes: usize, runs: usize) -> Result<()> {
    let policies = target().join("bench-policies");
    let policies = policies.display().to_string();
    let export = Call::new(lumen, &["policy", "export", "--force", &policies]).once()?;
    if !export.success() {
        bail!("the policies were not exported: {export}");
    }
    let report = |call: &Call, runs: usize| -> Result<Measured> {
        let measured = call.measure(runs)?;
        print_row(call, &measured, bytes);
        Ok(measured)
    };
    let ours =
        report(&Call::new(lumen, &["check", "--output", "concise", "--policy", &policies, tree]), runs)?;
    let Some(gator) = find("gator", "GATOR") else {
        println!("gator: not on the PATH, nor named by `GATOR`");
        return Ok(());
    };
    // It takes a minute. Suites and samples would be objects to it: templates and constraints alone are handed over.
    let mut arguments = vec!["test".to_owned(), format!("--filename={tree}")];
    let mut folders = std::fs::read_dir(&policies)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    folders.sort();
    for folder in folders {
        for file in ["template.yaml", "constraint.yaml"] {
            arguments.push(format!("--filename={}", folder.join(file).display()));
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let theirs = report(&Call::new(&gator, &arguments), 1)?;
    println!(
        "{:>9} gator: {:.1} times as long as `lumen check` with the same policies",
        "",
        theirs.median.as_secs_f64() / ours.median.as_secs_f64()
    );
    Ok(())
}
