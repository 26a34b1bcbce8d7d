//! [`Reflector`]: the objects of a resource and all that happens to them, without end, whatever happens to the connection.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use lumen_value::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::sharing::Sharing;
use super::watch::resource_version;
use super::{Api, ApiError, Resource, Selection, Watch, WatchEvent};

/// What a [`Reflector`] tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// The objects come anew: those that are not told until [`Event::Synced`] are gone.
    Restarted,
    /// An object is new, is another now, or is told again.
    Applied(Value),
    /// An object is gone; this is how it was last.
    Deleted(Value),
    /// All objects were told. It is told again where reading goes on after a failure.
    Synced,
    /// The resource cannot be read now: why. It is tried again.
    Failed(ApiError),
}

/// Reads a resource: first all objects, then what happens to them.
///
/// A connection that breaks off is made again where it was; what the server no longer knows how to continue (410) is read anew.
/// Each failure is told, and the next try waits longer than the one before.
#[derive(Debug)]
pub struct Reflector {
    api: Api,
    resource: Resource,
    selection: Selection,
    /// What is kept of an object.
    keep: fn(&Value) -> Value,
    /// What objects have in common.
    sharing: Sharing,
    place: Place,
    /// What was read and is not told yet, the next one last.
    pending: Vec<Event>,
    backoff: Backoff,
    /// Whether the last try failed, after all objects had been told.
    has_failed: bool,
    /// Whether all objects were told once.
    was_told: bool,
    /// Whether the server was not there the last time.
    is_away: bool,
    /// When the watch was opened.
    opened: Instant,
}

#[derive(Debug)]
enum Place {
    /// Nothing was read.
    Start,
    /// All was read up to a `resourceVersion`.
    At(String),
    /// A watch is open.
    Watching(Box<Watch>, String),
    /// The last try failed: the next is at a moment, and not before.
    Failed(ApiError, Option<String>, Instant),
}

impl Reflector {
    /// Reads the selected objects of a resource.
    pub fn new(api: Api, resource: Resource, selection: Selection) -> Self {
        Self {
            api,
            resource,
            selection,
            keep: Value::clone,
            sharing: Sharing::default(),
            place: Place::Start,
            pending: Vec::new(),
            backoff: Backoff::default(),
            has_failed: false,
            was_told: false,
            is_away: false,
            opened: Instant::now(),
        }
    }

    /// Keeps of each object what a function keeps: from the moment at which it was read, so that a long list takes no more
    /// memory than what is kept of it. Its `metadata.resourceVersion` must stay.
    #[must_use]
    pub fn keeping(self, keep: fn(&Value) -> Value) -> Self {
        Self { keep, ..self }
    }

    /// The next event; there is always one. Whoever stops waiting for it loses nothing: reading goes on where it was.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.pending.pop() {
                return event;
            }
            // A place is left once what comes after it is there, not before.
            match &mut self.place {
                Place::Start => match self.list().await {
                    Ok(version) => self.place = Place::At(version),
                    Err(error) => return self.failed(error, None),
                },
                Place::At(version) => {
                    let version = version.clone();
                    match self.api.watch(&self.resource, &self.selection, &version).await {
                        Ok(watch) => {
                            self.place = Place::Watching(Box::new(watch), version);
                            self.opened = Instant::now();
                            self.reached();
                            if std::mem::take(&mut self.has_failed) {
                                return Event::Synced;
                            }
                        }
                        Err(error) => return self.failed(error, Some(version)),
                    }
                }
                Place::Watching(watch, version) => match watch.next().await {
                    Ok(None) => {
                        self.place = Place::At(std::mem::take(version));
                        if self.opened.elapsed() < BRIEF {
                            tokio::time::sleep(self.backoff.next()).await;
                        } else {
                            self.backoff.reset();
                        }
                    }
                    Ok(Some(event)) => {
                        self.backoff.reset();
                        if let Some(event) = happened(version, event, self.keep, &mut self.sharing) {
                            return event;
                        }
                    }
                    Err(error) => {
                        let version = std::mem::take(version);
                        return self.failed(error, Some(version));
                    }
                },
                Place::Failed(error, version, until) => {
                    rest(*until, error, &self.api.recovered).await;
                    self.place = match version.take() {
                        Some(version) => Place::At(version),
                        None => Place::Start,
                    };
                }
            }
        }
    }

    /// The server answers, whatever it says: others that wait for that are told.
    fn reached(&mut self) {
        if std::mem::take(&mut self.is_away) {
            self.api.recovered.notify_waiters();
        }
    }

    fn failed(&mut self, error: ApiError, version: Option<String>) -> Event {
        let version = match error {
            // The server does not know the place any more, or what comes next cannot be taken and would only be met again.
            ApiError::Gone(_) | ApiError::TooLarge(_) | ApiError::Malformed(_) => None,
            _ => version,
        };
        self.has_failed = version.is_some();
        if is_away(&error) {
            self.is_away = true;
        } else {
            self.reached();
        }
        let wait = self.backoff.next_within(match &error {
            ApiError::Gone(_) => GONE_WAIT_MAX,
            ApiError::TooLarge(_) | ApiError::Malformed(_) => WAIT_MAX,
            // A server that has just started knows neither kinds nor rights at first.
            error if self.was_told || error.is_transient() => TRANSIENT_WAIT_MAX,
            _ => WAIT_MAX,
        });
        let until = Instant::now() + error.wait().unwrap_or_default().max(wait);
        self.place = Place::Failed(error.clone(), version, until);
        Event::Failed(error)
    }

    /// Reads all objects; the `resourceVersion` of the list.
    async fn list(&mut self) -> Result<String, ApiError> {
        let mut list = self.api.list(&self.resource, &self.selection);
        let mut events = Vec::new();
        let mut version = String::new();
        while let Some(page) = list.next().await? {
            if page.is_first {
                events.clear();
                events.push(Event::Restarted);
            }
            for item in page.items {
                events.push(Event::Applied(self.sharing.share(&(self.keep)(&item))));
            }
            version = page.resource_version;
        }
        events.push(Event::Synced);
        events.reverse();
        self.pending = events;
        self.was_told = true;
        Ok(version)
    }
}

