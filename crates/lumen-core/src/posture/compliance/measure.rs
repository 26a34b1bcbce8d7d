//! How controls are measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use super::super::ask::holders;
use super::super::attack::Effect;
use super::super::layers::{Proof, Row, Standing, State};
use super::super::radius::{HeldBy, HeldKind, Holdings};
use super::super::rbac::{Origin, Place};
use super::{Assessment, Control, Evidence, Measure, PROOFS_MAX, Verdict};
use crate::defaults::Seen;
use crate::finding::Layer;
use crate::object::field;
use crate::object::pod::{Container, ContainerKind, PodView};
use crate::podsecurity::{Level, LevelVersion, Pod, Resolved};
use crate::selector::{FieldNames, Selector};
use crate::snapshot::Entry;

/// What is looked up once of each workload.
pub(super) struct Workloads<'a> {
    each: Vec<Workload<'a>>,
    /// The namespaces that they are in.
    namespaces: BTreeSet<&'a Arc<str>>,
    /// Which namespaces deny by default what comes in, and what goes out.
    denied: BTreeMap<Arc<str>, (bool, bool)>,
}

struct Workload<'a> {
    entry: &'a Arc<Entry>,
    row: &'a Row,
    /// The checks of `restricted` and `baseline` that it fails.
    fails: BTreeSet<&'static str>,
    holdings: &'a Holdings,
}

impl<'a> Workloads<'a> {
    pub(super) fn of(evidence: &Evidence<'a>) -> Self {
        let with_entry = |(row, holdings): (&'a Row, &'a Holdings)| {
            let entry = evidence.snapshot.entries().get(row.number)?;
            let fails = failed_checks(entry);
            Some(Workload { entry, row, fails, holdings })
        };
        let each: Vec<_> = evidence.rows.iter().zip(evidence.holdings).filter_map(with_entry).collect();
        let namespaces = each.iter().map(|workload| &workload.row.namespace).collect();
        Self { each, namespaces, denied: default_denials(evidence) }
    }
}

fn failed_checks(entry: &Entry) -> BTreeSet<&'static str> {
    let mut fails = BTreeSet::new();
    for pod in entry.workload().into_iter().flat_map(|workload| workload.pods) {
        let read = Pod::read(&pod, Seen::Pod);
        for level in [Level::Baseline, Level::Restricted] {
            let refusals = read.evaluate(LevelVersion::latest(level)).refusals;
            fails.extend(refusals.iter().map(|refusal| refusal.check.id));
        }
    }
    fails
}

/// Which namespaces have a policy that selects every pod and allows nothing.
fn default_denials(evidence: &Evidence<'_>) -> BTreeMap<Arc<str>, (bool, bool)> {
    let mut denied: BTreeMap<Arc<str>, (bool, bool)> = BTreeMap::new();
    for entry in evidence.snapshot.of_kind("networking.k8s.io", "NetworkPolicy") {
        let Some(namespace) = &entry.namespace else {
            continue;
        };
        let spec = field(&entry.value, &["spec"]);
        // An absent selector is an empty one, which selects all pods.
        let selects_all = match field(spec, &["podSelector"]) {
            Value::Null => true,
            selector => Selector::of(selector, FieldNames::Exact).is_ok_and(|selector| selector.is_empty()),
        };
        if !selects_all {
            continue;
        }
        let types = field(spec, &["policyTypes"]).as_array();
        let has_type = |name: &str| types.into_iter().flatten().any(|each| each.as_str() == Some(name));
        let has_rules = |name: &str| field(spec, &[name]).as_array().is_some_and(|rules| !rules.is_empty());
        // Without types a policy is about what comes in, and about what goes out where it has rules for that.
        let is_of_ingress = types.is_none_or(lumen_value::Array::is_empty) || has_type("Ingress");
        let found = denied.entry(namespace.clone()).or_default();
        found.0 |= is_of_ingress && !has_rules("ingress");
        found.1 |= has_type("Egress") && !has_rules("egress");
    }
    denied
}

