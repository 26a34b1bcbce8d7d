//! How a [`PolicySet`] is compiled, and compiled again: what has not changed is taken from [`Compiled`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_rego::plan::Commons;
use lumen_value::pointer;

use super::fault::Fault;
use super::findings::{of_faults, without_template};
use super::{Constraint, Mutators, PolicyOptions, PolicySet, Template, rules};
use super::{is_config, is_constraint, is_expansion, is_mutator, is_template};
use crate::finding::Finding;
use crate::snapshot::Entry;

/// Most constraints that are made into programs of their own, beyond the ones in use, before what their programs have in common is
/// looked for anew: what programs that are gone had in common stays known until then.
const SPECIAL_MAX: usize = 1_000;

/// Templates and constraints as they were compiled last. A set that is compiled with it takes from it what has not changed: the
/// entries that are the same, as told by their addresses, with a template that is the same.
#[derive(Debug, Default)]
pub struct Compiled {
    templates: BTreeMap<usize, Known<Template>>,
    constraints: BTreeMap<usize, OfTemplate>,
    /// What the constraints' programs have in common.
    commons: Commons,
    /// How many programs were made since it was begun.
    specials: usize,
}

/// What came of compiling an entry. That the entry is kept makes sure that no other has its address.
#[derive(Debug)]
struct Known<T> {
    entry: Arc<Entry>,
    result: Result<T, Vec<Fault>>,
    is_used: bool,
}

#[derive(Debug)]
struct OfTemplate {
    template: Arc<Entry>,
    known: Known<Constraint>,
}

fn address(entry: &Arc<Entry>) -> usize {
    Arc::as_ptr(entry).addr()
}

impl Compiled {
    /// What is wrong with a template, where it cannot be used.
    pub fn faults_of_template(&mut self, entry: &Arc<Entry>, options: PolicyOptions) -> Vec<Finding> {
        let faults = self.template(entry, options).as_ref().err().cloned().unwrap_or_default();
        of_faults(faults, &rules::INVALID_TEMPLATE, entry).collect()
    }

    /// Whether a template was compiled already, with whatever result.
    pub fn knows_template(&self, entry: &Arc<Entry>) -> bool {
        self.templates.contains_key(&address(entry))
    }

    fn template(&mut self, entry: &Arc<Entry>, options: PolicyOptions) -> &Result<Template, Vec<Fault>> {
        let known = self.templates.entry(address(entry)).or_insert_with(|| Known {
            entry: entry.clone(),
            result: Template::compile(entry, options),
            is_used: true,
        });
        known.is_used = true;
        &known.result
    }

    /// A constraint with its program; `number` is its template's in the set that is being made.
    fn constraint(
        &mut self,
        entry: &Arc<Entry>,
        template: &Template,
        number: usize,
    ) -> Result<Constraint, Vec<Fault>> {
        let address = address(entry);
        let known = self.constraints.get_mut(&address);
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.template, &template.entry)) {
            known.known.is_used = true;
            let mut constraint = known.known.result.clone();
            if let Ok(constraint) = &mut constraint {
                constraint.template = number;
            }
            return constraint;
        }
        let mut result = Constraint::compile(entry, template, number);
        if let Ok(constraint) = &mut result {
            self.specials += 1;
            constraint.special = template.engine.specialise(&constraint.parameters, &mut self.commons);
        }
        let known = Known { entry: entry.clone(), result: result.clone(), is_used: true };
        self.constraints.insert(address, OfTemplate { template: template.entry.clone(), known });
        result
    }

    /// Forgets what the last set has no use for.
    fn forget(&mut self) {
        let was_used = |is_used: &mut bool| std::mem::take(is_used);
        self.templates.retain(|_, known| was_used(&mut known.is_used));
        self.constraints.retain(|_, known| was_used(&mut known.known.is_used));
        debug_assert!(self.templates.iter().all(|(at, known)| *at == address(&known.entry)), "kept alive");
        if self.specials > self.constraints.len().saturating_mul(2).saturating_add(SPECIAL_MAX) {
            self.constraints.clear();
            self.commons = Commons::default();
            self.specials = 0;
        }
    }
}

