//! Asks admission and Pod Security about a workload that is changed to do a step.
//!
//! A refusal counts for a step only where the change brought it: where the same workload, changed to do no step at all, is
//! not refused for the same reason. Else a rule on labels would seem to stop whatever a workload without them does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::{Object, Value, pointer};

use super::assumption::Asked;
use super::{Assumption, Cell, Proof, State, Subject, WayResult};
use crate::defaults::Seen;
use crate::finding::{Action, Finding, Layer, Location, Outcome};
use crate::object::pod::PodView;
use crate::object::{Identity, ObjectRef, WorkloadKind, field, labels, text};
use crate::podsecurity::policy::ENFORCE_LABEL;
use crate::podsecurity::{LevelVersion, Pod, Resolved};
use crate::posture::attack::probe::{changed, first_image, put};
use crate::posture::attack::{Answer, Change, Datum, Effect, Step};
use crate::review::{Policies, admit_by_labels};
use crate::snapshot::{Entry, NamespaceVariant};

mod avoid;

/// A workload that does none of the steps.
const HARMLESS: &[Change] = &[
    Change::Pod(&["securityContext", "runAsUser"], Datum::Int(65_532)),
    Change::Pod(&["securityContext", "runAsNonRoot"], Datum::Bool(true)),
    Change::Pod(&["securityContext", "seccompProfile", "type"], Datum::Text("RuntimeDefault")),
    Change::Pod(&["hostPID"], Datum::Absent),
    Change::Pod(&["hostIPC"], Datum::Absent),
    Change::Pod(&["hostNetwork"], Datum::Absent),
    Change::Pod(&["automountServiceAccountToken"], Datum::Bool(false)),
    Change::NoHostPaths,
    Change::EveryContainer(&["securityContext", "runAsUser"], Datum::Absent),
    Change::EveryContainer(&["securityContext", "runAsNonRoot"], Datum::Bool(true)),
    Change::EveryContainer(&["securityContext", "privileged"], Datum::Absent),
    Change::EveryContainer(&["securityContext", "allowPrivilegeEscalation"], Datum::Bool(false)),
    Change::EveryContainer(&["securityContext", "readOnlyRootFilesystem"], Datum::Bool(true)),
    Change::EveryContainer(&["securityContext", "capabilities"], Datum::Absent),
    Change::EveryContainer(&["securityContext", "capabilities", "drop"], Datum::Texts(&["ALL"])),
];

/// What a container that names no resources gets in a harmless workload.
const MODEST: &[(&str, &str, &str)] = &[
    ("requests", "cpu", "100m"),
    ("requests", "memory", "64Mi"),
    ("limits", "cpu", "200m"),
    ("limits", "memory", "128Mi"),
];

/// What one layer said about one workload with one set of a namespace's labels: by rule and words.
#[derive(Clone, Debug, Default)]
struct Said {
    refused: BTreeMap<(String, String), Refused>,
    warned: BTreeSet<(String, String)>,
    /// A rule that could not be evaluated; it may or may not refuse.
    failed: bool,
}

/// One refusal.
#[derive(Clone, Debug)]
struct Refused {
    proof: Proof,
    /// The constraint that refuses.
    policy: Option<ObjectRef>,
    of: BTreeSet<What>,
}

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The object of the manifest.
    Object,
    /// The pod that is made of it.
    MadePod,
}

/// Asks two layers about one workload and what is made of it.
pub(super) struct Judge<'a> {
    subject: &'a Subject<'a>,
    pod: &'a PodView<'a>,
    /// The policies, as whoever makes the pods meets them.
    as_controller: Policies,
    /// The harmless workload: the template's value.
    harmless: Value,
    admission: Vec<Said>,
    pod_security: Vec<Said>,
    /// The changed pods that were asked about before, in order of the steps' ways.
    refused: Vec<Finding>,
}

impl<'a> Judge<'a> {
    pub(super) fn of(subject: &'a Subject<'a>) -> Option<Self> {
        let pod = subject.pod()?;
        let controller = controller_of(&subject.entry.object.kind);
        let mut as_controller = subject.inputs.policies.clone();
        if subject.workload.kind != WorkloadKind::Pod {
            as_controller.user = Some(controller.into());
        }
        let mut judge = Self {
            subject,
            pod,
            as_controller,
            harmless: Value::Null,
            admission: Vec::new(),
            pod_security: Vec::new(),
            refused: Vec::new(),
        };
        judge.refused = judge.review_as_it_is();
        judge.choose_harmless();
        Some(judge)
    }

    /// Why the workload or its pods are refused as they are.
    pub(super) fn refused_as_it_is(&self) -> Vec<Finding> {
        self.refused.clone()
    }