/// What does not meet a control, and what a met one says.
struct Measured {
    against: Vec<Proof>,
    met: String,
    /// Why it cannot be told, where nothing was there to measure or it is not known.
    open: Option<String>,
    /// Whether what is met rests on something that the inputs do not show.
    is_conditional: bool,
    /// Whether that is nothing but that something answers.
    is_weak: bool,
}

impl Measured {
    fn of(against: Vec<Proof>, met: impl Into<String>) -> Self {
        Self { against, met: met.into(), open: None, is_conditional: false, is_weak: false }
    }
}

impl Measured {
    fn if_enforced(self) -> Self {
        Self { is_conditional: true, ..self }
    }
}

pub(super) fn assess(
    control: &'static Control,
    evidence: &Evidence<'_>,
    workloads: &Workloads<'_>,
) -> Assessment {
    let measured = measure(&control.measure, evidence, workloads);
    let count = measured.against.len();
    let is_conditional = measured.is_conditional && count == 0 && measured.open.is_none();
    let is_weak = is_conditional && measured.is_weak;
    let (verdict, reason) = match (count, measured.open) {
        (0, Some(reason)) => (Verdict::NotCheckable, reason),
        (0, None) => (Verdict::Met, measured.met),
        (1, _) => (Verdict::NotMet, "1 does not meet it".to_owned()),
        (count, _) => (Verdict::NotMet, format!("{count} do not meet it")),
    };
    let evidence = measured.against.into_iter().take(PROOFS_MAX).collect();
    Assessment { control, verdict, is_conditional, is_weak, reason, evidence, count }
}

fn measure(measure: &Measure, evidence: &Evidence<'_>, workloads: &Workloads<'_>) -> Measured {
    let none = workloads.each.is_empty().then(|| "No workload is among the inputs".to_owned());
    let of_workloads =
        |against: Vec<Proof>, met: &str| Measured { open: none.clone(), ..Measured::of(against, met) };
    match measure {
        Measure::Elsewhere(reason) => {
            Measured { open: Some((*reason).to_owned()), ..Measured::of(Vec::new(), "") }
        }
        Measure::Checks(checks) => of_workloads(
            of_each(workloads, |workload| {
                let failed: Vec<&str> =
                    checks.iter().copied().filter(|check| workload.fails.contains(check)).collect();
                (!failed.is_empty()).then(|| format!("fails {}", failed.join(", ")))
            }),
            "Every workload passes the checks; admission alone can keep it so",
        ),
        Measure::Stopped(step) => {
            stopped(workloads, step, &[Layer::Admission, Layer::PodSecurity], &[Effect::Stops], none)
        }
        Measure::Contained(step) => {
            stopped(workloads, step, &[Layer::Network], &[Effect::Stops, Effect::Limits], none)
        }
        Measure::NobodyMay(asks) => {
            let found = holders(evidence.rbac, asks, &[], Place::Anywhere);
            let against = found.into_iter().filter(|holder| !holder.grant.is_default()).map(|holder| Proof {
                what: holder.grant.subject.to_string(),
                says: format!("can {} by {}", holder.can.join(", "), holder.grant.binding),
                location: holder.grant.binding.origin.location().cloned(),
            });
            let measured = Measured::of(against.collect(), "Nobody can but by what every cluster gives");
            Measured { open: no_rights_shown(evidence), ..measured }
        }
        Measure::NoWildcards => wildcards(evidence),
        Measure::NoDefaultAccount => of_workloads(
            of_each(workloads, |workload| {
                let mut accounts = workload.holdings.accounts.iter();
                let used = accounts.any(|account| &*account.name == "default" && account.token.is_there());
                used.then(|| "runs as `default`, with its token".to_owned())
            }),
            "No workload holds the token of an account `default`",
        ),
        // Where no rights are shown at all, it is not known which account has none.
        Measure::NoIdleTokens if no_rights_shown(evidence).is_some() => {
            Measured { open: no_rights_shown(evidence), ..Measured::of(Vec::new(), "") }
        }
        Measure::NoIdleTokens => of_workloads(
            of_each(workloads, |workload| {
                let idle = workload.holdings.accounts.iter().find(|account| {
                    account.token.is_there() && evidence.rbac.rights(&account.user()).own().is_empty()
                });
                idle.map(|account| format!("holds a token of {account}, which has no rights of its own"))
            }),
            "Every mounted token is of an account that was given rights",
        ),
        Measure::NoSecretsInEnvironment => of_workloads(
            of_each(workloads, |workload| {
                let mut secrets = workload.holdings.of_kind(HeldKind::Secret);
                let found = secrets.find(|held| held.by == HeldBy::Environment);
                found.map(|held| format!("has the Secret `{}` in its environment", held.name))
            }),
            "No workload has a Secret in its environment",
        ),
        Measure::NoDefaultNamespace => of_workloads(
            of_each(workloads, |workload| {
                (&*workload.row.namespace == "default").then(|| "is in the namespace `default`".to_owned())
            }),
            "No workload is in the namespace `default`",
        ),
        Measure::ReadOnlyRoot => of_workloads(
            of_containers(workloads, "writes to its root file system", |container| {
                field(container.value, &["securityContext", "readOnlyRootFilesystem"]).as_bool() == Some(true)
            }),
            "Every container has a read-only root file system",
        ),
        Measure::Limits => of_workloads(
            of_containers(workloads, "has no limit of CPU or memory", |container| {
                ["cpu", "memory"]
                    .iter()
                    .all(|name| !field(container.value, &["resources", "limits", *name]).is_null())
            }),
            "Every container has limits",
        ),
        Measure::DefaultDeny { egress } => of_workloads(
            of_namespaces(workloads, |name| {
                let (ingress, out) = workloads.denied.get(name).copied().unwrap_or_default();
                (!(ingress && (out || !egress))).then(|| "has no policy that denies by default".to_owned())
            }),
            "Every namespace with workloads denies by default, if the cluster's network enforces it",
        )
        .if_enforced(),
        Measure::SomeAdmission => of_workloads(
            of_namespaces(workloads, |name| {
                (!is_judged(evidence, name))
                    .then(|| "is judged by no constraint and no Pod Security label".to_owned())
            }),
            "Every namespace with workloads is judged, if the webhook asks and the plugin is on",
        )
        .if_enforced(),
        Measure::RuntimeRules => {
            let open = evidence.runtime.is_empty().then(|| "No runtime rules were given".to_owned());
            let measured = Measured::of(Vec::new(), "Rules were given, if something evaluates them");
            Measured { open, ..measured }.if_enforced()
        }
        Measure::Signatures => signatures(workloads),
    }
}

