//! How controls are measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::Value;

use super::super::ask::holders;
use super::super::attack::Effect;
use super::super::layers::{Proof, Row, Standing, State};
use super::super::radius::{HeldBy, HeldKind, Holdings};
use super::super::rbac::{Origin, Place, Rbac};
use super::{Assessment, Condition, Control, Evidence, Measure, PROOFS_MAX, Verdict};
use crate::defaults::Seen;
use crate::finding::Layer;
use crate::object::pod::{Container, ContainerKind, PodView};
use crate::object::{field, text};
use crate::podsecurity::{CHECKS, Level, LevelVersion, Pod, Resolved};
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
    /// What it rests on where it is met.
    condition: Condition,
}

impl Measured {
    fn of(against: Vec<Proof>, met: impl Into<String>) -> Self {
        Self { against, met: met.into(), open: None, condition: Condition::Nothing }
    }
}

impl Measured {
    fn if_enforced(self) -> Self {
        self.under(Condition::Enforced)
    }

    fn if_all_is_shown(self) -> Self {
        self.under(Condition::Shown)
    }

    fn under(self, condition: Condition) -> Self {
        Self { condition: self.condition.max(condition), ..self }
    }

    /// What asks for both.
    fn and(mut self, other: Self) -> Self {
        self.against.extend(other.against);
        if self.met.is_empty() {
            self.met = other.met;
        } else if !other.met.is_empty() {
            self.met = format!("{}; {}", self.met, other.met);
        }
        self.open = self.open.or(other.open);
        self.under(other.condition)
    }
}

pub(super) fn assess(
    control: &'static Control,
    evidence: &Evidence<'_>,
    workloads: &Workloads<'_>,
) -> Assessment {
    let measured = measure(&control.measure, evidence, workloads);
    let count = measured.against.len();
    let condition = measured.condition;
    let (verdict, reason) = match (count, measured.open) {
        (0, Some(reason)) => (Verdict::NotCheckable, reason),
        (0, None) => (Verdict::Met, measured.met),
        (1, _) => (Verdict::NotMet, "1 does not meet it".to_owned()),
        (count, _) => (Verdict::NotMet, format!("{count} do not meet it")),
    };
    let evidence = measured.against.into_iter().take(PROOFS_MAX).collect();
    Assessment { control, verdict, condition, reason, evidence, count }
}