    fn review_as_it_is(&self) -> Vec<Finding> {
        let inputs = self.subject.inputs;
        let mut findings = crate::review::review(self.subject.entry, inputs.snapshot, inputs.policies);
        findings.retain(|finding| {
            matches!(finding.rule.layer, Layer::Admission | Layer::PodSecurity) && finding.is_denial()
        });
        let mut known: BTreeSet<(String, String)> =
            findings.iter().map(|finding| (finding.rule.to_string(), finding.message.clone())).collect();
        let holder: Value = self.holder(self.pod.spec);
        for mut finding in self
            .of_made_pod(&self.subject.entry.object, &holder)
            .into_iter()
            .flatten()
            .filter(Finding::is_denial)
        {
            finding.action = Action::DenyPods;
            finding.object = Some(self.subject.entry.object.clone());
            finding.location = Some(self.subject.entry.locate(&self.pod.at));
            if known.insert((finding.rule.to_string(), finding.message.clone())) {
                findings.push(finding);
            }
        }
        findings
    }

    fn holder(&self, spec: &Value) -> Value {
        let fields = Object::default().with("metadata", self.pod.metadata.clone());
        fields.with("spec", spec.clone()).into()
    }

    /// Finds the harmless workload: of the images that the cluster uses the one that is refused for the fewest reasons, the
    /// workload's own before the others.
    fn choose_harmless(&mut self) {
        let changed = modest(&changed(self.pod, HARMLESS));
        let own = first_image(self.pod.spec);
        let others = self.subject.around.images.iter().copied();
        let mut best: Option<(usize, Value, Vec<Said>)> = None;
        for image in std::iter::once(own).chain(others) {
            let candidate = with_image(&changed, image);
            let said = self.ask_admission(&candidate);
            let reasons = said.iter().map(|said| said.refused.len()).sum();
            let is_better = best.as_ref().is_none_or(|(least, ..)| reasons < *least);
            if is_better {
                best = Some((reasons, candidate, said));
            }
            if reasons == 0 {
                break;
            }
        }
        if let Some((_, harmless, said)) = best {
            self.pod_security = self.ask_pod_security(&harmless);
            self.admission = said;
            self.harmless = harmless;
        }
    }

    /// What layer 1 says of the object and of the pod that is made of it.
    fn ask_admission(&self, holder: &Value) -> Vec<Said> {
        self.ask_admission_about(self.subject.entry, holder)
    }

    /// The same of an object that is written in another way.
    fn ask_admission_about(&self, object: &Entry, holder: &Value) -> Vec<Said> {
        let inputs = self.subject.inputs;
        let mut value =
            put(&object.value, &self.pod.at.child("spec"), Some(field(holder, &["spec"]).clone()));
        if !self.is_pod() && !field(holder, &["metadata"]).is_null() {
            let metadata = field(holder, &["metadata"]).clone();
            value = put(&value, &self.pod.at.child("metadata"), Some(metadata));
        }
        let entry = Entry { value, ..object.clone() };
        let mut said: Vec<Said> = admit_by_labels(&entry, inputs.snapshot, inputs.policies)
            .iter()
            .map(|findings| self.said(findings, What::Object))
            .collect();
        for (said, findings) in said.iter_mut().zip(self.of_made_pod(&object.object, holder)) {
            let of_pod = self.said(&findings, What::MadePod);
            for (key, refused) in of_pod.refused {
                said.refused.entry(key).or_insert_with(|| refused.clone()).of.extend(refused.of);
            }
            said.warned.extend(of_pod.warned);
            said.failed |= of_pod.failed;
        }
        said
    }

    fn is_pod(&self) -> bool {
        self.subject.workload.kind == WorkloadKind::Pod
    }

    /// What layer 1 says of the pod that a controller makes of the template; nothing where the object is the pod.
    fn of_made_pod(&self, maker: &ObjectRef, holder: &Value) -> Vec<Vec<Finding>> {
        if self.is_pod() {
            return Vec::new();
        }
        let name = format!("{}-0", maker.name.trim_end_matches('*'));
        let metadata = field(holder, &["metadata"]).as_object().cloned().unwrap_or_default();
        let metadata = metadata.with("name", name.as_str()).with("namespace", &**self.subject.namespace);
        let value: Value = [
            ("apiVersion", "v1".into()),
            ("kind", "Pod".into()),
            ("metadata", metadata.into()),
            ("spec", field(holder, &["spec"]).clone()),
        ]
        .into();
        let entry = Entry {
            object: Arc::new(ObjectRef::of(&value)),
            identity: None,
            namespace: Some(self.subject.namespace.clone()),
            value,
            location: self.subject.entry.location.clone(),
            malformed: false,
        };
        admit_by_labels(&entry, self.subject.inputs.snapshot, &self.as_controller)
    }

