//! [`Mutator`]: one manifest that says how objects are changed (gatekeeper `pkg/mutation/mutators`).

use std::collections::BTreeSet;
use std::sync::Arc;

use lumen_value::{Pointer, Value, pointer};

use super::super::decode::Cursor;
use super::super::fault::Fault;
use super::super::matching::{Match, Subject};
use super::super::storing::NAME_BYTES_MAX;
use super::apply::Walk;
use super::condition::{Condition, Conditions};
use super::conflict::Shape;
use super::image::ImageParts;
use super::location::{Location, Node, Which};
use super::number::{self, Kind, weight};
use super::set::Setter;
use super::{Fuel, MutationFault};
use crate::object::{field, text};
use crate::snapshot::Entry;

/// Most words in `applyTo`: which mutators meet is looked for among all pairs of them.
const APPLIES_TO_MAX: usize = 200;

/// Most conditions.
const CONDITIONS_MAX: usize = 200;

/// A mutator that can be used.
#[derive(Clone, Debug)]
pub(super) struct Mutator {
    /// Its manifest.
    pub(super) entry: Arc<Entry>,
    /// `None` where it is about all kinds and all operations.
    pub(super) applies_to: Option<Vec<AppliesTo>>,
    matching: Match,
    /// About how much work `matching` is.
    matching_weight: u64,
    pub(super) location: Location,
    conditions: Conditions,
    effect: Effect,
    /// Whether nothing may lead further than its location.
    pub(super) is_end: bool,
}

/// Kinds, and what is done with them. Of each list one word has to fit; there are no globs.
#[derive(Clone, Debug)]
pub(super) struct AppliesTo {
    pub(super) groups: BTreeSet<String>,
    pub(super) versions: BTreeSet<String>,
    pub(super) kinds: BTreeSet<String>,
    pub(super) on_create: bool,
    pub(super) on_update: bool,
}

/// What a mutator does.
#[derive(Clone, Debug)]
enum Effect {
    /// `Assign`, `AssignMetadata`.
    Assign(Assigned),
    /// `ModifySet`.
    ModifySet { operation: String, values: Vec<Value>, weight: u64 },
    /// `AssignImage`.
    Image(ImageParts),
}

/// What is assigned.
#[derive(Clone, Debug)]
enum Assigned {
    /// A value, and its weight.
    Value(Value, u64),
    /// The object's name.
    Name,
    /// The object's namespace.
    Namespace,
    /// What a provider says.
    External(String),
}

impl AppliesTo {
    fn is_about(&self, [group, version, kind]: [&str; 3], operation: &str) -> bool {
        let does = match operation {
            "" => self.on_create && self.on_update,
            "CREATE" => self.on_create,
            "UPDATE" => self.on_update,
            _ => false,
        };
        does && self.groups.contains(group) && self.versions.contains(version) && self.kinds.contains(kind)
    }
}

impl Mutator {
    /// Reads a mutator; what is wrong with it, where it cannot be used.
    pub(super) fn compile(entry: &Arc<Entry>) -> Result<Self, Vec<Fault>> {
        let spec = Cursor::exact(&entry.value).inner("spec")?;
        let parameters = spec.inner("parameters")?;
        let kind = &*entry.object.kind;
        // All types first: a manifest that cannot be decoded is refused whatever else it says.
        let written = spec.text("location")?;
        let matching = spec.part("match")?;
        let match_value = matching.value;
        let matching = Match::read(&matching)?;
        let applies_to = if kind == "AssignMetadata" { None } else { Some(applies_to(&spec)?) };
        let tests = if kind == "AssignMetadata" { Vec::new() } else { written_tests(&parameters)? };
        let effect = match kind {
            "AssignImage" => Effect::Image(ImageParts {
                domain: parameters.text("assignDomain")?,
                path: parameters.text("assignPath")?,
                tag: parameters.text("assignTag")?,
            }),
            "ModifySet" => modify_set(&parameters)?,
            _ => Effect::Assign(Assigned::decode(&parameters, kind)?),
        };
        if entry.object.name.len() > NAME_BYTES_MAX {
            let message = format!("the name is longer than {NAME_BYTES_MAX} letters");
            return Err(refused(pointer!["metadata", "name"], message));
        }
        let at = pointer!["spec", "location"];
        let location = Location::parse(&written).map_err(|error| refused(at.clone(), error.to_string()))?;
        check_location(&location, kind, &effect).map_err(|message| refused(at, message))?;
        if let Effect::Image(parts) = &effect {
            parts.check().map_err(|error| refused(pointer!["spec", "parameters"], error.to_string()))?;
        }
        let conditions = if kind == "AssignMetadata" {
            Conditions::new(&location, &[(location.clone(), Condition::MustNotExist)])
                .map_err(|(_, error)| refused(pointer!["spec", "location"], error.to_string()))?
        } else {
            conditions(&location, &tests)?
        };
        if let Some(applies_to) = &applies_to {
            check_applies_to(applies_to)?;
        }
        let is_end = match &effect {
            Effect::Assign(Assigned::External(_)) | Effect::Image(_) => true,
            Effect::Assign(_) | Effect::ModifySet { .. } => false,
        };
        let applies_to = applies_to.map(|each| each.into_iter().map(|(applies_to, _)| applies_to).collect());
        let matching_weight = weight(match_value);
        let entry = entry.clone();
        Ok(Self { entry, applies_to, matching, matching_weight, location, conditions, effect, is_end })
    }

