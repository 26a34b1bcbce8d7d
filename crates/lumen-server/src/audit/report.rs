//! `Reporting`: what an audit found, as reports that other programs read: `Report` and `ClusterReport` of `openreports.io`, or
//! `PolicyReport` and `ClusterPolicyReport` of `wgpolicyk8s.io`, whichever the cluster has.
//!
//! There is a report for each namespace and kind of audited objects, in several parts where it would be large. So each is small, a
//! kind that cannot be read keeps its reports as they are, and an audit need not remember more than what it found of one kind.
//! Only what says something else than before is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lumen_core::object::{field, text};
use lumen_value::Value;
use tokio::task::JoinSet;

mod collected;
mod object;
mod plan;
mod shard;

pub use collected::Collected;
pub(super) use object::key;

use crate::api::{Api, ApiError, Discovery, Ownership, Resource, Selection, tried};
use crate::cluster::config::ReportsConfig;
use crate::state::State;
use collected::OfNamespace;
use object::{About, Dialect};
use plan::{Listed, Plan};

/// How many namespaces are written at once.
const AT_ONCE: usize = 8;

/// Most reports that are remembered to be there: anybody may make some that look like the audit's.
const LISTED_MAX: usize = 200_000;

/// Which reports are written, and for whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which API.
    pub choice: ReportsConfig,
    /// The namespace that the replicas run in: reports go with it.
    pub namespace: String,
    /// The time of the audit, in seconds since 1970.
    pub now: i64,
}

/// What came of the reports of one audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Which API was used: `openreports` or `wgpolicy`; `none` where the cluster has none, and `off`.
    pub api: &'static str,
    /// Reports that hold what was found now.
    pub reports: usize,
    /// Reports that were written, since they say something else than before.
    pub written: usize,
    /// Reports that were removed, since they say nothing any more.
    pub deleted: usize,
    /// Reports that could not be written or removed.
    pub failed: usize,
    /// Violations that are only counted.
    pub left_out: u64,
}

impl Reported {
    fn add(&mut self, other: &Self) {
        self.reports += other.reports;
        self.written += other.written;
        self.deleted += other.deleted;
        self.failed += other.failed;
        self.left_out += other.left_out;
    }
}

/// The reports that are there: by the kind that they are about, and by namespace.
type Listing = BTreeMap<String, BTreeMap<Arc<str>, Vec<Listed>>>;

/// The reports of one audit, while it goes on.
#[derive(Debug)]
pub(super) struct Reporting {
    api: Api,
    state: Arc<State>,
    dialect: Option<Dialect>,
    /// The kinds of reports: in namespaces, and of the cluster.
    kinds: BTreeMap<bool, Resource>,
    /// The kinds of reports that are not used: what was written of them is to go.
    unused: Vec<Resource>,
    owner: Option<(String, String)>,
    now: i64,
    listing: Listing,
    reported: Reported,
}

/// The dialect that is used, of those that the cluster has.
fn dialect(choice: ReportsConfig, discovery: &Discovery) -> Option<Dialect> {
    let wanted: &[Dialect] = match choice {
        ReportsConfig::Auto => &Dialect::ALL,
        ReportsConfig::Off => &[],
        ReportsConfig::OpenReports => &[Dialect::OpenReports],
        ReportsConfig::WgPolicy => &[Dialect::WgPolicy],
    };
    wanted.iter().copied().find(|dialect| kinds(*dialect, discovery).next().is_some())
}

/// The kinds of a dialect that the cluster has.
fn kinds(dialect: Dialect, discovery: &Discovery) -> impl Iterator<Item = (bool, Resource)> {
    let (group, version) = dialect.group_version();
    [true, false].into_iter().filter_map(move |is_namespaced| {
        let served = discovery.find(group, version, dialect.kind(is_namespaced))?;
        (served.resource.is_namespaced == is_namespaced).then(|| (is_namespaced, served.resource.clone()))
    })
}

/// Whether nothing is told of a kind but in the constraints: of reports there would be reports for ever, and of Events Events.
pub(super) fn is_left_out(group: &str, kind: &str) -> bool {
    let of_reports = Dialect::ALL.iter().any(|dialect| dialect.group_version().0 == group);
    of_reports || (kind == "Event" && matches!(group, "" | "events.k8s.io"))
}

