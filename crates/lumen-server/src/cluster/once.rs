//! [`read_once`]: what the cluster's objects say about policies, read one time and without a watch, for whoever looks at a cluster
//! from outside. The same kinds are read as by the server, and what cannot be read is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::admission::inventory::{Change, Indexes};
use lumen_core::admission::{Inventory, PolicySet, Process};
use lumen_core::finding::Finding;
use lumen_core::snapshot::Entry;
use lumen_value::Value;

use super::kinds::{Gvk, Role, known};
use super::policy::decisive_entry;
use super::{Settings, place_of, shared, synced, text};
use crate::api::{Api, ApiError, Discovery, Resource, Selection, tried, without_managed_fields};

/// What could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The resource as the API calls it, such as `deployments.apps`.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What a cluster says about policies.
#[derive(Debug)]
pub struct Once {
    /// Which kinds the API server knows.
    pub discovery: Discovery,
    /// The policies: those that were given, and those of the cluster, which take the place of others of their names.
    pub policies: PolicySet,
    /// What is wrong with them.
    pub findings: Vec<Finding>,
    /// What policies see as `data.inventory`.
    pub inventory: Inventory,
    /// The Namespaces by name.
    pub namespaces: BTreeMap<Arc<str>, Value>,
    /// The `Exemption` objects.
    pub exemptions: Vec<Value>,
    /// What could not be read: of it nothing is known.
    pub unread: Vec<Unread>,
}

/// Reads what the cluster says. `given` are policies beside those in the cluster; `namespace` is the one that is looked at, where
/// it is not all of them.
///
/// # Errors
///
/// The API server did not answer, or said something that makes no sense. What it does not let the caller read is no error.
pub async fn read_once(
    api: &Api,
    given: Vec<Arc<Entry>>,
    namespace: Option<&str>,
) -> Result<Once, ReadError> {
    let discovery =
        tried(|| api.discover()).await.map_err(|error| ReadError::new("the API's kinds", error))?;
    let mut reader = Reader { api, unread: Vec::new() };
    for (what, reason) in &discovery.failed {
        reader.unread.push(Unread { what: what.clone(), reason: reason.clone() });
    }
    let mut entries = given;
    let mut exemptions = Vec::new();
    let mut synced_kinds: BTreeSet<Gvk> = BTreeSet::new();
    let settings = Settings::new("", crate::names::NAMESPACE);
    for (role, resource) in known(&discovery) {
        if role == Role::LumenConfig {
            // It is about the server.
            continue;
        }
        for object in reader.all(&resource, &Selection::default()).await? {
            match role {
                Role::Exemption => exemptions.push(object),
                Role::SyncSet => synced_kinds.extend(synced::of_sync_set(&object)),
                Role::Config if !settings.heeds(&object) => {}
                Role::Config => {
                    synced_kinds.extend(synced::of_config(&object));
                    entries.push(Arc::new(decisive_entry(&object)));
                }
                _ => entries.push(Arc::new(decisive_entry(&object))),
            }
        }
    }
    let namespaces = reader.namespaces(namespace).await?;
    let (policies, findings) = PolicySet::compile(entries.iter());
    let inventory =
        reader.inventory(&synced::bounded(synced_kinds.into_iter()), &discovery, &policies).await?;
    let unread = reader.unread;
    Ok(Once { discovery, policies, findings, inventory, namespaces, exemptions, unread })
}

/// What was being read when reading ended, and why it did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("reading {what}: {error}")]
pub struct ReadError {
    /// What was being read.
    pub what: String,
    /// Why it could not be.
    pub error: ApiError,
}

impl ReadError {
    /// The reading of something, and why it ended.
    pub fn new(what: impl Into<String>, error: ApiError) -> Self {
        Self { what: what.into(), error }
    }
}

/// Whether an error says that the caller may not read something, or that there is no such thing: all else goes on.
pub const fn is_refusal(error: &ApiError) -> bool {
    matches!(error, ApiError::Forbidden(_) | ApiError::NotFound(_) | ApiError::Other { code: 405, .. })
}

/// `deployments.apps`, `pods`
pub fn resource_name(resource: &Resource) -> String {
    let dot = if resource.group.is_empty() { "" } else { "." };
    format!("{}{dot}{}", resource.plural, resource.group)
}

struct Reader<'a> {
    api: &'a Api,
    unread: Vec<Unread>,
}

impl Reader<'_> {
    /// All objects of a kind; none where it may not be read, and that is noted.
    async fn all(&mut self, resource: &Resource, selection: &Selection) -> Result<Vec<Value>, ReadError> {
        let what = resource_name(resource);
        match tried(|| self.api.list_all(resource, selection)).await {
            Ok(objects) => Ok(objects.iter().map(without_managed_fields).collect()),
            Err(error) if is_refusal(&error) => {
                self.unread.push(Unread { what, reason: error.to_string() });
                Ok(Vec::new())
            }
            Err(error) => Err(ReadError::new(what, error)),
        }
    }

    /// The Namespaces, or the one that is looked at.
    async fn namespaces(&mut self, only: Option<&str>) -> Result<BTreeMap<Arc<str>, Value>, ReadError> {
        let objects = match only {
            None => self.all(&Resource::namespaces(), &Selection::default()).await?,
            // Whoever may read one Namespace may often not list them.
            Some(name) => match tried(|| super::fetch_namespace(self.api, name)).await {
                Ok(namespace) => namespace.into_iter().collect(),
                Err(error) if is_refusal(&error) => {
                    let what = format!("namespace `{name}`");
                    self.unread.push(Unread { what, reason: error.to_string() });
                    Vec::new()
                }
                Err(error) => return Err(ReadError::new(format!("namespace `{name}`"), error)),
            },
        };
        let named = objects.into_iter().map(|object| (shared(&place_of(&object).1), object));
        Ok(named.collect())
    }

    async fn inventory(
        &mut self,
        kinds: &BTreeSet<Gvk>,
        discovery: &Discovery,
        policies: &PolicySet,
    ) -> Result<Inventory, ReadError> {
        let mut inventory = Inventory::default().updated([], Indexes::Dropped);
        for kind in kinds {
            let Some(served) = discovery.find(&kind.group, &kind.version, &kind.kind) else {
                let reason = "the API server does not serve this kind, which is to be synced".to_owned();
                self.unread.push(Unread { what: kind.to_string(), reason });
                continue;
            };
            let everything = Selection::default();
            let mut list = self.api.list(&served.resource, &everything);
            loop {
                let page = match list.next_tried().await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(error) if is_refusal(&error) => {
                        let what = resource_name(&served.resource);
                        self.unread.push(Unread { what, reason: format!("it is to be synced; {error}") });
                        break;
                    }
                    Err(error) => return Err(ReadError::new(resource_name(&served.resource), error)),
                };
                let is_included = |object: &Value| {
                    let namespace = synced::excluding_namespace(object);
                    !policies.exclusions().excludes_namespace(namespace, Process::Sync)
                };
                let included = page.items.iter().filter(|object| is_included(object));
                let changes: Vec<Change> = included
                    .map(|object| {
                        synced::change(kind, place_of(object), Some(without_managed_fields(object)))
                    })
                    .collect();
                inventory = inventory.updated(changes, Indexes::Dropped);
            }
        }
        Ok(inventory)
    }
}

impl Settings {
    /// Whether a `Config` is one that counts.
    fn heeds(&self, object: &Value) -> bool {
        let metadata = object.get("metadata").unwrap_or(&Value::Null);
        text(metadata, "name") == "config"
            && self.config_namespaces.iter().any(|name| name == text(metadata, "namespace"))
    }
}