    /// What the API server refuses, and Gatekeeper alone would notice when it is too late.
    pub(super) fn check_served(&self) -> Result<(), Vec<Fault>> {
        match &self.effect {
            Effect::ModifySet { operation, .. } if !matches!(operation.as_str(), "merge" | "prune") => {
                let at = pointer!["spec", "parameters", "operation"];
                Err(refused(at, "`operation` must be `merge` or `prune`"))
            }
            _ => Ok(()),
        }
    }

    /// What mutators are ordered by, and replaced by.
    pub(super) fn id(&self) -> (&str, &str, &str) {
        let metadata = field(&self.entry.value, &["metadata"]);
        (&self.entry.object.kind, text(metadata, "namespace"), &self.entry.object.name)
    }

    /// What it says about the value at the end of its location.
    pub(super) fn last_shape(&self) -> Shape {
        match self.effect {
            Effect::Assign(_) => Shape::Unknown,
            Effect::ModifySet { .. } => Shape::Set,
            Effect::Image(_) => Shape::Text,
        }
    }

    /// The object as it is afterwards; `None` where the mutator is not about it, or does nothing.
    pub(super) fn mutate(
        &self,
        subject: &Subject<'_>,
        operation: &str,
        fuel: &mut Fuel,
    ) -> Result<Option<Value>, MutationFault> {
        let object = subject.object;
        if let Some(applies_to) = &self.applies_to {
            let own = super::group_version_kind(object);
            fuel.burn_for(applies_to.len())?;
            if !applies_to.iter().any(|applies_to| applies_to.is_about(own, operation)) {
                return Ok(None);
            }
        }
        fuel.burn(self.matching_weight)?;
        if !self.matching.matches(subject)? {
            return Ok(None);
        }
        let metadata = |name| text(field(object, &["metadata"]), name);
        let setter = match &self.effect {
            Effect::Assign(Assigned::Value(value, weight)) => Setter::Value(value, *weight),
            Effect::Assign(Assigned::Name) => Setter::Text(metadata("name")),
            Effect::Assign(Assigned::Namespace) => Setter::Text(metadata("namespace")),
            Effect::Assign(Assigned::External(provider)) => Setter::External(provider),
            Effect::ModifySet { operation, values, weight } => match operation.as_str() {
                "merge" => Setter::Merge(values, *weight),
                "prune" => Setter::Prune(values, *weight),
                other => Setter::Neither(other),
            },
            Effect::Image(parts) => Setter::Image(parts),
        };
        let walk = Walk { location: &self.location, conditions: &self.conditions, setter: &setter };
        walk.run(object, fuel)
    }

    /// Whether it waits for what a provider says.
    pub(super) const fn is_external(&self) -> bool {
        matches!(self.effect, Effect::Assign(Assigned::External(_)))
    }

    /// Whether numbers that it assigns may have another text than Go prints.
    pub(super) const fn assigns_values(&self) -> bool {
        matches!(self.effect, Effect::Assign(Assigned::Value(..)) | Effect::ModifySet { .. })
    }
}

/// A mutator with what the API server fills in: `ModifySet` merges where it does not say what it does.
pub(super) fn served(entry: &Arc<Entry>) -> Arc<Entry> {
    let inner = |value: &Value, name: &str| value.get(name).and_then(Value::as_object).cloned();
    let spec = inner(&entry.value, "spec");
    let parameters = spec.clone().and_then(|spec| inner(&spec.into(), "parameters"));
    match (entry.value.as_object(), spec, parameters) {
        (Some(manifest), Some(spec), Some(parameters))
            if &*entry.object.kind == "ModifySet"
                && parameters.get("operation").is_none_or(Value::is_null) =>
        {
            let spec = spec.with("parameters", parameters.with("operation", "merge"));
            Arc::new(Entry { value: manifest.with("spec", spec).into(), ..Entry::clone(entry) })
        }
        _ => entry.clone(),
    }
}

