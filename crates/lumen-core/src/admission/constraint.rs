//! [`Constraint`]: a template put to use: on which objects, with which parameters, and with what consequence
//! (frameworks/constraint `pkg/apis/constraints/apis.go`, `pkg/client/crds/crds.go`).

use std::collections::BTreeSet;
use std::sync::Arc;

use lumen_rego::program::Specialised;
use lumen_value::pointer::dotted;
use lumen_value::{Object, Pointer, Value, pointer};

use super::decode::{Cursor, TypeError};
use super::fault::Fault;
use super::matching::{Match, check_selectors};
use super::template::{Template, severity};
use crate::finding::{Action, Layer, PolicyRef, RuleId, Severity};
use crate::object::{field, version_of};
use crate::selector::SelectorError;
use crate::selector::validation::{aggregate, upstream_errors};
use crate::snapshot::Entry;

/// The API group of constraints.
pub const GROUP: &str = "constraints.gatekeeper.sh";

/// How bad a violation is where neither constraint nor template says.
const SEVERITY: Severity = Severity::Medium;

/// A constraint that can be used.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// The manifest.
    pub(super) entry: Arc<Entry>,
    /// Its template, as an index into those of its set.
    pub(super) template: usize,
    pub(super) matching: Match,
    /// The manifest with defaults.
    pub(super) filled: Value,
    /// Its parameters; an empty object where there are none.
    pub(super) parameters: Value,
    /// The template's program for these parameters.
    pub(super) special: Option<Specialised>,
    /// `enforcementAction`, whatever it says.
    action: String,
    /// `scopedEnforcementActions`; looked at only where the action is `scoped`.
    scoped: Vec<Scoped>,
    pub(super) severity: Severity,
    /// `admission/KIND/NAME`.
    pub(super) rule: RuleId,
    pub(super) policy: Arc<PolicyRef>,
    /// What is wrong with it and yet does not keep Gatekeeper from using it where it is.
    pub(super) warnings: Vec<Fault>,
}

/// An action at some enforcement points.
#[derive(Clone, Debug)]
struct Scoped {
    action: String,
    points: Vec<String>,
}

/// What a constraint does about a violation at one enforcement point, in the constraint's own words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Enforcement {
    /// `enforcementAction`: `deny`, `warn`, `dryrun`, `scoped`, or whatever it says.
    pub action: String,
    /// Where it is `scoped`, the actions at the point, sorted; else empty.
    pub scoped: Vec<String>,
}

impl Enforcement {
    /// What is done, in the constraint's words: one action, or the several of the point.
    pub fn words(&self) -> &[String] {
        if self.action == "scoped" { &self.scoped } else { std::slice::from_ref(&self.action) }
    }

    /// The strictest thing that happens. Words that Gatekeeper does not know make it do nothing.
    pub fn strictest(&self) -> Action {
        let known = self.words().iter().map(|word| match word.as_str() {
            "deny" => Action::Deny,
            "warn" => Action::Warn,
            "dryrun" => Action::Dryrun,
            _ => Action::None,
        });
        // Actions are declared from the strictest on.
        known.min().unwrap_or(Action::None)
    }
}

/// Whether an object is a constraint, of whatever kind and version.
pub fn is_constraint(entry: &Entry) -> bool {
    entry.object.group() == GROUP
}

