//! `lumen install` and `lumen uninstall`: manifests on standard output.

use anyhow::{Context as _, Result};
use lumen_server::registration::FailurePolicy;
use serde_json::Value;

use super::Context;
use crate::cli::cluster::{self, DryRun, Install, Uninstall};
use crate::console;
use crate::exit::Exit;
use crate::{doctor, install};

pub(super) fn run(arguments: &Install, context: &Context) -> Result<Exit> {
    let options = install::Options {
        image: arguments.image.clone(),
        replicas: arguments.replicas,
        failure_policy: match arguments.failure_policy {
            cluster::FailurePolicy::Fail => FailurePolicy::Fail,
            cluster::FailurePolicy::Ignore => FailurePolicy::Ignore,
        },
        exempt_namespaces: arguments.exempt_namespace.clone(),
        api_server_ports: arguments.api_server_port.clone(),
        is_shadow: arguments.shadow,
    };
    let manifests = install::render(&options);
    if arguments.dry_run == Some(DryRun::Server) {
        return dry_run(&manifests, arguments, context);
    }
    console::print(&install::yaml(&manifests)?)?;
    Ok(Exit::Clean)
}

pub(super) fn uninstall(_: &Uninstall) -> Result<Exit> {
    let manifests: Vec<_> =
        install::removed().into_iter().map(|manifest| (install::Part::Own, manifest)).collect();
    console::print(&install::yaml(&manifests)?)?;
    Ok(Exit::Clean)
}

/// Asks the API server about each manifest, and changes nothing.
fn dry_run(manifests: &[(install::Part, Value)], arguments: &Install, context: &Context) -> Result<Exit> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    let refused = runtime.block_on(async {
        let api = doctor::connect(&arguments.cluster).await?;
        install::dry_run(&api, manifests).await
    })?;
    for refusal in &refused {
        context.console.error(refusal);
    }
    if refused.is_empty() {
        context.console.note(format!("the API server would take all {} manifests", manifests.len()));
        return Ok(Exit::Clean);
    }
    Ok(Exit::Found)
}
