//! What the writer does with what it heard: which resources are read, when policies are compiled, and what is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lumen_core::admission::inventory::Indexes;
use lumen_core::exemption::{Exemption, read as read_exemption};
use lumen_value::{Pointer, Value};
use tokio::time::Instant;

use super::config::LumenConfigSpec;
use super::kinds::{Gvk, Role, resolve};
use super::policy::{Builder, Built, PolicyError, SYNC_ERROR};
use super::watches::Reading;
use super::{FIRST_MAX, News, Source, Writer, shared, synced, text};
use crate::api::{Resource, Selection, without_managed_fields};
use crate::names;

/// When nothing is to be done.
const IDLE: Duration = Duration::from_secs(30);

/// How long to wait before the kinds are asked for again where one that is to be synced is none that the server knows.
const DISCOVER_AGAIN: Duration = Duration::from_secs(20);

/// Longest wait between two builds, or two changes of the inventory, where much happens.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long to leave alone what took so long: under a burst of changes half of the time is left for others.
fn pause(took: Duration) -> Duration {
    took.min(PAUSE_MAX)
}

/// Whether nothing is to be waited for any more before the server is ready.
///
/// A kind without which it is known what is denied is waited for a moment only (`is_late`) where it fails: what serves the kind, such
/// as somebody's conversion webhook, may itself wait for this server.
fn is_done(source: &Source, reading: &Reading, is_late: bool) -> bool {
    let is_essential = match source {
        Source::Definitions | Source::Namespaces => true,
        Source::Of(role, _) => role.is_essential(),
        // Pods are for the status alone.
        Source::Pods => return true,
        Source::Synced(_) => false,
    };
    match reading {
        Reading::Synced | Reading::Failed(_, true) => true,
        Reading::Begun => false,
        Reading::Failed(error, false) => !is_essential && (is_late || !error.is_transient()),
    }
}

impl Writer {
    /// When something is to be done, even if nothing is heard.
    pub(super) fn due(&self) -> Instant {
        let mut due = Instant::now() + IDLE;
        if self.dirty.policies && self.builder.is_some() {
            due = due.min(self.build_at);
            if self.is_first_awaited() {
                due = due.max(self.began + FIRST_MAX);
            }
        }
        if !self.changes.is_empty() {
            due = due.min(self.inventory_at);
        }
        if self.is_discovery_wanted() {
            due = due.min(self.discover_at);
        }
        due
    }

    /// Does what is due.
    pub(super) fn settle(&mut self) {
        if self.dirty.watches {
            self.dirty.watches = false;
            self.watch_known();
            self.watch_synced();
        }
        if self.is_discovery_wanted() && Instant::now() >= self.discover_at {
            self.discover();
        }
        if !self.changes.is_empty() && Instant::now() >= self.inventory_at {
            self.flush_inventory();
        }
        if std::mem::take(&mut self.dirty.namespaces) {
            let namespaces = self.namespaces.iter().map(|((_, name), each)| (shared(name), each.clone()));
            self.state.namespaces = Arc::new(namespaces.collect());
            self.dirty.state = true;
        }
        if std::mem::take(&mut self.dirty.others) {
            self.read_own();
        }
        // What cannot be read says nothing that would make another build due.
        self.dirty.policies |= !self.is_built && self.builder.is_some() && self.are_policies_read();
        self.build();
        if std::mem::take(&mut self.dirty.state) {
            self.publish();
        }
        if self.dirty.reports && !self.dirty.policies && self.builder.is_some() {
            self.dirty.reports = false;
            self.report();
        }
    }

    /// Reads the objects of the kinds that are served and are this program's business, and no others.
    fn watch_known(&mut self) {
        let mut wanted: BTreeMap<Source, Resource> = BTreeMap::new();
        for definition in self.definitions.values() {
            if let Some((role, resource)) = definition.role() {
                wanted.insert(Source::Of(role, definition.kind.clone()), resource);
            }
        }
        let gone: Vec<Source> = self
            .watches
            .iter()
            .filter(|(source, _)| matches!(source, Source::Of(..)))
            .filter(|(source, watch)| wanted.get(*source) != Some(&watch.resource))
            .map(|(source, _)| source.clone())
            .collect();
        for source in gone {
            self.watches.stop(&source);
            if wanted.contains_key(&source) {
                // It is read in another version: until that is done, what was read stays in use.
                continue;
            }
            self.dirty.policies |= self.policies.remove(&source).is_some();
            self.dirty.others |= self.others.remove(&source).is_some();
            self.dirty.state = true;
        }
        for (source, resource) in wanted {
            if self.watches.get(&source).is_some() {
                continue;
            }
            let is_own = matches!(source, Source::Of(Role::LumenConfig, _));
            let selection = if is_own { Selection::of_name(names::CONFIG) } else { Selection::default() };
            self.watches.start(source, resource, selection, without_managed_fields);
        }
    }