    fn said(&self, findings: &[Finding], what: What) -> Said {
        let mut said = Said::default();
        for finding in findings {
            let key = (finding.rule.to_string(), finding.message.clone());
            match (finding.outcome, finding.action) {
                (Outcome::Fail, Action::Deny | Action::DenyPods) => {
                    let what = if finding.action == Action::DenyPods { What::MadePod } else { what };
                    let policy = finding.policy.as_ref().map(|policy| policy.object.clone());
                    let new = || Refused { proof: self.proof(finding), policy, of: BTreeSet::new() };
                    said.refused.entry(key).or_insert_with(new).of.insert(what);
                }
                (Outcome::Fail | Outcome::Warn, Action::Warn | Action::Dryrun) => {
                    said.warned.insert(key);
                }
                (Outcome::Error, _) => said.failed = true,
                _ => {}
            }
        }
        said
    }

    /// A constraint's finding as a proof.
    fn proof(&self, finding: &Finding) -> Proof {
        let policy = finding.policy.as_ref().map(|policy| &policy.object);
        let manifests = policy
            .and_then(|object| Identity::of(object, object.namespace.clone()))
            .map_or(&[][..], |identity| self.subject.inputs.snapshot.of_identity(&identity));
        let location = manifests.first().map(|entry| entry.location.clone());
        let what = policy
            .map_or_else(|| finding.rule.to_string(), |object| format!("{}/{}", object.kind, object.name));
        Proof { what, says: finding.message.clone(), location }
    }

    /// What layer 2 says of the pod, for each of the labels that its namespace may have.
    fn ask_pod_security(&self, holder: &Value) -> Vec<Said> {
        let policies = self.subject.inputs.policies;
        let configuration = &policies.pod_security;
        let view = PodView::of(holder, lumen_value::Pointer::ROOT);
        let view = PodView { claims: self.pod.claims, ..view };
        let pod = Pod::read(&view, Seen::Pod).in_cluster(policies.cluster_minor);
        let exempt = configuration.exemptions.namespaces.contains(&**self.subject.namespace)
            || configuration.exemptions.runtime_classes.contains(text(view.spec, "runtimeClassName"))
            // Whoever makes the pods; only for a bare pod that is whoever applies the manifest.
            || self.as_controller.user.as_deref().is_some_and(|user| {
                !user.is_empty() && configuration.exemptions.usernames.contains(user)
            });
        self.label_variants()
            .into_iter()
            .map(|variant| {
                let labels = variant.map_or(&Value::Null, |variant| &variant.labels);
                let resolved = Resolved::of_labels(labels, &configuration.defaults);
                let mut said = Said::default();
                if exempt {
                    return said;
                }
                for refusal in pod.evaluate(resolved.policy.enforce).refusals {
                    let proof = of_level(&resolved, resolved.policy.enforce, variant, &refusal.reason);
                    let refused = Refused { proof, policy: None, of: BTreeSet::from([What::MadePod]) };
                    said.refused.insert((refusal.check.id.to_owned(), refusal.detail), refused);
                }
                for wanted in [resolved.policy.warn, resolved.policy.audit] {
                    let refusals = pod.evaluate(wanted).refusals.into_iter();
                    said.warned.extend(refusals.map(|refusal| (refusal.check.id.to_owned(), refusal.detail)));
                }
                // Nobody knows what the labels of a namespace say that is not among the inputs.
                said.failed = variant.is_none() && !configuration.names_enforce;
                said
            })
            .collect()
    }

    /// How whoever deploys the pod gets past Pod Security: what they may choose and the configuration exempts.
    fn pod_security_avoided_by(&self) -> Option<String> {
        let exempt = &self.subject.inputs.policies.pod_security.exemptions.runtime_classes;
        exempt.iter().next().map(|class| format!("with the runtime class `{class}`, which is exempt"))
    }

    fn label_variants(&self) -> Vec<Option<&NamespaceVariant>> {
        match self.subject.inputs.snapshot.namespace_labels(self.subject.namespace).variants() {
            [] => vec![None],
            variants => variants.iter().map(Some).collect(),
        }
    }

