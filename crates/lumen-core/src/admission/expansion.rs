//! [`Expansions`]: what generators such as a Deployment will make, so that it is judged before it is made
//! (gatekeeper `pkg/expansion`). Mutators are applied to what is made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_value::{Object, Pointer, Value, pointer};

use super::decode::{Cursor, TypeError};
use super::fault::Fault;
use super::matching::{Source, Subject};
use super::mutation::{MutationError, Mutators};
use crate::object::{field, text, version_of};
use crate::snapshot::Entry;

/// The API group of expansion templates.
pub const GROUP: &str = "expansion.gatekeeper.sh";

/// How often what was made may make something itself, as upstream bounds it.
const DEPTH_MAX: usize = 30;

/// Most objects that one generator may make. Templates that fork at each step would double them.
const RESULTANTS_MAX: usize = 1_000;

/// Most expansion templates of one set: who makes whose generators is looked for among all pairs.
const TEMPLATES_MAX: usize = 500;

/// Group, version and kind.
type GroupVersionKind = (String, String, String);

/// An `ExpansionTemplate`.
#[derive(Clone, Debug)]
struct Expansion {
    name: Arc<str>,
    /// Of what it is about, group, version and kind each have to be listed.
    applies_to: Vec<[Vec<String>; 3]>,
    /// The way to the field that what is made is made of.
    source: String,
    generated: GroupVersionKind,
    /// Takes the place of the constraint's action, where it says something.
    action: String,
    /// It makes, over others, what it is about: it is set aside.
    is_in_cycle: bool,
}

/// The expansion templates of a policy set, by name.
#[derive(Clone, Debug, Default)]
pub struct Expansions(Vec<Expansion>);

/// An object that would be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resultant {
    /// Its manifest.
    pub object: Value,
    /// The name of the template.
    pub template: Arc<str>,
    /// What takes the place of `enforcementAction`; empty where nothing does.
    pub action: String,
}

/// Why it is not known what would be made. As upstream, the request fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpansionError {
    /// The generator has no such field.
    #[error("could not find source field \"{path}\" in resource {name}")]
    NoSource {
        /// The way to the field.
        path: String,
        /// The generator's name.
        name: String,
    },
    /// The field is no object.
    #[error("could not extract source field \"{path}\": it is a value of type {found}, not an object")]
    Type {
        /// The way to the field.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// What is made makes more, and so on.
    #[error("maximum recursion depth of {DEPTH_MAX} reached")]
    TooDeep,
    /// What is made cannot be mutated.
    #[error("failed to mutate resultant resource {name}: {error}")]
    Mutation {
        /// The name of what is made.
        name: String,
        /// Why.
        error: MutationError,
    },
    /// There is no end of what is made.
    #[error("more than {RESULTANTS_MAX} objects would be made of one")]
    TooMany,
}

/// Whether an object is an expansion template.
pub fn is_expansion(entry: &Entry) -> bool {
    entry.object.group() == GROUP && &*entry.object.kind == "ExpansionTemplate"
}