impl PolicySet {
    /// Compiles the templates and constraints among some objects, and says what is wrong with those that cannot be used.
    /// Of several templates of one name, and of several constraints of one kind and name, the last that is sound counts.
    pub fn compile<'e>(entries: impl IntoIterator<Item = &'e Arc<Entry>>) -> (Self, Vec<Finding>) {
        Self::compile_with(entries, PolicyOptions::default())
    }

    /// The same, for comparisons and for tests of policies: no answer depends on the options.
    pub fn compile_with<'e>(
        entries: impl IntoIterator<Item = &'e Arc<Entry>>,
        options: PolicyOptions,
    ) -> (Self, Vec<Finding>) {
        Self::recompile(entries, options, &mut Compiled::default())
    }

    /// The same, where a set that differs little was compiled before, with the same options. No answer depends on what came
    /// before.
    pub fn recompile<'e>(
        entries: impl IntoIterator<Item = &'e Arc<Entry>>,
        options: PolicyOptions,
        compiled: &mut Compiled,
    ) -> (Self, Vec<Finding>) {
        let policies: Vec<&Arc<Entry>> = entries.into_iter().filter(|entry| is_policy(entry)).collect();
        let mut set = Self::default();
        let mut findings = Vec::new();
        let mut numbers: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        let mut broken: BTreeMap<Arc<str>, &Arc<Entry>> = BTreeMap::new();
        for entry in policies.iter().filter(|entry| is_template(entry)) {
            match compiled.template(entry, options) {
                Ok(template) => {
                    let mut template = template.clone();
                    let warnings = std::mem::take(&mut template.warnings);
                    findings.extend(of_faults(warnings, &rules::INVALID_TEMPLATE, entry));
                    numbers.insert(entry.object.name.clone(), set.templates.len());
                    set.templates.push(template);
                }
                Err(faults) => {
                    broken.insert(entry.object.name.to_lowercase().into(), entry);
                    findings.extend(of_faults(faults.clone(), &rules::INVALID_TEMPLATE, entry));
                }
            }
        }
        findings.extend(set.add_expansions(&policies));
        let (mutators, broken_mutators) = Mutators::compile_served(policies.iter().copied());
        set.mutators = mutators;
        findings.extend(broken_mutators);
        for entry in policies.iter().filter(|entry| is_config(entry)) {
            if let Err(faults) = set.exclusions.add(entry) {
                findings.extend(of_faults(faults, &rules::INVALID_CONFIG, entry));
            }
        }
        let mut known: BTreeMap<(Arc<str>, Arc<str>), usize> = BTreeMap::new();
        for entry in policies.into_iter().filter(|entry| is_constraint(entry)) {
            let name = entry.object.kind.to_lowercase();
            let Some((number, template)) =
                numbers.get(name.as_str()).and_then(|number| Some((*number, set.templates.get(*number)?)))
            else {
                findings.push(without_template(entry, &name, broken.get(name.as_str()).copied()));
                continue;
            };
            match compiled.constraint(entry, template, number) {
                Err(faults) => {
                    findings.extend(of_faults(faults, &rules::INVALID_CONSTRAINT, entry));
                }
                Ok(mut constraint) => {
                    let warnings = std::mem::take(&mut constraint.warnings);
                    findings.extend(of_faults(warnings, &rules::INVALID_CONSTRAINT, entry));
                    let key = (entry.object.kind.clone(), entry.object.name.clone());
                    if let Some(earlier) = known.get(&key).and_then(|number| set.constraints.get_mut(*number))
                    {
                        *earlier = constraint;
                    } else {
                        known.insert(key, set.constraints.len());
                        set.constraints.push(constraint);
                    }
                }
            }
        }
        set.constraints.sort_by(|a, b| (a.kind(), a.name()).cmp(&(b.kind(), b.name())));
        set.index();
        compiled.forget();
        (set, findings)
    }

    fn add_expansions(&mut self, policies: &[&Arc<Entry>]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for entry in policies.iter().filter(|entry| is_expansion(entry)) {
            if let Err(faults) = self.expansions.add(entry) {
                findings.extend(of_faults(faults, &rules::INVALID_EXPANSION, entry));
            }
        }
        let cycles = self.expansions.set_cycles_aside();
        for entry in
            policies.iter().filter(|entry| is_expansion(entry) && cycles.contains(&entry.object.name))
        {
            let fault = Fault::new(pointer!["spec", "applyTo"], "template forms expansion cycle");
            findings.push(fault.finding(&rules::INVALID_EXPANSION, entry));
        }
        findings
    }

    fn index(&mut self) {
        for (number, constraint) in self.constraints.iter().enumerate() {
            match constraint.matching.kinds() {
                None => self.of_any_kind.push(number),
                Some(kinds) => {
                    for kind in kinds.collect::<BTreeSet<_>>() {
                        self.by_kind.entry(kind.to_owned()).or_default().push(number);
                    }
                }
            }
        }
    }
}

fn is_policy(entry: &Entry) -> bool {
    is_template(entry) || is_constraint(entry) || is_expansion(entry) || is_mutator(entry) || is_config(entry)
}

#[cfg(test)]
mod tests {
    use lumen_value::Value;
    use lumen_value::read::{Limits, read};

