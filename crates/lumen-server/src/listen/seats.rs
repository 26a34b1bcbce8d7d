//! [`Seats`]: the places that connections have, and who has to go when they are all taken.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// So many open requests are no trouble, whoever has them: more than API servers have where all places to be judged are taken.
const REQUESTS_MAX: usize = 2_048;
/// So many may each connection have even beyond that.
const SHARE: usize = 16;

/// The places.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    most: usize,
    taken: Mutex<BTreeMap<u64, Arc<Seat>>>,
    /// Requests of all connections that are being answered.
    requests: Arc<AtomicUsize>,
    next: AtomicU64,
}

/// What is known of one connection.
pub(super) struct Seat {
    began: Instant,
    /// Requests that are being answered, of this connection and of all.
    busy: AtomicUsize,
    requests: Arc<AtomicUsize>,
    /// Whether it brought a request yet.
    used: AtomicBool,
    /// Milliseconds from `began` to when it last did something.
    last: AtomicU64,
    dismissed: Notify,
    is_dismissed: AtomicBool,
}

/// A taken place; it is free again when this is dropped.
pub(super) struct Seated {
    seats: Arc<Seats>,
    number: u64,
    seat: Arc<Seat>,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
            taken: Mutex::default(),
            requests: Arc::default(),
            next: AtomicU64::new(0),
        }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, as soon as there is one.
    pub(super) async fn sit(seats: &Arc<Self>) -> Option<Seated> {
        let permit = match seats.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => seats.make_room().await?,
        };
        let number = seats.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat::new(seats.requests.clone()));
        // Nobody sits here yet, and so nobody can be sent away.
        seat.busy.fetch_add(1, Ordering::Relaxed);
        seats.taken().insert(number, seat.clone());
        Some(Seated { seats: seats.clone(), number, seat, _permit: permit })
    }

    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            self.dismiss_one();
            // Where nobody could be sent away just now, somebody can a little later.
            let room = self.free.clone().acquire_owned();
            if let Ok(permit) = tokio::time::timeout(Duration::from_millis(100), room).await {
                return permit.ok();
            }
        }
    }

    /// Sends the connection away that did nothing for the longest time.
    fn dismiss_one(&self) {
        let taken = self.taken();
        let idle =
            taken.values().filter(|seat| !seat.is_busy() && !seat.is_dismissed.load(Ordering::Relaxed));
        let idlest = idle.min_by_key(|seat| {
            (
                seat.used.load(Ordering::Relaxed),
                seat.began + Duration::from_millis(seat.last.load(Ordering::Relaxed)),
            )
        });
        if let Some(seat) = idlest {
            seat.is_dismissed.store(true, Ordering::Relaxed);
            seat.dismissed.notify_one();
        }
    }

    /// Done when no place is taken.
    pub(super) async fn all_empty(&self) {
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        if self.free.acquire_many(all).await.is_err() {
            tracing::debug!("the places are gone");
        }
    }
}

impl Seated {
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.taken().remove(&self.number);
    }
}

impl Seat {
    fn new(requests: Arc<AtomicUsize>) -> Self {
        Self {
            began: Instant::now(),
            busy: AtomicUsize::new(0),
            requests,
            used: AtomicBool::new(false),
            last: AtomicU64::new(0),
            dismissed: Notify::new(),
            is_dismissed: AtomicBool::new(false),
        }
    }

    fn touch(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// The connection is there.
    pub(super) fn came(&self) {
        self.touch();
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes a request, until what this gives is dropped.
    pub(super) fn busy(self: Arc<Self>) -> Busy {
        self.used.store(true, Ordering::Relaxed);
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Whether it has more requests open than its share, while there are more than can be answered: each takes memory until its
    /// body is there.
    pub(super) fn is_greedy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > REQUESTS_MAX && self.busy.load(Ordering::Relaxed) > SHARE
    }

    pub(super) fn is_unused(&self) -> bool {
        !self.used.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle_for(&self, time: Duration) -> bool {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        !self.is_busy() && self.began.elapsed().saturating_sub(last) >= time
    }

    /// Done when the connection has to go.
    pub(super) async fn dismissed(&self) {
        self.dismissed.notified().await;
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Seat>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_never_asked_goes_first_and_who_is_busy_stays() {
        let seats = Arc::new(Seats::new(3));
        let mut guests = Vec::new();
        for _ in 0..3 {
            let seated = Seats::sit(&seats).await.expect("a place");
            seated.seat().came();
            guests.push(seated);
        }
        let busy = guests[0].seat().clone().busy();
        drop(guests[1].seat().clone().busy());
        seats.dismiss_one();
        let dismissed = |guest: &Seated| guest.seat().is_dismissed.load(Ordering::Relaxed);
        assert_eq!(guests.iter().map(dismissed).collect::<Vec<_>>(), [false, false, true]);
        seats.dismiss_one();
        assert_eq!(guests.iter().map(dismissed).collect::<Vec<_>>(), [false, true, true]);
        seats.dismiss_one();
        assert!(!dismissed(&guests[0]));
        drop(busy);
        guests.pop();
        assert!(Seats::sit(&seats).await.is_some());
        guests.clear();
        seats.all_empty().await;
    }
}
