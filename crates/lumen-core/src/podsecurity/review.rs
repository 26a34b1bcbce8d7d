//! [`review`]: a workload and its namespace's policy -> findings.

use std::collections::BTreeSet;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::admission::{exempt_namespace_warning, invalid_message};
use super::check::{Check, Violation};
use super::configuration::Configuration;
use super::field_error::FieldError;
use super::level::{Level, LevelVersion, NEWEST_MINOR};
use super::pod::Pod;
use super::policy::{AUDIT_LABEL, ENFORCE_LABEL, Resolved, WARN_LABEL};
use super::rules::{EXEMPT_NAMESPACE, EXEMPT_WORKLOAD, INVALID_LABEL};
use super::text::go_quoted;
use super::{CHECKS, Evaluation};
use crate::defaults::Seen;
use crate::finding::{Action, Edit, Finding, Fix, Location, Outcome, Place, PolicyRef, Related};
use crate::object::pod::PodView;
use crate::object::{ObjectRef, WorkloadKind};
use crate::rule::Rule;

/// Most bytes of upstream's texts that the findings about one workload repeat. A text names every container that a
/// check finds wrong, and every such container has findings: without a bound, a manifest of a few megabytes would make
/// gigabytes of them. The findings beyond it go without the text.
pub const UPSTREAM_BYTES_MAX: usize = 1 << 20;

/// A workload to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What it is.
    pub object: &'a Arc<ObjectRef>,
    /// Where its root stands; for an item of a list that is not its document's root.
    pub root: &'a Location,
    /// Its pod, or the template of its pods.
    pub pod: &'a PodView<'a>,
    /// How the built-in admission meets it. A pod is refused, warned of, recorded. A controller is warned of and recorded; the
    /// pods it makes are refused. At a custom kind admission never looks; the pods it makes are refused.
    pub kind: WorkloadKind,
}

/// A Namespace that is among the inputs.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceView<'a> {
    /// What it is.
    pub object: &'a ObjectRef,
    /// Where its root stands.
    pub root: &'a Location,
    /// Its labels; null where it has none.
    pub labels: &'a Value,
}

/// What is known of the namespace that a workload lands in.
#[derive(Clone, Copy, Debug)]
pub enum Namespace<'a> {
    /// It is among the inputs.
    Known(&'a NamespaceView<'a>),
    /// No input says which labels it has.
    Unknown {
        /// Its name.
        name: &'a str,
    },
}

impl<'a> Namespace<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        match *self {
            Self::Known(view) => &view.object.name,
            Self::Unknown { name } => name,
        }
    }

    /// What its labels demand, with the cluster's defaults.
    pub fn resolve(&self, configuration: &Configuration) -> Resolved {
        let labels = match self {
            Self::Known(view) => view.labels,
            Self::Unknown { .. } => &Value::Null,
        };
        Resolved::of_labels(labels, &configuration.defaults)
    }
}

/// What of a review is wanted beside what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options<'a> {
    /// Also the checks that are met, and workloads that are exempt.
    pub shows_passes: bool,
    /// The minor version of the cluster, which `latest` means.
    pub cluster_minor: u64,
    /// Who applies the workload, where that is known: the configuration may exempt users.
    pub user: Option<&'a str>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { shows_passes: false, cluster_minor: NEWEST_MINOR, user: None }
    }
}

/// Judges a workload by its namespace's policy, and where no label and no configuration decides what is refused, says
/// as advice what breaks `baseline` and `restricted`.
///
/// There is one finding for each field and rule, with the strongest of what happens. Where a baseline check and the
/// restricted check that overrides it blame the same field, the one with the stronger effect speaks, in advice the
/// baseline check.
pub fn review(
    subject: &Subject<'_>,
    namespace: &Namespace<'_>,
    configuration: &Configuration,
    options: Options<'_>,
) -> Vec<Finding> {
    let mut findings = verdict(subject, namespace, configuration, options);
    let exempt = &configuration.exemptions.usernames;
    if options.user.is_some_and(|user| exempt.contains(user)) {
        findings.retain(|finding| !is_about_the_user(finding, subject.kind));
    }
    findings
}

/// Whether a finding is about what the user does who applies the workload. The pods of a controller are made by a service
/// account, so what refuses them stays.
fn is_about_the_user(finding: &Finding, kind: WorkloadKind) -> bool {
    kind == WorkloadKind::Pod || matches!(finding.action, Action::Deny | Action::Warn | Action::Dryrun)
}

