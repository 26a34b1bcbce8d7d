//! [`sweep`]: judges what is in the cluster, page by page. However much there is, two pages of one kind are in memory at most:
//! one that is judged, on all cores, and the next, which comes meanwhile.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use lumen_core::admission::audit::{Audited, Tally};
use lumen_value::Value;
use tokio::task::JoinHandle;

use crate::api::{Api, ApiError, Resource, Selection};
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
}

/// Told of every object with violations.
pub type Note = fn(&Value, &Audited);

/// Judges all objects that constraints may be about.
///
/// A kind that cannot be read is left out and named. An error of the discovery ends the sweep, since then nothing is known.
pub async fn sweep(
    api: &Api,
    state: &Arc<State>,
    time_ns: i64,
    violations_max: usize,
    threads: NonZeroUsize,
    note: Note,
) -> Result<Swept, ApiError> {
    let discovery = api.discover().await?;
    let mut swept = Swept { tally: Tally::new(violations_max), objects: 0, unread: Vec::new() };
    swept.unread.extend(discovery.failed.iter().map(|(name, reason)| (name.clone(), reason.clone())));
    let kinds = state.policies.audited_kinds();
    for served in discovery.kinds().filter(|served| served.can("list")) {
        let resource = &served.resource;
        if kinds.as_ref().is_some_and(|kinds| !kinds.contains(&*resource.kind)) {
            continue;
        }
        let judge = Judge { state: state.clone(), time_ns, violations_max, threads, note };
        let (of_kind, result) = judge.kind(api, resource).await;
        swept.tally.merge(of_kind.tally);
        swept.objects += of_kind.objects;
        let name = || format!("{}.{}", resource.plural, resource.api_version());
        if let Err(error) = result {
            swept.unread.push((name(), error.to_string()));
        }
        if of_kind.homeless > 0 {
            let reason = format!("{} objects are in a namespace that is not known", of_kind.homeless);
            swept.unread.push((name(), reason));
        }
    }
    Ok(swept)
}

#[derive(Clone, Debug)]
struct Judge {
    state: Arc<State>,
    /// One time for the whole sweep.
    time_ns: i64,
    violations_max: usize,
    threads: NonZeroUsize,
    note: Note,
}

/// What was found in some objects.
#[derive(Debug)]
struct Found {
    tally: Tally,
    objects: u64,
    /// Objects whose namespace is not known: it was made, or went, a moment ago.
    homeless: u64,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.tally.merge(other.tally);
        self.objects += other.objects;
        self.homeless += other.homeless;
    }
}

impl Judge {
    /// Judges the objects of a kind; what was found until an error counts.
    async fn kind(&self, api: &Api, resource: &Resource) -> (Found, Result<(), ApiError>) {
        let selection = Selection::default();
        let mut list = api.list(resource, &selection);
        let mut found = self.nothing();
        let mut judging: Option<JoinHandle<Found>> = None;
        loop {
            let page = list.next().await;
            // The page before is done with before the next is begun.
            match judged(judging.take()).await {
                Ok(Some(of_page)) => found.add(of_page),
                Ok(None) => {}
                Err(error) => return (found, Err(error)),
            }
            match page {
                Ok(None) => return (found, Ok(())),
                Ok(Some(page)) => {
                    if page.is_first {
                        // The list began anew: what was found would be found twice.
                        found = self.nothing();
                    }
                    let judge = self.clone();
                    judging = Some(tokio::task::spawn_blocking(move || judge.page(&page.items)));
                }
                Err(error) => return (found, Err(error)),
            }
        }
    }

    fn nothing(&self) -> Found {
        Found { tally: Tally::new(self.violations_max), objects: 0, homeless: 0 }
    }

    /// Judges the objects of a page, on several threads.
    fn page(&self, items: &[Value]) -> Found {
        let size = items.len().div_ceil(self.threads.get()).max(1);
        let mut found = self.nothing();
        thread::scope(|scope| {
            let parts: Vec<_> = items.chunks(size).map(|part| scope.spawn(|| self.objects(part))).collect();
            for part in parts {
                match part.join() {
                    Ok(of_part) => found.add(of_part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        found
    }

    fn objects(&self, items: &[Value]) -> Found {
        let mut found = self.nothing();
        for object in items {
            let name = object.get("metadata").and_then(|metadata| metadata.get("namespace"));
            let name = name.and_then(Value::as_str).filter(|name| !name.is_empty());
            let namespace = name.and_then(|name| self.state.namespaces.get(name));
            if name.is_some() && namespace.is_none() {
                found.homeless += 1;
                continue;
            }
            found.objects += 1;
            let audited = self.state.policies.audit(object, namespace, &self.state.inventory, self.time_ns);
            if !audited.verdicts.is_empty() || audited.failure.is_some() {
                (self.note)(object, &audited);
            }
            found.tally.add(&audited.verdicts, object);
        }
        found
    }
}

/// What came of a page, once it is judged.
async fn judged(judging: Option<JoinHandle<Found>>) -> Result<Option<Found>, ApiError> {
    let Some(judging) = judging else { return Ok(None) };
    judging.await.map(Some).map_err(|error| ApiError::Request(format!("judging a page failed: {error}")))
}
