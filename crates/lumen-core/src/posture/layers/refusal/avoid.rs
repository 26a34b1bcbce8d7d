//! How whoever deploys an object can write it so that a refusal does not meet it: [`Judge::avoided_by`].
//!
//! Labels, annotations and the name are theirs to choose. What selectors, names and templates give away is tried: the object
//! is written so, and admission asked again. Only what is let through then counts, so that a label which another constraint
//! demands is no way round.

use std::collections::BTreeSet;

use lumen_value::{Pointer, Value, pointer};

use super::{Judge, Refused, What, compare};
use crate::object::{Identity, field, text};
use crate::posture::attack::probe::put;
use crate::posture::layers::{Standing, State};
use crate::selector::{FieldNames, Operator, Selector};
use crate::snapshot::Entry;

/// Most disguises that are tried against one refusal.
const ATTEMPTS_MAX: usize = 6;

/// Most words that are taken from a template's text.
const WORDS_MAX: usize = 16;

/// The name that is tried where a constraint selects by name.
const OTHER_NAME: &str = "lumen-probe-7f3a";

/// What is changed about an object that does the same all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Disguise {
    /// Labels and their new values; `None` takes one away.
    labels: Vec<(String, Option<String>)>,
    annotations: Vec<(String, String)>,
    name: Option<&'static str>,
    /// How it is done, in a few words each.
    how: Vec<String>,
}

impl Disguise {
    /// The object, or the template in it, so changed.
    fn put_on(&self, holder: &Value, metadata: &Pointer) -> Value {
        let labels = self.labels.iter().map(|(key, new)| ("labels", key, new.as_deref()));
        let annotations = self.annotations.iter().map(|(key, new)| ("annotations", key, Some(new.as_str())));
        labels.chain(annotations).fold(holder.clone(), |holder, (map, key, new)| {
            put(&holder, &metadata.child(map).child(key.as_str()), new.map(Value::from))
        })
    }

    fn entry(&self, entry: &Entry) -> Entry {
        let metadata = pointer!["metadata"];
        let mut value = self.put_on(&entry.value, &metadata);
        let mut object = (*entry.object).clone();
        if let Some(name) = self.name {
            value = put(&value, &metadata.child("generateName"), None);
            value = put(&value, &metadata.child("name"), Some(name.into()));
            object.name = name.into();
        }
        Entry { value, object: object.into(), ..entry.clone() }
    }

    fn is_empty(&self) -> bool {
        self.how.is_empty()
    }
}

/// A word that a template compares with what the object says of itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OptOut {
    map: &'static str,
    keys: Vec<String>,
    /// `true`, and the words beside the keys.
    values: Vec<String>,
}