impl Reporting {
    /// Begins the reports of an audit: reads which are there.
    pub(super) async fn begin(
        api: &Api,
        state: &Arc<State>,
        discovery: &Discovery,
        settings: &Settings,
    ) -> Result<Self, ApiError> {
        let dialect = dialect(settings.choice, discovery);
        let used: BTreeMap<bool, Resource> =
            dialect.into_iter().flat_map(|dialect| kinds(dialect, discovery)).collect();
        let all = Dialect::ALL.into_iter().flat_map(|dialect| kinds(dialect, discovery));
        let unused = all.map(|(_, resource)| resource).filter(|each| !used.values().any(|used| used == each));
        let owner = state.namespaces.get(settings.namespace.as_str()).and_then(|namespace| {
            let uid = text(field(namespace, &["metadata"]), "uid");
            (!uid.is_empty()).then(|| (settings.namespace.clone(), uid.to_owned()))
        });
        let mut listing = Listing::new();
        for resource in used.values() {
            list(api, resource, &mut listing).await?;
        }
        let word = match (settings.choice, dialect) {
            (ReportsConfig::Off, _) => "off",
            (_, None) => "none",
            (_, Some(dialect)) => dialect.word(),
        };
        Ok(Self {
            api: api.clone(),
            state: state.clone(),
            dialect,
            unused: unused.collect(),
            kinds: used,
            owner,
            now: settings.now,
            listing,
            reported: Reported { api: word, ..Reported::default() },
        })
    }

    /// Whether anything is reported of a kind.
    pub(super) fn is_about(&self, audited: &Resource) -> bool {
        self.dialect.is_some() && !is_left_out(&audited.group, &audited.kind)
    }

    /// Writes what was found of a kind that was read to its end.
    pub(super) async fn kind(&mut self, audited: &Resource, collected: Collected) {
        let Some(dialect) = self.dialect else { return };
        let about = Arc::new(About { dialect, audited: audited.clone(), owner: self.owner.clone() });
        let mut there = self.listing.remove(&object::key(audited)).unwrap_or_default();
        let mut found = collected.into_namespaces();
        let names: BTreeSet<Arc<str>> = there.keys().chain(found.keys()).cloned().collect();
        let mut tasks: JoinSet<Reported> = JoinSet::new();
        for namespace in names {
            let (there, found) = (there.remove(&namespace), found.remove(&namespace));
            let Some(resource) = self.kinds.get(&!namespace.is_empty()).cloned() else {
                // The cluster has one of the two kinds alone.
                self.reported.left_out += found.map_or(0, |found| found.total());
                continue;
            };
            // Of a namespace that is not known, or is going, nothing can be said.
            if !self.is_standing(&namespace) {
                continue;
            }
            while tasks.len() >= AT_ONCE {
                self.took(tasks.join_next().await);
            }
            let place = Place { api: self.api.clone(), resource, namespace, now: self.now };
            let (there, found) = (there.unwrap_or_default(), found.unwrap_or_default());
            tasks.spawn(place.settle(about.clone(), there, found));
        }
        while let Some(result) = tasks.join_next().await {
            self.took(Some(result));
        }
    }

    fn took(&mut self, result: Option<Result<Reported, tokio::task::JoinError>>) {
        match result {
            Some(Ok(reported)) => self.reported.add(&reported),
            Some(Err(error)) => {
                tracing::warn!(%error, "reports could not be made");
                self.reported.failed += 1;
            }
            None => {}
        }
    }

    fn is_standing(&self, namespace: &str) -> bool {
        namespace.is_empty()
            || self
                .state
                .namespaces
                .get(namespace)
                .is_some_and(|namespace| field(namespace, &["metadata", "deletionTimestamp"]).is_null())
    }