/// What is said of a workload, whoever applies it.
fn verdict(
    subject: &Subject<'_>,
    namespace: &Namespace<'_>,
    configuration: &Configuration,
    options: Options<'_>,
) -> Vec<Finding> {
    let resolved = namespace.resolve(configuration);
    let pod = Pod::read(subject.pod, Seen::Pod).in_cluster(options.cluster_minor);
    let mut reviewer = Reviewer {
        subject,
        namespace,
        seen: BTreeSet::new(),
        upstream_bytes_left: UPSTREAM_BYTES_MAX,
        findings: Vec::new(),
    };
    if let Some(why) = exemption(namespace.name(), &pod, configuration) {
        if options.shows_passes {
            reviewer.findings.push(reviewer.exempt(&why));
        }
        return reviewer.findings;
    }
    let policy = &resolved.policy;
    reviewer.judge(&pod, &Mode::enforce(subject.kind, policy.enforce, resolved.enforce_label));
    match subject.kind {
        WorkloadKind::Pod => {
            reviewer.judge(&pod, &Mode::warn(policy.warn, resolved.warn_label));
            reviewer.judge(&pod, &Mode::audit(policy.audit, resolved.audit_label));
        }
        WorkloadKind::Controller | WorkloadKind::PodTemplate => {
            let template = Pod::read(subject.pod, Seen::Template).in_cluster(options.cluster_minor);
            reviewer.judge(&template, &Mode::warn(policy.warn, resolved.warn_label));
            reviewer.judge(&template, &Mode::audit(policy.audit, resolved.audit_label));
        }
        // Its pods are made by its controller: nobody reads the warning.
        WorkloadKind::Custom => reviewer.judge(&pod, &Mode::audit(policy.audit, resolved.audit_label)),
    }
    let is_decided = resolved.enforce_label.is_some() || configuration.names_enforce;
    if !is_decided {
        reviewer.judge(&pod, &Mode::advice(Level::Baseline));
        reviewer.judge(&pod, &Mode::advice(Level::Restricted));
    }
    if options.shows_passes {
        let wanted = if is_decided { policy.enforce } else { LevelVersion::latest(Level::Restricted) };
        reviewer.add_passes(&pod, wanted);
    }
    reviewer.findings
}

/// Why a workload is not judged, in the words of upstream's audit annotation.
fn exemption(namespace: &str, pod: &Pod<'_>, configuration: &Configuration) -> Option<String> {
    let exemptions = &configuration.exemptions;
    if exemptions.namespaces.contains(namespace) {
        return Some(format!("namespace `{namespace}`"));
    }
    let class = pod.runtime_class.filter(|class| exemptions.runtime_classes.contains(*class))?;
    Some(format!("runtime class `{class}`"))
}

/// One of the things that can happen to a workload that does not meet a level.
struct Mode {
    wanted: LevelVersion,
    action: Action,
    /// As in `enforce=restricted:latest`; none for advice.
    name: Option<&'static str>,
    /// The label that decided; none where the configuration did.
    label: Option<&'static str>,
}

impl Mode {
    fn enforce(kind: WorkloadKind, wanted: LevelVersion, label: Option<&'static str>) -> Self {
        Self {
            wanted,
            action: if kind == WorkloadKind::Pod { Action::Deny } else { Action::DenyPods },
            name: Some("enforce"),
            label,
        }
    }

    fn warn(wanted: LevelVersion, label: Option<&'static str>) -> Self {
        Self { wanted, action: Action::Warn, name: Some("warn"), label }
    }

    fn audit(wanted: LevelVersion, label: Option<&'static str>) -> Self {
        Self { wanted, action: Action::Dryrun, name: Some("audit"), label }
    }

    fn advice(level: Level) -> Self {
        Self { wanted: LevelVersion::latest(level), action: Action::None, name: None, label: None }
    }

    /// What the label does, said beside it.
    fn label_note(&self) -> &'static str {
        match self.action {
            Action::Warn => "warned of by this label",
            Action::Dryrun => "recorded by this label",
            Action::Deny | Action::DenyPods | Action::None => "enforced by this label",
        }
    }
}

struct Reviewer<'r> {
    subject: &'r Subject<'r>,
    namespace: &'r Namespace<'r>,
    /// The fields that have a finding, and the check that it is of.
    seen: BTreeSet<(Pointer, &'static str)>,
    upstream_bytes_left: usize,
    findings: Vec<Finding>,
}