fn measure(measure: &Measure, evidence: &Evidence<'_>, workloads: &Workloads<'_>) -> Measured {
    let none = workloads.each.is_empty().then(|| "No workload is among the inputs".to_owned());
    let of_workloads =
        |against: Vec<Proof>, met: &str| Measured { open: none.clone(), ..Measured::of(against, met) };
    match measure {
        Measure::Elsewhere(reason) => {
            Measured { open: Some((*reason).to_owned()), ..Measured::of(Vec::new(), "") }
        }
        Measure::All(measures) => {
            let each = measures.iter().map(|each| self::measure(each, evidence, workloads));
            each.reduce(Measured::and).unwrap_or_else(|| Measured::of(Vec::new(), ""))
        }
        Measure::Partly(part, rest) => {
            let part = self::measure(part, evidence, workloads);
            let open = part.open.unwrap_or_else(|| format!("{}; {rest}", part.met));
            Measured { open: Some(open), ..Measured::of(part.against, "") }
        }
        Measure::Checks(checks) => of_workloads(
            of_each(workloads, |workload| failed(workload, checks)),
            "Every workload passes the checks; admission alone can keep it so",
        ),
        Measure::NotAdmitted(checks) => {
            let against = of_each(workloads, |workload| failed(workload, checks));
            match workloads.namespaces.iter().find(|name| !is_kept_by_level(evidence, name, checks)) {
                Some(name) => of_workloads(
                    against,
                    &format!("Every workload passes the checks; no level of Pod Security keeps others out of the namespace {name}"),
                )
                .if_all_is_shown(),
                None => of_workloads(
                    against,
                    "Every workload passes the checks, and Pod Security keeps others out, if the plugin is on",
                )
                .if_enforced(),
            }
        }
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
            let met = "Nobody can but by what every cluster gives, by the roles and bindings that were given";
            let measured = Measured::of(against.collect(), met);
            Measured { open: no_rights_shown(evidence), ..measured }.if_all_is_shown()
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
        )
        .if_all_is_shown(),
        Measure::NoSecretsInEnvironment => of_workloads(
            of_each(workloads, |workload| {
                let mut secrets = workload.holdings.of_kind(HeldKind::Secret);
                let found = secrets.find(|held| held.by == HeldBy::Environment);
                found.map(|held| format!("has the Secret `{}` in its environment", held.name))
            }),
            "No workload has a Secret in its environment",
        ),
        Measure::NoClearSecrets => of_workloads(
            of_each(workloads, clear_secret),
            "No environment has a value whose name looks like that of a secret; images were not looked at",
        )
        .if_all_is_shown(),
        Measure::NoSharedAccount => {
            of_workloads(shared_accounts(workloads), "No two workloads share an account")
        }
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

fn failed(workload: &Workload<'_>, checks: &[&str]) -> Option<String> {
    let failed: Vec<&str> = checks.iter().copied().filter(|check| workload.fails.contains(check)).collect();
    (!failed.is_empty()).then(|| format!("fails {}", failed.join(", ")))
}

/// Parts of the names of variables that hold secrets, in capitals.
const SECRET_NAMES: &[&str] = &["PASSWORD", "PASSWD", "TOKEN", "SECRET", "KEY", "CREDENTIAL"];

/// Ends of such names where the value says where the secret is, and is none itself.
const POINTER_NAMES: &[&str] = &["_FILE", "_PATH", "_NAME", "_DIR"];

/// A variable with a value in clear text whose name looks like that of a secret.
fn clear_secret(workload: &Workload<'_>) -> Option<String> {
    let pods = workload.entry.workload()?.pods;
    let containers = pods.iter().flat_map(PodView::containers);
    let mut variables =
        containers.flat_map(|container| container.field("env").as_array().into_iter().flatten());
    let found = variables.find(|variable| {
        let name = text(variable, "name").to_ascii_uppercase();
        !text(variable, "value").is_empty()
            && SECRET_NAMES.iter().any(|part| name.contains(part))
            && !POINTER_NAMES.iter().any(|end| name.ends_with(end))
    })?;
    Some(format!("has a value in clear text in the variable `{}`", text(found, "name")))
}

/// The workloads whose account another one has, too. `default` without a token is no account of a program.
fn shared_accounts(workloads: &Workloads<'_>) -> Vec<Proof> {
    let mut users: BTreeMap<String, usize> = BTreeMap::new();
    let accounts = |workload: &Workload<'_>| -> BTreeSet<String> {
        let accounts = workload.holdings.accounts.iter();
        let own = accounts.filter(|account| &*account.name != "default" || account.token.is_there());
        own.map(ToString::to_string).collect()
    };
    for account in workloads.each.iter().flat_map(accounts) {
        *users.entry(account).or_default() += 1;
    }
    of_each(workloads, |workload| {
        let shared =
            accounts(workload).into_iter().find(|name| users.get(name).is_some_and(|count| *count > 1))?;
        Some(format!("shares {shared} with another workload"))
    })
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
    let rests_on = match worst {
        Standing::Holds => Condition::Nothing,
        Standing::Weak => Condition::Answered,
        Standing::Open | Standing::Broken => Condition::Enforced,
    };
    let met = format!("Every workload is kept from it{condition}");
    Measured { open: unknown, condition: rests_on, ..Measured::of(against, met) }
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
    Measured { open: no_rights_shown(evidence), ..measured }.if_all_is_shown()
}

/// Why nothing can be said of rights: no manifest among the inputs is about them, so those of the cluster are elsewhere.
fn no_rights_shown(evidence: &Evidence<'_>) -> Option<String> {
    (!Rbac::is_given(evidence.snapshot)).then(|| "No role and no binding is among the inputs".to_owned())
}

/// Whether a namespace enforces a level that demands some checks, by each of the labels that it is given.
fn is_kept_by_level(evidence: &Evidence<'_>, name: &str, checks: &[&str]) -> bool {
    let checks = CHECKS.iter().filter(|check| checks.contains(&check.id));
    let wanted = checks.map(|check| check.level).max().unwrap_or(Level::Restricted);
    enforces(evidence, name, wanted)
}

fn enforces(evidence: &Evidence<'_>, name: &str, wanted: Level) -> bool {
    let defaults = &evidence.policies.pod_security.defaults;
    let level = |labels: &Value| Resolved::of_labels(labels, defaults).policy.enforce.level;
    let variants = evidence.snapshot.namespace_labels(name).variants();
    if variants.is_empty() {
        level(&Value::Null) >= wanted
    } else {
        variants.iter().all(|variant| level(&variant.labels) >= wanted)
    }
}

/// Whether pods of a namespace are judged at all: by a level above `privileged`, or by constraints. Labels that disagree
/// have to do so each.
fn is_judged(evidence: &Evidence<'_>, name: &str) -> bool {
    let in_namespace = evidence.rows.iter().filter(|row| &*row.namespace == name);
    let mut cells =
        in_namespace.flat_map(|row| row.steps.iter().filter_map(|step| step.cell(Layer::Admission)));
    enforces(evidence, name, Level::Baseline) || cells.any(|cell| cell.state == State::Enforced)
}