impl Judge<'_> {
    /// How whoever deploys the object gets past every refusal of one way; `None` where nothing is known that does.
    pub(super) fn avoided_by(&self, holder: &Value, refused: &[Refused]) -> Option<String> {
        if let Some(how) = self.by_other_kind(refused) {
            return Some(how);
        }
        if self.subject.around.webhook_reads_object {
            let how = "by what it writes into the object, which the webhook's `matchConditions` look at";
            return Some(how.to_owned());
        }
        self.disguises(refused).into_iter().find_map(|disguise| {
            let is_past = self.lets_through(&disguise, holder, refused);
            is_past.then(|| disguise.how.join(" and "))
        })
    }

    /// A controller's object alone is refused, or seen: then a pod of its own does the same.
    fn by_other_kind(&self, refused: &[Refused]) -> Option<String> {
        if self.is_pod() {
            return None;
        }
        let kind = &self.subject.entry.object.kind;
        let of: BTreeSet<What> = refused.iter().flat_map(|refused| refused.of.iter().copied()).collect();
        let how = || format!("with a bare Pod, for the {kind} alone is refused");
        if !of.contains(&What::MadePod) {
            return Some(how());
        }
        let template = field(self.pod.metadata, &["labels"]);
        let sees = |what| self.webhook_sees(what, self.subject.entry, template).standing != Standing::Broken;
        (of.contains(&What::Object) && sees(What::Object) && !sees(What::MadePod)).then(how)
    }

    /// What could be tried, from what the refusing constraints and the webhooks look at.
    fn disguises(&self, refused: &[Refused]) -> Vec<Disguise> {
        let constraints: Vec<&Entry> =
            refused.iter().filter_map(|refused| self.manifest_of(refused)).collect();
        let mut found: Vec<Disguise> = Vec::new();
        let mut add = |disguise: Disguise| {
            if !disguise.is_empty() && !found.contains(&disguise) && found.len() < ATTEMPTS_MAX {
                found.push(disguise);
            }
        };
        for number in 0..2 {
            let mut disguise = Disguise::default();
            for constraint in &constraints {
                of_match(&mut disguise, constraint, number);
            }
            add(disguise.clone());
            for selector in self.subject.around.object_selectors() {
                of_selector(&mut disguise, &selector, number, "the webhook");
            }
            add(disguise);
        }
        let opt_outs: BTreeSet<(OptOut, String)> = constraints
            .iter()
            .flat_map(|constraint| {
                let kind = &constraint.object.kind;
                let found =
                    self.template_of(kind).into_iter().flat_map(|template| opt_outs(template, constraint));
                found.map(|found| (found, kind.to_string()))
            })
            .collect();
        for (opt_out, kind) in opt_outs {
            for value in &opt_out.values {
                add(of_opt_out(&opt_out, value, &kind));
            }
        }
        found
    }

    fn lets_through(&self, disguise: &Disguise, holder: &Value, refused: &[Refused]) -> bool {
        let entry = disguise.entry(self.subject.entry);
        let holder = disguise.put_on(holder, &pointer!["metadata"]);
        let (state, left) = compare(&self.admission, &self.ask_admission_about(&entry, &holder));
        match state {
            // What is still refused of it may be asked of nobody.
            State::Enforced => {
                let template = field(&holder, &["metadata", "labels"]);
                let own_template = field(self.pod.metadata, &["labels"]);
                let own = self.subject.entry;
                let is_seen = |refused: &[Refused], entry: &Entry, template: &Value| {
                    let of: BTreeSet<What> =
                        refused.iter().flat_map(|each| each.of.iter().copied()).collect();
                    of.iter()
                        .any(|what| self.webhook_sees(*what, entry, template).standing != Standing::Broken)
                };
                is_seen(refused, own, own_template) && !is_seen(&left, &entry, template)
            }
            State::NotCovered | State::Warned => true,
            State::Unknown => false,
        }
    }

    fn manifest_of(&self, refused: &Refused) -> Option<&Entry> {
        let policy = refused.policy.as_ref()?;
        let identity = Identity::of(policy, policy.namespace.clone())?;
        self.subject.inputs.snapshot.of_identity(&identity).first().map(|entry| &**entry)
    }

    fn template_of(&self, kind: &str) -> Option<&Entry> {
        let of_kind = self.subject.inputs.snapshot.of_kind("templates.gatekeeper.sh", "ConstraintTemplate");
        let names_it = |entry: &&std::sync::Arc<Entry>| {
            text(field(&entry.value, &["spec", "crd", "spec", "names"]), "kind") == kind
        };
        of_kind.iter().find(names_it).map(|entry| &**entry)
    }

    /// Whether a constraint that refuses is about some namespaces alone, so that what it stops could be done in others.
    pub(super) fn is_about_some_namespaces(&self, refused: &[Refused]) -> bool {
        !refused.is_empty()
            && refused.iter().all(|refused| {
                self.manifest_of(refused).is_some_and(|constraint| has_namespaces(&constraint.value))
            })
    }
}

/// Namespaces that only whoever runs the cluster writes to.
const SYSTEM: &[&str] = &["gatekeeper-system"];

