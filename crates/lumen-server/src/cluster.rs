//! [`run`]: what the cluster's objects say, as the [`State`] that everybody judges by; and what the cluster is told of it.
//!
//! One writer hears of everything and makes each new state; readers take the newest ([`Current`]). Which kinds are read follows
//! from what is there: the definitions (CRDs) are watched, and with each that is served the objects of its kind, if they are
//! Gatekeeper's, Lumen's own, or to be synced. So a kind whose definition is missing at the start is read as soon as it is there.
//!
//! Policies are compiled aside, and swapped in when they are whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lumen_core::admission::inventory::{Change, Indexes};
use lumen_core::admission::{Inventory, PolicySet};
use lumen_core::object::{items, text};
use lumen_value::{Str, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{Api, ApiError, Discovery, Event, Resource, Selection, without_managed_fields};
use crate::state::{Current, State};

pub mod config;
mod definition;
mod kinds;
pub mod metrics;
mod objects;
pub mod once;
mod own;
mod policy;
mod reports;
mod rights;
mod settle;
mod status;
mod synced;
mod version;
mod watches;
mod write;

pub use own::{own_definitions, upstream_definitions};
pub use rights::{RIGHTS, Right};
pub use version::minor_of;

use kinds::{Definition, Definitions, Gvk, Role};
use metrics::ClusterMetrics;
use objects::{Effect, Objects};
use policy::{Builder, Built, Key, Policy, PolicyError};
use synced::excluding_namespace;
use watches::Watches;
use write::{Defined, Writes};

/// How the cluster is read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What this replica is called in the status of policies: the name of its pod.
    pub pod: String,
    /// The namespace that the replicas run in.
    pub namespace: String,
    /// The namespaces whose `Config` named `config` counts.
    pub config_namespaces: Vec<String>,
    /// What this replica does, in upstream's words, as the status of policies shows it.
    pub operations: Vec<String>,
    /// The minor version of the cluster; `None` where the API server is to say it.
    pub kubernetes_minor: Option<u64>,
    /// Beside a running Gatekeeper: nothing that is upstream's is written.
    pub is_shadow: bool,
}

impl Settings {
    /// For a replica of a name in a namespace.
    pub fn new(pod: &str, namespace: &str) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            pod: pod.to_owned(),
            namespace: namespace.to_owned(),
            config_namespaces: words(&[namespace, "gatekeeper-system"]),
            operations: words(&["audit", "generate", "status", "webhook"]),
            kubernetes_minor: None,
            is_shadow: false,
        }
    }
}

/// Where an object is: its namespace, `None` for what is cluster-scoped, and its name.
type Place = (Option<Str>, Str);

/// Where news comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Definitions,
    Namespaces,
    /// The pods of this program's own namespace.
    Pods,
    /// The objects of a kind.
    Of(Role, Arc<str>),
    /// The objects of a kind that is synced.
    Synced(Gvk),
}

/// What the writer hears.
#[derive(Debug)]
enum News {
    /// Of a watch, by its number.
    Event(u64, Event),
    Discovered(Result<Discovery, ApiError>),
    Built(Box<Builder>, Built),
    Defined(Defined),
    /// The minor version of the cluster; `None` where the API server does not say it.
    Version(Option<u64>),
}

/// Most news that wait: whoever brings more waits, too.
const NEWS_MAX: usize = 1_024;

/// How long the first state waits for what is still being read, before policies are compiled without it.
const FIRST_MAX: Duration = Duration::from_secs(10);

/// Reads the cluster, publishes states and writes what is to be written, until `stop` is done.
pub async fn run(
    api: Api,
    settings: Settings,
    current: Arc<Current>,
    metrics: ClusterMetrics,
    stop: impl Future<Output = ()>,
) {
    let (sender, mut receiver) = mpsc::channel(NEWS_MAX);
    let writes = Arc::new(Writes::default());
    // Dropped at the end, and with it all that runs.
    let mut tasks = JoinSet::new();
    let told = sender.clone();
    let tell = move |defined| {
        let told = told.clone();
        async move {
            if told.send(News::Defined(defined)).await.is_err() {
                tracing::debug!("the server ends");
            }
        }
    };
    tasks.spawn(write::run(api.clone(), writes.clone(), tell));
    if settings.kubernetes_minor.is_none() {
        tasks.spawn(version::run(api.clone(), sender.clone()));
    }
    let mut writer = Writer::new(api, settings, current, metrics, sender, writes);
    let mut stop = std::pin::pin!(stop);
    loop {
        let due = writer.due();
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep_until(due) => {}
            news = receiver.recv() => {
                if let Some(news) = news {
                    writer.hear(news);
                }
                // What came with it is heard with it.
                for _ in 0..NEWS_MAX {
                    let Ok(news) = receiver.try_recv() else { break };
                    writer.hear(news);
                }
            }
        }
        writer.settle();
    }
}