    /// The `Config`s that count.
    fn configs(&self) -> impl Iterator<Item = &Arc<lumen_core::snapshot::Entry>> {
        let of_config =
            self.policies.iter().filter(|(source, _)| matches!(source, Source::Of(Role::Config, _)));
        let entries = of_config.flat_map(|(_, objects)| objects.values()).map(|policy| &policy.entry);
        entries.filter(|entry| {
            let namespace = entry.namespace.as_deref().unwrap_or_default();
            &*entry.object.name == "config"
                && self.settings.config_namespaces.iter().any(|each| each == namespace)
        })
    }

    /// Reads the objects of the kinds that are to be synced, and no others.
    fn watch_synced(&mut self) {
        let sets = self.others.iter().filter(|(source, _)| matches!(source, Source::Of(Role::SyncSet, _)));
        let of_sets = sets.flat_map(|(_, objects)| objects.values()).flat_map(synced::of_sync_set);
        let of_configs = self.configs().flat_map(|entry| synced::of_config(&entry.value));
        let wanted = synced::bounded(of_sets.chain(of_configs));
        let mut gone: Vec<Gvk> = Vec::new();
        for (source, watch) in self.watches.iter() {
            if let Source::Synced(gvk) = source {
                let resource = resolve(gvk, &self.definitions, self.discovery.as_ref());
                if !wanted.contains(gvk) || resource.as_ref() != Some(&watch.resource) {
                    gone.push(gvk.clone());
                }
            }
        }
        for gvk in &gone {
            if wanted.contains(gvk) && resolve(gvk, &self.definitions, self.discovery.as_ref()).is_some() {
                // It is read in another way: until that is done, what was read stays in use.
                self.watches.stop(&Source::Synced(gvk.clone()));
                self.told.remove(gvk);
            } else {
                self.stop_synced(gvk);
            }
        }
        for gvk in &wanted {
            let source = Source::Synced(gvk.clone());
            if self.watches.get(&source).is_none()
                && let Some(resource) = resolve(gvk, &self.definitions, self.discovery.as_ref())
            {
                self.watches.start(source, resource, Selection::default(), without_managed_fields);
            }
        }
        if wanted != self.synced {
            self.synced = wanted;
            self.dirty.state = true;
        }
    }

    fn stop_synced(&mut self, gvk: &Gvk) {
        self.watches.stop(&Source::Synced(gvk.clone()));
        self.told.remove(gvk);
        self.flush_inventory();
        self.forget_synced(gvk, &BTreeSet::new());
        self.dirty.state = true;
    }

    /// The kinds that are to be synced and that nobody serves, as far as is known.
    pub(super) fn unknown_kinds(&self) -> impl Iterator<Item = &Gvk> {
        self.synced.iter().filter(|gvk| self.watches.get(&Source::Synced((*gvk).clone())).is_none())
    }

    fn is_discovery_wanted(&self) -> bool {
        !self.discovering && self.unknown_kinds().next().is_some()
    }

    fn discover(&mut self) {
        self.discovering = true;
        self.discover_at = Instant::now() + DISCOVER_AGAIN;
        let (api, sender) = (self.api.clone(), self.sender.clone());
        tokio::spawn(async move {
            let result = api.discover().await;
            if sender.send(News::Discovered(result)).await.is_err() {
                tracing::debug!("the server ends");
            }
        });
    }

    /// Changes the inventory by what was heard.
    pub(super) fn flush_inventory(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        let began = Instant::now();
        let changes = std::mem::take(&mut self.changes);
        self.state.inventory = self.state.inventory.updated(changes, Indexes::Kept);
        self.inventory_at = Instant::now() + pause(began.elapsed());
        self.metrics.synced(began.elapsed());
        self.dirty.state = true;
    }