fn refused(at: Pointer, message: impl Into<String>) -> Vec<Fault> {
    vec![Fault::new(at, message)]
}

/// What a location may not be, by the kind of the mutator.
fn check_location(location: &Location, kind: &str, effect: &Effect) -> Result<(), String> {
    let last = location.last();
    if kind == "AssignMetadata" {
        let is_field =
            |node: &Node, names: &[&str]| matches!(node, Node::Field(name) if names.contains(&name.as_str()));
        return match location.nodes() {
            [metadata, labels, Node::Field(_)]
                if is_field(metadata, &["metadata"]) && is_field(labels, &["labels", "annotations"]) =>
            {
                Ok(())
            }
            _ => Err("AssignMetadata sets a label or an annotation: `metadata.labels.NAME` or `metadata.annotations.NAME`".into()),
        };
    }
    if location.is_of_metadata() {
        return Err(format!("{kind} cannot change metadata"));
    }
    let ends_at_list = matches!(last, Some(Node::List { .. }));
    if kind != "Assign" {
        if ends_at_list {
            return Err(format!("{kind} cannot set an element of a list: the location must end at a field"));
        }
        if kind == "ModifySet" {
            return Ok(());
        }
    }
    match location.nodes() {
        [] => return Err("the location is empty".to_owned()),
        [.., Node::List { key, .. }, Node::Field(name)] if key == name => {
            return Err(format!("the key `{key}` of an element cannot be changed"));
        }
        _ => {}
    }
    match (last, effect) {
        (Some(Node::List { key, which }), Effect::Assign(assigned)) => check_element(key, which, assigned),
        _ => Ok(()),
    }
}

/// What may be assigned to an element of a list.
fn check_element(key: &str, which: &Which, assigned: &Assigned) -> Result<(), String> {
    let Assigned::Value(value, _) = assigned else {
        return Err("an element of a list must be an object that is given as `value`".to_owned());
    };
    let Value::Object(fields) = value else {
        return Err("only an object can be an element of a list that a key tells apart".to_owned());
    };
    let has = |fits: bool| {
        if fits { Ok(()) } else { Err(format!("the object to assign has another `{key}` than the location")) }
    };
    match (which, fields.get(key)) {
        (Which::All, _) => Err("a location that ends at a list cannot have `*` there".to_owned()),
        (Which::Text(wanted), Some(Value::String(text))) => has(*text == *wanted.as_str()),
        // Numbers that are assigned are floats, which no integer is.
        (Which::Integer(wanted), Some(Value::Number(number))) => {
            has(Kind::of(number) == Kind::Integer(*wanted)).map_err(|error| {
                format!("{error}: Gatekeeper assigns floats, so no element can be added under an integer")
            })
        }
        _ => has(false),
    }
}

impl Assigned {
    fn decode(parameters: &Cursor<'_>, kind: &str) -> Result<Self, Vec<Fault>> {
        let assign = parameters.inner("assign")?;
        let value = assign.field("value")?;
        let from_metadata = assign.field("fromMetadata")?;
        let external = assign.field("externalData")?;
        let metadata_field =
            from_metadata.as_ref().map(|found| found.object().and(found.text("field"))).transpose()?;
        let external_words = external
            .as_ref()
            .map(|found| {
                found.object()?;
                let text = |name| found.text(name);
                Ok([text("provider")?, text("dataSource")?, text("failurePolicy")?, text("default")?])
            })
            .transpose()
            .map_err(|error: super::super::decode::TypeError| Vec::from(error))?;
        let at = assign.at.clone();
        match (value, metadata_field, external_words) {
            (Some(found), None, None) => {
                if kind == "AssignMetadata" && !matches!(found.value, Value::String(_)) {
                    return Err(refused(found.at, "AssignMetadata assigns texts alone"));
                }
                let Some(value) = number::map(found.value, number::to_float) else {
                    return Err(refused(found.at, "it has a number that no float can hold"));
                };
                let weight = weight(&value);
                Ok(Self::Value(value, weight))
            }
            (None, Some(word), None) => match word.as_str() {
                "name" => Ok(Self::Name),
                "namespace" => Ok(Self::Namespace),
                _ => Err(refused(at.child("fromMetadata"), "`field` must be `name` or `namespace`")),
            },
            (None, None, Some([provider, source, policy, default])) => {
                let at = at.child("externalData");
                if policy == "UseDefault" && default.is_empty() {
                    return Err(refused(at, "with `failurePolicy: UseDefault` there must be a `default`"));
                }
                if kind == "AssignMetadata" && source != "Username" {
                    return Err(refused(at, "AssignMetadata takes `dataSource: Username` alone"));
                }
                Ok(Self::External(provider))
            }
            (None, None, None) => {
                Err(refused(at, "one of `value`, `fromMetadata` and `externalData` must be set"))
            }
            _ => Err(refused(at, "only one of `value`, `fromMetadata` and `externalData` may be set")),
        }
    }
}

