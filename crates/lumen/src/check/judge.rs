//! Runs the layers on a snapshot: file by file, each behind a wall.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use lumen_core::finding::{Action, Finding};
use lumen_core::object::pod::PodView;
use lumen_core::object::{ObjectRef, Workload, WorkloadKind};
use lumen_core::podsecurity::NEWEST_MINOR;
use lumen_core::podsecurity::advise::advise;
use lumen_core::podsecurity::configuration::{Configuration, ConfigurationPlace};
use lumen_core::podsecurity::review::{
    Namespace, NamespaceView, Options, Role, Subject, review, review_namespace,
};
use lumen_core::snapshot::{Entry, NamespaceVariant, Snapshot};
use lumen_value::read::{self, Limits};

use super::{Settings, each};

/// What the cluster's Pod Security admission is configured to.
#[derive(Clone, Debug)]
pub struct PodSecurity {
    /// Its configuration.
    pub configuration: Configuration,
    /// Who applies the manifests.
    pub user: Option<Arc<str>>,
    /// The minor version of the cluster, which `latest` means; at most the newest that is known.
    pub cluster_minor: u64,
}

impl Default for PodSecurity {
    fn default() -> Self {
        Self {
            configuration: Configuration::default(),
            user: None,
            cluster_minor: NEWEST_MINOR,
        }
    }
}

impl PodSecurity {
    /// Reads a `PodSecurityConfiguration`, alone or in an `AdmissionConfiguration`. One with which the API server would
    /// not start is an error.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let reading = read::read(
            text,
            &Limits {
                depth_max: 100,
                documents_max: 10,
                ..Limits::default()
            },
        );
        if let Some(error) = reading.errors.first() {
            bail!(
                "line {}: {}",
                crate::locate::line_of(text, error.at),
                error.message
            );
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
                    return Ok(Self {
                        configuration,
                        ..Self::default()
                    });
                }
            }
        }
        bail!("it holds no PodSecurityConfiguration")
    }
}

/// What the layers say about all objects.
pub(super) fn judge(snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    // Entries are sorted by where they stand, so those of a file are together.
    let files: Vec<&[Arc<Entry>]> = snapshot
        .entries()
        .chunk_by(|a, b| a.location.source == b.location.source)
        .collect();
    let name = |file: &&[Arc<Entry>]| {
        file.first()
            .map_or_else(|| Arc::from(""), |entry| entry.location.source.clone())
    };
    let (judged, mut findings) = each(&files, name, |file| {
        file.iter()
            .flat_map(|entry| judge_entry(entry, snapshot, settings))
            .collect()
    });
    findings.extend(judged.into_iter().flat_map(|findings: Vec<Finding>| findings));
    findings.extend(advice(snapshot, settings));
    findings
}

fn judge_entry(entry: &Entry, snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    let configuration = &settings.pod_security.configuration;
    let mut findings = Vec::new();
    if entry.is_namespace() {
        let view = NamespaceView {
            object: &entry.object,
            root: &entry.location,
            labels: entry.labels(),
        };
        findings.extend(review_namespace(&view, configuration));
    }
    let Some(workload) = entry.workload() else {
        return findings;
    };
    let name = namespace_name(entry, settings);
    for pod in &workload.pods {
        let subject = Subject {
            object: &entry.object,
            root: &entry.location,
            pod,
            role: role(&workload),
        };
        let options = Options {
            shows_passes: settings.show_passes,
            cluster_minor: settings.pod_security.cluster_minor,
        };
        let verdicts = variants(snapshot, &name)
            .into_iter()
            .map(|variant| {
                let view = view(variant);
                review(&subject, &namespace(view.as_ref(), &name), configuration, options)
            })
            .collect();
        findings.extend(strictest(verdicts));
    }
    if is_exempt(settings) {
        findings.retain(|finding| !is_about_the_user(finding, workload.kind));
    }
    findings
}

