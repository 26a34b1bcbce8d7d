//! `lumen layers`.

use std::ffi::OsString;

use super::{Context, start_of_search};
use crate::check::prepare::prepare;
use crate::cli::layers::{Layers, LayersFormat};
use crate::console;
use crate::exit::{Exit, FailOn};
use crate::layers::report::{self, html, markdown};
use crate::layers::{self, Asked, human, json};
use crate::output;
use crate::policies;
use crate::source;

pub(super) fn run(arguments: &Layers, context: &Context) -> anyhow::Result<Exit> {
    let paths = if arguments.paths.is_empty() { vec![OsString::from(".")] } else { arguments.paths.clone() };
    let resolved = context.settings(&arguments.settings.0, start_of_search(paths.first()))?;
    let bypassed = arguments.assume_bypassed.iter().map(|word| layers::layer_of(word));
    let asked = Asked {
        workload: arguments.workload.clone(),
        bypassed: bypassed.collect::<anyhow::Result<_>>()?,
        without_policy: arguments.without_policy.clone(),
        compliance: arguments.compliance || arguments.outputs.iter().any(|output| output.format.is_report()),
    };
    let why = match arguments.why.as_slice() {
        [layer, step] => Some((layers::layer_of(layer)?, layers::step_of(step)?)),
        _ => None,
    };
    let options = resolved.source_options();
    let gathered = source::gather(&paths, &options)?;
    let given = source::gather(&resolved.policy_paths(), &options)?;
    let chosen = policies::chosen(resolved.built_in_policies())?;
    let built_in = chosen.iter().flat_map(|policy| policy.manifests());
    let built_in = built_in.map(|(name, text)| source::Input::new(name, text.as_bytes()));
    let mut settings = super::check::settings_of(&resolved)?;
    settings.policy_inputs = built_in.chain(given.inputs).collect();
    let problems: Vec<_> = gathered.problems.into_iter().chain(given.problems).collect();
    let prepared = prepare(gathered.inputs, &problems, &settings);
    for finding in &prepared.findings {
        let source =
            finding.location.as_ref().map(|location| format!("{}: ", prepared.lines().shown(location)));
        context.console.note(format!("{}{}", source.unwrap_or_default(), finding.message));
    }
    for told in prepared.policies_given_twice() {
        context.console.note(told);
    }
    let posture = layers::posture(&prepared, &asked)?;
    let about_inputs = prepared.findings.iter().cloned();
    let found = prepared.report(about_inputs.chain(posture.findings.iter().cloned()).collect());
    if let Some((layer, step)) = why {
        console::print(human::why(&posture, layer, step).as_bytes())?;
        // What is asked here is one cell, not whether the layers are good enough.
        return Ok(Exit::of(&found, FailOn::Never));
    }
    super::net::write(&arguments.outputs, LayersFormat::Human, |format, to_stdout, out| {
        let mut style = context.console.style(to_stdout);
        style.report_api = resolved.report_api();
        match format {
            LayersFormat::Human => out.write_all(human::write(&posture, &style).as_bytes()),
            LayersFormat::Json => json::write(&posture, out),
            LayersFormat::Markdown => markdown::write(&report::write(&posture), out),
            LayersFormat::Html => html::write(&report::write(&posture), out),
            LayersFormat::Findings(format) => output::write(format, &found, &style, out),
        }
    })?;
    Ok(Exit::of(&found, resolved.fail_on()))
}