impl Expansions {
    /// Adds a template; what is wrong with it, where it cannot be used.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Vec<Fault>> {
        let expansion = Expansion::decode(entry)?;
        expansion.check()?;
        if self.0.len() >= TEMPLATES_MAX {
            let message =
                format!("there are more than {TEMPLATES_MAX} ExpansionTemplates: this one is not used");
            return Err(vec![Fault::new(Pointer::ROOT, message)]);
        }
        self.0.retain(|other| other.name != expansion.name);
        self.0.push(expansion);
        self.0.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(())
    }

    /// Finds the templates that make what they are about, and gives their names.
    pub(super) fn set_cycles_aside(&mut self) -> BTreeSet<Arc<str>> {
        // Who makes what whom is about; then those that reach themselves.
        let next: Vec<Vec<usize>> = self
            .0
            .iter()
            .map(|from| (0..self.0.len()).filter(|to| self.makes_for(from, *to)).collect())
            .collect();
        let mut cycles = BTreeSet::new();
        for (start, expansion) in self.0.iter_mut().enumerate() {
            let mut seen = BTreeSet::new();
            let mut pending = next.get(start).cloned().unwrap_or_default();
            while let Some(number) = pending.pop() {
                if seen.insert(number) {
                    pending.extend(next.get(number).into_iter().flatten());
                }
            }
            expansion.is_in_cycle = seen.contains(&start);
            if expansion.is_in_cycle {
                cycles.insert(expansion.name.clone());
            }
        }
        cycles
    }

    fn makes_for(&self, from: &Expansion, to: usize) -> bool {
        self.0.get(to).is_some_and(|to| to.is_about(&from.generated))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds of those that make others.
    pub(super) fn generator_kinds(&self) -> impl Iterator<Item = &str> {
        let kinds = self.0.iter().flat_map(|expansion| &expansion.applies_to).flat_map(|[_, _, kinds]| kinds);
        kinds.map(String::as_str)
    }

    /// Whether objects of a kind make something.
    pub(super) fn is_about_kind(&self, group: &str, version: &str, kind: &str) -> bool {
        let own = (group.to_owned(), version.to_owned(), kind.to_owned());
        self.0.iter().any(|expansion| !expansion.is_in_cycle && expansion.is_about(&own))
    }

    /// What an object would make, and what that would make. The namespace is the one that they are in.
    pub fn expand(
        &self,
        object: &Value,
        namespace: Option<&Value>,
        mutators: &Mutators,
    ) -> Result<Vec<Resultant>, ExpansionError> {
        let mut resultants: Vec<Resultant> = Vec::new();
        let mut pending = vec![(object.clone(), 0)];
        while let Some((generator, depth)) = pending.pop() {
            let mut made = self.expand_once(&generator, namespace)?;
            for resultant in &mut made {
                resultant.mutate(namespace, mutators)?;
            }
            if !made.is_empty() && depth >= DEPTH_MAX {
                return Err(ExpansionError::TooDeep);
            }
            pending.extend(made.iter().map(|resultant| (resultant.object.clone(), depth + 1)));
            resultants.extend(made);
            if resultants.len() > RESULTANTS_MAX {
                return Err(ExpansionError::TooMany);
            }
        }
        Ok(resultants)
    }

    fn expand_once(
        &self,
        generator: &Value,
        namespace: Option<&Value>,
    ) -> Result<Vec<Resultant>, ExpansionError> {
        let (group, kind) = super::matching::group_and_kind(generator);
        let version = version_of(text(generator, "apiVersion"));
        let own = (group.to_owned(), version.to_owned(), kind.to_owned());
        let fitting = self.0.iter().filter(|expansion| !expansion.is_in_cycle && expansion.is_about(&own));
        fitting
            .map(|expansion| {
                Ok(Resultant {
                    object: expansion.make(generator, namespace)?,
                    template: expansion.name.clone(),
                    action: expansion.action.clone(),
                })
            })
            .collect()
    }
}

impl Resultant {
    /// No request makes it, so that only mutators for all operations are applied.
    fn mutate(&mut self, namespace: Option<&Value>, mutators: &Mutators) -> Result<(), ExpansionError> {
        let subject = Subject { object: &self.object, namespace, source: Source::Generated };
        self.object = match mutators.mutate(&subject, "") {
            Ok((object, _)) => object,
            Err(error) => {
                let name = text(field(&self.object, &["metadata"]), "name").to_owned();
                return Err(ExpansionError::Mutation { name, error });
            }
        };
        Ok(())
    }
}

impl Expansion {
    fn decode(entry: &Entry) -> Result<Self, TypeError> {
        let spec = Cursor::exact(&entry.value).inner("spec")?;
        let mut applies_to = Vec::new();
        for each in spec.list("applyTo")? {
            applies_to.push([each.texts("groups")?, each.texts("versions")?, each.texts("kinds")?]);
        }
        let generated = spec.inner("generatedGVK")?;
        Ok(Self {
            name: entry.object.name.clone(),
            applies_to,
            source: spec.text("templateSource")?,
            generated: (generated.text("group")?, generated.text("version")?, generated.text("kind")?),
            action: spec.text("enforcementAction")?,
            is_in_cycle: false,
        })
    }

