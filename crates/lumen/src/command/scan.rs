//! `lumen scan`.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use lumen_core::selector::Selector;
use lumen_server::api::Bounds;

use super::check::{
    baseline_of, given_policies, missing_policy, say_of_known, say_of_policies, settings_of, write_baseline,
    write_output,
};
use super::{Context, start_of_search};
use crate::check::live::Live;
use crate::check::{Checked, Settings};
use crate::cli::scan::Scan;
use crate::doctor;
use crate::exit::{Exit, FailOn};
use crate::output::{Format, counted};
use crate::scan::{Choice, scan};
use crate::settings::Resolved;
use crate::source;

pub(super) fn run(arguments: &Scan, context: &Context) -> anyhow::Result<Exit> {
    let resolved = context.settings(&arguments.settings.0, start_of_search(arguments.source.first()))?;
    let choice = choice(arguments, &resolved)?;
    let live = read(arguments, &resolved, context)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start")?;
    let checked = runtime.block_on(async {
        let api = doctor::connect(&arguments.cluster).await?;
        let bounds = Bounds { page_objects: arguments.chunk_size, ..Bounds::default() };
        scan(&api.bounded(bounds), live, &choice, |what| context.console.detail(what)).await
    })?;
    say(&checked, context);
    if let Some(file) = &arguments.write_baseline {
        return write_baseline(file, &checked, context.console, || write(&checked, &resolved, context));
    }
    write(&checked, &resolved, context)?;
    Ok(Exit::of(&checked.report, resolved.fail_on()))
}

fn choice(arguments: &Scan, resolved: &Resolved) -> anyhow::Result<Choice> {
    let selector = arguments.selector.clone().unwrap_or_default();
    if let Err(error) = Selector::parse(&selector) {
        bail!("`--selector {selector}`: {error}");
    }
    if arguments.namespace.as_deref() == Some("") {
        bail!("`--namespace` needs a name; `-A` is all namespaces");
    }
    let minor = resolved.kubernetes_minor();
    Ok(Choice { namespace: arguments.namespace.clone(), selector, minor })
}

/// The policies that are given, and the manifests.
fn read(arguments: &Scan, resolved: &Resolved, context: &Context) -> anyhow::Result<Live> {
    let is_written = arguments.write_baseline.is_some();
    if let Some(missing) = resolved.policy_paths().iter().find_map(|path| missing_policy(Path::new(path))) {
        bail!(missing);
    }
    let (policy_inputs, mut problems) = given_policies(resolved)?;
    let mut sources = None;
    if let Some(path) = arguments.source.iter().map(Path::new).find(|path| !path.exists()) {
        bail!("there is no `{}`, which `--source` names", source::shown(path));
    }
    if !arguments.source.is_empty() {
        let gathered = source::gather(&arguments.source, &resolved.source_options())?;
        problems.extend(gathered.problems);
        sources = Some(gathered.inputs);
    }
    let settings = Settings {
        strict: resolved.strict(),
        with_changes: resolved
            .outputs()
            .iter()
            .any(|output| matches!(output.format, Format::Human | Format::Sarif)),
        with_baseline: is_written,
        baseline: baseline_of(resolved, is_written)?,
        baseline_holds_denials: resolved.fail_on() != FailOn::Deny,
        policy_inputs,
        ..settings_of(resolved)?
    };
    let live = Live::read(sources, &problems, settings);
    let holders: BTreeSet<_> = live.policy_sources().cloned().collect();
    say_of_policies(context.console, resolved, &live.findings(), &holders)?;
    Ok(live)
}

/// Said where templates or constraints may not be read.
const WITHOUT_POLICIES: &str = "templates or constraints of the cluster cannot be read: without them no admission policy of the \
    cluster is judged; they are cluster-scoped, and only a ClusterRole shows them";

fn say(checked: &Checked, context: &Context) {
    let console = context.console;
    say_of_known(console, &checked.known);
    let scanned = checked.report.scanned.unwrap_or_default();
    if scanned.is_blind() {
        console.error("no kind of object can be read: nothing could be judged");
    } else if scanned.unread > 0 {
        console.note(format!(
            "{} could not be read, and nothing is known of them: they are named; `--strict` makes it an error",
            counted(scanned.unread, "kind")
        ));
    }
    if scanned.is_without_policies {
        console.error(WITHOUT_POLICIES);
    }
}

fn write(checked: &Checked, resolved: &Resolved, context: &Context) -> anyhow::Result<()> {
    for output in resolved.outputs() {
        let mut style = context.console.style(output.file.is_none());
        style.report_api = resolved.report_api();
        write_output(&output, checked, &style)?;
    }
    Ok(())
}