impl Reviewer<'_> {
    fn judge(&mut self, pod: &Pod<'_>, mode: &Mode) {
        let evaluation = pod.evaluate(mode.wanted);
        if evaluation.is_allowed() {
            return;
        }
        let upstream = self.upstream_text(mode, &evaluation);
        let policy = self.policy(mode).map(Arc::new);
        for refusal in &evaluation.refusals {
            // What breaks `baseline` too is as bad where its twin of `restricted` says it.
            let twin = CHECKS.iter().find(|check| refusal.check.overrides == Some(check.id));
            let worse: BTreeSet<Pointer> = twin
                .into_iter()
                .flat_map(|twin| pod.violations(twin, mode.wanted.version))
                .map(|violation| violation.pointer)
                .collect();
            for violation in pod.violations(refusal.check, mode.wanted.version) {
                if self.is_said(refusal.check, &violation.pointer) {
                    continue;
                }
                self.seen.insert((violation.pointer.clone(), refusal.check.id));
                let own = refusal.check.rule.severity;
                let severity = twin
                    .filter(|_| worse.contains(&violation.pointer))
                    .map_or(own, |twin| twin.rule.severity);
                let finding = self.finding(refusal.check, violation, mode, upstream.as_ref());
                self.findings.push(Finding { severity, policy: policy.clone(), ..finding });
            }
        }
    }

    /// Whether the field has a finding of the check, or of its twin at the other level.
    fn is_said(&self, check: &Check, pointer: &Pointer) -> bool {
        let twin = check.overrides.or_else(|| {
            let overrides = |other: &&Check| other.overrides == Some(check.id);
            CHECKS.iter().find(overrides).map(|other| other.id)
        });
        let said = |id| self.seen.contains(&(pointer.clone(), id));
        said(check.id) || twin.is_some_and(said)
    }

    /// The text that the API server prints, where it prints one.
    fn upstream_text(&self, mode: &Mode, evaluation: &Evaluation) -> Option<Arc<str>> {
        let text = match mode.action {
            Action::Deny => {
                let name = &self.subject.object.name;
                let violates = evaluation.violates();
                if name.is_empty() || name.ends_with('*') {
                    // The API server makes up the rest of the name.
                    return Some(violates.into());
                }
                format!("pods {} is forbidden: {violates}", go_quoted(name))
            }
            Action::DenyPods => evaluation.violates(),
            Action::Warn | Action::Dryrun => evaluation.would_violate(),
            Action::None => return None,
        };
        Some(text.into())
    }

    fn finding(
        &mut self,
        check: &Check,
        violation: Violation,
        mode: &Mode,
        upstream: Option<&Arc<str>>,
    ) -> Finding {
        let upstream = upstream.filter(|text| text.len() <= self.upstream_bytes_left);
        self.upstream_bytes_left -= upstream.map_or(0, |text| text.len());
        let mut message = violation.message;
        if self.subject.kind == WorkloadKind::Custom && mode.action == Action::DenyPods {
            let kind = &self.subject.object.kind;
            message.push_str("; built-in admission never looks at a `");
            message.push_str(kind);
            message.push_str("`, its pods are refused when they are made");
        }
        if let (Action::None, Namespace::Unknown { name }) = (mode.action, self.namespace) {
            message.push_str("; no label of namespace `");
            message.push_str(name);
            message.push_str("` is known");
        }
        Finding {
            outcome: if mode.action == Action::Warn { Outcome::Warn } else { Outcome::Fail },
            action: mode.action,
            upstream_message: upstream.cloned(),
            location: Some(self.subject.root.inside(&self.subject.pod.at.join(&violation.pointer))),
            related: self
                .label(mode)
                .map(|(label, view)| Related {
                    location: view.root.inside(&pointer!["metadata", "labels", label]),
                    label: mode.label_note().into(),
                    is_step: false,
                })
                .into_iter()
                .collect(),
            fix: violation.fix.map(|fix| prefixed(fix, &self.pod_pointer())),
            ..about(&check.rule, self.subject.object.clone(), message)
        }
    }

    /// The label that decides, and the Namespace that has it.
    fn label(&self, mode: &Mode) -> Option<(&'static str, NamespaceView<'_>)> {
        match *self.namespace {
            Namespace::Known(view) => mode.label.map(|label| (label, *view)),
            Namespace::Unknown { .. } => None,
        }
    }

    fn policy(&self, mode: &Mode) -> Option<PolicyRef> {
        let object = || self.label(mode).map_or_else(configuration_object, |(_, view)| view.object.clone());
        mode.name.map(|name| PolicyRef { object: object(), rule: format!("{name}={}", mode.wanted) })
    }

    /// The pod, from its document's root.
    fn pod_pointer(&self) -> Pointer {
        match &self.subject.root.place {
            Place::Field { pointer, .. } | Place::Inside { pointer, .. } => {
                pointer.join(&self.subject.pod.at)
            }
            Place::Whole | Place::Byte(_) => self.subject.pod.at.clone(),
        }
    }

    fn exempt(&self, why: &str) -> Finding {
        Finding {
            outcome: Outcome::Skip,
            location: Some(self.subject.root.clone()),
            policy: Some(PolicyRef { object: configuration_object(), rule: "exemptions".into() }.into()),
            ..about(
                &EXEMPT_WORKLOAD,
                self.subject.object.clone(),
                format!("not judged: {why} is exempt from Pod Security"),
            )
        }
    }

    fn add_passes(&mut self, pod: &Pod<'_>, wanted: LevelVersion) {
        let minor = wanted.version.effective_minor(pod.cluster_minor);
        let refusals = pod.evaluate(wanted).refusals;
        for check in CHECKS.iter().filter(|check| check.is_demanded_at(wanted.level, minor)) {
            if refusals.iter().all(|refusal| refusal.check.id != check.id) {
                self.findings.push(Finding {
                    outcome: Outcome::Pass,
                    location: Some(self.subject.root.clone()),
                    ..about(&check.rule, self.subject.object.clone(), check.rule.summary.into())
                });
            }
        }
    }
}