    /// Reads Lumen's own objects.
    fn read_own(&mut self) {
        let mut exemptions: Vec<Exemption> = Vec::new();
        let mut config = None;
        self.unreadable.clear();
        for (source, objects) in &self.others {
            let Source::Of(role, kind) = source else { continue };
            for object in objects.values() {
                let name = object.get("metadata").map_or("", |metadata| text(metadata, "name"));
                let place: Arc<str> = format!("{kind}/{name}").into();
                let read = match role {
                    Role::Exemption => read_exemption::object(object, &place, 0, &Pointer::ROOT)
                        .map(|exemption| exemptions.push(exemption))
                        .map_err(|error| error.to_string()),
                    Role::LumenConfig => LumenConfigSpec::of(object)
                        .map(|(read, pod_security)| config = Some((Arc::new(read), pod_security))),
                    _ => Ok(()),
                };
                if let Err(why) = read {
                    // A configuration that cannot be read leaves the one before in use.
                    if *role == Role::LumenConfig {
                        config = Some((self.state.config.clone(), self.state.pod_security.clone()));
                    }
                    self.unreadable.insert(place.to_string(), why);
                }
            }
        }
        self.state.exemptions = exemptions.into();
        (self.state.config, self.state.pod_security) = config.unwrap_or_default();
        self.dirty.state = true;
    }

    /// Whether the first build still waits for what is being read.
    fn is_first_awaited(&self) -> bool {
        !self.state.is_complete
            && !self.is_late()
            && self.watches.iter().any(|(source, watch)| {
                !matches!(source, Source::Synced(_) | Source::Pods) && watch.reading.is_awaited()
            })
    }