    use super::super::{Explanation, Inventory, Review, WEBHOOK};
    use super::*;
    use crate::admission::matching::Source;
    use crate::snapshot::{Options, Snapshot, SourceDocument};

    fn entry(text: &str) -> Arc<Entry> {
        let value = read(text.as_bytes(), &Limits::default()).documents.remove(0).value;
        let document = SourceDocument { source: "a".into(), index: 0, value };
        Snapshot::build([document], &Options::default()).0.entries()[0].clone()
    }

    fn template(message: &str) -> Arc<Entry> {
        entry(&format!(
            "{{apiVersion: templates.gatekeeper.sh/v1, kind: ConstraintTemplate, metadata: {{name: k}}, spec: {{crd: {{spec: {{names: {{kind: K}}}}}}, targets: [{{target: admission.k8s.gatekeeper.sh, rego: 'package k\n\nviolation[{{\"msg\": \"{message}\"}}] {{ true }}'}}]}}}}"
        ))
    }

    fn constraint(name: &str) -> Arc<Entry> {
        entry(&format!(
            "{{apiVersion: constraints.gatekeeper.sh/v1beta1, kind: K, metadata: {{name: {name}}}}}"
        ))
    }

    fn messages(set: &PolicySet) -> Vec<String> {
        let object: Value = [("apiVersion", "v1".into()), ("kind", "Pod".into())].into();
        let request: Value = [("operation", "CREATE".into()), ("object", object)].into();
        let review = Review {
            request: &request,
            namespace: None,
            namespace_object: None,
            source: Source::Original,
            time_ns: 0,
            point: WEBHOOK,
            explanation: Explanation::None,
        };
        let verdicts = set.review(&review, &Inventory::default());
        let said = |verdict: super::super::Verdict| {
            format!("{}: {}", verdict.constraint.object.name, verdict.message)
        };
        verdicts.into_iter().map(said).collect()
    }

    #[test]
    fn a_template_gives_the_schema_of_its_constraints() {
        let of = |version: &str, validation: &str| {
            let text = format!(
                "{{apiVersion: templates.gatekeeper.sh/{version}, kind: ConstraintTemplate, metadata: {{name: k}}, spec: {{crd: {{spec: {{names: {{kind: K}}, validation: {validation}}}}}, targets: [{{target: admission.k8s.gatekeeper.sh, rego: 'package k\n\nviolation[{{\"msg\": \"m\"}}] {{ true }}'}}]}}}}"
            );
            let (set, findings) = PolicySet::compile([&entry(&text)]);
            assert!(findings.is_empty(), "{findings:?}");
            let document = set.templates()[0].constraint_document();
            let parameters = pointer!["properties", "spec", "properties", "parameters"];
            document.find(&parameters).map(Value::to_json)
        };
        assert_eq!(of("v1", "{}"), None);
        let schema = "{openAPIV3Schema: {type: object, properties: {b: {type: string}}}}";
        assert_eq!(
            of("v1", schema).as_deref(),
            Some(r#"{"properties":{"b":{"type":"string"}},"type":"object"}"#)
        );
        let schema = "{openAPIV3Schema: {type: object, properties: {a: {type: array}, b: {type: string}}}}";
        let preserve = r#""x-kubernetes-preserve-unknown-fields":true"#;
        assert_eq!(
            of("v1beta1", schema),
            Some(format!(
                r#"{{"properties":{{"a":{{"items":{{{preserve}}},"type":"array"}},"b":{{"type":"string"}}}},"type":"object",{preserve}}}"#
            ))
        );
    }

    #[test]
    fn what_has_not_changed_is_taken_from_before_and_no_answer_depends_on_it() {
        let mut compiled = Compiled::default();
        let (first, a, b) = (template("one"), constraint("a"), constraint("b"));
        let mut build = |entries: &[&Arc<Entry>]| {
            let (set, findings) =
                PolicySet::recompile(entries.iter().copied(), PolicyOptions::default(), &mut compiled);
            assert!(findings.is_empty(), "{findings:?}");
            (messages(&set), compiled.templates.len(), compiled.constraints.len())
        };
        assert_eq!(build(&[&first, &a]), (vec!["a: one".into()], 1, 1));
        assert_eq!(build(&[&first, &a, &b]), (vec!["a: one".into(), "b: one".into()], 1, 2));
        // Another template of that name: its constraints are its own.
        let second = template("two");
        assert_eq!(build(&[&second, &a, &b]), (vec!["a: two".into(), "b: two".into()], 1, 2));
        assert_eq!(build(&[&second, &b]), (vec!["b: two".into()], 1, 1));
        assert_eq!(build(&[]), (vec![], 0, 0));
    }
}