    /// The cell of a step for one of the two layers.
    pub(super) fn cell(&mut self, step: &'static Step, layer: Layer, answer: &Answer) -> Cell {
        let before = if layer == Layer::Admission { &self.admission } else { &self.pod_security };
        let mut ways = Vec::new();
        let mut evidence = BTreeSet::new();
        let mut refused_of = BTreeSet::new();
        let mut is_about_some_namespaces = false;
        for way in step.ways {
            let view = PodView::of(&self.harmless, lumen_value::Pointer::ROOT);
            let holder = changed(&view, way.changes);
            let after = if layer == Layer::Admission {
                self.ask_admission(&holder)
            } else {
                self.ask_pod_security(&holder)
            };
            let (state, new) = compare(before, &after);
            let mut avoided_by = None;
            if state == State::Enforced {
                refused_of.insert(new.iter().flat_map(|refused| refused.of.iter().copied()).collect());
                avoided_by = if layer == Layer::Admission {
                    is_about_some_namespaces |= self.is_about_some_namespaces(&new);
                    self.avoided_by(&holder, &new)
                } else {
                    self.pod_security_avoided_by()
                };
            }
            evidence.extend(new.into_iter().map(|refused| refused.proof));
            ways.push(WayResult { title: way.title, state, avoided_by });
        }
        let refused = ways.iter().filter(|way| way.state == State::Enforced).count();
        let (state, effect) = self.of_ways(&ways, layer, answer);
        let mut why = match state {
            State::Enforced if refused < ways.len() => {
                format!("{}; {} of {} ways are refused", answer.why, refused, ways.len())
            }
            State::Enforced => answer.why.to_owned(),
            State::Warned => "It is said and let pass".to_owned(),
            State::Unknown => self.why_unknown(layer),
            State::NotCovered => "A workload that does it is not refused for it".to_owned(),
        };
        let hows: BTreeSet<&str> = ways.iter().filter_map(|way| way.avoided_by.as_deref()).collect();
        if !hows.is_empty() {
            let hows: Vec<&str> = hows.into_iter().collect();
            why = format!("{why}; whoever deploys it can avoid that: {}", hows.join("; "));
        }
        let mut rests_on =
            if state == State::Enforced { self.rests_on(layer, &refused_of) } else { Vec::new() };
        if is_about_some_namespaces && !self.subject.around.deployers_are_known {
            rests_on.push(Assumption::open(format!(
                "Whoever deploys can do so in {} alone: the constraint is not about every namespace, and nothing among the inputs \
                 says who may deploy where",
                self.subject.namespace
            )));
        }
        let cell = Cell::with(layer, state, effect, why);
        let cell = Cell { evidence: evidence.into_iter().collect(), rests_on, ways, ..cell };
        // What the inputs show to be asked of nobody stops nothing.
        let is_void = cell.state == State::Enforced && cell.standing() == super::Standing::Broken;
        if is_void { Cell { state: State::NotCovered, ..cell } } else { cell }
    }

    /// What the ways come to, each with what became of it.
    fn of_ways(&self, ways: &[WayResult], layer: Layer, answer: &Answer) -> (State, Effect) {
        let count = |state: State| ways.iter().filter(|way| way.state == state).count();
        let refused = count(State::Enforced);
        let is_avoidable = ways.iter().any(|way| way.avoided_by.is_some());
        if refused == ways.len() && refused > 0 && !is_avoidable {
            (State::Enforced, answer.effect)
        } else if refused > 0 {
            (State::Enforced, Effect::Limits)
        } else if count(State::Unknown) > 0
            || (layer == Layer::Admission && self.subject.around.others_may_judge)
        {
            (State::Unknown, answer.effect)
        } else if count(State::Warned) > 0 {
            (State::Warned, answer.effect)
        } else {
            (State::NotCovered, answer.effect)
        }
    }

    fn why_unknown(&self, layer: Layer) -> String {
        let namespace = self.subject.namespace;
        match (layer, self.label_variants().as_slice()) {
            (_, [None]) => {
                format!("The namespace {namespace} is not among the inputs, so its labels are not known")
            }
            (_, [_, _, ..]) => format!("The manifests of the namespace {namespace} give different labels"),
            (Layer::Admission, _) if self.subject.around.others_may_judge => {
                "Policies of another engine are among the inputs, and are not evaluated here".to_owned()
            }
            _ => "A policy could not be evaluated".to_owned(),
        }
    }

    /// What the refusals rest on, given what is refused of each way: one of them has to be seen.
    fn rests_on(&self, layer: Layer, refused_of: &BTreeSet<BTreeSet<What>>) -> Vec<Assumption> {
        if layer == Layer::PodSecurity {
            return vec![Assumption::open(
                "The API server's plugin `PodSecurity` is on, as it is by default, and the namespace has these labels in the cluster",
            )];
        }
        let template = field(self.pod.metadata, &["labels"]);
        let of_way = |of: &BTreeSet<What>| {
            let seen = of.iter().rev().map(|what| self.webhook_sees(*what, self.subject.entry, template));
            seen.min_by_key(|found| found.standing)
        };
        let found: BTreeSet<Assumption> = refused_of.iter().filter_map(of_way).collect();
        found.into_iter().collect()
    }

