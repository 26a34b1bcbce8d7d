//! Runs the layers on a snapshot: file by file, each behind a wall.

use std::sync::Arc;

use anyhow::bail;
use lumen_core::finding::Finding;
use lumen_core::network::{self, Model};
use lumen_core::podsecurity::configuration::{Configuration, ConfigurationPlace};
use lumen_core::review::{Policies, advise_namespace, review, workloads_by_namespace};
use lumen_core::snapshot::{Entry, Snapshot};
use lumen_value::read::{self, Limits};

use super::each;

/// Reads a `PodSecurityConfiguration`, alone or in an `AdmissionConfiguration`. One with which the API server would
/// not start is an error.
pub fn pod_security_configuration(text: &[u8]) -> anyhow::Result<Configuration> {
    let reading = read::read(text, &Limits { depth_max: 100, documents_max: 10, ..Limits::default() });
    if let Some(error) = reading.errors.first() {
        bail!("line {}: {}", crate::locate::line_of(text, error.at), error.message);
    }
    for document in &reading.documents {
        match Configuration::find(&document.value) {
            None => {}
            Some(ConfigurationPlace::Elsewhere(path)) => {
                bail!("the configuration stands in another file, `{path}`: give that one");
            }
            Some(ConfigurationPlace::Here(at)) => {
                let Some(value) = document.value.find(&at) else {
                    continue;
                };
                let (configuration, errors) = Configuration::read(value);
                if !errors.is_empty() {
                    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                    bail!("the API server would not start with it: {}", errors.join("; "));
                }
                return Ok(configuration);
            }
        }
    }
    bail!("it holds no PodSecurityConfiguration")
}

/// Adds what the layers say about all objects.
pub(super) fn judge(snapshot: &Snapshot, policies: &Policies, findings: &mut Vec<Finding>) {
    // Entries are sorted by where they stand, so those of a file are together.
    let files: Vec<&[Arc<Entry>]> =
        snapshot.entries().chunk_by(|a, b| a.location.source == b.location.source).collect();
    let name = |file: &&[Arc<Entry>]| {
        file.first().map_or_else(|| Arc::from(""), |entry| entry.location.source.clone())
    };
    let (judged, failed) = each(&files, name, |file| {
        file.iter().flat_map(|entry| review(entry, snapshot, policies)).collect::<Vec<_>>()
    });
    let namespaces = workloads_by_namespace(snapshot, policies);
    let (advice, advice_failed) = each(
        &namespaces,
        |(name, _)| name.clone(),
        |workloads| advise_namespace(workloads, snapshot, policies),
    );
    // Who reaches whom is a question about all objects at once.
    let everything: Arc<str> =
        snapshot.entries().first().map_or_else(|| "".into(), |entry| entry.location.source.clone());
    let (about_network, network_failed) = each(
        &[snapshot],
        |_| everything.clone(),
        |snapshot| {
            let (model, mut about) = Model::build(snapshot, &network::Options::default());
            about.extend(network::lint(&model, snapshot));
            about
        },
    );
    // They are the most by far: room is made for them once.
    findings.reserve(judged.iter().map(Vec::len).sum());
    findings.extend(judged.into_iter().flatten());
    findings.extend(advice.into_iter().flatten());
    findings.extend(about_network.into_iter().flatten());
    findings.extend(network_failed);
    findings.extend(failed);
    findings.extend(advice_failed);
}
