//! [`Watches`]: the resources that are being read.

use std::collections::BTreeMap;

use lumen_value::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{News, Source};
use crate::api::{Api, ApiError, Event, Reflector, Resource, Selection};

/// How far the reading of a resource is.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// Not all objects were told yet.
    Begun,
    /// They were, and what happens to them is told.
    Synced,
    /// It failed the last time that it was tried, and whether all objects were told before.
    Failed(ApiError, bool),
}

impl Reading {
    /// Whether waiting for it is of use: not once all was told, and not where it needs somebody to do something.
    pub(super) const fn is_awaited(&self) -> bool {
        match self {
            Self::Begun => true,
            Self::Synced | Self::Failed(_, true) => false,
            Self::Failed(error, false) => error.is_transient(),
        }
    }
}

/// A resource that is being read.
#[derive(Debug)]
pub(super) struct Watch {
    number: u64,
    pub(super) resource: Resource,
    pub(super) reading: Reading,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The resources that are being read, each by a task.
#[derive(Debug)]
pub(super) struct Watches {
    api: Api,
    sender: mpsc::Sender<News>,
    by_source: BTreeMap<Source, Watch>,
    sources: BTreeMap<u64, Source>,
    next: u64,
}

impl Watches {
    pub(super) fn new(api: Api, sender: mpsc::Sender<News>) -> Self {
        Self { api, sender, by_source: BTreeMap::new(), sources: BTreeMap::new(), next: 0 }
    }

    /// Begins to read a resource; what was read for the same source before is read no more.
    pub(super) fn start(
        &mut self,
        source: Source,
        resource: Resource,
        selection: Selection,
        keep: fn(&Value) -> Value,
    ) {
        self.stop(&source);
        let number = self.next;
        self.next += 1;
        let mut reflector = Reflector::new(self.api.clone(), resource.clone(), selection).keeping(keep);
        let sender = self.sender.clone();
        let task = tokio::spawn(async move {
            loop {
                let event = reflector.next().await;
                if sender.send(News::Event(number, event)).await.is_err() {
                    return;
                }
            }
        });
        let watch = Watch { number, resource, reading: Reading::Begun, task: task.abort_handle() };
        self.sources.insert(number, source.clone());
        self.by_source.insert(source, watch);
    }

    pub(super) fn stop(&mut self, source: &Source) {
        if let Some(watch) = self.by_source.remove(source) {
            self.sources.remove(&watch.number);
        }
    }

    /// Which source an event is of, and whether reading it had failed before; `None` where it is read no more.
    pub(super) fn heard(&mut self, number: u64, event: &Event) -> Option<(Source, bool)> {
        let source = self.sources.get(&number)?.clone();
        let watch = self.by_source.get_mut(&source)?;
        let had_failed = matches!(watch.reading, Reading::Failed(..));
        match event {
            Event::Synced => watch.reading = Reading::Synced,
            Event::Failed(error) => {
                let was_told = !matches!(watch.reading, Reading::Begun | Reading::Failed(_, false));
                watch.reading = Reading::Failed(error.clone(), was_told);
            }
            Event::Restarted | Event::Applied(_) | Event::Deleted(_) => {}
        }
        Some((source, had_failed))
    }

    pub(super) fn get(&self, source: &Source) -> Option<&Watch> {
        self.by_source.get(source)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Source, &Watch)> {
        self.by_source.iter()
    }
}