    /// Whether a webhook is asked about the object, or about the pod that is made of it, given the labels of its template.
    fn webhook_sees(&self, what: What, entry: &Entry, template: &Value) -> Assumption {
        let object = &entry.object;
        let plural = format!("{}s", object.kind.to_lowercase());
        let (api_version, resource, labels) = if what == What::Object {
            (&*object.api_version, &*plural, labels(&entry.value))
        } else if self.is_pod() {
            ("v1", "pods", labels(&entry.value))
        } else {
            ("v1", "pods", template)
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let namespace = self.subject.namespace;
        self.subject.around.webhook_sees(&Asked { group, version, resource, namespace, labels })
    }
}

/// The controller that makes the pods of a kind, as a user.
fn controller_of(kind: &str) -> String {
    let name = match kind {
        "Deployment" | "ReplicaSet" => "replicaset-controller",
        "ReplicationController" => "replication-controller",
        "StatefulSet" => "statefulset-controller",
        "DaemonSet" => "daemon-set-controller",
        "Job" | "CronJob" => "job-controller",
        _ => return String::new(),
    };
    format!("system:serviceaccount:kube-system:{name}")
}

/// What a change brought: refusals that were not there before, for all labels that the namespace may have.
fn compare(before: &[Said], after: &[Said]) -> (State, Vec<Refused>) {
    let mut refused = Vec::new();
    let mut states = BTreeSet::new();
    for (number, after) in after.iter().enumerate() {
        let before = before.get(number);
        let new: Vec<&Refused> = after
            .refused
            .iter()
            .filter(|(key, _)| before.is_none_or(|before| !before.refused.contains_key(*key)))
            .map(|(_, refused)| refused)
            .collect();
        let warns = after.warned.iter().any(|key| before.is_none_or(|before| !before.warned.contains(key)));
        states.insert(match (new.is_empty(), after.failed, warns) {
            (false, ..) => State::Enforced,
            (true, true, _) => State::Unknown,
            (true, false, true) => State::Warned,
            (true, false, false) => State::NotCovered,
        });
        refused.extend(new.into_iter().cloned());
    }
    // Where labels decide and are not certain, so is the answer not.
    let state = match states.len() {
        0 => State::NotCovered,
        1 => states.pop_first().unwrap_or(State::Unknown),
        _ => State::Unknown,
    };
    if state == State::Enforced { (state, refused) } else { (state, Vec::new()) }
}

fn of_level(
    resolved: &Resolved,
    wanted: LevelVersion,
    variant: Option<&NamespaceVariant>,
    reason: &str,
) -> Proof {
    let label = |variant: &NamespaceVariant| -> Location {
        variant.entry.locate(&pointer!["metadata", "labels", resolved.enforce_label.unwrap_or(ENFORCE_LABEL)])
    };
    let location = variant.filter(|_| resolved.enforce_label.is_some()).map(label);
    Proof { what: format!("enforce={wanted}"), says: reason.to_owned(), location }
}

/// The template with modest resources for each container that names none.
fn modest(holder: &Value) -> Value {
    let mut holder = holder.clone();
    for list in ["initContainers", "containers"] {
        let Some(items) = field(&holder, &["spec", list]).as_array() else {
            continue;
        };
        let items: Vec<Value> = items
            .iter()
            .map(|container| {
                MODEST.iter().fold(container.clone(), |container, (kind, name, amount)| {
                    if field(&container, &["resources", *kind, *name]).is_null() {
                        put(&container, &pointer!["resources", *kind, *name], Some((*amount).into()))
                    } else {
                        container
                    }
                })
            })
            .collect();
        holder = put(&holder, &pointer!["spec", list], Some(items.into()));
    }
    holder
}

/// The template with an image in every container.
fn with_image(holder: &Value, image: &str) -> Value {
    let own = first_image(field(holder, &["spec"]));
    if own == image {
        return holder.clone();
    }
    let view = PodView::of(holder, lumen_value::Pointer::ROOT);
    let mut spec = view.spec.clone();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        let Some(items) = field(&spec, &[list]).as_array() else {
            continue;
        };
        let items: Vec<Value> =
            items.iter().map(|item| put(item, &pointer!["image"], Some(image.into()))).collect();
        spec = put(&spec, &pointer![list], Some(items.into()));
    }
    put(holder, &pointer!["spec"], Some(spec))
}
