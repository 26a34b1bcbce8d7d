//! [`Pool`]: the threads that judge. A request takes its turn, and is left out where nobody waits for its answer any more.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::sync::oneshot;

/// Something to be done by a thread of the pool.
type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// Threads that work off what waits: what is light before what is heavy, and each in its order.
pub(super) struct Pool<T> {
    queue: Arc<Queue<T>>,
}

struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    wake: Condvar,
}

struct Waiting<T> {
    light: VecDeque<Job<T>>,
    heavy: VecDeque<Job<T>>,
    is_closed: bool,
}

struct Job<T> {
    work: Work<T>,
    until: Instant,
    reply: oneshot::Sender<T>,
}

impl<T: Send + 'static> Pool<T> {
    /// Starts the threads. How many jobs wait is for who brings them to bound.
    pub(super) fn new(threads: NonZeroUsize) -> Self {
        let waiting =
            Mutex::new(Waiting { light: VecDeque::new(), heavy: VecDeque::new(), is_closed: false });
        let queue = Arc::new(Queue { waiting, wake: Condvar::new() });
        for number in 0..threads.get() {
            let queue = queue.clone();
            let started = thread::Builder::new().name(format!("judge-{number}")).spawn(move || queue.work());
            if let Err(error) = started {
                tracing::error!(%error, "a thread that judges cannot be started");
            }
        }
        Self { queue }
    }

    /// Has something done. What is received is an error where it was not done in time, or failed.
    pub(super) fn submit(
        &self,
        until: Instant,
        is_heavy: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Box::new(work), until, reply };
        let mut waiting = self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if is_heavy {
            waiting.heavy.push_back(job);
        } else {
            waiting.light.push_back(job);
        }
        drop(waiting);
        self.queue.wake.notify_one();
        answer
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        self.queue.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.queue.wake.notify_all();
    }
}

impl<T> Queue<T> {
    fn work(&self) {
        while let Some(job) = self.next() {
            if job.reply.is_closed() || job.until <= Instant::now() {
                continue;
            }
            // A bug that one request meets must not take the others down.
            let Ok(answer) = catch_unwind(AssertUnwindSafe(job.work)) else {
                tracing::error!("judging a request failed");
                continue;
            };
            if job.reply.send(answer).is_err() {
                tracing::debug!("nobody waits for an answer any more");
            }
        }
    }

    fn next(&self) -> Option<Job<T>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let waits = &mut *waiting;
            if let Some(job) = waits.light.pop_front().or_else(|| waits.heavy.pop_front()) {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_job_that_fails_takes_no_thread_down() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let soon = || Instant::now() + Duration::from_mins(1);
        assert!(pool.submit(soon(), false, || panic!("a bug")).await.is_err());
        assert_eq!(pool.submit(soon(), false, || 1).await, Ok(1));
        assert!(pool.submit(Instant::now(), true, || 2).await.is_err());
    }

    #[tokio::test]
    async fn what_is_light_comes_before_what_is_heavy() {
        let pool = Pool::new(NonZeroUsize::MIN);
        let soon = Instant::now() + Duration::from_mins(1);
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = pool.submit(soon, false, move || {
            let _is_open = gate.recv();
        });
        let told = |word: &'static str| {
            let order = order.clone();
            move || order.lock().unwrap_or_else(PoisonError::into_inner).push(word)
        };
        let heavy = pool.submit(soon, true, told("heavy"));
        let light = pool.submit(soon, false, told("light"));
        drop(open);
        assert_eq!((first.await, light.await, heavy.await), (Ok(()), Ok(()), Ok(())));
        assert_eq!(*order.lock().unwrap_or_else(PoisonError::into_inner), ["light", "heavy"]);
    }
}