/// What an event of a watch tells; `version` is the watch's place from then on.
fn happened(
    version: &mut String,
    event: WatchEvent,
    keep: fn(&Value) -> Value,
    sharing: &mut Sharing,
) -> Option<Event> {
    let (newer, event) = match event {
        WatchEvent::Bookmark(version) => (version, None),
        WatchEvent::Applied(object) => {
            let kept = sharing.share(&keep(&object));
            (resource_version(&object).to_owned(), Some(Event::Applied(kept)))
        }
        WatchEvent::Deleted(object) => {
            (resource_version(&object).to_owned(), Some(Event::Deleted(keep(&object))))
        }
    };
    if !newer.is_empty() {
        *version = newer;
    }
    event
}

/// How long to wait before the next try: each time about twice as long, up to half a minute, and never the same as others do.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    tries: u32,
}

/// The longest wait where the server has forgotten the place, as one that was restarted has: it is there.
const GONE_WAIT_MAX: Duration = Duration::from_millis(500);

/// The longest wait where the server is away for a moment: what happens meanwhile is heard of that much later.
const TRANSIENT_WAIT_MAX: Duration = Duration::from_secs(3);

/// A watch that ends sooner is one that the server will not keep: the next waits.
const BRIEF: Duration = Duration::from_secs(1);

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

impl Backoff {
    /// How long to wait now.
    #[expect(clippy::should_implement_trait, reason = "it has no end")]
    pub fn next(&mut self) -> Duration {
        self.next_within(WAIT_MAX)
    }

    /// The same, but no longer than a bound.
    pub fn next_within(&mut self, most: Duration) -> Duration {
        let longest = Duration::from_millis(200).saturating_mul(1 << self.tries.min(10)).min(most);
        self.tries = self.tries.saturating_add(1);
        // Between half of it and all of it.
        longest / 2 + (longest / 2).mul_f64(random())
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// Waits, but no longer than until somebody else reaches a server that was away.
async fn rest(until: Instant, error: &ApiError, recovered: &Notify) {
    if !is_away(error) {
        return tokio::time::sleep_until(until).await;
    }
    tokio::select! {
        () = tokio::time::sleep_until(until) => {}
        // Not all at the same moment.
        () = recovered.notified() => tokio::time::sleep(RECOVERED_WAIT_MAX.mul_f64(random())).await,
    }
}

/// Whether an error says that the server is not there, rather than what it answers.
const fn is_away(error: &ApiError) -> bool {
    matches!(error, ApiError::Unavailable(_) | ApiError::Timeout)
}

/// Longest wait after somebody else has reached the server.
const RECOVERED_WAIT_MAX: Duration = Duration::from_millis(300);

/// A number from 0 to 1.
pub(super) fn random() -> f64 {
    let random = RandomState::new().build_hasher().finish() % 1000;
    f64::from(u32::try_from(random).unwrap_or_default()) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_wait_longer_and_longer_up_to_a_bound() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] >= Duration::from_millis(100) && waits[0] <= Duration::from_millis(200));
        assert!(waits.iter().all(|wait| *wait <= WAIT_MAX));
        assert!(waits[19] >= WAIT_MAX / 2);
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(200));
    }
}