fn modify_set(parameters: &Cursor<'_>) -> Result<Effect, Vec<Fault>> {
    let values: Vec<Value> =
        parameters.inner("values")?.list("fromList")?.iter().map(|cursor| cursor.value.clone()).collect();
    let weight = values.iter().map(weight).fold(0, u64::saturating_add);
    Ok(Effect::ModifySet { operation: parameters.text("operation")?, values, weight })
}

/// `applyTo`, each entry with the operations as they are written.
fn applies_to(spec: &Cursor<'_>) -> Result<Vec<(AppliesTo, Vec<String>)>, Vec<Fault>> {
    let mut all = Vec::new();
    let mut words = 0;
    for each in spec.list("applyTo")? {
        let lists = [each.texts("groups")?, each.texts("versions")?, each.texts("kinds")?];
        let operations = each.texts("operations")?;
        words += lists.iter().map(Vec::len).sum::<usize>() + operations.len() + 1;
        if words > APPLIES_TO_MAX {
            return Err(refused(each.at, format!("`applyTo` has more than {APPLIES_TO_MAX} words")));
        }
        let [groups, versions, kinds] = lists.map(|list| list.into_iter().collect());
        let does =
            |word: &str| operations.is_empty() || operations.iter().any(|each| each == "*" || each == word);
        let (on_create, on_update) = (does("CREATE"), does("UPDATE"));
        all.push((AppliesTo { groups, versions, kinds, on_create, on_update }, operations));
    }
    Ok(all)
}

fn check_applies_to(all: &[(AppliesTo, Vec<String>)]) -> Result<(), Vec<Fault>> {
    let at = |number: usize| pointer!["spec", "applyTo"].child(number);
    for (number, (applies_to, _)) in all.iter().enumerate() {
        if [&applies_to.groups, &applies_to.versions, &applies_to.kinds].iter().any(|list| list.is_empty()) {
            return Err(refused(at(number), "`groups`, `versions` and `kinds` must all be given"));
        }
    }
    for (number, (_, operations)) in all.iter().enumerate() {
        let at = at(number).child("operations");
        if operations.iter().any(|word| !matches!(word.as_str(), "CREATE" | "UPDATE" | "*")) {
            return Err(refused(at, "an operation must be `CREATE`, `UPDATE` or `*`"));
        }
        if operations.iter().collect::<BTreeSet<_>>().len() < operations.len() {
            return Err(refused(at, "an operation is given twice"));
        }
        if operations.len() > 1 && operations.iter().any(|word| word == "*") {
            return Err(refused(at, "`*` must stand alone"));
        }
    }
    if all.is_empty() {
        return Err(refused(pointer!["spec", "applyTo"], "`applyTo` must say which kinds are mutated"));
    }
    Ok(())
}

/// The conditions as they are written: path, condition.
fn written_tests(parameters: &Cursor<'_>) -> Result<Vec<(String, String)>, Vec<Fault>> {
    let tests = parameters.list("pathTests")?;
    if let Some(test) = tests.get(CONDITIONS_MAX) {
        return Err(refused(test.at.clone(), format!("there are more than {CONDITIONS_MAX} conditions")));
    }
    let test = |test: &Cursor<'_>| Ok((test.text("subPath")?, test.text("condition")?));
    tests.iter().map(test).collect::<Result<_, super::super::decode::TypeError>>().map_err(Into::into)
}

fn conditions(location: &Location, written: &[(String, String)]) -> Result<Conditions, Vec<Fault>> {
    let at = |number: usize| pointer!["spec", "parameters", "pathTests"].child(number);
    let mut tests = Vec::new();
    for (number, (path, condition)) in written.iter().enumerate() {
        let path =
            Location::parse(path).map_err(|error| refused(at(number).child("subPath"), error.to_string()))?;
        tests.push((path, Condition::of(condition)));
    }
    Conditions::new(location, &tests).map_err(|(number, error)| refused(at(number), error.to_string()))
}
