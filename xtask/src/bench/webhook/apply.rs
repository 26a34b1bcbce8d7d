//! Policies and their kinds, applied to a real API server.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::work::Policy;
use crate::cluster::ApiServer;

/// How long the API server may take to serve the kinds of all constraints.
const KINDS_MAX: Duration = Duration::from_mins(3);

/// Applies the definitions and Namespaces among manifests, and waits until they are served.
pub(super) fn definitions(api: &ApiServer, folder: &Path, manifests: &str) -> Result<()> {
    let wanted = ["kind: CustomResourceDefinition", "kind: Namespace"];
    let is_wanted = |text: &&str| text.lines().any(|line| wanted.contains(&line));
    let texts: Vec<&str> = manifests.split("\n---\n").filter(is_wanted).collect();
    api.apply(&folder.join("definitions.yaml"), &texts.join("\n---\n"))?;
    api.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])
}

/// Applies templates, and constraints once somebody has defined their kinds.
pub(super) fn policies(api: &ApiServer, folder: &Path, policies: &[Policy]) -> Result<()> {
    let joined = |part: fn(&Policy) -> &String| {
        policies.iter().map(|policy| part(policy).as_str()).collect::<Vec<_>>().join("\n---\n")
    };
    api.apply(&folder.join("templates.yaml"), &joined(|policy| &policy.template))?;
    let (file, constraints) = (folder.join("constraints.yaml"), joined(|policy| &policy.constraint));
    let began = Instant::now();
    while api.apply(&file, &constraints).is_err() {
        if began.elapsed() > KINDS_MAX {
            bail!("the API server does not serve the kinds of all constraints");
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    Ok(())
}