    fn check(&self) -> Result<(), Vec<Fault>> {
        let name = &self.name;
        let (at, message) = if name.is_empty() {
            (pointer!["metadata", "name"], "ExpansionTemplate has empty name field".to_owned())
        } else if name.len() >= 64 {
            let message = "ExpansionTemplate name must be less than 64 characters".to_owned();
            (pointer!["metadata", "name"], message)
        } else if self.source.is_empty() {
            let message = format!("ExpansionTemplate {name} has empty source field");
            (pointer!["spec", "templateSource"], message)
        } else if self.generated == GroupVersionKind::default() {
            let message = format!("ExpansionTemplate {name} has empty generatedGVK field");
            (pointer!["spec", "generatedGVK"], message)
        } else if self.applies_to.is_empty() {
            (pointer!["spec", "applyTo"], format!("ExpansionTemplate {name} must specify ApplyTo"))
        } else if self.is_about(&self.generated) {
            let message = format!("ExpansionTemplate {name} applies to what it generates");
            (pointer!["spec", "generatedGVK"], message)
        } else {
            return Ok(());
        };
        Err(vec![Fault { upstream: Some(message.clone()), ..Fault::new(at, message) }])
    }

    fn is_about(&self, (group, version, kind): &GroupVersionKind) -> bool {
        let lists = |list: &[String], word: &String| list.contains(word);
        self.applies_to.iter().any(|[groups, versions, kinds]| {
            lists(groups, group) && lists(versions, version) && lists(kinds, kind)
        })
    }

    fn make(&self, generator: &Value, namespace: Option<&Value>) -> Result<Value, ExpansionError> {
        let metadata = field(generator, &["metadata"]);
        let name = text(metadata, "name");
        let mut found = Some(generator);
        for key in self.source.split('.') {
            found = match found {
                Some(Value::Object(fields)) => fields.get(key),
                Some(other) => {
                    return Err(ExpansionError::Type { path: self.source.clone(), found: other.kind() });
                }
                None => None,
            };
        }
        let source = match found {
            None => {
                return Err(ExpansionError::NoSource { path: self.source.clone(), name: name.to_owned() });
            }
            Some(Value::Object(fields)) => fields,
            Some(other) => {
                return Err(ExpansionError::Type { path: self.source.clone(), found: other.kind() });
            }
        };
        let (group, version, kind) = &self.generated;
        let api_version = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        let made = source.with("apiVersion", api_version).with("kind", kind.as_str());
        let own = made.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        let namespace = match namespace {
            Some(namespace) => Some(text(field(namespace, &["metadata"]), "name")),
            None => metadata.get("namespace").and_then(Value::as_str),
        };
        let own = match namespace {
            None => own,
            Some("") => own.without("namespace"),
            Some(namespace) => own.with("namespace", namespace),
        };
        let dash = if kind.is_empty() { "" } else { "-" };
        let own = own.with("name", format!("{name}{dash}{kind}").to_lowercase());
        Ok(made.with("metadata", owned(&own, generator, name)).into())
    }
}

/// The metadata with a reference to the generator as an owner.
fn owned(metadata: &Object, generator: &Value, name: &str) -> Object {
    let (api_version, kind) = (text(generator, "apiVersion"), text(generator, "kind"));
    if api_version.is_empty() || kind.is_empty() || name.is_empty() {
        return metadata.clone();
    }
    let given = metadata.get("ownerReferences").and_then(Value::as_array);
    let mut references: Vec<Value> = given.into_iter().flatten().cloned().collect();
    let is_it = |reference: &Value| {
        [("apiVersion", api_version), ("kind", kind), ("name", name)]
            .iter()
            .all(|(key, word)| text(reference, key) == *word)
    };
    if references.iter().any(is_it) {
        return metadata.clone();
    }
    let words = [("apiVersion", api_version), ("kind", kind), ("name", name), ("uid", "")];
    let reference: BTreeMap<&str, Value> = words.into_iter().map(|(key, word)| (key, word.into())).collect();
    references.push(Value::Object(reference.into_iter().map(|(key, word)| (key.into(), word)).collect()));
    metadata.with("ownerReferences", references)
}
