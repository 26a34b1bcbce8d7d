//! Work on many inputs at once, each behind a wall of its own.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Most threads. More do not help: the work is bound by memory and by the file system.
const THREADS_MAX: usize = 16;

/// The results for all items, in the items' order whatever thread made them. Where the function panics, which is
/// a bug in it, the result is `None` and the rest goes on: one file must never keep others from being checked.
pub fn map<T: Sync, R: Send>(items: &[T], function: impl Fn(&T) -> R + Sync) -> Vec<Option<R>> {
    // What a panic leaves behind is never looked at again: the items are shared and do not change.
    let guarded = |item: &T| catch_unwind(AssertUnwindSafe(|| function(item))).ok();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = threads.min(THREADS_MAX).min(items.len());
    if threads < 2 {
        return items.iter().map(guarded).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            done.push((index, guarded(item)));
        }
        done
    };
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        // A worker does not panic: what could is guarded. One that does all the same has no results.
        let theirs = others.into_iter().filter_map(|worker| worker.join().ok()).flatten();
        for (index, result) in mine.into_iter().chain(theirs) {
            if let Some(place) = results.get_mut(index) {
                *place = result;
            }
        }
    });
    results
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_order_and_a_panic_costs_one_of_them() {
        let items: Vec<usize> = (0..1000).collect();
        let results = map(&items, |item| {
            assert_ne!(*item, 500, "a bug");
            item * 2
        });
        assert_eq!(results.len(), 1000);
        for (index, result) in results.into_iter().enumerate() {
            assert_eq!(result, (index != 500).then_some(index * 2));
        }
        assert!(map(&[], |(): &()| ()).is_empty());
    }
}