/// A Namespace straight from the API server: for one that was made a moment ago and was not heard of yet. `None` where there is none.
pub async fn fetch_namespace(api: &Api, name: &str) -> Result<Option<Value>, ApiError> {
    match api.get(&Resource::namespaces().at(None, name)).await {
        Ok(namespace) => Ok(Some(without_managed_fields(&namespace))),
        Err(ApiError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What makes the states.
#[expect(clippy::struct_excessive_bools, reason = "each is about another thing that is awaited")]
struct Writer {
    api: Api,
    settings: Settings,
    current: Arc<Current>,
    metrics: ClusterMetrics,
    sender: mpsc::Sender<News>,
    writes: Arc<Writes>,
    watches: Watches,
    began: Instant,
    definitions: Definitions,
    of_definitions: Objects<Definition>,
    discovery: Option<Discovery>,
    /// Whether discovery is under way, and when it may be asked for again.
    discovering: bool,
    discover_at: Instant,
    namespaces: Objects<Value>,
    pods: Objects<()>,
    policies: BTreeMap<Source, Objects<Policy>>,
    others: BTreeMap<Source, Objects<Value>>,
    /// Of the synced kinds that come anew, the objects that were told.
    told: BTreeMap<Gvk, BTreeSet<Place>>,
    synced: BTreeSet<Gvk>,
    /// What is to be changed in the inventory, in its order.
    changes: Vec<Change>,
    inventory_at: Instant,
    /// At work elsewhere while it is missing.
    builder: Option<Box<Builder>>,
    build_at: Instant,
    /// Whether all policies had been read when the build that is under way began.
    builds_all: bool,
    /// Whether policies are in use that were built when all had been read.
    is_built: bool,
    errors: BTreeMap<Key, Vec<PolicyError>>,
    /// The templates whose constraints' definitions were written or could not be, by name.
    defined: BTreeMap<Arc<str>, KindDefined>,
    dirty: Dirty,
    state: State,
    /// Lumen's own objects that cannot be read, each with the reason.
    unreadable: BTreeMap<String, String>,
    /// What excluded namespaces from being synced when the inventory was filled.
    excluded: Vec<Value>,
    /// Whether the API server was asked for its version, or need not be.
    is_version_asked: bool,
}

/// Of which state of a template, by its `uid` and generation, the constraints' kind was defined; and what came of it, once that is
/// known.
type KindDefined = (String, i64, Option<Result<(), ApiError>>);

/// What is to be done.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of the state that is to be made anew")]
struct Dirty {
    watches: bool,
    policies: bool,
    namespaces: bool,
    others: bool,
    state: bool,
    reports: bool,
}

impl Writer {
    fn new(
        api: Api,
        settings: Settings,
        current: Arc<Current>,
        metrics: ClusterMetrics,
        sender: mpsc::Sender<News>,
        writes: Arc<Writes>,
    ) -> Self {
        let now = Instant::now();
        let mut watches = Watches::new(api.clone(), sender.clone());
        watches.start(Source::Definitions, Resource::definitions(), Selection::default(), reduced_definition);
        let namespaces = Resource::namespaces();
        watches.start(Source::Namespaces, namespaces, Selection::default(), without_managed_fields);
        if !settings.is_shadow {
            let own = Selection::in_namespace(&settings.namespace);
            watches.start(Source::Pods, Resource::pods(), own, named_only);
        }
        let (kubernetes_minor, is_version_asked) =
            (settings.kubernetes_minor, settings.kubernetes_minor.is_some());
        Self {
            api,
            settings,
            current,
            metrics,
            sender,
            writes,
            watches,
            began: now,
            definitions: Definitions::new(),
            of_definitions: Objects::default(),
            discovery: None,
            discovering: false,
            discover_at: now,
            namespaces: Objects::default(),
            pods: Objects::default(),
            policies: BTreeMap::new(),
            others: BTreeMap::new(),
            told: BTreeMap::new(),
            synced: BTreeSet::new(),
            changes: Vec::new(),
            inventory_at: now,
            builder: Some(Box::default()),
            build_at: now,
            builds_all: false,
            is_built: false,
            errors: BTreeMap::new(),
            defined: BTreeMap::new(),
            dirty: Dirty { policies: true, state: true, ..Dirty::default() },
            state: State {
                inventory: Inventory::default().updated([], Indexes::Dropped),
                policies: Arc::new(PolicySet::default()),
                kubernetes_minor,
                ..State::default()
            },
            unreadable: BTreeMap::new(),
            excluded: Vec::new(),
            is_version_asked,
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Event(number, event) => {
                // What a watch told that has ended since is no news.
                let Some((source, had_failed)) = self.watches.heard(number, &event) else { return };
                if let Event::Failed(error) = &event {
                    if had_failed || matches!(error, ApiError::Gone(_)) {
                        tracing::debug!(?source, %error, "still cannot be read, and is tried again");
                    } else {
                        tracing::warn!(?source, %error, "cannot be read, and is tried again");
                    }
                    self.metrics.watch_failed();
                    self.dirty.state = true;
                }
                if matches!(event, Event::Synced) {
                    self.dirty.state = true;
                }
                self.heed(source, event);
            }
            News::Discovered(result) => {
                self.discovering = false;
                match result {
                    Ok(discovery) => {
                        self.discovery = Some(discovery);
                        self.dirty.watches = true;
                    }
                    Err(error) => tracing::warn!(%error, "the kinds cannot be found out"),
                }
            }
            News::Built(builder, built) => self.built(builder, built),
            News::Version(minor) => {
                self.dirty.state |= !self.is_version_asked;
                self.is_version_asked = true;
                // One that is away for a moment is still of the version that it was.
                if minor.is_some() && self.state.kubernetes_minor != minor {
                    self.state.kubernetes_minor = minor;
                    self.dirty.state = true;
                }
            }
            News::Defined(Defined { template, result }) => {
                if let Err(error) = &result {
                    tracing::warn!(template = &*template, %error, "the constraints' kind cannot be defined");
                }
                if let Some((_, _, outcome)) = self.defined.get_mut(&template) {
                    *outcome = Some(result);
                }
                self.unsettle(&[("ConstraintTemplate".into(), template)].into());
            }
        }
    }

    /// Heeds an event of a watch.
    fn heed(&mut self, source: Source, event: Event) {
        match source {
            Source::Definitions => {
                if let Event::Deleted(object) = &event {
                    self.undefined(object);
                }
                let made = |object: Value, before: Option<&Definition>| {
                    let made = Definition::of(&object);
                    (before != Some(&made)).then_some(made)
                };
                if self.of_definitions.heed(event, made) == Effect::Changed {
                    self.definitions = self
                        .of_definitions
                        .iter()
                        .map(|((_, name), each)| (shared(name), each.clone()))
                        .collect();
                    self.state.defined =
                        Arc::new(self.definitions.values().flat_map(Definition::resources).collect());
                    self.dirty.watches = true;
                    self.dirty.state = true;
                }
            }
            Source::Namespaces => {
                let made =
                    |object: Value, before: Option<&Value>| (before != Some(&object)).then_some(object);
                if self.namespaces.heed(event, made) == Effect::Changed {
                    self.dirty.namespaces = true;
                }
            }
            Source::Pods => {
                let made = |_: Value, before: Option<&()>| before.is_none().then_some(());
                if self.pods.heed(event, made) == Effect::Changed {
                    self.unsettle_all();
                }
            }
            Source::Of(role, _) if role.is_policy() => self.heed_policy(source, role, event),
            Source::Of(..) => {
                let made =
                    |object: Value, before: Option<&Value>| (before != Some(&object)).then_some(object);
                if self.others.entry(source).or_default().heed(event, made) == Effect::Changed {
                    self.dirty.others = true;
                    self.dirty.watches = true;
                }
            }
            Source::Synced(gvk) => self.heed_synced(&gvk, event),
        }
    }

    fn heed_policy(&mut self, source: Source, role: Role, event: Event) {
        let mut is_other = matches!(event, Event::Deleted(_) | Event::Synced);
        let made = |object: Value, before: Option<&Policy>| {
            let made = Policy::of(&object, before);
            is_other |= before.is_none_or(|before| !Arc::ptr_eq(&before.entry, &made.entry));
            Some(made)
        };
        let effect = self.policies.entry(source).or_default().heed(event, made);
        if effect == Effect::Changed {
            self.dirty.policies |= is_other;
            self.dirty.watches |= is_other && role == Role::Config;
            self.dirty.reports = true;
        }
    }

    fn heed_synced(&mut self, gvk: &Gvk, event: Event) {
        match event {
            Event::Restarted => {
                self.told.insert(gvk.clone(), BTreeSet::new());
            }
            Event::Applied(object) => {
                let place = place_of(&object);
                let namespace = excluding_namespace(&object);
                let exclusions = self.state.policies.exclusions();
                let is_excluded =
                    exclusions.excludes_namespace(namespace, lumen_core::admission::Process::Sync);
                if let Some(told) = self.told.get_mut(gvk).filter(|_| !is_excluded) {
                    told.insert(place.clone());
                }
                self.changes.push(synced::change(gvk, place, (!is_excluded).then_some(object)));
            }
            Event::Deleted(object) => self.changes.push(synced::change(gvk, place_of(&object), None)),
            Event::Synced => {
                self.flush_inventory();
                if let Some(told) = self.told.remove(gvk) {
                    self.forget_synced(gvk, &told);
                }
            }
            Event::Failed(_) => {}
        }
    }

    /// Takes the objects of a kind out of the inventory that are not among some.
    fn forget_synced(&mut self, gvk: &Gvk, kept: &BTreeSet<Place>) {
        let places = self.state.inventory.places(&gvk.api_version(), &gvk.kind);
        let gone = places.into_iter().filter(|place| !kept.contains(place));
        self.changes.extend(gone.map(|place| synced::change(gvk, place, None)));
    }

    /// The definition of a template's constraints is gone: it is written again if the template is still there.
    fn undefined(&mut self, object: &Value) {
        let (_, name) = place_of(object);
        let template = name.as_str().and_then(|name| name.strip_suffix(".constraints.gatekeeper.sh"));
        if template.is_some_and(|template| self.defined.remove(template).is_some()) {
            self.dirty.reports = true;
        }
    }

    fn unsettle(&mut self, keys: &BTreeSet<Key>) {
        let policies = self.policies.values_mut().flat_map(Objects::iter_mut);
        for (_, policy) in policies.filter(|(_, policy)| keys.contains(&policy.key())) {
            policy.is_settled = false;
        }
        self.dirty.reports |= !keys.is_empty();
    }

    fn unsettle_all(&mut self) {
        for objects in self.policies.values_mut() {
            objects.iter_mut().for_each(|(_, policy)| policy.is_settled = false);
        }
        self.dirty.reports = true;
    }
}

fn place_of(object: &Value) -> Place {
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let namespace = text(metadata, "namespace");
    ((!namespace.is_empty()).then(|| namespace.into()), text(metadata, "name").into())
}

fn shared(name: &Str) -> Arc<str> {
    name.as_str().unwrap_or_default().into()
}

/// A definition without its schemas.
fn reduced_definition(object: &Value) -> Value {
    let part = |value: &Value, key: &str| value.get(key).cloned().unwrap_or_default();
    let spec = part(object, "spec");
    let version = |version: &Value| -> Value {
        [("name", part(version, "name")), ("served", part(version, "served"))].into()
    };
    let versions: lumen_value::Array = items(&spec, "versions").map(version).collect();
    let status = object.get("status").unwrap_or(&Value::Null);
    let reduced: Value = [
        ("group", part(&spec, "group")),
        ("scope", part(&spec, "scope")),
        ("names", part(&spec, "names")),
        ("versions", versions.into()),
    ]
    .into();
    [
        ("metadata", identity_of(object)),
        ("spec", reduced),
        ("status", [("conditions", part(status, "conditions"))].into()),
    ]
    .into()
}

/// What an object is called, and nothing more.
fn named_only(object: &Value) -> Value {
    [("metadata", identity_of(object))].into()
}

fn identity_of(object: &Value) -> Value {
    let metadata = object.get("metadata").unwrap_or(&Value::Null);
    let part = |key: &str| metadata.get(key).cloned().unwrap_or_default();
    [("namespace", part("namespace")), ("name", part("name")), ("resourceVersion", part("resourceVersion"))]
        .into()
}