/// A finding of a rule about an object.
pub(super) fn about(rule: &Rule, object: impl Into<Arc<ObjectRef>>, message: String) -> Finding {
    Finding { object: Some(object.into()), ..rule.finding(message) }
}

/// The fix with its pointers from the document's root.
fn prefixed(mut fix: Fix, at: &Pointer) -> Fix {
    for edit in &mut fix.edits {
        match edit {
            Edit::Set(pointer, _) | Edit::Remove(pointer) => *pointer = at.join(pointer),
        }
    }
    fix
}

/// What stands for the cluster's configuration, which has no name.
fn configuration_object() -> ObjectRef {
    ObjectRef {
        api_version: "pod-security.admission.config.k8s.io/v1".into(),
        kind: "PodSecurityConfiguration".into(),
        ..ObjectRef::default()
    }
}

/// Judges a Namespace's labels themselves: those that mean nothing, and those that are in vain.
pub fn review_namespace(namespace: &NamespaceView<'_>, configuration: &Configuration) -> Vec<Finding> {
    let resolved = Resolved::of_labels(namespace.labels, &configuration.defaults);
    let mut findings: Vec<Finding> = resolved
        .errors
        .iter()
        .map(|error| Finding {
            action: Action::Deny,
            upstream_message: Some(invalid_message(&namespace.object.name, &resolved.errors).into()),
            location: Some(namespace.root.inside(&error.pointer)),
            ..about(&INVALID_LABEL, namespace.object.clone(), invalid_label(error, namespace.labels))
        })
        .collect();
    let name: &str = &namespace.object.name;
    if resolved.errors.is_empty() && configuration.exemptions.namespaces.contains(name) {
        let warning =
            exempt_namespace_warning(name, &resolved.policy, namespace.labels, &configuration.defaults);
        findings.extend(warning.map(|warning| Finding {
            outcome: Outcome::Warn,
            action: Action::Warn,
            location: Some(namespace.root.inside(&pointer!["metadata", "labels"])),
            upstream_message: Some(warning.into()),
            policy: Some(PolicyRef { object: configuration_object(), rule: "exemptions".into() }.into()),
            ..about(
                &EXEMPT_NAMESPACE,
                namespace.object.clone(),
                format!("namespace `{name}` is exempt from Pod Security, so its labels do nothing"),
            )
        }));
    }
    findings
}

fn invalid_label(error: &FieldError, labels: &Value) -> String {
    let label = error.path.trim_start_matches("metadata.labels[").trim_end_matches(']');
    let value = super::policy::label_value(labels, label).unwrap_or_default();
    let meant = match label {
        ENFORCE_LABEL => "is no level, and would mean `restricted`",
        AUDIT_LABEL | WARN_LABEL => "is no level, and would mean nothing",
        _ => "is no version, and would mean `latest`",
    };
    format!("label `{label}` is `{value}`, which {meant}")
}
