//! What the cluster is told: the definitions of constraints' kinds, and this pod's entries in the status of policies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kinds::Role;
use super::policy::{CREATE_ERROR, Policy, PolicyError, has_status};
use super::status::{Of, Report, is_created, merged};
use super::write::{About, StatusWrite, Write};
use super::{Source, Writer, definition, shared};

impl Writer {
    /// Queues what is to be written. Beside a running Gatekeeper that is nothing.
    pub(super) fn report(&mut self) {
        if self.settings.is_shadow {
            return;
        }
        self.define();
        // Where this program is none of the pods itself, it cannot say which of the others are gone.
        let names: BTreeSet<String> =
            self.pods.iter().map(|((_, name), ())| shared(name).to_string()).collect();
        let alive = Some(names).filter(|names| names.contains(&self.settings.pod));
        let sync_errors = self.sync_errors();
        let template: Arc<str> = "ConstraintTemplate".into();
        for (source, objects) in &mut self.policies {
            let (Source::Of(role @ (Role::Template | Role::Constraint), _), Some(watch)) =
                (source, self.watches.get(source))
            else {
                continue;
            };
            let of = if *role == Role::Template { Of::Template } else { Of::Constraint };
            let unsettled = objects.iter_mut().map(|(_, policy)| policy).filter(|policy| !policy.is_settled);
            for policy in unsettled.filter(|policy| has_status(&policy.entry)) {
                let mut errors = self.errors.get(&policy.key()).cloned().unwrap_or_default();
                if of == Of::Template {
                    if errors.is_empty() {
                        match self.defined.get(policy.name()) {
                            Some((uid, generation, Some(result)))
                                if *uid == policy.uid && *generation == policy.generation =>
                            {
                                errors.extend(result.as_ref().err().map(|error| PolicyError {
                                    code: CREATE_ERROR,
                                    message: format!("Could not create CRD: {error}"),
                                    location: String::new(),
                                }));
                            }
                            // It is being written: nothing is to be said yet.
                            _ => continue,
                        }
                    }
                    errors.extend(sync_errors.get(policy.name()).into_iter().flatten().cloned());
                }
                policy.is_settled = true;
                let report = Report {
                    of,
                    pod: &self.settings.pod,
                    operations: &self.settings.operations,
                    uid: &policy.uid,
                    generation: policy.generation,
                    errors: &errors,
                };
                let entry = report.entry();
                let wanted = merged(&policy.by_pod, &entry, &alive);
                let is_said = wanted == policy.by_pod
                    && (of == Of::Constraint || is_created(&wanted) == policy.is_created);
                if policy.is_going || is_said {
                    continue;
                }
                let kind =
                    if of == Of::Template { template.clone() } else { policy.entry.object.kind.clone() };
                let write = StatusWrite {
                    resource: watch.resource.clone(),
                    name: policy.name().clone(),
                    uid: policy.uid.clone(),
                    entry,
                    alive: alive.clone(),
                    by_pod: policy.by_pod.clone(),
                    resource_version: policy.resource_version.clone(),
                };
                let about = About::Status(of, kind, policy.name().clone());
                self.writes.add(about, Write::Status(Box::new(write)));
            }
        }
    }

    /// Queues the definitions of the constraints' kinds, each once for each state of its template.
    fn define(&mut self) {
        let of_templates =
            self.policies.iter().filter(|(source, _)| matches!(source, Source::Of(Role::Template, _)));
        let policies: BTreeMap<usize, &Policy> = of_templates
            .flat_map(|(_, objects)| objects.values())
            .map(|policy| (Arc::as_ptr(&policy.entry).addr(), policy))
            .collect();
        let names: BTreeSet<&Arc<str>> = policies.values().map(|policy| policy.name()).collect();
        self.defined.retain(|name, _| names.contains(name));
        for template in self.state.policies.templates() {
            // One that is in use although the template has become another cannot define anything any more.
            let Some(policy) = policies.get(&Arc::as_ptr(template.entry()).addr()) else { continue };
            let known = self.defined.get(policy.name());
            let is_known = known
                .is_some_and(|(uid, generation, _)| *uid == policy.uid && *generation == policy.generation);
            if is_known || policy.is_going {
                continue;
            }
            self.defined.insert(policy.name().clone(), (policy.uid.clone(), policy.generation, None));
            let wanted = definition::of(template, &policy.uid);
            self.writes.add(About::Definition(policy.name().clone()), Write::Definition(wanted));
        }
    }
}