    /// Has the policies compiled, where they are others and nobody is at it.
    fn build(&mut self) {
        if !self.dirty.policies || Instant::now() < self.build_at || self.is_first_awaited() {
            return;
        }
        let Some(mut builder) = self.builder.take() else { return };
        self.dirty.policies = false;
        // Whatever changes from now on, these policies are those that were there at the start.
        self.builds_all = self.are_policies_read();
        let heeded: BTreeSet<usize> = self.configs().map(|entry| Arc::as_ptr(entry).addr()).collect();
        let mut entries = Vec::new();
        for (source, objects) in &self.policies {
            let is_config = matches!(source, Source::Of(Role::Config, _));
            let of_source = objects.values().map(|policy| &policy.entry);
            entries.extend(
                of_source.filter(|entry| !is_config || heeded.contains(&Arc::as_ptr(entry).addr())).cloned(),
            );
        }
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let building = tokio::task::spawn_blocking(move || {
                let built = builder.build(entries);
                (builder, built)
            });
            let (builder, built) = match building.await {
                Ok((builder, built)) => (builder, built),
                Err(error) => {
                    tracing::error!(%error, "compiling the policies failed: those before stay in use");
                    (Box::<Builder>::default(), Built::failed())
                }
            };
            if sender.send(News::Built(builder, built)).await.is_err() {
                tracing::debug!("the server ends");
            }
        });
    }

    /// Puts compiled policies in use.
    pub(super) fn built(&mut self, builder: Box<Builder>, built: Built) {
        self.builder = Some(builder);
        self.build_at = Instant::now() + pause(built.took);
        let Some(set) = built.set else { return };
        self.metrics.built(built.took);
        self.metrics.ingested(&built.ingested);
        self.state.policies = set;
        self.is_built |= self.builds_all;
        self.dirty.state = true;
        self.dirty.reports = true;
        let keys = self.errors.keys().chain(built.errors.keys());
        let changed = keys.filter(|key| self.errors.get(*key) != built.errors.get(*key)).cloned().collect();
        self.errors = built.errors;
        self.unsettle(&changed);
        // What policies had indexed is for the policies before.
        self.state.inventory = self.state.inventory.updated([], Indexes::Dropped);
        self.observe_policies();
        self.heed_exclusions();
    }

    /// Fills the inventory anew where other namespaces are excluded from it.
    fn heed_exclusions(&mut self) {
        let matches = |entry: &Arc<lumen_core::snapshot::Entry>| {
            entry.value.get("spec").and_then(|spec| spec.get("match")).cloned().unwrap_or_default()
        };
        let excluded: Vec<Value> = self.configs().map(matches).collect();
        if excluded == self.excluded {
            return;
        }
        self.excluded = excluded;
        // They are read anew; until then what was read stays.
        for gvk in &self.synced {
            self.watches.stop(&Source::Synced(gvk.clone()));
            self.told.remove(gvk);
        }
        self.watch_synced();
    }

    /// What cannot be read, and why.
    pub(super) fn degraded(&self) -> BTreeMap<String, String> {
        let mut degraded = self.unreadable.clone();
        let templates = self.state.policies.templates().iter().map(lumen_core::admission::Template::entry);
        let needed = synced::needed_by(templates, &self.synced);
        let by_name = |gvk: &Gvk, why: String| match needed.get(gvk) {
            None => why,
            Some(names) => format!("{why}; needed by {}", names.join(", ")),
        };
        for (source, watch) in self.watches.iter() {
            let Reading::Failed(error, was_told) = &watch.reading else { continue };
            // A server that is away for a moment takes nothing from what was read.
            if *was_told && error.is_transient() {
                continue;
            }
            let (name, why) = match source {
                Source::Synced(gvk) => (gvk.to_string(), by_name(gvk, error.to_string())),
                _ => (format!("{}.{}", watch.resource.plural, watch.resource.group), error.to_string()),
            };
            degraded.insert(name.trim_end_matches('.').to_owned(), why);
        }
        if self.discovery.is_some() {
            for gvk in self.unknown_kinds() {
                let why = "the API server does not serve this kind".to_owned();
                degraded.insert(gvk.to_string(), by_name(gvk, why));
            }
        }
        degraded
    }

    /// The errors of templates that need a kind which is not synced.
    pub(super) fn sync_errors(&self) -> BTreeMap<Arc<str>, Vec<PolicyError>> {
        let templates = self.state.policies.templates().iter().map(lumen_core::admission::Template::entry);
        let mut errors: BTreeMap<Arc<str>, Vec<PolicyError>> = BTreeMap::new();
        for (gvk, names) in synced::needed_by(templates, &self.synced) {
            let why = match self.watches.get(&Source::Synced(gvk.clone())).map(|watch| &watch.reading) {
                Some(Reading::Failed(error, false)) if !error.is_transient() => error.to_string(),
                None if self.discovery.is_some() => "the API server does not serve this kind".to_owned(),
                _ => continue,
            };
            let message = format!("the kind {gvk} that it needs cannot be synced: {why}");
            for name in names {
                let error =
                    PolicyError { code: SYNC_ERROR, message: message.clone(), location: String::new() };
                errors.entry(name).or_default().push(error);
            }
        }
        errors
    }

    /// Whether everything was read that is to be read.
    fn is_read(&self) -> bool {
        let is_known = self.discovery.is_some() || self.unknown_kinds().next().is_none();
        let is_late = self.is_late();
        is_known
            && self.is_version_asked
            && self.watches.iter().all(|(source, watch)| is_done(source, &watch.reading, is_late))
    }

    /// Whether all policies were read.
    fn are_policies_read(&self) -> bool {
        let of_policies = self.watches.iter().filter(|(source, _)| match source {
            Source::Definitions => true,
            Source::Of(role, _) => role.is_policy(),
            Source::Namespaces | Source::Pods | Source::Synced(_) => false,
        });
        let is_late = self.is_late();
        of_policies.into_iter().all(|(source, watch)| is_done(source, &watch.reading, is_late))
    }

    /// Whether what fails is not waited for any more.
    fn is_late(&self) -> bool {
        self.began.elapsed() >= FIRST_MAX
    }

    fn publish(&mut self) {
        let degraded = self.degraded();
        if *self.state.degraded != degraded {
            for (what, why) in &degraded {
                if self.state.degraded.get(what) != Some(why) {
                    tracing::warn!(what, why, "degraded");
                }
            }
            self.state.degraded = Arc::new(degraded);
            self.unsettle_all();
        }
        if !self.state.is_complete && self.is_built && self.is_read() {
            self.state.is_complete = true;
            tracing::info!(
                templates = self.state.policies.templates().len(),
                constraints = self.state.policies.constraints().len(),
                took = ?self.began.elapsed(),
                "everything is read"
            );
        }
        self.observe();
        self.current.publish(self.state.clone());
    }
}
