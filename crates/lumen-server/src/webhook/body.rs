//! [`Bodies`]: takes the bodies of requests, each within its own bound and all within one.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::Refused;

/// How much of a body that is too long is read: what its answer must repeat stands there.
const BEGINNING_BYTES: usize = 16 << 10;

/// What a permit stands for.
const UNIT: usize = 1 << 10;

/// A body that is longer is heavy: judging it takes long. All that are take half of what there is at most, so that whoever sends
/// many keeps out nobody but those who do the same.
const HEAVY_BYTES: usize = 256 << 10;

/// How much is taken.
pub(super) struct Bodies {
    each_max: usize,
    /// What all may take yet, in [`UNIT`]s.
    left: Arc<Semaphore>,
    /// What heavy ones may take yet of it.
    left_for_heavy: Arc<Semaphore>,
}

/// A body, and the memory that it may take for as long as it lives.
pub(super) struct Received {
    pub(super) bytes: Vec<u8>,
    _memory: Memory,
}

impl Received {
    pub(super) const fn is_heavy(&self) -> bool {
        self.bytes.len() > HEAVY_BYTES
    }
}

/// What a body has taken of the memory for all, and of that for heavy ones.
#[derive(Default)]
struct Memory {
    of_all: Option<OwnedSemaphorePermit>,
    of_heavy: Option<OwnedSemaphorePermit>,
}

/// Takes as many permits as are missing to so many bytes.
fn grow(
    taken: &mut Option<OwnedSemaphorePermit>,
    left: &Arc<Semaphore>,
    bytes: usize,
) -> Result<(), Refused> {
    let has = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = u32::try_from(bytes.div_ceil(UNIT).saturating_sub(has)).unwrap_or(u32::MAX);
    if more == 0 {
        return Ok(());
    }
    let more = left.clone().try_acquire_many_owned(more).map_err(|_| Refused::Overload)?;
    match taken {
        Some(taken) => taken.merge(more),
        none => *none = Some(more),
    }
    Ok(())
}

/// Why a body was not taken, and what had come of it where it was too long.
pub(super) struct NotReceived {
    pub(super) why: Refused,
    pub(super) beginning: Vec<u8>,
}

impl From<Refused> for NotReceived {
    fn from(why: Refused) -> Self {
        Self { why, beginning: Vec::new() }
    }
}

impl Bodies {
    pub(super) fn new(each_max: usize, all_max: usize) -> Self {
        let units = (all_max.max(each_max) / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        let heavy = (units / 2).max(each_max.div_ceil(UNIT)).min(units);
        let left = |units| Arc::new(Semaphore::new(units));
        Self { each_max, left: left(units), left_for_heavy: left(heavy) }
    }

    /// Takes a body of JSON. Only bytes that have come count: who announces many and sends none keeps nobody out.
    pub(super) async fn receive(
        &self,
        headers: &HeaderMap,
        body: Body,
        deadline: Instant,
    ) -> Result<Received, NotReceived> {
        let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
        });
        if !is_json {
            return Err(Refused::ContentType.into());
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let is_too_long = length.is_some_and(|length| length > self.each_max);
        let most = if is_too_long { BEGINNING_BYTES } else { self.each_max };
        let received = timeout_at(deadline.into(), self.collect(body, most)).await;
        received.unwrap_or_else(|_| Err(Refused::TooSlow.into()))
    }

    async fn collect(&self, mut body: Body, most: usize) -> Result<Received, NotReceived> {
        let mut bytes = Vec::new();
        let mut memory = Memory::default();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refused::BrokeOff)?.into_data() else { continue };
            if data.len() > most.saturating_sub(bytes.len()) {
                bytes.extend_from_slice(&data);
                bytes.truncate(BEGINNING_BYTES);
                return Err(NotReceived { why: Refused::TooLong, beginning: bytes });
            }
            let length = bytes.len() + data.len();
            grow(&mut memory.of_all, &self.left, length)?;
            if length > HEAVY_BYTES {
                grow(&mut memory.of_heavy, &self.left_for_heavy, length)?;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Received { bytes, _memory: memory })
    }
}