    /// Removes the reports about kinds that are not audited any more, and those of an API that is not used. What was not read to
    /// its end is named by `unread`: kinds by plural and group, and whole groups.
    pub(super) async fn end(mut self, unread: &BTreeSet<String>) -> Reported {
        let is_unread = |key: &str| {
            unread.contains(key) || key.split_once('.').is_some_and(|(_, group)| unread.contains(group))
        };
        for (key, of_kind) in std::mem::take(&mut self.listing) {
            let kept: usize = of_kind.values().map(Vec::len).sum();
            if is_unread(&key) {
                self.reported.reports += kept;
                continue;
            }
            for (namespace, listed) in of_kind {
                let Some(resource) = self.kinds.get(&!namespace.is_empty()).cloned() else { continue };
                if self.is_standing(&namespace) {
                    let place = Place { api: self.api.clone(), resource, namespace, now: self.now };
                    let removed = place.remove(listed).await;
                    self.reported.add(&removed);
                }
            }
        }
        for resource in std::mem::take(&mut self.unused) {
            let mut listing = Listing::new();
            if let Err(error) = list(&self.api, &resource, &mut listing).await {
                tracing::debug!(plural = &*resource.plural, %error, "reports that are not used cannot be read");
            }
            for (namespace, listed) in listing.into_values().flatten() {
                let (api, resource) = (self.api.clone(), resource.clone());
                let place = Place { api, resource, namespace, now: self.now };
                let removed = place.remove(listed).await;
                self.reported.add(&removed);
            }
        }
        self.reported
    }
}

/// Reads which of the audit's reports are there.
async fn list(api: &Api, resource: &Resource, listing: &mut Listing) -> Result<(), ApiError> {
    let selection = Selection { labels: object::selector(), ..Selection::default() };
    let mut pages = api.list_metadata(resource, &selection);
    let mut count = 0;
    while let Some(page) = pages.next().await? {
        for object in &page.items {
            if count >= LISTED_MAX {
                return Ok(());
            }
            count += 1;
            let (namespace, key, listed) = Listed::of(object);
            listing.entry(key.to_owned()).or_default().entry(namespace.into()).or_default().push(listed);
        }
    }
    Ok(())
}

/// Where reports of a kind are: in a namespace, or in none.
struct Place {
    api: Api,
    resource: Resource,
    namespace: Arc<str>,
    now: i64,
}

impl Place {
    /// Makes the reports about a kind in this namespace those that they should be.
    async fn settle(self, about: Arc<About>, there: Vec<Listed>, found: OfNamespace) -> Reported {
        let left_out = found.left_out().map(|(_, _, count)| count).sum();
        let namespace = self.namespace.clone();
        let planned =
            tokio::task::spawn_blocking(move || plan::plan(there, about.reports(&namespace, &found)));
        let plan = match planned.await {
            Ok(plan) => plan,
            Err(error) => {
                tracing::warn!(namespace = &*self.namespace, %error, "reports could not be made");
                return Reported { failed: 1, ..Reported::default() };
            }
        };
        let reports = plan.unchanged + plan.written.len();
        Reported { reports, left_out, ..self.carry_out(plan).await }
    }

    async fn carry_out(&self, plan: Plan) -> Reported {
        let mut reported = Reported::default();
        let mut since = BTreeMap::new();
        for name in &plan.read {
            match tried(|| async { self.api.get(&self.at(name)).await }).await {
                Ok(report) => since.extend(object::since(&report)),
                Err(error) => tracing::debug!(name, %error, "since when is not known any more"),
            }
        }
        for report in &plan.written {
            let object = report.object(&since, self.now);
            let at = self.at(&report.name);
            match tried(|| self.api.apply(&at, &object, Ownership::Forced)).await {
                Ok(_) => reported.written += 1,
                Err(error) => {
                    reported.failed += 1;
                    tracing::warn!(
                        namespace = &*self.namespace, name = report.name, %error,
                        "the report cannot be written"
                    );
                }
            }
        }
        // What was not written is in the old ones still.
        if reported.failed == 0 {
            reported.add(&self.remove(plan.deleted).await);
        }
        reported
    }

    async fn remove(&self, listed: Vec<Listed>) -> Reported {
        let mut reported = Reported::default();
        for report in listed {
            let at = self.at(&report.name);
            let uid = Some(report.uid.as_str()).filter(|uid| !uid.is_empty());
            let removed = tried(|| async {
                match self.api.delete(&at, uid).await {
                    // Another of its name is there now, or none.
                    Err(ApiError::NotFound(_) | ApiError::Conflict(_)) => Ok(Value::Null),
                    result => result,
                }
            });
            match removed.await {
                Ok(_) => reported.deleted += 1,
                Err(error) => {
                    reported.failed += 1;
                    tracing::warn!(
                        namespace = &*self.namespace, name = report.name, %error,
                        "the report cannot be removed"
                    );
                }
            }
        }
        reported
    }

    fn at<'a>(&'a self, name: &'a str) -> crate::api::At<'a> {
        self.resource.at(Some(&self.namespace), name)
    }
}

#[cfg(test)]
mod tests;
