//! [`sweep`]: judges what is in the cluster, page by page.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use jiff::Timestamp;
use lumen_core::admission::audit::{Audited, Tally};
use lumen_value::Value;

use super::pages::{Found, Judging, over_pages};
use super::report::{self, Collected, Reported, Reporting};
use crate::api::{Api, ApiError, Selection};
use crate::state::State;

/// What a sweep found.
#[derive(Debug)]
pub struct Swept {
    /// The violations, counted.
    pub tally: Tally,
    /// How many objects were looked at.
    pub objects: u64,
    /// What could not be read, or not whole, each with the reason: of it nothing is known.
    pub unread: Vec<(String, String)>,
    /// Of these, the kinds by group and name that the API server failed to list for the moment: what is found of constraints about
    /// them is less than there is.
    pub failed: Vec<(Arc<str>, Arc<str>)>,
    /// What came of the reports, where there were to be any.
    pub reported: Option<Reported>,
}

/// Told of every object with violations.
pub type Note = Arc<dyn Fn(&Value, &Audited) + Send + Sync>;

/// How a cluster is swept.
#[derive(Clone)]
pub struct Sweep {
    /// What is judged by.
    pub state: Arc<State>,
    /// One time for the whole sweep, in nanoseconds since 1970.
    pub time_ns: i64,
    /// Most violations in the status of a constraint.
    pub violations_max: usize,
    /// How many threads judge.
    pub threads: NonZeroUsize,
    /// Who is told of every object with violations.
    pub note: Note,
    /// Which reports are written; `None` to leave those that are there alone.
    pub reports: Option<report::Settings>,
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sweep").field("time_ns", &self.time_ns).finish_non_exhaustive()
    }
}

/// Judges all objects that constraints may be about, and writes the reports of each kind that it has read.
///
/// A kind that cannot be read is left out and named. An error of the discovery ends the sweep, since then nothing is known.
pub async fn sweep(api: &Api, sweep: &Sweep) -> Result<Swept, ApiError> {
    let discovery = api.discover().await?;
    let state = &sweep.state;
    let mut swept = Swept {
        tally: Tally::new(sweep.violations_max),
        objects: 0,
        unread: Vec::new(),
        failed: Vec::new(),
        reported: None,
    };
    swept.unread.extend(discovery.failed.iter().map(|(name, reason)| (name.clone(), reason.clone())));
    let mut reporting = None;
    if let Some(settings) = &sweep.reports {
        match Reporting::begin(api, state, &discovery, settings).await {
            Ok(begun) => reporting = Some(begun),
            Err(error) => tracing::warn!(%error, "the reports that are there cannot be read, and stay"),
        }
    }
    // Groups, and kinds by plural and group, whose reports stay as they are.
    let mut unread: BTreeSet<String> = discovery
        .failed
        .keys()
        .filter_map(|name| name.split_once('/'))
        .map(|(group, _)| group.to_owned())
        .collect();
    let kinds = state.policies.audited_kinds();
    for served in discovery.kinds().filter(|served| served.can("list")) {
        let resource = &served.resource;
        if kinds.as_ref().is_some_and(|kinds| !kinds.contains(&*resource.kind)) {
            continue;
        }
        let collects = reporting.as_ref().is_some_and(|reporting| reporting.is_about(resource));
        let judge = Judge { sweep: sweep.clone(), collects };
        let judging = Judging { threads: sweep.threads, judge: Arc::new(move |items| judge.objects(items)) };
        let (of_kind, result) = over_pages(api, resource, &Selection::default(), &judging).await;
        if let Some(tally) = of_kind.tally {
            swept.tally.merge(tally);
        }
        swept.objects += of_kind.objects;
        let name = || format!("{}.{}", resource.plural, resource.api_version());
        match (result, &mut reporting) {
            (Err(error), _) => {
                if error.is_transient() {
                    swept.failed.push((resource.group.clone(), resource.kind.clone()));
                }
                swept.unread.push((name(), error.to_string()));
                unread.insert(report::key(resource));
            }
            (Ok(()), Some(reporting)) if collects => reporting.kind(resource, of_kind.collected).await,
            (Ok(()), _) => {}
        }
        if of_kind.homeless > 0 {
            let reason = format!("{} objects are in a namespace that is not known", of_kind.homeless);
            swept.unread.push((name(), reason));
        }
    }
    if let Some(reporting) = reporting {
        swept.reported = Some(reporting.end(&unread).await);
    }
    Ok(swept)
}

#[derive(Debug)]
struct Judge {
    sweep: Sweep,
    /// Whether what is found is collected for reports.
    collects: bool,
}

/// What was found in some objects.
#[derive(Debug, Default)]
struct OfObjects {
    /// `None` for no objects.
    tally: Option<Tally>,
    objects: u64,
    /// Objects whose namespace is not known: it was made, or went, a moment ago.
    homeless: u64,
    collected: Collected,
}

impl Found for OfObjects {
    fn add(&mut self, other: Self) {
        match (&mut self.tally, other.tally) {
            (Some(own), Some(other)) => own.merge(other),
            (own @ None, other) => *own = other,
            (Some(_), None) => {}
        }
        self.objects += other.objects;
        self.homeless += other.homeless;
        self.collected.merge(other.collected);
    }
}

impl Judge {
    fn objects(&self, items: &[Value]) -> OfObjects {
        let Sweep { state, time_ns, note, .. } = &self.sweep;
        let now = Timestamp::from_nanosecond((*time_ns).into()).unwrap_or_default();
        let mut tally = Tally::new(self.sweep.violations_max);
        let mut found = OfObjects::default();
        for object in items {
            let name = object.get("metadata").and_then(|metadata| metadata.get("namespace"));
            let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
            let namespace = name.and_then(|name| state.namespaces.get(name));
            if name.is_some() && namespace.is_none() {
                found.homeless += 1;
                continue;
            }
            found.objects += 1;
            let mut audited = state.policies.audit(object, namespace, &state.inventory, *time_ns);
            audited.exempt(&state.policies, &state.exemptions, object, now);
            if !audited.verdicts.is_empty() || audited.failure.is_some() {
                note(object, &audited);
            }
            if self.collects {
                found.collected.add(&state.policies, &audited.verdicts, object);
            }
            tally.add(&audited.verdicts, object);
        }
        found.tally = Some(tally);
        found
    }
}