/// Where policies demand signatures they are not evaluated yet; where none does, none is checked.
fn signatures(workloads: &Workloads<'_>) -> Measured {
    let mut cells = workloads
        .each
        .iter()
        .filter_map(|workload| workload.row.step("run-own-image")?.cell(Layer::SupplyChain));
    let is_known = cells.any(|cell| cell.state == State::Unknown);
    let reason = if is_known {
        "Policies demand signatures; what they let pass is not evaluated here"
    } else {
        "No policy among the inputs demands signatures; another place may"
    };
    Measured { open: Some(reason.to_owned()), ..Measured::of(Vec::new(), "") }
}

fn of_each(workloads: &Workloads<'_>, against: impl Fn(&Workload<'_>) -> Option<String>) -> Vec<Proof> {
    let proof = |workload: &Workload<'_>| {
        let says = against(workload)?;
        let what = workload.entry.object.to_string();
        Some(Proof { what, says, location: Some(workload.entry.location.clone()) })
    };
    workloads.each.iter().filter_map(proof).collect()
}

fn of_containers(
    workloads: &Workloads<'_>,
    says: &str,
    is_right: impl Fn(&Container<'_>) -> bool,
) -> Vec<Proof> {
    of_each(workloads, |workload| {
        let pods = workload.entry.workload()?.pods;
        let mut containers = pods.iter().flat_map(PodView::containers);
        let wrong = containers
            .find(|container| container.kind != ContainerKind::Ephemeral && !is_right(container))?;
        Some(format!("{} `{}` {says}", wrong.kind, wrong.name()))
    })
}

fn of_namespaces(workloads: &Workloads<'_>, against: impl Fn(&str) -> Option<String>) -> Vec<Proof> {
    let proof = |name: &&Arc<str>| {
        let says = against(name)?;
        Some(Proof { what: format!("Namespace/{name}"), says, location: None })
    };
    workloads.namespaces.iter().filter_map(proof).collect()
}

/// Whether one of some layers has one of some effects on a step, for every workload.
fn stopped(
    workloads: &Workloads<'_>,
    step: &str,
    layers: &[Layer],
    effects: &[Effect],
    none: Option<String>,
) -> Measured {
    let cells = |workload: &Workload<'_>| -> Vec<(State, bool, Standing)> {
        let step = workload.row.step(step);
        let of_layers = layers.iter().filter_map(|layer| step?.cell(*layer));
        of_layers
            .map(|cell| (cell.state, effects.iter().any(|effect| cell.has_effect(*effect)), cell.standing()))
            .collect()
    };
    let mut unknown = none;
    let mut worst = Standing::Holds;
    let mut against = Vec::new();
    for workload in &workloads.each {
        let cells = cells(workload);
        match cells.iter().filter(|(_, has_effect, _)| *has_effect).map(|(.., standing)| *standing).min() {
            Some(standing) => worst = worst.max(standing),
            None if cells.iter().any(|(state, ..)| *state == State::Unknown) => {
                unknown = Some(format!("It is not known of {}", workload.entry.object));
            }
            None => against.push(Proof {
                what: workload.entry.object.to_string(),
                says: "is not kept from it".to_owned(),
                location: Some(workload.entry.location.clone()),
            }),
        }
    }
    let condition = match worst {
        Standing::Holds => "",
        Standing::Weak => ", while the webhook answers",
        Standing::Open | Standing::Broken => ", if it is enforced",
    };
    let (is_conditional, is_weak) = (worst > Standing::Holds, worst == Standing::Weak);
    let met = format!("Every workload is kept from it{condition}");
    Measured { open: unknown, is_conditional, is_weak, ..Measured::of(against, met) }
}