/// The namespace that a workload lands in. A kind that nobody defines and that names none is taken for namespaced here:
/// it carries pods.
fn namespace_name(entry: &Entry, settings: &Settings) -> Arc<str> {
    entry
        .namespace
        .clone()
        .unwrap_or_else(|| settings.namespace.clone())
}

fn role(workload: &Workload<'_>) -> Role {
    match workload.kind {
        WorkloadKind::Pod => Role::Pod,
        WorkloadKind::Controller | WorkloadKind::PodTemplate => Role::Controller,
        WorkloadKind::Custom => Role::Custom,
    }
}

/// What the namespace's labels may be; one `None` where nobody says.
fn variants<'a>(snapshot: &'a Snapshot, name: &str) -> Vec<Option<&'a NamespaceVariant>> {
    match snapshot.namespace_labels(name).variants() {
        [] => vec![None],
        variants => variants.iter().map(Some).collect(),
    }
}

fn view(variant: Option<&NamespaceVariant>) -> Option<NamespaceView<'_>> {
    variant.map(|variant| NamespaceView {
        object: &variant.entry.object,
        root: &variant.entry.location,
        labels: &variant.labels,
    })
}

fn namespace<'a>(view: Option<&'a NamespaceView<'a>>, name: &'a str) -> Namespace<'a> {
    view.map_or(Namespace::Unknown { name }, Namespace::Known)
}

/// Of several verdicts on one workload, for the labels that its namespace may have, the strictest on each field.
fn strictest(mut verdicts: Vec<Vec<Finding>>) -> Vec<Finding> {
    if verdicts.len() < 2 {
        return verdicts.pop().unwrap_or_default();
    }
    let mut kept: BTreeMap<_, Finding> = BTreeMap::new();
    for finding in verdicts.into_iter().flatten() {
        let key = (
            finding.location.clone(),
            finding.rule.clone(),
            finding.message.clone(),
        );
        match kept.get(&key) {
            // Actions are declared from the strictest on.
            Some(other) if other.action <= finding.action => {}
            _ => {
                kept.insert(key, finding);
            }
        }
    }
    kept.into_values().collect()
}

fn is_exempt(settings: &Settings) -> bool {
    let exempt = &settings.pod_security.configuration.exemptions.usernames;
    settings
        .pod_security
        .user
        .as_deref()
        .is_some_and(|user| exempt.contains(user))
}

/// Whether a finding is about what this user does. The pods of a controller are made by a service account, so what
/// refuses them stays.
fn is_about_the_user(finding: &Finding, kind: WorkloadKind) -> bool {
    match kind {
        WorkloadKind::Pod => true,
        _ => matches!(finding.action, Action::Deny | Action::Warn | Action::Dryrun),
    }
}

/// Which level each namespace could enforce.
fn advice(snapshot: &Snapshot, settings: &Settings) -> Vec<Finding> {
    let mut workloads: BTreeMap<Arc<str>, Vec<(&ObjectRef, PodView<'_>)>> = BTreeMap::new();
    for (entry, workload) in snapshot.workloads() {
        let of_namespace = workloads.entry(namespace_name(entry, settings)).or_default();
        of_namespace.extend(workload.pods.into_iter().map(|pod| (&entry.object, pod)));
    }
    let namespaces: Vec<_> = workloads.into_iter().collect();
    let (advice, failed) = each(
        &namespaces,
        |(name, _)| name.clone(),
        |(name, workloads)| {
            // Where the labels are not certain, neither is what the namespace enforces.
            let [variant] = variants(snapshot, name)[..] else {
                return None;
            };
            let view = view(variant);
            let namespace = namespace(view.as_ref(), name);
            let workloads = workloads.iter().map(|(object, pod)| (*object, pod));
            let PodSecurity {
                configuration,
                cluster_minor,
                ..
            } = &settings.pod_security;
            advise(&namespace, configuration, *cluster_minor, workloads).finding(&namespace)
        },
    );
    advice.into_iter().flatten().chain(failed).collect()
}