impl Constraint {
    /// Checks a constraint against its template; what is wrong with it, where it cannot be used.
    pub(super) fn compile(
        entry: &Arc<Entry>,
        template: &Template,
        number: usize,
    ) -> Result<Self, Vec<Fault>> {
        check_names(entry, template)?;
        check_selectors(&entry.value).map_err(|error| vec![of_selector(&error, &entry.value)])?;
        check_schema(entry, template)?;
        let value = &template
            .schema
            .with_defaults(&entry.value)
            .map_err(|error| vec![Fault::new(pointer!["spec", "parameters"], error.to_string())])?;
        let spec = Cursor::root(value).inner("spec")?;
        let action = spec.field("enforcementAction")?;
        let action = action.map_or_else(|| Ok("deny".to_owned()), |action| action.string())?;
        let mut scoped = Vec::new();
        for each in spec.list("scopedEnforcementActions")? {
            let points = each.list("enforcementPoints")?;
            let points = points.iter().map(|point| point.text("name")).collect::<Result<_, _>>()?;
            scoped.push(Scoped { action: each.text("action")?, points });
        }
        if action == "scoped" && spec.field("scopedEnforcementActions")?.is_none() {
            let message = "missing required field: spec.scopedEnforcementActions must be defined";
            let at = pointer!["spec", "enforcementAction"];
            return Err(vec![Fault { upstream: Some(message.into()), ..Fault::new(at, message) }]);
        }
        let matching = spec.part("match")?;
        let matching = Match::decode(matching.value)
            .map_err(|error| TypeError { at: matching.at.join(&error.at), ..error })?;
        let parameters = match field(value, &["spec", "parameters"]) {
            Value::Null => Object::default().into(),
            given => given.clone(),
        };
        let severity = severity(entry)?.or(template.severity).unwrap_or(SEVERITY);
        let warnings = check_enforcement(&action, &scoped);
        let object = &entry.object;
        Ok(Self {
            entry: entry.clone(),
            template: number,
            matching,
            filled: value.clone(),
            parameters,
            special: None,
            scoped,
            severity,
            rule: RuleId::new(Layer::Admission, &format!("{}/{}", object.kind, object.name)),
            policy: Arc::new(PolicyRef {
                object: (**object).clone(),
                rule: format!("{}={action}", template.entry.object.name),
            }),
            action,
            warnings,
        })
    }

    /// Its kind.
    pub fn kind(&self) -> &Arc<str> {
        &self.entry.object.kind
    }

    /// Which object of its name it is; `None` where no API server has it.
    pub fn uid(&self) -> Option<&str> {
        self.entry.value.get("metadata")?.get("uid")?.as_str()
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.entry.object.name
    }

    /// What it does at an enforcement point, such as `validation.gatekeeper.sh`; `None` where it does nothing there.
    pub fn at_point(&self, point: &str) -> Option<Enforcement> {
        if self.action != "scoped" {
            return Some(Enforcement { action: self.action.clone(), scoped: Vec::new() });
        }
        let is_here = |scoped: &&Scoped| scoped.points.iter().any(|each| each == "*" || each == point);
        let actions: BTreeSet<&String> =
            self.scoped.iter().filter(is_here).map(|scoped| &scoped.action).collect();
        (!actions.is_empty()).then(|| Enforcement {
            action: self.action.clone(),
            scoped: actions.into_iter().cloned().collect(),
        })
    }
}

/// The actions that Gatekeeper knows, and those that may be scoped.
const ACTIONS: [&str; 4] = ["deny", "dryrun", "warn", "scoped"];
const SCOPED_ACTIONS: &[&str] = &["deny", "dryrun", "warn"];

/// The enforcement points that Gatekeeper knows.
const POINTS: [&str; 5] = [super::WEBHOOK, super::AUDIT, super::GATOR, "vap.k8s.io", "*"];

/// What the webhook asks of the actions (gatekeeper `pkg/util/enforcement_action.go`). A constraint that got past it is
/// used: words that nobody knows do nothing.
fn check_enforcement(action: &str, scoped: &[Scoped]) -> Vec<Fault> {
    let at = pointer!["spec", "enforcementAction"];
    if !action.is_empty() && !ACTIONS.contains(&action) {
        let message = format!(
            "unrecognized enforcementAction: {action:?} is not within the supported list [{}]",
            ACTIONS.join(" ")
        );
        return vec![Fault { upstream: Some(message.clone()), ..Fault::new(at, message) }.usable()];
    }
    if action != "scoped" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    let upstream = unrecognized(scoped);
    for (index, each) in scoped.iter().enumerate() {
        let at = pointer!["spec", "scopedEnforcementActions", index];
        if !SCOPED_ACTIONS.contains(&each.action.as_str()) {
            let message = format!("`{}` is no action: use `deny`, `dryrun` or `warn`", each.action);
            faults.push(Fault::new(at.child("action"), message).usable());
        }
        let unknown = each.points.iter().enumerate().find(|(_, point)| !POINTS.contains(&point.as_str()));
        let at = at.child("enforcementPoints");
        if let Some((index, point)) = unknown {
            let message = format!("`{point}` is no enforcement point: the constraint is not enforced there");
            faults.push(Fault::new(at.child(index).child("name"), message).usable());
        } else if each.points.is_empty() {
            faults.push(Fault::new(at, "there is no enforcement point: nothing is enforced").usable());
        }
    }
    faults.into_iter().map(|fault| Fault { upstream: upstream.clone(), ..fault }).collect()
}