fn has_namespaces(constraint: &Value) -> bool {
    let matching = field(constraint, &["spec", "match"]);
    let listed = |key: &str| -> Vec<&str> {
        field(matching, &[key]).as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let is_system = |name: &str| name.starts_with("kube-") || SYSTEM.contains(&name);
    let selects =
        field(matching, &["namespaceSelector"]).as_object().is_some_and(|fields| !fields.is_empty());
    let named = listed("namespaces");
    selects
        || (!named.is_empty() && !named.contains(&"*"))
        || !listed("excludedNamespaces").into_iter().all(is_system)
}

/// What a constraint's `match` gives away.
fn of_match(disguise: &mut Disguise, constraint: &Entry, number: usize) {
    let matching = field(&constraint.value, &["spec", "match"]);
    let who = format!("{}/{}", constraint.object.kind, constraint.object.name);
    if let Ok(selector) = Selector::of(field(matching, &["labelSelector"]), FieldNames::AnyCase) {
        of_selector(disguise, &selector, number, &who);
    }
    let glob = text(matching, "name");
    if !glob.is_empty() && disguise.name.is_none() {
        disguise.name = Some(OTHER_NAME);
        disguise.how.push(format!("under another name, for {who} is about the name `{glob}`"));
    }
}

/// The labels that a selector does not select: one of its requirements, the first or the last, is not met.
fn of_selector(disguise: &mut Disguise, selector: &Selector, number: usize, who: &str) {
    let requirements = selector.requirements();
    let requirement = if number == 0 { requirements.first() } else { requirements.last() };
    let Some(requirement) = requirement else {
        return;
    };
    let key = requirement.key();
    let new = match requirement.operator() {
        Operator::NotIn | Operator::NotEquals => requirement.values().first().cloned().unwrap_or_default(),
        Operator::DoesNotExist => "true".to_owned(),
        _ => {
            disguise.labels.push((key.to_owned(), None));
            disguise.how.push(format!("without the label `{key}`, by which {who} selects"));
            return;
        }
    };
    disguise.how.push(format!("with the label `{key}={new}`, which {who} leaves out"));
    disguise.labels.push((key.to_owned(), Some(new)));
}

fn of_opt_out(found: &OptOut, value: &str, kind: &str) -> Disguise {
    let what = if found.map == "labels" { "label" } else { "annotation" };
    let mut disguise = Disguise::default();
    let named: Vec<String> = found.keys.iter().map(|key| format!("`{key}={value}`")).collect();
    disguise.how.push(format!("with the {what} {}, which the template of {kind} reads", named.join(", ")));
    for key in &found.keys {
        if found.map == "labels" {
            disguise.labels.push((key.clone(), Some(value.to_owned())));
        } else {
            disguise.annotations.push((key.clone(), value.to_owned()));
        }
    }
    disguise
}

/// The labels and annotations of the object that a template names, with the words that stand beside them: its texts are read
/// line by line, for a template in Rego and one in CEL alike. Those that a parameter of the constraint names are there, too.
fn opt_outs(template: &Entry, constraint: &Entry) -> Vec<OptOut> {
    let mut texts: Vec<&str> = Vec::new();
    let mut open = vec![field(&template.value, &["spec", "targets"])];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => texts.extend(text.as_str()),
            Value::Array(items) => open.extend(items.iter()),
            Value::Object(fields) => open.extend(fields.iter().map(|(_, value)| value)),
            _ => {}
        }
    }
    ["annotations", "labels"]
        .into_iter()
        .flat_map(|map| {
            let lines = texts.iter().flat_map(|text| text.lines()).filter(|line| line.contains(map));
            let mut keys: Vec<String> = Vec::new();
            let mut values = vec!["true".to_owned()];
            for line in lines {
                for word in words(line, map) {
                    if values.len() + keys.len() >= WORDS_MAX {
                        break;
                    }
                    if !keys.contains(&word) {
                        keys.push(word.clone());
                        values.push(word);
                    }
                }
            }
            let of_parameters = of_parameters(map, &texts, &values, constraint);
            let of_text = (!keys.is_empty()).then_some(OptOut { map, keys, values });
            of_text.into_iter().chain(of_parameters).collect::<Vec<_>>()
        })
        .collect()
}

/// The labels or annotations that a constraint's parameters name: those that the lines about the map read, or all that are
/// read where these read none.
fn of_parameters(map: &'static str, texts: &[&str], values: &[String], constraint: &Entry) -> Vec<OptOut> {
    let lines = || texts.iter().flat_map(|text| text.lines());
    let mut names: BTreeSet<&str> =
        lines().filter(|line| line.contains(map)).flat_map(parameters_read).collect();
    if names.is_empty() && lines().any(|line| line.contains(map)) {
        names = lines().flat_map(parameters_read).collect();
    }
    let strings = |name: &str| -> Vec<String> {
        let given = field(&constraint.value, &["spec", "parameters", name]);
        let several = given.as_array().into_iter().flatten().filter_map(Value::as_str);
        given.as_str().into_iter().chain(several).filter(is_word).map(ToOwned::to_owned).collect()
    };
    let words: Vec<String> = names.into_iter().flat_map(strings).take(WORDS_MAX).collect();
    let with_words = || {
        let words = words.iter().filter(|word| !values.contains(word));
        values.iter().chain(words).cloned().collect::<Vec<_>>()
    };
    words.iter().map(|key| OptOut { map, keys: vec![key.clone()], values: with_words() }).collect()
}

/// The names of parameters in a line: what follows `parameters.` or `params.`.
fn parameters_read(line: &str) -> impl Iterator<Item = &str> {
    ["parameters.", "params."].into_iter().flat_map(move |before| {
        line.match_indices(before).filter_map(move |(at, _)| {
            let rest = line.get(at + before.len()..)?;
            rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()
        })
    })
}

/// Whether a word can be a key or a value.
fn is_word(word: &&str) -> bool {
    !word.is_empty()
        && word.len() <= 128
        && word.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '.' | '/' | '-' | '_'))
}

/// The words of a line that may be keys or values: what stands in quotes, and what follows `annotations.`.
fn words(line: &str, map: &str) -> Vec<String> {
    let quoted = line.split(['"', '\'', '`']).skip(1).step_by(2);
    let dotted = line.match_indices(map).filter_map(|(at, _)| {
        let rest = line.get(at + map.len()..)?.strip_prefix('.')?;
        rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').next()
    });
    quoted.chain(dotted).filter(is_word).map(ToOwned::to_owned).collect()
}
