//! [`over_pages`]: judges the objects of a list, page by page. However much there is, two pages of one kind are in memory at most:
//! one that is judged, on all cores, and the next, which comes meanwhile.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use lumen_value::Value;
use tokio::task::JoinHandle;

use crate::api::{Api, ApiError, Resource, Selection};

/// What was found in some objects.
pub trait Found: Default + Send + 'static {
    /// Adds what was found in others.
    fn add(&mut self, other: Self);
}

/// Judges some objects.
pub type Judge<F> = dyn Fn(&[Value]) -> F + Send + Sync;

/// How objects are judged.
pub struct Judging<F> {
    /// How many threads judge.
    pub threads: NonZeroUsize,
    /// Judges some objects.
    pub judge: Arc<Judge<F>>,
}

impl<F> Clone for Judging<F> {
    fn clone(&self) -> Self {
        Self { threads: self.threads, judge: self.judge.clone() }
    }
}

/// Judges the objects of a resource. What was found until an error is given with it.
pub async fn over_pages<F: Found>(
    api: &Api,
    resource: &Resource,
    selection: &Selection,
    judging: &Judging<F>,
) -> (F, Result<(), ApiError>) {
    let mut list = api.list(resource, selection);
    let mut found = F::default();
    let mut before: Option<JoinHandle<F>> = None;
    loop {
        let page = list.next_tried().await;
        // The page before is done with before the next is begun.
        if let Some(before) = before.take() {
            match before.await {
                Ok(of_page) => found.add(of_page),
                Err(error) => {
                    let error = ApiError::Request(format!("judging a page failed: {error}"));
                    return (found, Err(error));
                }
            }
        }
        match page {
            Ok(None) => return (found, Ok(())),
            Ok(Some(page)) => {
                if page.is_first {
                    // The list began anew: what was found would be found twice.
                    found = F::default();
                }
                let judging = judging.clone();
                before = Some(tokio::task::spawn_blocking(move || judged(&page.items, &judging)));
            }
            Err(error) => return (found, Err(error)),
        }
    }
}

/// Judges the objects of a page, on several threads.
fn judged<F: Found>(items: &[Value], judging: &Judging<F>) -> F {
    let size = items.len().div_ceil(judging.threads.get()).max(1);
    let mut found = F::default();
    thread::scope(|scope| {
        let judge = &judging.judge;
        let parts: Vec<_> = items.chunks(size).map(|part| scope.spawn(move || judge(part))).collect();
        for part in parts {
            match part.join() {
                Ok(of_part) => found.add(of_part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    found
}