/// What Gatekeeper says of scoped actions, all in one; `None` where nothing is wrong.
fn unrecognized(scoped: &[Scoped]) -> Option<String> {
    let actions: Vec<&str> = scoped
        .iter()
        .map(|each| each.action.as_str())
        .filter(|word| !SCOPED_ACTIONS.contains(word))
        .collect();
    let mut points: Vec<&str> = Vec::new();
    for each in scoped {
        if each.points.is_empty() {
            points.push("");
        }
        points.extend(each.points.iter().map(String::as_str).filter(|point| !POINTS.contains(point)));
    }
    let mut said = Vec::new();
    if !points.is_empty() {
        let known: Vec<&str> = POINTS.into_iter().filter(|point| *point != "*").collect();
        said.push(format!(
            "unrecognized enforcement points: constraint will not be enforced for enforcement points [{}], supported enforcement points are [{}]",
            points.join(" "),
            known.join(" ")
        ));
    }
    if !actions.is_empty() {
        said.push(format!(
            "unrecognized enforcementAction: [{}] is not within the supported list [{}]",
            actions.join(" "),
            SCOPED_ACTIONS.join(" ")
        ));
    }
    (!said.is_empty()).then(|| said.join("\n"))
}

fn invalid(at: Pointer, message: String) -> Vec<Fault> {
    let upstream = Some(format!("invalid Constraint: {message}"));
    vec![Fault { upstream, ..Fault::new(at, message) }]
}

fn check_names(entry: &Entry, template: &Template) -> Result<(), Vec<Fault>> {
    let object = &entry.object;
    let version = version_of(&object.api_version);
    if object.name.is_empty() || object.name.ends_with('*') {
        return Err(invalid(pointer!["metadata", "name"], "missing metadata.name".into()));
    }
    if !is_dns_subdomain(&object.name) {
        let message = format!(
            "invalid name: {:?} is no lowercase RFC 1123 subdomain: it must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            &*object.name
        );
        return Err(invalid(pointer!["metadata", "name"], message));
    }
    if object.kind != template.kind {
        let message = format!(
            "wrong kind {:?} for constraint {:?}; want {:?}",
            &*object.kind, &*object.name, &*template.kind
        );
        return Err(invalid(pointer!["kind"], message));
    }
    if !["v1alpha1", "v1beta1"].contains(&version) {
        let message = format!(
            "unsupported version {version:?} for Constraint {:?}; supported versions: map[v1alpha1:true v1beta1:true]",
            &*object.name
        );
        return Err(invalid(pointer!["apiVersion"], message));
    }
    Ok(())
}

fn is_dns_subdomain(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn check_schema(entry: &Entry, template: &Template) -> Result<(), Vec<Fault>> {
    let faults = template.schema.validate(&entry.value);
    if !faults.is_empty() {
        let fault = |fault: super::schema::Fault| {
            let path = dotted(fault.at.steps());
            let upstream = Some(format!("schema validation failed: [].{path}: {}", fault.message));
            Fault { upstream, ..Fault::new(fault.at, format!("`{path}`: {}", fault.message)) }
        };
        return Err(faults.into_iter().map(fault).collect());
    }
    let unknown = template.schema.unknown_fields(&entry.value);
    if unknown.is_empty() {
        return Ok(());
    }
    let fault = |at: Pointer| {
        let path = dotted(at.steps());
        let message = format!("`{path}` is no field that the template's schema or Gatekeeper knows");
        let upstream = Some(format!("invalid Constraint: unknown fields: [{path}]"));
        Fault { upstream, ..Fault::new(at, message) }
    };
    Err(unknown.into_iter().map(fault).collect())
}

/// What is wrong with a selector. Both are told under one path upstream (`pkg/target/target.go`, `ValidateConstraint`).
fn of_selector(error: &SelectorError, constraint: &Value) -> Fault {
    let at = match error {
        SelectorError::Type { at, .. } if at.is_within(&pointer!["spec"]) => at.clone(),
        _ => pointer!["spec", "match"],
    };
    let said = ["labelSelector", "namespaceSelector"]
        .iter()
        .map(|name| upstream_errors(field(constraint, &["spec", "match", name]), "spec.labelSelector"))
        .find(|errors| !errors.is_empty());
    let said = said.map_or_else(|| error.to_string(), |errors| aggregate(&errors));
    Fault { upstream: Some(format!("invalid Constraint: {said}")), ..Fault::new(at, error.to_string()) }
}