fn wildcards(evidence: &Evidence<'_>) -> Measured {
    let roles = evidence.rbac.roles().iter().filter(|role| role.origin != Origin::Default);
    let has_star = |words: &[Arc<str>]| words.iter().any(|word| &**word == "*");
    let against = roles
        .filter(|role| {
            role.rules
                .iter()
                .any(|rule| has_star(&rule.verbs) || has_star(&rule.resources) || has_star(&rule.api_groups))
        })
        .map(|role| {
            let (kind, namespace) = match &role.namespace {
                Some(namespace) => ("Role", format!("{namespace}/")),
                None => ("ClusterRole", String::new()),
            };
            Proof {
                what: format!("{namespace}{kind}/{}", role.name),
                says: "has a rule with `*`".to_owned(),
                location: role.origin.location().cloned(),
            }
        });
    let measured = Measured::of(against.collect(), "No role among the inputs has a wildcard");
    Measured { open: no_rights_shown(evidence), ..measured }
}

/// Why nothing can be said of rights: no manifest among the inputs is about them, so those of the cluster are elsewhere.
fn no_rights_shown(evidence: &Evidence<'_>) -> Option<String> {
    let is_there = |kind: &&str| !evidence.snapshot.of_kind("rbac.authorization.k8s.io", kind).is_empty();
    let shown = ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"].iter().any(is_there);
    (!shown).then(|| "No role and no binding is among the inputs".to_owned())
}

/// Whether pods of a namespace are judged at all: by a level above `privileged`, or by constraints. Labels that disagree
/// have to do so each.
fn is_judged(evidence: &Evidence<'_>, name: &str) -> bool {
    let defaults = &evidence.policies.pod_security.defaults;
    let level = |labels: &Value| Resolved::of_labels(labels, defaults).policy.enforce.level;
    let variants = evidence.snapshot.namespace_labels(name).variants();
    let by_level = if variants.is_empty() {
        level(&Value::Null) > Level::Privileged
    } else {
        variants.iter().all(|variant| level(&variant.labels) > Level::Privileged)
    };
    let in_namespace = evidence.rows.iter().filter(|row| &*row.namespace == name);
    let mut cells =
        in_namespace.flat_map(|row| row.steps.iter().filter_map(|step| step.cell(Layer::Admission)));
    by_level || cells.any(|cell| cell.state == State::Enforced)
}
